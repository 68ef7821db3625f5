"""Mails that break the rules: their addresses, dates and structure are read as they were meant, and identity is not won by it."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from mailgate.mail.parse import parse

HEAD = b"From: Ann <ann@example.com>\r\nSubject: s\r\n"
NOON = datetime(2015, 5, 8, 12, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "hour"),
    [
        ("Fri, 8-May-2015 12:05:01 GMT", 12),
        ("Friday, 08-May-15 12:05:01 GMT", 12),
        ("Fri, 8 May 2015 12:05:01 GMT+2", 10),
        ("Fri, 8 May 2015 12:05:01 UTC-3", 15),
        ("Fr, 8 Mai 2015 12:05:01 +0200", 10),
        ("ven., 8 mai 2015 12:05:01 +0200", 10),
        ("Mi., 8. Mai 2015 12:05:01 +0200", 10),
        ("Fri, 8 Mag 2015 12:05:01 +0200", 10),
        ("Sex, 8 Mai 2015 12:05:01 -0300", 15),
        ("8 мая 2015 12:05:01 +0300", 9),
        ("2015年5月8日 12:05:01 +0900", 3),
        ("=?utf-8?Q?Fri,_8_May_2015_12:05:01_+0000?=", 12),
    ],
)
def test_odd_dates_are_read(field: str, hour: int) -> None:
    assert parse(HEAD + f"Date: {field}\r\n\r\nx".encode()).date == NOON.replace(hour=hour)


@pytest.mark.parametrize(
    ("field", "month"),
    [
        ("8 Dez 2015", 12),
        ("8 Okt 2015", 10),
        ("8 ene 2015", 1),
        ("8 août 2015", 8),
        ("8 mrt 2015", 3),
        ("8 lip 2015", 7),
        ("8 жов 2015", 10),
    ],
)
def test_months_of_other_languages_are_known(field: str, month: int) -> None:
    assert parse(HEAD + f"Date: Fri, {field} 12:05:01 +0000\r\n\r\nx".encode()).date == NOON.replace(month=month)


@pytest.mark.parametrize("field", ["Fri, 32 May 2015 12:05:01 +0000", "Fri, 8 May 2015 25:05:01 +0000", "Fri, 8 Xyz 2015 12:05:01 +0000"])
def test_what_is_no_date_stays_none(field: str) -> None:
    assert parse(HEAD + f"Date: {field}\r\n\r\nx".encode()).date is None


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("Lee, Ann <ann@example.com>", "Lee, Ann"),
        ("Ann Lee <ann@example.com", "Ann Lee"),
        ("Ann Lee ann@example.com", "Ann Lee"),
        ("Ann Lee [mailto:ann@example.com]", "Ann Lee"),
        ("Ann Lee <ann@example.com> via Desk", "Ann Lee"),
        ("=?utf-8?Q?Ann?= L <ann@example.com", "Ann L"),
    ],
)
def test_a_broken_from_shows_its_name_and_stays_a_mere_claim(value: str, name: str) -> None:
    mail = parse(f"From: {value}\r\n\r\nx".encode())
    assert [(box.name, box.address) for box in mail.from_] == [(name, "ann@example.com")]
    assert mail.from_faults == ("malformed-from",)


def test_apostrophes_around_a_recipient_are_no_part_of_it() -> None:
    assert [box.address for box in parse(HEAD + b"To: 'bob@example.com'\r\n\r\nx").to] == ["bob@example.com"]


@pytest.mark.parametrize("kind", [b"multipart/mixed", b"multipart/mixed; boundary=other"])
def test_a_boundary_that_is_not_named_is_found(kind: bytes) -> None:
    body = b"--x\r\nContent-Type: text/plain\r\n\r\nhi\r\n--x\r\nContent-Type: image/png; name=a.png\r\n\r\nP\r\n--x--\r\n"
    mail = parse(HEAD + b"Content-Type: " + kind + b"\r\n\r\n" + body)
    assert (mail.text, [one.filename for one in mail.attachments]) == ("hi", ["a.png"])


def test_parts_of_an_unnamed_boundary_are_counted_too() -> None:
    start = time.process_time()
    mail = parse(HEAD + b"Content-Type: multipart/mixed\r\n\r\n" + b"--x\r\nContent-Type: text/plain\r\n\r\nhi\r\n" * 20_000)
    assert mail.text.startswith("--x")
    assert time.process_time() - start < 3


@pytest.mark.parametrize("kind", [b"text/foo", b"plain/text", b"text"])
def test_an_unknown_kind_of_text_is_text(kind: bytes) -> None:
    mail = parse(HEAD + b"Content-Type: " + kind + b"\r\n\r\nhello")
    assert (mail.text, mail.attachments) == ("hello", ())


def test_several_texts_in_a_row_are_all_text_in_order() -> None:
    parts = [(b"text/plain", b"one"), (b"image/png; name=a.png", b"P"), (b"text/plain", b"two"), (b"text/html", b"<p>three</p>")]
    body = b"".join(b"--x\r\nContent-Type: " + kind + b"\r\n\r\n" + text + b"\r\n" for kind, text in parts)
    mail = parse(HEAD + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + body + b"--x--\r\n")
    assert mail.text == "one\n\ntwo\n\nthree"


@pytest.mark.parametrize(
    "block",
    [
        b"Hello, this is junk\r\nFrom: a@b.example\r\nSubject: s",
        b"From a@b.example Fri Nov 20 10:00:00 2026\r\nFrom: a@b.example\r\nSubject: s",
        b"From: a@b.example\r\nFrom x Fri Nov 20 10:00:00 2026\r\nSubject: s",
        b"From: a@b.example\r\n\x00\x01\xff\r\nSubject: s",
        b"From : a@b.example\r\nSubject : s",
        b"\xef\xbb\xbfFrom: a@b.example\r\nSubject: s",
        b"\r\n\r\nFrom: a@b.example\r\nSubject: s",
        b"From: a@b.example\nSubject: s",
        b"From: a@b.example\r\nSubject:\r\n \r\n s",
    ],
)
def test_damaged_header_blocks_are_read(block: bytes) -> None:
    mail = parse(block + (b"\r\n\r\n" if b"\r" in block else b"\n\n") + b"body")
    assert ([box.address for box in mail.from_], mail.subject, mail.text) == (["a@b.example"], "s", "body")


@pytest.mark.parametrize(
    ("field", "name"),
    [
        (b"attachment; filename*=utf-8''r%C3%A9sum%C3%A9.pdf", "résumé.pdf"),
        (b"attachment; filename*0*=utf-8''r%C3%A9s; filename*1*=um%C3%A9; filename*2=.pdf", "résumé.pdf"),
        (b"attachment; filename*1=b.pdf; filename*0=a", "ab.pdf"),
        (b"attachment; filename*=gb2312''%C4%E3.txt", "你.txt"),
        (b"attachment; filename*=iso-8859-1'de'%DCber.pdf", "Über.pdf"),
        (b"attachment; filename==?utf-8?Q?r=C3=A9s.pdf?=", "rés.pdf"),
        (b'attachment; filename*0="=?utf-8?Q?r=C3=A9s"; filename*1="um=2Epdf?="', "résum.pdf"),
        (b'attachment; filename="=?utf-8?B?w6k=?=\r\n =?utf-8?B?w6k=?=.pdf"', "éé.pdf"),
        (b"attachment; filename=my file name.pdf", "my file name.pdf"),
        (b"attachment; filename*=UTF-8''%E4%BD%A0.txt; filename=ni.txt", "你.txt"),
    ],
)
def test_names_of_files_are_decoded(field: bytes, name: str) -> None:
    mail = parse(HEAD + b"Content-Type: application/pdf\r\nContent-Disposition: " + field + b"\r\n\r\nx")
    assert mail.attachments[0].filename == name
