"""The databases, for all tests of this room."""

from tests.store.databases import blank_postgres, blank_sqlite, store, url

__all__ = ["blank_postgres", "blank_sqlite", "store", "url"]
