"""What comes due? Fires timer rows, each at most once, with everything that follows, in one commit. Costs grow with what is due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property, partial

from msgspec import Struct

from mailgate.desk import sla
from mailgate.desk.decide import decide
from mailgate.desk.errors import Temporary
from mailgate.desk.sla import plan
from mailgate.desk.stimuli import Due
from mailgate.desk.summary import Kind
from mailgate.flow import digest, effect, journal, reach, summaries
from mailgate.flow import notices as telling
from mailgate.flow.absences import hand_over
from mailgate.flow.cause import Cause
from mailgate.flow.house import House
from mailgate.flow.seam import crash_point
from mailgate.store import digests, facts, notices, people, tickets, timers
from mailgate.store.engine import Fenced, Store, Tx, savepoint

_BATCH = 50
# A timer that fails by a fault of ours is tried again after this; the others must not wait for it.
_PUT_OFF = timedelta(minutes=5)


class Timekeeper(Struct, frozen=True, dict=True):
    """Fires what is due. `clock` gives aware UTC, None while the time is not to be believed."""

    store: Store
    house: House
    clock: Callable[[], datetime | None]

    @cached_property
    def diary(self) -> summaries.Diary:
        """Everybody's next digest."""
        return summaries.Diary(self.store, self.house)

    def tick(self) -> int:
        """Fires up to one batch of due timers in one commit, and hands over what belongs to those who have gone away.

        Returns how many timers and people that were. None fires while timers are on hold, or the clock is in doubt.
        """
        now = self.clock()
        if now is None:
            return 0
        self.diary.keep(now)
        return self._fire_due(now) + hand_over(self.store, self.house, now)

    def _fire_due(self, now: datetime) -> int:
        with self.store.look() as tx:
            whom = notices.whom(tx, now)
            if not (whom or timers.due(tx, now, 1) or digests.due(tx, now, 1)) or facts.get(tx, facts.HOLD) is not None:
                return 0
        if whom:
            return self._tell(whom, now)
        with journal.on_commit(), self.store.begin() as tx:
            rows = timers.due(tx, now, _BATCH)
            crash_point("CP35-due")
            for row in rows:
                _alone(tx, f"timer {row.id}", partial(self._act, tx, row, now), partial(timers.put_off, tx, row, now + _PUT_OFF))
            letters = digests.due(tx, now, _BATCH)
            for one in letters:
                _alone(
                    tx,
                    f"digest {one.id}",
                    partial(digest.write if one.kind is Kind.HELD else summaries.write, tx, self.house, one, now),
                    partial(digests.put_off, tx, one, now + _PUT_OFF),
                )
            crash_point("CP36-fired")
        crash_point("CP37-committed")
        return len(rows) + len(letters)

    def _tell(self, whom: notices.Whom, now: datetime) -> int:
        """Tells one person what is due of clocks, in one commit; returns how much that was."""
        with journal.on_commit(), self.store.begin() as tx:
            rows = notices.due(tx, whom, now, telling.MOST)
            crash_point("CP35-due")
            if rows:
                tell, later = partial(telling.tell, tx, self.house, whom, rows, now), partial(notices.put_off, tx, rows, now + _PUT_OFF)
                _alone(tx, f"notice {rows[0].id}", tell, later)
            crash_point("CP36-fired")
        crash_point("CP37-committed")
        return len(rows)

    def _act(self, tx: Tx, row: timers.DueRow, now: datetime) -> None:
        if row.kind in sla.LADDERS and self._waits(tx, row, now):
            return
        try:
            timers.fired(tx, row, now)
        except Fenced:
            # One of the same batch that fired before it ended this ticket too, as a parent does its children.
            return
        ticket = tickets.get(tx, row.ticket, lock=True)
        if ticket is None:
            return
        rules = self.house.rules(ticket.desk, people.directory(tx, self.house.people))
        later = next((one.due for one in plan(ticket, rules) if one.kind == row.kind and one.due > now), None)
        if later is not None:
            # Policy or calendar has changed since it was planned.
            timers.rearm(tx, row, later)
            return
        decision = decide(ticket, Due(row.kind), rules, now)
        effect.carry_out(tx, self.house, rules, ticket, decision, Cause("timer", str(row.id)), now)
        verbs = ",".join(one.verb for one in decision.events)
        journal.changed(f"timer:{row.id}", row.ticket, decision.outcome, verbs, len(decision.letters))

    def _waits(self, tx: Tx, row: timers.DueRow, now: datetime) -> bool:
        """Whether this rung of a ladder waits since its requester cannot be reached: it comes again after its gap. Told once."""
        ticket = tickets.get(tx, row.ticket, lock=True)
        gap = sla.gap(ticket, row.kind, self.house.policy) if ticket else None
        if ticket is None or gap is None:
            return False
        rules = self.house.rules(ticket.desk, people.directory(tx, self.house.people))
        lost = reach.lost(tx, rules, ticket)
        if lost is None:
            return False
        if not reach.skipped_before(tx, ticket):
            decision = decide(ticket, Due(row.kind, lost), rules, now)
            effect.carry_out(tx, self.house, rules, ticket, decision, Cause("skip", str(row.id)), now)
            journal.changed(f"timer:{row.id}", row.ticket, decision.outcome, "skip", len(decision.letters))
        timers.put_off(tx, row, now + gap)
        return True


def _alone(tx: Tx, what: str, act: Callable[[], object], put_off: Callable[[], object]) -> None:
    """Does one of several that share a commit; one that fails by a fault of ours is tried again later, alone."""
    try:
        with journal.on_commit(), savepoint(tx):
            act()
    except Fenced as error:
        journal.trouble(what, error)
    except Temporary:
        raise
    except Exception as error:
        journal.trouble(what, error)
        put_off()
