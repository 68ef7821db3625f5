"""How does somebody outside help with a ticket? He is mailed what is public, may answer, and orders nothing.

He hears nothing but what is sent to him with `#escalate`: no notes, no answers to the requester, and no address but what people wrote into
their texts. The requester hears that somebody outside was asked, and not whom. His answers stay among technicians.
"""

from __future__ import annotations

from mailgate.desk import values
from mailgate.desk.commands import Command, Reading
from mailgate.desk.decision import Decision, Message, Outcome, Refusal
from mailgate.desk.draft import Draft
from mailgate.desk.letters import Name
from mailgate.desk.model import Participant, Person, Role, Status, Ticket, Visibility
from mailgate.desk.stimuli import Wrote

ROLE = "vendor"
_EXAMPLE = "#escalate vendor@example.com What can this be?"


def named(command: Command) -> bool:
    """Whether the command names an address, and so no team."""
    return "@" in command.args.partition(" ")[0]


def escalate(draft: Draft, command: Command, after: Status | None) -> None:
    """Mails the vendor the words and the public story. Whose ticket it is stays as it was; the requester hears of it once."""
    address, _, words = command.args.partition(" ")
    person = values.person(address.rstrip(",;:"), draft.rules.people)
    if person is None or draft.rules.is_own(person.address):
        draft.refusals.append(Refusal(command.line, "unknown-address", _EXAMPLE))
        return
    if person.role is not Role.REQUESTER or draft.ticket.requester in person.addresses:
        draft.refusals.append(Refusal(command.line, "not-a-vendor", f"#assign {person.address}" if person.staff else _EXAMPLE))
        return
    if draft.ticket.confidential and not words.strip():
        # Of a confidential ticket nothing travels but what is said for it.
        draft.refusals.append(Refusal(command.line, "needs-words", f"#escalate {person.address} What can this be?"))
        return
    asked = helps(draft.ticket, person)
    others = tuple(one for one in draft.ticket.participants if one.address not in person.addresses)
    draft.event("escalate", person.address, status=after, participants=(*others, Participant(person.address, ROLE)))
    draft.say(Name.VENDOR, person.address, words=words.strip(), attach=True)
    if not asked:
        draft.tell_public(Name.ESCALATED, copies=False, note=ROLE)


def helps(ticket: Ticket, person: Person) -> bool:
    """Whether this is a vendor of this ticket."""
    here = ticket.participant(person.addresses)
    return here is not None and here.role == ROLE


def answered(draft: Draft, wrote: Wrote) -> Decision:
    """What a vendor wrote is told to whoever looks after the ticket, also after its end. It changes nothing, and copies nobody in."""
    words, proven = wrote.text or wrote.whole, wrote.strength.trusted
    note = ROLE if proven else "unverified"
    draft.event("reply", note)
    draft.message = Message(
        draft.person.address, words, visibility=Visibility.INTERNAL, strength=wrote.strength, unverified=not proven, note=note
    )  # fmt: skip
    draft.tell_watchers(words=words, note=note)
    return draft.decided(Outcome.APPENDED, Reading())
