"""Was this mail here before? The same Message-ID once more, at this desk or at another one that it went to as well."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mailgate.desk.model import Address, Strength, Ticket
from mailgate.flow.house import House
from mailgate.flow.records import Accepted, Records
from mailgate.mail.parsed import ParsedMail

if TYPE_CHECKING:
    from mailgate.store.inbox import Twin

_FURTHER_COPY = timedelta(minutes=15)
# So far back a Message-ID is known to have been used before.
_REMEMBERED = timedelta(days=30)


def earlier(records: Records, claim: Accepted) -> list[Twin]:
    """Mails that bore the same Message-ID before."""
    if claim.message_id is None:
        return []
    return records.twins(claim.desk, claim.message_id, claim.id, claim.received_at - _REMEMBERED)


def elsewhere(records: Records, house: House, claim: Accepted, mail: ParsedMail, ticket: Ticket | None) -> list[Twin]:
    """The same mail as it came to other desks, as far as it went to this ticket: one that moved is reached through each of them."""
    if ticket is None or claim.message_id is None or len(house.desks) == 1:
        return []
    desks = {desk.name for desk in house.desks_of((*claim.envelope_to, *mail.recipients))} | {ticket.desk}
    since = claim.received_at - _FURTHER_COPY
    found = (one for desk in desks - {claim.desk} for one in records.twins(desk, claim.message_id, claim.id, since))
    return [one for one in found if one.ticket == ticket.id]


def copied_before(
    records: Records, claim: Accepted, earlier: list[Twin], elsewhere: list[Twin], address: Address, strength: Strength
) -> Twin | None:
    """The mail of which this is a second copy: a moment ago, by the same writer at the same level. Of a copy nothing but a note is made."""
    since = claim.received_at - _FURTHER_COPY
    recent = records.twins(claim.desk, claim.message_id, claim.id, since) if earlier and claim.message_id else []
    same = (one for one in (*recent, *elsewhere) if one.sender == address and one.strength == strength)
    return next((one for one in same if one.ticket is not None), None)
