"""A command that only asks starts at once, because it imports nothing that its answer does not need."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mailgate.config.samples import init
from tests.kit.need import ROOT
from tests.kit.office import mail

# Of the daemon, of the database, and what others have taken half a start for.
HEAVY = {
    "aioimaplib", "aiosmtpd", "alembic", "anyio", "apscheduler", "asyncio", "http", "importlib.metadata", "prometheus_client", "psycopg",
    "sqlalchemy", "sqlite3", "ssl", "starlette", "uvicorn", "uvloop",
}  # fmt: skip
# Only the child reads mails; only a desk with such tables needs to know them; only a fault asks for the name that was meant.
ELSEWHERE = {
    "email.message", "inscriptis", "logging", "lxml", "mailgate.config.hours", "mailgate.config.lines", "mailgate.config.plans",
    "mailgate.config.when", "mailgate.desk.plans", "mailgate.mail.parse", "mailgate.mail.signature", "mailparser",
}  # fmt: skip
# Whatever SQLAlchemy imports by itself, before anybody has asked it for anything.
ITS_OWN = {"asyncio", "email.message", "importlib.metadata", "logging", "sqlalchemy", "sqlite3", "ssl"}
# What the child that reads mails has no use for: it tells nobody anything, decides nothing and starts nothing.
PARENTS = {"click", "jinja2", "mailgate.cli", "mailgate.config", "mailgate.flow", "mailgate.store", "subprocess"}
# What a start calls, libraries and all, against what importing the libraries alone calls: 2.7 and 1.9 times as often in these days. Other
# than seconds, calls are the same on each machine, and most of what a new Python or library changes is on both sides.
LIBRARIES = "import click, jinja2, msgspec"
MOST, MOST_WITH_A_DATABASE = 3.3, 2.3
COUNTING = """
import os, sys
count = 0
def one(*_):
    global count
    count += 1
sys.setprofile(one)
try:
    {what}
finally:
    sys.setprofile(None)
    print(count // 2, file=sys.stderr)
"""
# What a desk on files has no use for, and what no command that only asks has.
OTHERS = {"sqlalchemy.dialects.mysql", "sqlalchemy.dialects.postgresql", "sqlalchemy.ext", "sqlalchemy.orm"}


def imported(folder: Path, *arguments: str) -> set[str]:
    """Every module that this command imports, with the packages around it; the child that reads mails is another process."""
    return imported_by(folder, "-m", "mailgate", *arguments)


def imported_by(folder: Path, *program: str) -> set[str]:
    """The same of any Python program."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    command = [sys.executable, "-X", "importtime", *program]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
    told = done.stderr.decode()
    assert done.returncode == 0, told
    return {found[1] for line in told.splitlines() if (found := re.match(r"import time:[\d |]+\|\s+(\S+)$", line))}


def calls(folder: Path, what: str) -> int:
    """How often something is called while a process does this."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    command = [sys.executable, "-c", COUNTING.format(what=what)]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode == 0, done.stderr
    return int(done.stderr.splitlines()[-1])


@pytest.mark.parametrize("configured", [False, True])
def test_explain_imports_only_what_its_answer_needs(tmp_path: Path, configured: bool) -> None:
    (tmp_path / "one.eml").write_bytes(mail())
    if configured:
        init(tmp_path)
    modules = imported(tmp_path, "explain", "one.eml")
    assert "mailgate.flow.explain" in modules
    assert modules & HEAVY == set()
    assert modules & ELSEWHERE == set()


def test_explain_knows_the_tables_of_a_policy_that_has_some(tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(mail())
    (tmp_path / "config").mkdir()
    (tmp_path / "config/policy.toml").write_text('[[calendar]]\nname = "office"\n[[sla]]\nname = "gold"\nresolution = "4h"\n')
    modules = imported(tmp_path, "explain", "one.eml")
    assert "mailgate.desk.plans" in modules
    # Neither holidays nor files are asked for.
    assert modules & {"holidays", "icalendar", "dateutil"} == set()
    assert modules & HEAVY == set()


def test_with_a_database_explain_imports_only_what_that_database_needs(tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(mail())
    init(tmp_path)
    imported(tmp_path, "ingest", "one.eml")
    modules = imported(tmp_path, "explain", "one.eml")
    assert "mailgate.store.records" in modules
    assert modules & (HEAVY | ELSEWHERE | OTHERS) - ITS_OWN == set()


def test_the_child_that_reads_mails_imports_nothing_of_its_parents(tmp_path: Path) -> None:
    modules = imported_by(tmp_path, "-c", "import os; from mailgate.mail import isolate; isolate.main(1 << 30, os.getppid())")
    assert "mailgate.mail.parse" in modules
    assert modules & PARENTS == set()


def test_the_daemon_leaves_what_reads_mails_to_its_child(tmp_path: Path) -> None:
    modules = imported_by(tmp_path, "-c", "import mailgate.daemon.service")
    assert "mailgate.flow.step" in modules
    assert modules & {"inscriptis", "lxml", "mailgate.mail.bounce", "mailgate.mail.parse", "mailgate.mail.signature"} == set()


def test_a_start_does_little_besides_its_imports(tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(mail())
    told = "from mailgate.cli import main; main(['explain', 'one.eml'])"
    assert calls(tmp_path, told) < MOST * calls(tmp_path, LIBRARIES)
    init(tmp_path)
    imported(tmp_path, "ingest", "one.eml")
    assert calls(tmp_path, told) < MOST_WITH_A_DATABASE * calls(tmp_path, LIBRARIES + ", sqlalchemy")


@pytest.mark.parametrize("arguments", [("tickets", "list", "--help"), ("templates", "list"), ("people", "list", "--help")])
def test_what_needs_no_database_imports_none(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    init(tmp_path)
    assert imported(tmp_path, *arguments) & (HEAVY | ELSEWHERE) == set()


@pytest.mark.parametrize("arguments", [("tickets", "list"), ("inbox", "list"), ("outbox", "list"), ("people", "list")])
def test_a_list_imports_only_what_its_database_needs(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    init(tmp_path)
    imported(tmp_path, "tickets", "new", "--from", "ann@out.example", "--subject", "The lift is stuck")
    assert imported(tmp_path, *arguments) & (HEAVY | ELSEWHERE | OTHERS | {"jinja2", "mailgate.mail.view"}) - ITS_OWN == set()


def test_the_list_of_commands_imports_nothing_of_what_they_do(tmp_path: Path) -> None:
    assert imported(tmp_path, "--help") & HEAVY == set()
