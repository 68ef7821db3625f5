"""How does a new desk get files to edit? Copies the samples and the letters; a file that is there is never touched. Makes no key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mailgate.config.packaged import packaged
from mailgate.desk.errors import Misconfigured

_FOLDERS = ("config", "templates")


def init(folder: Path) -> list[Path]:
    """Writes config/ and templates/ into `folder`, which is made where it is missing; the files that were written, in their order.

    Raises Misconfigured where the folder cannot be written to.
    """
    written = []
    try:
        for name in _FOLDERS:
            source = packaged(name)
            for file in _files(source):
                target = folder / name / file.relative_to(source)
                if _write(target, file.read_bytes()):
                    written.append(target)
    except OSError as error:
        raise Misconfigured(f"{error.filename or folder}: {error.strerror}") from None
    return written


def _files(source: Path) -> Iterator[Path]:
    """The files below a folder, without what editors and Python leave there."""
    for path in sorted(source.rglob("*")):
        if path.is_file() and not path.name.startswith(".") and path.suffix != ".pyc":
            yield path


def _write(target: Path, octets: bytes) -> bool:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with target.open("xb") as file:
            file.write(octets)
    except FileExistsError:
        return False
    return True
