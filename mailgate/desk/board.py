"""What is open, what is pressing, and who of those who work here may read a ticket? For the pages of the desk; pure.

It reads no time of its own, and is no way to change anything: that is done by mail, or from the shell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from mailgate.desk.model import Address, Person, Role, State, Ticket
from mailgate.desk.rules import Rules
from mailgate.desk.summary import Brief
from mailgate.desk.workflow import state_of

# What is due within this time is at risk, also where nobody has been warned of it.
SOON = timedelta(hours=1)
STATES = (State.OPEN, State.IN_PROGRESS, State.ON_HOLD)
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Open:
    """A ticket that is neither solved nor closed. The `due` of its brief is when something of it is wanted or promised first."""

    brief: Brief
    desk: str
    team: str | None
    requester: Address

    @property
    def state(self) -> State:
        """Under which state its status stands."""
        return state_of(self.brief.status)

    def late(self, now: datetime) -> bool:
        """Whether something of it is overdue. What waits for its requester is not, whatever was promised."""
        broken = self.state is not State.ON_HOLD and any(one.live and one.breached for one in self.brief.clocks)
        return broken or (self.brief.due is not None and self.brief.due <= now)

    def at_risk(self, now: datetime) -> bool:
        """Whether it is not overdue, and will be soon: within an hour, or because somebody was warned of it."""
        if self.late(now) or self.brief.due is None:
            return False
        warned = any(one.live and one.told is not None and not one.told.breaks for one in self.brief.clocks)
        return warned or self.brief.due <= now + SOON


@dataclass(frozen=True, slots=True)
class Wish:
    """Which of the open tickets somebody wants to see; None: of all states, teams or desks. `pressing`: those overdue or at risk alone."""

    state: State | None = None
    team: str | None = None
    desk: str | None = None
    pressing: bool = False


def fitting(tickets: Iterable[Open], wish: Wish, now: datetime) -> list[Open]:
    """Those that fit, what is due first first."""
    found = (
        one for one in tickets
        if wish.state in (None, one.state) and wish.team in (None, one.team) and wish.desk in (None, one.desk)
        and (not wish.pressing or one.late(now) or one.at_risk(now))
    )  # fmt: skip
    return sorted(found, key=lambda one: (one.brief.due or _NEVER, one.brief.priority, one.brief.created, one.brief.id))


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
