"""When is somebody told of a clock, and is it still worth telling then? Quiet hours, storms, and what has become of the clock meanwhile.

A notice is the wish to tell one person of one step of one clock. It waits in the database; letters are made of it when it is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise

from msgspec import Struct

from mailgate.desk import clocks
from mailgate.desk.calendar import timetable
from mailgate.desk.clock import Clock, Phase
from mailgate.desk.letters import Late, Letter, Milestone, Name, Notice
from mailgate.desk.model import Address, Ticket
from mailgate.desk.plans import ALL_DAY, Calendar, Interval, Week
from mailgate.desk.rules import Rules

# So many letters of clocks come singly; more at once are one digest.
SINGLY = 3
HOUR = timedelta(hours=1)
_TICK = timedelta(microseconds=1)


class Current(Struct, frozen=True):
    """A notice that is worth telling, with the ticket and the clock as they are now."""

    notice: Notice
    ticket: Ticket
    clock: Clock

    @property
    def milestone(self) -> Milestone:
        """The last step that the clock has come to: it may have gone on since the notice was written."""
        step = max(self.notice.step, self.clock.told or self.notice.step)
        return Milestone(self.notice.metric, self.notice.number, step, self.notice.quiet)


def current(notice: Notice, ticket: Ticket | None) -> Current | str:
    """The notice with what it is about; where there is nothing to tell any more the reason why."""
    if ticket is None:
        return "gone"
    clock = next((one for one in ticket.clocks if (one.metric, one.number) == (notice.metric, notice.number)), None)
    if clock is None or not clock.live:
        return "ended"
    if clock.phase is Phase.PAUSED:
        return "paused"
    # Something else is promised since, and that step is to come yet.
    if clock.told is None or clock.told < notice.step:
        return "later"
    return Current(notice, ticket, clock)


def letters(told: Sequence[Current], person: Address, rules: Rules, room: int) -> tuple[Letter, ...]:
    """How one person is told: by a letter for each, or by one for all where they are more than `room` or than anybody wants singly."""
    if len(told) > min(SINGLY, max(room, 1)):
        return (Letter(Name.OVERDUE, person, late=_by_urgency(told, rules)),)
    return tuple(
        Letter(Name.SLA_BREACH if one.clock.breached else Name.SLA_WARNING, person, milestone=one.milestone) for one in told
    )  # fmt: skip


def _by_urgency(told: Sequence[Current], rules: Rules) -> tuple[Late, ...]:
    """The most urgent tickets first, and of those the one that is due first."""
    dues = ((one, clocks.due(one.clock, rules.at(one.ticket.desk))) for one in told)
    # One that never comes due is not there: its clock has come to a step.
    order = sorted(dues, key=lambda pair: (pair[0].ticket.priority, pair[1] or pair[0].ticket.updated, pair[0].ticket.id))
    return tuple(Late(one.ticket, one.milestone) for one, _ in order)


# -------------------------------------------------------------------------------------------------------------- quiet hours


def heard_at(rules: Rules, at: datetime, *, quiet: bool = True) -> datetime:
    """When a notice of then may be told: at once, or when quiet hours end. The answer is UTC."""
    hours = rules.policy.quiet.hours
    if not quiet or not any(hours):
        return at
    loud = timetable(Calendar("loud", hours=_complement(hours)), rules.policy.quiet.timezone or rules.desk.timezone)
    ends = loud.add(at, _TICK)
    # The configuration refuses quiet hours without an end.
    return at if ends is None else ends - _TICK


@lru_cache(maxsize=8)
def _complement(week: Week) -> Week:
    return tuple(tuple(_between(day)) for day in week)


def _between(day: Sequence[Interval]) -> list[Interval]:
    """The hours of a day that are in none of these, which are in order and may overlap."""
    edges, last = [timedelta(0)], timedelta(0)
    for one in day:
        last = max(last, one.closes)
        edges += [one.opens, last]
    edges.append(ALL_DAY.closes)
    return [Interval(opens, closes) for opens, closes in list(pairwise(edges))[::2] if opens < closes]
