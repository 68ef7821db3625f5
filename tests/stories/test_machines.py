"""What do mails of machines cause? A hidden note, a ticket for an alarm, the end of a letter that came back. Never an answer or a change.

Notices of absence, delivery reports, receipts, complaints, alarms, lists, and our own letters that come home.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailgate.desk.model import Address
from mailgate.desk.policy import Desk
from tests.kit.office import TINA, TOM, Letter, Office, abuse_report, aligned, delivery_report, mail, read_receipt, reply

ANN = "ann@out.example"

ABSENCES = {
    "RFC 3834": "Auto-Submitted: auto-replied",
    "Exchange": "Auto-Submitted: auto-generated\nX-Auto-Response-Suppress: All\nX-MS-Exchange-Inbox-Rules-Loop: ann@out.example",
    "an old vacation program": "Precedence: junk",
    "a web mailer": "X-Autoreply: yes",
}


def solved(office: Office) -> Letter:
    """A ticket that waits for Ann's word; the letter that asks her for it."""
    office.post(mail("The printer is dead."))
    office.post(reply(office.last("new_ticket", TINA.address), "#resolve New toner.", name="Tina"))
    office.letters()
    return office.last("resolved")


# ------------------------------------------------------------------------------------------------------------- absences


@pytest.mark.parametrize("program", ABSENCES)
def test_attack_089_an_absence_notice_neither_reopens_nor_is_answered(office: Office, program: str) -> None:
    letter = solved(office)
    row = office.post(reply(letter, "I am away until Monday.", headers=ABSENCES[program]))
    assert (office.ticket().status, office.letters(), office.count()) == ("Waiting for Closure", [], 1)
    note = office.story().messages[-1]
    assert (row.ticket, note.visibility, note.text.strip()) == (1, "hidden", "I am away until Monday.")


def test_an_absence_notice_known_by_its_null_path_or_its_subject_alone_changes_nothing(office: Office) -> None:
    letter = solved(office)
    office.post(reply(letter, "I am away."), sender="")
    office.post(mail("I am away.", to=letter.reply_to, subject=f"Automatic reply: {letter.subject}"))
    assert (office.ticket().status, office.letters()) == ("Waiting for Closure", [])


def test_attack_030_a_machine_never_brings_a_closed_ticket_back(office: Office) -> None:
    office.post(reply(solved(office), "accept"))
    office.letters()
    office.post(reply(office.last("closed", ANN), "reopen", headers=ABSENCES["RFC 3834"]))
    office.post(delivery_report(office.last("closed", ANN)), sender="", to=[office.bounce_address(office.last("closed", ANN))])
    assert (office.ticket().status, office.count()) == ("Completed", 1)


def test_a_machine_gives_no_commands(office: Office) -> None:
    letter = solved(office)
    office.post(reply(letter, "accept", headers=ABSENCES["RFC 3834"]))
    office.post(mail("", to=letter.tap("accept"), subject="accept", headers=ABSENCES["RFC 3834"]))
    office.post(reply(office.last("new_ticket", TINA.address), "#close", name="Tina", headers=ABSENCES["RFC 3834"]))
    assert (office.ticket().status, office.letters()) == ("Waiting for Closure", [])


def test_an_absence_notice_of_somebody_unknown_without_a_clue_is_recorded_and_ignored(office: Office) -> None:
    row = office.post(mail("I am away.", subject="Out of office", headers=ABSENCES["RFC 3834"]))
    assert (row.state, office.count(), office.letters()) == ("ignored", 0, [])


# -------------------------------------------------------------------------------------------------------------- bounces


def test_a_letter_that_comes_back_is_marked_and_technicians_are_told(either_office: Office) -> None:
    office = either_office
    office.post(mail("The printer is dead."))
    letter = office.last("acknowledgement")
    office.letters()
    row = office.post(delivery_report(letter), sender="", to=[office.bounce_address(letter)])
    assert (row.state, row.reason, row.ticket) == ("done", "bounce", 1)
    assert office.last("acknowledgement").row.state == "bounced"
    letters = office.letters()
    assert sorted((one.name, one.to) for one in letters) == [("undeliverable", TINA.address), ("undeliverable", TOM.address)]
    assert ANN in letters[0].text
    assert [one.verb for one in office.story().events] == ["open", "undelivered"]


def test_an_address_from_which_letters_come_back_gets_no_more_automatic_mail_but_hears_technicians(office: Office) -> None:
    office.post(mail("The printer is dead."))
    letter = office.last("acknowledgement")
    office.post(delivery_report(letter), sender="", to=[office.bounce_address(letter)])
    office.letters()
    office.post(mail("The screen too."))
    assert ("acknowledgement", ANN, "address-bounced") in office.suppressed()
    office.post(reply(office.last("new_ticket", TINA.address), "Try another cable.", name="Tina"))
    assert [one.name for one in office.letters() if one.to == ANN] == ["reply"]


def test_a_letter_for_which_a_server_has_tried_for_days_in_vain_is_told_of_and_the_address_stays_open(office: Office) -> None:
    """Failed for good, but with a status that passes: the way was barred, and the mailbox may be there all the same."""
    office.post(mail("The printer is dead."))
    letter = office.last("acknowledgement")
    office.letters()
    row = office.post(delivery_report(letter, action="failed", status="4.4.7"), sender="", to=[office.bounce_address(letter)])
    assert (row.reason, office.last("acknowledgement").row.state) == ("bounce", "bounced")
    assert {one.name for one in office.letters()} == {"undeliverable"}
    office.post(mail("The screen too.", subject="screen"))
    assert "address-bounced" not in {reason for _, _, reason in office.suppressed()}


def test_whoever_proves_that_he_writes_from_an_address_is_written_to_again(guarded: Office) -> None:
    guarded.post(aligned(mail("The printer is dead.")))
    letter = guarded.last("acknowledgement")
    guarded.post(delivery_report(letter), sender="", to=[guarded.bounce_address(letter)])
    guarded.post(mail("I am Ann, too.", subject="claimed"))
    assert [reason for name, to, reason in guarded.suppressed() if (name, to) == ("acknowledgement", ANN)] == ["address-bounced"]
    guarded.letters()
    guarded.post(aligned(mail("My mailbox was full.", subject="mailbox")))
    assert ("acknowledgement", ANN) in [(one.name, one.to) for one in guarded.letters()]


def test_a_delivery_report_is_known_by_the_message_id_that_it_returns(office: Office) -> None:
    """Where the relay rewrites the envelope, or the mail server knows no sub-addresses, the report comes to the bare desk address."""
    office.post(mail("The printer is dead."))
    row = office.post(delivery_report(office.last("acknowledgement")), sender="", to=["desk@desk.example"])
    assert (row.reason, row.ticket) == ("bounce", 1)


def test_a_delivery_report_is_known_by_the_bounce_address_in_its_header_where_no_envelope_is_known(office: Office) -> None:
    office.post(mail("The printer is dead."))
    letter = office.last("acknowledgement")
    address = office.bounce_address(letter)
    report = delivery_report(letter).replace(b"To: desk@desk.example", f"To: {address}".encode(), 1)
    report = report.replace(letter["Message-ID"].encode(), b"<rewritten@relay.example>")
    assert office.post(report, sender="").reason == "bounce"


def test_attack_090_a_report_about_one_letter_counts_once(office: Office) -> None:
    office.post(mail("The printer is dead."))
    letter = office.last("acknowledgement")
    address = office.bounce_address(letter)
    assert office.post(delivery_report(letter), sender="", to=[address]).reason == "bounce"
    office.letters()
    assert office.post(delivery_report(letter, status="5.2.2"), sender="", to=[address]).reason == "bounce-again"
    assert office.letters() == []


def test_a_report_of_a_delay_is_only_noted(office: Office) -> None:
    office.post(mail("The printer is dead."))
    letter = office.last("acknowledgement")
    office.letters()
    row = office.post(delivery_report(letter, action="delayed", status="4.4.1"), sender="", to=[office.bounce_address(letter)])
    assert (row.reason, office.letters()) == ("delayed", [])


@pytest.mark.parametrize(("action", "status"), [("delivered", "2.0.0"), ("relayed", "2.1.9"), ("expanded", "2.1.5"), ("delayed", "4.2.2")])
def test_a_report_of_anything_but_a_failure_tells_nobody_and_suppresses_nothing(office: Office, action: str, status: str) -> None:
    office.post(mail("The printer is dead."))
    letter = office.last("acknowledgement")
    office.letters()
    row = office.post(delivery_report(letter, action=action, status=status), sender="", to=[office.bounce_address(letter)])
    assert (row.reason, office.letters()) == ("delivered" if action != "delayed" else action, [])
    assert office.last("acknowledgement").row.state != "bounced"
    office.post(mail("The screen too.", subject="screen"))
    assert "address-bounced" not in {reason for _, _, reason in office.suppressed()}


def test_a_report_in_prose_that_returns_nothing_is_known_by_the_signed_bounce_address(office: Office) -> None:
    office.post(mail("The printer is dead."))
    letter = office.last("acknowledgement")
    office.letters()
    prose = f"Hi. This is the mail server.\n\n<{ANN}>:\nSorry, no mailbox here by that name. (#5.1.1)\n"
    report = mail(prose, sender="MAILER-DAEMON@out.example", name="", subject="failure notice")
    assert office.post(report, sender="", to=[office.bounce_address(letter)]).reason == "bounce"
    assert {one.name for one in office.letters()} == {"undeliverable"}


def test_an_absence_notice_to_the_signed_bounce_address_is_no_bounce(office: Office) -> None:
    """RFC 3834 section 4: an automatic answer goes where bounces go."""
    office.post(mail("The printer is dead."))
    letter = office.last("acknowledgement")
    office.letters()
    words = "Your message was received. It is not forwarded; the mailbox is full of mail. This was automatically generated."
    for headers in ("Auto-Submitted: auto-replied", "Precedence: bulk", "X-Autoreply: yes"):
        office.post(reply(letter, words, headers=headers), sender="", to=[office.bounce_address(letter)])
    assert (office.letters(), office.count()) == ([], 1)
    assert office.last("acknowledgement").row.state != "bounced"


def test_a_letter_to_a_technician_that_comes_back_does_not_silence_the_desk_towards_him(office: Office) -> None:
    office.post(mail("The printer is dead."))
    letter = office.last("new_ticket", TINA.address)
    office.letters()
    assert office.post(delivery_report(letter), sender="", to=[office.bounce_address(letter)]).reason == "bounce"
    office.letters()
    office.post(mail("The screen too.", subject="screen"))
    assert TINA.address in {one.to for one in office.letters() if one.name == "new_ticket"}


def test_a_stranger_cannot_silence_the_desk_towards_anybody(office: Office) -> None:
    """Without the signed address and a Message-ID of ours a report proves nothing, whoever it names."""
    office.post(mail("The printer is dead."))
    letter = office.last("acknowledgement")
    forged = delivery_report(letter).replace(letter["Message-ID"].encode(), b"<any@desk.example>")
    for sender in ("", "mallory@evil.example", None):
        assert office.post(forged, sender=sender).reason == "forged_dsn"
    office.letters()
    office.post(mail("The screen too.", subject="screen"))
    assert [one.name for one in office.letters() if one.to == ANN] == ["acknowledgement"]


def test_a_report_about_a_report_is_answered_by_nobody(office: Office) -> None:
    office.post(mail("The printer is dead."))
    letter = office.last("acknowledgement")
    office.post(delivery_report(letter), sender="", to=[office.bounce_address(letter)])
    undeliverable = office.last("undeliverable", TINA.address)
    office.letters()
    for _ in range(3):
        office.post(delivery_report(undeliverable), sender="", to=[office.bounce_address(undeliverable)])
    assert [one.to for one in office.letters() if one.to not in (TINA.address, TOM.address)] == []
    assert office.count() == 1


def test_a_person_who_passes_a_report_on_is_heard(office: Office) -> None:
    text = f"What does this mean?\n\nYour message to {ANN} could not be delivered: 550 5.1.1 user unknown\n"
    office.post(mail(text, subject="FW: Undelivered Mail Returned to Sender"))
    assert [one.name for one in office.letters() if one.to == ANN] == ["acknowledgement"]


@pytest.mark.parametrize(
    "headers",
    [
        "Auto-Submitted: auto-replied",
        "X-Boxtrapper: yes\nPrecedence: junk",
        "X-Delivery-Agent: TMDA/1.1\nPrecedence: bulk",
        "Return-Path: <>",
    ],
    ids=["RFC 3834", "BoxTrapper", "TMDA", "null path"],
)
def test_a_challenge_to_prove_that_we_are_people_is_not_taken_up(office: Office, headers: str) -> None:
    office.post(mail("The printer is dead."))
    letter = office.last("acknowledgement")
    office.letters()
    office.post(reply(letter, "Answer this mail to be let in.", headers=headers))
    assert (office.letters(), office.count()) == ([], 1)


def test_a_forged_delivery_report_is_ignored(office: Office) -> None:
    office.post(mail("The printer is dead."))
    letter = office.last("acknowledgement")
    office.letters()
    address = office.bounce_address(letter)
    forged = address.replace("+b.1.", "+b.2.")
    report = delivery_report(letter).replace(letter["Message-ID"].encode(), b"<i1.0.aaaaaaaaaaaa@desk.example>")
    row = office.post(report, sender="", to=[forged])
    assert (row.state, row.reason) == ("ignored", "forged_dsn")
    assert (office.count(), office.letters(), [one.verb for one in office.story().events]) == (1, [], ["open"])


def test_a_delivery_report_never_opens_a_ticket_and_is_never_answered(office: Office) -> None:
    office.post(mail("The printer is dead."))
    stranger = delivery_report(office.last("acknowledgement"))
    office.letters()
    for raw in (stranger.replace(b"@desk.example>", b"@elsewhere.example>"), stranger.replace(b"desk.example", b"elsewhere.example")):
        office.post(raw, sender="")
    assert (office.count(), office.letters()) == (1, [])


def test_attack_098_receipts_and_complaints_are_ignored(office: Office) -> None:
    letter = solved(office)
    for raw in (read_receipt(letter), abuse_report(letter)):
        office.post(raw, sender="")
    assert (office.count(), office.ticket().status, office.letters()) == (1, "Waiting for Closure", [])
    assert all(one.visibility == "hidden" for one in office.story().messages[2:])


def test_attack_098_a_request_for_a_receipt_is_not_answered(office: Office) -> None:
    office.post(mail("The printer is dead.", headers=f"Disposition-Notification-To: {ANN}\nReturn-Receipt-To: {ANN}"))
    assert [one.name for one in office.letters() if one.to == ANN] == ["acknowledgement"]


# --------------------------------------------------------------------------------------------------------------- alarms


def test_an_alarm_opens_a_ticket_and_is_not_acknowledged(office: Office) -> None:
    row = office.post(mail("Disk full.", sender="icinga@mon.example", subject="PROBLEM: disk", headers="Auto-Submitted: auto-generated"))
    assert (row.state, row.ticket, office.ticket().requester) == ("done", 1, "icinga@mon.example")
    assert sorted((one.name, one.to) for one in office.letters()) == [("new_ticket", TINA.address), ("new_ticket", TOM.address)]


def test_an_alarm_that_mentions_somebody_elses_ticket_opens_its_own(office: Office) -> None:
    office.post(mail("The printer is dead."))
    row = office.post(mail("Disk full.", sender="icinga@mon.example", subject="[MG-1]", headers="Auto-Submitted: auto-generated"))
    assert row.ticket == 2


def test_a_newsletter_is_recorded_and_ignored(office: Office) -> None:
    for headers in ("Precedence: bulk", "List-Id: <news.shop.example>\nList-Unsubscribe: <https://shop.example/u>", "Precedence: list"):
        row = office.post(mail("Buy!", sender="news@shop.example", headers=headers))
        assert (row.state, office.count(), office.letters()) == ("ignored", 0, []), headers


def test_attack_099_a_mailing_list_is_not_answered_save_where_it_is_the_desks_own(open_office: Callable[..., Office]) -> None:
    headers = "List-Id: IT help <it-help.desk.example>\nPrecedence: list"
    office = open_office()
    assert office.post(mail(headers=headers)).state == "ignored"
    own = open_office(desk=Desk(name="Service Desk", address=Address("desk@desk.example"), lists=("it-help.desk.example",)))
    assert own.post(mail(headers=headers)).ticket == 1
    assert [one.name for one in own.letters() if one.to == ANN] == ["acknowledgement"]


def test_an_absence_notice_that_comes_through_the_desks_own_list_is_still_one(open_office: Callable[..., Office]) -> None:
    office = open_office(desk=Desk(name="Service Desk", address=Address("desk@desk.example"), lists=("it-help.desk.example",)))
    row = office.post(mail("I am away.", headers="List-Id: <it-help.desk.example>\nAuto-Submitted: auto-replied"))
    assert (row.state, office.count(), office.letters()) == ("ignored", 0, [])
    assert office.post(mail("Disk full.", headers="List-Id: <it-help.desk.example>\nAuto-Submitted: auto-generated")).ticket == 1
    assert [one.to for one in office.letters() if one.to == ANN] == []


# ------------------------------------------------------------------------------------------------------------ ourselves


def test_attack_093_a_mail_from_our_own_address_is_ignored(open_office: Callable[..., Office]) -> None:
    office = open_office(desk=Desk(name="Service Desk", address=Address("desk@desk.example"), aliases=(Address("help@desk.example"),)))
    for sender in ("desk@desk.example", "DESK@Desk.example", "help@desk.example", "desk+anything@desk.example", office.signed(1, ANN)):
        row = office.post(mail("Hello me.", sender=sender))
        assert (row.state, row.reason) == ("ignored", "own-address"), sender
    assert (office.count(), office.letters()) == (0, [])


def test_attack_093_our_own_address_in_copy_is_nobody_to_be_told(guarded: Office) -> None:
    guarded.post(aligned(mail("Hello.", cc="desk@desk.example, desk+x@desk.example")))
    assert [one.address for one in guarded.ticket().participants] == [ANN]


def test_a_letter_of_ours_that_comes_home_is_ignored(office: Office) -> None:
    """A forwarding rule sends our acknowledgement back to us, as it left."""
    office.post(mail("The printer is dead."))
    letter = office.last("acknowledgement")
    office.letters()
    row = office.post(letter.octets.replace(b"From: Service Desk <desk@desk.example>", b"From: Ann Other <ann@out.example>", 1))
    assert (office.letters(), office.count(), row.ticket) == ([], 1, 1)
    assert office.story().messages[-1].visibility == "hidden"


def test_attack_069_marks_of_ours_that_somebody_else_put_on_his_mail_prove_nothing(office: Office) -> None:
    """X-Mailgate headers from outside: no ticket is found by them, and a human's mail stays a human's mail."""
    office.post(mail("The printer is dead."))
    row = office.post(mail("accept", sender="mallory@evil.example", headers="X-Mailgate-Ticket: 1\nX-Mailgate-Letter: reply"))
    assert (row.ticket, office.count()) == (2, 2)


def test_a_technician_of_another_mailgate_is_a_human(open_office: Callable[..., Office]) -> None:
    """A partner's desk runs mailgate too: what its technicians write arrives, what it writes by itself does not start a conversation."""
    office, partner = open_office(), open_office(
        desk=Desk(name="Partner", address=Address("help@partner.example"), tag="PA"), instance="fedcba9876543210"
    )  # fmt: skip
    partner.post(mail("We need your help.", sender="desk@desk.example", name="Service Desk", to="help@partner.example"))
    acknowledgement = partner.last("acknowledgement", "desk@desk.example")
    office.post(acknowledgement.octets, sender=partner.bounce_address(acknowledgement))
    assert office.count() == 0
    partner.post(reply(partner.last("new_ticket", TINA.address), "Which model is it?", name="Tina"))
    answer = partner.last("reply", "desk@desk.example")
    row = office.post(answer.octets, sender=partner.bounce_address(answer))
    assert (row.state, office.count()) == ("done", 1)
    assert "Which model is it?" in office.story().messages[0].text


def test_a_mail_that_went_round_too_often_is_read_and_not_answered(office: Office) -> None:
    hops = "\n".join(f"Received: from a{n}.example by b{n}.example; Mon, 2 Mar 2026 08:00:00 +0000" for n in range(31))
    row = office.post(mail("The printer is dead.", headers=hops))
    assert row.ticket == 1
    assert [one.to for one in office.letters() if one.to == ANN] == []
    assert office.suppressed() == [("acknowledgement", ANN, "many-hops")]


def test_a_mail_without_any_address_is_kept_and_nobody_is_written_to_in_vain(office: Office) -> None:
    row = office.post(mail("Hello?").replace(b"From: Ann Other <ann@out.example>\r\n", b"", 1), sender=None)
    assert (row.state, row.ticket) == ("done", 1)
    assert {one.to for one in office.letters()} == {TINA.address, TOM.address}
    assert [(name, reason) for name, _, reason in office.suppressed()] == [("acknowledgement", "no-address")]
