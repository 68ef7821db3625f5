"""How do IMAP commands and responses cross one connection, bounded in time and in octets? What a response means is not asked here.

aioimaplib's protocol and commands, with its weak places replaced: it parses by recursion (some thousand short lines in one read end it),
tells nobody that a connection is gone, knows no STARTTLS, answers no refused XOAUTH2, and logs mails. One command is under way at a time.
A connection on which anything went wrong is of no use any more: it is aborted, and every wait on it ends at once with Lost.
"""

from __future__ import annotations

import asyncio
import base64
import io
import re
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import cast

from aioimaplib.aioimaplib import Command, IMAP4ClientProtocol
from msgspec import Struct

from mailgate.desk.errors import Temporary

# The UIDs of a folder of a million mails come in one line.
_LONGEST_LINE = 16_000_000
# What all responses to one command may have, beside the literals that it asked for.
_MOST_UNASKED = 32_000_000
# How much of a server's words anybody wants to read in a log.
_TEXT = 200
_LITERAL = re.compile(rb"\{(\d{1,12})\}$")

# A response without `* ` and line end: lines and, between them, literals.
Response = list[bytes]


class Lost(Temporary):
    """The connection is of no use any more."""

    code = "imap-lost"


class Refused(Temporary):
    """The server said NO or BAD to a command."""

    code = "imap-refused"


class Answer(Struct, frozen=True):
    """What the server said to a command that it carried out: the text after OK, and the untagged responses before it."""

    text: str
    responses: Sequence[Response]


class Wire(IMAP4ClientProtocol):  # type: ignore[misc]
    """One connection. One task uses it; whatever ends it ends the wait of that task as well."""

    def __init__(self) -> None:
        super().__init__(asyncio.get_running_loop())
        self._buffer = bytearray()
        self._searched = 0
        self._response: Response = []
        # Gives its octets away without a copy: a mail is in memory once.
        self._literal = io.BytesIO()
        self._missing = 0
        self._heard: list[Response] = []
        self._octets = 0
        # When the server said anything, by the clock of the event loop.
        self._spoke = self.loop.time()
        self._most = _MOST_UNASKED
        self._pending: Command | None = None
        self._trouble = ""
        # What the server may ask for with `+`: the rest of a login, say.
        self._rest: list[bytes] = []
        # Set by whatever the task waits for: the greeting, `+`, a tagged response, news in IDLE, the end.
        self._news = asyncio.Event()
        self._greeting = b""
        self._going_on = False
        self._done: tuple[bytes, bytes] | None = None

    # What the event loop tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands, encrypted already where TLS is implicit."""
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self.abort(f"connection lost: {exc}" if exc else "the server closed the connection")

    def eof_received(self) -> None:
        """The server will say nothing more."""
        self.abort("the server closed the connection")

    def data_received(self, d: bytes) -> None:
        """Octets came in: taken apart one after the other, never by recursion, and never logged."""
        if self._trouble:
            return
        self._octets += len(d)
        self._spoke = self.loop.time()
        if self._octets > self._most:
            self.abort("the server talks without end")
            return
        self._buffer += d
        try:
            while self._next():
                pass
        except ValueError as error:
            self.abort(f"no IMAP: {error}")

    # What a dialogue does.

    async def greeted(self, seconds: float) -> None:
        """Waits for the greeting. Raises Lost where there is none, or none that asks for a login."""
        await self._until(lambda: bool(self._greeting), seconds)
        if not self._greeting.upper().startswith(b"OK"):
            # BYE; or PREAUTH, which would leave us without TLS and in whosever mailbox.
            self.abort(f"greeting: {shown(self._greeting)}")
            raise Lost(self._trouble)

    async def ask(
        self, name: str, *arguments: str, uid: bool = False, seconds: float, silence: float | None = None, most: int = 0,
        rest: Sequence[bytes] = (),
    ) -> Answer:  # fmt: skip
        """Runs one command and gives what the server said. `most` is how many octets of literals it asked for; `rest` are the lines that
        the server may ask for with `+`; `silence` is how long it may say nothing while an answer that takes many seconds comes.

        Raises Lost where it does not end in time, Refused where the server says no, ValueError for control characters in an argument.
        """
        self.send_command(name, *arguments, uid=uid, most=most, rest=rest)
        return await self.answer(seconds, silence)

    def send_command(self, name: str, *arguments: str, uid: bool = False, most: int = 0, rest: Sequence[bytes] = ()) -> None:
        """The first half of `ask`."""
        if self._trouble:
            raise Lost(self._trouble)
        self._pending = Command(name, self.new_tag(), *arguments, prefix="UID" if uid else None, loop=self.loop)
        self._heard, self._octets, self._most = [], 0, _MOST_UNASKED + most
        self._rest, self._going_on, self._done = list(rest), False, None
        self._spoke = self.loop.time()
        self.transport.write(f"{self._pending}\r\n".encode())

    async def answer(self, seconds: float, silence: float | None = None) -> Answer:
        """The second half of `ask`."""
        await self._until(lambda: self._done is not None, seconds, silence)
        result, text = self._done or (b"", b"")
        name, self._pending = self._pending.name if self._pending else "", None
        # What was heard is the caller's alone: a mail is gone when he has done with it.
        heard, self._heard = self._heard, []
        if result != b"OK":
            raise Refused(f"{name}: {shown(result + b' ' + text)}")
        return Answer(text.decode("utf-8", "replace"), heard)

    async def idle(self, seconds: float, patience: float) -> bool:
        """IDLE (RFC 2177) for so long at most; True as soon as the server tells of a mail. Its other waits take `patience` seconds at most.

        That the server still answers is asked at the end of each: a connection that is only half there is noticed then.
        """
        self.send_command("IDLE")
        await self._until(lambda: self._going_on or self._done is not None, patience)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._until(lambda: self._done is not None or _mail_told(self._heard), seconds + patience)
        told = _mail_told(self._heard)
        if self._done is None:
            self.transport.write(b"DONE\r\n")
        await self.answer(patience)
        return told

    async def encrypt(self, context: ssl.SSLContext, host: str, seconds: float) -> None:
        """STARTTLS; the certificate is checked against host. Raises Lost, Refused."""
        await self.ask("STARTTLS", seconds=seconds)
        if self._buffer or self._response:
            # RFC 3501 11.1: what came in the clear after the reply is not the server's.
            self.abort("octets in plain text after the reply to STARTTLS")
            raise Lost(self._trouble)
        try:
            async with asyncio.timeout(seconds):
                encrypted = await self.loop.start_tls(self.transport, self, context, server_hostname=host)
        except (OSError, ValueError) as error:
            self.abort(f"TLS: {str(error) or 'no handshake in time'}")
        else:
            if encrypted is not None:
                self.transport = encrypted
                return
        raise Lost(self._trouble or "the server closed the connection")

    def abort(self, why: str = "closed") -> None:
        """Ends the connection at once."""
        self._trouble = self._trouble or why
        if self.transport is not None:
            self.transport.abort()
        self._news.set()

    async def _until(self, true: Callable[[], bool], seconds: float, silence: float | None = None) -> None:
        """Waits until it holds. Raises Lost where the connection ends before, or the time does: then it is ended."""
        try:
            async with asyncio.timeout(seconds):
                while not true():
                    if self._trouble:
                        raise Lost(self._trouble)
                    self._news.clear()
                    await self._told(silence)
        except TimeoutError:
            if not self._trouble:
                waited = min(seconds, silence or seconds)
                self.abort(f"no answer within {waited:g} s" + (f" to {self._pending.name}" if self._pending else ""))
            raise Lost(self._trouble) from None

    async def _told(self, silence: float | None) -> None:
        """Waits for news. Raises TimeoutError where the server says nothing at all for so long, not even a piece of a mail."""
        while True:
            try:
                async with asyncio.timeout_at(None if silence is None else self._spoke + silence):
                    await self._news.wait()
                return
            except TimeoutError:
                if silence is None or self.loop.time() >= self._spoke + silence:
                    raise

    # How octets become responses.

    def _next(self) -> bool:
        """Takes the next literal or line off the buffer; False where it is not whole yet. Raises ValueError."""
        if self._missing:
            piece = self._buffer[: self._missing]
            self._literal.write(piece)
            del self._buffer[: len(piece)]
            self._missing -= len(piece)
            if not self._missing:
                self._response.append(self._literal.getvalue())
                self._literal = io.BytesIO()
            return bool(self._buffer) and not self._missing
        end = self._buffer.find(b"\r\n", max(self._searched - 1, 0))
        if end < 0:
            self._searched = len(self._buffer)
            if self._searched > _LONGEST_LINE:
                raise ValueError("a line without end")
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        self._searched = 0
        self._take(line)
        return True

    def _take(self, line: bytes) -> None:
        self._response.append(line)
        literal = _LITERAL.search(line)
        if literal:
            self._missing = int(literal[1])
            if self._missing > self._most:
                raise ValueError(f"a literal of {self._missing} octets")
            if not self._missing:
                self._response.append(b"")
            return
        response, self._response = self._response, []
        self._dispatch(response)
        self._news.set()

    def _dispatch(self, response: Response) -> None:
        first = response[0]
        if first.startswith(b"* "):
            response[0] = first[2:]
            if not self._greeting:
                self._greeting = response[0]
            elif response[0][:4].upper() == b"BYE " and (self._pending is None or self._pending.name != "LOGOUT"):
                raise ValueError(shown(response[0]))
            else:
                self._heard.append(response)
        elif first.startswith(b"+"):
            self._continue()
        elif self._pending is not None and first.startswith(self._pending.tag.encode() + b" "):
            result, _, text = first[len(self._pending.tag) + 1 :].partition(b" ")
            self._done = result.upper(), text
        elif first:
            raise ValueError(shown(first))

    def _continue(self) -> None:
        """The server asks for more. Where we have nothing more to say, as to the reasons of a refused XOAUTH2, an empty line says so."""
        self._going_on = True
        if self._pending is not None and self._pending.name == "AUTHENTICATE":
            self.transport.write((self._rest.pop(0) if self._rest else b"") + b"\r\n")


def mailbox(name: str) -> str:
    """A folder's name as a command carries it: modified UTF-7 (RFC 3501 5.1.3) in quotes."""
    coded, plain = [], True
    for run in re.findall(r"[ -~]+|[^ -~]+", name):
        plain = " " <= run[0] <= "~"
        coded.append(run.replace("&", "&-") if plain else _base64(run))
    return quoted("".join(coded))


def quoted(text: str) -> str:
    """A quoted string (RFC 3501 4.3)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def shown(said: bytes) -> str:
    """A server's words as a log may have them: printable, and not too many."""
    return "".join(one if " " <= one <= "~" else "?" for one in said[:_TEXT].decode("latin-1"))


def _base64(run: str) -> str:
    coded = base64.b64encode(run.encode("utf-16-be")).rstrip(b"=").replace(b"/", b",")
    return f"&{coded.decode()}-"


def _mail_told(heard: Sequence[Response]) -> bool:
    return any(one[0].upper().endswith((b" EXISTS", b" RECENT")) for one in heard)
