"""What time is it? The one place of the daemon that asks the machine; everything below takes `now` as a parameter."""

from __future__ import annotations

from datetime import UTC, datetime


def utc() -> datetime:
    """The wall clock, aware and in UTC."""
    return datetime.now(UTC)
