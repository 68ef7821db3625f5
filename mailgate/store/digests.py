"""When is somebody told next how things stand? One row for each desk, person and kind of digest. Times are UTC.

Those of held mails are due while something new waits; daily and weekly ones are due again as soon as they were told.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import bindparam, func, select, update

from mailgate.desk.model import Address
from mailgate.desk.summary import Kind
from mailgate.store.engine import Fenced, Tx, insert
from mailgate.store.schema import Moment, digests
from mailgate.store.statement import Statement

# What causes the letters that are written here.
CAUSE = "digest"


class DueDigest(Struct, frozen=True):
    """A digest that is due. `number` is how many of its kind this person had of this desk.

    `fresh_since` is when the first new mail was put aside; daily and weekly ones have none.
    """

    id: int
    desk: str
    person: Address
    kind: Kind
    due_at: datetime
    fresh_since: datetime | None
    number: int


def expect(tx: Tx, desk: str, person: Address, due_at: datetime, held_at: datetime) -> None:
    """Something was put aside at `held_at`: the person is told of it then, or sooner where that is so already."""
    statement = insert(tx, digests).values(desk=desk, person=person, kind=Kind.HELD, due_at=due_at, fresh_since=held_at, number=0)
    # Whoever tells meanwhile holds the row: what comes after it is due anew, what comes before it is told.
    tx.execute(statement.on_conflict_do_update(index_elements=["desk", "person", "kind"], set_={
        "due_at": func.coalesce(digests.c.due_at, statement.excluded.due_at),
        "fresh_since": func.coalesce(digests.c.fresh_since, statement.excluded.fresh_since),
    }))  # fmt: skip


_DUE = Statement(lambda _: (
    select(digests.c.id, digests.c.desk, digests.c.person, digests.c.kind, digests.c.due_at, digests.c.fresh_since, digests.c.number)
    .where(digests.c.due_at <= bindparam("now", type_=Moment))
    .order_by(digests.c.due_at, digests.c.id).limit(bindparam("most")).with_for_update(skip_locked=True)
))  # fmt: skip


def due(tx: Tx, now: datetime, limit: int) -> list[DueDigest]:
    """The digests that are due. On PostgreSQL nobody else tells them until the transaction ends."""
    return [
        DueDigest(row.id, row.desk, Address(row.person), Kind(row.kind), row.due_at, row.fresh_since, row.number)
        for row in _DUE.rows(tx, {"now": now, "most": limit})
    ]


def planned(tx: Tx) -> dict[tuple[str, Address, Kind], datetime | None]:
    """When each daily and weekly digest that anybody ever had is due; None: not any more. Asked when people or policy have changed."""
    rows = tx.execute(select(digests.c.desk, digests.c.person, digests.c.kind, digests.c.due_at).where(digests.c.kind != Kind.HELD))
    return {(row.desk, Address(row.person), Kind(row.kind)): row.due_at for row in rows}


def plan(tx: Tx, desk: str, person: Address, kind: Kind, due_at: datetime, known: datetime | None) -> None:
    """A digest is due then, instead of the time that was `known` (None: at none). One that somebody has planned anew meanwhile is left."""
    statement = insert(tx, digests).values(desk=desk, person=person, kind=kind, due_at=due_at, number=0)
    tx.execute(statement.on_conflict_do_update(
        index_elements=["desk", "person", "kind"], set_={"due_at": due_at},
        where=digests.c.due_at.is_(None) if known is None else digests.c.due_at == known,
    ))  # fmt: skip


def told(tx: Tx, row: DueDigest, now: datetime, again: datetime | None = None) -> None:
    """The digest was written, or there was nothing to tell; it is due `again` then. Raises Fenced where somebody else did it meanwhile."""
    _settle(tx, row, due_at=again, fresh_since=None, number=row.number + 1, told_at=now)


def put_off(tx: Tx, row: DueDigest, until: datetime) -> None:
    """A digest that cannot be written now is due again later. Raises Fenced as `told` does."""
    _settle(tx, row, due_at=until)


def _settle(tx: Tx, row: DueDigest, **values: object) -> None:
    done = tx.execute(update(digests).where(digests.c.id == row.id, digests.c.due_at == row.due_at).values(**values))
    if done.rowcount != 1:
        raise Fenced(f"digest {row.id} was written meanwhile")
