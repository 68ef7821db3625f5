"""May what comes due happen now? Asks the clocks at each tick, remembers over restarts what it doubts, and has the operator know.

The rule is the desk's; mail is taken in, processed and sent whatever comes out of it.
"""

from __future__ import annotations

import json
import secrets
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.errors import Temporary
from mailgate.desk.letters import Letter, Name
from mailgate.desk.sanity import Belief, Doubt, Reading, judge
from mailgate.flow import effect, journal
from mailgate.flow.cause import Cause
from mailgate.flow.house import House
from mailgate.store import clock, facts, inbox, outbox, people
from mailgate.store.engine import Store, Tx, savepoint

# What the operator reads of a doubt; of a pause he need not hear.
_WORDS = {
    Doubt.AHEAD: "the clock jumped ahead by {by}",
    Doubt.BACK: "the clock went back by {by}",
    Doubt.BEHIND: "the clock is {by} behind what has happened already",
    Doubt.APART: "the clock is {by} away from that of the database",
    Doubt.PAUSED: "nobody was here for {by}",
}
# So many doubts of a clock that comes and goes are told by mail within so many seconds at most; the log tells each.
_MOST, _WITHIN = 3, 6 * 3600.0
_BELIEVED = "believed"


class Sanity:
    """What this gateway thinks of its clock. One a process, asked from one thread at a time; `owner` names the gateway."""

    def __init__(self, store: Store, house: House, owner: str, read: Callable[[], Reading]) -> None:
        """`read` asks the machine's clocks."""
        self._store, self._house, self._read = store, house, read
        # A file has one daemon, whatever it is called.
        self._fact = facts.CLOCK if store.sqlite else f"{facts.CLOCK}:{owner}"
        self._belief: Belief | None = None
        # Whether the owner has been told of a doubt that lasts, and at how many seconds `passed` he was told of the last ones.
        self._told = False
        self._tellings: deque[float] = deque(maxlen=_MOST)

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
            try:
                self._write_down(after, changed=changed)
            except Temporary:
                # On a full disk it is believed all the same, and written down at a later tick: mail must not wait for it.
                return None if after.doubt else reading.wall
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
            before = _read_back(kept) if kept else None
            self._told = before is not None and _alarms(before.doubt)
            return before, reading, newest
        if kept is None:
            # The operator knows better: this is the time, unless the clock that all share says otherwise.
            journal.told("clock_resumed")
            self._told = False
            before = Belief(reading, newest)
        return before, reading, newest

    def _write_down(self, after: Belief, *, changed: bool) -> None:
        with journal.on_commit(), self._store.begin() as tx:
            facts.put(tx, self._fact, _as_kept(after))
            if changed:
                _note(after)
                self._told_of(tx, after)
            if changed and after.doubt in (Doubt.BACK, Doubt.BEHIND):
                # What was put off by the clock as it was would wait for it to come there again.
                inbox.hurry(tx, after.reading.wall)
                outbox.hurry(tx, after.reading.wall)

    def _told_of(self, tx: Tx, belief: Belief) -> None:
        try:
            with journal.on_commit(), savepoint(tx):
                self._tell(tx, belief)
        except Temporary:
            raise
        except Exception as error:
            # A fault of ours: what is believed must be written down all the same.
            journal.trouble("clock", error)

    def _tell(self, tx: Tx, belief: Belief) -> None:
        """The owner hears by mail of a doubt, and of its end where he had heard of it."""
        passed, now = belief.reading.passed, belief.reading.wall
        often = len(self._tellings) == _MOST and passed - self._tellings[0] < _WITHIN
        begins = _alarms(belief.doubt) and not self._told and not often
        ends = belief.doubt is None and self._told
        if not (begins or ends):
            return
        self._told = begins
        if begins:
            self._tellings.append(passed)
        note = "" if belief.doubt is Doubt.AHEAD else belief.doubt or _BELIEVED
        rules = self._house.rules(self._house.desks[0].name, people.directory(tx, self._house.people))
        letters = tuple(Letter(Name.CLOCK, one.address, note=note) for one in rules.on_duty(None, now))
        if letters:
            decision = Decision(Outcome.NOTED, letters=letters)
            effect.carry_out(tx, self._house, rules, None, decision, Cause("clock", secrets.token_hex(8)), now)


def doubts(tx: Tx) -> list[str]:
    """What the gateways doubt of their clocks, in words."""
    found = (_read_back(kept) for kept in facts.alike(tx, facts.CLOCK))
    return [_in_words(one) for one in found if one.doubt]


def _alarms(doubt: Doubt | None) -> bool:
    """Whether somebody has to look after it. After each night of a laptop nobody has."""
    return doubt not in (None, Doubt.PAUSED)


def _note(belief: Belief) -> None:
    if belief.doubt is None:
        journal.told("clock_believed")
    elif not _alarms(belief.doubt):
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
