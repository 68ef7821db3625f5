"""Requesters say how they were helped: a mark from 1 to 5, what they say about it, and when."""

import sqlalchemy as sa
from alembic import op

from mailgate.store.columns import Moment, Text

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Adds the columns; nobody was asked before."""
    op.add_column("tickets", sa.Column("rating", sa.Integer(), nullable=True))
    op.add_column("tickets", sa.Column("remark", Text, nullable=True))
    op.add_column("tickets", sa.Column("rated", Moment(), nullable=True))
