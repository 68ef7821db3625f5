"""What time is it? The one place of the daemon that asks the machine; everything below takes `now` as a parameter."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from mailgate.desk.sanity import Reading

_BOOT = Path("/proc/sys/kernel/random/boot_id")
# Linux counts the time that it slept on a clock of its own, elsewhere the usual one does.
_PASSED: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def utc() -> datetime:
    """The wall clock, aware and in UTC."""
    return datetime.now(UTC)


def reading() -> Reading:
    """What the machine's clocks show now."""
    return Reading(utc(), time.clock_gettime(_PASSED), _boot())


@cache
def _boot() -> str:
    """Which start of the machine this is; where it does not say, none but this process knows what its seconds mean."""
    try:
        return _BOOT.read_text("ascii").strip()
    except OSError:
        return secrets.token_hex(8)
