"""Who asks again and again for pages that there are not? Only such questions are counted: whoever knows a link is never kept out."""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import ip_address, ip_network

from mailgate.flow import journal

# So many unknown addresses of pages a visitor may ask for in so many seconds before he hears that this is too much.
MOST = 30
SPAN = 600.0
# So many visitors are counted at a time; a net of more of them is no visitor who mistypes.
_COUNTED = 10_000


class Strangers:
    """How often each visitor asked for what there is not. Belongs to one event loop; `clock` gives seconds that only go forward."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked: dict[str, tuple[float, int]] = {}

    def admit(self, peer: str) -> bool:
        """Counts one question for what there is not; whether the visitor may hear so, as before."""
        now, who = self._clock(), _net(peer)
        since, count = self._asked.pop(who, (now, 0))
        since, count = (since, count + 1) if now - since < SPAN else (now, 1)
        # Whoever asked last is last, so that room is made by forgetting the one who has been silent longest.
        self._asked[who] = since, count
        if len(self._asked) > _COUNTED:
            del self._asked[next(iter(self._asked))]
        if count == MOST + 1:
            journal.told("unknown_links", peer=who, asked=count)
        return count <= MOST


def _net(peer: str) -> str:
    """Whom an address stands for: one of IPv6 for its network, since each visitor has as many of them as he likes."""
    try:
        address = ip_address(peer)
    except ValueError:
        return ""
    return str(ip_network((address, 64), strict=False)) if address.version == 6 else str(address)
