"""How does a letter that was decided become final octets? Has it rendered and composed, gives it its identity. What it knows: `sight`.

The Message-ID and every octet follow from cause, recipient and the moment of the decision: each copy of a letter is the same.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk import retry, tokens
from mailgate.desk.errors import Permanent
from mailgate.desk.letters import HUMAN, Letter, Name
from mailgate.desk.macros import Macro
from mailgate.desk.model import Person, Ticket
from mailgate.desk.policy import Desk
from mailgate.desk.rules import Rules
from mailgate.flow.cause import Cause
from mailgate.flow.house import House
from mailgate.flow.sight import KB, Occasion, detailed, sight
from mailgate.mail import header
from mailgate.mail.compose import Draft, compose
from mailgate.mail.letters import Content
from mailgate.mail.view import PersonView, View


class Written(Struct, frozen=True):
    """A letter in its final octets, or with the reason why it is not sent."""

    letter: Letter
    rank: int
    message_id: str = ""
    subject: str = ""
    octets: bytes = b""
    suppressed: str = ""


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
        reply_to=detailed(desk, answer), in_reply_to=parent or thread_id, references=tuple(one for one in (thread_id, parent) if one),
        ticket=occasion.ticket.id if occasion.ticket else None,
        auto_submitted=("auto-replied" if occasion.answering else "auto-generated") if letter.automatic else None,
        loop=f"{house.instance}.1", language=content.language, attachments=occasion.enclosures if _attaches(occasion, letter, view) else (),
    ))  # fmt: skip


def _addressed(occasion: Occasion, letter: Letter) -> tuple[Person, str | None, View]:
    """Whom the letter goes to, the mark that belongs to him and the ticket, and all that the letter may know."""
    # A plain letter echoes nothing, and the name is the sender's text like any other.
    recipient = occasion.rules.people.find(letter.to) or Person(letter.to, "" if letter.plain else occasion.names.get(letter.to, ""))
    mark = tokens.mark(occasion.house.keyring, tokens.THREAD, occasion.ticket.id, letter.to) if occasion.ticket else None
    if letter.approver is not None and occasion.ticket is not None:
        asked = letter.approver.round, letter.approver.stage
        mark = tokens.approver_mark(occasion.house.keyring, tokens.APPROVER, occasion.ticket.id, asked, letter.to)
    if letter.held is not None:
        mark = tokens.held_mark(occasion.house.keyring, tokens.HELD, 0, letter.to)
    return recipient, mark, sight(occasion, letter, recipient, mark)


def _of_requester(letter: Letter, view: View) -> bool:
    """Whether the letter goes to the requester's side, which is taken to read the language that he writes."""
    return not view.staff and letter.name is not Name.VENDOR and letter.approver is None


def _language(occasion: Occasion, recipient: Person, *, of_his: bool) -> str:
    """The person's language: that of people.toml, else that of the requester's mails for those on his side, else the desk's."""
    written = occasion.ticket.language if occasion.ticket else occasion.language
    return recipient.language or (written if of_his else None) or occasion.rules.desk.language


def _from_name(letter: Letter, occasion: Occasion, desk: Desk) -> str:
    """A technician speaks through the desk under his own name; everything else speaks as the desk."""
    author = occasion.rules.people.find(letter.author) if letter.author else None
    return f"{author.label} ({desk.name})" if author and author.staff and author.name and not letter.automatic else desk.name


def _attaches(occasion: Occasion, letter: Letter, view: View) -> bool:
    """Whether the files travel with the letter. Of a confidential ticket only those do that a technician sends to the requester."""
    open_to_all = occasion.ticket is None or not occasion.ticket.confidential
    return letter.attach and (open_to_all or (letter.name in HUMAN and not view.staff))


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
    return occasion.templates.render(letter.name, language, sight(occasion, letter, recipient, mark))
