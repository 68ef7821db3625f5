"""Which letters exist and what each decision says about one. How a letter reads is in templates/, how it is written in mail/compose."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mailgate.desk.model import Address


class Name(StrEnum):
    """The letters; a template file of the same name belongs to each."""

    ACKNOWLEDGEMENT = "acknowledgement"
    REPLY = "reply"
    QUESTION = "question"
    RESOLVED = "resolved"
    REOPENED = "reopened"
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
    HELD = "held"


# What passes on the words of a human, if it has any; everything else is automatic mail in the sense of RFC 3834.
HUMAN = frozenset({Name.REPLY, Name.QUESTION, Name.RESOLVED})


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a receipt: what was written, whether it was done, and otherwise what is wrong and the line that would work."""

    wrote: str
    ok: bool
    wrong: str = ""
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter that a decision asks for. `words` is the human text that it carries; `plain` asks for the short form that echoes nothing."""

    name: Name
    to: Address
    words: str = ""
    author: Address | None = None
    lines: tuple[Line, ...] = ()
    note: str = ""
    plain: bool = False
    attach: bool = False

    @property
    def automatic(self) -> bool:
        """Whether RFC 3834 asks for Auto-Submitted on it."""
        return self.name not in HUMAN or not self.words
