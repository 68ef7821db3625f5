"""Is what technicians have to do counted as the tickets tell?"""

from __future__ import annotations

from datetime import timedelta

from mailgate.desk.assignment import Load
from mailgate.desk.events import Event, born, changes
from mailgate.desk.model import Address, Status, TicketId
from mailgate.store import tickets
from mailgate.store.engine import Store
from mailgate.store.loads import loads
from tests.store.databases import NOW
from tests.store.test_tickets import opening

TINA, TOM, LEA = (Address(f"{name}@desk.example") for name in ("tina", "tom", "lea"))


def test_open_tickets_are_work_resolved_ones_tell_the_time_and_closed_ones_nothing(store: Store) -> None:
    with store.begin() as tx:
        for hours, (assignee, status) in enumerate(
            [(TINA, Status.NEW), (TINA, Status.PENDING), (TINA, Status.WAITING_FOR_CLOSURE), (TINA, Status.COMPLETED),
             (TOM, Status.RESOLVED_BY_EVENT), (LEA, Status.CANCELLED), (None, Status.NEW)]
        ):  # fmt: skip
            first = opening()
            event = Event("open", "ann", NOW + timedelta(hours=hours), None, (*first.changes, *changes(assignee=assignee, status=status)))
            tickets.open_new(tx, born(TicketId(0), event))
    with store.look() as tx:
        assert loads(tx, [TINA, TOM, LEA]) == {TINA: Load(2, NOW + timedelta(hours=2)), TOM: Load(0, NOW + timedelta(hours=4))}
        assert loads(tx, [LEA]) == loads(tx, []) == {}
