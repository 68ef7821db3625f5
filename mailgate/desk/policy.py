"""Which rules does the operator give the desk? Values only, each with its default; config/ reads them, the rest of this room obeys them.

What holds for some tickets only, and nothing of which is there by default, is `plans`. Durations are elapsed time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time, timedelta
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct, field

from mailgate.desk.model import Address, Level, Priority, Strength

if TYPE_CHECKING:
    from mailgate.desk.plans import Approval, Calendar, Category, Escalation, Metric, Monitor, OwnStatus, Sla, Week

# Every command word that a policy may speak about, also where the command itself comes in a later release.
WORDS = frozenset(
    "accept reject reopen cancel status mute cc csat help"
    " assign take start priority impact urgency category tag pending resume escalate resolve close note macro merge parent link split"
    " approval due time requester confidential spam kb undo away send desk"
    " approve".split()
)


class Desk(Struct, frozen=True, dict=True):
    """A service desk: the addresses at which it is written to, the tag in its subjects, and how it speaks."""

    name: str = "Service Desk"
    address: Address = Address("support@localhost")
    aliases: tuple[Address, ...] = ()
    subaddress: str = "+"
    tag: str = "MG"
    # Where people reach the web pages, without a slash at its end. Empty: nowhere, and no letter has a link.
    public_url: str = ""
    language: str = "en"
    timezone: str = "UTC"
    lists: tuple[str, ...] = ()
    # The names of the teams that work here, the one that owns new tickets first; None: those that no other desk names.
    teams: tuple[str, ...] | None = None
    # Whether its tickets are confidential from the first mail on.
    confidential: bool = False

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The main address first, then the aliases."""
        return (self.address, *self.aliases)

    @cached_property
    def slug(self) -> str:
        """The name in small letters and hyphens, as its folder of templates is called: "human-resources"."""
        return "-".join("".join(sign if sign.isalnum() else " " for sign in self.name.casefold()).split())


class Verify(StrEnum):
    """Whether we check senders ourselves where no border writes results."""

    NONE = "none"
    DNS = "dns"


class Limits(Struct, frozen=True):
    """What one peer or one mail may cost: connections, recipients of a mail, CPU time and octets of memory to understand it."""

    connections: int = 400
    connections_per_peer: int = 250
    recipients: int = 100
    parse_time: timedelta = timedelta(seconds=10)
    parse_memory: int = 768_000_000


class Security(Struct, frozen=True):
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


_H, _M, _L = Level.HIGH, Level.MEDIUM, Level.LOW
_MATRIX = {
    (_H, _H): Priority.P1, (_H, _M): Priority.P2, (_H, _L): Priority.P3,
    (_M, _H): Priority.P2, (_M, _M): Priority.P3, (_M, _L): Priority.P4,
    (_L, _H): Priority.P3, (_L, _M): Priority.P4, (_L, _L): Priority.P4,
}  # fmt: skip


class PriorityMatrix(Struct, frozen=True):
    """The priority by (impact, urgency); `default` where the matrix has no such cell."""

    cells: Mapping[tuple[Level, Level], Priority] = field(default_factory=lambda: _MATRIX)
    default: Priority = Priority.P3

    def of(self, impact: Level, urgency: Level) -> Priority:
        """The priority of this impact and urgency."""
        return self.cells.get((impact, urgency), self.default)


class Pending(Struct, frozen=True):
    """A ticket that waits for its requester: reminders, then it counts as resolved. All counted from the question."""

    remind: tuple[timedelta, ...] = (timedelta(days=2), timedelta(days=4))
    resolve_after: timedelta = timedelta(days=7)


class Autoclose(Struct, frozen=True):
    """A resolved ticket without an answer: reminders, a warning with a keep-open tap, the end. All counted from the solution."""

    remind: tuple[timedelta, ...] = (timedelta(days=3),)
    warn: timedelta = timedelta(days=6)
    after: timedelta = timedelta(days=7)


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


class Budgets(Struct, frozen=True):
    """How many automatic letters may go out, whatever the headers say. The first three bind only addresses outside people.toml.

    `claimed_per_day` holds where authserv_ids is configured; `staff_per_hour` turns into a digest; `instance_per_minute` delays.
    """

    acknowledgements_per_ticket: int = 1
    letters_per_day: int = 10
    claimed_per_day: int = 1
    staff_per_hour: int = 100
    instance_per_minute: int = 600


NEVER: Week = ((),) * 7


class Quiet(Struct, frozen=True):
    """When notifications wait for the morning."""

    hours: Week = NEVER
    timezone: str | None = None


class Digests(Struct, frozen=True):
    """When letters go out that sum up, where their reader lives: the daily one, and the weekly one with its weekday (0: Monday).

    None: never. `calendar` says which days are working days.
    """

    daily: time | None = None
    weekly: tuple[int, time] | None = None
    calendar: str | None = None


class Retention(Struct, frozen=True):
    """How long after its end state something is kept; None: for ever."""

    tickets: timedelta | None = None
    mails: timedelta | None = None
    ignored: timedelta | None = None


# Words beside the English ones that our letters do not need, but people type. By language, then by verb.
SYNONYMS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "de": {
        "accept": ("annehmen", "akzeptieren"),
        "reject": ("ablehnen",),
        "reopen": ("wiedereröffnen",),
        "cancel": ("stornieren", "abbrechen"),
        "mute": ("stumm",),
        "csat": ("bewertung",),
        "help": ("hilfe",),
        "assign": ("zuweisen",),
        "take": ("übernehmen",),
        "start": ("beginnen",),
        "pending": ("rückfrage",),
        "resume": ("fortsetzen",),
        "note": ("notiz",),
        "resolve": ("lösen", "gelöst"),
        "close": ("schließen",),
        "priority": ("priorität", "prio"),
        "impact": ("auswirkung",),
        "urgency": ("dringlichkeit",),
        "category": ("kategorie",),
        "tag": ("schlagwort",),
        "escalate": ("eskalieren",),
        "requester": ("anfragender",),
        "cc": ("kopie",),
        "confidential": ("vertraulich",),
        "due": ("fällig", "frist"),
        "time": ("zeit", "aufwand"),
        "macro": ("vorlage", "baustein"),
        "merge": ("zusammenführen",),
        "parent": ("ursprung",),
        "link": ("verknüpfen",),
        "split": ("abtrennen",),
        "undo": ("rückgängig",),
        "away": ("abwesend",),
        "send": ("senden", "absenden"),
        "kb": ("wissen", "artikel"),
        "approve": ("genehmigen", "genehmigt"),
        "approval": ("genehmigung",),
        "desk": ("stelle",),
    }
}


class Policy(Struct, frozen=True, dict=True):
    """All rules of policy.toml. Where several of a kind could apply, the first whose condition holds does."""

    priority: PriorityMatrix = PriorityMatrix()
    categories: tuple[Category, ...] = ()
    calendars: tuple[Calendar, ...] = ()
    slas: tuple[Sla, ...] = ()
    # What is measured; none: the usual.
    metrics: tuple[Metric, ...] = ()
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
    digests: Digests = Digests()
    retention: Retention = Retention()
    monitors: tuple[Monitor, ...] = ()

    @cached_property
    def verbs_by_word(self) -> Mapping[str, str]:
        """Each synonym of every language in lower case, and its verb; asked of every mail."""
        return {word: verb for verbs in self.synonyms.values() for verb, words in verbs.items() for word in words}

    def calendar(self, name: str | None) -> Calendar:
        """The calendar of that name; round the clock for None."""
        from mailgate.desk.plans import TWENTY_FOUR_SEVEN

        return next((one for one in self.calendars if one.name == name), TWENTY_FOUR_SEVEN)
