"""mailgate as people run it: a process of its own with a configuration folder, started, watched, killed and audited from outside.

It knows the command line and the configuration as a user does, and nothing of what is inside.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import smtplib
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.kit.ledger import Ledger
from tests.kit.need import ROOT
from tests.kit.nursery import Birth, nursery
from tests.kit.processes import Process, free_port, kill_group, wait_until

ADDRESS = "desk@mailgate.example"

Value = str | int | bool | list[str]
Tables = Mapping[str, Mapping[str, Value]]


class Gateway:
    """One mailgate. Start it by `with`, or by `start()` and `kill9()`; it keeps its ports and its data over restarts."""

    def __init__(
        self,
        folder: Path,
        *,
        relay_port: int | None = None,
        store: str | None = None,
        machine: Tables | None = None,
        policy: str = "",
        people: str = "",
        env: Mapping[str, str] | None = None,
        under: Sequence[str] = (),
        quick: bool = False,
    ) -> None:
        """Writes folder/config; nothing runs yet.

        `relay_port` of 127.0.0.1 takes the letters, else they land in folder/var/outbound, a Maildir. `store` is a database URL, else
        SQLite in folder/var. `machine` adds to the tables of mailgate.toml; `policy` and `people` are the texts of the other two files.
        `env` is added to the process's environment (crash points); `under` is a command to run it under, such as strace. With `quick` its
        processes are forked by the nursery, which spares them a second of imports each.
        """
        self.folder = folder
        self.smtp_port = free_port()
        self.web_port = free_port()
        self.env = dict(env or {})
        self.ledger = Ledger(store or f"sqlite:///{folder}/var/mailgate.db")
        self._under = tuple(under)
        self._quick = quick
        self._process: Process | None = None
        self._configure(relay_port, store, machine or {}, policy, people)

    def __enter__(self) -> Gateway:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            error.add_note(f"the gateway's log ends:\n{self.log[-4000:]}")
        self.kill9()

    def under(self, *command: str) -> None:
        """From now on its processes are started by this command, to which theirs is appended."""
        self._under = command

    @property
    def config(self) -> Path:
        """Its configuration folder."""
        return self.folder / "config"

    @property
    def log(self) -> str:
        """All that its processes have printed so far, over all restarts."""
        path = self.folder / "gateway.log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def pid(self) -> int:
        """The process that `start` started: the daemon, or what it runs under. Raises RuntimeError where none runs."""
        if self._process is None:
            raise RuntimeError("the gateway does not run")
        return self._process.pid

    def start(self, *, wait: float = 20) -> None:
        """Runs the daemon and returns once it is ready. Raises TimeoutError after `wait` seconds, or when it ends before that."""
        self.launch()
        try:
            wait_until(self.ready, wait, "mailgate is ready", self._process)
        except TimeoutError as error:
            error.add_note(self.log[-4000:])
            self.kill9()
            raise

    def launch(self, *arguments: str) -> None:
        """Runs the daemon, or another command, and waits for nothing."""
        arguments = arguments or ("run",)
        self.ledger.follow()
        path = str(self.folder / "gateway.log")
        if self._quick:
            birth = Birth(self._arguments(*arguments), str(self.folder), self._environment(), "", path, path)
            self._process = nursery().fork(birth)
            return
        with (self.folder / "gateway.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._under, *self._command(*arguments)],
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def ready(self) -> bool:
        """Whether /readyz says so."""
        return self.get("/readyz") == 200

    def get(self, path: str) -> int | None:
        """The status that its web pages answer a GET with, or None where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.web_port, timeout=2)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return None
        finally:
            connection.close()

    def kill9(self) -> None:
        """Kills it with all its children, as the kernel would. Harmless where it is down."""
        self.ledger.leave()
        if self._process is not None:
            kill_group(self._process)
            self._process = None

    def drain(self) -> None:
        """Asks it to end by SIGTERM."""
        os.kill(self.pid, signal.SIGTERM)

    def terminate(self, *, wait: float = 30) -> int:
        """Asks it to end by SIGTERM and gives its exit code. Raises TimeoutError, having killed it, after `wait` seconds."""
        process = self._process
        if process is None:
            raise RuntimeError("the gateway does not run")
        self.drain()
        try:
            return process.wait(timeout=wait)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"mailgate did not end within {wait} s of SIGTERM") from None
        finally:
            self.kill9()

    def wait(self, seconds: float = 30) -> int:
        """Waits for a process that ends by itself, at a crash point say, and gives its exit code, negative for a signal."""
        if self._process is None:
            raise RuntimeError("the gateway does not run")
        code = self._process.wait(timeout=seconds)
        self.kill9()
        return code

    def restart(self) -> None:
        """Ends it in order where it runs, and starts it again."""
        if self._process is not None:
            self.terminate()
        self.start()

    def send(self, mail: bytes, sender: str, *recipients: str) -> None:
        """Hands it one mail over SMTP, to the desk unless somebody else is named. Raises what smtplib raises where it is not taken."""
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=60) as client:
            client.sendmail(sender, recipients or (ADDRESS,), mail)

    def cli(self, *arguments: str, stdin: bytes = b"", wait: float = 60) -> subprocess.CompletedProcess[bytes]:
        """Runs one command of the command line on the same configuration, whether the daemon is up or not."""
        if self._quick:
            return self._forked(arguments, stdin, wait)
        return subprocess.run(
            self._command(*arguments), cwd=self.folder, env=self._environment(), input=stdin, capture_output=True, timeout=wait, check=False
        )

    def json(self, *arguments: str) -> Any:
        """What a command prints with --json, read. Raises AssertionError with its complaint where it failed."""
        done = self.cli(*arguments, "--json")
        assert done.returncode == 0, f"mailgate {' '.join(arguments)} gave {done.returncode}: {done.stderr.decode()}"
        return json.loads(done.stdout)

    def lines(self, *arguments: str) -> list[Any]:
        """What a command prints with --json, one value a line. Raises AssertionError with its complaint where it failed."""
        done = self.cli(*arguments, "--json")
        assert done.returncode == 0, f"mailgate {' '.join(arguments)} gave {done.returncode}: {done.stderr.decode()}"
        return [json.loads(line) for line in done.stdout.splitlines()]

    def audit(self) -> Any:
        """The ledger as `mailgate audit --json` gives it: ok, counts, violations. A broken ledger is an answer here, no error."""
        done = self.cli("audit", "--json")
        assert done.returncode in (0, 1), f"mailgate audit gave {done.returncode}: {done.stderr.decode()}"
        return json.loads(done.stdout)

    def _forked(self, arguments: Sequence[str], stdin: bytes, wait: float) -> subprocess.CompletedProcess[bytes]:
        with tempfile.TemporaryDirectory() as name:
            into, out, complaint = (Path(name, stream) for stream in ("in", "out", "err"))
            for path, octets in ((into, stdin), (out, b""), (complaint, b"")):
                path.write_bytes(octets)
            birth = Birth(self._arguments(*arguments), str(self.folder), self._environment(), str(into), str(out), str(complaint))
            child = nursery().fork(birth)
            try:
                code = child.wait(wait)
            finally:
                kill_group(child)
            return subprocess.CompletedProcess(arguments, code, out.read_bytes(), complaint.read_bytes())

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "mailgate", *self._arguments(*arguments)]

    def _arguments(self, *arguments: str) -> list[str]:
        return ["--config", str(self.config), *arguments]

    def _environment(self) -> dict[str, str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **self.env}
        # An installed mailgate has its bytecode. Where none may be written beside the sources, it lies in a folder for all runs.
        if environment.pop("PYTHONDONTWRITEBYTECODE", ""):
            environment.setdefault("PYTHONPYCACHEPREFIX", f"{tempfile.gettempdir()}/mailgate-bytecode-{os.getuid()}")
        return environment

    def _configure(self, relay_port: int | None, store: str | None, machine: Tables, policy: str, people: str) -> None:
        tables: dict[str, dict[str, Value]] = {
            "desk": {"name": "Service Desk", "address": ADDRESS},
            "smtp": {"host": "127.0.0.1", "port": self.smtp_port},
            "web": {"host": "127.0.0.1", "port": self.web_port},
        }
        if relay_port is not None:
            tables["relay"] = {"host": "127.0.0.1", "port": relay_port, "tls": "none"}
        if store is not None:
            tables["store"] = {"url": store}
        for name, values in machine.items():
            tables[name] = {**tables.get(name, {}), **values}
        self.config.mkdir(parents=True, exist_ok=True)
        (self.config / "mailgate.toml").write_text("\n".join(_table(name, values) for name, values in tables.items()))
        (self.config / "policy.toml").write_text(policy)
        (self.config / "people.toml").write_text(people)


def _table(name: str, values: Mapping[str, Value]) -> str:
    """One table of TOML. What JSON writes for a text, a number, a truth or a list of texts is TOML as well."""
    return f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
