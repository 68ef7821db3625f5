"""Who may read how much of a ticket on the desk's pages, and what is pressing? The table of authority, for who only reads."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from mailgate.desk.board import Open, Reading, Wish, by_state, fitting, judged, lists, reading
from mailgate.desk.clock import BREACH, Clock, Phase, Step
from mailgate.desk.model import Address, Participant, Person, Priority, Role, State, Status, Ticket, TicketId
from mailgate.desk.summary import Brief
from tests.desk.cast import ALF, ANN, BOB, EVE, HR, LEA, MAX, NOW, OLGA, RULES, STRANGER, SUE, TINA, ticket

SECRET = ticket(confidential=True)
OF_HR = ticket(desk=HR.name, team=None, confidential=True)
HANNA = Person(Address("hanna@desk.example"), "Hanna", Role.LEAD, team="people")


@pytest.mark.parametrize(
    ("person", "known", "sight"),
    [
        (TINA, ticket(), Reading.ALL), (LEA, ticket(), Reading.ALL), (SUE, ticket(), Reading.ALL), (TINA, SECRET, Reading.ALL),
        (MAX, ticket(), Reading.NOTES), (OLGA, ticket(), Reading.NOTES), (MAX, SECRET, Reading.NOTES), (OLGA, OF_HR, Reading.NOTES),
        # Who works at another desk is told nothing of what is confidential there, unless it was given to him.
        (TINA, OF_HR, Reading.NOTHING), (TINA, replace(OF_HR, confidential=False), Reading.NOTES),
        (TINA, replace(OF_HR, assignee=TINA.address), Reading.ALL),
        # On his own ticket somebody is a requester, whatever else he is, and by whichever address.
        (TINA, ticket(requester=TINA.address), Reading.PUBLIC), (TINA, ticket(requester=TINA.aliases[0]), Reading.PUBLIC),
        (OLGA, ticket(requester=OLGA.address), Reading.PUBLIC), (MAX, replace(OF_HR, requester=MAX.address), Reading.PUBLIC),
        (TINA, replace(OF_HR, participants=(Participant(TINA.address, "cc"),)), Reading.PUBLIC),
        (TINA, replace(OF_HR, participants=(Participant(TINA.address, "cc", confirmed=False),)), Reading.NOTHING),
        (ANN, ticket(), Reading.PUBLIC), (BOB, ticket(), Reading.PUBLIC), (EVE, ticket(), Reading.NOTHING),
        (STRANGER, ticket(), Reading.NOTHING), (ALF, ticket(), Reading.NOTHING),
    ],
)  # fmt: skip
def test_everybody_reads_what_his_part_in_it_lets_him(person: Person, known: Ticket, sight: Reading) -> None:
    assert reading(known, person, RULES.at(known.desk)) is sight


@pytest.mark.parametrize(
    ("person", "here", "there"), [(TINA, True, False), (LEA, True, False), (MAX, True, True), (OLGA, True, True), (ALF, False, False)]
)
def test_the_open_tickets_of_a_desk_are_listed_for_who_works_there_or_answers_for_all(person: Person, here: bool, there: bool) -> None:
    assert (lists(RULES.desk.name, person, RULES), lists(HR.name, person, RULES)) == (here, there)


# ------------------------------------------------------------------------------------------------------------- pressing


def known(number: int, **parts: object) -> Open:
    base = Brief(TicketId(number), "x", Status.NEW, None, Priority.P3, None, NOW, NOW, None, answered=False, confidential=False)
    return Open(replace(base, **parts), "Service Desk", "first", ANN.address)  # type: ignore[arg-type]


def clock(**parts: object) -> Clock:
    return replace(Clock("resolution", 1, "all", None, timedelta(hours=8), NOW), **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "late", "risk"),
    [
        (known(1), False, False),
        (known(1, due=NOW - timedelta(minutes=1)), True, False),
        (known(1, due=NOW), True, False),
        (known(1, due=NOW + timedelta(minutes=59)), False, True),
        (known(1, due=NOW + timedelta(hours=2)), False, False),
        (known(1, due=NOW + timedelta(hours=2), clocks=(clock(told=Step(80)),)), False, True),
        (known(1, due=NOW + timedelta(hours=2), clocks=(clock(told=Step(80), phase=Phase.STOPPED),)), False, False),
        (known(1, due=None, clocks=(clock(breached=True, told=BREACH),)), True, False),
        (known(1, status=Status.PENDING, clocks=(clock(breached=True, phase=Phase.PAUSED),)), False, False),
        (known(1, clocks=(clock(breached=True, phase=Phase.STOPPED),)), False, False),
    ],
)
def test_a_ticket_is_overdue_or_at_risk_by_what_is_promised(one: Open, late: bool, risk: bool) -> None:
    (found,) = judged([one], NOW)
    assert (found.late, found.risk) == (late, risk)


def test_what_is_due_first_comes_first_then_what_is_urgent_then_what_is_old() -> None:
    hour = timedelta(hours=1)
    tickets = [
        known(1), known(2, priority=Priority.P1), known(3, created=NOW - hour), known(4, due=NOW + 5 * hour),
        known(5, due=NOW - hour, priority=Priority.P4),
    ]  # fmt: skip
    assert [one.brief.id for one in judged(tickets, NOW)] == [5, 4, 2, 3, 1]
    assert [one.brief.id for one in fitting(judged(tickets, NOW), Wish(pressing=True))] == [5]


def test_tickets_are_chosen_by_state_team_and_desk() -> None:
    tickets = [
        known(1), known(2, status=Status.PENDING), known(3, status=Status.ANALYSIS), replace(known(4), team="second"),
        replace(known(5), desk=HR.name),
    ]  # fmt: skip
    for wish, numbers in (
        (Wish(State.OPEN), [1, 4, 5]), (Wish(State.ON_HOLD), [2]), (Wish(team="second"), [4]), (Wish(desk=HR.name), [5]),
        (Wish(State.IN_PROGRESS, "first"), [3]),
    ):  # fmt: skip
        assert [one.brief.id for one in fitting(tickets, wish)] == numbers
    assert by_state(tickets) == ((State.OPEN, 3), (State.IN_PROGRESS, 1), (State.ON_HOLD, 1))
