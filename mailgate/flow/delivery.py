"""How does a letter in the outbox reach the relay, once? The channel dials; this room claims, settles and decides what comes next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailgate.desk import retry, tokens, workflow
from mailgate.desk.decide import decide
from mailgate.desk.letters import Name
from mailgate.desk.model import State
from mailgate.desk.retry import Breaker, Fate
from mailgate.desk.stimuli import Undelivered
from mailgate.flow import effect, journal
from mailgate.flow.house import House
from mailgate.flow.post import Cause
from mailgate.flow.seam import crash_point
from mailgate.store import facts, outbox, people, tickets
from mailgate.store.engine import Fenced, Store, Tx, savepoint
from mailgate.store.outbox import OutboxState, Posted, Settled

BATCH = 50
# Longer than any dialogue with the relay may take (240 s).
LEASE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One claimed outbox row. `deadline` is in seconds of the monotonic clock: past it the lease may be another's, so nothing is sent."""

    row: int
    attempt: int
    envelope_from: str
    recipient: str
    octets: bytes
    message_id: str
    deadline: float


# What became of one attempt; the table of what follows stands in the desk.
Result = Fate


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one parcel. `reply` is code and text of the relay (at most 500 characters) or our reason; `stage` the SMTP verb it came at."""

    row: int
    attempt: int
    result: Result
    stage: str = ""
    reply: str = ""


# Letters that are pointless once the ticket has moved on.
_LADDER = frozenset({Name.REMINDER, Name.CLOSING_SOON})


class Delivery:
    """Claims letters, settles what became of them, and watches the relay's health. One a process; used from one thread at a time."""

    def __init__(
        self, store: Store, house: House, owner: str, clock: Callable[[], datetime], monotonic: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:  # fmt: skip
        """`clock` gives aware UTC, `monotonic` seconds that never jump, `jitter` numbers from 0 to 1."""
        self._store, self._house, self._owner = store, house, owner
        self._clock, self._monotonic, self._jitter = clock, monotonic, jitter
        self.breaker = Breaker()
        self._alarmed = False
        self.held: str | None = None

    def ready(self) -> bool:
        """Whether a letter written now may be sent now: the relay answers and nothing is on hold."""
        return not self.breaker.open and self.held is None

    def claim(self) -> list[Parcel]:
        """Takes the letters that are due, a single one to probe a relay that did not answer; none while letters are on hold."""
        now = self._clock()
        if not self.breaker.may_dial(now):
            return []
        lease = self._store.lease(self._owner, now, LEASE)
        with self._store.begin() as tx:
            self.held = facts.get(tx, facts.HOLD)
            if self.held is not None:
                return []
            claimed = outbox.claim(tx, lease, effect.RETRY_AFTER, 1 if self.breaker.open else BATCH)
            current = [one for one in claimed if not self._superseded(tx, one, now)]
            crash_point("CP26-claim")
        crash_point("CP27-claimed")
        return self.parcels(current)

    def parcels(self, letters: Iterable[Posted]) -> list[Parcel]:
        """Claimed letters as the channel needs them, each with its signed bounce address as envelope sender."""
        deadline = self._monotonic() + LEASE.total_seconds()
        return [
            Parcel(one.id, one.attempts, self._bounce_address(one), one.recipient, one.octets, one.message_id, deadline) for one in letters
        ]

    def _bounce_address(self, letter: Posted) -> str:
        desk = self._house.desk(letter.desk)
        local, _, host = desk.address.rpartition("@")
        if not desk.subaddress:
            return desk.address
        return f"{local}{desk.subaddress}{tokens.bounce_mark(self._house.keyring, letter.id)}@{host}"

    def _superseded(self, tx: Tx, letter: Posted, now: datetime) -> bool:
        """Whether a letter that waited has lost its point or its reader's right meanwhile; it is cancelled then."""
        ticket = tickets.get(tx, letter.ticket) if letter.ticket else None
        reason = ""
        if letter.ticket and ticket is None:
            reason = "ticket-gone"
        elif ticket is not None and letter.letter in _LADDER and workflow.state_of(ticket.status) not in (State.RESOLVED, State.ON_HOLD):
            reason = "superseded"
        if reason:
            outbox.settle(tx, self._owner, Settled(letter.id, letter.attempts, OutboxState.CANCELLED, now, reason), now)
        return bool(reason)

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Writes down what became of each parcel, in one commit. A letter that failed for good is told to the ticket's technicians."""
        if not outcomes:
            return
        now = self._clock()
        crash_point("CP30-answered")
        with self._store.begin() as tx:
            for outcome in outcomes:
                self._settle(tx, outcome, now)
            crash_point("CP32-settling")
        crash_point("CP31-settled")
        self._watch(outcomes, now)

    def _settle(self, tx: Tx, outcome: Outcome, now: datetime) -> None:
        created = now
        letter = None
        if outcome.result is not Result.SENT:
            letter = outbox.get(tx, outcome.row)
            created = letter.created_at if letter else now
        after = retry.after(outcome.result, outcome.attempt, created, now, self._jitter())
        state = OutboxState(after.state.value)
        reason = "" if state is OutboxState.SENT else f"{outcome.result}{f' at {outcome.stage}' if outcome.stage else ''}"
        settled = Settled(
            outcome.row, outcome.attempt, state, after.at or now, reason, outcome.reply, outcome.result is Result.UNKNOWN
        )  # fmt: skip
        if not outbox.settle(tx, self._owner, settled, now):
            journal.told("fenced", outbox=outcome.row, attempt=outcome.attempt)
            return
        self._journal(outcome, state)
        if after.alert is not None:
            journal.alert(after.alert, f"outbox {outcome.row}: {outcome.reply}")
        if state is OutboxState.FAILED and letter is not None:
            self._undelivered(tx, letter, outcome, now)

    def _journal(self, outcome: Outcome, state: OutboxState) -> None:
        if state is OutboxState.SENT:
            journal.sent(outcome.row, outcome.attempt, outcome.reply)
        elif state is OutboxState.FAILED:
            journal.failed(outcome.row, outcome.attempt, outcome.stage, outcome.reply)
        else:
            journal.deferred(outcome.row, outcome.attempt, outcome.stage, outcome.reply)

    def _undelivered(self, tx: Tx, letter: outbox.Row, outcome: Outcome, now: datetime) -> None:
        if outcome.result is Result.REFUSED and self._house.people.find(letter.recipient) is None:
            people.suppress(tx, letter.recipient, outcome.reply, now)
        ticket = tickets.get(tx, letter.ticket, lock=True) if letter.ticket else None
        if ticket is None:
            return
        rules = self._house.rules(ticket.desk, people.directory(tx, self._house.people))
        decision = decide(ticket, Undelivered(Name(letter.letter), letter.recipient, outcome.reply), rules, now)
        try:
            with savepoint(tx):
                effect.carry_out(tx, self._house, rules, ticket, decision, Cause("outbox", f"{letter.id}.{letter.attempts}"), now)
        except Fenced as error:
            journal.trouble(f"outbox {letter.id}", error)

    def _watch(self, outcomes: Sequence[Outcome], now: datetime) -> None:
        was_open = self.breaker.open
        for outcome in outcomes:
            self.breaker = self.breaker.after(outcome.result, outcome.stage, outcome.reply, now)
        if was_open and not self.breaker.open:
            journal.told("relay_recovered")
            self._alarmed = False
        elif self.breaker.alarming(now) and not self._alarmed:
            self._alarmed = True
            journal.alert("relay-unreachable", f"since {self.breaker.since}")
