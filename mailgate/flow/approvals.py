"""What does an approver see behind his link, and what follows when he decides there? Each decision is one transaction of its own.

Whoever has the link may look, and looking changes nothing, ever. Deciding asks again who may: inside the transaction, with the ticket
locked. Where the rule asks for more than a link (`step_up`), a code that is mailed to the approver has to come with the decision.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk import approvals as desk
from mailgate.desk.approval import Ask
from mailgate.desk.ballots import DISOWN, VERBS, standing
from mailgate.desk.decide import decide
from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.draft import Draft
from mailgate.desk.letters import ApproverLetter, Letter, Name
from mailgate.desk.model import Person, Strength, Ticket
from mailgate.desk.policy import Desk
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Clicked
from mailgate.desk.workflow import Grammar, state_of
from mailgate.flow import asking, effect, journal
from mailgate.flow.cause import Cause
from mailgate.flow.house import House
from mailgate.flow.seam import crash_point
from mailgate.mail.asked import ApprovalView, prepared
from mailgate.mail.view import PersonView, TicketView
from mailgate.store import approvals, links, people, tickets
from mailgate.store.engine import Store, Tx
from mailgate.store.links import Link, Purpose

# A code has so many digits, is good for so long, and may be guessed at so often; so many are mailed in a day, and none sooner than a minute
# after the last one.
_DIGITS = 8
_GOOD = timedelta(minutes=10)
_TRIES = 5
_CODES_A_DAY = 5
_GAP = timedelta(minutes=1)
_DAY = timedelta(days=1)


class Said(StrEnum):
    """What a visit of the page came to: he looks, his word counts, it does not any more, or it needs a code (which was wrong)."""

    LOOKS = "looks"
    DECIDED = "decided"
    TOO_LATE = "too-late"
    NEEDS_CODE = "needs-code"
    WRONG_CODE = "wrong-code"


class Shown(Struct, frozen=True):
    """What the page behind an approver's link shows, in `language`.

    `open` tells whether there is anything to decide; where there is not, `note` says why, as one of the notes of the letter `decision`
    (already, settled, expired, withdrawn, not-you). `words` are the requester's. `disowns`: he may say that the decision was not his.
    """

    said: Said
    desk: Desk
    language: str
    approver: PersonView
    requester: PersonView
    ticket: TicketView
    words: str
    approval: ApprovalView
    open: bool
    note: str = ""
    needs_code: bool = False
    disowns: bool = False
    # Whether it was proved that the request is that person's.
    verified: bool = True


class _Case(Struct, frozen=True):
    """The question behind a link, with everything that it takes to show it or to answer it."""

    tx: Tx
    house: House
    link: Link
    row: int
    ticket: Ticket
    ask: Ask
    rules: Rules
    person: Person
    now: datetime


def shown(store: Store, house: House, token: str, now: datetime) -> Shown | None:
    """What the page of this link shows; None for a link that never was, or that is over. Changes nothing."""
    with store.look() as tx:
        case = _case(tx, house, token, now, lock=False)
        return _seen(case, Said.LOOKS) if case else None


def decided(
    store: Store, house: House, token: str, verb: str, why: str, evidence: str, now: datetime, *, code: str = ""
) -> Shown | None:  # fmt: skip
    """What the page shows once its visitor said `approve`, `reject` or `disown` there; None as `shown`, and for any other verb.

    `evidence` is the SHA-256 of the request in hex. Of all that is said about one question at once, one word counts.
    """
    if verb not in VERBS:
        return None
    with journal.on_commit(), store.begin() as tx:
        case = _case(tx, house, token, now, lock=True)
        seen = _decided(case, verb, why, evidence, code) if case else None
        crash_point("CP40-before-commit")
    crash_point("CP41-decided")
    return seen


def _decided(case: _Case, verb: str, why: str, evidence: str, code: str) -> Shown:
    coded = bool(code) and _used(case, code)
    if verb != DISOWN and _needs_code(case) and not coded:
        _send_code(case, wrong=bool(code))
        return _seen(case, Said.WRONG_CODE if code else Said.NEEDS_CODE)
    return _answered(case, Clicked(case.person, case.ask, verb, why, evidence, coded))


def _answered(case: _Case, click: Clicked) -> Shown:
    if not (_disowns(case) if click.verb == DISOWN else _open(case)):
        return _seen(case, Said.TOO_LATE)
    decision = decide(case.ticket, click, case.rules, case.now)
    # A question is answered once, and an answer disowned once: a second cause of that name fails in the database.
    cause = Cause("click", f"{'disown' if click.verb == DISOWN else 'approval'}-{case.row}")
    done = effect.carry_out(case.tx, case.house, case.rules, case.ticket, decision, cause, case.now)
    links.use(case.tx, case.link.hash, Purpose.APPROVAL, case.now)
    verbs = ",".join(one.verb for one in decision.events)
    journal.changed(f"click:{cause.id}", case.ticket.id, decision.outcome, verbs, len(decision.letters) - len(done.suppressed))
    ticket = done.ticket or case.ticket
    return _seen(replace(case, ticket=ticket, ask=asking.asked(ticket, case.ask.key) or case.ask), Said.DECIDED)


# ------------------------------------------------------------------------------------------------------------------ the case


def _case(tx: Tx, house: House, token: str, now: datetime, *, lock: bool) -> _Case | None:
    link = links.find(tx, links.digest(token), Purpose.APPROVAL) if len(token) <= 100 else None
    if link is None or link.approval is None or link.person is None or link.expires_at <= now:
        return None
    found = approvals.find(tx, link.approval)
    ticket = tickets.get(tx, found.ticket, lock=lock) if found else None
    # What it was asked is read again once the ticket is locked: whoever had it before may have answered.
    ask = asking.asked(ticket, found.ask.key) if found and ticket else None
    if ticket is None or ask is None or ticket.approval is None:
        return None
    directory = people.directory(tx, house.people)
    return _Case(tx, house, link, link.approval, ticket, ask, house.rules(ticket.desk, directory), directory.person(link.person), now)


def _open(case: _Case) -> bool:
    draft = Draft(case.ticket, case.rules, case.now, case.person, Strength.TOKEN, Grammar.APPROVER)
    return desk.open_to(case.ticket, draft, case.ask.round, case.ask.stage) is not None


def _disowns(case: _Case) -> bool:
    """Whether somebody decided in his name."""
    round_ = case.ticket.approval
    return case.ask.by is not None and case.ask.by in case.person.addresses and round_ is not None and round_.number == case.ask.round


def _needs_code(case: _Case) -> bool:
    return case.ticket.approval is not None and case.ticket.approval.step_up and _open(case)


def _seen(case: _Case, said: Said) -> Shown:
    ticket, rules, person = case.ticket, case.rules, case.person
    about = case.rules.people.person(ticket.requester)
    name = about.name or tickets.writer(case.tx, ticket.id, ticket.requester)[1]
    open_ = _open(case)
    asks, view = asking.request(case.tx, ticket, case.ask), prepared(asking.view(ticket, case.ask, rules.people))
    return Shown(
        said, rules.desk, person.language or rules.desk.language, PersonView(person.name, person.address),
        PersonView(name, ticket.requester), _ticket(ticket, rules), asks.text, view, open_,
        "" if open_ else standing(ticket, case.ask), _needs_code(case), _disowns(case),
        asks.proven,
    )  # fmt: skip


def _ticket(ticket: Ticket, rules: Rules) -> TicketView:
    organisation = rules.people.organisation(ticket.requester)
    return TicketView(
        ticket.id, f"{rules.desk.tag}-{ticket.id}", ticket.subject, state_of(ticket.status), ticket.status_name, ticket.priority,
        ticket.created, ticket.updated, ticket.category, confidential=ticket.confidential, source=ticket.source, type=ticket.type,
        service=ticket.service, organisation=organisation.name if organisation else None, wanted=ticket.due,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------------------- the code


def _code_hash(case: _Case, code: str) -> str:
    """A code is good for one question and one person, by whichever of his links; its few digits alone would be the same for many."""
    return links.digest(f"code {case.row} {case.link.person} {code}")


def _used(case: _Case, code: str) -> bool:
    """Whether this is the code that was mailed last, which is used up by that. A wrong one counts against it."""
    live = _live_code(case)
    if live is None:
        return False
    if live.hash == _code_hash(case, "".join(code.split())):
        return links.use(case.tx, live.hash, Purpose.CODE, case.now)
    links.missed(case.tx, live.hash)
    return False


def _live_code(case: _Case) -> Link | None:
    newest = next((one for one in links.of_approval(case.tx, case.row, Purpose.CODE) if one.person == case.link.person), None)
    good = newest is not None and newest.used_at is None and newest.expires_at > case.now and newest.tries < _TRIES
    return newest if good else None


def _send_code(case: _Case, *, wrong: bool) -> None:
    """Mails a code to the approver's registered address. Who guessed wrongly goes on with the one that he has, while it has tries left."""
    if wrong and _live_code(case) is not None:
        return
    sent = [one for one in links.of_approval(case.tx, case.row, Purpose.CODE) if one.made_at > case.now - _DAY]
    if len(sent) >= _CODES_A_DAY or any(one.made_at > case.now - _GAP for one in sent):
        return
    code = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}"
    link = Link(_code_hash(case, code), Purpose.CODE, case.now, case.now + _GOOD, case.link.person, case.row)
    links.put(case.tx, link)
    about = ApproverLetter(case.ask.round, case.ask.stage, case.ask.approver, code=code)
    letter = Letter(Name.APPROVAL_CODE, case.person.address, approver=about)
    decision = Decision(Outcome.ANSWERED, "code", letters=(letter,))
    cause = Cause("click", f"code-{link.hash[:16]}")
    effect.carry_out(case.tx, case.house, case.rules, case.ticket, decision, cause, case.now)
    journal.changed(f"click:{cause.id}", case.ticket.id, decision.outcome, "code", 1)
