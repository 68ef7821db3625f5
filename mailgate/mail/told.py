"""How does a letter tell a moment, a day or a length of time? Filters for templates; the context says in which language and zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import pass_context
from jinja2.runtime import Context

_MONTHS = {
    "en": "January February March April May June July August September October November December".split(),
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split(),
}
# What Germans call the zone that they live in.
_GERMAN_ZONES = {"CET": "MEZ", "CEST": "MESZ"}


@pass_context
def when(context: Context, moment: datetime) -> str:
    """The moment in the desk's zone and the letter's language: "20 November 2026, 14:05 CET", "20. November 2026, 14:05 Uhr MEZ"."""
    return _told(moment, context["desk"].timezone, context["language"])


# A letter tells each of its moments twice, in text and HTML.
@lru_cache(maxsize=64)
def _told(moment: datetime, zone: str, language: str) -> str:
    local = moment.astimezone(_zone(zone))
    clock, name = f"{local.hour:02d}:{local.minute:02d}", local.tzname() or ""
    match language:
        case "de":
            return f"{local.day}. {_MONTHS['de'][local.month - 1]} {local.year}, {clock} Uhr {_GERMAN_ZONES.get(name, name)}"
        case "en":
            return f"{local.day} {_MONTHS['en'][local.month - 1]} {local.year}, {clock} {name}"
        case _:
            return f"{local:%Y-%m-%d} {clock} {name}"


@pass_context
def shortly(context: Context, moment: datetime) -> str:
    """The moment among others of these weeks: "20 Nov, 14:05", "20. Nov., 14:05"."""
    local = moment.astimezone(_zone(context["desk"].timezone))
    return f"{_date(local, context['language'], short=True)}, {local:%H:%M}"


@pass_context
def day(context: Context, moment: datetime) -> str:
    """The day: "20 November", "20. November"."""
    return _date(moment.astimezone(_zone(context["desk"].timezone)), context["language"], short=False)


def _date(local: datetime, language: str, *, short: bool) -> str:
    if language not in _MONTHS:
        return f"{local:%m-%d}"
    month = _MONTHS[language][local.month - 1]
    if short and len(month) > 4:
        month = month[:3] + ("." if language == "de" else "")
    return f"{local.day}. {month}" if language == "de" else f"{local.day} {month}"


@pass_context
def span(context: Context, span: timedelta | None) -> str:
    """A length of time with its two greatest units: "45 min", "3 h 20 min", "2 d 4 h"; a dash for none."""
    if span is None:
        return "–"
    minutes = round(span.total_seconds() / 60)
    days, hours = ("Tg.", "Std.") if context["language"] == "de" else ("d", "h")
    units = ((minutes // 1440, days), (minutes // 60 % 24, hours), (minutes % 60, "min"))
    first = next((at for at, (number, _) in enumerate(units) if number), len(units) - 1)
    return " ".join(f"{number} {unit}" for number, unit in units[first : first + 2] if number) or "0 min"


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    """The zone of that name; UTC where this machine does not know it, since a letter with an odd clock beats no letter."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return UTC
