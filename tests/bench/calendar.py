"""What does it cost to know when a target is due? Prints how long each question takes, of calendars with and without what makes it hard.

    python -m tests.bench.calendar

Exit code 1 where a target that is three months away takes 50 µs or more, of a year that was asked for before.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from timeit import repeat
from zoneinfo import ZoneInfo

from mailgate.desk.calendar import Timetable, timetable
from mailgate.desk.plans import Calendar, Closure, Interval

START = datetime(2026, 11, 16, 9, tzinfo=UTC)
END = START + timedelta(days=91)
LIMIT = 50e-6


def main() -> int:
    """Measures and prints."""
    slow = 0
    for calendar, zone in _calendars():
        kept = timetable(calendar, zone)
        span = kept.between(START, END)
        due = _best(lambda kept=kept, span=span: kept.add(START, span))
        figures = {
            "due in three months": due,
            "worked in three months": _best(lambda kept=kept: kept.between(START, END)),
            "a timetable that is there": _best(lambda one=calendar, zone=zone: timetable(one, zone)),
            "the stretches of three months": _best(lambda kept=kept: list(kept.intervals(START, END)), calls=1),
            "the first question of a year": _best(lambda one=calendar, zone=zone: Timetable(one, ZoneInfo(zone)).works(START), calls=1),
        }
        print(f"{calendar.name} ({zone}), {span / timedelta(hours=1):.0f} hours in three months")
        for what, seconds in figures.items():
            print(f"    {what:<30} {seconds * 1e6:9.1f} µs")
        slow += due >= LIMIT
    print("every target is known in time" if not slow else f"{slow} targets take longer than {LIMIT * 1e6:.0f} µs")
    return 1 if slow else 0


def _best(question: Callable[[], object], calls: int = 100) -> float:
    """How many seconds an answer takes while nothing else goes on: the best of some rounds of so many calls."""
    return min(repeat(question, number=calls, repeat=20)) / calls


def _calendars() -> list[tuple[Calendar, str]]:
    day = tuple(Interval(timedelta(hours=opens), timedelta(hours=closes)) for opens, closes in ((9, 12.5), (13.5, 17.5)))
    week = (*(day,) * 5, (), ())
    # As many as a country has in the years that are known, and a break in each week of them.
    holidays = tuple(date(year, month, 6) for year in range(2020, 2061) for month in range(1, 13))
    first = datetime(2020, 1, 1, 13)  # noqa: DTZ001
    afternoons = tuple(Closure(at, at + timedelta(hours=5)) for at in (first + timedelta(weeks=number) for number in range(41 * 52)))
    return [
        (Calendar("round the clock"), "UTC"),
        (Calendar("office", hours=week), "Europe/Berlin"),
        (Calendar("office with holidays", hours=week, holidays=holidays), "Europe/Berlin"),
        (Calendar("office with holidays and closed afternoons", hours=week, holidays=holidays, closed=afternoons), "Australia/Lord_Howe"),
    ]


if __name__ == "__main__":
    sys.exit(main())
