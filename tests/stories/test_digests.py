"""What does somebody who works here read in the morning, and who leads a team, and who answers for the desk once a week?"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from email.header import decode_header, make_header
from urllib.parse import unquote

import pytest
from msgspec.structs import replace

from mailgate.desk.model import Address, Directory, Person, Role, Team
from mailgate.desk.plans import ROUND_THE_CLOCK, Calendar, Interval, Sla
from mailgate.desk.policy import Desk, Digests, Policy, Retention
from mailgate.desk.report import Period, reported
from mailgate.flow.delivery import Delivery, Outcome, Result
from mailgate.flow.timers import Timekeeper
from mailgate.store import facts, keeping, people
from mailgate.store.figures import handled, touched
from tests.kit.office import DESK, MAX, OLGA, PEOPLE, TINA, TOM, Letter, Office, mail, reply
from tests.kit.together import at_once

DAILY = Policy(digests=Digests(daily=time(7, 30)))
WEEKLY = Policy(digests=Digests(weekly=(0, time(7, 30))))
ANN = "ann@out.example"


def but(**parts: object) -> Directory:
    """The usual people, Tina being somewhat otherwise."""
    return replace(PEOPLE, people=tuple(replace(one, **parts) if one is TINA else one for one in PEOPLE.people))  # type: ignore[arg-type]


@pytest.fixture
def daily(open_office: Callable[..., Office]) -> Office:
    """A desk whose people read at half past seven how things stand."""
    return open_office(policy=DAILY)


def opened(office: Office, *orders: str, subject: str = "Printer is dead", headers: str = "") -> int:
    """A new ticket, and what Tina orders about it from the shell; its number."""
    office.post(mail(f"About: {subject}", subject=subject, headers=headers), sender=ANN)
    number = office.count()
    for order in orders:
        office.order(number, order)
    # The daemon runs.
    office.later()
    office.letters()
    return number


def until(office: Office, day: date, clock: time = time(7, 30)) -> list[Letter]:
    """Time goes by until then, UTC; the digests and reports of that time."""
    office.letters()
    office.later(seconds=(datetime.combine(day, clock, UTC) - office.now).total_seconds())
    return [one for one in office.letters() if one.name in ("digest", "report")]


def mornings(office: Office, days: int) -> list[tuple[str, str]]:
    """Who reads a digest in the next days, hour by hour: (when, who)."""
    office.letters()
    told = []
    for _ in range(days * 24):
        # Digests come at half past.
        office.later(minutes=60 if office.now.minute == 30 else (30 - office.now.minute) % 60)
        told += [(f"{office.now:%a %H:%M}", one.to) for one in office.letters() if one.name in ("digest", "report")]
    return told


def flat(text: str) -> str:
    return " ".join(text.split())


def subject(letter: Letter) -> str:
    """The subject as a mail program shows it: RFC 2047 keeps the blanks between encoded words and others."""
    return str(make_header(decode_header(letter["Subject"])))


def of(letters: list[Letter], person: Person) -> Letter:
    """The one letter to this person."""
    (found,) = (one for one in letters if one.to == person.address)
    return found


TUESDAY = date(2026, 3, 3)


# ---------------------------------------------------------------------------------------------------------------- what


def test_a_technician_reads_in_the_morning_what_is_his_the_most_pressing_first(daily: Office) -> None:
    opened(daily, "#take\n#due in 1h", subject="Overdue one")
    opened(daily, "#take\n#due tomorrow 15:00", subject="Today's one")
    opened(daily, "#assign tina@desk.example", subject="Unanswered one")
    opened(daily, "#take\n#pending Which one?", subject="Asked one")
    opened(daily, "#take\n#resolve It is done.", subject="Solved one")
    opened(daily, "#take\n#close done", subject="Closed one")
    opened(daily, subject="Nobody's one")
    daily.later(minutes=61)
    letter = of(until(daily, TUESDAY), TINA)
    assert (letter.name, letter["X-Mailgate-Letter"], letter["X-Mailgate-Ticket"]) == ("digest", "digest", "")
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter.subject == "Your tickets: 1 overdue, 1 due today, 4 open"
    order = [
        "Overdue",
        "MG-1 ",
        "Due today",
        "MG-2 ",
        "Without an answer",
        "MG-3 ",
        "Waiting for the requester",
        "MG-4 ",
        "Solved, ",
        "MG-5 ",
    ]
    for part in (letter.text, re.sub(r"<style>.*</style>", "", letter.html, flags=re.DOTALL)):
        found = [part.replace("</span>", " </span>").find(word) for word in order]
        assert -1 not in found
    assert [letter.text.find(word) for word in order] == sorted(letter.text.find(word) for word in order)
    assert "Closed one" not in letter.text
    assert "Nobody's one" not in letter.text
    assert "due 2 Mar, 10:00" in letter.text


def test_a_tap_in_a_digest_does_what_it_says(daily: Office) -> None:
    opened(daily, "#take\n#resolve It is done.")
    letter = of(until(daily, TUESDAY), TINA)
    link = re.search(r"close: <mailto:([^?]*)\?subject=([^>]*)>", letter.text)
    assert link is not None
    assert f'href="mailto:{link[1]}?subject={link[2]}"' in letter.html
    daily.post(mail("", sender=TINA.address, name="Tina", to=unquote(link[1]), subject=unquote(link[2])), sender=TINA.address)
    assert daily.ticket().status == "Completed"


def test_a_mail_to_the_address_of_a_ticket_in_a_digest_is_about_that_ticket(daily: Office) -> None:
    opened(daily, "#take")
    letter = of(until(daily, TUESDAY), TINA)
    address = re.search(r"<mailto:([^?]*[+]t[.]1[.][^?]*)\?", letter.text)
    assert address is not None
    daily.post(mail("#note It is the fuser.", sender=TINA.address, name="Tina", to=unquote(address[1]), subject="x"), sender=TINA.address)
    assert daily.story().messages[-1].text.strip() == "It is the fuser."
    assert daily.count() == 1


def test_nothing_is_sent_to_whom_there_is_nothing_to_tell(daily: Office) -> None:
    opened(daily, "#take\n#close done")
    assert mornings(daily, 7) == []


def test_what_was_noted_among_technicians_stands_in_no_digest(daily: Office) -> None:
    opened(daily, "#take", "#note He is a nuisance.")
    for letter in until(daily, TUESDAY):
        assert "nuisance" not in letter.text + letter.html


def test_long_lists_are_cut_and_counted(daily: Office) -> None:
    for number in range(12):
        opened(daily, "#take", subject=f"Subject {number}")
    letter = of(until(daily, TUESDAY), TINA)
    assert "In your hands: 12" in letter.text or "Without an answer: 12" in letter.text
    assert "… and 2 more" in letter.text
    assert letter.text.count("<mailto:") == 10


def test_of_a_confidential_ticket_only_the_number_is_told(open_office: Callable[..., Office]) -> None:
    office = open_office(policy=DAILY, people=but(role=Role.LEAD))
    opened(office, "#take\n#confidential", subject="My colleague steals")
    opened(office, "#confidential", subject="Salary of Bob")
    for letter in until(office, TUESDAY):
        assert "MG-1" in letter.text
        for part in (letter.text, letter.html, letter.subject):
            for word in ("steals", "Salary", ANN):
                assert word not in part


def test_what_a_sender_wrote_into_his_subject_stays_text(daily: Office) -> None:
    opened(daily, "#take", subject="<a href=http://evil.example>click</a> \u202e{{ desk }}")
    letter = of(until(daily, TUESDAY), TINA)
    assert "<a href=http" not in letter.html
    assert "{{ desk }}" in letter.text
    assert "\u202e" not in letter.text + letter.html


def test_a_german_technician_reads_german(open_office: Callable[..., Office]) -> None:
    office = open_office(policy=DAILY, people=but(language="de", role=Role.LEAD))
    opened(office, "#take\n#due in 1h", subject="Drucker")
    opened(office, subject="Maus")
    office.later(hours=2)
    letter = of(until(office, TUESDAY), TINA)
    assert letter["Content-Language"] == "de"
    assert subject(letter) == "Ihre Tickets: 1 überfällig, 1 offen · first: 2 offen, 1 ohne Bearbeiter, 1 überfällig"
    assert "fällig 2. März, 10:00" in letter.text
    assert "Noch ohne Bearbeiter: 1" in letter.text


# ------------------------------------------------------------------------------------------------------------------ teams


def test_a_manager_reads_what_is_before_the_whole_desk(daily: Office) -> None:
    opened(daily, "#take\n#due in 1h", subject="Late one")
    daily.later(hours=5)
    opened(daily, subject="Nobody's one")
    letter = of(until(daily, TUESDAY), MAX)
    assert letter.subject == "All teams: 2 open, 1 unassigned, 1 overdue"
    assert "Nobody has: 1" in letter.text
    assert "due 2 Mar, 10:00, Tina Turner" in letter.text
    assert "The oldest is from 2 March 2026, 09:00 UTC." in letter.text
    # He does not work on tickets: no button, and what he writes is a note.
    assert "take:" not in letter.text
    assert "is added to it as a note" in flat(letter.text)


def test_a_lead_reads_of_his_teams_and_of_his_own_tickets_in_one_letter(open_office: Callable[..., Office]) -> None:
    lena = Person(Address("lena@desk.example"), "Lena Lead", Role.LEAD, team="first")
    second = Person(Address("sam@desk.example"), "Sam Second", Role.TECHNICIAN, team="second")
    office = open_office(policy=DAILY, people=Directory((TINA, lena, second), (Team("first"), Team("second"))))
    opened(office, "#assign lena@desk.example", subject="Hers")
    opened(office, subject="Nobody's")
    opened(office, "#assign sam@desk.example", subject="Of the second level")
    letters = until(office, TUESDAY)
    letter = of(letters, lena)
    assert subject(letter) == "Your tickets: 1 open · first: 2 open, 1 unassigned, 0 overdue"
    assert "Of the second level" not in letter.text
    link = re.search(r"take: <mailto:([^?]*)\?subject=([^>]*)>", letter.text)
    assert link is not None
    office.post(mail("", sender=lena.address, name="Lena", to=unquote(link[1]), subject=unquote(link[2])), sender=lena.address)
    assert office.ticket(2).assignee == lena.address
    assert "Nobody has" not in of(letters, second).text


# ------------------------------------------------------------------------------------------------------------------- when


def test_it_comes_on_each_working_day_at_its_time_and_not_on_the_weekend(daily: Office) -> None:
    opened(daily, "#take")
    told = [when for when, who in mornings(daily, 8) if who == TINA.address]
    assert told == ["Tue 07:30", "Wed 07:30", "Thu 07:30", "Fri 07:30", "Mon 07:30", "Tue 07:30"]


def test_the_time_is_that_of_the_place_where_its_reader_lives(open_office: Callable[..., Office]) -> None:
    office = open_office(policy=DAILY, people=but(timezone="America/New_York"))
    opened(office, "#take")
    assert [when for when, who in mornings(office, 2) if who == TINA.address] == ["Mon 12:30", "Tue 12:30"]
    # The clocks of New York are set on the eighth.
    office.later(seconds=(datetime(2026, 3, 8, tzinfo=UTC) - office.now).total_seconds())
    assert [when for when, who in mornings(office, 2) if who == TINA.address] == ["Mon 11:30"]


def test_a_time_that_the_clock_leaps_over_comes_once_and_so_does_one_that_comes_twice(open_office: Callable[..., Office]) -> None:
    every = Calendar("every", hours=ROUND_THE_CLOCK)
    policy = Policy(digests=Digests(daily=time(2, 30), calendar="every"), calendars=(every,))
    for before in (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)):
        office = open_office(policy=policy, people=but(timezone="Europe/Berlin"))
        office.now = before
        opened(office, "#take")
        assert len([1 for _, who in mornings(office, 2) if who == TINA.address]) == 2


def test_who_works_on_saturday_hears_on_saturday_and_nobody_on_a_holiday(open_office: Callable[..., Office]) -> None:
    day = (Interval(timedelta(hours=9), timedelta(hours=17)),)
    office_hours = Calendar("office", hours=(*(day,) * 6, ()), closed=(TUESDAY,))
    policy = Policy(digests=Digests(daily=time(7, 30), calendar="office"), calendars=(office_hours,))
    office = open_office(policy=policy, people=but(hours=((), day, day, (), (), day, ())))
    opened(office, "#take")
    assert [when for when, who in mornings(office, 7) if who == TINA.address] == ["Wed 07:30", "Sat 07:30"]


def test_who_is_away_hears_nothing_and_then_again(daily: Office) -> None:
    opened(daily, "#take\n#pending Which one?")
    daily.post(reply(daily.last("new_ticket", TINA.address), "#away until thursday", name="Tina"), sender=TINA.address)
    daily.order(1, "#assign tina@desk.example")
    told = [when for when, who in mornings(daily, 5) if who == TINA.address]
    assert told == ["Fri 07:30"]


def test_after_a_week_of_downtime_one_digest_and_not_seven(daily: Office) -> None:
    opened(daily, "#take")
    letters = until(daily, date(2026, 3, 11), time(14, 0))
    assert [one.to for one in letters if one.to == TINA.address] == [TINA.address]
    assert [when for when, who in mornings(daily, 1) if who == TINA.address] == ["Thu 07:30"]


@pytest.mark.parametrize("back", [datetime(2026, 3, 11, 3, tzinfo=UTC), datetime(2026, 3, 14, 12, tzinfo=UTC)])
def test_nobody_is_told_in_the_night_or_on_saturday_what_a_downtime_kept_back(daily: Office, back: datetime) -> None:
    opened(daily, "#take")
    assert until(daily, back.date(), back.timetz().replace(tzinfo=None)) == []
    told = [when for when, who in mornings(daily, 3) if who == TINA.address]
    assert told[0] in ("Wed 07:30", "Mon 07:30")


def test_a_restart_on_the_same_day_tells_nothing_twice(daily: Office) -> None:
    opened(daily, "#take")
    assert len(until(daily, TUESDAY)) == 2
    daily.rebuild()
    assert until(daily, TUESDAY, time(23, 0)) == []


def test_another_policy_holds_from_the_restart_on(daily: Office) -> None:
    opened(daily, "#take")
    daily.change(policy=Policy(digests=Digests(daily=time(16, 30))))
    assert [when for when, who in mornings(daily, 2) if who == TINA.address] == ["Mon 16:30", "Tue 16:30"]
    daily.change(policy=Policy())
    assert mornings(daily, 3) == []
    daily.change(policy=DAILY)
    assert [when for when, who in mornings(daily, 2) if who == TINA.address] == ["Mon 07:30"]


def test_nobody_hears_anything_unless_policy_says_so(office: Office) -> None:
    opened(office, "#take")
    assert mornings(office, 8) == []


def test_whoever_wants_none_gets_none(open_office: Callable[..., Office]) -> None:
    office = open_office(policy=DAILY, people=but(digest=False))
    opened(office, "#take")
    assert {who for _, who in mornings(office, 2)} == {MAX.address}


def test_who_comes_while_the_daemon_runs_reads_his_first_digest_the_next_morning(daily: Office) -> None:
    mia = Person(Address("mia@desk.example"), "Mia New", Role.MANAGER)
    opened(daily, "#take")
    with daily.store.begin() as tx:
        people.put(tx, mia)
    daily.later()
    assert of(until(daily, TUESDAY), mia).subject.startswith("All teams: 1 open")


def test_who_has_left_reads_nothing(daily: Office) -> None:
    opened(daily, "#take")
    assert len(until(daily, TUESDAY)) == 2
    daily.change(people=replace(PEOPLE, people=(TOM, OLGA)))
    assert mornings(daily, 2) == []


def test_nothing_goes_out_while_timers_are_on_hold(daily: Office) -> None:
    opened(daily, "#take")
    with daily.store.begin() as tx:
        facts.put(tx, facts.HOLD, "restored")
    assert until(daily, TUESDAY) == []


# ----------------------------------------------------------------------------------------------------------- several desks


def test_each_desk_tells_of_its_own_tickets(open_office: Callable[..., Office]) -> None:
    hr = Desk("HR", Address("hr@desk.example"), tag="HR", teams=("people",), confidential=True)
    hanna = Person(Address("hanna@desk.example"), "Hanna", Role.LEAD, team="people")
    office = open_office(policy=DAILY, further=(hr,), people=Directory((TINA, hanna, MAX), (Team("first"), Team("people"))))
    opened(office, "#take", subject="Mouse")
    office.post(mail("I am ill.", to="hr@desk.example", subject="Sick note"), sender=ANN, to=["hr@desk.example"])
    letters = until(office, TUESDAY)
    told = [(one.to, one.message["From"].rpartition("<")[2].rstrip(">"), one.subject) for one in letters]
    assert sorted(told) == [
        (hanna.address, "hr@desk.example", "people: 1 open, 1 unassigned, 0 overdue"),
        (MAX.address, DESK.address, "All teams: 1 open, 0 unassigned, 0 overdue"),
        (MAX.address, "hr@desk.example", "All teams: 1 open, 1 unassigned, 0 overdue"),
        (TINA.address, DESK.address, "Your tickets: 1 open"),
    ]
    assert all("Sick note" not in one.text + one.html for one in letters)


# ---------------------------------------------------------------------------------------------------------------- the week


def test_managers_and_the_owner_read_the_figures_of_the_week(open_office: Callable[..., Office]) -> None:
    office = open_office(policy=WEEKLY, desk=replace(DESK, public_url="https://desk.example/help"))
    opened(office, subject="A")
    office.later(hours=2)
    office.order(1, "#take\n#category Hardware\n#resolve done")
    opened(office, subject="B")
    opened(office, subject="C")
    letters = until(office, date(2026, 3, 9))
    assert sorted(one.to for one in letters) == [MAX.address, OLGA.address]
    letter = of(letters, OLGA)
    assert (letter.name, letter.subject) == ("report", "Service Desk, 2 March to 8 March: 3 came, 1 solved, 2 open")
    words = flat(letter.text)
    for line in ("Came in 3 0", "Solved 1 0", "First answer after 2 h –", "Solved after 2 h –", "Open now 2", "of these unassigned 2"):
        assert line in words
    for line in (
        "by the first answer 100 % –",
        "came in solved Mon 2 3 1 Tue 3 0 0",
        "Teams came in solved first 3 1",
        "Tina Turner 1 2 h",
    ):
        assert line in words
    for line in ("Categories came in Hardware 1", "Who wrote most came in ann@out.example 3"):
        assert line in words
    assert "<https://desk.example/help/desk>" in letter.text
    assert 'href="https://desk.example/help/desk"' in letter.html
    assert "2 h" in letter.html
    assert letter.message["X-Mailgate-Ticket"] is None
    # `mailgate report` counts the same.
    period = Period(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC))
    with office.store.look() as tx:
        whole, told = (reported(tuple(found), period).whole for found in (handled(tx, period), touched(tx, DESK.name, period)))
    assert replace(whole, backlog=0) == replace(told, backlog=0)
    opened(office, subject="D")
    office.order(1, "#reopen")
    letter = of(until(office, date(2026, 3, 16)), OLGA)
    assert "Solved 0 1" in flat(letter.text)
    assert "Came in 1 3" in flat(letter.text)


def test_the_weekly_report_is_german_for_germans_and_their_week_begins_at_their_midnight(open_office: Callable[..., Office]) -> None:
    people_ = replace(PEOPLE, people=(*PEOPLE.people[:2], replace(OLGA, language="de", timezone="Europe/Berlin")))
    office = open_office(policy=WEEKLY, people=people_)
    office.now = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)
    opened(office, subject="On Sunday in Berlin")
    office.later(hours=1)
    opened(office, subject="On Monday in Berlin")
    letter = of(until(office, date(2026, 3, 9), time(6, 30)), OLGA)
    assert subject(letter) == "Service Desk, 2. März bis 8. März: 1 neu, 0 gelöst, 2 offen"
    assert "Neu 1 1" in flat(letter.text)


def test_what_was_promised_is_overdue_when_it_is_broken_and_counts_in_the_report(open_office: Callable[..., Office]) -> None:
    promise = Sla("all", targets=(("first_response", timedelta(hours=1)), ("resolution", timedelta(hours=30))))
    policy = Policy(slas=(promise,), digests=Digests(daily=time(7, 30), weekly=(0, time(7, 30))))
    office = open_office(policy=policy)
    opened(office, "#take", subject="Answered late")
    office.later(hours=2)
    opened(office, "#take\n#resolve done", subject="Kept")
    opened(office, "#take", subject="Wants an answer")
    office.order(1, "#pending Which one?")
    letters = until(office, TUESDAY)
    tina = of(letters, TINA).text
    assert "Overdue: 1\r\n\r\n  MG-3 P3 Wants an answer\r\n       due 2 Mar, 12:00" in tina
    assert "Waiting for the requester: 1\r\n\r\n  MG-1" in tina
    assert of(letters, MAX).subject == "All teams: 2 open, 0 unassigned, 1 overdue"
    assert "due 2 Mar, 12:00, Tina Turner" in of(letters, MAX).text
    report = next(one for one in until(office, date(2026, 3, 9)) if one.name == "report")
    assert "Promises kept 2 0 Promises broken 1 0" in flat(report.text)


def test_an_answer_that_the_requester_waits_for_is_told_as_such(daily: Office) -> None:
    number = opened(daily, "#take")
    daily.post(reply(daily.last("new_ticket", TINA.address), "Is it on?", name="Tina"), sender=TINA.address)
    assert "In your hands: 1" in of(until(daily, TUESDAY), TINA).text
    daily.post(mail("Yes.", sender=ANN, to=daily.signed(number, ANN), subject="Re: Printer"), sender=ANN)
    assert "Without an answer: 1" in of(until(daily, date(2026, 3, 4)), TINA).text


def test_a_quiet_desk_has_no_report(open_office: Callable[..., Office]) -> None:
    assert mornings(open_office(policy=WEEKLY), 15) == []


def test_a_report_that_a_downtime_kept_back_comes_once_and_late(open_office: Callable[..., Office]) -> None:
    office = open_office(policy=WEEKLY)
    opened(office, subject="A")
    assert len(until(office, date(2026, 3, 25), time(14, 0))) == 2
    assert [when for when, _ in mornings(office, 6)] == ["Mon 07:30"] * 2


# ------------------------------------------------------------------------------------------------------- several gateways


def test_of_two_gateways_one_writes_it(either_office: Office) -> None:
    office = either_office
    office.change(policy=DAILY)
    opened(office, "#take")
    office.later(minutes=1)
    office.now = datetime(2026, 3, 3, 7, 30, tzinfo=UTC)
    at_once(lambda: Timekeeper(office.store, office.house, lambda: office.now).tick())
    assert sorted(one.to for one in office.letters() if one.name == "digest") == [MAX.address, TINA.address]
    assert mornings(office, 1)[0][0] == "Wed 07:30"


def test_digest_and_report_on_either_database(either_office: Office) -> None:
    office = either_office
    lead = but(role=Role.LEAD)
    office.change(policy=Policy(digests=Digests(time(7, 30), (1, time(7, 30)))), people=lead)
    opened(office, "#take\n#due in 1h", subject="Hers")
    opened(office, subject="Nobody's")
    office.later(hours=2)
    letters = until(office, TUESDAY)
    assert sorted((one.name, one.to) for one in letters) == [
        ("digest", MAX.address), ("digest", TINA.address), ("report", MAX.address), ("report", OLGA.address),
    ]  # fmt: skip
    assert subject(of([one for one in letters if one.name == "digest"], TINA)).endswith("first: 2 open, 1 unassigned, 1 overdue")
    assert "Came in 2 0" in flat(of([one for one in letters if one.name == "report"], OLGA).text)


# -------------------------------------------------------------------------------------------------------------- forgetting


def sent(office: Office) -> None:
    """Whatever waits leaves."""
    delivery = Delivery(office.store, office.house, "office", lambda: office.now, lambda: 0.0, lambda: 0.5)
    while parcels := delivery.claim():
        delivery.settle([Outcome(one.row, one.attempt, Result.SENT) for one in parcels])


def words_in_the_outbox(office: Office) -> str:
    return "".join(one.octets.decode() for one in office.everything_sent())


def test_whoever_is_erased_stands_in_no_digest_that_was_sent(daily: Office) -> None:
    opened(daily, "#take", subject="The wedding of Ann Other")
    until(daily, TUESDAY)
    sent(daily)
    assert "wedding" in words_in_the_outbox(daily)
    keeping.erase(daily.store, Address(ANN), daily.now)
    assert "wedding" not in words_in_the_outbox(daily)


def test_a_digest_is_kept_no_longer_than_the_tickets_of_which_it_tells(open_office: Callable[..., Office]) -> None:
    office = open_office(policy=replace(DAILY, retention=Retention(tickets=timedelta(days=30))))
    opened(office, "#take", subject="The wedding of Ann Other")
    until(office, TUESDAY)
    office.order(1, "#close done")
    sent(office)
    office.later(days=29)
    assert "wedding" in words_in_the_outbox(office)
    office.later(days=2)
    assert "wedding" not in words_in_the_outbox(office)
