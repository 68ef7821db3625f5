"""Was each approval given as it had to be? Recomputed from the events of a ticket alone, one after the other.

It asks nobody who is an approver today: what was asked, of whom, and whose request it was, stands in the events themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mailgate.desk.approval import Ask, Round, Verdict
from mailgate.desk.approvals import weighed
from mailgate.desk.approvers import present
from mailgate.desk.events import Event, born, fold
from mailgate.desk.model import Ticket, TicketId

_SAID = (Verdict.APPROVED, Verdict.REJECTED)
_VERBS = {"approve": Verdict.APPROVED, "reject": Verdict.REJECTED}


def faults(number: TicketId, story: Sequence[Event]) -> Iterator[tuple[int, str]]:
    """What is wrong with the approvals of a ticket: the place of the event in its story, oldest first, and what is wrong with it."""
    if not story or story[0].verb != "open":
        return
    ticket = born(number, story[0])
    for place, event in enumerate(story[1:], 1):
        after = fold(ticket, (event,))
        if any(change.field in ("approval", "asks") for change in event.changes):
            yield from ((place, wrong) for wrong in _of_event(ticket, after, event))
        ticket = after


def _of_event(before: Ticket, after: Ticket, event: Event) -> Iterator[str]:
    known = {one.key: one for one in before.asks}
    said = [one for one in after.asks if one.state in _SAID and (one.key not in known or known[one.key].state is not one.state)]
    for ask in said:
        yield from _of_decision(ask, known.get(ask.key), before, event)
    yield from (f"what {one.approver} decided was changed" for one in before.asks if one.state in _SAID and one not in after.asks)
    if event.verb in _VERBS and len(said) != 1:
        yield f"one event, {len(said)} decisions"
    if said and event.verb not in _VERBS:
        yield f"decided by {event.verb!r}"
    yield from _of_round(before.approval, after, event)


def _of_decision(ask: Ask, before: Ask | None, ticket: Ticket, event: Event) -> Iterator[str]:
    round_ = ticket.approval
    if before is None or before.state is not Verdict.PENDING:
        yield f"{ask.approver} was not asked, or had answered before"
    if round_ is None or not round_.live or (round_.number, round_.stage) != (ask.round, ask.stage):
        yield f"{ask.approver} answered what was asked in round {ask.round}, stage {ask.stage}, and is no longer"
    if (event.actor, event.at, _VERBS.get(event.verb)) != (ask.by, ask.decided, ask.state):
        yield f"the event says otherwise than the answer of {ask.approver}"
    if ask.by is None or ask.by in (ticket.requester, *(round_.barred if round_ else ())):
        yield f"{ask.by} decided about his own request"


def _of_round(before: Round | None, after: Ticket, event: Event) -> Iterator[str]:
    """A round is approved by what was said in it, and by nothing else."""
    round_ = after.approval
    if round_ is None or round_.outcome not in _SAID or (before is not None and before.outcome is round_.outcome):
        return
    if before is None or not before.live or before.number != round_.number:
        yield f"round {round_.number} was {round_.outcome} without having been asked"
    elif weighed(tuple(one for one in present(after, round_) if one.state is not Verdict.WITHDRAWN), round_) is not round_.outcome:
        yield f"round {round_.number} was {round_.outcome} by fewer than it needs"
    elif round_.outcome is Verdict.APPROVED and round_.stage != len(round_.stages):
        yield f"round {round_.number} was approved before its last stage"
    elif event.verb not in _VERBS:
        yield f"round {round_.number} was {round_.outcome} by {event.verb!r}"
