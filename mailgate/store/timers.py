"""Which timers exist, and which are due? Pending, fired and cancelled ones; the last two stay as proof. Times are UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import bindparam, func, insert, select, update

from mailgate.desk.model import TicketId
from mailgate.desk.sla import Timer
from mailgate.store.engine import Fenced, Tx
from mailgate.store.schema import tickets, timers
from mailgate.store.statement import Statement

PENDING, FIRED, CANCELLED = "pending", "fired", "cancelled"


class DueRow(Struct, frozen=True):
    """A timer that is due and was not fired yet."""

    id: int
    ticket: TicketId
    kind: str
    epoch: int
    due_at: datetime


_CANCEL = Statement(lambda _: (
    update(timers).where(timers.c.ticket == bindparam("of_ticket"), timers.c.state == PENDING)
    .values(state=CANCELLED, fired_at=bindparam("at"))
))  # fmt: skip
_PLAN = Statement(lambda _: insert(timers), [one for one in timers.c if one.key not in ("id", "fired_at")])


def rewrite(tx: Tx, ticket: TicketId, plan: Sequence[Timer], epoch: int, now: datetime) -> None:
    """The ticket's pending timers become this plan: the old ones are cancelled, never deleted. `epoch` is the ticket's new version."""
    _CANCEL.change(tx, {"of_ticket": ticket, "at": now})
    _PLAN.change_all(tx, (
        {"ticket": ticket, "kind": one.kind, "epoch": epoch, "due_at": one.due, "state": PENDING} for one in plan
    ))  # fmt: skip


_DUE = Statement(lambda _: (
    select(timers.c.id, timers.c.ticket, timers.c.kind, timers.c.epoch, timers.c.due_at)
    .join(tickets, tickets.c.id == timers.c.ticket)
    .where(timers.c.state == PENDING, timers.c.due_at <= bindparam("now"))
    .order_by(timers.c.due_at, timers.c.id).limit(bindparam("most")).with_for_update(of=tickets, skip_locked=True, key_share=True)
))  # fmt: skip
_STATES = Statement(lambda database: select(timers.c.id, timers.c.state).where(database.among(timers.c.id, "rows")))
_FIRE = Statement(lambda _: (
    update(timers).where(timers.c.id == bindparam("row"), timers.c.state == PENDING)
    .values(state=FIRED, fired_at=bindparam("at"))
))  # fmt: skip


def due(tx: Tx, now: datetime, limit: int) -> list[DueRow]:
    """The timers that are due, the longest overdue first.

    On PostgreSQL their tickets stay locked until the transaction ends, and those that somebody else has locked are left for the next
    time: whoever changes a ticket takes the ticket first and its timers after it, so that nobody waits for nobody.
    """
    rows = _DUE.rows(tx, {"now": now, "most": limit})
    # Whoever had the ticket before us may have fired its timer after we looked: now that the ticket is ours, a second look is the truth.
    states = {row.id: row.state for row in _STATES.rows(tx, {"rows": [row.id for row in rows]})} if rows else {}
    return [DueRow(*row) for row in rows if states[row.id] == PENDING]


def fired(tx: Tx, row: DueRow, now: datetime) -> None:
    """Marks a timer as fired. Raises Fenced if it was fired or cancelled meanwhile."""
    if _FIRE.change(tx, {"row": row.id, "at": now}) != 1:
        raise Fenced(f"timer {row.id} was fired or cancelled meanwhile")


def put_off(tx: Tx, row: DueRow, until: datetime) -> None:
    """A timer that cannot fire now is due again later."""
    tx.execute(update(timers).where(timers.c.id == row.id, timers.c.state == PENDING).values(due_at=until))


def rearm(tx: Tx, row: DueRow, due: datetime) -> None:
    """A timer that was fired in this transaction, and should not have been before `due`, waits for that."""
    tx.execute(update(timers).where(timers.c.id == row.id).values(state=PENDING, fired_at=None, due_at=due))


def of_ticket(tx: Tx, ticket: TicketId) -> list[Timer]:
    """The pending timers of a ticket."""
    rows = tx.execute(
        select(timers.c.kind, timers.c.due_at).where(timers.c.ticket == ticket, timers.c.state == PENDING).order_by(timers.c.due_at)
    )
    return [Timer(*row) for row in rows]


_OVERDUE = select(func.count()).where(timers.c.state == PENDING, timers.c.due_at <= bindparam("now"))


def overdue(tx: Tx, now: datetime) -> int:
    """How many timers are due."""
    return int(tx.execute(_OVERDUE, {"now": now}).scalar_one())
