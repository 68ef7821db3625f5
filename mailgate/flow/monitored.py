"""Did a monitoring system write this mail, and which ticket is its? A rule of the operator says so, whatever the headers say.

Looks up what the decision needs; what follows is decided in desk/alarms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mailgate.desk.alarms import event_keys, recognised
from mailgate.desk.model import Role, State, Strength, Ticket
from mailgate.desk.stimuli import BY_HAND, Alarm, Finding, Nature, Sign, Wrote
from mailgate.desk.workflow import state_of
from mailgate.mail import header
from mailgate.mail.parsed import Kind, ParsedMail

if TYPE_CHECKING:
    from mailgate.flow.records import Records
    from mailgate.flow.understand import Situation

# The clues that nobody has who does not answer a letter of ours, or whom a human let in by hand.
_ANSWERS = frozenset({"reply-address", "our-message-id", "thread-id", "signed-subject", BY_HAND})
_OPEN = frozenset({State.OPEN, State.IN_PROGRESS, State.ON_HOLD})


def monitored(records: Records, situation: Situation, mail: ParsedMail) -> Situation:
    """The same situation, or that of an alarm: its ticket is the one of its key, whatever tags and Message-IDs the mail bears."""
    wrote = situation.wrote
    rules = situation.rules.at(wrote.desk)
    if _answers(wrote, mail, f"{rules.desk.tag}-0"):
        return situation
    alarm = recognised(wrote, rules)
    if alarm is None:
        return situation
    ticket, alarm = _ticket(records, wrote, alarm)
    known = f", ticket {ticket.id}" if ticket else ""
    doubt = ", which its sender only claims to have opened" if alarm.doubtful else ""
    found = (*wrote.findings, Finding("monitoring", alarm.monitor, f"{alarm.sign} of {alarm.key}{known}{doubt}"))
    wrote = replace(
        wrote, nature=Nature.ALARM, nature_because=f"monitoring {alarm.monitor}", clue=None, tap=None, copied=(), further_copy=False,
        source="monitoring", alarm=alarm, findings=found,
    )  # fmt: skip
    return replace(situation, wrote=wrote, ticket=ticket, rules=rules.at(ticket.desk) if ticket else rules)


def _answers(wrote: Wrote, mail: ParsedMail, tag: str) -> bool:
    """Whether the mail answers something, or is a human's or another machine's in any case: then no rule makes an alarm of it."""
    verdict = mail.verdict
    return (
        (wrote.clue is not None and wrote.clue.kind in _ANSWERS)
        or wrote.person.role is not Role.REQUESTER
        or wrote.nature is Nature.REPORT
        or wrote.nature_because == "own-address"
        or verdict.own_loop
        # A null path alone makes no answer: many a monitoring system has no mailbox.
        or (mail.kind is Kind.AUTO_REPLY and verdict.because != ("null-path",))
        or header.is_reply(mail.subject, tag)
    )


def _ticket(records: Records, wrote: Wrote, alarm: Alarm) -> tuple[Ticket | None, Alarm]:
    """The ticket of the alarm's key, and the alarm as it stands to that ticket."""
    opens = alarm.sign is Sign.PROBLEM and wrote.strength is not Strength.SPOOFED
    own, other = event_keys(alarm.monitor, alarm.key, wrote)
    ticket = records.about(wrote.desk, own, opens=opens)
    if ticket is not None and state_of(ticket.status) is not State.CLOSED:
        return ticket, alarm
    # What was opened before its sender could be proven, or by the proven one whom this mail names.
    elder = records.about(wrote.desk, other, opens=False)
    if elder is None or state_of(elder.status) is State.CLOSED:
        return ticket, alarm
    if wrote.aligned:
        return elder, replace(alarm, event_key=other)
    if state_of(elder.status) in _OPEN and elder.participant(wrote.person.addresses) is not None:
        return elder, replace(alarm, doubtful=True)
    return ticket, alarm
