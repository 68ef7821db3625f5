"""In what standing does somebody write to a ticket? One table; what follows is decide's question.

Asked inside the transaction that acts, so that whoever lost his role since the letter went out has lost it.
"""

from __future__ import annotations

from enum import StrEnum

from mailgate.desk.model import Role, Strength, Ticket
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import BY_HAND, Nature, Wrote


class Standing(StrEnum):
    """Who the writer is to this ticket, as far as it is proven."""

    # Held for a human; nothing is answered.
    SPOOFED = "spoofed"
    MACHINE = "machine"
    # Nobody of this ticket, whatever clue he showed.
    STRANGER = "stranger"
    REQUESTER = "requester"
    PARTICIPANT = "participant"
    # A Cc whom nobody with a proven address has named.
    UNCONFIRMED = "unconfirmed"
    # A participant's address without proof.
    CLAIMED = "claimed"
    TECHNICIAN = "technician"
    # Manager, owner or approver, or a technician of another desk: reads and comments. Of a confidential ticket of another desk a
    # technician is a stranger, like everybody else whom nobody let in.
    OBSERVER = "observer"
    # An address of people.toml without the proof that its role needs.
    UNPROVEN = "unproven"


_OBSERVERS = (Role.MANAGER, Role.OWNER, Role.APPROVER)


def standing(ticket: Ticket | None, wrote: Wrote, rules: Rules) -> Standing:
    """The writer's standing. Total: every combination of ticket, role and strength has one."""
    if wrote.strength is Strength.SPOOFED:
        return Standing.SPOOFED
    if wrote.nature is not Nature.HUMAN:
        return Standing.MACHINE
    if ticket is None:
        return Standing.STRANGER
    person = wrote.person
    participant = ticket.participant(person.addresses)
    # A technician is a requester on his own ticket.
    if ticket.requester not in person.addresses:
        if rules.works_on(person, ticket):
            return Standing.TECHNICIAN if proven(wrote, rules) else Standing.UNPROVEN
        if person.role in _OBSERVERS or (person.staff and participant is None and not ticket.confidential):
            return Standing.OBSERVER if proven(wrote, rules) else Standing.UNPROVEN
    if participant is None and ticket.requester not in person.addresses:
        # Who was put on a ticket by an operator's hand may be heard there, and proves nothing by it.
        return Standing.CLAIMED if wrote.clue is not None and wrote.clue.kind == BY_HAND else Standing.STRANGER
    if not wrote.strength.trusted:
        return Standing.CLAIMED
    if ticket.requester in person.addresses:
        return Standing.REQUESTER
    return Standing.PARTICIPANT if participant is not None and participant.confirmed else Standing.UNCONFIRMED


def proven(wrote: Wrote, rules: Rules) -> bool:
    """Whether somebody of people.toml has shown enough: an aligned address, or a token alone where no border writes results."""
    return wrote.aligned or (wrote.strength is Strength.TOKEN and not rules.security.authserv_ids)


def permits(verb: str, wrote: Wrote, rules: Rules) -> bool:
    """Whether the sender is as strong as `security.require` asks for this verb."""
    asked = rules.security.require.get(verb)
    if asked is Strength.ALIGNED:
        return wrote.aligned
    return asked is not Strength.TOKEN or wrote.strength is Strength.TOKEN
