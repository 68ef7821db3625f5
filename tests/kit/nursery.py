"""How does a gateway start twenty times faster than Python imports it? A process that has everything imported forks one for each start.

What runs is `mailgate` itself, in a process group of its own with a folder, an environment and exit codes of its own; only the second
in which Python reads its modules is spared, and that in which Jinja2 compiles the letters that nearly every test sends. Tests that kill
a hundred times live on this. Crash points are read anew after the fork.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, NoReturn

from tests.kit.need import ROOT
from tests.kit.wrong_clock import turn

_PR_SET_PDEATHSIG = 1

# All that a daemon or a command may import after its start.
_MODULES = (
    "mailgate.cli.run", "mailgate.cli.setup", "mailgate.cli.safety", "mailgate.cli.boxes", "mailgate.cli.tickets", "mailgate.cli.mails",
    "mailgate.config.house", "mailgate.config.opening", "mailgate.daemon.service", "mailgate.flow.operate", "mailgate.store.audit",
    "mailgate.store.story", "alembic.command", "alembic.config", "psycopg", "prometheus_client", "starlette.applications",
    "starlette.responses", "uvicorn", "uvicorn.lifespan.off", "uvicorn.protocols.http.h11_impl", "uvloop",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Birth:
    """One process to be: arguments of `mailgate`, folder, environment, and the files of its standard streams ("": nothing to read)."""

    arguments: Sequence[str]
    folder: str
    environment: Mapping[str, str]
    stdin: str
    stdout: str
    stderr: str


class Child:
    """A process that the nursery forked, with as much of `subprocess.Popen` as the kit uses."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        if self.returncode is None:
            self.returncode = self._nursery.ask({"poll": self.pid})
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end. Raises subprocess.TimeoutExpired."""
        deadline = time.monotonic() + (timeout if timeout is not None else 60)
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 60)
            time.sleep(0.005)
        return code


class Nursery:
    """The process that forks. One a test run; safe to ask from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kit.nursery"], cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        atexit.register(self._process.kill)

    def fork(self, birth: Birth) -> Child:
        """A new process."""
        return Child(self, int(self.ask({"fork": asdict(birth)})))

    def ask(self, question: object) -> Any:
        """One question and its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())


@cache
def nursery() -> Nursery:
    """The one of this test run."""
    return Nursery()


def _main() -> None:
    """The forking process: one question a line, one answer a line, until its parent has gone."""
    for name in _MODULES:
        importlib.import_module(name)
    _compile_letters()
    for line in sys.stdin.buffer:
        question = json.loads(line)
        if "poll" in question:
            answer: int | None = _poll(question["poll"])
        else:
            parent, answer = os.getpid(), os.fork()
            if answer == 0:
                _live(Birth(**question["fork"]), parent)
            # It leads its group before anybody is told of it: whoever kills the group must not come too early.
            with contextlib.suppress(OSError):
                os.setpgid(answer, answer)
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


def _compile_letters() -> None:
    from mailgate.config.packaged import packaged
    from mailgate.desk.letters import Name
    from mailgate.mail.letters import Templates
    from tests.kit.compiled import compile_once

    compile_once()
    letters = Templates([packaged("templates")])
    for name in (Name.ACKNOWLEDGEMENT, Name.NEW_TICKET):
        letters.preview(name, "en")


def _poll(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _live(birth: Birth, parent: int) -> NoReturn:
    """The forked process: becomes what `python -m mailgate` would be."""
    os.setpgid(0, 0)
    _die_with(parent)
    os.chdir(birth.folder)
    for number, path, mode in ((0, birth.stdin or os.devnull, os.O_RDONLY), (1, birth.stdout, os.O_WRONLY), (2, birth.stderr, os.O_WRONLY)):
        os.dup2(os.open(path, mode | (os.O_CREAT | os.O_APPEND if mode else 0), 0o600), number)
    os.environ.clear()
    os.environ.update(birth.environment)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode, 1) for number, mode in ((0, "r"), (1, "w"), (2, "w")))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from mailgate.cli import main
    from mailgate.flow import seam

    importlib.reload(seam)
    turn(dict(os.environ))
    code = main(list(birth.arguments))
    # What is left of a normal end is that Python takes its modules apart, which takes longer than most commands.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _die_with(parent: int) -> None:
    """A test run that is killed leaves no daemon behind, where the system can see to it (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(0)


if __name__ == "__main__":
    _main()
