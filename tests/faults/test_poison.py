"""What does a mail do that was written to hurt? It is kept, somebody is told, its cost is bounded, and the mails behind it go on (T17).

Through the real daemon and the real child that reads for it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.daemon import Gateway
from tests.kit.processes import wait_until
from tests.kit.relay import RelaySink
from tests.kit.traffic import Client, account, mails, send_all
from tests.kit.usage import children, cpu_seconds, peak_megabytes

HEAD = b"From: Mallory <mallory@out.example>\r\nTo: desk@mailgate.example\r\nSubject: Poison\r\nMIME-Version: 1.0\r\n"
PLAIN = b"Content-Type: text/plain\r\n\r\nHello.\r\n"


def deep(levels: int) -> bytes:
    """Multiparts in multiparts."""
    return HEAD + b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (at, at) for at in range(levels)) + PLAIN


def parts(count: int) -> bytes:
    """One multipart of very many parts."""
    return HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\n\r\nx\r\n" * count + b"--b--\r\n"


POISON = {
    "10,000 levels": deep(10_000),
    "100,000 parts": parts(100_000),
    "40,000 encoded words": HEAD.replace(b"Poison", b"=?utf-8?q?a?= " * 40_000) + PLAIN,
    "a header of 10 MB": HEAD + b"X-Long: " + b"x" * 10_000_000 + b"\r\n" + PLAIN,
    "a folded header of 10 MB": HEAD + b"X-Long: x\r\n" + b" y\r\n" * 2_500_000 + PLAIN,
    "100,000 headers": HEAD + b"X-One: 1\r\n" * 100_000 + PLAIN,
    "NULs": HEAD.replace(b"Poison", b"Poi\0son") + b'Content-Type: text/plain; charset="utf\0-8"\r\n\r\nHel\0lo.\r\n',
    "an unknown charset": HEAD + b"Content-Type: text/plain; charset=klingon-8\r\n\r\nHello \xff\xfe.\r\n",
    "an empty Message-ID": HEAD + b"Message-ID: <>\r\n" + PLAIN,
    "a Message-ID of brackets": HEAD + b"Message-ID: <[@]>\r\n" + PLAIN,
    "500 brackets in To": HEAD.replace(b"desk@mailgate.example", b"(" * 500 + b" desk@mailgate.example") + PLAIN,
    "9,000 pieces of a parameter": HEAD + b"Content-Type: text/plain" + b";\r\n x*1*=a" * 9_000 + b"\r\n\r\nHi.\r\n",
    "an address that is none": HEAD.replace(b"Mallory <mallory@out.example>", b"a@[") + PLAIN,
    "nothing at all": b"\r\n",
    "no header": b"Hello\r\n",
    "only octets": bytes(octet for octet in range(256) if octet not in b"\r\n") * 400 + b"\r\n",
    "50,000 nested divs": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<div>" * 50_000 + b"Hello\r\n",
    "On On On": HEAD + b"Content-Type: text/plain\r\n\r\n" + b"On " * 40_000 + b"wrote:\r\n",
    "a million blanks": HEAD + b"Content-Type: text/plain\r\n\r\n" + b" " * 1_000_000 + b"\r\n",
    "mails in mails": HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 2_000 + PLAIN,
}  # fmt: skip
# These are not read at all, so that a stub ticket has to stand in for them.
UNREADABLE = {"10,000 levels", "100,000 parts", "40,000 encoded words", "a header of 10 MB", "a folded header of 10 MB", "100,000 headers"}
# So much processor time may all of them cost together, daemon and child: a few of them used to take half a minute each.
CPU_SECONDS = 30.0
PEAK_MEGABYTES = 300


def test_poison_is_kept_and_told_of_and_hurts_nobody(tmp_path: Path, record_property: pytest.RecordProperty) -> None:
    with RelaySink() as sink, Gateway(tmp_path, relay_port=sink.port) as gateway:
        behind = iter(mails(range(2 * len(POISON))))
        innocent = []
        begun = cpu_seconds(gateway.pid)
        child_peak = 0.0
        for octets in POISON.values():
            gateway.send(octets, "mallory@out.example")
            innocent += [next(behind), next(behind)]
            send_all([Client(lambda: gateway.smtp_port, innocent[-2:])])
            child_peak = max([child_peak, *(peak_megabytes(one) for one in children(gateway.pid))])
        wait_until(gateway.ledger.settled, 120, "everything is processed")
        cost = cpu_seconds(gateway.pid) - begun
        child_peak = max([child_peak, *(peak_megabytes(one) for one in children(gateway.pid))])
        peak = peak_megabytes(gateway.pid)
        print(f"\n{len(POISON)} poisons: {cost:.1f} s of processor, daemon {peak:.0f} MB, child {child_peak:.0f} MB at most")
        record_property("daemon RSS", peak)
        assert cost < CPU_SECONDS
        assert peak < PEAK_MEGABYTES
        assert child_peak < PEAK_MEGABYTES
        assert account(innocent, gateway, sink).sound
        assert gateway.ledger.violations() == []
        by_size = {row.size: row for row in gateway.ledger.mails()}
        for name, octets in POISON.items():
            row = by_size.get(len(octets))
            assert row is not None, name
            assert gateway.ledger.raw(row.id) == octets, name
            # Read or not: it has its end, and somebody who looks finds a ticket or the reason why there is none.
            assert row.state in ("done", "quarantined", "held", "ignored"), name
            assert row.ticket is not None or row.reason, name
            assert row.state == "quarantined" or name not in UNREADABLE, (name, row.state, row.reason)
            assert row.ticket is not None or row.state != "quarantined", name
        assert " trouble " not in gateway.log
        assert "Traceback" not in gateway.log
        assert gateway.terminate() == 0


def test_a_child_that_is_killed_over_a_mail_costs_that_mail_one_strike_and_nothing_else(reading: Reading) -> None:
    reading.send(2)
    reading.stop_child()
    reading.gateway.send(HEAD + b"Message-ID: <one@out.example>\r\n" + PLAIN, "mallory@out.example")
    reading.send(2)
    wait_until(lambda: len(reading.gateway.ledger.mails()) == 6, 10, "all are stored")
    reading.kill_child()
    wait_until(reading.gateway.ledger.settled, 30, "settled")
    assert [row.state for row in reading.gateway.ledger.mails()] == ["done"] * 6
    assert reading.gateway.log.count("struck ") <= 1
    reading.check()


def test_a_mail_that_holds_up_its_reader_three_times_is_put_aside_with_a_stub_ticket(reading: Reading) -> None:
    # Within every budget, and yet it takes any machine longer than the second that the reader has for it: a mail within the mail has all
    # of it read line by line.
    inner = b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nx\r\n"
    page = b"--b\r\nContent-Type: text/html\r\n\r\n<table>" + b"<tr><td>a<blockquote>b</td></tr>\r\n" * 2_400 + b"</table>\r\n"
    line = b"On =E4 wrote =E4 \xfc =FC and words\r\n"
    text = b"--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + line * 530
    head = HEAD + b'Message-ID: <slow@out.example>\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    octets = head + inner + page + text * 900 + b"--b--\r\n"
    reading.send(1)
    reading.gateway.send(octets, "mallory@out.example")
    reading.send(2)
    wait_until(lambda: "quarantined" in [row.state for row in reading.gateway.ledger.mails()], 60, "it is put aside")
    reading.send(2)
    wait_until(reading.gateway.ledger.settled, 30, "settled")
    (row,) = [row for row in reading.gateway.ledger.mails() if row.state == "quarantined"]
    assert (row.reason, row.attempts) == ("hung", 3)
    assert row.ticket is not None
    assert reading.gateway.ledger.raw(row.id) == octets
    assert reading.gateway.log.count("struck ") == 3
    reading.check()


class Reading:
    """A gateway whose child is under our thumb: it may take one second for a mail."""

    def __init__(self, gateway: Gateway, sink: RelaySink) -> None:
        self.gateway = gateway
        self.sink = sink
        self.sent = 0

    def send(self, count: int) -> None:
        """So many innocent mails."""
        send_all([Client(lambda: self.gateway.smtp_port, mails(range(self.sent, self.sent + count)))])
        self.sent += count

    def stop_child(self) -> None:
        """Stops the child that runs."""
        for one in children(self.gateway.pid):
            os.kill(one, signal.SIGSTOP)

    def kill_child(self) -> None:
        """Kills the child that runs."""
        for one in children(self.gateway.pid):
            os.kill(one, signal.SIGKILL)

    def check(self) -> None:
        """All innocent mails have had what they ought to have."""
        assert account(mails(range(self.sent)), self.gateway, self.sink).sound
        assert self.gateway.ledger.violations() == []


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    limits = {"security.limits": {"parse_time": "1s"}}
    with RelaySink() as sink, Gateway(tmp_path, relay_port=sink.port, machine=limits, quick=True) as gateway:
        reading = Reading(gateway, sink)
        reading.send(1)
        wait_until(gateway.ledger.settled, 20, "the child has been started")
        yield reading
