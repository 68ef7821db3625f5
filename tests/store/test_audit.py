"""Does the audit see what must never be? Each violation is planted by hand into an honest ledger, and has to be named."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from mailgate.store import audit, inbox
from mailgate.store.audit import Ledger
from mailgate.store.engine import Store
from mailgate.store.inbox import InboxState
from mailgate.store.outbox import OutboxState
from tests.kit.office import Office, delivery_report, mail, reply, with_file
from tests.kit.postgres import Postgres
from tests.store.databases import arrival, lease


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def office(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A desk with some history: a ticket answered, resolved and closed, another whose letter came back, and a machine's answer.

    Made once; what a test plants into it is rolled back.
    """
    server: Postgres | None = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    desk = Office(tmp_path_factory.mktemp("office"), server.url(server.database()) if server else "")
    desk.post(with_file(mail("It smokes."), "smoke.jpg", b"\xff\xd8" * 50))
    desk.post(reply(desk.last("new_ticket", "tina@desk.example"), "Did you turn it off and on?", sender="tina@desk.example"))
    desk.post(reply(desk.last("reply"), "It works again, thanks"))
    desk.post(reply(desk.last("new_ticket", "tina@desk.example"), "#take\n#resolve off and on", sender="tina@desk.example"))
    desk.later(days=8)
    desk.post(mail("My mouse is gone.", sender="bob@out.example", subject="Mouse"), sender="bob@out.example")
    letter = desk.last("acknowledgement", "bob@out.example")
    desk.post(delivery_report(letter), sender="", to=(desk.bounce_address(letter),))
    desk.post(mail(headers="Auto-Submitted: auto-replied"), sender="")
    yield desk
    desk.close()


def ledger(office: Office, *planted: str, **values: object) -> Ledger:
    """What the audit says after these statements, which leave no trace."""
    with office.store.look() as tx:
        for statement in planted:
            tx.execute(text(statement), values)
        return audit.audit(tx)


def test_an_honest_ledger_has_no_violation_and_its_sums_hold(office: Office) -> None:
    found = ledger(office)
    assert found.violations == ()
    assert found.accepted == sum(found.inbox.values()) >= 6
    assert found.inbox["done"] >= 4
    assert found.inbox["ignored"] >= 1
    assert found.outbox["bounced"] == 1
    assert found.pending == 0


def test_an_empty_ledger_is_honest(store: Store) -> None:
    with store.look() as tx:
        assert audit.audit(tx) == Ledger(dict.fromkeys(InboxState, 0), dict.fromkeys(OutboxState, 0), ())


def test_what_is_pending_is_counted_and_is_no_violation(store: Store) -> None:
    with store.begin() as tx:
        inbox.add(tx, [arrival("a"), arrival("b")], lease(), claimed=False)
        inbox.claim(tx, lease(), 1)
    with store.look() as tx:
        found = audit.audit(tx)
    assert found.violations == ()
    assert (found.pending, found.inbox["claimed"], found.inbox["received"]) == (2, 1, 1)


PLANTED = {
    "I1 octets are gone": ("UPDATE inbox SET size = size + 1 WHERE id = 1", "I1", "inbox:1"),
    "I2 a mail waits that has acted": ("UPDATE inbox SET state = 'received', finished_at = NULL WHERE id = 1", "I2", "inbox:1"),
    "I2 a held mail has acted": ("UPDATE inbox SET state = 'held', reason = 'x', finished_at = NULL WHERE id = 1", "I2", "inbox:1"),
    "I3 a mail is done without an effect": ("UPDATE events SET cause_id = '999' WHERE cause_id = '3'; "
                                            "UPDATE outbox SET cause_id = '999' WHERE cause_id = '3'", "I3", "inbox:3"),
    "I3 an event has no cause": ("UPDATE events SET cause_id = '999' WHERE cause_id = '3'", "I3", "events:"),
    "I3 a letter has no cause": ("UPDATE outbox SET cause_id = '999' WHERE cause_id = '1'", "I3", "outbox:"),
    "I3 a letter has a timer that did not fire": ("UPDATE timers SET state = 'cancelled' WHERE state = 'fired'", "I3", "outbox:"),
    "I3 a ticket is not what its story says": ("UPDATE tickets SET team = 'nobody knows' WHERE id = 1", "I3", "ticket:1"),
    "I3 a participant came out of nowhere": ("INSERT INTO participants VALUES (1, 'eve@out.example', 'cc', true, false)", "I3", "ticket:1"),
    "I3 nobody opened a ticket": ("UPDATE events SET verb = 'closed' WHERE verb = 'open' AND ticket = 2", "I3", "ticket:2"),
    "I4 an unknown state of a mail": ("UPDATE inbox SET state = 'lost' WHERE id = 1", "I4", "inbox:1"),
    "I4 a final mail has no end": ("UPDATE inbox SET finished_at = NULL WHERE id = 1", "I4", "inbox:1"),
    "I4 ignored without a reason": ("UPDATE inbox SET state = 'ignored', reason = '' WHERE id = 1", "I4", "inbox:1"),
    "I4 claimed by nobody": ("UPDATE inbox SET state = 'claimed', finished_at = NULL WHERE id = 1", "I4", "inbox:1"),
    "I4 an unknown state of a letter": ("UPDATE outbox SET state = 'lost' WHERE id = 1", "I4", "outbox:1"),
    "I4 a sent letter has no end": ("UPDATE outbox SET state = 'sent' WHERE id = 1", "I4", "outbox:1"),
    "I4 suppressed without a reason": ("UPDATE outbox SET state = 'suppressed', finished_at = next_at WHERE id = 1", "I4", "outbox:1"),
    "I4 an unknown state of a timer": ("UPDATE timers SET state = 'lost' WHERE id = 1", "I4", "timer:1"),
    "I5 two letters bear one Message-ID": ("UPDATE outbox SET message_id = 'same@desk.example' WHERE id < 3", "I5", "same@desk.example"),
    "I7 a pending timer has fired": ("UPDATE timers SET state = 'pending' WHERE state = 'fired'", "I7", "timer:"),
    "I7 a fired timer has no time": ("UPDATE timers SET fired_at = NULL WHERE state = 'fired'", "I7", "timer:"),
    "I10 a mail is in no known state": ("UPDATE inbox SET state = 'lost' WHERE id = 1", "I10", "inbox"),
    "I10 a letter is in no known state": ("UPDATE outbox SET state = 'lost' WHERE id = 1", "I10", "outbox"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_is_named(office: Office, name: str) -> None:
    statements, invariant, row = PLANTED[name]
    found = [(one.invariant, one.row) for one in ledger(office, *statements.split("; ")).violations]
    assert any(one == invariant and row in where for one, where in found), found


def test_a_letter_that_waits_without_octets_is_named(office: Office) -> None:
    found = ledger(office, "UPDATE outbox SET octets = :none WHERE id = 1", none=b"").violations
    assert ("I5", "outbox:1") in [(one.invariant, one.row) for one in found]


# What the unique keys make impossible is looked for all the same: a table made anew by hand may have lost them.
_DOUBLED = {
    "events": ("I2", "INSERT INTO {0} SELECT id + 1000, ticket, at, actor, strength, verb, changes, note, cause_type, cause_id, effect_no "
                     "FROM {0} WHERE cause_type = 'inbox' AND cause_id = '1'"),
    "timers": ("I7", "INSERT INTO {0} SELECT id + 1000, ticket, kind, epoch, due_at, state, fired_at FROM {0} WHERE id = 1"),
}  # fmt: skip


@pytest.mark.parametrize("table", _DOUBLED)
def test_an_effect_that_came_true_twice_is_named(office: Office, table: str) -> None:
    invariant, double = _DOUBLED[table]
    without = (f"ALTER TABLE {table} RENAME TO old", f"CREATE TABLE {table} AS SELECT * FROM old")
    if not office.store.sqlite:
        without = (f"ALTER TABLE {table} DROP CONSTRAINT {table}_once",)
    found = ledger(office, *without, double.format(table)).violations
    assert any(one.invariant == invariant and "more than once" in one.what for one in found), found
    assert ledger(office).violations == ()


def notice(
    state: str, *, finished: bool = False, told_as: str = "NULL", reason: str = "", metric: str = "resolution", number: int = 1
) -> str:  # fmt: skip
    """The statement that plants a notice."""
    at = "(SELECT min(created_at) FROM outbox)"
    return f"""
        INSERT INTO notices (desk, person, ticket, metric, number, percent, later, quiet, at, due_at, state, reason, finished_at, told_as,
            cause_type, cause_id)
        SELECT 'Desk', 'tina@desk.example', 1, '{metric}', {number}, 100, 0, true, {at}, {at}, '{state}', '{reason}',
            {at if finished else "NULL"}, {told_as}, 'order', '{number}'"""


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        (notice("sleeping"), "I4 unknown state 'sleeping'"),
        (notice("waiting", finished=True), "I4 waiting, but finished at"),
        (notice("told"), "I4 told, but finished at None"),
        (notice("moot", finished=True), "I4 moot without a reason"),
        (notice("told", finished=True, told_as="7"), "I3 told, but no letter tells it"),
        (notice("waiting"), ""),
        (notice("moot", finished=True, reason="ended"), ""),
    ],
)
def test_each_notice_has_one_end(office: Office, planted: str, found: str) -> None:
    named = [f"{one.invariant} {one.what}" for one in ledger(office, planted).violations]
    assert [one[: len(found)] for one in named] == ([found] if found else [])


def test_nobody_is_to_be_told_the_same_twice(office: Office) -> None:
    assert [one.row for one in ledger(office, notice("waiting"), notice("waiting", number=2)).violations] == ["notice:1:resolution"]
    assert ledger(office, notice("waiting"), notice("waiting", metric="first_response")).violations == ()
