"""Setting up and looking after an installation: `init`, `check`, `templates`, `keys`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailgate.cli import CONFIGURATION, UNAVAILABLE, show
from mailgate.cli.doors import taken
from mailgate.cli.opened import now, of_a_desk, settings
from mailgate.config.packaged import packaged, template_folders
from mailgate.config.scalars import as_duration
from mailgate.config.settings import Settings
from mailgate.desk.errors import Misconfigured, Permanent, Temporary
from mailgate.desk.model import Role

if TYPE_CHECKING:
    from mailgate.cli.opened import Opened
    from mailgate.desk.letters import Name
    from mailgate.desk.macros import Macro
    from mailgate.desk.rules import Rules
    from mailgate.mail.letters import Content, Fault
    from mailgate.store.story import Story


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".", metavar="[DIR]")
def init(folder: Path) -> None:
    """Write config/ and templates/ to edit, and a key."""
    from mailgate.config.keys import load_keys
    from mailgate.config.samples import init as write

    for path in write(folder):
        click.echo(f"wrote {path}")
    key = settings(folder / "config").key_file
    fresh = not key.exists()
    load_keys(key)
    click.echo(f"wrote {key}" if fresh else f"kept {key}")
    # ./config is where every command looks by itself.
    named = "" if folder.resolve() == Path.cwd() else f" --config {folder / 'config'}"
    click.echo(f"Next: edit {folder / 'config' / 'mailgate.toml'}, then: mailgate{named} check")


def faults(known: Settings) -> list[str]:
    """What is wrong with the parts that no database and no peer is needed for: the state table and the letters."""
    from mailgate.desk import workflow

    wrong = [f"workflow: {fault}" for fault in workflow.check(known.policy.statuses)]
    if known.templates is not None:
        wrong += [str(fault) for fault in _faults_of_letters(known)]
    return wrong


def _faults_of_letters(known: Settings) -> tuple[Fault, ...]:
    from mailgate.mail.letters import Templates

    return Templates(template_folders(known.templates)).check([desk.slug for desk in known.desks], known.policy)


def _key_faults(known: Settings) -> list[str]:
    from mailgate.config.keys import load_keys

    # A key that is not there yet is made by the first run.
    if known.key_file.exists():
        try:
            load_keys(known.key_file)
        except Misconfigured as error:
            return [str(error)]
    return []


def _undecidable(known: Settings) -> Iterator[str]:
    """Where an approval could be asked for that nobody can give."""
    people, rules = known.people, known.policy.approvals
    words = dict.fromkeys(word for rule in rules for stage in rule.stages for word in stage.approvers if "@" not in word)
    for word in words:
        named = any(one.manager for one in people.people) if word == Role.MANAGER else people.having(Role(word))
        if not named:
            whom = "a manager whom anybody reports to" if word == Role.MANAGER else f'anybody of role "{word}"'
            yield f'[[approval]] asks "{word}", and people.toml does not name {whom}'
    if any(rule.step_up for rule in rules) and not known.security.authserv_ids and not any(desk.public_url for desk in known.desks):
        yield "[[approval]] step_up wants more than a letter, and there is neither public_url nor security.authserv_ids: nobody can decide"


def _period(_context: click.Context, _option: click.Parameter, value: str | None) -> timedelta | None:
    if value is None:
        return None
    period = as_duration(value)
    if not period:
        raise click.BadParameter('write a duration like "30d"')
    return period


@click.command()
@click.option("--against", metavar="30d", callback=_period, help="Also tell which tickets of so long the rules would put elsewhere now.")
@click.pass_obj
def check(config: Path | None, against: timedelta | None) -> int:
    """Check configuration, templates, database, relay, mailboxes."""
    try:
        known = settings(config, whole=True)
        wrong = [*faults(known), *_key_faults(known)]
    except Misconfigured as error:
        wrong = list(error.faults)
    if wrong:
        for fault in wrong:
            click.echo(f"fault  {fault}")
        return CONFIGURATION
    there = known.machine.parent
    click.echo(f"ok     {f'configuration {there}' if there.exists() else f'built-in defaults, since there is no {there},'} and templates")
    for reason in taken(known):
        click.echo(f"note   {reason} (unless that is a mailgate of yours that runs, it cannot start)")
    if not any(person.staff or person.role is Role.OWNER for person in known.people.people):
        click.echo("note   people.toml names no technician and no owner: nobody is told of new tickets")
    for note in _undecidable(known):
        click.echo(f"note   {note}")
    if not known.people.having(Role.OWNER, Role.LEAD):
        click.echo("note   people.toml names no owner and no lead: nobody is told of held mail, and only the shell decides about it")
    codes = (_check_store(known), _check_relay(known), _check_mailboxes(known))
    if against is not None and not codes[0]:
        from mailgate.cli.against import against as compare

        compare(known, against, now())
    return max(codes, key=lambda code: (code == CONFIGURATION, code))


def _check_store(known: Settings) -> int:
    from mailgate.config.opening import open_store
    from mailgate.flow import operate
    from mailgate.store.engine import durable

    try:
        store = open_store(known)
        durable(store)
        with store.look() as tx:
            held = operate.held(tx)
        store.close()
    except Misconfigured as error:
        click.echo(f"fault  {error}")
        return CONFIGURATION
    except Temporary as error:
        click.echo(f"fault  [store] url: {error}")
        return UNAVAILABLE
    click.echo(f"ok     database {known.store.url}")
    for reason in held:
        click.echo(f"note   timers wait: {reason}; `mailgate resume` has them go on")
    return 0


def _check_relay(known: Settings) -> int:
    from mailgate.channels.smtp_out import probed
    from mailgate.config import wiring
    from mailgate.flow.delivery import Result

    outcome = probed(wiring.relay(known))
    works, said = outcome.result is Result.SENT, f"{outcome.stage}: {outcome.reply}"
    where = f"{known.relay.host}:{known.relay.port}" if known.relay.host else known.relay.directory
    click.echo(f"{'ok   ' if works else 'fault'}  relay {where} ({show.safe(said)})")
    return 0 if works else UNAVAILABLE


def _check_mailboxes(known: Settings) -> int:
    if not known.imap:
        return 0
    from mailgate.channels.imap_in import probed
    from mailgate.config import wiring

    code = 0
    for account in wiring.imap_accounts(known, now):
        found = probed(account)
        where = f"mailbox {account.name} at {account.server.host}:{account.server.port}"
        there = f"{where}, folder {account.folder}, for the desk {account.desk}"
        click.echo(f"fault  {where}: {show.safe(found.wrong)}" if found.wrong else f"ok     {there}")
        for remark in found.remarks:
            click.echo(f"note   mailbox {account.name}: {remark}")
        code = UNAVAILABLE if found.wrong else code
    return code


@click.group()
def keys() -> None:
    """The keys that sign addresses and ids."""


@keys.command()
@click.pass_obj
def rotate(config: Path | None) -> None:
    """Put a fresh key in front; the one before stays active. A running daemon takes it up at its next start."""
    from mailgate.config.keys import rotate as turn

    path = of_a_desk(config).key_file
    click.echo(f"{path}: {len(turn(path).keys)} keys are active. Restart mailgate, so that it signs with the new one.")


@click.group()
def templates() -> None:
    """The letters and their macros."""


@templates.command("list")
@click.pass_obj
def list_(config: Path | None) -> None:
    """Show every letter and macro, and where its template comes from."""
    from mailgate.desk.letters import Name
    from mailgate.mail.letters import Templates

    own = settings(config).templates
    rows: list[tuple[str, str, Path | None]] = []
    for name in Name:
        folder = next((one for one in template_folders(own) if (one / f"{name}.j2").exists()), packaged("templates"))
        languages = sorted({"en", *(path.parent.name for path in folder.glob(f"*/{name}.j2") if path.parent.name != "macros")})
        rows.append((str(name), " ".join(languages), folder / f"{name}.j2"))
    canned = Templates(template_folders(own)).canned
    rows += ((f"macros/{one}", " ".join(canned.languages(one)), canned.path(one)) for one in canned.names())
    show.table(("LETTER", "LANGUAGES", "TEMPLATE"), rows)


@templates.command("check")
@click.pass_obj
def check_templates(config: Path | None) -> int:
    """Render every letter of every folder with samples; exit 78 on any fault."""
    wrong = _faults_of_letters(settings(config))
    for fault in wrong:
        click.echo(str(fault))
    if not wrong:
        click.echo("every letter and every macro renders")
    return CONFIGURATION if wrong else 0


@templates.command()
@click.argument("name")
@click.option("--lang", default="en", help="The language to show it in.")
@click.option("--ticket", type=show.TicketNumber(), help="Show it for this ticket instead of a sample.")
@click.option("--html", is_flag=True, help="The HTML part instead of the text.")
@click.pass_obj
def preview(config: Path | None, name: str, lang: str, ticket: int | None, html: bool) -> int:
    """Show a letter, or a macro."""
    from mailgate.desk.letters import Name
    from mailgate.mail.letters import Templates

    known = settings(config)
    letters = Templates(template_folders(known.templates))
    macros = letters.canned.names()
    if name not in list(Name):
        if name.removeprefix("macros/") not in macros:
            raise click.UsageError(f"no letter and no macro is called {name}; there are {', '.join((*Name, *macros))}")
        _print_macro(config, name.removeprefix("macros/"), lang, ticket)
        return 0
    content = letters.preview(Name(name), lang) if ticket is None else _about(config, Name(name), lang, ticket)
    click.echo(f"Subject: {content.subject}\n\n{content.html if html else content.text}")
    if content.fault is None:
        return 0
    click.echo(f"mailgate: {content.fault}; this is the letter that comes with mailgate", err=True)
    return CONFIGURATION


def _print_macro(config: Path | None, name: str, lang: str, ticket: int | None) -> None:
    """The commands and the text of a macro, as a technician could type them."""
    from jinja2 import TemplateError

    from mailgate.mail.letters import Templates

    try:
        if ticket is None:
            macro = Templates(template_folders(settings(config).templates)).canned.preview(name, lang)
        else:
            macro = _macro_about(config, name, lang, ticket)
    except TemplateError as error:
        raise Misconfigured(f"macro {name}: {error}") from error
    click.echo("\n\n".join(filter(None, (macro.commands, macro.text))))


def _macro_about(config: Path | None, name: str, lang: str, ticket: int) -> Macro:
    from mailgate.cli.opened import opened
    from mailgate.flow import post
    from mailgate.flow.operate import OPERATOR

    with opened(config) as known:
        rules, told = _told(known, ticket)
        return post.canned(known.house(), rules, told.ticket, name, OPERATOR, "", lang)


def _about(config: Path | None, name: Name, lang: str, ticket: int) -> Content:
    from mailgate.cli.opened import opened
    from mailgate.desk.letters import Letter
    from mailgate.flow import post

    with opened(config) as known:
        rules, told = _told(known, ticket)
        house = known.house()
    # As if the letter passed on what was said last.
    words = told.ticket.resolution or "".join(said.text for said in told.messages[-1:])
    return post.preview(house, rules, told.ticket, Letter(name, told.ticket.requester, words), lang)


def _told(known: Opened, ticket: int) -> tuple[Rules, Story]:
    """The rules for a ticket, and its story. Raises Permanent where there is none."""
    from mailgate.desk.model import TicketId
    from mailgate.store import people
    from mailgate.store.story import tell

    house = known.house()
    with known.store.look() as tx:
        story = tell(tx, TicketId(ticket))
        if story is None:
            raise Permanent(f"there is no ticket {ticket}", code="no-such-ticket")
        return house.rules(story.ticket.desk, people.directory(tx, house.people)), story
