"""What do the commands do that concern several tickets: `parent`, `merge`, `link`, `split`? And what does any decision mean for others?

What it means to the other ticket itself is the question of `passed`.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from mailgate.desk.commands import Command
from mailgate.desk.decision import Decision, Onward, Refusal
from mailgate.desk.draft import Draft
from mailgate.desk.events import Change, Event, fold
from mailgate.desk.kin import Kin, Part, ticket_number
from mailgate.desk.letters import Letter, Name
from mailgate.desk.model import Address, State, Status, Ticket, TicketId
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Adopted, By, Joined, OriginResolved, SplitOff, TakenBack
from mailgate.desk.workflow import Grammar, state_of, verbs

_ENDED = (State.RESOLVED, State.CLOSED)


def parent(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    """Makes the named ticket the parent of this one; `off` leaves this one without."""
    if command.args.strip(" .!").casefold() == "off":
        draft.event("parent", "off", **({"parent": None} if draft.ticket.parent else {}))
        return
    other = _other(draft, command)
    if other is None:
        return
    if state_of(other.status) is State.CLOSED:
        draft.refusals.append(Refusal(command.line, "closed-ticket", f"#link {other.id}"))
    elif _descends(other, draft.ticket.id, draft.known.kin):
        draft.refusals.append(Refusal(command.line, "round-in-circles", f"#link {other.id}"))
    else:
        draft.event("parent", _tag(draft, other.id), **({"parent": other.id} if draft.ticket.parent != other.id else {}))


def link(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    """Links this ticket with the named one. Both show it."""
    other = _other(draft, command)
    if other is not None:
        linked = other.id in draft.ticket.links or draft.ticket.id in other.links
        links = tuple(sorted({*draft.ticket.links, other.id}))
        draft.event("link", _tag(draft, other.id), **({} if linked else {"links": links}))


def merge(draft: Draft, command: Command, after: Status | None, _text: str) -> None:
    """Makes this ticket a duplicate of the named one, where it goes on; its people go along."""
    other = _other(draft, command)
    if other is None:
        return
    if state_of(other.status) is State.CLOSED:
        draft.refusals.append(Refusal(command.line, "closed-ticket", f"#link {other.id}"))
        return
    if other.parent != draft.ticket.id and _descends(other, draft.ticket.id, draft.known.kin):
        # Its children go along: what stands between the two would stand below and above the same ticket.
        draft.refusals.append(Refusal(command.line, "round-in-circles", f"#link {other.id}"))
        return
    loser, tag = draft.ticket, _tag(draft, other.id)
    confirmed = _known(draft.known.story, loser.requester)
    ends = {"status": after, "merged_into": other.id, "closed": draft.now, "closure_category": "duplicate"}
    draft.event("merge", tag, **ends)
    _tell_of_merge(draft, other, confirmed=confirmed)
    by = By(draft.person.address, draft.strength)
    draft.onward.append(Onward(Joined(by, loser, confirmed), other.id))
    draft.onward.append(Onward(Adopted(by, loser.id, other.id), loser.id, children=True))


def _tell_of_merge(draft: Draft, other: Ticket, *, confirmed: bool) -> None:
    """Everybody on the ticket hears once where it goes on; the number only who has a part in that ticket from now on."""
    tag = _tag(draft, other.id)
    for address in draft.rules.audience(draft.ticket, copies=True):
        there = other.participant((address,))
        knows = confirmed or address != draft.ticket.requester or (there is not None and there.confirmed)
        draft.say(Name.CLOSED, address, note=f"merged {tag}" if knows else "")
    assignee = draft.rules.people.find(draft.ticket.assignee) if draft.ticket.assignee else None
    if assignee is not None:
        draft.say(Name.RELATED, assignee.address, note=f"merged {tag}")


def split(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    """Makes a ticket of its own of the message that the technician answers, else of the requester's side's newest."""
    part = _part(draft)
    if part is None:
        draft.refusals.append(Refusal(command.line, "nothing-to-split", _near(draft, "link")))
        return
    draft.event("split", _message(part))
    draft.onward.append(Onward(SplitOff(By(draft.person.address, draft.strength), draft.ticket, part)))


def _part(draft: Draft) -> Part | None:
    gone = {event.note for event in (*draft.known.story, *draft.events) if event.verb == "split"}
    parts = [part for part in draft.known.kin.parts if _message(part) not in gone]
    return next((part for part in parts if part.id == draft.known.kin.answered), parts[0] if parts else None)


def _message(part: Part) -> str:
    return f"message {part.id}"


def _other(draft: Draft, command: Command) -> Ticket | None:
    """The ticket that the command names; None, and a refusal, where it is none of this desk that still goes on by itself."""
    number = ticket_number(command.args)
    other = draft.known.kin.find(number)
    if number == draft.ticket.id:
        draft.refusals.append(Refusal(command.line, "same-ticket", _near(draft, command.verb)))
    elif other is None or other.desk != draft.ticket.desk:
        # Whether another desk has such a ticket is nobody's business here.
        draft.refusals.append(Refusal(command.line, "unknown-ticket", _near(draft, command.verb)))
    elif other.merged_into is not None:
        works = f"#{command.verb} {other.merged_into}" if other.merged_into != draft.ticket.id else _near(draft, command.verb)
        draft.refusals.append(Refusal(command.line, "merged-already", works))
    else:
        return other
    return None


def _near(draft: Draft, verb: str) -> str:
    """A line that would work: with another open ticket of the same requester, if he has one; else one that does no harm."""
    return f"#{verb} {draft.known.kin.near}" if draft.known.kin.near else verbs(Grammar.TECHNICIAN)["note"].example


def overtaken(draft: Draft, changes: Iterable[Change]) -> str:
    """Why these fields of a ticket cannot be as they were before, since other tickets are not; empty where they can."""
    for change in changes:
        parent = draft.known.kin.find(TicketId(int(str(change.value)))) if change.field == "parent" and change.value else None
        if parent is not None and _descends(parent, draft.ticket.id, draft.known.kin):
            return "round-in-circles"
        survivor = draft.known.kin.find(draft.ticket.merged_into) if change.field == "merged_into" else None
        if survivor is not None and survivor.merged_into is not None:
            # Its people went along with that one; they leave both in the order in which they came.
            return "merged-already"
    return ""


def _descends(ticket: Ticket, ancestor: TicketId, kin: Kin) -> bool:
    """Whether a ticket stands below another; also where its parents are too many to know."""
    for _ in range(len(kin.named) + 1):
        if ticket.parent is None:
            return False
        known = kin.find(ticket.parent)
        if ticket.parent == ancestor or known is None:
            return True
        ticket = known
    return True


def _known(story: Iterable[Event], requester: Address) -> bool:
    """Whether somebody with proof made him the requester, or he gave proof himself at any time."""
    return any(
        event.strength is not None and event.strength.trusted
        and (event.actor == requester or any(change.field == "requester" and change.value == requester for change in event.changes))
        for event in story
    )  # fmt: skip


def _tag(draft: Draft, number: TicketId) -> str:
    return f"{draft.rules.desk.tag}-{number}"


# -------------------------------------------------------------------------------------------- what follows from any decision


def followed(before: Ticket, decision: Decision, rules: Rules, kin: Kin) -> Decision:
    """The decision with what it means for the ticket's children, and for the ticket that it had been merged into."""
    if not any(change.field == "status" for event in decision.events for change in event.changes):
        return decision
    after, last = fold(before, decision.events), decision.events[-1]
    by = By(Address(last.actor), last.strength)
    undone = any(event.verb == "undo" for event in decision.events)
    if state_of(before.status) not in _ENDED and _solved(after):
        # What may not be read in a letter about this ticket may not be read in one about another either.
        solution = "" if after.confidential else after.resolution or ""
        return _passing(decision, Onward(OriginResolved(by, solution), before.id, children=True))
    if before.merged_into is not None and after.merged_into is None:
        back = TakenBack(by, before.id)
        return _passing(decision, Onward(back, before.merged_into), Onward(back, before.merged_into, children=True))
    if state_of(before.status) in _ENDED and state_of(after.status) not in _ENDED:
        if undone:
            return _passing(decision, Onward(TakenBack(by, before.id), before.id, children=True))
        return _telling(decision, after, last, rules, kin.children)
    return decision


def _solved(ticket: Ticket) -> bool:
    return state_of(ticket.status) is State.RESOLVED or ticket.status is Status.COMPLETED


def _passing(decision: Decision, *onward: Onward) -> Decision:
    return replace(decision, onward=(*decision.onward, *onward))


def _telling(decision: Decision, after: Ticket, last: Event, rules: Rules, children: tuple[TicketId, ...]) -> Decision:
    """What was solved together with a ticket stays so when that is opened again; whoever looks after it is told."""
    if not children:
        return decision
    actor = rules.people.person(Address(last.actor))
    told = (*rules.watchers(after, last.at), *((actor,) if actor.staff else ()))
    note = f"children {', '.join(f'{rules.desk.tag}-{child}' for child in children)}"
    letters = tuple(Letter(Name.RELATED, to, note=note) for to in dict.fromkeys(one.address for one in told))
    return replace(decision, letters=(*decision.letters, *letters))
