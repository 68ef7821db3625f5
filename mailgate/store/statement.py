"""How does a statement run that every mail needs? SQLAlchemy makes it once for each database; from then on the driver runs it itself.

What SQLAlchemy does at each execution costs ten times what SQLite needs to answer. Statements that a mail does not need are executed
the ordinary way, and the transaction is SQLAlchemy's in any case.
"""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, Column, Dialect, Executable, Interval, Table, TypeDecorator, bindparam, func, select, type_coerce
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql.elements import ColumnElement

from mailgate.store.engine import Tx, driven
from mailgate.store.schema import Moment, Text, storable

# Both with values by place, so that one tuple serves either driver.
_DIALECTS: dict[str, Dialect] = {"sqlite": SQLiteDialect_pysqlite(paramstyle="qmark"), "postgresql": PGDialect_psycopg(paramstyle="format")}  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Database:
    """What differs from one database to the other when a statement is made.

    `insert` knows ON CONFLICT. Leases are counted on the clock that all who claim share: the database's own where hosts share it, else
    the gateway's. `Lease.times` fills in the expressions. `among` asks whether a column holds one of a list that is given by name.
    """

    insert: Callable[[Table], Any]
    clock: ColumnElement[datetime]
    lease_end: ColumnElement[datetime]
    among: Callable[[Column[Any], str], ColumnElement[bool]]


class _Json(TypeDecorator[list[object]]):
    """A list as one value, for a database that knows no arrays."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: list[object] | None, dialect: Dialect) -> str:
        """To the database."""
        return json.dumps([storable(one) if isinstance(one, str) else one for one in value or ()])


def _among_json(column: Column[Any], name: str) -> ColumnElement[bool]:
    return column.in_(select(func.json_each(bindparam(name, type_=_Json)).table_valued("value", name="listed").c.value))


def _among_array(column: Column[Any], name: str) -> ColumnElement[bool]:
    return column == func.any(bindparam(name, type_=ARRAY(column.type)))


_DATABASES = {
    "sqlite": Database(sqlite.insert, bindparam("clock", type_=Moment), bindparam("lease_end", type_=Moment), _among_json),
    "postgresql": Database(
        postgresql.insert, func.clock_timestamp(type_=Moment),
        type_coerce(func.clock_timestamp() + bindparam("lease_end", type_=Interval), Moment), _among_array,
    ),
}  # fmt: skip


class _Ready(NamedTuple):
    """A statement in one driver's words: what it is given, by place, and how its rows are read.

    A place has a name, or a value that never changes, and whatever brings the value into the form of the database.
    """

    sql: str
    places: tuple[tuple[str | None, object, Callable[[Any], Any] | None], ...]
    row: Callable[[Iterable[Any]], Any]
    readers: tuple[Callable[[Any], Any] | None, ...] | None


class Statement:
    """A statement that is prepared at its first run in each database. Values are given by name; rows come as named tuples."""

    def __init__(self, make: Callable[[Database], Executable], columns: Iterable[Column[Any]] = ()) -> None:
        """`make` makes the statement for a database. `columns` are those that each run of an INSERT gives a value for."""
        self._make, self._columns = make, [column.key for column in columns]
        self._ready: dict[str, _Ready] = {}

    def change(self, tx: Tx, values: Mapping[str, object]) -> int:
        """Runs it; how many rows changed. Raises what `driven` raises."""
        return int(self._run(tx, values)[1].rowcount)

    def change_all(self, tx: Tx, several: Iterable[Mapping[str, object]]) -> None:
        """Runs it once for each of several sets of values."""
        for values in several:
            self._run(tx, values)

    def rows(self, tx: Tx, values: Mapping[str, object]) -> list[Any]:
        """Runs it; the rows that it selects or returns."""
        ready, cursor = self._run(tx, values)
        found = cursor.fetchall()
        if ready.readers is not None:
            found = [[read(value) if read else value for read, value in zip(ready.readers, row, strict=True)] for row in found]
        return list(map(ready.row, found))

    def row(self, tx: Tx, values: Mapping[str, object]) -> Any:
        """The first of its rows; None where there is none."""
        found = self.rows(tx, values)
        return found[0] if found else None

    def _run(self, tx: Tx, values: Mapping[str, object]) -> tuple[_Ready, Any]:
        name = tx.dialect.name
        ready = self._ready.get(name) or self._prepare(name)
        given = []
        for key, value, bring in ready.places:
            one = value if key is None else values[key]
            given.append(bring(one) if bring else one)
        return ready, driven(tx, ready.sql, given)

    def _prepare(self, name: str) -> _Ready:
        dialect, statement = _DIALECTS[name], self._make(_DATABASES[name])
        compiled: Any = statement.compile(dialect=dialect, column_keys=self._columns or None)  # type: ignore[attr-defined]
        places = tuple(_place(compiled.binds[one], dialect) for one in compiled.positiontup)
        columns = getattr(statement, "exported_columns", ())
        readers = tuple(_reader(column, dialect) for column in columns)
        row: Any = namedtuple("Row", [column.key for column in columns])  # type: ignore[misc]
        ready = _Ready(compiled.string, places, row._make, readers if any(readers) else None)
        self._ready[name] = ready
        return ready


def _place(bind: Any, dialect: Dialect) -> tuple[str | None, object, Callable[[Any], Any] | None]:
    bring = bind.type.dialect_impl(dialect).bind_processor(dialect)
    if bind.required:
        return bind.key, None, bring
    return None, bring(bind.value) if bring else bind.value, None


def _reader(column: Any, dialect: Dialect) -> Callable[[Any], Any] | None:
    found: Callable[[Any], Any] | None = column.type.dialect_impl(dialect).result_processor(dialect, None)
    return found
