"""Does the ledger add up? Recomputes the invariants from the rows alone: each function yields the rows that break one of them."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import func, select

from mailgate.desk.approval import How
from mailgate.desk.events import Event, born, fold
from mailgate.desk.model import Strength, Ticket, TicketId
from mailgate.desk.proof import faults
from mailgate.store import approvals, inbox, notices, outbox, schema, story, tickets, timers
from mailgate.store.engine import Tx
from mailgate.store.inbox import FINAL, InboxState
from mailgate.store.outbox import WAITING, OutboxState


class Violation(Struct, frozen=True):
    """A row that should not be: the invariant that it breaks, which row, and in words."""

    invariant: str
    row: str
    what: str


class Ledger(Struct, frozen=True):
    """The sums, and everything that does not add up."""

    inbox: dict[str, int]
    outbox: dict[str, int]
    violations: tuple[Violation, ...]

    @property
    def accepted(self) -> int:
        """All mails that we ever answered for."""
        return sum(self.inbox.values())

    @property
    def pending(self) -> int:
        """Those that were not processed yet; no violation."""
        return self.inbox["received"] + self.inbox["claimed"]


def audit(tx: Tx) -> Ledger:
    """Checks everything, in one consistent view. The cost grows with the number of rows; it is a proof, not a probe."""
    checks = (_inbox_states, _inbox_effects, _outbox_states, _letters, _causes, _events, _timers, _notices, approved, _folds)
    found = [violation for check in checks for violation in check(tx)]
    mails = inbox.counts(tx)
    total = int(tx.execute(select(func.count()).select_from(schema.inbox)).scalar_one())
    if total != sum(mails.values()):
        found.append(Violation("I10", "inbox", f"{total} mails, but the known states add up to {sum(mails.values())}"))
    letters = outbox.counts(tx)
    total = int(tx.execute(select(func.count()).select_from(schema.outbox)).scalar_one())
    if total != sum(letters.values()):
        found.append(Violation("I10", "outbox", f"{total} letters, but the known states add up to {sum(letters.values())}"))
    return Ledger(mails, letters, tuple(found))


def _inbox_states(tx: Tx) -> Iterator[Violation]:
    table = schema.inbox
    rows = tx.execute(
        select(table.c.id, table.c.state, table.c.finished_at, table.c.reason, table.c.owner, table.c.size, func.length(table.c.raw))
    )
    for number, state, finished, reason, owner, size, octets in rows:
        if state not in list(InboxState):
            yield Violation("I4", f"inbox:{number}", f"unknown state {state!r}")
        elif (state in FINAL) != (finished is not None):
            yield Violation("I4", f"inbox:{number}", f"{state}, but finished at {finished}")
        elif state in (InboxState.IGNORED, InboxState.HELD, InboxState.QUARANTINED) and not reason:
            yield Violation("I4", f"inbox:{number}", f"{state} without a reason")
        elif (state == InboxState.CLAIMED) != (owner is not None):
            yield Violation("I4", f"inbox:{number}", f"{state}, but owned by {owner}")
        if size != octets:
            yield Violation("I1", f"inbox:{number}", f"{octets} octets are kept of {size}")


def _inbox_effects(tx: Tx) -> Iterator[Violation]:
    """A mail that is done has its effect; one that is not done has none (I2, I3)."""
    mails = schema.inbox
    acted = {cause for table in (schema.events, schema.outbox)
             for cause in tx.execute(select(table.c.cause_id).where(table.c.cause_type == "inbox")).scalars()}  # fmt: skip
    for number, state, ticket, round_, reason in tx.execute(
        select(mails.c.id, mails.c.state, mails.c.ticket, mails.c.round, mails.c.reason)
    ):
        has_acted = (f"{number}.{round_}" if round_ else str(number)) in acted
        if state == InboxState.DONE and ticket is not None and not has_acted and reason not in _REPORTS:
            yield Violation("I3", f"inbox:{number}", "done with a ticket, but no event tells what it did")
        elif state in (InboxState.RECEIVED, InboxState.CLAIMED, InboxState.HELD) and has_acted:
            yield Violation("I2", f"inbox:{number}", "not processed yet, but has effects")


# Reports that were taken note of without an effect on the ticket.
_REPORTS = ("bounce-again", "delayed", "delivered", "bounce")


def _outbox_states(tx: Tx) -> Iterator[Violation]:
    table = schema.outbox
    for number, state, finished, reason, octets in tx.execute(
        select(table.c.id, table.c.state, table.c.finished_at, table.c.reason, func.length(table.c.octets))
    ):
        if state not in list(OutboxState):
            yield Violation("I4", f"outbox:{number}", f"unknown state {state!r}")
        elif (state in WAITING) == (finished is not None):
            yield Violation("I4", f"outbox:{number}", f"{state}, but finished at {finished}")
        elif state in (OutboxState.SUPPRESSED, OutboxState.CANCELLED, OutboxState.FAILED) and not reason:
            yield Violation("I4", f"outbox:{number}", f"{state} without a reason")
        elif state in WAITING and not octets:
            yield Violation("I5", f"outbox:{number}", "waits to be sent without octets")


def _letters(tx: Tx) -> Iterator[Violation]:
    """No two letters bear one Message-ID, or their copies would not be told apart (I5)."""
    table = schema.outbox
    twice = select(table.c.message_id).where(table.c.message_id != "").group_by(table.c.message_id).having(func.count() > 1)
    for message_id in tx.execute(twice).scalars():
        yield Violation("I5", f"outbox:{message_id}", "two letters bear this Message-ID")


def _causes(tx: Tx) -> Iterator[Violation]:
    """Every event, letter and notice has a cause that came true: a mail that is there, a timer that fired, a letter that failed (I3)."""
    fired = select(schema.timers.c.id).where(schema.timers.c.state == timers.FIRED)
    told = select(schema.notices.c.id).where(schema.notices.c.state == notices.TOLD)
    causes = {"inbox": select(schema.inbox.c.id), "timer": fired, "outbox": select(schema.outbox.c.id), "notice": told}
    there = {kind: {str(number) for number in tx.execute(statement).scalars()} for kind, statement in causes.items()}
    for table in (schema.events, schema.outbox, schema.notices):
        for number, kind, cause in tx.execute(select(table.c.id, table.c.cause_type, table.c.cause_id)):
            # `17.1` is the second round of mail 17.
            if kind in there and cause.partition(".")[0] not in there[kind]:
                yield Violation("I3", f"{table.name}:{number}", f"its {kind} {cause} is not there, or did not happen")


def _events(tx: Tx) -> Iterator[Violation]:
    """What the unique key promises, recomputed: one effect of each number for each cause (I2)."""
    table = schema.events
    key = (table.c.cause_type, table.c.cause_id, table.c.effect_no)
    for row in tx.execute(select(*key).group_by(*key).having(func.count() > 1)):
        yield Violation("I2", f"event:{row.cause_type}:{row.cause_id}", f"effect {row.effect_no} came true more than once")


def _timers(tx: Tx) -> Iterator[Violation]:
    table = schema.timers
    rows = tx.execute(select(table.c.id, table.c.state, table.c.fired_at))
    for number, state, fired in rows:
        if state not in (timers.PENDING, timers.FIRED, timers.CANCELLED):
            yield Violation("I4", f"timer:{number}", f"unknown state {state!r}")
        elif (state == timers.PENDING) != (fired is None):
            yield Violation("I7", f"timer:{number}", f"{state}, but fired at {fired}")
    key = (table.c.ticket, table.c.kind, table.c.epoch)
    for row in tx.execute(select(*key).group_by(*key).having(func.count() > 1)):
        yield Violation("I7", f"timer:{row.ticket}:{row.kind}", f"epoch {row.epoch} is there more than once")


def _notices(tx: Tx) -> Iterator[Violation]:
    """Each notice has one end: a letter, or a reason why there was nothing to tell. What waits is no violation, save twice (I2, I4)."""
    table, letters = schema.notices, schema.outbox
    written = set(tx.execute(select(letters.c.cause_id).where(letters.c.cause_type == "notice")).scalars())
    for number, state, reason, finished, told_as in tx.execute(
        select(table.c.id, table.c.state, table.c.reason, table.c.finished_at, table.c.told_as)
    ):
        if state not in (notices.WAITING, notices.TOLD, notices.MOOT):
            yield Violation("I4", f"notice:{number}", f"unknown state {state!r}")
        elif (state == notices.WAITING) != (finished is None):
            yield Violation("I4", f"notice:{number}", f"{state}, but finished at {finished}")
        elif state == notices.MOOT and not reason:
            yield Violation("I4", f"notice:{number}", "moot without a reason")
        elif state == notices.TOLD and str(told_as) not in written:
            yield Violation("I3", f"notice:{number}", "told, but no letter tells it")
    key = (table.c.ticket, table.c.metric, table.c.person)
    for row in tx.execute(select(*key).where(table.c.state == notices.WAITING).group_by(*key).having(func.count() > 1)):
        yield Violation("I2", f"notice:{row.ticket}:{row.metric}", "the same person is to be told twice")


# What a click is called that decided about a row of approvals.
_DECIDES = "approval-"


def approved(tx: Tx) -> Iterator[Violation]:
    """Each answer of an approver was asked for, came once, in its round, from somebody who may, and stands in row and story alike (I6)."""
    yield from _clicks(tx)
    asked = schema.approvals
    for number in tx.execute(select(asked.c.ticket).distinct().order_by(asked.c.ticket)).scalars():
        ticket = TicketId(number)
        for place, wrong in faults(ticket, story.events(tx, ticket)):
            yield Violation("I6", f"ticket:{number}", f"{wrong} (event {place + 1} of its story)")
        told = _refolded(tx, ticket)
        rows = approvals.of_ticket(tx, ticket)
        if told is not None and told.asks != rows:
            lone = sorted({one.approver for one in {*told.asks} ^ {*rows}})
            yield Violation("I6", f"ticket:{number}", f"rows and story disagree about what {', '.join(lone)} said")


def _clicks(tx: Tx) -> Iterator[Violation]:
    """Each click on an approver's page that has effects has decided its row, and each row that a click decided has its event."""
    asked, told = schema.approvals, schema.events
    rows = tx.execute(select(asked.c.id, asked.c.how, asked.c.decided_by))
    by_link = {f"{_DECIDES}{row.id}" for row in rows if row.how == How.LINK and row.decided_by}
    acted = set(tx.execute(select(told.c.cause_id).where(told.c.cause_type == "click", told.c.cause_id.startswith(_DECIDES))).scalars())
    for cause in sorted(by_link - acted):
        yield Violation("I6", f"approval:{cause.removeprefix(_DECIDES)}", "decided behind a link, but no event tells it")
    for cause in sorted(acted - by_link):
        yield Violation("I6", f"click:{cause}", "has effects, but decided nothing")


def _folds(tx: Tx) -> Iterator[Violation]:
    """The story of a ticket, folded again, is the ticket (I3)."""
    for number in tx.execute(select(schema.tickets.c.id).order_by(schema.tickets.c.id)).scalars():
        saved = tickets.get(tx, TicketId(number))
        if saved is None:
            continue
        told = _refolded(tx, TicketId(number))
        if told is None:
            yield Violation("I3", f"ticket:{number}", "no event opened it")
            continue
        fields = set(Ticket.__struct_fields__) - {"version", "participants"}
        wrong = sorted(name for name in fields if getattr(saved, name) != getattr(told, name))
        if set(saved.participants) != set(told.participants):
            wrong.append("participants")
        if wrong:
            yield Violation("I3", f"ticket:{number}", f"its story says otherwise about {', '.join(wrong)}")


def _refolded(tx: Tx, number: TicketId) -> Ticket | None:
    happened = [
        Event(one.verb, one.actor, one.at, Strength(one.strength) if one.strength else None, one.changes, one.note)
        for one in story.happened(tx, number)
    ]
    if not happened or happened[0].verb != "open":
        return None
    return replace(fold(born(number, happened[0]), happened[1:]), id=number)
