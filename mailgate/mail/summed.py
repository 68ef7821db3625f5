"""What does a letter know that sums up? Held mails, overdue tickets, how things stand: many of them, each in a line.

Views as those of `view`, and of the same kind: frozen, every time an aware datetime in UTC.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mailgate.mail import header

if TYPE_CHECKING:
    from mailgate.desk.summary import Backlog
    from mailgate.mail.view import ClockView

# Characters of the words of a mail that nobody has vouched for.
_SENDER = 100
_SUBJECT = 120


class HeldMailView(Struct, frozen=True):
    """A mail that waits for a human: why (slugs with words), what its sender calls himself and it, and the taps that decide about it.

    `envelope` is the address that handed it over, where that is another one; `ticket` the tag of the ticket that tells of it.
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
    ticket: str = ""
    release: str | None = None
    attach: str | None = None
    drop: str | None = None
    block: str | None = None


class HeldView(Struct, frozen=True):
    """The mails that a digest tells of, how many more wait, and how many of those shown are new."""

    mails: tuple[HeldMailView, ...] = ()
    more: int = 0
    fresh: int = 0


class LateView(Struct, frozen=True):
    """A ticket with what was promised for it, and where mail about it goes. A confidential one has no subject."""

    tag: str
    priority: str
    subject: str
    clock: ClockView
    link: str
    confidential: bool = False


class OverdueView(Struct, frozen=True):
    """The tickets that a digest tells of, the most urgent first, the tags of those for which there is no room, and how many are overdue."""

    tickets: tuple[LateView, ...] = ()
    more: tuple[str, ...] = ()
    late: int = 0
    soon: int = 0


class EntryView(Struct, frozen=True):
    """A ticket in a digest: which part of it it stands in (a slug with words), and what of it matters there.

    The first of a part says how many there are, the last one how many `more` than are listed. `at` is when it is due, came, or came to its
    status, as the part wants it. `take` and `close` do so with one tap, `write` is where mail about it goes.
    """

    part: str
    tag: str
    subject: str
    status: str
    priority: str
    at: datetime
    assignee: str = ""
    confidential: bool = False
    first: bool = False
    count: int = 0
    more: int = 0
    write: str | None = None
    take: str | None = None
    close: str | None = None


class DigestView(Struct, frozen=True):
    """How things stand: somebody's own tickets, how many of them are `open`, of these `overdue` or due `today`, and how many are solved and
    wait to be closed (`closing`); and those of the teams he leads.

    `teams` is their names; empty where `backlog` is that of the whole desk.
    """

    own: tuple[EntryView, ...] = ()
    team: tuple[EntryView, ...] = ()
    open: int = 0
    overdue: int = 0
    today: int = 0
    closing: int = 0
    backlog: Backlog | None = None
    teams: str = ""


def held(held: HeldView) -> HeldView:
    """Each mail as a letter may show it: what its sender calls himself and it, on one line."""
    mails = (
        replace(
            one, sender=header.text(one.sender, _SENDER), subject=header.text(one.subject, _SUBJECT), envelope=header.text(one.envelope)
        )
        for one in held.mails
    )
    return HeldView(tuple(mails), held.more, held.fresh)


def overdue(overdue: OverdueView) -> OverdueView:
    """Each ticket as a letter may show it: its subject on one line."""
    late = tuple(replace(one, subject=header.text(header.bare_subject(one.subject, one.tag), _SUBJECT)) for one in overdue.tickets)
    return replace(overdue, tickets=late)


def digest(digest: DigestView) -> DigestView:
    """Each ticket, and the names of the teams, as a letter may show them."""
    own, team = (
        tuple(replace(one, subject=header.bare_subject(one.subject, one.tag)) for one in entries) for entries in (digest.own, digest.team)
    )
    return replace(digest, own=own, team=team, teams=header.text(digest.teams))
