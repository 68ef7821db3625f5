"""How do commands and replies cross one connection to the relay, bounded in time and in octets?

Knows lines, replies and TLS; what a reply means for a letter is smtp_out's question. The peer is not trusted: a reply that is endless,
no reply at all, or octets that nobody asked for make the connection useless, and cost neither memory nor more time than was given.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import cast

from msgspec import Struct

from mailgate.desk.errors import Temporary

# RFC 5321 4.5.3.1.5 allows 512 octets a line; whole EHLO replies of 2 KB have been seen.
REPLY_OCTETS = 32_768
# What may lie unread: three pipelined replies and then some.
UNREAD_OCTETS = 65_536
# How much of a reply anybody wants to read in a log.
TEXT_CHARACTERS = 500


class Broken(Temporary):
    """The connection is of no use any more. `stage` is the SMTP verb whose reply was awaited."""

    code = "relay-broken"

    def __init__(self, stage: str, why: str) -> None:
        super().__init__(why)
        self.stage = stage


class Reply(Struct, frozen=True):
    """One reply of RFC 5321 4.2: the code and the text of each line, printable characters only."""

    code: int
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.code} {' '.join(self.lines)}".rstrip()[:TEXT_CHARACTERS]


class Wire(asyncio.Protocol):
    """One connection to a relay. One task uses it at a time; every wait names its stage and the loop time by which it ends.

    A protocol of its own and no StreamReader, because what lies unread must be known at two moments: before TLS starts (octets that came
    in plain text must not be taken for the relay's, RFC 3207 section 6), and before a kept connection is used again (a relay that got
    tired of us says 421 unasked).
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._unread = bytearray()
        self._paused = False
        self._trouble = ""
        self._waiter: asyncio.Future[None] | None = None
        # The end of the wait under way, and the timer that looks at it. One timer serves many waits, because nearly
        # all of them are over long before their end.
        self._by = 0.0
        self._alarm: asyncio.TimerHandle | None = None

    # What the event loop tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands, encrypted already where TLS is implicit."""
        self._adopt(cast(asyncio.Transport, transport))

    def data_received(self, data: bytes) -> None:
        """Octets came in; more than anybody may leave unread ends the connection."""
        room = UNREAD_OCTETS - len(self._unread)
        self._unread += data[:room]
        if len(data) > room:
            self.abort("the relay talks without end")
        self._wake()

    def eof_received(self) -> None:
        """The relay has said all; what lies unread may still be a reply."""
        self._trouble = self._trouble or "the relay closed the connection"
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._trouble = self._trouble or (f"connection lost: {exc}" if exc else "the relay closed the connection")
        if self._alarm is not None:
            self._alarm.cancel()
        self._wake()

    def pause_writing(self) -> None:
        """The kernel takes no more for now."""
        self._paused = True

    def resume_writing(self) -> None:
        """All that was sent is with the kernel."""
        self._paused = False
        self._wake()

    # What a dialogue does.

    @property
    def quiet(self) -> bool:
        """Whether the connection stands and the relay has said nothing that was not read."""
        return not self._trouble and not self._unread

    @property
    def own_address(self) -> str:
        """The address literal of our end (RFC 5321 4.1.3)."""
        address = str(self._transport.get_extra_info("sockname", ("127.0.0.1",))[0]) if self._transport else "127.0.0.1"
        return f"[IPv6:{address.partition('%')[0]}]" if ":" in address else f"[{address}]"

    def send(self, octets: bytes) -> None:
        """Hand octets over for sending. A connection that is gone shows at the next wait."""
        if self._transport is not None and not self._trouble:
            self._transport.write(octets)

    async def flush(self, stage: str, by: float) -> None:
        """Wait until all that was sent is with the kernel. Raises Broken."""
        while self._paused:
            await self._news(stage, by)

    async def reply(self, stage: str, by: float) -> Reply:
        """The next reply, however many lines it has. Raises Broken when there is none in time, or none that RFC 5321 4.2 knows."""
        code, lines, octets = 0, list[str](), 0
        while True:
            end = self._unread.find(b"\n") + 1
            if not end:
                await self._news(stage, by)
                continue
            line = bytes(self._unread[:end])
            del self._unread[:end]
            octets += end
            found, last, text = _read_line(line)
            if not found or (lines and found != code):
                raise Broken(stage, f"no SMTP reply: {text[:80]!r}")
            if octets > REPLY_OCTETS:
                raise Broken(stage, "the relay talks without end")
            code = found
            lines.append(text)
            if last:
                return Reply(code, tuple(lines))

    async def encrypt(self, context: ssl.SSLContext, host: str, by: float) -> None:
        """Start TLS on a connection in plain text, with the certificate checked against host. Raises Broken."""
        if self._transport is None or not self.quiet:
            raise Broken("STARTTLS", self._trouble or "octets in plain text after the reply to STARTTLS")
        try:
            async with asyncio.timeout_at(by):
                encrypted = await self._loop.start_tls(self._transport, self, context, server_hostname=host)
        except (OSError, ValueError) as error:
            raise Broken("STARTTLS", f"TLS: {str(error) or 'no handshake in time'}") from error
        if encrypted is None:
            raise Broken("STARTTLS", "the relay closed the connection")
        self._adopt(encrypted)

    def say_goodbye(self) -> None:
        """QUIT and close, without waiting for the answer: nothing depends on it."""
        self.send(b"QUIT\r\n")
        self._trouble = self._trouble or "closed"
        if self._transport is not None:
            self._transport.close()

    def abort(self, why: str = "closed") -> None:
        """Close at once; nothing more is sent, not even what is with the transport."""
        self._trouble = self._trouble or why
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    def _adopt(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        # A flush shall mean that what was sent is with the kernel (but for one buffer below TLS), so that a deadline looked at after it is
        # looked at just before what follows. Not 0: asyncio's TLS would then pause at an empty buffer and never resume.
        transport.set_write_buffer_limits(high=1, low=0)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _news(self, stage: str, by: float) -> None:
        """Sleep until something happens on the connection. Raises Broken when it ended, or nothing happens in time."""
        if self._trouble:
            raise Broken(stage, self._trouble)
        self._waiter, self._by = self._loop.create_future(), by
        if self._alarm is None or self._alarm.when() > by:
            self._set_alarm()
        try:
            await self._waiter
        except TimeoutError:
            raise Broken(stage, "no answer in time") from None
        finally:
            self._waiter = None

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_at(self._by, self._ring)

    def _ring(self) -> None:
        """The end of some wait has come: of this one, of an earlier one that was over in time, or of none."""
        self._alarm = None
        if self._waiter is None or self._waiter.done():
            return
        if self._by > self._loop.time():
            self._set_alarm()
        else:
            self._waiter.set_exception(TimeoutError())


def _read_line(line: bytes) -> tuple[int, bool, str]:
    """Code (0 where this is no reply line), whether it is the last line, and the printable text of one line of a reply."""
    digits, mark = line[:3], line[3:4]
    if not (digits.isdigit() and b"2" <= digits[:1] <= b"5" and mark in (b" ", b"-", b"\r", b"\n")):
        return 0, True, line.decode("utf-8", "replace").strip()
    text = line[4:].decode("utf-8", "replace").strip()
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return int(digits), mark != b"-", text
