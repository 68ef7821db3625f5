"""How did it go from day to day? The tickets of a period in steps of days, weeks, months or years, whichever can be read on one page.

It does not count times and promises, which `report` does for the period as a whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from msgspec import Struct

from mailgate.desk.model import Ticket
from mailgate.desk.report import Handled, Period

# So many steps can be told apart in a picture that fits on a phone.
_MOST = 45
_DAY = timedelta(days=1)


class Stride(StrEnum):
    """How long a step is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Stage(Struct, frozen=True):
    """One step, aware UTC: how many tickets came, were solved and were closed in it, and how many were open at its end.

    A ticket that was opened again counts as open all the while.
    """

    since: datetime
    until: datetime
    opened: int
    resolved: int
    closed: int
    backlog: int


class Course(Struct, frozen=True):
    """The steps of a period, oldest first. The first begins and the last ends with it, and may be shorter than others."""

    stride: Stride
    stages: tuple[Stage, ...]


def course(handled: Sequence[Handled], period: Period, zone: tzinfo) -> Course:
    """How the period went, in days (weeks from Monday on, months, years) of that zone."""
    stride, edges = next((one, found) for one in Stride if len(found := tuple(_edges(period, zone, one))) <= _MOST or one is Stride.YEAR)
    came = sorted(one.ticket.created for one in handled)
    resolved = sorted(one.ticket.resolved for one in handled if one.ticket.resolved)
    closed = sorted(one.ticket.closed for one in handled if one.ticket.closed)
    done = sorted(at for one in handled if (at := _done(one.ticket)))
    spans = zip(edges, (*edges[1:], period.until), strict=True)
    return Course(stride, tuple(
        Stage(
            since, until, _between(came, since, until), _between(resolved, since, until), _between(closed, since, until),
            _before(came, until) - _before(done, until),
        )
        for since, until in spans
    ))  # fmt: skip


def _done(ticket: Ticket) -> datetime | None:
    """When it stopped being open; under a clock that went back not before it was."""
    ends = [at for at in (ticket.resolved, ticket.closed) if at]
    return max(ticket.created, min(ends)) if ends else None


def _edges(period: Period, zone: tzinfo, stride: Stride) -> Iterator[datetime]:
    """When each step begins."""
    begins = period.since
    while begins < period.until:
        yield begins
        following = _following(begins.astimezone(zone).date(), stride)
        begins = datetime.combine(following, time(), zone).astimezone(UTC)


def _following(day: date, stride: Stride) -> date:
    """The first day of the next step."""
    match stride:
        case Stride.DAY:
            return day + _DAY
        case Stride.WEEK:
            return day + (7 - day.weekday()) * _DAY
        case Stride.MONTH:
            return (day.replace(day=1) + 32 * _DAY).replace(day=1)
        case Stride.YEAR:
            return date(day.year + 1, 1, 1)


def _before(moments: Sequence[datetime], until: datetime) -> int:
    """How many of the sorted moments lie before that one."""
    return bisect_right(moments, until - timedelta(microseconds=1))


def _between(moments: Sequence[datetime], since: datetime, until: datetime) -> int:
    return _before(moments, until) - _before(moments, since)
