"""A policy that has changed reaches the tickets that are open already: their clocks, and their timers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from mailgate.desk.clock import ClockState
from mailgate.desk.model import Priority
from mailgate.desk.plans import Sla, When
from mailgate.desk.policy import Autoclose, Policy
from mailgate.flow.replan import Replanner, fingerprint
from mailgate.store import facts, timers
from tests.kit.office import TINA, Office, mail, reply
from tests.kit.statements import watched

HOUR = timedelta(hours=1)
GOLD = Sla("gold", targets=(("first_response", HOUR), ("resolution", 8 * HOUR)))


@pytest.fixture
def office(url: str, tmp_path: Path) -> Iterator[Office]:
    desk = Office(tmp_path, url)
    yield desk
    assert desk.violations() == []
    desk.close()


def restart(office: Office, policy: Policy) -> int:
    """The daemon begins anew with another policy; how many tickets were put right."""
    office.change(policy=policy)
    planner = Replanner(office.store, office.house, lambda: office.now)
    return sum(planner.tick() for _ in range(20))


def due(office: Office, number: int = 1) -> dict[str, timedelta]:
    """The timers of a ticket, from now on."""
    with office.store.look() as tx:
        return {one.kind: one.due - office.now for one in timers.of_ticket(tx, office.ticket(number).id)}


def test_a_new_promise_holds_for_open_tickets_from_the_next_start_on(office: Office) -> None:
    office.post(mail("The printer is dead."))
    office.now += timedelta(minutes=30)
    assert restart(office, Policy(slas=(GOLD,))) == 1
    assert [(one.metric, one.state) for one in office.ticket().clocks] == [
        ("first_response", ClockState.RUNNING), ("resolution", ClockState.RUNNING),
    ]  # fmt: skip
    assert due(office) == {"sla.first_response": HOUR, "sla.resolution": 8 * HOUR}
    assert office.story().events[-1].verb == "policy"


def test_doing_it_twice_does_nothing(office: Office) -> None:
    office.post(mail("The printer is dead."))
    assert restart(office, Policy(slas=(GOLD,))) == 1
    with office.store.begin() as tx:
        facts.forget(tx, facts.PLANNED)
    assert restart(office, Policy(slas=(GOLD,))) == 0


def test_another_target_and_other_warnings_move_the_timers(office: Office) -> None:
    office.change(policy=Policy(slas=(GOLD,)))
    office.post(mail("The printer is dead."))
    assert restart(office, Policy(slas=(replace(GOLD, warn=(50,)),))) == 1
    assert due(office)["sla.resolution"] == 4 * HOUR
    assert restart(office, Policy(slas=(replace(GOLD, targets=(("resolution", 2 * HOUR),)),))) == 1
    assert due(office) == {"sla.resolution": 2 * HOUR}


def test_the_ladder_of_a_solved_ticket_is_that_of_the_new_policy(office: Office) -> None:
    office.post(mail("The printer is dead."))
    office.post(reply(office.last("new_ticket", TINA.address), "#resolve New toner."))
    assert restart(office, Policy(autoclose=Autoclose((), timedelta(0), 5 * HOUR))) == 1
    assert due(office) == {"autoclose": 5 * HOUR}


def test_closed_tickets_and_those_that_the_change_does_not_concern_are_left_alone(office: Office) -> None:
    for text in ("The printer is dead.", "The mouse is dead."):
        office.post(mail(text))
    office.post(reply(office.last("new_ticket", TINA.address), "#close"))
    before = [office.ticket(1).version, office.ticket(2).version]
    assert restart(office, Policy(slas=(replace(GOLD, when=When(priority=(Priority.P1,))),))) == 0
    assert [office.ticket(1).version, office.ticket(2).version] == before


def test_a_start_with_the_same_rules_reads_one_fact_and_then_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.post(mail("The printer is dead."))
    restart(office, Policy(slas=(GOLD,)))
    planner = Replanner(office.store, office.house, lambda: office.now)
    planner.tick()
    statements = watched(office.store, monkeypatch)
    planner.tick()
    assert statements == []


def test_nothing_is_planned_anew_while_timers_are_on_hold(office: Office) -> None:
    office.post(mail("The printer is dead."))
    with office.store.begin() as tx:
        facts.put(tx, facts.HOLD, "restored")
    assert restart(office, Policy(slas=(GOLD,))) == 0
    with office.store.begin() as tx:
        facts.forget(tx, facts.HOLD)
    assert restart(office, Policy(slas=(GOLD,))) == 1


def test_only_what_timers_go_by_makes_another_fingerprint(office: Office) -> None:
    usual = fingerprint(office.house)
    office.change(policy=Policy(assign_by=office.policy.assign_by, ack_unverified=office.policy.ack_unverified))
    assert fingerprint(office.house) == usual
    office.change(policy=Policy(slas=(GOLD,)))
    assert fingerprint(office.house) != usual


def test_a_pattern_is_told_from_another_to_its_last_letter(office: Office) -> None:
    seen = set()
    for end in "ab":
        subject = re.compile("printer|" + 300 * "x" + end)
        office.change(policy=Policy(slas=(replace(GOLD, when=When(subject=(subject,))),)))
        seen.add(fingerprint(office.house))
    assert len(seen) == 2
