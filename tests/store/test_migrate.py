from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text

from mailgate.desk.errors import Misconfigured
from mailgate.desk.model import Address
from mailgate.store import digests, schema
from mailgate.store import migrate as migration
from mailgate.store.engine import Store
from mailgate.store.migrate import HEAD, current, migrate
from tests.store.databases import NOW


@pytest.fixture
def empty(empty_store_url: str) -> Iterator[Store]:
    store = Store(empty_store_url)
    yield store
    store.close()


def tables(store: Store) -> set[str]:
    with store.look() as tx:
        return set(inspect(tx).get_table_names())


def test_head_is_the_newest_step_in_the_folder() -> None:
    folder = Path(migration.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_heads() == [HEAD]


def test_an_empty_database_is_migrated_once(empty: Store) -> None:
    assert migrate(empty)
    assert not migrate(empty)
    with empty.look() as tx:
        assert current(tx) == HEAD


def test_migrating_an_empty_database_gives_exactly_the_schema(empty: Store) -> None:
    migrate(empty)
    with empty.begin() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True, "compare_server_default": True, "include_name": is_described})
        assert compare_metadata(context, schema.metadata) == []


def test_the_steps_and_the_schema_agree_on_every_column_index_and_key(empty: Store, tmp_path: Path) -> None:
    """What autogenerate does not compare on SQLite: primary and unique keys, foreign keys, NOT NULL."""
    migrate(empty)
    direct = Store(f"sqlite:///{tmp_path / 'direct.db'}")
    with direct.begin() as tx:
        schema.metadata.create_all(tx)
    with empty.look() as one, direct.look() as other:
        found, wanted = described(one), described(other)
    direct.close()
    assert found == wanted


# What only one kind of database has: its full-text search, with the tables that it makes for itself.
SEARCHED = ("article_words", "message_words")


def is_described(name: str | None, kind: str, _parent: object) -> bool:
    """Whether the schema says anything about this table."""
    return kind != "table" or not str(name).startswith(SEARCHED)


def described(tx: Any) -> dict[str, object]:
    """Every table with what matters of it, in an order that both databases agree on."""
    seen = inspect(tx)
    return {
        table: {
            "columns": {one["name"]: one["nullable"] for one in seen.get_columns(table)},
            "primary": seen.get_pk_constraint(table)["constrained_columns"],
            "unique": sorted(sorted(one["column_names"]) for one in seen.get_unique_constraints(table)),
            "foreign": sorted((one["constrained_columns"], one["referred_table"]) for one in seen.get_foreign_keys(table)),
            "indexes": sorted(
                (str(one["name"]), one["column_names"]) for one in seen.get_indexes(table) if not one.get("duplicates_constraint")
            ),
        }
        for table in sorted(seen.get_table_names()) if table != "alembic_version" and not table.startswith(SEARCHED)
    }  # fmt: skip


def test_two_who_migrate_at_once_both_succeed_and_one_does_the_work(empty_store_url: str) -> None:
    stores = [Store(empty_store_url) for _ in range(2)]
    barrier, done, errors = threading.Barrier(2), [], []

    def run(store: Store) -> None:
        barrier.wait()
        try:
            done.append(migrate(store))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(done) == [False, True]
    for store in stores:
        store.close()


def test_a_step_that_fails_leaves_nothing_behind_and_can_be_tried_again(empty: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """CP45: no half schema."""
    made = []
    create = Operations.create_table

    def failing(self: Operations, name: str, *columns: Any, **more: Any) -> Any:
        made.append(name)
        if len(made) == 8:
            raise RuntimeError("the power went")
        return create(self, name, *columns, **more)

    monkeypatch.setattr(Operations, "create_table", failing)
    with pytest.raises(RuntimeError, match="the power went"):
        migrate(empty)
    assert len(made) == 8
    assert tables(empty) == set()
    monkeypatch.undo()
    assert migrate(empty)


def test_digests_from_before_there_were_kinds_tell_of_held_mails(empty: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "HEAD", "0010")
    migrate(empty)
    with empty.begin() as tx:
        tx.execute(text("INSERT INTO digests (desk, person, due_at, number) VALUES ('Desk', 'olga@desk.example', NULL, 3)"))
    monkeypatch.undo()
    assert migrate(empty)
    with empty.begin() as tx:
        assert tx.execute(select(schema.digests.c.kind, schema.digests.c.number)).all() == [("held", 3)]
        digests.expect(tx, "Desk", Address("olga@desk.example"), NOW, NOW)
        assert [(one.kind, one.number) for one in digests.due(tx, NOW, 9)] == [("held", 3)]


def test_a_database_of_a_newer_version_is_refused_in_one_clear_line_and_left_alone(empty: Store) -> None:
    migrate(empty)
    with empty.begin() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Misconfigured, match=f"of a newer mailgate .schema 9999, this one knows {HEAD}.; upgrade mailgate") as refused:
        migrate(empty)
    assert "\n" not in str(refused.value)
    with empty.look() as tx:
        assert current(tx) == "9999"
