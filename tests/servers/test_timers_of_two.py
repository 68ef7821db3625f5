"""Do two daemons on one PostgreSQL fire each timer once: a thousand at a time, killed in the middle, and while somebody answers?"""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from sqlalchemy import func, select

from mailgate.store import schema
from mailgate.store.engine import Store
from tests.kit.crowd import multiply
from tests.kit.daemon import Gateway
from tests.kit.processes import wait_until
from tests.kit.relay import RelaySink
from tests.kit.traffic import mail
from tests.kit.wrong_clock import WrongClock

SEED = 20260302
WAITING = '[pending]\nremind = ["1s"]\nresolve_after = "90d"\n'
CLOSING = '[autoclose]\nremind = []\nwarn = "1s"\nafter = "4s"\n'


def pair(folder: Path, url: str, sink: RelaySink, policy: str) -> tuple[Gateway, Gateway]:
    """Two gateways of one installation: one database, one key, each in a folder of its own."""
    machine = {"keys": {"file": str(folder / "key")}}
    one, two = (
        Gateway(folder / name, relay_port=sink.port, store=url, machine=machine, policy=policy, quick=True) for name in ("one", "two")
    )
    return one, two


def crowd(gateway: Gateway, url: str, count: int) -> None:
    """So many tickets that wait for their requesters, who are all to be reminded."""
    new = ("tickets", "new", "--from", "p0@customers.example", "--subject", "Printer", "--text", "It is dead.")
    assert gateway.cli(*new).returncode == 0
    assert gateway.cli("tickets", "command", "1", "#pending Which floor?").returncode == 0
    store = Store(url)
    multiply(store, 1, count - 1)
    store.close()
    time.sleep(1)


def fired(gateway: Gateway) -> int:
    """How many timers have fired, of those that were due."""
    due = select(func.count()).where(schema.timers.c.epoch <= 3, schema.timers.c.state == "fired")
    with gateway.ledger.look() as tx:
        return tx.execute(due).scalar_one()


def reminded(sink: RelaySink) -> Counter[str]:
    """Which letters reminded whom, by Message-ID: copies of one after a crash count once."""
    found = {str(one["Message-ID"]): str(one["To"]) for one in map(message_from_bytes, (letter.octets for letter in sink.letters))
             if one["X-Mailgate-Letter"] == "reminder"}  # fmt: skip
    return Counter(found.values())


@pytest.mark.postgres
@pytest.mark.slow
def test_two_daemons_fire_a_thousand_due_timers_once_each(tmp_path: Path, postgres_url: str) -> None:
    with RelaySink() as sink:
        one, two = pair(tmp_path, postgres_url, sink, WAITING)
        crowd(one, postgres_url, 1000)
        with one, two:
            wait_until(lambda: fired(one) == 1000, 120, "all have fired")
            wait_until(one.ledger.settled, 60, "all is sent")
            assert reminded(sink) == {f"p{number}@customers.example": 1 for number in range(1000)}
            shares = [gateway.log.count(" cause=timer:") for gateway in (one, two)]
            print(f"\nthe two daemons fired {shares} of 1000 timers")
            assert sum(shares) == 1000
            assert min(shares) > 0
            assert one.ledger.violations() == []


@pytest.mark.postgres
@pytest.mark.slow
def test_daemons_that_are_killed_while_they_fire_fire_each_timer_once(tmp_path: Path, postgres_url: str) -> None:
    dice = random.Random(SEED)
    with RelaySink() as sink:
        one, two = pair(tmp_path, postgres_url, sink, WAITING)
        crowd(one, postgres_url, 400)
        kills = before = 0
        with one, two:
            for gateway in itertools.cycle((one, two)):
                # Some have fired since the last death, or nothing would ever be done; and then it dies in the middle of others.
                wait_until(lambda known=before: fired(one) > known, 60, "some fire")  # type: ignore[misc]
                if (before := fired(one)) == 400:
                    break
                time.sleep(dice.uniform(0, 0.5))
                gateway.kill9()
                gateway.launch()
                kills += 1
            wait_until(one.ledger.settled, 60, "all is sent")
            assert reminded(sink) == {f"p{number}@customers.example": 1 for number in range(400)}
            assert one.ledger.violations() == []
        print(f"\n400 timers, {kills} kills")
        assert kills > 1


@pytest.mark.postgres
def test_a_daemon_whose_clock_is_not_that_of_the_database_fires_nothing(tmp_path: Path, postgres_url: str) -> None:
    clock = WrongClock(tmp_path)
    clock.set(timedelta(days=1))
    with RelaySink() as sink:
        one, two = pair(tmp_path, postgres_url, sink, '[pending]\nremind = ["20s", "20h"]\n')
        crowd(one, postgres_url, 3)
        two.env = clock.env
        with two:
            wait_until(lambda: "away from that of the database" in two.log, 20, "the operator is told")
            wait_until(lambda: sink.letters != [], 20, "it sends letters")
            assert fired(one) == 0
            with one:
                wait_until(lambda: fired(one) == 3, 60, "those that are due have fired")
                wait_until(one.ledger.settled, 20, "all is sent")
                assert set(reminded(sink).values()) == {1}
                assert "cause=timer:" not in two.log
                assert one.ledger.violations() == []


@pytest.mark.postgres
def test_a_ticket_that_is_answered_at_the_moment_of_its_closure_is_not_closed_after_that(tmp_path: Path, postgres_url: str) -> None:
    """CP38: the timer fires in one daemon while the answer comes in at the other."""
    with RelaySink() as sink:
        one, two = pair(tmp_path, postgres_url, sink, CLOSING)
        with one, two:
            mails = [mail(number) for number in range(12)]
            for each in mails:
                one.send(each.octets, each.sender)
            wait_until(lambda: len(one.ledger.tickets()) == len(mails), 20, "they are tickets")
            due = {}
            for ticket in one.ledger.tickets():
                assert one.cli("tickets", "command", str(ticket.id), "#resolve New toner.").returncode == 0
                due[ticket.requester] = time.monotonic() + 4
            for number, (sender, at) in enumerate(sorted(due.items(), key=lambda pair: pair[1])):
                time.sleep(max(0.0, at + 0.1 * (number % 5) - 0.2 - time.monotonic()))
                first = next(each for each in mails if each.sender == sender)
                answer = mail(100 + number, follows=first, text="It is broken again, it does not print.")
                two.send(answer.octets, sender)
            wait_until(one.ledger.settled, 30, "all is processed and sent")
            ends = Counter(tuple(v for v in _verbs(one, ticket.id) if v in ("close", "reopen")) for ticket in one.ledger.tickets())
            print(f"\nhow the stories ended: {dict(ends)}")
            assert set(ends) <= {("close",), ("reopen",), ()}
            assert one.ledger.violations() == []


def _verbs(gateway: Gateway, number: int) -> list[str]:
    return [one.verb for one in gateway.ledger.story(number).events]
