"""How is somebody told of clocks? Singly, or in one letter where there is much to tell; not while it is quiet, and not too often.

Effects write down what is to be told; the timekeeper tells it once no timer is due any more, so that a storm becomes one letter. What has
become pointless meanwhile is not told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.letters import Letter
from mailgate.desk.notices import HOUR, Current, current, heard_at, letters
from mailgate.desk.rules import Rules
from mailgate.flow import effect, journal
from mailgate.flow.cause import NOTICE, Cause
from mailgate.flow.house import House
from mailgate.store import notices, outbox, people, tickets
from mailgate.store.engine import Tx
from mailgate.store.notices import DueNotice, Whom

# So many are told in one commit.
MOST = 1000


def tell(tx: Tx, house: House, whom: Whom, rows: Sequence[DueNotice], now: datetime) -> None:
    """Tells one person what is due, as far as it is still so. Raises Fenced where somebody else told it meanwhile."""
    rules = house.rules(whom.desk, people.directory(tx, house.people))
    awake = heard_at(rules, now)
    if awake > now:
        # They were put off to now for another reason, or the policy has changed.
        notices.put_off(tx, [row for row in rows if row.notice.quiet], awake)
        rows = [row for row in rows if not row.notice.quiet]
    worth = _worth_telling(tx, rows, now)
    if not worth:
        return
    room, free = _room(tx, rules, whom, now)
    if room <= 0:
        notices.put_off(tx, [row for row, _ in worth], free)
        return
    written = letters([one for _, one in worth], whom.person, rules, room)
    if len(written) == len(worth):
        for (row, one), letter in zip(worth, written, strict=True):
            _write(tx, house, rules, [row], one, letter, now)
    else:
        _write(tx, house, rules, [row for row, _ in worth], None, written[0], now)


def _worth_telling(tx: Tx, rows: Sequence[DueNotice], now: datetime) -> list[tuple[DueNotice, Current]]:
    """What of this is still so; the rest is told no more."""
    worth = []
    for row in rows:
        found = current(row.notice, tickets.get(tx, row.notice.ticket))
        if isinstance(found, str):
            notices.moot(tx, row, found, now)
        else:
            worth.append((row, found))
    return worth


def _room(tx: Tx, rules: Rules, whom: Whom, now: datetime) -> tuple[int, datetime]:
    """How many letters this person may get now, and when there is room again. Whom people.toml does not have is budgeted by the day."""
    if rules.people.find(whom.person) is None:
        return MOST, now
    most = max(rules.policy.budgets.staff_per_hour, 1)
    written = outbox.written_to(tx, whom.person, now - HOUR, most)
    return most - len(written), written[-1] + HOUR if written else now


def _write(tx: Tx, house: House, rules: Rules, rows: Sequence[DueNotice], about: Current | None, letter: Letter, now: datetime) -> None:
    notices.told(tx, rows, rows[0].id, now)
    decision = Decision(Outcome.TIMED, letters=(letter,))
    cause = Cause(NOTICE, str(rows[0].id))
    effect.carry_out(tx, house, rules, about.ticket if about else None, decision, cause, now)
    journal.told("clocks_told", desk=rules.desk.name, letter=letter.name, notices=len(rows), first=rows[0].id)
