"""What do the tests of the store put into it, and on which clock? The databases themselves are those of tests/conftest.py."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Table, func, select

from mailgate.store.engine import Lease, Store
from mailgate.store.inbox import Arrival
from tests.kit.clock import MONDAY

NOW = MONDAY
SPAN = timedelta(minutes=5)


@pytest.fixture
def url(store_url: str) -> str:
    """The same, by its short name."""
    return store_url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A new, migrated database, opened."""
    opened = Store(store_url)
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
