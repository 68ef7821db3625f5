"""What does an effect follow from? The name under which it is written, so that nothing comes true twice."""

from __future__ import annotations

from msgspec import Struct

# What tells of clocks.
NOTICE = "notice"


class Cause(Struct, frozen=True):
    """What an effect follows from: `inbox` 17, `timer` 4, `order` …; together with a running number it is unique for ever."""

    type: str
    id: str
