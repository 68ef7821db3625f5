"""What a mail says, as one value of plain data: the seam between the child process that parses and everything behind it.

Texts are decoded, NFC-normalised and free of NUL and lone surrogates. Message-IDs stand without angle brackets.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field


class Kind(StrEnum):
    """What sort of mail it is. Everything but NEW and REPLY was written by a machine or must not be answered."""

    NEW = "new"
    REPLY = "reply"
    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    BULK = "bulk"
    LOOP = "loop"
    SPAM = "spam"
    UNREADABLE = "unreadable"


class Mailbox(Struct, frozen=True):
    """One address of a header field, with its display name (never evidence of identity)."""

    name: str
    address: str


class Attachment(Struct, frozen=True):
    """A part that is a file. `part` is its index in a walk of the MIME tree, so that its octets can be read again; size in octets.

    `octets` are its decoded content; None where the file is inline or too much to travel with a letter.
    """

    filename: str
    content_type: str
    size: int
    sha256: str
    inline: bool = False
    content_id: str | None = None
    part: int = 0
    octets: bytes | None = None

    def __repr__(self) -> str:
        return f"Attachment({self.filename!r}, {self.content_type!r}, {self.size}, {self.sha256!r})"


# The actions of a report that is no bad news.
_ARRIVED = frozenset({"delivered", "relayed", "expanded"})


class Bounce(Struct, frozen=True):
    """What a delivery report tells: RFC 3464 fields, or their like read from a vendor's prose. `action` is failed, delayed, delivered…

    `returned_ids` are the Message-IDs of the mail that came back, strongest clue to which letter it was.
    """

    recipient: str | None
    status: str | None
    action: str | None
    returned_ids: tuple[str, ...] = ()

    @property
    def arrived(self) -> bool:
        """Whether it reports that the mail got through, as far as whoever reports can see."""
        return self.action in _ARRIVED

    @property
    def final(self) -> bool:
        """Whether the mail will not arrive any more; also after days of trying, which leave a 4.x.x status (RFC 3464 2.3.3)."""
        return self.action == "failed" or not (self.arrived or self.action == "delayed" or self._passing)

    @property
    def hard(self) -> bool:
        """Whether the address itself is dead (final, and not a 4.x.x status)."""
        return self.final and not self._passing

    @property
    def _passing(self) -> bool:
        return (self.status or "5").startswith("4")


class Verdict(Struct, frozen=True):
    """Machine or human, in bits that are judged separately; `because` names the header or phrase that told."""

    never_answer: bool = False
    never_reopen: bool = False
    auto_generated: bool = False
    is_report: bool = False
    own_loop: bool = False
    foreign_list: bool = False
    because: tuple[str, ...] = ()

    @property
    def machine(self) -> bool:
        """Whether no human wrote this mail to us personally."""
        return self.never_answer or self.never_reopen or self.is_report or self.own_loop


class ParsedMail(Struct, frozen=True):
    """One mail, understood. Nothing here depends on the configuration, the database or the clock."""

    message_id: str | None = None
    from_: tuple[Mailbox, ...] = ()
    # Why the From field cannot name one person: slugs such as several-from, group, control-character, no-from.
    from_faults: tuple[str, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    # Every address of To, Cc, Delivered-To, X-Original-To, Envelope-To, folded.
    recipients: tuple[str, ...] = ()
    subject: str = ""
    date: datetime | None = None
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    # The whole readable body; what of it the sender newly wrote; the HTML as it came.
    text: str = ""
    reply_text: str = ""
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    # The first tag of Content-Language, lower-cased: "de".
    language: str | None = None
    # Received, Authentication-Results and the like, topmost first, as (lower-cased name, unfolded value).
    trace: tuple[tuple[str, str], ...] = ()
    # X-Mailgate-Loop values found, Auto-Submitted, List-Id and Precedence as they stood: name (lower-cased) to value.
    marks: dict[str, str] = field(default_factory=dict)
    kind: Kind = Kind.NEW
    verdict: Verdict = Verdict()
    bounce: Bounce | None = None
    defects: tuple[str, ...] = ()
