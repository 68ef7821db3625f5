"""How is a ticket kept and found? Rows to `Ticket` values and back; which change is right was decided elsewhere.

A ticket is saved only over the version that was read. Times are UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from msgspec import Struct, json
from msgspec.structs import asdict, replace
from sqlalchemy import bindparam, delete, insert, select, update

from mailgate.desk import approval, clock
from mailgate.desk.decision import Message
from mailgate.desk.events import Change, Event, Value
from mailgate.desk.letters import Said
from mailgate.desk.model import Address, Level, Participant, Priority, Status, Ticket, TicketId, Visibility
from mailgate.store import approvals, schema
from mailgate.store.engine import Fenced, Tx
from mailgate.store.statement import Database, Statement

_t = schema.tickets
_FIELDS = tuple(name for name in Ticket.__struct_fields__ if name not in ("id", "participants", "links", "asks"))
_VALUES = attrgetter(*_FIELDS)

_ONE = select(_t).where(_t.c.id == bindparam("ticket"))
_GET = Statement(lambda _: _ONE)
# Not against new rows that only refer to the ticket.
_GET_LOCKED = Statement(lambda _: _ONE.with_for_update(key_share=True))
_PARTICIPANTS = Statement(lambda _: (
    select(schema.participants).where(schema.participants.c.ticket == bindparam("ticket")).order_by(schema.participants.c.address)
))  # fmt: skip
_LINKS = Statement(lambda _: (
    select(schema.links.c.other).where(schema.links.c.ticket == bindparam("ticket")).order_by(schema.links.c.other)
))  # fmt: skip
_UPDATE = Statement(lambda _: (
    update(_t).where(_t.c.id == bindparam("of_ticket"), _t.c.version == bindparam("of_version"))
    .values({name: bindparam(f"new_{name}") for name in _FIELDS})
))  # fmt: skip
_OPEN = Statement(lambda _: insert(_t).returning(_t.c.id), [_t.c[name] for name in _FIELDS])
_BEGIN_STRETCH = Statement(lambda _: insert(schema.stretches), [one for one in schema.stretches.c if one.key != "until"])
_END_STRETCH = Statement(lambda _: (
    update(schema.stretches)
    .where(schema.stretches.c.ticket == bindparam("of_ticket"), schema.stretches.c.until.is_(None)).values(until=bindparam("ended"))
))  # fmt: skip


_a = schema.alarms


def _newest_about(database: Database) -> Any:
    statement = database.insert(_a)
    return statement.on_conflict_do_update(index_elements=["desk", "event_key"], set_={"ticket": statement.excluded.ticket})


_ABOUT = Statement(_newest_about, _a.c)
_AWAIT = Statement(lambda database: database.insert(_a).on_conflict_do_nothing(), _a.c)
_FIND = Statement(lambda _: select(_a.c.ticket).where(_a.c.desk == bindparam("desk"), _a.c.event_key == bindparam("event_key")))
_FIND_LOCKED = Statement(lambda _: (
    select(_a.c.ticket).where(_a.c.desk == bindparam("desk"), _a.c.event_key == bindparam("event_key")).with_for_update()
))  # fmt: skip


def _put_participant(database: Database) -> Any:
    statement = database.insert(schema.participants)
    values = {name: statement.excluded[name] for name in ("role", "confirmed", "muted")}
    return statement.on_conflict_do_update(index_elements=["ticket", "address"], set_=values)


_PUT_PARTICIPANTS = Statement(_put_participant, schema.participants.c)
_LINK = Statement(lambda database: database.insert(schema.links).on_conflict_do_nothing(), schema.links.c)
_UNLINK = Statement(lambda _: (
    delete(schema.links).where(schema.links.c.ticket == bindparam("of_ticket"), schema.links.c.other == bindparam("of_other"))
))  # fmt: skip


def get(tx: Tx, ticket: TicketId, *, lock: bool = False) -> Ticket | None:
    """The ticket of that number; with `lock` nobody else changes it before this transaction ends."""
    row = (_GET_LOCKED if lock else _GET).row(tx, {"ticket": ticket})
    if row is None:
        return None
    people = tuple(
        Participant(Address(one.address), one.role, one.confirmed, one.muted) for one in _PARTICIPANTS.rows(tx, {"ticket": ticket})
    )
    links = tuple(TicketId(one.other) for one in _LINKS.rows(tx, {"ticket": ticket}))
    return _ticket(row._asdict(), people, links, approvals.of_ticket(tx, ticket) if row.approval else ())


def survivor(tx: Tx, ticket: TicketId, *, lock: bool = False) -> Ticket | None:
    """The ticket, or the one that it was merged into."""
    found = get(tx, ticket, lock=lock)
    for _ in range(20):
        if found is None or found.merged_into is None:
            break
        found = get(tx, found.merged_into, lock=lock)
    return found


def about(tx: Tx, desk: str, event_key: str, *, lock: bool = False, opens: bool = False) -> Ticket | None:
    """The newest ticket that alarms with this key opened, or the one that it was merged into.

    With `lock` it stays as it is until this transaction ends. Whoever `opens` a ticket where there is none has to say so: all others who
    would are kept waiting until he has.
    """
    which = {"desk": desk, "event_key": event_key}
    if lock and opens:
        _AWAIT.change(tx, {**which, "ticket": 0})
    found = (_FIND_LOCKED if lock else _FIND).row(tx, which)
    return survivor(tx, TicketId(found.ticket), lock=lock) if found else None


def clocks_of(text: str | None) -> tuple[clock.Clock, ...]:
    """What was promised, as the column of that name has it."""
    return tuple(map(clock.remembered, json.decode(text))) if text else ()


def _ticket(row: Any, people: tuple[Participant, ...], links: tuple[TicketId, ...], asks: tuple[approval.Ask, ...] = ()) -> Ticket:
    return Ticket(**{
        **row, "status": Status(row["status"]), "priority": Priority(row["priority"]), "impact": Level(row["impact"]),
        "urgency": Level(row["urgency"]), "tags": tuple(json.decode(row["tags"])), "participants": people, "links": links,
        "clocks": clocks_of(row["clocks"]), "asks": asks,
        "approval": approval.read_round(json.decode(row["approval"])) if row["approval"] else None,
    })  # fmt: skip


def bare(row: Any) -> Ticket:
    """The ticket of a row of its table, without its participants and links: for those who count many."""
    return _ticket(row._asdict(), (), ())


def _columns(ticket: Ticket) -> dict[str, object]:
    values: dict[str, object] = dict(zip(_FIELDS, _VALUES(ticket), strict=True))
    values["tags"] = _as_json(_kept(ticket.tags))
    values["clocks"] = _as_json([clock.kept(one) for one in ticket.clocks]) if ticket.clocks else None
    values["approval"] = _as_json(_kept(approval.round_row(ticket.approval))) if ticket.approval else None
    return values


def open_new(tx: Tx, ticket: Ticket) -> Ticket:
    """Stores a new ticket and gives it its number."""
    number = _OPEN.row(tx, {**_columns(ticket), "version": 1}).id
    stored = replace(ticket, id=TicketId(number), version=1)
    _keep_participants(tx, stored, ())
    _keep_links(tx, stored, ())
    _keep_stretch(tx, None, stored)
    if stored.asks:
        approvals.keep(tx, stored.id, (), stored.asks)
    if stored.event_key is not None:
        _ABOUT.change(tx, {"desk": stored.desk, "event_key": stored.event_key, "ticket": number})
    return stored


def save(tx: Tx, before: Ticket, after: Ticket) -> Ticket:
    """Stores a changed ticket over the version that was read. Raises Fenced if somebody else saved it meanwhile."""
    after = replace(after, version=before.version + 1)
    values = {f"new_{name}": value for name, value in _columns(after).items()}
    if _UPDATE.change(tx, {**values, "of_ticket": before.id, "of_version": before.version}) != 1:
        raise Fenced(f"ticket {before.id} was changed by somebody else")
    if after.participants != before.participants:
        _keep_participants(tx, after, before.participants)
    if after.links != before.links:
        _keep_links(tx, after, before.links)
    if (after.status, after.own) != (before.status, before.own):
        _keep_stretch(tx, before, after)
    if after.asks != before.asks:
        approvals.keep(tx, after.id, before.asks, after.asks)
    return after


def _keep_participants(tx: Tx, ticket: Ticket, before: tuple[Participant, ...]) -> None:
    kept = {one.address: one for one in ticket.participants}
    gone = [one.address for one in before if one.address not in kept]
    if gone:
        table = schema.participants
        tx.execute(delete(table).where(table.c.ticket == ticket.id, table.c.address.in_(gone)))
    changed = [one for one in kept.values() if one not in before]
    if changed:
        _PUT_PARTICIPANTS.change_all(tx, (
            {"ticket": ticket.id, "address": one.address, "role": one.role, "confirmed": one.confirmed, "muted": one.muted}
            for one in changed
        ))  # fmt: skip


def _keep_links(tx: Tx, ticket: Ticket, before: tuple[TicketId, ...]) -> None:
    _LINK.change_all(tx, ({"ticket": ticket.id, "other": other} for other in ticket.links if other not in before))
    for other in (one for one in before if one not in ticket.links):
        _UNLINK.change(tx, {"of_ticket": ticket.id, "of_other": other})


def _keep_stretch(tx: Tx, before: Ticket | None, after: Ticket) -> None:
    if before is not None:
        _END_STRETCH.change(tx, {"of_ticket": after.id, "ended": after.since})
    began = {"ticket": after.id, "since": after.since, "number": after.version, "status": after.status, "own": after.own}
    _BEGIN_STRETCH.change(tx, began)


_HIS = Statement(lambda database: (
    select(_t.c.id).where(database.among(_t.c.assignee, "people"), _t.c.resolved.is_(None), _t.c.closed.is_(None)).order_by(_t.c.id)
))  # fmt: skip


def unresolved_of(tx: Tx, people: Iterable[Address]) -> list[TicketId]:
    """The numbers of the tickets that are given to one of these addresses and neither resolved nor closed, oldest first."""
    return [TicketId(row.id) for row in _HIS.rows(tx, {"people": list(people)})]


# ------------------------------------------------------------------------------------------------------------- the story

_ADD_EVENT = Statement(lambda _: insert(schema.events), [one for one in schema.events.c if one.key != "id"])
_ADD_MESSAGE = Statement(
    lambda _: insert(schema.messages).returning(schema.messages.c.id), [one for one in schema.messages.c if one.key != "id"]
)


def record(tx: Tx, ticket: TicketId, events: Sequence[Event], cause_type: str, cause_id: str, first: int = 0) -> None:
    """Adds events to the story. A cause that had its effect already fails here (unique cause key).

    `first` is the number of the first one among all effects of this cause.
    """
    _ADD_EVENT.change_all(tx, (
        {"ticket": ticket, "at": one.at, "actor": one.actor, "strength": one.strength, "verb": one.verb, "note": one.note,
         "changes": dump_changes(one.changes), "cause_type": cause_type, "cause_id": cause_id, "effect_no": number}
        for number, one in enumerate(events, first)
    ))  # fmt: skip


_SINCE = Statement(lambda _: (
    select(schema.events.c.id)
    .where(schema.events.c.ticket == bindparam("ticket"), schema.events.c.verb == bindparam("verb"),
           schema.events.c.at >= bindparam("since")).limit(1)
))  # fmt: skip


def happened_since(tx: Tx, ticket: Ticket, verb: str) -> bool:
    """Whether something of this verb happened to the ticket since its present status began."""
    return _SINCE.row(tx, {"ticket": ticket.id, "verb": verb, "since": ticket.since}) is not None


_HEARD = Statement(lambda _: (
    select(schema.messages.c.id)
    .where(schema.messages.c.ticket == bindparam("ticket"), schema.messages.c.author == bindparam("author"),
           schema.messages.c.unverified.is_(False), schema.messages.c.at > bindparam("since")).limit(1)
))  # fmt: skip


def heard_since(tx: Tx, ticket: TicketId, author: Address, since: datetime) -> bool:
    """Whether this person wrote to the ticket since then, and proved it."""
    return _HEARD.row(tx, {"ticket": ticket, "author": author, "since": since}) is not None


def dump_changes(changed: tuple[Change, ...]) -> str:
    """Changes as JSON: an object of field and new value. Texts are kept as the columns keep them, so that the story folds to the same."""
    return _as_json({change.field: _kept(change.value) for change in changed})


def _as_json(kept: object) -> str:
    return json.encode(kept).decode()


def _kept(value: Value) -> Value:
    if isinstance(value, tuple):
        return tuple(_kept(one) for one in value)
    return schema.storable(value) if isinstance(value, str) else value


def load_changes(text: str) -> tuple[Change, ...]:
    """The inverse of `dump_changes`."""
    return tuple(Change(field, _tupled(value)) for field, value in json.decode(text).items())


def _tupled(value: Any) -> Value:
    return tuple(_tupled(one) for one in value) if isinstance(value, list) else value


def say(
    tx: Tx, ticket: TicketId, message: Message, at: datetime, *, name: str = "", message_id: str | None = None, inbox: int | None = None
) -> int:
    """Adds a message to the story; `name` is what its author calls himself. Returns its id."""
    return int(_ADD_MESSAGE.row(tx, {
        "ticket": ticket, "direction": message.direction, "author": message.author, "author_name": name, "strength": message.strength,
        "visibility": message.visibility, "unverified": message.unverified, "note": message.note, "message_id": message_id,
        "inbox": inbox, "at": at, "text": message.text,
    }).id)  # fmt: skip


_SAID = Statement(lambda _: select(schema.messages).where(schema.messages.c.id == bindparam("message")))
_ATTACHED = Statement(lambda _: select(schema.attachments).where(schema.attachments.c.message == bindparam("message")))


def repeat(tx: Tx, message: int, ticket: TicketId, note: str) -> str | None:
    """Adds a message of another ticket to the story of this one, with its files, its time and its mail; returns its Message-ID."""
    said = _SAID.row(tx, {"message": message})._asdict()
    copy = int(_ADD_MESSAGE.row(tx, {**said, "ticket": ticket, "note": note}).id)
    _ATTACH.change_all(tx, ({**row._asdict(), "message": copy} for row in _ATTACHED.rows(tx, {"message": message})))
    return str(said["message_id"]) if said["message_id"] else None


class File(Struct, frozen=True):
    """An attachment of a message; `part` is its place in the raw mail of the message's inbox row. Size in octets."""

    filename: str
    content_type: str
    size: int
    sha256: str
    inline: bool
    content_id: str | None
    part: int


_ATTACH = Statement(lambda _: insert(schema.attachments), [one for one in schema.attachments.c if one.key != "id"])


def attach(tx: Tx, message: int, files: Iterable[File]) -> None:
    """Notes what a message brought along."""
    _ATTACH.change_all(tx, ({"message": message, **asdict(one)} for one in files))


# ---------------------------------------------------------------------------------------------------------------- clues


_KNOW = Statement(lambda database: database.insert(schema.mail_ids).on_conflict_do_nothing(), schema.mail_ids.c)


def know(tx: Tx, desk: str, ticket: TicketId, ids: Iterable[str], letters: Iterable[tuple[str, Address]] = ()) -> None:
    """Remembers Message-IDs of this ticket: those that somebody's mail carries or mentions, and our own letters' with whom they went to."""
    rows: list[dict[str, object]] = [{"message_id": one, "ticket": ticket, "desk": desk, "person": None} for one in dict.fromkeys(ids)]
    rows += [{"message_id": one, "ticket": ticket, "desk": desk, "person": person} for one, person in letters]
    _KNOW.change_all(tx, rows)


def _writer(_: Database) -> Any:
    table = schema.messages
    his = table.c.ticket == bindparam("ticket"), table.c.author == bindparam("author")
    newest = select(table.c.message_id).where(*his, table.c.message_id.is_not(None)).order_by(table.c.id.desc()).limit(1)
    name = select(table.c.author_name).where(*his, table.c.author_name != "").order_by(table.c.id).limit(1)
    return select(newest.scalar_subquery().label("message_id"), name.scalar_subquery().label("name"))


_WRITER = Statement(_writer)


def writer(tx: Tx, ticket: TicketId, author: Address) -> tuple[str | None, str]:
    """The Message-ID of the newest mail that this person wrote to the ticket, and the name under which he began it.

    The first name counts: no mail that comes later, and may be forged, renames anybody.
    """
    found = _WRITER.row(tx, {"ticket": ticket, "author": author})
    return (found.message_id, found.name or "") if found else (None, "")


# So many messages a public story has at most, beside the one that opened the ticket.
_NEWEST = 20
_PUBLIC = Statement(lambda _: (
    select(schema.messages.c.id, schema.messages.c.at, schema.messages.c.author, schema.messages.c.direction, schema.messages.c.text)
    .where(schema.messages.c.ticket == bindparam("ticket"), schema.messages.c.visibility == Visibility.PUBLIC,
           schema.messages.c.unverified.is_(False))
    .order_by(schema.messages.c.id.desc()).limit(_NEWEST)
))  # fmt: skip


def public_story(tx: Tx, ticket: Ticket) -> tuple[Said, ...]:
    """What everybody on the ticket may read, oldest first; of a long story how it began and what is new. It names nobody.

    What nothing proves to be anybody's is not passed on, but for the words that opened the ticket.
    """
    rows = list(reversed(_PUBLIC.rows(tx, {"ticket": ticket.id})))
    said = [
        Said(row.at, "desk" if row.direction == "out" else "requester" if row.author == ticket.requester else "copy", row.text)
        for row in rows
    ]  # fmt: skip
    first = _OPENING.row(tx, {"ticket": ticket.id})
    began = [Said(ticket.created, "requester", first.text, first.unverified)] if first and first.id not in {row.id for row in rows} else []
    return (*began, *said)


_MOST_NAMES = 100
_NAMES = Statement(lambda _: (
    select(schema.messages.c.author, schema.messages.c.author_name)
    .where(schema.messages.c.ticket == bindparam("ticket"), schema.messages.c.author_name != "").order_by(schema.messages.c.id)
    .limit(_MOST_NAMES)
))  # fmt: skip


def names(tx: Tx, ticket: TicketId) -> dict[Address, str]:
    """Under which name each of those began who wrote to the ticket and proved it; of so many mails, which is more than people read."""
    return {Address(row.author): row.author_name for row in reversed(_NAMES.rows(tx, {"ticket": ticket}))}


_OPENING = Statement(lambda _: (
    select(schema.messages.c.id, schema.messages.c.text, schema.messages.c.unverified)
    .where(schema.messages.c.ticket == bindparam("ticket"))
    .order_by(schema.messages.c.id).limit(1)
))  # fmt: skip


def opening_words(tx: Tx, ticket: TicketId) -> str:
    """What the first mail of a ticket says."""
    found = _OPENING.row(tx, {"ticket": ticket})
    return found.text if found else ""
