"""When is somebody not there, and what does he write to say so? Spans of days, hours of a week, and whoever stands in meanwhile.

A span is `2026-12-24` (away up to and on that day) or `2026-12-20/2026-12-31`. Days and hours are those of the person's time zone.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from mailgate.desk.model import Address, Directory, Person
from mailgate.desk.moments import DAYS, WEEKDAYS, dates

_OFF = frozenset({"off", "back", "aus", "zurück"})
# Who is away for longer has left.
_LONGEST = timedelta(days=750)
_MOST_DELEGATES = 5


class Absence(Struct, frozen=True):
    """What somebody said of himself: the span in which he is away; None: he is there."""

    person: Address
    span: str | None


def local(person: Person, timezone: str, now: datetime) -> datetime:
    """The person's own time; `timezone` is the desk's, `now` aware."""
    return now.astimezone(ZoneInfo(person.timezone or timezone))


def absent(person: Person, today: date) -> bool:
    """Whether people.toml or the person himself says that he is away on this day."""
    return within(person.away, today) or within(person.said, today)


def within(span: str | None, today: date) -> bool:
    """Whether a span holds this day."""
    if not span:
        return False
    first, slash, last = span.partition("/")
    return (not slash or first <= today.isoformat()) and today.isoformat() <= (last or first)


def at_work(person: Person, timezone: str, now: datetime) -> bool:
    """Whether this is one of the hours in which the person works; who has none works at any."""
    if person.hours is None:
        return True
    here = local(person, timezone, now)
    since_midnight = timedelta(hours=here.hour, minutes=here.minute, seconds=here.second)
    return any(one.opens <= since_midnight < one.closes for one in person.hours[here.weekday()])


def stand_in(person: Person, people: Directory, today: date) -> Person | None:
    """Who works for somebody who is away: his delegate, or that one's if he is away too; None where nobody is named or there."""
    seen = {person.address}
    for _ in range(_MOST_DELEGATES):
        found = people.find(person.delegate) if person.delegate else None
        if found is None or not found.staff or found.address in seen:
            return None
        if not absent(found, today):
            return found
        seen.add(found.address)
        person = found
    return None


def said(words: str, today: date) -> str | None:
    """The span that `until friday`, `until 2026-12-24`, `bis 24.12.` or `from 20.12. until 31.12.` names; "" for `off`; None for no span.

    A weekday is the next of its name after today; a day without a year is the next one. Today is always part of what has no beginning.
    """
    parts = words.casefold().replace(",", " ").split()
    if len(parts) == 1 and parts[0].rstrip(".!") in _OFF:
        return ""
    first: date | None = today
    if parts[:1] and parts[0] in ("from", "von", "ab", "vom") and len(parts) > 1:
        first, parts = _day(parts[1], today), parts[2:]
    if parts[:1] and parts[0] in ("until", "till", "til", "to", "bis", "through"):
        parts = [one for one in parts[1:] if one not in ("zum", "including", "einschliesslich", "inklusive")]
    last = _day(parts[0], first or today) if len(parts) == 1 else None
    if first is None or last is None or not today <= first <= last or last - today > _LONGEST:
        return None
    return f"{first.isoformat()}/{last.isoformat()}"


def _day(word: str, after: date) -> date | None:
    word = word.strip("!;")
    if word in DAYS:
        return after + timedelta(days=DAYS[word])
    weekday = WEEKDAYS.get(word.rstrip("."))
    if weekday is not None:
        return after + timedelta(days=(weekday - after.weekday() - 1) % 7 + 1)
    try:
        for year, month, day in dates(word.rstrip(".")):
            this = date(year or after.year, month, day)
            return this if year or this >= after else this.replace(year=after.year + 1)
    except ValueError:
        # The 30th of February.
        return None
    return None
