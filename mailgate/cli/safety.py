"""Proof and care: `audit`, `backup`, `resume`, `erase`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from mailgate.cli import show
from mailgate.cli.opened import now, opened, settings
from mailgate.desk.model import fold_address

if TYPE_CHECKING:
    from mailgate.store.audit import Violation
    from mailgate.store.engine import Store


@click.command()
@click.option("--json", "as_json", is_flag=True)
@click.option("--imap", is_flag=True, help="Also hold the mailboxes against the ledger, mail by mail.")
@click.pass_obj
def audit(config: Path | None, as_json: bool, imap: bool) -> int:
    """Prove the ledger: each mail has one end, one set of effects.

    Exit 1 and the rows otherwise. What is pending is no violation; a mail that lies in a mailbox and was not fetched yet is one.
    """
    from mailgate.store.audit import audit as prove

    with opened(config) as known:
        with known.store.look() as tx:
            ledger = prove(tx)
        if imap:
            ledger = replace(ledger, violations=(*ledger.violations, *_gaps(config, known.store)))
    mails = ledger.inbox
    counts = {
        "accepted": ledger.accepted, "done": mails["done"], "ignored": mails["ignored"], "held": mails["held"],
        "quarantined": mails["quarantined"], "pending": ledger.pending, "outbox": ledger.outbox,
    }  # fmt: skip
    if as_json:
        wrong = [{"invariant": one.invariant, "row": one.row, "what": one.what} for one in ledger.violations]
        show.out_json({"ok": not ledger.violations, "counts": counts, "violations": wrong})
    else:
        click.echo("mails    " + ", ".join(f"{key} {value}" for key, value in counts.items() if key != "outbox"))
        click.echo("letters  " + ", ".join(f"{key} {value}" for key, value in ledger.outbox.items()))
        for one in ledger.violations:
            click.echo(f"VIOLATION {one.invariant} {one.row}: {one.what}")
        click.echo("the ledger adds up" if not ledger.violations else f"{len(ledger.violations)} violations")
    return 1 if ledger.violations else 0


def _gaps(config: Path | None, store: Store) -> Iterator[Violation]:
    from mailgate.channels.imap_in import audited
    from mailgate.config import wiring
    from mailgate.store.audit import Violation

    for account in wiring.imap_accounts(settings(config, whole=True), now):
        for gap in audited(account, store):
            yield Violation("I1", f"imap:{account.name}", f"folder {account.folder}: {gap}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@click.pass_obj
def backup(config: Path | None, file: Path) -> None:
    """Copy the database while the daemon runs.

    A copy that is put back holds its letters and timers until `resume`.
    """
    from mailgate.store.keeping import copy

    with opened(config) as known:
        copy(known.store, file, now())
    click.echo(f"wrote {file}")
    click.echo(f"Keep the key beside it: {settings(config).key_file}")


@click.command()
@click.pass_obj
def resume(config: Path | None) -> None:
    """Let letters and timers go on after a restore, or timers although the clock was in doubt."""
    from mailgate.flow import operate

    with opened(config) as known:
        reasons = operate.resume(known.store)
    click.echo(f"going on; they were held because of: {'; '.join(reasons)}" if reasons else "nothing is held")


@click.command()
@click.argument("address")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def erase(config: Path | None, address: str, yes: bool) -> None:
    """Erase a person from every mail, ticket and letter."""
    from mailgate.store.keeping import erase as forget

    if not yes:
        click.confirm(f"Erase {address} from every mail, ticket, letter and log of events? This cannot be undone.", abort=True)
    with opened(config) as known:
        gone = forget(known.store, fold_address(address), now())
        relay = known.settings.relay
    click.echo("\n".join(f"{count:>7} {what}" for what, count in gone.items()) or "nothing was known of that address")
    if relay.host is None:
        click.echo(f"Copies in {relay.directory}, like all mail that has left, are not reached.")
