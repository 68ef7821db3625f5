"""What may be asked about the past while a mail is understood? The questions; their answers are the store's, or those of a dry run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from mailgate.desk.assignment import Load
from mailgate.desk.events import Event
from mailgate.desk.model import Address, Directory, Ticket, TicketId
from mailgate.flow.asides import Asides
from mailgate.flow.colleagues import Answers
from mailgate.flow.kindred import Relatives
from mailgate.flow.knowledge import Library

if TYPE_CHECKING:
    from mailgate.store.inbox import Twin
    from mailgate.store.records import KnownId


class Accepted(Struct, frozen=True):
    """What is known of an accepted mail beside its octets."""

    id: int
    desk: str
    message_id: str | None
    envelope_from: str | None
    envelope_to: tuple[str, ...]
    submission: bool
    received_at: datetime
    released: bool = False
    attach_to: TicketId | None = None
    octets: bytes = b""


class Records(Answers, Library, Asides, Relatives, Protocol):
    """What is known from before. The database's answer is `store.records`; times are aware UTC."""

    @property
    def people(self) -> Directory:
        """Everybody with a role."""

    def ticket(self, number: TicketId) -> Ticket | None:
        """The ticket, or the one it was merged into, locked against others."""

    def known_ids(self, desk: str, ids: Sequence[str]) -> list[KnownId]:
        """Which of these Message-IDs belong to tickets of the desk, in the order given."""

    def about(self, desk: str, event_key: str, *, opens: bool) -> Ticket | None:
        """The newest ticket that alarms with this key opened, locked against others; `opens`: one may be opened where there is none."""

    def twins(self, desk: str, message_id: str, row: int, since: datetime) -> list[Twin]:
        """Earlier mails that bear the same Message-ID."""

    def told(self, addresses: Sequence[Address], letter: str, note: str, since: datetime) -> bool:
        """Whether a letter of that name and with that note was written to one of these addresses since then."""

    def was_at(self, number: TicketId, desk: str) -> bool:
        """Whether this ticket, by that number, has ever been at the desk."""

    def story(self, number: TicketId) -> tuple[Event, ...]:
        """All events of a ticket, oldest first."""

    def loads(self, people: Sequence[Address]) -> Mapping[Address, Load]:
        """What each of these technicians has to do."""

    def called(self, number: TicketId, address: Address) -> str:
        """What this person calls himself in his mails to the ticket."""

    def letter_of(self, ids: Sequence[str]) -> int | None:
        """The outbox row of the letter that bears one of these Message-IDs."""
