"""What may a template do? A Jinja2 environment in which an operator's mistake, or malice, stays a fault of one letter.

Sandboxed and strict: only known fields, filters and string methods; no loops in loops, no string repetition, no way to mark text as
safe HTML. Each template is compiled twice, escaping for its html part and literal for the others, so that the mode is never its choice.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import FileSystemLoader, StrictUndefined, meta, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from mailgate.desk.letters import Line
from mailgate.mail import header
from mailgate.mail.view import DeskView, Links, MessageView, PersonView, TicketView, View

# What templates may read from each value, so that the check of a field costs one look-up.
FIELDS: Mapping[type, frozenset[str]] = {
    kind: frozenset(field.name for field in fields(kind)) for kind in (DeskView, Line, Links, MessageView, TicketView)
} | {PersonView: frozenset({"name", "address", "label", "greeting"})}
# The kind of value behind each name of a view that has fields.
_KINDS: Mapping[str, type] = {
    "desk": DeskView,
    "links": Links,
    "message": MessageView,
    "recipient": PersonView,
    "requester": PersonView,
    "technician": PersonView,
    "ticket": TicketView,
}
NAMES = frozenset(field.name for field in fields(View)) | {"language", "part", "title"}
_FILTERS = tuple("capitalize d default e escape first int join last length lower replace string title trim upper".split())
_STRING_METHODS = frozenset({"capitalize", "endswith", "lower", "lstrip", "rstrip", "splitlines", "startswith", "strip", "title", "upper"})
_MONTHS = {
    "en": "January February March April May June July August September October November December".split(),
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split(),
}


class Environment(ImmutableSandboxedEnvironment):
    """Jinja2 with less in it. `escaping` says which of the two compilations this is."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, folders: Sequence[Path], *, escaping: bool) -> None:
        super().__init__(
            loader=FileSystemLoader(folders),
            autoescape=escaping,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
        )
        self.globals = {"subject_line": header.subject_line}
        self.filters = {name: self.filters[name] for name in _FILTERS} | {
            "breaks": _breaks if escaping else str,
            "excerpt": _excerpt,
            "line": header.text,
            "pad": _pad,
            "quoted": _quoted,
            "refused": _refused,
            "when": _when,
        }

    def getattr(self, obj: Any, attribute: str) -> Any:
        """As Jinja2 does, but for our own values by a table instead of a dozen checks."""
        known = FIELDS.get(type(obj))
        if known is None:
            return super().getattr(obj, attribute)
        return getattr(obj, attribute) if attribute in known else self.undefined(obj=obj, name=attribute)

    def call(self, context: Context, obj: Any, *args: Any, **kwargs: Any) -> Any:
        """As Jinja2 does, but our own macros need no checks, and no variables of the block that calls them."""
        if type(obj) is Macro:
            kwargs.pop("_block_vars", None)
            kwargs.pop("_loop_vars", None)
            return obj(*args, **kwargs)
        return super().call(context, obj, *args, **kwargs)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Of strings only the methods that cannot make them longer; for all else the sandbox's own rules."""
        if isinstance(obj, str):
            return attr in _STRING_METHODS
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """No `str.format`, not even a sandboxed one: a width in it fills the memory. What is None here is judged by its attribute name."""

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic stays; repeating and formatting strings does not, for a short line of it fills the memory."""
        if operator == "**" or not isinstance(left, int) or not isinstance(right, int):
            raise SecurityError(f"{operator} is not for templates")
        return super().call_binop(context, operator, left, right)


def faults(environment: Environment, tree: nodes.Template, *, letter: bool) -> Iterator[tuple[int, str]]:
    """Line and sentence of everything wrong that can be seen without rendering, also in branches that no sample takes."""
    if letter:
        yield from _shape(tree)
    for loop in tree.find_all(nodes.For):
        if any(isinstance(inner, nodes.For) or inner.find(nodes.For) for inner in loop.body):
            yield loop.lineno, "a loop inside a loop"
    for modifier in tree.find_all(nodes.ScopedEvalContextModifier):
        yield modifier.lineno, "autoescape is not a template's choice"
    # Jinja2 looks at each block by itself; what a template sets anywhere is known to it here.
    own = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"}
    unknown = meta.find_undeclared_variables(tree) - NAMES - own - environment.globals.keys()
    for name in tree.find_all(nodes.Name):
        if name.name in unknown:
            yield name.lineno, f"there is no {name.name}{nearest(name.name, NAMES)}"
    for access in tree.find_all(nodes.Getattr):
        kind = _KINDS.get(access.node.name) if isinstance(access.node, nodes.Name) else None
        if kind is not None and access.attr not in FIELDS[kind]:
            yield access.lineno, f"{_source(access)} does not exist{nearest(access.attr, FIELDS[kind])}"


def nearest(word: str, known: Iterable[str]) -> str:
    """The question "did you mean …?" with the most similar known word, or nothing."""
    best = difflib.get_close_matches(word, sorted(known), 1)
    return f"; did you mean {best[0]}?" if best else ""


def _shape(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    if tree.find(nodes.Extends) is None:
        yield 1, 'a letter begins with {% extends "base.j2" %}'
    blocks = {block.name for block in tree.find_all(nodes.Block)}
    for part in ("subject", "text", "html"):
        if part not in blocks:
            yield 1, f"the block {part} is missing"


def _source(access: nodes.Getattr) -> str:
    return f"{access.node.name}.{access.attr}" if isinstance(access.node, nodes.Name) else access.attr


@pass_context
def _when(context: Context, moment: datetime) -> str:
    """The moment in the desk's zone and the letter's language: "20 November 2026, 14:05 CET"."""
    local = moment.astimezone(_zone(context["desk"].timezone))
    clock = f"{local.hour:02d}:{local.minute:02d}"
    match context["language"]:
        case "de":
            return f"{local.day}. {_MONTHS['de'][local.month - 1]} {local.year}, {clock} Uhr"
        case "en":
            return f"{local.day} {_MONTHS['en'][local.month - 1]} {local.year}, {clock} {local.tzname()}"
        case _:
            return f"{local:%Y-%m-%d} {clock} {local.tzname()}"


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    """The zone of that name; UTC where this machine does not know it, since a letter with an odd clock beats no letter."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return UTC


def _breaks(text: str) -> Markup:
    """A human's text as HTML: escaped, line ends and indents kept."""
    # Safe: what was escaped first only gets blanks and line ends replaced.
    return Markup(str(escape(text.strip("\n"))).replace("  ", "\u00a0 ").replace("\n", "<br>\n"))  # noqa: S704


def _excerpt(text: str, limit: int = 400, lines: int = 12) -> str:
    """The beginning of a text: so many characters and lines at most, cut between words, with an ellipsis where something is missing."""
    whole = text.strip()
    short = "\n".join(whole[: limit + 1].split("\n")[:lines])
    if len(short) > limit:
        short = short[:limit].rpartition(" ")[0] or short[:limit]
    return short if short == whole else short.rstrip(" .,;:\n") + " …"


def _quoted(text: str) -> str:
    """A plain text with quote marks before each line."""
    return "\n".join(f"> {line}".rstrip() for line in text.strip("\n").split("\n"))


def _refused(lines: Sequence[Line]) -> bool:
    """Whether any line of a receipt was wrong."""
    return not all(line.ok for line in lines)


def _pad(text: str, width: int) -> str:
    """The text, filled with blanks up to a column of at most 40."""
    return text.ljust(min(width, 40))
