"""What follows when a proven technician writes, by mail or from the shell: his commands, and his answers to the requester."""

from __future__ import annotations

from msgspec.structs import replace

from mailgate.desk import collision, obey
from mailgate.desk.authority import permits
from mailgate.desk.commands import Command, Reading, read, suggestion
from mailgate.desk.decision import Decision, Message, Outcome
from mailgate.desk.draft import Draft, refuse, refused, shown
from mailgate.desk.letters import Name
from mailgate.desk.model import Role, Status
from mailgate.desk.requester import add_copied
from mailgate.desk.stimuli import Wrote
from mailgate.desk.undo import UNDOABLE
from mailgate.desk.workflow import Grammar


def technician(draft: Draft, reading: Reading, wrote: str, mail: Wrote | None = None) -> Decision:
    """What a proven technician wrote: commands, a reply to the requester, or both. All or nothing. `wrote` is his text as it came.

    Whom he copies into a `mail` with a reply has read that, and hears what comes after.
    """
    if not (reading.commands or reading.text or (mail and mail.files)):
        draft.event("note", "empty")
        return draft.decided(Outcome.NOTED, reading)
    before = draft.ticket
    if reading.misplaced is not None:
        word, policy = reading.misplaced.lstrip("#").split()[0], draft.rules.policy
        instead = suggestion(word, Grammar.TECHNICIAN, synonyms=policy.verbs_by_word, own=policy.statuses)
        draft.refuse(reading.misplaced, "not-at-the-top", instead)
    # Where one line is wrong, the others are tried as well: the receipt tells of each, and the draft is dropped.
    wrong = {refusal.line for refusal in draft.refusals}
    obey.obey(draft, tuple(command for command in reading.commands if command.line not in wrong), reading.text)
    if draft.refusals:
        return refused(before, draft, wrote, reading, Name.RECEIPT)
    if reading.text or not reading.commands:
        _relay(draft, reading.text)
        if mail is not None:
            add_copied(draft, mail)
    if any(command.verb not in _ANSWERED for command in reading.commands):
        lines = tuple(shown(command.line, meant=_meant(draft, reading, command)) for command in reading.commands if not command.within)
        draft.answer(Name.RECEIPT, lines=lines, note="undoable" if _undoable(draft) else "")
    return draft.decided(Outcome.COMMANDED if reading.commands else Outcome.APPENDED, reading)


# These have an answer of their own: the letter that was asked for, or what becomes of the answer that is sent after all.
_ANSWERED = ("help", "send", "kb")


def _meant(draft: Draft, reading: Reading, command: Command) -> str:
    """What a line was understood as: whom or when it names; of a macro the commands that came with it."""
    inner = (one.within for one in reading.commands if one.within and one.line == command.line)
    return ", ".join(inner) if command.verb == "macro" else draft.meant.get(command.line, "")


def _undoable(draft: Draft) -> bool:
    changing = [event.verb for event in draft.events if event.changes]
    return bool(changing) and UNDOABLE.issuperset(changing)


def commanding(text: str) -> str:
    """An order as it stands in a mail: from the shell the first `#` may be left out."""
    return text if text.lstrip().startswith("#") else f"#{text.lstrip()}"


def ordered(draft: Draft, text: str) -> Decision:
    """A technician's commands from the shell. They are answered there: whoever gave the order gets no letter about it."""
    text = commanding(text)
    policy = draft.rules.policy
    reading = read(text, Grammar.TECHNICIAN, bare=False, synonyms=policy.verbs_by_word, own=policy.statuses, macros=draft.known.macros)
    if not (draft.person.staff or draft.person.role is Role.OWNER):
        draft.refuse(text.partition("\n")[0], "not-a-technician")
    elif not reading.commands:
        draft.refuse(text.partition("\n")[0], "unknown-verb", "#help")
    refuse(draft, reading)
    decision = technician(draft, reading, text)
    return replace(decision, letters=tuple(letter for letter in decision.letters if letter.to not in draft.person.addresses))


def weighed(draft: Draft, wrote: Wrote, reading: Reading) -> Decision:
    """A technician's mail, after what `security.require` asks of each verb."""
    refuse(draft, reading, wrote)
    draft.weak = frozenset(verb for verb in draft.rules.security.require if not permits(verb, wrote, draft.rules))
    before = draft.ticket
    decision = technician(draft, reading, wrote.text, wrote)
    return collision.settled(before, draft, decision, wrote) if wrote.meanwhile else decision


def _relay(draft: Draft, text: str) -> None:
    """A plain reply goes to the requester from the desk's address, and turns New into Responded."""
    new = {"status": Status.RESPONDED} if draft.ticket.status is Status.NEW else {}
    draft.event("reply", **draft.answered(), **new)
    draft.message = Message(draft.person.address, text, direction="out", strength=draft.strength)
    draft.tell_public(Name.REPLY, words=text, attach=True)
