"""The letters themselves: each in each language, well set, with what every letter must have, and with words for all that they can say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from mailgate.config.packaged import packaged
from mailgate.desk import commands, held, workflow
from mailgate.desk.letters import HELD_WHY, LIKE, NOTES, TAGGED, WRONG, Line, Name
from mailgate.desk.model import Status
from mailgate.desk.workflow import VERBS, Grammar
from mailgate.mail import sandbox
from mailgate.mail.letters import Templates
from mailgate.mail.samples import sample, samples
from mailgate.mail.view import PersonView

LETTERS = Templates([packaged("templates")])
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
def test_a_letter_begins_with_the_reply_marker(name: Name, language: str) -> None:
    letter = LETTERS.preview(name, language)
    first = letter.text.split("\n", 1)[0]
    assert first.startswith("##- ")
    assert first.endswith(" -##")
    assert letter.html.count("##- ") == 1
    assert f">{first}</p>" in letter.html


@pytest.mark.parametrize(("name", "language"), EACH)
def test_the_plain_text_is_well_set(name: Name, language: str) -> None:
    for view in samples(name):
        text = LETTERS.render(name, language, view).text
        ours = [line for line in text.split("\n") if not ("mailto:" in line or "https://" in line or line.startswith(">"))]
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
    known = set(workflow.verbs(Grammar.REQUESTER))
    for name in (Name.ACKNOWLEDGEMENT, Name.RESOLVED, Name.REMINDER, Name.CLOSING_SOON):
        offered = set(re.findall(r"^  (\w+) .*\n +<mailto:", LETTERS.preview(name, language).text, re.MULTILINE))
        assert offered
        assert offered <= known


# ------------------------------------------------------------------------------------------------------ words for slugs

WORDS = {language: sandbox.Environment([packaged("templates")], escaping=False).dictionary(language) for language in ("en", "de")}
GERMAN = sandbox.Environment([packaged("templates") / "de"], escaping=False).dictionary("en")
EACH_NOTE = [(name, note, language) for name, notes in NOTES.items() for note in notes for language in ("en", "de")]


def strings(node: ast.AST) -> Iterator[str]:
    """The texts that an expression may yield; of a formatted one those of its front."""
    match node:
        case ast.Constant(value=str() as text):
            yield text
        case ast.IfExp(body=body, orelse=orelse):
            yield from strings(body)
            yield from strings(orelse)
        case ast.JoinedStr(values=[ast.FormattedValue(value=first), *_]):
            yield from strings(first)
        case ast.Call(func=ast.Attribute(value=ast.Dict(values=values)), args=[_, *others]):
            for value in (*values, *others):
                yield from strings(value)


def decisions() -> Iterator[ast.AST]:
    """Every node of the modules that decide what letters say: the desk's, but for the one that lists it."""
    for path in Path(commands.__file__).parent.glob("*.py"):
        if path.name != "letters.py":
            yield from ast.walk(ast.parse(path.read_text()))


def returns(function: ast.FunctionDef) -> Iterator[ast.Return]:
    return (node for node in ast.walk(function) if isinstance(node, ast.Return))


def constants(*trees: ast.AST) -> set[object]:
    return {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}


def test_every_note_of_a_decision_is_listed() -> None:
    said = set()
    for node in decisions():
        if isinstance(node, ast.keyword) and node.arg == "note":
            said |= set(strings(node.value))
        if isinstance(node, ast.Assign) and [target.id for target in node.targets if isinstance(target, ast.Name)] == ["note"]:
            said |= set(strings(node.value))
    assert {"accept", "muted", "no answer", "clue", "unconfirmed"} <= said
    assert said - {""} <= {note for notes in NOTES.values() for note in notes}


def test_every_slug_of_a_refusal_is_listed() -> None:
    returned = {node.name: constants(*returns(node)) for node in decisions() if isinstance(node, ast.FunctionDef)}
    said: set[object] = set()
    for node in decisions():
        if isinstance(node, ast.Call) and (
            (isinstance(node.func, ast.Name) and node.func.id in ("Refusal", "Command", "Asked"))
            or (isinstance(node.func, ast.Attribute) and node.func.attr == "refuse")
        ):
            said |= constants(*node.args, *(one.value for one in node.keywords))
            # What a function of the desk gives for an argument.
            names = (each.id for argument in node.args for each in ast.walk(argument) if isinstance(each, ast.Name))
            said |= {text for name in names for text in returned.get(name, ())}
        if isinstance(node, ast.keyword) and node.arg == "error":
            said |= constants(node.value)
    assert {slug for slug in said if re.fullmatch(r"[a-z]+(-[a-z]+)+", str(slug))} == set(WRONG)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(
    ("kind", "slugs"),
    [
        ("wrong", WRONG),
        ("alike", LIKE),
        ("did", NOTES[Name.REQUESTER_REPLIED]),
        ("meant", NOTES[Name.REQUESTER_REPLIED]),
        ("stage", [status.value for status in Status]),
        ("requester", workflow.verbs(Grammar.REQUESTER)),
        ("technician", workflow.verbs(Grammar.TECHNICIAN)),
        ("held", HELD_WHY),
        ("done", [verb.word for verb in held.VERBS]),
        ("became", [*(verb.word for verb in held.VERBS), "retry"]),
    ],
)
def test_every_slug_has_words_in_every_language_and_no_words_are_left_over(kind: str, slugs: list[str], language: str) -> None:
    words = (GERMAN if language == "de" else WORDS["en"])[kind]
    assert set(words) == set(slugs)
    assert all(len(text) > 3 and text not in slugs for text in words.values())


def test_german_speaks_of_each_status_and_writes_each_example_in_german() -> None:
    assert set(GERMAN["status"]) == {status.value for status in Status}
    offered = {"#kb The toner was empty; it prints again."}
    examples = {verb.example for verb in (*VERBS, *held.VERBS) if " " in verb.example and "@" not in verb.example}
    assert examples | offered == set(GERMAN["example"])
    ours = {verb.example for verb in held.VERBS}
    assert [held.read(written)[0].error for example, written in GERMAN["example"].items() if example in ours] == [""] * 4
    for written in (written for example, written in GERMAN["example"].items() if example not in ours):
        grammar = Grammar.TECHNICIAN if written.startswith("#") else Grammar.REQUESTER
        assert commands.read(written, grammar, bare=True).commands[0].ok


@pytest.mark.parametrize(("name", "note", "language"), EACH_NOTE)
def test_every_note_is_told_in_words(name: Name, note: str, language: str) -> None:
    usual = replace(sample(name), note="")
    names = note in TAGGED
    said = note + (" MG-7" if names else "")
    with_it, without = (LETTERS.render(name, language, replace(usual, note=one)) for one in (said, ""))
    assert name is Name.HELP or with_it.text != without.text
    assert name is Name.HELP or with_it.html != without.html
    assert said not in [line.strip("!> ") for line in with_it.text.split("\n")]
    assert f">{said}<" not in with_it.html
    if names:
        assert "MG-7" in with_it.text
        assert "MG-7" in with_it.html


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("slug", WRONG)
@pytest.mark.parametrize("name", [Name.RECEIPT, Name.STATUS])
def test_a_refused_line_is_shown_with_what_is_wrong_and_what_would_work(name: Name, slug: str, language: str) -> None:
    line = Line("#tke now", ok=False, wrong=slug, instead="#take")
    letter = LETTERS.render(name, language, replace(sample(name), note="refused", lines=(line,)))
    assert f"  ✗  #tke now\n     {WORDS[language]['wrong'][slug]}\n" in letter.text
    assert "#take" in letter.text
    assert slug not in letter.text + letter.html
    assert letter.html.count("✗") == 1


def test_a_slug_without_words_is_still_readable() -> None:
    line = Line("#take", ok=False, wrong="never-heard-of")
    assert "never heard of" in LETTERS.render(Name.RECEIPT, "de", replace(sample(Name.RECEIPT), lines=(line,))).text


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("grammar", [Grammar(one) for one in NOTES[Name.HELP]])
def test_help_explains_every_command_that_the_reader_knows(grammar: Grammar, language: str) -> None:
    lines = tuple(Line(verb.example, ok=True) for verb in VERBS if verb.grammar is grammar)
    letter = LETTERS.render(Name.HELP, language, replace(sample(Name.HELP), lines=lines, note=grammar))
    for verb in workflow.verbs(grammar).values():
        example = WORDS[language].get("example", {}).get(verb.example, verb.example)
        assert f"  {example}\n      {WORDS[language][grammar][verb.word]}\n" in letter.text
        assert f">{example}</span>" in letter.html


@pytest.mark.parametrize("language", ["en", "de"])
def test_undeliverable_tells_the_address_and_what_the_other_side_said(language: str) -> None:
    view = sample(Name.UNDELIVERABLE)
    assert view.message is not None
    letter = LETTERS.render(Name.UNDELIVERABLE, language, view)
    address, reason = letter.text.index("anna.weber@example.org"), letter.text.index(f"> {view.message.text}")
    assert address < reason
    silent = LETTERS.render(Name.UNDELIVERABLE, language, replace(view, message=None))
    assert ":\n\n  " not in silent.text.partition("anna.weber@example.org")[0]


@pytest.mark.parametrize(("language", "own", "others"), [("en", "your request", "the request"), ("de", "Ihre Anfrage", "die Anfrage")])
def test_somebody_in_copy_is_not_told_that_the_request_is_his(language: str, own: str, others: str) -> None:
    for name in (Name.RESOLVED, Name.CLOSED):
        view = sample(name)
        copied = replace(view, recipient=PersonView("Bob", "bob@example.org"))
        assert own.lower() in LETTERS.render(name, language, view).text.lower()
        text = LETTERS.render(name, language, copied).text.lower()
        assert own.lower() not in text
        assert others.lower() in text


@pytest.mark.parametrize("language", ["en", "de"])
def test_an_owner_is_told_that_his_answer_stays_internal(language: str) -> None:
    letter = LETTERS.render(Name.NEW_TICKET, language, replace(sample(Name.NEW_TICKET), staff=False))
    assert "#resolve" not in letter.text + letter.html
    assert "intern" in letter.text
    assert "intern" in letter.html
