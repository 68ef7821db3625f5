"""What stands in the database of a gateway? Read from this process, while the gateway runs or is dead: a look costs a millisecond.

Whoever waits for something looks fifty times a second, and a connection of its own to each look costs PostgreSQL, and this process,
more than the gateway has to do meanwhile: while the gateway runs, the looks share one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mailgate.desk.model import Ticket, TicketId
from mailgate.store import audit, inbox, outbox, story, tickets
from mailgate.store.engine import Store, Tx


class Ledger:
    """The database of that URL, which need not exist yet."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._lock = threading.Lock()
        self._follows = False
        self._kept: Store | None = None

    def follow(self) -> None:
        """From now on it stays connected between its looks."""
        self.leave()
        self._follows = True

    def leave(self) -> None:
        """From now on nobody is connected between its looks: what a dead gateway has left lies as it would lie without us."""
        with self._lock:
            kept, self._kept, self._follows = self._kept, None, False
        if kept is not None:
            kept.close()

    def mails(self) -> list[inbox.Row]:
        """All inbox rows, oldest first."""
        with self.look() as tx:
            return inbox.rows(tx)

    def letters(self) -> list[outbox.Row]:
        """All outbox rows, oldest first."""
        with self.look() as tx:
            return outbox.rows(tx)

    def tickets(self) -> list[Ticket]:
        """All tickets, oldest first."""
        with self.look() as tx:
            found = [tickets.get(tx, number) for number in sorted(story.listed(tx, story.Filter()))]
        return [one for one in found if one is not None]

    def story(self, number: int) -> story.Story:
        """One ticket with everything around it. Raises AssertionError where there is none."""
        with self.look() as tx:
            told = story.tell(tx, TicketId(number))
        assert told is not None, f"no ticket {number}"
        return told

    def raw(self, row: int) -> bytes | None:
        """The octets of a mail."""
        with self.look() as tx:
            return inbox.raw(tx, row)

    def violations(self) -> list[str]:
        """What the audit finds wrong."""
        with self.look() as tx:
            return [f"{one.invariant} {one.row}: {one.what}" for one in audit.audit(tx).violations]

    def settled(self) -> bool:
        """Whether every mail has been processed and every letter has left."""
        with self.look() as tx:
            mails, letters = inbox.counts(tx), outbox.counts(tx)
        return not (mails["received"] or mails["claimed"] or letters["queued"] or letters["deferred"])

    @contextmanager
    def look(self) -> Iterator[Tx]:
        """One view of it, for questions that only one test has."""
        with self._lock:
            follows = self._follows
            store = self._kept = self._kept or Store(self.url) if follows else None
        store = store or Store(self.url)
        try:
            with store.look() as tx:
                yield tx
        finally:
            if not follows:
                store.close()
