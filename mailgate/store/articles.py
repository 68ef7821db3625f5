"""How are articles kept and found? Rows to `Article` values and back, and the index of their words. Times are UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import and_, bindparam, delete, false, func, or_, select, update

from mailgate.desk import suggestions
from mailgate.desk.article import Article, Found, Origin, Seen, first_line
from mailgate.desk.model import Address, State, Status, TicketId
from mailgate.desk.suggestions import Candidate, terms
from mailgate.desk.words import words
from mailgate.desk.workflow import STATES
from mailgate.store import schema, search
from mailgate.store.engine import Tx, insert
from mailgate.store.search import Index
from mailgate.store.statement import Statement

_a = schema.articles
# So many articles are looked at for a mail, and so many are found by a search.
_MOST_LOOKED_AT = 20
_MOST_FOUND = 10
# A solution that did not hold is suggested to nobody.
_SOLVED = tuple(status for status, state in STATES.items() if state in (State.RESOLVED, State.CLOSED))


class Kept(Struct, frozen=True):
    """An article and when it was made and last changed."""

    article: Article
    made: datetime
    changed: datetime


def get(tx: Tx, ticket: TicketId) -> Article | None:
    """The article of a ticket."""
    row = tx.execute(select(_a).where(_a.c.ticket == ticket)).one_or_none()
    return _article(row) if row else None


def listed(tx: Tx, rows: Sequence[int] | None = None) -> list[Kept]:
    """All articles, or these, by their numbers."""
    statement = select(_a).order_by(_a.c.ticket)
    found = tx.execute(statement if rows is None else statement.where(_a.c.ticket.in_(rows)))
    return [Kept(_article(row), row.made, row.changed) for row in found]


def put(tx: Tx, article: Article, now: datetime) -> None:
    """Keeps an article over what was there, or takes it out where it is gone; the index follows."""
    _unindex(tx, article.ticket)
    if article.gone:
        tx.execute(delete(_a).where(_a.c.ticket == article.ticket))
        return
    title, further = terms(article)
    values = {
        "desk": article.desk, "title": article.title, "problem": article.problem, "solution": article.solution, "author": article.author,
        "internal": article.internal, "borrowed": " ".join(article.borrowed), "title_words": title, "further_words": further,
        "changed": now,
    }  # fmt: skip
    statement = insert(tx, _a).values(ticket=article.ticket, made=now, **values)
    tx.execute(statement.on_conflict_do_update(index_elements=["ticket"], set_=values))
    search.add(tx, Index.ARTICLES, article.ticket, f"{title} {further}")


def _unindex(tx: Tx, ticket: TicketId) -> None:
    row = tx.execute(select(_a.c.title_words, _a.c.further_words).where(_a.c.ticket == ticket)).one_or_none()
    if row is not None:
        search.remove(tx, Index.ARTICLES, ticket, f"{row.title_words} {row.further_words}")


def forget_words_of(tx: Tx, requested: Any) -> None:
    """No article keeps the words of those who asked for these tickets; the technicians' own words stay. `requested` are numbers."""
    for row in tx.execute(select(_a).where(_a.c.ticket.in_(requested), _a.c.borrowed != "")).all():
        article = _article(row)
        title = first_line(article.solution) if "title" in article.borrowed else article.title
        problem = "" if "problem" in article.borrowed else article.problem
        put(tx, replace(article, title=title, problem=problem, borrowed=()), row.changed)


def reindex(tx: Tx) -> None:
    """The index is made anew from the articles as they are: no word is kept that stands in none."""
    search.clear(tx, Index.ARTICLES)
    for row in tx.execute(select(_a)).all():
        title, further = terms(_article(row))
        tx.execute(update(_a).where(_a.c.ticket == row.ticket).values(title_words=title, further_words=further))
        search.add(tx, Index.ARTICLES, row.ticket, f"{title} {further}")


# ----------------------------------------------------------------------------------------------------------------- finding

_COUNT = Statement(lambda _: select(func.count().label("total")).select_from(_a).where(_a.c.desk == bindparam("of_desk")))
_FITTING = Statement(lambda database: (
    select(_a).outerjoin(schema.tickets, schema.tickets.c.id == _a.c.ticket)
    .where(
        database.among(_a.c.ticket, "rows"), _a.c.desk == bindparam("of_desk"), _a.c.internal == false(),
        or_(schema.tickets.c.id.is_(None),
            and_(schema.tickets.c.confidential == false(), database.among(schema.tickets.c.status, "solved"))),
    )
))  # fmt: skip


def suggested(tx: Tx, desk: str, subject: str, text: str) -> tuple[Article, ...]:
    """The public articles of a desk that may help whoever writes this. Costs next to nothing where it has none."""
    total = _COUNT.row(tx, {"of_desk": desk}).total
    asked = suggestions.asked(subject, text) if total else ()
    rows = search.with_any(tx, Index.ARTICLES, asked, _MOST_LOOKED_AT)
    if not rows:
        return ()
    found = _FITTING.rows(tx, {"rows": rows, "of_desk": desk, "solved": list(_SOLVED)})
    candidates = [Candidate(_article(row), frozenset(row.title_words.split()), frozenset(row.further_words.split())) for row in found]
    return suggestions.chosen(asked, candidates, total)


def numbers(tx: Tx, text: str, most: int = _MOST_FOUND) -> list[int]:
    """The numbers of the articles that have all words of this text, the newest first."""
    return search.with_all(tx, Index.ARTICLES, words(text), most)


def found(tx: Tx, desk: str, text: str) -> Found:
    """What a technician finds on his desk: up to ten tickets and ten articles, the newest first."""
    table = schema.tickets
    order = {number: at for at, number in enumerate(search.tickets(tx, text)[:200])}
    wanted = select(table.c.id, table.c.subject, table.c.status, table.c.confidential).where(table.c.id.in_(order), table.c.desk == desk)
    rows = sorted(tx.execute(wanted).all() if order else (), key=lambda row: order[row.id])[:_MOST_FOUND]
    seen = (Seen(TicketId(one.id), "" if one.confidential else one.subject, Status(one.status), one.confidential) for one in rows)
    return Found(text, tuple(seen), tuple(one.article for one in _articles(tx, desk, text)))


def _articles(tx: Tx, desk: str, text: str) -> list[Kept]:
    rows = numbers(tx, text, 50)
    if not rows:
        return []
    kept = listed(tx, rows)
    secret = select(schema.tickets.c.id).where(schema.tickets.c.id.in_([one.article.ticket for one in kept]), schema.tickets.c.confidential)
    hidden = set(tx.execute(secret).scalars())
    return [one for one in reversed(kept) if one.article.desk == desk and one.article.ticket not in hidden][:_MOST_FOUND]


_OPENING = Statement(lambda _: (
    select(schema.messages.c.text, schema.messages.c.author_name)
    .where(schema.messages.c.ticket == bindparam("ticket")).order_by(schema.messages.c.id).limit(1)
))  # fmt: skip


def origin(tx: Tx, ticket: TicketId) -> Origin:
    """What an article of this ticket is made of, and the article that there is."""
    said = _OPENING.row(tx, {"ticket": ticket})
    return Origin(said.text if said else "", said.author_name if said else "", get(tx, ticket))


def _article(row: Any) -> Article:
    return Article(
        TicketId(row.ticket), row.desk, row.title, row.problem, row.solution, Address(row.author), row.internal,
        tuple(row.borrowed.split()),
    )  # fmt: skip
