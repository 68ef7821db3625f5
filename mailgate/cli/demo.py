"""`mailgate demo`: a living tour. A real daemon in a temporary folder, everybody's part played, nothing left behind."""

from __future__ import annotations

import click


@click.command()
def demo() -> int:
    """Watch a ticket live: real SMTP in, a relay, a requester, a technician. Leaves nothing behind."""
    from mailgate.cli.stage import play

    return play(click.echo)
