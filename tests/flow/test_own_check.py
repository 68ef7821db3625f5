"""Is a sender looked up where policy asks for it, outside of every transaction, and does no mail suffer when that fails?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from mailgate.desk.policy import Security, Verify
from mailgate.flow.intake import Intake, RawMail, take_in
from mailgate.mail import names
from mailgate.mail.authresults import Report, Result
from mailgate.mail.parsed import ParsedMail
from mailgate.store.inbox import Claim, InboxState, Row
from tests.kit.names import NameServer
from tests.kit.office import Office, mail

PASS = Report("", (Result("spf", "pass", (("smtp.mailfrom", "corp.example"),)),))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    desk = Office(tmp_path, "")
    desk.security = Security(verify=Verify.DNS)
    desk.rebuild()
    yield desk
    desk.close()


def post(office: Office, *senders: str, peer: str = "192.0.2.7", submission: bool = False) -> list[Row]:
    """Mails of these senders arrive together and are processed; their rows."""
    mails = [RawMail(mail(sender=sender), "smtp", sender, (office.desk.address,), peer, submission) for sender in senders]
    rows = [one.inbox_id for one in take_in(office.store, office.house, mails, office.now)]
    office.work()
    return [office.row(row) for row in rows]


def test_the_channels_peer_and_the_envelope_prove_a_sender_by_the_dns(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    server = NameServer()
    try:
        monkeypatch.setattr(names, "Resolver", server.resolver)
        server.text("corp.example", "v=spf1 ip4:192.0.2.7 -all")
        (row,) = post(office, "ann@corp.example")
        assert "spf-aligned" in office.reason(row.id)
        (row,) = post(office, "ben@corp.example", peer="192.0.2.8")
        assert "authentication-fail" in office.reason(row.id)
    finally:
        server.close()


def test_nothing_is_asked_inside_a_transaction_nor_of_more_than_is_wanted(office: Office) -> None:
    asked: list[str] = []

    def check(claim: Claim, read: ParsedMail, security: Security) -> Report:
        # SQLite has one writer: a transaction that were open now would make this wait in vain.
        with office.store.begin():
            asked.append(read.from_[0].address)
        return PASS if read.from_[0].address.endswith("@corp.example") else Report("")

    office.worker = replace(office.worker, check=check)
    rows = post(office, "ann@corp.example", "eve@evil.example", "ben@corp.example")
    assert ["spf-aligned" in office.reason(row.id) for row in rows] == [True, False, True]
    assert sorted(asked) == ["ann@corp.example", "ben@corp.example", "eve@evil.example"]
    post(office, "cat@corp.example", submission=True)
    assert len(asked) == 3


def test_a_mail_that_is_worked_on_at_once_is_looked_up_by_its_peer_too(office: Office) -> None:
    peers: list[str] = []

    def check(claim: Claim, read: ParsedMail, security: Security) -> Report:
        peers.append(claim.peer)
        return PASS

    door = Intake(office.store, office.house, "office", lambda: office.now, lambda: None)
    try:
        arrived = RawMail(mail(), "smtp", "ann@out.example", (office.desk.address,), "192.0.2.7")
        door.receive(arrived).result(10)
        replace(office.worker, check=check).process([door.in_hand.get(timeout=10)])
    finally:
        door.close()
    assert peers == ["192.0.2.7"]


def test_without_the_policy_nobody_is_asked(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    def check(claim: Claim, read: ParsedMail, security: Security) -> Report:
        raise AssertionError

    office.security = Security()
    office.rebuild()
    office.worker = replace(office.worker, check=check)
    (row,) = post(office, "ann@corp.example")
    assert "own-check" not in office.reason(row.id)
    assert "trouble" not in caplog.text


def test_a_check_that_breaks_costs_the_mail_nothing_but_the_proof(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    def check(claim: Claim, read: ParsedMail, security: Security) -> Report:
        raise RuntimeError

    office.worker = replace(office.worker, check=check)
    (row,) = post(office, "ann@corp.example")
    assert row.state is InboxState.DONE
    assert "own-check" not in office.reason(row.id)
    assert "trouble" in caplog.text
