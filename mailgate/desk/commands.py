"""Which commands does a freshly written text open with? Reads lines into verbs; whether they may be done is for authority and workflow.

The text handed in is what the sender newly wrote, never a quote. Reading stops at the first line that is no command.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from mailgate.desk.workflow import Grammar, Takes, Verb, verbs

# A `#` and a word that starts with a letter: `#1` and `##` are nobody's verb. At most 32 characters, one pass.
_HASH = re.compile(r"#(?P<word>[^\W\d_][\w-]{0,31})(?P<rest>(?:[\s:,].*)?)$", re.DOTALL)
_PUNCTUATION = " \t.!,;:)"
_LONGEST_LINE = 1000


@dataclass(frozen=True, slots=True)
class Command:
    """One command line. `line` is the line as it was written; `error` says what is wrong with it, `instead` a line that would work."""

    verb: str
    args: str
    line: str
    error: str | None = None
    instead: str = ""

    @property
    def ok(self) -> bool:
        """Whether it reads as a command."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class Reading:
    """The commands at the top, and the text below them. A REST verb's text is in its `args` and no longer in `text`.

    `misplaced` is the first line below the top that would have been a command there.
    """

    commands: tuple[Command, ...] = ()
    text: str = ""
    misplaced: str | None = None

    @property
    def faulty(self) -> bool:
        """Whether one line is wrong, so that nothing may be done."""
        return any(not command.ok for command in self.commands)


def read(text: str, grammar: Grammar, *, bare: bool, synonyms: Mapping[str, str] | None = None) -> Reading:
    """The commands with which `text` opens.

    `bare` allows a requester's word without `#`, alone on its line (final punctuation is ignored; a verb that takes a reason may carry one).
    `synonyms` maps a localised word to its verb. Linear in the length of the text; never raises.
    """
    known = verbs(grammar)
    lines = text.splitlines()
    commands: list[Command] = []
    at = 0
    for at, line in enumerate(lines):  # noqa: B007 - `at` is where the rest of the text begins
        if not line.strip():
            continue
        command = _command(line.strip(), grammar, known, synonyms or {}, bare=bare)
        if command is None:
            break
        commands.append(command)
    else:
        at = len(lines)
    rest = "\n".join(lines[at:]).strip("\n")
    return _with_rest(commands, rest, grammar, known, synonyms or {})


def tapped(verb: str, text: str, grammar: Grammar) -> Reading | None:
    """The reading of a mail to a one-tap address, whose text (it may be empty) is what the verb takes; None for a word that is no verb."""
    known = verbs(grammar).get(verb)
    if known is None:
        return None
    args = " ".join(text.split()) if known.takes in (Takes.REASON, Takes.PERSON) else text.strip()
    taken = known.takes is not Takes.NOTHING
    command = Command(verb, args if taken else "", f"#{verb}", *_missing(known, args if taken else ""))
    return Reading((command,), "" if taken else text)


def suggestion(word: str, grammar: Grammar) -> str:
    """The verb most like this word, as a line that would work; empty where none is near."""
    known = verbs(grammar)
    near = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return known[near[0]].example if near else ""


def _command(line: str, grammar: Grammar, known: Mapping[str, Verb], synonyms: Mapping[str, str], *, bare: bool) -> Command | None:
    if len(line) > _LONGEST_LINE and not line.startswith("#"):
        return None
    hashed = _HASH.match(line)
    if hashed:
        word = hashed["word"].lower()
        verb = known.get(synonyms.get(word, word))
        if verb is None:
            if grammar is Grammar.REQUESTER:
                return None
            return Command(word, "", line, "unknown-verb", suggestion(word, grammar))
        return _argued(verb, hashed["rest"].strip(" \t:,"), line)
    if not bare or grammar is not Grammar.REQUESTER:
        return None
    head, _, tail = line.partition(" ")
    word = head.rstrip(_PUNCTUATION).lower()
    verb = known.get(synonyms.get(word, word))
    if verb is None or (tail.strip(_PUNCTUATION) and verb.takes is Takes.NOTHING):
        return None
    return _argued(verb, tail.strip() if tail.strip(_PUNCTUATION) else "", line)


def _argued(verb: Verb, args: str, line: str) -> Command:
    if args and verb.takes is Takes.NOTHING:
        # `mute off` is the one word that may follow a verb without arguments of its own.
        if verb.word == "mute" and args.rstrip(_PUNCTUATION).lower() == "off":
            return Command(verb.word, "off", line)
        return Command(verb.word, args, line, "takes-nothing", verb.example)
    if verb.takes is Takes.REST:
        return Command(verb.word, args, line)
    return Command(verb.word, args, line, *_missing(verb, args))


def _missing(verb: Verb, args: str) -> tuple[str | None, str]:
    return ("needs-words", verb.example) if verb.needed and not args.strip() else (None, "")


def _with_rest(
    commands: list[Command], rest: str, grammar: Grammar, known: Mapping[str, Verb], synonyms: Mapping[str, str]
) -> Reading:
    misplaced = None
    if grammar is Grammar.TECHNICIAN:
        misplaced = next((line.strip() for line in rest.splitlines() if _is_known(line.strip(), known, synonyms)), None)
    takers = [at for at, command in enumerate(commands) if command.ok and known[command.verb].takes is Takes.REST]
    if len(takers) > 1:
        for at in takers:
            one = commands[at]
            commands[at] = Command(one.verb, one.args, one.line, "two-take-the-rest", known[one.verb].example)
        return Reading(tuple(commands), rest, misplaced)
    if takers:
        one = commands[takers[0]]
        args = "\n".join(part for part in (one.args, rest) if part)
        commands[takers[0]] = Command(one.verb, args, one.line, *_missing(known[one.verb], args))
        rest = ""
    return Reading(tuple(commands), rest, misplaced)


def _is_known(line: str, known: Mapping[str, Verb], synonyms: Mapping[str, str]) -> bool:
    hashed = _HASH.match(line[:_LONGEST_LINE]) if line.startswith("#") else None
    return hashed is not None and synonyms.get(hashed["word"].lower(), hashed["word"].lower()) in known
