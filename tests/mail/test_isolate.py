"""A mail that kills its reader costs one mail and nothing else."""

from __future__ import annotations

import base64
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import DecodeError, msgpack

from mailgate.mail import body, isolate
from mailgate.mail.isolate import Died, Parser
from mailgate.mail.parse import parse
from mailgate.mail.parsed import ParsedMail

MAIL = b"From: ann@example.com\r\nSubject: number %d\r\n\r\nhello"


@pytest.fixture
def parser() -> Iterator[Parser]:
    with Parser() as running:
        yield running


def child_of(parser: Parser) -> int:
    """The process number of a child that can read."""
    if parser._child is None:
        parser.parse_all([MAIL % 0], 10)
    assert parser._child is not None
    return parser._child.pid


def test_mails_come_back_in_order(parser: Parser) -> None:
    results = parser.parse_all([MAIL % number for number in range(50)], 10)
    assert [one.subject for one in results if isinstance(one, ParsedMail)] == [f"number {number}" for number in range(50)]


def test_the_child_stays_for_the_next_batch(parser: Parser) -> None:
    first = child_of(parser)
    parser.parse_all([MAIL % 1], 10)
    parser.parse_all([MAIL % 2], 10)
    assert child_of(parser) == first


def test_whoever_warms_a_child_need_not_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolate, "_PROGRAM", ("-c", "import time; time.sleep(60)"))
    monkeypatch.setattr(isolate, "_START_PATIENCE", 0.5)
    with Parser() as parser:
        parser.warm()
        with pytest.raises(ChildProcessError, match="cannot read any"):
            parser.parse_all([MAIL % 1], 10)
    # That one has not stayed for the next mail.
    assert parser._child is None


def test_a_child_that_died_between_batches_costs_no_mail(parser: Parser) -> None:
    os.kill(child_of(parser), signal.SIGKILL)
    results = parser.parse_all([MAIL % 1, MAIL % 2], 10)
    assert all(isinstance(one, ParsedMail) for one in results)


def test_a_mail_that_hangs_is_marked_and_those_behind_it_are_read(parser: Parser) -> None:
    os.kill(child_of(parser), signal.SIGSTOP)
    start = time.monotonic()
    results = parser.parse_all([MAIL % 1, MAIL % 2, MAIL % 3], 0.5)
    assert results[0] == Died("hung")
    assert all(isinstance(one, ParsedMail) for one in results[1:])
    assert time.monotonic() - start < 30


def test_a_mail_that_kills_the_child_is_marked_and_its_neighbours_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads the word DIE in this child dies at once: exactly that mail is lost."""
    program = (
        "import os, mailgate.mail.parse as room\n"
        "read = room.parse\n"
        "room.parse = lambda raw: os.kill(os.getpid(), 9) if b'DIE' in raw else read(raw)\n"
        "import sys, mailgate.mail.isolate as isolate\n"
        "isolate.main(int(sys.argv[1]), int(sys.argv[2]))\n"
    )
    monkeypatch.setattr(isolate, "_PROGRAM", ("-c", program))
    with Parser() as parser:
        results = parser.parse_all([MAIL % 1, b"From: a@b.example\r\n\r\nDIE", MAIL % 3, b"DIE", MAIL % 5], 10)
    assert [isinstance(one, ParsedMail) for one in results] == [True, False, True, False, True]
    assert results[1] == Died("died")


@pytest.mark.parametrize("fault", ["os.kill(os.getpid(), 9)", "None", "1 / 0", "time.sleep(60)"])
def test_a_child_that_cannot_read_at_all_is_our_fault_and_no_mails(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    program = (
        "import os, sys, time, mailgate.mail.parse as room\n"
        f"room.parse = lambda raw: {fault}\n"
        "import mailgate.mail.isolate as isolate\n"
        "isolate.main(int(sys.argv[1]), int(sys.argv[2]))\n"
    )
    monkeypatch.setattr(isolate, "_PROGRAM", ("-c", program))
    monkeypatch.setattr(isolate, "_START_PATIENCE", 2.0)
    with Parser() as parser, pytest.raises(ChildProcessError, match="cannot read any"):
        parser.parse_all([MAIL % 1], 10)


def test_an_answer_that_is_no_mail_is_refused() -> None:
    others = ({"subject": 1}, {"text": None}, {"attachments": [{"filename": "a"}]}, {"kind": "order"}, {"date": "today"}, "text", None)
    for payload in (*map(msgpack.encode, others), b"garbage", b""):
        with pytest.raises(DecodeError):
            isolate._DECODER.decode(payload)


def test_a_mail_larger_than_a_pipe_and_a_batch_of_them_pass(parser: Parser) -> None:
    big = b"From: ann@example.com\r\n\r\n" + b"words and words\r\n" * 400_000
    results = parser.parse_all([big, MAIL % 1, big, big], 30)
    assert [type(one) for one in results] == [ParsedMail] * 4


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space reliably")
def test_a_mail_that_needs_too_much_memory_is_unreadable_or_dead_but_never_a_crash() -> None:
    with Parser(memory=120_000_000) as parser:
        huge = b"From: ann@example.com\r\nSubject: big\r\n\r\n" + b"x" * 60_000_000
        results = parser.parse_all([huge, MAIL % 2], 30)
    assert isinstance(results[1], ParsedMail)


def with_files(*files: bytes, fields: bytes = b"Content-Disposition: attachment; filename=a.bin") -> bytes:
    parts = b"".join(
        b"--b\r\n%s\r\nContent-Type: application/x-any\r\nContent-Transfer-Encoding: base64\r\n\r\n%s\r\n" % (fields, base64.b64encode(one))
        for one in files
    )
    return b"From: ann@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n%s--b--\r\n" % parts


def test_files_are_handed_on_with_their_octets(parser: Parser) -> None:
    (mail,) = parser.parse_all([with_files(b"one" * 70_000, b"")], 10)
    assert isinstance(mail, ParsedMail)
    assert [(one.octets, one.size) for one in mail.attachments] == [(b"one" * 70_000, 210_000), (b"", 0)]
    assert "oneone" not in repr(mail)


def test_inline_files_are_not_handed_on(parser: Parser) -> None:
    (mail,) = parser.parse_all([with_files(b"picture", fields=b"Content-Disposition: inline; filename=a.png")], 10)
    assert isinstance(mail, ParsedMail)
    assert [(one.octets, one.size) for one in mail.attachments] == [(None, 7)]


def test_files_are_handed_on_as_long_as_they_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "MAX_HANDED_ON", 10)
    mail = parse(with_files(b"123456", b"12345", b"1234", b"1"))
    assert [one.octets for one in mail.attachments] == [b"123456", None, b"1234", None]
    assert [one.size for one in mail.attachments] == [6, 5, 4, 1]


def test_closing_twice_is_harmless_and_no_child_is_left() -> None:
    parser = Parser()
    pid = child_of(parser)
    parser.close()
    parser.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_child_sees_no_secrets_of_the_environment(monkeypatch: pytest.MonkeyPatch, parser: Parser) -> None:
    monkeypatch.setenv("MAILGATE_RELAY_PASSWORD", "canary")
    pid = child_of(parser)
    environment = Path(f"/proc/{pid}/environ")
    if not environment.exists():
        pytest.skip("no /proc here")
    assert b"canary" not in environment.read_bytes()
