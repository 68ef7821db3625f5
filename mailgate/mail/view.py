"""What does a letter know? One frozen view of ticket, people, desk and message, made for exactly one recipient.

Templates see these fields under their names and nothing else. Every time is an aware datetime in UTC; templates print it with the
filter `when`. A field that does not apply is None (or empty), never missing, so that StrictUndefined catches only real mistakes.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk.letters import HUMAN, UNPROVEN, Line, Mailbox, Name, Said
from mailgate.mail import asked, header, summed
from mailgate.mail.asked import ApprovalView
from mailgate.mail.summed import DigestView, HeldView, OverdueView

if TYPE_CHECKING:
    from mailgate.desk.weekly import Report

# A letter carries so many characters of human text at most; the rest stands in the ticket.
_WORDS = 40_000
_NOTE = 4_000
_LINES = 60
_REASON = 500
_OTHER = 200
_CUT = "\n\n[…]"
# Characters of addresses, links and the like.
_NO_NAME = frozenset("@/:<>")
# The word of a command.
_WORD = re.compile(r"#?\w{1,32}")


class PersonView(Struct, frozen=True):
    """Somebody's display name (may be empty, proves nothing) and address."""

    name: str
    address: str

    @property
    def label(self) -> str:
        """The name, or the address of somebody without one."""
        return self.name or self.address

    @property
    def mailbox(self) -> str:
        """Name and address: "Anna Weber <anna.weber@example.org>"."""
        return f"{self.name} <{self.address}>" if self.name else self.address

    @property
    def greeting(self) -> str:
        """The name to greet with; empty where what stands there is an address, a link or a sentence rather than a name."""
        return self.name if len(self.name) <= 50 and _NO_NAME.isdisjoint(self.name) else ""


_SOMEBODY = PersonView("", "")


class DeskView(Struct, frozen=True):
    """The desk that writes: its name and bare address, and the IANA zone in which its letters tell the time."""

    name: str
    address: str
    language: str = "en"
    timezone: str = "UTC"


class TicketView(Struct, frozen=True):
    """The ticket. `due` is when it closes (on hold: counts as settled) if nobody answers; `closure` the remark it was closed with.

    `source` is how it came in ("mail", "phone", "monitoring"), `type` and `service` what triage made of it.
    `wanted` is when it has to be done, as a technician said.
    """

    id: int
    tag: str
    subject: str
    state: str
    status: str
    priority: str
    created: datetime
    updated: datetime
    category: str | None = None
    team: str | None = None
    assignee: str | None = None
    due: datetime | None = None
    resolution: str | None = None
    closure: str | None = None
    confidential: bool = False
    source: str = "mail"
    type: str = "incident"
    service: str | None = None
    organisation: str | None = None
    wanted: datetime | None = None


class ClockView(Struct, frozen=True):
    """What was promised: the metric by its name, how it stands, and when it is due (None while it is paused).

    Of `target` so much is `left`, less than nothing once it is overdue; with `working` both are working time of a calendar.
    `before` is when it was due until now.
    """

    metric: str
    state: str
    due: datetime | None = None
    target: timedelta = timedelta(0)
    left: timedelta = timedelta(0)
    working: bool = False
    before: datetime | None = None

    @property
    def late(self) -> bool:
        """Whether it is overdue by a minute at least."""
        return self.left <= -timedelta(minutes=1)


class MessageView(Struct, frozen=True):
    """What somebody wrote, and what is known of who it was."""

    text: str
    author: PersonView
    verified: bool = True
    attachments: tuple[str, ...] = ()


class ArticleView(Struct, frozen=True):
    """An article of the knowledge base. `link` is where a technician gets it to change it, `off` where he takes it back."""

    tag: str
    title: str
    problem: str
    solution: str
    internal: bool = False
    link: str | None = None
    off: str | None = None


class FoundView(Struct, frozen=True):
    """A ticket that a search found. A confidential one has no subject."""

    tag: str
    subject: str
    status: str
    confidential: bool = False


class SearchView(Struct, frozen=True):
    """What was searched for, and the tickets that were found."""

    words: str
    tickets: tuple[FoundView, ...] = ()


class Links(Struct, frozen=True):
    """One-tap mailto URLs of this recipient, `page`, `rate` and `keep` those of his pages; None where something is not offered."""

    accept: str | None = None
    reject: str | None = None
    reopen: str | None = None
    status: str | None = None
    cancel: str | None = None
    mute: str | None = None
    help: str | None = None
    take: str | None = None
    start: str | None = None
    resume: str | None = None
    resolve: str | None = None
    pending: str | None = None
    note: str | None = None
    close: str | None = None
    undo: str | None = None
    send: str | None = None
    cc: str | None = None
    kb: str | None = None
    merge: str | None = None
    csat: str | None = None
    page: str | None = None
    rate: str | None = None
    keep: str | None = None
    approve: str | None = None
    disown: str | None = None


class LikeView(Struct, frozen=True):
    """A ticket that this one may be the same as: its tag, and why, as one of desk/letters.LIKE."""

    tag: str
    because: str


class View(Struct, frozen=True):
    """Everything that a template may use. `recipient` is whom this copy goes to, `staff` whether he works on tickets.

    `note` says why the letter is written, as one of desk/letters.NOTES; `lines` are those of a receipt, or the commands that help explains;
    `plain` asks for the form that echoes nothing. `story` is what was said in public, for somebody who has not followed it. `others` are
    the people who hear what is public as well, by name and address; `unconfirmed` those who would, each as (mailto that confirms him,
    address): technicians alone are told, as of `like`, the tickets that this may be the same as.
    """

    desk: DeskView
    recipient: PersonView
    requester: PersonView
    ticket: TicketView | None = None
    technician: PersonView | None = None
    message: MessageView | None = None
    links: Links = Links()
    lines: tuple[Line, ...] = ()
    note: str = ""
    plain: bool = False
    staff: bool = False
    # The promises that stand, which technicians are told, and the one that this letter is about.
    sla: tuple[ClockView, ...] = ()
    clock: ClockView | None = None
    mailbox: Mailbox | None = None
    story: tuple[Said, ...] = ()
    others: tuple[str, ...] = ()
    unconfirmed: tuple[tuple[str, str], ...] = ()
    # Articles that may help, are found, or are what the letter is about; what a search found; when an answer can be expected.
    articles: tuple[ArticleView, ...] = ()
    search: SearchView | None = None
    answered_by: datetime | None = None
    held: HeldView | None = None
    overdue: OverdueView | None = None
    like: tuple[LikeView, ...] = ()
    digest: DigestView | None = None
    report: Report | None = None
    # What an approver was asked.
    approval: ApprovalView | None = None


def prepared(view: View, letter: Name) -> View:
    """The view as templates get it: names and subjects on one visible line, long texts cut, a confidential ticket reduced to its number."""
    if view.ticket is not None and view.ticket.confidential:
        view = _discreet(view, letter)
    return View(
        view.desk, _person(view.recipient), _person(view.requester), view.ticket and _ticket(view.ticket),
        view.technician and _person(view.technician), view.message and _message(view.message), view.links,
        tuple(map(_line, view.lines[:_LINES])), _cut(view.note, _NOTE), view.plain, view.staff, view.sla, view.clock,
        view.mailbox and _mailbox(view.mailbox), tuple(map(_said, view.story)),
        () if view.plain else tuple(header.text(one, _OTHER) for one in view.others),
        tuple((link, header.text(address, _OTHER)) for link, address in view.unconfirmed),
        tuple(map(_article, view.articles)), view.search and _search(view.search), view.answered_by,
        view.held and summed.held(view.held), view.overdue and summed.overdue(view.overdue), view.like,
        view.digest and summed.digest(view.digest),
        view.report, view.approval and asked.prepared(view.approval),
    )  # fmt: skip


def _discreet(view: View, letter: Name) -> View:
    """Of a confidential ticket a letter tells number and links: no words, no files, and nobody's name or address but his who reads it.

    Only what a technician writes to the requester travels on, and only while there is no page where it can be read. A technician reads
    it in the shell (`mailgate tickets show`), and still knows whose it is and how urgent.
    """
    ticket = view.ticket and replace(view.ticket, subject="", category=None, service=None, organisation=None)
    ticket = ticket and replace(ticket, resolution=None, closure=None)
    if ticket and not view.staff:
        ticket = replace(ticket, assignee=None, team=None)
    keep = letter in HUMAN and not view.staff and view.links.page is None
    return replace(
        view, ticket=ticket, message=view.message if keep else None, technician=None, story=(), others=(), unconfirmed=(),
        articles=(), requester=view.requester if view.requester.address == view.recipient.address else _SOMEBODY,
        approval=view.approval and asked.discreet(view.approval), lines=_ordered(view, letter),
        note="" if letter is Name.UNDELIVERABLE else view.note,
    )  # fmt: skip


def _ordered(view: View, letter: Name) -> tuple[Line, ...]:
    """What was ordered, without what it was about: of a command its word, and nothing of a mail that nobody proved to be his."""
    if letter is Name.HELP:
        return view.lines
    words = (_WORD.match(line.wrote) for line in view.lines)
    return tuple(
        replace(line, wrote=word[0] if word and view.note != UNPROVEN else "") for line, word in zip(view.lines, words, strict=True)
    )


def _person(person: PersonView) -> PersonView:
    name = header.text(person.name, 80) if person.name else ""
    return person if name == person.name else PersonView(name, person.address)


def _ticket(ticket: TicketView) -> TicketView:
    subject = header.bare_subject(ticket.subject, ticket.tag)
    resolution, closure = ticket.resolution and _cut(ticket.resolution, _WORDS), ticket.closure and _cut(ticket.closure, _NOTE)
    # Usually nothing changes, and nothing is the cheapest copy.
    if (subject, resolution, closure) == (ticket.subject, ticket.resolution, ticket.closure):
        return ticket
    return replace(ticket, subject=subject, resolution=resolution, closure=closure)


def _message(message: MessageView) -> MessageView:
    files = tuple(header.filename(name, number) for number, name in enumerate(message.attachments[:50], 1))
    return MessageView(_cut(message.text, _WORDS), _person(message.author), message.verified, files)


def _said(said: Said) -> Said:
    return Said(said.at, said.who, _cut(said.text, _NOTE))


def _line(line: Line) -> Line:
    return Line(header.text(line.wrote), line.ok, header.text(line.wrong), header.text(line.instead), header.text(line.meant), line.became)


def _article(one: ArticleView) -> ArticleView:
    return replace(one, title=header.text(one.title), problem=_cut(one.problem, _NOTE), solution=_cut(one.solution, _WORDS))


def _search(search: SearchView) -> SearchView:
    found = tuple(replace(one, subject=header.text(one.subject)) for one in search.tickets)
    return SearchView(header.text(search.words), found)


def _mailbox(box: Mailbox) -> Mailbox:
    return Mailbox(header.text(box.name), header.text(box.server), header.text(box.folder), box.at, header.text(box.why, _REASON))


def _cut(text: str, limit: int) -> str:
    """At most `limit` characters with LF line ends; a mark where something is missing."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if len(text) <= limit else text[:limit] + _CUT
