"""How is one SMTP or LMTP dialogue held? aiosmtpd's grammar and STARTTLS, with a loop, a DATA command and replies of our own.

What aiosmtpd 1.4.6 does otherwise, and why it is replaced here: it answers an exception with "500", its text and its line breaks; it
refuses a mail with a line of more than 1,001 octets for good; a half-close cancels the handler in the middle of a commit; one timer of
300 s spans the transfer and the commit; it reads a mail line by line; MAIL and RCPT go through several
coroutines and hooks. Decides nothing: that is what `smtp_door` does.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Iterable
from typing import Any, cast

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, TLSSetupException, syntax

from mailgate.channels.smtp_door import NO_SPACE, NOT_READY, OUR_FAULT, Door, Transaction, peer_of
from mailgate.channels.smtp_inflow import Gone, Inflow
from mailgate.channels.smtp_limits import Loan
from mailgate.channels.smtp_wire import END_OF_DATA, misfit, parameters, path, reply, unstuffed
from mailgate.flow.seam import crash_point

log = logging.getLogger(__name__)

# aiosmtpd writes commands into its log, and the addresses in them are tokens. Every fact worth a line is logged elsewhere.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)

# RFC 5321 4.5.3.1.4 says 512 for a command; SIZE, SMTPUTF8 and long sender addresses come on top.
_LONGEST_COMMAND = 1_024

# A line that has no end after so many octets is no command: its peer is shown out.
_LONGEST_LINE = 2**16

# A peer that does not declare the size of its mail borrows so much memory to begin with.
_FIRST_LOAN = 2**16

# The only commands that can bring a mail forward, and what one that nobody knows counts: five of them end the session.
_FORWARD = frozenset({"MAIL", "RCPT", "DATA"})
_UNKNOWN_WEIGHT = 20


class Dialogue(SMTP):
    """One connection. All waiting for the peer has a deadline, which the listener watches; waiting for our own commit has none here."""

    protocol_name = "ESMTP"

    transport: asyncio.Transport | None

    def __init__(self, door: Door, **options: Any) -> None:
        self.door = door
        self.peer = ""
        self.deadline = math.inf
        # Past the final dot: the mail is ours, its sender waits for the commit.
        self.committing = False
        self.submits = False
        self._fruitless = 0
        self._refused = False
        self._inflow = Inflow(options["loop"])
        super().__init__(self, data_size_limit=door.settings.max_size, enable_SMTPUTF8=True, **options)

    def __dir__(self) -> Iterable[str]:
        """Where aiosmtpd finds commands. It asks each new session anew, and a full search costs 0.2 ms a connection."""
        return _COMMANDS[type(self)]

    # The life of a connection.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A peer has come, or (a second call) has finished STARTTLS, after which aiosmtpd forgets all that was said in the clear."""
        # That uvloop's transports are no subclass is the reason for a cast.
        transport = cast(asyncio.Transport, transport)
        self._inflow.adopt(transport)
        if self._original_transport is not None:
            super().connection_made(transport)
            return
        self.peer = peer_of(transport.get_extra_info("peername"))
        if refusal := self.door.greet(self.peer):
            transport.write(reply(refusal) + b"\r\n")
            transport.close()
            return
        self.submits = self.door.submits(self.peer)
        super().connection_made(transport)
        self.door.enter(self)
        self.task.add_done_callback(lambda _: self.door.leave(self))

    def data_received(self, data: bytes) -> None:
        """The peer has said something; the dialogue takes it when it comes to it."""
        self._inflow.feed(data)

    def connection_lost(self, error: Exception | None) -> None:
        """The peer is gone: ends the dialogue. A commit that it waits for goes on."""
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        if self._original_transport is not None:
            self._original_transport.close()
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()
        self.transport = None

    def eof_received(self) -> bool:
        """The peer will say no more but may still listen: what it has sent is answered first. TLS knows no such half-close."""
        self._inflow.end()
        return self.transport is not None and not self._encrypted

    @property
    def task(self) -> asyncio.Task[None]:
        """Runs as long as the session."""
        assert self._handler_coroutine is not None
        return self._handler_coroutine

    def show_out(self, status: str) -> None:
        """Says 421 and closes; a second call cuts off a peer that does not even read that."""
        if self.transport is None:
            return
        if self.transport.is_closing():
            self.transport.abort()
            return
        self.transport.write(reply(status) + b"\r\n")
        self.transport.close()
        self.deadline = self.loop.time() + self.door.limits.tick

    # One command after the other.

    async def _handle_client(self) -> None:
        """Greets, then obeys until one side has had enough."""
        try:
            await self._send(f"220 {self.hostname} {self.protocol_name} mailgate\r\n".encode("ascii"))
            while self.transport is not None and not self.transport.is_closing():
                await self._obey(await self._command_line())
                if self.door.closing:
                    self.show_out(NOT_READY)
        except (Gone, TLSSetupException):
            pass
        finally:
            if self.transport is not None:
                self.transport.close()

    async def _command_line(self) -> bytes:
        self._reset_timeout()
        octets, searched = self._inflow.octets, 0
        while not (end := octets.find(b"\n", searched) + 1):
            searched = len(octets)
            if searched > _LONGEST_LINE:
                self.show_out("500 5.5.2 Line too long")
                raise Gone
            await self._inflow.more()
        line = bytes(octets[:end])
        del octets[:end]
        return line

    async def _obey(self, line: bytes) -> None:
        """Runs one command and counts it against the session unless it brought a mail forward."""
        word, _, argument = line.strip().partition(b" ")
        verb = word.decode("ascii", "replace").upper()
        command = self._smtp_methods.get(verb)
        self._refused = False
        try:
            if len(line) > _LONGEST_COMMAND:
                await self.push("500 5.5.2 Line too long")
            elif command is None:
                await self.push("500 5.5.1 Unknown command")
            else:
                await command(argument.strip().decode("utf-8", "surrogateescape") or None)
        except (Gone, TLSSetupException):
            raise
        except Exception:
            log.exception("smtp: %s from %s failed", verb[:10], self.peer)
            self._set_post_data_state()
            await self.push(OUR_FAULT)
            # What is left of a mail must never be read as commands.
            if verb == "DATA":
                raise Gone from None
        if self._refused or verb not in _FORWARD:
            self._fruitless += 1 if command else _UNKNOWN_WEIGHT
        if self._fruitless >= self.door.limits.fruitless:
            self.show_out("421 4.7.0 Too many commands without a mail")

    async def push(self, status: str | bytes) -> None:
        """Sends one reply line: the only way out for every text of aiosmtpd and of the door. A 421 closes."""
        line = reply(status if isinstance(status, str) else status.decode("ascii", "replace"))
        self._refused = line[:1] in (b"4", b"5")
        await self._send(line + b"\r\n")
        if line.startswith(b"421") and self.transport is not None:
            self.transport.close()

    async def _send(self, octets: bytes) -> None:
        """Writes, and waits where the peer does not read. One `write` a reply is one call of the system."""
        if self.transport is None:
            raise Gone
        self.transport.write(octets)
        if self.transport.get_write_buffer_size():
            try:
                await self._writer.drain()
            except OSError:
                raise Gone from None

    def _reset_timeout(self, duration: float | None = None) -> None:
        """The hook for aiosmtpd's timer, without a timer: a deadline that the listener looks at now and then."""
        self.deadline = self.loop.time() + (duration or self.door.limits.idle)

    @property
    def _encrypted(self) -> bool:
        return self.transport is not None and self.transport.get_extra_info("sslcontext") is not None

    def _set_post_data_state(self) -> None:
        self.envelope = self._mail = Transaction()

    # The commands that differ from aiosmtpd's.

    @syntax("HELO hostname")
    async def smtp_HELO(self, hostname: str | None) -> None:
        """The old greeting. Its reply and that to EHLO carry no enhanced code (RFC 2034 section 4)."""
        await self._greeted(hostname, extended=False)

    @syntax("EHLO hostname")
    async def smtp_EHLO(self, hostname: str | None) -> None:
        """Offers what is kept: aiosmtpd knows neither PIPELINING nor enhanced codes, and would offer AUTH to everybody under TLS."""
        await self._greeted(hostname, extended=True)

    async def _greeted(self, hostname: str | None, extended: bool) -> None:
        if not hostname:
            await self.push("501 5.5.4 Say who you are")
            return
        self._set_post_data_state()
        assert self.session is not None
        self.session.host_name = hostname
        self.session.extended_smtp = extended
        lines = [self.hostname]
        if extended:
            lines += ["PIPELINING", f"SIZE {self.data_size_limit}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
        if extended and self.tls_context and not self._encrypted:
            lines.append("STARTTLS")
        text = "".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}\r\n"
        await self._send(text.encode("ascii"))

    @syntax("STARTTLS", when="tls_context")
    async def smtp_STARTTLS(self, arg: str | None) -> None:
        """TLS inside TLS is what aiosmtpd would do at a second one."""
        if self._encrypted:
            await self.push("503 5.5.1 Encrypted already")
        else:
            await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, _arg: str | None) -> None:
        """There are no users."""
        await self.push("502 5.5.1 AUTH not implemented")

    @syntax("VRFY <address>")
    async def smtp_VRFY(self, _arg: str | None) -> None:
        """The same for every address (RFC 5321 3.5.3)."""
        await self.push("252 2.1.5 Send some mail and see")

    @syntax("MAIL FROM: <address>", extended=" [SP <mail-parameters>]")
    async def smtp_MAIL(self, arg: str | None) -> None:
        """Begins a mail (RFC 5321 4.1.1.2)."""
        await self.push(self._sender(arg))

    @syntax("RCPT TO: <address>", extended=" [SP <mail-parameters>]")
    async def smtp_RCPT(self, arg: str | None) -> None:
        """Names one more recipient (RFC 5321 4.1.1.3)."""
        await self.push(self._recipient(arg))

    def _sender(self, arg: str | None) -> str:
        given = self._path("MAIL FROM:", arg)
        if isinstance(given, str):
            return given
        address, found = given
        if self._mail.mail_from:
            return "503 5.5.1 One mail at a time"
        return misfit(found, self.door.settings.max_size) or self.door.sender(self._mail, address, int(found.get("SIZE", 0)))

    def _recipient(self, arg: str | None) -> str:
        given = self._path("RCPT TO:", arg)
        if isinstance(given, str):
            return given
        address, found = given
        if not self._mail.mail_from:
            return "503 5.5.1 No sender yet"
        return "555 5.5.4 No parameters are known here" if found else self.door.recipient(self._mail, address)

    def _path(self, command: str, arg: str | None) -> tuple[str, dict[str, str]] | str:
        """The address behind a command and its parameters, or the reply to a command that comes too early or is malformed."""
        if self.session is None or not self.session.host_name:
            return "503 5.5.1 Say who you are first"
        keyword = command.partition(" ")[2]
        if arg is None or arg[: len(keyword)].upper() != keyword:
            return f"501 5.5.4 Syntax: {command}<address>"
        found = path(arg[len(keyword) :].strip())
        if found is None:
            return "553 5.1.3 Malformed address"
        known = parameters(found[1])
        if known is None or (known and not self.session.extended_smtp):
            return f"501 5.5.4 Syntax: {command}<address>"
        return found[0], known

    @syntax("DATA")
    async def smtp_DATA(self, arg: str | None) -> None:
        """Takes one mail in, within the memory that all sessions share, and answers when it is durable or refused."""
        mail = self._mail
        if arg:
            await self.push("501 5.5.4 DATA takes no argument")
            return
        if not mail.rcpt_tos:
            await self.push("503 5.5.1 No recipient yet")
            return
        self.deadline = math.inf
        loan = await self.door.memory.borrow(max(mail.declared, _FIRST_LOAN), self.door.limits.memory_wait)
        self._reset_timeout()
        if loan is None:
            await self.push(NO_SPACE)
            return
        with loan:
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            answer = await self._take_mail(mail, loan)
        self._set_post_data_state()
        for _ in range(self._answers(mail)):
            await self.push(answer)
        crash_point("CP07-replied")
        if not self._refused:
            self._fruitless = 0

    def _answers(self, mail: Transaction) -> int:
        """How many replies follow the final dot."""
        return 1

    async def _take_mail(self, mail: Transaction, loan: Loan) -> str:
        """Reads the mail, hands it on, and gives the reply."""
        raw = await self._read_mail(loan)
        if isinstance(raw, str):
            return raw
        self.committing, self.deadline = True, math.inf
        try:
            return await self.door.take(raw, mail, self, loan)
        finally:
            self.committing = False
            self._reset_timeout()

    async def _read_mail(self, loan: Loan) -> bytes | str:
        """All octets up to the final dot, dots and line ends put right; or the reply for a mail that we cannot hold.

        A mail that is refused is read to its end, without being kept, and earns its peer no more time.
        """
        octets, refusal, known, searched = self._inflow.octets, "", 2, 0
        # The CRLF of the command itself stands before the mail, whose first line is like any other then.
        octets[:0] = b"\r\n"
        while (end := octets.find(END_OF_DATA, searched)) < 0:
            refusal = refusal or self._too_much(len(octets), loan)
            if refusal:
                del octets[: 1 - len(END_OF_DATA)]
            else:
                self._earn(len(octets) - known, loan)
            known, searched = len(octets), max(0, len(octets) - len(END_OF_DATA) + 1)
            await self._inflow.more()
            crash_point("CP01-mid-data")
        refusal = refusal or self._too_much(end, loan)
        # What was sent behind the dot are the next commands.
        behind = octets[end + len(END_OF_DATA) :]
        del octets[end + 2 :]
        raw = b"" if refusal else unstuffed(octets)
        octets[:] = behind
        return refusal or raw

    def _too_much(self, octets: int, loan: Loan) -> str:
        if octets > self.door.settings.max_size:
            return "552 5.3.4 Too big"
        return "" if loan.covers(octets) else NO_SPACE

    def _earn(self, octets: int, loan: Loan) -> None:
        """Octets buy their peer time, at the least rate that we put up with, and never more than one full wait."""
        limits = self.door.limits
        rate = max(limits.rate, loan.octets / limits.transfer)
        self.deadline = min(self.loop.time() + limits.idle, self.deadline + octets / rate)


class LmtpDialogue(LMTP, Dialogue):
    """The same over LMTP (RFC 2033): LHLO instead of EHLO, and after the mail one reply for each recipient."""

    protocol_name = "LMTP"

    def _answers(self, mail: Transaction) -> int:
        return len(mail.rcpt_tos)


# Looked up once for each class; see `Dialogue.__dir__`.
_COMMANDS = {kind: tuple(name for name in dir(kind) if name.startswith("smtp_")) for kind in (Dialogue, LmtpDialogue)}
