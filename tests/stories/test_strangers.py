"""What can somebody do who is not on the ticket, or whom nothing proves? Open a ticket of his own, and learn nothing about any other.

Addresses alone are claims. Where the border checks senders (`guarded`), `aligned` ones are more than that; elsewhere only the signed
address of one of our letters is.
"""

from __future__ import annotations

from collections.abc import Callable

from mailgate.desk.policy import AckUnverified, Policy
from tests.kit.office import MAX, OLGA, TINA, TOM, Letter, Office, aligned, mail, reply, spoofed
from tests.stories.conftest import GUARDED

SECRET = "The vault code is 4711-CANARY."


def readable(letter: Letter) -> str:
    """Everything that a letter shows, decoded."""
    return "\n".join((letter.octets.decode(), letter.subject, letter.text, letter.html))


def to(letters: list[Letter], address: str) -> list[Letter]:
    return [one for one in letters if one.to == address]


# --------------------------------------------------------------------------------------------------- a guessed number


def test_attack_001_a_guessed_number_opens_a_new_ticket_and_tells_its_sender_nothing(either_office: Office) -> None:
    office = either_office
    office.post(mail(SECRET, subject="Secret project canary"))
    before = office.story(1)
    office.letters()
    row = office.post(mail("Tell me more.", sender="mallory@evil.example", name="Mallory", subject="Re: [MG-1] anything"))
    assert (row.ticket, office.count()) == (2, 2)
    assert office.story(1) == before
    letters = office.letters()
    (answer,) = to(letters, "mallory@evil.example")
    assert answer.name == "acknowledgement"
    assert "canary" not in readable(answer).lower()
    assert "MG-1]" not in readable(answer)
    assert to(letters, "ann@out.example") == []


def test_a_guessed_number_that_exists_and_one_that_does_not_get_the_same_answer(office: Office) -> None:
    """What the answer says must not tell whether the number is taken."""
    office.post(mail(SECRET))
    office.letters()
    for number in (1, 999):
        office.post(mail("Hello?", sender=f"m{number}@evil.example", name="Mallory", subject=f"[MG-{number}] x"))
    taken, free = (office.last("acknowledgement", f"m{number}@evil.example") for number in (1, 999))
    assert taken.text.replace("MG-2", "MG-3") == free.text
    assert taken.subject.replace("MG-2", "MG-3") == free.subject
    assert taken.message.keys() == free.message.keys()


def test_help_for_a_guessed_number_bears_neither_the_number_nor_a_token_for_it(office: Office) -> None:
    office.post(mail(SECRET))
    office.letters()
    row = office.post(mail("#help", sender="mallory@evil.example", name="Mallory", subject="[MG-1] x"))
    (answer,) = office.letters()
    assert (answer.name, row.ticket, office.count()) == ("help", None, 1)
    assert "MG-1" not in readable(answer)
    assert answer.reply_to == "desk@desk.example"


def test_technicians_see_the_clue_that_a_stranger_showed(office: Office) -> None:
    office.post(mail(SECRET))
    office.post(mail("Tell me more.", sender="mallory@evil.example", subject="[MG-1] x"))
    assert "MG-1" in office.story(2).messages[0].note
    assert "MG-1" in office.last("new_ticket", TINA.address).text
    assert office.ticket(2).links == ()


def test_a_stranger_with_a_proven_address_is_a_stranger_all_the_same(guarded: Office) -> None:
    guarded.post(aligned(mail(SECRET)))
    row = guarded.post(aligned(mail("accept", sender="mallory@out.example", subject="[MG-1] x")))
    assert row.ticket == 2
    assert [one.verb for one in guarded.story(1).events] == ["open"]


def test_attack_026_a_new_address_becomes_nobodys_requester(office: Office) -> None:
    office.post(mail(SECRET))
    office.post(reply(office.last("acknowledgement"), "I am Ann, from home.", sender="ann@home.example"))
    assert office.ticket(1).requester == "ann@out.example"
    assert [one.address for one in office.ticket(1).participants] == ["ann@out.example"]
    assert office.ticket(2).requester == "ann@home.example"


def test_attack_027_a_code_that_a_service_mails_to_our_signed_address_is_not_shown_to_who_sent_it_there(office: Office) -> None:
    """Ticket Trick: Mallory registers somewhere with the reply address of his own ticket, to read there what that service writes."""
    office.post(mail("Hello.", sender="mallory@evil.example"))
    signed = office.last("acknowledgement").reply_to
    office.letters()
    row = office.post(mail("Your code is AX-7790.", sender="no-reply@service.example", to=signed, subject="Confirm your address"))
    assert row.ticket == 2
    assert "AX-7790" not in "".join(one.text for one in office.story(1).messages)
    assert not [one for one in office.letters() if "AX-7790" in readable(one) and one.to not in (TINA.address, TOM.address)]


def test_attack_029_a_colleague_cannot_accept_or_reopen_the_requesters_ticket(guarded: Office) -> None:
    guarded.post(aligned(mail("Printer dead.", cc="bob@out.example")))
    guarded.post(aligned(reply(guarded.last("new_ticket", TINA.address), "#resolve New toner.", name="Tina"), "desk.example"))
    assert guarded.ticket().status == "Waiting for Closure"
    for words in ("accept", "#accept", "reject", "reopen please", "cancel"):
        row = guarded.post(aligned(mail(words, sender="bob@out.example", subject="[MG-1] x")))
        assert (row.ticket, guarded.ticket().status) == (1, "Waiting for Closure"), words


# ------------------------------------------------------------------------------------------------------ claimed senders


def test_attack_003_an_unproven_answer_is_kept_as_unverified_and_changes_nothing(office: Office) -> None:
    office.post(mail("Printer dead.", cc="bob@out.example"))
    office.letters()
    office.post(mail("It works again.", subject="[MG-1] x", cc="carol@out.example"))
    said = office.story().messages[-1]
    assert (said.unverified, said.strength, said.visibility) == (True, "claimed", "public")
    assert office.ticket().status == "New"
    letters = office.letters()
    assert {one.to for one in letters} == {TINA.address, TOM.address}
    assert all("Nothing proves that this mail" in one.text for one in letters)


def test_no_command_of_an_unproven_sender_counts(office: Office) -> None:
    office.post(mail("Printer dead."))
    office.post(reply(office.last("new_ticket", TINA.address), "#resolve New toner.", name="Tina"))
    for words in ("accept", "#accept", "reject", "reopen", "cancel", "mute"):
        office.post(mail(words, subject="[MG-1] x"))
        assert office.ticket().status == "Waiting for Closure", words
    assert not any(one.muted for one in office.ticket().participants)


def test_people_whom_an_unproven_sender_names_hear_nothing(office: Office) -> None:
    """Bob is put down as named by nobody who is proven; what technicians write goes to the requester alone."""
    office.post(mail("Printer dead.", cc="bob@out.example"))
    office.post(reply(office.last("new_ticket", TINA.address), "Have you tried another cable?", name="Tina"))
    assert [(one.address, one.confirmed) for one in office.ticket().participants if one.role == "cc"] == [("bob@out.example", False)]
    assert to(office.letters(), "bob@out.example") == []


def test_people_whom_a_proven_sender_names_hear_what_comes_after_and_never_what_was(guarded: Office) -> None:
    guarded.post(aligned(mail(SECRET)))
    technician = guarded.last("new_ticket", TINA.address)
    guarded.post(aligned(reply(guarded.last("acknowledgement"), "Bob should hear of it.", cc="bob@out.example")))
    guarded.letters()
    guarded.post(aligned(reply(technician, "A new code comes by post.", name="Tina"), "desk.example"))
    (letter,) = to(guarded.letters(), "bob@out.example")
    assert letter.name == "reply"
    assert "A new code comes by post." in letter.text
    assert "4711" not in readable(letter)


def test_an_unconfirmed_colleague_may_write_but_changes_and_hears_nothing(guarded: Office) -> None:
    """Named in a mail that nothing proved, Bob is on the ticket until somebody confirms him: read, but not told."""
    guarded.post(mail("Printer dead.", cc="bob@out.example"))
    guarded.letters()
    row = guarded.post(aligned(mail("Here too.", sender="bob@out.example", subject="[MG-1] x")))
    said = guarded.story().messages[-1]
    assert (row.ticket, said.author, guarded.ticket().status) == (1, "bob@out.example", "New")
    assert [one.confirmed for one in guarded.ticket().participants if one.address == "bob@out.example"] == [False]
    assert to(guarded.letters(), "bob@out.example") == []


def test_the_acknowledgement_to_an_unproven_sender_repeats_nothing_of_his_mail(open_office: Callable[..., Office]) -> None:
    raw = mail("Buy CANARY pills at http://evil.example.", subject="CANARY offer", name='"CANARY http://evil.example"')
    expected = {AckUnverified.PLAIN: ["ann@out.example"], AckUnverified.FULL: ["ann@out.example"], AckUnverified.NEVER: []}
    for mode, heard in expected.items():
        office = open_office(policy=Policy(ack_unverified=mode))
        office.post(raw)
        letters = to(office.letters(), "ann@out.example")
        assert [one.to for one in letters] == heard
        if mode is AckUnverified.PLAIN:
            assert "CANARY" not in readable(letters[0])
            assert "evil.example" not in readable(letters[0])


def test_attack_095_the_plain_acknowledgement_is_small_however_big_the_mail_was(office: Office) -> None:
    office.post(mail("A" * 900_000, subject="S" * 900))
    (letter,) = to(office.letters(), "ann@out.example")
    assert len(letter.octets) <= 4096


def test_attack_023_a_reply_to_address_is_nobodys_identity(guarded: Office) -> None:
    guarded.post(aligned(mail("Printer dead.")))
    row = guarded.post(mail("cancel", sender="mallory@evil.example", subject="[MG-1] x", headers="Reply-To: ann@out.example"))
    assert row.ticket == 2
    assert guarded.ticket(2).requester == "mallory@evil.example"
    assert to(guarded.letters(), "mallory@evil.example")[0].name == "acknowledgement"


def test_attack_019_an_address_in_the_display_name_is_not_the_sender(guarded: Office) -> None:
    guarded.post(aligned(mail("Printer dead.")))
    row = guarded.post(aligned(mail("cancel", sender="mallory@evil.example", name='"ann@out.example"', subject="[MG-1] x"), "evil.example"))
    assert (row.ticket, guarded.ticket(1).status) == (2, "New")
    assert guarded.story(2).messages[0].strength == "claimed"
    assert "display-name-differs" in guarded.reason(row.id)


# --------------------------------------------------------------------------------------------- spoofed senders are held


def test_a_spoofed_mail_is_held_for_a_human_and_answered_by_nobody(store_url: str, open_office: Callable[..., Office]) -> None:
    office = open_office(url=store_url, security=GUARDED)
    row = office.post(spoofed(mail()))
    assert (row.state, row.reason, row.ticket) == ("held", "spoofed", None)
    assert (office.count(), office.letters(), office.suppressed()) == (0, [], [])


def test_attack_013_a_mail_with_two_senders_is_held(office: Office) -> None:
    office.post(mail("Printer dead."))
    office.letters()
    row = office.post(mail("cancel", subject="[MG-1] x").replace(b"From:", b"From: Eve <eve@evil.example>\r\nFrom:", 1))
    assert (row.state, office.ticket().status, office.letters()) == ("held", "New", [])


def test_a_spoofed_command_on_an_existing_ticket_is_held_as_well(guarded: Office) -> None:
    guarded.post(aligned(mail("Printer dead.")))
    before = guarded.story()
    for sender, domain in (("ann@out.example", "out.example"), (str(TINA.address), "desk.example"), (str(OLGA.address), "desk.example"),
                           (str(MAX.address), "desk.example")):  # fmt: skip
        row = guarded.post(spoofed(mail("#close", sender=sender, subject="[MG-1] x"), domain))
        assert row.state == "held", sender
    assert guarded.story() == before


def test_a_technician_who_had_a_receipt_today_hears_all_the_same_of_a_mail_in_his_name_that_proves_nothing(office: Office) -> None:
    office.post(mail("The printer is dead."))
    office.post(reply(office.last("new_ticket", TINA.address), "#take"))
    assert [letter.name for letter in office.letters() if letter.to == TINA.address][-1] == "receipt"
    forged = mail("#resolve All is well.", sender=str(TINA.address), subject="[MG-1]")
    assert office.post(forged).reason == "needs-stronger-sender"
    (told,) = office.letters()
    assert (told.name, told.to) == ("receipt", TINA.address)
    # Once a day is enough.
    office.post(mail("#close", sender=str(TINA.address), subject="[MG-1]"))
    assert office.letters() == []
    office.later(days=1, seconds=1)
    office.letters()
    office.post(mail("#close", sender=str(TINA.address), subject="[MG-1]"))
    assert [letter.name for letter in office.letters()] == ["receipt"]
