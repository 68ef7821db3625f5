"""Does a ticket live its life when people use ordinary programs? swaks on one side, the daemon, and a relay that keeps every letter."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr
from pathlib import Path
from typing import cast

import pytest

from tests.kit.daemon import ADDRESS, Gateway
from tests.kit.need import need
from tests.kit.processes import wait_until
from tests.kit.relay import RelaySink

ANN, TINA, MALLORY = "ann@customers.example", "tina@desk.example", "mallory@elsewhere.example"
PEOPLE = f'[[team]]\nname = "first"\n[[person]]\naddress = "{TINA}"\nname = "Tina Turner"\nrole = "technician"\nteam = "first"\n'


class Conversation:
    """What people write by swaks, and what reaches them."""

    def __init__(self, gateway: Gateway, sink: RelaySink) -> None:
        self.gateway = gateway
        self._sink = sink
        self._swaks = need("swaks")
        self._read = 0

    def write(self, sender: str, to: str, subject: str, text: str, *headers: str) -> None:
        """One mail; it is processed and all its letters have left when this returns."""
        known = len(self.gateway.ledger.mails())
        arguments = ["--server", f"127.0.0.1:{self.gateway.smtp_port}", "--from", sender, "--to", to, "--header", f"Subject: {subject}"]
        arguments += [part for header in headers for part in ("--header", header)]
        done = subprocess.run([self._swaks, *arguments, "--body", text or "\\n"], capture_output=True, timeout=30, check=False)
        assert done.returncode == 0, done.stdout.decode()
        assert len(self.gateway.ledger.mails()) == known + 1
        wait_until(self.gateway.ledger.settled, 20, "settled")

    def letters(self) -> dict[tuple[str, str], EmailMessage]:
        """The letters that left since this was asked last, by (name, recipient)."""
        fresh = self._sink.letters[self._read :]
        self._read += len(fresh)
        found = [(one.recipient, cast(EmailMessage, message_from_bytes(one.octets, policy=default))) for one in fresh]
        return {(str(letter["X-Mailgate-Letter"]), recipient): letter for recipient, letter in found}


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Conversation]:
    with RelaySink() as sink, Gateway(tmp_path, relay_port=sink.port, people=PEOPLE, quick=True) as gateway:
        yield Conversation(gateway, sink)


def reply_to(letter: EmailMessage) -> str:
    return parseaddr(str(letter["Reply-To"]))[1]


def text_of(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def status(talk: Conversation, number: int) -> str:
    return str(talk.gateway.ledger.story(number).ticket.status.value)


def test_a_ticket_is_opened_answered_resolved_and_accepted_by_swaks(talk: Conversation) -> None:
    talk.write(ANN, ADDRESS, "The printer is dead", "It does not print.", "Message-Id: <first@customers.example>")
    letters = talk.letters()
    assert set(letters) == {("acknowledgement", ANN), ("new_ticket", TINA)}
    acknowledgement, announced = letters["acknowledgement", ANN], letters["new_ticket", TINA]
    assert "[MG-1]" in acknowledgement["Subject"]
    assert acknowledgement["Auto-Submitted"] == "auto-replied"
    assert acknowledgement["In-Reply-To"] == "<first@customers.example>"

    # A technician answers from his mail program, to the signed address of his own letter.
    talk.write(TINA, reply_to(announced), "Re: The printer is dead", "Is it plugged in?")
    answer = talk.letters()["reply", ANN]
    assert parseaddr(answer["From"])[1] == ADDRESS
    assert "Is it plugged in?" in text_of(answer)
    assert answer["Auto-Submitted"] is None
    assert status(talk, 1) == "Responded"

    # A machine answers first: nobody hears of it, nothing changes.
    talk.write(ANN, reply_to(answer), "Out of office", "I am away.", "Auto-Submitted: auto-replied", f"In-Reply-To: {answer['Message-ID']}")
    assert talk.letters() == {}
    assert status(talk, 1) == "Responded"

    talk.write(ANN, reply_to(answer), "Re: The printer is dead", "Oh. No.", f"In-Reply-To: {answer['Message-ID']}")
    told = talk.letters()["requester_replied", TINA]
    assert "Oh. No." in text_of(told)

    talk.write(TINA, reply_to(told), "Re: The printer is dead", "#resolve Plugged it in.")
    resolved = talk.letters()["resolved", ANN]
    assert "Plugged it in." in text_of(resolved)
    assert "#resolve" not in text_of(resolved)
    assert status(talk, 1) == "Waiting for Closure"

    # One tap in the letter: an empty mail to an address that says it all.
    talk.write(ANN, reply_to(resolved).replace("+t.", "+accept."), "accept", "")
    assert ("closed", ANN) in talk.letters()
    assert talk.gateway.ledger.story(1).ticket.closed is not None
    assert len(talk.gateway.ledger.tickets()) == 1
    assert talk.gateway.audit()["ok"]


def test_a_stranger_with_a_guessed_number_gets_a_ticket_of_his_own_and_learns_nothing(talk: Conversation) -> None:
    talk.write(ANN, ADDRESS, "My salary is wrong", "I earn 4,711 a month.")
    talk.letters()
    talk.write(MALLORY, ADDRESS, "Re: [MG-1] My salary is wrong", "accept")
    letters = talk.letters()
    assert [str(one.ticket.requester) for one in map(talk.gateway.ledger.story, (1, 2))] == [ANN, MALLORY]
    assert status(talk, 1) == "New"
    assert {recipient for _, recipient in letters} == {MALLORY, TINA}
    mine = letters["acknowledgement", MALLORY]
    assert "[MG-2]" in mine["Subject"]
    assert "4,711" not in str(mine)
    assert ANN not in str(mine)
    # The technicians see which ticket he claims to mean.
    assert "MG-1" in text_of(letters["new_ticket", TINA])
    assert talk.gateway.audit()["ok"]
