"""Does a desk stand a whole month? Forty technicians, their absences, mistakes and second thoughts, and whoever writes to them.

The full month, with 5,000 tickets, is `python -m tests.bench.month`; this is a quiet one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.kit.habits import CANARY
from tests.kit.month import Month
from tests.kit.office import Office
from tests.kit.proofs import let_out, shares, unexplained, unlike_their_story
from tests.kit.staffing import month_office


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    """A month of 150 requests, lived through once."""
    folder: Path = tmp_path_factory.mktemp("month")
    month = Month(month_office(folder), seed=4, tickets=150, slot=timedelta(hours=2))
    month.run()
    yield month
    month.office.close()


@pytest.fixture
def after(lived: Month) -> Office:
    """The desk at the end of that month."""
    return lived.office


pytestmark = pytest.mark.slow


def test_a_month_brings_something_of_everything(lived: Month) -> None:
    assert lived.office.count() > 150
    assert lived.mails > 1000
    # What is rarer may be missing from a quiet month.
    asked = "resolve,answer,ask,escalate,vendor,note,set fields,err,accepts,rejects,answers,thanks,strays,forges,alarms".split(",")
    assert [one for one in asked if not lived.did[one]] == []
    written = {letter.name for letter in lived.office.everything_sent()}
    assert written >= {"reminder", "closing_soon", "collision", "vendor", "escalated", "reopened", "status", "receipt"}


def test_its_ledger_adds_up(after: Office) -> None:
    assert after.violations() == []


def test_every_ticket_is_what_its_story_says(after: Office) -> None:
    assert list(unlike_their_story(after.store)) == []


def test_every_letter_to_somebody_outside_is_explained_by_the_story_of_its_ticket(after: Office) -> None:
    assert list(unexplained(after.store, after.people)) == []


def test_what_technicians_say_among_themselves_stays_there(after: Office) -> None:
    assert list(let_out(after.store, after.people, CANARY)) == []


def test_the_work_is_shared_evenly(after: Office) -> None:
    """No new ticket goes to somebody while a present colleague has fewer, and nobody's share runs away from the others'."""
    found, unfair = shares(after.store, after.people)
    assert unfair == []
    assert max(one.most - one.fewest for one in found) <= 4
