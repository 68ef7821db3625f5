"""What may a template do? A Jinja2 environment in which an operator's mistake, or malice, stays a fault of one letter.

Sandboxed and strict: only known fields, filters and string methods; no loops in loops, no string repetition, no way to mark text as
safe HTML. Each template is compiled twice, escaping for its html part and literal for the others, so that the mode is never its choice.
What they may use beside Jinja2's own stands at the end.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from pathlib import Path
from textwrap import fill
from typing import Any

from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader, StrictUndefined, Template, meta, nodes, pass_context
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError, TemplateNotFound
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer
from markupsafe import Markup, escape

from mailgate.desk.letters import Became, Line, Mailbox
from mailgate.desk.summary import Backlog
from mailgate.desk.weekly import Day, Figures, Promise, Report, Share
from mailgate.mail import header, told
from mailgate.mail.summed import DigestView, EntryView, HeldMailView, HeldView, LateView, OverdueView
from mailgate.mail.view import ArticleView, ClockView, DeskView, FoundView, Links, MessageView, PersonView, SearchView, TicketView, View

# Human words by kind and slug.
Dictionary = Mapping[str, Mapping[str, str]]
_VIEWS = (
    ArticleView, Backlog, Day, DeskView, DigestView, EntryView, Figures, FoundView, HeldMailView, HeldView, LateView, Line, Links, Mailbox,
    MessageView, OverdueView, Promise, SearchView, Share, TicketView,
)  # fmt: skip
# What templates may read from each value, so that the check of a field costs one look-up.
FIELDS: Mapping[type, frozenset[str]] = {kind: frozenset(kind.__struct_fields__) for kind in _VIEWS} | {
    PersonView: frozenset({"name", "address", "label", "mailbox", "greeting"}),
    ClockView: frozenset({*ClockView.__struct_fields__, "late"}),
    Report: frozenset({*Report.__struct_fields__, "busiest"}),
}
# The kind of value behind each name of a view that has fields.
_KINDS: Mapping[str, type] = {
    "clock": ClockView,
    "desk": DeskView,
    "digest": DigestView,
    "held": HeldView,
    "links": Links,
    "mailbox": Mailbox,
    "message": MessageView,
    "overdue": OverdueView,
    "recipient": PersonView,
    "report": Report,
    "requester": PersonView,
    "search": SearchView,
    "technician": PersonView,
    "ticket": TicketView,
}
# The last three are what the frame of technicians' letters expects each of them to set.
NAMES = frozenset(View.__struct_fields__) | {"language", "part", "title", "headline", "remark", "warning"}
_FILTERS = tuple("capitalize d default e escape first int join last length lower replace string title trim upper".split())
_STRING_METHODS = frozenset("capitalize endswith lower lstrip rstrip split splitlines startswith strip title upper".split())
# Under this name the packaged folder is found beside those of the operator.
_PACKAGED = "packaged"
# Characters of one rendered part. A view is cut before, so that no mail reaches this; only a template can.
_CAP = 512 * 1024
# So many pieces of a part are joined before it is measured.
_PIECES = 64
# What text stands for in HTML. The ampersand first, for the others bring their own.
_REFERENCES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&#34;"), ("'", "&#39;"))
# A line of plain text has so many columns at most, where the choice is ours.
_COLUMNS = 76


class _Compiler(CodeGenerator):
    """Has pieces of a page escaped by the environment; whatever it does not know is escaped as Jinja2 does it."""

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> None:
        if frame.eval_ctx.autoescape and not frame.eval_ctx.volatile and finalize.src is None:
            self.write("environment.shown(")
        else:
            super()._output_child_pre(node, frame, finalize)


class Environment(ImmutableSandboxedEnvironment):
    """Jinja2 with less in it. `escaping` says which of the two compilations this is."""

    code_generator_class = _Compiler
    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, folders: Sequence[Path], *, escaping: bool) -> None:
        self._loader = ChoiceLoader([FileSystemLoader(folders), PrefixLoader({_PACKAGED: FileSystemLoader(folders[-1:])})])
        super().__init__(
            loader=self._loader,
            autoescape=escaping,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
        )
        # Jinja2 copies its globals anew for each template that it hands out; so it has none, and each letter is given these.
        self.globals = {}
        self.given: dict[str, Any] = {function.__name__: function for function in _FUNCTIONS}
        self._dictionaries: dict[str, Dictionary] = {}
        self._loaded: dict[str | Template, Template] = {}
        self.filters = {name: self.filters[name] for name in _FILTERS} | {
            "breaks": _breaks if escaping else str,
            "dated": told.dated,
            "day": told.day,
            "duration": _duration,
            "excerpt": _excerpt,
            "explained": _explained,
            "line": header.text,
            "mark": told.mark,
            "percent": told.percent,
            "quoted": _quoted,
            "reasons": _reasons,
            "sentence": _sentence,
            "shortly": told.shortly,
            "size": _size,
            "span": told.span,
            "weekday": told.weekday,
            "when": told.when,
            "worded": _worded,
            "words": _words,
            "wrapped": _wrapped,
        }

    def dictionary(self, language: str) -> Dictionary:
        """The human words for our slugs, by kind and slug: of that language, else English. Raises TemplateError."""
        if language not in self._dictionaries:
            sets = [_sets(one) for name in ("words.j2", f"{language}/words.j2") for one in self.versions(name)]
            kinds = {kind for one in sets for kind in one}
            self._dictionaries[language] = {
                kind: {slug: word for one in sets for slug, word in one.get(kind, {}).items()} for kind in kinds
            }
        return self._dictionaries[language]

    def versions(self, name: str) -> list[Template]:
        """Ours and the operator's file of that name, as far as there are: his goes before ours, and may be older. Equal ones are one."""
        found: dict[str, str] = {}
        for path in (f"{_PACKAGED}/{name}", name):
            with suppress(TemplateNotFound):
                found.setdefault(self._loader.get_source(self, path)[0], path)
        return [self.get_template(path) for path in found.values()]

    def get_template(self, name: str | Template, parent: str | None = None, globals: Any = None) -> Template:
        """As Jinja2 does, but what is loaded is at hand: each letter asks for its frames by name."""
        if name not in self._loaded:
            self._loaded[name] = super().get_template(name, parent, globals)
        return self._loaded[name]

    def getattr(self, obj: Any, attribute: str) -> Any:
        """As Jinja2 does, but for our own values by a table instead of a dozen checks."""
        known = FIELDS.get(type(obj))
        if known is None:
            return super().getattr(obj, attribute)
        return getattr(obj, attribute) if attribute in known else self.undefined(obj=obj, name=attribute)

    @staticmethod
    def shown(value: Any) -> str:
        """What stands on the page for a value: text escaped, markup as it is. As markupsafe has it, without a Markup for each piece."""
        if type(value) is not str:
            return value if type(value) is Markup else escape(value)
        shown: str = value
        for sign, reference in _REFERENCES:
            # To look for one is cheaper than to count them, and most values have none.
            if sign in shown:
                shown = shown.replace(sign, reference)
        return shown

    def call(self, context: Context, obj: Any, *args: Any, **kwargs: Any) -> Any:
        """As Jinja2 does, but our own macros and functions need no checks, and no variables of the block that calls them."""
        if type(obj) is Macro or obj in _FUNCTIONS:
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


class Subjects(Environment):
    """Compiles no more of a letter than its subject, which is sooner there than the rest. Who asks for another block or a macro fails."""

    def _generate(self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False) -> str:
        return super()._generate(_SubjectAlone().visit(source), name, filename, defer_init)


class _SubjectAlone(NodeTransformer):
    """Takes out of a template all blocks but the subject."""

    def visit_Block(self, block: nodes.Block) -> nodes.Block | None:
        """The subject, and a block around it; None for all others."""
        inside = {one.name for one in block.find_all(nodes.Block)}
        return block if "subject" in {block.name, *inside} else None


def faults(environment: Environment, tree: nodes.Template, *, letter: bool) -> Iterator[tuple[int, str]]:
    """Line and sentence of everything wrong that can be seen without rendering, also in branches that no sample takes."""
    if letter:
        yield from _shape(environment, tree)
    for loop in tree.find_all(nodes.For):
        if any(isinstance(inner, nodes.For) or inner.find(nodes.For) for inner in loop.body):
            yield loop.lineno, "a loop inside a loop"
    for modifier in tree.find_all(nodes.ScopedEvalContextModifier):
        yield modifier.lineno, "autoescape is not a template's choice"
    # Jinja2 looks at each block by itself; what a template sets anywhere, and each macro in it, is known to it here.
    own = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"} | {macro.name for macro in tree.find_all(nodes.Macro)}
    unknown = meta.find_undeclared_variables(tree) - NAMES - own - environment.given.keys()
    for name in tree.find_all(nodes.Name):
        if name.name in unknown:
            yield name.lineno, f"there is no {name.name}{nearest(name.name, NAMES)}"
    for access in tree.find_all(nodes.Getattr):
        kind = _KINDS.get(access.node.name) if isinstance(access.node, nodes.Name) else None
        if kind is not None and access.attr not in FIELDS[kind]:
            yield access.lineno, f"{_source(access)} does not exist{nearest(access.attr, FIELDS[kind])}"


def copied(path: Path, folder: Path, packaged: Path) -> bool:
    """Whether this file of a folder of templates says the same as the packaged one of its name, which has passed our own tests."""
    twin = packaged / path.relative_to(folder)
    return path == twin or (twin.is_file() and path.read_bytes() == twin.read_bytes())


def blocks(tree: nodes.Template) -> set[str]:
    """The names of the blocks that stand in a template itself."""
    return {block.name for block in tree.find_all(nodes.Block)}


def part(name: str, render: Callable[[Context], Iterator[str]], context: Context) -> str:
    """One part of a letter or of a macro, rendered. Raises ValueError for one that is too long, and whatever an expression in it raises."""
    rendered = ""
    try:
        pieces = render(context)
        while some := list(islice(pieces, _PIECES)):
            rendered += "".join(some)
            if len(rendered) > _CAP:
                raise ValueError(f"more than {_CAP} characters of {name}")
    except Exception:
        # Raises the same again, with the lines of the template in its traceback.
        context.environment.handle_exception()
    return rendered


def nearest(word: str, known: Iterable[str]) -> str:
    """The question "did you mean …?" with the most similar known word, or nothing."""
    best = difflib.get_close_matches(word, sorted(known), 1)
    return f"; did you mean {best[0]}?" if best else ""


def _shape(environment: Environment, tree: nodes.Template) -> Iterator[tuple[int, str]]:
    if tree.find(nodes.Extends) is None:
        yield 1, 'a letter begins with {% extends "base.j2" %}'
    found = _blocks(environment, tree)
    for part in ("subject", "text", "html"):
        if part not in found:
            yield 1, f"the block {part} is missing"


def _blocks(environment: Environment, tree: nodes.Template) -> set[str]:
    """The blocks that a letter fills, by itself or by a frame between it and base.j2."""
    found = blocks(tree)
    frame = tree.find(nodes.Extends)
    name = frame.template.value if frame is not None and isinstance(frame.template, nodes.Const) else "base.j2"
    if name == "base.j2" or environment.loader is None:
        return found
    return found | _blocks(environment, environment.parse(environment.loader.get_source(environment, name)[0]))


def _source(access: nodes.Getattr) -> str:
    return f"{access.node.name}.{access.attr}" if isinstance(access.node, nodes.Name) else access.attr


def _sets(template: Template) -> Dictionary:
    """What a template of nothing but `set` sets, as far as it is dictionaries."""
    return {kind: words for kind, words in vars(template.module).items() if isinstance(words, dict)}


# ------------------------------------------------------------------------------------------------------------- functions


def fact_lines(*facts: tuple[str, object]) -> str:
    """Plain text: a name and a value a line, in two columns; further lines of a value below it; a fact without a value is left out."""
    return "\n".join(f"  {name + ':':<13} {value}".replace("\n", "\n" + " " * 16) for name, value in facts if value)


def choices(*taps: tuple[str | None, str, str]) -> str:
    """Plain text: words to answer with, what each means, and below it the address of one tap; one without an address is left out."""
    return "\n".join(f"  {word:<10} {meaning}\n{'':13}<{url}>" for url, word, meaning in taps if url)


def receipt_text(lines: Sequence[Line], works: str) -> str:
    """Plain text: what became of each command, what is wrong with it, what it was understood as, and behind `works` the line that would."""
    return "\n".join("\n     ".join(filter(None, _receipt_line(line, works))) for line in lines)


def _receipt_line(line: Line, works: str) -> tuple[str, ...]:
    meant, instead = line.meant and f"→ {line.meant}", line.instead and f"{works} {line.instead}"
    return f"  {'✓' if line.ok else '✗'}  {line.wrote}", line.wrong, meant, instead


def entry_text(one: EntryView, subject: str, below: str) -> str:
    """Plain text: a ticket among others in three lines, with the address at which a mail is about it."""
    title = header.text(f"{one.tag} {one.priority}  {subject}", _COLUMNS - 2)
    return f"  {title}\n       {header.text(below, _COLUMNS - 7)}\n       <{one.write}>"


def columns(*rows: tuple[str, object, object]) -> str:
    """Plain text: a name and two figures a line, one below the other; after the first line none without a name."""
    told = [row for at, row in enumerate(rows) if row[0] or not at]
    return "\n".join(f"  {name:<24}{now!s:>16}{before!s:>18}".rstrip() for name, now, before in told)


_FUNCTIONS = frozenset({header.subject_line, fact_lines, choices, columns, entry_text, receipt_text})


# --------------------------------------------------------------------------------------------------------------- filters


@pass_context
def _words(context: Context, slug: str, kind: str) -> str:
    """The human words for a slug of ours in the letter's language; the slug itself, a little smoothed, where there are none."""
    words = context.environment.dictionary(context["language"]).get(kind, {})  # type: ignore[attr-defined]
    return words.get(slug) or (slug if " " in slug else slug.replace("-", " "))


@pass_context
def _worded(context: Context, lines: Sequence[Line]) -> tuple[Line, ...]:
    """The lines of a receipt with human words for what is wrong, and with examples that speak the letter's language."""
    return tuple(Line(line.wrote, line.ok, _wrong(context, line), _words(context, line.instead, "example"), line.meant) for line in lines)


def _wrong(context: Context, line: Line) -> str:
    """What is wrong with a line; where its mail was decided about before, how, by whom and when."""
    if line.became:
        return _settled(context, line.became)
    return _words(context, line.wrong, "done" if line.ok else "wrong")


def _settled(context: Context, became: Became) -> str:
    words = _words(context, became.verb, "became").rstrip(".")
    return f"{words} ({', '.join(filter(None, (became.by, told.when(context, became.at), became.tag)))})."


@pass_context
def _reasons(context: Context, slugs: Sequence[str]) -> str:
    """Why a mail is held, in sentences."""
    return " ".join(_words(context, slug, "held") for slug in slugs)


@pass_context
def _size(context: Context, octets: int) -> str:
    """So many octets, as people tell a size: "812 B", "14 kB", "2.3 MB"."""
    if octets < 1000:
        return f"{octets} B"
    if octets < 1_000_000:
        return f"{octets / 1000:.0f} kB"
    return f"{octets / 1_000_000:.1f} MB".replace(".", "," if context["language"] == "de" else ".")


@pass_context
def _duration(context: Context, time: timedelta) -> str:
    """So much time, more or less, as people say it: "8 hours", "1 hour 30 minutes"; seconds only where it is less than a minute.

    Never days: of working time a day has fewer hours than twenty-four, and how many is nobody's knowledge by heart.
    """
    seconds = int(abs(time.total_seconds()))
    parts = ((seconds // 3600, "hour"), (seconds // 60 % 60, "minute")) if seconds >= 60 else ((seconds, "second"),)
    said = [f"{count} {_words(context, unit if count == 1 else unit + 's', 'unit')}" for count, unit in parts if count]
    return " ".join(said) or f"0 {_words(context, 'minutes', 'unit')}"


@pass_context
def _explained(context: Context, lines: Sequence[Line], grammar: str) -> tuple[tuple[str, str], ...]:
    """The lines of a help letter: each command as one writes it, and what it does."""
    verbs = ((line.wrote, line.wrote.lstrip("#").partition(" ")[0], line.meant) for line in lines)
    return tuple((_words(context, line, "example"), meant or _words(context, verb, grammar)) for line, verb, meant in verbs)


def _sentence(text: str) -> str:
    """The words as they begin a sentence."""
    return text[:1].upper() + text[1:]


def _breaks(text: str) -> Markup:
    """A human's text as HTML: escaped, line ends and indents kept."""
    # Safe: what is escaped first only gets blanks and line ends replaced.
    return Markup(str(Environment.shown(text.strip("\n"))).replace("  ", "\u00a0 ").replace("\n", "<br>\n"))  # noqa: S704


def _excerpt(text: str, limit: int = 400, lines: int = 12) -> str:
    """The beginning of a text: so many characters and lines at most, cut between words, with an ellipsis where something is missing."""
    whole = text.strip()
    short = "\n".join(whole[: limit + 1].split("\n")[:lines])
    if len(short) > limit:
        short = short[:limit].rpartition(" ")[0] or short[:limit]
    return short if short == whole else short.rstrip(" .,;:\n") + " …"


def _quoted(text: str) -> str:
    """A plain text with quote marks before each line."""
    return "\n".join(map(str.rstrip, ("> " + text.strip("\n").replace("\n", "\n> ")).split("\n")))


def _wrapped(text: str, mark: str = "") -> str:
    """A sentence in lines of at most 76 columns, with a mark before each."""
    if len(mark) + len(text) <= _COLUMNS:
        return mark + text
    return fill(text, _COLUMNS, initial_indent=mark, subsequent_indent=mark, break_long_words=False, break_on_hyphens=False)
