"""What is open, and what of it is somebody's own? Read only. Lists are as of a moment ago (`board`); whom they are for is as of now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk import board
from mailgate.desk.board import Open, Wish
from mailgate.desk.policy import Desk
from mailgate.desk.summary import Brief, sorted_out
from mailgate.flow.board import Backlog
from mailgate.flow.entry import Guest
from mailgate.flow.page_desk import Nav, desks_of, nav, paged, slug, unsolved
from mailgate.flow.reception import Answer, Reception, Visit
from mailgate.store import backlog

# So many tickets stand on one page of the queue, and in each part of somebody's own.
ROWS, PART = 25, 100


class Card(Struct, frozen=True):
    """A ticket in a list. `due` is when something of it is wanted or promised first."""

    number: int
    tag: str
    subject: str
    status: str
    priority: str
    team: str
    assignee: str
    created: datetime
    due: datetime | None
    late: bool
    risk: bool
    confidential: bool


class Choice(Struct, frozen=True):
    """A filter: what it is called, the link to it (behind the question mark), how many fit, and whether it is chosen."""

    name: str
    query: str
    count: int
    chosen: bool


class Queue(Struct, frozen=True):
    """The queue: tickets of one page, and what can be chosen. `at` is as of when; `previous` and `following` lead to other pages."""

    nav: Nav
    at: datetime
    cards: tuple[Card, ...]
    count: int
    first: int
    states: tuple[Choice, ...]
    teams: tuple[Choice, ...]
    desks: tuple[Choice, ...]
    pressing: Choice
    unassigned: int
    late: int
    risk: int
    more: bool
    previous: str | None
    following: str | None


class Part(Struct, frozen=True):
    """A part of somebody's own tickets: a slug with words, how many there are, and those that are listed."""

    name: str
    count: int
    cards: tuple[Card, ...]


class Mine(Struct, frozen=True):
    """Somebody's own tickets, the most pressing part first."""

    nav: Nav
    at: datetime
    parts: tuple[Part, ...]


def queue(reception: Reception, visit: Visit, who: Guest) -> Answer:
    """The open tickets, what is due first first; by state, team and desk."""
    now, house = reception.clock(), reception.house
    desks = desks_of(reception, who)
    known = unsolved(reception, who, desks, now)
    wish = _wish(visit, known, desks)
    fitting = board.fitting(known.tickets, wish)
    pages = max(1, -(-len(fitting) // ROWS))
    number = min(pages, _number(visit.query.get("page", "1")))
    first = (number - 1) * ROWS
    tags = {desk.name: desk.tag for desk in house.desks}
    cards = tuple(_card(one.brief, tags[one.desk], one.team, who, now, one) for one in fitting[first : first + ROWS])
    return paged(reception, who, "desk_queue", Queue(
        nav(reception, who, "queue"), known.at, cards, len(fitting), first, _states(known.tickets, wish), _teams(known.tickets, wish),
        _of_desks(known.tickets, wish, desks), _pressing(known.tickets, wish),
        sum(one.brief.assignee is None for one in known.tickets), sum(one.late for one in known.tickets),
        sum(one.risk for one in known.tickets), known.more, _query(wish, number - 1) if number > 1 else None,
        _query(wish, number + 1) if number < pages else None,
    ))  # fmt: skip


def _wish(visit: Visit, known: Backlog, desks: Sequence[Desk]) -> Wish:
    """What the address asks for, as far as there is such a thing."""
    state = next((one for one in board.STATES if slug(one) == visit.query.get("state")), None)
    teams = {one.team for one in known.tickets if one.team}
    team, desk = visit.query.get("team"), visit.query.get("desk")
    return Wish(
        state, team if team in teams else None, desk if desk in {one.name for one in desks} else None, visit.query.get("pressing") == "yes"
    )


def _number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdecimal() and len(text) < 7 else 1


def _query(wish: Wish, page: int = 1) -> str:
    parts = {
        "state": slug(wish.state) if wish.state else None, "team": wish.team, "desk": wish.desk,
        "pressing": "yes" if wish.pressing else None, "page": str(page) if page > 1 else None,
    }  # fmt: skip
    return urlencode({name: value for name, value in parts.items() if value is not None})


def _states(tickets: Sequence[Open], wish: Wish) -> tuple[Choice, ...]:
    there = [one for one in tickets if wish.team in (None, one.team) and wish.desk in (None, one.desk)]
    every = Choice("all", _query(replace(wish, state=None)), len(there), wish.state is None)
    counted = board.by_state(there)
    return (every, *(Choice(slug(one), _query(replace(wish, state=one)), count, wish.state is one) for one, count in counted))


def _teams(tickets: Sequence[Open], wish: Wish) -> tuple[Choice, ...]:
    """The teams that have anything; none where there is but one."""
    there = [one for one in tickets if wish.state in (None, one.state) and wish.desk in (None, one.desk)]
    names = sorted({one.team for one in tickets if one.team})
    if len(names) < 2:
        return ()
    every = Choice("", _query(replace(wish, team=None)), len(there), wish.team is None)
    return (every, *(
        Choice(name, _query(replace(wish, team=name)), sum(one.team == name for one in there), wish.team == name) for name in names
    ))  # fmt: skip


def _of_desks(tickets: Sequence[Open], wish: Wish, desks: Sequence[Desk]) -> tuple[Choice, ...]:
    """The desks; none where there is but one."""
    if len(desks) < 2:
        return ()
    every = Choice("", _query(replace(wish, desk=None, team=None)), len(tickets), wish.desk is None)
    return (every, *(
        Choice(desk.name, _query(replace(wish, desk=desk.name, team=None)), sum(one.desk == desk.name for one in tickets),
               wish.desk == desk.name)
        for desk in desks
    ))  # fmt: skip


def _pressing(tickets: Sequence[Open], wish: Wish) -> Choice:
    """What is overdue or will be soon, among what is chosen otherwise; chosen already, the link leads back."""
    return Choice(
        "pressing", _query(replace(wish, pressing=not wish.pressing)), len(board.fitting(tickets, replace(wish, pressing=True))),
        wish.pressing,
    )  # fmt: skip


def _card(one: Brief, tag: str, team: str | None, who: Guest, now: datetime, known: Open | None = None) -> Card:
    holder = who.people.find(one.assignee) if one.assignee else None
    return Card(
        one.id, f"{tag}-{one.id}", one.subject, one.status_name, one.priority, team or "", holder.label if holder else one.assignee or "",
        one.created, one.due, known.late if known else one.due is not None and one.due <= now,
        known.risk if known else False, one.confidential,
    )  # fmt: skip


def mine(reception: Reception, visit: Visit, who: Guest) -> Answer:
    """The tickets that somebody works on, as they are now."""
    now, house = reception.clock(), reception.house
    found: dict[str, list[Card]] = {}
    counts: dict[str, int] = {}
    with reception.store.look() as tx:
        for desk in house.desks:
            rules = house.rules(desk.name, who.people)
            for part in sorted_out(backlog.of_person(tx, desk.name, who.person.addresses), who.person, rules, now, PART):
                cards = (_card(one, desk.tag, None, who, now) for one in part.tickets)
                found.setdefault(part.part, []).extend(cards)
                counts[part.part] = counts.get(part.part, 0) + part.count
    parts = tuple(Part(name, counts[name], tuple(cards)) for name, cards in found.items())
    return paged(reception, who, "desk_mine", Mine(nav(reception, who, "mine"), now, parts))
