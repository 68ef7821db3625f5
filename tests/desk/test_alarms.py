"""What an alarm does to a ticket, in every status: the state table of monitoring."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mailgate.desk.alarms import alarmed, event_keys, recognised
from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.events import fold
from mailgate.desk.model import Address, Person, State, Status, Strength, Ticket, Visibility
from mailgate.desk.plans import Monitor, When
from mailgate.desk.policy import Policy
from mailgate.desk.stimuli import Alarm, Nature, Sign, Wrote
from mailgate.desk.workflow import STATES
from tests.desk.cast import NOW, OPENED, RULES, TINA, TOM, ticket, wrote

MONITOR = Person(Address("icinga@mon.example"))
KEY = "icinga\n@mon.example\nweb01"


def alarm(sign: Sign, strength: Strength = Strength.ALIGNED, **fields: object) -> Wrote:
    told = Alarm("icinga", "web01", sign, KEY, **fields)  # type: ignore[arg-type]
    return wrote(MONITOR, "web01 says so", strength, nature=Nature.ALARM, source="monitoring", subject="web01", alarm=told)


def after(status: Status, mail: Wrote, now: datetime = NOW, **fields: object) -> tuple[Ticket, Decision]:
    about = ticket(status, event_key=KEY, **fields)
    assert mail.alarm is not None
    decision = alarmed(about, mail, mail.alarm, RULES, now)
    return fold(about, decision.events), decision


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("sign", Sign)
def test_a_problem_opens_a_recovery_resolves_and_a_remark_changes_nothing(status: Status, sign: Sign) -> None:
    state = STATES[status]
    now, decision = after(status, alarm(sign))
    if state is State.CLOSED:
        assert (decision.opens is not None) is (sign is Sign.PROBLEM)
        assert decision.outcome is (Outcome.OPENED if sign is Sign.PROBLEM else Outcome.IGNORED)
        return
    assert decision.opens is None
    if sign is Sign.PROBLEM and state is State.RESOLVED:
        assert (now.status, now.resolved, now.reopened) == (Status.ANALYSIS, None, 1)
    elif sign is Sign.RECOVERY and state is not State.RESOLVED:
        assert (now.status, now.resolved) == (Status.RESOLVED_BY_EVENT, NOW)
    else:
        assert now.status is status
    assert decision.message is not None
    assert decision.message.visibility is Visibility.INTERNAL


@pytest.mark.parametrize("status", [status for status, state in STATES.items() if state is not State.CLOSED])
@pytest.mark.parametrize("sign", Sign)
def test_a_doubtful_mail_and_one_for_a_ticket_about_more_change_nothing_and_are_told_to_nobody(status: Status, sign: Sign) -> None:
    for mail, key in (
        (alarm(sign, Strength.CLAIMED, doubtful=True), KEY),
        (alarm(sign), "icinga\n@mon.example\nweb02"),
        (alarm(sign), None),
    ):
        about = ticket(status, event_key=key)
        assert mail.alarm is not None
        decision = alarmed(about, mail, mail.alarm, RULES, NOW)
        assert replace(fold(about, decision.events), updated=about.updated) == about
        assert (decision.opens, decision.letters) == (None, ())


_MAILS = st.tuples(st.sampled_from(Sign), st.sampled_from((1, 60, 600, 3600)), st.sampled_from([None, "warning", "critical"]))


@given(st.lists(_MAILS, max_size=60), st.sampled_from([None, TINA.address]))
def test_whatever_comes_and_goes_the_newest_word_counts_and_what_stays_was_told(
    mails: list[tuple[Sign, int, str | None]], assignee: Address | None
) -> None:
    about, now, told_open = ticket(event_key=KEY, assignee=assignee, severity="warning"), OPENED, True
    for sign, seconds, severity in mails:
        now += timedelta(seconds=seconds)
        mail = alarm(sign, severity=severity)
        assert mail.alarm is not None
        decision = alarmed(about, mail, mail.alarm, RULES, now)
        about = fold(about, decision.events)
        assert all(
            letter.to in (TINA.address, *(person.address for person in RULES.people.members("first"))) for letter in decision.letters
        )
        if sign is not Sign.REMARK:
            assert (STATES[about.status] is State.RESOLVED) is (sign is Sign.RECOVERY)
        told_open = bool(decision.letters) or (told_open and not any(event.verb == "reopen" for event in decision.events))
    # However often it came and went: if it is there for long and is said to be, somebody was told.
    if STATES[about.status] is State.IN_PROGRESS and not told_open:
        mail = alarm(Sign.PROBLEM)
        assert mail.alarm is not None
        assert about.updated - about.since < timedelta(minutes=15)
        assert alarmed(about, mail, mail.alarm, RULES, about.since + timedelta(minutes=15)).letters


def test_a_proven_domain_is_one_source_and_a_claimed_address_is_only_itself() -> None:
    proven, only_claims = alarm(Sign.PROBLEM), alarm(Sign.PROBLEM, Strength.CLAIMED)
    assert event_keys("icinga", "web01", proven) == (KEY, "icinga\nicinga@mon.example\nweb01")
    assert event_keys("icinga", "web01", only_claims) == ("icinga\nicinga@mon.example\nweb01", KEY)


RULE = Monitor(
    "ups", re.compile(r"unit (\w*)(?: in (\w+))?:", re.IGNORECASE), re.compile("fine"), None, When(sender=(re.compile("^ups@"),))
)


@pytest.mark.parametrize(
    ("subject", "sender", "key"),
    [
        ("Unit 7: down", "ups@mon.example", "7"),
        ("unit 7  in   cellar: down", "ups@mon.example", "7 cellar"),
        ("unit 7: down", "other@mon.example", None),
        ("unit : down", "ups@mon.example", None),
        ("all down", "ups@mon.example", None),
        ("x" * 300 + "unit 7: down", "ups@mon.example", None),
    ],
)
def test_a_rule_takes_a_mail_where_its_condition_holds_and_its_key_is_there(subject: str, sender: str, key: str | None) -> None:
    rules = replace(RULES, policy=Policy(monitors=(RULE,)))
    found = recognised(wrote(Person(Address(sender)), "x", subject=subject), rules)
    assert (found and found.key) == key


def test_the_team_hears_of_what_nobody_has() -> None:
    _, decision = after(Status.NEW, alarm(Sign.RECOVERY))
    assert {TINA.address, TOM.address} <= {letter.to for letter in decision.letters}
