"""Who may come in over SMTP, with what, and when does he hear 250? The policy of the listener; `smtp_session` speaks the protocol.

250 follows the durable commit and nothing else. Whatever goes wrong on our side is a 4xx whose text says nothing about us.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Protocol

from aiosmtpd.smtp import Envelope
from msgspec import Struct

from mailgate.channels.smtp_limits import Limits, Loan, Memory
from mailgate.channels.smtp_wire import hops, plain, without_route
from mailgate.desk.errors import MailgateError, Misconfigured, Permanent
from mailgate.flow.intake import RawMail, Receipt
from mailgate.flow.seam import crash_point

log = logging.getLogger(__name__)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK: tuple[Network, ...] = (ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1/128"))

NOT_READY = "421 4.3.2 Not ready for mail, try again later"
NO_SPACE = "452 4.3.1 Out of room for mail, try again later"
OUR_FAULT = "451 4.3.0 Temporary failure, try again later"


class Settings(Struct, frozen=True):
    """The [smtp] table. `max_size` is in octets. Peers outside `allow` are turned away; a mail from `submission` counts as a login.

    There is no SMTP AUTH, because there are no users to ask for: it is neither offered nor answered.
    """

    host: str = "127.0.0.1"
    port: int = 2525
    tls_cert: Path | None = None
    tls_key: Path | None = None
    # TLS from the first octet (port 465) instead of STARTTLS.
    tls_implicit: bool = False
    max_size: int = 35_000_000
    lmtp: bool = False
    allow: tuple[Network, ...] = LOOPBACK
    submission: tuple[Network, ...] = ()
    # What we call ourselves in the greeting; empty for the machine's own name.
    name: str = ""


class Rcpt(StrEnum):
    """What a recipient's address is to us."""

    OURS = "ours"
    # Our domain, but no such mailbox.
    UNKNOWN = "unknown"
    # Somebody else's domain. Nothing is ever relayed.
    FOREIGN = "foreign"


class Refusal(StrEnum):
    """Why no mail can be taken at the moment."""

    # Too little room on the disk for a mail of the size asked about.
    NO_SPACE = "no-space"
    # The database does not answer, or the daemon is not up yet.
    NOT_READY = "not-ready"


class Transaction(Envelope):
    """aiosmtpd's envelope, and the octets that MAIL declared."""

    declared = 0


class Guest(Protocol):
    """What the door knows of a session.

    `submits` says that its mails count as a login. `deadline` is the loop's time until which we wait for the peer, infinite while he waits
    for us.
    """

    peer: str
    submits: bool
    deadline: float
    committing: bool

    @property
    def task(self) -> asyncio.Task[None]:
        """Runs as long as the session."""

    def show_out(self, status: str) -> None:
        """Says this reply and closes."""


class Door:
    """The decisions that all sessions of one listener share, and what they count together. Belongs to one event loop.

    `receive` returns at once and its future is done when the mail is durable; `accepts` and `admission` answer at once too, from memory.
    """

    def __init__(
        self,
        settings: Settings,
        limits: Limits,
        receive: Callable[[RawMail], Future[Receipt]],
        accepts: Callable[[str], Rcpt],
        admission: Callable[[int], Refusal | None],
    ) -> None:
        self.settings = settings
        self.limits = limits
        # Three of the largest mails, or very many usual ones.
        self.memory = Memory(3 * settings.max_size)
        self.closing = False
        self.guests: set[Guest] = set()
        self._peers: Counter[str] = Counter()
        self._receive = receive
        self._accepts = accepts
        self._admission = admission

    def greet(self, peer: str) -> str:
        """Why this peer may not open one more session, as a reply; "" if he may.

        Even a peer outside `smtp.allow` hears a 4xx: where the border has got a new address, its queue shall wait for us, not bounce.
        """
        if self.closing:
            return NOT_READY
        # A local socket is guarded by the file system.
        if peer and not _within(peer, self.settings.allow):
            log.warning("smtp: %s is not in smtp.allow", peer)
            return "421 4.7.1 Not open to your address"
        if len(self.guests) >= self.limits.connections or self._peers[peer] >= self.limits.connections_per_peer:
            return "421 4.7.0 Too many connections"
        return NOT_READY if self._asked(0) is Refusal.NOT_READY else ""

    def enter(self, guest: Guest) -> None:
        """Counts a session that has been greeted."""
        self.guests.add(guest)
        self._peers[guest.peer] += 1

    def leave(self, guest: Guest) -> None:
        """Forgets a session that is over."""
        self.guests.discard(guest)
        self._peers[guest.peer] -= 1
        if not self._peers[guest.peer]:
            del self._peers[guest.peer]

    def sweep(self, now: float) -> None:
        """Shows out every guest whom we have waited for too long. `now` is the event loop's time."""
        crowded = len(self.guests) > self.limits.crowded
        late = now + (self.limits.idle - self.limits.idle_crowded if crowded else 0.0)
        for guest in [guest for guest in self.guests if guest.deadline < late]:
            guest.show_out("421 4.4.2 Too slow, closing")

    def close(self) -> list[asyncio.Task[None]]:
        """Lets nobody in any more and shows out all guests but those whose mail is being committed: their tasks are returned."""
        self.closing = True
        for guest in [guest for guest in self.guests if not guest.committing]:
            guest.show_out(NOT_READY)
        return [guest.task for guest in self.guests if guest.committing]

    def clear(self) -> list[asyncio.Task[None]]:
        """Shows out whoever is left, and returns their tasks. Those who were shown out before are cut off."""
        for guest in list(self.guests):
            guest.show_out(NOT_READY)
        return [guest.task for guest in self.guests]

    def submits(self, peer: str) -> bool:
        """Whether the mails of this peer count as a login."""
        return peer != "" and _within(peer, self.settings.submission)

    def sender(self, envelope: Transaction, sender: str, octets: int) -> str:
        """The reply to MAIL, which declares so many octets (0: none). A granted sender stands in the envelope, the null path as "<>"."""
        envelope.declared = octets
        match self._asked(octets):
            case Refusal.NOT_READY:
                return NOT_READY
            case Refusal.NO_SPACE:
                return NO_SPACE
            case None:
                envelope.mail_from = without_route(sender)
                return "250 2.1.0 Ok"

    def recipient(self, envelope: Transaction, address: str) -> str:
        """The reply to RCPT. A granted recipient stands in the envelope. There is no way from here to any relay."""
        if len(envelope.rcpt_tos) >= self.limits.recipients:
            return "452 4.5.3 Too many recipients"
        match self._accepts(address) if plain(address) else Rcpt.FOREIGN:
            case Rcpt.OURS:
                envelope.rcpt_tos.append(address)
                return "250 2.1.5 Ok"
            case Rcpt.UNKNOWN:
                return "550 5.1.1 No such mailbox here"
            case Rcpt.FOREIGN:
                log.warning("smtp: a recipient was refused: its domain is none of a desk; see [desk] address and aliases")
                return "550 5.7.1 No desk has an address there, and nothing is relayed"

    async def take(self, raw: bytes, envelope: Transaction, guest: Guest, loan: Loan) -> str:
        """Hands a whole mail on and waits for its commit: the reply. A caller that is cancelled leaves the commit to its own end.

        After the deadline the peer hears 451 although the mail may still be committed: it sends again, and the copy is known by its key.
        """
        if hops(raw) > self.limits.hops:
            return "554 5.4.6 Too many hops, this mail goes in circles"
        mail = RawMail(
            raw=raw,
            channel="lmtp" if self.settings.lmtp else "smtp",
            envelope_from="" if envelope.mail_from == "<>" else envelope.mail_from,
            envelope_to=tuple(dict.fromkeys(envelope.rcpt_tos)),
            peer=guest.peer,
            submission=guest.submits,
        )
        try:
            crash_point("CP02-whole-mail")
            receipt = self._receive(mail)
        except Exception:
            log.exception("smtp: a mail from %s could not be handed on", guest.peer)
            return OUR_FAULT
        loop = asyncio.get_running_loop()
        over, waiter = loop.create_future(), loop.create_future()
        loan.lasts_until(over)
        # What is awaited is cancelled with the session, what the loan lasts until is not. As asyncio.wait does it, with less around it.
        over.add_done_callback(partial(_wake, waiter))
        receipt.add_done_callback(partial(_pass_on, loop, over))
        patience = loop.call_later(self.limits.commit, _wake, waiter)
        try:
            await waiter
        finally:
            patience.cancel()
        return _answer(receipt)

    def _asked(self, octets: int) -> Refusal | None:
        try:
            return self._admission(octets)
        except Exception:
            log.exception("smtp: cannot tell whether there is room for mail")
            return Refusal.NOT_READY


def _wake(waiter: asyncio.Future[None], _: object = None) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _pass_on(loop: asyncio.AbstractEventLoop, over: asyncio.Future[None], _: Future[Receipt]) -> None:
    """Tells the loop from the thread of the intake that a commit is over. Where the loop is closed already, nobody is left to be told."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(_wake, over)


def _answer(commit: Future[Receipt]) -> str:
    """The reply for a commit as it stands. Only an error that was raised to refuse this mail for good is told as such."""
    if not commit.done():
        log.error("smtp: a commit takes too long; the peer was told to try again")
        return OUR_FAULT
    error = commit.exception() if not commit.cancelled() else MailgateError("cancelled")
    match error:
        case None:
            return f"250 2.0.0 Ok id={commit.result().inbox_id}"
        case Permanent() if not isinstance(error, Misconfigured):
            return f"554 5.6.0 {error.public}"
        case _:
            return OUR_FAULT


def peer_of(name: object) -> str:
    """The IP address in a socket's peer name, an IPv4 one always in its own form; "" for a local socket."""
    if not isinstance(name, tuple):
        return ""
    address = ipaddress.ip_address(name[0].partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _within(peer: str, networks: tuple[Network, ...]) -> bool:
    """Whether an IP address lies in one of the networks."""
    if not networks:
        return False
    address = ipaddress.ip_address(peer)
    return any(address in network for network in networks)
