"""What does a command work on? Settings, database and house, opened as late and as little as it needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mailgate.config.load import load
from mailgate.config.settings import Settings
from mailgate.desk.errors import Misconfigured

if TYPE_CHECKING:
    from mailgate.flow.house import House
    from mailgate.store.engine import Store


def now() -> datetime:
    """The wall clock, aware and in UTC."""
    return datetime.now(UTC)


def settings(config: Path | None) -> Settings:
    """The configuration that the command line and the environment name. Raises Misconfigured."""
    return load(config, os.environ)


@dataclass(frozen=True, slots=True)
class Opened:
    """Everything that most commands need."""

    settings: Settings
    store: Store
    house: House


@contextmanager
def opened(config: Path | None, *, create: bool = False) -> Iterator[Opened]:
    """Opens the database of the configuration, and closes it again. Raises Misconfigured or Unavailable.

    Only with `create` is a desk made where there is none: in a wrong folder it would look like one that has lost everything.
    """
    from mailgate.config.opening import open_house, open_store

    known = settings(config)
    file = Path(known.store.url.removeprefix("sqlite:///"))
    if not create and config is None and not (Path("config").exists() or known.store.url.startswith("postgresql") or file.exists()):
        raise Misconfigured(f"there is no desk in {known.root} (neither config/ nor {file}); name its folder with --config")
    store = open_store(known)
    try:
        yield Opened(known, store, open_house(known, store))
    finally:
        store.close()
