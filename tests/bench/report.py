"""Are the figures of `mailgate report` right for a month of 10,000 tickets? Lives it fast, and counts all of it once more from the events.

    python -m tests.bench.report [--tickets 10000] [--seed 7]

Exit code 1 where a figure differs; the same seed makes the same month.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from mailgate.cli.report import as_json
from mailgate.desk.report import Period, reported
from mailgate.store import figures
from tests.kit.accelerated import Month
from tests.kit.recount import recounted


def main() -> int:
    """Lives, counts twice and prints."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--tickets", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=7)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        month = Month(Path(folder), given.tickets, given.seed)
        lived = _timed(month.run)
        # What the last tick finds overdue belongs to it.
        period = Period(month.began, month.office.now + timedelta(microseconds=1))
        with month.office.store.look() as tx:
            began = time.process_time()
            told = json.loads(json.dumps(as_json(reported(list(figures.handled(tx, period)), period))))
            counted_in = time.process_time() - began
            counted = json.loads(json.dumps(recounted(tx, period.since, period.until)))
        violations = month.office.violations()
        month.office.close()
    print(f"{given.tickets} tickets lived in {lived:.0f} s of CPU; the report took {counted_in:.2f} s")
    wrong = [name for name in counted if not _same(told[name], counted[name])]
    for name in counted:
        print(f"{'DIFFERS' if name in wrong else 'same':<8} {name}: {json.dumps(told[name])}")
        if name in wrong:
            print(f"         recounted: {json.dumps(counted[name])}")
    print(f"{len(violations)} violations of the ledger")
    return 1 if wrong or violations else 0


def _same(told: Any, counted: Any) -> bool:
    """Whether two figures agree; durations to the millisecond."""
    if isinstance(counted, dict):
        return isinstance(told, dict) and all(_same(told[name], value) for name, value in counted.items())
    if isinstance(counted, list):
        return len(told) == len(counted) and all(_same(*pair) for pair in zip(told, counted, strict=True))
    return bool(abs(told - counted) < 1e-3) if isinstance(counted, float) else bool(told == counted)


def _timed(act: Any) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began


if __name__ == "__main__":
    sys.exit(main())
