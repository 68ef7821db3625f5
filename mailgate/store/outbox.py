"""Which letters are to leave, and how far is each? Rows hold final octets; a claim is a lease, and only its holder can settle it.

States: queued, deferred (tried before), sent, failed, bounced, suppressed, cancelled. Times are UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from sqlalchemy import Boolean, bindparam, func, or_, select, update

from mailgate.desk.model import Address, TicketId
from mailgate.store.engine import Lease, Tx
from mailgate.store.schema import outbox
from mailgate.store.statement import Statement


class OutboxState(StrEnum):
    """Where a letter stands. QUEUED and DEFERRED wait for their time; all others are final, save that SENT may become BOUNCED."""

    QUEUED = "queued"
    DEFERRED = "deferred"
    SENT = "sent"
    FAILED = "failed"
    BOUNCED = "bounced"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"


WAITING = (OutboxState.QUEUED, OutboxState.DEFERRED)


class NewLetter(Struct, frozen=True):
    """A letter as it enters: final octets, or a reason why it is not sent (then it has none)."""

    desk: str
    ticket: TicketId
    cause_type: str
    cause_id: str
    letter: str
    recipient: Address
    automatic: bool
    rank: int
    message_id: str
    octets: bytes
    suppressed: str = ""
    # Which of its notes the letter carries, so that the same need not be told twice.
    note: str = ""
    # Whether it is automatic and goes to an address that is no more than a claim.
    unproven: bool = False


class Posted(Struct, frozen=True):
    """A claimed letter, as the deliverer needs it."""

    id: int
    desk: str
    ticket: TicketId
    letter: str
    recipient: Address
    attempts: int
    message_id: str
    created_at: datetime
    octets: bytes
    unproven: bool = False


class Row(Struct, frozen=True):
    """An outbox row as an operator sees it, without its octets."""

    id: int
    ticket: TicketId
    letter: str
    recipient: Address
    state: OutboxState
    reason: str
    attempts: int
    maybe_dup: bool
    message_id: str
    relay_reply: str
    created_at: datetime
    next_at: datetime
    finished_at: datetime | None


_POSTED = (
    outbox.c.id, outbox.c.desk, outbox.c.ticket, outbox.c.letter, outbox.c.recipient, outbox.c.attempts, outbox.c.message_id,
    outbox.c.created_at, outbox.c.octets, outbox.c.unproven,
)  # fmt: skip

_ADD = Statement(
    lambda database: database.insert(outbox).values(lease_until=database.lease_end).returning(outbox.c.id),
    [column for column in outbox.c if column.key not in ("id", "lease_until")],
)


def add(tx: Tx, letters: Sequence[NewLetter], lease: Lease | None, now: datetime, retry_at: datetime) -> list[Posted]:
    """Stores letters. With a lease they are born claimed by its owner (attempt 1, next try at `retry_at`) and are returned to be sent now.

    A cause that wrote the same letter to the same recipient before fails here (unique cause key).
    """
    if not letters:
        return []
    end = lease.times(tx)["lease_end"] if lease else None
    ids = [_ADD.row(tx, _born(one, lease, end, now, retry_at)).id for one in letters]
    if lease is None:
        return []
    return [
        Posted(number, one.desk, one.ticket, one.letter, one.recipient, 1, one.message_id, now, one.octets, one.unproven)
        for number, one in zip(ids, letters, strict=True) if not one.suppressed
    ]  # fmt: skip


def _born(one: NewLetter, lease: Lease | None, end: object, now: datetime, retry_at: datetime) -> dict[str, object]:
    claimed = lease is not None and not one.suppressed
    return {
        "desk": one.desk, "ticket": one.ticket, "cause_type": one.cause_type, "cause_id": one.cause_id, "letter": one.letter,
        "note": one.note,
        "recipient": one.recipient, "automatic": one.automatic, "unproven": one.unproven, "rank": one.rank,
        "message_id": one.message_id, "octets": one.octets,
        "state": OutboxState.SUPPRESSED if one.suppressed else OutboxState.QUEUED, "reason": one.suppressed,
        "attempts": 1 if claimed else 0, "owner": lease.owner if lease and claimed else None, "lease_end": end if claimed else None,
        "next_at": retry_at if claimed else now,
        "maybe_dup": False, "relay_reply": "", "created_at": now, "finished_at": now if one.suppressed else None,
    }  # fmt: skip


_WAITS = or_(*(outbox.c.state == state for state in WAITING))
_DUE = Statement(lambda database: (
    select(outbox.c.id)
    .where(_WAITS, outbox.c.next_at <= bindparam("now"),
           or_(outbox.c.lease_until.is_(None), outbox.c.lease_until < database.clock),
           or_(outbox.c.unproven.is_(False), bindparam("unproven", type_=Boolean)))
    .order_by(outbox.c.rank, outbox.c.next_at, outbox.c.id).limit(bindparam("most")).with_for_update(skip_locked=True)
))  # fmt: skip
_CLAIM = Statement(lambda database: (
    update(outbox).where(database.among(outbox.c.id, "rows"))
    .values(owner=bindparam("by"), lease_until=database.lease_end, attempts=outbox.c.attempts + 1, next_at=bindparam("again"))
    .returning(*_POSTED, outbox.c.rank)
))  # fmt: skip


def claim(tx: Tx, lease: Lease, retry_after: timedelta, limit: int, *, unproven: bool = True) -> list[Posted]:
    """Takes up to `limit` letters that are due: the most urgent kind first. Their next try is set already, in case we die now.

    Without `unproven` those that go to addresses which are no more than a claim are left for later.
    """
    times = lease.times(tx)
    due = [row.id for row in _DUE.rows(tx, {**times, "now": lease.now, "most": limit, "unproven": unproven})]
    if not due:
        return []
    rows = _CLAIM.rows(tx, {**times, "rows": due, "by": lease.owner, "again": lease.now + retry_after})
    return [Posted(*row[:-1]) for row in sorted(rows, key=lambda row: (row.rank, row.id))]


_SETTLE = Statement(lambda _: (
    update(outbox)
    .where(outbox.c.id == bindparam("row"), outbox.c.owner == bindparam("by"), outbox.c.attempts == bindparam("attempt"),
           _WAITS)
    .values(state=bindparam("to_state"), reason=bindparam("to_reason"), relay_reply=bindparam("said"), next_at=bindparam("at_next"),
            finished_at=bindparam("at"), maybe_dup=or_(outbox.c.maybe_dup, bindparam("dup", type_=Boolean)),
            owner=None, lease_until=None)
))  # fmt: skip


class Settled(Struct, frozen=True):
    """What one attempt came to: the state from now on, the next try, and what the relay said."""

    row: int
    attempt: int
    state: OutboxState
    next_at: datetime
    reason: str = ""
    said: str = ""
    maybe_dup: bool = False


def settle(tx: Tx, owner: str, outcome: Settled, now: datetime) -> bool:
    """Writes down what an attempt came to. False (and nothing written) where the claim is no longer this owner's."""
    changed = _SETTLE.change(tx, {
        "row": outcome.row, "by": owner, "attempt": outcome.attempt, "to_state": outcome.state, "to_reason": outcome.reason,
        "said": outcome.said[:500], "at_next": outcome.next_at, "dup": outcome.maybe_dup,
        "at": None if outcome.state in WAITING else now,
    })  # fmt: skip
    return changed == 1


def free(tx: Tx, owner: str | None, now: datetime) -> int:
    """At start: letters that an earlier life of this owner (None: anybody) had claimed are due at once. Returns how many."""
    mine = outbox.c.owner == owner if owner else outbox.c.owner.is_not(None)
    freed = tx.execute(update(outbox).where(mine, outbox.c.state.in_(WAITING)).values(owner=None, lease_until=None, next_at=now))
    return freed.rowcount


def hurry(tx: Tx, now: datetime) -> None:
    """Letters that wait for their next attempt may be claimed now: the clock that set its time was wrong. Those in hand stay there."""
    waits = outbox.c.state.in_(WAITING) & outbox.c.owner.is_(None) & (outbox.c.next_at > now)
    tx.execute(update(outbox).where(waits).values(next_at=now))


def free_of(tx: Tx, owner: str, mails: Collection[str], now: datetime) -> int:
    """Letters of these mails (cause ids) that this owner had claimed to send them at once are due for anybody. Returns how many."""
    freed = tx.execute(
        update(outbox)
        .where(outbox.c.owner == owner, outbox.c.cause_type == "inbox", outbox.c.cause_id.in_(mails), outbox.c.state.in_(WAITING))
        .values(owner=None, lease_until=None, next_at=now)
    )
    return freed.rowcount


def get(tx: Tx, row: int) -> Row | None:
    """One letter, without its octets."""
    found = rows(tx, ids=(row,))
    return found[0] if found else None


def by_message_id(tx: Tx, ids: Sequence[str]) -> int | None:
    """The letter that carries one of these Message-IDs."""
    if not ids:
        return None
    found = tx.execute(select(outbox.c.id).where(outbox.c.message_id.in_(ids)).order_by(outbox.c.id).limit(1)).scalar()
    return None if found is None else int(found)


def bounced(tx: Tx, row: int, reason: str, now: datetime) -> bool:
    """A letter that was sent came back. False where it is already known as bounced."""
    done = tx.execute(
        update(outbox).where(outbox.c.id == row, outbox.c.state != OutboxState.BOUNCED)
        .values(state=OutboxState.BOUNCED, reason=reason[:500], finished_at=now, owner=None, lease_until=None)
    )  # fmt: skip
    return done.rowcount == 1


_NEWEST = Statement(lambda _: (
    select(outbox.c.state, outbox.c.reason, outbox.c.relay_reply)
    .where(outbox.c.ticket == bindparam("ticket"), outbox.c.recipient == bindparam("recipient"),
           outbox.c.state != OutboxState.SUPPRESSED, outbox.c.state != OutboxState.CANCELLED)
    .order_by(outbox.c.id.desc()).limit(1)
))  # fmt: skip


def came_back(tx: Tx, ticket: TicketId, recipient: Address) -> str | None:
    """Why the newest letter about this ticket did not reach this recipient; None where it did, waits, or there is none."""
    newest = _NEWEST.row(tx, {"ticket": ticket, "recipient": recipient})
    if newest is None or newest.state not in (OutboxState.FAILED, OutboxState.BOUNCED):
        return None
    return str(newest.relay_reply if newest.state == OutboxState.FAILED else newest.reason) or "it came back"


_WRITTEN_TO = Statement(lambda _: (
    select(outbox.c.created_at)
    .where(outbox.c.recipient == bindparam("recipient"), outbox.c.created_at > bindparam("since"), outbox.c.state != OutboxState.SUPPRESSED)
    .order_by(outbox.c.created_at.desc()).limit(bindparam("most"))
))  # fmt: skip


def written_to(tx: Tx, recipient: Address, since: datetime, most: int) -> list[datetime]:
    """When the newest letters to somebody were written, those since then and so many at most, the newest first."""
    return [row.created_at for row in _WRITTEN_TO.rows(tx, {"recipient": recipient, "since": since, "most": most})]


_WRITTEN = Statement(lambda _: (
    select(outbox.c.id)
    .where(outbox.c.ticket == bindparam("ticket"), outbox.c.letter == bindparam("letter"), outbox.c.created_at >= bindparam("since"))
    .limit(1)
))  # fmt: skip


def written_since(tx: Tx, ticket: TicketId, letter: str, since: datetime) -> bool:
    """Whether a letter of that name was written about this ticket since then."""
    return _WRITTEN.row(tx, {"ticket": ticket, "letter": letter, "since": since}) is not None


_SENT_TO = Statement(lambda database: (
    select(outbox.c.recipient, outbox.c.letter, outbox.c.ticket, func.count().label("times"))
    .where(database.among(outbox.c.recipient, "addresses"), outbox.c.created_at >= bindparam("since"),
           outbox.c.automatic.is_(True), outbox.c.state != OutboxState.SUPPRESSED)
    .group_by(outbox.c.recipient, outbox.c.letter, outbox.c.ticket)
))  # fmt: skip


def automatic_since(tx: Tx, addresses: Sequence[Address], since: datetime) -> list[tuple[Address, str, TicketId, int]]:
    """The automatic letters planned to these addresses since then: (address, letter, ticket, how many)."""
    if not addresses:
        return []
    return [tuple(row) for row in _SENT_TO.rows(tx, {"addresses": list(addresses), "since": since})]


_TOLD = Statement(lambda database: (
    select(outbox.c.id)
    .where(database.among(outbox.c.recipient, "addresses"), outbox.c.created_at >= bindparam("since"),
           outbox.c.letter == bindparam("name"), outbox.c.note == bindparam("of_note"), outbox.c.state != OutboxState.SUPPRESSED)
    .limit(1)
))  # fmt: skip


def told(tx: Tx, addresses: Sequence[Address], letter: str, note: str, since: datetime) -> bool:
    """Whether a letter of that name and with that note was written to one of these addresses since then."""
    return bool(_TOLD.rows(tx, {"addresses": list(addresses), "since": since, "name": letter, "of_note": note}))


def counts(tx: Tx) -> dict[str, int]:
    """How many rows stand in each state."""
    found = {str(row[0]): int(row[1]) for row in tx.execute(select(outbox.c.state, func.count()).group_by(outbox.c.state))}
    return {state.value: found.get(state.value, 0) for state in OutboxState}


def oldest_waiting(tx: Tx) -> datetime | None:
    """When the letter that waits longest was written."""
    return tx.execute(select(func.min(outbox.c.created_at)).where(outbox.c.state.in_(WAITING))).scalar()


_ROW = (
    outbox.c.id, outbox.c.ticket, outbox.c.letter, outbox.c.recipient, outbox.c.state, outbox.c.reason, outbox.c.attempts,
    outbox.c.maybe_dup, outbox.c.message_id, outbox.c.relay_reply, outbox.c.created_at, outbox.c.next_at, outbox.c.finished_at,
)  # fmt: skip


def rows(
    tx: Tx, states: Sequence[OutboxState] = (), ids: Sequence[int] = (), ticket: TicketId | None = None, limit: int = 1000
) -> list[Row]:
    """Outbox rows for an operator, newest last."""
    statement = select(*_ROW).order_by(outbox.c.id.desc()).limit(limit)
    if states:
        statement = statement.where(outbox.c.state.in_(states))
    if ids:
        statement = statement.where(outbox.c.id.in_(ids))
    if ticket is not None:
        statement = statement.where(outbox.c.ticket == ticket)
    found = [row._mapping for row in tx.execute(statement)]
    return [Row(**{**one, "state": OutboxState(one["state"])}) for one in reversed(found)]


def octets(tx: Tx, row: int) -> bytes | None:
    """The letter as it is sent."""
    found = tx.execute(select(outbox.c.octets).where(outbox.c.id == row)).scalar()
    return None if found is None else bytes(found)


def reissue(tx: Tx, row: int, message_id: str, octets: bytes, now: datetime) -> int | None:
    """The same letter in other octets, due now, in the place of one that cannot be sent as it is: that one is its cause.

    Returns the new row, None where there is no such letter.
    """
    old = tx.execute(select(outbox).where(outbox.c.id == row)).mappings().one_or_none()
    if old is None:
        return None
    changed = {
        "cause_type": "outbox", "cause_id": str(row), "state": OutboxState.QUEUED, "reason": "", "attempts": 0, "owner": None,
        "lease_end": None, "next_at": now, "maybe_dup": False, "message_id": message_id, "relay_reply": "", "created_at": now,
        "finished_at": None, "octets": octets,
    }  # fmt: skip
    kept = {name: value for name, value in old.items() if name not in ("id", "lease_until")}
    return int(_ADD.row(tx, {**kept, **changed}).id)


def retry(tx: Tx, row: int, now: datetime) -> bool:
    """An operator asks for another try, now. False where there is nothing to try, or nothing left to send."""
    again = (*WAITING, OutboxState.FAILED, OutboxState.BOUNCED)
    there = func.length(outbox.c.octets) > 0
    done = tx.execute(
        update(outbox).where(outbox.c.id == row, outbox.c.state.in_(again), outbox.c.owner.is_(None), there)
        .values(state=OutboxState.QUEUED, next_at=now, finished_at=None)
    )  # fmt: skip
    return done.rowcount == 1


def cancel(tx: Tx, row: int, reason: str, now: datetime) -> bool:
    """The letter is not wanted any more. False where it left already."""
    done = tx.execute(
        update(outbox).where(outbox.c.id == row, outbox.c.state.in_(WAITING), outbox.c.owner.is_(None))
        .values(state=OutboxState.CANCELLED, reason=reason, finished_at=now)
    )  # fmt: skip
    return done.rowcount == 1
