"""What stands in the database of a gateway? Read from this process, while the gateway runs or is dead: a look costs a millisecond."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mailgate.desk.model import Ticket, TicketId
from mailgate.store import audit, inbox, outbox, story, tickets
from mailgate.store.engine import Store, Tx


@dataclass(frozen=True, slots=True)
class Ledger:
    """The database of that URL, which need not exist yet."""

    url: str

    def mails(self) -> list[inbox.Row]:
        """All inbox rows, oldest first."""
        with self._look() as tx:
            return inbox.rows(tx)

    def letters(self) -> list[outbox.Row]:
        """All outbox rows, oldest first."""
        with self._look() as tx:
            return outbox.rows(tx)

    def tickets(self) -> list[Ticket]:
        """All tickets, oldest first."""
        with self._look() as tx:
            found = [tickets.get(tx, number) for number in sorted(story.listed(tx, story.Filter()))]
        return [one for one in found if one is not None]

    def story(self, number: int) -> story.Story:
        """One ticket with everything around it. Raises AssertionError where there is none."""
        with self._look() as tx:
            told = story.tell(tx, TicketId(number))
        assert told is not None, f"no ticket {number}"
        return told

    def raw(self, row: int) -> bytes | None:
        """The octets of a mail."""
        with self._look() as tx:
            return inbox.raw(tx, row)

    def violations(self) -> list[str]:
        """What the audit finds wrong."""
        with self._look() as tx:
            return [f"{one.invariant} {one.row}: {one.what}" for one in audit.audit(tx).violations]

    def settled(self) -> bool:
        """Whether every mail has been processed and every letter has left."""
        with self._look() as tx:
            mails, letters = inbox.counts(tx), outbox.counts(tx)
        return not (mails["received"] or mails["claimed"] or letters["queued"] or letters["deferred"])

    @contextmanager
    def _look(self) -> Iterator[Tx]:
        store = Store(self.url)
        try:
            with store.look() as tx:
                yield tx
        finally:
            store.close()
