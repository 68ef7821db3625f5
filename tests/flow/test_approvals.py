"""Is an approval decided once, whoever says what at the same moment: two clicks, a mail and the end of the time that there was?"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailgate.desk.approval import Verdict
from mailgate.desk.model import Status
from mailgate.desk.plans import OnExpire, Stage
from mailgate.flow import approvals as page
from mailgate.flow import step, timers
from mailgate.store import schema
from mailgate.store.engine import Fenced
from tests.kit.office import Office, mail, reply
from tests.kit.together import at_once
from tests.stories.test_approvals import PEOPLE, WEB, ask, ruled

SEED = 20260302
MANY = 200


@pytest.fixture
def office(tmp_path: Path, store_url: str) -> Iterator[Office]:
    policy = ruled(Stage(("manager",)), remind=(), expire=timedelta(days=1), on_expire=OnExpire.DECLINE)
    office = Office(tmp_path, store_url, PEOPLE, policy, desk=WEB)
    yield office
    office.close()


def decisions(office: Office) -> Counter[str]:
    """How many events have decided something, by their verb."""
    with office.store.look() as tx:
        verbs = tx.execute(schema.events.select()).all()
    return Counter(one.verb for one in verbs if one.verb in ("approve", "reject", "expire"))


def pressed(office: Office, secrets: list[str], verb: str) -> Counter[str]:
    """One visitor after the other says the same behind his link."""
    seen: Counter[str] = Counter()
    for number, secret in enumerate(secrets):
        while True:
            try:
                shown = page.decided(office.store, office.house, secret, verb, "", f"{number:064x}", office.now)
            except Fenced:
                continue
            assert shown is not None
            seen[shown.said] += 1
            break
    return seen


def test_two_clicks_a_mail_and_the_expiry_of_200_approvals_at_once_are_200_decisions(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each for itself, so that none of them has done everything before the others begin.
    monkeypatch.setattr(timers, "_BATCH", 1)
    monkeypatch.setattr(step, "BATCH", 1)
    for number in range(MANY):
        office.receive(mail("VPN please.", subject="VPN", sender=f"p{number}@out.example"), sender=f"p{number}@out.example")
    by_name = ruled(Stage(("bea@corp.example",)), remind=(), expire=timedelta(days=1), on_expire=OnExpire.DECLINE)
    office.change(policy=by_name)
    office.work()
    letters = [one for one in office.letters() if one.name == "approval_request"]
    assert len(letters) == MANY
    office.now += timedelta(days=1)
    for letter in letters:
        office.receive(reply(letter, "approve by mail"), sender="bea@corp.example")
    secrets = [letter.page for letter in letters]
    other = random.Random(SEED).sample(secrets, MANY)

    def fire() -> Counter[str]:
        return Counter(fired=sum(itertools.takewhile(bool, (office.keeper.tick() for _ in itertools.count()))))

    def read() -> Counter[str]:
        office.work()
        return Counter()

    acts: list[Callable[[], Counter[str]]] = [
        lambda: pressed(office, secrets, "approve"), lambda: pressed(office, other, "reject"), read, fire,
    ]  # fmt: skip
    todo = iter(acts)
    came = at_once(lambda: next(todo)(), len(acts))
    # What somebody had locked is left for the next time.
    office.now += timedelta(minutes=10)
    office.work()
    office.later(minutes=10)
    made = decisions(office)
    clicked = sum(one["decided"] for one in came)
    print(f"\n{dict(made)}, {clicked} of them behind a link")
    assert sum(made.values()) == MANY
    tickets = [office.ticket(number) for number in range(1, MANY + 1)]
    assert {one.status for one in tickets} <= {Status.NEW, Status.DECLINED}
    assert all(len(one.asks) == 1 and one.asks[0].state is not Verdict.PENDING for one in tickets)
    assert Counter(one.asks[0].how for one in tickets)["link"] == clicked
    assert office.violations() == []


@pytest.mark.parametrize("verbs", [("approve", "approve"), ("approve", "reject")])
def test_two_tabs_at_the_same_moment_decide_once_and_one_reads_who_did(office: Office, verbs: tuple[str, str]) -> None:
    ask(office)
    secret = office.last("approval_request").page
    todo = iter(verbs)

    def press() -> page.Shown:
        # The second one waits for the ticket, and is told; it does not fail.
        seen = page.decided(office.store, office.house, secret, next(todo), "", "ab" * 32, office.now)
        assert seen is not None
        return seen

    seen = at_once(press)
    assert sorted(one.said for one in seen) == ["decided", "too-late"]
    assert {(one.note, one.approval.by) for one in seen} == {("already", "Bea Boss")}
    assert sum(decisions(office).values()) == 1
    assert office.violations() == []


def test_looking_writes_nothing(office: Office) -> None:
    ask(office)
    secret = office.last("approval_request").page

    def everything() -> str:
        with office.store.look() as tx:
            return str([tx.execute(table.select()).all() for table in schema.metadata.sorted_tables])

    before = everything()
    for _ in range(50):
        page.shown(office.store, office.house, secret, office.now)
    assert everything() == before
