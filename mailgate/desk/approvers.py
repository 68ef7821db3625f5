"""Who is asked for an approval, and who may answer? Asked anew inside the transaction that acts, as everybody is at that moment.

Nobody decides about his own request: not the requester, not whoever was the requester before, not whoever sent it for approval; not by
standing in for somebody, and not by having become an approver since.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from mailgate.desk.absence import absent, local
from mailgate.desk.approval import Ask, Round, Stage, Verdict
from mailgate.desk.model import Address, Directory, Person, Role, Ticket
from mailgate.desk.rules import Rules

# By which an approver was found whose own silence, or somebody else's, was escalated to him.
ESCALATED = "escalated"
# So many stand in for each other, one behind the other.
_MOST_DEPUTIES = 5
# Whoever was found by one of these has it written at his name; a manager need not, he is named by those who report to him.
_ROLES = frozenset(Role) - {Role.MANAGER}


class Case(Struct, frozen=True):
    """What the answer depends on: the ticket, its round, and everybody as they are `now` (aware UTC)."""

    ticket: Ticket
    round: Round
    rules: Rules
    now: datetime


def asked(stage: Stage, case: Case) -> tuple[Ask, ...]:
    """Whom this stage asks, each once; whoever is away is represented by his delegate, if there is one. Empty: nobody may decide."""
    found: dict[Address, Ask] = {}
    for word in stage.approvers:
        for person in called(word, case.ticket, case.rules):
            if not may(person, case):
                continue
            there = deputy(person, case) or person
            if there.address not in found:
                stands_for = None if there is person else person.address
                through = "" if "@" in word else word
                found[there.address] = _ask(case.round, there, through, stands_for)
    return tuple(found.values())


def escalated(silent: tuple[Ask, ...], case: Case) -> tuple[Ask, ...]:
    """Who is asked in place of those who said nothing: the manager of each, else who leads the team, else the owners; nobody twice."""
    before = {one.approver for one in present(case.ticket, case.round)}
    for several in _above(silent, case):
        fresh = {one.address: one for one in several if one.address not in before and may(one, case)}
        if fresh:
            return tuple(_ask(case.round, one, ESCALATED, None) for one in fresh.values())
    return ()


def _above(silent: tuple[Ask, ...], case: Case) -> Iterator[tuple[Person, ...]]:
    """Those to whom silence is escalated, the nearest first."""
    people = case.rules.people
    yield tuple(people.person(boss) for one in silent if (boss := people.person(one.approver).manager))
    yield leads(case.ticket, case.rules)
    yield people.having(Role.OWNER)


def _ask(round_: Round, person: Person, through: str, stands_for: Address | None) -> Ask:
    expires = round_.begun + round_.expire if round_.expire else None
    return Ask(round_.number, round_.stage, person.address, round_.begun, round_.level, through, stands_for, expires)


def called(word: str, ticket: Ticket, rules: Rules) -> tuple[Person, ...]:
    """Whom a word of policy names: an address, a role, or `manager` for the one to whom the requester reports."""
    people = rules.people
    if "@" in word:
        return (people.person(Address(word)),)
    if word == Role.MANAGER:
        boss = people.person(ticket.requester).manager
        return (people.person(boss),) if boss else ()
    return leads(ticket, rules) if word == Role.LEAD else people.having(Role(word))


def leads(ticket: Ticket, rules: Rules) -> tuple[Person, ...]:
    """Who leads the team of the ticket: whom it names, else its leads, else those of the desk."""
    team = rules.people.team(ticket.team)
    if team is not None and team.lead is not None:
        return (rules.people.person(team.lead),)
    every = rules.people.having(Role.LEAD)
    own = tuple(one for one in every if one.team is not None and one.team == ticket.team)
    return own or tuple(one for one in every if rules.serves(one))


def may(person: Person, case: Case) -> bool:
    """Whether it is not his own request, nor was, nor was sent for approval by him; and no letter to him would come back to a desk."""
    people = case.rules.people
    if any(case.rules.is_own(address) for address in person.addresses):
        return False
    whose = (case.ticket.requester, *case.round.barred)
    boxes = {_box(address) for address in person.addresses}
    return all(people.person(address).address != person.address and _box(address) not in boxes for address in whose)


def _box(address: Address) -> str:
    """The mailbox that an address most likely leads to: what follows a plus in the local part rarely makes it another one (RFC 5233)."""
    local, _, host = address.rpartition("@")
    return f"{local.partition('+')[0]}@{host}"


def deputy(person: Person, case: Case) -> Person | None:
    """Who decides for somebody who is away; None where he is there, or where nobody stands in for him who may."""
    if not _away(person, case):
        return None
    return next((one for one in _chain(person, case.rules.people) if may(one, case) and not _away(one, case)), None)


def _away(person: Person, case: Case) -> bool:
    return bool(person.away or person.said) and absent(person, local(person, case.rules.desk.timezone, case.now).date())


def _chain(person: Person, people: Directory) -> Iterator[Person]:
    """His delegate, that one's delegate, and so on; nobody twice."""
    seen = {person.address}
    for _ in range(_MOST_DEPUTIES):
        found = people.find(person.delegate) if person.delegate else None
        if found is None or found.address in seen:
            return
        yield found
        seen.add(found.address)
        person = found


def answers(ask: Ask, person: Person, case: Case) -> bool:
    """Whether this person may answer that question now: he was asked and still would be, or he stands in for who was and is away."""
    approver = case.rules.people.person(ask.approver)
    if not (may(person, case) and may(approver, case) and _still(ask, case)):
        return False
    if person.address == approver.address:
        return True
    asked_too = any(one.approver in person.addresses for one in present(case.ticket, case.round))
    found = None if asked_too else deputy(approver, case)
    return found is not None and found.address == person.address


def concerns(ticket: Ticket, person: Person, people: Directory) -> bool:
    """Whether letters about approvals are for somebody who has no role here: he was asked by name, or stands in for who was asked."""
    named = (people.person(one.approver) for one in ticket.asks if one.stands_for is not None or one.through not in _ROLES)
    return any(person.address in {one.address, *(other.address for other in _chain(one, people))} for one in named)


def present(ticket: Ticket, round_: Round) -> tuple[Ask, ...]:
    """The questions of the stage that the round is in."""
    return tuple(one for one in ticket.asks if (one.round, one.stage) == (round_.number, round_.stage))


def _still(ask: Ask, case: Case) -> bool:
    """Whether he has not lost since what made him an approver: his role, whom he stands in for, or who reports to him."""
    approver = named = case.rules.people.person(ask.approver)
    if ask.through == ESCALATED:
        below = tuple(one for one in present(case.ticket, case.round) if one.level == ask.level - 1 and one.state is Verdict.EXPIRED)
        return any(one.address == approver.address for several in _above(below, case) for one in several)
    if ask.stands_for is not None:
        named = case.rules.people.person(ask.stands_for)
        if approver.address not in {one.address for one in _chain(named, case.rules.people)}:
            return False
    return not ask.through or any(one.address == named.address for one in called(ask.through, case.ticket, case.rules))
