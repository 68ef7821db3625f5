"""Could two tickets be about the same matter? By who asks and by what their subjects say; that they are is for a technician to decide."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from mailgate.desk.letters import Likeness
from mailgate.desk.model import Address, Directory, TicketId

_LONGEST = 200
_MOST = 3
# Of all words that stand in one subject or the other, so many stand in both.
_ENOUGH = 0.6
_WORD = re.compile(r"\w+")


class Candidate(Struct, frozen=True):
    """An open ticket that another one could be the same as."""

    id: TicketId
    requester: Address
    subject: str


def suspects(requester: Address, subject: str, candidates: Iterable[Candidate], people: Directory) -> tuple[Likeness, ...]:
    """Those that are probably the same, the oldest first and at most three, each with the reason."""
    words, house, found = _words(subject), people.organisation(requester), []
    for one in candidates:
        if one.requester == requester:
            because = "same-requester"
        elif house is not None and people.organisation(one.requester) is house:
            because = "same-organisation"
        else:
            continue
        if alike(words, _words(one.subject)):
            found.append(Likeness(one.id, because))
    return tuple(sorted(found, key=lambda one: one.ticket)[:_MOST])


def alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two subjects, as their words, say nearly the same."""
    return bool(one and other) and len(one & other) >= _ENOUGH * len(one | other)


def _words(subject: str) -> frozenset[str]:
    return frozenset(_WORD.findall(subject[:_LONGEST].casefold()))
