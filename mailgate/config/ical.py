"""When does nobody work, by a file that others keep? The events of an iCalendar file (RFC 5545), as days and spans without work.

`icalendar` reads them and `dateutil` repeats them. What these would guess, pass over or never come to an end with is refused, with the line
on which the event begins.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from mailgate.config import scalars
from mailgate.config.holidays import YEARS
from mailgate.config.reader import Bad, Node, Reader, quoted
from mailgate.desk.plans import Closure

if TYPE_CHECKING:
    from dateutil.rrule import rrule
    from icalendar import Event
    from icalendar.prop import vRecur

Closed = tuple[date | Closure, ...]

_MOST_OCTETS = 1_000_000
# Days and spans of one file: a break on each working day needs half as many.
_MOST = 20_000
# What began earlier and comes each day would be counted for seconds, until it comes to our days.
_EARLIEST = 1900
# Whoever closes by the hour means the hours of a calendar.
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_WITHIN_A_DAY = ("BYHOUR", "BYMINUTE", "BYSECOND")
# Whatever these packages stumble over is wrong in the file.
_STUMBLED = (Bad, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
# What says when an event is; a line that cannot be read has no name, and could be any of them.
_TIMES = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", None)


def closed_by(root: Path) -> Reader[Closed]:
    """What the events of a file close in the years 2020 to 2060, save those that are cancelled or leave people free (TRANSP).

    A relative path starts at `root`. Days, and times without a zone, are those of whoever has the calendar.
    """

    def read(node: Node) -> Closed:
        path = scalars.path(root)(node)
        with warnings.catch_warnings():
            # These tell of names that are a little more than a zone's, and of rules with two ends: both mean what they seem to mean.
            warnings.simplefilter("ignore")
            events = _events(path, _text(path))
            closed = tuple(islice(_closed(events), _MOST + 1))
        if len(closed) > _MOST:
            raise Bad(f"{path}: closes more than {_MOST:,} times")
        if events and all(_leaves_free(event) for _, event in events):
            raise Bad(f"{path}: closes nothing: each of its events leaves people free (TRANSP:TRANSPARENT)")
        return closed

    return read


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            octets = file.read(_MOST_OCTETS + 1)
    except OSError as error:
        raise Bad(f"{path}: {error.strerror}") from None
    if len(octets) > _MOST_OCTETS:
        raise Bad(f"{path}: has more than {_MOST_OCTETS:,} octets")
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Bad(f"{path}:{octets.count(10, 0, error.start) + 1}: this is not UTF-8") from None


def _events(path: Path, text: str) -> list[tuple[str, Event]]:
    """Each event, behind the place at which it begins; what is asked of it later is right."""
    # Only a desk with such a calendar pays for knowing how one is written.
    from icalendar import Calendar, Event, TimezoneDaylight, TimezoneStandard

    places = _places(path, text)
    try:
        walked = [one for calendar in Calendar.from_ical(text, multiple=True) for one in calendar.walk()]
        for one in walked:
            if isinstance(one, TimezoneStandard | TimezoneDaylight):
                _check_rules(one.rrules)
        placed = list(zip(places, (one for one in walked if isinstance(one, Event)), strict=True))
    except _STUMBLED as error:
        raise Bad(f"{path}: {error!s:.200}") from None
    for place, event in placed:
        try:
            _check(event)
        except _STUMBLED as error:
            raise Bad(f"{place}: {error!s:.200}") from None
    return placed


def _places(path: Path, text: str) -> list[str]:
    """Where each event begins: file and line. Raises Bad where this is no iCalendar file, or not a whole one."""
    places, begun = [], list[tuple[str, str]]()
    for number, line in enumerate(text.rstrip().split("\n"), 1):
        place = f"{path}:{number}"
        word, _, name = line.rstrip().upper().partition(":")
        if not begun and (word, name) != ("BEGIN", "VCALENDAR"):
            raise Bad(f"{place}: this is no iCalendar file, which begins with BEGIN:VCALENDAR")
        if word == "BEGIN":
            begun.append((name, place))
        if word == "END" and begun.pop()[0] != name:
            raise Bad(f"{place}: {quoted(line.rstrip())} ends what did not begin")
        if (word, name) == ("BEGIN", "VEVENT"):
            places.append(place)
    for name, place in begun[-1:]:
        raise Bad(f"{place}: {quoted(f'BEGIN:{name}')} has no end")
    return places


def _check(event: Event) -> None:
    """Raises Bad or ValueError where the times of an event are wrong, or would be taken for others than are meant."""
    for name, text in event.errors:
        if name in _TIMES:
            raise Bad(f"{name}: {text}" if name else text)
    begins, ends = event.start, event.end
    for one, name in ((begins, "DTSTART"), (ends, "DTEND")):
        zone = event[name].params.get("TZID") if name in event else None
        if zone and _floats(one):
            raise Bad(f"{name}: unknown time zone {quoted(zone)}, which the file does not tell either (VTIMEZONE)")
    if _floats(begins) != _floats(ends):
        raise Bad("of DTSTART and DTEND one has a time zone, and the other has none")
    if begins > ends:
        raise Bad("ends before it begins")
    if begins.year < _EARLIEST:
        raise Bad(f"begins before {_EARLIEST}")
    if event.RECURRENCE_ID and "RANGE" in event["RECURRENCE-ID"].params:
        raise Bad("RECURRENCE-ID: RANGE is not known here; write a series of its own from that day on")
    if any(end is not None for _, end in event.rdates):
        raise Bad("RDATE: a PERIOD is not known here; write an event of its own")
    _check_rules(event.rrules)


def _check_rules(rules: Iterable[vRecur]) -> None:
    for rule in rules:
        if rule.get("FREQ", [""])[0] not in _FREQUENCIES or any(part in rule for part in _WITHIN_A_DAY):
            raise Bad(f"RRULE: comes more often than once a day; known are {', '.join(_FREQUENCIES)}")
        if rule.get("INTERVAL", [1])[0] < 1:
            raise Bad("RRULE: comes for ever on the same day: INTERVAL has to be 1 or more")


def _floats(one: date) -> bool:
    return not isinstance(one, datetime) or one.tzinfo is None


def _leaves_free(event: Event) -> bool:
    return str(event.get("TRANSP", "")).upper() == "TRANSPARENT"


def _closed(events: list[tuple[str, Event]]) -> Iterator[date | Closure]:
    """Each day and span that these events close. Raises Bad."""
    # An event with a RECURRENCE-ID stands in the place of that one of the series with its UID.
    moved = defaultdict[str, list[date]](list)
    for _, event in events:
        if event.RECURRENCE_ID:
            moved[str(event.get("UID"))].append(event.RECURRENCE_ID)
    for place, event in events:
        if _leaves_free(event) or str(event.get("STATUS", "")).upper() == "CANCELLED" or event.start.year >= YEARS.stop:
            continue
        without = [] if event.RECURRENCE_ID else moved[str(event.get("UID"))]
        lasts, whole = event.end - event.start, not isinstance(event.start, datetime)
        try:
            for begins in _each(event, without):
                yield from _days(begins, lasts) if whole else _span(begins, lasts)
        except _STUMBLED as error:
            raise Bad(f"{place}: {error!s:.200}") from None


def _each(event: Event, without: list[date]) -> Iterator[datetime]:
    """When an event begins, each time that it comes in the years that count; aware where it has a time zone. Those of `without` do not."""
    from dateutil.rrule import rruleset

    begins = rruleset()
    begins.rdate(_alike(event.start, event.start))
    for rule in event.rrules:
        begins.rrule(_repeated(rule, event.start))
    for one, _ in event.rdates:
        begins.rdate(_alike(one, event.start))
    for one in (*event.exdates, *without):
        begins.exdate(_alike(one, event.start))
    return (one for one in begins if one.year in YEARS)


def _repeated(rule: vRecur, start: date) -> rrule:
    """A rule from this start on, which ends with the years that count, if not earlier. Raises Bad."""
    from dateutil.rrule import rrulestr

    endless = rule.copy()
    until = min(_alike(one, start) for one in (*endless.pop("UNTIL", ()), date(YEARS.stop, 1, 1)))
    repeated = rrulestr(str(endless.to_ical(), "ascii"), dtstart=_alike(start, start))
    # One that never holds is looked for until the year 9999: for some seconds, and only until somebody has mended it.
    if next(iter(repeated), None) is None:
        raise Bad("RRULE: there is no such day")
    return repeated.replace(until=until)


def _alike(one: date, start: date) -> datetime:
    """A day or moment as an event with this start would write it: at midnight, or at its time of the day, and in its time zone or none."""
    if not isinstance(start, datetime):
        return datetime.combine(one, time())
    if not isinstance(one, datetime):
        return datetime.combine(one, start.timetz())
    if start.tzinfo is None or one.tzinfo is None:
        return one.replace(tzinfo=start.tzinfo)
    return one


def _days(begins: datetime, lasts: timedelta) -> Iterator[date]:
    return (begins.date() + timedelta(days=number) for number in range(lasts.days))


def _span(begins: datetime, lasts: timedelta) -> Iterator[Closure]:
    """Of the same hours on the wall, however long they are on a day on which the clock is set; none where it takes no time."""
    ends = begins + lasts
    if lasts:
        yield Closure(begins.astimezone(UTC), ends.astimezone(UTC)) if begins.tzinfo else Closure(begins, ends)
