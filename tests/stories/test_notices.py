"""Who hears of promises in danger, and when? Nobody at night who is not on call, nobody five hundred times, nobody of what has passed."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from mailgate.desk import sla
from mailgate.desk.clock import BREACH, Step
from mailgate.desk.clocks import ticking
from mailgate.desk.events import Event, born, changes, fold
from mailgate.desk.model import Address, Directory, Participant, Priority, Status, TicketId
from mailgate.desk.plans import ALL_DAY, Escalation, Interval, Rung, Sla, When
from mailgate.desk.policy import Budgets, Policy, Quiet, Retention
from mailgate.flow import operate
from mailgate.flow.timers import Timekeeper
from mailgate.store import facts, keeping, schema, tickets, timers
from mailgate.store.engine import Unavailable
from tests.kit.office import DESK, MAX, OLGA, PEOPLE, TINA, TOM, Letter, Office, mail
from tests.kit.statements import watched
from tests.kit.together import at_once

NIGHT = Quiet(hours=((Interval(timedelta(0), timedelta(hours=7)), Interval(timedelta(hours=20), ALL_DAY.closes)),) * 7)
LADDER = (Rung(BREACH, ("technician",)), Rung(Step(100, timedelta(hours=2)), ("manager",)))


def promised(hours: float, *, quiet: Quiet = NIGHT, on_call: bool = False, warn: tuple[int, ...] = (), **others: object) -> Policy:
    """A solution within so many hours, around the clock; the technician hears of the breach, and his manager two hours later."""
    sla = Sla("Standard", targets=(("resolution", timedelta(hours=hours)),), warn=warn)
    return Policy(slas=(sla,), escalations=(Escalation(steps=LADDER, quiet=not on_call),), quiet=quiet, **others)  # type: ignore[arg-type]


def told(office: Office) -> list[tuple[str, str]]:
    """The letters of clocks since this was asked last: which, to whom."""
    return [(one.name, one.to.partition("@")[0]) for one in office.letters() if one.name in ("sla_warning", "sla_breach", "overdue")]


def taken(office: Office, count: int = 1) -> None:
    """So many new tickets, which are Tina's."""
    for number in range(count):
        office.post(mail(sender=f"p{number}@out.example", name=f"P{number}", subject=f"Printer {number}"))
        office.order(office.count(), "#take")
    office.letters()


def text(letter: Letter) -> str:
    """Its text part, with the line ends of this file."""
    return letter.text.replace("\r\n", "\n")


def states(office: Office) -> list[tuple[str, str]]:
    """Every notice, in order: its state, and why it is moot."""
    with office.store.look() as tx:
        rows = tx.execute(schema.notices.select().order_by(schema.notices.c.id)).all()
    return [(one.state, one.reason) for one in rows]


def at(hour: int, minute: int = 0, day: int = 2) -> datetime:
    """A time of that Monday, or of a later day of the month."""
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def until(office: Office, moment: datetime) -> None:
    """Time goes by until then."""
    office.later(seconds=(moment - office.now).total_seconds())


# ----------------------------------------------------------------------------------------------------------------- the night


def test_what_is_due_at_night_is_recorded_then_and_told_in_the_morning(either_office: Office) -> None:
    office = either_office
    office.change(policy=promised(14))
    taken(office)
    until(office, at(23))
    (breach,) = [one for one in office.story().events if one.verb == "breach"]
    assert (breach.at, told(office)) == (at(23), [])
    assert [(one.person, one.until) for one in office.story().waiting] == [(TINA.address, at(7, day=3))]
    until(office, at(6, 59, day=3))
    assert told(office) == []
    until(office, at(7, day=3))
    # The manager's rung was at one in the morning; he hears of it with her.
    letters = {one.to: one for one in office.letters()}
    assert {to: one.name for to, one in letters.items()} == {TINA.address: "sla_breach", MAX.address: "sla_breach"}
    assert "MG-1: Solution was due 2 March 2026, 23:00 UTC." in text(letters[TINA.address])
    assert "Promised within 14 hours; 8 hours over." in text(letters[TINA.address])
    assert {office.story().why(one) for one in office.story().letters if one.letter == "sla_breach"} == {"breach", "sla"}
    until(office, at(12, day=3))
    assert told(office) == []


def test_by_day_nobody_waits(office: Office) -> None:
    office.change(policy=promised(4))
    taken(office)
    until(office, at(13))
    assert told(office) == [("sla_breach", "tina")]


def test_a_german_reads_it_in_german_and_in_his_own_time(office: Office) -> None:
    tina = replace(TINA, language="de", timezone="Europe/Berlin")
    office.change(people=Directory((tina, TOM, OLGA, MAX), PEOPLE.teams), policy=promised(1.5, warn=(50,)))
    taken(office)
    until(office, at(9, 45))
    until(office, at(10, 31))
    warning, breach = office.letters()
    assert "MG-1: Lösung fällig am 2. März 2026, 11:30 Uhr MEZ.\nNoch 45 Minuten von 1 Stunde 30 Minuten.\n" in text(warning)
    assert "MG-1: Lösung war fällig am 2. März 2026, 11:30 Uhr MEZ.\n" in text(breach)
    assert "\nZugesagt binnen 1 Stunde 30 Minuten; 1 Minute darüber.\n" in text(breach)


def test_whoever_is_on_call_is_told_at_night(either_office: Office) -> None:
    office = either_office
    office.change(policy=promised(14, on_call=True))
    taken(office)
    until(office, at(23))
    assert told(office) == [("sla_breach", "tina")]
    until(office, at(1, day=3))
    assert told(office) == [("sla_breach", "max")]


def test_one_ladder_may_wake_people_and_another_may_not(office: Office) -> None:
    wakes = Escalation(When(priority=(Priority.P1,)), LADDER, quiet=False)
    policy = promised(14)
    office.change(policy=replace(policy, escalations=(wakes, *policy.escalations)))
    taken(office, 2)
    office.order(2, "#priority P1")
    until(office, at(23))
    assert [letter.subject for letter in office.letters()] == ["[MG-2] Printer 1"]


def test_the_night_is_that_of_the_policys_zone_and_else_of_the_desks(office: Office) -> None:
    """In Berlin it is quiet from 19:00 UTC on, and no more at 06:00 UTC."""
    office.change(policy=promised(10.5), desk=replace(DESK, timezone="Europe/Berlin"))
    taken(office)
    until(office, at(19, 30))
    assert told(office) == []
    until(office, at(6, day=3))
    assert ("sla_breach", "tina") in told(office)
    other = promised(10.5, quiet=replace(NIGHT, timezone="America/New_York"))
    office.change(policy=other)
    assert other.quiet.timezone == "America/New_York"
    office.now = at(9, day=4)
    taken(office)
    until(office, at(19, 30, day=4))
    assert ("sla_breach", "tina") in told(office)


def test_the_requester_hears_at_once_that_it_takes_longer_if_policy_says_so(office: Office) -> None:
    """A promise to him that slips is his business at the moment at which it slips, whenever his desk sleeps."""
    policy = promised(14)
    both = Escalation(steps=(Rung(BREACH, ("technician", "requester")),))
    office.change(policy=replace(policy, escalations=(both,)))
    taken(office)
    until(office, at(23))
    (delayed,) = office.letters()
    assert (delayed.name, delayed.to) == ("delayed", "p0@out.example")
    assert "takes longer than we said" in delayed.text
    office.change(policy=policy)
    taken(office)
    until(office, at(14, day=3))
    assert "delayed" not in [one.name for one in office.letters()]


# -------------------------------------------------------------------------------------------------------- what has passed by


def test_what_was_solved_before_the_morning_is_told_to_nobody(either_office: Office) -> None:
    office = either_office
    office.change(policy=promised(14))
    taken(office)
    until(office, at(23))
    office.order(1, "#resolve It was the cable.")
    until(office, at(8, day=3))
    assert (told(office), states(office)) == ([], [("moot", "ended")])


def test_what_waits_for_the_requester_by_the_morning_is_told_to_nobody(office: Office) -> None:
    office.change(policy=promised(14, warn=(90,)))
    taken(office)
    until(office, at(22))
    office.order(1, "#pending Which floor?")
    until(office, at(8, day=3))
    assert (told(office), states(office)) == ([], [("moot", "paused")])


def test_a_ticket_that_has_more_time_by_the_morning_is_told_to_nobody(office: Office) -> None:
    policy = promised(14)
    slow = Sla("Slow", When(priority=(Priority.P4,)), targets=(("resolution", timedelta(days=5)),))
    office.change(policy=replace(policy, slas=(slow, *policy.slas)))
    taken(office)
    until(office, at(23))
    office.order(1, "#priority P4")
    until(office, at(8, day=3))
    assert (told(office), states(office)) == ([], [("moot", "later")])


def test_the_newest_step_of_a_clock_is_told_and_those_before_it_are_not(either_office: Office) -> None:
    """At 80 % and again at the breach Tina was to hear; Max only at the end, of where the clock stands then."""
    office = either_office
    office.change(policy=promised(14, warn=(80,)))
    taken(office)
    for hour in (20, 21, 22, 23):
        until(office, at(hour, 30))
    until(office, at(6, day=3))
    assert states(office) == [("moot", "newer"), ("waiting", ""), ("waiting", "")]
    until(office, at(7, day=3))
    assert told(office) == [("sla_breach", "tina"), ("sla_breach", "max")]


def test_a_warning_that_waited_longer_than_its_promise_tells_of_the_breach(office: Office) -> None:
    """Tina is named for the warning, Max for the breach: in the morning both hear how it is, and not how it was."""
    policy = promised(14)
    rungs = (Rung(Step(80), ("technician",)), Rung(BREACH, ("manager",)))
    office.change(policy=replace(policy, escalations=(Escalation(steps=rungs),)))
    taken(office)
    for hour in (20, 21, 23):
        until(office, at(hour, 30))
    until(office, at(7, day=3))
    assert told(office) == [("sla_breach", "tina"), ("sla_breach", "max")]


def test_after_downtime_one_letter_tells_each_where_the_clock_stands(office: Office) -> None:
    office.change(policy=promised(4, warn=(50, 80)))
    taken(office)
    office.now = at(19)
    office.later(seconds=1)
    assert told(office) == [("sla_breach", "tina"), ("sla_breach", "max")]
    office.now = at(19, day=5)
    office.later(seconds=1)
    assert told(office) == []


# ------------------------------------------------------------------------------------------------------------------- storms


def storm(office: Office, count: int, *, subject: str = "Printer {}", confidential: bool = False, to: Address = TINA.address) -> None:
    """So many tickets of one technician whose promise ends at the same moment, written down at once."""
    rules = office.house.rules(DESK.name, office.people)
    with office.store.begin() as tx:
        for number in range(count):
            who = Address(f"p{number}@out.example")
            people = (Participant(who, "requester"), Participant(to, "assignee"))
            opening = Event("open", who, office.now, None, changes(
                desk=DESK.name, subject=subject.format(number), requester=who, participants=people, assignee=to, team="first",
                status=Status.ANALYSIS, confidential=confidential,
            ))  # fmt: skip
            ticket = born(TicketId(0), opening)
            opening = replace(opening, changes=(*opening.changes, *changes(clocks=tuple(ticking(ticket, rules, office.now)))))
            ticket = tickets.open_new(tx, fold(born(TicketId(0), opening), ()))
            tickets.record(tx, ticket.id, (opening,), "order", f"made {office.now} {to} {number}")
            timers.rewrite(tx, ticket.id, sla.plan(ticket, rules), ticket.version, office.now)


def test_five_hundred_tickets_overdue_at_once_are_one_letter_to_each_person(either_office: Office) -> None:
    office = either_office
    office.change(policy=promised(4))
    storm(office, 500)
    until(office, at(13))
    (digest,) = office.letters()
    assert (digest.name, digest.to, digest.subject) == ("overdue", TINA.address, "500 tickets are overdue")
    assert "  MG-1  P3  Printer 0\n      solution was due 2 March 2026, 13:00 UTC\n      <mailto:desk+t.1." in text(digest)
    assert "And 450 more: MG-51, MG-52" in text(digest)
    assert "MG-500" in text(digest)
    assert digest.html.count("mailto:") == 50
    # What follows two hours later is one letter to the manager.
    until(office, at(15))
    assert told(office) == [("overdue", "max")]
    assert Counter(states(office)) == {("told", ""): 1000}
    assert sum(1 for one in everything(office) if one.verb == "breach") == 500


def everything(office: Office) -> list[SimpleNamespace]:
    """Every event of every ticket."""
    with office.store.look() as tx:
        return [SimpleNamespace(verb=row.verb) for row in tx.execute(schema.events.select())]


def test_a_few_at_once_come_singly_and_each_on_its_ticket(office: Office) -> None:
    office.change(policy=promised(4))
    storm(office, 3)
    until(office, at(13))
    letters = office.letters()
    assert [one.subject for one in letters] == ["[MG-1] Printer 0", "[MG-2] Printer 1", "[MG-3] Printer 2"]
    assert {one.name for one in letters} == {"sla_breach"}
    assert all("+t." in one.reply_to for one in letters)


def test_a_night_with_much_to_tell_is_one_letter_in_the_morning(either_office: Office) -> None:
    office = either_office
    office.change(policy=promised(14, warn=(75,)))
    storm(office, 4)
    office.now += timedelta(hours=3)
    storm(office, 2)
    until(office, at(7, day=3))
    digests = {one.to: one for one in office.letters()}
    assert {to: one.name for to, one in digests.items()} == {TINA.address: "overdue", MAX.address: "overdue"}
    assert digests[TINA.address].subject == "6 tickets are overdue"


def test_the_digest_sorts_by_urgency_and_says_what_is_due_yet(office: Office) -> None:
    office.change(policy=promised(4, warn=(50,)))
    storm(office, 2, subject="Old {}")
    office.now += timedelta(hours=2)
    storm(office, 2, subject="New {}")
    office.order(4, "#priority P1")
    office.letters()
    office.now = at(13)
    office.later(seconds=0)
    digest = office.last("overdue")
    assert digest.subject == "2 tickets are overdue, 2 are due soon"
    order = [text(digest).index(subject) for subject in ("New 1", "Old 0", "Old 1", "New 0")]
    assert order == sorted(order)
    assert "P1  New 1\n      solution due 2 March 2026, 15:00 UTC" in text(digest)


def test_of_a_confidential_ticket_the_digest_tells_the_number_alone(office: Office) -> None:
    office.change(policy=promised(4))
    storm(office, 5, subject="Salary of {}", confidential=True)
    until(office, at(13))
    (digest,) = office.letters()
    assert "Salary" not in digest.subject + text(digest) + digest.html
    assert "MG-3  P3  Confidential request" in text(digest)


def test_a_german_gets_the_digest_in_german(office: Office) -> None:
    office.change(people=Directory((replace(TINA, language="de"), TOM, OLGA, MAX), PEOPLE.teams), policy=promised(4))
    storm(office, 5)
    until(office, at(13))
    (digest,) = office.letters()
    assert digest.subject == "5 Tickets sind überfällig"
    assert "Lösung war fällig am 2. März 2026, 13:00 Uhr UTC" in text(digest)


def test_each_ticket_of_a_digest_can_be_answered_from_it(office: Office) -> None:
    office.change(policy=promised(4))
    storm(office, 5)
    until(office, at(13))
    (digest,) = office.letters()
    to = office.signed(3, TINA.address)
    assert f"<mailto:{to}?subject=%5BMG-3%5D>" in text(digest)
    office.post(mail("#resolve It was the cable.", sender=TINA.address, to=to, subject="[MG-3]"))
    assert office.ticket(3).status == Status.WAITING_FOR_CLOSURE


def test_the_storm_of_one_is_no_concern_of_another(office: Office) -> None:
    office.change(policy=promised(4))
    storm(office, 6)
    storm(office, 1, to=TOM.address)
    until(office, at(13))
    assert sorted(told(office)) == [("overdue", "tina"), ("sla_breach", "tom")]


# -------------------------------------------------------------------------------------------------------------- staff_per_hour


def test_whoever_had_his_share_of_letters_waits_until_the_hour_is_over_and_gets_one(either_office: Office) -> None:
    office = either_office
    office.change(policy=promised(4, budgets=Budgets(staff_per_hour=5)))
    for minute in range(0, 50, 5):
        storm(office, 1)
        office.now = at(9, minute + 5)
    for minute in range(0, 50, 5):
        until(office, at(13, minute))
    assert told(office) == [("sla_breach", "tina")] * 5
    until(office, at(13, 59))
    assert told(office) == []
    until(office, at(14))
    assert told(office) == [("overdue", "tina")]
    assert Counter(states(office)) == {("told", ""): 10}


def test_an_hour_that_ends_at_night_is_over_in_the_morning(office: Office) -> None:
    office.change(policy=promised(10.25, budgets=Budgets(staff_per_hour=1)))
    storm(office, 1)
    office.now = at(9, 5)
    storm(office, 2)
    until(office, at(19, 15))
    assert told(office) == [("sla_breach", "tina")]
    for moment in (at(19, 20), at(20, 15), at(23)):
        until(office, moment)
    assert told(office) == []
    until(office, at(7, day=3))
    assert ("overdue", "tina") in told(office)


def test_who_is_not_in_people_toml_has_the_budget_of_strangers(office: Office) -> None:
    policy = promised(4, budgets=Budgets(staff_per_hour=1, letters_per_day=2))
    outside = Escalation(steps=(Rung(BREACH, ("pager@out.example",)),))
    office.change(policy=replace(policy, escalations=(outside,)))
    storm(office, 3)
    until(office, at(13))
    assert told(office) == [("sla_breach", "pager")] * 2
    assert office.suppressed() == [("sla_breach", "pager@out.example", "budget-letters-a-day")]


# -------------------------------------------------------------------------------------------------------- once, whatever happens


@pytest.mark.postgres
def test_two_timekeepers_tell_each_person_of_a_storm_once(either_office: Office) -> None:
    office = either_office
    office.change(policy=promised(4))
    storm(office, 120)
    storm(office, 120, to=TOM.address)
    office.now = at(13)

    def keep() -> None:
        keeper = Timekeeper(office.store, office.house, lambda: office.now)
        while keeper.tick() or any(state == "waiting" for state, _ in states(office)):
            pass

    at_once(keep)
    assert sorted(told(office)) == [("overdue", "tina"), ("overdue", "tom")]
    assert Counter(states(office)) == {("told", ""): 240}


@pytest.mark.parametrize("point", ["CP35-due", "CP20-before-letters", "CP36-fired"])
def test_a_notice_whose_commit_fails_waits_as_before_and_is_told_once(office: Office, monkeypatch: pytest.MonkeyPatch, point: str) -> None:
    office.change(policy=promised(14))
    storm(office, 5)
    until(office, at(23))

    def away(name: str) -> None:
        if name == point:
            raise Unavailable("the server closed the connection")

    office.now = at(7, day=3)
    with monkeypatch.context() as patch:
        patch.setattr("mailgate.flow.timers.crash_point", away)
        patch.setattr("mailgate.flow.effect.crash_point", away)
        with pytest.raises(Unavailable):
            office.keeper.tick()
    office.later(seconds=1)
    assert sorted(told(office)) == [("overdue", "max"), ("overdue", "tina")]


def test_a_notice_that_fails_by_a_fault_of_ours_holds_up_no_other(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    office.change(policy=promised(4))
    storm(office, 4)
    storm(office, 1, to=TOM.address)
    with monkeypatch.context() as patch:
        patch.setattr("mailgate.flow.sight._late", lambda *_: 1 / 0)
        until(office, at(13))
    assert told(office) == [("sla_breach", "tom")]
    assert "ZeroDivisionError" in caplog.text
    until(office, at(13, 4))
    assert told(office) == []
    until(office, at(13, 5))
    assert told(office) == [("overdue", "tina")]


def test_what_is_held_after_a_restore_is_told_to_nobody_until_it_is_resumed(office: Office) -> None:
    office.change(policy=promised(14))
    taken(office)
    until(office, at(23))
    with office.store.begin() as tx:
        facts.put(tx, facts.HOLD, "restored")
    until(office, at(9, day=3))
    assert told(office) == []
    operate.resume(office.store)
    office.later(seconds=1)
    assert ("sla_breach", "tina") in told(office)


def test_a_tick_with_nothing_due_is_one_look_however_much_waits(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.change(policy=promised(14))
    storm(office, 30)
    until(office, at(23))
    ran = watched(office.store, monkeypatch)
    office.keeper.tick()
    assert not [one for one, _ in ran if one.startswith(("BEGIN IMMEDIATE", "UPDATE", "INSERT"))]
    assert sum("FROM notices" in one for one, _ in ran) == 1


# ------------------------------------------------------------------------------------------------------------- what is kept


def test_erasing_somebody_takes_what_he_was_to_be_told(office: Office) -> None:
    office.change(policy=promised(14))
    storm(office, 4, subject="Of Ann {}")
    until(office, at(7, day=3))
    assert "Of Ann 2" in office.last("overdue").text
    with office.store.begin() as tx:
        tx.execute(schema.outbox.update().values(state="sent", finished_at=office.now))
    taken(office)
    office.now = at(23, day=3)
    keeping.erase(office.store, Address("p2@out.example"), office.now)
    assert office.last("overdue").octets == b""
    until(office, at(23, 30, day=3))
    keeping.erase(office.store, TINA.address, office.now)
    assert ("moot", "erased") in states(office)
    with office.store.look() as tx:
        assert TINA.address not in {row.person for row in tx.execute(schema.notices.select())}


def test_of_tickets_that_policy_removes_no_notice_knows_a_person_and_no_digest_a_word(either_office: Office) -> None:
    office = either_office
    office.change(policy=promised(4, retention=Retention(tickets=timedelta(days=30))))
    storm(office, 5, subject="Of Ann {}")
    until(office, at(13))
    assert "Of Ann 2" in office.last("overdue").text
    for number in range(1, 6):
        office.order(number, "#resolve It was the cable.")
    with office.store.begin() as tx:
        tx.execute(schema.outbox.update().values(state="sent", finished_at=office.now))
    for _ in range(60):
        office.later(days=1)
    assert office.ticket(3).subject == "(removed)"
    assert office.last("overdue").octets == b""
    with office.store.look() as tx:
        assert {row.person.partition("@")[2] for row in tx.execute(schema.notices.select())} == {"removed.invalid"}
