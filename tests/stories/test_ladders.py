"""What happens when a requester does not answer? He is reminded, warned and let go, step by step, and never by surprise."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from urllib.parse import unquote

import pytest
from msgspec.structs import replace

from mailgate.desk.policy import Autoclose, Pending, Policy
from mailgate.flow.delivery import Delivery, Outcome, Result
from tests.kit.office import PEOPLE, TINA, Letter, Office, delivery_report, mail, reply

ANN = "ann@out.example"
GERMAN = "Content-Language: de-DE"


def solved(office: Office, *, headers: str = "") -> Letter:
    """A ticket that waits for its requester's word; the letter with the solution."""
    office.post(mail("The printer is dead.", headers=headers), sender=ANN)
    office.post(reply(office.last("new_ticket", TINA.address), "#resolve New toner.", name="Tina"), sender=TINA.address)
    office.letters()
    return office.last("resolved", ANN)


def asked(office: Office, *, headers: str = "") -> Letter:
    """A ticket that waits for an answer; the letter with the question."""
    office.post(mail("The printer is dead.", headers=headers), sender=ANN)
    office.post(reply(office.last("new_ticket", TINA.address), "#pending Which floor?", name="Tina"), sender=TINA.address)
    office.letters()
    return office.last("question", ANN)


def lived(office: Office, days: int) -> list[tuple[int, str, str]]:
    """So many days go by; the letters of each: (day, letter, to)."""
    told = []
    for day in range(1, days + 1):
        office.later(days=1)
        told += [(day, one.name, one.to) for one in office.letters()]
    return told


def taps(letter: Letter, verb: str) -> set[str]:
    """The addresses to which the buttons of this word lead, in the text and in the page of a letter."""
    found = re.findall(rf"mailto:([^?\"<>]*[+]{verb}[^?\"<>]*)\?", letter.text + letter.html)
    return {unquote(one) for one in found}


# -------------------------------------------------------------------------------------------------------------- no answer


def test_a_question_is_reminded_of_twice_and_then_the_ticket_counts_as_settled_and_ends_like_a_solved_one(office: Office) -> None:
    asked(office)
    assert lived(office, 20) == [
        (2, "reminder", ANN), (4, "reminder", ANN), (7, "resolved", ANN),
        (10, "reminder", ANN), (13, "closing_soon", ANN), (14, "closed", ANN),
    ]  # fmt: skip
    ticket = office.ticket()
    assert (ticket.status, ticket.closure_category, ticket.closure_note) == ("Completed", "no answer", "no answer since 2026-03-09")
    assert [one.verb for one in office.story().events][-6:] == ["remind", "remind", "resolve", "remind", "warn", "close"]


def test_each_letter_says_what_comes_next_and_when(office: Office) -> None:
    solved(office)
    said = {}
    for _ in range(8):
        office.later(days=1)
        said |= {one.name: " ".join(one.text.split()) for one in office.letters()}
    assert "If we hear nothing, we close it on 9 March 2026, 09:00 UTC." in said["reminder"]
    assert "closes on 9 March 2026, 09:00 UTC" in said["closing_soon"]
    assert "We have heard nothing more" in said["closed"]


def test_the_letters_of_the_ladder_are_german_for_who_writes_german(office: Office) -> None:
    solved(office, headers=GERMAN)
    office.letters()
    office.later(days=3)
    (reminder,) = office.letters()
    office.later(days=3)
    (warning,) = office.letters()
    office.later(days=1)
    (closed,) = office.letters()
    assert {one["Content-Language"] for one in (reminder, warning, closed)} == {"de"}
    for letter, words in (
        (reminder, "Hören wir nichts, schließen wir sie am 9. März 2026, 09:00 Uhr UTC."),
        (warning, "schließen wir Ihre Anfrage am 9. März 2026, 09:00 Uhr UTC"),
        (closed, "wir haben nichts weiter gehört"),
    ):
        for part in (letter.text.replace("MG-1 ", ""), unescape(re.sub(r"<[^>]*>", "", letter.html))):
            assert words in " ".join(part.split()).replace("Anfrage MG-1 am", "Anfrage am")


def test_what_the_desk_noted_about_the_end_is_told_in_the_shell_and_in_no_letter(office: Office) -> None:
    solved(office)
    for _ in range(7):
        office.later(days=1)
    letter = office.last("closed", ANN)
    assert "no answer since" not in letter.text + letter.html
    assert "> " not in letter.text


# -------------------------------------------------------------------------------------------------------------- keep open


@pytest.mark.parametrize("headers", ["", GERMAN])
@pytest.mark.parametrize("subaddress", ["+", ""])
def test_an_empty_mail_to_the_keep_open_address_takes_the_ticket_off_its_ladder(
    open_office: Callable[..., Office], headers: str, subaddress: str
) -> None:
    office = open_office()
    office.change(desk=replace(office.desk, subaddress=subaddress))
    solved(office, headers=headers)
    for _ in range(2):
        office.later(days=3)
    (warning,) = [one for one in office.letters() if one.name == "closing_soon"]
    label = "Offen lassen" if headers else "Keep it open"
    assert label in warning.html
    link = re.search(rf'href="mailto:([^?"]*)\?subject=([^"&]*)[^"]*"[^>]*>{label}<', warning.html)
    assert link is not None
    assert f"<mailto:{link[1]}?subject={link[2]}" in warning.text
    office.post(mail("", sender=ANN, to=unquote(link[1]), subject=unquote(link[2])), sender=ANN)
    ticket = office.ticket()
    assert (ticket.status, ticket.rungs, ticket.reopened, office.story().timers) == ("Analysis", 0, 1, ())
    heard = office.letters()
    assert sorted((one.name, one.to) for one in heard) == [("reopened", ANN), ("requester_replied", TINA.address)]
    assert ("wieder" if headers else "open again") in heard[-1].text + heard[0].text
    assert lived(office, 30) == []


def test_who_keeps_it_open_after_the_end_gets_a_new_ticket_and_no_error(office: Office) -> None:
    solved(office)
    for _ in range(7):
        office.later(days=1)
    warning = office.last("closing_soon", ANN)
    office.post(mail("", sender=ANN, to=warning.tap("reopen"), subject="reopen"), sender=ANN)
    assert (office.ticket().status, office.ticket(2).status, office.ticket(2).links) == ("Completed", "New", (1,))


# --------------------------------------------------------------------------------------------------------------- downtime


def test_after_a_month_of_downtime_each_rung_comes_with_its_gap(either_office: Office) -> None:
    office = either_office
    asked(office)
    office.later(days=30)
    assert [one.name for one in office.letters()] == ["reminder"]
    assert lived(office, 14) == [
        (2, "reminder", ANN), (5, "resolved", ANN), (8, "reminder", ANN), (11, "closing_soon", ANN), (12, "closed", ANN),
    ]  # fmt: skip


def test_periods_may_be_seconds(open_office: Callable[..., Office]) -> None:
    second = timedelta(seconds=1)
    office = open_office(policy=Policy(pending=Pending((second,), 2 * second), autoclose=Autoclose((second,), 2 * second, 3 * second)))
    asked(office)
    told = []
    for _ in range(6):
        office.later(seconds=1)
        told += [one.name for one in office.letters()]
    assert told == ["reminder", "resolved", "reminder", "closing_soon", "closed"]


# ------------------------------------------------------------------------------------------------- whom nothing reaches


def lost(office: Office, letter: Letter, *, status: str = "5.1.1") -> list[Letter]:
    """The letter comes back; what technicians hear."""
    office.post(delivery_report(letter, status=status), sender=None, to=[office.bounce_address(letter)])
    return office.letters()


def test_whom_a_solution_did_not_reach_is_neither_reminded_nor_closed_and_technicians_hear_it_once(either_office: Office) -> None:
    office = either_office
    told = lost(office, solved(office))
    assert [(one.name, one.to) for one in told] == [("undeliverable", TINA.address)]
    for part in (told[0].text, told[0].html):
        assert "the ticket is not closed by itself" in " ".join(part.split())
    assert lived(office, 60) == []
    assert office.ticket().status == "Waiting for Closure"
    assert [one.verb for one in office.story().events].count("skip") == 1
    assert office.suppressed() == []


def test_a_question_that_did_not_arrive_is_not_taken_as_settled(office: Office) -> None:
    told = lost(office, asked(office, headers=GERMAN))
    assert "the ticket is not taken as settled by itself" in " ".join(told[0].text.split())
    assert lived(office, 30) == []
    assert office.ticket().status == "Pending"


def test_german_technicians_hear_it_in_german(open_office: Callable[..., Office]) -> None:
    people = replace(PEOPLE, people=tuple(replace(one, language="de") for one in PEOPLE.people))
    office = open_office(people=people)
    (told,) = lost(office, solved(office))
    assert "das Ticket wird nicht von selbst geschlossen" in " ".join(told.text.split())


def test_a_relay_that_refused_the_solution_counts_as_well(office: Office) -> None:
    letter = solved(office)
    delivery = Delivery(office.store, office.house, "office", lambda: office.now, lambda: 0.0, lambda: 0.5)
    refused = {letter.row.id: (Result.FAILED, "", "554 5.7.1 looks like spam")}
    said = [Outcome(one.row, one.attempt, *refused.get(one.row, (Result.SENT,))) for one in delivery.claim()]
    delivery.settle(said)
    assert [one.name for one in office.letters()] == ["undeliverable"]
    assert lived(office, 30) == []
    assert "554 5.7.1 looks like spam" in next(one.note for one in office.story().events if one.verb == "skip")


def test_an_address_that_died_on_another_ticket_is_told_when_the_first_reminder_would_have_gone_out(office: Office) -> None:
    first = solved(office)
    office.post(mail("And the scanner.", subject="Scanner"), sender=ANN)
    office.order(2, "#take\n#resolve It is plugged in again.")
    office.letters()
    lost(office, first)
    assert lived(office, 30) == [(3, "undeliverable", TINA.address)]
    assert {office.ticket(number).status for number in (1, 2)} == {"Waiting for Closure"}


def test_who_is_heard_of_again_is_reminded_first_and_warned_before_the_end(office: Office) -> None:
    letter = solved(office)
    lost(office, letter)
    assert lived(office, 30) == []
    office.post(mail("Thanks a lot!", sender=ANN, to=letter.reply_to, subject="Re: Printer"), sender=ANN)
    office.order(1, "#requester ann.other@new.example")
    office.letters()
    told = lived(office, 10)
    assert [(name, to) for _, name, to in told] == [
        ("reminder", "ann.other@new.example"), ("closing_soon", "ann.other@new.example"), ("closed", "ann.other@new.example"),
    ]  # fmt: skip
    days = [day for day, _, _ in told]
    assert (days[1] - days[0], days[2] - days[1]) == (3, 1)


def test_an_answer_that_arrives_ends_the_silence(office: Office) -> None:
    lost(office, asked(office))
    lived(office, 5)
    office.post(mail("Third floor", sender=ANN, to=office.last("question", ANN).reply_to, subject="Re: Printer"), sender=ANN)
    assert office.ticket().status == "Analysis"
    office.order(1, "#resolve New toner.")
    office.letters()
    assert [name for _, name, _ in lived(office, 8)] == ["reminder", "closing_soon", "closed"]


def test_a_technician_can_end_what_nobody_hears_of(office: Office) -> None:
    (told,) = lost(office, solved(office))
    office.post(reply(told, "#close moved away", name="Tina"), sender=TINA.address)
    assert (office.ticket().status, office.ticket().closure_note, office.story().timers) == ("Completed", "moved away", ())
