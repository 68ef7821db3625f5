"""Does every mail come through when the servers on both sides are real? Postfix in front, Postfix behind, a Maildir at the end (T2)."""

from __future__ import annotations

import smtplib
from collections import Counter
from pathlib import Path

import pytest

from tests.kit.daemon import ADDRESS, Gateway
from tests.kit.postfix import Postfix
from tests.kit.processes import wait_until
from tests.kit.traffic import mails

MAILS = 200


@pytest.mark.postfix
@pytest.mark.slow
def test_two_hundred_mails_pass_both_hops_and_each_is_accounted_for(tmp_path: Path) -> None:
    with Postfix("mailbox.example") as behind:
        gateway = Gateway(tmp_path, relay_port=behind.port)
        with Postfix("border.example", forward_to=gateway.smtp_port) as before, gateway:
            sent = mails(range(MAILS), follow_every=4)
            with smtplib.SMTP("127.0.0.1", before.port) as client:
                for one in sent[: MAILS // 2]:
                    client.sendmail(one.sender, [ADDRESS], one.octets)
                # In the middle of it the gateway dies, and the border keeps what it cannot hand on.
                gateway.kill9()
                for one in sent[MAILS // 2 :]:
                    client.sendmail(one.sender, [ADDRESS], one.octets)
            gateway.start()
            matters = [one for one in sent if one.follows is None]
            wait_until(lambda: len({one.recipient for one in behind.delivered()}) >= len(matters), 90, "all acknowledgements are there")
            wait_until(lambda: gateway.ledger.settled() and before.waiting() == behind.waiting() == 0, 60, "all queues are empty")
            _account(gateway, behind, {one.subject: one.sender for one in matters})
            assert gateway.terminate() == 0


def _account(gateway: Gateway, behind: Postfix, matters: dict[str, str]) -> None:
    ledger = gateway.audit()
    assert ledger["ok"], ledger["violations"]
    assert ledger["counts"]["accepted"] == ledger["counts"]["done"] == MAILS
    tickets = Counter(one.subject for one in gateway.ledger.tickets())
    assert {subject: count for subject, count in tickets.items() if count > 1} == {}
    assert set(tickets) == set(matters)
    delivered = behind.delivered()
    assert {one.recipient for one in delivered} == set(matters.values())
    # A copy that the kill cost has the Message-ID of the first one, and so one letter to each.
    letters = {(one.recipient, one.message["Message-ID"]) for one in delivered}
    assert len(letters) == len(matters)
    assert ledger["counts"]["outbox"]["sent"] == len(matters)
    for one in delivered:
        assert one.message["X-Mailgate-Letter"] == "acknowledgement"
        # Through the relay it still carries the signed envelope sender by which a bounce would be known.
        assert one.sender.startswith("desk+b.")
