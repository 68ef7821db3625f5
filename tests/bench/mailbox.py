"""What does a mailbox cost? Delays, rates, memory and takeovers, of a real daemon at a real Dovecot.

python -m tests.bench.mailbox delay      20 deliveries, one after the other, each to its ticket
python -m tests.bench.mailbox drain      1,000 mails that wait, to their rows and to their tickets
python -m tests.bench.mailbox old        50,000 old mails, all of them to be taken: memory on the way, and a second start
python -m tests.bench.mailbox large      one mail of 25 MB: the most memory
python -m tests.bench.mailbox silence    the line falls silent in IDLE: when it is noticed
python -m tests.bench.mailbox lease      the gateway that holds the mailbox is killed: when the other one has its mails (PostgreSQL)
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.kit.daemon import Gateway
from tests.kit.dovecot import Dovecot
from tests.kit.mailbox import flagged, opened, reads, settled
from tests.kit.postgres import Postgres
from tests.kit.processes import wait_until
from tests.kit.proxy import Proxy
from tests.kit.traffic import mail, mails
from tests.kit.usage import children, megabytes, peak_megabytes


def main() -> None:
    """Measures and prints."""
    measures: dict[str, Callable[[Path, Dovecot], None]] = {
        "delay": _delay, "drain": _drain, "old": _old, "large": _large, "silence": _silence, "lease": _lease,
    }  # fmt: skip
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("what", choices=measures)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, Dovecot("alice") as dovecot:
        measures[given.what](Path(folder), dovecot)


def _delay(folder: Path, dovecot: Dovecot) -> None:
    took = []
    with reads(Gateway(folder), dovecot.port) as gateway:
        for number in range(20):
            wait_until(lambda: dovecot.idles("alice"), 20, "it stands in IDLE")
            begun = time.perf_counter()
            dovecot.deliver("alice", mail(number).octets)
            wait_until(partial(opened, gateway, number + 1), 20, "the mail is a ticket")
            took.append(time.perf_counter() - begun)
    print(f"delivery to ticket  median {statistics.median(took):.2f} s, max {max(took):.2f} s, of {len(took)}")


def _drain(folder: Path, dovecot: Dovecot) -> None:
    dovecot.deliver("alice", *(one.octets for one in mails(range(1000))))
    with reads(Gateway(folder), dovecot.port) as gateway:
        first, rows = _reached(gateway, "received", 1), _reached(gateway, "received", 1000)
        opened = _reached(gateway, "changed", 1000)
        print(f"mails a second      {1000 / (rows - first):.0f} to rows, {1000 / (opened - first):.0f} to tickets")
        wait_until(lambda: all(flagged(dovecot)), 20, "all are flagged")
        print("audit               " + ("clean" if gateway.audit()["ok"] else "violations"))


def _old(folder: Path, dovecot: Dovecot) -> None:
    dovecot.fill("alice", (mail(number).octets for number in range(50_000)))
    with reads(Gateway(folder), dovecot.port) as gateway:
        ready, begun = megabytes(gateway.pid), time.perf_counter()
        print(f"ready               {ready:.0f} MB")
        for count in (1, 1_000, 10_000, 20_000, 50_000):
            took = _reached(gateway, "received", count) - begun
            print(f"{count:6} rows         {took:5.1f} s, {megabytes(gateway.pid):.0f} MB, at most {peak_megabytes(gateway.pid):.0f} MB")
        wait_until(lambda: dovecot.idles("alice"), 60, "it stands in IDLE")
        print(f"all flagged         {time.perf_counter() - begun:5.1f} s, {megabytes(gateway.pid):.0f} MB")
        gateway.kill9()
        begun = time.perf_counter()
        gateway.start(wait=60)
        wait_until(lambda: dovecot.idles("alice"), 60, "it stands in IDLE again")
        print(f"killed and started  {time.perf_counter() - begun:5.1f} s to IDLE")


def _large(folder: Path, dovecot: Dovecot) -> None:
    large = mail(1).octets + b"0123456789 abcdefghijklmnopqrstuvwxyz 0123456789 abcdefghijklmn\r\n" * 385_000
    with reads(Gateway(folder), dovecot.port) as gateway:
        dovecot.deliver("alice", mail(0).octets)
        wait_until(lambda: settled(gateway, 1), 20, "a ticket")
        before, child = peak_megabytes(gateway.pid), 0.0
        begun = time.perf_counter()
        dovecot.deliver("alice", large)
        while not settled(gateway, 2):
            child = max([child, *(peak_megabytes(pid) for pid in children(gateway.pid))])
            time.sleep(0.02)
        peak = peak_megabytes(gateway.pid)
        octets = len(large) / 1e6
        print(f"a mail of {octets:.0f} MB    {time.perf_counter() - begun:.1f} s to the ticket")
        print(f"peak RSS MB         daemon {peak:.0f} ({before:.0f} before: {(peak - before) / octets:.1f} x the mail), reader {child:.0f}")


def _silence(folder: Path, dovecot: Dovecot) -> None:
    with Proxy(dovecot.port) as proxy, reads(Gateway(folder), proxy.port) as gateway:
        wait_until(lambda: dovecot.idles("alice"), 20, "it stands in IDLE")
        proxy.freeze()
        begun = time.perf_counter()
        wait_until(lambda: "no answer within" in gateway.log, 60, "the silence is noticed")
        print(f"noticed             {time.perf_counter() - begun:.1f} s")
        proxy.thaw()
        dovecot.deliver("alice", mail(0).octets)
        wait_until(lambda: settled(gateway, 1), 60, "the mail is a ticket")
        print(f"a mail is a ticket  {time.perf_counter() - begun:.1f} s")


def _lease(folder: Path, dovecot: Dovecot) -> None:
    with Postgres() as server:
        url, machine = server.url(server.database()), {"keys": {"file": str(folder / "key")}}
        one, two = (reads(Gateway(folder / name, store=url, machine=machine), dovecot.port) for name in ("one", "two"))
        with one, two:
            dovecot.deliver("alice", mail(0).octets)
            wait_until(lambda: settled(one, 1), 30, "a ticket")
            (one if " received " in one.log else two).kill9()
            begun = time.perf_counter()
            dovecot.deliver("alice", mail(1).octets)
            wait_until(lambda: settled(two, 2), 150, "the other one has made a ticket")
            print(f"killed to ticket    {time.perf_counter() - begun:.0f} s")


def _reached(gateway: Gateway, fact: str, count: int) -> float:
    """When the log has told so many such facts: whoever asks the database all the time slows down what is measured."""
    path, told, rest = gateway.folder / "gateway.log", 0, b""
    with path.open("rb") as log:
        deadline = time.perf_counter() + 300
        while time.perf_counter() < deadline:
            *lines, rest = (rest + log.read()).split(b"\n")
            told += sum(f" INFO {fact} ".encode() in line for line in lines)
            if told >= count:
                return time.perf_counter()
            time.sleep(0.02)
    raise TimeoutError(f"{told} of {count} {fact}")


if __name__ == "__main__":
    main()
