"""What does the database know of the time? Its own clock, where gateways share it, and when something happened last. Times are UTC."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from mailgate.store.engine import Tx
from mailgate.store.schema import Moment, events
from mailgate.store.statement import Statement

_SHARED = Statement(lambda _: select(func.clock_timestamp(type_=Moment).label("now")))
_NEWEST = Statement(lambda _: select(events.c.at).where(events.c.id == select(func.max(events.c.id)).scalar_subquery()))


def shared(tx: Tx) -> datetime | None:
    """The clock of a database that several gateways share; None for one that is a file of ours."""
    if tx.dialect.name == "sqlite":
        return None
    now: datetime = _SHARED.row(tx, {}).now
    return now


def newest_event(tx: Tx) -> datetime | None:
    """When the event happened that was written down last."""
    row = _NEWEST.row(tx, {})
    return row.at if row else None
