"""What does each command do to a ticket? A table of verbs, each a small pure function that draws up events and letters on a draft.

Whether the writer may say the verb is settled before (authority); whether the status allows it is settled here, by the workflow table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from mailgate.desk import workflow
from mailgate.desk.commands import Command
from mailgate.desk.decision import Message, Refusal
from mailgate.desk.events import Event, changes, fold
from mailgate.desk.letters import Letter, Line, Name
from mailgate.desk.model import Address, Participant, Person, State, Status, Strength, Ticket, Visibility
from mailgate.desk.rules import Rules
from mailgate.desk.workflow import Grammar


@dataclass(slots=True)
class Draft:
    """A decision in the making, inside this room only: the ticket as it would be, and what would happen on the way there."""

    ticket: Ticket
    rules: Rules
    now: datetime
    person: Person
    strength: Strength
    grammar: Grammar
    events: list[Event] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    message: Message | None = None

    def event(self, verb: str, note: str = "", /, **fields: object) -> None:
        """One event, folded into the ticket at once, so that the next command sees what this one did."""
        event = Event(verb, self.person.address, self.now, self.strength, changes(**fields), note)
        self.events.append(event)
        self.ticket = fold(self.ticket, (event,))

    def say(self, name: Name, *to: Address, words: str = "", note: str = "", lines: tuple[Line, ...] = (), attach: bool = False) -> None:
        """A letter to each of these addresses, save to the writer himself."""
        own = self.person.addresses
        for address in dict.fromkeys(to):
            if address not in own:
                self.letters.append(Letter(name, address, words, self.person.address, lines, note, attach=attach))

    def answer(self, name: Name, *, note: str = "", lines: tuple[Line, ...] = ()) -> None:
        """A letter to the writer, about what he wrote."""
        self.letters.append(Letter(name, self.person.address, "", None, lines, note))

    def tell_public(self, name: Name, *, words: str = "", copies: bool = True, note: str = "", attach: bool = False) -> None:
        """A letter to the requester, and with `copies` to each confirmed Cc."""
        self.say(name, *self.rules.audience(self.ticket, copies=copies), words=words, note=note, attach=attach)

    def tell_watchers(self, *, words: str = "", note: str = "") -> None:
        """What the requester's side did or wrote, to whoever looks after the ticket."""
        watchers = (person.address for person in self.rules.watchers(self.ticket))
        self.say(Name.REQUESTER_REPLIED, *watchers, words=words, note=note, attach=bool(words))

    def met_first_response(self) -> None:
        """The first technician who answers becomes the assignee of an unassigned ticket and meets the first response."""
        first: dict[str, object] = {} if self.ticket.responded else {"responded": self.now}
        if self.ticket.assignee is None and self.person.staff:
            first["assignee"] = self.person.address
        if first:
            self.event("respond", **first)


def obey(draft: Draft, commands: tuple[Command, ...], text: str) -> None:
    """Does each command in turn; what the workflow does not allow becomes a refusal. `text` is what stands below the commands.

    All or nothing is the caller's part: it drops the draft if there is a refusal.
    """
    for command in commands:
        allowed, after = workflow.follows(draft.grammar, command.verb, draft.ticket.status)
        if not allowed:
            draft.refusals.append(Refusal(command.line, _too_late(draft.ticket.status), _instead(draft.grammar, draft.ticket.status)))
            continue
        _DO[draft.grammar, command.verb](draft, command, after, text)


def helping(grammar: Grammar) -> tuple[Line, ...]:
    """What may be written, one line a verb, from the table that the reader itself uses."""
    return tuple(Line(verb.example, ok=True) for verb in workflow.VERBS if verb.grammar is grammar)


def _too_late(status: Status) -> str:
    return "too-late" if workflow.state_of(status) is State.CLOSED else "wrong-status"


def _instead(grammar: Grammar, status: Status) -> str:
    fitting = (verb for verb in workflow.verbs(grammar).values() if verb.word not in ("help", "note", "mute", "assign", "take"))
    return next((verb.example for verb in fitting if workflow.follows(grammar, verb.word, status)[1] is not None), "")


def _accept(draft: Draft, _command: Command, after: Status | None, text: str) -> None:
    draft.event("accept", status=after, closed=draft.now, closure_category="accepted")
    draft.tell_watchers(words=text, note="accept")
    draft.tell_public(Name.CLOSED)
    draft.answer(Name.CLOSED, note="accept")


def _bring_back(draft: Draft, command: Command, after: Status | None, text: str) -> None:
    reason = command.args or text
    draft.event(command.verb, reason, status=after, resolved=None, reopened=draft.ticket.reopened + 1)
    if draft.grammar is Grammar.REQUESTER:
        draft.answer(Name.REOPENED)
        draft.tell_watchers(words=reason, note=command.verb)
    else:
        draft.tell_public(Name.REOPENED, words=reason)


def _cancel(draft: Draft, _command: Command, after: Status | None, text: str) -> None:
    draft.event("cancel", status=after, closed=draft.now, closure_category="cancelled")
    draft.tell_watchers(words=text, note="cancel")
    draft.tell_public(Name.CLOSED)
    draft.answer(Name.CLOSED, note="cancel")


def _status(draft: Draft, _command: Command, _after: Status | None, _text: str) -> None:
    draft.event("status")
    draft.answer(Name.STATUS)


def _mute(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    muted, own = command.args != "off", draft.person.addresses
    people = tuple(
        Participant(one.address, one.role, one.confirmed, muted if one.address in own else one.muted) for one in draft.ticket.participants
    )
    draft.event("mute", command.args, participants=people)
    draft.answer(Name.STATUS, note="muted" if muted else "unmuted")


def _help(draft: Draft, _command: Command, _after: Status | None, _text: str) -> None:
    draft.event("help")
    draft.answer(Name.HELP, lines=helping(draft.grammar), note=draft.grammar)


def _take(draft: Draft, command: Command, after: Status | None, _text: str) -> None:
    if not draft.person.staff:
        draft.refusals.append(Refusal(command.line, "not-a-technician", "#assign NAME"))
        return
    _give(draft, "take", draft.person, after)


def _assign(draft: Draft, command: Command, after: Status | None, _text: str) -> None:
    found = _technicians(draft, command.args)
    if len(found) != 1:
        known = ", ".join(person.label for person in found[:5])
        slug = "ambiguous-person" if found else "unknown-person"
        example = f"#assign {(found or draft.rules.people.members(draft.ticket.team) or (draft.person,))[0].address}"
        draft.refusals.append(Refusal(command.line, slug, f"{example} ({known})" if known else example))
        return
    _give(draft, "assign", found[0], after)
    draft.say(Name.ASSIGNED, found[0].address)


def _give(draft: Draft, verb: str, person: Person, after: Status | None) -> None:
    others = tuple(one for one in draft.ticket.participants if one.role != "assignee")
    people = (*others, Participant(person.address, "assignee"))
    moved = {"status": after} if after else {}
    draft.event(verb, assignee=person.address, team=person.team or draft.ticket.team, participants=people, **moved)


def _technicians(draft: Draft, words: str) -> tuple[Person, ...]:
    wanted = words.strip().lower()
    staff = tuple(person for person in draft.rules.people.people if person.staff)
    if wanted in ("me", "myself", "ich", "mir"):
        return (draft.person,)
    exact = tuple(person for person in staff if wanted in (*person.addresses, person.name.lower()))
    if exact:
        return exact
    return tuple(
        person for person in staff
        if wanted and (person.name.lower().startswith(wanted) or person.address.startswith(wanted)
                       or any(part.startswith(wanted) for part in person.name.lower().split()))
    )  # fmt: skip


def _move(draft: Draft, command: Command, after: Status | None, _text: str) -> None:
    draft.event(command.verb, status=after)


def _pending(draft: Draft, command: Command, after: Status | None, _text: str) -> None:
    draft.met_first_response()
    draft.event("pending", status=after)
    _speak(draft, command.args)
    draft.tell_public(Name.QUESTION, words=command.args, copies=False, attach=True)


def _note(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    draft.event("note")
    draft.message = Message(draft.person.address, command.args, visibility=Visibility.INTERNAL, strength=draft.strength)


def _resolve(draft: Draft, command: Command, after: Status | None, _text: str) -> None:
    draft.met_first_response()
    draft.event("resolve", status=after, resolution=command.args, resolved=draft.now)
    _speak(draft, command.args)
    draft.tell_public(Name.RESOLVED, words=command.args, attach=True)


def _close(draft: Draft, _command: Command, after: Status | None, _text: str) -> None:
    draft.event("close", status=after, closed=draft.now, closure_category="closed by technician")
    draft.tell_public(Name.CLOSED)


def _speak(draft: Draft, words: str) -> None:
    draft.message = Message(draft.person.address, words, direction="out", strength=draft.strength)


R, T = Grammar.REQUESTER, Grammar.TECHNICIAN

# What each verb of the workflow does. The keys are those of `workflow.TRANSITIONS`.
_DO: dict[tuple[Grammar, str], Callable[[Draft, Command, Status | None, str], None]] = {
    (R, "accept"): _accept,
    (R, "reject"): _bring_back,
    (R, "reopen"): _bring_back,
    (R, "cancel"): _cancel,
    (R, "status"): _status,
    (R, "mute"): _mute,
    (R, "help"): _help,
    (T, "take"): _take,
    (T, "assign"): _assign,
    (T, "start"): _move,
    (T, "pending"): _pending,
    (T, "resume"): _move,
    (T, "note"): _note,
    (T, "resolve"): _resolve,
    (T, "close"): _close,
    (T, "reopen"): _bring_back,
    (T, "help"): _help,
}
