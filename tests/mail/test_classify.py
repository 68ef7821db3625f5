"""Who is a machine, and who only looks like one."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailgate.mail.classify import with_envelope
from mailgate.mail.parse import parse
from mailgate.mail.parsed import Kind, ParsedMail

CORPUS = Path(__file__).parents[1] / "corpus"


def mail(*fields: str, body: str = "x") -> ParsedMail:
    return parse("\r\n".join(("From: ann@example.com", *fields, "", body)).encode())


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("Auto-Submitted: auto-replied", Kind.AUTO_REPLY),
        ("Auto-Submitted: auto-replied; owner-email=ann@example.com", Kind.AUTO_REPLY),
        ("X-Autoreply: yes", Kind.AUTO_REPLY),
        ("X-Autorespond: Out of office", Kind.AUTO_REPLY),
        ("Precedence: auto_reply", Kind.AUTO_REPLY),
        ("X-Discourse-Auto-Generated: marked", Kind.NEW),
        ("X-Zoho-AutoReply: yes", Kind.AUTO_REPLY),
        ("X-Apple-Action: vacation", Kind.AUTO_REPLY),
        ("X-Ricevuta: avvenuta-consegna", Kind.AUTO_REPLY),
        ("X-Loop: yes", Kind.BULK),
        ("Return-Path: <MAILER-DAEMON>", Kind.AUTO_REPLY),
        ("Subject: Report domain: corp.example Submitter: mail.example Report-ID: 17", Kind.AUTO_REPLY),
        ("Subject: Ann Other is out of the office (returning 2026-03-09)", Kind.AUTO_REPLY),
        ("Precedence: bulk", Kind.BULK),
        ("Precedence: junk", Kind.BULK),
        ("X-Mailgate-Loop: abc.1", Kind.LOOP),
        ("Return-Path: <>", Kind.AUTO_REPLY),
        ("Content-Type: multipart/report; report-type=disposition-notification; boundary=b", Kind.AUTO_REPLY),
        ("Content-Type: multipart/report; report-type=feedback-report; boundary=b", Kind.AUTO_REPLY),
    ],
)
def test_a_machine_is_never_answered_and_never_reopens(field: str, kind: Kind) -> None:
    found = mail(field)
    assert found.kind is kind
    assert found.verdict.machine
    assert found.verdict.never_answer
    assert found.verdict.never_reopen
    assert found.verdict.because


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: no",
        "X-Auto-Response-Suppress: DR, OOF, AutoReply",
        "X-Autoreply: no",
        "X-Loop: ann@example.com",
        "X-MS-Exchange-Inbox-Rules-Loop: bob@example.com",
        "X-Automatic-Translation: de",
        "Subject: complaint about message from your colleague",
        "Precedence: normal",
        "Subject: Out of office calendar does not sync",
        "Subject: Re: Automatic reply: I am back",
        "Subject: Vacation request form is broken",
        "List-Unsubscribe: <mailto:u@example.com>",
    ],
)
def test_a_human_stays_one(field: str) -> None:
    found = mail(field)
    assert found.kind in (Kind.NEW, Kind.REPLY)
    assert not found.verdict.machine
    assert not found.verdict.foreign_list


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: printer",
        "Out of Office: printer",
        "Abwesenheitsnotiz",
        "Réponse automatique : imprimante",
        "Respuesta automática: x",
        "Risposta automatica: x",
        "Automatisch antwoord: x",
        "Autosvar: x",
        "Автоответ: x",
        "自動返信: x",
        "自动回复: x",
        "Odpowiedź automatyczna: x",
        "Out of Office - back on Monday",
        "[EXT] Automatic reply: x",
    ],
)
def test_absence_notices_are_known_by_their_subject_in_many_languages(subject: str) -> None:
    assert mail(f"Subject: {subject}").kind is Kind.AUTO_REPLY


def test_an_alarm_is_a_machine_that_may_open_a_ticket() -> None:
    found = mail("Auto-Submitted: auto-generated", "Subject: disk full")
    assert found.verdict.auto_generated
    assert found.verdict.never_answer
    assert found.kind is Kind.NEW


def test_a_list_is_judged_apart_so_that_own_lists_can_be_let_in() -> None:
    found = mail("List-Id: <staff.example.org>", "Precedence: list")
    assert found.kind is Kind.BULK
    assert found.verdict.foreign_list
    assert not found.verdict.machine
    assert found.marks["list-id"] == "<staff.example.org>"


def test_the_null_path_makes_a_machine_and_no_envelope_says_nothing() -> None:
    human = mail("Subject: hello")
    assert with_envelope(human, None) is human
    assert with_envelope(human, "ann@example.com") is human
    machine = with_envelope(human, "")
    assert (machine.kind, machine.verdict.never_answer) == (Kind.AUTO_REPLY, True)
    assert "null-path" in machine.verdict.because


def test_an_alarm_with_the_null_path_stays_an_alarm() -> None:
    found = with_envelope(mail("Auto-Submitted: auto-generated"), "")
    assert (found.kind, found.verdict.auto_generated) == (Kind.NEW, True)


def test_replies_are_known_by_their_headers_or_their_subject() -> None:
    assert mail("In-Reply-To: <a@b>").kind is Kind.REPLY
    assert mail("Subject: AW: hello").kind is Kind.REPLY
    assert mail("Subject: hello").kind is Kind.NEW


def test_spam_is_only_what_a_filter_called_so() -> None:
    assert mail("X-Spam-Flag: YES").kind is Kind.SPAM
    assert mail("X-Spam-Flag: NO").kind is Kind.NEW


def test_the_absence_notice_of_the_corpus_is_one_and_knows_its_language() -> None:
    found = parse((CORPUS / "absence-notice.eml").read_bytes())
    assert (found.kind, found.language) == (Kind.AUTO_REPLY, "de")


def test_outlooks_suppress_header_on_a_humans_answer_is_no_machine() -> None:
    found = parse((CORPUS / "outlook-answer-html-only.eml").read_bytes())
    assert found.kind is Kind.REPLY
    assert not found.verdict.machine


@pytest.mark.parametrize("path", sorted((CORPUS / "machines").iterdir()), ids=lambda path: path.stem)
def test_what_machines_write_is_known_and_is_no_delivery_report(path: Path) -> None:
    found = parse(path.read_bytes())
    assert found.verdict.machine or found.verdict.foreign_list
    assert found.bounce is None


@pytest.mark.parametrize("path", sorted((CORPUS / "people").iterdir()), ids=lambda path: path.stem)
def test_what_people_write_about_machines_is_theirs(path: Path) -> None:
    found = parse(path.read_bytes())
    assert found.kind in (Kind.NEW, Kind.REPLY)
    assert not found.verdict.machine
    assert not found.verdict.foreign_list


def test_a_rule_of_exchange_that_answers_is_no_alarm() -> None:
    found = mail("Auto-Submitted: auto-generated", "X-MS-Exchange-Inbox-Rules-Loop: ann@example.com", "Subject: Thank you for your mail")
    assert (found.kind, found.verdict.auto_generated) == (Kind.AUTO_REPLY, False)


def test_a_complaint_of_a_provider_is_a_report() -> None:
    inner = "From: desk@example.org\r\nSubject: x\r\n\r\nx"
    raw = f"From: staff@mail.example\r\nSubject: complaint about message from 192.0.2.7\r\nContent-Type: message/rfc822\r\n\r\n{inner}"
    assert parse(raw.encode()).verdict.is_report
