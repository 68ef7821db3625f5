"""What do the words mean that people type for a value: a priority, a level, a category, tags, an address?

Values in, values out; None where the words mean nothing. What to answer then is the command's question.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from mailgate.desk.model import Address, Directory, Level, Person, Priority, Team, fold_address

# What people type in English and German, in any case.
_PRIORITIES = {
    Priority.P1: ("p1", "1", "critical", "urgent", "very high", "kritisch", "dringend", "sehr hoch"),
    Priority.P2: ("p2", "2", "high", "hoch", "wichtig", "important"),
    Priority.P3: ("p3", "3", "medium", "normal", "mittel"),
    Priority.P4: ("p4", "4", "low", "niedrig", "gering"),
}
_LEVELS = {
    Level.HIGH: ("high", "hoch"),
    Level.MEDIUM: ("medium", "normal", "mittel"),
    Level.LOW: ("low", "niedrig", "gering"),
}
_PRIORITY_OF = {word: value for value, words in _PRIORITIES.items() for word in words}
_LEVEL_OF = {word: value for value, words in _LEVELS.items() for word in words}
# What may be an address in a command; whether a letter can go there shows when one is written.
_ADDRESS = re.compile(r"[^\s@,;:<>()\"]{1,64}@[^\s@,;:<>()\"]{1,190}")
_TAG = re.compile(r"[\w][\w.:/-]{0,39}")
_MOST_TAGS = 20
_MOST_NAMED = 5


def priority(words: str) -> Priority | None:
    """`P2`, `2` or `high`."""
    return _PRIORITY_OF.get(_folded(words))


def level(words: str) -> Level | None:
    """`high`, `medium` or `low`."""
    return _LEVEL_OF.get(_folded(words))


def named(words: str, names: Iterable[str]) -> str | None:
    """The one of these names that the words name: whole, or by its last part (`Printer` of `Hardware/Printer`), or by its beginning."""
    wanted, known = _folded(words), list(names)
    for fits in (_is_whole, _is_last_part, str.startswith):
        found = [name for name in known if wanted and fits(name.casefold(), wanted)]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def nearest(words: str, names: Iterable[str]) -> str:
    """The name most like these words, else the first one; empty where there is none."""
    known = {name.casefold(): name for name in names}
    near = get_close_matches(_folded(words)[:60], known, n=1, cutoff=0.4)
    return known[near[0]] if near else next(iter(known.values()), "")


def tags(words: str, present: tuple[str, ...]) -> tuple[str, ...] | None:
    """The tags after `vip, -old`: what is named is added, with `-` before it taken away. None where a word is no tag, or too many are."""
    after = dict.fromkeys(present)
    for word in words.replace(",", " ").casefold().split():
        bare = word.lstrip("+-#")
        if not _TAG.fullmatch(bare):
            return None
        if word.startswith("-"):
            after.pop(bare, None)
        else:
            after[bare] = None
    return tuple(after) if len(after) <= _MOST_TAGS else None


def address(words: str) -> Address | None:
    """The address that stands there alone, in pointed brackets, or behind a name: `Anna Weber <anna@example.com>`."""
    _, bracket, behind = words.rpartition("<")
    bare = (behind if bracket else words).strip(' \t<>.!,;:"').removeprefix("mailto:")
    return fold_address(bare) if _ADDRESS.fullmatch(bare) else None


def persons(words: str, people: Directory) -> tuple[Person, ...]:
    """Whom an address names, whoever that is, or those of the directory whom a name, or its beginning, names."""
    known = address(words)
    return (people.person(known),) if known else named_people(words, people.people)


def person(words: str, people: Directory) -> Person | None:
    """Whom an address names, whoever that is, or a whole name: somebody of the directory, and nobody else of that name."""
    known = address(words)
    if known:
        return people.person(known)
    wanted = _folded(words)
    found = [one for one in people.people if wanted and one.name.casefold() == wanted]
    return found[0] if len(found) == 1 else None


def named_people(words: str, people: Iterable[Person]) -> tuple[Person, ...]:
    """Those of these people whom an address, a name, or the beginning of a name or of an address names; whole names count first."""
    wanted, among = _folded(words).replace('"', ""), tuple(people)
    whole = address(words) or wanted
    exact = tuple(one for one in among if whole in one.addresses or (wanted and wanted == one.name.casefold()))
    if exact or not wanted:
        return exact
    return tuple(one for one in among if any(part.startswith(wanted) for part in _parts(one)))


def _parts(person: Person) -> tuple[str, ...]:
    name = person.name.casefold()
    return (name, *name.split(), *person.addresses)


def labels(people: Iterable[Person]) -> str:
    """Names with addresses, the first few of them."""
    known = [f"{one.name} <{one.address}>" if one.name else one.address for one in people]
    return ", ".join(known[:_MOST_NAMED]) + (", …" if len(known) > _MOST_NAMED else "")


def team(words: str, teams: tuple[Team, ...]) -> Team | None:
    """The team of that name or beginning, or the first of the level `L2`."""
    wanted = _folded(words)
    if re.fullmatch(r"l?[1-9]", wanted):
        return next((one for one in teams if one.level == int(wanted[-1])), None)
    name = named(words, (one.name for one in teams))
    return next((one for one in teams if one.name == name), None)


def _folded(words: str) -> str:
    return " ".join(words.strip(" \t.!,;:").casefold().split())


def _is_whole(name: str, wanted: str) -> bool:
    return name == wanted


def _is_last_part(name: str, wanted: str) -> bool:
    return name.rpartition("/")[2] == wanted
