"""What do people mean by `fri 9:00`, `in 2h`, `24. Dezember 12 Uhr`, `1h30`? It is Wednesday, 4 March 2026, ten o'clock in Berlin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from mailgate.desk import moments

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 4, 10, 0, tzinfo=BERLIN)


def local(words: str) -> str | None:
    found = moments.moment(words, NOW)
    assert found is None or found.tzinfo is UTC
    return found and f"{found.astimezone(BERLIN):%a %Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("words", "moment"),
    [
        ("fri 9:00", "Fri 2026-03-06 09:00"),
        ("Friday 9am", "Fri 2026-03-06 09:00"),
        ("by Friday at 5 pm.", "Fri 2026-03-06 17:00"),
        ("Fr 9:00", "Fri 2026-03-06 09:00"),
        ("am Freitag um 9 Uhr", "Fri 2026-03-06 09:00"),
        ("freitag 17.30 Uhr", "Fri 2026-03-06 17:30"),
        ("Do 9", "Thu 2026-03-05 09:00"),
        ("wed 11:00", "Wed 2026-03-04 11:00"),
        ("wed 9:00", "Wed 2026-03-11 09:00"),
        ("mo", "Mon 2026-03-09 17:00"),
        ("nächsten Montag", "Mon 2026-03-09 17:00"),
        ("today 17:00", "Wed 2026-03-04 17:00"),
        ("heute um 18 Uhr", "Wed 2026-03-04 18:00"),
        ("tomorrow", "Thu 2026-03-05 17:00"),
        ("morgen 9 Uhr", "Thu 2026-03-05 09:00"),
        ("übermorgen 8:15", "Fri 2026-03-06 08:15"),
        ("17:00", "Wed 2026-03-04 17:00"),
        ("9:00", "Thu 2026-03-05 09:00"),
        ("12am", "Thu 2026-03-05 00:00"),
        ("in 2h", "Wed 2026-03-04 12:00"),
        ("in 90 minutes", "Wed 2026-03-04 11:30"),
        ("in 1h30", "Wed 2026-03-04 11:30"),
        ("in 3 Tagen", "Sat 2026-03-07 10:00"),
        ("in 1 day and 2 hours", "Thu 2026-03-05 12:00"),
        ("in 2 Wochen", "Wed 2026-03-18 10:00"),
        ("2026-12-24 12:00", "Thu 2026-12-24 12:00"),
        ("2026-12-24T12:00", "Thu 2026-12-24 12:00"),
        ("2026-12-24", "Thu 2026-12-24 17:00"),
        ("24.12.2026 12:00", "Thu 2026-12-24 12:00"),
        ("24.12.", "Thu 2026-12-24 17:00"),
        ("24.12", "Thu 2026-12-24 17:00"),
        ("24. Dezember 12 Uhr", "Thu 2026-12-24 12:00"),
        ("bis zum 1. Mai", "Fri 2026-05-01 17:00"),
        ("24 Dec 12:00", "Thu 2026-12-24 12:00"),
        ("Dec 24, 2026 12:00", "Thu 2026-12-24 12:00"),
        ("March 3rd", "Wed 2027-03-03 17:00"),
        # What lies behind us is understood, and refused by the command.
        ("today 9:00", "Wed 2026-03-04 09:00"),
        ("2020-01-01", "Wed 2020-01-01 17:00"),
    ],
)
def test_a_moment(words: str, moment: str) -> None:
    assert local(words) == moment


@pytest.mark.parametrize(
    "words",
    ["", "soon", "asap", "9", "03/04", "11.12", "24.12.26", "31.02.2026", "fri 25:00", "fri fri", "fri 13pm", "in", "in 2", "in 9999w",
     "2206-01-01", "next week", "eoc", "mor", "in 2 fortnights", "x" * 10_000],
)  # fmt: skip
def test_no_moment_or_more_than_one(words: str) -> None:
    assert local(words) is None


def test_two_hours_are_two_hours_while_clocks_change_and_nine_is_nine() -> None:
    before = datetime(2026, 3, 29, 1, 0, tzinfo=BERLIN)
    assert moments.moment("in 2h", before) == before.astimezone(UTC) + timedelta(hours=2)
    assert moments.moment("mon 9:00", before) == datetime(2026, 3, 30, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "minutes"),
    [
        ("30m", 30), ("30", 30), ("45 min", 45), ("1h30", 90), ("1h 30m", 90), ("1:30", 90), ("0:05", 5), ("0,5h", 30), ("0.25 h", 15),
        ("2h", 120), ("1,5 Std.", 90), ("1 Stunde 15 Minuten", 75), ("90 s", 2), ("1 d", 1440),
        ("", None), ("0", None), ("0m", None), ("-5m", None), ("half an hour", None), ("1:75", None), ("3 x", None), ("101h", None),
        ("9" * 1000, None),
    ],
)  # fmt: skip
def test_how_much_time(words: str, minutes: int | None) -> None:
    assert moments.minutes(words) == minutes


@settings(max_examples=500)
@given(some.one_of(some.text(max_size=70), some.text("0123456789:.,- inhmdtwfrioa", max_size=30)))
def test_whatever_is_typed_is_a_moment_or_none(words: str) -> None:
    found = moments.moment(words, NOW)
    assert found is None or found.tzinfo is UTC
    assert moments.minutes(words) is None or moments.minutes(words) > 0  # type: ignore[operator]


def test_a_zone_that_nobody_knows_is_passed_over() -> None:
    assert moments.zone(None, "Mars/Olympus", "Europe/Berlin") == BERLIN
    assert moments.zone("../../etc/passwd") is UTC
