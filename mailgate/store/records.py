"""What is known from before about a mail, its writer and its thread? The answers that understanding asks for, inside one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import bindparam, or_, select

from mailgate.desk.article import Article, Found, Origin
from mailgate.desk.assignment import Load
from mailgate.desk.events import Event
from mailgate.desk.held import PutAside
from mailgate.desk.kin import Kin, Wanted
from mailgate.desk.model import Address, Directory, Ticket, TicketId
from mailgate.desk.stimuli import Meanwhile
from mailgate.store import answers, articles, aside, inbox, outbox, relations, schema, story, tickets
from mailgate.store.engine import Tx
from mailgate.store.loads import loads
from mailgate.store.statement import Statement


class KnownId(Struct, frozen=True):
    """A Message-ID that belongs to a ticket; `person` is whom our letter of that id went to, None for anybody else's mail."""

    message_id: str
    ticket: TicketId
    person: Address | None


_KNOWN = Statement(lambda database: (
    select(schema.mail_ids.c.message_id, schema.mail_ids.c.ticket, schema.mail_ids.c.person, schema.mail_ids.c.desk)
    .where(database.among(schema.mail_ids.c.message_id, "ids"))
))  # fmt: skip
_DESKS = Statement(lambda _: (
    select(schema.events.c.changes)
    .where(schema.events.c.ticket == bindparam("of_ticket"), or_(schema.events.c.verb == "open", schema.events.c.verb == "desk"))
))  # fmt: skip


class Records(Struct, frozen=True):
    """The database's memory. With `lock` a ticket that is asked for stays as it is until the transaction ends."""

    tx: Tx
    # Everybody with a role, as of this transaction.
    people: Directory
    lock: bool = True

    def ticket(self, number: TicketId) -> Ticket | None:
        """The ticket, or the one it was merged into."""
        return tickets.survivor(self.tx, number, lock=self.lock)

    def known_ids(self, desk: str, ids: Sequence[str]) -> list[KnownId]:
        """Which of these Message-IDs belong to tickets of the desk, in the order given; the newest ticket first where there are several."""
        if not ids:
            return []
        # An id from before its ticket came to this desk leads there all the same.
        found = [row for row in _KNOWN.rows(self.tx, {"ids": list(ids)}) if row.desk == desk or self.was_at(row.ticket, desk)]
        order = {one: at for at, one in enumerate(ids)}
        known = (KnownId(row.message_id, row.ticket, row.person) for row in found)
        return sorted(known, key=lambda one: (order[one.message_id], -one.ticket))

    def about(self, desk: str, event_key: str, *, opens: bool) -> Ticket | None:
        """The newest ticket that alarms with this key opened; whoever `opens` one where there is none is alone with it."""
        return tickets.about(self.tx, desk, event_key, lock=self.lock, opens=opens)

    def was_at(self, number: TicketId, desk: str) -> bool:
        """Whether this ticket, by that number, has ever been at the desk: its story tells."""
        told = (tickets.load_changes(row.changes) for row in _DESKS.rows(self.tx, {"of_ticket": number}))
        return any(change.field == "desk" and change.value == desk for changed in told for change in changed)

    def twins(self, desk: str, message_id: str, row: int, since: datetime) -> list[inbox.Twin]:
        """Earlier mails that bear the same Message-ID, oldest first."""
        return inbox.twins(self.tx, desk, message_id, row, since)

    def loads(self, people: Sequence[Address]) -> dict[Address, Load]:
        """What each of these technicians has to do."""
        return loads(self.tx, people)

    def origin(self, ticket: TicketId) -> Origin:
        """What an article of this ticket is made of, and the article that there is."""
        return articles.origin(self.tx, ticket)

    def suggested(self, desk: str, subject: str, text: str) -> tuple[Article, ...]:
        """The public articles of a desk that may help whoever writes this."""
        return articles.suggested(self.tx, desk, subject, text)

    def search(self, desk: str, text: str) -> Found:
        """What the desk's tickets and articles say about these words."""
        return articles.found(self.tx, desk, text)

    def story(self, number: TicketId) -> tuple[Event, ...]:
        """All events of a ticket, oldest first."""
        return story.events(self.tx, number)

    def called(self, number: TicketId, address: Address) -> str:
        """What this person called himself when he first wrote to the ticket."""
        return tickets.writer(self.tx, number, address)[1]

    def told(self, addresses: Sequence[Address], letter: str, note: str, since: datetime) -> bool:
        """Whether a letter of that name and with that note was written to one of these addresses since then."""
        return outbox.told(self.tx, addresses, letter, note, since)

    def meanwhile(self, ticket: TicketId, people: Sequence[Address], letters: Sequence[str], *, insists: bool) -> Meanwhile | None:
        """The newest answer of somebody else that these addresses of one person cannot have seen in these letters of ours."""
        return answers.meanwhile(self.tx, ticket, people, letters, insists=insists)

    def held(self, ticket: TicketId, people: Sequence[Address]) -> int | None:
        """The inbox row of the newest answer of this person that is held back."""
        return answers.held(self.tx, ticket, people)

    def put_aside(self, rows: Sequence[int]) -> dict[int, PutAside]:
        """What is known of those of these mails that wait for a human, or waited for one."""
        return aside.put_aside(self.tx, rows)

    def itself(self, number: TicketId) -> Ticket | None:
        """The ticket of that number, also if it was merged into another one."""
        return tickets.get(self.tx, number, lock=self.lock)

    def kin(self, ticket: Ticket, wanted: Wanted, writer: Sequence[Address], now: datetime) -> Kin:
        """What is known of the tickets that a mail to this one concerns."""
        return relations.kin(self.tx, ticket, wanted, writer, now, lock=self.lock)

    def letter_of(self, ids: Sequence[str]) -> int | None:
        """The outbox row of the letter that bears one of these Message-IDs."""
        return outbox.by_message_id(self.tx, ids)
