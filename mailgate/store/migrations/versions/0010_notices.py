"""Whom to tell of which step of which clock, and when: at once, after quiet hours, or with others in one letter."""

import sqlalchemy as sa
from alembic import op

from mailgate.store.columns import Key, Moment

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Adds the table. What was to be told before is told already."""
    op.create_table(
        "notices",
        sa.Column("id", Key, nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("ticket", Key, nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("later", sa.BigInteger(), nullable=False),
        sa.Column("quiet", sa.Boolean(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("finished_at", Moment(), nullable=True),
        sa.Column("told_as", Key, nullable=True),
        sa.Column("cause_type", sa.Text(), nullable=False),
        sa.Column("cause_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["ticket"], ["tickets.id"]),
        sa.UniqueConstraint("cause_type", "cause_id", "ticket", "metric", "person", name="notices_once"),
    )
    op.create_index("notices_by_state", "notices", ["state", "due_at"], unique=False)
    op.create_index("notices_by_person", "notices", ["person", "state", "due_at"], unique=False)
    op.create_index("notices_by_ticket", "notices", ["ticket", "state"], unique=False)
