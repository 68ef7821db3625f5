"""How do tickets hang together: whose children, duplicates and look-alikes are they? Each answer by an index; nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select

from mailgate.desk.kin import Kin, Part, Wanted
from mailgate.desk.likeness import Candidate
from mailgate.desk.model import Address, State, Status, Strength, Ticket, TicketId, Visibility
from mailgate.desk.workflow import STATES, state_of
from mailgate.store import schema, tickets
from mailgate.store.engine import Tx
from mailgate.store.statement import Statement

# How far back a look-alike may lie, and how many tickets are looked at for one.
_RECENT = timedelta(days=7)
_MOST = 50
# So many generations of parents are followed; whatever is taller counts as a circle.
_GENERATIONS = 20
_MOST_THREADS = 3
_t, _m, _l, _o = schema.tickets, schema.messages, schema.links, schema.outbox
_OPEN = [status.value for status, state in STATES.items() if state not in (State.RESOLVED, State.CLOSED)]

_CHILDREN = Statement(lambda _: select(_t.c.id, _t.c.status).where(_t.c.parent == bindparam("ticket")).order_by(_t.c.id))
_LOSERS = Statement(lambda database: select(_t.c.id).where(database.among(_t.c.merged_into, "tickets")).order_by(_t.c.id))
_OF_REQUESTER = Statement(lambda database: (
    select(_t.c.id, _t.c.requester, _t.c.subject)
    .where(_t.c.requester == bindparam("requester"), _t.c.created >= bindparam("since"), _t.c.desk == bindparam("of_desk"),
           database.among(_t.c.status, "statuses"))
    .order_by(_t.c.created.desc()).limit(_MOST)
))  # fmt: skip
# Numbers rise with time: the newest few are a range of the primary key, whatever lies below it.
_NEWEST = Statement(lambda database: (
    select(_t.c.id, _t.c.requester, _t.c.subject)
    .where(_t.c.id > select(func.max(_t.c.id)).scalar_subquery() - 2 * _MOST, _t.c.created >= bindparam("since"),
           _t.c.desk == bindparam("of_desk"), database.among(_t.c.status, "statuses"))
    .order_by(_t.c.id.desc())
))  # fmt: skip
_BACK_LINKS = Statement(lambda _: select(_l.c.ticket).where(_l.c.other == bindparam("ticket")))
_FIRST = select(func.min(_m.c.id)).where(_m.c.ticket == bindparam("ticket")).scalar_subquery()
_PARTS = Statement(lambda _: (
    select(_m.c.id, _m.c.author, _m.c.author_name, _m.c.text, _m.c.at, _m.c.strength, _m.c.unverified, _m.c.message_id, _m.c.inbox)
    .where(_m.c.ticket == bindparam("ticket"), _m.c.id > _FIRST, _m.c.direction == "in", _m.c.visibility == Visibility.PUBLIC.value)
    .order_by(_m.c.id.desc()).limit(_MOST)
))  # fmt: skip
_CAUSE = Statement(lambda database: (
    select(_o.c.cause_id).where(database.among(_o.c.message_id, "ids"), _o.c.cause_type == "inbox").order_by(_o.c.id.desc()).limit(1)
))  # fmt: skip


def children(tx: Tx, number: TicketId, *statuses: Status) -> tuple[TicketId, ...]:
    """The tickets whose parent this is, in these statuses (none: in all), in the order of their numbers."""
    return tuple(TicketId(row.id) for row in _CHILDREN.rows(tx, {"ticket": number}) if not statuses or row.status in statuses)


def losers(tx: Tx, number: TicketId) -> tuple[TicketId, ...]:
    """The tickets that were merged into this one, and those that had been merged into them."""
    found: dict[TicketId, None] = {}
    last = [number]
    while last:
        last = [TicketId(row.id) for row in _LOSERS.rows(tx, {"tickets": last}) if row.id not in found and row.id != number]
        found |= dict.fromkeys(last)
    return tuple(sorted(found))


def linked(tx: Tx, ticket: Ticket) -> tuple[TicketId, ...]:
    """The tickets with which this one is linked, from whichever side."""
    back = (TicketId(row.ticket) for row in _BACK_LINKS.rows(tx, {"ticket": ticket.id}))
    return tuple(sorted({*ticket.links, *back}))


def candidates(tx: Tx, ticket: Ticket, now: datetime, *, others: bool) -> list[Candidate]:
    """Open tickets of the same requester that began of late; with `others` also the newest few of the desk. Not the ticket itself."""
    asked = {"requester": ticket.requester, "since": now - _RECENT, "of_desk": ticket.desk, "statuses": _OPEN}
    rows = _OF_REQUESTER.rows(tx, asked)
    if others:
        rows += _NEWEST.rows(tx, {name: asked[name] for name in ("since", "of_desk", "statuses")})
    found = {row.id: Candidate(TicketId(row.id), Address(row.requester), row.subject) for row in rows if row.id != ticket.id}
    return list(found.values())


def kin(tx: Tx, ticket: Ticket, wanted: Wanted, writer: Sequence[Address], now: datetime, *, lock: bool) -> Kin:
    """What is known of the tickets that a mail to this one concerns. With `lock` those that its commands name stay as they are."""
    named = _with_parents(tx, wanted.numbers, lock=lock)
    asks = bool(wanted.numbers) or wanted.splits
    near = max((one.id for one in candidates(tx, ticket, now, others=False)), default=None) if asks else None
    resolved = children(tx, ticket.id, Status.RESOLVED_BY_ORIGIN) if wanted.reopens else ()
    parts, answered = _parts(tx, ticket.id, wanted.answers) if wanted.splits else ((), None)
    return Kin(named, near, resolved, _threads(tx, ticket, wanted.threads, writer), parts, answered)


def _with_parents(tx: Tx, numbers: Iterable[TicketId], *, lock: bool) -> tuple[Ticket, ...]:
    """The tickets of these numbers, with their parents and those of their parents."""
    found: dict[TicketId, Ticket] = {}
    # In the order of their numbers, so that of two who need the same tickets one waits for the other.
    for number in sorted(set(numbers)):
        above: TicketId | None = number
        for _ in range(_GENERATIONS):
            if above is None or above in found:
                break
            ticket = tickets.get(tx, above, lock=lock)
            if ticket is None:
                break
            found[above], above = ticket, ticket.parent
    return tuple(found.values())


def _threads(tx: Tx, ticket: Ticket, mentioned: Iterable[TicketId], writer: Sequence[Address]) -> tuple[TicketId, ...]:
    """Those of the mentioned tickets that go on beside this one, unlinked with it, and in which the writer has a confirmed part."""
    found: dict[TicketId, None] = {}
    for number in list(mentioned)[:_MOST_THREADS]:
        other = tickets.survivor(tx, number)
        if other is None or other.id == ticket.id or other.desk != ticket.desk or state_of(other.status) is State.CLOSED:
            continue
        known = other.participant(writer)
        if known is not None and known.confirmed and other.id not in linked(tx, ticket) and ticket.id not in (other.parent, *other.links):
            found[other.id] = None
    return tuple(found)


def _parts(tx: Tx, number: TicketId, answers: Sequence[str]) -> tuple[tuple[Part, ...], int | None]:
    """The messages that could be split off, and the one that a mail answers: by its own Message-ID or that of our letter about it."""
    rows = _PARTS.rows(tx, {"ticket": number})
    told = _CAUSE.row(tx, {"ids": list(answers)}) if answers else None
    about = told.cause_id.partition(".")[0] if told else ""
    parts = tuple(
        Part(row.id, Address(row.author), row.author_name, row.text, row.at, Strength(row.strength) if row.strength else None,
             row.unverified, row.message_id) for row in rows
    )  # fmt: skip
    return parts, next((row.id for row in rows if str(row.inbox) == about or (row.message_id and row.message_id in answers)), None)
