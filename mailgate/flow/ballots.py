"""Does a mail bear the mark of an approver's letter, and whose is it? Whether it decides anything is the desk's question."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from mailgate.desk import tokens
from mailgate.desk.ballots import ELSEWHERE, VERBS
from mailgate.desk.letters import UNPROVEN, Name
from mailgate.desk.model import Person, Ticket
from mailgate.desk.stimuli import Ballot
from mailgate.flow.house import House
from mailgate.flow.records import Accepted, Records

_DAY = timedelta(days=1)


def ballot(records: Records, house: House, given: Sequence[tokens.Token], ticket: Ticket, person: Person) -> Ballot | None:
    """The first of these marks that an approver was given: this person, or somebody else who was asked about the ticket."""
    for token in given:
        if token.verb not in (tokens.APPROVER, *VERBS):
            continue
        about = ticket if token.ticket == ticket.id else records.itself(token.ticket)
        asks = tuple(reversed(about.asks)) if about else ()
        # Who stands in for somebody was not asked himself, but has a letter of his own about it.
        deputies = sorted(asks, key=lambda one: one.by not in person.addresses)
        given_to = [(ask, ask.approver) for ask in asks] + [(ask, address) for ask in deputies for address in person.addresses]
        for ask, address in given_to:
            if tokens.asks(house.keyring, token, (ask.round, ask.stage), address):
                return Ballot(ask, address, token.ticket, "" if token.verb == tokens.APPROVER else token.verb)
    return None


def known(records: Records, found: Ballot, claim: Accepted, now: datetime) -> Ballot:
    """The mark with what else the desk has to know of it: the hash of the mail, and whether its approver was told of such a mail today."""
    told = any(records.told((found.person,), Name.APPROVAL_REQUEST, note, now - _DAY) for note in (ELSEWHERE, UNPROVEN))
    return replace(found, evidence=hashlib.sha256(claim.octets).hexdigest(), told=told)
