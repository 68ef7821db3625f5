"""`mailgate run`: the daemon."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import click

from mailgate.cli.opened import settings
from mailgate.daemon import log


@click.command()
@click.pass_obj
def run(config: Path | None) -> None:
    """Run the daemon, until SIGTERM."""
    known = settings(config, whole=True)
    log.to_standard_error(os.environ)
    # What is imported now stays for good. To search it for garbage costs a tenth of the start, and a little of each mail.
    gc.disable()
    from mailgate.cli.doors import taken
    from mailgate.cli.setup import faults
    from mailgate.daemon.identity import Identity
    from mailgate.daemon.service import serve
    from mailgate.desk.errors import Misconfigured

    # Whoever starts a second daemon in this folder hears just that, and not that the first one has its ports.
    with Identity(known.root):
        # Ports whose sockets the service manager hands over are taken by us.
        handed_over = os.environ.get("LISTEN_PID") == str(os.getpid())
        wrong = faults(known) + ([] if handed_over else taken(known))
    if wrong:
        raise Misconfigured(*wrong)
    gc.freeze()
    gc.enable()
    serve(known, os.environ)
