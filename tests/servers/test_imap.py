"""Does each mail of a real mailbox become a ticket, once, whatever happens to the server, to us and in the mailbox? Dovecot (T3)."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.kit.daemon import Gateway
from tests.kit.dovecot import PASSWORD, Dovecot
from tests.kit.processes import wait_until
from tests.kit.traffic import mail, mails

pytestmark = pytest.mark.dovecot

DONE = "$MailgateDone"


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    with Dovecot("alice", "bob") as server:
        yield server


def reads(gateway: Gateway, port: int, user: str = "alice", **more: str) -> Gateway:
    """Has the gateway fetch from this user's mailbox, everything in it."""
    secret = gateway.folder / f"{user}.secret"
    secret.write_text(more.pop("password", PASSWORD))
    secret.chmod(0o600)
    values = {"host": "localhost", "tls": "none", "user": user, "password_file": str(secret), "start_at": "all", **more}
    with (gateway.config / "mailgate.toml").open("a") as file:
        file.write(f"\n[[imap]]\nport = {port}\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
    return gateway


def tickets(gateway: Gateway) -> Counter[str]:
    return Counter(one.subject for one in gateway.ledger.tickets())


def settled(gateway: Gateway, count: int) -> bool:
    return len(gateway.ledger.tickets()) == count and gateway.ledger.settled()


def subjects(*numbers: int) -> Counter[str]:
    return Counter(mail(number).subject for number in numbers)


def log_of(gateway: Gateway, words: str) -> None:
    wait_until(lambda: words in gateway.log, 20, f"the log says {words}")


def test_a_mail_is_a_ticket_within_a_second_of_its_delivery_and_flagged_afterwards(tmp_path: Path, dovecot: Dovecot) -> None:
    with reads(Gateway(tmp_path), dovecot.port) as gateway:
        dovecot.deliver("alice", mail(1).octets)
        wait_until(lambda: settled(gateway, 1), 20, "the mail that waited is a ticket")
        # Now it stands in IDLE.
        time.sleep(0.5)
        begun = time.monotonic()
        dovecot.deliver("alice", mail(2).octets)
        wait_until(lambda: len(gateway.ledger.tickets()) == 2, 20, "the mail is a ticket")
        took = time.monotonic() - begun
        print(f"delivery to ticket: {took:.2f} s")
        assert took < 1.0
        wait_until(lambda: all(DONE in flags and "Seen" in flags for flags in dovecot.flags("alice").values()), 5, "both are flagged")
        assert gateway.audit()["ok"]
        done = gateway.cli("audit", "--imap")
        assert done.returncode == 0, done.stdout


def test_a_mail_of_twenty_five_megabytes_comes_whole_and_a_larger_one_stays_and_is_told_of(tmp_path: Path, dovecot: Dovecot) -> None:
    large = mail(1).octets + b"0123456789 abcdefghijklmnopqrstuvwxyz 0123456789 abcdefghijklmn\r\n" * 400_000
    dovecot.deliver("alice", large)
    dovecot.deliver("alice", large + large[: len(large) // 2])
    dovecot.deliver("alice", mail(2).octets)
    with reads(Gateway(tmp_path), dovecot.port) as gateway:
        wait_until(lambda: settled(gateway, 2), 60, "two tickets")
        assert gateway.ledger.raw(1) == large
        assert "alert code=imap-too-large" in gateway.log
        assert sorted(DONE in flags for flags in dovecot.flags("alice").values()) == [False, True, True]


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_both_kinds_of_tls_are_spoken_and_the_certificate_is_checked(tls: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    with Dovecot("alice", tls=(tmp_path / "cert.pem", tmp_path / "key.pem")) as dovecot:
        gateway = Gateway(tmp_path / "trusting", env={"SSL_CERT_FILE": str(tmp_path / "ca.pem")})
        reads(gateway, dovecot.tls_port if tls == "implicit" else dovecot.port, tls=tls)
        dovecot.deliver("alice", mail(1).octets)
        with gateway:
            wait_until(lambda: settled(gateway, 1), 20, "the mail is a ticket")
        assert "TLS" in dovecot.log
        stranger = reads(Gateway(tmp_path / "strict"), dovecot.tls_port if tls == "implicit" else dovecot.port, tls=tls)
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
    with reads(Gateway(tmp_path), dovecot.port) as gateway:
        wait_until(lambda: settled(gateway, 5), 20, "five tickets")
        with dovecot.client("alice") as client:
            client.uid("STORE", "1:*", "-FLAGS", f"(\\Seen {DONE})")
            client.uid("STORE", "5", "+FLAGS", "(\\Deleted)")
            client.expunge()
        dovecot.deliver("alice", mail(7).octets)
        wait_until(lambda: settled(gateway, 6), 20, "six tickets")
        assert max(tickets(gateway).values()) == 1
        assert gateway.cli("audit", "--imap").returncode == 0


def test_a_mailbox_that_is_numbered_anew_makes_no_second_ticket_of_any_mail(tmp_path: Path, dovecot: Dovecot) -> None:
    dovecot.deliver("alice", *(mail(number).octets for number in range(5)))
    gateway = reads(Gateway(tmp_path), dovecot.port)
    with gateway:
        wait_until(lambda: settled(gateway, 5), 20, "five tickets")
        dovecot.kill9()
        dovecot.renumber("alice")
        dovecot.deliver("alice", mail(5).octets)
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
    with reads(Gateway(tmp_path), dovecot.port, folder="台北/Grüße & mehr", processed="Erledigt (é)") as gateway:
        wait_until(lambda: settled(gateway, 3), 20, "three tickets")
        wait_until(lambda: len(dovecot.flags("alice", '"Erledigt (&AOk-)"')) == 3, 10, "all are moved")
        assert dovecot.flags("alice", '"&U,BTFw-/Gr&APwA3w-e &- mehr"') == {}
        assert gateway.cli("audit", "--imap").returncode == 0


def imap_now() -> str:
    return time.strftime('"%d-%b-%Y %H:%M:%S +0000"', time.gmtime())


def test_the_first_connection_begins_now_and_leaves_old_mails_alone(tmp_path: Path, dovecot: Dovecot) -> None:
    dovecot.deliver("alice", *(mail(number).octets for number in range(3)))
    assert len(dovecot.flags("alice")) == 3
    with reads(Gateway(tmp_path), dovecot.port, start_at="now") as gateway:
        wait_until(lambda: "Login: user=<alice>" in dovecot.log.partition("Disconnected: Logged out")[2], 20, "it is logged in")
        time.sleep(0.5)
        dovecot.deliver("alice", mail(9).octets)
        wait_until(lambda: settled(gateway, 1), 20, "the new one is a ticket")
        assert tickets(gateway) == subjects(9)
        assert [DONE in one for one in dovecot.flags("alice").values()] == [False, False, False, True]
        assert gateway.cli("audit", "--imap").returncode == 0


def test_the_server_dies_and_hangs_and_nothing_is_lost(tmp_path: Path, dovecot: Dovecot) -> None:
    with reads(Gateway(tmp_path), dovecot.port) as gateway:
        dovecot.deliver("alice", *(one.octets for one in mails(range(59))))
        wait_until(lambda: len(gateway.ledger.mails()) > 0, 20, "it has begun")
        dovecot.kill9()
        log_of(gateway, "imap:alice")
        dovecot.start()
        # A mail that comes now is a ticket only once the connection stands again.
        dovecot.deliver("alice", mail(59).octets)
        wait_until(lambda: settled(gateway, 60), 40, "all are tickets")
        wait_until(lambda: all(DONE in one for one in dovecot.flags("alice").values()), 20, "all are flagged")
        # Now it stands in IDLE.
        time.sleep(1.0)
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


@pytest.mark.parametrize(
    "point", ["CP10-searched", "CP11-fetched", "CP11-before-commit", "CP12-committed", "CP13-flag-sent", "CP15-flagged"]
)  # fmt: skip
def test_a_kill_at_each_point_loses_nothing_and_makes_nothing_twice(point: str, tmp_path: Path, dovecot: Dovecot) -> None:
    dovecot.deliver("alice", *(one.octets for one in mails(range(5))))
    gateway = reads(Gateway(tmp_path, quick=True, env={"MAILGATE_CRASH_POINT": point}), dovecot.port)
    gateway.launch()
    assert gateway.wait() == 137
    flagged = [DONE in one for one in dovecot.flags("alice").values()]
    if point < "CP12":
        assert not any(flagged)
        assert gateway.ledger.mails() == []
    else:
        assert len(gateway.ledger.mails()) == 5
    gateway.env.clear()
    with gateway:
        wait_until(lambda: settled(gateway, 5), 20, "five tickets")
        wait_until(lambda: all(DONE in one for one in dovecot.flags("alice").values()), 20, "all are flagged")
        assert tickets(gateway) == subjects(*range(5))
        assert gateway.audit()["ok"]
        assert gateway.cli("audit", "--imap").returncode == 0


def test_an_account_that_is_not_let_in_is_told_of_and_holds_up_no_other(tmp_path: Path, dovecot: Dovecot) -> None:
    gateway = reads(reads(Gateway(tmp_path), dovecot.port, "bob", password="wrong"), dovecot.port)
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
    gateway = reads(Gateway(tmp_path), dovecot.port)
    dovecot.deliver("alice", mail(1).octets)
    with gateway:
        wait_until(lambda: settled(gateway, 1), 20, "the mail is a ticket")
        assert gateway.terminate() == 0
        assert gateway.cli("audit", "--imap").returncode == 0
        dovecot.deliver("alice", mail(2).octets)
        done = gateway.cli("audit", "--imap")
        assert done.returncode == 1
        assert b"imap:alice" in done.stdout


def seconds(gateway: Gateway, fact: str, at: int) -> float:
    """When the log told the first or last of such facts, in seconds of the day."""
    line = [line for line in gateway.log.splitlines() if f" INFO {fact} " in line][at]
    hours, minutes, rest = line.split()[1].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest.replace(",", "."))


@pytest.mark.slow
def test_a_thousand_mails_that_wait_are_drained(tmp_path: Path, dovecot: Dovecot) -> None:
    dovecot.deliver("alice", *(one.octets for one in mails(range(1000))))
    with reads(Gateway(tmp_path), dovecot.port) as gateway:
        # The log is looked at, because whoever asks the database all the time slows down what is measured.
        # Their acknowledgements leave at a trickle: nobody has proved yet that these senders are who they say.
        wait_until(lambda: gateway.log.count(" INFO changed ") == 1000, 60, "a thousand tickets")
        begun, fetched, opened = (seconds(gateway, fact, at) for fact, at in (("received", 0), ("received", -1), ("changed", -1)))
        print(f"1,000 mails: {1000 / (fetched - begun):.0f}/s fetched, {1000 / (opened - begun):.0f}/s to the ticket")
        assert tickets(gateway) == subjects(*range(1000))
        wait_until(lambda: all(DONE in one for one in dovecot.flags("alice").values()), 20, "all are flagged")
        assert gateway.audit()["ok"]
        assert gateway.cli("audit", "--imap").returncode == 0


@pytest.mark.slow
def test_five_hundred_mails_survive_kills_of_the_gateway_and_of_the_server_in_turns(tmp_path: Path, dovecot: Dovecot) -> None:
    gateway = reads(Gateway(tmp_path, quick=True), dovecot.port)
    gateway.launch()
    for turn in range(10):
        dovecot.deliver("alice", *(one.octets for one in mails(range(50 * turn, 50 * turn + 50))))
        time.sleep(0.3 + 0.07 * turn)
        (gateway if turn % 2 else dovecot).kill9()
        if turn % 2:
            gateway.launch()
        else:
            dovecot.start()
    wait_until(lambda: settled(gateway, 500), 90, "five hundred tickets")
    wait_until(lambda: all(DONE in one for one in dovecot.flags("alice").values()), 30, "all are flagged")
    assert tickets(gateway) == subjects(*range(500))
    assert gateway.audit()["ok"]
    assert gateway.cli("audit", "--imap").returncode == 0
    gateway.kill9()
