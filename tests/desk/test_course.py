"""How does a period look in steps? Tables of edges and counts, in the time zone of the desk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.desk.course import Stride, course
from mailgate.desk.model import Status
from mailgate.desk.report import Handled, Period
from tests.desk.cast import ticket

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def solved(created: str, resolved: str | None = None, closed: str | None = None) -> Handled:
    status = Status.COMPLETED if closed else Status.WAITING_FOR_CLOSURE if resolved else Status.NEW
    return Handled(ticket(status, created=at(created), resolved=resolved and at(resolved), closed=closed and at(closed)))


@pytest.mark.parametrize(
    ("since", "until", "stride", "steps"),
    [
        ("2026-03-02", "2026-03-09", Stride.DAY, 7),
        ("2026-03-02T15:00", "2026-03-09T15:00", Stride.DAY, 8),
        ("2026-01-01", "2026-02-15", Stride.DAY, 45),
        ("2026-01-01", "2026-04-01", Stride.WEEK, 14),
        ("2024-01-01", "2026-01-01", Stride.MONTH, 24),
        ("1990-01-01", "2026-01-01", Stride.YEAR, 36),
    ],
)
def test_steps_are_as_long_as_a_page_wants_them(since: str, until: str, stride: Stride, steps: int) -> None:
    found = course([], Period(at(since), at(until)), UTC)
    assert (found.stride, len(found.stages)) == (stride, steps)
    assert (found.stages[0].since, found.stages[-1].until) == (at(since), at(until))


def test_a_day_is_one_of_the_desks_zone_also_where_it_has_twenty_three_hours() -> None:
    days = course([], Period(at("2026-03-27T23:00"), at("2026-03-29T22:00")), BERLIN).stages
    assert [one.until - one.since for one in days] == [timedelta(hours=24), timedelta(hours=23)]


def test_what_came_was_solved_and_was_closed_is_counted_on_its_day_and_what_was_open_at_its_end() -> None:
    tickets = [
        solved("2026-02-20"), solved("2026-03-02T10:00", "2026-03-02T12:00", "2026-03-04T12:00"),
        solved("2026-03-02T23:59", "2026-03-03T00:00"), solved("2026-03-03T09:00", None, "2026-03-03T10:00"),
    ]  # fmt: skip
    days = course(tickets, Period(at("2026-03-02"), at("2026-03-05")), UTC).stages
    assert [(one.opened, one.resolved, one.closed, one.backlog) for one in days] == [(2, 1, 0, 2), (1, 1, 1, 1), (0, 0, 1, 1)]


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000)), max_size=30), st.integers(1, 3000))
def test_every_ticket_is_counted_in_one_step_however_long_the_steps_are(lives: list[tuple[int, int]], hours: int) -> None:
    period = Period(at("2026-01-01"), at("2026-01-01") + timedelta(hours=hours))
    tickets = [
        Handled(ticket(created=period.since + timedelta(hours=came), resolved=period.since + timedelta(hours=came + took)))
        for came, took in lives
    ]
    stages = course(tickets, period, BERLIN).stages
    assert sum(one.opened for one in stages) == sum(period.has(one.ticket.created) for one in tickets)
    assert sum(one.resolved for one in stages) == sum(period.has(one.ticket.resolved) for one in tickets)
    assert all(one.until == other.since for one, other in pairwise(stages))
