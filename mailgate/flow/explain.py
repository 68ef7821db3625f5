"""What would happen to this mail, and why? The same reading, understanding and deciding as for real; nothing is written, nothing is sent.

Without a database it answers as a desk that has just begun would.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from mailgate.desk.article import Article, Found, Origin
from mailgate.desk.assignment import Load
from mailgate.desk.decide import decide
from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.events import Event, born, fold
from mailgate.desk.held import PutAside
from mailgate.desk.kin import NO_KIN, Kin, Wanted
from mailgate.desk.letters import Letter
from mailgate.desk.model import Address, Directory, Ticket, TicketId
from mailgate.desk.stimuli import Finding, Meanwhile
from mailgate.flow import post
from mailgate.flow.cause import Cause
from mailgate.flow.clues import bounced_letter
from mailgate.flow.house import House
from mailgate.flow.records import Accepted, Records
from mailgate.flow.sight import Occasion
from mailgate.flow.understand import Situation, understand, unreadable
from mailgate.mail.identity import identify
from mailgate.mail.parsed import Kind, ParsedMail

if TYPE_CHECKING:
    from mailgate.store.inbox import Twin
    from mailgate.store.records import KnownId


class NothingKnown(Struct, frozen=True):
    """The records of a desk without a database: nobody wrote before, and only people.toml says who is who."""

    people: Directory

    def ticket(self, number: TicketId) -> Ticket | None:
        """None."""

    def known_ids(self, desk: str, ids: Sequence[str]) -> list[KnownId]:
        """None of them."""
        return []

    def about(self, desk: str, event_key: str, *, opens: bool) -> Ticket | None:
        """None."""

    def twins(self, desk: str, message_id: str, row: int, since: datetime) -> list[Twin]:
        """None."""
        return []

    def told(self, addresses: Sequence[Address], letter: str, note: str, since: datetime) -> bool:
        """No."""
        return False

    def was_at(self, number: TicketId, desk: str) -> bool:
        """No."""
        return False

    def story(self, number: TicketId) -> tuple[Event, ...]:
        """Nothing."""
        return ()

    def called(self, number: TicketId, address: Address) -> str:
        """Nothing."""
        return ""

    def loads(self, people: Sequence[Address]) -> dict[Address, Load]:
        """Nobody has anything to do yet."""
        return {}

    def meanwhile(self, ticket: TicketId, people: Sequence[Address], letters: Sequence[str], *, insists: bool) -> Meanwhile | None:
        """Nothing."""

    def held(self, ticket: TicketId, people: Sequence[Address]) -> int | None:
        """Nothing."""

    def origin(self, ticket: TicketId) -> Origin:
        """Nothing."""
        return Origin()

    def suggested(self, desk: str, subject: str, text: str) -> tuple[Article, ...]:
        """No articles."""
        return ()

    def search(self, desk: str, text: str) -> Found:
        """Nothing."""
        return Found(text)

    def put_aside(self, rows: Sequence[int]) -> dict[int, PutAside]:
        """None of them waits."""
        return {}

    def itself(self, number: TicketId) -> Ticket | None:
        """None."""

    def kin(self, ticket: Ticket, wanted: Wanted, writer: Sequence[Address], now: datetime) -> Kin:
        """Nothing."""
        return NO_KIN

    def letter_of(self, ids: Sequence[str]) -> int | None:
        """None of ours."""


class Answered(Struct, frozen=True):
    """A letter that would go out: its name, to whom, and its subject."""

    name: str
    to: Address
    subject: str


class Explanation(Struct, frozen=True):
    """Everything that would follow from a mail, and the reasons."""

    mail: ParsedMail
    situation: Situation
    decision: Decision
    letters: tuple[Answered, ...]

    @property
    def ticket(self) -> TicketId | None:
        """The ticket that it would go to; None for a new one and for none."""
        return self.situation.ticket.id if self.situation.ticket and self.decision.events and not self.decision.opens else None

    @property
    def trail(self) -> tuple[Finding, ...]:
        """The reasons, in the order in which they were found."""
        return (*self.decision.trail, Finding("decision", self.decision.outcome, self.decision.reason))


def explain(house: House, records: Records, raw: bytes, mail: ParsedMail, now: datetime, *, sender: str | None = None) -> Explanation:
    """The explanation of a mail that was read already. `sender` is its envelope sender, where one is known. Never raises on a mail."""
    desk, *others = (one.name for one in house.desks_of(mail.recipients) or house.desks[:1])
    known = identify(raw, desk)
    accepted = Accepted(0, desk, known.message_id, sender, mail.recipients, False, now)
    situation = understand(records, house, accepted, mail, now)
    decision = _decided(house, records, accepted, mail, situation, now)
    if others:
        decision = decision.noting("desk", desk, f"the same mail goes to {', '.join(others)} as well")
    return Explanation(mail, situation, decision, _letters(house, situation, decision, now))


def _decided(house: House, records: Records, accepted: Accepted, mail: ParsedMail, situation: Situation, now: datetime) -> Decision:
    if mail.kind is Kind.BOUNCE or mail.bounce is not None:
        proven = bounced_letter(records, house, accepted, mail) is not None
        reason = "bounce" if proven else "forged_dsn"
        decision = Decision(Outcome.NOTED if proven else Outcome.IGNORED, reason, trail=situation.wrote.findings)
        return decision.noting("bounce", reason, "" if proven else "no letter of ours is proven")
    if mail.kind is Kind.UNREADABLE:
        situation = unreadable(situation, ", ".join(mail.defects) or "unreadable")
    return decide(situation.ticket, situation.wrote, situation.rules, now)


def _letters(house: House, situation: Situation, decision: Decision, now: datetime) -> tuple[Answered, ...]:
    ticket = situation.ticket
    if decision.opens is not None:
        ticket = fold(born(TicketId(0), decision.opens), decision.events)
    elif ticket is not None:
        ticket = fold(ticket, decision.events) if decision.events else None
    names = {situation.wrote.person.address: situation.wrote.person.name}
    rules = situation.rules.at(ticket.desk if ticket else situation.wrote.desk)
    occasion = Occasion(house, rules, ticket, Cause("explain", "0"), now, answering=True, names=names)
    return tuple(_answered(occasion, letter) for letter in decision.letters)


def _answered(occasion: Occasion, letter: Letter) -> Answered:
    written = post.titled(occasion, letter)
    return Answered(letter.name, letter.to, written.subject or f"({written.suppressed})")
