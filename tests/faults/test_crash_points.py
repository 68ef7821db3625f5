"""Does the protocol hold when the daemon dies at each of its named points? Dead as by a power cut, started again, and held to account.

The numbers are those of the list of crash points in the plan; where a point cannot be named in the code, the peer's side of it is played.
"""

from __future__ import annotations

import contextlib
import smtplib
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.kit.daemon import ADDRESS, Gateway
from tests.kit.ledger import Ledger
from tests.kit.processes import wait_until
from tests.kit.relay import HANG, TAKE_AND_HANG, RelaySink, say
from tests.kit.traffic import Client, Mail, account, mail, mails, send_all

KILLED = 137
TECHNICIAN = '[[person]]\naddress = "tina@desk.example"\nname = "Tina"\nrole = "technician"\nteam = "first"\n[[team]]\nname = "first"\n'
# A letter of a rung is not sent once the ticket has closed: a relay must have had the time to take it.
QUICK_LADDER = '[autoclose]\nremind = ["1s"]\nwarn = "3s"\nafter = "6s"\n'


@dataclass
class Scene:
    """A gateway that is to die at a point, the relay behind it, and the mails that somebody sends to it."""

    gateway: Gateway
    sink: RelaySink
    mails: list[Mail]
    accepted: set[int] = field(default_factory=set)

    def die(self, point: str, provoke: Callable[[], object], *, ready: bool = True, after: int = 1) -> None:
        """Runs the daemon until it dies at the point; `ready` waits with `provoke` until it has opened its doors."""
        self.gateway.env = {"MAILGATE_CRASH_POINT": point, "MAILGATE_CRASH_AFTER": str(after)}
        if ready:
            self.gateway.start()
        else:
            self.gateway.launch()
        provoke()
        assert self.gateway.wait(20) == KILLED, self.gateway.log
        self.gateway.env = {}

    def send(self) -> None:
        """Everybody sends once. Who hears 250 will not send again."""
        for one in self.mails:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                self.gateway.send(one.octets, one.sender)
                self.accepted.add(one.number)

    def recover(self) -> None:
        """Starts the gateway again, has those send who have not heard 250 until they do, and waits until nothing is left to do."""
        self.gateway.start()
        send_all([Client(lambda: self.gateway.smtp_port, [one for one in self.mails if one.number not in self.accepted])])
        wait_until(self.gateway.ledger.settled, 30, "everything is processed and sent")

    def check(self, *, copies: int = 0) -> None:
        """Nothing lost, nothing twice, the ledger adds up; at most so many extra copies with the same Message-ID."""
        became = account(self.mails, self.gateway, self.sink)
        assert became.sound, became
        assert became.copies <= copies
        assert self.ledger.violations() == []

    @property
    def ledger(self) -> Ledger:
        """What stands in the database."""
        return self.gateway.ledger

    def inbox(self) -> list[str]:
        """The states of all mails."""
        return [row.state.value for row in self.ledger.mails()]

    def outbox(self) -> list[str]:
        """The states of all letters."""
        return [row.state.value for row in self.ledger.letters()]

    def letters(self, name: str) -> list[str]:
        """The Message-IDs of all copies of the letters of that name that the relay took."""
        found = [message_from_bytes(one.octets) for one in self.sink.letters]
        return [str(one["Message-ID"]) for one in found if one["X-Mailgate-Letter"] == name]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with RelaySink() as sink:
        gateway = Gateway(tmp_path, relay_port=sink.port, quick=True)
        yield Scene(gateway, sink, mails(range(2)))
        gateway.kill9()


@pytest.fixture
def on_postgresql(tmp_path: Path, postgres_url: str) -> Iterator[Scene]:
    with RelaySink() as sink:
        gateway = Gateway(tmp_path, relay_port=sink.port, store=postgres_url, quick=True)
        yield Scene(gateway, sink, mails(range(2)))
        gateway.kill9()


# -------------------------------------------------------------------------------------------------------------------- intake

# What stands in the inbox after the crash: the row is there exactly where the commit was.
INTAKE = {"CP01-mid-data": 0, "CP02-whole-mail": 0, "CP05-before-commit": 0, "CP06-committed": 1, "CP07-replied": 1}


@pytest.mark.parametrize("point", INTAKE)
def test_a_crash_in_the_intake_loses_nothing_and_acts_once(scene: Scene, point: str) -> None:
    scene.die(point, scene.send)
    assert len(scene.inbox()) == INTAKE[point]
    scene.recover()
    scene.check()
    # Who heard no 250 though the mail was there sent again: that is counted, and nothing else.
    assert scene.ledger.mails()[0].seen_count == (1 if 0 in scene.accepted else 1 + INTAKE[point])


def test_a_client_that_half_closes_during_the_commit_is_answered_and_its_mail_is_there(scene: Scene) -> None:
    # CP08.
    scene.gateway.start()
    scene.mails = scene.mails[:1]
    with socket.create_connection(("127.0.0.1", scene.gateway.smtp_port), timeout=10) as client:
        octets = scene.mails[0].octets
        client.sendall(f"HELO x\r\nMAIL FROM:<{scene.mails[0].sender}>\r\nRCPT TO:<{ADDRESS}>\r\nDATA\r\n".encode() + octets + b".\r\n")
        client.shutdown(socket.SHUT_WR)
        heard = b"".join(iter(lambda: client.recv(4096), b""))
    assert b"\r\n250 2.0.0 Ok id=1\r\n" in heard
    send_all([Client(lambda: scene.gateway.smtp_port, scene.mails)])
    wait_until(scene.gateway.ledger.settled, 20, "settled")
    scene.check()


# ---------------------------------------------------------------------------------------------------------------- processing

PROCESSING = ["CP19-claimed", "CP20-before-letters", "CP21-before-commit"]


@pytest.mark.parametrize("point", PROCESSING)
def test_a_crash_before_the_commit_of_an_effect_leaves_no_trace_of_it(scene: Scene, point: str) -> None:
    scene.die(point, scene.send)
    assert scene.ledger.tickets() == []
    assert scene.outbox() == []
    scene.recover()
    scene.check()


def test_a_crash_before_the_commit_of_a_claim_leaves_the_mail_unclaimed(scene: Scene, tmp_path: Path) -> None:
    # CP18: the mail comes by file, since one that comes by SMTP is born claimed.
    scene.mails = scene.mails[:1]
    (tmp_path / "mail.eml").write_bytes(scene.mails[0].octets)
    assert scene.gateway.cli("ingest", str(tmp_path / "mail.eml")).returncode == 0
    scene.die("CP18-claim", lambda: None, ready=False)
    assert [(row.state.value, row.attempts) for row in scene.ledger.mails()] == [("received", 0)]
    scene.gateway.start()
    wait_until(scene.gateway.ledger.settled, 20, "settled")
    scene.check()


def test_a_crash_after_the_commit_of_an_effect_only_delays_its_letters(scene: Scene) -> None:
    # CP22.
    scene.mails = scene.mails[:1]
    scene.die("CP22-after-commit", scene.send)
    assert scene.inbox() == ["done"]
    assert scene.outbox() == ["queued"]
    scene.recover()
    scene.check()
    assert len(scene.sink.letters) == 1


def test_claims_that_a_crash_left_open_are_no_strikes_against_the_mail(scene: Scene) -> None:
    scene.mails = scene.mails[:1]
    scene.die("CP19-claimed", scene.send)
    for _ in range(2):
        scene.die("CP19-claimed", lambda: None, ready=False)
    scene.recover()
    scene.check()
    assert "struck" not in scene.gateway.log


def test_a_crash_while_a_mail_is_put_aside_does_not_make_it_vanish(scene: Scene) -> None:
    # CP25.
    scene.mails = []
    scene.die("CP25-quarantining", lambda: scene.gateway.send(_deep(), "mallory@out.example"))
    assert scene.inbox() == ["claimed"]
    scene.recover()
    assert scene.inbox() == ["quarantined"]
    assert len(scene.ledger.tickets()) == 1
    scene.check()


def _deep() -> bytes:
    head = b"From: mallory@out.example\r\nSubject: deep\r\nMessage-ID: <deep@out.example>\r\nMIME-Version: 1.0\r\n"
    return head + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (at, at) for at in range(200)) + b"\r\nx\r\n"


# -------------------------------------------------------------------------------------------------------------------- outbox


@pytest.mark.parametrize("point", ["CP26-claim", "CP27-claimed"])
def test_a_crash_around_the_claim_of_a_letter_sends_it_once(scene: Scene, point: str) -> None:
    _phone(scene.gateway)
    scene.die(point, lambda: None, ready=False)
    assert scene.outbox() == ["queued"]
    assert scene.sink.letters == []
    scene.mails = []
    scene.recover()
    assert len(scene.sink.letters) == 1
    scene.check()


def _phone(gateway: Gateway) -> None:
    done = gateway.cli("tickets", "new", "--from", "ann@customers.example", "--subject", "By phone", "--text", "It is broken.")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("script", "heard"),
    [
        # CP28: after RCPT, before DATA; and in the middle of the body, from where the relay has nothing either.
        pytest.param({"DATA": [HANG]}, "DATA", id="CP28"),
        # CP29: the dot is out, the reply is not read.
        pytest.param({"dot": [TAKE_AND_HANG]}, "DATA", id="CP29"),
    ],
)
def test_a_crash_in_the_dialogue_with_the_relay_costs_one_copy_at_most(tmp_path: Path, script: dict[str, list[object]], heard: str) -> None:
    with RelaySink(script) as sink:  # type: ignore[arg-type]
        scene = Scene(Gateway(tmp_path, relay_port=sink.port, quick=True), sink, mails(range(1)))
        scene.gateway.start()
        scene.send()
        taken = "dot" in script
        wait_until(lambda: heard in sink.commands and len(sink.letters) == taken, 20, "the relay has come so far")
        scene.gateway.kill9()
        scene.recover()
        scene.check(copies=1)
        assert len(sink.letters) == 1 + taken
        assert len(set(scene.letters("acknowledgement"))) == 1
        assert len({one.octets for one in sink.letters}) == 1
        scene.gateway.kill9()


def test_a_crash_between_the_relays_answer_and_our_note_of_it_costs_one_copy_at_most(scene: Scene) -> None:
    # CP30.
    scene.mails = scene.mails[:1]
    scene.die("CP30-answered", scene.send)
    assert scene.outbox() == ["queued"]
    assert len(scene.sink.letters) == 1
    scene.recover()
    scene.check(copies=1)
    first, second = scene.sink.letters
    assert first.octets == second.octets
    assert first.envelope_from == second.envelope_from


def test_a_letter_that_is_noted_as_sent_is_never_sent_again(scene: Scene) -> None:
    # CP31.
    scene.mails = scene.mails[:1]
    scene.die("CP31-settled", scene.send)
    assert scene.outbox() == ["sent"]
    scene.recover()
    scene.check()
    assert len(scene.sink.letters) == 1


def test_a_refusal_that_was_not_noted_is_asked_for_once_more_and_told_once(tmp_path: Path) -> None:
    # CP32: the first two letters go to the requester and are refused, the technicians' are not.
    with RelaySink() as sink:
        scene = Scene(Gateway(tmp_path, relay_port=sink.port, people=TECHNICIAN, quick=True), sink, [])
        _phone(scene.gateway)
        sink.refuse("ann@customers.example", say("550 5.1.1 no such user"))
        scene.die("CP32-settling", lambda: None, ready=False)
        assert "failed" not in scene.outbox()
        scene.recover()
        assert sum(line.startswith("RCPT TO:<ann@customers.example>") for line in sink.commands) == 2
        assert [row.state.value for row in scene.ledger.letters() if row.letter == "acknowledgement"] == ["failed"]
        assert len(set(scene.letters("undeliverable"))) == 1
        scene.check()
        scene.gateway.kill9()


def test_a_report_that_a_letter_came_back_is_counted_once(scene: Scene) -> None:
    # CP34: the effect of the report and its state are one commit.
    scene.mails = scene.mails[:1]
    scene.gateway.start()
    scene.send()
    (letter,) = scene.sink.wait_for(1)
    wait_until(scene.gateway.ledger.settled, 20, "settled")
    scene.gateway.kill9()
    scene.die("CP21-before-commit", lambda: scene.gateway.send(_report(letter.octets), "", letter.envelope_from))
    assert scene.outbox() == ["sent"]
    scene.recover()
    assert scene.outbox() == ["bounced"]
    assert scene.inbox()[-1] == "done"
    scene.check()


def _report(letter: bytes) -> bytes:
    head = letter.partition(b"\r\n\r\n")[0]
    lines = [
        b"From: MAILER-DAEMON@mx.example", b"To: desk@mailgate.example", b"Subject: Undelivered", b"Message-ID: <dsn@mx.example>",
        b"Auto-Submitted: auto-replied", b"MIME-Version: 1.0", b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
        b"", b"--b", b"Content-Type: text/plain", b"", b"It could not be delivered.", b"", b"--b", b"Content-Type: message/delivery-status",
        b"", b"Reporting-MTA: dns; mx.example", b"", b"Final-Recipient: rfc822; user0@customers.example", b"Action: failed",
        b"Status: 5.1.1", b"", b"--b", b"Content-Type: text/rfc822-headers", b"", head, b"", b"--b--", b"",
    ]  # fmt: skip
    return b"\r\n".join(lines)


# -------------------------------------------------------------------------------------------------------------------- timers


@pytest.mark.parametrize("point", ["CP35-due", "CP36-fired", "CP37-committed"])
def test_a_crash_around_a_timer_fires_it_once(tmp_path: Path, store_url: str, point: str) -> None:
    with RelaySink() as sink:
        gateway = Gateway(tmp_path, relay_port=sink.port, store=store_url, policy=QUICK_LADDER, people=TECHNICIAN, quick=True)
        scene = Scene(gateway, sink, [])
        _phone(scene.gateway)
        done = scene.gateway.cli("tickets", "command", "1", "#resolve It was the cable.")
        assert done.returncode == 0, done.stderr
        time.sleep(1)
        scene.die(point, lambda: None, ready=False)
        fired = [event.verb for event in scene.ledger.story(1).events if event.cause.startswith("timer")]
        assert bool(fired) == (point == "CP37-committed")
        scene.gateway.start()
        wait_until(lambda: scene.ledger.tickets()[0].closed is not None, 30, "the ticket closes itself")
        wait_until(scene.gateway.ledger.settled, 20, "settled")
        for name in ("reminder", "closing_soon", "closed"):
            assert len(set(scene.letters(name))) == 1, name
        scene.check()
        scene.gateway.kill9()


@pytest.mark.parametrize("point", ["CP35-due", "CP36-fired", "CP37-committed"])
def test_a_crash_while_somebody_is_told_of_a_storm_tells_him_once(tmp_path: Path, store_url: str, point: str) -> None:
    """The first pass fires the timers of four promises that end at once; the second one makes their letter."""
    with RelaySink() as sink:
        promise = '[[sla]]\nname = "soon"\nresolution = "1s"\n'
        gateway = Gateway(tmp_path, relay_port=sink.port, store=store_url, policy=promise, people=TECHNICIAN, quick=True)
        scene = Scene(gateway, sink, [])
        for _ in range(4):
            _phone(gateway)
        time.sleep(1)
        scene.die(point, lambda: None, ready=False, after=2)
        assert [row.letter for row in scene.ledger.letters()].count("overdue") == (point == "CP37-committed")
        gateway.start()
        wait_until(lambda: bool(scene.letters("overdue")), 30, "the digest arrives")
        wait_until(gateway.ledger.settled, 20, "settled")
        assert len(set(scene.letters("overdue"))) == 1
        assert scene.letters("sla_breach") == []
        scene.check()
        gateway.kill9()


# ------------------------------------------------------------------------------------------------------- commands, life cycle


def test_a_command_that_is_killed_between_two_rows_has_done_nothing(scene: Scene) -> None:
    # CP44.
    scene.mails = []
    scene.gateway.start()
    for number in (b"1", b"2"):
        scene.gateway.send(_deep().replace(b"deep@", number + b"@"), "mallory@out.example")
    wait_until(lambda: scene.inbox() == ["quarantined"] * 2, 20, "both are put aside")
    scene.gateway.kill9()
    scene.gateway.env = {"MAILGATE_CRASH_POINT": "CP44-command"}
    assert scene.gateway.cli("inbox", "release", "1", "2").returncode == KILLED
    scene.gateway.env = {}
    assert scene.inbox() == ["quarantined"] * 2
    assert scene.gateway.cli("inbox", "release", "1", "2").returncode == 0
    assert scene.inbox() == ["received"] * 2
    scene.check()


def test_a_migration_that_is_killed_at_any_moment_leaves_no_half_schema(tmp_path: Path) -> None:
    # CP45: killed at eight moments of its whole length, on a fresh database each.
    whole = Gateway(tmp_path / "whole", quick=True)
    begun = time.monotonic()
    assert whole.audit()["ok"]
    length = time.monotonic() - begun
    for at in range(8):
        gateway = Gateway(tmp_path / str(at), quick=True)
        gateway.launch("audit")
        time.sleep(length * (at + 0.5) / 8)
        gateway.kill9()
        gateway.start()
        gateway.send(mail(at).octets, mail(at).sender)
        assert gateway.ledger.violations() == []
        gateway.kill9()


@pytest.mark.parametrize("moment", [0.0, 0.02, 0.1])
def test_a_daemon_that_is_killed_while_it_drains_has_forgotten_nothing(scene: Scene, moment: float) -> None:
    # CP47.
    scene.mails = mails(range(20))
    scene.gateway.start()
    scene.send()
    scene.gateway.drain()
    time.sleep(moment)
    scene.gateway.kill9()
    scene.recover()
    scene.check(copies=20)


# ---------------------------------------------------------------------------------------------------------------- PostgreSQL


@pytest.mark.postgres
@pytest.mark.parametrize("point", ["CP05-before-commit", "CP06-committed", *PROCESSING, "CP22-after-commit", "CP30-answered"])
def test_on_postgresql_a_crash_loses_nothing_and_a_restart_waits_for_no_lease(on_postgresql: Scene, point: str) -> None:
    on_postgresql.die(point, on_postgresql.send)
    on_postgresql.recover()
    on_postgresql.check(copies=2)
