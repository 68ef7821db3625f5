"""How does a letter that was decided become final octets? Gathers what it may know, has it rendered and composed, gives it its identity.

The Message-ID and every octet follow from cause, recipient and the moment of the decision: each copy of a letter is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import quote

from mailgate.desk import retry, tokens, workflow
from mailgate.desk.article import Article
from mailgate.desk.clock import Moved
from mailgate.desk.errors import Permanent
from mailgate.desk.letters import HELD, HUMAN, Late, Letter, Line, Milestone, Name
from mailgate.desk.macros import Macro
from mailgate.desk.model import Address, Person, Ticket
from mailgate.desk.policy import Desk
from mailgate.desk.rules import Rules
from mailgate.flow import overview
from mailgate.flow.buttons import held_link, shown_held
from mailgate.flow.house import House
from mailgate.mail import header
from mailgate.mail.compose import Draft, Enclosure, compose
from mailgate.mail.letters import Content, Templates
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

_FOR_REQUESTER = ("accept", "reject", "reopen", "status", "cancel", "mute", "help")
# Somebody in copy can only ask not to be written to.
_IN_COPY = ("mute",)
# So many people a letter names; nobody reads more.
_MOST_OTHERS = 20

# The cause of what tells of clocks.
NOTICE = "notice"
# The word that makes an article. What answers a letter about one changes it.
KB = "kb"


# A letter about several tickets tells of so many, and a digest of clocks of so many.
_MOST_LISTED = 29
_MOST_LATE = 50


@dataclass(frozen=True, slots=True)
class Cause:
    """What an effect follows from: `inbox` 17, `timer` 4, `order` …; together with a running number it is unique for ever."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Written:
    """A letter in its final octets, or with the reason why it is not sent."""

    letter: Letter
    rank: int
    message_id: str = ""
    subject: str = ""
    octets: bytes = b""
    suppressed: str = ""


@dataclass(frozen=True, slots=True)
class Occasion:
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


def write(occasion: Occasion, letter: Letter, number: int) -> Written:
    """The letter, written. To an address that no letter can go to it is not written, which undoes nothing else.

    Raises Permanent where the letter itself cannot be written.
    """
    rank = retry.priority(letter.name)
    try:
        message_id, subject, octets = _octets(occasion, letter, number)
    except Permanent as error:
        if error.code != "address":
            # A letter that we cannot write is our fault, and no reason for a permanent answer.
            raise
        return Written(letter, rank, suppressed="unsendable-address")
    return Written(letter, rank, message_id, subject, octets)


def titled(occasion: Occasion, letter: Letter) -> Written:
    """The letter as far as a dry run tells of it: its subject and no octets. Raises Permanent where it cannot be written."""
    rank = retry.priority(letter.name)
    try:
        header.address(letter.to)
    except Permanent:
        return Written(letter, rank, suppressed="unsendable-address")
    recipient, _, view = _addressed(occasion, letter)
    language = _language(occasion, recipient, of_his=_of_requester(letter, view))
    return Written(letter, rank, subject=occasion.templates.subject(letter.name, language, view))


def skip(letter: Letter, reason: str) -> Written:
    """The trace of a letter that is not sent."""
    return Written(letter, retry.priority(letter.name), suppressed=reason)


def _octets(occasion: Occasion, letter: Letter, number: int) -> tuple[str, str, bytes]:
    house, desk = occasion.house, occasion.rules.desk
    recipient, mark, view = _addressed(occasion, letter)
    host = desk.address.rpartition("@")[2]
    cause = f"{occasion.cause.type[0]}{occasion.cause.id}".replace(".", "-")
    message_id = f"{tokens.message_mark(house.keyring, cause, number)}@{host}"
    thread_id = f"{mark}@{host}" if mark else None
    content = occasion.templates.render(letter.name, _language(occasion, recipient, of_his=_of_requester(letter, view)), view)
    if content.fault is not None:
        # Imported here, since a dry run that finds its templates whole writes no log.
        from mailgate.flow import journal

        journal.template_fell_back(str(content.fault))
    parent = occasion.parents.get(letter.to)
    answer = mark
    if mark and letter.name is Name.ARTICLE:
        # An answer to an article changes the article, and goes to nobody.
        answer = f"{KB}.{mark.partition('.')[2]}"
        content = content if desk.subaddress else replace(content, subject=f"{content.subject} ({answer})")
    return message_id, content.subject, compose(Draft(
        _from_name(letter, occasion, desk), desk.address, recipient.name, letter.to, message_id, occasion.now, letter.name, content,
        reply_to=_detailed(desk, answer), in_reply_to=parent or thread_id, references=tuple(one for one in (thread_id, parent) if one),
        ticket=occasion.ticket.id if occasion.ticket else None,
        auto_submitted=("auto-replied" if occasion.answering else "auto-generated") if letter.automatic else None,
        loop=f"{house.instance}.1", language=content.language, attachments=occasion.enclosures if _attaches(occasion, letter, view) else (),
    ))  # fmt: skip


def _addressed(occasion: Occasion, letter: Letter) -> tuple[Person, str | None, View]:
    """Whom the letter goes to, the mark that belongs to him and the ticket, and all that the letter may know."""
    # A plain letter echoes nothing, and the name is the sender's text like any other.
    recipient = occasion.rules.people.find(letter.to) or Person(letter.to, "" if letter.plain else occasion.names.get(letter.to, ""))
    mark = tokens.mark(occasion.house.keyring, tokens.THREAD, occasion.ticket.id, letter.to) if occasion.ticket else None
    if letter.held is not None:
        mark = tokens.held_mark(occasion.house.keyring, tokens.HELD, 0, letter.to)
    return recipient, mark, _view(occasion, letter, recipient, mark)


def _of_requester(letter: Letter, view: View) -> bool:
    """Whether the letter goes to the requester's side, which is taken to read the language that he writes."""
    return not view.staff and letter.name is not Name.VENDOR


def _language(occasion: Occasion, recipient: Person, *, of_his: bool) -> str:
    """The person's language: that of people.toml, else that of the requester's mails for those on his side, else the desk's."""
    written = occasion.ticket.language if occasion.ticket else occasion.language
    return recipient.language or (written if of_his else None) or occasion.rules.desk.language


def _from_name(letter: Letter, occasion: Occasion, desk: Desk) -> str:
    """A technician speaks through the desk under his own name; everything else speaks as the desk."""
    author = occasion.rules.people.find(letter.author) if letter.author else None
    return f"{author.label} ({desk.name})" if author and author.staff and author.name and not letter.automatic else desk.name


def _detailed(desk: Desk, mark: str | None) -> str:
    """The desk's address with a mark behind it, where there is one and the mail server knows sub-addresses."""
    local, _, host = desk.address.rpartition("@")
    return f"{local}{desk.subaddress}{mark}@{host}" if mark and desk.subaddress else desk.address


def _view(occasion: Occasion, letter: Letter, recipient: Person, mark: str | None) -> View:
    desk, ticket = occasion.rules.desk, occasion.ticket
    # Whoever helps from outside is not told who asks.
    requester = PersonView("", "") if letter.name is Name.VENDOR else _shown(occasion, ticket.requester if ticket else letter.to)
    asks = bool(ticket and ticket.requester in recipient.addresses)
    staff = not asks and (occasion.rules.works_on(recipient, ticket) if ticket else recipient.staff)
    copied = not (asks or staff) and _copied(ticket, recipient)
    words = _for_staff(letter, ticket, recipient) if staff else _FOR_REQUESTER if asks else _IN_COPY if copied else ()
    links = _links(desk, mark if ticket else None, words)
    if links.undo and ticket:
        # It takes back what this letter tells of, and nothing that somebody does later.
        links = replace(links, undo=f"{links.undo}&body={ticket.version}")
    digest = overview.shown(occasion.house.keyring, occasion.rules, letter.digest, recipient) if letter.digest else None
    held = shown_held(occasion.house.keyring, desk, letter.held, letter.to) if letter.held else None
    if letter.held and letter.held.blocked:
        links = Links(undo=held_link(occasion.house.keyring, desk, "unblock", letter.held.blocked, letter.to))
    like = _alike(desk, letter) if staff else ()
    if links.merge and like:
        links = replace(links, merge=f"{links.merge}&body={letter.like[0].ticket}")
    author = _shown(occasion, letter.author) if letter.author else None
    technician = _shown(occasion, ticket.assignee) if ticket and ticket.assignee else None
    return View(
        DeskView(desk.name, desk.address, desk.language, recipient.timezone or desk.timezone),
        PersonView(recipient.name, recipient.address), requester, _ticket(occasion, ticket) if ticket else None, technician,
        MessageView(letter.words, author or requester, occasion.verified, _named(occasion, letter))
        if letter.words else None,
        links, _lines(occasion, letter), letter.note, letter.plain, staff, mailbox=letter.mailbox,
        sla=tuple(_clocks(occasion, ticket, letter.moved)) if staff and ticket and ticket.clocks else (),
        clock=_milestone(occasion, letter.milestone, ticket), overdue=_overdue(occasion, letter),
        story=letter.story, held=held,
        others=_others(occasion, recipient, staff=staff) if staff or asks or copied else (),
        unconfirmed=_unconfirmed(occasion, links) if staff else (),
        articles=_articles(occasion, letter, recipient, staff=recipient.staff), search=_search(desk, letter),
        answered_by=letter.answered_by, like=like, digest=digest,
        report=letter.report,
    )  # fmt: skip


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
    url = f"mailto:{quote(_detailed(desk, mark), safe='+@')}?subject={quote(about)}"
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


def _attaches(occasion: Occasion, letter: Letter, view: View) -> bool:
    """Whether the files travel with the letter. Of a confidential ticket only those do that a technician sends to the requester."""
    open_to_all = occasion.ticket is None or not occasion.ticket.confidential
    return letter.attach and (open_to_all or (letter.name in HUMAN and not view.staff))


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


def canned(house: House, rules: Rules, ticket: Ticket, name: str, technician: Person, called: str, language: str | None = None) -> Macro:
    """How a macro reads that this technician sends to the requester, who calls himself `called`; without `language` in the requester's.

    Raises whatever its template raises.
    """
    occasion = Occasion(house, rules, ticket, Cause("macro", "0"), ticket.updated, names={ticket.requester: called})
    recipient, _, view = _addressed(occasion, Letter(Name.REPLY, ticket.requester))
    spoken = language or _language(occasion, recipient, of_his=True)
    view = replace(view, technician=PersonView(technician.name, technician.address))
    return occasion.templates.canned.render(name, spoken, view)


def preview(house: House, rules: Rules, ticket: Ticket, letter: Letter, language: str) -> Content:
    """How a letter about this ticket would read."""
    recipient = rules.people.find(letter.to) or Person(letter.to)
    mark = tokens.mark(house.keyring, tokens.THREAD, ticket.id, letter.to)
    occasion = Occasion(house, rules, ticket, Cause("preview", "0"), ticket.updated)
    return occasion.templates.render(letter.name, language, _view(occasion, letter, recipient, mark))
