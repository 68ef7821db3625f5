from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from mailgate.desk.model import Address
from mailgate.store import links, schema
from mailgate.store.engine import Store
from mailgate.store.links import Link, Purpose
from tests.store.databases import NOW

BEA = Address("bea@corp.example")
HOUR = timedelta(hours=1)


def put(store: Store, word: str, purpose: Purpose = Purpose.LOGIN, *, until: datetime = NOW + HOUR, made: datetime = NOW) -> str:
    with store.begin() as tx:
        links.put(tx, Link(links.digest(word), purpose, made, until, BEA))
    return links.digest(word)


def test_a_secret_has_256_bits_and_stands_nowhere_in_the_database(store: Store) -> None:
    word = links.secret()
    assert len(word) == 43
    assert word != links.secret()
    put(store, word)
    with store.look() as tx:
        row = tx.execute(select(schema.secret_links)).one()
        assert word not in str(row)
        assert row.hash == links.digest(word)


def test_a_link_is_found_by_its_hash_for_its_purpose_only(store: Store) -> None:
    put(store, "one")
    with store.look() as tx:
        assert links.find(tx, links.digest("one"), Purpose.LOGIN) == Link(links.digest("one"), Purpose.LOGIN, NOW, NOW + HOUR, BEA)
        assert links.find(tx, links.digest("one"), Purpose.APPROVAL) is None
        assert links.find(tx, "one", Purpose.LOGIN) is None


def test_of_many_who_use_a_link_at_once_exactly_one_has_used_it(store: Store) -> None:
    word, used = put(store, "once"), []

    def use() -> None:
        with store.begin() as tx:
            used.append(links.use(tx, word, Purpose.LOGIN, NOW))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(used) == [False] * 7 + [True]


def test_a_link_that_is_over_or_for_something_else_cannot_be_used(store: Store) -> None:
    over, other = put(store, "over", until=NOW), put(store, "other", Purpose.SESSION)
    with store.begin() as tx:
        assert not links.use(tx, over, Purpose.LOGIN, NOW)
        assert not links.use(tx, other, Purpose.LOGIN, NOW)
        assert links.use(tx, other, Purpose.SESSION, NOW)


def test_wrong_guesses_are_counted_and_links_of_a_person_come_newest_first(store: Store) -> None:
    put(store, "old", Purpose.CODE, made=NOW - HOUR)
    new = put(store, "new", Purpose.CODE)
    with store.begin() as tx:
        links.missed(tx, new)
        links.missed(tx, new)
    with store.look() as tx:
        assert [one.tries for one in links.of_person(tx, BEA, Purpose.CODE, NOW - HOUR)] == [2, 0]
        assert [one.hash for one in links.of_person(tx, BEA, Purpose.CODE, NOW)] == [new]


def test_what_is_long_over_is_swept_away(store: Store) -> None:
    put(store, "old", until=NOW - HOUR)
    put(store, "new")
    with store.begin() as tx:
        assert links.sweep(tx, NOW, 50) == 1
        assert links.sweep(tx, NOW, 50) == 0
        assert links.find(tx, links.digest("new"), Purpose.LOGIN) is not None


@pytest.mark.postgres
def test_two_who_sweep_at_once_take_different_ones_and_wait_for_nobody(store: Store) -> None:
    if store.sqlite:
        pytest.skip("SQLite has one writer at a time")
    for name in ("one", "two"):
        put(store, name, until=NOW - HOUR)
    with store.begin() as here, store.begin() as there:
        assert links.sweep(here, NOW, 1) == 1
        # Whoever waited would be ended by the lock_timeout.
        assert links.sweep(there, NOW, 5) == 1
