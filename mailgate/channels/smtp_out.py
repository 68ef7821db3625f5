"""How do letters reach the relay, each with exactly one truthful outcome?

One connection is kept over many letters. The courier dials and reports; claiming rows, settling outcomes, retries and the circuit breaker
belong to flow and desk. The dialogue is our own and no library's, because three promises need it: a lease that ran out is noticed between
the body and the final dot, a connection lost before that dot is told from one lost after it, and MAIL, RCPT and DATA share one round trip
(RFC 2920).

What a reply means is told by `relay_session`; these are the odd ones: 552 to MAIL speaks about the declared size (RFC 1870 6.1) and is
TOO_BIG; 5xx to DATA is the letter's, as after the dot; 503 and 530 speak about us wherever they come.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping, Sequence

from mailgate.channels import maildir_out
from mailgate.channels.relay_session import OPENING, Patience, Refused, Relay, Session, judge, open_session
from mailgate.channels.relay_wire import TEXT_CHARACTERS, Broken
from mailgate.channels.smtp_wire import regular
from mailgate.flow.delivery import Outcome, Parcel, Result

__all__ = ["Courier", "Patience", "Relay", "probed"]

# A letter up to this size goes out in one piece, a longer one in pieces of it.
_CHUNK = 65_536
# How long `close` waits for the reply to a letter that is past its final dot: the daemon has 30 seconds to end.
_GRACE = 20.0
# After so many connections in a row that broke without an answer, the rest of the parcels is not dialled for.
_STRIKES = 2
# RFC 5321 4.5.3.1.3, without the angle brackets.
_ADDRESS_OCTETS = 254
_NO_ADDRESS = frozenset(" <>")


class Courier:
    """Takes parcels to the relay, or into a Maildir. One delivery at a time; a second caller waits for its turn."""

    def __init__(self, relay: Relay, *, patience: Patience | None = None, trust: ssl.SSLContext | None = None) -> None:
        """`trust` says which certificates are good; by default those that the system trusts (SSL_CERT_FILE adds to them)."""
        self._relay = relay
        self._patience = patience or Patience()
        # Loading the certificates of the system takes a while; a Maildir needs none, and a relay that is spoken to openly neither.
        encrypts = bool(relay.host) and relay.tls != "none"
        self._trust = trust or (ssl.create_default_context() if encrypts else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        self._session: Session | None = None
        self._turn = asyncio.Lock()
        self._goodbye: asyncio.TimerHandle | None = None
        # The limit of a dialling under way, and whether a letter is past its final dot: what `close` may end, and what it waits for.
        self._dialling: asyncio.Timeout | None = None
        self._past_dot = False
        self._closing = False

    async def deliver(self, parcels: Sequence[Parcel], answered: Callable[[Outcome], None] = lambda _: None) -> list[Outcome]:
        """One outcome for each parcel, in their order; `answered` hears of each at once, but for a Maildir, which takes all in one go.

        Never raises, unless it is cancelled; then the connection is gone.

        Where no session can be opened, or two connections in a row break without an answer, the parcels behind share that fate undialled.
        """
        async with self._turn:
            if not self._relay.host:
                outcomes = await asyncio.to_thread(maildir_out.deliver, self._relay.directory, parcels)
                for outcome in outcomes:
                    answered(outcome)
                return outcomes
            self._cancel_goodbye()
            try:
                return await self._deliver_all(parcels, answered)
            except asyncio.CancelledError:
                self._drop()
                raise
            finally:
                if self._session is not None:
                    self._goodbye = asyncio.get_running_loop().call_later(self._patience.idle, self._hang_up)

    async def probe(self) -> Outcome:
        """Whether letters could be handed over now: connects, encrypts, logs in, and quits; or makes the Maildir. Row and attempt are 0."""
        if not self._relay.host:
            return await asyncio.to_thread(maildir_out.probe, self._relay.directory)
        end = asyncio.get_running_loop().time() + self._patience.dialogue
        try:
            session = await open_session(self._relay, self._patience, self._trust, end)
        except Exception as error:
            return _troubled(Parcel(0, 0, "", "", b"", "", end), error)
        session.wire.say_goodbye()
        return Outcome(0, 0, Result.SENT, "QUIT", "ready to take letters")

    async def close(self) -> None:
        """End the connection. A letter past its final dot has 20 seconds to hear its reply; others are abandoned as LAPSED, unsent."""
        self._closing = True
        if self._dialling is not None:
            self._dialling.reschedule(asyncio.get_running_loop().time())
        elif self._turn.locked() and self._session is not None and not self._past_dot:
            self._session.wire.abort()
        try:
            async with asyncio.timeout(_GRACE), self._turn:
                self._cancel_goodbye()
                self._hang_up()
        except TimeoutError:
            self._drop()

    async def _deliver_all(self, parcels: Sequence[Parcel], answered: Callable[[Outcome], None]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        strikes = 0
        for parcel in parcels:
            if strikes >= _STRIKES and self._may_send(parcel):
                outcome = _undialled(parcel, outcomes[-1])
            else:
                outcome = await self._deliver_one(parcel)
            outcomes.append(outcome)
            answered(outcome)
            if self._session is not None:
                strikes = 0
            elif outcome.result in (Result.RETRY, Result.UNKNOWN, Result.OURS):
                strikes += _STRIKES if outcome.stage in OPENING else 1
        return outcomes

    async def _deliver_one(self, parcel: Parcel) -> Outcome:
        """One letter, on the kept connection if it is still good.

        A kept connection may turn out to be closed, or 421 be said on it, only when MAIL is; then a fresh one has the word.
        """
        end = asyncio.get_running_loop().time() + self._patience.dialogue
        kept = self._session is not None and self._session.wire.quiet
        outcome = await self._attempt(parcel, end)
        if kept and self._session is None and outcome.result is Result.RETRY and outcome.stage == "MAIL":
            outcome = await self._attempt(parcel, end)
        return outcome

    async def _attempt(self, parcel: Parcel, end: float) -> Outcome:
        """One dialogue, and whatever goes wrong in it as an outcome. Without a reply the connection does not live on."""
        if not self._may_send(parcel):
            return _outcome(parcel, Result.LAPSED, "connect", "the lease ran out before the relay was dialled")
        try:
            session = await self._open(end)
            return await self._transact(session, parcel, end)
        except Exception as error:
            self._drop()
            if self._closing and not self._past_dot:
                return _outcome(parcel, Result.LAPSED, "connect", "the courier closes before the final dot")
            return _troubled(parcel, error)
        finally:
            self._past_dot = False

    async def _open(self, end: float) -> Session:
        """The kept session where nothing was heard on it since, else a new one. Raises Broken and Refused."""
        if self._session is not None and not self._session.wire.quiet:
            self._drop()
        if self._session is None:
            try:
                # Without an end of its own: `close` gives it one.
                async with asyncio.timeout(None) as self._dialling:
                    self._session = await open_session(self._relay, self._patience, self._trust, end)
            finally:
                self._dialling = None
        return self._session

    async def _transact(self, session: Session, parcel: Parcel, end: float) -> Outcome:
        """One mail transaction (RFC 5321 3.3). Raises Broken."""
        unfit = _unfit(parcel, session.offers)
        if unfit is not None:
            return unfit
        refusal = await self._announce(session, parcel, end)
        if refusal is None:
            return await self._hand_over(session, parcel, end)
        if refusal.reply.startswith("421"):
            self._drop()
        elif self._session is not None and refusal.stage in ("RCPT", "DATA"):
            await self._reset(session, end)
        return refusal

    async def _announce(self, session: Session, parcel: Parcel, end: float) -> Outcome | None:
        """MAIL, RCPT and DATA, together where the relay knows PIPELINING. None when it said 354, else the outcome of the first refusal."""
        refusal: Outcome | None = None
        commands = _commands(parcel, session.offers)
        together = "PIPELINING" in session.offers
        if together:
            session.wire.send(b"".join(commands))
        for stage, wanted, command in zip(("MAIL", "RCPT", "DATA"), (2, 2, 3), commands, strict=True):
            if not together:
                session.wire.send(command)
            try:
                reply = await session.wire.reply(stage, self._by(self._patience.reply, end))
            except Broken:
                if refusal is None:
                    raise
                self._drop()
                return refusal
            if refusal is None and reply.code // 100 != wanted:
                refusal = _outcome(parcel, judge(stage, reply), stage, str(reply))
            if refusal is not None and (not together or reply.code == 421):
                return refusal
        if refusal is not None and reply.code // 100 == 3:
            # DATA was taken though a command before it was not. The only way to send nothing at all is to leave.
            self._drop()
        return refusal

    async def _hand_over(self, session: Session, parcel: Parcel, end: float) -> Outcome:
        """The octets and the final dot. Everything but the last piece is with the kernel when the lease is looked at for the last time.

        Raises Broken, of stage `dot` when the dot may be out.
        """
        octets = _stuffed(parcel.octets)
        head = max(len(octets) - _CHUNK, 0)
        for start in range(0, head, _CHUNK):
            session.wire.send(octets[start : min(start + _CHUNK, head)])
            await session.wire.flush("body", self._by(self._patience.chunk, end))
        if not self._may_send(parcel):
            self._drop()
            return _outcome(parcel, Result.LAPSED, "body", "the lease ran out before the final dot")
        self._past_dot = True
        session.wire.send(octets[head:])
        reply = await session.wire.reply("dot", self._by(self._patience.dot, end))
        if reply.code // 100 == 2:
            return _outcome(parcel, Result.SENT, "dot", str(reply))
        if reply.code == 421:
            self._drop()
        return _outcome(parcel, judge("dot", reply), "dot", str(reply))

    async def _reset(self, session: Session, end: float) -> None:
        """RSET, so that the next letter starts afresh; a relay that does not take it is left."""
        session.wire.send(b"RSET\r\n")
        try:
            reply = await session.wire.reply("RSET", self._by(self._patience.reply, end))
        except Broken:
            self._drop()
        else:
            if reply.code // 100 != 2:
                self._drop()

    def _may_send(self, parcel: Parcel) -> bool:
        return not self._closing and time.monotonic() < parcel.deadline

    def _by(self, patience: float, end: float) -> float:
        return min(asyncio.get_running_loop().time() + patience, end)

    def _drop(self) -> None:
        """Leave without a word: the dialogue is in no state for one."""
        if self._session is not None:
            self._session.wire.abort()
        self._session = None

    def _hang_up(self) -> None:
        """Leave in peace."""
        if self._session is not None:
            self._session.wire.say_goodbye()
        self._session = None

    def _cancel_goodbye(self) -> None:
        if self._goodbye is not None:
            self._goodbye.cancel()
        self._goodbye = None


def _outcome(parcel: Parcel, result: Result, stage: str, reply: str) -> Outcome:
    return Outcome(parcel.row, parcel.attempt, result, stage, reply[:TEXT_CHARACTERS])


def _troubled(parcel: Parcel, error: Exception) -> Outcome:
    """The outcome of a dialogue that ended in an exception."""
    match error:
        case Refused():
            return _outcome(parcel, error.result, error.stage, str(error))
        case Broken():
            return _outcome(parcel, Result.UNKNOWN if error.stage == "dot" else Result.RETRY, error.stage, str(error))
        case _:
            # A fault of ours must not stop the other letters. That this one may be out already is the careful guess.
            return _outcome(parcel, Result.UNKNOWN, "dot", f"internal error: {error!r}")


def _undialled(parcel: Parcel, before: Outcome) -> Outcome:
    """The outcome of a parcel behind one that found the relay ill: the same trouble, and certainly nothing sent."""
    result = Result.OURS if before.result is Result.OURS else Result.RETRY
    return _outcome(parcel, result, before.stage if before.stage in OPENING else "connect", before.reply)


def _unfit(parcel: Parcel, offers: Mapping[str, str]) -> Outcome | None:
    """Why this parcel cannot be offered to a relay with these offers; None where it can."""
    mail, rcpt = parcel.envelope_from, parcel.recipient
    if mail and not _is_address(mail):
        return _outcome(parcel, Result.OURS, "MAIL", f"{mail[:80]!r} is no address that SMTP can carry")
    if not _is_address(rcpt):
        return _outcome(parcel, Result.REFUSED, "RCPT", f"{rcpt[:80]!r} is no address that SMTP can carry")
    if "SMTPUTF8" not in offers and not mail.isascii():
        return _outcome(parcel, Result.OURS, "MAIL", "our address needs SMTPUTF8, which the relay does not offer")
    if "SMTPUTF8" not in offers and not rcpt.isascii():
        return _outcome(parcel, Result.REFUSED, "RCPT", "the address needs SMTPUTF8, which the relay does not offer")
    limit = offers.get("SIZE", "")
    # A limit of 0, or none, means that there is no fixed one (RFC 1870 4).
    if limit.isdecimal() and 0 < int(limit[:18]) < len(parcel.octets):
        return _outcome(parcel, Result.TOO_BIG, "MAIL", f"the letter has {len(parcel.octets)} octets, the relay takes {limit[:18]}")
    return None


def _is_address(text: str) -> bool:
    """Whether this can stand between the angle brackets of a path: no control character, blank or bracket, and not too long."""
    local, _, domain = text.rpartition("@")
    return bool(local and domain) and text.isprintable() and not _NO_ADDRESS.intersection(text) and len(text.encode()) <= _ADDRESS_OCTETS


def _commands(parcel: Parcel, offers: Mapping[str, str]) -> tuple[bytes, bytes, bytes]:
    """MAIL with the parameters that this letter needs and this relay offers (RFC 1870, 6152, 6531), RCPT, DATA."""
    parameters = f" SIZE={len(parcel.octets)}" if "SIZE" in offers else ""
    if not parcel.octets.isascii() and "8BITMIME" in offers:
        parameters += " BODY=8BITMIME"
    if "SMTPUTF8" in offers and _needs_utf8(parcel):
        parameters += " SMTPUTF8"
    return (
        f"MAIL FROM:<{parcel.envelope_from}>{parameters}\r\n".encode(),
        f"RCPT TO:<{parcel.recipient}>\r\n".encode(),
        b"DATA\r\n",
    )


def _needs_utf8(parcel: Parcel) -> bool:
    """Whether an address of the envelope or the header block has octets beyond ASCII (RFC 6531 3.4)."""
    if not (parcel.envelope_from.isascii() and parcel.recipient.isascii()):
        return True
    return not parcel.octets.isascii() and not parcel.octets.partition(b"\r\n\r\n")[0].isascii()


def _stuffed(octets: bytes) -> bytes:
    """The letter as it crosses the wire: dots doubled (RFC 5321 4.5.2), the final dot at its end.

    A bare CR or LF becomes a line end, so that no relay that takes one for a line end sees a final dot in the middle (smuggling).
    """
    if not regular(octets):
        octets = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    if octets.startswith(b"."):
        octets = b"." + octets
    if b"\r\n." in octets:
        octets = octets.replace(b"\r\n.", b"\r\n..")
    return octets + (b".\r\n" if octets.endswith(b"\r\n") or not octets else b"\r\n.\r\n")


def probed(relay: Relay) -> Outcome:
    """What `Courier.probe` finds, for a command without an event loop of its own."""

    async def probe() -> Outcome:
        courier = Courier(relay)
        outcome = await courier.probe()
        await courier.close()
        return outcome

    return asyncio.run(probe())
