"""Which tickets of a desk are open? Asked for the desk's pages; costs what is open, and closed tickets of other years nothing. UTC."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import bindparam, select

from mailgate.desk.board import Open
from mailgate.desk.model import Address, TicketId
from mailgate.desk.summary import Brief
from mailgate.store.backlog import BRIEF, brief
from mailgate.store.engine import Tx
from mailgate.store.schema import tickets as _t
from mailgate.store.statement import Statement

_OPEN = Statement(lambda _: (
    select(*BRIEF, _t.c.version, _t.c.desk, _t.c.team, _t.c.requester)
    .where(_t.c.desk == bindparam("desk"), _t.c.resolved.is_(None), _t.c.closed.is_(None))
    .order_by(_t.c.created, _t.c.id).limit(bindparam("most"))
))  # fmt: skip


def unsolved(tx: Tx, desk: str, most: int, known: Callable[[TicketId, int, Callable[[], Brief]], Brief]) -> list[Open]:
    """Up to so many open tickets of a desk, oldest first.

    `known` is asked for each by number and version, and is given what reads its brief: most have not changed since they were read last.
    """
    return [_open(row, known) for row in _OPEN.rows(tx, {"desk": desk, "most": most})]


def _open(row: Any, known: Callable[[TicketId, int, Callable[[], Brief]], Brief]) -> Open:
    read = known(TicketId(row.id), row.version, lambda: brief(row))
    return Open(read, row.desk, row.team, Address(row.requester))
