"""What was promised, how does it run, and when is somebody told? Lives of a ticket, told by the clocks that it has."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mailgate.desk import clocks, sla
from mailgate.desk.clock import BREACH, Clock, ClockState, Phase, Step
from mailgate.desk.decide import decide
from mailgate.desk.decision import Decision
from mailgate.desk.events import born, fold
from mailgate.desk.letters import Name
from mailgate.desk.model import Address, Organisation, Priority, State, Status, Team, TicketId
from mailgate.desk.plans import (
    Calendar,
    Escalation,
    Interval,
    Metric,
    OwnStatus,
    Pace,
    Rung,
    Sla,
    When,
)
from mailgate.desk.policy import Policy
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Due, Ordered, Stimulus
from tests.desk.cast import ANN, LEA, MAX, OPENED, PEOPLE, RULES, SUE, TINA, TOM, wrote

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# A Monday at nine in the morning, in London's winter.
NINE = OPENED
DAYTIME = (Interval(9 * HOUR, 17 * HOUR),)
OFFICE = Calendar("office", "UTC", (*([DAYTIME] * 5), (), ()))
GOLD = Sla("gold", calendar="office", targets=(("first_response", HOUR), ("next_response", 2 * HOUR), ("resolution", 8 * HOUR)), warn=(80,))
POLICY = Policy(slas=(GOLD,), calendars=(OFFICE,))


def under(policy: Policy = POLICY, **changed: object) -> Rules:
    return replace(RULES, policy=replace(policy, **changed))


PROMISING = under()


class Life:
    """A ticket to which one thing after another happens."""

    def __init__(self, rules: Rules = PROMISING, at: datetime = NINE) -> None:
        self.rules, self.now = rules, at
        self.decisions: list[Decision] = []
        decision = decide(None, wrote(ANN, "The printer is dead."), rules, at)
        assert decision.opens is not None
        self.events = [decision.opens, *decision.events]
        self.ticket = replace(fold(born(TicketId(1042), decision.opens), decision.events), version=1)
        self.decisions.append(decision)

    def at(self, hours: float, stimulus: Stimulus) -> Decision:
        """Something happens so many hours after the ticket was opened."""
        self.now = NINE + hours * HOUR
        decision = decide(self.ticket, stimulus, self.rules, self.now)
        self.events += decision.events
        self.ticket = replace(fold(self.ticket, decision.events), version=self.ticket.version + 1)
        self.decisions.append(decision)
        return decision

    def orders(self, hours: float, text: str) -> Decision:
        return self.at(hours, Ordered(TINA, text))

    def answers(self, hours: float, text: str = "Which printer is it?") -> Decision:
        """A technician's plain answer."""
        return self.at(hours, wrote(TINA, text, clue=self.ticket.id))

    def writes(self, hours: float, text: str = "It is still dead.") -> Decision:
        """The requester."""
        return self.at(hours, wrote(ANN, text, clue=self.ticket.id))

    def fires(self, metric: str) -> Decision:
        """The next timer of this metric comes due, at its time."""
        timer = next(one for one in sla.plan(self.ticket, self.rules) if one.kind == f"sla.{metric}")
        return self.at((timer.due - NINE) / HOUR, Due(timer.kind))

    def clock(self, metric: str) -> Clock:
        """The newest clock of the metric."""
        return [one for one in self.ticket.clocks if one.metric == metric][-1]

    def stands(self, metric: str) -> tuple[str, timedelta]:
        """How the newest clock of the metric stands, and what is spent now."""
        clock = self.clock(metric)
        return clock.state.value, clock.spent if clock.spent is not None else clocks.elapsed(clock, self.rules, self.now)

    def due(self, metric: str) -> datetime | None:
        return clocks.due(self.clock(metric), self.rules)

    def told(self, name: Name) -> set[Address]:
        """Who gets a letter of this name by what happened last."""
        return {letter.to for letter in self.decisions[-1].letters if letter.name is name}


def timers(life: Life) -> dict[str, datetime]:
    return {one.kind: one.due for one in sla.plan(life.ticket, life.rules)}


# ---------------------------------------------------------------------------------------------------------- the three metrics


def test_a_new_ticket_has_a_clock_for_what_is_promised_at_once() -> None:
    life = Life()
    assert [(one.metric, one.state, one.sla) for one in life.ticket.clocks] == [
        ("first_response", ClockState.RUNNING, "gold"), ("resolution", ClockState.RUNNING, "gold"),
    ]  # fmt: skip
    assert life.due("first_response") == NINE + HOUR
    assert life.due("resolution") == NINE + 8 * HOUR


def test_nothing_is_promised_where_no_sla_holds() -> None:
    silver = replace(GOLD, when=When(priority=(Priority.P1,)))
    assert Life(under(slas=(silver,))).ticket.clocks == ()
    assert Life(RULES).ticket.clocks == ()


def test_the_first_answer_meets_the_first_response() -> None:
    life = Life()
    life.answers(0.75)
    assert life.stands("first_response") == ("achieved", 45 * MINUTE)
    assert life.stands("resolution") == ("running", 45 * MINUTE)


def test_taking_a_ticket_is_no_answer() -> None:
    life = Life()
    life.orders(0.5, "#take")
    assert life.stands("first_response") == ("running", 30 * MINUTE)


def test_an_answer_that_comes_too_late_breaches_even_if_no_timer_fired() -> None:
    life = Life()
    life.answers(1.5)
    assert life.stands("first_response") == ("breached", 90 * MINUTE)


@pytest.mark.parametrize(("hours", "state"), [(8, "achieved"), (8.01, "breached")])
def test_what_is_due_at_five_is_late_in_the_evening_although_nobody_has_worked_since(hours: float, state: str) -> None:
    life = Life()
    life.orders(hours, "#resolve New toner.")
    assert life.stands("resolution") == (state, 8 * HOUR)


def test_what_was_late_before_it_was_halted_stays_late() -> None:
    life = Life()
    life.orders(9, "#pending Which floor?")
    assert (life.stands("resolution")[0], life.clock("resolution").phase) == ("breached", Phase.PAUSED)


def test_an_answer_at_the_last_moment_is_in_time() -> None:
    life = Life()
    life.answers(1)
    assert life.stands("first_response") == ("achieved", HOUR)


def test_the_next_response_counts_from_the_oldest_mail_that_waits() -> None:
    life = Life()
    life.answers(0.5)
    assert life.ticket.awaiting is None
    life.writes(1)
    life.writes(1.5, "Hello?")
    assert life.ticket.awaiting == NINE + HOUR
    assert life.due("next_response") == NINE + 3 * HOUR
    life.answers(2, "I am coming.")
    assert life.stands("next_response") == ("achieved", HOUR)


def test_each_further_mail_begins_a_new_next_response() -> None:
    life = Life()
    life.answers(0.5)
    life.writes(1)
    life.answers(2)
    life.writes(3)
    assert [(one.number, one.state.value) for one in life.ticket.clocks if one.metric == "next_response"] == [
        (1, "achieved"),
        (2, "running"),
    ]


def test_a_mail_that_still_waits_after_an_undo_has_no_new_clock() -> None:
    life = Life()
    life.answers(0.5)
    life.writes(1)
    life.orders(2, "#close")
    life.at(2.5, Ordered(TINA, "#undo", replace(wrote(TINA, "").known, story=tuple(life.events))))
    assert life.ticket.awaiting == NINE + HOUR
    assert (life.clock("next_response").number, *life.stands("next_response")) == (1, "running", HOUR)
    life.answers(3)
    life.writes(3.5)
    assert (life.clock("next_response").number, life.clock("next_response").began) == (2, NINE + 3.5 * HOUR)


def test_a_mail_before_the_first_answer_and_a_thank_you_wait_for_nothing() -> None:
    life = Life()
    life.writes(0.25, "And the scanner, too.")
    life.answers(0.5)
    life.writes(1, "Thank you!")
    assert [one.metric for one in life.ticket.clocks] == ["first_response", "resolution"]


def test_time_in_pending_is_given_back_to_the_second() -> None:
    life = Life()
    life.at(1 + 1 / 3600, wrote(TINA, "#pending Which floor?", clue=life.ticket.id))
    assert life.stands("resolution") == ("paused", HOUR + timedelta(seconds=1))
    assert life.due("resolution") is None
    life.writes(4 + 7 / 3600, "The third.")
    assert life.due("resolution") == NINE + DAY + 3 * HOUR + timedelta(seconds=6)


def test_a_solution_stops_the_clock_and_a_rejection_sets_it_going_again() -> None:
    life = Life()
    life.at(2, wrote(TINA, "#resolve New toner.", clue=life.ticket.id))
    assert life.stands("resolution") == ("achieved", 2 * HOUR)
    life.writes(5, "reject It still prints nothing.")
    assert life.stands("resolution") == ("running", 2 * HOUR)
    life.at(6, wrote(TINA, "#resolve A new printer.", clue=life.ticket.id))
    assert life.stands("resolution") == ("achieved", 3 * HOUR)
    assert [one.metric for one in life.ticket.clocks].count("resolution") == 1


def test_what_is_withdrawn_is_neither_met_nor_missed() -> None:
    life = Life()
    life.writes(3, "cancel")
    assert life.stands("first_response")[0] == life.stands("resolution")[0] == "cancelled"
    assert not any(kind.startswith("sla.") for kind in timers(life))


def test_a_resolution_that_is_taken_back_runs_on() -> None:
    life = Life()
    life.orders(2, "#resolve New toner.")
    life.at(3, Ordered(TINA, "#undo", replace(wrote(TINA, "").known, story=tuple(life.events))))
    assert life.stands("resolution") == ("running", 2 * HOUR)


@pytest.mark.parametrize(("pace", "state"), [(Pace.RUNS, "running"), (Pace.PAUSED, "paused"), (Pace.MET, "achieved")])
def test_an_own_status_does_to_the_clocks_what_the_operator_says(pace: Pace, state: str) -> None:
    parts = OwnStatus("Waiting for Parts", State.ON_HOLD, pace, "parts")
    life = Life(under(statuses=(parts,)))
    life.orders(1, "#parts")
    assert life.ticket.own == "Waiting for Parts"
    assert life.stands("resolution")[0] == state


# -------------------------------------------------------------------------------------------------------- calendars and SLAs


def test_only_working_time_counts() -> None:
    life = Life(at=NINE + 7 * HOUR)
    assert life.due("resolution") == NINE + DAY + 7 * HOUR


def test_what_an_organisation_has_agreed_on_goes_before_all_others() -> None:
    silver = Sla("silver", targets=(("resolution", 2 * DAY),))
    people = replace(PEOPLE, organisations=(Organisation("Out", ("out.example",), "silver"),))
    life = Life(replace(under(slas=(GOLD, silver)), people=people))
    assert [(one.metric, one.sla) for one in life.ticket.clocks] == [("resolution", "silver")]


URGENT = Sla(
    "urgent", When(priority=(Priority.P1, Priority.P2)), "office", (("first_response", 15 * MINUTE), ("resolution", 4 * HOUR)), (50, 80)
)
BOTH = under(slas=(URGENT, GOLD))


def test_another_priority_means_another_target_and_the_trail_tells_what_moved() -> None:
    life = Life(BOTH)
    decision = life.orders(1, "#priority P1")
    assert life.due("resolution") == NINE + 4 * HOUR
    told = {one.finding: one.because for one in decision.trail if one.step == "clock"}
    assert told["resolution"] == "running, due 2026-03-02 13:00:00 UTC instead of 2026-03-02 17:00:00"
    assert life.stands("first_response") == ("breached", HOUR)


def test_a_later_target_is_told_of_anew() -> None:
    life = Life(BOTH)
    life.orders(0.1, "#priority P1")
    life.fires("resolution")
    assert (life.now, life.clock("resolution").told) == (NINE + 2 * HOUR, Step(50))
    life.orders(2.5, "#priority P4")
    assert life.clock("resolution").told is None
    assert timers(life)["sla.resolution"] == NINE + 6.4 * HOUR


def test_a_nearer_target_that_is_passed_is_told_once() -> None:
    life = Life(BOTH)
    life.orders(5, "#priority P1")
    life.at(5.001, Due("sla.resolution"))
    assert life.told(Name.SLA_BREACH)
    assert not life.told(Name.SLA_WARNING)
    assert "sla.resolution" not in timers(life)


def test_an_sla_that_holds_no_more_is_cancelled() -> None:
    only = under(slas=(URGENT,))
    life = Life(only)
    life.orders(0.1, "#priority P1")
    life.orders(1, "#priority P4")
    assert {one.state for one in life.ticket.clocks} == {ClockState.CANCELLED}


def test_a_policy_that_promises_nothing_any_more_cancels_at_the_next_change() -> None:
    life = Life()
    life.rules = under(slas=())
    life.orders(1, "#start")
    assert {one.state for one in life.ticket.clocks} == {ClockState.CANCELLED}


# ------------------------------------------------------------------------------------------------------------- own metrics

HANDS_ON = Metric("hands_on", frozenset({"Analysis"}), frozenset({"Resolved"}), frozenset({"On Hold"}), frozenset({"Escalated"}))


def test_an_own_metric_runs_by_its_own_conditions() -> None:
    life = Life(under(metrics=(HANDS_ON,), slas=(Sla("x", targets=(("hands_on", 3 * HOUR),)),)))
    assert life.ticket.clocks == ()
    life.orders(1, "#start")
    assert life.stands("hands_on") == ("running", timedelta(0))
    life.orders(2, "#pending Which floor?")
    life.orders(3, "#resume")
    # It goes on where the operator says so, and nowhere else.
    assert life.stands("hands_on") == ("paused", HOUR)
    life.orders(4, "#escalate second")
    life.orders(5, "#resolve New toner.")
    assert life.stands("hands_on") == ("achieved", 2 * HOUR)
    life.writes(6, "reject No.")
    assert (life.clock("hands_on").number, *life.stands("hands_on")) == (2, "running", timedelta(0))


# --------------------------------------------------------------------------------------------------- warnings and the ladder

LADDER = Escalation(
    When(metric=("resolution",)),
    (Rung(Step(50), ("technician",)), Rung(BREACH, ("lead",)), Rung(Step(100, 2 * HOUR), ("manager", "requester"))),
)  # fmt: skip
CLIMBING = under(escalations=(LADDER,))


def test_a_warning_goes_to_the_technician_and_where_nobody_is_to_the_team() -> None:
    life = Life()
    life.fires("first_response")
    assert life.told(Name.SLA_WARNING) == {TINA.address, TOM.address, LEA.address}
    life.orders(0.9, "#take")
    life.fires("first_response")
    assert life.told(Name.SLA_BREACH) == {TINA.address}
    assert life.events[-1].verb == "breach"
    assert life.stands("first_response")[0] == "breached"


def test_the_ladder_is_climbed_in_working_time_and_each_rung_once() -> None:
    life = Life(CLIMBING)
    life.orders(0, "#take")
    told = []
    while "sla.resolution" in timers(life):
        life.fires("resolution")
        told.append((life.now - NINE, {(one.name, one.to) for one in life.decisions[-1].letters}))
    assert told == [
        (4 * HOUR, {(Name.SLA_WARNING, TINA.address)}),
        (6.4 * HOUR, {(Name.SLA_WARNING, TINA.address)}),
        (8 * HOUR, {(Name.SLA_BREACH, LEA.address)}),
        (DAY + 2 * HOUR, {(Name.SLA_BREACH, MAX.address), (Name.DELAYED, ANN.address)}),
    ]


def test_after_a_downtime_each_hears_once_of_where_the_clock_stands_now() -> None:
    life = Life(CLIMBING)
    life.orders(0, "#take")
    decision = life.at(9 * 24, Due("sla.resolution"))
    assert {(one.name, one.to) for one in decision.letters} == {
        (Name.SLA_BREACH, TINA.address), (Name.SLA_BREACH, LEA.address), (Name.SLA_BREACH, MAX.address), (Name.DELAYED, ANN.address),
    }  # fmt: skip
    assert len(decision.events) == 1
    assert life.clock("resolution").told == Step(100, 2 * HOUR)


def test_a_timer_that_comes_late_to_a_clock_that_stopped_does_nothing() -> None:
    life = Life()
    life.answers(0.5)
    decision = life.at(2, Due("sla.first_response"))
    assert (decision.reason, decision.events, decision.letters) == ("ticket-moved-on", (), ())


def test_the_next_level_gets_the_ticket() -> None:
    up = Escalation(steps=(Rung(BREACH, ("lead", "next")),))
    life = Life(under(escalations=(up,)))
    life.orders(0, "#take")
    life.fires("resolution")
    life.fires("resolution")
    assert (life.ticket.team, life.ticket.status, life.ticket.assignee) == ("second", Status.ESCALATED, None)
    assert life.told(Name.SLA_BREACH) == {LEA.address}
    assert life.told(Name.NEW_TICKET) == {SUE.address}
    assert life.told(Name.ESCALATED) == {ANN.address}
    life.at(1000, Due("sla.resolution"))
    assert life.ticket.team == "second"


@pytest.mark.parametrize("whom", ["nobody", "next"])
def test_a_step_of_which_nobody_would_hear_is_told_to_whoever_looks_after_the_ticket(whom: str) -> None:
    rules = under(escalations=(Escalation(steps=(Rung(BREACH, (whom,)),)),))
    life = Life(replace(rules, people=replace(rules.people, teams=(Team("first"), Team("nobody")))))
    life.orders(0, "#take")
    life.fires("resolution")
    life.fires("resolution")
    assert life.told(Name.SLA_BREACH) == {TINA.address}


def test_a_warning_at_a_step_of_the_ladder_reaches_the_technician_as_well() -> None:
    life = Life(under(escalations=(Escalation(steps=(Rung(Step(80), ("lead",)),)),)))
    life.orders(0, "#take")
    life.fires("resolution")
    assert life.told(Name.SLA_WARNING) == {TINA.address, LEA.address}


# -------------------------------------------------------------------------------------------------------------- properties

_DID = st.sampled_from(
    ("#take", "#start", "#pending Which?", "#resume", "#resolve Done.", "#priority P1", "#priority P4", "answer", "write", "fire")
)


@settings(max_examples=60)
@given(st.lists(st.tuples(_DID, st.integers(1, 400_000)), max_size=12))
def test_whatever_happens_spent_is_what_ran_and_timers_lie_ahead(steps: list[tuple[str, int]]) -> None:
    """Elapsed time against a count of each running stretch, minute by minute of the calendar's hours."""
    life = Life(replace(BOTH, policy=replace(BOTH.policy, escalations=(LADDER,))))
    seconds, history = 0, [(NINE, life.ticket.clocks)]
    for did, after in steps:
        seconds += after
        hours = seconds / 3600
        kinds = [kind for kind in timers(life) if kind.startswith("sla.")]
        if did == "fire":
            for kind in kinds:
                life.at(hours, Due(kind))
        elif did == "answer":
            life.answers(hours)
        elif did == "write":
            life.writes(hours)
        else:
            life.orders(hours, did)
        history.append((life.now, life.ticket.clocks))
        assert all(due > life.now or kind in timers(life) for kind, due in timers(life).items())
    for clock in life.ticket.clocks:
        ran = timedelta(0)
        for (since, had), (until, _) in pairwise(history):
            if any((one.metric, one.number, one.phase) == (clock.metric, clock.number, Phase.RUNNING) for one in had):
                ran += _worked(since, until)
        spent = clock.spent if clock.spent is not None else clocks.elapsed(clock, life.rules, life.now)
        assert spent == ran
        assert clock.breached >= (clock.phase is Phase.STOPPED and ran > clock.target)


def _worked(since: datetime, until: datetime) -> timedelta:
    """Seconds from nine to five on working days, one day after the other."""
    total, day = timedelta(0), since.replace(hour=0, minute=0, second=0, microsecond=0)
    while day < until:
        if day.weekday() < 5:
            total += max(timedelta(0), min(until, day + 17 * HOUR) - max(since, day + 9 * HOUR))
        day += DAY
    return total
