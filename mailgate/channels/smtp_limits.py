"""How much may the peers of the SMTP listener cost? The figures, and the memory that all mails in transfer share."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Any

from msgspec import Struct


class Limits(Struct, frozen=True):
    """Every bound of the listener. Times are in seconds; a test may shorten them."""

    # A connection costs a file descriptor, of which a process usually has 1,024, and some 20 kB.
    connections: int = 400
    # Behind a border all mail comes from one peer, so that this only keeps a last part free for the others.
    connections_per_peer: int = 250
    # Above so many connections the patience with a silent peer falls from `idle` to `idle_crowded`, as in Postfix under stress.
    crowded: int = 100
    # RFC 5321 4.5.3.2.7: five minutes for the next command. A mail has as long to go on, and to end where it comes slower than `rate`.
    idle: float = 300.0
    idle_crowded: float = 10.0
    # Octets a second, as in Postfix: so much of a mail buys its peer one second more.
    rate: int = 500
    # Whoever holds back much of the shared memory has to be done with it in this time.
    transfer: float = 600.0
    # Commands that bring no mail forward (NOOP, RSET, refused recipients …), counted anew after each accepted mail.
    fruitless: int = 100
    # RFC 5321 4.5.3.1.8 asks for at least 100.
    recipients: int = 100
    # RFC 5321 6.3 asks for at least 100.
    hops: int = 100
    # RFC 1047: the longer the wait behind the final dot, the more copies. Clients wait ten minutes for it.
    commit: float = 25.0
    # How long DATA may wait for memory before it is refused for now. Clients wait two minutes for 354.
    memory_wait: float = 30.0
    # How often overdue peers are looked for.
    tick: float = 1.0


class Memory:
    """The octets of mail that may be held at a time, by all sessions together, from DATA to the commit. First come, first served.

    A mail costs twice its size for the moment in which its dots are unstuffed.
    """

    def __init__(self, octets: int) -> None:
        self.total = octets
        self.free = octets
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def borrow(self, octets: int, patience: float) -> Loan | None:
        """Lends `octets`, if need be after others have repaid; None where that takes longer than `patience` seconds."""
        octets = min(octets, self.total)
        if not self._queue and octets <= self.free:
            self.free -= octets
            return Loan(self, octets)
        turn = asyncio.get_running_loop().create_future()
        self._queue.append((octets, turn))
        try:
            async with asyncio.timeout(patience):
                await turn
        except BaseException as error:
            # The loan may have been granted in the very moment in which the wait was given up.
            if turn.done() and not turn.cancelled():
                self.repay(octets)
            else:
                turn.cancel()
                self.repay(0)
            if isinstance(error, TimeoutError):
                return None
            raise
        return Loan(self, octets)

    def repay(self, octets: int) -> None:
        """Takes octets back and serves those who wait."""
        self.free += octets
        while self._queue and (self._queue[0][1].done() or self._queue[0][0] <= self.free):
            wanted, turn = self._queue.popleft()
            if not turn.done():
                self.free -= wanted
                turn.set_result(None)


class Loan:
    """Octets that one mail may take up: until the `with` block ends, or until the commit it waits for is over, if that is later."""

    __slots__ = ("_memory", "_until", "octets")

    def __init__(self, memory: Memory, octets: int) -> None:
        self.octets = octets
        self._memory = memory
        self._until: asyncio.Future[Any] | None = None

    def covers(self, octets: int) -> bool:
        """Whether a mail of so many octets has its memory. Borrows more where it can be had at once."""
        missing = octets - self.octets
        if missing > self._memory.free:
            return False
        if missing > 0:
            self._memory.free -= missing
            self.octets += missing
        return True

    def lasts_until(self, future: asyncio.Future[Any]) -> None:
        """The mail is in the hands of somebody who holds it until `future` is done, whatever becomes of the session."""
        self._until = future

    def __enter__(self) -> Loan:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._until is None or self._until.done():
            self._memory.repay(self.octets)
        else:
            self._until.add_done_callback(lambda _: self._memory.repay(self.octets))
