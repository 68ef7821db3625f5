"""Two gateways at one moment: the same thing done by several threads that begin together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def at_once(act: Callable[[], T], times: int = 2) -> Sequence[T]:
    """What each of them came to. Raises the first fault of any of them."""
    together = threading.Barrier(times)

    def begin() -> T:
        together.wait()
        return act()

    with ThreadPoolExecutor(times) as threads:
        begun = [threads.submit(begin) for _ in range(times)]
        return [one.result() for one in begun]
