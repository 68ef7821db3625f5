"""What must hold of a desk after any time? From the rows alone: letters are explained, notes stay inside, nobody has more than a share."""

from __future__ import annotations

import re
from binascii import a2b_base64, a2b_qp
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import select

from mailgate.cli.tickets import story_json
from mailgate.desk.events import Event, born, fold
from mailgate.desk.letters import HELD
from mailgate.desk.model import Address, Directory, Person, State, Status, Ticket, TicketId
from mailgate.desk.workflow import STATES
from mailgate.store import schema, story, tickets
from mailgate.store.engine import Store, Tx
from tests.kit.staffing import is_away

# So long it takes to have as much to do as the others.
_SETTLES = timedelta(days=2)
# What a technician says once in the world.
_REMARK = re.compile(r"remark-\d+\.")
# What has to have happened to a ticket for each letter that goes to somebody outside.
FITS: Mapping[str, frozenset[str]] = {
    name: frozenset(verbs.split())
    for name, verbs in {
        "acknowledgement": "open requester", "reply": "reply", "question": "pending", "resolved": "resolve",
        "reopened": "reopen reject undo", "reminder": "remind", "closing_soon": "warn", "closed": "close accept cancel merge",
        "status": "status mute cc refused", "help": "help", "escalated": "escalate", "vendor": "escalate",
        "approved": "approve", "declined": "reject expire",
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
    # What happened to tickets that were merged into this one is told with it, and is no event of its own.
    own = [one for one in told.events if one.ticket == told.ticket.id]
    for happened, event in zip(own, _events(own), strict=True):
        on = there.setdefault(happened.cause, set())
        on |= _on(ticket) if ticket else set()
        ticket = fold(ticket, (event,)) if ticket else born(told.ticket.id, event)
        on |= _on(ticket)
    return there


def _on(ticket: Ticket) -> set[tuple[bool, Address]]:
    others = {(one.role == "vendor", one.address) for one in ticket.participants if one.confirmed}
    return {(False, ticket.requester), *others}


def _events(own: Iterable[story.Happened]) -> tuple[Event, ...]:
    return tuple(Event(one.verb, one.actor, one.at, None, one.changes, one.note) for one in own)


def unlike_their_story(store: Store) -> Iterator[int]:
    """The tickets that are not what the fold of their events says."""
    with store.look() as tx:
        for number in _numbers(tx):
            saved, happened = tickets.get(tx, number), story.events(tx, number)
            folded = fold(born(number, happened[0]), happened[1:])
            assert saved is not None
            plain = set(Ticket.__struct_fields__) - {"version", "participants"}
            alike = all(getattr(saved, name) == getattr(folded, name) for name in plain)
            if not alike or set(saved.participants) != set(folded.participants):
                yield number


def let_out(store: Store, people: Directory, canary: str) -> Iterator[str]:
    """Each letter to somebody outside in which these words are.

    What a technician writes to a ticket that is none of his business is a request of his own (`clue-of-a-stranger`), and all of it its
    words: such a ticket has no notes to be kept from a vendor.
    """
    table = schema.outbox
    with store.look() as tx:
        for row in tx.execute(select(table.c.id, table.c.ticket, table.c.letter, table.c.recipient, table.c.octets)):
            if people.find(row.recipient) is None and canary.encode() in _decoded(row.octets):
                yield f"outbox {row.id}: {row.letter} to {row.recipient} about ticket {row.ticket}"


def unsent(store: Store, people: Directory) -> Iterator[str]:
    """Each remark of an answer that was held back and never sent, if it is in a letter to somebody outside."""
    held: dict[str, int] = {}
    table, said = schema.outbox, schema.messages
    with store.look() as tx:
        for row in tx.execute(select(said.c.ticket, said.c.text, said.c.note, said.c.direction).order_by(said.c.id)):
            for remark in _REMARK.findall(row.text):
                if row.note == HELD:
                    held[remark] = row.ticket
                elif row.direction == "out":
                    held.pop(remark, None)
        for number, to, octets in tx.execute(select(table.c.id, table.c.recipient, table.c.octets)):
            if people.find(to) is None:
                found = set(_REMARK.findall(_decoded(octets).decode("utf-8", "replace"))) & held.keys()
                yield from (f"outbox {number} to {to}: {one} of ticket {held[one]}" for one in found)


def verbs(store: Store) -> Counter[str]:
    """What happened to tickets, and how often."""
    with store.look() as tx:
        return Counter(tx.execute(select(schema.events.c.verb)).scalars())


def own_statuses(store: Store) -> set[str]:
    """The statuses of the operator's own in which some ticket ever stood."""
    with store.look() as tx:
        rows = tx.execute(select(schema.events.c.changes)).scalars()
        return {str(one.value) for row in rows for one in tickets.load_changes(row) if one.field == "own" and one.value}


def letters(store: Store) -> Counter[str]:
    """Which letters were written, and how often; those that were not sent are left out."""
    table = schema.outbox
    with store.look() as tx:
        return Counter(tx.execute(select(table.c.letter).where(table.c.state != "suppressed")).scalars())


def _decoded(octets: bytes) -> bytes:
    """A letter's octets and all that may be encoded in them."""
    found = [octets, a2b_qp(octets)]
    for part in octets.split(b"Content-Transfer-Encoding: base64\r\n\r\n")[1:]:
        found.append(a2b_base64(part.partition(b"\r\n--")[0]))
    return b"\n".join(found)


@dataclass(frozen=True)
class Share:
    """Of one team at the end of one day: by how many unfinished tickets those who were there were apart, the most less the fewest.

    Who comes back has next to nothing and gets what comes next, and who was the last one there has what all the others worked on: nobody's
    work is taken away for that, and on a Sunday little comes. `settled` is the same of those who were there on the two days before as well.
    """

    day: date
    team: str
    apart: int
    settled: int


def shares(store: Store, people: Directory) -> tuple[list[Share], list[str]]:
    """The shares of each team at the end of each day, and each ticket that was given to somebody though a present colleague had fewer."""
    assignee: dict[int, Address | None] = {}
    there = _There(people)
    works: dict[int, bool] = {}
    loads: Counter[Address] = Counter()
    found: list[Share] = []
    unfair: list[str] = []
    day: date | None = None
    table = schema.events
    with store.look() as tx:
        for row in tx.execute(select(table).order_by(table.c.id)):
            if day is not None and row.at.date() != day:
                there.evening(day)
                found += _shares(day, there, loads)
            day = row.at.date()
            changed = {one.field: one.value for one in tickets.load_changes(row.changes)}
            if row.verb == "away":
                there.hears(Address(row.actor), row.note)
            if row.verb in ("open", "handover", "escalate") and changed.get("assignee"):
                what = f"{row.at:%d %b %H:%M:%S} {row.cause_type} {row.cause_id}: {row.verb} {row.ticket}"
                unfair += _unfair(what, Address(str(changed["assignee"])), day, there, loads)
            if (before := assignee.get(row.ticket)) and works[row.ticket]:
                loads[before] -= 1
            if "assignee" in changed:
                assignee[row.ticket] = Address(str(changed["assignee"])) if changed["assignee"] else None
            if row.verb == "open" or "status" in changed:
                works[row.ticket] = STATES[Status(str(changed.get("status", Status.NEW)))] not in (State.RESOLVED, State.CLOSED)
            if (after := assignee.get(row.ticket)) and works[row.ticket]:
                loads[after] += 1
    return found, unfair


@dataclass(slots=True)
class _There:
    """Who is there on a day, by people.toml and by what everybody said of himself so far."""

    people: Directory
    until: dict[Address, str] = field(default_factory=dict)
    since: dict[Address, date] = field(default_factory=dict)

    def hears(self, who: Address, line: str) -> None:
        """Takes up `#away until 2026-03-06` or `#away off`, as the story has it: it counts for the very next event."""
        self.until[who] = "" if line.endswith("off") else line.rpartition(" ")[2]

    def of(self, team: str | None, day: date) -> list[Address]:
        """The members of a team who are there."""
        return [one.address for one in self.people.members(team) if not self.why_not(one, day)]

    def evening(self, day: date) -> None:
        """Takes down who has been there since when."""
        for person in self.people.people:
            if self.why_not(person, day):
                self.since.pop(person.address, None)
            else:
                self.since.setdefault(person.address, day)

    def why_not(self, person: Person, day: date) -> str:
        """Until when somebody is away on a day; "" if he is there."""
        if is_away(person, day):
            return str(person.away)
        until = self.until.get(person.address, "")
        return until if until >= day.isoformat() else ""


def _shares(day: date, there: _There, loads: Mapping[Address, int]) -> Iterator[Share]:
    for team in there.people.teams:
        present = there.of(team.name, day)
        had = [loads.get(one, 0) for one in present]
        settled = [loads.get(one, 0) for one in present if there.since[one] <= day - _SETTLES]
        if had:
            yield Share(day, team.name, _apart(had), _apart(settled))


def _apart(had: Sequence[int]) -> int:
    return max(had, default=0) - min(had, default=0)


def _unfair(what: str, to: Address, day: date, there: _There, loads: Mapping[Address, int]) -> Iterator[str]:
    team = there.people.person(to).team
    present = there.of(team, day)
    if to not in present or loads.get(to, 0) > min(loads.get(one, 0) for one in present):
        had = (f"{one.address} {loads.get(one.address, 0)} {there.why_not(one, day)}".strip() for one in there.people.members(team))
        yield f"{what} went to {to}; of {team} had, and is away: {', '.join(had)}"


def _numbers(tx: Tx) -> list[TicketId]:
    return story.listed(tx, story.Filter())
