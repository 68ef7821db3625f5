"""What do people type to say that they are away, who stands in for them, and when does somebody work?"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mailgate.desk.absence import at_work, said, stand_in, within
from mailgate.desk.assignment import Roster
from mailgate.desk.handover import shared_out
from mailgate.desk.model import Address, Directory, Person, Role, Status
from mailgate.desk.plans import Interval
from mailgate.desk.policy import AssignBy, Policy
from mailgate.desk.rules import Rules
from mailgate.desk.workflow import STATES
from tests.desk.cast import DESK, RULES, TINA, TOM, ticket

# A Monday.
TODAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("words", "last"),
    [
        ("until friday", "2026-03-06"), ("until Fri", "2026-03-06"), ("bis Freitag", "2026-03-06"), ("bis Fr.", "2026-03-06"),
        ("friday", "2026-03-06"), ("until monday", "2026-03-09"), ("until tomorrow", "2026-03-03"), ("bis heute", "2026-03-02"),
        ("until 2026-12-24", "2026-12-24"), ("bis zum 24.12.", "2026-12-24"), ("bis 24.12.2026", "2026-12-24"), ("bis 1.3.", "2027-03-01"),
        ("bis einschließlich Sonntag", "2026-03-08"), ("until 2026-3-2", "2026-03-02"),
    ],
)  # fmt: skip
def test_a_day_is_the_last_one_of_an_absence_that_begins_today(words: str, last: str) -> None:
    assert said(words, TODAY) == f"2026-03-02/{last}"


@pytest.mark.parametrize(
    ("words", "span"),
    [
        ("from 2026-03-04 until 2026-03-06", "2026-03-04/2026-03-06"),
        ("vom 20.12. bis 6.1.", "2026-12-20/2027-01-06"),
        ("from friday until tuesday", "2026-03-06/2026-03-10"),
        ("off", ""), ("Back!", ""), ("zurück.", ""), ("aus", ""),
    ],
)  # fmt: skip
def test_it_may_begin_later_or_be_over(words: str, span: str) -> None:
    assert said(words, TODAY) == span


@pytest.mark.parametrize(
    "words",
    ["", "until", "until 2026-03-01", "until 2026-02-30", "bis 30.2.", "until whenever", "off tomorrow", "from friday",
     "from x until friday", "from 2026-03-06 until 2026-03-04", "from 2026-01-01 until 2026-03-06",
     "until 2036-01-01", "until friday 9:00", "until 9999-99-99"],
)  # fmt: skip
def test_what_names_no_such_day_is_no_absence(words: str) -> None:
    assert said(words, TODAY) is None


@given(st.text(max_size=60), st.dates(date(2020, 1, 1), date(2100, 1, 1)))
def test_whatever_is_typed_it_is_a_span_that_ends_today_or_later_or_none(words: str, today: date) -> None:
    span = said(words, today)
    if span:
        first, _, last = span.partition("/")
        assert today.isoformat() <= first <= last
        assert within(span, date.fromisoformat(last))


@given(st.sampled_from("monday tue mittwoch do freitag sat so".split()), st.dates(date(2020, 1, 1), date(2100, 1, 1)))
def test_a_weekday_is_within_the_next_seven_days_and_never_today(word: str, today: date) -> None:
    span = said(f"until {word}", today)
    assert span is not None
    assert timedelta(0) < date.fromisoformat(span.partition("/")[2]) - today <= timedelta(days=7)


def somebody(name: str, delegate: str | None = None, *, away: bool = True, role: Role = Role.TECHNICIAN) -> Person:
    at = Address(f"{delegate}@desk.example") if delegate else None
    return Person(Address(f"{name}@desk.example"), name, role, delegate=at, said="2026-12-24" if away else None)


@pytest.mark.parametrize(
    ("people", "who"),
    [
        ((somebody("a", "b"), somebody("b", away=False)), "b"),
        ((somebody("a", "b"), somebody("b", "c"), somebody("c", away=False)), "c"),
        ((somebody("a", "b"), somebody("b", "a")), None),
        ((somebody("a", "a"),), None),
        ((somebody("a", "b"), somebody("b")), None),
        ((somebody("a", "b"), somebody("b", away=False, role=Role.MANAGER)), None),
        ((somebody("a"),), None),
    ],
)  # fmt: skip
def test_a_delegate_stands_in_or_his_own_if_he_is_away_too(people: tuple[Person, ...], who: str | None) -> None:
    found = stand_in(people[0], Directory(people), TODAY)
    assert (found.name if found else None) == who


NINE_TO_TWELVE = ((Interval(timedelta(hours=9), timedelta(hours=12)),),) * 5 + ((), ())


@pytest.mark.parametrize(
    ("timezone", "utc", "works"),
    [
        ("UTC", datetime(2026, 3, 2, 9, tzinfo=UTC), True), ("UTC", datetime(2026, 3, 2, 8, 59, 59, tzinfo=UTC), False),
        ("UTC", datetime(2026, 3, 2, 12, tzinfo=UTC), False), ("UTC", datetime(2026, 3, 7, 10, tzinfo=UTC), False),
        ("Europe/Berlin", datetime(2026, 3, 2, 8, tzinfo=UTC), True), ("Europe/Berlin", datetime(2026, 7, 6, 7, tzinfo=UTC), True),
        ("Pacific/Auckland", datetime(2026, 3, 1, 21, tzinfo=UTC), True),
    ],
)  # fmt: skip
def test_hours_are_those_of_the_persons_time_zone(timezone: str, utc: datetime, works: bool) -> None:
    assert at_work(replace(TINA, hours=NINE_TO_TWELVE, timezone=timezone), "UTC", utc) is works
    assert at_work(replace(TINA, hours=NINE_TO_TWELVE), timezone, utc) is works
    assert at_work(TINA, timezone, utc)


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("by", AssignBy)
def test_only_what_is_being_worked_on_is_handed_over(status: Status, by: AssignBy) -> None:
    gone = replace(TINA, said="2026-12-24")
    people = Directory((gone, TOM), RULES.people.teams)
    rules = Rules(DESK, Policy(assign_by=by), RULES.security, people)
    handed = list(shared_out(gone, [ticket(status, assignee=TINA.address), ticket(status, assignee=TOM.address)], rules, Roster(TODAY)))
    if STATES[status].value not in ("Open", "In Progress"):
        assert handed == []
    else:
        assert [one.to and one.to.address for one in handed] == [None if by is AssignBy.HAND else TOM.address]
