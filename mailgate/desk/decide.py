"""What follows when something happens to a ticket? `decide` is the desk: a ticket, a stimulus, the rules and the time in, a Decision out.

Nothing a sender can write raises: what is not done is a refusal or a reason, with a slug. Nothing here has an effect.
"""

from __future__ import annotations

from datetime import datetime

from mailgate.desk import inbound, passed, sla, technician
from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.draft import SYSTEM as SYSTEM
from mailgate.desk.draft import Draft, nobodys
from mailgate.desk.kin import NO_KIN
from mailgate.desk.letters import Name
from mailgate.desk.model import Address, Role, Status, Strength, Ticket
from mailgate.desk.relations import followed
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import (
    Adopted,
    Clicked,
    Due,
    Joined,
    Lost,
    Ordered,
    OriginResolved,
    SplitOff,
    Stimulus,
    TakenBack,
    Undelivered,
    Wrote,
)
from mailgate.desk.workflow import Grammar

# Without these an approver does not know that he is asked.
_ASKING = frozenset({Name.APPROVAL_REQUEST, Name.APPROVAL_REMINDER})


def decide(ticket: Ticket | None, stimulus: Stimulus, rules: Rules, now: datetime) -> Decision:
    """The desk's answer. `ticket` is the one that the clue named (None: no clue, or none that exists); `now` is aware UTC."""
    decision = _answer(ticket, stimulus, rules, now)
    if rules.policy.approvals or (ticket is not None and ticket.approval is not None):
        decision = _with_consent(ticket, decision, rules, now)
    decision = sla.promises(ticket, decision, rules, now)
    if ticket is None or decision.opens is not None:
        return decision
    return followed(ticket, decision, rules, stimulus.known.kin if isinstance(stimulus, Wrote | Ordered) else NO_KIN)


def _with_consent(ticket: Ticket | None, decision: Decision, rules: Rules, now: datetime) -> Decision:
    # Only a desk that asks for approvals pays for it.
    from mailgate.desk.consent import followed

    return followed(ticket, decision, rules, now)


def _answer(ticket: Ticket | None, stimulus: Stimulus, rules: Rules, now: datetime) -> Decision:
    match stimulus:
        case Wrote():
            return inbound.received(ticket, stimulus, rules, now)
        case SplitOff():
            return passed.split_off(stimulus, rules, now)
        case _ if ticket is None:
            return Decision(Outcome.IGNORED, "no-such-ticket")
        case Due():
            return _came_due(ticket, stimulus, rules, now)
        case Undelivered():
            return _came_back(ticket, stimulus, rules, now)
        case Ordered():
            return _ordered(ticket, stimulus, rules, now)
        case Clicked():
            return _clicked(ticket, stimulus, rules, now)
        case OriginResolved():
            return passed.origin_resolved(ticket, stimulus, rules, now)
        case Joined():
            return passed.joined(ticket, stimulus, rules, now)
        case Adopted():
            return passed.adopted(ticket, stimulus, rules, now)
        case TakenBack():
            return passed.taken_back(ticket, stimulus, rules, now)


def _came_due(ticket: Ticket, due: Due, rules: Rules, now: datetime) -> Decision:
    if due.kind == sla.DUE and ticket.due is not None and sla.falls_due(ticket) and ticket.due <= now:
        return _wanted_now(ticket, rules, now)
    if due.kind == sla.APPROVAL:
        return _approval_came(ticket, rules, now)
    if due.kind.startswith(sla.CLOCK):
        return _clock_came(ticket, due.kind.removeprefix(sla.CLOCK), rules, now)
    rung = sla.rung(ticket, due.kind, rules.policy)
    if rung is None:
        return Decision(Outcome.IGNORED, "ticket-moved-on").noting("timer", "stale", due.kind)
    if due.lost is not None:
        return _unheard(ticket, rung, due.lost, rules, now)
    draft = nobodys(ticket, rules, now)
    climbed = {"rungs": ticket.rungs + 1, "climbed": now}
    match rung.act:
        case sla.Act.REMIND:
            draft.event("remind", **climbed)
            draft.tell_public(Name.REMINDER, copies=False)
        case sla.Act.WARN:
            draft.event("warn", **climbed)
            draft.tell_public(Name.CLOSING_SOON, copies=False)
        case sla.Act.CLOSE:
            note = "no answer"
            since = f"{note} since {ticket.since.date()}"
            draft.event("close", note, status=Status.COMPLETED, closed=now, closure_category=note, closure_note=since)
            draft.tell_public(Name.CLOSED, note=note)
        case sla.Act.RESOLVE:
            draft.event("resolve", "no answer", status=Status.WAITING_FOR_CLOSURE, resolved=now)
            draft.tell_public(Name.RESOLVED, note="no answer")
    return Decision(Outcome.TIMED, events=tuple(draft.events), letters=tuple(draft.letters)).noting("timer", rung.act, due.kind)


def _unheard(ticket: Ticket, rung: sla.Rung, lost: Lost, rules: Rules, now: datetime) -> Decision:
    """Whom nothing reaches is not reminded, and his silence is no answer: the rung waits, and whoever looks after the ticket knows it."""
    draft = nobodys(ticket, rules, now)
    draft.event("skip", f"{rung.act}: {lost.address}: {lost.why}")
    if not lost.told:
        _tell_lost(draft, lost.address, lost.why)
    found = Decision(Outcome.TIMED, "requester-unreachable", events=tuple(draft.events), letters=tuple(draft.letters))
    return found.noting("timer", "unheard", lost.why)


def _clock_came(ticket: Ticket, metric: str, rules: Rules, now: datetime) -> Decision:
    # Only a desk that promises something pays for it.
    from mailgate.desk.escalation import came

    draft = nobodys(ticket, rules, now)
    return came(draft, metric) or Decision(Outcome.IGNORED, "ticket-moved-on").noting("timer", "stale", sla.CLOCK + metric)


def _approval_came(ticket: Ticket, rules: Rules, now: datetime) -> Decision:
    from mailgate.desk.approvals import came

    found = came(nobodys(ticket, rules, now))
    return found or Decision(Outcome.IGNORED, "ticket-moved-on").noting("timer", "stale", sla.APPROVAL)


def _wanted_now(ticket: Ticket, rules: Rules, now: datetime) -> Decision:
    """The moment has come by which a technician wanted it done: whoever looks after the ticket hears of it once."""
    draft = nobodys(ticket, rules, now)
    draft.event("due", "now", overdue=True)
    draft.say(Name.ASSIGNED, *(person.address for person in rules.watchers(ticket)), note="due")
    return Decision(Outcome.TIMED, events=tuple(draft.events), letters=tuple(draft.letters)).noting("timer", "tell", sla.DUE)


def _came_back(ticket: Ticket, back: Undelivered, rules: Rules, now: datetime) -> Decision:
    draft = nobodys(ticket, rules, now)
    draft.event("undelivered", f"{back.letter} to {back.recipient}: {back.reply}")
    # A lost letter to somebody of the house is told to nobody by letter: that letter could be lost as well.
    if rules.people.person(back.recipient).role is Role.REQUESTER and back.hard:
        _tell_lost(draft, back.recipient, back.reply)
    if back.letter in _ASKING and back.hard:
        # Only a desk that asks for approvals pays for it.
        from mailgate.desk.approvals import lost

        lost(draft)
    return Decision(Outcome.NOTED, events=tuple(draft.events), letters=tuple(draft.letters)).noting("delivery", "undelivered", back.reply)


def _tell_lost(draft: Draft, address: Address, why: str) -> None:
    watchers = tuple(person.address for person in draft.rules.watchers(draft.ticket, draft.now) if address not in person.addresses)
    draft.say(Name.UNDELIVERABLE, *watchers, words=why, note=address)


def _clicked(ticket: Ticket, click: Clicked, rules: Rules, now: datetime) -> Decision:
    from mailgate.desk.ballots import clicked

    return clicked(Draft(ticket, rules, now, click.person, Strength.TOKEN, Grammar.APPROVER), click)


def _ordered(ticket: Ticket, order: Ordered, rules: Rules, now: datetime) -> Decision:
    if ticket.approval is not None and ticket.approval.live:
        from mailgate.desk.ballots import ordered

        word = ordered(Draft(ticket, rules, now, order.person, Strength.TOKEN, Grammar.APPROVER), order.text)
        if word is not None:
            return word
    draft = Draft(ticket, rules, now, order.person, Strength.TOKEN, Grammar.TECHNICIAN, order.known)
    return technician.ordered(draft, order.text).noting("authority", "shell", order.person.address)
