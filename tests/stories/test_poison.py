"""What if a mail cannot be read, or kills whoever reads it? It is put aside with its octets, and a stub ticket stands for it.

So nobody is ignored. Its neighbours in the same batch notice nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from mailgate.flow import operate
from mailgate.flow.step import STRIKES
from mailgate.mail.isolate import Died
from mailgate.mail.parse import parse
from mailgate.mail.parsed import ParsedMail
from mailgate.store import inbox
from mailgate.store.engine import Tx
from tests.kit.office import TINA, Office, mail

ANN = "ann@out.example"


class Fragile:
    """A reader that dies of mails with a certain word in them."""

    def __init__(self, word: bytes) -> None:
        self.word, self.deaths = word, 0

    def parse_all(self, raws: Sequence[bytes], timeout: float) -> list[ParsedMail | Died]:
        return [self._read(raw) for raw in raws]

    def _read(self, raw: bytes) -> ParsedMail | Died:
        if self.word not in raw:
            return parse(raw)
        self.deaths += 1
        return Died("died")


def with_fragile_reader(office: Office) -> Fragile:
    office.reader = fragile = Fragile(b"ARSENIC")
    office.rebuild()
    return fragile


def work_for(office: Office, seconds: int) -> None:
    """The worker's life for so many seconds."""
    for _ in range(seconds):
        office.work()
        office.later(seconds=1)


def test_a_mail_that_kills_its_reader_is_put_aside_after_three_deaths(office: Office) -> None:
    fragile = with_fragile_reader(office)
    row = office.receive(mail("ARSENIC"))
    work_for(office, 10)
    stored = office.row(row)
    assert (stored.state, stored.reason, fragile.deaths) == ("quarantined", "died", 3)
    assert stored.size > 0


def test_a_mail_that_ends_the_daemon_each_time_is_put_aside_unread_in_the_end(office: Office) -> None:
    row = office.receive(mail("CYANIDE"))
    lives = 0
    while office.row(row).state == "received":
        office.now += timedelta(minutes=1)
        (claim,) = office.worker.claim()
        if claim.attempts <= STRIKES:
            # It dies here, and the next life gives back what this one had claimed.
            with office.store.begin() as tx:
                inbox.free(tx, None, office.now, 5)
            lives += 1
        else:
            office.worker.process([claim])
    stored = office.row(row)
    assert (stored.state, stored.reason, office.count()) == ("quarantined", "ended-the-daemon", 1)
    assert 5 <= lives <= 9


def test_its_sender_is_not_ignored(office: Office) -> None:
    with_fragile_reader(office)
    row = office.receive(mail("ARSENIC"))
    work_for(office, 10)
    assert office.row(row).ticket == 1
    assert office.ticket().requester == ANN
    assert office.last("acknowledgement").to == ANN
    stub = office.last("new_ticket", TINA.address)
    assert "could not be read" in stub.text
    assert "ARSENIC" not in stub.octets.decode()


def test_its_neighbours_in_the_same_batch_are_unharmed(either_office: Office) -> None:
    office = either_office
    with_fragile_reader(office)
    rows = [office.receive(mail(text, sender=f"a{at}@out.example")) for at, text in enumerate(("one", "ARSENIC", "two", "three"))]
    office.work()
    assert [office.row(one).state for one in rows] == ["done", "received", "done", "done"]
    work_for(office, 10)
    assert [office.row(one).state for one in rows] == ["done", "quarantined", "done", "done"]
    assert office.count() == 4


def test_a_fault_of_ours_over_one_mail_makes_that_one_wait_and_no_other(either_office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office, usual = either_office, inbox.finish

    def failing(tx: Tx, claim: inbox.Claim, end: inbox.End, now: datetime) -> None:
        if b"ARSENIC" in claim.raw:
            raise ZeroDivisionError("a bug")
        usual(tx, claim, end, now)

    monkeypatch.setattr(inbox, "finish", failing)
    rows = [office.receive(mail(text, sender=f"a{at}@out.example")) for at, text in enumerate(("one", "ARSENIC", "two"))]
    office.worker.run()
    assert [office.row(one).state for one in rows] == ["done", "received", "done"]
    assert [one.name for one in office.letters()].count("acknowledgement") == 2
    monkeypatch.undo()
    work_for(office, 10)
    assert office.row(rows[1]).state == "done"
    assert office.count() == 3
    assert not office.violations()


def test_it_may_be_tried_again_once_the_reader_is_mended(office: Office) -> None:
    fragile = with_fragile_reader(office)
    row = office.receive(mail("ARSENIC"))
    work_for(office, 10)
    fragile.word = b"nothing"
    assert operate.retry_mails(office.store, [row], office.now) == [row]
    office.work()
    assert office.row(row).state == "done"
    assert office.story(office.row(row).ticket or 0).messages[-1].text.strip() == "ARSENIC"
    assert office.count() == 1


OVER_BUDGET = {
    "deep": b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(500)) + b"\r\ntext",
    "many parts": b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\n\r\nx\r\n" * 5000 + b"--b--\r\n",
    "a huge field": b"X-Long: " + b"x" * 300_000 + b"\r\n\r\ntext",
    "many fields": b"X-Many: x\r\n" * 20_000 + b"\r\ntext",
    "encoded words": b"Subject: " + b" ".join([b"=?utf-8?q?a?="] * 40_000) + b"\r\n\r\ntext",
}


@pytest.mark.parametrize("poison", OVER_BUDGET)
def test_attack_071_a_mail_beyond_the_budgets_is_put_aside_and_its_sender_hears_of_us(office: Office, poison: str) -> None:
    raw = b"From: Ann <ann@out.example>\r\nTo: desk@desk.example\r\nMessage-ID: <p@mua>\r\n" + OVER_BUDGET[poison]
    rows = [office.receive(one) for one in (mail("before"), raw, mail("after"))]
    office.work()
    assert [office.row(one).state for one in rows] == ["done", "quarantined", "done"]
    assert office.count() == 3
    assert office.ticket(2).requester == ANN
    assert len([one for one in office.everything_sent() if one.to == ANN]) == 3


def test_trying_a_mail_again_that_still_cannot_be_read_asks_nobody_twice(office: Office) -> None:
    row = office.post(b"From: Ann <ann@out.example>\r\nTo: desk@desk.example\r\nMessage-ID: <p@mua>\r\n" + OVER_BUDGET["a huge field"])
    assert (row.state, office.count()) == ("quarantined", 1)
    operate.retry_mails(office.store, [row.id], office.now)
    office.work()
    assert (office.row(row.id).state, office.row(row.id).ticket, office.count()) == ("quarantined", 1, 1)
    assert len([one for one in office.everything_sent() if one.to == ANN]) == 1


NOISE = {"noise": b"\x00\xff" * 5000, "nothing": b"", "text": b"Hello without a header", "bracket": b"From: a@[\r\n\r\nx"}


@pytest.mark.parametrize("raw", NOISE.values(), ids=NOISE)
def test_octets_that_are_no_mail_at_all_are_a_ticket_all_the_same(office: Office, raw: bytes) -> None:
    row = office.post(raw, sender="someone@out.example")
    assert (row.state, row.ticket, office.ticket().requester) == ("done", 1, "someone@out.example")


def test_attack_018_a_control_character_in_the_senders_address_is_no_address_and_no_crash(office: Office) -> None:
    row = office.post(mail("Help.").replace(b"From: Ann Other <ann@out.example>", b"From: \x00ann@out.example", 1))
    assert (row.state, office.count(), office.letters()) == ("held", 0, [])
