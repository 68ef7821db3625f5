"""A PostgreSQL server for one test run: a cluster of its own in a temporary folder, on a port of 127.0.0.1.

It keeps fsync on unless told otherwise, since mailgate refuses a database that may forget what it committed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from types import TracebackType

import psycopg

from tests.kit.need import environment, need
from tests.kit.processes import free_port, kill_group, open_folder, wait_until

SUPERUSER = "mailgate"


class Postgres:
    """One cluster. Start it by `with`, or by `start()` and `remove()`; ask it for `database()` after `database()`."""

    def __init__(self, *, fsync: bool = True) -> None:
        """Nothing runs yet. `fsync=False` is for tests that mean it, such as those that show how mailgate refuses it."""
        self.binaries = need("postgres").parent
        self.folder = open_folder("mailgate-postgres-")
        self.port = free_port()
        self.fsync = fsync
        self._environment = environment(self.binaries / "postgres")
        # PostgreSQL refuses to run as root, and Debian knows `nobody` also where its own package is not installed.
        self._user = "nobody" if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def __enter__(self) -> Postgres:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.remove()

    @property
    def log(self) -> Path:
        """The file to which the server writes its log."""
        return self.folder / "postgres.log"

    def start(self) -> None:
        """Makes the cluster at the first call, runs the server, and returns once it answers. Raises TimeoutError after 30 s."""
        data = self.folder / "data"
        if not data.exists():
            self._make(data)
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "on" if self.fsync else "off",
            "shared_buffers": "32MB",
            "max_connections": 60,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = self._run("postgres", "-D", str(data), *options)
        wait_until(self._answers, 30, f"PostgreSQL, see {self.log}", self._process)

    def stop(self) -> None:
        """Ends the server in order: SIGINT, since SIGTERM waits for ever for idle clients. Does nothing where it is down."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """Ends the server as a crash does: no checkpoint, no good-bye. `start()` recovers it from its log."""
        self._end(signal.SIGQUIT)

    def remove(self) -> None:
        """Stops the server and deletes the cluster."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of one database, for psycopg 3."""
        return f"postgresql+psycopg://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def database(self, template: str = "template1") -> str:
        """The name of a new database that is a copy of `template`; `url(name)` leads there, and nobody may use the template now."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def drop(self, database: str) -> None:
        """Deletes a database, whoever is connected to it."""
        self.sql(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def sql(self, statement: str, database: str = "postgres") -> None:
        """Runs one statement outside of a transaction."""
        with self.connect(database) as connection:
            connection.execute(statement.encode())

    def connect(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        """A connection to a database that begins no transaction by itself."""
        return psycopg.connect(host="127.0.0.1", port=self.port, user=SUPERUSER, dbname=database, autocommit=True, connect_timeout=5)

    def _make(self, data: Path) -> None:
        data.mkdir(mode=0o700)
        if self._user:
            shutil.chown(self.folder, self._user)
            shutil.chown(data, self._user)
        settings = ("--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
        if self._run("initdb", "-D", str(data), "-U", SUPERUSER, *settings).wait(timeout=60) != 0:
            raise RuntimeError(f"initdb failed: {self.log.read_text()}")

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [self.binaries / program, *arguments],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=self._user,
                group="nogroup" if self._user else None,
                extra_groups=[] if self._user else None,
            )

    def _answers(self) -> bool:
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            kill_group(self._process)
        self._process = None
