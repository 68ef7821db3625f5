"""What follows when the requester's side writes to a ticket: his commands, his answers, and what others on the ticket say."""

from __future__ import annotations

from mailgate.desk import obey, workflow
from mailgate.desk.authority import Standing
from mailgate.desk.commands import Reading
from mailgate.desk.decision import Decision, Message, Outcome
from mailgate.desk.draft import Draft, refuse, refused
from mailgate.desk.letters import Name
from mailgate.desk.model import State, Status
from mailgate.desk.opening import with_copied
from mailgate.desk.policy import ResolvedReply
from mailgate.desk.stimuli import Wrote
from mailgate.desk.thanks import is_thanks

# What is said with these is no message: to hear no more, and a mark.
_OF_THEIR_OWN = ("mute", "csat")


def requester(draft: Draft, wrote: Wrote, reading: Reading) -> Decision:
    """What the proven requester wrote: commands, an answer, or both. All or nothing."""
    if not reading.commands:
        _replied(draft, wrote, wrote.text or wrote.whole)
        add_copied(draft, wrote)
        return draft.decided(Outcome.APPENDED, reading)
    before = draft.ticket
    refuse(draft, reading, wrote)
    if not draft.refusals:
        obey.obey(draft, reading.commands, reading.text)
    if draft.refusals:
        return refused(before, draft, wrote.text, reading, Name.STATUS)
    if draft.ticket.status is before.status:
        # He only asked; what stands below is an answer like any other.
        if reading.text:
            _replied(draft, wrote, reading.text)
    elif said := obey.words_of(*(command.args for command in reading.commands if command.verb not in _OF_THEIR_OWN), reading.text):
        draft.message = Message(draft.person.address, said, strength=wrote.strength)
    add_copied(draft, wrote)
    return draft.decided(Outcome.COMMANDED, reading)


def _replied(draft: Draft, wrote: Wrote, words: str) -> None:
    """An ordinary reply of the requester: it resumes what waits for him and reopens what waits for closure, unless it only thanks."""
    state, note = workflow.state_of(draft.ticket.status), ""
    thanks = is_thanks(words)
    wants = {} if thanks else draft.waiting()
    if state is State.ON_HOLD and not thanks:
        note = "resume"
        draft.event(note, status=Status.ANALYSIS, **wants)
    elif state is State.RESOLVED and draft.rules.policy.resolved_reply is ResolvedReply.REOPEN and not thanks:
        note = "reopen"
        draft.event(note, status=Status.ANALYSIS, resolved=None, reopened=draft.ticket.reopened + 1, **wants)
        own = draft.ticket.participant(draft.person.addresses)
        if own is None or not own.muted:
            draft.answer(Name.REOPENED)
    else:
        draft.event("reply", **wants)
    draft.message = Message(draft.person.address, words, strength=wrote.strength)
    draft.tell_watchers(words=words, note=note)


def muted(draft: Draft, wrote: Wrote, reading: Reading) -> Decision:
    """Somebody in copy wants to hear no more of it, or to hear of it again; what else he wrote is a message like any other."""
    obey.obey(draft, reading.commands, reading.text)
    if reading.text:
        _said(draft, wrote, reading.text, "")
        add_copied(draft, wrote)
    return draft.decided(Outcome.COMMANDED, reading)


def appended(draft: Draft, wrote: Wrote, rank: Standing) -> Decision:
    """What somebody else on the ticket wrote, or somebody with no proof of being on it: kept and told to technicians, no state changes."""
    note = {Standing.CLAIMED: "unverified", Standing.UNCONFIRMED: "unconfirmed"}.get(rank, "")
    _said(draft, wrote, wrote.text or wrote.whole, note)
    if rank is not Standing.UNCONFIRMED:
        add_copied(draft, wrote)
    return draft.decided(Outcome.APPENDED, Reading())


def _said(draft: Draft, wrote: Wrote, words: str, note: str) -> None:
    draft.event("reply", note)
    draft.message = Message(draft.person.address, words, strength=wrote.strength, unverified=not wrote.strength.trusted, note=note)
    draft.tell_watchers(words=words, note=note)


def add_copied(draft: Draft, wrote: Wrote) -> None:
    """Whoever stands in To and Cc is on the ticket from now on."""
    people = with_copied(draft.ticket.participants, wrote, draft.rules)
    if people != draft.ticket.participants:
        draft.event("cc", participants=people)
