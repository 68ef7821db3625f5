"""How does a web page read? A template of `templates/pages` and a frozen value go in, HTML comes out; the words are in `words.j2`.

Each page is one file for all languages: what it says stands in `pages/words.j2`, and for German in `pages/de/words.j2`. It chooses no
page and knows no HTTP. What anybody wrote is only ever a value of a template variable, and escaped.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, pass_context
from jinja2.runtime import Context, Macro
from markupsafe import Markup, escape
from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk.errors import Permanent
from mailgate.mail import charts, sandbox
from mailgate.mail.view import DeskView

# Where the pages lie, in each folder of templates; it is no language and no desk.
FOLDER = "pages"
_PLACE = re.compile(r"\{([a-z_]+)\}")


class Rendered(Struct, frozen=True):
    """A page. `style` is the hash by which its policy lets the stylesheet in; `fault` says why the packaged template stood in."""

    html: str
    style: str
    fault: str = ""


class Pages:
    """The pages of some folders: the operator's own first, the packaged ones last. Compiled when first used, then kept; thread-safe."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._all = _Library(tuple(folders))
        self._packaged = _Library(tuple(folders[-1:]))

    def render(self, name: str, language: str, desk: DeskView, view: object, **more: object) -> Rendered:
        """The page in that language (English where it has no words of it), with `view` as `page` and `more` by its own names.

        A broken template of the operator's is replaced by the packaged one. Raises Permanent where that fails as well.
        """
        known = {"page": view, "desk": desk, "language": self._spoken(language), **more}
        try:
            return self._all.render(name, known)
        except Exception as error:
            if len(self._folders) == 1:
                raise Permanent(f"page {name} cannot be rendered: {_told(error)}", code="template") from error
            fault = _told(error)
        try:
            return replace(self._packaged.render(name, known), fault=fault)
        except Exception as error:
            raise Permanent(f"page {name} cannot be rendered: {fault}; {_told(error)}", code="template") from error

    def _spoken(self, language: str) -> str:
        """The language in which the page is written for somebody who reads that one."""
        tag = language.lower().partition("-")[0]
        there = tag.isalpha() and any((folder / FOLDER / tag / "words.j2").is_file() for folder in self._folders)
        return tag if there else "en"

    def check(self) -> Iterator[tuple[Path, int, str]]:
        """File, line and sentence of everything that is wrong with the operator's pages as far as reading them shows."""
        for folder, path in ((one, path) for one in self._folders[:-1] for path in sorted((one / FOLDER).rglob("*.j2"))):
            try:
                if not sandbox.copied(path, folder, self._folders[-1]):
                    self._all.environment.parse(path.read_text("utf-8"), filename=str(path))
            except (TemplateError, OSError, UnicodeDecodeError) as error:
                yield path, getattr(error, "lineno", 1), _told(error)


class _Library:
    """The pages of a search path."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self._folders = tuple(folder / FOLDER for folder in folders)
        # Whatever letters have words for, pages call the same.
        self._letters = sandbox.Environment(folders, escaping=False)

    @cached_property
    def environment(self) -> sandbox.Environment:
        """The macros of macros.j2 are known on every page without an import."""
        environment = sandbox.Environment(self._folders, escaping=True)
        environment.filters["say"] = _say
        environment.filters["words"] = self._words
        environment.given.update(column_chart=charts.columns, line_chart=charts.curve, bar=charts.bar)
        for file in environment.versions("macros.j2"):
            environment.given.update({name: macro for name, macro in vars(file.module).items() if isinstance(macro, Macro)})
        return environment

    @pass_context
    def _words(self, context: Context, slug: str, kind: str) -> str:
        """As letters say it: the words for a slug of ours; the slug itself where there are none."""
        return self._letters.dictionary(context["language"]).get(kind, {}).get(slug) or slug

    @cached_property
    def style(self) -> str:
        """The stylesheet of the first folder that has one."""
        return next((path.read_text("utf-8") for folder in self._folders if (path := folder / "style.css").is_file()), "")

    @cached_property
    def style_hash(self) -> str:
        """By which a policy knows that stylesheet."""
        return f"sha256-{b64encode(sha256(self.style.encode()).digest()).decode()}"

    def render(self, name: str, known: Mapping[str, object]) -> Rendered:
        """The page. Raises whatever its template raises."""
        template = self.environment.get_template(f"{name}.j2")
        # Safe: the stylesheet is the operator's or ours, and no part of a request.
        known = {**self.environment.given, "style": Markup(self.style), "style_hash": self.style_hash, **known}  # noqa: S704
        html = sandbox.part("page", template.root_render_func, template.new_context(known, shared=True)).strip() + "\n"
        return Rendered(html, self.style_hash)


@pass_context
def _say(context: Context, slug: str, kind: str, **values: object) -> Markup:
    """The words for a slug, with each `{name}` in them replaced by the value of that name; all of it escaped."""
    environment: Any = context.environment
    words = environment.dictionary(context["language"])[kind][slug]
    return Markup(_PLACE.sub(lambda found: str(escape(values[found[1]])), str(escape(words))))  # noqa: S704


def _told(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
