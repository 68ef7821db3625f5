"""Can a peer that asks too much, or gives too little, keep the others from being heard?"""

from __future__ import annotations

import asyncio
from ipaddress import ip_network

import pytest

from mailgate.channels.smtp_in import Limits
from mailgate.channels.smtp_limits import Memory
from tests.channels.smtp_peer import Gate, eventually

MAIL = b"Subject: hello\r\n\r\nx\r\n"
DOT = b".\r\n"


@pytest.mark.parametrize("line", ["NOOP", "RSET", "VRFY x", "EHLO x", "RCPT TO:<nobody@example.org>", "MAIL FROM:<a@b> X=1"])
async def test_a_flood_of_commands_ends_with_421(smtp_gate, line) -> None:
    gate: Gate = await smtp_gate(Limits(fruitless=30))
    peer = await gate.connect()
    await peer.hello()
    peer.send(f"{line}\r\n".encode() * 60)
    assert (await peer.ended()).endswith(b"421 4.7.0 Too many commands without a mail\r\n")
    await eventually(lambda: gate.listener.connections == 0)


async def test_a_web_client_is_shown_out_after_a_few_lines(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    peer = await gate.connect()
    peer.send(b"POST / HTTP/1.1\r\nHost: x\r\nAccept: *\r\nA: b\r\nC: d\r\nE: f\r\n\r\nMAIL FROM:<a@b>\r\n")
    assert (await peer.ended()).count(b"500 5.5.1") == 5


async def test_each_accepted_mail_restores_the_patience(smtp_gate) -> None:
    gate: Gate = await smtp_gate(Limits(fruitless=6))
    peer = await gate.connect()
    await peer.hello()
    for _ in range(5):
        for _ in range(4):
            assert (await peer.say("NOOP")).startswith("250 ")
        await peer.envelope()
        assert (await peer.data(MAIL + DOT)).startswith("250 ")


async def test_recipients_beyond_the_limit_are_for_the_next_mail(smtp_gate) -> None:
    gate: Gate = await smtp_gate(Limits(recipients=3))
    peer = await gate.peer("desk+1@example.org", "desk+2@example.org", "desk+3@example.org")
    assert (await peer.say("RCPT TO:<desk+4@example.org>")).startswith("452 4.5.3")
    assert (await peer.data(MAIL + DOT)).startswith("250 ")
    assert len(gate.intake.mails[0].envelope_to) == 3


async def test_connections_are_capped_in_all_and_for_each_peer(smtp_gate) -> None:
    for limits in (Limits(connections=5), Limits(connections_per_peer=5)):
        gate: Gate = await smtp_gate(limits)
        peers = [await gate.connect() for _ in range(5)]
        for peer in peers:
            await peer.hello()
        late = await gate.connect()
        assert (await late.ended()).startswith(b"421 4.7.0")
        await peers[0].close()
        await eventually(lambda gate=gate: gate.listener.connections == 4)
        await (await gate.connect()).hello()


async def test_a_peer_outside_the_allowed_networks_hears_a_temporary_refusal(smtp_gate) -> None:
    gate: Gate = await smtp_gate(allow=(ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")))
    peer = await gate.connect()
    assert (await peer.ended()).startswith(b"421 4.7.1")


@pytest.mark.parametrize("begin", [b"", b"EHLO x", b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<desk@example.org>\r\nDATA\r\nSubject: x"])
async def test_a_silent_peer_is_shown_out(smtp_gate, begin) -> None:
    gate: Gate = await smtp_gate(Limits(idle=0.2, tick=0.05))
    peer = await gate.connect()
    peer.send(begin)
    assert (await peer.ended()).endswith(b"421 4.4.2 Too slow, closing\r\n")
    await eventually(lambda: gate.listener.connections == 0)
    assert gate.listener._door.memory.free == gate.listener._door.memory.total


async def test_a_peer_that_trickles_is_shown_out_in_a_command_and_in_a_mail(smtp_gate) -> None:
    gate: Gate = await smtp_gate(Limits(idle=0.3, rate=10_000, tick=0.05))
    for peer in (await gate.connect(), await gate.peer()):
        if peer is gate.peers[1]:
            await peer.say("DATA")
        trickle = asyncio.create_task(_trickle(peer.send))
        # Octets on their way when a socket closes may turn its last words into a reset, so that only the end is certain.
        await peer.ended()
        trickle.cancel()
    await eventually(lambda: gate.listener.connections == 0)


async def _trickle(send) -> None:
    while True:
        send(b"x")
        await asyncio.sleep(0.02)


async def test_a_slow_mail_that_keeps_the_rate_takes_longer_than_one_wait(smtp_gate) -> None:
    gate: Gate = await smtp_gate(Limits(idle=0.3, rate=1_000, tick=0.05))
    peer = await gate.peer()
    await peer.say("DATA")
    for _ in range(30):
        peer.send(b"x" * 98 + b"\r\n")
        await asyncio.sleep(0.02)
    peer.send(DOT)
    assert (await peer.reply()).startswith("250 ")


async def test_a_quick_start_earns_no_long_sleep(smtp_gate) -> None:
    gate: Gate = await smtp_gate(Limits(idle=0.3, rate=100, tick=0.05))
    peer = await gate.peer()
    await peer.say("DATA")
    peer.send(b"x" * 100_000)
    assert (await peer.ended()).endswith(b"421 4.4.2 Too slow, closing\r\n")


async def test_a_mail_being_committed_is_never_too_slow(smtp_gate) -> None:
    gate: Gate = await smtp_gate(Limits(idle=0.1, tick=0.02, crowded=0, idle_crowded=0.05))
    gate.intake.held = True
    peer = await gate.peer()
    waiting = asyncio.create_task(peer.data(MAIL + DOT))
    await eventually(lambda: len(gate.intake.mails) == 1)
    await asyncio.sleep(0.4)
    gate.intake.commit()
    assert (await waiting).startswith("250 ")


async def test_a_peer_that_reads_nothing_is_cut_off(smtp_gate) -> None:
    gate: Gate = await smtp_gate(Limits(idle=0.2, tick=0.05, fruitless=10**9))
    peer = await gate.connect()
    peer.writer.transport.pause_reading()
    for _ in range(50):
        peer.send(b"HELP\r\n" * 2_000)
    await eventually(lambda: gate.listener.connections == 1)
    await eventually(lambda: gate.listener.connections == 0)
    peer.writer.transport.abort()


async def test_a_crowd_of_slow_peers_gives_way_to_an_honest_one(smtp_gate) -> None:
    gate: Gate = await smtp_gate(Limits(connections=60, crowded=30, idle_crowded=0.3, tick=0.05))
    slow = [await gate.connect() for _ in range(60)]
    refused = await gate.connect()
    assert (await refused.ended()).startswith(b"421 4.7.0")
    # Those who are left are no crowd any more.
    await eventually(lambda: gate.listener.connections <= 30)
    assert (await slow[0].ended()).endswith(b"421 4.4.2 Too slow, closing\r\n")
    honest = await gate.peer()
    assert (await honest.data(MAIL + DOT)).startswith("250 ")


async def test_an_endless_line_is_not_kept(smtp_gate) -> None:
    gate: Gate = await smtp_gate()
    peer = await gate.connect()
    peer.send(b"x" * 1_000_000)
    said = await peer.ended()
    assert said == b"" or b"500 5.5.2" in said
    await eventually(lambda: gate.listener.connections == 0)


async def test_mails_wait_for_memory_and_are_refused_only_for_now(smtp_gate) -> None:
    gate: Gate = await smtp_gate(Limits(memory_wait=0.2), max_size=100_000)
    gate.intake.held = True
    holders = [await gate.connect() for _ in range(4)]
    for peer in holders:
        await peer.hello()
        await peer.say("MAIL FROM:<a@example.com> SIZE=100000")
        await peer.say("RCPT TO:<desk@example.org>")
    for peer in holders[:3]:
        await peer.say("DATA")
    assert (await holders[3].say("DATA")).startswith("452 4.3.1")
    waiting = asyncio.create_task(holders[3].say("DATA"))
    holders[0].send(MAIL + DOT)
    await eventually(lambda: len(gate.intake.mails) == 1)
    gate.intake.commit()
    assert (await waiting).startswith("354 ")


async def test_a_mail_that_outgrows_its_declaration_is_refused_where_there_is_no_memory(smtp_gate) -> None:
    gate: Gate = await smtp_gate(max_size=100_000)
    others = [await gate.connect() for _ in range(2)]
    for peer in others:
        await peer.hello()
        await peer.say("MAIL FROM:<a@example.com> SIZE=100000")
        await peer.say("RCPT TO:<desk@example.org>")
        await peer.say("DATA")
    first = await gate.peer()
    await first.say("DATA")
    first.send(b"x" * 90_000)
    await eventually(lambda: gate.listener._door.memory.free < 20_000)
    first.send(b"\r\n" + DOT)
    assert (await first.reply()).startswith("250 ")
    for peer in others:
        await peer.close()


async def test_memory_is_lent_in_turn_and_comes_back_from_those_who_gave_up() -> None:
    memory = Memory(100)
    first = await memory.borrow(80, 1)
    assert first is not None
    assert await memory.borrow(50, 0.01) is None
    large = asyncio.create_task(memory.borrow(60, 5))
    await asyncio.sleep(0)
    small = asyncio.create_task(memory.borrow(10, 5))
    await asyncio.sleep(0)
    assert not small.done()
    large.cancel()
    assert (await small) is not None
    with first:
        assert first.covers(90)
        assert not first.covers(91)
    assert memory.free == 90
    # The grant and the cancellation in the same moment.
    both = asyncio.create_task(memory.borrow(100, 5))
    await asyncio.sleep(0)
    memory.repay(10)
    both.cancel()
    with pytest.raises(asyncio.CancelledError):
        await both
    assert memory.free == 100
