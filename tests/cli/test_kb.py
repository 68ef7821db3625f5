"""What does the shell tell of the knowledge base?"""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell


@pytest.fixture
def kb(shell: Shell) -> Shell:
    """A desk with two articles, one of them for technicians only."""
    for subject, text, solution, command in (
        ("Printer prints blank pages", "All pages are blank.", "Pull the strip out of the drum.", "#kb"),
        ("Gerät für Prüfberichte", "Es startet nicht.", "Neu gestartet.", "#kb internal"),
    ):
        assert shell("tickets", "new", "--from", "ann@out.example", "--subject", subject, "--text", text) == 0
        number = shell.out.strip()
        assert shell("tickets", "command", number, f"#resolve {solution}\n{command}", "--as", "tina@desk.example") == 0
    return shell


def test_articles_are_listed_by_the_tickets_that_they_come_from(kb: Shell) -> None:
    assert kb("kb", "list") == 0
    assert kb.out.splitlines()[0].split() == ["ARTICLE", "READERS", "AUTHOR", "CHANGED", "TITLE"]
    assert kb.out.splitlines()[1].startswith("MG-1     public    tina@desk.example")
    found = kb.lines("kb", "list")
    assert [(one["id"], one["tag"], one["visibility"]) for one in found] == [(1, "MG-1", "public"), (2, "MG-2", "internal")]
    assert found[0]["created"].endswith("Z")


def test_an_article_is_shown_whole(kb: Shell) -> None:
    assert kb("kb", "show", "MG-1") == 0
    assert kb.out.startswith("MG-1  Printer prints blank pages\npublic, made ")
    assert "problem:\n    All pages are blank.\n\nsolution:\n    Pull the strip out of the drum.\n" in kb.out
    assert kb.json("kb", "show", "1")["solution"] == "Pull the strip out of the drum."
    assert kb("kb", "show", "7") == 65
    assert "there is no article of ticket 7" in kb.err


def test_articles_are_found_by_all_their_words(kb: Shell) -> None:
    for words, found in (
        (("blank",), [1]), (("strip", "drum"), [1]), (("drucker",), []), (("prufbericht",), [2]), (("PRÜF",), [2]),
        (("strip", "start"), []), (('"', "OR", "*"), []),
    ):  # fmt: skip
        assert kb("kb", "search", "--json", "--", *words) == 0
        assert [line.partition(",")[0] for line in kb.out.splitlines()] == [f'{{"id": {number}' for number in found], words


def test_an_article_is_taken_back_and_a_ticket_without_a_solution_makes_none(kb: Shell) -> None:
    assert kb("tickets", "command", "1", "kb off", "--as", "tina@desk.example") == 0
    assert [one["id"] for one in kb.lines("kb", "list")] == [2]
    assert kb("tickets", "command", "1", "#kb off", "--as", "tina@desk.example") == 65
    assert "no-article" in kb.out


def test_tickets_are_searched_by_words_in_subject_and_messages(kb: Shell) -> None:
    for words, found in (("blank", ["MG-1"]), ("pruf", ["MG-2"]), ("printer strip", ["MG-1"]), ("toner", [])):
        assert kb("tickets", "list", "--search", words) == 0
        assert [line.split()[0] for line in kb.out.splitlines()[1:]] == found
