"""Who works at the desk of the month, and by which rules? Forty technicians in six teams, two desks, and whoever asks them."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

from msgspec.structs import replace

from mailgate.desk.model import Address, Directory, Level, Organisation, Person, Role, State, Team
from mailgate.desk.plans import Approval, Category, Monitor, OwnStatus, Pace, Stage, When
from mailgate.desk.policy import AssignBy, Collision, Desk, Policy, Security
from tests.kit.office import DESK, START, Office

# (team, level, how many work there): forty together. The last is human resources'.
_TEAMS = (("first", 1, 12), ("network", 2, 7), ("workplace", 2, 7), ("applications", 2, 6), ("third", 3, 4), ("people", 1, 4))
FIRST = "Ada Ben Cleo Dan Eva Finn Gina Hal Ida Jan Kim Lea Max Nora Otto Pia Quinn Rosa Sam Tina".split()
LAST = "Adler Berg Conti Duarte Engel Fischer Gruber Hansen".split()
OLGA = Person(Address("olga@desk.example"), "Olga Owner", Role.OWNER)
HR = Desk("Human Resources", Address("hr@desk.example"), tag="HR", teams=("people",), confidential=True)
_OWN = (
    OwnStatus("Testing", State.IN_PROGRESS),
    OwnStatus("Waiting for Parts", State.ON_HOLD, Pace.PAUSED, "parts"),
    OwnStatus("Workaround", State.RESOLVED, Pace.MET, "workaround"),
)  # fmt: skip


def month_office(folder: Path, url: str = "") -> Office:
    """Two desks, least load first, rules of triage, and a border that checks senders. The second of two answers at once is held back."""
    policy = Policy(
        categories=(
            Category("Hardware/Printer", _subject("printer|toner"), team="workplace", service="Printing", impact=Level.LOW),
            Category("Network/VPN", _subject("vpn|wlan"), team="network", service="Network", urgency=Level.HIGH, tags=("remote",)),
            Category("Applications", _subject("crm"), team="applications", type="request"),
        ),
        assign_by=AssignBy.LEAST_LOAD,
        approvals=(Approval((Stage(("approver",)),), When(category=("Applications",)), expire=timedelta(days=3)),),
        monitors=(Monitor("watch", re.compile(r"(host\d+) is"), re.compile("^RECOVERY")),),
        collision=Collision.HOLD,
        statuses=_OWN,
    )  # fmt: skip
    guarded = Security(authserv_ids=("mx.desk.example",))
    return Office(folder, url, people=_directory(), policy=policy, security=guarded, desk=replace(DESK, tag="MG"), further=(HR,))


def _subject(words: str) -> When:
    return When(subject=(re.compile(words, re.IGNORECASE),), desk=(DESK.name,))


def _directory() -> Directory:
    """Each third of them writes German."""
    people: list[Person] = []
    for team, _, size in _TEAMS:
        for number in range(size):
            at = len(people)
            first, last = FIRST[at % len(FIRST)], LAST[at % len(LAST)]
            role = Role.TECHNICIAN if number else Role.LEAD
            # Each sixth has a week off, one after the other.
            begin = START.date() + timedelta(days=at // 2)
            away = f"{begin}/{begin + timedelta(days=6)}" if at % 6 == 0 else None
            address = Address(f"{first}.{last}{at}@desk.example".lower())
            people.append(Person(address, f"{first} {last} {at}", role, team=team, language="de" if at % 3 == 0 else None, away=away))
    people.append(OLGA)
    people.append(Person(Address("max@desk.example"), "Max Manager", Role.MANAGER))
    people.append(Person(Address("bea@corp.example"), "Bea Boss", Role.APPROVER, manager=Address("max@desk.example")))
    people.append(Person(Address("kai@corp.example"), "Kai Kunz", Role.APPROVER, language="de"))
    teams = tuple(Team(name, level, next="third" if level == 2 else None) for name, level, _ in _TEAMS)
    return Directory(tuple(people), teams, (Organisation("Acme", ("acme.example",)),))


def is_away(person: Person, day: date) -> bool:
    """Whether this is a day of his week off."""
    first, _, last = (person.away or "/").partition("/")
    return first <= day.isoformat() <= last


def asking() -> list[tuple[Address, str]]:
    """Eight hundred people who need help now and then: address and name."""
    names = [(first, last) for first in FIRST for last in LAST for _ in range(5)]
    domains = ("acme.example", "globex.example", "initech.example")
    return [
        (Address(f"{first}.{last}{number}@{domains[number % 3]}".lower()), f"{first} {last}")
        for number, (first, last) in enumerate(names)
    ]  # fmt: skip
