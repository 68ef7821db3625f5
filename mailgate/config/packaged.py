"""Where do the files lie that come with mailgate: `config` (the samples) and `templates` (the letters)?"""

from __future__ import annotations

from pathlib import Path

from mailgate.desk.errors import Misconfigured

_PACKAGE = Path(__file__).resolve().parent.parent


def packaged(name: str) -> Path:
    """The folder of that name: inside the package where it was installed, beside it in a checkout. Raises Misconfigured for neither."""
    for folder in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise Misconfigured(f"{_PACKAGE}: this installation lacks its folder {name}; install mailgate again")


def template_folders(own: Path | None) -> list[Path]:
    """Where letters are looked for: the operator's own folder, if there is one, then those that come with mailgate."""
    return [*([own] if own else []), packaged("templates")]
