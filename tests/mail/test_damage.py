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


def part(fields: str, content: str = "x", before: str = "") -> bytes:
    """A mail with a text and one more part."""
    text = f"--q\nContent-Type: text/plain; charset=utf-8\n\nhello words\n--q\n{fields}\n\n{content}\n--q--\n"
    return HEAD + before.encode() + f"Content-Type: multipart/mixed; boundary=q\n\n{text}".replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    ("fields", "name", "kind"),
    [
        ('Content-Type: application/zip; x=1;\nname="a_b.zip"\nX-Part: 2', "a_b.zip", "application/zip"),
        ('Content-Type: application/zip;\nname="a_b.zip"', "a_b.zip", "application/zip"),
        ('Content-Type: application/pdf name="x"\nContent-Disposition: attachment; filename="Bill 3.pdf"', "Bill 3.pdf", "application/pdf"),
        ("Content-Type: image/png\nContent-Location: http://x.example/a/photo.png?w=3", "photo.png", "image/png"),
        ("Content-Type: application/msword\nContent-Description: plan of floor.doc", "plan of floor.doc", "application/msword"),
    ],
)
def test_a_part_whose_name_stands_in_an_odd_place_is_named(fields: str, name: str, kind: str) -> None:
    mail = parse(part(fields))
    assert mail.text == "hello words"
    assert [(one.filename, one.content_type, one.size) for one in mail.attachments] == [(name, kind, 1)]


@pytest.mark.parametrize("coding", ["base64 (really)", "Base-64", '"base64";', "BASE64\nContent-Transfer-Encoding: base64", " base64 "])
def test_a_transfer_encoding_is_known_by_its_letters(coding: str) -> None:
    field = f"Content-Transfer-Encoding: {coding}\nContent-Type: text/plain; charset=utf-8\n\nZ3LDvG4="
    assert parse(HEAD + field.replace("\n", "\r\n").encode()).text == "grün"
    quoted = HEAD + b"Content-Transfer-Encoding: quoted - printable\r\nContent-Type: text/plain; charset=utf-8\r\n\r\ngr=C3=BCn"
    assert parse(quoted).text == "grün"


def test_a_footer_that_a_list_put_below_base64_is_not_decoded() -> None:
    field = b"Content-Transfer-Encoding: base64\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nZ3LDvG5lcyBHcmFz\r\n\r\n"
    assert parse(HEAD + field + b"-- \r\nWritten by a list server.\r\n").text == "grünes Gras"


@pytest.mark.parametrize(
    "raw",
    [
        " From: a@b.example\r\nSubject: s\r\n\r\nbody",
        "From: a@b.example\r\r\nSubject: s\r\r\n\r\r\nbody",
        "Subject: \r\nFrom: a@b.example\r\nSubject: s\r\n\r\nbody",
    ],
)
def test_more_damaged_header_blocks_are_read(raw: str) -> None:
    mail = parse(raw.encode())
    assert ([box.address for box in mail.from_], mail.subject, mail.text) == (["a@b.example"], "s", "body")


def test_a_body_that_begins_without_a_blank_line_ends_the_header_at_its_boundary() -> None:
    body = (
        b"Several parts follow.\r\n--q\r\nContent-Type: text/plain\r\n\r\none\r\n--q\r\nContent-Type: text/html\r\n\r\n<p>two\r\n--q--\r\n"
    )
    mail = parse(HEAD + b"Content-Type: multipart/alternative; boundary=q\r\n" + body)
    assert (mail.subject, mail.text, mail.html) == ("s", "one", "<p>two")


def test_a_boundary_beyond_ascii_parts() -> None:
    body = "--ü\r\nContent-Type: text/plain\r\n\r\none\r\n--ü\r\nContent-Type: image/png; name=a.png\r\n\r\nP\r\n--ü--\r\n"
    mail = parse(HEAD + f'Content-Type: multipart/mixed; boundary="ü"\r\n\r\n{body}'.encode())
    assert (mail.text, [one.filename for one in mail.attachments]) == ("one", ["a.png"])


@pytest.mark.parametrize("kind", ["", "Content-Type: application/xhtml+xml\r\n"])
def test_markup_that_nobody_calls_html_is_readable(kind: str) -> None:
    mail = parse(HEAD + f"{kind}\r\n<!DOCTYPE html>\r\n<html><body><p>Hello <b>you</b></p></body></html>".encode())
    assert (mail.text.strip(), mail.html is not None) == ("Hello you", True)


@pytest.mark.parametrize(
    ("field", "subject"),
    [
        ("=?utf-8?Q?why_so=3F_w=C3=B6rld?_or?=", "why so? wörld? or"),
        ("=?utf-8?Q?w=C3=B6rld", "wörld"),
        ("=?utf-8?Q?w=C3=B6rld?", "wörld"),
        ("=??Q?w=C3=B6rld?=", "wörld"),
        ("=?utf-8? Q?w=C3=B6rld?=", "wörld"),
        ("=?utf-8?Q?=3D=3Futf-8=3FQ=3Fw=C3=B6rld=3F=3D?=", "wörld"),
        ("=?utf-8?B?w7Y=?==?utf-8?B?w6Q=?=", "öä"),
    ],
)
def test_broken_encoded_words_are_read(field: str, subject: str) -> None:
    assert parse(b"From: a@b.example\r\nSubject: " + field.encode() + b"\r\n\r\nx").subject == subject


@pytest.mark.parametrize(
    ("zone", "hour"),
    [("IST", 3), ("AEST", -1), ("BRT", 12), ("HKT", 1), ("PST", 17), ("HST", 19), ("+01", 8), ("+100", 8), ("NZDT", -4), ("", 9)],
)
def test_zones_are_known_by_name_and_by_short_offset(zone: str, hour: int) -> None:
    moment = parse(HEAD + f"Date: Tue, 3 Mar 2026 9:5:7 {zone}\r\n\r\nx".encode()).date
    assert moment is not None
    assert (moment.replace(minute=0, second=0) - datetime(2026, 3, 3, tzinfo=UTC)).total_seconds() / 3600 == hour


@pytest.mark.parametrize(
    "raw",
    [
        b"From: " + b"a" * 90_000 + b"\r\n\r\nx",
        b"From: " + b' =?utf-8?q?"x?=,' * 5_000 + b" <a@b.example>\r\n\r\nx",
        HEAD + b"\r\n" + "\u0316\u0300".encode() * 3_000_000,
        HEAD + b"Content-Type: multipart/mixed; boundary=q\r\n\r\n" + b"--qq\r\n" * 1_400_000,
        HEAD
        + b"Content-Type: multipart/report; boundary=q\r\n\r\n--q\r\nContent-Type: message/delivery-status\r\n\r\n"
        + b"Status: 5.1.1\r\n\r\n" * 250_000,
    ],
    ids=["long-word", "words-with-quotes", "piled-marks", "boundary-like-lines", "many-recipients"],
)
def test_more_hostile_mails_cost_little(raw: bytes) -> None:
    start = time.process_time()
    parse(raw)
    assert time.process_time() - start < 3
