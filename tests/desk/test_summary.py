"""When does somebody hear how things stand, and in what order? The tables behind `[digest]`."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from msgspec.structs import replace

from mailgate.desk.model import Directory, Priority, Role, Status, Team, TicketId
from mailgate.desk.plans import Calendar, Interval
from mailgate.desk.policy import Digests, Policy
from mailgate.desk.summary import (
    Backlog,
    Brief,
    Digest,
    Kind,
    Part,
    expects,
    following,
    leads,
    of_team,
    sorted_out,
    timely,
    week,
)
from tests.desk.cast import MAX, OLGA, RULES, TINA

# A Monday.
MONDAY = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
WORK = (Interval(timedelta(hours=9), timedelta(hours=17)),)
BOTH = Policy(digests=Digests(time(7, 30), (0, time(8, 0))))
RULES_BOTH = replace(RULES, policy=BOTH)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "after", "expected"),
    [
        ("UTC", "2026-03-02 06:00", "2026-03-02 07:30"),
        ("UTC", "2026-03-02 07:30", "2026-03-03 07:30"),
        ("UTC", "2026-03-06 07:30", "2026-03-09 07:30"),
        ("Europe/Berlin", "2026-03-27 12:00", "2026-03-30 05:30"),
        ("America/New_York", "2026-03-02 06:00", "2026-03-02 12:30"),
        # In Auckland it is Saturday already.
        ("Pacific/Auckland", "2026-03-06 12:00", "2026-03-08 18:30"),
    ],
)
def test_a_daily_digest_comes_on_the_next_working_morning(zone: str, after: str, expected: str) -> None:
    assert following(replace(TINA, timezone=zone), Kind.DAILY, RULES_BOTH, at(after)) == at(expected)


def test_a_weekly_one_comes_on_its_day_also_where_nobody_works_on_it() -> None:
    assert following(MAX, Kind.WEEKLY, RULES_BOTH, MONDAY) == at("2026-03-02 08:00")
    assert following(MAX, Kind.WEEKLY, RULES_BOTH, at("2026-03-02 08:00")) == at("2026-03-09 08:00")
    sunday = replace(RULES, policy=Policy(digests=Digests(weekly=(6, time(8, 0)))))
    assert following(MAX, Kind.WEEKLY, sunday, MONDAY) == at("2026-03-08 08:00")


def test_hours_and_calendar_say_which_days_are_working_days() -> None:
    part_time = replace(TINA, hours=((), WORK, (), (), (), WORK, ()))
    assert following(part_time, Kind.DAILY, RULES_BOTH, MONDAY) == at("2026-03-03 07:30")
    calendar = Calendar("office", hours=(WORK,) * 7, closed=(date(2026, 3, 3),))
    by_calendar = replace(RULES, policy=Policy(digests=Digests(time(7, 30), None, "office"), calendars=(calendar,)))
    assert following(part_time, Kind.DAILY, by_calendar, MONDAY) == at("2026-03-07 07:30")
    assert following(TINA, Kind.DAILY, by_calendar, at("2026-03-07 08:00")) == at("2026-03-08 07:30")


def test_nothing_comes_where_no_day_is_one() -> None:
    assert following(replace(TINA, hours=((),) * 7), Kind.DAILY, RULES_BOTH, MONDAY) is None
    assert following(TINA, Kind.DAILY, RULES, MONDAY) is None


@pytest.mark.parametrize(
    ("kind", "now", "expected"),
    [
        (Kind.DAILY, "2026-03-03 07:30", True),
        (Kind.DAILY, "2026-03-03 19:00", True),
        (Kind.DAILY, "2026-03-04 03:00", False),
        (Kind.DAILY, "2026-03-07 12:00", False),
        (Kind.WEEKLY, "2026-03-07 12:00", True),
    ],
)
def test_what_comes_late_is_told_in_the_daytime_of_a_working_day(kind: Kind, now: str, expected: bool) -> None:
    assert timely(TINA, kind, RULES_BOTH, at("2026-03-03 07:30"), at(now)) is expected
    assert not timely(replace(TINA, away="2026-03-01/2026-03-31"), kind, RULES_BOTH, at("2026-03-03 07:30"), at(now))


@pytest.mark.parametrize(
    ("role", "daily", "weekly"),
    [
        (Role.TECHNICIAN, True, False),
        (Role.LEAD, True, False),
        (Role.MANAGER, True, True),
        (Role.OWNER, False, True),
        (Role.APPROVER, False, False),
        (Role.REQUESTER, False, False),
    ],
)
def test_who_gets_which(role: Role, daily: bool, weekly: bool) -> None:
    person = replace(TINA, role=role)
    assert (expects(person, Kind.DAILY, RULES_BOTH), expects(person, Kind.WEEKLY, RULES_BOTH)) == (daily, weekly)
    assert not expects(replace(person, digest=False), Kind.DAILY, RULES_BOTH)
    assert not expects(person, Kind.WEEKLY, RULES)


def test_whose_backlog_somebody_is_told() -> None:
    lead, manager = replace(TINA, role=Role.LEAD), replace(MAX, team=None)
    two = replace(RULES, people=Directory((lead, manager), (Team("first"), Team("second", lead=manager.address), Team("third"))))
    first = next(one.name for one in two.teams if one.name == "first")
    assert leads(replace(lead, team=first), two) == ("first",)
    assert leads(manager, two) == ("second",)
    assert leads(replace(manager, address=OLGA.address), two) == ()
    assert leads(replace(manager, address=OLGA.address, team="third"), two) == ("third",)
    assert leads(replace(TINA, role=Role.TECHNICIAN), two) is None


def brief(number: int, status: Status = Status.ANALYSIS, *, due: str = "", answered: bool = True, p: str = "P3") -> Brief:
    """A ticket of Monday."""
    when = at(due) if due else None
    return Brief(TicketId(number), f"S{number}", status, None, Priority(p), TINA.address, MONDAY, MONDAY, when, answered, False)


def test_each_ticket_stands_in_the_first_part_that_fits_and_the_most_pressing_comes_first() -> None:
    now = at("2026-03-02 12:00")
    his = [
        brief(1), brief(2, p="P1"), brief(3, due="2026-03-02 11:00"), brief(4, due="2026-03-02 12:00", p="P1"),
        brief(5, due="2026-03-02 23:00"), brief(6, due="2026-03-03 01:00"), brief(7, answered=False), brief(8, Status.PENDING),
        brief(9, Status.PENDING, due="2026-03-01 12:00"), brief(10, Status.WAITING_FOR_CLOSURE, due="2026-03-01 12:00"),
    ]  # fmt: skip
    found = {one.part: [ticket.id for ticket in one.tickets] for one in sorted_out(his, TINA, RULES_BOTH, now, 10)}
    assert found == {
        Part.OVERDUE: [9, 3, 4], Part.TODAY: [5], Part.UNANSWERED: [7], Part.WORKING: [6, 2, 1], Part.PENDING: [8], Part.CLOSING: [10],
    }  # fmt: skip
    # Where he lives it is Tuesday soon.
    later = {
        one.part: [ticket.id for ticket in one.tickets] for one in sorted_out(his, replace(TINA, timezone="Asia/Tokyo"), RULES, now, 1)
    }
    assert later[Part.WORKING] == [5]


def test_the_oldest_are_told_where_that_says_something_new() -> None:
    backlog = Backlog(3, 1, 1, MONDAY)
    lists = ((Part.UNASSIGNED, 1, [brief(1)]), (Part.LATE, 0, []), (Part.OLDEST, 3, [brief(1), brief(2)]))
    assert [(one.part, [ticket.id for ticket in one.tickets], one.count) for one in of_team(backlog, lists)] == [
        (Part.UNASSIGNED, [1], 1), (Part.OLDEST, [2], 1),
    ]  # fmt: skip


def test_a_digest_without_anything_is_empty() -> None:
    assert Digest().empty
    assert Digest(backlog=Backlog(), teams=("first",)).empty
    assert not Digest(backlog=Backlog(1)).empty


def test_a_week_goes_from_midnight_to_midnight_where_its_reader_lives_also_when_the_clock_is_set() -> None:
    berlin = replace(MAX, timezone="Europe/Berlin")
    begins, ends = week(berlin, RULES, at("2026-03-30 05:30"))
    assert (begins, ends) == (at("2026-03-22 23:00"), at("2026-03-29 22:00"))
