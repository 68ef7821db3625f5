"""What does a technician's `undo` take back, and what not?"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from mailgate.desk.decide import decide
from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.events import Event, born, fold
from mailgate.desk.known import Known
from mailgate.desk.letters import Name
from mailgate.desk.model import Person, Priority, Status, Ticket, TicketId
from mailgate.desk.stimuli import Ordered
from mailgate.desk.undo import UNDOABLE
from mailgate.desk.workflow import VERBS
from tests.desk.cast import ANN, KIN, OPENED, RULES, TINA, TOM, wrote

AN_HOUR = timedelta(hours=1)


class Life:
    """A ticket of Ann's and its story, as mails come in."""

    def __init__(self) -> None:
        opens = decide(None, wrote(ANN, "It smokes."), RULES, OPENED).opens
        assert opens is not None
        self.story: tuple[Event, ...] = (opens,)
        self.ticket: Ticket = replace(born(TicketId(1042), opens), version=1)
        self.now: datetime = OPENED

    def says(self, text: str, person: Person = TINA, tap: str | None = None) -> Decision:
        """A mail, an hour later."""
        self.now += AN_HOUR
        decision = decide(self.ticket, wrote(person, text, tap=tap, known=Known(self.story, KIN)), RULES, self.now)
        self.story += decision.events
        self.ticket = replace(fold(self.ticket, decision.events), version=self.ticket.version + 1)
        return decision


def fields(ticket: Ticket) -> Ticket:
    """The ticket without what tells of time and versions."""
    return replace(ticket, updated=OPENED, since=OPENED, version=0, responded=None)


@pytest.mark.parametrize(
    "text",
    ["#take", "#assign tom", "#priority P1", "#impact high\n#urgency high", "#category Hardware/Printer", "#tag vip -old", "#escalate",
     "#requester eva@out.example", "#cc add eva@out.example", "#confidential", "#spam", "#resolve New toner.", "#close", "#start"],
)  # fmt: skip
def test_every_field_is_as_it_was_before(text: str) -> None:
    life = Life()
    before = life.ticket
    done = life.says(text)
    assert next(letter.note for letter in done.letters if letter.name is Name.RECEIPT) == "undoable"
    assert fields(life.ticket) != fields(before)
    assert life.says("#undo").outcome is Outcome.COMMANDED
    assert fields(life.ticket) == fields(before)
    assert (life.story[-1].verb, life.story[-1].note.split()) == ("undo", [event.verb for event in done.events])


@pytest.mark.parametrize("text", ["#resolve New toner.", "#close", "#spam"])
def test_whoever_thought_that_it_was_over_hears_that_it_is_open_again(text: str) -> None:
    life = Life()
    life.says(text)
    assert (Name.REOPENED, ANN.address) in [(letter.name, letter.to) for letter in life.says("#undo").letters]


def test_the_story_keeps_what_was_undone_and_an_answer_stays_an_answer() -> None:
    life = Life()
    life.says("#resolve New toner.")
    life.says("#undo")
    assert [event.verb for event in life.story] == ["open", "resolve", "undo"]
    assert (life.ticket.status, life.ticket.resolution, life.ticket.responded) == (Status.NEW, None, OPENED + AN_HOUR)


@pytest.mark.parametrize("between", [("reject still smokes", ANN), ("#priority P2", TOM), ("#undo", TINA)])
def test_what_somebody_changed_since_is_not_undone(between: tuple[str, Person]) -> None:
    life = Life()
    life.says("#resolve New toner.")
    life.says(*between)
    before = life.ticket
    expected = Outcome.COMMANDED if between[1] is TOM else Outcome.REFUSED
    assert life.says("#undo").outcome is expected
    if between[1] is TOM:
        assert (life.ticket.status, life.ticket.priority) == (Status.WAITING_FOR_CLOSURE, Priority.P3)
    else:
        assert fields(life.ticket) == fields(before)


@pytest.mark.parametrize("between", ["#note Third time.", "Is it plugged in?"])
def test_a_note_or_an_answer_since_does_not_stand_in_the_way_of_a_field(between: str) -> None:
    life = Life()
    life.says("#take")
    life.says("#priority P1")
    life.says(between)
    life.says("#undo")
    assert life.ticket.priority is Priority.P3


def test_a_button_takes_back_what_its_letter_tells_of_and_nothing_later() -> None:
    life = Life()
    life.says("#priority P1")
    button = str(life.ticket.version)
    assert life.says(button, tap="undo").outcome is Outcome.COMMANDED
    assert life.ticket.priority is Priority.P3
    life.says("#tag vip")
    refusal = life.says(button, tap="undo")
    assert [(one.line, one.slug) for one in refusal.refusals] == [(f"#undo {button}", "nothing-to-undo")]
    assert life.ticket.tags == ("vip",)
    assert not [letter for letter in refusal.letters if letter.to == ANN.address]


def test_there_is_nothing_to_undo_at_first_nor_what_cannot_be_undone() -> None:
    for text in ("#note Third time.", "#pending Which floor?", "Which floor?"):
        life = Life()
        assert [one.slug for one in life.says("#undo").refusals] == ["nothing-to-undo"]
        life.says(text)
        assert life.says("#undo").outcome is Outcome.REFUSED


def test_an_operator_undoes_from_the_shell() -> None:
    life = Life()
    life.says("#priority P1")
    decision = decide(life.ticket, Ordered(TINA, "undo", Known(life.story)), RULES, life.now)
    assert fold(life.ticket, decision.events).priority is Priority.P3


def test_every_verb_that_can_be_undone_is_one() -> None:
    assert {verb.word for verb in VERBS} >= UNDOABLE
