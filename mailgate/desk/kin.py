"""Which other tickets does a mail concern, and what has to be known of them before deciding? Values only; the store looks them up.

What a command makes of them is the question of `relations`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk.commands import may_name, read, tapped
from mailgate.desk.events import Event
from mailgate.desk.model import Address, Strength, Ticket, TicketId
from mailgate.desk.seldom import seldom
from mailgate.desk.workflow import Grammar

# The commands that concern more than one ticket, and those that need to know what was before.
_NAMING = frozenset({"parent", "merge", "link"})
_KNOWING = frozenset({"merge", "split", "undo"})
_VERBS = (*_NAMING, "split", "undo")
# `7`, `#7`, `MG-7`, `[MG-7]`.
_NUMBER = seldom(r"\[?#?(?:[^\W\d_][\w-]{0,30}-)?([0-9]{1,18})\]?")


class Part(Struct, frozen=True):
    """A message of a ticket that can become a ticket of its own."""

    id: int
    author: Address
    author_name: str
    text: str
    at: datetime
    strength: Strength | None = None
    unverified: bool = False
    message_id: str | None = None


class Kin(Struct, frozen=True):
    """What is known of other tickets.

    `named` are those that commands name, as they are, with their parents, the parents' parents and so on. `near` is another open ticket
    of the same requester. `children` were resolved together with this ticket. `threads` are open tickets that the mail turns out to be
    about as well. `parts` are the messages that could be split off, the newest first; `answered` is the one that the mail answers.
    """

    named: tuple[Ticket, ...] = ()
    near: TicketId | None = None
    children: tuple[TicketId, ...] = ()
    threads: tuple[TicketId, ...] = ()
    parts: tuple[Part, ...] = ()
    answered: int | None = None

    def find(self, number: TicketId | None) -> Ticket | None:
        """The ticket of that number, if it is known."""
        return next((one for one in self.named if one.id == number), None)


NO_KIN = Kin()


class Wanted(Struct, frozen=True):
    """What has to be looked up: the tickets that commands name, whether a message is to be split off, and what the mail answers.

    `threads` are tickets that the mail mentions beside its own. `reopens` tells that the ticket may be opened again, `story` that a command
    needs to know its past, `undoes` that one is to be taken back.
    """

    numbers: tuple[TicketId, ...] = ()
    splits: bool = False
    answers: tuple[str, ...] = ()
    threads: tuple[TicketId, ...] = ()
    reopens: bool = False
    story: bool = False
    undoes: bool = False


def wanted(text: str, tap: str | None, synonyms: Mapping[str, str]) -> Wanted:
    """What a technician's text asks for. Nothing is read where none of the words occurs."""
    if tap not in _VERBS and not may_name(text, synonyms, *_VERBS):
        return Wanted()
    technician = Grammar.TECHNICIAN
    reading = tapped(tap, text, technician, synonyms=synonyms) if tap else read(text, technician, bare=True, synonyms=synonyms)
    asked = {command.verb for command in reading.commands}
    numbers = dict.fromkeys(number for one in reading.commands if one.verb in _NAMING and (number := ticket_number(one.args)) is not None)
    return Wanted(tuple(numbers), "split" in asked, story=bool(asked & _KNOWING), undoes="undo" in asked)


def remembered(wanted: Wanted, ticket: Ticket, story: Sequence[Event]) -> Wanted:
    """With an undo also the tickets whose child this one has ever been, and the one that it was merged into: it may concern each."""
    if not wanted.undoes:
        return wanted
    changes = (change for event in story for change in event.changes if change.field == "parent" and change.value)
    once = {TicketId(int(str(change.value))) for change in changes} | ({ticket.merged_into} if ticket.merged_into else set())
    return replace(wanted, numbers=(*wanted.numbers, *once))


def ticket_number(words: str) -> TicketId | None:
    """The number that these words are; None where they are something else."""
    found = _NUMBER.fullmatch(words.strip(" \t.,;:!"))
    return TicketId(int(found[1])) if found else None
