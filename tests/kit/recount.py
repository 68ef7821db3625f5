"""What should a report say? Counted once more from the events alone, slowly, and with nothing of what the gateway counts by.

The rules are those of `accelerated`: one calendar (nine to five in Berlin, Monday to Friday), and targets by priority.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from mailgate.store import schema
from mailgate.store.engine import Tx

BERLIN = ZoneInfo("Europe/Berlin")
OPENS, CLOSES = time(9), time(17)
# Minutes by metric, of P1 and P2 and of all others.
TARGETS = {
    True: {"first_response": 60, "next_response": 120, "resolution": 480},
    False: {"first_response": 240, "next_response": 480, "resolution": 2400},
}
_RESOLVED = {"Waiting for Closure", "Resolved by Event", "Resolved by Origin Ticket"}
_DROPPED = {"Cancelled", "Duplicate", "Declined"}
_HALTED = {"Pending", "Awaiting Approval"}


@dataclass
class Life:
    """One ticket, told by its events: the moments between which nothing changed, and what it was then."""

    created: datetime
    moments: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)
    answers: int = 0

    def at_end(self, name: str) -> Any:
        return self.moments[-1][1].get(name)


def lives(tx: Tx, until: datetime) -> Iterator[Life]:
    """The lives of all tickets, as far as they had come."""
    events, said = schema.events, schema.messages
    rows = defaultdict(list)
    for row in tx.execute(select(events.c.ticket, events.c.at, events.c.changes).where(events.c.at < until).order_by(events.c.id)):
        rows[row.ticket].append((row.at, json.loads(row.changes)))
    answers = Counter(
        row.ticket for row in tx.execute(select(said).where(said.c.direction == "out", said.c.visibility == "public", said.c.at < until))
    )
    for ticket, story in rows.items():
        life = Life(story[0][0], answers=answers[ticket])
        now: dict[str, Any] = {"status": "New", "priority": "P3", "reopened": 0}
        for at, changes in story:
            now = {**now, **{name: value for name, value in changes.items() if name != "clocks"}}
            if life.moments and life.moments[-1][0] == at:
                life.moments[-1] = (at, now)
            else:
                life.moments.append((at, now))
        yield life


@cache
def _hours(day: date) -> tuple[datetime, datetime]:
    return tuple(datetime.combine(day, at, BERLIN).astimezone(UTC) for at in (OPENS, CLOSES))  # type: ignore[return-value]


def worked(since: datetime, until: datetime) -> timedelta:
    """Working time, one day after the other."""
    total, day = timedelta(0), since.astimezone(BERLIN).date()
    while day <= until.astimezone(BERLIN).date():
        if day.weekday() < 5:
            opens, closes = _hours(day)
            total += max(timedelta(0), min(until, closes) - max(since, opens))
        day += timedelta(days=1)
    return total


def promises(life: Life, until: datetime) -> Iterator[tuple[str, str, datetime | None]]:
    """Each promise of a ticket: its metric, how it stands, and when it ended (None: it has not)."""
    for metric in ("first_response", "next_response", "resolution"):
        yield from _promise(metric, life, until)


def _promise(metric: str, life: Life, until: datetime) -> Iterator[tuple[str, str, datetime | None]]:
    # What was spent by the end of each time it ran, and just before: what is due at five is late at six, though nobody has worked since.
    spent = before = timedelta(0)
    began, ended, state = False, None, ""
    for (at, now), (following, _) in pairwise((*life.moments, (until, {}))):
        wanted = _counts(metric, now)
        if wanted in ("stop", "cancel"):
            if began and ended is None:
                state = "cancelled" if wanted == "cancel" else "breached" if before >= _target(metric, now) else "achieved"
                ended = at
                if metric == "next_response":
                    yield metric, state, ended
                    began, ended, spent, before = False, None, timedelta(0), timedelta(0)
            continue
        if wanted == "no" and not began:
            continue
        began, ended = True, None
        if wanted == "run":
            before = spent + worked(at, following - timedelta(microseconds=1))
            spent += worked(at, following)
    if began:
        last = life.moments[-1][1]
        overdue = "overdue" if before >= _target(metric, last) else "running"
        yield metric, state if ended else overdue, ended


def _target(metric: str, now: dict[str, Any]) -> timedelta:
    return timedelta(minutes=TARGETS[now["priority"] in ("P1", "P2")][metric])


def _counts(metric: str, now: dict[str, Any]) -> str:
    """Whether a clock of this metric runs, halts, stops, is dropped, or (`no`) does not begin."""
    status = now["status"]
    if status in _DROPPED:
        return "cancel"
    done = status in _RESOLVED or status == "Completed"
    answered = {"first_response": bool(now.get("responded")), "next_response": bool(now.get("responded")) and not now.get("awaiting")}
    if done or answered.get(metric, False):
        return "stop"
    if metric == "next_response" and not now.get("awaiting"):
        return "no"
    return "halt" if status in _HALTED else "run"


def recounted(tx: Tx, since: datetime, until: datetime) -> dict[str, Any]:
    """The figures of all tickets, in the shape of `mailgate report --json`."""

    def inside(moment: datetime | None) -> bool:
        return moment is not None and since <= moment < until

    all_lives = list(lives(tx, until))
    resolved = [one for one in all_lives if inside(_when(one.at_end("resolved")))]
    kept: dict[str, Counter[str]] = defaultdict(Counter)
    for one in all_lives:
        for metric, state, ended in promises(one, until):
            if state == "overdue" or inside(ended):
                kept[metric][state] += 1
    return {
        "opened": sum(inside(one.created) for one in all_lives),
        "resolved": len(resolved),
        "closed": sum(inside(_when(one.at_end("closed"))) for one in all_lives),
        "backlog": sum(one.at_end("status") not in _RESOLVED | _DROPPED | {"Completed"} for one in all_lives),
        "reopened": sum(one.at_end("reopened") > 0 for one in resolved),
        "first_contact": sum(one.answers == 1 and not one.at_end("reopened") for one in resolved),
        "first_response": _spread([at - one.created for one in all_lives if (at := _when(one.at_end("responded"))) and inside(at)]),
        "resolution": _spread([at - one.created for one in resolved if (at := _when(one.at_end("resolved")))]),
        "sla": [
            {"metric": metric, **{state: kept[metric][state] for state in ("achieved", "breached", "cancelled", "overdue")}}
            for metric in sorted(kept) if any(kept[metric][state] for state in ("achieved", "breached", "cancelled", "overdue"))
        ],
    }  # fmt: skip


def _when(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _spread(times: Sequence[timedelta]) -> dict[str, float] | None:
    if not times:
        return None
    seconds = sorted(one / timedelta(seconds=1) for one in times)
    return {
        "count": len(seconds), "mean": math.fsum(seconds) / len(seconds), "median": seconds[math.ceil(len(seconds) / 2) - 1],
        "p90": seconds[math.ceil(len(seconds) * 0.9) - 1],
    }  # fmt: skip
