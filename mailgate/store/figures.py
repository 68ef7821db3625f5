"""Which tickets does a report count, as they stood at the end of its period? Read page by page; times are UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import func, or_, select

from mailgate.desk.account import as_of
from mailgate.desk.model import State, TicketId, Visibility
from mailgate.desk.report import Handled, Period
from mailgate.desk.workflow import STATES
from mailgate.store import schema, story, tickets
from mailgate.store.engine import Tx

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
        answers = _answers(tx, [TicketId(row.id) for row in page], period)
        for row in page:
            ticket = tickets.bare(row)
            if ticket.updated >= until:
                ticket = as_of(ticket, story.events(tx, ticket.id), until - _TICK)
            yield Handled(ticket, answers.get(ticket.id, 0))


def _answers(tx: Tx, numbers: list[TicketId], period: Period) -> dict[TicketId, int]:
    """How often technicians had spoken to the requester of each ticket."""
    said = schema.messages.c
    counted = select(said.ticket, func.count()).where(
        said.ticket.in_(numbers), said.direction == "out", said.visibility == Visibility.PUBLIC, said.at < period.until
    )
    return {TicketId(row[0]): row[1] for row in tx.execute(counted.group_by(said.ticket))}
