"""What did Outlook pack into this winmail.dat? The text and the files of a TNEF stream; no properties of calendars, contacts or tasks.

One pass over attributes whose lengths are checked against what is there: a broken or hostile stream gives what was read before the
break. Rich text counts where the stream has neither text nor HTML. MS-OXTNEF, MS-OXCDATA.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from msgspec import Struct, field

from mailgate.mail import rtf
from mailgate.mail.charset import clean, decode

_SIGNATURE = 0x223E9F78
_MAX_ATTRIBUTES = 10_000
_MAX_PROPERTIES = 2000
_MAX_FILES = 200
# Attributes of the stream.
_BODY, _MESSAGE, _CODEPAGE = 0x0002800C, 0x00069003, 0x00069007
_RENDERING, _TITLE, _DATA, _ATTACHMENT = 0x00069002, 0x00018010, 0x0006800F, 0x00069005
# Properties inside of them.
_PR_BODY, _PR_RTF, _PR_HTML, _PR_DATA, _PR_FILENAME, _PR_LONG_FILENAME = 0x1000, 0x1009, 0x1013, 0x3701, 0x3704, 0x3707
_FIXED = {0x02: 4, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_VARIABLE = frozenset((0x0D, 0x1E, 0x1F, 0x102))
_UNICODE = 0x1F


class File(Struct):
    """One file in the stream, its name as it was given, not yet safe."""

    name: str = ""
    octets: bytes = b""


class Unpacked(Struct):
    """What a stream holds: a plain text or None, markup or None, and files."""

    text: str | None = None
    markup: str | None = None
    files: list[File] = field(default_factory=list)


def unpack(octets: bytes) -> Unpacked | None:
    """The contents of a TNEF stream; None for octets that are none. Never raises."""
    if len(octets) < 6 or struct.unpack_from("<I", octets)[0] != _SIGNATURE:
        return None
    found, charset = Unpacked(), "windows-1252"
    for kind, value in _attributes(octets):
        if kind == _CODEPAGE and len(value) >= 4:
            page = struct.unpack_from("<I", value)[0]
            charset = "utf-8" if page == 65001 else f"cp{page}"
        elif kind == _BODY:
            found.text = _text(value, charset)
        elif kind == _MESSAGE:
            _read_message(found, value, charset)
        elif kind == _RENDERING and len(found.files) < _MAX_FILES:
            found.files.append(File())
        elif found.files:
            _read_file(found.files[-1], kind, value, charset)
    found.files = [one for one in found.files if one.octets]
    return found


def _attributes(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """The attributes of a stream, until its end or the first that reaches beyond it."""
    position = 6
    for _ in range(_MAX_ATTRIBUTES):
        if position + 9 > len(octets):
            return
        kind, length = struct.unpack_from("<II", octets, position + 1)
        if position + 9 + length > len(octets):
            return
        yield kind, octets[position + 9 : position + 9 + length]
        # A checksum of two octets follows.
        position += length + 11


def _read_message(found: Unpacked, value: bytes, charset: str) -> None:
    """Takes the words of the mail out of its properties."""
    rich = b""
    for kind, form, content in _properties(value):
        if kind == _PR_RTF:
            rich = content
        if kind == _PR_BODY and content.strip(b"\x00"):
            found.text = _text(content, "utf-16le" if form == _UNICODE else charset)
        elif kind == _PR_HTML and content.strip(b"\x00"):
            found.markup = _text(content, "utf-16le" if form == _UNICODE else None)
    if rich and not (found.text or found.markup):
        found.text, found.markup = rtf.read(rich)


def _read_file(one: File, kind: int, value: bytes, charset: str) -> None:
    """Takes the name or the octets of a file out of an attribute of its."""
    if kind == _TITLE:
        one.name = one.name or _text(value, charset)
    elif kind == _DATA:
        one.octets = value
    elif kind == _ATTACHMENT:
        for name, form, content in _properties(value):
            if name == _PR_LONG_FILENAME or (name == _PR_FILENAME and not one.name):
                one.name = _text(content, "utf-16le" if form == _UNICODE else charset)
            elif name == _PR_DATA and not one.octets:
                one.octets = content


def _properties(octets: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The properties with one value of a list: number, type, octets; until the end or the first that makes no sense."""
    position = 4
    for _ in range(_MAX_PROPERTIES):
        if position + 4 > len(octets):
            return
        form, number = struct.unpack_from("<HH", octets, position)
        position = _after_name(octets, position + 4) if number >= 0x8000 else position + 4
        count = 1
        if form & 0x1000 or form in _VARIABLE:
            if position + 4 > len(octets):
                return
            count, position = struct.unpack_from("<I", octets, position)[0], position + 4
        form &= 0x0FFF
        for _ in range(min(count, _MAX_PROPERTIES)):
            length = _FIXED.get(form, -1)
            if form in _VARIABLE and position + 4 <= len(octets):
                length, position = struct.unpack_from("<I", octets, position)[0], position + 4
            if length < 0 or position + length > len(octets):
                return
            if count == 1:
                yield number, form, octets[position : position + length]
            position += -(-length // 4) * 4


def _after_name(octets: bytes, position: int) -> int:
    """Where the value of a named property begins; the end of the octets if it cannot be told."""
    if position + 24 > len(octets):
        return len(octets)
    kind, length = struct.unpack_from("<II", octets, position + 16)
    return position + 24 + (-(-length // 4) * 4 if kind else 0)


def _text(octets: bytes, charset: str | None) -> str:
    """Clean text, without the NUL that ends it."""
    return clean(decode(octets, charset)).rstrip("\n")
