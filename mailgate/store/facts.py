"""What else does this installation remember? Single facts by name, such as a hold after a restore."""

from __future__ import annotations

from sqlalchemy import BigInteger, ColumnElement, bindparam, cast, delete, or_, select

from mailgate.store.engine import Tx, insert
from mailgate.store.registers import facts
from mailgate.store.statement import Statement

# Why letters and timers are held, if they are: set by a restore or by a clock that jumped, cleared by `mailgate resume`.
HOLD = "hold"
# The random name of this installation; it stands in X-Mailgate-Loop.
INSTANCE = "instance"
# How often anything about the people kept here has changed: who knows the number need not read them again.
PEOPLE = "people"
# Up to which message everything that was said can be searched for.
INDEXED = "indexed"
# On which day it was last seen to that nothing is kept longer than policy wants, and up to which change of tickets.
SWEPT = "swept"
REMOVED = "removed"
# When somebody last asked for a link to sign in, whether or not he got one.
ASKED = "asked"
# By which rules the timers of all tickets were planned.
PLANNED = "planned"
# What the clocks showed when they were last looked at closely, and what is doubted of them; of each gateway by itself where several share
# the database (`clock:` and its name).
CLOCK = "clock"


_GET = Statement(lambda _: select(facts.c.value).where(facts.c.name == bindparam("of")))


def get(tx: Tx, name: str) -> str | None:
    """The fact, or None where it was never put down."""
    found = _GET.row(tx, {"of": name})
    return found.value if found else None


def put(tx: Tx, name: str, value: str) -> None:
    """Puts a fact down, over what it was."""
    statement = insert(tx, facts).values(name=name, value=value)
    tx.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def count(tx: Tx, name: str) -> None:
    """One more; from the first count on, the fact is a number."""
    more = cast(cast(facts.c.value, BigInteger) + 1, facts.c.value.type)
    tx.execute(insert(tx, facts).values(name=name, value="1").on_conflict_do_update(index_elements=["name"], set_={"value": more}))


def forget(tx: Tx, name: str) -> bool:
    """Removes a fact; False where there was none."""
    return tx.execute(delete(facts).where(facts.c.name == name)).rowcount == 1


def alike(tx: Tx, name: str) -> list[str]:
    """The fact of that name, and those of single gateways or mailboxes under it."""
    return list(tx.execute(select(facts.c.value).where(_under(name)).order_by(facts.c.name)).scalars())


def forget_all(tx: Tx, name: str) -> None:
    """Removes them."""
    tx.execute(delete(facts).where(_under(name)))


def _under(name: str) -> ColumnElement[bool]:
    return or_(facts.c.name == name, facts.c.name.startswith(f"{name}:", autoescape=True))
