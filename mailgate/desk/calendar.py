"""How much working time lies between two moments, and when has so much of it passed? A calendar's hours laid out in UTC, year by year.

Exact to the microsecond. Hours are those of a clock on the wall: a day on which it is set forward has an hour less, and one on which it is
set back an hour more. Of an hour that comes twice the first one counts as its time; a time that the clock leaps over is the moment of the
leap.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import accumulate
from zoneinfo import ZoneInfo

from msgspec import Struct

from mailgate.desk.plans import ROUND_THE_CLOCK, Calendar, Closure

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_SECOND = 1_000_000
# Working time that does not come within so many years never comes.
_YEARS = 20

# From one moment to just before a later one, in microseconds since 1970.
_Span = tuple[int, int]


@lru_cache(maxsize=64)
def timetable(calendar: Calendar, zone: str) -> Timetable:
    """The timetable of a calendar in a time zone of the IANA database. Those of a policy are kept. Raises ZoneInfoNotFoundError."""
    return Timetable(calendar, ZoneInfo(zone))


class _Year(Struct, frozen=True):
    """The working time of one local year: when each stretch of it opens and closes, and how much of it was before; microseconds."""

    opens: list[int]
    closes: list[int]
    before: list[int]
    total: int

    def until(self, moment: int) -> int:
        """The working time of this year until then."""
        at = bisect_right(self.opens, moment) - 1
        return 0 if at < 0 else self.before[at] + min(moment, self.closes[at]) - self.opens[at]

    def within(self, begins: int, ends: int) -> Iterator[_Span]:
        """Each stretch of which some lies between."""
        touched = slice(bisect_right(self.closes, begins), bisect_left(self.opens, ends))
        return zip(self.opens[touched], self.closes[touched], strict=True)

    def moment(self, worked: int) -> int:
        """The first moment at which so much of this year's working time is over; `worked` is more than nothing."""
        at = bisect_left(self.before, worked) - 1
        return self.opens[at] + worked - self.before[at]


class Timetable:
    """The working time of a calendar. Each year is laid out when it is first asked for; moments are aware."""

    def __init__(self, calendar: Calendar, zone: tzinfo) -> None:
        self.calendar = calendar
        self.zone = zone
        self._always = calendar.hours == ROUND_THE_CLOCK and not (calendar.closed or calendar.holidays)
        self._free = {one for one in (*calendar.holidays, *calendar.closed) if isinstance(one, date)}
        closures = (one for one in calendar.closed if isinstance(one, Closure))
        self._shut = list(_joined(sorted((self._moment(one.begins), self._moment(one.ends)) for one in closures)))
        self._years: dict[int, _Year] = {}

    def add(self, start: datetime, span: timedelta) -> datetime | None:
        """When so much working time has passed since `start`, in UTC: the first such moment. None where it never comes (20 years)."""
        left, moment = span // _TICK, _moment(start)
        if left <= 0 or self._always:
            return _when(moment + max(left, 0))
        first = start.astimezone(self.zone).year
        for number in range(first, first + _YEARS):
            year = self._year(number)
            worked = year.until(moment)
            if left <= year.total - worked:
                return _when(year.moment(worked + left))
            left -= year.total - worked
        return None

    def between(self, start: datetime, end: datetime) -> timedelta:
        """The working time from `start` to `end`; nothing where that is earlier."""
        if end <= start:
            return timedelta(0)
        if self._always:
            return end - start
        first, last = (one.astimezone(self.zone).year for one in (start, end))
        worked = self._year(last).until(_moment(end)) - self._year(first).until(_moment(start))
        return (worked + sum(self._year(number).total for number in range(first, last))) * _TICK

    def intervals(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Each stretch of working time from `start` to `end`, as long as can be: when it begins and when it is over, in UTC, in order."""
        for opens, closes in _joined(self._stretches(start, end)):
            yield _when(opens), _when(closes)

    def works(self, at: datetime) -> bool:
        """Whether it is working time then. The moment at which it ends is none."""
        return self.between(at, at + _TICK) > timedelta(0)

    def _stretches(self, start: datetime, end: datetime) -> Iterator[_Span]:
        """The working time between, year by year."""
        begins, ends = _moment(start), _moment(end)
        if self._always:
            yield begins, ends
            return
        first, last = (one.astimezone(self.zone).year for one in (start, end))
        for number in range(first, last + 1):
            for opens, closes in self._year(number).within(begins, ends):
                yield max(opens, begins), min(closes, ends)

    def _year(self, number: int) -> _Year:
        if (year := self._years.get(number)) is None:
            stretches = list(_joined(self._left_open(self._laid_out(number))))
            before = list(accumulate((closes - opens for opens, closes in stretches), initial=0))
            opens, closes = ([one[side] for one in stretches] for side in (0, 1))
            year = self._years[number] = _Year(opens, closes, before[:-1], before[-1])
        return year

    def _laid_out(self, number: int) -> Iterator[_Span]:
        """The hours of each day of a year on which there is work, in order. Where the clock leaps over them, they have no length."""
        for ordinal in range(date(number, 1, 1).toordinal(), date(number + 1, 1, 1).toordinal()):
            day = date.fromordinal(ordinal)
            midnight = datetime.combine(day, time())
            for interval in () if day in self._free else self.calendar.hours[day.weekday()]:
                yield self._moment(midnight + interval.opens), self._moment(midnight + interval.closes)

    def _left_open(self, hours: Iterable[_Span]) -> Iterator[_Span]:
        """What the closures leave of these hours."""
        for opens, closes in hours:
            rest = opens
            # Closures do not touch each other, so that they end in the order in which they begin.
            for at in range(bisect_right(self._shut, opens, key=lambda shut: shut[1]), len(self._shut)):
                begins, ends = self._shut[at]
                if begins >= closes:
                    break
                yield rest, begins
                rest = ends
            yield rest, closes

    def _moment(self, at: datetime) -> int:
        """An aware moment, or the first one at which a clock on the wall shows this time or a later one."""
        if at.tzinfo is not None:
            return _moment(at)
        # PEP 495: where a clock is set, fold 0 has the offset from before that, and fold 1 the one from after it. A time that comes twice
        # comes first as fold 0 has it; for one that the clock leaps over the leap counts, which lies between what both make of it.
        before, after = self.zone.utcoffset(at), self.zone.utcoffset(at.replace(fold=1))
        assert before is not None
        assert after is not None
        latest = _moment((at - before).replace(tzinfo=UTC))
        if before >= after:
            return latest
        seconds = range(latest - (after - before) // _TICK, latest + 1, _SECOND)
        return seconds[bisect_left(seconds, at, key=self._shown)]

    def _shown(self, moment: int) -> datetime:
        """What a clock on the wall shows then."""
        return _when(moment).astimezone(self.zone).replace(tzinfo=None)


def _joined(spans: Iterable[_Span]) -> Iterator[_Span]:
    """The same time in as few spans as can be. They come in the order in which they begin; those without any length are left out."""
    begun: _Span | None = None
    for opens, closes in spans:
        if opens >= closes:
            continue
        if begun and opens <= begun[1]:
            begun = begun[0], max(begun[1], closes)
            continue
        if begun:
            yield begun
        begun = opens, closes
    if begun:
        yield begun


def _moment(at: datetime) -> int:
    return (at - _EPOCH) // _TICK


def _when(moment: int) -> datetime:
    return _EPOCH + moment * _TICK
