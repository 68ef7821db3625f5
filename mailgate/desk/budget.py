"""Which of the planned letters may go out? Budgets that trust no header, so that no loop and no forger makes us flood anybody.

They drop only automatic letters, and only to addresses that nobody of people.toml has; text of a human that we pass on never counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from mailgate.desk.decision import Suppressed
from mailgate.desk.letters import Letter, Name
from mailgate.desk.model import Address, TicketId
from mailgate.desk.policy import Desk
from mailgate.desk.rules import Rules
from mailgate.desk.tokens import subaddress


class Spent(Struct, frozen=True):
    """What went to some addresses within the last day, and which of them are dead.

    `today` counts automatic letters, `acknowledged` the acknowledgements for the ticket in question, `dead` maps an address from which
    ours came back to the reason.
    """

    today: Mapping[Address, int] = field(default_factory=dict)
    acknowledged: Mapping[tuple[Address, TicketId], int] = field(default_factory=dict)
    dead: Mapping[Address, str] = field(default_factory=dict)


def weigh(
    letters: Sequence[Letter], ticket: TicketId, spent: Spent, rules: Rules, *, claimed: Address | None, silent: str = ""
) -> tuple[tuple[Letter, ...], tuple[Suppressed, ...]]:
    """The letters that go out, and those that do not with the reason why.

    `claimed` is the writer's address where it is nothing but a claim; `silent` is a reason to send no automatic letter at all.
    """
    kept: list[Letter] = []
    dropped: list[Suppressed] = []
    today = dict(spent.today)
    for letter in letters:
        reason = _reason(letter, ticket, today, spent, rules, claimed=claimed, silent=silent)
        if reason:
            dropped.append(Suppressed(letter, reason))
            continue
        kept.append(letter)
        if letter.automatic:
            today[letter.to] = today.get(letter.to, 0) + 1
    return tuple(kept), tuple(dropped)


def _reason(
    letter: Letter, ticket: TicketId, today: Mapping[Address, int], spent: Spent, rules: Rules, *, claimed: Address | None, silent: str
) -> str:
    if _is_ours(letter.to, rules.desk):
        return "own-address"
    if not letter.automatic or rules.people.find(letter.to) is not None:
        return ""
    budgets, sent = rules.policy.budgets, today.get(letter.to, 0)
    if silent:
        return silent
    if letter.to in spent.dead:
        return "address-bounced"
    if rules.security.authserv_ids and letter.to == claimed and sent >= budgets.claimed_per_day:
        return "budget-claimed-address"
    if letter.name is Name.ACKNOWLEDGEMENT and spent.acknowledged.get((letter.to, ticket), 0) >= budgets.acknowledgements_per_ticket:
        return "budget-acknowledgements"
    return "budget-letters-a-day" if sent >= budgets.letters_per_day else ""


def _is_ours(address: Address, desk: Desk) -> bool:
    """Whether a letter to this address would come back to the desk itself, at one of its addresses or a sub-address of one."""
    local, _, domain = address.rpartition("@")
    ours = (one.rpartition("@") for one in desk.addresses)
    return any(domain == host and (local == base or subaddress(local, base, desk.subaddress) is not None) for base, _, host in ours)
