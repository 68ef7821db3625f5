"""What if the server lets us in no more, is gone, cannot move mails, or another gateway takes the mailbox? A real Dovecot.

Most of these run the fetcher in the test's own process, with a pace that needs no patience; the daemon has its turn where it matters.
"""

from __future__ import annotations

import asyncio
import contextlib
import email
import http.client
import imaplib
import socket
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

import pytest
import trustme
from msgspec.structs import replace

from mailgate.channels.imap_in import IMMOVABLE, Account, Fetcher, Pace, audited, probed
from mailgate.channels.imap_session import Server
from mailgate.channels.oauth import Grant, Settings, keeper, reader
from mailgate.desk.letters import Mailbox
from mailgate.flow.fetch import Ledger
from mailgate.flow.outages import Outages
from mailgate.store import inbox, mailboxes
from tests.kit.daemon import Gateway
from tests.kit.dovecot import PASSWORD, Dovecot
from tests.kit.mailbox import DONE, flagged, reads, settled, subjects
from tests.kit.office import DESK, OLGA, START, Office
from tests.kit.processes import open_folder, wait_until
from tests.kit.tokens import Tokens
from tests.kit.traffic import mail

pytestmark = pytest.mark.dovecot

QUICK = Pace(look=0.1, lost=0.02, longest_lost=0.1, refused=0.02, longest_refused=0.1, silence=0.3)
STOPPED, BACK = "No mail is fetched: box", "Mail is fetched again: box"
NO_MOVE = "protocol imap {{\n  imap_capability = IMAP4rev1 SASL-IR LITERAL+ ID ENABLE IDLE NAMESPACE {}\n}}\n"
# Each test has a mailbox of its own on the one server that they share.
_USERS = tuple(f"user{number}" for number in range(40))
_free = iter(_USERS)


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with Dovecot(*_USERS) as server:
        yield server


@pytest.fixture
def user() -> str:
    return next(_free)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    desk = Office(tmp_path)
    yield desk
    desk.close()


def server(dovecot: Dovecot, user: str, tls: str = "none", grant: Grant | None = None) -> Server:
    return Server("localhost", dovecot.tls_port if tls == "implicit" else dovecot.port, tls, user, lambda: PASSWORD, grant, patience=5.0)


def account(
    at: Server, *, folder: str = "INBOX", processed: str | None = None, start: date | datetime | None = None, name: str = "box"
) -> Account:  # fmt: skip
    return Account(name, DESK.name, at, folder, processed, start, 1_000_000)


def ledger_of(office: Office, box: Account, owner: str = "me") -> Ledger:
    return Ledger(office.store, office.house, owner, box.name, box.folder, (DESK.address,), lambda: office.now, lambda: None)


@contextlib.asynccontextmanager
async def fetching(office: Office, box: Account, ledger: Ledger | None = None, pace: Pace = QUICK) -> AsyncIterator[Fetcher]:
    """A fetcher at work."""
    known = Mailbox(box.name, f"{box.server.host}:{box.server.port}", box.folder, START)
    outages = Outages(office.store, office.house, box.desk, known, lambda: office.now)
    fetcher = Fetcher(box, ledger or ledger_of(office, box), outages, lambda: 0.5, pace)
    task = asyncio.create_task(fetcher.run())
    try:
        yield fetcher
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 40
    while not await asyncio.to_thread(true):
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.01)


def stored(office: Office) -> Counter[str]:
    """The subjects of all mails that were taken in."""
    with office.store.look() as tx:
        found = [inbox.raw(tx, one.id) for one in inbox.rows(tx)]
    lines = [line for one in found for line in (one or b"").split(b"\r\n\r\n")[0].split(b"\r\n") if line.startswith(b"Subject: ")]
    return Counter(line.decode().removeprefix("Subject: ") for line in lines)


def told(office: Office) -> list[str]:
    """The subjects of all letters to the owner."""
    return [one.subject for one in office.everything_sent() if one.name == "mailbox" and one.to == OLGA.address]


def all_done(dovecot: Dovecot, user: str) -> bool:
    flags = flagged(dovecot, user)
    return bool(flags) and all(flags)


# ------------------------------------------------------------------------------------------------- refused, gone, and back again


async def test_a_password_that_is_refused_and_mended_is_told_each_time_and_loses_nothing(
    office: Office, dovecot: Dovecot, user: str
) -> None:
    dovecot.deliver(user, mail(1).octets)
    dovecot.set_password(user, "quite another one")
    async with fetching(office, account(server(dovecot, user))) as fetcher:
        await until(lambda: told(office) == [STOPPED], "the owner is told")
        refused = dovecot.log.count("auth failed")
        await until(lambda: dovecot.log.count("auth failed") > refused + 2, "it tries again and again")
        assert fetcher.stopped
        assert told(office) == [STOPPED]
        assert stored(office) == Counter()
        dovecot.set_password(user, PASSWORD)
        await until(lambda: told(office) == [STOPPED, BACK], "the owner is told again")
        assert not fetcher.stopped
        assert stored(office) == subjects(1)
    letter = office.everything_sent()[0]
    assert "[AUTHENTICATIONFAILED]" in letter.text
    assert PASSWORD not in letter.text
    await until(lambda: all_done(dovecot, user), "the mail is flagged")


async def test_a_server_that_is_gone_for_longer_is_told_and_one_that_is_gone_for_a_moment_is_not(office: Office) -> None:
    with Dovecot("alice") as dovecot:
        dovecot.deliver("alice", mail(1).octets)
        box = account(server(dovecot, "alice"))
        async with fetching(office, box, pace=replace(QUICK, silence=60.0)):
            await until(lambda: all_done(dovecot, "alice"), "the first mail is done")
            dovecot.kill9()
            dovecot.start()
            dovecot.deliver("alice", mail(2).octets)
            await until(lambda: stored(office) == subjects(1, 2), "the second mail is here")
            assert told(office) == []
        async with fetching(office, box):
            await until(lambda: dovecot.idles("alice"), "it waits for mails")
            dovecot.kill9()
            await until(lambda: told(office) == [STOPPED], "the owner is told")
            dovecot.start()
            dovecot.deliver("alice", mail(3).octets)
            await until(lambda: told(office) == [STOPPED, BACK], "the owner is told again")
            await until(lambda: stored(office) == subjects(1, 2, 3), "the third mail is here")


async def test_a_certificate_that_nobody_vouches_for_is_told_and_nothing_is_said_to_that_server(office: Office, tmp_path: Path) -> None:
    certificate = trustme.CA().issue_cert("localhost")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    with Dovecot("alice", tls=(tmp_path / "cert.pem", tmp_path / "key.pem")) as dovecot:
        async with fetching(office, account(server(dovecot, "alice", "implicit"))):
            await until(lambda: told(office) == [STOPPED], "the owner is told")
        assert "certificate verify failed" in office.last("mailbox").text.lower()
        assert "Login" not in dovecot.log


async def test_an_account_that_is_not_let_in_holds_up_no_other(office: Office, dovecot: Dovecot) -> None:
    good, bad, slow = next(_free), next(_free), next(_free)
    dovecot.set_password(bad, "quite another one")
    dovecot.deliver(good, *(mail(number).octets for number in range(5)))
    # Somebody who takes connections and never says a word.
    silent = socket.create_server(("127.0.0.1", 0))
    hung = Server("127.0.0.1", silent.getsockname()[1], "none", slow, PASSWORD)
    async with (
        fetching(office, account(server(dovecot, bad), name="bad")) as refused,
        fetching(office, account(hung, name="hung")),
        fetching(office, account(server(dovecot, good), name="good")) as fetcher,
    ):
        begun = time.monotonic()
        await until(lambda: stored(office) == subjects(*range(5)), "the other's mails are here")
        assert time.monotonic() - begun < 5
        await until(lambda: refused.stopped, "the one is refused")
        assert not fetcher.stopped
    silent.close()


def letters_in(gateway: Gateway) -> list[str]:
    """The subjects of the letters to the owner that have left."""
    left = (email.message_from_bytes(path.read_bytes()) for path in (gateway.folder / "var/outbound/new").glob("*"))
    return [str(one["Subject"]) for one in left if one["X-Mailgate-Letter"] == "mailbox"]


def metrics(gateway: Gateway) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.web_port, timeout=5)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return text


OWNER = '[[person]]\naddress = "olga@mailgate.example"\nname = "Olga Owner"\nrole = "owner"\n'


def test_letters_probes_figures_and_check_say_the_same_also_over_a_restart(tmp_path: Path, dovecot: Dovecot, user: str) -> None:
    dovecot.deliver(user, mail(1).octets)
    dovecot.set_password(user, "quite another one")
    gateway = reads(Gateway(tmp_path, people=OWNER, quick=True), dovecot.port, user, name="box")
    gateway.launch()
    try:
        wait_until(lambda: "owner_told account=box of=stopped" in gateway.log, 30, "the owner is told")
        wait_until(lambda: len(letters_in(gateway)) == 1, 10, "the letter has left")
        assert letters_in(gateway) == [STOPPED]
        assert gateway.get("/readyz") == 503
        assert 'mailgate_imap_fetching{account="box"} 0.0' in metrics(gateway)
        checked = gateway.cli("check")
        assert checked.returncode == 69
        assert f"fault  mailbox box at localhost:{dovecot.port}: ".encode() in checked.stdout
        gateway.terminate()
        dovecot.set_password(user, PASSWORD)
        gateway.start()
        wait_until(lambda: len(letters_in(gateway)) == 2, 20, "the second letter has left")
        assert Counter(letters_in(gateway)) == Counter([STOPPED, BACK])
        assert 'mailgate_imap_fetching{account="box"} 1.0' in metrics(gateway)
        checked = gateway.cli("check")
        assert checked.returncode == 0
        assert f"ok     mailbox box at localhost:{dovecot.port}, folder INBOX, for the desk Service Desk\n".encode() in checked.stdout
        wait_until(lambda: len(gateway.ledger.tickets()) == 1, 20, "the mail is a ticket")
        assert gateway.audit()["ok"]
    finally:
        gateway.kill9()


# ----------------------------------------------------------------------------------------------------------------- OAuth 2.0


async def test_a_token_that_serves_no_more_is_renewed_and_each_new_refresh_token_outlives_a_restart(office: Office, tmp_path: Path) -> None:
    secret = tmp_path / "refresh"
    secret.write_text("refresh-0\n")

    def grant() -> Grant:
        settings = Settings("box", tokens.url, "client", refresh_token=reader(secret)())
        return Grant(settings, keeper(secret), lambda: office.now, read=reader(secret))

    with Tokens("alice", rotates=True) as tokens, Dovecot("alice", more=tokens.for_dovecot(open_folder("mailgate-oauth-"))) as dovecot:
        dovecot.deliver("alice", mail(1).octets)
        async with fetching(office, account(server(dovecot, "alice", grant=grant()))):
            await until(lambda: stored(office) == subjects(1), "the mail is here")
            assert "method=XOAUTH2" in dovecot.log
            # The server lets this token in no more, long before its hour is over.
            tokens.revoke()
            dovecot.kill9()
            dovecot.start()
            dovecot.deliver("alice", mail(2).octets)
            await until(lambda: stored(office) == subjects(1, 2), "the second mail is here")
        assert secret.read_text() == "refresh-2\n"
        async with fetching(office, account(server(dovecot, "alice", grant=grant()))):
            dovecot.deliver("alice", mail(3).octets)
            await until(lambda: stored(office) == subjects(1, 2, 3), "the third mail is here")
        assert [one["refresh_token"] for one in tokens.asked] == ["refresh-0", "refresh-1", "refresh-2"]


async def test_a_grant_that_is_refused_is_told_and_a_new_one_is_taken_up_without_a_restart(office: Office, tmp_path: Path) -> None:
    secret = tmp_path / "refresh"
    secret.write_text("refresh-of-yesteryear\n")
    with Tokens("alice") as tokens, Dovecot("alice", more=tokens.for_dovecot(open_folder("mailgate-oauth-"))) as dovecot:
        settings = Settings("box", tokens.url, "client", refresh_token="refresh-of-yesteryear")
        grant = Grant(settings, keeper(secret), lambda: office.now, read=reader(secret))
        dovecot.deliver("alice", mail(1).octets)
        async with fetching(office, account(server(dovecot, "alice", grant=grant))):
            await until(lambda: told(office) == [STOPPED], "the owner is told")
            assert "invalid_grant" in office.last("mailbox").text
            secret.write_text("refresh-0\n")
            await until(lambda: told(office) == [STOPPED, BACK], "the owner is told again")
            assert stored(office) == subjects(1)


async def test_the_owner_hears_days_before_a_refresh_token_ends(office: Office, tmp_path: Path) -> None:
    with (
        Tokens("alice", lasts=3 * 86_400) as tokens,
        Dovecot("alice", more=tokens.for_dovecot(open_folder("mailgate-oauth-"))) as dovecot,
    ):
        grant = Grant(Settings("box", tokens.url, "client", refresh_token="refresh-0"), None, lambda: office.now)
        box = account(server(dovecot, "alice", grant=grant))
        async with fetching(office, box):
            await until(lambda: told(office) != [], "the owner is told")
        assert told(office) == ["The access to a mailbox ends soon: box"]
        assert "5 March 2026, 09:00 UTC" in office.last("mailbox").text
        found = await asyncio.to_thread(probed, box)
        assert found.remarks == ("the refresh token ends at 2026-03-05 09:00 UTC; get a new one",)


# --------------------------------------------------------------------------------------------------------------- where to begin

JANUARY = '"10-Jan-2026 23:59:59 +0000"', '"11-Jan-2026 00:00:01 +0000"', '"11-Jan-2026 23:59:59 +0000"', '"12-Jan-2026 08:00:00 +0000"'


@pytest.mark.parametrize(
    ("start", "old"),
    [(None, (0, 1, 2, 3)), (date(2026, 1, 11), (1, 2, 3)), (date(2026, 1, 12), (3,)), (date(2026, 1, 13), ()), (START, ())],
    ids=["all", "a day of two mails", "the next day", "the day after all", "now"],
)
async def test_the_first_connection_begins_where_it_is_told_to(
    start: date | datetime | None, old: Sequence[int], office: Office, dovecot: Dovecot, user: str
) -> None:
    with dovecot.client(user) as client:
        for number, day in enumerate(JANUARY):
            # What the mail says itself about its date counts for nothing.
            client.append("INBOX", "", day, mail(number).octets)
    box = account(server(dovecot, user), start=start)
    async with fetching(office, box):
        await until(lambda: begun(office), "it has begun")
        with dovecot.client(user) as client:
            client.append("INBOX", "", '"13-Jan-2026 08:00:00 +0000"', mail(9).octets)
        await until(lambda: stored(office) == subjects(*old, 9), "the new mail and those from that day on are here")
        await until(lambda: sum(flagged(dovecot, user)) == len(old) + 1, "they are flagged, and no other")
    assert [number for number in range(4) if DONE in dovecot.flags(user)[number + 1]] == list(old)
    assert await asyncio.to_thread(audited, box, office.store) == []
    # The second connection asks the ledger, not the date.
    async with fetching(office, account(server(dovecot, user), start=None)):
        dovecot.deliver(user, mail(10).octets)
        await until(lambda: stored(office) == subjects(*old, 9, 10), "the next mail is here, and no old one")


def begun(office: Office) -> bool:
    """Whether it is decided which mails are ours."""
    with office.store.look() as tx:
        return mailboxes.cursor(tx, "box", "INBOX") is not None


# ------------------------------------------------------------------------------------------------------------ mails that move


def contents(dovecot: Dovecot, user: str, folder: str) -> Counter[str]:
    """The subjects in a folder."""
    with dovecot.client(user, folder) as client:
        _, found = client.uid("FETCH", "1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    lines = [one[1].decode().strip() for one in found if isinstance(one, tuple)]
    return Counter(line.removeprefix("Subject: ") for line in lines)


def with_foreign_deletion(dovecot: Dovecot, user: str) -> None:
    """An old mail that somebody else has marked as deleted and may still want back; then mails for us. None has the UID of its place."""
    with dovecot.client(user) as client:
        for _ in range(2):
            client.append("INBOX", "(\\Deleted)", JANUARY[0], mail(8).octets)
        client.expunge()
        client.append("INBOX", "(\\Deleted)", JANUARY[0], mail(0).octets)
    dovecot.deliver(user, mail(1).octets, mail(2).octets)


@pytest.mark.parametrize("capability", ["MOVE UIDPLUS", "MOVE", "UIDPLUS"])
async def test_done_mails_are_moved_and_what_others_have_deleted_is_left_alone(capability: str, office: Office) -> None:
    with Dovecot("alice", more=NO_MOVE.format(capability)) as dovecot:
        with_foreign_deletion(dovecot, "alice")
        box = account(server(dovecot, "alice"), processed="Done", start=date(2026, 1, 12))
        async with fetching(office, box):
            await until(lambda: contents(dovecot, "alice", "INBOX") == subjects(0), "only the old mail is left")
        assert contents(dovecot, "alice", "Done") == subjects(1, 2)
        assert stored(office) == subjects(1, 2)
        assert (await asyncio.to_thread(probed, box)).remarks == ()
        assert await asyncio.to_thread(audited, box, office.store) == []


async def test_a_server_that_can_move_nothing_has_its_mails_flagged_and_is_told_of(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    with Dovecot("alice", more=NO_MOVE.format("")) as dovecot:
        with_foreign_deletion(dovecot, "alice")
        box = account(server(dovecot, "alice"), processed="Done", start=date(2026, 1, 12))
        async with fetching(office, box):
            await until(lambda: sum(flagged(dovecot)) == 2, "both are flagged")
            dovecot.deliver("alice", mail(3).octets)
            await until(lambda: sum(flagged(dovecot)) == 3, "and the third one")
        assert contents(dovecot, "alice", "INBOX") == subjects(0, 1, 2, 3)
        assert caplog.text.count("alert code=imap-no-move") == 1
        assert (await asyncio.to_thread(probed, box)).remarks == (IMMOVABLE,)


def test_a_kill_between_copy_and_deletion_makes_no_second_ticket_and_one_copy_more_at_most(tmp_path: Path) -> None:
    with Dovecot("alice", more=NO_MOVE.format("UIDPLUS")) as dovecot:
        dovecot.deliver("alice", mail(1).octets, mail(2).octets)
        gateway = reads(
            Gateway(tmp_path, quick=True, env={"MAILGATE_CRASH_POINT": "CP14-copied"}), dovecot.port, "alice", processed="Done"
        )  # fmt: skip
        gateway.launch()
        assert gateway.wait() == 137
        assert len(gateway.ledger.mails()) == 2
        assert contents(dovecot, "alice", "INBOX") == contents(dovecot, "alice", "Done") == subjects(1, 2)
        gateway.env.clear()
        with gateway:
            wait_until(lambda: contents(dovecot, "alice", "INBOX") == Counter(), 20, "the inbox is empty")
            wait_until(lambda: settled(gateway, 2), 20, "two tickets")
            assert set(contents(dovecot, "alice", "Done").values()) == {2}
            assert gateway.cli("audit", "--imap").returncode == 0


# ------------------------------------------------------------------------------------------------------- whose mailbox it is


class Overtaken(Ledger):
    """A ledger whose gateway stalls with mails in its hands, until another one has taken the mailbox."""

    other: Ledger | None = None

    def enter(self, mails: Sequence[tuple[int, bytes]]) -> None:
        """Too late, once."""
        if self.other is not None:
            with self._store.begin() as tx:
                tx.exec_driver_sql("UPDATE leases SET until = " + ("0" if self._store.sqlite else "'epoch'"))
            assert self.other.take()
            self.other = None
        super().enter(mails)


async def test_a_gateway_that_stalls_and_loses_the_mailbox_stores_nothing_and_flags_nothing(
    store_url: str, dovecot: Dovecot, user: str, tmp_path: Path
) -> None:
    office = Office(tmp_path, store_url)
    try:
        box = account(server(dovecot, user))
        dovecot.deliver(user, mail(1).octets)
        stalled = Overtaken(office.store, office.house, "stalled", "box", "INBOX", (DESK.address,), lambda: office.now, lambda: None)
        stalled.other = ledger_of(office, box, "other")
        async with fetching(office, box, stalled):
            await until(lambda: stalled.other is None, "the other one has it")
            # The loser stands by from now on.
            await until(lambda: not stalled.take(), "it knows")
            assert stored(office) == Counter()
            assert not any("Seen" in one for one in dovecot.flags(user).values())
            async with fetching(office, box, ledger_of(office, box, "other")):
                await until(lambda: all_done(dovecot, user), "the other one has stored and flagged it")
        assert stored(office) == subjects(1)
    finally:
        office.close()


async def test_the_mailbox_is_held_while_one_mail_takes_longer_than_the_lease(
    office: Office, dovecot: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailgate.channels.imap_in._RENEWED", 0.0)
    held: list[str] = []

    class Counting(Ledger):
        def renew(self) -> None:
            held.append("again")
            super().renew()

    dovecot.deliver(user, mail(1).octets + b"0123456789 abcdefghijklmnopqrstuvwxyz\r\n" * 20_000)
    box = account(server(dovecot, user))
    mine = Counting(office.store, office.house, "me", "box", "INBOX", (DESK.address,), lambda: office.now, lambda: None)
    async with fetching(office, box, mine):
        await until(lambda: all_done(dovecot, user), "the mail is done")
    assert held
    assert stored(office) == subjects(1)


# ---------------------------------------------------------------------------------------------------------------- in the clear


def test_a_mailbox_beyond_this_machine_is_never_read_without_tls(tmp_path: Path) -> None:
    gateway = reads(Gateway(tmp_path, quick=True), 143, "alice", host="imap.mailgate.example")
    for command in ("run", "check"):
        done = gateway.cli(command)
        assert done.returncode == 78
        said = (done.stdout + done.stderr).decode()
        line = (gateway.config / "mailgate.toml").read_text().splitlines().index('tls = "none"') + 1
        assert f'mailgate.toml:{line}: [[imap]] tls: "none" is for loopback only' in said


def test_a_server_whose_certificate_is_for_another_host_is_not_logged_in_to(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("other.example")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with Dovecot("alice", tls=(tmp_path / "cert.pem", tmp_path / "key.pem")) as dovecot:
        known = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        known.check_hostname = False
        with imaplib.IMAP4_SSL("localhost", dovecot.tls_port, ssl_context=known) as client:
            client.login("alice", PASSWORD)
        logins = dovecot.log.count("Login: ")
        gateway = Gateway(tmp_path / "gateway", quick=True, env={"SSL_CERT_FILE": str(tmp_path / "ca.pem")})
        checked = reads(gateway, dovecot.tls_port, "alice", tls="implicit").cli("check")
        assert checked.returncode == 69
        assert b"Hostname mismatch" in checked.stdout
        assert dovecot.log.count("Login: ") == logins
