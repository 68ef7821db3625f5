"""How does an approval go, whatever happens to it in whatever order? Tables of who may and what it comes to, and lives at random."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mailgate.desk import approvals, approvers, proof, sla
from mailgate.desk.approval import Ask, Round, Stage, Verdict
from mailgate.desk.approvers import Case
from mailgate.desk.decide import decide
from mailgate.desk.events import Event, born, changes, fold
from mailgate.desk.letters import Name
from mailgate.desk.model import Address, Directory, Person, Role, Status, Strength, Ticket, TicketId
from mailgate.desk.plans import Approval, Category, OnExpire
from mailgate.desk.policy import Policy
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Ballot, Clicked, Due, Ordered, Stimulus
from mailgate.store.tickets import dump_changes, load_changes
from tests.desk.cast import ALF, ANN, LEA, MAX, NOW, OLGA, OPENED, PEOPLE, RULES, TINA, ticket, wrote

DAY = timedelta(days=1)
BEA = Person(Address("bea@corp.example"), "Bea Boss", Role.APPROVER, (Address("b.boss@corp.example"),), manager=MAX.address)
KAI = Person(Address("kai@corp.example"), "Kai Kunz", Role.APPROVER)
HERS = replace(ANN, manager=BEA.address)
EVERYBODY = Directory((*PEOPLE.people, BEA, KAI, HERS), PEOPLE.teams)


def under(*stages: Stage, people: Directory = EVERYBODY, **others: object) -> Rules:
    """Everything needs an approval."""
    rule = Approval(stages or (Stage(("manager",)),), **others)  # type: ignore[arg-type]
    return replace(RULES, policy=Policy(approvals=(rule,), categories=(Category("Access"), Category("Other"))), people=people)


def case(rules: Rules = RULES, about: Ticket | None = None, **round_: object) -> Case:
    """Ann's ticket in a round that has just begun."""
    begun = Round(1, (Stage(("manager",)),), "New", Address("mailgate"), NOW, barred=(ANN.address,))
    return Case(about or ticket(), replace(begun, **round_), replace(rules, people=EVERYBODY) if rules is RULES else rules, NOW)  # type: ignore[arg-type]


# -------------------------------------------------------------------------------------------------------------- who is asked


def replaced(*persons: Person) -> Directory:
    """Everybody, some of them as they are given."""
    given_ = {one.address for one in persons}
    return Directory((*(one for one in EVERYBODY.people if one.address not in given_), *persons), EVERYBODY.teams)


AWAY = "2026-12-31"


@pytest.mark.parametrize(
    ("words", "people", "asked"),
    [
        (("manager",), EVERYBODY, [BEA]),
        (("approver",), EVERYBODY, [ALF, BEA, KAI]),
        (("owner", "lead"), EVERYBODY, [OLGA, LEA]),
        (("kai@corp.example", "nobody@corp.example"), EVERYBODY, [KAI, Person(Address("nobody@corp.example"))]),
        (("b.boss@corp.example", "manager"), EVERYBODY, [BEA]),
        (("manager",), replaced(replace(HERS, manager=None)), []),
        (("ann@out.example",), EVERYBODY, []),
        (("desk@desk.example",), EVERYBODY, []),
        # An approver is not asked about what he asks for himself.
        (("approver",), replaced(replace(HERS, role=Role.APPROVER)), [ALF, BEA, KAI]),
        (("manager",), replaced(replace(BEA, away=AWAY, delegate=KAI.address)), [KAI]),
        (("manager",), replaced(replace(BEA, away=AWAY, delegate=HERS.address)), [BEA]),
        (("manager",), replaced(replace(BEA, away=AWAY)), [BEA]),
        (("manager", "kai@corp.example"), replaced(replace(BEA, away=AWAY, delegate=KAI.address)), [KAI]),
        (("manager",), replaced(replace(BEA, away=AWAY, delegate=KAI.address), replace(KAI, away=AWAY, delegate=ALF.address)), [ALF]),
        (("manager",), replaced(replace(BEA, away=AWAY, delegate=KAI.address), replace(KAI, away=AWAY, delegate=BEA.address)), [BEA]),
        # Back since yesterday.
        (("manager",), replaced(replace(BEA, away="2026-03-01", delegate=KAI.address)), [BEA]),
    ],
)
def test_whom_a_stage_asks(words: tuple[str, ...], people: Directory, asked: list[Person]) -> None:
    found = approvers.asked(Stage(words), case(replace(RULES, people=people)))
    assert sorted(one.approver for one in found) == sorted(one.address for one in asked)


@pytest.mark.parametrize("who", [HERS, TINA])
def test_neither_the_requester_nor_who_was_it_nor_who_sent_it_decides(who: Person) -> None:
    barred = case(barred=(TINA.address, ANN.address), about=ticket(requester=Address("eve@out.example")))
    assert not approvers.may(who, barred)
    assert approvers.asked(Stage((who.address,)), barred) == ()


@pytest.mark.parametrize(
    ("ask", "who", "people", "may"),
    [
        (Ask(1, 1, BEA.address, NOW, through="manager"), BEA, EVERYBODY, True),
        (Ask(1, 1, BEA.address, NOW, through="manager"), KAI, EVERYBODY, False),
        (Ask(1, 1, BEA.address, NOW, through="manager"), HERS, EVERYBODY, False),
        # The requester reports to somebody else now; whoever was asked by name stays so.
        (Ask(1, 1, BEA.address, NOW, through="manager"), BEA, replaced(replace(HERS, manager=KAI.address)), False),
        (Ask(1, 1, BEA.address, NOW), BEA, replaced(replace(HERS, manager=KAI.address)), True),
        (Ask(1, 1, BEA.address, NOW, through="approver"), BEA, replaced(replace(BEA, role=Role.REQUESTER)), False),
        # A delegate, while he is one.
        (Ask(1, 1, BEA.address, NOW, through="manager"), KAI, replaced(replace(BEA, away=AWAY, delegate=KAI.address)), True),
        (Ask(1, 1, BEA.address, NOW, through="manager"), KAI, replaced(replace(BEA, delegate=KAI.address)), False),
        (Ask(1, 1, BEA.address, NOW, through="manager"), HERS, replaced(replace(BEA, away=AWAY, delegate=HERS.address)), False),
        (Ask(1, 1, KAI.address, NOW, stands_for=BEA.address), KAI, replaced(replace(BEA, delegate=KAI.address)), True),
        (Ask(1, 1, KAI.address, NOW, stands_for=BEA.address), KAI, EVERYBODY, False),
    ],
)
def test_who_may_answer_is_asked_anew_each_time(ask: Ask, who: Person, people: Directory, may: bool) -> None:
    assert approvers.answers(ask, who, case(replace(RULES, people=people), ticket(asks=(ask,)))) is may


P, Y, N, E = Verdict.PENDING, Verdict.APPROVED, Verdict.REJECTED, Verdict.EXPIRED


@pytest.mark.parametrize(
    ("need", "below", "above", "comes_to"),
    [
        (None, (P, P), (), None), (None, (Y, P), (), None), (None, (Y, Y), (), Y), (None, (Y, N), (), N), (None, (N, P), (), N),
        (1, (P, P), (), None), (1, (Y, P), (), Y), (1, (N, P), (), None), (1, (N, N), (), N),
        (2, (Y, P, P), (), None), (2, (Y, Y, P), (), Y), (2, (N, Y, P), (), None), (2, (N, N, P), (), N),
        # Silence was escalated: those above decide in place of those who said nothing.
        (None, (Y, E), (P,), None), (None, (Y, E), (Y,), Y), (None, (E, E), (N,), N), (None, (E, E), (Y, P), None),
        (2, (Y, E, E), (Y,), Y), (2, (E, E, E), (Y,), Y), (2, (E, E, E), (N,), N), (1, (E,), (P,), None),
    ],
)  # fmt: skip
def test_what_the_answers_come_to(
    need: int | None, below: tuple[Verdict, ...], above: tuple[Verdict, ...], comes_to: Verdict | None
) -> None:
    asks = [Ask(1, 1, Address(f"p{at}@corp.example"), NOW, state=state) for at, state in enumerate(below)]
    asks += [Ask(1, 1, Address(f"q{at}@corp.example"), NOW, 1, state=state) for at, state in enumerate(above)]
    round_ = replace(case().round, stages=(Stage(("x",), need),), level=1 if above else 0)
    assert approvals.weighed(tuple(asks), round_) is comes_to


# ------------------------------------------------------------------------------------------------------------ lives at random


class Life:
    """A ticket that was sent for approval, to which one thing after another happens."""

    def __init__(self, rules: Rules) -> None:
        self.rules, self.now = rules, OPENED
        decision = decide(None, wrote(HERS, "Please give me access."), rules, OPENED)
        assert decision.opens is not None
        self.events: list[Event] = [decision.opens, *decision.events]
        self.letters = list(decision.letters)

    @property
    def ticket(self) -> Ticket:
        return fold(born(TicketId(1042), self.events[0]), self.events[1:])

    def meet(self, stimulus: Stimulus) -> tuple[Event, ...]:
        """What happens; the events that follow."""
        decision = decide(self.ticket, stimulus, self.rules, self.now)
        if decision.opens is None:
            # As they come back from the database.
            self.events += [replace(one, changes=load_changes(dump_changes(one.changes))) for one in decision.events]
            self.letters += decision.letters
        return decision.events

    def sound(self) -> None:
        """What is always so."""
        now = self.ticket
        assert list(proof.faults(TicketId(1042), self.events)) == []
        assert (now.status is Status.AWAITING_APPROVAL) == (now.approval is not None and now.approval.live)
        assert all(one.by not in (HERS.address, ANN.address) for one in now.asks)
        current = now.approval.number if now.approval else 0
        assert all(one.round == current for one in now.asks if one.state is Verdict.PENDING)
        planned = [one for one in sla.plan(now, self.rules) if one.kind == sla.APPROVAL]
        assert len(planned) <= 1
        assert not planned or now.status is Status.AWAITING_APPROVAL
        asked_for = [one.to for one in self.letters if one.approver]
        assert HERS.address not in asked_for


def mark_of(life: Life, person: Person, newest: bool) -> Ask | None:
    """What this person was asked: last, or first."""
    his = [one for one in life.ticket.asks if one.approver in person.addresses]
    return (his[-1] if newest else his[0]) if his else None


_WHO = st.sampled_from((BEA, KAI, ALF, OLGA, MAX, LEA, HERS))
_SAY = st.tuples(st.just("click"), _WHO, st.sampled_from(("approve", "reject", "disown")), st.booleans())
_MAIL = st.tuples(
    st.just("mail"), _WHO, st.sampled_from(("approve", "reject too dear", "what?", "#note x", "approve\nreject")), st.booleans()
)
_ORDER = st.tuples(
    st.just("order"),
    st.sampled_from(
        ("#approval", "#approval kai@corp.example, owner", "#undo", "#category Access", "#category Other", "#close", "#take",
         "#priority P1", "#requester eve@out.example", "#desk Human Resources", "approve", "reject no")
    ),
)  # fmt: skip
_SAID = st.tuples(st.just("said"), st.sampled_from(("And one more thing.", "Thank you!", "status", "cancel")))
_TIME = st.tuples(st.just("time"), st.sampled_from((1, 24, 60, 200)))
_STEPS = st.lists(st.one_of(_SAY, _SAY, _MAIL, _MAIL, _ORDER, _SAID, _TIME, _TIME), max_size=14)
_RULES = st.builds(
    lambda stages, decline, remind: under(*stages, on_expire=OnExpire.DECLINE if decline else OnExpire.ESCALATE, remind=remind),
    st.lists(
        st.builds(Stage, st.lists(st.sampled_from(("manager", "approver", "owner", "kai@corp.example")), min_size=1, max_size=3).map(tuple),
                  st.sampled_from((None, 1, 2))),
        min_size=1, max_size=3,
    ).map(tuple),
    st.booleans(), st.sampled_from(((), (DAY,), (DAY, 3 * DAY))),
)  # fmt: skip


def do(life: Life, step: tuple[object, ...]) -> tuple[Event, ...]:
    match step:
        case ("click", Person() as who, str() as verb, bool() as newest):
            ask = mark_of(life, who, newest)
            return life.meet(Clicked(who, ask, verb, "", "ab" * 32)) if ask else ()
        case ("mail", Person() as who, str() as text, bool() as newest):
            ask = mark_of(life, who, newest)
            ballot = Ballot(ask, who.address, TicketId(1042), evidence="cd" * 32) if ask else None
            return life.meet(replace(wrote(who, text), ballot=ballot)) if ballot else ()
        case ("order", str() as text):
            return life.meet(Ordered(TINA, text, replace(wrote(TINA, "").known, story=tuple(life.events))))
        case ("said", str() as text):
            return life.meet(wrote(HERS, text))
        case ("time", int() as hours):
            life.now += timedelta(hours=hours)
            happened: tuple[Event, ...] = ()
            while (due := approvals.next_due(life.ticket)) is not None and due <= life.now:
                happened += life.meet(Due(sla.APPROVAL))
            return happened
    raise AssertionError(step)


@settings(max_examples=120)
@given(_RULES, _STEPS)
def test_in_whatever_order_things_happen_each_question_is_answered_once(rules: Rules, steps: list[tuple[object, ...]]) -> None:
    life = Life(rules)
    life.sound()
    for step in steps:
        before = life.ticket
        events = do(life, step)
        life.now += timedelta(seconds=1)
        life.sound()
        said = {one.key: one for one in before.asks if one.state in (Verdict.APPROVED, Verdict.REJECTED)}
        assert all(one == said[one.key] for one in life.ticket.asks if one.key in said)
        new = [one for one in life.ticket.asks if one.by and one.key not in said]
        assert len(new) == len([one for one in events if one.verb in ("approve", "reject") and any(c.field == "asks" for c in one.changes)])
        assert len(new) <= 1
        # Nobody has gone on without a yes: only a yes, or somebody of the desk, ends the waiting.
        if before.status is Status.AWAITING_APPROVAL and life.ticket.status in (Status.NEW, Status.ANALYSIS):
            assert events[0].verb in ("approve", "undo", "category", "requester", "desk") or step[0] == "order"


def test_a_timer_of_what_has_changed_since_reminds_nobody() -> None:
    life = Life(under(Stage(("approver",)), remind=(DAY,)))
    life.now += DAY - timedelta(seconds=1)
    assert life.meet(Due(sla.APPROVAL)) == ()
    life.now += timedelta(seconds=1)
    assert [event.verb for event in life.meet(Due(sla.APPROVAL))] == ["remind"]
    assert life.meet(Due(sla.APPROVAL)) == ()


def test_a_forged_story_is_found_out() -> None:
    life = Life(under(Stage(("approver",), 2)))
    (first, second, _) = life.ticket.asks
    life.meet(Clicked(ALF, first, "approve", "", "ab" * 32))
    life.sound()
    whole = list(life.events)
    round_ = life.ticket.approval
    assert round_ is not None
    yes = replace(second, state=Verdict.APPROVED, decided=life.now, by=second.approver)
    over = replace(round_, outcome=Verdict.APPROVED)

    def told(*events: Event) -> list[str]:
        return [wrong for _, wrong in proof.faults(TicketId(1042), [*whole, *events])]

    def forged(actor: str, verb: str = "approve", **fields: object) -> Event:
        return Event(verb, actor, life.now, Strength.TOKEN, changes(**fields))

    assert told(forged("x", approval=over)) == ["one event, 0 decisions", "round 1 was approved by fewer than it needs"]
    assert told(forged(HERS.address, asks=(replace(yes, by=HERS.address),))) == [f"{HERS.address} decided about his own request"]
    stray = replace(yes, approver=Address("x@y.example"), by=Address("x@y.example"))
    assert "x@y.example was not asked, or had answered before" in told(forged("x@y.example", asks=(stray,)))
    by_nobody = forged("mailgate", "expire", asks=(replace(yes, by=Address("mailgate")),))
    assert told(by_nobody)[0] == f"the event says otherwise than the answer of {yes.approver}"
    assert told(forged(yes.approver, asks=(yes,)), forged(yes.approver, asks=(replace(yes, state=Verdict.REJECTED),)))


def test_a_desk_without_rules_for_approvals_knows_nothing_of_them() -> None:
    decision = decide(None, wrote(ANN, "The printer."), RULES, NOW)
    assert decision.opens is not None
    assert {change.field for change in decision.changes} & {"approval", "asks"} == set()
    assert decision.letters[0].name is Name.ACKNOWLEDGEMENT
