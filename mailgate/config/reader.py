"""How is a TOML file read so that every fault is told at once, each with its line? Knows types and tables, not one key of ours.

A table knows which keys it was asked for; `finish` reports all others. So the code that reads a key is the only list of keys there is.
A `Reader` turns a node into a value or raises `Bad`; the table that asked collects the fault and goes on with the default.

Every command reads the configuration, so what only a file or a fault needs is imported where there is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct, field

if TYPE_CHECKING:
    from mailgate.config.lines import Path as Keys

T = TypeVar("T")
D = TypeVar("D")
E = TypeVar("E", bound=StrEnum)

_AT_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
# How much of a wrong value a fault repeats.
_SHOWN = 60


class Bad(Exception):
    """A value that cannot be. The text says what would be right; never leaves this package."""


class Fault(Struct, frozen=True):
    """One thing that is wrong, and where."""

    line: int
    text: str


class File(Struct):
    """One file of config/: its values, and the faults found so far. A file that is not there reads as an empty one."""

    name: str
    text: str = ""
    data: dict[str, object] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    lines: Mapping[Keys, int] | None = None

    def fault(self, keys: Keys, text: str) -> None:
        """Record a fault at this path, or at the nearest table above it that stands in the file."""
        self.faults.append(Fault(self._line(keys), f"{self._label(keys)}{text}"))

    def finish(self, elsewhere: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """Every fault of the file, in the order of its lines. `elsewhere` maps top-level tables of other files to their file."""
        for table in self.tables:
            table.report_unasked(elsewhere or {})
        return tuple(
            f"{self.name}:{fault.line}: {fault.text}" for fault in sorted(set(self.faults), key=lambda fault: (fault.line, fault.text))
        )

    def root(self) -> Table:
        """The table of the whole file."""
        return Table(self, (), self.data)

    def names(self, table: str) -> tuple[str, ...]:
        """The `name` of each `[[table]]`, whether or not the rest of it is right: what other tables and files may refer to."""
        entries = self.data.get(table)
        found = [entry.get("name") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
        return tuple(name.strip() for name in found if isinstance(name, str))

    def _label(self, keys: Keys) -> str:
        """`[smtp] port: `, `[[imap]] oauth2.scope: `, or nothing for the file as a whole."""
        names = [str(key) for key in keys if isinstance(key, str)]
        if not names or (len(names) == 1 and not _holds_tables(self.data.get(names[0], {}))):
            return "".join(f"{name}: " for name in names)
        table, rest = names[0], ".".join(names[1:])
        head = f"[[{table}]]" if isinstance(self.data.get(table), list) else f"[{table}]"
        return f"{head} {rest}: " if rest else f"{head}: "

    def _line(self, keys: Keys) -> int:
        from mailgate.config.lines import places

        if self.lines is None:
            self.lines = places(self.text)
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return self.lines.get(keys, 1)


def open_file(path: Path, name: str) -> File:
    """The file at `path`, read as TOML in UTF-8; `name` stands in its faults. Where it cannot be read: no values, but the fault."""
    try:
        # A mark at the start is what some editors of other systems leave; it is no fault of the operator.
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError:
        return File(name)
    except UnicodeDecodeError as error:
        return File(name, faults=[Fault(error.object.count(b"\n", 0, error.start) + 1, "this is not UTF-8")])
    except OSError as error:
        return File(name, faults=[Fault(1, f"cannot be read: {error.strerror}")])
    import tomllib

    try:
        return File(name, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        place = _AT_LINE.search(str(error))
        line = int(place[1]) if place and place[1] else text.count("\n") + 1
        return File(name, faults=[Fault(line, f"no valid TOML: {_AT_LINE.sub('', str(error))}")])


class Node(Struct, frozen=True):
    """A value in a file."""

    file: File
    keys: Keys
    value: object

    def fault(self, text: str) -> None:
        """Record what is wrong with this value."""
        self.file.fault(self.keys, text)

    def table(self) -> Table:
        """The value as a table. Raises Bad where it is none."""
        if not isinstance(self.value, dict):
            raise Bad(f"must be a table, not {shown(self.value)}")
        return Table(self.file, self.keys, self.value)


Reader = Callable[[Node], T]


class Table:
    """A table that is being read, key by key."""

    def __init__(self, file: File, keys: Keys, data: Mapping[str, object]) -> None:
        self.file = file
        self.keys = keys
        self.data = data
        self.asked: dict[str, None] = {}
        file.tables.append(self)

    def __contains__(self, key: str) -> bool:
        return key in self.data

    def get(self, key: str, read: Reader[T], default: D) -> T | D:
        """What `read` makes of the key; the default where the key is not there, or wrong (which is recorded)."""
        self.asked[key] = None
        if key not in self.data:
            return default
        node = Node(self.file, (*self.keys, key), self.data[key])
        try:
            return read(node)
        except Bad as bad:
            node.fault(str(bad))
            return default

    def need(self, key: str, read: Reader[T], stand_in: D) -> T | D:
        """As `get`, for a key that has to be there; the stand-in only lets the reading go on."""
        if key not in self.data:
            self.fault(key, "is missing")
        return self.get(key, read, stand_in)

    def fault(self, key: str, text: str) -> None:
        """Record a fault of this key."""
        self.file.fault((*self.keys, key), text)

    def table(self, key: str) -> Table:
        """The table under this key, an empty one where there is none."""
        return self.get(key, Node.table, None) or Table(self.file, (*self.keys, key), {})

    def tables(self, key: str) -> Iterator[Table]:
        """Each `[[key]]`; a single `[key]` counts as a list of one."""
        value = self.data.get(key, [])
        if isinstance(value, dict):
            yield self.table(key)
        else:
            yield from self.get(key, listed(Node.table), ())

    def report_unasked(self, elsewhere: Mapping[str, str]) -> None:
        """Record every key that nobody asked for, with the nearest name that somebody asked for."""
        for key in self.data:
            if key not in self.asked:
                kind = "table" if _holds_tables(self.data[key]) else "key"
                home = elsewhere.get(key) if not self.keys else None
                self.fault(key, f"unknown {kind}; it belongs in {home}" if home else f"unknown {kind}; {hint(key, self.asked)}")


def hint(wrong: str, right: Iterable[str]) -> str:
    """The name that was probably meant, else all that there are."""
    names = list(right)
    folded = {name.lower(): name for name in names}
    near = _nearest(wrong, folded)
    if near:
        return f'did you mean "{folded[near]}"?'
    return f"there {'is' if len(names) == 1 else 'are'} {', '.join(quoted(name) for name in names)}" if names else "there is none"


def _nearest(wrong: str, folded: Iterable[str]) -> str | None:
    """Of these names in lower case the one that is most like the wrong one; None where none is."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(wrong.lower(), list(folded), n=1)), None)


def quoted(text: str) -> str:
    """A text in quotes, on one line and not too long."""
    line = "".join(char if char.isprintable() else "?" for char in text)
    return f'"{line[:_SHOWN]}…"' if len(line) > _SHOWN else f'"{line}"'


def shown(value: object) -> str:
    """A value as a fault repeats it."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return quoted(value)
        case dict():
            return "a table"
        case list():
            return "a list"
        case _:
            return str(value)


def text(node: Node) -> str:
    """A text that is not blank."""
    if not isinstance(node.value, str) or not node.value.strip():
        raise Bad(f"must be a text, not {shown(node.value)}")
    return node.value


def line(node: Node) -> str:
    """A text without control characters, line breaks among them, and without blanks around it."""
    value = text(node).strip()
    if not value.isprintable():
        raise Bad("must be one line without control characters")
    return value


def flag(node: Node) -> bool:
    """A truth value: `true` or `false`."""
    if not isinstance(node.value, bool):
        raise Bad(f"must be true or false, not {shown(node.value)}")
    return node.value


def integer(low: int, high: int) -> Reader[int]:
    """A whole number within these bounds."""

    def read(node: Node) -> int:
        if isinstance(node.value, bool) or not isinstance(node.value, int) or not low <= node.value <= high:
            raise Bad(f"must be a whole number from {low} to {high}, not {shown(node.value)}")
        return node.value

    return read


def day(node: Node) -> date:
    """A date, bare or in quotes."""
    value = node.value
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise Bad(f'must be a date like "2026-12-24", not {shown(value)}') from None


def named(names: Mapping[str, T], what: str) -> Reader[T]:
    """What one of these names stands for."""

    def read(node: Node) -> T:
        name = node.value
        if not isinstance(name, str):
            raise Bad(f"must be the name of a {what}, not {shown(name)}")
        if name not in names:
            raise Bad(f"unknown {what} {quoted(name)}; {hint(name, names)}")
        return names[name]

    return read


def known(names: Iterable[str], what: str) -> Reader[str]:
    """One of these names itself."""
    return named({name: name for name in names}, what)


def choice(kind: type[E]) -> Reader[E]:
    """A member of an enumeration, by its value."""

    def read(node: Node) -> E:
        values = {member.value: member for member in kind}
        if not isinstance(node.value, str) or node.value not in values:
            wanted = ", ".join(quoted(value) for value in values)
            near = _nearest(str(node.value), [value.lower() for value in values])
            meant = next((f'; did you mean "{value}"?' for value in values if value.lower() == near), "")
            raise Bad(f"must be one of {wanted}, not {shown(node.value)}{meant}")
        return values[node.value]

    return read


def listed(read: Reader[T]) -> Reader[tuple[T, ...]]:
    """A list; each wrong element is recorded at its own line and left out."""

    def read_list(node: Node) -> tuple[T, ...]:
        if not isinstance(node.value, list):
            raise Bad(f"must be a list, not {shown(node.value)}")
        return tuple(_elements(node, node.value, read))

    return read_list


def some(read: Reader[T]) -> Reader[tuple[T, ...]]:
    """A list, or one value without its brackets."""
    many = listed(read)
    return lambda node: many(node) if isinstance(node.value, list) else (read(node),)


def _elements(node: Node, values: list[object], read: Reader[T]) -> Iterator[T]:
    for index, value in enumerate(values):
        element = Node(node.file, (*node.keys, index), value)
        try:
            yield read(element)
        except Bad as bad:
            element.fault(str(bad))


def _holds_tables(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))
