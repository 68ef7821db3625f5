"""What can happen to a ticket: somebody wrote or clicked, a timer came due, a letter could not be delivered, an operator ordered; or
something happened to another ticket that this one has to do with.

Each carries the facts that were looked up for it (who, how strong, which clue), so that deciding needs nothing else.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from mailgate.desk.approval import Ask
from mailgate.desk.article import Article, Found
from mailgate.desk.events import Event
from mailgate.desk.held import Holding
from mailgate.desk.kin import Part
from mailgate.desk.known import NOTHING_KNOWN, Known
from mailgate.desk.letters import Name
from mailgate.desk.model import Address, Person, Strength, Ticket, TicketId


class Nature(StrEnum):
    """Who composed the mail: a human, a machine that reports something new, a machine that answers or distributes, or a delivery report."""

    HUMAN = "human"
    ALARM = "alarm"
    AUTOMATIC = "automatic"
    REPORT = "report"


# The kind of the one clue that is no find of ours: an operator said which ticket a held mail belongs to.
BY_HAND = "attached-by-hand"


class Clue(Struct, frozen=True):
    """Why a mail belongs to a ticket. A clue says which ticket; it gives no right."""

    kind: str
    ticket: TicketId
    found: str


class Finding(Struct, frozen=True):
    """One line of the trail of reasons: at which step, what was found, and because of what."""

    step: str
    finding: str
    because: str = ""


class Sign(StrEnum):
    """What a mail of a monitoring system says: something is wrong, it is no longer, or a word about what is wrong."""

    PROBLEM = "problem"
    RECOVERY = "recovery"
    REMARK = "remark"


class Alarm(Struct, frozen=True):
    """What a rule of `[[monitoring]]` made of a mail.

    `event_key` is the one that a ticket opened by it would have, `severity` the word that it has for how bad it is. `doubtful`: the ticket
    was opened by a proven sender, and this mail only claims to be his.
    """

    monitor: str
    key: str
    sign: Sign
    event_key: str
    severity: str | None = None
    doubtful: bool = False

    @property
    def fields(self) -> dict[str, object]:
        """What a ticket that it opens has from it."""
        return {"event_key": self.event_key, "severity": self.severity}


class Meanwhile(Struct, frozen=True):
    """A colleague's answer that a technician had not seen when he wrote his own: whose it is, and its words."""

    author: Address
    text: str


class Ballot(Struct, frozen=True):
    """The mark of an approver's letter that a mail bears: of which question about which ticket (it may have been merged since), to whom it
    was given, and the verb that was tapped, if any.

    `evidence` is the SHA-256 of the mail in hex; `told` says that the approver heard within a day that such a mail did not count.
    """

    ask: Ask
    person: Address
    ticket: TicketId
    verb: str = ""
    evidence: str = ""
    told: bool = False

    def mine(self, person: Person) -> bool:
        """Whether it was given to this person."""
        return self.person in person.addresses


class Wrote(Struct, frozen=True):
    """A mail (or a telephone note) from one person to one desk.

    `strength` counts the token, `aligned` tells whether the address alone is proven. `text` is what he newly wrote, `whole` the entire
    readable body. `tap` is the verb of a one-tap address, `borrowed` that of one that was made for somebody else. `copied` are the other
    people in To and Cc, our own addresses left out. `told_today` says that a refusal already went to this person's registered address
    within a day. `recipients` are all of the envelope and of the header, `headers` those fields that rules ask for, as (lower-cased name,
    decoded value). `known` is what his commands may need. `meanwhile` is what a colleague answered unseen by him; `insists` says that this
    mail was held back for that before. `alarm` is there where a monitoring system wrote. `suggested` are articles that may help him,
    `found` is what he searched for. `holding` is there where somebody of people.toml decides about mails that wait for a human,
    `ballot` where the mail bears an approver's mark; `blocked` is whom of the blocked senders it comes from.
    """

    person: Person
    address: Address
    strength: Strength
    aligned: bool
    desk: str
    subject: str
    text: str
    whole: str = ""
    nature: Nature = Nature.HUMAN
    nature_because: str = ""
    clue: Clue | None = None
    tap: str | None = None
    copied: tuple[Address, ...] = ()
    files: tuple[str, ...] = ()
    language: str | None = None
    source: str = "mail"
    flags: tuple[str, ...] = ()
    further_copy: bool = False
    told_today: bool = False
    recipients: tuple[Address, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    known: Known = NOTHING_KNOWN
    meanwhile: Meanwhile | None = None
    insists: bool = False
    borrowed: str | None = None
    alarm: Alarm | None = None
    suggested: tuple[Article, ...] = ()
    found: Found | None = None
    holding: Holding | None = None
    ballot: Ballot | None = None
    blocked: str = ""
    findings: tuple[Finding, ...] = ()


class Lost(Struct, frozen=True):
    """Somebody whom our letters do not reach, and why; `told` says that the technicians of the ticket know it already."""

    address: Address
    why: str
    told: bool = False


class Due(Struct, frozen=True):
    """A timer of this kind came due for the ticket. `lost` is the requester, where a reminder would not reach him."""

    kind: str
    lost: Lost | None = None


class Undelivered(Struct, frozen=True):
    """A letter of ours came back or was refused for good. `reply` is what the other side said."""

    letter: Name
    recipient: Address
    reply: str
    hard: bool = True


class Ordered(Struct, frozen=True):
    """A technician's command from the shell; whoever has a shell on the machine may all that a lead may."""

    person: Person
    text: str
    known: Known = NOTHING_KNOWN


class Clicked(Struct, frozen=True):
    """What an approver said (`approve`, `reject`, `disown`) on the page of the link that was sent to him; `coded`: with a code as well.

    `evidence` is the SHA-256 of the request in hex.
    """

    person: Person
    ask: Ask
    verb: str
    why: str = ""
    evidence: str = ""
    coded: bool = False


class By(Struct, frozen=True):
    """Who caused what passes on to other tickets, and how well he was known (None: nobody, a timer)."""

    actor: Address
    strength: Strength | None = None


class OriginResolved(Struct, frozen=True):
    """The parent of this ticket was resolved; `solution` may be told to this ticket's requester."""

    by: By
    solution: str = ""


class Joined(Struct, frozen=True):
    """Another ticket was merged into this one. `confirmed` tells whether its requester was proven to be who he is."""

    by: By
    loser: Ticket
    confirmed: bool


class Adopted(Struct, frozen=True):
    """The parent of this ticket was merged into another ticket, which is its parent from now on."""

    by: By
    loser: TicketId
    parent: TicketId


class TakenBack(Struct, frozen=True):
    """What came to this ticket through another one was undone there. `story` are this ticket's own events, oldest first."""

    by: By
    origin: TicketId
    story: tuple[Event, ...] = ()


class SplitOff(Struct, frozen=True):
    """A message of a ticket is to become a ticket of its own."""

    by: By
    origin: Ticket
    part: Part


Passed = OriginResolved | Joined | Adopted | TakenBack | SplitOff
Stimulus = Wrote | Clicked | Due | Undelivered | Ordered | Passed
