"""Does a condition of policy.toml hold? Whoever has a rule with a `when` asks here, with the facts that are known. Looks nothing up.

A sender writes the text and an operator the pattern, and Python's patterns have no clock. So a pattern is searched in the beginning of a
text only, in which a run of blanks is one blank, and config/patterns refuses those that could still take long over so much of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from msgspec import Struct

from mailgate.desk.model import Address, Ticket
from mailgate.desk.plans import Patterns, When
from mailgate.desk.workflow import state_of

# So many characters of the body, and of every other text, a pattern is searched in.
MOST_TEXT = 10_000
MOST = 300
# A rule that asks for a header or a recipient looks at so many of them.
_MOST_FIELDS = 200


class Facts(Struct, frozen=True):
    """What may be asked of a mail, of its ticket where there is one, and of a clock of the ticket.

    `recipients` are those of the envelope and of the header, `headers` those that rules name, under lower-cased names.
    """

    subject: str = ""
    text: str = ""
    sender: Address = Address("")
    recipients: tuple[Address, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    organisation: str | None = None
    desk: str = ""
    source: str = "mail"
    ticket: Ticket | None = None
    metric: str | None = None


def holds(when: When, facts: Facts) -> bool:
    """Whether everything that the condition asks is so; what nobody knows is not so. An empty condition holds always."""
    return _of_mail(when, facts) and (not _asks_of_ticket(when) or _of_ticket(when, facts))


def asked(when: When) -> tuple[str, ...]:
    """The keys that the condition sets, in the order in which they are told."""
    return tuple(name for name in when.__struct_fields__ if getattr(when, name))


def _of_mail(when: When, facts: Facts) -> bool:
    return (
        _among(when.desk, facts.desk)
        and _among(when.source, facts.source)
        and _among(when.organisation, facts.organisation)
        and _found(when.sender, (facts.sender,))
        and _found(when.recipient, facts.recipients)
        and _found(when.subject, (facts.subject,))
        and all(_found(patterns, [value for one, value in facts.headers if one == name]) for name, patterns in when.headers)
        and _found(when.text, (facts.text,), MOST_TEXT)
    )


def _asks_of_ticket(when: When) -> bool:
    return bool(
        when.category or when.team or when.type or when.service or when.tag or when.priority or when.impact or when.urgency
        or when.state or when.status or when.metric
    )  # fmt: skip


def _of_ticket(when: When, facts: Facts) -> bool:
    ticket = facts.ticket
    return (
        ticket is not None
        and (not when.category or any(_globbed(glob, ticket.category) for glob in when.category))
        and _among(when.team, ticket.team)
        and _among(when.type, ticket.type)
        and _among(when.service, ticket.service)
        and (not when.tag or not set(when.tag).isdisjoint(ticket.tags))
        and _among(when.priority, ticket.priority)
        and _among(when.impact, ticket.impact)
        and _among(when.urgency, ticket.urgency)
        and _among(when.state, state_of(ticket.status))
        and _among(when.status, ticket.status_name)
        and _among(when.metric, facts.metric)
    )


def _among(wanted: tuple[str, ...], value: str | None) -> bool:
    return not wanted or value in wanted


def _globbed(glob: str, category: str | None) -> bool:
    return category is not None and fnmatchcase(category.lower(), glob.lower())


def _found(patterns: Patterns, texts: Iterable[str], most: int = MOST) -> bool:
    """Whether one of the patterns is found in one of the texts; without patterns nothing is asked."""
    if not patterns:
        return True
    beginnings = [_spaced(text[:most]) for text, _ in zip(texts, range(_MOST_FIELDS), strict=False)]
    return any(pattern.search(text) for pattern in patterns for text in beginnings)


def _spaced(text: str) -> str:
    """The text with one blank, or one line break, for each run of blanks: what many blanks cost is a pattern's worst case."""
    return "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip())
