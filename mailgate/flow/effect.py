"""How does a decision come true? Ticket, story, timers and letters are written in the caller's transaction: all of it, or nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailgate.desk import budget, sla
from mailgate.desk.decision import Decision, Message
from mailgate.desk.events import Event, born, fold
from mailgate.desk.letters import NOTES, Letter, Name
from mailgate.desk.model import Address, Ticket, TicketId
from mailgate.desk.rules import Rules
from mailgate.flow import holding, post
from mailgate.flow.house import House
from mailgate.flow.post import Cause
from mailgate.flow.seam import crash_point
from mailgate.mail.compose import Enclosure
from mailgate.store import absences, articles, outbox, people, tickets, timers
from mailgate.store.engine import Lease, Tx

_DAY = timedelta(days=1)
# A letter that is born claimed is due again after this, should its first attempt leave no trace.
RETRY_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Source:
    """The mail behind a decision, where there is one: what its message and its letters refer to."""

    inbox: int
    writer: Address
    name: str
    message_id: str | None
    ids: tuple[str, ...]
    files: tuple[tickets.File, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    verified: bool = True
    silent: str = ""
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """What came true: the ticket as it is now, the letters that were claimed for sending at once, and those that were not sent."""

    ticket: Ticket | None
    posted: tuple[outbox.Posted, ...] = ()
    suppressed: tuple[tuple[Letter, str], ...] = ()


def carry_out(
    tx: Tx, house: House, rules: Rules, before: Ticket | None, decision: Decision, cause: Cause, now: datetime,
    *, source: Source | None = None, lease: Lease | None = None,
) -> Effect:  # fmt: skip
    """Writes everything that follows from a decision. With a `lease` its letters are born claimed, to be sent at once.

    Raises Fenced if the ticket was changed meanwhile, and the database's own error if this cause had its effect before.
    """
    ticket = _change(tx, before, decision, cause)
    if decision.absence is not None:
        absences.put(tx, decision.absence)
    if ticket is not None:
        # Every letter comes from the desk where the ticket is now.
        rules = rules.at(ticket.desk)
        _replan(tx, None if decision.opens else before, ticket, rules, now)
        if decision.message is not None:
            _tell(tx, ticket, decision.message, now, source)
    if decision.article is not None:
        articles.put(tx, decision.article, now)
    holding.carry_out_all(tx, decision.orders, (cause.type, cause.id), now)
    crash_point("CP20-before-letters")
    effect, letters = _write_letters(tx, house, rules, ticket, decision, cause, now, source, lease)
    if ticket is not None:
        tickets.know(tx, ticket.desk, ticket.id, source.ids if source else (), letters)
    return effect


def _change(tx: Tx, before: Ticket | None, decision: Decision, cause: Cause) -> Ticket | None:
    events: tuple[Event, ...] = decision.events
    if decision.opens is not None:
        events = (decision.opens, *events)
        ticket = tickets.open_new(tx, fold(born(TicketId(0), decision.opens), decision.events))
    elif before is None:
        return None
    else:
        ticket = tickets.save(tx, before, fold(before, events)) if events else before
    tickets.record(tx, ticket.id, events, cause.type, cause.id)
    return ticket


def _replan(tx: Tx, before: Ticket | None, after: Ticket, rules: Rules, now: datetime) -> None:
    planned = sla.plan(after, rules.policy)
    if planned != (sla.plan(before, rules.policy) if before else ()):
        timers.rewrite(tx, after.id, planned, after.version, now)


def _tell(tx: Tx, ticket: Ticket, message: Message, now: datetime, source: Source | None) -> None:
    if source is None:
        tickets.say(tx, ticket.id, message, now)
        return
    # What somebody who only claims an address calls himself is not repeated to its owner.
    name = source.name if message.author == source.writer and source.verified else ""
    number = tickets.say(tx, ticket.id, message, now, name=name, message_id=source.message_id, inbox=source.inbox)
    tickets.attach(tx, number, source.files)


def _write_letters(
    tx: Tx, house: House, rules: Rules, ticket: Ticket | None, decision: Decision, cause: Cause, now: datetime,
    source: Source | None, lease: Lease | None,
) -> tuple[Effect, list[tuple[str, Address]]]:  # fmt: skip
    """The effect with its letters, and the Message-ID of each with whom it goes to."""
    if not decision.letters:
        return Effect(ticket), []
    number = ticket.id if ticket else TicketId(0)
    claimed = source.writer if source and not source.verified else None
    spent = _spent(tx, decision, number, rules, now, source)
    kept, dropped = budget.weigh(decision.letters, number, spent, rules, claimed=claimed, silent=source.silent if source else "")
    occasion = _occasion(tx, house, rules, ticket, kept, cause, now, source)
    written = [post.write(occasion, _worded(tx, ticket, letter), at) for at, letter in enumerate(kept)]
    written += [post.skip(one.letter, one.reason) for one in (*decision.suppressed, *dropped)]
    rows = [_row(one, rules, number, cause, claimed) for one in _once(written)]
    posted = outbox.add(tx, rows, lease, now, now + RETRY_AFTER)
    unsent = tuple((one.letter, one.suppressed) for one in written if one.suppressed)
    return Effect(ticket, tuple(posted), unsent), [(one.message_id, one.recipient) for one in rows if one.message_id]


def _worded(tx: Tx, ticket: Ticket | None, letter: Letter) -> Letter:
    """Who is given a ticket by somebody else has not read what it is about: the letter brings what opened it, or its public story."""
    if letter.name is Name.VENDOR and ticket is not None:
        return replace(letter, story=tickets.public_story(tx, ticket))
    if letter.name not in (Name.ASSIGNED, Name.NEW_TICKET) or letter.words or ticket is None:
        return letter
    return replace(letter, words=tickets.opening_words(tx, ticket.id), author=ticket.requester)


def _row(written: post.Written, rules: Rules, ticket: TicketId, cause: Cause, claimed: Address | None) -> outbox.NewLetter:
    letter = written.letter
    unproven = letter.automatic and letter.to == claimed and rules.people.find(letter.to) is None
    # Only words of ours: some notes name an address.
    note = letter.note if letter.note in NOTES.get(letter.name, ()) else ""
    return outbox.NewLetter(
        rules.desk.name, ticket, cause.type, cause.id, letter.name, letter.to, letter.automatic, written.rank, written.message_id,
        written.octets, written.suppressed, note, unproven,
    )  # fmt: skip


def _once(letters: list[post.Written]) -> list[post.Written]:
    """At most one letter of each name to each recipient; the first one counts."""
    return list({(one.letter.name, one.letter.to): one for one in reversed(letters)}.values())[::-1]


def _spent(tx: Tx, decision: Decision, ticket: TicketId, rules: Rules, now: datetime, source: Source | None) -> budget.Spent:
    strangers = [one.to for one in decision.letters if one.automatic and rules.people.find(one.to) is None]
    if not strangers:
        return budget.Spent()
    today: dict[Address, int] = {}
    acknowledged: dict[tuple[Address, TicketId], int] = {}
    for address, letter, about, count in outbox.automatic_since(tx, strangers, now - _DAY):
        today[address] = today.get(address, 0) + count
        if letter == "acknowledgement" and about == ticket:
            acknowledged[address, about] = count
    suppressed = people.suppressed(tx, strangers)
    if source is not None and source.verified and suppressed.pop(source.writer, None) is not None:
        # Whoever proves that he writes from an address can be reached there again.
        people.allow(tx, source.writer)
    return budget.Spent(today, acknowledged, suppressed)


def _occasion(
    tx: Tx, house: House, rules: Rules, ticket: Ticket | None, kept: tuple[Letter, ...], cause: Cause, now: datetime, source: Source | None
) -> post.Occasion:
    parents, names = {}, {}
    if source is not None:
        names[source.writer] = source.name
        if source.message_id:
            parents[source.writer] = source.message_id
    if ticket is not None and kept and not names.get(ticket.requester):
        last, names[ticket.requester] = tickets.writer(tx, ticket.id, ticket.requester)
        if last:
            parents.setdefault(ticket.requester, last)
    if ticket is not None and kept and not ticket.confidential and any(one.role == "cc" and one.confirmed for one in ticket.participants):
        # Each is told who else is in the conversation.
        names = tickets.names(tx, ticket.id) | names
    planned = sla.plan(ticket, rules.policy) if ticket else ()
    ending = sla.end(ticket, planned[0], rules.policy) if ticket and planned else None
    occasion = post.Occasion(house, rules, ticket, cause, now, parents, source is not None, names=names, ends=ending[1] if ending else None)
    if source is None:
        return occasion
    return replace(
        occasion, verified=source.verified, files=tuple(one.filename for one in source.files if not one.inline),
        enclosures=source.enclosures, language=source.language,
    )  # fmt: skip
