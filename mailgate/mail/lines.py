"""What of each line of a text is looked at: no quote marks, no invisible characters, ASCII digits, and how deeply it is quoted.

Judges nothing: where a quote begins is decided in `heads` and `attribution`, what is kept in `fresh`.
"""

from __future__ import annotations

import re
import unicodedata

from msgspec import Struct

from mailgate.mail.phrases import LABELS

# Of an overlong line only the beginning is looked at.
_LOOKED_AT = 2000
_QUOTE_MARKS = re.compile(r"(?:[>＞][ \t]?){1,200}")
# Some programs mark quoted lines by the initials of their author ("AL> ").
_INITIALS = re.compile(r"\s?([^\W\d_a-z]{1,4}>)(?:\s|$)")


class Label(Struct, frozen=True):
    """The reading of a line as a header line: what it stands for (None if unknown), its value, and whether it is `Label: value` at all."""

    kind: str | None
    value: str
    shaped: bool


class Line(Struct):
    """One line as written, what of it is looked at, its depth of `>`, its reading as a header line once somebody asked for it."""

    raw: str
    bare: str
    depth: int
    _label: Label | None = None

    @property
    def label(self) -> Label:
        """The reading as a header line, made once."""
        if self._label is None:
            self._label = _labelled(self.bare)
        return self._label


class Lines:
    """The lines of a text. Each is prepared for looking at when it is first asked for: most never are."""

    __slots__ = ("_mark", "_prepared", "raw")

    def __init__(self, raw: list[str]) -> None:
        self.raw = raw
        self._prepared: dict[int, Line] = {}
        self._mark = ""

    def __len__(self) -> int:
        return len(self.raw)

    def __getitem__(self, index: int) -> Line:
        line = self._prepared.get(index)
        if line is None:
            line = self._prepared[index] = read(self.raw[index], self._mark)
        return line

    def text_from(self, index: int) -> int:
        """The number of the next line that is not blank (a bare `>` counts as quoted text), or the count of lines."""
        while index < len(self.raw) and not self[index].bare and not self[index].depth:
            index += 1
        return index

    def adopt_mark(self, index: int) -> None:
        """Takes a line that is known to be quoted for what shows by whose initials this mail marks its quotes, if it does.

        Only the first such line counts, so that a text is prepared anew once at most.
        """
        initials = None if self._mark or index >= len(self.raw) else _INITIALS.match(self.raw[index])
        if initials is not None:
            self._mark = initials[1]
            self._prepared.clear()


def read(raw: str, mark: str = "") -> Line:
    """A line prepared for looking at. `mark` is what stands before quoted lines besides `>`; "" for nothing."""
    bare = raw.strip() if len(raw) <= _LOOKED_AT else raw[:_LOOKED_AT].strip()
    if not bare.isascii():
        bare = "".join(map(_plain, bare)).strip()
    if mark and bare.startswith(mark):
        return Line(raw, bare[len(mark) :].strip(), 1)
    if bare[:1] not in (">", "＞") or bare.startswith(">From "):
        return Line(raw, bare, 0)
    marks = _QUOTE_MARKS.match(bare)
    end = marks.end() if marks else 1
    return Line(raw, bare[end:].strip(), bare.count(">", 0, end) + bare.count("＞", 0, end))


def _plain(char: str) -> str:
    """A character without what only layout or script make of it: digits of every script are ASCII, marks of direction are nothing."""
    if char.isascii():
        return char
    if char == "\xa0":
        return " "
    category = unicodedata.category(char)
    return "" if category == "Cf" else str(unicodedata.digit(char)) if category == "Nd" else char


def _labelled(bare: str) -> Label:
    """The reading of a line as a header line."""
    colon = min((at for at in (bare.find(":", 0, 40), bare.find("：", 0, 40)) if at > 0), default=-1)
    if colon < 1:
        return Label(None, "", False)
    label = bare[:colon].strip(" *_\t").lower()
    shaped = len(label) <= 24 and not any(char.isdigit() for char in label)
    return Label(LABELS.get(label), bare[colon + 1 :].strip(" *_"), shaped)
