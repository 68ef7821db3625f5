"""May what comes due happen now? Asks the clocks at each tick, remembers over restarts what it doubts, and has the operator know.

The rule is the desk's; mail is taken in, processed and sent whatever comes out of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from mailgate.desk.sanity import Belief, Doubt, Reading, judge
from mailgate.flow import journal
from mailgate.store import clock, facts, inbox, outbox
from mailgate.store.engine import Store, Tx

# What the operator reads of a doubt; of a pause he need not hear.
_WORDS = {
    Doubt.AHEAD: "the clock jumped ahead by {by}",
    Doubt.BACK: "the clock went back by {by}",
    Doubt.BEHIND: "the clock is {by} behind what has happened already",
    Doubt.APART: "the clock is {by} away from that of the database",
    Doubt.PAUSED: "nobody was here for {by}",
}


class Sanity:
    """What this gateway thinks of its clock. One a process, asked from one thread at a time; `owner` names the gateway."""

    def __init__(self, store: Store, owner: str, read: Callable[[], Reading]) -> None:
        """`read` asks the machine's clocks."""
        self._store, self._read = store, read
        # A file has one daemon, whatever it is called.
        self._fact = facts.CLOCK if store.sqlite else f"{facts.CLOCK}:{owner}"
        self._belief: Belief | None = None

    @property
    def doubt(self) -> Doubt | None:
        """What is wrong with the clock, as far as anybody has asked."""
        return self._belief.doubt if self._belief else None

    def now(self) -> datetime | None:
        """The time (aware UTC); None while nothing may happen that time alone brings about. Raises Temporary."""
        before, reading, newest = self._asked()
        after = judge(before, reading, newest)
        changed = after.doubt is not (before.doubt if before else None)
        if changed or (after.doubt is None and after is not self._belief):
            self._write_down(after, changed=changed)
        self._belief = after
        return None if after.doubt else reading.wall

    def _asked(self) -> tuple[Belief | None, Reading, datetime | None]:
        """What was believed so far, what the clocks show, and when the newest event happened."""
        before = self._belief
        if before is not None and before.doubt is None and self._store.sqlite:
            # There is nothing to ask the database, which is so at nearly every tick.
            return before, self._read(), None
        with self._store.look() as tx:
            shared, reading = clock.shared(tx), self._read()
            reading = replace(reading, shared=shared)
            if before is not None and before.doubt is None:
                return before, reading, None
            kept, newest = facts.get(tx, self._fact), clock.newest_event(tx)
        if before is None:
            return _read_back(kept) if kept else None, reading, newest
        if kept is None:
            # The operator knows better: this is the time, unless the clock that all share says otherwise.
            journal.told("clock_resumed")
            before = Belief(reading, newest)
        return before, reading, newest

    def _write_down(self, after: Belief, *, changed: bool) -> None:
        with journal.on_commit(), self._store.begin() as tx:
            facts.put(tx, self._fact, _as_kept(after))
            if changed:
                _tell(after)
            if changed and after.doubt in (Doubt.BACK, Doubt.BEHIND):
                # What was put off by the clock as it was would wait for it to come there again.
                inbox.hurry(tx, after.reading.wall)
                outbox.hurry(tx, after.reading.wall)


def doubts(tx: Tx) -> list[str]:
    """What the gateways doubt of their clocks, in words."""
    found = (_read_back(kept) for kept in facts.alike(tx, facts.CLOCK))
    return [_in_words(one) for one in found if one.doubt]


def _tell(belief: Belief) -> None:
    if belief.doubt is None:
        journal.told("clock_believed")
    elif belief.doubt is Doubt.PAUSED:
        # So it is after each night of a laptop.
        journal.told("timers_wait", reason=belief.doubt, seconds=int(belief.by.total_seconds()))
    else:
        journal.alert("clock-doubted", f"{_in_words(belief)}: timers wait until it has been steady for ten minutes, or `mailgate resume`")


def _in_words(belief: Belief) -> str:
    assert belief.doubt is not None
    assert belief.since is not None
    by = timedelta(seconds=int(belief.by.total_seconds()))
    return f"{_WORDS[belief.doubt].format(by=by)} (found at {belief.since.isoformat(timespec='seconds')})"


def _as_kept(belief: Belief) -> str:
    reading = belief.reading
    return json.dumps({
        "wall": reading.wall.isoformat(), "passed": reading.passed, "boot": reading.boot, "newest": _text(belief.newest),
        "doubt": belief.doubt, "since": _text(belief.since), "by": belief.by.total_seconds(),
    })  # fmt: skip


def _read_back(kept: str) -> Belief:
    """What was believed before we were started; for how long the clock has been steady since is not kept."""
    said = json.loads(kept)
    reading = Reading(datetime.fromisoformat(said["wall"]), said["passed"], said["boot"])
    doubt = Doubt(said["doubt"]) if said["doubt"] else None
    return Belief(reading, _moment(said["newest"]), doubt, _moment(said["since"]), timedelta(seconds=said["by"]))


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
