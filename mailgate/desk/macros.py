"""What does a canned reply say? Its name, the commands that come with it and its text, rendered for one ticket. Values only.

Templates are the mail's part (mail/canned); which commands a macro stands for is read by the reader of commands, as if they had been typed.
"""

from __future__ import annotations

from msgspec import Struct

from mailgate.desk import values


class Macro(Struct, frozen=True):
    """A macro as it reads for one ticket: lines of commands, and the text that goes out. `broken`: its template could not be rendered."""

    name: str
    commands: str = ""
    text: str = ""
    broken: bool = False


class Macros(Struct, frozen=True):
    """The names of all macros, and of those that a mail asks for what they say."""

    names: tuple[str, ...] = ()
    ready: tuple[Macro, ...] = ()

    def find(self, words: str) -> Macro | None:
        """The macro of that name, or of the only name that begins so."""
        name = called(words, self.names)
        return next((one for one in self.ready if one.name == name), None)

    def nearest(self, words: str) -> str:
        """The name most like these words, as a line that would work."""
        name = values.nearest(words, self.names)
        return f"#macro {name}" if name else "#help"


def called(words: str, names: tuple[str, ...]) -> str | None:
    """The one of these names that the words name; a blank counts as the hyphen of a file's name."""
    return values.named("-".join(words.split()), names)
