"""What follows when somebody writes? For each standing what the table of authority says of it, in its order."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace

from mailgate.desk.decide import decide
from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.events import born, fold
from mailgate.desk.letters import Letter, Name
from mailgate.desk.model import Address, Directory, Participant, Person, Role, State, Status, Strength, Ticket, TicketId, Visibility
from mailgate.desk.policy import AckUnverified, CcConfirm, Policy, ResolvedReply, Security
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Finding, Nature
from mailgate.desk.workflow import STATES
from tests.desk.cast import ALF, ANN, BOB, DESK, EVE, LEA, MAX, NOW, OLGA, PEOPLE, RULES, STRANGER, STRICT, SUE, TINA, TOM, ticket, wrote

CLOSED = [status for status, state in STATES.items() if state is State.CLOSED]
RESOLVED = [status for status, state in STATES.items() if state is State.RESOLVED]
UNSOLVED = [status for status, state in STATES.items() if state not in (State.CLOSED, State.RESOLVED)]


def comes(
    about: Ticket | None, person: Person, text: str, strength: Strength = Strength.TOKEN, rules: Rules = RULES, **fields: Any
) -> Decision:
    """The answer to a mail of this person."""
    return decide(about, wrote(person, text, strength, **fields), rules, NOW)


def after(about: Ticket, decision: Decision) -> Ticket:
    return fold(about, decision.events)


def opened(decision: Decision) -> Ticket:
    assert decision.opens is not None
    return born(TicketId(2000), decision.opens)


def sent(decision: Decision) -> list[tuple[Name, str]]:
    """The letters, as (name, to)."""
    return [(letter.name, letter.to) for letter in decision.letters]


def letter_to(decision: Decision, person: Person) -> Letter:
    (letter,) = (one for one in decision.letters if one.to == person.address)
    return letter


def verbs(decision: Decision) -> list[str]:
    return [event.verb for event in decision.events]


def to_first_team(name: Name) -> list[tuple[Name, str]]:
    return [(name, TINA.address), (name, TOM.address), (name, LEA.address)]


def policy(**fields: Any) -> Rules:
    return replace(RULES, policy=Policy(**fields))


# ---------------------------------------------------------------------------------------------------------- new tickets


def test_a_new_ticket_belongs_to_the_first_team_unassigned_and_is_announced_to_it() -> None:
    decision = comes(None, ANN, "Help!", Strength.ALIGNED, language="de")
    about = opened(decision)
    assert (decision.outcome, about.team, about.assignee, about.status, about.language) == (Outcome.OPENED, "first", None, Status.NEW, "de")
    assert (about.requester, about.desk, about.subject, about.links) == (ANN.address, DESK.name, "Printer is dead", ())
    assert about.participants == (Participant(ANN.address, "requester"),)
    assert sent(decision) == [(Name.ACKNOWLEDGEMENT, ANN.address), *to_first_team(Name.NEW_TICKET)]
    assert decision.message is not None
    assert (decision.message.text, decision.message.unverified) == ("Help!\n> quoted", False)


def test_without_teams_the_owner_hears_of_a_new_ticket() -> None:
    decision = comes(None, ANN, "Help!", rules=replace(RULES, people=Directory((OLGA,))))
    assert opened(decision).team is None
    assert sent(decision) == [(Name.ACKNOWLEDGEMENT, ANN.address), (Name.NEW_TICKET, OLGA.address)]


def test_a_technicians_own_ticket_is_announced_to_the_others() -> None:
    decision = comes(None, TINA, "My printer", Strength.ALIGNED)
    assert sent(decision) == [(Name.ACKNOWLEDGEMENT, TINA.address), (Name.NEW_TICKET, TOM.address), (Name.NEW_TICKET, LEA.address)]


@pytest.mark.parametrize(
    ("strength", "ack", "plain"),
    [
        (Strength.ALIGNED, AckUnverified.PLAIN, False),
        (Strength.TOKEN, AckUnverified.NEVER, False),
        (Strength.CLAIMED, AckUnverified.PLAIN, True),
        (Strength.CLAIMED, AckUnverified.FULL, False),
        (Strength.CLAIMED, AckUnverified.NEVER, None),
    ],
)
def test_the_acknowledgement_follows_the_proof_and_never_carries_words(strength: Strength, ack: AckUnverified, plain: bool | None) -> None:
    decision = comes(None, ANN, "Help!", strength, policy(ack_unverified=ack))
    acks = [letter for letter in decision.letters if letter.name is Name.ACKNOWLEDGEMENT]
    assert acks == ([] if plain is None else [Letter(Name.ACKNOWLEDGEMENT, ANN.address, plain=plain)])


def test_a_claimed_senders_message_is_marked_unverified() -> None:
    decision = comes(None, ANN, "Help!", Strength.CLAIMED)
    assert decision.message is not None
    assert decision.message.unverified


@pytest.mark.parametrize("about", [None, ticket(), ticket(Status.COMPLETED)])
def test_whoever_asks_for_help_alone_gets_it_and_does_not_learn_whether_the_ticket_exists(about: Ticket | None) -> None:
    decision = comes(about, STRANGER, "#help", Strength.CLAIMED)
    assert (decision.outcome, decision.opens, decision.events, decision.message) == (Outcome.ANSWERED, None, (), None)
    assert sent(decision) == [(Name.HELP, STRANGER.address)]
    assert decision == replace(comes(None, STRANGER, "#help", Strength.CLAIMED), trail=decision.trail)


def test_help_to_a_claimed_sender_is_silent_where_acknowledgements_are() -> None:
    assert comes(None, STRANGER, "#help", Strength.CLAIMED, policy(ack_unverified=AckUnverified.NEVER)).letters == ()


def test_a_command_without_a_ticket_is_a_request_like_any_other() -> None:
    for text in ("accept", "#accept", "#help\nMy printer is dead", "#close"):
        assert comes(None, ANN, text).outcome is Outcome.OPENED


# --------------------------------------------------------------------------------------------------------- participants


@pytest.mark.parametrize("status", UNSOLVED)
def test_the_requesters_reply_is_kept_and_told_to_the_team(status: Status) -> None:
    decision = comes(ticket(status), ANN, "It smokes.")
    assert decision.outcome is Outcome.APPENDED
    assert sent(decision) == to_first_team(Name.REQUESTER_REPLIED)
    assert all((letter.words, letter.author, letter.attach) == ("It smokes.", ANN.address, True) for letter in decision.letters)
    assert decision.message is not None
    assert (decision.message.text, decision.message.visibility, decision.message.unverified) == ("It smokes.", Visibility.PUBLIC, False)


def test_the_requesters_reply_goes_to_the_assignee_alone_where_there_is_one() -> None:
    assert sent(comes(ticket(assignee=TOM.address), ANN, "It smokes.")) == [(Name.REQUESTER_REPLIED, TOM.address)]


def test_the_reply_goes_to_the_team_again_when_the_assignee_left() -> None:
    assert sent(comes(ticket(assignee=Address("gone@desk.example")), ANN, "It smokes.")) == to_first_team(Name.REQUESTER_REPLIED)


def test_a_reply_resumes_a_pending_ticket() -> None:
    decision = comes(ticket(Status.PENDING), ANN, "On floor 3.")
    assert (after(ticket(Status.PENDING), decision).status, verbs(decision)) == (Status.ANALYSIS, ["resume"])
    assert letter_to(decision, TINA).note == "resume"


def test_a_thank_you_does_not_resume_a_pending_ticket() -> None:
    decision = comes(ticket(Status.PENDING), ANN, "Thanks, Tina!")
    assert (after(ticket(Status.PENDING), decision).status, verbs(decision)) == (Status.PENDING, ["reply"])


@pytest.mark.parametrize("status", RESOLVED)
def test_a_reply_reopens_a_resolved_ticket_and_says_so(status: Status) -> None:
    decision = comes(ticket(status), ANN, "Thanks, but it still fails.")
    now = after(ticket(status), decision)
    assert (now.status, now.resolved, now.reopened, verbs(decision)) == (Status.ANALYSIS, None, 1, ["reopen"])
    assert sent(decision) == [(Name.REOPENED, ANN.address), *to_first_team(Name.REQUESTER_REPLIED)]


@pytest.mark.parametrize("status", RESOLVED)
def test_a_thank_you_does_not_reopen(status: Status) -> None:
    decision = comes(ticket(status), ANN, "Thank you!")
    assert after(ticket(status), decision) == replace(ticket(status), updated=NOW)
    assert sent(decision) == to_first_team(Name.REQUESTER_REPLIED)


def test_a_reply_is_a_note_where_policy_says_so() -> None:
    decision = comes(ticket(Status.WAITING_FOR_CLOSURE), ANN, "It still fails.", rules=policy(resolved_reply=ResolvedReply.NOTE))
    assert (after(ticket(), decision).status, verbs(decision)) == (Status.NEW, ["reply"])


@pytest.mark.parametrize("status", [status for status in UNSOLVED if status is not Status.PENDING])
def test_a_reply_changes_no_other_status(status: Status) -> None:
    assert after(ticket(status), comes(ticket(status), ANN, "It smokes.")) == replace(ticket(status), updated=NOW)


@pytest.mark.parametrize("text", ["It smokes.", "accept", "#reopen", "cancel"])
def test_a_confirmed_copy_appends_and_commands_nothing(text: str) -> None:
    for status in [*UNSOLVED, *RESOLVED]:
        decision = comes(ticket(status), BOB, text)
        assert after(ticket(status), decision) == replace(ticket(status), updated=NOW)
        assert sent(decision) == to_first_team(Name.REQUESTER_REPLIED)
        assert (decision.outcome, verbs(decision)) == (Outcome.APPENDED, ["reply"])
        assert decision.message is not None
        assert not decision.message.unverified


@pytest.mark.parametrize("person", [ANN, BOB, EVE])
def test_a_participant_who_is_only_claimed_appends_unverified_and_nobody_outside_is_mailed(person: Person) -> None:
    for status, text in product([*UNSOLVED, *RESOLVED], ["It smokes.", "accept", "#reopen it fails", "#close"]):
        decision = comes(ticket(status), person, text, Strength.CLAIMED)
        assert after(ticket(status), decision) == replace(ticket(status), updated=NOW)
        assert sent(decision) == to_first_team(Name.REQUESTER_REPLIED)
        assert {letter.note for letter in decision.letters} == {"unverified"}
        assert decision.message is not None
        assert (decision.message.text, decision.message.unverified, decision.message.strength) == (text, True, Strength.CLAIMED)


@pytest.mark.parametrize("status", [*UNSOLVED, *RESOLVED])
def test_an_unconfirmed_copy_with_a_proven_address_appends_and_changes_nothing(status: Status) -> None:
    decision = comes(ticket(status), EVE, "accept", Strength.ALIGNED, copied=(STRANGER.address,))
    assert after(ticket(status), decision) == replace(ticket(status), updated=NOW)
    assert {letter.note for letter in decision.letters} == {"unconfirmed"}
    assert decision.message is not None
    assert (decision.message.unverified, decision.message.note) == (False, "unconfirmed")


# --------------------------------------------------------------------------------------------------------------- copies


def participants(decision: Decision, about: Ticket | None = None) -> dict[str, bool]:
    """Who is on the ticket afterwards besides Ann, and whether confirmed."""
    now = after(about, decision) if about else opened(decision)
    return {one.address: one.confirmed for one in now.participants if one.address != ANN.address}


ALONE = ticket(participants=(Participant(ANN.address, "requester"),))


@pytest.mark.parametrize(
    ("strength", "confirm", "confirmed"),
    [
        (Strength.ALIGNED, CcConfirm.PARTICIPANT, True),
        (Strength.TOKEN, CcConfirm.PARTICIPANT, True),
        (Strength.CLAIMED, CcConfirm.PARTICIPANT, False),
        (Strength.TOKEN, CcConfirm.TECHNICIAN, False),
    ],
)
@pytest.mark.parametrize("about", [None, ALONE])
def test_who_is_named_in_copy_is_confirmed_by_a_proven_participant(
    about: Ticket | None, strength: Strength, confirm: CcConfirm, confirmed: bool
) -> None:
    decision = comes(about, ANN, "It smokes.", strength, policy(cc_confirm=confirm), copied=(BOB.address, BOB.address))
    assert participants(decision, about) == {BOB.address: confirmed}
    assert BOB.address not in [letter.to for letter in decision.letters]


def test_a_claimed_copy_is_confirmed_once_a_proven_participant_names_him_and_not_before() -> None:
    about = ticket()
    assert participants(comes(about, ANN, "Hi", Strength.CLAIMED, copied=(EVE.address,)), about) == {BOB.address: True, EVE.address: False}
    assert participants(comes(about, EVE, "Hi", Strength.ALIGNED, copied=(EVE.address,)), about) == {BOB.address: True, EVE.address: False}
    assert participants(comes(about, ANN, "Hi", copied=(EVE.address,)), about) == {BOB.address: True, EVE.address: True}
    assert participants(comes(about, BOB, "Hi", copied=(EVE.address,)), about) == {BOB.address: True, EVE.address: True}


def test_a_claimed_participant_takes_nobodys_confirmation_away() -> None:
    about = ticket()
    assert participants(comes(about, ANN, "Hi", Strength.CLAIMED, copied=(BOB.address,)), about)[BOB.address]


def test_neither_technicians_nor_the_desk_nor_the_writer_are_put_in_copy() -> None:
    copied = (TINA.address, TINA.aliases[0], DESK.address, DESK.aliases[0], ANN.address)
    assert participants(comes(None, ANN, "Hi", copied=copied)) == {}


def test_a_person_with_two_addresses_is_put_in_copy_once() -> None:
    rules = replace(RULES, people=Directory((*PEOPLE.people, replace(BOB, aliases=(Address("b@out.example"),))), PEOPLE.teams))
    assert participants(comes(None, ANN, "Hi", rules=rules, copied=(Address("b@out.example"), BOB.address))) == {BOB.address: True}
    assert participants(comes(ticket(), ANN, "Hi", rules=rules, copied=(Address("b@out.example"),)), ticket()) == {
        BOB.address: True, EVE.address: False,
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------------ closed tickets


@pytest.mark.parametrize(
    ("person", "strength"), [(ANN, Strength.TOKEN), (ANN, Strength.CLAIMED), (BOB, Strength.TOKEN), (EVE, Strength.ALIGNED)]
)
def test_a_mail_to_a_closed_ticket_opens_a_linked_one(person: Person, strength: Strength) -> None:
    for status, text in product(CLOSED, ["It is back.", "reopen it is back", "#reject"]):
        decision = comes(ticket(status), person, text, strength)
        assert (decision.outcome, decision.reason, decision.events) == (Outcome.OPENED, "closed-ticket", ())
        assert (opened(decision).links, opened(decision).requester) == ((TicketId(1042),), person.address)
        assert decision.message is not None
        assert (decision.message.text, decision.message.note) == (text, "follows MG-1042")
        assert [letter.note for letter in decision.letters if letter.name is Name.NEW_TICKET] == ["follows MG-1042"] * 3


def test_a_thank_you_for_a_closed_ticket_is_kept_and_opens_nothing() -> None:
    for status in (status for status, state in STATES.items() if state is State.CLOSED):
        decision = decide(ticket(status), wrote(ANN, "Thank you very much!"), RULES, NOW)
        assert (decision.outcome, decision.reason, decision.opens, decision.letters) == (Outcome.NOTED, "thanks", None, ())


@pytest.mark.parametrize("text", ["status", "help", "mute", "mute off", "#status"])
def test_a_closed_ticket_may_still_be_asked_about(text: str) -> None:
    decision = comes(ticket(Status.COMPLETED), ANN, text)
    assert (decision.outcome, decision.opens) == (Outcome.COMMANDED, None)
    assert after(ticket(Status.COMPLETED), decision).status is Status.COMPLETED


@pytest.mark.parametrize("text", ["accept", "cancel"])
def test_what_is_too_late_is_answered_with_what_is_so(text: str) -> None:
    for status in CLOSED:
        decision = comes(ticket(status), ANN, text)
        assert (decision.outcome, decision.reason, sent(decision)) == (Outcome.REFUSED, "too-late", [(Name.STATUS, ANN.address)])


@pytest.mark.parametrize("person", [BOB, EVE])
def test_somebody_in_copy_cannot_ask_a_closed_ticket(person: Person) -> None:
    assert comes(ticket(Status.COMPLETED), person, "status", Strength.ALIGNED).outcome is Outcome.OPENED


# ----------------------------------------------------------------------------------------------- the requester's commands


@pytest.mark.parametrize("status", RESOLVED)
def test_accept_closes_the_ticket_and_tells_everybody(status: Status) -> None:
    decision = comes(ticket(status, assignee=TOM.address), ANN, "accept")
    now = after(ticket(status), decision)
    assert (now.status, now.closed, now.closure_category, verbs(decision)) == (Status.COMPLETED, NOW, "accepted", ["accept"])
    assert sent(decision) == [(Name.REQUESTER_REPLIED, TOM.address), (Name.CLOSED, BOB.address), (Name.CLOSED, ANN.address)]
    assert decision.message is None


@pytest.mark.parametrize("text", ["accept", "reject it fails", "#reopen"])
def test_a_command_that_the_status_does_not_allow_is_refused_with_what_is_so(text: str) -> None:
    for status in UNSOLVED:
        decision = comes(ticket(status), ANN, text)
        assert after(ticket(status), decision) == replace(ticket(status), updated=NOW)
        assert (decision.outcome, decision.reason, verbs(decision)) == (Outcome.REFUSED, "wrong-status", ["refused"])
        letter = letter_to(decision, ANN)
        assert (letter.name, letter.note) == (Name.STATUS, "refused")
        assert [(line.wrote, line.ok, line.wrong, line.instead) for line in letter.lines] == [(text, False, "wrong-status", "status")]


def test_the_text_of_a_refused_mail_is_kept_as_a_note_and_still_read_by_somebody() -> None:
    decision = comes(ticket(), ANN, "accept\n\nBut the scanner is broken.")
    assert decision.message is not None
    assert (decision.message.visibility, decision.message.text) == (Visibility.INTERNAL, "accept\n\nBut the scanner is broken.")
    assert letter_to(decision, TINA).words == decision.message.text
    assert sent(comes(ticket(), ANN, "accept")) == [(Name.STATUS, ANN.address)]


@pytest.mark.parametrize("status", RESOLVED)
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("reject", ""),
        ("reopen it is back", "it is back"),
        ("reject it fails\n\nSince noon.", "it fails\n\nSince noon."),
        ("reopen\n\nIt is back.", "It is back."),
    ],
)
def test_reject_and_reopen_bring_it_back_and_the_whole_reason_reaches_the_technician(status: Status, text: str, words: str) -> None:
    decision = comes(ticket(status), ANN, text)
    now = after(ticket(status), decision)
    assert (now.status, now.resolved, now.reopened) == (Status.ANALYSIS, None, 1)
    assert sent(decision) == [(Name.REOPENED, ANN.address), *to_first_team(Name.REQUESTER_REPLIED)]
    assert (letter_to(decision, TINA).words, letter_to(decision, TINA).note) == (words, text.split()[0])
    assert (decision.message.text if decision.message else "") == words


@pytest.mark.parametrize("status", [*UNSOLVED, *RESOLVED])
def test_cancel_ends_it(status: Status) -> None:
    decision = comes(ticket(status), ANN, "cancel")
    now = after(ticket(status), decision)
    assert (now.status, now.closed, now.closure_category) == (Status.CANCELLED, NOW, "cancelled")
    assert sent(decision) == [*to_first_team(Name.REQUESTER_REPLIED), (Name.CLOSED, BOB.address), (Name.CLOSED, ANN.address)]


@pytest.mark.parametrize(("text", "name"), [("status", Name.STATUS), ("help", Name.HELP), ("mute", Name.STATUS)])
def test_a_question_is_answered_to_him_alone_and_posts_no_comment(text: str, name: Name) -> None:
    for status in Status:
        decision = comes(ticket(status), ANN, text)
        assert (sent(decision), decision.message) == ([(name, ANN.address)], None)
        assert after(ticket(status), decision).status is status


def test_the_text_below_a_question_is_a_reply_like_any_other() -> None:
    decision = comes(ticket(Status.PENDING), ANN, "status\n\nIt is on floor 3.")
    assert (after(ticket(Status.PENDING), decision).status, verbs(decision)) == (Status.ANALYSIS, ["status", "resume"])
    assert decision.message is not None
    assert decision.message.text == letter_to(decision, TINA).words == "It is on floor 3."


def test_all_or_nothing() -> None:
    about = ticket(Status.WAITING_FOR_CLOSURE)
    decision = comes(about, ANN, "accept\nreject it fails")
    assert after(about, decision).status is Status.WAITING_FOR_CLOSURE
    assert [(line.wrote, line.ok) for line in letter_to(decision, ANN).lines] == [("accept", True), ("reject it fails", False)]


def test_muted_people_hear_nothing_until_they_unmute() -> None:
    muted = after(ticket(), comes(ticket(), ANN, "mute"))
    assert muted.participants[0].muted
    assert ANN.address not in [letter.to for letter in comes(muted, TINA, "Which floor?").letters]
    assert ANN.address not in [letter.to for letter in comes(replace(muted, status=Status.WAITING_FOR_CLOSURE), ANN, "It fails.").letters]
    heard = after(muted, comes(muted, ANN, "mute off"))
    assert not heard.participants[0].muted
    assert (Name.REPLY, ANN.address) in sent(comes(heard, TINA, "Which floor?"))


def test_mute_is_for_oneself() -> None:
    people = after(ticket(), comes(ticket(), ANN, "mute")).participants
    assert [one.muted for one in people] == [True, False, False]


def test_a_verb_for_which_the_sender_is_too_weak_is_refused() -> None:
    rules = replace(RULES, security=Security(require={"accept": Strength.ALIGNED}))
    about = ticket(Status.WAITING_FOR_CLOSURE)
    assert comes(about, ANN, "accept", rules=rules, aligned=False).reason == "needs-stronger-sender"
    assert after(about, comes(about, ANN, "accept", rules=rules)).status is Status.COMPLETED


def test_a_tap_does_what_its_word_does() -> None:
    about = ticket(Status.WAITING_FOR_CLOSURE)
    for text in ("", "Thanks!", "accept"):
        assert after(about, comes(about, ANN, text, tap="accept")).status is Status.COMPLETED
    assert after(about, comes(about, ANN, "", tap="reject")).status is Status.ANALYSIS
    assert comes(about, ANN, "Hello", tap="resolve").outcome is Outcome.APPENDED


# ---------------------------------------------------------------------------------------------- technicians and observers


@pytest.mark.parametrize("text", ["accept", "#accept", "cancel", "reject"])
def test_a_technician_does_not_speak_the_requesters_words(text: str) -> None:
    for status in [*UNSOLVED, *RESOLVED]:
        assert after(ticket(status), comes(ticket(status), TINA, text)).status in (status, Status.RESPONDED)


@pytest.mark.parametrize("text", ["#take", "#close", "#resolve done", "#note secret", "#start"])
def test_a_technician_is_a_requester_on_his_own_ticket(text: str) -> None:
    own = ticket(requester=TINA.address, participants=(Participant(TINA.address, "requester"),), assignee=TOM.address)
    decision = comes(own, TINA, text)
    assert after(own, decision) == replace(own, updated=NOW)
    assert sent(decision) == [(Name.REQUESTER_REPLIED, TOM.address)]


def test_a_technician_hears_nothing_of_his_own_words_on_his_own_ticket() -> None:
    own = ticket(requester=TINA.address, participants=(Participant(TINA.address, "requester"),))
    assert sent(comes(own, TINA, "It smokes.")) == [(Name.REQUESTER_REPLIED, TOM.address), (Name.REQUESTER_REPLIED, LEA.address)]
    assert comes(replace(own, assignee=TINA.address), TINA, "It smokes.").letters == ()


@pytest.mark.parametrize("person", [MAX, OLGA, ALF])
def test_what_managers_owners_and_approvers_write_is_an_internal_note(person: Person) -> None:
    for status in Status:
        decision = comes(ticket(status), person, "#close\nHow is it going?", Strength.ALIGNED)
        assert after(ticket(status), decision) == replace(ticket(status), updated=NOW)
        assert (decision.outcome, decision.letters, verbs(decision)) == (Outcome.NOTED, (), ["note"])
        assert decision.message is not None
        assert decision.message.visibility is Visibility.INTERNAL


@pytest.mark.parametrize("person", [TINA, LEA, SUE, MAX, OLGA, ALF])
@pytest.mark.parametrize(("strength", "rules"), [(Strength.CLAIMED, RULES), (Strength.CLAIMED, STRICT), (Strength.TOKEN, STRICT)])
def test_somebody_of_the_house_without_proof_is_refused_and_told_once_a_day(person: Person, strength: Strength, rules: Rules) -> None:
    decision = comes(ticket(), person, "\n#close\nBye", strength, rules, aligned=False)
    assert after(ticket(), decision) == replace(ticket(), updated=NOW)
    assert (decision.outcome, decision.reason, verbs(decision)) == (Outcome.REFUSED, "needs-stronger-sender", ["auth_failed"])
    assert sent(decision) == [(Name.RECEIPT, person.address)]
    assert letter_to(decision, person).lines[0].wrote == "#close"
    assert decision.message is not None
    assert (decision.message.visibility, decision.message.unverified) == (Visibility.INTERNAL, True)
    assert comes(ticket(), person, "#close", strength, rules, aligned=False, told_today=True).letters == ()


def test_a_forgers_long_line_is_not_passed_on_whole() -> None:
    decision = comes(ticket(), TINA, "x" * 100_000, Strength.CLAIMED)
    assert len(decision.letters[0].lines[0].wrote) == 200


# --------------------------------------------------------------------------------------------------- strangers, machines


@pytest.mark.parametrize("strength", [Strength.CLAIMED, Strength.ALIGNED, Strength.TOKEN])
def test_a_stranger_with_a_clue_gets_a_ticket_of_his_own_and_learns_nothing(strength: Strength) -> None:
    for status in Status:
        decision = comes(ticket(status), STRANGER, "#close\nWhat is in it?", strength)
        assert (decision.outcome, decision.reason, decision.events) == (Outcome.OPENED, "clue-of-a-stranger", ())
        assert (opened(decision).links, opened(decision).requester) == ((), STRANGER.address)
        without = comes(None, STRANGER, "#close\nWhat is in it?", strength)
        his = [[one for one in answer.letters if one.to == STRANGER.address] for answer in (decision, without)]
        assert his[0] == his[1] != []
        assert {one.note for one in decision.letters if one.name is Name.NEW_TICKET} == {"clue MG-1042"}


def test_spoofed_mail_is_held_and_answered_by_nothing() -> None:
    for about, person, nature in product([None, ticket(), ticket(Status.COMPLETED)], [ANN, BOB, STRANGER, TINA, OLGA], Nature):
        decision = comes(about, person, "#close", Strength.SPOOFED, nature=nature, further_copy=True)
        assert replace(decision, trail=()) == Decision(Outcome.HELD, "spoofed")


@pytest.mark.parametrize("nature", [Nature.ALARM, Nature.AUTOMATIC, Nature.REPORT])
def test_a_machine_at_a_participants_address_is_a_hidden_note(nature: Nature) -> None:
    for status, person, strength in product(Status, [ANN, BOB, EVE], [Strength.CLAIMED, Strength.TOKEN]):
        decision = comes(ticket(status), person, "accept", strength, nature=nature, tap="reopen")
        assert after(ticket(status), decision) == replace(ticket(status), updated=NOW)
        assert (decision.outcome, decision.letters) == (Outcome.NOTED, ())
        assert decision.message is not None
        assert decision.message.visibility is Visibility.HIDDEN


@pytest.mark.parametrize("about", [None, ticket()])
@pytest.mark.parametrize("text", ["Disk full", "#help"])
def test_an_alarm_of_nobody_opens_a_ticket_and_is_not_answered(about: Ticket | None, text: str) -> None:
    decision = comes(about, STRANGER, text, Strength.ALIGNED, nature=Nature.ALARM)
    assert decision.outcome is Outcome.OPENED
    assert sent(decision) == to_first_team(Name.NEW_TICKET)


@pytest.mark.parametrize("about", [None, ticket()])
@pytest.mark.parametrize("nature", [Nature.AUTOMATIC, Nature.REPORT])
@pytest.mark.parametrize("person", [STRANGER, MAX])
def test_any_other_machine_is_recorded_and_ignored(about: Ticket | None, nature: Nature, person: Person) -> None:
    decision = comes(about, person, "I am on holiday", nature=nature, nature_because="vacation")
    assert replace(decision, trail=()) == Decision(Outcome.IGNORED, "vacation")


@pytest.mark.parametrize("person", [ANN, BOB, TINA])
def test_a_further_copy_is_a_hidden_note_and_does_nothing_again(person: Person) -> None:
    decision = comes(ticket(Status.WAITING_FOR_CLOSURE), person, "accept", further_copy=True)
    assert (decision.outcome, decision.reason, decision.letters, verbs(decision)) == (Outcome.NOTED, "further-copy", (), ["note"])


@pytest.mark.parametrize("nature", Nature)
def test_a_further_copy_leaves_no_trace_on_a_ticket_where_its_writer_is_nobody(nature: Nature) -> None:
    decision = comes(ticket(), STRANGER, "Hello", further_copy=True, nature=nature)
    assert replace(decision, trail=()) == Decision(Outcome.IGNORED, "further-copy")


def test_the_trail_tells_who_wrote_and_keeps_what_was_found_before() -> None:
    decision = comes(ticket(), ANN, "Hello", findings=(Finding("read", "reply"),))
    assert decision.trail == (Finding("read", "reply"), Finding("authority", "requester", "requester token to ticket 1042"))


def test_a_role_does_not_matter_to_a_ticket_that_is_opened() -> None:
    for role in Role:
        assert comes(None, replace(STRANGER, role=role), "Hello", Strength.CLAIMED).outcome is Outcome.OPENED
