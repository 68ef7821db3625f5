"""Does the kit do what the other tests trust it to do?"""

from __future__ import annotations

import smtplib
import socket
from pathlib import Path

import psycopg
import pytest

from tests.kit.clock import MONDAY, Clock
from tests.kit.daemon import Gateway
from tests.kit.disk import small_disk
from tests.kit.need import missing, need_root
from tests.kit.postfix import Postfix
from tests.kit.postgres import SUPERUSER, Postgres
from tests.kit.processes import PORTS, free_port, listening, wait_until

MAIL = b"From: Ann <ann@customers.example>\r\nTo: desk@mailgate.example\r\nSubject: The printer is on fire\r\n\r\nPlease help.\r\n"


def _rows(url: str, query: bytes) -> list[tuple[object, ...]]:
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        return connection.execute(query).fetchall()


def test_a_missing_server_is_a_skip_at_home_and_a_failure_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no such server"):
        missing("no such server")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no such server"):
        missing("no such server")


def test_a_free_port_is_below_those_of_the_system_and_nobody_listens_on_it() -> None:
    port = free_port()
    assert port in PORTS
    assert not listening(port)
    with socket.create_server(("127.0.0.1", port)):
        assert listening(port)


def test_no_port_is_given_twice() -> None:
    ports = [free_port() for _ in range(100)]
    assert len(set(ports)) == 100


def test_a_wait_ends_at_its_deadline() -> None:
    with pytest.raises(TimeoutError, match="the moon: not within"):
        wait_until(lambda: False, 0.05, "the moon")


def test_a_clock_stands_still_until_it_is_moved() -> None:
    clock = Clock()
    assert clock.now == MONDAY
    assert clock.forward(days=1, hours=-2).isoformat() == "2026-02-03T07:00:00+00:00"


@pytest.mark.postgres
def test_each_test_gets_an_empty_postgresql_that_does_not_forget(postgres_url: str) -> None:
    assert _rows(postgres_url, b"SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    assert _rows(postgres_url, b"SHOW fsync") == [("on",)]
    assert SUPERUSER in postgres_url


@pytest.mark.postgres
def test_a_postgresql_database_can_be_copied_from_a_template(postgres: Postgres) -> None:
    template = postgres.database()
    postgres.sql("CREATE TABLE letter (name text)", template)
    copy = postgres.database(template)
    assert _rows(postgres.url(copy), b"SELECT count(*) FROM letter") == [(0,)]
    postgres.drop(copy)
    postgres.drop(template)


@pytest.mark.postgres
def test_postgresql_comes_back_from_a_crash_with_what_was_committed() -> None:
    with Postgres() as server:
        database = server.database()
        server.sql("CREATE TABLE letter AS SELECT 'kept' AS name", database)
        server.crash()
        assert not listening(server.port)
        server.start()
        assert _rows(server.url(database), b"SELECT name FROM letter") == [("kept",)]


@pytest.mark.postfix
def test_a_mail_passes_two_postfixes_and_ends_in_the_maildir() -> None:
    with Postfix("mailbox.example") as behind, Postfix("border.example", forward_to=behind.port) as before:
        with smtplib.SMTP("127.0.0.1", before.port) as client:
            client.sendmail("ann@customers.example", ["desk+t.1.abc@mailgate.example"], MAIL)
        wait_until(lambda: bool(behind.delivered()), 20, "the mail arrives")
        (mail,) = behind.delivered()
        assert (mail.sender, mail.recipient) == ("ann@customers.example", "desk+t.1.abc@mailgate.example")
        assert mail.message["Subject"] == "The printer is on fire"
        assert len(mail.message.get_all("Received", [])) == 2
        wait_until(lambda: before.waiting() == behind.waiting() == 0, 10, "both queues are empty")


@pytest.mark.postfix
def test_a_killed_postfix_leaves_nobody_behind_and_keeps_its_queue() -> None:
    with Postfix("mailbox.example") as behind, Postfix("border.example", forward_to=behind.port) as before:
        behind.kill9()
        with smtplib.SMTP("127.0.0.1", before.port) as client:
            client.sendmail("ann@customers.example", ["desk@mailgate.example"], MAIL)
        before.kill9()
        assert before.waiting() == 1
        assert not listening(before.port)
        before.start()
        behind.start()
        wait_until(lambda: len(behind.delivered()) == 1, 30, "the mail arrives after all")


def test_a_small_disk_fills_up_and_gets_room_again(tmp_path: Path) -> None:
    need_root("a small disk")
    with small_disk(tmp_path / "disk", 1) as disk:
        disk.fill()
        with pytest.raises(OSError, match="No space left"), (disk.folder / "mail").open("wb", buffering=0) as file:
            file.write(MAIL)
        disk.resize(2)
        (disk.folder / "mail").write_bytes(MAIL)
        disk.free()
    assert not (tmp_path / "disk" / "mail").exists()


def test_a_gateway_survives_its_kill_and_its_ledger_is_sound(tmp_path: Path) -> None:
    with Gateway(tmp_path) as gateway:
        gateway.send(MAIL, "ann@customers.example")
        gateway.kill9()
        assert not gateway.ready()
        gateway.start()
        assert gateway.terminate() == 0
        audit = gateway.audit()
        assert audit["ok"], audit["violations"]
        assert audit["counts"]["accepted"] == 1
