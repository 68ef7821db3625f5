"""Does a desk of forty technicians stand a month of 5,000 tickets? Lives through it, proves what must hold, and prints what it cost.

    python -m tests.bench.month [--tickets 5000] [--seed 7] [--days 30]

Exit code 1 where something does not hold; the same seed makes the same month.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.kit.month import CANARY, Month, month_office
from tests.kit.proofs import let_out, shares, unexplained, unlike_their_story


def main() -> int:
    """Lives, proves and prints."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--tickets", type=int, default=5000)
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--days", type=int, default=30)
    given = options.parse_args()
    logging.disable()
    with tempfile.TemporaryDirectory() as folder:
        month = Month(month_office(Path(folder)), given.seed, given.tickets, given.days)
        began = time.process_time()
        month.run()
        lived = time.process_time()
        wrong = _prove(month)
        spent, proved = lived - began, time.process_time() - lived
        print(f"{month.mails} mails, {month.office.count()} tickets: {spent:.0f} s of CPU, {proved:.0f} s for proofs")
        print(", ".join(f"{what or 'nothing'} {times}" for what, times in month.did.most_common()))
        month.office.close()
    print("everything holds" if not wrong else f"{wrong} things do not hold")
    return 1 if wrong else 0


def _prove(month: Month) -> int:
    office = month.office
    found, unfair = shares(office.store, office.people)
    spread = Counter(one.most - one.fewest for one in found)
    proofs = {
        "violations of the ledger": office.violations(),
        "tickets unlike their story": [str(one) for one in unlike_their_story(office.store)],
        "letters that nothing explains": list(unexplained(office.store, office.people)),
        "letters that let a note out": list(let_out(office.store, office.people, CANARY)),
        "new tickets for somebody who had more than a colleague": unfair,
    }
    for what, wrong in proofs.items():
        print(f"{len(wrong)} {what}", *wrong[:10], sep="\n    ")
    print("most less fewest unfinished tickets of a team, by day and team:", dict(sorted(spread.items())))
    return sum(map(len, proofs.values()))


if __name__ == "__main__":
    sys.exit(main())
