"""What takes a technician's last command back? Every field that it changed gets the value that it had before.

What was said and sent stays said and sent; who heard that a ticket was solved or closed hears that it is open again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from mailgate.desk.events import Change, Event, born, fold, plain
from mailgate.desk.model import State, Status, Ticket, TicketId
from mailgate.desk.workflow import STATES

# The commands that only change fields, or whose letters can be followed by another one.
UNDOABLE = frozenset(
    "take assign start status resume priority impact urgency category tag escalate desk requester cc confidential spam due time"
    " resolve close reopen parent merge link approval".split()
)
# What an answer did to the clocks stays done: the requester has it. And they follow from everything else.
STAYS = frozenset({"responded", "awaiting", "since", "rungs", "climbed", "clocks", "approval", "asks"})
# What sends a ticket for approval.
_SENT = "approval"


class Undo(Struct, frozen=True):
    """The commands that are taken back, and the values that their fields had before."""

    verbs: tuple[str, ...]
    changes: tuple[Change, ...]

    def brings_back(self, ticket: Ticket) -> bool:
        """Whether a ticket that its requester thought solved or closed is open again after it."""
        status = next((change.value for change in self.changes if change.field == "status"), None)
        ended = (State.RESOLVED, State.CLOSED)
        return status is not None and STATES[ticket.status] in ended and STATES[Status(str(status))] not in ended


def undo(story: Sequence[Event]) -> Undo | None:
    """What takes the newest commands of the story back; None where nothing can be: there was none, it was taken back, or it was overtaken.

    `story` are all events of a ticket, oldest first. The commands of one mail are taken back together.
    """
    last = next((at for at in range(len(story) - 1, 0, -1) if _can_be(story[at])), 0)
    if last == 0 or story[last].verb == "undo":
        return None
    first = last
    while first > 1 and (story[first - 1].at, story[first - 1].actor) == (story[last].at, story[last].actor):
        first -= 1
    done = [event for event in story[first : last + 1] if event.changes]
    fields = _fields(done)
    if any(event.verb not in UNDOABLE for event in done) or any(field in fields for field in _fields(story[last + 1 :])):
        return None
    before = fold(born(TicketId(0), story[0]), story[1:first])
    if any(event.verb == _SENT for event in done) and before.status is Status.AWAITING_APPROVAL:
        # It had to be approved anyway: that others are asked is changed by asking others.
        return None
    # A status is called what it was called before.
    fields += ["own"] if "status" in fields and before.own and "own" not in fields else []
    return Undo(tuple(event.verb for event in done), tuple(Change(field, plain(getattr(before, field))) for field in fields))


def _can_be(event: Event) -> bool:
    """Whether this is a technician's command; what policy sends for approval nobody takes back."""
    return bool(event.changes) and event.verb in (*UNDOABLE, "undo") and not (event.verb == _SENT and event.strength is None)


def _fields(events: Iterable[Event]) -> list[str]:
    return list(dict.fromkeys(change.field for event in events for change in event.changes if change.field not in STAYS))
