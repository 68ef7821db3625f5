"""Who is given a new ticket where policy leaves it to the desk? From raw mails to the letters of those who have to work."""

from __future__ import annotations

from collections import Counter

from msgspec.structs import replace

from mailgate.desk.model import Address, Directory, Person, Role, Team, TicketId
from mailgate.desk.plans import Category
from mailgate.desk.policy import AssignBy, Policy
from mailgate.flow import operate
from tests.kit.office import DESK, Office, mail, reply

EVA, KIM, LIN = (Person(Address(f"{name}@desk.example"), name.title(), Role.TECHNICIAN, team="first") for name in ("eva", "kim", "lin"))


def staffed(office: Office, *people: Person, by: AssignBy = AssignBy.LEAST_LOAD, policy: Policy | None = None) -> Office:
    """The office with these people in one team, and tickets given by this rule."""
    office.people = Directory(people, (Team("first"),))
    office.policy = replace(policy or office.policy, assign_by=by)
    office.rebuild()
    return office


def test_new_tickets_go_round_and_only_their_assignee_hears_of_them(either_office: Office) -> None:
    office = staffed(either_office, EVA, KIM, LIN)
    for number in range(6):
        office.post(mail(f"Printer {number} is dead.", sender=f"ann{number}@out.example", subject=f"printer {number}"))
    assert Counter(office.ticket(number).assignee for number in range(1, 7)) == {one.address: 2 for one in (EVA, KIM, LIN)}
    letters = office.letters()
    assert Counter((one.name, one.to) for one in letters if one.name != "acknowledgement") == {
        ("assigned", one.address): 2 for one in (EVA, KIM, LIN)
    }
    assert "Printer 0 is dead." in next(one for one in letters if one.name == "assigned").text
    assert [one.verb for one in office.story(1).events] == ["open"]
    assert "least_load" in office.reason(1)


def test_whoever_has_finished_gets_the_next_one(office: Office) -> None:
    staffed(office, EVA, KIM)
    for number in range(2):
        office.post(mail("Dead.", subject=f"printer {number}", sender=f"ann{number}@out.example"))
    office.post(reply(office.last("assigned", KIM.address), "#resolve New toner.", name="Kim"))
    office.post(mail("Dead too.", subject="printer 3", sender="ann3@out.example"))
    assert [office.ticket(number).assignee for number in (1, 2, 3)] == [EVA.address, KIM.address, KIM.address]


def test_nobody_is_given_a_ticket_while_he_is_away_and_where_all_are_the_team_hears(office: Office) -> None:
    staffed(office, replace(EVA, away="2026-02-20/2026-03-15"), KIM)
    office.post(mail("Dead."))
    assert office.ticket().assignee == KIM.address
    office.letters()
    staffed(office, replace(EVA, away="2026-12-24"), replace(KIM, away="2026-12-24"))
    office.post(mail("Dead too.", subject="screen", sender="bob@out.example"))
    assert office.ticket(2).assignee is None
    assert sorted(one.to for one in office.letters() if one.name == "new_ticket") == [EVA.address, KIM.address]


def test_by_skill_whoever_knows_about_the_category_gets_it(office: Office) -> None:
    policy = Policy(categories=(Category("Access/VPN", tags=("network",)),))
    staffed(office, EVA, replace(KIM, skills=("vpn",)), by=AssignBy.SKILL, policy=policy)
    for number in range(3):
        office.post(mail("No connection.", subject=f"vpn {number}", sender=f"ann{number}@out.example"))
    assert {office.ticket(number).assignee for number in (1, 2, 3)} == {KIM.address}


def test_an_escalated_ticket_is_given_to_whoever_of_the_next_level_has_least_to_do(office: Office) -> None:
    sue, sam = (Person(Address(f"{name}@desk.example"), name.title(), Role.TECHNICIAN, team="second") for name in ("sue", "sam"))
    office.people = Directory((EVA, sue, sam), (Team("first"), Team("second", 2)))
    office.policy = replace(office.policy, assign_by=AssignBy.LEAST_LOAD)
    office.rebuild()
    for number in range(2):
        office.post(mail("Dead.", subject=f"printer {number}", sender=f"ann{number}@out.example"))
        office.letters()
        office.post(reply(office.last("assigned", EVA.address), "#escalate", name="Eva"))
        assert [(one.name, one.to) for one in office.letters() if one.name in ("assigned", "new_ticket")] == [
            ("assigned", (sue, sam)[number].address)
        ]
    assert [(office.ticket(number).assignee, office.ticket(number).team) for number in (1, 2)] == [
        (sue.address, "second"), (sam.address, "second"),
    ]  # fmt: skip
    operate.order(office.store, office.house, TicketId(1), "#escalate first", None, office.now)
    assert office.ticket(1).assignee == EVA.address


def test_a_ticket_by_telephone_is_given_too(office: Office) -> None:
    staffed(office, EVA, KIM)
    operate.open_by_phone(office.store, office.house, DESK.name, Address("ann@out.example"), "Ann", "Dead", "It is dead.", office.now)
    assert office.ticket().assignee == EVA.address


def test_a_technician_who_asks_himself_hears_it_only_as_a_requester(office: Office) -> None:
    staffed(office, EVA)
    office.post(mail("My own chair is broken.", sender=EVA.address, name="Eva"))
    assert [one.name for one in office.letters()] == ["acknowledgement"]
    assert office.ticket().assignee == EVA.address
