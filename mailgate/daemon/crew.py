"""Who works once the database is there? Threads store mails and take them through the house, a postman delivers, ticks fire what is due.

The doors (SMTP, web) stand open before there is a crew, and close before it goes home: see `service`.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future

from mailgate.channels.smtp_out import Courier
from mailgate.channels.web_metrics import Figures
from mailgate.config import wiring
from mailgate.config.settings import Settings
from mailgate.daemon.clock import reading, utc
from mailgate.daemon.database import give_back
from mailgate.daemon.mailboxes import Mailboxes
from mailgate.daemon.post import Postman
from mailgate.daemon.work import Workbench
from mailgate.desk.errors import Temporary
from mailgate.flow import journal
from mailgate.flow.delivery import Delivery
from mailgate.flow.house import House
from mailgate.flow.indexing import Indexer
from mailgate.flow.intake import Intake, RawMail, Receipt
from mailgate.flow.reception import Reception
from mailgate.flow.replan import Replanner
from mailgate.flow.retention import Sweeper
from mailgate.flow.sanity import Sanity
from mailgate.flow.step import Worker
from mailgate.flow.timers import Timekeeper
from mailgate.mail.isolate import Died, Parser
from mailgate.mail.parsed import ParsedMail
from mailgate.store import inbox, outbox, timers
from mailgate.store.engine import Store

# Seconds that the batch in hand has to end in.
_PATIENCE = 5.0


class Crew:
    """Everybody who needs the database, from `start` to `close`. Belongs to one event loop; `owner` names this gateway in its claims."""

    def __init__(self, settings: Settings, house: House, store: Store, owner: str) -> None:
        limits = settings.security.limits
        self._store, self._owner = store, owner
        self._parser, self._librarian = Parser(limits.parse_memory), Parser(limits.parse_memory)
        self._patience, self._fetching_file = limits.parse_time.total_seconds(), threading.Lock()
        # What stands behind the web pages.
        self.reception = Reception(store, house, utc, self._read)
        self._sanity = Sanity(store, house, owner, reading)
        self._delivery = Delivery(store, house, owner, utc, time.monotonic, random.random, lambda: self._sanity.doubt is not None)
        self._keeper = Timekeeper(store, house, self._sanity.now)
        self._indexer = Indexer(store)
        self._replanner = Replanner(store, house, self._sanity.now)
        self._sweeper = Sweeper(store, house.policy.retention, self._sanity.now)
        self._postman = Postman(self._delivery, Courier(wiring.relay(settings)))
        worker = Worker(store, house, self._parser, owner, utc, lambda: self._postman.free, limits.parse_time.total_seconds())
        self._intake = Intake(store, house, owner, utc, lambda: self._bench.stored())
        self._bench = Workbench(worker, self._intake, self._postman.hand)
        self._mailboxes = Mailboxes(settings, house, store, owner, self._bench.look)
        # Whether the database answered at the last tick, and when that was (monotonic seconds).
        self.answers = True
        self.ticked = time.monotonic()
        self._chores_fault = ""
        # Held by the tick that is at work; whoever goes home waits for it.
        self._at_work = asyncio.Lock()
        self._leaving = False

    def start(self) -> None:
        """Begins with what an earlier life left behind."""
        self._postman.start()
        self._postman.look()
        self._bench.start()
        self._mailboxes.start()

    def receive(self, mail: RawMail) -> Future[Receipt]:
        """Asks for a mail to be stored; see `Intake.receive`."""
        return self._intake.receive(mail)

    async def tick(self) -> None:
        """Fires what is due and has everybody look for work. A database that is away for a while ends nothing and is told once.

        Raises Missing where one of the crew has ended by himself.
        """
        async with self._at_work:
            if not self._leaving:
                await self._tick()

    async def _tick(self) -> None:
        self._muster()
        try:
            await asyncio.to_thread(self._fire)
        except Exception as error:
            if self.answers or not isinstance(error, Temporary):
                journal.trouble("tick", error)
            self.answers = self.answers and not isinstance(error, Temporary)
            return
        if not self.answers:
            journal.told("database_back")
        self.answers, self.ticked = True, time.monotonic()
        self._postman.look()
        self._bench.look()
        await self._tidy()

    async def _tidy(self) -> None:
        """Does what has time: no fault in it keeps anybody from his work, and each is told once."""
        try:
            await asyncio.to_thread(self._chores)
        except Temporary:
            # A full disk or a database that is away is told where it keeps mail out.
            return
        except Exception as error:
            if repr(error) != self._chores_fault:
                journal.trouble("chores", error)
            self._chores_fault = repr(error)

    @property
    def held(self) -> bool:
        """Whether letters and timers are on hold."""
        return self._delivery.held is not None

    @property
    def fetching(self) -> Mapping[str, bool]:
        """Of each IMAP account whether its mails are fetched."""
        return self._mailboxes.fetching

    def _read(self, raw: bytes) -> ParsedMail | None:
        """What a mail says of which somebody wants a file. The worker's own reader is not kept waiting by that."""
        with self._fetching_file:
            mail = self._librarian.parse_all([raw], self._patience)[0]
        return None if isinstance(mail, Died) else mail

    def figures(self) -> Figures:
        """What the metrics show. Raises Temporary."""
        with self._store.look() as tx:
            mails, letters = inbox.counts(tx), outbox.counts(tx)
            oldest, due = outbox.oldest_waiting(tx), timers.overdue(tx, utc())
        return Figures(
            mails, letters, sum(mails.values()), letters["sent"], due, (utc() - oldest).total_seconds() if oldest else None,
            self._delivery.breaker.open, time.monotonic() - self.ticked, self.fetching, self.held or self._sanity.doubt is not None,
        )  # fmt: skip

    async def stop_fetching(self) -> None:
        """No mail is fetched any more; what was being stored is stored."""
        await self._mailboxes.close()

    async def stop_sending(self) -> None:
        """The postman ends his rounds; what is written from now on waits in the outbox."""
        await self._postman.close()

    async def close(self) -> None:
        """Stores what was taken in, ends the batch in hand, and gives back what nobody came to: the next start need not wait for a lease.

        The tick at work ends first, with the commit that it is in. The parser goes last: a mail whose reader ended with us gets no strike,
        because by then it is not ours any more.
        """
        self._leaving = True
        async with self._at_work:
            pass
        await asyncio.to_thread(self._intake.close)
        await asyncio.to_thread(self._bench.close, _PATIENCE)
        try:
            await asyncio.to_thread(give_back, self._store, self._owner)
        except Temporary as error:
            journal.trouble("drain", error)
        self._parser.close()
        self._librarian.close()

    def _muster(self) -> None:
        """A gateway that takes mail and does nothing with it is worse than one that ends and is started again."""
        alive = {
            "intake": self._intake.alive, "worker": self._bench.alive, "postman": self._postman.alive, "fetcher": self._mailboxes.alive,
        }  # fmt: skip
        for name, lives in alive.items():
            if not lives:
                raise Missing(name)

    def _fire(self) -> None:
        while not self._leaving and self._keeper.tick():
            pass

    def _chores(self) -> None:
        self._indexer.tick()
        self._replanner.tick()
        self._sweeper.tick()


class Missing(Temporary):
    """One of the crew has ended and nobody asked for it."""

    code = "crew-missing"

    def __init__(self, name: str) -> None:
        super().__init__(f"the {name} has ended by itself")
