"""Which mails wait for a human, and what was ordered about each? What an order does to the mail itself is `inbox`'s part. Times are UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import func, insert, select

from mailgate.desk.address import Address
from mailgate.desk.decision import MailOrder
from mailgate.desk.held import PutAside, Verdict
from mailgate.desk.model import TicketId
from mailgate.store.engine import Tx
from mailgate.store.inbox import InboxState
from mailgate.store.schema import inbox, mail_orders

WAITS = (InboxState.HELD, InboxState.QUARANTINED)


class Waiting(Struct, frozen=True):
    """A mail that waits for a human. The subject is as it stood in the mail, the trail is JSON."""

    row: int
    state: InboxState
    reason: str
    sender: str | None
    envelope: str | None
    subject: str | None
    ticket: TicketId | None
    received_at: datetime
    held_at: datetime
    size: int
    trail: str | None


class Ordered(Struct, frozen=True):
    """What a human ordered about a mail, and by which mail or order."""

    verb: str
    actor: str
    at: datetime
    detail: str
    cause: str


_i, _o = inbox.c, mail_orders.c


def waiting(tx: Tx, desk: str, limit: int) -> tuple[list[Waiting], int]:
    """The mails of a desk that wait, those put aside last first, and how many there are in all."""
    there = (_i.desk == desk, _i.state.in_(WAITS))
    rows = tx.execute(
        select(_i.id, _i.state, _i.reason, _i.sender, _i.envelope_from, _i.subject, _i.ticket, _i.received_at,
               func.coalesce(_i.held_at, _i.received_at, type_=_i.held_at.type), _i.size, _i.trail)
        .where(*there).order_by(_i.held_at.desc(), _i.id.desc()).limit(limit)
    ).all()  # fmt: skip
    count = int(tx.execute(select(func.count()).where(*there)).scalar_one()) if len(rows) == limit else len(rows)
    return [Waiting(row[0], InboxState(row[1]), *row[2:]) for row in rows], count


def put_aside(tx: Tx, rows: Sequence[int]) -> dict[int, PutAside]:
    """What is known of those of these mails that wait, or waited until somebody decided about them."""
    if not rows:
        return {}
    verdicts = {
        row.inbox: Verdict(row.verb, row.actor, row.at, row.detail)
        for row in tx.execute(select(_o.inbox, _o.verb, _o.actor, _o.at, _o.detail).where(_o.inbox.in_(rows)).order_by(_o.id))
    }
    found = tx.execute(select(_i.id, _i.desk, _i.state, _i.sender, _i.envelope_from, _i.ticket).where(_i.id.in_(rows)))
    return {
        row.id: PutAside(
            row.id, row.desk, row.state in WAITS, _named(row.sender), _named(row.envelope_from), row.ticket, verdicts.get(row.id)
        )
        for row in found if row.state in WAITS or row.id in verdicts
    }  # fmt: skip


def _named(sender: str | None) -> Address | None:
    """The address of somebody; none where a mail named nobody."""
    return Address(sender) if sender and "@" in sender and not sender.endswith("@invalid") else None


def record(tx: Tx, order: MailOrder, cause_type: str, cause_id: str, now: datetime) -> None:
    """Writes down who ordered what about a mail."""
    detail = order.sender or (str(order.ticket) if order.ticket else "")
    tx.execute(insert(mail_orders).values(
        inbox=order.row, at=now, actor=order.by, verb=order.verb, detail=detail, cause_type=cause_type, cause_id=cause_id,
    ))  # fmt: skip


def orders(tx: Tx, row: int) -> list[Ordered]:
    """Everything that was ordered about a mail, oldest first."""
    found = tx.execute(
        select(_o.verb, _o.actor, _o.at, _o.detail, (_o.cause_type + ":" + _o.cause_id)).where(_o.inbox == row).order_by(_o.id)
    )
    return [Ordered(*one) for one in found]
