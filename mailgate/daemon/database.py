"""How does the daemon come by its database? Up to date, durable, ours alone where it is a file, and without claims of an earlier life."""

from __future__ import annotations

import os
from contextlib import ExitStack

from msgspec import Struct

from mailgate.config import opening
from mailgate.config.settings import Settings
from mailgate.daemon.clock import utc
from mailgate.desk.errors import Temporary
from mailgate.flow import journal
from mailgate.flow.step import FOUND_OPEN
from mailgate.store import inbox, outbox
from mailgate.store.engine import Store, durable, exclusive
from mailgate.store.migrate import migrate


class Database(Struct, frozen=True):
    """An open database. `instance` is the random name of the installation that it belongs to; `close` lets the next daemon have it."""

    store: Store
    instance: str
    _held: ExitStack

    def close(self) -> None:
        """Ends all connections, then gives up the lock."""
        self._held.close()


def open_database(settings: Settings, owner: str) -> Database:
    """The database of the settings; `owner` is how this gateway signs its claims.

    Raises Misconfigured where it cannot serve us (another daemon has it, it is of a newer version, it may forget what it committed),
    Temporary where it does not answer now. Nothing stays open then.
    """
    with ExitStack() as held:
        store = opening.connect(settings)
        # The lock comes before everything else: a second daemon on this file must not even look at its schema.
        try:
            lock = exclusive(store)
        except OSError as error:
            raise Temporary(f"{store.path}.lock: {error.strerror}", code="store-unavailable") from error
        if lock is not None:
            held.callback(os.close, lock)
        held.callback(store.close)
        migrate(store)
        durable(store)
        _free_claims(store, owner)
        return Database(store, opening.instance(store), held.pop_all())
    raise AssertionError("unreachable")


def _free_claims(store: Store, owner: str) -> None:
    # Under SQLite's lock every claim that is found is dead; on PostgreSQL only those of an earlier life of ours are known to be.
    mails, letters = _free(store, None if store.sqlite else owner)
    if mails or letters:
        journal.told("freed", mails=mails, letters=letters)


def give_back(store: Store, owner: str) -> None:
    """What we had claimed and did not come to is anybody's again, at once and without a strike. Raises Temporary."""
    _free(store, owner)


def _free(store: Store, owner: str | None) -> tuple[int, int]:
    with store.begin() as tx:
        return inbox.free(tx, owner, utc(), FOUND_OPEN), outbox.free(tx, owner, utc())
