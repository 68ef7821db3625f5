"""What becomes of mail when PostgreSQL crashes under the daemon, again and again? What was accepted is done once, the rest comes again."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.kit.daemon import Gateway
from tests.kit.postgres import Postgres
from tests.kit.processes import wait_until
from tests.kit.relay import RelaySink
from tests.kit.traffic import Client, account, finished, mails

MAILS = 120


@pytest.mark.postgres
@pytest.mark.slow
def test_a_database_that_crashes_under_load_costs_no_mail_and_no_second_act(tmp_path: Path) -> None:
    with Postgres() as server, RelaySink() as sink:
        gateway = Gateway(tmp_path, relay_port=sink.port, store=server.url(server.database()), quick=True)
        with gateway:
            each = MAILS // 3
            clients = [
                Client(lambda: gateway.smtp_port, mails(range(at * each, (at + 1) * each), follow_every=4), pause=lambda: 0.05)
                for at in range(3)
            ]
            pid = gateway.pid
            for client in clients:
                client.start()
            for _ in range(4):
                time.sleep(0.8)
                server.crash()
                time.sleep(0.2)
                server.start()
            for client in clients:
                client.join()
            finished(clients)
            wait_until(gateway.ledger.settled, 60, "everything is processed and sent, without waiting for the end of a lease")
            became = account([one for client in clients for one in client.mails], gateway, sink)
            assert became.sound, became
            # What the relay has taken is written down as soon as the database is back.
            assert became.copies == 0
            assert gateway.ledger.violations() == []
            assert gateway.pid == pid
            assert gateway.terminate() == 0
