"""When is a letter tried again, when is it given up, and when is the relay left in peace?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mailgate.desk.letters import Name
from mailgate.desk.retry import LIFETIME, Alert, Breaker, Fate, Next, State, after, delay, expired, priority

MADE = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
NOW = MADE + timedelta(hours=1)


@pytest.mark.parametrize(
    ("attempt", "minutes"),
    [(0, 1), (1, 1), (2, 5), (3, 15), (4, 30), (5, 60), (6, 120), (7, 240), (8, 240), (40, 240), (10**9, 240)],
)
def test_the_waits_grow_to_four_hours_and_stay_there(attempt: int, minutes: int) -> None:
    assert delay(attempt, 0.5) == timedelta(minutes=minutes)
    assert delay(attempt, 0) == timedelta(minutes=minutes * 0.8)
    assert delay(attempt, 1) == timedelta(minutes=minutes * 1.2)


@pytest.mark.parametrize(
    ("fate", "young", "old"),
    [
        (Fate.SENT, Next(State.SENT), Next(State.SENT)),
        (Fate.REFUSED, Next(State.FAILED), Next(State.FAILED)),
        (Fate.TOO_BIG, Next(State.FAILED), Next(State.FAILED)),
        (Fate.FAILED, Next(State.FAILED), Next(State.FAILED)),
        (Fate.RETRY, Next(State.DEFERRED, NOW + timedelta(minutes=15)), Next(State.FAILED, None, Alert.EXPIRED)),
        (Fate.UNKNOWN, Next(State.DEFERRED, NOW + timedelta(minutes=15)), Next(State.FAILED, None, Alert.EXPIRED)),
        (Fate.OURS, Next(State.DEFERRED, NOW + timedelta(minutes=15), Alert.OURS), Next(State.FAILED, None, Alert.EXPIRED)),
        (Fate.LAPSED, Next(State.DEFERRED, NOW), Next(State.FAILED, None, Alert.EXPIRED)),
    ],
)
def test_each_fate_has_its_next_state_before_and_after_five_days(fate: Fate, young: Next, old: Next) -> None:
    assert after(fate, 3, MADE, NOW, 0.5) == young
    assert after(fate, 3, NOW - LIFETIME, NOW, 0.5) == old
    assert after(fate, 3, NOW - LIFETIME + timedelta(seconds=1), NOW, 0.5) == young


def test_a_relay_that_is_down_for_five_days_costs_one_expired_notice_after_the_whole_schedule() -> None:
    now, attempt, waits = MADE, 1, []
    while (next_ := after(Fate.RETRY, attempt, MADE, now, 0.5)).at is not None:
        waits.append((next_.at - now) // timedelta(minutes=1))
        now, attempt = next_.at, attempt + 1
    assert waits[:8] == [1, 5, 15, 30, 60, 120, 240, 240]
    assert set(waits[7:]) == {240}
    assert len(waits) == 36
    assert next_ == Next(State.FAILED, None, Alert.EXPIRED)
    assert LIFETIME <= now - MADE < LIFETIME + timedelta(hours=4)


def test_a_letter_expires_at_five_days_whether_it_was_dialled_for_or_not() -> None:
    assert not expired(MADE, MADE + timedelta(days=5, seconds=-1))
    assert expired(MADE, MADE + timedelta(days=5))


@given(some.sampled_from(Fate), some.integers(0, 10**6), some.timedeltas(timedelta(0), timedelta(days=30)), some.floats(0, 1))
def test_a_row_is_deferred_into_the_future_or_at_its_end(fate: Fate, attempt: int, age: timedelta, jitter: float) -> None:
    next_ = after(fate, attempt, MADE, MADE + age, jitter)
    assert (next_.state is State.DEFERRED) == (next_.at is not None)
    if next_.at is not None:
        assert timedelta(0) <= next_.at - (MADE + age) <= timedelta(hours=4.8)
        assert age < LIFETIME


@pytest.mark.parametrize(
    ("fate", "stage", "reply", "ill"),
    [
        (Fate.SENT, "dot", "250 2.0.0 queued", False),
        (Fate.REFUSED, "RCPT", "550 5.1.1 nobody", False),
        (Fate.FAILED, "dot", "554 5.7.1 spam", False),
        (Fate.TOO_BIG, "dot", "552 5.3.4 big", False),
        (Fate.RETRY, "RCPT", "450 4.2.0 grey", False),
        (Fate.RETRY, "MAIL", "452 4.3.1 disk", False),
        (Fate.RETRY, "MAIL", "421 4.3.2 bye", True),
        (Fate.RETRY, "dot", "421 4.3.2 bye", True),
        (Fate.RETRY, "greeting", "450 4.3.2 later", True),
        (Fate.RETRY, "AUTH", "454 4.7.0 later", True),
        (Fate.RETRY, "connect", "[Errno 111] Connection refused", True),
        (Fate.RETRY, "MAIL", "no answer in time", True),
        (Fate.RETRY, "maildir", "[Errno 28] No space left on device", True),
        (Fate.UNKNOWN, "dot", "the relay closed the connection", True),
        (Fate.OURS, "AUTH", "535 5.7.8 wrong", True),
        (Fate.OURS, "MAIL", "550 5.7.1 not from you", True),
    ],
)
def test_the_breaker_opens_on_the_relay_s_trouble_and_closes_on_an_answer(fate: Fate, stage: str, reply: str, ill: bool) -> None:
    assert Breaker().after(fate, stage, reply, NOW).open is ill
    assert Breaker(MADE, MADE).after(fate, stage, reply, NOW).open is ill


def test_an_open_breaker_lets_one_probe_a_minute_through() -> None:
    breaker = Breaker()
    assert breaker.may_dial(NOW)
    breaker = breaker.after(Fate.RETRY, "connect", "refused", NOW)
    assert not breaker.may_dial(NOW + timedelta(seconds=59))
    assert breaker.may_dial(NOW + timedelta(seconds=60))
    breaker = breaker.after(Fate.RETRY, "connect", "refused", NOW + timedelta(seconds=70))
    assert not breaker.may_dial(NOW + timedelta(seconds=129))
    assert breaker.since == NOW
    assert breaker.after(Fate.SENT, "dot", "250 ok", NOW) == Breaker()


def test_a_lapsed_letter_tells_nothing_about_the_relay() -> None:
    for breaker in (Breaker(), Breaker(MADE, NOW)):
        assert breaker.after(Fate.LAPSED, "connect", "", NOW) is breaker


def test_a_relay_out_of_reach_for_a_quarter_of_an_hour_is_an_alarm() -> None:
    assert not Breaker().alarming(NOW)
    assert not Breaker(NOW, NOW).alarming(NOW + timedelta(minutes=14, seconds=59))
    assert Breaker(NOW, NOW).alarming(NOW + timedelta(minutes=15))


def test_the_queue_drains_replies_and_approvals_before_acknowledgements_before_digests() -> None:
    names = ["digest", "acknowledgement", "assigned", "approval_request", "held", "reply"]
    assert sorted(names, key=priority) == ["approval_request", "reply", "assigned", "acknowledgement", "digest", "held"]


def test_every_letter_has_a_place_in_the_drain() -> None:
    assert {priority(name) for name in Name} <= {0, 1, 2, 3}
    assert priority("no such letter") == 1


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=1)])
def test_a_clock_that_goes_back_does_not_keep_a_relay_from_being_tried(back: timedelta) -> None:
    breaker = Breaker().after(Fate.RETRY, "connect", "no route", NOW)
    assert not breaker.may_dial(NOW + timedelta(seconds=59))
    assert breaker.may_dial(NOW - back)
