"""Why is each letter and statement compiled once a run, and not once for each desk that a test opens? Half of the suite did nothing else.

A template's code depends on its text, its name and whether it escapes, and on nothing that a test changes; only that is kept. Whatever
Jinja2 does with the code, and every template that it refuses, is as always. A statement's SQL depends on its parts, which SQLAlchemy
compares itself, and on the kind of database: two of one kind and version, for which it would write the same, count as one.
"""

from __future__ import annotations

from types import CodeType
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Dialect, Engine

from mailgate.mail.sandbox import Environment

_compile: Any = Environment.compile
_known: dict[tuple[object, ...], CodeType] = {}
_statements: dict[Any, Any] = {}


def compile_once() -> None:
    """From now on this process, and whatever it forks, knows each template and each statement that it has compiled."""
    Environment.compile = _remembered  # type: ignore[method-assign, assignment]
    for kind in (SQLiteDialect_pysqlite, PGDialect_psycopg):
        kind.__eq__, kind.__hash__ = _alike, _kind  # type: ignore[method-assign, assignment]
    event.listen(Engine, "engine_connect", _share)


def _alike(one: Dialect, other: object) -> bool:
    return isinstance(other, Dialect) and _described(one) == _described(other)


def _kind(one: Dialect) -> int:
    return hash((one.name, one.paramstyle))


def _described(one: Dialect) -> tuple[object, ...]:
    return one.name, one.paramstyle, one.server_version_info


def _share(connection: Connection) -> None:
    connection.execution_options(compiled_cache=_statements)


def _remembered(environment: Environment, source: object, name: str | None = None, filename: str | None = None, **further: bool) -> Any:
    if not isinstance(source, str) or any(further.values()):
        return _compile(environment, source, name, filename, **further)
    key = (type(environment), bool(environment.autoescape), source, name, filename)
    if key not in _known:
        _known[key] = _compile(environment, source, name, filename)
    return _known[key]
