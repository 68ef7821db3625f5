"""What may a letter know? Gathers it from the decision, the ticket and the people, as one view for exactly one recipient.

Of a confidential ticket it knows everything as well: what it may show of that is decided in `mail.view`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import quote

from msgspec import Struct, field
from msgspec.structs import replace

from mailgate.desk import marks, tokens, workflow
from mailgate.desk.article import Article
from mailgate.desk.clock import Moved
from mailgate.desk.letters import HELD, Late, Letter, Line, Milestone, Name
from mailgate.desk.model import Address, Person, Ticket
from mailgate.desk.policy import Desk
from mailgate.desk.rules import Rules
from mailgate.flow import overview
from mailgate.flow.buttons import held_link, shown_held
from mailgate.flow.cause import Cause
from mailgate.flow.house import House
from mailgate.mail.asked import ApprovalView
from mailgate.mail.compose import Enclosure
from mailgate.mail.letters import Templates
from mailgate.mail.summed import LateView, OverdueView
from mailgate.mail.view import (
    ArticleView,
    ClockView,
    DeskView,
    FoundView,
    LikeView,
    Links,
    MessageView,
    PersonView,
    SearchView,
    TicketView,
    View,
)

_FOR_REQUESTER = ("accept", "reject", "reopen", "status", "cancel", "mute", "csat", "help")
# Somebody in copy can only ask not to be written to.
_IN_COPY = ("mute",)
# A decision is disowned, and not taken again.
_FOR_APPROVER = {Name.APPROVAL_REQUEST: ("approve", "reject"), Name.APPROVAL_REMINDER: ("approve", "reject"), Name.DECISION: ("disown",)}
# So many people a letter names; nobody reads more.
_MOST_OTHERS = 20

# A letter about several tickets tells of so many, and a digest of clocks of so many.
_MOST_LISTED = 29
_MOST_LATE = 50

# The word that makes an article. What answers a letter about one changes it.
KB = "kb"


class Occasion(Struct, frozen=True):
    """What all letters of one decision share.

    `parents` gives for some recipients the Message-ID of the last mail that they wrote about it; `answering` says that a mail is the cause.
    `ends` is when the ladder that the ticket stands on comes to its end, if nobody answers.
    """

    house: House
    rules: Rules
    ticket: Ticket | None
    cause: Cause
    now: datetime
    parents: dict[Address, str] = field(default_factory=dict)
    answering: bool = False
    verified: bool = True
    files: tuple[str, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    ends: datetime | None = None
    language: str | None = None
    # Display names of people whom people.toml does not have, as their mails gave them.
    names: dict[Address, str] = field(default_factory=dict)

    @property
    def templates(self) -> Templates:
        """How letters of this desk read."""
        return self.house.templates.of(self.rules.desk.slug)


def sight(occasion: Occasion, letter: Letter, recipient: Person, mark: str | None) -> View:
    """All that a letter to this person may know. `mark` is the one that belongs to him and the ticket."""
    desk, ticket = occasion.rules.desk, occasion.ticket
    # Whoever helps from outside is not told who asks.
    requester = PersonView("", "") if letter.name is Name.VENDOR else _shown(occasion, ticket.requester if ticket else letter.to)
    asks = bool(ticket and ticket.requester in recipient.addresses)
    staff = not asks and (occasion.rules.works_on(recipient, ticket) if ticket else recipient.staff)
    copied = not (asks or staff) and _copied(ticket, recipient)
    words = _for_staff(letter, ticket, recipient) if staff else _FOR_REQUESTER if asks else _IN_COPY if copied else ()
    if letter.approver is not None:
        staff, words = False, _FOR_APPROVER.get(letter.name, ())
    links = _links(desk, mark if ticket else None, words)
    if letter.approver is not None:
        links = replace(links, page=letter.approver.page or None)
    if links.undo and ticket:
        # It takes back what this letter tells of, and nothing that somebody does later.
        links = replace(links, undo=f"{links.undo}&body={ticket.version}")
    if asks and ticket and desk.public_url:
        links = _with_pages(occasion.house.keyring, desk, ticket, links)
    if ticket and ticket.rating is not None:
        # Whoever has said how it was is not asked again.
        links = replace(links, csat=None, rate=None)
    digest = overview.shown(occasion.house.keyring, occasion.rules, letter.digest, recipient) if letter.digest else None
    held = shown_held(occasion.house.keyring, desk, letter.held, letter.to) if letter.held else None
    if letter.held and letter.held.blocked:
        links = Links(undo=held_link(occasion.house.keyring, desk, "unblock", letter.held.blocked, letter.to))
    if letter.page:
        links = Links(page=letter.page)
    if letter.report and desk.public_url:
        links = Links(page=f"{desk.public_url}/desk")
    like = _alike(desk, letter) if staff else ()
    if links.merge and like:
        links = replace(links, merge=f"{links.merge}&body={letter.like[0].ticket}")
    author = _shown(occasion, letter.author) if letter.author else None
    technician = _shown(occasion, ticket.assignee) if ticket and ticket.assignee else None
    proven = letter.approver.proven if letter.approver else occasion.verified
    return View(
        DeskView(desk.name, desk.address, desk.language, recipient.timezone or desk.timezone),
        PersonView(recipient.name, recipient.address), requester, _ticket(occasion, ticket) if ticket else None, technician,
        MessageView(letter.words, author or requester, proven, _named(occasion, letter))
        if letter.words else None,
        links, _lines(occasion, letter), letter.note, letter.plain, staff, mailbox=letter.mailbox,
        sla=tuple(_clocks(occasion, ticket, letter.moved)) if staff and ticket and ticket.clocks else (),
        clock=_milestone(occasion, letter.milestone, ticket), overdue=_overdue(occasion, letter),
        story=letter.story, held=held,
        others=_others(occasion, recipient, staff=staff) if staff or asks or copied else (),
        unconfirmed=_unconfirmed(occasion, links) if staff else (),
        articles=_articles(occasion, letter, recipient, staff=recipient.staff), search=_search(desk, letter),
        answered_by=letter.answered_by, like=like, digest=digest,
        report=letter.report, approval=_approval(occasion, letter, ticket),
    )  # fmt: skip


def _with_pages(keyring: tokens.Keyring, desk: Desk, ticket: Ticket, links: Links) -> Links:
    """With the addresses of the requester's pages: they are made of what is configured, never of what a visitor says."""
    made = {one: f"{desk.public_url}/{one}/{marks.mark(keyring, one, ticket.id, ticket.requester)}" for one in marks.Purpose}
    return replace(links, page=made[marks.Purpose.TICKET], rate=made[marks.Purpose.CSAT], keep=made[marks.Purpose.KEEP])


def _approval(occasion: Occasion, letter: Letter, ticket: Ticket | None) -> ApprovalView | None:
    if letter.approver is None or ticket is None:
        return None
    # Only a desk that asks for approvals pays for it.
    from mailgate.flow.asking import asked, view

    ask = asked(ticket, (letter.approver.round, letter.approver.stage, letter.approver.approver))
    return replace(view(ticket, ask, occasion.rules.people), code=letter.approver.code) if ask else None


def _copied(ticket: Ticket | None, recipient: Person) -> bool:
    """Whether he is in copy, and hears what is public."""
    here = ticket.participant(recipient.addresses) if ticket else None
    return here is not None and here.role == "cc"


def _clocks(occasion: Occasion, ticket: Ticket, moved: tuple[Moved, ...] = ()) -> Iterator[ClockView]:
    """The promises that stand. Only a desk that promises something pays for knowing when they are due."""
    from mailgate.desk.clocks import due, elapsed

    before = {one.metric: one.before for one in moved}
    for one in ticket.clocks:
        if one.live:
            left = one.target - elapsed(one, occasion.rules, occasion.now)
            yield ClockView(
                one.metric, one.state, due(one, occasion.rules), one.target, left, one.calendar is not None, before=before.get(one.metric)
            )


def _milestone(occasion: Occasion, about: Milestone | None, ticket: Ticket | None) -> ClockView | None:
    """The promise that a letter is about."""
    if about is None or ticket is None:
        return None
    found = (one for one in ticket.clocks if (one.metric, one.number) == (about.metric, about.number))
    return next(_clocks(occasion, replace(ticket, clocks=tuple(found))), None)


def _overdue(occasion: Occasion, letter: Letter) -> OverdueView | None:
    """The tickets of a digest; those for which there is no room are named."""
    if not letter.late:
        return None
    shown = tuple(_late(occasion, letter.to, one) for one in letter.late[:_MOST_LATE])
    tags = dict.fromkeys(f"{occasion.rules.at(one.ticket.desk).desk.tag}-{one.ticket.id}" for one in letter.late[_MOST_LATE:])
    late = {one.ticket.id for one in letter.late if one.milestone.step.breaks}
    every = {one.ticket.id for one in letter.late}
    return OverdueView(tuple(one for one in shown if one), tuple(tags), len(late), len(every - late))


def _late(occasion: Occasion, to: Address, one: Late) -> LateView | None:
    there = replace(occasion, rules=occasion.rules.at(one.ticket.desk))
    clock = _milestone(there, one.milestone, one.ticket)
    line = _listed(there, to, one.ticket)
    tag, hidden = f"{there.rules.desk.tag}-{one.ticket.id}", one.ticket.confidential
    subject = "" if hidden else one.ticket.subject
    return LateView(tag, one.ticket.priority, subject, clock, line.instead, hidden) if clock else None


def _lines(occasion: Occasion, letter: Letter) -> tuple[Line, ...]:
    """The lines of a receipt; or one for each ticket that the letter tells of, with the recipient's address for mail about it."""
    if not letter.tickets:
        return letter.lines
    lines = [_listed(occasion, letter.to, ticket) for ticket in letter.tickets[:_MOST_LISTED]]
    more = len(letter.tickets) - len(lines)
    return (*lines, Line(f"… +{more}", ok=True)) if more else tuple(lines)


def _listed(occasion: Occasion, to: Address, ticket: Ticket) -> Line:
    desk = occasion.rules.desk
    tag, mark = f"{desk.tag}-{ticket.id}", tokens.mark(occasion.house.keyring, tokens.THREAD, ticket.id, to)
    about = f"[{tag}]" if desk.subaddress else mark
    url = f"mailto:{quote(detailed(desk, mark), safe='+@')}?subject={quote(about)}"
    return Line(f"{tag} {ticket.priority}" + ("" if ticket.confidential else f" {ticket.subject}"), ok=True, instead=url)


def _for_staff(letter: Letter, ticket: Ticket | None, technician: Person) -> tuple[str, ...]:
    """The words that a technician can tap: those that lead on from here, and what this letter is about."""
    about = {"undoable": ("undo",), HELD: ("send",)}.get(letter.note, ())
    onward = workflow.worth_a_tap(ticket.status, his=ticket.assignee in technician.addresses) if ticket else ()
    return (*onward, *about, *(("merge",) if letter.like else ()), "cc", "help")


def _others(occasion: Occasion, recipient: Person, *, staff: bool) -> tuple[str, ...]:
    """Who else hears what is public, by name and address; a technician is told of those in copy. Of people of the house only the name."""
    ticket = occasion.ticket
    if ticket is None or len(ticket.participants) < 2:
        return ()
    roles = ("cc",) if staff else ("requester", "cc")
    told = (one.address for one in ticket.participants if one.role in roles and one.confirmed and not one.muted)
    others = {person.address: person for person in (_shown(occasion, address) for address in told) if person.address != recipient.address}
    return tuple(filter(None, (_called(occasion, person) for person in others.values())))[:_MOST_OTHERS]


def _called(occasion: Occasion, person: PersonView) -> str:
    known = occasion.rules.people.find(Address(person.address))
    if known is not None and known.staff:
        return person.name
    return f"{person.name} ({person.address})" if person.name else person.address


def _unconfirmed(occasion: Occasion, links: Links) -> tuple[tuple[str, str], ...]:
    """The addresses in copy that nobody has confirmed yet, each behind the mailto that does it."""
    waiting = [one.address for one in occasion.ticket.participants if one.role == "cc" and not one.confirmed] if occasion.ticket else []
    return tuple((f"{links.cc}&body={quote(f'add {address}')}", address) for address in waiting[:_MOST_OTHERS] if links.cc)


def _articles(occasion: Occasion, letter: Letter, recipient: Person, *, staff: bool) -> tuple[ArticleView, ...]:
    """The articles of a letter; who works here gets an address with each, at which it can be read whole and changed."""
    found = letter.found.articles if letter.found else letter.articles
    return tuple(_article(occasion, one, recipient, staff=staff) for one in found)


def _article(occasion: Occasion, one: Article, recipient: Person, *, staff: bool) -> ArticleView:
    desk = occasion.rules.desk
    link = off = None
    if staff and not one.gone:
        link = _links(desk, tokens.mark(occasion.house.keyring, KB, one.ticket, recipient.address), (KB,)).kb
        off = f"{link}&body={quote('#kb off')}"
    return ArticleView(f"{desk.tag}-{one.ticket}", one.title, one.problem, one.solution, one.internal, link, off)


def _search(desk: Desk, letter: Letter) -> SearchView | None:
    if letter.found is None:
        return None
    seen = tuple(FoundView(f"{desk.tag}-{one.ticket}", one.subject, one.status, one.confidential) for one in letter.found.tickets)
    return SearchView(letter.found.words, seen)


def _alike(desk: Desk, letter: Letter) -> tuple[LikeView, ...]:
    return tuple(LikeView(f"{desk.tag}-{one.ticket}", one.because) for one in letter.like)


def _named(occasion: Occasion, letter: Letter) -> tuple[str, ...]:
    return occasion.files if letter.attach else ()


def _shown(occasion: Occasion, address: Address) -> PersonView:
    person = occasion.rules.people.find(address)
    return PersonView(person.name, person.address) if person else PersonView(occasion.names.get(address, ""), address)


def _ticket(occasion: Occasion, ticket: Ticket) -> TicketView:
    assignee = occasion.rules.people.find(ticket.assignee) if ticket.assignee else None
    organisation = occasion.rules.people.organisation(ticket.requester)
    return TicketView(
        ticket.id, f"{occasion.rules.desk.tag}-{ticket.id}", ticket.subject, workflow.state_of(ticket.status), ticket.status_name,
        ticket.priority, ticket.created, ticket.updated, ticket.category, ticket.team, assignee.label if assignee else None,
        occasion.ends, ticket.resolution, ticket.closure_note, ticket.confidential, ticket.source, ticket.type, ticket.service,
        organisation.name if organisation else None, ticket.due,
    )  # fmt: skip


def _links(desk: Desk, mark: str | None, words: tuple[str, ...]) -> Links:
    """A mailto for each word: in the address, or in the subject where the mail server knows no sub-addresses."""
    if mark is None:
        return Links()
    signed = mark.partition(".")[2]
    local, _, host = desk.address.rpartition("@")
    if desk.subaddress:
        begin, end = f"mailto:{quote(local + desk.subaddress, safe='+')}", f".{signed}@{host}?subject="
        return Links(**{word: f"{begin}{word}{end}{word}" for word in words})
    begin = f"mailto:{quote(local)}@{host}?subject="
    return Links(**{word: f"{begin}{word}.{signed}" for word in words})


def detailed(desk: Desk, mark: str | None) -> str:
    """The desk's address with a mark behind it, where there is one and the mail server knows sub-addresses."""
    local, _, host = desk.address.rpartition("@")
    return f"{local}{desk.subaddress}{mark}@{host}" if mark and desk.subaddress else desk.address
