"""An approver decides on a page: what he reads, how he says yes or no, and that he says it once. Numbers are those of the attack list."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from msgspec.structs import replace

from mailgate.desk.approval import How, Stage, Verdict
from mailgate.desk.model import Address, Directory, Status
from tests.kit.frontdoor import Frontdoor, rows_of
from tests.kit.office import Letter, Office, mail, reply
from tests.stories.test_approvals import ANN, BEA, KAI, PEOPLE, WEB, ruled, tap

Opening = Callable[..., tuple[Office, Frontdoor]]


@pytest.fixture
def opened(open_office: Callable[..., Office], frontdoor: Callable[..., Frontdoor]) -> Opening:
    """A desk where access needs approval, and its door. Ann has asked for it."""

    def make(*stages: Stage, people: Directory = PEOPLE, **others: object) -> tuple[Office, Frontdoor]:
        office = open_office(people=people, policy=ruled(*stages, **others), desk=WEB)
        office.post(mail("Please give me VPN access.\n<b>Ann</b>", subject="VPN for the project"))
        return office, frontdoor(office)

    return make


def page_of(letter: Letter) -> str:
    """The path of the page that a letter to an approver names."""
    return f"/approval/{letter.page}"


def asked(office: Office, to: Address = BEA.address) -> str:
    return page_of(office.last("approval_request", to))


# ------------------------------------------------------------------------------------------------ what he reads


def test_the_page_says_as_whom_what_and_who_asks_and_has_one_plain_form(opened: Opening) -> None:
    office, door = opened()
    with door.visitor() as bea:
        seen = bea.opens(asked(office))
    assert seen.status == 200
    assert "Do you approve?" in seen.text
    assert "You decide as Bea Boss <bea@corp.example>" in seen.text
    assert "Ann Other asks for something that needs your approval." in seen.text
    assert "VPN for the project" in seen.text
    assert "Please give me VPN access. <b>Ann</b>" in seen.text
    assert "Access/VPN" in seen.text
    assert "Nothing proves that the request really comes from ann@out.example." in seen.text
    assert seen.html.count("<form") == 1
    assert '<button name="decision" value="approve">' in seen.html
    assert '<button name="decision" value="reject">' in seen.html
    assert set(seen.hidden) == {"proof", "serial"}


def test_others_and_what_they_said_stand_below(opened: Opening) -> None:
    office, door = opened(Stage((BEA.address, KAI.address)), Stage(("owner",)))
    with door.visitor() as bea, door.visitor() as kai:
        assert "All who are asked have to approve" in kai.opens(asked(office, KAI.address)).text
        bea.presses(asked(office), decision="approve", why="It is in the plan.")
        seen = kai.opens(asked(office, KAI.address))
    assert "Stage 1 of 2" in seen.text
    assert "Bea Boss approved" in seen.text
    assert "It is in the plan." in seen.text


def test_a_german_approver_reads_german(opened: Opening) -> None:
    people = Directory(tuple(replace(one, language="de") if one == BEA else one for one in PEOPLE.people), PEOPLE.teams)
    office, door = opened(people=people)
    with door.visitor() as bea:
        seen = bea.opens(asked(office))
        assert '<html lang="de">' in seen.html
        assert "Sie entscheiden als Bea Boss" in seen.text
        assert "Sie haben abgelehnt" in bea.presses(asked(office), decision="reject", why="Kein Budget.").text
    assert "> Kein Budget." in office.last("declined").text


# ------------------------------------------------------------------------------------------------ what he does


def test_yes_is_said_with_one_button_and_the_ticket_goes_on(opened: Opening) -> None:
    office, door = opened()
    path = asked(office)
    with door.visitor() as bea:
        seen = bea.presses(path, decision="approve")
    assert (seen.status, "You have approved" in seen.text) == (200, True)
    assert "We have mailed this to bea@corp.example" in seen.text
    (ask,) = office.ticket().asks
    assert (office.ticket().status, ask.state, ask.how) == (Status.NEW, Verdict.APPROVED, How.LINK)
    assert re.fullmatch("[0-9a-f]{64}", ask.evidence or "")
    assert office.last("decision", BEA.address)


def test_no_needs_a_reason_which_the_requester_reads(opened: Opening) -> None:
    office, door = opened()
    with door.visitor() as bea:
        missing = bea.presses(asked(office), decision="reject", why="  \n ")
        assert (missing.status, "Please say why you reject it" in missing.text) == (422, True)
        assert office.ticket().status is Status.AWAITING_APPROVAL
        seen = bea.sends(asked(office), missing.hidden, decision="reject", why="The budget is spent.\nAsk in spring.")
    assert "You have rejected" in seen.text
    assert office.ticket().status is Status.DECLINED
    assert "> The budget is spent." in office.last("declined").text


@pytest.mark.parametrize("form", [{}, {"decision": ""}, {"decision": "APPROVE"}, {"decision": "approve reject"}, {"why": "yes"}])
def test_case_38_without_a_button_nothing_is_decided(opened: Opening, form: dict[str, str]) -> None:
    office, door = opened()
    before = rows_of(office.store)
    with door.visitor() as bea:
        seen = bea.presses(asked(office), **form)
    assert (seen.status, "press one of the two buttons" in seen.text) == (422, True)
    assert rows_of(office.store) == before


def test_case_47_without_the_cookie_of_this_page_nothing_is_decided(opened: Opening) -> None:
    office, door = opened()
    before = rows_of(office.store)
    with door.visitor() as bea, door.visitor() as eve:
        form = bea.opens(asked(office)).hidden
        seen = eve.sends(asked(office), form, decision="approve")
    assert (seen.status, "press the button once more" in seen.text) == (403, True)
    assert rows_of(office.store) == before


# ------------------------------------------------------------------------------------------------ once


def test_case_39_whoever_comes_second_reads_who_decided_when_and_how(opened: Opening) -> None:
    office, door = opened()
    path = asked(office)
    with door.visitor() as bea, door.visitor() as tab:
        one, other = bea.opens(path).hidden, tab.opens(path).hidden
        bea.sends(path, one, decision="approve", why="Fine.")
        again = [bea.sends(path, one, decision="approve"), bea.opens(path), tab.sends(path, other, decision="reject", why="No!")]
    for seen in again:
        assert seen.status == 200
        assert "This is decided" in seen.text
        assert "Decision approved By Bea Boss On 2 March 2026, 09:00 UTC How on this page Reason Fine." in seen.text
        assert 'value="approve"' not in seen.html
    assert [one.verb for one in office.story().events].count("approve") == 1


def test_case_39_twenty_hands_and_a_mail_at_once_are_one_decision(opened: Opening) -> None:
    office, door = opened()
    path, letter = asked(office), office.last("approval_request")
    with door.visitor() as bea, ThreadPoolExecutor(21) as hands:
        form = bea.opens(path).hidden
        pressed = [hands.submit(bea.sends, path, form, decision=verb, why="x") for verb in ["approve", "reject"] * 10]
        mailed = hands.submit(office.post, tap(letter, "approve"))
        assert {one.result().status for one in pressed} == {200}
        mailed.result()
    decided = [one for one in office.story().events if one.verb in ("approve", "reject")]
    assert len(decided) == 1
    (ask,) = office.ticket().asks
    assert ask.state is {"approve": Verdict.APPROVED, "reject": Verdict.REJECTED}[decided[0].verb]


def test_by_mail_first_and_the_page_says_so(opened: Opening) -> None:
    office, door = opened()
    path = asked(office)
    office.post(reply(office.last("approval_request"), "approve", name="Bea"))
    with door.visitor() as bea:
        assert "Decision approved By Bea Boss On 2 March 2026, 09:00 UTC How by mail" in bea.opens(path).text


def test_what_is_over_or_was_replaced_says_so(opened: Opening) -> None:
    office, door = opened(expire=timedelta(days=2))
    path = asked(office)
    with door.visitor() as bea:
        form = bea.opens(path).hidden
        office.later(days=2, minutes=1)
        for seen in (bea.opens(path), bea.sends(path, form, decision="approve")):
            assert "The time for this is over" in seen.text
            assert 'value="approve"' not in seen.html
    assert office.ticket().asks[0].state is Verdict.EXPIRED


def test_a_withdrawn_request_says_so(opened: Opening) -> None:
    office, door = opened()
    path = asked(office)
    office.post(reply(office.last("acknowledgement"), "cancel"))
    with door.visitor() as bea:
        assert "This is no longer asked" in bea.opens(path).text


def test_a_decision_can_be_disowned_on_the_page(opened: Opening) -> None:
    office, door = opened()
    path = asked(office)
    with door.visitor() as bea:
        bea.presses(path, decision="approve")
        seen = bea.opens(path)
        assert "Was this not you?" in seen.text
        assert "The service desk knows" in bea.sends(path, seen.hidden, decision="disown").text
    assert office.ticket().status is Status.AWAITING_APPROVAL
    assert office.ticket().approval.number == 2  # type: ignore[union-attr]


# ------------------------------------------------------------------------------------------------ whose it is


def test_case_34_where_more_than_a_link_is_asked_for_a_forwarded_one_decides_nothing(opened: Opening) -> None:
    office, door = opened(step_up=True)
    path = asked(office)
    with door.visitor() as colleague:
        seen = colleague.presses(path, decision="approve", why="Sure.")
        assert "mailed a code to bea@corp.example" in seen.text
        assert "Sure." in seen.html
        wrong = colleague.sends(path, seen.hidden, decision="approve", code="00000000")
        assert (wrong.status, "not the right one" in wrong.text) == (422, True)
        assert office.ticket().status is Status.AWAITING_APPROVAL
        (code,) = re.findall(r"\b\d{8}\b|\b\d{4} \d{4}\b", office.last("approval_code", BEA.address).text)
        assert "You have approved" in colleague.sends(path, wrong.hidden, decision="approve", code=f" {code} ").text
    assert office.ticket().status is Status.NEW


def test_case_33_who_became_the_requester_meanwhile_decides_nothing_about_himself(opened: Opening) -> None:
    office, door = opened()
    path = asked(office)
    office.order(1, f"#requester {BEA.address}")
    with door.visitor() as bea:
        assert 'value="approve"' not in bea.opens(path).html
    assert not [one for one in office.story().events if one.verb == "approve"]


@pytest.mark.parametrize("secret", ["x" * 43, "x" * 300, "..", "%00", "a b", ""])
def test_case_41_a_secret_that_was_never_given_opens_nothing(opened: Opening, secret: str) -> None:
    _, door = opened()
    with door.visitor() as eve:
        assert eve.opens(f"/approval/{secret}").status == 404
        assert eve.client.post(f"/approval/{secret}", data={"decision": "approve"}).status_code == 404


def test_the_requester_cannot_open_it_with_what_he_has(opened: Opening) -> None:
    office, _ = opened()
    letters = [one for one in office.everything_sent() if one.to == ANN.address]
    secret = office.last("approval_request").page
    assert letters
    assert not any(secret in one.text + one.html for one in letters)
