"""What delivery reports tell, with and without the fields that RFC 3464 gives them.

Each mail in corpus/reports has the shape of one system's reports, and says in X-Expected what a human reads in it: recipient, status,
action.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mailgate.mail.parse import parse
from mailgate.mail.parsed import Bounce, Kind

CORPUS = Path(__file__).parents[1] / "corpus"


def report(*groups: str) -> bytes:
    status = "\r\n\r\n".join(("Reporting-MTA: dns; x.example", *groups))
    head = "From: mailer-daemon@x.example\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
    prose = "--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
    return f"{head}{prose}--b\r\nContent-Type: message/delivery-status\r\n\r\n{status}\r\n--b--\r\n".encode()


def test_a_standard_report_gives_recipient_status_action_and_the_returned_id() -> None:
    mail = parse((CORPUS / "postfix-report.eml").read_bytes())
    assert mail.kind is Kind.BOUNCE
    assert mail.bounce == Bounce("gone@customer.example", "5.1.1", "failed", ("c77.1.fedcba@example.org",))
    assert mail.bounce.hard


def test_of_several_recipients_the_failed_one_is_told() -> None:
    delayed = "Final-Recipient: rfc822; a@x.example\r\nAction: delayed\r\nStatus: 4.4.1"
    failed = "Final-Recipient: rfc822; b@x.example\r\nAction: failed\r\nStatus: 5.1.1"
    mail = parse(report(delayed, failed))
    assert mail.bounce is not None
    assert (mail.bounce.recipient, mail.bounce.status) == ("b@x.example", "5.1.1")


def test_a_delay_is_not_hard() -> None:
    mail = parse(report("Final-Recipient: rfc822; a@x.example\r\nAction: delayed\r\nStatus: 4.4.1"))
    assert mail.bounce is not None
    assert (mail.bounce.action, mail.bounce.hard) == ("delayed", False)


def test_a_missing_action_follows_from_the_status() -> None:
    mail = parse(report("Final-Recipient: rfc822;<a@x.example>\r\nStatus: 5.2.2 (mailbox full)"))
    assert mail.bounce == Bounce("a@x.example", "5.2.2", "failed")


QMAIL = """\
Hi. I could not deliver your message to the following addresses.

<gone@c.example>:
550 5.1.1 no such user

--- Below this line is a copy of the message.

Message-ID: <c1.1.a@example.org>
To: gone@c.example
"""
EXIM = """\
A message that you sent could not be delivered. The following address failed:

  gone@c.example
    Unrouteable address
"""
GOOGLE = """\
Delivery to the following recipient failed permanently:

   gone@c.example

550-5.1.1 The account does not exist.
"""
GERMAN = "Ihre Nachricht konnte nicht zugestellt werden an gone@c.example (550)"


@pytest.mark.parametrize(
    ("sender", "subject", "text", "recipient", "status"),
    [
        ("MAILER-DAEMON@mx.example", "failure notice", QMAIL, "gone@c.example", "5.1.1"),
        ("Mail Delivery System <Mailer-Daemon@mx.example>", "Mail delivery failed", EXIM, "gone@c.example", None),
        ("postmaster@c.example", "Unzustellbar: Hallo", GERMAN, "gone@c.example", "5.0.0"),
        ("mailer-daemon@g.example", "Delivery Status Notification (Failure)", GOOGLE, "gone@c.example", "5.1.1"),
    ],
)
def test_reports_in_prose_are_read(sender: str, subject: str, text: str, recipient: str, status: str | None) -> None:
    mail = parse(f"From: {sender}\nTo: desk+b.1.abc@example.org\nSubject: {subject}\n\n{text}".encode())
    assert mail.kind is Kind.BOUNCE
    assert mail.bounce is not None
    assert (mail.bounce.recipient, mail.bounce.status, mail.bounce.action) == (recipient, status, "failed")


def test_the_id_of_a_letter_pasted_into_prose_is_found() -> None:
    mail = parse(b"From: MAILER-DAEMON@x.example\nSubject: failure notice\n\ncould not be delivered\n\nMessage-Id: <c9.1.a@example.org>\n")
    assert mail.bounce is not None
    assert mail.bounce.returned_ids == ("c9.1.a@example.org",)


def test_a_warning_of_delay_in_prose_is_a_delay() -> None:
    text = "Your message to gone@c.example has not yet been delivered. It will be retried.\n"
    mail = parse(f"From: Mailer-Daemon@x.example\nSubject: Warning: message 1abc delayed 24 hours\n\n{text}".encode())
    assert mail.bounce is not None
    assert mail.bounce.action == "delayed"


def test_a_person_who_complains_about_bounces_is_a_person() -> None:
    subject = b"Subject: Undelivered Mail Returned to Sender"
    mail = parse(b"From: ann@example.com\n" + subject + b"\n\nWhy do I get: user unknown, could not be delivered?\n")
    assert mail.kind is Kind.NEW
    assert mail.bounce is None


def test_the_fields_of_a_report_that_somebody_forwards_are_not_this_mails() -> None:
    inner = (CORPUS / "postfix-report.eml").read_text("utf-8")
    head = "From: ann@example.com\nContent-Type: multipart/mixed; boundary=outer\n\n--outer\nContent-Type: text/plain\n\nWhat is this?\n"
    mail = parse(f"{head}--outer\nContent-Type: message/rfc822\n\n{inner}\n--outer--\n".encode())
    assert mail.kind is Kind.NEW
    assert mail.text.strip() == "What is this?"


@pytest.mark.parametrize("path", sorted((CORPUS / "reports").iterdir()), ids=lambda path: path.stem)
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_what_a_report_says_is_read_whichever_system_wrote_it(path: Path, ends: bytes) -> None:
    raw = path.read_bytes()
    recipient, status, action = raw.decode().splitlines()[0].removeprefix("X-Expected: ").split()
    mail = parse(raw.replace(b"\n", ends))
    assert mail.kind is Kind.BOUNCE
    assert mail.bounce is not None
    if recipient != "nobody":
        assert mail.bounce.recipient == recipient
    if status != "none":
        assert mail.bounce.status == status
    assert mail.bounce.action == action


def test_what_went_well_before_the_fault_is_not_its_status() -> None:
    text = "<<< 250 2.1.0 Sender ok\n<<< 550 5.1.1 <gone@c.example>... User unknown\n"
    mail = parse(f"From: MAILER-DAEMON@x.example\nSubject: Returned mail\n\n{text}".encode())
    assert mail.bounce == Bounce("gone@c.example", "5.1.1", "failed")


@pytest.mark.parametrize("word", ["expired", "failure", "error", "FAILED (permanently)"])
def test_a_failure_by_another_word_is_one(word: str) -> None:
    mail = parse(report(f"Final-Recipient: rfc822; a@x.example\r\nAction: {word}\r\nStatus: 5.4.7"))
    assert mail.bounce == Bounce("a@x.example", "5.4.7", "failed")


def test_an_absence_notice_by_the_null_path_is_no_report_whatever_it_answers() -> None:
    head = "Return-Path: <>\nFrom: ann@example.com\nSubject: Re: Delivery failed\n\n"
    mail = parse(
        f"{head}Your message was received. This is automatically generated, the following address is read: bob@c.example\n".encode()
    )
    assert (mail.kind, mail.bounce) == (Kind.AUTO_REPLY, None)


OPENING = "Your message to bob@c.example\n\ncould not be delivered:\n\n<bob@c.example>: 550 5.1.1 user unknown\n"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("FW: Undeliverable: order", OPENING),
        ("Undeliverable: order", f"What is this?\n\n{OPENING}"),
        ("order", OPENING),
    ],
    ids=["passed on", "commented", "own subject"],
)
def test_a_person_with_a_report_in_hand_is_a_person(subject: str, text: str) -> None:
    """Under a person's name only a mail that is a report from its subject to its last word counts as one."""
    assert parse(f"From: Ann <ann@example.com>\nSubject: {subject}\n\n{text}".encode()).kind is Kind.NEW
    assert parse(f"From: Mail Gateway <gw@example.com>\nSubject: Undeliverable: order\n\n{OPENING}".encode()).kind is Kind.BOUNCE
