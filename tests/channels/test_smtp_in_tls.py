"""Does STARTTLS forget all that was said before it, and is nothing offered twice?"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from mailgate.channels.smtp_in import Limits, Settings
from mailgate.desk.errors import Misconfigured
from tests.channels.smtp_peer import Gate, eventually

MAIL = b"Subject: hello\r\n\r\nx\r\n"
DOT = b".\r\n"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> dict[str, Path]:
    certificate = authority.issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    return {"tls_cert": tmp_path / "cert.pem", "tls_key": tmp_path / "key.pem"}


async def test_starttls_works_once_and_the_greeting_starts_anew(smtp_gate, files, context) -> None:
    gate: Gate = await smtp_gate(**files)
    peer = await gate.connect()
    assert "STARTTLS" in await peer.hello()
    await peer.envelope()
    await peer.starttls(context)
    # RFC 3207 4.2: nothing said in the clear counts any more.
    assert (await peer.say("RCPT TO:<desk@example.org>")).startswith("503 ")
    offered = await peer.say("EHLO again")
    assert "STARTTLS" not in offered
    assert "AUTH" not in offered
    assert (await peer.say("STARTTLS")).startswith("503 5.5.1")
    await peer.envelope()
    assert (await peer.data(MAIL + DOT)).startswith("250 ")


async def test_commands_injected_before_the_handshake_are_dropped(smtp_gate, files, context) -> None:
    gate: Gate = await smtp_gate(**files)
    peer = await gate.connect()
    await peer.hello()
    peer.send(b"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@example.com>\r\n")
    assert (await peer.reply()).startswith("220 ")
    await peer.writer.start_tls(context, server_hostname="localhost")
    assert (await peer.say("RCPT TO:<desk@example.org>")).startswith("503 ")
    assert (await peer.say("EHLO honest")).startswith("250-")
    await peer.envelope()


async def test_implicit_tls_offers_no_second_one(smtp_gate, files, context) -> None:
    gate: Gate = await smtp_gate(**files, tls_implicit=True)
    peer = await gate.connect(tls=context)
    offered = await peer.hello()
    assert "STARTTLS" not in offered
    assert "AUTH" not in offered
    assert (await peer.say("STARTTLS")).startswith("503 5.5.1")
    await peer.envelope()
    assert (await peer.data(MAIL + DOT)).startswith("250 ")


async def test_a_failed_handshake_leaves_nothing_behind(smtp_gate, files) -> None:
    gate: Gate = await smtp_gate(**files)
    peer = await gate.connect()
    await peer.hello()
    assert (await peer.say("STARTTLS")).startswith("220 ")
    peer.send(b"MAIL FROM:<a@example.com>\r\n" * 10)
    await peer.ended()
    await eventually(lambda: gate.listener.connections == 0)


async def test_a_commit_survives_a_peer_that_leaves_tls(smtp_gate, files, context) -> None:
    gate: Gate = await smtp_gate(**files)
    gate.intake.held = True
    peer = await gate.connect()
    await peer.hello()
    await peer.starttls(context)
    await peer.say("EHLO x")
    await peer.envelope()
    await peer.say("DATA")
    peer.send(MAIL + DOT)
    await eventually(lambda: len(gate.intake.mails) == 1)
    await peer.close()
    await eventually(lambda: gate.listener.connections == 0)
    assert not gate.intake.futures[0].cancelled()


async def test_starttls_works_on_uvloop_too(files, context) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def talk() -> str:
        gate = Gate(Settings(port=0, **files), Limits())
        await gate.listener.start()
        peer = await gate.connect()
        await peer.hello()
        await peer.starttls(context)
        await peer.say("EHLO x")
        await peer.envelope()
        answer = await peer.data(MAIL + DOT)
        await peer.close()
        await gate.listener.stop()
        return answer

    assert (await asyncio.to_thread(uvloop.run, talk())).startswith("250 ")


async def test_a_certificate_that_cannot_be_read_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    gate = Gate(Settings(port=0, tls_cert=tmp_path / "none.pem"), Limits())
    with pytest.raises(Misconfigured, match=r"\[smtp\] tls_cert, tls_key: cannot use .*none.pem: No such file"):
        await gate.listener.start()
