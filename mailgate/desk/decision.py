"""What the desk answers to a stimulus: events, letters, a message for the story, refusals and the trail of reasons. Values only."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct, field
from msgspec.structs import replace

from mailgate.desk.absence import Absence
from mailgate.desk.article import Article
from mailgate.desk.commands import Command
from mailgate.desk.events import Change, Event
from mailgate.desk.letters import Letter
from mailgate.desk.model import Address, Strength, TicketId, Visibility
from mailgate.desk.stimuli import Finding, Passed


class Outcome(StrEnum):
    """What became of the stimulus as a whole."""

    OPENED = "opened"
    APPENDED = "appended"
    COMMANDED = "commanded"
    NOTED = "noted"
    REFUSED = "refused"
    HELD = "held"
    IGNORED = "ignored"
    ANSWERED = "answered"
    TIMED = "timed"


class Message(Struct, frozen=True):
    """What enters the story. `direction` is `in`, or `out` where a technician speaks to the requester.

    `copy_of` is the message of another ticket that it repeats, with everything that belongs to it.
    """

    author: Address
    text: str
    direction: str = "in"
    visibility: Visibility = Visibility.PUBLIC
    strength: Strength | None = None
    unverified: bool = False
    note: str = ""
    copy_of: int | None = None


class Onward(Struct, frozen=True):
    """What a decision means for another ticket: for `ticket`, or for each child of that one; for a new ticket where there is none."""

    stimulus: Passed
    ticket: TicketId | None = None
    children: bool = False


class Refusal(Struct, frozen=True):
    """A command that was not done: the line, a stable slug (`too-late`, `needs-stronger-sender`, …) and a line that would work.

    `meant` names what the line could mean, where it is more than one thing.
    """

    line: str
    slug: str
    instead: str = ""
    meant: str = ""


class MailOrder(Struct, frozen=True):
    """What has to be done about a mail that was put aside, by whose word. Row 0: about a sender alone. `sender` is who is (un)blocked."""

    verb: str
    row: int
    by: Address
    ticket: TicketId | None = None
    sender: str = ""


class Suppressed(Struct, frozen=True):
    """A letter that was planned and is not sent, with its reason."""

    letter: Letter
    reason: str


class Decision(Struct, frozen=True):
    """Everything that follows from one stimulus. Nothing in it has happened yet."""

    outcome: Outcome
    reason: str = ""
    # The changes with which a new ticket begins; None where no ticket is opened.
    opens: Event | None = None
    events: tuple[Event, ...] = ()
    message: Message | None = None
    # The article of the ticket as it is from now on.
    article: Article | None = None
    letters: tuple[Letter, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    commands: tuple[Command, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    # What the writer said of himself, whatever becomes of the ticket.
    absence: Absence | None = None
    orders: tuple[MailOrder, ...] = ()
    trail: tuple[Finding, ...] = field(default=())
    # The inbox row of an answer that was held back and is now to be sent after all.
    again: int | None = None
    # Carried out in the same transaction, for the same cause.
    onward: tuple[Onward, ...] = ()

    def noting(self, step: str, finding: str, because: str = "") -> Decision:
        """The same decision with one more line in its trail."""
        return replace(self, trail=(*self.trail, Finding(step, finding, because)))

    @property
    def changes(self) -> tuple[Change, ...]:
        """All changes of all events, in their order."""
        opened = (self.opens,) if self.opens else ()
        return tuple(change for event in (*opened, *self.events) for change in event.changes)
