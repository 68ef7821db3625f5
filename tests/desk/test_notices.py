from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from mailgate.desk.clock import BREACH, Clock, Phase, Step
from mailgate.desk.letters import Name
from mailgate.desk.model import Address, Directory, Priority, Status, Ticket, TicketId
from mailgate.desk.notices import Current, Notice, current, heard_at, letters
from mailgate.desk.plans import ROUND_THE_CLOCK, Interval, Week
from mailgate.desk.policy import Desk, Policy, Quiet, Security
from mailgate.desk.rules import Rules

TINA = Address("tina@desk.example")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def hours(opens: float, closes: float) -> Interval:
    return Interval(timedelta(hours=opens), timedelta(hours=closes))


EVERY_NIGHT: Week = ((hours(0, 7), hours(20, 24)),) * 7


def rules(week: Week = EVERY_NIGHT, zone: str = "UTC") -> Rules:
    return Rules(Desk(timezone=zone), Policy(quiet=Quiet(week)), Security(), Directory(()))


@pytest.mark.parametrize(
    ("zone", "said", "heard"),
    [
        ("UTC", "2026-03-02 12:00", "2026-03-02 12:00"),
        ("UTC", "2026-03-02 19:59", "2026-03-02 19:59"),
        ("UTC", "2026-03-02 20:00", "2026-03-03 07:00"),
        ("UTC", "2026-03-03 00:00", "2026-03-03 07:00"),
        ("UTC", "2026-03-03 06:59", "2026-03-03 07:00"),
        ("UTC", "2026-03-03 07:00", "2026-03-03 07:00"),
        ("Europe/Berlin", "2026-03-02 19:30", "2026-03-03 06:00"),
        # The night in which the clock is set forward, and the one in which it is set back.
        ("Europe/Berlin", "2026-03-28 22:00", "2026-03-29 05:00"),
        ("Europe/Berlin", "2026-10-24 22:00", "2026-10-25 06:00"),
        ("America/New_York", "2026-03-02 12:00", "2026-03-02 12:00"),
        ("America/New_York", "2026-03-02 11:00", "2026-03-02 12:00"),
    ],
)
def test_a_notice_is_heard_when_the_night_ends(zone: str, said: str, heard: str) -> None:
    then, now = (datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (said, heard))
    assert heard_at(rules(zone=zone), then) == now
    assert heard_at(rules(zone=zone), then, quiet=False) == then


@pytest.mark.parametrize(
    ("week", "heard"),
    [
        (((),) * 7, NOON),
        # A whole weekend, from Friday evening; hours that overlap; and quiet hours without an end, which the configuration refuses.
        (((hours(0, 24),) * 1, *((),) * 6), NOON + timedelta(hours=12)),
        (((hours(11, 13), hours(12, 15), hours(12.5, 14)),) * 7, NOON + timedelta(hours=3)),
        (ROUND_THE_CLOCK, NOON),
    ],
)
def test_quiet_hours_may_be_whole_days_and_overlap(week: Week, heard: datetime) -> None:
    """It is a Monday."""
    assert heard_at(rules(week), NOON) == heard


def ticket(clock: Clock | None, number: int = 1, **others: object) -> Ticket:
    given: dict[str, object] = {
        "desk": "Service Desk", "requester": "ann@out.example", "status": Status.ANALYSIS, "created": NOON, "updated": NOON, "since": NOON,
        "subject": "x", "clocks": (clock,) if clock else (), "version": 1,
    }  # fmt: skip
    return Ticket(id=TicketId(number), **{**given, **others})  # type: ignore[arg-type]


RUNS = Clock("resolution", 1, "s", None, timedelta(hours=4), NOON, told=BREACH, breached=True, stretches=((NOON, None),))
NOTICE = Notice("Service Desk", TINA, TicketId(1), "resolution", 1, BREACH)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "gone"),
        (ticket(None), "ended"),
        (ticket(replace(RUNS, number=2)), "ended"),
        (ticket(replace(RUNS, phase=Phase.STOPPED)), "ended"),
        (ticket(replace(RUNS, phase=Phase.CANCELLED)), "ended"),
        (ticket(replace(RUNS, phase=Phase.PAUSED)), "paused"),
        (ticket(replace(RUNS, told=None)), "later"),
        (ticket(replace(RUNS, told=Step(80))), "later"),
    ],
)
def test_what_has_passed_is_not_told_and_the_reason_is_kept(found: Ticket | None, reason: str) -> None:
    assert current(NOTICE, found) == reason


def test_what_went_on_is_told_as_it_is() -> None:
    found = current(replace(NOTICE, step=Step(80)), ticket(RUNS))
    assert isinstance(found, Current)
    assert found.milestone.step == BREACH
    assert [one.name for one in letters([found], TINA, rules(), 99)] == [Name.SLA_BREACH]


@pytest.mark.parametrize(
    ("count", "room", "written"),
    [(1, 99, 1), (3, 99, 3), (4, 99, 1), (2, 2, 2), (2, 1, 1), (1, 1, 1), (500, 1, 1)],
)
def test_so_many_come_singly_and_more_in_one(count: int, room: int, written: int) -> None:
    told = [Current(NOTICE, ticket(RUNS, number), RUNS) for number in range(1, count + 1)]
    found = letters(told, TINA, rules(), room)
    assert len(found) == written
    assert {one.name for one in found} == ({Name.OVERDUE} if written < count else {Name.SLA_BREACH})


def test_the_most_urgent_ticket_comes_first_and_then_the_one_that_was_due_first() -> None:
    late = [
        (1, Priority.P3, NOON), (2, Priority.P1, NOON + timedelta(hours=1)), (3, Priority.P3, NOON - timedelta(hours=1)),
        (4, Priority.P1, NOON),
    ]  # fmt: skip
    told = []
    for number, priority, began in late:
        clock = replace(RUNS, stretches=((began, None),))
        told.append(Current(NOTICE, ticket(clock, number, priority=priority), clock))
    (digest,) = letters(told, TINA, rules(), 99)
    assert [one.ticket.id for one in digest.late] == [4, 2, 3, 1]
