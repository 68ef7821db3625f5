"""How does the owner decide about held mail without leaving the mail program? A digest in the morning, one tap or one line for each."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest
from msgspec.structs import replace

from mailgate.desk.model import Address, Directory, Role
from mailgate.flow import operate
from mailgate.store import aside, blocks
from tests.kit.office import DESK, OLGA, PEOPLE, TINA, TOM, Letter, Office, aligned, mail, reply, spoofed

EVE = "eve@evil.example"
MORNING = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)


def forged(text: str = "Pay this.", *, sender: str = EVE, subject: str = "Invoice") -> bytes:
    """A mail that the border found to be forged."""
    return spoofed(mail(text, sender=sender, name="Eve", subject=subject), sender.rpartition("@")[2])


def morning(office: Office) -> list[Letter]:
    """The next morning comes; the letters of that moment."""
    office.letters()
    tomorrow = office.now.replace(hour=8, minute=0, second=0, microsecond=0)
    office.later(seconds=(tomorrow + timedelta(days=tomorrow <= office.now) - office.now).total_seconds())
    return office.letters()


def tap(letter: Letter, verb: str, row: int = 1) -> tuple[str, str, str]:
    """Where a button leads: recipient, subject and body of the mail that it opens."""
    found = re.search(r"<mailto:([^?>]*)\?([^>]*)>", next(one for one in _links(letter) if _is(one, verb, row)))
    assert found is not None
    fields = dict(one.split("=", 1) for one in found[2].split("&"))
    return unquote(found[1]), unquote(fields.get("subject", "")), unquote(fields.get("body", ""))


def _links(letter: Letter) -> list[str]:
    return re.findall(r"<mailto:[^>]*>", letter.text)


def _is(link: str, verb: str, row: int) -> bool:
    return f"{verb}.{row}." in link


def taps(
    office: Office, letter: Letter, verb: str, row: int = 1, text: str = "", *, sender: str = OLGA.address, proof: bool = True
) -> None:
    """The owner presses a button, and sends the mail that it opens."""
    to, subject, body = tap(letter, verb, row)
    raw = mail(f"{body}{text}", sender=sender, name="", to=to, subject=subject)
    office.post(aligned(raw, "desk.example") if proof else raw)


def answers(office: Office, letter: Letter, text: str, *, sender: str = OLGA.address) -> None:
    """The owner answers the digest in words."""
    office.post(aligned(reply(letter, text, sender=sender, name=""), "desk.example"))


def receipt(office: Office, to: str = OLGA.address) -> str:
    """The text of the one letter that was written since, a receipt."""
    (letter,) = office.letters()
    assert (letter.name, letter.to) == ("receipt", to)
    return " ".join(letter.text.split())


@pytest.fixture
def held(guarded: Office) -> Letter:
    """One forged mail, and the digest that tells of it."""
    guarded.post(forged())
    (letter,) = morning(guarded)
    return letter


# ------------------------------------------------------------------------------------------------------------- the digest


def test_the_owner_hears_in_the_morning_what_is_held_and_why(guarded: Office) -> None:
    guarded.post(forged(subject="Invoice 4711"))
    assert guarded.letters() == []
    (letter,) = morning(guarded)
    assert guarded.now == MORNING
    assert (letter.name, letter.to, letter["X-Mailgate-Letter"], letter["X-Mailgate-Ticket"]) == ("held", OLGA.address, "held", "")
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter.subject == "One mail waits for your decision"
    for part in (letter.text, letter.html):
        for word in (EVE, "Invoice 4711", "2 March 2026, 09:00 UTC", "The domain of its sender says that such mail is forged."):
            assert word in " ".join(part.split())


def test_nothing_new_no_letter_and_never_two_a_day(guarded: Office) -> None:
    guarded.post(forged())
    assert [one.name for one in morning(guarded)] == ["held"]
    guarded.post(forged("Pay that."))
    guarded.later(hours=3)
    assert guarded.letters() == []
    (letter,) = morning(guarded)
    assert letter.subject == "2 mails wait for your decision"
    assert "Mail 2, new:" in letter.text
    assert "Mail 1:" in letter.text
    assert [morning(guarded) for _ in range(3)] == [[], [], []]


def test_what_was_settled_before_the_morning_is_not_told(guarded: Office) -> None:
    row = guarded.post(forged())
    operate.drop_mails(guarded.store, [row.id], guarded.now)
    assert morning(guarded) == []


def test_the_morning_is_that_of_the_place_where_the_owner_lives(open_office: Callable[..., Office]) -> None:
    people = replace(PEOPLE, people=tuple(replace(one, timezone="America/New_York") if one is OLGA else one for one in PEOPLE.people))
    office = open_office(security=_guarded(), people=people)
    office.post(forged())
    office.later(hours=3, minutes=59)
    assert office.letters() == []
    office.later(minutes=1)
    assert [one.name for one in office.letters()] == ["held"]
    assert office.now == datetime(2026, 3, 2, 13, 0, tzinfo=UTC)


def test_without_an_owner_the_leads_decide_and_without_them_the_log_says_that_nobody_does(
    open_office: Callable[..., Office], caplog: pytest.LogCaptureFixture
) -> None:
    lead = replace(TINA, role=Role.LEAD)
    office = open_office(security=_guarded(), people=Directory((TOM,), PEOPLE.teams))
    office.post(forged())
    assert morning(office) == []
    assert "nobody-decides" in caplog.text
    office.change(people=Directory((lead, TOM), PEOPLE.teams))
    (letter,) = [*morning(office), *morning(office)]
    assert letter.to == TINA.address
    taps(office, letter, "drop", sender=TINA.address)
    assert office.row(1).state == "ignored"


def test_a_mail_that_nobody_could_read_is_told_as_well(guarded: Office) -> None:
    guarded.post(b"\r\n".join([b"From: ann@out.example", *(b"X-A: b" for _ in range(1100)), b"", b"text"]))
    letter = next(one for one in morning(guarded) if one.name == "held")
    assert "It has more header lines than we read." in letter.text
    assert "MG-1" in letter.text


def test_a_digest_tells_of_fifty_and_counts_the_rest(guarded: Office) -> None:
    guarded.receive_all([forged(f"{number}") for number in range(53)])
    guarded.work()
    (letter,) = morning(guarded)
    assert letter.subject == "53 mails wait for your decision"
    assert letter.text.count("drop.") == 50
    assert "And 3 more wait" in letter.text


def test_nothing_of_the_sender_can_be_clicked_or_hides_in_the_digest(guarded: Office) -> None:
    bait = "Login \u202ehttps://evil.example/x\u202c now www.evil.example <a href=http://evil.example>here</a> " + "A" * 500
    guarded.post(forged(subject=bait))
    (letter,) = morning(guarded)
    for part in (letter.text, letter.html):
        for forbidden in ("https://evil", "http://evil", "www.evil.example", "evil.example/", "\u202e", "A" * 200):
            assert forbidden not in part
    assert "<a href=http" not in letter.html
    assert "https[:]//evil[.]example/x" in letter.html


def test_a_german_owner_reads_and_answers_german(open_office: Callable[..., Office]) -> None:
    people = replace(PEOPLE, people=tuple(replace(one, language="de") if one is OLGA else one for one in PEOPLE.people))
    office = open_office(security=_guarded(), people=people)
    office.receive_all([forged("a"), forged("b"), forged("c")])
    office.work()
    (letter,) = morning(office)
    assert letter.subject == "3 Mails warten auf Ihre Entscheidung"
    assert "Die Domain ihres Absenders sagt, dass solche Mails gefälscht sind." in letter.text
    answers(office, letter, "Freigeben 1\nverwerfen 2 und 3\n\nDanke, Olga")
    assert [office.row(number).state for number in (1, 2, 3)] == ["done", "ignored", "ignored"]
    letters = {one.name: one for one in office.letters()}
    assert "Aus ihr wird nichts; die Mail selbst bleibt aufbewahrt." in letters["receipt"].text
    answers(office, letter, "verwerven 2")
    assert "verwerfen 2" in receipt(office)
    answers(office, letter, "verwerfen 2")
    assert "Sie wurde verworfen (Olga Owner, 3. März 2026, 08:00 Uhr UTC)." in receipt(office)


def _guarded() -> object:
    from tests.stories.conftest import GUARDED

    return GUARDED


# ---------------------------------------------------------------------------------------------------------------- one tap


def test_a_tap_releases_and_the_mail_goes_its_way(guarded: Office, held: Letter) -> None:
    taps(guarded, held, "release")
    released = guarded.row(1)
    assert (released.state, released.ticket, guarded.count()) == ("done", 1, 1)
    assert guarded.story().messages[0].unverified
    assert "receipt" in {one.name for one in guarded.letters()}
    with guarded.store.look() as tx:
        (order,) = aside.orders(tx, 1)
    assert (order.verb, order.actor, order.at, order.cause) == ("release", OLGA.address, MORNING, "inbox:2")


def test_a_tap_attaches_to_the_ticket_whose_number_is_typed(guarded: Office) -> None:
    guarded.post(aligned(mail("Printer dead.")))
    guarded.post(forged("It is the fuser."))
    letter = morning(guarded)[-1]
    assert tap(letter, "attach", 2)[2] == "Ticket: MG-"
    taps(guarded, letter, "attach", 2, "1")
    assert (guarded.row(2).ticket, guarded.count()) == (1, 1)
    assert guarded.story().messages[-1].text.strip() == "It is the fuser."


def test_a_number_that_is_missing_or_no_tickets_does_nothing(guarded: Office, held: Letter) -> None:
    taps(guarded, held, "attach")
    assert "The number of the ticket is missing. This works: attach 1 1042" in receipt(guarded)
    taps(guarded, held, "attach", text="77")
    assert "There is no ticket of this number." in receipt(guarded)
    assert guarded.row(1).state == "held"


def test_a_tap_drops_and_a_second_tap_says_what_became_of_it(guarded: Office, held: Letter) -> None:
    taps(guarded, held, "drop")
    assert (guarded.row(1).state, guarded.row(1).reason, guarded.count()) == ("ignored", "dropped", 0)
    assert "Nothing comes of it" in receipt(guarded)
    for verb in ("drop", "release", "block"):
        taps(guarded, held, verb)
        assert "It was dropped (Olga Owner, 3 March 2026, 08:00 UTC)." in receipt(guarded)
    assert guarded.row(1).state == "ignored"


def test_without_sub_addresses_the_tap_stands_in_the_subject(open_office: Callable[..., Office]) -> None:
    office = open_office(security=_guarded(), desk=replace(DESK, subaddress=""))
    office.receive_all([forged("a"), forged("b")])
    office.work()
    (letter,) = morning(office)
    assert tap(letter, "drop", 2)[0] == DESK.address
    taps(office, letter, "drop", 2)
    assert office.row(2).state == "ignored"
    office.letters()
    answers(office, letter, "drop 1")
    assert office.row(1).state == "ignored"


# ------------------------------------------------------------------------------------------------------------- in words


def test_several_are_decided_by_one_answer(guarded: Office) -> None:
    guarded.post(aligned(mail("Printer dead.")))
    guarded.receive_all([forged(f"{number}", sender=f"p{number}@evil.example") for number in range(5)])
    guarded.work()
    letter = morning(guarded)[-1]
    answers(guarded, letter, "release 2\n#drop 3, 4\nattach 5 to MG-1\nblock 6\n\nThanks!\nOlga")
    assert [guarded.row(number).state for number in range(2, 7)] == ["done", "ignored", "ignored", "done", "ignored"]
    assert (guarded.row(5).ticket, guarded.row(6).reason) == (1, "blocked-sender")


@pytest.mark.parametrize(
    ("text", "wrong", "works"),
    [
        ("relaese 1", "There is no such command.", "release 1"),
        ("Please let it in", "There is no such command.", "release 17"),
        ("drop", "Numbers of mails must follow, and nothing else.", "drop 17"),
        ("drop 1 tomorrow", "Numbers of mails must follow, and nothing else.", "drop 17"),
        ("drop 1 99", "No mail of this number waits.", "drop 1"),
        ("attach 1", "The number of the ticket is missing.", "attach 1 1042"),
        ("attach 1 77", "There is no ticket of this number.", ""),
        ("drop 1\nrelease 1", "Two lines decide about the same mail.", ""),
        ("drop 1\n\nOn second thought\n\nrelease 1", "Commands stand at the top of a mail", ""),
        ("unblock joe@out.example", "This sender is not blocked.", ""),
        ("block tina@desk.example", "it cannot be blocked.", ""),
        ("block domain desk.example", "it cannot be blocked.", ""),
    ],
)
def test_one_wrong_line_and_nothing_is_done(guarded: Office, held: Letter, text: str, wrong: str, works: str) -> None:
    answers(guarded, held, text)
    said = receipt(guarded)
    assert "Nothing was done" in said
    assert wrong in said
    assert f"This works: {works}" in said if works else "This works" not in said
    assert guarded.row(1).state == "held"
    with guarded.store.look() as tx:
        assert aside.orders(tx, 1) == []


# -------------------------------------------------------------------------------------------------------- blocked senders


def test_a_blocked_sender_is_heard_no_more_and_one_tap_brings_him_back(guarded: Office, held: Letter) -> None:
    taps(guarded, held, "block")
    (told,) = guarded.letters()
    assert "To take it back: unblock eve@evil.example" in told.text
    for raw in (forged("Pay!"), aligned(mail("Hello", sender=EVE), "evil.example"), mail("Hi", sender=EVE)):
        row = guarded.post(raw)
        assert (row.state, row.reason, row.ticket) == ("ignored", "blocked-sender", None)
    assert (guarded.letters(), guarded.count()) == ([], 0)
    assert "blocked" in guarded.reason(row.id)
    with guarded.store.look() as tx:
        assert [(one.sender, one.count) for one in blocks.listed(tx)] == [(EVE, 3)]
    taps(guarded, told, "unblock")
    assert "This sender is heard again." in receipt(guarded)
    assert guarded.post(forged("Pay!!")).state == "held"


def test_a_sender_is_blocked_for_the_mails_that_came_along_with_the_order_too(guarded: Office, held: Letter) -> None:
    blocks_him = aligned(reply(held, "block 1", sender=OLGA.address, name=""), "desk.example")
    rows = guarded.receive_all([blocks_him, forged("Pay!")])
    assert guarded.worker.run()[0] == 2
    assert [guarded.row(one).state for one in rows] == ["done", "ignored"]


def test_a_whole_domain_can_be_blocked_in_words_and_by_tap(guarded: Office, held: Letter) -> None:
    taps(guarded, held, "block", text="domain")
    assert "unblock @evil.example" in receipt(guarded)
    assert guarded.post(forged(sender="joe@mail.evil.example")).reason == "blocked-sender"
    assert guarded.post(forged(sender="joe@notevil.example")).state == "held"
    answers(guarded, held, "unblock domain evil.example")
    guarded.letters()
    assert guarded.post(forged(sender="joe@mail.evil.example")).state == "held"


def test_the_envelope_counts_as_well(guarded: Office, held: Letter) -> None:
    taps(guarded, held, "block")
    guarded.letters()
    row = guarded.post(forged(sender="ceo@other.example"), sender=EVE)
    assert row.reason == "blocked-sender"


def test_a_colleague_is_never_blocked_but_who_forges_him_can_be(guarded: Office) -> None:
    guarded.post(forged(sender=TINA.address), sender="bulk@evil.example")
    (letter,) = morning(guarded)
    taps(guarded, letter, "block")
    assert "This works: block bulk@evil.example" in receipt(guarded)
    answers(guarded, letter, "block bulk@evil.example\ndrop 1")
    guarded.letters()
    assert guarded.post(forged(sender=TINA.address), sender="bulk@evil.example").reason == "blocked-sender"
    guarded.post(aligned(mail("Printer dead.")))
    guarded.post(aligned(reply(guarded.last("new_ticket", TINA.address), "#take", name="Tina"), "desk.example"), sender="bulk@evil.example")
    assert guarded.ticket().assignee == TINA.address


def test_a_blocked_sender_who_answers_our_letter_is_heard(guarded: Office) -> None:
    guarded.post(aligned(mail("Printer dead.")))
    guarded.letters()
    assert operate.block(guarded.store, guarded.house, ["ann@out.example"], guarded.now) == ["ann@out.example"]
    assert guarded.post(aligned(mail("Another one."))).reason == "blocked-sender"
    guarded.post(aligned(reply(guarded.last("acknowledgement"), "It smokes.")))
    assert guarded.story().messages[-1].text.strip() == "It smokes."


# ------------------------------------------------------------------------------------------------------------ who may not


def test_nobody_elses_tap_counts(guarded: Office, held: Letter) -> None:
    taps(guarded, held, "release", sender=TINA.address)
    assert "Only the owner decides about held mail." in receipt(guarded, TINA.address)
    taps(guarded, held, "release", proof=False)
    assert "nothing proves that it was you" in receipt(guarded)
    taps(guarded, held, "release", proof=False)
    assert guarded.letters() == []
    assert guarded.row(1).state == "held"
    to, subject, _ = tap(held, "release")
    row = guarded.post(aligned(mail("", sender="mallory@out.example", to=to, subject=subject)))
    assert (guarded.row(1).state, row.state, guarded.count()) == ("held", "done", 1)


def test_a_machine_that_answers_a_digest_does_nothing(guarded: Office, held: Letter) -> None:
    away = reply(held, "I am away.", name="Olga", headers="Auto-Submitted: auto-generated")
    row = guarded.post(aligned(away, "desk.example"))
    assert (row.state, guarded.letters(), guarded.count(), guarded.row(1).state) == ("ignored", [], 0, "held")


def test_a_forged_answer_is_held_like_every_forged_mail(guarded: Office, held: Letter) -> None:
    to, subject, _ = tap(held, "release")
    row = guarded.post(spoofed(mail("", sender=OLGA.address, to=to, subject=subject), "desk.example"))
    assert (row.state, guarded.row(1).state, guarded.letters()) == ("held", "held", [])


def test_where_no_border_checks_the_token_must_do_and_does(open_office: Callable[..., Office]) -> None:
    office = open_office()
    office.post(mail("x").replace(b"From: Ann Other <ann@out.example>", b"From: ann@out.example, eve@out.example"))
    letter = morning(office)[-1]
    taps(office, letter, "drop", proof=False)
    assert office.row(1).state == "ignored"
    assert Address(letter.to) == OLGA.address


# ------------------------------------------------------------------------------------------------------- on both databases


def test_the_whole_way_on_either_database(either_office: Office) -> None:
    office = either_office
    office.change(security=_guarded())
    office.receive_all([forged("a"), forged("b", sender="joe@bad.example")])
    office.work()
    (letter,) = morning(office)
    answers(office, letter, "release 1\nblock 2")
    assert [(office.row(number).state, office.row(number).reason) for number in (1, 2)] == [("done", ""), ("ignored", "blocked-sender")]
    assert office.post(forged("c", sender="joe@bad.example")).reason == "blocked-sender"
    assert [one for one in morning(office) if one.name == "held"] == []
