from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailgate.desk.letters import HELD_WHY
from mailgate.desk.model import Person
from mailgate.flow import digest, operate
from mailgate.flow import timers as room
from mailgate.flow.timers import Timekeeper
from mailgate.store import digests, facts
from mailgate.store.engine import Unavailable
from tests.kit.office import OLGA, Office, mail, reply, spoofed
from tests.kit.together import at_once
from tests.stories.conftest import GUARDED

MORNING = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)


@pytest.fixture
def office(url: str, tmp_path: Path) -> Iterator[Office]:
    desk = Office(tmp_path, url, security=GUARDED)
    desk.post(spoofed(mail("Pay this.")))
    yield desk
    assert desk.violations() == []
    desk.close()


def names(office: Office) -> list[str]:
    return [letter.name for letter in office.letters()]


def test_two_daemons_write_a_digest_once(office: Office) -> None:
    office.now = MORNING
    at_once(lambda: Timekeeper(office.store, office.house, lambda: office.now).tick())
    assert names(office) == ["held"]


@pytest.mark.parametrize("point", ["CP35-due", "CP20-before-letters", "CP36-fired"])
def test_a_digest_whose_commit_fails_is_due_as_before_and_written_once(
    office: Office, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:  # fmt: skip
    """As after a kill: nothing of the transaction came true."""

    def cut(here: str) -> None:
        if here == point:
            raise Unavailable("the power went")

    for module in (room, digest.effect):
        monkeypatch.setattr(module, "crash_point", cut)
    office.now = MORNING
    with pytest.raises(Unavailable):
        office.keeper.tick()
    monkeypatch.undo()
    assert names(office) == []
    assert [office.keeper.tick() for _ in range(3)] == [1, 0, 0]
    assert names(office) == ["held"]


def test_after_a_long_downtime_there_is_one_digest_late(office: Office) -> None:
    office.later(days=12)
    assert names(office) == ["held"]


def test_a_digest_waits_while_timers_are_on_hold(office: Office) -> None:
    with office.store.begin() as tx:
        facts.put(tx, facts.HOLD, "restored")
    office.later(days=1)
    assert names(office) == []
    operate.resume(office.store)
    office.later(seconds=1)
    assert names(office) == ["held"]


def test_a_digest_that_fails_by_a_fault_of_ours_comes_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "defused", lambda text: 1 / 0)
    office.now = MORNING
    office.keeper.tick()
    assert names(office) == []
    monkeypatch.undo()
    office.later(minutes=5)
    assert names(office) == ["held"]


def test_two_answers_that_decide_about_one_mail_at_once_decide_it_once(office: Office) -> None:
    office.later(days=1)
    letter = office.last("held")
    rows = [office.receive(_proven(reply(letter, text, name="Olga"))) for text in ("drop 1", "release 1")]
    office.work()
    assert office.row(1).reason == "dropped"
    assert [office.row(row).state for row in rows] == ["done", "done"]
    receipts = [one.text for one in office.letters() if one.name == "receipt"]
    assert ["Done" in one for one in receipts] == [True, False]
    assert "It was dropped (Olga Owner" in " ".join(receipts[1].split())


def _proven(raw: bytes) -> bytes:
    return b"Authentication-Results: mx.desk.example; dmarc=pass header.from=desk.example\r\n" + raw


@pytest.mark.parametrize(
    ("zone", "now", "due"),
    [
        (None, "2026-03-02T07:59", "2026-03-02T08:00"),
        (None, "2026-03-02T08:00", "2026-03-03T08:00"),
        ("Europe/Berlin", "2026-03-02T06:59", "2026-03-02T07:00"),
        # Clocks go forward on the 29th of March at two, and back on the 25th of October at three.
        ("Europe/Berlin", "2026-03-28T12:00", "2026-03-29T06:00"),
        ("Europe/Berlin", "2026-10-24T12:00", "2026-10-25T07:00"),
        ("Pacific/Auckland", "2026-03-02T12:00", "2026-03-02T19:00"),
    ],
)
def test_the_next_morning_is_told_in_the_persons_zone(office: Office, zone: str | None, now: str, due: str) -> None:
    when, wanted = (datetime.fromisoformat(f"{one}+00:00") for one in (now, due))
    person = Person(OLGA.address, timezone=zone)
    assert digest.morning(person, office.house.rules("", office.people), when) == wanted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Invoice 4.50 e.g. no. 7", "Invoice 4.50 e.g. no. 7"),
        ("http://1.2.3.4/x", "http[:]//1.2.3.4/x"),
        ("see www.evil.example/pay", "see www[.]evil[.]example/pay"),
        ("evil\u3002example", "evil[.]example"),
    ],
)
def test_nothing_that_a_mail_program_would_make_a_link_of_is_left(text: str, shown: str) -> None:
    assert digest.defused(text) == shown


def test_every_reason_why_a_mail_cannot_be_read_is_known() -> None:
    """Words for each of them stand in the templates."""
    source = (Path(digest.__file__).parents[1] / "mail" / "budget.py").read_text()
    slugs = set(re.findall(r'return "((?:too|header)-[a-z-]+)"', source))
    assert len(slugs) > 4
    assert slugs <= set(HELD_WHY)


def test_what_is_expected_twice_is_due_once(office: Office) -> None:
    with office.store.begin() as tx:
        digest.expect(tx, office.house.rules(office.desk.name, office.people), office.now)
        assert len(digests.due(tx, MORNING, 10)) == 1
