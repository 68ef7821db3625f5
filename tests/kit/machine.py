"""A machine around an office: its clocks go wrong, it sleeps, it starts anew, as a daemon meets it. Ticks come as they would."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from mailgate.desk.sanity import Reading
from mailgate.flow.sanity import Sanity
from tests.kit.office import Office

# Time goes by in steps of so much, the longer for days. A daemon's are a second each, which is all the same to the rule.
_STEP, _LONG_STEP, _HOUR = timedelta(minutes=2), timedelta(minutes=9), timedelta(hours=1)


class Machine:
    """The clocks by which an office's timers go. `office.now` is the wall clock."""

    def __init__(self, office: Office) -> None:
        self.office, self._passed, self._boot = office, timedelta(hours=5), 1
        self.start()

    def start(self, *, boots: bool = False) -> None:
        """The daemon starts; with `boots` so has the machine."""
        if boots:
            self._boot, self._passed = self._boot + 1, timedelta(minutes=1)
        self.sanity = Sanity(self.office.store, self.office.house, "office", self.read)
        self.office.keeper = replace(self.office.keeper, clock=self.sanity.now)
        self.tick()

    def read(self) -> Reading:
        """What the clocks show."""
        return Reading(self.office.now, self._passed.total_seconds(), f"boot {self._boot}")

    def live(self, **period: float) -> None:
        """Time goes by, and ticks come."""
        left = timedelta(**period)
        while left:
            step = min(left, _LONG_STEP if left > _HOUR else _STEP)
            self.away(seconds=step.total_seconds())
            self.tick()
            left -= step

    def away(self, **period: float) -> None:
        """Time goes by and nobody is there to see it: it sleeps, or the daemon is down."""
        self._passed += timedelta(**period)
        self.office.now += timedelta(**period)

    def jump(self, **by: float) -> None:
        """Somebody sets the wall clock."""
        self.office.now += timedelta(**by)

    def tick(self) -> None:
        """What comes due is fired."""
        while self.office.keeper.tick():
            pass
