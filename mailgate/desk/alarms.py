"""What does a monitoring system say, and what follows? One ticket for each thing that it watches, from the first alarm to the recovery.

Which rule takes a mail and which key it finds is `recognised`'s answer; the ticket of that key is looked up elsewhere. Technicians hear of
a problem when it begins, when it gets worse and when it is over, not of each alarm that repeats it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from mailgate.desk.conditions import MOST, Facts, holds
from mailgate.desk.decision import Decision, Message, Outcome
from mailgate.desk.draft import Draft
from mailgate.desk.model import State, Status, Ticket, Visibility
from mailgate.desk.opening import opened
from mailgate.desk.plans import Monitor
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Alarm, Sign, Wrote
from mailgate.desk.workflow import Grammar, state_of

# What comes back sooner comes and goes.
_FLAPPING = timedelta(minutes=15)
# How bad each word is. A mail that says none of them says nothing about it.
_SEVERITIES = {
    **dict.fromkeys(("warning", "warn", "average", "minor", "unknown", "unkn"), 1),
    **dict.fromkeys(("critical", "crit", "high", "major", "down", "unreachable"), 2),
    **dict.fromkeys(("disaster", "emergency", "fatal"), 3),
}
_WORD = re.compile(r"[a-z]{4,12}")
# What may part what is said about a thing from its name.
_EDGES = " \t-:,;"


def recognised(wrote: Wrote, rules: Rules) -> Alarm | None:
    """What the first rule that takes the mail makes of it: its condition holds, and its key is in the subject. None where none does."""
    organisation = rules.people.organisation(wrote.person.address)
    name = organisation.name if organisation else None
    facts = Facts(
        wrote.subject, wrote.whole or wrote.text, wrote.address, wrote.recipients, wrote.headers, name,
        wrote.desk, wrote.source,
    )  # fmt: skip
    subject = " ".join(wrote.subject[:MOST].split())
    for monitor in rules.policy.monitors:
        key = _key(monitor, subject)
        if key and holds(monitor.when, facts):
            return Alarm(monitor.name, key, _sign(monitor, subject), event_keys(monitor.name, key, wrote)[0], _severity(subject))
    return None


def _key(monitor: Monitor, subject: str) -> str:
    found = monitor.key.search(subject)
    return " ".join(filter(None, (part.strip(_EDGES) for part in found.groups("")))) if found else ""


def _sign(monitor: Monitor, subject: str) -> Sign:
    if monitor.remark and monitor.remark.search(subject):
        return Sign.REMARK
    return Sign.RECOVERY if monitor.recovered and monitor.recovered.search(subject) else Sign.PROBLEM


def _severity(subject: str) -> str | None:
    words = [word for word in _WORD.findall(subject.lower()) if word in _SEVERITIES]
    return max(words, key=_SEVERITIES.__getitem__, default=None)


def event_keys(monitor: str, key: str, wrote: Wrote) -> tuple[str, ...]:
    """The keys under which this source may have a ticket, the one that a new ticket gets first.

    A proven address proves its domain, whose monitoring is one source with any number of gateways; who only claims one is nobody but
    himself.
    """
    domain = "@" + wrote.address.rpartition("@")[2]
    sources: Sequence[str] = (domain, wrote.address) if wrote.aligned else (wrote.address, domain)
    return tuple("\n".join((monitor, source, key)) for source in sources)


def alarmed(ticket: Ticket | None, wrote: Wrote, alarm: Alarm, rules: Rules, now: datetime) -> Decision:
    """What an alarm does to the ticket of its key (None: there was never one)."""
    if ticket is None or state_of(ticket.status) is State.CLOSED:
        if alarm.sign is Sign.PROBLEM:
            return opened(ticket, wrote, rules, now, link=ticket is not None)
        return Decision(Outcome.IGNORED, f"{alarm.sign}-of-nothing")
    draft = Draft(ticket, rules, now, wrote.person, wrote.strength, Grammar.REQUESTER)
    # A ticket that took in another one is about more than this key: what is over here may go on there.
    if alarm.doubtful or ticket.event_key != alarm.event_key:
        draft.event("alarm", "unverified" if alarm.doubtful else "merged")
    elif state_of(ticket.status) is State.RESOLVED:
        _after(draft, wrote, alarm)
    elif alarm.sign is Sign.RECOVERY:
        _recovered(draft, wrote)
    else:
        _repeated(draft, wrote, alarm)
    draft.message = Message(
        wrote.person.address, _words(wrote), visibility=Visibility.INTERNAL, strength=wrote.strength,
        unverified=not wrote.strength.trusted,
    )  # fmt: skip
    return draft.decided(Outcome.APPENDED)


def _words(wrote: Wrote) -> str:
    return f"{wrote.subject}\n\n{wrote.whole or wrote.text}"


def _recovered(draft: Draft, wrote: Wrote) -> None:
    """It is over: the ticket is resolved, whoever has it. Who was not told that it came back need not hear that it went."""
    known = _counted(draft.ticket) or draft.now - draft.ticket.since >= _FLAPPING
    draft.event("recover", status=Status.RESOLVED_BY_EVENT, resolved=draft.now)
    if known:
        draft.tell_watchers(words=_words(wrote), note="recovered")


def _after(draft: Draft, wrote: Wrote, alarm: Alarm) -> None:
    """The ticket is resolved: only a problem brings it back."""
    if alarm.sign is not Sign.PROBLEM:
        draft.event("alarm", alarm.sign)
        return
    stayed = draft.now - draft.ticket.since >= _FLAPPING
    draft.event("reopen", status=Status.ANALYSIS, resolved=None, reopened=draft.ticket.reopened + 1, severity=alarm.severity)
    if stayed or _counted(draft.ticket):
        draft.tell_watchers(words=_words(wrote), note="recurred")


def _repeated(draft: Draft, wrote: Wrote, alarm: Alarm) -> None:
    """The same again. It is told if it has become worse, or if it came back unnoticed and now stays."""
    ticket, stays = draft.ticket, draft.ticket.since + _FLAPPING
    worse = alarm.sign is Sign.PROBLEM and _SEVERITIES.get(alarm.severity or "", 0) > _SEVERITIES.get(ticket.severity or "", 0)
    draft.event("alarm", alarm.sign, **({"severity": alarm.severity} if worse else {}))
    if worse:
        draft.tell_watchers(words=_words(wrote), note="worse")
    elif not _counted(ticket) and ticket.updated < stays <= draft.now:
        draft.tell_watchers(words=_words(wrote), note="persists")


def _counted(ticket: Ticket) -> bool:
    """Whether what the ticket came back for is told at once: the first times of something that comes and goes, then ever more rarely."""
    return ticket.reopened & (ticket.reopened - 1) == 0
