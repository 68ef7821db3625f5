"""Which moment or how much time do the words mean that people type: `fri 9:00`, `in 2h`, `24. Dezember 12 Uhr`, `1h30`?

English and German. None where the words mean nothing, or more than one thing: `03/04` is a day in March here and in April there. What to
answer then is the command's question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import partial
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mailgate.desk.seldom import seldom

# Whoever names a day and no hour means by the end of its work.
_END_OF_WORK = time(17)
# What lies further ahead is a slip of the finger.
_FURTHEST = timedelta(days=5 * 366)
_MOST_MINUTES = 100 * 60
_LONGEST = 60

WEEKDAYS = {
    word: number
    for number, words in enumerate((
        "mo mon monday montag", "di tu tue tues tuesday dienstag", "mi we wed wednesday mittwoch",
        "do th thu thur thurs thursday donnerstag", "fr fri friday freitag", "sa sat saturday samstag sonnabend",
        "su so sun sunday sonntag",
    ))
    for word in words.split()
}  # fmt: skip
_MONTHS = {
    word: number
    for number, words in enumerate((
        "jan january januar jänner", "feb february februar", "mar march mär märz mrz", "apr april", "may mai", "jun june juni",
        "jul july juli", "aug august", "sep sept september", "oct october okt oktober", "nov november", "dec december dez dezember",
    ), 1)
    for word in words.split()
}  # fmt: skip
DAYS = {"today": 0, "heute": 0, "tomorrow": 1, "morgen": 1, "übermorgen": 2}
_UNITS = {
    **dict.fromkeys("s sec second seconds sek sekunde sekunden".split(), timedelta(seconds=1)),
    **dict.fromkeys("m min mins minute minutes minuten".split(), timedelta(minutes=1)),
    **dict.fromkeys("h hr hrs hour hours std stunde stunden".split(), timedelta(hours=1)),
    **dict.fromkeys("d day days tag tage tagen".split(), timedelta(days=1)),
    **dict.fromkeys("w week weeks woche wochen".split(), timedelta(weeks=1)),
}
_OFF = frozenset({"off", "none", "never", "aus", "kein", "keine", "keiner", "nie"})
# Words that say nothing by themselves: `by Friday at 9`, `am Freitag um 9 Uhr`, `bis zum 24. Dezember`.
_FILLING = frozenset("by on at the of until till next am um bis zum den der kommenden nächsten".split())

_CLOCK = seldom(r"(\d{1,2})[:.](\d{2})(?: ?(am|pm|uhr|h))?|(\d{1,2}) ?(am|pm|uhr)")
_HOUR = seldom(r"\d{1,2}")
_NUMBER = seldom(r"\d{1,4}")
_ISO = seldom(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DOTTED = seldom(r"(\d{1,2})\.(\d{1,2})\.(\d{4})?")
_DAY_MONTH = seldom(r"(\d{1,2})(?:st|nd|rd|th|\.)? ?([^\W\d]{3,9})\.?(?: (\d{4}))?")
_MONTH_DAY = seldom(r"([^\W\d]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,?(?: (\d{4}))?")
_PIECE = seldom(r"(\d{1,4})(?:[.,](\d{1,2}))? ?([^\W\d]{1,8})\.? ?")
_COLON = seldom(r"(\d{1,3}):([0-5]\d)(?: ?(?:h|std))?")
_MIXED = seldom(r"(\d{1,3}) ?h ?([0-5]?\d)")


def zone(*names: str | None) -> tzinfo:
    """The first of these time zones that this machine knows, else UTC."""
    for name in filter(None, names):
        try:
            return ZoneInfo(name)
        except (OSError, ValueError, ZoneInfoNotFoundError):
            continue
    return UTC


def is_off(words: str) -> bool:
    """Whether the words take a moment away."""
    return _folded(words) in _OFF


def minutes(words: str) -> int | None:
    """How much time `30m`, `1h30`, `1:30`, `0,5h`, `1 Std 15 min` or a bare `30` is, in whole minutes; None for none and for too much."""
    text = _folded(words)
    spent = timedelta(minutes=int(text)) if _NUMBER.fullmatch(text) else _length(text)
    whole = round(spent / timedelta(minutes=1)) if spent is not None else 0
    return whole if 0 < whole <= _MOST_MINUTES else None


def moment(words: str, now: datetime) -> datetime | None:
    """The moment that the words mean, in UTC; it may lie in the past. `now` is aware, in the zone of whoever wrote them.

    A weekday, a day without its year and a time of day without a day mean the next one; a day without an hour means 17:00.
    """
    text = _folded(words)
    if not text or len(text) > _LONGEST:
        return None
    found = _ahead(text, now) or _on_a_day(text, now)
    return found.astimezone(UTC) if found is not None and found - now < _FURTHEST else None


def _folded(words: str) -> str:
    return " ".join(words.strip(" \t.!;").casefold().split())


# -------------------------------------------------------------------------------------------------------------- lengths


def _length(text: str) -> timedelta | None:
    for form in (_COLON, _MIXED):
        if found := form.fullmatch(text):
            return timedelta(hours=int(found[1]), minutes=int(found[2]))
    total, at = timedelta(0), 0
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece is None or piece[3] not in _UNITS:
            return None
        total += _UNITS[piece[3]] * float(f"{piece[1]}.{piece[2] or 0}")
        at = piece.end()
    return total if text else None


def _ahead(text: str, now: datetime) -> datetime | None:
    """`in 2h`, `in 3 Tagen`; elapsed time, whatever the clocks do meanwhile."""
    if not text.startswith("in "):
        return None
    length = _length(text[3:].replace(" and ", " ").replace(" und ", " "))
    # Dates come to an end as well.
    return None if length is None or length > _FURTHEST else now.astimezone(UTC) + length


# ----------------------------------------------------------------------------------------------------------------- days


def _on_a_day(text: str, now: datetime) -> datetime | None:
    """A day, a time of day, or both, the day first."""
    text = text.replace("t", " ", 1) if _is_stamp(text) else text
    words = [word for word in text.split(" ") if word not in _FILLING]
    clock = _clock(" ".join(words))
    if clock is not None:
        # 11.12 is a time of day to some and a day to others.
        dated = any(month <= 12 for _, month, _ in dates(" ".join(words)))
        return None if dated else _next(now, partial(_at, now, clock=clock), timedelta(days=1))
    for cut in range(len(words), 0, -1):
        day, rest = " ".join(words[:cut]).rstrip(","), " ".join(words[cut:])
        at = _END_OF_WORK if not rest else _clock(rest) or _hour(rest)
        if at is not None and (found := _day(day, at, now)) is not None:
            return found
    return None


def _is_stamp(text: str) -> bool:
    """Whether this is `2026-12-24t12:00`."""
    return len(text) > 11 and text[10] == "t" and _ISO.fullmatch(text[:10]) is not None


def _day(text: str, at: time, now: datetime) -> datetime | None:
    if text in DAYS:
        return _at(now, now + timedelta(days=DAYS[text]), clock=at)
    if text in WEEKDAYS:
        first = now + timedelta(days=(WEEKDAYS[text] - now.weekday()) % 7)
        return _next(now, lambda day: _at(now, day, clock=at), timedelta(days=7), first)
    for year, month, day in dates(text):
        years = (year,) if year else (now.year, now.year + 1)
        found = [one for each in years if (one := _valid(each, month, day, at, now)) is not None]
        # A day without its year is the next one of that name.
        return next((one for one in found if one > now), found[-1] if found else None)
    return None


def dates(text: str) -> Iterator[tuple[int, int, int]]:
    """The year (0 where none is named), month and day that the text says."""
    if found := _ISO.fullmatch(text):
        yield int(found[1]), int(found[2]), int(found[3])
    elif found := _DOTTED.fullmatch(text + ("" if text.count(".") != 1 else ".")):
        yield int(found[3] or 0), int(found[2]), int(found[1])
    elif (found := _DAY_MONTH.fullmatch(text)) and found[2] in _MONTHS:
        yield int(found[3] or 0), _MONTHS[found[2]], int(found[1])
    elif (found := _MONTH_DAY.fullmatch(text)) and found[1] in _MONTHS:
        yield int(found[3] or 0), _MONTHS[found[1]], int(found[2])


def _valid(year: int, month: int, day: int, at: time, now: datetime) -> datetime | None:
    try:
        return datetime(year, month, day, at.hour, at.minute, tzinfo=now.tzinfo)
    except ValueError:
        return None


def _at(now: datetime, day: datetime | None = None, *, clock: time) -> datetime:
    return (day or now).replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0, fold=0)


def _next(now: datetime, at: Callable[[datetime], datetime], step: timedelta, first: datetime | None = None) -> datetime:
    """The first of a series of days on which this time of day is still to come."""
    found = at(first or now)
    return found if found > now else at((first or now) + step)


def _clock(text: str) -> time | None:
    """`9:00`, `17.30 Uhr`, `9am`, `9 Uhr`."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    hour, minute, half = int(found[1] or found[4]), int(found[2] or 0), found[3] or found[5]
    if half in ("am", "pm"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _hour(text: str) -> time | None:
    """The bare `9` behind a day."""
    return time(int(text)) if _HOUR.fullmatch(text) and int(text) < 24 else None
