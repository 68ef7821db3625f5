"""Are the right articles suggested, and nothing beside the point? A desk's articles against the mails that such a desk gets."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.desk.article import Article
from mailgate.desk.model import Address, TicketId
from mailgate.desk.suggestions import MOST, Candidate, asked, chosen, terms
from mailgate.desk.words import plain, words
from tests.desk.knowledge import ARTICLES, HARD, MAILS, NEAR, UNRELATED

TINA = Address("tina@desk.example")


def article(number: int, title: str, problem: str, solution: str) -> Article:
    return Article(TicketId(number), "Desk", title, problem, solution, TINA)


LIBRARY = {name: article(number, *parts) for number, (name, parts) in enumerate(ARTICLES.items(), 1)}
NAMES = {one.ticket: name for name, one in LIBRARY.items()}


def candidate(one: Article) -> Candidate:
    title, further = terms(one)
    return Candidate(one, frozenset(title.split()), frozenset(further.split()))


CANDIDATES = [candidate(one) for one in LIBRARY.values()]


def suggested(subject: str, text: str) -> list[str]:
    """The names of the articles that a mail is answered with. The database hands over those that share a word."""
    said = asked(subject, text)
    sharing = [one for one in CANDIDATES if set(said) & (one.title | one.further)]
    return [NAMES[one.ticket] for one in chosen(said, sharing, len(CANDIDATES))]


@pytest.mark.parametrize(("subject", "text", "right"), MAILS, ids=[mail[0][:40] for mail in MAILS])
def test_what_is_suggested_first_is_right(subject: str, text: str, right: str) -> None:
    assert suggested(subject, text)[:1] in ([right], [])


def test_of_a_desks_mails_most_are_helped_and_none_is_misled() -> None:
    """25 articles; 40 mails that one of them answers, and 15 that say it in few or other words."""
    for mails, helped in ((MAILS, 36), (HARD, 6)):
        found = [(right, suggested(subject, text)) for subject, text, right in mails]
        assert sum(right in names for right, names in found) >= helped
        assert [(right, names) for right, names in found for name in names if name != right] == []


def test_of_those_who_speak_of_the_same_things_and_want_something_else_hardly_one_is_misled() -> None:
    misled = [subject for subject, text in NEAR if suggested(subject, text)]
    assert len(misled) <= 0.1 * len(NEAR), misled


@pytest.mark.parametrize(("subject", "text"), UNRELATED, ids=[mail[0][:40] for mail in UNRELATED])
def test_who_has_another_problem_is_left_in_peace(subject: str, text: str) -> None:
    assert suggested(subject, text) == []


@given(st.text(max_size=300), st.text(max_size=300))
def test_whatever_somebody_writes_at_most_three_are_suggested(subject: str, text: str) -> None:
    assert len(suggested(subject, text)) <= MOST


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("printing", "printer"), ("prints", "printed"), ("Drucker", "druckt"), ("passwords", "password"), ("Passwörter", "passworter"),
        ("Seite", "Seiten"), ("connection", "connect"), ("Verbindung", "verbinden"), ("pages", "Page"), ("GRÖSSE", "größe"),
    ],
)  # fmt: skip
def test_forms_of_a_word_are_one_word(one: str, other: str) -> None:
    assert words(one) == words(other) != ()


@pytest.mark.parametrize(
    "text", ["", "Hello, can you please help me?", "Guten Tag, bitte helfen Sie mir. Danke!", "ann@out.example", "?!…"]
)
def test_courtesy_and_addresses_say_nothing(text: str) -> None:
    assert words(text) == ()


def test_words_that_are_looked_for_are_folded_and_nothing_else() -> None:
    assert plain('Prüf-Bericht "OR" NEAR/2 café_x') == ("pruf", "bericht", "or", "near", "2", "cafe", "x")
    assert plain("„Prüfung“ – geprüft…") == ("prufung", "gepruft")


@given(st.text(st.characters(max_codepoint=127), max_size=300))
def test_a_text_says_the_same_words_with_an_accent_behind_them_as_without(text: str) -> None:
    assert plain(f"{text} é") == tuple(dict.fromkeys((*plain(text), "e")))


def test_of_words_that_are_longer_than_forty_characters_the_beginning_counts_and_counts_once() -> None:
    said = "a" * 40
    assert plain(f"{said}b {said} {said}c d") == plain(f"{said}b {said} {said}c d é")[:-1] == (said, "d")


@pytest.mark.parametrize("char", ["a", "a ", "@", "ä", "x@", "http:", "\u0301"])
def test_a_hostile_text_costs_no_more_than_a_long_one(char: str) -> None:
    began = time.process_time()
    words(char * 1_000_000)
    plain(char * 1_000_000)
    assert time.process_time() - began < 0.5
