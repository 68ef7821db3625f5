"""What if the commit comes late, or nobody knows whether it came? Then the same mail comes again, and is known by its key."""

from __future__ import annotations

import asyncio
import smtplib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from mailgate.channels.smtp_in import Limits, Listener, Rcpt, Settings
from mailgate.desk.errors import Temporary
from mailgate.flow import intake
from mailgate.flow.intake import Intake, RawMail
from mailgate.store import schema
from mailgate.store.engine import Store, Tx, Unavailable
from tests.kit.office import DESK, Office, mail
from tests.kit.processes import wait_until

ANN = "ann@out.example"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path, url=f"sqlite:///{tmp_path / 'office.db'}")
    yield office
    office.close()


def storing(office: Office) -> Intake:
    return Intake(office.store, office.house, "office", lambda: office.now, lambda: None)


def raw(octets: bytes) -> RawMail:
    return RawMail(octets, "smtp", ANN, (DESK.address,), "127.0.0.1")


async def test_a_commit_that_lands_after_451_and_the_second_copy_are_one_mail(office: Office, tmp_path: Path) -> None:
    # CP09.
    store = storing(office)
    listener = Listener(
        Settings(port=0), receive=store.receive, accepts=lambda _: Rcpt.OURS, admission=lambda _: None, limits=Limits(commit=0.2)
    )
    await listener.start()
    octets = mail(sender=ANN)
    other = sqlite3.connect(tmp_path / "office.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    def send() -> int:
        with smtplib.SMTP("127.0.0.1", listener.port, timeout=20) as client:
            try:
                client.sendmail(ANN, [DESK.address], octets)
            except smtplib.SMTPDataError as error:
                return error.smtp_code
            return 250

    assert await asyncio.to_thread(send) == 451
    other.rollback()
    other.close()
    await asyncio.to_thread(wait_until, lambda: store.in_hand.qsize() == 1, 10, "the commit lands")
    assert await asyncio.to_thread(send) == 250
    await listener.stop(1)
    store.close()
    office.worker.process([store.in_hand.get()])
    assert office.row(1).seen_count == 2
    assert office.count() == 1
    assert office.violations() == []


class Doubtful(Store):
    """A database whose connection is lost right after it has committed."""

    doubts = 0

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        with super().begin() as tx:
            yield tx
        if self.doubts:
            self.doubts -= 1
            raise Unavailable("server closed the connection unexpectedly")


def test_an_intake_that_does_not_know_whether_it_has_committed_says_not_now_and_the_copy_is_known(office: Office) -> None:
    # CP23, on the way in.
    office.store.__class__ = Doubtful
    office.store.doubts = 1  # type: ignore[attr-defined]
    store = storing(office)
    octets = mail(sender=ANN)
    with pytest.raises(Temporary):
        store.receive(raw(octets)).result(10)
    receipt = store.receive(raw(octets)).result(10)
    assert receipt.seen_before
    store.close()
    assert office.row(receipt.inbox_id).seen_count == 2


def test_an_effect_of_which_nobody_knows_whether_it_was_committed_is_not_repeated(office: Office) -> None:
    # CP23: the worker tries the same claims again, and finds that they are no longer his.
    store = storing(office)
    store.receive(raw(mail(sender=ANN))).result(10)
    store.close()
    claim = store.in_hand.get()
    office.store.__class__ = Doubtful
    office.store.doubts = 1  # type: ignore[attr-defined]
    with pytest.raises(Temporary):
        office.worker.process([claim])
    office.worker.process([claim])
    assert office.row(claim.id).state == "done"
    assert office.count() == 1
    written = [(letter.name, letter.to) for letter in office.letters()]
    assert written.count(("acknowledgement", ANN)) == 1
    assert len(written) == len(set(written))
    assert office.violations() == []


def test_what_a_doubtful_commit_left_claimed_is_processed_without_waiting_for_a_lease(office: Office) -> None:
    # CP23: neither the mail that the intake does not know of nor the letters that the worker does not know of are forgotten.
    store = storing(office)
    office.store.__class__ = Doubtful
    office.store.doubts = 1  # type: ignore[attr-defined]
    with pytest.raises(Temporary):
        store.receive(raw(mail(sender=ANN))).result(10)
    store.receive(raw(mail("another", sender="bob@out.example"))).result(10)
    store.close()
    known = store.in_hand.get()
    assert store.in_hand.empty()
    worker = replace(office.worker, may_send=lambda: True)
    office.store.doubts = 1  # type: ignore[attr-defined]
    with pytest.raises(Temporary):
        worker.process([known])
    worker.recover([known], [known])
    # The mail that only the database knows of can be claimed; the other one is done and its letters are due.
    claimed = [claim.id for claim in worker.claim()]
    assert [ANN in str(office.row(row).sender) for row in claimed] == [True]
    assert {letter.owner for letter in _letters(office)} == {None}
    assert office.row(known.id).state == "done"


def _letters(office: Office) -> Sequence[Any]:
    with office.store.look() as tx:
        return tx.execute(select(schema.outbox.c.id, schema.outbox.c.owner)).all()


def test_a_mail_that_a_fault_of_ours_keeps_out_keeps_nobody_else_out(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = intake.arrivals

    def arrivals(house: object, one: RawMail) -> object:
        if b"poison" in one.raw:
            raise ZeroDivisionError("a bug")
        return usual(house, one)  # type: ignore[arg-type]

    monkeypatch.setattr(intake, "arrivals", arrivals)
    store = storing(office)
    other = sqlite3.connect(office.folder / "office.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    # While the first commit waits, the others gather to share the next one.
    waiting = [store.receive(raw(mail(text, sender=ANN))) for text in ("first", "one", "poison", "two")]
    other.rollback()
    other.close()
    for at in (0, 1, 3):
        assert waiting[at].result(10).inbox_id
    with pytest.raises(Temporary):
        waiting[2].result(10)
    assert store.alive
    monkeypatch.setattr(intake, "arrivals", usual)
    assert store.receive(raw(mail("poison again", sender=ANN))).result(10).inbox_id
    store.close()
    assert not store.alive
