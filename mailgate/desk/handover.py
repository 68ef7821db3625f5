"""What becomes of the tickets of somebody who goes away? Each is another's, or its team's again; who gets them is told in one letter.

Only what is being worked on goes to others: a ticket that waits for its requester stays where it is, and whoever stands in hears of the
answer (`Rules.watchers`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk.assignment import Load, Roster, chosen
from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.draft import Draft
from mailgate.desk.letters import Letter, Name
from mailgate.desk.model import Address, Person, State, Ticket
from mailgate.desk.rules import Rules
from mailgate.desk.sla import promises
from mailgate.desk.workflow import Grammar, state_of

WORKED_ON = frozenset({State.OPEN, State.IN_PROGRESS})


class Handed(Struct, frozen=True):
    """A ticket and who gets it; None: its team."""

    ticket: Ticket
    to: Person | None


def shared_out(person: Person, tickets: Sequence[Ticket], rules: Rules, roster: Roster) -> Iterator[Handed]:
    """Who gets each ticket of somebody who is away: his delegate, else whoever policy would give it to as a new one."""
    delegate = rules.stand_in(person, roster.today)
    for ticket in tickets:
        if ticket.assignee not in person.addresses or state_of(ticket.status) not in WORKED_ON:
            continue
        about = filter(None, (ticket.category, ticket.service, *ticket.tags))
        to = delegate or chosen(ticket.team, about, rules.people, rules.policy.assign_by, roster)
        if to is not None:
            load = roster.loads.get(to.address, Load())
            roster = replace(roster, loads={**roster.loads, to.address: replace(load, tickets=load.tickets + 1)})
        yield Handed(ticket, to)


def handed_over(one: Handed, person: Person, rules: Rules, now: datetime, actor: Person) -> Decision:
    """What happens to one of the tickets. The requester hears nothing of it."""
    draft = Draft(one.ticket, rules, now, actor, None, Grammar.TECHNICIAN)
    fields: Mapping[str, object] = {
        "assignee": None, "participants": tuple(each for each in one.ticket.participants if each.role != "assignee")
    }  # fmt: skip
    draft.event("handover", f"{person.address} is away", **(draft.given(one.to) if one.to else fields))
    decision = draft.decided(Outcome.TIMED).noting("absence", person.address, one.to.address if one.to else "team")
    return promises(one.ticket, decision, rules, now)


def letters(handed: Sequence[Handed], rules: Rules, now: datetime) -> tuple[Letter, ...]:
    """One letter for each who gets tickets, or whose team does, with all that are his now."""
    lists: dict[Address, list[Ticket]] = {}
    for one in handed:
        for person in (one.to,) if one.to else rules.on_duty(one.ticket.team, now):
            lists.setdefault(person.address, []).append(one.ticket)
    given = {one.to.address for one in handed if one.to}
    return tuple(
        Letter(Name.HANDOVER, address, tickets=tuple(tickets), note="" if address in given else "team")
        for address, tickets in lists.items()
    )  # fmt: skip
