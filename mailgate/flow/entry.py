"""How does somebody who works here come in to the desk's pages, and who is it that comes back? By a mailed link, once; then by a cookie.

Whoever asks for a link hears the same, after the same work, whether or not his address is that of somebody who works here. What a visitor
may see is decided anew at each request, by what people.toml says of him then.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from msgspec import Struct

from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.letters import Letter, Name
from mailgate.desk.model import Address, Directory, Person, Role, fold_address
from mailgate.desk.policy import Desk
from mailgate.flow import effect, journal
from mailgate.flow.cause import Cause
from mailgate.flow.house import House
from mailgate.flow.reception import Cookie, Reception, Visit
from mailgate.store import facts, links, people
from mailgate.store.engine import Tx, savepoint
from mailgate.store.links import Link, Purpose

# Who may come in at all.
ROLES = frozenset({Role.TECHNICIAN, Role.LEAD, Role.MANAGER, Role.OWNER})
LINK_TIME, SESSION_TIME = timedelta(minutes=15), timedelta(hours=12)
# So many links one person, and all together, are given within the time that a link lasts.
EACH, ALL = 3, 60
# By which names a browser keeps a session.
_HOST_COOKIE, _COOKIE = "__Host-desk", "desk"
# Where a link leads to.
LOGIN = "/desk/login/"
# Whom the letter is written for that nobody gets.
_STRANGER = Person(Address("somebody@example.com"), "Somebody")
_LONGEST = 254


class Guest(Struct, frozen=True):
    """Somebody who works here and has come in; `session` is the hash of what his browser shows for it."""

    person: Person
    people: Directory
    session: str


class _Unwritten(Exception):
    """Takes back what was done for somebody who gets no letter."""


# ------------------------------------------------------------------------------------------------------------- a link


def ask(reception: Reception, typed: str) -> None:
    """Somebody asks for a link. Whoever works here gets it at the address under which he is registered, and nobody else gets anything.

    Both are the same work: letter and row are made in any case, and taken back for a stranger. Without a public_url there is no link.
    """
    house, now = reception.house, reception.clock()
    with journal.on_commit(), reception.store.begin() as tx:
        everybody = people.directory(tx, house.people)
        person = everybody.find(fold_address(typed[:_LONGEST]))
        known = person is not None and person.role in ROLES
        whom = person if person is not None and known else _STRANGER
        enough = _enough(tx, whom, now)
        _have_ready(house, everybody)
        with suppress(_Unwritten), savepoint(tx):
            _write(tx, house, everybody, whom, now)
            if not known or enough:
                raise _Unwritten
        if known:
            journal.told("login_refused" if enough else "login_sent", to=whom.address)
        # So that there is something to commit for a stranger as well.
        facts.put(tx, facts.ASKED, now.isoformat())


def _have_ready(house: House, everybody: Directory) -> None:
    """Has the letter at hand in every language that somebody here speaks: the first of its language would take longer than all others."""
    spoken = {one.language for one in everybody.having(*ROLES) if one.language} | {desk.language for desk in house.desks}
    for desk in house.desks:
        for language in sorted(spoken):
            house.templates.of(desk.slug).preview(Name.LOGIN, language)


def _enough(tx: Tx, whom: Person, now: datetime) -> bool:
    each = len(links.of_person(tx, whom.address, Purpose.LOGIN, now - LINK_TIME))
    everybody = links.unexpired(tx, Purpose.LOGIN, now, now + LINK_TIME)
    return each >= EACH or everybody >= ALL


def _write(tx: Tx, house: House, everybody: Directory, whom: Person, now: datetime) -> None:
    word = links.secret()
    link = Link(links.digest(word), Purpose.LOGIN, now, now + LINK_TIME, whom.address)
    links.put(tx, link)
    desk = home(house, everybody, whom)
    letter = Letter(Name.LOGIN, whom.address, page=f"{base(house, desk)}{LOGIN}{word}")
    decision = Decision(Outcome.NOTED, letters=(letter,))
    effect.carry_out(tx, house, house.rules(desk.name, everybody), None, decision, Cause("login", link.hash[:32]), now)


def base(house: House, desk: Desk) -> str:
    """Where people reach the pages: as this desk says, else as another one does; empty where none says anything."""
    return next((one.public_url for one in (desk, *house.desks) if one.public_url), "")


def home(house: House, everybody: Directory, person: Person) -> Desk:
    """The desk at which somebody works; the first one for those who work at none or at several."""
    return next((desk for desk in house.desks if house.rules(desk.name, everybody).serves(person)), house.desks[0])


# ------------------------------------------------------------------------------------------------------------ a session


def known(reception: Reception, word: str) -> Person | None:
    """Whom this link lets in: nobody once it was used or is over, or where he does not work here any more. Changes nothing."""
    now = reception.clock()
    with reception.store.look() as tx:
        return _holder(tx, reception.house, links.find(tx, links.digest(word), Purpose.LOGIN), now)


def enter(reception: Reception, visit: Visit, word: str) -> Cookie | None:
    """Uses the link up, and gives the cookie of a session; None where it lets nobody in."""
    now, secret = reception.clock(), links.secret()
    with journal.on_commit(), reception.store.begin() as tx:
        person = _holder(tx, reception.house, links.find(tx, links.digest(word), Purpose.LOGIN), now)
        if person is None or not links.use(tx, links.digest(word), Purpose.LOGIN, now):
            return None
        links.put(tx, Link(links.digest(secret), Purpose.SESSION, now, now + SESSION_TIME, person.address))
        journal.told("signed_in", person=person.address)
    return Cookie(cookie_name(visit), secret, int(SESSION_TIME.total_seconds()), "/")


def guest(tx: Tx, house: House, visit: Visit, now: datetime) -> Guest | None:
    """Who shows the cookie of a session that is not over, and works here still. Changes nothing."""
    hashed = links.digest(visit.cookies.get(cookie_name(visit), ""))
    person = _holder(tx, house, links.find(tx, hashed, Purpose.SESSION), now)
    return Guest(person, people.directory(tx, house.people), hashed) if person is not None else None


def leave(reception: Reception, visit: Visit, who: Guest) -> Cookie:
    """Ends a session; the cookie that makes the browser forget it."""
    with journal.on_commit(), reception.store.begin() as tx:
        links.use(tx, who.session, Purpose.SESSION, reception.clock())
        journal.told("signed_out", person=who.person.address)
    return Cookie(cookie_name(visit), "", 0, "/")


def cookie_name(visit: Visit) -> str:
    """By which name the browser keeps a session: where that may be, one that no other host can set (RFC 6265bis 4.1.3)."""
    return _HOST_COOKIE if visit.secure and not visit.mount else _COOKIE


def session(cookies: Mapping[str, str]) -> str:
    """What a browser shows for its session, by either name; empty where it shows nothing. Whether it is worth anything is not asked."""
    return cookies.get(_HOST_COOKIE) or cookies.get(_COOKIE, "")


def _holder(tx: Tx, house: House, link: Link | None, now: datetime) -> Person | None:
    """The person that a link was given to, where it is neither used nor over and he works here."""
    if link is None or link.person is None or link.used_at is not None or link.expires_at <= now:
        return None
    person = people.directory(tx, house.people).find(link.person)
    return person if person is not None and person.role in ROLES else None
