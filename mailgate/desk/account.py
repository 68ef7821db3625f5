"""What of the time has counted for a clock, and how would the clocks of a ticket stand under other rules? Counted from its story alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk import clock as values
from mailgate.desk.clock import Clock, ClockState
from mailgate.desk.clocks import hours_of, late, ticking
from mailgate.desk.events import Event, born, fold
from mailgate.desk.model import Ticket, TicketId
from mailgate.desk.rules import Rules


class Why(StrEnum):
    """What a span of time is to a clock."""

    COUNTED = "counted"
    OUTSIDE = "outside hours"
    PAUSED = "paused"


class Span(Struct, frozen=True):
    """A time from one moment to another (aware UTC), what it was, and how much had counted at its end."""

    since: datetime
    until: datetime
    why: Why
    spent: timedelta


def spans(clock: Clock, rules: Rules, at: datetime) -> Iterator[Span]:
    """Everything between the beginning of a clock and its end, or `at` that moment: each interval that counted, and why others did not."""
    spent = timedelta(0)
    stretches = [(since, min(until or at, at)) for since, until in clock.stretches if since < at]
    first = stretches[0][0] if stretches else min(clock.ended or at, at)
    if clock.began < first:
        yield Span(clock.began, first, Why.PAUSED, spent)
    for number, (since, until) in enumerate(stretches):
        moment = since
        for opens, closes in hours_of(clock, rules).intervals(since, until):
            if moment < opens:
                yield Span(moment, opens, Why.OUTSIDE, spent)
            spent += closes - opens
            yield Span(opens, closes, Why.COUNTED, spent)
            moment = closes
        if moment < until:
            yield Span(moment, until, Why.OUTSIDE, spent)
        following = stretches[number + 1][0] if number + 1 < len(stretches) else clock.ended or at
        if until < following:
            yield Span(until, following, Why.PAUSED, spent)


def as_of(ticket: Ticket, story: Sequence[Event], at: datetime) -> Ticket:
    """The ticket as it was then, by its events, oldest first; as it is now for a time after all of them."""
    return fold(born(ticket.id, story[0]), (event for event in story[1:] if event.at <= at)) if story and at < story[-1].at else ticket


def replayed(number: TicketId, story: Sequence[Event], rules: Rules) -> Ticket:
    """The ticket with the clocks that it would have, had these rules been in force from its first mail on.

    `story` are its events, oldest first. What happened stays as it happened: whoever was warned by other clocks did what he did.
    """
    opening, *later = (replace(event, changes=tuple(one for one in event.changes if one.field != "clocks")) for event in story)
    ticket = _wound(born(number, opening), rules, opening.at)
    # What one mail does it does at one moment, all at once.
    for at, together in groupby(later, key=lambda event: event.at):
        ticket = _wound(fold(ticket, together), rules, at)
    return ticket


def _wound(ticket: Ticket, rules: Rules, at: datetime) -> Ticket:
    return replace(ticket, clocks=values.changed(ticket.clocks, ticking(ticket, rules.at(ticket.desk), at), at))


def outcome(clock: Clock, rules: Rules, at: datetime) -> ClockState:
    """How a clock stands `at` that moment, whether or not somebody has been told of it."""
    return ClockState.BREACHED if clock.live and late(clock, rules, at) else clock.state
