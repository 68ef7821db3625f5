"""What does the daemon's log hold? One line for each fact, with ids; no word of a mail, no token, no secret."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.utils import parseaddr
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from mailgate.flow import journal
from mailgate.store.engine import Store
from tests.kit.daemon import ADDRESS, Gateway
from tests.kit.processes import wait_until
from tests.kit.relay import RelaySink, say

BODY, SUBJECT, NAME = "canary-body-1f0a", "canary-subject-92bc", "canary-name-77de"
PEOPLE = '[[team]]\nname = "first"\n[[person]]\naddress = "tina@desk.example"\nrole = "technician"\nteam = "first"\n'
LINE = re.compile(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (INFO|WARNING|ERROR) [a-z_]+( [a-z_]+=("[^"]*"|[^" ]+))*')


def written(sender: str, to: str, text: str, headers: str = "") -> bytes:
    return (
        f"From: {NAME} <{sender}>\r\nTo: {to}\r\nSubject: {SUBJECT}\r\nMessage-ID: <{abs(hash(text))}@x.example>\r\n{headers}\r\n{text}\r\n"
    ).encode()


def test_the_log_has_a_line_for_each_fact_and_no_word_of_any_mail(tmp_path: Path) -> None:
    with RelaySink() as sink, Gateway(tmp_path, relay_port=sink.port, people=PEOPLE, quick=True) as gateway:
        sink.refuse("bob@customers.example", say("550 5.1.1 no such user"))
        gateway.send(written("ann@customers.example", ADDRESS, BODY), "ann@customers.example")
        gateway.send(written("bob@customers.example", ADDRESS, f"{BODY} too"), "bob@customers.example")
        wait_until(gateway.ledger.settled, 20, "settled")
        letters = [message_from_bytes(one.octets) for one in sink.letters]
        announced = next(one for one in letters if one["X-Mailgate-Letter"] == "new_ticket")
        gateway.send(written("tina@desk.example", "x", f"{BODY} reply"), "tina@desk.example", parseaddr(announced["Reply-To"])[1])
        gateway.send(b"From: <<<\r\nSubject: " + SUBJECT.encode() + b"\r\n\r\n" + BODY.encode(), "mallory@x.example")
        wait_until(gateway.ledger.settled, 20, "settled")
        assert gateway.terminate() == 0
        log, secrets = gateway.log, [BODY, SUBJECT, NAME, (tmp_path / "var" / "key").read_text().split()[0]]
        for letter in sink.letters:
            message = message_from_bytes(letter.octets)
            # What stands behind the sign in a signed address, and the ids that carry it.
            secrets += [parseaddr(message["Reply-To"])[1].partition("+")[2].partition("@")[0], letter.envelope_from.partition("+")[2]]
        assert [secret for secret in secrets if secret and secret in log] == []
        assert [line for line in log.splitlines() if not LINE.fullmatch(line)] == []
        facts = [line.split()[3] for line in log.splitlines()]
        assert facts[0] == "ready"
        assert facts[-2:] == ["draining", "stopped"]
        for fact, count in (("received", 4), ("changed", 4), ("failed", 1)):
            assert facts.count(fact) == count, (fact, log)


def test_an_error_of_the_database_does_not_repeat_what_was_written(empty_store_url: str, caplog: pytest.LogCaptureFixture) -> None:
    store = Store(empty_store_url)
    with store.begin() as tx:
        tx.execute(text("CREATE TABLE letters (octets TEXT PRIMARY KEY)"))
        tx.execute(text("INSERT INTO letters VALUES (:octets)"), {"octets": BODY})
    with pytest.raises(IntegrityError) as failed, store.begin() as tx:
        tx.execute(text("INSERT INTO letters VALUES (:octets)"), {"octets": BODY})
    store.close()
    with caplog.at_level("ERROR", "mailgate"):
        journal.trouble("a test", failed.value)
    (record,) = caplog.records
    assert "IntegrityError" in caplog.text
    assert BODY not in caplog.text
    assert len(caplog.text.splitlines()) == 1
    assert record.exc_info is None
    # Also where somebody else writes the whole error down: what SQLAlchemy adds to it holds no values.
    assert BODY not in str(failed.value).partition("[SQL: ")[2]
