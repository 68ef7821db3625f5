"""What is the whole story of a ticket, and which tickets are there? Read-only views for people and for JSON. Times are UTC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace
from sqlalchemy import Select, and_, or_, select

from mailgate.desk.events import Change, Event
from mailgate.desk.model import Address, State, Status, Strength, Ticket, TicketId
from mailgate.desk.sla import Timer
from mailgate.desk.workflow import STATES
from mailgate.store import notices, relations, schema, search, tickets, timers
from mailgate.store.engine import Tx


class Said(Struct, frozen=True):
    """A message of the story, with the attachments that it brought, and the ticket that it was written to."""

    id: int
    direction: str
    author: Address
    author_name: str
    strength: str | None
    visibility: str
    unverified: bool
    note: str
    message_id: str | None
    at: datetime
    text: str
    ticket: TicketId
    files: tuple[tickets.File, ...] = ()


class Happened(Struct, frozen=True):
    """An event of the story and what it follows from."""

    id: int
    at: datetime
    actor: str
    strength: str | None
    verb: str
    note: str
    changes: tuple[Change, ...]
    cause: str
    ticket: TicketId


class Written(Struct, frozen=True):
    """A letter about the ticket, what it follows from, and how far it is. `reason` says why it was not sent, where it was not."""

    id: int
    at: datetime
    letter: str
    recipient: Address
    state: str
    reason: str
    cause: str


class Story(Struct, frozen=True):
    """A ticket and everything around it. What was said and happened in tickets that were merged into it is among its own, by time.

    `merged` are those tickets.
    """

    ticket: Ticket
    children: tuple[TicketId, ...] = ()
    links: tuple[TicketId, ...] = ()
    messages: tuple[Said, ...] = ()
    events: tuple[Happened, ...] = ()
    timers: tuple[Timer, ...] = ()
    merged: tuple[TicketId, ...] = ()
    letters: tuple[Written, ...] = ()
    # Who is yet to be told of its clocks, and by which events those were told who have been.
    waiting: tuple[notices.Waiting, ...] = ()
    told: Mapping[str, str] = field(default_factory=dict)

    def why(self, letter: Written) -> str:
        """What happened to the ticket that made us write this letter: the verbs of its cause, in their order."""
        cause = self.told.get(letter.cause, letter.cause)
        return ", ".join(dict.fromkeys(event.verb for event in self.events if event.cause == cause))


def tell(tx: Tx, number: TicketId, *, whole: bool = True) -> Story | None:
    """The story of a ticket; without `whole` no messages, events, timers and letters. None where there is no such ticket."""
    ticket = tickets.get(tx, number)
    if ticket is None:
        return None
    story = Story(ticket, relations.children(tx, number), relations.linked(tx, ticket))
    if not whole:
        return story
    merged = relations.losers(tx, number)
    said, told = list(_said(tx, number)), list(happened(tx, number))
    if merged:
        said = sorted((*said, *(one for loser in merged for one in _said(tx, loser))), key=lambda one: (one.at, one.id))
        told = sorted((*told, *(one for loser in merged for one in happened(tx, loser))), key=lambda one: (one.at, one.id))
    return replace(
        story, messages=tuple(said), events=tuple(told), timers=tuple(timers.of_ticket(tx, number)), letters=tuple(_written(tx, number)),
        merged=merged, waiting=tuple(notices.waiting(tx, number)), told=notices.causes(tx, number),
    )  # fmt: skip


def _said(tx: Tx, number: TicketId) -> Iterator[Said]:
    files: dict[int, list[tickets.File]] = {}
    table, said = schema.attachments, schema.messages
    for row in tx.execute(select(table).join(said, said.c.id == table.c.message).where(said.c.ticket == number).order_by(table.c.id)):
        file = tickets.File(row.filename, row.content_type, row.size, row.sha256, row.inline, row.content_id, row.part)
        files.setdefault(row.message, []).append(file)
    for row in tx.execute(select(said).where(said.c.ticket == number).order_by(said.c.id)):
        yield Said(
            row.id, row.direction, row.author, row.author_name, row.strength, row.visibility, row.unverified, row.note,
            row.message_id, row.at, row.text, number, tuple(files.get(row.id, ())),
        )  # fmt: skip


def happened(tx: Tx, number: TicketId) -> Iterator[Happened]:
    """The events of a ticket, in the order in which they came true."""
    table = schema.events
    for row in tx.execute(select(table).where(table.c.ticket == number).order_by(table.c.id)):
        changed = tickets.load_changes(row.changes)
        yield Happened(row.id, row.at, row.actor, row.strength, row.verb, row.note, changed, f"{row.cause_type}:{row.cause_id}", number)


def _written(tx: Tx, number: TicketId) -> Iterator[Written]:
    table = schema.outbox
    rows = tx.execute(
        select(table.c.id, table.c.created_at, table.c.letter, table.c.recipient, table.c.state, table.c.reason, table.c.cause_type,
               table.c.cause_id)
        .where(table.c.ticket == number).order_by(table.c.id)
    )  # fmt: skip
    return (Written(*row[:6], f"{row.cause_type}:{row.cause_id}") for row in rows)


def events(tx: Tx, number: TicketId) -> tuple[Event, ...]:
    """The same as the values that a ticket is folded from."""
    return tuple(
        Event(one.verb, one.actor, one.at, Strength(one.strength) if one.strength else None, one.changes, one.note)
        for one in happened(tx, number)
    )


class Filter(Struct, frozen=True):
    """Which tickets to list; every field that is set has to hold, of states, statuses and own statuses one of any.

    `text` are words that the subject and one message have together.
    """

    states: tuple[State, ...] = ()
    statuses: tuple[Status, ...] = ()
    own: tuple[str, ...] = ()
    desk: str | None = None
    team: str | None = None
    assignee: Address | None = None
    requester: Address | None = None
    priority: str | None = None
    text: str | None = None


def listed(tx: Tx, wanted: Filter) -> list[TicketId]:
    """The numbers of the tickets that fit, oldest first."""
    return [TicketId(one) for one in tx.execute(_narrowed(tx, wanted)).scalars()]


def opened_since(tx: Tx, since: datetime) -> list[TicketId]:
    """The numbers of the tickets that were opened then or later, oldest first."""
    table = schema.tickets
    return [TicketId(one) for one in tx.execute(select(table.c.id).where(table.c.created >= since).order_by(table.c.id)).scalars()]


_ENDED = [status.value for status, state in STATES.items() if state is State.CLOSED]


def unfinished_after(tx: Tx, after: TicketId, limit: int) -> list[TicketId]:
    """The next tickets with a higher number that are not closed, in the order of their numbers."""
    table = schema.tickets
    wanted = select(table.c.id).where(table.c.id > after, table.c.status.not_in(_ENDED)).order_by(table.c.id).limit(limit)
    return [TicketId(one) for one in tx.execute(wanted).scalars()]


def _narrowed(tx: Tx, wanted: Filter) -> Select[Any]:
    table = schema.tickets
    statement = select(table.c.id).order_by(table.c.id)
    if wanted.states or wanted.statuses or wanted.own:
        under = [status for status, state in STATES.items() if state in wanted.states]
        itself = and_(table.c.status.in_(wanted.statuses), table.c.own.is_(None))
        statement = statement.where(or_(table.c.status.in_(under), itself, table.c.own.in_(wanted.own)))
    for column, value in (
        (table.c.desk, wanted.desk), (table.c.team, wanted.team), (table.c.assignee, wanted.assignee),
        (table.c.requester, wanted.requester), (table.c.priority, wanted.priority),
    ):  # fmt: skip
        if value is not None:
            statement = statement.where(column == value)
    if wanted.text:
        statement = statement.where(table.c.id.in_(search.tickets(tx, wanted.text)))
    return statement
