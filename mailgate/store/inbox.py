"""Which mails did we take responsibility for, and how far is each? States: received, claimed, held, done, ignored, quarantined.

What a mail means is not known here. Times are UTC.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from sqlalchemy import Text, bindparam, case, cast, exists, func, select, update

from mailgate.desk.model import TicketId
from mailgate.store.engine import Fenced, Lease, Tx
from mailgate.store.schema import Moment, events, inbox
from mailgate.store.statement import Statement


class InboxState(StrEnum):
    """Where an accepted mail stands. DONE, IGNORED and QUARANTINED are final; HELD waits for a human."""

    RECEIVED = "received"
    CLAIMED = "claimed"
    HELD = "held"
    DONE = "done"
    IGNORED = "ignored"
    QUARANTINED = "quarantined"


FINAL = (InboxState.DONE, InboxState.IGNORED, InboxState.QUARANTINED)


class Arrival(Struct, frozen=True):
    """A mail as it enters: octets, envelope, and the key under which a second copy is recognised."""

    desk: str
    channel: str
    dedupe_key: str
    message_id: str | None
    sender: str | None
    subject: str | None
    envelope_from: str | None
    envelope_to: tuple[str, ...]
    peer: str
    submission: bool
    raw: bytes


class Claim(Struct, frozen=True):
    """A mail that this worker, and nobody else, works on until its lease ends. `fence` proves it at the end."""

    id: int
    desk: str
    attempts: int
    fence: int
    owner: str
    raw: bytes
    message_id: str | None
    envelope_from: str | None
    envelope_to: tuple[str, ...]
    submission: bool
    received_at: datetime
    released: bool = False
    attach_to: TicketId | None = None
    # How often an operator asked for another try; each has effects of its own.
    round: int = 0
    peer: str = ""


class Row(Struct, frozen=True):
    """An inbox row as an operator sees it, without its octets."""

    id: int
    desk: str
    channel: str
    state: InboxState
    reason: str
    attempts: int
    seen_count: int
    message_id: str | None
    sender: str | None
    subject: str | None
    envelope_to: tuple[str, ...]
    ticket: TicketId | None
    received_at: datetime
    finished_at: datetime | None
    size: int
    trail: str | None


_LATER_COLUMNS = frozenset({"id", "lease_until", "strength", "attach_to", "ticket", "finished_at", "held_at", "trail"})
_ADD = Statement(lambda database: (
    database.insert(inbox).values(lease_until=database.lease_end)
    .on_conflict_do_update(index_elements=[inbox.c.dedupe_key], set_={"seen_count": inbox.c.seen_count + 1})
    .returning(inbox.c.id, inbox.c.seen_count)
), [column for column in inbox.c if column.key not in _LATER_COLUMNS])  # fmt: skip


# SQLite's driver keeps a copy of what a statement was given last. That of a large mail is forgotten when this is run for no row.
_FILL = Statement(lambda _: update(inbox).where(inbox.c.id == bindparam("row")).values(raw=bindparam("octets")))
_LARGE = 1_000_000


def add(tx: Tx, arrivals: Sequence[Arrival], lease: Lease, *, claimed: bool) -> list[tuple[int, bool]]:
    """Stores each mail, in order; a known one is counted and nothing else. Returns (id, whether it had been there before).

    With `claimed` a new row is born claimed by the lease's owner, its first attempt counted: what a separate claim would commit.
    """
    times = lease.times(tx) if claimed else {"lease_end": None}
    added = []
    for arrival in arrivals:
        large = len(arrival.raw) > _LARGE
        row = _ADD.row(tx, {**_born(arrival, lease, claimed=claimed), **times, **({"raw": b""} if large else {})})
        if large and row.seen_count == 1:
            _FILL.change(tx, {"row": row.id, "octets": arrival.raw})
            _FILL.change(tx, {"row": None, "octets": b""})
        added.append((row.id, row.seen_count > 1))
    return added


def _born(arrival: Arrival, lease: Lease, *, claimed: bool) -> dict[str, object]:
    return {
        "desk": arrival.desk, "channel": arrival.channel, "reason": "", "seen_count": 1, "fence": 1 if claimed else 0, "found_open": 0,
        "state": InboxState.CLAIMED if claimed else InboxState.RECEIVED, "attempts": 1 if claimed else 0,
        "owner": lease.owner if claimed else None, "next_at": lease.now,
        "dedupe_key": arrival.dedupe_key, "message_id": arrival.message_id, "sender": arrival.sender, "subject": arrival.subject,
        "envelope_from": arrival.envelope_from, "envelope_to": json.dumps(arrival.envelope_to), "peer": arrival.peer,
        "submission": arrival.submission, "released": False, "round": 0, "received_at": lease.now, "size": len(arrival.raw),
        "raw": arrival.raw,
    }  # fmt: skip


_CLAIM_COLUMNS = (
    inbox.c.id, inbox.c.desk, inbox.c.attempts, inbox.c.fence, inbox.c.owner, inbox.c.message_id, inbox.c.envelope_from,
    inbox.c.envelope_to, inbox.c.submission, inbox.c.received_at, inbox.c.released, inbox.c.attach_to, inbox.c.round,
    inbox.c.peer,
)  # fmt: skip


_WAITING = Statement(lambda _: (
    select(inbox.c.id, inbox.c.attempts).where(inbox.c.state == InboxState.RECEIVED, inbox.c.next_at <= bindparam("now", type_=Moment))
    .order_by(inbox.c.next_at, inbox.c.id).limit(bindparam("most")).with_for_update(skip_locked=True)
))  # fmt: skip
_LAPSED = Statement(lambda database: (
    select(inbox.c.id, inbox.c.attempts).where(inbox.c.state == InboxState.CLAIMED, inbox.c.lease_until < database.clock)
    .order_by(inbox.c.next_at, inbox.c.id).limit(bindparam("most")).with_for_update(skip_locked=True)
))  # fmt: skip
_CLAIM = Statement(lambda database: (
    update(inbox).where(database.among(inbox.c.id, "rows"))
    .values(state=InboxState.CLAIMED, owner=bindparam("by"), lease_until=database.lease_end, attempts=inbox.c.attempts + 1,
            fence=inbox.c.fence + 1)
    .returning(*_CLAIM_COLUMNS)
))  # fmt: skip
# Octets by themselves: SQLite has what a change returns in memory several times over.
_OCTETS = Statement(lambda database: select(inbox.c.id, inbox.c.raw).where(database.among(inbox.c.id, "rows")))


def claim(tx: Tx, lease: Lease, limit: int, *, alone: bool = False) -> list[Claim]:
    """Takes up to `limit` mails that are due, oldest first, and counts the attempt. Commit before the first octet is read.

    A row whose lease ran out is taken over. A row that was tried before comes alone, so that what kills its reader kills nobody else.
    """
    times = lease.times(tx)
    found = [*_LAPSED.rows(tx, {**times, "most": limit}), *_WAITING.rows(tx, {"now": lease.now, "most": limit})]
    fresh = [row.id for row in found if row.attempts == 0][:limit]
    ids = fresh if fresh and not alone else [row.id for row in found[:1]]
    if not ids:
        return []
    rows = _CLAIM.rows(tx, {**times, "by": lease.owner, "rows": ids})
    octets = {row.id: row.raw for row in _OCTETS.rows(tx, {"rows": ids})}
    claims = [Claim(**{**row._asdict(), "raw": octets[row.id], "envelope_to": tuple(json.loads(row.envelope_to))}) for row in rows]
    return sorted(claims, key=lambda one: one.id)


_FINISH = Statement(lambda _: (
    update(inbox)
    .where(inbox.c.id == bindparam("row"), inbox.c.state == InboxState.CLAIMED, inbox.c.owner == bindparam("by"),
           inbox.c.fence == bindparam("at_fence"))
    .values(state=bindparam("to_state"), reason=bindparam("to_reason"), ticket=bindparam("to_ticket"), trail=bindparam("to_trail"),
            sender=bindparam("from_sender"), strength=bindparam("of_strength"), finished_at=bindparam("at"), owner=None, lease_until=None,
            held_at=func.coalesce(bindparam("put_aside", type_=Moment), inbox.c.held_at))
))  # fmt: skip


class End(Struct, frozen=True):
    """How a mail ended: its state with a reason, the ticket it went to, who wrote it as far as that is known, and the trail as JSON."""

    state: InboxState
    reason: str
    ticket: TicketId | None
    sender: str | None
    strength: str | None
    trail: str


def finish(tx: Tx, claimed: Claim, end: End, now: datetime) -> None:
    """The claimed mail reaches its end state. Raises Fenced if the claim is no longer ours."""
    changed = _FINISH.change(tx, {
        "row": claimed.id, "by": claimed.owner, "at_fence": claimed.fence, "to_state": end.state, "to_reason": end.reason,
        "to_ticket": end.ticket, "to_trail": end.trail, "from_sender": end.sender, "of_strength": end.strength,
        "at": now if end.state in FINAL else None,
        "put_aside": now if end.state in (InboxState.HELD, InboxState.QUARANTINED) else None,
    })  # fmt: skip
    if changed != 1:
        raise Fenced(f"inbox row {claimed.id} is claimed by somebody else")


def put_back(tx: Tx, claimed: Claim, next_at: datetime, *, strike: bool) -> None:
    """The claimed mail waits until `next_at`; without a strike the attempt is not counted. Raises Fenced as `finish` does."""
    done = tx.execute(
        update(inbox)
        .where(inbox.c.id == claimed.id, inbox.c.state == InboxState.CLAIMED, inbox.c.owner == claimed.owner,
               inbox.c.fence == claimed.fence)
        .values(state=InboxState.RECEIVED, owner=None, lease_until=None, next_at=next_at,
                attempts=inbox.c.attempts if strike else inbox.c.attempts - 1)
    )  # fmt: skip
    if done.rowcount != 1:
        raise Fenced(f"inbox row {claimed.id} is claimed by somebody else")


def free(tx: Tx, owner: str | None, now: datetime, most_open: int, *, besides: Collection[int] = ()) -> int:
    """At start: gives back what an earlier life of this owner (None: anybody's, under SQLite's exclusive lock) had claimed.

    A claim found open is no strike until it was found so `most_open` times. The rows `besides` stay claimed. Returns how many were freed.
    """
    open_again = inbox.c.found_open + 1
    freed = update(inbox).where(inbox.c.state == InboxState.CLAIMED).values(
        state=InboxState.RECEIVED, owner=None, lease_until=None, next_at=now, found_open=open_again,
        attempts=case((open_again < most_open, 0), else_=inbox.c.attempts),
    )  # fmt: skip
    if besides:
        freed = freed.where(inbox.c.id.not_in(besides))
    return tx.execute(freed.where(inbox.c.owner == owner) if owner else freed).rowcount


def hurry(tx: Tx, now: datetime) -> None:
    """Whatever waits for its time may be claimed now: the clock that set the time was wrong."""
    tx.execute(update(inbox).where(inbox.c.state == InboxState.RECEIVED, inbox.c.next_at > now).values(next_at=now))


_BEARERS = Statement(lambda database: (
    select(inbox.c.id, inbox.c.state).where(database.among(inbox.c.message_id, "ids"), inbox.c.desk == bindparam("of_desk"))
))  # fmt: skip


def unread(tx: Tx, desk: str, message_ids: Sequence[str], besides: int) -> list[int]:
    """The rows, other than `besides`, that carry one of these Message-IDs and are not processed yet."""
    # The state is looked at here: a planner that knew of it would rather walk through everything that waits.
    rows = _BEARERS.rows(tx, {"ids": list(message_ids), "of_desk": desk})
    return [row.id for row in rows if row.state in (InboxState.RECEIVED, InboxState.CLAIMED) and row.id != besides]


class Twin(Struct, frozen=True):
    """Another mail that bears the same Message-ID."""

    id: int
    sender: str | None
    strength: str | None
    ticket: TicketId | None


_MOST_TWINS = 100
_TWINS = Statement(lambda _: (
    select(inbox.c.id, inbox.c.sender, inbox.c.strength, inbox.c.ticket)
    .where(inbox.c.message_id == bindparam("of_id"), inbox.c.desk == bindparam("of_desk"), inbox.c.id < bindparam("before"),
           inbox.c.received_at >= bindparam("since", type_=Moment))
    .order_by(inbox.c.id.desc()).limit(_MOST_TWINS)
))  # fmt: skip


def twins(tx: Tx, desk: str, message_id: str, row: int, since: datetime) -> list[Twin]:
    """The newest hundred mails of the desk before this row that bear its Message-ID, since then, oldest first."""
    rows = _TWINS.rows(tx, {"of_id": message_id, "of_desk": desk, "before": row, "since": since})
    return [Twin(*one) for one in rows][::-1]


def raw(tx: Tx, row: int) -> bytes | None:
    """The octets of one mail as they were accepted."""
    found = tx.execute(select(inbox.c.raw).where(inbox.c.id == row)).scalar()
    return None if found is None else bytes(found)


class Opener(Struct, frozen=True):
    """A mail that opened a ticket, without its octets."""

    id: int
    ticket: TicketId
    desk: str
    message_id: str | None
    envelope_from: str | None
    envelope_to: tuple[str, ...]
    submission: bool
    received_at: datetime


def openers(tx: Tx, since: datetime, after: int, limit: int) -> list[Opener]:
    """The first so many mails behind row `after` that were received since then and opened a ticket, oldest first."""
    of_mail, number = [events.c.ticket == inbox.c.ticket, events.c.verb == "open", events.c.cause_type == "inbox"], cast(inbox.c.id, Text)
    found = tx.execute(
        select(inbox.c.id, inbox.c.ticket, inbox.c.desk, inbox.c.message_id, inbox.c.envelope_from, inbox.c.envelope_to,
               inbox.c.submission, inbox.c.received_at)
        .where(inbox.c.received_at >= since, inbox.c.id > after)
        # A mail that an operator let in later acted under its round as well.
        .where(exists().where(*of_mail, events.c.cause_id.in_((number, number + "." + cast(inbox.c.round, Text)))))
        .order_by(inbox.c.id).limit(limit)
    )  # fmt: skip
    return [Opener(**{**row._mapping, "envelope_to": tuple(json.loads(row.envelope_to))}) for row in found]


def counts(tx: Tx) -> dict[str, int]:
    """How many rows stand in each state."""
    found = {str(row[0]): int(row[1]) for row in tx.execute(select(inbox.c.state, func.count()).group_by(inbox.c.state))}
    return {state.value: found.get(state.value, 0) for state in InboxState}


_ROW_COLUMNS = (
    inbox.c.id, inbox.c.desk, inbox.c.channel, inbox.c.state, inbox.c.reason, inbox.c.attempts, inbox.c.seen_count, inbox.c.message_id,
    inbox.c.sender, inbox.c.subject, inbox.c.envelope_to, inbox.c.ticket, inbox.c.received_at, inbox.c.finished_at, inbox.c.size,
    inbox.c.trail,
)  # fmt: skip


def rows(tx: Tx, states: Sequence[InboxState] = (), ids: Sequence[int] = (), limit: int = 1000) -> list[Row]:
    """Inbox rows for an operator, newest last: those in these states, or these ids, or all."""
    statement = select(*_ROW_COLUMNS).order_by(inbox.c.id.desc()).limit(limit)
    if states:
        statement = statement.where(inbox.c.state.in_(states))
    if ids:
        statement = statement.where(inbox.c.id.in_(ids))
    found = [row._mapping for row in tx.execute(statement)]
    return [
        Row(**{**one, "state": InboxState(one["state"]), "envelope_to": tuple(json.loads(one["envelope_to"]))}) for one in reversed(found)
    ]


def reopen(tx: Tx, row: int, now: datetime, *, released: bool = False, attach_to: TicketId | None = None) -> bool:
    """An operator asks for another try of a held or quarantined mail: processed again from its octets. False where it is neither."""
    done = tx.execute(
        update(inbox)
        .where(inbox.c.id == row, inbox.c.state.in_((InboxState.HELD, InboxState.QUARANTINED)))
        .values(state=InboxState.RECEIVED, attempts=0, found_open=0, next_at=now, finished_at=None, round=inbox.c.round + 1,
                released=released if released else inbox.c.released, attach_to=attach_to)
    )  # fmt: skip
    return done.rowcount == 1


def again(tx: Tx, row: int, now: datetime) -> bool:
    """What was done with a mail was to hold it back, and now its writer wants it carried out. False where it is not done."""
    done = tx.execute(
        update(inbox).where(inbox.c.id == row, inbox.c.state == InboxState.DONE)
        .values(state=InboxState.RECEIVED, attempts=0, found_open=0, next_at=now, finished_at=None, round=inbox.c.round + 1, released=True)
    )  # fmt: skip
    return done.rowcount == 1


def drop(tx: Tx, row: int, now: datetime, reason: str = "dropped") -> bool:
    """An operator decides that a held or quarantined mail needs nothing. The octets stay. False where it is neither."""
    done = tx.execute(
        update(inbox)
        .where(inbox.c.id == row, inbox.c.state.in_((InboxState.HELD, InboxState.QUARANTINED)))
        .values(state=InboxState.IGNORED, reason=reason, finished_at=now)
    )
    return done.rowcount == 1
