"""Who was added by hand or from a CSV file? people.toml is read by config/ and wins over what stands here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy import bindparam, delete, select

from mailgate.desk.model import Address, Directory, Person, Role
from mailgate.store import absences, blocks, facts, registers
from mailgate.store.engine import Tx, insert
from mailgate.store.statement import Statement

# Under this name each connection remembers the people as it read them last: (their number of changes, people.toml, everybody).
_READ = "mailgate.people"


def directory(tx: Tx, configured: Directory) -> Directory:
    """Everybody: the people of people.toml, then those kept here whom it does not name; and who is blocked. Read again after changes."""
    changes, known = facts.get(tx, facts.PEOPLE), tx.info.get(_READ)
    if known is None or known[0] != changes or known[1] is not configured:
        known = tx.info[_READ] = (changes, configured, everybody(tx, configured))
    found: Directory = known[2]
    return found


def everybody(tx: Tx, configured: Directory) -> Directory:
    """Who `directory` remembers, read anew: for a transaction that has changed them itself, and may yet be undone."""
    blocked = blocks.senders(tx)
    named = {address for person in configured.people for address in person.addresses}
    kept = tuple(person for person in stored(tx) if not named.intersection(person.addresses))
    away = absences.spans(tx)
    if not (kept or away or blocked):
        return configured
    persons = (replace(one, said=away[one.address]) if one.address in away else one for one in (*configured.people, *kept))
    return Directory(tuple(persons), configured.teams, configured.organisations, blocked)


_EVERYBODY = Statement(lambda _: select(registers.people).order_by(registers.people.c.address))


def stored(tx: Tx) -> list[Person]:
    """The people kept here, by address."""
    rows = _EVERYBODY.rows(tx, {})
    if not rows:
        return []
    others: dict[int, list[Address]] = {}
    for row in tx.execute(select(registers.aliases.c.person, registers.aliases.c.address)):
        others.setdefault(row.person, []).append(Address(row.address))
    return [_person(row, tuple(others.get(row.id, ()))) for row in rows]


def _person(row: Any, others: tuple[Address, ...]) -> Person:
    return Person(
        Address(row.address), row.name, Role(row.role), others, row.team, row.manager, tuple(json.loads(row.skills)), row.language,
        row.timezone,
    )  # fmt: skip


def put(tx: Tx, person: Person) -> None:
    """Adds somebody, or replaces what was known of that address."""
    table = registers.people
    values = {
        "address": person.address, "name": person.name, "role": person.role, "team": person.team, "manager": person.manager,
        "skills": json.dumps(person.skills), "language": person.language, "timezone": person.timezone,
    }  # fmt: skip
    facts.count(tx, facts.PEOPLE)
    number = tx.execute(
        insert(tx, table).values(values).on_conflict_do_update(index_elements=["address"], set_=values).returning(table.c.id)
    ).scalar_one()  # fmt: skip
    tx.execute(delete(registers.aliases).where(registers.aliases.c.person == number))
    if person.aliases:
        statement = insert(tx, registers.aliases)
        tx.execute(
            statement.on_conflict_do_update(index_elements=["address"], set_={"person": number}),
            [{"address": address, "person": number} for address in person.aliases],
        )


_SUPPRESSED = Statement(lambda database: (
    select(registers.suppressions.c.address, registers.suppressions.c.reason)
    .where(database.among(registers.suppressions.c.address, "addresses"))
))  # fmt: skip


def suppressed(tx: Tx, addresses: Sequence[Address]) -> dict[Address, str]:
    """Which of these addresses get no automatic mail because ours came back, and why."""
    rows = _SUPPRESSED.rows(tx, {"addresses": list(addresses)}) if addresses else ()
    return {Address(row.address): str(row.reason) for row in rows}


_SUPPRESSION = Statement(lambda _: (
    select(registers.suppressions.c.reason, registers.suppressions.c.since).where(registers.suppressions.c.address == bindparam("address"))
))  # fmt: skip


def suppression(tx: Tx, address: Address) -> tuple[str, datetime] | None:
    """Why an address gets no automatic mail, and since when; None where it gets it."""
    row = _SUPPRESSION.row(tx, {"address": address})
    return (str(row.reason), row.since) if row else None


def suppress(tx: Tx, address: Address, reason: str, now: datetime) -> None:
    """No more automatic mail to an address from which ours came back."""
    table = registers.suppressions
    statement = insert(tx, table).values(address=address, reason=reason[:500], count=1, since=now)
    tx.execute(statement.on_conflict_do_update(index_elements=["address"], set_={"count": table.c.count + 1}))


def allow(tx: Tx, address: Address) -> bool:
    """Forgets a suppression; False where there was none."""
    return tx.execute(delete(registers.suppressions).where(registers.suppressions.c.address == address)).rowcount == 1
