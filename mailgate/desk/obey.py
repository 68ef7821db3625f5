"""What does each command do to a ticket? A table of verbs, each a small pure function that draws up events and letters on a draft.

Whether the writer may say the verb is settled before (authority); whether the status allows it is settled here, by the workflow table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mailgate.desk import collision, csat, fields, knowledge, leave, moments, relations, statuses, values, workflow
from mailgate.desk.commands import Command
from mailgate.desk.decision import Message
from mailgate.desk.draft import Draft
from mailgate.desk.letters import Line, Name
from mailgate.desk.model import Participant, Person, Role, State, Status, Visibility
from mailgate.desk.moving import move
from mailgate.desk.undo import undo
from mailgate.desk.workflow import Grammar

if TYPE_CHECKING:
    from mailgate.desk.plans import OwnStatus


def obey(draft: Draft, commands: tuple[Command, ...], text: str) -> None:
    """Does each command in turn; what the workflow does not allow becomes a refusal. `text` is what stands below the commands.

    All or nothing is the caller's part: it drops the draft if there is a refusal.
    """
    # An article is made of what the others leave, wherever it stands among them.
    for command in sorted(commands, key=lambda one: one.verb == "kb"):
        before = len(draft.refusals)
        own = next((one for one in draft.rules.policy.statuses if one.verb == command.verb), None)
        if own is not None and draft.grammar is Grammar.TECHNICIAN:
            _stand(draft, command, own)
        else:
            _do(draft, command, text)
        if command.within:
            draft.refusals[before:] = [replace(one, meant=command.within) for one in draft.refusals[before:]]


def _do(draft: Draft, command: Command, text: str) -> None:
    allowed, after = workflow.follows(draft.grammar, command.verb, draft.ticket.status)
    if allowed:
        _DO[draft.grammar, command.verb](draft, command, after, text)
    else:
        draft.refuse(command.line, _too_late(draft.ticket.status), _instead(draft))


def helping(grammar: Grammar, own: tuple[OwnStatus, ...] = ()) -> tuple[Line, ...]:
    """What may be written, one line a verb, from the table that the reader itself uses."""
    leads = {one.verb: one.name for one in own}
    return tuple(Line(verb.example, ok=True, meant=leads.get(verb.word, "")) for verb in workflow.verbs(grammar, own).values())


def _too_late(status: Status) -> str:
    return "too-late" if workflow.state_of(status) is State.CLOSED else "wrong-status"


def _instead(draft: Draft) -> str:
    """A line that works now, and does no harm to whoever tries it."""
    known = workflow.verbs(draft.grammar)
    words = ("status",) if draft.grammar is Grammar.REQUESTER else ("start", "reopen", "note")
    return next(known[word].example for word in words if workflow.follows(draft.grammar, word, draft.ticket.status)[0])


def words_of(*parts: str) -> str:
    """What stood on a command's line and what stood below it, as one text."""
    return "\n\n".join(part for part in parts if part)


def _accept(draft: Draft, _command: Command, after: Status | None, text: str) -> None:
    draft.event("accept", status=after, closed=draft.now, closure_category="accepted")
    draft.tell_watchers(words=text, note="accept")
    draft.tell_public(Name.CLOSED)
    draft.answer(Name.CLOSED, note="accept")


def _bring_back(draft: Draft, command: Command, after: Status | None, text: str) -> None:
    back = {"status": after, "resolved": None, "reopened": draft.ticket.reopened + 1}
    draft.event(command.verb, command.args or text, **back, **draft.waiting())
    draft.answer(Name.REOPENED)
    draft.tell_watchers(words=words_of(command.args, text), note=command.verb)


def _reopen(draft: Draft, command: Command, after: Status | None, _text: str) -> None:
    # His reason stays in the story: what is meant for the requester stands below the commands.
    draft.event("reopen", command.args, status=after, resolved=None, reopened=draft.ticket.reopened + 1)
    draft.tell_public(Name.REOPENED, copies=False)


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


def _copy(draft: Draft, command: Command, after: Status | None, text: str) -> None:
    fields.copy(draft, command, after, text)
    draft.answer(Name.STATUS, note="copied")


def _help(draft: Draft, _command: Command, _after: Status | None, _text: str) -> None:
    draft.event("help")
    draft.answer(Name.HELP, lines=helping(draft.grammar, draft.rules.policy.statuses), note=draft.grammar)


def _take(draft: Draft, command: Command, after: Status | None, _text: str) -> None:
    if draft.person.staff:
        _give(draft, command, draft.person, after)
    else:
        # From the shell one may give orders without being a technician, but no ticket to oneself.
        draft.refuse(command.line, "not-a-technician", _assigning(draft, ()))


def _assign(draft: Draft, command: Command, after: Status | None, _text: str) -> None:
    found = _technicians(draft, command.args)
    if len(found) != 1:
        draft.refuse(command.line, "ambiguous-person" if found else "unknown-person", _assigning(draft, found), values.labels(found))
        return
    if values.address(command.args) is None:
        draft.meant[command.line] = values.labels(found)
    _give(draft, command, found[0], after)
    draft.say(Name.ASSIGNED, found[0].address)


def _give(draft: Draft, command: Command, person: Person, after: Status | None) -> None:
    draft.event(command.verb, **draft.given(person), **({"status": after} if after else {}))


def _assigning(draft: Draft, found: tuple[Person, ...]) -> str:
    """A line that assigns the ticket to somebody whom it could be meant for."""
    staff = found or draft.rules.people.members(draft.ticket.team) or draft.rules.people.having(Role.TECHNICIAN, Role.LEAD)
    return f"#assign {staff[0].address}" if staff else ""


def _technicians(draft: Draft, words: str) -> tuple[Person, ...]:
    if words.strip(" .!").lower() in ("me", "myself", "ich", "mir"):
        return (draft.person,) if draft.person.staff else ()
    return values.named_people(words, draft.rules.people.having(Role.TECHNICIAN, Role.LEAD))


def _move(draft: Draft, command: Command, after: Status | None, _text: str) -> None:
    draft.event(command.verb, status=after)


def _set_status(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    """`#status NAME` does what the verb does that leads there, if that needs no further words."""
    own = draft.rules.policy.statuses
    found = statuses.named(command.args, own)
    if len(found) != 1:
        names = ", ".join(one.value if isinstance(one, Status) else one.name for one in found)
        instead = names.partition(",")[0] or values.nearest(command.args, statuses.known(own))
        draft.refuse(command.line, "ambiguous-status" if found else "unknown-status", f"#status {instead}", names)
    elif isinstance(found[0], Status):
        _go(draft, command, found[0])
    else:
        _stand(draft, command, found[0], named=True)


def _go(draft: Draft, command: Command, target: Status) -> None:
    """To one of the usual statuses."""
    there = statuses.way(draft.ticket.status, target)
    if draft.ticket.own and draft.ticket.status is target and workflow.state_of(target) is State.RESOLVED:
        # The requester has the solution; it is only called something else.
        draft.event("status", status=target)
    elif there is None:
        draft.refuse(command.line, "wrong-status", _instead(draft))
    elif not there[1]:
        draft.refuse(command.line, "needs-its-verb", workflow.verbs(draft.grammar)[there[0]].example)
    elif there[0] in draft.weak:
        draft.refuse(command.line, "needs-stronger-sender")
    else:
        # A mere move is told by the word that was written.
        said = Command("status" if there[0] in ("start", "resume") else there[0], "", command.line)
        draft.meant[command.line] = target
        _DO[draft.grammar, there[0]](draft, said, target, "")


def _stand(draft: Draft, command: Command, own: OwnStatus, *, named: bool = False) -> None:
    """To an own status, by its own verb or (`named`) by its name."""
    now, after = draft.ticket.status, workflow.leads_to(own, draft.ticket.status)
    words = "" if named else command.args
    if named and own.state is State.RESOLVED is workflow.state_of(now):
        draft.event("status", status=now, own=own.name)
    elif after is None:
        draft.refuse(command.line, _too_late(now), _instead(draft))
    elif named and own.state is State.RESOLVED:
        draft.refuse(command.line, "needs-its-verb", workflow.verbs(draft.grammar, (own,))[own.verb or "resolve"].example)
    elif not draft.weak.isdisjoint({"status", workflow.usual_verb(own)}):
        draft.refuse(command.line, "needs-stronger-sender")
    else:
        draft.meant[command.line], draft.own = own.name, own.name
        _STANDS.get(own.state, _stands)(draft, Command("status", words, command.line), after, "")
        draft.own = None


def _stands(draft: Draft, command: Command, after: Status | None, _text: str) -> None:
    draft.event("status", command.args, status=after)


def _due(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    """`#due off`, or a moment in the writer's own time zone, which has to come yet."""
    if moments.is_off(command.args):
        draft.event("due", "off", due=None)
        return
    zone = moments.zone(draft.person.timezone, draft.rules.desk.timezone)
    due = moments.moment(command.args, draft.now.astimezone(zone))
    if due is None or due <= draft.now:
        draft.refuse(command.line, "in-the-past" if due else "unknown-moment", "#due fri 9:00")
        return
    draft.meant[command.line] = f"{due.astimezone(zone):%Y-%m-%d %H:%M %Z}"
    draft.event("due", due=due)


def _macro(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    """That it was used stands in the story; its commands follow, and its text is that of the mail."""
    draft.event("macro", command.args)


def _time(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    minutes = moments.minutes(command.args)
    if minutes is None:
        draft.refuse(command.line, "unknown-duration", "#time 30m")
        return
    draft.event("time", f"{minutes} min", time_spent=draft.ticket.time_spent + minutes)


def _approval(draft: Draft, command: Command, after: Status | None, text: str) -> None:
    # Only who asks for approvals pays for it.
    from mailgate.desk.sending import approval

    approval(draft, command, after, text)


def _pending(draft: Draft, command: Command, after: Status | None, _text: str) -> None:
    # All reminders are counted from the question, also from a second one.
    anew = {"since": draft.now, "rungs": 0, "climbed": None} if draft.ticket.status is after else {}
    draft.event("pending", **draft.answered(), status=after, **anew)
    _speak(draft, command.args)
    draft.tell_public(Name.QUESTION, words=command.args, copies=False, attach=True)


def _note(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    draft.event("note")
    draft.message = Message(draft.person.address, command.args, visibility=Visibility.INTERNAL, strength=draft.strength)


def _resolve(draft: Draft, command: Command, after: Status | None, _text: str) -> None:
    draft.event("resolve", **draft.answered(), status=after, resolution=command.args, resolved=draft.now)
    _speak(draft, command.args)
    draft.tell_public(Name.RESOLVED, words=command.args, attach=True)


def _close(draft: Draft, command: Command, after: Status | None, _text: str) -> None:
    draft.event("close", status=after, closed=draft.now, closure_category="closed by technician", closure_note=command.args or None)
    draft.tell_public(Name.CLOSED)


def _undo(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    # A button that was made for one state of the ticket does nothing to a later one.
    found = undo((*draft.known.story, *draft.events)) if command.args in ("", str(draft.ticket.version)) else None
    if found is None:
        draft.refuse(command.line, "nothing-to-undo", _instead(draft))
        return
    if wrong := relations.overtaken(draft, found.changes):
        draft.refuse(command.line, wrong, _instead(draft))
        return
    back = found.brings_back(draft.ticket)
    draft.take_back(found)
    if back:
        draft.tell_public(Name.REOPENED, copies=False)


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
    (R, "cc"): _copy,
    (R, "csat"): csat.rate,
    (R, "help"): _help,
    (T, "take"): _take,
    (T, "assign"): _assign,
    (T, "start"): _move,
    (T, "status"): _set_status,
    (T, "priority"): fields.priority,
    (T, "impact"): fields.level("impact"),
    (T, "urgency"): fields.level("urgency"),
    (T, "category"): fields.category,
    (T, "tag"): fields.tag,
    (T, "escalate"): fields.escalate,
    (T, "requester"): fields.requester,
    (T, "cc"): fields.copy,
    (T, "desk"): move,
    (T, "confidential"): fields.confidential,
    (T, "spam"): fields.spam,
    (T, "kb"): knowledge.kb,
    (T, "due"): _due,
    (T, "time"): _time,
    (T, "macro"): _macro,
    (T, "away"): leave.away,
    (T, "parent"): relations.parent,
    (T, "merge"): relations.merge,
    (T, "link"): relations.link,
    (T, "split"): relations.split,
    (T, "undo"): _undo,
    (T, "send"): collision.send,
    (T, "approval"): _approval,
    (T, "pending"): _pending,
    (T, "resume"): _move,
    (T, "note"): _note,
    (T, "resolve"): _resolve,
    (T, "close"): _close,
    (T, "reopen"): _reopen,
    (T, "help"): _help,
}

# What else happens where an own status stands under one of these states: the requester hears of a solution, and of the end.
_STANDS: dict[State, Callable[[Draft, Command, Status | None, str], None]] = {State.RESOLVED: _resolve, State.CLOSED: _close}
