"""A listener on a free port, an intake that commits when it is told to, and a peer that speaks SMTP octet by octet."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import Future

from mailgate.channels.smtp_in import Limits, Listener, Rcpt, Refusal, Settings
from mailgate.flow.intake import RawMail, Receipt

# Nothing on loopback takes so long; a test that waits longer has failed.
PATIENCE = 10.0


class Intake:
    """The seam to the database. Every mail is committed at once, unless `held` (then by `commit`) or `error` says otherwise."""

    def __init__(self) -> None:
        self.mails: list[RawMail] = []
        self.futures: list[Future[Receipt]] = []
        self.held = False
        self.error: BaseException | None = None
        self.raises: Exception | None = None

    def __call__(self, mail: RawMail) -> Future[Receipt]:
        if self.raises is not None:
            raise self.raises
        self.mails.append(mail)
        future: Future[Receipt] = Future()
        self.futures.append(future)
        if self.error is not None:
            future.set_exception(self.error)
        elif not self.held:
            self.commit()
        return future

    def commit(self) -> None:
        """The newest mail is durable."""
        self.futures[-1].set_result(Receipt(inbox_id=len(self.mails), seen_before=False))


class Peer:
    """One connection to the listener."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def reply(self) -> str:
        """The next reply, its lines joined by LF."""
        lines = []
        async with asyncio.timeout(PATIENCE):
            while True:
                line = await self.reader.readuntil(b"\r\n")
                lines.append(line[:-2].decode("ascii"))
                if line[3:4] != b"-":
                    return "\n".join(lines)

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def say(self, line: str) -> str:
        self.send(line.encode("utf-8", "surrogateescape") + b"\r\n")
        return await self.reply()

    async def hello(self, verb: str = "EHLO") -> str:
        assert (await self.reply()).startswith("220 ")
        return await self.say(f"{verb} peer.example")

    async def envelope(self, *recipients: str, sender: str = "user@example.com") -> None:
        assert (await self.say(f"MAIL FROM:<{sender}>")).startswith("250 2.1.0")
        for recipient in recipients or ("desk@example.org",):
            assert (await self.say(f"RCPT TO:<{recipient}>")).startswith("250 2.1.5")

    async def data(self, octets: bytes) -> str:
        """The reply to a mail that is sent as it stands; the final dot is the caller's."""
        assert (await self.say("DATA")).startswith("354 ")
        self.send(octets)
        return await self.reply()

    async def ended(self) -> bytes:
        """What the listener says until it closes."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def starttls(self, context: ssl.SSLContext) -> None:
        assert (await self.say("STARTTLS")).startswith("220 ")
        await self.writer.start_tls(context, server_hostname="localhost")

    def reset(self) -> None:
        """Leaves without a word: RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


class Gate:
    """A running listener with everything around it."""

    def __init__(self, settings: Settings, limits: Limits) -> None:
        self.intake = Intake()
        self.refusal: Refusal | None = None
        self.asked: list[int] = []
        self.accepts: Callable[[str], Rcpt] = accepts
        self.peers: list[Peer] = []
        self.listener = Listener(
            settings, receive=self.intake, accepts=lambda address: self.accepts(address), admission=self._admission, limits=limits
        )

    def _admission(self, octets: int) -> Refusal | None:
        self.asked.append(octets)
        return self.refusal

    async def connect(self, tls: ssl.SSLContext | None = None) -> Peer:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.listener.port, ssl=tls, server_hostname="localhost" if tls else None
        )
        self.peers.append(Peer(reader, writer))
        return self.peers[-1]

    async def peer(self, *recipients: str) -> Peer:
        """A peer that has got as far as DATA."""
        peer = await self.connect()
        await peer.hello()
        await peer.envelope(*recipients)
        return peer


def accepts(address: str) -> Rcpt:
    """What the desk of these tests calls its own: `desk@example.org` and `desk+…`."""
    local, _, domain = address.lower().rpartition("@")
    if domain != "example.org":
        return Rcpt.OURS if address.lower() == "postmaster" else Rcpt.FOREIGN
    return Rcpt.OURS if local.partition("+")[0] in ("desk", "büro") else Rcpt.UNKNOWN


async def eventually(condition: Callable[[], bool]) -> None:
    """Waits until the condition holds; fails after the common patience."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
