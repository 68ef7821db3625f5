"""How is a letter written down, as octets that any relay takes and any mail program reads? Decides nothing about whom it goes to or why.

The MIME is written by hand: a few string joins instead of a tree of objects, an order of magnitude cheaper. What pays for that is the
scanner at the end, which reads the finished octets once more and lets nothing out that has a field or a recipient too many.
"""

from __future__ import annotations

import re
from binascii import b2a_base64, b2a_qp
from datetime import UTC, datetime
from functools import cached_property
from hashlib import blake2b
from itertools import chain

from msgspec import Struct

from mailgate.desk.errors import Permanent
from mailgate.desk.letters import Name
from mailgate.mail import header
from mailgate.mail.letters import Content

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_AUTO_SUBMITTED = frozenset({"auto-replied", "auto-generated"})
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
_ASCII = bytes(range(128))
# Octets that no text of a mail holds: C0 without tab and line feed (carriage returns are folded into line feeds before), and DEL.
_CONTROLS = bytes(octet for octet in range(32) if octet not in b"\t\n") + b"\x7f"
# What else a finished letter consists of, beside CRLF.
_VISIBLE = bytes(range(32, 127)) + b"\t"
# RFC 5322 2.1.1: no line is longer, without its CRLF.
_LONGEST = 998
# RFC 2045 6.7 and 6.8: lines of quoted-printable and base64.
_ENCODED = 76
_BLANKS, _EQUALS = frozenset({b" ", b"\t"}), ord("=")
_FIELD = re.compile(r"([A-Z][A-Za-z-]*)(: [!-~][ -~]{0,950}\r\n(?: [!-~][ -~]{0,950}\r\n)*)")
# A display name as mail/header writes one: atoms, one quoted string, or encoded words; then one address, in brackets where a name stands.
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS = r'[^<>@ ,;:"]+@[^<>@ ,;:"]+'
_ONE_MAILBOX = re.compile(rf'(?:(?:"(?:[^"\\]|\\.)*" |(?:=\?utf-8\?B\?[A-Za-z0-9+/=]+\?= )+|(?:{_ATEXT} )+)<({_ADDRESS})>|({_ADDRESS}))')


class Enclosure(Struct, frozen=True, dict=True):
    """A file that goes with a letter, under its name and type as the sender gave them; both are made harmless when written."""

    filename: str
    content_type: str
    octets: bytes

    @cached_property
    def encoded(self) -> bytes:
        """The octets in base64: made once, to however many people it goes."""
        return _base64(self.octets)


class Draft(Struct, frozen=True):
    """Everything that one letter to one recipient is made of.

    `date` is aware. Message-IDs stand without angle brackets. Of `references` the first and the newest survive shortening, so the signed
    thread id belongs in front. `auto_submitted` is `auto-replied` or `auto-generated`, None for what a human wrote.
    """

    from_name: str
    from_address: str
    to_name: str
    to_address: str
    message_id: str
    date: datetime
    letter: Name
    content: Content
    reply_to: str | None = None
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    ticket: int | None = None
    auto_submitted: str | None = None
    loop: str | None = None
    language: str | None = None
    attachments: tuple[Enclosure, ...] = ()


def compose(draft: Draft) -> bytes:
    """The letter as 7-bit octets with CRLF, no line over 998 octets (78 wherever folding allows), ready for DATA but for dot-stuffing.

    Raises Permanent where an address, our own Message-ID or loop mark is no such thing, or where the finished octets are not the
    letter that was meant. RFC 5322, 2045 to 2047, 2231, 3834.
    """
    kind, body = _body(draft)
    fields = [*_fields(draft), ("MIME-Version", "MIME-Version: 1.0"), ("Content-Type", kind)]
    head = "\r\n".join([field for _, field in fields])
    octets = b"\r\n".join([head.encode("ascii", "replace"), b"", *body])
    _scan(octets, [name for name, _ in fields], draft.to_address)
    return octets


def _fields(draft: Draft) -> list[tuple[str, str]]:
    """The fields that this letter is meant to have, in order, each folded; those of the body come behind."""
    sender, content = header.text(draft.from_name, 80), draft.content
    fields = [
        ("Date", f"Date: {_date(draft.date)}"),
        ("From", header.folded("From", header.mailbox(sender, header.address(draft.from_address)))),
        ("To", header.folded("To", header.mailbox(header.text(draft.to_name, 80), header.address(draft.to_address)))),
    ]
    if draft.reply_to:
        fields.append(("Reply-To", header.folded("Reply-To", header.mailbox(sender, header.address(draft.reply_to)))))
    fields.append(("Subject", header.folded("Subject", header.unstructured(header.text(content.subject) or "(no subject)"))))
    fields.append(("Message-ID", header.folded("Message-ID", [_own_id(draft.message_id)])))
    if draft.in_reply_to and (parent := header.msg_id(draft.in_reply_to)):
        fields.append(("In-Reply-To", header.folded("In-Reply-To", [parent])))
    if ids := header.msg_ids(draft.references):
        fields.append(("References", header.folded("References", ids)))
    if draft.auto_submitted is not None:
        if draft.auto_submitted not in _AUTO_SUBMITTED:
            raise Permanent(f"no value of Auto-Submitted: {draft.auto_submitted!a}", code="header")
        fields.append(("Auto-Submitted", f"Auto-Submitted: {draft.auto_submitted}"))
        fields.append(("X-Auto-Response-Suppress", "X-Auto-Response-Suppress: All"))
    fields.append(("X-Mailgate-Letter", f"X-Mailgate-Letter: {draft.letter.value}"))
    if draft.ticket is not None:
        fields.append(("X-Mailgate-Ticket", f"X-Mailgate-Ticket: {draft.ticket:d}"))
    if draft.loop is not None:
        if not _TOKEN.fullmatch(draft.loop):
            raise Permanent(f"no loop mark: {draft.loop!a}", code="header")
        fields.append(("X-Mailgate-Loop", f"X-Mailgate-Loop: {draft.loop}"))
    language = draft.language or content.language
    if _LANGUAGE.fullmatch(language):
        fields.append(("Content-Language", f"Content-Language: {language}"))
    return fields


def _own_id(value: str) -> str:
    own = header.msg_id(value)
    if own is None:
        raise Permanent(f"no Message-ID of ours: {value[:100]!a}", code="header")
    return own


def _date(moment: datetime) -> str:
    """RFC 5322 3.3, in UTC."""
    if moment.tzinfo is None:
        raise Permanent("a letter's date needs a time zone", code="header")
    utc = moment.astimezone(UTC)
    day = f"{_DAYS[utc.weekday()]}, {utc.day:02d} {_MONTHS[utc.month - 1]} {utc.year:04d}"
    return f"{day} {utc.hour:02d}:{utc.minute:02d}:{utc.second:02d} +0000"


def _body(draft: Draft) -> tuple[str, list[bytes]]:
    """The Content-Type field, and what stands below the header; its pieces are parted by line ends."""
    # "=_" occurs in neither quoted-printable nor base64, so no text can contain the boundary.
    mark = "=_" + blake2b(draft.message_id.encode("utf-8", "replace"), digest_size=9).hexdigest()
    kind, fence = f'Content-Type: multipart/alternative;\r\n boundary="{mark}a"', f"--{mark}a".encode("ascii")
    body = [fence, _text_part(draft.content.text), fence, _html_part(draft.content.html), fence + b"--", b""]
    if not draft.attachments:
        return kind, body
    fence = f"--{mark}m".encode("ascii")
    parts = [fence, kind.encode("ascii"), b"", *body]
    for number, enclosure in enumerate(draft.attachments, 1):
        parts += [fence, _attachment(enclosure, number), b"", enclosure.encoded]
    return f'Content-Type: multipart/mixed;\r\n boundary="{mark}m"', [*parts, fence + b"--", b""]


def _text_part(content: str) -> bytes:
    """A text in UTF-8: quoted-printable, or base64 where more than a sixth of the octets would need escapes."""
    return b"Content-Type: text/plain; charset=utf-8\r\n" + _encoded(_clean(content).encode("utf-8", "replace"))


def _html_part(content: str) -> bytes:
    """A page in ASCII, with references for other characters; one with many of those, or with overlong lines, like any other text."""
    clean = _clean(content)
    octets = clean.encode("ascii", "xmlcharrefreplace")
    if 4 * len(octets) > 5 * len(clean) or not _fits(octets):
        return b"Content-Type: text/html; charset=utf-8\r\n" + _encoded(clean.encode("utf-8", "replace"))
    crlf = _without_controls(octets).replace(b"\n", b"\r\n")
    return b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" + crlf


def _clean(content: str) -> str:
    return content.replace("\r\n", "\n").replace("\r", "\n") if "\r" in content else content


def _fits(octets: bytes) -> bool:
    """Whether no line is too long. Goes from the last line end that is near enough to the next, so it looks at few of them."""
    start = 0
    while len(octets) - start > _LONGEST:
        start = octets.rfind(b"\n", start, start + _LONGEST + 1) + 1
        if start == 0:
            return False
    return True


def _without_controls(octets: bytes) -> bytes:
    """Hardly any text has one. To look for each of them takes half the time of one walk from octet to octet."""
    return octets.translate(None, _CONTROLS) if any(map(octets.__contains__, _CONTROLS)) else octets


def _encoded(octets: bytes) -> bytes:
    octets = _without_controls(octets)
    if not octets.isascii() and 6 * len(octets.translate(None, _ASCII)) > len(octets):
        return b"Content-Transfer-Encoding: base64\r\n\r\n" + _base64(octets.replace(b"\n", b"\r\n"))
    return b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + _quoted_printable(octets).replace(b"\n", b"\r\n")


def _quoted_printable(octets: bytes) -> bytes:
    """As b2a_qp writes it, which looks at each octet twice; most lines of most texts stand for themselves."""
    *lines, last = octets.split(b"\n")
    return b"\n".join([
        line if len(line) <= _ENCODED and line.isascii() and _EQUALS not in line and line[-1:] not in _BLANKS and line != b"."
        else b2a_qp(line + b"\n")[:-1]
        for line in lines
    ] + [b2a_qp(last)])  # fmt: skip


def _base64(octets: bytes) -> bytes:
    """In lines of 76 characters with CRLF, the last one too. Encoded as a whole and cut then: half the cost of encoding line by line."""
    encoded = b2a_base64(octets, newline=False)
    lines = [encoded[at : at + _ENCODED] for at in range(0, len(encoded), _ENCODED)]
    return b"\r\n".join([*lines, b""])


def _attachment(enclosure: Enclosure, number: int) -> bytes:
    """The header of a part that is a file."""
    name = header.parameter("filename", header.filename(enclosure.filename, number))
    fields = (
        f"Content-Type: {header.media_type(enclosure.content_type)}",
        "Content-Transfer-Encoding: base64",
        "\r\n ".join(("Content-Disposition: attachment;", *name)),
    )
    return "\r\n".join(fields).encode("ascii")


def _scan(octets: bytes, names: list[str], recipient: str) -> None:
    """Raises Permanent unless the octets have exactly these fields in this order, one recipient, clean line ends and nothing but ASCII.

    It shares no code with what wrote them: a mistake there must not be made here again.
    """
    ends = octets.translate(None, _VISIBLE)
    if ends != b"\r\n" * (len(ends) // 2):
        raise Permanent("a letter came out with a bare line end, a control character or 8-bit octets", code="header-gate")
    head = octets[: octets.find(b"\r\n\r\n") + 2].decode("ascii")
    found = _FIELD.findall(head)
    if [name for name, _ in found] != names or "".join(chain.from_iterable(found)) != head:
        raise Permanent("a letter came out with other header fields than the ones meant", code="header-gate")
    mailbox = _ONE_MAILBOX.fullmatch(dict(found)["To"][2:-2].replace("\r\n", ""))
    if mailbox is None or recipient != (mailbox[1] or mailbox[2]):
        raise Permanent("a letter came out with another recipient than the one meant", code="header-gate")
