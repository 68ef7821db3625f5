"""How does a letter tell a moment, a length of time or a share? Filters for templates; the context says in which language and zone."""

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
_WEEKDAYS = {"en": "Mon Tue Wed Thu Fri Sat Sun".split(), "de": "Mo Di Mi Do Fr Sa So".split()}
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
    return f"{date_of(local, context['language'], short=True)}, {local:%H:%M}"


@pass_context
def day(context: Context, moment: datetime) -> str:
    """The day: "20 November", "20. November"."""
    return date_of(moment.astimezone(_zone(context["desk"].timezone)), context["language"], short=False)


@pass_context
def weekday(context: Context, moment: datetime) -> str:
    """The day of a week that is known: "Mon 2", "Mo 2."."""
    local = moment.astimezone(_zone(context["desk"].timezone))
    names = _WEEKDAYS.get(context["language"], _WEEKDAYS["en"])
    return f"{names[local.weekday()]} {local.day}{'.' if context['language'] == 'de' else ''}"


@pass_context
def percent(context: Context, part: int, whole: int) -> str:
    """How much of the whole it is, rounded down so that only all is 100: "92 %"; a dash where there is no whole."""
    return f"{100 * part // whole}\u00a0%" if whole else "–"


@pass_context
def mark(context: Context, mean: float, count: int) -> str:
    """A mean mark, and how many gave one: "4.3 (12)", "4,3 (12)"; a dash where nobody did."""
    return f"{mean:.1f} ({count})".replace(".", "," if context["language"] == "de" else ".") if count else "–"


def date_of(local: datetime, language: str, *, short: bool) -> str:
    """The day of a moment in its zone, with the beginning of the month's name where it is to be `short`: "20 Nov", "20. Nov."."""
    if language not in _MONTHS:
        return f"{local:%m-%d}"
    month = _MONTHS[language][local.month - 1]
    if short and len(month) > 4:
        month = month[:3] + ("." if language == "de" else "")
    return f"{local.day}. {month}" if language == "de" else f"{local.day} {month}"


def month_of(local: datetime, language: str) -> str:
    """The month of a moment in its zone: "Nov 2026"."""
    return f"{_MONTHS[language][local.month - 1][:3]} {local.year}" if language in _MONTHS else f"{local:%Y-%m}"


@pass_context
def dated(context: Context, moment: datetime) -> str:
    """The day with its year: "20 November 2026", "20. November 2026"."""
    local = moment.astimezone(_zone(context["desk"].timezone))
    day_of = date_of(local, context["language"], short=False)
    return f"{day_of} {local.year}" if context["language"] in _MONTHS else f"{local:%Y-%m-%d}"


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
