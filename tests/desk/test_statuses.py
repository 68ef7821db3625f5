"""Which status does a technician name, what may he set by its name, and how does an own status behave? Value tables and properties."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from msgspec.structs import replace

from mailgate.config.packaged import packaged
from mailgate.desk import statuses, workflow
from mailgate.desk.decide import decide
from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.events import fold
from mailgate.desk.known import Known
from mailgate.desk.letters import Name
from mailgate.desk.model import State, Status, Strength, Ticket
from mailgate.desk.plans import OwnStatus, Pace
from mailgate.desk.policy import Policy, Security
from mailgate.desk.rules import Rules
from mailgate.desk.sla import plan
from mailgate.desk.stimuli import Due
from mailgate.desk.workflow import STATES, Grammar
from mailgate.mail import sandbox
from tests.desk.cast import ANN, BOB, KIN, NOW, RULES, TINA, ticket, wrote

TRIAGED = OwnStatus("Triaged", State.OPEN, verb="triaged")
TESTING = OwnStatus("Testing", State.IN_PROGRESS)
VENDOR = OwnStatus("Waiting for Vendor", State.ON_HOLD, Pace.PAUSED, "vendor")
WORKAROUND = OwnStatus("Workaround", State.RESOLVED, Pace.MET, "workaround")
SCRAPPED = OwnStatus("Scrapped", State.CLOSED, Pace.MET)
OWN = (TRIAGED, TESTING, VENDOR, WORKAROUND, SCRAPPED)
OURS = replace(RULES, policy=Policy(statuses=OWN))


def says(about: Ticket, text: str, rules: Rules = OURS, **fields: Any) -> Decision:
    return decide(about, wrote(TINA, text, **fields), rules, NOW)


def after(about: Ticket, decision: Decision) -> Ticket:
    return fold(about, decision.events)


# ---------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("Analysis", [Status.ANALYSIS]),
        ("analysis.", [Status.ANALYSIS]),
        ("ana", [Status.ANALYSIS]),
        ("In Progress", [Status.ANALYSIS]),
        ("in-progress", [Status.ANALYSIS]),
        ("In Bearbeitung", [Status.ANALYSIS]),
        ("pend", [Status.PENDING]),
        ("on hold", [Status.PENDING]),
        ("Gelöst", [Status.WAITING_FOR_CLOSURE]),
        ("resolved", [Status.WAITING_FOR_CLOSURE]),
        ("geschlossen", [Status.COMPLETED]),
        ("eskal", [Status.ESCALATED]),
        ("waiting for vendor", [VENDOR]),
        ('"Waiting for Vendor"', [VENDOR]),
        ("waiting", [VENDOR, Status.WAITING_FOR_CLOSURE]),
        ("res", [Status.RESPONDED, Status.RESOLVED_BY_EVENT, Status.RESOLVED_BY_ORIGIN, Status.WAITING_FOR_CLOSURE]),
        ("lunch", []),
        ("", []),
    ],
)
def test_a_status_is_named_whole_or_by_its_beginning(words: str, meant: list[object]) -> None:
    assert list(statuses.named(words, OWN)) == meant


def test_german_technicians_type_what_their_letters_show() -> None:
    words = sandbox.Environment([packaged("templates")], escaping=False).dictionary("de")["status"]
    assert {status.value: name for status, name in statuses.GERMAN.items()} == words


# ------------------------------------------------------------------------------------------------------------- the table


@pytest.mark.parametrize(
    ("now", "words", "then", "instead"),
    [
        (Status.NEW, "analysis", Status.ANALYSIS, ""),
        (Status.PENDING, "In Progress", Status.ANALYSIS, ""),
        (Status.WAITING_FOR_CLOSURE, "in progress", Status.ANALYSIS, ""),
        (Status.ANALYSIS, "closed", Status.COMPLETED, ""),
        (Status.ANALYSIS, "pending", None, "#pending Which floor is the printer on?"),
        (Status.ANALYSIS, "resolved", None, "#resolve The toner was empty; it prints again."),
        (Status.ANALYSIS, "gelöst", None, "#resolve The toner was empty; it prints again."),
        (Status.ANALYSIS, "cancelled", None, "#start"),
        (Status.ANALYSIS, "new", None, "#start"),
        (Status.ANALYSIS, "resolved by event", None, "#start"),
        (Status.AWAITING_APPROVAL, "analysis", None, "#note Third time this month."),
        (Status.COMPLETED, "analysis", None, "#note Third time this month."),
        (Status.ANALYSIS, "anlysis", None, "#status Analysis"),
        (Status.ANALYSIS, "", None, "#status Analysis"),
    ],
)
def test_the_name_of_a_status_does_no_more_than_its_verb(now: Status, words: str, then: Status | None, instead: str) -> None:
    decision = says(ticket(now), f"#status {words}", RULES)
    assert after(ticket(now), decision).status is (then or now)
    assert [one.instead for one in decision.refusals] == ([] if then else [instead])


def test_what_is_ambiguous_is_told_by_name() -> None:
    (refusal,) = says(ticket(), "#status waiting").refusals
    assert (refusal.slug, refusal.instead, refusal.meant) == (
        "ambiguous-status", "#status Waiting for Vendor", "Waiting for Vendor, Waiting for Closure",
    )  # fmt: skip


def test_who_may_not_say_a_verb_may_not_say_its_status_either() -> None:
    strict = replace(OURS, security=Security(require={"close": Strength.ALIGNED}))
    for text in ("#status closed", "#status scrapped", "#close"):
        decision = says(ticket(), text, strict, aligned=False)
        assert [one.slug for one in decision.refusals] == ["needs-stronger-sender"]
    assert not says(ticket(), "#status analysis", strict, aligned=False).refusals


@pytest.mark.parametrize("now", Status)
@pytest.mark.parametrize("own", OWN, ids=lambda own: own.name)
def test_a_ticket_comes_to_an_own_status_where_it_could_come_to_the_usual_one_and_stands_under_its_state(
    now: Status, own: OwnStatus
) -> None:
    for text in (f"#status {own.name}", *([f"#{own.verb} It is better now."] if own.verb else [])):
        decision = says(ticket(now), text)
        then = after(ticket(now), decision)
        if decision.outcome is Outcome.COMMANDED:
            assert (then.own, STATES[then.status]) == (own.name, own.state)
            assert workflow.leads_to(own, now) is then.status or STATES[now] is State.RESOLVED
        else:
            assert (then.status, then.own) == (now, None)
            assert all(one.instead for one in decision.refusals)


# ---------------------------------------------------------------------------------------------- states and what they do


def stands(own: OwnStatus, **fields: Any) -> Ticket:
    return ticket(workflow.USUAL[own.state], own=own.name, **fields)


def test_an_answer_takes_a_ticket_off_an_own_hold() -> None:
    decision = decide(stands(VENDOR), wrote(ANN, "The vendor called me."), OURS, NOW)
    assert after(stands(VENDOR), decision).status_name == "Analysis"


def test_nobody_is_reminded_of_a_question_that_was_not_asked() -> None:
    assert plan(ticket(Status.PENDING), OURS)
    assert plan(stands(VENDOR), OURS) == ()


def test_an_own_solution_is_told_accepted_and_closed_as_any_other() -> None:
    decision = says(ticket(Status.ANALYSIS), "#workaround Use the printer in 2.14.")
    solved = after(ticket(Status.ANALYSIS), decision)
    assert (solved.status_name, solved.resolution, solved.resolved) == ("Workaround", "Use the printer in 2.14.", NOW)
    assert [(one.name, one.to) for one in decision.letters if one.name is not Name.RECEIPT] == [
        (Name.RESOLVED, ANN.address), (Name.RESOLVED, BOB.address),
    ]  # fmt: skip
    assert plan(solved, OURS) == plan(replace(solved, own=None), OURS) != ()
    assert after(solved, decide(solved, wrote(ANN, "accept"), OURS, NOW)).status is Status.COMPLETED
    assert after(solved, decide(solved, wrote(ANN, "It still jams."), OURS, NOW)).status_name == "Analysis"
    assert says(solved, "#status resolved").outcome is Outcome.COMMANDED


def test_a_reply_of_the_desk_leaves_an_own_status_as_it_is() -> None:
    for own in OWN:
        assert after(stands(own), says(stands(own), "We are on it.")).own == own.name


def test_who_ends_a_ticket_in_an_own_status_ends_it_for_its_requester_too() -> None:
    decision = says(ticket(), "#status Scrapped")
    closed = after(ticket(), decision)
    assert (closed.status_name, closed.closed) == ("Scrapped", NOW)
    assert (Name.CLOSED, ANN.address) in [(one.name, one.to) for one in decision.letters]


def test_a_policy_that_dropped_a_status_still_reads_and_moves_its_tickets() -> None:
    decision = says(stands(VENDOR), "#start", RULES)
    assert after(stands(VENDOR), decision).status_name == "Analysis"
    assert after(stands(VENDOR), says(stands(VENDOR), "#status Waiting for Vendor", RULES)).own == VENDOR.name


def test_the_verb_of_an_own_status_is_none_for_a_requester() -> None:
    decision = decide(ticket(), wrote(ANN, "#vendor"), OURS, NOW)
    assert after(ticket(), decision).own is None


def test_the_help_letter_knows_own_verbs_and_what_they_lead_to() -> None:
    (letter,) = says(ticket(), "#help").letters
    assert [(one.wrote, one.meant) for one in letter.lines if one.meant][:2] == [("#triaged", "Triaged"), ("#vendor", "Waiting for Vendor")]


def test_a_mistyped_own_verb_finds_its_way() -> None:
    assert [one.instead for one in says(ticket(), "#vendr").refusals] == ["#vendor"]


# --------------------------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("own", "fault"),
    [
        (OwnStatus("pending", State.ON_HOLD), "own status 'pending' has the name of another status or of a state"),
        (OwnStatus("Resolved", State.OPEN), "own status 'Resolved' has the name of another status or of a state"),
        (OwnStatus("Vendor", State.ON_HOLD, verb="take"), "verb 'take' of own status 'Vendor' is a verb already"),
        (OwnStatus("Vendor", State.ON_HOLD, verb="vendor"), "verb 'vendor' of own status 'Vendor' is a verb already"),
    ],
)
def test_an_own_status_that_is_ambiguous_is_found_at_start(own: OwnStatus, fault: str) -> None:
    assert workflow.check((VENDOR, own)) == (fault,)


def test_own_statuses_are_sound_and_each_can_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    assert workflow.check(OWN) == ()
    monkeypatch.setitem(workflow.TRANSITIONS, (Grammar.TECHNICIAN, "close"), ())
    assert "nothing leads to own status 'Scrapped'" in workflow.check(OWN)


# ----------------------------------------------------------------------------------------------------------- properties

_LINES = tuple(dict.fromkeys((
    *(verb.example for verb in workflow.verbs(Grammar.TECHNICIAN, OWN).values()), *(f"#status {name}" for name in statuses.known(OWN)),
    "#due in 2h", "#due off", "#time 1h30", "#status", "Please wait.", "#vendor\n#time 5m\nPlease wait.",
)))  # fmt: skip


@settings(max_examples=300)
@given(
    some.lists(some.tuples(some.booleans(), some.sampled_from((*_LINES, "accept", "reject", "reopen", "cancel", "It smokes."))), max_size=8)
)
def test_whatever_is_written_in_whatever_order_a_ticket_stands_under_one_state_and_time_only_grows(mails: list[tuple[bool, str]]) -> None:
    about, now, story = ticket(Status.NEW), NOW, ()
    for by_requester, text in mails:
        now += timedelta(hours=3)
        for timer in plan(about, OURS):
            if timer.due <= now:
                about = fold(about, decide(about, Due(timer.kind), OURS, now).events)
        decision = decide(about, wrote(ANN if by_requester else TINA, text, known=Known(story, KIN)), OURS, now)
        if decision.opens is not None:
            assert STATES[about.status] is State.CLOSED
            continue
        later = fold(about, decision.events)
        assert later.status in STATES
        assert later.own is None or {one.name: one.state for one in OWN}[later.own] is STATES[later.status]
        assert later.time_spent >= about.time_spent
        if decision.outcome is Outcome.REFUSED:
            assert later == replace(about, updated=now)
        # Out of the end leads no way.
        assert STATES[about.status] is not State.CLOSED or STATES[later.status] is State.CLOSED
        about = later
