"""LMTP with a client that everybody has: one answer for each recipient, behind the durable commit."""

from __future__ import annotations

import smtplib
from pathlib import Path

from tests.kit.daemon import ADDRESS, Gateway
from tests.kit.processes import wait_until
from tests.kit.traffic import mail


def test_a_mail_server_delivers_by_lmtp_and_hears_one_answer_for_each_recipient(tmp_path: Path) -> None:
    with Gateway(tmp_path, machine={"smtp": {"lmtp": True}}, quick=True) as gateway:
        with smtplib.LMTP("127.0.0.1", gateway.smtp_port, timeout=20) as client:
            recipients = [ADDRESS, "nobody@mailgate.example", "desk+t.1.x@mailgate.example"]
            refused = client.sendmail(mail(1).sender, recipients, mail(1).octets)
            assert {who: code for who, (code, _) in refused.items()} == {"nobody@mailgate.example": 550}
            # smtplib has read the answer for the first of the two that were granted.
            assert client.getreply()[0] == 250
            assert client.sendmail(mail(2).sender, [ADDRESS], mail(2).octets) == {}
        wait_until(gateway.ledger.settled, 20, "settled")
        assert [row.channel for row in gateway.ledger.mails()] == ["lmtp", "lmtp"]
        assert len(gateway.ledger.tickets()) == 2
        assert gateway.terminate() == 0


def test_a_client_that_says_ehlo_to_lmtp_is_told_the_protocol(tmp_path: Path) -> None:
    with (
        Gateway(tmp_path, machine={"smtp": {"lmtp": True}}, quick=True) as gateway,
        smtplib.SMTP("127.0.0.1", gateway.smtp_port, timeout=20) as client,
    ):
        assert client.docmd("EHLO client.example")[0] == 500
