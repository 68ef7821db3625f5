"""What happened to a ticket, and what the ticket is after it: `fold` is the only way in which a ticket ever changes.

A change is a field's name and its new value as text, number, truth value, None or a tuple of such, so that an event can be kept as JSON
and folded again years later.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk import approval, clock
from mailgate.desk.model import Address, Level, Participant, Priority, Status, Strength, Ticket, TicketId

Value = str | int | bool | None | tuple["Value", ...]


class Change(Struct, frozen=True):
    """One field and its value from now on."""

    field: str
    value: Value


class Event(Struct, frozen=True):
    """One thing that happened: the command word (`resolve`) or `open`, `reply`, `comment`, …; who did it, and what it changed."""

    verb: str
    actor: str
    at: datetime
    strength: Strength | None = None
    changes: tuple[Change, ...] = ()
    note: str = ""


def fold(ticket: Ticket, events: Iterable[Event]) -> Ticket:
    """The ticket after these events, in their order. Pure; an unknown field is a programming error (KeyError)."""
    for event in events:
        ticket = _apply(ticket, event)
    return ticket


def born(ticket: TicketId, event: Event) -> Ticket:
    """The ticket that an `open` event makes; every field that the event names not has its default."""
    given = {change.field: change.value for change in event.changes}
    blank = Ticket(
        ticket, str(given["desk"]), str(given["subject"]), Address(str(given["requester"])), event.at, event.at, event.at
    )  # fmt: skip
    return _apply(blank, event)


def _apply(ticket: Ticket, event: Event) -> Ticket:
    fields = {change.field: _READ[change.field](change.value) for change in event.changes}
    if "status" in fields:
        # Who says nothing of an own name speaks of the status itself.
        fields = {"own": None} | fields
        if (fields["status"], fields["own"]) != (ticket.status, ticket.own):
            # A new status starts a new stretch of time, and every ladder of reminders at its first rung.
            fields = {"since": event.at, "rungs": 0, "climbed": None} | fields
    if "due" in fields:
        fields = {"overdue": False} | fields
    if "clocks" in fields:
        fields["clocks"] = clock.changed(ticket.clocks, cast(Iterable[clock.Clock], fields["clocks"]), event.at)
    if "asks" in fields:
        fields["asks"] = approval.changed(ticket.asks, cast(Iterable[approval.Ask], fields["asks"]))
    return replace(ticket, updated=event.at, **fields)


def plain(value: object) -> Value:
    """A field's value in the form that a Change carries."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Participant):
        return (value.address, value.role, value.confirmed, value.muted)
    if isinstance(value, clock.Clock):
        return clock.row(value)
    if isinstance(value, approval.Ask):
        return approval.ask_row(value)
    if isinstance(value, approval.Round):
        return approval.round_row(value)
    if isinstance(value, tuple):
        return tuple(plain(one) for one in value)
    return cast(Value, str(value) if isinstance(value, str) else value)


def changes(**fields: object) -> tuple[Change, ...]:
    """Changes from keyword arguments, in their order."""
    return tuple(Change(name, plain(value)) for name, value in fields.items())


def _text(value: Value) -> object:
    return None if value is None else str(value)


def _number(value: Value) -> object:
    return None if value is None else int(cast(int, value))


def _truth(value: Value) -> object:
    return bool(value)


def _time(value: Value) -> object:
    return None if value is None else datetime.fromisoformat(str(value))


def _texts(value: Value) -> object:
    return tuple(str(one) for one in cast(tuple[Value, ...], value))


def _numbers(value: Value) -> object:
    return tuple(int(cast(int, one)) for one in cast(tuple[Value, ...], value))


def _clocks(value: Value) -> object:
    return tuple(clock.read(one) for one in cast(tuple[Value, ...], value))


def _asks(value: Value) -> object:
    return tuple(approval.read_ask(one) for one in cast(tuple[Value, ...], value))


def _participants(value: Value) -> object:
    rows = cast(tuple[tuple[str, str, bool, bool], ...], value)
    return tuple(Participant(Address(address), role, bool(confirmed), bool(muted)) for address, role, confirmed, muted in rows)


# How each field of a ticket is read from the value of a change.
_READ = {
    **dict.fromkeys(
        ("desk", "subject", "requester", "source", "type", "category", "service", "team", "assignee", "resolution",
         "closure_category", "closure_note", "language", "own", "event_key", "severity", "remark"),
        _text,
    ),
    **dict.fromkeys(("parent", "merged_into", "reopened", "rungs", "time_spent", "rating"), _number),
    **dict.fromkeys(("since", "responded", "awaiting", "resolved", "closed", "climbed", "due", "rated"), _time),
    "status": lambda value: Status(str(value)),
    "priority": lambda value: Priority(str(value)),
    "impact": lambda value: Level(str(value)),
    "urgency": lambda value: Level(str(value)),
    "confidential": _truth,
    "overdue": _truth,
    "tags": _texts,
    "links": _numbers,
    "participants": _participants,
    "clocks": _clocks,
    "approval": approval.read_round,
    "asks": _asks,
}  # fmt: skip
