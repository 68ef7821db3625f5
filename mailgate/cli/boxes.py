"""What waits, and why: `inbox` and `outbox` with list, show and what can be done with a row."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailgate.cli import DATA, show
from mailgate.cli.opened import now, opened
from mailgate.desk.model import TicketId

if TYPE_CHECKING:
    from mailgate.store.inbox import Row as Mail
    from mailgate.store.outbox import Row as LetterRow


@click.group()
def inbox() -> None:
    """Accepted mails: what waits or is held, and why."""


@inbox.command("list")
@click.option("--state", "states", multiple=True, help="received, claimed, held, done, ignored or quarantined; all that wait by default.")
@click.option("--all", "everything", is_flag=True, help="Also what is done.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_mails(config: Path | None, states: Sequence[str], everything: bool, as_json: bool) -> None:
    """List mails."""
    from mailgate.store import inbox as store
    from mailgate.store.inbox import InboxState

    wanted = _chosen(states, [*InboxState], ["received", "claimed", "held", "quarantined"], everything)
    with opened(config) as known, known.store.look() as tx:
        rows = store.rows(tx, [InboxState(one) for one in wanted])
    if as_json:
        for row in rows:
            show.out_json(_mail_json(row))
        return
    if not rows and not everything:
        click.echo("nothing waits; --all shows what is done")
        return
    shown = ((row.id, row.state, row.reason, row.sender, show.clock(row.received_at), row.ticket, _subject(row)) for row in rows)
    show.table(("ROW", "STATE", "REASON", "FROM", "RECEIVED", "TICKET", "SUBJECT"), shown)


def _chosen(states: Sequence[str], known: Sequence[str], default: Sequence[str], everything: bool) -> Sequence[str]:
    wrong = [one for one in states if one not in known]
    if wrong:
        raise click.UsageError(f"{wrong[0]} is no state; there are {', '.join(known)}")
    return () if everything else states or default


def _subject(row: Mail) -> str:
    """As people read it: the row keeps what stood in the mail."""
    from mailgate.mail.fields import words

    return words(row.subject or "") or "(no subject)"


def _mail_json(row: Mail) -> show.Json:
    return {
        "id": row.id, "desk": row.desk, "channel": row.channel, "state": row.state, "reason": row.reason, "attempts": row.attempts,
        "seen": row.seen_count, "message_id": row.message_id, "sender": row.sender, "subject": _subject(row), "to": list(row.envelope_to),
        "ticket": row.ticket, "received": show.iso(row.received_at), "finished": show.iso(row.finished_at), "size": row.size,
    }  # fmt: skip


@inbox.command("show")
@click.argument("number", type=int, metavar="ROW")
@click.option("--raw", is_flag=True, help="The mail itself, octet for octet.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def show_mail(config: Path | None, number: int, raw: bool, as_json: bool) -> int:
    """Show one mail: what became of it, the whole trail of reasons, and who decided about it."""
    from mailgate.store import aside
    from mailgate.store import inbox as store

    with opened(config) as known, known.store.look() as tx:
        rows = store.rows(tx, ids=[number])
        octets = store.raw(tx, number) if raw else None
        ordered = aside.orders(tx, number)
    if not rows:
        return _nothing(f"there is no inbox row {number}")
    if octets is not None:
        sys.stdout.buffer.write(octets)
        return 0
    row = rows[0]
    trail = json.loads(row.trail) if row.trail else []
    if as_json:
        show.out_json({
            **_mail_json(row), "trail": [{"step": one[0], "finding": one[1], "because": one[2]} for one in trail],
            "orders": [{"verb": one.verb, "actor": one.actor, "time": show.iso(one.at), "detail": one.detail, "cause": one.cause}
                       for one in ordered],
        })  # fmt: skip
        return 0
    why = f" ({row.reason})" if row.reason else ""
    click.echo(f"inbox {row.id}: {row.state}{why}, from {show.safe(row.sender)}, seen {row.seen_count}x")
    click.echo(f"{show.safe(_subject(row))}")
    for step, finding, because in trail:
        click.echo(f"  {step:<10} {show.safe(finding)}{f'  ({show.safe(because)})' if because else ''}")
    for one in ordered:
        click.echo(f"  {'ordered':<10} {one.verb} {show.safe(one.detail)}  ({show.safe(one.actor)}, {show.clock(one.at)}, {one.cause})")
    return 0


def _nothing(text: str) -> int:
    click.echo(f"mailgate: {text}", err=True)
    return DATA


def _each(numbers: Sequence[int], done: Sequence[int], verb: str, why_not: str) -> int:
    for number in numbers:
        click.echo(f"{number} {verb}" if number in done else f"{number} {why_not}")
    return 0 if set(numbers) <= set(done) else DATA


@inbox.command("retry")
@click.argument("numbers", type=int, nargs=-1, required=True, metavar="ROW...")
@click.pass_obj
def retry_mail(config: Path | None, numbers: Sequence[int]) -> int:
    """Judge held or quarantined mails again, as strictly as before."""
    from mailgate.flow import operate

    with opened(config) as known:
        return _each(numbers, operate.retry_mails(known.store, numbers, now()), "will be tried again", "is neither held nor quarantined")


@inbox.command()
@click.argument("numbers", type=int, nargs=-1, required=True, metavar="ROW...")
@click.option("--ticket", type=int, help="Attach to this ticket instead.")
@click.pass_obj
def release(config: Path | None, numbers: Sequence[int], ticket: int | None) -> int:
    """Let held mails in after all; the sender counts as claimed."""
    from mailgate.flow import operate

    with opened(config) as known:
        done = operate.release(known.store, numbers, now(), attach_to=TicketId(ticket) if ticket else None)
        return _each(numbers, done, "released", "is neither held nor quarantined")


@inbox.command("drop")
@click.argument("numbers", type=int, nargs=-1, required=True, metavar="ROW...")
@click.pass_obj
def drop_mail(config: Path | None, numbers: Sequence[int]) -> int:
    """Decide that held or quarantined mails need nothing."""
    from mailgate.flow import operate

    with opened(config) as known:
        return _each(numbers, operate.drop_mails(known.store, numbers, now()), "dropped", "is neither held nor quarantined")


@inbox.command()
@click.argument("senders", nargs=-1, required=True, metavar="ADDRESS|DOMAIN...")
@click.pass_obj
def block(config: Path | None, senders: Sequence[str]) -> int:
    """Hear nothing more of these senders; a domain stands for everybody at it."""
    from mailgate.flow import operate

    wanted = {one: _sender(one) for one in senders}
    with opened(config) as known:
        done = operate.block(known.store, known.house(), list(wanted.values()), now())
    return _each_sender(wanted, done, "blocked", "is an address of ours or of a colleague and stays heard")


@inbox.command()
@click.argument("senders", nargs=-1, required=True, metavar="ADDRESS|DOMAIN...")
@click.pass_obj
def unblock(config: Path | None, senders: Sequence[str]) -> int:
    """Hear these senders again."""
    from mailgate.flow import operate

    wanted = {one: _sender(one) for one in senders}
    with opened(config) as known:
        done = operate.unblock(known.store, list(wanted.values()))
    return _each_sender(wanted, done, "is heard again", "was not blocked")


def _sender(text: str) -> str:
    from mailgate.desk.held import sender_named

    found = sender_named(text.lower())
    if not found:
        raise click.UsageError(f"{text} is neither an address nor a domain")
    return found


def _each_sender(wanted: Mapping[str, str], done: Sequence[str], verb: str, why_not: str) -> int:
    for written, sender in wanted.items():
        click.echo(f"{written} {verb}" if sender in done else f"{written} {why_not}")
    return 0 if set(wanted.values()) <= set(done) else DATA


@inbox.command()
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def blocked(config: Path | None, as_json: bool) -> None:
    """Show who is blocked, by whom, and how many mails that kept away."""
    from mailgate.store import blocks

    with opened(config) as known, known.store.look() as tx:
        found = blocks.listed(tx)
    if as_json:
        for one in found:
            show.out_json({"sender": one.sender, "by": one.by, "since": show.iso(one.since), "count": one.count,
                           "last": show.iso(one.last_at)})  # fmt: skip
        return
    if not found:
        click.echo("nobody is blocked")
        return
    rows = ((one.sender, one.by, show.clock(one.since), one.count, show.clock(one.last_at) if one.last_at else "") for one in found)
    show.table(("SENDER", "BY", "SINCE", "MAILS", "LAST"), rows)


@click.group()
def outbox() -> None:
    """Letters: what waits, what failed, and why."""


@outbox.command("list")
@click.option("--state", "states", multiple=True, help="queued, deferred, sent, failed, bounced, suppressed or cancelled.")
@click.option("--ticket", type=int)
@click.option("--all", "everything", is_flag=True, help="Also what was sent.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_letters(config: Path | None, states: Sequence[str], ticket: int | None, everything: bool, as_json: bool) -> None:
    """List letters."""
    from mailgate.store import outbox as store
    from mailgate.store.outbox import OutboxState

    wanted = _chosen(states, [*OutboxState], [] if ticket else ["queued", "deferred", "failed", "bounced"], everything)
    with opened(config) as known, known.store.look() as tx:
        rows = store.rows(tx, [OutboxState(one) for one in wanted], ticket=TicketId(ticket) if ticket else None)
    if as_json:
        for row in rows:
            show.out_json(_letter_json(row))
        return
    if not rows and not everything:
        click.echo("nothing waits and nothing failed; --all shows what was sent")
        return
    shown = ((row.id, row.state, row.letter, row.recipient, row.ticket or "", row.attempts, row.reason or row.relay_reply) for row in rows)
    show.table(("ROW", "STATE", "LETTER", "TO", "TICKET", "TRIES", "WHY"), shown)


def _letter_json(row: LetterRow) -> show.Json:
    return {
        "id": row.id, "ticket": row.ticket or None, "letter": row.letter, "to": row.recipient, "state": row.state, "reason": row.reason,
        "attempts": row.attempts, "maybe_duplicate": row.maybe_dup, "message_id": row.message_id, "relay_reply": row.relay_reply,
        "created": show.iso(row.created_at), "next": show.iso(row.next_at), "finished": show.iso(row.finished_at),
    }  # fmt: skip


@outbox.command("show")
@click.argument("number", type=int, metavar="ROW")
@click.option("--raw", is_flag=True, help="The letter itself, octet for octet.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def show_letter(config: Path | None, number: int, raw: bool, as_json: bool) -> int:
    """Show one letter."""
    from mailgate.store import outbox as store

    with opened(config) as known, known.store.look() as tx:
        row, octets = store.get(tx, number), store.octets(tx, number)
    if row is None or octets is None:
        return _nothing(f"there is no outbox row {number}")
    if raw:
        sys.stdout.buffer.write(octets)
    elif as_json:
        show.out_json(_letter_json(row))
    else:
        tries = "try" if row.attempts == 1 else "tries"
        why = f": {show.safe(row.reason)}" if row.reason else ""
        click.echo(f"outbox {row.id}: {row.letter} to {row.recipient}, {row.state} after {row.attempts} {tries}{why}")
        click.echo("\n".join(show.safe_lines(octets.decode("ascii", "replace"))))
    return 0


@outbox.command("retry")
@click.argument("numbers", type=int, nargs=-1, required=True, metavar="ROW...")
@click.pass_obj
def retry_letter(config: Path | None, numbers: Sequence[int]) -> int:
    """Try letters again now."""
    from mailgate.flow import operate

    with opened(config) as known:
        return _each(numbers, operate.retry_letters(known.store, numbers, now()), "will be tried now", "cannot be tried again")


@outbox.command("drop")
@click.argument("numbers", type=int, nargs=-1, required=True, metavar="ROW...")
@click.pass_obj
def drop_letter(config: Path | None, numbers: Sequence[int]) -> int:
    """Cancel letters that have not left yet."""
    from mailgate.flow import operate

    with opened(config) as known:
        return _each(numbers, operate.drop_letters(known.store, numbers, now()), "cancelled", "does not wait to be sent")
