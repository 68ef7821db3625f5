"""Do the tickets know the rules of this start? Where policy has changed, the clocks and timers of all that are not closed are put right.

A batch at each tick, so that no mail waits long. What is as it should be is left alone, so that it may be done twice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from msgspec import Struct
from msgspec.structs import astuple

from mailgate.desk import sla
from mailgate.desk.decide import SYSTEM
from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.events import Event, fold
from mailgate.desk.model import Ticket, TicketId
from mailgate.desk.rules import Rules
from mailgate.flow import effect, journal
from mailgate.flow.cause import Cause
from mailgate.flow.house import House
from mailgate.store import facts, people, story, tickets, timers
from mailgate.store.engine import Store, Tx

_BATCH = 50


@dataclass(slots=True)
class Replanner:
    """Brings tickets under the rules of this start. `clock` gives aware UTC; None: it is in doubt, and nothing may go by it."""

    store: Store
    house: House
    clock: Callable[[], datetime | None]
    # Up to which ticket everything is right; None: all is.
    _done: TicketId | None = field(init=False, default=TicketId(0))

    def tick(self) -> int:
        """Looks at one batch of tickets in one commit; returns how many were put right."""
        now = self.clock() if self._done is not None else None
        if self._done is None or now is None:
            return 0
        rules = fingerprint(self.house)
        with self.store.look() as tx:
            if facts.get(tx, facts.HOLD) is not None:
                return 0
            numbers = [] if facts.get(tx, facts.PLANNED) == rules else story.unfinished_after(tx, self._done, _BATCH)
        with journal.on_commit(), self.store.begin() as tx:
            righted = sum(self._put_right(tx, number, now) for number in numbers)
            if not numbers:
                facts.put(tx, facts.PLANNED, rules)
        self._done = numbers[-1] if numbers else None
        return righted

    def _put_right(self, tx: Tx, number: TicketId, now: datetime) -> bool:
        ticket = tickets.get(tx, number, lock=True)
        if ticket is None:
            return False
        rules = self.house.rules(ticket.desk, people.directory(tx, self.house.people))
        decision = _decided(ticket, rules, now)
        after = fold(ticket, decision.events)
        if not decision.changes and _planned(tx, after, rules):
            return False
        done = effect.carry_out(tx, self.house, rules, ticket, decision, Cause("policy", f"{number}-{ticket.version}"), now)
        if done.ticket is not None and not _planned(tx, done.ticket, rules):
            timers.rewrite(tx, number, sla.plan(done.ticket, rules), done.ticket.version, now)
        journal.changed(f"policy:{number}-{ticket.version}", number, decision.outcome, "policy", 0)
        return True


def _decided(ticket: Ticket, rules: Rules, now: datetime) -> Decision:
    event = Event("policy", SYSTEM.address, now)
    return sla.promises(ticket, Decision(Outcome.TIMED, events=(event,)), rules, now)


def _planned(tx: Tx, ticket: Ticket, rules: Rules) -> bool:
    """Whether the timers of the ticket are those that it should have."""
    return {(one.kind, one.due) for one in timers.of_ticket(tx, ticket.id)} == {(one.kind, one.due) for one in sla.plan(ticket, rules)}


def fingerprint(house: House) -> str:
    """What stands for everything that timers are planned by: other rules, another text."""
    policy = house.policy
    plans = (policy.calendars, policy.slas, policy.metrics, policy.escalations, policy.statuses, policy.pending, policy.autoclose)
    around = (house.people.organisations, tuple((desk.name, desk.timezone) for desk in house.desks))
    return hashlib.sha256(repr(_spelt((plans, around))).encode()).hexdigest()[:32]


def _spelt(value: object) -> object:
    """A value as what it is made of, whose `repr` says all of it and always the same."""
    match value:
        case re.Pattern():
            return value.pattern, value.flags
        case frozenset():
            return sorted(map(str, value))
        case tuple():
            return [_spelt(one) for one in value]
        case Struct():
            return [_spelt(one) for one in astuple(value)]
        case _:
            return value
