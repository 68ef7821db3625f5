"""What does a daemon do while somebody sets its clock? On real processes: mail goes on, timers wait, nothing happens twice (CP39)."""

from __future__ import annotations

import http.client
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.kit.daemon import Gateway
from tests.kit.processes import wait_until
from tests.kit.traffic import mail
from tests.kit.wrong_clock import WrongClock

# Due within the day, so that a clock that is a day early finds all of it due.
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LADDER = '[autoclose]\nremind = ["20h"]\nwarn = "21h"\nafter = "22h"\n'


@pytest.fixture
def clock(tmp_path: Path) -> WrongClock:
    return WrongClock(tmp_path)


@pytest.fixture
def gateway(tmp_path: Path, clock: WrongClock) -> Iterator[Gateway]:
    with Gateway(tmp_path, policy=LADDER, env=clock.env, quick=True) as gateway:
        for number in range(3):
            gateway.send(mail(number).octets, mail(number).sender)
        wait_until(lambda: len(gateway.ledger.tickets()) == 3, 20, "three tickets")
        for number in ("1", "2", "3"):
            assert gateway.cli("tickets", "command", number, "#resolve New toner.").returncode == 0
        # Only a clock that was looked at while it was right can be found wrong.
        wait_until(lambda: looked(gateway), 20, "the clock was looked at")
        yield gateway


def looked(gateway: Gateway) -> bool:
    """Whether the daemon has written down what it believes of its clock."""
    with closing(sqlite3.connect(gateway.folder / "var/mailgate.db")) as database:
        return database.execute("SELECT 1 FROM facts WHERE name = 'clock'").fetchone() is not None


def fired(gateway: Gateway) -> list[str]:
    """What timers did to the tickets."""
    return [one.verb for number in (1, 2, 3) for one in gateway.ledger.story(number).events if one.cause.startswith("timer")]


def metric(gateway: Gateway, name: str) -> float:
    """One of its figures."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.web_port, timeout=5)
    try:
        connection.request("GET", "/metrics")
        found = re.search(rf"^{name} (\S+)$", connection.getresponse().read().decode(), re.MULTILINE)
    finally:
        connection.close()
    assert found is not None
    return float(found[1])


def takes_mail(gateway: Gateway, number: int) -> None:
    """A mail becomes a ticket, and so does one that only a tick finds."""
    count = len(gateway.ledger.tickets())
    gateway.send(mail(number).octets, mail(number).sender)
    path = gateway.folder / "later.eml"
    path.write_bytes(mail(number + 1).octets)
    assert gateway.cli("ingest", str(path)).returncode == 0
    wait_until(lambda: len(gateway.ledger.tickets()) == count + 2, 20, "both are tickets")
    wait_until(gateway.ledger.settled, 20, "they are answered")


def test_a_clock_that_is_set_a_day_ahead_closes_nobody_and_holds_up_no_mail(gateway: Gateway, clock: WrongClock) -> None:
    clock.set(DAY)
    wait_until(lambda: "alert code=clock-doubted" in gateway.log, 20, "the operator is told")
    takes_mail(gateway, 10)
    assert fired(gateway) == []
    assert metric(gateway, "mailgate_timers_held") == 1
    assert metric(gateway, "mailgate_timers_due") == 3
    assert gateway.ready()
    # Neither kill -9 nor a start makes it believe.
    gateway.kill9()
    gateway.start()
    time.sleep(3)
    assert fired(gateway) == []
    assert b"timers wait: the clock jumped ahead by" in gateway.cli("check").stdout
    # The operator says that it is so: each ladder goes on at its first rung, and nobody is closed unwarned.
    assert b"they were held because of: the clock jumped ahead by" in gateway.cli("resume").stdout
    wait_until(lambda: len(fired(gateway)) == 3, 20, "the timers fire")
    time.sleep(3)
    assert fired(gateway) == ["remind"] * 3
    assert metric(gateway, "mailgate_timers_held") == 0
    # And when it is set back, nothing is repeated.
    clock.set(timedelta())
    wait_until(lambda: "the clock went back by" in gateway.log, 20, "the operator is told")
    takes_mail(gateway, 20)
    assert fired(gateway) == ["remind"] * 3
    assert gateway.audit()["ok"]


@pytest.mark.parametrize("offset", [-HOUR, -DAY])
def test_the_beat_goes_on_and_mail_with_it_when_the_clock_is_set_back(gateway: Gateway, clock: WrongClock, offset: timedelta) -> None:
    clock.set(offset)
    # A daemon that had not looked at its clock yet finds it behind what has happened.
    told = re.compile("the clock went back by|behind what has happened")
    wait_until(lambda: told.search(gateway.log) is not None, 20, "the operator is told, at a tick")
    takes_mail(gateway, 10)
    assert fired(gateway) == []
    assert metric(gateway, "mailgate_last_tick_age_seconds") < 5
    assert gateway.ready()
    assert gateway.terminate() == 0
    assert gateway.audit()["ok"]


@pytest.mark.parametrize("offset", [DAY, -DAY])
def test_a_clock_that_was_set_while_the_daemon_was_dead_is_found_out_at_its_start(
    gateway: Gateway, clock: WrongClock, offset: timedelta
) -> None:
    gateway.kill9()
    clock.set(offset)
    gateway.start()
    wait_until(lambda: "alert code=clock-doubted" in gateway.log, 20, "the operator is told")
    takes_mail(gateway, 10)
    assert fired(gateway) == []
    assert gateway.audit()["ok"]
