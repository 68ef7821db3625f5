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
    "mailgate.config.when", "mailgate.desk.plans", "mailgate.mail.parse", "mailparser",
}  # fmt: skip
# Whatever SQLAlchemy imports by itself, before anybody has asked it for anything.
ITS_OWN = {"asyncio", "email.message", "importlib.metadata", "logging", "sqlalchemy", "sqlite3", "ssl"}
# What a desk on files has no use for, and what no command that only asks has.
OTHERS = {"sqlalchemy.dialects.mysql", "sqlalchemy.dialects.postgresql", "sqlalchemy.ext", "sqlalchemy.orm"}


def imported(folder: Path, *arguments: str) -> set[str]:
    """Every module that this command imports, with the packages around it; the child that reads mails is another process."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    command = [sys.executable, "-X", "importtime", "-m", "mailgate", *arguments]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return {found[1] for line in done.stderr.splitlines() if (found := re.match(r"import time:[\d |]+\|\s+(\S+)$", line))}


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
