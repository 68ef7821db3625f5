"""How does an approver decide on a page? GET shows whom it asks, what, and who asked; POST decides, once, by the button that was pressed.

What counts and what follows is the question of `approvals`; here the form is read.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk.ballots import APPROVE, DISOWN, REJECT
from mailgate.flow import approvals
from mailgate.flow.approvals import Said, Shown
from mailgate.flow.reception import Answer, Page, Reception, Visit
from mailgate.mail import header
from mailgate.store.engine import Conflict

_LONGEST_WHY = 2_000
_LONGEST_CODE = 40


class ApprovalPage(Struct, frozen=True):
    """A question as its approver sees it.

    `done` is the word that has just counted, `why` what stands in the box, `wrong` why a form was not enough (no-button, no-reason).
    """

    seen: Shown
    done: str = ""
    why: str = ""
    wrong: str = ""


def page(reception: Reception, visit: Visit) -> Answer | None:
    """`/approval/<secret>`."""
    store, house, secret = reception.store, reception.house, visit.parts["mark"]
    verb, why = visit.form.get("decision", ""), visit.form.get("why", "").replace("\r\n", "\n").strip()[:_LONGEST_WHY]
    wrong = _wrong(verb, why) if visit.acts else ""
    if not visit.acts or wrong:
        return _page(approvals.shown(store, house, secret, reception.clock()), "", why, wrong)
    code = visit.form.get("code", "").strip()[:_LONGEST_CODE]
    try:
        seen = approvals.decided(store, house, secret, verb, why, visit.digest, reception.clock(), code=code)
    except Conflict:
        # Somebody else's word was there first, by whatever way.
        seen = approvals.shown(store, house, secret, reception.clock())
        seen = replace(seen, said=Said.TOO_LATE) if seen else None
    return _page(seen, verb if seen and seen.said is Said.DECIDED else "", why, "")


def _wrong(verb: str, why: str) -> str:
    if verb not in (APPROVE, REJECT, DISOWN):
        return "no-button"
    return "no-reason" if verb == REJECT and not why else ""


def _page(seen: Shown | None, done: str, why: str, wrong: str) -> Page | None:
    if seen is None:
        return None
    # Where there is nothing to decide any more, it does not matter what was missing.
    wrong = wrong if seen.open else ""
    ticket = replace(seen.ticket, subject=header.bare_subject(seen.ticket.subject, seen.ticket.tag))
    told = replace(seen, ticket=ticket)
    status = 422 if wrong or seen.said is Said.WRONG_CODE else 200
    return Page("approval", seen.desk, ApprovalPage(told, done, why, wrong), seen.language, status)
