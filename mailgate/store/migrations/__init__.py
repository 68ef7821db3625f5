"""The steps from one schema to the next, written by hand for Alembic; run by store/migrate alone."""
