"""How often is counted what the desk's pages show? Once a minute, however many look; and of each ticket once for each version."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from mailgate.desk.plans import Sla
from mailgate.desk.policy import Policy
from mailgate.flow import board
from mailgate.flow.board import FRESH, WEEK_FRESH, Board
from tests.kit.office import DESK, PEOPLE, Office, mail
from tests.kit.statements import watched

PROMISES = Policy(slas=(Sla("all", targets=(("resolution", timedelta(hours=8)),)),))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path, policy=PROMISES)
    yield office
    office.close()


def numbers(office: Office, kept: Board) -> list[int]:
    known = kept.unsolved(office.store, office.house, PEOPLE, DESK.name, office.now)
    return [one.brief.id for one in known.tickets]


def test_what_is_open_is_read_once_a_minute(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Board()
    office.post(mail())
    assert numbers(office, kept) == [1]
    office.post(mail())
    ran = watched(office.store, monkeypatch)
    for _ in range(10):
        assert numbers(office, kept) == [1]
    assert ran == []
    office.now += FRESH
    assert numbers(office, kept) == [1, 2]
    # A clock that went back is no reason to show the same for ever.
    office.order(1, "#resolve done")
    office.now -= timedelta(days=1)
    assert numbers(office, kept) == [2]


def test_when_something_is_due_is_reckoned_once_for_each_version_of_a_ticket(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, reckoned = Board(), []

    def counted(one, rules):  # type: ignore[no-untyped-def]
        reckoned.append(one.id)
        return replace(one, due=office.now)

    monkeypatch.setattr(board, "promised", counted)
    for _ in range(3):
        office.post(mail())
    numbers(office, kept)
    assert reckoned == [1, 2, 3]
    office.order(2, "#priority P1")
    office.now += FRESH
    numbers(office, kept)
    assert reckoned == [1, 2, 3, 2]
    # What is not open any more is forgotten.
    office.order(1, "#resolve done")
    office.now += FRESH
    assert sorted(numbers(office, kept)) == [2, 3]
    assert set(kept._briefs) == {2, 3}


def test_of_a_large_backlog_the_oldest_are_shown_and_that_there_are_more(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "MOST", 2)
    for _ in range(3):
        office.post(mail())
    known = Board().unsolved(office.store, office.house, PEOPLE, DESK.name, office.now)
    assert ([one.brief.id for one in known.tickets], known.more) == ([1, 2], True)


def test_the_week_is_counted_every_five_minutes(office: Office) -> None:
    kept = Board()
    office.post(mail())
    office.now += timedelta(seconds=1)
    assert len(kept.week(office.store, DESK.name, office.now).handled) == 1
    office.post(mail())
    office.now += WEEK_FRESH - timedelta(seconds=1)
    assert len(kept.week(office.store, DESK.name, office.now).handled) == 1
    office.now += timedelta(seconds=1)
    week = kept.week(office.store, DESK.name, office.now)
    assert (len(week.handled), week.period.until) == (2, office.now)
