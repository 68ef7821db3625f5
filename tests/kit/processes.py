"""How is a server started, waited for and ended without leaving anything behind? Nothing here knows which server it is."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from typing import Protocol

from tests.kit import usage

# Below the range from which the system takes ports for outgoing connections, or one of those sits where a server wants to listen.
PORTS = range(11_000, 31_000)

_MEMORY = Path("/dev/shm")
# Octets. Fifty thousand mails are the most that a test puts there.
_SPARE = 2_000_000_000


class Process(Protocol):
    """What the kit needs of a process: `subprocess.Popen` has it, and so has what the nursery forks."""

    pid: int

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end. Raises subprocess.TimeoutExpired."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on now, and that no other test of this run is given, be it in another process."""
    for port in islice(_own_ports(), 200):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port on 127.0.0.1")


@cache
def _own_ports() -> Iterator[int]:
    """This process's share of the ports, one after the other; in random order, so that two runs on one machine seldom meet."""
    number, of = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"), os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")
    share = list(PORTS[int(number) :: int(of)])
    random.Random().shuffle(share)
    return cycle(share)


def open_folder(prefix: str) -> Path:
    """A new temporary folder that the users whom a server runs as may enter: pytest's own are closed to all but their owner.

    It lies in memory where the machine has some to spare. No test cuts the power, and a commit that no disk has to write is soon done.
    """
    in_memory = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _SPARE
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=_MEMORY if in_memory else None))
    folder.chmod(0o755)
    return folder


def wait_until(true: Callable[[], bool], seconds: float, what: str, process: Process | None = None) -> None:
    """Polls until `true()` holds. Raises TimeoutError after so many seconds, and at once where the process it waits for has ended.

    It rests as long as it looks, if not longer: what it waits for has work to do on the same processors.
    """
    began = time.monotonic()
    deadline = began + seconds
    while not true():
        looked = time.monotonic() - began
        if process is not None and (code := process.poll()) is not None:
            raise TimeoutError(f"{what}: the process ended with {code}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(max(0.02, looked))
        began = time.monotonic()


def listening(port: int) -> bool:
    """Whether somebody accepts connections on this port of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def kill_group(process: Process) -> None:
    """Kills a process that leads its own group, with all its children, and reaps it. Harmless where it has ended already.

    A child that has left the group dies too, and is gone when this returns: one that was being started still has its parent's locks.
    """
    children: list[int] = []
    with contextlib.suppress(ProcessLookupError, PermissionError):
        # Who stands still has no further child while we look.
        os.killpg(process.pid, signal.SIGSTOP)
        children = usage.children(process.pid)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for child in children:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(child, signal.SIGKILL)
    wait_until(lambda: all(map(usage.gone, children)), 10, "its children are gone")
