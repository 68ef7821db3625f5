"""Several desks in one house: who works where, what is nobody else's business, and what happens when a ticket moves from one to another."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from mailgate.desk.model import Address, Directory, Person, Role, Team, TicketId
from mailgate.desk.policy import Desk
from mailgate.flow import operate
from mailgate.flow.intake import RawMail, take_in
from tests.kit.office import DESK, MAX, OLGA, TINA, TOM, Letter, Office, aligned, mail, reply, spoofed
from tests.stories.conftest import GUARDED

IT = replace(DESK, name="IT", tag="IT")
HR = Desk("Human Resources", Address("hr@desk.example"), tag="HR", teams=("people",), confidential=True)
HAUS = Desk("Haustechnik", Address("haus@desk.example"), tag="HT", teams=("house",), language="de")
HANNA = Person(Address("hanna@desk.example"), "Hanna Hart", Role.TECHNICIAN, team="people")
HUGO = Person(Address("hugo@desk.example"), "Hugo Haus", Role.TECHNICIAN, team="house", language="de")
STAFF = Directory((TINA, TOM, HANNA, HUGO, OLGA, MAX), (Team("first"), Team("people"), Team("house")))
ANN = "ann@out.example"
SECRET = "My salary is wrong again."


@pytest.fixture
def house(store_url: str, open_office: Callable[..., Office]) -> Office:
    """IT, human resources and the caretakers in one daemon, on either database."""
    return open_office(url=store_url, desk=IT, further=(HR, HAUS), people=STAFF)


@pytest.fixture
def checked(open_office: Callable[..., Office]) -> Office:
    """The same behind a border that checks senders."""
    return open_office(desk=IT, further=(HR, HAUS), people=STAFF, security=GUARDED)


def told(office: Office) -> dict[str, set[str]]:
    """To whom each letter went that was written since this was asked last."""
    letters = office.letters()
    return {name: {one.to for one in letters if one.name == name} for name in {one.name for one in letters}}


def to(office: Office, address: str, text: str = SECRET, **parts: str) -> int:
    """A mail to one address; its ticket."""
    return office.post(mail(text, to=address, **{"subject": "Salary", **parts}), to=[address]).ticket or 0


def answered(office: Office, letter: Letter, text: str, name: str) -> None:
    """An answer that goes where it says."""
    office.post(reply(letter, text, name=name), to=[letter.reply_to])


# ------------------------------------------------------------------------------------------------------------- own ways


def test_each_desk_has_its_address_its_tag_its_team_and_its_language(checked: Office) -> None:
    for address, tag, team, who in (("desk", "IT", "first", {TINA.address, TOM.address}), ("haus", "HT", "house", {HUGO.address})):
        row = checked.post(aligned(mail("It rattles.", to=f"{address}@desk.example")), to=[f"{address}@desk.example"])
        letter = checked.last("acknowledgement")
        assert (letter["From"], checked.ticket(row.ticket or 0).team) == (f"{_name(address)} <{address}@desk.example>", team)
        assert f"[{tag}-{row.ticket}]" in letter.subject
        assert told(checked) == {"acknowledgement": {ANN}, "new_ticket": who}
    assert "Ihre Anfrage" in checked.last("acknowledgement").text
    assert "Neue Anfrage von Ann Other" in checked.last("new_ticket").text


def _name(address: str) -> str:
    return {"desk": "IT", "haus": "Haustechnik"}[address]


def test_a_mail_to_human_resources_is_confidential_from_the_first_letter_on(house: Office) -> None:
    to(house, "hr@desk.example")
    assert (house.ticket().confidential, house.ticket().desk) == (True, "Human Resources")
    letter = house.last("new_ticket")
    assert (letter.to, letter.subject) == (HANNA.address, "[HR-1] Confidential request")
    for one in house.letters():
        assert "alary" not in one.subject + one.text + one.html


def test_a_mail_to_two_desks_is_a_ticket_at_each(house: Office) -> None:
    both = mail("A new colleague comes.", to="desk@desk.example, haus@desk.example", subject="Desk and computer", message_id="two@mua")
    envelope = ["haus@desk.example", "desk@desk.example"]
    for _ in range(3):
        house.post(both, to=envelope)
    assert [(house.ticket(number).desk, len(house.story(number).messages)) for number in (1, 2)] == [("IT", 1), ("Haustechnik", 1)]
    assert (house.count(), house.row(1).seen_count, house.row(2).seen_count) == (2, 3, 3)
    assert [one["From"].rpartition(" ")[2] for one in house.letters() if one.name == "acknowledgement"] == [
        "<desk@desk.example>", "<haus@desk.example>",
    ]  # fmt: skip


def test_a_mail_that_comes_to_two_desks_one_after_the_other_is_one_ticket_at_each(house: Office) -> None:
    """Mail servers may deliver once for each recipient, in any order."""
    both = mail("A new colleague comes.", to="desk@desk.example, haus@desk.example", message_id="two@mua")
    rows = [house.post(both, to=[f"{address}@desk.example"]) for address in ("haus", "desk", "haus")]
    assert [one.ticket for one in rows] == [1, 2, 1]
    assert [house.ticket(number).desk for number in (1, 2)] == ["Haustechnik", "IT"]


def test_each_of_two_conversations_goes_on_for_itself(house: Office) -> None:
    """Ann answers to both desks at once, at the address of her ticket at each: each has it in its own ticket, and once."""
    house.post(mail("A new colleague comes.", to="desk@desk.example, haus@desk.example"), to=["desk@desk.example", "haus@desk.example"])
    signed = [house.signed(1, ANN), house.signed(2, ANN).replace("desk+", "haus+")]
    house.post(mail("On the first of May.", to=", ".join(signed), subject="Re: both", message_id="again@mua"), to=signed)
    assert [[one.text for one in house.story(number).messages] for number in (1, 2)] == [
        ["A new colleague comes.", "On the first of May."]
    ] * 2  # fmt: skip


@pytest.mark.parametrize("envelope", [(), ("catch-all@desk.example",)])
def test_without_an_envelope_the_header_says_which_desks_a_mail_is_for(house: Office, envelope: tuple[str, ...]) -> None:
    raw = mail("A new colleague comes.", to='"Help desk@desk.example" <haus@desk.example>', cc="HR <hr+x@Desk.example>")
    raw = raw.replace(b"\r\n", b"\n")
    receipts = take_in(house.store, house.house, [RawMail(raw, "file", None, envelope)], house.now)
    house.work()
    assert [house.ticket(number).desk for number in (1, 2)] == ["Human Resources", "Haustechnik"]
    assert (house.count(), len(receipts)) == (2, 1)
    again = take_in(house.store, house.house, [RawMail(raw, "imap", None, ("hr@desk.example",))], house.now)
    assert again[0].seen_before


def test_a_fetched_mailbox_gives_its_own_desk_each_mail_and_the_others_theirs(house: Office) -> None:
    raw = mail("A new colleague comes.", to="haus@desk.example")
    take_in(house.store, house.house, [RawMail(raw, "imap", None, ("desk@desk.example",))], house.now)
    house.work()
    assert [house.ticket(number).desk for number in (1, 2)] == ["IT", "Haustechnik"]


# ----------------------------------------------------------------------------------------------------------- whose it is


def test_a_technician_of_another_desk_is_a_stranger_to_a_confidential_ticket(checked: Office) -> None:
    """Least privilege: he cannot take, read or touch it, and is not told whether the number exists."""
    to(checked, "hr@desk.example")
    before = checked.ticket(1)
    told(checked)
    row = checked.post(
        aligned(mail("#take", sender=TINA.address, name="Tina", to="hr@desk.example", subject="[HR-1] x"), "desk.example"),
        to=["hr@desk.example"],
    )
    assert (checked.ticket(1), row.ticket, checked.count()) == (before, None, 1)
    assert len(checked.story(1).messages) == 1
    (answer,) = checked.letters()
    assert (answer.name, answer.to) == ("receipt", TINA.address)
    assert "HR-1" not in answer.subject + answer.text
    # A number that does not exist is answered in the same words.
    raw = mail("#take", sender=TINA.address, name="Tina", to="hr@desk.example", subject="[HR-9] x")
    checked.post(aligned(raw, "desk.example"), to=["hr@desk.example"])
    assert [one.text for one in checked.letters()] == [answer.text]


def test_even_to_claim_to_be_a_technician_of_another_desk_tells_nothing(checked: Office) -> None:
    to(checked, "hr@desk.example")
    told(checked)
    row = checked.post(mail("#close", sender=TINA.address, name="Tina", to="hr@desk.example", subject="[HR-1] x"), to=["hr@desk.example"])
    assert (row.ticket, checked.ticket(1).status, len(checked.story(1).events)) == (2, "New", 1)
    assert "HR-1" not in "".join(one.subject + one.text for one in checked.letters() if one.to == TINA.address)


def test_of_an_open_ticket_a_technician_of_another_desk_may_only_take_note(checked: Office) -> None:
    to(checked, "haus@desk.example", "The door rattles.")
    checked.post(
        aligned(
            mail("#close\nOurs rattles too.", sender=TINA.address, name="Tina", to="haus@desk.example", subject="[HT-1]"), "desk.example"
        ),
        to=["haus@desk.example"],
    )
    note = checked.story(1).messages[-1]
    assert (checked.ticket(1).status, note.visibility, note.author) == ("New", "internal", TINA.address)


def test_whoever_is_given_a_confidential_ticket_may_work_on_it(checked: Office) -> None:
    to(checked, "hr@desk.example")
    operate.order(checked.store, checked.house, TicketId(1), "#assign tina@desk.example", HANNA.address, checked.now)
    letter = checked.last("assigned", TINA.address)
    checked.post(aligned(reply(letter, "#resolve The payroll is right now.", name="Tina"), "desk.example"), to=[letter.reply_to])
    assert checked.ticket(1).status == "Waiting for Closure"
    assert checked.last("resolved", ANN)["From"].endswith("<hr@desk.example>")


def test_a_technician_who_asks_another_desk_is_its_requester(checked: Office) -> None:
    checked.post(aligned(mail(SECRET, sender=TINA.address, name="Tina", to="hr@desk.example"), "desk.example"), to=["hr@desk.example"])
    assert told(checked) == {"acknowledgement": {TINA.address}, "new_ticket": {HANNA.address}}
    letter = checked.last("new_ticket")
    checked.post(aligned(reply(letter, "We look into it.", name="Hanna"), "desk.example"), to=[letter.reply_to])
    answer = checked.last("reply", TINA.address)
    assert "We look into it." in answer.text
    assert "#resolve" not in answer.text


def test_a_technician_of_another_desk_in_copy_is_somebody_in_copy(checked: Office) -> None:
    checked.post(aligned(mail("The door rattles.", to="haus@desk.example", cc=str(TINA.address))), to=["haus@desk.example"])
    letter = checked.last("new_ticket", HUGO.address)
    checked.post(aligned(reply(letter, "Wir kommen.", name="Hugo"), "desk.example"), to=[letter.reply_to])
    copy = checked.last("reply", TINA.address)
    assert "#resolve" not in copy.text
    checked.post(aligned(reply(copy, "#close\nThank you.", name="Tina"), "desk.example"), to=[copy.reply_to])
    assert (checked.ticket(1).status, checked.story(1).messages[-1].visibility) == ("Responded", "public")


def test_nobody_escalates_a_ticket_into_another_desk(house: Office) -> None:
    to(house, "hr@desk.example")
    done = operate.order(house.store, house.house, TicketId(1), "#escalate first", HANNA.address, house.now)
    assert [one.slug for one in done.decision.refusals] == ["unknown-team"]


# ------------------------------------------------------------------------------------------------------------ on the move


def moved(house: Office, where: str = "#desk HR") -> Letter:
    """A ticket that came to IT and belongs to human resources; Ann's letter from before."""
    house.post(mail(SECRET, subject="Salary", message_id="first@mua"))
    before = house.last("acknowledgement")
    answered(house, house.last("new_ticket", TINA.address), where, "Tina")
    return before


def test_a_ticket_moves_to_another_desk_and_its_requester_keeps_the_conversation(house: Office) -> None:
    house.post(mail(SECRET, subject="Salary"))
    told(house)
    answered(house, house.last("new_ticket", TINA.address), "#take", "Tina")
    told(house)
    answered(house, house.last("new_ticket", TINA.address), "#desk HR\nI have passed this on.", "Tina")
    ticket = house.ticket()
    assert (ticket.desk, ticket.team, ticket.assignee, ticket.confidential) == ("Human Resources", "people", None, True)
    letters = {(one.name, one.to): one for one in house.letters()}
    assert set(letters) == {("new_ticket", HANNA.address), ("reply", ANN), ("receipt", TINA.address)}
    announced = letters["new_ticket", HANNA.address]
    assert announced.subject == "[HR-1] Confidential request"
    assert "Another desk has passed it on to yours." in announced.text
    said = letters["reply", ANN]
    assert (said["From"], said.reply_to.partition("+")[0]) == ('"Tina Turner (Human Resources)" <hr@desk.example>', "hr")
    assert "[HR-1]" in said.subject
    answered(house, said, "Thank you, Hanna will do.", "Ann Other")
    assert told(house) == {"requester_replied": {HANNA.address}}


def test_whoever_moved_a_ticket_into_a_confidential_desk_has_no_more_part_in_it(house: Office) -> None:
    moved(house)
    letter = house.last("receipt", TINA.address)
    assert "in copy" not in letter.text
    assert ANN not in letter.octets.decode()
    told(house)
    answered(house, letter, "#take", "Tina")
    assert (house.ticket(1).assignee, house.ticket(1).desk) == (None, "Human Resources")


@pytest.mark.parametrize(
    ("address", "subject", "headers"),
    [
        ("desk@desk.example", "[IT-1] Salary", ""),
        ("hr@desk.example", "[HR-1] Salary", ""),
        ("hr@desk.example", "[IT-1] Salary", ""),
        ("desk@desk.example", "[HR-1] Salary", ""),
        ("desk@desk.example", "x", "In-Reply-To: <first@mua>"),
        ("hr@desk.example", "x", "In-Reply-To: <first@mua>"),
    ],
)
def test_every_way_to_a_ticket_leads_there_after_it_has_moved(house: Office, address: str, subject: str, headers: str) -> None:
    moved(house)
    told(house)
    assert to(house, address, "And it still is.", subject=subject, headers=headers) == 1
    assert house.story().messages[-1].text == "And it still is."
    assert told(house) == {"requester_replied": {HANNA.address}}


def test_an_answer_to_a_letter_from_before_reaches_the_ticket_at_its_new_desk(house: Office) -> None:
    before = moved(house)
    told(house)
    assert before.reply_to.startswith("desk+t.1.")
    answered(house, before, "And it still is.", "Ann Other")
    assert (house.story().messages[-1].strength, told(house)) == ("token", {"requester_replied": {HANNA.address}})


def test_an_answer_to_both_addresses_of_a_moved_ticket_is_one_message(house: Office) -> None:
    before = moved(house)
    answered(house, house.last("new_ticket", HANNA.address), "Which month?", "Hanna")
    after = house.last("reply", ANN)
    both = [before.reply_to, after.reply_to]
    house.post(mail("In May.", to=", ".join(both), subject="Re: [HR-1]", message_id="both@mua"), to=both)
    said = [one for one in house.story().messages if one.text == "In May."]
    assert sorted(one.visibility for one in said) == ["hidden", "public"]
    assert house.count() == 1


def test_a_stranger_with_the_old_tag_gets_nowhere_and_the_old_desk_learns_nothing(house: Office) -> None:
    moved(house)
    told(house)
    number = to(house, "desk@desk.example", "What about this?", subject="[IT-1] Salary", sender="eve@out.example")
    assert (number, house.ticket(2).desk, len(house.story(1).messages)) == (2, "IT", 1)
    letters = house.letters()
    assert {one.to for one in letters} == {TINA.address, TOM.address, "eve@out.example"}
    assert {one["From"] for one in letters} == {"IT <desk@desk.example>"}
    for one in letters:
        assert "HR-1" not in one.octets.decode()
        assert "Human" not in one.octets.decode()


def test_the_receipt_of_a_move_names_nobody_to_whoever_has_no_more_part_in_it(house: Office) -> None:
    house.post(mail("The door rattles.", cc="bob@out.example"))
    answered(house, house.last("new_ticket", TINA.address), "#cc add bob@out.example\n#desk HT", "Tina")
    receipt = house.last("receipt", TINA.address)
    assert receipt["From"] == "Haustechnik <haus@desk.example>"
    assert "conversation" not in receipt.text
    assert "In diesem" not in receipt.text
    assert "Kopie" not in receipt.text


def test_the_tags_of_a_desk_where_a_ticket_never_was_lead_nowhere(house: Office) -> None:
    moved(house)
    for address, subject in (("haus@desk.example", "[HT-1] x"), ("haus@desk.example", "[HR-1] x"), ("desk@desk.example", "[HT-1] x")):
        assert to(house, address, subject=subject) != 1


def test_what_follows_a_closed_ticket_stays_at_the_desk_that_it_moved_to(house: Office) -> None:
    before = moved(house)
    operate.order(house.store, house.house, TicketId(1), "#close", HANNA.address, house.now)
    told(house)
    answered(house, before, "It is wrong again.", "Ann Other")
    ticket = house.ticket(2)
    assert (ticket.desk, ticket.team, ticket.confidential, ticket.links) == ("Human Resources", "people", True, (1,))
    assert told(house) == {"acknowledgement": {ANN}, "new_ticket": {HANNA.address}}


def test_a_move_can_be_taken_back(house: Office) -> None:
    moved(house)
    operate.order(house.store, house.house, TicketId(1), "#undo", HANNA.address, house.now)
    ticket = house.ticket()
    assert (ticket.desk, ticket.team, ticket.confidential) == ("IT", "first", False)


def test_a_move_from_the_shell_is_the_same_and_a_wrong_name_moves_nothing(house: Office) -> None:
    to(house, "desk@desk.example")
    done = operate.order(house.store, house.house, TicketId(1), "#desk Hausmeister", None, house.now)
    assert [(one.slug, one.instead) for one in done.decision.refusals] == [("unknown-desk", "#desk Haustechnik")]
    assert house.ticket().desk == "IT"
    operate.order(house.store, house.house, TicketId(1), "#desk haus", None, house.now)
    assert (house.ticket().desk, house.ticket().team) == ("Haustechnik", "house")


def test_ein_ticket_zieht_um_und_das_gespraech_geht_weiter(house: Office) -> None:
    """Auf Deutsch: Die IT gibt die klemmende Tür an die Haustechnik weiter, und Ann antwortet auf den alten Brief."""
    house.post(mail("Die Tür klemmt.", subject="Tür", headers="Content-Language: de"))
    before = house.last("acknowledgement")
    answered(house, house.last("new_ticket", TINA.address), "#stelle Haustechnik", "Tina")
    announced = house.last("new_ticket", HUGO.address)
    assert announced.subject == "[HT-1] Tür"
    assert "Eine andere Stelle hat sie an Ihre weitergegeben." in announced.text
    assert "> Die Tür klemmt." in announced.text
    answered(house, announced, "Wir kommen um zehn.", "Hugo")
    answered(house, before, "Danke!", "Ann Other")
    assert house.last("reply", ANN).subject == "Re: [HT-1] Tür"
    assert house.last("requester_replied").to == HUGO.address


# ------------------------------------------------------------------------------------------------------- what others find


def test_whoever_works_elsewhere_searches_in_vain(checked: Office) -> None:
    to(checked, "hr@desk.example")
    for who, opened in ((TINA, {"new_ticket"}), (HANNA, {"found"})):
        checked.letters()
        raw = mail("", sender=who.address, name=who.name, to="hr@desk.example", subject="search: salary")
        checked.post(aligned(raw, "desk.example"), to=["hr@desk.example"])
        assert {one.name for one in checked.letters()} & {"new_ticket", "found"} == opened
        assert all("HR-1 " not in one.text for one in checked.everything_sent() if one.to == TINA.address)


def test_a_lead_attaches_held_mail_to_no_ticket_of_another_desk(open_office: Callable[..., Office]) -> None:
    lena = Person(Address("lena@desk.example"), "Lena Lead", Role.LEAD, team="first")
    office = open_office(desk=IT, further=(HR, HAUS), people=replace(STAFF, people=(TINA, lena, HANNA)), security=GUARDED)
    to(office, "hr@desk.example")
    assert office.post(spoofed(mail("Pay this.", sender="eve@evil.example"), "evil.example")).state == "held"
    office.later(hours=24)
    digest = office.last("held", lena.address)
    receipts = []
    for number in (1, 77):
        office.post(
            aligned(mail(f"attach 2 {number}", sender=lena.address, name="", to=digest.reply_to), "desk.example"), to=[digest.reply_to]
        )
        receipts.append(office.last("receipt", lena.address).text.replace(f"2 {number}", ""))
    # She learns nothing: a ticket that is not there reads the same.
    assert receipts[0] == receipts[1]
    assert (office.row(2).state, len(office.story(1).messages)) == ("held", 1)
