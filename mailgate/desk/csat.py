"""How well was a requester helped? One mark from 1 to 5 for each time that his ticket came to an end, and what he says about it.

He may change his mind for some days. A mark changes nothing else about the ticket; what it means for the desk is a report's question.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from mailgate.desk.commands import Command
from mailgate.desk.draft import Draft
from mailgate.desk.letters import Name
from mailgate.desk.model import State, Status, Ticket
from mailgate.desk.seldom import seldom
from mailgate.desk.workflow import state_of

# So long after the end a mark may be given or changed.
OPEN_FOR = timedelta(days=14)
# A mark up to this one is told to whoever looked after the ticket also where nothing is said with it.
_POOR = 2
_LONGEST_REMARK = 2000
# The mark, maybe as "4/5" or behind the word that a button has said already.
_MARK = seldom(r"\s{0,99}(?:#?csat[\s:]{1,9})?([1-5])(?:\s?/\s?5)?(?=[\s.,;:!)]|$)[.,;:!)]{0,9}")


def read(words: str) -> tuple[int | None, str]:
    """The mark with which these words begin, None where they do not, and what is said with it."""
    found = _MARK.match(words)
    if found is None:
        return None, words.strip()
    return int(found[1]), words[found.end() :].strip()[:_LONGEST_REMARK]


def may_rate(ticket: Ticket, now: datetime) -> bool:
    """Whether the requester may still say how he was helped."""
    ended = ticket.closed or ticket.resolved
    return state_of(ticket.status) in (State.RESOLVED, State.CLOSED) and ended is not None and now <= ended + OPEN_FOR


def rate(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    """`csat 5 words`: his mark, in place of an earlier one."""
    mark, words = read(command.args)
    if mark is None:
        draft.refuse(command.line, "needs-mark", "csat 5")
        return
    if not may_rate(draft.ticket, draft.now):
        draft.refuse(command.line, "no-longer-rated")
        return
    draft.event("csat", str(mark), rating=mark, remark=words or None, rated=draft.now)
    if words or mark <= _POOR:
        told = f"{mark}/5" + (f": {words}" if words else "")
        draft.tell_watchers(words=told, note="csat")
    draft.answer(Name.STATUS, note="rated")
