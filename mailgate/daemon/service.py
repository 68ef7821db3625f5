"""How does everything run together? One event loop for the protocols, one thread each for storing, working and what ticks and delivers.

It starts in an order in which no mail is accepted that could not be kept, and stops in one in which none that was accepted is forgotten.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from mailgate.channels.smtp_in import Listener, Rcpt, Refusal
from mailgate.channels.smtp_out import Courier
from mailgate.channels.web import Figures, Health, Web
from mailgate.config import opening, wiring
from mailgate.config.settings import Settings
from mailgate.daemon import systemd
from mailgate.daemon.work import Workbench
from mailgate.desk.errors import Misconfigured, Temporary
from mailgate.desk.model import fold_address
from mailgate.flow import journal
from mailgate.flow.delivery import Delivery
from mailgate.flow.house import House
from mailgate.flow.intake import Intake, RawMail, Receipt
from mailgate.flow.step import Worker
from mailgate.flow.timers import Timekeeper
from mailgate.mail.isolate import Parser
from mailgate.store import inbox, outbox, timers
from mailgate.store.engine import Store, durable, exclusive
from mailgate.store.outbox import Posted

_TICK_SECONDS = 1.0
# Seconds for mails past the final dot, for the worker's batch and for letters past theirs; all of it stays below 30.
_SMTP_GRACE, _WORK_GRACE = 15.0, 5.0
# A claim that was found open at so many starts counts as the mail's own fault.
_FOUND_OPEN = 5
_RETRY_SECONDS = (1, 2, 5, 10, 30)


def utc() -> datetime:
    """The wall clock, aware and in UTC."""
    return datetime.now(UTC)


class Service:
    """One daemon. `run` returns when it was asked to stop and everything it holds is safe."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._settings, self._environ = settings, environ
        self._owner = f"{socket.gethostname()}:{os.getpid()}"
        self._stop = asyncio.Event()
        self._free = 0
        self._store_answers = False
        self._last_tick: float | None = None
        self._letters: asyncio.Queue[list[Posted]] = asyncio.Queue()

    async def run(self) -> None:
        """Serves until SIGTERM or SIGINT. Raises Misconfigured where it cannot begin; nothing is left half-started then."""
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop.set)
        given = systemd.sockets(self._environ)
        self._measure_disk()
        store = await self._opened()
        if store is None:
            return
        self._house = await asyncio.to_thread(opening.open_house, self._settings, store)
        lock = exclusive(store)
        try:
            await asyncio.to_thread(durable, store)
            await self._serve(store, given)
        finally:
            store.close()
            if lock is not None:
                os.close(lock)

    async def _opened(self) -> Store | None:
        """The database, as soon as it answers; None if we are asked to stop before. Until then peers find nobody, and try again."""
        for attempt in range(1_000_000_000):
            try:
                return await asyncio.to_thread(opening.open_store, self._settings)
            except Temporary as error:
                journal.alert(error.code, str(error))
            wait = _RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)]
            try:
                await asyncio.wait_for(self._stop.wait(), wait)
            except TimeoutError:
                continue
            return None
        return None

    async def _serve(self, store: Store, given: Mapping[str, list[socket.socket]]) -> None:
        house = self._house
        self._store = store
        self._delivery = Delivery(store, house, self._owner, utc, time.monotonic, random.random)
        self._keeper = Timekeeper(store, house, utc)
        self._courier = Courier(wiring.relay(self._settings))
        limits = self._settings.security.limits
        parser = Parser(limits.parse_memory)
        await asyncio.to_thread(self._free_claims)
        self._intake = Intake(store, house, self._owner, utc, lambda: self._bench.stored())
        worker = Worker(store, house, parser, self._owner, utc, self._delivery.ready, limits.parse_time.total_seconds())
        self._bench = Workbench(worker, self._intake, self._post)
        listeners = self._listeners(house)
        web = Web(wiring.web_settings(self._settings), self._health, self._figures)
        scheduler = AsyncIOScheduler(timezone="UTC")
        try:
            await web.start(given.get("web"))
            for name, listener in listeners.items():
                await listener.start(given.get(name, ()))
            self._store_answers = True
            self._bench.start()
            postman = asyncio.create_task(self._deliver(), name="postman")
            scheduler.add_job(self._tick, "interval", seconds=_TICK_SECONDS, coalesce=True, max_instances=1, misfire_grace_time=None)
            scheduler.start()
            self._say_ready(listeners, web)
            stopping = asyncio.create_task(self._stop.wait())
            await asyncio.wait((stopping, postman), return_when=asyncio.FIRST_COMPLETED)
        finally:
            systemd.notify("STOPPING=1", self._environ)
            journal.told("draining")
            await self._drain(listeners, web, scheduler, parser)
        if postman.done() and not postman.cancelled() and postman.exception() is not None:
            raise RuntimeError("the postman ended") from postman.exception()

    def _say_ready(self, listeners: Mapping[str, Listener], web: Web) -> None:
        ports = {name: listener.port for name, listener in listeners.items()}
        journal.told("ready", **ports, web=web.port, store=self._store.url.render_as_string(hide_password=True), relay=self._where())
        systemd.notify("READY=1", self._environ)

    def _where(self) -> str:
        relay = self._settings.relay
        return f"{relay.host}:{relay.port}" if relay.host else str(relay.directory)

    def _listeners(self, house: House) -> dict[str, Listener]:
        settings = wiring.smtp_settings(self._settings)
        listener = Listener(
            settings, receive=self._receive, accepts=lambda address: _recipient(house, address), admission=self._admission,
            limits=wiring.smtp_limits(self._settings),
        )  # fmt: skip
        return {"lmtp" if settings.lmtp else "smtp": listener}

    def _receive(self, mail: RawMail) -> Future[Receipt]:
        return self._intake.receive(mail)

    def _admission(self, octets: int) -> Refusal | None:
        if not self._store_answers:
            return Refusal.NOT_READY
        return Refusal.NO_SPACE if self._free < 1.5 * max(octets, self._settings.smtp.max_size) else None

    # ------------------------------------------------------------------------------------------------------------ ticks

    async def _tick(self) -> None:
        try:
            await asyncio.to_thread(self._look_around)
        except Exception as error:
            # A database that is away for a while must not end the metronome.
            self._store_answers = not isinstance(error, Temporary)
            journal.trouble("tick", error)
            return
        self._last_tick = time.monotonic()
        self._letters.put_nowait([])
        self._bench.look()
        systemd.notify("WATCHDOG=1", self._environ)

    def _look_around(self) -> None:
        self._measure_disk()
        while self._keeper.tick():
            pass
        self._store_answers = True

    def _measure_disk(self) -> None:
        where = self._settings.root
        path = Path(self._store.path).parent if hasattr(self, "_store") and self._store.sqlite else where
        self._free = shutil.disk_usage(path if path.exists() else "/").free

    def _free_claims(self) -> None:
        # Under SQLite's lock every claim that is found is dead; on PostgreSQL only those of an earlier life of ours are known to be.
        owner = None if self._store.sqlite else self._owner
        with self._store.begin() as tx:
            mails = inbox.free(tx, owner, utc(), _FOUND_OPEN)
            letters = outbox.free(tx, owner, utc())
        if mails or letters:
            journal.told("freed", mails=mails, letters=letters)

    # --------------------------------------------------------------------------------------------------------- delivery

    def _post(self, letters: list[Posted]) -> None:
        self._loop.call_soon_threadsafe(self._letters.put_nowait, letters)

    async def _deliver(self) -> None:
        """Sends what the worker just wrote; at each tick also what waits in the outbox."""
        while True:
            letters = await self._letters.get()
            tick = not letters
            while not self._letters.empty():
                more = self._letters.get_nowait()
                tick = tick or not more
                letters = [*letters, *more]
            try:
                await self._send(letters)
                while tick and await self._send(None):
                    pass
            except Temporary as error:
                journal.trouble("postman", error)

    async def _send(self, letters: list[Posted] | None) -> int:
        parcels = await asyncio.to_thread(self._delivery.claim) if letters is None else self._delivery.parcels(letters)
        if parcels:
            outcomes = await self._courier.deliver(parcels)
            await asyncio.to_thread(self._delivery.settle, outcomes)
        return len(parcels)

    # ------------------------------------------------------------------------------------------------------------ health

    def _health(self) -> Health:
        reasons = []
        if not self._store_answers:
            reasons.append("database-down")
        if self._free < 1.5 * self._settings.smtp.max_size:
            reasons.append("disk-full")
        if self._delivery.held:
            reasons.append("letters-held")
        if self._last_tick is not None and time.monotonic() - self._last_tick > 30:
            reasons.append("no-tick")
        return Health(tuple(reasons))

    def _figures(self) -> Figures:
        with self._store.look() as tx:
            mails, letters = inbox.counts(tx), outbox.counts(tx)
            oldest, due = outbox.oldest_waiting(tx), timers.overdue(tx, utc())
        return Figures(
            mails, letters, sum(mails.values()), letters["sent"], due, (utc() - oldest).total_seconds() if oldest else None,
            self._delivery.breaker.open, time.monotonic() - self._last_tick if self._last_tick is not None else None,
        )  # fmt: skip

    # -------------------------------------------------------------------------------------------------------------- end

    async def _drain(self, listeners: Mapping[str, Listener], web: Web, scheduler: AsyncIOScheduler, parser: Parser) -> None:
        if scheduler.running:
            scheduler.shutdown(wait=False)
        await asyncio.gather(*(listener.stop(_SMTP_GRACE) for listener in listeners.values()))
        await asyncio.to_thread(self._intake.close)
        await asyncio.to_thread(self._bench.close, _WORK_GRACE)
        parser.close()
        await self._courier.close()
        await web.stop()
        try:
            await asyncio.to_thread(self._give_back)
        except Temporary as error:
            journal.trouble("drain", error)
        journal.told("stopped")

    def _give_back(self) -> None:
        """What we had claimed and did not come to is anybody's again, at once and without a strike."""
        with self._store.begin() as tx:
            inbox.free(tx, self._owner, utc(), _FOUND_OPEN)
            outbox.free(tx, self._owner, utc())


def _recipient(house: House, address: str) -> Rcpt:
    """Whether we take mail for this address: the desks' own, their sub-addresses, and postmaster (RFC 5321 4.5.1)."""
    if house.detail(address) is not None:
        return Rcpt.OURS
    local, _, domain = fold_address(address).rpartition("@")
    if fold_address(address) == "postmaster" or (local == "postmaster" and domain in house.own_domains):
        return Rcpt.OURS
    return Rcpt.UNKNOWN if domain in house.own_domains else Rcpt.FOREIGN


def serve(settings: Settings, environ: Mapping[str, str]) -> None:
    """Runs the daemon until it is asked to stop. Raises Misconfigured where it cannot begin."""
    with asyncio.Runner(loop_factory=_fast_loop()) as runner:
        runner.run(_served(settings, environ))


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it exists; None for the standard loop."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return None
    return new_event_loop


async def _served(settings: Settings, environ: Mapping[str, str]) -> None:
    await Service(settings, environ).run()


__all__ = ["Misconfigured", "Service", "serve", "utc"]
