"""Who is who, and how soon is he found?"""

from __future__ import annotations

from mailgate.desk.model import Address, Directory, Person, Role, Team

ANN = Person(Address("ann@out.example"), "Ann", aliases=(Address("a@out.example"),))
TINA = Person(Address("tina@desk.example"), "Tina", Role.TECHNICIAN, team="first")
LEA = Person(Address("lea@desk.example"), "Lea", Role.LEAD, (Address("tina@desk.example"),), team="first")


def test_a_person_is_found_by_address_and_alias_and_keeps_an_address_that_another_claims_after_him() -> None:
    directory = Directory((ANN, TINA, LEA))
    assert directory.find(Address("a@out.example")) is ANN
    assert directory.find(Address("tina@desk.example")) is TINA
    assert directory.find(Address("lea@desk.example")) is LEA
    assert directory.find(Address("nobody@out.example")) is None


def test_teams_and_roles_are_found_in_the_order_in_which_they_were_named() -> None:
    directory = Directory((ANN, LEA, TINA), (Team("first"),))
    assert directory.members("first") == (LEA, TINA)
    assert directory.members(None) == ()
    assert directory.having(Role.TECHNICIAN, Role.LEAD) == (LEA, TINA)
    assert directory.having(Role.REQUESTER) == (ANN,)


def test_directories_of_the_same_people_are_equal() -> None:
    assert Directory((ANN, TINA)) == Directory((ANN, TINA))
    assert Directory((ANN, TINA)) != Directory((TINA, ANN))
