"""How does everything run together? The doors (SMTP, web) open first, and behind them the crew begins once there is a database.

Nobody hears 250 before his mail is stored, and nobody meets a closed door without a reason: until the database answers, peers hear 421 and
probes 503. It stops in the opposite order, so that nothing that was accepted is forgotten.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from mailgate.channels.smtp_in import Listener, Rcpt, Refusal
from mailgate.channels.web import Web
from mailgate.channels.web_metrics import Figures, Health
from mailgate.channels.web_pages import Pages
from mailgate.config import wiring
from mailgate.config.house import open_house
from mailgate.config.settings import Settings
from mailgate.daemon import systemd
from mailgate.daemon.crew import Crew, Missing
from mailgate.daemon.database import Database, open_database
from mailgate.daemon.identity import Identity
from mailgate.daemon.metronome import Metronome
from mailgate.desk.errors import Temporary
from mailgate.desk.model import fold_address
from mailgate.flow import journal
from mailgate.flow.house import House
from mailgate.flow.intake import RawMail, Receipt
from mailgate.flow.reception import Reception

# Seconds for mails past the final dot. After the last of them whatever still hangs is left to the leases.
_SMTP_GRACE, _LAST_RESORT = 15.0, 28.0
# So long without a tick, and something hangs.
_STALE_SECONDS = 30.0
# The waits between attempts to open the database; the last one stays.
_RETRY_SECONDS = (1, 2, 5, 10, 30)
_TEMPORARY = 75


class Service:
    """One daemon. `run` returns when it was asked to stop and everything it holds is safe.

    `_crew` is None as long as there is no database: then mail is refused for now, and probes hear so.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._settings, self._environ = settings, environ
        self._given = systemd.sockets(environ)
        self._stop = asyncio.Event()
        self._fault: Missing | None = None
        self._crew: Crew | None = None
        self._house = open_house(settings, None)
        self._listeners = self._make_listeners()
        self._web = Web(wiring.web_settings(settings), self._health, self._figures, Pages(self._house, self._reception))
        self._metronome = Metronome(self._tick)
        self._free, self._crowded = 0, False

    async def run(self) -> None:
        """Serves until SIGTERM or SIGINT. Raises Misconfigured where it cannot begin, Missing where one of the crew was lost."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stop)
        with Identity(self._settings.root) as owner:
            try:
                await self._open_doors()
                database = await self._opened(owner)
                if database is not None:
                    await self._serve(database, owner)
            finally:
                await self._close_doors()
        if self._fault is not None:
            raise self._fault

    def stop(self) -> None:
        """Asks it to end; `run` returns when everything is safe."""
        self._stop.set()

    async def _open_doors(self) -> None:
        await self._web.start(self._given.get("web"))
        for name, listener in self._listeners.items():
            await listener.start(self._given.get(name, ()))
        await self._tick()
        self._metronome.start()

    async def _close_doors(self) -> None:
        self._metronome.stop()
        await self._stop_listening()
        await self._web.stop()

    async def _opened(self, owner: str) -> Database | None:
        """The database, as soon as it answers; None if we are asked to stop before."""
        attempt = 0
        while not self._stop.is_set():
            try:
                return await asyncio.to_thread(open_database, self._settings, owner)
            except Temporary as error:
                journal.alert(error.code, str(error))
            # We are as far as we can come: whoever started us need not wait, and must not start us again.
            systemd.notify("READY=1", self._environ)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), _RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
            attempt += 1
        return None

    async def _serve(self, database: Database, owner: str) -> None:
        """Everything that needs the database, until we are asked to stop."""
        crew = Crew(self._settings, replace(self._house, instance=database.instance), database.store, owner)
        crew.start()
        self._crew = crew
        self._say_ready(database)
        await self._stop.wait()
        last_resort = threading.Timer(_LAST_RESORT, os._exit, (_TEMPORARY,))
        last_resort.daemon = True
        last_resort.start()
        systemd.notify("STOPPING=1", self._environ)
        journal.told("draining")
        await asyncio.gather(self._stop_listening(), crew.stop_fetching(), crew.stop_sending())
        self._crew = None
        await crew.close()
        await asyncio.to_thread(database.close)
        last_resort.cancel()
        journal.told("stopped")

    async def _stop_listening(self) -> None:
        await asyncio.gather(*(listener.stop(_SMTP_GRACE) for listener in self._listeners.values()))

    def _say_ready(self, database: Database) -> None:
        ports = {name: listener.port for name, listener in self._listeners.items()}
        relay = self._settings.relay
        where = f"{relay.host}:{relay.port}" if relay.host else str(relay.directory)
        journal.told("ready", **ports, web=self._web.port, store=database.store.url.render_as_string(hide_password=True), relay=where)
        systemd.notify("READY=1", self._environ)

    # ------------------------------------------------------------------------------------------------------------ doors

    def _make_listeners(self) -> dict[str, Listener]:
        """The protocol of the configuration, and the other one too where the service manager hands us a socket for it."""
        settings, limits = wiring.smtp_settings(self._settings), wiring.smtp_limits(self._settings)
        usual = "lmtp" if settings.lmtp else "smtp"
        return {
            name: Listener(
                replace(settings, lmtp=name == "lmtp"), receive=self._receive, accepts=lambda address: _recipient(self._house, address),
                admission=self._admission, limits=limits,
            )
            for name in ("smtp", "lmtp") if name == usual or name in self._given
        }  # fmt: skip

    def _receive(self, mail: RawMail) -> Future[Receipt]:
        if self._crew is None:
            raise Temporary("there is no database yet", code="store-unavailable")
        return self._crew.receive(mail)

    def _admission(self, octets: int) -> Refusal | None:
        if self._crew is None or not self._crew.answers:
            return Refusal.NOT_READY
        return Refusal.NO_SPACE if self._crowded or self._free < octets * 3 // 2 else None

    # ------------------------------------------------------------------------------------------------------------ ticks

    async def _tick(self) -> None:
        """Once a second. The watchdog hears of it whether or not the database answers: starting us anew would not mend that."""
        self._measure_disk()
        # Those who are on their way home are not missing.
        if self._crew is not None and not self._stop.is_set():
            try:
                await self._crew.tick()
            except Missing as error:
                self._fault = error
                self._stop.set()
        systemd.notify("WATCHDOG=1", self._environ)

    def _measure_disk(self) -> None:
        self._free = shutil.disk_usage(self._disk()).free
        if self._crowded == (self._free < self._needed):
            return
        self._crowded = not self._crowded
        if self._crowded:
            journal.alert("disk-full", f"{self._free} octets are free and {self._needed} needed to take mail; it is refused for now")
        else:
            journal.told("disk_has_room", octets=self._free)

    @property
    def _needed(self) -> int:
        """Octets that have to be free for the largest mail: its own, and what the database writes beside them."""
        return self._settings.smtp.max_size * 3 // 2

    def _disk(self) -> Path:
        """The folder that grows with each mail, or the nearest one above it that exists."""
        scheme, _, file = self._settings.store.url.partition(":///")
        folder = Path(file).parent if scheme == "sqlite" else self._settings.root
        return next(path for path in (folder, *folder.parents) if path.exists())

    # ----------------------------------------------------------------------------------------------------------- health

    def _health(self) -> Health:
        crew = self._crew
        wrong = {
            "stopping": self._stop.is_set(),
            "database-down": crew is None or not crew.answers,
            "disk-full": self._crowded,
            "imap-stopped": crew is not None and not all(crew.fetching.values()),
            "letters-held": crew is not None and crew.held,
            "no-tick": crew is not None and time.monotonic() - crew.ticked > _STALE_SECONDS,
        }
        return Health(tuple(reason for reason, holds in wrong.items() if holds))

    def _reception(self) -> Reception:
        if self._crew is None:
            raise Temporary("there is no database yet", code="store-unavailable")
        return self._crew.reception

    def _figures(self) -> Figures:
        if self._crew is None:
            raise Temporary("there is no database yet", code="store-unavailable")
        return self._crew.figures()


def _recipient(house: House, address: str) -> Rcpt:
    """Whether we take mail for this address: the desks' own, their sub-addresses, and postmaster (RFC 5321 4.5.1)."""
    if house.detail(address) is not None:
        return Rcpt.OURS
    local, _, domain = fold_address(address).rpartition("@")
    if fold_address(address) == "postmaster" or (local == "postmaster" and domain in house.own_domains):
        return Rcpt.OURS
    return Rcpt.UNKNOWN if domain in house.own_domains else Rcpt.FOREIGN


def serve(settings: Settings, environ: Mapping[str, str]) -> None:
    """Runs the daemon until it is asked to stop. Raises Misconfigured where it cannot begin; nothing is left half-started then."""
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
