"""When does a ticket need us next? Plans the ladders that end in resolving or closing it; due times are elapsed time, in UTC.

Only the next rung is planned: after a downtime the ladder goes on at its first unsent rung with the gaps kept; nobody is closed unwarned.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mailgate.desk.model import Status, Ticket
from mailgate.desk.policy import Policy


class Act(StrEnum):
    """What a rung does."""

    REMIND = "remind"
    WARN = "warn"
    CLOSE = "close"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of a ladder, `after` its status began."""

    after: timedelta
    act: Act


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer that should exist: what it is for, and when it is due."""

    kind: str
    due: datetime


AUTOCLOSE, PENDING = "autoclose", "pending"


def ladder(status: Status, policy: Policy) -> tuple[str, tuple[Rung, ...]]:
    """The timer kind and the rungs for tickets in this status; no rungs where nothing is planned."""
    if status in (Status.WAITING_FOR_CLOSURE, Status.RESOLVED_BY_EVENT):
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


def rung(ticket: Ticket, kind: str, policy: Policy) -> Rung | None:
    """The rung that a timer of this kind stands for now; None where the ticket has left that ladder."""
    name, rungs = ladder(ticket.status, policy)
    return rungs[ticket.rungs] if name == kind and ticket.rungs < len(rungs) else None


def end(ticket: Ticket, timer: Timer, policy: Policy) -> tuple[Act, datetime] | None:
    """What the ladder of this timer ends in and when (aware UTC), if nobody answers; None for a timer of no ladder."""
    kind, rungs = ladder(ticket.status, policy)
    if timer.kind != kind or ticket.rungs >= len(rungs):
        return None
    return rungs[-1].act, timer.due + (rungs[-1].after - rungs[ticket.rungs].after)


def plan(ticket: Ticket, policy: Policy) -> tuple[Timer, ...]:
    """The timers that should be pending for this ticket."""
    kind, rungs = ladder(ticket.status, policy)
    if ticket.rungs >= len(rungs):
        return ()
    after = rungs[ticket.rungs].after
    due = ticket.since + after
    if ticket.climbed is not None and ticket.rungs:
        due = max(due, ticket.climbed + after - rungs[ticket.rungs - 1].after)
    return (Timer(kind, due),)
