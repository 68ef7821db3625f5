"""Which timers exist, and which are due? Pending, fired and cancelled ones; the last two stay as proof. Times are UTC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, insert, select, update

from mailgate.desk.model import TicketId
from mailgate.desk.sla import Timer
from mailgate.store.engine import Fenced, Tx
from mailgate.store.schema import timers

PENDING, FIRED, CANCELLED = "pending", "fired", "cancelled"


@dataclass(frozen=True, slots=True)
class DueRow:
    """A timer that is due and was not fired yet."""

    id: int
    ticket: TicketId
    kind: str
    epoch: int
    due_at: datetime


def rewrite(tx: Tx, ticket: TicketId, plan: Sequence[Timer], epoch: int, now: datetime) -> None:
    """The ticket's pending timers become this plan: the old ones are cancelled, never deleted. `epoch` is the ticket's new version."""
    tx.execute(
        update(timers).where(timers.c.ticket == ticket, timers.c.state == PENDING).values(state=CANCELLED, fired_at=now)
    )  # fmt: skip
    if plan:
        tx.execute(
            insert(timers),
            [{"ticket": ticket, "kind": one.kind, "epoch": epoch, "due_at": one.due, "state": PENDING} for one in plan],
        )


_DUE = (
    select(timers.c.id, timers.c.ticket, timers.c.kind, timers.c.epoch, timers.c.due_at)
    .where(timers.c.state == PENDING, timers.c.due_at <= bindparam("now"))
    .order_by(timers.c.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)


def due(tx: Tx, now: datetime, limit: int) -> list[DueRow]:
    """The timers that are due, the longest overdue first; on PostgreSQL they stay locked until the transaction ends."""
    return [DueRow(*row) for row in tx.execute(_DUE, {"now": now, "most": limit})]


def fired(tx: Tx, row: DueRow, now: datetime) -> None:
    """Marks a timer as fired. Raises Fenced if it was fired or cancelled meanwhile."""
    done = tx.execute(update(timers).where(timers.c.id == row.id, timers.c.state == PENDING).values(state=FIRED, fired_at=now))
    if done.rowcount != 1:
        raise Fenced(f"timer {row.id} was fired or cancelled meanwhile")


def of_ticket(tx: Tx, ticket: TicketId) -> list[Timer]:
    """The pending timers of a ticket."""
    rows = tx.execute(
        select(timers.c.kind, timers.c.due_at).where(timers.c.ticket == ticket, timers.c.state == PENDING).order_by(timers.c.due_at)
    )
    return [Timer(*row) for row in rows]


def overdue(tx: Tx, now: datetime) -> int:
    """How many timers are due."""
    return int(tx.execute(select(func.count()).where(timers.c.state == PENDING, timers.c.due_at <= now)).scalar_one())
