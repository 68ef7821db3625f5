"""What follows when a clock comes to a step: a warning, the breach, or a rung of a ladder? Who hears of it, and that only once.

What was missed meanwhile is told with it: one letter to each person, of where the clock stands now.
"""

from __future__ import annotations

from msgspec.structs import replace

from mailgate.desk import clocks, fields
from mailgate.desk.clock import BREACH, Clock, Step
from mailgate.desk.commands import Command
from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.draft import Draft
from mailgate.desk.letters import NOTES, Letter, Milestone, Name
from mailgate.desk.model import Address, Person, Role, Status
from mailgate.desk.plans import Escalation, Rung
from mailgate.desk.workflow import Grammar, follows


def came(draft: Draft, metric: str) -> Decision | None:
    """What happens now that the clock of this metric has come to its next step; None where it has not, or does not run any more."""
    clock = next((one for one in draft.ticket.clocks if one.metric == metric and one.live), None)
    passed = clocks.reached(clock, draft.ticket, draft.rules, draft.now) if clock else ()
    if clock is None or not passed:
        return None
    step = passed[-1]
    _note(draft, replace(clock, told=step, breached=clock.breached or step.breaks), step)
    ladder = clocks.escalation(clock, draft.ticket, draft.rules)
    warned = clocks.warned(clock, draft.rules)
    names = list(dict.fromkeys(name for each in passed for name in _named(each, ladder, warned)))
    told = dict.fromkeys(person.address for name in names for person in _people(draft, name))
    letter = Name.SLA_BREACH if step.breaks else Name.SLA_WARNING
    milestone = Milestone(metric, clock.number, step, quiet=ladder is None or ladder.quiet)
    draft.letters += [Letter(letter, address, milestone=milestone) for address in told]
    if "next" in names:
        _hand_up(draft)
    if "requester" in names:
        draft.tell_public(Name.DELAYED, copies=False, note=metric if metric in NOTES[Name.DELAYED] else "")
    if not draft.letters:
        # Policy names a team without members, or a next level where there is none.
        draft.letters += [Letter(letter, one.address, milestone=milestone) for one in draft.rules.watchers(draft.ticket, draft.now)]
    return draft.decided(Outcome.TIMED).noting("timer", "sla", f"{metric} {step}")


def _note(draft: Draft, clock: Clock, step: Step) -> None:
    verb = "breach" if step == BREACH else "sla"
    draft.event(verb, f"{clock.metric} {step}", clocks=(clock,))


def _named(step: Step, ladder: Escalation | None, warned: tuple[Step, ...]) -> tuple[str, ...]:
    """Whom policy names at this step; warnings, and a breach of which nothing is said, are a matter of the technician."""
    rungs: tuple[Rung, ...] = ladder.steps if ladder else ()
    named = tuple(name for rung in rungs if rung.at == step for name in rung.to)
    return named if named and step not in warned else (*named, "technician")


def _people(draft: Draft, name: str) -> tuple[Person, ...]:
    """Who hears of it under a name of policy; those for whom something else happens are nobody here."""
    rules, ticket = draft.rules, draft.ticket
    match name:
        case "technician":
            return rules.watchers(ticket, draft.now)
        case "lead":
            return leads(draft)
        case "manager":
            return managers(draft)
        case "owner":
            return rules.people.having(Role.OWNER)
        case "next" | "requester":
            return ()
    if "@" in name:
        return (rules.people.person(Address(name)),)
    return rules.people.members(name)


def leads(draft: Draft) -> tuple[Person, ...]:
    """Who leads the team of the ticket: whom the team names, else its leads, else those of the desk; a manager where nobody leads."""
    rules = draft.rules
    team = rules.people.team(draft.ticket.team)
    named = rules.people.find(team.lead) if team and team.lead else None
    if named is not None:
        return (named,)
    own = tuple(one for one in rules.people.having(Role.LEAD) if one.team is not None and one.team == draft.ticket.team)
    return own or tuple(one for one in rules.people.having(Role.LEAD) if rules.serves(one)) or managers(draft)


def managers(draft: Draft) -> tuple[Person, ...]:
    """The manager of the assignee, else of the lead, else everybody who is a manager, else the owner."""
    people, ticket = draft.rules.people, draft.ticket
    team = people.team(ticket.team)
    for address in (ticket.assignee, team.lead if team else None):
        person = people.find(address) if address else None
        if person is not None and person.manager is not None:
            return (people.person(person.manager),)
    return people.having(Role.MANAGER) or people.having(Role.OWNER)


def _hand_up(draft: Draft) -> None:
    """To the team of the next level, as `#escalate` does it; where there is none, or the ticket waits, it stays where it is."""
    allowed, after = follows(Grammar.TECHNICIAN, "escalate", draft.ticket.status)
    if allowed:
        fields.escalate(draft, Command("escalate", "", "#escalate"), after or Status.ESCALATED, "")
    draft.refusals.clear()
