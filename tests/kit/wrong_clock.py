"""What does a process do whose wall clock somebody sets? What the nursery forks with this environment sees another time than others do.

Only the wall clock is turned, wherever the daemon, the commands and APScheduler ask for it; time itself goes on as it does.
"""

from __future__ import annotations

import importlib
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

_VARIABLE = "MAILGATE_TESTS_CLOCK"
# Whoever asks for the time.
_ASKING = (
    "mailgate.daemon.clock", "mailgate.cli.opened", "apscheduler.schedulers.base", "apscheduler.triggers.interval",
    "apscheduler.executors.base",
)  # fmt: skip


class WrongClock:
    """The wall clock of all processes that run with `env`."""

    def __init__(self, folder: Path) -> None:
        """`folder` keeps the file in which they read how wrong it is. It begins right."""
        self._file = folder / "clock"
        self.env = {_VARIABLE: str(self._file)}
        self.set(timedelta())

    def set(self, ahead: timedelta) -> None:
        """So far ahead of the right time from now on; behind it where that is negative."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(str(ahead.total_seconds()))
        fresh.replace(self._file)


def turn(environment: dict[str, str]) -> None:
    """Turns the clock of this process, where its environment says so."""
    if _VARIABLE not in environment:
        return
    path = Path(environment[_VARIABLE])

    class Turned(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            """The time as this process sees it."""
            return datetime.now(tz) + timedelta(seconds=float(path.read_text()))

    for name in _ASKING:
        importlib.import_module(name).datetime = Turned  # type: ignore[attr-defined]
