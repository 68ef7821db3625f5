"""How is the database opened, and what is a transaction? The only room that knows which database it is.

SQLite: write-ahead log, synced at every commit, one transaction at a time in the process, BEGIN IMMEDIATE against other processes.
PostgreSQL: psycopg, read committed, time limits on locks and statements.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import DBAPIError, OperationalError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from mailgate.desk.errors import MailgateError, Misconfigured, Temporary

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

Tx = Connection

_BUSY_MS = 20_000
_SWITCHES = 400
# What every SQLite file begins with; a fresh one is empty.
_SQLITE_FILE = b"SQLite format 3\0"
_PG_OPTIONS = "-c lock_timeout=20s -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s -c timezone=UTC"
# After a sync that failed the kernel may have forgotten what it had not written: what such a handle says is not to be believed.
_UNBELIEVABLE = "disk I/O error"
_READ_ONLY = "read-only"
# Where a file cannot be made in whatever time: its folder is none or may not be written, or its name is a folder's or too long.
_NO_PLACE = frozenset({errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP})
# File systems of other hosts: their locks and their syncs promise too little for a database.
_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs"})


class Lease(Struct, frozen=True):
    """Whose a claimed row is, and for how long. `now` is the gateway's own time, UTC; `span` is counted on the clock of the database."""

    owner: str
    now: datetime
    span: timedelta

    def times(self, tx: Tx) -> dict[str, object]:
        """What the expressions `clock` and `lease_end` of a statement ask for in this database."""
        return {"lease_end": self.now + self.span, "clock": self.now} if tx.dialect.name == "sqlite" else {"lease_end": self.span}


class Fenced(Temporary):
    """The claim was taken over by somebody else meanwhile; nothing of this transaction may happen."""

    code = "fenced"


class Unavailable(Temporary):
    """The database could not do it now: locked, full, read-only or out of reach. Nothing of the transaction happened."""

    code = "store-unavailable"


class Conflict(MailgateError):
    """A constraint of the schema forbids it. Above all: this cause had its effect before. What the statement held is not told."""

    code = "conflict"


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
            _refuse_remote(self.path)
            options: dict[str, Any] = {"timeout": _BUSY_MS / 1000, "check_same_thread": False}
            # What is written into a statement are mails and tokens: none of it may stand in an error, and so in the log.
            self._engine = create_engine(self.url, connect_args=options, hide_parameters=True)
            self._reading = create_engine(self.url, connect_args=options, hide_parameters=True)
            _as_sqlite(self._engine, "BEGIN IMMEDIATE")
            _as_sqlite(self._reading, "BEGIN")
        else:
            self._engine = self._reading = create_engine(
                self.url, pool_pre_ping=True, pool_size=8, pool_timeout=20, hide_parameters=True,
                connect_args={"options": _PG_OPTIONS, "connect_timeout": 10},
            )  # fmt: skip

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
        """A lease that begins when it is written."""
        return Lease(owner, now, span)

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
    if tx.dialect.name == "sqlite":
        return sqlite.insert(table)
    # Its drivers take a tenth of a start; whoever has a file for a database does not wait for them.
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


def driven(tx: Tx, sql: str, values: Sequence[Any] = (), *, many: bool = False) -> Any:
    """The driver's cursor after it ran this SQL inside the transaction; with `many` once for each of the values.

    Raises Unavailable where trying later helps, Conflict where a constraint forbids it, else the driver's own error.
    """
    try:
        cursor = tx.connection.dbapi_connection.cursor()  # type: ignore[union-attr]
        (cursor.executemany if many else cursor.execute)(sql, values)
        return cursor
    except Exception as error:
        driver: Any = tx.dialect.dbapi
        if _UNBELIEVABLE in str(error):
            tx.invalidate()
        if isinstance(error, driver.OperationalError) or (isinstance(error, driver.Error) and _READ_ONLY in str(error)):
            raise Unavailable(str(error)) from error
        if isinstance(error, driver.IntegrityError):
            # The first line names the constraint; those that follow quote the values.
            raise Conflict(str(error).partition("\n")[0]) from None
        raise


@contextmanager
def savepoint(tx: Tx) -> Iterator[None]:
    """A part of a transaction that can fail without its neighbours. Raises Unavailable where the database could not do it now."""
    driven(tx, "SAVEPOINT part")
    try:
        yield
    except BaseException:
        driven(tx, "ROLLBACK TO SAVEPOINT part")
        driven(tx, "RELEASE SAVEPOINT part")
        raise
    driven(tx, "RELEASE SAVEPOINT part")


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
    """Asks the connection that commits whether a commit survives a power cut. Raises Misconfigured where it would not."""
    with store.begin() as tx:
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
        backend = parsed.drivername.partition("+")[0]
    except Exception as error:
        raise Misconfigured(f"[store] url: {error}") from error
    if backend == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return parsed.set(drivername="sqlite")
    if backend != "postgresql":
        raise Misconfigured(f"[store] url: {url.partition(':')[0]} is not supported; sqlite:///path or postgresql+psycopg://…")
    if find_spec("psycopg") is None:
        raise Misconfigured("[store] url: PostgreSQL needs psycopg: pip install 'psycopg[binary]'")
    return parsed.set(drivername="postgresql+psycopg")


def _private(path: Path) -> None:
    """The database file exists and is nobody else's to read, before SQLite makes it with the process's umask."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        begins = os.read(handle, len(_SQLITE_FILE))
        os.close(handle)
        if begins not in (b"", _SQLITE_FILE):
            raise Misconfigured(f"{path}: this file is no SQLite database")
    except OSError as error:
        if error.errno in _NO_PLACE:
            raise Misconfigured(f"{path}: {error.strerror}") from error
        raise Unavailable(f"{path}: {error.strerror}") from error


def _refuse_remote(path: Path, mountinfo: Path = Path("/proc/self/mountinfo")) -> None:
    """Raises Misconfigured for a file on another host's disk, as far as this system tells where its mounts come from."""
    try:
        device = path.stat().st_dev
        mounts = mountinfo.read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    wanted = f"{os.major(device)}:{os.minor(device)}"
    kinds = {line.partition(" - ")[2].split()[0] for line in mounts if line.split()[2] == wanted}
    if remote := kinds & _REMOTE:
        raise Misconfigured(f"{path}: SQLite cannot keep a database safe on {remote.pop()}; use a local disk, or PostgreSQL")


def _as_sqlite(engine: Engine, begin: str) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        # The driver must not begin transactions of its own: a deferred one that reads and then writes fails at once.
        connection.isolation_level = None
        _log_ahead(connection)
        # What is deleted is overwritten: some builds do so by themselves, others only when they are told.
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", f"busy_timeout={_BUSY_MS}", "cache_size=-8000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        driven(connection, begin)

    @event.listens_for(engine, "handle_error")
    def failed(context: ExceptionContext) -> None:
        if _UNBELIEVABLE in str(context.original_exception):
            context.is_disconnect = True


def _log_ahead(connection: Any) -> None:
    """Write-ahead log. Where two switch a new file to it at once, SQLite refuses one of them without waiting as it waits elsewhere."""
    for left in reversed(range(_SWITCHES)):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if not left or "locked" not in str(error):
                raise
            time.sleep(_BUSY_MS / 1000 / _SWITCHES)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise Unavailable(str(error.orig)) from error
    except DBAPIError as error:
        if error.connection_invalidated or _READ_ONLY in str(error.orig):
            raise Unavailable(str(error.orig)) from error
        raise
    except PendingRollbackError as error:
        raise Unavailable("the connection was lost within the transaction") from error
    except PoolExhausted as error:
        raise Unavailable("all connections to the database are busy") from error
