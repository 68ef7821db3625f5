"""Who hears 250, when, and what does a peer hear of our own troubles? Against a real socket."""

from __future__ import annotations

import asyncio
import logging
import smtplib
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mailgate.channels.smtp_in import Limits, Listener, Rcpt, Refusal, Settings
from mailgate.desk.errors import Misconfigured, Permanent, Temporary
from mailgate.flow.intake import Receipt
from tests.channels.smtp_peer import Gate, Peer, eventually

MAIL = b"From: user@example.com\r\nTo: desk@example.org\r\nSubject: hello\r\n\r\nThe printer is on fire.\r\n"
DOT = b".\r\n"


async def test_a_mail_arrives_as_it_was_sent_and_its_reply_names_the_inbox_row(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    peer = await gate.peer("desk@example.org", "desk+t.7.abc@example.org")
    assert await peer.data(MAIL + DOT) == "250 2.0.0 Ok id=1"
    (mail,) = gate.intake.mails
    assert mail.raw == MAIL
    assert mail.channel == "smtp"
    assert mail.envelope_from == "user@example.com"
    assert mail.envelope_to == ("desk@example.org", "desk+t.7.abc@example.org")
    assert mail.peer == "127.0.0.1"
    assert not mail.submission
    assert await peer.say("QUIT") == "221 2.0.0 Bye"
    assert await peer.ended() == b""


async def test_smtplib_delivers_many_mails_in_one_session(smtp_gate) -> None:
    gate: Gate = await smtp_gate()

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", gate.listener.port, timeout=10) as client:
            for number in range(300):
                client.sendmail("user@example.com", ["desk@example.org"], f"Subject: {number}\r\n\r\n.dot\r\n..dots\r\n")

    await asyncio.to_thread(send)
    assert len(gate.intake.mails) == 300
    assert gate.intake.mails[7].raw == b"Subject: 7\r\n\r\n.dot\r\n..dots\r\n"


async def test_no_250_is_said_before_the_commit(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    gate.intake.held = True
    peer = await gate.peer()
    waiting = asyncio.create_task(peer.data(MAIL + DOT))
    await eventually(lambda: len(gate.intake.mails) == 1)
    await asyncio.sleep(0.05)
    assert not waiting.done()
    gate.intake.commit()
    assert await waiting == "250 2.0.0 Ok id=1"


async def test_a_commit_from_another_thread_is_heard(smtp_gate) -> None:
    with ThreadPoolExecutor(1) as writer:
        gate: Gate = await smtp_gate()
        gate.listener._door._receive = lambda mail: writer.submit(lambda: Receipt(42, seen_before=True))
        peer = await gate.peer()
        assert await peer.data(MAIL + DOT) == "250 2.0.0 Ok id=42"


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        (RuntimeError("secret\r\n250 Ok"), "451 4.3.0"),
        (Temporary("database is locked"), "451 4.3.0"),
        (Misconfigured("the key is gone"), "451 4.3.0"),
        (MemoryError(), "451 4.3.0"),
        (OSError(28, "No space left on device"), "451 4.3.0"),
        (Permanent("this mail was refused on purpose"), "554 5.6.0 refused"),
    ],
)
async def test_only_an_error_raised_on_purpose_is_permanent_and_none_tells_its_text(smtp_gate, error, reply) -> None:
    gate: Gate = await smtp_gate()
    gate.intake.error = error
    peer = await gate.peer()
    answer = await peer.data(MAIL + DOT)
    assert answer.startswith(reply)
    assert "secret" not in answer
    gate.intake.error = None
    await peer.envelope()
    assert (await peer.data(MAIL + DOT)).startswith("250 ")


async def test_an_intake_that_raises_or_cancels_is_a_451(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    gate.intake.raises = RuntimeError("secret")
    peer = await gate.peer()
    assert (await peer.data(MAIL + DOT)).startswith("451 4.3.0")
    gate.intake.raises, gate.intake.held = None, True
    await peer.envelope()
    waiting = asyncio.create_task(peer.data(MAIL + DOT))
    await eventually(lambda: bool(gate.intake.futures))
    gate.intake.futures[0].cancel()
    assert (await waiting).startswith("451 4.3.0")


async def test_an_exception_in_any_command_is_a_451_without_its_text_and_the_session_goes_on(smtp_gate, caplog) -> None:
    gate: Gate = await smtp_gate()

    def fails(address: str) -> Rcpt:
        raise ConnectionError("secret\r\n250 injected")

    gate.accepts = fails
    peer = await gate.connect()
    await peer.hello()
    await peer.say("MAIL FROM:<a@example.com>")
    assert await peer.say("RCPT TO:<desk@example.org>") == "451 4.3.0 Temporary failure, try again later"
    assert (await peer.say("MAIL FROM:<a@example.com>")).startswith("250 ")
    assert "secret" in caplog.text


async def test_a_commit_past_its_deadline_is_a_451_and_may_still_land(smtp_gate) -> None:
    gate: Gate = await smtp_gate(Limits(commit=0.05))
    gate.intake.held = True
    peer = await gate.peer()
    assert (await peer.data(MAIL + DOT)).startswith("451 4.3.0")
    assert not gate.intake.futures[0].cancelled()
    gate.intake.commit()
    assert (await peer.say("NOOP")).startswith("250 ")


async def test_a_peer_that_hangs_up_after_the_dot_does_not_tear_the_commit(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    gate.intake.held = True
    peer = await gate.peer()
    assert (await peer.say("DATA")).startswith("354 ")
    peer.send(MAIL + DOT)
    await eventually(lambda: len(gate.intake.mails) == 1)
    peer.reset()
    await eventually(lambda: gate.listener.connections == 0)
    assert not gate.intake.futures[0].cancelled()
    free = gate.listener._door.memory.free
    gate.intake.commit()
    # Only now is the memory of the mail free again.
    await eventually(lambda: gate.listener._door.memory.free > free)
    assert gate.listener._door.memory.free == gate.listener._door.memory.total


async def test_a_peer_that_half_closes_during_the_commit_still_hears_250(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    gate.intake.held = True
    peer = await gate.peer()
    assert (await peer.say("DATA")).startswith("354 ")
    peer.send(MAIL + DOT)
    peer.writer.write_eof()
    await eventually(lambda: len(gate.intake.mails) == 1)
    await asyncio.sleep(0.05)
    gate.intake.commit()
    assert await peer.ended() == b"250 2.0.0 Ok id=1\r\n"


async def test_a_whole_dialogue_in_one_segment_and_a_half_close_is_answered_to_its_end(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    peer = await gate.connect()
    peer.send(b"EHLO a\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<desk@example.org>\r\nDATA\r\n" + MAIL + DOT)
    peer.send(b"MAIL FROM:<>\r\nRCPT TO:<desk@example.org>\r\nDATA\r\n\r\nsecond\r\n" + DOT + b"QUIT\r\n")
    peer.writer.write_eof()
    said = await peer.ended()
    assert said.endswith(b"250 2.0.0 Ok id=2\r\n221 2.0.0 Bye\r\n")
    assert [mail.raw for mail in gate.intake.mails] == [MAIL, b"\r\nsecond\r\n"]


@pytest.mark.parametrize("sent", [b"", b"Subject: cut off\r\n", MAIL, MAIL + b".", MAIL + b".\r"])
async def test_a_mail_without_its_final_dot_is_no_mail(smtp_gate, sent) -> None:
    gate: Gate = await smtp_gate()
    peer = await gate.peer()
    await peer.say("DATA")
    peer.send(sent)
    peer.writer.write_eof()
    assert await peer.ended() == b""
    assert gate.intake.mails == []
    await eventually(lambda: gate.listener.connections == 0)
    assert gate.listener._door.memory.free == gate.listener._door.memory.total


async def test_the_null_path_arrives_as_the_empty_string(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    peer = await gate.connect()
    await peer.hello()
    await peer.envelope(sender="")
    await peer.data(MAIL + DOT)
    assert gate.intake.mails[0].envelope_from == ""


async def test_a_peer_in_a_submission_network_is_marked(smtp_gate) -> None:
    from ipaddress import ip_network

    gate: Gate = await smtp_gate(submission=(ip_network("127.0.0.0/24"),))
    peer = await gate.peer()
    await peer.data(MAIL + DOT)
    assert gate.intake.mails[0].submission


async def test_lmtp_answers_once_for_each_recipient(smtp_gate) -> None:
    gate: Gate = await smtp_gate(lmtp=True)
    peer = await gate.connect()
    assert (await peer.reply()) == "220 mx.example.org LMTP mailgate"
    assert (await peer.say("EHLO peer")).startswith("500 5.5")
    assert "ENHANCEDSTATUSCODES" in await peer.say("LHLO peer")
    await peer.envelope("desk@example.org", "desk+a@example.org")
    assert (await peer.say("RCPT TO:<nobody@example.org>")).startswith("550 5.1.1")
    assert await peer.data(MAIL + DOT) == "250 2.0.0 Ok id=1"
    assert await peer.reply() == "250 2.0.0 Ok id=1"
    assert (await peer.say("NOOP")) == "250 2.0.0 OK"
    assert gate.intake.mails[0].channel == "lmtp"


async def test_lmtp_tells_each_recipient_of_a_failure(smtp_gate) -> None:
    gate: Gate = await smtp_gate(lmtp=True)
    gate.intake.error = RuntimeError("no")
    peer = await gate.connect()
    await peer.hello("LHLO")
    await peer.envelope("desk@example.org", "desk+a@example.org")
    assert (await peer.data(MAIL + DOT)).startswith("451 4.3.0")
    assert (await peer.reply()).startswith("451 4.3.0")


async def test_a_full_disk_is_a_452_at_mail_and_recovers_without_restart(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    gate.refusal = Refusal.NO_SPACE
    peer = await gate.connect()
    await peer.hello()
    assert (await peer.say("MAIL FROM:<a@example.com> SIZE=4711")).startswith("452 4.3.1")
    assert gate.asked == [0, 4711]
    gate.refusal = None
    await peer.envelope()
    assert (await peer.data(MAIL + DOT)).startswith("250 ")


async def test_a_sick_database_is_a_421_at_mail_and_at_the_greeting(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    peer = await gate.connect()
    await peer.hello()
    gate.refusal = Refusal.NOT_READY
    assert (await peer.say("MAIL FROM:<a@example.com>")).startswith("421 4.3.2")
    assert await peer.ended() == b""
    late = await gate.connect()
    assert (await late.ended()).startswith(b"421 4.3.2")


async def test_a_health_check_that_fails_itself_counts_as_not_ready(smtp_gate, monkeypatch) -> None:
    gate: Gate = await smtp_gate()
    peer = await gate.connect()
    await peer.hello()
    monkeypatch.setattr(gate.listener._door, "_admission", lambda octets: 1 // 0)
    assert (await peer.say("MAIL FROM:<a@example.com>")).startswith("421 4.3.2")


async def test_a_failure_in_the_middle_of_a_mail_never_lets_its_rest_be_read_as_commands(smtp_gate, monkeypatch) -> None:
    gate: Gate = await smtp_gate()
    peer = await gate.peer()
    monkeypatch.setattr("mailgate.channels.smtp_session.unstuffed", lambda data: bytes(1 // 0))
    assert (await peer.data(MAIL + DOT + b"NOOP\r\n")).startswith("451 4.3.0")
    assert await peer.ended() == b""
    assert gate.listener._door.memory.free == gate.listener._door.memory.total


async def test_closing_waits_for_mails_past_their_dot_and_turns_all_others_away(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    gate.intake.held = True
    past, before, idle = await gate.peer(), await gate.peer(), await gate.connect()
    await idle.hello()
    await past.say("DATA")
    past.send(MAIL + DOT)
    await before.say("DATA")
    before.send(MAIL)
    await eventually(lambda: len(gate.intake.mails) == 1)
    # What is unread when a socket closes would turn the last words into a reset.
    await asyncio.sleep(0.05)
    port = gate.listener.port
    stopping = asyncio.create_task(gate.listener.stop(grace=10))
    assert (await idle.ended()).startswith(b"421 4.3.2")
    assert (await before.ended()).startswith(b"421 4.3.2")
    assert not stopping.done()
    gate.intake.commit()
    assert await past.reply() == "250 2.0.0 Ok id=1"
    assert (await past.ended()).startswith(b"421 4.3.2")
    await stopping
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_closing_does_not_wait_for_ever(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    gate.intake.held = True
    peer = await gate.peer()
    await peer.say("DATA")
    peer.send(MAIL + DOT)
    await eventually(lambda: len(gate.intake.mails) == 1)
    await gate.listener.stop(grace=0.05)
    assert (await peer.ended()).startswith(b"421 4.3.2")
    assert not gate.intake.futures[0].cancelled()


async def test_sockets_may_be_handed_in_and_a_unix_socket_needs_no_network(tmp_path: Path) -> None:
    gate = Gate(Settings(lmtp=True, allow=()), Limits())
    with socket.socket(socket.AF_UNIX) as given:
        given.bind(str(tmp_path / "lmtp"))
        await gate.listener.start([given])
        peer = Peer(*await asyncio.open_unix_connection(tmp_path / "lmtp"))
        await peer.hello("LHLO")
        await peer.envelope()
        assert (await peer.data(MAIL + DOT)).startswith("250 ")
        assert gate.intake.mails[0].peer == ""
        await peer.close()
        await gate.listener.stop()


async def test_an_ipv4_peer_of_a_dual_stack_socket_is_known_by_its_own_address() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    gate = Gate(Settings(), Limits())
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as given:
        await gate.listener.start([given])
        peer = await gate.peer()
        await peer.data(MAIL + DOT)
        assert gate.intake.mails[0].peer == "127.0.0.1"
        await peer.close()
        await gate.listener.stop()


async def test_a_port_in_use_is_one_clear_line(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    second = Listener(Settings(port=gate.listener.port), receive=gate.intake, accepts=gate.accepts, admission=lambda octets: None)
    with pytest.raises(Misconfigured, match=rf"\[smtp\] host, port: cannot listen on 127.0.0.1:{gate.listener.port}: .*in use"):
        await second.start()


async def test_nothing_of_a_mail_reaches_any_log(smtp_gate, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    gate: Gate = await smtp_gate()
    peer = await gate.peer("desk+t.7.sesame@example.org")
    await peer.data(MAIL + DOT)
    assert "printer" not in caplog.text
    assert "sesame" not in caplog.text


async def test_a_session_runs_on_uvloop_too() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def talk() -> list[bytes]:
        gate = Gate(Settings(port=0), Limits())
        await gate.listener.start()
        peer = await gate.peer()
        await peer.data(MAIL + DOT)
        await peer.close()
        await gate.listener.stop()
        return [mail.raw for mail in gate.intake.mails]

    assert await asyncio.to_thread(uvloop.run, talk()) == [MAIL]
