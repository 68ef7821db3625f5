"""Who could be given a new ticket? Counts what everybody has to do, where policy wants to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from mailgate.desk.absence import at_work
from mailgate.desk.assignment import Load, Roster
from mailgate.desk.model import Address, Role
from mailgate.desk.policy import AssignBy
from mailgate.desk.rules import Rules

Count = Callable[[Sequence[Address]], Mapping[Address, Load]]


def roster(loads: Count, rules: Rules, now: datetime) -> Roster | None:
    """The roster of this moment (`now` is aware); None where tickets are given by hand. `loads` counts for some addresses."""
    return None if rules.policy.assign_by is AssignBy.HAND else called(loads, rules, now)


def called(loads: Count, rules: Rules, now: datetime) -> Roster:
    """The roster of this moment, whatever policy says."""
    staff, timezone = rules.people.having(Role.TECHNICIAN, Role.LEAD), rules.desk.timezone
    off = frozenset(person.address for person in staff if not at_work(person, timezone, now))
    return Roster(now.astimezone(ZoneInfo(timezone)).date(), loads([person.address for person in staff]), off)
