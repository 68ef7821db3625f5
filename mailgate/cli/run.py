"""`mailgate run`: the daemon."""

from __future__ import annotations

import gc
import logging
import os
from pathlib import Path

import click

from mailgate.cli.opened import settings


@click.command()
@click.pass_obj
def run(config: Path | None) -> None:
    """Run the daemon, until SIGTERM."""
    known = settings(config)
    _log_to_standard_error()
    # What is imported now stays for good. To search it for garbage costs a tenth of the start, and a little of each mail.
    gc.disable()
    from mailgate.cli.setup import faults, not_served
    from mailgate.daemon.service import serve
    from mailgate.desk.errors import Misconfigured
    from mailgate.flow import journal

    wrong = faults(known)
    if wrong:
        raise Misconfigured(*wrong)
    gc.freeze()
    gc.enable()
    for name in not_served(known):
        journal.alert("not-served", f"{name} is read, but this version does not act on it yet")
    serve(known, os.environ)


def _log_to_standard_error() -> None:
    # The journal has clocks of its own.
    dated = "" if os.environ.get("JOURNAL_STREAM") else "%(asctime)s "
    logging.basicConfig(level=logging.INFO, format=f"{dated}%(levelname)s %(message)s")
    logging.raiseExceptions = False
    # These log every job, or the octets of mails.
    for name in ("apscheduler", "mail.log", "uvicorn", "asyncio", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
