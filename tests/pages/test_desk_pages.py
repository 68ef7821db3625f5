"""What stands on the desk's pages, for whom, and what can be done there? Queue, own tickets, figures, a ticket, held mail."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from urllib.parse import unquote

import pytest

from mailgate.desk.model import Address, Directory, Person, Role, Team
from mailgate.desk.plans import Sla
from mailgate.desk.policy import Desk, Policy
from mailgate.store import blocks
from tests.kit.frontdoor import Frontdoor, Seen, Visitor
from tests.kit.office import MAX, OLGA, PEOPLE, TINA, Office, mail, reply, spoofed
from tests.pages.conftest import ONLINE
from tests.pages.desk import comes_in
from tests.stories.conftest import GUARDED

ANN = "ann@out.example"
PROMISES = Policy(slas=(Sla("all", targets=(("first_response", timedelta(hours=2)), ("resolution", timedelta(hours=8))), warn=(50,)),))


def opened(office: Office, subject: str, *orders: str) -> int:
    """A new ticket of Ann's, and what Tina orders about it; its number."""
    office.post(mail(f"About: {subject}", subject=subject), sender=ANN)
    number = office.count()
    for order in orders:
        office.order(number, order)
    return number


def titles(page: Seen) -> list[str]:
    """The tickets of a list, in their order."""
    return [unescape(one) for one in re.findall(r'desk/ticket/\d+">([^<]*)</a>', page.html)]


def tiles(page: Seen) -> dict[str, str]:
    """The large figures of a page, by what they count."""
    return {unescape(name): number for number, name in re.findall(r'<li class="tile"><b[^>]*>([^<]*)</b> <span>([^<]*)</span>', page.html)}


# ----------------------------------------------------------------------------------------------------------------- lists


def test_the_queue_has_what_is_open_what_is_due_first_first(
    open_office: Callable[..., Office], frontdoor: Callable[..., Frontdoor]
) -> None:
    office = open_office(desk=ONLINE, policy=PROMISES)
    opened(office, "Solved", "#resolve done")
    opened(office, "Answered", "#take\n#start")
    office.post(reply(office.newest(TINA.address), "It is this.", name="Tina"))  # type: ignore[arg-type]
    office.later(minutes=90)
    opened(office, "Fresh")
    opened(office, "Wanted soon", "#due in 30m")
    opened(office, "Waits", "#pending Which one?")
    office.later(minutes=40)
    page = comes_in(frontdoor(office), TINA.address).opens("/desk")
    assert titles(page) == ["Wanted soon", "Fresh", "Answered", "Waits"]
    assert tiles(page) == {"open": "4", "overdue": "1", "at risk": "0", "unassigned": "2"}
    assert "overdue, 2 Mar, 11:00" in page.text
    office.later(minutes=45)
    page = comes_in(frontdoor(office), TINA.address).opens("/desk")
    assert tiles(page)["at risk"] == "1"


def test_the_queue_is_chosen_by_state_and_team_and_turned_page_by_page(
    open_office: Callable[..., Office], frontdoor: Callable[..., Frontdoor]
) -> None:
    people = Directory(
        (*PEOPLE.people, Person(Address("sam@desk.example"), "Sam", Role.TECHNICIAN, team="second")), (Team("first"), Team("second"))
    )
    office = open_office(desk=ONLINE, people=people)
    for number in range(28):
        opened(office, f"Subject {number:02d}")
    opened(office, "Handed on", "#assign sam@desk.example")
    opened(office, "Waits", "#pending Which one?")
    visitor = comes_in(frontdoor(office), TINA.address)
    page = visitor.opens("/desk")
    assert (len(titles(page)), titles(page)[0]) == (25, "Subject 00")
    assert "1 to 25 of 30" in page.text
    further = re.search(r'href="(\?[^"]*)">Further', page.html)
    assert further
    assert titles(visitor.opens(f"/desk{unescape(further[1])}"))[-1] == "Waits"
    assert titles(visitor.opens("/desk?state=on-hold")) == ["Waits"]
    assert titles(visitor.opens("/desk?team=second")) == ["Handed on"]
    assert titles(visitor.opens("/desk?team=second&state=on-hold")) == []
    assert "All 30 Open" in page.text
    assert "On hold 1" in page.text
    # What there is not is asked for in vain, and harms nothing.
    for query in ("?page=99", "?page=-1", "?page=x", "?state=<script>", "?team=nobody", "?page=1&page=2", "?%ff", "?desk=" + "x" * 300):
        assert visitor.opens(f"/desk{query}").status == 200


def test_a_technicians_own_tickets_are_as_they_are_now(office: Office, door: Frontdoor) -> None:
    visitor = comes_in(door, TINA.address)
    assert "Nothing is in your hands" in visitor.opens("/desk/mine").text
    opened(office, "Hers", "#take")
    opened(office, "Late", "#take\n#due in 1h")
    opened(office, "Nobody's")
    office.later(hours=2)
    page = visitor.opens("/desk/mine")
    assert titles(page) == ["Late", "Hers"]
    assert "Overdue 1" in page.text


def test_a_manager_reads_and_has_no_tickets_of_his_own(office: Office, door: Frontdoor) -> None:
    opened(office, "Printer")
    visitor = comes_in(door, MAX.address)
    page = visitor.opens("/desk")
    assert titles(page) == ["Printer"]
    assert "My tickets" not in page.text
    assert visitor.opens("/desk/held").status == 404


def test_what_a_sender_wrote_is_text_on_every_page(office: Office, door: Frontdoor) -> None:
    opened(office, "<script>alert(1)</script> \u202e{{ page }}", "#take\n#category <b>x</b>")
    visitor = comes_in(door, TINA.address)
    for path in ("/desk", "/desk/mine", "/desk/figures", "/desk/ticket/1"):
        page = visitor.opens(path)
        assert page.status == 200
        assert "<script" not in page.html
        assert "<b>x" not in page.html


# --------------------------------------------------------------------------------------------------------------- figures


def test_the_figures_are_those_of_seven_days_and_of_now(open_office: Callable[..., Office], frontdoor: Callable[..., Frontdoor]) -> None:
    office = open_office(desk=ONLINE, policy=PROMISES)
    opened(office, "Forgotten for long")
    # Its promise is broken on the first day, and nothing happens to it any more.
    office.later(days=1)
    office.later(days=9)
    opened(office, "Solved", "#take\n#category Access\n#resolve done")
    opened(office, "Fresh")
    opened(office, "Waits", "#take\n#pending Which one?")
    office.later(minutes=1)
    page = comes_in(frontdoor(office), MAX.address).opens("/desk/figures")
    assert {name: tiles(page)[name] for name in ("promises broken", "at risk", "overdue", "came in", "solved", "open")} == {
        "promises broken": "0", "at risk": "0", "overdue": "1", "came in": "3", "solved": "1", "open": "3",
    }  # fmt: skip
    assert "no ratings" in page.text
    assert "Open 2 In progress 0 On hold 1" in page.text
    # What nobody touched was open all the while.
    rows = re.findall(
        r'<tr><th scope="row">(\d+ Mar)</th><td class="n">(\d+)</td><td class="n">(\d+)</td><td class="n">(\d+)</td>', page.html
    )
    assert (rows[0][3], rows[-1]) == ("1", ("12 Mar", "3", "1", "3"))
    assert page.html.count('<svg class="chart"') == 2
    assert "Access" in page.text


def test_figures_and_queue_on_either_database(
    store_url: str, open_office: Callable[..., Office], frontdoor: Callable[..., Frontdoor]
) -> None:
    office = open_office(desk=ONLINE, url=store_url, policy=PROMISES)
    opened(office, "Solved", "#take\n#resolve done")
    opened(office, "Fresh")
    office.later(minutes=1)
    visitor = comes_in(frontdoor(office), TINA.address)
    assert titles(visitor.opens("/desk")) == ["Fresh"]
    assert tiles(visitor.opens("/desk/figures"))["solved"] == "1"
    assert visitor.presses("/desk", do="leave").status == 303
    assert "We mail you a link" in visitor.opens("/desk").text


# ----------------------------------------------------------------------------------------------------------------- ticket


def test_a_ticket_is_told_with_its_notes_and_answered_by_mail(office: Office, door: Frontdoor) -> None:
    opened(office, "Printer", "#note He is in a hurry.", "#take")
    office.post(reply(office.newest(TINA.address), "Is it on?", name="Tina"))  # type: ignore[arg-type]
    page = comes_in(door, TINA.address).opens("/desk/ticket/1")
    for words in ("MG-1", "About: Printer", "He is in a hurry.", "Is it on?", "note", "Tina Turner", "What was done", ANN):
        assert words in page.text
    found = re.search(r'class="button" href="mailto:([^"?]+)\?', page.html)
    assert found
    office.post(
        mail("#resolve New toner.", sender=TINA.address, name="Tina", to=unquote(unescape(found[1])), subject="x"), sender=TINA.address
    )
    assert office.ticket().resolution == "New toner."


def test_a_ticket_tells_who_was_asked_for_an_approval(office: Office, door: Frontdoor) -> None:
    opened(office, "VPN", "#approval max@desk.example")
    page = comes_in(door, TINA.address).opens("/desk/ticket/1")
    assert "Approval Max Manager not decided yet, 2 Mar, 09:00" in page.text


def test_a_ticket_of_nobody_is_taken_by_a_tap(office: Office, door: Frontdoor) -> None:
    opened(office, "Printer")
    page = comes_in(door, TINA.address).opens("/desk/ticket/1")
    found = re.search(r'class="button quiet" href="mailto:([^"?]+)\?subject=take"', page.html)
    assert found
    office.post(mail("", sender=TINA.address, name="Tina", to=unquote(found[1]), subject="take"), sender=TINA.address)
    assert office.ticket().assignee == TINA.address
    # A manager does not work on tickets.
    assert "subject=take" not in comes_in(door, MAX.address).opens("/desk/ticket/1").html


def test_on_his_own_ticket_a_technician_is_a_requester_and_reads_no_note(office: Office, door: Frontdoor) -> None:
    office.post(mail("My screen is dead.", sender=TINA.address, name="Tina", subject="Screen"), sender=TINA.address)
    office.order(1, "#assign tom@desk.example\n#note She broke it herself.")
    page = comes_in(door, TINA.address).opens("/desk/ticket/1")
    assert "My screen is dead." in page.text
    assert "herself" not in page.html
    assert "What was done" not in page.text
    assert "herself" in comes_in(door, "tom@desk.example").opens("/desk/ticket/1").text


@pytest.mark.parametrize("number", ["2", "0", "-1", "x", "1e3", "99999999999999999999", "１"])
def test_what_is_no_ticket_is_nothing(office: Office, door: Frontdoor, number: str) -> None:
    opened(office, "Printer")
    assert comes_in(door, TINA.address).opens(f"/desk/ticket/{number}").status == 404


def test_of_another_desks_confidential_tickets_nobody_is_told(
    open_office: Callable[..., Office], frontdoor: Callable[..., Frontdoor]
) -> None:
    hanna = Person(Address("hanna@desk.example"), "Hanna", Role.TECHNICIAN, team="people")
    people = Directory((*PEOPLE.people, hanna), (Team("first"), Team("people")))
    further = Desk("HR", Address("hr@desk.example"), tag="HR", teams=("people",), confidential=True)
    office = open_office(desk=ONLINE, further=(further,), people=people)
    office.post(mail("I am paid too little.", subject="Salary", to="hr@desk.example"), sender=ANN, to=("hr@desk.example",))
    opened(office, "Printer")
    door = frontdoor(office)
    tina, hannas, olga = (comes_in(door, one) for one in (TINA.address, hanna.address, OLGA.address))
    assert office.ticket(1).confidential
    assert titles(tina.opens("/desk")) == ["Printer"]
    assert tina.opens("/desk/ticket/1").html == tina.opens("/desk/ticket/77").html
    assert tina.opens("/desk/ticket/1").status == 404
    assert titles(hannas.opens("/desk")) == ["Salary"]
    assert "paid too little" in hannas.opens("/desk/ticket/1").text
    # What is not confidential may be read by colleagues of other desks.
    assert "About: Printer" in hannas.opens("/desk/ticket/2").text
    assert titles(olga.opens("/desk")) == ["Salary", "Printer"]
    assert titles(olga.opens("/desk?desk=HR")) == ["Salary"]


# ------------------------------------------------------------------------------------------------------------- held mail


@pytest.fixture
def guarded(open_office: Callable[..., Office]) -> Office:
    """A desk before which forged mails wait: one in a stranger's name, one in a colleague's."""
    office = open_office(desk=ONLINE, security=GUARDED)
    office.post(spoofed(mail("Pay now.", sender=ANN, subject="Invoice http://evil.example/x")), sender=ANN)
    office.post(spoofed(mail("#close", sender=TINA.address, subject="Hello"), "desk.example"), sender=TINA.address)
    return office


def decides(visitor: Visitor, verb: str, row: int) -> Seen:
    """He presses a button."""
    return visitor.presses("/desk/held", do=verb, row=str(row))


def states(office: Office) -> list[str]:
    return [office.row(number).state for number in (1, 2)]


def test_the_owner_lets_a_mail_in_and_drops_another(guarded: Office, frontdoor: Callable[..., Frontdoor]) -> None:
    visitor = comes_in(frontdoor(guarded), OLGA.address)
    page = visitor.opens("/desk/held")
    assert "Invoice http[:]//evil[.]example/x" in page.text
    assert "The domain of its sender says that such mail is forged." in page.text
    assert page.html.count('value="release"') == 2
    # No colleague can be blocked.
    assert page.html.count('value="block"') == 1
    page = decides(visitor, "release", 1)
    assert "Mail 1 goes its way." in page.text
    guarded.work()
    assert guarded.ticket().requester == ANN
    assert "Mail 2 is dropped." in decides(visitor, "drop", 2).text
    assert states(guarded)[1] == "ignored"
    assert "No mail waits for a decision." in visitor.opens("/desk/held").text
    # The second who decides hears that somebody has.
    assert "somebody else has decided already" in decides(visitor, "drop", 2).text
    assert "Nothing was done" in decides(visitor, "release", 999).text


def test_a_sender_is_blocked_and_a_colleague_is_not(guarded: Office, frontdoor: Callable[..., Frontdoor]) -> None:
    visitor = comes_in(frontdoor(guarded), OLGA.address)
    assert "nothing is heard of its sender any more" in decides(visitor, "block", 1).text
    assert "Nothing was done" in decides(visitor, "block", 2).text
    assert states(guarded) == ["ignored", "held"]
    with guarded.store.look() as tx:
        assert [one.sender for one in blocks.listed(tx)] == [ANN]


@pytest.mark.parametrize("who", [TINA.address, MAX.address])
def test_nobody_else_decides_about_held_mail(guarded: Office, frontdoor: Callable[..., Frontdoor], who: str) -> None:
    door = frontdoor(guarded)
    visitor, owner = comes_in(door, who), comes_in(door, OLGA.address)
    assert visitor.opens("/desk/held").status == 404
    # Nor with a form that was the owner's, nor with his own of another page.
    for form in (owner.opens("/desk/held").hidden, visitor.opens("/desk").hidden):
        assert visitor.sends("/desk/held", form, do="drop", row="1").status in (403, 404)
    assert states(guarded) == ["held", "held"]


def test_a_lead_decides_about_mail_to_his_own_desk_alone(open_office: Callable[..., Office], frontdoor: Callable[..., Frontdoor]) -> None:
    lea, hanna = (
        Person(Address(f"{one}@desk.example"), one, Role.LEAD, team=team) for one, team in (("lea", "first"), ("hanna", "people"))
    )
    further = Desk("HR", Address("hr@desk.example"), tag="HR", teams=("people",))
    people = Directory((TINA, lea, hanna), (Team("first"), Team("people")))
    office = open_office(desk=ONLINE, further=(further,), people=people, security=GUARDED)
    office.post(spoofed(mail("Pay now.", sender=ANN, subject="To HR", to="hr@desk.example")), sender=ANN, to=("hr@desk.example",))
    door = frontdoor(office)
    hers, other = comes_in(door, hanna.address), comes_in(door, lea.address)
    assert "To HR" in hers.opens("/desk/held").text
    assert "To HR" not in other.opens("/desk/held").text
    assert "Nothing was done" in decides(other, "drop", 1).text
    assert office.row(1).state == "held"
    assert "is dropped" in decides(hers, "drop", 1).text


def test_case_47_no_button_is_pressed_from_elsewhere(guarded: Office, frontdoor: Callable[..., Frontdoor]) -> None:
    visitor = comes_in(frontdoor(guarded), OLGA.address)
    for form in ({}, {"proof": "0" * 64}, visitor.opens("/desk").hidden):
        page = visitor.sends("/desk/held", form, do="drop", row="1")
        assert page.status == 403
        assert "press the button once more" in page.text
    assert states(guarded) == ["held", "held"]


# --------------------------------------------------------------------------------------------------------------- looking


def test_looking_changes_nothing_on_any_page(guarded: Office, frontdoor: Callable[..., Frontdoor]) -> None:
    guarded.post(mail("Broken.", sender=ANN), sender=ANN)
    door = frontdoor(guarded)
    visitors = [comes_in(door, one) for one in (OLGA.address, TINA.address)]
    before = guarded.store.path.read_bytes() + _log(guarded)
    for visitor in visitors:
        for path in (
            "/desk",
            "/desk/mine",
            "/desk/figures",
            "/desk/held",
            "/desk/ticket/1",
            "/desk?do=leave&row=1&address=x",
            "/desk/held?do=drop&row=1",
        ):
            for method in ("GET", "HEAD", "OPTIONS"):
                visitor.client.request(method, path)
    assert guarded.store.path.read_bytes() + _log(guarded) == before


def _log(office: Office) -> bytes:
    """What SQLite has written beside its file."""
    wal = office.store.path.with_name(office.store.path.name + "-wal")
    return wal.read_bytes() if wal.exists() else b""
