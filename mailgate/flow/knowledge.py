"""What has to be looked up where a mail asks the knowledge base, or may be helped by it? Nothing is, where it is empty or nobody asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec.structs import replace

from mailgate.desk import searching
from mailgate.desk.article import Article, Found, Origin
from mailgate.desk.commands import may_name
from mailgate.desk.model import Person, State, Strength, Ticket, TicketId
from mailgate.desk.stimuli import Nature
from mailgate.desk.workflow import state_of


class Library(Protocol):
    """What is known of articles and tickets. The database's answer is `store.records`."""

    def origin(self, ticket: TicketId) -> Origin:
        """What an article of this ticket is made of, and the article that there is."""

    def suggested(self, desk: str, subject: str, text: str) -> tuple[Article, ...]:
        """The public articles of a desk that may help whoever writes this."""

    def search(self, desk: str, text: str) -> Found:
        """What the desk's tickets and articles say about these words."""


def origin(library: Library, ticket: Ticket, text: str, tap: str | None, synonyms: Mapping[str, str]) -> Origin | None:
    """What an article would be made of, where somebody asks for one; the words without the signature below them."""
    if not (tap == "kb" or may_name(text, synonyms, "kb")):
        return None
    # Few mails ask for it, and what knows signatures takes a fiftieth of a start.
    from mailgate.mail import signature

    found = library.origin(ticket.id)
    return replace(found, words="\n".join(signature.without(found.words.splitlines())))


def suggested(
    library: Library, ticket: Ticket | None, desk: str, strength: Strength, nature: Nature, subject: str, text: str
) -> tuple[Article, ...]:
    """The articles that may help a proven human whose mail opens a ticket."""
    opens = ticket is None or state_of(ticket.status) is State.CLOSED
    if not opens or not strength.trusted or nature is not Nature.HUMAN:
        return ()
    return library.suggested(desk, subject, text)


def searched(library: Library, desk: str, person: Person, strength: Strength, nature: Nature, subject: str, text: str) -> Found | None:
    """What a technician's search finds; None where nobody searches."""
    if not person.staff or not strength.trusted or nature is not Nature.HUMAN:
        return None
    words = searching.wanted(subject, text)
    return library.search(desk, words) if words else None
