"""Who said that he is away is known to everybody, and his tickets are handed over once."""

from __future__ import annotations

from mailgate.desk.absence import Absence
from mailgate.desk.model import Address, Directory, Person, Role
from mailgate.store import absences, people
from mailgate.store.engine import Store

TINA = Person(Address("tina@desk.example"), "Tina", Role.TECHNICIAN, away="2026-12-24")
CONFIGURED = Directory((TINA,))


def said(store: Store, span: str | None) -> Person | None:
    with store.begin() as tx:
        absences.put(tx, Absence(TINA.address, span))
    with store.look() as tx:
        return people.directory(tx, CONFIGURED).find(TINA.address)


def test_what_he_says_stands_beside_what_people_toml_says_until_he_says_otherwise(store: Store) -> None:
    found = said(store, "2026-03-02/2026-03-06")
    assert found is not None
    assert (found.away, found.said) == ("2026-12-24", "2026-03-02/2026-03-06")
    assert said(store, None) == TINA


def test_an_absence_is_handed_over_once_and_another_again(store: Store) -> None:
    for span, first in (("a", True), ("a", False), ("b", True)):
        with store.begin() as tx:
            assert absences.hand(tx, TINA.address, span) is first
    said(store, "b")
    with store.begin() as tx:
        assert absences.handed(tx, [TINA.address]) == {}
        assert absences.hand(tx, TINA.address, "b")
        assert absences.handed(tx, [TINA.address]) == {TINA.address: "b"}
