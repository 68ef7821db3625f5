"""What is open, what is pressing, and who of those who work here may read a ticket? For the pages of the desk; pure.

It reads no time of its own, and is no way to change anything: that is done by mail, or from the shell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk.model import Address, Person, Priority, Role, State, Ticket, TicketId
from mailgate.desk.rules import Rules
from mailgate.desk.summary import Brief
from mailgate.desk.workflow import state_of

# What is due within this time is at risk, also where nobody has been warned of it.
SOON = timedelta(hours=1)
STATES = (State.OPEN, State.IN_PROGRESS, State.ON_HOLD)
_NEVER = datetime.max.replace(tzinfo=UTC)


class Open(Struct, frozen=True):
    """A ticket that is neither solved nor closed. The `due` of its brief is when something of it is wanted or promised first.

    `late` and `risk` are what `judged` found: whether something of it is overdue, or will be soon.
    """

    brief: Brief
    desk: str
    team: str | None
    requester: Address
    late: bool = False
    risk: bool = False

    @property
    def state(self) -> State:
        """Under which state its status stands."""
        return state_of(self.brief.status)


def judged(tickets: Iterable[Open], now: datetime) -> tuple[Open, ...]:
    """The tickets with what is pressing of them at that moment (aware UTC), what is due first first."""
    return tuple(sorted((_judged(one, now) for one in tickets), key=by_due))


def by_due(one: Open) -> tuple[datetime, Priority, datetime, TicketId]:
    """By which tickets are put in their order: when something is due, how urgent they are, how old."""
    return one.brief.due or _NEVER, one.brief.priority, one.brief.created, one.brief.id


def _judged(one: Open, now: datetime) -> Open:
    """What waits for its requester is not overdue, whatever was promised. What somebody was warned of is at risk."""
    brief = one.brief
    broken = any(clock.live and clock.breached for clock in brief.clocks) and one.state is not State.ON_HOLD
    late = broken or (brief.due is not None and brief.due <= now)
    if late or brief.due is None:
        return replace(one, late=late) if late else one
    warned = any(clock.live and clock.told is not None and not clock.told.breaks for clock in brief.clocks)
    return replace(one, risk=True) if warned or brief.due <= now + SOON else one


class Wish(Struct, frozen=True):
    """Which of the open tickets somebody wants to see; None: of all states, teams or desks. `pressing`: those overdue or at risk alone."""

    state: State | None = None
    team: str | None = None
    desk: str | None = None
    pressing: bool = False


def fitting(tickets: Iterable[Open], wish: Wish) -> list[Open]:
    """Those that fit, in their order."""
    return [
        one for one in tickets
        if wish.state in (None, one.state) and wish.team in (None, one.team) and wish.desk in (None, one.desk)
        and (one.late or one.risk or not wish.pressing)
    ]  # fmt: skip


def by_state(tickets: Sequence[Open]) -> tuple[tuple[State, int], ...]:
    """How many there are under each state."""
    counted = Counter(one.state for one in tickets)
    return tuple((state, counted[state]) for state in STATES)


class Reading(StrEnum):
    """How much of a ticket somebody may read."""

    NOTHING = "nothing"
    # What was said in public.
    PUBLIC = "public"
    # Notes as well.
    NOTES = "notes"
    # And what machines wrote.
    ALL = "all"


def reading(ticket: Ticket, person: Person, rules: Rules) -> Reading:
    """How much of the ticket somebody who has come in may read: the table of `authority`, for who writes nothing.

    A technician is a requester on his own ticket, whatever else he is.
    """
    if ticket.requester in person.addresses:
        return Reading.PUBLIC
    if rules.works_on(person, ticket):
        return Reading.ALL
    if person.role in (Role.MANAGER, Role.OWNER):
        return Reading.NOTES
    participant = ticket.participant(person.addresses)
    if participant is not None:
        return Reading.PUBLIC if participant.confirmed else Reading.NOTHING
    return Reading.NOTES if person.staff and not ticket.confidential else Reading.NOTHING


def lists(desk: str, person: Person, rules: Rules) -> bool:
    """Whether somebody is shown the open tickets of that desk: who works there, and whoever answers for all of them."""
    return person.role in (Role.MANAGER, Role.OWNER) or rules.at(desk).serves(person)
