"""Two technicians who answer at once, as values: who is told, and what becomes of the second mail."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mailgate.desk.collision import REASON
from mailgate.desk.decide import decide
from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.events import fold
from mailgate.desk.known import Known
from mailgate.desk.letters import HELD, Letter, Name
from mailgate.desk.model import Address, Status, Visibility
from mailgate.desk.policy import Collision, Policy
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Meanwhile, Ordered
from tests.desk.cast import ANN, BOB, NOW, RULES, TINA, TOM, ticket, wrote

HOLDING = replace(RULES, policy=Policy(collision=Collision.HOLD))
TINAS = Meanwhile(TINA.address, "Is it plugged in?")
OPEN = ticket(Status.RESPONDED, assignee=TINA.address, responded=NOW)


def says(text: str, rules: Rules = RULES, status: Status = Status.RESPONDED, **fields: object) -> Decision:
    return decide(replace(OPEN, status=status), wrote(TOM, text, **{"meanwhile": TINAS, **fields}), rules, NOW)


def receipts(decision: Decision) -> list[Letter]:
    return [one for one in decision.letters if one.name is Name.RECEIPT]


# What Tom writes, which letters go out beside his receipt, and the note of that.
ANSWERS = [
    ("Please restart it.", [(Name.REPLY, ANN), (Name.REPLY, BOB)], REASON),
    ("#pending Which floor?", [(Name.QUESTION, ANN)], ""),
    ("#resolve New toner.", [(Name.RESOLVED, ANN), (Name.RESOLVED, BOB)], "undoable"),
    ("#take\nPlease restart it.", [(Name.REPLY, ANN), (Name.REPLY, BOB)], "undoable"),
]


@pytest.mark.parametrize(("text", "letters", "note"), ANSWERS)
def test_the_second_answer_goes_out_and_both_are_told(text: str, letters: list[tuple[Name, object]], note: str) -> None:
    decision = says(text)
    (receipt,) = receipts(decision)
    assert (receipt.words, receipt.author, receipt.note) == (TINAS.text, TINA.address, note)
    said = decision.message.text if decision.message else ""
    (told,) = [one for one in decision.letters if one.name is Name.COLLISION]
    assert (told.to, told.words, told.author) == (TINA.address, said, TOM.address)
    others = [(one.name, one.to) for one in decision.letters if one.name not in (Name.RECEIPT, Name.COLLISION)]
    assert others == [(name, to.address) for name, to in letters]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("text", "letters", "note"), ANSWERS)
def test_held_back_it_changes_nothing_and_is_kept_whole(text: str, letters: object, note: str) -> None:
    decision = says(text, HOLDING)
    (receipt,) = decision.letters
    assert (receipt.name, receipt.to, receipt.note, receipt.words) == (Name.RECEIPT, TOM.address, HELD, TINAS.text)
    assert (decision.outcome, decision.reason, [one.verb for one in decision.events]) == (Outcome.NOTED, REASON, ["held"])
    assert fold(OPEN, decision.events) == replace(OPEN, updated=NOW)
    assert decision.message is not None
    assert (decision.message.text, decision.message.visibility, decision.message.note) == (text, Visibility.INTERNAL, HELD)


@pytest.mark.parametrize("text", [text for text, _, _ in ANSWERS])
def test_who_insists_is_heard_as_if_nothing_were_held(text: str) -> None:
    assert says(text, HOLDING, insists=True).letters == says(text).letters


@pytest.mark.parametrize("rules", [RULES, HOLDING])
@pytest.mark.parametrize("text", ["#note Third time.", "#take", "#priority P2", "#assign tina", "#close", ""])
def test_what_says_nothing_to_the_requester_crosses_nothing(text: str, rules: Rules) -> None:
    assert says(text, rules) == says(text, rules, meanwhile=None)


def test_a_refused_command_shows_what_the_colleague_said() -> None:
    decision = says("#pending Which floor?", status=Status.WAITING_FOR_CLOSURE)
    (receipt,) = decision.letters
    assert (receipt.note, receipt.words, receipt.author) == ("refused", TINAS.text, TINA.address)
    assert [one.slug for one in decision.refusals] == ["wrong-status"]


def test_somebody_who_works_here_no_more_is_not_told() -> None:
    gone = Meanwhile(Address("gone@desk.example"), "Is it plugged in?")
    assert {one.name for one in says("Please restart it.", meanwhile=gone).letters} == {Name.REPLY, Name.RECEIPT}


def test_what_is_held_is_asked_for_once_and_by_its_writer_alone() -> None:
    asked = decide(OPEN, wrote(TOM, "#send", known=Known(held=17)), RULES, NOW)
    assert (asked.again, asked.letters, [one.verb for one in asked.events]) == (17, (), ["send"])
    nothing = decide(OPEN, wrote(TOM, "#send"), RULES, NOW)
    assert (nothing.again, [one.slug for one in nothing.refusals]) == (None, ["nothing-held"])
    assert decide(OPEN, Ordered(TOM, "#send", Known(held=17)), RULES, NOW).again == 17
