"""What delivery reports tell, with and without the fields that RFC 3464 gives them."""

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
