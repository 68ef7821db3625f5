"""How does what solved one request help with the next? From `#kb` in a mail to a suggestion in somebody else's acknowledgement."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from msgspec.structs import replace

from mailgate.desk.model import Address, Directory
from mailgate.desk.plans import Calendar, Interval, Sla
from mailgate.desk.policy import AckUnverified, Policy
from tests.kit.office import PEOPLE, TINA, TOM, Letter, Office, aligned, mail, reply
from tests.stories.conftest import GUARDED

BLANK = "Printer prints blank pages"
REQUEST = """Good morning,

since this morning the printer on the third floor prints blank pages only.
You can call me, Ann Other, or write to ann@out.example.

Best regards
Ann Other
"""
SOLUTION = "The protective strip was still in the drum unit. Pull it out and print a test page."
LEER = """Guten Tag,

seit heute früh druckt der Drucker im dritten Stock nur noch leere Seiten.

Viele Grüße
Ann Other
"""


def writes(office: Office, text: str, letter: str = "new_ticket") -> None:
    """Tina answers a letter of hers."""
    office.post(reply(office.last(letter, TINA.address), text, name="Tina"))


def solved(office: Office, text: str = REQUEST, subject: str = BLANK, solution: str = SOLUTION) -> None:
    """A request that Tina solves and makes an article of, in one mail."""
    office.post(mail(text, subject=subject))
    writes(office, f"#resolve {solution}\n#kb")


def asks(office: Office, text: str, subject: str, sender: str = "bob@out.example") -> Letter:
    """Somebody whose address is proven writes; the letter that acknowledges it."""
    office.letters()
    office.post(aligned(mail(text, sender=sender, name="Bob", subject=subject)), sender=sender)
    return office.last("acknowledgement", sender)


@pytest.fixture
def desk(either_office: Office) -> Office:
    """A desk whose border proves senders (technicians as well), on either database."""
    either_office.change(security=GUARDED)
    return either_office


@pytest.fixture
def informed(office: Office) -> Office:
    """A desk with one article."""
    solved(office)
    office.letters()
    return office


# --------------------------------------------------------------------------------------------------------- making an article


def test_a_solution_becomes_an_article_and_its_maker_reads_it(office: Office) -> None:
    office.post(mail(REQUEST, subject=BLANK))
    writes(office, f"#resolve {SOLUTION}")
    office.letters()
    writes(office, "#kb")
    (letter,) = office.letters()
    assert (letter.name, letter.to, letter.subject) == ("article", TINA.address, f"[MG-1] Article in the knowledge base: {BLANK}")
    assert "> since this morning the printer on the third floor prints blank pages only." in letter.text
    assert f"> {SOLUTION}" in letter.text
    assert [one.verb for one in office.story().events][-1] == "kb"


def test_who_had_the_problem_does_not_stand_in_the_article(informed: Office) -> None:
    letter = informed.last("article", TINA.address)
    article = letter.text.partition("Solution:")[0]
    assert "third floor" in article
    for personal in ("Ann", "Other", "ann@out.example", "Good morning", "regards"):
        assert personal not in article


def test_resolve_and_kb_in_one_mail_and_the_title_on_its_line(office: Office) -> None:
    office.post(mail("It is dead.", subject="help!!!"))
    writes(office, "#kb Printer does not start\n#resolve Switch it on at the back.")
    article = office.last("article", TINA.address)
    assert "Printer does not start" in article.subject
    assert "> Switch it on at the back." in article.text
    assert office.last("resolved").to == "ann@out.example"


def test_text_below_the_command_is_the_solution_of_the_article_and_reaches_nobody(informed: Office) -> None:
    writes(informed, "#kb Blank pages after a new drum\nPull the orange strip out of the drum unit.")
    assert [(one.name, one.to) for one in informed.letters()] == [("article", TINA.address)]
    article = informed.last("article").text
    assert "Blank pages after a new drum" in article
    assert "> Pull the orange strip out of the drum unit." in article
    assert SOLUTION not in article
    assert "orange" not in "".join(one.text for one in informed.story().messages)


def test_an_answer_to_the_article_changes_it_and_goes_to_nobody(informed: Office) -> None:
    writes(informed, "#title Blank pages\n#problem All pages come out blank.\n\nPull the strip.\nThen print a test page.", "article")
    assert [(one.name, one.to) for one in informed.letters()] == [("article", TINA.address)]
    article = informed.last("article")
    assert article.subject == "[MG-1] Article changed: Blank pages"
    assert "> All pages come out blank." in article.text
    assert "> Pull the strip.\n> Then print a test page." in article.text.replace("\r\n", "\n")
    # The ticket is as it was: the solution that its requester has is what was said to him.
    assert informed.ticket().resolution == SOLUTION


def test_a_line_that_an_article_cannot_hold_changes_nothing_and_the_receipt_says_which_works(informed: Office) -> None:
    writes(informed, "#titel Blank pages\n#close\nPull the strip.", "article")
    assert [(one.name, one.to) for one in informed.letters()] == [("receipt", TINA.address)]
    receipt = informed.last("receipt").text
    assert "✗  #close" in receipt
    assert "#title Printer prints blank pages" in receipt
    assert informed.ticket().status == "Waiting for Closure"


@pytest.mark.parametrize("words", ["#kb off", "#drop", "#kb aus"])
def test_an_article_is_taken_back_by_a_word(informed: Office, words: str) -> None:
    writes(informed, words, "article")
    assert informed.last("article").subject.startswith("[MG-1] Article withdrawn")
    writes(informed, "#kb off", "new_ticket")
    assert "There is no article of this ticket." in informed.last("receipt").text


@pytest.mark.parametrize(
    ("before", "command", "wrong"),
    [
        ("#confidential\n#resolve Done.", "#kb", "The ticket is confidential: no article is made of it."),
        ("#close", "#kb", "There is no solution yet: write it behind the command."),
        ("#start", "#kb", "That is not possible in the present status."),
        ("#resolve Done.", "#kb off", "There is no article of this ticket."),
    ],
)
def test_what_makes_no_article_is_told(office: Office, before: str, command: str, wrong: str) -> None:
    office.post(mail(REQUEST, subject=BLANK))
    writes(office, before)
    writes(office, command)
    receipt = office.last("receipt", TINA.address)
    assert f"✗  {command}" in receipt.text
    assert wrong in receipt.text.replace("\r\n     ", " ")


def test_the_article_of_a_desk_without_subaddresses_is_changed_by_an_answer_as_well(office: Office) -> None:
    office.change(desk=replace(office.desk, subaddress=""))
    solved(office)
    office.letters()
    writes(office, "Just pull the strip.", "article")
    assert [(one.name, one.to) for one in office.letters()] == [("article", TINA.address)]
    assert "> Just pull the strip." in office.last("article").text


# -------------------------------------------------------------------------------------------------------------- suggestions


def makes(office: Office, text: str = REQUEST, subject: str = BLANK, solution: str = SOLUTION, kb: str = "#kb") -> None:
    """An article of a desk whose border proves everybody."""
    office.post(aligned(mail(text, subject=subject)))
    answer = reply(office.last("new_ticket", TINA.address), f"#resolve {solution}\n{kb}", name="Tina")
    office.post(aligned(answer, "desk.example"), sender=TINA.address)


def test_the_next_one_with_that_problem_reads_the_solution_in_his_acknowledgement(desk: Office) -> None:
    makes(desk)
    letter = asks(desk, "Hello,\n\nmy printer gives blank pages since lunch.\n\nBob", "Blank pages from the printer")
    assert "This has helped others with something similar." in letter.text
    assert BLANK in letter.text
    assert "The protective strip was still in the drum unit." in letter.text.replace("\r\n      ", " ")
    assert BLANK in letter.html
    assert "Ann" not in letter.text


def test_somebody_with_another_problem_reads_nothing_of_it(desk: Office) -> None:
    makes(desk)
    letter = asks(desk, "My headset has no sound in meetings.", "No sound")
    assert "helped others" not in letter.text
    assert "helped others" not in letter.html


def test_germans_are_helped_in_german(desk: Office) -> None:
    desk.change(desk=replace(desk.desk, language="de"))
    makes(desk, LEER, "Drucker druckt leere Seiten", "Der Schutzstreifen steckte noch in der Trommel. Bitte herausziehen.")
    letter = asks(desk, "Hallo,\n\nunser Drucker gibt nur leere Seiten aus.\n\nGruß\nBob", "Leere Seiten")
    assert "Das hat anderen bei etwas Ähnlichem geholfen" in letter.text.replace("\r\n", " ")
    assert "Drucker druckt leere Seiten" in letter.text
    assert "Schutzstreifen" in letter.html


def test_who_only_claims_his_address_gets_no_suggestion(informed: Office) -> None:
    for policy in (AckUnverified.PLAIN, AckUnverified.FULL):
        informed.change(policy=Policy(ack_unverified=policy))
        informed.post(mail("My printer prints blank pages.", sender="eve@out.example", subject="Blank pages"))
        letter = informed.last("acknowledgement", "eve@out.example")
        assert "strip" not in letter.text + letter.html


def test_internal_articles_are_suggested_to_nobody_outside(desk: Office) -> None:
    makes(desk, kb="#kb internal")
    assert "strip" not in asks(desk, "My printer prints blank pages.", "Blank pages").text
    answer = reply(desk.last("article", TINA.address), "#public", name="Tina")
    desk.post(aligned(answer, "desk.example"), sender=TINA.address)
    assert "strip" in asks(desk, "My printer prints blank pages.", "Blank pages").text


def test_a_solution_that_did_not_hold_is_suggested_no_more(desk: Office) -> None:
    makes(desk)
    desk.post(aligned(reply(desk.last("resolved", "ann@out.example"), "reopen it is blank again")))
    assert "strip" not in asks(desk, "My printer prints blank pages.", "Blank pages").text


def test_nothing_is_looked_up_while_there_is_no_article(desk: Office) -> None:
    letter = asks(desk, "My printer prints blank pages.", BLANK)
    assert "helped others" not in letter.text


def test_an_article_of_a_ticket_that_became_confidential_is_shown_to_nobody(desk: Office) -> None:
    makes(desk)
    secret = reply(desk.last("new_ticket", TINA.address), "#confidential", name="Tina")
    desk.post(aligned(secret, "desk.example"), sender=TINA.address)
    assert "strip" not in asks(desk, "My printer prints blank pages.", "Blank pages").text
    assert "strip" not in search(desk, "search: blank pages").text


# ------------------------------------------------------------------------------------------------------------------ searching


def search(office: Office, text: str = "", subject: str = "Question") -> Letter:
    """Tina, proven by the border, searches by mail."""
    office.letters()
    office.post(aligned(mail(text, sender=TINA.address, name="Tina", subject=subject), "desk.example"), sender=TINA.address)
    (letter,) = office.letters()
    assert (letter.name, letter.to) == ("found", TINA.address)
    return letter


def test_a_technician_finds_tickets_and_articles_by_mail(desk: Office) -> None:
    makes(desk)
    desk.post(aligned(mail("The scanner is slow.", subject="Scanner")))
    for wait in (0, 5):
        # Soon after a mail it is found in the message itself, later by the index.
        desk.later(minutes=wait)
        before = desk.count()
        letter = search(desk, "search: printer blank")
        assert letter.subject == "Search: printer blank"
        assert "MG-1 · Waiting for Closure" in letter.text
        assert "Scanner" not in letter.text
        assert f"  {BLANK}" in letter.text
        assert "desk+kb.1." in letter.text
        assert desk.count() == before
    assert letter["X-Mailgate-Ticket"] == ""


def test_the_subject_searches_as_well_and_umlauts_may_be_left_out(desk: Office) -> None:
    desk.change(desk=replace(desk.desk, language="de"))
    makes(desk, LEER.replace("Drucker", "Gerät für Prüfberichte"), "Prüfberichte kommen leer", "Neu gestartet.")
    for wait in (0, 5):
        desk.later(minutes=wait)
        letter = search(desk, subject="suche: prüfberichte" if wait == 0 else "Suche: PRUFBER")
        assert "Prüfberichte kommen leer" in letter.text
        assert letter.subject.startswith("Suche: ")


def test_what_is_not_there_is_said_and_what_looks_like_a_query_is_only_words(desk: Office) -> None:
    makes(desk)
    desk.later(minutes=5)
    for words in ("toner", '"', "NEAR(", "a' OR 1=1 --", 'zebra" OR "x', "* zebra", "words:zebra -x", ":* & !zebra", "\\"):
        assert "Nothing was found." in search(desk, f"search: {words}").text, words


def test_of_a_confidential_ticket_only_the_number_is_found(desk: Office) -> None:
    desk.post(aligned(mail("My salary is printed wrongly.", subject="Salary")))
    secret = reply(desk.last("new_ticket", TINA.address), "#confidential", name="Tina")
    desk.post(aligned(secret, "desk.example"), sender=TINA.address)
    found = search(desk, "search: printed wrongly").text
    assert "MG-1" in found
    assert "confidential" in found
    assert "Salary" not in found


def test_hidden_notes_of_machines_are_not_found(desk: Office) -> None:
    desk.post(aligned(mail("The printer is slow.", subject="Slow")))
    away = reply(desk.last("acknowledgement"), "I am in Timbuktu until Monday.", headers="Auto-Submitted: auto-replied")
    desk.post(aligned(away))
    for wait in (0, 5):
        desk.later(minutes=wait)
        assert "Nothing was found." in search(desk, "search: timbuktu").text


def test_a_search_in_answer_to_a_letter_does_not_reach_the_requester(informed: Office) -> None:
    writes(informed, "search: drum unit")
    assert [(one.name, one.to) for one in informed.letters()] == [("found", TINA.address)]
    assert len(informed.story().messages) == 2


@pytest.mark.parametrize(("sender", "domain"), [("bob@out.example", "out.example"), (TINA.address, "")])
def test_a_requester_and_a_technician_who_proves_nothing_open_a_ticket(desk: Office, sender: str, domain: str) -> None:
    raw = mail("search: printer", sender=sender, subject="search: printer")
    desk.post(aligned(raw, domain) if domain else raw, sender=sender)
    assert desk.count() == 1
    assert "found" not in {one.name for one in desk.letters()}


def test_behind_a_border_a_token_alone_finds_nothing(desk: Office) -> None:
    makes(desk)
    desk.letters()
    desk.post(reply(desk.last("new_ticket", TINA.address), "search: blank", name="Tina"))
    assert {one.name for one in desk.letters()} == {"receipt"}
    assert "nothing proves that it was you" in desk.last("receipt").text.replace("\r\n", " ")


# ------------------------------------------------------------------------------------------------------------------- promises


def answering(hours: int, calendar: str | None = None) -> Sla:
    """Promises a first answer within so many hours."""
    return Sla("all", calendar=calendar, targets=(("first_response", timedelta(hours=hours)),))


_DAY = (Interval(timedelta(hours=9), timedelta(hours=17)),)
OFFICE = Calendar("office", hours=(*([_DAY] * 5), (), ()))


@pytest.mark.parametrize(
    ("sla", "language", "told"),
    [
        # The request comes in on a Monday at nine in London, which is ten o'clock in Berlin.
        (answering(4), "en", "You can expect an answer by 2 March 2026, 14:00 CET."),
        (
            answering(4, "office"),
            "en",
            "You can expect an answer by 2 March 2026, 14:00 CET.",
        ),
        (
            answering(8, "office"),
            "en",
            "You can expect an answer by 3 March 2026, 10:00 CET.",
        ),
        (
            answering(40, "office"),
            "en",
            "You can expect an answer by 9 March 2026, 10:00 CET.",
        ),
        (answering(8, "office"), "de", "bis zum 3. März 2026, 10:00 Uhr MEZ."),
    ],
)
def test_an_acknowledgement_says_when_an_answer_can_be_expected(guarded: Office, sla: Sla, language: str, told: str) -> None:
    guarded.change(policy=Policy(slas=(sla,), calendars=(OFFICE,)), desk=replace(guarded.desk, language=language, timezone="Europe/Berlin"))
    letter = asks(guarded, "The printer is dead.", "Printer")
    assert told in letter.text.replace("\r\n", " ")
    assert told in html.unescape(re.sub(r"<[^>]*>", "", letter.html))


def test_nothing_is_promised_where_no_sla_holds_or_nothing_is_proven(guarded: Office) -> None:
    guarded.change(policy=Policy(slas=(Sla("resolution only", targets=(("resolution", timedelta(hours=8)),)),)))
    assert "expect" not in asks(guarded, "The printer is dead.", "Printer").text
    guarded.change(policy=Policy(slas=(answering(4),), ack_unverified=AckUnverified.FULL))
    guarded.post(mail("The mouse is dead.", sender="eve@out.example"))
    assert "expect" not in guarded.last("acknowledgement", "eve@out.example").text


def test_technicians_read_german_articles_in_german(office: Office) -> None:
    people = tuple(replace(one, language="de") if one in (TINA, TOM) else one for one in PEOPLE.people)
    office.change(people=Directory(people, PEOPLE.teams))
    solved(office, LEER, "Drucker druckt leere Seiten", "Schutzstreifen herausziehen.")
    office.letters()
    writes(office, "#titel Leere Seiten\n#intern\nDen Schutzstreifen aus der Trommel ziehen.", "article")
    article = office.last("article", Address(TINA.address))
    assert article.subject == "[MG-1] Artikel geändert: Leere Seiten"
    assert "nur Technikern" in article.text
    assert "> Den Schutzstreifen aus der Trommel ziehen." in article.text
    writes(office, "#kb aus", "article")
    assert office.last("article").subject.startswith("[MG-1] Artikel zurückgezogen")


def test_an_answer_to_a_request_that_begins_like_a_search_is_an_answer(desk: Office) -> None:
    desk.post(aligned(mail("Where is it?", subject="search: printer")))
    desk.letters()
    desk.post(aligned(reply(desk.last("new_ticket", TINA.address), "On floor 3.", name="Tina"), "desk.example"))
    assert [(one.name, one.to) for one in desk.letters()] == [("reply", "ann@out.example")]
