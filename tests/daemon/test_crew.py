"""Can anybody of the crew end, forget or give up without being noticed? Each of them with trouble all around him."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mailgate.config.load import load
from mailgate.daemon.crew import Missing
from mailgate.daemon.post import Postman
from mailgate.daemon.service import Service
from mailgate.daemon.work import Workbench
from mailgate.desk.errors import Temporary
from mailgate.flow.delivery import Outcome, Parcel, Result
from mailgate.flow.indexing import Indexer
from mailgate.flow.intake import Intake
from mailgate.flow.timers import Timekeeper
from tests.kit.daemon import Gateway
from tests.kit.processes import wait_until

PATIENCE = 10.0


async def eventually(true: Callable[[], bool], what: str) -> None:
    """Waits in a thread, so that the loop goes on."""
    await asyncio.to_thread(wait_until, true, PATIENCE, what)


# ---------------------------------------------------------------------------------------------------------------- the worker


class Hands:
    """A worker that does what it is told to do with each batch, and remembers the batches."""

    def __init__(self, *troubles: BaseException) -> None:
        self.troubles = list(troubles)
        self.batches: list[list[object]] = []
        self.posted: list[object] = []
        self.recovered: list[tuple[list[object], list[object]]] = []

    def process(self, claims: Sequence[object]) -> list[object]:
        if not claims:
            return []
        self.batches.append(list(claims))
        if self.troubles:
            raise self.troubles.pop(0)
        return list(claims)

    def claim(self, *, alone: bool) -> list[object]:
        return []

    def recover(self, hand: Sequence[object], tried: Sequence[object]) -> None:
        self.recovered.append((list(hand), list(tried)))


def bench(hands: Hands) -> tuple[Workbench, Any]:
    intake = SimpleNamespace(in_hand=queue.SimpleQueue(), doubts=0)
    made = Workbench(cast(Any, hands), cast(Any, intake), hands.posted.extend)
    made.start()
    return made, intake


def stored(made: Workbench, intake: Any, *claims: object) -> None:
    for claim in claims:
        intake.in_hand.put(claim)
    made.stored()


def test_mails_in_hand_stay_in_hand_while_the_database_is_away() -> None:
    hands = Hands(Temporary("the database has gone"), Temporary("still"))
    made, intake = bench(hands)
    stored(made, intake, 1, 2, 3)
    wait_until(lambda: hands.posted == [1, 2, 3], PATIENCE, "they are processed in the end")
    assert hands.batches == [[1, 2, 3]] * 3
    # Before each new try, what only the database knows of is anybody's again.
    assert hands.recovered == [([1, 2, 3], [1, 2, 3])] * 2
    made.close(1)


def test_after_a_doubtful_commit_of_the_intake_claims_in_nobodys_hand_are_given_back() -> None:
    hands = Hands()
    made, intake = bench(hands)
    intake.doubts = 1
    stored(made, intake, 1)
    wait_until(lambda: hands.posted == [1], PATIENCE, "it goes on")
    assert hands.recovered == [([1], [])]
    stored(made, intake, 2)
    wait_until(lambda: hands.posted == [1, 2], PATIENCE, "it goes on")
    assert len(hands.recovered) == 1
    made.close(1)


def test_a_batch_that_meets_a_fault_of_ours_does_not_hold_up_the_next() -> None:
    hands = Hands(ZeroDivisionError("a bug"))
    made, intake = bench(hands)
    stored(made, intake, 1)
    wait_until(lambda: hands.batches == [[1]], PATIENCE, "the first batch")
    stored(made, intake, 2)
    wait_until(lambda: hands.posted == [2], PATIENCE, "the second batch")
    # A bug would come back with its mail at once, so that mail has to wait.
    assert hands.recovered == []
    assert made.alive
    made.close(1)
    assert not made.alive


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_thread_that_ends_all_the_same_is_noticed() -> None:
    made, intake = bench(Hands(SystemExit()))
    stored(made, intake, 1)
    wait_until(lambda: not made.alive, PATIENCE, "it has ended")


# --------------------------------------------------------------------------------------------------------------- the postman


class Office:
    """Delivery and courier in one: what is settled, what is carried, and which troubles come first."""

    def __init__(self) -> None:
        self.carried: list[int] = []
        self.settled: list[int] = []
        self.commits: list[list[int]] = []
        # The relay takes its time for this letter.
        self.hard: int | None = None
        self.mild = asyncio.Event()
        self.due: list[list[Parcel]] = []
        self.settle_troubles: list[Exception] = []
        self.carry_troubles: list[Exception] = []

    def ready(self) -> bool:
        return True

    def claim(self) -> list[Parcel]:
        return self.due.pop() if self.due else []

    def parcels(self, letters: Sequence[int]) -> list[Parcel]:
        return [Parcel(number, 1, "", "", b"", "", time.monotonic() + 60) for number in letters]

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        if self.settle_troubles:
            raise self.settle_troubles.pop(0)
        self.settled += [one.row for one in outcomes]
        self.commits.append([one.row for one in outcomes])

    async def deliver(self, parcels: Sequence[Parcel], answered: Callable[[Outcome], None]) -> list[Outcome]:
        if self.carry_troubles:
            raise self.carry_troubles.pop(0)
        outcomes = []
        for one in parcels:
            if one.row == self.hard:
                await self.mild.wait()
            self.carried.append(one.row)
            outcomes.append(Outcome(one.row, one.attempt, Result.SENT))
            answered(outcomes[-1])
        return outcomes

    async def close(self) -> None:
        return None


async def test_what_the_relay_has_answered_is_written_down_before_anything_else_is_carried() -> None:
    office = Office()
    office.settle_troubles = [Temporary("the database has gone")]
    postman = Postman(cast(Any, office), cast(Any, office))
    postman.start()
    postman.hand(cast(Any, [1, 2]))
    await eventually(lambda: office.carried == [1, 2] and not office.settle_troubles, "carried, but not settled")
    assert office.settled == []
    postman.look()
    await eventually(lambda: office.settled == [1, 2], "settled at the next look")
    # They were carried once: the relay has said yes.
    assert office.carried == [1, 2]
    await postman.close()


async def test_a_postman_survives_what_nobody_thought_of() -> None:
    office = Office()
    office.carry_troubles = [ZeroDivisionError("a bug")]
    postman = Postman(cast(Any, office), cast(Any, office))
    postman.start()
    postman.hand(cast(Any, [1]))
    await eventually(lambda: not office.carry_troubles, "the trouble has come")
    office.due = [office.parcels([2])]
    postman.look()
    await eventually(lambda: office.settled == [2], "he goes on")
    assert postman.alive
    await postman.close()
    assert not postman.alive


async def test_what_was_carried_when_the_postman_is_closed_is_written_down() -> None:
    office = Office()
    postman = Postman(cast(Any, office), cast(Any, office))
    postman.start()
    postman.hand(cast(Any, list(range(25))))
    await eventually(lambda: len(office.carried) >= 10, "he has begun")
    await postman.close()
    assert office.settled == office.carried


async def test_letters_that_are_answered_together_share_a_commit() -> None:
    office = Office()
    postman = Postman(cast(Any, office), cast(Any, office))
    postman.start()
    postman.hand(cast(Any, list(range(25))))
    await eventually(lambda: len(office.settled) == 25, "all are settled")
    assert office.commits == [list(range(20)), list(range(20, 25))]
    await postman.close()


async def test_an_answer_is_written_down_soon_though_the_relay_takes_its_time_for_the_next_letter() -> None:
    office = Office()
    office.hard = 3
    postman = Postman(cast(Any, office), cast(Any, office))
    postman.start()
    postman.hand(cast(Any, [1, 2, 3, 4]))
    await eventually(lambda: office.commits == [[1, 2]], "the first two are settled")
    assert office.carried == [1, 2]
    office.mild.set()
    await eventually(lambda: office.commits == [[1, 2], [3, 4]], "the others, too")
    await postman.close()


# --------------------------------------------------------------------------------------------------------------- the service


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[Gateway, asyncio.Task[None]]]:
    """The whole service inside this process, and the task that it runs in."""
    gateway = Gateway(folder)
    service = Service(load(gateway.config, {}), {})
    task = asyncio.create_task(service.run())
    await eventually(lambda: gateway.ready() or task.done(), "ready")
    yield gateway, task
    service.stop()
    with contextlib.suppress(Missing):
        await asyncio.wait_for(task, 30)


@pytest.mark.parametrize("who", ["worker", "intake", "postman"])
async def test_the_service_ends_when_one_of_the_crew_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    async with serving(tmp_path) as (_, task):
        kind = {"worker": Workbench, "intake": Intake, "postman": Postman}[who]
        monkeypatch.setattr(kind, "alive", property(lambda self: False))
        with pytest.raises(Missing, match=who):
            await asyncio.wait_for(asyncio.shield(task), 30)


async def test_a_tick_that_fails_is_told_and_the_next_one_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    troubles: list[Exception] = [ZeroDivisionError("a bug"), Temporary("the database has gone"), Temporary("still away")]
    usual = Timekeeper.tick

    def tick(keeper: Timekeeper) -> int:
        if troubles:
            raise troubles.pop(0)
        return usual(keeper)

    async with serving(tmp_path) as (gateway, _):
        with caplog.at_level(logging.INFO, "mailgate"):
            monkeypatch.setattr(Timekeeper, "tick", tick)
            await eventually(lambda: len(troubles) == 1, "the database has gone")
            assert await asyncio.to_thread(gateway.get, "/readyz") == 503
            await eventually(gateway.ready, "ready again")
    told = [record.getMessage() for record in caplog.records]
    # The bug and the first sight of the missing database; that it is still away is no news, that it is back is.
    assert sum("where=tick" in line for line in told) == 2
    assert any("error=ZeroDivisionError at=mailgate.daemon.crew:" in line for line in told)
    assert "database_back" in told


async def test_what_has_time_keeps_nobody_from_his_work_and_a_fault_in_it_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[Exception] = [Temporary("the disk is full"), ZeroDivisionError("a bug"), ZeroDivisionError("a bug"), Temporary("again")]

    def tick(_: Indexer) -> int:
        if tries:
            raise tries.pop(0)
        return 0

    monkeypatch.setattr(Indexer, "tick", tick)
    async with serving(tmp_path) as (gateway, _):
        with caplog.at_level(logging.INFO, "mailgate"):
            await eventually(lambda: not tries, "all of it has been tried")
            assert await asyncio.to_thread(gateway.get, "/readyz") == 200
    assert sum("where=chores error=ZeroDivisionError" in record.getMessage() for record in caplog.records) == 1


async def test_the_service_leaves_no_thread_behind(tmp_path: Path) -> None:
    async with serving(tmp_path):
        names = {thread.name for thread in threading.enumerate()}
        assert {"intake", "worker"} <= names
    assert not {"intake", "worker"} & {thread.name for thread in threading.enumerate()}
