"""Who was added is known to everybody at once, and nobody reads them all again for every mail."""

from __future__ import annotations

import pytest

from mailgate.desk.model import Address, Directory, Person, Role
from mailgate.store import people
from mailgate.store.engine import Store
from tests.kit.statements import watched

ANN = Person(Address("ann@out.example"), "Ann", aliases=(Address("ann@home.example"),), language="de")
BOB = Person(Address("bob@out.example"), "Bob")
TINA = Person(Address("tina@desk.example"), "Tina", Role.TECHNICIAN, team="first")
CONFIGURED = Directory((TINA,))


def put(store: Store, *persons: Person) -> None:
    with store.begin() as tx:
        for person in persons:
            people.put(tx, person)


def found(store: Store, address: str) -> Person | None:
    with store.begin() as tx:
        return people.directory(tx, CONFIGURED).find(Address(address))


def test_somebody_who_is_added_elsewhere_is_known_with_the_next_transaction(store: Store) -> None:
    assert found(store, "ann@out.example") is None
    elsewhere = Store(store.url.render_as_string(hide_password=False))
    put(elsewhere, ANN)
    elsewhere.close()
    assert found(store, "ann@out.example") == ANN
    assert found(store, "ann@home.example") == ANN
    assert found(store, "tina@desk.example") == TINA
    put(store, Person(ANN.address, "Ann the Second"))
    assert found(store, "ann@out.example") == Person(ANN.address, "Ann the Second")
    assert found(store, "ann@home.example") is None


def test_people_toml_wins_over_what_was_added(store: Store) -> None:
    put(store, Person(TINA.address, "Somebody else"))
    assert found(store, TINA.address) == TINA


def test_people_are_read_again_only_when_somebody_has_changed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, *(Person(Address(f"p{number}@out.example")) for number in range(20)))
    found(store, "p1@out.example")
    ran = watched(store, monkeypatch)
    assert found(store, "p19@out.example") is not None
    assert [statement for statement, _ in ran if "FROM people" in statement] == []
    put(store, ANN)
    ran.clear()
    found(store, "p1@out.example")
    assert len([statement for statement, _ in ran if "FROM people" in statement]) == 1


def test_a_transaction_knows_whom_it_has_changed_and_once_it_is_undone_nobody_does(store: Store) -> None:
    """Whoever changes somebody next counts the same number again, and means something else by it."""

    def undone() -> None:
        with store.begin() as tx:
            people.put(tx, ANN)
            assert people.everybody(tx, CONFIGURED).find(ANN.address) == ANN
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        undone()
    put(store, BOB)
    assert (found(store, ANN.address), found(store, BOB.address)) == (None, BOB)
