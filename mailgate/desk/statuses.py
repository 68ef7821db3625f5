"""Which status do the words of a technician name, and by which command does a ticket come there? Values only; obey does it.

Names count whole or by an unambiguous beginning, in English, in German, and the operator's own; a state stands for its usual status.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mailgate.desk import workflow
from mailgate.desk.model import State, Status
from mailgate.desk.workflow import TRANSITIONS, USUAL, Grammar

if TYPE_CHECKING:
    from mailgate.desk.plans import OwnStatus

# As German letters call them.
GERMAN = {
    Status.NEW: "Neu",
    Status.RESPONDED: "Beantwortet",
    Status.AWAITING_APPROVAL: "Wartet auf Genehmigung",
    Status.ANALYSIS: "In Bearbeitung",
    Status.ESCALATED: "Eskaliert",
    Status.PENDING: "Wartet auf den Anfragenden",
    Status.WAITING_FOR_CLOSURE: "Gelöst, wartet auf Bestätigung",
    Status.RESOLVED_BY_EVENT: "Gelöst durch das Monitoring",
    Status.RESOLVED_BY_ORIGIN: "Gelöst mit dem Ursprungsticket",
    Status.COMPLETED: "Abgeschlossen",
    Status.CANCELLED: "Zurückgezogen",
    Status.DUPLICATE: "Duplikat",
    Status.DECLINED: "Abgelehnt",
}
_GERMAN_STATES = {
    State.OPEN: "Offen",
    State.IN_PROGRESS: "In Bearbeitung",
    State.ON_HOLD: "Wartet",
    State.RESOLVED: "Gelöst",
    State.CLOSED: "Geschlossen",
}
# The verbs that a status may stand for: they say nothing that the name of the status would not say.
_SAY_NO_MORE = ("start", "resume", "reopen", "escalate", "close")
# Nobody is told to end somebody else's request in silence.
_NEVER_ADVISED = frozenset({"spam", "undo"})


def named(words: str, own: tuple[OwnStatus, ...] = ()) -> tuple[Status | OwnStatus, ...]:
    """The statuses that these words may mean: one where they are a name or begin only one; several; or none."""
    wanted = _folded(words)
    names = [(_folded(name), target) for name, target in _names(own)]
    whole = dict.fromkeys(target for name, target in names if name == wanted)
    return tuple(whole or dict.fromkeys(target for name, target in names if wanted and name.startswith(wanted)))


def known(own: tuple[OwnStatus, ...] = ()) -> tuple[str, ...]:
    """Every name that counts, those of the operator first."""
    return tuple(dict.fromkeys(name for name, _ in _names(own)))


def way(status: Status, target: Status) -> tuple[str, bool] | None:
    """The technician's verb that leads from a status to another one, and whether the name alone says it; None where none does."""
    ways = [word for grammar, word in TRANSITIONS if grammar is Grammar.TECHNICIAN and _leads(word, status, target)]
    plain = [word for word in _SAY_NO_MORE if word in ways]
    if plain:
        return plain[0], True
    return next(((word, False) for word in ways if word not in _NEVER_ADVISED), None)


def _leads(word: str, status: Status, target: Status) -> bool:
    return workflow.follows(Grammar.TECHNICIAN, word, status) == (True, target)


def _names(own: tuple[OwnStatus, ...]) -> Iterator[tuple[str, Status | OwnStatus]]:
    yield from ((one.name, one) for one in own)
    yield from ((status.value, status) for status in Status)
    yield from ((name, status) for status, name in GERMAN.items())
    yield from ((state.value, USUAL[state]) for state in State)
    yield from ((name, USUAL[state]) for state, name in _GERMAN_STATES.items())


def _folded(words: str) -> str:
    return " ".join(words.replace("-", " ").replace("_", " ").strip(" .!,;:\"'„“").casefold().split())
