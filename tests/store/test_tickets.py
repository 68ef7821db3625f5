from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mailgate.desk.approval import Ask, How, Round, Stage, Verdict
from mailgate.desk.clock import Clock, Phase, Step
from mailgate.desk.decision import Message
from mailgate.desk.events import Event, born, changes, fold
from mailgate.desk.model import Address, Level, Participant, Priority, Status, Strength, Ticket, TicketId
from mailgate.store import schema, story, tickets
from mailgate.store.engine import Conflict, Fenced, Store, savepoint
from tests.store.databases import NOW

ANN, BOB = Address("ann@out.example"), Address("bob@out.example")


RUNNING = Clock("resolution", 1, "gold", "office", timedelta(hours=4), NOW, told=Step(80))
ENDED = Clock(
    "next_response", 3, "gold", None, timedelta(microseconds=1), NOW, Phase.STOPPED, Step(100, timedelta(hours=2)), True,
    timedelta(hours=3), NOW,
)  # fmt: skip
ROUND = Round(
    2, (Stage(("manager", "bob@corp.example"), 1), Stage(("owner",))), "New", ANN, NOW, "Waiting for parts", False, (ANN, BOB),
    (timedelta(hours=8), timedelta(days=1)), timedelta(days=5), True, True, 2, 1, 1, True, Verdict.APPROVED,
)  # fmt: skip
ASKED = Ask(2, 1, ANN, NOW)
ANSWERED = Ask(
    2, 1, BOB, NOW, 1, "manager", ANN, NOW, Verdict.REJECTED, NOW, ANN, How.LINK, "token", "a" * 64, "Too much, and *too* late ü",
)  # fmt: skip


def opening(**others: object) -> Event:
    given = {"desk": "Desk", "subject": "Printer", "requester": ANN, "participants": (Participant(ANN, "requester"),)}
    return Event("open", ANN, NOW, Strength.CLAIMED, changes(**{**given, **others}))


def opened(store: Store, cause: str = "1", **others: object) -> Ticket:
    """A ticket as `effect` opens it: saved, and its story begun."""
    event = opening(**others)
    with store.begin() as tx:
        ticket = tickets.open_new(tx, born(TicketId(0), event))
        tickets.record(tx, ticket.id, (event,), "inbox", cause)
    return ticket


def changed(store: Store, before: Ticket, cause: str, **others: object) -> Ticket:
    event = Event("change", "tina@desk.example", before.updated + timedelta(minutes=1), None, changes(**others))
    with store.begin() as tx:
        after = tickets.save(tx, before, fold(before, (event,)))
        tickets.record(tx, after.id, (event,), "inbox", cause)
    return after


def saved(store: Store, number: int = 1) -> Ticket:
    with store.look() as tx:
        ticket = tickets.get(tx, TicketId(number))
    assert ticket is not None
    return ticket


def told(store: Store, number: int = 1) -> Ticket:
    """The ticket as its story alone tells it."""
    with store.look() as tx:
        events = [Event(one.verb, one.actor, one.at, None, one.changes, one.note) for one in story.happened(tx, TicketId(number))]
    return replace(fold(born(TicketId(number), events[0]), events[1:]))


def test_a_new_ticket_has_number_and_version_one_and_comes_back_the_same(store: Store) -> None:
    ticket = opened(store)
    assert (ticket.id, ticket.version) == (1, 1)
    assert saved(store) == ticket
    assert opened(store, "2").id == 2


def test_every_field_survives_the_database(store: Store) -> None:
    other = opened(store)
    full = {
        "type": "request", "priority": Priority.P1, "impact": Level.HIGH, "urgency": Level.LOW, "category": "Hardware/Printer",
        "service": "Printing", "tags": ("one", "zwei, drei", "ü"), "team": "first", "assignee": BOB, "parent": other.id,
        "links": (other.id,), "resolution": "new toner", "closure_category": "solved", "closure_note": "n", "language": "de",
        "confidential": True, "responded": NOW, "resolved": NOW, "closed": NOW, "reopened": 3, "rungs": 2, "climbed": NOW,
        "status": Status.COMPLETED, "merged_into": other.id, "event_key": "icinga\n@mon.example\nweb01", "severity": "critical",
        "own": "Scrapped", "due": NOW, "time_spent": 90, "awaiting": NOW, "clocks": (RUNNING, ENDED),
        "rating": 4, "remark": "Quick.", "rated": NOW,
        "approval": ROUND, "asks": (ASKED, ANSWERED),
    }  # fmt: skip
    before = opened(store, "2")
    after = changed(store, before, "3", **full)
    kept = saved(store, after.id)
    assert kept == after
    assert replace(told(store, after.id), version=kept.version) == kept
    same = {name for name in Ticket.__struct_fields__ if getattr(before, name) == getattr(after, name)}
    assert same == {"id", "desk", "subject", "requester", "created", "source", "participants", "overdue"}


def test_a_ticket_is_saved_only_over_the_version_that_was_read(store: Store) -> None:
    first = opened(store)
    second = changed(store, first, "2", team="a")
    assert second.version == 2
    with pytest.raises(Fenced, match="ticket 1 was changed by somebody else"):
        changed(store, first, "3", team="b")
    assert saved(store).team == "a"
    with store.look() as tx:
        assert len(list(story.happened(tx, first.id))) == 2


def test_of_two_who_change_a_ticket_at_once_one_succeeds_and_the_other_learns_it(store: Store) -> None:
    first = opened(store)
    barrier, outcomes = threading.Barrier(2), []

    def change(team: str) -> None:
        barrier.wait()
        try:
            outcomes.append(changed(store, first, team, team=team).team)
        except Fenced:
            outcomes.append("fenced")

    threads = [threading.Thread(target=change, args=(team,)) for team in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("fenced") == 1
    assert saved(store).team in outcomes


def test_participants_are_added_changed_and_removed(store: Store) -> None:
    ticket = opened(store)
    both = changed(store, ticket, "2", participants=(*ticket.participants, Participant(BOB, "cc", False)))
    assert saved(store).participants == both.participants
    confirmed = changed(store, both, "3", participants=(Participant(ANN, "requester", muted=True), Participant(BOB, "cc", True)))
    assert saved(store).participants == confirmed.participants
    changed(store, confirmed, "4", participants=(Participant(BOB, "cc", True),))
    assert saved(store).participants == (Participant(BOB, "cc", True),)


def test_links_are_kept_and_shown_from_both_ends(store: Store) -> None:
    one, other = opened(store), opened(store, "2")
    changed(store, other, "3", links=(one.id,))
    with store.look() as tx:
        assert [story.tell(tx, number).links for number in (one.id, other.id)] == [(2,), (1,)]  # type: ignore[union-attr]


def test_each_status_leaves_a_stretch_and_only_the_last_is_open(store: Store) -> None:
    ticket = opened(store)
    for cause, status in enumerate((Status.ANALYSIS, Status.PENDING, Status.ANALYSIS), 2):
        ticket = changed(store, ticket, str(cause), status=status)
    ticket = changed(store, ticket, "9", team="other")
    table = schema.stretches
    with store.look() as tx:
        rows = tx.execute(table.select().order_by(table.c.number)).all()
    assert [row.status for row in rows] == ["New", "Analysis", "Pending", "Analysis"]
    assert [row.until for row in rows] == [*(row.since for row in rows[1:]), None]


def test_two_changes_of_status_within_one_moment_are_two_stretches(store: Store) -> None:
    ticket = opened(store)
    for cause, status in enumerate((Status.ANALYSIS, Status.PENDING), 2):
        with store.begin() as tx:
            event = Event("change", "x", NOW, None, changes(status=status))
            ticket = tickets.save(tx, ticket, fold(ticket, (event,)))
            tickets.record(tx, ticket.id, (event,), "inbox", str(cause))
    with store.look() as tx:
        assert len(tx.execute(schema.stretches.select()).all()) == 3


def test_a_cause_has_its_effect_once_and_its_second_run_leaves_nothing_at_all(store: Store) -> None:
    """I2, I3, CP21, CP23: whoever runs a cause again fails whole."""
    ticket = opened(store, "17")
    with store.begin() as tx:
        with pytest.raises(Conflict), savepoint(tx):  # noqa: PT012
            again = tickets.open_new(tx, born(TicketId(0), opening()))
            tickets.say(tx, again.id, Message(ANN, "hello"), NOW)
            tickets.know(tx, "Desk", again.id, ["m@mua.example"])
            tickets.record(tx, again.id, (opening(),), "inbox", "17")
        assert tickets.get(tx, TicketId(ticket.id + 1)) is None
    with store.look() as tx:
        for table in (schema.messages, schema.mail_ids):
            assert tx.execute(table.select()).all() == []
        assert len(tx.execute(schema.events.select()).all()) == 1


def test_one_cause_may_have_many_effects_in_one_go(store: Store) -> None:
    ticket = opened(store)
    with store.begin() as tx:
        tickets.record(tx, ticket.id, [Event("a", "x", NOW), Event("b", "x", NOW)], "inbox", "2")
        tickets.record(tx, ticket.id, [Event("a", "x", NOW)], "timer", "2")
    with store.look() as tx:
        assert [one.cause for one in story.happened(tx, ticket.id)] == ["inbox:1", "inbox:2", "inbox:2", "timer:2"]


def test_a_merged_ticket_answers_with_its_survivor_also_through_a_chain_and_never_runs_in_circles(store: Store) -> None:
    one, two, three = (opened(store, str(number)) for number in (1, 2, 3))
    changed(store, one, "4", merged_into=two.id)
    changed(store, two, "5", merged_into=three.id)
    with store.look() as tx:
        found = tickets.survivor(tx, one.id)
    assert found is not None
    assert found.id == three.id
    changed(store, three, "6", merged_into=one.id)
    with store.look() as tx:
        assert tickets.survivor(tx, one.id) is not None
        assert tickets.survivor(tx, TicketId(99)) is None


def test_ids_are_remembered_once_and_our_own_letters_with_their_reader(store: Store) -> None:
    ticket = opened(store)
    with store.begin() as tx:
        tickets.know(tx, "Desk", ticket.id, ["a@x", "a@x", "b@x"])
        tickets.know(tx, "Desk", ticket.id, ["a@x"])
        tickets.know(tx, "Desk", ticket.id, (), [("c@desk.example", ANN)])
        tickets.know(tx, "Desk", ticket.id, (), [])
    with store.look() as tx:
        table = schema.mail_ids
        rows = tx.execute(table.select().order_by(table.c.message_id)).all()
    assert [(row.message_id, row.person) for row in rows] == [("a@x", None), ("b@x", None), ("c@desk.example", ANN)]


def test_a_mention_of_our_letter_does_not_take_its_reader_away(store: Store) -> None:
    ticket = opened(store)
    with store.begin() as tx:
        tickets.know(tx, "Desk", ticket.id, (), [("c@desk.example", ANN)])
        tickets.know(tx, "Desk", ticket.id, ["c@desk.example"])
        assert tx.execute(schema.mail_ids.select()).one().person == ANN


def test_a_message_brings_its_files_and_its_writer_is_known_by_his_newest_id_and_his_first_name(store: Store) -> None:
    ticket = opened(store)
    file = tickets.File("a.pdf", "application/pdf", 12, "00", False, None, 2)
    with store.begin() as tx:
        tickets.say(tx, ticket.id, Message(ANN, "zero"), NOW)
        tickets.say(tx, ticket.id, Message(ANN, "one"), NOW, name="Ann", message_id="one@mua.example")
        number = tickets.say(tx, ticket.id, Message(ANN, "two"), NOW, name="The Boss", message_id="two@mua.example")
        tickets.say(tx, ticket.id, Message(BOB, "three"), NOW, message_id="three@mua.example")
        tickets.attach(tx, number, [file])
        tickets.attach(tx, number, [])
    with store.look() as tx:
        assert tickets.writer(tx, ticket.id, ANN) == ("two@mua.example", "Ann")
        assert tickets.writer(tx, ticket.id, Address("nobody@x")) == (None, "")
        whole = story.tell(tx, ticket.id)
        assert whole is not None
        assert [said.files for said in whole.messages] == [(), (), (file,), ()]


WORDS = st.text(st.characters(codec=None), max_size=40)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(subject=WORDS, tags=st.lists(WORDS, max_size=3), note=WORDS, resolution=st.none() | WORDS)
def test_whatever_is_written_the_story_folds_to_the_saved_ticket(
    store: Store, subject: str, tags: list[str], note: str, resolution: str | None
) -> None:
    """NUL, lone surrogates and all: columns and story keep the same."""
    with store.begin() as tx:
        event = opening(subject=subject, tags=tuple(tags), resolution=resolution)
        ticket = tickets.open_new(tx, born(TicketId(0), event))
        tickets.record(tx, ticket.id, (replace(event, note=note),), "inbox", f"h{ticket.id}")
        tickets.say(tx, ticket.id, Message(ANN, note, note=subject), NOW, message_id=subject)
    kept = saved(store, ticket.id)
    assert replace(told(store, ticket.id), version=1) == kept


def test_tickets_are_listed_by_what_is_asked_for(store: Store) -> None:
    one, two = opened(store, team="first"), opened(store, "2", subject="100% of the_disk")
    changed(store, two, "3", status=Status.COMPLETED, assignee=BOB)
    with store.begin() as tx:
        for ticket in (one, two):
            tickets.say(tx, ticket.id, Message(ANN, "It does not work."), NOW)
    with store.look() as tx:
        for wanted, found in (
            (story.Filter(), [1, 2]), (story.Filter(team="first"), [1]), (story.Filter(assignee=BOB), [2]),
            (story.Filter(statuses=(Status.NEW,)), [1]), (story.Filter(text="100%"), [2]), (story.Filter(text="the_d"), [2]),
            (story.Filter(text="printer"), [1]), (story.Filter(requester=BOB), []), (story.Filter(desk="Desk"), [1, 2]),
        ):  # fmt: skip
            assert story.listed(tx, wanted) == found, wanted
    assert one.id == 1
