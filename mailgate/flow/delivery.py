"""How does a letter in the outbox reach the relay, once? The channel dials; this room claims, settles and decides what comes next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from mailgate.desk import retry, tokens
from mailgate.desk.approval import Verdict
from mailgate.desk.decide import decide
from mailgate.desk.errors import Temporary
from mailgate.desk.letters import Name
from mailgate.desk.model import Address, Directory, Person, Role, Ticket
from mailgate.desk.retry import Alert, Breaker, Fate
from mailgate.desk.stimuli import Undelivered
from mailgate.flow import effect, journal
from mailgate.flow.cause import Cause
from mailgate.flow.house import House
from mailgate.flow.seam import crash_point
from mailgate.mail.slim import slim
from mailgate.store import facts, outbox, people, tickets
from mailgate.store.engine import Store, Tx, savepoint
from mailgate.store.outbox import OutboxState, Posted, Settled

BATCH = 50
# Longer than any dialogue with the relay may take (240 s).
LEASE = timedelta(minutes=5)
# What of a lease is not used: the commit of its claim took some of it, and the final dot takes some.
_MARGIN = timedelta(seconds=30)


class Parcel(Struct, frozen=True):
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


class Outcome(Struct, frozen=True):
    """The answer to one parcel. `reply` is code and text of the relay (at most 500 characters) or our reason; `stage` the SMTP verb."""

    row: int
    attempt: int
    result: Result
    stage: str = ""
    reply: str = ""


# Letters that are pointless once the ticket has moved on.
_LADDER = frozenset({Name.REMINDER, Name.CLOSING_SOON})
_ASKING = frozenset({Name.APPROVAL_REQUEST, Name.APPROVAL_REMINDER})
_MINUTE = timedelta(minutes=1)


class Delivery:
    """Claims letters, settles what became of them, and watches the relay's health. One a process; used from one thread at a time."""

    def __init__(
        self, store: Store, house: House, owner: str, clock: Callable[[], datetime], monotonic: Callable[[], float],
        jitter: Callable[[], float], doubted: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        """`clock` gives aware UTC, `monotonic` seconds that never jump, `jitter` numbers from 0 to 1.

        While the time is `doubted` no letter is given up because of its age.
        """
        self._store, self._house, self._owner = store, house, owner
        self._clock, self._monotonic, self._jitter, self._doubted = clock, monotonic, jitter, doubted
        self.breaker = Breaker()
        self._alarmed = self._refused = False
        self.held: str | None = None
        # Nothing leaves before it was looked for a hold once.
        self._looked = False
        # When the last letters to addresses that are no more than a claim were handed out, as many as may be within a minute.
        self._unproven: deque[datetime] = deque(maxlen=house.policy.budgets.instance_per_minute)

    def ready(self) -> bool:
        """Whether a letter written now may be sent now: the relay answers, nothing is on hold, and no limit is reached."""
        return self._looked and self.held is None and not self.breaker.open and self._room(self._clock()) > 0

    def claim(self) -> list[Parcel]:
        """Takes the letters that are due, a single one to probe a relay that did not answer; none while letters are on hold."""
        now = self._clock()
        self._alarm(now)
        if not self.breaker.may_dial(now):
            return []
        lease, room = self._store.lease(self._owner, now, LEASE), self._room(now)
        with self._store.begin() as tx:
            self.held, self._looked = facts.get(tx, facts.HOLD), True
            if self.held is not None:
                return []
            most = 1 if self.breaker.open else min(room, BATCH) or BATCH
            claimed = outbox.claim(tx, lease, effect.RETRY_AFTER, most, unproven=room > 0)
            current = self._current(tx, claimed, now)
            crash_point("CP26-claim")
        crash_point("CP27-claimed")
        return self.parcels(current)

    def parcels(self, letters: Iterable[Posted]) -> list[Parcel]:
        """Claimed letters as the channel needs them, each with its signed bounce address as envelope sender."""
        now, deadline = self._clock(), self._monotonic() + (LEASE - _MARGIN).total_seconds()
        parcels = []
        for one in letters:
            if one.unproven:
                self._unproven.append(now)
            parcels.append(Parcel(one.id, one.attempts, self._bounce_address(one), one.recipient, one.octets, one.message_id, deadline))
        return parcels

    def _room(self, now: datetime) -> int:
        """How many letters may go to merely claimed addresses now: what is more waits, so that a forger's crowd hears us at a trickle."""
        # One that was handed out later than now was so by a clock that has gone back since.
        spent = sum(now - _MINUTE < at <= now for at in tuple(self._unproven))
        return self._house.policy.budgets.instance_per_minute - spent

    def _bounce_address(self, letter: Posted) -> str:
        desk = self._house.desk(letter.desk)
        local, _, host = desk.address.rpartition("@")
        if not desk.subaddress:
            return desk.address
        return f"{local}{desk.subaddress}{tokens.bounce_mark(self._house.keyring, letter.id)}@{host}"

    def _current(self, tx: Tx, letters: Sequence[Posted], now: datetime) -> list[Posted]:
        """Those letters that still have a point and a reader who may have them; the others are cancelled."""
        current = []
        directory = people.directory(tx, self._house.people) if letters else Directory()
        for letter in letters:
            ticket = tickets.get(tx, letter.ticket) if letter.ticket else None
            reason = _moot(letter, ticket, directory)
            if reason:
                outbox.settle(tx, self._owner, Settled(letter.id, letter.attempts, OutboxState.CANCELLED, now, reason), now)
            else:
                current.append(letter)
        return current

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
            created = letter.created_at if letter and not self._doubted() else now
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
        if after.alert is Alert.EXPIRED:
            journal.alert(after.alert, f"outbox {outcome.row}: {outcome.reply}")
        if state is OutboxState.FAILED and letter is not None:
            self._failed(tx, letter, outcome, now)

    def _journal(self, outcome: Outcome, state: OutboxState) -> None:
        if state is OutboxState.SENT:
            journal.sent(outcome.row, outcome.attempt, outcome.reply)
        elif state is OutboxState.FAILED:
            journal.failed(outcome.row, outcome.attempt, outcome.stage, outcome.reply)
        else:
            journal.deferred(outcome.row, outcome.attempt, outcome.stage, outcome.reply)

    def _failed(self, tx: Tx, letter: outbox.Row, outcome: Outcome, now: datetime) -> None:
        try:
            with savepoint(tx):
                if outcome.result is not Result.TOO_BIG or not self._slimmed(tx, letter, now):
                    self._undelivered(tx, letter, outcome, now)
        except Temporary:
            raise
        except Exception as error:
            # A fault of ours: what became of the letters must be written down all the same.
            journal.trouble(f"outbox {letter.id}", error)

    def _slimmed(self, tx: Tx, letter: outbox.Row, now: datetime) -> bool:
        """Whether the letter goes out once more without its attachments. It is another letter then: other octets, another Message-ID."""
        host = letter.message_id.rpartition("@")[2]
        message_id = f"{tokens.message_mark(self._house.keyring, f'o{letter.id}', 0)}@{host}"
        octets = slim(outbox.octets(tx, letter.id) or b"", message_id)
        number = outbox.reissue(tx, letter.id, message_id, octets, now) if octets else None
        ticket = tickets.get(tx, letter.ticket) if letter.ticket else None
        if number is not None and ticket is not None:
            tickets.know(tx, ticket.desk, ticket.id, (), [(message_id, letter.recipient)])
        return number is not None

    def _undelivered(self, tx: Tx, letter: outbox.Row, outcome: Outcome, now: datetime) -> None:
        if outcome.result is Result.REFUSED and self._house.people.find(letter.recipient) is None:
            people.suppress(tx, letter.recipient, outcome.reply, now)
        ticket = tickets.get(tx, letter.ticket, lock=True) if letter.ticket else None
        if ticket is None:
            return
        rules = self._house.rules(ticket.desk, people.directory(tx, self._house.people))
        decision = decide(ticket, Undelivered(Name(letter.letter), letter.recipient, outcome.reply), rules, now)
        effect.carry_out(tx, self._house, rules, ticket, decision, Cause("outbox", f"{letter.id}.{letter.attempts}"), now)

    def _watch(self, outcomes: Sequence[Outcome], now: datetime) -> None:
        was_open = self.breaker.open
        for outcome in outcomes:
            self.breaker = self.breaker.after(outcome.result, outcome.stage, outcome.reply, now)
            if outcome.result is Result.OURS and not self._refused:
                self._refused = True
                journal.alert(Alert.OURS, f"outbox {outcome.row}: {outcome.reply}")
        if was_open and not self.breaker.open:
            journal.told("relay_recovered")
            self._alarmed = self._refused = False

    def _alarm(self, now: datetime) -> None:
        if self.breaker.alarming(now) and not self._alarmed:
            self._alarmed = True
            journal.alert("relay-unreachable", f"since {self.breaker.since}")


def _moot(letter: Posted, ticket: Ticket | None, directory: Directory) -> str:
    """Why a letter that waited must not go out any more; "" where it may.

    A rung of a ladder belongs to the status in which it was written; a reader is somebody with a role here, somebody on the ticket, or
    somebody who was asked for an approval of it.
    """
    if not letter.ticket:
        return ""
    if ticket is None:
        return "ticket-gone"
    if letter.letter in _LADDER and ticket.since >= letter.created_at:
        return "superseded"
    if ticket.approval is not None and letter.letter in _ASKING and not _still_asked(letter, ticket):
        return "superseded"
    reader = directory.person(Address(letter.recipient))
    entitled = reader.role is not Role.REQUESTER or ticket.requester in reader.addresses or ticket.participant(reader.addresses)
    return "" if entitled or (ticket.asks and _asked(ticket, reader, directory)) else "not-entitled"


def _still_asked(letter: Posted, ticket: Ticket) -> bool:
    """Whether the question of an approver's letter is still open, and no newer letter asks it; the same for who stands in for him."""
    waiting = [one for one in ticket.asks if one.state is Verdict.PENDING]
    own = [one for one in waiting if one.approver == letter.recipient]
    return any(one.asked <= letter.created_at for one in own or waiting)


def _asked(ticket: Ticket, reader: Person, directory: Directory) -> bool:
    # Only a desk that asks for approvals pays for it.
    from mailgate.desk.approvers import concerns

    return concerns(ticket, reader, directory)
