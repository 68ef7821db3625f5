"""How does a letter travel that was too big for a mail server on its way? Without its attachments, which it names instead.

Reads nothing but the octets that mail/compose wrote; what such a letter is sent for, and whether, is decided elsewhere.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, a2b_qp, b2a_qp
from collections.abc import Callable
from email.parser import BytesHeaderParser
from html import escape

from mailgate.mail import header

_DECODED: dict[bytes, Callable[[bytes], bytes]] = {b"quoted-printable": a2b_qp, b"base64": a2b_base64}
_CODING = re.compile(rb"Content-Transfer-Encoding: ([a-z0-9-]+)")
_LANGUAGE = re.compile(rb"\r\nContent-Language: ([A-Za-z]+)")
_MIXED = re.compile(rb'\r\nContent-Type: multipart/mixed;\r\n boundary="([^"]+)"')
_ALTERNATIVE = re.compile(rb'Content-Type: multipart/alternative;\r\n boundary="([^"]+)"')
_OWN_ID = re.compile(rb"\r\nMessage-ID: [^\r\n]*(?:\r\n [^\r\n]*)*")
_FILE = BytesHeaderParser()
_LEFT_OUT = {
    b"en": "Left out, because the letter was too big for a mail server on its way: {names}",
    b"de": "Nicht beigelegt, weil der Brief für einen Mailserver auf dem Weg zu groß war: {names}",
}


def slim(octets: bytes, message_id: str) -> bytes | None:
    """A finished letter of ours without its attachments, under another Message-ID (given without brackets), 7-bit and with CRLF.

    None for a letter that has no attachments to leave out, and for octets that are no letter of ours.
    """
    head, _, body = octets.partition(b"\r\n\r\n")
    mixed, own_id = _MIXED.search(head), header.msg_id(message_id)
    if mixed is None or own_id is None:
        return None
    letter, *files = _parts(body, mixed[1]) or [b""]
    alternative = _ALTERNATIVE.match(letter)
    if alternative is None or not files:
        return None
    line = _left_out(head, files)
    texts = [_with_line(part, line) for part in _parts(letter.partition(b"\r\n\r\n")[2], alternative[1])]
    head = _OWN_ID.sub(b"\r\nMessage-ID: " + own_id.encode("ascii"), head[: mixed.start()] + head[mixed.end() :])
    fence = b"--" + alternative[1]
    return b"\r\n".join((head, alternative[0], b"", *(piece for text in texts for piece in (fence, text)), fence + b"--", b""))


def _parts(body: bytes, boundary: bytes) -> list[bytes]:
    """The parts between the boundaries, as compose writes them: no preamble, no epilogue."""
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)
    return [piece[2:] for piece in pieces[1:-1]]


def _left_out(head: bytes, files: list[bytes]) -> str:
    names = [_FILE.parsebytes(file.partition(b"\r\n\r\n")[0] + b"\r\n\r\n").get_filename() or "?" for file in files]
    language = _LANGUAGE.search(head)
    words = _LEFT_OUT.get(language[1].lower() if language else b"en", _LEFT_OUT[b"en"])
    return words.format(names=", ".join(header.text(name, 100) for name in names))


def _with_line(part: bytes, line: str) -> bytes:
    """A text part with one more line: above the signature, or at the end of the HTML. Quoted-printable, whatever it was."""
    head, _, content = part.partition(b"\r\n\r\n")
    coding = _CODING.search(head)
    decoded = _DECODED.get(coding[1] if coding else b"", bytes)(content)
    text = decoded.decode("utf-8", "replace").replace("\r\n", "\n")
    if head.startswith(b"Content-Type: text/html"):
        before, end, after = text.rpartition("</body>")
        text = f"{before}<p>{escape(line)}</p>\n{end}{after}" if end else f"{text}<p>{escape(line)}</p>\n"
    else:
        before, end, after = text.rpartition("\n-- \n")
        text = f"{before}\n{line}\n{end}{after}" if end else f"{text}\n{line}\n"
    head = _CODING.sub(b"Content-Transfer-Encoding: quoted-printable", head)
    return head + b"\r\n\r\n" + b2a_qp(text.encode("utf-8")).replace(b"\n", b"\r\n")
