"""What does it mean to a ticket that something happened to another one? It was solved with its parent, joined by a duplicate, split off.

Nobody wrote to this ticket; who caused it is the actor of its events all the same.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from mailgate.desk import vendor
from mailgate.desk.decision import Decision, Message, Outcome
from mailgate.desk.draft import Draft
from mailgate.desk.events import Change, Event, born, changes, fold, plain
from mailgate.desk.kin import Part
from mailgate.desk.letters import Letter, Name
from mailgate.desk.model import Participant, State, Status, Strength, Ticket, TicketId
from mailgate.desk.opening import acknowledged
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Adopted, By, Joined, OriginResolved, SplitOff, TakenBack
from mailgate.desk.undo import STAYS
from mailgate.desk.workflow import Grammar, state_of

_LONGEST_SUBJECT = 80


def _draft(ticket: Ticket, by: By, rules: Rules, now: datetime) -> Draft:
    return Draft(ticket, rules, now, rules.people.person(by.actor), by.strength, Grammar.TECHNICIAN)


def origin_resolved(ticket: Ticket, stimulus: OriginResolved, rules: Rules, now: datetime) -> Decision:
    """An open child is resolved with its parent; its requester hears the solution and nothing else of the parent."""
    if state_of(ticket.status) in (State.RESOLVED, State.CLOSED):
        return Decision(Outcome.IGNORED, "ended-already")
    draft, words = _draft(ticket, stimulus.by, rules, now), stimulus.solution
    first = {} if ticket.responded else {"responded": now}
    note = f"{rules.desk.tag}-{ticket.parent}"
    draft.event("resolve", note, **first, status=Status.RESOLVED_BY_ORIGIN, resolution=words or None, resolved=now)
    if words:
        draft.message = Message(stimulus.by.actor, words, direction="out", strength=stimulus.by.strength)
    draft.tell_public(Name.RESOLVED, words=words, note="origin")
    assignee = rules.people.find(ticket.assignee) if ticket.assignee else None
    if assignee is not None:
        draft.say(Name.RELATED, assignee.address, note=f"resolved {note}")
    return draft.decided(Outcome.COMMANDED)


def joined(ticket: Ticket, stimulus: Joined, rules: Rules, now: datetime) -> Decision:
    """The people of a duplicate take part here from now on, as far as they were proven; the secrecy of either holds for both."""
    draft, loser = _draft(ticket, stimulus.by, rules, now), stimulus.loser
    fields: dict[str, object] = {}
    people = _together(ticket, loser, rules, confirmed=stimulus.confirmed)
    if people != ticket.participants:
        fields["participants"] = people
    if loser.confidential and not ticket.confidential:
        fields["confidential"] = True
    if ticket.approval is not None:
        # Whoever asked for the same does not decide about it.
        whose = (*ticket.approval.barred, loser.requester, *(loser.approval.barred if loser.approval else ()))
        fields["approval"] = replace(ticket.approval, barred=tuple(dict.fromkeys(whose)))
    if ticket.parent == loser.id:
        fields["parent"] = loser.parent if loser.parent != ticket.id else None
    tag = f"{rules.desk.tag}-{loser.id}"
    draft.event("join", tag, **fields)
    for person in rules.watchers(ticket, now):
        if person.address != draft.person.address:
            letter = Letter(Name.RELATED, person.address, author=loser.requester, note=f"joined {tag}", about=loser.id)
            draft.letters.append(letter)
    return draft.decided(Outcome.COMMANDED)


def _together(ticket: Ticket, loser: Ticket, rules: Rules, *, confirmed: bool) -> tuple[Participant, ...]:
    people = {one.address: one for one in ticket.participants}
    for one in loser.participants:
        if one.role not in ("requester", "cc", vendor.ROLE):
            continue
        proven = one.confirmed and (confirmed or one.role != "requester")
        addresses = rules.people.person(one.address).addresses
        known = next((other for other in people.values() if other.address in addresses), None)
        if known is None:
            # Whoever helps from outside helps here, and hears no more than there.
            people[one.address] = one if one.role == vendor.ROLE else Participant(one.address, "cc", proven, one.muted)
        elif proven and not known.confirmed:
            people[known.address] = replace(known, confirmed=True)
    return tuple(people.values())


def adopted(ticket: Ticket, stimulus: Adopted, rules: Rules, now: datetime) -> Decision:
    """A child of a duplicate is a child of the ticket that goes on."""
    draft = _draft(ticket, stimulus.by, rules, now)
    draft.event("parent", f"{rules.desk.tag}-{stimulus.loser}", parent=stimulus.parent)
    return draft.decided(Outcome.COMMANDED)


def taken_back(ticket: Ticket, stimulus: TakenBack, rules: Rules, now: datetime) -> Decision:
    """Whatever the newest event that came from the other ticket changed is as before, unless it was changed since."""
    story = stimulus.story
    last = next((at for at in range(len(story) - 1, 0, -1) if _came_from(story[at], stimulus.origin)), 0)
    back = _before(ticket, story, last) if last and story[last].verb in ("join", "parent", "resolve") else ()
    if not back:
        return Decision(Outcome.IGNORED, "nothing-to-undo")
    draft = _draft(ticket, stimulus.by, rules, now)
    was = state_of(ticket.status)
    draft.events.append(Event("undo", draft.person.address, now, draft.strength, back, f"{story[last].verb} {story[last].note}"))
    draft.ticket = fold(ticket, draft.events)
    if was is State.RESOLVED and state_of(draft.ticket.status) not in (State.RESOLVED, State.CLOSED):
        draft.tell_public(Name.REOPENED, copies=False)
    return draft.decided(Outcome.COMMANDED)


def _came_from(event: Event, origin: TicketId) -> bool:
    return event.verb in ("join", "parent", "resolve", "undo") and event.note.rpartition("-")[2] == str(origin)


def _before(ticket: Ticket, story: tuple[Event, ...], at: int) -> tuple[Change, ...]:
    """The fields of one event with their values before it. Of the participants only those leave who came by it."""
    before = fold(born(ticket.id, story[0]), story[1:at])
    after = fold(before, (story[at],))
    since = {change.field for event in story[at + 1 :] for change in event.changes}
    back: list[Change] = []
    for field in (change.field for change in story[at].changes):
        if field == "participants":
            came = set(after.participants) - set(before.participants)
            gone = {one.address for one in ticket.participants if one in came}
            stood = tuple(one for one in before.participants if one.address in gone)
            back.append(Change(field, plain((*stood, *(one for one in ticket.participants if one not in came)))))
        elif field not in since and field not in STAYS:
            back.append(Change(field, plain(getattr(before, field))))
    if before.own and any(change.field == "status" for change in back):
        back.append(Change("own", before.own))
    # A solution without its status would be half of an undo.
    return () if "status" in since and story[at].verb == "resolve" else tuple(back)


def split_off(stimulus: SplitOff, rules: Rules, now: datetime) -> Decision:
    """A new ticket for the author of the message, beside the old one. Nobody else of the old ticket is on it."""
    origin, part = stimulus.origin, stimulus.part
    fields = {
        "desk": origin.desk, "subject": _subject(origin, part), "requester": part.author, "source": origin.source, "team": origin.team,
        "participants": (Participant(part.author, "requester"),), "language": origin.language, "links": (origin.id,),
        "confidential": origin.confidential,
    }  # fmt: skip
    tag = f"{rules.desk.tag}-{origin.id}"
    # As strong as the mail that it comes from, whoever split it off.
    opens = Event("open", stimulus.by.actor, now, part.strength, changes(**fields), f"split {tag}")
    message = Message(part.author, part.text, strength=part.strength, unverified=part.unverified, note=f"split {tag}", copy_of=part.id)
    hear = rules.on_duty(origin.team, now)
    told = tuple(Letter(Name.NEW_TICKET, person.address, part.text, part.author, note=f"split {tag}") for person in hear)
    letters = tuple(replace(letter, note="apart") for letter in acknowledged(part.author, part.strength or Strength.CLAIMED, rules))
    return Decision(Outcome.OPENED, "split", opens=opens, message=message, letters=(*letters, *told))


def _subject(origin: Ticket, part: Part) -> str:
    """That of the old ticket, if its author has a part in that one; else his own first line."""
    known = origin.participant((part.author,))
    if not part.unverified and known is not None and known.confirmed:
        return origin.subject
    return next((line.strip()[:_LONGEST_SUBJECT] for line in part.text.splitlines() if line.strip()), "")
