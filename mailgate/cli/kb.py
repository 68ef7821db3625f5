"""The knowledge base from the shell: `kb list`, `show`, `search`. Articles are made by mail, or by `tickets command N "#kb"`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailgate.cli import DATA, show
from mailgate.cli.opened import Opened, opened

if TYPE_CHECKING:
    from mailgate.store.articles import Kept


@click.group()
def kb() -> None:
    """The knowledge base: list, show, search."""


@kb.command("list")
@click.option("--desk", help="Only the articles of this desk.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object an article, one line each.")
@click.pass_obj
def list_(config: Path | None, desk: str | None, as_json: bool) -> None:
    """List all articles, by the tickets that they come from."""
    from mailgate.store import articles

    with opened(config) as known, known.store.look() as tx:
        found = [one for one in articles.listed(tx) if desk in (None, one.article.desk)]
        _print(known, found, as_json=as_json)


@kb.command("show")
@click.argument("number", type=show.TicketNumber(), metavar="N")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def show_(config: Path | None, number: int, as_json: bool) -> int:
    """Show the article that was made of ticket N."""
    from mailgate.store import articles

    with opened(config) as known, known.store.look() as tx:
        found = articles.listed(tx, [number])
        if not found:
            click.echo(f"mailgate: there is no article of ticket {number}", err=True)
            return DATA
        if as_json:
            show.out_json(_json(found[0], known.tag(found[0].article.desk)))
            return 0
        _print_whole(found[0], known.tag(found[0].article.desk))
    return 0


@kb.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object an article, one line each.")
@click.pass_obj
def search(config: Path | None, words: tuple[str, ...], as_json: bool) -> None:
    """Find the articles that have all of these words, or words that begin so; the newest first."""
    from mailgate.store import articles

    with opened(config) as known, known.store.look() as tx:
        order = articles.numbers(tx, " ".join(words), 1_000)
        found = sorted(articles.listed(tx, order), key=lambda one: order.index(one.article.ticket))
        _print(known, found, as_json=as_json)


def _print(known: Opened, found: Sequence[Kept], *, as_json: bool) -> None:
    if as_json:
        for one in found:
            show.out_json(_json(one, known.tag(one.article.desk)))
        return
    rows = (
        (f"{known.tag(one.article.desk)}-{one.article.ticket}", "internal" if one.article.internal else "public", one.article.author,
         show.clock(one.changed), one.article.title)
        for one in found
    )  # fmt: skip
    show.table(("ARTICLE", "READERS", "AUTHOR", "CHANGED", "TITLE"), rows)


def _print_whole(one: Kept, tag: str) -> None:
    article = one.article
    click.echo(f"{tag}-{article.ticket}  {show.safe(article.title)}")
    readers = "internal" if article.internal else "public"
    click.echo(f"{readers}, made {show.clock(one.made)} by {article.author}, changed {show.clock(one.changed)}")
    for name, text in (("problem", article.problem), ("solution", article.solution)):
        if text:
            click.echo(f"\n{name}:")
            for line in show.safe_lines(text):
                click.echo(f"    {line}")


def _json(one: Kept, tag: str) -> show.Json:
    article = one.article
    return {
        "id": article.ticket, "tag": f"{tag}-{article.ticket}", "desk": article.desk, "title": article.title, "problem": article.problem,
        "solution": article.solution, "visibility": "internal" if article.internal else "public", "author": article.author,
        "created": show.iso(one.made), "updated": show.iso(one.changed),
    }  # fmt: skip
