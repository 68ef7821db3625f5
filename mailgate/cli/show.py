"""How does a value look on paper? Tables for people, ISO 8601 in UTC and bare numbers for JSON."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click

Json = dict[str, Any]


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with a Z, to the second unless there is more."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def clock(moment: datetime | None) -> str:
    """A time for people: local time of the machine, to the minute."""
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M")


def out_json(value: object) -> None:
    """One JSON document on one line, as it came: not escaped beyond need."""
    click.echo(json.dumps(value, ensure_ascii=False))


def safe(text: object) -> str:
    """Text from outside on one line, without anything that a terminal would obey."""
    return "".join(" " if char.isspace() else char for char in str(text) if char.isspace() or unicodedata.category(char)[0] != "C")


def safe_lines(text: str) -> Iterable[str]:
    """The lines of a text from outside, each safe for a terminal."""
    return (safe(line) for line in text.splitlines())


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns that line up, each as wide as it has to be and at most 48 characters."""
    cells = [[safe("" if cell is None else cell) for cell in row] for row in rows]
    shown = [[cell if len(cell) <= 48 else cell[:47] + "…" for cell in row] for row in cells]
    widths = [max(len(head), *(len(row[at]) for row in shown)) if shown else len(head) for at, head in enumerate(heads)]
    for row in ([*heads], *shown):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def value(found: object) -> str:
    """A field's new value for people: participants by role and address, lists with commas."""
    if not isinstance(found, tuple):
        return safe(found)
    people = [f"{one[1]} {one[0]}{'' if one[2] else ' (unconfirmed)'}" if isinstance(one, tuple) else str(one) for one in found]
    return safe(", ".join(people))


class TicketNumber(click.ParamType[int]):
    """A ticket as people name it: `7`, or `MG-7` as it stands in letters."""

    name = "ticket"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The bare number."""
        digits = str(value).strip("[]").rpartition("-")[2]
        if not (digits.isascii() and digits.isdigit()):
            self.fail(f"{value!r} is no ticket; write 7 or MG-7", param, ctx)
        return int(digits)
