"""How does an order about a mail that was put aside come true? One way for the shell and for mails, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mailgate.desk.decision import MailOrder
from mailgate.desk.inbound import BLOCKED
from mailgate.store import aside, blocks, inbox
from mailgate.store.engine import Fenced, Tx


def carry_out_all(tx: Tx, orders: Sequence[MailOrder], cause: tuple[str, str], now: datetime) -> None:
    """Does all of them. Raises Fenced where a mail does not wait any more: somebody else decided about it meanwhile."""
    # In the order of their rows, so that two who decide at once do not wait for each other.
    for order in sorted(orders, key=lambda one: one.row):
        if not carry_out(tx, order, cause, now):
            raise Fenced(f"inbox row {order.row} was decided about meanwhile")


def carry_out(tx: Tx, order: MailOrder, cause: tuple[str, str], now: datetime) -> bool:
    """Does what was ordered, and writes down who ordered it. False, and nothing done, where the mail does not wait."""
    match order.verb:
        case "release" | "attach":
            done = inbox.reopen(tx, order.row, now, released=True, attach_to=order.ticket)
        case "retry":
            done = inbox.reopen(tx, order.row, now)
        case "drop":
            done = inbox.drop(tx, order.row, now)
        case "block":
            blocks.put(tx, order.sender, order.by, now)
            done = not order.row or inbox.drop(tx, order.row, now, BLOCKED)
        case _:
            blocks.lift(tx, order.sender)
            done = True
    if done and order.row:
        aside.record(tx, order, *cause, now)
    return done
