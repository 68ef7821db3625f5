"""How do the promises of a ticket stand after something happened to it? Which SLA holds, which clock runs, halts or ends, what is due when.

Reads no time of its own: `now` is aware UTC, and so is every moment that comes out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk.calendar import Timetable, timetable
from mailgate.desk.clock import BREACH, Clock, Moved, Phase, Step, changed
from mailgate.desk.conditions import Facts, holds
from mailgate.desk.decision import Decision
from mailgate.desk.events import Change, Event, born, changes, fold
from mailgate.desk.letters import Letter, Name
from mailgate.desk.model import State, Ticket, TicketId
from mailgate.desk.plans import ANSWERED, METRICS, RESPONDED, UNANSWERED, Escalation, Metric, OwnStatus, Pace, Sla
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Finding
from mailgate.desk.workflow import state_of


def wound(before: Ticket | None, decision: Decision, rules: Rules, now: datetime) -> Decision:
    """The decision with what it means for the clocks of its ticket, as a change of its last event; `before`: the ticket until then."""
    ticket = after(before, decision)
    if ticket is None:
        return decision
    # Its clocks are those of the desk where it is now.
    rules = rules.at(ticket.desk)
    new = tuple(ticking(ticket, rules, now))
    if not new:
        return decision
    (change,) = changes(clocks=new)
    told = tuple(Finding("clock", one.metric, _told(ticket, one, rules)) for one in new)
    decision = replace(decision, trail=(*decision.trail, *told), letters=_telling(decision.letters, moves(ticket, new, rules)))
    if decision.events:
        last = decision.events[-1]
        return replace(decision, events=(*decision.events[:-1], replace(last, changes=(*last.changes, change))))
    return replace(decision, opens=_with(decision.opens, change))


def _telling(letters: tuple[Letter, ...], moved: tuple[Moved, ...]) -> tuple[Letter, ...]:
    """The letters; the receipt of an order that promises another time says so."""
    other = tuple(one for one in moved if one.due and one.before)
    return tuple(replace(one, moved=other) if other and one.name is Name.RECEIPT else one for one in letters)


def _with(event: Event | None, change: Change) -> Event | None:
    return event and replace(event, changes=(*event.changes, change))


def after(before: Ticket | None, decision: Decision) -> Ticket | None:
    """The ticket as the decision leaves it; None where there is none, or where nothing happens to it."""
    if decision.opens is not None:
        return fold(born(TicketId(0), decision.opens), decision.events)
    return fold(before, decision.events) if before is not None and decision.events else None


def _told(ticket: Ticket, clock: Clock, rules: Rules) -> str:
    """A line of the trail: how a clock stands, and when it is due if it is due at another time than before."""
    moved = next(iter(moves(ticket, (clock,), rules)), None)
    if moved is None or moved.due is None:
        return clock.state
    instead = f" instead of {moved.before:%Y-%m-%d %H:%M:%S}" if moved.before else ""
    return f"{clock.state}, due {moved.due:%Y-%m-%d %H:%M:%S} UTC{instead}"


def moves(ticket: Ticket, new: tuple[Clock, ...], rules: Rules) -> tuple[Moved, ...]:
    """Which of these new values of the ticket's clocks are due at another time; `ticket` has the old ones."""
    known = {(one.metric, one.number): one for one in ticket.clocks}
    found = []
    for one in changed(ticket.clocks, new, ticket.updated):
        if one not in ticket.clocks:
            old = known.get((one.metric, one.number))
            moved = Moved(one.metric, due(one, rules), due(old, rules) if old else None)
            found += [moved] if moved.due != moved.before else []
    return tuple(found)


# ------------------------------------------------------------------------------------------------------------ what runs


class _Case(Struct, frozen=True):
    """What the clocks of a ticket go by: what is true of it, and what is promised for it."""

    ticket: Ticket
    words: frozenset[str]
    sla: Sla | None
    rules: Rules
    now: datetime


def ticking(ticket: Ticket, rules: Rules, now: datetime) -> Iterator[Clock]:
    """Those of the ticket's clocks that are not as they should be from now on, as they should be."""
    case = _Case(ticket, _words(ticket, rules), agreed(ticket, rules), rules, now)
    newest = {one.metric: one for one in ticket.clocks}
    for metric in rules.policy.metrics or METRICS:
        clock = newest.pop(metric.name, None)
        new = _next(metric, clock, case)
        if new is not None and new != clock:
            yield new
    # Nobody counts the others any more.
    yield from (_ended(clock, Phase.CANCELLED, case) for clock in newest.values() if clock.live)


def agreed(ticket: Ticket, rules: Rules) -> Sla | None:
    """What is promised for this ticket: what its requester's organisation has agreed on, else the first SLA whose condition holds."""
    own = rules.people.organisation(ticket.requester)
    slas = rules.policy.slas
    if own is not None and own.sla is not None and (found := next((one for one in slas if one.name == own.sla), None)):
        return found
    facts = _facts(ticket, rules, own.name if own else None)
    return next((one for one in slas if holds(one.when, facts)), None)


def _facts(ticket: Ticket, rules: Rules, organisation: str | None, metric: str | None = None) -> Facts:
    return Facts(ticket.subject, "", ticket.requester, (), (), organisation, rules.desk.name, ticket.source, ticket, metric)


def _words(ticket: Ticket, rules: Rules) -> frozenset[str]:
    """What of the words of a metric's conditions is true of the ticket."""
    state: str = state_of(ticket.status)
    own = next((one for one in rules.policy.statuses if one.name == ticket.own), None) if ticket.own else None
    words = {ticket.status_name, _as(own, State(state)) if own else state}
    words |= {RESPONDED} if ticket.responded else set()
    words |= {UNANSWERED} if ticket.awaiting else ({ANSWERED} if ticket.responded else set())
    return frozenset(words)


def _as(own: OwnStatus, state: State) -> State:
    """The state as which an own status counts: that in which the clocks do what the operator says."""
    match own.sla:
        case Pace.PAUSED:
            return State.ON_HOLD
        case Pace.MET:
            return state if state in (State.RESOLVED, State.CLOSED) else State.RESOLVED
        case Pace.RUNS:
            return state if state in (State.OPEN, State.IN_PROGRESS) else State.IN_PROGRESS


def _next(metric: Metric, clock: Clock | None, case: _Case) -> Clock | None:
    """The clock of this metric from now on; None where there is none."""
    target = case.sla.target(metric.name) if case.sla else None
    live = clock is not None and clock.live
    over = Phase.CANCELLED if case.words & metric.cancel else Phase.STOPPED if case.words & metric.stop else None
    if over or case.sla is None or target is None:
        return _ended(clock, over or Phase.CANCELLED, case) if clock and live else clock
    starts = bool(case.words & metric.start)
    if clock is not None and (live or (starts and not (metric.anew and _another(metric, clock, case.ticket)))):
        phase = _paced(metric, clock, case.words)
        breached = clock.breached or (live and phase is not clock.phase and late(clock, case.rules, case.now))
        return _aimed(replace(clock, phase=phase, breached=breached, spent=None, ended=None), target, case)
    if not starts:
        return clock
    phase = Phase.PAUSED if case.words & metric.pause else Phase.RUNNING
    return Clock(metric.name, clock.number + 1 if clock else 1, case.sla.name, case.sla.calendar, target, case.now, phase)


def _another(metric: Metric, clock: Clock, ticket: Ticket) -> bool:
    """Whether something else begins the metric now than the clock that has ended: not the mail that has waited since."""
    return UNANSWERED not in metric.start or ticket.awaiting is None or clock.began < ticket.awaiting


def _paced(metric: Metric, clock: Clock, words: frozenset[str]) -> Phase:
    if words & metric.pause:
        return Phase.PAUSED
    # Where nothing is said of what sets it going again, whatever does not halt it does.
    goes_on = clock.phase is not Phase.PAUSED or not metric.resume or words & metric.resume
    return Phase.RUNNING if goes_on else Phase.PAUSED


def _ended(clock: Clock, phase: Phase, case: _Case) -> Clock:
    breached = clock.breached or (phase is Phase.STOPPED and late(clock, case.rules, case.now))
    return replace(clock, phase=phase, spent=elapsed(clock, case.rules, case.now), ended=case.now, breached=breached)


def _aimed(clock: Clock, target: timedelta, case: _Case) -> Clock:
    """The clock with what is promised now. Whoever had heard of a step that is far away again hears of it again."""
    sla = case.sla
    if sla is None or (clock.sla, clock.calendar, clock.target) == (sla.name, sla.calendar, target):
        return clock
    new = replace(clock, sla=sla.name, calendar=sla.calendar, target=target)
    spent = elapsed(new, case.rules, case.now)
    passed = max((step for step in steps(new, case.ticket, case.rules) if step.of(target) <= spent), default=None)
    told = min(clock.told, passed) if clock.told and passed else None
    return replace(new, told=told, breached=late(new, case.rules, case.now))


# ------------------------------------------------------------------------------------------------------- what is due when


def elapsed(clock: Clock, rules: Rules, at: datetime) -> timedelta:
    """How much working time has counted for the clock until then."""
    hours = hours_of(clock, rules)
    return sum((hours.between(since, min(until or at, at)) for since, until in clock.stretches), timedelta(0))


def late(clock: Clock, rules: Rules, at: datetime) -> bool:
    """Whether the clock ran on, until then, beyond the moment at which it was due. That moment itself is in time."""
    if not clock.stretches:
        return False
    since, until = clock.stretches[-1]
    left = clock.target - elapsed(clock, rules, since)
    moment = hours_of(clock, rules).add(since, left) if left >= timedelta(0) else since
    return moment is not None and min(until or at, at) > moment


def due(clock: Clock, rules: Rules, step: Step = BREACH) -> datetime | None:
    """When the clock comes to a step; None while it does not run, and where the calendar has too little working time."""
    if clock.phase is not Phase.RUNNING or not clock.stretches:
        return None
    since = clock.stretches[-1][0]
    left = step.of(clock.target) - elapsed(clock, rules, since)
    return hours_of(clock, rules).add(since, max(left, timedelta(0)))


def hours_of(clock: Clock, rules: Rules) -> Timetable:
    """The working time that counts for this clock."""
    calendar = rules.policy.calendar(clock.calendar)
    return timetable(calendar, calendar.timezone or rules.desk.timezone)


def escalation(clock: Clock, ticket: Ticket, rules: Rules) -> Escalation | None:
    """The ladder that holds for this clock."""
    own = rules.people.organisation(ticket.requester)
    facts = _facts(ticket, rules, own.name if own else None, clock.metric)
    return next((one for one in rules.policy.escalations if holds(one.when, facts)), None)


def steps(clock: Clock, ticket: Ticket, rules: Rules) -> tuple[Step, ...]:
    """The steps at which something happens: the warnings of the SLA, the breach, and the rungs of the escalation, in their order."""
    ladder = escalation(clock, ticket, rules)
    return tuple(sorted({BREACH, *warned(clock, rules), *(rung.at for rung in (ladder.steps if ladder else ()))}))


def warned(clock: Clock, rules: Rules) -> tuple[Step, ...]:
    """The steps at which its SLA wants whoever looks after the ticket to be warned."""
    sla = next((one for one in rules.policy.slas if one.name == clock.sla), None)
    return tuple(Step(percent) for percent in sla.warn) if sla else ()


def untold(clock: Clock, ticket: Ticket, rules: Rules) -> tuple[Step, ...]:
    """The steps of which nobody was told yet, in their order."""
    return tuple(step for step in steps(clock, ticket, rules) if clock.told is None or step > clock.told)


def reached(clock: Clock, ticket: Ticket, rules: Rules, now: datetime) -> tuple[Step, ...]:
    """The steps that the clock has come to and that nobody was told of."""
    if clock.phase is not Phase.RUNNING:
        return ()
    spent = elapsed(clock, rules, now)
    return tuple(step for step in untold(clock, ticket, rules) if step.of(clock.target) <= spent)


def next_due(clock: Clock, ticket: Ticket, rules: Rules) -> datetime | None:
    """When somebody has to be told of this clock next; None while it does not run, and once all was told."""
    waiting = untold(clock, ticket, rules) if clock.phase is Phase.RUNNING else ()
    return due(clock, rules, waiting[0]) if waiting else None


def promised(ticket: Ticket, rules: Rules, now: datetime) -> datetime | None:
    """By when the requester of a new ticket is answered; None where nothing is promised."""
    sla = agreed(ticket, rules)
    target = sla.target("first_response") if sla else None
    if sla is None or target is None:
        return None
    clock = Clock("first_response", 1, sla.name, sla.calendar, target, now, Phase.RUNNING, stretches=((now, None),))
    return due(clock, rules)
