"""How do the desks stand, as of a moment ago? What their pages show is counted at most once a minute, however many look at it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk.board import Open, by_due, judged
from mailgate.desk.model import Directory, TicketId
from mailgate.desk.report import Handled, Period
from mailgate.desk.rules import Rules
from mailgate.desk.summary import Brief, promised
from mailgate.flow.house import House
from mailgate.store import board, figures
from mailgate.store.engine import Store

# So long what was counted is shown again: what is open, and what was done in a week.
FRESH, WEEK_FRESH = timedelta(minutes=1), timedelta(minutes=5)
WEEK = timedelta(days=7)
# Of a larger backlog the oldest are shown: nobody reads more.
MOST = 5000


class Backlog(Struct, frozen=True):
    """The open tickets of a desk as they were `at` that moment (aware UTC), what is due first first, and whether there are more."""

    at: datetime
    tickets: tuple[Open, ...]
    more: bool


class Week(Struct, frozen=True):
    """The tickets of a desk to which anything happened in the seven days before `period.until`."""

    period: Period
    handled: tuple[Handled, ...]


@dataclass(slots=True)
class Board:
    """What was counted last, for each desk. Shared by all visitors; whoever comes while it is counted waits for it."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _open: dict[str, Backlog] = field(default_factory=dict)
    _weeks: dict[str, Week] = field(default_factory=dict)
    # When something of a ticket is due follows from its row and the rules alone: it is reckoned once for each version.
    _briefs: dict[TicketId, tuple[int, Brief]] = field(default_factory=dict)

    def unsolved(self, store: Store, house: House, everybody: Directory, desk: str, now: datetime) -> Backlog:
        """What is open at a desk."""
        with self._lock:
            known = self._open.get(desk)
            if known is None or not timedelta(0) <= now - known.at < FRESH:
                known = self._open[desk] = self._read(store, house.rules(desk, everybody), desk, now)
            return known

    def week(self, store: Store, desk: str, now: datetime) -> Week:
        """What happened at a desk within seven days."""
        with self._lock:
            known = self._weeks.get(desk)
            if known is None or not timedelta(0) <= now - known.period.until < WEEK_FRESH:
                period = Period(now - WEEK, now)
                with store.look() as tx:
                    known = self._weeks[desk] = Week(period, tuple(figures.touched(tx, desk, period)))
            return known

    def _read(self, store: Store, rules: Rules, desk: str, now: datetime) -> Backlog:
        fresh: dict[TicketId, tuple[int, Brief]] = {}

        def brief(number: TicketId, version: int, read: Callable[[], Brief]) -> Brief:
            known = self._briefs.get(number)
            fresh[number] = known if known and known[0] == version else (version, promised(read(), rules))
            return fresh[number][1]

        with store.look() as tx:
            found = board.unsolved(tx, desk, MOST + 1, brief)
        self._forget(desk)
        self._briefs.update(fresh)
        return Backlog(now, judged(found[:MOST], now), len(found) > MOST)

    def _forget(self, desk: str) -> None:
        """What was open at the desk before and may not be any more."""
        for one in self._open[desk].tickets if desk in self._open else ():
            self._briefs.pop(one.brief.id, None)


def together(parts: Sequence[Backlog]) -> Backlog:
    """The backlogs of several desks as one, as of the oldest of them."""
    if len(parts) == 1:
        return parts[0]
    whole = sorted((one for part in parts for one in part.tickets), key=by_due)
    return Backlog(min(part.at for part in parts), tuple(whole), any(part.more for part in parts))


def joined(parts: Sequence[Week]) -> Week:
    """The weeks of several desks as one."""
    first = min(parts, key=lambda one: one.period.until)
    return replace(first, handled=tuple(one for part in parts for one in part.handled))
