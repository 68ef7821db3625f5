"""Who is in a conversation, who has confirmed him, what does each hear, and what can somebody learn who only put himself there?"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from msgspec.structs import replace

from mailgate.desk.model import Address, Directory, Organisation, Person
from mailgate.desk.policy import CcConfirm, Policy
from mailgate.store import people
from tests.kit.office import DESK, PEOPLE, TINA, TOM, Letter, Office, aligned, mail, reply, with_file

ANN, BOB, CAROL, EVE = "ann@out.example", "bob@out.example", "carol@else.example", "eve@evil.example"
WORKERS = {TINA.address, TOM.address}
HOME = "desk.example"


def opened(office: Office, cc: str = BOB, text: str = "The printer is dead.", **parts: str) -> None:
    """A ticket of Ann's whose border vouches for her."""
    office.post(aligned(mail(text, cc=cc, **parts)))


def tina(office: Office, text: str, letter: Letter | None = None, **parts: str) -> None:
    """What Tina answers to the letter that announced the ticket."""
    told = letter or office.last("new_ticket", TINA.address)
    office.post(aligned(reply(told, text, name="Tina Turner", **parts), HOME))


def heard(office: Office) -> dict[str, set[str]]:
    """To whom each letter went since this was asked last."""
    letters = office.letters()
    return {name: {one.to for one in letters if one.name == name} for name in {one.name for one in letters}}


def copied(office: Office) -> dict[str, bool]:
    """Who is in copy, and whether he is confirmed."""
    return {one.address: one.confirmed for one in office.ticket().participants if one.role == "cc"}


def company(letter: Letter) -> str:
    """The line that says who else is in the conversation."""
    found = re.search(r"(?s)(?:In this conversation|In diesem Gespräch): (.*?)(?:\nYou are|\nSie stehen|\n*$)", letter.text)
    return " ".join(found[1].split()) if found else ""


# ---------------------------------------------------------------------------------------------------- who is confirmed


@pytest.mark.parametrize(("proof", "confirm", "confirmed"), [
    (True, CcConfirm.PARTICIPANT, True), (True, CcConfirm.TECHNICIAN, False), (False, CcConfirm.PARTICIPANT, False),
])  # fmt: skip
def test_whom_a_proven_requester_names_is_confirmed_unless_policy_asks_a_technician(
    guarded: Office, proof: bool, confirm: CcConfirm, confirmed: bool
) -> None:
    guarded.change(policy=Policy(cc_confirm=confirm))
    raw = mail("The printer is dead.", cc=BOB)
    guarded.post(aligned(raw) if proof else raw)
    heard(guarded)
    tina(guarded, "Have you tried another cable?")
    assert copied(guarded) == {BOB: confirmed}
    assert heard(guarded) == {"reply": {ANN, BOB} if confirmed else {ANN}}


def test_a_confirmed_colleague_hears_answers_and_the_end_and_no_more(guarded: Office) -> None:
    opened(guarded)
    assert heard(guarded) == {"acknowledgement": {ANN}, "new_ticket": WORKERS}
    for command, to in (("One moment.", {"reply": {ANN, BOB}}), ("#pending Which cable?", {"question": {ANN}, "receipt": {TINA.address}})):
        tina(guarded, command)
        assert heard(guarded) == to
    tina(guarded, "#resolve A new cable.")
    assert heard(guarded) == {"resolved": {ANN, BOB}, "receipt": {TINA.address}}
    guarded.post(aligned(reply(guarded.last("resolved", ANN), "accept")))
    assert heard(guarded)["closed"] == {ANN, BOB}


def test_whom_a_confirmed_colleague_names_is_confirmed_and_whom_anybody_else_names_is_not(guarded: Office) -> None:
    opened(guarded)
    tina(guarded, "We look into it.")
    letter = guarded.last("reply", BOB)
    guarded.post(mail("Me too!", sender=BOB, subject="[MG-1]", cc=EVE))
    assert copied(guarded) == {BOB: True, EVE: False}
    guarded.post(aligned(reply(letter, "Carol has it as well.", name="Bob", cc=CAROL)))
    assert copied(guarded) == {BOB: True, CAROL: True, EVE: False}
    guarded.post(aligned(mail("And my friend.", sender=EVE, subject="[MG-1]", cc="mallory@evil.example"), "evil.example"))
    assert copied(guarded) == {BOB: True, CAROL: True, EVE: False}


@pytest.mark.parametrize("how", ["the requester's word", "a technician's command", "one tap", "a reply to all"])
def test_somebody_unconfirmed_is_confirmed_by(guarded: Office, how: str) -> None:
    guarded.post(mail("The printer is dead.", cc=BOB))
    told = guarded.last("new_ticket", TINA.address)
    assert BOB in told.text
    assert BOB in told.html
    match how:
        case "the requester's word":
            guarded.post(aligned(reply(guarded.last("acknowledgement"), f"cc add {BOB}")))
        case "a technician's command":
            tina(guarded, f"#cc add {BOB}")
        case "one tap":
            (tap,) = re.findall(r"<mailto:(desk\+cc[^?]+)\?subject=cc&body=add%20bob%40out\.example>", told.text)
            guarded.post(aligned(mail(f"add {BOB}", sender=TINA.address, name="Tina", to=tap, subject="cc"), HOME), to=[tap])
        case _:
            tina(guarded, "We look into it.", cc=f"Bob <{BOB}>")
    assert copied(guarded) == {BOB: True}
    guarded.letters()
    tina(guarded, "It works again.")
    assert heard(guarded)["reply"] == {ANN, BOB}


def test_whom_a_technician_copies_into_his_answer_hears_what_comes_after(guarded: Office) -> None:
    """He has the technician's own mail; the desk sends him none of the same words."""
    opened(guarded, cc="")
    heard(guarded)
    tina(guarded, "Carol, can you help Ann?", cc=CAROL)
    assert heard(guarded) == {"reply": {ANN}}
    tina(guarded, "Thank you, Carol.")
    assert heard(guarded) == {"reply": {ANN, CAROL}}


# ---------------------------------------------------------------------------------------------------- one letter each


def test_each_person_gets_one_letter_whatever_addresses_of_his_are_in_copy(open_office: Callable[..., Office]) -> None:
    ann = Person(Address(ANN), "Ann Other", aliases=(Address("a.other@home.example"),))
    bob = Person(Address(BOB), "Bob Copied", aliases=(Address("bob@home.example"), Address("b@home.example")))
    office = open_office(people=replace(PEOPLE, people=(*PEOPLE.people, ann, bob)))
    office.post(aligned(mail("Dead.")))
    office.post(
        reply(office.last("acknowledgement"), "For all of us.", cc=f"b@home.example, {BOB}, BOB@Home.example, a.other@home.example")
    )
    assert copied(office) == {BOB: True}
    heard(office)
    tina(office, "We look into it.")
    assert [(one.name, one.to) for one in office.letters()] == [("reply", ANN), ("reply", BOB)]


def test_two_addresses_that_turn_out_to_be_one_persons_get_one_letter(guarded: Office) -> None:
    """They were put down before anybody knew that; who muted by one of them is muted."""
    opened(guarded, cc=f"{BOB}, bob@home.example, {CAROL}")
    bob = Person(Address(BOB), "Bob Copied", aliases=(Address("bob@home.example"), Address(CAROL)))
    guarded.change(people=replace(PEOPLE, people=(*PEOPLE.people, bob)))
    heard(guarded)
    tina(guarded, "We look into it.")
    assert [(one.name, one.to) for one in guarded.letters()] == [("reply", ANN), ("reply", BOB)]
    guarded.post(aligned(reply(guarded.last("reply", BOB), "mute", name="Bob")))
    guarded.letters()
    tina(guarded, "It works.")
    assert heard(guarded) == {"reply": {ANN}}


def test_a_technician_in_copy_hears_as_a_technician_and_once(guarded: Office) -> None:
    opened(guarded, cc=f"{TINA.address}, {BOB}")
    assert heard(guarded) == {"acknowledgement": {ANN}, "new_ticket": WORKERS}
    assert copied(guarded) == {BOB: True}


# ---------------------------------------------------------------------------------------------------- who else is here


def test_each_is_told_who_else_is_in_the_conversation(guarded: Office) -> None:
    opened(guarded, cc=f"{BOB}, {CAROL}")
    assert company(guarded.last("acknowledgement")) == f"{BOB}, {CAROL}"
    tina(guarded, "We look into it.")
    guarded.post(aligned(reply(guarded.last("reply", BOB), "Thank you.", name="Bob Copied")))
    tina(guarded, "It works again.")
    assert company(guarded.last("reply", ANN)) == f"Bob Copied ({BOB}), {CAROL}"
    assert company(guarded.last("reply", BOB)) == f"Ann Other ({ANN}), {CAROL}"
    assert company(guarded.last("reply", CAROL)) == f"Ann Other ({ANN}), Bob Copied ({BOB})"
    assert f"In this conversation: Ann Other ({ANN})" in guarded.last("reply", BOB).html


def test_who_is_alone_with_the_desk_is_told_of_nobody(guarded: Office) -> None:
    opened(guarded, cc="")
    tina(guarded, "We look into it.")
    for letter in guarded.letters():
        assert "In this conversation" not in letter.text + letter.html


def test_neither_technicians_nor_the_muted_nor_the_unconfirmed_are_named_outside(guarded: Office) -> None:
    opened(guarded, cc=f"{BOB}, {CAROL}")
    guarded.post(mail("Me too!", subject="[MG-1]", cc=EVE))
    tina(guarded, "We look into it.")
    guarded.post(aligned(reply(guarded.last("reply", CAROL), "mute", name="Carol"), "else.example"))
    guarded.letters()
    tina(guarded, "It works again.")
    letters = [one for one in guarded.letters() if one.to not in WORKERS]
    assert {one.to: company(one) for one in letters} == {ANN: BOB, BOB: f"Ann Other ({ANN})"}
    for letter in letters:
        for private in (TINA.address, TOM.address, EVE):
            assert private not in letter.octets.decode()


def test_technicians_see_who_is_in_copy_and_who_is_not_confirmed(guarded: Office) -> None:
    opened(guarded)
    guarded.post(mail("Me too!", subject="[MG-1]", cc=EVE))
    told = guarded.last("requester_replied", TINA.address)
    assert f"In copy:      {BOB}" in told.text
    assert "nobody who is proven has named them" in told.text
    assert EVE in told.text
    assert "Ann Other <ann@out.example>" in told.text


def test_a_technician_whom_somebody_put_in_copy_is_named_without_his_address(guarded: Office) -> None:
    opened(guarded)
    lent = replace(PEOPLE, people=tuple(one for one in PEOPLE.people if one != TOM))
    guarded.change(people=lent)
    tina(guarded, f"#cc add {TOM.address}")
    guarded.change(people=PEOPLE)
    tina(guarded, "Tom knows such printers.")
    assert company(guarded.last("reply", ANN)) == f"{BOB}, Tom Thumb"


# ------------------------------------------------------------------------------------------------------------- silence


@pytest.mark.parametrize(("word", "back"), [("mute", "mute off"), ("Stumm.", "#mute off"), ("#mute", "#stumm off")])
def test_somebody_in_copy_may_be_left_alone_and_come_back(guarded: Office, word: str, back: str) -> None:
    opened(guarded)
    tina(guarded, "We look into it.")
    letter = guarded.last("reply", BOB)
    assert "You are in copy. Write us the word mute" in letter.text
    guarded.letters()
    guarded.post(aligned(reply(letter, word, name="Bob")))
    answer = guarded.last("status", BOB)
    assert "We will write to you no more" in answer.text
    assert "being worked on" not in answer.text + answer.html
    heard(guarded)
    tina(guarded, "It works again.")
    assert heard(guarded) == {"reply": {ANN}}
    guarded.post(aligned(reply(letter, back, name="Bob")))
    heard(guarded)
    tina(guarded, "Really.")
    assert heard(guarded) == {"reply": {ANN, BOB}}


def test_the_tap_of_somebody_in_copy_mutes_and_needs_no_words(office: Office) -> None:
    office.post(mail("The printer is dead."))
    office.post(reply(office.last("acknowledgement"), "Bob too.", cc=BOB))
    office.post(reply(office.last("new_ticket", TINA.address), "We look into it.", name="Tina"))
    tap = office.last("reply", BOB).tap("mute")
    office.post(mail("", sender=BOB, to=tap, subject="mute"), to=[tap])
    assert [one.muted for one in office.ticket().participants if one.address == BOB] == [True]


def test_the_requester_mutes_and_still_sees_how_far_it_is(guarded: Office) -> None:
    opened(guarded)
    guarded.post(aligned(reply(guarded.last("acknowledgement"), "mute")))
    assert "Status:" in guarded.last("status", ANN).text
    heard(guarded)
    tina(guarded, "It works again.")
    assert heard(guarded) == {"reply": {BOB}}


def test_what_somebody_in_copy_says_beside_mute_is_heard_and_orders_nothing(guarded: Office) -> None:
    opened(guarded)
    tina(guarded, "#resolve A new cable.")
    letter = guarded.last("resolved", BOB)
    heard(guarded)
    guarded.post(aligned(reply(letter, "mute\nBut thank you.", name="Bob")))
    assert guarded.story().messages[-1].text == "But thank you."
    assert heard(guarded) == {"status": {BOB}, "requester_replied": {TINA.address}}
    for text in ("accept", "reopen", "mute\naccept", "cc add eve@evil.example", "#mute everybody"):
        guarded.post(aligned(reply(letter, text, name="Bob")))
        assert (guarded.ticket().status, copied(guarded)) == ("Waiting for Closure", {BOB: True}), text
        assert guarded.story().messages[-1].text == text


def test_a_claimed_mute_silences_nobody(guarded: Office) -> None:
    opened(guarded)
    guarded.post(mail("mute", sender=BOB, subject="[MG-1]"))
    assert not any(one.muted for one in guarded.ticket().participants)


# ------------------------------------------------------------------------------------------------------- what others learn


def test_a_reply_to_all_is_one_message_and_no_second_letter_to_those_who_have_it(guarded: Office) -> None:
    opened(guarded)
    tina(guarded, "We look into it.")
    letter = guarded.last("reply", BOB)
    heard(guarded)
    guarded.post(aligned(reply(letter, "It is the cable.", name="Bob", cc=f"Ann Other <{ANN}>, {CAROL}")))
    assert [one.text for one in guarded.story().messages][-1] == "It is the cable."
    assert heard(guarded) == {"requester_replied": {TINA.address}}
    assert copied(guarded) == {BOB: True, CAROL: True}


@pytest.mark.parametrize("proof", [True, False])
def test_whoever_put_himself_in_copy_learns_nothing(guarded: Office, proof: bool) -> None:
    """Eve forges a mail of Ann's that names her, then writes herself, with proof and without, with every word that she can think of."""
    opened(guarded, text="My code is CANARY-1.", subject="CANARY-2")
    tina(guarded, "A new one: CANARY-3.")
    guarded.post(mail("Please copy Eve.", subject="[MG-1]", cc=EVE))
    assert copied(guarded) == {BOB: True, EVE: False}
    guarded.letters()
    for number, text in enumerate(("status", "accept", "cc add eve@evil.example", "mute off", "help", "What is it?")):
        raw = mail(text, sender=EVE, name="Eve", subject="[MG-1] x", message_id=f"eve{number}@evil.example", cc=EVE)
        guarded.post(aligned(raw, "evil.example") if proof else raw)
    tina(guarded, "#resolve CANARY-4.")
    assert copied(guarded) == {BOB: True, EVE: False}
    letters = [one for one in guarded.letters() if one.to == EVE]
    for letter in letters:
        assert "CANARY" not in letter.octets.decode() + letter.text + letter.html + letter.subject
        assert ANN not in letter.octets.decode()
        assert BOB not in letter.octets.decode()
    assert letters == []


def test_somebody_removed_hears_nothing_more_and_is_named_no_more(guarded: Office) -> None:
    opened(guarded, cc=f"{BOB}, {CAROL}")
    tina(guarded, f"#cc remove {BOB}")
    heard(guarded)
    tina(guarded, "It works again.")
    assert heard(guarded) == {"reply": {ANN, CAROL}}
    assert company(guarded.last("reply", ANN)) == CAROL


# ----------------------------------------------------------------------------------------------------------- who he is


def test_technicians_see_which_customer_asks(guarded: Office) -> None:
    customers = (Organisation("Out Ltd", ("out.example",)),)
    guarded.change(people=replace(PEOPLE, organisations=customers))
    opened(guarded, cc="")
    assert "Organisation: Out Ltd" in guarded.last("new_ticket", TINA.address).text
    assert "Out Ltd" not in guarded.last("acknowledgement").text


@pytest.mark.parametrize("where", ["people.toml", "a sheet that was imported"])
def test_a_requester_is_written_to_in_his_language_and_his_manager_is_known(either_office: Office, where: str) -> None:
    office = either_office
    dora = Person(Address("dora@out.example"), "Dora Deutsch", language="de", manager=Address("max@desk.example"))
    if where == "people.toml":
        office.change(people=replace(PEOPLE, people=(*PEOPLE.people, dora)))
    else:
        with office.store.begin() as tx:
            people.put(tx, dora)
    office.post(mail("Der Drucker ist tot.", sender=dora.address, name="Dora"))
    assert "Ihre Nachricht ist bei uns angekommen" in office.last("acknowledgement").text
    with office.store.look() as tx:
        assert people.directory(tx, office.people).person(dora.address).manager == "max@desk.example"


def test_das_gespraech_auf_deutsch(guarded: Office) -> None:
    """Ann schreibt auf Deutsch und nimmt Bob in Kopie; jeder erfährt, wer noch dabei ist, und Bob kann sich herausnehmen."""
    opened(guarded, text="Der Drucker ist tot.", headers="Content-Language: de")
    tina(guarded, "Wir kommen.")
    letter = guarded.last("reply", BOB)
    assert company(letter) == f"Ann Other ({ANN})"
    assert "In diesem Gespräch: Ann Other" in unescape(letter.html)
    assert "Sie stehen in Kopie. Mit dem Wort mute" in letter.text
    guarded.post(aligned(reply(letter, "stumm", name="Bob")))
    answer = guarded.last("status", BOB)
    assert "wir schreiben Ihnen zu dieser Anfrage nicht mehr" in answer.text
    assert "steht so" not in answer.text + answer.html


# -------------------------------------------------------------------------------------------------------- confidential


@pytest.mark.parametrize("language", ["en", "de"])
def test_letters_about_a_confidential_ticket_carry_its_number_and_nobodys_name(open_office: Callable[..., Office], language: str) -> None:
    """A whole life of one: not a word, a file, a name or an address but the reader's own leaves the desk, save what Tina writes to Ann."""
    staff = tuple(replace(one, language=language) for one in PEOPLE.people)
    customers = (Organisation("CANARY Ltd", ("out.example",)),)
    office = open_office(people=Directory(staff, PEOPLE.teams, customers), desk=replace(DESK, language=language, confidential=True))
    office.post(with_file(mail("CANARY one.", name="Ann CANARY", subject="CANARY subject", cc=BOB), "CANARY.pdf", b"CANARY"))
    first, told = office.last("acknowledgement"), office.last("new_ticket", TINA.address)
    office.post(reply(first, "CANARY two.", cc=BOB, name="Ann CANARY"))
    for text in ("#take\n#tag CANARY", "#note CANARY", "#pending Said by Tina.", "#resume\n#nonsense CANARY", "#resolve Said by Tina."):
        office.post(reply(told, text, name="Tina"))
    office.post(mail("#close CANARY", sender=str(TINA.address), subject="[MG-1]"))
    for text in ("status", "CANARY is what I say.", "reopen CANARY", "accept CANARY is fine", "cancel"):
        office.post(reply(first, text, name="Ann CANARY"))
    office.later(days=30)
    letters = office.everything_sent()
    assert {one.name for one in letters} >= {
        "acknowledgement", "new_ticket", "requester_replied", "receipt", "question", "resolved", "reopened", "status", "closed",
    }  # fmt: skip
    for letter in letters:
        own = letter["To"]
        shown = letter.subject + letter.text + letter.html + "".join(letter.files)
        assert "[MG-1]" in letter.subject
        assert "CANARY" not in shown.replace("Ann CANARY", "") if letter.to == ANN else "CANARY" not in shown, (letter.name, own)
        assert letter.files == {}
        for person in {ANN, BOB} - {letter.to}:
            assert person not in letter.octets.decode() + shown, (letter.name, letter.to)
        assert ("Said by Tina." in shown) == (letter.name in ("question", "resolved") and letter.to not in WORKERS)
