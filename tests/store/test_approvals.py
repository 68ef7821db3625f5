from __future__ import annotations

import pytest
from msgspec.structs import replace

from mailgate.desk.approval import Ask, How, Verdict
from mailgate.desk.events import Event, born, changes
from mailgate.desk.model import Address, Participant, Strength, TicketId
from mailgate.store import approvals, tickets
from mailgate.store.engine import Fenced, Store
from tests.store.databases import NOW

ANN, BEA, KAI = Address("ann@out.example"), Address("bea@corp.example"), Address("kai@corp.example")
ASKED = Ask(1, 1, BEA, NOW)
YES = replace(ASKED, state=Verdict.APPROVED, decided=NOW, by=BEA, how=How.LINK, strength="token", evidence="a" * 64, why="Fine, ü.")


@pytest.fixture
def ticket(store: Store) -> TicketId:
    """A ticket about which Bea was asked."""
    opening = changes(desk="Desk", subject="VPN", requester=ANN, participants=(Participant(ANN, "requester"),))
    with store.begin() as tx:
        made = tickets.open_new(tx, born(TicketId(0), Event("open", ANN, NOW, Strength.CLAIMED, opening)))
        approvals.keep(tx, made.id, (), (ASKED,))
    return made.id


def test_a_question_is_answered_by_exactly_one_whoever_else_read_it_unanswered(store: Store, ticket: TicketId) -> None:
    with store.begin() as tx:
        approvals.keep(tx, ticket, (ASKED,), (YES,))
    with pytest.raises(Fenced, match="was decided meanwhile"), store.begin() as tx:
        approvals.keep(tx, ticket, (ASKED,), (replace(YES, state=Verdict.REJECTED, why="No."),))
    with store.look() as tx:
        assert approvals.of_ticket(tx, ticket) == (YES,)


def test_questions_are_listed_by_state_and_by_whom_they_went_to(store: Store, ticket: TicketId) -> None:
    other = replace(ASKED, approver=KAI)
    with store.begin() as tx:
        approvals.keep(tx, ticket, (ASKED,), (YES, other))
    with store.look() as tx:
        assert [one.ask for one in approvals.listed(tx)] == [YES, other]
        assert [one.ask for one in approvals.listed(tx, [Verdict.PENDING])] == [other]
        assert [one.ask for one in approvals.listed(tx, [Verdict.PENDING], BEA)] == []
        row = approvals.row_of(tx, ticket, other)
        assert row is not None
        assert approvals.find(tx, row) == approvals.Asked(ticket, other)
        assert approvals.row_of(tx, ticket, replace(other, round=2)) is None
