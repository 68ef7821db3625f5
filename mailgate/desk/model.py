"""Who and what a service desk deals with: tickets, people, strengths of identity. Values only; the rules stand beside.

Every time in these values is an aware datetime in UTC. Every `Address` is folded: the form that `fold_address` gives.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, NewType

from msgspec import Struct

from mailgate.desk.address import Address as Address
from mailgate.desk.address import fold_address as fold_address
from mailgate.desk.approval import Ask, Round
from mailgate.desk.clock import Clock

if TYPE_CHECKING:
    from mailgate.desk.plans import Week

TicketId = NewType("TicketId", int)


class State(StrEnum):
    """The five states that every desk shares; a status stands under exactly one of them."""

    OPEN = "Open"
    IN_PROGRESS = "In Progress"
    ON_HOLD = "On Hold"
    RESOLVED = "Resolved"
    CLOSED = "Closed"


class Status(StrEnum):
    """Where a ticket stands. Which state each belongs to is a row of `workflow.STATES`."""

    NEW = "New"
    RESPONDED = "Responded"
    AWAITING_APPROVAL = "Awaiting Approval"
    ANALYSIS = "Analysis"
    ESCALATED = "Escalated"
    PENDING = "Pending"
    WAITING_FOR_CLOSURE = "Waiting for Closure"
    RESOLVED_BY_EVENT = "Resolved by Event"
    RESOLVED_BY_ORIGIN = "Resolved by Origin Ticket"
    COMPLETED = "Completed"
    CANCELLED = "Cancelled"
    DUPLICATE = "Duplicate"
    DECLINED = "Declined"


class Role(StrEnum):
    """What people.toml says that a person is. Whoever it does not name is a requester."""

    REQUESTER = "requester"
    TECHNICIAN = "technician"
    LEAD = "lead"
    MANAGER = "manager"
    APPROVER = "approver"
    OWNER = "owner"


class Strength(StrEnum):
    """How well we know that a mail comes from its From address; weakest first."""

    SPOOFED = "spoofed"
    CLAIMED = "claimed"
    ALIGNED = "aligned"
    TOKEN = "token"

    @property
    def trusted(self) -> bool:
        """Whether the address is more than a claim."""
        return self in (Strength.ALIGNED, Strength.TOKEN)


class Priority(StrEnum):
    """P1 is the most urgent."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


class Level(StrEnum):
    """Impact and urgency are both told on this scale."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Visibility(StrEnum):
    """Who may read a message: everybody on the ticket, technicians, or technicians who ask for it."""

    PUBLIC = "public"
    INTERNAL = "internal"
    HIDDEN = "hidden"


class Person(Struct, frozen=True):
    """Somebody of people.toml, or a requester whom we know by address alone."""

    address: Address
    name: str = ""
    role: Role = Role.REQUESTER
    aliases: tuple[Address, ...] = ()
    team: str | None = None
    manager: Address | None = None
    skills: tuple[str, ...] = ()
    language: str | None = None
    timezone: str | None = None
    # The span of an absence (`absence.within`), as people.toml and as he himself says.
    away: str | None = None
    said: str | None = None
    delegate: Address | None = None
    # When he works, in his time zone; None: no hours are known.
    hours: Week | None = None
    # Whether he wants the letters that sum up.
    digest: bool = True

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The main address first, then the aliases."""
        return (self.address, *self.aliases)

    @property
    def label(self) -> str:
        """The name, or the address of somebody without one."""
        return self.name or self.address

    @property
    def staff(self) -> bool:
        """Whether he works on tickets: technicians and leads."""
        return self.role in (Role.TECHNICIAN, Role.LEAD)


class Team(Struct, frozen=True):
    """A group of technicians that owns tickets. `next` is the team of the next functional level."""

    name: str
    level: int = 1
    lead: Address | None = None
    next: str | None = None
    skills: tuple[str, ...] = ()


class Organisation(Struct, frozen=True):
    """A customer, recognised by the domains of its addresses."""

    name: str
    domains: tuple[str, ...] = ()
    sla: str | None = None


class Directory(Struct, frozen=True, dict=True):
    """Everybody who is named in people.toml or was added by hand, as of one moment. Requesters without an entry are not in it."""

    people: tuple[Person, ...] = ()
    teams: tuple[Team, ...] = ()
    organisations: tuple[Organisation, ...] = ()
    # Of whom nothing is heard any more: addresses, and `@` with a domain.
    blocked: frozenset[str] = frozenset()

    # There may be thousands of people: who has an address, and who is more than a requester, is looked through once.
    @cached_property
    def _by_address(self) -> dict[Address, Person]:
        # Who is named first keeps an address that two of them claim.
        return {address: person for person in reversed(self.people) for address in reversed(person.addresses)}

    @cached_property
    def _staff(self) -> tuple[Person, ...]:
        return tuple(person for person in self.people if person.role is not Role.REQUESTER)

    @cached_property
    def _by_domain(self) -> dict[str, Organisation]:
        return {domain: one for one in reversed(self.organisations) for domain in one.domains}

    def find(self, address: Address) -> Person | None:
        """The person whose address or alias this is."""
        return self._by_address.get(address)

    def person(self, address: Address, name: str = "") -> Person:
        """The person whose address or alias this is, else a requester with nothing but the address (and the name given)."""
        return self.find(address) or Person(address, name)

    def team(self, name: str | None) -> Team | None:
        """The team of that name; None for no name and for a team that is no more."""
        return next((team for team in self.teams if team.name == name), None)

    def organisation(self, address: Address) -> Organisation | None:
        """The organisation whose domain this address is at, or is below; of several the one with the nearest domain."""
        domain = address.rpartition("@")[2] if self._by_domain else ""
        while domain and domain not in self._by_domain:
            domain = domain.partition(".")[2]
        return self._by_domain.get(domain)

    def domains(self) -> Iterable[str]:
        """The domains of the organisations, and of everybody who is more than a requester."""
        yield from self._by_domain
        yield from (address.rpartition("@")[2] for person in self._staff for address in person.addresses)

    def blocking(self, address: Address) -> str | None:
        """Which entry of `blocked` this address falls under: itself, its domain or one that its domain is below; None: it is heard."""
        if not self.blocked or not address:
            return None
        if address in self.blocked:
            return address
        domain = address.rpartition("@")[2]
        while domain and f"@{domain}" not in self.blocked:
            domain = domain.partition(".")[2]
        return f"@{domain}" if domain else None

    def members(self, team: str | None) -> tuple[Person, ...]:
        """The technicians and leads of a team."""
        return tuple(person for person in self._staff if person.staff and person.team == team and team is not None)

    def having(self, *roles: Role) -> tuple[Person, ...]:
        """Everybody who has one of these roles."""
        return tuple(person for person in (self.people if Role.REQUESTER in roles else self._staff) if person.role in roles)


class Participant(Struct, frozen=True):
    """An address on a ticket. `role` is `requester`, `cc`, `assignee`, `approver` or `vendor`; an unconfirmed one hears nothing."""

    address: Address
    role: str
    confirmed: bool = True
    muted: bool = False


class Ticket(Struct, frozen=True):
    """A ticket at one moment. `since` is when its present status began; `version` grows by one with every saved change."""

    id: TicketId
    desk: str
    subject: str
    requester: Address
    created: datetime
    updated: datetime
    since: datetime
    status: Status = Status.NEW
    # What the operator calls it, where the ticket stands in a status of his own; `status` is then the one that it behaves as.
    own: str | None = None
    source: str = "mail"
    type: str = "incident"
    priority: Priority = Priority.P3
    impact: Level = Level.MEDIUM
    urgency: Level = Level.MEDIUM
    category: str | None = None
    service: str | None = None
    tags: tuple[str, ...] = ()
    team: str | None = None
    assignee: Address | None = None
    participants: tuple[Participant, ...] = ()
    parent: TicketId | None = None
    links: tuple[TicketId, ...] = ()
    merged_into: TicketId | None = None
    resolution: str | None = None
    closure_category: str | None = None
    closure_note: str | None = None
    language: str | None = None
    confidential: bool = False
    # What alarms of a monitoring system it is about, as `alarms.event_key` makes it; None for a ticket that no alarm opened.
    event_key: str | None = None
    # How bad it is, in the words of the worst alarm since it began.
    severity: str | None = None
    responded: datetime | None = None
    # When the oldest mail of the requester's came that waits for an answer, once there was a first one.
    awaiting: datetime | None = None
    resolved: datetime | None = None
    closed: datetime | None = None
    reopened: int = 0
    # How many rungs of the present status's ladder of reminders were climbed, and when the last one was.
    rungs: int = 0
    climbed: datetime | None = None
    # When it has to be done, and whether somebody was told that this moment came.
    due: datetime | None = None
    overdue: bool = False
    # The minutes that technicians say they have spent on it.
    time_spent: int = 0
    # How its requester was helped, in his own opinion: a mark from 1 to 5, what he says about it, and when he said so.
    rating: int | None = None
    remark: str | None = None
    rated: datetime | None = None
    # What was promised for it, and how that stands.
    clocks: tuple[Clock, ...] = ()
    # The round of approvals that it is in or was in last, and everything that approvers were ever asked about it.
    approval: Round | None = None
    asks: tuple[Ask, ...] = ()
    version: int = 0

    @property
    def status_name(self) -> str:
        """Where it stands, as people read it."""
        return self.own or self.status

    def participant(self, addresses: Iterable[Address]) -> Participant | None:
        """The first participant who has one of these addresses."""
        wanted = set(addresses)
        return next((one for one in self.participants if one.address in wanted), None)
