"""What does people.toml say: teams, persons, organisations? Whoever one of them refers to has to stand in the file too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING

from mailgate.config import scalars
from mailgate.config.reader import Bad, File, Node, Table, choice, day, flag, hint, integer, known, line, listed, quoted, shown
from mailgate.desk.model import Address, Directory, Organisation, Person, Role, Team

if TYPE_CHECKING:
    from mailgate.desk.plans import Week

_NOBODY = Address("")
# Until further notice.
_ALWAYS = date.max.isoformat()


def read_people(file: File, slas: Iterable[str]) -> Directory:
    """The directory of people.toml; its faults are recorded in the file. `slas` are the names that an organisation may refer to."""
    top = file.root()
    people = [(table, _person(table, file.names("team"))) for table in top.tables("person")]
    known_addresses = _addresses(people)
    for table, person in people:
        _refer(table, "manager", person.manager, known_addresses)
        _refer(table, "delegate", person.delegate, known_addresses)
    teams = [(table, _team(table, file.names("team"))) for table in top.tables("team")]
    for table, team in teams:
        _refer(table, "lead", team.lead, known_addresses)
    _check_teams(teams)
    return Directory(
        people=tuple(person for _, person in people),
        teams=tuple(team for _, team in teams),
        organisations=_organisations(top, slas),
    )


def _person(table: Table, teams: Iterable[str]) -> Person:
    return Person(
        address=table.need("address", scalars.address, _NOBODY),
        name=table.get("name", line, ""),
        role=table.get("role", choice(Role), Role.REQUESTER),
        aliases=table.get("aliases", listed(scalars.address), ()),
        team=table.get("team", known(teams, "team"), None),
        manager=table.get("manager", scalars.address, None),
        skills=table.get("skills", listed(line), ()),
        language=table.get("language", scalars.language, None),
        timezone=table.get("timezone", scalars.timezone, None),
        away=table.get("away", _away, None),
        delegate=table.get("delegate", scalars.address, None),
        hours=table.get("hours", _hours, None),
        digest=table.get("digest", flag, True),
    )


def _hours(node: Node) -> Week:
    # Only a directory with hours pays for knowing how they are written.
    from mailgate.config.hours import hours

    return hours(node)


def _away(node: Node) -> str | None:
    """The last day of an absence, or its first and last day: "2026-12-24" or "2026-12-20/2026-12-31"; `true` is until further notice."""
    if isinstance(node.value, bool):
        return _ALWAYS if node.value else None
    first, slash, last = node.value.partition("/") if isinstance(node.value, str) else ("", "", "")
    if not slash:
        return day(node).isoformat()
    try:
        begins, ends = date.fromisoformat(first.strip()), date.fromisoformat(last.strip())
    except ValueError:
        raise Bad(f'must be days like "2026-12-20/2026-12-31", not {shown(node.value)}') from None
    if begins > ends:
        raise Bad(f"must end after it begins: {shown(node.value)}")
    return f"{begins.isoformat()}/{ends.isoformat()}"


def _addresses(people: Iterable[tuple[Table, Person]]) -> Mapping[Address, Table]:
    """Every address of every person, each of which is one person's only."""
    owners: dict[Address, Table] = {}
    for table, person in people:
        for key, address in [("address", person.address)] + [("aliases", alias) for alias in person.aliases]:
            if address and owners.setdefault(address, table) is not table:
                table.fault(key, f"{quoted(address)} is the address of another person already")
    return owners


def _refer(table: Table, key: str, address: Address | None, known_addresses: Iterable[Address]) -> None:
    if address is not None and address not in known_addresses:
        table.fault(key, f"no [[person]] has the address {quoted(address)}; {hint(address, known_addresses)}")


def _team(table: Table, teams: Iterable[str]) -> Team:
    return Team(
        name=table.need("name", line, ""),
        level=table.get("level", integer(1, 9), 1),
        lead=table.get("lead", scalars.address, None),
        next=table.get("next", known(teams, "team"), None),
        skills=table.get("skills", listed(line), ()),
    )


def _check_teams(teams: Iterable[tuple[Table, Team]]) -> None:
    """Names differ, and whoever goes from team to next team arrives at one without a next."""
    above: dict[str, str | None] = {}
    for table, team in teams:
        if team.name in above:
            table.fault("name", f"there is another team {quoted(team.name)}")
        above.setdefault(team.name, team.next)
    for table, team in teams:
        seen: list[str] = []
        at: str | None = team.name
        while at is not None and at not in seen:
            seen.append(at)
            at = above.get(at)
        if at == team.name:
            table.fault("next", f"goes in a circle: {' > '.join([*seen, at])}")


def _organisations(top: Table, slas: Iterable[str]) -> tuple[Organisation, ...]:
    owners: dict[tuple[str, str], Table] = {}
    organisations = []
    for table in top.tables("organisation"):
        organisation = Organisation(
            name=table.need("name", line, ""),
            domains=table.get("domains", listed(scalars.domain), ()),
            sla=table.get("sla", known(slas, "SLA"), None),
        )
        for key, word in [("name", organisation.name)] + [("domains", domain) for domain in organisation.domains]:
            if owners.setdefault((key, word), table) is not table:
                table.fault(key, f"{quoted(word)} is another organisation's already")
        organisations.append(organisation)
    return tuple(organisations)
