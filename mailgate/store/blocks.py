"""Of which senders is nothing heard any more? Each mail asks the directory, which knows them all; here they are kept. Times are UTC."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import delete, select, update

from mailgate.store import facts
from mailgate.store.engine import Tx, insert
from mailgate.store.registers import blocked


class Block(Struct, frozen=True):
    """A blocked sender: an address, or `@` and a domain; who blocked it, and how many mails it has kept away."""

    sender: str
    by: str
    since: datetime
    count: int
    last_at: datetime | None


def put(tx: Tx, sender: str, by: str, now: datetime) -> None:
    """Blocks a sender; who is blocked already stays so."""
    facts.count(tx, facts.PEOPLE)
    tx.execute(insert(tx, blocked).values(sender=sender, by=by, since=now, count=0).on_conflict_do_nothing())


def lift(tx: Tx, sender: str) -> bool:
    """Hears a sender again; False where he was not blocked."""
    facts.count(tx, facts.PEOPLE)
    return tx.execute(delete(blocked).where(blocked.c.sender == sender)).rowcount == 1


def kept_away(tx: Tx, sender: str, now: datetime) -> None:
    """Counts a mail that was not heard."""
    tx.execute(update(blocked).where(blocked.c.sender == sender).values(count=blocked.c.count + 1, last_at=now))


def senders(tx: Tx) -> frozenset[str]:
    """Everybody who is blocked."""
    return frozenset(tx.execute(select(blocked.c.sender)).scalars())


def listed(tx: Tx) -> list[Block]:
    """Everybody who is blocked, by name."""
    return [Block(*row) for row in tx.execute(select(blocked).order_by(blocked.c.sender))]
