"""A promise runs in the hours of a calendar: what a file of the house closes is no time in which somebody would answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from mailgate.config.load import load
from tests.kit.office import Office, aligned, mail

POLICY = """\
[[calendar]]
name = "office"
timezone = "Europe/Berlin"
hours = { mon = ["09:00-12:30", "13:30-17:30"], tue = ["09:00-12:30", "13:30-17:30"], wed = ["09:00-17:30"] }
closed = ["2026-03-03"]
ical = "house.ics"

[[sla]]
name = "all"
calendar = "office"
first_response = "7h30m"
"""

# On Mondays the house closes at three. One time, a week later, it does so at noon.
HOUSE = """\
BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:monday
DTSTART;TZID=Europe/Berlin:20250106T150000
DTEND;TZID=Europe/Berlin:20250106T180000
RRULE:FREQ=WEEKLY
END:VEVENT
BEGIN:VEVENT
UID:monday
RECURRENCE-ID;TZID=Europe/Berlin:20260309T150000
DTSTART;TZID=Europe/Berlin:20260309T120000
DTEND;TZID=Europe/Berlin:20260309T180000
END:VEVENT
BEGIN:VEVENT
UID:party
DTSTART;VALUE=DATE:20260304
SUMMARY:Summer party\\, in winter
END:VEVENT
END:VCALENDAR
"""


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "You can expect an answer by 10 March 2026, 09:30 CET."), ("de", "bis zum 10. März 2026, 09:30 Uhr MEZ.")],
)
def test_nobody_is_promised_an_answer_for_a_closed_afternoon(guarded: Office, tmp_path: Path, language: str, told: str) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/policy.toml").write_text(POLICY)
    (tmp_path / "house.ics").write_text(HOUSE)
    policy = load(tmp_path / "config", {}).policy
    # A Monday, ten o'clock in Berlin: four hours until three. Tuesday and Wednesday are closed. Three more hours on the next Monday until
    # noon, and half an hour on Tuesday.
    guarded.change(policy=policy, desk=replace(guarded.desk, language=language, timezone="Europe/Berlin"))
    guarded.post(aligned(mail("The printer is dead.", sender="bob@out.example", name="Bob", subject="Printer")), sender="bob@out.example")
    assert told in guarded.last("acknowledgement", "bob@out.example").text.replace("\r\n", " ")
