"""What follows when two technicians answer at once? Both are told, and the second answer goes out or waits, as policy says.

A technician's answer is at once with a colleague's that went out after the letter which he answers was written, and after his own last
answer: he had not seen it. Looking that up is `flow.colleagues`'.
"""

from __future__ import annotations

from msgspec.structs import replace

from mailgate.desk.commands import Command
from mailgate.desk.decision import Decision, Message, Outcome, Refusal
from mailgate.desk.draft import Draft, shown
from mailgate.desk.letters import HELD, Letter, Line, Name
from mailgate.desk.model import Address, Status, Ticket, Visibility
from mailgate.desk.policy import Collision
from mailgate.desk.stimuli import Meanwhile, Wrote

# Why a mail that holds such an answer was not carried out.
REASON = "collision"


def settled(before: Ticket, draft: Draft, decision: Decision, wrote: Wrote) -> Decision:
    """What becomes of a technician's mail that crossed a colleague's answer. A mail that says nothing to the requester crosses nothing."""
    other = wrote.meanwhile
    if other is None:
        return decision
    if decision.refusals:
        # What the colleague did may be why it is refused.
        return replace(decision, letters=_receipts(decision.letters, draft.person.address, other))
    if decision.message is None or decision.message.direction != "out":
        return decision
    if draft.rules.policy.collision is Collision.HOLD and not wrote.insists:
        return _held(before, draft, decision, wrote, other)
    letters = _receipts(decision.letters, draft.person.address, other) or (*decision.letters, _receipt(draft, other, REASON))
    colleague = draft.rules.people.find(other.author)
    if colleague is not None and colleague.staff:
        letters += (Letter(Name.COLLISION, colleague.address, decision.message.text, draft.person.address),)
    return replace(decision, letters=letters).noting("collision", "sent", other.author)


def _receipts(letters: tuple[Letter, ...], to: Address, other: Meanwhile) -> tuple[Letter, ...]:
    """The letters, with the colleague's words on the writer's receipt; nothing where there is no receipt."""
    if not any(one.name is Name.RECEIPT and one.to == to for one in letters):
        return ()
    return tuple(
        replace(one, words=other.text, author=other.author) if one.name is Name.RECEIPT and one.to == to else one for one in letters
    )


def _receipt(draft: Draft, other: Meanwhile, note: str, lines: tuple[Line, ...] = ()) -> Letter:
    return Letter(Name.RECEIPT, draft.person.address, other.text, other.author, lines, note)


def _held(before: Ticket, draft: Draft, decision: Decision, wrote: Wrote, other: Meanwhile) -> Decision:
    """Nothing is done: the mail waits as a note, until its writer says that it is to go out after all."""
    kept = Draft(before, draft.rules, draft.now, draft.person, draft.strength, draft.grammar)
    kept.event("held", other.author)
    kept.letters.append(_receipt(draft, other, HELD, tuple(shown(command.line) for command in decision.commands)))
    kept.message = Message(draft.person.address, wrote.text, visibility=Visibility.INTERNAL, strength=draft.strength, note=HELD)
    return replace(kept.decided(Outcome.NOTED), reason=REASON, commands=decision.commands).noting("collision", HELD, other.author)


def send(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    """Has the writer's answer that was held back read once more, and sent."""
    if draft.known.held is None:
        draft.refusals.append(Refusal(command.line, "nothing-held", "#help"))
        return
    draft.event("send")
    draft.again = draft.known.held
