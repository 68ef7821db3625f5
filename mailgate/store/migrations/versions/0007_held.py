"""What humans decide about held mails, whom they block, and when they are told."""

import sqlalchemy as sa
from alembic import op

from mailgate.store.schema import Moment

revision = "0007"
down_revision = "0006"


def Key() -> sa.types.TypeEngine[int]:
    """An integer key that SQLite numbers by itself."""
    return sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Adds the tables; what waits already was put aside when it came."""
    op.add_column("inbox", sa.Column("held_at", Moment(), nullable=True))
    op.execute("UPDATE inbox SET held_at = received_at WHERE state IN ('held', 'quarantined')")
    op.create_table(
        "mail_orders",
        sa.Column("id", Key(), nullable=False),
        sa.Column("inbox", Key(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("cause_type", sa.Text(), nullable=False),
        sa.Column("cause_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["inbox"], ["inbox.id"]),
        sa.UniqueConstraint("cause_type", "cause_id", "inbox", name="mail_orders_once"),
    )
    op.create_index("mail_orders_by_inbox", "mail_orders", ["inbox", "id"], unique=False)
    op.create_table(
        "blocked",
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("since", Moment(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("sender"),
    )
    op.create_table(
        "digests",
        sa.Column("id", Key(), nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("fresh_since", Moment(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("told_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("desk", "person", name="digests_once"),
    )
    op.create_index("digests_by_due", "digests", ["due_at"], unique=False)
