"""What does a command work on? Settings, database and house, opened as late and as little as it needs."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from mailgate.config.load import load
from mailgate.config.settings import Settings
from mailgate.desk.errors import Misconfigured

if TYPE_CHECKING:
    from mailgate.flow.house import House
    from mailgate.store.engine import Store


def now() -> datetime:
    """The wall clock, aware and in UTC."""
    return datetime.now(UTC)


def settings(config: Path | None, *, whole: bool = False) -> Settings:
    """The configuration that the command line and the environment name; `whole` as in `load`. Raises Misconfigured."""
    return load(config, os.environ, whole=whole)


def of_a_desk(config: Path | None) -> Settings:
    """The same, of a desk that is there. Raises Misconfigured in a folder that has none."""
    known = settings(config)
    file = Path(known.store.url.removeprefix("sqlite:///"))
    if config is None and not (known.machine.parent.exists() or known.store.url.startswith("postgresql") or file.exists()):
        raise Misconfigured(f"there is no desk in {known.root} (neither config/ nor {file}); name its folder with --config")
    return known


class Opened(Struct, frozen=True):
    """Everything that most commands need. The key is for those alone who sign: others read without it, and may have no way to it."""

    settings: Settings
    store: Store

    def house(self) -> House:
        """What the use cases go by, with the key, which is made where there is none. Raises Misconfigured where it cannot be read."""
        from mailgate.config.house import open_house

        return open_house(self.settings, self.store)

    def tag(self, desk: str) -> str:
        """What stands before the numbers of that desk's tickets; the first desk's where it is no more."""
        return next((one.tag for one in self.settings.desks if one.name == desk), self.settings.desks[0].tag)


@contextmanager
def opened(config: Path | None, *, create: bool = False) -> Iterator[Opened]:
    """Opens the database of the configuration, and closes it again. Raises Misconfigured or Unavailable.

    Only with `create` is a desk made where there is none: in a wrong folder it would look like one that has lost everything.
    """
    # What is imported now stays as long as the command: to search it for garbage costs a tenth of its start.
    gc.disable()
    try:
        from mailgate.config.opening import open_store

        known = settings(config) if create else of_a_desk(config)
        store = open_store(known)
    finally:
        gc.freeze()
        gc.enable()
    try:
        yield Opened(known, store)
    finally:
        store.close()
