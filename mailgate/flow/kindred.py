"""Which other tickets does a mail concern, and what is known of them? Looked up only where the mail has to do with any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec.structs import replace

from mailgate.desk.kin import NO_KIN, Kin, Wanted, wanted
from mailgate.desk.model import Address, Person, State, Ticket, TicketId
from mailgate.desk.workflow import state_of
from mailgate.mail.parsed import ParsedMail


class Relatives(Protocol):
    """What is known of tickets beside each other. The database's answer is `store.records`."""

    def itself(self, number: TicketId) -> Ticket | None:
        """The ticket of that number, locked against others, also if it was merged into another one."""

    def kin(self, ticket: Ticket, wanted: Wanted, writer: Sequence[Address], now: datetime) -> Kin:
        """What is known of the tickets that a mail to this one concerns."""


def asks(
    ticket: Ticket | None, person: Person, mail: ParsedMail, tap: str | None, beside: tuple[TicketId, ...], synonyms: Mapping[str, str]
) -> Wanted:
    """What has to be looked up for a mail to this ticket; `beside` are the numbers that other clues of it name."""
    if ticket is None:
        return Wanted()
    named = wanted(mail.reply_text, tap, synonyms) if person.staff else Wanted()
    return replace(named, answers=mail.in_reply_to, threads=beside, reopens=state_of(ticket.status) is State.RESOLVED)


def kin(relatives: Relatives, ticket: Ticket | None, asked: Wanted, person: Person, now: datetime) -> Kin:
    """What is known of other tickets; nothing is looked up where the mail has nothing to do with any."""
    if ticket is None or not (asked.numbers or asked.splits or asked.threads or asked.reopens):
        return NO_KIN
    return relatives.kin(ticket, asked, person.addresses, now)
