"""What is offered, what is refused and how is a mail taken from the wire? The grammar of the dialogue, octet by octet."""

from __future__ import annotations

import asyncio
import random

import pytest
from aiosmtpd.smtp import SMTP

from mailgate.channels.smtp_in import Rcpt
from tests.channels.smtp_peer import Gate

MAIL = b"Subject: hello\r\n\r\nThe printer is on fire.\r\n"
DOT = b".\r\n"


async def test_only_what_is_kept_is_offered(smtp_gate) -> None:
    gate: Gate = await smtp_gate(max_size=1_000_000)
    peer = await gate.connect()
    assert await peer.hello() == "\n".join(
        ["250-mx.example.org", "250-PIPELINING", "250-SIZE 1000000", "250-8BITMIME", "250-SMTPUTF8", "250 ENHANCEDSTATUSCODES"]
    )
    assert await peer.say("HELO peer") == "250 mx.example.org"
    assert (await peer.say("AUTH PLAIN AGEAYg==")).startswith("502 5.5.1")
    assert (await peer.say("STARTTLS")).startswith("454 4.7.0")
    assert (await peer.say("BDAT 3 LAST")).startswith("500 5.5.1")


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("NOOP", "250 2.0.0"),
        ("RSET", "250 2.0.0"),
        ("HELP", "250 2.0.0"),
        ("VRFY desk", "252 2.1.5 Send some mail and see"),
        ("VRFY <nobody@example.org>", "252 2.1.5 Send some mail and see"),
        ("EXPN staff", "502 5.5.1"),
        ("EHLO", "501 5.5.4"),
        ("DATA", "503 5.5.1"),
        ("DATA now", "501 5.5.4"),
        ("RCPT TO:<desk@example.org>", "503 5.5.1"),
        ("MAIL FROM:<a@example.com> BODY=BINARYMIME", "501 5.5.4"),
        ("MAIL FROM:<a@example.com> BODY=8BITMIME SMTPUTF8 SIZE=10", "250 2.1.0"),
        ("MAIL FROM:<a@example.com> RET=FULL", "555 5.5.4"),
        ("MAIL FROM:<a@example.com> SIZE=²", "553 5.1.3"),
        ("MAIL FROM:<a@example.com> SIZE=99999999999", "552 5.3.4"),
        ("MAIL FROM: a@example.com", "250 2.1.0"),
        ("mail from:<a@example.com>", "250 2.1.0"),
        ("MAIL FROM:<büro@example.com>", "250 2.1.0"),
        ('MAIL FROM:<"john doe"@example.com>', "250 2.1.0"),
        ("MAIL FROM:<@relay.example,@b:user@example.com>", "250 2.1.0"),
        ("MAIL FROM:<\udcff@example.com>", "553 5.1.3"),
        ("MAIL FROM:<a\x01b@example.com>", "553 5.1.3"),
        ("MAIL FROM:<a@example.com", "553 5.1.3"),
        ("MAIL FROM:" + "(" * 400, "250 2.1.0"),
        ("", "500 5.5.1"),
        ("\udcff\udcfe", "500 5.5.1"),
        ("GARBAGE", "500 5.5.1 Unknown command"),
        ("X" * 2000, "500 5.5.2 Line too long"),
    ],
)
async def test_each_reply_carries_an_enhanced_code_and_no_text_of_the_peer(smtp_gate, line, reply) -> None:
    gate: Gate = await smtp_gate()
    peer = await gate.connect()
    await peer.hello()
    assert (await peer.say(line)).startswith(reply)
    assert (await peer.say("NOOP")).startswith("250 2.0.0")


async def test_nothing_goes_before_the_greeting(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    peer = await gate.connect()
    await peer.reply()
    for line in ("MAIL FROM:<a@example.com>", "RCPT TO:<desk@example.org>", "DATA"):
        assert (await peer.say(line)).startswith("503 5.5.1")


async def test_a_latin_1_host_name_in_ehlo_is_forgiven(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    peer = await gate.connect()
    await peer.reply()
    peer.send(b"EHLO B\xfcro-Scanner\r\n")
    assert (await peer.reply()).startswith("250-")


# Case 107: the classic forms in which relays are probed.
@pytest.mark.parametrize(
    "recipient",
    [
        "user@other.example",
        "user%other.example@example.org",
        "user%other.example@mx.example.org",
        "desk%other.example@example.org",
        "user%other.example",
        "other.example!user",
        "other.example!user@example.org",
        "example.org!other.example!user",
        '"user@other.example"',
        '"user@other.example"@example.org',
        '"desk"@example.org',
        '"user%other.example"@example.org',
        "@example.org:user@other.example",
        "@example.org,@relay.example:user@other.example",
        "@other.example:desk@example.org",
        "user@other.example@example.org",
        "desk@example.org@other.example",
        "user@[127.0.0.1]",
        "desk@[127.0.0.1]",
        "desk@[IPv6:::1]",
        "user@127.0.0.1",
        "user@localhost",
        "user",
        "",
        "desk@example.org.",
        "desk@",
        "@example.org",
        "nobody@example.org",
        "desk@EXAMPLE.ORG/x",
        "desk,user@example.org",
    ],
)
async def test_there_is_no_way_to_have_a_mail_relayed(smtp_gate, recipient) -> None:
    gate: Gate = await smtp_gate()
    peer = await gate.connect()
    await peer.hello()
    await peer.say("MAIL FROM:<a@example.com>")
    assert (await peer.say(f"RCPT TO:<{recipient}>")).startswith("550 5.")
    assert (await peer.say("DATA")).startswith("503 ")


@pytest.mark.parametrize("recipient", ["desk@example.org", "DESK+T.7.AbC@Example.ORG", "büro@example.org", "postmaster", "Postmaster"])
async def test_our_own_addresses_are_taken_as_they_are_written(smtp_gate, recipient) -> None:
    gate: Gate = await smtp_gate()
    peer = await gate.peer(recipient)
    await peer.data(MAIL + DOT)
    assert gate.intake.mails[0].envelope_to == (recipient,)


async def test_an_8_bit_recipient_is_malformed_and_never_reaches_the_desk(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    asked: list[str] = []
    gate.accepts = lambda address: asked.append(address) or Rcpt.OURS
    peer = await gate.connect()
    await peer.hello()
    await peer.say("MAIL FROM:<a@example.com>")
    assert (await peer.say("RCPT TO:<b\udcfcro@example.org>")).startswith("553 5.1.3")
    assert asked == []


# Case 101: what a relay in front of us might take for the end of a mail, and we must not.
@pytest.mark.parametrize(
    "ending", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r.\r", b"\r.\n", b"\r\n.\r\r\n", b"\r.\r\n", b"\r\n.\0\r\n", b"\r\n\0.\r\n"]
)
async def test_no_broken_line_end_smuggles_a_second_mail(smtp_gate, ending) -> None:
    gate: Gate = await smtp_gate()
    peer = await gate.peer()
    smuggled = b"MAIL FROM:<boss@example.org>\r\nRCPT TO:<desk@example.org>\r\nDATA\r\nSubject: two\r\n\r\nx\r\n"
    assert (await peer.data(b"Subject: one\r\n\r\nx" + ending + smuggled + DOT)).startswith("250 ")
    assert (await peer.say("NOOP")) == "250 2.0.0 OK"
    (mail,) = gate.intake.mails
    assert b"boss@example.org" in mail.raw
    # What is stored has one kind of line end, so that nobody behind us can be fooled either.
    assert mail.raw.count(b"\n") == mail.raw.count(b"\r") == mail.raw.count(b"\r\n")


async def test_octets_of_any_value_and_lines_of_any_length_are_kept(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    every = bytes(octet for octet in range(256) if octet not in b"\r\n")
    body = b"Subject: x\r\n\r\n" + every + b"\r\n" + b"<td>" * 500_000 + b"\r\n" + every * 40 + b"\r\n"
    peer = await gate.peer()
    assert (await peer.data(body + DOT)).startswith("250 ")
    assert gate.intake.mails[0].raw == body


async def test_a_mail_cut_into_any_pieces_is_the_same_mail(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    chance = random.Random(7)
    body = b"".join(chance.choice([b"\r\n", b".", b"..", b"a", b"\r\n.x", b"\r\n..", b" "]) for _ in range(400)) + b"\r\n"
    while b"\r\n.\r\n" in b"\r\n" + body:
        body = body.replace(b".\r\n", b"-\r\n")
    wire = (b"\r\n" + body).replace(b"\r\n.", b"\r\n..")[2:] + DOT
    for _ in range(30):
        peer = await gate.peer()
        assert (await peer.say("DATA")).startswith("354 ")
        cuts = sorted(chance.sample(range(len(wire)), 12))
        for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
            peer.send(wire[start:end])
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert (await peer.reply()).startswith("250 ")
        await peer.close()
    assert {mail.raw for mail in gate.intake.mails} == {body}


async def test_the_empty_mail_and_the_mail_of_one_empty_line_end_where_they_should(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    for sent in (b"", b"\r\n", b"..\r\n", b"\r\n\r\n"):
        peer = await gate.peer()
        assert (await peer.data(sent + DOT)).startswith("250 ")
    assert [mail.raw for mail in gate.intake.mails] == [b"", b"\r\n", b".\r\n", b"\r\n\r\n"]


async def test_a_mail_that_is_too_big_is_read_to_its_end_and_refused_for_good(smtp_gate) -> None:
    gate: Gate = await smtp_gate(max_size=100_000)
    peer = await gate.connect()
    await peer.hello()
    assert (await peer.say("MAIL FROM:<a@example.com> SIZE=100001")).startswith("552 5.3.4")
    await peer.envelope()
    assert await peer.data(b"x" * 400_000 + b"\r\n" + DOT) == "552 5.3.4 Too big"
    await peer.envelope()
    assert (await peer.data(b"x" * 99_998 + b"\r\n" + DOT)).startswith("250 ")
    await peer.envelope()
    assert await peer.data(b"x" * 99_999 + b"\r\n" + DOT) == "552 5.3.4 Too big"
    assert len(gate.intake.mails) == 1


async def test_a_mail_that_goes_in_circles_is_refused(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    peer = await gate.peer()
    assert (await peer.data(b"received: x\r\n" * 100 + MAIL + DOT)).startswith("250 ")
    await peer.envelope()
    assert (await peer.data(b"Received: x\r\n" * 101 + MAIL + DOT)).startswith("554 5.4.6")
    await peer.envelope()
    assert (await peer.data(MAIL + b"Received: x\r\n" * 101 + DOT)).startswith("250 ")


async def test_one_session_changes_nothing_for_another(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    before = dict(SMTP.command_size_limits)
    first, second = await gate.connect(), await gate.connect()
    await first.hello()
    for _ in range(20):
        await first.say("EHLO again")
    await second.hello()
    assert dict(SMTP.command_size_limits) == before
