"""Who is let in to the desk's pages, and what do all of them share? Everybody else finds the door.

The pages themselves: `page_desk_queue`, `page_desk_figures`, `page_desk_ticket`, and `page_desk_held`, where alone something is decided.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk import board
from mailgate.desk.model import State
from mailgate.desk.policy import Desk
from mailgate.flow import entry
from mailgate.flow.board import Backlog, together
from mailgate.flow.entry import Guest
from mailgate.flow.reception import Answer, Elsewhere, Page, Reception, Visit

_LANGUAGES = ("en", "de")


class Nav(Struct, frozen=True):
    """What every page of the desk says of its visitor: his name, which page he is on, and which others there are for him."""

    name: str
    here: str
    staff: bool
    keeper: bool


class Door(Struct, frozen=True):
    """The page of somebody who has not come in. `sent`: he asked for a link. Not `open`: no letter could have one."""

    sent: bool = False
    open: bool = True


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
    return Page("desk_door", desk, Door(asked, reachable), spoken((*visit.languages, desk.language)))


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
    return Page("desk_login", desk, person.label, spoken((person.language or desk.language,)))


# -------------------------------------------------------------------------------------------------------------- all pages


def desks_of(reception: Reception, who: Guest) -> tuple[Desk, ...]:
    """The desks whose open tickets he is shown."""
    house = reception.house
    rules = house.rules(house.desks[0].name, who.people)
    return tuple(desk for desk in house.desks if board.lists(desk.name, who.person, rules))


def unsolved(reception: Reception, who: Guest, desks: Sequence[Desk], now: datetime) -> Backlog:
    """What is open at these desks, as of a moment ago."""
    kept = reception.board
    parts = [kept.unsolved(reception.store, reception.house, who.people, desk.name, now) for desk in desks]
    return together(parts) if parts else Backlog(now, (), more=False)


def slug(state: State) -> str:
    """A state as addresses and words name it."""
    return state.lower().replace(" ", "-")


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
    return Page(name, desk, view, spoken((who.person.language or desk.language,)))


def spoken(languages: Sequence[str]) -> str:
    """The first of these that pages are written in."""
    return next((one for one in languages if one in _LANGUAGES), "en")
