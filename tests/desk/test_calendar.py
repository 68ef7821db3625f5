"""Is working time counted as a patient person with a clock on the wall would count it?"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.desk.calendar import Timetable
from mailgate.desk.plans import ROUND_THE_CLOCK, Calendar, Interval

BERLIN = ZoneInfo("Europe/Berlin")
TICK, MINUTE, HOUR = timedelta(microseconds=1), timedelta(minutes=1), timedelta(hours=1)


def hours(*spans: str) -> tuple[Interval, ...]:
    """Intervals of a day, written as `09:00-12:30`."""
    return tuple(Interval(*(timedelta(hours=int(one[:2]), minutes=int(one[3:])) for one in span.split("-"))) for span in spans)


WEEKDAYS = hours("09:00-12:30", "13:30-17:30")
OFFICE = Calendar("office", hours=(*(WEEKDAYS,) * 5, (), ()))
NIGHT = Calendar("night", hours=(hours("00:00-06:00", "22:00-24:00"),) * 7)


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

ZONES = [ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC", "America/St_Johns")]
# Around both days on which clocks are set, on either side of the world, and over a change of year.
DAYS = [
    date(2026, 3, 7),
    date(2026, 3, 28),
    date(2026, 4, 4),
    date(2026, 10, 3),
    date(2026, 10, 24),
    date(2026, 10, 31),
    date(2026, 12, 31),
]


@st.composite
def weeks(draw: st.DrawFn) -> tuple[tuple[Interval, ...], ...]:
    """Hours for each day, of up to three intervals that do not overlap, on full minutes."""
    week = []
    for _ in range(7):
        marks = sorted(draw(st.sets(st.integers(0, 48), max_size=6)))
        pairs = zip(marks[::2], marks[1::2], strict=False)
        week.append(tuple(Interval(30 * MINUTE * start, 30 * MINUTE * end) for start, end in pairs))
    return tuple(week)


def counted(calendar: Calendar, zone: ZoneInfo, start: datetime, minutes: int) -> list[bool]:
    """For each minute from `start` on whether it is working time: a clock on the wall is looked at, and what it showed before is kept."""
    worked, latest = [], start.astimezone(zone).replace(tzinfo=None, fold=0) - timedelta(days=2)
    before = start - timedelta(hours=3)
    for number in range(minutes + 180):
        wall = (before + number * MINUTE).astimezone(zone).replace(tzinfo=None, fold=0)
        # While an hour comes for the second time, it is as late as it was at the end of the first.
        latest = max(latest, wall)
        if number >= 180:
            since = latest - datetime.combine(latest.date(), time())
            free = latest.date() in calendar.closed
            worked.append(not free and any(one.opens <= since < one.closes for one in calendar.hours[latest.weekday()]))
    return worked


@given(weeks(), st.sampled_from(ZONES), st.sampled_from(DAYS), st.integers(0, 1439), st.integers(0, 2 * 1440), st.booleans())
def test_it_agrees_with_counting_minute_by_minute(
    week: tuple[tuple[Interval, ...], ...], zone: ZoneInfo, day: date, first: int, minutes: int, closed: bool
) -> None:
    calendar = Calendar("drawn", hours=week, closed=(day + timedelta(days=1),) if closed else ())
    timetable = Timetable(calendar, zone)
    start = datetime.combine(day, time(), UTC) + first * MINUTE
    worked = counted(calendar, zone, start, minutes)
    assert timetable.between(start, start + minutes * MINUTE) == sum(worked) * MINUTE
    if any(worked):
        due = max(at for at, works in enumerate(worked) if works) + 1
        assert timetable.add(start, sum(worked) * MINUTE) == start + due * MINUTE


@given(weeks(), st.sampled_from(ZONES), st.integers(0, 10**14), st.integers(1, 10**11))
def test_adding_and_counting_are_each_others_inverse(
    week: tuple[tuple[Interval, ...], ...], zone: ZoneInfo, since_2026: int, microseconds: int
) -> None:
    timetable = Timetable(Calendar("drawn", hours=week), zone)
    start, span = datetime(2026, 1, 1, tzinfo=UTC) + since_2026 * TICK, microseconds * TICK
    due = timetable.add(start, span)
    assert (due is not None) == any(week)
    if due is not None:
        assert timetable.between(start, due) == span
        assert timetable.between(start, due - TICK) == span - TICK
