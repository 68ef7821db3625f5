"""Who is who, beside people.toml: `people list`, `add`, `import`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path

import click

from mailgate.cli import show
from mailgate.cli.opened import opened, settings
from mailgate.desk.errors import Permanent
from mailgate.desk.model import Address, Person, Role, Team, fold_address

_COLUMNS = ("address", "name", "role", "team", "manager", "aliases", "skills", "language", "timezone")


@click.group()
def people() -> None:
    """Technicians, managers, approvers, known requesters."""


@people.command("list")
@click.option("--role", type=click.Choice([one.value for one in Role]))
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_(config: Path | None, role: str | None, as_json: bool) -> None:
    """List everybody with a role or a name."""
    from mailgate.store.people import directory

    with opened(config) as known, known.store.look() as tx:
        found = [one for one in directory(tx, known.settings.people).people if role is None or one.role == role]
    if as_json:
        for one in found:
            show.out_json({
                "address": one.address, "name": one.name, "role": one.role, "team": one.team, "manager": one.manager,
                "aliases": list(one.aliases), "skills": list(one.skills), "language": one.language, "timezone": one.timezone,
                "away": one.away or one.said, "delegate": one.delegate,
            })  # fmt: skip
        return
    rows = ((one.address, one.name, one.role, one.team, one.language) for one in found)
    show.table(("ADDRESS", "NAME", "ROLE", "TEAM", "LANGUAGE"), rows)


@people.command()
@click.argument("address")
@click.option("--name", default="")
@click.option("--role", type=click.Choice([one.value for one in Role]), default=Role.REQUESTER.value)
@click.option("--team")
@click.option("--manager", help="An address.")
@click.option("--alias", "aliases", multiple=True, help="Another address of the same person; may be repeated.")
@click.option("--language")
@click.pass_obj
def add(
    config: Path | None, address: str, name: str, role: str, team: str | None, manager: str | None, aliases: tuple[str, ...],
    language: str | None,
) -> None:  # fmt: skip
    """Add somebody, or change what is known of an address."""
    from mailgate.store.people import put

    person = Person(
        fold_address(address), name, Role(role), tuple(fold_address(one) for one in aliases), team,
        fold_address(manager) if manager else None, (), language,
    )  # fmt: skip
    _refuse(_faults(person, settings(config).people.teams))
    with opened(config, create=True) as known, known.store.begin() as tx:
        put(tx, person)
    click.echo(f"{person.address} is known as {person.role}")


@people.command("import")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.csv")
@click.pass_obj
def import_(config: Path | None, file: Path) -> None:
    """Add everybody of a CSV file; its first line names the columns, `address` among them. All of it or nothing.

    The file is UTF-8; its cells are separated by commas, or by semicolons.
    """
    from mailgate.store.people import put

    found = _read(file, settings(config).people.teams)
    with opened(config, create=True) as known, known.store.begin() as tx:
        for person in found:
            put(tx, person)
    click.echo(f"{len(found)} people")


def _read(file: Path, teams: Sequence[Team]) -> list[Person]:
    """Everybody in the file. Raises Permanent with a line for each fault."""
    text = _text(file)
    first = text.partition("\n")[0]
    rows = csv.DictReader(StringIO(text, newline=""), delimiter=";" if ";" in first and "," not in first else ",")
    found: list[Person] = []
    wrong: list[str] = []
    lines: dict[Address, int] = {}
    try:
        rows.fieldnames = _heads(file, rows.fieldnames or ())
        for row in rows:
            # A line with more cells than heads has the surplus under None.
            if None in row:
                wrong.append(f"{file}:{rows.line_num}: more cells than columns")
                continue
            person, faults = _person({head: (cell or "").strip() for head, cell in row.items()})
            faults += [*_faults(person, teams), *_repeated(person, lines, rows.line_num)]
            wrong += [f"{file}:{rows.line_num}: {fault}" for fault in faults]
            found.append(person)
    except csv.Error as error:
        wrong.append(f"{file}:{rows.reader.line_num}: {error}")
    _refuse(wrong)
    return found


def _refuse(faults: Iterable[str]) -> None:
    if text := "\n".join(faults):
        raise Permanent(text, code="people")


def _text(file: Path) -> str:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise Permanent(f"{file}: {error.strerror}", code="people") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Permanent(f"{file}:{line}: this is not UTF-8", code="people") from None


def _heads(file: Path, written: Iterable[str]) -> list[str]:
    """The names of the columns. Raises Permanent for one that there is not, or twice."""
    heads = [head.strip().lower() for head in written]
    wrong = [head for at, head in enumerate(heads) if head not in _COLUMNS or head in heads[:at]]
    if "address" not in heads or wrong:
        _refuse([f"{file}:1: columns are {', '.join(_COLUMNS)}, each once" + (f"; not {wrong[0]!r}" if wrong else "")])
    return heads


def _person(values: Mapping[str, str]) -> tuple[Person, list[str]]:
    """The person of a line, and what is wrong with its role; everything else is for `_faults`."""
    role = values.get("role") or Role.REQUESTER.value
    faults = [] if role in list(Role) else [f"{role!r} is no role; there are {', '.join(Role)}"]
    manager = values.get("manager")
    person = Person(
        fold_address(values["address"]),
        values.get("name", ""),
        Role.REQUESTER if faults else Role(role),
        tuple(fold_address(one) for one in _many(values.get("aliases", ""))),
        values.get("team") or None,
        fold_address(manager) if manager else None,
        _many(values.get("skills", "")),
        values.get("language") or None,
        values.get("timezone") or None,
    )
    return person, faults


def _many(cell: str) -> tuple[str, ...]:
    return tuple(cell.replace(";", " ").split())


def _faults(person: Person, teams: Sequence[Team]) -> Iterator[str]:
    """What cannot be about this person, each in a sentence."""
    from mailgate.config import scalars
    from mailgate.config.reader import File, known
    from mailgate.mail.header import address

    for one in (*person.addresses, *((person.manager,) if person.manager else ())):
        try:
            address(one)
        except Permanent as error:
            yield str(error)
    # As people.toml would be read, so that the same is right in both.
    cells = {"team": person.team, "language": person.language, "timezone": person.timezone}
    file = File("", data={key: value for key, value in cells.items() if value}, lines={})
    table = file.root()
    table.get("team", known((team.name for team in teams), "team"), None)
    table.get("language", scalars.language, None)
    table.get("timezone", scalars.timezone, None)
    yield from (fault.text for fault in file.faults)


def _repeated(person: Person, lines: dict[Address, int], line: int) -> Iterator[str]:
    """Which of the addresses stood in the file before; all of them are put down in `lines`."""
    for one in filter(None, person.addresses):
        if one in lines:
            yield f"{one!a} stands in line {lines[one]} already"
        lines.setdefault(one, line)
