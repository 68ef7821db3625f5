"""Who is told how things stand, and when? Rows that are due, planned anew in the commit that writes the letter; nobody's tick asks around.

The rows are made when the daemon starts and when people change. What is due is written by the timekeeper. A letter that nobody could write
in its time is written once, late; what was missed before it is not made up for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mailgate.desk import weekly
from mailgate.desk.course import course
from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.letters import Letter, Name
from mailgate.desk.model import Address, Person, Role
from mailgate.desk.report import Period, reported
from mailgate.desk.rules import Rules
from mailgate.desk.summary import (
    Digest,
    Entries,
    Kind,
    Part,
    expects,
    following,
    leads,
    of_team,
    promised,
    sorted_out,
    timely,
    week,
)
from mailgate.flow import effect, journal
from mailgate.flow.cause import Cause
from mailgate.flow.house import House
from mailgate.store import backlog, digests, facts, people
from mailgate.store.engine import Store, Tx
from mailgate.store.figures import touched

# So many tickets stand in each part of a digest; the rest is counted.
_MOST = 10
_FEW = 5
_KINDS = (Kind.DAILY, Kind.WEEKLY)
_WEEK = timedelta(days=7)


@dataclass(slots=True)
class Diary:
    """Sees to it that everybody's next digest is due. One a timekeeper; asked at every tick, which costs nothing where nothing changed."""

    store: Store
    house: House
    _known: str | None = field(init=False, default=None)
    _kept: bool = field(init=False, default=False)

    def keep(self, now: datetime) -> None:
        """Plans what is missing or has moved, at the first call and after people have changed. `now` is aware UTC."""
        policy = self.house.policy.digests
        if policy.daily is None and policy.weekly is None:
            # Rows of an earlier policy end when they come due.
            return
        with self.store.look() as tx:
            changes = facts.get(tx, facts.PEOPLE)
            if self._kept and changes == self._known:
                return
            planned = digests.planned(tx)
            wanted = dict(_wanted(tx, self.house, now))
        moved = {key: at for key, at in wanted.items() if _moves(planned.get(key), at, now)}
        if moved:
            with self.store.begin() as tx:
                for (desk, person, kind), at in moved.items():
                    digests.plan(tx, desk, person, kind, at, planned.get((desk, person, kind)))
        self._kept, self._known = True, changes


def _moves(known: datetime | None, wanted: datetime, now: datetime) -> bool:
    """Whether a digest is to be planned anew. What is due already is written first."""
    return known is None or (known > now and known != wanted)


def _wanted(tx: Tx, house: House, now: datetime) -> Iterator[tuple[tuple[str, Address, Kind], datetime]]:
    everybody = people.directory(tx, house.people)
    for desk in house.desks:
        rules = house.rules(desk.name, everybody)
        for person in everybody.having(Role.TECHNICIAN, Role.LEAD, Role.MANAGER, Role.OWNER):
            for kind in _KINDS:
                if expects(person, kind, rules) and (at := following(person, kind, rules, now)) is not None:
                    yield (desk.name, person.address, kind), at


def write(tx: Tx, house: House, row: digests.DueDigest, now: datetime) -> None:
    """The letter that is due, if there is anything to tell; the next one is planned. Raises Fenced where somebody else wrote it."""
    rules = house.rules(row.desk, people.directory(tx, house.people))
    person = rules.people.find(row.person)
    here = person is not None and person.address == row.person and any(desk.name == row.desk for desk in house.desks)
    if person is None or not here or not expects(person, row.kind, rules):
        digests.told(tx, row, now)
        return
    digests.told(tx, row, now, following(person, row.kind, rules, now))
    letter = _letter(tx, rules, person, row.kind, now) if timely(person, row.kind, rules, row.due_at, now) else None
    if letter is not None:
        cause = Cause(digests.CAUSE, f"{row.id}-{row.number}")
        effect.carry_out(tx, house, rules, None, Decision(Outcome.TIMED, letters=(letter,)), cause, now)
        journal.told("summed_up", desk=row.desk, to=person.address, kind=row.kind)


def _letter(tx: Tx, rules: Rules, person: Person, kind: Kind, now: datetime) -> Letter | None:
    if kind is Kind.WEEKLY:
        return _report(tx, rules, person, now)
    digest = _digest(tx, rules, person, now)
    return None if digest.empty else Letter(Name.DIGEST, person.address, digest=digest)


def _digest(tx: Tx, rules: Rules, person: Person, now: datetime) -> Digest:
    desk = rules.desk.name
    own = sorted_out(backlog.of_person(tx, desk, person.addresses), person, rules, now, _MOST) if person.staff else ()
    teams = leads(person, rules)
    if teams is None:
        return Digest(own)
    counts = backlog.counted(tx, desk, teams, now)
    lists = (
        (Part.UNASSIGNED, counts.unassigned, backlog.unassigned(tx, desk, teams, _MOST) if counts.unassigned else ()),
        (Part.LATE, counts.overdue, [promised(one, rules) for one in backlog.late(tx, desk, teams, now, _MOST)] if counts.overdue else ()),
        (Part.OLDEST, counts.open, backlog.oldest(tx, desk, teams, _FEW) if counts.open else ()),
    )
    of_teams: tuple[Entries, ...] = tuple(of_team(counts, lists))
    return Digest((*own, *of_teams), counts, teams)


def _report(tx: Tx, rules: Rules, person: Person, now: datetime) -> Letter | None:
    """The figures of the seven days before today. Nothing is told of a desk at which nothing happens."""
    desk = rules.desk.name
    period, before = Period(*week(person, rules, now)), Period(*week(person, rules, now - _WEEK))
    handled = tuple(touched(tx, desk, period))
    zone = ZoneInfo(person.timezone or rules.desk.timezone)
    report = weekly.told(
        reported(handled, period), reported(tuple(touched(tx, desk, before)), before).whole, course(handled, period, zone),
        backlog.counted(tx, desk, (), now), rules.people,
    )  # fmt: skip
    quiet = not (report.week.came or report.week.resolved or report.backlog.open)
    return None if quiet else Letter(Name.REPORT, person.address, report=report)
