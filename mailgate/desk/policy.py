"""Which rules does the operator give the desk? Values only, each with its default; config/ reads them, the rest of this room obeys them.

Times of day and days stand in the time zone that their table names (None: the desk's). Durations are elapsed time, except SLA targets and
the steps of an escalation, which run in the business time of a calendar.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from mailgate.desk.model import Address, Level, Priority, State, Strength

# Every command word that a policy may speak about, also where the command itself comes in a later release.
WORDS = frozenset(
    "accept reject reopen cancel status mute cc help"
    " assign take start priority impact urgency category tag pending resume escalate resolve close note macro merge parent link split"
    " approval due time requester confidential spam kb undo"
    " approve".split()
)


@dataclass(frozen=True, slots=True)
class Desk:
    """A service desk: the addresses at which it is written to, the tag in its subjects, and how it speaks."""

    name: str = "Service Desk"
    address: Address = Address("support@localhost")
    aliases: tuple[Address, ...] = ()
    subaddress: str = "+"
    tag: str = "MG"
    public_url: str = "http://127.0.0.1:8080"
    language: str = "en"
    timezone: str = "UTC"
    lists: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The main address first, then the aliases."""
        return (self.address, *self.aliases)


class Verify(StrEnum):
    """Whether we check senders ourselves where no border writes results."""

    NONE = "none"
    DNS = "dns"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one peer or one mail may cost: connections, recipients of a mail, CPU time and octets of memory to understand it."""

    connections: int = 400
    connections_per_peer: int = 250
    recipients: int = 100
    parse_time: timedelta = timedelta(seconds=10)
    parse_memory: int = 768_000_000


@dataclass(frozen=True, slots=True)
class Security:
    """What proves a sender.

    `border` holds networks and host names, `internal` names of headers or `Name: value`, `require` the strength by verb.
    """

    authserv_ids: tuple[str, ...] = ()
    border: tuple[str, ...] = ()
    internal: tuple[str, ...] = ()
    forms: tuple[Address, ...] = ()
    require: Mapping[str, Strength] = field(default_factory=dict)
    verify: Verify = Verify.NONE
    limits: Limits = Limits()


class Metric(StrEnum):
    """What an SLA promises a time for."""

    FIRST_RESPONSE = "first_response"
    NEXT_RESPONSE = "next_response"
    RESOLUTION = "resolution"


Patterns = tuple[re.Pattern[str], ...]


@dataclass(frozen=True, slots=True)
class When:
    """A condition. Each field that is not empty has to hold, and holds where any of its entries does; with none set it always holds.

    Patterns are searched, `category` holds globs such as `Hardware/*`, all else is compared whole.
    """

    subject: Patterns = ()
    text: Patterns = ()
    sender: Patterns = ()
    recipient: Patterns = ()
    headers: tuple[tuple[str, Patterns], ...] = ()
    category: tuple[str, ...] = ()
    organisation: tuple[str, ...] = ()
    desk: tuple[str, ...] = ()
    team: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    service: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    priority: tuple[Priority, ...] = ()
    impact: tuple[Level, ...] = ()
    urgency: tuple[Level, ...] = ()
    state: tuple[State, ...] = ()
    status: tuple[str, ...] = ()
    metric: tuple[Metric, ...] = ()


ALWAYS = When()

_H, _M, _L = Level.HIGH, Level.MEDIUM, Level.LOW
_MATRIX = {
    (_H, _H): Priority.P1, (_H, _M): Priority.P2, (_H, _L): Priority.P3,
    (_M, _H): Priority.P2, (_M, _M): Priority.P3, (_M, _L): Priority.P4,
    (_L, _H): Priority.P3, (_L, _M): Priority.P4, (_L, _L): Priority.P4,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PriorityMatrix:
    """The priority by (impact, urgency); `default` where the matrix has no such cell."""

    cells: Mapping[tuple[Level, Level], Priority] = field(default_factory=lambda: _MATRIX)
    default: Priority = Priority.P3

    def of(self, impact: Level, urgency: Level) -> Priority:
        """The priority of this impact and urgency."""
        return self.cells.get((impact, urgency), self.default)


@dataclass(frozen=True, slots=True)
class Category:
    """A rule of triage: the first whose condition holds names the category, and sets the fields that are not None."""

    name: str
    when: When = ALWAYS
    team: str | None = None
    service: str | None = None
    type: str | None = None
    impact: Level | None = None
    urgency: Level | None = None
    tags: tuple[str, ...] = ()
    confidential: bool = False


@dataclass(frozen=True, slots=True)
class Interval:
    """From `opens` to just before `closes`, both as time since local midnight, at most 24 hours."""

    opens: timedelta
    closes: timedelta


Week = tuple[tuple[Interval, ...], ...]

ALL_DAY = Interval(timedelta(0), timedelta(hours=24))
ROUND_THE_CLOCK: Week = ((ALL_DAY,),) * 7
NEVER: Week = ((),) * 7


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a team works: intervals for Monday to Sunday in order, without `closed` days and the public holidays of a code like `DE-BY`."""

    name: str
    timezone: str | None = None
    hours: Week = ROUND_THE_CLOCK
    holidays: str | None = None
    closed: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Sla:
    """Targets in the business time of a calendar (None: round the clock). `warn` are per cent of a target."""

    name: str
    when: When = ALWAYS
    calendar: str | None = None
    first_response: timedelta | None = None
    next_response: timedelta | None = None
    resolution: timedelta | None = None
    warn: tuple[int, ...] = ()

    def target(self, metric: Metric) -> timedelta | None:
        """The time promised for this metric; None where nothing is."""
        match metric:
            case Metric.FIRST_RESPONSE:
                return self.first_response
            case Metric.NEXT_RESPONSE:
                return self.next_response
            case Metric.RESOLUTION:
                return self.resolution


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """A point on the way to a breach: `80%` of the target, `breach` (100 %), or a business time `later` than the breach."""

    percent: int
    later: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Rung:
    """Whom to tell at a step.

    `technician`, `lead`, `manager`, `owner`, `next` (the team of the next level), a team's name or an address.
    """

    at: Step
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Escalation:
    """A ladder for the tickets and metrics that its condition names."""

    when: When = ALWAYS
    steps: tuple[Rung, ...] = ()


@dataclass(frozen=True, slots=True)
class Pending:
    """A ticket that waits for its requester: reminders, then it counts as resolved. All counted from the question."""

    remind: tuple[timedelta, ...] = (timedelta(days=2), timedelta(days=4))
    resolve_after: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Autoclose:
    """A resolved ticket without an answer: reminders, a warning with a keep-open tap, the end. All counted from the solution."""

    remind: tuple[timedelta, ...] = (timedelta(days=3),)
    warn: timedelta = timedelta(days=6)
    after: timedelta = timedelta(days=7)


class OnExpire(StrEnum):
    """What follows when nobody decided in time."""

    ESCALATE = "escalate"
    DECLINE = "decline"


@dataclass(frozen=True, slots=True)
class Stage:
    """Approvers who are asked together: roles or addresses. `need` of them have to agree; None: all."""

    approvers: tuple[str, ...]
    need: int | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """Which tickets need an approval, and by whom, stage after stage."""

    stages: tuple[Stage, ...]
    when: When = ALWAYS
    auto_submit: bool = True
    remind: tuple[timedelta, ...] = (timedelta(days=1),)
    expire: timedelta = timedelta(days=5)
    on_expire: OnExpire = OnExpire.ESCALATE
    step_up: bool = False


class ResolvedReply(StrEnum):
    """What an ordinary reply of the requester does to a resolved ticket."""

    REOPEN = "reopen"
    NOTE = "note"


class AssignBy(StrEnum):
    """How a technician is found for a new ticket."""

    HAND = "hand"
    LEAST_LOAD = "least_load"
    SKILL = "skill"


class AckUnverified(StrEnum):
    """What a merely claimed sender gets as acknowledgement."""

    PLAIN = "plain"
    FULL = "full"
    NEVER = "never"


class CcConfirm(StrEnum):
    """Who confirms an address in Cc: the trusted participant who named it, or a technician."""

    PARTICIPANT = "participant"
    TECHNICIAN = "technician"


class Collision(StrEnum):
    """What happens to the second of two answers written at once."""

    SEND = "send"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Budgets:
    """How many automatic letters may go out, whatever the headers say. The first three bind only addresses outside people.toml.

    `claimed_per_day` holds where authserv_ids is configured; `staff_per_hour` turns into a digest; `instance_per_minute` delays.
    """

    acknowledgements_per_ticket: int = 1
    letters_per_day: int = 10
    claimed_per_day: int = 1
    staff_per_hour: int = 100
    instance_per_minute: int = 600


class Clock(StrEnum):
    """What an SLA does while a ticket has an own status."""

    RUNS = "runs"
    PAUSED = "paused"
    MET = "met"


@dataclass(frozen=True, slots=True)
class OwnStatus:
    """A status that the operator adds under a state; `verb` is the command that leads to it, besides `#status NAME`."""

    name: str
    state: State
    sla: Clock = Clock.RUNS
    verb: str | None = None


@dataclass(frozen=True, slots=True)
class Quiet:
    """When notifications wait for the morning."""

    hours: Week = NEVER
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class Retention:
    """How long after its end state something is kept; None: for ever."""

    tickets: timedelta | None = None
    mails: timedelta | None = None
    ignored: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Monitor:
    """Alarm mails that are one ticket as long as the group of `key` in the subject is the same; `recovered` ends it."""

    name: str
    key: re.Pattern[str]
    recovered: re.Pattern[str] | None = None
    when: When = ALWAYS


# Words beside the English ones that our letters do not need, but people type. By language, then by verb.
SYNONYMS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "de": {
        "accept": ("annehmen", "akzeptieren"),
        "reject": ("ablehnen",),
        "reopen": ("wiedereröffnen",),
        "cancel": ("stornieren", "abbrechen"),
        "mute": ("stumm",),
        "help": ("hilfe",),
        "assign": ("zuweisen",),
        "take": ("übernehmen",),
        "start": ("beginnen",),
        "pending": ("rückfrage",),
        "resume": ("fortsetzen",),
        "note": ("notiz",),
        "resolve": ("lösen", "gelöst"),
        "close": ("schließen",),
        "approve": ("genehmigen",),
    }
}


@dataclass(frozen=True, slots=True)
class Policy:
    """All rules of policy.toml. Where several of a kind could apply, the first whose condition holds does."""

    priority: PriorityMatrix = PriorityMatrix()
    categories: tuple[Category, ...] = ()
    calendars: tuple[Calendar, ...] = ()
    slas: tuple[Sla, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    pending: Pending = Pending()
    autoclose: Autoclose = Autoclose()
    approvals: tuple[Approval, ...] = ()
    resolved_reply: ResolvedReply = ResolvedReply.REOPEN
    assign_by: AssignBy = AssignBy.HAND
    ack_unverified: AckUnverified = AckUnverified.PLAIN
    cc_confirm: CcConfirm = CcConfirm.PARTICIPANT
    collision: Collision = Collision.SEND
    budgets: Budgets = Budgets()
    synonyms: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=lambda: SYNONYMS)
    statuses: tuple[OwnStatus, ...] = ()
    quiet: Quiet = Quiet()
    retention: Retention = Retention()
    monitors: tuple[Monitor, ...] = ()

    def verbs_by_word(self) -> dict[str, str]:
        """Each synonym of every language in lower case, and its verb."""
        return {word: verb for verbs in self.synonyms.values() for verb, words in verbs.items() for word in words}

    def calendar(self, name: str | None) -> Calendar:
        """The calendar of that name; round the clock for None."""
        return next((one for one in self.calendars if one.name == name), Calendar("24x7"))
