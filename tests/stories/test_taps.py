"""What can a technician do with one finger? His letters bear a button for each verb that leads on from the ticket's present status."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from msgspec.structs import replace

from mailgate.desk import tokens
from mailgate.desk.model import Address, Directory, Status, Team, TicketId
from mailgate.desk.plans import Category
from mailgate.desk.tokens import Keyring
from mailgate.desk.workflow import Grammar, follows, worth_a_tap
from mailgate.flow import operate
from tests.kit.office import DESK, PEOPLE, TINA, TOM, Letter, Office, aligned, mail, reply
from tests.stories.conftest import GUARDED

ANN = Address("ann@out.example")


def offered(letter: Letter) -> list[str]:
    """The verbs of a letter's buttons, in their order; the same in text and HTML."""
    verbs = re.findall(r"mailto:desk\+([a-z]+)\.", letter.html)
    assert verbs == re.findall(r"mailto:desk\+([a-z]+)\.", letter.text)
    return verbs


def tapped(office: Office, letter: Letter, verb: str, text: str = "") -> None:
    office.post(mail(text, sender=letter.to, name="Tina Turner", to=letter.tap(verb), subject=verb))


@pytest.fixture
def announced(office: Office) -> Letter:
    """Tina's letter about Ann's request, which nobody has yet."""
    office.post(mail("The printer is dead."))
    return office.last("new_ticket", TINA.address)


# What is offered on the letter that tells of Ann's words, by the status of the ticket then, on Tina's own ticket and on somebody else's.
BUTTONS = {
    Status.NEW: (["start", "resolve", "pending", "note", "close"], ["take", "resolve", "pending", "note", "close"]),
    Status.RESPONDED: (["start", "resolve", "pending", "note", "close"], ["take", "resolve", "pending", "note", "close"]),
    Status.AWAITING_APPROVAL: (["note", "close"], ["take", "note", "close"]),
    Status.ANALYSIS: (["resolve", "pending", "note", "close"], ["take", "resolve", "pending", "note", "close"]),
    Status.ESCALATED: (["start", "resolve", "pending", "note", "close"], ["take", "resolve", "pending", "note", "close"]),
    Status.PENDING: (["resume", "resolve", "note", "close"], ["take", "resume", "resolve", "note", "close"]),
    Status.WAITING_FOR_CLOSURE: (["note", "close", "reopen"], ["take", "note", "close", "reopen"]),
    Status.RESOLVED_BY_EVENT: (["note", "close", "reopen"], ["take", "note", "close", "reopen"]),
    Status.RESOLVED_BY_ORIGIN: (["note", "close", "reopen"], ["take", "note", "close", "reopen"]),
}


@pytest.mark.parametrize("status", Status)
def test_what_is_offered_leads_on_and_is_allowed(status: Status) -> None:
    own, others = BUTTONS.get(status, (["note"], ["note"]))
    assert (list(worth_a_tap(status, his=True)), list(worth_a_tap(status, his=False))) == (own, others)
    assert all(follows(Grammar.TECHNICIAN, verb, status)[0] for verb in (*own, *others))


def test_a_new_ticket_is_taken_and_one_that_is_assigned_is_begun(office: Office, announced: Letter) -> None:
    assert offered(announced) == ["take", "resolve", "pending", "note", "close"]
    tapped(office, announced, "take")
    assert (office.ticket().status, office.ticket().assignee) == ("Analysis", TINA.address)
    office.post(reply(announced, f"#assign {TOM.address}"))
    assert offered(office.last("assigned", TOM.address)) == ["resolve", "pending", "note", "close"]


def test_every_button_does_what_it_says(office: Office, announced: Letter) -> None:
    tapped(office, announced, "pending", "Which floor?")
    assert (office.ticket().status, office.ticket().assignee) == ("Pending", TINA.address)
    assert "Which floor?" in office.last("question", ANN).text
    tapped(office, announced, "resume")
    assert office.ticket().status == "Analysis"
    tapped(office, announced, "note", "It is the old one.")
    assert (office.story().messages[-1].text, office.story().messages[-1].visibility) == ("It is the old one.", "internal")
    tapped(office, announced, "resolve", "A new toner.")
    assert (office.ticket().status, office.ticket().resolution) == ("Waiting for Closure", "A new toner.")
    tapped(office, announced, "reopen")
    tapped(office, announced, "close")
    assert office.ticket().status == "Completed"


@pytest.mark.parametrize("verb", ["resolve", "pending", "note"])
def test_an_empty_mail_for_a_verb_that_needs_words_is_refused_with_a_line_that_works(office: Office, announced: Letter, verb: str) -> None:
    office.letters()
    tapped(office, announced, verb)
    (receipt,) = office.letters()
    assert (receipt.name, receipt.to) == ("receipt", TINA.address)
    assert "Something must follow this command." in receipt.text
    assert f"This works: #{verb} " in receipt.text
    assert office.ticket().status == "New"


def test_when_the_requester_writes_the_buttons_follow_the_status(office: Office, announced: Letter) -> None:
    office.post(reply(announced, "#pending Which floor?", name="Tina"))
    office.post(reply(office.last("question"), "Thanks!"))
    assert offered(office.last("requester_replied")) == ["resume", "resolve", "note", "close"]
    office.post(reply(office.last("question"), "The third."))
    assert offered(office.last("requester_replied")) == ["resolve", "pending", "note", "close"]


def test_type_and_service_and_a_call_are_told_where_they_say_something(office: Office, announced: Letter) -> None:
    assert "Type" not in announced.text
    office.change(policy=replace(office.policy, categories=(Category("Access/VPN", service="Network", type="request"),)))
    operate.open_by_phone(office.store, office.house, "Service Desk", ANN, "Ann", "VPN", "I need VPN.", office.now)
    text = " ".join(office.last("new_ticket", TINA.address).text.split())
    assert "Service: Network Type: request Came by: telephone" in text
    german = Directory(tuple(replace(one, language="de") for one in PEOPLE.people), PEOPLE.teams)
    office.change(people=german)
    operate.open_by_phone(office.store, office.house, "Service Desk", ANN, "Ann", "VPN", "I need VPN.", office.now)
    letter = office.last("new_ticket", TINA.address)
    assert "Service: Network Art: request Kam per: Telefon" in " ".join(letter.text.split())
    assert "Übernehmen" in unescape(letter.html)
    assert "Rückfrage …" in unescape(letter.html)


# -------------------------------------------------------------------------------------------------------------- escalation


@pytest.mark.parametrize(("language", "words"), [
    ("en", "We have passed your request MG-1 on to specialists"),
    ("de", "wir haben Ihre Anfrage MG-1 an Spezialisten weitergegeben"),
])  # fmt: skip
def test_a_request_climbs_from_level_to_level_and_its_requester_hears_each_time(
    open_office: Callable[..., Office], language: str, words: str
) -> None:
    levels = (Team("first", 1), Team("second", 2), Team("third", 3))
    people = [replace(one, team=team, language=language) for one, team in ((TINA, "first"), (TOM, "second"))]
    eva = replace(TINA, address=Address("eva@desk.example"), name="Eva Expert", team="third", language=language)
    office = open_office(people=Directory((*people, eva), levels), desk=replace(Office.desk, language=language))
    office.post(mail("The printer is dead."))
    office.letters()
    above = [(TINA, TOM.address, "second"), (TOM, eva.address, "third")]
    for person, next_one, team in above:
        office.post(reply(office.last("new_ticket", person.address), "#escalate", name=person.name))
        told = {(one.name, one.to): one for one in office.letters()}
        assert set(told) == {("escalated", ANN), ("new_ticket", next_one), ("receipt", person.address)}
        assert words in " ".join(told["escalated", ANN].text.split())
        assert "printer is dead" in told["new_ticket", next_one].text
        assert (office.ticket().status, office.ticket().team, office.ticket().assignee) == ("Escalated", team, None)
    # Above the last level there is nobody: the receipt says so, and names a team that there is.
    office.post(reply(office.last("new_ticket", eva.address), "#escalate", name="Eva"))
    assert [(one.name, one.to) for one in office.letters()] == [("receipt", eva.address)]
    assert "#escalate " in office.last("receipt").text


# ------------------------------------------------------------------------------------------------ somebody else's button


@pytest.mark.parametrize("verb", ["note", "resolve", "pending", "kb"])
def test_a_colleagues_button_does_nothing_and_what_was_written_to_it_goes_to_nobody(office: Office, announced: Letter, verb: str) -> None:
    # Tom presses a button of Tina's letter, which she forwarded to him; that he is Tom his own letter proves.
    his = office.last("new_ticket", TOM.address)
    office.letters()
    ids = f"In-Reply-To: {his['Message-ID']}\nReferences: {his['References']}"
    office.post(mail("He forgot to switch it on again.", sender=TOM.address, name="Tom", to=announced.tap(verb), headers=ids))
    (letter,) = office.letters()
    assert (letter.name, letter.to) == ("receipt", TOM.address)
    assert f"#{verb}" in letter.text
    assert "made for somebody else" in " ".join(letter.text.split())
    assert office.story().messages[-1].visibility == "internal"
    assert office.ticket().status is Status.NEW


def test_a_button_that_was_signed_with_a_lost_key_does_nothing_as_well(open_office: Callable[..., Office]) -> None:
    office = open_office(security=GUARDED)
    office.post(aligned(mail("The printer is dead.")))
    old = office.last("new_ticket", TINA.address).tap("note")
    office.change(keyring=Keyring((b"n" * 32,)))
    office.letters()
    office.post(
        aligned(mail("He forgot to switch it on.", sender=TINA.address, name="Tina", to=old, subject="[MG-1] note"), "desk.example")
    )
    (letter,) = office.letters()
    assert (letter.name, letter.to) == ("receipt", TINA.address)


def test_without_sub_addresses_a_colleagues_button_does_nothing_either(open_office: Callable[..., Office]) -> None:
    office = open_office(desk=replace(DESK, subaddress=""), security=GUARDED)
    office.post(aligned(mail("The printer is dead.")))
    mark = tokens.mark(office.keyring, "note", TicketId(1), TINA.address)
    office.letters()
    office.post(aligned(mail("He forgot to switch it on.", sender=TOM.address, name="Tom", subject=mark), "desk.example"))
    (letter,) = office.letters()
    assert (letter.name, letter.to) == ("receipt", TOM.address)


def test_a_requesters_answer_to_somebody_elses_button_is_an_answer(office: Office, announced: Letter) -> None:
    office.post(mail("It still smokes.", to=announced.tap("close"), headers=f"In-Reply-To: {office.last('acknowledgement')['Message-ID']}"))
    assert (office.story().messages[-1].text, office.ticket().status) == ("It still smokes.", Status.NEW)
