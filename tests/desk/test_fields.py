"""What do technicians' commands about fields and people do, with all the words that people type for them?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from msgspec.structs import replace

from mailgate.desk import values
from mailgate.desk.decide import decide
from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.events import fold
from mailgate.desk.letters import Name
from mailgate.desk.model import Address, Directory, Participant, Person, Status, Team, Ticket
from mailgate.desk.plans import Category
from mailgate.desk.rules import Rules
from tests.desk.cast import ANN, BOB, NOW, PEOPLE, RULES, SUE, TINA, TOM, ticket, wrote

NAMED = replace(
    RULES, policy=replace(RULES.policy, categories=(Category("Hardware/Printer"), Category("Hardware/Phone"), Category("Access/VPN")))
)


def says(text: str, person: Person = TINA, rules: Rules = RULES, about: Ticket | None = None, **fields: Any) -> tuple[Decision, Ticket]:
    """The answer to a command, and the ticket after it."""
    before = about or ticket(Status.ANALYSIS, **fields)
    decision = decide(before, wrote(person, text), rules, NOW)
    return decision, fold(before, decision.events)


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("#priority P1", "priority", "P1"),
        ("#priority 4", "priority", "P4"),
        ("#Priority: High!", "priority", "P2"),
        ("#priority dringend", "priority", "P1"),
        ("#impact high", "impact", "high"),
        ("#urgency niedrig", "urgency", "low"),
        ("#category Hardware/Printer", "category", "Hardware/Printer"),
        ("#category printer", "category", "Hardware/Printer"),
        ("#category access", "category", "Access/VPN"),
        ("#tag VIP, Floor3", "tags", ("old", "vip", "floor3")),
        ("#tag -old +new", "tags", ("new",)),
        ("#confidential", "confidential", True),
        ("#confidential off", "confidential", False),
        ("#escalate", "team", "second"),
        ("#escalate L2", "team", "second"),
        ("#escalate sec", "team", "second"),
    ],
)
def test_a_field_takes_the_value_in_the_words_of_people(text: str, field: str, value: object) -> None:
    decision, now = says(text, rules=NAMED, tags=("old",))
    assert (decision.outcome, getattr(now, field)) == (Outcome.COMMANDED, value)
    assert Name.RECEIPT in [letter.name for letter in decision.letters]


@pytest.mark.parametrize(
    ("text", "slug", "instead"),
    [
        ("#priority soon", "unknown-value", "#priority P2"),
        ("#priority", "needs-words", "#priority P2"),
        ("#impact P1", "unknown-value", "#impact high"),
        ("#category Hardwear/Printer", "unknown-value", "#category Hardware/Printer"),
        ("#category hardware", "unknown-value", "#category Hardware/Phone"),
        ("#tag <b>", "unknown-value", "#tag vip"),
        ("#tag " + " ".join(f"t{at}" for at in range(21)), "unknown-value", "#tag vip"),
        ("#escalate third", "unknown-team", "#escalate second"),
        ("#escalate L7", "unknown-team", "#escalate second"),
        ("#requester nobody", "unknown-address", "#requester anna@example.com"),
        ("#cc add", "unknown-address", "#cc add anna@example.com"),
        ("#cc remove ann@out.example", "unknown-address", "#cc add anna@example.com"),
        ("#cc add desk@desk.example", "unknown-address", "#cc add anna@example.com"),
        ("#spam really", "takes-nothing", "#spam"),
    ],
)
def test_a_word_that_means_nothing_is_answered_with_a_line_that_works(text: str, slug: str, instead: str) -> None:
    decision, now = says(text, rules=NAMED)
    assert [(one.slug, one.instead) for one in decision.refusals] == [(slug, instead)]
    assert now == replace(ticket(Status.ANALYSIS), updated=NOW)


@pytest.mark.parametrize(("impact", "urgency", "priority"), [("high", "high", "P1"), ("low", "low", "P4"), ("medium", "medium", "P3")])
def test_impact_and_urgency_give_the_priority_by_the_matrix(impact: str, urgency: str, priority: str) -> None:
    _, now = says(f"#impact {impact}\n#urgency {urgency}")
    assert (now.impact, now.urgency, now.priority) == (impact, urgency, priority)


def test_spam_ends_the_ticket_and_nobody_outside_hears_of_it() -> None:
    decision, now = says("#spam", about=ticket())
    assert (now.status, now.closure_category, now.closed) == (Status.CANCELLED, "spam", NOW)
    assert {letter.to for letter in decision.letters} == {TINA.address}


def test_an_escalated_ticket_goes_to_the_next_team_and_its_requester_hears_of_it() -> None:
    decision, now = says("#escalate", assignee=TOM.address, participants=(*ticket().participants, Participant(TOM.address, "assignee")))
    assert (now.status, now.team, now.assignee) == (Status.ESCALATED, "second", None)
    assert not [one for one in now.participants if one.role == "assignee"]
    letters = {(letter.name, letter.to) for letter in decision.letters}
    assert letters >= {(Name.ESCALATED, ANN.address), (Name.NEW_TICKET, SUE.address)}


def test_a_team_that_names_its_next_escalates_there_and_the_last_one_nowhere() -> None:
    people = Directory(PEOPLE.people, (Team("first", next="field"), Team("second", 2), Team("field", 3)))
    rules = replace(RULES, people=people)
    assert says("#escalate", rules=rules)[1].team == "field"
    decision, _ = says("#escalate", rules=rules, team="field")
    assert [one.slug for one in decision.refusals] == ["unknown-team"]


def test_somebody_else_becomes_the_requester_and_the_writer_stays_in_copy() -> None:
    decision, now = says("#requester <Eva@Out.Example>")
    assert now.requester == "eva@out.example"
    assert {(one.address, one.role, one.confirmed) for one in now.participants} >= {
        ("eva@out.example", "requester", True), (ANN.address, "cc", True)
    }  # fmt: skip
    assert (Name.ACKNOWLEDGEMENT, "eva@out.example") in [(letter.name, letter.to) for letter in decision.letters]
    assert says("#requester eva@out.example", about=now)[1] == replace(now, updated=NOW)


def test_a_technician_who_passed_a_mail_on_does_not_stay_in_copy() -> None:
    about = ticket(requester=TOM.address, participants=(Participant(TOM.address, "requester"),))
    assert [one.address for one in says("#requester ann@out.example", about=about)[1].participants] == [ANN.address]


@pytest.mark.parametrize("text", ["#cc add eva@out.example", "#cc eva@out.example"])
def test_a_technician_puts_somebody_in_copy_and_takes_him_out_again(text: str) -> None:
    _, now = says(text)
    assert Participant(Address("eva@out.example"), "cc") in now.participants
    assert now.participant([Address("eva@out.example")]) is not None
    _, later = says("#cc remove eva@out.example", about=now)
    assert later.participant([Address("eva@out.example")]) is None


@pytest.mark.parametrize("text", ["cc add eva@out.example", "CC Add <eva@out.example>", "#cc add eva@out.example"])
def test_the_requester_puts_somebody_in_copy(text: str) -> None:
    decision, now = says(text, ANN)
    assert Participant(Address("eva@out.example"), "cc") in now.participants
    assert (Name.STATUS, ANN.address, "copied") in [(letter.name, letter.to, letter.note) for letter in decision.letters]


def test_a_cc_who_was_not_confirmed_is_confirmed_by_the_requester() -> None:
    about = ticket(Status.ANALYSIS, participants=(Participant(ANN.address, "requester"), Participant(BOB.address, "cc", False)))
    assert Participant(BOB.address, "cc", True) in says(f"cc add {BOB.address}", ANN, about=about)[1].participants


@pytest.mark.parametrize("text", ["cc: my boss", "cc everybody please", "CC"])
def test_a_sentence_that_begins_with_cc_is_no_command(text: str) -> None:
    decision, _ = says(text, ANN)
    assert not [one for one in decision.commands if one.ok]


@settings(max_examples=300)
@given(some.text(max_size=60))
def test_whatever_is_typed_a_value_is_read_or_not(words: str) -> None:
    assert values.priority(words) in (None, *values._PRIORITIES)
    assert values.level(words) in (None, *values._LEVELS)
    assert values.named(words, ["A/b", "A/c"]) in (None, "A/b", "A/c")
    assert all(tag == tag.casefold() for tag in values.tags(words, ()) or ())
    person = values.person(words, PEOPLE)
    assert person is None or "@" in person.address
