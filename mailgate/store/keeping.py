"""How are rows kept safe, and how are they forgotten? A copy while the daemon runs; erasure of a person from every table."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from sqlalchemy import LargeBinary, Text, func, or_, select, update

from mailgate.desk.errors import Misconfigured
from mailgate.desk.model import Address
from mailgate.store import facts, schema
from mailgate.store.engine import Store, Tx
from mailgate.store.inbox import FINAL
from mailgate.store.outbox import WAITING


def copy(store: Store, file: Path, now: datetime) -> None:
    """A consistent copy of an SQLite database, mode 0600. It is marked: a daemon that opens it holds its letters and timers.

    Raises Misconfigured for PostgreSQL, whose own tools do this, and where the file is there already.
    """
    if not store.sqlite:
        raise Misconfigured("backup: a PostgreSQL database is copied by pg_dump or its own backups")
    try:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise Misconfigured(f"{file}: there is such a file already") from None
    except OSError as error:
        raise Misconfigured(f"{file}: {error.strerror}") from None
    with closing(sqlite3.connect(store.path)) as source, closing(sqlite3.connect(file)) as target:
        source.backup(target)
    kept = Store(f"sqlite:///{file}")
    with kept.begin() as tx:
        facts.put(tx, facts.HOLD, f"restored from the backup of {now.isoformat(timespec='seconds')}")
    kept.close()


def erase(store: Store, address: Address, now: datetime) -> dict[str, int]:
    """Removes a person: what he wrote and was written to him goes, his address becomes a pseudonym wherever else it stood.

    Returns how many rows of each table were touched. The free pages of an SQLite file are rewritten, so that nothing remains in it.
    """
    pseudonym = f"erased-{sha256(address.encode()).hexdigest()[:12]}@erased.invalid"
    with store.begin() as tx:
        gone = {
            "mails": _blank_mails(tx, address, now), "letters": _blank_letters(tx, address, now),
            "messages": _count(tx.execute(update(schema.messages).where(schema.messages.c.author == address).values(text="(erased)"))),
        }  # fmt: skip
        for table in schema.metadata.sorted_tables:
            touched = _rename(tx, table.name, address, pseudonym)
            gone[table.name] = gone.get(table.name, 0) + touched
    if store.sqlite:
        _scrub(store)
    return {what: count for what, count in gone.items() if count}


def _count(result: object) -> int:
    return int(getattr(result, "rowcount", 0))


def _blank_mails(tx: Tx, address: Address, now: datetime) -> int:
    table = schema.inbox
    mine = or_(func.lower(table.c.sender).contains(address, autoescape=True), func.lower(table.c.envelope_from) == address)
    stays = table.c.state.in_(FINAL)
    blank = update(table).where(mine, stays).values(raw=b"", size=0, subject="(erased)", sender=None, trail=None)
    return _count(tx.execute(blank))


def _blank_letters(tx: Tx, address: Address, now: datetime) -> int:
    """Letters to the person, and all that left about his tickets: they quote him."""
    table, tickets = schema.outbox, schema.tickets
    about = select(tickets.c.id).where(tickets.c.requester == address)
    cancel = update(table).where(table.c.recipient == address, table.c.state.in_(WAITING))
    tx.execute(cancel.values(state="cancelled", reason="erased", finished_at=now, owner=None, lease_until=None))
    left = update(table).where(or_(table.c.recipient == address, table.c.ticket.in_(about)), table.c.state.not_in(WAITING))
    return _count(tx.execute(left.values(octets=b"", relay_reply="")))


def _rename(tx: Tx, name: str, address: Address, pseudonym: str) -> int:
    """The pseudonym instead of the address in every text and every octet string of a table, whatever its case there."""
    table = schema.metadata.tables[name]
    keys = list(table.primary_key.columns)
    texts = [column for column in table.columns if isinstance(column.type, Text | LargeBinary)]
    if not texts:
        return 0
    pattern = re.compile(re.escape(address), re.IGNORECASE | re.ASCII)
    octets = re.compile(re.escape(address.encode()), re.IGNORECASE)
    touched = 0
    for row in tx.execute(select(*keys, *texts).where(or_(*(_holds(column, address) for column in texts)))).all():
        values: dict[str, object] = {}
        for column in texts:
            found = row._mapping[column]
            if isinstance(found, str):
                values[column.name] = pattern.sub(pseudonym, found)
            elif found is not None:
                values[column.name] = octets.sub(pseudonym.encode(), bytes(found))
        if name == "inbox":
            values["size"] = len(bytes(str(values["raw"]), "ascii")) if isinstance(values["raw"], str) else len(values["raw"])  # type: ignore[arg-type]
        tx.execute(update(table).where(*(key == row._mapping[key] for key in keys)).values(values))
        touched += 1
    return touched


def _holds(column: object, address: Address) -> object:
    if isinstance(column.type, LargeBinary):  # type: ignore[attr-defined]
        # Neither database looks into octets without case; a mail spells an address as its sender liked, so each is looked at.
        return column.is_not(None)  # type: ignore[attr-defined]
    return func.lower(column).contains(address, autoescape=True)


def _scrub(store: Store) -> None:
    with store.engine().connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("VACUUM")
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")


