"""Whose mail is it? Our reading of From against a second one: the grammar of RFC 5322, written down here once more and independently.

Whatever we read without a fault, the grammar reads as the same single address. Where it sees several or another, we name a fault. The
grammar is that of section 3.4 with the obsolete forms of section 4.4, and letters beyond ASCII as RFC 6532 allows them. What it refuses and
we take without a fault, because mailers write it, holds one address only, wherever in the field one looks.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailgate.desk.address import fold_address
from mailgate.mail.parse import parse

# The same examples at each run.
SETTINGS = settings(max_examples=800)
ATEXT = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+")
SLOPPY_WORD = re.compile(r"=\?[^?\s]{0,60}\?[bBqQ]\?(?:(?!=\?)[^?]|\?(?!=))*\?=")

ADDRESS_LIKE = re.compile(r"(?:\"[^\"]*\"|[^\s<>,;:\"()\[\]]+)@[^\s<>,;:\"()]+")


class Refused(Exception):
    """The field is not of the grammar."""


class Grammar:
    """One field, read from left to right."""

    def __init__(self, field: str) -> None:
        self.text, self.at = field, 0

    def addresses(self) -> list[str]:
        """Every address of the field, in order."""
        found: list[str] = []
        while True:
            self.blanks()
            if self.at < len(self.text) and self.text[self.at] != ",":
                found += self.address()
                self.blanks()
            if self.at == len(self.text):
                return found
            self.take(",")

    def address(self) -> list[str]:
        start = self.at
        try:
            return [self.mailbox()]
        except Refused:
            self.at = start
        self.phrase()
        self.take(":")
        members: list[str] = []
        while not self.sees(";"):
            if not self.sees(","):
                members.append(self.mailbox())
            if not self.sees(";"):
                self.take(",")
        self.take(";")
        return members

    def mailbox(self) -> str:
        start = self.at
        try:
            return self.spec()
        except Refused:
            self.at = start
        if not self.sees("<"):
            self.phrase()
        self.take("<")
        if self.sees("@") or self.sees(","):
            self.route()
        spec = self.spec()
        self.take(">")
        self.blanks()
        return spec

    def route(self) -> None:
        while not self.sees(":"):
            if self.sees(","):
                self.take(",")
            else:
                self.take("@")
                self.domain()
        self.take(":")

    def phrase(self) -> None:
        self.word()
        while self.at < len(self.text) and not self.sees("<") and not self.sees(":"):
            if self.sees("."):
                self.take(".")
            else:
                self.word()

    def spec(self) -> str:
        local = self.word()
        while self.sees("."):
            self.take(".")
            local += "."
            # A second dot, or one before the at-sign, is nobody's grammar, but some telephone companies'.
            local += "" if self.sees(".") or self.sees("@") else self.word()
        self.take("@")
        return f"{local}@{self.domain()}"

    def domain(self) -> str:
        self.blanks()
        if literal := re.compile(r"\[[!-Z^-~ ]*\]").match(self.text, self.at):
            self.at = literal.end()
            self.blanks()
            return literal[0]
        name = self.atom()
        while self.sees("."):
            self.take(".")
            name += "." + self.atom()
        return name

    def word(self) -> str:
        self.blanks()
        if quoted := re.compile(r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*"').match(self.text, self.at):
            self.at = quoted.end()
            self.blanks()
            return quoted[0]
        return self.atom()

    def atom(self) -> str:
        self.blanks()
        atom = ATEXT.match(self.text, self.at)
        if atom is None:
            raise Refused
        self.at = atom.end()
        self.blanks()
        return atom[0]

    def blanks(self) -> None:
        """Blanks and comments, which may stand in one another."""
        depth = 0
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == "(":
                depth += 1
            elif char == ")" and depth:
                depth -= 1
            elif char == "\\" and depth:
                self.at += 1
            elif not depth and char not in " \t":
                return
            self.at += 1
        if depth or self.at > len(self.text):
            raise Refused

    def sees(self, char: str) -> bool:
        self.blanks()
        return self.text.startswith(char, self.at)

    def take(self, char: str) -> None:
        if not self.sees(char):
            raise Refused
        self.at += 1


def strictly(field: str) -> list[str] | None:
    """The addresses that the grammar finds, folded; None where it refuses the field."""
    try:
        return [fold_address(one) for one in Grammar(field).addresses()]
    except Refused:
        return None


def check(field: str) -> None:
    mail = parse(b"From: " + field.encode("utf-8", "surrogateescape") + b"\r\nSubject: s\r\n\r\nx")
    if set(mail.from_faults) - {"address-in-name"}:
        return
    ours = [fold_address(box.address) for box in mail.from_]
    unfolded = re.sub(r"\r?\n(?=[ \t])", "", field).strip(" \t")
    strict = strictly(unfolded)
    if strict is not None:
        assert ours == list(dict.fromkeys(strict))
    elif not mail.from_faults:
        # Encoded words hold text, which is not to be looked through; nor are comments. Blanks may stand around dots and at-signs.
        shown = re.sub(r"\([^()]*\)", "", SLOPPY_WORD.sub(" ", unfolded))
        shown = re.sub(r"[ \t]*([.@])[ \t]*", r"\1", shown)
        assert set(ours) == {fold_address(one) for one in ADDRESS_LIKE.findall(shown)}
    assert len(ours) == 1


NAMES = (
    "Mia",
    "Roe,",
    "R.",
    '"Roe, Mia"',
    '"Mia \\"M\\" Roe"',
    "Grün",
    "[Desk]",
    "Mia/Roe",
    "'Mia'",
    '"a@b.example"',
    '"',
    "re:",
    "=?",
    "?=",
)
WORDS = (
    "=?utf-8?q?Mi=C3=A4?=",
    "=?utf-8?q?Roe,_Mia?=",
    "=?utf-8?q?boss=40corp.example?=",
    "=?utf-8?q?boss@corp.example?=",
    "=?utf-8?q?=3Cboss=40corp.example=3E?=",
    "=?utf-8?q?<boss@corp.example>?=",
    "=?utf-8?b?PGJvc3NAY29ycC5leGFtcGxlPg==?=",
    '=?utf-8?q?a"?=',
    "=?utf-8?q?a(?=",
    "=?utf-8?q?a)?=",
    "=?utf-8?q?a b?=",
    "=?utf-8?q?=22?=",
    "=?utf-8?q?a?b?=",
    "=?utf-8?q?a",
    "=?x?q??=",
)
COMMENTS = ("(x)", "(boss@corp.example)", "(a (b) c)", "(a\\)b)", "(", ")", "(<boss@corp.example>)")
SPECS = (
    "mia@roe.example",
    "boss@corp.example",
    '"mia roe"@roe.example',
    '"boss@corp.example"@x.example',
    "mia . r@roe.example",
    "mia@[192.0.2.1]",
    "mia@grün.example",
    "mia@xn--grn-hoa.example",
    "grün@roe.example",
    "mia@roe",
    "mia..r@roe.example",
    "mia@roe.example.",
    "mia@@roe.example",
    "mia",
    "@roe.example:mia@x.example",
    "@a.example,@b.example:mia@x.example",
    "mia@roe.example>",
    "mia(x)@roe.example",
    "mia@roe.example(x)",
    "mia@roe..example",
    "mia\\@corp.example@x.example",
    "mia%corp.example@roe.example",
)
JOINTS = (" ", " ", "", "\t", "\r\n ", ", ", ",", "; ", ":", "Team: ", ";", "\\", '"', "<", ">", "<<", ">>", "@", ".", "\x00", "\u202e")
PIECES = st.one_of(
    st.sampled_from(NAMES),
    st.sampled_from(WORDS),
    st.sampled_from(COMMENTS),
    st.sampled_from(SPECS),
    st.sampled_from(SPECS).map(lambda spec: f"<{spec}>"),
)


@st.composite
def fields(draw: st.DrawFn) -> str:
    """A From field out of the pieces that real and forged ones have, with a few characters put in or taken out."""
    parts = draw(st.lists(st.tuples(PIECES, st.sampled_from(JOINTS)), min_size=1, max_size=5))
    field = "".join(piece + joint for piece, joint in parts)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(field)))
        field = field[:at] + draw(st.sampled_from(JOINTS)) + field[at + draw(st.integers(0, 2)) :]
    return re.sub(r"\r?\n(?![ \t])", "", field)


@given(fields())
@SETTINGS
def test_what_we_read_without_a_fault_the_grammar_reads_alike(field: str) -> None:
    check(field)


@given(st.text('ab@.<>()[],;:\\" \t=?_qé', max_size=24))
@SETTINGS
@example("a@b,")
@example('"a"b@c')
def test_so_it_is_with_any_letters(field: str) -> None:
    check(field)


@given(st.sampled_from(NAMES + WORDS + COMMENTS), st.sampled_from(WORDS), st.sampled_from(SPECS), st.sampled_from(SPECS))
@SETTINGS
def test_an_encoded_word_hides_no_second_address(name: str, word: str, one: str, other: str) -> None:
    check(f'{name} {word} <{one}>, "{word}" <{other}>')
    check(f'"{name} {word}" <{one}>')
    check(f"{word.replace('?=', '')} <{one}>, b?= <{other}>")


@given(fields(), fields())
@settings(max_examples=200)
def test_two_from_fields_never_pass_for_one(one: str, other: str) -> None:
    mail = parse(f"From: {one}\r\nFrom: {other}\r\n\r\nx".encode("utf-8", "surrogateescape"))
    assert "several-from" in mail.from_faults


@pytest.mark.parametrize(
    "field",
    [*(f"Mia <{spec}>" for spec in SPECS[:4]), "mia@roe.example (Mia)", "<@a.example,@b.example:mia@roe.example>", "=?x?q?y?= <m@r.ex>"],
)
def test_what_is_plain_is_read_by_both(field: str) -> None:
    assert len(strictly(field) or ()) == 1
    assert parse(b"From: " + field.encode() + b"\r\n\r\nx").from_faults in ((), ("address-in-name",))


@pytest.mark.parametrize("mark", ["\u202e", "\u200b", "\u2066", "\u0085"])
@pytest.mark.parametrize("place", ["{0}mia@roe.example", "mi{0}a@roe.example", "mia@ro{0}e.example", "Mia <mia@roe.example{0}>"])
def test_an_address_with_an_invisible_mark_is_nobodys(place: str, mark: str) -> None:
    mail = parse(b"From: " + place.format(mark).encode() + b"\r\n\r\nx")
    assert {"control-character", "unreadable-from"} & set(mail.from_faults)


@pytest.mark.parametrize("field", ["mia@roe\uff0eexample", "mia@\uff52oe.example", "mia@ro\u212ae.example"])
def test_a_letter_that_passes_for_another_makes_a_claim_at_most(field: str) -> None:
    assert "malformed-from" in parse(b"From: " + field.encode() + b"\r\n\r\nx").from_faults


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_lone_return_in_a_header_leaves_a_claim_at_most(end: str) -> None:
    lines = ("From: mia@roe.example", "Subject: s", "", "x")
    assert parse(end.join(lines).encode()).from_faults == ()
    torn = ("From: mia@roe.example\rX: <evil@x.example>", *lines[1:])
    if end != "\r":
        assert "malformed-from" in parse(end.join(torn).encode()).from_faults
        assert parse(end.join((*lines, "y\rz")).encode()).from_faults == ()


@pytest.mark.parametrize("field", ["Team: mia@roe.example;", "Team:mia@roe.example", "(x) Team: Mia <mia@roe.example>;"])
def test_a_group_of_one_is_still_a_group(field: str) -> None:
    assert "group" in parse(b"From: " + field.encode() + b"\r\n\r\nx").from_faults


def test_a_word_whose_signs_would_part_the_field_for_another_reader_leaves_a_claim_at_most() -> None:
    assert "malformed-from" in parse(b"From: boss@corp.example=?utf-8?q?,?= <mia@roe.example>\r\n\r\nx").from_faults
