"""How did the last seven days go, and how do things stand? Figures and charts for those who work here; nobody's words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk import board
from mailgate.desk.course import course
from mailgate.desk.policy import Desk
from mailgate.desk.report import Figures, Handled, reported
from mailgate.flow.board import Backlog, joined
from mailgate.flow.entry import Guest
from mailgate.flow.page_desk import Nav, desks_of, home_of, nav, paged, slug, spoken, unsolved
from mailgate.flow.reception import Answer, Reception, Visit
from mailgate.mail.figures import ReportView, added, report_view


class FiguresPage(Struct, frozen=True):
    """The figures of seven days, with what is open, overdue and at risk now, and how many there are under each state."""

    nav: Nav
    at: datetime
    week: ReportView
    states: tuple[tuple[str, int], ...]
    most: int
    late: int
    risk: int


def figures(reception: Reception, visit: Visit, who: Guest) -> Answer:
    """The last seven days in figures and charts, and how things stand."""
    now = reception.clock()
    desks = desks_of(reception, who)
    known = unsolved(reception, who, desks, now)
    states = board.by_state(known.tickets)
    week = _week(reception, who, desks, known, now)
    return paged(reception, who, "desk_figures", FiguresPage(
        nav(reception, who, "figures"), known.at, week, tuple((slug(state), count) for state, count in states),
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
    view = report_view(report, steps, labels, spoken((who.person.language or reception.house.desks[0].language,)), zone)
    return replace(view, promises=replace(added(report.whole), overdue=sum(one.late for one in tickets)))


def _open_of(counted: Iterable[tuple[str, Figures]], holders: Sequence[str | None]) -> tuple[tuple[str, Figures], ...]:
    return tuple((name, replace(one, backlog=sum(holder == name for holder in holders))) for name, one in counted)
