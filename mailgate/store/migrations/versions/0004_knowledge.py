"""Articles of the knowledge base, and what they and the messages of tickets are found by."""

import sqlalchemy as sa
from alembic import op

from mailgate.store.schema import Moment

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Makes the table, and for full-text search what only this database has."""
    op.create_table(
        "articles",
        sa.Column("ticket", sa.BigInteger().with_variant(sa.Integer, "sqlite"), autoincrement=False, nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("solution", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("internal", sa.Boolean(), nullable=False),
        sa.Column("borrowed", sa.Text(), nullable=False),
        sa.Column("title_words", sa.Text(), nullable=False),
        sa.Column("further_words", sa.Text(), nullable=False),
        sa.Column("made", Moment(), nullable=False),
        sa.Column("changed", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("ticket"),
    )
    op.create_index("articles_by_desk", "articles", ["desk", "ticket"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        _fts5()
    else:
        _tsvector()


def _fts5() -> None:
    # Without a copy of the text: what is found are numbers of rows.
    for table in ("article_words", "message_words"):
        op.execute(f"CREATE VIRTUAL TABLE {table} USING fts5(words, content='', tokenize='unicode61 remove_diacritics 2', prefix='3')")


def _tsvector() -> None:
    for table, of in (("article_words", "articles(ticket)"), ("message_words", "messages(id)")):
        op.execute(f"CREATE TABLE {table} (row bigint PRIMARY KEY REFERENCES {of} ON DELETE CASCADE, words tsvector NOT NULL)")
        op.execute(f"CREATE INDEX {table}_by_word ON {table} USING gin (words)")
