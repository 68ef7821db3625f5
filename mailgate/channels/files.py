"""Which mails lie in these files? Single mails, folders of them, mboxes, Maildirs and standard input; reads, and changes nothing.

Whatever is named counts as a mail. What merely lies in a folder has to look like one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from mailgate.desk.errors import Permanent, Temporary

STANDARD_INPUT = "-"
# So much of a file is read to see whether it is a mail.
_BEGINNING = 16_384
# A header opens with a field (RFC 5322 2.2), and one of its fields is among these; a list of things to do opens with `Note:` as well.
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_OF_A_MAIL = re.compile(rb"^(?:from|to|date|subject|received|return-path|message-id)[ \t]*:", re.IGNORECASE | re.MULTILINE)
_BLANK_LINE = re.compile(rb"\n\r?\n")


class Found(Struct, frozen=True):
    """The files that hold mails, in order (None stands for standard input), and what was passed over because it does not look like one."""

    mails: tuple[Path | None, ...]
    passed_over: tuple[str, ...]


def mails(files: Iterable[Path | None], stdin: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Every mail of these files as (source, octets): the file's name, with `#n` for the n-th mail of an mbox. Raises Temporary."""
    for path in files:
        if path is None:
            yield STANDARD_INPUT, stdin.read()
            continue
        raw = _octets(path)
        if raw.startswith(b"From ") and path.suffix != ".eml":
            yield from ((f"{path.name}#{number}", one) for number, one in enumerate(_mbox(raw), 1))
        else:
            yield path.name, raw.split(b"\n", 1)[-1] if raw.startswith((b"From ", b">From ")) else raw


def find(paths: Sequence[str]) -> Found:
    """The files that `mails` is to read. Raises Permanent for a path that is not there, Temporary for a file that cannot be read."""
    found: list[Path | None] = []
    passed: list[str] = []
    for name in paths:
        path = Path(name)
        if name == STANDARD_INPUT:
            found.append(None)
        elif path.is_dir():
            for file, is_mail in _folder(path):
                if is_mail:
                    found.append(file)
                else:
                    passed.append(str(file.relative_to(path)))
        elif path.exists():
            found.append(path)
        else:
            raise Permanent(f"{name}: no such file or folder", code="no-such-file")
    return Found(tuple(found), tuple(passed))


def _folder(path: Path) -> Iterator[tuple[Path, bool]]:
    """What lies in a folder, and whether each is a mail; hidden files are not there."""
    if (path / "new").is_dir() and (path / "cur").is_dir():
        # A Maildir: what is still in tmp/ is not delivered.
        for part in ("new", "cur"):
            yield from ((one, True) for one in sorted((path / part).iterdir()) if one.is_file())
        return
    for root, folders, found in os.walk(path):
        folders.sort()
        for one in (Path(root, name) for name in sorted(found) if not name.startswith(".")):
            yield one, _is_mail(one)


def _is_mail(path: Path) -> bool:
    try:
        if not path.is_file() or path.suffix.lower() == ".eml":
            return path.is_file()
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING)
    except OSError as error:
        raise Temporary(f"{path}: {error.strerror}", code="unreadable-file") from error
    if beginning.startswith((b"From ", b">From ")):
        return True
    return bool(_FIELD.match(beginning) and _OF_A_MAIL.search(_BLANK_LINE.split(beginning, maxsplit=1)[0]))


def _octets(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Temporary(f"{path}: {error.strerror}", code="unreadable-file") from error


def _mbox(raw: bytes) -> Iterator[bytes]:
    """The mails of an mbox (mboxrd): each begins behind a `From ` line after a blank one, and has one `>` less before `From `."""
    mail: list[bytes] = []
    blank = True
    for line in raw.splitlines(keepends=True):
        if blank and line.startswith(b"From "):
            if mail:
                yield b"".join(mail)
            mail, blank = [], False
            continue
        blank = not line.strip()
        mail.append(line[1:] if line.lstrip(b">").startswith(b"From ") and line.startswith(b">") else line)
    if mail:
        yield b"".join(mail)
