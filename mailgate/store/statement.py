"""How does a statement run that every mail needs? SQLAlchemy makes it once for each database; from then on the driver runs it itself.

What SQLAlchemy does at each execution costs ten times what SQLite needs to answer. Statements that a mail does not need are executed
the ordinary way, and the transaction is SQLAlchemy's in any case.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from msgspec import Struct, json
from sqlalchemy import ARRAY, Column, Dialect, Executable, Interval, Table, TypeDecorator, bindparam, func, select, type_coerce
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeEngine

from mailgate.store.engine import Tx, driven
from mailgate.store.schema import Moment, Text, storable

_Form = Callable[[Any], Any]


class Database(Struct, frozen=True):
    """What differs from one database to the other when a statement is made.

    `dialect` has values by place, so that one tuple serves either driver; `insert` knows ON CONFLICT. Leases are counted on the clock that
    all who claim share: the database's own where hosts share it, else the gateway's. `Lease.times` fills in the expressions. `among` asks
    whether a column holds one of a list that is given by name.
    """

    dialect: Dialect
    insert: Callable[[Table], Any]
    clock: ColumnElement[datetime]
    lease_end: ColumnElement[datetime]
    among: Callable[[Column[Any], str], ColumnElement[bool]]


class _Json(TypeDecorator[list[object]]):
    """A list as one value, for a database that knows no arrays."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[list[object] | None], str]:
        """To the database."""
        return _as_json


def _as_json(values: list[object] | None) -> str:
    return json.encode([storable(one) if isinstance(one, str) else one for one in values or ()]).decode()


def _among_json(column: Column[Any], name: str) -> ColumnElement[bool]:
    return column.in_(select(func.json_each(bindparam(name, type_=_Json)).table_valued("value", name="listed").c.value))


def _among_array(column: Column[Any], name: str) -> ColumnElement[bool]:
    return column == func.any(bindparam(name, type_=ARRAY(column.type)))


@cache
def _database(name: str) -> Database:
    """The database that SQLAlchemy calls so."""
    dialect: Dialect
    if name == "sqlite":
        dialect = SQLiteDialect_pysqlite(paramstyle="qmark")
        return Database(dialect, sqlite.insert, bindparam("clock", type_=Moment), bindparam("lease_end", type_=Moment), _among_json)
    # Imported where it is used, as in `engine.insert`.
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

    clock = func.clock_timestamp(type_=Moment)
    lease_end = type_coerce(func.clock_timestamp() + bindparam("lease_end", type_=Interval), Moment)
    dialect = PGDialect_psycopg(paramstyle="format")  # type: ignore[no-untyped-call]
    return Database(dialect, postgresql.insert, clock, lease_end, _among_array)


class _Ready(NamedTuple):
    """A statement in one driver's words.

    `places` says for each place of the SQL which value stands there, and what brings that into the form of the database; values that never
    change stand in `fixed`, in that form already. `read` says which places of a row come in another form than ours.
    """

    sql: str
    places: tuple[tuple[str, _Form | None], ...]
    fixed: dict[str, object]
    row: Callable[[Iterable[Any]], Any]
    read: tuple[tuple[int, _Form], ...]

    def given(self, values: Mapping[str, object]) -> Sequence[object]:
        """What the driver is given for these values. Raises KeyError where one is missing."""
        known = {**self.fixed, **values} if self.fixed else values
        return [known[name] if form is None else form(known[name]) for name, form in self.places]


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
        ready = self._ready_for(tx)
        given = [ready.given(values) for values in several]
        if given:
            driven(tx, ready.sql, given, many=True)

    def rows(self, tx: Tx, values: Mapping[str, object]) -> list[Any]:
        """Runs it; the rows that it selects or returns."""
        ready, cursor = self._run(tx, values)
        found = cursor.fetchall()
        return [ready.row(_read(row, ready.read)) for row in found] if ready.read else list(map(ready.row, found))

    def row(self, tx: Tx, values: Mapping[str, object]) -> Any:
        """The first of its rows; None where there is none."""
        found = self.rows(tx, values)
        return found[0] if found else None

    def _run(self, tx: Tx, values: Mapping[str, object]) -> tuple[_Ready, Any]:
        ready = self._ready_for(tx)
        return ready, driven(tx, ready.sql, ready.given(values))

    def _ready_for(self, tx: Tx) -> _Ready:
        return self._ready.get(tx.dialect.name) or self._prepare(tx.dialect.name)

    def _prepare(self, name: str) -> _Ready:
        database = _database(name)
        dialect, statement = database.dialect, self._make(database)
        compiled: Any = statement.compile(dialect=dialect, column_keys=self._columns or None)  # type: ignore[attr-defined]
        binds = [compiled.binds[one] for one in compiled.positiontup]
        columns = list(getattr(statement, "exported_columns", ()))
        row: Any = namedtuple("Row", [column.key for column in columns])  # type: ignore[misc]
        forms = {one.key: _bringer(one.type, dialect) for one in binds}
        fixed = {one.key: _formed(one.value, forms.pop(one.key)) for one in binds if not one.required}
        ready = _Ready(
            compiled.string, tuple((one.key, forms.get(one.key)) for one in binds), fixed, row._make,
            tuple((place, form) for place, one in enumerate(columns) if (form := _reader(one.type, dialect)) is not None),
        )  # fmt: skip
        self._ready[name] = ready
        return ready


def _formed(value: object, form: _Form | None) -> object:
    return value if form is None else form(value)


def _read(row: Sequence[object], forms: tuple[tuple[int, _Form], ...]) -> Sequence[object]:
    """A row as ours has it."""
    ours = list(row)
    for place, form in forms:
        ours[place] = form(ours[place])
    return ours


def _bringer(kind: TypeEngine[Any], dialect: Dialect) -> _Form | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _reader(kind: TypeEngine[Any], dialect: Dialect) -> _Form | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)
