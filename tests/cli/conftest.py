"""A desk on disk without a daemon: what a command of the shell finds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mailgate.cli import main
from mailgate.config.house import open_house
from mailgate.config.load import load
from mailgate.config.opening import open_store
from mailgate.flow.step import Worker
from tests.kit.office import START, InProcess

MACHINE = """
[desk]
name = "Service Desk"
address = "desk@desk.example"
"""
PEOPLE = """
[[team]]
name = "first"
[[person]]
address = "tina@desk.example"
name = "Tina Turner"
role = "technician"
team = "first"
"""


@dataclass
class Shell:
    """A configuration folder, and commands that run on it. `out` and `err` are what the last one printed."""

    folder: Path
    capture: Callable[[], Any]
    out: str = ""
    err: str = ""

    def __call__(self, *arguments: str) -> int:
        """Runs a command; its exit code."""
        code = main(["--config", str(self.folder / "config"), *arguments])
        printed = self.capture()
        self.out, self.err = printed.out, printed.err
        return code

    def json(self, *arguments: str) -> Any:
        """What a command prints with --json."""
        assert self(*arguments, "--json") == 0, self.err
        return json.loads(self.out)

    def lines(self, *arguments: str) -> list[Any]:
        """What a command prints with --json, one object a line."""
        assert self(*arguments, "--json") == 0, self.err
        return [json.loads(line) for line in self.out.splitlines()]

    def mail(self, raw: bytes, name: str = "one.eml") -> Path:
        """A mail as a file."""
        path = self.folder / name
        path.write_bytes(raw)
        return path

    def work(self) -> None:
        """What the daemon would do with the mails that wait."""
        settings = load(self.folder / "config", {})
        store = open_store(settings)
        worker = Worker(store, open_house(settings, store), InProcess(), "test", lambda: START.replace(year=2036), lambda: False)
        while worker.run()[0]:
            pass
        store.close()


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A desk with one technician."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config/mailgate.toml").write_text(MACHINE)
    (tmp_path / "config/people.toml").write_text(PEOPLE)
    return Shell(tmp_path, capsys.readouterr)
