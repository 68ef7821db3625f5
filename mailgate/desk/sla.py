"""When does a ticket need us next? Plans the ladders that end in resolving or closing it, in elapsed time, when it is wanted, and the next
step of what was promised for it; UTC.

Only the next rung is planned: after a downtime the ladder goes on at its first unsent rung with the gaps kept; nobody is closed unwarned.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from mailgate.desk.decision import Decision
from mailgate.desk.model import State, Status, Ticket
from mailgate.desk.policy import Policy
from mailgate.desk.rules import Rules
from mailgate.desk.workflow import STATES, state_of


class Act(StrEnum):
    """What a rung does."""

    REMIND = "remind"
    WARN = "warn"
    CLOSE = "close"
    RESOLVE = "resolve"


class Rung(Struct, frozen=True):
    """One step of a ladder, `after` its status began."""

    after: timedelta
    act: Act


class Timer(Struct, frozen=True):
    """A timer that should exist: what it is for, and when it is due."""

    kind: str
    due: datetime


AUTOCLOSE, PENDING, DUE, APPROVAL = "autoclose", "pending", "due", "approval"
# The kinds of those that end in something when nobody answers.
LADDERS = frozenset({AUTOCLOSE, PENDING})
# With the name of a metric: the next step of its clock.
CLOCK = "sla."


def ladder(status: Status, policy: Policy) -> tuple[str, tuple[Rung, ...]]:
    """The timer kind and the rungs for tickets in this status; no rungs where nothing is planned."""
    if state_of(status) is State.RESOLVED:
        close = policy.autoclose
        rungs = [Rung(after, Act.REMIND) for after in close.remind]
        rungs += [Rung(close.warn, Act.WARN)] if close.warn else []
        rungs += [Rung(close.after, Act.CLOSE)] if close.after else []
        return AUTOCLOSE, tuple(rungs)
    if status is Status.PENDING:
        rungs = [Rung(after, Act.REMIND) for after in policy.pending.remind]
        rungs += [Rung(policy.pending.resolve_after, Act.RESOLVE)] if policy.pending.resolve_after else []
        return PENDING, tuple(rungs)
    return "", ()


def _climbs(ticket: Ticket, policy: Policy) -> tuple[str, tuple[Rung, ...]]:
    """The ladder on which the ticket stands."""
    if ticket.own and ticket.status is Status.PENDING:
        # Nobody asked its requester anything, so that he is not reminded of it either.
        return "", ()
    return ladder(ticket.status, policy)


def rung(ticket: Ticket, kind: str, policy: Policy) -> Rung | None:
    """The rung that a timer of this kind stands for now; None where the ticket has left that ladder."""
    name, rungs = _climbs(ticket, policy)
    return rungs[ticket.rungs] if name == kind and ticket.rungs < len(rungs) else None


def gap(ticket: Ticket, kind: str, policy: Policy) -> timedelta | None:
    """How long after the rung before it (or after its status began) the rung comes that a timer of this kind stands for; None as `rung`."""
    at = rung(ticket, kind, policy)
    if at is None:
        return None
    return at.after - (_climbs(ticket, policy)[1][ticket.rungs - 1].after if ticket.rungs else timedelta(0))


def end(ticket: Ticket, timer: Timer, policy: Policy) -> tuple[Act, datetime] | None:
    """What the ladder of this timer ends in and when (aware UTC), if nobody answers; None for a timer of no ladder."""
    kind, rungs = _climbs(ticket, policy)
    if timer.kind != kind or ticket.rungs >= len(rungs):
        return None
    return rungs[-1].act, timer.due + (rungs[-1].after - rungs[ticket.rungs].after)


def plan(ticket: Ticket, rules: Rules) -> tuple[Timer, ...]:
    """The timers that should be pending for this ticket, that of its ladder first."""
    wanted = (Timer(DUE, ticket.due),) if ticket.due is not None and falls_due(ticket) else ()
    asked = _next_asked(ticket) if ticket.status is Status.AWAITING_APPROVAL else ()
    return (*_next_rung(ticket, rules.policy), *asked, *wanted, *(_next_steps(ticket, rules) if ticket.clocks else ()))


def _next_asked(ticket: Ticket) -> tuple[Timer, ...]:
    # Only a desk that asks for approvals pays for it.
    from mailgate.desk.approvals import next_due

    due = next_due(ticket)
    return (Timer(APPROVAL, due),) if due else ()


def _next_steps(ticket: Ticket, rules: Rules) -> Iterator[Timer]:
    # Only a desk that promises something pays for it.
    from mailgate.desk.clocks import next_due

    for clock in ticket.clocks:
        due = next_due(clock, ticket, rules) if clock.live else None
        if due is not None:
            yield Timer(CLOCK + clock.metric, due)


def promises(before: Ticket | None, decision: Decision, rules: Rules, now: datetime) -> Decision:
    """The decision with what it means for what was promised; `before` is the ticket until then, `now` aware UTC."""
    if not (rules.policy.slas or (before is not None and before.clocks)):
        return decision
    from mailgate.desk.clocks import wound

    return wound(before, decision, rules, now)


def falls_due(ticket: Ticket) -> bool:
    """Whether somebody still has to hear when the moment comes by which the ticket is wanted."""
    return ticket.due is not None and not ticket.overdue and STATES[ticket.status] not in (State.RESOLVED, State.CLOSED)


def _next_rung(ticket: Ticket, policy: Policy) -> tuple[Timer, ...]:
    kind, rungs = _climbs(ticket, policy)
    if ticket.rungs >= len(rungs):
        return ()
    after = rungs[ticket.rungs].after
    due = ticket.since + after
    if ticket.climbed is not None and ticket.rungs:
        due = max(due, ticket.climbed + after - rungs[ticket.rungs - 1].after)
    return (Timer(kind, due),)
