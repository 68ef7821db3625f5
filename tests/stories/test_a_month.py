"""Does a desk stand a whole month? Forty technicians, their absences, mistakes and second thoughts, and whoever writes to them.

The full month, with 5,000 tickets, is `python -m tests.bench.month`; this is a quiet one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailgate.desk.letters import Name
from tests.kit.habits import ACTS, ASKS, CANARY, DECIDES, FORGES, HELD_BACK, REACTIONS
from tests.kit.month import Month
from tests.kit.office import Office
from tests.kit.proofs import let_out, letters, own_statuses, shares, unexplained, unlike_their_story, unsent, verbs
from tests.kit.staffing import month_office


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    """A month of 70 requests, lived through once."""
    folder: Path = tmp_path_factory.mktemp("month")
    month = Month(month_office(folder), seed=8, tickets=70, slot=timedelta(hours=2))
    month.run()
    yield month
    month.office.close()


@pytest.fixture
def after(lived: Month) -> Office:
    """The desk at the end of that month."""
    return lived.office


pytestmark = pytest.mark.slow


# What has to have happened to some ticket; and which letters, of all that there are, a month need not see.
HAPPENED = frozenset(
    "open reply note pending resume resolve accept reject reopen cancel close remind warn refused status start take assign escalate tag"
    " priority impact due time cc mute confidential spam desk macro merge join parent link split undo away handover held send kb alarm"
    " recover undelivered approval approve disowned".split()
)
# This desk promises no times and wants no sums, so nobody hears that a promise is in danger, nor every morning how things stand.
PROMISES = {Name.SLA_WARNING, Name.SLA_BREACH, Name.DELAYED, Name.OVERDUE, Name.DIGEST, Name.REPORT}
# Nobody signs in on its pages, and no approval there needs a code.
PAGES = {Name.LOGIN, Name.APPROVAL_CODE}
RARE = {Name.HELP, Name.MAILBOX, Name.CLOCK} | PROMISES | PAGES


def test_a_month_brings_something_of_everything(lived: Month) -> None:
    assert lived.office.count() > lived.tickets
    tables = (ASKS, FORGES, ACTS, HELD_BACK, DECIDES, *REACTIONS.values())
    assert {did for table in tables for _, did in table} - set(lived.did) == set()
    assert HAPPENED - set(verbs(lived.office.store)) == set()
    assert set(Name) - set(letters(lived.office.store)) <= RARE
    assert {one.name for one in lived.office.policy.statuses} <= own_statuses(lived.office.store)


def test_its_ledger_adds_up(after: Office) -> None:
    assert after.violations() == []


def test_every_ticket_is_what_its_story_says(after: Office) -> None:
    assert list(unlike_their_story(after.store)) == []


def test_every_letter_to_somebody_outside_is_explained_by_the_story_of_its_ticket(after: Office) -> None:
    assert list(unexplained(after.store, after.people)) == []


def test_what_technicians_say_among_themselves_stays_there(after: Office) -> None:
    assert list(let_out(after.store, after.people, CANARY)) == []


def test_an_answer_that_was_held_back_and_never_sent_reaches_nobody(after: Office) -> None:
    assert list(unsent(after.store, after.people)) == []


def test_the_work_is_shared_evenly(after: Office) -> None:
    """No ticket is given to somebody who is away, or while a present colleague has fewer, and nobody's share runs away from the others'."""
    found, unfair = shares(after.store, after.people)
    assert unfair == []
    assert max(one.apart for one in found) <= 4
