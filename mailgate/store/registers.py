"""Which tables are about no ticket? People, senders of whom nothing is heard, mailboxes that are fetched, facts of this installation."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, MetaData, Table

from mailgate.store.columns import Key, Moment, Text

metadata = MetaData()

# People who were added by hand or from a CSV file; people.toml is read beside it and wins.
people = Table(
    "people", metadata,
    Column("id", Key, primary_key=True),
    Column("address", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("team", Text),
    Column("manager", Text),
    Column("skills", Text, nullable=False),
    Column("language", Text),
    Column("timezone", Text),
)  # fmt: skip

aliases = Table(
    "aliases", metadata,
    Column("address", Text, primary_key=True),
    Column("person", Key, ForeignKey("people.id"), nullable=False),
)  # fmt: skip

# Who said by mail that he is away, and the span for which the tickets of somebody who is away were handed over already. Beside people.toml.
absences = Table(
    "absences", metadata,
    Column("address", Text, primary_key=True),
    Column("span", Text),
    Column("handed", Text),
)  # fmt: skip

suppressions = Table(
    "suppressions", metadata,
    Column("address", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("since", Moment, nullable=False),
)  # fmt: skip

# Senders of whom nothing is heard: an address, or `@` and a domain. `count` mails were kept away, the last at `last_at`.
blocked = Table(
    "blocked", metadata,
    Column("sender", Text, primary_key=True),
    Column("by", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("count", Integer, nullable=False),
    Column("last_at", Moment),
)  # fmt: skip

# Who polls which mailbox, and who migrates: a name, its holder, and a fencing number that grows with each new holder.
leases = Table(
    "leases", metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("until", Moment, nullable=False),
)  # fmt: skip

imap_messages = Table(
    "imap_messages", metadata,
    Column("account", Text, primary_key=True),
    Column("folder", Text, primary_key=True),
    Column("uidvalidity", BigInteger, primary_key=True),
    Column("uid", BigInteger, primary_key=True),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("inbox", Key),
    Index("imap_messages_by_state", "account", "folder", "state"),
)  # fmt: skip

imap_cursors = Table(
    "imap_cursors", metadata,
    Column("account", Text, primary_key=True),
    Column("folder", Text, primary_key=True),
    Column("uidvalidity", BigInteger, nullable=False),
    # Mails below `first`, and those that came into the mailbox before `since`, were there before us and are none of ours.
    Column("first", BigInteger, nullable=False),
    Column("since", Moment),
    # Nothing below it needs anything any more.
    Column("lowest_unresolved", BigInteger, nullable=False),
)  # fmt: skip

# Single facts of this installation: the name of the instance, a hold after a restore, the clock at the last tick.
facts = Table(
    "facts", metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)  # fmt: skip
