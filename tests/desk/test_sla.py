"""When does a ticket need us next? The ladders of reminders, rung by rung."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from mailgate.desk import sla
from mailgate.desk.decide import SYSTEM, decide
from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.events import Event, changes, fold
from mailgate.desk.letters import Name
from mailgate.desk.model import Participant, State, Status, Ticket
from mailgate.desk.policy import Autoclose, Pending, Policy
from mailgate.desk.rules import Rules
from mailgate.desk.sla import Act, Rung, Timer, ladder, plan, rung
from mailgate.desk.stimuli import Due
from mailgate.desk.workflow import STATES
from tests.desk.cast import ANN, BOB, NOW, OPENED, RULES, TINA, TOM, ticket, wrote

DAY = timedelta(days=1)
POLICY = Policy(pending=Pending((2 * DAY, 4 * DAY), 7 * DAY), autoclose=Autoclose((3 * DAY,), 6 * DAY, 7 * DAY))
ON_TIME = replace(RULES, policy=POLICY)


def fire(about: Ticket, now: datetime, kind: str | None = None, rules: Rules = ON_TIME) -> tuple[Ticket, Decision]:
    """The ticket after a timer came due, and what followed."""
    decision = decide(about, Due(kind or plan(about, rules)[0].kind), rules, now)
    return fold(about, decision.events), decision


def names(decision: Decision) -> list[tuple[Name, str]]:
    return [(letter.name, letter.to) for letter in decision.letters]


def test_the_ladders_are_those_of_the_policy() -> None:
    assert ladder(Status.WAITING_FOR_CLOSURE, POLICY) == (
        sla.AUTOCLOSE, (Rung(3 * DAY, Act.REMIND), Rung(6 * DAY, Act.WARN), Rung(7 * DAY, Act.CLOSE)),
    )  # fmt: skip
    assert ladder(Status.RESOLVED_BY_EVENT, POLICY) == ladder(Status.WAITING_FOR_CLOSURE, POLICY)
    assert ladder(Status.PENDING, POLICY) == (
        sla.PENDING, (Rung(2 * DAY, Act.REMIND), Rung(4 * DAY, Act.REMIND), Rung(7 * DAY, Act.RESOLVE)),
    )  # fmt: skip


def test_what_was_resolved_with_its_parent_ends_as_everything_that_is_resolved() -> None:
    assert ladder(Status.RESOLVED_BY_ORIGIN, POLICY) == ladder(Status.WAITING_FOR_CLOSURE, POLICY)


ON_A_LADDER = (Status.PENDING, Status.WAITING_FOR_CLOSURE, Status.RESOLVED_BY_ORIGIN, Status.RESOLVED_BY_EVENT)


@pytest.mark.parametrize("status", [one for one in Status if one not in ON_A_LADDER])
def test_nothing_is_planned_in_other_statuses(status: Status) -> None:
    assert plan(ticket(status), ON_TIME) == ()


def test_only_the_next_rung_is_planned() -> None:
    assert plan(ticket(Status.PENDING), ON_TIME) == (Timer(sla.PENDING, OPENED + 2 * DAY),)
    assert plan(ticket(Status.PENDING, rungs=1, climbed=OPENED + 2 * DAY), ON_TIME) == (Timer(sla.PENDING, OPENED + 4 * DAY),)
    assert plan(ticket(Status.PENDING, rungs=3, climbed=OPENED + 7 * DAY), ON_TIME) == ()


def test_a_rung_with_no_time_is_left_out() -> None:
    never = Policy(pending=Pending((), timedelta(0)), autoclose=Autoclose((), timedelta(0), timedelta(0)))
    assert plan(ticket(Status.PENDING), replace(RULES, policy=never)) == ()
    assert plan(ticket(Status.WAITING_FOR_CLOSURE), replace(RULES, policy=never)) == ()


def test_a_resolved_ticket_is_reminded_warned_and_closed() -> None:
    about, seen = ticket(Status.WAITING_FOR_CLOSURE), []
    while due := plan(about, ON_TIME):
        about, decision = fire(about, due[0].due)
        seen.append((due[0].due - OPENED, names(decision)))
    assert seen == [
        (3 * DAY, [(Name.REMINDER, ANN.address)]),
        (6 * DAY, [(Name.CLOSING_SOON, ANN.address)]),
        (7 * DAY, [(Name.CLOSED, ANN.address), (Name.CLOSED, BOB.address)]),
    ]
    assert (about.status, about.closed, about.closure_category) == (Status.COMPLETED, OPENED + 7 * DAY, "no answer")


def test_a_pending_ticket_is_reminded_twice_then_counts_as_resolved_and_begins_the_next_ladder() -> None:
    about = ticket(Status.PENDING)
    for _ in range(3):
        about, decision = fire(about, plan(about, ON_TIME)[0].due)
    assert decision.outcome is Outcome.TIMED
    assert [(letter.name, letter.note) for letter in decision.letters] == [(Name.RESOLVED, "no answer")] * 2
    assert (about.status, about.resolved, about.rungs) == (Status.WAITING_FOR_CLOSURE, OPENED + 7 * DAY, 0)
    assert plan(about, ON_TIME) == (Timer(sla.AUTOCLOSE, OPENED + 10 * DAY),)


def test_after_a_downtime_the_gaps_are_kept_and_nobody_is_closed_unwarned() -> None:
    about, late = ticket(Status.WAITING_FOR_CLOSURE), OPENED + 30 * DAY
    about, reminded = fire(about, late)
    assert names(reminded) == [(Name.REMINDER, ANN.address)]
    assert plan(about, ON_TIME) == (Timer(sla.AUTOCLOSE, late + 3 * DAY),)
    about, warned = fire(about, late + 3 * DAY)
    assert names(warned) == [(Name.CLOSING_SOON, ANN.address)]
    assert plan(about, ON_TIME) == (Timer(sla.AUTOCLOSE, late + 4 * DAY),)


def test_a_little_late_does_not_move_the_rest_of_the_ladder() -> None:
    about, _ = fire(ticket(Status.WAITING_FOR_CLOSURE), OPENED + 3 * DAY)
    assert plan(about, ON_TIME)[0].due == OPENED + 6 * DAY


@pytest.mark.parametrize("status", [one for one in Status if one is not Status.PENDING])
def test_a_timer_of_a_ladder_that_was_left_does_nothing(status: Status) -> None:
    decision = decide(ticket(status), Due(sla.PENDING), ON_TIME, NOW)
    assert (decision.outcome, decision.reason, decision.events, decision.letters) == (Outcome.IGNORED, "ticket-moved-on", (), ())


def test_a_timer_of_an_unknown_kind_does_nothing() -> None:
    assert all(decide(ticket(status), Due("yolo"), ON_TIME, NOW).outcome is Outcome.IGNORED for status in Status)
    assert all(rung(ticket(status), "", POLICY) is None for status in Status)


def test_a_timer_beyond_the_last_rung_does_nothing() -> None:
    assert rung(ticket(Status.PENDING, rungs=3), sla.PENDING, POLICY) is None
    assert rung(ticket(Status.PENDING, rungs=2), sla.PENDING, Policy(pending=Pending((), 7 * DAY))) is None


def test_a_new_status_begins_its_ladder_at_the_first_rung() -> None:
    about = ticket(Status.PENDING, rungs=2, climbed=OPENED + 4 * DAY)
    later = OPENED + 5 * DAY
    resumed = fold(about, (Event("resume", TINA.address, later, changes=changes(status=Status.ANALYSIS)),))
    asked = fold(resumed, (Event("pending", TINA.address, later + DAY, changes=changes(status=Status.PENDING)),))
    assert (resumed.since, resumed.rungs, resumed.climbed) == (later, 0, None)
    assert plan(asked, ON_TIME) == (Timer(sla.PENDING, later + 3 * DAY),)


def test_an_event_in_the_same_status_leaves_the_ladder_alone() -> None:
    about = ticket(Status.WAITING_FOR_CLOSURE, rungs=1, climbed=OPENED + 3 * DAY)
    decision = decide(about, wrote(ANN, "Thank you!"), ON_TIME, OPENED + 5 * DAY)
    assert plan(fold(about, decision.events), ON_TIME) == plan(about, ON_TIME)


def test_a_second_question_begins_the_ladder_anew() -> None:
    about = ticket(Status.PENDING, assignee=TINA.address, rungs=2, climbed=OPENED + 4 * DAY)
    asked_at = OPENED + 6 * DAY
    after = fold(about, decide(about, wrote(TINA, "#pending And which room?"), ON_TIME, asked_at).events)
    assert plan(after, ON_TIME) == (Timer(sla.PENDING, asked_at + 2 * DAY),)


def test_what_a_timer_does_is_nobodys_word() -> None:
    _, decision = fire(ticket(Status.WAITING_FOR_CLOSURE, rungs=2), NOW)
    assert all((event.actor, event.strength) == (SYSTEM.address, None) for event in decision.events)


def test_who_muted_the_ticket_is_not_reminded() -> None:
    muted = ticket(Status.WAITING_FOR_CLOSURE, participants=(Participant(ANN.address, "requester", muted=True),))
    about, decision = fire(muted, NOW)
    assert (about.rungs, decision.letters) == (1, ())


def test_a_timer_writes_to_nobody_but_the_requester_and_confirmed_copies() -> None:
    for status in (Status.PENDING, Status.WAITING_FOR_CLOSURE):
        for rungs in range(3):
            _, decision = fire(ticket(status, rungs=rungs, assignee=TOM.address), NOW)
            assert {letter.to for letter in decision.letters} <= {ANN.address, BOB.address}


def test_there_is_a_timer_for_no_closed_ticket() -> None:
    assert all(not ladder(status, POLICY)[1] for status, state in STATES.items() if state is State.CLOSED)
