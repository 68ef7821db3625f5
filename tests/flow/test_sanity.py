"""May what comes due happen now? What is remembered, what the operator is told, and what goes on all the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailgate.desk.events import Event, born, changes, fold
from mailgate.desk.model import Address, TicketId
from mailgate.desk.policy import Retention
from mailgate.desk.retry import LIFETIME
from mailgate.desk.sanity import Doubt, Reading
from mailgate.flow import operate
from mailgate.flow.delivery import Delivery, Outcome, Result
from mailgate.flow.retention import Sweeper
from mailgate.flow.sanity import Sanity
from mailgate.store import facts, inbox, outbox, tickets
from mailgate.store.engine import Store
from tests.kit.machine import Machine
from tests.kit.office import DESK, START, Office, mail
from tests.kit.statements import watched


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    desk = Office(tmp_path)
    yield desk
    assert desk.violations() == []
    desk.close()


@pytest.fixture
def machine(office: Office) -> Machine:
    return Machine(office)


def alerts(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.getMessage().startswith("alert ")]


def happened(store: Store, at: datetime) -> None:
    """Something was written down at that time."""
    with store.begin() as tx:
        opening = Event("open", "t", at, None, changes(desk=DESK.name, subject="x", requester=Address("ann@out.example")))
        ticket = tickets.open_new(tx, fold(born(TicketId(0), opening), ()))
        tickets.record(tx, ticket.id, (opening,), "order", f"made at {at}")


def test_a_usual_tick_asks_the_database_nothing_and_every_five_minutes_what_is_believed_is_kept(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = watched(machine.office.store, monkeypatch)
    machine.away(minutes=4)
    assert machine.sanity.now() == machine.office.now
    assert ran == []
    machine.away(minutes=1)
    assert machine.sanity.now() == machine.office.now
    assert [one.split()[0] for one, _ in ran if one.split()[0] in ("UPDATE", "INSERT")] == ["INSERT"]


def test_the_operator_is_told_once_when_a_doubt_begins_and_when_it_ends(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    machine.jump(days=1)
    machine.live(minutes=9)
    assert alerts(caplog) == [
        'alert code=clock-doubted text="the clock jumped ahead by 1 day, 0:00:00 (found at 2026-03-03T09:02:00+00:00): '
        'timers wait until it has been steady for ten minutes, or `mailgate resume`"'
    ]
    machine.live(minutes=3)
    assert [one.getMessage() for one in caplog.records][-1] == "clock_believed"
    assert len(alerts(caplog)) == 1


def test_a_machine_that_slept_alarms_nobody(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    machine.away(hours=8)
    assert machine.sanity.now() is None
    assert [one.getMessage() for one in caplog.records] == ["timers_wait reason=paused seconds=28800"]


@pytest.mark.parametrize("boots", [False, True])
def test_a_clock_that_went_back_while_we_were_down_is_found_at_the_start(machine: Machine, boots: bool) -> None:
    machine.jump(hours=-1)
    machine.start(boots=boots)
    assert machine.sanity.doubt is Doubt.BACK


def test_a_clock_that_jumped_ahead_while_we_were_down_for_a_moment_is_found_at_the_start(machine: Machine) -> None:
    machine.jump(days=1)
    machine.away(seconds=5)
    machine.start()
    assert machine.sanity.doubt is Doubt.AHEAD


def test_a_doubt_outlives_a_restart(machine: Machine) -> None:
    machine.jump(days=1)
    machine.live(minutes=8)
    machine.start()
    assert machine.sanity.doubt is Doubt.AHEAD
    machine.live(minutes=8)
    assert machine.sanity.now() is None
    machine.live(minutes=4)
    assert machine.sanity.now() == machine.office.now


def test_a_first_start_and_a_start_soon_after_are_no_reason_for_doubt(machine: Machine) -> None:
    for _ in range(3):
        machine.away(minutes=3)
        machine.start()
        assert machine.sanity.now() == machine.office.now


def test_a_start_behind_what_has_happened_is_doubted_until_the_operator_says_otherwise_and_no_more_after_that(machine: Machine) -> None:
    office = machine.office
    happened(office.store, START + timedelta(days=300))
    machine.start()
    assert machine.sanity.doubt is Doubt.BEHIND
    machine.live(hours=2)
    assert machine.sanity.now() is None
    assert operate.resume(office.store) == [
        "the clock is 300 days, 0:00:00 behind what has happened already (found at 2026-03-02T09:00:00+00:00)"
    ]
    assert machine.sanity.now() == office.now
    machine.live(hours=2)
    machine.start()
    assert machine.sanity.now() == office.now
    # Something else that is said to happen next year is another matter.
    happened(office.store, START + timedelta(days=301))
    machine.start()
    assert machine.sanity.now() is None


def test_what_is_held_and_why_can_be_asked_for(machine: Machine) -> None:
    office = machine.office
    with office.store.begin() as tx:
        assert operate.held(tx) == []
        facts.put(tx, facts.HOLD, "restored from a backup")
    machine.jump(hours=-2)
    machine.tick()
    reasons = ["restored from a backup", "the clock went back by 2:00:00 (found at 2026-03-02T07:00:00+00:00)"]
    with office.store.look() as tx:
        assert operate.held(tx) == reasons
    assert operate.resume(office.store) == reasons
    assert machine.sanity.now() == office.now


def test_mails_and_letters_that_wait_for_a_time_do_not_wait_for_it_twice(machine: Machine) -> None:
    """A clock that was a day early put them off; right again, it would come there tomorrow."""
    office = machine.office
    machine.jump(days=1)
    machine.live(minutes=20)
    office.receive(mail())
    office.receive(mail(sender="bob@out.example"))
    with office.store.begin() as tx:
        (claim, _) = inbox.claim(tx, office.store.lease("office", office.now, timedelta(minutes=5)), 2)
        inbox.put_back(tx, claim, office.now + timedelta(minutes=1), strike=False)
        inbox.free(tx, "office", office.now, 5)
    machine.jump(days=-1)
    office.work()
    assert office.count() == 0
    machine.tick()
    office.work()
    assert office.count() == 2
    assert {one.next_at for one in waiting(office)} == {office.now}


def waiting(office: Office) -> list[outbox.Row]:
    with office.store.look() as tx:
        return [one for one in outbox.rows(tx) if one.state == "queued"]


def test_no_letter_is_given_up_and_nothing_is_removed_by_a_clock_that_jumped_ahead(office: Office) -> None:
    machine = Machine(office)
    office.post(mail())
    delivery = Delivery(
        office.store, office.house, "office", lambda: office.now, lambda: 0.0, lambda: 0.5, lambda: machine.sanity.doubt is not None
    )  # fmt: skip
    sweeper = Sweeper(office.store, Retention(mails=timedelta(days=30)), machine.sanity.now)
    machine.jump(days=400)
    machine.tick()
    (parcel, *_) = delivery.claim()
    delivery.settle([Outcome(parcel.row, parcel.attempt, Result.RETRY, "connect", "no route")])
    with office.store.look() as tx:
        row = outbox.get(tx, parcel.row)
    assert row is not None
    assert row.state == "deferred"
    assert sweeper.tick() == 0
    with office.store.look() as tx:
        assert inbox.raw(tx, 1)


def test_a_letter_is_given_up_by_a_clock_that_is_believed(office: Office) -> None:
    office.post(mail())
    delivery = Delivery(office.store, office.house, "office", lambda: office.now, lambda: 0.0, lambda: 0.5)
    office.now += LIFETIME
    (parcel, *_) = delivery.claim()
    delivery.settle([Outcome(parcel.row, parcel.attempt, Result.RETRY, "connect", "no route")])
    with office.store.look() as tx:
        row = outbox.get(tx, parcel.row)
    assert row is not None
    assert row.state == "failed"


@pytest.mark.postgres
def test_of_two_gateways_on_one_database_only_the_one_whose_clock_is_wrong_holds_its_timers(postgres_url: str, tmp_path: Path) -> None:
    office = Office(tmp_path, postgres_url, now=datetime.now(UTC))
    right, wrong = (
        Sanity(office.store, office.house, name, lambda early=early: Reading(datetime.now(UTC) + early, 0.0, "boot"))  # type: ignore[misc]
        for name, early in (("right", timedelta()), ("wrong", timedelta(minutes=11)))
    )
    assert wrong.now() is None
    assert right.now() is not None
    with office.store.look() as tx:
        (reason,) = operate.held(tx)
    assert reason.startswith("the clock is 0:1")
    # What the one writes with its wrong clock says nothing about the other.
    happened(office.store, datetime.now(UTC) + timedelta(days=1))
    assert Sanity(office.store, office.house, "right", right._read).now() is not None
    # And nobody's word makes it right.
    operate.resume(office.store)
    assert wrong.now() is None
    with office.store.look() as tx:
        assert len(operate.held(tx)) == 1
    office.close()
