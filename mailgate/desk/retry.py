"""When is a letter tried again, when is it given up, and when is the relay left in peace?

Numbers and tables; who dials and who saves the answer stands in channels and flow. All times are aware UTC, all periods elapsed time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct


class Fate(StrEnum):
    """What became of one attempt to hand a letter over."""

    SENT = "sent"
    # Any 4xx, and connect, TLS, DNS or timeout trouble before the final dot.
    RETRY = "retry"
    # The connection ended after the final dot: sent or not, nobody knows.
    UNKNOWN = "unknown"
    # 5xx at greeting, EHLO, STARTTLS, AUTH or MAIL: our own configuration, never the letter's fault.
    OURS = "ours"
    # 5xx at RCPT.
    REFUSED = "refused"
    # 552 after the dot: once more without attachments.
    TOO_BIG = "too_big"
    # Any other 5xx after the dot.
    FAILED = "failed"
    # The lease ran out before the dot; nothing was sent.
    LAPSED = "lapsed"


class State(StrEnum):
    """Where an outbox row stands after an attempt."""

    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"


class Alert(StrEnum):
    """What the operator has to hear at once."""

    # The relay refuses us, whatever the letter: password, address or policy is wrong.
    OURS = "relay-refuses-us"
    # A letter was given up after LIFETIME.
    EXPIRED = "letter-expired"


class Next(Struct, frozen=True):
    """What to do with the row. `at` is the earliest time of the next attempt, only where it is deferred."""

    state: State
    at: datetime | None = None
    alert: Alert | None = None


# The wait after the first attempt, the second and so on; after the last of these it stays.
_MINUTES = (1, 5, 15, 30, 60, 120, 240)
# How far jitter moves a wait, either way, so that a queue that failed together does not come back together.
_SPREAD = 0.2
LIFETIME = timedelta(days=5)

# What ends a row at once. TOO_BIG ends it too: the letter without its attachments has other octets, hence another Message-ID and row.
_FINAL = {
    Fate.SENT: State.SENT,
    Fate.REFUSED: State.FAILED,
    Fate.TOO_BIG: State.FAILED,
    Fate.FAILED: State.FAILED,
}


def delay(attempt: int, jitter: float) -> timedelta:
    """How long to wait after that attempt (1 is the first). `jitter` of 0..1 moves it by 20 % either way; 0.5 not at all."""
    minutes = _MINUTES[min(max(attempt, 1), len(_MINUTES)) - 1]
    return timedelta(minutes=minutes * (1 - _SPREAD + 2 * _SPREAD * jitter))


def expired(created: datetime, now: datetime) -> bool:
    """Whether a letter of that age is given up, dialled for or not."""
    return now - created >= LIFETIME


def after(fate: Fate, attempt: int, created: datetime, now: datetime, jitter: float) -> Next:
    """What an outbox row made at `created` does after its attempt number `attempt` came to this end.

    A lapsed attempt sent nothing and says nothing about the relay: its row may be claimed again at once.
    """
    if fate in _FINAL:
        return Next(_FINAL[fate])
    if expired(created, now):
        return Next(State.FAILED, alert=Alert.EXPIRED)
    if fate is Fate.LAPSED:
        return Next(State.DEFERRED, now)
    return Next(State.DEFERRED, now + delay(attempt, jitter), Alert.OURS if fate is Fate.OURS else None)


# Trouble at these stages is no letter's own.
_OPENING = frozenset({"connect", "greeting", "EHLO", "STARTTLS", "AUTH", "maildir"})
_PROBE = timedelta(minutes=1)
_ALARM = timedelta(minutes=15)


class Breaker(Struct, frozen=True):
    """Whether the relay is worth dialling: closed while it answers, open since its first failure, with the time of the last one."""

    since: datetime | None = None
    failed: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether only probes are due: one row, not a batch."""
        return self.since is not None

    def may_dial(self, now: datetime) -> bool:
        """Whether a row may be claimed now: always while closed, once a minute while open.

        A failure that is yet to come was noted by a clock that has gone back since: nobody waits for it.
        """
        return self.failed is None or not timedelta() <= now - self.failed < _PROBE

    def alarming(self, now: datetime) -> bool:
        """Whether the relay has been out of reach for so long that the operator must hear."""
        return self.since is not None and now - self.since >= _ALARM

    def after(self, fate: Fate, stage: str, reply: str, now: datetime) -> Breaker:
        """The breaker after one outcome: open on trouble that is no letter's own, closed on an answer, as before where nobody dialled."""
        if fate is Fate.LAPSED:
            return self
        if not _is_illness(fate, stage, reply):
            return Breaker()
        return Breaker(self.since or now, now)


def _is_illness(fate: Fate, stage: str, reply: str) -> bool:
    """Whether an outcome speaks about the relay or our access to it: no reply at all, 421, or trouble before MAIL."""
    if fate in (Fate.OURS, Fate.UNKNOWN):
        return True
    answered = reply[:3].isdecimal()
    return fate is Fate.RETRY and (not answered or reply.startswith("421") or stage in _OPENING)


# Who waits for a letter, and how much. A letter that is not named stands in the middle.
_PRIORITIES = {
    "reply": 0,
    "question": 0,
    "resolved": 0,
    "approval_request": 0,
    "approval_reminder": 0,
    "approved": 0,
    "declined": 0,
    "login": 0,
    "acknowledgement": 2,
    "reminder": 2,
    "closing_soon": 2,
    "digest": 3,
    "report": 3,
    "held": 3,
}


def priority(letter: str) -> int:
    """The place of a letter in the drain, by its name: lower goes first."""
    return _PRIORITIES.get(letter, 1)
