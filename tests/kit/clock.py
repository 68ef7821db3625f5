"""What time is it in a test? A moment that stands still until the test moves it. Not for processes: those read the real clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

# A Monday morning, far from every change of the clocks in Europe and America.
MONDAY = datetime(2026, 2, 2, 9, 0, tzinfo=UTC)


class Clock:
    """A moment in UTC. `clock.now` reads it; `clock.forward(days=3)` moves it and gives the new one."""

    def __init__(self, start: datetime = MONDAY) -> None:
        """Raises ValueError where the start has no time zone."""
        if start.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        self.now = start.astimezone(UTC)

    def forward(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> datetime:
        """Moves the clock, backwards where the sum is negative; gives the new time. A day is 24 hours."""
        self.now += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return self.now
