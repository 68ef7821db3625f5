"""Who is who, and since when? Roles come from people.toml at the moment of the effect, and count only with the proof that they need."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from mailgate.desk.model import Address, Directory, Person, Role, Strength, Team, TicketId
from mailgate.desk.policy import Security
from mailgate.flow import operate
from tests.kit.office import MAX, OLGA, PEOPLE, TINA, TOM, Letter, Office, aligned, mail, reply
from tests.stories.conftest import GUARDED

ANN = "ann@out.example"


def asked(office: Office) -> Letter:
    """A ticket of Ann's; the letter with which Tina hears of it."""
    office.post(aligned(mail("The printer is dead.")))
    letter = office.last("new_ticket", TINA.address)
    office.letters()
    return letter


def without(*gone: Person) -> Directory:
    return Directory(tuple(one for one in PEOPLE.people if one not in gone), PEOPLE.teams)


# ------------------------------------------------------------------------------------------------------ former technicians


def test_attack_025_a_technician_who_left_is_a_stranger_with_an_old_letter(office: Office) -> None:
    letter = asked(office)
    office.change(people=without(TINA))
    row = office.post(reply(letter, "#close", name="Tina"))
    assert (row.ticket, office.ticket(1).status) == (2, "New")
    assert len(office.story(1).messages) == 1
    assert [one for one in office.letters() if one.to == ANN] == []


def test_attack_025_a_former_assignee_may_still_write_and_no_longer_command(office: Office) -> None:
    letter = asked(office)
    office.post(reply(letter, "#take", name="Tina"))
    office.letters()
    office.change(people=without(TINA))
    office.post(reply(letter, "#resolve New toner.", name="Tina"))
    assert office.ticket().status == "Analysis"
    assert {(one.name, one.to) for one in office.letters()} == {("requester_replied", TOM.address)}


def test_who_became_a_technician_meanwhile_is_one(office: Office) -> None:
    office.change(people=without(TINA))
    office.post(mail("The printer is dead.", cc=str(TINA.address)))
    office.change(people=PEOPLE)
    office.post(mail("#take", sender=str(TINA.address), to=office.signed(1, TINA.address), subject="x"))
    assert office.ticket().assignee == TINA.address


# ----------------------------------------------------------------------------------------------------- proof of technicians


def test_attack_005_a_technician_by_address_alone_is_refused_and_his_own_mailbox_is_told_once_a_day(either_office: Office) -> None:
    office = either_office
    asked(office)
    for number in range(3):
        row = office.post(mail(f"#close\n#note {number}", sender=str(TINA.address), subject="[MG-1]"))
        assert (row.state, row.reason, row.ticket) == ("done", "needs-stronger-sender", 1)
    note = office.story().messages[-1]
    assert (office.ticket().status, note.visibility, note.unverified) == ("New", "internal", True)
    assert [(one.name, one.to) for one in office.letters()] == [("receipt", TINA.address)]
    office.now += timedelta(days=1, seconds=1)
    office.post(mail("#close", sender=str(TINA.address), subject="[MG-1]"))
    assert [(one.name, one.to) for one in office.letters()] == [("receipt", TINA.address)]


def test_a_forged_manager_is_told_once_a_day_as_well(office: Office) -> None:
    """Nobody's mailbox is filled by who writes in his name."""
    asked(office)
    for person in (MAX, OLGA):
        for number in range(5):
            office.post(mail(f"remark {number}", sender=str(person.address), subject="[MG-1]"))
        assert [(one.name, one.to) for one in office.letters()] == [("receipt", person.address)]


def test_where_nobody_checks_senders_a_technicians_token_is_enough(office: Office) -> None:
    office.post(reply(asked(office), "#take", name="Tina"))
    assert office.ticket().assignee == TINA.address


def test_where_senders_are_checked_a_technicians_token_is_not_enough(open_office: Callable[..., Office]) -> None:
    """The letter may have been forwarded: a technician has to be `aligned` as well."""
    office = open_office(security=GUARDED)
    letter = asked(office)
    office.post(reply(letter, "#close", name="Tina"))
    assert office.ticket().status == "New"
    office.post(aligned(reply(letter, "#close", name="Tina"), "desk.example"))
    assert office.ticket().status == "Completed"


def test_attack_006_a_technician_whose_signature_a_relay_broke_is_refused(guarded: Office) -> None:
    letter = asked(guarded)
    broken = b"Authentication-Results: mx.desk.example; dkim=fail header.d=elsewhere.example; dmarc=none\r\n"
    row = guarded.post(broken + reply(letter, "#close", name="Tina"))
    assert (row.reason, guarded.ticket().status) == ("needs-stronger-sender", "New")


@pytest.mark.parametrize(
    "forged",
    [
        "Authentication-Results: elsewhere.example; dmarc=pass header.from=desk.example",
        "Received: from evil.example (evil.example [198.51.100.9]) by elsewhere.example; Mon, 2 Mar 2026 08:00:00 +0000\n"
        "Authentication-Results: mx.desk.example; dmarc=pass header.from=desk.example",
        "X-Authentication-Results: mx.desk.example; dmarc=pass header.from=desk.example",
    ],
    ids=["of another border", "below a foreign hop", "under another name"],
)
def test_attack_007_results_that_our_border_did_not_write_prove_nobody(guarded: Office, forged: str) -> None:
    asked(guarded)
    row = guarded.post(mail("#close", sender=str(TINA.address), subject="[MG-1]", headers=forged))
    assert (row.reason, guarded.ticket().status) == ("needs-stronger-sender", "New")


def test_attack_009_a_signature_of_another_domain_proves_nobody(guarded: Office) -> None:
    asked(guarded)
    foreign = b"Authentication-Results: mx.desk.example; dkim=pass header.d=evil.example; dmarc=none\r\n"
    row = guarded.post(foreign + mail("#close", sender=str(TINA.address), subject="[MG-1]"))
    assert (row.reason, guarded.ticket().status) == ("needs-stronger-sender", "New")


def test_attack_010_a_signature_under_which_anything_may_be_appended_proves_nobody(guarded: Office) -> None:
    asked(guarded)
    partial = (
        b"Authentication-Results: mx.desk.example; dkim=pass header.d=desk.example header.s=s header.b=abcd; dmarc=none\r\n"
        b"DKIM-Signature: v=1; a=rsa-sha256; d=desk.example; s=s; l=10; h=from; bh=x; b=abcdefgh\r\n"
    )
    row = guarded.post(partial + mail("#close", sender=str(TINA.address), subject="[MG-1]"))
    assert (row.reason, guarded.ticket().status) == ("needs-stronger-sender", "New")


def test_a_verb_may_ask_for_more(open_office: Callable[..., Office]) -> None:
    """`security.require`: here closing asks for the token of a letter, beyond a proven address."""
    office = open_office(security=Security(authserv_ids=GUARDED.authserv_ids, require={"close": Strength.TOKEN}))
    letter = asked(office)
    office.post(aligned(mail("#close", sender=str(TINA.address), subject="[MG-1]"), "desk.example"))
    assert office.ticket().status == "New"
    office.post(aligned(reply(letter, "#close", name="Tina"), "desk.example"))
    assert office.ticket().status == "Completed"


def test_a_user_who_submits_through_us_is_who_he_says_in_our_own_domain_alone(office: Office) -> None:
    asked(office)
    office.post(mail("#take", sender=str(TINA.address), subject="[MG-1]"), submission=True)
    assert office.ticket().assignee == TINA.address
    row = office.post(mail("cancel", subject="[MG-1]"), submission=True)
    assert (office.story().messages[-1].strength, row.ticket, office.ticket().status) == ("claimed", 1, "Analysis")


# ----------------------------------------------------------------------------------------------------------- other roles


def test_a_managers_remark_is_an_internal_note(guarded: Office) -> None:
    asked(guarded)
    for person in (MAX, OLGA):
        guarded.post(aligned(mail("Is this still open? #close", sender=str(person.address), subject="[MG-1]"), "desk.example"))
        note = guarded.story().messages[-1]
        assert (note.author, note.visibility, note.unverified) == (person.address, "internal", False)
    assert (guarded.ticket().status, guarded.letters()) == ("New", [])


def test_a_technician_is_a_requester_on_his_own_ticket(guarded: Office) -> None:
    guarded.post(aligned(mail("My own screen.", sender=str(TINA.address)), "desk.example"))
    guarded.post(aligned(reply(guarded.last("new_ticket", TOM.address), "#resolve New cable.", name="Tom"), "desk.example"))
    guarded.post(aligned(reply(guarded.last("resolved", TINA.address), "accept", name="Tina"), "desk.example"))
    assert (guarded.ticket().requester, guarded.ticket().status) == (TINA.address, "Completed")


def test_nobody_is_mailed_his_own_words(guarded: Office) -> None:
    guarded.post(aligned(mail("My own screen.", sender=str(TINA.address)), "desk.example"))
    assert sorted((one.name, one.to) for one in guarded.letters()) == [("acknowledgement", TINA.address), ("new_ticket", TOM.address)]


# ---------------------------------------------------------------------------------------------------------------- aliases


def test_an_alias_of_a_person_is_the_person(open_office: Callable[..., Office]) -> None:
    """Tina writes from her old address, with the token of a letter that went to her new one."""
    tina = Person(TINA.address, TINA.name, TINA.role, (Address("tina.t@old.example"),), team="first")
    dora = Person(Address("dora@out.example"), "Dora", aliases=(Address("dora@home.example"),))
    office = open_office(people=Directory((tina, dora), (Team("first"),)))
    office.post(mail("The printer is dead.", sender="dora@home.example"))
    assert (office.ticket().requester, office.last("acknowledgement").to) == ("dora@out.example", "dora@out.example")
    office.post(reply(office.last("new_ticket"), "#resolve New toner.", sender="tina.t@old.example"))
    assert (office.ticket().status, office.ticket().assignee) == ("Waiting for Closure", TINA.address)
    office.post(reply(office.last("resolved"), "accept", sender="dora@home.example"))
    assert (office.ticket().status, office.story().messages[-1].author) == ("Completed", TINA.address)


def test_an_alias_is_no_cc_of_its_own_person(open_office: Callable[..., Office]) -> None:
    dora = Person(Address("dora@out.example"), "Dora", aliases=(Address("dora@home.example"),))
    office = open_office(people=Directory((TINA, dora), (Team("first"),)))
    office.post(mail("The printer is dead.", sender="dora@out.example", cc="dora@home.example"))
    assert [one.address for one in office.ticket().participants] == ["dora@out.example"]


# -------------------------------------------------------------------------------------------------------- forms, telephone


def test_a_web_form_speaks_for_whom_it_names_and_he_is_only_claimed(open_office: Callable[..., Office]) -> None:
    form = Address("form@desk.example")
    office = open_office(security=Security(authserv_ids=GUARDED.authserv_ids, forms=(form,)))
    raw = mail("From the form.", sender=form, headers="Reply-To: Ann Other <ann@out.example>")
    office.post(aligned(raw, "desk.example"))
    assert (office.ticket().requester, office.story().messages[0].strength) == (ANN, "claimed")
    forged = office.post(mail("Forged.", sender=form, headers="Reply-To: Ann Other <ann@out.example>"))
    assert office.ticket(forged.ticket or 0).requester == form


def test_a_ticket_by_telephone_is_acknowledged_like_one_by_mail(office: Office) -> None:
    operate.open_by_phone(office.store, office.house, office.desk.name, Address(ANN), "Ann", "Printer", "It is dead.", office.now)
    assert (office.ticket().source, office.last("acknowledgement").to) == ("phone", ANN)
    office.post(reply(office.last("acknowledgement"), "It smokes now."))
    assert (office.count(), office.story().messages[-1].strength) == (1, "token")


def test_an_operator_may_order_what_a_lead_may(office: Office) -> None:
    asked(office)
    done = operate.order(office.store, office.house, TicketId(1), "#resolve New toner.", TINA.address, office.now)
    assert done.decision.refusals == ()
    assert office.ticket().status == "Waiting for Closure"
    assert office.last("resolved").to == ANN


def test_an_unknown_technician_is_nobody(open_office: Callable[..., Office]) -> None:
    """Without teams the owner hears of new tickets; without an owner nobody does, and the ticket is there all the same."""
    office = open_office(people=Directory((OLGA,)))
    office.post(mail("The printer is dead."))
    assert office.last("new_ticket").to == OLGA.address
    empty = open_office(people=Directory())
    empty.post(mail("The printer is dead."))
    assert (empty.count(), [one.name for one in empty.letters()]) == (1, ["acknowledgement"])
    assert Role.OWNER not in {one.role for one in empty.people.people}
