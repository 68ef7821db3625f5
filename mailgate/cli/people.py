"""Who is who, beside people.toml: `people list`, `add`, `import`."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from mailgate.cli import show
from mailgate.cli.opened import opened
from mailgate.desk.errors import Permanent
from mailgate.desk.model import Person, Role, fold_address

_COLUMNS = ("address", "name", "role", "team", "manager", "aliases", "skills", "language", "timezone")


@click.group()
def people() -> None:
    """Technicians, managers, approvers, known requesters."""


@people.command("list")
@click.option("--role", type=click.Choice([one.value for one in Role]))
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_(config: Path | None, role: str | None, as_json: bool) -> None:
    """List everybody with a role or a name."""
    from mailgate.store.people import directory

    with opened(config) as known, known.store.look() as tx:
        found = [one for one in directory(tx, known.settings.people).people if role is None or one.role == role]
    if as_json:
        for one in found:
            show.out_json({
                "address": one.address, "name": one.name, "role": one.role, "team": one.team, "manager": one.manager,
                "aliases": list(one.aliases), "skills": list(one.skills), "language": one.language, "timezone": one.timezone,
            })  # fmt: skip
        return
    rows = ((one.address, one.name, one.role, one.team, one.language) for one in found)
    show.table(("ADDRESS", "NAME", "ROLE", "TEAM", "LANGUAGE"), rows)


@people.command()
@click.argument("address")
@click.option("--name", default="")
@click.option("--role", type=click.Choice([one.value for one in Role]), default=Role.REQUESTER.value)
@click.option("--team")
@click.option("--manager", help="An address.")
@click.option("--alias", "aliases", multiple=True, help="Another address of the same person; may be repeated.")
@click.option("--language")
@click.pass_obj
def add(
    config: Path | None, address: str, name: str, role: str, team: str | None, manager: str | None, aliases: tuple[str, ...],
    language: str | None,
) -> None:  # fmt: skip
    """Add somebody, or change what is known of an address."""
    from mailgate.store.people import put

    person = Person(
        fold_address(address), name, Role(role), tuple(fold_address(one) for one in aliases), team,
        fold_address(manager) if manager else None, (), language,
    )  # fmt: skip
    with opened(config, create=True) as known, known.store.begin() as tx:
        put(tx, _checked(person))
    click.echo(f"{person.address} is known as {person.role}")


@people.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE.csv")
@click.pass_obj
def import_(config: Path | None, file: Path) -> None:
    """Add everybody of a CSV file; its first line names the columns, `address` among them. All of it or nothing."""
    from mailgate.store.people import put

    found = _read(file)
    with opened(config, create=True) as known, known.store.begin() as tx:
        for person in found:
            put(tx, person)
    click.echo(f"{len(found)} people")


def _read(file: Path) -> list[Person]:
    """Everybody in the file. Raises Permanent with a line for each that cannot be."""
    found, wrong = [], []
    with file.open(encoding="utf-8-sig", newline="") as text:
        rows = csv.DictReader(text)
        heads = [head.strip().lower() for head in rows.fieldnames or ()]
        unknown = [head for head in heads if head not in _COLUMNS]
        if "address" not in heads or unknown:
            raise _no_person(f"{file}:1: columns are {', '.join(_COLUMNS)}" + (f"; not {unknown[0]!r}" if unknown else ""))
        for row in rows:
            try:
                found.append(_checked(_person(heads, row)))
            except Permanent as error:
                wrong.append(f"{file}:{rows.line_num}: {error}")
    if wrong:
        raise _no_person("\n".join(wrong))
    return found


def _no_person(text: str) -> Permanent:
    return Permanent(text, code="people")


def _person(heads: Sequence[str], row: Mapping[str, str | None]) -> Person:
    # A line with more cells than heads has the surplus under None.
    if None in row:
        raise _no_person("more cells than columns")
    values = dict(zip(heads, ((value or "").strip() for value in row.values()), strict=True))
    role = values.get("role") or Role.REQUESTER.value
    if role not in list(Role):
        raise _no_person(f"{role!r} is no role; there are {', '.join(Role)}")
    manager = values.get("manager")
    aliases = tuple(fold_address(one) for one in _many(values.get("aliases")))
    return Person(
        fold_address(values["address"]),
        values.get("name", ""),
        Role(role),
        aliases,
        values.get("team") or None,
        fold_address(manager) if manager else None,
        _many(values.get("skills")),
        values.get("language") or None,
        values.get("timezone") or None,
    )


def _many(cell: str | None) -> tuple[str, ...]:
    return tuple((cell or "").replace(";", " ").split())


def _checked(person: Person) -> Person:
    """The same person. Raises Permanent where one of the addresses is none."""
    from mailgate.mail.header import address

    for one in (*person.addresses, *((person.manager,) if person.manager else ())):
        address(one)
    return person
