from __future__ import annotations

import re
import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, text

from mailgate.desk.errors import Misconfigured, Permanent
from mailgate.desk.model import Address, Person, Role
from mailgate.store import audit, facts, inbox, keeping, outbox, people, story
from mailgate.store.engine import Store, Unavailable
from tests.kit.disk import small_disk
from tests.kit.office import Office, mail, reply, with_file
from tests.store.databases import NOW, arrival, lease

ANN = Address("ann.other@out.example")
BIG = Address("big-ann.other@out.example")


# ---------------------------------------------------------------------------------------------------------------- backup


@pytest.fixture
def sqlite(tmp_path: Path, blank_sqlite: bytes) -> Iterator[Store]:
    path = tmp_path / "mailgate.db"
    path.write_bytes(blank_sqlite)
    store = Store(f"sqlite:///{path}")
    yield store
    store.close()


def test_a_copy_is_one_private_file_with_everything_in_it_and_is_marked(sqlite: Store, tmp_path: Path) -> None:
    with sqlite.begin() as tx:
        inbox.add(tx, [arrival("a"), arrival("b")], lease(), claimed=False)
    keeping.copy(sqlite, tmp_path / "copy.db", NOW)
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    assert not list(tmp_path.glob("copy.db-*"))
    copied = Store(f"sqlite:///{tmp_path / 'copy.db'}")
    with copied.look() as tx, sqlite.look() as original:
        assert inbox.rows(tx) == inbox.rows(original)
        assert facts.get(tx, facts.HOLD) == "restored from the backup of 2026-02-02T09:00:00+00:00"
        assert facts.get(original, facts.HOLD) is None
    copied.close()


def test_a_copy_is_consistent_while_others_write(sqlite: Store, tmp_path: Path) -> None:
    """Mails are stored in pairs; whatever moment the copy shows, it shows whole pairs."""
    stop = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        while not stop.is_set():
            with sqlite.begin() as tx:
                inbox.add(tx, [arrival(f"{written}-{half}", raw=b"x" * 5000) for half in "ab"], lease(), claimed=False)
            written += 1

    writer = threading.Thread(target=write)
    writer.start()
    counts = []
    for number in range(5):
        keeping.copy(sqlite, tmp_path / f"copy{number}.db", NOW)
        connection = sqlite3.connect(tmp_path / f"copy{number}.db")
        counts.append(connection.execute("SELECT count(*) FROM inbox").fetchone()[0])
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
    stop.set()
    writer.join()
    assert all(count % 2 == 0 for count in counts)
    assert counts == sorted(counts)
    assert written > 5


def test_a_copy_overwrites_nothing(sqlite: Store, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    with pytest.raises(Permanent, match="there is such a file already"):
        keeping.copy(sqlite, tmp_path / "precious", NOW)
    with pytest.raises(Permanent, match="No such file or directory"):
        keeping.copy(sqlite, tmp_path / "no" / "such" / "folder", NOW)
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_copy_that_does_not_fit_is_taken_away_again(sqlite: Store, tmp_path: Path) -> None:
    with sqlite.begin() as tx:
        inbox.add(tx, [arrival("a", raw=b"x" * 3_000_000)], lease(), claimed=False)
    with small_disk(tmp_path / "disk", 2) as disk:
        with pytest.raises(Unavailable, match="full"):
            keeping.copy(sqlite, disk.folder / "copy.db", NOW)
        assert list(disk.folder.iterdir()) == []


@pytest.mark.postgres
def test_postgresql_is_copied_by_its_own_tools(postgres_url: str, tmp_path: Path) -> None:
    store = Store(postgres_url)
    with pytest.raises(Misconfigured, match="pg_dump"):
        keeping.copy(store, tmp_path / "copy.db", NOW)
    store.close()


# --------------------------------------------------------------------------------------------------------------- erasure


@pytest.fixture
def office(url: str, tmp_path: Path) -> Iterator[Office]:
    """Ann wrote, was answered, is in Cc of Bob's ticket and on the list of people; another address only ends like hers."""
    desk = Office(tmp_path, url)
    ann = f"{ANN.upper().replace('OUT', 'Out')}"
    raw = with_file(mail("My secret-word is open sesame.", sender=ann, subject="About secret-word"), "secret-word.txt", b"z" * 90)
    desk.post(raw, sender=ann)
    desk.post(reply(desk.last("new_ticket", "tina@desk.example"), "#take\nIs it urgent?", sender="tina@desk.example"))
    desk.post(reply(desk.last("reply"), "Yes, secret-word again.", sender=ann), sender=ann)
    mouse = mail("The mouse.", sender="bob@out.example", name="Bob", cc=f"Ann <{ANN}>, Big <{BIG}>", subject="Mouse")
    desk.post(mouse, sender="bob@out.example")
    desk.post(mail("Other matters.", sender=BIG, name="Big", subject="Big Ann's own"), sender=BIG)
    with desk.store.begin() as tx:
        people.put(tx, Person(ANN, "Ann Other", Role.REQUESTER, aliases=(Address("ann@home.example"),)))
        people.suppress(tx, ANN, "550 no such user", NOW)
    yield desk
    desk.close()


def everything(store: Store) -> str:
    """Every value of every row."""
    with store.look() as tx:
        tables = ("tickets participants messages attachments mail_ids inbox events outbox people aliases suppressions").split()
        rows = [row for table in tables for row in tx.execute(text(f"SELECT * FROM {table}"))]
    values = [bytes(value).decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for row in rows for value in row]
    return "\n".join(values)


def test_after_erasure_no_row_knows_the_address_or_what_it_wrote(office: Office) -> None:
    assert re.search(r"(?i)(?<!big-)ann\.other@out\.example", everything(office.store))
    gone = keeping.erase(office.store, ANN, NOW)
    assert {"mails", "letters", "messages", "tickets", "participants", "events"} <= set(gone)
    left = everything(office.store)
    assert not re.search(r"(?i)(?<!big-)ann\.other@out\.example", left)
    assert "secret-word" not in left
    assert "sesame" not in left
    assert "Ann Other" not in left


def test_after_erasure_no_octet_of_the_files_knows_it(office: Office) -> None:
    if not office.store.sqlite:
        pytest.skip("what PostgreSQL keeps in dead rows is VACUUM's")
    # Some builds of SQLite overwrite what they delete, others do not.
    event.listen(office.store.engine(), "connect", lambda connection, _: connection.execute("PRAGMA secure_delete = OFF"))
    office.store.engine().dispose()
    keeping.erase(office.store, ANN, NOW)
    for path in office.store.path.parent.glob(f"{office.store.path.name}*"):
        octets = path.read_bytes().lower()
        assert not re.search(rb"(?<!big-)ann\.other@out\.example", octets), path
        assert b"secret-word" not in octets, path


def test_erasure_leaves_other_peoples_tickets_intact_also_of_one_whose_address_ends_alike(office: Office) -> None:
    keeping.erase(office.store, ANN, NOW)
    own = office.story(3)
    assert (own.ticket.requester, own.ticket.subject, own.messages[0].text.strip()) == (BIG, "Big Ann's own", "Other matters.")
    bobs = office.story(2)
    assert (bobs.ticket.subject, bobs.messages[0].text.strip()) == ("Mouse", "The mouse.")
    assert {one.address for one in bobs.ticket.participants} >= {"bob@out.example", BIG}
    with office.store.look() as tx:
        assert b"The mouse." in (inbox.raw(tx, 4) or b"")
        assert b"Other matters." in (inbox.raw(tx, 5) or b"")


def test_the_ledger_adds_up_after_erasure(office: Office) -> None:
    keeping.erase(office.store, ANN, NOW)
    with office.store.look() as tx:
        assert audit.audit(tx).violations == ()


def test_the_tickets_stay_with_a_pseudonym_that_does_not_follow_from_the_address(office: Office) -> None:
    keeping.erase(office.store, ANN, NOW)
    requester = office.ticket(1).requester
    assert re.fullmatch(r"erased-[0-9a-f]{12}@erased\.invalid", requester)
    assert office.story(1).messages[0].author == requester
    assert office.ticket(1).subject == "(erased)"


def test_mails_of_the_person_that_wait_end_as_erased_and_letters_to_him_are_cancelled(office: Office) -> None:
    waiting = office.receive(mail("not read yet", sender=ANN), sender=ANN)
    keeping.erase(office.store, ANN, NOW)
    office.work()
    assert (office.row(waiting).state, office.row(waiting).reason) == ("ignored", "erased")
    with office.store.look() as tx:
        letters = [one for one in outbox.rows(tx) if one.ticket == 1]
    assert {one.state for one in letters} == {"cancelled"}
    assert office.violations() == []


def test_erasing_somebody_unknown_touches_nothing(office: Office) -> None:
    before = everything(office.store)
    assert keeping.erase(office.store, Address("nobody@nowhere.example"), NOW) == {}
    assert everything(office.store) == before


def test_erasing_twice_does_no_harm(office: Office) -> None:
    keeping.erase(office.store, ANN, NOW)
    assert keeping.erase(office.store, ANN, NOW) == {}


@pytest.mark.parametrize(
    ("around", "erased"),
    [
        ("<{}>", True), ("mailto:{}", True), ("smtp.mailfrom={};", True), ("'{}'", True), ("Write to {}.", True), ("...{}", True),
        ("{},", True),
        ("x{}", False), ("x.{}", False), ("x-{}", False), ("x+{}", False), ("{}.com", False), ("{}x", False), ("{}-y", False),
    ],
)  # fmt: skip
def test_an_address_is_found_where_it_stands_alone_and_not_inside_a_longer_one(store: Store, around: str, erased: bool) -> None:
    with store.begin() as tx:
        facts.put(tx, "note", around.format(ANN))
    keeping.erase(store, ANN, NOW)
    with store.look() as tx:
        found = facts.get(tx, "note")
    assert found is not None
    assert (found == around.format(ANN)) is not erased


def test_a_reader_who_holds_on_to_the_old_rows_is_named_and_erasing_again_finishes_it(
    sqlite: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite.begin() as tx:
        facts.put(tx, "note", f"it was {ANN}")
    monkeypatch.setattr("mailgate.store.engine._BUSY_MS", 100)
    impatient = Store(str(sqlite.url))
    reader = sqlite3.connect(sqlite.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM facts").fetchone()
    with pytest.raises(Unavailable, match="erase again"):
        keeping.erase(impatient, ANN, NOW)
    reader.close()
    keeping.erase(impatient, ANN, NOW)
    assert ANN.encode() not in sqlite.path.read_bytes()
    impatient.close()


def test_the_story_of_an_erased_ticket_can_still_be_told(office: Office) -> None:
    keeping.erase(office.store, ANN, NOW)
    with office.store.look() as tx:
        assert [story.tell(tx, number) is not None for number in story.listed(tx, story.Filter())] == [True, True, True]
