"""How do figures read on a page? A report, and the course of its period, as values that need no more reckoning, in the reader's language.

It counts nothing (desk/report and desk/course do) and draws nothing (`charts` does).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo

from msgspec import Struct

from mailgate.desk.course import Course, Stride
from mailgate.desk.report import MARKS, Figures, Kept, Ratings, Report
from mailgate.mail import told


class CourseView(Struct, frozen=True):
    """The steps of a period: what each is called, and what came, was solved, and was open at its end."""

    stride: str
    labels: tuple[str, ...]
    opened: tuple[int, ...]
    resolved: tuple[int, ...]
    backlog: tuple[int, ...]

    @property
    def rows(self) -> tuple[tuple[str, int, int, int], ...]:
        """The same, step by step, as a table has it."""
        return tuple(zip(self.labels, self.opened, self.resolved, self.backlog, strict=True))


class ReportView(Struct, frozen=True):
    """The figures of a period from `since` to `last`, its last moment (aware UTC). Technicians by their names.

    `promises` are those of all metrics together, for the whole as for each team and technician.

    `marks` are (mark, how many gave it), best first; empty where nobody said anything.
    """

    since: datetime
    last: datetime
    whole: Figures
    promises: Kept
    course: CourseView
    teams: tuple[tuple[str, Figures, Kept], ...]
    technicians: tuple[tuple[str, Figures, Kept], ...]
    categories: tuple[tuple[str, int], ...]
    requesters: tuple[tuple[str, int], ...]
    marks: tuple[tuple[int, int], ...]
    rated: float


def report_view(report: Report, course: Course, names: Mapping[str, str], language: str, zone: tzinfo) -> ReportView:
    """The report as a page in that language shows it; `names` are those of people by their addresses."""
    last = course.stages[-1].since if course.stages else report.period.since
    ratings = report.whole.ratings
    return ReportView(
        report.period.since, last, report.whole, added(report.whole), course_view(course, language, zone),
        tuple((name, one, added(one)) for name, one in report.teams),
        tuple((names.get(address, address), one, added(one)) for address, one in report.technicians), report.categories,
        tuple((names.get(address, address), count) for address, count in report.requesters), _marks(ratings),
        ratings.mean if ratings else 0.0,
    )  # fmt: skip


def course_view(course: Course, language: str, zone: tzinfo) -> CourseView:
    """The steps with their names in that language, as days of that zone."""
    stages = course.stages
    labels = tuple(_label(one.since.astimezone(zone), course.stride, language) for one in stages)
    return CourseView(
        course.stride.value, labels, tuple(one.opened for one in stages), tuple(one.resolved for one in stages),
        tuple(one.backlog for one in stages),
    )  # fmt: skip


def added(whole: Figures) -> Kept:
    """The promises of all metrics together."""
    kept: Sequence[Kept] = [one for _, one in whole.promises]
    return Kept(
        sum(one.achieved for one in kept), sum(one.breached for one in kept), sum(one.cancelled for one in kept),
        sum(one.overdue for one in kept),
    )  # fmt: skip


def _marks(ratings: Ratings | None) -> tuple[tuple[int, int], ...]:
    return tuple(reversed(list(zip(MARKS, ratings.counts, strict=True)))) if ratings else ()


def _label(local: datetime, stride: Stride, language: str) -> str:
    match stride:
        case Stride.DAY | Stride.WEEK:
            return told.date_of(local, language, short=True)
        case Stride.MONTH:
            return told.month_of(local, language)
        case Stride.YEAR:
            return f"{local:%Y}"
