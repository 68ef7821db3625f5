"""A pattern of the operator meets texts of strangers: what could be made to run for ever is refused, and what remains is quick."""

from __future__ import annotations

import re
import time

import pytest

from mailgate.config.patterns import runs_away
from mailgate.desk.conditions import MOST, MOST_TEXT

QUIET = [
    "printer|toner|cartridge",
    r"\bvpn\b",
    "colou?rs?",
    r"toner\s+is\s*(empty|low)",
    r"(?:PROBLEM|RECOVERY): (.+) is ",
    ".*printer.*",
    "printer.{0,60}(dead|jam)",
    r"(\d{1,3}\.){3}\d{1,3}",
    r"(a|b)+x",
    r"^order \w+ from \w+$",
    "(?=.*toner)",
    "(?i:x)[ \t]*y",
    r"(\s)(?(1)a+|b)",
]
ENDLESS = [
    "(a+)+b",
    "(a*)*",
    r"(\w+\s?)*$",
    "(?:a|aa)+b",
    "(foo|bar)*x",
    "(.*,){11}P",
    "(x?){1000}y",
    "((a{0,9}){0,9}){0,9}b",
    "((ab)*c?)*d",
    r"(?=(a+)+b)c",
    "(?>(a+)+b)",
    "(x)?(?(1)(a+)+b|c)",
    "a.*b.*c.*d.*e",
]
# What is quick in a subject, and is not in the text of a mail.
LONG = ["a.*b.*c", r"\w+@\w+\.com", "(?=.*a)(?=.*b)", r"\S+=\S+;", "(a+){2}b"]


@pytest.mark.parametrize("pattern", QUIET)
def test_what_people_write_is_let_through(pattern: str) -> None:
    assert not runs_away(pattern, MOST)
    assert not runs_away(pattern, MOST_TEXT)


@pytest.mark.parametrize("pattern", ENDLESS)
def test_what_could_run_for_ever_is_refused_for_every_text(pattern: str) -> None:
    assert runs_away(pattern, MOST)
    assert runs_away(pattern, MOST_TEXT)


@pytest.mark.parametrize("pattern", LONG)
def test_two_long_repeats_are_let_through_in_a_subject_and_refused_in_a_body(pattern: str) -> None:
    assert not runs_away(pattern, MOST)
    assert runs_away(pattern, MOST_TEXT)


@pytest.mark.parametrize("pattern", QUIET)
@pytest.mark.parametrize("text", ["a", "ab ", "printer", "1.", "x y\n", "toner is "])
def test_what_is_let_through_is_quick_over_hostile_texts(pattern: str, text: str) -> None:
    begun = time.process_time()
    re.search(pattern, (text * MOST_TEXT)[:MOST_TEXT], re.IGNORECASE)
    assert time.process_time() - begun < 5
