"""Is anything lost or done twice when the daemon is killed at random moments, again and again, under clients that try again (T1)?"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.daemon import Gateway
from tests.kit.processes import wait_until
from tests.kit.relay import RelaySink
from tests.kit.traffic import Client, account, finished, mails

SEED = 20260302
KILLS = 62
MAILS = 500
CLIENTS = 4


@pytest.mark.slow
def test_sixty_kills_under_four_clients_lose_nothing_and_do_nothing_twice(tmp_path: Path, record_property: pytest.RecordProperty) -> None:
    dice = random.Random(SEED)
    with RelaySink() as sink:
        gateway = Gateway(tmp_path, relay_port=sink.port, quick=True)
        gateway.start()
        each = MAILS // CLIENTS
        clients = [
            Client(lambda: gateway.smtp_port, mails(range(at * each, (at + 1) * each), follow_every=5), pause=_pause(SEED + at))
            for at in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        kills = 0
        while kills < KILLS:
            # Most deaths come while it works; now and then it dies before it has even opened its doors.
            if dice.random() >= 0.1:
                wait_until(gateway.ready, 30, "ready")
            time.sleep(dice.uniform(0.02, 0.7))
            gateway.kill9()
            kills += 1
            gateway.launch()
        for client in clients:
            client.join()
        finished(clients)
        wait_until(gateway.ready, 20, "ready")
        wait_until(gateway.ledger.settled, 60, "everything is processed and sent")
        assert gateway.terminate() == 0
        sent = [one for client in clients for one in client.mails]
        became = account(sent, gateway, sink)
        tries = sum(client.tries for client in clients)
        print(f"\n{kills} kills, {MAILS} mails, {tries} tries, {became.copies} extra copies with the same Message-ID")
        record_property("kills", kills)
        record_property("extra copies", became.copies)
        assert became.sound, became
        assert kills >= KILLS
        ledger = gateway.audit()
        assert ledger["ok"], ledger["violations"]
        assert ledger["counts"]["accepted"] == ledger["counts"]["done"] == MAILS
        assert " trouble " not in gateway.log
        assert "Traceback" not in gateway.log


def _pause(seed: int) -> Callable[[], float]:
    """So long that 125 mails take as long as the kills, a different one for each client."""
    dice = random.Random(seed)
    return lambda: dice.uniform(0, 0.4)
