"""Digests of further kinds, and what they ask: what is unsolved at a desk."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """All digests so far told of held mails."""
    with op.batch_alter_table("digests") as table:
        table.add_column(sa.Column("kind", sa.Text(), nullable=False, server_default=sa.text("'held'")))
        table.drop_constraint("digests_once", type_="unique")
        table.create_unique_constraint("digests_once", ["desk", "person", "kind"])
    unsolved = sa.text("resolved IS NULL AND closed IS NULL")
    op.create_index("tickets_unsolved", "tickets", ["desk", "team", "created"], sqlite_where=unsolved, postgresql_where=unsolved)
