"""How did the desk do in a period? Figures of tickets, answers and promises, for all, for each team and for each technician.

Everything is counted as it stood at the end of the period, so that the figures of a period that is over never change. A time belongs to the
period from its beginning (aware UTC) to just before its end. Durations are elapsed time; what was promised is in the time of its calendar.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from mailgate.desk.clock import ClockState
from mailgate.desk.model import State, Ticket
from mailgate.desk.workflow import state_of

# So many categories and requesters are named.
_MOST = 10
# Where the addresses of people lie who were forgotten.
_FORGOTTEN = "@removed.invalid"
# What a requester may say of how he was helped, worst first.
MARKS = (1, 2, 3, 4, 5)


class Period(Struct, frozen=True):
    """From `since` to just before `until`, both aware UTC."""

    since: datetime
    until: datetime

    def has(self, moment: datetime | None) -> bool:
        """Whether the moment lies in it."""
        return moment is not None and self.since <= moment < self.until


class Handled(Struct, frozen=True):
    """A ticket as it stood at the end of the period, and how many public answers of technicians it had had by then.

    `mark` is what its requester said within the period of how he was helped, from 1 to 5.
    """

    ticket: Ticket
    answers: int = 0
    mark: int | None = None


class Spread(Struct, frozen=True):
    """How long something took: the mean, half of all cases, and nine of ten (nearest rank)."""

    count: int
    mean: timedelta
    median: timedelta
    ninth: timedelta


class Kept(Struct, frozen=True):
    """What became of the promises of one metric that ended in the period, and how many that still run are overdue."""

    achieved: int
    breached: int
    cancelled: int
    overdue: int


class Ratings(Struct, frozen=True):
    """What requesters said of how they were helped: how many gave each of MARKS, worst first."""

    counts: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many said anything."""
        return sum(self.counts)

    @property
    def mean(self) -> float:
        """The mean mark; there is one at least."""
        return sum(mark * count for mark, count in zip(MARKS, self.counts, strict=True)) / self.count


class Figures(Struct, frozen=True):
    """What is counted. Of the resolved, `reopened` had been open again; `first_contact` were solved by the only answer there was.

    A spread is None where there was nothing to measure, `ratings` where nobody said anything.
    """

    opened: int
    resolved: int
    closed: int
    backlog: int
    reopened: int
    first_contact: int
    first_response: Spread | None
    resolution: Spread | None
    promises: tuple[tuple[str, Kept], ...]
    ratings: Ratings | None = None


class Report(Struct, frozen=True):
    """The figures of a period; `categories` and `requesters` with the tickets that they opened, most first.

    Whoever asked in confidence, or is forgotten, is counted and not named.
    """

    period: Period
    whole: Figures
    teams: tuple[tuple[str, Figures], ...]
    technicians: tuple[tuple[str, Figures], ...]
    categories: tuple[tuple[str, int], ...]
    requesters: tuple[tuple[str, int], ...]


def reported(handled: Sequence[Handled], period: Period) -> Report:
    """The report on these tickets."""
    opened = [one.ticket for one in handled if period.has(one.ticket.created)]
    return Report(
        period,
        _figures(handled, period),
        _by(handled, period, lambda ticket: ticket.team),
        _by(handled, period, lambda ticket: ticket.assignee),
        _top(ticket.category for ticket in opened),
        _top(ticket.requester for ticket in opened if not ticket.confidential and not ticket.requester.endswith(_FORGOTTEN)),
    )


def _by(handled: Sequence[Handled], period: Period, key: Callable[[Ticket], str | None]) -> tuple[tuple[str, Figures], ...]:
    groups: dict[str, list[Handled]] = {}
    for one in handled:
        groups.setdefault(key(one.ticket) or "", []).append(one)
    return tuple((name, _figures(group, period)) for name, group in sorted(groups.items()) if name)


def _top(names: Iterable[str | None]) -> tuple[tuple[str, int], ...]:
    counted = Counter(name for name in names if name)
    return tuple(sorted(counted.items(), key=lambda one: (-one[1], one[0]))[:_MOST])


def _figures(handled: Sequence[Handled], period: Period) -> Figures:
    tickets = [one.ticket for one in handled]
    resolved = [one for one in handled if period.has(one.ticket.resolved)]
    return Figures(
        opened=sum(period.has(ticket.created) for ticket in tickets),
        resolved=len(resolved),
        closed=sum(period.has(ticket.closed) for ticket in tickets),
        backlog=sum(state_of(ticket.status) not in (State.RESOLVED, State.CLOSED) for ticket in tickets),
        reopened=sum(one.ticket.reopened > 0 for one in resolved),
        first_contact=sum(one.answers == 1 and not one.ticket.reopened for one in resolved),
        first_response=_spread([one.responded - one.created for one in tickets if one.responded and period.has(one.responded)]),
        resolution=_spread([one.ticket.resolved - one.ticket.created for one in resolved if one.ticket.resolved]),
        promises=_promises(tickets, period),
        ratings=_ratings([one.mark for one in handled if one.mark is not None]),
    )


def _ratings(marks: Sequence[int]) -> Ratings | None:
    return Ratings(tuple(marks.count(mark) for mark in MARKS)) if marks else None


def _spread(times: list[timedelta]) -> Spread | None:
    if not times:
        return None
    times.sort()
    count = len(times)
    return Spread(count, sum(times, timedelta(0)) / count, times[(count + 1) // 2 - 1], times[-(-count * 9 // 10) - 1])


def _promises(tickets: Iterable[Ticket], period: Period) -> tuple[tuple[str, Kept], ...]:
    ended: Counter[tuple[str, ClockState]] = Counter()
    overdue: Counter[str] = Counter()
    for ticket in tickets:
        for clock in ticket.clocks:
            if period.has(clock.ended):
                ended[clock.metric, clock.state] += 1
            elif clock.live and clock.breached:
                overdue[clock.metric] += 1
    metrics = sorted({metric for metric, _ in ended} | set(overdue))
    return tuple(
        (one, Kept(ended[one, ClockState.ACHIEVED], ended[one, ClockState.BREACHED], ended[one, ClockState.CANCELLED], overdue[one]))
        for one in metrics
    )
