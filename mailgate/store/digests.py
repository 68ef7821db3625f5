"""When is whoever decides about held mails told of them? One row for each desk and person, due while something new waits. Times are UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, select, update

from mailgate.desk.model import Address
from mailgate.store.engine import Fenced, Tx, insert
from mailgate.store.schema import Moment, digests
from mailgate.store.statement import Statement


@dataclass(frozen=True, slots=True)
class DueDigest:
    """A digest that is due. `number` is how many this person had of this desk; `fresh_since` is when the first new mail was put aside."""

    id: int
    desk: str
    person: Address
    due_at: datetime
    fresh_since: datetime
    number: int


def expect(tx: Tx, desk: str, person: Address, due_at: datetime, held_at: datetime) -> None:
    """Something was put aside at `held_at`: the person is told of it then, or sooner where that is so already."""
    statement = insert(tx, digests).values(desk=desk, person=person, due_at=due_at, fresh_since=held_at, number=0)
    # Whoever tells meanwhile holds the row: what comes after it is due anew, what comes before it is told.
    tx.execute(statement.on_conflict_do_update(index_elements=["desk", "person"], set_={
        "due_at": func.coalesce(digests.c.due_at, statement.excluded.due_at),
        "fresh_since": func.coalesce(digests.c.fresh_since, statement.excluded.fresh_since),
    }))  # fmt: skip


_DUE = Statement(lambda _: (
    select(digests.c.id, digests.c.desk, digests.c.person, digests.c.due_at, digests.c.fresh_since, digests.c.number)
    .where(digests.c.due_at <= bindparam("now", type_=Moment))
    .order_by(digests.c.due_at, digests.c.id).limit(bindparam("most")).with_for_update(skip_locked=True)
))  # fmt: skip


def due(tx: Tx, now: datetime, limit: int) -> list[DueDigest]:
    """The digests that are due. On PostgreSQL nobody else tells them until the transaction ends."""
    return [DueDigest(*row) for row in _DUE.rows(tx, {"now": now, "most": limit})]


def told(tx: Tx, row: DueDigest, now: datetime) -> None:
    """The digest was written, or there was nothing to tell. Raises Fenced where somebody else did it meanwhile."""
    _settle(tx, row, due_at=None, fresh_since=None, number=row.number + 1, told_at=now)


def put_off(tx: Tx, row: DueDigest, until: datetime) -> None:
    """A digest that cannot be written now is due again later. Raises Fenced as `told` does."""
    _settle(tx, row, due_at=until)


def _settle(tx: Tx, row: DueDigest, **values: object) -> None:
    done = tx.execute(update(digests).where(digests.c.id == row.id, digests.c.due_at == row.due_at).values(**values))
    if done.rowcount != 1:
        raise Fenced(f"digest {row.id} was written meanwhile")
