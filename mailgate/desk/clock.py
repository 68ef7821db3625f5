"""What does a ticket remember of a promise? A clock: what was promised, when it ran, and what became of it. Values; `clocks` winds them.

A clock keeps the stretches in which it ran, never what was left of it: with another calendar or another target all of it is counted anew.
Moments are aware UTC, targets and what is spent are working time of the clock's calendar.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

_TICK = timedelta(microseconds=1)


class Phase(StrEnum):
    """Whether time counts for a clock; the last two are ends."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


class ClockState(StrEnum):
    """How a promise stands, as people read it: a breached one may be running yet."""

    RUNNING = "running"
    PAUSED = "paused"
    ACHIEVED = "achieved"
    BREACHED = "breached"
    CANCELLED = "cancelled"


class Step(Struct, frozen=True, order=True):
    """A point on the way to a breach and after it: `80%` of the target, `breach` (100 %), or a working time `later` than the breach."""

    percent: int
    later: timedelta = timedelta(0)

    def __str__(self) -> str:
        """As policy.toml writes it."""
        if not self.breaks:
            return f"{self.percent}%"
        return f"breach+{span(self.later)}" if self.later else "breach"

    @property
    def breaks(self) -> bool:
        """Whether the promise is broken there."""
        return self.percent >= 100

    def of(self, target: timedelta) -> timedelta:
        """How much working time is spent there."""
        return target * self.percent // 100 + self.later


BREACH = Step(100)


def span(time: timedelta) -> str:
    """A duration as policy.toml writes it, in the largest unit that it is a whole number of: "90m", "2h", "1d"."""
    seconds = time // timedelta(seconds=1)
    unit, size = next((unit, size) for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)) if seconds % size == 0)
    return f"{seconds // size}{unit}"


Stretch = tuple[datetime, datetime | None]


class Clock(Struct, frozen=True):
    """One promise of a ticket: the `number`-th clock of this metric. `sla` and `calendar` are names; no calendar is round the clock.

    `told` is the last step of which somebody heard. `spent` is there once it has ended, and stays what it was then.
    """

    metric: str
    number: int
    sla: str
    calendar: str | None
    target: timedelta
    began: datetime
    phase: Phase = Phase.RUNNING
    told: Step | None = None
    breached: bool = False
    spent: timedelta | None = None
    ended: datetime | None = None
    stretches: tuple[Stretch, ...] = ()

    @property
    def live(self) -> bool:
        """Whether it runs, or may run again without anything being promised anew."""
        return self.phase in (Phase.RUNNING, Phase.PAUSED)

    @property
    def state(self) -> ClockState:
        """How the promise stands."""
        if self.phase is Phase.CANCELLED:
            return ClockState.CANCELLED
        if self.breached:
            return ClockState.BREACHED
        return ClockState.ACHIEVED if self.phase is Phase.STOPPED else ClockState(self.phase)


class Moved(Struct, frozen=True):
    """A clock that is due at another time than before (aware UTC; None: it does not run), because something happened to its ticket."""

    metric: str
    due: datetime | None
    before: datetime | None


# A clock without its stretches, as an event carries it.
Row = tuple[str, int, str, str | None, int, str, str, int | None, int, bool, int | None, str | None]


def row(clock: Clock) -> Row:
    """The clock as it is from an event on; its stretches follow from when it ran."""
    told = clock.told or Step(0)
    return (
        clock.metric, clock.number, clock.sla, clock.calendar, clock.target // _TICK, clock.began.isoformat(), clock.phase.value,
        told.percent or None, told.later // _TICK, clock.breached, None if clock.spent is None else clock.spent // _TICK,
        clock.ended.isoformat() if clock.ended else None,
    )  # fmt: skip


def read(value: object) -> Clock:
    """The inverse of `row`."""
    metric, number, sla, calendar, target, began, phase, percent, later, breached, spent, ended = cast(Row, value)
    return Clock(
        metric, number, sla, calendar, target * _TICK, datetime.fromisoformat(began), Phase(phase),
        Step(percent, later * _TICK) if percent else None, breached, None if spent is None else spent * _TICK,
        datetime.fromisoformat(ended) if ended else None,
    )  # fmt: skip


def changed(clocks: tuple[Clock, ...], now: Iterable[Clock], at: datetime) -> tuple[Clock, ...]:
    """The clocks once some of them are what an event made of them `at` that moment: those that run have a stretch that is open."""
    known = {(one.metric, one.number): one for one in clocks}
    for one in now:
        before = known.get((one.metric, one.number))
        known[one.metric, one.number] = replace(one, stretches=_stretched(before.stretches if before else (), one.phase, at))
    return tuple(known.values())


def _stretched(stretches: tuple[Stretch, ...], phase: Phase, at: datetime) -> tuple[Stretch, ...]:
    runs = bool(stretches) and stretches[-1][1] is None
    if phase is Phase.RUNNING:
        return stretches if runs else (*stretches, (at, None))
    return (*stretches[:-1], (stretches[-1][0], at)) if runs else stretches


def kept(clock: Clock) -> list[object]:
    """The clock with its stretches, in the form in which a ticket is kept as JSON."""
    return [*row(clock), [[since.isoformat(), until.isoformat() if until else None] for since, until in clock.stretches]]


def remembered(value: list[object]) -> Clock:
    """The inverse of `kept`."""
    pairs = cast(list[tuple[str, str | None]], value[-1])
    stretches = tuple((datetime.fromisoformat(since), datetime.fromisoformat(until) if until else None) for since, until in pairs)
    return replace(read(value[:-1]), stretches=stretches)
