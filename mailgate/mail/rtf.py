"""What does Outlook's rich text say? Compressed RTF in, words or the HTML that was wrapped in it out; no layout, no pictures.

One pass over the octets and one over the RTF, both bounded by what is given: a broken or hostile stream gives what was read before the
break. MS-OXRTFCP for the compression, MS-OXRTFEX for the HTML inside.
"""

from __future__ import annotations

import re
import struct

from mailgate.desk.seldom import seldom
from mailgate.mail.charset import clean, decode

MAX_RTF = 1_000_000
_COMPRESSED, _PLAIN = 0x75465A4C, 0x414C454D
_RING = 4096
# What the ring holds before the first octet (MS-OXRTFCP section 2.1.2.1).
_BEGIN = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans SerifSymbolArial"
    rb"Times New RomanCourier{\colortbl\red0\green0\blue0" + b"\r\n" + rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_TOKEN = seldom(rb"\\'([0-9A-Fa-f]{2})|\\([A-Za-z]{1,32})(-?[0-9]{1,9})? ?|\\(.)|([{}])|[\r\n]+|([^\\{}\r\n]+)", re.S)
# Groups that hold no words.
_SILENT = frozenset(
    b"fonttbl colortbl stylesheet info pict object header footer headerl headerr footerl footerr listtable listoverridetable "
    b"rsidtbl generator themedata datastore xmlnstbl latentstyles fldinst bkmkstart bkmkend".split()
)
_WRITTEN = {
    b"par": "\n", b"line": "\n", b"sect": "\n", b"page": "\n", b"row": "\n", b"tab": "\t", b"cell": "\t", b"lquote": "‘",
    b"rquote": "’", b"ldblquote": "“", b"rdblquote": "”", b"bullet": "•", b"endash": "–", b"emdash": "—",
}  # fmt: skip
_SIGNS = {b"~": "\u00a0", b"_": "\u2011", b"\\": "\\", b"{": "{", b"}": "}", b"\n": "\n", b"\r": "\n"}
_MAX_GROUPS = 1000


def read(compressed: bytes) -> tuple[str | None, str | None]:
    """The words of a compressed RTF body, or the HTML that it was made of: (text, None), (None, markup), or (None, None). Never raises."""
    rtf = unpacked(compressed)
    if not rtf.startswith(b"{\\rtf"):
        return None, None
    html = b"\\fromhtml" in rtf[:1000]
    written = clean(_Reader(html).read(rtf)).strip("\n")
    return (None, written or None) if html else (written or None, None)


def unpacked(compressed: bytes) -> bytes:
    """The RTF that was compressed, at most MAX_RTF octets of it; b"" for what is none (MS-OXRTFCP section 2.2)."""
    if len(compressed) < 16:
        return b""
    _, size, kind, _ = struct.unpack_from("<IIII", compressed)
    size = min(size, MAX_RTF)
    if kind == _PLAIN:
        return compressed[16 : 16 + size]
    if kind != _COMPRESSED:
        return b""
    # The ring is the end of all that was written, so that nothing has to go round.
    out, at, begin = bytearray(_BEGIN), 16, len(_BEGIN)
    while at < len(compressed) and len(out) - begin < size:
        runs, at = compressed[at], at + 1
        for bit in range(8):
            if not runs >> bit & 1:
                out += compressed[at : at + 1]
                at += 1
                continue
            pair = int.from_bytes(compressed[at : at + 2].ljust(2, b"\0"), "big")
            at += 2
            back = (len(out) - (pair >> 4)) % _RING
            if not back or at > len(compressed) or back > len(out):
                return bytes(out[begin:][:size])
            length = (pair & 15) + 2
            # What is copied may overlap what it makes.
            piece = out[len(out) - back : len(out) - back + length]
            out += (piece * (length // len(piece) + 1))[:length]
    return bytes(out[begin:][:size])


class _Reader:
    """Goes through the tokens of one RTF text, with a stack of the groups that are open."""

    def __init__(self, html: bool) -> None:
        self.html = html
        self.out: list[str] = []
        # Octets of the code page that are not yet text: a character may take two.
        self.octets = bytearray()
        self.page = "cp1252"
        # Whether the group is silent, and how many characters stand in for one in Unicode.
        self.silent, self.stand_ins = False, 1
        self.stack: list[tuple[bool, int]] = []
        self.skip = 0
        self.opened = self.starred = self.rtf_only = False

    def read(self, rtf: bytes) -> str:
        """The text."""
        for token in _TOKEN.finditer(rtf):
            octet, word, number, sign, brace, run = token.groups()
            opened, self.opened = self.opened, brace == b"{"
            if brace:
                self._group(brace)
            elif word:
                self._word(word, int(number) if number else None, opened)
            elif octet:
                self._put(bytes((int(octet, 16),)))
            elif sign == b"*":
                self.starred, self.opened = True, True
            elif sign:
                self._say(_SIGNS.get(sign, ""))
            elif run:
                self._put(run)
            if len(self.stack) > _MAX_GROUPS:
                break
        self._flush()
        # What lies beyond 16 bits is written as two halves.
        return "".join(self.out).encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _group(self, brace: bytes) -> None:
        self.starred, self.skip = False, 0
        if brace == b"{":
            self.stack.append((self.silent, self.stand_ins))
        elif self.stack:
            self.silent, self.stand_ins = self.stack.pop()

    def _word(self, word: bytes, number: int | None, opened: bool) -> None:
        starred, self.starred = self.starred, False
        if starred and opened:
            # A group that programs may pass over; those with the tags of HTML are what is wanted.
            self.silent = self.silent or word != b"htmltag" or not self.html
        elif word in _SILENT and opened:
            self.silent = True
        elif word == b"htmlrtf":
            self.rtf_only = self.html and number != 0
        elif word == b"ansicpg" and number:
            self._flush()
            self.page = "utf-8" if number == 65001 else f"cp{number}"
        elif word == b"uc" and number is not None:
            self.stand_ins = min(number, 10)
        elif word == b"u" and number is not None:
            self._say(chr(number % 0x10000))
            self.skip = self.stand_ins
        elif word in _WRITTEN:
            self._say(_WRITTEN[word])

    def _say(self, text: str) -> None:
        if text and not self.silent and not self.rtf_only:
            self._flush()
            self.out.append(text)

    def _put(self, octets: bytes) -> None:
        """Octets of the code page, less those that only stand in for a character before them."""
        passed = min(self.skip, len(octets))
        self.skip -= passed
        if not self.silent and not self.rtf_only:
            self.octets += octets[passed:]

    def _flush(self) -> None:
        if self.octets:
            self.out.append(decode(bytes(self.octets), self.page))
            self.octets.clear()
