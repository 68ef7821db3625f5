"""What keeps the beat? APScheduler, and beside it a look once a second at whether it still does: it goes by the wall clock.

An interval job whose clock is set back by an hour stands still for that hour. The loop's own timers know nothing of the wall clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from mailgate.daemon.clock import utc

_EVERY = timedelta(seconds=1)
_JOB = "beat"


class Metronome:
    """Calls `beat` once a second, never two at a time, and leaves out those that a long one takes the place of."""

    def __init__(self, beat: Callable[[], Awaitable[None]]) -> None:
        self._beat = beat
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        self._look: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begins; to be called within the event loop."""
        seconds = _EVERY.total_seconds()
        self._scheduler.add_job(self._beat, "interval", seconds=seconds, id=_JOB, coalesce=True, max_instances=1, misfire_grace_time=None)
        self._scheduler.start()
        self._mind()

    def stop(self) -> None:
        """Ends; a beat that runs is cancelled. Harmless where it never began."""
        if self._look is not None:
            self._look.cancel()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _mind(self) -> None:
        job, now = self._scheduler.get_job(_JOB), utc()
        if job is not None and job.next_run_time - now > 2 * _EVERY:
            job.modify(next_run_time=now)
        self._look = asyncio.get_running_loop().call_later(_EVERY.total_seconds(), self._mind)
