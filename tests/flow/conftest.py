"""The database, for all tests of this room."""

from tests.store.databases import store, url

__all__ = ["store", "url"]
