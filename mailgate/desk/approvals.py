"""How does an approval go? A ticket is sent for it, approvers say yes or no, stage after stage, and silence is reminded and escalated.

Each of these is one event of the ticket, from which the round and every question follow again. Who may answer is the question of
`approvers`. Nothing is ever approved by default. Times are aware UTC.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from mailgate.desk import approvers
from mailgate.desk.approval import Ask, How, Round, Verdict
from mailgate.desk.approvers import Case, present
from mailgate.desk.conditions import Facts, holds
from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.draft import SYSTEM, Draft
from mailgate.desk.letters import ApproverLetter, Letter, Name
from mailgate.desk.model import Address, Role, Status, Ticket
from mailgate.desk.plans import Approval, OnExpire
from mailgate.desk.rules import Rules

# The word with which a ticket that was declined is closed.
DECLINED = "declined"
# What a letter says of why it asks (`NOTES`), and the event of a round that begins.
CHANGED, ESCALATED, EXPIRED, DISOWNED, UNDELIVERED = "changed", "escalated", "expired", "disowned", "undelivered"


def wanted(ticket: Ticket, rules: Rules) -> Approval | None:
    """The rule of policy by which this ticket needs an approval: the first whose condition holds."""
    own = rules.people.organisation(ticket.requester)
    facts = Facts(
        ticket.subject, "", ticket.requester, (), (), own.name if own else None, rules.desk.name, ticket.source, ticket
    )  # fmt: skip
    return next((one for one in rules.policy.approvals if holds(one.when, facts)), None)


# ------------------------------------------------------------------------------------------------------------- a round begins


def begin(draft: Draft, plan: Approval, by: Address, note: str = "", *, announced: bool = True) -> None:
    """Sends the ticket for approval. A round that is on its way is withdrawn by that, and what was decided in it is void.

    `by` is who sends it, `note` why it is sent again, `announced` tells whether its technicians have heard of the ticket.
    """
    ticket, round_ = draft.ticket, first_round(draft, plan, by, announced=announced)
    round_, asks = _asked(draft, round_)
    gone = tuple(_ended(one, Verdict.WITHDRAWN, draft.now) for one in pending(ticket))
    fields = {"status": Status.AWAITING_APPROVAL, "approval": round_, "asks": (*gone, *asks)}
    draft.event("approval", note or ", ".join(one.approver for one in asks) or "nobody", **fields)
    _ask(draft, asks, note)


def first_round(draft: Draft, plan: Approval, by: Address | None = None, *, announced: bool = True) -> Round:
    """The round that begins when somebody (the draft's person) sends the ticket for approval now, before anybody is asked."""
    by = by or draft.person.address
    ticket, old = draft.ticket, draft.ticket.approval
    before = old if old is not None and ticket.status is Status.AWAITING_APPROVAL else None
    whose = (*(old.barred if old else ()), ticket.requester, *((by,) if by != SYSTEM.address else ()))
    return Round(
        (old.number if old else 0) + 1, plan.stages, before.back if before else ticket.status, by, draft.now,
        before.own if before else ticket.own, before.announced if before else announced, tuple(dict.fromkeys(whose)),
        tuple(sorted(plan.remind)), plan.expire, plan.on_expire is OnExpire.DECLINE, plan.step_up,
    )  # fmt: skip


def plan_of(round_: Round) -> Approval:
    """The rule that a round goes by, to ask the same once more."""
    silence = OnExpire.DECLINE if round_.declines else OnExpire.ESCALATE
    return Approval(round_.stages, remind=round_.remind, expire=round_.expire, on_expire=silence, step_up=round_.step_up)


def besides(plan: Approval, rule: Approval | None) -> Approval:
    """A plan of a technician's with the stages that policy has beside it: he asks more people than policy does, never others instead."""
    if rule is None:
        return plan
    return replace(plan, stages=(*plan.stages, *(one for one in rule.stages if one not in plan.stages)))


def _asked(draft: Draft, round_: Round) -> tuple[Round, tuple[Ask, ...]]:
    """The round with those whom its stage asks; stuck with nobody where they are too few."""
    stage = round_.stages[round_.stage - 1]
    asks = approvers.asked(stage, Case(draft.ticket, round_, draft.rules, draft.now))
    return (round_, asks) if len(asks) >= (stage.need or 1) else (replace(round_, stuck=True), ())


def _ask(draft: Draft, asks: tuple[Ask, ...], note: str = "") -> None:
    """A letter to each of them; where there is nobody, the desk hears that the ticket waits."""
    draft.letters += [_letter(Name.APPROVAL_REQUEST, one, note) for one in asks]
    if not asks:
        tell_desk(draft)


def _letter(name: Name, ask: Ask, note: str = "", to: Address | None = None) -> Letter:
    return Letter(name, to or ask.approver, note=note, approver=ApproverLetter(ask.round, ask.stage, ask.approver))


def tell_desk(draft: Draft, note: str = "") -> None:
    """Lead and owner hear that an approval needs somebody of the desk."""
    rules, ticket = draft.rules, draft.ticket
    people = {one.address: one for one in (*approvers.leads(ticket, rules), *rules.people.having(Role.OWNER))}
    told = people or {one.address: one for one in rules.watchers(ticket, draft.now)}
    draft.letters += [Letter(Name.APPROVAL_WAITS, address, note=note) for address in told if address != ticket.requester]


def pending(ticket: Ticket) -> tuple[Ask, ...]:
    """The questions that nobody has answered yet."""
    return tuple(one for one in ticket.asks if one.state is Verdict.PENDING)


def _ended(ask: Ask, state: Verdict, now: datetime) -> Ask:
    return replace(ask, state=state, decided=now)


# ------------------------------------------------------------------------------------------------------------- a word is said


def open_to(ticket: Ticket, draft: Draft, number: int, stage: int) -> Ask | None:
    """The question of that round and stage which the draft's person may answer now; his own before one for which he stands in."""
    round_ = ticket.approval
    if round_ is None or not round_.live or (round_.number, round_.stage) != (number, stage):
        return None
    case = Case(ticket, round_, draft.rules, draft.now)
    open_ = [one for one in present(ticket, round_) if one.state is Verdict.PENDING and approvers.answers(one, draft.person, case)]
    return min(open_, key=lambda one: one.approver not in draft.person.addresses, default=None)


def vote(draft: Draft, ask: Ask, verb: str, how: How, evidence: str, why: str) -> None:
    """An approver's word (`approve` or `reject`), with all that follows: the next stage, the ticket's way on, or its end."""
    round_ = draft.ticket.approval
    assert round_ is not None
    state = Verdict.APPROVED if verb == "approve" else Verdict.REJECTED
    done = replace(
        ask, state=state, decided=draft.now, by=draft.person.address, how=how, strength=draft.strength, evidence=evidence or None,
        why=why or None,
    )  # fmt: skip
    others = tuple(one for one in present(draft.ticket, round_) if one.key != ask.key)
    verdict = weighed((done, *others), round_)
    gone = tuple(_ended(one, Verdict.WITHDRAWN, draft.now) for one in others if one.state is Verdict.PENDING and verdict)
    if verdict is Verdict.APPROVED and round_.stage < len(round_.stages):
        _next_stage(draft, round_, verb, why, (done, *gone))
    elif verdict is Verdict.APPROVED:
        ended = replace(round_, outcome=verdict)
        draft.event(verb, why, status=round_.back, own=round_.own, approval=ended, asks=(done, *gone))
        _go_on(draft, round_, why)
    elif verdict is Verdict.REJECTED:
        _decline(draft, replace(round_, outcome=verdict), verb, why, (done, *gone))
    else:
        draft.event(verb, why, asks=(done,))
    # Who stood in for somebody is told as well; both can say that it was not they.
    draft.letters += [_letter(Name.DECISION, done, verb, to) for to in dict.fromkeys((done.approver, draft.person.address))]


def weighed(asks: tuple[Ask, ...], round_: Round) -> Verdict | None:
    """What the answers of one stage come to; None while it is open. Those who said nothing in time do not count.

    All: one no is a no. Some of them: it is a no once so many yes can no longer come. Where silence was escalated, those who were asked
    instead decide together.
    """
    need = round_.stages[round_.stage - 1].need
    counted = [one for one in asks if one.state not in (Verdict.EXPIRED, Verdict.WITHDRAWN)]
    yes, no = (sum(one.state is state for one in counted) for state in (Verdict.APPROVED, Verdict.REJECTED))
    above = [one for one in counted if one.level == round_.level] if round_.level else []
    if need is None:
        return Verdict.REJECTED if no else Verdict.APPROVED if yes == len(counted) else None
    if yes >= need or (above and all(one.state is Verdict.APPROVED for one in above)):
        return Verdict.APPROVED
    if above:
        return Verdict.REJECTED if any(one.state is Verdict.REJECTED for one in above) else None
    return Verdict.REJECTED if len(counted) - no < need else None


def _next_stage(draft: Draft, round_: Round, verb: str, why: str, done: tuple[Ask, ...]) -> None:
    onward = replace(round_, stage=round_.stage + 1, level=0, begun=draft.now, reminded=0, stuck=False)
    onward, asks = _asked(draft, onward)
    draft.event(verb, why, approval=onward, asks=(*done, *asks))
    _ask(draft, asks)


def _go_on(draft: Draft, round_: Round, why: str) -> None:
    """The ticket is approved: its requester hears, and its technicians do, who may hear of it for the first time."""
    draft.tell_public(Name.APPROVED, words=why, copies=False)
    if not round_.announced:
        _announce(draft, round_)
        return
    for person in draft.rules.watchers(draft.ticket, draft.now):
        if person.address not in draft.person.addresses:
            draft.letters.append(Letter(Name.APPROVED, person.address, why, draft.person.address))


def _announce(draft: Draft, round_: Round) -> None:
    """The technicians of a ticket hear of it for the first time."""
    ticket, rules = draft.ticket, draft.rules
    if round_.announced:
        return
    assignee = rules.people.find(ticket.assignee) if ticket.assignee else None
    name, hear = (Name.ASSIGNED, (assignee,)) if assignee else (Name.NEW_TICKET, rules.on_duty(ticket.team, draft.now))
    draft.letters += [Letter(name, person.address) for person in hear if ticket.requester not in person.addresses]


def _decline(draft: Draft, round_: Round, verb: str, why: str, asks: tuple[Ask, ...], note: str = "") -> None:
    """The end: the requester reads the reason; technicians who know the ticket hear as well."""
    closed = {"status": Status.DECLINED, "closed": draft.now, "closure_category": DECLINED, "closure_note": why or None}
    draft.event(verb, why or note, **closed, approval=round_, asks=asks)
    draft.tell_public(Name.DECLINED, words=why, copies=False, note=note)
    if round_.announced:
        for person in draft.rules.watchers(draft.ticket, draft.now):
            if person.address not in draft.person.addresses:
                draft.letters.append(Letter(Name.DECLINED, person.address, why, draft.person.address, note=note))


def disown(draft: Draft, ask: Ask) -> None:
    """An approver says that a decision in his name was not his: lead and owner hear of it, and what nobody has built on yet is undone.

    Then a new round asks everybody again; not once the ticket has left the status where the last word of its round put it.
    """
    round_, ticket = draft.ticket.approval, draft.ticket
    last = max((one.decided for one in ticket.asks if one.round == ask.round and one.by and one.decided), default=None)
    again = round_ is not None and round_.number == ask.round and (round_.live or ticket.since == last)
    draft.event(DISOWNED, f"{ask.state} by {ask.by}", **(_undone(round_) if again and round_ and not round_.live else {}))
    # Should nobody be there to ask again, this is what the desk has to hear all the same.
    tell_desk(draft, DISOWNED)
    if again and round_:
        begin(draft, plan_of(round_), round_.by, DISOWNED)


def _undone(round_: Round) -> dict[str, object]:
    """What takes back that the ticket went on, or ended. It never went anywhere without an approval."""
    ended = {"closed": None, "closure_category": None, "closure_note": None}
    return {"status": Status.AWAITING_APPROVAL, **ended, "approval": replace(round_, outcome=Verdict.WITHDRAWN)}


# ------------------------------------------------------------------------------------------------------------- time goes by


def next_due(ticket: Ticket) -> datetime | None:
    """When an approval needs somebody next: to be reminded, or since nobody decided in time; None where nothing is awaited."""
    round_ = ticket.approval
    if round_ is None or not round_.live or round_.stuck or ticket.status is not Status.AWAITING_APPROVAL:
        return None
    ahead = round_.remind[round_.reminded :]
    if ahead and (round_.expire is None or ahead[0] < round_.expire):
        return round_.begun + ahead[0]
    return round_.begun + round_.expire if round_.expire else None


def came(draft: Draft) -> Decision | None:
    """What happens now that the moment has come; None where it has not, or where nothing is awaited any more."""
    due, round_ = next_due(draft.ticket), draft.ticket.approval
    if due is None or due > draft.now or round_ is None:
        return None
    if round_.expire and round_.begun + round_.expire <= draft.now:
        _expire(draft, round_)
    else:
        _remind(draft, round_)
    return draft.decided(Outcome.TIMED).noting("timer", "approval", draft.events[-1].verb)


def _remind(draft: Draft, round_: Round) -> None:
    """What was missed meanwhile is one reminder. Who has gone away since is reminded through whoever stands in for him."""
    passed = sum(round_.begun + after <= draft.now for after in round_.remind)
    case = Case(draft.ticket, round_, draft.rules, draft.now)
    draft.event("remind", approval=replace(round_, reminded=passed))
    for ask in present(draft.ticket, round_):
        if ask.state is Verdict.PENDING:
            there = approvers.deputy(draft.rules.people.person(ask.approver), case)
            draft.letters.append(_letter(Name.APPROVAL_REMINDER, ask, to=there.address if there else None))


def _expire(draft: Draft, round_: Round) -> None:
    silent = tuple(one for one in present(draft.ticket, round_) if one.state is Verdict.PENDING)
    over = tuple(_ended(one, Verdict.EXPIRED, draft.now) for one in silent)
    if round_.declines:
        _decline(draft, replace(round_, outcome=Verdict.EXPIRED), "expire", "", over, EXPIRED)
        return
    above = replace(round_, level=round_.level + 1, begun=draft.now, reminded=0)
    asks = approvers.escalated(silent, Case(draft.ticket, above, draft.rules, draft.now))
    if asks:
        draft.event("expire", ESCALATED, approval=above, asks=(*over, *asks))
        _ask(draft, asks, ESCALATED)
    else:
        # Nobody is above them: they may still decide, and the desk has to do something about it.
        draft.event("expire", "stuck", approval=replace(round_, stuck=True))
        tell_desk(draft, EXPIRED)


def lost(draft: Draft) -> None:
    """A letter to an approver did not arrive: until somebody of the desk does something, nobody decides."""
    if draft.ticket.approval is not None and draft.ticket.approval.live:
        tell_desk(draft, UNDELIVERED)


# ------------------------------------------------------------------------------------------------------------- it is taken back


def withdraw(draft: Draft, verb: str, note: str = "", **fields: object) -> None:
    """Nobody is asked any more."""
    round_ = draft.ticket.approval
    assert round_ is not None
    gone = tuple(_ended(one, Verdict.WITHDRAWN, draft.now) for one in pending(draft.ticket))
    draft.event(verb, note, **fields, approval=replace(round_, outcome=Verdict.WITHDRAWN), asks=gone)


def release(draft: Draft, round_: Round) -> None:
    """What is asked now needs no approval: the ticket goes on as if it had never been sent for one."""
    withdraw(draft, "approval", "not needed", status=round_.back, own=round_.own)
    _announce(draft, round_)
