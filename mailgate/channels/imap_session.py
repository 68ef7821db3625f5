"""What can be asked of one IMAP server over one connection? Log in, select, find, fetch, flag, move: values in, values out (RFC 3501).

What is to be fetched and when is imap_in's question. The server is not trusted: it may say anything, at any length, about any mail.
"""

from __future__ import annotations

import asyncio
import base64
import re
import socket
import ssl
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from ipaddress import ip_address

from msgspec import Struct

from mailgate.channels.imap_wire import Lost, Refused, Response, Wire, mailbox, quoted
from mailgate.channels.oauth import Grant, xoauth2
from mailgate.desk.errors import Permanent
from mailgate.flow.seam import crash_point

# The keyword that says to a human, and to `audit --imap`, that a mail is safe with us.
DONE_KEYWORD = "$MailgateDone"
_NUMBER = rb"(\d{1,20})"
_UIDVALIDITY = re.compile(rb"\[UIDVALIDITY " + _NUMBER + rb"\]", re.IGNORECASE)
_UIDNEXT = re.compile(rb"\[UIDNEXT " + _NUMBER + rb"\]", re.IGNORECASE)
_PERMANENT = re.compile(rb"\[PERMANENTFLAGS \(([^)]{0,4000})\)\]", re.IGNORECASE)
_UID = re.compile(rb"[( ]UID " + _NUMBER, re.IGNORECASE)
_SIZE = re.compile(rb"[( ]RFC822\.SIZE " + _NUMBER, re.IGNORECASE)
_FETCH = re.compile(rb"\d{1,10} FETCH \(", re.IGNORECASE)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# A slow server gets a second for so many octets.
_SLOWEST = 50_000
# Seconds within which a server that is there answers the end of IDLE.
_STILL_THERE = 5.0
# FETCH responses bring a little more than the mails.
_AROUND = 100_000


@dataclass(frozen=True, slots=True)
class Server:
    """Where a mailbox is and who we are there. With `grant` we log in by XOAUTH2, without it by the password of that moment.

    `tls` is "implicit", "starttls" or "none".
    """

    host: str
    port: int
    tls: str
    user: str
    password: Callable[[], str] = field(default=str, repr=False)
    grant: Grant | None = None
    # Seconds for each answer that is no mail.
    patience: float = 20.0


class LoginRefused(Refused):
    """The server does not let us in."""

    code = "imap-login"


class Selected(Struct, frozen=True):
    """A folder as it was selected. `keywords`: it takes flags of our own; `next` is the UID that the next mail gets, 0 where untold."""

    uidvalidity: int
    next: int
    keywords: bool


class Session:
    """One connection, logged in. Every method raises Lost or Refused; after Lost the session is of no use any more."""

    def __init__(self, wire: Wire, server: Server, capabilities: frozenset[str]) -> None:
        self._wire, self._server, self._patience = wire, server, server.patience
        self.capabilities = capabilities
        self._keywords = False

    @property
    def moves(self) -> bool:
        """Whether the server can take just these mails out of a folder: by MOVE (RFC 6851), or by UID EXPUNGE (RFC 4315)."""
        return not self.capabilities.isdisjoint(("MOVE", "UIDPLUS"))

    async def select(self, folder: str, *, read_only: bool = False) -> Selected:
        """Opens a folder; `read_only` changes nothing in it."""
        answer = await self._wire.ask("EXAMINE" if read_only else "SELECT", mailbox(folder), seconds=self._patience)
        lines = [response[0] for response in answer.responses]
        validity = next((int(found[1]) for line in lines if (found := _UIDVALIDITY.search(line))), 0)
        if not validity:
            raise Refused(f"{folder}: the server gives no UIDVALIDITY, so that a mail cannot be told from others")
        following = next((int(found[1]) for line in lines if (found := _UIDNEXT.search(line))), 0)
        flags = next((found[1] for line in lines if (found := _PERMANENT.search(line))), b"")
        self._keywords = b"\\*" in flags.split() or DONE_KEYWORD.lower().encode() in flags.lower().split()
        return Selected(validity, following, self._keywords)

    async def uids(self, lowest: int, *criteria: str, highest: int | None = None) -> list[int]:
        """The UIDs from this one on, up to the highest, in order, of the mails that meet the criteria of SEARCH."""
        among = f"{lowest}:{highest or '*'}"
        answer = await self._wire.ask("SEARCH", "UID", among, *criteria, uid=True, seconds=3 * self._patience)
        found: set[int] = set()
        for response in answer.responses:
            word, _, numbers = response[0].partition(b" ")
            if word.upper() == b"SEARCH":
                found.update(int(one) for one in numbers.split() if one.isdigit())
        # `n:*` names the last mail even where its UID is below n.
        return sorted(uid for uid in found if lowest <= uid <= (highest or uid))

    async def still(self, uids: Collection[int]) -> list[int]:
        """Which of these mails are there still."""
        return [uid for uid in await self.uids(1, "UID", _set(uids)) if uid in uids]

    async def before(self, day: date) -> list[int]:
        """The UIDs of the mails that came into the mailbox before this day, as the server reckons days."""
        return await self.uids(1, "BEFORE", f"{day.day}-{_MONTHS[day.month - 1]}-{day.year}")

    async def flagged(self) -> list[int]:
        """The UIDs of the mails that bear our flag."""
        return await self.uids(1, "KEYWORD", DONE_KEYWORD) if self._keywords else []

    async def sizes(self, uids: Collection[int]) -> dict[int, int]:
        """The octets of these mails, by UID; those that are gone are missing."""
        answer = await self._wire.ask("FETCH", _set(uids), "(UID RFC822.SIZE)", uid=True, seconds=3 * self._patience)
        found = {}
        for line in (response[0] for response in _fetched(answer.responses)):
            uid, size = _UID.search(line), _SIZE.search(line)
            if uid and size and int(uid[1]) in uids:
                found[int(uid[1])] = int(size[1])
        return found

    async def fetch(self, wanted: Collection[int], octets: int) -> dict[int, bytes]:
        """These mails, by UID, which have so many octets together. None is marked as read (PEEK); those that are gone are missing."""
        answer = await self._wire.ask(
            "FETCH", _set(wanted), "(UID BODY.PEEK[])", uid=True, most=2 * octets + _AROUND,
            seconds=self._patience + octets / _SLOWEST, silence=self._patience,
        )  # fmt: skip
        found = {}
        for response in _fetched(answer.responses):
            # The UID may stand before the literal or behind it; what is within the literal is no word of the server.
            uid = next((one for line in response[::2] if (one := _UID.search(line))), None)
            if uid and len(response) == 3 and int(uid[1]) in wanted:
                found[int(uid[1])] = response[1]
        return found

    async def flag(self, uids: Collection[int]) -> None:
        """Marks these as seen, and as ours where the folder takes that. One that is gone is no trouble."""
        flags = f"(\\Seen {DONE_KEYWORD})" if self._keywords else "(\\Seen)"
        self._wire.send_command("STORE", _set(uids), "+FLAGS.SILENT", flags, uid=True)
        crash_point("CP13-flag-sent")
        await self._wire.answer(3 * self._patience)

    async def move(self, uids: Collection[int], folder: str) -> None:
        """Moves these to another folder, where `moves` says that it can: else a copy, and then these alone are expunged.

        Never a plain EXPUNGE, which takes away what others have marked as deleted.
        """
        if "MOVE" in self.capabilities:
            self._wire.send_command("MOVE", _set(uids), mailbox(folder), uid=True)
            crash_point("CP13-flag-sent")
            await self._wire.answer(3 * self._patience)
            return
        await self._wire.ask("COPY", _set(uids), mailbox(folder), uid=True, seconds=3 * self._patience)
        crash_point("CP14-copied")
        await self._wire.ask("STORE", _set(uids), "+FLAGS.SILENT", "(\\Deleted)", uid=True, seconds=3 * self._patience)
        await self._wire.ask("EXPUNGE", _set(uids), uid=True, seconds=3 * self._patience)

    async def create(self, folder: str) -> None:
        """Makes a folder where there is none."""
        try:
            await self._wire.ask("CREATE", mailbox(folder), seconds=self._patience)
        except Refused:
            # It is there, or may not be made: the move will tell.
            return

    async def wait(self, seconds: float) -> None:
        """Waits until the server tells of a mail, so long at most. Raises Lost where the server does not answer afterwards."""
        if "IDLE" in self.capabilities:
            await self._wire.idle(seconds, min(self._patience, _STILL_THERE))
        else:
            await asyncio.sleep(seconds)
            await self._wire.ask("NOOP", seconds=self._patience)

    def close(self) -> None:
        """Ends the connection; nothing depends on how."""
        self._wire.abort()


async def connected(server: Server) -> Session:
    """A connection that is encrypted as the settings say, and logged in.

    Raises Lost, LoginRefused, what a grant raises, and Permanent where a password would cross a network in the clear.
    """
    loop = asyncio.get_running_loop()
    context = None if server.tls == "none" else ssl.create_default_context()
    try:
        async with asyncio.timeout(server.patience):
            host = server.host if context else await _loopback(server)
            _, wire = await loop.create_connection(
                Wire, host, server.port, ssl=context if server.tls == "implicit" else None,
                server_hostname=server.host if server.tls == "implicit" else None,
            )  # fmt: skip
    except (OSError, ValueError) as error:
        raise Lost(f"{server.host}:{server.port}: {str(error) or 'no connection in time'}") from error
    try:
        await wire.greeted(server.patience)
        if server.tls == "starttls" and context is not None:
            if "STARTTLS" not in await _capabilities(wire, server):
                raise Lost(f"{server.host}:{server.port} offers no STARTTLS")
            await wire.encrypt(context, server.host, server.patience)
        await _log_in(wire, server, await _capabilities(wire, server))
        return Session(wire, server, await _capabilities(wire, server))
    except BaseException:
        wire.abort()
        raise


async def _loopback(server: Server) -> str:
    """The address of a server to which we may speak in the clear. Raises Permanent where its name stands for another host."""
    found = await asyncio.get_running_loop().getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    addresses = [str(where[0]) for *_, where in found]
    if not all(ip_address(one.partition("%")[0]).is_loopback for one in addresses):
        raise Permanent(f"{server.host}:{server.port}: is not this machine, and nothing is said to it without TLS", code="imap-plain")
    return addresses[0]


async def _capabilities(wire: Wire, server: Server) -> frozenset[str]:
    answer = await wire.ask("CAPABILITY", seconds=server.patience)
    words = [response[0].decode("latin-1").upper().split() for response in answer.responses]
    return frozenset(word for line in words if line[:1] == ["CAPABILITY"] for word in line[1:])


async def _log_in(wire: Wire, server: Server, capabilities: frozenset[str]) -> None:
    try:
        if server.grant is not None:
            token = await server.grant.access_token()
            await _authenticate(wire, "XOAUTH2", xoauth2(server.user, token), capabilities, server.patience)
        elif "AUTH=PLAIN" in capabilities:
            plain = base64.b64encode(f"\0{server.user}\0{server.password()}".encode())
            await _authenticate(wire, "PLAIN", plain, capabilities, server.patience)
        else:
            await wire.ask("LOGIN", quoted(server.user), quoted(server.password()), seconds=server.patience)
    except Refused as error:
        if server.grant is not None:
            server.grant.forget()
        raise LoginRefused(f"{server.host}:{server.port}: {error}") from None
    except ValueError:
        raise LoginRefused(f"{server.host}:{server.port}: a user or password with control characters") from None


async def _authenticate(wire: Wire, mechanism: str, coded: bytes, capabilities: frozenset[str], patience: float) -> None:
    """SASL (RFC 4959 where the server knows it). A refused XOAUTH2 is followed by a question that wants an empty answer."""
    if "SASL-IR" in capabilities:
        await wire.ask("AUTHENTICATE", mechanism, coded.decode(), seconds=patience)
    else:
        await wire.ask("AUTHENTICATE", mechanism, rest=[coded], seconds=patience)


def _fetched(responses: Sequence[Response]) -> Iterator[Response]:
    return (response for response in responses if _FETCH.match(response[0]))


def _set(uids: Collection[int]) -> str:
    """A set of UIDs as short as may be: 3:7,9."""
    runs: list[list[int]] = []
    for uid in sorted(uids):
        if runs and uid == runs[-1][1] + 1:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in runs)


async def tried(server: Server, folder: str) -> bool:
    """Logs in and opens the folder, changing nothing; whether mails can be moved there. Raises Temporary or Permanent where it fails."""
    session = await connected(server)
    try:
        await session.select(folder, read_only=True)
        return session.moves
    finally:
        session.close()
