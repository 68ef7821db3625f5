"""The tickets that were merged into another one are found by it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Adds the index; it holds only the merged tickets."""
    there = sa.text("merged_into IS NOT NULL")
    op.create_index("tickets_by_merged", "tickets", ["merged_into"], sqlite_where=there, postgresql_where=there)
