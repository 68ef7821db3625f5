from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailgate.desk.decision import Outcome
from mailgate.desk.model import Address, TicketId
from mailgate.desk.policy import Security
from mailgate.flow import operate
from mailgate.flow.delivery import Delivery, Result
from mailgate.flow.delivery import Outcome as Answer
from mailgate.flow.timers import Timekeeper
from mailgate.store import facts, keeping, outbox
from mailgate.store.engine import Store
from tests.kit.office import TINA, Office, mail, spoofed

GUARDED = Security(authserv_ids=("mx.desk.example",))


@pytest.fixture
def office(url: str, tmp_path: Path) -> Iterator[Office]:
    desk = Office(tmp_path, url, security=GUARDED)
    yield desk
    assert desk.violations() == []
    desk.close()


def order(office: Office, text: str, number: int = 1, who: Address | None = None) -> operate.Done:
    return operate.order(office.store, office.house, TicketId(number), text, who, office.now)


# ------------------------------------------------------------------------------------------------------------- tickets


def test_an_order_is_obeyed_like_a_technicians_mail(office: Office) -> None:
    office.post(mail())
    done = order(office, "#take\n#resolve off and on", who=TINA.address)
    assert (done.decision.outcome, done.decision.refusals) == (Outcome.COMMANDED, ())
    assert (office.ticket().status, office.ticket().assignee) == ("Waiting for Closure", TINA.address)
    assert office.story().events[-1].cause.startswith("order:")


def test_an_order_in_nobodys_name_is_the_operators(office: Office) -> None:
    office.post(mail())
    order(office, "#note looked at it")
    assert [one.actor for one in office.story().events][-1] == "operator"


def test_a_wrong_order_does_nothing_and_says_why(office: Office) -> None:
    office.post(mail())
    done = order(office, "#rezolve", who=TINA.address)
    assert done.decision.refusals
    assert office.ticket().status == "New"


def test_an_order_for_a_ticket_that_is_not_there_is_answered_and_does_nothing(office: Office) -> None:
    done = order(office, "#take", number=99)
    assert (done.ticket, done.decision.reason) == (None, "no-such-ticket")


def test_the_same_order_twice_is_two_orders(office: Office) -> None:
    office.post(mail())
    order(office, "#note one")
    order(office, "#note one")
    assert len({one.cause for one in office.story().events}) == 3


def test_a_ticket_by_phone_is_acknowledged_and_announced_as_by_mail(office: Office) -> None:
    done = operate.open_by_phone(
        office.store, office.house, office.desk.name, Address("ann@out.example"), "Ann", "Printer", "It smokes\x00.", office.now
    )
    assert done.ticket is not None
    assert (office.ticket().source, office.ticket().requester, office.ticket().subject) == ("phone", "ann@out.example", "Printer")
    assert sorted(letter.name for letter in office.letters()) == ["acknowledgement", "new_ticket", "new_ticket"]


# --------------------------------------------------------------------------------------------------------------- mails


def held(office: Office) -> int:
    row = office.post(spoofed(mail()))
    assert (row.state, row.reason) == ("held", "spoofed")
    return row.id


def test_a_held_mail_that_is_released_is_processed_once(office: Office) -> None:
    row = held(office)
    assert operate.release(office.store, [row, 99], office.now) == [row]
    assert operate.release(office.store, [row], office.now) == []
    office.work()
    assert (office.row(row).state, office.row(row).ticket) == ("done", 1)
    assert operate.release(office.store, [row], office.now) == []
    assert office.count() == 1


def test_a_held_mail_can_be_attached_to_a_ticket(office: Office) -> None:
    office.post(mail("first"))
    row = held(office)
    operate.release(office.store, [row], office.now, attach_to=TicketId(1))
    office.work()
    assert (office.row(row).state, office.row(row).ticket, office.count()) == ("done", 1, 1)


def test_a_held_mail_that_is_judged_again_is_held_again_and_each_round_has_its_own_effects(office: Office) -> None:
    row = held(office)
    for _ in range(3):
        assert operate.retry_mails(office.store, [row], office.now) == [row]
        office.work()
        assert office.row(row).state == "held"
    operate.release(office.store, [row], office.now)
    office.work()
    assert office.story().events[0].cause == f"inbox:{row}.4"


def test_a_held_mail_that_is_dropped_stays_and_does_nothing(office: Office) -> None:
    row = held(office)
    assert operate.drop_mails(office.store, [row], office.now) == [row]
    office.work()
    assert (office.row(row).state, office.row(row).reason) == ("ignored", "dropped")
    assert operate.drop_mails(office.store, [row], office.now) == []
    assert operate.release(office.store, [row], office.now) == []


# -------------------------------------------------------------------------------------------------------------- letters


def test_letters_that_wait_can_be_cancelled_and_those_that_failed_tried_again(office: Office) -> None:
    office.post(mail())
    (first, second, third) = (letter.row.id for letter in office.letters())
    assert operate.drop_letters(office.store, [first, 99], office.now) == [first]
    assert operate.drop_letters(office.store, [first], office.now) == []
    delivery = Delivery(office.store, office.house, "office", lambda: office.now, lambda: 0.0, lambda: 0.5)
    parcels = delivery.claim()
    assert {parcel.row for parcel in parcels} == {second, third}
    assert operate.retry_letters(office.store, [second], office.now) == []
    delivery.settle([Answer(one.row, one.attempt, Result.FAILED if one.row == second else Result.SENT) for one in parcels])
    assert operate.retry_letters(office.store, [second, third], office.now) == [second]
    assert [parcel.row for parcel in delivery.claim()] == [second]


# -------------------------------------------------------------------------------------------------------------- restore


def test_a_restored_backup_holds_its_letters_and_timers_until_resume(tmp_path: Path) -> None:
    """Mails that left after the backup must not leave again, and nobody is closed by a clock that stood still (T29)."""
    office = Office(tmp_path)
    office.post(mail())
    order(office, "#take\n#resolve done", who=TINA.address)
    keeping.copy(office.store, tmp_path / "backup.db", office.now)
    office.close()
    shutil.copy(tmp_path / "backup.db", tmp_path / "restored.db")
    restored = Store(f"sqlite:///{tmp_path / 'restored.db'}")
    later = office.now + timedelta(days=4)
    delivery = Delivery(restored, office.house, "office", lambda: later, lambda: 0.0, lambda: 0.5)
    keeper = Timekeeper(restored, office.house, lambda: later)
    assert not delivery.ready()
    assert delivery.claim() == []
    assert keeper.tick() == 0
    assert delivery.held == "restored from the backup of 2026-03-02T09:00:00+00:00"
    assert operate.resume(restored) == [delivery.held]
    assert keeper.tick() == 1
    with restored.look() as tx:
        waiting = outbox.rows(tx, outbox.WAITING)
        assert facts.get(tx, facts.HOLD) is None
    assert {"acknowledgement", "new_ticket", "resolved", "reminder"} <= {one.letter for one in waiting}
    assert {one.row for one in delivery.claim()} == {one.id for one in waiting}
    assert delivery.ready()
    restored.close()
