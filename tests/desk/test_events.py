"""What happened, and what the ticket is after it: folding, also of events that were kept as JSON."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from mailgate.desk.approval import Ask, How, Round, Stage, Verdict
from mailgate.desk.events import Change, Event, born, changes, fold, plain
from mailgate.desk.model import Address, Level, Participant, Priority, Status, Ticket, TicketId
from mailgate.store.tickets import dump_changes, load_changes
from tests.desk.cast import ANN, BOB, NOW, OPENED, TINA, ticket

# A new value for each field of a ticket that may change.
ANEW: dict[str, Any] = {
    "desk": "Other", "subject": "Drucker „kaputt“\n😀", "requester": BOB.address, "source": "phone", "type": "request",
    "priority": Priority.P1, "impact": Level.HIGH, "urgency": Level.LOW,
    "category": "Hardware/Printer", "service": "Print", "tags": ("a", "b"), "team": "second", "assignee": TINA.address,
    "participants": (Participant(ANN.address, "requester", muted=True), Participant(BOB.address, "cc", False)),
    "parent": TicketId(7), "links": (TicketId(1), TicketId(2)), "merged_into": TicketId(9), "resolution": "Toner.",
    "closure_category": "accepted", "closure_note": "done", "language": "de", "confidential": True,
    "event_key": "icinga\n@mon.example\nweb01", "severity": "critical",
    "responded": NOW, "resolved": NOW, "closed": NOW, "reopened": 2, "rungs": 1, "climbed": NOW + timedelta(microseconds=1), "since": NOW,
    "awaiting": NOW, "own": "Waiting for Vendor", "due": NOW, "overdue": True, "time_spent": 90,
    "rating": 4, "remark": "Quick.\nThank you", "rated": NOW,
    "approval": Round(1, (Stage(("manager",)), Stage(("boss@corp.example", "owner"), 1)), "New", BOB.address, NOW, expire=timedelta(5)),
    "asks": (Ask(1, 1, TINA.address, NOW), Ask(1, 2, BOB.address, NOW, 1, "owner", TINA.address, NOW, Verdict.APPROVED, NOW, how=How.TAP)),
}  # fmt: skip
# These follow from the event itself or from storing it.
_OWN = {"id", "created", "updated", "version", "status", "clocks"}


def kept(event: Event) -> Event:
    """The event as it comes back from the database."""
    return replace(event, changes=load_changes(dump_changes(event.changes)))


def test_every_field_of_a_ticket_can_change() -> None:
    assert ANEW.keys() | _OWN == set(Ticket.__struct_fields__)


@pytest.mark.parametrize("name", sorted(ANEW))
def test_a_changed_field_has_its_new_value_also_through_json(name: str) -> None:
    event = Event("edit", TINA.address, NOW, changes=changes(**{name: ANEW[name]}))
    for one in (event, kept(event)):
        after = fold(ticket(), (one,))
        assert getattr(after, name) == ANEW[name]
        assert type(getattr(after, name)) is type(ANEW[name])
        assert after == replace(ticket(), updated=NOW, **{name: ANEW[name]})


@pytest.mark.parametrize("name", "team assignee category parent merged_into responded resolved closed climbed language".split())
def test_a_field_can_be_emptied(name: str) -> None:
    full = replace(ticket(), **{name: ANEW[name]})
    assert getattr(fold(full, (kept(Event("edit", "x", NOW, changes=changes(**{name: None}))),)), name) is None


@pytest.mark.parametrize("status", Status)
def test_a_new_status_begins_a_new_stretch(status: Status) -> None:
    before = ticket(Status.NEW, rungs=2, climbed=OPENED)
    after = fold(before, (kept(Event("move", "x", NOW, changes=changes(status=status))),))
    assert after.status is status
    assert (after.since, after.rungs, after.climbed) == ((OPENED, 2, OPENED) if status is Status.NEW else (NOW, 0, None))


def test_an_own_status_needs_no_policy_to_be_read_and_ends_with_the_next_status() -> None:
    before = ticket(Status.NEW, rungs=2)
    vendor = kept(Event("status", "x", NOW, changes=changes(status=Status.PENDING, own="Waiting for Vendor")))
    waits = fold(before, (vendor,))
    assert (waits.status, waits.own, waits.status_name) == (Status.PENDING, "Waiting for Vendor", "Waiting for Vendor")
    assert (waits.since, waits.rungs) == (NOW, 0)
    later = NOW + timedelta(hours=1)
    other = fold(waits, (kept(Event("status", "x", later, changes=changes(status=Status.PENDING, own="Waiting for Parts"))),))
    assert (other.own, other.since) == ("Waiting for Parts", later)
    again = fold(other, (kept(Event("pending", "x", later + timedelta(hours=1), changes=changes(status=Status.PENDING))),))
    assert (again.status_name, again.since) == ("Pending", later + timedelta(hours=1))


def test_a_new_time_to_be_due_is_told_of_anew() -> None:
    told = ticket(due=OPENED, overdue=True)
    assert not fold(told, (kept(Event("due", "x", NOW, changes=changes(due=NOW))),)).overdue


def test_events_fold_in_their_order() -> None:
    first, second = (Event("edit", "x", NOW + timedelta(hours=at), changes=changes(subject=str(at))) for at in (0, 1))
    after = fold(ticket(), (first, second))
    assert (after.subject, after.updated) == ("1", NOW + timedelta(hours=1))
    assert after == fold(fold(ticket(), (first,)), (second,))


def test_no_event_changes_nothing() -> None:
    assert fold(ticket(), ()) == ticket()


def test_an_event_without_changes_only_tells_the_time() -> None:
    assert fold(ticket(), (Event("note", "x", NOW),)) == replace(ticket(), updated=NOW)


def test_an_unknown_field_is_a_fault_of_the_program() -> None:
    with pytest.raises(KeyError):
        fold(ticket(), (Event("edit", "x", NOW, changes=(Change("colour", "red"),)),))


def test_a_ticket_is_born_of_its_first_event_with_defaults_for_the_rest() -> None:
    event = Event("open", ANN.address, OPENED, changes=changes(desk="Service Desk", subject="Printer", requester=ANN.address))
    assert born(TicketId(3), kept(event)) == Ticket(TicketId(3), "Service Desk", "Printer", ANN.address, OPENED, OPENED, OPENED)


@pytest.mark.parametrize(
    ("value", "carried"),
    [
        (None, None), (3, 3), (True, True), ("text", "text"), (Status.NEW, "New"), (Address("a@b"), "a@b"),
        (OPENED, "2026-03-02T09:00:00+00:00"), (("a", 1), ("a", 1)),
        ((Participant(ANN.address, "cc"),), ((ANN.address, "cc", True, False),)),
    ],
)  # fmt: skip
def test_a_change_carries_plain_values(value: object, carried: object) -> None:
    assert plain(value) == carried
    assert type(plain(value)) is type(carried)
