"""When was this mail written? Reads the Date field as mailers really write it. Does not decide whether the sender's clock is right.

mail-parser reads what RFC 5322 allows. What it refuses (AM/PM, missing or bare zones, numeric months, weekdays in odd places) is read
by its parts: a time, a year, a day, a month, wherever they stand. A missing zone counts as UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from mailgate.desk.seldom import seldom
from mailgate.mail.fields import words

_ISO_MARK = seldom(r"(?<=\d)T(?=\d)")
_DOTTED_TIME = seldom(r"(?<![\d.])(\d{1,2})\.(\d{2})(?:\.(\d{2}))?()(?![\d.])")
_TIME = seldom(r"\b(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?(?:[.,]\d+)?(?:\s*([AaPp])(?:\.?[Mm])?\b\.?)?")
_USUAL = re.compile(r"(?:[A-Z][a-z]{2}, )?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)([0-5]\d)(?: \([^()]*\))?")
# RFC 5322 would take PM for an unknown zone, and mail-parser does; nor does it know GMT+2 or what an encoded word holds.
_UNSTRICT = seldom(r"\d\s*[AaPp]\.?[Mm]\b|=\?|(?:GMT|UTC) ?[+-]\d{1,2}(?![\d:])|:\d\d [A-Z]{3,4}$|[+-]\d{1,3}$")
_ISO = seldom(r"\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?=\b|T)")
_NUMERIC = seldom(r"\b(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})\b")
_MONTH = seldom(r"(?<![a-z])(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*", re.I)
# Months as programs of other languages begin them, where that is not as in English; the number of the month before them.
_FOREIGN = {
    name: month
    for month, names in enumerate(
        (
            "ene gen янв sty led",
            "fév fev фев лют lut úno",
            "mär mrz maart mrt мар бер bře",
            "avr abr апр кві kwi dub",
            "mai maj mag mei мая май тра kvě",
            "juin giu июн чер cze",
            "juil lug июл лип lip",
            "aoû ago авг сер sie srp",
            "set wrz сен вер zář",
            "okt ott out окт жов paź říj",
            "noi ноя лис",
            "dez déc dic дек гру gru",
        ),
        1,
    )
    for name in names.split()
}
_DASHED_MONTH = seldom(r"\b(\d{1,2})-([^\W\d_]{3,9})-(\d{2,4})\b")
_HANZI_DAY = seldom(r"(\d{4})\s?[年년]\s?(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日일]")
_SHORT_OFFSET = seldom(r"(?:\b(?:GMT|UTC) ?|^\s*)([+-])(\d{1,2})(\d\d)?(?![\d:])")
_NUMBERED_MONTH = seldom(r"(\d{1,2})\s?[月월]")
_WORD = seldom(r"[^\W\d_]{3,12}")
_OFFSET = seldom(r"([+-])(\d{2}):?(\d{2})\b")
# Hours east of Greenwich of the zones that mailers name. Of names with several meanings the one that most mail is written under counts.
_HOURS: dict[str, float] = {
    name: float(hours)
    for hours, names in {
        "-10": "HST",
        "-9": "AKST",
        "-8": "PST AKDT",
        "-7": "MST PDT",
        "-6": "CST MDT",
        "-5": "EST CDT",
        "-4": "EDT AST CLT",
        "-3": "BRT ART ADT CLST",
        "-2.5": "NDT",
        "-3.5": "NST",
        "0": "UTC UT GMT WET Z",
        "1": "CET MET MEZ BST WEST WAT",
        "2": "CEST MEST MESZ EET SAST CAT",
        "3": "EEST MSK TRT EAT",
        "3.5": "IRST",
        "4": "MSD GST",
        "5": "PKT YEKT",
        "5.5": "IST",
        "7": "ICT WIB",
        "8": "HKT SGT AWST MYT PHT",
        "9": "JST KST",
        "9.5": "ACST",
        "10": "AEST",
        "10.5": "ACDT",
        "11": "AEDT",
        "12": "NZST",
        "13": "NZDT",
    }.items()
    for name in names.split()
}
_ZONE = seldom(rf"\b({'|'.join(_HOURS)})\b")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_COMMENT = re.compile(r"\([^()]*\)")


def read(value: str) -> datetime | None:
    """The instant of a Date field in UTC; None for a blank or hopeless one."""
    text = value[:200].strip()
    if not text:
        return None
    if (usual := _USUAL.fullmatch(text)) and usual[2].lower() in _MONTHS:
        return _exact(usual)
    if not _UNSTRICT.search(text):
        from mailparser.dates import parse_mail_date

        strict = parse_mail_date(text).value
        if isinstance(strict, datetime):
            return strict
    return _pieced(_COMMENT.sub(" ", words(text)))


def _exact(usual: re.Match[str]) -> datetime | None:
    """The date in the form in which nearly all mailers write it; None if there is no such day, hour or month."""
    day, month, year, hour, minute, second, sign, hours, minutes = usual.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
    try:
        local = datetime(int(year), _MONTHS.index(month.lower()) + 1, int(day), int(hour), int(minute), min(int(second), 59), tzinfo=UTC)
        return local - offset
    except (ValueError, OverflowError):
        return None


def _pieced(text: str) -> datetime | None:
    """A date put together from its parts; None if a part is missing or impossible."""
    text = _HANZI_DAY.sub(r"\1-\2-\3 ", _DASHED_MONTH.sub(r"\1 \2 \3", _ISO_MARK.sub(" ", text)))
    clock = _TIME.search(text) or _DOTTED_TIME.search(text)
    day = _calendar(text[: clock.start()] + " " + text[clock.end() :] if clock else text)
    if day is None or clock is None:
        return None
    hour = int(clock[1])
    if clock[4]:
        hour = hour % 12 + (12 if clock[4] in "Pp" else 0)
    try:
        return datetime(*day, hour, int(clock[2]), min(int(clock[3] or 0), 59), tzinfo=_zone(text[clock.end() :])).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _calendar(text: str) -> tuple[int, int, int] | None:
    """Year, month and day of a text from which the time has been taken out."""
    if iso := _ISO.search(text):
        return int(iso[1]), int(iso[2]), int(iso[3])
    if numeric := _NUMERIC.search(text):
        first, second, year = (int(part) for part in numeric.groups())
        # Day first, as nearly everywhere, unless only the American order can be meant.
        day, month = (second, first) if second > 12 else (first, second)
        return _full(year), month, day
    named = _month(text)
    numbers = [int(number) for number in re.findall(r"(?<![+\d-])\d{1,4}(?![\d月월])", text)]
    if named is None or len(numbers) < 2:
        return None
    years = [number for number in numbers if number > 31] or numbers[1:]
    days = [number for number in numbers if 0 < number <= 31]
    return (_full(years[0]), named, days[0]) if days else None


def _month(text: str) -> int | None:
    """The number of the month whose name stands in a text, in English or else in another language."""
    if named := _MONTH.search(text):
        return _MONTHS.index(named[1].lower()) + 1
    if (numbered := _NUMBERED_MONTH.search(text)) and 1 <= int(numbered[1]) <= 12:
        return int(numbered[1])
    found = (_FOREIGN.get(word[:length]) for word in _WORD.findall(text.lower()) for length in (5, 4, 3))
    return next((month for month in found if month), None)


def _full(year: int) -> int:
    """A year with its century (RFC 5322 section 4.3)."""
    return year + (2000 if year < 50 else 1900) if year < 100 else year


def _zone(text: str) -> timezone:
    """The zone that follows the time: an offset, a known name, four bare digits; else UTC."""
    if offset := _OFFSET.search(text):
        minutes = int(offset[2]) * 60 + int(offset[3])
        return timezone(timedelta(minutes=min(minutes, 14 * 60) * (-1 if offset[1] == "-" else 1)))
    if short := _SHORT_OFFSET.search(text):
        minutes = int(short[2]) * 60 + int(short[3] or 0)
        return timezone(timedelta(minutes=min(minutes, 14 * 60) * (-1 if short[1] == "-" else 1)))
    if name := _ZONE.search(text):
        return timezone(timedelta(hours=_HOURS.get(name[1], 0)))
    if bare := re.match(r"\s*(0\d|1[0-4])([0-5]\d)\s*$", text):
        return timezone(timedelta(hours=int(bare[1]), minutes=int(bare[2])))
    return UTC
