"""Which tickets are shown as probably the same, and which numbers do people mean?"""

from __future__ import annotations

import pytest

from mailgate.desk.kin import Wanted, ticket_number, wanted
from mailgate.desk.letters import Likeness
from mailgate.desk.likeness import Candidate, suspects
from mailgate.desk.model import Address, Directory, Organisation, TicketId
from mailgate.desk.policy import Policy

ANN, BOB = Address("ann@out.example"), Address("bob@sub.out.example")
HOUSE = Directory(organisations=(Organisation("Out", ("out.example",)),))
SYNONYMS = Policy().verbs_by_word


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Printer is dead", "printer is DEAD!!", True),
        ("Printer dead", "The printer is dead", False),
        ("The printer on floor 3 is dead", "Printer on floor 3 is dead", True),
        ("Drucker geht nicht", "Der Drucker geht nicht", True),
        ("Printer is dead", "Phone is dead", False),
        ("", "", False),
        ("???", "???", False),
    ],
)
def test_subjects_are_alike_that_share_most_of_their_words(one: str, other: str, same: bool) -> None:
    assert bool(suspects(ANN, one, [Candidate(TicketId(1), ANN, other)], HOUSE)) is same


def test_the_oldest_come_first_with_the_reason_and_at_most_three() -> None:
    candidates = [Candidate(TicketId(number), BOB if number % 2 else ANN, "Lift") for number in (9, 4, 7, 2, 5)]
    assert suspects(ANN, "lift", candidates, HOUSE) == (
        Likeness(TicketId(2), "same-requester"), Likeness(TicketId(4), "same-requester"), Likeness(TicketId(5), "same-organisation"),
    )  # fmt: skip
    assert [one.ticket for one in suspects(ANN, "lift", candidates, Directory())] == [2, 4]


@pytest.mark.parametrize("words", ["7", "#7", "MG-7", "[MG-7]", " mg-7. ", "IT-HR-7"])
def test_a_ticket_is_named_in_the_usual_ways(words: str) -> None:
    assert ticket_number(words) == 7


@pytest.mark.parametrize("words", ["", "seven", "7 8", "7th", "-7", "MG-", "1" * 19, "\u0667"])
def test_what_is_no_number_names_no_ticket(words: str) -> None:
    assert ticket_number(words) is None


@pytest.mark.parametrize(
    ("text", "tap", "expected"),
    [
        ("Hello Ann, see the link below.", None, Wanted()),
        ("We can undo it by hand.", None, Wanted()),
        ("#link 3", None, Wanted((TicketId(3),))),
        ("#merge MG-3\n#link 4", None, Wanted((TicketId(3), TicketId(4)), story=True)),
        ("#zusammenf\u00fchren 3", None, Wanted((TicketId(3),), story=True)),
        ("3", "merge", Wanted((TicketId(3),), story=True)),
        ("#parent off", None, Wanted()),
        ("#split", None, Wanted(splits=True, story=True)),
        ("#undo", None, Wanted(story=True, undoes=True)),
        ("12", "undo", Wanted(story=True, undoes=True)),
    ],
)
def test_only_what_a_command_asks_for_is_looked_up(text: str, tap: str | None, expected: Wanted) -> None:
    assert wanted(text, tap, SYNONYMS) == expected
