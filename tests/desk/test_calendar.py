"""Is working time counted as a patient person with a clock on the wall would count it?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailgate.desk.calendar import Timetable, timetable
from mailgate.desk.plans import ROUND_THE_CLOCK, Calendar, Closure, Interval

BERLIN = ZoneInfo("Europe/Berlin")
TICK, MINUTE, HOUR = timedelta(microseconds=1), timedelta(minutes=1), timedelta(hours=1)


def hours(*spans: str) -> tuple[Interval, ...]:
    """Intervals of a day, written as `09:00-12:30`."""
    return tuple(Interval(*(timedelta(hours=int(one[:2]), minutes=int(one[3:])) for one in span.split("-"))) for span in spans)


WEEKDAYS = hours("09:00-12:30", "13:30-17:30")
OFFICE = Calendar("office", hours=(*(WEEKDAYS,) * 5, (), ()))
NIGHT = Calendar("night", hours=(hours("00:00-06:00", "22:00-24:00"),) * 7)


def closure(begins: str, ends: str) -> Closure:
    """A span of the calendar's own time, or of UTC where that is said by a `Z`."""
    return Closure(datetime.fromisoformat(begins), datetime.fromisoformat(ends))


def berlin(text: str, fold: int = 0) -> datetime:
    """A time of a clock in Berlin."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


@pytest.mark.parametrize(
    ("start", "span", "due"),
    [
        ("2026-03-02 09:00", HOUR, "2026-03-02 10:00"),
        # Over the lunch break, over the night, over the weekend.
        ("2026-03-02 12:00", HOUR, "2026-03-02 14:00"),
        ("2026-03-02 17:00", HOUR, "2026-03-03 09:30"),
        ("2026-03-06 17:00", HOUR, "2026-03-09 09:30"),
        # What comes in while nobody works begins when work begins.
        ("2026-03-07 03:00", HOUR, "2026-03-09 10:00"),
        # A target that fits is due when work ends, not when it begins again.
        ("2026-03-02 09:00", timedelta(hours=7.5), "2026-03-02 17:30"),
        # The clock is set forward on the Sunday between.
        ("2026-03-27 17:00", HOUR, "2026-03-30 09:30"),
        ("2026-03-02 09:00", timedelta(0), "2026-03-02 09:00"),
    ],
)
def test_a_target_is_due_when_so_much_working_time_has_passed(start: str, span: timedelta, due: str) -> None:
    timetable = Timetable(OFFICE, BERLIN)
    assert timetable.add(berlin(start), span) == berlin(due)
    assert timetable.between(berlin(start), berlin(due)) == span


def test_closed_days_and_holidays_are_no_working_time() -> None:
    holidays = (date(2026, 12, 25), date(2027, 1, 1))
    timetable = Timetable(Calendar("office", hours=OFFICE.hours, holidays=holidays, closed=(date(2026, 12, 24),)), BERLIN)
    assert timetable.add(berlin("2026-12-23 17:00"), HOUR) == berlin("2026-12-28 09:30")
    assert timetable.add(berlin("2026-12-31 17:00"), HOUR) == berlin("2027-01-04 09:30")
    assert timetable.between(berlin("2026-12-24 00:00"), berlin("2026-12-28 00:00")) == timedelta(0)


def test_a_closure_takes_hours_out_of_a_day_in_its_own_time_or_that_of_the_calendar() -> None:
    afternoon = closure("2026-03-04 13:00", "2026-03-04 18:00")
    # From half past eleven in Berlin on, and over the next morning as well; what is closed twice is closed once.
    abroad = closure("2026-03-10 10:30Z", "2026-03-11 09:00Z")
    inside = closure("2026-03-10 14:00", "2026-03-10 15:00")
    calendar = Calendar("office", hours=OFFICE.hours, closed=(abroad, date(2026, 3, 5), inside, afternoon))
    berlins, londons = Timetable(calendar, BERLIN), Timetable(calendar, ZoneInfo("Europe/London"))
    assert berlins.add(berlin("2026-03-04 12:00"), HOUR) == berlin("2026-03-06 09:30")
    assert berlins.between(berlin("2026-03-10 09:00"), berlin("2026-03-12 00:00")) == 2.5 * HOUR + (2.5 + 4) * HOUR
    assert londons.between(berlin("2026-03-10 00:00"), berlin("2026-03-12 00:00")) == 1.5 * HOUR + (3.5 + 4) * HOUR
    assert not berlins.works(berlin("2026-03-04 15:00"))
    assert berlins.works(berlin("2026-03-11 10:00"))


def test_what_closes_in_the_old_year_may_open_in_the_new_one() -> None:
    shut = Calendar("shut", closed=(closure("2026-12-24 12:00", "2027-01-04 08:00"),))
    assert Timetable(shut, BERLIN).add(berlin("2026-12-24 11:00"), 2 * HOUR) == berlin("2027-01-04 09:00")


@pytest.mark.parametrize(
    ("calendar", "start", "end", "stretches"),
    [
        # Cut to what was asked for, over the lunch break and the weekend.
        (OFFICE, "2026-03-06 12:00", "2026-03-09 10:00", ["03-06 12:00-12:30", "03-06 13:30-17:30", "03-09 09:00-10:00"]),
        (OFFICE, "2026-03-07 00:00", "2026-03-09 09:00", []),
        (OFFICE, "2026-03-09 10:00", "2026-03-06 12:00", []),
        # Over midnight, and over the change of year.
        (NIGHT, "2026-12-31 12:00", "2027-01-01 12:00", ["12-31 22:00-06:00"]),
        (Calendar("24x7"), "2026-12-31 12:00", "2027-01-02 13:00", ["12-31 12:00-13:00"]),
        (Calendar("24x7", closed=(date(2026, 6, 1),)), "2026-12-31 12:00", "2027-01-02 13:00", ["12-31 12:00-13:00"]),
        (Calendar("24x7", closed=(date(2027, 1, 1),)), "2026-12-31 12:00", "2027-01-02 13:00", ["12-31 12:00-00:00", "01-02 00:00-13:00"]),
    ],
)
def test_the_stretches_of_working_time_are_as_long_as_can_be(calendar: Calendar, start: str, end: str, stretches: list[str]) -> None:
    found = list(Timetable(calendar, BERLIN).intervals(berlin(start), berlin(end)))
    assert [f"{opens.astimezone(BERLIN):%m-%d %H:%M}-{closes.astimezone(BERLIN):%H:%M}" for opens, closes in found] == stretches
    assert all(one.tzinfo is UTC for stretch in found for one in stretch)


def test_a_timetable_is_made_once_however_many_holidays_it_has() -> None:
    holidays = tuple(date(2026, 1, 1) + timedelta(days=number) for number in range(300))
    calendar, same = (Calendar("office", hours=OFFICE.hours, holidays=tuple(holidays)) for _ in range(2))
    kept = timetable(calendar, "Europe/Berlin")
    assert timetable(same, "Europe/Berlin") is kept
    assert timetable(calendar, "Europe/London") is not kept
    # One of another policy may have the same name.
    assert timetable(Calendar("office", hours=OFFICE.hours), "Europe/Berlin") is not kept


def test_a_night_on_which_the_clock_is_set_has_as_many_hours_as_it_has() -> None:
    timetable = Timetable(NIGHT, BERLIN)
    assert timetable.between(berlin("2026-03-28 22:00"), berlin("2026-03-29 06:00")) == 7 * HOUR
    assert timetable.between(berlin("2026-10-24 22:00"), berlin("2026-10-25 06:00")) == 9 * HOUR
    whole = Timetable(Calendar("all", hours=ROUND_THE_CLOCK, closed=(date(2026, 1, 1),)), BERLIN)
    assert whole.between(berlin("2026-03-29 00:00"), berlin("2026-03-30 00:00")) == 23 * HOUR
    assert whole.between(berlin("2026-10-25 00:00"), berlin("2026-10-26 00:00")) == 25 * HOUR


def test_hours_within_a_leap_of_the_clock_do_not_come_and_those_that_come_twice_end_the_first_time() -> None:
    early = Timetable(Calendar("early", hours=(hours("01:30-02:30"),) * 7), BERLIN)
    assert early.between(berlin("2026-03-29 00:00"), berlin("2026-03-29 12:00")) == HOUR / 2
    assert early.between(berlin("2026-10-25 00:00"), berlin("2026-10-25 12:00")) == HOUR


def test_a_day_that_a_country_left_out_has_no_hours() -> None:
    """Samoa went from 29 to 31 December 2011."""
    apia = ZoneInfo("Pacific/Apia")
    timetable = Timetable(Calendar("daily", hours=(hours("09:00-17:00"),) * 7), apia)
    start = datetime(2011, 12, 29, 16, tzinfo=apia)
    assert timetable.add(start, 2 * HOUR) == datetime(2011, 12, 31, 10, tzinfo=apia)


def test_working_time_begins_with_its_first_moment_and_is_over_with_its_end() -> None:
    timetable = Timetable(OFFICE, BERLIN)
    assert timetable.works(berlin("2026-03-02 09:00"))
    assert not timetable.works(berlin("2026-03-02 12:30"))
    assert not timetable.works(berlin("2026-03-07 10:00"))


def test_where_nobody_ever_works_nothing_is_ever_due() -> None:
    assert Timetable(Calendar("never", hours=((),) * 7), BERLIN).add(berlin("2026-03-02 09:00"), HOUR) is None


def test_round_the_clock_is_elapsed_time() -> None:
    timetable = Timetable(Calendar("24x7"), BERLIN)
    assert timetable.add(berlin("2026-03-28 12:00"), 24 * HOUR) == berlin("2026-03-28 12:00").astimezone(UTC) + 24 * HOUR
    assert timetable.between(berlin("2026-03-28 12:00"), berlin("2026-03-29 12:00")) == timedelta(1)


# ------------------------------------------------------------------------------------------------- a slow and simple count

# Zones with offsets of half and of quarter hours, zones whose clocks are set by half an hour, at midnight or around Ramadan, and a country
# that left out a day: each with days on which, or on the day after which, that happens. In UTC a year ends.
SET = {
    "Africa/Casablanca": ["2026-02-14", "2026-03-21", "2027-02-06"],
    "America/Havana": ["2026-03-07", "2026-10-31"],
    "America/New_York": ["2026-03-07", "2026-10-31"],
    "America/St_Johns": ["2026-03-07", "2026-10-31", "2006-04-01", "2006-10-28"],
    "Asia/Beirut": ["2026-03-28", "2026-10-24"],
    "Asia/Kathmandu": ["1985-12-31"],
    "Australia/Lord_Howe": ["2026-04-04", "2026-10-03"],
    "Europe/Berlin": ["2026-03-28", "2026-10-24"],
    "Pacific/Apia": ["2011-12-28", "2011-12-29", "2011-09-23"],
    "UTC": ["2026-12-30"],
}
PLACES = [(ZoneInfo(zone), date.fromisoformat(day)) for zone, days in SET.items() for day in days]


@st.composite
def weeks(draw: st.DrawFn) -> tuple[tuple[Interval, ...], ...]:
    """Hours for each day, of up to three intervals that do not overlap, on full minutes."""
    week = []
    for _ in range(7):
        marks = sorted(draw(st.sets(st.integers(0, 96), max_size=6)))
        pairs = zip(marks[::2], marks[1::2], strict=False)
        week.append(tuple(Interval(15 * MINUTE * start, 15 * MINUTE * end) for start, end in pairs))
    return tuple(week)


@st.composite
def calendars(draw: st.DrawFn, day: date) -> Calendar:
    """A calendar with a holiday, a closed day and closed hours of either kind in the days from this one on, or without them."""
    near = st.integers(0, 3).map(lambda days: day + timedelta(days=days))
    minutes = st.integers(-600, 4 * 1440)
    closures = draw(st.lists(st.tuples(minutes, st.integers(0, 900), st.sampled_from([None, UTC])), max_size=3))
    midnight = datetime.combine(day, time())
    spans = [((midnight + begins * MINUTE).replace(tzinfo=zone), lasts * MINUTE) for begins, lasts, zone in closures]
    return Calendar(
        "drawn",
        hours=draw(st.one_of(weeks(), st.just(ROUND_THE_CLOCK))),
        holidays=tuple(draw(st.lists(near, max_size=1))),
        closed=(*draw(st.lists(near, max_size=1)), *(Closure(begins, begins + lasts) for begins, lasts in spans)),
    )


def works(calendar: Calendar, moment: datetime, wall: datetime) -> bool:
    """Whether somebody works at this moment, at which a clock on the wall shows this."""
    for one in (*calendar.holidays, *calendar.closed):
        if one == wall.date() or (isinstance(one, Closure) and one.begins <= (moment if one.begins.tzinfo else wall) < one.ends):
            return False
    since = wall - datetime.combine(wall.date(), time())
    return any(one.opens <= since < one.closes for one in calendar.hours[wall.weekday()])


def counted(calendar: Calendar, zone: ZoneInfo, start: datetime, minutes: int) -> list[bool]:
    """For each minute from `start` on whether it is working time: a clock on the wall is looked at, and what it showed before is kept."""
    worked, latest = [], start.replace(tzinfo=None) - timedelta(days=2)
    for number in range(-180, minutes):
        moment = start + number * MINUTE
        # While an hour comes for the second time, it is as late as it was at the end of the first.
        latest = max(latest, moment.astimezone(zone).replace(tzinfo=None, fold=0))
        if number >= 0:
            worked.append(works(calendar, moment, latest))
    return worked


@settings(max_examples=200)
@given(st.data(), st.sampled_from(PLACES), st.integers(-840, 1439), st.integers(0, 2 * 1440))
def test_it_agrees_with_counting_minute_by_minute(data: st.DataObject, place: tuple[ZoneInfo, date], first: int, minutes: int) -> None:
    zone, day = place
    calendar = data.draw(calendars(day))
    timetable = Timetable(calendar, zone)
    start = datetime.combine(day, time(), UTC) + first * MINUTE
    worked = counted(calendar, zone, start, minutes)
    assert timetable.between(start, start + minutes * MINUTE) == sum(worked) * MINUTE
    assert timetable.works(start) == counted(calendar, zone, start, 1)[0]
    if any(worked):
        due = max(at for at, works in enumerate(worked) if works) + 1
        assert timetable.add(start, sum(worked) * MINUTE) == start + due * MINUTE
    edges = [at for at, (was, is_now) in enumerate(pairwise([False, *worked, False])) if was != is_now]
    stretches = [(start + opens * MINUTE, start + closes * MINUTE) for opens, closes in batched(edges)]
    assert list(timetable.intervals(start, start + minutes * MINUTE)) == stretches


def batched(edges: list[int]) -> Iterator[tuple[int, int]]:
    """Each two of these."""
    return zip(edges[::2], edges[1::2], strict=True)


@given(st.data(), st.sampled_from(PLACES), st.integers(0, 10**13), st.integers(1, 10**11))
def test_adding_and_counting_are_each_others_inverse(
    data: st.DataObject, place: tuple[ZoneInfo, date], later: int, microseconds: int
) -> None:
    zone, day = place
    calendar = data.draw(calendars(day))
    timetable = Timetable(calendar, zone)
    start, span = datetime.combine(day, time(), UTC) + later * TICK, microseconds * TICK
    due = timetable.add(start, span)
    assert (due is not None) == any(calendar.hours)
    if due is not None:
        assert timetable.between(start, due) == span
        assert timetable.between(start, due - TICK) == span - TICK
        assert sum((closes - opens for opens, closes in timetable.intervals(start, due)), timedelta(0)) == span
