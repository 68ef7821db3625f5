"""What does a canned reply of templates/macros/ say about a ticket? A block of commands, as technicians write them, and a block of text.

The files lie in `macros/` of each folder of letters, and in `de/macros/` where they are German. They are as confined as letters are, and
see the same view: `requester` is who reads it, `technician` who sends it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from jinja2 import TemplateError
from msgspec import Struct
from msgspec.structs import asdict, replace

from mailgate.desk import commands
from mailgate.desk.letters import Name
from mailgate.desk.macros import Macro, Macros
from mailgate.desk.policy import Policy
from mailgate.desk.workflow import Grammar
from mailgate.mail import sandbox
from mailgate.mail.samples import sample, samples
from mailgate.mail.view import View, prepared

FOLDER = "macros"
_BLOCKS = ("commands", "text")
_MOST_LINES = 20


class Found(Struct, frozen=True):
    """The file of a macro, relative to its folder, and the language it is written in."""

    source: str
    language: str


class Canned(Struct, frozen=True):
    """The macros of some folders: the operator's own first, the packaged ones last. `environment` is the one for plain text."""

    folders: Sequence[Path]
    environment: sandbox.Environment

    def names(self) -> tuple[str, ...]:
        """What there is, in alphabetical order."""
        return tuple(sorted({path.stem for folder in self.folders for path in files(folder)}))

    def languages(self, name: str) -> tuple[str, ...]:
        """In which languages there is a macro of that name."""
        found = (_language(folder, path) for folder in self.folders for path in files(folder) if path.stem == name)
        return tuple(sorted(set(found)))

    def find(self, name: str, language: str | None) -> Found | None:
        """The best file: the first folder that has it wins, in it the closest language, else the folder's own, else any."""
        wanted = (language or "").lower()
        for folder in self.folders:
            for tag in dict.fromkeys((wanted, wanted.partition("-")[0])):
                if tag and (folder / tag / FOLDER / f"{name}.j2").is_file():
                    return Found(f"{tag}/{FOLDER}/{name}.j2", tag.partition("-")[0])
            for path in files(folder):
                if path.stem == name:
                    return Found(path.relative_to(folder).as_posix(), _language(folder, path))
        return None

    def render(self, name: str, language: str | None, view: View) -> Macro:
        """The macro about this ticket. Raises TemplateError, or whatever an expression in it raises."""
        found = self.find(name, language)
        if found is None:
            raise TemplateError(f"there is no macro {name}")
        return self.render_file(name, found, view)

    def render_file(self, name: str, found: Found, view: View) -> Macro:
        """The same from one file."""
        template = self.environment.get_template(found.source)
        self.environment.dictionary(found.language)
        # Whoever sends it signs it, also where letters of ours would name nobody.
        ready = replace(prepared(view, Name.REPLY), technician=view.technician)
        given = {**self.environment.given, **asdict(ready), "language": found.language, "part": "text"}
        context = template.new_context(given, shared=True)
        # Rendering the whole shows the context what is set outside the blocks.
        sandbox.part("macro", template.root_render_func, context)
        parts = {block: sandbox.part(block, context.blocks[block][0], context) for block in _BLOCKS if block in context.blocks}
        return Macro(name, parts.get("commands", "").strip(), parts.get("text", "").strip("\n"))

    def preview(self, name: str, language: str | None) -> Macro:
        """The macro about a sample ticket. Raises as `render` does."""
        return self.render(name, language, replace(sample(Name.REPLY), message=None))

    def path(self, name: str) -> Path | None:
        """Where the macro of that name lies, in the folder that counts."""
        return next((path for folder in self.folders for path in files(folder) if path.stem == name), None)

    def check(self, folder: Path, path: Path, policy: Policy) -> Iterator[tuple[int, str]]:
        """Line and sentence of everything wrong with one file: what no letter may do either, and commands that nobody could give."""
        source = path.read_text("utf-8")
        tree = self.environment.parse(source, filename=str(path))
        seen = [*_shape(sandbox.blocks(tree)), *sandbox.faults(self.environment, tree, letter=False)]
        yield from seen
        if seen:
            return
        found = Found(path.relative_to(folder).as_posix(), _language(folder, path))
        sender = sample(Name.REPLY).technician
        for view in samples(Name.REPLY):
            macro = self.render_file(path.stem, found, replace(view, message=None, technician=sender))
            yield from ((_line(source, said), sentence) for said, sentence in _misread(macro, policy))


def files(folder: Path) -> list[Path]:
    """The macros that lie in one folder of letters, those in no folder of a language first."""
    return [*sorted((folder / FOLDER).glob("*.j2")), *sorted(folder.glob(f"*/{FOLDER}/*.j2"))]


def is_macro(path: Path) -> bool:
    """Whether this template is a macro and no letter."""
    return path.parent.name == FOLDER


def _language(folder: Path, path: Path) -> str:
    parts = path.relative_to(folder).parts
    return parts[0].partition("-")[0] if len(parts) == 3 else "en"


def _shape(blocks: set[str]) -> Iterator[tuple[int, str]]:
    for block in sorted(blocks - set(_BLOCKS)):
        yield 1, f"a macro has no block {block}; it has commands and text"
    if blocks.isdisjoint(_BLOCKS):
        yield 1, "a macro has a block text, a block commands, or both"


def _misread(macro: Macro, policy: Policy) -> Iterator[tuple[str, str]]:
    """The lines that are no commands, and why."""
    asked = Macros((macro.name,), (macro,))
    reading = commands.read(f"#macro {macro.name}", Grammar.TECHNICIAN, bare=False, own=policy.statuses,
                            synonyms=policy.verbs_by_word, macros=asked)  # fmt: skip
    for one in reading.commands:
        if one.error == "broken-macro" or len(reading.commands) > _MOST_LINES:
            yield "", "the block commands holds up to 20 commands, one a line, and no macro"
        elif one.error == "needs-words" and not macro.text:
            yield one.within, f"{one.within}: something must follow, on its line or in the block text"
        elif one.error:
            yield one.within, f"{one.within}: {one.error.replace('-', ' ')}" + (f"; did you mean {one.instead}?" if one.instead else "")


def _line(source: str, said: str) -> int:
    return next((number for number, line in enumerate(source.splitlines(), 1) if said and line.strip() == said), 1)
