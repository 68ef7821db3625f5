"""The header gate: whatever somebody wrote, the finished octets carry exactly the intended fields and one recipient."""

from __future__ import annotations

import email
import email.policy
from base64 import encodebytes
from binascii import b2a_qp
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import getaddresses, parsedate_to_datetime
from html import unescape
from itertools import islice
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mailgate.desk.errors import Permanent
from mailgate.desk.letters import Name
from mailgate.mail import compose as module
from mailgate.mail import header
from mailgate.mail.compose import Draft, Enclosure, compose
from mailgate.mail.letters import Content

FIELDS = [
    "Date", "From", "To", "Reply-To", "Subject", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
    "X-Auto-Response-Suppress", "X-Mailgate-Letter", "X-Mailgate-Ticket", "X-Mailgate-Loop", "Content-Language",
    "MIME-Version", "Content-Type",
]  # fmt: skip
DRAFT = Draft(
    from_name="IT Service Desk",
    from_address="desk@example.org",
    to_name="Anna Weber",
    to_address="anna.weber@example.org",
    reply_to="desk+t.1042.q7x@example.org",
    message_id="17.1.a8f3c1@example.org",
    date=datetime(2026, 11, 20, 14, 5, 9, tzinfo=UTC),
    letter=Name.ACKNOWLEDGEMENT,
    content=Content("Re: [MG-1042] Printer", "Hello Anna,\n\nall is well.\n", "<p>Hello Anna</p>\n"),
    in_reply_to="CAF+1@mail.example.net",
    references=("t.1042.q7x@example.org", "CAF+1@mail.example.net"),
    ticket=1042,
    auto_submitted="auto-replied",
    loop="mg1.1",
)
# What attacks are made of; FLOOD below draws from it by the ten thousand, hypothesis looks for the smallest failure.
EVIL = (
    "\r\n", "\r", "\n", "\0", "\t", " ", ",", ";", ":", "<", ">", "@", '"', "\\", "=?", "?=",
    "=?utf-8?q?=0d=0aBcc=3a_evil=40example.net?=", "=?utf-8?b?aGkNCkJjYzogZXZpbEBleGFtcGxlLm5ldA==?=", "(", ")", "[", "]", "'", "\x85",
    "\u2028", "\u202e", "\u200b", "\ud800", "\x1b[0m", "ä", "漢", "😀", "a", "Re:", "[MG-7]", "Bcc: victim@example.net",
    "victim@example.net", "<victim@example.net>", "{{7*7}}", "{% raw %}", "%s", "../", ".exe", "z" * 90, "ü" * 90, "\r\n\r\n<html>",
    "--=_", "Weber",
)  # fmt: skip
FOREIGN = st.one_of(st.text(st.characters(), max_size=80), st.lists(st.sampled_from(EVIL), max_size=8).map("".join))


def flood(seed: int) -> Iterator[str]:
    """Endless foreign words, the same in every run."""
    random = Random(seed)
    while True:
        yield "".join(random.choices(EVIL, k=random.randrange(9)))


def parsed(octets: bytes) -> Message:
    return email.message_from_bytes(octets, policy=email.policy.compat32)


def decoded(value: str) -> str:
    return str(make_header(decode_header(value.replace("\r\n", "").replace("\n", ""))))


def safe(octets: bytes, expected: list[str]) -> Message:
    """What must hold for every letter, read back by the standard library's parser."""
    mail = parsed(octets)
    assert mail.keys() == expected
    assert not mail.defects
    assert [address for _, address in getaddresses(mail.get_all("To", []))] == ["anna.weber@example.org"]
    assert octets.isascii()
    assert octets.count(b"\n") == octets.count(b"\r") == octets.count(b"\r\n")
    head = octets.partition(b"\r\n\r\n")[0]
    assert all(len(line) <= 78 for line in head.split(b"\r\n"))
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))
    return mail


def test_ten_thousand_hostile_letters_have_exactly_the_intended_fields_and_one_recipient() -> None:
    """Only the heads are read back here: the parser of the standard library is the slow part."""
    words = flood(114)
    for subject, sender, name, parent in islice(zip(words, words, words, words, strict=True), 10_000):
        content = Content(header.subject_line("Re: ", subject, "MG-1042"), "", "")
        octets = compose(replace(DRAFT, from_name=sender, to_name=name, in_reply_to=parent + "a@b", content=content))
        mail = BytesHeaderParser(policy=email.policy.compat32).parsebytes(octets)
        assert [name for name in mail if name != "In-Reply-To"] == [name for name in FIELDS if name != "In-Reply-To"]
        assert [address for _, address in getaddresses([mail["To"]])] == ["anna.weber@example.org"]
        assert [address for _, address in getaddresses([mail["From"]])] == ["desk@example.org"]


def test_a_letter_has_its_fields_in_order_and_both_texts() -> None:
    mail = safe(compose(DRAFT), FIELDS)
    assert mail["Subject"] == "Re: [MG-1042] Printer"
    assert mail["To"] == "Anna Weber <anna.weber@example.org>"
    assert mail["Message-ID"] == "<17.1.a8f3c1@example.org>"
    assert mail["References"] == "<t.1042.q7x@example.org> <CAF+1@mail.example.net>"
    assert parsedate_to_datetime(mail["Date"]) == DRAFT.date
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.get_payload()] == ["text/plain", "text/html"]
    assert mail.get_payload(0).get_payload(decode=True) == b"Hello Anna,\r\n\r\nall is well.\r\n"


def test_what_a_human_wrote_is_not_auto_submitted() -> None:
    mail = parsed(compose(replace(DRAFT, letter=Name.REPLY, auto_submitted=None, loop=None, ticket=None, in_reply_to=None)))
    for name in ("Auto-Submitted", "X-Auto-Response-Suppress", "X-Mailgate-Loop", "X-Mailgate-Ticket", "In-Reply-To"):
        assert name not in mail


def test_the_date_is_told_in_utc_and_needs_a_zone() -> None:
    local = datetime(2026, 2, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    assert parsed(compose(replace(DRAFT, date=local)))["Date"] == "Sat, 31 Jan 2026 22:30:00 +0000"
    with pytest.raises(Permanent):
        compose(replace(DRAFT, date=datetime(2026, 2, 1)))  # noqa: DTZ001


@settings(max_examples=150)
@given(subject=FOREIGN, name=FOREIGN, text=FOREIGN)
def test_no_subject_or_name_adds_a_field_or_a_recipient(subject: str, name: str, text: str) -> None:
    content = Content(header.subject_line("Re: ", subject, "MG-1042"), text, text)
    mail = safe(compose(replace(DRAFT, from_name=name, to_name=name, content=content)), FIELDS)
    assert decoded(mail["Subject"]).count("[MG-1042]") == 1
    assert decoded(mail["Subject"]) == header.text(content.subject)


@settings(max_examples=120)
@given(name=FOREIGN, kind=FOREIGN, octets=st.binary(max_size=200))
def test_no_file_name_or_type_adds_a_field(name: str, kind: str, octets: bytes) -> None:
    mail = safe(compose(replace(DRAFT, attachments=(Enclosure(name, kind, octets),))), FIELDS)
    _, part = mail.get_payload()
    assert part.keys() == ["Content-Type", "Content-Transfer-Encoding", "Content-Disposition"]
    assert part.get_content_disposition() == "attachment"
    assert part.get_payload(decode=True) == octets
    filename = part.get_filename()
    assert filename == header.filename(name, 1)
    assert not set(filename) & set('/\\"\r\n\0:<>')
    assert filename[0] != "."
    assert len(filename) <= 102


@settings(max_examples=120)
@given(parent=FOREIGN, ids=st.lists(FOREIGN, max_size=40))
def test_foreign_message_ids_are_taken_only_where_they_are_some(parent: str, ids: list[str]) -> None:
    mail = parsed(compose(replace(DRAFT, in_reply_to=parent, references=("t.1042.q7x@example.org", *ids))))
    assert set(mail.keys()) <= set(FIELDS)
    assert mail["References"].startswith("<t.1042.q7x@example.org>")
    assert len(mail["References"]) <= 998
    assert len(mail["References"].split()) <= 20


@settings(max_examples=120)
@given(FOREIGN)
def test_an_address_is_one_address_or_refused(value: str) -> None:
    try:
        octets = compose(replace(DRAFT, to_address=value))
    except Permanent:
        return
    assert getaddresses([parsed(octets)["To"]]) == [("Anna Weber", value)]


@pytest.mark.parametrize(
    "address",
    ["", "a", "a@", "@b", "a@b\r\nRCPT TO:<c@d>", "a@b, c@d", "a b@c", "<a@b>", '"a b"@c', "a@b@c", "a..b@c", ".a@b", "a@-b", "ä@b",
     "a@[127.0.0.1]", "a@ü.de", "a(b)@c", "a\0@b", "a@b\n", "a" * 65 + "@b", "a@" + "b" * 64, "a@" + "b." * 130 + "c",
     "unknown@invalid", "a@b.Invalid"],
)  # fmt: skip
def test_odd_addresses_are_refused(address: str) -> None:
    with pytest.raises(Permanent):
        header.address(address)


@pytest.mark.parametrize("address", ["a@b", "desk+t.1042.q7x@example.org", "O'Hara_x@sub.example.co.uk", "a@xn--mller-kva.de"])
def test_usual_addresses_pass(address: str) -> None:
    assert header.address(address) == address


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"message_id": "x"}, "no Message-ID"),
        ({"message_id": "<a@b>\r\nBcc: c@d"}, "no Message-ID"),
        ({"loop": "a b"}, "no loop mark"),
        ({"auto_submitted": "auto-replied\r\nBcc: a@b"}, "no value of Auto-Submitted"),
        ({"from_address": "a"}, "no address"),
        ({"reply_to": "a@b, c@d"}, "no address"),
    ],
)
def test_our_own_mistakes_are_refused_rather_than_sent(changes: dict[str, str], why: str) -> None:
    with pytest.raises(Permanent, match=why):
        compose(replace(DRAFT, **changes))  # type: ignore[arg-type]


def test_the_scanner_catches_what_a_broken_gate_lets_through(monkeypatch: pytest.MonkeyPatch) -> None:
    for broken in ("hi\r\nBcc: evil@example.net", "hi\nBcc: evil@example.net", "hi\r\n\r\nbody", "hi\r\n", "hi\r\n \r\n x"):
        monkeypatch.setattr(header, "unstructured", lambda _, value=broken: [value])
        with pytest.raises(Permanent):
            compose(DRAFT)
    monkeypatch.undo()
    for broken in (
        "<a@b>, <anna.weber@example.org>",
        "victim@b, Anna <anna.weber@example.org>",
        "Anna <other@example.org>",
        "g: anna.weber@example.org;",
    ):
        monkeypatch.setattr(header, "mailbox", lambda _, __, value=broken: [value])
        with pytest.raises(Permanent, match="recipient"):
            compose(DRAFT)
    monkeypatch.undo()
    for broken in ("a" * 960, "tab\there", "zero\0", "\x1b[0m", "\x7f"):
        monkeypatch.setattr(header, "unstructured", lambda _, value=broken: [value])
        with pytest.raises(Permanent):
            compose(DRAFT)


@pytest.mark.parametrize("broken", [b"a\nb", b"a\rb", b"a\r\r\nb", b"\n\r", "ä".encode(), b"\0", b"\x1b[0m", b"\x7f"])
def test_the_scanner_catches_octets_that_no_relay_should_see(monkeypatch: pytest.MonkeyPatch, broken: bytes) -> None:
    monkeypatch.setattr(module, "_text_part", lambda _: b"Content-Type: text/plain\r\n\r\n" + broken)
    with pytest.raises(Permanent, match="bare line end"):
        compose(DRAFT)


def test_message_ids_are_never_encoded_or_cut() -> None:
    long = "A" * 150 + "@mail.example.net"
    octets = compose(replace(DRAFT, in_reply_to=long, references=("t.1.m@example.org", long)))
    assert f"In-Reply-To: <{long}>\r\n".encode() in octets
    assert f"\r\n <{long}>\r\n".encode() in octets


def test_of_many_references_the_first_and_the_newest_stay() -> None:
    ids = [f"id{number}@example.net" for number in range(100)]
    kept = header.msg_ids(ids)
    assert (kept[0], kept[-1], len(kept)) == ("<id0@example.net>", "<id99@example.net>", 20)
    kept = header.msg_ids(f"{number}{'x' * 150}@example.net" for number in range(15))
    assert kept[0].startswith("<0x")
    assert kept[-1].startswith("<14x")
    assert len(" ".join(kept)) <= 998


def test_bodies_are_quoted_printable_or_base64_whichever_is_denser() -> None:
    mail = parsed(compose(replace(DRAFT, content=Content("x", "Liebe Grüße an alle im dritten Stock\n-- \n", "漢字" * 200))))
    assert [part["Content-Transfer-Encoding"] for part in mail.get_payload()] == ["quoted-printable", "base64"]
    assert mail.get_payload(0).get_payload(decode=True).decode() == "Liebe Grüße an alle im dritten Stock\r\n-- \r\n"
    assert mail.get_payload(1).get_payload(decode=True).decode() == "漢字" * 200


def test_a_page_goes_out_in_ascii_with_references_for_the_rest() -> None:
    page = "<!doctype html>\n<p title='Größe'>Liebe Grüße &amp; „alles Gute“ 😀\0</p>\n" + "<p>well</p>\n" * 40
    part = parsed(compose(replace(DRAFT, content=Content("x", "", page)))).get_payload(1)
    assert part["Content-Transfer-Encoding"] == "7bit"
    shown = part.get_payload(decode=True)
    assert shown.isascii()
    assert unescape(shown.decode()).replace("\r\n", "\n") == unescape(page.replace("\0", ""))


@pytest.mark.parametrize("length", [998, 999])
def test_a_page_with_a_line_that_no_relay_may_pass_on_is_encoded(length: int) -> None:
    page = "<p>\n" + "a" * length + "\n" + "b" * 500 + "\n" + "c" * 600 + "\n</p>\n"
    octets = compose(replace(DRAFT, content=Content("x", "", page)))
    part = parsed(octets).get_payload(1)
    assert part["Content-Transfer-Encoding"] == ("7bit" if length == 998 else "quoted-printable")
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    assert part.get_payload(decode=True).decode().replace("\r\n", "\n") == page


@settings(max_examples=120)
@given(st.lists(st.tuples(st.sampled_from("aüb漢"), st.integers(0, 1100)), max_size=6))
def test_no_page_has_a_line_over_998_octets(lines: list[tuple[str, int]]) -> None:
    octets = compose(replace(DRAFT, content=Content("x", "", "\n".join(char * count for char, count in lines))))
    assert max(map(len, octets.split(b"\r\n"))) <= 998


@settings(max_examples=120)
@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_a_text_arrives_as_it_was_written(text: str) -> None:
    arrived = parsed(compose(replace(DRAFT, content=Content("x", text, "")))).get_payload(0).get_payload(decode=True).decode()
    clean = "".join(char for char in text.replace("\r\n", "\n").replace("\r", "\n") if char in "\n\t" or (char >= " " and char != "\x7f"))
    assert arrived.replace("\r\n", "\n") == clean


@settings(max_examples=300)
@given(st.lists(st.sampled_from(["a", "=", " ", "\t", ".", "\n", "ü", "漢", "-- ", "w" * 37, "w" * 38])).map("".join))
def test_quoted_printable_is_that_of_the_standard_library(text: str) -> None:
    assert module._quoted_printable(text.encode()) == b2a_qp(text.encode())


@settings(max_examples=60)
@given(st.binary(max_size=400))
def test_a_file_travels_in_base64_lines_of_76_characters(octets: bytes) -> None:
    assert Enclosure("x", "a/b", octets).encoded == encodebytes(octets).replace(b"\n", b"\r\n")


def test_a_file_is_encoded_once_to_however_many_people_it_goes() -> None:
    enclosure = Enclosure("x", "a/b", b"octets" * 100)
    letters = [compose(replace(DRAFT, to_address=to, attachments=(enclosure,))) for to in ("a@example.org", "b@example.org")]
    assert enclosure.encoded is enclosure.encoded
    assert all(enclosure.encoded in octets for octets in letters)


@settings(max_examples=300)
@given(st.lists(st.sampled_from([*"ab \t\n", "\u200b", "\u00a0", "é", "word " * 5])).map("".join), st.integers(1, 12))
def test_of_a_long_text_the_beginning_is_read_and_no_more_is_lost(value: str, limit: int) -> None:
    whole = " ".join("".join(char for char in value[: 8 * limit] if char != "\u200b").split())
    assert header.text(value, limit) == (whole if len(whole) <= limit else whole[: limit - 1].rstrip() + "…")


@pytest.mark.parametrize(
    ("given_name", "made"),
    [
        ("../../etc/passwd", "passwd"), ("C:\\temp\\x.doc", "x.doc"), (".htaccess", "htaccess"), ("\u200b.htaccess", "htaccess"),
        ("CON", "_CON"), ("nul.txt", "_nul.txt"), ("invoice\u202efdp.exe", "invoicefdp.exe"), ("", "attachment-1"), ("...", "attachment-1"),
        ("a\r\nb.txt", "a b.txt"), ('q";x=".txt', "q__x__.txt"), ("a" * 500 + ".pdf", "a" * 96 + ".pdf"), ("u\u0308.txt", "ü.txt"),
        ("Übersicht März.pdf", "Übersicht März.pdf"),
    ],
)  # fmt: skip
def test_file_names_are_made_harmless(given_name: str, made: str) -> None:
    assert header.filename(given_name) == made


@pytest.mark.parametrize("kind", ["text/html; x=y", "image/png", "application/vnd.ms-excel"])
def test_usual_content_types_stay(kind: str) -> None:
    assert header.media_type(kind) == kind.partition(";")[0]


@pytest.mark.parametrize("kind", ["", "x", "message/rfc822", "multipart/mixed", "a/b\r\nc: d", "text/plain/x", "te xt/plain", "täxt/plain"])
def test_odd_and_composite_content_types_become_octets(kind: str) -> None:
    assert header.media_type(kind) == "application/octet-stream"


@pytest.mark.parametrize(
    ("subject", "line"),
    [
        ("Printer", "Re: [MG-7] Printer"),
        ("Re: AW: [MG-7] Printer", "Re: [MG-7] Printer"),
        ("[MG-7] AW: Re[2]: FWD: [mg-3] WG: Printer", "Re: [MG-7] Printer"),
        ("回复：转发: Printer", "Re: [MG-7] Printer"),
        ("Ответ: Antw.: x", "Re: [MG-7] Antw.: x"),
        ("SV: VS: TR: RV: Odp: YNT: Printer", "Re: [MG-7] Printer"),
        ("R: drive is full", "Re: [MG-7] R: drive is full"),
        ("Reply: to all", "Re: [MG-7] Reply: to all"),
        ("[EXT] [OTHER-12] Printer", "Re: [MG-7] [EXT] [OTHER-12] Printer"),
        ("", "Re: [MG-7]"),
        ("Re:" * 300 + " deep", "Re: [MG-7] deep"),
    ],
)
def test_the_subject_carries_the_tag_once_and_no_stack_of_marks(subject: str, line: str) -> None:
    assert header.subject_line("Re: ", subject, "MG-7") == line
    assert header.subject_line("Re: ", line, "MG-7") == line
