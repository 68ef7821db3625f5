"""How much working time lies between two moments, and when has so much of it passed? A calendar's hours laid out in UTC, year by year.

Exact to the microsecond. Hours are those of a clock on the wall: a day on which it is set forward has an hour less, and one on which it is
set back an hour more. Of an hour that comes twice the first one counts as its time; a time that the clock leaps over is the moment of the
leap.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import accumulate
from zoneinfo import ZoneInfo

from mailgate.desk.plans import ROUND_THE_CLOCK, Calendar, Interval

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
# Working time that does not come within so many years never comes.
_YEARS = 20


@lru_cache(maxsize=64)
def timetable(calendar: Calendar, zone: str) -> Timetable:
    """The timetable of a calendar in a time zone of the IANA database. Those of a policy are kept. Raises ZoneInfoNotFoundError."""
    return Timetable(calendar, ZoneInfo(zone))


@dataclass(frozen=True, slots=True)
class _Year:
    """The intervals of one local year in order: when each opens and how long it lasts, and the working time before it; microseconds."""

    opens: list[int]
    lasts: list[int]
    before: list[int]
    total: int

    def until(self, moment: int) -> int:
        """The working time of this year until then."""
        at = bisect_right(self.opens, moment) - 1
        return 0 if at < 0 else self.before[at] + min(moment - self.opens[at], self.lasts[at])

    def moment(self, worked: int) -> int:
        """The first moment at which so much of this year's working time is over; `worked` is more than nothing."""
        at = bisect_left(self.before, worked) - 1
        return self.opens[at] + worked - self.before[at]


@dataclass(slots=True)
class Timetable:
    """The working time of a calendar. Each year is laid out when it is first asked for; moments are aware."""

    calendar: Calendar
    zone: tzinfo
    _years: dict[int, _Year] = field(init=False, repr=False, default_factory=dict)

    def add(self, start: datetime, span: timedelta) -> datetime | None:
        """When so much working time has passed since `start`, in UTC: the first such moment. None where it never comes (20 years)."""
        left, moment = span // _TICK, _moment(start)
        if left <= 0 or self._always():
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
        if self._always():
            return end - start
        first, last = (one.astimezone(self.zone).year for one in (start, end))
        worked = self._year(last).until(_moment(end)) - self._year(first).until(_moment(start))
        return (worked + sum(self._year(number).total for number in range(first, last))) * _TICK

    def intervals(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Each stretch of working time from `start` to `end`, in UTC and in order."""
        if self._always():
            yield start, end
            return
        for number in range(start.astimezone(self.zone).year, end.astimezone(self.zone).year + 1):
            year = self._year(number)
            for opens, lasts in zip(year.opens, year.lasts, strict=True):
                a, b = max(opens, _moment(start)), min(opens + lasts, _moment(end))
                if a < b:
                    yield _when(a), _when(b)

    def works(self, at: datetime) -> bool:
        """Whether it is working time then. The moment at which it ends is none."""
        return self.between(at, at + _TICK) > timedelta(0)

    def _always(self) -> bool:
        return self.calendar.hours == ROUND_THE_CLOCK and not (self.calendar.closed or self.calendar.holidays)

    def _year(self, number: int) -> _Year:
        if (year := self._years.get(number)) is None:
            pairs = [(opens, closes) for opens, closes in self._laid_out(number) if opens < closes]
            lasts = [closes - opens for opens, closes in pairs]
            before = list(accumulate(lasts, initial=0))
            year = self._years[number] = _Year([opens for opens, _ in pairs], lasts, before[:-1], before[-1])
        return year

    def _laid_out(self, number: int) -> Iterator[tuple[int, int]]:
        free = {one for one in (*self.calendar.closed, *self.calendar.holidays) if one.year == number}
        for ordinal in range(date(number, 1, 1).toordinal(), date(number + 1, 1, 1).toordinal()):
            day = date.fromordinal(ordinal)
            for interval in () if day in free else self.calendar.hours[day.weekday()]:
                yield self._in_utc(day, interval)

    def _in_utc(self, day: date, interval: Interval) -> tuple[int, int]:
        midnight = datetime.combine(day, time())
        return _moment(self._shown(midnight + interval.opens)), _moment(self._shown(midnight + interval.closes))

    def _shown(self, wall: datetime) -> datetime:
        """The first moment at which a clock on the wall shows this time or a later one."""
        moment = wall.replace(tzinfo=self.zone).astimezone(UTC)
        if moment.astimezone(self.zone).replace(tzinfo=None) == wall:
            return moment
        # The clock leaps over it. PEP 495: this fold counts with the offset before the leap, so that the leap is not later than this.
        leap = moment - _DAY
        while leap < moment:
            middle = leap + (moment - leap) // _SECOND // 2 * _SECOND
            if middle.astimezone(self.zone).replace(tzinfo=None) < wall:
                leap = middle + _SECOND
            else:
                moment = middle
        return moment


def _moment(at: datetime) -> int:
    return (at - _EPOCH) // _TICK


def _when(moment: int) -> datetime:
    return _EPOCH + moment * _TICK
