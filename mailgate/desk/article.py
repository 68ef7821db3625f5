"""What does the knowledge base keep? An article: a problem that somebody had, and what solved it. Values only.

An article bears the number of the ticket that it comes from; a ticket has one at most.
"""

from __future__ import annotations

from msgspec import Struct

from mailgate.desk.model import Address, Status, TicketId


class Article(Struct, frozen=True):
    """A problem and its solution, as a technician confirmed them. An `internal` one is for those who work here.

    `borrowed` names the fields that still are the requester's own words: they go when he does.
    """

    ticket: TicketId
    desk: str
    title: str
    problem: str
    solution: str
    author: Address
    internal: bool = False
    borrowed: tuple[str, ...] = ()
    # Taken out of the knowledge base.
    gone: bool = False


# A title has so many characters at most.
LONGEST_TITLE = 150


def first_line(text: str) -> str:
    """The first line of a text that says something, cut where a title ends."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:LONGEST_TITLE]


class Origin(Struct, frozen=True):
    """What an article is made of or changed from: the words that opened the ticket, what their writer calls himself, and the article."""

    words: str = ""
    name: str = ""
    article: Article | None = None


class Seen(Struct, frozen=True):
    """A ticket that a search found, as far as whoever searched may see it; a confidential one has no subject."""

    ticket: TicketId
    subject: str
    status: Status
    confidential: bool = False


class Found(Struct, frozen=True):
    """What a search for these words found."""

    words: str
    tickets: tuple[Seen, ...] = ()
    articles: tuple[Article, ...] = ()
