"""Does each mail of a real mailbox become a ticket, once, whatever happens to the server, to us and in the mailbox? Dovecot (T3)."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import trustme

from mailgate.channels.imap_session import Server, connected
from mailgate.channels.imap_wire import Lost
from tests.kit.daemon import Gateway
from tests.kit.dovecot import PASSWORD, Dovecot
from tests.kit.mailbox import DONE, flagged, flagged_without_row, reads, settled, subjects, tickets
from tests.kit.processes import wait_until
from tests.kit.proxy import Proxy
from tests.kit.traffic import mail, mails
from tests.kit.usage import peak_megabytes

pytestmark = pytest.mark.dovecot

LARGE = mail(1).octets + b"0123456789 abcdefghijklmnopqrstuvwxyz 0123456789 abcdefghijklmn\r\n" * 400_000


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    with Dovecot("alice", "bob") as server:
        yield server


def log_of(gateway: Gateway, words: str) -> None:
    wait_until(lambda: words in gateway.log, 20, f"the log says {words}")


def test_a_mail_of_twenty_five_megabytes_comes_whole_and_a_larger_one_stays_and_is_told_of(tmp_path: Path, dovecot: Dovecot) -> None:
    with reads(Gateway(tmp_path), dovecot.port) as gateway:
        dovecot.deliver("alice", mail(2).octets)
        wait_until(lambda: settled(gateway, 1), 20, "a ticket")
        before = peak_megabytes(gateway.pid)
        dovecot.deliver("alice", LARGE, LARGE + LARGE[: len(LARGE) // 2])
        wait_until(lambda: settled(gateway, 2), 60, "two tickets")
        more = peak_megabytes(gateway.pid) - before
        print(f"a mail of {len(LARGE) / 1e6:.0f} MB: {more:.0f} MB more than before, at most")
        assert more < 5.5 * len(LARGE) / 1e6
        assert gateway.ledger.raw(2) == LARGE
        wait_until(lambda: "alert code=imap-too-large" in gateway.log, 5, "the operator is told")
        wait_until(lambda: sorted(flagged(dovecot)) == [False, True, True], 5, "what is safe is flagged, and the other stays")


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_both_kinds_of_tls_are_spoken_and_the_certificate_is_checked(tls: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    with Dovecot("alice", tls=(tmp_path / "cert.pem", tmp_path / "key.pem")) as dovecot:
        gateway = Gateway(tmp_path / "trusting", quick=True, env={"SSL_CERT_FILE": str(tmp_path / "ca.pem")})
        reads(gateway, dovecot.tls_port if tls == "implicit" else dovecot.port, tls=tls)
        dovecot.deliver("alice", mail(1).octets)
        with gateway:
            wait_until(lambda: settled(gateway, 1), 20, "the mail is a ticket")
        assert "TLS" in dovecot.log
        stranger = reads(Gateway(tmp_path / "strict", quick=True), dovecot.tls_port if tls == "implicit" else dovecot.port, tls=tls)
        checked = stranger.cli("check")
        assert checked.returncode == 69
        assert b"certificate" in checked.stdout.lower()


def test_what_humans_and_other_programs_do_in_the_mailbox_loses_nothing(tmp_path: Path, dovecot: Dovecot) -> None:
    dovecot.deliver("alice", *(mail(number).octets for number in range(6)))
    with dovecot.client("alice") as client:
        # A human has read some of them before we came, and deleted another.
        client.uid("STORE", "1:3", "+FLAGS", "(\\Seen)")
        client.uid("STORE", "4", "+FLAGS", "(\\Deleted)")
        client.expunge()
    with reads(Gateway(tmp_path, quick=True), dovecot.port) as gateway:
        wait_until(lambda: settled(gateway, 5), 20, "five tickets")
        with dovecot.client("alice") as client:
            client.uid("STORE", "1:*", "-FLAGS", f"(\\Seen {DONE})")
            client.uid("STORE", "5", "+FLAGS", "(\\Deleted)")
            client.expunge()
        dovecot.deliver("alice", mail(7).octets)
        wait_until(lambda: settled(gateway, 6), 20, "six tickets")
        assert max(tickets(gateway).values()) == 1
        assert gateway.cli("audit", "--imap").returncode == 0


def test_a_mail_that_somebody_expunges_while_it_is_fetched_holds_up_no_other(tmp_path: Path, dovecot: Dovecot) -> None:
    # One after the other, since mails that come at once are numbered in an order of the server's own.
    for number in range(5):
        dovecot.deliver("alice", mail(number).octets)
        assert len(dovecot.flags("alice")) == number + 1

    def expunge() -> None:
        with dovecot.client("alice") as client:
            client.uid("STORE", "2", "+FLAGS", "(\\Deleted)")
            client.expunge()

    with Proxy(dovecot.port) as proxy, reads(Gateway(tmp_path, quick=True), proxy.port) as gateway:
        proxy.before(b"BODY.PEEK[]", expunge)
        dovecot.deliver("alice", mail(5).octets)
        wait_until(lambda: len(dovecot.flags("alice")) == 5, 20, "somebody has expunged a mail")
        wait_until(lambda: all(flagged(dovecot)), 20, "the others are safe")
        wait_until(gateway.ledger.settled, 20, "they are tickets")
        assert set(tickets(gateway)) >= set(subjects(0, 2, 3, 4, 5))
        assert max(tickets(gateway).values()) == 1
        assert gateway.cli("audit", "--imap").returncode == 0


def test_a_mail_that_leaves_the_folder_and_comes_back_is_no_second_ticket(tmp_path: Path, dovecot: Dovecot) -> None:
    dovecot.deliver("alice", *(mail(number).octets for number in range(3)))
    with reads(Gateway(tmp_path, quick=True), dovecot.port) as gateway:
        wait_until(lambda: settled(gateway, 3) and all(flagged(dovecot)), 20, "three tickets")
        with dovecot.client("alice") as client:
            client.create("Elsewhere")
            client.uid("MOVE", "1:2", "Elsewhere")
        with dovecot.client("alice", "Elsewhere") as client:
            client.uid("STORE", "1:2", "-FLAGS", f"(\\Seen {DONE})")
            client.uid("MOVE", "1:2", "INBOX")
        wait_until(lambda: sorted(dovecot.flags("alice")) == [3, 4, 5] and all(flagged(dovecot)), 20, "they are flagged under new UIDs")
        assert tickets(gateway) == subjects(*range(3))
        assert [row.seen_count for row in gateway.ledger.mails()] == [2, 2, 1]
        assert gateway.cli("audit", "--imap").returncode == 0


def test_a_mailbox_that_is_numbered_anew_makes_no_second_ticket_of_any_mail(tmp_path: Path, dovecot: Dovecot) -> None:
    dovecot.deliver("alice", *(mail(number).octets for number in range(5)))
    gateway = reads(Gateway(tmp_path, quick=True), dovecot.port)
    with gateway:
        wait_until(lambda: settled(gateway, 5), 20, "five tickets")
        dovecot.kill9()
        dovecot.deliver("alice", mail(5).octets)
        dovecot.renumber("alice")
        dovecot.start()
        wait_until(lambda: settled(gateway, 6), 30, "the new one is a ticket")
        wait_until(
            lambda: len(dovecot.flags("alice")) == 6 and all(DONE in one for one in dovecot.flags("alice").values()), 20, "all flagged"
        )
        assert tickets(gateway) == subjects(*range(6))
        assert "imap_renumbered" in gateway.log
        assert gateway.cli("audit", "--imap").returncode == 0


def test_done_mails_move_from_a_folder_with_a_foreign_name_to_another(tmp_path: Path, dovecot: Dovecot) -> None:
    with dovecot.client("alice", None) as client:
        client.create('"&U,BTFw-/Gr&APwA3w-e &- mehr"')
        for number in range(3):
            client.append('"&U,BTFw-/Gr&APwA3w-e &- mehr"', "", imap_now(), mail(number).octets)
    with reads(Gateway(tmp_path, quick=True), dovecot.port, folder="台北/Grüße & mehr", processed="Erledigt (é)") as gateway:
        wait_until(lambda: settled(gateway, 3), 20, "three tickets")
        wait_until(lambda: len(dovecot.flags("alice", '"Erledigt (&AOk-)"')) == 3, 10, "all are moved")
        assert dovecot.flags("alice", '"&U,BTFw-/Gr&APwA3w-e &- mehr"') == {}
        assert gateway.cli("audit", "--imap").returncode == 0


def imap_now() -> str:
    return time.strftime('"%d-%b-%Y %H:%M:%S +0000"', time.gmtime())


def test_the_first_connection_begins_now_and_leaves_old_mails_alone(tmp_path: Path, dovecot: Dovecot) -> None:
    dovecot.deliver("alice", *(mail(number).octets for number in range(3)))
    assert len(dovecot.flags("alice")) == 3
    with reads(Gateway(tmp_path, quick=True), dovecot.port, start_at="now") as gateway:
        wait_until(lambda: dovecot.idles("alice"), 20, "it stands in IDLE")
        dovecot.deliver("alice", mail(9).octets)
        wait_until(lambda: settled(gateway, 1), 20, "the new one is a ticket")
        assert tickets(gateway) == subjects(9)
        assert [DONE in one for one in dovecot.flags("alice").values()] == [False, False, False, True]
        assert gateway.cli("audit", "--imap").returncode == 0


def test_the_server_dies_and_hangs_and_nothing_is_lost(tmp_path: Path, dovecot: Dovecot) -> None:
    with reads(Gateway(tmp_path, quick=True), dovecot.port) as gateway:
        dovecot.deliver("alice", *(one.octets for one in mails(range(59))))
        wait_until(lambda: len(gateway.ledger.mails()) > 0, 20, "it has begun")
        dovecot.kill9()
        log_of(gateway, "imap:alice")
        dovecot.start()
        # A mail that comes now is a ticket only once the connection stands again.
        dovecot.deliver("alice", mail(59).octets)
        wait_until(lambda: settled(gateway, 60), 40, "all are tickets")
        wait_until(lambda: all(DONE in one for one in dovecot.flags("alice").values()), 20, "all are flagged")
        wait_until(lambda: dovecot.idles("alice"), 10, "it stands in IDLE")
        # The server hangs: the connection stands, and nobody is there.
        stopped = dovecot.pids()
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        begun = time.monotonic()
        wait_until(lambda: "no answer within" in gateway.log, 30, "the silence is noticed")
        print(f"noticed after {time.monotonic() - begun:.1f} s")
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        dovecot.deliver("alice", mail(60).octets)
        wait_until(lambda: settled(gateway, 61), 40, "the last one is a ticket")
        assert tickets(gateway) == subjects(*range(61))


def test_a_server_that_dies_in_the_middle_of_a_mail_gives_it_whole_or_not_at_all(tmp_path: Path, dovecot: Dovecot) -> None:
    whole = mail(1, text="word " * 40_000).octets
    with Proxy(dovecot.port) as proxy, reads(Gateway(tmp_path, quick=True), proxy.port) as gateway:
        wait_until(lambda: dovecot.idles("alice"), 20, "it stands in IDLE")
        proxy.cut_after(100_000)
        dovecot.deliver("alice", mail(0).octets, whole)
        wait_until(lambda: settled(gateway, 2), 20, "two tickets")
        assert proxy.connections == 2
        assert sorted(raw for row in gateway.ledger.mails() if (raw := gateway.ledger.raw(row.id))) == sorted([mail(0).octets, whole])
        assert [row.seen_count for row in gateway.ledger.mails()] == [1, 1]
        wait_until(lambda: all(flagged(dovecot)), 10, "both are flagged")


async def test_a_line_that_falls_silent_in_the_middle_of_a_mail_is_given_up_in_time(dovecot: Dovecot) -> None:
    dovecot.deliver("alice", LARGE)
    with Proxy(dovecot.port) as proxy:
        session = await connected(Server("localhost", proxy.port, "none", "alice", lambda: PASSWORD, patience=1.0))
        await session.select("INBOX")
        proxy.freeze_after(5_000_000)
        begun = time.monotonic()
        with pytest.raises(Lost, match="no answer"):
            async with asyncio.timeout(10):
                await session.fetch([1], len(LARGE))
        took = time.monotonic() - begun
        print(f"silence in the middle of a mail of 26 MB, with a patience of 1 s: noticed after {took:.1f} s")
        assert took < 4.0


def test_an_account_that_is_not_let_in_is_told_of_and_holds_up_no_other(tmp_path: Path, dovecot: Dovecot) -> None:
    gateway = reads(reads(Gateway(tmp_path, quick=True), dovecot.port, "bob", password="wrong"), dovecot.port)
    with gateway.folder.joinpath("config/mailgate.toml").open() as file:
        assert file.read().count("[[imap]]") == 2
    dovecot.deliver("alice", mail(1).octets)
    gateway.launch()
    try:
        log_of(gateway, "INFO ready")
        wait_until(lambda: settled(gateway, 1), 20, "alice's mail is a ticket")
        log_of(gateway, "alert code=imap-stopped")
        assert gateway.get("/readyz") == 503
        assert gateway.log.count("alert code=imap-stopped") == 1
        assert PASSWORD not in gateway.log
        checked = gateway.cli("check")
        assert checked.returncode == 69
        assert b"ok     mailbox alice" in checked.stdout
        assert b"fault  mailbox bob" in checked.stdout
    finally:
        gateway.kill9()


def test_the_audit_finds_a_mail_that_the_ledger_lacks(tmp_path: Path, dovecot: Dovecot) -> None:
    gateway = reads(Gateway(tmp_path, quick=True), dovecot.port)
    dovecot.deliver("alice", mail(1).octets)
    with gateway:
        wait_until(lambda: settled(gateway, 1), 20, "the mail is a ticket")
        assert gateway.terminate() == 0
        assert gateway.cli("audit", "--imap").returncode == 0
        dovecot.deliver("alice", mail(2).octets)
        done = gateway.cli("audit", "--imap")
        assert done.returncode == 1
        assert b"imap:alice" in done.stdout


def at_work(gateway: Gateway, dovecot: Dovecot, before: int) -> bool:
    """Whether a gateway that had so many mails is at work on more of them."""
    return len(gateway.ledger.mails()) > before or not dovecot.idles("alice")


@pytest.mark.slow
def test_five_hundred_mails_survive_kills_of_the_gateway_and_of_the_server_in_turns(tmp_path: Path, dovecot: Dovecot) -> None:
    gateway = reads(Gateway(tmp_path, quick=True), dovecot.port)
    gateway.start()
    for turn in range(10):
        before = len(gateway.ledger.mails())
        dovecot.deliver("alice", *(one.octets for one in mails(range(50 * turn, 50 * turn + 50))))
        # It is in the middle of them, more or less deep.
        wait_until(partial(at_work, gateway, dovecot, before), 10, "it has begun")
        time.sleep(0.011 * (turn % 7))
        if turn % 2:
            gateway.kill9()
            assert flagged_without_row(gateway) == []
            gateway.launch()
        else:
            dovecot.kill9()
            dovecot.start()
    wait_until(lambda: settled(gateway, 500), 90, "five hundred tickets")
    wait_until(lambda: all(flagged(dovecot)), 30, "all are flagged")
    assert tickets(gateway) == subjects(*range(500))
    assert gateway.audit()["ok"]
    assert gateway.cli("audit", "--imap").returncode == 0
    gateway.kill9()
