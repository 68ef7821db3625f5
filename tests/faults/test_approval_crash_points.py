"""Is an approval decided once when the daemon dies around a decision? Dead as by a power cut, started again, and held to account.

The numbers are those of the list of crash points in the plan: 40 to 43.
"""

from __future__ import annotations

import contextlib
import html
import http.client
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from mailgate.desk.model import TicketId
from mailgate.store import approvals
from mailgate.store.engine import Store
from tests.kit.daemon import Gateway
from tests.kit.processes import wait_until
from tests.kit.relay import RelaySink

KILLED = 137
BEA, OLGA = "bea@corp.example", "olga@corp.example"
PEOPLE = f'[[person]]\naddress = "{BEA}"\nname = "Bea"\nrole = "approver"\n[[person]]\naddress = "{OLGA}"\nname = "Olga"\nrole = "owner"\n'
STAGES = f'[[approval]]\nstages = [{{ approvers = ["{BEA}"] }}, {{ approvers = ["owner"] }}]\n'
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


class Visitor:
    """Somebody with a browser before the page of a link."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())

    def look(self) -> str:
        """The page as it is now."""
        page: bytes = self._browser.open(self.url, timeout=20).read()
        return page.decode()

    def press(self, verb: str) -> None:
        """Fills in the form and presses a button. Raises what a dead server raises."""
        form = {name: html.unescape(value) for name, value in _HIDDEN.findall(self.look())}
        posted = urllib.parse.urlencode({**form, "decision": verb, "why": "It is in the plan."}).encode()
        self._browser.open(self.url, posted, timeout=20).read()


@pytest.fixture
def sink() -> Iterator[RelaySink]:
    with RelaySink() as sink:
        yield sink


@pytest.fixture
def gateway(tmp_path: Path, sink: RelaySink, store_url: str) -> Iterator[Gateway]:
    machine = {"desk": {"public_url": "http://127.0.0.1:1"}}
    gateway = Gateway(tmp_path, relay_port=sink.port, store=store_url, machine=machine, policy=STAGES, people=PEOPLE, quick=True)
    settings = gateway.config / "mailgate.toml"
    settings.write_text(settings.read_text().replace('127.0.0.1:1"', f'127.0.0.1:{gateway.web_port}"'))
    with gateway:
        made = gateway.cli("tickets", "new", "--from", "ann@out.example", "--subject", "Access", "--text", "Please.")
        assert made.returncode == 0, made.stderr
        yield gateway


def letters(sink: RelaySink, name: str) -> list[EmailMessage]:
    """The letters of that name, each once, however often it came."""
    found = {}
    for one in sink.letters:
        letter = message_from_bytes(one.octets, policy=policy.default)
        assert isinstance(letter, EmailMessage)
        if letter["X-Mailgate-Letter"] == name:
            found[str(letter["Message-ID"])] = letter
    return list(found.values())


def link(sink: RelaySink, number: int = 0) -> str:
    """The link of the letter to an approver."""
    wait_until(lambda: len(letters(sink, "approval_request")) > number, 30, "an approver is asked")
    body = letters(sink, "approval_request")[number].get_body(("plain",))
    found = re.search(r"http://\S+/approval/\S+", body.get_content() if body else "")
    assert found
    return found[0]


def states(url: str) -> list[str]:
    """How each question stands."""
    store = Store(url)
    with store.look() as tx:
        found = [one.state.value for one in approvals.of_ticket(tx, TicketId(1))]
    store.close()
    return found


@pytest.mark.parametrize("point", ["CP40-before-commit", "CP41-decided"])
def test_a_crash_around_a_decision_leaves_it_open_or_made(gateway: Gateway, sink: RelaySink, store_url: str, point: str) -> None:
    """Before the commit nothing has happened, and the link is still good; after it a second look shows what was decided."""
    visitor = Visitor(link(sink))
    gateway.kill9()
    gateway.env = {"MAILGATE_CRASH_POINT": point}
    gateway.start()
    with contextlib.suppress(OSError, urllib.error.URLError, http.client.HTTPException):
        visitor.press("approve")
    assert gateway.wait(20) == KILLED, gateway.log
    made = point == "CP41-decided"
    assert states(store_url) == (["approved", "pending"] if made else ["pending"])
    gateway.env = {}
    gateway.start()
    assert ('value="approve"' in visitor.look()) is not made
    if not made:
        visitor.press("approve")
    # CP43: the letters to the next stage were in the same commit.
    Visitor(link(sink, 1)).press("approve")
    wait_until(lambda: bool(letters(sink, "approved")), 30, "the requester hears")
    wait_until(gateway.ledger.settled, 30, "settled")
    assert states(store_url) == ["approved", "approved"]
    assert [event.verb for event in gateway.ledger.story(1).events] == ["open", "approval", "approve", "approve"]
    assert [len(letters(sink, name)) for name in ("approval_request", "decision", "approved")] == [2, 2, 1]
    assert gateway.ledger.violations() == []
    assert gateway.cli("approvals", "verify").returncode == 0
