"""What people call themselves is kept with what they say."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds the name; nobody's is known of what was said before."""
    op.add_column("messages", sa.Column("author_name", sa.Text(), nullable=False, server_default=sa.text("''")))
