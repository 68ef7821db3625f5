"""Who gets a new ticket? Tables of who is there, who can do it and who has how much to do."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from mailgate.desk.absence import absent
from mailgate.desk.assignment import Load, Roster, chosen
from mailgate.desk.model import Address, Directory, Person, Role, Team
from mailgate.desk.policy import AssignBy
from tests.desk.cast import NOW

TODAY = date(2026, 3, 2)


def somebody(name: str, *skills: str, team: str = "first", away: str | None = None, role: Role = Role.TECHNICIAN) -> Person:
    return Person(Address(f"{name}@desk.example"), name, role, team=team, skills=skills, away=away)


def who(*people: Person, by: AssignBy = AssignBy.LEAST_LOAD, about: tuple[str, ...] = (), **loads: Load) -> str | None:
    """The name of whoever gets a ticket of the first team."""
    known = {Address(f"{name}@desk.example"): load for name, load in loads.items()}
    found = chosen("first", about, Directory(people, (Team("first"), Team("second"))), by, Roster(TODAY, known))
    return found.name if found else None


EVA, KIM, LIN = somebody("eva"), somebody("kim"), somebody("lin")
AN_HOUR = timedelta(hours=1)


def test_by_hand_nobody_is_chosen() -> None:
    assert who(EVA, KIM, by=AssignBy.HAND) is None


def test_whoever_has_the_least_to_do_gets_it() -> None:
    assert who(EVA, KIM, LIN, eva=Load(3), kim=Load(1), lin=Load(2)) == "kim"


def test_of_equals_whoever_was_given_nothing_for_the_longest_time() -> None:
    assert who(EVA, KIM, LIN, eva=Load(1, NOW), kim=Load(1, NOW - AN_HOUR), lin=Load(1, NOW - AN_HOUR / 2)) == "kim"
    assert who(EVA, KIM, LIN, eva=Load(0, NOW), kim=Load(0, NOW)) == "lin"
    assert who(EVA, KIM, LIN) == "eva"


def test_only_the_team_itself_is_asked_and_only_technicians_of_it() -> None:
    assert who(somebody("sue", team="second"), somebody("max", role=Role.MANAGER), KIM, kim=Load(9)) == "kim"
    assert who(somebody("sue", team="second")) is None


@pytest.mark.parametrize(
    ("away", "is_absent"),
    [
        (None, False),
        ("2026-03-01", False),
        ("2026-03-02", True),
        ("2026-12-24", True),
        ("2026-03-02/2026-03-09", True),
        ("2026-03-03/2026-03-09", False),
        ("2026-02-01/2026-03-01", False),
        ("9999-12-31", True),
    ],
)
def test_nobody_gets_a_ticket_while_he_is_away(away: str | None, is_absent: bool) -> None:
    ina = somebody("ina", away=away)
    assert absent(ina, TODAY) is is_absent
    assert who(ina, KIM, kim=Load(5)) == ("kim" if is_absent else "ina")
    assert who(ina) == (None if is_absent else "ina")


@pytest.mark.parametrize(
    ("about", "name"),
    [
        (("Hardware/Printer",), "pat"),
        (("Access/VPN", "vip"), "vic"),
        (("Hardware/Phone",), "pat"),
        (("Software",), "zoe"),
        ((), "zoe"),
    ],
)
def test_by_skill_whoever_knows_most_about_it_comes_before_whoever_has_less_to_do(about: tuple[str, ...], name: str) -> None:
    pat, vic, zoe = somebody("pat", "printer", "Hardware"), somebody("vic", "VPN", "vip"), somebody("zoe")
    assert who(pat, vic, zoe, by=AssignBy.SKILL, about=about, pat=Load(9), vic=Load(9)) == name


def test_least_load_asks_for_no_skill() -> None:
    assert who(somebody("pat", "printer"), KIM, about=("Printer",), pat=Load(1)) == "kim"


@settings(max_examples=50)
@given(some.integers(1, 40), some.integers(0, 400))
def test_loads_stay_even(hands: int, count: int) -> None:
    """Forty technicians, and tickets that stay: no two of them ever differ by more than one."""
    people = Directory(tuple(somebody(f"t{at}") for at in range(hands)), (Team("first"),))
    has: Counter[Address] = Counter()
    last: dict[Address, Load] = {}
    for number in range(count):
        person = chosen("first", (), people, AssignBy.LEAST_LOAD, Roster(TODAY, last))
        assert person is not None
        has[person.address] += 1
        last[person.address] = Load(has[person.address], NOW + number * AN_HOUR)
    loads = [has[person.address] for person in people.people]
    assert max(loads) - min(loads) <= 1
