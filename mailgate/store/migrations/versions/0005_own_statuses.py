"""Tickets stand in statuses of the operator's own, have a time by which they are wanted, and tell the time that was spent on them."""

import sqlalchemy as sa
from alembic import op

from mailgate.store.schema import Moment

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Adds the columns; no ticket had any of it before."""
    op.add_column("tickets", sa.Column("own", sa.Text(), nullable=True))
    op.add_column("tickets", sa.Column("due", Moment(), nullable=True))
    op.add_column("tickets", sa.Column("overdue", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("tickets", sa.Column("time_spent", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("stretches", sa.Column("own", sa.Text(), nullable=True))
