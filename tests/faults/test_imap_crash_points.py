"""Is each mail of a mailbox one ticket when the gateway dies, is held up or is deceived between the search and the last flag (CP10-CP17)?

The numbers are those of the list of crash points in the plan. The server is a Dovecot, and the line to it a proxy where a test needs one.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from mailgate.store.engine import Store
from tests.kit.daemon import Gateway
from tests.kit.dovecot import Dovecot
from tests.kit.mailbox import DONE, flagged, flagged_without_row, reads, settled, subjects, tickets
from tests.kit.processes import wait_until
from tests.kit.proxy import Proxy
from tests.kit.traffic import mail, mails

pytestmark = pytest.mark.dovecot

KILLED = 137
# What Dovecot is to say that it can, so that mails are moved by a copy.
WITHOUT_MOVE = "imap_capability = IMAP4rev1 SASL-IR IDLE UIDPLUS"
POINTS = ["CP10-searched", "CP11-fetched", "CP11-before-commit", "CP12-committed", "CP13-flag-sent", "CP15-flagged"]


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    with Dovecot("alice") as server:
        yield server


def dies(gateway: Gateway, point: str) -> None:
    """Runs the daemon until it dies at the point."""
    gateway.env["MAILGATE_CRASH_POINT"] = point
    gateway.launch()
    assert gateway.wait() == KILLED, gateway.log
    gateway.env.clear()


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_each_point_loses_nothing_and_makes_nothing_twice(point: str, tmp_path: Path, dovecot: Dovecot) -> None:
    dovecot.deliver("alice", *(one.octets for one in mails(range(5))))
    gateway = reads(Gateway(tmp_path, quick=True), dovecot.port)
    dies(gateway, point)
    assert len(gateway.ledger.mails()) == (0 if point < "CP12" else 5)
    if point < "CP12":
        assert not any("Seen" in flags or DONE in flags for flags in dovecot.flags("alice").values())
    with gateway:
        wait_until(lambda: settled(gateway, 5), 20, "five tickets")
        wait_until(lambda: all(flagged(dovecot)), 20, "all are flagged")
        assert tickets(gateway) == subjects(*range(5))
        # What was stored is not fetched again.
        assert {row.seen_count for row in gateway.ledger.mails()} == {1}
        assert gateway.audit()["ok"]
        assert gateway.cli("audit", "--imap").returncode == 0


def test_a_kill_in_the_middle_of_a_mail_stores_nothing_and_marks_nothing_as_read(tmp_path: Path, dovecot: Dovecot) -> None:
    # CP10.
    dovecot.deliver("alice", mail(1, text="word " * 40_000).octets)
    with Proxy(dovecot.port) as proxy:
        proxy.freeze_after(100_000)
        gateway = reads(Gateway(tmp_path, quick=True), proxy.port)
        gateway.start()
        wait_until(lambda: proxy.frozen, 20, "half of the mail is there")
        gateway.kill9()
        proxy.thaw()
        assert gateway.ledger.mails() == []
        assert dovecot.flags("alice") == {1: "\\Recent"} or dovecot.flags("alice") == {1: ""}
        with gateway:
            wait_until(lambda: settled(gateway, 1) and all(flagged(dovecot)), 20, "it is a ticket")


@pytest.mark.parametrize(
    ("point", "configuration", "copies"),
    [("CP13-flag-sent", "", 3), ("CP15-flagged", "", 3), ("CP14-copied", WITHOUT_MOVE, 6), ("CP15-flagged", WITHOUT_MOVE, 3)],
)
def test_a_kill_while_mails_are_moved_costs_one_more_copy_at_most_and_no_ticket(
    point: str, configuration: str, copies: int, tmp_path: Path
) -> None:
    with Dovecot("alice", more=configuration) as dovecot:
        dovecot.deliver("alice", *(one.octets for one in mails(range(3))))
        gateway = reads(Gateway(tmp_path, quick=True), dovecot.port, processed="Done")
        # Somebody has the archive read as well.
        reads(gateway, dovecot.port, name="archive", folder="Done")
        dies(gateway, point)
        with gateway:
            wait_until(lambda: settled(gateway, 3) and not dovecot.flags("alice"), 20, "three tickets, and the inbox is empty")
            wait_until(lambda: all(DONE in flags for flags in dovecot.flags("alice", "Done").values()), 20, "the archive is read too")
            assert len(dovecot.flags("alice", "Done")) == copies
            assert tickets(gateway) == subjects(*range(3))
            assert gateway.audit()["ok"]
            assert gateway.cli("audit", "--imap").returncode == 0


def renumbered(dovecot: Dovecot) -> None:
    """Numbers the inbox anew: now the lowest UID, which was another mail's, is that of one that is too large for the gateway."""
    dovecot.kill9()
    dovecot.deliver("alice", mail(9).octets, mail(8, text="word " * 50_000).octets)
    dovecot.renumber("alice")
    dovecot.start()


def dies_before_the_flags(gateway: Gateway, proxy: Proxy, dovecot: Dovecot) -> None:
    dies(gateway, "CP12-committed")
    renumbered(dovecot)
    gateway.start()


def lives_on(gateway: Gateway, proxy: Proxy, dovecot: Dovecot) -> None:
    proxy.before(b" STORE ", lambda: renumbered(dovecot))
    gateway.start()


@pytest.mark.parametrize("story", [dies_before_the_flags, lives_on])
def test_a_mailbox_numbered_anew_between_commit_and_flag_has_no_wrong_mail_flagged(
    story: Callable[[Gateway, Proxy, Dovecot], None], tmp_path: Path, dovecot: Dovecot
) -> None:
    # CP16.
    dovecot.deliver("alice", *(one.octets for one in mails(range(3))))
    with Proxy(dovecot.port) as proxy:
        gateway = reads(Gateway(tmp_path, quick=True, machine={"smtp": {"max_size": "200KB"}}), proxy.port)
        story(gateway, proxy, dovecot)
        wait_until(lambda: settled(gateway, 4), 20, "four tickets")
        wait_until(lambda: flagged(dovecot) == [False, True, True, True, True], 20, "the one that is too large is not flagged")
        assert tickets(gateway) == subjects(0, 1, 2, 9)
        assert "imap_renumbered" in gateway.log
        assert flagged_without_row(gateway) == []
        assert gateway.audit()["ok"]
        gateway.kill9()


# ------------------------------------------------------------------------------------------------- two gateways, PostgreSQL


@pytest.fixture
def pair(tmp_path: Path, postgres_url: str) -> Iterator[tuple[Gateway, Gateway]]:
    """Two gateways of one installation: one database, one key, each in a folder of its own."""
    machine = {"keys": {"file": str(tmp_path / "key")}}
    one, two = (Gateway(tmp_path / name, store=postgres_url, machine=machine, quick=True) for name in ("one", "two"))
    yield one, two
    one.kill9()
    two.kill9()


def lease_runs_out(gateway: Gateway) -> None:
    """Lets the time pass in which the mailbox is its holder's and nobody else's."""
    store = Store(gateway.ledger.url)
    with store.begin() as tx:
        assert tx.execute(text("UPDATE leases SET until = now() - interval '1 second' WHERE name LIKE 'imap:%'")).rowcount == 1
    store.close()


@pytest.mark.postgres
def test_a_gateway_that_slept_past_its_lease_stores_nothing_of_what_it_had_fetched(pair: tuple[Gateway, Gateway], dovecot: Dovecot) -> None:
    # CP17.
    one, two = pair
    with Proxy(dovecot.port) as proxy:
        reads(one, proxy.port).start()
        wait_until(lambda: dovecot.idles("alice"), 20, "the first one holds the mailbox")
        proxy.freeze_after(3_000)
        dovecot.deliver("alice", *(mail(number, text="word " * 1_000).octets for number in range(20)))
        wait_until(lambda: proxy.frozen, 20, "it has some octets of the mails")
        os.kill(one.pid, signal.SIGSTOP)
        lease_runs_out(two)
        reads(two, dovecot.port).start()
        wait_until(lambda: settled(two, 20), 20, "the second one has made twenty tickets")
        proxy.thaw()
        os.kill(one.pid, signal.SIGCONT)
        wait_until(lambda: "is held by somebody else" in one.log, 20, "the first one hears that it is too late")
        assert tickets(two) == subjects(*range(20))
        assert {row.seen_count for row in two.ledger.mails()} == {1}
        assert two.audit()["ok"]
        wait_until(lambda: all(flagged(dovecot)), 10, "all are flagged")
        assert two.cli("audit", "--imap").returncode == 0


@pytest.mark.postgres
@pytest.mark.slow
def test_of_two_gateways_on_one_mailbox_one_fetches_and_the_other_follows_when_it_is_dead(
    pair: tuple[Gateway, Gateway], dovecot: Dovecot
) -> None:
    one, two = pair
    reads(one, dovecot.port).start()
    wait_until(lambda: dovecot.idles("alice"), 20, "the first one holds the mailbox")
    reads(two, dovecot.port).start()
    dovecot.deliver("alice", *(one.octets for one in mails(range(20))))
    wait_until(lambda: settled(one, 20) and all(flagged(dovecot)), 20, "twenty tickets")
    assert "received" not in two.log
    one.kill9()
    dovecot.deliver("alice", *(one.octets for one in mails(range(20, 40))))
    lease_runs_out(two)
    begun = time.monotonic()
    wait_until(lambda: settled(two, 40), 30, "forty tickets")
    print(f"taken over {time.monotonic() - begun:.1f} s after the end of the lease")
    wait_until(lambda: all(flagged(dovecot)), 10, "all are flagged")
    one.start()
    assert tickets(two) == subjects(*range(40))
    assert {row.seen_count for row in two.ledger.mails()} == {1}
    assert two.audit()["ok"]
    assert two.cli("audit", "--imap").returncode == 0
