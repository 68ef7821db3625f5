"""What does `#kb` make of what people wrote? Values in, values out."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mailgate.desk import knowledge
from mailgate.desk.article import Article, Origin
from mailgate.desk.commands import Command, read, tapped
from mailgate.desk.decide import decide
from mailgate.desk.decision import Decision
from mailgate.desk.draft import Draft
from mailgate.desk.known import Known
from mailgate.desk.model import Status, Strength
from mailgate.desk.stimuli import Ordered
from mailgate.desk.workflow import Grammar
from tests.desk.cast import NOW, RULES, TINA, ticket

SOLVED = replace(ticket(Status.WAITING_FOR_CLOSURE), resolution="The toner was empty.")
PRESENT = Article(SOLVED.id, SOLVED.desk, "Old title", "Old problem", "Old solution", TINA.address, borrowed=("title", "problem"))


def says(text: str, origin: Origin = Origin("It does not print.")) -> Decision:  # noqa: B008 - frozen
    return decide(SOLVED, Ordered(TINA, text, Known(origin=origin)), RULES, NOW)


def made(text: str, origin: Origin = Origin("It does not print.")) -> Article:  # noqa: B008 - frozen
    article = says(text, origin).article
    assert article is not None
    return article


@pytest.mark.parametrize(
    ("text", "title", "solution"),
    [
        ("#kb", "Printer is dead", "The toner was empty."),
        ("#kb No  more toner", "No more toner", "The toner was empty."),
        ("#kb: No more toner", "No more toner", "The toner was empty."),
        (
            "#KB No more toner\nOrder it in the portal.\n\nIt takes two days.",
            "No more toner",
            "Order it in the portal.\n\nIt takes two days.",
        ),
        ("#kb\nOrder it.", "Printer is dead", "Order it."),
        ("#wissen Kein Toner", "Kein Toner", "The toner was empty."),
        ("#kb " + "x" * 500, "x" * 150, "The toner was empty."),
    ],
)
def test_the_title_stands_on_its_line_and_the_solution_below(text: str, title: str, solution: str) -> None:
    article = made(text)
    assert (article.title, article.problem, article.solution) == (title, "It does not print.", solution)
    assert article.borrowed == (("problem",) if article.title != SOLVED.subject else ("title", "problem"))


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("Hello Ann,\n\nit is dead.\n\nBest regards\nBob", "it is dead."),
        ("Guten Tag,\nder Drucker von Ann druckt nicht.\nMit freundlichen Grüßen\nAnn Other\nTel. 123", "der Drucker von … druckt nicht."),
        ("Write to ann@out.example or to boss@out.example.", "Write to … or to …"),
        ("The planner of Annette is slow.", "The planner of Annette is slow."),
        ("I am Ann Other.", "I am …."),
        ("", ""),
    ],
)
def test_nobody_is_named_in_a_problem(words: str, problem: str) -> None:
    assert made("#kb", Origin(words, "Ann Other")).problem == problem


@pytest.mark.parametrize(
    ("text", "title", "problem", "solution", "internal"),
    [
        ("New solution", "Old title", "Old problem", "New solution", False),
        ("#title New\n\nNew solution", "New", "Old problem", "New solution", False),
        ("#titel: Neu\n#problem Kurz", "Neu", "Kurz", "Old solution", False),
        ("#internal", "Old title", "Old problem", "Old solution", True),
        ("#kb New", "New", "Old problem", "Old solution", False),
        ("Step 1\n#title is no line here", "Old title", "Old problem", "Step 1\n#title is no line here", False),
    ],
)
def test_an_answer_to_the_letter_changes_what_it_says(text: str, title: str, problem: str, solution: str, internal: bool) -> None:
    (command,) = tapped("kb", text, Grammar.TECHNICIAN).commands
    assert command == Command("kb", f"\n{text}", "#kb")
    draft = Draft(SOLVED, RULES, NOW, TINA, Strength.TOKEN, Grammar.TECHNICIAN, Known(origin=Origin(article=PRESENT)))
    knowledge.kb(draft, command, None, "")
    changed = draft.article
    assert changed is not None
    assert (changed.title, changed.problem, changed.solution, changed.internal) == (title, problem, solution, internal)


def test_saying_it_again_shows_the_article_and_changes_nothing() -> None:
    decision = says("#kb", Origin(article=PRESENT))
    assert decision.article is None
    assert [event.note for event in decision.events] == ["shown"]


@pytest.mark.parametrize("word", ["off", "OFF", "drop", "aus", "verwerfen"])
def test_an_article_is_gone_by_any_of_these_words(word: str) -> None:
    assert made(f"#kb {word}", Origin(article=PRESENT)).gone


def test_text_below_two_commands_belongs_to_the_one_that_needs_it() -> None:
    both = read("#resolve\n#kb Title\nThe solution.", Grammar.TECHNICIAN, bare=False).commands
    assert [(one.verb, one.args) for one in both] == [("resolve", "The solution."), ("kb", "Title")]
