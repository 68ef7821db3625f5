"""Is anything kept longer than policy wants? Once a day what is goes, a batch at each tick, until nothing is left to do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from mailgate.desk.policy import Retention
from mailgate.flow import journal
from mailgate.flow.seam import crash_point
from mailgate.store import facts, retention
from mailgate.store.engine import Store, Tx
from mailgate.store.inbox import InboxState

# So many in one commit, so that no mail waits long for its turn.
_TICKETS = 10
_MAILS = 50


class Sweeper(Struct, frozen=True):
    """Removes what has been kept long enough. Where policy keeps everything it asks nobody anything.

    `clock` gives aware UTC, None while the time is not to be believed: one that jumped ahead by a year makes everything old.
    """

    store: Store
    policy: Retention
    clock: Callable[[], datetime | None]

    def tick(self) -> int:
        """Removes up to one batch of each kind in one commit; returns how many. The day's work is done when there is nothing more."""
        if self.policy == Retention():
            return 0
        now = self.clock()
        if now is None:
            return 0
        today = now.date().isoformat()
        with self.store.look() as tx:
            if facts.get(tx, facts.SWEPT) == today or facts.get(tx, facts.HOLD) is not None:
                return 0
        with journal.on_commit(), self.store.begin() as tx:
            gone = {what: count for what, count in self._sweep(tx, now).items() if count}
            if gone:
                journal.told("removed", **gone)
            else:
                facts.put(tx, facts.SWEPT, today)
            crash_point("CP51-swept")
        return sum(gone.values())

    def _sweep(self, tx: Tx, now: datetime) -> dict[str, int]:
        policy = self.policy
        gone: dict[str, int] = {}
        if policy.tickets is not None:
            gone["tickets"] = retention.remove_tickets(tx, now - policy.tickets, _TICKETS)
            gone["digests"] = retention.empty_digests(tx, now - policy.tickets, _MAILS)
        if policy.mails is not None:
            gone["mails"] = retention.empty_mails(tx, InboxState.DONE, now - policy.mails, _MAILS)
        if policy.ignored is not None:
            gone["ignored"] = retention.empty_mails(tx, InboxState.IGNORED, now - policy.ignored, _MAILS)
        return gone
