"""What an iCalendar file closes, and how each way in which it can be wrong is told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailgate.config.load import load
from mailgate.desk.calendar import timetable
from mailgate.desk.errors import Misconfigured
from mailgate.desk.plans import Calendar, Closure

POLICY = '[[calendar]]\nname = "office"\nical = "holidays.ics"\n'
# A zone that no database has, with the rules of Berlin.
OURS = """\
BEGIN:VTIMEZONE
TZID:Our own
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
"""


def ical(*events: str, before: str = "") -> str:
    """A file of these events, each written as its lines. The first one begins on line 3."""
    told = "".join(f"BEGIN:VEVENT\n{one}\nEND:VEVENT\n" for one in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{before}{told}END:VCALENDAR\n"


def read(folder: Path, text: str | bytes, policy: str = POLICY) -> Calendar:
    """The calendar of a policy whose file holds this."""
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config" / "policy.toml").write_text(policy)
    (folder / "holidays.ics").write_bytes(text.encode() if isinstance(text, str) else text)
    (calendar,) = load(folder / "config", {}).policy.calendars
    return calendar


def days(*texts: str) -> tuple[date, ...]:
    return tuple(date.fromisoformat(text) for text in texts)


def span(begins: str, ends: str) -> Closure:
    """A span that is written in ISO 8601, with `Z` or without a zone."""
    return Closure(datetime.fromisoformat(begins), datetime.fromisoformat(ends))


@pytest.mark.parametrize(
    ("event", "closed"),
    [
        # Whole days. The day on which one ends is not closed any more; without an end it is one day.
        ("DTSTART;VALUE=DATE:20261224", days("2026-12-24")),
        ("DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227", days("2026-12-24", "2026-12-25", "2026-12-26")),
        ("DTSTART;VALUE=DATE:20261231\nDURATION:P2D", days("2026-12-31", "2027-01-01")),
        ("DTSTART:20261224\nDTEND:20261225", days("2026-12-24")),
        # Times: of a zone, of UTC, of nowhere; of a zone by its name at Microsoft.
        ("DTSTART;TZID=Europe/Berlin:20260302T130000\nDTEND;TZID=Europe/Berlin:20260302T180000",
         (span("2026-03-02T12:00Z", "2026-03-02T17:00Z"),)),
        ("DTSTART:20260302T130000Z\nDURATION:PT2H30M", (span("2026-03-02T13:00Z", "2026-03-02T15:30Z"),)),
        ("DTSTART:20260302T130000\nDTEND:20260302T180000", (span("2026-03-02T13:00", "2026-03-02T18:00"),)),
        ("DTSTART;TZID=W. Europe Standard Time:20260702T130000\nDURATION:PT1H", (span("2026-07-02T11:00Z", "2026-07-02T12:00Z"),)),
        # From one zone to another.
        ("DTSTART;TZID=Europe/Berlin:20260302T130000\nDTEND;TZID=Europe/London:20260302T130000",
         (span("2026-03-02T12:00Z", "2026-03-02T13:00Z"),)),
        # What takes no time closes none.
        ("DTSTART:20260302T130000Z", ()),
        ("DTSTART:20260302T130000Z\nDTEND:20260302T130000Z", ()),
        # Over the night on which the clock is set forward, an event has the hours that it shows on the wall.
        ("DTSTART;TZID=Europe/Berlin:20260328T220000\nDTEND;TZID=Europe/Berlin:20260329T060000",
         (span("2026-03-28T21:00Z", "2026-03-29T04:00Z"),)),
        # What is cancelled, or leaves people free, closes nothing.
        ("DTSTART;VALUE=DATE:20261224\nSTATUS:CANCELLED", ()),
        ("DTSTART;VALUE=DATE:20261224\nSTATUS:TENTATIVE\nTRANSP:OPAQUE", days("2026-12-24")),
        # Of other years nobody asks.
        ("DTSTART;VALUE=DATE:20191224", ()),
        ("DTSTART;VALUE=DATE:20611224", ()),
        # Rules.
        ("DTSTART;VALUE=DATE:20260704\nRRULE:FREQ=YEARLY;COUNT=3", days("2026-07-04", "2027-07-04", "2028-07-04")),
        ("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=WEEKLY;UNTIL=20260115", days("2026-01-01", "2026-01-08", "2026-01-15")),
        ("DTSTART;VALUE=DATE:20260220\nRRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=2\nEXDATE;VALUE=DATE:20260220",
         days("2026-02-27", "2026-03-27")),
        ("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;COUNT=4\nEXDATE;VALUE=DATE:20260102,20260103", days("2026-01-01", "2026-01-04")),
        ("DTSTART;VALUE=DATE:20260101\nRDATE;VALUE=DATE:20260401,20260301", days("2026-01-01", "2026-03-01", "2026-04-01")),
        ("DTSTART;VALUE=DATE:20251229\nDTEND;VALUE=DATE:20251231\nRRULE:FREQ=YEARLY;COUNT=2",
         days("2025-12-29", "2025-12-30", "2026-12-29", "2026-12-30")),
        # A rule keeps its time on the wall when the clock is set; an end that is a day includes that day.
        ("DTSTART;TZID=Europe/Berlin:20260325T130000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;UNTIL=20260401",
         (span("2026-03-25T12:00Z", "2026-03-25T13:00Z"), span("2026-04-01T11:00Z", "2026-04-01T12:00Z"))),
        ("DTSTART;TZID=Europe/Berlin:20260325T130000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;UNTIL=20260401T105959Z",
         (span("2026-03-25T12:00Z", "2026-03-25T13:00Z"),)),
        # An exception counts whichever zone names it, and whether by its day or by its time.
        ("DTSTART;TZID=Europe/Berlin:20260325T130000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=4\n"
         "EXDATE:20260325T120000Z\nEXDATE;VALUE=DATE:20260326\nEXDATE;TZID=Europe/London:20260327T120000",
         (span("2026-03-28T12:00Z", "2026-03-28T13:00Z"),)),
        ("DTSTART:20260325T130000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20260326T130000Z",
         (span("2026-03-25T13:00", "2026-03-25T14:00"), span("2026-03-26T13:00", "2026-03-26T14:00"))),
        # Nothing but when an event is has to be right.
        ("DTSTART;VALUE=DATE:20261224\nSUMMARY:a\\, long\n  folded name\nCREATED:yesterday\nDTSTAMP:20261301T000000Z", days("2026-12-24")),
    ],
)  # fmt: skip
def test_an_event_closes_the_days_or_times_that_it_takes(tmp_path: Path, event: str, closed: tuple[date | Closure, ...]) -> None:
    assert read(tmp_path, ical(f"UID:1\n{event}")).closed == closed


def test_a_zone_that_the_file_tells_is_known(tmp_path: Path) -> None:
    event = "DTSTART;TZID=Our own:20260325T130000\nDTEND;TZID=Our own:20260325T140000\nRRULE:FREQ=WEEKLY;COUNT=2"
    assert read(tmp_path, ical(event, before=OURS)).closed == (
        span("2026-03-25T12:00Z", "2026-03-25T13:00Z"),
        span("2026-04-01T11:00Z", "2026-04-01T12:00Z"),
    )


def test_one_of_a_series_may_be_moved_or_cancelled(tmp_path: Path) -> None:
    text = ical(
        "UID:a\nDTSTART;VALUE=DATE:20261001\nRRULE:FREQ=DAILY;COUNT=4",
        "UID:a\nRECURRENCE-ID;VALUE=DATE:20261002\nDTSTART;VALUE=DATE:20261102",
        "UID:a\nRECURRENCE-ID;VALUE=DATE:20261003\nDTSTART;VALUE=DATE:20261003\nSTATUS:CANCELLED",
        # Of another series, and one whose series is told elsewhere.
        "UID:b\nRECURRENCE-ID;VALUE=DATE:20261004\nDTSTART;VALUE=DATE:20261204",
    )
    assert read(tmp_path, text).closed == days("2026-10-01", "2026-10-04", "2026-11-02", "2026-12-04")


def test_a_rule_without_an_end_closes_until_2060(tmp_path: Path) -> None:
    closed = read(tmp_path, ical("DTSTART;VALUE=DATE:19991224\nDTEND;VALUE=DATE:20000102\nRRULE:FREQ=YEARLY")).closed
    assert (len(closed), closed[0], closed[-1]) == (41 * 9, date(2020, 12, 24), date(2061, 1, 1))


def test_files_add_to_the_days_of_the_calendar_and_their_paths_start_where_all_do(tmp_path: Path) -> None:
    (tmp_path / "further.ics").write_bytes(b"\xef\xbb\xbf" + ical("DTSTART:20260501").replace("\n", "\r\n").encode())
    policy = POLICY.replace('"holidays.ics"', f'["holidays.ics", "{tmp_path}/further.ics"]\nclosed = ["2026-12-31"]')
    two = ical("DTSTART:20261224") + ical("DTSTART:20261225")
    assert read(tmp_path, two, policy).closed == days("2026-12-31", "2026-12-24", "2026-12-25", "2026-05-01")
    assert read(tmp_path, ical()).closed == ()


def test_a_closed_afternoon_is_no_working_time_wherever_the_calendar_is(tmp_path: Path) -> None:
    floating = read(
        tmp_path,
        ical("DTSTART:20260304T130000\nDTEND:20260304T180000\nRRULE:FREQ=WEEKLY"),
        POLICY + 'hours = { wed = ["09:00-12:30", "13:30-17:30"] }',
    )
    for zone in ("Europe/Berlin", "Asia/Kathmandu"):
        # Four hours a week, later half an hour less for each.
        morning = datetime(2026, 3, 4, 9, tzinfo=ZoneInfo(zone))
        assert timetable(floating, zone).add(morning, timedelta(hours=7)) == morning + timedelta(days=7, hours=3.5)


# The text of the file, and what is told of it behind its name.
WRONG = [
    ("", ":1: this is no iCalendar file, which begins with BEGIN:VCALENDAR"),
    ("2026-12-24\n2026-12-25\n", ":1: this is no iCalendar file"),
    ("<!doctype html>\n<title>Sign in</title>", ":1: this is no iCalendar file"),
    ("BEGIN:VEVENT\nDTSTART:20261224\nEND:VEVENT", ":1: this is no iCalendar file"),
    (ical("DTSTART:20261224") + "and more", ":7: this is no iCalendar file"),
    (b"\xff\xfe\x00", ":1: this is not UTF-8"),
    (b"BEGIN:VCALENDAR\nX-WR-CALNAME:B\xfcro\nEND:VCALENDAR", ":2: this is not UTF-8"),
    # What was not copied as a whole.
    ("BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nDTSTART:20261224", ':3: "BEGIN:VEVENT" has no end'),
    ("BEGIN:VCALENDAR\nVERSION:2.0\n", ':1: "BEGIN:VCALENDAR" has no end'),
    ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261224\nEND:VCALENDAR", ':4: "END:VCALENDAR" ends what did not begin'),
    ("BEGIN:VCALENDAR\nthis is nothing\nEND:VCALENDAR", ": Content line could not be parsed"),
    (ical("SUMMARY:nothing", "DTSTART:20261224"), ":3: No DTSTART given."),
    (ical("DTSTART:20261224", "DTSTART;VALUE=DATE:20261301"), ":6: DTSTART: Wrong date format 20261301"),
    (ical("DTSTART:20261224\nDTEND:20261131"), ":3: DTEND: Wrong date format 20261131"),
    (ical("DTSTART:20261224\nDURATION:two days"), ":3: DURATION: "),
    (ical("DTSTART:20261224\nDTEND 20261227"), ":3: Content line could not be parsed"),
    (ical("DTSTART:20261224\nDTSTART:20261225"), ":3: Multiple DTSTART"),
    (ical("DTSTART:20261224\nDTEND:20261227\nDURATION:P3D"), ":3: Only one of DTEND and DURATION"),
    (ical("DTSTART:20261224\nDTEND:20261227T120000"), ":3: DTSTART and DTEND must be of the same type"),
    (ical("DTSTART:20261224\nDTEND:20261223"), ":3: ends before it begins"),
    (ical("DTSTART:20261224T120000Z\nDTEND:20261224T130000"), ":3: of DTSTART and DTEND one has a time zone"),
    (ical("DTSTART;TZID=Nowhere:20261224T120000\nDURATION:PT1H"), ':3: DTSTART: unknown time zone "Nowhere"'),
    (ical("DTSTART:20261224T120000Z\nDTEND;TZID=Nowhere:20261224T130000"), ':3: DTEND: unknown time zone "Nowhere"'),
    (ical("DTSTART:00010101\nRRULE:FREQ=DAILY"), ":3: begins before 1900"),
    # Rules that are none, or come to no end.
    (ical("DTSTART:20261224\nRRULE:FREQ=SOMETIMES"), ":3: RRULE: Expected frequency, got: SOMETIMES"),
    (ical("DTSTART:20261224\nRRULE:COUNT=3"), ":3: RRULE: "),
    (ical("DTSTART:20261224\nRRULE:FREQ=YEARLY;SKIP=OMIT"), ":3: "),
    (ical("DTSTART:20261224\nRRULE:FREQ=SECONDLY"), ":3: RRULE: comes more often than once a day"),
    (ical("DTSTART:20261224T120000\nDURATION:PT1M\nRRULE:FREQ=DAILY;BYMINUTE=0,10"), ":3: RRULE: comes more often than once a day"),
    (ical("DTSTART:20261224\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), ":3: RRULE: there is no such day"),
    (ical("DTSTART:20261224\nRRULE:FREQ=YEARLY;BYMONTH=13;COUNT=9"), ":3: RRULE: there is no such day"),
    (ical("DTSTART:20261224\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31;UNTIL=20300101"), ":3: RRULE: there is no such day"),
    (ical("DTSTART;TZID=Our own:20261224T120000", before=OURS.replace("YEARLY", "SECONDLY")), ": RRULE: comes more often than once a day"),
    (ical("DTSTART;TZID=Our own:20261224T120000", before=OURS.replace("+0100", "one")), ""),
    (ical("DTSTART:20261224\nRRULE:FREQ=DAILY;INTERVAL=0"), ":3: RRULE: comes for ever on the same day"),
    (ical("DTSTART:20261224\nRRULE:FREQ=DAILY;UNTIL=Christmas"), ":3: RRULE: Expected datetime, date, or time. Got: 'Christmas'"),
    (ical("DTSTART:20261224\nRRULE:FREQ=DAILY\nEXDATE:never"), ":3: EXDATE: "),
    (ical("DTSTART:20261224T120000Z\nDURATION:PT1H\nRDATE;VALUE=PERIOD:20270101T000000Z/PT1H"), ":3: RDATE: a PERIOD"),
    (ical("UID:a\nRECURRENCE-ID;RANGE=THISANDFUTURE:20261224\nDTSTART:20261225"), ":3: RECURRENCE-ID: RANGE"),
    (ical("DTSTART:20200101\nDTEND:20600101\nRRULE:FREQ=YEARLY"), ": closes more than 20,000 times"),
    (ical("DTSTART:20261224\nTRANSP:TRANSPARENT"), ": closes nothing: each of its events leaves people free (TRANSP:TRANSPARENT)"),
    (ical("DTSTART:20261224\n" + "x" * 900_000), ":3: Content line could not be parsed"),
    (ical("DTSTART:20261224\nDESCRIPTION:" + "x" * 1_000_000), ": has more than 1,000,000 octets"),
]  # fmt: skip


def fault(folder: Path, text: str | bytes, policy: str = POLICY) -> str:
    """The only fault of this file, behind the place in policy.toml that names it, and its own."""
    with pytest.raises(Misconfigured) as caught:
        read(folder, text, policy)
    (told,) = caught.value.faults
    return told


@pytest.mark.parametrize(("text", "told"), WRONG)
def test_what_is_wrong_with_a_file_is_told_in_one_line_with_its_place(tmp_path: Path, text: str | bytes, told: str) -> None:
    place = f"{tmp_path}/config/policy.toml:3: [[calendar]] ical: {tmp_path}/holidays.ics"
    found = fault(tmp_path, text)
    assert found.startswith(place + told), found
    assert "\n" not in found
    assert len(found) < 800


def test_a_file_that_is_not_there_or_none_is_told_with_its_path(tmp_path: Path) -> None:
    place = f"{tmp_path}/config/policy.toml:3: [[calendar]] ical: "
    assert fault(tmp_path, "", POLICY.replace("holidays", "gone")) == f"{place}{tmp_path}/gone.ics: No such file or directory"
    assert fault(tmp_path, "", POLICY.replace("holidays.ics", "config")) == f"{place}{tmp_path}/config: Is a directory"
    assert fault(tmp_path, "", POLICY.replace('"holidays.ics"', "7")) == f"{place}must be a text, not 7"


# ------------------------------------------------------------------------------------------------------------------- whatever stands there

NAMES = ["DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "UID", "STATUS", "DTSTART;TZID=Europe/Berlin"]
VALUES = [
    "20261224", "20261225T120000", "20261226T120000Z", "99991231", "99991231T235959Z", "P1D", "PT9H", "-P1D", "a", "", "CANCELLED",
    "FREQ=DAILY;COUNT=2", "FREQ=WEEKLY;BYDAY=5MO", "FREQ=YEARLY;BYYEARDAY=366", "FREQ=MONTHLY;BYSETPOS=0;BYDAY=FR",
]  # fmt: skip
LINES = st.one_of(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)).map(":".join),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(LINES, max_size=6), max_size=3))
def test_any_file_is_read_or_refused(tmp_path: Path, events: list[list[str]]) -> None:
    text = ical(*("\n".join(["DTSTART:20261224", *lines]) for lines in events))
    try:
        calendar = read(tmp_path, text)
    except Misconfigured as refused:
        (told,) = refused.faults
        assert f"{tmp_path}/holidays.ics:" in told
        assert len(told) < 800
    else:
        # What was read can be counted with.
        timetable(calendar, "Europe/Berlin").add(datetime(2026, 12, 1, tzinfo=UTC), timedelta(days=30))
