"""What do the commands do that set a field of a ticket, or say who is on it? Each a small function on a draft; obey has the table of them.

Nobody outside is told of them: the receipt shows the technician what was done, and the story shows everybody else.
"""

from __future__ import annotations

from collections.abc import Callable

from mailgate.desk import values, vendor
from mailgate.desk.assignment import chosen
from mailgate.desk.commands import Command
from mailgate.desk.draft import Draft
from mailgate.desk.letters import Name
from mailgate.desk.model import Participant, Person, Priority, Status, Team, Ticket
from mailgate.desk.workflow import Grammar

_SOMEBODY = "anna@example.com"

Doing = Callable[[Draft, Command, Status | None, str], None]


def priority(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    """Sets the priority, whatever the matrix says."""
    value = values.priority(command.args)
    if value is None:
        draft.refuse(command.line, "unknown-value", f"#priority {Priority.P2}")
        return
    draft.event("priority", priority=value)


def level(field: str) -> Doing:
    """Sets impact or urgency, and the priority that the matrix gives for both."""

    def do(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
        value = values.level(command.args)
        if value is None:
            draft.refuse(command.line, "unknown-value", f"#{field} high")
            return
        both = {"impact": draft.ticket.impact, "urgency": draft.ticket.urgency} | {field: value}
        draft.event(field, **{field: value}, priority=draft.rules.policy.priority.of(both["impact"], both["urgency"]))

    return do


def category(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    """One of the categories of the policy; any words where it names none."""
    names = [one.name for one in draft.rules.policy.categories]
    found = values.named(command.args, names) if names else " ".join(command.args.split())[:80]
    if found is None:
        draft.refuse(command.line, "unknown-value", f"#category {values.nearest(command.args, names)}")
        return
    draft.event("category", category=found)


def tag(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    """Adds tags, and takes away those with a minus before them."""
    after = values.tags(command.args, draft.ticket.tags)
    if after is None:
        draft.refuse(command.line, "unknown-value", "#tag vip")
        return
    draft.event("tag", tags=after)


def confidential(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    """From now on letters carry number and link only; or no more."""
    draft.event("confidential", command.args, confidential=command.args != "off")


def spam(draft: Draft, _command: Command, after: Status | None, _text: str) -> None:
    """Ends the ticket, and nobody outside hears of it."""
    draft.event("spam", status=after, closed=draft.now, closure_category="spam")


def requester(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    """Somebody else is who asks: he is acknowledged, and whoever wrote stays in copy, unless he works here."""
    person = _somebody(draft, command, command.args, "#requester")
    if person is None:
        return
    if draft.ticket.requester in person.addresses:
        draft.event("requester")
        return
    before = draft.rules.people.person(draft.ticket.requester)
    others = tuple(one for one in draft.ticket.participants if one.address not in (*person.addresses, draft.ticket.requester))
    muted = any(one.muted for one in draft.ticket.participants if one.address == draft.ticket.requester)
    stays = () if before.staff else (Participant(draft.ticket.requester, "cc", muted=muted),)
    draft.event("requester", requester=person.address, participants=(Participant(person.address, "requester"), *stays, *others))
    draft.say(Name.ACKNOWLEDGEMENT, person.address)


def _somebody(draft: Draft, command: Command, words: str, works: str) -> Person | None:
    """Whom the words name; else the line is refused, with what would work behind `works`. Requesters learn no names by guessing."""
    if draft.grammar is Grammar.TECHNICIAN:
        found = values.persons(words, draft.rules.people)
    else:
        one = values.person(words, draft.rules.people)
        found = (one,) if one else ()
    if len(found) == 1 and not draft.rules.is_own(found[0].address):
        if draft.grammar is Grammar.TECHNICIAN and values.address(words) is None:
            draft.meant[command.line] = values.labels(found)
        return found[0]
    slug, instead = ("ambiguous-person", found[0].address) if len(found) > 1 else ("unknown-address", _SOMEBODY)
    draft.refuse(command.line, slug, f"{works} {instead}", values.labels(found) if len(found) > 1 else "")
    return None


def copy(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    """`cc add A` and `cc remove A`: somebody hears what is public, or no longer; who was named by a stranger is confirmed so."""
    word, _, rest = command.args.partition(" ")
    adds = word.lower() != "remove"
    works = "#cc add" if draft.grammar is Grammar.TECHNICIAN else "cc add"
    person = _somebody(draft, command, rest if word.lower() in ("add", "remove") else command.args, works)
    if person is None:
        return
    if not adds and draft.ticket.requester in person.addresses:
        draft.refuse(command.line, "unknown-address", f"{works} {_SOMEBODY}")
        return
    drops = ("cc", vendor.ROLE) if draft.grammar is Grammar.TECHNICIAN else ("cc",)
    draft.event("cc", command.args, participants=_copied(draft.ticket, person, adds=adds, drops=drops))


def _copied(ticket: Ticket, person: Person, *, adds: bool, drops: tuple[str, ...]) -> tuple[Participant, ...]:
    here = ticket.participant(person.addresses)
    if adds:
        known = Participant(person.address, "cc") if here is None else Participant(here.address, here.role, confirmed=True)
        return (*(one for one in ticket.participants if one is not here), known)
    return tuple(one for one in ticket.participants if one is not here or one.role not in drops)


def escalate(draft: Draft, command: Command, after: Status | None, _text: str) -> None:
    """To the team of the next level, to the one that is named, or to a vendor; the requester hears that somebody else works on it now."""
    if vendor.named(command):
        vendor.escalate(draft, command, after)
        return
    # To another desk leads `#desk`; nobody gets there by a name that both have.
    teams = draft.rules.teams
    target = values.team(command.args, teams) if command.args else _next(draft.rules.people.team(draft.ticket.team), teams)
    if target is None or (target.name == draft.ticket.team and draft.ticket.status is after):
        others = [one.name for one in teams if one.name != draft.ticket.team]
        draft.refuse(command.line, "unknown-team", f"#escalate {values.nearest(command.args, others)}" if others else "")
        return
    taker = _taker(draft, target)
    draft.event("escalate", target.name, status=after, **_belongs_to(draft, target, taker))
    draft.tell_public(Name.ESCALATED, copies=False)
    if taker:
        draft.say(Name.ASSIGNED, taker.address)
    else:
        draft.say(Name.NEW_TICKET, *(person.address for person in draft.rules.on_duty(target.name, draft.now)), note="escalated")


def _taker(draft: Draft, team: Team) -> Person | None:
    """Who of the next level gets the ticket, where policy gives tickets to somebody."""
    if draft.known.roster is None:
        return None
    about = filter(None, (draft.ticket.category, draft.ticket.service, *draft.ticket.tags))
    return chosen(team.name, about, draft.rules.people, draft.rules.policy.assign_by, draft.known.roster)


def _belongs_to(draft: Draft, team: Team, taker: Person | None) -> dict[str, object]:
    """What changes when the ticket is a team's, and maybe one of theirs."""
    if taker:
        return draft.given(taker)
    people = tuple(one for one in draft.ticket.participants if one.role != "assignee")
    return {"team": team.name, "assignee": None, "participants": people}


def _next(team: Team | None, teams: tuple[Team, ...]) -> Team | None:
    """The team that this one names as its next, else the first of the next higher level; None where there is none."""
    if team is None:
        return None
    if team.next:
        return next((one for one in teams if one.name == team.next), None)
    return min((one for one in teams if one.level > team.level), key=lambda one: one.level, default=None)
