"""Does what happens to a ticket need an approval, or make one pointless that is on its way? Asked of every decision of a desk with rules
for approvals, and of those about tickets that were ever sent for one.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from mailgate.desk import approvals
from mailgate.desk.approval import Round, Verdict
from mailgate.desk.decision import Decision
from mailgate.desk.draft import SYSTEM, Draft, nobodys
from mailgate.desk.events import born, fold
from mailgate.desk.letters import Letter, Name
from mailgate.desk.model import State, Status, Ticket, TicketId, Visibility
from mailgate.desk.rules import Rules
from mailgate.desk.thanks import is_thanks
from mailgate.desk.workflow import state_of

# What is asked for: with one of these another thing is. Its priority, team and tags say how it is dealt with.
_ASKED = ("subject", "category", "service", "type", "requester", "desk")
# With these the team hears of a ticket; not while nobody has approved that there is work to do.
_TELLING = (Name.NEW_TICKET, Name.REQUESTER_REPLIED)


def followed(before: Ticket | None, decision: Decision, rules: Rules, now: datetime) -> Decision:
    """The decision with what it means for approvals, as further events; `before` is the ticket until then, `now` aware UTC."""
    if decision.opens is not None:
        ticket = fold(born(TicketId(0), decision.opens), decision.events)
        return _opened(ticket, decision, rules.at(ticket.desk), now)
    if before is None or not decision.events:
        return decision
    after = fold(before, decision.events)
    draft = nobodys(after, rules.at(after.desk), now)
    if not any(change.field == "approval" for event in decision.events if event.verb != "join" for change in event.changes):
        _follow(before, draft, decision)
    letters = _unannounced(decision.letters) if draft.ticket.approval and _hidden(draft.ticket.approval) else decision.letters
    return replace(decision, events=(*decision.events, *draft.events), letters=(*letters, *draft.letters))


def _hidden(round_: Round) -> bool:
    return round_.live and not round_.announced


def _unannounced(letters: tuple[Letter, ...], also: tuple[Name, ...] = ()) -> tuple[Letter, ...]:
    return tuple(one for one in letters if one.name not in (*_TELLING, *also))


def _opened(ticket: Ticket, decision: Decision, rules: Rules, now: datetime) -> Decision:
    """A new ticket that needs an approval is told to its team once it has it."""
    plan = approvals.wanted(ticket, rules)
    if plan is None or not plan.auto_submit or state_of(ticket.status) is not State.OPEN:
        return decision
    draft = nobodys(ticket, rules, now)
    approvals.begin(draft, plan, SYSTEM.address, announced=False)
    letters = (*_unannounced(decision.letters, (Name.ASSIGNED,)), *draft.letters)
    return replace(decision, events=(*decision.events, *draft.events), letters=letters).noting("approval", "asked", draft.events[-1].note)


def _follow(before: Ticket, draft: Draft, decision: Decision) -> None:
    after, round_ = draft.ticket, draft.ticket.approval
    waits = after.status is Status.AWAITING_APPROVAL
    if round_ is not None and round_.live and not waits:
        approvals.withdraw(draft, "approval", "withdrawn")
    elif round_ is not None and waits and not round_.live:
        # An order was taken back that had ended the round.
        approvals.begin(draft, approvals.plan_of(round_), round_.by)
    elif round_ is not None and waits and _asks_otherwise(before, after, decision):
        _anew(draft, round_)
    elif not waits:
        _newly_needed(before, draft)


def _asks_otherwise(before: Ticket, after: Ticket, decision: Decision) -> bool:
    """Whether something else is asked for than approvers have read: another field, further words of the requester, another's ticket."""
    if any(getattr(before, field) != getattr(after, field) for field in _ASKED):
        return True
    if any(event.verb == "join" for event in decision.events):
        return True
    said = decision.message
    if said is None or said.visibility is not Visibility.PUBLIC or said.direction != "in" or said.unverified:
        return False
    return said.author == after.requester and not is_thanks(said.text)


def _anew(draft: Draft, round_: Round) -> None:
    """A new round about what is asked now: by the rule that holds now, and by those whom a technician had named."""
    plan = approvals.wanted(draft.ticket, draft.rules)
    if round_.by != SYSTEM.address:
        approvals.begin(draft, approvals.besides(approvals.plan_of(round_), plan), round_.by, approvals.CHANGED)
        return
    if plan is not None:
        approvals.begin(draft, plan, SYSTEM.address, approvals.CHANGED)
    else:
        approvals.release(draft, round_)


def _newly_needed(before: Ticket, draft: Draft) -> None:
    """A ticket in work that becomes one which needs an approval is sent for it, unless it had one by the same rule for the same person."""
    after = draft.ticket
    back = state_of(before.status) in (State.RESOLVED, State.CLOSED) and _unasked(after.approval)
    if state_of(after.status) not in (State.OPEN, State.IN_PROGRESS) or not (
        back or any(getattr(before, field) != getattr(after, field) for field in (*_ASKED, "priority"))
    ):
        return
    plan = approvals.wanted(after, draft.rules)
    known = plan == approvals.wanted(before, draft.rules.at(before.desk)) and before.requester == after.requester
    if plan is not None and plan.auto_submit and (back or not known):
        approvals.begin(draft, plan, SYSTEM.address)


def _unasked(round_: Round | None) -> bool:
    """Whether it ended before anybody decided: with its parent, say. Opened again, it needs what it needed, or has come to need since."""
    return round_ is None or round_.outcome is Verdict.WITHDRAWN
