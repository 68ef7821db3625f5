"""`mailgate demo`: a living tour. A real daemon in a temporary folder, everybody's part played, nothing left behind."""

from __future__ import annotations

import click


@click.command()
def demo() -> int:
    """Watch a ticket live, with real mail and a kill -9."""
    from mailgate.cli.stage import play

    return play(click.echo)
