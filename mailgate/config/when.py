"""How is a condition of policy.toml read? Each kind of rule has its own keys, for what is known when it is asked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from mailgate.config import scalars
from mailgate.config.reader import Reader, Table, choice, known, line, some
from mailgate.desk.model import Level, Priority, State
from mailgate.desk.policy import ALWAYS, Metric, When

# What can be asked of a mail that is no ticket yet, of a ticket, and of a clock of a ticket.
MAIL = ("subject", "text", "sender", "recipient", "headers", "organisation", "desk", "source")
TICKET = (
    "subject", "category", "organisation", "desk", "team", "source", "type", "service", "tag",
    "priority", "impact", "urgency", "state", "status",
)  # fmt: skip
CLOCK = ("metric", *TICKET)


@dataclass(frozen=True, slots=True)
class Names:
    """What a rule may refer to by its name."""

    desks: Collection[str] = ()
    teams: Collection[str] = ()
    organisations: Collection[str] = ()
    calendars: Collection[str] = ()
    statuses: Collection[str] = ()


def read_when(table: Table, names: Names, keys: Collection[str]) -> When:
    """The condition under `when`, of these keys; one that always holds where there is none."""
    if "when" not in table:
        table.asked["when"] = None
        return ALWAYS
    when, readers = table.table("when"), _readers(names)
    return When(**{key: when.get(key, readers[key], ()) for key in keys})


def _readers(names: Names) -> dict[str, Reader[tuple[Any, ...]]]:
    patterns, words, level = some(scalars.pattern), some(line), some(choice(Level))
    return {
        "subject": patterns,
        "text": patterns,
        "sender": patterns,
        "recipient": patterns,
        "headers": scalars.patterns_by_name,
        "category": words,
        "organisation": some(known(names.organisations, "organisation")),
        "desk": some(known(names.desks, "desk")),
        "team": some(known(names.teams, "team")),
        "source": words,
        "type": words,
        "service": words,
        "tag": words,
        "priority": some(choice(Priority)),
        "impact": level,
        "urgency": level,
        "state": some(choice(State)),
        "status": some(known(names.statuses, "status")),
        "metric": some(choice(Metric)),
    }
