"""Who takes letters to the relay? A task: those that the worker has just written at once, at each tick what else waits in the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from mailgate.channels.smtp_out import Courier
from mailgate.flow import journal
from mailgate.flow.delivery import Delivery, Outcome, Parcel
from mailgate.store.outbox import Posted

# So many letters may wait in memory; what is written beyond them waits in the outbox alone.
_IN_HAND = 200
# The fates of so many letters are written down together, and none waits longer than this many seconds for those behind it: no more of them
# come twice if we are killed in between.
_TOGETHER = 20
_SOON = 0.05


class Postman:
    """Carries letters until he is closed. Nothing that a relay or the database does ends his rounds.

    What the relay has answered is not forgotten because the database cannot write it down now: that comes first in the next round.
    """

    def __init__(self, delivery: Delivery, courier: Courier) -> None:
        self._delivery, self._courier = delivery, courier
        self._loop = asyncio.get_running_loop()
        self._rounds: asyncio.Queue[list[Parcel] | None] = asyncio.Queue()
        self._unsettled: list[Outcome] = []
        # Delivery serves one thread at a time.
        self._turn = asyncio.Lock()
        self._reminder: asyncio.TimerHandle | None = None
        self._hurried: asyncio.Task[None] | None = None
        self._waiting = 0
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins the rounds."""
        self._task = asyncio.create_task(self._serve(), name="postman")

    @property
    def alive(self) -> bool:
        """Whether the rounds go on."""
        return self._task is not None and not self._task.done()

    @property
    def free(self) -> bool:
        """Whether a letter written now should be handed over at once. May be asked from any thread."""
        return self._waiting < _IN_HAND and self._delivery.ready()

    def hand(self, letters: Sequence[Posted]) -> None:
        """Takes letters whose claim has just been committed, from any thread. What their claim is worth is reckoned from now."""
        self._loop.call_soon_threadsafe(self._take, self._delivery.parcels(letters))

    def look(self) -> None:
        """Once a moment: letters may have come due in the outbox."""
        if self._rounds.empty():
            self._rounds.put_nowait(None)

    async def close(self) -> None:
        """Ends the rounds: a letter past its final dot hears its answer, others go back unsent, and what was answered is written down."""
        self._closing = True
        self._rounds.put_nowait(None)
        await self._courier.close()
        if self._task is not None:
            await asyncio.wait((self._task,))

    def _take(self, parcels: list[Parcel]) -> None:
        self._waiting += len(parcels)
        self._rounds.put_nowait(parcels)

    async def _serve(self) -> None:
        while not self._closing:
            parcels, look = await self._next()
            try:
                await self._settle()
                await self._carry(parcels)
                while look and not self._closing and await self._carry(await self._claim()):
                    pass
            except Exception as error:
                # Letters in hand fall back to the outbox when their lease ends.
                journal.trouble("postman", error)

    async def _next(self) -> tuple[list[Parcel], bool]:
        """All that was handed over meanwhile, and whether to look into the outbox as well."""
        parcels: list[Parcel] = []
        look = False
        more = await self._rounds.get()
        while True:
            look = look or more is None
            parcels += more or ()
            if self._rounds.empty():
                self._waiting -= len(parcels)
                return parcels, look
            more = self._rounds.get_nowait()

    async def _claim(self) -> list[Parcel]:
        async with self._turn:
            return await asyncio.to_thread(self._delivery.claim)

    async def _carry(self, parcels: list[Parcel]) -> int:
        for at in range(0, len(parcels), _TOGETHER):
            await self._courier.deliver(parcels[at : at + _TOGETHER], self._answered)
            await self._settle()
        return len(parcels)

    def _answered(self, outcome: Outcome) -> None:
        """The relay has spoken about one letter. Where it takes its time for the next, this one is written down meanwhile."""
        self._unsettled.append(outcome)
        if self._reminder is None:
            self._reminder = self._loop.call_later(_SOON, self._hurry)

    def _hurry(self) -> None:
        self._hurried = asyncio.create_task(self._settle())

    async def _settle(self) -> None:
        """Writes down what was answered. What the database does not take now is kept for the next round, and the round goes on."""
        if self._reminder is not None:
            self._reminder.cancel()
            self._reminder = None
        async with self._turn:
            answered, self._unsettled = self._unsettled, []
            if not answered:
                return
            try:
                await asyncio.to_thread(self._delivery.settle, answered)
            except Exception as error:
                journal.trouble("postman", error)
                self._unsettled = answered + self._unsettled
