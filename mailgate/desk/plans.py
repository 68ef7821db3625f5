"""Which rules does the operator make for some mails, tickets or hours: triage, calendars, promises, approvals, own statuses, alarms?

Values only. A desk has none of them by default, so that only what reads or obeys them imports this. Times of day and days stand in the
time zone that their table names (None: the desk's). Durations are elapsed time, except SLA targets and the steps of an escalation, which
run in the business time of a calendar.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from mailgate.desk.approval import Stage as Stage
from mailgate.desk.clock import Step
from mailgate.desk.model import Level, Priority, State, Status


class Metric(Struct, frozen=True):
    """What a time can be promised for: a clock, and the conditions that move it.

    A condition holds where one of its words is the ticket's state or its status, or `responded` (a technician has answered), `unanswered`
    (a mail of the requester's after that waits for an answer) or `answered` (none does). They are asked in the order cancel, stop, pause,
    resume, start; without a `resume` whatever does not pause it sets it going again. `anew`: what starts it after its end is a new clock.
    """

    name: str
    start: frozenset[str]
    stop: frozenset[str]
    pause: frozenset[str] = frozenset()
    resume: frozenset[str] = frozenset()
    cancel: frozenset[str] = frozenset()
    anew: bool = True


_WORKED_ON = frozenset({State.OPEN.value, State.IN_PROGRESS.value})
_WAITS = frozenset({State.ON_HOLD.value, Status.AWAITING_APPROVAL.value})
_DONE = frozenset({State.RESOLVED.value, Status.COMPLETED.value})
_DROPPED = frozenset({Status.CANCELLED.value, Status.DUPLICATE.value, Status.DECLINED.value})

# What a condition may say of answers, beside states and statuses.
RESPONDED, ANSWERED, UNANSWERED = ANSWERS = ("responded", "answered", "unanswered")

METRICS = (
    Metric("first_response", _WORKED_ON, _DONE | {RESPONDED}, _WAITS, cancel=_DROPPED, anew=False),
    Metric("next_response", frozenset({UNANSWERED}), _DONE | {ANSWERED}, _WAITS, cancel=_DROPPED),
    Metric("resolution", _WORKED_ON, _DONE, _WAITS, cancel=_DROPPED, anew=False),
)


Patterns = tuple[re.Pattern[str], ...]


class When(Struct, frozen=True):
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
    metric: tuple[str, ...] = ()


ALWAYS = When()


class Category(Struct, frozen=True):
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


class Interval(Struct, frozen=True):
    """From `opens` to just before `closes`, both as time since local midnight, at most 24 hours."""

    opens: timedelta
    closes: timedelta


Week = tuple[tuple[Interval, ...], ...]

ALL_DAY = Interval(timedelta(0), timedelta(hours=24))
ROUND_THE_CLOCK: Week = ((ALL_DAY,),) * 7


class Closure(Struct, frozen=True):
    """Time without work, from `begins` to just before `ends`: both aware, or both as a clock on the wall shows them."""

    begins: datetime
    ends: datetime


class Calendar(Struct, frozen=True):
    """When a team works: intervals for Monday to Sunday in order, except on public holidays and while it is `closed`, by day or hour."""

    name: str
    timezone: str | None = None
    hours: Week = ROUND_THE_CLOCK
    holidays: tuple[date, ...] = ()
    closed: tuple[date | Closure, ...] = ()

    def __hash__(self) -> int:
        # Asked for with each clock of a mail: hundreds of holidays would take longer than what is then counted.
        return hash((self.name, self.timezone))


TWENTY_FOUR_SEVEN = Calendar("24x7")


class Sla(Struct, frozen=True):
    """Targets by metric, in the business time of a calendar (None: round the clock). `warn` are per cent of a target."""

    name: str
    when: When = ALWAYS
    calendar: str | None = None
    targets: tuple[tuple[str, timedelta], ...] = ()
    warn: tuple[int, ...] = ()

    def target(self, metric: str) -> timedelta | None:
        """The time promised for this metric; None where nothing is."""
        return next((target for name, target in self.targets if name == metric), None)


class Rung(Struct, frozen=True):
    """Whom to tell at a step.

    `technician`, `lead`, `manager`, `owner`, `requester`, a team's name or an address; `next` gives the ticket to the next level's team.
    """

    at: Step
    to: tuple[str, ...]


class Escalation(Struct, frozen=True):
    """A ladder for the tickets and metrics that its condition names. `quiet`: its letters wait for the end of quiet hours."""

    when: When = ALWAYS
    steps: tuple[Rung, ...] = ()
    quiet: bool = True


class OnExpire(StrEnum):
    """What follows when nobody decided in time."""

    ESCALATE = "escalate"
    DECLINE = "decline"


class Approval(Struct, frozen=True):
    """Which tickets need an approval, and by whom, stage after stage."""

    stages: tuple[Stage, ...]
    when: When = ALWAYS
    auto_submit: bool = True
    remind: tuple[timedelta, ...] = (timedelta(days=1),)
    # None: nobody has to decide in time.
    expire: timedelta | None = timedelta(days=5)
    on_expire: OnExpire = OnExpire.ESCALATE
    step_up: bool = False


class Pace(StrEnum):
    """What the clocks do while a ticket has an own status."""

    RUNS = "runs"
    PAUSED = "paused"
    MET = "met"


class OwnStatus(Struct, frozen=True):
    """A status that the operator adds under a state; `verb` is the command that leads to it, besides `#status NAME`."""

    name: str
    state: State
    sla: Pace = Pace.RUNS
    verb: str | None = None


class Monitor(Struct, frozen=True):
    """Alarm mails that are one ticket as long as what the groups of `key` find in the subject is the same.

    `recovered` in the subject ends it; `remark` tells mails that are about a problem and none themselves (acknowledged, flapping).
    """

    name: str
    key: re.Pattern[str]
    recovered: re.Pattern[str] | None = None
    remark: re.Pattern[str] | None = None
    when: When = ALWAYS
