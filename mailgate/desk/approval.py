"""What is known of an approval: the round that a ticket is in, and what each approver was asked and said. Values only.

A round is one sending of a ticket for approval, with everything that it goes by: what changes in policy.toml meanwhile changes the next
one. Within it stages follow each other; in each some people are asked together. Times are aware UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import cast

from msgspec import Struct

from mailgate.desk.address import Address

_TICK = timedelta(microseconds=1)


class Stage(Struct, frozen=True):
    """Approvers who are asked together: roles or addresses. `need` of them have to agree; None: all."""

    approvers: tuple[str, ...]
    need: int | None = None


class Verdict(StrEnum):
    """What became of a question, or of a round as a whole."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class How(StrEnum):
    """The way by which a decision came: words in a mail, an empty mail to a one-tap address, the page of a link, the shell."""

    MAIL = "mail"
    TAP = "tap"
    LINK = "link"
    SHELL = "shell"


class Ask(Struct, frozen=True):
    """What one approver was asked in one stage of one round.

    `level` counts how often silence was escalated before, `through` is the word of policy by which he was found (empty: by name),
    `stands_for` the approver who is away. `evidence` is the SHA-256 (hex) of the mail or request that decided, `by` whose that was.
    """

    round: int
    stage: int
    approver: Address
    asked: datetime
    level: int = 0
    through: str = ""
    stands_for: Address | None = None
    expires: datetime | None = None
    state: Verdict = Verdict.PENDING
    decided: datetime | None = None
    by: Address | None = None
    how: How | None = None
    strength: str | None = None
    evidence: str | None = None
    why: str | None = None

    @property
    def key(self) -> tuple[int, int, Address]:
        """What no two of a ticket have in common."""
        return self.round, self.stage, self.approver


class Round(Struct, frozen=True):
    """One sending of a ticket for approval, and how far it is.

    `back` and `own` are the status that the ticket returns to, `announced` tells whether its technicians have heard of it, `by` who sent
    it, `barred` whose request it is or was: none of them decides. `begun` is when those of the present stage and level were asked,
    `reminded` how often since. `stuck`: nobody can be asked, or nobody is left to escalate to; then it waits for a human of the desk.
    """

    number: int
    stages: tuple[Stage, ...]
    back: str
    by: Address
    begun: datetime
    own: str | None = None
    announced: bool = True
    barred: tuple[Address, ...] = ()
    remind: tuple[timedelta, ...] = ()
    expire: timedelta | None = None
    declines: bool = False
    step_up: bool = False
    stage: int = 1
    level: int = 0
    reminded: int = 0
    stuck: bool = False
    outcome: Verdict = Verdict.PENDING

    @property
    def live(self) -> bool:
        """Whether a decision is still awaited."""
        return self.outcome is Verdict.PENDING


def changed(asks: tuple[Ask, ...], now: Iterable[Ask]) -> tuple[Ask, ...]:
    """All questions of a ticket, once some of them are what an event made of them."""
    known = {one.key: one for one in asks}
    known.update((one.key, one) for one in now)
    return tuple(sorted(known.values(), key=lambda one: one.key))


# ------------------------------------------------------------------------------------------------- as an event carries them

AskRow = tuple[
    int, int, str, str, int, str, str | None, str | None, str, str | None, str | None, str | None, str | None, str | None, str | None
]  # fmt: skip
RoundRow = tuple[
    int, tuple[tuple[tuple[str, ...], int | None], ...], str, str, str, str | None, bool, tuple[str, ...], tuple[int, ...], int | None,
    bool, bool, int, int, int, bool, str,
]  # fmt: skip


def ask_row(ask: Ask) -> AskRow:
    """The question as texts and numbers."""
    return (
        ask.round, ask.stage, ask.approver, ask.asked.isoformat(), ask.level, ask.through, ask.stands_for, _iso(ask.expires),
        ask.state.value, _iso(ask.decided), ask.by, ask.how.value if ask.how else None, ask.strength, ask.evidence, ask.why,
    )  # fmt: skip


def read_ask(value: object) -> Ask:
    """The inverse of `ask_row`."""
    number, stage, approver, asked, level, through, stands_for, expires, state, decided, by, how, strength, evidence, why = cast(
        AskRow, value
    )
    return Ask(
        number, stage, Address(approver), datetime.fromisoformat(asked), level, through, _address(stands_for), _time(expires),
        Verdict(state), _time(decided), _address(by), How(how) if how else None, strength, evidence, why,
    )  # fmt: skip


def round_row(one: Round) -> RoundRow:
    """The round as texts and numbers; durations in microseconds."""
    return (
        one.number, tuple((stage.approvers, stage.need) for stage in one.stages), one.back, one.by, one.begun.isoformat(), one.own,
        one.announced, one.barred, tuple(after // _TICK for after in one.remind), None if one.expire is None else one.expire // _TICK,
        one.declines, one.step_up, one.stage, one.level, one.reminded, one.stuck, one.outcome.value,
    )  # fmt: skip


def read_round(value: object) -> Round | None:
    """The inverse of `round_row`; None for a ticket that was never sent for approval."""
    if value is None:
        return None
    (
        number, stages, back, by, begun, own, announced, barred, remind, expire, declines, step_up, stage, level, reminded, stuck, outcome
    ) = cast(RoundRow, value)  # fmt: skip
    return Round(
        number, tuple(Stage(tuple(approvers), need) for approvers, need in stages), back, Address(by), datetime.fromisoformat(begun), own,
        announced, tuple(map(Address, barred)), tuple(after * _TICK for after in remind), None if expire is None else expire * _TICK,
        declines, step_up, stage, level, reminded, stuck, Verdict(outcome),
    )  # fmt: skip


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _address(text: str | None) -> Address | None:
    return Address(text) if text else None
