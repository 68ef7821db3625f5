"""How does a ticket live, seen from both mailboxes? From the first mail to the last letter, with real time in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from mailgate.desk.model import Address, Directory, Person, Team, TicketId
from mailgate.desk.policy import Desk
from mailgate.flow import operate
from tests.kit.office import OLGA, TINA, TOM, Letter, Office, aligned, mail, reply

ANN = "ann@out.example"


def post(letters: list[Letter]) -> list[tuple[str, str]]:
    """Which letters, to whom."""
    return sorted((one.name, one.to) for one in letters)


def resolved(office: Office, solution: str = "#resolve New toner.") -> Letter:
    """A ticket of Ann's that Tina solved; the letter with which Ann hears of it."""
    office.post(mail("The printer is dead."))
    office.post(reply(office.last("new_ticket", TINA.address), solution, name="Tina"))
    office.letters()
    return office.last("resolved", ANN)


def test_a_ticket_lives_from_the_first_mail_to_its_closure(either_office: Office) -> None:
    """Asked, taken, queried, answered, solved, rejected, solved again, thanked for, and closed by time."""
    office = either_office
    office.post(mail("The printer is dead."))
    assert office.ticket().status == "New"
    assert post(office.letters()) == [("acknowledgement", ANN), ("new_ticket", TINA.address), ("new_ticket", TOM.address)]

    office.post(reply(office.last("new_ticket", TINA.address), "#take", name="Tina"))
    assert (office.ticket().status, office.ticket().assignee) == ("Analysis", TINA.address)
    assert post(office.letters()) == [("receipt", TINA.address)]

    office.later(minutes=5)
    office.post(reply(office.last("new_ticket", TINA.address), "#pending Which floor?", name="Tina"))
    assert (office.ticket().status, office.ticket().responded) == ("Pending", office.now)
    assert post(office.letters()) == [("question", ANN), ("receipt", TINA.address)]
    assert "Which floor?" in office.last("question").text
    assert "#pending" not in office.last("question").text

    office.post(reply(office.last("question"), "The third."))
    assert office.ticket().status == "Analysis"
    assert post(office.letters()) == [("requester_replied", TINA.address)]
    assert "The third." in office.last("requester_replied").text

    office.post(reply(office.last("requester_replied"), "#resolve I changed the toner.", name="Tina"))
    assert (office.ticket().status, office.ticket().resolution) == ("Waiting for Closure", "I changed the toner.")
    assert post(office.letters()) == [("receipt", TINA.address), ("resolved", ANN)]

    office.post(reply(office.last("resolved"), "reject it still prints nothing"))
    assert (office.ticket().status, office.ticket().reopened) == ("Analysis", 1)
    assert post(office.letters()) == [("reopened", ANN), ("requester_replied", TINA.address)]
    assert "it still prints nothing" in office.last("requester_replied").text

    office.post(reply(office.last("requester_replied"), "#resolve And the drum.", name="Tina"))
    office.letters()
    office.post(reply(office.last("resolved"), "Great, thank you very much!\n\nAnn"))
    assert office.ticket().status == "Waiting for Closure"
    assert post(office.letters()) == [("requester_replied", TINA.address)]

    office.later(days=3)
    assert post(office.letters()) == [("reminder", ANN)]
    office.later(days=3)
    assert post(office.letters()) == [("closing_soon", ANN)]
    office.later(days=1)
    assert post(office.letters()) == [("closed", ANN)]
    assert (office.ticket().status, office.ticket().closed) == ("Completed", office.now)

    verbs = [one.verb for one in office.story().events]
    expected = ["open", "take", "pending", "resume", "resolve", "reject", "resolve", "remind", "warn", "close"]
    assert [verb for verb in verbs if verb in expected] == expected


def test_whoever_is_given_a_ticket_reads_what_it_is_about(office: Office) -> None:
    office.post(mail("The printer prints blank pages."))
    office.letters()
    operate.order(office.store, office.house, TicketId(1), "#assign tom", None, office.now)
    (given,) = [one for one in office.letters() if one.name == "assigned"]
    assert given.to == TOM.address
    assert "The printer prints blank pages." in given.text


def test_a_plain_answer_goes_to_the_requester_from_the_desk_and_makes_its_writer_the_assignee(office: Office) -> None:
    office.post(mail("The printer is dead."))
    office.post(reply(office.last("new_ticket", TOM.address), "Have you tried another cable?", name="Tom"))
    letter = office.last("reply", ANN)
    assert (office.ticket().status, office.ticket().assignee) == ("Responded", TOM.address)
    assert letter["From"].endswith("<desk@desk.example>")
    assert "Tom Thumb" in letter["From"]
    assert str(TOM.address) not in letter.octets.decode()


def test_a_rejected_solution_and_an_ordinary_answer_both_bring_the_ticket_back(office: Office) -> None:
    for words in ("reject", "reopen", "#reopen it is back", "It does not work, sorry."):
        letter = resolved(office)
        number = int(letter["X-Mailgate-Ticket"])
        office.post(reply(letter, words))
        assert office.ticket(number).status == "Analysis", words
        assert [one.name for one in office.letters() if one.to == ANN] == ["reopened"], words


def test_thanks_do_not_reopen(office: Office) -> None:
    for words in ("Thanks!", "Thank you, works.", "Vielen Dank!", "perfect, thx", "Danke!\n\nViele Grüße\nAnn"):
        letter = resolved(office)
        office.post(reply(letter, words))
        assert office.ticket(int(letter["X-Mailgate-Ticket"])).status == "Waiting for Closure", words


def test_i_do_not_accept_is_no_acceptance(office: Office) -> None:
    letter = resolved(office)
    office.post(reply(letter, "I do not accept this."))
    assert office.ticket().status == "Analysis"


def test_attack_031_accept_in_a_quote_or_a_signature_accepts_nothing(office: Office) -> None:
    below = {
        "quoted": "Still broken.\n\n> accept",
        "quoted by Outlook": "Still broken.\n\n-----Original Message-----\nFrom: desk\n\naccept",
        "in the signature": "Still broken.\n\n-- \naccept",
        "below his own words": "Still broken.\naccept",
        "in the middle of a sentence": "accept this I can not",
    }
    for where, text in below.items():
        letter = resolved(office)
        office.post(reply(letter, text))
        assert office.ticket(int(letter["X-Mailgate-Ticket"])).status == "Analysis", where


def test_nothing_but_a_quote_with_accept_in_it_accepts_nothing(office: Office) -> None:
    letter = resolved(office, "#resolve New toner.\naccept")
    office.post(reply(letter, ""))
    assert office.ticket().status != "Completed"


# -------------------------------------------------------------------------------------------------------------- one tap


@pytest.mark.parametrize(("verb", "status"), [("accept", "Completed"), ("reopen", "Analysis"), ("reject", "Analysis")])
def test_an_empty_mail_to_a_one_tap_address_does_what_the_address_says(office: Office, verb: str, status: str) -> None:
    letter = resolved(office)
    office.post(mail("", to=letter.tap(verb), subject=verb))
    assert office.ticket().status == status


def test_the_letter_offers_the_very_addresses_that_work(office: Office) -> None:
    letter = resolved(office)
    assert f"mailto:{letter.tap('accept')}?subject=accept" in letter.html
    assert f"mailto:{letter.tap('accept')}?subject=accept" in letter.text


def test_a_tap_may_carry_a_reason(office: Office) -> None:
    office.post(mail("It smokes.", to=resolved(office).tap("reject"), subject="x"))
    assert office.ticket().status == "Analysis"
    assert "It smokes." in office.last("requester_replied").text


def test_a_technician_takes_with_an_empty_mail_and_resolves_with_the_text_of_one(office: Office) -> None:
    office.post(mail("The printer is dead."))
    letter = office.last("new_ticket", TINA.address)
    office.post(mail("", sender=str(TINA.address), to=letter.tap("take"), subject="take"))
    assert office.ticket().assignee == TINA.address
    office.post(mail("New toner.", sender=str(TINA.address), to=letter.tap("resolve"), subject="resolve"))
    assert (office.ticket().status, office.ticket().resolution) == ("Waiting for Closure", "New toner.")


def test_a_tap_of_somebody_else_does_nothing(office: Office) -> None:
    """The address was forwarded: it is a clue and no more, whoever presses it."""
    letter = resolved(office)
    row = office.post(mail("", sender="mallory@evil.example", to=letter.tap("accept"), subject="accept"))
    assert (office.ticket(1).status, row.ticket) == ("Waiting for Closure", 2)


def test_a_tap_for_one_ticket_does_nothing_to_another(office: Office) -> None:
    """The address answers ticket 2, the subject still carries the verb of ticket 1: nobody accepts ticket 2 by that."""
    office.change(desk=Desk(name="Service Desk", address=Address("desk@desk.example")))
    first, second = resolved(office), resolved(office)
    mark = first.tap("accept").partition("+")[2].partition("@")[0]
    office.post(mail("Still broken.", to=second.reply_to, subject=mark))
    assert (office.ticket(1).status, office.ticket(2).status) == ("Waiting for Closure", "Analysis")


def test_without_sub_addresses_the_taps_stand_in_the_subject(open_office: Callable[..., Office]) -> None:
    office = open_office(desk=Desk(name="Service Desk", address=Address("desk@desk.example"), subaddress=""))
    letter = resolved(office)
    assert letter.reply_to == "desk@desk.example"
    subject = letter.text.partition("<mailto:desk@desk.example?subject=accept.")[2].partition(">")[0]
    assert subject.startswith("1.")
    office.post(mail("", subject=f"accept.{subject}"))
    assert office.ticket().status == "Completed"


def test_without_sub_addresses_answers_find_their_ticket_all_the_same(open_office: Callable[..., Office]) -> None:
    office = open_office(desk=Desk(name="Service Desk", address=Address("desk@desk.example"), subaddress=""))
    office.post(reply(resolved(office), "It does not work."))
    assert (office.count(), office.ticket().status, office.story().messages[-1].strength) == (1, "Analysis", "token")


# -------------------------------------------------------------------------------------------------------- closed tickets


def closed(office: Office) -> Letter:
    """A ticket of Ann's that she accepted; the letter that says so."""
    office.post(reply(resolved(office), "accept"))
    office.letters()
    return office.last("closed", ANN)


def test_a_mail_to_a_closed_ticket_opens_a_new_one_that_is_linked_to_it(either_office: Office) -> None:
    office = either_office
    letter = closed(office)
    row = office.post(reply(letter, "It is broken again."))
    new = office.ticket(2)
    assert (row.ticket, new.status, new.links, new.subject) == (2, "New", (1,), "Printer is dead")
    assert office.ticket(1).status == "Completed"
    acknowledgement = office.last("acknowledgement", ANN)
    assert acknowledgement.subject.count("[MG-") == 1
    assert "[MG-2]" in acknowledgement.subject
    assert "MG-1" in office.last("new_ticket", TINA.address).text


def test_the_conversation_goes_on_in_the_new_ticket(office: Office) -> None:
    """Bob, who has only mails of the closed ticket, and Ann, who answers the new acknowledgement, meet in the new one."""
    office.post(reply(closed(office), "It is broken again."))
    row = office.post(reply(office.last("acknowledgement"), "And it smells."))
    assert (row.ticket, office.count()) == (2, 2)


def test_a_thank_you_to_a_closed_ticket_is_not_lost(office: Office) -> None:
    row = office.post(reply(closed(office), "Thanks again!"))
    assert row.state == "done"
    assert "Thanks again!" in "".join(one.text for one in office.story(row.ticket or 0).messages)


def test_accept_twice_opens_nothing(office: Office) -> None:
    office.post(reply(closed(office), "accept"))
    assert (office.count(), office.ticket().status) == (1, "Completed")


# ---------------------------------------------------------------------------------------------------------------- clocks


def test_a_question_without_an_answer_is_reminded_of_and_then_resolved(office: Office) -> None:
    office.post(mail("The printer is dead."))
    office.post(reply(office.last("new_ticket", TINA.address), "#pending Which floor?", name="Tina"))
    office.letters()
    for days, expected in ((2, [("reminder", ANN)]), (2, [("reminder", ANN)]), (3, [("resolved", ANN)])):
        office.later(days=days)
        assert post(office.letters()) == expected
    assert office.ticket().status == "Waiting for Closure"


def test_after_a_long_downtime_nobody_is_closed_unwarned(office: Office) -> None:
    """The ladder goes on at its first unsent rung, and the gaps between rungs are kept."""
    resolved(office)
    office.later(days=60)
    assert post(office.letters()) == [("reminder", ANN)]
    office.later(days=3)
    assert post(office.letters()) == [("closing_soon", ANN)]
    assert office.ticket().status == "Waiting for Closure"
    office.later(days=1)
    assert office.ticket().status == "Completed"


def test_an_answer_takes_the_ticket_off_its_ladder(office: Office) -> None:
    office.post(reply(resolved(office), "reject"))
    office.letters()
    office.later(days=30)
    assert office.letters() == []


def test_keep_open_is_one_tap_away_before_the_end(office: Office) -> None:
    resolved(office)
    office.later(days=3)
    office.later(days=3)
    letter = office.last("closing_soon", ANN)
    assert letter.tap("reopen") in letter.text
    office.post(mail("", to=letter.tap("reopen"), subject="keep open"))
    assert office.ticket().status == "Analysis"


# -------------------------------------------------------------------------------------------------------------- languages


def test_a_requester_whose_mails_are_german_gets_german_letters(office: Office) -> None:
    office.post(mail("Der Drucker ist tot.", headers="Content-Language: de-DE"))
    acknowledgement = office.last("acknowledgement")
    assert acknowledgement["Content-Language"] == "de"
    assert "Guten Tag" in acknowledgement.text
    office.post(reply(office.last("new_ticket", TINA.address), "#resolve Neuer Toner.", name="Tina"))
    assert (office.last("resolved")["Content-Language"], "gelöst" in office.last("resolved").text) == ("de", True)
    for days in (3, 3, 1):
        office.later(days=days)
    assert [office.last(name)["Content-Language"] for name in ("reminder", "closing_soon", "closed")] == ["de"] * 3


def test_technicians_read_their_own_language_whatever_the_requester_speaks(open_office: Callable[..., Office]) -> None:
    gudrun = Person(Address("gudrun@desk.example"), "Gudrun", TINA.role, team="first", language="de")
    office = open_office(people=Directory((TINA, gudrun, OLGA), (Team("first"),)))
    office.post(mail("Der Drucker ist tot.", headers="Content-Language: de"))
    assert office.last("new_ticket", TINA.address)["Content-Language"] == "en"
    assert office.last("new_ticket", gudrun.address)["Content-Language"] == "de"
    office.post(mail("The printer is dead."))
    assert office.last("new_ticket", gudrun.address)["Content-Language"] == "de"


@pytest.mark.parametrize(("first", "at_once", "later"), [(aligned, "Ann Other", "Ann Other"), (bytes, "", "Ann B. Other")])
def test_a_requester_is_greeted_by_the_first_name_that_he_proved(
    guarded: Office, first: Callable[[bytes], bytes], at_once: str, later: str
) -> None:
    guarded.post(first(mail("The printer is dead.")))
    assert f"Hello{at_once and ' ' + at_once}," in guarded.last("acknowledgement", ANN).text
    guarded.post(reply(guarded.last("acknowledgement", ANN), "Still dead.", name="Ann B. Other"))
    guarded.post(aligned(reply(guarded.last("new_ticket", TINA.address), "#resolve New toner.", name="Tina"), "desk.example"))
    assert f"Hello {later}," in guarded.last("resolved", ANN).text


def test_people_toml_knows_better_than_the_mail_which_language_somebody_reads(open_office: Callable[..., Office]) -> None:
    dora = Person(Address("dora@out.example"), "Dora", language="de")
    office = open_office(people=Directory((TINA, dora), (Team("first"),)))
    office.post(mail("The printer is dead.", sender="dora@out.example", headers="Content-Language: en"))
    assert office.last("acknowledgement")["Content-Language"] == "de"


def test_a_language_that_we_do_not_write_falls_back_to_english(office: Office) -> None:
    office.post(mail("Tulostin on rikki.", headers="Content-Language: fi"))
    assert office.last("acknowledgement")["Content-Language"] == "en"


def test_german_words_are_commands_too(office: Office) -> None:
    office.post(reply(resolved(office), "Annehmen."))
    assert office.ticket().status == "Completed"


# ----------------------------------------------------------------------------------------------------- questions about it


def test_status_and_help_are_answered_and_change_nothing(office: Office) -> None:
    office.post(mail("The printer is dead."))
    acknowledgement = office.last("acknowledgement")
    for word in ("status", "help"):
        office.letters()
        office.post(reply(acknowledgement, word))
        assert post(office.letters()) == [(word, ANN)]
    assert office.ticket().status == "New"


def test_a_requester_cancels_what_has_settled_itself(office: Office) -> None:
    office.post(mail("The printer is dead."))
    office.letters()
    office.post(reply(office.last("acknowledgement"), "cancel"))
    assert office.ticket().status == "Cancelled"
    assert post(office.letters()) == [("closed", ANN), ("requester_replied", TINA.address), ("requester_replied", TOM.address)]


def test_a_wrong_line_undoes_the_right_ones_and_nothing_reaches_the_requester(office: Office) -> None:
    office.post(mail("The printer is dead."))
    office.letters()
    office.post(reply(office.last("new_ticket", TINA.address), "#take\n#resolv New toner.", name="Tina"))
    assert (office.ticket().status, office.ticket().assignee) == ("New", None)
    (receipt,) = office.letters()
    assert (receipt.name, receipt.to) == ("receipt", TINA.address)
    assert "#resolve" in receipt.text
    assert office.story().messages[-1].visibility == "internal"


def test_two_mails_at_the_same_moment_are_both_done(office: Office) -> None:
    """Ann answers while Tina solves: both in one batch, each sees what the other did."""
    office.post(mail("The printer is dead."))
    office.receive(reply(office.last("acknowledgement"), "It smokes."))
    office.receive(reply(office.last("new_ticket", TINA.address), "#resolve New toner.", name="Tina"))
    office.work()
    assert office.ticket().status == "Waiting for Closure"
    assert [one.direction for one in office.story().messages] == ["in", "in", "out"]


def test_letters_tell_when_the_ticket_will_close_and_it_does_close_then(office: Office) -> None:
    letter = resolved(office)
    for name, days in (("resolved", 0), ("reminder", 3), ("closing_soon", 3)):
        office.later(days=days)
        letter = office.last(name, ANN)
        assert "9 March 2026" in letter.text, name
    office.later(days=1)
    assert (office.ticket().status, f"{office.now:%d %B %Y}") == ("Completed", "09 March 2026")


def test_the_clock_of_a_ladder_is_the_tickets_own(office: Office) -> None:
    started = office.now
    resolved(office)
    (timer,) = office.story().timers
    assert (timer.kind, timer.due) == ("autoclose", started + timedelta(days=3))


def test_where_the_border_proves_senders_no_token_is_needed(guarded: Office) -> None:
    guarded.post(aligned(mail("The printer is dead.")))
    guarded.post(aligned(mail("#resolve New toner.", sender=str(TINA.address), subject="[MG-1]"), "desk.example"))
    guarded.post(aligned(mail("accept", subject="[MG-1]")))
    assert guarded.ticket().status == "Completed"
