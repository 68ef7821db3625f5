"""How did the desk do? `report`, for people, as JSON, as CSV for a spreadsheet, and as a page with charts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from mailgate.cli import sheet, show
from mailgate.cli.opened import now, opened
from mailgate.config.scalars import as_duration
from mailgate.config.settings import Settings
from mailgate.desk.course import Course, course
from mailgate.desk.report import MARKS, Figures, Kept, Period, Ratings, Report, Spread, reported

_MONTH = timedelta(days=30)
_WHEN = 'a day ("2026-03-01"), a time of ISO 8601, or how long ago ("30d")'


@click.command()
@click.option("--since", metavar="WHEN", help=f"The beginning: {_WHEN} [default: 30d].")
@click.option("--until", metavar="WHEN", help="The end, which does not belong to it [default: now].")
@click.option("--json", is_flag=True)
@click.option("--csv", is_flag=True, help="A line for all, each team, technician, top category and requester; durations in seconds.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="A page with charts, all of it in this file.")
@click.option("--lang", metavar="LANGUAGE", help="The language of that page [default: the desk's].")
@click.pass_obj
def report(
    config: Path | None, since: str | None, until: str | None, json: bool, csv: bool, html: Path | None, lang: str | None
) -> int:  # fmt: skip
    """Count tickets, answers and promises of a period, for all, each team and each technician."""
    from mailgate.store import figures, people

    if json + csv + bool(html) > 1:
        raise click.UsageError("--json, --csv and --html exclude each other")
    with opened(config) as known:
        zone, moment = ZoneInfo(known.settings.desks[0].timezone), now()
        period = Period(_moment(since or "30d", zone, moment), _moment(until, zone, moment) if until else moment)
        if period.since >= period.until:
            raise click.UsageError("the period ends before it begins")
        with known.store.look() as tx:
            handled = list(figures.handled(tx, period))
            names: dict[str, str] = {one.address: one.label for one in people.directory(tx, known.settings.people).people}
    told = reported(handled, period)
    if json:
        show.out_json({**as_json(told), "course": _course(course(handled, period, zone))})
    elif csv:
        _print_csv(told)
    elif html:
        _write_page(html, known.settings, told, course(handled, period, zone), names, lang, moment)
    else:
        _print(told, zone)
    return 0


def _moment(text: str, zone: tzinfo, now: datetime) -> datetime:
    """A day or a time of the desk's zone, or so long ago. Raises UsageError."""
    ago = as_duration(text)
    if ago:
        return now - ago
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{text!r} is no time; write {_WHEN}") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _scopes(told: Report) -> Iterator[tuple[str, str, Figures]]:
    yield "all", "", told.whole
    yield from (("team", name, one) for name, one in told.teams)
    yield from (("technician", name, one) for name, one in told.technicians)


# ------------------------------------------------------------------------------------------------------------------ JSON


def as_json(told: Report) -> show.Json:
    """A report as `--json` prints it: durations in seconds, rates from 0 to 1, null where there was nothing to measure."""
    return {
        "since": show.iso(told.period.since), "until": show.iso(told.period.until), **_figures(told.whole),
        "teams": [{"name": name, **_figures(one)} for name, one in told.teams],
        "technicians": [{"address": name, **_figures(one)} for name, one in told.technicians],
        "categories": [{"name": name, "opened": count} for name, count in told.categories],
        "requesters": [{"address": name, "opened": count} for name, count in told.requesters],
    }  # fmt: skip


def _figures(one: Figures) -> show.Json:
    """Figures with durations in seconds and rates from 0 to 1; null where there was nothing to measure."""
    return {
        "opened": one.opened, "resolved": one.resolved, "closed": one.closed, "backlog": one.backlog,
        "reopened": one.reopened, "reopen_rate": _rate(one.reopened, one.resolved),
        "first_contact": one.first_contact, "first_contact_rate": _rate(one.first_contact, one.resolved),
        "first_response": _seconds(one.first_response), "resolution": _seconds(one.resolution),
        "sla": [
            {"metric": metric, "achieved": kept.achieved, "breached": kept.breached, "cancelled": kept.cancelled, "overdue": kept.overdue,
             "rate": _rate(kept.achieved, kept.achieved + kept.breached)}
            for metric, kept in one.promises
        ],
        "csat": _csat(one.ratings),
    }  # fmt: skip


def _csat(ratings: Ratings | None) -> show.Json | None:
    if ratings is None:
        return None
    return {"count": ratings.count, "mean": round(ratings.mean, 4), "marks": dict(zip(map(str, MARKS), ratings.counts, strict=True))}


def _course(known: Course) -> show.Json:
    stages = [
        {"since": show.iso(one.since), "until": show.iso(one.until), "opened": one.opened, "resolved": one.resolved, "closed": one.closed,
         "backlog": one.backlog}
        for one in known.stages
    ]  # fmt: skip
    return {"stride": known.stride.value, "stages": stages}


def _seconds(spread: Spread | None) -> show.Json | None:
    if spread is None:
        return None
    return {
        "count": spread.count, "mean": spread.mean.total_seconds(), "median": spread.median.total_seconds(),
        "p90": spread.ninth.total_seconds(),
    }  # fmt: skip


def _rate(part: int, of: int) -> float | None:
    return round(part / of, 4) if of else None


# ------------------------------------------------------------------------------------------------------------------- CSV


def _print_csv(told: Report) -> None:
    metrics = [metric for metric, _ in told.whole.promises]
    heads = (
        "scope", "name", "opened", "resolved", "closed", "backlog", "reopened", "reopen_rate", "first_contact", "first_contact_rate",
        *(f"{what}_{which}" for what in ("response", "solution") for which in ("mean", "median", "p90")),
        *(f"{metric}_{state}" for metric in metrics for state in ("achieved", "breached", "cancelled", "overdue", "rate")),
        "csat_count", "csat_mean",
    )  # fmt: skip
    rows = [(scope, name, *_cells(one, metrics)) for scope, name, one in _scopes(told)]
    # Of these it is known how many came, and nothing else.
    for scope, counted in (("category", told.categories), ("requester", told.requesters)):
        rows += [(scope, name, count, *[None] * (len(heads) - 3)) for name, count in counted]
    sheet.write(sys.stdout, heads, rows)


def _cells(one: Figures, metrics: Sequence[str]) -> Iterator[object]:
    yield from (one.opened, one.resolved, one.closed, one.backlog)
    yield from (one.reopened, _rate(one.reopened, one.resolved), one.first_contact, _rate(one.first_contact, one.resolved))
    for spread in (one.first_response, one.resolution):
        yield from (round(time.total_seconds()) for time in (spread.mean, spread.median, spread.ninth)) if spread else (None,) * 3
    promises = dict(one.promises)
    for kept in (promises.get(metric, Kept(0, 0, 0, 0)) for metric in metrics):
        yield from (kept.achieved, kept.breached, kept.cancelled, kept.overdue, _rate(kept.achieved, kept.achieved + kept.breached))
    yield from (one.ratings.count, round(one.ratings.mean, 2)) if one.ratings else (0, None)


# ------------------------------------------------------------------------------------------------------------------ HTML


def _write_page(
    file: Path, settings: Settings, told: Report, known: Course, names: Mapping[str, str], language: str | None, now: datetime
) -> None:  # fmt: skip
    """The page, whole or not at all. Raises UsageError where the file cannot be written."""
    from mailgate.config.packaged import template_folders
    from mailgate.mail.figures import report_view
    from mailgate.mail.letters import Templates
    from mailgate.mail.view import DeskView

    desk = settings.desks[0]
    name = desk.name if len(settings.desks) == 1 else ", ".join(one.name for one in settings.desks)
    language = language or desk.language
    view = report_view(told, known, names, language, ZoneInfo(desk.timezone))
    pages = Templates(template_folders(settings.templates)).pages
    page = pages.render("report", language, DeskView(name, desk.address, desk.language, desk.timezone), view, made=now)
    if page.fault:
        click.echo(f"mailgate: {page.fault}; the page that comes with mailgate was taken instead", err=True)
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        unfinished.write_text(page.html, "utf-8")
        unfinished.replace(file)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise click.UsageError(f"cannot write {file}: {error.strerror}") from None


# ---------------------------------------------------------------------------------------------------------------- people


def _print(told: Report, zone: tzinfo) -> None:
    since, until = (moment.astimezone(zone) for moment in (told.period.since, told.period.until))
    click.echo(f"{since:%a %Y-%m-%d %H:%M} to {until:%a %Y-%m-%d %H:%M} ({zone})")
    click.echo()
    heads = ("", "OPENED", "RESOLVED", "CLOSED", "BACKLOG", "REOPENED", "FIRST CONTACT", "ANSWER", "90 %", "SOLUTION", "90 %", "RATING")
    show.table(heads, [_row(name or "all", one) for _, name, one in _scopes(told)])
    if told.whole.promises:
        click.echo()
        rows = [
            (name or "all", metric, kept.achieved, kept.breached, kept.cancelled, kept.overdue,
             _percent(kept.achieved, kept.achieved + kept.breached))
            for _, name, one in _scopes(told) for metric, kept in one.promises
        ]  # fmt: skip
        show.table(("", "PROMISE", "ACHIEVED", "BREACHED", "CANCELLED", "OVERDUE NOW", "KEPT"), rows)
    for head, counted in (("CATEGORY", told.categories), ("REQUESTER", told.requesters)):
        if counted:
            click.echo()
            show.table((head, "OPENED"), counted)


def _row(name: str, one: Figures) -> tuple[object, ...]:
    times = (
        time for spread in (one.first_response, one.resolution) for time in ((spread.median, spread.ninth) if spread else (None, None))
    )
    return (
        name, one.opened, one.resolved, one.closed, one.backlog, _percent(one.reopened, one.resolved),
        _percent(one.first_contact, one.resolved), *map(_long, times), _rating(one.ratings),
    )  # fmt: skip


def _rating(ratings: Ratings | None) -> str:
    """What requesters said of 5, and how many said anything."""
    return f"{ratings.mean:.1f} of 5 ({ratings.count})" if ratings else "no ratings"


def _percent(part: int, of: int) -> str:
    return f"{100 * part / of:.0f} %" if of else "-"


def _long(time: timedelta | None) -> str:
    """A duration for people, in the two largest units: "2 d 4 h", "4 h 10 min", "3 min"."""
    if time is None:
        return "-"
    minutes = round(time.total_seconds() / 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {rest} min" if hours else f"{rest} min"
