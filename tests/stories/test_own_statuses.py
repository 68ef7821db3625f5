"""What are statuses of the operator's own good for? Set by name or by a verb of their own, read like any other, each does as its state."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from mailgate.cli.tickets import story_json, ticket_json
from mailgate.desk.model import Address, Directory, State
from mailgate.desk.plans import OwnStatus, Pace
from mailgate.desk.policy import Policy
from mailgate.store.story import Filter, listed
from tests.kit.office import PEOPLE, TINA, Office, mail, reply

ANN = Address("ann@out.example")
VENDOR = OwnStatus("Waiting for Vendor", State.ON_HOLD, Pace.PAUSED, "vendor")
WORKAROUND = OwnStatus("Workaround", State.RESOLVED, Pace.MET, "workaround")
ABNAHME = OwnStatus("In Abnahme", State.IN_PROGRESS, Pace.RUNS, "abnahme")
OURS = Policy(statuses=(VENDOR, WORKAROUND, ABNAHME))


@pytest.fixture
def asked(store_url: str, open_office: Callable[..., Office]) -> Office:
    """A desk with statuses of its own, and one request of Ann's."""
    office = open_office(policy=OURS, url=store_url)
    office.post(mail("The printer is dead."))
    office.letters()
    return office


def writes(office: Office, text: str) -> None:
    office.later(seconds=1)
    office.post(reply(office.last("new_ticket", TINA.address), text, name="Tina"))


def answers(office: Office, text: str) -> None:
    office.post(reply(office.last("acknowledgement"), text))


def listing(office: Office, **wanted: tuple[object, ...]) -> list[int]:
    with office.store.look() as tx:
        return list(listed(tx, Filter(**wanted)))  # type: ignore[arg-type]


def test_a_ticket_waits_for_the_vendor_until_its_requester_has_news(asked: Office) -> None:
    writes(asked, "#vendor case 4711 at the manufacturer\n\nWe have asked the manufacturer.")
    told = asked.story()
    assert (told.ticket.status_name, ticket_json(told, "MG", None)["status"], ticket_json(told, "MG", None)["state"]) == (
        "Waiting for Vendor", "Waiting for Vendor", "On Hold",
    )  # fmt: skip
    (event,) = (one for one in story_json(told)["events"] if one["verb"] == "status")
    assert (event["changes"], event["note"]) == ({"status": "Waiting for Vendor"}, "case 4711 at the manufacturer")
    letters = {(one.name, one.to): one for one in asked.letters()}
    assert set(letters) == {("reply", ANN), ("receipt", TINA.address)}
    assert "4711" not in letters["reply", ANN].text
    assert "→ Waiting for Vendor" in letters["receipt", TINA.address].text
    # Nobody asked her anything: she is left in peace, and nothing is settled by her silence.
    asked.later(days=20)
    assert (asked.letters(), asked.ticket().status_name) == ([], "Waiting for Vendor")
    answers(asked, "status")
    assert "Waiting for Vendor" in asked.last("status", ANN).text
    answers(asked, "They called me: it comes tomorrow.")
    assert asked.ticket().status_name == "Analysis"
    assert "no longer on hold" in asked.last("requester_replied", TINA.address).text


def test_its_name_or_the_beginning_of_it_does_the_same(asked: Office) -> None:
    writes(asked, "#status waiting for v")
    assert asked.ticket().status_name == "Waiting for Vendor"
    writes(asked, "#status waiting")
    assert "More than one status could be meant." in asked.last("receipt").text
    writes(asked, "#undo")
    assert asked.ticket().status_name == "New"


def test_what_was_undone_stands_where_it_stood(asked: Office) -> None:
    writes(asked, "#vendor")
    writes(asked, "#start")
    assert asked.ticket().status_name == "Analysis"
    writes(asked, "#undo")
    assert asked.ticket().status_name == "Waiting for Vendor"


def test_tickets_are_listed_by_own_statuses_and_by_their_states(asked: Office) -> None:
    writes(asked, "#vendor")
    assert listing(asked, own=("Waiting for Vendor",)) == listing(asked, states=(State.ON_HOLD,)) == [1]
    assert (
        listing(asked, own=("Workaround",))
        == listing(asked, statuses=(asked.ticket().status,))
        == listing(asked, states=(State.OPEN,))
        == []
    )


def test_an_own_solution_reaches_its_requester_and_closes_by_itself(asked: Office) -> None:
    writes(asked, "#status workaround")
    assert "This works: #workaround" in " ".join(asked.last("receipt").text.split())
    writes(asked, "#workaround Use the printer in 2.14.")
    assert asked.ticket().status_name == "Workaround"
    assert "Use the printer in 2.14." in asked.last("resolved", ANN).text
    asked.later(days=3)
    assert asked.last("reminder", ANN)
    asked.later(days=3)
    asked.later(days=2)
    assert asked.ticket().status == "Completed"


def test_a_ticket_outlives_the_policy_that_it_came_from(asked: Office) -> None:
    writes(asked, "#vendor")
    asked.change(policy=Policy())
    assert asked.ticket().status_name == "Waiting for Vendor"
    writes(asked, "#vendor")
    assert "There is no such command." in asked.last("receipt").text
    answers(asked, "Any news?")
    assert asked.ticket().status_name == "Analysis"
    writes(asked, "#resolve New drum.")
    writes(asked, "#undo")
    assert asked.ticket().status_name == "Analysis"


def test_german_names_are_read_in_german_letters(asked: Office) -> None:
    asked.change(people=Directory(tuple(replace(one, language="de") if one is TINA else one for one in PEOPLE.people), PEOPLE.teams))
    writes(asked, "#abnahme")
    answers(asked, "Sieht gut aus.")
    assert asked.ticket().status_name == "In Abnahme"
    assert "In Abnahme" in asked.last("requester_replied", TINA.address).text
    writes(asked, "#hilfe")
    assert "#vendor" in asked.last("help", TINA.address).text
    writes(asked, "#abnahm")
    assert "So geht es: #abnahme" in " ".join(asked.last("receipt").text.split())
