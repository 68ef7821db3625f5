"""Approvals: `list` tells what was asked of whom, `show` all about one ticket, `verify` proves that each was given as it had to be."""

from __future__ import annotations

from pathlib import Path

import click

from mailgate.cli import DATA, show
from mailgate.cli.opened import opened
from mailgate.desk.approval import Ask, Verdict
from mailgate.desk.model import TicketId, fold_address

_SAID = (Verdict.APPROVED, Verdict.REJECTED)


def as_json(ask: Ask) -> show.Json:
    """A question and its answer in the shape of `--json`."""
    return {
        "stage": ask.stage, "approver": ask.approver, "state": ask.state, "decided": show.iso(ask.decided) if ask.by else None,
        "how": ask.how, "why": ask.why, "round": ask.round, "by": ask.by, "strength": ask.strength, "evidence": ask.evidence,
        "asked": show.iso(ask.asked), "expires": show.iso(ask.expires), "stands_for": ask.stands_for,
    }  # fmt: skip


def line(ask: Ask) -> str:
    """The same in one line for people."""
    text = f"round {ask.round}, stage {ask.stage}: {ask.approver}{f' for {ask.stands_for}' if ask.stands_for else ''} {ask.state}"
    if ask.by and ask.decided:
        by = "" if ask.by == ask.approver else f" by {ask.by}"
        text += f"{by} {show.clock(ask.decided)} by {ask.how}{f': {show.safe(ask.why)}' if ask.why else ''}"
    elif ask.state is Verdict.PENDING and ask.expires:
        text += f", until {show.clock(ask.expires)}"
    return text


@click.group()
def approvals() -> None:
    """Approvals: who was asked, who decided what, and the proof of it."""


@approvals.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice([state.value for state in Verdict]), help="[default: pending]")
@click.option("--all", "every", is_flag=True, help="In whatever state.")
@click.option("--approver", metavar="ADDRESS")
@click.option("--json", "as_json_", is_flag=True, help="One object a line.")
@click.pass_obj
def list_(config: Path | None, states: tuple[str, ...], every: bool, approver: str | None, as_json_: bool) -> int:
    """List what approvers were asked; what nobody has answered yet, unless told otherwise."""
    from mailgate.store import approvals as rows
    from mailgate.store import tickets

    wanted = () if every else tuple(map(Verdict, states)) or (Verdict.PENDING,)
    with opened(config) as known, known.store.look() as tx:
        for found in rows.listed(tx, wanted, fold_address(approver) if approver else None):
            ticket = tickets.get(tx, found.ticket)
            tag = f"{known.tag(ticket.desk if ticket else '')}-{found.ticket}"
            if as_json_:
                show.out_json({"ticket": found.ticket, "tag": tag, **as_json(found.ask)})
            else:
                click.echo(f"{tag:<10} {line(found.ask)}  {show.safe(ticket.subject) if ticket else ''}")
    return 0


@approvals.command("show")
@click.argument("number", type=show.TicketNumber(), metavar="N")
@click.option("--json", "as_json_", is_flag=True)
@click.pass_obj
def show_(config: Path | None, number: int, as_json_: bool) -> int:
    """Show every question about a ticket, with how each answer came, how well its sender was known, and the hash of what he sent."""
    from mailgate.store import tickets

    with opened(config) as known, known.store.look() as tx:
        ticket = tickets.get(tx, TicketId(number))
        if ticket is None:
            click.echo(f"mailgate: there is no ticket {number}", err=True)
            return DATA
        tag = f"{known.tag(ticket.desk)}-{number}"
    if as_json_:
        show.out_json({"id": number, "tag": tag, "status": ticket.status_name, "approvals": [as_json(ask) for ask in ticket.asks]})
        return 0
    click.echo(f"{tag}  {show.safe(ticket.subject) or '(no subject)'}  {ticket.status_name}")
    if not ticket.asks:
        click.echo("nobody could be asked" if ticket.approval else "it was never sent for approval")
    for ask in ticket.asks:
        click.echo(f"  {line(ask)}")
        if ask.evidence:
            click.echo(f"    {ask.strength or 'unproven'}, sha256 {ask.evidence}")
    return 0


@approvals.command()
@click.option("--json", "as_json_", is_flag=True)
@click.pass_obj
def verify(config: Path | None, as_json_: bool) -> int:
    """Prove from events and rows that each decision was asked for, and came once, in its round, from somebody who may. Exit 1 otherwise."""
    from mailgate.store import approvals as rows
    from mailgate.store.audit import approved

    with opened(config) as known, known.store.look() as tx:
        wrong = list(approved(tx))
        said = rows.listed(tx, _SAID)
    if as_json_:
        faults = [{"invariant": one.invariant, "row": one.row, "what": one.what} for one in wrong]
        show.out_json({"ok": not wrong, "decisions": len(said), "violations": faults})
    else:
        for one in wrong:
            click.echo(f"VIOLATION {one.invariant} {one.row}: {one.what}")
        counted = "1 decision" if len(said) == 1 else f"{len(said)} decisions"
        click.echo(f"{counted}, {'each as it had to be' if not wrong else f'{len(wrong)} violations'}")
    return 1 if wrong else 0
