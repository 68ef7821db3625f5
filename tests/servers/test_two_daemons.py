"""Can two daemons share one PostgreSQL without acting twice, and does each do its part?"""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.kit.daemon import Gateway
from tests.kit.processes import wait_until
from tests.kit.relay import RelaySink
from tests.kit.traffic import Client, account, mails, send_all

MAILS = 200


@pytest.mark.postgres
@pytest.mark.slow
def test_two_daemons_share_two_hundred_mails_without_acting_twice(tmp_path: Path, postgres_url: str) -> None:
    with RelaySink() as sink:
        one, two = _pair(tmp_path, postgres_url, sink)
        with one, two:
            sent = mails(range(MAILS), follow_every=2)
            # Each follow-up reaches the daemon that has not got the original, as soon as that one is stored (CP24); some mails reach both.
            first = Client(lambda: one.smtp_port, sent[::2])
            send_all([first, Client(lambda: two.smtp_port, sent[1::2], after=lambda mail: mail.follows in first.accepted)])
            send_all([Client(lambda: two.smtp_port, sent[:40:2]), Client(lambda: one.smtp_port, sent[1:40:2])])
            wait_until(one.ledger.settled, 60, "settled")
            became = account(sent, one, sink)
            assert became.sound, became
            assert became.copies == 0
            ledger = one.audit()
            assert ledger["ok"], ledger["violations"]
            assert ledger["counts"]["done"] == MAILS
            # What is told follows the commit that it tells of.
            wait_until(lambda: sum(gateway.log.count(" changed ") for gateway in (one, two)) >= MAILS, 5, "all of it is told")
            worked = [gateway.log.count(" changed ") for gateway in (one, two)]
            print(f"\nthe two daemons processed {worked} of {MAILS} mails")
            assert min(worked) >= MAILS // 40
            assert sum(worked) == MAILS
            assert [gateway.terminate() for gateway in (one, two)] == [0, 0]


def _pair(folder: Path, url: str, sink: RelaySink) -> tuple[Gateway, Gateway]:
    """Two gateways of one installation: one database, one key, each in a folder of its own."""
    machine = {"keys": {"file": str(folder / "key")}}
    one, two = (Gateway(folder / name, relay_port=sink.port, store=url, machine=machine, quick=True) for name in ("one", "two"))
    return one, two


@pytest.mark.postgres
def test_a_daemon_that_dies_leaves_its_work_to_itself_and_the_other_goes_on(tmp_path: Path, postgres_url: str) -> None:
    with RelaySink() as sink:
        one, two = _pair(tmp_path, postgres_url, sink)
        with one, two:
            sent = mails(range(20))
            send_all([Client(lambda: two.smtp_port, sent[:10])])
            # It stands still with mails in hand, as a machine does that swaps; then it is killed and started again.
            os.kill(two.pid, signal.SIGSTOP)
            send_all([Client(lambda: one.smtp_port, sent[10:])])
            two.kill9()
            two.start()
            wait_until(one.ledger.settled, 60, "settled, without waiting for the end of a lease")
            became = account(sent, one, sink)
            assert became.sound, became
            assert Counter(row.state for row in one.ledger.mails()) == {"done": 20}
            assert one.ledger.violations() == []
