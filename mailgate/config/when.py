"""How is a condition of policy.toml read? Each kind of rule has its own keys, for what is known when it is asked."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from mailgate.config import scalars
from mailgate.config.reader import Bad, Node, Reader, Table, choice, known, line, quoted, some
from mailgate.config.rules import Names
from mailgate.desk.model import Level, Priority, State
from mailgate.desk.plans import ALWAYS, Patterns, When

# What can be asked of a mail that is no ticket yet, of a ticket, and of a clock of a ticket.
MAIL = ("subject", "text", "sender", "recipient", "headers", "organisation", "desk", "source")
TICKET = (
    "subject", "category", "organisation", "desk", "team", "source", "type", "service", "tag",
    "priority", "impact", "urgency", "state", "status",
)  # fmt: skip
CLOCK = ("metric", *TICKET)


def read_when(table: Table, names: Names, keys: Collection[str]) -> When:
    """The condition under `when`, of these keys; one that always holds where there is none."""
    if "when" not in table:
        table.asked["when"] = None
        return ALWAYS
    when, readers = table.table("when"), _readers(names)
    for key, value in when.data.items():
        if value in ([], {}):
            # An empty list would be a condition that always holds, which nobody means who writes it.
            when.fault(key, "asks for nothing; leave the key out")
    return When(**{key: when.get(key, readers[key], ()) for key in keys})


def _readers(names: Names) -> dict[str, Reader[tuple[Any, ...]]]:
    patterns, words, level = some(scalars.pattern), some(line), some(choice(Level))
    return {
        "subject": patterns,
        "text": some(scalars.long_pattern),
        "sender": patterns,
        "recipient": patterns,
        "headers": _patterns_by_name,
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
        "metric": some(known(names.metrics, "metric")),
    }


def _patterns_by_name(node: Node) -> tuple[tuple[str, Patterns], ...]:
    """A table of regular expressions by the name of the header that they are searched in."""
    table = node.table()
    wrong = [name for name in table.data if not scalars.is_field_name(name)]
    if wrong:
        raise Bad(f"{quoted(wrong[0])} is no name of a header")
    return tuple((name.lower(), table.get(name, some(scalars.pattern), ())) for name in table.data)
