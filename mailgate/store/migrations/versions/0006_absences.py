"""Who says by mail that he is away is known to be."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Adds the table of absences; people.toml stands beside it."""
    op.create_table(
        "absences",
        sa.Column("address", sa.Text(), primary_key=True),
        sa.Column("span", sa.Text()),
        sa.Column("handed", sa.Text()),
    )
