from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from msgspec.structs import replace

from mailgate.desk.model import Address, TicketId
from mailgate.store import outbox, schema
from mailgate.store.engine import Conflict, Store
from mailgate.store.outbox import NewLetter, OutboxState, Posted, Settled
from tests.store.databases import NOW, SPAN, lease, lease_left

RETRY = timedelta(minutes=5)
FINAL = [state for state in OutboxState if state not in outbox.WAITING]


def letter(cause: str = "1", *, to: str = "ann@out.example", rank: int = 1, suppressed: str = "", unproven: bool = False) -> NewLetter:
    octets = b"" if suppressed else f"To: {to}\r\n\r\n{cause}".encode()
    mark = "" if suppressed else f"{cause}@desk.example"
    return NewLetter(
        "Desk", TicketId(0), "inbox", cause, "acknowledgement", Address(to), True, rank, mark, octets, suppressed, unproven=unproven
    )  # fmt: skip


def add(store: Store, *letters: NewLetter, born_claimed: bool = False) -> list[Posted]:
    with store.begin() as tx:
        return outbox.add(tx, letters, lease() if born_claimed else None, NOW, NOW + RETRY)


def claim(store: Store, owner: str = "me", limit: int = 50, seconds: float = 0, *, unproven: bool = True) -> list[Posted]:
    with store.begin() as tx:
        return outbox.claim(tx, lease(owner, seconds), RETRY, limit, unproven=unproven)


def settle(store: Store, posted: Posted, state: OutboxState, owner: str = "me", **others: object) -> bool:
    with store.begin() as tx:
        return outbox.settle(tx, owner, Settled(posted.id, posted.attempts, state, NOW, **others), NOW)  # type: ignore[arg-type]


def expire(store: Store) -> None:
    with store.begin() as tx:
        tx.execute(schema.outbox.update().values(lease_until=NOW - timedelta(days=1), next_at=NOW))


def row(store: Store, number: int = 1) -> outbox.Row:
    with store.look() as tx:
        found = outbox.get(tx, number)
    assert found is not None
    return found


def put(store: Store, number: int, **values: object) -> None:
    with store.begin() as tx:
        tx.execute(schema.outbox.update().where(schema.outbox.c.id == number).values(**values))


# ----------------------------------------------------------------------------------------------------------------- birth


def test_a_letter_waits_for_a_claim(store: Store) -> None:
    assert add(store, letter()) == []
    assert (row(store).state, row(store).attempts, row(store).next_at) == (OutboxState.QUEUED, 0, NOW)
    (posted,) = claim(store)
    assert (posted.attempts, posted.octets, posted.recipient) == (1, b"To: ann@out.example\r\n\r\n1", "ann@out.example")


def test_letters_born_claimed_are_returned_in_their_order_and_are_nobody_elses(store: Store) -> None:
    posted = add(store, *(letter(str(number)) for number in range(30)), born_claimed=True)
    assert [one.octets.rpartition(b"\n")[2] for one in posted] == [str(number).encode() for number in range(30)]
    assert [row(store, one.id).message_id for one in posted] == [one.message_id for one in posted]
    assert claim(store, "other", seconds=SPAN.total_seconds() - 1) == []
    assert settle(store, posted[0], OutboxState.SENT)


def test_a_letter_born_claimed_whose_sender_died_is_tried_again_when_its_lease_has_ended(store: Store) -> None:
    """CP27."""
    (posted,) = add(store, letter(), born_claimed=True)
    assert row(store).next_at == NOW + RETRY
    expire(store)
    (again,) = claim(store, "other")
    assert (again.attempts, again.octets, again.message_id) == (2, posted.octets, posted.message_id)


@pytest.mark.parametrize("born_claimed", [True, False])
def test_a_claim_holds_as_long_as_its_lease_and_no_longer(store: Store, born_claimed: bool) -> None:
    add(store, letter(), born_claimed=born_claimed)
    if not born_claimed:
        claim(store)
    assert SPAN - timedelta(minutes=1) < lease_left(store, schema.outbox) <= SPAN


def test_a_suppressed_letter_is_kept_with_its_reason_and_without_octets_and_never_leaves(store: Store) -> None:
    posted = add(store, letter("1"), letter("2", suppressed="budget-letters-a-day"), born_claimed=True)
    assert [one.id for one in posted] == [1]
    found = row(store, 2)
    assert (found.state, found.reason, found.finished_at, found.attempts) == (OutboxState.SUPPRESSED, "budget-letters-a-day", NOW, 0)
    with store.look() as tx:
        assert outbox.octets(tx, 2) == b""
    expire(store)
    assert [one.id for one in claim(store)] == [1]


def test_a_cause_writes_the_same_letter_to_the_same_reader_once(store: Store) -> None:
    add(store, letter())
    with pytest.raises(Conflict):
        add(store, letter("2"), letter("1"))
    with store.look() as tx:
        assert sum(outbox.counts(tx).values()) == 1


# ----------------------------------------------------------------------------------------------------------------- claim


def test_the_next_try_is_set_before_the_first_octet_leaves(store: Store) -> None:
    """CP26, CP28: whoever dies now has not lost the letter, and does not come back at once."""
    add(store, letter())
    claim(store)
    assert row(store).next_at == NOW + RETRY
    assert claim(store, seconds=RETRY.total_seconds() - 1) == []


def test_the_queue_drains_by_urgency_then_by_age(store: Store) -> None:
    ranks = {"digest": 3, "ack": 2, "reply": 0, "notice": 1, "later reply": 0}
    add(store, *(letter(name, rank=rank) for name, rank in ranks.items()))
    order = [list(ranks)[one.id - 1] for _ in range(3) for one in claim(store, limit=2)]
    assert order == ["reply", "later reply", "notice", "ack", "digest"]


def test_letters_to_mere_claims_can_be_left_for_later(store: Store) -> None:
    add(store, letter("1", unproven=True), letter("2"))
    assert [one.id for one in claim(store, unproven=False)] == [2]
    (other,) = claim(store)
    assert (other.id, other.unproven) == (1, True)


def test_a_letter_that_is_not_due_is_not_claimed(store: Store) -> None:
    add(store, letter())
    put(store, 1, next_at=NOW + timedelta(seconds=1))
    assert claim(store) == []
    assert len(claim(store, seconds=1)) == 1


def test_only_the_holder_of_the_claim_can_settle_it_and_only_once(store: Store) -> None:
    """CP33: who slept past his lease writes nothing."""
    add(store, letter())
    (first,) = claim(store, "first")
    expire(store)
    (second,) = claim(store, "second")
    assert not settle(store, first, OutboxState.FAILED, "first")
    assert not settle(store, first, OutboxState.FAILED, "second")
    assert settle(store, second, OutboxState.SENT, "second")
    assert not settle(store, second, OutboxState.FAILED, "second")
    assert row(store).state is OutboxState.SENT


def test_the_same_owner_is_fenced_off_by_his_own_next_attempt(store: Store) -> None:
    add(store, letter())
    (first,) = claim(store)
    expire(store)
    (second,) = claim(store)
    assert not settle(store, first, OutboxState.SENT)
    assert settle(store, second, OutboxState.SENT)


@pytest.mark.parametrize("state", FINAL)
def test_what_has_ended_is_never_claimed_again(store: Store, state: OutboxState) -> None:
    add(store, letter())
    put(store, 1, state=state, finished_at=NOW)
    assert claim(store, seconds=1_000_000) == []


def test_once_maybe_sent_always_maybe_sent(store: Store) -> None:
    add(store, letter())
    for attempt, unknown in enumerate((False, True, False), 1):
        (posted,) = claim(store)
        assert settle(store, posted, OutboxState.DEFERRED, maybe_dup=unknown, reason="r", said="x" * 900)
        assert row(store).maybe_dup == (attempt >= 2)
        assert len(row(store).relay_reply) == 500


@pytest.mark.postgres
def test_two_deliverers_take_disjoint_letters(store: Store) -> None:
    add(store, *(letter(str(number)) for number in range(200)))
    taken: list[list[int]] = [[], []]

    def work(mine: list[int]) -> None:
        while posted := claim(store, f"owner {id(mine)}", limit=7):
            mine.extend(one.id for one in posted)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken[0] + taken[1]) == list(range(1, 201))


# -------------------------------------------------------------------------------------------- starts, operators, reports


def test_at_start_letters_of_an_earlier_life_are_due_at_once(store: Store) -> None:
    add(store, letter("1"), letter("2"), born_claimed=True)
    with store.begin() as tx:
        assert outbox.free(tx, None, NOW + timedelta(seconds=1)) == 2
    assert [one.attempts for one in claim(store, seconds=1)] == [2, 2]


def test_where_hosts_share_a_database_only_ones_own_letters_are_freed(store: Store) -> None:
    add(store, letter("1"), letter("2"))
    claim(store, "mine", limit=1)
    claim(store, "theirs", limit=1)
    with store.begin() as tx:
        assert outbox.free(tx, "mine", NOW) == 1
    assert [one.id for one in claim(store)] == [1]


@pytest.mark.parametrize("state", list(OutboxState))
def test_an_operator_can_retry_what_waits_failed_or_bounced(store: Store, state: OutboxState) -> None:
    add(store, letter())
    put(store, 1, state=state, next_at=NOW + timedelta(days=1))
    with store.begin() as tx:
        asked = outbox.retry(tx, 1, NOW)
    assert asked == (state in (OutboxState.QUEUED, OutboxState.DEFERRED, OutboxState.FAILED, OutboxState.BOUNCED))
    assert (len(claim(store)) == 1) == asked


def test_a_letter_whose_octets_were_erased_cannot_be_retried(store: Store) -> None:
    add(store, letter())
    put(store, 1, state=OutboxState.FAILED, octets=b"", finished_at=NOW)
    with store.begin() as tx:
        assert not outbox.retry(tx, 1, NOW)


@pytest.mark.parametrize("state", list(OutboxState))
def test_an_operator_can_cancel_only_what_waits(store: Store, state: OutboxState) -> None:
    add(store, letter())
    put(store, 1, state=state)
    with store.begin() as tx:
        assert outbox.cancel(tx, 1, "dropped", NOW) == (state in outbox.WAITING)


def test_a_letter_in_flight_is_neither_retried_nor_cancelled(store: Store) -> None:
    add(store, letter())
    claim(store)
    with store.begin() as tx:
        assert not outbox.retry(tx, 1, NOW)
        assert not outbox.cancel(tx, 1, "dropped", NOW)


def test_a_bounce_counts_once_and_ends_a_letter_that_was_in_flight(store: Store) -> None:
    """CP34."""
    add(store, letter())
    (posted,) = claim(store)
    with store.begin() as tx:
        assert outbox.bounced(tx, 1, "550 no such user " * 100, NOW)
        assert not outbox.bounced(tx, 1, "again", NOW)
        assert not outbox.bounced(tx, 99, "nobody", NOW)
    assert not settle(store, posted, OutboxState.SENT)
    assert row(store).state is OutboxState.BOUNCED


def test_a_letter_in_other_octets_takes_the_place_of_one_that_cannot_be_sent(store: Store) -> None:
    add(store, letter(rank=2, unproven=True))
    with store.begin() as tx:
        number = outbox.reissue(tx, 1, "o1.0@desk.example", b"slim", NOW)
        assert outbox.reissue(tx, 99, "x@desk.example", b"slim", NOW) is None
    (old, new) = claim(store)
    assert (new.id, new.octets, new.message_id, new.unproven, new.attempts) == (number, b"slim", "o1.0@desk.example", True, 1)
    assert (old.octets, old.message_id) == (b"To: ann@out.example\r\n\r\n1", "1@desk.example")
    with pytest.raises(Conflict), store.begin() as tx:
        outbox.reissue(tx, 1, "o1.1@desk.example", b"slimmer", NOW)


def test_what_was_sent_within_a_day_is_counted_by_reader_letter_and_ticket(store: Store) -> None:
    add(store, letter("1"), letter("2"), letter("3", to="bob@out.example"), letter("4", suppressed="budget"))
    put(store, 1, created_at=NOW - timedelta(days=2))
    with store.look() as tx:
        since = NOW - timedelta(days=1)
        assert outbox.automatic_since(tx, [Address("ann@out.example")], since) == [("ann@out.example", "acknowledgement", 0, 1)]
        assert len(outbox.automatic_since(tx, [Address("ann@out.example"), Address("bob@out.example")], since)) == 2
        assert outbox.automatic_since(tx, [], since) == []


def test_a_letter_is_found_by_its_message_id(store: Store) -> None:
    add(store, letter("1"), letter("2"))
    with store.look() as tx:
        assert outbox.by_message_id(tx, ["nobody@x", "2@desk.example"]) == 2
        assert outbox.by_message_id(tx, []) is None


def test_the_letter_that_waits_longest_is_known(store: Store) -> None:
    with store.look() as tx:
        assert outbox.oldest_waiting(tx) is None
    add(store, letter("1"), letter("2"))
    put(store, 1, state=OutboxState.SENT, created_at=NOW - timedelta(days=3))
    with store.look() as tx:
        assert outbox.oldest_waiting(tx) == NOW


def test_what_was_told_with_a_note_is_known_apart_from_the_same_letter_without_it(store: Store) -> None:
    ann = Address("ann@out.example")
    add(store, replace(letter("1"), letter="receipt"), replace(letter("2"), letter="receipt", note="unproven"))
    add(store, replace(letter("3", to="bob@out.example", suppressed="budget"), letter="receipt", note="unproven"))
    with store.look() as tx:
        assert outbox.told(tx, [Address("x@out.example"), ann], "receipt", "unproven", NOW)
        assert not outbox.told(tx, [ann], "receipt", "unproven", NOW + timedelta(seconds=1))
        assert not outbox.told(tx, [ann], "receipt", "refused", NOW)
        assert not outbox.told(tx, [Address("bob@out.example")], "receipt", "unproven", NOW)
