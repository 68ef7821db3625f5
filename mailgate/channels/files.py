"""Which mails lie in these files? Single mails, folders of them, mboxes, Maildirs and standard input; reads, and changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from mailgate.desk.errors import Permanent, Temporary

STANDARD_INPUT = "-"


def mails(paths: Sequence[str], stdin: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Every mail as (source, octets): the file's name, with `#n` for the n-th mail of an mbox. Raises Permanent for a missing path."""
    for path in names(paths):
        if path is None:
            yield STANDARD_INPUT, stdin.read()
            continue
        raw = _octets(path)
        if raw.startswith(b"From ") and path.suffix != ".eml":
            yield from ((f"{path.name}#{number}", one) for number, one in enumerate(_mbox(raw), 1))
        else:
            yield path.name, raw.split(b"\n", 1)[-1] if raw.startswith((b"From ", b">From ")) else raw


def names(paths: Sequence[str]) -> Iterator[Path | None]:
    """The files that `mails` reads, in order; None stands for standard input."""
    for name in paths:
        path = Path(name)
        if name == STANDARD_INPUT:
            yield None
        elif path.is_dir():
            yield from _folder(path)
        elif path.exists():
            yield path
        else:
            raise Permanent(f"{name}: no such file or folder", code="no-such-file")


def _folder(path: Path) -> Iterator[Path]:
    if (path / "new").is_dir() and (path / "cur").is_dir():
        # A Maildir: what is still in tmp/ is not delivered.
        for part in ("new", "cur"):
            yield from sorted(one for one in (path / part).iterdir() if one.is_file())
        return
    for root, folders, found in os.walk(path):
        folders.sort()
        yield from (Path(root, name) for name in sorted(found) if not name.startswith("."))


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
