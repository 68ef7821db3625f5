"""Is a line of the log out as soon as it is logged, whole, and dated as ever?"""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import time

from mailgate.daemon.log import Line, Lines

PROGRAM = """
import os, signal
from mailgate.daemon import log
from mailgate.flow import journal
log.to_standard_error(os.environ)
for number in range(3):
    journal.received(number, "smtp", 5, seen_before=False)
journal.told("odd", text="a\\nb", who="b\\u00fcro")
os.kill(os.getpid(), signal.SIGKILL)
"""


def lines(**environment: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    assert done.returncode == -signal.SIGKILL
    return done.stderr.splitlines()


def test_no_line_is_lost_when_the_process_is_killed() -> None:
    found = lines(JOURNAL_STREAM="")
    assert len(found) == 4
    dates = [re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO (.+)", line) for line in found]
    assert [date and date[1] for date in dates[:3]] == [f"received inbox={number} channel=smtp octets=5" for number in range(3)]


def test_under_systemd_no_line_has_a_date_and_odd_values_are_quoted() -> None:
    assert lines(JOURNAL_STREAM="8:1")[3] == r'INFO odd text="a\nb" who="b\u00fcro"'


def test_dates_are_those_of_the_standard_formatter() -> None:
    ours, usual = Line(dated=True), logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    for created in (0.0, 0.9996, 1_000_000_000.5, 1_000_000_000.25, time.time()):
        record = logging.LogRecord("x", logging.INFO, "", 0, "", None, None)
        record.created, record.msecs = created, created % 1 * 1000
        assert ours.format(record) == usual.format(record)


def test_an_exception_is_written_behind_its_line() -> None:
    try:
        raise ValueError("odd")
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "a fact", None, (ValueError, error, error.__traceback__))
    found = Line(dated=False).format(record).splitlines()
    assert (found[0], found[1], found[-1]) == ("ERROR a fact", "Traceback (most recent call last):", "ValueError: odd")


def test_a_log_that_nobody_takes_harms_nobody(monkeypatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    reader, writer = os.pipe()
    os.close(reader)
    try:
        Lines(writer).emit(logging.LogRecord("x", logging.INFO, "", 0, "a fact", None, None))
    finally:
        os.close(writer)


def test_the_pool_of_connections_does_not_tell_in_twenty_lines_what_its_user_tells_in_one() -> None:
    program = (
        "import logging, os\n"
        "from mailgate.daemon.log import to_standard_error\n"
        "to_standard_error(os.environ)\n"
        "logging.getLogger('sqlalchemy.pool.impl.QueuePool').error('Exception during reset or similar', exc_info=ValueError())\n"
        "logging.getLogger('sqlalchemy.engine').error('heard')\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert [line.rpartition(" ")[2] for line in ran.stderr.splitlines()] == ["heard"]
