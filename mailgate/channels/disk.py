"""How does the name of a file survive a power cut? The octets in it are its writer's question."""

from __future__ import annotations

import os
from pathlib import Path


def keep_names(folder: Path) -> None:
    """Makes the names in a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
