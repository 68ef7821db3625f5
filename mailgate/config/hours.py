"""How are hours of a week, and the steps of an escalation, written? Each reader here takes one node; times of day are local."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise

from mailgate.config.reader import Bad, Node, shown, some
from mailgate.config.scalars import as_duration
from mailgate.desk.clock import Step
from mailgate.desk.plans import ALL_DAY, ROUND_THE_CLOCK, Interval, Week
from mailgate.desk.policy import NEVER

_PERCENT = re.compile(r"(\d{1,3})\s*%", re.ASCII)
_INTERVAL = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})", re.ASCII)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MIDNIGHT = ALL_DAY.closes


def step(node: Node) -> Step:
    """A point of an escalation: "80%", "breach" or "breach+2h". No more than 100 %, or the order of the steps would hang on the target."""
    value = node.value.replace(" ", "") if isinstance(node.value, str) else ""
    percent = _PERCENT.fullmatch(value)
    if percent and 1 <= int(percent[1]) <= 100:
        return Step(int(percent[1]))
    later = as_duration(value.removeprefix("breach+"))
    if value == "breach" or (value.startswith("breach+") and later):
        return Step(100, later or timedelta(0))
    raise Bad(f'must be a step like "80%", "breach" or "breach+2h", not {shown(node.value)}')


def hours(node: Node) -> Week:
    """A week of intervals: "24x7", a list that holds for every day, or a table of lists by day (`mon` to `sun`)."""
    if node.value == "24x7":
        return ROUND_THE_CLOCK
    if isinstance(node.value, dict):
        days = node.table()
        week = tuple(days.get(day, _day, ()) for day in _DAYS)
    else:
        week = (_day(node),) * 7
    if not any(node.value.values() if isinstance(node.value, dict) else week):
        raise Bad("leaves no hour in which anybody works")
    return week


def night(node: Node) -> Week:
    """As `hours`, for intervals that may run over midnight, such as "20:00-07:00"; they are split there."""
    week: list[list[Interval]] = [[] for _ in NEVER]
    if node.value == "24x7":
        return ROUND_THE_CLOCK
    table = node.table() if isinstance(node.value, dict) else None
    for index, name in enumerate(_DAYS):
        for opens, closes in table.get(name, some(_clock_times), ()) if table else some(_clock_times)(node):
            if opens < closes:
                week[index].append(Interval(opens, closes))
                continue
            week[index].append(Interval(opens, _MIDNIGHT))
            week[(index + 1) % 7] += [Interval(timedelta(0), closes)] if closes else []
    return tuple(tuple(sorted(day, key=lambda one: one.opens)) for day in week)


def interval(node: Node) -> Interval:
    """From one time of a day to a later one: "09:00-12:30"; "24:00" is the end of the day."""
    opens, closes = _clock_times(node)
    if opens >= closes:
        raise Bad(f"must end after it begins: {shown(node.value)}")
    return Interval(opens, closes)


def _clock_times(node: Node) -> tuple[timedelta, timedelta]:
    match = _INTERVAL.fullmatch(node.value.strip()) if isinstance(node.value, str) else None
    if match:
        start, end = (timedelta(hours=int(match[at]), minutes=int(match[at + 1])) for at in (1, 3))
        if int(match[2]) < 60 and int(match[4]) < 60 and start < _MIDNIGHT and end <= _MIDNIGHT and start != end:
            return start, end
    raise Bad(f'must be hours like "09:00-12:30", not {shown(node.value)}')


def _day(node: Node) -> tuple[Interval, ...]:
    intervals = tuple(sorted(some(interval)(node), key=lambda one: one.opens))
    if any(after.opens < before.closes for before, after in pairwise(intervals)):
        raise Bad("has hours that overlap")
    return intervals
