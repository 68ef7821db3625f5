"""Mails that nobody wrote: whatever octets come, the reader returns a sound value, and in bounded time."""

from __future__ import annotations

import re
import time
from datetime import UTC

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import astuple

from mailgate.mail import addresses, body, budget
from mailgate.mail.parse import over_budget, parse
from mailgate.mail.parsed import Kind, Mailbox, ParsedMail

# The same examples at each run.
SETTINGS = settings(max_examples=400)
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
LEAVES = (
    b"text/plain",
    b"text/html",
    b"text/plain; charset=utf-8; format=flowed",
    b"text/plain; charset=x-none",
    b"text/calendar",
    b"image/png",
    b"message/rfc822",
    b"message/delivery-status",
    b"application/ms-tnef",
    b"application/pkcs7-mime",
    b"text/enriched",
    b"text",
    b"",
    b";=;",
    b"text/plain; charset=iso-2022-jp",
    b'text/plain; name="=?utf-8?q?a',
    b"application/x; name*0*=a'b'%zz; name*2=c",
    b"application/octet-stream",
    b"message/partial",
    b"multipart/report; report-type=delivery-status",
)
CONTAINERS = (b"mixed", b"alternative", b"related", b"signed", b"report", b"digest", b"encrypted", b"x-odd")
ENCODINGS = (b"7bit", b"8bit", b"base64", b"quoted-printable", b"x-uuencode", b"x-none", b"base 64 (x)", b"")
BODIES = (
    b"",
    b"words",
    b"caf\xe9",
    b"\x00\x01",
    b"<p>hi<a href=http://x.example>y</a>",
    b"=C3=A4=\r\n=",
    b"d29yZHM=",
    b"begin 644 a\n#:&5Y\n`\nend",
    b"-----BEGIN PGP SIGNED MESSAGE-----\n\nx\n",
    b"BEGIN:VEVENT\nSUMMARY:x\nEND:VEVENT",
    b"> quote\r\n-- \r\nme",
    b"\x1b$B%5",
    b"\xff\xfea\x00",
    b"Final-Recipient: rfc822; a@b.example\r\nStatus: 5.1.1\r\n",
    b"\x78\x9f\x3e\x22\x01\x00",
    b"From: x@y.example\r\n\r\nz",
)
NAMES = (
    b"From",
    b"To",
    b"Cc",
    b"Subject",
    b"Date",
    b"Message-ID",
    b"References",
    b"Content-Type",
    b"MIME-Version",
    b"Reply-To",
    b"From ",
    b"",
)
VALUES = (
    b"Mia <mia@roe.example>",
    b"=?utf-8?q?a=?=",
    b"=?gb2312?b?xOO6w?= x",
    b"\xcf\xf0\xe8\xe2\xe5\xf2",
    b"Team: a@b.example, c@d.example;",
    b"<<>>",
    b"Tue, 3 Mar 2026 09:05:07 +0100",
    b"99/99/9999 99:99 PM",
    b"<a@b> <c",
    b'"',
    b"(((",
    b"a,b;c:d",
    b"\x00",
    b"\r\n",
    b"\r\n x",
    b"@@",
    b"=?",
    b"multipart/mixed; boundary=q",
    b'text/plain; charset="utf-8',
    b"\xff\xfe",
)
LINE_ENDS = st.sampled_from((b"\r\n", b"\r\n", b"\n", b"\r", b"\r\r\n"))


@st.composite
def trees(draw: st.DrawFn, depth: int = 0) -> bytes:
    """A part, whole or with something missing."""
    encoding = b"Content-Transfer-Encoding: " + draw(st.sampled_from(ENCODINGS)) + b"\r\n"
    extra = draw(
        st.sampled_from((b"", b"", b"Content-Disposition: attachment; filename=a.txt\r\n", b"Content-ID: <x@y>\r\n", b"garbage\r\n"))
    )
    if depth > 3 or draw(st.booleans()):
        return b"Content-Type: " + draw(st.sampled_from(LEAVES)) + b"\r\n" + encoding + extra + b"\r\n" + draw(st.sampled_from(BODIES))
    mark = draw(st.sampled_from((b"q", b"qq", b"r", b"q\xc3\xa9")))
    parts = b"".join(b"--" + mark + b"\r\n" + draw(trees(depth + 1)) + b"\r\n" for _ in range(draw(st.integers(0, 4))))
    end = draw(st.sampled_from((b"--" + mark + b"--\r\n", b"")))
    named = draw(st.sampled_from((b"; boundary=" + mark, b'; boundary="' + mark + b'"', b"")))
    return b"Content-Type: multipart/" + draw(st.sampled_from(CONTAINERS)) + named + b"\r\n" + extra + b"\r\n" + parts + end


@st.composite
def headers(draw: st.DrawFn) -> bytes:
    """A header block of fields that real mails have, with values that may belong to other fields."""
    fields = draw(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES) | st.binary(max_size=40)), max_size=8))
    return b"".join(name + b": " + value + b"\r\n" for name, value in fields)


@st.composite
def mails(draw: st.DrawFn) -> bytes:
    """A mail, its line ends changed and some octets damaged."""
    raw = (draw(headers()) + draw(trees())).replace(b"\r\n", draw(LINE_ENDS))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(raw)))
        raw = raw[:at] + draw(st.binary(max_size=4)) + raw[at + draw(st.integers(0, 4)) :]
    return raw


def strings(value: object) -> list[str]:
    """Every text inside a value."""
    match value:
        case Kind() | bytes() | None:
            return []
        case str():
            return [value]
        case tuple() | list():
            return [text for one in value for text in strings(one)]
        case dict():
            return [text for pair in value.items() for text in strings(pair)]
        case Struct():
            return [text for one in astuple(value) for text in strings(one)]
        case _:
            return []


def judge(raw: bytes) -> ParsedMail:
    """Reads a mail and looks through the value for what must not be in it."""
    start = time.process_time()
    mail = parse(raw)
    assert time.process_time() - start < 1
    # The last resort of the reader is an exception that nobody thought of: none is known.
    assert not any(defect.startswith("unreadable-") for defect in mail.defects), mail.defects
    assert (mail.kind is Kind.UNREADABLE) == (over_budget(raw) is not None)
    assert not any(CONTROLS.search(text) for text in strings(mail))
    assert not any(
        "\n" in text for text in (mail.subject, mail.message_id or "", *mail.references, *(one.filename for one in mail.attachments))
    )
    assert mail.date is None or mail.date.utcoffset() == UTC.utcoffset(None)
    for boxes in (mail.from_, mail.to, mail.cc, mail.reply_to):
        assert len(boxes) <= addresses.MAX_ADDRESSES
        assert all(isinstance(box, Mailbox) and box.address for box in boxes)
    assert len(mail.text) <= body.MAX_TEXT
    assert len(mail.attachments) <= body.MAX_ATTACHMENTS
    assert all(one.filename and "/" not in one.filename and one.size >= 0 and len(one.sha256) == 64 for one in mail.attachments)
    assert bool(mail.from_) or bool(mail.from_faults)
    return mail


@given(mails())
@SETTINGS
def test_every_tree_is_read(raw: bytes) -> None:
    judge(raw)


@given(headers(), st.binary(max_size=60))
@SETTINGS
def test_every_header_block_is_read(block: bytes, rest: bytes) -> None:
    judge(block + b"\r\n" + rest)


@given(st.sampled_from(NAMES[:6]), st.text('ab@.<>()[],;:\\" \t=?_q-0\x00é\ud800\u202e', max_size=60))
@SETTINGS
def test_every_field_is_read(name: bytes, value: str) -> None:
    judge(name + b": " + value.encode("utf-8", "surrogatepass") + b"\r\n\r\nx")


@given(st.binary(max_size=400))
@SETTINGS
def test_any_octets_are_read(raw: bytes) -> None:
    judge(raw)
    judge(b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n" + raw)


@given(st.lists(st.tuples(st.integers(1, 60), trees()), min_size=1, max_size=4))
@settings(max_examples=60)
def test_budgets_hold_for_what_is_repeated(parts: list[tuple[int, bytes]]) -> None:
    raw = b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=z\r\n\r\n"
    raw += b"".join(b"--z\r\n" + part + b"\r\n" for times, part in parts for _ in range(times))
    mail = judge(raw)
    assert mail.kind is Kind.UNREADABLE or raw.count(b"\n--z") <= budget.MAX_PARTS
