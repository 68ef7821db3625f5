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

from tests.kit.habits import CANARY
from tests.kit.month import Month
from tests.kit.proofs import let_out, letters, shares, unexplained, unlike_their_story, unsent, verbs
from tests.kit.staffing import month_office


def main() -> int:
    """Lives, proves and prints."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--tickets", type=int, default=5000)
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--days", type=int, default=30)
    given = options.parse_args()
    troubles = _Troubles(logging.ERROR)
    logging.getLogger("mailgate").addHandler(troubles)
    logging.getLogger("mailgate").propagate = False
    with tempfile.TemporaryDirectory() as folder:
        month = Month(month_office(Path(folder)), given.seed, given.tickets, given.days)
        began = time.process_time()
        month.run()
        lived = time.process_time()
        wrong = _prove(month, troubles.said)
        spent, proved = lived - began, time.process_time() - lived
        print(f"{month.mails} mails, {month.office.count()} tickets: {spent:.0f} s of CPU, {proved:.0f} s for proofs")
        print(", ".join(f"{what or 'nothing'} {times}" for what, times in month.did.most_common()))
        month.office.close()
    print("everything holds" if not wrong else f"{wrong} things do not hold")
    return 1 if wrong else 0


class _Troubles(logging.Handler):
    """What the gateway says went wrong."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def _prove(month: Month, troubles: list[str]) -> int:
    office = month.office
    found, unfair = shares(office.store, office.people)
    proofs = {
        "violations of the ledger": office.violations(),
        "tickets unlike their story": [str(one) for one in unlike_their_story(office.store)],
        "letters that nothing explains": list(unexplained(office.store, office.people)),
        "letters that let a note out": list(let_out(office.store, office.people, CANARY)),
        "answers that were held back and went out all the same": list(unsent(office.store, office.people)),
        "tickets for somebody who was away or had more than a colleague": unfair,
        "errors in the log": troubles,
    }
    for what, wrong in proofs.items():
        print(f"{len(wrong)} {what}", *wrong[:100], sep="\n    ")
    print("most less fewest unfinished tickets at the end of a day, and on how many days")
    for team in office.people.teams:
        days = [one for one in found if one.team == team.name]
        for who, spread in (
            ("of all who were there", Counter(one.apart for one in days)),
            ("of those who had been there for two days", Counter(one.settled for one in days)),
        ):
            print(f"    {team.name}, {who}: {dict(sorted(spread.items()))}")
    for what, counted in (("events", verbs(office.store)), ("letters", letters(office.store))):
        print(f"{what}:", ", ".join(f"{name} {times}" for name, times in counted.most_common()))
    return sum(map(len, proofs.values()))


if __name__ == "__main__":
    sys.exit(main())
