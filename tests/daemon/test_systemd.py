"""Does the daemon speak the service manager's language: ready, watchdog, stopping, and sockets that it is handed?"""

from __future__ import annotations

import contextlib
import smtplib
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.daemon import ADDRESS, Gateway
from tests.kit.processes import wait_until
from tests.kit.traffic import mail

# Binds what systemd would bind, and becomes the daemon as systemd would.
ACTIVATION = """
import fcntl, os, socket, sys
local = socket.socket(socket.AF_UNIX)
local.bind(sys.argv[2])
local.listen()
given = [socket.create_server(("127.0.0.1", int(sys.argv[1]))), local]
high = [fcntl.fcntl(one.fileno(), fcntl.F_DUPFD, 50) for one in given]
for at, number in enumerate(high):
    os.dup2(number, 3 + at)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="smtp:lmtp")
os.execvp(sys.argv[3], sys.argv[3:])
"""


class Manager:
    """What a service manager hears on its notification socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(0.1)

    def hears(self, state: str, times: int = 1) -> bool:
        """Whether it has heard that state so often by now."""
        with contextlib.suppress(TimeoutError):
            self.heard.append(self._socket.recv(4096).decode())
        return self.heard.count(state) >= times

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path / "notify")
    yield manager
    manager.close()


def test_the_manager_hears_ready_once_then_the_watchdog_and_at_last_stopping(tmp_path: Path, manager: Manager) -> None:
    with Gateway(tmp_path, env={"NOTIFY_SOCKET": str(manager.path)}, quick=True) as gateway:
        wait_until(lambda: manager.hears("READY=1"), 10, "ready")
        beats = manager.heard.count("WATCHDOG=1")
        wait_until(lambda: manager.hears("WATCHDOG=1", beats + 2), 10, "the watchdog is fed")
        assert gateway.terminate() == 0
        wait_until(lambda: manager.hears("STOPPING=1"), 5, "stopping")
        assert manager.heard.count("READY=1") == 1


def test_a_daemon_without_its_database_is_up_and_alive_for_the_manager(tmp_path: Path, manager: Manager) -> None:
    # Else the manager would kill it in the middle of its patience, again and again.
    store = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    gateway = Gateway(tmp_path, store=store, env={"NOTIFY_SOCKET": str(manager.path)}, quick=True)
    gateway.launch()
    wait_until(lambda: manager.hears("READY=1"), 20, "as ready as it can be")
    beats = manager.heard.count("WATCHDOG=1")
    wait_until(lambda: manager.hears("WATCHDOG=1", beats + 2), 10, "the watchdog is fed")
    assert gateway.terminate() == 0


def test_a_manager_that_has_gone_does_not_end_the_daemon(tmp_path: Path) -> None:
    with Gateway(tmp_path, env={"NOTIFY_SOCKET": str(tmp_path / "nobody")}, quick=True) as gateway:
        time.sleep(1.5)
        assert gateway.ready()
        assert gateway.terminate() == 0


def test_sockets_that_are_handed_over_are_served_each_in_its_protocol(tmp_path: Path) -> None:
    local = tmp_path / "lmtp.sock"
    gateway = Gateway(tmp_path)
    gateway.under(sys.executable, "-c", ACTIVATION, str(gateway.smtp_port), str(local))
    with gateway:
        gateway.send(mail(1).octets, mail(1).sender)
        with smtplib.LMTP(str(local), timeout=20) as client:
            assert client.sendmail(mail(2).sender, [ADDRESS], mail(2).octets) == {}
        wait_until(gateway.ledger.settled, 20, "settled")
        assert [(row.channel, row.state.value) for row in gateway.ledger.mails()] == [("smtp", "done"), ("lmtp", "done")]
        assert gateway.terminate() == 0
