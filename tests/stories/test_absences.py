"""Who is away hears nothing, and nothing waits for him: people.toml says so, or he does himself by mail."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from mailgate.config.load import load
from mailgate.desk.model import Address, Directory, Person, Role, Team, TicketId
from mailgate.desk.policy import AssignBy, Policy
from mailgate.flow import operate
from mailgate.flow.absences import hand_over
from tests.kit.office import DESK, OLGA, Letter, Office, aligned, mail, reply
from tests.kit.together import at_once
from tests.stories.conftest import GUARDED

# Monday the 2nd of March 2026, nine o'clock, is when the office opens.
EVA, KIM, LIN = (Person(Address(f"{name}@desk.example"), name.title(), Role.TECHNICIAN, team="first") for name in ("eva", "kim", "lin"))


def staffed(office: Office, *people: Person, by: AssignBy = AssignBy.LEAST_LOAD) -> Office:
    office.people = Directory((*people, OLGA), (Team("first"),))
    office.policy = Policy(assign_by=by)
    office.rebuild()
    return office


def tickets(office: Office, count: int, to: Person | None = None) -> list[int]:
    """So many tickets, given to somebody by hand where one is named; their letters are read."""
    first = office.count() + 1
    for number in range(first, first + count):
        office.post(mail(f"Printer {number} is dead.", sender=f"ann{number}@out.example", subject=f"printer {number}"))
        if to is not None:
            operate.order(office.store, office.house, TicketId(number), f"#assign {to.address}", None, office.now)
    office.letters()
    return list(range(first, first + count))


def says(office: Office, person: Person, text: str, ticket: int = 1) -> Letter:
    """He writes this to his address of a ticket; the receipt that he gets."""
    office.letters()
    office.post(mail(text, sender=person.address, name=person.name, to=office.signed(ticket, person.address), subject=f"Re: [MG-{ticket}]"))
    (receipt,) = [one for one in office.letters() if one.to == person.address and one.name == "receipt"]
    office.later(seconds=1)
    return receipt


def heard(office: Office) -> list[tuple[str, str]]:
    return [(one.name, one.to) for one in office.letters()]


# ------------------------------------------------------------------------------------------------------------- by mail


def test_who_says_that_he_is_away_is_given_nothing_and_his_tickets_are_others(either_office: Office) -> None:
    office = staffed(either_office, EVA, KIM, LIN)
    tickets(office, 6, EVA)
    receipt = says(office, EVA, "#away until friday")
    assert "#away until 2026-03-06" in receipt.text
    assert [one.verb for one in office.story(1).events] == ["open", "assign", "away", "handover"]
    assert [office.ticket(number).assignee for number in range(1, 7)] == [KIM.address, LIN.address] * 3
    # One letter for each of the two, with an address for each ticket; the requesters hear nothing.
    letters = office.letters()
    assert [(one.name, one.to) for one in letters] == [("handover", KIM.address), ("handover", LIN.address)]
    for number in (1, 3, 5):
        assert f"MG-{number} P3 printer {number}" in letters[0].text
        assert f"mailto:{office.signed(number, KIM.address)}" in letters[0].text.replace("%2B", "+")
    # She is given nothing new until she is back.
    tickets(office, 2)
    assert EVA.address not in (office.ticket(7).assignee, office.ticket(8).assignee)
    office.later(days=5)
    tickets(office, 1)
    assert office.ticket(9).assignee == EVA.address


def test_the_mails_behind_it_know_that_he_is_away_or_back_also_where_all_come_at_once(either_office: Office) -> None:
    """What is read together is committed together, and yet each mail finds everybody as the one before it left them."""
    office = staffed(either_office, EVA, KIM)
    tickets(office, 2, KIM)
    for said, number, taker in (("#away until friday", 3, KIM), ("#away off", 4, EVA)):
        about_one = mail(said, sender=EVA.address, name=EVA.name, to=office.signed(1, EVA.address), subject="Re: [MG-1]")
        office.receive_all([about_one, mail("It is dead.", sender="bob@out.example", subject=f"screen {number}")])
        assert office.worker.run()[0] == 2
        assert office.ticket(number).assignee == taker.address


def test_the_address_in_the_letter_is_where_the_ticket_is_answered(office: Office) -> None:
    staffed(office, EVA, KIM)
    tickets(office, 2, EVA)
    says(office, EVA, "#away until tomorrow")
    letter = office.last("handover", KIM.address)
    assert "Tickets are yours now" in letter.subject
    office.post(mail("New toner is in.", sender=KIM.address, name="Kim", to=office.signed(2, KIM.address), subject="[MG-2]"))
    assert "New toner is in." in office.last("reply", "ann2@out.example").text


def test_the_same_in_german(office: Office) -> None:
    eva, kim = replace(EVA, language="de"), replace(KIM, language="de")
    staffed(office, eva, kim)
    tickets(office, 1, eva)
    assert "#away until 2026-03-13" in says(office, eva, "#abwesend bis 13.3.").text
    letter = office.last("handover", kim.address)
    assert letter.subject == "Ein Ticket ist jetzt Ihres"
    assert "MG-1 P3 printer 1" in letter.text
    assert "Die Anfragenden wissen davon nichts." in letter.text
    refused = says(office, eva, "#abwesend bis irgendwann")
    assert "Das ist kein Tag" in refused.text
    assert "#away until 2026-03-02" in refused.text
    assert "Erledigt" in says(office, eva, "#abwesend zurück").text
    tickets(office, 1)
    assert office.ticket(2).assignee == eva.address


def test_by_hand_the_tickets_are_the_teams_again_and_each_of_it_is_told_in_one_letter(office: Office) -> None:
    staffed(office, EVA, KIM, LIN, by=AssignBy.HAND)
    tickets(office, 3, EVA)
    says(office, EVA, "#away until 2026-03-06")
    assert [(office.ticket(number).assignee, office.ticket(number).team) for number in (1, 2, 3)] == [(None, "first")] * 3
    assert heard(office) == [("handover", KIM.address), ("handover", LIN.address)]
    assert "nobody has these tickets now" in " ".join(office.last("handover").text.split())
    # Whoever answers one has it.
    office.post(mail("On it.", sender=LIN.address, to=office.signed(2, LIN.address), subject="[MG-2]"))
    assert office.ticket(2).assignee == LIN.address


def test_a_delegate_comes_first_whatever_policy_says(office: Office) -> None:
    for by in (AssignBy.HAND, AssignBy.LEAST_LOAD):
        staffed(office, replace(EVA, delegate=LIN.address), KIM, LIN, by=by)
        (number,) = tickets(office, 1, EVA)
        says(office, EVA, "#away until friday", number)
        assert office.ticket(number).assignee == LIN.address
        assert heard(office) == [("handover", LIN.address)]
        says(office, EVA, "#away off", number)


def test_a_ticket_that_waits_for_its_requester_stays_and_his_answer_reaches_whoever_stands_in(office: Office) -> None:
    staffed(office, EVA, KIM, by=AssignBy.HAND)
    office.post(mail("Dead."))
    office.post(reply(office.last("new_ticket", EVA.address), "#pending Which floor?", name="Eva"))
    question = office.last("question")
    says(office, EVA, "#away until friday")
    assert (office.ticket().assignee, office.ticket().status) == (EVA.address, "Pending")
    office.letters()
    office.post(reply(question, "The third."))
    assert heard(office) == [("requester_replied", KIM.address)]
    staffed(office, replace(EVA, delegate=LIN.address), KIM, LIN, by=AssignBy.HAND)
    office.post(reply(question, "By the window."))
    assert heard(office) == [("requester_replied", LIN.address)]


def test_back_again_nothing_is_taken_back_and_a_second_absence_is_handed_over_again(office: Office) -> None:
    staffed(office, EVA, KIM)
    tickets(office, 1, EVA)
    says(office, EVA, "#away until friday")
    says(office, EVA, "#away off")
    assert office.ticket().assignee == KIM.address
    operate.order(office.store, office.house, TicketId(1), f"#assign {EVA.address}", None, office.now)
    says(office, EVA, "#away until friday")
    assert office.ticket().assignee == KIM.address


def test_an_absence_that_begins_later_is_handed_over_when_it_begins(office: Office) -> None:
    staffed(office, EVA, KIM)
    tickets(office, 1, EVA)
    says(office, EVA, "#away from 2026-03-04 until 2026-03-06")
    assert office.ticket().assignee == EVA.address
    office.later(days=2)
    assert office.ticket().assignee == KIM.address


def test_of_two_gateways_one_hands_over(store_url: str, open_office: Callable[..., Office]) -> None:
    office = staffed(open_office(url=store_url), EVA, KIM, LIN)
    tickets(office, 4, EVA)
    office.post(mail("#away until friday", sender=EVA.address, to=office.signed(1, EVA.address), subject="Re: [MG-1]"))
    office.letters()
    assert sorted(at_once(lambda: hand_over(office.store, office.house, office.now))) == [0, 1]
    assert sorted(heard(office)) == [("handover", KIM.address), ("handover", LIN.address)]


def test_a_storm_is_one_letter(office: Office) -> None:
    staffed(office, EVA, KIM)
    tickets(office, 40, EVA)
    says(office, EVA, "#away until friday")
    (letter,) = office.letters()
    assert "MG-29 P3" in letter.text
    assert "… +11" in letter.text


def test_of_a_confidential_ticket_the_letter_tells_the_number_only(office: Office) -> None:
    staffed(office, EVA, KIM)
    tickets(office, 1, EVA)
    operate.order(office.store, office.house, TicketId(1), "#confidential", None, office.now)
    says(office, EVA, "#away until friday")
    letter = office.last("handover", KIM.address)
    assert "MG-1 P3" in letter.text
    assert "printer 1" not in letter.text + letter.html + letter.subject


def test_the_only_one_of_a_team_goes_away_and_his_tickets_are_his_teams(office: Office) -> None:
    """Nobody is there: whoever works here is told, and so is nobody lost."""
    staffed(office, EVA)
    tickets(office, 1, EVA)
    says(office, EVA, "#away until friday")
    assert office.ticket().assignee is None
    assert heard(office) == [("handover", EVA.address)]


# ------------------------------------------------------------------------------------------- to the desk, and who may say so


def test_a_mail_to_the_desk_that_says_nothing_else_opens_no_ticket(tmp_path: Path, open_office: Callable[..., Office]) -> None:
    office = staffed(open_office(security=GUARDED), EVA, KIM)
    tickets(office, 1, EVA)
    row = office.post(aligned(mail("#away until friday\n\n-- \nEva", sender=EVA.address, subject="Holidays"), "desk.example"))
    assert (row.state, row.reason, office.count()) == ("done", "away", 1)
    assert "#away until 2026-03-06" in office.last("receipt", EVA.address).text
    office.later(seconds=1)
    assert office.ticket().assignee == KIM.address
    # What says more is a request like any other.
    office.post(aligned(mail("#away until friday\nAnd my chair is broken.", sender=EVA.address, subject="Chair"), "desk.example"))
    assert office.count() == 2


def test_who_only_claims_to_be_a_technician_sends_nobody_away(tmp_path: Path, open_office: Callable[..., Office]) -> None:
    office = staffed(open_office(security=GUARDED), EVA, KIM)
    tickets(office, 1, EVA)
    for _ in range(2):
        office.post(mail("#away until friday", sender=EVA.address, subject="Holidays"))
    office.post(mail("#away until friday", sender=EVA.address, to=office.signed(1, EVA.address)))
    office.later(seconds=1)
    assert (office.ticket().assignee, office.count()) == (EVA.address, 1)
    assert heard(office) == [("receipt", EVA.address)]
    # A requester's mail is a request.
    office.post(aligned(mail("#away until friday", sender="ann@out.example", subject="Holidays")))
    assert office.count() == 2


def test_where_the_border_proves_nobody_an_answer_to_a_letter_does(office: Office) -> None:
    staffed(office, EVA, KIM)
    tickets(office, 1, EVA)
    row = office.post(mail("#away until friday", sender=EVA.address, subject="Holidays"))
    assert (row.reason, heard(office)) == ("needs-stronger-sender", [("receipt", EVA.address)])
    says(office, EVA, "#away until friday")
    assert office.ticket().assignee == KIM.address


@pytest.mark.parametrize(("line", "says_so"), [("#away until 2020-01-01", "no day"), ("#away until", "no day"), ("#away", "must follow")])
def test_a_line_that_names_no_day_is_told_with_one_that_works(office: Office, line: str, says_so: str) -> None:
    staffed(office, EVA, KIM)
    tickets(office, 1, EVA)
    receipt = says(office, EVA, line)
    assert says_so in receipt.text
    assert "#away until " in receipt.text
    assert office.ticket().assignee == EVA.address


def test_with_other_commands_it_is_all_or_nothing(office: Office) -> None:
    staffed(office, EVA, KIM)
    tickets(office, 1, EVA)
    says(office, EVA, "#away until friday\n#priority P9")
    assert office.ticket().assignee == EVA.address
    says(office, EVA, "#priority P1\n#away until friday")
    assert (office.ticket().priority, office.ticket().assignee) == ("P1", KIM.address)


# --------------------------------------------------------------------------------------------------------- by people.toml

PEOPLE = """
[[team]]
name = "first"
[[person]]
address = "eva@desk.example"
name = "Eva"
role = "technician"
team = "first"
away = "2026-03-03/2026-03-06"
hours = { mon = ["09:00-12:00"], fri = ["09:00-17:00"] }
[[person]]
address = "kim@desk.example"
name = "Kim"
role = "technician"
team = "first"
timezone = "America/New_York"
hours = ["09:00-17:00"]
"""


@pytest.fixture
def written(tmp_path: Path, open_office: Callable[..., Office]) -> Office:
    (tmp_path / "people.toml").write_text(PEOPLE)
    return open_office(people=load(tmp_path, {}).people, policy=Policy(assign_by=AssignBy.LEAST_LOAD))


def test_people_toml_says_when_and_its_word_counts(written: Office) -> None:
    tickets(written, 1, EVA)
    written.later(days=1)
    assert written.ticket().assignee == KIM.address
    assert heard(written) == [("handover", KIM.address)]
    # She cannot say that she is there while the file says that she is not.
    assert "people.toml" in says(written, EVA, "#away off").text
    written.later(days=10)
    assert "Done" in says(written, EVA, "#away off").text


def test_a_new_ticket_goes_to_whoever_works_at_that_hour_where_he_lives(written: Office) -> None:
    """Kim's nine o'clock is fourteen o'clock in UTC, which is the desk's time."""
    assert DESK.timezone == "UTC"
    for hour, whose in ((9, EVA), (10, EVA), (11, EVA), (15, KIM), (16, KIM)):
        written.now = datetime(2026, 3, 2, hour, 30, tzinfo=UTC)
        (number,) = tickets(written, 1)
        assert written.ticket(number).assignee == whose.address
    # At night the load decides: somebody finds it in the morning.
    written.now = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    (number,) = tickets(written, 1)
    assert written.ticket(number).assignee == KIM.address
