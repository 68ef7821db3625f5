"""Which files make the configuration, and what do they say together? Either all of it is right, or every fault is told."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from mailgate.config.machine import Machine, read_machine
from mailgate.config.people import read_people
from mailgate.config.reader import open_file
from mailgate.config.rules import Names, read_policy
from mailgate.config.secrets import Vault
from mailgate.config.settings import Settings
from mailgate.desk.errors import Misconfigured

MACHINE, POLICY, PEOPLE = "mailgate.toml", "policy.toml", "people.toml"

# In which file each table belongs, for those who wrote one into another.
_HOMES = {
    **dict.fromkeys(("desk", "store", "keys", "smtp", "imap", "relay", "web", "security"), MACHINE),
    **dict.fromkeys(
        ("priority", "category", "calendar", "sla", "metric", "escalation", "pending", "autoclose", "approval", "resolved"), POLICY
    ),
    **dict.fromkeys(("assign", "ack", "cc", "letters", "commands", "status", "quiet", "digest", "retention", "monitoring"), POLICY),
    **dict.fromkeys(("team", "person", "organisation"), PEOPLE),
}


def load(path: Path | None, environ: Mapping[str, str], *, whole: bool = True, policy: Path | None = None) -> Settings:
    """The settings of a configuration folder, or of the folder of the mailgate.toml that `path` names.

    Without a path MAILGATE_CONFIG counts, then ./config; a file that is not there, or ./config as a whole, means the defaults.
    Every relative path in it starts at the folder that holds the configuration folder. Without `whole` the secrets that only the daemon
    uses are None, and not missed. A file `policy` takes the place of policy.toml. Raises Misconfigured with one line for each fault.
    """
    folder, machine_file = _files(path, environ)
    root = folder.resolve().parent
    files = [open_file(file, str(file)) for file in (machine_file, policy or folder / POLICY, folder / PEOPLE)]
    if any(file.faults for file in files):
        raise Misconfigured(*(fault for file in files for fault in file.finish()))
    machine_toml, policy_toml, people_toml = files
    machine = read_machine(machine_toml, Vault(environ, root, whole), people_toml.names("team"))
    people = read_people(people_toml, policy_toml.names("sla"))
    rules = read_policy(policy_toml, _names(machine, people_toml.names("team"), people_toml.names("organisation")), root)
    faults = [fault for file in files for fault in file.finish(_HOMES)]
    if faults:
        raise Misconfigured(*faults)
    templates = root / "templates"
    return Settings(
        root=root,
        machine=machine_file,
        templates=templates if templates.is_dir() else None,
        desks=machine.desks,
        store=machine.store,
        key_file=machine.key_file,
        smtp=machine.smtp,
        imap=machine.imap,
        relay=machine.relay,
        web=machine.web,
        security=machine.security,
        policy=rules,
        people=people,
    )


def _files(path: Path | None, environ: Mapping[str, str]) -> tuple[Path, Path]:
    """The configuration folder and its mailgate.toml. Raises Misconfigured where one was named that does not exist."""
    named = path or (Path(environ["MAILGATE_CONFIG"]) if environ.get("MAILGATE_CONFIG") else None)
    if named is None:
        folder = Path("config")
        return folder, folder / MACHINE
    try:
        mode = named.stat().st_mode
    except OSError as error:
        raise Misconfigured(f"{named}: {error.strerror}") from None
    return (named, named / MACHINE) if stat.S_ISDIR(mode) else (named.parent, named)


def _names(machine: Machine, teams: tuple[str, ...], organisations: tuple[str, ...]) -> Names:
    return Names(desks=tuple(desk.name for desk in machine.desks), teams=teams, organisations=organisations)
