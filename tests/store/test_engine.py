from __future__ import annotations

import os
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, StatementError

from mailgate.desk.errors import Misconfigured
from mailgate.store import engine, facts, inbox, migrate, registers, schema
from mailgate.store.engine import Store, Unavailable, durable, exclusive, savepoint
from mailgate.store.inbox import InboxState
from tests.kit.disk import small_disk
from tests.kit.need import need, need_root
from tests.kit.postgres import Postgres
from tests.store.databases import NOW, arrival, lease


@pytest.fixture
def sqlite(tmp_path: Path, blank_sqlite: bytes) -> Iterator[Store]:
    path = tmp_path / "var" / "mailgate.db"
    path.parent.mkdir(mode=0o700)
    path.touch(0o600)
    path.write_bytes(blank_sqlite)
    store = Store(f"sqlite:///{path}")
    yield store
    store.close()


@pytest.fixture(scope="module")
def mortal() -> Iterator[Postgres]:
    """A server that tests may crash; they start it again."""
    with Postgres() as server:
        yield server


@pytest.fixture
def on_mortal(mortal: Postgres) -> Iterator[Store]:
    store = Store(mortal.url(mortal.database()))
    migrate.migrate(store)
    yield store
    store.close()


def count(store: Store) -> int:
    with store.look() as tx:
        return sum(inbox.counts(tx).values())


def add(store: Store, *keys: str, raw: bytes = b"x") -> None:
    with store.begin() as tx:
        inbox.add(tx, [arrival(key, raw) for key in keys], lease(), claimed=False)


# ---------------------------------------------------------------------------------------------------------- transactions


def test_a_block_that_raises_leaves_nothing_behind(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.begin() as tx:  # noqa: PT012
        facts.put(tx, "a", "1")
        raise ZeroDivisionError
    with store.look() as tx:
        assert facts.get(tx, "a") is None


def test_what_is_written_while_looking_is_rolled_back(store: Store) -> None:
    with store.look() as tx:
        facts.put(tx, "a", "1")
    with store.look() as tx:
        assert facts.get(tx, "a") is None


def test_a_look_is_not_held_up_by_a_writer_and_sees_nothing_of_him(store: Store) -> None:
    with store.begin() as writer:
        facts.put(writer, "a", "1")
        with store.look() as reader:
            assert facts.get(reader, "a") is None


def test_a_savepoint_that_fails_undoes_nothing_of_its_neighbours(store: Store) -> None:
    with store.begin() as tx:
        facts.put(tx, "a", "1")
        with pytest.raises(IntegrityError), savepoint(tx):  # noqa: PT012
            facts.put(tx, "b", "2")
            tx.execute(registers.facts.insert(), [{"name": "b", "value": "3"}])
        facts.put(tx, "c", "4")
    with store.look() as tx:
        assert [facts.get(tx, name) for name in "abc"] == ["1", None, "4"]


def test_foreign_keys_are_enforced(store: Store) -> None:
    with pytest.raises(IntegrityError), store.begin() as tx:
        tx.execute(schema.links.insert(), {"ticket": 7, "other": 8})


def test_a_naive_time_is_refused(store: Store) -> None:
    naive = datetime(2026, 2, 2, 9, 0)  # noqa: DTZ001
    with pytest.raises(StatementError, match="naive"), store.begin() as tx:
        tx.execute(registers.suppressions.insert(), {"address": "a", "reason": "", "count": 1, "since": naive})


def test_a_time_comes_back_as_it_was_to_the_microsecond_and_in_utc(store: Store) -> None:
    moment = (NOW + timedelta(microseconds=123457)).astimezone(datetime.strptime("+0530", "%z").tzinfo)
    with store.begin() as tx:
        tx.execute(registers.suppressions.insert(), {"address": "a", "reason": "", "count": 1, "since": moment})
        found = tx.execute(select(registers.suppressions.c.since)).scalar_one()
    assert found == moment
    assert found.utcoffset() == timedelta(0)


def test_nul_and_lone_surrogates_break_no_statement_and_leave_the_rest_of_the_text(store: Store) -> None:
    with store.begin() as tx:
        facts.put(tx, "torture", "a\x00b\udcffc\ud800 ü€😀")
    with store.look() as tx:
        assert facts.get(tx, "torture") == "ab?c? ü€😀"
        assert facts.get(tx, "tor\x00ture") == "ab?c? ü€😀"


# ---------------------------------------------------------------------------------------------------------------- SQLite


def test_sqlite_begins_immediately_so_that_no_reader_turns_writer_too_late(sqlite: Store) -> None:
    with sqlite.begin():
        other = sqlite3.connect(sqlite.path, timeout=0, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()


def test_the_connection_that_commits_syncs_fully_in_wal_mode_with_foreign_keys(sqlite: Store) -> None:
    with sqlite.begin() as tx:
        found = {name: tx.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous", "foreign_keys")}
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_every_commit_is_synced_to_the_disk(tmp_path: Path) -> None:
    """Counted by the kernel's own witness: a hundred commits must be a hundred syncs at least (I1, CP48)."""
    strace = need("strace")
    script = f"""
from mailgate.store.engine import Store
from mailgate.store import facts
from mailgate.store.migrate import migrate
store = Store("sqlite:///{tmp_path}/mailgate.db")
migrate(store)
import os; os.write(2, b"BEGIN COUNTING\\n")
for number in range(100):
    with store.begin() as tx:
        facts.put(tx, "a", str(number))
"""
    log = tmp_path / "strace.log"
    subprocess.run(
        [strace, "-f", "-o", log, "-e", "trace=fdatasync,fsync,write", sys.executable, "-c", script], check=True, timeout=60,
        capture_output=True,
    )  # fmt: skip
    counted = log.read_text().partition("BEGIN COUNTING")[2]
    assert len(re.findall(r"\bf(?:data)?sync\(", counted)) >= 100


def test_the_database_and_what_stands_beside_it_is_nobody_elses_to_read(sqlite: Store) -> None:
    add(sqlite, "k")
    lock = exclusive(sqlite)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in sqlite.path.parent.iterdir()}
    os.close(lock)
    assert set(modes) == {"mailgate.db", "mailgate.db-wal", "mailgate.db-shm", "mailgate.db.lock"}
    assert set(modes.values()) == {0o600}


def test_a_file_that_is_not_there_yet_is_made_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Store(f"sqlite:///{tmp_path}/deep/er/new.db").close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "deep/er/new.db").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "deep/er").stat().st_mode) == 0o700


def test_a_second_daemon_on_the_same_file_is_refused_in_one_line(sqlite: Store) -> None:
    lock = exclusive(sqlite)
    with pytest.raises(Misconfigured, match="another mailgate daemon runs on this database") as refused:
        exclusive(sqlite)
    assert "\n" not in str(refused.value)
    os.close(lock)
    os.close(exclusive(sqlite))


def test_the_lock_holds_against_other_processes_and_ends_with_its_holder(sqlite: Store) -> None:
    script = f"from mailgate.store.engine import *; held = exclusive(Store({str(sqlite.url)!r})); print('mine', flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"mine\n"
    with pytest.raises(Misconfigured, match="another mailgate daemon"):
        exclusive(sqlite)
    holder.kill()
    holder.communicate()
    os.close(exclusive(sqlite))


def test_postgresql_is_shared_without_a_lock(postgres_url: str) -> None:
    store = Store(postgres_url)
    assert exclusive(store) is None
    assert exclusive(store) is None
    store.close()


def test_sqlite_on_the_disk_of_another_host_is_refused(tmp_path: Path) -> None:
    file, mountinfo = tmp_path / "a.db", tmp_path / "mountinfo"
    file.touch()
    device = file.stat().st_dev
    line = f"40 27 {os.major(device)}:{os.minor(device)} / /srv rw,relatime shared:1 - {{}} server:/export rw\n"
    mountinfo.write_text("22 27 0:99 / /proc rw - proc proc rw\n" + line.format("nfs4"))
    with pytest.raises(Misconfigured, match="on nfs4; use a local disk, or PostgreSQL"):
        engine._refuse_remote(file, mountinfo)
    mountinfo.write_text(line.format("ext4"))
    engine._refuse_remote(file, mountinfo)
    engine._refuse_remote(file, tmp_path / "a system that does not tell")


@pytest.mark.parametrize("path", [".", "file/below.db", "x" * 300])
def test_a_place_where_no_file_can_ever_be_is_a_fault_of_the_configuration(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match=re.escape(str(tmp_path / path))):
        Store(f"sqlite:///{tmp_path / path}")


@pytest.mark.parametrize("url", ["mysql://host/db", "no url at all", "", "sqlite://", "sqlite:///:memory:"])
def test_what_is_no_database_of_ours_is_refused_by_name(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"\[store\] url"):
        Store(url)


def test_postgresql_without_its_driver_is_refused_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    with pytest.raises(Misconfigured, match=r"pip install 'psycopg\[binary\]'"):
        Store("postgresql://localhost/mailgate")


def test_a_password_stands_in_no_message(store: Store) -> None:
    assert "secret" not in Store("postgresql://me@localhost/mailgate", "secret").url.render_as_string()


# ------------------------------------------------------------------------------------------------- when things go wrong


def test_a_database_that_may_only_be_read_is_unavailable_and_heals(sqlite: Store) -> None:
    with pytest.raises(Unavailable, match="readonly"), sqlite.begin() as tx:  # noqa: PT012
        tx.execute(text("PRAGMA query_only = ON"))
        facts.put(tx, "a", "1")
    sqlite.engine().dispose()
    add(sqlite, "after")
    assert count(sqlite) == 1


def test_a_file_system_that_is_mounted_read_only_is_unavailable_and_heals(tmp_path: Path, blank_sqlite: bytes) -> None:
    with small_disk(tmp_path / "disk", 6) as disk:
        (disk.folder / "mailgate.db").write_bytes(blank_sqlite)
        subprocess.run(["mount", "-o", "remount,ro", disk.folder], check=True)
        with pytest.raises(Unavailable, match="Read-only file system"):
            Store(f"sqlite:///{disk.folder}/mailgate.db")
        subprocess.run(["mount", "-o", "remount,rw", disk.folder], check=True)
        store = Store(f"sqlite:///{disk.folder}/mailgate.db")
        add(store, "after")
        store.close()


def test_a_file_that_belongs_to_somebody_else_is_for_the_operator_to_mend(sqlite: Store) -> None:
    need_root("becoming somebody else")
    script = f"""
import os
from mailgate.desk.errors import Misconfigured
from mailgate.store.engine import Store
import sqlalchemy.dialects.sqlite.pysqlite
os.setresuid(65534, 65534, 65534)
try:
    Store("{sqlite.url}")
except Misconfigured as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert done.stdout == f"{sqlite.path}: Permission denied\n", done


def test_a_full_disk_is_unavailable_and_the_next_mail_after_enlarging_is_stored(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 6) as disk:
        store = Store(f"sqlite:///{disk.folder}/mailgate.db")
        migrate.migrate(store)
        stored = 0
        with pytest.raises(Unavailable, match="full"):  # noqa: PT012
            for number in range(1000):
                add(store, f"k{number}", raw=os.urandom(20_000))
                stored += 1
        assert stored > 10
        assert count(store) == stored
        disk.resize(12)
        add(store, "late", raw=os.urandom(20_000))
        assert count(store) == stored + 1
        with store.look() as tx:
            assert tx.execute(text("PRAGMA integrity_check")).scalar() == "ok"
        store.close()


def test_a_disk_filled_by_somebody_else_loses_nothing_and_recovers(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 6) as disk:
        store = Store(f"sqlite:///{disk.folder}/mailgate.db")
        migrate.migrate(store)
        add(store, "first")
        disk.fill()
        with pytest.raises(Unavailable):  # noqa: PT012
            for number in range(100):
                add(store, f"k{number}", raw=os.urandom(20_000))
        before = count(store)
        disk.free()
        add(store, "last")
        assert count(store) == before + 1
        store.close()


def test_after_a_sync_that_failed_the_same_handle_is_not_believed_again(tmp_path: Path) -> None:
    """The kernel reports a lost write once; SQLite must not go on with that file descriptor as if nothing had been."""
    strace = need("strace")
    script = f"""
from mailgate.store.engine import Store, Unavailable
from mailgate.store import facts
from mailgate.store.migrate import migrate
from sqlalchemy import event
store = Store("sqlite:///{tmp_path}/mailgate.db")
migrate(store)
connected = []
event.listen(store.engine(), "connect", lambda connection, record: connected.append(connection))
failures = 0
for number in range(60):
    try:
        with store.begin() as tx:
            facts.put(tx, "number", str(number))
    except Unavailable as error:
        failures += 1
        assert "disk I/O error" in str(error), error
with store.look() as tx:
    print(failures, len(connected), facts.get(tx, "number"))
"""
    once = ["-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=30"]
    done = subprocess.run(
        [strace, "-f", "-o", "/dev/null", *once, sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["1", "1", "59"], (done.stdout, done.stderr)


def test_postgresql_that_does_not_sync_is_refused() -> None:
    with Postgres(fsync=False) as server:
        store = Store(server.url(server.database()))
        with pytest.raises(Misconfigured, match="fsync = off") as refused:
            durable(store)
        assert "\n" not in str(refused.value)
        store.close()


def test_postgresql_that_answers_before_it_has_synced_is_refused(postgres: Postgres, postgres_url: str) -> None:
    postgres.sql(f"ALTER DATABASE {postgres_url.rpartition('/')[2]} SET synchronous_commit = off")
    store = Store(postgres_url)
    with pytest.raises(Misconfigured, match="synchronous_commit = off"):
        durable(store)
    store.close()


def test_a_database_that_keeps_what_it_commits_is_taken(store: Store) -> None:
    durable(store)


@pytest.mark.postgres
def test_a_read_only_postgresql_is_unavailable(postgres: Postgres, postgres_url: str) -> None:
    store = Store(postgres_url)
    migrate.migrate(store)
    store.close()
    postgres.sql(f"ALTER DATABASE {postgres_url.rpartition('/')[2]} SET default_transaction_read_only = on")
    with pytest.raises(Unavailable, match="read-only"), store.begin() as tx:
        facts.put(tx, "a", "1")
    store.close()


@pytest.mark.postgres
def test_a_postgresql_that_crashes_in_the_middle_is_unavailable_and_then_goes_on(mortal: Postgres, on_mortal: Store) -> None:
    add(on_mortal, "kept")
    with pytest.raises(Unavailable), on_mortal.begin() as tx:  # noqa: PT012
        inbox.add(tx, [arrival("torn")], lease(), claimed=False)
        mortal.crash()
        tx.execute(select(registers.facts))
    with pytest.raises(Unavailable):
        add(on_mortal, "refused")
    mortal.start()
    add(on_mortal, "after")
    with on_mortal.look() as tx:
        assert [row.message_id for row in inbox.rows(tx)] == ["kept@mua.example", "after@mua.example"]


@pytest.mark.postgres
def test_a_database_that_is_away_at_the_commit_itself_is_unavailable(mortal: Postgres, on_mortal: Store) -> None:
    with pytest.raises(Unavailable), on_mortal.begin() as tx:  # noqa: PT012
        facts.put(tx, "a", "1")
        mortal.crash()
    mortal.start()
    with on_mortal.look() as tx:
        assert facts.get(tx, "a") is None


@pytest.mark.postgres
def test_a_savepoint_over_a_lost_connection_is_unavailable_and_no_bug(mortal: Postgres, on_mortal: Store) -> None:
    with pytest.raises(Unavailable, match="connection was lost"), on_mortal.begin() as tx:  # noqa: PT012
        try:
            with savepoint(tx):
                mortal.crash()
                facts.put(tx, "a", "1")
        except Unavailable:
            with savepoint(tx):
                facts.put(tx, "b", "2")
        finally:
            mortal.start()


@pytest.mark.postgres
def test_a_lock_that_nobody_gives_up_is_unavailable_and_not_for_ever(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_PG_OPTIONS", engine._PG_OPTIONS.replace("lock_timeout=20s", "lock_timeout=300ms"))
    store = Store(postgres_url)
    migrate.migrate(store)
    add(store, "k")
    with store.begin() as holder:
        inbox.drop(holder, 1, NOW)
        holder.execute(schema.inbox.update().values(reason="mine"))
        with pytest.raises(Unavailable, match="lock timeout"), store.begin() as other:
            other.execute(schema.inbox.update().values(state=InboxState.HELD))
    store.close()


@pytest.mark.postgres
def test_leases_are_counted_on_the_clock_of_the_database(postgres_url: str) -> None:
    """A gateway whose own clock is an hour wrong neither loses its claims nor takes those of others."""
    store = Store(postgres_url)
    migrate.migrate(store)
    add(store, "k")
    with store.begin() as tx:
        assert len(inbox.claim(tx, lease("slow", seconds=-3600), 5)) == 0
        assert len(inbox.claim(tx, lease("right"), 5)) == 1
    with store.begin() as tx:
        assert inbox.claim(tx, lease("fast", seconds=+36_000), 5) == []
        until = tx.execute(select(schema.inbox.c.lease_until)).scalar_one()
        clock = tx.execute(text("SELECT clock_timestamp()")).scalar_one()
    assert timedelta(minutes=4) < until - clock <= timedelta(minutes=5)
    store.close()
