"""How does a letter read? Templates and a view of the ticket go in; subject, text and HTML come out.

It does not choose letters, recipients or ids (desk and flow do) and does not write MIME (mail/compose does). What a sender wrote is
only ever a value of a template variable: never template source, never markup in HTML, never escaped in plain text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from jinja2 import Template, TemplateError, TemplateSyntaxError
from jinja2.runtime import Context, Macro
from msgspec import Struct
from msgspec.structs import asdict, replace

from mailgate.desk.errors import Permanent
from mailgate.desk.letters import Name
from mailgate.desk.policy import Policy
from mailgate.mail import canned, header, sandbox
from mailgate.mail.pages import FOLDER as PAGES
from mailgate.mail.pages import Pages
from mailgate.mail.samples import sample, samples
from mailgate.mail.view import View, prepared

# The files that letters are built from; every other file is a letter.
_FRAMES = frozenset({"approver", "base", "macros", "staff", "words"})
# Where the letters of single desks lie.
_DESKS = "desks"
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3}")


class Fault(Struct, frozen=True):
    """What is wrong with a template: file, line (1 where no line is to blame) and one sentence."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


class Content(Struct, frozen=True):
    """A rendered letter. `language` is the one it is written in; `fault` says why the packaged template stood in for the operator's."""

    subject: str
    text: str
    html: str
    language: str = "en"
    fault: Fault | None = None


class Templates:
    """The letters of some folders: the operator's own first, the packaged ones last. Compiled when first used, then kept; thread-safe."""

    def __init__(self, folders: Sequence[Path]) -> None:
        # In a checkout the folder beside config/ and the packaged one are the same.
        self._folders = tuple({folder.resolve(): folder for folder in folders if folder.is_dir()}.values())
        self._all = _Library(self._folders)
        self._packaged = _Library(self._folders[-1:])
        self._of_desks: dict[str, Templates] = {}

    def of(self, desk: str) -> Templates:
        """The letters of the desk with that slug: its folder `desks/<slug>` is asked before all others. These very letters without one.

        A folder of their own, because `it` and `hr` are languages as well.
        """
        if desk not in self._of_desks:
            own = [folder / _DESKS / desk for folder in self._folders if desk and (folder / _DESKS / desk).is_dir()]
            self._of_desks[desk] = Templates([*own, *self._folders]) if own else self
        return self._of_desks[desk]

    @cached_property
    def canned(self) -> canned.Canned:
        """The macros that lie beside the letters."""
        return canned.Canned(self._folders, self._all.environments[0])

    @cached_property
    def pages(self) -> Pages:
        """The web pages that lie beside the letters."""
        return Pages(self._folders)

    def render(self, name: Name, language: str | None, view: View) -> Content:
        """The letter in that language, else in the folder's own; a broken template of the operator is replaced by the packaged one.

        The operator's folder is asked for `de-at/`, `de/` and its root before the packaged one is: whoever writes a template wants it used.
        Raises Permanent where the packaged template fails as well.
        """
        ready = prepared(view, name)
        return self._whole(name, lambda library: library.render(name, language, ready))

    def subject(self, name: Name, language: str | None, view: View) -> str:
        """The subject of the letter, which is there sooner than the whole. Raises as `render` does."""
        ready = prepared(view, name)
        return self._whole(name, lambda library: library.titled(name, language, ready)).subject

    def _whole(self, name: Name, render: Callable[[_Library], Content]) -> Content:
        try:
            return render(self._all)
        except Broken as error:
            fault = error.fault
        if len(self._folders) == 1:
            raise Permanent(f"letter {name} cannot be rendered: {fault}", code="template")
        try:
            return replace(render(self._packaged), fault=fault)
        except Broken as error:
            raise Permanent(f"letter {name} cannot be rendered: {fault}; {error.fault}", code="template") from error

    def preview(self, name: Name, language: str | None) -> Content:
        """The letter about a sample ticket, for `mailgate templates preview`."""
        return self.render(name, language, sample(name))

    def check(self, desks: Collection[str] = (), policy: Policy | None = None) -> tuple[Fault, ...]:
        """Everything wrong with the operator's templates: syntax, unknown names and fields (in untaken branches too), failing samples.

        `desks` are the slugs for which there may be a folder; `policy` knows the words that macros may use beside the usual ones.
        """
        policy = policy or Policy()
        faults = [*self._check(policy)]
        for folder in (one for own in self._folders for one in sorted((own / _DESKS).glob("*")) if one.is_dir()):
            if folder.name in desks:
                faults += self.of(folder.name)._check(policy)
            else:
                faults.append(Fault(str(folder), 1, f"no desk has letters called {folder.name}{sandbox.nearest(folder.name, desks)}"))
        return tuple(dict.fromkeys(faults))

    def _check(self, policy: Policy) -> tuple[Fault, ...]:
        # The packaged letters have passed our own tests, and so has each copy of one; they are looked at again only where frames of the
        # operator dress them.
        packaged = self._folders[-1]
        own = {folder: [path for path in _letters(folder) if not sandbox.copied(path, folder, packaged)] for folder in self._folders}
        dressed = len(self._folders) == 1 or any(path.stem in _FRAMES for paths in own.values() for path in paths)
        looked_at = {folder: _letters(folder) for folder in self._folders} if dressed else own
        faults = [fault for folder, paths in looked_at.items() for fault in self._check_files(folder, paths, policy)]
        return tuple(dict.fromkeys((*faults, *(Fault(str(path), line, text) for path, line, text in self.pages.check()))))

    def _check_files(self, folder: Path, paths: Sequence[Path], policy: Policy) -> Iterator[Fault]:
        broken: set[str] = set()
        sound: list[tuple[str, Name]] = []
        for path in filter(canned.is_macro, paths):
            yield from self._check_macro(folder, path, policy)
        for path in (one for one in paths if not canned.is_macro(one)):
            source, stem = path.relative_to(folder).as_posix(), path.stem
            if stem not in _FRAMES and stem not in list(Name):
                yield Fault(str(path), 1, f"no letter is called {stem}{sandbox.nearest(stem, list(Name))}")
                continue
            seen = tuple(_seen(self._all, path, letter=stem not in _FRAMES))
            yield from seen
            if seen:
                broken.add(str(path))
            elif stem not in _FRAMES:
                sound.append((source, Name(stem)))
        # A letter that builds on a broken one fails in that one's lines, which were told of already.
        for source, name in sound:
            yield from (fault for fault in self._check_samples(source, name) if fault.file not in broken)

    def _check_macro(self, folder: Path, path: Path, policy: Policy) -> Iterator[Fault]:
        try:
            yield from (Fault(str(path), line, text) for line, text in self.canned.check(folder, path, policy))
        except Exception as error:
            # As with letters: whatever an expression raises is the template's fault.
            yield _fault(error, str(path))

    def _check_samples(self, source: str, name: Name) -> Iterator[Fault]:
        for view in samples(name):
            try:
                self._all.render_file(source, source.rpartition("/")[0] or "en", prepared(view, name))
            except Broken as error:
                yield error.fault


def _letters(folder: Path) -> list[Path]:
    """The letters of a folder, without those of single desks in it and without the web pages."""
    return [path for path in sorted(folder.rglob("*.j2")) if path.relative_to(folder).parts[0] not in (_DESKS, PAGES)]


class Broken(Exception):
    """A template that cannot be loaded or rendered. Never leaves this module's callers: they fall back or report."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class _Library:
    """The templates of a search path, each compiled twice: literal for subject and text, escaping for html."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._chosen: dict[tuple[Name, str | None], tuple[str, str]] = {}
        self._compiled: dict[tuple[str, str, bool], Template] = {}
        self._broken: dict[str, Fault] = {}

    @property
    def environments(self) -> tuple[sandbox.Environment, sandbox.Environment]:
        """The literal and the escaping one."""
        return self._literal, self._escaping

    @cached_property
    def _literal(self) -> sandbox.Environment:
        return self._environment(escaping=False)

    @cached_property
    def _subjects(self) -> sandbox.Environment:
        return sandbox.Subjects(self._folders, escaping=False)

    @cached_property
    def _escaping(self) -> sandbox.Environment:
        return self._environment(escaping=True)

    def _environment(self, *, escaping: bool) -> sandbox.Environment:
        """The macros of macros.j2 are known in every template without an import; ours where the operator's file has none of that name."""
        environment = sandbox.Environment(self._folders, escaping=escaping)
        for file in environment.versions("macros.j2"):
            environment.given.update({name: macro for name, macro in vars(file.module).items() if isinstance(macro, Macro)})
        return environment

    def render(self, name: Name, language: str | None, view: View) -> Content:
        """The letter from the best file for that language. Raises Broken."""
        return self.render_file(*self._found(name, language), view)

    def titled(self, name: Name, language: str | None, view: View) -> Content:
        """The subject of the letter and nothing else, for which hardly anything need be compiled. Raises Broken."""
        source, language = self._found(name, language)
        # One that says more than a subject usually does is taken from the whole, which tells as well what is broken.
        with suppress(Exception):
            return self._titled(self._subjects, source, language, view)
        try:
            return self._titled(self._literal, source, language, view)
        except Exception as error:
            raise Broken(_fault(error, self._file(source))) from error

    def _titled(self, environment: sandbox.Environment, source: str, language: str, view: View) -> Content:
        template = environment.get_template(source)
        context = self._context(template, environment, _known(view, language), "subject")
        sandbox.part("subject", template.root_render_func, context)
        return Content(_subject(context, view), "", "", language)

    def render_file(self, source: str, language: str, view: View) -> Content:
        """The letter from one file. Raises Broken, at once where this file could not be compiled before."""
        known = _known(view, language)
        content = self._worded(source, language, view, known)
        template = self._template(source, language, escaping=True)
        try:
            context = self._context(template, self._escaping, {**known, "title": content.subject}, "html")
            html = sandbox.part("html", template.root_render_func, context).strip() + "\n"
        except Exception as error:
            raise Broken(_fault(error, self._file(source))) from error
        return Content(content.subject, content.text, html, language)

    def _worded(self, source: str, language: str, view: View, known: Mapping[str, object]) -> Content:
        template = self._template(source, language, escaping=False)
        try:
            context = self._context(template, self._literal, known, "text")
            text = sandbox.part("text", template.root_render_func, context).strip("\n") + "\n"
            subject = _subject(context, view)
        except Exception as error:
            # A template can raise anything that an expression can; all of it is the template's fault, none of it the letter's end.
            raise Broken(_fault(error, self._file(source))) from error
        return Content(subject, text, "", language)

    def _context(self, template: Template, environment: sandbox.Environment, known: Mapping[str, object], part: str) -> Context:
        """What a template knows while one part of it is rendered."""
        return Context(template.environment, {**environment.given, **known, "part": part}, template.name, template.blocks)

    def _template(self, source: str, language: str, *, escaping: bool) -> Template:
        """The compiled file, with all words of that language loaded. Raises Broken."""
        if (known := self._compiled.get((source, language, escaping))) is not None:
            return known
        if source in self._broken:
            raise Broken(self._broken[source])
        try:
            environment = self._escaping if escaping else self._literal
            template = environment.get_template(source)
            environment.dictionary(language)
        except (TemplateError, RecursionError, UnicodeDecodeError) as error:
            self._broken[source] = _fault(error, self._file(source))
            raise Broken(self._broken[source]) from error
        self._compiled[source, language, escaping] = template
        return template

    def _found(self, name: Name, language: str | None) -> tuple[str, str]:
        wanted = (name, language)
        if wanted not in self._chosen:
            self._chosen[wanted] = self._choose(name, language)
        return self._chosen[wanted]

    def _choose(self, name: Name, language: str | None) -> tuple[str, str]:
        """The file (relative to its folder) and the language it is written in: the first folder wins, in it the closest language."""
        wanted = (language or "").lower()
        tags = [wanted, wanted.partition("-")[0]] if _LANGUAGE.fullmatch(wanted) else []
        for folder in self._folders:
            for tag in tags:
                if (folder / tag / f"{name}.j2").is_file():
                    return f"{tag}/{name}.j2", tag.partition("-")[0]
            if (folder / f"{name}.j2").is_file():
                return f"{name}.j2", "en"
        return f"{name}.j2", "en"

    def _file(self, source: str) -> str:
        return str(next((folder / source for folder in self._folders if (folder / source).is_file()), source))


def _known(view: View, language: str) -> Mapping[str, object]:
    """What all parts of a letter know."""
    return {**asdict(view), "language": language}


def _subject(context: Context, view: View) -> str:
    """One line, with the tag of the ticket exactly once.

    That the whole was rendered has shown the context the blocks of the whole chain; the subject is one of them.
    """
    line = header.text(sandbox.part("subject", context.blocks["subject"][0], context))
    if view.ticket is None or line.count(f"[{view.ticket.tag}]") == 1:
        return line
    return header.subject_line("", line, view.ticket.tag)


def _fault(error: BaseException, file: str) -> Fault:
    """Where and what. Jinja2 rewrites tracebacks so that their last frames are lines of templates."""
    text = " ".join(str(error).split())[:300] or type(error).__name__
    if isinstance(error, TemplateSyntaxError):
        source = error.filename or ""
        return Fault(source if source.endswith(".j2") else file, error.lineno, text)
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith(".j2"):
            file, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next
    return Fault(file, line, text)


def _seen(library: _Library, path: Path, *, letter: bool) -> Iterator[Fault]:
    """What is wrong with one file as far as reading it shows."""
    try:
        literal, _ = library.environments
        tree = literal.parse(path.read_text("utf-8"), filename=str(path))
        for line, text in sandbox.faults(literal, tree, letter=letter):
            yield Fault(str(path), line, text)
    except (TemplateError, OSError, UnicodeDecodeError) as error:
        yield _fault(error, str(path))
