"""What did a technician's colleagues answer while he wrote, and which answer of his is held back? Looked up only where it can matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from mailgate.desk.commands import may_name
from mailgate.desk.model import Address, Person, Ticket, TicketId
from mailgate.desk.stimuli import Meanwhile


class Answers(Protocol):
    """What is known of answers. The database's is `store.records`."""

    def meanwhile(self, ticket: TicketId, people: Sequence[Address], letters: Sequence[str], *, insists: bool) -> Meanwhile | None:
        """The newest answer of somebody else that these addresses of one person cannot have seen in these letters of ours."""

    def held(self, ticket: TicketId, people: Sequence[Address]) -> int | None:
        """The inbox row of the newest answer of this person that is held back."""


def meanwhile(answers: Answers, ticket: Ticket | None, person: Person, letters: Sequence[str], *, insists: bool) -> Meanwhile | None:
    """What a colleague answered unseen by this person. `letters` are the Message-IDs of ours that his mail answers."""
    # Nobody is looked up for a ticket that nobody has answered yet.
    if ticket is None or not person.staff or ticket.responded is None:
        return None
    return answers.meanwhile(ticket.id, person.addresses, letters, insists=insists)


def held(answers: Answers, ticket: Ticket, person: Person, text: str, tap: str | None, synonyms: Mapping[str, str]) -> int | None:
    """His answer that is held back, where he may ask for it to be sent."""
    wants = tap == "send" or may_name(text, synonyms, "send")
    return answers.held(ticket.id, person.addresses) if wants else None
