"""What does a database look like that has been migrated and has no row yet? Made once a run: migrations have tests of their own."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from mailgate.store import schema
from mailgate.store.engine import Store
from mailgate.store.migrate import migrate
from tests.kit.postgres import Postgres


@cache
def migrated_sqlite() -> bytes:
    """The file of an empty SQLite database, migrated."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "blank.db"
        store = Store(f"sqlite:///{path}")
        migrate(store)
        store.close()
        return path.read_bytes()


_LEAVE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
_EMPTY = [f"DELETE FROM {table.name}" for table in reversed(schema.metadata.sorted_tables)]
_FROM_ONE = [
    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), 1, false)" for table in schema.metadata.sorted_tables if "id" in table.c
]


class BlankPostgres:
    """A migrated PostgreSQL database that tests use one after the other, each of which empties it by the one connection that is kept."""

    def __init__(self, server: Postgres) -> None:
        name = server.database()
        self.url = server.url(name)
        store = Store(self.url)
        migrate(store)
        store.close()
        self._connection = server.connect(name)

    def empty(self) -> None:
        """Takes every row out and throws out whoever is left in it. A new database costs a second where fsync is on."""
        self._connection.execute("; ".join((_LEAVE, *_EMPTY, *_FROM_ONE)).encode())

    def close(self) -> None:
        """Nobody uses it any more."""
        self._connection.close()
