"""Does SIGTERM under load end the daemon soon, with everything in its place, so that the next one begins at once (T28)?"""

from __future__ import annotations

import random
import smtplib
import socket
import sqlite3
import time
from pathlib import Path

import pytest

from tests.kit.daemon import ADDRESS, Gateway
from tests.kit.processes import wait_until
from tests.kit.relay import RelaySink
from tests.kit.traffic import Client, account, finished, mail, mails


@pytest.mark.slow
def test_a_daemon_that_is_asked_to_end_under_load_ends_and_forgets_nothing(tmp_path: Path) -> None:
    dice = random.Random(28)
    with RelaySink() as sink:
        gateway = Gateway(tmp_path, relay_port=sink.port, quick=True)
        gateway.start()
        clients = [Client(lambda: gateway.smtp_port, mails(range(at * 50, (at + 1) * 50)), pause=lambda: 0.02) for at in range(4)]
        for client in clients:
            client.start()
        for _ in range(6):
            time.sleep(dice.uniform(0.2, 0.8))
            begun = time.monotonic()
            assert gateway.terminate() == 0
            assert time.monotonic() - begun < 10
            # Whoever is on his way out has given everything back: nobody has to wait for the end of a lease.
            assert [row.id for row in gateway.ledger.mails() if row.state == "claimed"] == []
            gateway.start()
        for client in clients:
            client.join()
        finished(clients)
        wait_until(gateway.ledger.settled, 30, "settled")
        assert gateway.terminate() == 0
        became = account([one for client in clients for one in client.mails], gateway, sink)
        assert became.sound, became
        # An orderly end costs no copy at all.
        assert became.copies == 0
        assert gateway.ledger.violations() == []
        assert " trouble " not in gateway.log
        assert "Traceback" not in gateway.log


def test_peers_without_a_mail_hear_421_when_the_daemon_ends(tmp_path: Path) -> None:
    with Gateway(tmp_path, quick=True) as gateway, socket.create_connection(("127.0.0.1", gateway.smtp_port), timeout=10) as idle:
        assert idle.recv(1000).startswith(b"220 ")
        assert gateway.terminate() == 0
        assert idle.recv(1000).startswith(b"421 4.3.2 ")


def test_a_relay_that_never_answers_does_not_hold_up_the_end(tmp_path: Path) -> None:
    # The letter is before its final dot, so it is given back unsent; behind the dot it would have its twenty seconds.
    with RelaySink(pauses={"RCPT": 60}) as sink, Gateway(tmp_path, relay_port=sink.port, quick=True) as gateway:
        gateway.send(mail(1).octets, mail(1).sender)
        wait_until(lambda: any(line.startswith("RCPT") for line in sink.commands), 10, "the relay has the recipient")
        begun = time.monotonic()
        assert gateway.terminate() == 0
        assert time.monotonic() - begun < 10
        assert sink.letters == []
        (letter,) = gateway.ledger.letters()
        assert letter.state in ("queued", "deferred")


def test_a_letter_that_was_given_back_leaves_at_the_next_start(tmp_path: Path) -> None:
    with RelaySink(pauses={"RCPT": 60}) as sink, Gateway(tmp_path, relay_port=sink.port, quick=True) as gateway:
        gateway.send(mail(1).octets, mail(1).sender)
        wait_until(lambda: any(line.startswith("RCPT") for line in sink.commands), 10, "the relay has the recipient")
        assert gateway.terminate() == 0
        sink.hurry()
        gateway.start()
        sink.wait_for(1, 10)
        wait_until(gateway.ledger.settled, 10, "settled")
        assert len(sink.letters) == 1


def test_a_mail_past_its_final_dot_is_committed_and_answered_before_the_end(tmp_path: Path) -> None:
    # Another process holds the write lock of the database for a moment, so that the commit waits.
    with Gateway(tmp_path, quick=True) as gateway:
        other = sqlite3.connect(tmp_path / "var" / "mailgate.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with smtplib.SMTP("127.0.0.1", gateway.smtp_port, timeout=20) as client:
            client.helo("client.example")
            client.mail(mail(1).sender)
            client.rcpt(ADDRESS)
            assert client.docmd("DATA")[0] == 354
            client.send(mail(1).octets + b".\r\n")
            time.sleep(0.2)
            gateway.drain()
            time.sleep(0.5)
            other.rollback()
            assert client.getreply()[0] == 250
            assert client.getreply()[0] == 421
        assert gateway.wait(20) == 0
        assert len(gateway.ledger.mails()) == 1
        other.close()
