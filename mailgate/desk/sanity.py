"""May the clock be believed? Judges each reading by an earlier one, by a clock that nobody sets, and by what was written down already.

As long as it may not, nothing happens that time alone brings about, and mail goes on as ever. Reads no clock and keeps nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

# So far two clocks may be apart.
TOLERANCE = timedelta(minutes=10)
# A clock that was not believed is, after so long without a fault: meanwhile it may be set right, and answers that came late are read.
STEADY = timedelta(minutes=10)
# So old the reading may become by which the next is judged. Two steps of the clock within that time count as one.
FRESH = timedelta(minutes=5)


class Reading(Struct, frozen=True):
    """What the clocks show at one moment.

    `wall` is aware UTC. `passed` are seconds that went by, sleep included, on a clock that nobody sets; they compare within one `boot`.
    `shared` is the clock of a database that several gateways share (aware UTC).
    """

    wall: datetime
    passed: float
    boot: str
    shared: datetime | None = None


class Doubt(StrEnum):
    """Why a clock is not believed."""

    AHEAD = "jumped-ahead"
    BACK = "went-back"
    # Something is said to have happened later than now.
    BEHIND = "behind-events"
    APART = "apart-from-database"
    # Nobody looked at it for so long, and what was decided meanwhile is not known yet: we were down, asleep or stuck.
    PAUSED = "paused"


class Belief(Struct, frozen=True):
    """What is believed after a reading: `doubt` says what of it is not, since when (`since`, as the clock showed), and `by` how much.

    The next one is judged by `reading`. `newest` is when the newest event happened that is no reason for doubt; `steady` at how many
    seconds `passed` the last fault was, None where nobody knows.
    """

    reading: Reading
    newest: datetime | None = None
    doubt: Doubt | None = None
    since: datetime | None = None
    by: timedelta = timedelta()
    steady: float | None = None


def judge(before: Belief | None, reading: Reading, newest: datetime | None) -> Belief:
    """What is believed from now on. `before` is None at the first reading ever; `newest` is when the newest event happened, where asked.

    Gives `before` itself where nothing changes, so that nothing need be written down.
    """
    found = _fault(before, reading, newest)
    if found is not None:
        return _doubted(before, reading, *found)
    if before is None:
        return Belief(reading, newest)
    if before.doubt is None:
        return before if _seconds(before.reading, reading) < FRESH else replace(before, reading=reading)
    if before.steady is None:
        return replace(before, reading=reading, steady=reading.passed)
    if reading.passed - before.steady >= STEADY.total_seconds():
        return Belief(reading, newest)
    return before if _seconds(before.reading, reading) < FRESH else replace(before, reading=reading)


def _doubted(before: Belief | None, reading: Reading, doubt: Doubt, by: timedelta) -> Belief:
    known = before.newest if before else None
    if before is None or before.doubt is not doubt:
        return Belief(reading, known, doubt, reading.wall, by, reading.passed)
    return replace(before, reading=reading, by=by, steady=reading.passed)


def _fault(before: Belief | None, reading: Reading, newest: datetime | None) -> tuple[Doubt, timedelta] | None:
    """What is wrong with a reading, and by how much."""
    if reading.shared is not None and abs(reading.wall - reading.shared) > TOLERANCE:
        return Doubt.APART, abs(reading.wall - reading.shared)
    if before is not None and (found := _step(before.reading, reading)):
        return found
    # Where gateways share a clock, that one is the judge: the event may be of a gateway whose own clock is wrong.
    if newest is None or reading.shared is not None or (before is not None and newest == before.newest):
        return None
    return (Doubt.BEHIND, newest - reading.wall) if newest - reading.wall > TOLERANCE else None


def _step(last: Reading, reading: Reading) -> tuple[Doubt, timedelta] | None:
    """What the clock did since the reading before that it should not do."""
    moved = reading.wall - last.wall
    # After another start of the machine nobody knows how long it was down: a clock that went on is taken at its word.
    passed = _seconds(last, reading)
    if moved - passed < -TOLERANCE:
        return Doubt.BACK, passed - moved
    if moved - passed > TOLERANCE:
        return Doubt.AHEAD, moved - passed
    return (Doubt.PAUSED, passed) if passed > TOLERANCE else None


def _seconds(last: Reading, reading: Reading) -> timedelta:
    """How much time passed between two readings, as far as anybody knows; never less than nothing."""
    if last.boot == reading.boot and reading.passed >= last.passed:
        return timedelta(seconds=reading.passed - last.passed)
    return max(reading.wall - last.wall, timedelta())
