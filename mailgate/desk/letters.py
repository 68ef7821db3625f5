"""Which letters exist and what each decision says about one. How a letter reads is in templates/, how it is written in mail/compose."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from mailgate.desk.article import Article, Found
from mailgate.desk.clock import Moved, Step
from mailgate.desk.model import Address, Ticket, TicketId

if TYPE_CHECKING:
    from mailgate.desk.summary import Digest
    from mailgate.desk.weekly import Report


class Name(StrEnum):
    """The letters; a template file of the same name belongs to each."""

    ACKNOWLEDGEMENT = "acknowledgement"
    REPLY = "reply"
    QUESTION = "question"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    ESCALATED = "escalated"
    REMINDER = "reminder"
    CLOSING_SOON = "closing_soon"
    CLOSED = "closed"
    STATUS = "status"
    HELP = "help"
    NEW_TICKET = "new_ticket"
    ASSIGNED = "assigned"
    REQUESTER_REPLIED = "requester_replied"
    UNDELIVERABLE = "undeliverable"
    RECEIPT = "receipt"
    HANDOVER = "handover"
    RELATED = "related"
    MAILBOX = "mailbox"
    CLOCK = "clock"
    VENDOR = "vendor"
    COLLISION = "collision"
    ARTICLE = "article"
    FOUND = "found"
    HELD = "held"
    SLA_WARNING = "sla_warning"
    SLA_BREACH = "sla_breach"
    DELAYED = "delayed"
    OVERDUE = "overdue"
    DIGEST = "digest"
    REPORT = "report"
    APPROVAL_REQUEST = "approval_request"
    APPROVAL_REMINDER = "approval_reminder"
    APPROVAL_CODE = "approval_code"
    APPROVAL_WAITS = "approval_waits"
    DECISION = "decision"
    APPROVED = "approved"
    DECLINED = "declined"
    LOGIN = "login"


# The note of a receipt to somebody whose mail did not prove that it was his.
UNPROVEN = "unproven"
# The note of a receipt, and of the message itself, where an answer was held back because a colleague's came first.
HELD = "held"
# What passes on the words of a human, if it has any; everything else is automatic mail in the sense of RFC 3834.
HUMAN = frozenset({Name.REPLY, Name.QUESTION, Name.RESOLVED, Name.VENDOR})

# What `note` may say in each letter, beside nothing. Those of TAGGED are followed by the tag of a ticket, `children` by those of several;
# the note of `undeliverable` is an address. The templates have words for each.
NOTES: Mapping[Name, tuple[str, ...]] = {
    Name.ACKNOWLEDGEMENT: ("apart",),
    Name.NEW_TICKET: ("follows", "clue", "escalated", "moved", "split"),
    Name.ASSIGNED: ("due",),
    Name.REQUESTER_REPLIED: ("accept", "reject", "reopen", "cancel", "resume", "unverified", "unconfirmed", "refused", "vendor",
                             "recovered", "recurred", "worse", "persists", "csat"),
    Name.ESCALATED: ("vendor",),
    Name.RESOLVED: ("no answer", "origin"),
    Name.CLOSED: ("accept", "cancel", "no answer", "merged"),
    Name.STATUS: ("refused", "muted", "unmuted", "copied", "rated"),
    Name.RECEIPT: ("refused", UNPROVEN, "undoable", HELD, "collision", "decided", "undecided"),
    Name.HANDOVER: ("team",),
    Name.HELP: ("requester", "technician"),
    Name.RELATED: ("joined", "merged", "resolved", "children"),
    Name.MAILBOX: ("back", "expires"),
    Name.CLOCK: ("went-back", "behind-events", "apart-from-database", "believed"),
    Name.ARTICLE: ("changed", "withdrawn"),
    Name.APPROVAL_REQUEST: ("changed", "escalated", "elsewhere", UNPROVEN, "disowned"),
    Name.APPROVAL_WAITS: ("expired", "disowned", "undelivered"),
    Name.DECISION: ("approve", "reject", "already", "settled", "expired", "withdrawn", "not-you"),
    Name.DECLINED: ("expired",),
    Name.DELAYED: ("first_response", "next_response", "resolution"),
}  # fmt: skip
TAGGED = frozenset({"follows", "clue", "split", "merged", "joined", "resolved", "children"})
# Why a ticket may be the same as another; the templates have words for each.
LIKE = ("same-requester", "same-organisation", "same-thread")
# What can be wrong with a line; the templates have words for each of these as well.
WRONG = (
    "no-ticket",
    "unknown-verb", "needs-words", "takes-nothing", "two-take-the-rest", "too-many-commands", "not-at-the-top", "needs-stronger-sender",
    "wrong-status", "too-late", "unknown-person", "ambiguous-person", "not-a-technician", "unknown-value", "unknown-address",
    "unknown-team", "unknown-desk", "nothing-to-undo", "nothing-held", "not-a-vendor", "confidential-ticket", "no-article", "no-solution",
    "unknown-status", "ambiguous-status", "needs-its-verb", "unknown-duration", "unknown-moment", "in-the-past", "unknown-macro",
    "broken-macro",
    "no-day", "away-by-file",
    "needs-numbers", "needs-ticket", "no-such-mail", "no-such-ticket", "already-decided", "is-a-colleague", "no-such-block", "no-sender",
    "named-twice", "not-the-owner",
    "unknown-ticket", "same-ticket", "merged-already", "closed-ticket", "round-in-circles", "nothing-to-split",
    "not-your-button",
    "needs-mark", "no-longer-rated",
    "not-an-approver", "no-approvers", "unknown-approver",
)  # fmt: skip


# Why a mail was put aside; the templates have words for each. `unreadable` stands for every other fault of reading.
HELD_WHY = (
    "spoofed", "several-from", "group", "control-character", "own-domain-fail", "dmarc-fail-enforced",
    "too-many-lines", "header-block-too-large", "too-many-headers", "header-too-large", "too-deep", "too-many-parts", "too-large",
    "hung", "died", "ended-the-daemon", "unreadable",
)  # fmt: skip


class Became(Struct, frozen=True):
    """What became of a mail before somebody decided about it once more: the verb, by whom, when (UTC), and the tag of its ticket."""

    verb: str
    by: str
    at: datetime
    tag: str = ""


class Line(Struct, frozen=True):
    """One line of a receipt: what was written, whether it was done, and otherwise what is WRONG and the line that would work.

    `meant` is what the line was understood as, or could be.
    """

    wrote: str
    ok: bool
    wrong: str = ""
    instead: str = ""
    meant: str = ""
    became: Became | None = None


class Said(Struct, frozen=True):
    """A public message of a ticket's story: when (UTC), who said it (`requester`, `copy` or `desk`), and its words.

    `unverified`: nothing proves that it was he.
    """

    at: datetime
    who: str
    text: str
    unverified: bool = False


class Mailbox(Struct, frozen=True):
    """A mailbox that mail is fetched from, as its operator knows it. `at` is since when nothing is fetched, or when our access ends."""

    name: str
    server: str
    folder: str
    at: datetime
    why: str = ""


class HeldMail(Struct, frozen=True):
    """A mail that waits for a human, as its digest tells of it. `why` are HELD_WHY; sender and subject are the sender's own text.

    `envelope` is the address that handed it over, where that is another one; `read` is False for one that could not be read at all.
    """

    row: int
    why: tuple[str, ...]
    sender: str
    subject: str
    at: datetime
    size: int
    envelope: str = ""
    fresh: bool = True
    read: bool = True
    ticket: TicketId | None = None


class Held(Struct, frozen=True):
    """Mails that wait for a human, and how many more there are. `blocked` is the mail whose sender this letter tells is blocked."""

    mails: tuple[HeldMail, ...] = ()
    more: int = 0
    blocked: int = 0


class Likeness(Struct, frozen=True):
    """A ticket that this one may be the same as, and why: one of LIKE."""

    ticket: TicketId
    because: str


class Milestone(Struct, frozen=True):
    """A step that the `number`-th clock of a metric has come to. `quiet`: the letter about it may wait for the end of quiet hours."""

    metric: str
    number: int
    step: Step
    quiet: bool = True


class Late(Struct, frozen=True):
    """A ticket of which a letter about several tells that one of its clocks has come to a step."""

    ticket: Ticket
    milestone: Milestone


class Notice(Struct, frozen=True):
    """Whom to tell of which step of which clock; `quiet`: it may wait for the end of quiet hours."""

    desk: str
    person: Address
    ticket: TicketId
    metric: str
    number: int
    step: Step
    quiet: bool = True


class ApproverLetter(Struct, frozen=True):
    """The question that a letter to an approver is about. `page` is the address of his link, and `code` what he types there; nobody else is
    told either. `proven`: something proves that the requester asks for it.
    """

    round: int
    stage: int
    approver: Address
    page: str = ""
    code: str = ""
    proven: bool = True


class Letter(Struct, frozen=True):
    """A letter that a decision asks for. `words` is the human text that it carries, `note` one of its NOTES.

    `plain` asks for the short form that echoes nothing. `story` is filled in where the letter goes to somebody who has not followed it.
    `about` names the ticket whose opening words it brings along. `like` are tickets that this one may be the same as; only technicians are
    shown them.
    """

    name: Name
    to: Address
    words: str = ""
    author: Address | None = None
    lines: tuple[Line, ...] = ()
    note: str = ""
    plain: bool = False
    attach: bool = False
    mailbox: Mailbox | None = None
    story: tuple[Said, ...] = ()
    # Articles that may help, or the one that it is about; what a search found; and when an answer comes.
    articles: tuple[Article, ...] = ()
    found: Found | None = None
    answered_by: datetime | None = None
    # What a letter about several tickets tells of.
    tickets: tuple[Ticket, ...] = ()
    held: Held | None = None
    # How things stand for its reader, or for his desk in figures.
    digest: Digest | None = None
    report: Report | None = None
    about: TicketId | None = None
    # The step of a clock that the letter is about, or the steps of several.
    milestone: Milestone | None = None
    late: tuple[Late, ...] = ()
    # The promises that are due at another time now.
    moved: tuple[Moved, ...] = ()
    like: tuple[Likeness, ...] = ()
    approver: ApproverLetter | None = None
    # The address of the page that it leads to, with the secret that opens it.
    page: str = ""

    @property
    def automatic(self) -> bool:
        """Whether RFC 3834 asks for Auto-Submitted on it."""
        return self.name not in HUMAN or not self.words
