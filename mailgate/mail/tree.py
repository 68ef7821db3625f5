"""Of which parts does this mail consist? Octets in, the stdlib's compat32 tree out; decodes nothing, judges nothing.

A mail without a flaw in its structure, as nearly all are, is split at its boundaries by plain searches. At the first thing that is in
the least unusual the whole mail is left to the stdlib, which goes through it line by line; what both read is equal, but for what stands
before the first and after the last boundary, which nobody reads.
"""

from __future__ import annotations

import re
from email import message_from_bytes, message_from_string
from email.message import Message
from typing import Any

from mailgate.mail import budget

_FIELD = re.compile(r"[!-9;-~]+:[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*")
_BLANK_LINE = re.compile(r"\r?\n")
_SEPARATOR = re.compile(r"[ \t]*\r?\n")
_UNDECLARED = re.compile(r"(?:\A|\n)--([^\s\"]{1,70})[ \t]*\r?\nContent-", re.I)
_STAND_IN = "=_mailgate"
_END = re.compile(r"--[ \t]*(?:\r?\n|\Z)")
_JUNK_ABOVE = re.compile(rb"\A(?:\xef\xbb\xbf|[ \t]*\r?\n|>?From (?!:)[^\r\n]*\r?\n)+")
_FIELD_LINE = re.compile(rb"[!-9;-~]{1,76}[ \t]*:")
_PARAMETER_LINE = re.compile(rb"[!-~]{1,40}[ \t]*=")
_SPACED_COLON = re.compile(rb"(?m)^([!-9;-~]{1,76})[ \t]+:")


def tree(raw: bytes) -> Message:
    """The MIME tree; for a mail whose header block is damaged, that of the mail with the damage mended."""
    if b"\r\r\n" in raw[:1000]:
        # A program that writes CRLF wrote to a file that makes a CRLF of each LF.
        raw = raw.replace(b"\r\r\n", b"\r\n")
    text = raw.decode("ascii", "surrogateescape")
    return flawless(text) or _damaged(raw, text)


def _damaged(raw: bytes, text: str) -> Message:
    """The tree of a mail that the stdlib has to go through line by line, mended where that tells more."""
    message = message_from_string(text)
    if message.defects or not message.keys():
        mended = _mended(raw)
        if mended != raw:
            again = message_from_bytes(mended)
            message = again if len(again) > len(message) else message
    if message.is_multipart():
        _mend_parts(message)
    if message.get_content_maintype() == "multipart" and not message.is_multipart():
        _divide(message)
    return message


def flawless(text: str) -> Message | None:
    """The tree of a mail, or of a part with its header, in which the stdlib would find no defect; None for any other, and for one that
    holds a mail.
    """
    message, position = Message(), 0
    while field := _FIELD.match(text, position):
        message.set_raw(*message.policy.header_source_parse([field[0]]))
        position = field.end()
    blank = _BLANK_LINE.match(text, position)
    kind = message.get_content_maintype()
    if not position or blank is None or kind == "message":
        return None
    if kind != "multipart":
        message.set_payload(text[blank.end() :])
        return message
    # The line end above the body may be that of its first boundary.
    for piece in _pieces(message, text[blank.end() - 1 :]):
        part = flawless(piece)
        if part is None:
            return None
        message.attach(part)
    return message if message.is_multipart() else None


def _pieces(message: Message, body: str) -> list[str]:
    """The texts of the parts that boundary lines tell apart; none if any line is not plainly one or none, or the last is missing."""
    boundary, coding = message.get_boundary(), str(message.get("Content-Transfer-Encoding", "8bit")).lower()
    if not boundary or not boundary.isprintable() or coding not in ("7bit", "8bit", "binary"):
        return []
    if message.get_content_subtype() == "digest" or f"\r--{boundary}" in body:
        return []
    _, *parts = body.split(f"\n--{boundary}")
    begins = [_SEPARATOR.match(part) for part in parts[:-1]]
    if not parts or not _END.match(parts[-1]) or not all(begins):
        return []
    # The line end before a boundary belongs to the boundary.
    return [part[begin.end() :].removesuffix("\r") for part, begin in zip(parts, begins, strict=False) if begin]


def _divide(message: Message) -> None:
    """Gives a multipart mail that names no boundary, or another than it uses, the parts that its first boundary line tells apart."""
    body = message.get_payload()
    used = _UNDECLARED.search(body[:20_000]) if isinstance(body, str) else None
    if used is None or not isinstance(body, str) or body.count(f"\n--{used[1]}") > budget.MAX_PARTS:
        return
    boundary = used[1]
    if not boundary.isascii():
        # The stdlib knows no boundaries beyond ASCII.
        boundary, body = _STAND_IN, f"\n{body}".replace(f"\n--{boundary}", f"\n--{_STAND_IN}")
    parts = message_from_string(f'Content-Type: multipart/mixed; boundary="{boundary}"\n\n{body}').get_payload()
    if isinstance(parts, list):
        message.set_payload(parts)


def _mended(raw: bytes) -> bytes:
    """The mail without what stands above its header, with blanks before colons removed and lines that are no fields left out of the
    block.
    """
    raw = _JUNK_ABOVE.sub(b"", raw[:4096], count=1) + raw[4096:]
    head, gap, rest = raw.partition(b"\r\n\r\n" if b"\r\n\r\n" in raw[: budget.MAX_HEADER_BLOCK] else b"\n\n")
    lines = _SPACED_COLON.sub(rb"\1:", head).splitlines(keepends=True)
    if lines and _FIELD_LINE.match(lines[0].lstrip()):
        lines[0] = lines[0].lstrip()
    first = next((index for index, line in enumerate(lines) if _FIELD_LINE.match(line)), len(lines))
    fields: list[bytes] = []
    for index, line in enumerate(lines[first:], first):
        if line.startswith(b"--"):
            # A boundary line is of the body.
            gap, rest = b"\n", b"".join(lines[index:]) + gap + rest
            del lines[index:]
            break
        if line[:1] in b" \t" or _FIELD_LINE.match(line):
            fields.append(line)
        elif fields and _PARAMETER_LINE.match(line) and fields[-1].rstrip().endswith(b";"):
            fields.append(b" " + line)
    # A block in which most lines are no fields is a text that lost its header.
    if len(fields) * 2 < len(lines):
        return raw
    return b"".join(fields) + gap + rest


def _mend_parts(message: Message) -> None:
    """Reads anew the parts whose header block breaks off at a line that was not folded, the damage mended."""
    for container in message.walk():
        parts: Any = container.get_payload() if container.is_multipart() else ()
        for index, part in enumerate(parts):
            if part.defects and not part.is_multipart() and len(part) and isinstance(body := part.get_payload(), str):
                head = "".join(f"{name}: {value}\n" for name, value in part.raw_items())
                text = (head + body[: budget.MAX_HEADER]).encode("utf-8", "surrogateescape")
                again = message_from_bytes(_mended(text) + body[budget.MAX_HEADER :].encode("utf-8", "surrogateescape"))
                parts[index] = again if len(again) > len(part) or again.get_params() != part.get_params() else part
