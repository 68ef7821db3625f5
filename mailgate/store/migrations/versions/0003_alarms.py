"""A ticket that an alarm opened knows what the alarm was about, and is found by it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Adds the key of alarms to tickets, and the table that finds the newest ticket of each."""
    op.add_column("tickets", sa.Column("event_key", sa.Text()))
    op.add_column("tickets", sa.Column("severity", sa.Text()))
    op.create_table(
        "alarms",
        sa.Column("desk", sa.Text(), primary_key=True),
        sa.Column("event_key", sa.Text(), primary_key=True),
        sa.Column("ticket", _KEY, nullable=False),
    )
