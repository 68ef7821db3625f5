"""Can a regular expression run away over a text that somebody wrote to make it? Counted from its parts, before it is ever searched.

A search tries the ways in which the repeats of a pattern can share a text between them: one more `.*` is as many times more ways as the
text is long, and a repeat within a repeat has no bound at all. The count is an upper bound in powers of two; alternatives that stand
once count as one, since they rarely begin alike. `desk/conditions` says how long the texts are, and leaves no two blanks in a row there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import factorial, log2
from re import _parser  # type: ignore[attr-defined]
from typing import Any

# So many ways take a second or two.
_MOST = log2(1e9)
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
_START = ("AT_BEGINNING", "AT_BEGINNING_STRING")
_BLANKS = frozenset(map(ord, " \t"))


def runs_away(pattern: str, longest: int) -> bool:
    """Whether searching the pattern in `longest` characters could take more than seconds. Raises what `re.compile` does."""
    parts = list(_parser.parse(pattern, re.IGNORECASE))
    starts = [] if parts and str(parts[0][1]) in _START else [log2(longest)]
    # Behind a repeat that comes last nothing can fail, so that it is not tried in another way.
    while parts and str(parts[-1][0]) in _REPEATS and not sum(_choices(parts[-1][1][2], longest, again=True)):
        parts.pop()
    choices = starts + _choices(parts, longest, again=False)
    # What is as long as the text is shared in an order: of three repeats the second begins where the first ends.
    shared = sum(one > log2(longest) - 1 for one in choices)
    return sum(choices) - log2(factorial(min(shared, 20))) > _MOST


def _choices(parts: Sequence[Any], longest: int, *, again: bool) -> list[float]:
    """How many choices each of these parts has, in powers of two; `again` where they stand within a repeat."""
    return [choice for part, value in parts for choice in _choices_of(str(part), value, longest, again=again)]


def _choices_of(part: str, value: Any, longest: int, *, again: bool) -> list[float]:
    match part:
        case "SUBPATTERN":
            return _choices(value[3], longest, again=again)
        case "ATOMIC_GROUP":
            return _choices(value, longest, again=again)
        case "ASSERT" | "ASSERT_NOT":
            return _choices(value[1], longest, again=again)
        case "BRANCH":
            return [*max((_choices(one, longest, again=again) for one in value[1]), key=sum), log2(len(value[1])) if again else 0.0]
        case "GROUPREF_EXISTS":
            return [choice for one in value[1:] if one for choice in _choices(one, longest, again=again)]
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return _repeated(value[0], value[1], value[2], longest)
        case _:
            return [0.0]


def _repeated(least: int, most: int, parts: Sequence[Any], longest: int) -> list[float]:
    """The choices within a repeat multiply with every round; how often it goes round is one more."""
    most = min(int(most), 1 if _blank(parts) else longest)
    rounds, within = log2(max(most - least, 0) + 1), _choices(parts, longest, again=most > 1)
    return [*within, rounds] if most <= 1 else [most * sum(within) + rounds]


def _blank(parts: Sequence[Any]) -> bool:
    """Whether what is repeated can be nothing but blanks, of which there is never more than one."""
    if len(parts) != 1:
        return False
    part, value = str(parts[0][0]), parts[0][1]
    if part == "IN":
        return all(str(what) == "CATEGORY_SPACE" or what in _BLANKS for _, what in value)
    return part == "LITERAL" and value in _BLANKS
