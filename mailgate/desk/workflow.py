"""How does a ticket live? The statuses, the verbs and what each verb does to each status, as tables; `check` proves them sound at start.

A status of the operator's own is a further name under a state: it behaves as the usual status of that state, and its verb, if it has one,
may be said where the usual verb may. Who may say a verb is authority's question; how a mail says one is that of commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from mailgate.desk.model import State, Status

if TYPE_CHECKING:
    from mailgate.desk.plans import OwnStatus

STATES: dict[Status, State] = {
    Status.NEW: State.OPEN,
    Status.RESPONDED: State.OPEN,
    Status.AWAITING_APPROVAL: State.OPEN,
    Status.ANALYSIS: State.IN_PROGRESS,
    Status.ESCALATED: State.IN_PROGRESS,
    Status.PENDING: State.ON_HOLD,
    Status.WAITING_FOR_CLOSURE: State.RESOLVED,
    Status.RESOLVED_BY_EVENT: State.RESOLVED,
    Status.RESOLVED_BY_ORIGIN: State.RESOLVED,
    Status.COMPLETED: State.CLOSED,
    Status.CANCELLED: State.CLOSED,
    Status.DUPLICATE: State.CLOSED,
    Status.DECLINED: State.CLOSED,
}


class Grammar(StrEnum):
    """Whose words they are: the same word may mean different things to a requester and to a technician."""

    REQUESTER = "requester"
    TECHNICIAN = "technician"
    APPROVER = "approver"


class Takes(StrEnum):
    """What follows a verb: nothing, nothing or `off`, a few words on its line, a person, `add` or `remove` and a person, a number or
    nothing, a ticket, the rest of the line and of the mail, (where no other verb of the mail takes that) a few words and whatever
    stands below, or a mark from 1 to 5 and whatever is said with it.
    """

    NOTHING = "nothing"
    SWITCH = "switch"
    REASON = "reason"
    PERSON = "person"
    COPY = "copy"
    NUMBER = "number"
    TICKET = "ticket"
    REST = "rest"
    BELOW = "below"
    MARK = "mark"


class Verb(Struct, frozen=True):
    """A word that may be said. `needed` tells whether what it takes may be left out."""

    word: str
    grammar: Grammar
    takes: Takes = Takes.NOTHING
    needed: bool = False
    example: str = ""


R, T, A = Grammar

VERBS: tuple[Verb, ...] = (
    Verb("accept", R, example="accept"),
    Verb("reject", R, Takes.REASON, example="reject it still does not print"),
    Verb("reopen", R, Takes.REASON, example="reopen it happened again"),
    Verb("cancel", R, example="cancel"),
    Verb("status", R, example="status"),
    Verb("mute", R, Takes.SWITCH, example="mute"),
    Verb("cc", R, Takes.COPY, needed=True, example="cc add anna@example.com"),
    Verb("csat", R, Takes.MARK, needed=True, example="csat 5"),
    Verb("help", R, example="help"),
    Verb("take", T, example="#take"),
    Verb("assign", T, Takes.PERSON, needed=True, example="#assign maria@example.com"),
    Verb("start", T, example="#start"),
    Verb("status", T, Takes.REASON, needed=True, example="#status Analysis"),
    Verb("priority", T, Takes.REASON, needed=True, example="#priority P2"),
    Verb("impact", T, Takes.REASON, needed=True, example="#impact high"),
    Verb("urgency", T, Takes.REASON, needed=True, example="#urgency low"),
    Verb("category", T, Takes.REASON, needed=True, example="#category Hardware/Printer"),
    Verb("tag", T, Takes.REASON, needed=True, example="#tag vip"),
    Verb("pending", T, Takes.REST, needed=True, example="#pending Which floor is the printer on?"),
    Verb("resume", T, example="#resume"),
    Verb("note", T, Takes.REST, needed=True, example="#note Third time this month."),
    Verb("resolve", T, Takes.REST, needed=True, example="#resolve The toner was empty; it prints again."),
    Verb("escalate", T, Takes.REASON, example="#escalate"),
    Verb("close", T, Takes.REASON, example="#close"),
    Verb("reopen", T, Takes.REASON, example="#reopen"),
    Verb("requester", T, Takes.PERSON, needed=True, example="#requester anna@example.com"),
    Verb("cc", T, Takes.PERSON, needed=True, example="#cc add anna@example.com"),
    Verb("desk", T, Takes.REASON, needed=True, example="#desk HR"),
    Verb("confidential", T, Takes.SWITCH, example="#confidential"),
    Verb("spam", T, example="#spam"),
    Verb("kb", T, Takes.BELOW, example="#kb"),
    Verb("due", T, Takes.REASON, needed=True, example="#due fri 9:00"),
    Verb("time", T, Takes.REASON, needed=True, example="#time 30m"),
    Verb("macro", T, Takes.REASON, needed=True, example="#macro which-device"),
    Verb("away", T, Takes.REASON, needed=True, example="#away until friday"),
    Verb("merge", T, Takes.TICKET, needed=True, example="#merge 1041"),
    Verb("parent", T, Takes.TICKET, needed=True, example="#parent 1041"),
    Verb("link", T, Takes.TICKET, needed=True, example="#link 1041"),
    Verb("split", T, example="#split"),
    Verb("undo", T, Takes.NUMBER, example="#undo"),
    Verb("send", T, example="#send"),
    Verb("approval", T, Takes.REASON, example="#approval boss@example.com"),
    Verb("help", T, example="#help"),
    Verb("approve", A, Takes.REASON, example="approve"),
    Verb("reject", A, Takes.REASON, example="reject the budget is spent"),
)

_OPEN = frozenset({Status.NEW, Status.RESPONDED})
_APPROVAL = frozenset({Status.AWAITING_APPROVAL})
_PROGRESS = frozenset({Status.ANALYSIS, Status.ESCALATED})
_HOLD = frozenset({Status.PENDING})
_RESOLVED = frozenset(status for status, state in STATES.items() if state is State.RESOLVED)
_CLOSED = frozenset(status for status, state in STATES.items() if state is State.CLOSED)
_ALIVE = frozenset(STATES) - _CLOSED
_ANY = frozenset(STATES)

# (grammar, verb): the statuses in which it may be said, and the status that follows (None: it stays as it is).
# A verb said in another status is refused with `too-late` or `wrong-status`, never with an exception.
TRANSITIONS: dict[tuple[Grammar, str], tuple[tuple[frozenset[Status], Status | None], ...]] = {
    (R, "accept"): ((_RESOLVED, Status.COMPLETED),),
    (R, "reject"): ((_RESOLVED, Status.ANALYSIS),),
    (R, "reopen"): ((_RESOLVED, Status.ANALYSIS),),
    (R, "cancel"): ((_ALIVE, Status.CANCELLED),),
    (R, "status"): ((_ANY, None),),
    (R, "mute"): ((_ANY, None),),
    (R, "cc"): ((_ALIVE, None),),
    (R, "csat"): ((_RESOLVED | _CLOSED, None),),
    (R, "help"): ((_ANY, None),),
    (T, "take"): ((_OPEN | _PROGRESS, Status.ANALYSIS), (_APPROVAL | _HOLD | _RESOLVED, None)),
    (T, "assign"): ((_ALIVE, None),),
    (T, "start"): ((_OPEN | _PROGRESS | _HOLD, Status.ANALYSIS),),
    (T, "pending"): ((_OPEN | _PROGRESS | _HOLD, Status.PENDING),),
    (T, "resume"): ((_HOLD, Status.ANALYSIS),),
    # The name of a status stands for the verb that leads there: that one's row decides.
    (T, "status"): ((_ALIVE, None),),
    (T, "priority"): ((_ALIVE, None),),
    (T, "impact"): ((_ALIVE, None),),
    (T, "urgency"): ((_ALIVE, None),),
    (T, "category"): ((_ANY, None),),
    (T, "tag"): ((_ANY, None),),
    (T, "escalate"): ((_OPEN | _PROGRESS | _HOLD, Status.ESCALATED),),
    (T, "requester"): ((_ALIVE, None),),
    (T, "cc"): ((_ALIVE, None),),
    (T, "desk"): ((_ALIVE, None),),
    (T, "confidential"): ((_ANY, None),),
    (T, "spam"): ((_ALIVE, Status.CANCELLED),),
    (T, "kb"): ((_RESOLVED | _CLOSED, None),),
    (T, "due"): ((_ALIVE, None),),
    (T, "time"): ((_ANY, None),),
    (T, "macro"): ((_ANY, None),),
    (T, "away"): ((_ANY, None),),
    (T, "merge"): ((_ALIVE, Status.DUPLICATE),),
    (T, "parent"): ((_ALIVE, None),),
    (T, "link"): ((_ANY, None),),
    (T, "split"): ((_ANY, None),),
    (T, "undo"): ((_ANY, None),),
    (T, "send"): ((_ANY, None),),
    (T, "note"): ((_ANY, None),),
    (T, "resolve"): ((_OPEN | _PROGRESS | _HOLD, Status.WAITING_FOR_CLOSURE),),
    (T, "close"): ((_ALIVE, Status.COMPLETED),),
    (T, "reopen"): ((_RESOLVED, Status.ANALYSIS),),
    (T, "approval"): ((_OPEN | _PROGRESS | _APPROVAL, Status.AWAITING_APPROVAL),),
    (T, "help"): ((_ANY, None),),
    # What follows is a matter of all who are asked together (`approvals`).
    (A, "approve"): ((_APPROVAL, None),),
    (A, "reject"): ((_APPROVAL, None),),
}

# Statuses that something other than a verb leads to: the first mail, a technician's answer, approvals, escalation, events, relations.
OTHERWISE_REACHED = frozenset({
    Status.NEW, Status.RESPONDED, Status.AWAITING_APPROVAL, Status.ESCALATED, Status.RESOLVED_BY_EVENT,
    Status.RESOLVED_BY_ORIGIN, Status.DECLINED,
})  # fmt: skip

# What an own status behaves as, by its state.
USUAL = {
    State.OPEN: Status.RESPONDED,
    State.IN_PROGRESS: Status.ANALYSIS,
    State.ON_HOLD: Status.PENDING,
    State.RESOLVED: Status.WAITING_FOR_CLOSURE,
    State.CLOSED: Status.COMPLETED,
}
# The verb in whose row it stands when a ticket may come to an own status.
_AS = {State.OPEN: "start", State.IN_PROGRESS: "start", State.ON_HOLD: "pending", State.RESOLVED: "resolve", State.CLOSED: "close"}
# What the verb of an own status takes. What is resolved needs a solution; otherwise a few words may say why.
_TAKEN = {State.RESOLVED: (Takes.REST, True, " The toner was empty; it prints again.")}


def state_of(status: Status) -> State:
    """The state under which this status stands."""
    return STATES[status]


def verbs(grammar: Grammar, own: tuple[OwnStatus, ...] = ()) -> Mapping[str, Verb]:
    """The words of one grammar; technicians may say the verbs of own statuses as well."""
    return {verb.word: verb for verb in (*VERBS, *_own_verbs(own)) if verb.grammar is grammar}


@lru_cache(maxsize=16)
def _own_verbs(statuses: tuple[OwnStatus, ...]) -> tuple[Verb, ...]:
    usual = (Takes.REASON, False, "")
    taken = ((one.verb, *_TAKEN.get(one.state, usual)) for one in statuses if one.verb)
    return tuple(Verb(word, Grammar.TECHNICIAN, takes, needed, f"#{word}{words}") for word, takes, needed, words in taken)


def leads_to(own: OwnStatus, status: Status) -> Status | None:
    """The status as which a ticket that stands in `status` behaves in the own one; None where it may not come there from here."""
    allowed, _ = follows(Grammar.TECHNICIAN, _AS[own.state], status)
    return USUAL[own.state] if allowed else None


def usual_verb(own: OwnStatus) -> str:
    """The verb that leads to the usual status of the same state."""
    return _AS[own.state]


def follows(grammar: Grammar, verb: str, status: Status) -> tuple[bool, Status | None]:
    """Whether the verb may be said in this status, and which status follows (None: unchanged)."""
    for statuses, after in TRANSITIONS.get((grammar, verb), ()):
        if status in statuses:
            return True, after
    return False, None


# The words that technicians tap, in the order of their buttons.
_TAPPED = ("resume", "start", "resolve", "pending", "note", "close", "reopen")


@lru_cache(maxsize=2 * len(STATES))
def worth_a_tap(status: Status, *, his: bool) -> tuple[str, ...]:
    """The technician's verbs that lead on from this status, of several to one place the first; `take` where the ticket is not `his`."""
    words = ["take"] if not his and follows(Grammar.TECHNICIAN, "take", status)[0] else []
    leads = {status, *(after for word in words if (after := follows(Grammar.TECHNICIAN, word, status)[1]))}
    for word in _TAPPED:
        allowed, after = follows(Grammar.TECHNICIAN, word, status)
        if allowed and after not in leads:
            words.append(word)
            leads |= {after} if after else set()
    return tuple(words)


def check(own: tuple[OwnStatus, ...] = ()) -> tuple[str, ...]:
    """The faults of the tables: a status without a state, one that nothing leads to, a verb without a row, without a word or said twice."""
    return (*_check_tables(), *_check_own(own))


def _check_own(own: tuple[OwnStatus, ...]) -> tuple[str, ...]:
    """The faults of own statuses: names and verbs that something else has, and what no ticket ever comes to."""
    reached = _reached()
    taken = {verb.word for verb in VERBS}
    named = {name.casefold() for name in (*Status, *State)}
    faults: list[str] = []
    for one in own:
        faults += [f"own status {one.name!r} has the name of another status or of a state"] if one.name.casefold() in named else []
        faults += [f"verb {one.verb!r} of own status {one.name!r} is a verb already"] if one.verb in taken else []
        faults += [f"nothing leads to own status {one.name!r}"] if not any(leads_to(one, status) for status in reached) else []
        named.add(one.name.casefold())
        taken |= {one.verb} if one.verb else set()
    return tuple(faults)


def _check_tables() -> tuple[str, ...]:
    faults = [f"status {status.value!r} stands under no state" for status in Status if status not in STATES]
    reached = _reached()
    faults += [f"nothing leads to status {status.value!r}" for status in STATES if status not in reached]
    words = [(verb.grammar, verb.word) for verb in VERBS]
    faults += [f"verb {word!r} stands twice in the {grammar} grammar" for grammar, word in set(words) if words.count((grammar, word)) > 1]
    faults += [f"verb {word!r} of the {grammar} grammar has no transition" for grammar, word in words if (grammar, word) not in TRANSITIONS]
    faults += [f"no verb of the {grammar} grammar has the transitions of {word!r}" for grammar, word in TRANSITIONS.keys() - set(words)]
    for (_grammar, word), rows in TRANSITIONS.items():
        seen: set[Status] = set()
        for statuses, _ in rows:
            faults += [f"verb {word!r} is ambiguous in status {status.value!r}" for status in statuses & seen]
            seen |= statuses
    return tuple(faults)


def _reached() -> set[Status]:
    """Every status that a ticket can come to, one verb after the other, from those that something else leads to."""
    edges = [(statuses, after) for rows in TRANSITIONS.values() for statuses, after in rows if after is not None]
    reached = set(OTHERWISE_REACHED)
    while new := {after for statuses, after in edges if statuses & reached} - reached:
        reached |= new
    return reached
