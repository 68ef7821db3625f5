"""What else does this installation remember? Single facts by name, such as a hold after a restore."""

from __future__ import annotations

from sqlalchemy import delete, select

from mailgate.store.engine import Tx, insert
from mailgate.store.schema import facts

# Why letters and timers are held, if they are: set by a restore or by a clock that jumped, cleared by `mailgate resume`.
HOLD = "hold"
# The random name of this installation; it stands in X-Mailgate-Loop.
INSTANCE = "instance"
# Wall clock, monotonic clock and boot at the last tick.
CLOCK = "clock"


def get(tx: Tx, name: str) -> str | None:
    """The fact, or None where it was never put down."""
    return tx.execute(select(facts.c.value).where(facts.c.name == name)).scalar()


def put(tx: Tx, name: str, value: str) -> None:
    """Puts a fact down, over what it was."""
    statement = insert(tx, facts).values(name=name, value=value)
    tx.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def forget(tx: Tx, name: str) -> bool:
    """Removes a fact; False where there was none."""
    return tx.execute(delete(facts).where(facts.c.name == name)).rowcount == 1
