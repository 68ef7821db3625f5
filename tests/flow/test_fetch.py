from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mailgate.desk.model import Address
from mailgate.desk.policy import Desk
from mailgate.flow.fetch import LEASE, Ledger, gaps
from mailgate.store import inbox, mailboxes
from mailgate.store.engine import Fenced
from mailgate.store.mailboxes import MailState
from tests.kit.office import Office, mail
from tests.store.databases import NOW


@pytest.fixture
def office(url: str, tmp_path: Path) -> Iterator[Office]:
    desk = Office(tmp_path, url)
    yield desk
    desk.close()


def ledger(office: Office, owner: str = "me") -> Ledger:
    return Ledger(office.store, office.house, owner, "support", "INBOX", (), lambda: NOW, lambda: None)


def opened(office: Office, since: datetime | None = None) -> Ledger:
    mine = ledger(office)
    assert mine.take()
    assert mine.open(7).lowest is None
    mine.begin(1, since, [])
    return mine


def raw(number: int) -> bytes:
    return mail(f"matter {number}", message_id=f"m{number}@mua.example")


def rows(office: Office) -> int:
    with office.store.look() as tx:
        return sum(inbox.counts(tx).values())


def states(office: Office, uidvalidity: int = 7) -> dict[int, MailState]:
    with office.store.look() as tx:
        known = mailboxes.known(tx, mailboxes.Folder("support", "INBOX", uidvalidity))
    return {uid: state for uid, (state, _, _) in known.items()}


def test_a_mail_and_its_uid_are_stored_together_and_flagged_later(office: Office) -> None:
    mine = opened(office)
    assert mine.unknown([3, 4]) == [3, 4]
    mine.enter([(3, raw(3)), (4, raw(4))])
    assert rows(office) == 2
    assert mine.unflagged() == [3, 4]
    mine.flagged([3])
    assert mine.unflagged() == [4]
    assert states(office) == {3: MailState.FINALISED, 4: MailState.STORED}
    assert mine.unknown([3, 4, 5]) == [5]
    mine.advance(5)
    assert mine.open(7).lowest == 5
    # It never goes back.
    mine.advance(2)
    assert mine.open(7).lowest == 5


def test_a_fetched_mail_for_two_desks_is_a_row_for_each_and_one_mail_of_the_mailbox(office: Office) -> None:
    office.further = (Desk("Human Resources", Address("hr@desk.example"), tag="HR"),)
    office.rebuild()
    mine = Ledger(office.store, office.house, "me", "support", "INBOX", ("desk@desk.example",), lambda: NOW, lambda: None)
    assert mine.take()
    mine.open(7)
    mine.begin(1, None, [])
    both = mail("A new colleague comes.", to="desk@desk.example, hr@desk.example")
    mine.enter([(3, both), (4, raw(4)), (5, both)])
    assert states(office) == dict.fromkeys((3, 4, 5), MailState.STORED)
    with office.store.look() as tx:
        found = [(row.desk, row.seen_count) for row in inbox.rows(tx)]
    assert found == [("Service Desk", 2), ("Human Resources", 2), ("Service Desk", 1)]


def test_a_large_mail_is_stored_whole_and_its_second_copy_is_counted(office: Office) -> None:
    mine, large = opened(office), raw(3) + b"words and words\r\n" * 100_000
    mine.enter([(3, raw(1)), (4, large), (5, raw(2)), (6, large)])
    with office.store.begin() as tx:
        found = {row.id: (row.seen_count, row.size) for row in inbox.rows(tx)}
        assert found == {1: (1, len(raw(1))), 2: (2, len(large)), 3: (1, len(raw(2)))}
        assert inbox.raw(tx, 2) == large
        claims = inbox.claim(tx, office.store.lease("me", NOW, LEASE), 10)
    assert [claim.raw for claim in claims] == [raw(1), large, raw(2)]


def test_another_gateway_gets_the_mailbox_only_when_the_first_gives_it_back(office: Office) -> None:
    mine, other = opened(office), ledger(office, "other")
    assert not other.take()
    assert mine.take()
    mine.release()
    assert other.take()


def test_who_lost_the_lease_writes_nothing(office: Office) -> None:
    mine = opened(office)
    with office.store.begin() as tx:
        tx.exec_driver_sql("UPDATE leases SET owner = 'other', fence = fence + 1")
    for write in (lambda: mine.enter([(3, raw(3))]), lambda: mine.flagged([3]), lambda: mine.unknown([3])):
        with pytest.raises(Fenced):
            write()
    assert rows(office) == 0
    assert states(office) == {}


def test_the_mailbox_of_a_gateway_that_died_is_taken_over_after_its_lease_and_the_dead_come_too_late(office: Office) -> None:
    mine, other = opened(office), ledger(office, "other")
    mine.enter([(3, raw(3))])
    assert not other.take()
    # The database tells the time where it is shared; that the lease has run out is all that matters here.
    with office.store.begin() as tx:
        until = tx.exec_driver_sql("SELECT until FROM leases").scalar()
        assert until is not None
        tx.exec_driver_sql("UPDATE leases SET until = " + ("0" if office.store.sqlite else "'epoch'"))
    # It is still ours as long as nobody else wants it.
    mine.renew()
    assert not other.take()
    with office.store.begin() as tx:
        tx.exec_driver_sql("UPDATE leases SET until = " + ("0" if office.store.sqlite else "'epoch'"))
    assert other.take()
    assert other.open(7).lowest == 1
    for late in (mine.renew, lambda: mine.enter([(4, raw(4))]), lambda: mine.advance(5), lambda: mine.flagged([3])):
        with pytest.raises(Fenced):
            late()
    # What the dead one gives back in the end is not what the other one holds.
    mine.release()
    assert not mine.take()
    assert other.unknown([3, 4]) == [4]
    other.enter([(4, raw(4))])
    assert rows(office) == 2
    assert other.unflagged() == [3, 4]


def test_a_folder_that_is_numbered_anew_stores_no_mail_twice(office: Office) -> None:
    mine = opened(office, NOW - timedelta(days=2))
    mine.enter([(3, raw(3))])
    plan = mine.open(8)
    assert (plan.lowest, plan.renumbered, plan.since) == (None, True, NOW - timedelta(days=2))
    # The flag of a mail under its old number is nothing that the server could be told now.
    assert mine.unflagged() == []
    mine.begin(1, plan.since, [1])
    assert mine.unknown([1, 2]) == [2]
    mine.enter([(2, raw(3))])
    assert rows(office) == 1
    assert states(office, 8) == {1: MailState.SKIPPED, 2: MailState.STORED}


def test_a_mail_that_cannot_be_had_is_wanted_until_it_is_given_up(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    mine = opened(office)
    mine.enter([(4, raw(4))])
    for attempt in range(1, 5):
        assert mine.fail(3, "NO") == attempt
        assert mine.unknown([3, 4]) == [3]
    assert "imap-mail" not in caplog.text
    assert mine.fail(3, "NO") is None
    assert "imap-mail" in caplog.text
    assert mine.unknown([3, 4]) == []
    assert gaps(office.store, "support", "INBOX", 7, [3, 4], []) == ["UID 3 could not be fetched"]


def test_the_audit_names_each_kind_of_gap(office: Office) -> None:
    assert gaps(office.store, "support", "INBOX", 7, [1], []) == ["was never read"]
    mine = opened(office)
    mine.enter([(2, raw(2)), (3, raw(3))])
    assert gaps(office.store, "support", "INBOX", 7, [2, 3], [2]) == []
    assert gaps(office.store, "support", "INBOX", 8, [2, 3], []) == ["is numbered anew (UIDVALIDITY 8) and was not read since"]
    with office.store.begin() as tx:
        tx.exec_driver_sql("UPDATE imap_messages SET inbox = 999 WHERE uid = 3")
    found = gaps(office.store, "support", "INBOX", 7, [2, 3, 4, 5], [2, 5])
    assert found == ["UID 3 has no inbox row", "UID 4 is not in the ledger", "UID 5 is flagged as safe and is not"]
