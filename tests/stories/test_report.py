"""Do the figures of a report say what happened? A month of promises, and everything counted once more from its events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from mailgate.cli.report import as_json
from mailgate.desk.account import replayed
from mailgate.desk.model import TicketId
from mailgate.desk.report import Period, reported
from mailgate.store import figures, story
from tests.kit.accelerated import Month
from tests.kit.recount import recounted


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    """A month of a few tickets."""
    lived = Month(tmp_path_factory.mktemp("month"), 90, beat=timedelta(hours=1))
    lived.run()
    yield lived
    violations = lived.office.violations()
    lived.office.close()
    assert violations == []


def both(month: Month, since: datetime, until: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    """The report as the shell prints it, and the same figures recounted."""
    period = Period(since, until)
    with month.office.store.look() as tx:
        told = json.loads(json.dumps(as_json(reported(list(figures.handled(tx, period)), period))))
        counted = recounted(tx, since, until)
    told["sla"] = [{name: value for name, value in one.items() if name != "rate"} for one in told["sla"]]
    return {name: told[name] for name in counted}, counted


@pytest.mark.parametrize(("first", "last"), [(0, 30), (0, 10), (10, 20), (25, 30), (3.25, 17.75)])
def test_the_figures_are_those_that_the_events_tell(month: Month, first: float, last: float) -> None:
    # What a tick finds overdue at the end of the period belongs to it.
    told, counted = both(month, month.began + timedelta(days=first), month.began + timedelta(days=last, microseconds=1))
    for name, spread in ((name, told[name]) for name in ("first_response", "resolution")):
        assert spread == (None if counted[name] is None else pytest.approx(counted[name], abs=1e-5))
    assert {**told, "first_response": 0, "resolution": 0} == {**counted, "first_response": 0, "resolution": 0}


def test_the_month_had_something_of_everything(month: Month) -> None:
    told, _ = both(month, month.began, month.office.now)
    assert {one["metric"] for one in told["sla"]} == {"first_response", "next_response", "resolution"}
    assert all(sum(one[state] for one in told["sla"]) > 0 for state in ("achieved", "breached", "cancelled", "overdue"))
    assert min(told["reopened"], told["first_contact"], told["backlog"]) > 0


def test_the_clocks_of_each_ticket_are_those_that_its_story_makes(month: Month) -> None:
    """The same rules over the same events make the same clocks, save for who was told of what."""
    office = month.office
    with office.store.look() as tx:
        for number in range(1, office.count() + 1):
            ticket, events = office.ticket(number), story.events(tx, TicketId(number))
            again = replayed(ticket.id, events, office.house.rules(ticket.desk, office.people))
            assert [(one.metric, one.number, one.phase, one.stretches, one.spent, one.ended) for one in again.clocks] == [
                (one.metric, one.number, one.phase, one.stretches, one.spent, one.ended) for one in ticket.clocks
            ]
