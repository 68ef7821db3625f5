"""What of a ticket may its requester read on a page? Public messages and their files, by number; never a note, never what nothing proves.

The words that opened the ticket are his in any case. Times are UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import and_, bindparam, func, or_, select

from mailgate.desk.model import Address, TicketId, Visibility
from mailgate.store.engine import Tx
from mailgate.store.schema import attachments, inbox, messages
from mailgate.store.statement import Database, Statement

# So many messages a page has at most, the newest of them.
_MOST = 200


class Kept(Struct, frozen=True):
    """A file that a message brought, by its number. Its octets stand in the mail of that inbox row as its `part`; size in octets."""

    id: int
    name: str
    size: int
    sha256: str
    part: int
    inbox: int


class Readable(Struct, frozen=True):
    """A message. `out`: the desk speaks."""

    id: int
    at: datetime
    author: Address
    name: str
    out: bool
    text: str
    files: tuple[Kept, ...] = ()


def _public() -> Any:
    """Whether a message is for its requester's eyes: public, and proven or the one that opened the ticket."""
    other = messages.alias("other")
    first = select(func.min(other.c.id)).where(other.c.ticket == bindparam("ticket")).scalar_subquery()
    return and_(
        messages.c.ticket == bindparam("ticket"), messages.c.visibility == Visibility.PUBLIC,
        or_(messages.c.unverified.is_(False), messages.c.id == first),
    )  # fmt: skip


_FILE = (attachments.c.id, attachments.c.filename, attachments.c.size, attachments.c.sha256, attachments.c.part, inbox.c.id.label("inbox"))
# Of a mail whose octets are gone, or that was written by hand, no file can be had.
_WITH_OCTETS = attachments.join(messages, messages.c.id == attachments.c.message).join(inbox, inbox.c.id == messages.c.inbox)
_MESSAGES = Statement(lambda _: (
    select(messages.c.id, messages.c.at, messages.c.author, messages.c.author_name, messages.c.direction, messages.c.text)
    .where(_public()).order_by(messages.c.id.desc()).limit(_MOST)
))  # fmt: skip
_FILES = Statement(lambda _: (
    select(*_FILE, messages.c.id.label("message")).select_from(_WITH_OCTETS).where(_public(), inbox.c.size > 0).order_by(attachments.c.id)
))  # fmt: skip


def _one_file(_: Database) -> Any:
    return select(*_FILE).select_from(_WITH_OCTETS).where(_public(), inbox.c.size > 0, attachments.c.id == bindparam("file"))


_ONE_FILE = Statement(_one_file)


def told(tx: Tx, ticket: TicketId) -> Sequence[Readable]:
    """What was said, oldest first; of a very long story the newest."""
    files: dict[int, list[Kept]] = {}
    for row in _FILES.rows(tx, {"ticket": ticket}):
        files.setdefault(row.message, []).append(_kept(row))
    rows = reversed(_MESSAGES.rows(tx, {"ticket": ticket}))
    return [
        Readable(row.id, row.at, Address(row.author), row.author_name, row.direction == "out", row.text, tuple(files.get(row.id, ())))
        for row in rows
    ]


def file(tx: Tx, ticket: TicketId, number: int) -> Kept | None:
    """The file of that number, if a message of this very ticket brought it that its requester may read."""
    row = _ONE_FILE.row(tx, {"ticket": ticket, "file": number})
    return _kept(row) if row else None


def _kept(row: Any) -> Kept:
    return Kept(row.id, row.filename, row.size, row.sha256, row.part, row.inbox)
