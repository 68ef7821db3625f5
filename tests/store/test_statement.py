"""A statement of the hot path says the same as SQLAlchemy would, in both databases, and is prepared once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Executable, bindparam, insert, select, update

from mailgate.store import registers, schema
from mailgate.store.engine import Conflict, Store, savepoint
from mailgate.store.schema import Moment
from mailgate.store.statement import Database, Statement
from tests.store.databases import NOW

_t = schema.stretches
ADD = Statement(lambda _: insert(registers.facts), registers.facts.c)
FOUND = Statement(
    lambda database: select(registers.facts).where(database.among(registers.facts.c.name, "names")).order_by(registers.facts.c.name)
)


def add(store: Store, *names: str) -> None:
    with store.begin() as tx:
        ADD.change_all(tx, ({"name": name, "value": name.upper()} for name in names))


def test_rows_have_the_names_of_their_columns(store: Store) -> None:
    add(store, "a", "b", "c")
    with store.look() as tx:
        rows = FOUND.rows(tx, {"names": ["c", "a", "x"]})
        assert [(row.name, row.value) for row in rows] == [("a", "A"), ("c", "C")]
        assert FOUND.row(tx, {"names": ["b"]})._asdict() == {"name": "b", "value": "B"}
        assert FOUND.row(tx, {"names": []}) is None


def test_values_pass_through_the_types_of_their_columns(store: Store) -> None:
    """Times, booleans and texts that no database takes as they are: written by a statement, read by SQLAlchemy, and the other way round."""
    table = schema.outbox
    columns = [column for column in table.c if column.key not in ("id", "lease_until")]
    put = Statement(lambda _: insert(table).returning(table.c.id), columns)
    get = Statement(lambda _: select(table.c.created_at, table.c.automatic, table.c.recipient, table.c.octets, table.c.finished_at))
    values: dict[str, object] = {column.key: "x" for column in columns}
    values |= {"ticket": 1, "rank": 1, "attempts": 0, "automatic": True, "unproven": False, "maybe_dup": False, "octets": b"\x00\xff"}
    values |= {
        "next_at": NOW,
        "created_at": NOW + timedelta(microseconds=1),
        "finished_at": None,
        "owner": None,
        "recipient": "a\0b\ud800@x",
    }
    with store.begin() as tx:
        assert put.row(tx, values).id == 1
        asked = get.row(tx, {})
        ordinary = tx.execute(select(table.c.created_at, table.c.automatic, table.c.recipient, table.c.octets, table.c.finished_at)).one()
    assert tuple(asked) == tuple(ordinary) == (NOW + timedelta(microseconds=1), True, "ab?@x", b"\x00\xff", None)
    assert asked.automatic is True


def test_a_list_is_made_storable_like_every_text(store: Store) -> None:
    add(store, "a")
    with store.look() as tx:
        assert [row.name for row in FOUND.rows(tx, {"names": ["a\0", "\ud800", "b"]})] == ["a"]


def test_how_many_rows_changed_is_told(store: Store) -> None:
    add(store, "a", "b")
    change = Statement(lambda _: update(registers.facts).where(registers.facts.c.name == bindparam("of")).values(value="same for all"))
    with store.begin() as tx:
        assert [change.change(tx, {"of": name}) for name in ("a", "x")] == [1, 0]
        assert FOUND.row(tx, {"names": ["a"]}).value == "same for all"


def test_a_value_that_is_missing_is_an_error_and_no_null(store: Store) -> None:
    with pytest.raises(KeyError), store.begin() as tx:
        ADD.change(tx, {"name": "a"})


def test_a_naive_time_is_refused(store: Store) -> None:
    since = Statement(lambda _: select(_t.c.ticket).where(_t.c.since >= bindparam("since", type_=Moment)))
    with store.look() as tx, pytest.raises(ValueError, match="naive"):
        since.rows(tx, {"since": NOW.replace(tzinfo=None)})


def test_what_a_constraint_forbids_is_a_conflict_that_tells_no_values_and_undoes_its_savepoint_alone(store: Store) -> None:
    with store.begin() as tx:
        with pytest.raises(Conflict) as failed, savepoint(tx):  # noqa: PT012
            ADD.change(tx, {"name": "told", "value": "1"})
            ADD.change(tx, {"name": "told", "value": "2"})
        ADD.change(tx, {"name": "b", "value": "2"})
    assert "told" not in str(failed.value)
    with store.look() as tx:
        assert [row.name for row in FOUND.rows(tx, {"names": ["told", "b"]})] == ["b"]


def test_a_statement_is_made_once_for_each_database(store: Store) -> None:
    made: list[Database] = []

    def make(database: Database) -> Executable:
        made.append(database)
        return select(registers.facts)

    statement = Statement(make)
    with store.look() as tx:
        assert [statement.rows(tx, {}) for _ in range(3)] == [[], [], []]
    assert len(made) == 1
