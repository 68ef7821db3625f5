"""What if two technicians answer at once? Raw mails in, raw letters out: both are told, and nobody's words are lost.

At once means: the second one answered a letter of ours that is older than his colleague's answer, which he cannot have seen.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from mailgate.desk.model import Address, Directory
from mailgate.desk.policy import Collision, Policy
from mailgate.flow import operate
from tests.kit.office import PEOPLE, TINA, TOM, Letter, Office, mail, reply, with_file

ANN = Address("ann@out.example")
HOLD = Policy(collision=Collision.HOLD)


@pytest.fixture
def asked(office: Office) -> Office:
    """Ann asks; Tina and Tom are both told of it."""
    return asks(office)


@pytest.fixture
def holding(open_office: Callable[..., Office]) -> Office:
    """The same, at a desk that holds the second answer back."""
    return asks(open_office(policy=HOLD))


def asks(office: Office) -> Office:
    office.post(mail("The printer is dead."))
    office.letters()
    return office


def letters_to(office: Office) -> dict[str, Letter]:
    return {letter.to: letter for letter in office.letters() if letter.name != "acknowledgement"}


def cross(office: Office, first: str, second: str) -> dict[str, Letter]:
    """Tina answers her letter, and half an hour later Tom answers his, which is as old; the letters that follow from Tom's."""
    tina, tom = (office.last("new_ticket", one.address) for one in (TINA, TOM))
    office.later(minutes=5)
    office.post(reply(tina, first, name="Tina Turner"))
    office.letters()
    office.later(minutes=30)
    office.post(reply(tom, second, name="Tom Thumb"))
    return letters_to(office)


# ------------------------------------------------------------------------------------------------- both answers go out


def test_both_answers_go_out_and_both_technicians_are_told_of_the_other_one(either_office: Office) -> None:
    asks(either_office)
    told = cross(either_office, "Is it plugged in?", "Please restart it.")
    assert {(one.name, one.to) for one in told.values()} == {("reply", ANN), ("receipt", TOM.address), ("collision", TINA.address)}
    assert "Your answers crossed" in told[TOM.address].html
    assert "> Is it plugged in?" in told[TOM.address].text
    assert "Tom Thumb has answered ann@out.example as well" in " ".join(told[TINA.address].text.split())
    assert "> Please restart it." in told[TINA.address].text
    assert [one.text for one in either_office.story().messages if one.direction == "out"] == ["Is it plugged in?", "Please restart it."]


def test_whoever_answers_a_letter_that_is_newer_than_his_colleagues_answer_has_seen_it(asked: Office) -> None:
    old = asked.last("new_ticket", TOM.address)
    asked.later(minutes=5)
    asked.post(reply(asked.last("new_ticket", TINA.address), "Is it plugged in?"))
    asked.later(minutes=5)
    asked.post(reply(asked.last("new_ticket", TINA.address), f"#assign {TOM.address}"))
    asked.letters()
    asked.later(minutes=5)
    asked.post(reply(asked.last("assigned", TOM.address), "And switched on?"))
    assert [(one.name, one.to) for one in asked.letters()] == [("reply", ANN)]
    # With his own answer he has seen what went before it, whichever letter he answers later.
    asked.post(reply(old, "It has a switch behind."))
    assert [(one.name, one.to) for one in asked.letters()] == [("reply", ANN)]


def test_who_was_told_once_is_not_told_of_the_same_answer_again(asked: Office) -> None:
    cross(asked, "Is it plugged in?", "Please restart it.")
    asked.later(minutes=5)
    asked.post(reply(asked.last("new_ticket", TOM.address), "And wait a minute."))
    assert [(one.name, one.to) for one in asked.letters()] == [("reply", ANN)]


def test_a_note_a_change_of_fields_and_taking_the_ticket_cross_nothing(asked: Office) -> None:
    for words in ("#note I know this one.", "#priority P2", "#take"):
        told = cross(asked, "Is it plugged in?", words)
        assert TINA.address not in told
        assert all("plugged" not in one.text for one in told.values())


def test_a_relay_that_gives_our_letters_other_ids_leaves_the_newest_letter_to_go_by(asked: Office) -> None:
    tom = asked.last("new_ticket", TOM.address)
    asked.later(minutes=5)
    asked.post(reply(asked.last("new_ticket", TINA.address), "Is it plugged in?"))
    asked.letters()
    asked.post(mail("Please restart it.", sender=TOM.address, to=tom.reply_to, subject="Re: Printer"))
    assert {(one.name, one.to) for one in asked.letters()} == {("reply", ANN), ("receipt", TOM.address), ("collision", TINA.address)}


# ------------------------------------------------------------------------------------------------------ commands that cross


def test_one_resolves_what_the_other_asks_about_and_both_receipts_are_true(asked: Office) -> None:
    told = cross(asked, "#resolve New toner.", "#pending Which floor?")
    assert asked.ticket().status == "Waiting for Closure"
    receipt = told[TOM.address]
    assert "Nothing was done" in receipt.html
    assert "not possible in the present status" in receipt.text
    assert "Tina Turner had answered meanwhile:" in receipt.text
    assert "> New toner." in receipt.text
    assert set(told) == {TOM.address}


def test_one_asks_and_the_other_solves_and_both_receipts_are_true(asked: Office) -> None:
    told = cross(asked, "#pending Which floor?", "#resolve New toner.")
    assert asked.ticket().status == "Waiting for Closure"
    assert {(one.name, one.to) for one in told.values()} == {("resolved", ANN), ("receipt", TOM.address), ("collision", TINA.address)}
    assert "Done" in told[TOM.address].html
    assert "> Which floor?" in told[TOM.address].text
    assert "> New toner." in told[TINA.address].text


# ------------------------------------------------------------------------------------------------------- the second waits


def test_the_second_answer_is_held_back_and_goes_out_by_one_tap(holding: Office) -> None:
    told = cross(holding, "Is it plugged in?", "#resolve It was unplugged.")
    assert set(told) == {TOM.address}
    assert "Your answer is held back" in told[TOM.address].html
    assert "> Is it plugged in?" in told[TOM.address].text
    assert holding.ticket().status == "Responded"
    note = holding.story().messages[-1]
    assert (note.visibility, note.note, note.text) == ("internal", "held", "#resolve It was unplugged.")

    row = holding.post(mail("", sender=TOM.address, name="Tom Thumb", to=told[TOM.address].tap("send"), subject="send"))
    assert (holding.ticket().status, holding.ticket().resolution) == ("Waiting for Closure", "It was unplugged.")
    told = letters_to(holding)
    assert {(one.name, one.to) for one in told.values()} == {("resolved", ANN), ("receipt", TOM.address), ("collision", TINA.address)}
    assert [one.verb for one in holding.story().events] == ["open", "reply", "held", "send", "resolve"]
    assert row.state == "done"


def test_what_is_sent_after_all_brings_its_files_and_is_sent_once(holding: Office) -> None:
    tom = holding.last("new_ticket", TOM.address)
    holding.later(minutes=5)
    holding.post(reply(holding.last("new_ticket", TINA.address), "Is it plugged in?"))
    holding.later(minutes=5)
    holding.post(with_file(reply(tom, "This is the cable.", quote=False), "cable.jpg", b"jpeg"))
    receipt = holding.last("receipt", TOM.address)
    holding.letters()
    for _ in range(2):
        holding.post(reply(receipt, "#send", name="Tom Thumb"))
    replies = [one for one in holding.letters() if one.name == "reply"]
    assert [(one.to, one.files) for one in replies] == [(ANN, {"cable.jpg": b"jpeg"})]
    assert "No answer of yours is held back here." in holding.last("receipt", TOM.address).text


def test_who_thinks_better_of_it_writes_anew_and_what_was_held_stays_a_note(holding: Office) -> None:
    cross(holding, "Is it plugged in?", "Please restart it.")
    holding.post(reply(holding.last("receipt", TOM.address), "Tina is right: look at the plug."))
    assert [(one.name, one.to) for one in holding.letters()] == [("reply", ANN)]
    assert all("restart" not in one.text for one in holding.everything_sent() if one.to == ANN)


def test_a_held_answer_is_sent_from_the_shell_too(holding: Office) -> None:
    cross(holding, "Is it plugged in?", "Please restart it.")
    operate.order(holding.store, holding.house, holding.ticket().id, "#send", TOM.address, holding.now)
    holding.work()
    assert "Please restart it." in holding.last("reply", ANN).text


# ---------------------------------------------------------------------------------------------------------------- German


def test_german_technicians_are_told_in_german(open_office: Callable[..., Office]) -> None:
    people = Directory(tuple(replace(one, language="de") for one in PEOPLE.people), PEOPLE.teams)
    told = cross(asks(open_office(people=people)), "Ist er eingesteckt?", "Bitte neu starten.")
    assert "Zwei Antworten haben sich gekreuzt" in told[TOM.address].html
    assert "Tina Turner hat zuerst geantwortet" in told[TOM.address].html
    assert "Tom Thumb hat ann@out.example auch geantwortet" in " ".join(told[TINA.address].text.split())
    office = asks(open_office(people=people, policy=HOLD))
    held = cross(office, "Ist er eingesteckt?", "Bitte neu starten.")[TOM.address]
    assert "Doch abschicken" in held.html
    office.post(reply(held, "#senden"))
    assert "Bitte neu starten." in office.last("reply", ANN).text
