"""How does mail come from an IMAP mailbox? One task an account: find, fetch, have it stored, and only then flag it or move it.

What we have is known from our own ledger, by UID, and never from what the mailbox says about read and unread. IDLE is a hint: everything
is looked for again every few seconds. Nothing that a server or the database does ends the task, and none waits for another's server.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import ParamSpec, TypeVar

from mailgate.channels.imap_session import LoginRefused, Selected, Server, Session, connected, tried
from mailgate.channels.imap_wire import Refused
from mailgate.desk.errors import MailgateError, Permanent, Temporary
from mailgate.flow import journal
from mailgate.flow.fetch import Ledger, gaps
from mailgate.flow.seam import crash_point
from mailgate.store.engine import Store

P = ParamSpec("P")
T = TypeVar("T")

# So many mails, or so many octets, are fetched and committed together; a larger mail comes alone.
_TOGETHER, _TOGETHER_OCTETS = 50, 4_000_000
# So many UIDs stand in one command.
_IN_A_SET = 100
# A gateway that waits for another one's mailbox asks so often (seconds) whether it may have it.
_STANDBY = 10.0
# Seconds until a mail that could not be had is tried again; doubled each time.
_RETRY = 60.0


@dataclass(frozen=True, slots=True)
class Account:
    """A mailbox. `processed` is the folder to which done mails are moved, None: they stay and are flagged. `largest` is octets.

    `start` says with which mails the first connection begins: None with all, a date with those that came that day or later, a time (UTC)
    with those that come from now on.
    """

    name: str
    server: Server
    folder: str
    processed: str | None
    start: date | datetime | None
    largest: int


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: between two looks, after a lost connection and after a refused login (doubled each time, up to the longest), and until the
    operator hears that nothing was fetched.
    """

    look: float = 10.0
    lost: float = 1.0
    longest_lost: float = 60.0
    refused: float = 30.0
    longest_refused: float = 900.0
    silence: float = 60.0


class Fetcher:
    """Fetches one account's mails until its task is cancelled. `stopped` says that it does not, and that the operator was told."""

    def __init__(self, account: Account, ledger: Ledger, pace: Pace | None = None) -> None:
        self._account, self._ledger, self._pace = account, ledger, pace or Pace()
        self._failures = 0
        self._well_at = time.monotonic()
        self.stopped = False
        # Mails that could not be had: when (monotonic) to try again.
        self._later: dict[int, float] = {}

    async def run(self) -> None:
        """Never returns."""
        try:
            while True:
                try:
                    await self._serve()
                except Exception as error:
                    self._failed(error)
                    await asyncio.sleep(self._pause(error))
        finally:
            with suppress(MailgateError):
                await _in_thread(self._ledger.release)

    async def _serve(self) -> None:
        """One connection, until it is lost. Raises what ended it."""
        while not await _in_thread(self._ledger.take):
            self._well()
            await asyncio.sleep(_STANDBY)
        session = await connected(self._account.server)
        try:
            if self._account.processed is not None:
                await session.create(self._account.processed)
            selected = await session.select(self._account.folder)
            lowest = await self._begin(session, selected)
            while True:
                await self._finalise(session, await _in_thread(self._ledger.unflagged))
                lowest = await self._round(session, lowest)
                self._well()
                await session.wait(self._pace.look)
        finally:
            session.close()

    async def _begin(self, session: Session, selected: Selected) -> int:
        """With which UID to begin; where the folder was not read yet as it is numbered now, this decides which mails are ours."""
        plan = await _in_thread(self._ledger.open, selected.uidvalidity)
        if plan.lowest is not None:
            return plan.lowest
        self._later.clear()
        start = self._account.start
        if plan.renumbered:
            # All of it, but for what was there before us; what we have is known by its content. A day more, because clocks differ.
            skipped = await session.before((plan.since - timedelta(days=1)).date()) if plan.since else []
            await _in_thread(self._ledger.begin, 1, plan.since, skipped)
            return 1
        if isinstance(start, datetime):
            first = selected.next or max(await session.uids(1), default=0) + 1
            await _in_thread(self._ledger.begin, first, start, [])
            return first
        since = datetime(start.year, start.month, start.day, tzinfo=UTC) if start else None
        skipped = await session.before(start) if start else []
        await _in_thread(self._ledger.begin, 1, since, skipped)
        return 1

    async def _round(self, session: Session, lowest: int) -> int:
        """Takes in everything that is new. Returns below which UID nothing is to be looked for any more."""
        while True:
            uids = await session.uids(lowest)
            crash_point("CP10-searched")
            unknown = await _in_thread(self._ledger.unknown, lowest, uids)
            now = time.monotonic()
            wanted = [uid for uid in unknown if self._later.get(uid, now) <= now]
            for some in _sets(wanted):
                await self._take_in(session, some)
            if wanted:
                lowest = await _in_thread(self._ledger.advance, lowest, uids)
            else:
                return lowest

    async def _take_in(self, session: Session, uids: Sequence[int]) -> None:
        sizes = await session.sizes(uids)
        for uid in uids:
            if uid not in sizes:
                # Another client has expunged it, and then the next search does not find it either.
                await self._fail(uid, "the server does not say how large it is")
            elif sizes[uid] > self._account.largest:
                why = f"{sizes[uid]} octets, and [smtp] max_size is {self._account.largest}"
                await _in_thread(self._ledger.give_up, uid, "imap-too-large", why)
        for together in _parcels({uid: size for uid, size in sizes.items() if size <= self._account.largest}):
            await self._fetch(session, together)

    async def _fetch(self, session: Session, sizes: Mapping[int, int]) -> None:
        """Fetches some mails, has them stored, and tells the server. Where that fails over one of them, the others do not wait for it."""
        try:
            mails = await session.fetch(sizes, sum(sizes.values()))
            crash_point("CP11-fetched")
            if mails:
                await _in_thread(self._ledger.enter, sorted(mails.items()))
        except Exception as error:
            if isinstance(error, Temporary) and not isinstance(error, Refused):
                raise
            for uid, size in sizes.items():
                if len(sizes) > 1:
                    await self._fetch(session, {uid: size})
                else:
                    await self._fail(uid, str(error) if isinstance(error, MailgateError) else type(error).__name__)
            return
        for uid in sizes:
            if uid not in mails:
                await self._fail(uid, "the server does not give it")
        await self._finalise(session, sorted(mails))

    async def _finalise(self, session: Session, uids: Sequence[int]) -> None:
        """Flags or moves what is safe here. What the server refuses is tried again at the next look."""
        for some in _sets(uids):
            try:
                if self._account.processed is None:
                    await session.flag(some)
                else:
                    await session.move(some, self._account.processed)
            except Refused as error:
                journal.trouble(f"imap:{self._account.name}", error)
                return
            crash_point("CP15-flagged")
            await _in_thread(self._ledger.flagged, some)

    async def _fail(self, uid: int, why: str) -> None:
        attempts = await _in_thread(self._ledger.fail, uid, why)
        self._later[uid] = time.monotonic() + _RETRY * (1 << (attempts - 1))

    def _well(self) -> None:
        self._failures, self._well_at = 0, time.monotonic()
        if self.stopped:
            journal.told("imap_back", account=self._account.name)
        self.stopped = False

    def _failed(self, error: Exception) -> None:
        """Counts it, and tells the operator once: of a login that is refused at once, of anything else where it lasts."""
        self._failures += 1
        journal.trouble(f"imap:{self._account.name}", error)
        lasting = time.monotonic() - self._well_at > self._pace.silence
        if not self.stopped and (lasting or isinstance(error, LoginRefused | Permanent)):
            self.stopped = True
            said = str(error) if isinstance(error, MailgateError) else type(error).__name__
            journal.alert("imap-stopped", f"nothing is fetched for {self._account.name}: {said}")

    def _pause(self, error: Exception) -> float:
        """How long to wait now: longer after refused logins, or the server locks us out."""
        pace, times = self._pace, float(1 << min(self._failures - 1, 20))
        if isinstance(error, LoginRefused | Permanent):
            return min(pace.refused * times, pace.longest_refused)
        return min(pace.lost * times, pace.longest_lost)


def probed(account: Account) -> str:
    """What keeps us from reading the folder; "" where nothing does. For a command without an event loop of its own."""
    try:
        asyncio.run(tried(account.server, account.folder))
    except MailgateError as error:
        return str(error)
    return ""


def audited(account: Account, store: Store) -> list[str]:
    """Each mail that the server has and our ledger lacks, or the other way round, in words. Raises Temporary, Permanent."""

    async def compare() -> list[str]:
        session = await connected(account.server)
        try:
            selected = await session.select(account.folder, read_only=True)
            there, flagged = await session.uids(1), await session.flagged()
        finally:
            session.close()
        return await asyncio.to_thread(gaps, store, account.name, account.folder, selected.uidvalidity, there, flagged)

    return asyncio.run(compare())


def _sets(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (uids[at : at + _IN_A_SET] for at in range(0, len(uids), _IN_A_SET))


def _parcels(sizes: Mapping[int, int]) -> Iterable[dict[int, int]]:
    """What is fetched together."""
    parcel: dict[int, int] = {}
    for uid, size in sorted(sizes.items()):
        if parcel and (len(parcel) == _TOGETHER or sum(parcel.values()) + size > _TOGETHER_OCTETS):
            yield parcel
            parcel = {}
        parcel[uid] = size
    if parcel:
        yield parcel


async def _in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs what blocks. A thread does not end with its task: who is cancelled meanwhile waits for it, so that nothing is left running."""
    running = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait((running,))
        raise
