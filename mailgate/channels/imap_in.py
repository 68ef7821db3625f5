"""How does mail come from an IMAP mailbox? One task an account: find, fetch, have it stored, and only then flag it or move it.

What we have is known from our own ledger, by UID, and never from what the mailbox says about read and unread. IDLE is a hint: everything
is looked for again every few seconds. Nothing that a server or the database does ends the task, and none waits for another's server.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import ParamSpec, TypeVar

from msgspec import Struct

from mailgate.channels.imap_session import LoginRefused, Selected, Server, Session, connected, tried
from mailgate.channels.imap_wire import Refused
from mailgate.desk.errors import MailgateError, Permanent, Temporary
from mailgate.flow import journal
from mailgate.flow.fetch import LEASE, Ledger, gaps
from mailgate.flow.outages import Outages
from mailgate.flow.seam import crash_point
from mailgate.store.engine import Store

P = ParamSpec("P")
T = TypeVar("T")

# What a server without both costs, in words for log and check.
IMMOVABLE = "the server can neither MOVE nor UID EXPUNGE, so that mails are not moved to `processed`: they stay in the folder, flagged"
# So many mails, or so many octets, are fetched and committed together; a larger mail comes alone.
_TOGETHER, _TOGETHER_OCTETS = 50, 4_000_000
# So many UIDs stand in one command.
_IN_A_SET = 100
# So many UIDs are looked at before the ledger is brought forward. A search spans as many, and more where few of them have a mail.
_WINDOW = 1_000
# A gateway that waits for another one's mailbox asks so often (seconds) whether it may have it.
_STANDBY = 10.0
# A mail may take longer to come than the lease lasts, which is renewed every so many seconds meanwhile.
_RENEWED = LEASE.total_seconds() / 3
# By how much of itself chance makes a wait longer or shorter, so that mailboxes of one server do not come back together.
_SPREAD = 0.2
# Seconds until a mail that could not be had is tried again; doubled each time.
_RETRY = 60.0


class Account(Struct, frozen=True):
    """A mailbox, for the desk of that name. `processed` is the folder to which done mails are moved, None: they stay and are flagged.
    `largest` is octets.

    `start` says with which mails the first connection begins: None with all, a date with those that came that day or later, a time (UTC)
    with those that come from now on.
    """

    name: str
    desk: str
    server: Server
    folder: str
    processed: str | None
    start: date | datetime | None
    largest: int


class Pace(Struct, frozen=True):
    """Seconds: between two looks, after a lost connection and after a refused login (doubled each time, up to the longest), and until the
    operator hears that nothing was fetched.
    """

    look: float = 10.0
    lost: float = 1.0
    longest_lost: float = 60.0
    refused: float = 30.0
    longest_refused: float = 900.0
    silence: float = 60.0

    def pause(self, failures: int, chance: float, *, refused: bool) -> float:
        """How long to wait after so many failures in a row: longer after refused logins, or the server locks us out.

        `chance` of 0..1 moves it by a fifth either way, 0.5 not at all.
        """
        first, longest = (self.refused, self.longest_refused) if refused else (self.lost, self.longest_lost)
        wait = min(first * (1 << min(failures - 1, 20)), longest)
        return min(wait * (1 - _SPREAD + 2 * _SPREAD * chance), longest)


class Fetcher:
    """Fetches one account's mails until its task is cancelled. `stopped` says that it does not, and that the operator was told."""

    def __init__(
        self, account: Account, ledger: Ledger, outages: Outages, chance: Callable[[], float], pace: Pace | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        """`outages` tells the operator by mail. `chance` gives 0..1, and `sleep` waits out the seconds after a failure."""
        self._account, self._ledger, self._outages, self._pace = account, ledger, outages, pace or Pace()
        self._chance, self._sleep = chance, sleep
        self._failures = 0
        self._immovable = False
        # Why the server does not let us flag or move what is safe here.
        self._unflagged = ""
        self._well_at = time.monotonic()
        self.stopped = False
        # Mails that could not be had: when (monotonic) to try again. The lowest of them holds the ledger back.
        self._later: dict[int, float] = {}
        # How many UIDs one search spans, and from which on there was no mail when the folder was opened (0: nobody knows).
        self._span, self._end = _WINDOW, 0

    async def run(self) -> None:
        """Never returns."""
        try:
            while True:
                try:
                    await self._serve()
                except Exception as error:
                    await self._failed(error)
                    refused = isinstance(error, LoginRefused | Permanent)
                    await self._sleep(self._pace.pause(self._failures, self._chance(), refused=refused))
        finally:
            with suppress(MailgateError):
                await _in_thread(self._ledger.release)

    async def _serve(self) -> None:
        """One connection, until it is lost. Raises what ended it."""
        while not await _in_thread(self._ledger.take):
            # Another gateway fetches, and tells where it cannot.
            self._failures, self._well_at, self.stopped = 0, time.monotonic(), False
            await asyncio.sleep(_STANDBY)
        session = await connected(self._account.server)
        try:
            if self._account.processed is not None and session.moves:
                await session.create(self._account.processed)
            elif self._account.processed is not None and not self._immovable:
                self._immovable = True
                journal.alert("imap-no-move", f"{self._account.name}: {IMMOVABLE}")
            selected = await session.select(self._account.folder)
            self._span, self._end = _WINDOW, selected.next
            lowest = await self._begin(session, selected)
            while True:
                await self._finalise(session, await _in_thread(self._ledger.unflagged))
                lowest = await self._round(session, lowest)
                await self._well()
                await session.wait(self._pace.look)
        finally:
            session.close()

    async def _begin(self, session: Session, selected: Selected) -> int:
        """With which UID to begin; where the folder was not read yet as it is numbered now, this decides which mails are ours."""
        plan = await _in_thread(self._ledger.open, selected.uidvalidity)
        if plan.lowest is not None:
            # Another gateway may have dealt with some since.
            self._later = {uid: due for uid, due in self._later.items() if uid >= plan.lowest}
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
        """Takes in everything that is new. Returns below which UID nothing new is to be looked for any more."""
        await self._again(session, lowest)
        low = lowest
        while True:
            # Windows, as far as there were mails when the folder was opened, so that no answer is as long as a folder; the last is open.
            # The next round begins behind the last mail that was seen: nothing is lost where a server is wrong about its next UID.
            high = low + self._span - 1 if low + self._span < self._end else None
            uids = await session.uids(low, highest=high)
            crash_point("CP10-searched")
            for at in range(0, max(len(uids), 1), _WINDOW):
                lowest = await self._window(session, uids[at : at + _WINDOW], lowest)
            if high is not None:
                low = high + 1
                self._span = _fitted(self._span, len(uids))
            elif uids:
                low = lowest
            else:
                return lowest

    async def _window(self, session: Session, uids: Sequence[int], lowest: int) -> int:
        """Takes in what is new among these, the next that the server has from `lowest` on. Returns where those behind them begin."""
        unknown = await _in_thread(self._ledger.unknown, uids)
        for some in _sets([uid for uid in unknown if uid not in self._later]):
            await self._take_in(session, some)
            await self._well()
        if uids:
            lowest = uids[-1] + 1
            await _in_thread(self._ledger.advance, min([lowest, *self._later]))
        return lowest

    async def _again(self, session: Session, lowest: int) -> None:
        """Tries again what could not be had, where its time has come. What somebody has expunged meanwhile is no trouble any more."""
        now = time.monotonic()
        due = sorted(uid for uid, when in self._later.items() if when <= now)
        for some in _sets(due):
            there = await session.still(some)
            unknown = await _in_thread(self._ledger.unknown, there)
            for uid in some:
                del self._later[uid]
            if unknown:
                await self._take_in(session, unknown)
        if due:
            await _in_thread(self._ledger.advance, min([lowest, *self._later]))

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
            mails = await self._holding(session.fetch(sizes, sum(sizes.values())))
            crash_point("CP11-fetched")
            stored = sorted(mails)
            if mails:
                # Popped, since the worker begins with them at the commit, and large ones should be in memory no more often than need be.
                await _in_thread(self._ledger.enter, [(uid, mails.pop(uid)) for uid in stored])
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
            if uid not in stored:
                await self._fail(uid, "the server does not give it")
        await self._finalise(session, stored)

    async def _holding(self, fetch: Awaitable[T]) -> T:
        """Waits for what may take longer than the lease lasts."""
        running = asyncio.ensure_future(fetch)
        try:
            while not (await asyncio.wait((running,), timeout=_RENEWED))[0]:
                await _in_thread(self._ledger.renew)
            return running.result()
        finally:
            running.cancel()

    async def _finalise(self, session: Session, uids: Sequence[int]) -> None:
        """Flags or moves what is safe here. What the server refuses is tried again at the next look."""
        for some in _sets(uids):
            try:
                if self._account.processed is None or not session.moves:
                    await session.flag(some)
                else:
                    await session.move(some, self._account.processed)
            except Refused as error:
                # Told once, since it comes again at each look.
                if str(error) != self._unflagged:
                    journal.trouble(f"imap:{self._account.name}", error)
                self._unflagged = str(error)
                return
            self._unflagged = ""
            crash_point("CP15-flagged")
            await _in_thread(self._ledger.flagged, some)

    async def _fail(self, uid: int, why: str) -> None:
        attempts = await _in_thread(self._ledger.fail, uid, why)
        if attempts is not None:
            self._later[uid] = time.monotonic() + _RETRY * (1 << (attempts - 1))

    async def _well(self) -> None:
        self._failures, self._well_at = 0, time.monotonic()
        if self.stopped:
            journal.told("imap_back", account=self._account.name)
        self.stopped = False
        await self._tell(self._outages.over)
        if self._account.server.grant is not None:
            await self._tell(self._outages.expires, self._account.server.grant.ends_soon)

    async def _failed(self, error: Exception) -> None:
        """Counts it, and tells the operator: of a login that is refused at once, of anything else where it lasts."""
        self._failures += 1
        journal.trouble(f"imap:{self._account.name}", error)
        lasting = time.monotonic() - self._well_at
        if lasting <= self._pace.silence and not isinstance(error, LoginRefused | Permanent):
            return
        said = str(error) if isinstance(error, MailgateError) else type(error).__name__
        if not self.stopped:
            self.stopped = True
            journal.alert("imap-stopped", f"nothing is fetched for {self._account.name}: {said}")
        await self._tell(self._outages.stopped, said, timedelta(seconds=lasting))

    async def _tell(self, news: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Has a letter written, if one is due. Where that fails it is due again the next time."""
        try:
            await _in_thread(news, *args, **kwargs)
        except Exception as error:
            journal.trouble(f"imap:{self._account.name}", error)


class Probed(Struct, frozen=True):
    """What a try of a mailbox found: what keeps us from reading it ("": nothing does), and what its operator should know besides."""

    wrong: str = ""
    remarks: tuple[str, ...] = ()


def probed(account: Account) -> Probed:
    """Logs in and opens the folder, changing nothing. For a command without an event loop of its own."""
    try:
        moves = asyncio.run(tried(account.server, account.folder))
    except MailgateError as error:
        return Probed(str(error))
    remarks = [IMMOVABLE] if account.processed is not None and not moves else []
    if account.server.grant is not None and (end := account.server.grant.ends_soon):
        remarks.append(f"the refresh token ends at {end:%Y-%m-%d %H:%M} UTC; get a new one")
    return Probed(remarks=tuple(remarks))


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


def _fitted(span: int, found: int) -> int:
    """How many UIDs the next search spans, when one of so many found so many mails: UIDs may be far apart, and close again."""
    if found < _WINDOW // 4:
        return span * 2
    return max(span // 2, _WINDOW) if found > _WINDOW else span


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
