"""What can a technician type, and what is he told of it? Statuses by their names, times by the clock on his wall, people by half a name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from mailgate.cli.tickets import story_json, ticket_json
from mailgate.desk.model import Address, Directory, TicketId, fold_address
from mailgate.flow import operate
from tests.kit.office import PEOPLE, TINA, TOM, Office, mail, reply

ANN = Address("ann@out.example")
TESS = replace(TOM, address=Address("tess@desk.example"), name="Tess Tiller")
# Tina works in Berlin, and reads German; it is Monday, 2 March, 9:00 in London and 10:00 at her desk.
BERLIN = Directory((*(replace(one, language="de", timezone="Europe/Berlin") if one is TINA else one for one in PEOPLE.people), TESS))


@pytest.fixture
def asked(either_office: Office) -> Office:
    """A desk with one request of Ann's, told to the technicians."""
    either_office.post(mail("The printer is dead."))
    either_office.letters()
    return either_office


def writes(office: Office, text: str) -> None:
    """Tina answers the letter that told her of the request, a moment later."""
    office.later(seconds=1)
    office.post(reply(office.last("new_ticket", TINA.address), text, name="Tina"))


def receipt(office: Office) -> str:
    """What Tina is told of her last commands, in one line."""
    return " ".join(office.last("receipt", TINA.address).text.split())


def orders(office: Office, text: str) -> list[str]:
    """What the shell refuses of an order in Tina's name."""
    done = operate.order(office.store, office.house, TicketId(1), text, fold_address(TINA.address), office.now)
    return [one.slug for one in done.decision.refusals]


def test_a_status_is_set_by_its_name_and_the_receipt_says_which_was_meant(asked: Office) -> None:
    writes(asked, "#status in prog")
    assert asked.ticket().status == "Analysis"
    assert "✓ #status in prog → Analysis" in receipt(asked)
    assert [one.verb for one in asked.story().events] == ["open", "status"]
    writes(asked, "#undo")
    assert asked.ticket().status == "New"


def test_a_status_that_takes_a_question_is_refused_with_the_line_that_asks_it(asked: Office) -> None:
    writes(asked, "#tag floor3\n#status pending")
    assert (asked.ticket().status, asked.ticket().tags) == ("New", ())
    assert "That status needs more than its name. This works: #pending Which floor is the printer on?" in receipt(asked)
    assert [one.name for one in asked.letters()] == ["receipt"]


def test_time_adds_up_and_is_told_with_the_ticket(asked: Office) -> None:
    writes(asked, "#time 30m")
    writes(asked, "#time 1h30\n#note Waited for the lift.")
    told = asked.story()
    assert ticket_json(told, "MG", None)["time_spent"] == 120
    spent = [(one["verb"], one["changes"]["time_spent"], one["note"]) for one in story_json(told)["events"] if one["verb"] == "time"]
    assert spent == [("time", 30, "30 min"), ("time", 120, "90 min")]
    writes(asked, "#time a while")
    assert "That is no length of time. This works: #time 30m" in receipt(asked)
    assert asked.ticket().time_spent == 120
    assert not [one for one in asked.everything_sent() if one.to == ANN and one.name != "acknowledgement"]


def test_a_ticket_falls_due_once_at_the_time_on_its_technicians_wall(asked: Office) -> None:
    asked.change(people=BERLIN)
    writes(asked, "#take\n#due fri 9:00")
    assert asked.ticket().due == datetime(2026, 3, 6, 8, 0, tzinfo=UTC)
    assert "#due fri 9:00 → 2026-03-06 09:00 CET" in receipt(asked)
    assert ("due", datetime(2026, 3, 6, 8, 0, tzinfo=UTC)) in [(one.kind, one.due) for one in asked.story().timers]
    asked.letters()
    asked.later(days=3, hours=22)
    assert asked.letters() == []
    asked.later(hours=2)
    (letter,) = asked.letters()
    assert (letter.name, letter.to) == ("assigned", TINA.address)
    assert "Jetzt fällig" in letter.text
    assert "6. März 2026, 09:00 Uhr MEZ" in letter.text
    assert "The printer is dead." in letter.text
    # Not even when the ticket goes on to other clocks.
    writes(asked, "#pending Which floor?")
    asked.later(days=3)
    assert "assigned" not in {one.name for one in asked.letters()}


def test_a_new_time_is_told_of_again_and_none_is_told_of_when_it_is_off_or_done(asked: Office) -> None:
    writes(asked, "#due in 2h")
    writes(asked, "#due tomorrow 12:00")
    asked.letters()
    asked.later(hours=4)
    assert asked.letters() == []
    asked.later(days=1)
    assert {(one.name, one.to) for one in asked.letters()} == {("assigned", TINA.address), ("assigned", TOM.address)}
    writes(asked, "#due in 1h")
    writes(asked, "#due off")
    assert (asked.ticket().due, [one.kind for one in asked.story().timers]) == (None, [])
    writes(asked, "#due in 1h")
    writes(asked, "#resolve New toner.")
    asked.letters()
    asked.later(hours=2)
    assert asked.letters() == []


def test_what_is_past_or_could_be_two_days_is_no_time_to_be_due(asked: Office) -> None:
    for words, why in (("2020-01-01", "That lies in the past."), ("03/04 9:00", "That is no moment, or more than one.")):
        writes(asked, f"#due {words}")
        assert f"{why} This works: #due fri 9:00" in receipt(asked)
        assert asked.ticket().due is None


def test_half_a_name_is_enough_where_it_is_one_persons_and_else_the_receipt_says_whose(asked: Office) -> None:
    asked.change(people=Directory((*PEOPLE.people, TESS), PEOPLE.teams))
    writes(asked, "#assign T")
    assert asked.ticket().assignee is None
    assert "More than one person could be meant. → Tina Turner <tina@desk.example>, Tom Thumb <tom@desk.example>" in receipt(asked)
    writes(asked, "#assign tess")
    assert asked.ticket().assignee == TESS.address
    assert "#assign tess → Tess Tiller <tess@desk.example>" in receipt(asked)
    writes(asked, "#cc add Olg")
    assert "→ Olga Owner <olga@desk.example>" in receipt(asked)
    writes(asked, "#requester Anna Weber <anna@out.example>")
    assert asked.ticket().requester == "anna@out.example"


@pytest.mark.parametrize(
    ("words", "priority"), [("P1", "P1"), ("2", "P2"), ("high", "P2"), ("urgent", "P1"), ("sehr hoch", "P1"), ("niedrig", "P4")]
)
def test_a_priority_is_called_what_people_call_it(asked: Office, words: str, priority: str) -> None:
    writes(asked, f"#priority {words}")
    assert asked.ticket().priority == priority


def test_german_technicians_type_german_and_are_answered_in_german(asked: Office) -> None:
    asked.change(people=BERLIN)
    writes(asked, "#status In Bearbeitung\n#fällig übermorgen um 14 Uhr\n#zeit 0,5 Std.\n#priorität hoch\n#schlagwort stock3")
    now = asked.ticket()
    assert (now.status, now.due, now.time_spent, now.priority, now.tags) == (
        "Analysis", datetime(2026, 3, 4, 13, 0, tzinfo=UTC), 30, "P2", ("stock3",),
    )  # fmt: skip
    writes(asked, "#zeitt 30m")
    assert "Diesen Befehl gibt es nicht. So geht es: #time 0:30" in receipt(asked)
    writes(asked, "#fällig irgendwann")
    assert "Das ist kein Zeitpunkt, oder mehr als einer. So geht es: #due Fr 9:00" in receipt(asked)
    writes(asked, "#hilfe")
    helped = asked.last("help", TINA.address).text
    for line in ("#status In Bearbeitung", "#due Fr 9:00", "Ihr Aufwand, etwa 30m, 1h30 oder 1:30."):
        assert line in helped


def test_the_shell_orders_the_same(asked: Office) -> None:
    assert orders(asked, "#status analysis\n#due in 2h\n#time 1:30\n#priority 1") == []
    now = asked.ticket()
    assert (now.status, now.time_spent, now.priority, now.due is not None) == ("Analysis", 90, "P1", True)
    assert orders(asked, "#time 5m\n#due yesterday") == ["unknown-moment"]
    assert asked.ticket().time_spent == 90


def test_half_a_dozen_second_thoughts(asked: Office) -> None:
    for text in ("#time 30m", "#due in 2h", "#status analysis"):
        before = asked.ticket()
        writes(asked, text)
        assert "undo" in receipt(asked)
        writes(asked, "#undo")
        now = asked.ticket()
        assert (now.time_spent, now.due, now.status) == (before.time_spent, before.due, before.status)
