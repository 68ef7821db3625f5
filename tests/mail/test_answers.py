"""Whole answers of many programs and languages, each with what of it is new; and mails that only look as if they held a quote.

Both stand in corpus/texts, one after another: a line that begins with `%%` names the next, `%=` parts an answer from its new words.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailgate.mail import fresh

TEXTS = Path(__file__).parents[1] / "corpus" / "texts"


def texts(name: str) -> Iterator[tuple[str, str]]:
    """The names and texts of a collection. What stands above the first name says what is in it."""
    for entry in ("\n" + (TEXTS / name).read_text("utf-8")).split("\n%% ")[2:]:
        title, _, text = entry.partition("\n")
        yield title, text


ANSWERS = [pytest.param(*text.split("\n%=\n"), id=title) for title, text in texts("answers.txt")]
OWN_WORDS = [pytest.param(text, id=title) for title, text in texts("own-words.txt")]


def lines(text: str) -> list[str]:
    """The lines of a text that are not blank, without the blanks around them."""
    return [line.strip() for line in text.split("\n") if line.strip()]


@pytest.mark.parametrize(("answer", "new"), ANSWERS)
def test_of_a_whole_answer_the_new_words_are_left(answer: str, new: str) -> None:
    assert lines(fresh.cut(answer)) == lines(new)


@pytest.mark.parametrize("mail", OWN_WORDS)
def test_words_of_the_senders_own_that_look_like_a_quote_stay(mail: str) -> None:
    assert lines(fresh.cut(mail)) == lines(mail)


@pytest.mark.parametrize(("answer", "new"), ANSWERS)
def test_blank_lines_around_an_answer_change_nothing(answer: str, new: str) -> None:
    assert lines(fresh.cut(f"\n\n{answer}\n\n \n")) == lines(new)
