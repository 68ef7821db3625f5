"""From settings to a database that is up to date, and the name of the installation that it belongs to."""

from __future__ import annotations

import secrets

from mailgate.config.settings import Settings
from mailgate.store import facts
from mailgate.store.engine import Store
from mailgate.store.migrate import migrate


def connect(settings: Settings) -> Store:
    """The database, as yet unasked. Raises Misconfigured for an address that is none, Unavailable where its file cannot be made now."""
    return Store(settings.store.url, settings.store.password.reveal() if settings.store.password else None)


def open_store(settings: Settings) -> Store:
    """The database, brought up to date. Raises Misconfigured for one that cannot serve, Unavailable where it does not answer now."""
    store = connect(settings)
    migrate(store)
    return store


def instance(store: Store) -> str:
    """The random name of the installation that this database belongs to, chosen when it is first asked for."""
    with store.look() as tx:
        known = facts.get(tx, facts.INSTANCE)
    if known is not None:
        return known
    with store.begin() as tx:
        facts.put(tx, facts.INSTANCE, facts.get(tx, facts.INSTANCE) or secrets.token_hex(8))
        return facts.get(tx, facts.INSTANCE) or ""
