"""Mails from files: `explain` tells what would happen to them, `ingest` takes them in."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailgate.channels import files
from mailgate.cli import show

if TYPE_CHECKING:
    from mailgate.flow.explain import Explanation
    from mailgate.mail.parsed import Mailbox

# So many mails of an archive share a commit, and so many are read in one go.
_TOGETHER = 50
# So many files that are no mails are named.
_NAMED = 10


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a mail, one line each.")
@click.option("--envelope-from", help="The envelope sender to assume; '' for the null path.")
@click.pass_obj
def explain(config: Path | None, paths: Sequence[str], as_json: bool, envelope_from: str | None) -> None:
    """Tell what would happen to mails, and why. Changes nothing, sends nothing.

    PATH is a file, a folder, an mbox, a Maildir or - for standard input. In a folder, what does not look like a mail is passed over.
    """
    from mailgate.mail.isolate import Parser

    # What is imported from now on stays as long as this process: to search it for garbage costs a tenth of the start.
    gc.disable()
    with Parser() as parser:
        # It starts while the rest is imported here, which takes as long.
        parser.warm()
        from mailgate.cli.dry import explained

        for source, told in explained(config, files.mails(_found(paths), sys.stdin.buffer), envelope_from, parser):
            if as_json:
                sys.stdout.write(json.dumps(explanation_json(source, told), ensure_ascii=False) + "\n")
            else:
                _print(source, told)


def _found(paths: Sequence[str]) -> Sequence[Path | None]:
    """The files that hold mails; what is passed over is told in one line on standard error."""
    found = files.find(paths)
    if found.passed_over:
        more = len(found.passed_over) - _NAMED
        named = ", ".join(show.safe(name) for name in found.passed_over[:_NAMED])
        click.echo(f"passed over: {named}" + (f" and {more} more" if more > 0 else ""), err=True)
    return found.mails


def explanation_json(source: str, told: Explanation) -> dict[str, Any]:
    """An explanation in the shape of `--json`."""
    mail, decision = told.mail, told.decision
    return {
        "source": source,
        "message_id": mail.message_id,
        "from": _mailboxes(mail.from_)[0] if mail.from_ else None,
        "reply_to": _mailboxes(mail.reply_to), "to": _mailboxes(mail.to), "cc": _mailboxes(mail.cc),
        "subject": mail.subject, "date": show.iso(mail.date),
        "in_reply_to": list(mail.in_reply_to), "references": list(mail.references),
        "text": mail.text, "html": mail.html, "reply_text": mail.reply_text,
        "attachments": [
            {"filename": one.filename, "content_type": one.content_type, "size": one.size, "sha256": one.sha256, "inline": one.inline,
             "content_id": one.content_id} for one in mail.attachments
        ],
        "kind": mail.kind,
        "is_auto": mail.verdict.machine or mail.verdict.auto_generated or mail.kind not in ("new", "reply", "unreadable"),
        "is_bounce": mail.bounce is not None or mail.kind == "bounce",
        "bounce": {"recipient": mail.bounce.recipient, "status": mail.bounce.status, "action": mail.bounce.action} if mail.bounce else None,
        "ticket_ref": told.situation.wrote.clue.ticket if told.situation.wrote.clue else None,
        "commands": [{"verb": one.verb, "args": one.args, "line": one.line, "ok": one.ok, "error": one.error} for one in decision.commands],
        "strength": told.situation.wrote.strength,
        "defects": list(mail.defects),
        "decision": {
            "outcome": decision.outcome, "ticket": told.ticket,
            "changes": [{"field": one.field, "value": one.value} for one in decision.changes],
            "letters": [{"name": one.name, "to": one.to, "subject": one.subject} for one in told.letters],
        },
        "trail": [{"step": one.step, "finding": one.finding, "because": one.because} for one in told.trail],
    }  # fmt: skip


def _mailboxes(boxes: Sequence[Mailbox]) -> list[dict[str, str]]:
    return [{"name": one.name, "address": one.address} for one in boxes]


def _print(source: str, told: Explanation) -> None:
    mail = told.mail
    sender = f"{mail.from_[0].name} <{mail.from_[0].address}>" if mail.from_ else "(nobody)"
    click.echo(f"{show.safe(source)}\n  from {show.safe(sender)}: {show.safe(mail.subject) or '(no subject)'}")
    for one in told.trail:
        because = f"  ({show.safe(one.because)})" if one.because else ""
        click.echo(f"    {one.step:<10} {show.safe(one.finding)}{because}")
    for change in told.decision.changes:
        if change.value not in (None, (), ""):
            click.echo(f"    change     {change.field} = {show.value(change.value)}")
    for letter in told.letters:
        click.echo(f"    letter     {letter.name} to {show.safe(letter.to)}: {show.safe(letter.subject)}")
    click.echo("")


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--envelope-from", help="The envelope sender ('' for the null path); else the mail's Return-Path counts for nothing.")
@click.option("--envelope-to", multiple=True, help="An envelope recipient; may be repeated.")
@click.pass_obj
def ingest(config: Path | None, paths: Sequence[str], envelope_from: str | None, envelope_to: tuple[str, ...]) -> int:
    """Put mails into the inbox as if received.

    Exit 0 only after the commit, 75 on trouble; the daemon does the rest. In a folder, what does not look like a mail is passed over.

    As a pipe transport of a mail server: mailgate ingest --envelope-from SENDER --envelope-to RECIPIENT -
    """
    from mailgate.cli.opened import now, opened
    from mailgate.flow.intake import RawMail, take_in

    taken = before = 0
    # Before anything is opened: what was mistyped must make no desk.
    found = _found(paths)
    with opened(config, create=True) as known:
        house = known.house()
        with click.progressbar(length=len(found), file=sys.stderr, label="ingest", hidden=len(found) < _TOGETHER) as bar:
            for batch in _batches(files.mails(found, sys.stdin.buffer)):
                mails = [RawMail(raw, "file", envelope_from, envelope_to) for _, raw in batch]
                receipts = take_in(known.store, house, mails, now())
                taken += len(receipts)
                before += sum(receipt.seen_before for receipt in receipts)
                bar.update(len(batch))
    click.echo(f"{taken} {'mail' if taken == 1 else 'mails'} taken in" + (f", {before} of them known already" if before else ""))
    return 0


def _batches(mails: Iterator[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    batch: list[tuple[str, bytes]] = []
    for mail in mails:
        batch.append(mail)
        if len(batch) == _TOGETHER:
            yield batch
            batch = []
    if batch:
        yield batch
