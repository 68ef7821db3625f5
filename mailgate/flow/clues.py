"""Which ticket does a mail lead to, and does a clue to it prove who wrote it? The strongest clue counts; all others are told of.

Whether a clue gives any right is the desk's question.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from mailgate.desk import tokens
from mailgate.desk.model import Address, Person, Ticket, TicketId
from mailgate.desk.stimuli import BY_HAND, Ballot, Clue
from mailgate.flow import asides
from mailgate.flow.house import House
from mailgate.flow.records import Accepted, Records
from mailgate.mail import thread
from mailgate.mail.parsed import ParsedMail

if TYPE_CHECKING:
    from mailgate.store.records import KnownId

# Where the buttons of our letters put their verb: into the address, or into the subject where the mail server knows no sub-addresses.
_TAPPED = ("reply-address", "signed-subject")
# The clues that show of a second ticket that it is the same conversation.
_THREADED = ("our-message-id", "thread-id", "message-id")


class _Hint(Struct, frozen=True):
    """A possible clue: what kind, which ticket, and the token or letter id that would prove the writer."""

    kind: str
    ticket: TicketId
    found: str
    token: tokens.Token | None = None
    person: Address | None = None
    # The other desk whose tag the ticket was named by.
    tagged: str | None = None


class Lead(Struct, frozen=True):
    """The ticket of the strongest clue that leads to one; whether a clue to it also proves the writer, and the verb that he tapped.

    `rejected` tells of the clues that led nowhere, `beside` are the numbers that other clues name.
    """

    ticket: Ticket | None = None
    clue: Clue | None = None
    proof: bool = False
    tap: str | None = None
    rejected: tuple[str, ...] = ()
    bearers: tuple[KnownId, ...] = ()
    # The token of somebody who answers a digest of held mails.
    held: tokens.HeldToken | None = None
    beside: tuple[TicketId, ...] = ()
    # The mark of an approver's letter.
    ballot: Ballot | None = None


def lead(records: Records, house: House, claim: Accepted, mail: ParsedMail, person: Person, *, reused: bool) -> Lead:
    """Where the mail leads. `reused`: its Message-ID was another mail's before, and leads nowhere."""
    if claim.attach_to is not None:
        return Lead(records.ticket(claim.attach_to), Clue(BY_HAND, claim.attach_to, "operator"))
    ids = {one: tokens.read(house.keyring, one.rpartition("@")[0]) for one in thread.mentioned(mail)}
    keeper = asides.token(house.keyring, details(house, claim, mail), mail)
    if keeper is not None:
        return Lead(proof=tokens.keeps(house.keyring, keeper, person.addresses), held=keeper)
    bearers = records.known_ids(claim.desk, [one for one, token in ids.items() if token is None])
    hints = list(_hints(house, claim, mail, ids, bearers))
    if mail.message_id and not bearers and not reused:
        # Somebody answered this mail before we saw it: the answer mentioned its id.
        hints += [_Hint("mentioned-before", one.ticket, one.message_id) for one in records.known_ids(claim.desk, [mail.message_id])]
    hints += _tagged(house, claim, mail)
    rejected: list[str] = []
    for hint in hints:
        ticket = records.ticket(hint.ticket)
        if ticket is None or not _leads(records, claim, hint, ticket):
            rejected.append(f"{hint.kind} {hint.found}: {'of another desk' if ticket else 'no such ticket'}")
            continue
        proofs = [one for one in hints if one.ticket == hint.ticket and _proves(house, one, person)]
        ballot = _ballot(records, house, [one.token for one in hints if one.ticket == hint.ticket and one.token], ticket, person)
        if ballot is not None:
            told = f"{ballot.verb or 'answer'} of {ballot.person}, round {ballot.ask.round}, stage {ballot.ask.stage}"
            clue = Clue("approver", ticket.id, told)
            return Lead(ticket, clue, bool(proofs) or ballot.mine(person), None, tuple(rejected), tuple(bearers), ballot=ballot)
        taps = (one.token.verb for one in proofs if one.token and one.kind in _TAPPED and one.token.verb != tokens.THREAD)
        clue = Clue(hint.kind, hint.ticket, hint.found)
        beside = dict.fromkeys(one.ticket for one in hints if one.ticket not in (hint.ticket, ticket.id) and one.kind in _THREADED)
        return Lead(ticket, clue, bool(proofs), next(taps, None), tuple(rejected), tuple(bearers), beside=tuple(beside))
    return Lead(rejected=tuple(rejected), bearers=tuple(bearers))


def _ballot(records: Records, house: House, given: Sequence[tokens.Token], ticket: Ticket, person: Person) -> Ballot | None:
    """The approver's mark among these, if there is one; the ticket that it was made for may have been merged into another since."""
    if not given or not (ticket.approval or given[0].ticket != ticket.id):
        return None
    # Only a ticket that was ever sent for approval pays for it.
    from mailgate.flow.ballots import ballot

    return ballot(records, house, given, ticket, person)


def answered(found: Lead, person: Person) -> list[str]:
    """The Message-IDs of our letters to this person that the mail mentions."""
    return [one.message_id for one in found.bearers if one.person in person.addresses]


def _tagged(house: House, claim: Accepted, mail: ParsedMail) -> Iterator[_Hint]:
    """The tags in the subject: those of the desk that was written to, then those that a ticket may have had before it came here."""
    own = house.desk(claim.desk)
    for desk in (own, *(one for one in house.desks if one is not own)):
        for number in thread.tags(mail.subject, desk.tag):
            yield _Hint("subject-tag", TicketId(number), str(number), tagged=None if desk is own else desk.name)


def _leads(records: Records, claim: Accepted, hint: _Hint, ticket: Ticket) -> bool:
    """Whether a clue counts at the desk that was written to: our signed address always, all others where the ticket is or has been."""
    return hint.kind == "reply-address" or all(
        desk is None or desk == ticket.desk or records.was_at(hint.ticket, desk) for desk in (claim.desk, hint.tagged)
    )


def _hints(
    house: House, claim: Accepted, mail: ParsedMail, ids: Mapping[str, tokens.Token | None], bearers: Sequence[KnownId]
) -> Iterator[_Hint]:
    """The signed clues and the Message-IDs, strongest first."""
    for detail in details(house, claim, mail):
        token = tokens.read(house.keyring, detail)
        if token is not None:
            yield _Hint("reply-address", token.ticket, token.verb, token)
    for letter in bearers:
        if letter.person is not None:
            yield _Hint("our-message-id", letter.ticket, letter.message_id, person=letter.person)
    for one, token in ids.items():
        if token is not None:
            yield _Hint("thread-id", token.ticket, one, token)
    for mark in thread.marks(mail.subject):
        token = tokens.read(house.keyring, mark)
        if token is not None:
            yield _Hint("signed-subject", token.ticket, token.verb, token)
    for other in bearers:
        if other.person is None:
            yield _Hint("message-id", other.ticket, other.message_id)


def borrowed(house: House, claim: Accepted, mail: ParsedMail, person: Person, found: Lead) -> str | None:
    """The verb of a button that a technician presses and that was made for somebody else, or signed with a key that is no more."""
    if found.ticket is None or found.tap is not None or found.ballot is not None or not person.staff:
        return None
    marks = (*details(house, claim, mail), *thread.marks(mail.subject))
    return next(filter(None, map(tokens.pressed, marks)), None)


def details(house: House, claim: Accepted, mail: ParsedMail) -> Iterator[str]:
    """What stands behind our sub-address signs: at the desk's own addresses, since the mail came to every other desk that it names as well.

    A mail that does not name the desk at all was diverted to it: then the addresses of others are the better witness.
    """
    found = {one: known for one in dict.fromkeys((*claim.envelope_to, *mail.recipients)) if (known := house.detail(one))}
    here = any(found[one][0].name == claim.desk for one in mail.recipients if one in found)
    yield from (detail for desk, detail in found.values() if detail and (desk.name == claim.desk or not here))


def _proves(house: House, hint: _Hint, person: Person) -> bool:
    """Whether a hint was given to this very person: evidence that it is he who writes."""
    if hint.token is not None:
        return tokens.belongs(house.keyring, hint.token, person.addresses)
    return hint.person is not None and hint.person in person.addresses


def bounced_letter(records: Records, house: House, claim: Accepted, mail: ParsedMail) -> int | None:
    """The outbox row that a delivery report is about: by the signed bounce address, else by a returned Message-ID that we gave."""
    for detail in details(house, claim, mail):
        row = tokens.read_bounce(house.keyring, detail)
        if row is not None:
            return row
    return records.letter_of(mail.bounce.returned_ids if mail.bounce else ())
