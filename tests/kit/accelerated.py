"""A month of promises, lived fast: tickets by telephone and orders from the shell on the office's clock, by seeded chance.

Nobody reads his letters; what the promises make of it all is what counts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from pathlib import Path
from random import Random

from mailgate.desk.clock import BREACH, Step
from mailgate.desk.model import Address, Priority, TicketId
from mailgate.desk.plans import Calendar, Escalation, Interval, Rung, Sla, When
from mailgate.desk.policy import Autoclose, Pending, Policy
from mailgate.flow.operate import open_by_phone, order
from tests.kit.office import DESK, TINA, TOM, Office, mail
from tests.kit.recount import TARGETS

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_DAYTIME = (Interval(9 * _HOUR, 17 * _HOUR),)
_OFFICE = Calendar("office", "Europe/Berlin", (*([_DAYTIME] * 5), (), ()))
_URGENT, _USUAL = (tuple((metric, timedelta(minutes=target)) for metric, target in TARGETS[urgent].items()) for urgent in (True, False))
_LADDER = Escalation(steps=(Rung(Step(80), ("technician",)), Rung(BREACH, ("owner",)), Rung(Step(100, 4 * _HOUR), ("requester",))))
POLICY = Policy(
    calendars=(_OFFICE,),
    slas=(
        Sla("urgent", When(priority=(Priority.P1, Priority.P2)), "office", _URGENT, (50, 80)),
        Sla("usual", calendar="office", targets=_USUAL, warn=(80,)),
    ),
    escalations=(
        Escalation(steps=(Rung(Step(80), ("technician",)), Rung(BREACH, ("owner",)), Rung(Step(100, 4 * _HOUR), ("requester",)))),
    ),
    pending=Pending((2 * _DAY,), 4 * _DAY),
    autoclose=Autoclose((), 2 * _DAY, 3 * _DAY),
)
_PRIORITIES = ("#priority P1", "#priority P2", "#priority P3", "#priority P4")


class Month:
    """Thirty days of so many tickets. The same seed makes the same month."""

    def __init__(self, folder: Path, tickets: int, seed: int = 7, beat: timedelta = timedelta(minutes=10)) -> None:
        """Timers are fired every `beat`."""
        self.office = Office(folder, policy=POLICY)
        self.began, self.days, self.beat = self.office.now, 30, beat
        self._chance, self._number = Random(seed), 0
        self._waiting: list[tuple[datetime, int, Callable[[], None]]] = []
        for _ in range(tickets):
            self._plan(self._chance.uniform(0, self.days * 24), self._opens)

    def run(self) -> None:
        """Lives through it, to the end of the last day."""
        tick, end = self.began, self.began + self.days * _DAY
        while tick < end:
            tick += self.beat
            while self._waiting and self._waiting[0][0] < tick:
                self.office.now, _, act = heappop(self._waiting)
                act()
            self.office.now = tick
            while self.office.keeper.tick():
                pass

    def _plan(self, hours: float, act: Callable[[], None]) -> None:
        self._number += 1
        heappush(self._waiting, (self.office.now + hours * _HOUR, self._number, act))

    def _soon(self, act: Callable[[], None], mean: float) -> None:
        self._plan(self._chance.expovariate(1 / mean), act)

    def _opens(self) -> None:
        office, who = self.office, f"p{self._chance.randrange(400)}@out.example"
        done = open_by_phone(office.store, office.house, DESK.name, Address(who), "", f"Problem {self._number}", "It is dead.", office.now)
        assert done.ticket is not None
        number = done.ticket.id
        if self._chance.random() < 0.3:
            self._order(number, self._chance.choice(_PRIORITIES))
        self._soon(lambda: self._works(number, who), self._chance.choice((0.5, 3, 20)))

    def _works(self, number: TicketId, who: str) -> None:
        """A technician turns to it: asks, answers, takes, solves, drops it, or changes its priority."""
        act = self._chance.choices(("take", "ask", "solve", "answer", "drop", "priority", "up"), (2, 2, 5, 2, 0.4, 1, 0.6))[0]
        match act:
            case "take":
                self._order(number, "#take")
            case "ask":
                self._order(number, "#pending Which printer is it?")
                if self._chance.random() < 0.8:
                    self._soon(lambda: self._replies(number, who, "The third one."), 10)
            case "answer":
                self._says(number)
            case "solve":
                self._order(number, "#resolve It was the toner.")
                if self._chance.random() < 0.25:
                    self._soon(lambda: self._replies(number, who, "It is dead again."), 30)
                return
            case "drop":
                self._order(number, "#spam")
                return
            case "up":
                self._order(number, "#escalate second")
            case _:
                self._order(number, self._chance.choice(_PRIORITIES))
        self._soon(lambda: self._works(number, who), self._chance.choice((1, 6, 30)))

    def _order(self, number: TicketId, text: str) -> None:
        # What comes too late is refused, as it is for people.
        order(self.office.store, self.office.house, number, text, self._chance.choice((TINA, TOM)).address, self.office.now)

    def _says(self, number: TicketId) -> None:
        self.office.post(mail("Please try the other one.", sender=TINA.address, to=self.office.signed(number, TINA.address)))

    def _replies(self, number: TicketId, who: str, text: str) -> None:
        self.office.post(mail(text, sender=who, to=self.office.signed(number, who)))
        self._soon(lambda: self._works(number, who), self._chance.choice((0.5, 5, 20)))
