"""How much has each technician to do, as far as the tickets tell that he has?"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from mailgate.desk.assignment import Load
from mailgate.desk.model import Address, State, Status
from mailgate.desk.workflow import STATES
from mailgate.store import schema
from mailgate.store.engine import Tx
from mailgate.store.statement import Statement

_t = schema.tickets
_HAS = Statement(lambda database: (
    select(_t.c.assignee, _t.c.status, func.count().label("tickets"), func.max(_t.c.created).label("last"))
    .where(database.among(_t.c.assignee, "people"), database.among(_t.c.status, "statuses"))
    .group_by(_t.c.assignee, _t.c.status)
))  # fmt: skip
_NOT_CLOSED = [status.value for status, state in STATES.items() if state is not State.CLOSED]


def loads(tx: Tx, people: Sequence[Address]) -> dict[Address, Load]:
    """The load of each of these people; who has no ticket that is not closed is not named.

    A resolved ticket is no work any more, but tells when somebody was given his last one.
    """
    found: dict[Address, Load] = {}
    for row in _HAS.rows(tx, {"people": list(people), "statuses": _NOT_CLOSED}) if people else ():
        before = found.get(row.assignee, Load())
        works = 0 if STATES[Status(row.status)] is State.RESOLVED else row.tickets
        found[row.assignee] = Load(before.tickets + works, max(filter(None, (before.last, row.last))))
    return found
