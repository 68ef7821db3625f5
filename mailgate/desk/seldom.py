"""Which patterns are compiled only when they are first asked? Those that few mails bring anything for.

There are two hundred patterns in this house, and to compile them all takes a tenth of each start. One that nearly every mail meets stands
with `re.compile`, since it answers a little sooner; this module does not choose.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any, AnyStr, cast


class Seldom:
    """A pattern as yet uncompiled. Whatever it is asked for, it compiles itself and answers as the compiled one does."""

    def __init__(self, source: str | bytes, flags: int) -> None:
        self._source, self._flags = source, flags

    @cached_property
    def _pattern(self) -> re.Pattern[Any]:
        return re.compile(self._source, self._flags)

    def __getattr__(self, name: str) -> Any:
        """What the compiled pattern has of that name. It is kept here, and nobody who asks for it again comes this way."""
        found = vars(self)[name] = getattr(self._pattern, name)
        return found


def seldom(source: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """A pattern that is compiled when it is first asked; re.error is raised then. A test compiles them all."""
    return cast("re.Pattern[AnyStr]", Seldom(source, flags))
