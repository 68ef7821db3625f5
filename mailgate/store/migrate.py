"""Is the schema the one that this code knows? Brings an older one up to date, in one transaction and under a lock; refuses a newer one."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, text

from mailgate.desk.errors import Misconfigured
from mailgate.store.engine import Store, Tx

# The newest step in migrations/versions; a test holds this against the folder, so that a start without work need not load Alembic.
HEAD = "0013"
_LOCK = 0x6D61696C67617465


def current(tx: Tx) -> str | None:
    """The schema step of this database; None for an empty one."""
    if not inspect(tx).has_table("alembic_version"):
        return None
    return tx.execute(text("SELECT version_num FROM alembic_version")).scalar()


def migrate(store: Store) -> bool:
    """Brings the schema to HEAD; True if there was anything to do. A step that fails leaves nothing behind.

    Raises Misconfigured for a database that a newer version of mailgate has written, Unavailable where it cannot be reached.
    """
    with store.look() as tx:
        found = current(tx)
    if found == HEAD:
        return False
    with store.begin() as tx:
        if not store.sqlite:
            tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        found = current(tx)
        if found == HEAD:
            return False
        if found is not None and found > HEAD:
            where = store.url.render_as_string(hide_password=True)
            raise Misconfigured(f"{where}: the database is of a newer mailgate (schema {found}, this one knows {HEAD}); upgrade mailgate")
        _run(tx)
    return True


def _run(tx: Tx) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = tx
    command.upgrade(config, HEAD)
