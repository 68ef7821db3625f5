"""Who is to be told of a clock, and when? Notices wait, are told, or are moot; the last two stay as proof. Times are UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import bindparam, cast, exists, insert, select, update

from mailgate.desk.clock import Step
from mailgate.desk.letters import Notice
from mailgate.desk.model import Address, TicketId
from mailgate.store import timers
from mailgate.store.engine import Fenced, Tx
from mailgate.store.schema import Moment, Text, notices, outbox
from mailgate.store.schema import timers as _timers
from mailgate.store.statement import Statement

WAITING, TOLD, MOOT = "waiting", "told", "moot"
_TICK = timedelta(microseconds=1)


class DueNotice(Struct, frozen=True):
    """A notice that is due."""

    id: int
    notice: Notice


class Whom(NamedTuple):
    """A desk, and somebody whom it has something to tell."""

    desk: str
    person: Address


_SUPERSEDE = Statement(lambda _: (
    update(notices)
    .where(
        notices.c.ticket == bindparam("of_ticket"), notices.c.person == bindparam("of_person"), notices.c.metric == bindparam("of_metric"),
        notices.c.state == WAITING,
    )
    .values(state=MOOT, reason="newer", finished_at=bindparam("now"))
))  # fmt: skip
_ADD = Statement(lambda _: insert(notices), [one for one in notices.c if one.key not in ("id", "finished_at", "told_as")])


def add(tx: Tx, notice: Notice, cause: tuple[str, str], now: datetime, due_at: datetime) -> None:
    """Somebody is to be told at `due_at`. What waits of the same metric and ticket for the same person is moot by that."""
    which = {"of_ticket": notice.ticket, "of_person": notice.person, "of_metric": notice.metric}
    _SUPERSEDE.change(tx, {**which, "now": now})
    _ADD.change(tx, {
        "desk": notice.desk, "person": notice.person, "ticket": notice.ticket, "metric": notice.metric, "number": notice.number,
        "percent": notice.step.percent, "later": notice.step.later // _TICK, "quiet": notice.quiet, "at": now, "due_at": due_at,
        "state": WAITING, "reason": "", "cause_type": cause[0], "cause_id": cause[1],
    })  # fmt: skip


_DUE_NOW = (notices.c.state == WAITING, notices.c.due_at <= bindparam("now", type_=Moment))
# While timers are due, what they will say may belong into the same letter.
_CALM = ~exists().where(_timers.c.state == timers.PENDING, _timers.c.due_at <= bindparam("now", type_=Moment))
_WHOM = Statement(lambda _: (
    select(notices.c.desk, notices.c.person).where(*_DUE_NOW, _CALM)
    .order_by(notices.c.due_at, notices.c.id).limit(1).with_for_update(of=notices, skip_locked=True)
))  # fmt: skip


def whom(tx: Tx, now: datetime) -> Whom | None:
    """Who has waited longest of those to whom something is to be told now; nobody while a timer is due."""
    row = _WHOM.row(tx, {"now": now})
    return Whom(*row) if row else None


_COLUMNS = ("desk", "person", "ticket", "metric", "number", "percent", "later", "quiet")
_DUE = Statement(lambda _: (
    select(notices.c.id, *(notices.c[name] for name in _COLUMNS))
    .where(*_DUE_NOW, notices.c.desk == bindparam("desk"), notices.c.person == bindparam("person"))
    .order_by(notices.c.id).limit(bindparam("most")).with_for_update()
))  # fmt: skip


def due(tx: Tx, whom: Whom, now: datetime, limit: int) -> list[DueNotice]:
    """What one person is to be told now, the oldest first. On PostgreSQL nobody else tells it until the transaction ends."""
    rows = _DUE.rows(tx, {"now": now, "desk": whom.desk, "person": whom.person, "most": limit})
    return [DueNotice(row.id, _notice(row)) for row in rows]


def _notice(row: Any) -> Notice:
    step = Step(row.percent, row.later * _TICK)
    return Notice(row.desk, row.person, row.ticket, row.metric, row.number, step, bool(row.quiet))


def told(tx: Tx, rows: Sequence[DueNotice], told_as: int, now: datetime) -> None:
    """These were told by letters whose cause is that notice. Raises Fenced where one of them is not due any more."""
    _finish(tx, rows, state=TOLD, told_as=told_as, finished_at=now)


def moot(tx: Tx, row: DueNotice, reason: str, now: datetime) -> None:
    """There is nothing to tell any more. Raises Fenced as `told` does."""
    _finish(tx, [row], state=MOOT, reason=reason, finished_at=now)


def put_off(tx: Tx, rows: Sequence[DueNotice], until: datetime) -> None:
    """These are told later. Raises Fenced as `told` does."""
    _finish(tx, rows, due_at=until)


def _finish(tx: Tx, rows: Sequence[DueNotice], **values: object) -> None:
    these = notices.c.id.in_([row.id for row in rows])
    if tx.execute(update(notices).where(these, notices.c.state == WAITING).values(**values)).rowcount != len(rows):
        raise Fenced("a notice was told meanwhile")


class Waiting(Struct, frozen=True):
    """What somebody is to be told of a ticket, and since and until when that waits."""

    at: datetime
    until: datetime
    person: Address
    metric: str
    step: Step


def waiting(tx: Tx, ticket: TicketId) -> list[Waiting]:
    """Who is still to be told of which clocks of a ticket."""
    columns = (notices.c.at, notices.c.due_at, notices.c.person, notices.c.metric, notices.c.percent, notices.c.later)
    rows = tx.execute(select(*columns).where(notices.c.ticket == ticket, notices.c.state == WAITING).order_by(notices.c.id))
    return [Waiting(*row[:4], Step(row.percent, row.later * _TICK)) for row in rows]


def causes(tx: Tx, ticket: TicketId) -> dict[str, str]:
    """What happened to a ticket that made us write each of its single letters of clocks: `timer:7` by `notice:3`."""
    columns = (notices.c.id, notices.c.cause_type, notices.c.cause_id)
    rows = tx.execute(select(*columns).where(notices.c.ticket == ticket, notices.c.state == TOLD))
    return {f"notice:{row.id}": f"{row.cause_type}:{row.cause_id}" for row in rows}


def digests_of(tickets: Any) -> Any:
    """A query for the letters that tell of some of these tickets together with others; `tickets` are numbers, or a query for them."""
    causes = select(cast(notices.c.told_as, Text)).where(notices.c.ticket.in_(tickets), notices.c.state == TOLD)
    return select(outbox.c.id).where(outbox.c.cause_type == "notice", outbox.c.ticket == 0, outbox.c.cause_id.in_(causes))
