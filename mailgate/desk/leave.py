"""What follows when a technician says that he is away? It is about him, whatever ticket he writes to; his tickets are handed over later.

A mail to the desk that says nothing else opens no ticket.
"""

from __future__ import annotations

from datetime import datetime

from mailgate.desk.absence import Absence, local, said, within
from mailgate.desk.authority import permits, proven
from mailgate.desk.commands import Command, Reading, read
from mailgate.desk.decision import Decision, Outcome, Refusal
from mailgate.desk.draft import Draft, shown
from mailgate.desk.letters import UNPROVEN, Letter, Name
from mailgate.desk.model import Person, Status, Ticket
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Nature, Wrote
from mailgate.desk.workflow import Grammar


def away(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    """`#away until friday`, or `#away off`, among the commands of a mail about a ticket."""
    match _understood(command, draft.person, draft.rules, draft.now):
        case Refusal() as refusal:
            draft.refusals.append(refusal)
        case Absence() as absence:
            draft.absence = absence
            draft.meant[command.line] = _line(absence)
            draft.event("away", draft.meant[command.line])


def announced(ticket: Ticket | None, wrote: Wrote, rules: Rules, now: datetime) -> Decision | None:
    """What follows from a mail of a technician that leads to no ticket, if all it says is that he is away; None for any other mail."""
    if ticket is not None or wrote.nature is not Nature.HUMAN or not wrote.person.staff or "#" not in wrote.text:
        return None
    reading = read(wrote.text, Grammar.TECHNICIAN, bare=False, synonyms=rules.policy.verbs_by_word)
    if reading.text or [command.verb for command in reading.commands] != ["away"]:
        return None
    (command,) = reading.commands
    if not (proven(wrote, rules) and permits(command.verb, wrote, rules)):
        refusal = Refusal(command.line, "needs-stronger-sender")
        return _refused(wrote, reading, refusal, UNPROVEN, told=not wrote.told_today)
    found = _understood(command, wrote.person, rules, now)
    if isinstance(found, Refusal):
        return _refused(wrote, reading, found, "refused")
    letter = Letter(Name.RECEIPT, wrote.person.address, lines=(shown(command.line, meant=_line(found)),))
    return Decision(Outcome.ANSWERED, "away", letters=(letter,), commands=reading.commands, absence=found)


def _refused(wrote: Wrote, reading: Reading, refusal: Refusal, note: str, *, told: bool = True) -> Decision:
    letter = Letter(Name.RECEIPT, wrote.person.address, lines=(shown(refusal.line, refusal),), note=note)
    return Decision(Outcome.ANSWERED, refusal.slug, letters=(letter,) if told else (), commands=reading.commands)


def _understood(command: Command, person: Person, rules: Rules, now: datetime) -> Absence | Refusal:
    if not person.staff:
        return Refusal(command.line, "not-a-technician")
    if not command.ok:
        return Refusal(command.line, command.error or "", command.instead)
    today = local(person, rules.desk.timezone, now).date()
    if within(person.away, today):
        return Refusal(command.line, "away-by-file")
    span = said(command.args, today)
    if span is None:
        return Refusal(command.line, "no-day", f"#away until {today.isoformat()}")
    return Absence(person.address, span or None)


def _line(absence: Absence) -> str:
    """The command as it was understood: with the day itself, whatever the day was called."""
    return f"#away until {absence.span.rpartition('/')[2]}" if absence.span else "#away off"
