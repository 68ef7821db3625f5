"""The letters themselves: each in each language, well set, and with what every letter must have."""

from __future__ import annotations

import re

import pytest

from mailgate.desk.letters import Name
from mailgate.mail.letters import Templates, packaged
from mailgate.mail.samples import sample, samples

LETTERS = Templates([packaged()])
EACH = [(name, language) for name in Name for language in ("en", "de")]
# What base.j2 and macros.j2 style; a class that nobody styles would be noise.
_CLASS = re.compile(r'class="([^"]*)"')


def test_all_packaged_letters_are_without_fault() -> None:
    assert LETTERS.check() == ()


@pytest.mark.parametrize(("name", "language"), EACH)
def test_a_letter_is_complete_in_its_language(name: Name, language: str) -> None:
    letter = LETTERS.preview(name, language)
    assert letter.language == language
    assert letter.fault is None
    assert f'<html lang="{language}"' in letter.html
    other = LETTERS.preview(name, "de" if language == "en" else "en")
    assert letter.subject == other.subject or "MG-1042" not in letter.subject or name is not Name.REPLY
    assert name in (Name.REPLY,) or letter.text.partition("\n")[2] != other.text.partition("\n")[2]


@pytest.mark.parametrize(("name", "language"), EACH)
def test_a_letter_begins_with_the_reply_marker_unless_nobody_may_reply(name: Name, language: str) -> None:
    letter = LETTERS.preview(name, language)
    first = letter.text.split("\n", 1)[0]
    assert (first.startswith("##- ") and first.endswith(" -##")) == (name is not Name.HELD)
    assert letter.html.count("##- ") == (name is not Name.HELD)
    if name is not Name.HELD:
        assert f">{first}</p>" in letter.html


@pytest.mark.parametrize(("name", "language"), EACH)
def test_the_plain_text_is_well_set(name: Name, language: str) -> None:
    for view in samples(name):
        text = LETTERS.render(name, language, view).text
        ours = [line for line in text.split("\n") if "mailto:" not in line and not line.startswith(">")]
        assert [line for line in ours if len(line) > 76] == []
        assert [line for line in ours if line != line.rstrip() and line != "-- "] == []
        assert "\n\n\n" not in text
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        assert text.count("\n-- \n") == 1
        assert "None" not in text


@pytest.mark.parametrize(("name", "language"), EACH)
def test_the_html_is_sound(name: Name, language: str) -> None:
    for view in samples(name):
        page = LETTERS.render(name, language, view).html
        assert page.startswith("<!doctype html>")
        assert page.endswith("</html>\n")
        assert "None" not in re.sub(r"<[^>]*>", "", page)
        for tag in ("table", "tr", "td", "p", "a", "h1", "div", "span"):
            assert len(re.findall(rf"<{tag}[ >]", page)) == page.count(f"</{tag}>"), tag
        assert not re.search(r"<(script|img|link|iframe|form)\b|https?://(?!desk\.)", page.replace("xmlns", ""))
    usual = LETTERS.render(name, language, sample(name)).html
    styled = usual[: usual.index("</style>")]
    assert all(f".{each}{{" in styled or f".{each}," in styled for classes in _CLASS.findall(usual) for each in classes.split())
    assert all(" role=" in table or "scope=" in usual for table in re.findall(r"<table[^>]*>", usual))


@pytest.mark.parametrize("language", ["en", "de"])
def test_requesters_are_offered_only_words_that_are_commands(language: str) -> None:
    known = {"accept", "reject", "reopen", "cancel", "status", "mute", "help", "keep", "offen"}
    for name in (Name.ACKNOWLEDGEMENT, Name.RESOLVED, Name.REMINDER, Name.CLOSING_SOON):
        text = LETTERS.preview(name, language).text
        assert set(re.findall(r"^  (\w+) .*\n +<mailto:", text, re.MULTILINE)) <= known
