"""How a ticket lives, as tables. The first test is the documentation: what each verb does to each status."""

from __future__ import annotations

import pytest

from mailgate.desk import obey, workflow
from mailgate.desk.model import State, Status
from mailgate.desk.workflow import OTHERWISE_REACHED, STATES, TRANSITIONS, VERBS, Grammar, Verb, check, follows, state_of

R, T = Grammar.REQUESTER, Grammar.TECHNICIAN

# Columns: the statuses in their order. A letter is the status that follows, `.` leaves it as it is, `-` refuses.
# N New, R Responded, W Awaiting Approval, A Analysis, E Escalated, P Pending, C Waiting for Closure, V by Event, O by Origin, K Completed,
# X Cancelled, D Duplicate, L Declined
LIFE = """
                   N R W A E P C V O K X D L
    requester
      accept       - - - - - - K K K - - - -
      reject       - - - - - - A A A - - - -
      reopen       - - - - - - A A A - - - -
      cancel       X X X X X X X X X - - - -
      status       . . . . . . . . . . . . .
      mute         . . . . . . . . . . . . .
      cc           . . . . . . . . . - - - -
      csat         - - - - - - . . . . . . .
      help         . . . . . . . . . . . . .
    technician
      take         A A . A A . . . . - - - -
      assign       . . . . . . . . . - - - -
      start        A A - A A A - - - - - - -
      status       . . . . . . . . . - - - -
      priority     . . . . . . . . . - - - -
      impact       . . . . . . . . . - - - -
      urgency      . . . . . . . . . - - - -
      category     . . . . . . . . . . . . .
      tag          . . . . . . . . . . . . .
      pending      P P - P P P - - - - - - -
      resume       - - - - - A - - - - - - -
      note         . . . . . . . . . . . . .
      resolve      C C - C C C - - - - - - -
      escalate     E E - E E E - - - - - - -
      close        K K K K K K K K K - - - -
      reopen       - - - - - - A A A - - - -
      requester    . . . . . . . . . - - - -
      cc           . . . . . . . . . - - - -
      desk         . . . . . . . . . - - - -
      confidential . . . . . . . . . . . . .
      spam         X X X X X X X X X - - - -
      kb           - - - - - - . . . . . . .
      due          . . . . . . . . . - - - -
      time         . . . . . . . . . . . . .
      macro        . . . . . . . . . . . . .
      away         . . . . . . . . . . . . .
      merge        D D D D D D D D D - - - -
      parent       . . . . . . . . . - - - -
      link         . . . . . . . . . . . . .
      split        . . . . . . . . . . . . .
      undo         . . . . . . . . . . . . .
      send         . . . . . . . . . . . . .
      approval     W W W W W - - - - - - - -
      help         . . . . . . . . . . . . .
    approver
      approve      - - . - - - - - - - - - -
      reject       - - . - - - - - - - - - -
"""


def told() -> str:
    """The tables of the workflow, drawn as above."""
    signs = dict(zip("NRWAEPCVOKXDL", Status, strict=True))
    letter = {status: sign for sign, status in signs.items()}
    lines = ["", " " * 19 + " ".join(signs)]
    for grammar in Grammar:
        lines.append(f"    {grammar}")
        for verb in (one for one in VERBS if one.grammar is grammar):
            cells = []
            for status in signs.values():
                allowed, after = follows(grammar, verb.word, status)
                cells.append("-" if not allowed else "." if after is None else letter[after])
            lines.append(f"      {verb.word:<12} {' '.join(cells)}")
    return "\n".join(lines) + "\n"


def test_this_is_the_life_of_a_ticket() -> None:
    assert told() == LIFE


@pytest.mark.parametrize(
    ("state", "statuses"),
    [
        (State.OPEN, {"New", "Responded", "Awaiting Approval"}),
        (State.IN_PROGRESS, {"Analysis", "Escalated"}),
        (State.ON_HOLD, {"Pending"}),
        (State.RESOLVED, {"Waiting for Closure", "Resolved by Event", "Resolved by Origin Ticket"}),
        (State.CLOSED, {"Completed", "Cancelled", "Duplicate", "Declined"}),
    ],
)
def test_each_status_stands_under_its_state(state: State, statuses: set[str]) -> None:
    assert {status.value for status in Status if state_of(status) is state} == statuses


def test_nothing_leads_out_of_a_closed_status() -> None:
    closed = [status for status in Status if state_of(status) is State.CLOSED]
    assert all(follows(grammar, word, status)[1] is None for grammar, word in TRANSITIONS for status in closed)


def test_a_word_that_is_no_verb_may_never_be_said() -> None:
    assert all(follows(grammar, "yolo", status) == (False, None) for grammar in Grammar for status in Status)


def test_each_verb_of_the_table_is_obeyed_and_no_other() -> None:
    # What an approver says is counted in `ballots`.
    assert set(obey._DO) == {(grammar, verb) for grammar, verb in TRANSITIONS if grammar is not Grammar.APPROVER}


# -------------------------------------------------------------------------------------------------------- planted faults


def test_the_tables_are_sound() -> None:
    assert check() == ()


def test_a_status_without_a_state_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(STATES, Status.PENDING)
    assert check() == ("status 'Pending' stands under no state",)


def test_a_status_that_nothing_leads_to_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "OTHERWISE_REACHED", OTHERWISE_REACHED - {Status.DECLINED})
    assert check() == ("nothing leads to status 'Declined'",)


def test_a_status_that_only_leads_to_itself_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TRANSITIONS, (T, "pending"), ((frozenset({Status.PENDING}), Status.PENDING),))
    assert check() == ("nothing leads to status 'Pending'",)


def test_a_verb_without_a_transition_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "VERBS", (*VERBS, Verb("dance", T, example="#dance")))
    assert check() == ("verb 'dance' of the technician grammar has no transition",)


def test_a_transition_without_a_verb_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TRANSITIONS, (R, "dance"), ((frozenset(Status), None),))
    assert check() == ("no verb of the requester grammar has the transitions of 'dance'",)


def test_a_verb_that_stands_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "VERBS", (*VERBS, Verb("take", T, example="#take")))
    assert check() == ("verb 'take' stands twice in the technician grammar",)


def test_the_same_word_in_both_grammars_is_no_fault() -> None:
    said = {grammar: {verb.word for verb in VERBS if verb.grammar is grammar} for grammar in Grammar}
    assert said[R] & said[T] == {"reopen", "help", "cc", "status"}


def test_a_verb_with_two_answers_for_one_status_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TRANSITIONS, (T, "resume"), ((frozenset({Status.PENDING}), Status.ANALYSIS), (frozenset({Status.PENDING}), None)))
    assert check() == ("verb 'resume' is ambiguous in status 'Pending'",)
