from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from mailgate.desk import decide as desk_room
from mailgate.desk import sla
from mailgate.desk.events import Event, born, changes, fold
from mailgate.desk.model import Address, Participant, Status, TicketId
from mailgate.flow import operate
from mailgate.flow import timers as room
from mailgate.flow.timers import Timekeeper
from mailgate.store import facts, schema, tickets, timers
from mailgate.store.engine import Unavailable
from tests.kit.office import DESK, TINA, Office, mail, reply
from tests.kit.statements import watched
from tests.kit.together import at_once


@pytest.fixture
def office(url: str, tmp_path: Path) -> Iterator[Office]:
    desk = Office(tmp_path, url)
    yield desk
    assert desk.violations() == []
    desk.close()


def resolve(office: Office, count: int = 1) -> None:
    """So many tickets wait for closure."""
    for number in range(count):
        office.post(mail(sender=f"p{number}@out.example", name=f"P{number}"), sender=f"p{number}@out.example")
    for number in range(1, count + 1):
        operate.order(office.store, office.house, office.ticket(number).id, "#take\n#resolve done", TINA.address, office.now)
    office.letters()


def timer_states(office: Office) -> Counter[str]:
    with office.store.look() as tx:
        return Counter(tx.execute(schema.timers.select()).scalars("state"))


def names(office: Office) -> list[str]:
    return [letter.name for letter in office.letters()]


def test_the_ladder_reminds_warns_and_closes_each_once(office: Office) -> None:
    resolve(office)
    told = []
    for day in range(1, 10):
        office.later(days=1)
        told += [(day, name) for name in names(office)]
    assert told == [(3, "reminder"), (6, "closing_soon"), (7, "closed")]
    assert office.ticket().status == "Completed"
    assert timer_states(office) == {"fired": 3}


def test_nothing_is_due_before_its_time(office: Office) -> None:
    resolve(office)
    office.later(days=2, hours=23, minutes=59, seconds=59)
    assert names(office) == []
    office.later(seconds=1)
    assert names(office) == ["reminder"]


def test_an_answer_cancels_what_was_planned_and_what_fired_stays_as_proof(office: Office) -> None:
    resolve(office)
    office.later(days=3)
    (reminder,) = office.letters()
    office.post(reply(reminder, "It is broken again"), sender="p0@out.example")
    assert timer_states(office) == {"fired": 1, "cancelled": 1}
    office.later(days=30)
    assert office.ticket().status == "Analysis"


def test_after_a_long_downtime_the_ladder_goes_on_where_it_was_and_keeps_its_gaps(office: Office) -> None:
    """Nobody is closed unwarned."""
    resolve(office)
    office.later(days=30)
    assert names(office) == ["reminder"]
    office.later(days=2)
    assert names(office) == []
    office.later(days=1)
    assert names(office) == ["closing_soon"]
    office.later(days=1)
    assert names(office) == ["closed"]


def test_a_clock_that_went_back_repeats_nothing(office: Office) -> None:
    """CP39."""
    resolve(office)
    office.later(days=3)
    assert names(office) == ["reminder"]
    office.now -= timedelta(days=1)
    assert office.keeper.tick() == 0
    office.later(days=1)
    assert names(office) == []


def test_timers_on_hold_wait_for_resume(office: Office) -> None:
    resolve(office)
    with office.store.begin() as tx:
        facts.put(tx, facts.HOLD, "restored")
    office.later(days=4)
    assert names(office) == []
    assert operate.resume(office.store) == ["restored"]
    office.later(seconds=1)
    assert names(office) == ["reminder"]
    assert operate.resume(office.store) == []


def test_many_due_timers_are_fired_in_batches_each_once(office: Office) -> None:
    wait_for_closure(office, 60)
    office.now += timedelta(days=3)
    assert [office.keeper.tick() for _ in range(3)] == [50, 10, 0]
    assert Counter(names(office)) == {"reminder": 60}


def test_a_parent_that_ends_its_child_in_the_same_batch_is_no_trouble(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """Both questions are a week old: the parent's fires first, and the child's is settled by it."""
    for number in (1, 2):
        office.post(mail(sender=f"p{number}@out.example", name=f"P{number}"), sender=f"p{number}@out.example")
    office.order(2, "#parent 1")
    for number in (1, 2):
        office.order(number, "#pending Which floor?")
    # A gateway that was down for a while finds all rungs of both ladders due, one after the other.
    for _ in range(9):
        office.later(days=1)
    assert [office.ticket(number).status for number in (1, 2)] == ["Waiting for Closure", "Resolved by Origin Ticket"]
    assert [one.getMessage() for one in caplog.records if one.levelname == "ERROR"] == []


def test_a_tick_with_nothing_due_takes_no_writer(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(office)
    ran = watched(office.store, monkeypatch)
    office.keeper.tick()
    assert not [one for one, _ in ran if one.startswith(("BEGIN IMMEDIATE", "UPDATE", "INSERT"))]


def test_a_timer_that_fails_by_a_fault_of_ours_holds_up_no_other_and_comes_again(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    resolve(office, 3)
    whole = desk_room.decide

    def faulty(ticket: object, *others: object) -> object:
        if ticket.id == 2:  # type: ignore[attr-defined]
            raise KeyError("a bug")
        return whole(ticket, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(room, "decide", faulty)
    office.later(days=3)
    assert len(names(office)) == 2
    assert "KeyError" in caplog.text
    monkeypatch.undo()
    office.later(minutes=4)
    assert names(office) == []
    office.later(minutes=1)
    assert names(office) == ["reminder"]


def test_a_database_that_is_away_in_the_middle_of_a_tick_leaves_everything_armed(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """CP36."""
    resolve(office, 3)
    office.now += timedelta(days=3)
    calls = SimpleNamespace(left=2)
    whole = tickets.save

    def away(*given: object) -> object:
        calls.left -= 1
        if calls.left < 0:
            raise Unavailable("the server closed the connection")
        return whole(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("mailgate.store.tickets.save", away)
    with pytest.raises(Unavailable):
        office.keeper.tick()
    assert names(office) == []
    assert timer_states(office) == {"pending": 3}
    monkeypatch.undo()
    assert office.keeper.tick() == 3


def wait_for_closure(office: Office, count: int) -> None:
    """So many tickets as `resolve` leaves them, written down at once."""
    with office.store.begin() as tx:
        for number in range(count):
            who = Address(f"p{number}@out.example")
            people = (Participant(who, "requester"),)
            opening = Event("open", who, office.now, None, changes(desk=DESK.name, subject="x", requester=who, participants=people))
            solving = Event("resolve", TINA.address, office.now, None, changes(status=Status.WAITING_FOR_CLOSURE))
            ticket = tickets.open_new(tx, fold(born(TicketId(0), opening), (solving,)))
            tickets.record(tx, ticket.id, (opening, solving), "order", f"made {number}")
            timers.rewrite(tx, ticket.id, sla.plan(ticket, office.house.rules(DESK.name, office.people)), ticket.version, office.now)


@pytest.mark.postgres
def test_two_timekeepers_with_two_hundred_due_timers_fire_each_once(office: Office) -> None:
    """T13 in small: on PostgreSQL they share the work, on SQLite one waits for the other."""
    wait_for_closure(office, 200)
    office.now += timedelta(days=3)

    def keep() -> int:
        keeper, count = Timekeeper(office.store, office.house, lambda: office.now), 0
        while due(office):
            count += keeper.tick()
        return count

    fired = at_once(keep)
    assert sum(fired) == timer_states(office)["fired"] == 200
    assert Counter(names(office)) == {"reminder": 200}
    assert office.store.sqlite or min(fired) > 0


def due(office: Office) -> int:
    with office.store.look() as tx:
        return timers.overdue(tx, office.now)
