"""How does a connection to the relay become one that takes letters: found, greeted, encrypted, logged in?

Ends where the first MAIL may be said. Plain text is never a fallback: with `starttls` or `implicit` there is TLS with a verified
certificate, or there is no session. Says nothing about letters; those are smtp_out's.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from msgspec import Struct

from mailgate.channels.relay_wire import Broken, Reply, Wire
from mailgate.desk.errors import Temporary
from mailgate.flow.delivery import Result

# The stages before the first MAIL: trouble at one of them is the same trouble for every letter.
OPENING = frozenset({"connect", "greeting", "EHLO", "STARTTLS", "AUTH"})
# Bad sequence of commands and authentication required (RFC 5321 4.2.3, RFC 4954 6) speak about us wherever they come, never about a letter.
_ABOUT_US = frozenset({503, 530})
# A name with many addresses shall not eat the whole dialogue.
_ADDRESSES = 4


@dataclass(frozen=True, slots=True)
class Relay:
    """Where letters go: to a relay, or where no host is named, into the Maildir `directory`. `none` is plain text, never a fallback.

    `password` gives that of the moment.
    """

    host: str = ""
    port: int = 25
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    user: str = ""
    password: Callable[[], str] = field(default=str, repr=False)
    directory: Path = Path("var/outbound")


class Patience(Struct, frozen=True):
    """How many seconds each wait may take. RFC 5321 4.5.3.2 allows more, but a letter's lease ends, and `dialogue` must end before it."""

    # One address of the relay, TLS included where it is implicit.
    connect: float = 15
    # Each reply up to the one to DATA, and the TLS handshake.
    reply: float = 45
    # Each 64 KB of the letter.
    chunk: float = 60
    # The reply after the final dot, before which the relay may run its filters.
    dot: float = 150
    # One letter, from the first packet of its connection to the last reply.
    dialogue: float = 240
    # A kept connection without letters.
    idle: float = 60


class Refused(Temporary):
    """The relay said no before it heard of any letter. `result` is what this means for each of them, the text is the relay's or ours."""

    code = "relay-refuses"

    def __init__(self, stage: str, result: Result, why: str) -> None:
        super().__init__(why)
        self.stage = stage
        self.result = result


class Session(Struct, frozen=True):
    """A connection that takes letters, and what the relay offers on it: EHLO keywords in capitals with their parameters."""

    wire: Wire
    offers: Mapping[str, str]


def judge(stage: str, reply: Reply) -> Result:
    """What a reply that is not the one hoped for means.

    Raises Broken on a positive code where another was due: then the relay and we no longer talk about the same command.
    """
    if reply.code < 400:
        raise Broken(stage, f"reply out of place: {reply}")
    if reply.code < 500:
        return Result.RETRY
    # RFC 1870 6.1: with SIZE declared, 552 is the answer to MAIL already.
    if reply.code == 552 and stage in ("MAIL", "DATA", "dot"):
        return Result.TOO_BIG
    if stage in OPENING or stage == "MAIL" or reply.code in _ABOUT_US:
        return Result.OURS
    return Result.REFUSED if stage == "RCPT" else Result.FAILED


async def open_session(relay: Relay, patience: Patience, trust: ssl.SSLContext, end: float) -> Session:
    """A session with the relay: connected, encrypted as configured, logged in where a user is configured, all before the loop time `end`.

    Raises Broken and Refused; nothing stays open then.
    """
    wire = await _connect(relay, patience, trust, end)
    try:
        opening = _Opening(wire, patience, end)
        await opening.ask("greeting", None)
        offers = await opening.hello()
        if relay.tls == "starttls":
            offers = await opening.encrypt(offers, trust, relay.host)
        if relay.user:
            await opening.log_in(offers, relay)
    except BaseException:
        wire.abort()
        raise
    return Session(wire, offers)


async def _connect(relay: Relay, patience: Patience, trust: ssl.SSLContext, end: float) -> Wire:
    """A connection to the first address of the relay that takes one.

    Each address has its own time, so that a dead route over IPv6 does not hide a living one over IPv4. Raises Broken.
    """
    loop = asyncio.get_running_loop()
    context, name = (trust, relay.host) if relay.tls == "implicit" else (None, None)
    why = "the name has no address"
    try:
        async with asyncio.timeout_at(min(loop.time() + patience.connect, end)):
            found = await loop.getaddrinfo(relay.host, relay.port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise Broken("connect", f"{relay.host}: {str(error) or 'no answer of the name service in time'}") from error
    for *_, address in found[:_ADDRESSES]:
        try:
            async with asyncio.timeout_at(min(loop.time() + patience.connect, end)):
                _, wire = await loop.create_connection(Wire, str(address[0]), relay.port, ssl=context, server_hostname=name)
        except (OSError, ValueError) as error:
            why = str(error) or "no connection in time"
        else:
            return wire
    raise Broken("connect", f"{relay.host}:{relay.port}: {why}")


class _Opening(Struct, frozen=True):
    """The commands between the greeting and the first MAIL."""

    wire: Wire
    patience: Patience
    end: float

    async def ask(self, stage: str, line: bytes | None, wanted: int = 2) -> Reply:
        """Send a line (None: just listen) and take the reply. Raises Broken, and Refused where it is not of the wanted hundred."""
        if line is not None:
            self.wire.send(line + b"\r\n")
        reply = await self.wire.reply(stage, self.by())
        if reply.code // 100 != wanted:
            raise Refused(stage, judge(stage, reply), str(reply))
        return reply

    async def hello(self) -> Mapping[str, str]:
        """EHLO; what the relay offers (RFC 5321 4.1.1.1)."""
        reply = await self.ask("EHLO", b"EHLO " + _own_name(self.wire).encode("ascii"))
        words = (line.partition(" ") for line in reply.lines[1:])
        return {keyword.upper(): parameters for keyword, _, parameters in words}

    async def encrypt(self, offers: Mapping[str, str], trust: ssl.SSLContext, host: str) -> Mapping[str, str]:
        """STARTTLS, and what the relay offers once nobody else can speak for it (RFC 3207 4.2)."""
        if "STARTTLS" not in offers:
            raise Refused("STARTTLS", Result.OURS, "the relay offers no STARTTLS, and nothing is sent in plain text")
        await self.ask("STARTTLS", b"STARTTLS")
        await self.wire.encrypt(trust, host, self.by())
        return await self.hello()

    async def log_in(self, offers: Mapping[str, str], relay: Relay) -> None:
        """AUTH by PLAIN (RFC 4616), else by LOGIN, which is all that some offer."""
        mechanisms = offers.get("AUTH", "").upper().split()
        if "PLAIN" in mechanisms:
            await self.ask("AUTH", b"AUTH PLAIN " + _base64(f"\0{relay.user}\0{relay.password()}"))
        elif "LOGIN" in mechanisms:
            await self.ask("AUTH", b"AUTH LOGIN", wanted=3)
            await self.ask("AUTH", _base64(relay.user), wanted=3)
            await self.ask("AUTH", _base64(relay.password()))
        else:
            raise Refused("AUTH", Result.OURS, "a user is configured, but the relay offers neither AUTH PLAIN nor AUTH LOGIN")

    def by(self) -> float:
        """The loop time at which the next wait ends."""
        return min(asyncio.get_running_loop().time() + self.patience.reply, self.end)


def _own_name(wire: Wire) -> str:
    """How we introduce ourselves: the host's name where it is a full one, else the address of our end (RFC 5321 4.1.4)."""
    name = socket.gethostname()
    full = "." in name and name.isascii() and name.replace(".", "").replace("-", "").isalnum()
    return name if full else wire.own_address


def _base64(text: str) -> bytes:
    return base64.b64encode(text.encode("utf-8"))
