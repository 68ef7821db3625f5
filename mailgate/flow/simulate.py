"""What would other rules have made of the promises of some tickets? Reads their stories, ticket by ticket, and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import zip_longest

from msgspec import Struct

from mailgate.desk import account
from mailgate.desk.clock import ClockState
from mailgate.desk.model import Directory, Ticket
from mailgate.desk.policy import Desk, Policy, Security
from mailgate.desk.rules import Rules
from mailgate.store import people, story, tickets
from mailgate.store.engine import Store

Outcome = tuple[str, ClockState]


class Compared(Struct, frozen=True):
    """A ticket, and by metric how its clocks stand by the rules in force, and would by the others."""

    ticket: Ticket
    before: tuple[Outcome, ...]
    after: tuple[Outcome, ...]

    def differences(self) -> Iterator[tuple[str, ClockState | None, ClockState | None]]:
        """Each clock that would stand otherwise, by its metric; None where there would be none."""
        for metric in dict.fromkeys(metric for metric, _ in (*self.before, *self.after)):
            pairs = ((state for name, state in outcomes if name == metric) for outcomes in (self.before, self.after))
            yield from ((metric, old, new) for old, new in zip_longest(*pairs) if old is not new)


def compared(
    store: Store, desks: Sequence[Desk], policy: Policy, other: Policy, everybody: Directory, since: datetime, now: datetime
) -> Iterator[Compared]:  # fmt: skip
    """Every ticket opened since then, oldest first, with both outcomes as of `now`; both are counted from its story."""
    with store.look() as tx:
        everybody = people.directory(tx, everybody)
        numbers = story.opened_since(tx, since)
    for number in numbers:
        with store.look() as tx:
            ticket, events = tickets.get(tx, number), story.events(tx, number)
        if ticket is None or not events:
            continue
        desk = next((one for one in desks if one.name == ticket.desk), desks[0])
        ways = (Rules(desk, rules, Security(), everybody, tuple(desks)) for rules in (policy, other))
        yield Compared(ticket, *(_outcomes(account.replayed(number, events, rules), rules, now) for rules in ways))


def _outcomes(ticket: Ticket, rules: Rules, now: datetime) -> tuple[Outcome, ...]:
    return tuple((one.metric, account.outcome(one, rules.at(ticket.desk), now)) for one in ticket.clocks)
