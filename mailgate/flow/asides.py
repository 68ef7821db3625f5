"""What has a mail to do with those that wait for a human? Whether it decides about them, and whether its sender is blocked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from mailgate.desk import held, tokens
from mailgate.desk.held import Holding, PutAside
from mailgate.desk.model import Address, Directory, Person, Role, Ticket, TicketId, fold_address
from mailgate.desk.tokens import HeldToken, Keyring
from mailgate.mail import thread
from mailgate.mail.parsed import ParsedMail

if TYPE_CHECKING:
    from mailgate.flow.records import Accepted


class Asides(Protocol):
    """What is known of mails that were put aside. The database's answer is `store.records`."""

    def ticket(self, number: TicketId) -> Ticket | None:
        """The ticket, or the one it was merged into."""

    def put_aside(self, rows: Sequence[int]) -> Mapping[int, PutAside]:
        """What is known of those of these mails that wait for a human, or waited for one."""


def token(keyring: Keyring, details: Iterable[str], mail: ParsedMail) -> HeldToken | None:
    """What decides about held mails: a one-tap address (`details` are what stands in ours), a signed subject, or the thread of a digest."""
    marks = (*details, *thread.marks(mail.subject), *(one.rpartition("@")[0] for one in thread.mentioned(mail)))
    return next(filter(None, (tokens.read_held(keyring, one) for one in marks)), None)


def holding(records: Asides, shown: HeldToken | None, person: Person, text: str) -> Holding | None:
    """The orders of somebody who may have a say in it; for everybody else it is a mail like any other. `text` is what he newly wrote."""
    if shown is None or person.role is Role.REQUESTER:
        return None
    orders = held.read(text) if shown.verb == tokens.HELD else held.tapped(shown.verb, shown.row, text)
    known = {one: ticket.desk for one in held.tickets(orders) if (ticket := records.ticket(one)) is not None}
    return Holding(orders, records.put_aside(held.rows(orders)), known)


def blocked(people: Directory, address: Address, claim: Accepted) -> str:
    """Whom of the blocked senders a mail comes from, by its From or its envelope; whoever let it in has looked at it."""
    if not people.blocked or claim.released or claim.attach_to is not None:
        return ""
    return people.blocking(address) or people.blocking(fold_address(claim.envelope_from or "")) or ""
