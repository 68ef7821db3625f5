"""A mark from 1 to 5: how it is read, until when it may be given."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from mailgate.desk.csat import OPEN_FOR, may_rate, read
from mailgate.desk.model import Status
from tests.desk.cast import NOW, ticket

MARKS = [
    ("5", (5, "")),
    ("4 quick, thank you", (4, "quick, thank you")),
    ("\n3\n\nIt took\na week.", (3, "It took\na week.")),
    ("5/5 great", (5, "great")),
    ("2: slow", (2, "slow")),
    ("1.", (1, "")),
    ("csat 4", (4, "")),
    ("\n#csat: 4 fine", (4, "fine")),
    ("6", (None, "6")),
    ("0", (None, "0")),
    ("45", (None, "45")),
    ("5th floor", (None, "5th floor")),
    ("", (None, "")),
    ("very good", (None, "very good")),
    ("５", (None, "５")),
    ("5 " + "x" * 9999, (5, "x" * 2000)),
]


@pytest.mark.parametrize(("words", "mark"), MARKS)
def test_a_mark_stands_first_and_what_is_said_with_it_behind(words: str, mark: tuple[int | None, str]) -> None:
    assert read(words) == mark


@pytest.mark.parametrize(
    ("status", "ended", "may"),
    [
        (Status.WAITING_FOR_CLOSURE, timedelta(0), True),
        (Status.COMPLETED, OPEN_FOR, True),
        (Status.COMPLETED, OPEN_FOR + timedelta(seconds=1), False),
        (Status.ANALYSIS, timedelta(0), False),
        (Status.DECLINED, timedelta(days=1), True),
    ],
)
def test_it_may_be_given_from_the_solution_until_some_days_after_the_end(status: Status, ended: timedelta, may: bool) -> None:
    closed = NOW - ended if status in (Status.COMPLETED, Status.DECLINED) else None
    one = replace(ticket(), status=status, resolved=None if status is Status.DECLINED else NOW - ended, closed=closed)
    assert may_rate(one, NOW) is may
