"""What every test may ask for. The servers are started at the first test that asks, once a run, and taken away at the end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.kit.blank import BlankPostgres, migrated_sqlite
from tests.kit.clock import Clock
from tests.kit.compiled import compile_once
from tests.kit.postgres import Postgres
from tests.kit.processes import open_folder

compile_once()

# The same examples in every run; how long one takes is the machine's business.
settings.register_profile("mailgate", derandomize=True, deadline=None)
settings.load_profile("mailgate")

# Rooms whose tests wait for others more than they work, the longest first.
_WAITING = ("servers", "faults", "kit", "daemon")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits most begins first: several processes then share the tests without one that waits alone at the end."""
    rooms = {name: number for number, name in enumerate(_WAITING)}
    items.sort(key=lambda item: rooms.get(item.path.parent.name, len(rooms)))


# A test that is not bound to one database asks for one of these by this name; it runs once on each.
either = pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at a Monday morning, for rules that take `now`."""
    return Clock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The PostgreSQL server of this run. Tests share it and take a database each."""
    with Postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """The URL of a new, empty PostgreSQL database, deleted after the test."""
    name = postgres.database()
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture(scope="session")
def blank_sqlite() -> bytes:
    """A migrated file without a row."""
    return migrated_sqlite()


@pytest.fixture(scope="session")
def place_of_sqlite() -> Iterator[Path]:
    """The folder in which the tests of the run have their SQLite databases, one after the other."""
    folder = open_folder("mailgate-sqlite-")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def blank_postgres(postgres: Postgres) -> Iterator[BlankPostgres]:
    """A migrated database that the tests of the run use one after the other; whoever begins empties it."""
    blank = BlankPostgres(postgres)
    yield blank
    blank.close()


@either
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated database without a row: the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        folder: Path = request.getfixturevalue("place_of_sqlite")
        shutil.rmtree(folder)
        folder.mkdir()
        path = folder / "mailgate.db"
        path.touch(0o600)
        path.write_bytes(request.getfixturevalue("blank_sqlite"))
        return f"sqlite:///{path}"
    blank: BlankPostgres = request.getfixturevalue("blank_postgres")
    # Before and not after the test, so that whatever looks at its end finds what it has left.
    blank.empty()
    return blank.url


@either
def empty_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new database that nobody has migrated, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'mailgate.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url
