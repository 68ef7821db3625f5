"""Who may: the table of authority as a table of values."""

from __future__ import annotations

from itertools import product

import pytest
from msgspec.structs import replace

from mailgate.desk.authority import Standing, permits, standing
from mailgate.desk.model import Address, Directory, Participant, Person, Role, Strength, Ticket
from mailgate.desk.policy import Security
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Nature
from tests.desk.cast import ANN, RULES, STRANGER, STRICT, TINA, ticket, wrote

STAFF = (Role.TECHNICIAN, Role.LEAD)
OBSERVERS = (Role.MANAGER, Role.OWNER, Role.APPROVER)

S = Standing
# (who, what he is to the ticket): his standing with a claimed address, an aligned one, a token where no border writes results,
# a token alone where one does, and both.
TABLE = {
    ("requester", "requester"): (S.CLAIMED, S.REQUESTER, S.REQUESTER, S.REQUESTER, S.REQUESTER),
    ("requester", "cc"): (S.CLAIMED, S.PARTICIPANT, S.PARTICIPANT, S.PARTICIPANT, S.PARTICIPANT),
    ("requester", "unconfirmed"): (S.CLAIMED, S.UNCONFIRMED, S.UNCONFIRMED, S.UNCONFIRMED, S.UNCONFIRMED),
    ("requester", "nobody"): (S.STRANGER, S.STRANGER, S.STRANGER, S.STRANGER, S.STRANGER),
    ("staff", "requester"): (S.CLAIMED, S.REQUESTER, S.REQUESTER, S.REQUESTER, S.REQUESTER),
    ("staff", "cc"): (S.UNPROVEN, S.TECHNICIAN, S.TECHNICIAN, S.UNPROVEN, S.TECHNICIAN),
    ("staff", "unconfirmed"): (S.UNPROVEN, S.TECHNICIAN, S.TECHNICIAN, S.UNPROVEN, S.TECHNICIAN),
    ("staff", "assignee"): (S.UNPROVEN, S.TECHNICIAN, S.TECHNICIAN, S.UNPROVEN, S.TECHNICIAN),
    ("staff", "nobody"): (S.UNPROVEN, S.TECHNICIAN, S.TECHNICIAN, S.UNPROVEN, S.TECHNICIAN),
    ("observer", "requester"): (S.CLAIMED, S.REQUESTER, S.REQUESTER, S.REQUESTER, S.REQUESTER),
    ("observer", "cc"): (S.UNPROVEN, S.OBSERVER, S.OBSERVER, S.UNPROVEN, S.OBSERVER),
    ("observer", "unconfirmed"): (S.UNPROVEN, S.OBSERVER, S.OBSERVER, S.UNPROVEN, S.OBSERVER),
    ("observer", "nobody"): (S.UNPROVEN, S.OBSERVER, S.OBSERVER, S.UNPROVEN, S.OBSERVER),
}
PROOFS = (
    (Strength.CLAIMED, False, RULES),
    (Strength.ALIGNED, True, STRICT),
    (Strength.TOKEN, False, RULES),
    (Strength.TOKEN, False, STRICT),
    (Strength.TOKEN, True, STRICT),
)
ROWS = [
    (role, relation, *proof, expected)
    for (kind, relation), row in TABLE.items()
    for role in {"requester": (Role.REQUESTER,), "staff": STAFF, "observer": OBSERVERS}[kind]
    for proof, expected in zip(PROOFS, row, strict=True)
]


def somebody(role: Role) -> Person:
    return Person(Address("some.body@desk.example"), "Some Body", role)


def related(person: Person, relation: str) -> Ticket:
    """Ann's ticket, with this person on it as the relation says; for `requester` his own."""
    if relation == "requester":
        return ticket(requester=person.address, participants=(Participant(person.address, "requester"),))
    if relation == "nobody":
        return ticket()
    role = "cc" if relation == "unconfirmed" else relation
    return ticket(participants=(*ticket().participants, Participant(person.address, role, relation != "unconfirmed")))


@pytest.mark.parametrize(("role", "relation", "strength", "aligned", "rules", "expected"), ROWS)
def test_standing_follows_from_role_relation_and_proof(
    role: Role, relation: str, strength: Strength, aligned: bool, rules: Rules, expected: Standing
) -> None:
    person = somebody(role)
    assert standing(related(person, relation), wrote(person, "Hello", strength, aligned=aligned), rules) is expected


def test_every_combination_has_a_standing() -> None:
    relations = ("requester", "cc", "unconfirmed", "assignee", "nobody", "no ticket")
    for role, relation, strength, aligned, nature, rules in product(Role, relations, Strength, (True, False), Nature, (RULES, STRICT)):
        person = somebody(role)
        about = None if relation == "no ticket" else related(person, relation)
        assert standing(about, wrote(person, "", strength, aligned=aligned, nature=nature), rules) in Standing


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("nature", Nature)
def test_a_spoofed_sender_is_spoofed_whoever_he_says_he_is(role: Role, nature: Nature) -> None:
    person = somebody(role)
    for about in (None, related(person, "requester"), related(person, "nobody")):
        assert standing(about, wrote(person, "", Strength.SPOOFED, nature=nature), RULES) is Standing.SPOOFED


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("nature", [Nature.ALARM, Nature.AUTOMATIC, Nature.REPORT])
def test_a_machine_is_a_machine_whosever_address_it_uses(role: Role, nature: Nature) -> None:
    person = somebody(role)
    assert standing(related(person, "requester"), wrote(person, "#close", Strength.TOKEN, nature=nature), RULES) is Standing.MACHINE


def test_without_a_clue_everybody_is_a_stranger() -> None:
    for role in Role:
        assert standing(None, wrote(somebody(role), "", Strength.TOKEN), RULES) is Standing.STRANGER


def test_an_alias_is_the_same_person_on_his_own_ticket() -> None:
    own = ticket(requester=TINA.aliases[0], participants=(Participant(TINA.aliases[0], "requester"),))
    assert standing(own, wrote(TINA, "accept"), RULES) is Standing.REQUESTER


def test_a_participant_by_alias_is_that_participant() -> None:
    person = replace(STRANGER, aliases=(ANN.address,))
    assert standing(ticket(), wrote(person, "Hello"), RULES) is Standing.REQUESTER


def test_who_lost_his_role_since_the_letter_went_out_has_lost_it() -> None:
    former = replace(TINA, role=Role.REQUESTER)
    rules = replace(RULES, people=Directory((), RULES.people.teams))
    assert standing(ticket(), wrote(former, "#close"), rules) is Standing.STRANGER


@pytest.mark.parametrize(
    ("asked", "strength", "aligned", "allowed"),
    [
        (None, Strength.CLAIMED, False, True),
        (Strength.CLAIMED, Strength.CLAIMED, False, True),
        (Strength.ALIGNED, Strength.CLAIMED, False, False),
        (Strength.ALIGNED, Strength.ALIGNED, True, True),
        (Strength.ALIGNED, Strength.TOKEN, False, False),
        (Strength.ALIGNED, Strength.TOKEN, True, True),
        (Strength.TOKEN, Strength.CLAIMED, False, False),
        (Strength.TOKEN, Strength.ALIGNED, True, False),
        (Strength.TOKEN, Strength.TOKEN, False, True),
        (Strength.TOKEN, Strength.TOKEN, True, True),
    ],
)
def test_a_verb_may_ask_for_more_strength(asked: Strength | None, strength: Strength, aligned: bool, allowed: bool) -> None:
    rules = replace(RULES, security=Security(require={"accept": asked} if asked else {}))
    assert permits("accept", wrote(ANN, "accept", strength, aligned=aligned), rules) is allowed
    assert permits("status", wrote(ANN, "status", strength, aligned=aligned), rules)
