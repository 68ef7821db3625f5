"""Offices for the stories. Whatever a story tells, at its end the ledger has to add up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailgate.desk.policy import Security
from tests.kit.office import Office

# A desk whose border checks senders and writes down what it found.
GUARDED = Security(authserv_ids=("mx.desk.example",))


@pytest.fixture
def open_office(tmp_path: Path) -> Iterator[Callable[..., Office]]:
    """Opens an office with the parts given (people, policy, security, desk, url …); any number of them in one story."""
    opened: list[Office] = []

    def opener(**parts: object) -> Office:
        folder = tmp_path / f"office{len(opened)}"
        folder.mkdir()
        opened.append(Office(folder, **parts))  # type: ignore[arg-type]
        return opened[-1]

    yield opener
    for office in opened:
        violations = office.violations()
        office.close()
        assert violations == []


@pytest.fixture
def office(open_office: Callable[..., Office]) -> Office:
    """A desk whose border checks nobody: the signed address of our own letters has to do."""
    return open_office()


@pytest.fixture
def guarded(open_office: Callable[..., Office]) -> Office:
    """A desk whose border checks senders: only an `aligned` one is who he says."""
    return open_office(security=GUARDED)


@pytest.fixture
def either_office(store_url: str, open_office: Callable[..., Office]) -> Office:
    """The same as `office`, once on SQLite and once on PostgreSQL."""
    return open_office(url=store_url)
