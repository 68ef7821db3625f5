"""Do the hot statements find their rows by an index, however much lies in the tables? SQLite says how it would look for them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from mailgate.desk.absence import Absence
from mailgate.desk.approval import Ask, Verdict
from mailgate.desk.article import Article
from mailgate.desk.clock import BREACH
from mailgate.desk.decision import Message
from mailgate.desk.events import Event, born, changes, fold
from mailgate.desk.kin import Wanted
from mailgate.desk.letters import Notice
from mailgate.desk.model import Address, Directory, Participant, Status, Ticket, TicketId
from mailgate.desk.report import Period
from mailgate.desk.sla import Timer
from mailgate.desk.summary import Kind
from mailgate.store import (
    absences,
    approvals,
    articles,
    aside,
    backlog,
    blocks,
    board,
    clock,
    digests,
    facts,
    figures,
    inbox,
    links,
    notices,
    outbox,
    people,
    readable,
    relations,
    retention,
    search,
    tickets,
    timers,
)
from mailgate.store.engine import Store, Tx
from mailgate.store.inbox import End, InboxState
from mailgate.store.links import Link, Purpose
from mailgate.store.loads import loads
from mailgate.store.outbox import OutboxState, Settled
from mailgate.store.records import Records
from tests.kit.statements import watched
from tests.store.databases import NOW, arrival, lease
from tests.store.test_outbox import letter
from tests.store.test_tickets import ANN, opening


@pytest.fixture
def store(tmp_path: Path, blank_sqlite: bytes) -> Iterator[Store]:
    path = tmp_path / "mailgate.db"
    path.write_bytes(blank_sqlite)
    store = Store(f"sqlite:///{path}")
    yield store
    store.close()


def held(tx: Tx) -> None:
    """What is told and decided about mails that wait for a human."""
    digests.expect(tx, "Desk", ANN, NOW, NOW)
    for late in digests.due(tx, NOW, 50):
        digests.told(tx, late, NOW)
    aside.waiting(tx, "Desk", 50)
    aside.put_aside(tx, [1])
    blocks.kept_away(tx, ANN, NOW)
    summed_up(tx)


def summed_up(tx: Tx) -> None:
    """What a digest and a report ask, of a desk and of some teams; and how they are planned."""
    digests.plan(tx, "Desk", ANN, Kind.DAILY, NOW, None)
    digests.plan(tx, "Desk", ANN, Kind.DAILY, NOW, NOW)
    (late,) = digests.due(tx, NOW, 50)
    digests.told(tx, late, NOW, NOW + timedelta(days=1))
    backlog.of_person(tx, "Desk", [ANN])
    for teams in ((), ("first", "second")):
        backlog.counted(tx, "Desk", teams, NOW)
        backlog.unassigned(tx, "Desk", teams, 10)
        backlog.late(tx, "Desk", teams, NOW, 10)
        backlog.oldest(tx, "Desk", teams, 5)
    tuple(figures.touched(tx, "Desk", Period(NOW - timedelta(days=7), NOW)))
    board.unsolved(tx, "Desk", 5000, lambda _number, _version, read: read())
    signed_in(tx)


def signed_in(tx: Tx) -> None:
    """What is asked of who signs in to the desk's pages, and at each of his requests."""
    soon = NOW + timedelta(minutes=15)
    links.put(tx, Link("h", Purpose.LOGIN, NOW, soon, ANN))
    links.of_person(tx, ANN, Purpose.LOGIN, NOW)
    links.unexpired(tx, Purpose.LOGIN, NOW, soon)
    links.find(tx, "h", Purpose.LOGIN)
    links.use(tx, "h", Purpose.LOGIN, NOW)
    facts.put(tx, facts.ASKED, "now")


def clocked(tx: Tx, ticket: TicketId) -> None:
    """What is told of clocks, of approvals, and of mails that wait for a human."""
    held(tx)
    approved(tx, ticket)
    outbox.written_to(tx, ANN, NOW - timedelta(hours=1), 100)
    for number in range(3):
        notices.add(tx, Notice("Desk", ANN, ticket, f"metric{number}", 1, BREACH), ("timer", str(number)), NOW, NOW)
    assert notices.whom(tx, NOW - timedelta(seconds=1)) is None
    whom = notices.whom(tx, NOW)
    assert whom is not None
    first, *others = notices.due(tx, whom, NOW, 10)
    notices.told(tx, others, others[0].id, NOW)
    notices.moot(tx, first, "ended", NOW)
    notices.waiting(tx, ticket)
    notices.causes(tx, ticket)


def approved(tx: Tx, ticket: TicketId) -> None:
    """What is asked of approvers and their links."""
    ask = Ask(1, 1, ANN, NOW)
    approvals.keep(tx, ticket, (), (ask,))
    row = approvals.row_of(tx, ticket, ask)
    assert row is not None
    links.put(tx, Link("a", Purpose.APPROVAL, NOW, NOW + timedelta(days=1), ANN, row))
    links.of_approval(tx, row, Purpose.CODE)
    links.missed(tx, "a")
    approvals.find(tx, row)
    approvals.of_ticket(tx, ticket)
    approvals.keep(tx, ticket, (ask,), (replace(ask, state=Verdict.APPROVED, decided=NOW, by=ANN),))
    approvals.listed(tx, (Verdict.PENDING,), ANN)


def related(tx: Tx, ticket: Ticket, message: int) -> None:
    """Each statement that asks how tickets hang together, once."""
    asks = Wanted((ticket.id,), splits=True, answers=("a@mua.example",), threads=(ticket.id,), reopens=True)
    relations.kin(tx, ticket, asks, (ANN,), NOW, lock=True)
    relations.losers(tx, ticket.id)
    relations.candidates(tx, ticket, NOW, others=True)
    tickets.repeat(tx, message, ticket.id, "split")


def _know(tx: Tx, after: Ticket) -> None:
    """What the knowledge base asks and is told, and what an alarm is about."""
    article = Article(after.id, after.desk, "Printer prints blank pages", "", "Pull the strip.", ANN)
    articles.put(tx, article, NOW)
    articles.suggested(tx, after.desk, "Blank strip", "")
    articles.origin(tx, after.id)
    articles.found(tx, after.desk, "strip")
    search.behind(tx)
    search.catch_up(tx, 10)
    articles.found(tx, after.desk, "text")
    tickets.about(tx, "Desk", "icinga", lock=True, opens=True)
    _reach(tx, after)
    tickets.open_new(tx, fold(born(TicketId(0), opening()), [Event("alarm", "t", NOW, None, changes(event_key="icinga"))]))


def _reach(tx: Tx, ticket: Ticket) -> None:
    """What is asked before somebody is reminded."""
    people.suppression(tx, ANN)
    outbox.came_back(tx, ticket.id, ANN)
    outbox.written_since(tx, ticket.id, "undeliverable", NOW)
    tickets.happened_since(tx, ticket, "skip")
    tickets.heard_since(tx, ticket.id, ANN, NOW)


def _forget(tx: Tx) -> None:
    """What the calendar asks."""
    retention.empty_mails(tx, InboxState.IGNORED, NOW, 10)
    retention.remove_tickets(tx, NOW, 10)
    retention.empty_digests(tx, NOW, 10)


def _doubt(tx: Tx) -> None:
    """What is asked and mended where timers are held, or the clock is in doubt."""
    facts.get(tx, facts.HOLD)
    clock.newest_event(tx)
    inbox.hurry(tx, NOW)
    outbox.hurry(tx, NOW)


def _read(tx: Tx, ticket: Ticket) -> None:
    """Each statement that tells what was said in public."""
    tickets.public_story(tx, ticket)
    readable.told(tx, ticket.id)
    readable.file(tx, ticket.id, 1)


def live(store: Store) -> None:
    """Each statement that a mail, a timer or a letter runs, once."""
    with store.begin() as tx:
        inbox.add(tx, [arrival("a"), arrival("b"), arrival("b")], lease(), claimed=False)
        claims = inbox.claim(tx, lease(), 20)
        known = Records(tx, Directory())
        known.known_ids("Desk", ["a@mua.example"])
        known.was_at(TicketId(1), "Other")
        known.twins("Desk", "a@mua.example", 2, NOW)
        known.letter_of(["x@desk.example"])
        inbox.unread(tx, "Desk", [f"{number}@mua.example" for number in range(20)], 1)
        before = tickets.open_new(tx, born(TicketId(0), opening()))
        found = tickets.survivor(tx, before.id, lock=True)
        assert found is not None
        others = (Participant(ANN, "requester"), Participant(Address("bob@out.example"), "cc"))
        solve = Event("resolve", "t", NOW, None, changes(status=Status.WAITING_FOR_CLOSURE, participants=others, links=(1,)))
        after = tickets.save(tx, found, fold(found, (solve,)))
        tickets.save(tx, after, fold(after, (Event("cc", "t", NOW, None, changes(participants=others[:1])),)))
        tickets.record(tx, after.id, (solve,), "inbox", "1")
        number = tickets.say(tx, after.id, Message(ANN, "text"), NOW)
        tickets.attach(tx, number, [tickets.File("a", "b", 1, "c", False, None, 1)])
        tickets.know(tx, "Desk", after.id, ["a@mua.example"])
        tickets.writer(tx, after.id, ANN)
        _read(tx, after)
        tickets.say(tx, after.id, Message(Address("tom"), "answer", direction="out"), NOW + timedelta(hours=1))
        known.meanwhile(after.id, [ANN], ["x@desk.example"], insists=False)
        known.held(after.id, [ANN])
        loads(tx, [ANN])
        tickets.unresolved_of(tx, [ANN])
        absences.put(tx, Absence(ANN, "2026-03-02"))
        absences.handed(tx, [ANN])
        absences.hand(tx, ANN, "2026-03-02")
        related(tx, after, number)
        _know(tx, after)
        timers.rewrite(tx, after.id, [Timer("autoclose", NOW)], 1, NOW)
        (due,) = timers.due(tx, NOW, 50)
        timers.fired(tx, due, NOW)
        timers.put_off(tx, due, NOW)
        timers.overdue(tx, NOW)
        clocked(tx, after.id)
        outbox.automatic_since(tx, [ANN], NOW - timedelta(days=1))
        people.suppressed(tx, [ANN])
        people.suppress(tx, ANN, "550", NOW)
        outbox.add(tx, [letter("1"), letter("2")], None, NOW, NOW)
        for posted in outbox.claim(tx, lease(), timedelta(minutes=5), 50):
            outbox.get(tx, posted.id)
            outbox.settle(tx, "me", Settled(posted.id, posted.attempts, OutboxState.SENT, NOW), NOW)
            outbox.bounced(tx, posted.id, "r", NOW)
        _doubt(tx)
        inbox.finish(tx, claims[0], End(InboxState.DONE, "", after.id, ANN, "claimed", "[]"), NOW)
        inbox.put_back(tx, claims[1], NOW, strike=False)
        _forget(tx)


def test_no_hot_statement_walks_through_a_table(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watched(store, monkeypatch)
    live(store)
    ran = {statement: values for statement, values in seen if statement.split()[0] in ("SELECT", "UPDATE", "DELETE")}
    assert len(ran) >= 25
    explaining = sqlite3.connect(store.path)
    plans = {
        statement: [row[3] for row in explaining.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
        for statement, parameters in ran.items()
    }
    explaining.close()
    # A list of values is walked through, and a row without a table; a table never.
    walking = [
        one for one in plans.items()
        if any(step.startswith("SCAN") and "VIRTUAL TABLE" not in step and step != "SCAN CONSTANT ROW" for step in one[1])
    ]  # fmt: skip
    # People who were added by hand are few, and each mail needs all of them.
    assert [one for one in walking if "FROM people" not in one[0]] == []


def plan(store: Store, statement: str) -> str:
    connection = sqlite3.connect(store.path)
    found = "; ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}"))
    connection.close()
    return found


def test_a_claim_reads_no_more_rows_than_it_takes(store: Store) -> None:
    """An archive of a hundred thousand mails must not be sorted anew for every twenty of them."""
    found = plan(store, "SELECT id, attempts FROM inbox WHERE state = 'received' AND next_at <= 1 ORDER BY next_at, id LIMIT 20")
    assert found == "SEARCH inbox USING INDEX inbox_by_state (state=? AND next_at<?)"


def test_planning_the_timers_of_a_ticket_does_not_look_at_those_of_others(store: Store) -> None:
    found = plan(store, "UPDATE timers SET state = 'cancelled' WHERE ticket = 1 AND state = 'pending'")
    assert found == "SEARCH timers USING INDEX timers_by_ticket (ticket=? AND state=?)"


def rows_read(store: Store, due: int, open_tickets: int) -> int:
    """How many steps SQLite takes for one tick, with so many timers due and so many that are not."""
    with store.begin() as tx:
        tx.exec_driver_sql("DELETE FROM timers")
        ticket = tickets.open_new(tx, born(TicketId(0), opening())).id
        late = [Timer(f"due{number}", NOW) for number in range(due)]
        early = [Timer(f"open{number}", NOW + timedelta(days=9)) for number in range(open_tickets)]
        timers.rewrite(tx, ticket, [*late, *early], 1, NOW)
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    with store.look() as tx:
        raw = tx.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        timers.due(tx, NOW, 1_000_000)
        raw.set_progress_handler(step, 10)
        timers.due(tx, NOW, 1_000_000)
        raw.set_progress_handler(None, 10)
    return steps


def test_the_cost_of_a_tick_grows_with_what_is_due_and_not_with_what_is_open(store: Store) -> None:
    assert rows_read(store, due=10, open_tickets=5000) <= rows_read(store, due=10, open_tickets=10) + 1
    assert rows_read(store, due=200, open_tickets=10) > 10 * rows_read(store, due=10, open_tickets=10)
