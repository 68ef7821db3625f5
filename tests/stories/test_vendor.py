"""How does somebody outside help with a ticket? He is asked, he answers, and learns no more than the technician lets him.

The requester hears that his request was passed on, and not to whom. What the vendor answers stays among technicians.
"""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mailgate.desk.model import Address, Directory
from tests.kit.office import PEOPLE, TINA, TOM, Letter, Office, delivery_report, mail, reply, with_header

ANN, EVA = Address("ann.private@out.example"), Address("eva@out.example")
VENDOR = Address("support@printers.example")
CANARY = "CANARY-4711"


@pytest.fixture
def asked(either_office: Office) -> Office:
    """Ann's request, with Eva in copy, taken by Tina, with a note of hers."""
    office = either_office
    office.post(mail("The printer is dead.", sender=ANN, name="Ann Private", cc=EVA))
    office.post(reply(office.last("acknowledgement"), "It is the big one.", name="Ann Private", quote=False))
    tina(office, f"#take\n#note She is always like this. {CANARY}")
    tina(office, "We look after it.")
    office.letters()
    return office


def tina(office: Office, text: str) -> None:
    office.post(reply(office.last("new_ticket", TINA.address), text, name="Tina Turner", quote=False))


def told(office: Office) -> dict[tuple[str, str], Letter]:
    return {(one.name, one.to): one for one in office.letters()}


def test_a_vendor_is_asked_with_the_public_story_and_the_requester_hears_that_it_was_passed_on(asked: Office) -> None:
    before = asked.ticket()
    tina(asked, f"#escalate {VENDOR} Which drum fits the P-3?")
    letters = told(asked)
    assert set(letters) == {("vendor", VENDOR), ("escalated", ANN), ("receipt", TINA.address)}
    asks = letters["vendor", VENDOR]
    for part in (asks.text, asks.html):
        for words in ("Which drum fits the P-3?", "The printer is dead.", "It is the big one.", "We look after it.", "Tina Turner"):
            assert words in part
    assert "The requester, 2 March 2026" in asks.text
    assert asks["From"].startswith('"Tina Turner (Service Desk)"')
    after = asked.ticket()
    assert (after.status, after.assignee, after.team) == ("Escalated", before.assignee, before.team)
    passed_on = letters["escalated", ANN]
    assert "a partner outside our house" in " ".join(passed_on.text.split())
    assert "printers.example" not in passed_on.octets.decode()


def test_neither_notes_nor_anybodys_address_reach_the_vendor(asked: Office) -> None:
    tina(asked, f"#escalate {VENDOR} Which drum fits?")
    asks = asked.last("vendor")
    whole = asks.octets.decode() + asks.text + asks.html
    for secret in (CANARY, ANN, EVA, "Ann Private", TINA.address):
        assert secret not in whole


def test_his_answer_reaches_the_technician_and_nobody_else(asked: Office) -> None:
    tina(asked, f"#escalate {VENDOR} Which drum?")
    asks = asked.last("vendor")
    asked.letters()
    asked.post(reply(asks, "#resolve\nThe DR-7 fits.", name="Printer Support", cc="boss@printers.example"))
    letters = told(asked)
    assert set(letters) == {("requester_replied", TINA.address)}
    assert "The DR-7 fits." in letters["requester_replied", TINA.address].text
    assert "has answered from outside" in letters["requester_replied", TINA.address].html
    ticket = asked.ticket()
    assert ticket.status == "Escalated"
    assert {one.role for one in ticket.participants if one.address.endswith("printers.example")} == {"vendor"}
    said = asked.story().messages[-1]
    assert (said.visibility, said.unverified, said.strength) == ("internal", False, "token")
    # Neither the answer to the requester nor the vendor's own words go the other way.
    tina(asked, "A new drum comes tomorrow.")
    assert {to for _, to in told(asked)} == {ANN}


def test_he_is_asked_again_and_the_requester_is_not_told_twice(asked: Office) -> None:
    tina(asked, f"#escalate {VENDOR} Which drum?")
    asked.post(reply(asked.last("vendor"), "The DR-7 fits.", quote=False))
    asked.letters()
    tina(asked, f"#escalate {VENDOR} And which toner?")
    letters = told(asked)
    assert set(letters) == {("vendor", VENDOR), ("receipt", TINA.address)}
    assert "And which toner?" in letters["vendor", VENDOR].text


def test_his_machines_acknowledgement_is_a_hidden_note_and_answers_nobody(asked: Office) -> None:
    tina(asked, f"#escalate {VENDOR} Which drum?")
    asked.letters()
    asked.post(with_header(reply(asked.last("vendor"), "Case 17 was opened."), "Auto-Submitted: auto-replied"))
    assert asked.letters() == []
    assert asked.story().messages[-1].visibility == "hidden"


def test_somebody_who_only_claims_to_be_the_vendor_is_marked_so(asked: Office) -> None:
    tina(asked, f"#escalate {VENDOR} Which drum?")
    asked.letters()
    asked.post(mail("Send it to us.", sender=VENDOR, subject="[MG-1] Printer"))
    (letter,) = asked.letters()
    assert (letter.name, letter.to) == ("requester_replied", TINA.address)
    assert "Nothing proves that this mail really comes from" in " ".join(letter.text.replace("! ", "").split())
    assert asked.story().messages[-1].unverified


def test_he_may_still_answer_when_the_ticket_is_closed_and_opens_no_new_one(asked: Office) -> None:
    tina(asked, f"#escalate {VENDOR} Which drum?")
    tina(asked, "#close")
    asked.letters()
    asked.post(reply(asked.last("vendor"), "The DR-7 fits."))
    assert [(one.name, one.to) for one in asked.letters()] == [("requester_replied", TINA.address)]
    assert (asked.count(), asked.ticket().status) == (1, "Completed")


def test_he_is_let_go_again(asked: Office) -> None:
    tina(asked, f"#escalate {VENDOR} Which drum?")
    tina(asked, f"#cc remove {VENDOR}")
    assert [one.address for one in asked.ticket().participants if one.role == "vendor"] == []


def test_a_letter_that_does_not_reach_him_is_told_to_the_technician(asked: Office) -> None:
    tina(asked, f"#escalate {VENDOR} Which drum?")
    asked.letters()
    report = delivery_report(asked.last("vendor"))
    asked.post(report, sender=None, to=[asked.bounce_address(asked.last("vendor"))])
    assert [(one.name, one.to) for one in asked.letters()] == [("undeliverable", TINA.address)]


def test_of_a_confidential_ticket_only_the_words_for_it_travel(asked: Office) -> None:
    tina(asked, f"#confidential\n#escalate {VENDOR}")
    assert "Something must follow this command." in asked.last("receipt").text
    assert asked.ticket().status != "Escalated"
    tina(asked, f"#confidential\n#escalate {VENDOR} Which drum fits the P-3?")
    asks = asked.last("vendor")
    assert "Which drum fits the P-3?" in asks.text
    assert "dead" not in asks.octets.decode() + asks.text + asks.html


@pytest.mark.parametrize(("to", "instead"), [
    (TOM.address, f"#assign {TOM.address}"),
    (ANN, "#escalate vendor@example.com What can this be?"),
    ("desk@desk.example", "#escalate vendor@example.com What can this be?"),
    ("nobody@", "#escalate vendor@example.com What can this be?"),
])  # fmt: skip
def test_who_is_no_vendor_is_not_asked_as_one(asked: Office, to: str, instead: str) -> None:
    tina(asked, f"#escalate {to} Help!")
    letters = told(asked)
    assert set(letters) == {("receipt", TINA.address)}
    assert instead in letters["receipt", TINA.address].text


def test_a_german_desk_asks_in_german(asked: Office) -> None:
    asked.desk = replace(asked.desk, language="de")
    asked.people = Directory(tuple(replace(one, language="de") for one in PEOPLE.people), PEOPLE.teams)
    asked.rebuild()
    tina(asked, f"#escalate {VENDOR} Welche Trommel passt?")
    asks, passed_on = asked.last("vendor"), asked.last("escalated")
    assert "Der Anfragende, 2. März 2026" in asks.text
    assert "Welche Trommel passt?" in asks.text
    assert "an einen Partner außerhalb unseres Hauses" in " ".join(passed_on.text.split())
    asked.post(reply(asks, "Die DR-7.", quote=False))
    assert "hat von außen geantwortet" in asked.last("requester_replied").text


def test_whoever_helps_with_a_duplicate_helps_with_the_ticket_that_goes_on(asked: Office) -> None:
    tina(asked, f"#escalate {VENDOR} What can it be?")
    asked.post(mail("The printer again.", sender="bob@out.example", name="Bob"))
    letter = asked.last("vendor")
    asked.merge(1, into=2)
    asked.letters()
    asked.post(reply(letter, "A worn roller.", name="Printers Ltd"))
    assert asked.count() == 2
    assert {one.to for one in asked.letters()} <= {TINA.address, TOM.address}
    assert [one.visibility for one in asked.story(2).messages if "worn roller" in one.text] == ["internal"]
