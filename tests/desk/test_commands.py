"""Which commands does a text open with? Value tables for what is one and what is none."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from mailgate.desk.commands import Reading, may_name, read, suggestion, tapped
from mailgate.desk.policy import Policy
from mailgate.desk.workflow import VERBS, Grammar, Takes, verbs

R, T = Grammar.REQUESTER, Grammar.TECHNICIAN
WORDS = Policy().verbs_by_word


def by_requester(text: str, *, bare: bool = True) -> Reading:
    return read(text, R, bare=bare, synonyms=WORDS)


def by_technician(text: str) -> Reading:
    return read(text, T, bare=True, synonyms=WORDS)


def said(reading: Reading) -> list[tuple[str, str]]:
    """The commands that read right, as (verb, what it takes)."""
    return [(one.verb, one.args) for one in reading.commands if one.ok]


# ----------------------------------------------------------------------------------------------------------- requesters


@pytest.mark.parametrize(
    ("text", "verb", "args"),
    [
        ("accept", "accept", ""),
        ("accept.", "accept", ""),
        ("Accept!", "accept", ""),
        ("ACCEPT", "accept", ""),
        ("  accept  ", "accept", ""),
        ("\n\n\taccept\n", "accept", ""),
        ("accept :-)", None, ""),
        ("accept :)", "accept", ""),
        ("reject", "reject", ""),
        ("reject it still fails", "reject", "it still fails"),
        ("Reject: it still fails", "reject", "it still fails"),
        ("reject\tit still fails", "reject", "it still fails"),
        ("reopen", "reopen", ""),
        ("reopen it happened again.", "reopen", "it happened again."),
        ("cancel", "cancel", ""),
        ("status", "status", ""),
        ("mute", "mute", ""),
        ("mute off", "mute", "off"),
        ("Mute OFF.", "mute", "off"),
        ("help", "help", ""),
        ("#accept", "accept", ""),
        ("#Accept!", "accept", ""),
        ("#accept .", "accept", ""),
        ("#reject it still fails", "reject", "it still fails"),
        ("#reject: it still fails", "reject", "it still fails"),
        ("#mute off", "mute", "off"),
        ("annehmen", "accept", ""),
        ("Akzeptieren!", "accept", ""),
        ("#ablehnen geht nicht", "reject", "geht nicht"),
        ("ablehnen geht nicht", "reject", "geht nicht"),
        ("wiedereröffnen", "reopen", ""),
        (unicodedata.normalize("NFD", "Wiedereröffnen tritt wieder auf"), "reopen", "tritt wieder auf"),
        (unicodedata.normalize("NFD", "#wiedereröffnen"), "reopen", ""),
        ("Hilfe", "help", ""),
        ("I do not accept", None, ""),
        ("I accept", None, ""),
        ("accept it", None, ""),
        ("accept, thanks", None, ""),
        ("accept?", None, ""),
        ("acceptable", None, ""),
        ("status of my order", None, ""),
        ("cancel my subscription please", None, ""),
        ("mute the others", None, ""),
        ("help me", None, ""),
        ("> accept", None, ""),
        ("rejected", None, ""),
        ("#1 foo", None, ""),
        ("##", None, ""),
        ("##accept", None, ""),
        ("# accept", None, ""),
        ("#", None, ""),
        ("#accepted", None, ""),
        ("#yolo", None, ""),
        ("#resolve done", None, ""),
        ("#take", None, ""),
        ("/accept", None, ""),
    ],
)
def test_a_requester_says(text: str, verb: str | None, args: str) -> None:
    reading = by_requester(text)
    assert said(reading) == ([(verb, args)] if verb else [])
    assert not reading.faulty
    assert bool(reading.text) == (verb is None)


@pytest.mark.parametrize("text", ["accept", "Accept!", "reject it fails", "mute off", "annehmen", "help"])
def test_a_bare_word_counts_only_where_a_clue_found_the_ticket(text: str) -> None:
    assert by_requester(text, bare=False) == Reading((), text)
    assert said(by_requester(f"#{text}", bare=False)) == said(by_requester(text))


@pytest.mark.parametrize("text", ["#accept all of it", "#status now", "#mute everybody", "#cancel that"])
def test_words_behind_a_verb_that_takes_none_are_wrong_and_the_right_line_is_shown(text: str) -> None:
    (command,) = by_requester(text).commands
    assert command.error == "takes-nothing"
    assert said(by_requester(command.instead)) == [(command.verb, "")]


def test_commands_end_at_the_first_line_that_is_none() -> None:
    reading = by_requester("status\n\nmute\nThe scanner is broken, too.\naccept\n")
    assert said(reading) == [("status", ""), ("mute", "")]
    assert reading.text == "The scanner is broken, too.\naccept"


def test_an_accept_below_other_words_is_a_comment() -> None:
    assert by_requester("Hello,\n\naccept\n") == Reading((), "Hello,\n\naccept")


# ---------------------------------------------------------------------------------------------------------- technicians


@pytest.mark.parametrize(
    ("text", "verb", "args"),
    [
        ("#take", "take", ""),
        ("#TAKE!", "take", ""),
        ("#assign Tina Turner", "assign", "Tina Turner"),
        ("#assign: tina@desk.example", "assign", "tina@desk.example"),
        ("#start.", "start", ""),
        ("#pending Which floor?", "pending", "Which floor?"),
        ("#pending\n\nWhich floor?\nWhich room?", "pending", "Which floor?\nWhich room?"),
        ("#resume", "resume", ""),
        ("#note Third time.\nAnd again.", "note", "Third time.\nAnd again."),
        ("#resolve The toner was empty.\n\nIt prints again.", "resolve", "The toner was empty.\n\nIt prints again."),
        ("#pending About what?\n\n1. Open\n\n2. Closed\n", "pending", "About what?\n\n1. Open\n\n2. Closed"),
        ("#note Third time.\n \n\nAnd again.", "note", "Third time.\n\n\nAnd again."),
        ("#resolve:done", "resolve", "done"),
        ("#close", "close", ""),
        ("#close solved on the phone", "close", "solved on the phone"),
        ("#reopen", "reopen", ""),
        ("#help", "help", ""),
        ("#übernehmen", "take", ""),
        ("#gelöst Toner getauscht", "resolve", "Toner getauscht"),
        ("#rückfrage Welcher Raum?", "pending", "Welcher Raum?"),
        ("#schließen", "close", ""),
    ],
)
def test_a_technician_orders(text: str, verb: str, args: str) -> None:
    reading = by_technician(text)
    assert said(reading) == [(verb, args)]
    assert (reading.faulty, reading.text, reading.misplaced) == (False, "", None)


@pytest.mark.parametrize("text", ["take", "resolve done", "Close", "#1 is broken", "## heading", "# heading", "#", "#-take", "#_take"])
def test_a_technicians_bare_words_are_a_reply(text: str) -> None:
    assert by_technician(text) == Reading((), text)


@pytest.mark.parametrize(
    ("text", "error", "instead"),
    [
        ("#tkae", "unknown-verb", "#take"),
        ("#resolved It prints.", "unknown-verb", "#resolve It prints."),
        ("#asign maria", "unknown-verb", "#assign maria"),
        ("#tkae it", "unknown-verb", "#take"),
        ("#xyzzy", "unknown-verb", ""),
        ("#accept", "unknown-verb", ""),
        ("#take it", "takes-nothing", "#take"),
        ("#assign", "needs-words", verbs(T)["assign"].example),
        ("#resolve", "needs-words", verbs(T)["resolve"].example),
        ("#resolve\n\n  \n", "needs-words", verbs(T)["resolve"].example),
        ("#pending", "needs-words", verbs(T)["pending"].example),
        ("#note", "needs-words", verbs(T)["note"].example),
    ],
)
def test_a_wrong_line_is_shown_with_one_that_would_work(text: str, error: str, instead: str) -> None:
    (command,) = by_technician(text).commands
    assert (command.error, command.instead) == (error, instead)


def test_two_verbs_that_take_the_rest_are_both_wrong() -> None:
    reading = by_technician("#take\n#note Third time.\n#resolve Toner.\nIt prints.")
    assert [(one.verb, one.error) for one in reading.commands] == [
        ("take", None), ("note", "two-take-the-rest"), ("resolve", "two-take-the-rest"),
    ]  # fmt: skip
    assert reading.text == "It prints."


def test_a_verb_below_the_text_is_misplaced() -> None:
    assert by_technician("It prints again.\n\n#close\n").misplaced == "#close"
    assert by_technician("#resolve It prints again.\nThe toner was empty.\n#close").misplaced == "#close"
    assert by_technician("Hello\n  #SCHLIESSEN\n#Übernehmen jetzt").misplaced == "#Übernehmen jetzt"


def test_a_verb_of_a_later_release_is_misplaced_as_well() -> None:
    assert by_technician("It prints again.\n#priority P1").misplaced == "#priority P1"


def test_what_only_looks_like_a_verb_is_not_misplaced() -> None:
    assert by_technician("See\n#1 foo\n##\n#hashtag\n# close\nticket #close").misplaced is None
    assert by_requester("It fails.\n#accept").misplaced is None


def test_no_command_is_read_behind_the_twentieth() -> None:
    reading = by_requester("status\n" * 300)
    assert len(reading.commands) == 21
    assert reading.commands[-1].error == "too-many-commands"
    assert not by_requester("status\n" * 20).faulty


# ------------------------------------------------------------------------------------------------------------------- taps


@pytest.mark.parametrize(
    ("verb", "text", "grammar", "commands", "rest"),
    [
        ("accept", "", R, [("accept", "")], ""),
        ("accept", "Thanks!", R, [("accept", "")], "Thanks!"),
        ("accept", "accept", R, [("accept", "")], ""),
        ("reject", "It fails.\nStill.", R, [("reject", "")], "It fails.\nStill."),
        ("reject", "reject it fails", R, [("reject", "it fails")], ""),
        ("yolo", "Hello", R, [], "Hello"),
        ("take", "", T, [("take", "")], ""),
        ("resolve", "Toner.\n\nIt prints.", T, [("resolve", "Toner.\n\nIt prints.")], ""),
        ("assign", "Tina", T, [("assign", "Tina")], ""),
        ("close", "Bye", T, [("close", "")], "Bye"),
    ],
)
def test_a_tap_reads_as_if_its_word_stood_above_the_text(
    verb: str, text: str, grammar: Grammar, commands: list[tuple[str, str]], rest: str
) -> None:
    reading = tapped(verb, text, grammar, synonyms=WORDS)
    assert (said(reading), reading.faulty, reading.text) == (commands, False, rest)


def test_a_tap_does_not_carry_a_technicians_commands_to_the_requester() -> None:
    assert said(tapped("take", "#note He is rude.", T)) == [("take", ""), ("note", "He is rude.")]
    assert tapped("take", "Hello\n#note He is rude.", T).misplaced == "#note He is rude."
    assert tapped("accept", "Hello", T).commands[0].error == "unknown-verb"
    assert tapped("resolve", "", T).commands[0].error == "needs-words"


# ------------------------------------------------------------------------------------------------------------ properties


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: f"{verb.grammar}-{verb.word}")
def test_the_example_of_each_verb_works(verb: object) -> None:
    example_of = next(one for one in VERBS if one is verb)
    (command,) = read(example_of.example, example_of.grammar, bare=True).commands
    assert (command.verb, command.error) == (example_of.word, None)
    assert not example_of.needed or command.args


@settings(max_examples=150)
@given(some.text(max_size=200), some.sampled_from(Grammar), some.booleans())
@example("#", R, True)
@example("#\u0308", T, True)
@example("mute\u2028off", R, True)
def test_any_text_is_read(text: str, grammar: Grammar, bare: bool) -> None:
    reading = read(text, grammar, bare=bare, synonyms=WORDS)
    assert not (grammar is R and reading.misplaced)
    assert {one.verb for one in reading.commands if one.ok} <= verbs(grammar).keys()
    assert all(not one.instead or read(one.instead, grammar, bare=True).commands[0].ok for one in reading.commands)


_LINES = some.lists(
    some.sampled_from(["accept", "#take", "#note", "#resolve x", "Hello", "", "#tkae", "##", "#close now", "mute off", "#assign me"]),
    max_size=6,
)


@settings(max_examples=150)
@given(_LINES, some.sampled_from(Grammar))
def test_every_line_is_a_command_or_text_or_blank(lines: list[str], grammar: Grammar) -> None:
    reading = read("\n".join(lines), grammar, bare=True)
    told = [one.line for one in reading.commands]
    for one in reading.commands:
        if one.ok and verbs(grammar)[one.verb].takes is Takes.REST:
            told += one.args.removeprefix(one.line.partition(" ")[2]).splitlines()
    assert [line for line in lines if line] == [line for line in [*told, *reading.text.splitlines()] if line] or reading.misplaced


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "#" * 1_000_000,
        "#resolve " + "x" * 1_000_000,
        "#take " + " " * 1_000_000,
        "#take" + "." * 1_000_000,
        "#take," + "x" * 1_000_000,
        "Hello\n#take," + "x" * 1_000_000,
        "accept " + "." * 1_000_000,
        "accept" + "!" * 1_000_000,
        "#x\n" * 300_000,
        "Hello\n" + "#x\n" * 300_000,
        "status\n" * 140_000,
        "\n" * 1_000_000,
        "#a" + "\u0301\u0316" * 400_000,
        "\u0301\u0316" * 400_000,
    ],
    ids=lambda text: f"{text[:8]!r}",
)
def test_a_megabyte_is_read_in_linear_time(text: str) -> None:
    started = time.process_time()
    for grammar in Grammar:
        reading = read(text, grammar, bare=True, synonyms=WORDS)
        suggestion((reading.misplaced or "#").lstrip("#"), grammar)
    assert time.process_time() - started < 10


# ------------------------------------------------------------------------------------------------------------ did you mean


def slips(word: str) -> set[str]:
    """The word with a letter left out, typed twice, or changed places with the next."""
    left_out = {word[:at] + word[at + 1 :] for at in range(len(word))}
    twice = {word[:at] + word[at] + word[at:] for at in range(len(word))}
    swapped = {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)}
    return left_out | twice | swapped


@pytest.mark.parametrize("grammar", Grammar)
def test_a_slip_of_the_finger_finds_its_verb_in_english_and_german(grammar: Grammar) -> None:
    known = verbs(grammar)
    words = {word: verb for word, verb in WORDS.items() if verb in known} | {word: word for word in known}
    typed = [(slip, verb) for word, verb in words.items() for slip in slips(word) if slip not in words and len(slip) > 1]
    found = [suggestion(slip, grammar, synonyms=WORDS) == known[verb].example for slip, verb in typed]
    # Some slips lie halfway between two words.
    assert sum(found) >= 0.98 * len(typed)


@pytest.mark.parametrize(
    ("text", "may"),
    [("#kb", True), ("Thanks.\n#KB Title", True), ("#Wissen", True), ("#zurückholen", True), ("#zuru\u0308ckholen", True), ("kb", False),
     ("#close", False), ("", False)],
)  # fmt: skip
def test_whoever_may_name_a_verb_is_noticed(text: str, may: bool) -> None:
    assert may_name(text, {"wissen": "kb", "zurückholen": "kb", "schließen": "close"}, "kb") is may


def test_a_solution_that_begins_with_a_salutation_keeps_its_comma() -> None:
    (resolve,) = read("#resolve: Dear Ann,\nit prints again.", Grammar.TECHNICIAN, bare=False).commands
    assert resolve.args == "Dear Ann,\nit prints again."
