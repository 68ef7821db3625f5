"""What happens to tickets when time itself is wrong? A clock that jumps, a laptop that sleeps, a backup that is put back.

Nobody is closed unwarned, nobody is written to twice, nobody's mail waits; and when the clock is right again, everything goes on.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from mailgate.desk.model import Directory
from mailgate.desk.plans import Calendar, Interval, Sla
from mailgate.desk.policy import Policy
from mailgate.flow import operate
from mailgate.store.keeping import copy
from tests.kit.machine import Machine
from tests.kit.office import OLGA, PEOPLE, TINA, Office, mail, reply

ANN, BOB = "ann@out.example", "bob@out.example"
# What Ann writes first, and what she answers when it was not solved after all.
WORDS = {
    "en": ("The printer is dead, please help me with it.", "It is broken again, it does not print."),
    "de": ("Der Drucker ist kaputt, bitte helfen Sie mir.", "Er ist leider schon wieder kaputt und druckt nicht."),
}


@pytest.fixture(params=["en", "de"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# Nine to five from Monday to Friday, in Berlin; an answer within four hours, a solution within two days.
_DAY = (Interval(timedelta(hours=9), timedelta(hours=17)),)
_TARGETS = (("first_response", timedelta(hours=4)), ("next_response", timedelta(hours=4)), ("resolution", timedelta(hours=16)))
PROMISES = Policy(
    calendars=(Calendar("office", "Europe/Berlin", (*([_DAY] * 5), (), ())),),
    slas=(Sla("standard", calendar="office", targets=_TARGETS, warn=(50, 80)),),
)


@pytest.fixture
def machine(office: Office, language: str) -> Machine:
    """The desk, with a ticket of Ann's that Tina has solved. She was reminded and warned: tomorrow it will be closed."""
    return solved(office, language)


def solved(office: Office, language: str) -> Machine:
    """See `machine`."""
    office.post(mail(WORDS[language][0], subject="Drucker" if language == "de" else "Printer", headers=f"Content-Language: {language}"))
    office.post(reply(office.last("new_ticket", TINA.address), "#resolve New toner.", name="Tina"))
    office.later(days=3)
    office.later(days=3)
    assert ("Anfrage" in office.last("closing_soon").text) == (language == "de")
    office.letters()
    return Machine(office)


def told(office: Office) -> list[tuple[str, str]]:
    """Which letters about tickets were written since this was asked last, to whom."""
    return [(one.name, one.to) for one in office.letters() if one.name != "clock"]


def test_a_clock_that_jumps_ahead_by_a_day_closes_nobody(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    office = machine.office
    machine.jump(days=1)
    machine.live(minutes=5)
    # By that clock the ticket should have been closed. Nothing happens, and whoever looks after the machine is told.
    assert told(office) == []
    assert office.ticket().status == "Waiting for Closure"
    assert "the clock jumped ahead by 1 day" in caplog.text
    # Mail is taken in, made a ticket of and answered as ever.
    office.post(mail("My screen stays dark.", sender=BOB, name="Bob", subject="Screen"))
    assert ("acknowledgement", BOB) in told(office)
    # The clock is set right; ten minutes later it is believed again, and Ann's day ends when it ends.
    machine.jump(days=-1)
    machine.live(hours=23, minutes=52)
    assert told(office) == []
    machine.live(minutes=10)
    assert told(office) == [("closed", ANN)]


def test_whoever_answers_while_the_clock_is_wrong_is_heard(machine: Machine, language: str) -> None:
    office = machine.office
    letter = office.last("closing_soon")
    machine.jump(days=1)
    machine.live(minutes=8)
    office.post(reply(letter, WORDS[language][1]))
    assert office.ticket().status == "Analysis"
    machine.live(hours=1)
    assert "closed" not in [name for name, _ in told(office)]


def test_a_clock_that_was_a_day_late_and_is_set_right_for_good_goes_on_after_ten_minutes(machine: Machine) -> None:
    office = machine.office
    machine.jump(days=1)
    machine.live(minutes=8)
    assert told(office) == []
    machine.live(minutes=4)
    assert told(office) == [("closed", ANN)]


@pytest.mark.parametrize("hours", [1, 24])
def test_a_clock_that_goes_back_repeats_nothing_and_forgets_nothing(machine: Machine, hours: int, caplog: pytest.LogCaptureFixture) -> None:
    office = machine.office
    machine.jump(hours=-hours)
    machine.live(minutes=30)
    assert told(office) == []
    assert "the clock went back by" in caplog.text
    machine.live(hours=24 + hours)
    assert told(office) == [("closed", ANN)]
    assert sorted(one.verb for one in office.story().events if one.cause.startswith("timer")) == ["close", "remind", "warn"]


def test_a_clock_that_comes_and_goes_closes_nobody_however_often(machine: Machine) -> None:
    office = machine.office
    for _ in range(20):
        machine.jump(days=2)
        machine.live(minutes=6)
        machine.jump(days=-2)
        machine.live(minutes=6)
    assert told(office) == []
    machine.live(minutes=12)
    assert told(office) == []
    machine.live(days=1)
    assert told(office) == [("closed", ANN)]


def test_after_a_jump_of_a_year_nobody_is_closed_but_all_are_reminded_and_warned_first(office: Office) -> None:
    machine = Machine(office)
    for number in range(10):
        who = f"p{number}@out.example"
        office.post(mail(f"Number {number} does not print.", sender=who, name="P", subject=f"Printer {number}"))
        office.order(number + 1, "#resolve New toner.")
    office.letters()
    machine.jump(days=365)
    machine.live(minutes=9)
    assert told(office) == []
    # It stays like this, so that is what the year is. Everybody's ladder goes on where it was, with its gaps.
    machine.live(hours=1)
    assert {name for name, _ in told(office)} == {"reminder"}
    machine.live(days=3)
    assert {name for name, _ in told(office)} == {"closing_soon"}
    assert {office.ticket(number + 1).status for number in range(10)} == {"Waiting for Closure"}


@pytest.mark.parametrize("boots", [False, True])
def test_a_laptop_that_slept_over_the_end_reads_its_mail_first(machine: Machine, language: str, boots: bool) -> None:
    office = machine.office
    letter = office.last("closing_soon")
    machine.away(hours=30)
    if boots:
        machine.start(boots=True)
    machine.live(minutes=3)
    # What came meanwhile is fetched now: the ticket was to be closed hours ago, and is not closed before Ann is read.
    office.post(reply(letter, WORDS[language][1]))
    assert office.ticket().status == "Analysis"
    machine.live(hours=2)
    assert office.ticket().closed is None


def test_a_laptop_that_slept_and_got_no_answer_closes_once(machine: Machine) -> None:
    office = machine.office
    machine.away(hours=30)
    machine.live(hours=2)
    assert told(office) == [("closed", ANN)]


def test_a_loop_that_was_blocked_for_a_while_misses_nothing(machine: Machine) -> None:
    office = machine.office
    machine.live(hours=23, minutes=58)
    machine.away(minutes=4)
    machine.tick()
    assert told(office) == [("closed", ANN)]


def test_the_owner_hears_by_mail_of_a_clock_that_is_wrong_and_when_it_is_right_again(
    open_office: Callable[..., Office], language: str
) -> None:
    office = open_office(people=Directory((TINA, replace(OLGA, language=language)), PEOPLE.teams))
    machine = Machine(office)
    machine.jump(days=1)
    machine.live(minutes=8)
    (letter,) = office.letters()
    assert (letter.name, letter.to) == ("clock", OLGA.address)
    assert ("jumped ahead" if language == "en" else "vorgesprungen") in letter.text
    assert "mailgate resume" in letter.text
    # It is set back: that is the same trouble, and not told again. Its end is.
    machine.jump(days=-1)
    machine.live(minutes=9)
    assert office.letters() == []
    machine.live(minutes=3)
    (letter,) = office.letters()
    assert ("believed again" if language == "en" else "wird wieder geglaubt") in letter.text
    # A clock that comes and goes all day does not write all day.
    for _ in range(10):
        machine.jump(days=1)
        machine.live(minutes=14)
    assert [one.name for one in office.letters()] == ["clock"] * 4


def test_the_operator_has_timers_go_on_at_once(machine: Machine) -> None:
    office = machine.office
    machine.jump(days=1)
    machine.tick()
    assert told(office) == []
    (reason,) = operate.resume(office.store)
    assert reason.startswith("the clock jumped ahead by 1 day, 0:00:00")
    machine.tick()
    assert told(office) == [("closed", ANN)]
    # From here on it is judged as before.
    machine.jump(days=-1)
    machine.tick()
    assert machine.sanity.now() is None


def test_a_backup_that_is_put_back_does_nothing_until_the_operator_says_so(machine: Machine, open_office: Callable[..., Office]) -> None:
    old = machine.office
    letter = old.last("closing_soon")
    copy(old.store, old.folder / "copy.db", old.now)
    machine.live(hours=25)
    assert told(old) == [("closed", ANN)]

    shutil.copy(old.folder / "copy.db", old.folder / "restored.db")
    office = open_office(url=f"sqlite:///{old.folder / 'restored.db'}", now=old.now + timedelta(hours=1))
    restored = Machine(office)
    restored.live(hours=30)
    assert [name for name, _ in told(office)].count("closed") == 0
    # Mail is a mail all the same: whoever answers meanwhile is heard.
    office.post(mail("My screen stays dark.", sender=BOB, name="Bob", subject="Screen"))
    office.post(reply(letter, "accept"))
    assert office.ticket().closed is not None
    office.letters()
    assert operate.resume(office.store)[0].startswith("restored from the backup of")
    restored.live(hours=1)
    assert "closed" not in [name for name, _ in told(office)]


def test_a_life_through_clocks_that_go_wrong_is_told_in_order_and_adds_up(open_office: Callable[..., Office], language: str) -> None:
    """Each word of the story is there once, whatever the clock said when it was written; and so it is with what was promised."""
    office = open_office(policy=PROMISES)
    machine = solved(office, language)
    machine.jump(days=300)
    machine.live(minutes=5)
    office.post(reply(office.last("resolved"), WORDS[language][1]))
    machine.jump(days=-301)
    machine.live(minutes=5)
    office.post(reply(office.last("requester_replied"), "#pending Which floor?", name="Tina"))
    machine.live(hours=1)
    office.post(reply(office.last("question"), "3"))
    machine.start(boots=True)
    office.post(reply(office.last("requester_replied"), "#resolve A new drum.", name="Tina"))
    machine.live(days=7)
    assert told(office)[-1] == ("closed", ANN)
    # What lasted from next year until now has taken no time.
    assert {one.spent for one in office.ticket().clocks} == {timedelta()}
    verbs = [one.verb for one in office.story().events]
    first = ["open", "resolve", "remind", "warn", "reopen", "pending", "resume"]
    assert [one for one in verbs if one in (*first, "close")] == [*first, "resolve", "remind", "warn", "close"]
