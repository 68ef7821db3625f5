"""On which days is nobody at work, by law? Public holidays by country and region, from the `holidays` package, as plain dates."""

from __future__ import annotations

import warnings
from datetime import date

from mailgate.config.reader import Bad, Node, hint, quoted
from mailgate.config.scalars import holidays as code

# A target is never further away than this, and no report looks further back.
YEARS = range(2020, 2061)


def public_holidays(node: Node) -> tuple[date, ...]:
    """The public holidays of a country, or of a part of it, such as "DE-BY" (ISO 3166); of the years 2020 to 2060, as far as known."""
    # Only a desk with such a calendar pays for what is known of a hundred and fifty countries.
    import holidays

    country, _, part = code(node).partition("-")
    countries = holidays.list_supported_countries(include_aliases=False)
    if country not in countries:
        raise Bad(f'nothing is known of the holidays of {quoted(country)}; write a country of ISO 3166, like "DE"')
    parts = countries[country]
    if part and part not in parts:
        raise Bad(f"{country} has no part {quoted(part)}; {hint(part, parts)}")
    with warnings.catch_warnings():
        # Some calendars are known for fewer years, such as those that follow the moon.
        warnings.simplefilter("ignore", UserWarning)
        return tuple(sorted(holidays.country_holidays(country, subdiv=part or None, years=YEARS)))
