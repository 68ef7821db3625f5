"""Who decides on the desk's pages about mails that were put aside, and what comes of it? Those whom the daily digest asks as well."""

from __future__ import annotations

import secrets

from msgspec import Struct

from mailgate.desk.decision import MailOrder
from mailgate.desk.held import PutAside
from mailgate.desk.holding import is_ours
from mailgate.desk.letters import HeldMail
from mailgate.desk.policy import Desk
from mailgate.flow import holding, journal
from mailgate.flow.digest import told_of
from mailgate.flow.entry import Guest
from mailgate.flow.page_desk import Nav, kept, nav, paged
from mailgate.flow.reception import Answer, Reception, Visit
from mailgate.store import aside, people

# So many mails stand on the page, those put aside last first; the rest is counted.
MOST = 50
VERBS = ("release", "drop", "block")


class Aside(Struct, frozen=True):
    """A mail that waits, and whether its sender can be blocked: no colleague can."""

    mail: HeldMail
    blockable: bool


class HeldPage(Struct, frozen=True):
    """Mails that wait for a human, and how many more do. `done` is what came of the button that was pressed: a verb, or `gone`."""

    nav: Nav
    asides: tuple[Aside, ...]
    more: int
    done: str
    row: int


def held(reception: Reception, visit: Visit, who: Guest) -> Answer | None:
    """The mails that wait, with buttons; a button that is pressed decides. Nothing for who decides about none."""
    desks = kept(reception, who)
    if not desks:
        return None
    done, row = _decided(reception, visit, who) if visit.acts else ("", 0)
    found: list[Aside] = []
    count = 0
    with reception.store.look() as tx:
        for desk in desks:
            waiting, there = aside.waiting(tx, desk.name, MOST)
            found += [_shown(one, reception, who, desk) for one in waiting]
            count += there
    shown = tuple(found[:MOST])
    return paged(reception, who, "desk_held", HeldPage(nav(reception, who, "held"), shown, count - len(shown), done, row))


def _shown(one: aside.Waiting, reception: Reception, who: Guest, desk: Desk) -> Aside:
    mail = told_of(one, one.held_at)
    return Aside(mail, bool(mail.sender) and not is_ours(mail.sender, reception.house.rules(desk.name, who.people)))


def _decided(reception: Reception, visit: Visit, who: Guest) -> tuple[str, int]:
    """What was decided in one transaction, about which mail; `gone` where it does not wait any more, or is none of his."""
    verb, number = visit.form.get("do", ""), visit.form.get("row", "")
    if verb not in VERBS or not (number.isascii() and number.isdecimal() and len(number) <= 12):
        return "", 0
    row, now, house = int(number), reception.clock(), reception.house
    with journal.on_commit(), reception.store.begin() as tx:
        mail = aside.put_aside(tx, [row]).get(row)
        rules = house.rules(mail.desk if mail else "", people.directory(tx, house.people))
        mine = mail is not None and any(who.person.address in keeper.addresses for keeper in rules.keepers())
        order = _order(verb, mail, who) if mail is not None and mine and mail.waits else None
        if order is None or (verb == "block" and is_ours(order.sender, rules)):
            return "gone", row
        done = holding.carry_out(tx, order, ("order", secrets.token_hex(8)), now)
        journal.told("decided_held", inbox=row, verb=verb, by=who.person.address)
    return (verb if done else "gone"), row


def _order(verb: str, mail: PutAside, who: Guest) -> MailOrder | None:
    sender = mail.sender or "" if verb == "block" else ""
    return None if verb == "block" and not sender else MailOrder(verb, mail.row, who.person.address, sender=sender)
