"""How does a table become CSV that a spreadsheet shows and does not reckon with? RFC 4180, and OWASP's page on CSV injection.

What somebody outside wrote (a subject, a category, an address) may begin like a formula, or bring a separator along after which a formula
begins. Numbers stay numbers.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TextIO

# Where some program's cell may begin (at the beginning, after a separator or a quotation mark, blanks aside), and what a formula begins
# with there, also in the wide letters of East Asia.
_FORMULA = re.compile(r"""(^|[,;|"'])([ \u00a0\u3000]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])""")


def harmless(text: str) -> str:
    """A text on one line in which no reader's cell begins as a formula does: an apostrophe stands before it.

    Whatever the program that reads it takes for a separator: Excel takes what the country takes, LibreOffice what was taken last.
    """
    line = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in text)
    return _FORMULA.sub(r"\1'\2", line)


def write(out: TextIO, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """The table with its heads; every text in quotation marks, nothing for None."""
    sheet = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    for row in (heads, *rows):
        sheet.writerow([harmless(cell) if isinstance(cell, str) else "" if cell is None else cell for cell in row])
