"""What becomes of what is kept? A desk that forgets by the calendar, and one that forgets a person, in every table and every file."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event, text

from mailgate.desk.model import Address
from mailgate.desk.policy import Policy, Retention
from mailgate.store import keeping, retention
from tests.kit.office import TINA, Office, mail, reply, with_file

ANN = Address("ann@out.example")
# Words that stand nowhere else.
REQUEST = "The Zanzibar printer prints blank pages.\n\nBest regards\nAnn Quuxworthy"
YEAR = timedelta(days=365)


def solved(office: Office, subject: str = "Zanzibar printer", sender: str = ANN) -> None:
    """A request with a file, its solution and its article; the requester accepts."""
    office.post(with_file(mail(REQUEST, subject=subject, sender=sender), "Zanzibar.txt", b"blank" * 20), sender=sender)
    office.post(reply(office.last("new_ticket", TINA.address), "#resolve Pulled the strip out.\n#kb", name="Tina"))
    office.post(reply(office.last("resolved", sender), "accept"), sender=sender)
    office.later(minutes=5)


def everything(office: Office) -> str:
    """Every value of every row of the tables that hold words, and every word of the indexes."""
    tables = "tickets participants messages attachments mail_ids inbox events outbox articles suppressions facts".split()
    with office.store.look() as tx:
        rows = [row for table in tables for row in tx.execute(text(f"SELECT * FROM {table}"))]
        if not office.store.sqlite:
            rows += [row for table in ("article_words", "message_words") for row in tx.execute(text(f"SELECT words::text FROM {table}"))]
    values = [bytes(value).decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for row in rows for value in row]
    return "\n".join(values).lower()


def files(office: Office) -> bytes:
    """All octets of an SQLite database, once its log is written back."""
    office.store.close()
    return b"".join(path.read_bytes() for path in office.store.path.parent.glob(f"{office.store.path.name}*")).lower()


def careless(office: Office) -> None:
    """Some builds of SQLite overwrite what they delete, others do not: one that does not."""
    if office.store.sqlite:
        event.listen(office.store.engine(), "connect", lambda connection, _: connection.execute("PRAGMA secure_delete = OFF"))
        office.store.engine().dispose()


# ------------------------------------------------------------------------------------------------------------------ retention


def test_of_a_ticket_that_closed_long_ago_only_a_shell_is_left(either_office: Office) -> None:
    office = either_office
    office.change(policy=Policy(retention=Retention(tickets=YEAR)))
    solved(office)
    office.later(days=364)
    assert "zanzibar" in everything(office)
    office.later(days=2)
    left = everything(office)
    for gone in ("zanzibar", "ann@out.example", "quuxworthy", "ann other"):
        assert gone not in left
    shell = office.ticket()
    assert (shell.subject, shell.requester, shell.status, shell.participants) == ("(removed)", retention.NOBODY, "Completed", ())
    assert office.story().messages == ()
    assert [one.verb for one in office.story().events] == ["open", "resolve", "kb", "accept"]
    if office.store.sqlite:
        assert b"ann@out.example" not in files(office)
        assert b"prints blank pages" not in files(office)


def test_what_the_technician_wrote_into_the_knowledge_base_stays(either_office: Office) -> None:
    office = either_office
    office.change(policy=Policy(retention=Retention(tickets=YEAR)))
    solved(office)
    office.later(days=366)
    with office.store.look() as tx:
        from mailgate.store import articles

        (kept,) = articles.listed(tx)
        assert (kept.article.title, kept.article.problem, kept.article.solution) == ("Pulled the strip out.", "", "Pulled the strip out.")
        assert articles.numbers(tx, "strip") == [1]
        assert articles.numbers(tx, "zanzibar") == []


def test_open_tickets_and_those_that_somebody_wrote_to_are_kept(office: Office) -> None:
    office.change(policy=Policy(retention=Retention(tickets=YEAR)))
    office.post(mail("Still open.", subject="Open"))
    solved(office)
    office.later(days=300)
    office.post(reply(office.last("closed"), "Thank you!"))
    office.later(days=300)
    assert office.ticket(1).subject == "Open"
    assert office.ticket(2).subject == "Zanzibar printer"


def test_what_was_merged_into_a_ticket_stays_as_long_as_that_and_goes_with_it(either_office: Office) -> None:
    office = either_office
    office.change(policy=Policy(retention=Retention(tickets=YEAR)))
    office.post(mail("The Zanzibar printer is dead.", subject="Zanzibar", sender="eva@out.example"))
    office.post(mail("Printer out of order.", subject="Printer"))
    office.merge(1, into=2)
    office.later(days=366)
    assert "The Zanzibar printer is dead." in [one.text for one in office.story(2).messages]
    office.post(reply(office.last("new_ticket", TINA.address), "#close", name="Tina"))
    office.later(days=366)
    assert "zanzibar" not in everything(office)
    assert "eva@out.example" not in everything(office)
    assert {office.ticket(number).requester for number in (1, 2)} == {retention.NOBODY}


def test_a_mail_to_a_removed_ticket_opens_a_new_one_and_its_number_is_given_to_nobody(office: Office) -> None:
    office.change(policy=Policy(retention=Retention(tickets=YEAR)))
    solved(office)
    letter = office.last("closed")
    office.later(days=366)
    office.post(reply(letter, "It is blank again."))
    assert office.ticket(2).requester == ANN
    assert office.ticket(1).requester == retention.NOBODY


def test_the_octets_of_mails_go_and_the_ticket_stays(either_office: Office) -> None:
    office = either_office
    office.change(policy=Policy(retention=Retention(mails=timedelta(days=30))))
    solved(office)
    office.later(days=29)
    assert office.row(1).size > 0
    office.later(days=2)
    assert [(office.row(number).size, office.row(number).state) for number in (1, 2, 3)] == [(0, "done")] * 3
    assert office.row(1).sender == ANN
    assert "Zanzibar printer prints" in office.story().messages[0].text
    assert office.story().messages[0].files[0].filename == "Zanzibar.txt"


def test_of_ignored_mails_nothing_is_left_but_that_they_came(either_office: Office) -> None:
    office = either_office
    office.change(policy=Policy(retention=Retention(ignored=timedelta(days=7))))
    away = mail("Back on Monday.", sender="eve@out.example", subject="Away", headers="Auto-Submitted: auto-replied")
    number = office.post(away, sender="eve@out.example").id
    assert office.row(number).state == "ignored"
    office.later(days=6)
    assert office.row(number).sender == "eve@out.example"
    office.later(days=2)
    row = office.row(number)
    assert (row.state, row.size, row.sender, row.subject, row.trail) == ("ignored", 0, None, None, None)
    assert "eve" not in everything(office)


def test_more_than_a_batch_goes_within_the_day_and_what_is_done_is_done_once(office: Office) -> None:
    office.change(policy=Policy(retention=Retention(tickets=YEAR, mails=YEAR)))
    for number in range(25):
        solved(office, f"Zanzibar {number}", f"ann{number}@out.example")
    office.later(days=366)
    assert {office.ticket(number).subject for number in range(1, 26)} == {"(removed)"}
    versions = [office.ticket(number).version for number in range(1, 26)]
    office.later(days=1)
    assert [office.ticket(number).version for number in range(1, 26)] == versions


def test_nothing_goes_where_policy_says_nothing(office: Office) -> None:
    solved(office)
    office.later(days=3650)
    assert office.ticket().subject == "Zanzibar printer"
    assert office.row(1).size > 0


# -------------------------------------------------------------------------------------------------------------------- erasure


def test_erasing_a_person_reaches_articles_and_what_searches_find(either_office: Office) -> None:
    office = either_office
    careless(office)
    solved(office)
    office.post(mail("The Zanzibar router is slow.", subject="Router", sender="bob@out.example", name="Bob"), sender="bob@out.example")
    office.later(minutes=5)
    keeping.erase(office.store, ANN, office.now)
    with office.store.look() as tx:
        from mailgate.store import articles, search

        (kept,) = articles.listed(tx)
        assert (kept.article.title, kept.article.problem) == ("Pulled the strip out.", "")
        assert search.tickets(tx, "blank") == []
        assert search.tickets(tx, "zanzibar") == [2]
    office.later(minutes=5)
    with office.store.look() as tx:
        assert search.tickets(tx, "zanzibar router") == [2]
    left = everything(office)
    for gone in ("ann@out.example", "quuxworthy", "prints blank", "zanzibar printer", "zanzibar.txt"):
        assert gone not in left


def test_after_erasure_no_octet_of_the_files_knows_a_word_of_it(office: Office) -> None:
    careless(office)
    solved(office)
    assert b"quuxworthy" in files(office)
    keeping.erase(office.store, ANN, office.now)
    octets = files(office)
    for gone in (b"ann@out.example", b"quuxworthy", b"zanzibar"):
        assert gone not in octets


@pytest.mark.parametrize("who", [TINA.address])
def test_an_erased_technician_is_the_author_of_no_article(office: Office, who: str) -> None:
    solved(office)
    keeping.erase(office.store, Address(who), office.now)
    with office.store.look() as tx:
        from mailgate.store import articles

        (kept,) = articles.listed(tx)
    assert kept.article.author.endswith("@erased.invalid")
    assert kept.article.solution == "Pulled the strip out."


def test_whoever_is_erased_is_called_nothing_in_what_technicians_wrote_to_him(either_office: Office) -> None:
    office = either_office
    office.post(mail("The printer is dead."))
    office.post(reply(office.last("acknowledgement"), "It is the big one.", name="Ann Quuxworthy"))
    office.order(1, "#resolve Dear Mrs Quuxworthy,\nit prints again, Ann. Many anns will print.")
    keeping.erase(office.store, ANN, office.now)
    said = "Dear Mrs (erased),\nit prints again, (erased). Many anns will print."
    assert office.ticket().resolution == said
    assert [one.text for one in office.story().messages] == ["(erased)", "(erased)", said]
    assert "quuxworthy" not in "\n".join(str(one.changes) for one in office.story().events).lower()
    assert office.violations() == []
