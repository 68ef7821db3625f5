"""What must hold of a desk after any time? From the rows alone: letters are explained, notes stay inside, nobody has more than a share."""

from __future__ import annotations

from binascii import a2b_base64, a2b_qp
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from mailgate.cli.tickets import story_json
from mailgate.desk.events import Event, born, fold
from mailgate.desk.model import Address, Directory, State, Status, Ticket, TicketId
from mailgate.desk.workflow import STATES
from mailgate.store import schema, story, tickets
from mailgate.store.engine import Store, Tx
from tests.kit.month import is_away

# What has to have happened to a ticket for each letter that goes to somebody outside.
FITS: Mapping[str, frozenset[str]] = {
    name: frozenset(verbs.split())
    for name, verbs in {
        "acknowledgement": "open requester", "reply": "reply", "question": "pending", "resolved": "resolve",
        "reopened": "reopen reject undo", "reminder": "remind", "closing_soon": "warn", "closed": "close accept cancel",
        "status": "status mute cc refused", "help": "help", "escalated": "escalate", "vendor": "escalate",
    }.items()
}  # fmt: skip


def unexplained(store: Store, people: Directory) -> Iterator[str]:
    """Each letter to somebody outside that the story of its ticket does not explain.

    Explained is a letter that `tickets show` lists, with a cause of which the same ticket's story tells at least one event, one of whose
    verbs fits the letter's name; and that goes to somebody who was on the ticket before or after that event: its requester, a confirmed
    Cc, or for a vendor's letter a vendor. A letter about no ticket may only be the help that a stranger asked for.
    """
    with store.look() as tx:
        for name, to in tx.execute(select(schema.outbox.c.letter, schema.outbox.c.recipient).where(schema.outbox.c.ticket == 0)):
            if people.find(to) is None and name != "help":
                yield f"{name} to {to} is about no ticket"
        for number in _numbers(tx):
            told = story.tell(tx, number)
            assert told is not None
            yield from _unexplained(told, people)


def _unexplained(told: story.Story, people: Directory) -> Iterator[str]:
    shown = {one["id"]: one for one in story_json(told)["letters"]}
    there = _there(told)
    for letter in told.letters:
        what = f"ticket {told.ticket.id}: {letter.letter} to {letter.recipient} <{letter.cause}>"
        if not shown[letter.id]["why"]:
            yield f"{what}: no event of its ticket is the cause"
        elif people.find(letter.recipient) is None:
            if not FITS[letter.letter] & set(shown[letter.id]["why"].split(", ")):
                yield f"{what}: {shown[letter.id]['why']} is no reason"
            if (letter.letter == "vendor", letter.recipient) not in there[letter.cause]:
                yield f"{what}: he is not on the ticket"


def _there(told: story.Story) -> dict[str, set[tuple[bool, Address]]]:
    """By cause: who was on the ticket before it or after it, and whether as a vendor."""
    there: dict[str, set[tuple[bool, Address]]] = {}
    ticket: Ticket | None = None
    for happened, event in zip(told.events, _events(told), strict=True):
        on = there.setdefault(happened.cause, set())
        on |= _on(ticket) if ticket else set()
        ticket = fold(ticket, (event,)) if ticket else born(told.ticket.id, event)
        on |= _on(ticket)
    return there


def _on(ticket: Ticket) -> set[tuple[bool, Address]]:
    others = {(one.role == "vendor", one.address) for one in ticket.participants if one.confirmed}
    return {(False, ticket.requester), *others}


def _events(told: story.Story) -> tuple[Event, ...]:
    return tuple(Event(one.verb, one.actor, one.at, None, one.changes, one.note) for one in told.events)


def unlike_their_story(store: Store) -> Iterator[int]:
    """The tickets that are not what the fold of their events says."""
    with store.look() as tx:
        for number in _numbers(tx):
            saved, happened = tickets.get(tx, number), story.events(tx, number)
            folded = fold(born(number, happened[0]), happened[1:])
            assert saved is not None
            plain = set(Ticket.__slots__) - {"version", "participants"}
            alike = all(getattr(saved, name) == getattr(folded, name) for name in plain)
            if not alike or set(saved.participants) != set(folded.participants):
                yield number


def let_out(store: Store, people: Directory, canary: str) -> Iterator[str]:
    """Each letter to somebody outside in which these words are."""
    table = schema.outbox
    with store.look() as tx:
        for number, name, to, octets in tx.execute(select(table.c.id, table.c.letter, table.c.recipient, table.c.octets)):
            if people.find(to) is None and canary.encode() in _decoded(octets):
                yield f"outbox {number}: {name} to {to}"


def _decoded(octets: bytes) -> bytes:
    """A letter's octets and all that may be encoded in them."""
    found = [octets, a2b_qp(octets)]
    for part in octets.split(b"Content-Transfer-Encoding: base64\r\n\r\n")[1:]:
        found.append(a2b_base64(part.partition(b"\r\n--")[0]))
    return b"\n".join(found)


@dataclass(frozen=True)
class Share:
    """Of one team at the end of one day: how many unfinished tickets whoever of it was there had, the fewest and the most."""

    day: date
    team: str
    fewest: int
    most: int


def shares(store: Store, people: Directory) -> tuple[list[Share], list[str]]:
    """The shares of each team at the end of each day, and each new ticket that went to somebody though a present colleague had fewer."""
    assignee: dict[int, Address | None] = {}
    works: dict[int, bool] = {}
    loads: Counter[Address] = Counter()
    found: list[Share] = []
    unfair: list[str] = []
    day: date | None = None
    table = schema.events
    with store.look() as tx:
        for row in tx.execute(select(table.c.ticket, table.c.at, table.c.verb, table.c.changes).order_by(table.c.id)):
            if day is not None and row.at.date() != day:
                found += _shares(day, people, loads)
            day = row.at.date()
            changed = {one.field: one.value for one in tickets.load_changes(row.changes)}
            if row.verb == "open" and changed.get("assignee"):
                unfair += _unfair(row.ticket, str(changed["assignee"]), day, people, loads)
            if assignee.get(row.ticket) and works[row.ticket]:
                loads[assignee[row.ticket]] -= 1  # type: ignore[index]
            if "assignee" in changed:
                assignee[row.ticket] = Address(str(changed["assignee"])) if changed["assignee"] else None
            if row.verb == "open" or "status" in changed:
                works[row.ticket] = STATES[Status(str(changed.get("status", Status.NEW)))] not in (State.RESOLVED, State.CLOSED)
            if assignee.get(row.ticket) and works[row.ticket]:
                loads[assignee[row.ticket]] += 1  # type: ignore[index]
    return found, unfair


def _shares(day: date, people: Directory, loads: Mapping[Address, int]) -> Iterator[Share]:
    for team in people.teams:
        had = [loads.get(one.address, 0) for one in people.members(team.name) if not is_away(one, day)]
        yield Share(day, team.name, min(had), max(had))


def _unfair(ticket: int, to: str, day: date, people: Directory, loads: Mapping[Address, int]) -> Iterator[str]:
    person = people.person(Address(to))
    there = [one for one in people.members(person.team) if not is_away(one, day)]
    fewest = min(loads.get(one.address, 0) for one in there)
    if person not in there or loads.get(person.address, 0) > fewest:
        yield f"ticket {ticket} went to {to}, who had {loads.get(person.address, 0)} where somebody had {fewest}"


def _numbers(tx: Tx) -> list[TicketId]:
    return story.listed(tx, story.Filter())
