"""What does a requester see of his ticket on the web, and what can he do there? The links are those of his letters."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from mailgate.desk.model import Address, Status
from mailgate.flow import page_ticket
from tests.kit.frontdoor import Frontdoor, link
from tests.kit.office import DESK, TINA, Office, mail, reply, with_file
from tests.pages.conftest import ONLINE

ANN = "ann@out.example"


@pytest.fixture
def path(office: Office) -> str:
    """The page of Ann's request, as a letter to her names it. Her first mail proves nothing, so that its acknowledgement has no link."""
    office.post(with_file(mail("The printer on floor 3 does not print.\n\n<b>Ann</b>"), "photo.svg", b"<svg onload='alert(1)'/>"))
    office.post(reply(office.last("acknowledgement"), "It is the big one."))
    return asked(office)


def asked(office: Office) -> str:
    """The page that the answer to the word "status" names."""
    office.post(reply(office.last("acknowledgement"), "status"))
    return link(office.last("status"), "ticket")


def said_by_tina(office: Office, text: str) -> None:
    office.post(reply(office.newest(TINA.address), text, name="Tina"))  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------ what she reads


def test_the_page_tells_how_far_it_is_and_what_was_said_in_public(office: Office, door: Frontdoor, path: str) -> None:
    said_by_tina(office, "#take\n#pending Which floor?")
    said_by_tina(office, "#note SECRET: she always does this.")
    with door.visitor() as ann:
        seen = ann.opens(path)
    assert seen.status == 200
    assert "MG-1" in seen.text
    assert "Printer is dead" in seen.text
    assert "waiting for your answer" in seen.text
    assert "Tina Turner" in seen.text
    assert seen.text.index("does not print") < seen.text.index("the big one") < seen.text.index("Which floor?")
    assert "&lt;b&gt;Ann&lt;/b&gt;" in seen.html
    assert "SECRET" not in seen.html
    assert TINA.address not in seen.html


def test_it_is_the_same_on_either_database(store_url: str, open_office: Callable[..., Office], frontdoor: Callable[..., Frontdoor]) -> None:
    office = open_office(url=store_url, desk=ONLINE)
    office.post(with_file(mail("It does not print."), "photo.jpg", b"\xff\xd8"))
    mark = asked(office)
    with frontdoor(office).visitor() as ann:
        (number,) = re.findall(r"/file/(\d+)\"", ann.opens(mark).html)
        assert ann.opens(f"{mark}/file/{number}").response.content == b"\xff\xd8"
        form = ann.opens(mark).hidden
        assert [ann.sends(mark, form, do="reply", words="The third floor.").status for _ in range(2)] == [200, 200]
        assert "withdrawn and closed" in ann.presses(mark, do="cancel").text
    assert [one.verb for one in office.story().events] == ["open", "status", "reply", "cancel"]
    assert [one.text for one in office.story().messages] == ["It does not print.", "The third floor."]


def test_a_german_reads_german(office: Office, door: Frontdoor) -> None:
    office.post(mail("Der Drucker druckt nicht.", headers="Content-Language: de"))
    with door.visitor() as ann:
        seen = ann.opens(asked(office))
    assert '<html lang="de">' in seen.html
    assert "eingegangen, noch nicht begonnen" in seen.text
    assert "Schreiben Sie uns" in seen.text


def test_what_somebody_only_claims_to_have_written_is_not_told(office: Office, door: Frontdoor, path: str) -> None:
    office.post(mail("Ignore the printer, I am the boss.", sender=ANN, subject="[MG-1] Printer"))
    with door.visitor() as ann:
        seen = ann.opens(path)
    assert "I am the boss" not in seen.html
    assert "does not print" in seen.text


# ------------------------------------------------------------------------------------------------ what she can do


def test_the_solution_is_accepted_with_one_button_and_once(office: Office, door: Frontdoor, path: str) -> None:
    said_by_tina(office, "#resolve A new toner.")
    with door.visitor() as ann:
        first = ann.opens(path)
        assert "Does it work for you?" in first.text
        done = ann.sends(path, first.hidden, do="accept")
        assert "Your request is closed" in done.text
        again = ann.sends(path, first.hidden, do="accept")
        assert "Your request is closed" in again.text or "moved on" in again.text
        late = ann.presses(path, do="reject")
        assert (late.status, "not possible any more" in late.text) == (422, True)
    ticket = office.ticket()
    assert (ticket.status, ticket.closure_category) == ("Completed", "accepted")
    (event,) = [one for one in office.story().events if one.verb == "accept"]
    assert (event.actor, event.strength) == (ANN, "token")
    assert re.fullmatch(r"click:[0-9a-f]{64}", event.cause)


def test_a_solution_that_does_not_work_is_rejected_with_the_reason(office: Office, door: Frontdoor, path: str) -> None:
    said_by_tina(office, "#resolve A new toner.")
    with door.visitor() as ann:
        assert "We go on with it" in ann.presses(path, do="reject", words="It prints\npink.").text
    assert office.ticket().status == "Analysis"
    assert "> It prints\r\n> pink." in office.last("requester_replied", TINA.address).text
    assert "pink" in office.story().messages[-1].text


def test_a_request_is_withdrawn(office: Office, door: Frontdoor, path: str) -> None:
    with door.visitor() as ann:
        assert "withdrawn and closed" in ann.presses(path, do="cancel").text
    assert office.ticket().status == "Cancelled"


def test_what_she_writes_is_a_message_as_by_mail_and_enters_once(office: Office, door: Frontdoor, path: str) -> None:
    said_by_tina(office, "#pending Which floor?")
    with door.visitor() as ann:
        form = ann.opens(path).hidden
        for _ in range(3):
            seen = ann.sends(path, form, do="reply", words="The third.\n\nThank you, Ann")
            assert "has reached us" in seen.text
    assert office.ticket().status == "Analysis"
    assert [one.text for one in office.story().messages].count("The third.\n\nThank you, Ann") == 1
    assert "The third." in office.last("requester_replied", TINA.address).text


def test_after_the_end_what_she_writes_opens_a_new_request(office: Office, door: Frontdoor, path: str) -> None:
    said_by_tina(office, "#close")
    with door.visitor() as ann:
        seen = ann.presses(path, do="reply", words="It is broken again.")
    assert "a new request for it: MG-2" in seen.text
    assert (office.ticket().status, office.ticket(2).status, office.ticket(2).source) == ("Completed", "New", "page")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"do": "reply", "words": "  \n"}, "Please write something first"),
        ({"do": "reply", "words": "x" * 10_001}, "too long"),
        ({"do": "resolve"}, "press one of the buttons"),
        ({}, "press one of the buttons"),
        ({"do": "accept"}, "not possible any more"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_happens(
    office: Office, door: Frontdoor, path: str, fields: dict[str, str], words: str
) -> None:
    before = office.ticket()
    with door.visitor() as ann:
        seen = ann.presses(path, **fields)
    assert (seen.status, words in seen.text) == (422, True)
    assert office.ticket() == before


def test_case_39_twenty_hands_on_one_button_are_one_decision(office: Office, door: Frontdoor, path: str) -> None:
    said_by_tina(office, "#resolve A new toner.")
    with door.visitor() as ann, ThreadPoolExecutor(20) as hands:
        form = ann.opens(path).hidden
        seen = list(hands.map(lambda verb: ann.sends(path, form, do=verb), ["accept", "reject"] * 10))
    assert {one.status for one in seen} <= {200, 422}
    decided = [one.verb for one in office.story().events if one.verb in ("accept", "reject")]
    assert len(decided) == 1
    assert office.ticket().status == {"accept": "Completed", "reject": "Analysis"}[decided[0]]


def test_case_47_a_form_without_its_cookie_shows_itself_again(office: Office, door: Frontdoor, path: str) -> None:
    with door.visitor() as ann, door.visitor() as eve:
        seen = eve.sends(path, ann.opens(path).hidden, do="cancel")
        assert seen.status == 403
        assert "press the button once more" in seen.text
        assert office.ticket().status == "New"
        assert "withdrawn" in eve.sends(path, seen.hidden, do="cancel").text


# ------------------------------------------------------------------------------------------------ files


def test_case_49_a_file_is_only_ever_downloaded(office: Office, door: Frontdoor, path: str) -> None:
    with door.visitor() as ann:
        (number,) = re.findall(r"/file/(\d+)\"", ann.opens(path).html)
        answer = ann.opens(f"{path}/file/{number}").response
    assert answer.content == b"<svg onload='alert(1)'/>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith('attachment; filename="photo.svg"')
    assert answer.headers["content-security-policy"].startswith("sandbox;")


def test_of_several_files_of_a_mail_each_is_had_by_its_own_number(office: Office, door: Frontdoor) -> None:
    second = b'--=_b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename="two.txt"\r\n\r\n2\r\n--=_b--'
    office.post(with_file(mail("Both, please."), "one.txt", b"1").replace(b"--=_b--", second))
    path = asked(office)
    with door.visitor() as ann:
        numbers = re.findall(r"/file/(\d+)\"", ann.opens(path).html)
        assert [ann.opens(f"{path}/file/{number}").response.content for number in numbers] == [b"1", b"2"]


def test_case_50_no_file_without_its_own_page(office: Office, door: Frontdoor, path: str) -> None:
    office.post(with_file(mail("My secret.", sender="bob@out.example"), "secret.txt", b"bob's"))
    said_by_tina(office, "#note see this")
    office.post(with_file(mail("#note look", sender=TINA.address, to=office.signed(1, TINA.address)), "internal.txt", b"ours"))
    with door.visitor() as ann:
        got = {number: ann.opens(f"{path}/file/{number}").status for number in range(1, 6)}
        odd = [ann.opens(f"{path}/file/{odd}").status for odd in ("0", "-1", "1%00", "%2e%2e", "1/../2", "¹", "9" * 30, "1.0")]
        nobody = ann.opens(f"/ticket/1.AAAAAAAAAAAAAAAA.{'A' * 43}/file/1").status
    assert got == {1: 200, 2: 404, 3: 404, 4: 404, 5: 404}
    assert set(odd) == {404}
    assert nobody == 404


# ------------------------------------------------------------------------------------------------ whose it is


def test_the_page_is_its_requesters_and_nobody_elses(office: Office, door: Frontdoor, path: str) -> None:
    said_by_tina(office, "#requester bob@out.example")
    with door.visitor() as ann:
        assert ann.opens(path).status == 404
    said_by_tina(office, f"#requester {ANN}")
    with door.visitor() as ann:
        assert ann.opens(path).status == 200


def test_some_time_after_the_end_the_page_is_gone(office: Office, door: Frontdoor, path: str) -> None:
    said_by_tina(office, "#close")
    office.later(days=89)
    with door.visitor() as ann:
        assert ann.opens(path).status == 200
        office.later(days=2)
        assert ann.opens(path).status == 404


def test_a_confidential_ticket_is_read_on_its_page_and_not_in_the_mail(
    open_office: Callable[..., Office], frontdoor: Callable[..., Frontdoor]
) -> None:
    office = open_office(desk=replace(DESK, public_url="https://desk.example", confidential=True))
    office.post(mail("My salary is wrong."))
    office.post(reply(office.newest(TINA.address), "It was 3000, now it is 4000.", name="Tina"))  # type: ignore[arg-type]
    letter = office.last("reply", ANN)
    assert "4000" not in letter.text
    with frontdoor(office).visitor() as ann:
        assert "4000" in ann.opens(link(letter, "ticket")).text


def test_without_a_public_address_no_letter_has_a_link(open_office: Callable[..., Office]) -> None:
    office = open_office()
    office.post(mail())
    office.post(reply(office.newest(TINA.address), "#resolve A new toner.", name="Tina"))  # type: ignore[arg-type]
    letters = [one for one in office.everything_sent() if one.to == ANN]
    assert len(letters) == 2
    assert not any("http" in one.text or 'href="http' in one.html for one in letters)
    assert "csat" in letters[-1].text


def test_no_letter_to_anybody_else_has_the_requesters_link(office: Office, path: str) -> None:
    office.post(mail("Me too", sender=ANN, to=office.signed(1, ANN), cc="bob@out.example"))
    said_by_tina(office, "Which floor?")
    said_by_tina(office, "#resolve A new toner.")
    others = [one for one in office.everything_sent() if one.to != Address(ANN)]
    assert {"bob@out.example", TINA.address} <= {one.to for one in others}
    assert not any("https://desk.example/" in one.text + one.html for one in others)


def test_what_was_rolled_back_was_never_done_for_the_log_either(
    office: Office, door: Frontdoor, path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise OSError("the disk is full")

    caplog.set_level("INFO", logger="mailgate")
    with door.visitor() as ann:
        form = ann.opens(path).hidden
        caplog.clear()
        with monkeypatch.context() as patched:
            patched.setattr(page_ticket, "_shown", fails)
            assert ann.sends(path, form, do="cancel").status == 500
        assert "changed" not in caplog.text
        assert ann.sends(path, form, do="cancel").status == 200
        assert "changed" in caplog.text
    assert office.ticket().status is Status.CANCELLED
