"""Rules of triage over what was written: which rule holds, and what follows on the ticket."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mailgate.desk.conditions import MOST, MOST_TEXT, Facts, asked, holds
from mailgate.desk.decide import decide
from mailgate.desk.events import born
from mailgate.desk.letters import Name
from mailgate.desk.model import Address, Directory, Level, Organisation, Priority, Status, Strength, Ticket, TicketId
from mailgate.desk.plans import ALWAYS, Category, When
from mailgate.desk.policy import Policy, PriorityMatrix
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Nature, Wrote
from mailgate.desk.triage import triage
from tests.desk.cast import ANN, BOB, NOW, PEOPLE, RULES, SUE, TINA, ticket, wrote

ACME, ACME_LAB = Organisation("Acme", ("out.example",)), Organisation("Acme Lab", ("lab.out.example",))


def searched(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(one, re.IGNORECASE) for one in patterns)


MAIL = Facts(
    "Toner is empty", "The printer\n  on floor 3   is empty.", ANN.address, (Address("desk@desk.example"), Address("print@desk.example")),
    (("x-mailer", "Copier 9"), ("list-id", "a"), ("list-id", "b")), "Acme", "Service Desk", "mail",
)  # fmt: skip

CONDITIONS: list[tuple[When, bool]] = [
    (ALWAYS, True),
    (When(subject=searched("TONER")), True),
    (When(subject=searched("^is")), False),
    (When(subject=searched("drum", "toner")), True),
    (When(text=searched(r"floor 3 is")), True),
    (When(text=searched(r"^on floor")), False),
    (When(text=searched(r"(?m)^on floor")), True),
    (When(sender=searched(r"@out\.example$")), True),
    (When(sender=searched("desk")), False),
    (When(recipient=searched("^print@")), True),
    (When(recipient=searched("^hr@")), False),
    (When(headers=(("x-mailer", searched("copier")),)), True),
    (When(headers=(("x-mailer", searched("scanner")),)), False),
    (When(headers=(("x-spam", searched("")),)), False),
    (
        When(
            headers=(("list-id", searched("b")), ("x-mailer", searched("9"))),
        ),
        True,
    ),
    (
        When(
            headers=(("list-id", searched("c")), ("x-mailer", searched("9"))),
        ),
        False,
    ),
    (When(organisation=("Other", "Acme")), True),
    (When(organisation=("acme",)), False),
    (When(desk=("Service Desk",)), True),
    (When(desk=("HR",)), False),
    (When(source=("mail", "phone")), True),
    (When(source=("phone",)), False),
    (When(subject=searched("toner"), sender=searched("@out")), True),
    (When(subject=searched("toner"), sender=searched("@in")), False),
    # What nobody knows is not so.
    (When(category=("*",)), False),
    (When(metric=("resolution",)), False),
]

TICKET = replace(
    ticket(Status.ANALYSIS), category="Hardware/Printer", service="Printing", tags=("vip",), priority=Priority.P2, impact=Level.HIGH
)  # fmt: skip

OF_TICKET: list[tuple[When, bool]] = [
    (When(category=("Hardware/*",)), True),
    (When(category=("hardware/printer",)), True),
    (When(category=("Hardware",)), False),
    (When(category=("Access/*", "*/Printer")), True),
    (When(team=("first",)), True),
    (When(team=("second",)), False),
    (When(type=("incident",)), True),
    (When(type=("request",)), False),
    (When(service=("Printing",)), True),
    (When(service=("Mail",)), False),
    (When(tag=("new", "vip")), True),
    (When(tag=("new",)), False),
    (When(priority=(Priority.P1, Priority.P2)), True),
    (When(priority=(Priority.P1,)), False),
    (When(impact=(Level.HIGH,)), True),
    (When(impact=(Level.LOW,)), False),
    (When(urgency=(Level.MEDIUM,)), True),
    (When(urgency=(Level.LOW,)), False),
    (When(state=("In Progress",)), True),  # type: ignore[arg-type]
    (When(state=("Open",)), False),  # type: ignore[arg-type]
    (When(status=("Analysis",)), True),
    (When(status=("New",)), False),
    (When(metric=("resolution",)), True),
    (When(metric=("first_response",)), False),
    (When(category=("Hardware/*",), subject=searched("toner")), True),
    (When(category=("Hardware/*",), subject=searched("drum")), False),
]


@pytest.mark.parametrize(("when", "so"), CONDITIONS)
def test_a_condition_of_a_mail_holds_where_everything_it_asks_is_so(when: When, so: bool) -> None:
    assert holds(when, MAIL) is so


@pytest.mark.parametrize(("when", "so"), OF_TICKET)
def test_a_condition_of_a_ticket_holds_where_everything_it_asks_is_so(when: When, so: bool) -> None:
    assert holds(when, replace(MAIL, ticket=TICKET, metric="resolution")) is so


def test_every_key_of_a_condition_counts() -> None:
    # Each key alone, with a value that no mail and no ticket has.
    odd: dict[str, Any] = dict.fromkeys(When.__struct_fields__, ("nowhere",))
    odd |= {name: searched("nowhere") for name in ("subject", "text", "sender", "recipient")} | {"headers": (("x-mailer", searched("no")),)}
    everything = replace(MAIL, ticket=TICKET, metric="resolution")
    assert [name for name, value in odd.items() if holds(When(**{name: value}), everything)] == []
    assert asked(When(**odd)) == tuple(odd)


def test_a_pattern_is_searched_in_the_beginning_of_a_text_where_runs_of_blanks_are_one() -> None:
    found = When(text=searched("needle"))
    assert holds(found, Facts(text="x" * (MOST_TEXT - 6) + "needle"))
    assert not holds(found, Facts(text="x" * MOST_TEXT + "needle"))
    assert not holds(When(subject=searched("needle")), Facts(subject="x" * MOST + "needle"))
    assert holds(When(text=searched("^a b\nc$")), Facts(text="  a \t b \r\n\r\n  c"))


# -------------------------------------------------------------------------------------------------------------- what it sets

PRINTER = Category(
    "Hardware/Printer", When(subject=searched("toner|printer")), "second", "Printing", "request", Level.HIGH, Level.HIGH, ("p",)
)
ANYTHING = Category("Other")


def ruled(*categories: Category, matrix: PriorityMatrix | None = None, people: Directory = PEOPLE) -> Rules:
    return replace(RULES, policy=Policy(categories=categories, priority=matrix or PriorityMatrix()), people=people)


def opened(mail: Wrote, rules: Rules) -> Ticket:
    decision = decide(None, mail, rules, NOW)
    assert decision.opens is not None
    return born(TicketId(1), decision.opens)


def test_a_rule_sets_every_field_that_it_names_and_the_matrix_the_priority() -> None:
    got = opened(wrote(ANN, "It is empty."), ruled(PRINTER))
    assert (got.category, got.team, got.service, got.type) == ("Hardware/Printer", "second", "Printing", "request")
    assert (got.impact, got.urgency, got.priority, got.tags, got.confidential) == (Level.HIGH, Level.HIGH, Priority.P1, ("p",), False)


def test_of_several_rules_that_hold_the_first_wins_and_no_other_adds_to_it() -> None:
    rules = ruled(Category("No", When(subject=searched("zzz"))), Category("Yes", team="second"), replace(PRINTER, name="Late"))
    got = opened(wrote(ANN, "x"), rules)
    assert (got.category, got.team, got.service, got.tags, got.priority) == ("Yes", "second", None, (), Priority.P3)


def test_what_a_rule_does_not_name_stays_as_it_is_without_rules() -> None:
    plain, got = opened(wrote(ANN, "x"), RULES), opened(wrote(ANN, "x"), ruled(Category("Any", confidential=True)))
    assert got == replace(plain, category="Any", confidential=True)


@pytest.mark.parametrize(
    ("impact", "urgency", "priority"),
    [(Level.HIGH, None, "P2"), (None, Level.HIGH, "P2"), (Level.LOW, Level.LOW, "P4"), (None, None, "P3"), (Level.HIGH, Level.LOW, "P3")],
)
def test_impact_and_urgency_make_the_priority(impact: Level | None, urgency: Level | None, priority: str) -> None:
    assert opened(wrote(ANN, "x"), ruled(Category("Any", impact=impact, urgency=urgency))).priority == priority


def test_without_any_rule_that_holds_the_matrix_says_what_medium_and_medium_are() -> None:
    own = PriorityMatrix({(Level.MEDIUM, Level.MEDIUM): Priority.P2}, Priority.P4)
    assert opened(wrote(ANN, "x"), ruled(matrix=own)).priority is Priority.P2
    assert opened(wrote(ANN, "x"), ruled(Category("No", When(subject=searched("zzz"))), matrix=own)).priority is Priority.P2
    assert opened(wrote(ANN, "x"), ruled(matrix=PriorityMatrix({}, Priority.P4))).priority is Priority.P4


def test_the_story_and_the_trail_say_which_rule_set_which_field() -> None:
    decision = decide(None, wrote(ANN, "x"), ruled(replace(ANYTHING, when=When(text=searched("zzz"))), PRINTER), NOW)
    assert decision.opens is not None
    sets = "rule 2 (Hardware/Printer): category, team, service, type, impact, urgency, tags; matrix: priority"
    assert decision.opens.note == sets
    told = [(one.step, one.finding, one.because) for one in decision.trail if one.step == "triage"]
    assert told == [("triage", "Hardware/Printer", "rule 2, by subject"), ("triage", "sets", sets)]


def test_the_trail_says_that_no_rule_holds_and_nothing_where_there_is_none() -> None:
    quiet = decide(None, wrote(ANN, "x"), RULES, NOW)
    assert not [one for one in quiet.trail if one.step == "triage"]
    decision = decide(None, wrote(ANN, "x"), ruled(Category("No", When(subject=searched("zzz")))), NOW)
    assert [(one.finding, one.because) for one in decision.trail if one.step == "triage"] == [("none", "no rule holds")]
    assert decision.opens is not None
    assert decision.opens.note == ""


def test_the_team_of_the_rule_hears_of_the_ticket_and_the_first_team_does_not() -> None:
    decision = decide(None, wrote(ANN, "x"), ruled(PRINTER), NOW)
    assert [one.to for one in decision.letters if one.name is Name.NEW_TICKET] == [SUE.address]


def test_an_alarm_is_triaged_like_any_new_ticket() -> None:
    alarm = wrote(ANN, "x", Strength.CLAIMED, nature=Nature.ALARM)
    assert opened(alarm, ruled(PRINTER)).category == "Hardware/Printer"


def test_an_answer_to_a_closed_ticket_is_triaged_by_what_is_new_in_it() -> None:
    closed = ticket(Status.COMPLETED)
    mail = wrote(ANN, "Now the scanner.", whole="Now the scanner.\n> The fax is dead.", subject="x")
    rules = ruled(Category("Fax", When(text=searched("fax"))), Category("Scanner", When(text=searched("scanner"))))
    decision = decide(closed, mail, rules, NOW)
    assert decision.opens is not None
    assert born(TicketId(2), decision.opens).category == "Scanner"


def test_an_answer_within_a_ticket_is_not_triaged() -> None:
    decision = decide(ticket(), wrote(ANN, "The toner is empty as well."), ruled(PRINTER), NOW)
    assert not [one for one in decision.changes if one.field in ("category", "team", "priority")]


# ------------------------------------------------------------------------------------------------------------- organisation


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("ann@out.example", "Acme"),
        ("ann@mail.out.example", "Acme"),
        ("ann@lab.out.example", "Acme Lab"),
        ("ann@x.y.lab.out.example", "Acme Lab"),
        ("ann@notout.example", None),
        ("ann@example", None),
        ("out.example@else.example", None),
        ("out.example", "Acme"),
        ("ann@", None),
        ("", None),
    ],
)
def test_an_organisation_is_known_by_its_domains_and_all_below_them(address: str, name: str | None) -> None:
    found = Directory(organisations=(ACME, ACME_LAB)).organisation(Address(address))
    assert (found and found.name) == name
    assert Directory().organisation(Address(address)) is None


@pytest.mark.parametrize(("strength", "because"), [
    (Strength.ALIGNED, "by the domain of ann@out.example"),
    (Strength.CLAIMED, "by the domain of ann@out.example, which is only claimed"),
])  # fmt: skip
def test_a_claimed_address_has_its_organisation_for_triage_and_the_trail_says_so(strength: Strength, because: str) -> None:
    rules = ruled(Category("Acme's", When(organisation=("Acme",))), people=replace(PEOPLE, organisations=(ACME,)))
    mail = wrote(ANN, "x", strength)
    assert opened(mail, rules).category == "Acme's"
    told = [(one.finding, one.because) for one in decide(None, mail, rules, NOW).trail if one.step == "organisation"]
    assert told == [("Acme", because)]


# --------------------------------------------------------------------------------------------------------------- properties

WORDS = st.lists(st.sampled_from(["toner", "printer", "vpn", "fax", "zzz", "\n", " "]), max_size=8).map(" ".join)
PATTERNS = st.lists(st.sampled_from(["toner", "vpn|fax", "^p", "", "x{3}", r"\bfax$"]), max_size=2).map(lambda them: searched(*them))
WHENS = st.just(ALWAYS) | st.builds(
    When,
    subject=PATTERNS,
    text=PATTERNS,
    sender=PATTERNS,
    recipient=PATTERNS,
    headers=st.sampled_from([(), (("x-mailer", searched("toner")),)]),
    organisation=st.sampled_from([(), ("Acme",), ("No", "Acme")]),
    source=st.sampled_from([(), ("phone",)]),
)
LEVELS = st.none() | st.sampled_from(Level)
RULES_OF_TRIAGE = st.lists(st.builds(
    Category, st.sampled_from("ABCDE"), WHENS, st.sampled_from([None, "first", "second"]), impact=LEVELS, urgency=LEVELS,
    tags=st.sampled_from([(), ("a", "b")]), confidential=st.booleans(),
), max_size=6).map(tuple)  # fmt: skip
MAILS = st.builds(
    wrote, st.sampled_from([ANN, BOB, TINA]), st.text(max_size=40) | WORDS, st.sampled_from(Strength), subject=st.text(max_size=20) | WORDS,
    recipients=st.just((Address("desk@desk.example"),)), headers=st.sampled_from([(), (("x-mailer", "toner"),)]),
    source=st.sampled_from(["mail", "phone"]),
)  # fmt: skip


@given(MAILS, RULES_OF_TRIAGE)
def test_triage_is_total_and_the_first_rule_that_holds_wins(mail: Wrote, categories: tuple[Category, ...]) -> None:
    rules = ruled(*categories, people=replace(PEOPLE, organisations=(ACME,)))
    found = triage(mail, mail.whole, rules)
    organisation = rules.people.organisation(mail.person.address)
    facts = Facts(
        mail.subject, mail.whole, mail.address, mail.recipients, mail.headers, organisation and organisation.name, mail.desk, mail.source
    )  # fmt: skip
    first = next((one for one in categories if holds(one.when, facts)), None)
    assert found.fields.get("category") == (first.name if first else None)
    assert found.fields["priority"] in list(Priority)
    # Rules behind the one that holds change nothing, nor do rules before it that do not hold.
    if first is not None:
        alone = triage(mail, mail.whole, ruled(first, people=rules.people))
        assert alone.fields == found.fields


@given(MAILS, WHENS, st.randoms(use_true_random=False))
def test_a_condition_holds_exactly_where_each_of_its_keys_alone_does_in_whatever_order(mail: Wrote, when: When, chance: Any) -> None:
    facts = Facts(mail.subject, mail.whole, mail.address, mail.recipients, mail.headers, "Acme", mail.desk, mail.source)
    keys = list(asked(when))
    chance.shuffle(keys)
    assert holds(when, facts) == all(holds(When(**{key: getattr(when, key)}), facts) for key in keys)
    assert holds(When(**{key: getattr(when, key) for key in keys}), facts) == holds(when, facts)
