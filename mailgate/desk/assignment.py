"""Who gets a new ticket where policy leaves that to the desk? Of its team whoever is there, can do it, and has had least to do for longest.

Values in, a person out. What each of them has to do is counted before, in the transaction that opens the ticket.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime

from msgspec import Struct, field

from mailgate.desk.absence import absent
from mailgate.desk.model import Address, Directory, Person
from mailgate.desk.policy import AssignBy

_WORD = re.compile(r"[\w.+#-]+")


class Load(Struct, frozen=True):
    """How many tickets somebody has that are neither resolved nor closed, and when he was given the last one (None: never)."""

    tickets: int = 0
    last: datetime | None = None


class Roster(Struct, frozen=True):
    """Who has how much to do, the day in the desk's time zone that absences are asked for, and who does not work at this hour."""

    today: date
    loads: Mapping[Address, Load] = field(default_factory=dict)
    off: frozenset[Address] = frozenset()


def chosen(team: str | None, about: Iterable[str], people: Directory, by: AssignBy, roster: Roster) -> Person | None:
    """The technician for a new ticket of this team, or None: policy says `hand`, or nobody of the team is there.

    `about` is what the ticket is about (category, service, tags); with `skill` those with the most skills for it come first, and where
    nobody has one, all are as good. Of equals whoever was given nothing for the longest time, then the first of people.toml. Where nobody
    works at this hour, somebody finds it in the morning.
    """
    if by is AssignBy.HAND:
        return None
    wanted = _words(about) if by is AssignBy.SKILL else frozenset()
    present = [person for person in people.members(team) if not absent(person, roster.today)]
    there = [person for person in present if person.address not in roster.off] or present

    def rank(person: Person) -> tuple[int, int, float]:
        load = roster.loads.get(person.address, Load())
        idle_since = load.last.timestamp() if load.last else float("-inf")
        return -len(wanted & _words(person.skills)), load.tickets, idle_since

    return min(there, key=rank, default=None)


def _words(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(word for text in texts for word in _WORD.findall(text.casefold()))
