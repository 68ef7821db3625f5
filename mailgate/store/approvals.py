"""Who was asked for an approval, and what became of it? Rows of each question to `Ask` values and back. Times are UTC.

A question is decided by one conditional UPDATE of its pending row, in the transaction that saves its ticket.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from sqlalchemy import bindparam, insert, select, update

from mailgate.desk.approval import Ask, How, Verdict
from mailgate.desk.model import Address, TicketId
from mailgate.store.engine import Fenced, Tx
from mailgate.store.schema import approvals
from mailgate.store.statement import Statement

# The columns of an `Ask`, in the order of its fields.
_ASK = (
    approvals.c.round, approvals.c.stage, approvals.c.approver, approvals.c.asked_at, approvals.c.level, approvals.c.through,
    approvals.c.stands_for, approvals.c.expires_at, approvals.c.state, approvals.c.decided_at, approvals.c.decided_by, approvals.c.how,
    approvals.c.strength, approvals.c.evidence, approvals.c.why,
)  # fmt: skip
_OF = Statement(lambda _: (
    select(*_ASK).where(approvals.c.ticket == bindparam("ticket"))
    .order_by(approvals.c.round, approvals.c.stage, approvals.c.approver)
))  # fmt: skip
_PUT = Statement(lambda _: insert(approvals), [one for one in approvals.c if one.key != "id"])
_DECIDE = Statement(lambda _: (
    update(approvals)
    .where(approvals.c.ticket == bindparam("of_ticket"), approvals.c.round == bindparam("of_round"),
           approvals.c.stage == bindparam("of_stage"), approvals.c.approver == bindparam("of_approver"),
           approvals.c.state == Verdict.PENDING)
    .values({one.key: bindparam(f"new_{one.key}") for one in _ASK[7:]} | {"version": approvals.c.version + 1})
))  # fmt: skip
_ROW = Statement(lambda _: (
    select(approvals.c.id)
    .where(approvals.c.ticket == bindparam("ticket"), approvals.c.round == bindparam("round"), approvals.c.stage == bindparam("stage"),
           approvals.c.approver == bindparam("approver"))
))  # fmt: skip
_ABOUT = Statement(lambda _: select(approvals.c.ticket, *_ASK).where(approvals.c.id == bindparam("row")))


def of_ticket(tx: Tx, ticket: TicketId) -> tuple[Ask, ...]:
    """Everything that approvers of this ticket were ever asked, by round, stage and approver."""
    return tuple(_read(row) for row in _OF.rows(tx, {"ticket": ticket}))


def keep(tx: Tx, ticket: TicketId, before: tuple[Ask, ...], after: tuple[Ask, ...]) -> None:
    """Stores what is new and what has changed. Raises Fenced where one that was pending is not any more."""
    known = {one.key: one for one in before}
    for one in after:
        if one.key not in known:
            _PUT.change(tx, {"ticket": ticket, "version": 1, **_values(one)})
        elif known[one.key] != one:
            values = {f"new_{column.key}": value for column, value in zip(_ASK[7:], _fields(one)[7:], strict=True)}
            which = {"of_ticket": ticket, "of_round": one.round, "of_stage": one.stage, "of_approver": one.approver}
            if _DECIDE.change(tx, {**values, **which}) != 1:
                raise Fenced(f"approval of ticket {ticket} by {one.approver} was decided meanwhile")


def row_of(tx: Tx, ticket: TicketId, ask: Ask) -> int | None:
    """The number of the row of this question; None where it was never asked."""
    row = _ROW.row(tx, {"ticket": ticket, "round": ask.round, "stage": ask.stage, "approver": ask.approver})
    return int(row.id) if row else None


class Asked(Struct, frozen=True):
    """A question, with the ticket that it is about."""

    ticket: TicketId
    ask: Ask


def find(tx: Tx, row: int) -> Asked | None:
    """The question of this row."""
    found = _ABOUT.row(tx, {"row": row})
    return Asked(TicketId(found[0]), _read(found[1:])) if found else None


def listed(tx: Tx, states: Iterable[Verdict] = (), approver: Address | None = None) -> list[Asked]:
    """Questions in these states (none: in any), to everybody or to one approver; the oldest first."""
    wanted = select(approvals.c.ticket, *_ASK).order_by(approvals.c.id)
    if chosen := list(states):
        wanted = wanted.where(approvals.c.state.in_(chosen))
    if approver is not None:
        wanted = wanted.where(approvals.c.approver == approver)
    return [Asked(TicketId(row[0]), _read(row[1:])) for row in tx.execute(wanted)]


def _fields(ask: Ask) -> tuple[object, ...]:
    return (
        ask.round, ask.stage, ask.approver, ask.asked, ask.level, ask.through, ask.stands_for, ask.expires, ask.state, ask.decided,
        ask.by, ask.how, ask.strength, ask.evidence, ask.why,
    )  # fmt: skip


def _values(ask: Ask) -> dict[str, object]:
    return dict(zip((column.key for column in _ASK), _fields(ask), strict=True))


def _read(row: Any) -> Ask:
    number, stage, approver, asked, level, through, stands_for, expires, state, decided, by, how, strength, evidence, why = row
    return Ask(
        number, stage, Address(approver), asked, level, through, stands_for, expires, Verdict(state), decided, by,
        How(how) if how else None, strength, evidence, why,
    )  # fmt: skip
