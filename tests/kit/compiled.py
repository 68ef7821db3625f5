"""Why is each letter compiled once a run, and not once for each desk that a test opens? Because a third of the suite did nothing else.

A template's code depends on its text, its name and whether it escapes, and on nothing that a test changes; only that is kept. Whatever
Jinja2 does with the code, and every template that it refuses, is as always.
"""

from __future__ import annotations

from types import CodeType
from typing import Any

from mailgate.mail.sandbox import Environment

_compile: Any = Environment.compile
_known: dict[tuple[object, ...], CodeType] = {}


def compile_once() -> None:
    """From now on this process, and whatever it forks, knows the code of each template that it has compiled."""
    Environment.compile = _remembered  # type: ignore[method-assign, assignment]


def _remembered(environment: Environment, source: object, name: str | None = None, filename: str | None = None, **further: bool) -> Any:
    if not isinstance(source, str) or any(further.values()):
        return _compile(environment, source, name, filename, **further)
    key = (type(environment), bool(environment.autoescape), source, name, filename)
    if key not in _known:
        _known[key] = _compile(environment, source, name, filename)
    return _known[key]
