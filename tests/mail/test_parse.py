"""What a mail says, whoever wrote it and however broken it is: identity, ids, charsets, budgets."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import msgpack

from mailgate.desk.model import fold_address
from mailgate.mail.parse import over_budget, parse, unreadable
from mailgate.mail.parsed import Kind, ParsedMail

CORPUS = Path(__file__).parents[1] / "corpus"
HEAD = b"From: Ann <ann@example.com>\r\nSubject: s\r\nMessage-ID: <m@example.com>\r\n"


def senders(value: bytes) -> tuple[list[str], tuple[str, ...]]:
    mail = parse(b"From: " + value + b"\r\nSubject: s\r\n\r\nx")
    return [box.address for box in mail.from_], mail.from_faults


@pytest.mark.parametrize(
    ("value", "name", "address"),
    [
        (b"ann@example.com", "", "ann@example.com"),
        (b"Ann Lee <ann@example.com>", "Ann Lee", "ann@example.com"),
        (b'"Lee, Ann" <ann@example.com>', "Lee, Ann", "ann@example.com"),
        (b"=?utf-8?q?Ann_L=C3=A9?= <ann@example.com>", "Ann Lé", "ann@example.com"),
        (b"=?utf-8?q?Lee,_Ann?= <ann@example.com>", "Lee, Ann", "ann@example.com"),
        (b"=?utf-8?b?QW5u?= =?utf-8?b?IEzDqQ==?= <ann@example.com>", "Ann Lé", "ann@example.com"),
        ("Ann Lé <ann@example.com>".encode("latin-1"), "Ann Lé", "ann@example.com"),
        ("Ann Lé <ann@example.com>".encode(), "Ann Lé", "ann@example.com"),
        (b"ann@example.com (Ann Lee)", "Ann Lee", "ann@example.com"),
        (b"Ann\r\n Lee <ann@example.com>", "Ann Lee", "ann@example.com"),
    ],
)
def test_a_sound_from_names_one_person(value: bytes, name: str, address: str) -> None:
    mail = parse(b"From: " + value + b"\r\n\r\nx")
    assert mail.from_faults == ()
    assert [(box.name, box.address) for box in mail.from_] == [(name, address)]


@pytest.mark.parametrize(
    ("value", "addresses", "fault"),
    [
        (b"boss@corp.example <evil@x.example>", ["evil@x.example"], "address-in-name"),
        (b"Boss <boss@corp.example> <evil@x.example>", [], "unreadable-from"),
        (b"alice@corp.example)evil@x.example", [], "unreadable-from"),
        (b"=?utf-8?q?boss=40corp.example?= <evil@x.example>", ["evil@x.example"], "address-in-name"),
        (b"=?utf-8?q?boss@corp.example?=, evil@x.example", ["evil@x.example"], "malformed-from"),
        (b"ann@example.com, evil@x.example", ["ann@example.com", "evil@x.example"], "several-from"),
        (b"Team: ann@example.com;", ["ann@example.com"], "group"),
        (b"ann\x00@example.com", None, "control-character"),
        (b"Ann\x1b <ann@example.com>", None, "control-character"),
        (b"a@[", [], "unreadable-from"),
        (b"", [], "unreadable-from"),
        (b'"Ann <ann@example.com>', ["ann@example.com"], "malformed-from"),
        (b"ann@example.com\xe9", None, "unreadable-from"),
    ],
)
def test_a_dubious_from_is_named_as_such(value: bytes, addresses: list[str] | None, fault: str) -> None:
    found, faults = senders(value)
    assert fault in faults
    assert addresses is None or found == addresses


def test_two_from_fields_are_no_identity() -> None:
    mail = parse(b"From: ann@example.com\r\nFrom: evil@x.example\r\n\r\nx")
    assert "several-from" in mail.from_faults


def test_a_mail_without_from_says_so() -> None:
    assert parse(b"Subject: s\r\n\r\nx").from_faults == ("no-from",)


def test_an_encoded_line_end_in_a_name_starts_no_header() -> None:
    mail = parse(b"From: =?utf-8?q?a=0d=0aBcc=3a_v=40y.example?= <ann@example.com>\r\n\r\nx")
    assert [box.address for box in mail.from_] == ["ann@example.com"]
    assert "\n" not in mail.from_[0].name


@given(st.binary(max_size=200).filter(lambda value: b"\n" not in value and b"\r" not in value))
@settings(max_examples=300)
def test_an_address_without_fault_stands_in_the_field_letter_by_letter(value: bytes) -> None:
    """The identity differential: whatever is accepted without a fault is the one address-like thing outside names and comments."""
    found, faults = senders(value)
    if not faults:
        assert len(found) == 1
        assert found[0].encode() in value.replace(b" ", b"").replace(b"\t", b"") or not found[0].isascii()
        assert fold_address(found[0]).count("@") >= 1


def crossed(mail: ParsedMail) -> ParsedMail:
    """What the parent reads of what the child writes."""
    return msgpack.decode(msgpack.encode(mail), type=ParsedMail)


@given(st.binary(max_size=2000))
@settings(max_examples=200)
def test_no_octets_raise_and_every_value_crosses_to_the_parent(raw: bytes) -> None:
    assert crossed(parse(raw)) == parse(raw)
    assert isinstance(parse(HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + raw), ParsedMail)
    assert isinstance(unreadable(raw, "died"), ParsedMail)


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.eml")), ids=lambda path: path.stem)
def test_every_mail_of_the_corpus_is_read_and_crosses_to_the_parent_as_it_is(path: Path) -> None:
    mail = parse(path.read_bytes())
    assert mail.kind is not Kind.UNREADABLE
    assert mail.text
    assert repr(crossed(mail)) == repr(mail)
    assert crossed(mail) == mail


def test_message_ids_are_bare_and_blank_ones_are_none() -> None:
    assert parse(HEAD + b"\r\nx").message_id == "m@example.com"
    for blank in (b"<>", b"<[@]>", b"", b"< >"):
        assert parse(b"From: a@b.example\r\nMessage-ID: " + blank + b"\r\n\r\nx").message_id is None


def test_references_are_kept_in_order_also_when_folded_inside_an_id() -> None:
    mail = parse(HEAD + b"References: <a@x> <b@x>\r\n\t<c@\r\n x> <a@x>\r\nIn-Reply-To: Your note of Monday <b@x>\r\n\r\nx")
    assert mail.references == ("a@x", "b@x", "c@x")
    assert mail.in_reply_to == ("b@x",)
    assert mail.kind is Kind.REPLY


@pytest.mark.parametrize(
    ("field", "subject"),
    [
        (b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"=?iso-8859-1?q?Gr=FC=DFe?=", "Grüße"),
        ("Grüße".encode("latin-1"), "Grüße"),
        ("Grüße".encode(), "Grüße"),
        (b"=?utf-8?b?R3LDvMOf?=\r\n =?utf-8?b?ZQ==?=", "Grüße"),
        (b"=?utf-8?b?R3LD?= =?utf-8?b?vMOfZQ==?=", "Grüße"),
        (b"=?x-sjis?b?g3aDioOTg14=?=", "プリンタ"),
        (b"=?iso-2022-jp?b?GyRCLSIbKEI=?=", "②"),
        (b"a\r\n\tb", "a b"),
        (b"=?klingon?q?Qapla=27?=", "Qapla'"),
        (b"=?utf-8?q?a=00b=E2=80=A8c?=", "ab c"),
    ],
)
def test_subjects_are_decoded(field: bytes, subject: str) -> None:
    assert parse(b"From: a@b.example\r\nSubject: " + field + b"\r\n\r\nx").subject == subject


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b"Fri, 20 Nov 2026 10:00:00 +0100", datetime(2026, 11, 20, 9, tzinfo=UTC)),
        (b"Fri, 20 Nov 2026 10:00:00 +0100 (CET)", datetime(2026, 11, 20, 9, tzinfo=UTC)),
        (b"20 Nov 26 10:00 GMT", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        (b"Nov 20 2026 10:00:05 PM -0500", datetime(2026, 11, 21, 3, 0, 5, tzinfo=UTC)),
        (b"20.11.2026 10:00", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        (b"2026-11-20T10:00:00+01:00", datetime(2026, 11, 20, 9, tzinfo=UTC)),
        (b"Fri, 20 Nov 2026 10:00:00 0200", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        (b"yesterday", None),
        (b"31 Feb 2026 10:00:00 +0000", None),
    ],
)
def test_dates_are_read_as_mailers_write_them(field: bytes, expected: datetime | None) -> None:
    assert parse(HEAD + b"Date: " + field + b"\r\n\r\nx").date == expected


def test_recipients_gather_every_address_that_a_server_wrote_down() -> None:
    mail = parse(HEAD + b"To: Desk <DESK@example.org>, b@x.example\r\nDelivered-To: desk+t.1.abc@example.org\r\n\r\nx")
    assert mail.recipients == ("desk@example.org", "b@x.example", "desk+t.1.abc@example.org")


def test_the_trace_keeps_hops_and_results_topmost_first() -> None:
    mail = parse(b"Received: by b\r\nAuthentication-Results: x;\r\n dkim=pass\r\nReceived: by a\r\n" + HEAD + b"\r\nx")
    assert mail.trace == (("received", "by b"), ("authentication-results", "x; dkim=pass"), ("received", "by a"))


def test_a_damaged_header_block_is_mended() -> None:
    mail = parse(b"\r\n>From ann\r\nFrom : ann@example.com\r\ngarbage without colon\r\nSubject : hello\r\n\r\nbody")
    assert [box.address for box in mail.from_] == ["ann@example.com"]
    assert (mail.subject, mail.text) == ("hello", "body")


def test_texts_hold_no_nul_and_no_surrogate() -> None:
    mail = parse(HEAD + b"Content-Type: text/plain; charset=utf-16\r\n\r\n" + b"a\x00b\xd8\x00\xff")
    assert "\x00" not in mail.text
    mail.text.encode()


def nested(depth: int) -> bytes:
    levels = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level) for level in range(depth))
    return HEAD + levels + b"\r\nx\r\n"


def parts(count: int) -> bytes:
    return HEAD + b"Content-Type: multipart/mixed; boundary=q\r\n\r\n" + b"--q\r\n\r\nx\r\n" * count + b"--q--\r\n"


@pytest.mark.parametrize(
    ("raw", "slug"),
    [
        (nested(10_000), "too-deep"),
        (nested(60), "too-deep"),
        (HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 2000 + b"x", "too-deep"),
        (parts(100_000), "too-many-parts"),
        (b"From: Ann <ann@example.com>\r\nSubject: s" + b" =?utf-8?q?x?=" * 40_000 + b"\r\n\r\nx", "header-block-too-large"),
        (HEAD + b"X: " + b"x" * 10_000_000 + b"\r\n\r\nx", "header-block-too-large"),
        (HEAD + b"X: y\r\n" * 200_000 + b"\r\nx", "header-block-too-large"),
        (HEAD + b"X: y\r\n" * 1001 + b"\r\nx", "too-many-headers"),
        (HEAD + b"X: " + b"x" * 150_000 + b"\r\n\r\nx", "header-too-large"),
        (HEAD + b"\r\n" * 10_000_000, "too-many-lines"),
    ],
    ids=["deep", "60-deep", "messages", "parts", "encoded-words", "one-header", "headers", "1001-headers", "150k-header", "blank-lines"],
)
def test_a_mail_over_budget_is_not_followed_but_its_sender_is_known(raw: bytes, slug: str) -> None:
    start = time.process_time()
    mail = parse(raw)
    assert over_budget(raw) == slug
    assert (mail.kind, mail.defects) == (Kind.UNREADABLE, (slug,))
    assert [box.address for box in mail.from_] == ["ann@example.com"]
    assert mail.subject.startswith(("s", "sx", "x"))
    assert time.process_time() - start < 3


@pytest.mark.parametrize("raw", [nested(45), parts(990), HEAD + b"X: y\r\n" * 990 + b"\r\nx", HEAD + b"\r\n" + b"--\r\n-- x\r\n" * 5000])
def test_a_mail_within_the_budgets_is_read(raw: bytes) -> None:
    assert over_budget(raw) is None
    assert parse(raw).kind is Kind.NEW


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"To: " + b"(" * 90_000 + b"\r\n\r\nx",
        HEAD + b"To: " + b'"' * 90_000 + b"\r\n\r\nx",
        HEAD + b"To: " + b"," * 90_000 + b"\r\n\r\nx",
        HEAD + b"To: " + b"a@" * 45_000 + b"\r\n\r\nx",
        HEAD + b"To: " + b"<" * 90_000 + b"\r\n\r\nx",
        HEAD + b"To: " + b", ".join(b"u%d@example.com" % number for number in range(5000)) + b"\r\n\r\nx",
        HEAD + b"Content-Type: text/plain" + b";" * 90_000 + b"\r\n\r\nx",
        HEAD + b"Content-Type: text/plain;\r\n" + b"".join(b" name*%d=x;\r\n" % number for number in range(5000)) + b"\r\nx",
        HEAD + b"References: " + b"<" * 90_000 + b"\r\n\r\nx",
        HEAD + b"Date: " + b"1:" * 45_000 + b"\r\n\r\nx",
        HEAD + b'Content-Type: text/plain; charset="a\x00b"\r\n\r\n\xff',
        HEAD + b"Content-Type: text/plain; charset=unicode_escape\r\n\r\n\\x41\xff",
        HEAD + b"Content-Type: text/html\r\n\r\n" + b"<div>" * 50_000,
        HEAD + b"Content-Type: text/html\r\n\r\n<table>" + b"<tr><td>a</td></tr>" * 300_000,
        HEAD + b"Content-Type: text/html\r\n\r\n" + b"<" * 1_000_000,
        HEAD + b"Content-Type: text/plain; format=flowed\r\n\r\n" + b"a \r\n" * 300_000,
        HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=" * 3_000_000,
        b"From: MAILER-DAEMON@x.example\r\nSubject: failure notice\r\n\r\n" + b"a@b " * 20_000,
        b"From: MAILER-DAEMON@x.example\r\nSubject: x\r\n\r\n" + b"delivery " * 20_000,
        b"\x00" * 100_000,
        b"",
    ],
    ids=lambda raw: raw[-60:].decode("latin-1").strip()[:20] or "empty",
)
def test_hostile_fields_and_bodies_cost_little(raw: bytes) -> None:
    start = time.process_time()
    parse(raw)
    assert time.process_time() - start < 4


def test_long_lists_of_recipients_are_cut_at_two_hundred() -> None:
    mail = parse(HEAD + b"To: " + b", ".join(b"u%d@example.com" % number for number in range(500)) + b"\r\n\r\nx")
    assert len(mail.to) == 200
