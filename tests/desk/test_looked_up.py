"""What holds for every decision, whatever was looked up for it: relatives, the past, a colleague's answer, what is held, canned replies.

Each verb of either grammar and of own statuses, in every status, by everybody, however proven; and what it means for other tickets.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some
from msgspec.structs import replace

from mailgate.desk.article import Origin
from mailgate.desk.decide import decide
from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.events import Event, born, changes, fold
from mailgate.desk.kin import NO_KIN
from mailgate.desk.known import Known
from mailgate.desk.letters import NOTES, WRONG
from mailgate.desk.macros import Macro, Macros
from mailgate.desk.model import State, Status, Strength, Ticket, TicketId
from mailgate.desk.policy import Collision, Policy
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Meanwhile, Ordered, SplitOff, Stimulus, TakenBack, Wrote
from mailgate.desk.workflow import STATES, USUAL, Grammar, verbs
from mailgate.store.tickets import dump_changes, load_changes
from tests.desk.cast import ANN, BOB, EVE, KIN, MAX, NOW, OLGA, OPENED, OTHER, PEOPLE, RULES, STRANGER, SUE, TINA, TOM, ticket, wrote
from tests.desk.test_statuses import OWN

OURS = replace(RULES, policy=Policy(statuses=OWN))
HOLDING = replace(RULES, policy=Policy(statuses=OWN, collision=Collision.HOLD))
MACROS = Macros(("which-device",), (Macro("which-device", "#pending\n#tag canned", "Which device is it?"),))
BELOW = (TicketId(7), TicketId(8))
_SAID = (*(one.example for grammar in Grammar for one in verbs(grammar, OWN).values()), "It smokes.", "We look into it.")
# One command, two, and one with words for the requester below it.
TEXTS = tuple(
    dict.fromkeys(f"{before}{one}{below}" for one in _SAID for before, below in (("", ""), ("#time 5m\n", ""), ("", "\nPlease.")))
)


def stands(status: Status, own: str | None = None) -> Ticket:
    """The ticket as one in this status looks."""
    state = STATES[status]
    ended = {"closed": OPENED} if state is State.CLOSED else {}
    return ticket(status, own=own, resolution="New toner." if state is State.RESOLVED else None, **ended)


ABOUT = (*(stands(status) for status in Status), *(stands(USUAL[one.state], one.name) for one in OWN))
PAST = (
    Event("open", ANN.address, OPENED, Strength.TOKEN, changes(desk=RULES.desk.name, subject="x", requester=ANN.address)),
    Event("tag", TINA.address, OPENED, Strength.TOKEN, changes(tags=("old",))),
    Event("merge", TINA.address, OPENED, Strength.TOKEN, changes(status=Status.DUPLICATE, merged_into=OTHER.id, closed=OPENED), "MG-1041"),
    Event("resolve", TINA.address, OPENED, Strength.TOKEN, changes(status=Status.WAITING_FOR_CLOSURE, resolved=OPENED)),
)  # fmt: skip
# What may have been looked up for a mail; for an order from the shell, as far as it has the same.
KNOWN: dict[str, Any] = {
    "kin": some.sampled_from([NO_KIN, KIN, replace(KIN, children=BELOW), replace(KIN, threads=(OTHER.id,))]),
    "held": some.sampled_from([None, 17]),
    "story": some.sampled_from([(), *(PAST[:end] for end in range(1, 5))]),
    "macros": some.sampled_from([Macros(), MACROS]),
    "origin": some.sampled_from([None, Origin("It does not print.", "Ann Other")]),
}
_KNOWN = some.builds(Known, **KNOWN)
SEEN: dict[str, Any] = {
    "meanwhile": some.sampled_from([None, Meanwhile(TOM.address, "Is it plugged in?")]),
    "insists": some.booleans(),
    "further_copy": some.booleans(),
    "tap": some.sampled_from([None, None, None, "merge", "send", "undo", "away", "split", "vendor"]),
}
_MAILS = some.builds(
    lambda person, text, strength, known, seen: wrote(person, text, strength, known=known, **seen),
    some.sampled_from((ANN, BOB, EVE, STRANGER, TINA, TINA, TINA, SUE, MAX, OLGA)), some.sampled_from(TEXTS), some.sampled_from(Strength),
    _KNOWN, some.fixed_dictionaries(SEEN),
)  # fmt: skip
_ORDERS = some.builds(Ordered, some.sampled_from((TINA, OLGA, MAX)), some.sampled_from(TEXTS), _KNOWN)


def kept(about: Ticket | None, decision: Decision) -> Ticket | None:
    """The ticket after a decision, whose events went to the database and came back on their way; they make the same of it."""
    back = [replace(one, changes=load_changes(dump_changes(one.changes))) for one in decision.events]
    if decision.opens is not None:
        about = born(TicketId(2000), decision.opens)
        assert about == born(TicketId(2000), replace(decision.opens, changes=load_changes(dump_changes(decision.opens.changes))))
    assert about is not None or not decision.events
    later = fold(about, decision.events) if about else None
    assert later == (fold(about, back) if about else None)
    return later


def sound(decision: Decision, later: Ticket | None) -> None:
    """What must hold of any decision and the ticket after it."""
    for letter in decision.letters:
        assert letter.note.partition(" ")[0] in ("", *NOTES.get(letter.name, ()))
        assert {line.wrong for line in letter.lines} <= {"", *WRONG}
        assert "secret" not in letter.words or PEOPLE.find(letter.to)
    assert {refusal.slug for refusal in decision.refusals} <= set(WRONG)
    if later is not None:
        assert (later.closed is not None) == (STATES[later.status] is State.CLOSED)
        assert later.own is None or {one.name: one.state for one in OWN}[later.own] is STATES[later.status]
        assert len({one.address for one in later.participants}) == len(later.participants)


def others(one: Stimulus) -> tuple[Ticket | None, ...]:
    """The tickets that a decision may be passed on to, however they stand."""
    if isinstance(one, SplitOff):
        return (None,)
    return tuple(replace(other, id=OTHER.id, parent=TicketId(1042)) for other in ABOUT)


@settings(max_examples=1500)
@given(some.sampled_from(ABOUT), some.one_of(_MAILS, _ORDERS), some.sampled_from((OURS, HOLDING)))
def test_whatever_is_known_each_ticket_that_a_decision_touches_is_what_its_events_say(
    about: Ticket, stimulus: Wrote | Ordered, rules: Rules
) -> None:
    decision = decide(about, stimulus, rules, NOW)
    later = kept(about, decision)
    sound(decision, later)
    if decision.outcome is Outcome.REFUSED:
        assert later == replace(about, updated=NOW)
        assert (decision.onward, decision.absence, decision.again) == ((), None, None)
    for passed in decision.onward:
        for other in others(passed.stimulus):
            told = passed.stimulus
            if isinstance(told, TakenBack):
                note = f"MG-{told.origin}"
                came = Event("join", TINA.address, OPENED, Strength.TOKEN, changes(confidential=True), note)
                told = replace(told, story=(*PAST[:1], came))
            further = decide(other, told, rules, NOW)
            after = kept(other, further)
            assert further.opens is not None or other is not None
            assert not (other and STATES[other.status] is State.CLOSED) or (after and STATES[after.status] is State.CLOSED)


@settings(max_examples=400)
@given(some.sampled_from(ABOUT), _MAILS, some.sampled_from((OURS, HOLDING)))
def test_who_is_not_proven_passes_nothing_on_however_much_is_known(about: Ticket, mail: Wrote, rules: Rules) -> None:
    mail = replace(mail, strength=Strength.CLAIMED, aligned=False)
    decision = decide(about, mail, rules, NOW)
    assert (decision.onward, decision.absence, decision.again, decision.article) == ((), None, None, None)
    assert decision.opens is not None or fold(about, decision.events).status is about.status


def test_every_verb_is_done_in_some_status_where_all_is_known_that_it_needs() -> None:
    known = Known(PAST[:2], KIN, MACROS, 17, Origin("It smokes."))
    for person, grammar in ((ANN, Grammar.REQUESTER), (TINA, Grammar.TECHNICIAN)):
        for verb in verbs(grammar, OWN).values():
            mail = wrote(person, verb.example.replace("maria@example.com", "tom").replace("boss@example.com", "tom"), known=known)
            assert any(decide(about, mail, OURS, NOW).outcome is Outcome.COMMANDED for about in ABOUT), verb.word
