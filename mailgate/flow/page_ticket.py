"""How does a requester see his ticket on a page, and what can he do there? The public story, his buttons, a box to write in, the files.

GET shows and changes nothing. What he presses goes the way of a mail with that word; what he may is asked where he acts.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk import csat, marks, sla
from mailgate.desk.model import State
from mailgate.desk.workflow import state_of
from mailgate.flow import click, journal
from mailgate.flow.click import Reader
from mailgate.flow.reception import Answer, Download, Page, Reception, Visit
from mailgate.mail import header
from mailgate.store import inbox, readable
from mailgate.store.engine import Conflict, Tx

# The buttons of a requester, in their order. Whoever may accept a solution may reject it, which says the same as to open it again.
BUTTONS = ("accept", "reject", "cancel")
_TOLD = frozenset({*BUTTONS, "reopen"})
# Characters of one message on a page.
_WORDS = 40_000


class FileView(Struct, frozen=True):
    """A file of a message, by the number under which it is had; size in octets."""

    id: int
    name: str
    size: int


class SaidView(Struct, frozen=True):
    """A message: when, who (`you`, `desk` or `other`), his name where he has one, its words and its files."""

    at: datetime
    who: str
    name: str
    text: str
    files: tuple[FileView, ...] = ()


class TicketPage(Struct, frozen=True):
    """A ticket as its requester sees it.

    `status` is what letters call a stage, `closes` when it closes if nobody answers, `files` where its files are had. `buttons` are the
    words that lead on. `done` is what he has just done, `opened` the tag of a ticket that came of it, `wrong` why something was not done;
    `typed` is what stood in the box.
    """

    tag: str
    subject: str
    status: str
    state: str
    created: datetime
    updated: datetime
    technician: str = ""
    solution: str = ""
    closes: datetime | None = None
    said: tuple[SaidView, ...] = ()
    buttons: tuple[str, ...] = ()
    files: str = ""
    rate: str = ""
    rating: int | None = None
    done: str = ""
    opened: str = ""
    wrong: str = ""
    typed: str = ""


def page(reception: Reception, visit: Visit) -> Answer | None:
    """`/ticket/<mark>`."""
    mark = visit.parts["mark"]
    if visit.acts:
        return _act(reception, visit, mark)
    with reception.store.look() as tx:
        who = click.reader(tx, reception, marks.Purpose.TICKET, mark)
        return _page(who, _shown(tx, reception, who, mark)) if who else None


def file(reception: Reception, visit: Visit) -> Answer | None:
    """`/ticket/<mark>/file/<number>`: a file that a public message of this very ticket brought."""
    number = visit.parts["number"]
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        return None
    with reception.store.look() as tx:
        who = click.reader(tx, reception, marks.Purpose.TICKET, visit.parts["mark"])
        kept = readable.file(tx, who.ticket.id, int(number)) if who else None
        raw = inbox.raw(tx, kept.inbox) if kept else None
    if kept is None or raw is None:
        return None
    mail = reception.read(raw)
    found = next((one for one in mail.attachments if (one.part, one.sha256) == (kept.part, kept.sha256)), None) if mail else None
    return Download(header.filename(kept.name, kept.id), found.octets) if found and found.octets is not None else None


def _act(reception: Reception, visit: Visit, mark: str) -> Answer | None:
    """What was pressed, in one transaction; where it had its effect before, or leads nowhere any more, the page only says how it stands."""
    verb, words = visit.form.get("do", ""), visit.form.get("words", "").replace("\r\n", "\n").strip()
    try:
        with journal.on_commit(), reception.store.begin() as tx:
            who = click.reader(tx, reception, marks.Purpose.TICKET, mark, lock=True)
            if who is None:
                return None
            wrong = _wrong(who, verb, words)
            if wrong:
                return _page(who, replace(_shown(tx, reception, who, mark), wrong=wrong, typed=words), 422)
            decision, after = click.press(tx, reception, who, "" if verb == "reply" else verb, words, visit.digest)
            refused = "other" if decision.refusals else ""
            opened = f"{who.rules.desk.tag}-{after.id}" if decision.opens and after else ""
            now = replace(who, ticket=after) if after and not opened else who
            shown = replace(_shown(tx, reception, now, mark), wrong=refused, opened=opened, done="" if refused else verb)
            return _page(now, shown)
    except Conflict:
        # The same form once more: a double click, the back button, a reload.
        with reception.store.look() as tx:
            who = click.reader(tx, reception, marks.Purpose.TICKET, mark)
            return _page(who, replace(_shown(tx, reception, who, mark), done=verb)) if who else None


def _wrong(who: Reader, verb: str, words: str) -> str:
    """Why this is not done; nothing where it can be."""
    if len(words) > click.LONGEST:
        return "too-long"
    if verb == "reply":
        return "" if words else "empty"
    if verb not in _TOLD:
        return "unknown-button"
    return "" if who.may(verb) else "moved-on"


def _page(who: Reader, shown: TicketPage, status: int = 200) -> Page:
    return Page("ticket", who.rules.desk, shown, who.language, status)


def _shown(tx: Tx, reception: Reception, who: Reader, mark: str) -> TicketPage:
    ticket, rules = who.ticket, who.rules
    technician = rules.people.find(ticket.assignee) if ticket.assignee else None
    return TicketPage(
        f"{rules.desk.tag}-{ticket.id}", header.bare_subject(ticket.subject, f"{rules.desk.tag}-{ticket.id}"), ticket.status_name,
        state_of(ticket.status), ticket.created, ticket.updated, technician.name if technician else "",
        ticket.resolution if ticket.resolution and state_of(ticket.status) is State.RESOLVED else "", _closes(who),
        tuple(_said(who, one) for one in readable.told(tx, ticket.id)), tuple(verb for verb in BUTTONS if who.may(verb)),
        f"ticket/{mark}/file", _rate(reception, who), ticket.rating,
    )  # fmt: skip


def _closes(who: Reader) -> datetime | None:
    """When it closes if nobody answers."""
    planned = sla.plan(who.ticket, who.rules) if state_of(who.ticket.status) is State.RESOLVED else ()
    ending = sla.end(who.ticket, planned[0], who.rules.policy) if planned else None
    return ending[1] if ending else None


def _rate(reception: Reception, who: Reader) -> str:
    """The mark of the page on which he says how it was; empty where he may not, or not any more."""
    if not csat.may_rate(who.ticket, reception.clock()):
        return ""
    return marks.mark(reception.house.keyring, marks.Purpose.CSAT, who.ticket.id, who.ticket.requester)


def _said(who: Reader, one: readable.Readable) -> SaidView:
    his = one.author in (who.ticket.requester, *who.person.addresses) and not one.out
    person = who.rules.people.find(one.author)
    name = who.person.name if his else person.name if person else one.name
    text = one.text if len(one.text) <= _WORDS else f"{one.text[:_WORDS]}\n\n[…]"
    files = tuple(FileView(file.id, header.filename(file.name, file.id), file.size) for file in one.files)
    return SaidView(one.at, "you" if his else "desk" if one.out else "other", header.text(name, 80) if name else "", text, files)
