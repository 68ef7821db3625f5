"""Does a spreadsheet show what it is given? Read back by a real reader, and by readers who take other separators (OWASP, CSV injection)."""

from __future__ import annotations

import csv
import io
import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.cli import sheet

BAD = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def written(*rows: tuple[object, ...]) -> str:
    out = io.StringIO()
    sheet.write(out, ("name", "count"), rows)
    return out.getvalue()


def cells(text: str) -> list[str]:
    """Every cell that some program may see: each separator by itself and all together, with quotation marks obeyed and not."""
    found, text = [], text.replace("\r", "\n")
    for separator, quoting in product(",;\t|", (csv.QUOTE_MINIMAL, csv.QUOTE_NONE)):
        found += [cell for row in csv.reader(io.StringIO(text), delimiter=separator, quoting=quoting) for cell in row]
    # LibreOffice with several separators ticked, and one that knows no quotation marks at all.
    return found + re.split(r"[,;\t|\n]", text) + re.split(r"[,;\t|\n]", text.replace('"', ""))


def formulas(text: str) -> list[str]:
    """The cells with which a spreadsheet would reckon. It looks past blanks and past the quotation mark that opens a cell."""
    return [cell for cell in cells(text) if re.match(r'[\s"]*[=+\-@＝＋－＠]', cell) and not re.fullmatch(r"[+-]?\d+(\.\d+)?", cell)]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "\u00a0=1", "\ufeff=1", "\u200b=1", "\x00=1",
        "a,=1", "a;=1", "a\t=1", "a|=1", "a\n=1", 'a"=1', 'a",=1', 'a";=1', '"=1"', "';=1", "a; -1", 'a";"=HYPERLINK("http://evil")',
        ";;;=1", "==1", ",=1,=2",
    ],
)  # fmt: skip
def test_no_reader_finds_a_formula_in_what_somebody_wrote(text: str) -> None:
    assert formulas(written((text, 1))) == []


def test_these_readers_find_what_is_written_as_it_came() -> None:
    assert [formulas(f'"name"\n"{text}"\n') != [] for text in ("=1", " =1", "a;=1", 'a",=1', "a\t-x", "first")] == [True] * 5 + [False]


@given(st.text(alphabet="=+-@,;|\t\r\n\"' a1＝＠"))
def test_whatever_somebody_writes_no_reader_finds_a_formula(text: str) -> None:
    assert formulas(written((text, 1), (f"a{text}", 2))) == []


@given(st.text(alphabet="=+-@,;|\"' aäß1"))
def test_a_real_reader_reads_the_same_words_back(text: str) -> None:
    (_, row) = csv.reader(io.StringIO(written((text, 7))))
    assert row[0].replace("'", "") == text.replace("'", "")
    assert row[1] == "7"


def test_what_begins_a_cell_and_no_formula_stays_as_it_is() -> None:
    for text in ("ann@out.example", "First level", "a-b", "x=1", "P1+", "Müller, Anna", "it's"):
        assert sheet.harmless(text) == text


def test_numbers_stay_numbers_and_nothing_is_an_empty_cell() -> None:
    assert written(("=a", -1), ("b", 0.25), ("c", None)) == '"name","count"\n"\'=a",-1\n"b",0.25\n"c",""\n'
