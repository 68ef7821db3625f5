"""What does the owner hear by mail when a mailbox is not read? On both databases, with a clock that the test turns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from mailgate.desk.letters import Mailbox
from mailgate.desk.model import Address, Directory
from mailgate.flow.outages import MOST, WITHIN, Outages
from mailgate.store.engine import Conflict
from tests.kit.office import DESK, MAX, OLGA, START, TINA, TOM, Letter, Office

REASON = "imap.example.org:993: AUTHENTICATE: NO [AUTHENTICATIONFAILED] Authentication failed."
MINUTE = timedelta(minutes=1)


@pytest.fixture
def office(url: str, tmp_path: Path) -> Iterator[Office]:
    desk = Office(tmp_path, url)
    yield desk
    desk.close()


def outages(office: Office, name: str = "support") -> Outages:
    box = Mailbox(name, "imap.example.org:993", "INBOX", START)
    return Outages(office.store, office.house, DESK.name, box, lambda: office.now)


def told(office: Office) -> list[tuple[str, str]]:
    """Whom the letters since the last look went to, and their subjects."""
    return [(one.to, one.subject) for one in office.letters()]


def flap(office: Office, mine: Outages) -> list[str]:
    """It stands still and goes on again; the subjects of what the owner hears of it."""
    mine.stopped(REASON, MINUTE)
    mine.over()
    return [subject for _, subject in told(office)]


def test_the_owner_hears_once_that_nothing_is_fetched_and_once_that_it_is_again(office: Office) -> None:
    mine = outages(office)
    mine.over()
    assert told(office) == []
    for _ in range(5):
        mine.stopped(REASON, 3 * MINUTE)
        office.now += MINUTE
    (letter,) = office.letters()
    assert (letter.to, letter.subject) == (OLGA.address, "No mail is fetched: support")
    assert REASON in letter.html
    assert "AUTHENTICATE: NO [AUTHENTICATIONFAILED]" in letter.text
    assert "2 March 2026, 08:57 UTC" in letter.text
    for _ in range(5):
        mine.over()
    assert told(office) == [(OLGA.address, "Mail is fetched again: support")]
    assert office.violations() == []


def test_the_letter_bears_the_marks_of_automatic_mail_and_speaks_the_owners_language(office: Office) -> None:
    office.change(people=Directory((replace(OLGA, language="de"),)))
    outages(office).stopped(REASON, MINUTE)
    (letter,) = office.letters()
    assert letter.subject == "Es werden keine Mails abgeholt: support"
    assert letter["X-Mailgate-Letter"] == "mailbox"
    assert letter["X-Mailgate-Ticket"] == ""
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["X-Auto-Response-Suppress"] == "All"
    assert letter["X-Mailgate-Loop"]
    assert letter["Message-ID"].endswith("@desk.example>")


def test_a_restart_tells_nothing_again_and_forgets_no_recovery(office: Office) -> None:
    outages(office).stopped(REASON, MINUTE)
    assert len(told(office)) == 1
    outages(office).stopped(REASON, MINUTE)
    assert told(office) == []
    outages(office).over()
    assert told(office) == [(OLGA.address, "Mail is fetched again: support")]
    outages(office).over()
    assert told(office) == []


def test_two_gateways_tell_it_once_between_them(office: Office) -> None:
    one, other = outages(office), outages(office)
    one.stopped(REASON, MINUTE)
    other.stopped(REASON, MINUTE)
    other.over()
    one.over()
    assert [subject for _, subject in told(office)] == ["No mail is fetched: support", "Mail is fetched again: support"]


def test_two_gateways_that_tell_it_at_the_same_moment_write_one_letter(office: Office) -> None:
    outages(office).stopped(REASON, MINUTE)
    with office.store.begin() as tx:
        # As if the other had not seen yet what this one has written.
        tx.exec_driver_sql("DELETE FROM facts WHERE name = 'mailbox:support'")
    with pytest.raises(Conflict):
        outages(office).stopped(REASON, MINUTE)
    assert len(told(office)) == 1


def test_a_mailbox_that_comes_and_goes_floods_nobody(office: Office) -> None:
    mine = outages(office)
    pair = ["No mail is fetched: support", "Mail is fetched again: support"]
    heard = []
    for _ in range(24 * 6):
        heard += flap(office, mine)
        office.now += 10 * MINUTE
    assert heard == pair * MOST * (timedelta(days=1) // WITHIN)


def test_a_standstill_beyond_the_budget_is_told_as_soon_as_there_is_room(office: Office) -> None:
    mine = outages(office)
    for _ in range(MOST):
        assert len(flap(office, mine)) == 2
    mine.stopped(REASON, MINUTE)
    office.now += WITHIN - MINUTE
    mine.stopped(REASON, WITHIN)
    assert told(office) == []
    office.now += MINUTE
    mine.stopped(REASON, WITHIN + MINUTE)
    assert [subject for _, subject in told(office)] == ["No mail is fetched: support"]


def test_one_mailbox_is_told_of_without_the_other(office: Office) -> None:
    one, other = outages(office), outages(office, "sales")
    one.stopped(REASON, MINUTE)
    other.stopped(REASON, MINUTE)
    one.over()
    assert [subject.partition(": ")[2] for _, subject in told(office)] == ["support", "sales", "support"]


@pytest.mark.parametrize(
    ("people", "hear"),
    [((OLGA, TINA, MAX), [OLGA.address]), ((TINA, TOM, MAX), [TINA.address, TOM.address]), ((), [])],
    ids=["the owner", "who works there", "nobody"],
)
def test_it_is_the_owner_who_hears_else_whoever_works_there(office: Office, people: tuple[object, ...], hear: list[str]) -> None:
    office.change(people=Directory(people))  # type: ignore[arg-type]
    mine = outages(office)
    mine.stopped(REASON, MINUTE)
    assert sorted(to for to, _ in told(office)) == hear
    if not hear:
        # Once there is somebody, he hears.
        office.change(people=Directory((OLGA,)))
        outages(office).stopped(REASON, MINUTE)
        assert [to for to, _ in told(office)] == [OLGA.address]


def test_a_letter_that_comes_back_to_the_desk_is_no_ticket_and_asks_for_no_letter(office: Office) -> None:
    outages(office).stopped(REASON, MINUTE)
    (letter,) = office.letters()
    row = office.post(letter.octets, sender=None)
    assert row.state == "ignored"
    assert office.count() == 0
    assert office.letters() == []


def test_no_letter_goes_to_the_desk_itself(office: Office) -> None:
    office.change(people=Directory((replace(OLGA, address=Address(DESK.address)),)))
    outages(office).stopped(REASON, MINUTE)
    assert office.letters() == []
    assert office.suppressed() == [("mailbox", DESK.address, "own-address")]


def test_the_end_of_our_access_is_told_once_for_each_approach(office: Office) -> None:
    mine, end = outages(office), START + timedelta(days=6)
    mine.expires(None)
    for _ in range(3):
        mine.expires(end)
    outages(office).expires(end + MINUTE)
    (letter,) = office.letters()
    assert letter.subject == "The access to a mailbox ends soon: support"
    assert "8 March 2026, 09:00 UTC" in letter.text
    # It was renewed, and comes to its end again.
    mine.expires(None)
    assert office.letters() == []
    mine.expires(end + timedelta(days=90))
    assert len(office.letters()) == 1


def test_a_reason_of_any_length_and_kind_fits_into_the_letter(office: Office) -> None:
    outages(office, "<b>sup\u202eport").stopped("<script>\r\nBcc: x\x00" + "x" * 5000, MINUTE)
    letter: Letter
    (letter,) = office.letters()
    assert "<script>" not in letter.html
    assert "Bcc" not in letter.message
    assert letter.subject == "No mail is fetched: <b>support"
    assert len(letter.text) < 1500
