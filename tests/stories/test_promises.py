"""What a desk promises, and what happens when it is in danger or broken. From raw mails to the letters of those who can still keep it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from mailgate.desk.clock import BREACH, Step
from mailgate.desk.model import Address, Directory, Person, Role, Team
from mailgate.desk.plans import Calendar, Escalation, Interval, Rung, Sla
from mailgate.desk.policy import Policy
from tests.kit.office import DESK, TINA, TOM, Letter, Office, mail, reply

HOUR = timedelta(hours=1)
DAYTIME = (Interval(9 * HOUR, 17 * HOUR),)
CALENDAR = Calendar("office", "Europe/Berlin", (*([DAYTIME] * 5), (), ()))
GOLD = Sla(
    "gold", calendar="office", targets=(("first_response", 2 * HOUR), ("next_response", 4 * HOUR), ("resolution", 8 * HOUR)), warn=(50,)
)
LADDER = Escalation(
    steps=(Rung(Step(75), ("technician",)), Rung(BREACH, ("lead", "requester")), Rung(Step(100, 2 * HOUR), ("manager", "next")))
)
PROMISING = Policy(slas=(GOLD,), calendars=(CALENDAR,), escalations=(LADDER,))
LEA = Person(Address("lea@desk.example"), "Lea Leader", Role.LEAD, team="first")
SUE = Person(Address("sue@desk.example"), "Sue Second", Role.TECHNICIAN, team="second")
MAX = Person(Address("max@desk.example"), "Max Manager", Role.MANAGER)


def promising(office: Office, language: str = "en", **changed: object) -> Office:
    """The office with what it promises, two levels, a lead and a manager; everybody speaks the language."""
    people = tuple(replace(one, language=language, team="first") for one in (TINA, TOM))
    staff = Directory((*people, *(replace(one, language=language) for one in (LEA, SUE, MAX))), (Team("first"), Team("second", 2)))
    office.change(people=staff, policy=replace(PROMISING, **changed), desk=replace(DESK, language=language, timezone="Europe/Berlin"))
    return office


def told(office: Office) -> list[tuple[str, str]]:
    """Every letter since somebody looked last: its name and whom it went to."""
    return sorted((letter.name, letter.to) for letter in office.letters())


def words(letter: Letter) -> str:
    return " ".join(letter.text.split())


@pytest.mark.postgres
def test_a_ticket_that_nobody_answers_climbs_the_ladder_rung_by_rung(either_office: Office) -> None:
    """It comes in on a Monday at ten in Berlin; working days end at five."""
    office = promising(either_office)
    office.post(mail("The printer is dead."))
    office.letters()
    office.later(hours=1)
    assert told(office) == [("sla_warning", one.address) for one in (LEA, TINA, TOM)]
    office.later(hours=0.5)
    assert told(office) == [("sla_warning", one.address) for one in (LEA, TINA, TOM)]
    office.later(hours=0.5)
    assert told(office) == [("delayed", "ann@out.example"), ("sla_breach", LEA.address)]
    office.later(hours=2)
    raised = told(office)
    assert {("sla_breach", MAX.address), ("new_ticket", SUE.address), ("escalated", "ann@out.example")} <= set(raised)
    assert (office.ticket().team, office.ticket().status_name) == ("second", "Escalated")
    verbs = [one.verb for one in office.story().events]
    assert verbs == ["open", "sla", "sla", "breach", "sla", "escalate", "sla"]


@pytest.mark.parametrize(
    ("language", "warning", "breach", "delayed", "asked"),
    [
        ("en", "First answer due 2 March 2026, 12:00 CET", "First answer was due 2 March 2026, 12:00 CET",
         "Our first answer to your request takes longer than we said", "first answer by 2 March 2026, 12:00 CET"),
        ("de", "Erste Antwort fällig am 2. März 2026, 12:00 Uhr MEZ", "Erste Antwort war fällig am 2. März 2026, 12:00 Uhr MEZ",
         "unsere erste Antwort auf Ihre Anfrage dauert länger, als wir zugesagt haben", "erste Antwort bis 2. März 2026, 12:00 Uhr MEZ"),
    ],
)  # fmt: skip
def test_everybody_reads_in_his_language_what_is_due(
    office: Office, language: str, warning: str, breach: str, delayed: str, asked: str
) -> None:
    promising(office, language)
    office.post(mail("The printer is dead.", headers=f"Content-Language: {language}"))
    assert asked in words(office.last("new_ticket", TINA.address))
    office.later(hours=1)
    assert warning.casefold() in words(office.last("sla_warning", TINA.address)).casefold()
    office.later(hours=1)
    letter = office.last("sla_breach", LEA.address)
    assert breach.casefold() in words(letter).casefold()
    assert letter.subject == "[MG-1] Printer is dead"
    assert delayed in words(office.last("delayed", "ann@out.example"))


def test_an_answer_in_time_silences_the_clock(office: Office) -> None:
    promising(office)
    office.post(mail("The printer is dead."))
    office.now += timedelta(minutes=59)
    office.post(reply(office.last("new_ticket", TINA.address), "Which printer is it?", name="Tina"))
    office.letters()
    office.later(hours=2)
    assert told(office) == []
    assert [(one.metric, one.state.value) for one in office.ticket().clocks] == [("first_response", "achieved"), ("resolution", "running")]


def test_an_answer_to_the_warning_is_an_answer_to_the_requester(office: Office) -> None:
    promising(office)
    office.post(mail("The printer is dead."))
    office.later(hours=1)
    office.post(reply(office.last("sla_warning", TOM.address), "Which printer is it?", name="Tom"))
    assert words(office.last("reply", "ann@out.example")).startswith("##-")
    assert "Which printer is it?" in office.last("reply", "ann@out.example").text
    assert (office.ticket().assignee, office.ticket().clocks[0].state.value) == (TOM.address, "achieved")


def test_a_night_and_a_question_stop_the_clock(office: Office) -> None:
    promising(office)
    office.post(mail("The printer is dead."))
    office.post(reply(office.last("new_ticket", TINA.address), "#pending Which printer is it?", name="Tina"))
    office.letters()
    office.later(days=1)
    assert ("sla_warning", TINA.address) not in told(office)
    office.post(reply(office.last("question", "ann@out.example"), "The one on floor 3."))
    office.letters()
    # Ten o'clock again: his answer waits since then, and half of four hours ends at noon.
    office.later(hours=1, minutes=59)
    assert ("sla_warning", TINA.address) not in told(office)
    office.later(minutes=1)
    assert ("sla_warning", TINA.address) in told(office)


def test_after_a_downtime_of_a_week_each_hears_once_of_where_it_stands(office: Office) -> None:
    promising(office)
    office.post(mail("The printer is dead."))
    office.letters()
    office.later(days=7)
    letters = told(office)
    assert len([one for one in letters if one == ("sla_breach", LEA.address)]) <= 2
    assert not [one for one in letters if one[0] == "sla_warning"]
    assert [one.verb for one in office.story().events].count("sla") + [one.verb for one in office.story().events].count("breach") == 2


def test_another_priority_means_another_promise(office: Office) -> None:
    urgent = replace(GOLD, name="urgent", targets=(("resolution", HOUR),), warn=())
    promising(office, slas=(replace(urgent, when=replace(GOLD.when, priority=("P1",))), GOLD), escalations=())
    office.post(mail("The printer is dead."))
    office.post(reply(office.last("new_ticket", TINA.address), "#priority P1", name="Tina"))
    receipt = office.last("receipt", TINA.address)
    assert "Promised now: solution by 2 March 2026, 11:00 CET, no longer by 3 March 2026, 10:00 CET." in words(receipt)
    office.letters()
    office.later(hours=1)
    assert told(office) == [("sla_breach", one.address) for one in (LEA, TINA, TOM)]


def test_whoever_is_away_does_not_hear_of_it_and_who_stands_in_does(office: Office) -> None:
    promising(office)
    office.post(mail("The printer is dead."))
    office.order(1, "#assign tina@desk.example")
    gone = tuple(
        replace(one, away="2026-03-02", delegate=TOM.address) if one.address == TINA.address else one for one in office.people.people
    )
    office.change(people=replace(office.people, people=gone))
    office.letters()
    office.later(hours=1)
    assert ("sla_warning", TOM.address) in told(office)
