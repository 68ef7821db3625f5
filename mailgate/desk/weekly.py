"""What stands in the weekly report? The figures of seven days as a letter tells them, beside those of the seven days before. Pure values.

They are those of `report`, which counts them; who gets the letter, and when, is a question for `summary`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from mailgate.desk import report
from mailgate.desk.course import Course
from mailgate.desk.model import Address, Directory
from mailgate.desk.summary import Backlog

# A letter names so many teams, technicians, categories and requesters of each; `mailgate report` has all of them.
_MOST = 8


class Figures(Struct, frozen=True):
    """One week: how many tickets came in, were solved and closed, and of those solved had been opened again, or took a single answer.

    Times are elapsed: half of all cases took no longer than `first_response` and `resolution`, nine of ten no longer than `slowest_…`; None
    where nothing was answered or solved. `kept`, `broken` and `dropped` are the promises that ended, `rated` the mean of so many `ratings`.
    """

    came: int = 0
    resolved: int = 0
    reopened: int = 0
    first_response: timedelta | None = None
    resolution: timedelta | None = None
    kept: int = 0
    broken: int = 0
    closed: int = 0
    first_contact: int = 0
    slowest_response: timedelta | None = None
    slowest_resolution: timedelta | None = None
    dropped: int = 0
    ratings: int = 0
    rated: float = 0.0


class Day(Struct, frozen=True):
    """A day, by its beginning (aware UTC), with how many tickets came and were solved."""

    at: datetime
    came: int
    resolved: int


class Promise(Struct, frozen=True):
    """What became of the promises of one metric."""

    metric: str
    kept: int
    broken: int
    dropped: int


class Share(Struct, frozen=True):
    """What a team or a technician, or a category or a requester, had to do with it. Of the last two only who came is counted."""

    name: str
    came: int
    resolved: int = 0
    kept: int = 0
    broken: int = 0
    resolution: timedelta | None = None


class Report(Struct, frozen=True):
    """The seven days from `since` on, `last` being a moment of the last one; those before them, and what is open now. Times are UTC.

    `busiest` is what most came or was solved on one of the `days`.
    """

    since: datetime
    last: datetime
    week: Figures
    before: Figures
    backlog: Backlog
    days: tuple[Day, ...] = ()
    promises: tuple[Promise, ...] = ()
    teams: tuple[Share, ...] = ()
    technicians: tuple[Share, ...] = ()
    categories: tuple[Share, ...] = ()
    requesters: tuple[Share, ...] = ()

    @property
    def busiest(self) -> int:
        """How much came or was solved on the busiest day; one at least."""
        return max([1, *(count for day in self.days for count in (day.came, day.resolved))])


def told(week: report.Report, before: report.Figures, course: Course, backlog: Backlog, people: Directory) -> Report:
    """The letter's report of a week (its times are those of its period); technicians by their names."""
    names: Mapping[str, str] = {person.address: person.label for person in people.people}
    return Report(
        week.period.since, week.period.until - timedelta(seconds=1), figures(week.whole), figures(before), backlog,
        tuple(Day(one.since, one.opened, one.resolved) for one in course.stages),
        tuple(Promise(metric, one.achieved, one.breached, one.cancelled) for metric, one in week.whole.promises),
        tuple(_busy(week.teams, {})), tuple(_busy(week.technicians, names)),
        tuple(Share(name, count) for name, count in week.categories[:_MOST]),
        tuple(Share(people.person(Address(name)).label, count) for name, count in week.requesters[:_MOST]),
    )  # fmt: skip


def figures(whole: report.Figures) -> Figures:
    """Of the figures of a period those that a letter tells; what was promised is counted whatever the metric."""
    answered, slowest = _times(whole.first_response)
    solved, longest = _times(whole.resolution)
    kept, broken, dropped = (sum(getattr(one, state) for _, one in whole.promises) for state in ("achieved", "breached", "cancelled"))
    return Figures(
        whole.opened, whole.resolved, whole.reopened, answered, solved, kept, broken, whole.closed, whole.first_contact,
        slowest, longest, dropped,
        whole.ratings.count if whole.ratings else 0, whole.ratings.mean if whole.ratings else 0.0,
    )  # fmt: skip


def _times(spread: report.Spread | None) -> tuple[timedelta | None, timedelta | None]:
    return (spread.median, spread.ninth) if spread else (None, None)


def _busy(shares: tuple[tuple[str, report.Figures], ...], names: Mapping[str, str]) -> Iterator[Share]:
    """Those to whom anything came or who solved anything, who did most first."""
    told = ((name, figures(one)) for name, one in shares)
    active = [(name, one) for name, one in told if one.came or one.resolved or one.kept or one.broken]
    for name, one in sorted(active, key=lambda pair: (-pair[1].resolved, -pair[1].came, pair[0]))[:_MOST]:
        yield Share(names.get(name, name), one.came, one.resolved, one.kept, one.broken, one.resolution)
