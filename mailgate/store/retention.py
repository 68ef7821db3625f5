"""What is kept longer than policy wants, and how does it go? A few rows at a time, found by an index, each batch whole or not at all.

Of a ticket that goes only a shell stays: number, status, times and category, so that the ledger adds up, figures stay true and no number
is ever given to another ticket. Everything that somebody wrote or is called goes, in every table. Times are UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec.structs import asdict, replace
from sqlalchemy import bindparam, delete, func, select, update

from mailgate.desk import clock
from mailgate.desk.events import changes
from mailgate.desk.model import Address, State, Ticket, TicketId
from mailgate.desk.workflow import STATES
from mailgate.store import articles, digests, facts, notices, relations, schema, search, tickets
from mailgate.store.engine import Tx
from mailgate.store.inbox import InboxState
from mailgate.store.outbox import WAITING, OutboxState

# Whose ticket it was, afterwards.
NOBODY = Address("removed@removed.invalid")
_SUBJECT = "(removed)"
# When a mail of which nothing more is to be removed is due: never.
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)
_CLOSED = [status for status, state in STATES.items() if state is State.CLOSED]
_EMPTY = {"raw": b"", "size": 0, "next_at": _NEVER}
_NAMELESS = {"sender": None, "subject": None, "message_id": None, "envelope_from": None, "envelope_to": "[]", "trail": None}


def empty_mails(tx: Tx, state: InboxState, before: datetime, most: int) -> int:
    """The octets of so many mails that came to this end before then go, and of ignored ones also who wrote them. Returns how many."""
    table = schema.inbox
    ended = select(table.c.id).where(table.c.state == state, table.c.next_at <= before, table.c.finished_at <= before)
    rows = list(tx.execute(ended.order_by(table.c.next_at).limit(most)).scalars())
    values = _EMPTY | (_NAMELESS if state is InboxState.IGNORED else {})
    if rows:
        tx.execute(update(table).where(table.c.id.in_(rows)).values(values))
    return len(rows)


def remove_tickets(tx: Tx, before: datetime, most: int) -> int:
    """So many tickets that are closed and untouched since before then become shells. Returns how many."""
    table = schema.tickets
    since = facts.get(tx, facts.REMOVED)
    old = select(table.c.id, table.c.updated).where(
        table.c.status.in_(_CLOSED), table.c.updated <= before, table.c.requester != NOBODY, table.c.merged_into.is_(None),
        table.c.updated >= (datetime.fromisoformat(since) if since else datetime(1970, 1, 1, tzinfo=UTC)),
    )  # fmt: skip
    rows = tx.execute(old.order_by(table.c.updated, table.c.id).limit(most)).all()
    for row in rows:
        # What was merged into a ticket is part of its story, and goes with it.
        for number in (TicketId(row.id), *relations.losers(tx, TicketId(row.id))):
            ticket = tickets.get(tx, number, lock=True)
            if ticket is not None and ticket.requester != NOBODY:
                _remove(tx, ticket)
    if rows:
        facts.put(tx, facts.REMOVED, rows[-1].updated.isoformat())
    return len(rows)


def empty_digests(tx: Tx, before: datetime, most: int) -> int:
    """So many digests from before then lose their words, which tell of tickets that are gone among others. Returns how many."""
    table = schema.outbox
    old = select(table.c.id).where(
        table.c.cause_type == digests.CAUSE, table.c.created_at <= before, func.length(table.c.octets) > 0, table.c.state.not_in(WAITING)
    )
    rows = list(tx.execute(old.limit(most)).scalars())
    if rows:
        tx.execute(update(table).where(table.c.id.in_(rows)).values(octets=b"", relay_reply=""))
    return len(rows)


def _remove(tx: Tx, ticket: Ticket) -> None:
    _forget_mails(tx, ticket.id)
    articles.forget_words_of(tx, [ticket.id])
    _forget_messages(tx, ticket)
    _forget_letters(tx, ticket.id)
    _forget_notices(tx, ticket.id)
    asked = select(schema.approvals.c.id).where(schema.approvals.c.ticket == ticket.id)
    tx.execute(delete(schema.secret_links).where(schema.secret_links.c.approval.in_(asked)))
    for table in (schema.mail_ids, schema.approvals, schema.alarms):
        tx.execute(delete(table).where(table.c.ticket == ticket.id))
    shell = replace(
        ticket, subject=_SUBJECT, requester=NOBODY, participants=(), assignee=None, tags=(), resolution=None, closure_note=None,
        remark=None,
        event_key=None, approval=None, asks=(),
        # How each promise was kept stays; when its clock ran was told by the story, and goes with it.
        clocks=clock.changed((), ticket.clocks, ticket.created),
    )  # fmt: skip
    tickets.save(tx, ticket, shell)
    _forget_story(tx, shell)


def _forget_story(tx: Tx, shell: Ticket) -> None:
    """Each event stays as the proof that its cause had its effect; the first of them makes the shell."""
    table = schema.events
    tx.execute(update(table).where(table.c.ticket == shell.id).values(actor=NOBODY, note="", changes="{}"))
    given = {name: told for name, told in asdict(shell).items() if name not in ("id", "version", "created", "updated")}
    first = select(table.c.id).where(table.c.ticket == shell.id).order_by(table.c.id).limit(1).scalar_subquery()
    tx.execute(update(table).where(table.c.id == first).values(changes=tickets.dump_changes(changes(**given))))


def _forget_mails(tx: Tx, ticket: TicketId) -> None:
    """The mails that made its story; which they were its events tell."""
    table, told = schema.inbox, schema.events
    causes = tx.execute(select(told.c.cause_id).where(told.c.ticket == ticket, told.c.cause_type == "inbox")).scalars()
    rows = {int(cause.partition(".")[0]) for cause in causes}
    tx.execute(update(table).where(table.c.id.in_(rows), table.c.ticket == ticket).values(_EMPTY | _NAMELESS))


def _forget_messages(tx: Tx, ticket: Ticket) -> None:
    said, files = schema.messages, schema.attachments
    search.forget_messages(tx, ticket.id)
    tx.execute(delete(files).where(files.c.message.in_(select(said.c.id).where(said.c.ticket == ticket.id))))
    tx.execute(delete(said).where(said.c.ticket == ticket.id))


def _forget_letters(tx: Tx, ticket: TicketId) -> None:
    """What was sent is kept as a fact, without words and without to whom."""
    table = schema.outbox
    cancel = update(table).where(table.c.ticket == ticket, table.c.state.in_(WAITING))
    tx.execute(cancel.values(state=OutboxState.CANCELLED, reason="retention", finished_at=table.c.next_at, owner=None, lease_until=None))
    rows: Sequence[int] = list(tx.execute(select(table.c.id).where(table.c.ticket == ticket)).scalars())
    blank = update(table).where(table.c.id == bindparam("row"))
    if rows:
        # An address of its own for each: of two letters of one cause each has its own recipient.
        several = [{"row": row, "nobody": f"removed-{row}@removed.invalid"} for row in rows]
        tx.execute(blank.values(recipient=bindparam("nobody"), octets=b"", relay_reply=""), several)


def _forget_notices(tx: Tx, ticket: TicketId) -> None:
    """Who was told of its clocks goes, and so do the words of letters that told of it among others; that he was told once stays."""
    table, letters = schema.notices, schema.outbox
    tx.execute(update(letters).where(letters.c.id.in_(notices.digests_of([ticket])), letters.c.state.not_in(WAITING)).values(octets=b""))
    rows = list(tx.execute(select(table.c.id).where(table.c.ticket == ticket)).scalars())
    waiting = update(table).where(table.c.ticket == ticket, table.c.state == notices.WAITING)
    tx.execute(waiting.values(state=notices.MOOT, reason="retention", finished_at=table.c.due_at))
    if rows:
        several = [{"row": row, "nobody": f"removed-{row}@removed.invalid"} for row in rows]
        tx.execute(update(table).where(table.c.id == bindparam("row")).values(person=bindparam("nobody")), several)
