"""Who gets around an approval? Whoever asks for himself, chooses who is asked, moves a ticket there and back: nobody does."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from mailgate.desk.approval import Stage
from mailgate.desk.model import Address, Status
from mailgate.desk.plans import Category, When
from mailgate.desk.policy import Policy
from mailgate.flow import approvals as page
from tests.kit.office import Office, mail, reply
from tests.stories.test_approvals import PEOPLE, WEB, ruled, tap

KAI = Stage(("kai@corp.example",))


@pytest.fixture
def opened(open_office: Callable[..., Office]) -> Callable[..., Office]:
    """A desk where access needs Kai's approval."""

    def make(policy: Policy | None = None, **others: object) -> Office:
        return open_office(people=PEOPLE, policy=policy or ruled(KAI), desk=WEB, **others)

    return make


def asks(office: Office, sender: str = "ann@out.example", subject: str = "VPN for the project") -> None:
    office.post(mail("Please.", subject=subject, sender=sender), sender=sender)


def rounds(office: Office, number: int = 1) -> list[tuple[int, int, str, str]]:
    """Round, stage, approver and state of every question."""
    return [(one.round, one.stage, one.approver, one.state.value) for one in office.ticket(number).asks]


def test_attack_33_a_sub_address_makes_nobody_another_person(opened: Callable[..., Office]) -> None:
    office = opened(ruled(Stage(("kai@corp.example", "bea@corp.example"), 1)))
    asks(office, sender="kai+me@corp.example")
    assert rounds(office) == [(1, 1, "bea@corp.example", "pending")]


def test_attack_33_whose_ticket_is_merged_into_it_decides_nothing_about_it(opened: Callable[..., Office]) -> None:
    office = opened(ruled(Stage(("kai@corp.example", "bea@corp.example"), 1)))
    asks(office)
    letter = office.last("approval_request", "kai@corp.example")
    asks(office, sender="kai@corp.example", subject="A printer")
    office.merge(2, 1)
    assert rounds(office)[2:] == [(2, 1, "bea@corp.example", "pending")]
    office.post(tap(letter, "approve"))
    assert office.ticket().status is Status.AWAITING_APPROVAL
    # Nor once the merge is taken back: by then he had asked for the same.
    office.order(2, "#undo")
    office.post(tap(letter, "approve"))
    assert office.ticket().status is Status.AWAITING_APPROVAL


def test_attack_33_what_was_approved_for_one_is_asked_anew_for_another(opened: Callable[..., Office]) -> None:
    office = opened(ruled(Stage(("manager",))))
    asks(office)
    office.post(tap(office.last("approval_request"), "approve"))
    assert office.ticket().status is Status.NEW
    office.order(1, "#requester bea@corp.example")
    assert office.ticket().status is Status.AWAITING_APPROVAL
    assert rounds(office) == [(1, 1, "bea@corp.example", "approved"), (2, 1, "max@desk.example", "pending")]


def test_a_technician_asks_others_first_and_never_instead_of_those_whom_policy_names(opened: Callable[..., Office]) -> None:
    office = opened()
    asks(office)
    office.order(1, "#approval tom@desk.example")
    office.post(tap(office.last("approval_request", "tom@desk.example"), "approve"))
    assert office.ticket().status is Status.AWAITING_APPROVAL
    assert rounds(office)[1:] == [(2, 1, "tom@desk.example", "approved"), (2, 2, "kai@corp.example", "pending")]
    office.post(tap(office.last("approval_request", "kai@corp.example"), "approve"))
    assert office.ticket().status is Status.NEW
    # Once they have said yes, he may ask somebody else beside.
    office.order(1, "#approval leo@desk.example")
    assert rounds(office)[3:] == [(3, 1, "leo@desk.example", "pending")]


def test_a_ticket_that_comes_to_need_an_approval_while_others_are_asked_needs_both(opened: Callable[..., Office]) -> None:
    office = opened()
    asks(office, subject="A new monitor")
    office.order(1, "#approval tom@desk.example")
    office.order(1, "#category Access/VPN")
    office.post(tap(office.last("approval_request", "tom@desk.example"), "approve"))
    assert rounds(office)[1:] == [(2, 1, "tom@desk.example", "approved"), (2, 2, "kai@corp.example", "pending")]


def test_what_another_desk_wants_approved_is_asked_for_when_the_ticket_comes_there(opened: Callable[..., Office]) -> None:
    one = ruled(KAI).approvals[0]
    policy = Policy(
        categories=(Category("Access/VPN", When(subject=(re.compile("VPN"),))),),
        approvals=(replace(one, when=When(category=("Access/*",), desk=("Service Desk",))),),
    )
    works = replace(WEB, name="Works", address=Address("works@desk.example"), tag="WK")
    office = opened(policy, further=(works,))
    office.post(mail("Please.", to="works@desk.example", subject="VPN"), to=["works@desk.example"])
    assert office.ticket().status is Status.NEW
    office.order(1, "#desk Service Desk")
    assert rounds(office) == [(1, 1, "kai@corp.example", "pending")]
    # There and back is no way around it.
    office.order(1, "#desk Works")
    assert office.ticket().status is Status.NEW
    office.order(1, "#desk Service Desk")
    assert rounds(office)[1:] == [(2, 1, "kai@corp.example", "pending")]


def test_behind_the_link_nobody_reads_what_was_said_after_his_part_was_over(opened: Callable[..., Office]) -> None:
    office = opened()
    asks(office)
    letter = office.last("approval_request")
    office.post(tap(letter, "approve"))
    office.later(minutes=5)
    office.post(mail("The password is hunter2.", to=office.signed(1, "ann@out.example"), subject="VPN"))
    office.later(minutes=5)
    seen = page.shown(office.store, office.house, letter.page, office.now)
    assert seen is not None
    assert seen.words == "Please."
    # Nor in a letter that tells him that he comes too late.
    office.post(reply(letter, "approve", quote=False))
    assert "hunter2" not in office.last("decision", "kai@corp.example").text


def test_a_code_is_good_behind_each_of_an_approvers_links(opened: Callable[..., Office]) -> None:
    """He has one in his reminder as well, and may ask for the code behind one and enter it behind the other."""
    office = opened(ruled(KAI, step_up=True))
    asks(office)
    first = office.last("approval_request").page
    office.later(days=1)
    second = office.last("approval_reminder").page
    assert first != second
    page.decided(office.store, office.house, first, "approve", "", "ab" * 32, office.now)
    code = re.search(r"^ {4}(\d{8})\r?$", office.last("approval_code").text, re.MULTILINE)
    assert code
    page.decided(office.store, office.house, second, "approve", "", "cd" * 32, office.now, code=code[1])
    assert office.ticket().status is Status.NEW


def test_what_ended_with_its_parent_still_needs_its_approval_when_its_requester_opens_it_again(opened: Callable[..., Office]) -> None:
    office = opened()
    office.post(mail("Please.", subject="The gateway is down"))
    asks(office, sender="eve@out.example")
    office.order(2, "#parent 1")
    for line in ("#take", "#start", "#resolve done"):
        office.order(1, line)
    assert office.ticket(2).status is Status.RESOLVED_BY_ORIGIN
    office.post(mail("reopen", to=office.signed(2, "eve@out.example"), sender="eve@out.example", subject="VPN"))
    assert office.ticket(2).status is Status.AWAITING_APPROVAL
    assert rounds(office, 2) == [(1, 1, "kai@corp.example", "withdrawn"), (2, 1, "kai@corp.example", "pending")]
    office.post(tap(office.last("approval_request"), "approve"))
    assert office.ticket(2).status is Status.ANALYSIS
    # What was approved stays so, however often it is opened again.
    for line in ("#resolve done", "#reopen"):
        office.order(2, line)
    assert office.ticket(2).status is not Status.AWAITING_APPROVAL
