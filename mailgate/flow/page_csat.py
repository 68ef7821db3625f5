"""How does a requester say on a page how he was helped, and that his ticket is to stay open? GET shows a form, POST counts.

Both are what the words `csat` and `reopen` are by mail.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk import csat, marks
from mailgate.desk.model import State
from mailgate.desk.report import MARKS
from mailgate.desk.workflow import state_of
from mailgate.flow import click, journal
from mailgate.flow.click import Reader
from mailgate.flow.reception import Answer, Page, Reception, Visit
from mailgate.mail import header
from mailgate.store.engine import Conflict

_LONGEST_REMARK = 2000


class RatePage(Struct, frozen=True):
    """Where a mark is given. `chosen` is the one that is ticked already; `open` tells whether it may be given (or changed) yet."""

    tag: str
    subject: str
    open: bool
    chosen: int | None = None
    given: int | None = None
    remark: str = ""
    done: bool = False
    wrong: str = ""


class KeepPage(Struct, frozen=True):
    """Where a ticket that is about to close is kept open. `waits` tells whether it still is."""

    tag: str
    subject: str
    status: str
    waits: bool
    done: bool = False


def rate(reception: Reception, visit: Visit) -> Answer | None:
    """`/csat/<mark>`; `?mark=5` ticks a mark and counts nothing."""
    mark = visit.parts["mark"]
    if not visit.acts:
        with reception.store.look() as tx:
            who = click.reader(tx, reception, marks.Purpose.CSAT, mark)
            return _rating(reception, who, chosen=_mark(visit.form.get("mark") or visit.query.get("mark", ""))) if who else None
    try:
        with journal.on_commit(), reception.store.begin() as tx:
            who = click.reader(tx, reception, marks.Purpose.CSAT, mark, lock=True)
            if who is None:
                return None
            given, remark = _mark(visit.form.get("mark", "")), visit.form.get("words", "").strip()[:_LONGEST_REMARK]
            if given is None or not csat.may_rate(who.ticket, reception.clock()):
                return _rating(reception, who, wrong="no-mark" if given is None else "too-late", remark=remark)
            _, after = click.press(tx, reception, who, "csat", f"{given} {remark}", visit.digest)
            return _rating(reception, replace(who, ticket=after or who.ticket), done=True)
    except Conflict:
        with reception.store.look() as tx:
            who = click.reader(tx, reception, marks.Purpose.CSAT, mark)
            return _rating(reception, who, done=True) if who else None


def _mark(text: str) -> int | None:
    return int(text) if text in map(str, MARKS) else None


def _rating(reception: Reception, who: Reader, *, chosen: int | None = None, done: bool = False, wrong: str = "", remark: str = "") -> Page:
    ticket, tag = who.ticket, f"{who.rules.desk.tag}-{who.ticket.id}"
    shown = RatePage(
        tag, header.bare_subject(ticket.subject, tag), csat.may_rate(ticket, reception.clock()), chosen or ticket.rating, ticket.rating,
        remark or ticket.remark or "", done, wrong,
    )  # fmt: skip
    return Page("csat", who.rules.desk, shown, who.language, 422 if wrong == "no-mark" else 200)


def keep(reception: Reception, visit: Visit) -> Answer | None:
    """`/keep/<mark>`: a ticket that waits for its closure is opened again."""
    mark = visit.parts["mark"]
    if not visit.acts:
        with reception.store.look() as tx:
            who = click.reader(tx, reception, marks.Purpose.KEEP, mark)
            return _keeping(who) if who else None
    try:
        with journal.on_commit(), reception.store.begin() as tx:
            who = click.reader(tx, reception, marks.Purpose.KEEP, mark, lock=True)
            if who is None or not _waits(who) or visit.form.get("do") != "keep":
                return _keeping(who) if who else None
            _, after = click.press(tx, reception, who, "reopen", "", visit.digest)
            return _keeping(replace(who, ticket=after or who.ticket), done=True)
    except Conflict:
        with reception.store.look() as tx:
            who = click.reader(tx, reception, marks.Purpose.KEEP, mark)
            return _keeping(who, done=True) if who else None


def _waits(who: Reader) -> bool:
    return state_of(who.ticket.status) is State.RESOLVED and who.may("reopen")


def _keeping(who: Reader, *, done: bool = False) -> Page:
    ticket, tag = who.ticket, f"{who.rules.desk.tag}-{who.ticket.id}"
    shown = KeepPage(tag, header.bare_subject(ticket.subject, tag), ticket.status_name, _waits(who), done)
    return Page("keep", who.rules.desk, shown, who.language)
