"""What would today's rules do with yesterday's mails? The part of `check` behind `--against`."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from mailgate.cli import show
from mailgate.cli.dry import house_of
from mailgate.config.opening import open_store
from mailgate.config.settings import Settings
from mailgate.flow.reconsider import Reconsidered, reconsidered
from mailgate.mail.isolate import Parser


def against(known: Settings, period: timedelta, now: datetime) -> None:
    """Prints each ticket of the period before `now` that the rules would put elsewhere today. Changes nothing. Raises Unavailable."""
    store, house = open_store(known), house_of(known)
    looked = unread = elsewhere = 0
    try:
        with Parser() as parser:
            for one in reconsidered(store, house, parser, now - period):
                looked, unread, elsewhere = looked + 1, unread + (not one.read), elsewhere + one.elsewhere
                if one.elsewhere:
                    click.echo(f"moves  {_line(one, house.desk(one.ticket.desk).tag)}")
    finally:
        store.close()
    cannot = f"; {unread} cannot be read" if unread else ""
    click.echo(f"ok     {elsewhere} of {looked} tickets that a mail opened since {show.clock(now - period)} would go elsewhere{cannot}")


def _line(one: Reconsidered, tag: str) -> str:
    was, would = _place(one.ticket.category, one.ticket.team), _place(one.category, one.team)
    return show.safe(f'{tag}-{one.ticket.id} "{one.ticket.subject}": {was} -> {would}')


def _place(category: str | None, team: str | None) -> str:
    return f"{category or 'no category'} ({team or 'no team'})"
