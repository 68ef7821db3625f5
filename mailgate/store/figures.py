"""Which tickets does a report count, as they stood at the end of its period? Read page by page; times are UTC."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from msgspec.structs import replace
from sqlalchemy import bindparam, func, or_, select

from mailgate.desk.account import as_of
from mailgate.desk.model import State, Ticket, TicketId, Visibility
from mailgate.desk.report import Handled, Period
from mailgate.desk.workflow import STATES
from mailgate.store import schema, story, tickets
from mailgate.store.engine import Tx
from mailgate.store.statement import Statement

_PAGE = 500
_ENDED = [status.value for status, state in STATES.items() if state is State.CLOSED]
_TICK = timedelta(microseconds=1)


def handled(tx: Tx, period: Period) -> Iterator[Handled]:
    """Every ticket that was there before the end of the period, save those that were closed and done with before it began."""
    last = 0
    table, until = schema.tickets, period.until
    wanted = select(table).where(table.c.created < until, or_(table.c.status.not_in(_ENDED), table.c.updated >= period.since))
    while page := tx.execute(wanted.where(table.c.id > last).order_by(table.c.id).limit(_PAGE)).all():
        last = page[-1].id
        yield from _counted(tx, page, period)


_EVERY = [status.value for status in STATES]
_TOUCHED = Statement(lambda database: (
    select(schema.tickets)
    .where(database.among(schema.tickets.c.status, "statuses"), schema.tickets.c.updated >= bindparam("since", type_=schema.Moment),
           schema.tickets.c.desk == bindparam("desk"), schema.tickets.c.created < bindparam("until", type_=schema.Moment))
))  # fmt: skip


def touched(tx: Tx, desk: str, period: Period) -> Iterator[Handled]:
    """The tickets of a desk to which anything happened in a period or since, as they stood at its end.

    They make every figure of the period but its backlog, and cost what happened and not what is there.
    """
    rows = _TOUCHED.rows(tx, {"statuses": _EVERY, "since": period.since, "until": period.until, "desk": desk})
    for first in range(0, len(rows), _PAGE):
        yield from _counted(tx, rows[first : first + _PAGE], period)


def _counted(tx: Tx, page: Sequence[Any], period: Period) -> Iterator[Handled]:
    answers = _answers(tx, [TicketId(row.id) for row in page], period)
    for row in page:
        ticket = _at_end(tx, tickets.bare(row), period)
        yield Handled(ticket, answers.get(ticket.id, 0), ticket.rating if period.has(ticket.rated) else None)


def _at_end(tx: Tx, ticket: Ticket, period: Period) -> Ticket:
    if ticket.updated < period.until:
        return ticket
    # What was asked in confidence stays so, also where somebody found that out later.
    return replace(as_of(ticket, story.events(tx, ticket.id), period.until - _TICK), confidential=ticket.confidential)


def _answers(tx: Tx, numbers: list[TicketId], period: Period) -> dict[TicketId, int]:
    """How often technicians had spoken to the requester of each ticket."""
    said = schema.messages.c
    counted = select(said.ticket, func.count()).where(
        said.ticket.in_(numbers), said.direction == "out", said.visibility == Visibility.PUBLIC, said.at < period.until
    )
    return {TicketId(row[0]): row[1] for row in tx.execute(counted.group_by(said.ticket))}
