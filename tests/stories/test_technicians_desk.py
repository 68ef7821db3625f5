"""How does a technician run the desk by mail? Fields, people and second thoughts, from his mails to everybody's letters."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mailgate.desk.model import Address, Directory, Team
from tests.kit.office import PEOPLE, TINA, TOM, Office, aligned, mail, reply
from tests.stories.conftest import GUARDED

ANN, EVA = Address("ann@out.example"), Address("eva@out.example")


@pytest.fixture
def asked(office: Office) -> Office:
    """A desk with one request of Ann's, told to the technicians."""
    office.post(mail("The printer is dead."))
    office.letters()
    return office


def writes(office: Office, text: str) -> None:
    """Tina answers the letter that told her of the request."""
    office.post(reply(office.last("new_ticket", TINA.address), text, name="Tina"))


def test_several_fields_are_set_by_one_mail_and_the_requester_hears_nothing_of_it(asked: Office) -> None:
    writes(asked, "#impact high\n#urgency high\n#category Hardware/Printer\n#tag floor3")
    ticket = asked.ticket()
    assert (ticket.priority, ticket.category, ticket.tags) == ("P1", "Hardware/Printer", ("floor3",))
    assert [(one.name, one.to) for one in asked.letters()] == [("receipt", TINA.address)]
    assert [one.verb for one in asked.story().events] == ["open", "impact", "urgency", "category", "tag"]


def test_one_wrong_value_and_none_is_set(asked: Office) -> None:
    writes(asked, "#impact high\n#priority soon")
    assert asked.ticket().impact == "medium"
    receipt = asked.last("receipt")
    assert "#priority P2" in receipt.text
    assert "That is no value of this field." in receipt.text


def test_a_second_thought_is_one_tap_away_and_the_requester_hears_that_it_goes_on(asked: Office) -> None:
    writes(asked, "#resolve New toner.")
    asked.letters()
    receipt = asked.last("receipt", TINA.address)
    number = asked.ticket().version
    assert f"subject=undo&body={number}" in receipt.text
    asked.post(mail(str(number), sender=TINA.address, name="Tina", to=receipt.tap("undo"), subject="undo"))
    assert (asked.ticket().status, asked.ticket().resolution) == ("New", None)
    assert {(one.name, one.to) for one in asked.letters()} == {("receipt", TINA.address), ("reopened", ANN)}
    asked.post(mail(str(number), sender=TINA.address, name="Tina", to=receipt.tap("undo"), subject="undo"))
    assert [(one.name, one.to) for one in asked.letters()] == [("receipt", TINA.address)]
    assert "nothing that could be taken back" in asked.last("receipt").text.replace("\r\n", " ")


def test_a_request_for_somebody_else_goes_on_with_him(asked: Office) -> None:
    writes(asked, f"#requester {EVA}")
    assert asked.ticket().requester == EVA
    assert ("acknowledgement", EVA) in [(one.name, one.to) for one in asked.letters()]
    writes(asked, "Is it plugged in?")
    assert sorted(one.to for one in asked.letters() if one.name == "reply") == [ANN, EVA]


def test_the_requester_lets_a_colleague_read_along(asked: Office) -> None:
    asked.post(reply(asked.last("acknowledgement"), f"cc add {EVA}"))
    asked.letters()
    writes(asked, "Is it plugged in?")
    assert sorted(one.to for one in asked.letters() if one.name == "reply") == [ANN, EVA]
    asked.post(reply(asked.last("acknowledgement"), f"cc remove {EVA}"))
    asked.letters()
    writes(asked, "And switched on?")
    assert [one.to for one in asked.letters() if one.name == "reply"] == [ANN]


def test_an_escalated_request_reaches_the_next_team_with_the_words_that_opened_it(asked: Office) -> None:
    others = tuple(replace(one, team="second") if one is TOM else one for one in PEOPLE.people)
    asked.people = Directory(others, (*PEOPLE.teams, Team("second", 2)))
    asked.rebuild()
    writes(asked, "#escalate")
    assert (asked.ticket().status, asked.ticket().team) == ("Escalated", "second")
    letters = {(one.name, one.to): one for one in asked.letters()}
    assert set(letters) == {("escalated", ANN), ("new_ticket", TOM.address), ("receipt", TINA.address)}
    assert "The printer is dead." in letters["new_ticket", TOM.address].text
    assert "escalated to your team" in letters["new_ticket", TOM.address].text


def test_spam_ends_in_silence(asked: Office) -> None:
    writes(asked, "#spam")
    assert (asked.ticket().status, asked.ticket().closure_category) == ("Cancelled", "spam")
    assert [(one.name, one.to) for one in asked.letters()] == [("receipt", TINA.address)]


def test_german_technicians_read_german_receipts(asked: Office) -> None:
    people = tuple(replace(one, language="de") if one is TINA else one for one in PEOPLE.people)
    asked.people = Directory(people, PEOPLE.teams)
    asked.rebuild()
    writes(asked, "#priority dringend")
    receipt = asked.last("receipt", TINA.address)
    assert asked.ticket().priority == "P1"
    assert "Um es zurückzunehmen" in receipt.text
    writes(asked, "#rückgängig")
    assert asked.ticket().priority == "P3"


@pytest.mark.parametrize("subject", ["Re: [MG-77] Printer", "Printer"])
@pytest.mark.parametrize("text", ["#note He is new here.", "#status pending\n#note He is new here.", "#resolve Done."])
def test_orders_that_reach_no_ticket_are_refused_and_make_none(asked: Office, subject: str, text: str) -> None:
    asked.security = GUARDED
    asked.rebuild()
    asked.post(aligned(mail(text, sender=TINA.address, name="Tina", subject=subject), "desk.example"))
    assert asked.count() == 1
    (receipt,) = asked.letters()
    assert (receipt.name, receipt.to, receipt["X-Mailgate-Ticket"]) == ("receipt", TINA.address, "")
    assert "This reaches no ticket that you work on" in " ".join(receipt.text.split())


def test_a_technician_who_asks_for_something_himself_opens_a_ticket(asked: Office) -> None:
    asked.post(mail("My own screen is dead.\n#urgent", sender=TINA.address, name="Tina", subject="Screen"))
    assert asked.ticket(2).requester == TINA.address
