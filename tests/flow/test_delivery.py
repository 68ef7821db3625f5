from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from mailgate.desk import retry
from mailgate.desk.approval import Stage
from mailgate.desk.events import Event, changes, fold
from mailgate.desk.model import Address, Directory, Participant, Person, Role, TicketId
from mailgate.desk.plans import Approval
from mailgate.desk.policy import Budgets, Policy
from mailgate.flow import effect
from mailgate.flow.delivery import Delivery, Outcome, Parcel, Result
from mailgate.store import audit, facts, outbox, tickets
from mailgate.store.outbox import OutboxState
from tests.kit.office import OLGA, PEOPLE, TINA, TOM, Letter, Office, mail, reply, with_file

MINUTES = (1, 5, 15, 30, 60, 120, 240)


class Desk(Office):
    """A desk whose letters leave through a relay that the test plays."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.delivery = self.deliverer()

    def deliverer(self, owner: str = "office") -> Delivery:
        return Delivery(self.store, self.house, owner, lambda: self.now, lambda: self.now.timestamp(), lambda: 0.5)

    def send(self, result: Result | Callable[[Parcel], Result] = Result.SENT, stage: str = "dot", said: str = "250 ok") -> list[Parcel]:
        """One round of the postman with this answer of the relay."""
        parcels = self.delivery.claim()
        answer = result if callable(result) and not isinstance(result, Result) else lambda _: result
        self.delivery.settle([Outcome(one.row, one.attempt, answer(one), stage, said) for one in parcels])  # type: ignore[arg-type]
        return parcels

    def letter(self, number: int = 1) -> outbox.Row:
        with self.store.look() as tx:
            found = outbox.get(tx, number)
        assert found is not None
        return found

    def all_letters(self) -> list[outbox.Row]:
        with self.store.look() as tx:
            return outbox.rows(tx)

    def write(self, count: int = 1) -> None:
        """So many letters wait: acknowledgements to as many people, announced to nobody."""
        for number in range(count):
            self.post(mail(sender=f"p{number}@out.example", name=f"P{number}"), sender=f"p{number}@out.example")


@pytest.fixture
def desk(url: str, tmp_path: Path) -> Iterator[Desk]:
    """Nobody works here: each mail makes one letter, the acknowledgement."""
    office = Desk(tmp_path, url, people=Directory())
    yield office
    with office.store.look() as tx:
        assert audit.audit(tx).violations == ()
    office.close()


@pytest.fixture
def staffed(url: str, tmp_path: Path) -> Iterator[Desk]:
    office = Desk(tmp_path, url, people=replace(PEOPLE, people=(TINA, OLGA)))
    yield office
    assert office.violations() == []
    office.close()


# -------------------------------------------------------------------------------------------------------- the usual ways


def test_a_letter_that_was_taken_is_sent_once(desk: Desk) -> None:
    """CP31."""
    desk.write()
    (parcel,) = desk.send(said="250 queued as 1234")
    assert (desk.letter().state, desk.letter().relay_reply) == (OutboxState.SENT, "250 queued as 1234")
    desk.now += timedelta(days=9)
    assert desk.send() == []
    assert parcel.octets.startswith(b"Date: ")


def test_the_envelope_sender_is_signed_and_leads_back_to_the_row(desk: Desk) -> None:
    desk.write()
    (parcel,) = desk.delivery.claim()
    assert parcel.envelope_from == desk.bounce_address(Letter(desk.letter(), b""))
    desk.change(desk=replace(desk.desk, subaddress=""))
    (other,) = desk.deliverer().parcels([outbox.Posted(1, "", TicketId(0), "", Address("a@b.example"), 1, "", desk.now, b"")])
    assert other.envelope_from == "desk@desk.example"


def test_nothing_is_sent_past_the_end_of_the_lease(desk: Desk) -> None:
    desk.write()
    (parcel,) = desk.delivery.claim()
    assert parcel.deadline < (desk.now + timedelta(minutes=5)).timestamp()


def test_a_letter_whose_deliverer_died_goes_out_again_with_the_same_octets(desk: Desk) -> None:
    """CP27 to CP30, I5."""
    desk.write()
    (lost,) = desk.delivery.claim()
    desk.now += effect.RETRY_AFTER + timedelta(seconds=1)
    if not desk.store.sqlite:
        with desk.store.begin() as tx:
            outbox.free(tx, "office", desk.now)
    (again,) = desk.send()
    assert (again.octets, again.message_id, again.envelope_from) == (lost.octets, lost.message_id, lost.envelope_from)
    assert (lost.attempt, again.attempt) == (1, 2)


def test_an_answer_that_comes_after_another_took_the_letter_over_changes_nothing(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """CP33."""
    desk.write()
    (late,) = desk.delivery.claim()
    with desk.store.begin() as tx:
        outbox.free(tx, None, desk.now)
    other = desk.deliverer("other")
    (parcel,) = other.claim()
    with caplog.at_level(logging.INFO):
        desk.delivery.settle([Outcome(late.row, late.attempt, Result.FAILED, "dot", "554 no")])
    assert "fenced outbox=1 attempt=1" in caplog.text
    other.settle([Outcome(parcel.row, parcel.attempt, Result.SENT, "dot", "250")])
    assert desk.letter().state is OutboxState.SENT
    assert [one.verb for one in desk.story().events] == ["open"]


def test_trouble_at_the_relay_is_waited_out_and_each_attempt_is_counted(desk: Desk) -> None:
    desk.write()
    desk.send(Result.RETRY, "RCPT", "450 later")
    letter = desk.letter()
    assert (letter.state, letter.reason, letter.attempts, letter.maybe_dup) == (OutboxState.DEFERRED, "retry at RCPT", 1, False)
    assert letter.next_at == desk.now + timedelta(minutes=1)


def test_a_connection_lost_after_the_dot_may_have_made_a_copy(desk: Desk) -> None:
    desk.write()
    desk.send(Result.UNKNOWN, "dot", "")
    desk.now += timedelta(minutes=1)
    desk.send()
    assert (desk.letter().state, desk.letter().maybe_dup) == (OutboxState.SENT, True)


def test_a_refused_reader_is_suppressed_and_the_technicians_hear_of_it(staffed: Desk) -> None:
    staffed.post(mail())
    staffed.send(lambda parcel: Result.REFUSED if parcel.recipient == "ann@out.example" else Result.SENT, "RCPT", "550 5.1.1 no such user")
    assert [one.verb for one in staffed.story().events] == ["open", "undelivered"]
    undeliverable = staffed.last("undeliverable", TINA.address)
    assert "550 5.1.1 no such user" in undeliverable.text
    staffed.post(mail("again", message_id="another@mua.example"))
    assert ("acknowledgement", "ann@out.example", "address-bounced") in staffed.suppressed()


def test_a_letter_to_a_technician_that_fails_is_an_event_and_no_further_letter(staffed: Desk) -> None:
    staffed.post(mail())
    staffed.send(lambda parcel: Result.FAILED if parcel.recipient == TINA.address else Result.SENT, "dot", "554 no")
    assert [one.verb for one in staffed.story().events] == ["open", "undelivered"]
    assert not [one for one in staffed.all_letters() if one.letter == "undeliverable"]


def test_a_fault_of_ours_over_one_failed_letter_does_not_keep_the_others_from_being_settled(
    staffed: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    staffed.post(mail())
    monkeypatch.setattr("mailgate.flow.delivery.decide", lambda *given: 1 / 0)
    staffed.send(lambda parcel: Result.FAILED if parcel.recipient == "ann@out.example" else Result.SENT)
    assert Counter(one.state for one in staffed.all_letters()) == {OutboxState.FAILED: 1, OutboxState.SENT: 1}
    assert "ZeroDivisionError" in caplog.text


# ------------------------------------------------------------------------------------------------------- days of silence


def test_with_the_relay_down_for_days_the_attempts_are_those_of_the_schedule(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """T11: relay down for five days, the clock of the test."""
    desk.write(2)
    start, tries = desk.now, []
    while desk.letter(1).state in outbox.WAITING and desk.now - start < timedelta(days=7):
        tries += [(one.row, desk.now - start) for one in desk.send(Result.RETRY, "connect", "connection refused")]
        due = [one.next_at for one in desk.all_letters() if one.state in outbox.WAITING]
        desk.now = max(desk.now + timedelta(seconds=30), min(due, default=desk.now))
    waits = [timedelta(minutes=minutes) for minutes in MINUTES]
    mine = [at for row, at in tries if row == 1]
    gaps = [later - sooner for sooner, later in pairwise(mine)]
    for number, gap in enumerate(gaps):
        planned = waits[min(number, len(waits) - 1)]
        # The breaker lets one letter probe a minute.
        assert planned <= gap <= planned + timedelta(minutes=2), (number, gap)
    assert retry.LIFETIME <= mine[-1] <= retry.LIFETIME + timedelta(hours=4, minutes=5)
    assert desk.letter(1).attempts == len(mine)
    assert (desk.letter(1).state, desk.letter(1).reason) == (OutboxState.FAILED, "retry at connect")
    assert caplog.text.count("alert code=letter-expired") == len([one for one in desk.all_letters() if one.state is OutboxState.FAILED])
    assert caplog.text.count("alert code=relay-unreachable") == 1


def test_after_the_silence_the_queue_drains_by_urgency_and_nothing_is_lost(staffed: Desk) -> None:
    staffed.post(mail("one"))
    staffed.post(mail("two", sender="bob@out.example"), sender="bob@out.example")
    staffed.post(reply(staffed.last("new_ticket", TINA.address), "Have you tried?", sender=TINA.address))
    staffed.now += timedelta(days=3)
    order = [one.letter for parcel in staffed.send() for one in [staffed.letter(parcel.row)]]
    assert order == ["reply", "new_ticket", "new_ticket", "acknowledgement", "acknowledgement"]
    assert {one.state for one in staffed.all_letters()} == {OutboxState.SENT}


def test_the_breaker_opens_probes_with_one_letter_a_minute_and_closes_on_an_answer(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.write(5)
    assert desk.delivery.ready() is False
    assert len(desk.send(Result.RETRY, "connect", "refused")) == 5
    assert not desk.delivery.ready()
    desk.now += timedelta(seconds=59)
    assert desk.send() == []
    desk.now += timedelta(seconds=1)
    assert len(desk.send(Result.RETRY, "connect", "refused")) == 1
    desk.now += timedelta(seconds=60)
    with caplog.at_level(logging.INFO):
        assert len(desk.send()) == 1
    assert desk.delivery.ready()
    assert "relay_recovered" in caplog.text
    assert len(desk.send()) == 3


def test_the_operator_hears_once_that_the_relay_is_away_and_again_the_next_time(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        desk.write()
        for _ in range(40):
            desk.send(Result.RETRY, "connect", "refused")
            desk.now += timedelta(minutes=1)
        desk.now += timedelta(hours=4)
        desk.send(Result.RETRY, "RCPT", "450 greylisted")
        assert not desk.delivery.breaker.open
        desk.now += timedelta(hours=4)
    assert caplog.text.count("alert code=relay-unreachable") == 2


def test_a_wrong_password_burns_no_letter_and_is_told_once(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.write(3)
    for _ in range(20):
        desk.send(Result.OURS, "AUTH", "535 authentication failed")
        desk.now += timedelta(minutes=2)
    assert {one.state for one in desk.all_letters()} == {OutboxState.DEFERRED}
    assert caplog.text.count("alert code=relay-refuses-us") == 1


# ------------------------------------------------------------------------------------------------------------- too big


@pytest.fixture
def heavy(staffed: Desk) -> Desk:
    """A letter with an attachment waits for Tina."""
    staffed.post(with_file(mail("See the file."), "report.pdf", b"%PDF" * 500))
    return staffed


def too_big(parcel: Parcel) -> Result:
    return Result.TOO_BIG if b"multipart/mixed" in parcel.octets else Result.SENT


def test_a_letter_that_is_too_big_goes_out_once_more_without_its_attachments(heavy: Desk) -> None:
    first = heavy.send(too_big, "dot", "552 5.3.4 too big")
    whole = next(one for one in first if one.recipient == TINA.address)
    assert (heavy.letter(whole.row).state, heavy.letter(whole.row).reason) == (OutboxState.FAILED, "too_big at dot")
    (slimmer,) = heavy.send(too_big)
    assert slimmer.recipient == TINA.address
    assert slimmer.message_id != whole.message_id
    found = Letter(heavy.letter(slimmer.row), slimmer.octets)
    assert found.files == {}
    assert "report.pdf" in found.text
    assert "See the file." in found.text
    assert f"<{slimmer.message_id}>" == found["Message-ID"]
    assert heavy.letter(slimmer.row).state is OutboxState.SENT
    assert [one.verb for one in heavy.story().events] == ["open"]


def test_an_answer_to_the_slim_letter_finds_its_ticket_by_the_message_id_alone(heavy: Desk) -> None:
    heavy.send(too_big)
    (slimmer,) = heavy.send(too_big)
    raw = mail("#take", sender=TINA.address, headers=f"In-Reply-To: <{slimmer.message_id}>", subject="nothing")
    assert heavy.post(raw, sender=TINA.address).ticket == 1


def test_a_letter_that_is_too_big_even_so_is_undelivered(heavy: Desk) -> None:
    heavy.send(lambda parcel: Result.TOO_BIG if parcel.recipient == TINA.address else Result.SENT)
    heavy.send(Result.TOO_BIG, "MAIL", "552 too big")
    assert [one.verb for one in heavy.story().events] == ["open", "undelivered"]
    assert heavy.send() == []


def test_a_letter_without_attachments_that_is_too_big_is_undelivered_at_once(desk: Desk) -> None:
    desk.write()
    desk.send(Result.TOO_BIG)
    assert [one.verb for one in desk.story().events] == ["open", "undelivered"]
    assert len(desk.all_letters()) == 1


# ------------------------------------------------------------------------------------------ what has lost its point


def resolved(office: Desk) -> None:
    office.post(mail())
    office.post(reply(office.last("new_ticket", TINA.address), "#take\n#resolve off and on", sender=TINA.address))
    office.send()


def test_a_reminder_that_waited_until_the_ticket_moved_on_is_cancelled(staffed: Desk) -> None:
    resolved(staffed)
    staffed.later(days=3)
    waiting = staffed.last("reminder").row
    staffed.post(reply(staffed.last("resolved"), "No, it still does not work"))
    assert waiting.id not in [one.row for one in staffed.send()]
    assert (staffed.letter(waiting.id).state, staffed.letter(waiting.id).reason) == (OutboxState.CANCELLED, "superseded")


def test_a_reminder_is_cancelled_also_where_the_ticket_came_back_to_the_same_status(staffed: Desk) -> None:
    resolved(staffed)
    staffed.later(days=3)
    waiting = staffed.last("reminder").row
    staffed.post(reply(staffed.last("resolved"), "No, it still does not work"))
    staffed.now += timedelta(minutes=5)
    staffed.post(reply(staffed.last("requester_replied", TINA.address), "#resolve now it does", sender=TINA.address))
    staffed.send()
    assert staffed.letter(waiting.id).state is OutboxState.CANCELLED


def test_a_reminder_that_still_has_a_point_goes_out(staffed: Desk) -> None:
    resolved(staffed)
    staffed.later(days=3)
    assert [staffed.letter(one.row).letter for one in staffed.send()] == ["reminder"]


def test_a_reader_who_has_left_the_desk_meanwhile_gets_nothing(staffed: Desk) -> None:
    staffed.change(people=PEOPLE)
    staffed.delivery = staffed.deliverer()
    staffed.post(mail())
    staffed.change(people=replace(PEOPLE, people=(TINA, OLGA)))
    staffed.delivery = staffed.deliverer()
    assert TOM.address not in [one.recipient for one in staffed.send()]
    (cancelled,) = [one for one in staffed.all_letters() if one.recipient == TOM.address]
    assert (cancelled.state, cancelled.reason) == (OutboxState.CANCELLED, "not-entitled")


def test_who_is_asked_for_an_approval_gets_his_letters_whether_or_not_people_toml_knows_him(staffed: Desk) -> None:
    boss, ann, security = Address("boss@out.example"), Address("ann@out.example"), Address("security@out.example")
    rule = Approval((Stage(("manager",)), Stage((security,))))
    staffed.change(people=replace(PEOPLE, people=(TINA, OLGA, Person(ann, "Ann Other", manager=boss))), policy=Policy(approvals=(rule,)))
    staffed.delivery = staffed.deliverer()
    staffed.post(mail())
    assert sorted(one.recipient for one in staffed.send()) == [ann, boss]
    staffed.post(reply(staffed.last("approval_request"), "approve", sender=boss))
    assert sorted(one.recipient for one in staffed.send()) == [boss, security]


def test_who_was_asked_as_an_approver_and_is_none_any_more_when_his_letter_is_due_gets_nothing(staffed: Desk) -> None:
    kai = Person(Address("kai@out.example"), "Kai Kunz", Role.APPROVER)
    policy = Policy(approvals=(Approval((Stage(("approver",)),)),))
    staffed.change(people=replace(PEOPLE, people=(TINA, OLGA, kai)), policy=policy)
    staffed.post(mail())
    staffed.change(people=replace(PEOPLE, people=(TINA, OLGA)))
    staffed.delivery = staffed.deliverer()
    assert kai.address not in [one.recipient for one in staffed.send()]


def test_a_copied_person_who_was_taken_off_the_ticket_meanwhile_gets_nothing(staffed: Desk) -> None:
    staffed.post(mail())
    staffed.send()
    with staffed.store.begin() as tx:
        before = tickets.get(tx, TicketId(1))
        assert before is not None
        carl = Participant(Address("carl@out.example"), "cc")
        joined = Event("cc", "tina", staffed.now, None, changes(participants=(*before.participants, carl)))
        tickets.save(tx, before, fold(before, (joined,)))
        tickets.record(tx, before.id, (joined,), "order", "join")
    staffed.post(reply(staffed.last("new_ticket", TINA.address), "Have you tried?", sender=TINA.address))
    with staffed.store.begin() as tx:
        after = tickets.get(tx, TicketId(1))
        assert after is not None
        left = Event("cc", "tina", staffed.now, None, changes(participants=before.participants))
        tickets.save(tx, after, fold(after, (left,)))
        tickets.record(tx, after.id, (left,), "order", "leave")
    assert "carl@out.example" not in [one.recipient for one in staffed.send()]
    assert staffed.last("reply", "carl@out.example").row.state == "cancelled"


# ----------------------------------------------------------------------------------------------------- holds and limits


def test_nothing_leaves_while_letters_are_on_hold(desk: Desk) -> None:
    desk.write()
    with desk.store.begin() as tx:
        facts.put(tx, facts.HOLD, "restored")
    assert desk.send() == []
    assert not desk.delivery.ready()
    assert desk.delivery.held == "restored"
    with desk.store.begin() as tx:
        facts.forget(tx, facts.HOLD)
    assert len(desk.send()) == 1
    assert desk.delivery.ready()


def test_nothing_is_sent_at_once_before_it_was_looked_for_a_hold(desk: Desk) -> None:
    """A daemon that starts on a restored database must not send what it writes in its first second."""
    assert not desk.delivery.ready()
    desk.delivery.claim()
    assert desk.delivery.ready()


@pytest.fixture
def limited(url: str, tmp_path: Path) -> Iterator[Desk]:
    office = Desk(
        tmp_path, url, people=Directory((replace(TINA, role=Role.MANAGER),)), policy=Policy(budgets=Budgets(instance_per_minute=10))
    )
    yield office
    assert office.violations() == []
    office.close()


def test_a_crowd_of_merely_claimed_addresses_is_answered_at_a_trickle_and_nobody_is_dropped(limited: Desk) -> None:
    limited.write(25)
    sent: list[int] = []
    for minute in range(4):
        while parcels := limited.send():
            sent += [minute] * len(parcels)
        limited.now += timedelta(seconds=61)
    assert Counter(sent) == {0: 10, 1: 10, 2: 5}
    assert {one.state for one in limited.all_letters()} == {OutboxState.SENT}


def test_a_clock_that_goes_back_does_not_stretch_the_limit_of_a_minute_to_a_day(limited: Desk) -> None:
    limited.write(12)
    while limited.send():
        pass
    assert not limited.delivery.ready()
    limited.now -= timedelta(days=1)
    assert limited.delivery.ready()


def test_the_limit_holds_up_nothing_but_letters_to_mere_claims(limited: Desk) -> None:
    limited.write(12)
    while limited.send():
        pass
    assert not limited.delivery.ready()
    limited.change(people=replace(PEOPLE, people=(TINA,)))
    limited.post(mail(sender="late@out.example"), sender="late@out.example")
    assert [one.recipient for one in limited.send()] == [TINA.address]
    limited.now += timedelta(seconds=61)
    assert limited.delivery.ready()
    assert len(limited.send()) == 3


def test_letters_that_the_worker_hands_over_at_once_count_against_the_limit(limited: Desk) -> None:
    limited.delivery.claim()
    worker = replace(limited.worker, may_send=limited.delivery.ready)
    handed = 0
    for number in range(14):
        limited.receive(mail(sender=f"p{number}@out.example"), sender=f"p{number}@out.example")
        handed += len(limited.delivery.parcels(worker.run()[1]))
    assert handed == 10
    assert limited.send() == []
    limited.now += timedelta(seconds=61)
    assert len(limited.send()) == 4


# ------------------------------------------------------------------------------------------------------- two processes


@pytest.mark.postgres
def test_two_gateways_share_the_outbox_and_send_each_letter_once(desk: Desk) -> None:
    desk.write(30)
    gateways = [desk.deliverer("one"), desk.deliverer("two")]
    sent: Counter[int] = Counter()
    for _ in range(10):
        claimed = [(gateway, gateway.claim()) for gateway in gateways]
        for gateway, parcels in claimed:
            gateway.settle([Outcome(one.row, one.attempt, Result.SENT, "dot", "250") for one in parcels])
            sent.update(one.row for one in parcels)
    assert sent == dict.fromkeys(range(1, 31), 1)
