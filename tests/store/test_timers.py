from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from mailgate.desk.events import born
from mailgate.desk.model import TicketId
from mailgate.desk.sla import Timer
from mailgate.store import schema, tickets, timers
from mailgate.store.engine import Conflict, Fenced, Store, Tx
from tests.store.databases import NOW
from tests.store.test_tickets import opening


@pytest.fixture
def ticket(store: Store) -> TicketId:
    with store.begin() as tx:
        return tickets.open_new(tx, born(TicketId(0), opening())).id


def plan(store: Store, ticket: TicketId, epoch: int, *minutes: int, kind: str = "autoclose") -> None:
    planned = [Timer(f"{kind}{number or ''}", NOW + timedelta(minutes=after)) for number, after in enumerate(minutes)]
    with store.begin() as tx:
        timers.rewrite(tx, ticket, planned, epoch, NOW)


def due(store: Store, minutes: float, most: int = 50) -> list[timers.DueRow]:
    with store.look() as tx:
        return timers.due(tx, NOW + timedelta(minutes=minutes), most)


def states(store: Store) -> list[str]:
    with store.look() as tx:
        return list(tx.execute(schema.timers.select().order_by(schema.timers.c.id)).scalars("state"))


def test_a_timer_is_due_from_its_moment_on(store: Store, ticket: TicketId) -> None:
    plan(store, ticket, 1, 10)
    assert due(store, 9.99) == []
    (row,) = due(store, 10)
    assert (row.ticket, row.kind, row.epoch, row.due_at) == (ticket, "autoclose", 1, NOW + timedelta(minutes=10))


def test_the_longest_overdue_comes_first(store: Store, ticket: TicketId) -> None:
    plan(store, ticket, 1, 30, 10, 20)
    assert [row.kind for row in due(store, 60)] == ["autoclose1", "autoclose2", "autoclose"]
    assert len(due(store, 60, most=2)) == 2
    with store.look() as tx:
        assert timers.overdue(tx, NOW + timedelta(minutes=20)) == 2


def test_a_new_plan_cancels_the_old_one_and_deletes_nothing(store: Store, ticket: TicketId) -> None:
    plan(store, ticket, 1, 10)
    plan(store, ticket, 2, 20)
    plan(store, ticket, 3)
    assert states(store) == ["cancelled", "cancelled"]
    assert due(store, 999) == []


def test_a_new_plan_leaves_other_tickets_and_fired_timers_alone(store: Store, ticket: TicketId) -> None:
    with store.begin() as tx:
        other = tickets.open_new(tx, born(TicketId(0), opening())).id
    plan(store, other, 1, 10)
    plan(store, ticket, 1, 10)
    fire(store, due(store, 10)[1])
    plan(store, ticket, 2, 20)
    assert states(store) == ["pending", "fired", "pending"]


def fire(store: Store, row: timers.DueRow) -> None:
    with store.begin() as tx:
        timers.fired(tx, row, NOW)


def test_a_timer_fires_once(store: Store, ticket: TicketId) -> None:
    """I7, CP37."""
    plan(store, ticket, 1, 10)
    (row,) = due(store, 10)
    fire(store, row)
    with pytest.raises(Fenced):
        fire(store, row)
    assert due(store, 999) == []


def test_a_timer_that_was_cancelled_meanwhile_does_not_fire(store: Store, ticket: TicketId) -> None:
    """CP38: no auto-close of a ticket that was just answered."""
    plan(store, ticket, 1, 10)
    (row,) = due(store, 10)
    plan(store, ticket, 2, 500)
    with pytest.raises(Fenced):
        fire(store, row)


def test_an_epoch_of_a_kind_exists_once(store: Store, ticket: TicketId) -> None:
    plan(store, ticket, 1, 10)
    with pytest.raises(Conflict):
        plan(store, ticket, 1, 20)
    plan(store, ticket, 1, 20, kind="pending")


def test_a_timer_that_is_put_off_is_due_later(store: Store, ticket: TicketId) -> None:
    plan(store, ticket, 1, 10)
    (row,) = due(store, 10)
    with store.begin() as tx:
        timers.put_off(tx, row, NOW + timedelta(minutes=15))
    assert due(store, 14) == []
    assert len(due(store, 15)) == 1


def test_the_pending_timers_of_a_ticket_are_shown(store: Store, ticket: TicketId) -> None:
    plan(store, ticket, 1, 10)
    plan(store, ticket, 2, 20, 5)
    later = [Timer("autoclose1", NOW + timedelta(minutes=5)), Timer("autoclose", NOW + timedelta(minutes=20))]
    with store.look() as tx:
        assert timers.of_ticket(tx, ticket) == later


@pytest.mark.postgres
def test_a_ticket_that_somebody_works_on_is_left_for_the_next_tick(store: Store, ticket: TicketId) -> None:
    """Whoever changes a ticket locks it first and its timers after it: the tick never waits for him, and he never for the tick."""
    if store.sqlite:
        pytest.skip("SQLite has one writer at a time")
    plan(store, ticket, 1, 10)
    with store.begin() as worker:
        assert tickets.get(worker, ticket, lock=True) is not None
        assert due(store, 10) == []
        with store.begin() as clerk:
            tickets.know(clerk, "Desk", ticket, ["mentioned@elsewhere.example"])
    assert len(due(store, 10)) == 1


def test_a_timer_that_was_fired_after_the_first_look_is_not_due(
    store: Store, ticket: TicketId, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """PostgreSQL waits for nobody and locks the ticket alone: what it found by its first look may be over when the ticket is ours."""
    first_look = timers._DUE

    class Overtaken:
        def rows(self, tx: Tx, values: dict[str, object]) -> list[tuple[object, ...]]:
            found: list[tuple[Any, ...]] = first_look.rows(tx, values)
            timers.fired(tx, timers.DueRow(*found[0]), NOW)
            return found

    plan(store, ticket, 1, 0, 0)
    with store.begin() as tx:
        monkeypatch.setattr(timers, "_DUE", Overtaken())
        assert [row.kind for row in timers.due(tx, NOW, 50)] == ["autoclose1"]
