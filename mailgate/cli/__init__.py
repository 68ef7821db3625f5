"""The command line: one thin function a command. It opens what a command needs, asks one use case, prints, and gives an exit code.

Each command's module is imported only when it is called, so that the quick ones start quickly.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import click

import mailgate
from mailgate.desk.errors import MailgateError, Misconfigured, Temporary

# The exit codes of sysexits(3).
USAGE, DATA, UNAVAILABLE, TEMPORARY, CONFIGURATION = 64, 65, 69, 75, 78

# Which module of this package has each command.
_HOMES = {
    "run": "run", "demo": "demo", "init": "setup", "check": "setup", "explain": "mails", "ingest": "mails", "tickets": "tickets",
    "inbox": "boxes", "outbox": "boxes", "audit": "safety", "backup": "safety", "erase": "safety", "resume": "safety",
    "approvals": "approvals", "kb": "kb", "sla": "sla", "report": "report", "templates": "setup", "people": "people", "keys": "setup",
}  # fmt: skip


class _Lazy(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order in which somebody meets them."""
        return list(_HOMES)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of that name."""
        if name not in _HOMES:
            return None
        command = getattr(import_module(f"mailgate.cli.{_HOMES[name]}"), name)
        return command if isinstance(command, click.Command) else None


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="PATH",
    help="A configuration folder or its mailgate.toml [default: $MAILGATE_CONFIG, else ./config]",
)  # fmt: skip
@click.version_option(mailgate.__version__, prog_name="mailgate")
@click.pass_context
def group(ctx: click.Context, config: Path | None) -> None:
    """mailgate: the email gateway of a service desk."""
    ctx.obj = config


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; the exit code is that of sysexits. Every expected trouble is one line on standard error."""
    try:
        result = group.main(arguments, prog_name="mailgate", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return USAGE
    except click.UsageError as error:
        called = error.ctx.command_path if error.ctx else "mailgate"
        _complain(f"{error.format_message()} ({called} --help tells more)")
        return USAGE
    except click.Abort:
        _complain("stopped")
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing may be written at exit either.
        sys.stdout = None
        return 0
    except Misconfigured as error:
        _complain(str(error))
        return CONFIGURATION
    except Temporary as error:
        _complain(str(error))
        return TEMPORARY
    except MailgateError as error:
        _complain(str(error))
        return DATA
    return result if isinstance(result, int) else 0


def _complain(text: str) -> None:
    for line in text.splitlines():
        click.echo(f"mailgate: {line}", err=True)
