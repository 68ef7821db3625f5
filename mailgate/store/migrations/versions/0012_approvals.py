"""Approvals with all that proves them, and the secrets of links that can be used up; nobody was ever asked before."""

import sqlalchemy as sa
from alembic import op

from mailgate.store.columns import Key, Moment, Text

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Makes the table of approvals anew, which no version has ever filled."""
    op.add_column("tickets", sa.Column("approval", Text))
    op.drop_table("approvals")
    op.create_table(
        "approvals",
        sa.Column("id", Key, nullable=False),
        sa.Column("ticket", Key, nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("approver", sa.Text(), nullable=False),
        sa.Column("through", sa.Text(), nullable=False),
        sa.Column("stands_for", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("asked_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("decided_at", Moment(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("how", sa.Text(), nullable=True),
        sa.Column("strength", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["ticket"], ["tickets.id"]),
        sa.UniqueConstraint("ticket", "round", "stage", "approver", name="approvals_once"),
    )
    op.create_index("approvals_by_state", "approvals", ["state", "approver"], unique=False)
    op.create_table(
        "secret_links",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("approval", Key, nullable=True),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("used_at", Moment(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("hash"),
        sa.ForeignKeyConstraint(["approval"], ["approvals.id"]),
    )
    op.create_index("secret_links_by_approval", "secret_links", ["approval"], unique=False)
    op.create_index("secret_links_by_person", "secret_links", ["person", "purpose", "made_at"], unique=False)
    op.create_index("secret_links_by_expiry", "secret_links", ["expires_at"], unique=False)
