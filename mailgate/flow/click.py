"""What follows when a requester presses a button on a page? The same as if he had written the word: the desk decides, in one transaction.

Whoever holds the address of a page was given it by a letter of ours; here it is asked whether he is still the one whom it is for.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk import marks
from mailgate.desk.decide import decide
from mailgate.desk.decision import Decision
from mailgate.desk.kin import Wanted
from mailgate.desk.letters import Name
from mailgate.desk.model import Address, Person, State, Strength, Ticket
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Wrote
from mailgate.desk.workflow import Grammar, follows, state_of
from mailgate.flow import effect, journal
from mailgate.flow.cause import Cause
from mailgate.flow.known import Said, known
from mailgate.flow.reception import Reception
from mailgate.store import people, tickets
from mailgate.store.engine import Tx
from mailgate.store.records import Records

# So long after its end a ticket can still be read on its page.
READABLE = timedelta(days=90)
# What is written into a box on a page has so many characters at most.
LONGEST = 10_000
# How the story of a ticket calls what was done on a page.
CAUSE = "click"


class Reader(Struct, frozen=True):
    """The requester of a ticket before its page; `address` is the one that the page was made for."""

    ticket: Ticket
    person: Person
    address: Address
    rules: Rules

    @property
    def language(self) -> str:
        """The language that he reads: his own, that of his mails, or that of the desk."""
        return self.person.language or self.ticket.language or self.rules.desk.language

    def may(self, verb: str) -> bool:
        """Whether the word leads on from where the ticket stands."""
        return follows(Grammar.REQUESTER, verb, self.ticket.status)[0]


def reader(tx: Tx, reception: Reception, purpose: marks.Purpose, mark: str, *, lock: bool = False) -> Reader | None:
    """Who stands before the page of this mark; None where nobody may. With `lock` the ticket stays as it is until the transaction ends."""
    house = reception.house
    found = marks.read(house.keyring, purpose, mark)
    ticket = tickets.get(tx, found.ticket, lock=lock) if found else None
    if found is None or ticket is None or (ticket.closed and ticket.closed + READABLE < reception.clock()):
        return None
    directory = people.directory(tx, house.people)
    person = directory.person(ticket.requester)
    address = marks.reads(house.keyring, found, dict.fromkeys((ticket.requester, *person.addresses)))
    if address is None:
        return None
    name = person.name or tickets.writer(tx, ticket.id, ticket.requester)[1]
    return Reader(ticket, person if person.name else Person(person.address, name), address, house.rules(ticket.desk, directory))


def press(tx: Tx, reception: Reception, who: Reader, verb: str, words: str, press_id: str) -> tuple[Decision, Ticket | None]:
    """What the desk makes of a button (`verb`, or none for plain words), and the ticket as it is then. `press_id` has its effect once.

    Raises Conflict where it had that before, Fenced if the ticket was changed meanwhile.
    """
    now = reception.clock()
    wrote = _wrote(tx, reception, who, verb, words, now)
    decision = decide(who.ticket, wrote, who.rules, now)
    if not decision.refusals:
        # What he asked and what became of it stands on the page before him.
        decision = replace(decision, letters=tuple(one for one in decision.letters if one.name is not Name.STATUS))
    # A ticket that is over is answered by a new one; what he says then is not about the old one.
    before = who.ticket if decision.events and not decision.opens else None
    cause = Cause(CAUSE, press_id)
    done = effect.carry_out(tx, reception.house, who.rules, before, decision, cause, now)
    if done.ticket is not None:
        verbs = ",".join(event.verb for event in ((decision.opens, *decision.events) if decision.opens else decision.events))
        # The digest of a request is no secret, and leads from the log to the event.
        journal.changed(f"{cause.type}:{cause.id[:16]}", done.ticket.id, decision.outcome, verbs, len(decision.letters))
    return decision, done.ticket


def _wrote(tx: Tx, reception: Reception, who: Reader, verb: str, words: str, now: datetime) -> Wrote:
    ticket = who.ticket
    said = Said(ticket, who.person, words, Wanted(reopens=state_of(ticket.status) is State.RESOLVED), verb or None)
    return Wrote(
        who.person, who.address, Strength.TOKEN, False, ticket.desk, ticket.subject, words, words, tap=verb or None, source="page",
        language=ticket.language, known=known(Records(tx, who.rules.people), reception.house, who.rules, said, now),
    )  # fmt: skip
