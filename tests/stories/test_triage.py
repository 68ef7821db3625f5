"""Rules of policy.toml decide whose a new ticket is: from a raw mail to the letter that its technician reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mailgate.config.load import load
from mailgate.desk.model import Address, Person, Role, TicketId
from mailgate.desk.plans import Category, When
from mailgate.desk.policy import Policy
from mailgate.flow import operate
from tests.kit.office import Letter, Office, aligned, mail, reply, with_file
from tests.stories.conftest import GUARDED

FRED = "fred@desk.example"
PRIA = "pria@desk.example"
HEIDI = "heidi@desk.example"

PEOPLE = """
[[team]]
name = "First level"
[[team]]
name = "Printing"
[[team]]
name = "HR"
[[person]]
address = "fred@desk.example"
name = "Fred First"
role = "technician"
team = "First level"
[[person]]
address = "pria@desk.example"
name = "Pria Printer"
role = "technician"
team = "Printing"
[[person]]
address = "heidi@desk.example"
name = "Heidi Human"
role = "technician"
team = "HR"
language = "de"
[[organisation]]
name = "Acme"
domains = ["acme.example"]
"""
POLICY = """
[[category]]
name = "HR"
when = { recipient = "^(hr|personal)@" }
team = "HR"
confidential = true
[[category]]
name = "Hardware/Copier"
when = { headers = { X-Mailer = "copier" } }
team = "Printing"
type = "event"
[[category]]
name = "Hardware/Printer"
when = { subject = ["printer|toner", "drucker"], text = "floor 3|3. stock" }
team = "Printing"
service = "Printing"
impact = "high"
urgency = "medium"
tags = ["printer", "floor-3"]
[[category]]
name = "Customer/Acme"
when = { organisation = "Acme" }
tags = ["acme"]
"""


@pytest.fixture
def ruled(tmp_path: Path, open_office: Callable[..., Office]) -> Office:
    """A desk of three teams with rules of triage, as its operator wrote them."""
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "people.toml").write_text(PEOPLE)
    (folder / "policy.toml").write_text(POLICY)
    known = load(folder, {})
    return open_office(people=known.people, policy=known.policy, security=GUARDED)


def heard(office: Office) -> list[tuple[str, str]]:
    return [(one.name, one.to) for one in office.letters()]


def test_a_mail_about_a_printer_goes_to_those_who_mend_printers(ruled: Office) -> None:
    ruled.post(aligned(mail("The one on floor 3 is empty.", subject="Toner needed")))
    ticket = ruled.ticket()
    assert (ticket.category, ticket.team, ticket.service, ticket.tags) == (
        "Hardware/Printer",
        "Printing",
        "Printing",
        ("printer", "floor-3"),
    )
    assert (ticket.impact, ticket.urgency, ticket.priority) == ("high", "medium", "P2")
    assert heard(ruled) == [("acknowledgement", "ann@out.example"), ("new_ticket", PRIA)]
    letter = ruled.last("new_ticket", PRIA)
    assert "The one on floor 3 is empty." in letter.text
    assert "P2" in letter.text
    assert "Hardware/Printer" in letter.text
    # Her answer reaches the requester, and the ticket is hers.
    ruled.post(aligned(reply(letter, "I bring a new one.", name="Pria"), "desk.example"))
    assert ruled.ticket().assignee == PRIA
    assert "I bring a new one." in ruled.last("reply", "ann@out.example").text


def test_the_same_in_german(ruled: Office) -> None:
    text = "Der Drucker im 3. Stock druckt nicht mehr."
    ruled.post(aligned(mail(text, subject="=?utf-8?q?Drucker_au=C3=9Fer_Betrieb?=", headers="Content-Language: de")))
    assert (ruled.ticket().category, ruled.ticket().team) == ("Hardware/Printer", "Printing")
    assert ruled.last("new_ticket").to == PRIA
    assert ruled.last("acknowledgement")["Content-Language"] == "de"


def test_a_mail_that_no_rule_takes_is_the_first_teams_as_ever(ruled: Office) -> None:
    ruled.post(aligned(mail("Not on that floor.", subject="Toner needed")))
    assert (ruled.ticket().category, ruled.ticket().team, ruled.ticket().priority) == (None, "First level", "P3")
    assert ruled.last("new_ticket").to == FRED


def test_the_story_says_which_rule_set_which_field_and_the_trail_by_what(ruled: Office) -> None:
    row = ruled.post(aligned(mail("floor 3", subject="Toner")))
    (opened, *_) = ruled.story().events
    assert opened.note == "rule 3 (Hardware/Printer): category, team, service, impact, urgency, tags; matrix: priority"
    assert {one.field: one.value for one in opened.changes}["category"] == "Hardware/Printer"
    assert "rule 3, by subject, text" in (row.trail or "")


def test_a_header_that_only_a_copier_writes_however_encoded_says_whose_mail_it_is(ruled: Office) -> None:
    ruled.post(aligned(mail("scan.pdf", subject="Scan", headers="X-Mailer: =?utf-8?b?R3Jvw59lciBDb3BpZXIgOQ==?=")))
    assert (ruled.ticket().category, ruled.ticket().type) == ("Hardware/Copier", "event")


@pytest.mark.parametrize(
    ("header", "pattern"),
    [
        ("Content-Type", "^text/plain"),
        ("From", "ann other <ann@out"),
        ("To", "^<desk@desk.example>$"),
        ("Cc", "<bob@out.example>"),
        ("Message-ID", "^<[^ ]+@mua.example>$"),
        ("References", "<a@b> <c@d>"),
        ("Subject", "^größe$"),
        ("Reply-To", "<carl@out.example>"),
        ("Date", "2026"),
        ("Content-Language", "fr"),
    ],
)
def test_every_header_can_be_asked_for(ruled: Office, header: str, pattern: str) -> None:
    rule = Category("Yes", When(headers=((header.lower(), (re.compile(pattern, re.IGNORECASE),)),)))
    ruled.change(policy=Policy(categories=(rule,)))
    headers = "References: <a@b> <c@d>\nReply-To: Carl <carl@out.example>\nContent-Language: fr"
    ruled.post(aligned(mail(subject="=?utf-8?q?Gr=C3=B6=C3=9Fe?=", cc="Bob <bob@out.example>", headers=headers)))
    assert ruled.ticket().category == "Yes"


def test_an_alarm_is_triaged_and_nobody_is_thanked_for_it(ruled: Office) -> None:
    ruled.post(mail("Paper jam", subject="Scan", headers="Auto-Submitted: auto-generated\nX-Mailer: Copier"))
    assert ruled.ticket().category == "Hardware/Copier"
    assert heard(ruled) == [("new_ticket", PRIA)]


def test_a_customer_is_known_by_a_domain_below_his_own_and_the_trail_tells_how_sure_that_is(ruled: Office) -> None:
    proven = ruled.post(aligned(mail(subject="Hello", sender="joe@mail.acme.example"), "mail.acme.example"))
    claimed = ruled.post(mail(subject="Hello", sender="joe@acme.example"))
    assert [ruled.ticket(number).category for number in (1, 2)] == ["Customer/Acme"] * 2
    assert "which is only claimed" not in (proven.trail or "")
    assert "by the domain of joe@acme.example, which is only claimed" in (claimed.trail or "")


@pytest.mark.parametrize("envelope", [True, False])
def test_an_address_of_its_own_makes_a_ticket_confidential_and_its_letters_say_number_and_link_only(ruled: Office, envelope: bool) -> None:
    secret = mail("My salary is CANARY.", subject="CANARY of mine", to="staff@out.example" if envelope else "personal@desk.example")
    secret = with_file(secret, "CANARY.pdf", b"CANARY CANARY CANARY")
    ruled.post(aligned(secret), to=["hr@desk.example"] if envelope else [])
    assert (ruled.ticket().category, ruled.ticket().team, ruled.ticket().confidential) == ("HR", "HR", True)
    letters = ruled.letters()
    assert [(one.name, one.to) for one in letters] == [("acknowledgement", "ann@out.example"), ("new_ticket", HEIDI)]
    for letter in letters:
        assert "[MG-1]" in letter.subject
        assert not _tells(letter, "CANARY")
        assert letter.files == {}
    # What is in the story is not lost.
    assert "My salary is CANARY." in ruled.story().messages[0].text


def test_a_confidential_answer_with_a_file_tells_its_technician_the_number_only(ruled: Office) -> None:
    ruled.post(aligned(mail("x", subject="x", to="hr@desk.example")))
    further = with_file(reply(ruled.last("acknowledgement"), "It is CANARY."), "CANARY.pdf", b"CANARY CANARY")
    ruled.letters()
    ruled.post(aligned(further))
    (letter,) = [one for one in ruled.letters() if one.to == HEIDI]
    assert letter.name == "requester_replied"
    assert not _tells(letter, "CANARY")
    assert letter.files == {}


def _tells(letter: Letter, word: str) -> bool:
    parts = [part.get_payload(decode=True) or b"" for part in letter.message.walk()]
    return any(word.encode() in part for part in (letter.octets, *parts) if isinstance(part, bytes)) or word in letter.subject


def test_a_telephone_note_is_triaged_too(ruled: Office) -> None:
    ruled_by_phone = operate.open_by_phone(
        ruled.store, ruled.house, ruled.desk.name, Address("ann@out.example"), "Ann", "Toner", "floor 3", ruled.now
    )
    assert ruled_by_phone.ticket is not None
    assert ruled_by_phone.ticket.category == "Hardware/Printer"


def test_a_category_by_hand_changes_nothing_else(ruled: Office) -> None:
    ruled.post(aligned(mail("floor 3", subject="Toner")))
    before = ruled.ticket()
    operate.order(ruled.store, ruled.house, TicketId(1), "#category HR", None, ruled.now)
    after = ruled.ticket()
    assert (after.category, after.team, after.confidential, after.priority) == ("HR", before.team, before.confidential, before.priority)


def test_a_rule_for_a_team_of_nobody_is_told_to_the_owner(ruled: Office) -> None:
    owner = Person(Address("olga@desk.example"), "Olga", Role.OWNER)
    people = ruled.people.people
    ruled.change(people=type(ruled.people)((*[one for one in people if one.address != PRIA], owner), ruled.people.teams))
    ruled.post(aligned(mail("floor 3", subject="Toner")))
    assert ruled.ticket().team == "Printing"
    assert ruled.last("new_ticket").to == owner.address


def test_a_mail_that_cannot_be_read_is_still_somebodys(ruled: Office) -> None:
    hostile = mail("x", subject="Toner on floor 3", to="hr@desk.example").replace(
        b"Content-Type: text/plain", b"Content-Type: multipart/mixed"
    )
    deep = hostile.replace(b"charset=utf-8", b'boundary="b0"', 1)
    for level in range(200):
        deep += f'--b{level}\r\nContent-Type: multipart/mixed; boundary="b{level + 1}"\r\n\r\n'.encode()
    row = ruled.post(deep, to=["hr@desk.example"])
    assert row.state == "quarantined"
    assert ruled.ticket().team == "HR"
