"""Tickets from the shell: `tickets list`, `show`, `new`, `command`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from mailgate.cli import DATA, approvals, show
from mailgate.cli.opened import now, opened, settings
from mailgate.desk import sla
from mailgate.desk.approval import read_ask, read_round
from mailgate.desk.clock import read
from mailgate.desk.letters import Likeness, Line
from mailgate.desk.likeness import suspects
from mailgate.desk.model import Directory, Priority, State, Status, Ticket, TicketId, fold_address
from mailgate.desk.workflow import state_of

if TYPE_CHECKING:
    from mailgate.cli.opened import Opened
    from mailgate.desk.decision import Decision
    from mailgate.desk.policy import Policy
    from mailgate.store.engine import Store, Tx
    from mailgate.store.story import Happened, Said, Story, Written


@click.group()
def tickets() -> None:
    """Tickets: list, show, open by phone, command."""


def _one_of(words: type[StrEnum]) -> click.Choice[str]:
    return click.Choice([word.value for word in words], case_sensitive=False)


@tickets.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a ticket, one line each.")
@click.option("--state", "states", multiple=True, type=_one_of(State), help="May be repeated.")
@click.option("--status", "statuses", multiple=True, help="Also one of your own; may be repeated.")
@click.option("--desk")
@click.option("--team")
@click.option("--assignee", help="An address.")
@click.option("--requester", help="An address.")
@click.option("--priority", type=_one_of(Priority))
@click.option("--search", help="Words, or beginnings of words, in the subject and what was written.")
@click.pass_obj
def list_tickets(
    config: Path | None, as_json: bool, states: Sequence[str], statuses: Sequence[str], desk: str | None, team: str | None,
    assignee: str | None, requester: str | None, priority: str | None, search: str | None,
) -> None:  # fmt: skip
    """List tickets, oldest first."""
    from mailgate.store import story

    rows = []
    with opened(config) as known, (_searchable(known.store) if search else known.store).look() as tx:
        usual, own = _statuses(statuses, known.settings.policy)
        wanted = story.Filter(
            tuple(State(one) for one in states), usual, own, desk, team,
            fold_address(assignee) if assignee else None, fold_address(requester) if requester else None, priority, search,
        )  # fmt: skip
        for number in story.listed(tx, wanted):
            told = story.tell(tx, number, whole=False)
            if told is None:
                continue
            if as_json:
                show.out_json(ticket_json(told, known.tag(told.ticket.desk), _organisation(known, told), _promises(known, told.ticket)))
            else:
                one = told.ticket
                tag = f"{known.tag(one.desk)}-{one.id}"
                rows.append(
                    (tag, one.status_name, one.priority, one.assignee or one.team, one.requester, show.clock(one.updated), one.subject)
                )
    if not as_json:
        show.table(("TICKET", "STATUS", "PRIO", "WITH", "REQUESTER", "UPDATED", "SUBJECT"), rows)


def _searchable(store: Store) -> Store:
    """The same, once everything that was said is indexed: where no daemon runs, nobody else has done it."""
    from mailgate.flow.indexing import Indexer

    while Indexer(store).tick():
        pass
    return store


def _statuses(names: Sequence[str], policy: Policy) -> tuple[tuple[Status, ...], tuple[str, ...]]:
    """The usual and the own statuses of these names, in any case. Raises UsageError for a name that is none."""
    usual = {one.value.casefold(): one for one in Status}
    own = {one.name.casefold(): one.name for one in policy.statuses}
    for name in names:
        if name.casefold() not in {*usual, *own}:
            raise click.UsageError(f"there is no status {name}; there are {', '.join((*Status, *own.values()))}")
    folded = [name.casefold() for name in names]
    return tuple(usual[one] for one in folded if one in usual), tuple(own[one] for one in folded if one in own)


@tickets.command("show")
@click.argument("number", type=show.TicketNumber(), metavar="N")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def show_ticket(config: Path | None, number: int, as_json: bool) -> int:
    """Show one ticket with its whole story."""
    from mailgate.store import story

    with opened(config) as known, known.store.look() as tx:
        told = story.tell(tx, TicketId(number))
        if told is None:
            click.echo(f"mailgate: there is no ticket {number}", err=True)
            return DATA
        tag, organisation = known.tag(told.ticket.desk), _organisation(known, told)
        like = _alike(tx, told.ticket, known.settings.people)
        promises = _promises(known, told.ticket)
    if as_json:
        suspected = {"suspected": [{"ticket": one.ticket, "because": one.because} for one in like]}
        show.out_json({**ticket_json(told, tag, organisation, promises), **suspected, **story_json(told)})
    else:
        _print(told, tag, organisation, like, promises, known.settings.policy)
    return 0


def _alike(tx: Tx, ticket: Ticket, people: Directory) -> tuple[Likeness, ...]:
    """Tickets that this one may be the same as, as long as it is open itself."""
    from mailgate.store import relations

    if state_of(ticket.status) in (State.RESOLVED, State.CLOSED):
        return ()
    others = people.organisation(ticket.requester) is not None
    return suspects(ticket.requester, ticket.subject, relations.candidates(tx, ticket, ticket.created, others=others), people)


@tickets.command()
@click.option("--from", "requester", required=True, help="The caller's address.")
@click.option("--name", default="", help="The caller's name.")
@click.option("--subject", required=True)
@click.option("--text", default="", help="What the caller said; - reads it from standard input.")
@click.option("--desk", help="The desk's name, where there are several.")
@click.pass_obj
def new(config: Path | None, requester: str, name: str, subject: str, text: str, desk: str | None) -> int:
    """Open a ticket by phone, for whoever called."""
    from mailgate.flow import operate
    from mailgate.mail import header

    # Before anything is opened: what was mistyped must make no desk.
    names = [one.name for one in settings(config).desks]
    if desk and desk not in names:
        raise click.UsageError(f"no desk is called {desk}; there are {', '.join(names)}")
    where, caller = desk or names[0], fold_address(header.address(requester.strip()))
    said = sys.stdin.read() if text == "-" else text
    with opened(config, create=True) as known:
        done = operate.open_by_phone(known.store, known.house(), where, caller, name, subject, said or subject, now())
        click.echo(f"{known.tag(where)}-{done.ticket.id if done.ticket else '?'}")
    return 0


@tickets.command()
@click.argument("number", type=show.TicketNumber(), metavar="N")
@click.argument("text", metavar='"#verb ..."')
@click.option("--as", "who", help="The technician in whose name it is done.")
@click.pass_obj
def command(config: Path | None, number: int, text: str, who: str | None) -> int:
    """Do what a technician could order by mail: mailgate tickets command 7 "#resolve It prints again."."""
    from mailgate.flow import operate

    with opened(config) as known:
        done = operate.order(known.store, known.house(), TicketId(number), text, fold_address(who) if who else None, now())
    if done.ticket is None:
        click.echo(f"mailgate: there is no ticket {number}", err=True)
        return DATA
    for line in _lines(done.decision):
        remark = ", ".join(filter(None, (line.wrong, show.safe(line.meant))))
        click.echo(f"{'done   ' if line.ok else 'refused'} {show.safe(line.wrote)}" + (f"  ({remark})" if remark else ""))
        if line.instead:
            click.echo(f"        would work: {line.instead}")
    click.echo(f"{known.tag(done.ticket.desk)}-{done.ticket.id} is {done.ticket.status_name}")
    return DATA if done.decision.refusals else 0


def _lines(decision: Decision) -> list[Line]:
    refused = {one.line: one for one in decision.refusals}
    lines = [Line(one.line, one.line not in refused) for one in decision.commands if one.line not in refused]
    return lines + [Line(one.line, False, one.slug, one.instead, one.meant) for one in decision.refusals]


def _organisation(known: Opened, told: Story) -> str | None:
    """The customer that the requester's address belongs to."""
    found = known.settings.people.organisation(told.ticket.requester)
    return found.name if found else None


def _promises(known: Opened, ticket: Ticket) -> list[show.Json]:
    """How the promises for a ticket stand now, in the shape of `--json`."""
    if not ticket.clocks:
        return []
    from mailgate.cli.sla import clock_json, rules_of

    rules = rules_of(known.settings, ticket, known.settings.people)
    return [clock_json(clock, rules, now()) for clock in ticket.clocks]


def ticket_json(told: Story, tag: str, organisation: str | None, promises: Sequence[show.Json] = ()) -> show.Json:
    """A ticket in the shape of `--json`, without its story."""
    one = told.ticket
    closure = {"category": one.closure_category, "note": one.closure_note} if one.closure_category or one.closure_note else None
    csat = {"mark": one.rating, "remark": one.remark, "time": show.iso(one.rated)} if one.rating else None
    return {
        "id": one.id, "tag": f"{tag}-{one.id}", "subject": one.subject, "desk": one.desk, "source": one.source, "type": one.type,
        "state": state_of(one.status), "status": one.status_name, "priority": one.priority, "impact": one.impact, "urgency": one.urgency,
        "category": one.category, "service": one.service, "tags": list(one.tags), "team": one.team, "assignee": one.assignee,
        "requester": one.requester, "organisation": organisation,
        "participants": [{"address": who.address, "role": who.role, "confirmed": who.confirmed} for who in one.participants],
        "parent": one.parent, "children": list(told.children), "links": list(told.links), "merged_into": one.merged_into,
        "resolution": one.resolution, "closure": closure, "csat": csat,
        "approvals": [approvals.as_json(ask) for ask in one.asks],
        "due": show.iso(one.due), "time_spent": one.time_spent,
        "sla": list(promises), "created": show.iso(one.created), "updated": show.iso(one.updated),
    }  # fmt: skip


def story_json(told: Story) -> show.Json:
    """Messages, events, timers and letters of a ticket, in the shape of `--json`."""
    return {
        "messages": [
            {"id": one.id, "direction": one.direction, "author": one.author, "strength": one.strength, "visibility": one.visibility,
             "unverified": one.unverified, "message_id": one.message_id, "time": show.iso(one.at), "text": one.text, "note": one.note,
             "ticket": one.ticket,
             "attachments": [{"filename": file.filename, "content_type": file.content_type, "size": file.size, "sha256": file.sha256}
                             for file in one.files]}
            for one in told.messages
        ],
        "events": [
            {"time": show.iso(one.at), "actor": one.actor, "strength": one.strength, "verb": one.verb, "note": one.note,
             "changes": _changed(one), "cause": one.cause, "ticket": one.ticket}
            for one in told.events
        ],
        "timers": [{"kind": one.kind, "due": show.iso(one.due)} for one in told.timers],
        "letters": [
            {"id": one.id, "time": show.iso(one.at), "letter": one.letter, "to": one.recipient, "state": one.state, "reason": one.reason,
             "cause": one.cause, "why": told.why(one)}
            for one in told.letters
        ],
        "notices": [
            {"time": show.iso(one.at), "to": one.person, "metric": one.metric, "step": str(one.step), "due": show.iso(one.until)}
            for one in told.waiting
        ],
    }  # fmt: skip


def _changed(event: Happened) -> dict[str, object]:
    """What an event changed, with a status under the name that people know it by."""
    changed: dict[str, object] = {change.field: change.value for change in event.changes}
    own = changed.pop("own", None)
    if "clocks" in changed:
        rows = (read(row) for row in cast(tuple[object, ...], changed["clocks"]))
        changed["clocks"] = [
            {"metric": one.metric, "state": one.state, "sla": one.sla, "target": one.target.total_seconds()} for one in rows
        ]
    if "asks" in changed:
        changed["approvals"] = [approvals.as_json(read_ask(row)) for row in cast(tuple[object, ...], changed.pop("asks"))]
    round_ = read_round(changed.pop("approval", None))
    return changed | ({"round": round_.number} if round_ else {}) | ({"status": own} if own else {})


def _results(ticket: Ticket) -> Iterator[str]:
    """What was done about it, and how its requester found that."""
    if ticket.resolution:
        yield "solution: " + "\n          ".join(show.safe_lines(ticket.resolution))
    if ticket.rating:
        yield "\n       ".join((f"rated: {ticket.rating} of 5", *show.safe_lines(ticket.remark or "")))


def _print(
    told: Story, tag: str, organisation: str | None, like: Sequence[Likeness], promises: Sequence[show.Json], policy: Policy
) -> None:  # fmt: skip
    one = told.ticket
    click.echo(f"{tag}-{one.id}  {show.safe(one.subject) or '(no subject)'}")
    click.echo(f"{one.status_name} ({state_of(one.status)}), {one.priority}, team {one.team or '-'}, assignee {one.assignee or '-'}")
    about = (("type", one.type), ("category", one.category), ("service", one.service), ("tags", ", ".join(one.tags)))
    click.echo(", ".join(f"{name} {show.safe(value)}" for name, value in about if value))
    of = f" of {show.safe(organisation)}" if organisation else ""
    click.echo(f"opened {show.clock(one.created)} by {one.requester}{of} ({one.source}), updated {show.clock(one.updated)}")
    for who in one.participants:
        click.echo(f"  {who.role:<9} {who.address}{'' if who.confirmed else ' (unconfirmed)'}{' (muted)' if who.muted else ''}")
    if one.due:
        click.echo(f"due {show.clock(one.due)}")
    for clock in promises:
        due = f", due {show.clock(datetime.fromisoformat(clock['due']))}" if clock["due"] else ""
        click.echo(f"{clock['metric']}: {clock['state']}{due}  (sla explain {one.id})")
    if one.time_spent:
        click.echo(f"{one.time_spent} minutes spent")
    for line in _relations(told, tag, like):
        click.echo(line)
    for ask in one.asks:
        click.echo(f"approval {approvals.line(ask)}")
    for line in _results(one):
        click.echo(line)
    for timer in told.timers:
        click.echo(f"next: {timer.kind} at {show.clock(timer.due)}")
        if (ends := sla.end(one, timer, policy)) is not None:
            click.echo(f"{_ENDS[ends[0]]} at {show.clock(ends[1])}, if nobody answers")
    for note in told.waiting:
        click.echo(f"waits: {note.person} is told of {note.metric} {note.step} at {show.clock(note.until)}, if it is still so")
    whence = {number: f"  from {tag}-{number}" for number in told.merged}
    printed: list[tuple[datetime, Callable[[], None]]]
    printed = [(one.at, partial(_print_event, one, whence.get(one.ticket, ""))) for one in told.events]
    printed += [(one.at, partial(_print_said, one, whence.get(one.ticket, ""))) for one in told.messages]
    printed += [(one.at, partial(_print_letter, one, told.why(one))) for one in told.letters]
    for _, print_one in sorted(printed, key=itemgetter(0)):
        print_one()


def _relations(told: Story, tag: str, like: Sequence[Likeness]) -> Iterator[str]:
    """A line for each way in which the ticket hangs together with others."""
    one = told.ticket
    known = (
        ("part of", (one.parent,)), ("solves", told.children), ("linked with", told.links), ("merged into", (one.merged_into,)),
        ("goes on with", told.merged),
    )  # fmt: skip
    for word, numbers in known:
        if tags := ", ".join(f"{tag}-{number}" for number in numbers if number is not None):
            yield f"{word} {tags}"
    for each in like:
        yield f"may be the same as {tag}-{each.ticket} ({each.because.replace('-', ' ')}, similar subject)"


def _print_event(event: Happened, whence: str) -> None:
    fields = _changed(event)
    changed = ", ".join(f"{field}={show.value(value)}" for field, value in fields.items() if field in _TOLD and value is not None)
    note = f" [{show.safe(event.note)}]" if event.note else ""
    click.echo(f"\n{show.clock(event.at)}  {event.actor}: {event.verb}{' ' + changed if changed else ''}{note}  <{event.cause}>{whence}")


def _print_said(said: Said, whence: str) -> None:
    marks = [said.visibility, *(["unverified"] if said.unverified else []), *([said.note] if said.note else [])]
    who = f"{show.safe(said.author_name)} <{said.author}>" if said.author_name else said.author
    click.echo(f"\n{show.clock(said.at)}  {who} {'writes' if said.direction == 'in' else 'answers'} ({', '.join(marks)}){whence}")
    for line in show.safe_lines(said.text):
        click.echo(f"    {line}")
    for file in said.files:
        click.echo(f"    [{show.safe(file.filename)}, {file.size} octets]")


def _print_letter(letter: Written, why: str) -> None:
    state = f"{letter.state}: {show.safe(letter.reason)}" if letter.reason else letter.state
    click.echo(f"\n{show.clock(letter.at)}  letter {letter.letter} to {letter.recipient}, {state}, for: {why or '-'}  <{letter.cause}>")


# What is said of the last rung of a ladder.
_ENDS = {
    sla.Act.CLOSE: "closes by itself",
    sla.Act.RESOLVE: "counts as resolved",
    sla.Act.WARN: "is warned for the last time",
    sla.Act.REMIND: "is reminded for the last time",
}
# The fields that a reader of the story wants to see; the rest is in --json.
_TOLD = frozenset({"status", "assignee", "team", "priority", "requester", "parent", "merged_into", "closure_category", "due", "time_spent"})
