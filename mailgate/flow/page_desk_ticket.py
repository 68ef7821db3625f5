"""What does one ticket look like to somebody who works here? Its story as far as he may read it, and the address at which he answers.

Nothing is done here: he writes a mail, or commands in one, and all rules are those of mail.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from mailgate.desk import tokens
from mailgate.desk.board import Reading, reading
from mailgate.desk.clocks import due
from mailgate.desk.model import Directory, Ticket, TicketId, Visibility
from mailgate.desk.rules import Rules
from mailgate.desk.workflow import state_of
from mailgate.flow.entry import Guest
from mailgate.flow.overview import tap
from mailgate.flow.page_desk import Nav, nav, paged
from mailgate.flow.reception import Answer, Reception, Visit
from mailgate.store import story
from mailgate.store.story import Happened, Said, Story

# A page has so many characters of a message, and so many of the newest messages and events.
_WORDS = 20_000
_MOST = 200


class Spoken(Struct, frozen=True):
    """What somebody said. `kind` is `asked`, `answered`, `note` or `machine`; `unverified`: nobody knows whether it was him."""

    at: datetime
    who: str
    kind: str
    text: str
    files: tuple[tuple[str, int], ...]
    unverified: bool


class Deed(Struct, frozen=True):
    """What was done: by whom, the verb, and the status that the ticket came to by it, if it did."""

    at: datetime
    who: str
    verb: str
    status: str


class Promise(Struct, frozen=True):
    """What was promised: the metric, how it stands, and when it is due (None: it does not run)."""

    metric: str
    state: str
    due: datetime | None
    late: bool


class Asked(Struct, frozen=True):
    """Who was asked for an approval, what became of it, and when."""

    who: str
    state: str
    at: datetime


class TicketPage(Struct, frozen=True):
    """A ticket. `write` is where a mail about it goes, `take` where a tap takes it: for those who work on it.

    `earlier` messages are not shown. `deeds`, `promises` and `asked` are for those who may read more than what was said in public.
    """

    nav: Nav
    number: int
    tag: str
    subject: str
    status: str
    state: str
    priority: str
    requester: str
    assignee: str
    team: str
    category: str
    created: datetime
    due: datetime | None
    confidential: bool
    became: int | None
    said: tuple[Spoken, ...]
    earlier: int
    deeds: tuple[Deed, ...]
    promises: tuple[Promise, ...]
    asked: tuple[Asked, ...]
    write: str | None
    take: str | None


def ticket(reception: Reception, visit: Visit, who: Guest) -> Answer | None:
    """The page of a ticket; nothing, as where there is none, for who may not read it."""
    number = visit.parts["number"]
    if not (number.isascii() and number.isdecimal() and len(number) <= 12):
        return None
    with reception.store.look() as tx:
        told = story.tell(tx, TicketId(int(number)))
    if told is None:
        return None
    rules = reception.house.rules(told.ticket.desk, who.people)
    sight = reading(told.ticket, who.person, rules)
    if sight is Reading.NOTHING:
        return None
    return paged(reception, who, "desk_ticket", _view(reception, told, sight, rules, who))


def _view(reception: Reception, told: Story, sight: Reading, rules: Rules, who: Guest) -> TicketPage:
    one, keyring, now = told.ticket, reception.house.keyring, reception.clock()
    heard = tuple(_heard(told.messages, sight, who.people))
    insider = sight in (Reading.NOTES, Reading.ALL)
    works = sight is Reading.ALL
    return TicketPage(
        nav(reception, who, ""), one.id, f"{rules.desk.tag}-{one.id}", one.subject, one.status_name, state_of(one.status), one.priority,
        _label(one.requester, who.people), _label(one.assignee or "", who.people), one.team or "", one.category or "", one.created, one.due,
        one.confidential, one.merged_into, heard[-_MOST:], max(0, len(heard) - _MOST),
        tuple(_deeds(told.events[-_MOST:], who.people)) if insider else (), tuple(_promises(one, rules, now)) if insider else (),
        tuple(Asked(_label(ask.approver, who.people), ask.state, ask.decided or ask.asked) for ask in one.asks) if insider else (),
        tap(keyring, rules, tokens.THREAD, one.id, who.person),
        tap(keyring, rules, "take", one.id, who.person) if works and one.assignee is None and one.closed is None else None,
    )  # fmt: skip


def _heard(messages: Sequence[Said], sight: Reading, everybody: Directory) -> Iterator[Spoken]:
    for one in messages:
        if not _readable(one.visibility, sight):
            continue
        files = tuple((file.filename, file.size) for file in one.files if not file.inline)
        text = one.text if len(one.text) <= _WORDS else one.text[:_WORDS] + " …"
        yield Spoken(one.at, one.author_name or _label(one.author, everybody), _kind(one), text.strip(), files, one.unverified)


def _readable(visibility: str, sight: Reading) -> bool:
    match visibility:
        case Visibility.PUBLIC:
            return True
        case Visibility.INTERNAL:
            return sight in (Reading.NOTES, Reading.ALL)
        case _:
            return sight is Reading.ALL


def _kind(one: Said) -> str:
    if one.visibility == Visibility.INTERNAL:
        return "note"
    if one.visibility != Visibility.PUBLIC:
        return "machine"
    return "answered" if one.direction == "out" else "asked"


def _deeds(events: Sequence[Happened], everybody: Directory) -> Iterator[Deed]:
    for one in events:
        changed = {change.field: change.value for change in one.changes}
        yield Deed(one.at, _label(one.actor, everybody), one.verb, str(changed.get("own") or changed.get("status") or ""))


def _promises(one: Ticket, rules: Rules, now: datetime) -> Iterator[Promise]:
    for clock in one.clocks:
        moment = due(clock, rules) if clock.live else None
        yield Promise(clock.metric, clock.state, moment, clock.breached or (moment is not None and moment <= now))


def _label(address: str, everybody: Directory) -> str:
    person = next((one for one in (everybody.find(address),) if one), None)  # type: ignore[arg-type]
    return person.label if person else address
