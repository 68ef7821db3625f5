"""How does the operator hear by mail that a mailbox is not read, that it is again, and that our access to it is about to end?

One letter for each turn of events, through the outbox like every other. What was told is a fact in the database, so that neither a restart
nor a second gateway tells it again. Who finds out that nothing is fetched, and when to say so, is the fetcher's question.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.letters import Letter, Mailbox, Name
from mailgate.flow import effect, journal
from mailgate.flow.cause import Cause
from mailgate.flow.house import House
from mailgate.store import facts, people
from mailgate.store.engine import Store, Tx

# A mailbox that comes and goes is told of so often within that time at most; the log and /readyz tell each time.
MOST, WITHIN = 3, timedelta(hours=6)


class Told(Struct, frozen=True):
    """What the operator knows of a mailbox: whether it stands still, when he was last told that it does, and when our access ends.

    `number` counts the letters, and makes each of them one of its kind.
    """

    stopped: bool = False
    at: tuple[datetime, ...] = ()
    expires: datetime | None = None
    number: int = 0

    def may_tell(self, now: datetime) -> bool:
        """Whether one more standstill may be told by mail."""
        return len([one for one in self.at if now - one < WITHIN]) < MOST

    def told(self, now: datetime) -> Told:
        """After a letter about a standstill."""
        return replace(self, stopped=True, at=(*self.at, now)[-MOST:], number=self.number + 1)


class Outages:
    """What the operator hears of one mailbox. Every method is one transaction, and raises Temporary where the database fails.

    `mailbox` says which one it is; its time and reason are filled in for each letter. `clock` gives aware UTC.
    """

    def __init__(self, store: Store, house: House, desk: str, mailbox: Mailbox, clock: Callable[[], datetime]) -> None:
        self._store, self._house, self._desk, self._mailbox, self._clock = store, house, desk, mailbox, clock
        self._fact = f"mailbox:{mailbox.name}"
        # Whether the operator may believe something that is no longer so; whether he knows that our access ends soon, None: nobody asked.
        self._doubtful = True
        self._ending: bool | None = None

    def stopped(self, why: str, lasting: timedelta) -> None:
        """Nothing was fetched for so long. He is told once, and not while he was told too often of late."""
        self._doubtful = True
        now = self._clock()
        with journal.on_commit(), self._store.begin() as tx:
            told = self._told(tx)
            if not told.stopped and told.may_tell(now) and self._write(tx, "", now - lasting, told, why):
                self._put(tx, told.told(now))

    def over(self) -> None:
        """Mail is fetched. He is told where the last that he heard was that it is not."""
        if not self._doubtful:
            return
        now = self._clock()
        with journal.on_commit(), self._store.begin() as tx:
            told = self._told(tx)
            if told.stopped:
                self._write(tx, "back", now, told)
                self._put(tx, replace(told, stopped=False, number=told.number + 1))
        self._doubtful = False

    def expires(self, at: datetime | None) -> None:
        """Our access ends then, and somebody has to renew it; None: it does not end soon. He is told once of each approach."""
        if self._ending == (at is not None):
            return
        with journal.on_commit(), self._store.begin() as tx:
            told = self._told(tx)
            if at is not None and told.expires is None and self._write(tx, "expires", at, told):
                self._put(tx, replace(told, expires=at, number=told.number + 1))
            if at is None and told.expires is not None:
                self._put(tx, replace(told, expires=None))
        self._ending = at is not None

    def _write(self, tx: Tx, note: str, at: datetime, told: Told, why: str = "") -> bool:
        """The letters to the owner, or where there is none to all who work here; False where there is nobody at all."""
        rules = self._house.rules(self._desk, people.directory(tx, self._house.people))
        box = replace(self._mailbox, at=at, why=why)
        letters = tuple(Letter(Name.MAILBOX, one.address, note=note, mailbox=box) for one in rules.on_duty(None, self._clock()))
        if letters:
            # Two gateways that tell the same at once name the same cause, and one of them fails.
            cause = Cause("mailbox", f"{sha256(self._mailbox.name.encode()).hexdigest()[:12]}-{told.number}")
            effect.carry_out(tx, self._house, rules, None, Decision(Outcome.NOTED, letters=letters), cause, self._clock())
            journal.told("owner_told", account=self._mailbox.name, of=note or "stopped", letters=len(letters))
        return bool(letters)

    def _told(self, tx: Tx) -> Told:
        kept = facts.get(tx, self._fact)
        if kept is None:
            return Told()
        said = json.loads(kept)
        at = tuple(datetime.fromisoformat(one) for one in said["at"])
        return Told(said["stopped"], at, datetime.fromisoformat(said["expires"]) if said["expires"] else None, said["number"])

    def _put(self, tx: Tx, told: Told) -> None:
        said = {
            "stopped": told.stopped, "at": [one.isoformat() for one in told.at],
            "expires": told.expires.isoformat() if told.expires else None, "number": told.number,
        }  # fmt: skip
        facts.put(tx, self._fact, json.dumps(said))
