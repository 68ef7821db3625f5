"""Promises: `sla explain` counts them up, `sla simulate` asks what another policy would have made of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from mailgate.cli import DATA, show
from mailgate.cli.opened import now, opened
from mailgate.config.settings import Settings
from mailgate.desk import account, clocks
from mailgate.desk.account import Span
from mailgate.desk.clock import Clock, ClockState, span
from mailgate.desk.model import Directory, Ticket, TicketId
from mailgate.desk.rules import Rules

_TIME = "%a %Y-%m-%d %H:%M:%S"
_Tallies = Counter[tuple[str, str, ClockState]]
_Moved = tuple[Ticket, str, ClockState | None, ClockState | None]


@click.group()
def sla() -> None:
    """Promises: how they stand, and how they would."""


@sla.command()
@click.argument("number", type=show.TicketNumber(), metavar="N")
@click.option("--at", "at", metavar="T", help='As it stood, or will stand, then: ISO 8601, such as "2026-03-02T14:00" [default: now].')
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def explain(config: Path | None, number: int, at: str | None, as_json: bool) -> int:
    """Tell of each clock of a ticket every interval that counted or did not, and the due times that follow."""
    from mailgate.store import people, story

    with opened(config) as known, known.store.look() as tx:
        told = story.tell(tx, TicketId(number))
        if told is None:
            click.echo(f"mailgate: there is no ticket {number}", err=True)
            return DATA
        rules = rules_of(known.settings, told.ticket, people.directory(tx, known.settings.people))
        moment = _moment(at, ZoneInfo(rules.desk.timezone)) if at else now()
        ticket = account.as_of(told.ticket, story.events(tx, TicketId(number)), moment)
        tag = f"{known.tag(ticket.desk)}-{number}"
    if moment < ticket.created:
        click.echo(f"mailgate: {tag} was opened at {show.iso(ticket.created)}, which is later", err=True)
        return DATA
    if as_json:
        clocks_json = [_as_json(clock, ticket, rules, moment) for clock in ticket.clocks]
        show.out_json({"id": number, "tag": tag, "at": show.iso(moment), "sla": clocks_json})
        return 0
    click.echo(f"{tag}  {show.safe(ticket.subject) or '(no subject)'}  {ticket.status_name}, {ticket.priority}")
    if not ticket.clocks:
        click.echo("nothing is promised for it")
    for clock in ticket.clocks:
        _print(clock, ticket, rules, moment)
    return 0


def _moment(text: str, zone: tzinfo) -> datetime:
    """A time of ISO 8601; one without a time zone is the desk's. Raises UsageError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f'{text!r} is no time; write it like "2026-03-02T14:00"') from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def rules_of(settings: Settings, ticket: Ticket, everybody: Directory) -> Rules:
    """The rules of the desk of this ticket; those of the first where it is no more."""
    desk = next((one for one in settings.desks if one.name == ticket.desk), settings.desks[0])
    return Rules(desk, settings.policy, settings.security, everybody, settings.desks)


def _as_json(clock: Clock, ticket: Ticket, rules: Rules, at: datetime) -> show.Json:
    """A clock in the shape of `tickets show`, with every interval and every step."""
    steps = {str(step): show.iso(clocks.due(clock, rules, step)) for step in clocks.steps(clock, ticket, rules)}
    counted = [
        {"from": show.iso(one.since), "to": show.iso(one.until), "what": one.why, "spent": one.spent.total_seconds()}
        for one in account.spans(clock, rules, at)
    ]
    return {
        **clock_json(clock, rules, at), "sla": clock.sla, "calendar": clock.calendar or "24x7", "number": clock.number,
        "began": show.iso(clock.began), "ended": show.iso(clock.ended), "steps": steps if clock.live else {}, "intervals": counted,
    }  # fmt: skip


def clock_json(clock: Clock, rules: Rules, at: datetime) -> show.Json:
    """What `tickets show` says of a clock: target and elapsed working time in seconds."""
    spent = clock.spent if clock.spent is not None else clocks.elapsed(clock, rules, at)
    return {
        "metric": clock.metric, "state": account.outcome(clock, rules, at), "target": clock.target.total_seconds(),
        "due": show.iso(clocks.due(clock, rules)), "elapsed": spent.total_seconds(),
    }  # fmt: skip


def _print(clock: Clock, ticket: Ticket, rules: Rules, at: datetime) -> None:
    calendar = rules.policy.calendar(clock.calendar)
    zone = ZoneInfo(calendar.timezone or rules.desk.timezone)
    number = f" ({clock.number})" if clock.number > 1 else ""
    spent = clock.spent if clock.spent is not None else clocks.elapsed(clock, rules, at)
    click.echo(
        f"\n{clock.metric}{number}: {account.outcome(clock, rules, at)}, {exact(spent)} of {span(clock.target)}"
        f" by {show.safe(clock.sla)}, calendar {show.safe(clock.calendar or '24x7')} ({zone.key})"
    )
    rows = [_row(one, zone) for one in account.spans(clock, rules, at)]
    show.table(("FROM", "TO", "", "TIME", "SPENT"), rows)
    for step in clocks.steps(clock, ticket, rules):
        moment = clocks.due(clock, rules, step)
        if moment is not None:
            told = " (told)" if clock.told is not None and step <= clock.told else ""
            click.echo(f"{step!s:<12} {moment.astimezone(zone):{_TIME}}{told}")


def _row(one: Span, zone: tzinfo) -> tuple[str, ...]:
    since, until = one.since.astimezone(zone), one.until.astimezone(zone)
    counted = one.why is account.Why.COUNTED
    return (f"{since:{_TIME}}", f"{until:{_TIME}}", one.why, exact(one.until - one.since), exact(one.spent) if counted else "")


def exact(time: timedelta) -> str:
    """A duration to the second, in hours, minutes and seconds: "26:05:09"."""
    seconds = round(time.total_seconds())
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


_LONGEST = 50


@sla.command()
@click.argument("policy", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="POLICY.TOML")
@click.option("--days", type=click.IntRange(1, 3660), default=90, show_default=True, help="Tickets that were opened in so many days.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def simulate(config: Path | None, policy: Path, days: int, as_json: bool) -> int:
    """Tell what another policy.toml would have made of the promises of the last days: calendars, SLAs, metrics.

    Tickets are taken as they were: triage, priorities and what people did stay as they are. Nothing is changed.
    """
    from mailgate.config.load import load
    from mailgate.flow.simulate import compared

    other = load(config, os.environ, whole=False, policy=policy).policy
    moment = now()
    tallies: _Tallies = Counter()
    moved: list[_Moved] = []
    with opened(config) as known:
        there = known.settings
        for one in compared(known.store, there.desks, there.policy, other, there.people, moment - timedelta(days=days), moment):
            tallies.update((metric, "now", state) for metric, state in one.before)
            tallies.update((metric, "then", state) for metric, state in one.after)
            moved += [(one.ticket, *difference) for difference in one.differences()]
        tags = {desk.name: desk.tag for desk in known.settings.desks}
    if as_json:
        _simulated_json(tallies, moved)
    else:
        _simulated(tallies, moved, tags, days)
    return 0


def _simulated_json(tallies: _Tallies, moved: Iterable[_Moved]) -> None:
    figures: dict[str, dict[str, dict[str, int]]] = {}
    for (metric, when, state), count in sorted(tallies.items()):
        figures.setdefault(metric, {"now": {}, "then": {}})[when][state] = count
    changed = [{"id": ticket.id, "metric": metric, "now": before, "then": after} for ticket, metric, before, after in moved]
    show.out_json({"metrics": figures, "changed": changed})


def _simulated(
    tallies: _Tallies,
    moved: list[_Moved],
    tags: dict[str, str],
    days: int,
) -> None:
    metrics = dict.fromkeys(metric for metric, _, _ in sorted(tallies))
    if not metrics:
        click.echo(f"neither policy promises anything for tickets of the last {days} days")
        return
    states = tuple(ClockState)
    rows = [
        (metric, name, *(tallies[metric, when, state] or "-" for state in states))
        for metric in metrics for when, name in (("now", "as it is"), ("then", "simulated"))
    ]  # fmt: skip
    show.table(("METRIC", "POLICY", *(state.upper() for state in states)), rows)
    if moved:
        click.echo()
        shown = [
            (f"{tags.get(ticket.desk, '')}-{ticket.id}", metric, before or "-", after or "-", ticket.subject)
            for ticket, metric, before, after in moved
        ]
        show.table(("TICKET", "METRIC", "AS IT IS", "SIMULATED", "SUBJECT"), shown[:_LONGEST])
        if len(shown) > _LONGEST:
            click.echo(f"… and {len(shown) - _LONGEST} more (--json has all)")
