"""What becomes of mail when the disk is full? It is refused for now, what was accepted is kept, and all goes on by itself with new room."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.daemon import ADDRESS, Gateway
from tests.kit.disk import SmallDisk, small_disk
from tests.kit.processes import wait_until
from tests.kit.relay import RelaySink
from tests.kit.traffic import Client, account, mail, mails, send_all

# Said in every mail: it must never stand in the log, not even in an error of the database.
CANARY = "canary-7d1c5e"
SMALL = {"smtp": {"max_size": "50KB"}}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Eight megabytes for database and log."""
    with small_disk(tmp_path / "disk", 8) as disk:
        yield disk


def code(gateway: Gateway, number: int) -> int:
    """What the gateway says to a mail of 10 kB: the code of its last reply."""
    one = mail(number, text=CANARY + "x" * 10_000)
    with smtplib.SMTP("127.0.0.1", gateway.smtp_port, timeout=60) as client:
        try:
            client.sendmail(one.sender, [ADDRESS], one.octets)
        except smtplib.SMTPResponseException as error:
            return error.smtp_code
        except smtplib.SMTPRecipientsRefused as error:
            return next(code for code, _ in error.recipients.values())
    return 250


def test_a_disk_that_others_fill_refuses_mail_for_now_and_recovers_without_a_restart(disk: SmallDisk) -> None:
    with RelaySink() as sink, Gateway(disk.folder, relay_port=sink.port, machine=SMALL, quick=True) as gateway:
        sent = mails(range(5))
        send_all([Client(lambda: gateway.smtp_port, sent)])
        wait_until(gateway.ledger.settled, 20, "settled")
        pid = gateway.pid
        disk.fill()
        # The commit fails at once; from the next look at the disk on, MAIL is refused already.
        assert 400 <= code(gateway, 100) < 500
        wait_until(lambda: code(gateway, 100) == 452, 10, "there is no room, and it says so")
        wait_until(lambda: gateway.get("/readyz") == 503, 10, "no longer ready")
        disk.free()
        wait_until(lambda: code(gateway, 100) == 250, 10, "there is room again")
        wait_until(gateway.ready, 10, "ready again")
        wait_until(gateway.ledger.settled, 20, "settled")
        assert gateway.pid == pid
        assert account([*sent, mail(100)], gateway, sink).sound
        assert gateway.ledger.violations() == []
        assert CANARY not in gateway.log
        assert gateway.terminate() == 0


def test_a_disk_that_our_own_mail_fills_keeps_every_mail_that_heard_250(disk: SmallDisk) -> None:
    with RelaySink() as sink, Gateway(disk.folder, relay_port=sink.port, machine=SMALL, quick=True) as gateway:
        heard = []
        for number in range(600):
            said = code(gateway, number)
            assert said == 250 or 400 <= said < 500
            if said != 250:
                break
            heard.append(mail(number))
        assert heard
        assert len(heard) < 600
        disk.resize(40)
        wait_until(lambda: code(gateway, 700) == 250, 10, "there is room again")
        wait_until(gateway.ledger.settled, 60, "settled")
        assert account([*heard, mail(700)], gateway, sink).sound
        assert gateway.ledger.violations() == []
        assert CANARY not in gateway.log
        assert gateway.terminate() == 0


def test_a_daemon_that_dies_on_a_full_disk_starts_on_it_and_has_everything(disk: SmallDisk) -> None:
    with RelaySink() as sink, Gateway(disk.folder, relay_port=sink.port, machine=SMALL, quick=True) as gateway:
        sent = mails(range(3))
        send_all([Client(lambda: gateway.smtp_port, sent)])
        disk.fill()
        gateway.kill9()
        gateway.launch()
        wait_until(lambda: gateway.get("/healthz") == 200, 20, "it lives")
        wait_until(lambda: gateway.get("/readyz") == 503, 20, "and is not ready")
        disk.free()
        wait_until(gateway.ready, 60, "ready again")
        wait_until(gateway.ledger.settled, 20, "settled")
        assert account(sent, gateway, sink).sound
        assert gateway.ledger.violations() == []
