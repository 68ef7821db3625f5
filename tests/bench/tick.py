"""What does a tick cost? The same hundred timers are due, once among a thousand open tickets and once among a million.

    python -m tests.bench.tick [--many 1000000] [--few 1000] [--due 100] [--rounds 15]

Each round makes fresh tickets whose timers are due, in both databases alike, and measures the ticks until nothing is due any more, with
everything that follows (events, letters, the next rungs), in turns. The promise is that a million costs at most one and a half times as
much: exit code 1 where it does more. The databases are made for it and taken away again (1.8 GB for a million).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from mailgate.desk.model import Address
from mailgate.desk.plans import Sla
from mailgate.desk.policy import Policy
from mailgate.flow.operate import open_by_phone
from mailgate.store import schema
from tests.kit.crowd import multiply
from tests.kit.office import DESK, Office

ALLOWED = 1.5
# So many tickets are made in one commit: its log lies beside the database meanwhile.
_AT_ONCE = 50_000
# Open tickets have a clock that runs for months.
_POLICY = Policy(slas=(Sla("standard", targets=(("resolution", timedelta(days=400)),)),))


def main() -> int:
    """Measures and prints."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--many", type=int, default=1_000_000)
    options.add_argument("--few", type=int, default=1_000)
    options.add_argument("--due", type=int, default=100)
    options.add_argument("--rounds", type=int, default=15)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        crowds = [Crowd(Path(folder) / str(count), count) for count in (given.few, given.many)]
        for _ in range(given.rounds):
            for crowd in crowds:
                crowd.round(given.due)
        few, many = (crowd.report() for crowd in crowds)
    print(f"{many / few:.2f} times as much; {ALLOWED} are allowed")
    return 0 if many / few <= ALLOWED else 1


class Crowd:
    """A desk with so many open tickets."""

    def __init__(self, folder: Path, count: int) -> None:
        began = time.monotonic()
        folder.mkdir()
        self.count, self.office = count, Office(folder, f"sqlite:///{folder / 'crowd.db'}", policy=_POLICY)
        self._people, self._idle, self._busy = 1, list[float](), list[float]()
        self._more(self._ticket("#take"), count - 1)
        # What the log of the database still holds is written to its place: the ticks are not to pay for it.
        with self.office.store.engine().connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("BEGIN")
        octets = (folder / "crowd.db").stat().st_size
        print(f"{count} open tickets in {octets / 1e6:.0f} MB, made in {time.monotonic() - began:.0f} s", flush=True)

    def round(self, due: int) -> None:
        """So many tickets have been waiting for their requesters for two days: each of those is reminded."""
        office = self.office
        self._more(self._ticket("#pending Which floor?"), due - 1)
        office.now += timedelta(days=2)
        fired, took = self._timed()
        assert fired == due, fired
        self._busy.append(took)
        fired, took = self._timed()
        assert fired == 0, fired
        self._idle.append(took)
        # They answer no more, and their next reminders are not to be due in a later round.
        with office.store.begin() as tx:
            tx.execute(schema.timers.delete().where(schema.timers.c.kind == "pending"))

    def report(self) -> float:
        """Prints what it cost; the middle of all rounds in seconds."""
        with self.office.store.look() as tx:
            letters = tx.execute(select(func.count()).where(schema.outbox.c.letter == "reminder")).scalar_one()
        busy, idle = statistics.median(self._busy), statistics.median(self._idle)
        print(
            f"{self.count} open tickets: {busy * 1000:.1f} ms for what was due (from {min(self._busy) * 1000:.1f} to "
            f"{max(self._busy) * 1000:.1f} ms, {letters // len(self._busy)} reminders each), {idle * 1000:.2f} ms where nothing was"
        )
        self.office.close()
        return busy

    def _timed(self) -> tuple[int, float]:
        """The ticks until nothing is due: how many timers fired, and seconds of this thread's CPU and of waiting for the disk."""
        began, fired = time.perf_counter(), 0
        while count := self.office.keeper.tick():
            fired += count
        return fired, time.perf_counter() - began

    def _ticket(self, text: str) -> int:
        office = self.office
        done = open_by_phone(office.store, office.house, DESK.name, Address("p0@out.example"), "P", "Printer", "It is dead.", office.now)
        assert done.ticket is not None
        office.order(done.ticket.id, text)
        return done.ticket.id

    def _more(self, ticket: int, count: int) -> None:
        while count:
            some = min(count, _AT_ONCE)
            multiply(self.office.store, ticket, some, self._people)
            self._people, count = self._people + some, count - some


if __name__ == "__main__":
    sys.exit(main())
