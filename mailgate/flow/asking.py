"""What is an approver shown of what he was asked, and how does he get his link? For his letters, and for the page behind the link."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk.approval import Ask, Verdict
from mailgate.desk.draft import SYSTEM
from mailgate.desk.letters import Letter, Name
from mailgate.desk.model import Address, Directory, Ticket
from mailgate.desk.rules import Rules
from mailgate.mail.asked import ApprovalView, VoteView
from mailgate.store import approvals, links, tickets
from mailgate.store.engine import Tx
from mailgate.store.links import Link, Purpose

# A link tells for so long after its question is over what became of it; one without an end is good for so long.
_TELLS = timedelta(days=30)
_LONGEST = timedelta(days=366)
# The letters of which an approver decides, or reads what he asked for.
_LINKED = (Name.APPROVAL_REQUEST, Name.APPROVAL_REMINDER, Name.DECISION)


def view(ticket: Ticket, ask: Ask, people: Directory) -> ApprovalView:
    """The question as its reader sees it."""
    round_ = ticket.approval
    assert round_ is not None
    same = [one for one in ticket.asks if one.round == ask.round and one.stage <= ask.stage and one.key != ask.key]
    votes = tuple(
        VoteView(people.person(one.by or one.approver).label, one.state, one.decided if one.by else None, one.why or "")
        for one in same if one.state is not Verdict.WITHDRAWN or one.stage == ask.stage
    )  # fmt: skip
    return ApprovalView(
        ask.stage, len(round_.stages), round_.stages[ask.stage - 1].need if ask.stage <= len(round_.stages) else None,
        "" if round_.by == SYSTEM.address else people.person(round_.by).label,
        people.person(ask.stands_for).label if ask.stands_for else "", ask.expires, round_.step_up, votes, ask.state, ask.decided,
        people.person(ask.by).label if ask.by else "", ask.why or "", how=ask.how or "",
    )  # fmt: skip


def asked(ticket: Ticket, key: tuple[int, int, Address]) -> Ask | None:
    """The question of that round, stage and approver."""
    return next((one for one in ticket.asks if one.key == key), None)


class Request(Struct, frozen=True):
    """What is asked for, in the requester's words; `proven` where something proves that any of them are his."""

    text: str
    proven: bool


def request(tx: Tx, ticket: Ticket, ask: Ask) -> Request:
    """What the requester asks for: the mail that opened the ticket, and what he proved to have said in public since.

    Once a question is over its approver has no part in the ticket any more: what was said later is not for him.
    """
    story = tickets.public_story(tx, ticket)
    said = [one for one in story if one.who == "requester" and (ask.decided is None or one.at <= ask.decided)]
    return Request("\n\n* * *\n\n".join(one.text for one in said), not said or not all(one.unverified for one in said))


def worded(tx: Tx, rules: Rules, ticket: Ticket, letters: tuple[Letter, ...], now: datetime) -> tuple[Letter, ...]:
    """The letters to approvers with what is asked, and each with a link of its own, where the desk has a page for it."""
    found = []
    for letter in letters:
        about = letter.approver
        ask = asked(ticket, (about.round, about.stage, about.approver)) if about else None
        if about is None or ask is None:
            found.append(letter)
            continue
        asks = request(tx, ticket, ask)
        told = letter if letter.words else replace(letter, words=asks.text, author=ticket.requester)
        page = _page(tx, rules, ticket, ask, letter.to, now) if letter.name in _LINKED else ""
        found.append(replace(told, approver=replace(about, page=page, proven=asks.proven)))
    return tuple(found)


def _page(tx: Tx, rules: Rules, ticket: Ticket, ask: Ask, person: Address, now: datetime) -> str:
    row = approvals.row_of(tx, ticket.id, ask) if rules.desk.public_url else None
    if row is None:
        return ""
    secret = links.secret()
    over = (ask.expires or now + _LONGEST) + _TELLS
    links.put(tx, Link(links.digest(secret), Purpose.APPROVAL, now, max(over, now + _TELLS), person, row))
    return f"{rules.desk.public_url}/approval/{secret}"
