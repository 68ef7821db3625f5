"""Today's rules over the mails that opened tickets: in either database, page by page, and without a trace."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailgate.desk.model import Directory, Team
from mailgate.desk.plans import Category, When
from mailgate.desk.policy import Policy, Security
from mailgate.flow import operate, reconsider
from mailgate.flow.reconsider import Reconsidered, reconsidered
from mailgate.store import inbox
from tests.kit.office import PEOPLE, START, InProcess, Office, aligned, mail, reply, spoofed

TWO_TEAMS = Directory(PEOPLE.people, (Team("first"), Team("second")))
PRINTER = Category("Printer", When(text=(re.compile("printer", re.IGNORECASE),)), team="second")


@pytest.fixture
def office(store_url: str, tmp_path: Path) -> Iterator[Office]:
    opened = Office(tmp_path, url=store_url, people=TWO_TEAMS, security=Security(authserv_ids=("mx.desk.example",)))
    yield opened
    opened.close()


def told(office: Office, days: int = 30) -> list[Reconsidered]:
    return list(reconsidered(office.store, office.house, InProcess(), office.now - timedelta(days=days)))


def places(office: Office) -> list[tuple[int, str | None, str | None]]:
    return [(one.ticket.id, one.category, one.team) for one in told(office) if one.elsewhere]


def test_each_ticket_that_a_mail_opened_is_looked_at_once_in_its_order(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconsider, "_PAGE", 2)
    for words in ("A printer.", "A fax.", "Another printer.", "A phone.", "The last printer."):
        office.post(aligned(mail(words)))
    office.post(aligned(reply(office.last("acknowledgement"), "And a printer.")))
    office.change(policy=Policy(categories=(PRINTER,)))
    assert [one.ticket.id for one in told(office)] == [1, 2, 3, 4, 5]
    assert places(office) == [(1, "Printer", "second"), (3, "Printer", "second"), (5, "Printer", "second")]
    office.now = START + timedelta(days=40)
    assert told(office) == []


def test_a_held_mail_that_was_let_in_counts_by_the_round_that_opened_its_ticket(office: Office) -> None:
    row = office.post(spoofed(mail("A printer.")))
    assert row.state == "held"
    assert told(office) == []
    operate.release(office.store, [row.id], office.now)
    office.work()
    office.change(policy=Policy(categories=(PRINTER,)))
    assert places(office) == [(1, "Printer", "second")]


def test_an_answer_to_a_closed_ticket_is_reconsidered_by_its_own_words_only(office: Office) -> None:
    office.post(aligned(mail("The fax.")))
    operate.order(office.store, office.house, office.ticket().id, "#close", None, office.now)
    office.post(aligned(reply(office.last("closed"), "It is the phone again.\n\n> A printer.")))
    assert office.ticket(2).links == (1,)
    office.change(policy=Policy(categories=(PRINTER,)))
    assert places(office) == []


def test_nothing_changes_by_looking(office: Office) -> None:
    office.post(aligned(mail("A printer.")))
    office.change(policy=Policy(categories=(PRINTER,)))
    before = (office.ticket(), len(office.story().events), len(office.everything_sent()))
    assert places(office)
    with office.store.look() as tx:
        assert {row.state for row in inbox.rows(tx)} == {"done"}
    assert (office.ticket(), len(office.story().events), len(office.everything_sent())) == before
