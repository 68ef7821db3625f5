"""Does a decision that concerns several tickets come true in all of them, or in none?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from mailgate.desk.model import Status, TicketId
from mailgate.flow import effect
from mailgate.flow.operate import order
from mailgate.store import outbox, relations
from tests.kit.office import TINA, Office, mail

ANN, BOB = "ann@out.example", "bob@out.example"
TICKETS = 5
ORDERS = (
    "#parent {}", "#parent off", "#merge {}", "#link {}", "#split", "#resolve Done.", "#close", "#reopen", "#undo", "#pending Which?",
    "#confidential", "#take", "#cc add eve@out.example",
)  # fmt: skip


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Five tickets of two people, one of which has a second message."""
    office = Office(tmp_path)
    for number in range(TICKETS):
        office.post(mail(f"Matter {number}.", sender=(ANN, BOB)[number % 2], subject=f"Matter {number}"))
    office.post(mail("One thing more.", sender=ANN, subject="[MG-1]"))
    office.letters()
    yield office
    office.close()


def everything(office: Office) -> list[object]:
    """Every ticket with its story, and every letter."""
    with office.store.look() as tx:
        letters = [(one.letter, one.recipient, one.ticket) for one in outbox.rows(tx, limit=10_000)]
    return [*(office.story(number) for number in range(1, office.count() + 1)), letters]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_ordered_each_story_tells_its_ticket_and_nothing_runs_in_circles(office: Office, seed: int) -> None:
    chance = Random(seed)
    for _ in range(60):
        office.now = office.now.replace(minute=0) if chance.random() < 0.1 else office.now
        office.later(minutes=1)
        number, text = chance.randint(1, office.count()), chance.choice(ORDERS).format(chance.randint(1, office.count()))
        order(office.store, office.house, TicketId(number), text, TINA.address, office.now)
    assert office.violations() == []
    for number in range(1, office.count() + 1):
        seen, above = {number}, office.ticket(number).parent
        while above is not None:
            assert above not in seen
            seen.add(above)
            above = office.ticket(above).parent
        ticket = office.ticket(number)
        assert (ticket.merged_into is not None) == (ticket.status is Status.DUPLICATE)
        # Nobody stands on a ticket twice, whatever was joined and parted.
        addresses = [one.address for one in ticket.participants]
        assert len(addresses) == len(set(addresses))
        told = office.story(number)
        with office.store.look() as tx:
            assert told.merged == relations.losers(tx, TicketId(number))
        assert {one.ticket for one in told.events} == {number, *told.merged}


@pytest.mark.parametrize("at", [1, 2, 3])
def test_what_fails_half_way_through_the_tickets_has_happened_in_none(office: Office, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    for child in (2, 3, 4):
        office.order(child, "#parent 1")
    before, passes = everything(office), []

    def dies(name: str) -> None:
        passes.append(name)
        if passes.count("CP50-passing-on") == at:
            raise OSError("the power went")

    monkeypatch.setattr(effect, "crash_point", dies)
    with pytest.raises(OSError, match="power"):
        office.order(1, "#resolve Done.")
    assert everything(office) == before
    monkeypatch.undo()
    office.order(1, "#resolve Done.")
    assert [office.ticket(number).status for number in (2, 3, 4, 5)] == [*["Resolved by Origin Ticket"] * 3, "New"]
    assert office.violations() == []


@pytest.mark.parametrize("text", ["#merge 2", "#split", "#resolve Done.", "#close"])
def test_a_mail_that_is_done_half_leaves_no_half_letters(office: Office, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    office.order(3, "#parent 1")
    before = everything(office)

    def dies(name: str) -> None:
        if name == "CP50-passing-on":
            raise OSError("the power went")

    monkeypatch.setattr(effect, "crash_point", dies)
    with pytest.raises(OSError, match="power"):
        office.order(1, text)
    assert everything(office) == before


def test_each_cause_has_each_number_once_however_many_tickets_it_touches(office: Office) -> None:
    for child in (2, 3, 4, 5):
        office.order(child, "#parent 1")
    office.order(1, "#resolve Done.")
    causes = {event.cause for number in range(1, 6) for event in office.story(number).events if event.verb == "resolve"}
    assert len(causes) == 1
    with office.store.look() as tx:
        ids = [one.message_id for one in outbox.rows(tx, limit=10_000) if one.message_id]
    assert len(ids) == len(set(ids))


def test_what_concerns_one_ticket_asks_for_no_other(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    for name in ("kin", "children", "losers"):
        monkeypatch.setattr(relations, name, lambda *_, name=name, **__: asked.append(name))
    office.post(mail("And it smokes.", sender=ANN, subject="[MG-1]"))
    office.post(mail("#priority P1", sender=TINA.address, to=office.signed(1, TINA.address), subject="x"))
    assert office.ticket(1).priority == "P1"
    assert asked == []
