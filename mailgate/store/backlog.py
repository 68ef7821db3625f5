"""What is before a technician, a team or a desk? Asked for digests and reports. Times are UTC.

Each question costs what its answer is made of: closed tickets of other years are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, bindparam, case, func, or_, select

from mailgate.desk.model import Address, Priority, State, Status, TicketId
from mailgate.desk.summary import Backlog, Brief
from mailgate.desk.workflow import STATES
from mailgate.store.engine import Tx
from mailgate.store.schema import Moment
from mailgate.store.schema import tickets as _t
from mailgate.store.statement import Database, Statement
from mailgate.store.tickets import clocks_of

_ALIVE = [status.value for status, state in STATES.items() if state is not State.CLOSED]
# Somebody who has more than so many tickets does not read all of them.
_MOST = 1000

# What a brief is made of.
BRIEF = (
    _t.c.id, _t.c.subject, _t.c.status, _t.c.own, _t.c.priority, _t.c.assignee, _t.c.created, _t.c.since, _t.c.due,
    and_(_t.c.responded.is_not(None), _t.c.awaiting.is_(None)).label("answered"), _t.c.confidential, _t.c.clocks,
)  # fmt: skip


def brief(row: Any) -> Brief:
    """The brief of a row that has these columns."""
    return Brief(
        TicketId(row.id), row.subject, Status(row.status), row.own, Priority(row.priority), row.assignee and Address(row.assignee),
        row.created, row.since, row.due, bool(row.answered), bool(row.confidential), clocks_of(row.clocks),
    )  # fmt: skip


_HIS = Statement(lambda database: (
    select(*BRIEF)
    .where(database.among(_t.c.assignee, "people"), database.among(_t.c.status, "statuses"), _t.c.desk == bindparam("desk"))
    .order_by(_t.c.id).limit(_MOST)
))  # fmt: skip


def of_person(tx: Tx, desk: str, addresses: Iterable[Address]) -> list[Brief]:
    """The tickets of this desk that are given to one of these addresses and not closed, oldest first."""
    return [brief(row) for row in _HIS.rows(tx, {"people": list(addresses), "statuses": _ALIVE, "desk": desk})]


_NOW = bindparam("now", type_=Moment)
# Only a clock that is breached and has not ended is written so (`clock.kept`): broken, and neither spent nor ended. It rests on hold.
_BROKEN = and_(_t.c.clocks.like("%,true,null,null,[%"), _t.c.status != Status.PENDING)
_OVERDUE = or_(_t.c.due <= _NOW, _BROKEN)


def _either(make: Callable[[], Select[Any]]) -> tuple[Statement, Statement]:
    """The question for the whole desk, and for some teams."""

    def of_teams(database: Database) -> Select[Any]:
        return make().where(database.among(_t.c.team, "teams"))

    return Statement(lambda _: make()), Statement(of_teams)


def _of_desk(*wanted: Any) -> Select[Any]:
    return select(*wanted).where(_t.c.desk == bindparam("desk"), _t.c.resolved.is_(None), _t.c.closed.is_(None))


_COUNTS = _either(lambda: _of_desk(
    func.count().label("open"), func.count(case((_t.c.assignee.is_(None), 1))).label("unassigned"),
    func.count(case((_OVERDUE, 1))).label("overdue"), func.min(_t.c.created).label("oldest"),
))  # fmt: skip
_UNASSIGNED = _either(lambda: _of_desk(*BRIEF).where(_t.c.assignee.is_(None)).order_by(_t.c.created, _t.c.id).limit(bindparam("most")))
_LATE = _either(
    lambda: _of_desk(*BRIEF).where(_OVERDUE).order_by(_t.c.due.is_(None), _t.c.due, _t.c.created, _t.c.id).limit(bindparam("most"))
)
_OLDEST = _either(lambda: _of_desk(*BRIEF).order_by(_t.c.created, _t.c.id).limit(bindparam("most")))


def counted(tx: Tx, desk: str, teams: Sequence[str], now: datetime) -> Backlog:
    """How much is before these teams of a desk, or before the whole desk where none is named."""
    row = _COUNTS[bool(teams)].row(tx, {"desk": desk, "teams": list(teams), "now": now})
    return Backlog(row.open, row.unassigned, row.overdue, row.oldest) if row else Backlog()


def unassigned(tx: Tx, desk: str, teams: Sequence[str], most: int) -> list[Brief]:
    """What nobody has, oldest first."""
    return [brief(row) for row in _UNASSIGNED[bool(teams)].rows(tx, {"desk": desk, "teams": list(teams), "most": most})]


def late(tx: Tx, desk: str, teams: Sequence[str], now: datetime, most: int) -> list[Brief]:
    """What is overdue, the longest first."""
    return [brief(row) for row in _LATE[bool(teams)].rows(tx, {"desk": desk, "teams": list(teams), "now": now, "most": most})]


def oldest(tx: Tx, desk: str, teams: Sequence[str], most: int) -> list[Brief]:
    """What is there longest."""
    return [brief(row) for row in _OLDEST[bool(teams)].rows(tx, {"desk": desk, "teams": list(teams), "most": most})]
