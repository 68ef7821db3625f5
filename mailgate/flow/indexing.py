"""When can it be found what a message says? Soon after it came, in small batches between other work: it would cost each mail too much."""

from __future__ import annotations

from msgspec import Struct

from mailgate.store import search
from mailgate.store.engine import Store

# So many messages in one commit, so that no mail waits long for its turn, and so many commits at one tick.
_BATCH = 50
_COMMITS = 4


class Indexer(Struct, frozen=True):
    """Brings what was said into the index that searches look into."""

    store: Store

    def tick(self) -> int:
        """Indexes what is new, up to a few batches; returns how many messages that were."""
        done = 0
        for _ in range(_COMMITS):
            with self.store.look() as tx:
                if not search.behind(tx):
                    break
            with self.store.begin() as tx:
                done += search.catch_up(tx, _BATCH)
        return done
