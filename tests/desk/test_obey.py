"""What does each of a technician's commands do? To the ticket, to the requester, and to his own receipt."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace

from mailgate.desk.decide import decide
from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.events import fold
from mailgate.desk.letters import Letter, Name
from mailgate.desk.model import Address, Directory, Participant, Person, Role, State, Status, Strength, Ticket, Visibility
from mailgate.desk.policy import Security
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Ordered, Undelivered
from mailgate.desk.workflow import STATES, VERBS, Grammar, Verb, follows
from tests.desk.cast import ANN, BOB, EVE, LEA, MAX, NOW, OLGA, OPENED, PEOPLE, REQUESTER_SIDE, RULES, SUE, TINA, TOM, ticket, wrote

OPERATOR = Person(Address("operator"), "Operator", Role.OWNER)
ALIVE = [status for status, state in STATES.items() if state is not State.CLOSED]


def says(about: Ticket, text: str, person: Person = TINA, rules: Rules = RULES, **fields: Any) -> Decision:
    """The answer to a technician's mail."""
    return decide(about, wrote(person, text, **fields), rules, NOW)


def after(about: Ticket, decision: Decision) -> Ticket:
    return fold(about, decision.events)


def sent(decision: Decision) -> list[tuple[Name, str]]:
    return [(letter.name, letter.to) for letter in decision.letters]


def letter_to(decision: Decision, person: Person) -> Letter:
    (letter,) = (one for one in decision.letters if one.to == person.address)
    return letter


def refused(decision: Decision) -> list[tuple[str, str, str]]:
    return [(one.line, one.slug, one.instead) for one in decision.refusals]


# --------------------------------------------------------------------------------------------------------------- replies


def test_a_plain_reply_goes_to_the_requester_and_confirmed_copies_and_turns_only_new_into_responded() -> None:
    for status in Status:
        decision = says(ticket(status), "Which floor?\n\nTina")
        assert sent(decision) == [(Name.REPLY, ANN.address), (Name.REPLY, BOB.address)]
        assert all((one.words, one.author) == ("Which floor?\n\nTina", TINA.address) for one in decision.letters)
        assert all(one.attach and not one.automatic for one in decision.letters)
        assert after(ticket(status), decision).status is (Status.RESPONDED if status is Status.NEW else status)
        assert decision.message is not None
        assert (decision.message.direction, decision.message.visibility) == ("out", Visibility.PUBLIC)


@pytest.mark.parametrize("text", ["Which floor?", "#pending Which floor?", "#resolve Toner."])
def test_the_first_technician_who_answers_meets_the_first_response_and_becomes_assignee_in_one_event(text: str) -> None:
    decision = says(ticket(), text)
    now = after(ticket(), decision)
    assert (now.responded, now.assignee, now.team, len(decision.events)) == (NOW, TINA.address, "first", 1)
    assert Participant(TINA.address, "assignee") in now.participants
    later = says(now, text if text.startswith("#p") else "One more thing", TOM)
    assert (after(now, later).responded, after(now, later).assignee) == (NOW, TINA.address)


@pytest.mark.parametrize("text", ["#note Third time.", "#start", "#help", "#close"])
def test_what_is_no_answer_meets_no_first_response(text: str) -> None:
    now = after(ticket(), says(ticket(), text))
    assert (now.responded, now.assignee) == (None, None)


def test_an_assigned_ticket_keeps_its_assignee_when_another_answers() -> None:
    now = after(ticket(assignee=TOM.address), says(ticket(assignee=TOM.address), "Which floor?"))
    assert (now.assignee, now.responded) == (TOM.address, NOW)


def test_an_answer_of_another_team_takes_the_ticket_along() -> None:
    now = after(ticket(), says(ticket(), "Which floor?", SUE))
    assert (now.assignee, now.team) == (SUE.address, "second")


def test_an_answer_that_is_only_a_file_is_passed_on() -> None:
    decision = says(ticket(), "", files=("manual.pdf",))
    assert sent(decision) == [(Name.REPLY, ANN.address), (Name.REPLY, BOB.address)]
    assert all(letter.attach for letter in decision.letters)


def test_an_empty_mail_says_nothing_to_anybody() -> None:
    decision = says(ticket(), "")
    assert (decision.outcome, decision.letters, decision.message) == (Outcome.NOTED, (), None)
    assert after(ticket(), decision) == replace(ticket(), updated=NOW)
    assert decision.events


# -------------------------------------------------------------------------------------------------------------- commands


# What these do depends on what was done before, or on when, or is what another verb does: see test_undo, test_collision, test_knowledge,
# test_statuses, test_csat, test_approvals and the stories of macros.
_ELSEWHERE = {(Grammar.TECHNICIAN, word) for word in ("undo", "send", "kb", "status", "macro", "approval")} | {(Grammar.REQUESTER, "csat")}
_BY_THE_TABLE = [verb for verb in VERBS if (verb.grammar, verb.word) not in _ELSEWHERE and verb.grammar is not Grammar.APPROVER]


@pytest.mark.parametrize("verb", _BY_THE_TABLE, ids=lambda verb: f"{verb.grammar}-{verb.word}")
def test_each_verb_moves_the_ticket_as_the_table_says(verb: Verb) -> None:
    for status in Status:
        text = verb.example.replace("maria@example.com", TOM.address)
        decision = says(ticket(status), text, TINA if verb.grammar is Grammar.TECHNICIAN else ANN)
        allowed, then = follows(verb.grammar, verb.word, status)
        if decision.outcome is Outcome.OPENED:
            assert (STATES[status], allowed) == (State.CLOSED, False)
            continue
        assert decision.outcome is (Outcome.COMMANDED if allowed else Outcome.REFUSED)
        assert after(ticket(status), decision).status is (then or status)
        assert [event.verb for event in decision.events] == [verb.word if allowed else "refused"]


@pytest.mark.parametrize(
    ("text", "assignee", "team"), [("#take", TINA, "first"), ("#assign tom", TOM, "first"), ("#assign sue", SUE, "second")]
)
def test_who_has_the_ticket_stands_on_it_once(text: str, assignee: Person, team: str) -> None:
    before = ticket(assignee=LEA.address, participants=(*ticket().participants, Participant(LEA.address, "assignee")))
    now = after(before, says(before, text))
    assert (now.assignee, now.team) == (assignee.address, team)
    assert [one.address for one in now.participants if one.role == "assignee"] == [assignee.address]


def test_an_assignee_who_is_the_requester_or_in_copy_stands_on_the_ticket_once() -> None:
    for role in ("requester", "cc"):
        before = ticket(participants=(Participant(TOM.address, role), *ticket().participants))
        people = after(before, says(before, "#assign tom")).participants
        assert [one.role for one in people if one.address == TOM.address] == [role]


@pytest.mark.parametrize("words", ["tom@desk.example", "TOM@DESK.EXAMPLE", "Tom", "tom thumb", "thumb", "Tom Th"])
def test_a_technician_is_found_by_address_or_name(words: str) -> None:
    decision = says(ticket(), f"#assign {words}")
    assert after(ticket(), decision).assignee == TOM.address
    assert sent(decision) == [(Name.ASSIGNED, TOM.address), (Name.RECEIPT, TINA.address)]


@pytest.mark.parametrize("words", ["me", "Ich", "tt@desk.example", "tina"])
def test_an_assignment_to_oneself_is_not_told_to_oneself(words: str) -> None:
    decision = says(ticket(), f"#assign {words}")
    assert after(ticket(), decision).assignee == TINA.address
    assert sent(decision) == [(Name.RECEIPT, TINA.address)]


@pytest.mark.parametrize(
    ("words", "slug", "instead"),
    [
        ("t", "ambiguous-person", "#assign tina@desk.example"),
        ("nobody", "unknown-person", "#assign tina@desk.example"),
        ("max", "unknown-person", "#assign tina@desk.example"),
        ("ann@out.example", "unknown-person", "#assign tina@desk.example"),
    ],
)
def test_whom_nobody_or_several_are_called_is_refused_with_a_line_that_works(words: str, slug: str, instead: str) -> None:
    decision = says(ticket(), f"#assign {words}")
    assert refused(decision) == [(f"#assign {words}", slug, instead)]
    assert says(ticket(), instead).outcome is Outcome.COMMANDED


def test_a_question_goes_to_the_requester_alone_and_waits() -> None:
    decision = says(ticket(), "#pending Which floor?\nAnd which room?")
    assert sent(decision) == [(Name.QUESTION, ANN.address), (Name.RECEIPT, TINA.address)]
    assert letter_to(decision, ANN).words == "Which floor?\nAnd which room?"
    assert after(ticket(), decision).status is Status.PENDING


def test_a_solution_goes_to_the_requester_and_confirmed_copies() -> None:
    decision = says(ticket(), "#resolve The toner was empty.\n\nIt prints again.")
    now = after(ticket(), decision)
    assert (now.status, now.resolution, now.resolved) == (Status.WAITING_FOR_CLOSURE, "The toner was empty.\n\nIt prints again.", NOW)
    assert sent(decision) == [(Name.RESOLVED, ANN.address), (Name.RESOLVED, BOB.address), (Name.RECEIPT, TINA.address)]


def test_a_note_stays_inside() -> None:
    for status in Status:
        decision = says(ticket(status), "#note He is rude.\n\nVery.")
        assert sent(decision) == [(Name.RECEIPT, TINA.address)]
        assert decision.message is not None
        assert (decision.message.text, decision.message.visibility) == ("He is rude.\n\nVery.", Visibility.INTERNAL)


def test_a_closing_note_is_kept_with_the_ticket() -> None:
    now = after(ticket(), says(ticket(), "#close solved on the phone"))
    assert (now.status, now.closed, now.closure_category, now.closure_note) == (
        Status.COMPLETED, NOW, "closed by technician", "solved on the phone",
    )  # fmt: skip


def test_a_technicians_reopening_is_told_to_the_requester_without_the_reason() -> None:
    about = ticket(Status.WAITING_FOR_CLOSURE)
    decision = says(about, "#reopen he sounded angry")
    assert (after(about, decision).status, after(about, decision).reopened, after(about, decision).resolved) == (Status.ANALYSIS, 1, None)
    assert sent(decision) == [(Name.REOPENED, ANN.address), (Name.RECEIPT, TINA.address)]
    assert "angry" not in repr(letter_to(decision, ANN))
    assert decision.events[0].note == "he sounded angry"


def test_command_lines_never_reach_the_requester() -> None:
    decision = says(ticket(), "#take\n#start\n\nWe are on it.")
    assert [one.words for one in decision.letters if one.to in (ANN.address, BOB.address)] == ["We are on it."] * 2
    assert decision.message is not None
    assert decision.message.text == "We are on it."


def test_a_mail_with_commands_only_posts_no_comment() -> None:
    decision = says(ticket(), "#take\n#start\n")
    assert (decision.message, sent(decision)) == (None, [(Name.RECEIPT, TINA.address)])


def test_the_receipt_shows_each_line() -> None:
    lines = letter_to(says(ticket(), "#take\n#pending Which floor?\nAnd room?"), TINA).lines
    assert [(line.wrote, line.ok) for line in lines] == [("#take", True), ("#pending Which floor?", True)]


def test_help_is_a_list_of_lines_that_work_and_needs_no_receipt() -> None:
    decision = says(ticket(), "#help")
    assert sent(decision) == [(Name.HELP, TINA.address)]
    assert [line.wrote for line in decision.letters[0].lines] == [verb.example for verb in VERBS if verb.grammar is Grammar.TECHNICIAN]


# --------------------------------------------------------------------------------------------------------- all or nothing

FAULTY = [
    ("#take\n#clsoe\nBye", [("#clsoe", "unknown-verb", "#close")]),
    ("#take now\nBye", [("#take now", "takes-nothing", "#take")]),
    ("#resume\nBye", [("#resume", "wrong-status", "#start")]),
    ("It prints.\n#close", [("#close", "not-at-the-top", "#close")]),
    ("#take\nIt prints.\n#note rude", [("#note rude", "not-at-the-top", "#note Third time this month.")]),
    # Letters that changed places make no word that may go out with what stands behind it.
    ("#take\nIt prints.\n#noet rude", [("#noet rude", "not-at-the-top", "#note Third time this month.")]),
    ("#xyzzy P1\nBye", [("#xyzzy P1", "unknown-verb", "")]),
    (
        "#note a\n#resolve b\nBye",
        [("#note a", "two-take-the-rest", "#note Third time this month."),
         ("#resolve b", "two-take-the-rest", "#resolve The toner was empty; it prints again.")],
    ),
    ("#resolve", [("#resolve", "needs-words", "#resolve The toner was empty; it prints again.")]),
    ("#take\n#reopen\nBye", [("#reopen", "wrong-status", "#start")]),
    # The receipt knows of each line, not only of those that read wrong.
    (
        "#priority P9\n#take\n#asign tina\n#due 2001-01-01\nBye",
        [("#asign tina", "unknown-verb", "#assign tina"), ("#priority P9", "unknown-value", "#priority P2"),
         ("#due 2001-01-01", "in-the-past", "#due fri 9:00")],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FAULTY)
def test_one_wrong_line_and_nothing_is_done(text: str, expected: list[tuple[str, str, str]]) -> None:
    decision = says(ticket(), text)
    assert refused(decision) == expected
    assert (decision.outcome, decision.reason) == (Outcome.REFUSED, expected[0][1])
    assert after(ticket(), decision) == replace(ticket(), updated=NOW)
    assert sent(decision) == [(Name.RECEIPT, TINA.address)]
    assert decision.message is not None
    assert (decision.message.text, decision.message.visibility) == (text, Visibility.INTERNAL)
    shown = {line.wrote: (line.wrong, line.instead) for line in letter_to(decision, TINA).lines if not line.ok}
    assert shown == {line: (slug, instead) for line, slug, instead in expected}


def test_the_solution_of_a_refused_mail_is_not_lost() -> None:
    decision = says(ticket(Status.COMPLETED), "#resolve\nThe toner was empty.")
    assert refused(decision) == [("#resolve", "too-late", "#note Third time this month.")]
    assert decision.message is not None
    assert decision.message.text == "#resolve\nThe toner was empty."


def test_what_would_work_does_work() -> None:
    for status, word in product(Status, [verb.word for verb in VERBS if verb.grammar is Grammar.TECHNICIAN]):
        decision = says(ticket(status), next(one for one in VERBS if (one.grammar, one.word) == (Grammar.TECHNICIAN, word)).example)
        for refusal in decision.refusals:
            assert says(ticket(status), refusal.instead).outcome is Outcome.COMMANDED


def test_a_verb_for_which_a_technician_is_too_weak_is_refused_with_everything_else() -> None:
    rules = replace(RULES, security=Security(require={"close": Strength.ALIGNED}))
    decision = says(ticket(), "#take\n#close", rules=rules, aligned=False)
    assert refused(decision) == [("#close", "needs-stronger-sender", "")]
    assert after(ticket(), decision).assignee is None
    assert after(ticket(), says(ticket(), "#take\n#close", rules=rules, aligned=True)).status is Status.COMPLETED


# ------------------------------------------------------------------------------------------------------------- the shell


def order(about: Ticket, text: str, person: Person = OPERATOR, rules: Rules = RULES) -> Decision:
    return decide(about, Ordered(person, text), rules, NOW)


@pytest.mark.parametrize("person", [OPERATOR, TINA, LEA])
@pytest.mark.parametrize("text", ["#resolve Toner.", "resolve Toner.", "  #resolve Toner."])
def test_an_order_from_the_shell_is_a_technicians_command_and_is_answered_there(person: Person, text: str) -> None:
    decision = order(ticket(), text, person)
    assert after(ticket(), decision).status is Status.WAITING_FOR_CLOSURE
    assert sent(decision) == [(Name.RESOLVED, ANN.address), (Name.RESOLVED, BOB.address)]


@pytest.mark.parametrize("text", ["#yolo", "yolo", "", "#1", "We are on it."])
def test_what_is_no_command_is_not_sent_to_the_requester_from_the_shell(text: str) -> None:
    decision = order(ticket(), text)
    assert (decision.outcome, decision.letters) == (Outcome.REFUSED, ())


@pytest.mark.parametrize("person", [ANN, MAX])
def test_orders_are_given_in_the_name_of_technicians_only(person: Person) -> None:
    decision = order(ticket(), "#close", person)
    assert (decision.outcome, decision.reason) == (Outcome.REFUSED, "not-a-technician")
    assert after(ticket(), decision) == replace(ticket(), updated=NOW)


def test_the_operator_takes_no_ticket_and_answers_without_becoming_its_assignee() -> None:
    assert refused(order(ticket(), "#take")) == [("#take", "not-a-technician", "#assign tina@desk.example")]
    assert order(ticket(), "#assign me").reason == "unknown-person"
    assert after(ticket(), order(ticket(), "#resolve Toner.")).assignee is None
    assert after(ticket(), order(ticket(), "#assign tom")).assignee == TOM.address


def test_an_order_for_no_ticket_is_ignored() -> None:
    assert decide(None, Ordered(TINA, "#close"), RULES, NOW).outcome is Outcome.IGNORED


# --------------------------------------------------------------------------------------------------------- undeliverable


@pytest.mark.parametrize("hard", [True, False])
def test_a_letter_that_comes_back_for_good_is_told_to_whoever_looks_after_the_ticket(hard: bool) -> None:
    decision = decide(ticket(assignee=TOM.address), Undelivered(Name.REPLY, ANN.address, "550 no such user", hard), RULES, NOW)
    assert sent(decision) == ([(Name.UNDELIVERABLE, TOM.address)] if hard else [])
    assert after(ticket(), decision) == replace(ticket(), updated=NOW)


@pytest.mark.parametrize("person", [TINA, MAX, OLGA])
def test_a_lost_letter_to_somebody_of_the_house_is_told_to_nobody_by_letter(person: Person) -> None:
    assert decide(ticket(), Undelivered(Name.NEW_TICKET, person.address, "550"), RULES, NOW).letters == ()


def test_a_lost_letter_to_a_requester_of_people_toml_is_told() -> None:
    rules = replace(RULES, people=Directory((*PEOPLE.people, ANN), PEOPLE.teams))
    assert len(decide(ticket(), Undelivered(Name.REPLY, ANN.address, "550"), rules, NOW).letters) == 3


def test_public_letters_pass_by_whoever_is_not_confirmed() -> None:
    for status in ALIVE:
        for text in ("Hello", "#pending Where?", "#resolve Toner.", "#close", "#reopen"):
            assert EVE.address not in [to for name, to in sent(says(ticket(status, responded=OPENED), text)) if name in REQUESTER_SIDE]
