"""How do tickets hang together? Parents and children, duplicates, links, what is split off, and what looks like the same matter twice."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from mailgate.cli.tickets import story_json, ticket_json
from mailgate.desk.model import Address, Directory, Organisation, TicketId
from mailgate.flow.operate import order
from tests.kit.office import PEOPLE, TINA, TOM, Letter, Office, mail, reply

ANN, BOB, CAT = "ann@out.example", "bob@out.example", "cat@out.example"


def asks(office: Office, sender: str, text: str, subject: str) -> int:
    """Somebody opens a ticket, proves by a tap that he is who he says, and nobody remembers the letters about it; its number."""
    name = sender.partition("@")[0].title()
    number = office.post(mail(text, sender=sender, name=name, subject=subject)).ticket
    assert number is not None
    office.post(mail("", sender=sender, name=name, to=office.last("acknowledgement", sender).tap("status"), subject="status"))
    office.letters()
    return number


def tina(office: Office, number: int, text: str, **fields: str) -> None:
    """Tina answers the newest letter that she got about this ticket."""
    about = [one for one in office.everything_sent() if one.to == TINA.address and one["X-Mailgate-Ticket"] == str(number)]
    office.post(reply(about[-1], text, name="Tina", **fields))


def sent(office: Office) -> list[tuple[str, str, str]]:
    """What was written since: which letter, to whom, about which ticket."""
    return sorted((one.name, one.to, one["X-Mailgate-Ticket"]) for one in office.letters())


def flat(letter: Letter) -> str:
    """A letter's text on one line."""
    return " ".join(letter.text.split())


@pytest.fixture
def outage(either_office: Office) -> Office:
    """A broken mail server, and two people who cannot print because of it."""
    asks(either_office, CAT, "The server in the basement is dead.", "Server 4711 is dead")
    asks(either_office, ANN, "I cannot print.", "Printing")
    asks(either_office, BOB, "Nothing comes out of the printer.", "No paper comes out")
    tina(either_office, 2, "#parent 1")
    tina(either_office, 3, "#parent MG-1")
    either_office.letters()
    return either_office


# -------------------------------------------------------------------------------------------------- parents and children


def test_the_parents_solution_solves_its_children_and_each_requester_hears_it_once(outage: Office) -> None:
    tina(outage, 1, "#resolve The server got a new power supply.")
    assert sent(outage) == [
        ("receipt", TINA.address, "1"), ("resolved", ANN, "2"), ("resolved", BOB, "3"), ("resolved", CAT, "1"),
    ]  # fmt: skip
    assert [outage.ticket(number).status for number in (1, 2, 3)] == [
        "Waiting for Closure", "Resolved by Origin Ticket", "Resolved by Origin Ticket",
    ]  # fmt: skip
    letter = outage.last("resolved", ANN)
    assert "The cause of your request MG-2 has been found and settled." in flat(letter)
    assert "The server got a new power supply." in letter.text
    # Of the ticket that was solved he learns nothing else.
    for secret in ("MG-1", "4711", "basement", "cat@", "Cat", "MG-3", "bob@"):
        assert secret not in letter.octets.decode(), secret
    assert {event.cause for number in (1, 2, 3) for event in outage.story(number).events[-1:]} == {outage.story(1).events[-1].cause}


def test_a_child_may_be_accepted_or_opened_again_by_itself(outage: Office) -> None:
    tina(outage, 1, "#resolve The server got a new power supply.")
    outage.post(reply(outage.last("resolved", ANN), "accept", name="Ann"))
    outage.post(reply(outage.last("resolved", BOB), "It still does not print.", name="Bob"))
    assert [outage.ticket(number).status for number in (1, 2, 3)] == ["Waiting for Closure", "Completed", "Analysis"]


def test_a_child_that_nobody_answers_is_closed_in_the_end_as_everything_is(outage: Office) -> None:
    tina(outage, 1, "#resolve The server got a new power supply.")
    for _ in range(8):
        outage.later(days=1)
    assert {outage.ticket(number).status for number in (1, 2, 3)} == {"Completed"}


def test_children_that_are_solved_already_are_left_alone_and_grandchildren_are_solved_too(outage: Office) -> None:
    tina(outage, 2, "#resolve It was out of paper.")
    asks(outage, BOB, "My colleague cannot print either.", "Another one")
    tina(outage, 4, "#parent 3")
    outage.letters()
    tina(outage, 1, "#resolve The server got a new power supply.")
    assert [(one, to) for one, to, _ in sent(outage) if one == "resolved"] == [("resolved", BOB), ("resolved", BOB), ("resolved", CAT)]
    assert (outage.ticket(2).resolution, outage.ticket(4).status) == ("It was out of paper.", "Resolved by Origin Ticket")


def test_a_parent_that_waits_in_vain_and_one_that_is_just_closed_solve_their_children_as_well(outage: Office) -> None:
    tina(outage, 1, "#pending Which server is it?")
    outage.letters()
    for _ in range(7):
        outage.later(days=1)
    assert {outage.ticket(number).status for number in (2, 3)} == {"Resolved by Origin Ticket"}
    assert [to for name, to, _ in sent(outage) if name == "resolved"] == [ANN, BOB, CAT]
    assert "We had a question" not in outage.last("resolved", ANN).text


def test_the_parent_that_is_opened_again_leaves_its_children_and_the_technician_is_told_of_them(outage: Office) -> None:
    tina(outage, 1, "#resolve The server got a new power supply.")
    outage.letters()
    outage.post(reply(outage.last("resolved", CAT), "reopen it is dead again", name="Cat"))
    assert [outage.ticket(number).status for number in (1, 2, 3)] == ["Analysis", *["Resolved by Origin Ticket"] * 2]
    assert ("related", TINA.address, "1") in sent(outage)
    assert "stay so, until somebody opens them: MG-2, MG-3." in flat(outage.last("related", TINA.address))


def test_undoing_the_solution_undoes_it_for_the_children_too_and_they_are_told(outage: Office) -> None:
    tina(outage, 1, "#resolve The server got a new power supply.")
    outage.post(reply(outage.last("resolved", ANN), "accept", name="Ann"))
    outage.letters()
    tina(outage, 1, "#undo")
    assert [outage.ticket(number).status for number in (1, 2, 3)] == ["New", "Completed", "New"]
    assert outage.ticket(3).resolution is None
    assert sent(outage) == [("receipt", TINA.address, "1"), ("reopened", BOB, "3"), ("reopened", CAT, "1")]


def test_a_child_can_be_taken_out_again(outage: Office) -> None:
    tina(outage, 3, "#parent off")
    tina(outage, 1, "#resolve The server got a new power supply.")
    assert (outage.ticket(2).status, outage.ticket(3).status) == ("Resolved by Origin Ticket", "New")
    assert outage.story(1).children == (2,)


def test_what_a_confidential_parent_was_solved_by_is_told_to_nobody_else(outage: Office) -> None:
    tina(outage, 1, "#confidential")
    tina(outage, 1, "#resolve Mr Smith poured tea into it.")
    letters = [one for one in outage.letters() if one.name == "resolved" and one.to in (ANN, BOB)]
    assert len(letters) == 2
    assert all("Smith" not in one.octets.decode() for one in letters)
    assert outage.ticket(2).resolution is None


def test_from_the_shell_it_is_the_same(outage: Office) -> None:
    outage.order(1, "resolve The server got a new power supply.")
    assert {outage.ticket(number).status for number in (2, 3)} == {"Resolved by Origin Ticket"}


@pytest.mark.parametrize(
    ("number", "line", "wrong", "works"),
    [
        (1, "#parent 2", "That ticket stands below this one already.", "#link 2"),
        (1, "#parent 1", "That is this very ticket.", "#note"),
        (1, "#parent 99", "This desk has no such ticket.", "#note"),
        (1, "#parent soon", "This desk has no such ticket.", "#note"),
        (2, "#merge 99", "This desk has no such ticket.", "#merge 4"),
        (2, "#merge 3", "That ticket is closed; it can only be linked.", "#link 3"),
        (2, "#parent 3", "That ticket is closed; it can only be linked.", "#link 3"),
        (2, "#merge 5", "That ticket has been merged into another one.", "#merge 1"),
        (1, "#split", "There is no further message that could become a ticket of its own.", "#note"),
    ],
)  # fmt: skip
def test_a_wrong_number_is_answered_with_a_line_that_works(outage: Office, number: int, line: str, wrong: str, works: str) -> None:
    asks(outage, ANN, "Where is the canteen?", "Canteen")
    asks(outage, BOB, "The server is dead.", "Server")
    outage.order(3, "#close")
    outage.order(5, "#merge 1")
    before = [outage.ticket(one) for one in range(1, 6)]
    outage.letters()
    tina(outage, number, f"#take\n{line}")
    assert sent(outage) == [("receipt", TINA.address, str(number))]
    receipt = flat(outage.last("receipt"))
    assert f"✗ {line} {wrong}" in receipt
    assert f"This works: {works}" in receipt
    assert [replace(outage.ticket(one), version=0, updated=before[0].updated) for one in range(1, 6)] == [
        replace(one, version=0, updated=before[0].updated) for one in before
    ]


# ------------------------------------------------------------------------------------------------------------- duplicates


@pytest.fixture
def twice(either_office: Office) -> Office:
    """The lift is stuck, and two people say so."""
    asks(either_office, ANN, "The lift is stuck on floor 2.", "Lift stuck")
    asks(either_office, BOB, "Somebody is in the lift!", "Help in the lift")
    return either_office


def test_a_duplicate_goes_on_in_the_other_ticket_with_its_people(twice: Office) -> None:
    tina(twice, 2, "#merge 1")
    assert sent(twice) == [("closed", BOB, "2"), ("receipt", TINA.address, "2"), ("related", TOM.address, "1")]
    assert "Your request MG-2 is about the same as MG-1. We go on with both under that number" in flat(twice.last("closed", BOB))
    related = twice.last("related", TOM.address)
    assert "MG-2 has been merged into this ticket" in related.text
    assert "> Somebody is in the lift!" in related.text
    ticket = twice.ticket(2)
    assert (ticket.status, ticket.merged_into, ticket.closure_category) == ("Duplicate", 1, "duplicate")
    tina(twice, 1, "The fire brigade is coming.")
    assert [(name, to) for name, to, _ in sent(twice) if name == "reply"] == [("reply", ANN), ("reply", BOB)]


def test_whatever_is_written_to_the_duplicate_reaches_the_other(twice: Office) -> None:
    acknowledged = twice.last("acknowledgement", BOB)
    tina(twice, 2, "#merge 1")
    assert twice.post(reply(acknowledged, "He is out.", name="Bob")).ticket == 1
    assert twice.post(mail("By tag.", sender=BOB, subject="[MG-2] lift")).ticket == 1
    ids = f"In-Reply-To: {acknowledged['Message-ID']}"
    assert twice.post(mail("By the id of our letter.", sender=BOB, subject="lift", headers=ids)).ticket == 1
    tina(twice, 2, "#note A technician's note to the old number.")
    assert [one.text for one in twice.story(1).messages if one.ticket == 1][-1] == "A technician's note to the old number."


def test_the_whole_story_is_told_by_the_one_that_goes_on_in_order_and_whence(twice: Office) -> None:
    twice.later(minutes=1)
    twice.post(reply(twice.last("acknowledgement", ANN), "It moves again.", name="Ann"))
    twice.later(minutes=1)
    tina(twice, 2, "#merge 1")
    twice.later(minutes=1)
    twice.post(reply(twice.last("closed", BOB), "Thanks, everybody is out.", name="Bob"))
    told = twice.story(1)
    assert [(one.ticket, one.text) for one in told.messages] == [
        (1, "The lift is stuck on floor 2."), (2, "Somebody is in the lift!"), (1, "It moves again."), (1, "Thanks, everybody is out."),
    ]  # fmt: skip
    assert [(one.ticket, one.verb) for one in told.events][-3:] == [(2, "merge"), (1, "join"), (1, "reply")]
    shown = json.loads(json.dumps({**ticket_json(told, "MG", None), **story_json(told)}))
    assert [one["ticket"] for one in shown["messages"]] == [1, 2, 1, 1]
    # The duplicate keeps its own.
    assert [one.text for one in twice.story(2).messages] == ["Somebody is in the lift!"]
    assert ticket_json(twice.story(2), "MG", None)["merged_into"] == 1


def test_a_merging_can_be_undone_by_one_tap_and_everybody_is_where_he_was(twice: Office) -> None:
    before = twice.ticket(1), twice.ticket(2)
    tina(twice, 2, "#merge 1")
    receipt = twice.last("receipt", TINA.address)
    twice.letters()
    twice.post(mail(str(twice.ticket(2).version), sender=TINA.address, name="Tina", to=receipt.tap("undo"), subject="undo"))
    assert sent(twice) == [("receipt", TINA.address, "2"), ("reopened", BOB, "2")]
    assert [replace(twice.ticket(one.id), version=one.version, updated=one.updated, since=one.since) for one in before] == list(before)
    assert twice.post(reply(twice.last("acknowledgement", BOB), "He is out.", name="Bob")).ticket == 2


def test_what_the_survivor_got_since_stays_when_a_merging_is_undone(twice: Office) -> None:
    tina(twice, 2, "#merge 1")
    twice.order(1, f"#cc add {CAT}")
    twice.post(reply(twice.last("closed", BOB), "He is out.", name="Bob"))
    twice.order(2, "#undo")
    assert {one.address for one in twice.ticket(1).participants} == {ANN, CAT}
    assert [one.text for one in twice.story(1).messages] == ["The lift is stuck on floor 2.", "He is out."]


def test_whoever_was_never_proven_takes_part_unconfirmed_and_does_not_learn_the_other_number(either_office: Office) -> None:
    office = either_office
    asks(office, ANN, "The lift is stuck on floor 2.", "Lift stuck")
    office.post(mail("Somebody is in the lift!", sender=BOB, subject="Help"))
    office.letters()
    office.order(2, "#merge 1")
    closed = office.last("closed", BOB)
    assert "MG-1" not in closed.text
    assert [(one.address, one.confirmed) for one in office.ticket(1).participants] == [(ANN, True), (BOB, False)]
    office.letters()
    tina(office, 1, "The fire brigade is coming.")
    assert [to for name, to, _ in sent(office) if name == "reply"] == [ANN]


def test_the_children_of_a_duplicate_are_children_of_the_one_that_goes_on_and_timers_end(outage: Office) -> None:
    asks(outage, CAT, "The server again.", "Still dead")
    outage.order(1, "#pending Which one?")
    assert outage.story(1).timers
    outage.later(minutes=1)
    outage.order(1, "#merge 4")
    assert (outage.story(4).children, outage.story(1).timers) == ((2, 3), ())
    outage.order(1, "#undo")
    assert (outage.story(4).children, outage.story(1).children, outage.ticket(1).status) == ((), (2, 3), "Pending")


def test_what_was_confidential_stays_so_in_the_joined_ticket(twice: Office) -> None:
    twice.order(2, "#confidential")
    twice.order(2, "#merge 1")
    assert twice.ticket(1).confidential


def test_a_duplicate_of_a_duplicate_leads_to_the_last_and_tells_everything(twice: Office) -> None:
    asks(twice, CAT, "Lift!", "Lift")
    twice.order(3, "#merge 2")
    twice.order(2, "#merge 1")
    assert {one.address for one in twice.ticket(1).participants} == {ANN, BOB, CAT}
    assert twice.post(reply(twice.last("acknowledgement", CAT), "He is out.", name="Cat")).ticket == 1
    assert {one.ticket for one in twice.story(1).messages} == {1, 2, 3}


def test_a_ticket_of_another_desk_is_none(open_office: Callable[..., Office]) -> None:
    office = open_office()
    people = replace(office.desk, name="People", address=Address("people@desk.example"), tag="HR")
    office.change(further=(people,))
    office.post(mail("My salary.", sender=ANN, to="people@desk.example", subject="Salary"), to=["people@desk.example"])
    asks(office, BOB, "The lift is stuck.", "Lift")
    for verb in ("merge", "parent", "link"):
        done = order(office.store, office.house, TicketId(2), f"#{verb} 1", TINA.address, office.now)
        assert [one.slug for one in done.decision.refusals] == ["unknown-ticket"]


# -------------------------------------------------------------------------------------------------------- links and parts


def test_a_link_is_seen_from_both_sides_and_can_be_undone(twice: Office) -> None:
    tina(twice, 2, "#link 1")
    assert (twice.story(1).links, twice.story(2).links) == ((2,), (1,))
    assert sent(twice) == [("receipt", TINA.address, "2")]
    tina(twice, 1, "#link 2")
    assert (twice.ticket(1).links, twice.story(2).events[-1].verb) == ((), "link")
    twice.order(2, "#undo")
    assert (twice.story(1).links, twice.story(2).links) == ((), ())


def test_a_message_that_is_a_matter_of_its_own_becomes_a_ticket_of_its_own(either_office: Office) -> None:
    office = either_office
    asks(office, ANN, "The lift is stuck.", "Lift")
    office.post(reply(office.last("acknowledgement", ANN), "By the way, my phone is dead.", name="Ann", cc=BOB))
    office.post(reply(office.last("acknowledgement", ANN), "The lift moves again.", name="Ann"))
    about_the_phone = next(one for one in office.letters() if one.to == TINA.address and "phone" in one.text)
    office.post(reply(about_the_phone, "#split", name="Tina"))
    assert sent(office) == [
        ("acknowledgement", ANN, "2"), ("new_ticket", TINA.address, "2"), ("new_ticket", TOM.address, "2"), ("receipt", TINA.address, "1"),
    ]  # fmt: skip
    told = office.last("new_ticket", TINA.address)
    assert "> By the way, my phone is dead." in told.text
    assert "It was a message to MG-1 and has become a ticket of its own." in flat(told)
    assert "may be the same" not in told.text
    assert "a matter of its own. Its number is MG-2." in flat(office.last("acknowledgement", ANN))
    new = office.story(2)
    assert ([one.text for one in new.messages], new.links) == (["By the way, my phone is dead."], (1,))
    assert [one.address for one in new.ticket.participants] == [ANN]
    # The old story is not rewritten.
    assert len(office.story(1).messages) == 3
    assert (office.story(1).events[-1].verb, office.story(1).links) == ("split", (2,))
    assert office.post(mail("It is the red one.", sender=ANN, headers=f"In-Reply-To: <{new.messages[0].message_id}>")).ticket == 2


def test_without_a_hint_the_newest_is_split_off_and_each_only_once(either_office: Office) -> None:
    office = either_office
    asks(office, ANN, "The lift is stuck.", "Lift")
    office.post(reply(office.last("acknowledgement", ANN), "My phone is dead.", name="Ann"))
    office.order(1, "#split")
    assert office.story(2).messages[0].text == "My phone is dead."
    done = order(office.store, office.house, TicketId(1), "#split", TINA.address, office.now)
    assert [one.slug for one in done.decision.refusals] == ["nothing-to-split"]


def test_whoever_has_no_part_in_the_ticket_does_not_learn_what_it_is_about(either_office: Office) -> None:
    office = either_office
    asks(office, ANN, "The lift is stuck.", "Top secret lift")
    office.post(reply(office.last("acknowledgement", ANN), "Bob knows more.", name="Ann", cc=BOB))
    office.post(mail("My phone is dead.", sender=BOB, subject="Re: [MG-1] lift"))
    office.order(1, "#split")
    assert (office.ticket(2).requester, office.ticket(2).subject) == (BOB, "My phone is dead.")
    assert "secret" not in office.last("acknowledgement", BOB).octets.decode()


# ------------------------------------------------------------------------------------------------- the same matter twice


def test_the_technician_is_shown_what_looks_the_same_with_the_reason_and_merges_by_one_tap(either_office: Office) -> None:
    office = either_office
    asks(office, ANN, "The lift is stuck.", "Lift is stuck")
    office.post(mail("I wrote about the lift.", sender=ANN, subject="Re: the lift is stuck"))
    told = office.last("new_ticket", TINA.address)
    assert "! It may be the same as MG-1: same requester, similar subject." in told.text
    assert "subject=merge&body=1" in told.text
    assert "MG-1" not in office.last("acknowledgement", ANN).text
    office.post(mail("1", sender=TINA.address, name="Tina", to=told.tap("merge"), subject="merge"))
    assert office.ticket(2).merged_into == 1


@pytest.mark.parametrize(
    ("sender", "subject", "days", "expected"),
    [
        (ANN, "Lift is stuck", 1, "same requester"),
        (BOB, "The lift is stuck", 1, "same organisation"),
        ("ann@else.example", "Lift is stuck", 1, ""),
        (ANN, "Printer is broken", 1, ""),
        (ANN, "Lift is stuck", 8, ""),
    ],
)
def test_only_what_is_likely_is_shown(open_office: Callable[..., Office], sender: str, subject: str, days: int, expected: str) -> None:
    house = Organisation("Out", ("out.example",))
    office = open_office(people=Directory(PEOPLE.people, PEOPLE.teams, (house,)))
    asks(office, ANN, "It is stuck.", "Lift is stuck")
    office.later(days=days)
    office.post(mail("It is stuck.", sender=sender, subject=subject))
    text = office.last("new_ticket", TINA.address).text
    assert (f"It may be the same as MG-1: {expected}" in text) if expected else ("may be the same" not in text)


def test_what_is_closed_or_linked_is_not_shown(either_office: Office) -> None:
    asks(either_office, ANN, "The lift is stuck.", "Lift is stuck")
    either_office.order(1, "#close")
    either_office.post(mail("The lift is stuck.", sender=ANN, subject="Lift is stuck"))
    assert "may be the same" not in either_office.last("new_ticket", TINA.address).text


def test_a_mail_that_belongs_to_two_conversations_proposes_to_join_them(either_office: Office) -> None:
    office = either_office
    asks(office, ANN, "The lift is stuck.", "Lift")
    one = office.story(1).messages[0].message_id
    asks(office, ANN, "The elevator does not move.", "Elevator")
    two = office.story(2).messages[0].message_id
    office.post(mail("Both are the same, of course.", sender=ANN, subject="Re: Lift", headers=f"References: <{two}> <{one}>"))
    told = office.last("requester_replied", TINA.address)
    assert told["X-Mailgate-Ticket"] == "1"
    assert "It may be the same as MG-2: this mail belongs to the conversations" in flat(told)
    assert office.ticket(1).merged_into is None
    office.post(mail("2", sender=TINA.address, name="Tina", to=told.tap("merge"), subject="merge"))
    assert office.ticket(1).merged_into == 2


def test_nobody_has_a_merging_proposed_by_naming_a_ticket_in_which_he_has_no_part(either_office: Office) -> None:
    office = either_office
    asks(office, BOB, "My salary is too small.", "Salary")
    secret = office.story(1).messages[0].message_id
    asks(office, ANN, "The lift is stuck.", "Lift")
    own = office.story(2).messages[0].message_id
    office.post(mail("Hello?", sender=ANN, subject="Re: Lift", headers=f"References: <{secret}> <{own}>"))
    assert "may be the same" not in office.last("requester_replied", TINA.address).text


# --------------------------------------------------------------------------------------------------------------- auf Deutsch


@pytest.fixture
def deutsch(open_office: Callable[..., Office]) -> Office:
    """A desk that speaks German."""
    office = open_office()
    office.change(desk=replace(office.desk, language="de"))
    return office


def test_zwei_anfragen_werden_zusammengefuehrt_und_wieder_getrennt(deutsch: Office) -> None:
    asks(deutsch, ANN, "Der Aufzug steckt fest.", "Aufzug steckt")
    asks(deutsch, ANN, "Der Aufzug steckt noch immer.", "Aufzug steckt fest")
    told = deutsch.last("new_ticket", TINA.address)
    assert "Vielleicht dasselbe wie MG-1: dieselbe Person, ein ähnlicher Betreff." in flat(told)
    tina(deutsch, 2, "#zusammenführen 1")
    assert "geht es um dasselbe wie in MG-1. Wir führen beide unter dieser Nummer weiter" in flat(deutsch.last("closed", ANN))
    assert "MG-2 ist in diesem Ticket aufgegangen" in deutsch.last("related", TOM.address).text
    tina(deutsch, 2, "#rückgängig")
    assert (deutsch.ticket(2).status, deutsch.ticket(2).merged_into) == ("New", None)


def test_die_ursache_ist_behoben_und_jeder_erfaehrt_es(deutsch: Office) -> None:
    asks(deutsch, CAT, "Der Server ist tot.", "Server")
    asks(deutsch, ANN, "Ich kann nicht drucken.", "Drucken")
    tina(deutsch, 2, "#ursprung 1")
    tina(deutsch, 1, "#lösen Neues Netzteil.")
    letter = deutsch.last("resolved", ANN)
    assert "die Ursache Ihrer Anfrage MG-2 ist gefunden und behoben." in flat(letter)
    assert "Neues Netzteil." in letter.text
    deutsch.letters()
    deutsch.post(reply(deutsch.last("resolved", CAT), "reopen geht wieder nicht", name="Cat"))
    assert "Diese wurden mit ihm gelöst und bleiben es, bis jemand sie öffnet: MG-2." in flat(deutsch.last("related", TINA.address))


def test_falsche_nummern_und_was_stattdessen_geht(deutsch: Office) -> None:
    asks(deutsch, ANN, "Der Aufzug steckt fest.", "Aufzug")
    asks(deutsch, ANN, "Mein Telefon ist kaputt.", "Telefon")
    deutsch.letters()
    tina(deutsch, 2, "#verknüpfen 99")
    assert "Ein solches Ticket gibt es hier nicht. So geht es: #link 1" in flat(deutsch.last("receipt"))
    tina(deutsch, 2, "#abtrennen")
    assert "Es gibt keine weitere Nachricht, aus der ein eigenes Ticket werden könnte." in flat(deutsch.last("receipt"))
    deutsch.post(reply(deutsch.last("acknowledgement", ANN), "Und die Lampe flackert.", name="Ann"))
    tina(deutsch, 2, "#abtrennen")
    assert "ist ein Anliegen für sich. Es hat die Nummer MG-3." in flat(deutsch.last("acknowledgement", ANN))


def test_a_ticket_is_merged_into_no_grandchild_of_its_own(outage: Office) -> None:
    # Bob's request hangs on Ann's, and Ann's on the server's.
    tina(outage, 3, "#parent 2")
    tina(outage, 1, "#merge 3")
    assert "That ticket stands below this one already." in flat(outage.last("receipt", TINA.address))
    assert [(outage.ticket(number).parent, outage.ticket(number).merged_into) for number in (1, 2, 3)] == [
        (None, None),
        (1, None),
        (2, None),
    ]


def test_an_undo_makes_no_circle_of_tickets(outage: Office) -> None:
    for number, text in ((2, "#parent off"), (1, "#parent 2"), (2, "#undo")):
        outage.later(minutes=1)
        tina(outage, number, text)
    assert "That ticket stands below this one already." in flat(outage.last("receipt", TINA.address))
    assert [outage.ticket(number).parent for number in (1, 2)] == [2, None]


def test_of_merged_tickets_the_last_comes_apart_first(office: Office) -> None:
    for sender, subject in ((ANN, "Printing"), (BOB, "Paper"), (CAT, "Server")):
        asks(office, sender, "It does not work.", subject)
    for number, text in ((1, "#merge 2"), (2, "#merge 3")):
        office.later(minutes=1)
        office.order(number, text)
    # Ann would hear of Cat's ticket for ever.
    done = order(office.store, office.house, TicketId(1), "#undo", TINA.address, office.now)
    assert [one.slug for one in done.decision.refusals] == ["merged-already"]
    for number in (2, 1):
        office.later(minutes=1)
        office.order(number, "#undo")
    assert [one.address for one in office.ticket(3).participants if one.role != "assignee"] == [CAT]
    assert [office.ticket(number).merged_into for number in (1, 2)] == [None, None]
