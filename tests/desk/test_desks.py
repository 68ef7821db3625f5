"""Who works at which desk, and in what standing does everybody write to a ticket of another one?"""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mailgate.desk.authority import Standing, standing
from mailgate.desk.model import Address, Directory, Participant, Person, Role, Strength, Team
from mailgate.desk.policy import Desk
from tests.desk.cast import ANN, DESK, PEOPLE, RULES, TINA, TOM, ticket, wrote

PAY = Desk("Payroll Office", Address("pay@desk.example"), tag="PAY", teams=("pay", "second"))
ZOE = Person(Address("zoe@desk.example"), "Zoe Zahl", Role.TECHNICIAN, team="pay")
LIV = Person(Address("liv@desk.example"), "Liv Lead", Role.LEAD)
TEAMS = (Team("first"), Team("second", 2), Team("pay", lead=LIV.address))
HERE = replace(RULES, desks=(DESK, PAY), people=Directory((*PEOPLE.people, ZOE, LIV), TEAMS))
THERE = HERE.at(PAY.name)
SUE = next(person for person in PEOPLE.people if person.team == "second")


def test_a_desk_that_names_no_teams_has_those_that_no_other_names() -> None:
    assert [team.name for team in HERE.teams] == ["first"]
    assert [team.name for team in THERE.teams] == ["pay", "second"]
    assert (HERE.first_team(), THERE.first_team()) == ("first", "pay")


@pytest.mark.parametrize(("person", "here", "there"), [
    (TINA, True, False), (ZOE, False, True), (SUE, False, True), (LIV, True, True), (ANN, False, False),
    (replace(TINA, team=None), True, False),
])  # fmt: skip
def test_technicians_work_where_their_team_does_and_leads_where_they_lead(person: Person, here: bool, there: bool) -> None:
    assert (HERE.serves(person), THERE.serves(person)) == (here, there)


T, N, S, P, U = Standing.TECHNICIAN, Standing.OBSERVER, Standing.STRANGER, Standing.PARTICIPANT, Standing.UNPROVEN


@pytest.mark.parametrize(("confidential", "strength", "expected"), [
    (False, Strength.TOKEN, {"nobody": N, "assignee": T, "team": T, "cc": P}),
    (False, Strength.CLAIMED, {"nobody": U, "assignee": U, "team": U, "cc": Standing.CLAIMED}),
    (True, Strength.TOKEN, {"nobody": S, "assignee": T, "team": T, "cc": P}),
    (True, Strength.CLAIMED, {"nobody": S, "assignee": U, "team": U, "cc": Standing.CLAIMED}),
])  # fmt: skip
def test_a_technician_of_another_desk_works_on_what_he_was_given_and_of_all_else_takes_note_at_most(
    confidential: bool, strength: Strength, expected: dict[str, Standing]
) -> None:
    plain = ticket(desk=PAY.name, team="pay", confidential=confidential)
    tickets = {
        "nobody": plain,
        "assignee": replace(plain, assignee=TOM.address),
        "team": replace(plain, team="first"),
        "cc": replace(plain, participants=(*plain.participants, Participant(TOM.address, "cc"))),
    }
    aligned = strength is Strength.TOKEN
    assert {case: standing(one, wrote(TOM, "#take", strength, aligned=aligned), THERE) for case, one in tickets.items()} == expected


def test_a_desk_is_known_by_all_of_its_addresses_to_all_others() -> None:
    assert HERE.is_own(PAY.address)
    assert THERE.is_own(DESK.aliases[0])
    assert not HERE.is_own(ANN.address)


@pytest.mark.parametrize(("name", "slug"), [
    ("Human Resources", "human-resources"), ("  IT / Büro 2 ", "it-büro-2"), ("../../etc", "etc"), ("!!!", ""),
])  # fmt: skip
def test_the_folder_of_a_desk_is_called_like_it_and_leads_nowhere_else(name: str, slug: str) -> None:
    assert Desk(name).slug == slug
