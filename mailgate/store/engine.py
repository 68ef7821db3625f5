"""How is the database opened, and what is a transaction? The only room that knows which database it is.

SQLite: write-ahead log, synced at every commit, one transaction at a time in the process, BEGIN IMMEDIATE against other processes.
PostgreSQL: psycopg, read committed, time limits on locks and statements.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, func, literal, text, type_coerce
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.sql.elements import ColumnElement

from mailgate.desk.errors import Misconfigured, Temporary
from mailgate.store.schema import Moment

Tx = Connection

_BUSY_MS = 20_000
_PG_OPTIONS = "-c lock_timeout=20s -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s -c timezone=UTC"


@dataclass(frozen=True, slots=True)
class Lease:
    """Whose a claimed row is and until when, as expressions in the clock that all claimants share. `now` is the gateway's own time, UTC."""

    owner: str
    now: datetime
    span: timedelta
    clock: ColumnElement[datetime]
    until: ColumnElement[datetime]


class Fenced(Temporary):
    """The claim was taken over by somebody else meanwhile; nothing of this transaction may happen."""

    code = "fenced"


class Unavailable(Temporary):
    """The database could not do it now: locked, full, read-only or out of reach. Nothing of the transaction happened."""

    code = "store-unavailable"


class Store:
    """A database and its transactions. Safe to use from many threads."""

    def __init__(self, url: str, password: str | None = None) -> None:
        """Opens nothing yet: the first transaction connects. Raises Misconfigured for a URL that is no SQLite or PostgreSQL one."""
        self.url = _checked(url).set(password=password) if password else _checked(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self._turn = threading.Lock() if self.sqlite else nullcontext()
        if self.sqlite:
            self.path = Path(str(self.url.database))
            _private(self.path)
            self._engine = create_engine(self.url, connect_args={"timeout": _BUSY_MS / 1000, "check_same_thread": False})
            self._reading = create_engine(self.url, connect_args={"timeout": _BUSY_MS / 1000, "check_same_thread": False})
            _as_sqlite(self._engine, "BEGIN IMMEDIATE")
            _as_sqlite(self._reading, "BEGIN")
        else:
            self._engine = self._reading = create_engine(
                self.url, pool_pre_ping=True, pool_size=8, connect_args={"options": _PG_OPTIONS, "connect_timeout": 10}
            )

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        """One transaction: committed when the block ends, rolled back when it raises. Raises Unavailable where trying later helps."""
        with self._turn, _translated(), self._engine.begin() as tx:
            yield tx

    @contextmanager
    def look(self) -> Iterator[Tx]:
        """One consistent view for reading; whatever is written in it is rolled back."""
        with _translated(), self._reading.connect() as tx:
            yield tx

    def lease(self, owner: str, now: datetime, span: timedelta) -> Lease:
        """A lease that begins now. Its times are the database's own where several hosts share it, else they go by `now`."""
        if self.sqlite:
            return Lease(owner, now, span, literal(now, Moment), literal(now + span, Moment))
        clock = func.clock_timestamp(type_=Moment)
        return Lease(owner, now, span, clock, type_coerce(clock + span, Moment))

    def engine(self) -> Engine:
        """For migrations alone."""
        return self._engine

    def close(self) -> None:
        """Ends all connections; a transaction that runs finishes first."""
        with self._turn:
            self._engine.dispose()
            self._reading.dispose()


def insert(tx: Tx, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT, in this database's dialect; both read the same."""
    return sqlite.insert(table) if tx.dialect.name == "sqlite" else postgresql.insert(table)


@contextmanager
def savepoint(tx: Tx) -> Iterator[None]:
    """A part of a transaction that can fail without its neighbours."""
    with tx.begin_nested():
        yield


def exclusive(store: Store) -> Any:
    """The lock that a daemon holds on its SQLite file for as long as it lives; None on PostgreSQL, which daemons share.

    Raises Misconfigured where another daemon holds it.
    """
    if not store.sqlite:
        return None
    handle = os.open(f"{store.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise Misconfigured(f"{store.path}: another mailgate daemon runs on this database") from error
        raise
    return handle


def durable(store: Store) -> None:
    """Asks the database itself whether a commit survives a power cut. Raises Misconfigured where it would not."""
    with store.look() as tx:
        if store.sqlite:
            if tx.execute(text("PRAGMA synchronous")).scalar() != 2:
                raise Misconfigured(f"{store.path}: SQLite does not sync at every commit (PRAGMA synchronous must be FULL)")
            return
        for name in ("fsync", "synchronous_commit"):
            if tx.execute(text(f"SHOW {name}")).scalar() == "off":
                raise Misconfigured(f"{store.url.render_as_string()}: the server runs with {name} = off and would lose accepted mail")


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except Exception as error:
        raise Misconfigured(f"[store] url: {error}") from error
    if backend not in ("sqlite", "postgresql"):
        raise Misconfigured(f"[store] url: {backend} is not supported; sqlite:///path or postgresql+psycopg://…")
    return parsed


def _private(path: Path) -> None:
    """The database file exists and is nobody else's to read, before SQLite makes it with the process's umask."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except PermissionError as error:
        raise Misconfigured(f"{path}: {error.strerror}") from error
    except OSError as error:
        raise Unavailable(f"{path}: {error}") from error


def _as_sqlite(engine: Engine, begin: str) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        # The driver must not begin transactions of its own: a deferred one that reads and then writes fails at once.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_BUSY_MS}", "cache_size=-8000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise Unavailable(str(error.orig)) from error
    except DBAPIError as error:
        if error.connection_invalidated or "readonly" in str(error.orig).lower():
            raise Unavailable(str(error.orig)) from error
        raise
