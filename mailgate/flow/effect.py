"""How does a decision come true? Ticket, story, timers and letters are written in the caller's transaction: all of it, or nothing.

What a decision means for other tickets is decided and written here as well, for the same cause: its effects are numbered through.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk import budget, sla
from mailgate.desk.decide import decide
from mailgate.desk.decision import Decision, Message, Onward
from mailgate.desk.events import born, fold
from mailgate.desk.letters import NOTES, Letter, Likeness, Name, Notice
from mailgate.desk.likeness import suspects
from mailgate.desk.model import Address, Ticket, TicketId
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import TakenBack
from mailgate.flow import holding, journal, post
from mailgate.flow.cause import NOTICE, Cause
from mailgate.flow.house import House
from mailgate.flow.seam import crash_point
from mailgate.flow.sight import Occasion
from mailgate.mail.compose import Enclosure
from mailgate.store import absences, articles, notices, outbox, people, relations, story, tickets, timers
from mailgate.store.engine import Lease, Tx

_DAY = timedelta(days=1)
# A letter that is born claimed is due again after this, should its first attempt leave no trace.
RETRY_AFTER = timedelta(minutes=5)


class Source(Struct, frozen=True):
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


class Effect(Struct, frozen=True):
    """What came true: the ticket as it is now, the letters that were claimed for sending at once, and those that were not sent."""

    ticket: Ticket | None = None
    posted: tuple[outbox.Posted, ...] = ()
    suppressed: tuple[tuple[Letter, str], ...] = ()
    # Whether somebody went away, came back or is blocked now: whoever still needs the people in this transaction has to read them again.
    moved: bool = False


class _Count(Struct):
    """How many effects a cause has had so far: the numbers by which none of them can come true twice."""

    events: int = 0
    letters: int = 0


class _Stage(Struct, frozen=True):
    """Where the effects of one cause take place."""

    tx: Tx
    house: House
    cause: Cause
    now: datetime
    lease: Lease | None
    count: _Count


def carry_out(
    tx: Tx, house: House, rules: Rules, before: Ticket | None, decision: Decision, cause: Cause, now: datetime,
    *, source: Source | None = None, lease: Lease | None = None,
) -> Effect:  # fmt: skip
    """Writes everything that follows from a decision. With a `lease` its letters are born claimed, to be sent at once.

    Raises Fenced if a ticket was changed meanwhile, and the database's own error if this cause had its effect before.
    """
    stage = _Stage(tx, house, cause, now, lease, _Count())
    done = _carry_out(stage, rules, before, decision, source)
    done = _pass_on(stage, rules, done, decision) if decision.onward else done
    return replace(done, moved=True) if decision.absence is not None or decision.orders else done


def _carry_out(stage: _Stage, rules: Rules, before: Ticket | None, decision: Decision, source: Source | None) -> Effect:
    tx = stage.tx
    ticket = _change(stage, before, decision)
    ids = source.ids if source else ()
    if decision.absence is not None:
        absences.put(tx, decision.absence)
    if ticket is not None:
        # Every letter comes from the desk where the ticket is now.
        rules = rules.at(ticket.desk)
        _replan(tx, None if decision.opens else before, ticket, rules, stage.now)
        if decision.message is not None:
            ids = (*ids, *_tell(tx, ticket, decision.message, stage.now, source))
    if decision.article is not None:
        articles.put(tx, decision.article, stage.now)
    holding.carry_out_all(tx, decision.orders, (stage.cause.type, stage.cause.id), stage.now)
    crash_point("CP20-before-letters")
    effect, letters = _write_letters(stage, rules, ticket, decision, source)
    if ticket is not None:
        tickets.know(tx, ticket.desk, ticket.id, ids, letters)
    return effect


def _pass_on(stage: _Stage, rules: Rules, done: Effect, decision: Decision) -> Effect:
    """What the decision means for other tickets, and what that means for others again: each ticket once, so that it comes to an end."""
    waiting, seen = list(decision.onward), {done.ticket.id} if done.ticket else set()
    posted, suppressed = done.posted, done.suppressed
    while waiting:
        one = waiting.pop(0)
        for number in _targets(stage.tx, one):
            if number in seen:
                continue
            crash_point("CP50-passing-on")
            ticket = tickets.get(stage.tx, number, lock=True) if number is not None else None
            stimulus = one.stimulus
            if isinstance(stimulus, TakenBack) and ticket is not None:
                stimulus = replace(stimulus, story=story.events(stage.tx, ticket.id))
            there = rules if ticket is None else rules.at(ticket.desk)
            decision = decide(ticket, stimulus, there, stage.now)
            further = _carry_out(stage, there, ticket, decision, None)
            posted, suppressed = (*posted, *further.posted), (*suppressed, *further.suppressed)
            waiting += decision.onward
            _note(stage.cause, further, decision)
            if further.ticket is not None:
                seen.add(further.ticket.id)
    return Effect(done.ticket, posted, suppressed)


def _targets(tx: Tx, one: Onward) -> tuple[TicketId | None, ...]:
    if one.children and one.ticket is not None:
        return relations.children(tx, one.ticket)
    return (one.ticket,)


def _note(cause: Cause, done: Effect, decision: Decision) -> None:
    events = (decision.opens, *decision.events) if decision.opens else decision.events
    if done.ticket is not None and events:
        verbs = ",".join(event.verb for event in events)
        journal.changed(f"{cause.type}:{cause.id}", done.ticket.id, decision.outcome, verbs, len(decision.letters) - len(done.suppressed))


def _change(stage: _Stage, before: Ticket | None, decision: Decision) -> Ticket | None:
    tx, events = stage.tx, decision.events
    if decision.opens is not None:
        events = (decision.opens, *events)
        ticket = tickets.open_new(tx, fold(born(TicketId(0), decision.opens), decision.events))
    elif before is None:
        return None
    else:
        ticket = tickets.save(tx, before, fold(before, events)) if events else before
    tickets.record(tx, ticket.id, events, stage.cause.type, stage.cause.id, stage.count.events)
    stage.count.events += len(events)
    return ticket


def _replan(tx: Tx, before: Ticket | None, after: Ticket, rules: Rules, now: datetime) -> None:
    planned = sla.plan(after, rules)
    if planned != (sla.plan(before, rules) if before else ()):
        timers.rewrite(tx, after.id, planned, after.version, now)


def _tell(tx: Tx, ticket: Ticket, message: Message, now: datetime, source: Source | None) -> tuple[str, ...]:
    """Adds the message to the story; the Message-ID of one that was taken over from another ticket."""
    if message.copy_of is not None:
        known = tickets.repeat(tx, message.copy_of, ticket.id, message.note)
        return (known,) if known else ()
    if source is None:
        tickets.say(tx, ticket.id, message, now)
        return ()
    # What somebody who only claims an address calls himself is not repeated to its owner.
    name = source.name if message.author == source.writer and source.verified else ""
    number = tickets.say(tx, ticket.id, message, now, name=name, message_id=source.message_id, inbox=source.inbox)
    tickets.attach(tx, number, source.files)
    return ()


def _write_letters(
    stage: _Stage, rules: Rules, ticket: Ticket | None, decision: Decision, source: Source | None
) -> tuple[Effect, list[tuple[str, Address]]]:  # fmt: skip
    """The effect with its letters, and the Message-ID of each with whom it goes to."""
    if not decision.letters:
        return Effect(ticket), []
    if ticket is not None and ticket.clocks:
        decision = replace(decision, letters=_put_by(stage, rules, ticket, decision.letters))
    tx, now, number = stage.tx, stage.now, ticket.id if ticket else TicketId(0)
    claimed = source.writer if source and not source.verified else None
    spent = _spent(tx, decision, number, rules, now, source)
    kept, dropped = budget.weigh(decision.letters, number, spent, rules, claimed=claimed, silent=source.silent if source else "")
    occasion = _occasion(tx, stage.house, rules, ticket, kept, stage.cause, now, source)
    kept = _worded(tx, rules, ticket, kept, now)
    written = [post.write(occasion, letter, at) for at, letter in enumerate(kept, stage.count.letters)]
    stage.count.letters += len(kept)
    written += [post.skip(one.letter, one.reason) for one in (*decision.suppressed, *dropped)]
    rows = [_row(one, rules, number, stage.cause, claimed) for one in _once(written)]
    posted = outbox.add(tx, rows, stage.lease, now, now + RETRY_AFTER)
    unsent = tuple((one.letter, one.suppressed) for one in written if one.suppressed)
    return Effect(ticket, tuple(posted), unsent), [(one.message_id, one.recipient) for one in rows if one.message_id]


def _put_by(stage: _Stage, rules: Rules, ticket: Ticket, letters: tuple[Letter, ...]) -> tuple[Letter, ...]:
    """The letters that are written now. Those of clocks are told later, maybe with others in one (`flow.notices`)."""
    if stage.cause.type == NOTICE or not any(one.milestone for one in letters):
        return letters
    # Only a desk that promises something pays for it.
    from mailgate.desk.notices import heard_at

    for letter in letters:
        if about := letter.milestone:
            notice = Notice(rules.desk.name, letter.to, ticket.id, about.metric, about.number, about.step, about.quiet)
            due_at = heard_at(rules, stage.now, quiet=about.quiet)
            notices.add(stage.tx, notice, (stage.cause.type, stage.cause.id), stage.now, due_at)
    return tuple(one for one in letters if one.milestone is None)


def _worded(tx: Tx, rules: Rules, ticket: Ticket | None, letters: tuple[Letter, ...], now: datetime) -> tuple[Letter, ...]:
    """The letters, with what only the database knows.

    Who is given a ticket by somebody else has not read what it is about: his letter brings the words that opened it. And whoever hears of
    a new one is shown others that may be the same. A vendor gets the public story.
    """
    if ticket is not None and ticket.approval is not None and any(one.approver for one in letters):
        # Only a desk that asks for approvals pays for it.
        from mailgate.flow import asking

        letters = asking.worded(tx, rules, ticket, letters, now)
    if ticket is None or not any(one.name in (*_TELLING, Name.VENDOR) or one.about for one in letters):
        return letters
    like = _like(tx, rules, ticket, now) if any(one.name in _TELLING for one in letters) else ()
    about = next((one.about for one in letters if one.about), None)
    words = tickets.opening_words(tx, about or ticket.id) if any(not one.words for one in letters) else ""
    found = []
    for letter in letters:
        told = replace(letter, like=like) if like and letter.name in _TELLING else letter
        if letter.name is Name.VENDOR:
            told = replace(letter, story=tickets.public_story(tx, ticket))
        if not letter.words and (letter.about or letter.name in _TELLING):
            told = replace(told, words=words, author=letter.author if letter.about else ticket.requester)
        found.append(told)
    return tuple(found)


# The letters with which somebody hears of a ticket for the first time.
_TELLING = (Name.ASSIGNED, Name.NEW_TICKET)


def _like(tx: Tx, rules: Rules, ticket: Ticket, now: datetime) -> tuple[Likeness, ...]:
    others = rules.people.organisation(ticket.requester) is not None
    found = suspects(ticket.requester, ticket.subject, relations.candidates(tx, ticket, now, others=others), rules.people)
    return tuple(one for one in found if one.ticket not in ticket.links)


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
) -> Occasion:
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
    planned = sla.plan(ticket, rules) if ticket else ()
    ending = sla.end(ticket, planned[0], rules.policy) if ticket and planned else None
    ends = ending[1] if ending else None
    if source is None:
        return Occasion(house, rules, ticket, cause, now, parents, names=names, ends=ends)
    files = tuple(one.filename for one in source.files if not one.inline)
    return Occasion(
        house, rules, ticket, cause, now, parents, True, source.verified, files, source.enclosures, ends, source.language, names
    )  # fmt: skip
