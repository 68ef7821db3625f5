"""Which database does a test run on? A new one each, migrated already: once SQLite, once PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table, func, select

from mailgate.store import schema
from mailgate.store.engine import Lease, Store
from mailgate.store.inbox import Arrival
from mailgate.store.migrate import migrate
from tests.kit.clock import MONDAY
from tests.kit.postgres import Postgres

NOW = MONDAY
SPAN = timedelta(minutes=5)


@pytest.fixture(scope="session")
def blank_sqlite(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A migrated file."""
    path = tmp_path_factory.mktemp("blank") / "blank.db"
    store = Store(f"sqlite:///{path}")
    migrate(store)
    store.close()
    return path.read_bytes()


@pytest.fixture(scope="session")
def blank_postgres(postgres: Postgres) -> str:
    """The name of a migrated database that all tests of the run use, one after the other."""
    name = postgres.database()
    store = Store(postgres.url(name))
    migrate(store)
    store.close()
    return name


# Emptied, not made anew: a database costs a second where fsync is on.
_LEAVE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
_EMPTY = [f"DELETE FROM {table.name}" for table in reversed(schema.metadata.sorted_tables)]
_FROM_ONE = [
    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), 1, false)" for table in schema.metadata.sorted_tables if "id" in table.c
]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a migrated database without a row is."""
    if request.param == "sqlite":
        path = tmp_path / "mailgate.db"
        path.touch(0o600)
        path.write_bytes(request.getfixturevalue("blank_sqlite"))
        yield f"sqlite:///{path}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = request.getfixturevalue("blank_postgres")
    yield server.url(name)
    server.sql("; ".join((_LEAVE, *_EMPTY, *_FROM_ONE)), name)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """A new, migrated database, opened."""
    opened = Store(url)
    yield opened
    opened.close()


def arrival(key: str = "k1", raw: bytes = b"Subject: x\r\n\r\nhello\r\n", **others: object) -> Arrival:
    """A mail as the inbox takes it; `key` is what a second copy is known by."""
    values: dict[str, object] = {
        "desk": "Desk", "channel": "smtp", "dedupe_key": key, "message_id": f"{key}@mua.example", "sender": "ann@out.example",
        "subject": "x", "envelope_from": "ann@out.example", "envelope_to": ("desk@desk.example",), "peer": "127.0.0.1",
        "submission": False, "raw": raw,
    }  # fmt: skip
    return Arrival(**{**values, **others})  # type: ignore[arg-type]


def lease_left(store: Store, table: Table) -> timedelta:
    """How long the one claim in a table still holds, on the clock that all who claim share."""
    with store.look() as tx:
        until = tx.execute(select(table.c.lease_until)).scalar_one()
        clock = NOW if store.sqlite else tx.execute(select(func.clock_timestamp())).scalar_one()
    assert until is not None
    return until - clock


def lease(owner: str = "me", seconds: float = 0, span: timedelta = SPAN) -> Lease:
    """A lease taken so many seconds after NOW."""
    return Lease(owner, NOW + timedelta(seconds=seconds), span)
