from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import event

from mailgate.desk.errors import Temporary
from mailgate.desk.model import Address
from mailgate.desk.policy import Desk
from mailgate.flow import intake
from mailgate.flow.intake import Intake, RawMail, Receipt, take_in
from mailgate.store import inbox
from mailgate.store.engine import Store, Unavailable
from mailgate.store.migrate import migrate
from tests.kit.disk import small_disk
from tests.kit.office import DESK, Office, mail
from tests.kit.postgres import Postgres
from tests.kit.processes import wait_until
from tests.store.databases import NOW

PATIENCE = 10


@pytest.fixture
def office(url: str, tmp_path: Path) -> Iterator[Office]:
    desk = Office(tmp_path, url)
    yield desk
    desk.close()


@pytest.fixture
def door(office: Office) -> Iterator[Intake]:
    opened = Intake(office.store, office.house, "me", lambda: NOW, lambda: None)
    yield opened
    opened.close()


def raw(text: str = "hello") -> RawMail:
    return RawMail(mail(text, message_id=f"{text.replace(' ', '-')}@mua.example"), "smtp", "ann@out.example", (DESK.address,), "127.0.0.1")


def count_commits(store: Store) -> list[str]:
    commits: list[str] = []
    event.listen(store.engine(), "commit", lambda connection: commits.append("commit"))
    return commits


def together(door: Intake, store: Store, mails: list[RawMail]) -> list[Future[Receipt]]:
    """Mails that come while the writer is held by somebody else, as the worker does for a batch."""
    with store.begin() as tx:
        # On PostgreSQL writers do not wait for each other; a lock on the table stands in for the one writer.
        if not store.sqlite:
            tx.exec_driver_sql("LOCK TABLE inbox IN EXCLUSIVE MODE")
        return [door.receive(one) for one in mails]


def states(store: Store) -> dict[str, int]:
    with store.look() as tx:
        return {state: count for state, count in inbox.counts(tx).items() if count}


def test_the_answer_comes_after_the_commit_with_the_number_of_the_row(door: Intake, office: Office) -> None:
    receipt = door.receive(raw()).result(PATIENCE)
    assert receipt == Receipt(1, seen_before=False)
    assert office.row(1).message_id == "hello@mua.example"


def test_mails_that_arrive_together_share_few_commits(door: Intake, office: Office) -> None:
    commits = count_commits(office.store)
    waiting = together(door, office.store, [raw(f"mail {number}") for number in range(100)])
    receipts = [one.result(PATIENCE) for one in waiting]
    assert sorted(one.inbox_id for one in receipts) == list(range(1, 101))
    # One is that of the writer who held them up, one may hold the first mail alone; fifty share each of the others.
    assert len(commits) <= 4


def test_many_senders_at_once_are_each_told_of_their_own_mail(door: Intake, office: Office) -> None:
    found: dict[str, int] = {}

    def send(number: int) -> None:
        for part in range(5):
            text = f"mail {number} {part}"
            found[f"mail-{number}-{part}@mua.example"] = door.receive(raw(text)).result(PATIENCE).inbox_id

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with office.store.look() as tx:
        assert {row.message_id: row.id for row in inbox.rows(tx)} == found
    assert len(set(found.values())) == 40


def test_a_copy_is_answered_like_the_first_and_is_not_handed_to_the_worker_again(door: Intake, office: Office) -> None:
    """CP6, CP7: the sender did not hear the 250 and comes again."""
    one, other = door.receive(raw()).result(PATIENCE), door.receive(raw()).result(PATIENCE)
    assert (one, other) == (Receipt(1, seen_before=False), Receipt(1, seen_before=True))
    assert door.in_hand.qsize() == 1
    assert office.row(1).seen_count == 2


def test_what_is_stored_for_this_process_is_born_claimed_and_can_be_worked_on_at_once(door: Intake, office: Office) -> None:
    door.receive(raw()).result(PATIENCE)
    assert states(office.store) == {"claimed": 1}
    claimed = door.in_hand.get(timeout=PATIENCE)
    office.worker.process([claimed])
    assert (office.row(1).state, office.row(1).ticket) == ("done", 1)
    assert office.violations() == []


def test_beyond_what_fits_in_hand_mails_wait_in_the_database_alone(door: Intake, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "_IN_HAND", 2)
    for number in range(5):
        door.receive(raw(f"mail {number}")).result(PATIENCE)
    assert states(office.store) == {"claimed": 2, "received": 3}


def test_a_commit_that_fails_is_temporary_for_all_who_share_it_and_stores_none(
    door: Intake, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CP5. The next commit is tried as if nothing had been."""

    def full(connection: object) -> None:
        raise Unavailable("database or disk is full")

    event.listen(office.store.engine(), "commit", full)
    with pytest.raises(Unavailable):
        door.receive(raw("one")).result(PATIENCE)
    event.remove(office.store.engine(), "commit", full)
    waiting = [door.receive(raw(f"mail {number}")) for number in range(3)]
    assert all(one.result(PATIENCE) for one in waiting)
    assert states(office.store) == {"claimed": 3}


def test_a_mail_to_two_desks_is_answered_once_with_both_rows_committed_and_both_are_worked_on(url: str, tmp_path: Path) -> None:
    office = Office(tmp_path, url, further=(Desk("Human Resources", Address("hr@desk.example"), tag="HR"),))
    door = Intake(office.store, office.house, "me", lambda: NOW, lambda: None)
    both = RawMail(mail("hello"), "smtp", "ann@out.example", ("hr@desk.example", DESK.address), "127.0.0.1")
    commits = count_commits(office.store)
    assert door.receive(both).result(PATIENCE) == Receipt(1, seen_before=False)
    assert (len(commits), states(office.store)) == (1, {"claimed": 2})
    assert [door.in_hand.get_nowait().desk for _ in range(2)] == ["Service Desk", "Human Resources"]
    here = RawMail(both.raw, "smtp", "ann@out.example", (DESK.address,), "127.0.0.1")
    for again in (here, both):
        assert door.receive(again).result(PATIENCE).seen_before
    assert (states(office.store), door.in_hand.qsize()) == ({"claimed": 2}, 0)
    door.close()
    office.close()


def test_one_mail_that_cannot_be_stored_by_a_fault_of_ours_does_not_hold_up_the_others(
    door: Intake, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = intake.arrivals

    def faulty(house: object, one: RawMail) -> list[inbox.Arrival]:
        if b"mail 3" in one.raw:
            raise KeyError("a bug")
        return whole(house, one)  # type: ignore[arg-type]

    monkeypatch.setattr(intake, "arrivals", faulty)
    waiting = together(door, office.store, [raw(f"mail {number}") for number in range(6)])
    for number, one in enumerate(waiting):
        if number == 3:
            with pytest.raises(Temporary):
                one.result(PATIENCE)
        else:
            assert not one.result(PATIENCE).seen_before
    assert door.alive


def test_a_sender_who_gave_up_before_the_commit_began_is_not_stored_and_does_no_harm(door: Intake, office: Office) -> None:
    with office.store.begin() as tx:
        if not office.store.sqlite:
            tx.exec_driver_sql("LOCK TABLE inbox IN EXCLUSIVE MODE")
        first, second = door.receive(raw("first")), door.receive(raw("second"))
        wait_until(first.running, PATIENCE, "the first mail")
        assert not first.cancel()
        assert second.cancel() or second.running()
    third = door.receive(raw("third"))
    assert first.result(PATIENCE).inbox_id == 1
    assert third.result(PATIENCE)
    assert door.alive


def test_closing_stores_what_was_asked_for_before_and_refuses_what_comes_after(office: Office) -> None:
    door = Intake(office.store, office.house, "me", lambda: NOW, lambda: None)
    waiting = together(door, office.store, [raw(f"mail {number}") for number in range(120)])
    door.close()
    assert all(one.result(0).inbox_id for one in waiting)
    with pytest.raises(Temporary, match="closed"):
        door.receive(raw("late")).result(0)
    assert not door.alive


def test_a_full_disk_is_temporary_and_heals_without_a_restart(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 6) as disk:
        office = Office(tmp_path, f"sqlite:///{disk.folder}/mailgate.db")
        door = Intake(office.store, office.house, "me", lambda: NOW, lambda: None)
        stored = 0
        with pytest.raises(Temporary, match="full"):  # noqa: PT012
            for number in range(500):
                door.receive(RawMail(mail(os.urandom(10_000).hex() + str(number)), "smtp")).result(PATIENCE)
                stored += 1
        disk.resize(20)
        assert door.receive(raw("after")).result(PATIENCE).inbox_id
        assert sum(states(office.store).values()) == stored + 1
        door.close()
        office.close()


@pytest.mark.postgres
def test_a_database_that_crashes_is_temporary_and_heals_without_a_restart(tmp_path: Path) -> None:
    with Postgres() as server:
        office = Office(tmp_path, server.url(server.database()))
        door = Intake(office.store, office.house, "me", lambda: NOW, lambda: None)
        door.receive(raw("before")).result(PATIENCE)
        server.crash()
        with pytest.raises(Temporary):
            door.receive(raw("meanwhile")).result(PATIENCE)
        server.start()
        assert not door.receive(raw("meanwhile")).result(PATIENCE).seen_before
        assert sum(states(office.store).values()) == 2
        door.close()
        office.close()


@pytest.mark.parametrize("clock", [lambda: 1 / 0, lambda: datetime(2026, 1, 1)])  # noqa: DTZ001
def test_no_fault_of_ours_ends_the_thread(office: Office, clock: Callable[[], datetime]) -> None:
    clocks = iter([clock])
    door = Intake(office.store, office.house, "me", lambda: next(clocks, lambda: NOW)(), lambda: None)
    with pytest.raises(Temporary):
        door.receive(raw()).result(PATIENCE)
    assert door.receive(raw()).result(PATIENCE).inbox_id
    door.close()


def test_what_a_pipe_brings_is_stored_in_one_commit_for_a_daemon_to_process(office: Office) -> None:
    commits = count_commits(office.store)
    receipts = take_in(office.store, office.house, [raw("a"), raw("b"), raw("a")], NOW)
    assert [(one.inbox_id, one.seen_before) for one in receipts] == [(1, False), (2, False), (1, True)]
    assert len(commits) == 1
    assert states(office.store) == {"received": 2}


def test_a_mail_with_nul_and_surrogates_everywhere_is_stored_and_processed(office: Office) -> None:
    octets = mail("te\x00xt", subject="su\x00bj\udcff".encode("utf-8", "surrogatepass").decode("latin-1"))
    row = take_in(office.store, office.house, [RawMail(octets, "smtp", "a\udcff@x\x00", ("\ud800@desk.example",))], NOW)[0]
    office.work()
    assert office.row(row.inbox_id).state == "done"
    assert "\x00" not in office.ticket(1).subject
    assert office.violations() == []


def test_a_database_without_a_schema_is_temporary_and_no_crash(office: Office, tmp_path: Path) -> None:
    bare = Store(f"sqlite:///{tmp_path}/bare.db")
    with pytest.raises(Unavailable, match="no such table"):
        take_in(bare, office.house, [raw()], NOW)
    migrate(bare)
    assert take_in(bare, office.house, [raw()], NOW)
    bare.close()
