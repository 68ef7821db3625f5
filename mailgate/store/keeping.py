"""How are rows kept safe, and how are they forgotten? A copy while the daemon runs; erasure of a person from every table."""

from __future__ import annotations

import json
import os
import re
import secrets
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, LargeBinary, Table, delete, func, or_, select, update

from mailgate.desk.errors import Misconfigured, Permanent
from mailgate.desk.model import Address
from mailgate.store import articles, digests, facts, notices, registers, schema, search
from mailgate.store.engine import Store, Tx, Unavailable
from mailgate.store.inbox import FINAL, InboxState
from mailgate.store.outbox import WAITING, OutboxState

_GONE = "(erased)"
# Of a name, words that are longer than an initial; and the fields of a ticket in which a technician may have used one.
_INITIAL = 2
_WORDED = ("resolution", "closure_note")
# So many rows are in memory at once while octets are looked through.
_CHUNK = 50


def copy(store: Store, file: Path, now: datetime) -> None:
    """A consistent copy of an SQLite database, mode 0600. It is marked: a daemon that opens it holds its letters and timers.

    Raises Misconfigured for PostgreSQL, whose own tools do this, Permanent where the file is there already or cannot be made; Unavailable
    where the copy cannot be finished: then there is none.
    """
    if not store.sqlite:
        raise Misconfigured("backup: a PostgreSQL database is copied by pg_dump or its own backups")
    try:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise Permanent(f"{file}: there is such a file already", code="backup") from None
    except OSError as error:
        raise Permanent(f"{file}: {error.strerror}", code="backup") from None
    try:
        with closing(sqlite3.connect(store.path)) as source, closing(sqlite3.connect(file)) as target:
            source.backup(target)
            # One file, without a log beside it.
            target.execute("PRAGMA journal_mode=DELETE")
            why = f"restored from the backup of {now.isoformat(timespec='seconds')}"
            target.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (facts.HOLD, why))
            target.commit()
    except sqlite3.Error as error:
        file.unlink()
        raise Unavailable(f"{file}: {error}") from error


def erase(store: Store, address: Address, now: datetime) -> dict[str, int]:
    """Removes a person: what he wrote and was written to him goes, his address becomes a pseudonym wherever else it stood.

    Returns how many rows of each table were touched. An SQLite file is rewritten, so that nothing remains in its free pages: raises
    Unavailable where that could not be done for now, and erasing again finishes it. What PostgreSQL keeps in dead rows goes with VACUUM.
    """
    person = _Person(address, f"erased-{secrets.token_hex(6)}@erased.invalid")
    with store.begin() as tx:
        gone = {"mails": _blank_mails(tx, address, now), "letters": _blank_letters(tx, address, now), "messages": _blank_words(tx, address)}
        _end_notices(tx, address, now)
        for table in schema.metadata.sorted_tables:
            gone[table.name] = gone.get(table.name, 0) + _rename(tx, table, person)
        # An index keeps the words of what it was made of.
        articles.reindex(tx)
        search.forget(tx)
    if store.sqlite:
        _scrub(store)
    return {what: count for what, count in gone.items() if count}


# ------------------------------------------------------------------------------------------------------ what the person wrote


def _blank_mails(tx: Tx, address: Address, now: datetime) -> int:
    """The mails that name him as their writer, and those of others on his tickets, which quote him.

    One of his own that waits has come to its end. One that is being worked on keeps its octets.
    """
    table, pattern = schema.inbox, _Person(address, "").pattern
    his = table.c.ticket.in_(_tickets_of(address))
    named = or_(func.lower(table.c.sender).contains(address, autoescape=True), func.lower(table.c.envelope_from) == address)
    found = tx.execute(select(table.c.id, table.c.state, table.c.sender, table.c.envelope_from, his.label("his")).where(or_(named, his)))
    own = [(row, pattern.search(f"{row.sender} {row.envelope_from}")) for row in found if row.state != InboxState.CLAIMED]
    waiting = [row.id for row, wrote in own if wrote and row.state in (InboxState.RECEIVED, InboxState.HELD)]
    for ids in _chunks(waiting):
        tx.execute(update(table).where(table.c.id.in_(ids)).values(state=InboxState.IGNORED, reason="erased", finished_at=now))
    blank = [row.id for row, wrote in own if wrote or (row.his and row.state in FINAL)]
    for ids in _chunks(blank):
        tx.execute(update(table).where(table.c.id.in_(ids)).values(raw=b"", size=0, subject=_GONE, trail=None))
    return len(blank)


def _blank_letters(tx: Tx, address: Address, now: datetime) -> int:
    """Letters to the person and about his tickets, which quote him; all that left about tickets on which he was or decided; digests."""
    table, participants = schema.outbox, schema.participants
    his = table.c.ticket.in_(_tickets_of(address))
    present = table.c.ticket.in_(select(participants.c.ticket).where(participants.c.address == address))
    cancel = update(table).where(or_(table.c.recipient == address, his), table.c.state.in_(WAITING))
    tx.execute(cancel.values(state=OutboxState.CANCELLED, reason="erased", finished_at=now, owner=None, lease_until=None))
    asked = schema.approvals
    decided = select(asked.c.ticket).where(or_(asked.c.approver == address, asked.c.decided_by == address))
    among = table.c.id.in_(notices.digests_of(_tickets_of(address)))
    # Which tickets and mails a digest told of is not kept; none is read again.
    digest = table.c.cause_type == digests.CAUSE
    about_him = or_(table.c.recipient == address, his, present, table.c.ticket.in_(decided), among, digest)
    left = update(table).where(about_him, table.c.state.not_in(WAITING))
    return _count(tx.execute(left.values(octets=b"", relay_reply="")))


def _end_notices(tx: Tx, address: Address, now: datetime) -> None:
    """What he was to be told of clocks is told to nobody."""
    table = schema.notices
    waiting = update(table).where(table.c.person == address, table.c.state == notices.WAITING)
    tx.execute(waiting.values(state=notices.MOOT, reason="erased", finished_at=now))


def _blank_words(tx: Tx, address: Address) -> int:
    """His messages with the names of their files, the subjects of his tickets, and the reasons that he gave."""
    messages, files, tickets, events, people = schema.messages, schema.attachments, schema.tickets, schema.events, registers.people
    articles.forget_words_of(tx, _tickets_of(address))
    _blank_name(tx, address)
    _blank_reasons(tx, address)
    _blank_remarks(tx, address)
    his = select(messages.c.id).where(messages.c.author == address)
    tx.execute(update(files).where(files.c.message.in_(his)).values(filename=_GONE))
    tx.execute(update(tickets).where(tickets.c.requester == address).values(subject=_GONE))
    opened = select(events.c.id, events.c.changes).where(events.c.verb == "open", events.c.ticket.in_(_tickets_of(address)))
    for number, changes in tx.execute(opened).all():
        told = json.dumps({**json.loads(changes), "subject": _GONE}, ensure_ascii=False, separators=(",", ":"))
        tx.execute(update(events).where(events.c.id == number).values(changes=told))
    tx.execute(update(events).where(events.c.actor == address, events.c.note != "").values(note=_GONE))
    tx.execute(update(people).where(people.c.address == address).values(name=_GONE))
    facts.count(tx, facts.PEOPLE)
    return _count(tx.execute(update(messages).where(messages.c.author == address).values(text=_GONE, author_name="")))


def _blank_reasons(tx: Tx, address: Address) -> None:
    """Why he approved or rejected something goes, in his answer, its event and the ticket that it closed; and so do his links."""
    asked, events, tickets, links = schema.approvals, schema.events, schema.tickets, schema.secret_links
    tx.execute(delete(links).where(links.c.person == address))
    said = select(events.c.id, events.c.ticket, events.c.changes)
    for number, ticket, changes in tx.execute(said.where(events.c.actor == address, events.c.verb.in_(("approve", "reject")))).all():
        told = json.loads(changes)
        if "asks" not in told:
            continue
        if told.get("closure_note"):
            tx.execute(
                update(tickets).where(tickets.c.id == ticket, tickets.c.closure_note == told["closure_note"]).values(closure_note=_GONE)
            )
            told["closure_note"] = _GONE
        told["asks"] = [[*row[:-1], _GONE if row[-1] else None] for row in told["asks"]]
        tx.execute(update(events).where(events.c.id == number).values(changes=json.dumps(told, ensure_ascii=False, separators=(",", ":"))))
    tx.execute(update(asked).where(asked.c.decided_by == address, asked.c.why.is_not(None)).values(why=_GONE))


def _blank_remarks(tx: Tx, address: Address) -> None:
    """What he said about how he was helped goes, and his mark stays."""
    events, tickets = schema.events, schema.tickets
    said = select(events.c.id, events.c.ticket, events.c.changes).where(events.c.actor == address, events.c.verb == "csat")
    for number, ticket, changes in tx.execute(said).all():
        told = json.loads(changes)
        if told.get("remark"):
            tx.execute(update(tickets).where(tickets.c.id == ticket, tickets.c.remark == told["remark"]).values(remark=_GONE))
            kept = json.dumps({**told, "remark": _GONE}, ensure_ascii=False, separators=(",", ":"))
            tx.execute(update(events).where(events.c.id == number).values(changes=kept))


def _blank_name(tx: Tx, address: Address) -> None:
    """What he is called, in what others said to him and about his tickets. As it is written: whoever is called Will keeps every `will`."""
    messages, tickets, events, people = schema.messages, schema.tickets, schema.events, registers.people
    called = [*tx.execute(select(messages.c.author_name).where(messages.c.author == address).distinct()).scalars()]
    called += tx.execute(select(people.c.name).where(people.c.address == address)).scalars()
    names = {word for name in called for word in name.split() if len(word) > _INITIAL and word != _GONE}
    if not names:
        return
    pattern, his = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b"), _tickets_of(address)
    said = select(messages.c.id, messages.c.text).where(messages.c.ticket.in_(his), messages.c.author != address)
    for number, text in tx.execute(said).all():
        if pattern.search(text):
            tx.execute(update(messages).where(messages.c.id == number).values(text=pattern.sub(_GONE, text)))
    for row in tx.execute(select(tickets.c.id, *(tickets.c[one] for one in _WORDED)).where(tickets.c.id.in_(his))).all():
        worded = {one: pattern.sub(_GONE, words) for one in _WORDED if (words := getattr(row, one))}
        if worded:
            tx.execute(update(tickets).where(tickets.c.id == row.id).values(worded))
    for number, changes in tx.execute(select(events.c.id, events.c.changes).where(events.c.ticket.in_(his))).all():
        told = json.loads(changes)
        worded = {one: pattern.sub(_GONE, told[one]) for one in _WORDED if told.get(one)}
        if worded:
            kept = json.dumps({**told, **worded}, ensure_ascii=False, separators=(",", ":"))
            tx.execute(update(events).where(events.c.id == number).values(changes=kept))


def _tickets_of(address: Address) -> Any:
    return select(schema.tickets.c.id).where(schema.tickets.c.requester == address)


# ----------------------------------------------------------------------------------------------------- where else he is named


class _Person(Struct, frozen=True):
    """Whom to look for, and what stands in his place. Another address that only contains his is another person's."""

    address: Address
    pseudonym: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """The address in whatever case, with nothing around it that would make it part of a longer one."""
        return re.compile(rf"(?<![\w+%-])(?<!\w\.){re.escape(self.address)}(?![\w-]|\.\w)", re.IGNORECASE | re.ASCII)

    @property
    def octets(self) -> re.Pattern[bytes]:
        """The same in octets."""
        return re.compile(self.pattern.pattern.encode(), re.IGNORECASE)


def _rename(tx: Tx, table: Table, person: _Person) -> int:
    """The pseudonym instead of the address in every text and every octet string of a table. Returns how many rows had it."""
    texts = [column for column in table.columns if isinstance(column.type, schema.Text | LargeBinary)]
    if not texts:
        return 0
    keys = list(table.primary_key.columns)
    suspects = tx.execute(select(*keys).where(or_(*(_may_hold(column, person.address) for column in texts)))).all()
    touched = 0
    for key in suspects:
        this = [column == value for column, value in zip(keys, key, strict=True)]
        row = tx.execute(select(*texts).where(*this)).one()
        values = {name: renamed for name, value in row._mapping.items() if (renamed := _renamed(value, person)) != value}
        if not values:
            continue
        if isinstance(raw := values.get("raw"), bytes):
            values["size"] = len(raw)
        tx.execute(update(table).where(*this).values(values))
        touched += 1
    return touched


def _renamed(value: object, person: _Person) -> object:
    if isinstance(value, str):
        return person.pattern.sub(person.pseudonym, value)
    return person.octets.sub(person.pseudonym.encode(), value) if isinstance(value, bytes) else value


def _may_hold(column: Any, address: Address) -> ColumnElement[bool]:
    if isinstance(column.type, LargeBinary):
        # Neither database looks into octets without case; a mail spells an address as its sender liked, so each is looked at.
        return func.length(column) > 0
    return func.lower(column).contains(address, autoescape=True)


def _chunks(ids: list[int]) -> list[list[int]]:
    return [ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK)]


def _count(result: object) -> int:
    return int(getattr(result, "rowcount", 0))


def _scrub(store: Store) -> None:
    """Rewrites the file without its free pages, and empties the log beside it."""
    with store.engine().connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        try:
            raw.execute("VACUUM")
            busy = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{store.path}: erased, but the file could not be rewritten ({error}); erase again") from error
    if busy:
        raise Unavailable(f"{store.path}: erased, but somebody reads what was there before; erase again")
