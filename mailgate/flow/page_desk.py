"""What do the desk's pages show to whom? Queue, own tickets, figures, one ticket: read only, for those who have come in by `entry`.

Held mail, the one thing that is decided here, is `page_desk_held`. Lists are as of a moment ago (`board`); whom they are for is as of now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from mailgate.desk import board
from mailgate.desk.board import Open, Wish
from mailgate.desk.course import course
from mailgate.desk.model import State
from mailgate.desk.policy import Desk
from mailgate.desk.report import Figures, Handled, reported
from mailgate.desk.summary import Brief, sorted_out
from mailgate.flow import entry
from mailgate.flow.board import Backlog, joined, together
from mailgate.flow.entry import Guest
from mailgate.flow.reception import Answer, Elsewhere, Page, Reception, Visit
from mailgate.mail.figures import ReportView, added, report_view
from mailgate.store import backlog

# So many tickets stand on one page of the queue, and in each part of somebody's own.
ROWS, PART = 25, 100
_LANGUAGES = ("en", "de")


@dataclass(frozen=True, slots=True)
class Nav:
    """What every page of the desk says of its visitor: his name, which page he is on, and which others there are for him."""

    name: str
    here: str
    staff: bool
    keeper: bool


@dataclass(frozen=True, slots=True)
class Door:
    """The page of somebody who has not come in. `sent`: he asked for a link. Not `open`: no letter could have one."""

    sent: bool = False
    open: bool = True


@dataclass(frozen=True, slots=True)
class Card:
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


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter: what it is called, the link to it (behind the question mark), how many fit, and whether it is chosen."""

    name: str
    query: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Queue:
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


@dataclass(frozen=True, slots=True)
class Part:
    """A part of somebody's own tickets: a slug with words, how many there are, and those that are listed."""

    name: str
    count: int
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Mine:
    """Somebody's own tickets, the most pressing part first."""

    nav: Nav
    at: datetime
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class FiguresPage:
    """The figures of seven days, with what is open, overdue and at risk now, and how many there are under each state."""

    nav: Nav
    at: datetime
    week: ReportView
    states: tuple[tuple[str, int], ...]
    most: int
    late: int
    risk: int


Shown = Callable[[Reception, Visit, Guest], Answer | None]


def inside(show: Shown) -> Callable[[Reception, Visit], Answer | None]:
    """A page for those who have come in. Everybody else finds the door, whatever he asked for, and learns nothing by it."""

    def page(reception: Reception, visit: Visit) -> Answer | None:
        with reception.store.look() as tx:
            who = entry.guest(tx, reception.house, visit, reception.clock())
        if who is None:
            return _door(reception, visit)
        if visit.acts and visit.form.get("do") == "leave":
            return Elsewhere("/desk", (entry.leave(reception, visit, who),))
        return show(reception, visit, who)

    return page


def _door(reception: Reception, visit: Visit) -> Answer:
    desk = reception.house.desks[0]
    reachable = bool(entry.base(reception.house, desk))
    asked = visit.acts and reachable and "address" in visit.form
    if asked:
        entry.ask(reception, visit.form["address"])
    return Page("desk_door", desk, Door(asked, reachable), _spoken((*visit.languages, desk.language)))


def login(reception: Reception, visit: Visit) -> Answer | None:
    """The page behind a mailed link: a button, by which the link is used up. Who only looks, as scanners do, uses nothing up."""
    word = visit.parts["token"]
    person = entry.known(reception, word)
    if person is None:
        return None
    if visit.acts:
        cookie = entry.enter(reception, visit, word)
        return Elsewhere("/desk", (cookie,)) if cookie else None
    desk = reception.house.desks[0]
    return Page("desk_login", desk, person.label, _spoken((person.language or desk.language,)))


# ------------------------------------------------------------------------------------------------------------- the queue


def queue(reception: Reception, visit: Visit, who: Guest) -> Answer:
    """The open tickets, what is due first first; by state, team and desk."""
    now, house = reception.clock(), reception.house
    desks = _desks(reception, who)
    known = _unsolved(reception, who, desks, now)
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


def _desks(reception: Reception, who: Guest) -> tuple[Desk, ...]:
    """The desks whose open tickets he is shown."""
    house = reception.house
    rules = house.rules(house.desks[0].name, who.people)
    return tuple(desk for desk in house.desks if board.lists(desk.name, who.person, rules))


def _unsolved(reception: Reception, who: Guest, desks: Sequence[Desk], now: datetime) -> Backlog:
    kept = reception.board
    parts = [kept.unsolved(reception.store, reception.house, who.people, desk.name, now) for desk in desks]
    return together(parts) if parts else Backlog(now, (), more=False)


def _wish(visit: Visit, known: Backlog, desks: Sequence[Desk]) -> Wish:
    """What the address asks for, as far as there is such a thing."""
    state = next((one for one in board.STATES if _slug(one) == visit.query.get("state")), None)
    teams = {one.team for one in known.tickets if one.team}
    team, desk = visit.query.get("team"), visit.query.get("desk")
    return Wish(
        state, team if team in teams else None, desk if desk in {one.name for one in desks} else None, visit.query.get("pressing") == "yes"
    )


def _slug(state: State) -> str:
    return state.lower().replace(" ", "-")


def _number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdecimal() and len(text) < 7 else 1


def _query(wish: Wish, page: int = 1) -> str:
    parts = {
        "state": _slug(wish.state) if wish.state else None, "team": wish.team, "desk": wish.desk,
        "pressing": "yes" if wish.pressing else None, "page": str(page) if page > 1 else None,
    }  # fmt: skip
    return urlencode({name: value for name, value in parts.items() if value is not None})


def _states(tickets: Sequence[Open], wish: Wish) -> tuple[Choice, ...]:
    there = [one for one in tickets if wish.team in (None, one.team) and wish.desk in (None, one.desk)]
    every = Choice("all", _query(replace(wish, state=None)), len(there), wish.state is None)
    counted = board.by_state(there)
    return (every, *(Choice(_slug(one), _query(replace(wish, state=one)), count, wish.state is one) for one, count in counted))


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


# ------------------------------------------------------------------------------------------------- own tickets and figures


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


def figures(reception: Reception, visit: Visit, who: Guest) -> Answer:
    """The last seven days in figures and charts, and how things stand."""
    now = reception.clock()
    desks = _desks(reception, who)
    known = _unsolved(reception, who, desks, now)
    states = board.by_state(known.tickets)
    week = _week(reception, who, desks, known, now)
    return paged(reception, who, "desk_figures", FiguresPage(
        nav(reception, who, "figures"), known.at, week, tuple((_slug(state), count) for state, count in states),
        max(count for _, count in states), sum(one.late for one in known.tickets), sum(one.risk for one in known.tickets),
    ))  # fmt: skip


def _week(reception: Reception, who: Guest, desks: Sequence[Desk], known: Backlog, now: datetime) -> ReportView:
    """The report of the week, in which what is open is what `known` says: tickets that nobody touched are open as well."""
    names = [desk.name for desk in desks] or [reception.house.desks[0].name]
    week = joined([reception.board.week(reception.store, name, now) for name in names])
    zone = ZoneInfo(home_of(reception, who).timezone)
    handled: tuple[Handled, ...] = week.handled if desks else ()
    report, steps = reported(handled, week.period), course(handled, week.period, zone)
    untouched = len(known.tickets) - steps.stages[-1].backlog
    steps = replace(steps, stages=tuple(replace(one, backlog=max(0, one.backlog + untouched)) for one in steps.stages))
    tickets = known.tickets
    report = replace(
        report, whole=replace(report.whole, backlog=len(tickets)), teams=_open_of(report.teams, [one.team for one in tickets]),
        technicians=_open_of(report.technicians, [one.brief.assignee for one in tickets]),
    )  # fmt: skip
    labels: dict[str, str] = {person.address: person.label for person in who.people.people}
    view = report_view(report, steps, labels, _spoken((who.person.language or reception.house.desks[0].language,)), zone)
    return replace(view, promises=replace(added(report.whole), overdue=sum(one.late for one in tickets)))


def _open_of(counted: Iterable[tuple[str, Figures]], holders: Sequence[str | None]) -> tuple[tuple[str, Figures], ...]:
    return tuple((name, replace(one, backlog=sum(holder == name for holder in holders))) for name, one in counted)


# -------------------------------------------------------------------------------------------------------------- all pages


def nav(reception: Reception, who: Guest, here: str) -> Nav:
    """What his pages say of him."""
    return Nav(who.person.label, here, who.person.staff, bool(kept(reception, who)))


def kept(reception: Reception, who: Guest) -> tuple[Desk, ...]:
    """The desks about whose held mail he decides."""
    house = reception.house
    return tuple(desk for desk in house.desks if who.person in house.rules(desk.name, who.people).keepers())


def home_of(reception: Reception, who: Guest) -> Desk:
    """His desk, in his time zone."""
    desk = entry.home(reception.house, who.people, who.person)
    return replace(desk, timezone=who.person.timezone or desk.timezone)


def paged(reception: Reception, who: Guest, name: str, view: object) -> Page:
    """A page in his language and time zone."""
    desk = home_of(reception, who)
    return Page(name, desk, view, _spoken((who.person.language or desk.language,)))


def _spoken(languages: Sequence[str]) -> str:
    """The first of these that pages are written in."""
    return next((one for one in languages if one in _LANGUAGES), "en")
