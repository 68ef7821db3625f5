"""Which tickets would today's rules of triage put elsewhere than where they are? Reads the mails that opened them once more, dry.

Writes nothing, and looks at one mail at a time, however many there are. What somebody changed by hand meanwhile counts as right.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from mailgate.desk.model import Ticket
from mailgate.desk.opening import assigned_team, triaged
from mailgate.flow.explain import NothingKnown
from mailgate.flow.house import House
from mailgate.flow.records import Accepted
from mailgate.flow.step import Reader
from mailgate.flow.understand import understand
from mailgate.mail.isolate import Died
from mailgate.mail.parsed import Kind, ParsedMail
from mailgate.store import inbox, people, story, tickets
from mailgate.store.engine import Store

_PAGE = 200
# Seconds that a mail may be read for.
_PATIENCE = 10.0


class Reconsidered(Struct, frozen=True):
    """A ticket that a mail opened, with the category and the team that the rules would give it now; False in `read`: nobody can tell."""

    ticket: Ticket
    category: str | None
    team: str | None
    read: bool = True

    @property
    def elsewhere(self) -> bool:
        """Whether it would be another category or another team."""
        return (self.category, self.team) != (self.ticket.category, self.ticket.team)


def reconsidered(store: Store, house: House, reader: Reader, since: datetime) -> Iterator[Reconsidered]:
    """Each ticket that a mail opened which was received since then (aware UTC), oldest first."""
    after = 0
    while page := _page(store, since, after):
        for opener in page:
            yield _reconsidered(store, house, reader, opener)
        after = page[-1].id


def _page(store: Store, since: datetime, after: int) -> list[inbox.Opener]:
    with store.look() as tx:
        return inbox.openers(tx, since, after, _PAGE)


def _reconsidered(store: Store, house: House, reader: Reader, opener: inbox.Opener) -> Reconsidered:
    with store.look() as tx:
        raw, ticket = inbox.raw(tx, opener.id), tickets.get(tx, opener.ticket)
        events = list(story.happened(tx, opener.ticket))
        known = NothingKnown(people.directory(tx, house.people))
    assert ticket is not None, "a ticket is never deleted while its opener refers to it"
    (mail,) = reader.parse_all([raw], _PATIENCE) if raw else [Died("gone")]
    if isinstance(mail, Died) or mail.kind is Kind.UNREADABLE:
        return Reconsidered(ticket, ticket.category, ticket.team, read=False)
    link = any(change.field == "links" and change.value for event in events if event.verb == "open" for change in event.changes)
    category, team = _today(house, known, opener, mail, link=link)
    by_hand = {change.field for event in events if event.verb != "open" for change in event.changes}
    return Reconsidered(ticket, ticket.category if "category" in by_hand else category, ticket.team if "team" in by_hand else team)


def _today(house: House, known: NothingKnown, opener: inbox.Opener, mail: ParsedMail, *, link: bool) -> tuple[str | None, str | None]:
    """The category and the team that the rules give now."""
    accepted = Accepted(
        opener.id, opener.desk, opener.message_id, opener.envelope_from, opener.envelope_to, opener.submission, opener.received_at
    )  # fmt: skip
    situation = understand(known, house, accepted, mail, opener.received_at)
    found = triaged(situation.wrote, situation.rules, link=link)
    category = found.fields.get("category")
    return str(category) if category else None, assigned_team(found, situation.rules)
