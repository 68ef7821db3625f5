"""Who says yes before the work begins? Approvers decide from their mailbox: by a word, by one tap, behind a link. Nobody decides about
himself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mailgate.desk.approval import How, Stage, Verdict
from mailgate.desk.model import Address, Directory, Person, Role, State, Status, Team
from mailgate.desk.plans import Approval, Category, When
from mailgate.desk.policy import Desk, Policy
from mailgate.desk.workflow import state_of
from mailgate.flow import approvals as page
from mailgate.store import schema
from tests.kit.office import DESK, MAX, OLGA, TINA, TOM, Letter, Office, mail, reply

ANN = Person(Address("ann@out.example"), "Ann Other", manager=Address("bea@corp.example"))
BEA = Person(Address("bea@corp.example"), "Bea Boss", Role.APPROVER, (Address("b.boss@corp.example"),), manager=Address("max@desk.example"))
KAI = Person(Address("kai@corp.example"), "Kai Kunz", Role.APPROVER)
LEO = Person(Address("leo@desk.example"), "Leo Lead", Role.LEAD, team="first")
PEOPLE = Directory((TINA, TOM, LEO, OLGA, MAX, ANN, BEA, KAI), (Team("first", lead=LEO.address),))
WEB = replace(DESK, public_url="https://desk.example")


def ruled(*stages: Stage, **others: object) -> Policy:
    """Access needs approval, by those whom the stages name."""
    rule = Approval(stages or (Stage(("manager",)),), When(category=("Access/*",)), **others)  # type: ignore[arg-type]
    return Policy(categories=(Category("Access/VPN", when=When(subject=(re.compile("VPN"),))),), approvals=(rule,))


Opening = Callable[..., Office]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opening]:
    """A desk with a rule for approvals."""
    offices = []

    def make(policy: Policy | None = None, people: Directory = PEOPLE, desk: Desk = WEB, **others: object) -> Office:
        office = Office(tmp_path, people=people, policy=policy or ruled(), desk=desk, **others)  # type: ignore[arg-type]
        offices.append(office)
        return office

    yield make
    for office in offices:
        office.close()


def ask(office: Office, text: str = "Please give me VPN access.", *, sender: str = "ann@out.example") -> int:
    """Ann asks for access; the ticket's number."""
    office.post(mail(text, subject="VPN for the project", sender=sender), sender=sender)
    return office.count()


def names(office: Office) -> list[tuple[str, str]]:
    """The letters since this was asked last: which, and to whom."""
    return [(letter.name, letter.to) for letter in office.letters()]


def tap(letter: Letter, verb: str, *, sender: str = "", text: str = "") -> bytes:
    """The empty mail that a button opens."""
    return mail(text, to=letter.tap(verb), sender=sender or letter.to, subject=verb)


def verbs(office: Office, number: int = 1) -> list[str]:
    return [event.verb for event in office.story(number).events]


# ------------------------------------------------------------------------------------------------------------ the usual way


def test_what_needs_approval_is_asked_for_at_once_and_told_to_no_technician(opened: Opening) -> None:
    office = opened()
    ask(office)
    assert names(office) == [("acknowledgement", "ann@out.example"), ("approval_request", "bea@corp.example")]
    assert office.ticket().status is Status.AWAITING_APPROVAL
    letter = office.last("approval_request")
    assert letter.subject == "Approval: [MG-1] VPN for the project"
    assert "Ann Other asks for something that needs your approval." in letter.text
    assert "> Please give me VPN access." in letter.text
    assert "Until:        7 March 2026, 09:00 UTC" in letter.text
    assert f"desk+approve.1.{letter.reply_to.split('.')[2].split('@')[0]}@desk.example" in letter.text
    assert ">Approve</a>" in letter.html
    assert len(letter.page) == 43
    assert letter.page in letter.html


def test_a_word_as_an_answer_approves_and_only_then_the_team_hears_of_it(opened: Opening) -> None:
    office = opened()
    ask(office)
    letter = office.last("approval_request")
    names(office)
    raw = reply(letter, "approve it is in the plan", name="Bea Boss")
    office.post(raw)
    ticket = office.ticket()
    assert ticket.status is Status.NEW
    assert names(office) == [
        ("approved", "ann@out.example"), ("new_ticket", "tina@desk.example"), ("new_ticket", "tom@desk.example"),
        ("new_ticket", "leo@desk.example"), ("decision", "bea@corp.example"),
    ]  # fmt: skip
    assert "> Please give me VPN access." in office.last("new_ticket").text
    (asked,) = ticket.asks
    assert (asked.state, asked.by, asked.how, asked.why) == (Verdict.APPROVED, BEA.address, How.MAIL, "it is in the plan")
    assert asked.evidence == hashlib.sha256(raw).hexdigest()
    assert verbs(office) == ["open", "approval", "approve"]
    assert office.violations() == []


def test_an_empty_mail_to_the_button_approves(opened: Opening) -> None:
    office = opened()
    ask(office)
    office.post(tap(office.last("approval_request"), "approve"))
    assert office.ticket().status is Status.NEW
    assert office.ticket().asks[0].how is How.TAP


def test_a_rejection_ends_the_ticket_with_the_reason(opened: Opening) -> None:
    office = opened()
    ask(office)
    names_before = office.last("approval_request")
    office.letters()
    office.post(reply(names_before, "reject The budget is spent.\nAsk again in spring.", name="Bea Boss"))
    ticket = office.ticket()
    assert (ticket.status, state_of(ticket.status)) == (Status.DECLINED, State.CLOSED)
    assert ticket.closure_category == "declined"
    assert names(office) == [("declined", "ann@out.example"), ("decision", "bea@corp.example")]
    declined = office.last("declined")
    assert "> The budget is spent." in declined.text
    assert "> Ask again in spring." in declined.text
    assert office.violations() == []


def test_in_german_it_reads_and_works_as_well(opened: Opening) -> None:
    people = tuple(replace(one, language="de") if one in (ANN, BEA) else one for one in PEOPLE.people)
    office = opened(people=Directory(people, PEOPLE.teams))
    ask(office, "Ich brauche bitte VPN.")
    letter = office.last("approval_request")
    assert letter.subject == "Genehmigung: [MG-1] VPN for the project"
    assert "Ann Other bittet um etwas, das Ihre Genehmigung braucht." in letter.text
    office.post(reply(letter, "ablehnen Das Budget ist verbraucht.", name="Bea Boss"))
    assert "leider wurde Ihre Anfrage MG-1 nicht genehmigt" in office.last("declined").text
    assert "> Das Budget ist verbraucht." in office.last("declined").text
    assert "unter Ihrem Namen ist die Anfrage MG-1 soeben abgelehnt" in " ".join(office.last("decision").text.split())


def test_behind_the_link_one_reads_as_often_as_one_likes_and_decides_once(opened: Opening) -> None:
    office = opened()
    ask(office)
    secret = office.last("approval_request").page
    for _ in range(3):
        seen = page.shown(office.store, office.house, secret, office.now)
        assert seen is not None
        assert seen.open
        assert (seen.approver.label, seen.requester.label, seen.words) == ("Bea Boss", "Ann Other", "Please give me VPN access.")
    assert office.ticket().status is Status.AWAITING_APPROVAL
    first = page.decided(office.store, office.house, secret, "approve", "fine", "ab" * 32, office.now)
    assert first is not None
    assert first.said is page.Said.DECIDED
    second = page.decided(office.store, office.house, secret, "reject", "no", "cd" * 32, office.now + timedelta(minutes=5))
    assert second is not None
    assert (second.said, second.note, second.approval.by, second.approval.decided) == ("too-late", "already", "Bea Boss", office.now)
    (asked,) = office.ticket().asks
    assert (asked.state, asked.how, asked.evidence) == (Verdict.APPROVED, How.LINK, "ab" * 32)
    assert [event.cause for event in office.story().events][-1] == "click:approval-1"
    assert page.shown(office.store, office.house, "x" * 43, office.now) is None
    assert office.violations() == []
    with office.store.look() as tx:
        assert secret not in str(tx.execute(schema.secret_links.select()).all())


def test_every_decision_is_mailed_back_and_can_be_disowned(opened: Opening) -> None:
    office = opened()
    ask(office)
    secret = office.last("approval_request").page
    page.decided(office.store, office.house, secret, "approve", "", "ab" * 32, office.now)
    told = office.last("decision", "bea@corp.example")
    assert "under your name the request MG-1 has just been approved" in " ".join(told.text.split())
    office.letters()
    office.post(tap(told, "disown"))
    ticket = office.ticket()
    assert ticket.status is Status.AWAITING_APPROVAL
    assert ticket.approval is not None
    assert ticket.approval.number == 2
    assert names(office) == [
        ("approval_request", "bea@corp.example"), ("approval_waits", "leo@desk.example"), ("approval_waits", "olga@desk.example"),
    ]  # fmt: skip
    assert page.decided(office.store, office.house, secret, "approve", "", "ab" * 32, office.now).note == "already"  # type: ignore[union-attr]
    office.post(reply(office.last("approval_request"), "reject not mine"))
    assert office.ticket().status is Status.DECLINED
    assert office.violations() == []


def test_what_was_decided_longer_ago_is_told_to_lead_and_owner_and_stands(opened: Opening) -> None:
    office = opened()
    ask(office)
    office.post(tap(office.last("approval_request"), "approve"))
    office.now += timedelta(minutes=1)
    office.order(1, "#take")
    told = office.last("decision")
    office.letters()
    office.post(tap(told, "disown"))
    assert office.ticket().status is Status.ANALYSIS
    assert names(office) == [("approval_waits", "leo@desk.example"), ("approval_waits", "olga@desk.example")]
    assert "a decision in his name was not his" in " ".join(office.last("approval_waits").text.split())
