"""Which tables are about tickets and their mail? With those of `registers` the one description that migrations are checked against.

Times are UTC. Addresses are folded. JSON is kept as text. A state is a word; each state column has an index that finds what is due.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, UniqueConstraint, false, text

from mailgate.store import registers
from mailgate.store.columns import Key
from mailgate.store.columns import Moment as Moment
from mailgate.store.columns import Text as Text
from mailgate.store.columns import storable as storable

metadata = registers.metadata

tickets = Table(
    "tickets", metadata,
    Column("id", Key, primary_key=True),
    Column("desk", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("subject", Text, nullable=False),
    Column("requester", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("own", Text),
    Column("source", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("priority", Text, nullable=False),
    Column("impact", Text, nullable=False),
    Column("urgency", Text, nullable=False),
    Column("category", Text),
    Column("service", Text),
    Column("tags", Text, nullable=False),
    Column("team", Text),
    Column("assignee", Text),
    Column("parent", Key),
    Column("merged_into", Key),
    Column("resolution", Text),
    Column("closure_category", Text),
    Column("closure_note", Text),
    Column("language", Text),
    Column("confidential", Boolean, nullable=False),
    Column("event_key", Text),
    Column("severity", Text),
    Column("reopened", Integer, nullable=False),
    Column("rungs", Integer, nullable=False),
    Column("climbed", Moment),
    Column("due", Moment),
    Column("overdue", Boolean, nullable=False, server_default=false()),
    Column("time_spent", Integer, nullable=False, server_default=text("0")),
    Column("rating", Integer),
    Column("remark", Text),
    Column("rated", Moment),
    # What was promised, as JSON.
    Column("clocks", Text),
    # The round of approvals that it is in or was in last, as JSON.
    Column("approval", Text),
    Column("created", Moment, nullable=False),
    Column("updated", Moment, nullable=False),
    Column("since", Moment, nullable=False),
    Column("responded", Moment),
    Column("awaiting", Moment),
    Column("resolved", Moment),
    Column("closed", Moment),
    Index("tickets_by_status", "status", "updated"),
    Index("tickets_by_requester", "requester", "created"),
    Index("tickets_by_assignee", "assignee", "status"),
    Index("tickets_by_parent", "parent"),
    # What is before a desk and its teams; solved and closed tickets cost it nothing.
    Index("tickets_unsolved", "desk", "team", "created", sqlite_where=text("resolved IS NULL AND closed IS NULL")),
    # Few tickets are merged: the others cost it nothing.
    # As partial on PostgreSQL, by its migration, as those above: to say so here as well has SQLAlchemy import that dialect for every file
    # of SQLite's.
    Index("tickets_by_merged", "merged_into", sqlite_where=text("merged_into IS NOT NULL")),
)  # fmt: skip

participants = Table(
    "participants", metadata,
    Column("ticket", Key, ForeignKey("tickets.id"), primary_key=True),
    Column("address", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("muted", Boolean, nullable=False),
    Index("participants_by_address", "address"),
)  # fmt: skip

# The newest ticket about each thing that monitoring systems watch; 0 before there is one, and it may be gone. Whoever opens such a ticket
# holds the row, so that two gateways never open two.
alarms = Table(
    "alarms", metadata,
    Column("desk", Text, primary_key=True),
    Column("event_key", Text, primary_key=True),
    Column("ticket", Key, nullable=False),
)  # fmt: skip

links = Table(
    "links", metadata,
    Column("ticket", Key, ForeignKey("tickets.id"), primary_key=True),
    Column("other", Key, ForeignKey("tickets.id"), primary_key=True),
    Index("links_by_other", "other"),
)  # fmt: skip

# The stretches of time that a ticket spent in each status; the present one has no `until`.
stretches = Table(
    "stretches", metadata,
    Column("ticket", Key, ForeignKey("tickets.id"), primary_key=True),
    Column("since", Moment, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("status", Text, nullable=False),
    Column("own", Text),
    Column("until", Moment),
)  # fmt: skip

messages = Table(
    "messages", metadata,
    Column("id", Key, primary_key=True),
    Column("ticket", Key, ForeignKey("tickets.id"), nullable=False),
    Column("direction", Text, nullable=False),
    Column("author", Text, nullable=False),
    # As he called himself.
    Column("author_name", Text, nullable=False, server_default=text("''")),
    Column("strength", Text),
    Column("visibility", Text, nullable=False),
    Column("unverified", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("message_id", Text),
    Column("inbox", Key),
    Column("at", Moment, nullable=False),
    Column("text", Text, nullable=False),
    Index("messages_by_ticket", "ticket", "id"),
)  # fmt: skip

# What a mail brought along. The octets stay in the raw mail of its inbox row; `part` says where.
attachments = Table(
    "attachments", metadata,
    Column("id", Key, primary_key=True),
    Column("message", Key, ForeignKey("messages.id"), nullable=False),
    Column("filename", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("inline", Boolean, nullable=False),
    Column("content_id", Text),
    Column("part", Integer, nullable=False),
    Index("attachments_by_message", "message"),
)  # fmt: skip

# Every Message-ID that a ticket's mails carry or mention. `person` is whom a letter of ours went to; only such an id is evidence.
mail_ids = Table(
    "mail_ids", metadata,
    Column("message_id", Text, primary_key=True),
    Column("ticket", Key, ForeignKey("tickets.id"), primary_key=True),
    Column("desk", Text, nullable=False),
    Column("person", Text),
)  # fmt: skip

inbox = Table(
    "inbox", metadata,
    Column("id", Key, primary_key=True),
    Column("desk", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    # At how many starts its claim was found open: whoever worked on it had died.
    Column("found_open", Integer, nullable=False),
    Column("owner", Text),
    Column("lease_until", Moment),
    Column("fence", Integer, nullable=False),
    Column("next_at", Moment, nullable=False),
    Column("dedupe_key", Text, nullable=False),
    Column("seen_count", Integer, nullable=False),
    Column("message_id", Text),
    Column("sender", Text),
    Column("strength", Text),
    Column("subject", Text),
    Column("envelope_from", Text),
    Column("envelope_to", Text, nullable=False),
    Column("peer", Text, nullable=False),
    Column("submission", Boolean, nullable=False),
    # What a human said about a held mail: process it after all, on this ticket where one is named.
    Column("released", Boolean, nullable=False),
    Column("attach_to", Key),
    # How often a human asked for another try; each round has effects of its own.
    Column("round", Integer, nullable=False),
    Column("ticket", Key),
    Column("received_at", Moment, nullable=False),
    Column("finished_at", Moment),
    # When it was last put aside for a human.
    Column("held_at", Moment),
    Column("trail", Text),
    Column("size", BigInteger, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    UniqueConstraint("dedupe_key", name="inbox_once"),
    Index("inbox_by_state", "state", "next_at"),
    Index("inbox_by_message_id", "message_id"),
)  # fmt: skip

# The story. One cause (a mail, a click, a timer's epoch, an order) has each effect number once: what happens twice fails here.
events = Table(
    "events", metadata,
    Column("id", Key, primary_key=True),
    Column("ticket", Key, ForeignKey("tickets.id"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("strength", Text),
    Column("verb", Text, nullable=False),
    Column("changes", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("cause_type", Text, nullable=False),
    Column("cause_id", Text, nullable=False),
    Column("effect_no", Integer, nullable=False),
    UniqueConstraint("cause_type", "cause_id", "effect_no", name="events_once"),
    Index("events_by_ticket", "ticket", "id"),
)  # fmt: skip

# Letters, final in every octet. `ticket` is 0 where a letter is about no single one.
outbox = Table(
    "outbox", metadata,
    Column("id", Key, primary_key=True),
    Column("desk", Text, nullable=False),
    Column("ticket", Key, nullable=False),
    Column("cause_type", Text, nullable=False),
    Column("cause_id", Text, nullable=False),
    Column("letter", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("automatic", Boolean, nullable=False),
    # Whether it answers an address that is no more than a claim: such letters together may not flood anybody.
    Column("unproven", Boolean, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("owner", Text),
    Column("lease_until", Moment),
    Column("next_at", Moment, nullable=False),
    Column("maybe_dup", Boolean, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("relay_reply", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("octets", LargeBinary, nullable=False),
    UniqueConstraint("cause_type", "cause_id", "ticket", "letter", "recipient", name="outbox_once"),
    Index("outbox_by_state", "state", "next_at"),
    Index("outbox_by_recipient", "recipient", "created_at"),
    Index("outbox_by_ticket", "ticket"),
    Index("outbox_by_message_id", "message_id"),
)  # fmt: skip

# Fired and cancelled timers stay: they are the proof that each epoch fired at most once.
timers = Table(
    "timers", metadata,
    Column("id", Key, primary_key=True),
    Column("ticket", Key, ForeignKey("tickets.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("state", Text, nullable=False),
    Column("fired_at", Moment),
    UniqueConstraint("ticket", "kind", "epoch", name="timers_once"),
    Index("timers_by_state", "state", "due_at"),
    Index("timers_by_ticket", "ticket", "state"),
)  # fmt: skip

# Who was asked for an approval, and what became of that. `round` counts how often the ticket was sent for approval, `stage` is counted from
# 1, `level` is how often silence was escalated. `through` is the word of policy by which the approver was found (empty: by name),
# `stands_for` the one who is away. `evidence` is the SHA-256 of the mail or request that decided. No row goes before its ticket does.
approvals = Table(
    "approvals", metadata,
    Column("id", Key, primary_key=True),
    Column("ticket", Key, ForeignKey("tickets.id"), nullable=False),
    Column("round", Integer, nullable=False),
    Column("stage", Integer, nullable=False),
    Column("level", Integer, nullable=False),
    Column("approver", Text, nullable=False),
    Column("through", Text, nullable=False),
    Column("stands_for", Text),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("decided_at", Moment),
    Column("decided_by", Text),
    Column("how", Text),
    Column("strength", Text),
    Column("evidence", Text),
    Column("why", Text),
    UniqueConstraint("ticket", "round", "stage", "approver", name="approvals_once"),
    Index("approvals_by_state", "state", "approver"),
)  # fmt: skip

# Secrets that stand in a letter or a cookie and can be used up. Only the SHA-256 of each is kept, in hex. `approval` is the row
# that it lets its bearer decide; `tries` counts wrong guesses at a short code.
secret_links = Table(
    "secret_links", metadata,
    Column("hash", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("approval", Key, ForeignKey("approvals.id")),
    Column("person", Text),
    Column("made_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Index("secret_links_by_approval", "approval"),
    Index("secret_links_by_person", "person", "purpose", "made_at"),
    Index("secret_links_by_expiry", "expires_at"),
)  # fmt: skip

# The knowledge base: one article a ticket at most, under the ticket's number, also when the ticket is no more. The two columns of words are
# what it is found by. Their index, and that of what messages say, is of each database's own kind, and not described here: see `search`.
articles = Table(
    "articles", metadata,
    Column("ticket", Key, primary_key=True, autoincrement=False),
    Column("desk", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("problem", Text, nullable=False),
    Column("solution", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("internal", Boolean, nullable=False),
    # Which of these fields are still the requester's own words.
    Column("borrowed", Text, nullable=False),
    Column("title_words", Text, nullable=False),
    Column("further_words", Text, nullable=False),
    Column("made", Moment, nullable=False),
    Column("changed", Moment, nullable=False),
    Index("articles_by_desk", "desk", "ticket"),
)  # fmt: skip

# What humans ordered about mails that were put aside: who, when, and by which mail or order. No cause orders the same twice.
mail_orders = Table(
    "mail_orders", metadata,
    Column("id", Key, primary_key=True),
    Column("inbox", Key, ForeignKey("inbox.id"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("verb", Text, nullable=False),
    # The ticket that it went to, or the sender who was blocked.
    Column("detail", Text, nullable=False),
    Column("cause_type", Text, nullable=False),
    Column("cause_id", Text, nullable=False),
    UniqueConstraint("cause_type", "cause_id", "inbox", name="mail_orders_once"),
    Index("mail_orders_by_inbox", "inbox", "id"),
)  # fmt: skip

# When somebody is told next how things stand: of held mails (`kind` held), due while something waits that he was not told of, where
# `fresh_since` is when the first of it was put aside; every day (daily) and every week (weekly), due again as soon as it was told. `number`
# counts his digests and makes each one of its kind.
digests = Table(
    "digests", metadata,
    Column("id", Key, primary_key=True),
    Column("desk", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("kind", Text, nullable=False, server_default=text("'held'")),
    Column("due_at", Moment),
    Column("fresh_since", Moment),
    Column("number", Integer, nullable=False),
    Column("told_at", Moment),
    UniqueConstraint("desk", "person", "kind", name="digests_once"),
    Index("digests_by_due", "due_at"),
)  # fmt: skip

# Whom to tell of which step of which clock. Those told, or moot because there was nothing to tell any more, stay: they are the proof that
# nobody was told twice. `told_as` is the notice whose letter told it: a letter may tell of many.
notices = Table(
    "notices", metadata,
    Column("id", Key, primary_key=True),
    Column("desk", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("ticket", Key, ForeignKey("tickets.id"), nullable=False),
    Column("metric", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("percent", Integer, nullable=False),
    Column("later", BigInteger, nullable=False),
    Column("quiet", Boolean, nullable=False),
    Column("at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("finished_at", Moment),
    Column("told_as", Key),
    Column("cause_type", Text, nullable=False),
    Column("cause_id", Text, nullable=False),
    UniqueConstraint("cause_type", "cause_id", "ticket", "metric", "person", name="notices_once"),
    Index("notices_by_state", "state", "due_at"),
    Index("notices_by_person", "person", "state", "due_at"),
    Index("notices_by_ticket", "ticket", "state"),
)  # fmt: skip
