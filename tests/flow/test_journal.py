"""Does the log tell what came true, and only that?"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from mailgate.flow import journal, step
from tests.kit.office import Office, mail


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """The facts that were logged so far, by name."""
    caplog.set_level(logging.INFO, "mailgate")
    return lambda: [record.getMessage().partition(" ")[0] for record in caplog.records]


def test_what_is_told_in_a_transaction_is_written_when_it_has_ended_well(told: Callable[[], list[str]]) -> None:
    with journal.on_commit():
        journal.told("one")
        with journal.on_commit():
            journal.told("two")
        assert told() == []
    assert told() == ["one", "two"]


def test_of_what_is_rolled_back_only_the_trouble_is_told(told: Callable[[], list[str]]) -> None:
    @journal.on_commit()
    def fail() -> None:
        journal.told("one")
        journal.trouble("somewhere", ValueError())
        raise ValueError("full")

    with pytest.raises(ValueError, match="full"):
        fail()
    journal.told("two")
    assert told() == ["trouble", "two"]


def test_of_two_mails_in_one_commit_the_one_that_fails_is_not_told_of(
    told: Callable[[], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(tmp_path)
    real = step.inbox.finish

    def failing(tx: object, claim: step.Claim, *rest: object) -> None:
        if b"Second" in claim.raw:
            raise RuntimeError
        real(tx, claim, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(step.inbox, "finish", failing)
    office.receive_all([mail("First."), mail("Second.", sender="bob@out.example", subject="b")])
    office.worker.run()
    assert (told().count("changed"), told().count("trouble")) == (1, 1)
    office.close()
