"""A ticket knows what was promised for it, and since when a mail of its requester's waits for an answer."""

import sqlalchemy as sa
from alembic import op

from mailgate.store.columns import Moment, Text

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Tickets from before have no clocks until something happens to them."""
    op.add_column("tickets", sa.Column("awaiting", Moment))
    op.add_column("tickets", sa.Column("clocks", Text))
