"""Does what we write reach the requester? A reminder that goes nowhere is none, and silence after it no answer.

Asked when a rung of a ladder comes due, and never for anything else.
"""

from __future__ import annotations

from mailgate.desk.letters import Name
from mailgate.desk.model import Address, Ticket
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Lost
from mailgate.store import outbox, people, tickets
from mailgate.store.engine import Tx


def lost(tx: Tx, rules: Rules, ticket: Ticket) -> Lost | None:
    """The requester, where our last letter about this ticket came back from him, or any letter from which we took his address for dead.

    None where he can be reached, and where he wants to hear nothing.
    """
    for address in rules.audience(ticket, copies=False):
        # An address of people.toml is the operator's to mend, and written to whatever came back.
        dead = "" if rules.people.find(address) else _dead(tx, ticket, address)
        if why := dead or outbox.came_back(tx, ticket.id, address):
            return Lost(address, why, outbox.written_since(tx, ticket.id, Name.UNDELIVERABLE, ticket.since))
    return None


def _dead(tx: Tx, ticket: Ticket, address: Address) -> str:
    """Why the address is taken for dead. Whoever wrote from it since is written to again."""
    found = people.suppression(tx, address)
    if found is None:
        return ""
    why, since = found
    if tickets.heard_since(tx, ticket.id, address, since):
        people.allow(tx, address)
        return ""
    return why


def skipped_before(tx: Tx, ticket: Ticket) -> bool:
    """Whether the story tells already that a rung of the present ladder waits."""
    return tickets.happened_since(tx, ticket, "skip")
