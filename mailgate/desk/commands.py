"""Which commands does a freshly written text open with? Reads lines into verbs; whether they may be done is for authority and workflow.

The text handed in is what the sender newly wrote, never a quote. Reading stops at the first line that is no command.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk.macros import Macros
from mailgate.desk.policy import WORDS
from mailgate.desk.workflow import Grammar, Takes, Verb, verbs

if TYPE_CHECKING:
    from mailgate.desk.plans import OwnStatus

# A `#` and a word that starts with a letter: `#1` and `##` are nobody's verb. At most 32 characters (some programs write an umlaut as two),
# final punctuation, then a blank, a colon or a comma before whatever follows. One pass.
_HASH = re.compile(r"#(?P<word>[^\W\d_][\w\u0300-\u036f-]{0,31})[.!;)]{0,9}(?P<rest>(?:[\s:,].*)?)$", re.DOTALL)
_PUNCTUATION = " \t.!,;:)"
# What takes nothing, or hardly anything: words behind it are not what was meant.
_ALONE = (Takes.NOTHING, Takes.SWITCH, Takes.NUMBER)
# What stands below these is theirs, and no answer.
_SWALLOWING = (Takes.BELOW, Takes.MARK)
_LONGEST_LINE = 1000
# Nobody orders more at once; whoever writes a thousand lines of `help` wants something else.
_MOST_COMMANDS = 20


class Command(Struct, frozen=True):
    """One command line. `line` is the line as it was written; `error` says what is wrong with it, `instead` a line that would work.

    `within` is the line of a macro that the command comes from; then `line` is the one that names the macro.
    """

    verb: str
    args: str
    line: str
    error: str | None = None
    instead: str = ""
    within: str = ""

    @property
    def ok(self) -> bool:
        """Whether it reads as a command."""
        return self.error is None


class Reading(Struct, frozen=True):
    """The commands at the top, and the text below them. A REST verb's text is in its `args` and no longer in `text`.

    `misplaced` is the first line below the top that would have been a technician's command there.
    """

    commands: tuple[Command, ...] = ()
    text: str = ""
    misplaced: str | None = None

    @property
    def faulty(self) -> bool:
        """Whether one line is wrong, so that nothing may be done."""
        return any(not command.ok for command in self.commands)


def read(
    text: str, grammar: Grammar, *, bare: bool, synonyms: Mapping[str, str] | None = None, own: tuple[OwnStatus, ...] = (),
    macros: Macros | None = None,
) -> Reading:  # fmt: skip
    """The commands with which `text` opens.

    `bare` allows a requester's word without `#`, alone on its line (final punctuation is ignored; a verb that takes a reason may have one).
    `synonyms` maps a localised word to its verb, `own` are the statuses whose verbs technicians may say. The commands of a macro follow
    the line that names it, its text stands above what is written below; without `macros` the line stays as it is. Linear in the length of
    the text; never raises.
    """
    known = verbs(grammar, own)
    lines = text.splitlines()
    commands: list[Command] = []
    canned: list[str] = []
    # `at` is where the rest of the text begins, `behind` the line behind the last command; what lies between is blank.
    at = behind = 0
    for at, line in enumerate(lines):
        if not line.strip():
            continue
        command = _command(line.strip(), grammar, known, synonyms or {}, bare=bare)
        if command is None:
            break
        if len(commands) == _MOST_COMMANDS:
            commands.append(Command(command.verb, command.args, command.line, "too-many-commands"))
            break
        if command.verb == "macro" and command.ok and macros is not None:
            commands += _expanded(command, macros, known, synonyms or {}, canned)
        else:
            commands.append(command)
        behind = at + 1
    else:
        at = behind = len(lines)
    rest = "\n" * (at - behind) + "\n".join(lines[at:]).rstrip("\n")
    return _with_rest(commands, rest, grammar, known, synonyms or {}, canned)


def _expanded(
    command: Command, macros: Macros, known: Mapping[str, Verb], synonyms: Mapping[str, str], canned: list[str]
) -> list[Command]:  # fmt: skip
    """The line that names a macro, and the commands that come with it; its text is added to `canned`."""
    macro = macros.find(command.args)
    if macro is None:
        return [replace(command, error="unknown-macro", instead=macros.nearest(command.args))]
    lines = [line.strip() for line in macro.commands.splitlines() if line.strip()]
    inner = [_command(line, Grammar.TECHNICIAN, known, synonyms, bare=False) for line in lines]
    if macro.broken or any(one is None or one.verb == "macro" for one in inner):
        return [replace(command, error="broken-macro")]
    canned += [macro.text] if macro.text else []
    within = (replace(one, line=command.line, within=line) for one, line in zip(inner, lines, strict=True) if one is not None)
    return [replace(command, args=macro.name), *within]


def tapped(
    verb: str, text: str, grammar: Grammar, *, synonyms: Mapping[str, str] | None = None, own: tuple[OwnStatus, ...] = (),
    macros: Macros | None = None,
) -> Reading:  # fmt: skip
    """The reading of a mail to a one-tap address, as if the verb stood above its text (which may be empty); never raises.

    Whoever wrote the word as well said it once. A word that is no verb is wrong from a technician, whose text would go to the requester,
    and nothing from a requester.
    """
    known = verbs(grammar, own).get(verb)
    if known is not None and known.takes in _SWALLOWING:
        # What answers an article is the article, whatever its lines begin with; and a mark is said with whatever stands below it.
        return Reading((Command(verb, f"\n{text}", f"#{verb}"),))
    written = read(text, grammar, bare=True, synonyms=synonyms, own=own, macros=macros)
    if known is None and grammar is Grammar.TECHNICIAN:
        instead = suggestion(verb, grammar, synonyms=synonyms, own=own)
        return Reading((Command(verb, "", f"#{verb}", "unknown-verb", instead), *written.commands), written.text)
    if known is None or any(command.verb == verb for command in written.commands):
        return written
    # A person stands on the verb's own line, a reason or a solution may as well stand below it.
    between = " " if known.takes in (Takes.PERSON, Takes.NUMBER, Takes.TICKET) else "\n"
    return read(f"#{verb}{between}{text}", grammar, bare=True, synonyms=synonyms, own=own, macros=macros)


def borrowed(verb: str, text: str) -> Reading:
    """The reading of a technician's mail to a one-tap address that was made for somebody else: one wrong line, whatever the text says."""
    known = verbs(Grammar.TECHNICIAN).get(verb)
    return Reading((Command(verb, "", f"#{verb}", "not-your-button", known.example if known else "#help"),), text)


def may_name(text: str, synonyms: Mapping[str, str], *known: str) -> bool:
    """Whether commands in a technician's text may be among these verbs: cheap, and never wrong with a no. For what has to be looked up."""
    if "#" not in text:
        return False
    folded = unicodedata.normalize("NFC", text).lower()
    return any(verb in folded for verb in known) or any(word in folded for word, verb in synonyms.items() if verb in known)


def suggestion(word: str, grammar: Grammar, *, synonyms: Mapping[str, str] | None = None, own: tuple[OwnStatus, ...] = ()) -> str:
    """The verb most like this word, in whichever language, as a line that would work; empty where none is near."""
    return _nearest(word, verbs(grammar, own), synonyms or {})


def _nearest(word: str, known: Mapping[str, Verb], synonyms: Mapping[str, str], args: str = "") -> str:
    """The verb most like this word, with what was written behind it, else with an example; empty where none is near."""
    said = {one: verb for one, verb in synonyms.items() if verb in known} | {one: one for one in known}
    # A short word that was mistyped shares less with what was meant.
    near = get_close_matches(_folded(word[:32]), said, n=1, cutoff=0.6 if len(word) > 3 else 0.5)
    if not near:
        return ""
    verb = known[said[near[0]]]
    return verb.example if verb.takes in _ALONE or not args else f"{verb.example.split()[0]} {args}"[:_LONGEST_LINE]


def _command(line: str, grammar: Grammar, known: Mapping[str, Verb], synonyms: Mapping[str, str], *, bare: bool) -> Command | None:
    if len(line) > _LONGEST_LINE and not line.startswith("#"):
        return None
    hashed = _HASH.match(line)
    if hashed:
        word = _folded(hashed["word"])
        verb = known.get(synonyms.get(word, word))
        if verb is None:
            if grammar is not Grammar.TECHNICIAN:
                return None
            return Command(word, "", line, "unknown-verb", _nearest(word, known, synonyms, hashed["rest"].strip(" \t:,")))
        # What begins a solution, such as "Dear Ann,", keeps its comma.
        rest = hashed["rest"].lstrip(" \t:,")
        return _argued(verb, rest.rstrip() if verb.takes is Takes.REST else rest.rstrip(" \t:,"), line)
    if not bare or grammar is Grammar.TECHNICIAN:
        return None
    head, *tail = line.split(None, 1)
    args = tail[0] if tail and tail[0].strip(_PUNCTUATION) else ""
    word = _folded(head.rstrip(_PUNCTUATION))
    verb = known.get(synonyms.get(word, word))
    if verb is None or (args and not _may_carry(verb, args)):
        return None
    return _argued(verb, args, line)


def _may_carry(verb: Verb, args: str) -> bool:
    """Whether these words may follow the verb without a `#`, so that `status of my order` is a sentence and `mute off` is none."""
    match verb.takes:
        case Takes.NOTHING:
            return False
        case Takes.SWITCH:
            return _off(args)
        case Takes.COPY:
            return args.partition(" ")[0].lower() in ("add", "remove")
        case Takes.MARK:
            return args[0].isdigit()
        case _:
            return True


def _argued(verb: Verb, args: str, line: str) -> Command:
    match verb.takes:
        case Takes.REST | Takes.BELOW | Takes.MARK:
            # Whether anything is missing shows when the text below is known.
            return Command(verb.word, args, line)
        case Takes.SWITCH if _off(args):
            return Command(verb.word, "off", line)
        case Takes.NUMBER if args.strip(_PUNCTUATION).isdecimal():
            return Command(verb.word, args.strip(_PUNCTUATION), line)
        case Takes.NOTHING | Takes.SWITCH | Takes.NUMBER if args.strip(_PUNCTUATION):
            return Command(verb.word, args, line, "takes-nothing", verb.example)
        case Takes.NOTHING | Takes.SWITCH | Takes.NUMBER:
            return Command(verb.word, "", line)
        case _:
            return Command(verb.word, args, line, *_missing(verb, args))


def _off(args: str) -> bool:
    return args.rstrip(_PUNCTUATION).lower() == "off"


def _folded(word: str) -> str:
    """A word in the form in which verbs and synonyms stand: lower case, an umlaut as one character."""
    return unicodedata.normalize("NFC", word[:64]).lower()


def _missing(verb: Verb, args: str) -> tuple[str | None, str]:
    return ("needs-words", verb.example) if verb.needed and not args.strip() else (None, "")


def _with_rest(
    commands: list[Command], rest: str, grammar: Grammar, known: Mapping[str, Verb], synonyms: Mapping[str, str], canned: list[str]
) -> Reading:  # fmt: skip
    misplaced, below = None, rest.lstrip("\n")
    if grammar is Grammar.TECHNICIAN:
        misplaced = next((line.strip() for line in below.splitlines() if _is_known(line.strip(), known, synonyms)), None)
    if canned:
        # What stands in a macro is no line that somebody has put in the wrong place.
        rest = below = "\n\n".join(filter(None, (*canned, below)))
    takers = _takers(commands, known, Takes.REST) or _takers(commands, known, *_SWALLOWING)
    if len(takers) > 1:
        for at in takers:
            one = commands[at]
            commands[at] = replace(one, error="two-take-the-rest", instead=known[one.verb].example)
        return Reading(tuple(commands), below, misplaced)
    if takers:
        one = commands[takers[0]]
        args = f"{one.args}\n{rest}".strip("\n") if known[one.verb].takes is Takes.REST else f"{one.args}\n{below}"
        error, instead = _missing(known[one.verb], args)
        commands[takers[0]] = replace(one, args=args, error=error, instead=instead)
        below = ""
    return Reading(tuple(commands), below, misplaced)


def _takers(commands: list[Command], known: Mapping[str, Verb], *takes: Takes) -> list[int]:
    """Where the commands stand that take text of this kind."""
    return [at for at, command in enumerate(commands) if command.ok and known[command.verb].takes in takes]


def _is_known(line: str, known: Mapping[str, Verb], synonyms: Mapping[str, str]) -> bool:
    hashed = _HASH.match(line[:_LONGEST_LINE]) if line.startswith("#") else None
    word = _folded(hashed["word"]) if hashed else ""
    # A word of a later release is a command as well; it must not reach the requester.
    return synonyms.get(word, word) in known or word in WORDS or _swapped(word, (*known, *synonyms))


def _swapped(word: str, known: tuple[str, ...]) -> bool:
    """Whether a slip of the fingers made this of a verb: `noet` must not reach the requester with what stands behind it."""
    return len(word) > 3 and any(len(one) == len(word) and sorted(one) == sorted(word) for one in known)
