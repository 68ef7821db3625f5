"""What does the daemon say when it cannot begin? One line and exit 78 where somebody has to change something; else it waits."""

from __future__ import annotations

import re
import smtplib
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.daemon import Gateway
from tests.kit.postgres import Postgres
from tests.kit.processes import listening, wait_until
from tests.kit.traffic import mail

CONFIGURATION = 78


def refusal(gateway: Gateway) -> str:
    """The one line with which the daemon refuses to begin."""
    done = gateway.cli("run", wait=20)
    assert done.returncode == CONFIGURATION, done.stderr.decode()
    (line,) = done.stderr.decode().splitlines()
    assert not listening(gateway.smtp_port)
    assert not listening(gateway.web_port)
    return line


def test_a_second_daemon_in_one_folder_refuses_and_leaves_the_first_alone(tmp_path: Path) -> None:
    with Gateway(tmp_path, quick=True) as gateway:
        done = gateway.cli("run", wait=20)
        assert done.returncode == CONFIGURATION
        assert done.stderr.decode() == f"mailgate: {tmp_path}/var/gateway: another mailgate daemon runs in this folder\n"
        assert gateway.ready()
        gateway.send(mail(1).octets, mail(1).sender)


def test_a_second_daemon_on_one_sqlite_file_refuses(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    with Gateway(tmp_path / "one", store=url, quick=True) as first:
        assert refusal(Gateway(tmp_path / "two", store=url, quick=True)) == (
            f"mailgate: {tmp_path}/shared.db: another mailgate daemon runs on this database"
        )
        assert first.ready()


@pytest.mark.parametrize(("table", "named"), [("smtp", "[smtp]"), ("web", "[web]")])
def test_a_port_in_use_is_named(tmp_path: Path, table: str, named: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
        gateway = Gateway(tmp_path, machine={table: {"port": port}}, quick=True)
        line = refusal(gateway)
    assert named in line
    assert f"cannot listen on 127.0.0.1:{port}" in line


def test_a_database_of_a_newer_version_is_refused_and_not_touched(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, quick=True)
    assert gateway.audit()["ok"]
    file = tmp_path / "var" / "mailgate.db"
    with sqlite3.connect(file) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    assert f"{file}: the database is of a newer mailgate (schema 9999" in refusal(gateway)
    with sqlite3.connect(file) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]
    database.close()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, quick=True)
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "mailgate.db").write_bytes(b"Dear diary, " * 1000)
    assert f"{tmp_path}/var/mailgate.db" in refusal(gateway)


def _unknown_key(gateway: Gateway) -> None:
    with (gateway.config / "mailgate.toml").open("a") as file:
        file.write('[keys]\nfiel = "var/key"\n')


def _bad_value(gateway: Gateway) -> None:
    (gateway.config / "policy.toml").write_text('\n[autoclose]\nafter = "seven days"\n')


def _no_toml(gateway: Gateway) -> None:
    (gateway.config / "people.toml").write_text("[[person\n")


def _broken_template(gateway: Gateway) -> None:
    (gateway.folder / "templates").mkdir()
    lines = ['{% extends "base.j2" %}', "{% block subject %}Hello{% endblock %}", "{% block text %}{{ tiket.subject }}{% endblock %}"]
    lines.append("{% block html %}{% endblock %}")
    (gateway.folder / "templates" / "acknowledgement.j2").write_text("\n".join(lines))


@pytest.mark.parametrize(
    ("break_it", "file", "what"),
    [
        (_unknown_key, "config/mailgate.toml", "fiel"),
        (_bad_value, "config/policy.toml:3", "after"),
        (_no_toml, "config/people.toml:1", ""),
        (_broken_template, "templates/acknowledgement", "tiket"),
    ],
)
def test_a_fault_of_the_configuration_is_told_with_file_and_line(
    tmp_path: Path, break_it: Callable[[Gateway], None], file: str, what: str
) -> None:
    gateway = Gateway(tmp_path, quick=True)
    break_it(gateway)
    line = refusal(gateway)
    assert line.startswith("mailgate: ")
    assert file in line
    assert re.search(r":\d+: ", line)
    assert what in line
    # Nothing was begun: neither a database nor a key.
    assert not (tmp_path / "var" / "mailgate.db").exists()


@pytest.mark.postgres
def test_without_a_database_the_daemon_stays_up_and_says_not_now(tmp_path: Path) -> None:
    with Postgres() as server:
        database = server.database()
        server.stop()
        gateway = Gateway(tmp_path, store=server.url(database), quick=True)
        gateway.launch()
        wait_until(lambda: gateway.get("/healthz") == 200, 20, "it lives")
        assert gateway.get("/readyz") == 503
        assert gateway.get("/metrics") == 503
        with pytest.raises(smtplib.SMTPConnectError, match=r"4\.3\.2"):
            gateway.send(mail(1).octets, mail(1).sender)
        server.start()
        wait_until(gateway.ready, 30, "the database is there")
        gateway.send(mail(1).octets, mail(1).sender)
        # It goes away and comes back while the daemon runs.
        server.crash()
        wait_until(lambda: gateway.get("/readyz") == 503, 20, "not ready without it")
        with pytest.raises(smtplib.SMTPResponseException) as refused:
            gateway.send(mail(2).octets, mail(2).sender)
        assert 400 <= refused.value.smtp_code < 500
        server.start()
        wait_until(gateway.ready, 30, "ready again")
        gateway.send(mail(2).octets, mail(2).sender)
        wait_until(gateway.ledger.settled, 30, "settled")
        assert len(gateway.ledger.tickets()) == 2
        assert gateway.ledger.violations() == []
        assert gateway.terminate() == 0
        assert "Traceback" not in gateway.log


def test_a_daemon_that_waits_for_its_database_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, store="postgresql+psycopg://nobody@127.0.0.1:1/none", quick=True)
    gateway.launch()
    wait_until(lambda: gateway.get("/readyz") == 503, 20, "it lives")
    wait_until(lambda: "store-unavailable" in gateway.log, 20, "it has tried")
    assert gateway.terminate() == 0
