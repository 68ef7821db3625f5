"""Where do a thousand tickets come from, or a million? One that lived is multiplied in the database: rows as the house itself wrote them.

Each copy has a requester, a story, timers and Message-IDs of its own. Letters and mails are not copied: nothing that is due by itself.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, String, Table, cast, func, insert, literal, select

from mailgate.store import schema
from mailgate.store.engine import Store, Tx
from mailgate.store.schema import Text

_TABLES = (schema.tickets, schema.participants, schema.stretches, schema.messages, schema.events, schema.timers)


def multiply(store: Store, ticket: int, count: int, first: int = 1) -> None:
    """So many more tickets like this one, which is of `p0@…` and whose story is caused by orders alone. Theirs are p`first`@… and on."""
    with store.begin() as tx:
        last = tx.execute(select(func.max(schema.tickets.c.id))).scalar_one()
        for table in _TABLES:
            _copy(tx, table, ticket, last, count, first)
        newest = tx.execute(select(func.max(schema.tickets.c.id))).scalar_one()
        assert newest == last + count, "somebody else opens tickets meanwhile"


def _copy(tx: Tx, table: Table, ticket: int, last: int, count: int, first: int) -> None:
    numbers = select(literal(first).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n + 1 < first + count))
    place = numbers.c.n - first + 1 + last
    # Tickets, events and the like get their numbers from the database, in this order.
    keys = [column for column in table.c if not (column.name == "id" and column.primary_key)]
    values = [place if column.name == "ticket" else _renamed(column, numbers.c.n) for column in keys]
    own = table.c.id if table is schema.tickets else table.c.ticket
    order = (numbers.c.n, *table.primary_key.columns)
    found = select(*values).select_from(table).join(numbers, literal(1) == 1).where(own == ticket).order_by(*order)
    tx.execute(insert(table).from_select([column.name for column in keys], found))


def _renamed(column: Column[Any], number: ColumnElement[int]) -> ColumnElement[Any]:
    if not isinstance(column.type, Text):
        return column
    named = cast(number, String)
    text = func.replace(column, "p0@", literal("p") + named + "@", type_=String)
    return text + "-" + named if column.name == "cause_id" else text
