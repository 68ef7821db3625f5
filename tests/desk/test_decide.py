"""What holds for every decision, whoever writes what to which ticket: each status, verb, role and proof, and any text at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from msgspec.structs import replace

from mailgate.desk.budget import Spent, weigh
from mailgate.desk.decide import decide
from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.events import Event, born, fold
from mailgate.desk.letters import NOTES, WRONG, Letter, Name
from mailgate.desk.model import Address, Person, Status, Strength, Ticket, TicketId, Visibility
from mailgate.desk.rules import Rules
from mailgate.desk.sla import AUTOCLOSE, PENDING, plan
from mailgate.desk.stimuli import Due, Nature, Ordered, Stimulus, Undelivered, Wrote
from mailgate.desk.workflow import VERBS, Grammar, state_of
from mailgate.store.tickets import dump_changes, load_changes
from tests.desk.cast import (
    ANN,
    BOB,
    EVE,
    MAX,
    NOW,
    OLGA,
    OPENED,
    PEOPLE,
    REQUESTER_SIDE,
    RULES,
    STRANGER,
    STRICT,
    SUE,
    TINA,
    TOM,
    ticket,
    wrote,
)  # fmt: skip

EVERYBODY = (ANN, BOB, EVE, STRANGER, TINA, SUE, MAX, OLGA)
# (strength, aligned, whether a border writes results)
OUTSIDE = ((Strength.CLAIMED, False, RULES), (Strength.TOKEN, False, RULES))
INSIDE = (*OUTSIDE, (Strength.ALIGNED, True, STRICT), (Strength.TOKEN, False, STRICT))
PROOFS = ((Strength.SPOOFED, False, RULES), *INSIDE)
TEXTS = (
    *dict.fromkeys(verb.example.replace("maria@example.com", "tom") for verb in VERBS), "#accept", "#yolo", "Hello.\n#close", "Thank you!",
    "It smokes.", "", "#take\n#start\nWe are on it.", "accept\n\nThank you!", "status\n\nFloor 3.", "#note secret\n#resolve done",
)  # fmt: skip
LATER = timedelta(minutes=1)
TICKETS = (None, *(ticket(status) for status in Status))


@dataclass(frozen=True)
class Case:
    """A mail to a ticket, or to none."""

    about: Ticket | None
    wrote: Wrote
    rules: Rules

    @property
    def who(self) -> Person:
        return self.wrote.person

    @property
    def proven(self) -> bool:
        """Whether the writer is more than a claim, and for people of the house as much as they need."""
        if not self.who.staff and self.who not in (MAX, OLGA):
            return self.wrote.strength.trusted
        return self.wrote.aligned or (self.wrote.strength is Strength.TOKEN and self.rules is RULES)


@cache
def cases() -> tuple[tuple[Case, Decision], ...]:
    """Every status x text x person x proof, with and without a clue, and what follows. An exception here fails every test below."""
    found = []
    for person, text in product(EVERYBODY, TEXTS):
        for strength, aligned, rules in INSIDE if PEOPLE.find(person.address) else OUTSIDE:
            mail = wrote(person, text, strength, aligned=aligned, copied=(Address("new@out.example"),))
            found += [(Case(about, mail, rules), decide(about, mail, rules, NOW)) for about in TICKETS]
    return tuple(found)


def decided(*outcomes: Outcome) -> Iterator[tuple[Case, Ticket, Decision]]:
    """The cases about a ticket, of these outcomes (none: of all)."""
    return ((case, case.about, decision) for case, decision in cases() if case.about and (not outcomes or decision.outcome in outcomes))


def stands(about: Ticket, later: Ticket) -> bool:
    """Whether nothing but the story has changed: participants may have come to it."""
    return replace(later, updated=about.updated, participants=about.participants) == about


def test_every_case_has_a_decision_with_a_trail() -> None:
    assert {decision.outcome for _, decision in cases()} == set(Outcome) - {Outcome.TIMED, Outcome.IGNORED, Outcome.HELD}
    assert all(decision.trail[-1].step == "authority" for _, decision in cases())


def test_every_mail_leaves_a_trace() -> None:
    for _, decision in cases():
        assert decision.opens or decision.events or decision.outcome is Outcome.ANSWERED


def test_a_refusal_changes_no_state_and_sends_nothing_to_the_requesters_side() -> None:
    for case, about, decision in decided(Outcome.REFUSED):
        assert decision.refusals
        assert fold(about, decision.events) == replace(about, updated=NOW)
        assert {letter.name for letter in decision.letters} <= {Name.RECEIPT, Name.STATUS, Name.REQUESTER_REPLIED}
        assert all(letter.to in case.who.addresses for letter in decision.letters if letter.name is not Name.REQUESTER_REPLIED)
        assert all(PEOPLE.find(letter.to) for letter in decision.letters if letter.to not in case.who.addresses)
        assert decision.message is not None
        assert decision.message.visibility is Visibility.INTERNAL


def test_only_a_refusal_has_refusals() -> None:
    assert all(bool(decision.refusals) == (decision.outcome is Outcome.REFUSED) for _, decision in cases())


def test_who_is_not_proven_changes_no_state_and_no_copy_of_his_is_confirmed() -> None:
    for case, about, decision in decided():
        if not case.proven and decision.opens is None:
            later = fold(about, decision.events)
            assert stands(about, later)
            assert _confirmed(later) == _confirmed(about)


def _confirmed(about: Ticket) -> set[str]:
    return {one.address for one in about.participants if one.confirmed}


def test_no_letter_tells_anybody_outside_what_an_unproven_sender_wrote() -> None:
    for case, _, decision in decided():
        if not case.proven:
            outside = [letter for letter in decision.letters if not PEOPLE.find(letter.to)]
            assert all(letter.name in (Name.ACKNOWLEDGEMENT, Name.HELP) and letter.to == case.who.address for letter in outside)
            assert all(letter.plain or letter.name is Name.HELP for letter in outside)


def test_letters_go_only_to_the_ticket_its_staff_its_owner_and_the_writer() -> None:
    for case, decision in cases():
        about = born(TicketId(2000), decision.opens) if decision.opens else case.about
        allowed = {case.who.address, OLGA.address}
        if about is not None:
            allowed |= {about.requester, *(one.address for one in about.participants if one.confirmed)}
            allowed |= {person.address for person in case.rules.watchers(about)}
        if case.who.staff and case.proven:
            # Whom he named himself, and the team of the next level.
            allowed |= {TOM.address, SUE.address, "anna@example.com"}
        assert {letter.to for letter in decision.letters} <= allowed


def test_nobody_who_is_not_confirmed_hears_a_public_letter() -> None:
    for case, decision in cases():
        new = [letter for letter in decision.letters if letter.to in (EVE.address, "new@out.example")]
        assert all(case.who is EVE and letter.name in (Name.ACKNOWLEDGEMENT, Name.HELP) for letter in new)


def test_nobody_is_mailed_his_own_words() -> None:
    for case, decision in cases():
        assert not [letter for letter in decision.letters if letter.words and letter.to in case.who.addresses]


def test_letters_say_only_what_the_templates_have_words_for() -> None:
    for _, decision in cases():
        for letter in decision.letters:
            assert letter.note.partition(" ")[0] in ("", *NOTES.get(letter.name, ()))
            assert {line.wrong for line in letter.lines} <= {"", *WRONG}
        assert {refusal.slug for refusal in decision.refusals} <= set(WRONG)


def test_nobody_gets_the_same_letter_twice() -> None:
    for _, decision in cases():
        named = [(letter.name, letter.to) for letter in decision.letters]
        assert len(named) == len(set(named))


def test_the_verbs_of_one_grammar_never_act_for_the_other() -> None:
    own = {grammar: {verb.word for verb in VERBS if verb.grammar is grammar} for grammar in Grammar}
    for case, _, decision in decided():
        staff = case.who.staff and case.proven
        spoken = {event.verb for event in decision.events} - {"reply", "note", "refused", "cc", "auth_failed"}
        # An ordinary reply resumes and reopens by itself; whoever is in copy may only ask to be left alone.
        asks = own[Grammar.REQUESTER] | {"resume", "reopen"} if case.who is ANN else {"mute"} if case.who is BOB else set()
        allowed = own[Grammar.TECHNICIAN] if staff else asks
        assert spoken <= allowed


def test_only_the_requester_and_technicians_move_a_ticket() -> None:
    for case, about, decision in decided():
        if case.who is not ANN and not case.who.staff:
            assert stands(about, fold(about, decision.events))


def test_what_stays_inside_is_in_no_letter_to_the_requesters_side() -> None:
    for _, decision in cases():
        assert "secret" not in repr([letter for letter in decision.letters if not PEOPLE.find(letter.to)])


def test_no_command_line_reaches_the_requester() -> None:
    for case, decision in cases():
        if case.who.staff and decision.opens is None:
            assert not [letter for letter in decision.letters if letter.name in REQUESTER_SIDE and "#" in letter.words]


def test_a_closed_ticket_is_never_open_again() -> None:
    for _, about, decision in decided():
        if state_of(about.status) == "Closed":
            assert fold(about, decision.events).status is about.status


def test_everybody_stands_on_a_ticket_once() -> None:
    for case, decision in cases():
        now = grown(case.about, decision)
        if now:
            assert len({one.address for one in now.participants}) == len(now.participants)


def grown(about: Ticket | None, decision: Decision, *, kept: bool = False) -> Ticket | None:
    """The ticket after a decision; with `kept`, out of the events as the database gives them back."""
    again = [replace(one, changes=load_changes(dump_changes(one.changes))) if kept else one for one in decision.events]
    if decision.opens is None:
        return fold(about, again) if about else None
    opens = replace(decision.opens, changes=load_changes(dump_changes(decision.opens.changes))) if kept else decision.opens
    return fold(born(TicketId(2000), opens), again)


def test_the_fold_of_the_events_is_the_ticket_also_after_they_were_kept_as_json() -> None:
    for case, decision in cases():
        if decision.changes:
            assert grown(case.about, decision, kept=True) == grown(case.about, decision)


def test_every_event_tells_who_how_strongly_and_when() -> None:
    for case, decision in cases():
        for event in (*((decision.opens,) if decision.opens else ()), *decision.events):
            assert (event.actor, event.strength, event.at) == (case.who.address, case.wrote.strength, NOW)


@pytest.mark.parametrize("nature", [Nature.ALARM, Nature.AUTOMATIC, Nature.REPORT])
def test_machine_mail_is_never_answered_and_never_changes_a_ticket(nature: Nature) -> None:
    for about, person, text, (strength, aligned, rules) in product(TICKETS, EVERYBODY, ("#close", "accept"), OUTSIDE):
        decision = decide(about, wrote(person, text, strength, aligned=aligned, nature=nature), rules, NOW)
        assert {letter.name for letter in decision.letters} <= {Name.NEW_TICKET}
        assert all(letter.to not in person.addresses for letter in decision.letters)
        assert not about or stands(about, fold(about, decision.events))


@pytest.mark.parametrize("nature", [Nature.AUTOMATIC, Nature.REPORT])
def test_what_machines_answer_with_produces_no_letter_at_all(nature: Nature) -> None:
    for about, person in product(TICKETS, EVERYBODY):
        assert decide(about, wrote(person, "Hello", nature=nature), RULES, NOW).letters == ()


# ------------------------------------------------------------------------------------------------------------- any text

_PIECES = some.sampled_from([
    "accept", "reject", "#", "#take", "#resolve", "#note", "#assign", "mute", "off", "\n", "\r\n", " ", "\u2028", "\x00", "#\u0308", ":",
    "!", "tina@desk.example", "status", "\udcff", "ß", "> ", "##- -##", "help",
])  # fmt: skip
_TEXT = some.one_of(some.text(max_size=120), some.lists(_PIECES, max_size=12).map("".join))
_WORD = some.one_of(some.none(), some.sampled_from([verb.word for verb in VERBS]), some.text(max_size=10))
_ADDRESS = some.one_of(some.sampled_from([person.address for person in EVERYBODY]), some.text(max_size=30).map(Address))


@settings(max_examples=200)
@given(
    _TEXT, _TEXT, _WORD, some.lists(_ADDRESS, max_size=4), some.sampled_from(EVERYBODY), some.sampled_from(PROOFS),
    some.sampled_from(Nature), some.sampled_from(TICKETS), some.booleans(),
)  # fmt: skip
def test_any_mail_at_all_has_a_decision(
    text: str, whole: str, tap: str | None, copied: list[Address], person: Person, proof: tuple[Strength, bool, Rules],
    nature: Nature, about: Ticket | None, again: bool,
) -> None:  # fmt: skip
    strength, aligned, rules = proof
    mail = wrote(person, text, strength, aligned=aligned, whole=whole, tap=tap, copied=tuple(copied), nature=nature)
    mail = replace(mail, subject=whole, further_copy=again)
    decision = decide(about, mail, rules, NOW)
    assert decision.outcome in Outcome
    now = grown(about, decision)
    assert now is None or len({one.address for one in now.participants}) == len(now.participants)
    weigh(decision.letters, TicketId(1), Spent(), rules, claimed=None)


@settings(max_examples=100)
@given(_TEXT, some.sampled_from((*EVERYBODY, Person(Address("operator")))), some.sampled_from(Status))
def test_any_order_at_all_has_a_decision_and_is_not_answered_by_letter(text: str, person: Person, status: Status) -> None:
    decision = decide(ticket(status), Ordered(person, text), RULES, NOW)
    assert decision.outcome in (Outcome.COMMANDED, Outcome.REFUSED)
    assert person.address not in [letter.to for letter in decision.letters]


@settings(max_examples=100)
@given(_TEXT, _ADDRESS, some.sampled_from(Name), some.booleans(), some.sampled_from(Status))
def test_any_report_at_all_changes_nothing(reply: str, recipient: Address, name: Name, hard: bool, status: Status) -> None:
    decision = decide(ticket(status), Undelivered(name, recipient, reply, hard), RULES, NOW)
    assert fold(ticket(status), decision.events) == replace(ticket(status), updated=NOW)
    assert all(PEOPLE.find(letter.to) for letter in decision.letters)


# ------------------------------------------------------------------------------------------------------- whole lives

# Whom a command names, and who asked before another did.
COPIED = {"anna@example.com", ANN.address}
_STEP: some.SearchStrategy[Stimulus] = some.one_of(
    some.builds(Due, some.sampled_from([AUTOCLOSE, PENDING])),
    some.builds(Ordered, some.sampled_from((TINA, OLGA)), some.sampled_from(TEXTS)),
    some.builds(wrote, some.sampled_from(EVERYBODY), some.sampled_from(TEXTS), some.sampled_from(Strength)),
    some.builds(Undelivered, some.sampled_from(Name), some.sampled_from([ANN.address, TINA.address]), some.just("550")),
)


@settings(max_examples=60)
@given(some.lists(_STEP, max_size=25))
def test_a_whole_life_folds_from_its_story_and_keeps_its_promises(steps: list[Stimulus]) -> None:
    opens = decide(None, wrote(ANN, "It smokes."), RULES, OPENED).opens
    assert opens is not None
    about, story, now = born(TicketId(1042), opens), [], OPENED
    for step in steps:
        now += LATER
        decision = decide(about, step, RULES, now)
        if decision.opens is not None:
            continue
        story += decision.events
        before, about = about, fold(about, decision.events)
        assert {one.address for one in about.participants if one.confirmed and one.role == "cc"} <= COPIED
        assert (about.closed is not None) == (state_of(about.status) == "Closed")
        assert (about.resolved is not None) or state_of(about.status) != "Resolved"
        assert about.since == (now if about.status is not before.status or _asked_again(decision.events) else before.since)
        assert all(timer.due > about.since for timer in plan(about, RULES))
    assert fold(born(TicketId(1042), opens), [replace(one, changes=load_changes(dump_changes(one.changes))) for one in story]) == about


def _asked_again(events: tuple[Event, ...]) -> bool:
    return any(event.verb == "pending" for event in events)


@settings(max_examples=30)
@given(some.lists(some.builds(wrote, some.sampled_from(EVERYBODY), some.sampled_from(TEXTS), some.sampled_from(Strength)), max_size=40))
def test_one_address_outside_gets_no_more_automatic_letters_a_day_than_its_budget(mails: list[Wrote]) -> None:
    about, today = ticket(), dict[Address, int]()
    for mail in mails:
        decision = decide(about, mail, RULES, NOW)
        kept, _ = weigh(decision.letters, about.id, Spent(today), RULES, claimed=None)
        for letter in kept:
            if _outside(letter):
                today[letter.to] = today.get(letter.to, 0) + 1
        about = fold(about, decision.events)
    assert all(count <= RULES.policy.budgets.letters_per_day for count in today.values())


def _outside(letter: Letter) -> bool:
    return letter.automatic and PEOPLE.find(letter.to) is None
