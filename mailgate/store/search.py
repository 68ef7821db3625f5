"""How are texts found by their words? An index of each database's own kind: FTS5 on SQLite, tsvector with GIN on PostgreSQL.

Words come folded (see desk/words), so that both find the same. They are quoted one by one: nothing that a sender writes is syntax here.
Articles are indexed as they are written. What messages say is indexed later, in bounded batches, because doing it with each mail would
cost more than all the rest of the mail; until then a search reads those few messages themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, func, select

from mailgate.desk.model import TicketId, Visibility
from mailgate.desk.words import plain
from mailgate.store import facts, schema
from mailgate.store.engine import Tx, driven

# So many words are looked for at once, and so many tickets are found.
_MOST_WORDS = 40
_MOST_ALL = 10
_MOST_ROWS = 10_000


class Index(StrEnum):
    """What is indexed; the name of a table that the schema does not describe."""

    ARTICLES = "article_words"
    MESSAGES = "message_words"


# Each database's own words, for the index `words_of`.
_SQLITE = {
    "add": "INSERT INTO words_of (rowid, words) VALUES (?, ?)",
    "remove": "INSERT INTO words_of (words_of, rowid, words) VALUES ('delete', ?, ?)",
    "clear": "INSERT INTO words_of (words_of) VALUES ('delete-all')",
    "any": "SELECT rowid FROM words_of WHERE words_of MATCH ? ORDER BY rank LIMIT ?",
    "all": "SELECT rowid FROM words_of WHERE words_of MATCH ? ORDER BY rowid DESC LIMIT ?",
}
_POSTGRESQL = {
    "add": "INSERT INTO words_of (row, words) VALUES (%s, to_tsvector('simple', %s)) ON CONFLICT DO NOTHING",
    "remove": "DELETE FROM words_of WHERE row = %s AND %s::text IS NOT NULL",
    "clear": "DELETE FROM words_of",
    "any": (
        "SELECT row FROM words_of, to_tsquery('simple', %s) wanted WHERE words @@ wanted ORDER BY ts_rank(words, wanted) DESC, row LIMIT %s"
    ),
    "all": "SELECT row FROM words_of WHERE words @@ to_tsquery('simple', %s) ORDER BY row DESC LIMIT %s",
}


def _run(tx: Tx, what: str, index: Index, *values: object) -> Any:
    sql = (_SQLITE if tx.dialect.name == "sqlite" else _POSTGRESQL)[what]
    return driven(tx, sql.replace("words_of", index), values)


def add(tx: Tx, index: Index, row: int, words: str) -> None:
    """The row is found by these words from now on. It was not in the index."""
    _run(tx, "add", index, row, words)


def remove(tx: Tx, index: Index, row: int, words: str) -> None:
    """The row is found no more. `words` are those that it was added with."""
    _run(tx, "remove", index, row, words)


def clear(tx: Tx, index: Index) -> None:
    """Nothing is found any more, and no word of what was is kept."""
    _run(tx, "clear", index)


def with_any(tx: Tx, index: Index, words: Sequence[str], most: int) -> list[int]:
    """The rows that have one of these words, those that fit best first."""
    if not words:
        return []
    both = {"sqlite": (" OR ", '"{}"'), "postgresql": (" | ", "'{}'")}
    between, quoted = both[tx.dialect.name]
    wanted = between.join(quoted.format(word) for word in words[:_MOST_WORDS])
    return [int(row[0]) for row in _run(tx, "any", index, wanted, most).fetchall()]


def with_all(tx: Tx, index: Index, words: Sequence[str], most: int) -> list[int]:
    """The rows that have all of these words, or longer words that begin so; the newest first."""
    if not words:
        return []
    both = {"sqlite": (" ", '"{}"*'), "postgresql": (" & ", "'{}':*")}
    between, quoted = both[tx.dialect.name]
    wanted = between.join(quoted.format(word) for word in words[:_MOST_ALL])
    return [int(row[0]) for row in _run(tx, "all", index, wanted, most).fetchall()]


# --------------------------------------------------------------------------------------------------------- what messages say


def tickets(tx: Tx, text: str) -> list[TicketId]:
    """The tickets of which one message, together with the subject, says all words of this text; the newest message first.

    What nobody but technicians who ask for it may read is not looked through.
    """
    wanted = plain(text)
    said = schema.messages
    if not wanted:
        return []
    found = _not_yet(tx, wanted)
    rows = with_all(tx, Index.MESSAGES, wanted, _MOST_ROWS)
    for at in range(0, len(rows), 500):
        some = select(said.c.ticket).where(said.c.id.in_(rows[at : at + 500])).order_by(said.c.id.desc())
        found += tx.execute(some).scalars()
    return [TicketId(one) for one in dict.fromkeys(found)]


def _not_yet(tx: Tx, wanted: Sequence[str]) -> list[int]:
    """Tickets whose newest messages are in no index yet and say these words: those few are read."""
    unread = _from(_indexed(tx)).where(schema.messages.c.visibility != Visibility.HIDDEN).order_by(schema.messages.c.id.desc())
    return [row.ticket for row in tx.execute(unread) if _says(_words(row.subject, row.text), wanted)]


def _says(said: str, wanted: Sequence[str]) -> bool:
    """Whether each of these words is there, or a longer one that begins so; `said` are words with blanks between."""
    return all(f" {word}" in f" {said}" for word in wanted[:_MOST_ALL])


def _from(number: int) -> Select[Any]:
    """What was said behind that message, and about what."""
    said, about = schema.messages, schema.tickets
    columns = (said.c.id, said.c.ticket, said.c.text, said.c.visibility, about.c.subject)
    return select(*columns).join(about, about.c.id == said.c.ticket).where(said.c.id > number)


def catch_up(tx: Tx, most: int) -> int:
    """Indexes so many more messages; returns how many there were. Of two that catch up at once the second waits for the first."""
    rows = tx.execute(_from(_indexed(tx, lock=True)).order_by(schema.messages.c.id).limit(most)).all()
    for row in rows:
        if row.visibility != Visibility.HIDDEN:
            add(tx, Index.MESSAGES, row.id, _words(row.subject, row.text))
    if rows:
        facts.put(tx, facts.INDEXED, str(rows[-1].id))
    return len(rows)


def behind(tx: Tx) -> bool:
    """Whether there are messages that are in no index yet."""
    return int(tx.execute(select(func.max(schema.messages.c.id))).scalar() or 0) > _indexed(tx)


def forget_messages(tx: Tx, ticket: TicketId) -> None:
    """What was said in this ticket, and is about to go, is found no more."""
    said, indexed = schema.messages, _indexed(tx)
    for row in tx.execute(_from(0).where(said.c.ticket == ticket, said.c.id <= indexed, said.c.visibility != Visibility.HIDDEN)).all():
        remove(tx, Index.MESSAGES, row.id, _words(row.subject, row.text))


def forget(tx: Tx) -> None:
    """No word of what messages said is kept; they are indexed anew from the first on."""
    clear(tx, Index.MESSAGES)
    facts.forget(tx, facts.INDEXED)


def _words(subject: str, text: str) -> str:
    return " ".join(plain(f"{subject}\n{text}"))


def _indexed(tx: Tx, *, lock: bool = False) -> int:
    """Up to which message everything is indexed."""
    if lock and tx.dialect.name != "sqlite":
        driven(tx, "SELECT pg_advisory_xact_lock(hashtext('message_words'))")
    return int(facts.get(tx, facts.INDEXED) or 0)
