"""Who could be given a new ticket? Counts what everybody has to do, where policy wants to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from mailgate.desk.assignment import Load, Roster
from mailgate.desk.model import Address, Role
from mailgate.desk.policy import AssignBy
from mailgate.desk.rules import Rules


def roster(loads: Callable[[Sequence[Address]], Mapping[Address, Load]], rules: Rules, now: datetime) -> Roster | None:
    """The roster of this moment (`now` is aware); None where tickets are given by hand. `loads` counts for some addresses."""
    if rules.policy.assign_by is AssignBy.HAND:
        return None
    staff = [person.address for person in rules.people.having(Role.TECHNICIAN, Role.LEAD)]
    return Roster(now.astimezone(ZoneInfo(rules.desk.timezone)).date(), loads(staff))
