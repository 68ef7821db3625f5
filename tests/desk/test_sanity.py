"""May the clock be believed?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mailgate.desk.sanity import FRESH, STEADY, Belief, Doubt, Reading, judge

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AT = 5_000.0
CALM = Belief(Reading(NOW, AT, "this"))
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
A_SECOND = timedelta(seconds=1)


def shows(moved: timedelta, passed: timedelta, boot: str = "this", shared: timedelta | None = None) -> Reading:
    """What the clocks show when the wall clock has moved by so much, and so much time has passed."""
    return Reading(NOW + moved, AT + passed.total_seconds(), boot, None if shared is None else NOW + shared)


@pytest.mark.parametrize(
    ("moved", "passed", "doubt", "by"),
    [
        (A_SECOND, A_SECOND, None, timedelta()),
        (timedelta(), A_SECOND, None, timedelta()),
        # A minute of error is no jump, nor are ten; such clocks set themselves right.
        (MINUTE, A_SECOND, None, timedelta()),
        (10 * MINUTE, timedelta(), None, timedelta()),
        (-10 * MINUTE, timedelta(), None, timedelta()),
        (10 * MINUTE + A_SECOND, timedelta(), Doubt.AHEAD, 10 * MINUTE + A_SECOND),
        (-10 * MINUTE - A_SECOND, timedelta(), Doubt.BACK, 10 * MINUTE + A_SECOND),
        (HOUR, A_SECOND, Doubt.AHEAD, HOUR - A_SECOND),
        (DAY, A_SECOND, Doubt.AHEAD, DAY - A_SECOND),
        (-HOUR, A_SECOND, Doubt.BACK, HOUR + A_SECOND),
        (-DAY, A_SECOND, Doubt.BACK, DAY + A_SECOND),
        # A loop that was blocked for ten seconds, and one that was for half an hour.
        (10 * A_SECOND, 10 * A_SECOND, None, timedelta()),
        (HOUR / 2, HOUR / 2, Doubt.PAUSED, HOUR / 2),
        # A suspended laptop: the time that it slept has passed.
        (8 * HOUR, 8 * HOUR, Doubt.PAUSED, 8 * HOUR),
        # A suspended virtual machine, whose clocks stood still until somebody set the wall clock right.
        (8 * HOUR, A_SECOND, Doubt.AHEAD, 8 * HOUR - A_SECOND),
        # Both at once: it slept for eight hours, and when it woke the clock was an hour early.
        (7 * HOUR, 8 * HOUR, Doubt.BACK, HOUR),
    ],
)
def test_a_wall_clock_goes_as_far_as_time_has_passed(moved: timedelta, passed: timedelta, doubt: Doubt | None, by: timedelta) -> None:
    found = judge(CALM, shows(moved, passed), None)
    assert (found.doubt, found.by) == (doubt, by)


@pytest.mark.parametrize(
    ("moved", "doubt"), [(MINUTE, None), (-MINUTE, None), (HOUR, Doubt.PAUSED), (30 * DAY, Doubt.PAUSED), (-HOUR, Doubt.BACK)]
)
def test_after_another_start_of_the_machine_a_clock_that_went_on_may_be_right_and_one_that_went_back_is_not(
    moved: timedelta, doubt: Doubt | None
) -> None:
    assert judge(CALM, Reading(NOW + moved, 12.0, "another"), None).doubt is doubt
    # Where seconds went back, they are those of another start, whatever its name.
    assert judge(CALM, Reading(NOW + moved, 12.0, "this"), None).doubt is doubt


@pytest.mark.parametrize(
    ("newest", "known", "doubt"),
    [
        (None, None, None),
        (-DAY, None, None),
        (10 * MINUTE, None, None),
        (11 * MINUTE, None, Doubt.BEHIND),
        (DAY, None, Doubt.BEHIND),
        # An event that was known when the clock was last believed says nothing against it.
        (DAY, DAY, None),
        (DAY, DAY + A_SECOND, Doubt.BEHIND),
    ],
)
def test_a_clock_is_not_behind_what_has_happened(newest: timedelta | None, known: timedelta | None, doubt: Doubt | None) -> None:
    before = Belief(CALM.reading, None if known is None else NOW + known)
    assert judge(before, shows(A_SECOND, A_SECOND), None if newest is None else NOW + newest).doubt is doubt
    if known is None:
        assert judge(None, CALM.reading, None if newest is None else NOW + newest).doubt is doubt


@pytest.mark.parametrize(
    ("shared", "doubt"), [(timedelta(), None), (10 * MINUTE, None), (11 * MINUTE, Doubt.APART), (-11 * MINUTE, Doubt.APART)]
)
def test_a_gateway_whose_clock_is_not_that_of_the_database_is_wrong(shared: timedelta, doubt: Doubt | None) -> None:
    assert judge(None, shows(timedelta(), timedelta(), shared=shared), None).doubt is doubt
    assert judge(CALM, shows(timedelta(), timedelta(), shared=shared), None).doubt is doubt


def test_an_event_of_a_gateway_whose_clock_is_wrong_says_nothing_about_others() -> None:
    assert judge(CALM, shows(A_SECOND, A_SECOND, shared=A_SECOND), NOW + DAY).doubt is None


def test_a_clock_is_believed_again_after_ten_minutes_without_a_fault() -> None:
    belief = judge(CALM, shows(DAY, A_SECOND), None)
    for seconds in range(2, 602):
        belief = judge(belief, shows(DAY + seconds * A_SECOND, seconds * A_SECOND), None)
        assert belief.doubt is (Doubt.AHEAD if seconds < 601 else None), seconds
    assert belief == Belief(shows(DAY + 601 * A_SECOND, 601 * A_SECOND))


def test_a_fault_begins_the_ten_minutes_anew() -> None:
    belief = judge(CALM, shows(DAY, A_SECOND), None)
    belief = judge(belief, shows(DAY + 9 * MINUTE, 9 * MINUTE), None)
    belief = judge(belief, shows(9 * MINUTE, 9 * MINUTE), None)
    assert (belief.doubt, belief.since) == (Doubt.BACK, NOW + 9 * MINUTE)
    belief = judge(belief, shows(18 * MINUTE, 18 * MINUTE), None)
    assert belief.doubt is Doubt.BACK
    assert judge(belief, shows(19 * MINUTE, 19 * MINUTE), None).doubt is None


def test_a_clock_that_stays_behind_is_doubted_as_long_as_it_is_so() -> None:
    belief = judge(CALM, shows(A_SECOND, A_SECOND), NOW + DAY)
    for minutes in range(1, 60):
        belief = judge(belief, shows(minutes * MINUTE, minutes * MINUTE), NOW + DAY)
        assert (belief.doubt, belief.since) == (Doubt.BEHIND, NOW + A_SECOND)
    # The next event was written down by the clock as it is now.
    belief = judge(belief, shows(HOUR, HOUR), NOW + HOUR)
    assert belief.doubt is Doubt.BEHIND
    belief = judge(belief, shows(HOUR + 9 * MINUTE, HOUR + 9 * MINUTE), NOW + HOUR)
    assert belief == Belief(shows(HOUR + 9 * MINUTE, HOUR + 9 * MINUTE), NOW + HOUR)


def test_a_start_within_a_doubt_begins_the_ten_minutes_anew() -> None:
    kept = Belief(CALM.reading, None, Doubt.AHEAD, NOW, DAY)
    belief = judge(kept, shows(MINUTE, MINUTE), None)
    assert belief.doubt is Doubt.AHEAD
    assert judge(belief, shows(10 * MINUTE, 10 * MINUTE), None).doubt is Doubt.AHEAD
    assert judge(belief, shows(11 * MINUTE, 11 * MINUTE), None).doubt is None


def test_nothing_is_to_be_written_down_at_a_usual_tick() -> None:
    assert judge(CALM, shows(FRESH - A_SECOND, FRESH - A_SECOND), None) is CALM
    assert judge(CALM, shows(FRESH, FRESH), None) == Belief(shows(FRESH, FRESH))


# Seconds between two ticks, and by how many more the wall clock moved meanwhile.
_TICKS = some.tuples(some.floats(0.1, 100), some.floats(-0.5, 0.5))
_JUMPS = some.integers(-400 * 86400, 400 * 86400).filter(lambda by: abs(by) > 1300)


@given(some.lists(_TICKS, max_size=60))
def test_an_honest_clock_is_always_believed(ticks: list[tuple[float, float]]) -> None:
    belief, wall, passed = CALM, 0.0, 0.0
    for seconds, slip in ticks:
        wall, passed = wall + seconds + slip, passed + seconds
        belief = judge(belief, shows(timedelta(seconds=wall), timedelta(seconds=passed)), None)
        assert belief.doubt is None


@given(some.lists(_TICKS, max_size=20), _JUMPS, some.lists(_TICKS, min_size=1, max_size=60))
def test_whenever_a_clock_jumps_it_is_doubted_for_ten_minutes_and_no_longer(
    before: list[tuple[float, float]], jump: int, after: list[tuple[float, float]]
) -> None:
    belief, wall, passed = CALM, 0.0, 0.0
    for seconds, slip in before:
        wall, passed = wall + seconds + slip, passed + seconds
        belief = judge(belief, shows(timedelta(seconds=wall), timedelta(seconds=passed)), None)
    wall, since = wall + jump, passed
    belief = judge(belief, shows(timedelta(seconds=wall), timedelta(seconds=passed)), None)
    assert belief.doubt is (Doubt.AHEAD if jump > 0 else Doubt.BACK)
    for seconds, slip in after:
        wall, passed = wall + seconds + slip, passed + seconds
        belief = judge(belief, shows(timedelta(seconds=wall), timedelta(seconds=passed)), None)
        # One tick on the very edge may go either way.
        if abs(passed - since - STEADY.total_seconds()) > 0.001:
            assert (belief.doubt is None) == (passed - since > STEADY.total_seconds())
