"""Who says yes before the work begins? Approvers decide from their mailbox: by a word, by one tap, behind a link. Nobody decides about
himself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from mailgate.desk.approval import How, Stage, Verdict
from mailgate.desk.model import Address, Directory, Person, Role, State, Status, Team, TicketId
from mailgate.desk.plans import Approval, Category, OnExpire, Sla, When
from mailgate.desk.policy import Desk, Policy, Retention, Security
from mailgate.desk.workflow import state_of
from mailgate.flow import approvals as page
from mailgate.flow.delivery import Delivery
from mailgate.flow.operate import order
from mailgate.store import outbox, schema
from tests.kit.office import DESK, MAX, OLGA, TINA, TOM, Letter, Office, aligned, delivery_report, mail, reply

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
    assert "Under your name the request MG-1 has just been approved" in " ".join(told.text.split())
    office.letters()
    office.post(tap(told, "disown"))
    ticket = office.ticket()
    assert ticket.status is Status.AWAITING_APPROVAL
    assert ticket.approval is not None
    assert ticket.approval.number == 2
    assert names(office) == [
        ("approval_waits", "leo@desk.example"), ("approval_waits", "olga@desk.example"), ("approval_request", "bea@corp.example"),
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


@pytest.mark.parametrize("text", ["reject, I have never seen this!", "approve"])
def test_this_was_not_me_is_an_alarm_whatever_is_written_with_it(opened: Opening, text: str) -> None:
    office = opened()
    ask(office)
    office.post(tap(office.last("approval_request"), "approve"))
    office.post(tap(office.last("decision"), "disown", text=text))
    assert office.ticket().approval.number == 2  # type: ignore[union-attr]
    assert votes(office) == [(1, "bea@corp.example", "pending")]


def test_this_was_not_me_undoes_what_others_have_completed_since_unless_somebody_has_built_on_it(opened: Opening) -> None:
    office = opened(ruled(Stage(("bea@corp.example", "kai@corp.example"))))
    ask(office)
    office.post(reply(office.last("approval_request", BEA.address), "approve"))
    told = office.last("decision", BEA.address)
    office.now += timedelta(hours=1)
    office.post(reply(office.last("approval_request", KAI.address), "approve"))
    assert office.ticket().status is Status.NEW
    office.now += timedelta(hours=1)
    office.post(tap(told, "disown"))
    assert votes(office) == [(1, "bea@corp.example", "pending"), (1, "kai@corp.example", "pending")]
    assert office.violations() == []


def test_words_said_since_do_not_keep_a_forged_approval_alive(opened: Opening) -> None:
    office = opened()
    ask(office)
    office.post(tap(office.last("approval_request"), "approve"))
    told = office.last("decision")
    office.now += timedelta(hours=1)
    office.post(reply(office.last("approved"), "When do I get it?"))
    assert office.ticket().updated == office.now
    office.post(tap(told, "disown"))
    assert office.ticket().status is Status.AWAITING_APPROVAL
    assert votes(office) == [(1, "bea@corp.example", "pending")]


def test_this_was_not_me_is_told_also_where_nobody_is_left_to_be_asked(opened: Opening) -> None:
    office = opened()
    ask(office)
    office.post(tap(office.last("approval_request"), "approve"))
    office.change(people=Directory(tuple(replace(one, manager=None) if one is ANN else one for one in PEOPLE.people), PEOPLE.teams))
    office.letters()
    office.post(tap(office.last("decision"), "disown"))
    assert names(office) == [("approval_waits", "leo@desk.example"), ("approval_waits", "olga@desk.example")]
    assert "a decision in his name was not his" in " ".join(office.last("approval_waits").text.split())


def test_an_approver_is_warned_of_a_request_that_nothing_proves_in_every_letter_and_on_the_page(opened: Opening) -> None:
    warning = "Nothing proves that the request really comes from ann@out.example."
    office = opened(ruled(Stage(("manager",)), Stage(("owner",))), security=Security(authserv_ids=("mx.desk.example",)))
    office.post(mail("VPN, please.", subject="VPN"))
    first = office.last("approval_request")
    office.later(days=1)
    reminder = office.last("approval_reminder")
    office.post(aligned(reply(first, "approve"), "corp.example"))
    second = office.last("approval_request", OLGA.address)
    assert [warning in letter.text and warning in letter.html for letter in (first, reminder, second)] == [True] * 3
    assert page.shown(office.store, office.house, second.page, office.now).verified is False  # type: ignore[union-attr]
    office.post(aligned(mail("VPN, please.", subject="VPN")))
    known = office.last("approval_request", BEA.address)
    assert warning not in known.text + known.html
    # Whoever answers in somebody's place makes the request no less the requester's.
    office.post(reply(known, "approve", sender="bea@elsewhere.example"))
    assert warning not in office.last("approval_request", BEA.address).text
    assert page.shown(office.store, office.house, known.page, office.now).verified is True  # type: ignore[union-attr]


# -------------------------------------------------------------------------------------------------- stages, all, any, some


def votes(office: Office, number: int = 1) -> list[tuple[int, str, str]]:
    """Each question of the newest round: stage, approver, state."""
    ticket = office.ticket(number)
    assert ticket.approval is not None
    return [(one.stage, one.approver, one.state.value) for one in ticket.asks if one.round == ticket.approval.number]


def test_stages_follow_each_other_and_the_last_one_lets_the_ticket_go_on(opened: Opening) -> None:
    office = opened(ruled(Stage(("manager",)), Stage(("owner",))))
    ask(office)
    office.letters()
    office.post(reply(office.last("approval_request"), "approve"))
    assert office.ticket().status is Status.AWAITING_APPROVAL
    assert names(office) == [("approval_request", "olga@desk.example"), ("decision", "bea@corp.example")]
    letter = office.last("approval_request", "olga@desk.example")
    assert "Stage:        2 of 2" in letter.text
    assert "Bea Boss: approved" in letter.text
    office.post(reply(letter, "approve"))
    assert office.ticket().status is Status.NEW
    assert votes(office) == [(1, "bea@corp.example", "approved"), (2, "olga@desk.example", "approved")]
    assert office.violations() == []


ALL = Stage(("bea@corp.example", "kai@corp.example", "max@desk.example"))


@pytest.mark.parametrize(
    ("need", "said", "ends"),
    [
        (None, ("approve", "approve", "approve"), Status.NEW),
        (None, ("approve", "approve"), Status.AWAITING_APPROVAL),
        (None, ("approve", "reject"), Status.DECLINED),
        (1, ("approve",), Status.NEW),
        (1, ("reject", "reject"), Status.AWAITING_APPROVAL),
        (1, ("reject", "reject", "reject"), Status.DECLINED),
        (1, ("reject", "reject", "approve"), Status.NEW),
        (2, ("approve", "reject"), Status.AWAITING_APPROVAL),
        (2, ("approve", "reject", "approve"), Status.NEW),
        (2, ("reject", "reject"), Status.DECLINED),
    ],
)
def test_all_any_or_some_have_to_agree(opened: Opening, need: int | None, said: tuple[str, ...], ends: Status) -> None:
    office = opened(ruled(replace(ALL, need=need)))
    ask(office)
    for word, address in zip(said, ALL.approvers, strict=False):
        office.post(reply(office.last("approval_request", address), word))
    assert office.ticket().status is ends
    late = [one.approver for one in office.ticket().asks if one.state is Verdict.WITHDRAWN]
    assert late == (list(ALL.approvers[len(said) :]) if ends is not Status.AWAITING_APPROVAL else [])
    if late:
        office.post(reply(office.last("approval_request", late[0]), "reject too late"))
        assert office.ticket().status is ends
        assert "Others have decided in the meantime" in office.last("decision", late[0]).text
    assert office.violations() == []


# ------------------------------------------------------------------------------------------------ nobody about his own


def test_attack_33_nobody_approves_his_own_request_however_he_came_to_be_an_approver(opened: Opening) -> None:
    """The requester himself, by delegate, made approver meanwhile, with another's mail, after the approver was changed."""
    away = replace(BEA, away="2026-12-31", delegate=ANN.address)
    office = opened(people=Directory((*(one for one in PEOPLE.people if one.address != BEA.address), away), PEOPLE.teams))
    ask(office)
    # Bea's delegate is Ann, whose request it is: Bea is asked, who is away.
    assert votes(office) == [(1, "bea@corp.example", "pending")]
    letter = office.last("approval_request")
    office.post(tap(letter, "approve", sender="ann@out.example"))
    assert office.ticket().status is Status.AWAITING_APPROVAL
    made = replace(ANN, role=Role.APPROVER)
    office.change(
        people=Directory((*(one for one in PEOPLE.people if one.address not in (ANN.address, BEA.address)), away, made), PEOPLE.teams)
    )
    office.post(tap(letter, "approve", sender="ann@out.example"))
    office.post(mail("approve", to=office.signed(1, "ann@out.example", "approve"), sender="ann@out.example", subject="x"))
    office.post(mail("approve", to=office.signed(1, "ann@out.example"), sender="ann@out.example", subject="x"))
    assert office.ticket().status is Status.AWAITING_APPROVAL
    # She asks in somebody else's name, and takes her own role in it: still hers.
    office.order(1, "#requester eve@out.example")
    office.order(1, "#approval ann@out.example, kai@corp.example")
    assert votes(office) == [(1, "kai@corp.example", "pending")]
    # And the one who was asked before decides nothing any more.
    office.letters()
    office.post(tap(letter, "approve"))
    assert office.ticket().status is Status.AWAITING_APPROVAL
    assert "has changed or was withdrawn" in office.last("decision", "bea@corp.example").text
    assert office.violations() == []


def test_attack_34_a_colleague_with_a_forwarded_mail_is_found_out_and_with_step_up_stopped(opened: Opening) -> None:
    """What is clicked counts as the approver's, who hears of it at once; with step-up it needs what only his mailbox has."""
    office = opened()
    ask(office)
    letter = office.last("approval_request")
    page.decided(office.store, office.house, letter.page, "approve", "", "ab" * 32, office.now)
    assert office.ticket().asks[0].how is How.LINK
    assert office.last("decision").to == "bea@corp.example"
    office.change(policy=ruled(step_up=True))
    number = ask(office)
    secret = office.last("approval_request").page
    seen = page.decided(office.store, office.house, secret, "approve", "", "ab" * 32, office.now)
    assert seen is not None
    assert (seen.said, office.ticket(number).status) == ("needs-code", Status.AWAITING_APPROVAL)
    assert office.last("approval_code").to == "bea@corp.example"
    # And by mail only from an address that is proven to be his.
    office.post(tap(office.last("approval_request"), "approve"))
    assert office.ticket(number).status is Status.AWAITING_APPROVAL
    assert office.violations() == []


def test_attack_35_an_answer_from_an_address_that_we_do_not_know_of_decides_nothing(opened: Opening) -> None:
    """The mail is kept for technicians; the letter goes to the registered address once more, and only once a day."""
    office = opened()
    ask(office)
    letter = office.last("approval_request")
    office.letters()
    for _ in range(3):
        office.post(reply(letter, "approve from my phone", sender="bea.private@mail.example"))
    assert office.ticket().status is Status.AWAITING_APPROVAL
    assert names(office) == [("approval_request", "bea@corp.example")]
    again = office.last("approval_request")
    assert "Somebody used your earlier mail from another address. Nothing was decided" in " ".join(again.text.replace("! ", "").split())
    assert office.count() == 1
    assert [one.visibility for one in office.story().messages if "my phone" in one.text] == ["internal"] * 3
    office.post(reply(again, "approve", sender="b.boss@corp.example"))
    assert office.ticket().status is Status.NEW
    assert office.violations() == []


def test_where_a_border_proves_senders_an_approver_has_to_be_proven(opened: Opening) -> None:
    office = opened(security=Security(authserv_ids=("mx.desk.example",)))
    ask(office)
    letter = office.last("approval_request")
    office.letters()
    office.post(reply(letter, "approve"))
    assert office.ticket().status is Status.AWAITING_APPROVAL
    assert names(office) == [("approval_request", "bea@corp.example")]
    assert "did not prove that it came from you" in " ".join(office.last("approval_request").text.replace("! ", "").split())
    office.post(aligned(reply(letter, "approve"), "corp.example"))
    assert office.ticket().status is Status.NEW
    assert office.ticket().asks[0].strength == "token"


def test_a_machine_in_the_approvers_mailbox_decides_nothing(opened: Opening) -> None:
    office = opened()
    ask(office)
    letter = office.last("approval_request")
    office.letters()
    office.post(reply(letter, "approve is what I will do when I am back.", headers="Auto-Submitted: auto-replied"))
    assert office.ticket().status is Status.AWAITING_APPROVAL
    assert names(office) == []


def test_an_approver_without_a_word_writes_for_technicians(opened: Opening) -> None:
    office = opened()
    ask(office)
    office.post(reply(office.last("approval_request"), "I do not approve of this tone. How much is it?"))
    assert office.ticket().status is Status.AWAITING_APPROVAL
    assert [(one.visibility, one.author) for one in office.story().messages][-1] == ("internal", "bea@corp.example")
    assert "tone" not in "".join(letter.text for letter in office.everything_sent() if letter.to == "ann@out.example")


# ----------------------------------------------------------------------------------------------------- who is not there


def test_who_is_away_is_represented_by_his_delegate_and_circles_end(opened: Opening) -> None:
    away = "2026-12-31"
    people = (
        replace(BEA, away=away, delegate=KAI.address), replace(KAI, away=away, delegate=MAX.address),
        replace(MAX, delegate=BEA.address), TINA, TOM, LEO, OLGA, ANN,
    )  # fmt: skip
    office = opened(people=Directory(people, PEOPLE.teams))
    ask(office)
    letter = office.last("approval_request")
    assert letter.to == "max@desk.example"
    assert "You are asked in place of Bea Boss, who is away." in letter.text
    office.post(reply(letter, "approve"))
    assert office.ticket().status is Status.NEW
    circle = (replace(BEA, away=away, delegate=KAI.address), replace(KAI, away=away, delegate=BEA.address), TINA, TOM, LEO, OLGA, MAX, ANN)
    office.change(people=Directory(circle, PEOPLE.teams))
    number = ask(office)
    # Nobody is there who could stand in: he is asked himself.
    assert votes(office, number) == [(1, "bea@corp.example", "pending")]


def test_who_goes_away_afterwards_is_reminded_through_his_delegate_who_may_then_decide(opened: Opening) -> None:
    office = opened()
    ask(office)
    gone = replace(BEA, away="2026-12-31", delegate=KAI.address)
    office.change(people=Directory((*(one for one in PEOPLE.people if one.address != BEA.address), gone), PEOPLE.teams))
    office.letters()
    office.later(days=1)
    assert names(office) == [("approval_reminder", "kai@corp.example")]
    office.post(reply(office.last("approval_reminder"), "approve"))
    (asked,) = office.ticket().asks
    assert (asked.approver, asked.by, asked.state) == (BEA.address, KAI.address, Verdict.APPROVED)
    assert sorted(to for name, to in names(office) if name == "decision") == ["bea@corp.example", "kai@corp.example"]
    assert office.violations() == []


def test_where_nobody_may_approve_it_waits_and_lead_and_owner_hear(opened: Opening) -> None:
    alone = tuple(replace(one, manager=None) if one is ANN else one for one in PEOPLE.people)
    office = opened(people=Directory(alone, PEOPLE.teams))
    ask(office)
    assert office.ticket().status is Status.AWAITING_APPROVAL
    assert names(office) == [
        ("acknowledgement", "ann@out.example"),
        ("approval_waits", "leo@desk.example"),
        ("approval_waits", "olga@desk.example"),
    ]
    office.later(days=30)
    assert office.ticket().status is Status.AWAITING_APPROVAL
    office.post(reply(office.last("approval_waits", "leo@desk.example"), "#approval kai", quote=False))
    assert votes(office) == [(1, "kai@corp.example", "pending")]
    office.post(reply(office.last("approval_request", "kai@corp.example"), "approve"))
    assert office.ticket().status is Status.NEW
    assert office.violations() == []


# ---------------------------------------------------------------------------------------------------------- time goes by


def test_who_does_not_answer_is_reminded_then_his_manager_is_asked_then_it_waits_for_the_desk(opened: Opening) -> None:
    office = opened(ruled(remind=(timedelta(days=1), timedelta(days=3)), expire=timedelta(days=5)))
    ask(office)
    first = office.last("approval_request")
    office.letters()
    office.later(days=1)
    assert names(office) == [("approval_reminder", "bea@corp.example")]
    assert "You have not decided yet, and there is time until 7 March 2026, 09:00 UTC." in office.last("approval_reminder").text.replace(
        "! ", ""
    )
    office.later(days=2)
    assert names(office) == [("approval_reminder", "bea@corp.example")]
    office.later(days=2)
    assert names(office) == [("approval_request", "max@desk.example")]
    assert votes(office) == [(1, "bea@corp.example", "expired"), (1, "max@desk.example", "pending")]
    office.post(reply(first, "approve at last"))
    assert office.ticket().status is Status.AWAITING_APPROVAL
    assert "The time for an answer was over" in office.last("decision", "bea@corp.example").text
    office.later(days=5)
    assert votes(office)[1:] == [(1, "leo@desk.example", "pending"), (1, "max@desk.example", "expired")]
    office.later(days=5)
    assert votes(office)[-1] == (1, "olga@desk.example", "pending")
    office.later(days=5)
    assert sorted(one for one in names(office) if one[0] == "approval_waits") == [
        ("approval_waits", "leo@desk.example"),
        ("approval_waits", "olga@desk.example"),
    ]
    office.later(days=30)
    assert office.ticket().status is Status.AWAITING_APPROVAL
    office.post(reply(office.last("approval_request", "olga@desk.example"), "approve"))
    assert office.ticket().status is Status.NEW
    assert office.violations() == []


def test_attack_33_whoever_was_asked_for_somebodys_silence_and_is_no_longer_above_him_decides_nothing(opened: Opening) -> None:
    office = opened(ruled(expire=timedelta(days=5)))
    ask(office)
    office.later(days=5)
    letter = office.last("approval_request", "max@desk.example")
    moved = tuple(replace(one, manager=None) if one is BEA else one for one in PEOPLE.people)
    office.change(people=Directory(moved, PEOPLE.teams))
    office.post(reply(letter, "approve"))
    assert office.ticket().status is Status.AWAITING_APPROVAL
    office.change(people=PEOPLE)
    office.post(reply(letter, "approve"))
    assert office.ticket().status is Status.NEW


def test_where_two_have_to_agree_one_of_them_does_not_say_yes_for_the_other_as_well(opened: Opening) -> None:
    office = opened(ruled(Stage(("bea@corp.example", "kai@corp.example"))))
    ask(office)
    own = office.last("approval_request", KAI.address)
    gone = replace(BEA, away="2026-12-31", delegate=KAI.address)
    office.change(people=Directory((*(one for one in PEOPLE.people if one is not BEA), gone), PEOPLE.teams))
    office.post(reply(own, "approve"))
    office.later(days=1)
    office.post(reply(office.last("approval_reminder", KAI.address), "approve"))
    office.post(reply(own, "approve"))
    assert votes(office) == [(1, "bea@corp.example", "pending"), (1, "kai@corp.example", "approved")]


def test_a_link_tells_for_a_month_after_its_question_is_over_and_then_nothing(opened: Opening) -> None:
    office = opened()
    ask(office)
    secret = office.last("approval_request").page
    over = office.now + timedelta(days=5 + 30)
    assert page.shown(office.store, office.house, secret, over - timedelta(seconds=1)) is not None
    assert page.shown(office.store, office.house, secret, over) is None
    assert page.decided(office.store, office.house, secret, "approve", "", "ab" * 32, over) is None
    assert office.ticket().status is Status.AWAITING_APPROVAL


def test_who_only_claims_to_be_the_requester_makes_no_approver_decide_anew(opened: Opening) -> None:
    office = opened(security=Security(authserv_ids=("mx.desk.example",)))
    office.post(aligned(mail("VPN, please.", subject="VPN")))
    asked = office.last("approval_request")
    office.post(mail("And root on every server.", subject=f"Re: {asked.subject}"))
    assert votes(office) == [(1, "bea@corp.example", "pending")]
    assert office.ticket().approval.number == 1  # type: ignore[union-attr]
    office.post(aligned(mail("And root on every server.", subject=f"Re: {asked.subject}")))
    assert office.ticket().approval.number == 2  # type: ignore[union-attr]


def test_a_rule_may_have_silence_decline(opened: Opening) -> None:
    office = opened(ruled(expire=timedelta(days=2), on_expire=OnExpire.DECLINE))
    ask(office)
    office.letters()
    office.later(days=2)
    assert office.ticket().status is Status.DECLINED
    assert ("declined", "ann@out.example") in names(office)
    assert "nobody gave it in time" in " ".join(office.last("declined").text.split())
    assert office.violations() == []


def test_after_a_downtime_what_was_missed_is_one_reminder(opened: Opening) -> None:
    office = opened(ruled(remind=(timedelta(hours=1), timedelta(hours=2), timedelta(hours=3)), expire=timedelta(days=5)))
    ask(office)
    office.letters()
    office.later(days=1)
    assert names(office) == [("approval_reminder", "bea@corp.example")]


def test_the_clocks_of_a_ticket_stand_still_while_it_waits_for_an_approval(opened: Opening) -> None:
    policy = replace(ruled(), slas=(Sla("all", targets=(("resolution", timedelta(hours=4)),)),))
    office = opened(policy)
    ask(office)
    (clock,) = office.ticket().clocks
    assert clock.state == "paused"
    office.later(hours=10)
    office.post(reply(office.last("approval_request"), "approve"))
    (clock,) = office.ticket().clocks
    assert (clock.state, clock.stretches[-1]) == ("running", (office.now, None))


# ------------------------------------------------------------------------------------------- what was asked has changed


def test_what_the_requester_adds_is_asked_anew_and_old_marks_say_so(opened: Opening) -> None:
    office = opened(ruled(Stage(("bea@corp.example", "kai@corp.example"))))
    office.post(mail("VPN please.", subject="VPN"), sender="ann@out.example", submission=True)
    old = office.last("approval_request", "bea@corp.example")
    office.post(reply(office.last("approval_request", "kai@corp.example"), "approve"))
    office.letters()
    office.post(mail("And administrator rights as well.", to=office.signed(1, "ann@out.example"), subject="VPN"), sender="ann@out.example")
    assert [(one.approver, one.round, one.state.value) for one in office.ticket().asks] == [
        ("bea@corp.example", 1, "withdrawn"), ("kai@corp.example", 1, "approved"),
        ("bea@corp.example", 2, "pending"), ("kai@corp.example", 2, "pending"),
    ]  # fmt: skip
    assert names(office) == [("approval_request", "bea@corp.example"), ("approval_request", "kai@corp.example")]
    new = office.last("approval_request", "bea@corp.example")
    assert "The request has changed since you were asked before." in new.text
    assert "administrator rights" in new.text
    office.post(reply(old, "approve"))
    assert office.ticket().asks[2].state is Verdict.PENDING
    assert "has changed or was withdrawn" in office.last("decision").text
    seen = page.decided(office.store, office.house, old.page, "approve", "", "ab" * 32, office.now)
    assert seen is not None
    assert (seen.said, seen.note) == ("too-late", "withdrawn")
    # A thank-you asks for nothing.
    office.post(mail("Thank you!", to=office.signed(1, "ann@out.example"), subject="VPN"), sender="ann@out.example")
    assert office.ticket().approval == office.ticket().approval
    assert office.ticket().asks[-1].round == 2
    assert office.violations() == []


@pytest.mark.parametrize("order", ["#category Access/Files", "#requester eve@out.example"])
def test_another_request_is_asked_anew(opened: Opening, order: str) -> None:
    policy = replace(
        ruled(Stage(("kai@corp.example",))), categories=(*ruled().categories, Category("Access/Files", When(subject=(re.compile("x"),))))
    )
    office = opened(policy)
    ask(office)
    office.order(1, order)
    assert [(one.round, one.state.value) for one in office.ticket().asks] == [(1, "withdrawn"), (2, "pending")]
    assert office.violations() == []


def test_priority_team_and_tags_are_no_other_request(opened: Opening) -> None:
    office = opened()
    ask(office)
    for line in ("#priority P1", "#tag vip", "#note seen", "#take"):
        office.order(1, line)
    assert [(one.round, one.state.value) for one in office.ticket().asks] == [(1, "pending")]


def test_what_needs_no_approval_any_more_goes_to_the_team(opened: Opening) -> None:
    policy = replace(ruled(), categories=(*ruled().categories, Category("Hardware", When(subject=(re.compile("x"),)))))
    office = opened(policy)
    ask(office)
    office.letters()
    office.order(1, "#category Hardware")
    assert office.ticket().status is Status.NEW
    assert ("new_ticket", "tina@desk.example") in names(office)
    assert office.violations() == []


def test_a_ticket_that_comes_to_need_an_approval_waits_for_it(opened: Opening) -> None:
    office = opened()
    office.post(mail("The printer."), sender="ann@out.example")
    office.order(1, "#start")
    office.order(1, "#category Access/VPN")
    assert office.ticket().status is Status.AWAITING_APPROVAL
    office.letters()
    office.post(reply(office.last("approval_request"), "approve"))
    assert office.ticket().status is Status.ANALYSIS
    assert ("approved", "ann@out.example") in names(office)
    # What was approved stays so.
    office.order(1, "#priority P1")
    assert office.ticket().status is Status.ANALYSIS
    assert office.violations() == []


@pytest.mark.parametrize("order", ["#close", "#spam", "#merge 1"])
def test_what_ends_is_asked_of_nobody_any_more(opened: Opening, order: str) -> None:
    office = opened()
    office.post(mail("The printer."), sender="ann@out.example")
    number = ask(office)
    letter = office.last("approval_request")
    office.order(number, order)
    assert [one.state.value for one in office.ticket(number).asks] == ["withdrawn"]
    office.post(reply(letter, "approve"))
    assert state_of(office.ticket(number).status) is State.CLOSED
    assert "has changed or was withdrawn" in office.last("decision").text
    assert office.count() == 2
    assert office.violations() == []


def test_the_requester_cancels_what_waits_for_an_approval(opened: Opening) -> None:
    office = opened()
    office.post(mail("VPN please.", subject="VPN"), sender="ann@out.example", submission=True)
    office.post(reply(office.last("acknowledgement"), "cancel"))
    assert office.ticket().status is Status.CANCELLED
    assert [one.state.value for one in office.ticket().asks] == ["withdrawn"]


def test_an_end_that_is_taken_back_is_asked_anew(opened: Opening) -> None:
    office = opened()
    ask(office)
    office.order(1, "#close")
    office.order(1, "#undo")
    assert office.ticket().status is Status.AWAITING_APPROVAL
    assert [(one.round, one.state.value) for one in office.ticket().asks] == [(1, "withdrawn"), (2, "pending")]
    office.post(reply(office.last("approval_request"), "approve"))
    assert office.ticket().status is Status.NEW
    assert office.violations() == []


# ---------------------------------------------------------------------------------------------------- technicians ask


def test_a_technician_sends_a_ticket_for_approval_and_takes_it_back(opened: Opening) -> None:
    office = opened()
    office.post(mail("A new monitor, please."), sender="ann@out.example")
    letter = office.last("new_ticket", "tina@desk.example")
    office.letters()
    office.post(reply(letter, "#approval kai, manager", quote=False))
    assert office.ticket().status is Status.AWAITING_APPROVAL
    assert names(office) == [
        ("approval_request", "kai@corp.example"), ("approval_request", "bea@corp.example"), ("receipt", "tina@desk.example"),
    ]  # fmt: skip
    assert "Sent by:      Tina Turner" in office.last("approval_request").text
    assert "→ Bea Boss <bea@corp.example>, Kai Kunz <kai@corp.example>" in office.last("receipt").text
    office.post(reply(office.last("receipt"), "#undo", quote=False))
    assert office.ticket().status is Status.NEW
    assert {one.state.value for one in office.ticket().asks} == {"withdrawn"}
    office.post(reply(office.last("receipt"), "#approval Kai Kunz", quote=False))
    office.letters()
    office.post(reply(office.last("approval_request", "kai@corp.example"), "approve"))
    assert office.ticket().status is Status.NEW
    assert [to for name, to in names(office) if name == "approved"] == [
        "ann@out.example",
        "tina@desk.example",
        "tom@desk.example",
        "leo@desk.example",
    ]
    assert office.violations() == []


def test_without_a_name_the_rule_says_who_is_asked(opened: Opening) -> None:
    office = opened(ruled(auto_submit=False))
    ask(office)
    assert office.ticket().status is Status.NEW
    office.order(1, "#approval")
    assert votes(office) == [(1, "bea@corp.example", "pending")]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("#approval", "No rule says who approves this."),
        ("#approval nobody", "Nobody whom we know is called so."),
        ("#approval ann@out.example", "Nobody of those may approve it"),
        ("#approval tina@desk.example", "Nobody of those may approve it"),
        ("#approval t", "Tina Turner <tina@desk.example>, Tom Thumb <tom@desk.example>"),
    ],
)
def test_a_line_that_names_nobody_who_may_gets_a_receipt(opened: Opening, line: str, wrong: str) -> None:
    office = opened()
    office.post(mail("A new monitor, please."), sender="ann@out.example")
    office.post(reply(office.last("new_ticket", "tina@desk.example"), line, quote=False))
    receipt = " ".join(office.last("receipt").text.split())
    assert office.ticket().status is Status.NEW
    assert wrong in receipt
    assert "#approval bea@corp.example" in receipt


def test_what_policy_wants_approved_no_technician_takes_back(opened: Opening) -> None:
    office = opened()
    ask(office)
    done = order(office.store, office.house, TicketId(1), "#undo", TINA.address, office.now)
    assert [one.slug for one in done.decision.refusals] == ["nothing-to-undo"]
    assert office.ticket().status is Status.AWAITING_APPROVAL


# ---------------------------------------------------------------------------------------------------------------- step-up


def codes(office: Office) -> str:
    """The code of the newest letter that has one."""
    found = re.search(r"^ {4}(\d{8})\r?$", office.last("approval_code").text, re.MULTILINE)
    assert found
    return found[1]


def test_a_code_from_the_approvers_own_mailbox_makes_the_click_count(opened: Opening) -> None:
    office = opened(ruled(step_up=True))
    ask(office)
    secret = office.last("approval_request").page

    def press(code: str = "") -> page.Shown:
        seen = page.decided(office.store, office.house, secret, "approve", "", "ab" * 32, office.now, code=code)
        assert seen is not None
        return seen

    office.letters()
    assert press().said == "needs-code"
    assert press().said == "needs-code"
    assert names(office) == [("approval_code", "bea@corp.example")]
    right = codes(office)
    assert press("00000000" if right != "00000000" else "00000001").said == "wrong-code"
    assert office.ticket().status is Status.AWAITING_APPROVAL
    assert press(f" {right[:4]} {right[4:]} ").said == "decided"
    assert office.ticket().status is Status.NEW
    assert press(right).said == "too-late"
    assert office.violations() == []


def test_a_code_lives_ten_minutes_and_bears_five_wrong_guesses(opened: Opening) -> None:
    office = opened(ruled(step_up=True))
    ask(office)
    secret = office.last("approval_request").page

    def press(code: str = "") -> str:
        seen = page.decided(office.store, office.house, secret, "approve", "", "ab" * 32, office.now, code=code)
        assert seen is not None
        return seen.said

    press()
    first = codes(office)
    office.now += timedelta(minutes=10)
    assert press(first) == "wrong-code"
    second = codes(office)
    assert second != first
    for _ in range(5):
        assert press("12345678" if second != "12345678" else "87654321") == "wrong-code"
    assert press(second) == "wrong-code"
    office.letters()
    # And no more than five are mailed in a day.
    for _ in range(10):
        office.now += timedelta(minutes=11)
        press()
    assert len(names(office)) <= 4
    assert office.ticket().status is Status.AWAITING_APPROVAL


def test_with_step_up_a_mail_counts_from_a_proven_address_alone(opened: Opening) -> None:
    office = opened(ruled(step_up=True), security=Security(authserv_ids=("mx.desk.example",)))
    ask(office)
    office.post(aligned(tap(office.last("approval_request"), "approve"), "corp.example"))
    assert office.ticket().status is Status.NEW


# ------------------------------------------------------------------------------------------------------- on both databases


def test_the_whole_way_on_both_databases(tmp_path: Path, store_url: str) -> None:
    office = Office(tmp_path, store_url, PEOPLE, ruled(Stage(("manager",)), Stage(("owner", "kai@corp.example"), 1)), desk=WEB)
    ask(office)
    office.later(days=1)
    page.decided(office.store, office.house, office.last("approval_reminder").page, "approve", "yes", "ab" * 32, office.now)
    office.post(reply(office.last("approval_request", "kai@corp.example"), "approve"))
    ticket = office.ticket()
    assert ticket.status is Status.NEW
    assert [(one.state.value, one.how) for one in ticket.asks] == [("approved", "link"), ("approved", "mail"), ("withdrawn", None)]
    assert office.violations() == []
    office.close()


# --------------------------------------------------------------------------------------------------- other desks, other mail


def test_where_the_mail_server_knows_no_sub_addresses_the_buttons_bear_their_mark_in_the_subject(opened: Opening) -> None:
    office = opened(desk=replace(WEB, subaddress=""))
    ask(office)
    letter = office.last("approval_request")
    found = re.search(r"<mailto:desk@desk\.example\?subject=(approve\.1\.\w+)>", letter.text)
    assert found
    office.post(mail("", to="desk@desk.example", sender="bea@corp.example", subject=found[1]))
    assert office.ticket().status is Status.NEW
    number = ask(office)
    # An answer in words is known by the thread.
    office.post(reply(office.last("approval_request"), "reject no"))
    assert office.ticket(number).status is Status.DECLINED


def test_of_a_confidential_ticket_the_letter_tells_the_number_and_the_page_the_rest(opened: Opening) -> None:
    office = opened(desk=replace(WEB, confidential=True))
    ask(office, "My illness needs VPN.")
    letter = office.last("approval_request")
    assert "MG-1" in letter.text
    for word in ("illness", "VPN", "Ann", "ann@out.example"):
        assert word not in letter.text + letter.html
    seen = page.shown(office.store, office.house, letter.page, office.now)
    assert seen is not None
    assert seen.words == "My illness needs VPN."
    office.post(reply(letter, "approve"))
    assert office.ticket().status is Status.NEW


def test_without_a_public_address_letters_have_no_link_and_no_secret_is_made(opened: Opening) -> None:
    office = opened(desk=DESK)
    ask(office)
    letter = office.last("approval_request")
    assert "http" not in letter.text
    with office.store.look() as tx:
        assert tx.execute(schema.secret_links.select()).all() == []
    office.post(reply(letter, "approve"))
    assert office.ticket().status is Status.NEW


def test_a_letter_that_waited_goes_out_while_it_asks_something_and_to_whom_nobody_else_knows(opened: Opening) -> None:
    office = opened(ruled(Stage(("boss@far.example",))))
    ask(office)
    first = office.last("approval_request")
    office.now += timedelta(minutes=1)
    office.post(mail("And root, please.", to=office.signed(1, "ann@out.example"), subject="VPN"), sender="ann@out.example")
    second = office.last("approval_request")
    delivery = Delivery(office.store, office.house, "office", lambda: office.now, lambda: 0.0, lambda: 0.5)
    assert [one.row for one in delivery.claim() if one.recipient == "boss@far.example"] == [second.row.id]
    with office.store.look() as tx:
        assert [one.reason for one in outbox.rows(tx, limit=100) if one.id == first.row.id] == ["superseded"]


def test_what_is_removed_takes_its_approvals_and_links_along(opened: Opening) -> None:
    policy = replace(ruled(), retention=Retention(tickets=timedelta(days=30)))
    office = opened(policy)
    ask(office)
    office.post(reply(office.last("approval_request"), "reject too dear"))
    office.later(days=31)
    assert office.ticket().subject == "(removed)"
    assert office.ticket().asks == ()
    with office.store.look() as tx:
        assert tx.execute(schema.secret_links.select()).all() == []
        assert "too dear" not in str(tx.execute(schema.events.select()).all())
    assert office.violations() == []


def test_a_question_that_did_not_arrive_is_told_to_lead_and_owner(opened: Opening) -> None:
    office = opened()
    ask(office)
    letter = office.last("approval_request")
    office.letters()
    office.post(delivery_report(letter), sender=None, to=(office.bounce_address(letter),))
    assert names(office) == [("approval_waits", "leo@desk.example"), ("approval_waits", "olga@desk.example")]
    assert "A question to an approver did not arrive" in office.last("approval_waits").text
    assert office.ticket().status is Status.AWAITING_APPROVAL


def test_a_lead_who_is_asked_may_answer_with_commands_as_well(opened: Opening) -> None:
    office = opened(ruled(Stage(("leo@desk.example",))))
    ask(office)
    office.post(reply(office.last("approval_request"), "#note Let us ask Max.", quote=False))
    assert [(one.visibility, one.text) for one in office.story().messages][-1] == ("internal", "Let us ask Max.")
    assert office.ticket().status is Status.AWAITING_APPROVAL
    office.post(reply(office.last("approval_request"), "approve"))
    assert office.ticket().status is Status.NEW


def test_who_stood_in_disowns_what_was_decided_in_his_name_and_nothing_else(opened: Opening) -> None:
    gone = replace(KAI, away="2026-12-31", delegate=MAX.address)
    people = Directory((*(one for one in PEOPLE.people if one.address != KAI.address), gone), PEOPLE.teams)
    office = opened(ruled(Stage(("bea@corp.example", "olga@desk.example", "kai@corp.example"))), people=people)
    ask(office)
    office.post(reply(office.last("approval_request", "bea@corp.example"), "approve"))
    office.post(reply(office.last("approval_request", "max@desk.example"), "approve"))
    told = office.last("decision", "max@desk.example")
    assert "By:           Max Manager" in told.text
    office.post(tap(told, "disown"))
    assert [event.note for event in office.story().events if event.verb == "disowned"] == ["approved by max@desk.example"]
    assert office.ticket().approval.number == 2  # type: ignore[union-attr]
    assert office.violations() == []
