"""Who hears every morning how things stand, who every week, when exactly, and what stands in it? Pure: what there is, is handed in.

A daily digest tells a technician of his own tickets, and whoever leads a team of what that team has before it. The weekly report tells of
the week in figures, which are those of `weekly`. Nobody hears while he is away, and nobody of nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk.absence import absent, local
from mailgate.desk.clock import Clock
from mailgate.desk.model import Address, Person, Priority, Role, State, Status, TicketId
from mailgate.desk.rules import Rules
from mailgate.desk.workflow import state_of

# So many days ahead somebody is looked for on whom a digest could come; whoever works on none of them has left.
_FAR = 60
_FRIDAY = 4
_DAY = timedelta(days=1)


class Kind(StrEnum):
    """What is written when its time comes. HELD is told by `flow.digest`."""

    HELD = "held"
    DAILY = "daily"
    WEEKLY = "weekly"


class Part(StrEnum):
    """Why a ticket stands in a digest; each of a technician's own stands in the first part that fits."""

    OVERDUE = "overdue"
    TODAY = "today"
    UNANSWERED = "unanswered"
    WORKING = "working"
    PENDING = "pending"
    CLOSING = "closing"
    # Of a team.
    UNASSIGNED = "unassigned"
    LATE = "late"
    OLDEST = "oldest"


class Brief(Struct, frozen=True):
    """What a digest knows of a ticket. `since` is when its status began, `due` when it is wanted or promised, whichever comes first.

    `answered` tells whether everything that its requester wrote has an answer.
    """

    id: TicketId
    subject: str
    status: Status
    own: str | None
    priority: Priority
    assignee: Address | None
    created: datetime
    since: datetime
    due: datetime | None
    answered: bool
    confidential: bool
    clocks: tuple[Clock, ...] = ()

    @property
    def status_name(self) -> str:
        """Where it stands, as people read it."""
        return self.own or self.status


class Backlog(Struct, frozen=True):
    """What is neither solved nor closed: how many, of these without a technician and overdue, and since when the oldest is there."""

    open: int = 0
    unassigned: int = 0
    overdue: int = 0
    oldest: datetime | None = None


class Entries(Struct, frozen=True):
    """One part of a digest: its tickets as far as they are listed, and how many there are."""

    part: Part
    tickets: tuple[Brief, ...]
    count: int


class Digest(Struct, frozen=True):
    """How things stand for somebody. `teams` are those that he leads (none: the whole desk), where `backlog` is there."""

    entries: tuple[Entries, ...] = ()
    backlog: Backlog | None = None
    teams: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to tell."""
        return not self.entries and not (self.backlog and self.backlog.open)


# ------------------------------------------------------------------------------------------------------------------- who


def expects(person: Person, kind: Kind, rules: Rules) -> bool:
    """Whether somebody gets this letter at all, as policy and people.toml say."""
    if not person.digest:
        return False
    if kind is Kind.DAILY:
        return rules.policy.digests.daily is not None and (person.staff or person.role is Role.MANAGER)
    return kind is Kind.WEEKLY and rules.policy.digests.weekly is not None and person.role in (Role.MANAGER, Role.OWNER)


def leads(person: Person, rules: Rules) -> tuple[str, ...] | None:
    """The teams of this desk whose backlog is his to know, none for the whole desk; None for somebody who leads nobody here."""
    led = tuple(team.name for team in rules.teams if team.lead in person.addresses or _heads(person, team.name))
    if led:
        return led
    return () if person.role is Role.MANAGER and person.team is None else None


def _heads(person: Person, team: str) -> bool:
    return person.role in (Role.LEAD, Role.MANAGER) and person.team == team


# ------------------------------------------------------------------------------------------------------------------ when


def following(person: Person, kind: Kind, rules: Rules, after: datetime) -> datetime | None:
    """The first time after that moment at which this letter is due to this person; aware UTC. None where it never is."""
    here = local(person, rules.desk.timezone, after)
    days = (here.date() + number * _DAY for number in range(_FAR))
    return next((at for day in days if (at := _on(day, person, kind, rules)) is not None and at > after), None)


def timely(person: Person, kind: Kind, rules: Rules, due: datetime, now: datetime) -> bool:
    """Whether a letter that was due then is still worth writing: nobody is told in the night, or on Sunday, of a day that is over.

    A weekly one always is. Nobody is told while he is away.
    """
    today = local(person, rules.desk.timezone, now).date()
    if absent(person, today):
        return False
    morning = _on(today, person, kind, rules)
    return kind is Kind.WEEKLY or (morning is not None and due <= now and morning <= now)


def _on(day: date, person: Person, kind: Kind, rules: Rules) -> datetime | None:
    """When on that day of his the letter is due; None where it is not."""
    policy = rules.policy.digests
    if kind is Kind.WEEKLY:
        clock = policy.weekly[1] if policy.weekly and policy.weekly[0] == day.weekday() else None
    else:
        clock = policy.daily if _works(person, day, rules) else None
    zone = ZoneInfo(person.timezone or rules.desk.timezone)
    # A time that the clock leaps over is the moment of the leap or soon after it, and one that comes twice is the first.
    return datetime.combine(day, clock, zone).astimezone(UTC) if clock is not None else None


def _works(person: Person, day: date, rules: Rules) -> bool:
    """Whether this is a working day of his: by his own hours, and by the calendar that policy names; Monday to Friday without either."""
    name = rules.policy.digests.calendar
    if name is not None and not _has_hours(name, day, rules):
        return False
    if person.hours is not None:
        return bool(person.hours[day.weekday()])
    return name is not None or day.weekday() <= _FRIDAY


def _has_hours(name: str, day: date, rules: Rules) -> bool:
    from mailgate.desk.calendar import timetable

    calendar = rules.policy.calendar(name)
    zone = calendar.timezone or rules.desk.timezone
    begins, ends = (datetime.combine(one, time(), ZoneInfo(zone)) for one in (day, day + _DAY))
    return timetable(calendar, zone).between(begins, ends) > timedelta(0)


def week(person: Person, rules: Rules, now: datetime) -> tuple[datetime, datetime]:
    """The seven days before today, from midnight to midnight where he lives; aware UTC."""
    zone = ZoneInfo(person.timezone or rules.desk.timezone)
    today = now.astimezone(zone).date()
    begins, ends = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (today - 7 * _DAY, today))
    return begins, ends


# ------------------------------------------------------------------------------------------------------------------ what


def sorted_out(his: Sequence[Brief], person: Person, rules: Rules, now: datetime, most: int) -> tuple[Entries, ...]:
    """What somebody works on, in parts, the most pressing first; `most` of each part are listed."""
    zone = ZoneInfo(person.timezone or rules.desk.timezone)
    found: dict[Part, list[Brief]] = {part: [] for part in Part}
    for one in sorted((promised(one, rules) for one in his), key=_pressing):
        found[_part(one, now, zone)].append(one)
    return tuple(Entries(part, tuple(all_[:most]), len(all_)) for part, all_ in found.items() if all_)


def promised(one: Brief, rules: Rules) -> Brief:
    """The ticket with the time by which something is wanted or promised first."""
    if not one.clocks:
        return one
    from mailgate.desk.clocks import due

    moments = [at for at in (one.due, *(due(clock, rules) for clock in one.clocks if clock.live)) if at is not None]
    return replace(one, due=min(moments, default=None))


def _part(one: Brief, now: datetime, zone: ZoneInfo) -> Part:
    match state_of(one.status):
        case State.RESOLVED | State.CLOSED:
            return Part.CLOSING
        case _ if one.due is not None and one.due <= now:
            return Part.OVERDUE
        case _ if one.due is not None and one.due.astimezone(zone).date() == now.astimezone(zone).date():
            return Part.TODAY
        case State.ON_HOLD:
            return Part.PENDING
        case _:
            return Part.WORKING if one.answered else Part.UNANSWERED


_NEVER = datetime.max.replace(tzinfo=UTC)


def _pressing(one: Brief) -> tuple[datetime, Priority, datetime, TicketId]:
    return one.due or _NEVER, one.priority, one.created, one.id


def of_team(backlog: Backlog, lists: Sequence[tuple[Part, int, Sequence[Brief]]]) -> Iterator[Entries]:
    """The parts about a team: what nobody has, what is overdue, and what is there longest, unless that says nothing new."""
    told: set[TicketId] = set()
    for part, count, tickets in lists:
        new = tuple(one for one in tickets if part is not Part.OLDEST or one.id not in told)
        told.update(one.id for one in tickets)
        if new and backlog.open:
            yield Entries(part, new, count if part is not Part.OLDEST else len(new))
