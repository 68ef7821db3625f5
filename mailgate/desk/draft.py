"""How does a decision take shape? A draft of events and letters, folded as it goes, and what becomes of it when a line is wrong.

The one mutable value of the room; it never leaves it.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, field

from mailgate.desk.absence import Absence
from mailgate.desk.article import Article
from mailgate.desk.authority import permits
from mailgate.desk.commands import Reading
from mailgate.desk.decision import Decision, Message, Onward, Outcome, Refusal
from mailgate.desk.events import Event, changes, fold
from mailgate.desk.known import NOTHING_KNOWN, Known
from mailgate.desk.letters import Letter, Likeness, Line, Name
from mailgate.desk.model import Address, Participant, Person, Strength, Ticket, Visibility
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Wrote
from mailgate.desk.undo import Undo
from mailgate.desk.workflow import Grammar

# The actor of what nobody did: timers and delivery reports.
SYSTEM = Person(Address("mailgate"))


class Draft(Struct):
    """A decision in the making, inside this room only: the ticket as it would be, and what would happen on the way there."""

    ticket: Ticket
    rules: Rules
    now: datetime
    person: Person
    # None: nobody wrote, a timer or a delivery report did it.
    strength: Strength | None
    grammar: Grammar
    known: Known = NOTHING_KNOWN
    events: list[Event] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    message: Message | None = None
    # The inbox row of an answer of the writer's that was held back and is to be sent after all.
    again: int | None = None
    # The article of the ticket as it is from now on.
    article: Article | None = None
    # The operator's own name for the status that the present command leads to.
    own: str | None = None
    # What the lines of commands were understood as, where that is worth telling.
    meant: dict[str, str] = field(default_factory=dict)
    # The verbs for which the writer has not proven enough.
    weak: frozenset[str] = frozenset()
    # What the writer said of himself.
    absence: Absence | None = None
    onward: list[Onward] = field(default_factory=list)

    def event(self, verb: str, note: str = "", /, **fields: object) -> None:
        """One event, folded into the ticket at once, so that the next command sees what this one did."""
        if self.own and "status" in fields:
            fields |= {"own": self.own}
        event = Event(verb, self.person.address, self.now, self.strength, changes(**fields), note)
        self.events.append(event)
        self.ticket = fold(self.ticket, (event,))

    def take_back(self, undo: Undo) -> None:
        """The event that gives fields the values that they had before."""
        event = Event("undo", self.person.address, self.now, self.strength, undo.changes, " ".join(undo.verbs))
        self.events.append(event)
        self.ticket = fold(self.ticket, (event,))

    def refuse(self, line: str, slug: str, instead: str = "", meant: str = "") -> None:
        """A line that is not done, and why."""
        self.refusals.append(Refusal(line, slug, instead, meant))

    def say(self, name: Name, *to: Address, words: str = "", note: str = "", lines: tuple[Line, ...] = (), attach: bool = False) -> None:
        """A letter to each of these people, save to the writer himself."""
        told = set(self.person.addresses)
        for address in to:
            if address not in told:
                told.update(self.rules.people.person(address).addresses)
                self.letters.append(Letter(name, address, words, self.person.address, lines, note, attach=attach))

    def answer(self, name: Name, *, note: str = "", lines: tuple[Line, ...] = (), articles: tuple[Article, ...] = ()) -> None:
        """A letter to the writer, about what he wrote."""
        self.letters.append(Letter(name, self.person.address, "", None, lines, note, articles=articles))

    def tell_public(self, name: Name, *, words: str = "", copies: bool = True, note: str = "", attach: bool = False) -> None:
        """A letter to the requester, and with `copies` to each confirmed Cc."""
        self.say(name, *self.rules.audience(self.ticket, copies=copies), words=words, note=note, attach=attach)

    def tell_watchers(self, *, words: str = "", note: str = "") -> None:
        """What the requester's side did or wrote, and the files that it sent, to whoever looks after the ticket."""
        like = tuple(Likeness(number, "same-thread") for number in self.known.kin.threads)
        for person in self.rules.watchers(self.ticket, self.now):
            if person.address not in self.person.addresses:
                letter = Letter(Name.REQUESTER_REPLIED, person.address, words, self.person.address, (), note, attach=True, like=like)
                self.letters.append(letter)

    def answered(self) -> dict[str, object]:
        """What else an answer of this technician changes: nothing waits for one, and the first takes a ticket that nobody has."""
        fields: dict[str, object] = {} if self.ticket.responded else {"responded": self.now}
        fields |= {"awaiting": None} if self.ticket.awaiting else {}
        takes = self.ticket.assignee is None and self.rules.works_on(self.person, self.ticket)
        return fields | (self.given(self.person) if takes else {})

    def waiting(self) -> dict[str, object]:
        """What a mail of the requester's changes that wants an answer: the oldest one counts, and before the first answer none does."""
        return {"awaiting": self.now} if self.ticket.responded and not self.ticket.awaiting else {}

    def given(self, person: Person) -> dict[str, object]:
        """What changes when the ticket is given to this technician. Each address stands on a ticket once."""
        others = tuple(one for one in self.ticket.participants if one.role != "assignee")
        known = any(one.address in person.addresses for one in others)
        people = others if known else (*others, Participant(person.address, "assignee"))
        return {"assignee": person.address, "team": person.team or self.ticket.team, "participants": people}

    def decided(self, outcome: Outcome, reading: Reading = Reading()) -> Decision:  # noqa: B008 - frozen
        """The decision that this draft has become."""
        reason = self.refusals[0].slug if self.refusals else ""
        return Decision(
            outcome, reason, None, tuple(self.events), self.message, letters=tuple(self.letters), commands=reading.commands,
            refusals=tuple(self.refusals), again=self.again, article=self.article, absence=self.absence, onward=tuple(self.onward),
        )  # fmt: skip


# A receipt shows as much of a line as its writer needs to know it again.
_LONGEST_SHOWN = 200


def refuse(draft: Draft, reading: Reading, wrote: Wrote | None = None) -> None:
    """Refuses each command that reads wrong, or for which its sender is too weak."""
    for command in reading.commands:
        if not command.ok:
            draft.refuse(command.line, command.error or "", command.instead, command.within)
        elif wrote is not None and not permits(command.verb, wrote, draft.rules):
            draft.refuse(command.line, "needs-stronger-sender", meant=command.within)


def refused(before: Ticket, draft: Draft, text: str, reading: Reading, answer: Name) -> Decision:
    """Nothing is done: the text stays as a note, and one letter shows each line and what is wrong with it."""
    wrong = {refusal.line: refusal for refusal in draft.refusals}
    lines = dict.fromkeys((*(command.line for command in reading.commands), *wrong))
    kept = Draft(before, draft.rules, draft.now, draft.person, draft.strength, draft.grammar, refusals=draft.refusals)
    kept.event("refused", ", ".join(refusal.slug for refusal in draft.refusals))
    kept.answer(answer, lines=tuple(shown(line, wrong.get(line)) for line in lines), note="refused")
    kept.message = Message(draft.person.address, text, visibility=Visibility.INTERNAL, strength=draft.strength, note="refused")
    if draft.grammar is Grammar.REQUESTER and (reading.text or any(command.args for command in reading.commands)):
        # He wrote to somebody; that a word of his was no command is no reason not to be read.
        kept.tell_watchers(words=text, note="refused")
    return kept.decided(Outcome.REFUSED, reading)


def shown(line: str, wrong: Refusal | None = None, meant: str = "") -> Line:
    """A line of a receipt: what was written, and what is wrong with it if anything is, else what it was understood as."""
    seen = line if len(line) <= _LONGEST_SHOWN else f"{line[: _LONGEST_SHOWN - 1]}…"
    return Line(seen, False, wrong.slug, wrong.instead, wrong.meant) if wrong else Line(seen, ok=True, meant=meant)


def nobodys(ticket: Ticket, rules: Rules, now: datetime) -> Draft:
    """A draft of what nobody orders, and what only follows."""
    return Draft(ticket, rules, now, SYSTEM, None, Grammar.TECHNICIAN)
