from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from mailgate.store import inbox, schema
from mailgate.store.engine import Fenced, Store
from mailgate.store.inbox import Claim, End, InboxState
from tests.kit.statements import watched
from tests.store.databases import NOW, SPAN, arrival, lease, lease_left

DONE = End(InboxState.DONE, "", None, "ann@out.example", "claimed", "[]")


def add(store: Store, *keys: str, claimed: bool = False, **others: object) -> list[tuple[int, bool]]:
    with store.begin() as tx:
        return inbox.add(tx, [arrival(key, **others) for key in keys], lease(), claimed=claimed)


def claim(store: Store, owner: str = "me", limit: int = 20, seconds: float = 0, *, alone: bool = False) -> list[Claim]:
    with store.begin() as tx:
        return inbox.claim(tx, lease(owner, seconds), limit, alone=alone)


def expire(store: Store) -> None:
    """All leases have run out, on whichever clock."""
    with store.begin() as tx:
        tx.execute(schema.inbox.update().values(lease_until=NOW - timedelta(days=1)))


def finish(store: Store, claimed: Claim, end: End = DONE) -> None:
    with store.begin() as tx:
        inbox.finish(tx, claimed, end, NOW)


def row(store: Store, number: int) -> inbox.Row:
    with store.look() as tx:
        return inbox.rows(tx, ids=[number])[0]


# --------------------------------------------------------------------------------------------------------------- arrival


def test_a_mail_is_stored_once_and_its_copies_are_counted(store: Store) -> None:
    ((first, before),) = add(store, "k")
    assert not before
    assert add(store, "k", raw=b"the same mail by another way") == [(first, True)]
    assert add(store, "k") == [(first, True)]
    assert row(store, first).seen_count == 3
    with store.look() as tx:
        assert inbox.raw(tx, first) == b"Subject: x\r\n\r\nhello\r\n"


def test_two_copies_in_one_commit_are_one_mail(store: Store) -> None:
    (one, known), (other, again) = add(store, "k", "k")
    assert (one, known, again) == (other, False, True)


def test_a_copy_disturbs_no_work_on_the_mail(store: Store) -> None:
    ((number, _),) = add(store, "k", claimed=True)
    claimed = born_with(store, number)
    add(store, "k", claimed=True)
    finish(store, claimed)
    add(store, "k")
    assert (row(store, number).state, row(store, number).seen_count) == (InboxState.DONE, 3)


def born_with(store: Store, number: int) -> Claim:
    """The claim that a row was born with, as the intake hands it on."""
    found = row(store, number)
    return Claim(number, found.desk, 1, 1, "me", b"", found.message_id, None, found.envelope_to, False, found.received_at)


def test_a_mail_born_claimed_is_nobody_elses_until_its_lease_ends(store: Store) -> None:
    add(store, "k", claimed=True)
    assert claim(store, "other") == []
    expire(store)
    (taken,) = claim(store, "other")
    assert (taken.attempts, taken.fence, taken.owner) == (2, 2, "other")


@pytest.mark.parametrize("born_claimed", [True, False])
def test_a_claim_holds_as_long_as_its_lease_and_no_longer(store: Store, born_claimed: bool) -> None:
    add(store, "k", claimed=born_claimed)
    if not born_claimed:
        claim(store)
    assert SPAN - timedelta(minutes=1) < lease_left(store, schema.inbox) <= SPAN


def test_the_octets_come_back_as_they_were(store: Store) -> None:
    raw = bytes(range(256)) * 4
    add(store, "k", raw=raw)
    (claimed,) = claim(store)
    assert claimed.raw == raw
    assert row(store, claimed.id).size == 1024


def test_an_envelope_with_nul_and_surrogates_is_kept_without_harm(store: Store) -> None:
    add(store, "k", envelope_from="a\x00@b\udcff", envelope_to=("x\udcff\x00@y",), subject="\ud800", sender="\x00")
    (claimed,) = claim(store)
    assert claimed.envelope_from == "a@b?"


# ----------------------------------------------------------------------------------------------------------------- claim


def test_mails_are_claimed_oldest_first_up_to_the_limit(store: Store) -> None:
    add(store, *"abcde")
    assert [one.id for one in claim(store, limit=3)] == [1, 2, 3]
    assert [one.id for one in claim(store, limit=3)] == [4, 5]
    assert claim(store) == []


def test_the_attempt_is_counted_when_it_is_claimed(store: Store) -> None:
    """CP19: whoever dies over a mail has left a mark before its first octet was read."""
    add(store, "k")
    assert row(store, 1).attempts == 0
    (claimed,) = claim(store)
    assert (claimed.attempts, row(store, 1).attempts) == (1, 1)


def test_a_claim_that_ran_out_is_taken_over_and_its_first_owner_is_fenced_off(store: Store) -> None:
    add(store, "k")
    (first,) = claim(store, "first")
    assert claim(store, "second", seconds=SPAN.total_seconds() - 1) == []
    expire(store)
    (second,) = claim(store, "second")
    with pytest.raises(Fenced):
        finish(store, first)
    with pytest.raises(Fenced), store.begin() as tx:
        inbox.put_back(tx, first, NOW, strike=False)
    finish(store, second)
    with pytest.raises(Fenced):
        finish(store, second)


def test_the_same_owner_who_claims_again_has_fenced_off_his_older_self(store: Store) -> None:
    """CP33: a thread that slept past its lease must not end what its own process has begun anew."""
    add(store, "k")
    (older,) = claim(store)
    expire(store)
    (newer,) = claim(store)
    with pytest.raises(Fenced):
        finish(store, older)
    finish(store, newer)


def test_a_mail_that_an_operator_reopened_is_fenced_against_all_who_held_it_before(store: Store) -> None:
    add(store, "k")
    (stale,) = claim(store)
    expire(store)
    (second,) = claim(store)
    finish(store, second, End(InboxState.QUARANTINED, "poison", None, None, None, "[]"))
    with store.begin() as tx:
        assert inbox.reopen(tx, 1, NOW)
    (again,) = claim(store)
    with pytest.raises(Fenced):
        finish(store, stale)
    assert again.fence > second.fence


def test_what_was_tried_before_comes_alone_after_what_is_fresh(store: Store) -> None:
    add(store, *"abc")
    (tried, *_) = claim(store, limit=1)
    with store.begin() as tx:
        inbox.put_back(tx, tried, NOW, strike=True)
    assert [one.id for one in claim(store)] == [2, 3]
    assert [one.id for one in claim(store)] == [1]


def test_alone_means_one(store: Store) -> None:
    add(store, *"abc")
    assert len(claim(store, alone=True)) == 1


def test_a_mail_that_was_put_back_waits_for_its_time_with_or_without_a_strike(store: Store) -> None:
    add(store, "k")
    for strike, attempts in ((False, 0), (True, 1), (True, 2), (False, 2)):
        (claimed,) = claim(store, alone=True)
        with store.begin() as tx:
            inbox.put_back(tx, claimed, NOW + timedelta(seconds=30), strike=strike)
        assert row(store, 1).attempts == attempts
        assert claim(store, seconds=29) == []
        with store.begin() as tx:
            tx.execute(schema.inbox.update().values(next_at=NOW))


@pytest.mark.postgres
def test_claimers_at_once_take_disjoint_mails(store: Store) -> None:
    add(store, *(f"k{number}" for number in range(200)))
    taken: list[list[int]] = [[], []]

    def work(mine: list[int]) -> None:
        while claims := claim(store, f"owner {id(mine)}", limit=7):
            mine.extend(one.id for one in claims)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken[0] + taken[1]) == list(range(1, 201))


@pytest.mark.postgres
def test_a_claimer_does_not_wait_for_rows_that_another_is_just_claiming(store: Store) -> None:
    if store.sqlite:
        pytest.skip("SQLite has one writer at a time")
    add(store, *"abcd")
    with store.begin() as one:
        assert [row.id for row in inbox.claim(one, lease("one"), 2)] == [1, 2]
        with store.begin() as other:
            assert [row.id for row in inbox.claim(other, lease("other"), 2)] == [3, 4]


# ------------------------------------------------------------------------------------------------------------- the start


def test_at_start_the_claims_of_an_earlier_life_are_free_and_no_strikes(store: Store) -> None:
    add(store, *"ab", claimed=True)
    with store.begin() as tx:
        assert inbox.free(tx, None, NOW, 5) == 2
    assert [one.attempts for one in claim(store, "next life")] == [1, 1]


def test_a_claim_found_open_at_five_starts_counts_from_then_on(store: Store) -> None:
    add(store, "k")
    for start in range(1, 8):
        (claimed,) = claim(store)
        assert claimed.attempts == max(1, start - 4)
        with store.begin() as tx:
            assert inbox.free(tx, None, NOW, 5) == 1


def test_a_mail_that_only_waited_often_is_not_taken_for_one_that_kills(store: Store) -> None:
    """A follow-up that waits for its original is claimed every second; being found open once afterwards is no strike."""
    add(store, "k")
    for _ in range(30):
        (claimed,) = claim(store)
        with store.begin() as tx:
            inbox.put_back(tx, claimed, NOW, strike=False)
    claim(store)
    with store.begin() as tx:
        inbox.free(tx, None, NOW, 5)
    assert row(store, 1).attempts == 0


def test_where_hosts_share_a_database_only_the_claims_of_ones_own_life_are_freed(store: Store) -> None:
    add(store, "a")
    add(store, "b")
    claim(store, "mine", limit=1)
    claim(store, "theirs", limit=1)
    with store.begin() as tx:
        assert inbox.free(tx, "mine", NOW, 5) == 1
    assert [one.id for one in claim(store)] == [1]


# ------------------------------------------------------------------------------------------------------------ the end


@pytest.mark.parametrize("state", [InboxState.DONE, InboxState.IGNORED, InboxState.QUARANTINED, InboxState.HELD])
def test_each_end_is_written_with_its_reason_and_who_wrote(store: Store, state: InboxState) -> None:
    add(store, "k")
    (claimed,) = claim(store)
    finish(store, claimed, End(state, "because", None, "ann@out.example", "claimed", '[["a","b","c"]]'))
    found = row(store, 1)
    assert (found.state, found.reason, found.sender, found.trail) == (state, "because", "ann@out.example", '[["a","b","c"]]')
    assert (found.finished_at is None) == (state is InboxState.HELD)


def test_only_held_and_quarantined_mails_can_be_reopened_or_dropped(store: Store) -> None:
    for number, state in enumerate(InboxState, 1):
        add(store, f"k{number}")
        with store.begin() as tx:
            tx.execute(schema.inbox.update().where(schema.inbox.c.id == number).values(state=state, reason="r"))
            assert inbox.reopen(tx, number, NOW) == (state in (InboxState.HELD, InboxState.QUARANTINED))
            tx.execute(schema.inbox.update().where(schema.inbox.c.id == number).values(state=state))
            assert inbox.drop(tx, number, NOW) == (state in (InboxState.HELD, InboxState.QUARANTINED))


def test_each_reopening_is_a_round_of_its_own(store: Store) -> None:
    add(store, "k")
    for round_ in range(3):
        (claimed,) = claim(store)
        assert claimed.round == round_
        finish(store, claimed, End(InboxState.HELD, "spoofed", None, None, None, "[]"))
        with store.begin() as tx:
            assert inbox.reopen(tx, 1, NOW, released=True)
    (released,) = claim(store)
    assert released.released


def test_a_release_stays_a_release_when_the_mail_is_judged_again(store: Store) -> None:
    add(store, "k")
    with store.begin() as tx:
        tx.execute(schema.inbox.update().values(state=InboxState.HELD))
        inbox.reopen(tx, 1, NOW, released=True)
        tx.execute(schema.inbox.update().values(state=InboxState.QUARANTINED))
        inbox.reopen(tx, 1, NOW)
    assert claim(store)[0].released


# --------------------------------------------------------------------------------------------------------------- lookups


def test_mails_that_wait_are_found_by_their_message_id(store: Store) -> None:
    add(store, *"abc")
    add(store, "d", desk="Other")
    (first, *_) = claim(store, limit=1)
    finish(store, first)
    claim(store, limit=1)
    ids = [f"{key}@mua.example" for key in "abcd"]
    with store.look() as tx:
        assert sorted(inbox.unread(tx, "Desk", ids, besides=99)) == [2, 3]
        assert inbox.unread(tx, "Desk", ids, besides=3) == [2]


def test_earlier_mails_of_the_same_message_id_are_its_twins(store: Store) -> None:
    for key in ("one", "two", "three"):
        add(store, key, message_id="same@mua.example")
    with store.look() as tx:
        assert [twin.id for twin in inbox.twins(tx, "Desk", "same@mua.example", 3, NOW)] == [1, 2]
        assert inbox.twins(tx, "Desk", "same@mua.example", 3, NOW + timedelta(seconds=1)) == []
        assert inbox.twins(tx, "Other", "same@mua.example", 3, NOW) == []


def test_of_thousands_of_twins_the_newest_hundred_are_looked_at(store: Store) -> None:
    add(store, *(f"k{number}" for number in range(150)), message_id="same@mua.example")
    with store.look() as tx:
        found = inbox.twins(tx, "Desk", "same@mua.example", 151, NOW)
    assert [twin.id for twin in found] == list(range(51, 151))


def test_a_state_is_counted_also_where_no_row_stands_in_it(store: Store) -> None:
    add(store, *"ab")
    claim(store, limit=1)
    with store.look() as tx:
        assert inbox.counts(tx) == {"received": 1, "claimed": 1, "held": 0, "done": 0, "ignored": 0, "quarantined": 0}


def test_a_batch_is_claimed_with_four_statements(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    add(store, *(f"k{number}" for number in range(50)))
    ran = watched(store, monkeypatch)
    claim(store)
    assert [statement.split()[0] for statement, _ in ran if not statement.startswith("BEGIN")] == ["SELECT", "SELECT", "UPDATE", "SELECT"]
