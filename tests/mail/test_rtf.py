"""Rich text that Outlook packed: its words, and the HTML that was wrapped in it, come out of a winmail.dat that holds nothing else."""

from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.mail import rtf, tnef
from mailgate.mail.parse import parse
from tests.mail.test_packed import attribute, mixed


def stored(words: bytes) -> bytes:
    """RTF in the form that is not compressed."""
    return struct.pack("<IIII", len(words) + 12, len(words), 0x414C454D, 0) + words


def literals(words: bytes) -> bytes:
    """RTF in the compressed form, without making use of it."""
    runs = b"".join(b"\x00" + words[at : at + 8] for at in range(0, len(words), 8))
    return struct.pack("<IIII", len(runs) + 12, len(words), 0x75465A4C, 0) + runs


def winmail(rich: bytes) -> bytes:
    body = struct.pack("<IHHII", 1, 0x0102, 0x1009, 1, len(rich)) + rich + b"\x00" * (-len(rich) % 4)
    return struct.pack("<IH", 0x223E9F78, 1) + attribute(0x00069003, body)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\pard Gr\'fc\'dfe,\par Mia\par}", "Grüße,\nMia"),
        (rb"{\rtf1\ansi\ansicpg1251 \'cf\'f0\'e8\'e2\'e5\'f2}", "Привет"),
        (rb"{\rtf1\ansi\ansicpg932 \'83\'76\'83\'8a\'83\'93\'83\'5e}", "プリンタ"),
        (rb"{\rtf1\ansi\uc1 5\u8364?\u-10179?\u-8704? \{ok\}\tab x\emdash y}", "5€😀 {ok}\tx—y"),
        (rb"{\rtf1\ansi{\*\generator Riched20;}{\pict\wmetafile8 0102}{\info{\title Secret}}seen}", "seen"),
        (rb"{\rtf1\ansi see {\field{\*\fldinst HYPERLINK x}{\fldrslt the page}}", "see the page"),
    ],
)
def test_the_words_of_rich_text_are_read(words: bytes, text: str) -> None:
    assert rtf.read(stored(words)) == (text, None)
    assert rtf.read(literals(words)) == (text, None)
    assert parse(mixed("application/ms-tnef; name=winmail.dat", winmail(literals(words)))).text == text


def test_html_that_was_wrapped_in_rich_text_is_unwrapped() -> None:
    words = (
        rb"{\rtf1\ansi\ansicpg1252\fromhtml1 {\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 The pr\'efnter{\*\htmltag84 <b>}\htmlrtf {\b\htmlrtf0 "
        rb"burns\htmlrtf }\htmlrtf0{\*\htmltag92 </b>}\htmlrtf }\htmlrtf0{\*\htmltag72 </p>}}"
    )
    assert rtf.read(stored(words)) == (None, "<p>The prïnter<b>burns</b></p>")


def test_what_repeats_is_taken_from_what_was_written() -> None:
    """Eight letters, then a pair that says: from where they begin, fourteen, more than there are yet."""
    words = b"{\\rtf1 abcdefgh"
    begin = 207 + words.index(b"abcdefgh")
    runs = b"\x00" + words[:8] + b"\x80" + words[8:15] + ((begin << 4) | 12).to_bytes(2, "big") + b"\x00}"
    compressed = struct.pack("<IIII", len(runs) + 12, 30, 0x75465A4C, 0) + runs
    assert rtf.unpacked(compressed) == b"{\\rtf1 abcdefghabcdefghabcdef}"


@given(st.binary(max_size=300))
def test_broken_rich_text_raises_nothing(noise: bytes) -> None:
    for kind in (0x414C454D, 0x75465A4C):
        rtf.read(struct.pack("<IIII", 9, 100_000, kind, 0) + noise)
        rtf.read(struct.pack("<IIII", 9, 100_000, kind, 0) + literals(b"{\\rtf1\\fromhtml1 ")[16:] + noise)
    tnef.unpack(winmail(noise))


@pytest.mark.parametrize(
    "words",
    [b"{\\rtf1" + b"{" * 900_000, b"{\\rtf1" + b"\\u1" * 300_000, b"{\\rtf1" + b"\\'e4\\par" * 120_000],
    ids=["groups", "words", "octets"],
)
def test_hostile_rich_text_costs_little(words: bytes) -> None:
    start = time.process_time()
    rtf.read(stored(words))
    rtf.read(struct.pack("<IIII", 9, 2**32 - 1, 0x75465A4C, 0) + b"\xff\x00\x0f" * 300_000)
    assert time.process_time() - start < 3
