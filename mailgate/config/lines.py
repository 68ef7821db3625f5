"""On which line of a TOML text does each table, key and element stand? tomllib gives the values without their places.

The text has been read by tomllib before, so it is valid, and the scanner may trust that. One pass, and only once something is wrong.
"""

from __future__ import annotations

import re

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]*")
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)")
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


def places(text: str) -> dict[Path, int]:
    """The line (from 1) of each table header, key and array element, by its path: `("imap", 0, "host")`."""
    return _Scanner(text).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.found: dict[Path, int] = {}
        # How often each [[header]] has stood so far.
        self.arrays: dict[Path, int] = {}

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        while self._skip_blank() < len(self.text):
            if self.text.startswith("[", self.at):
                table = self._header()
            else:
                self._pair(table)
        return self.found

    def _header(self) -> Path:
        double = self.text.startswith("[[", self.at)
        self._move(2 if double else 1)
        *above, last = self._key()
        self._move(2 if double else 1)
        path: Path = ()
        for name in above:
            path = self._newest((*path, name))
        path = (*path, last)
        if double:
            self.found.setdefault(path, self.line)
            self.arrays[path] = self.arrays.get(path, 0) + 1
            path = self._newest(path)
        self.found[path] = self.line
        return path

    def _newest(self, path: Path) -> Path:
        count = self.arrays.get(path)
        return path if count is None else (*path, count - 1)

    def _pair(self, table: Path) -> None:
        path = table
        for name in self._key():
            path = (*path, name)
            self.found.setdefault(path, self.line)
        self._move(1)
        self._value(path)

    def _value(self, path: Path) -> None:
        self._skip(_SPACE)
        match self.text[self.at : self.at + 1]:
            case "[":
                self._array(path)
            case "{":
                self._inline(path)
            case '"' | "'":
                self._string()
            case _:
                self._skip(_SCALAR)

    def _array(self, path: Path) -> None:
        self._move(1)
        index = 0
        while self.text[self._skip_blank()] != "]":
            if self.text[self.at] == ",":
                self._move(1)
                continue
            self.found[(*path, index)] = self.line
            self._value((*path, index))
            index += 1
        self._move(1)

    def _inline(self, path: Path) -> None:
        self._move(1)
        while self.text[self._skip_blank()] != "}":
            if self.text[self.at] == ",":
                self._move(1)
            else:
                self._pair(path)
        self._move(1)

    def _key(self) -> list[str]:
        """The parts of a dotted key; stands behind it afterwards, on the `=` or `]`."""
        parts = []
        while True:
            self._skip(_SPACE)
            if self.text[self.at] in "\"'":
                parts.append(self._string())
            else:
                start = self.at
                parts.append(self.text[start : self._skip(_BARE)])
            self._skip(_SPACE)
            if not self.text.startswith(".", self.at):
                return parts
            self._move(1)

    def _string(self) -> str:
        """The text of a string of any of the four kinds (escapes are decoded as far as keys need it)."""
        quote = self.text[self.at]
        mark = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        start = self.at + len(mark)
        end = self.text.index(mark, start)
        while quote == '"' and self._escaped(start, end):
            end = self.text.index(mark, end + 1)
        # A multi-line string may end with quotes of its own: the last three close it.
        while len(mark) == 3 and self.text.startswith(quote, end + 3):
            end += 1
        self._move(end + len(mark) - self.at)
        return _ESCAPE.sub(_unescaped, self.text[start:end]) if quote == '"' else self.text[start:end]

    def _escaped(self, start: int, end: int) -> bool:
        before = self.text[start:end]
        return (len(before) - len(before.rstrip("\\"))) % 2 == 1

    def _skip_blank(self) -> int:
        return self._skip(_BLANK)

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self.text, self.at)
        return self._move(match.end() - self.at) if match else self.at

    def _move(self, count: int) -> int:
        self.line += self.text.count("\n", self.at, self.at + count)
        self.at += count
        return self.at


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code[1:], 16)) if code[0] in "uU" else _ESCAPES.get(code, code)
