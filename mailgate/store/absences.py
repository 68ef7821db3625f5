"""Who said that he is away, and whose tickets were handed over for it? Does not know people.toml. A span is as `desk.absence` has it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, update

from mailgate.desk.absence import Absence
from mailgate.desk.model import Address
from mailgate.store import facts, registers
from mailgate.store.engine import Tx, insert
from mailgate.store.statement import Statement

_t = registers.absences


def spans(tx: Tx) -> dict[Address, str]:
    """What everybody said who is away, was or will be."""
    return {Address(row.address): row.span for row in tx.execute(select(_t.c.address, _t.c.span).where(_t.c.span.is_not(None)))}


def put(tx: Tx, absence: Absence) -> None:
    """What somebody says now takes the place of what he said before; from now on everybody knows."""
    values = {"span": absence.span, "handed": None}
    statement = insert(tx, _t).values(address=absence.person, **values)
    tx.execute(statement.on_conflict_do_update(index_elements=["address"], set_=values))
    facts.count(tx, facts.PEOPLE)


_HANDED = Statement(lambda database: (
    select(_t.c.address, _t.c.handed).where(database.among(_t.c.address, "people"), _t.c.handed.is_not(None))
))  # fmt: skip


def handed(tx: Tx, people: Sequence[Address]) -> dict[Address, str]:
    """For which absence the tickets of these people were handed over last."""
    return {Address(row.address): row.handed for row in _HANDED.rows(tx, {"people": list(people)})}


def hand(tx: Tx, person: Address, span: str) -> bool:
    """Marks that his tickets are handed over for this absence; False where that was marked already. Holds off all others who would."""
    tx.execute(insert(tx, _t).values(address=person).on_conflict_do_nothing())
    first = (_t.c.handed.is_(None)) | (_t.c.handed != span)
    return tx.execute(update(_t).where(_t.c.address == person, first).values(handed=span)).rowcount == 1
