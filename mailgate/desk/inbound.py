"""What follows when somebody writes to the desk? One function for each standing; authority says which, obey does the commands."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from mailgate.desk import obey, workflow
from mailgate.desk.authority import Standing, permits, standing
from mailgate.desk.commands import Reading, read, suggestion, tapped
from mailgate.desk.decision import Decision, Message, Outcome, Refusal
from mailgate.desk.events import Event, changes
from mailgate.desk.letters import Letter, Line, Name
from mailgate.desk.model import Address, Participant, Role, State, Status, Ticket, Visibility
from mailgate.desk.obey import Draft
from mailgate.desk.policy import AckUnverified, CcConfirm, ResolvedReply
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Finding, Nature, Wrote
from mailgate.desk.thanks import is_thanks
from mailgate.desk.workflow import Grammar


def received(ticket: Ticket | None, wrote: Wrote, rules: Rules, now: datetime) -> Decision:
    """The desk's answer to a mail. A closed ticket is answered by a new one that is linked to it."""
    rank = standing(ticket, wrote, rules)
    because = f"{wrote.person.role} {wrote.strength}" + (f" to ticket {ticket.id}" if ticket else "")
    decision = _by_standing(rank, ticket, wrote, rules, now)
    return replace(decision, trail=(*wrote.findings, Finding("authority", rank, because), *decision.trail))


def _by_standing(rank: Standing, ticket: Ticket | None, wrote: Wrote, rules: Rules, now: datetime) -> Decision:
    if rank is Standing.SPOOFED:
        return Decision(Outcome.HELD, "spoofed")
    if wrote.further_copy and ticket is not None:
        return _noted(ticket, wrote, now, Visibility.HIDDEN, "further-copy")
    if rank is Standing.MACHINE:
        return _machine(ticket, wrote, rules, now)
    if ticket is None or rank is Standing.STRANGER:
        return _opened(ticket, wrote, rules, now)
    if rank is Standing.UNPROVEN:
        return _unproven(ticket, wrote, now)
    if rank is Standing.OBSERVER:
        return _noted(ticket, wrote, now, Visibility.INTERNAL, "observer")
    draft = Draft(ticket, rules, now, wrote.person, wrote.strength, Grammar.REQUESTER)
    if rank is Standing.TECHNICIAN:
        draft.grammar = Grammar.TECHNICIAN
        return _weigh(draft, wrote, _read(wrote, draft))
    if workflow.state_of(ticket.status) is State.CLOSED and not _only_asks(wrote, draft):
        return _opened(ticket, wrote, rules, now, link=True)
    if rank is Standing.REQUESTER:
        return _requester(draft, wrote, _read(wrote, draft))
    return _appended(draft, wrote, rank)


def _read(wrote: Wrote, draft: Draft) -> Reading:
    if wrote.tap:
        reading = tapped(wrote.tap, wrote.text, draft.grammar)
        if reading is not None:
            return reading
    return read(wrote.text, draft.grammar, bare=True, synonyms=draft.rules.policy.verbs_by_word())


def _only_asks(wrote: Wrote, draft: Draft) -> bool:
    """Whether all that is wanted of a closed ticket is a question about it, or to agree with what is so already."""
    reading = _read(wrote, draft)
    asks = {"status", "help", "mute", "accept", "cancel"}
    return bool(reading.commands) and not reading.text and all(command.verb in asks for command in reading.commands)


# ---------------------------------------------------------------------------------------------------------- new tickets


def _opened(shown: Ticket | None, wrote: Wrote, rules: Rules, now: datetime, *, link: bool = False) -> Decision:
    """A new ticket. `shown` is the ticket that the clue named: linked where the writer belongs to it, else only shown to technicians."""
    asked = read(wrote.text, Grammar.REQUESTER, bare=False, synonyms=rules.policy.verbs_by_word())
    if shown is None and not asked.text and [one.verb for one in asked.commands] == ["help"]:
        letter = Letter(Name.HELP, wrote.person.address, lines=obey.helping(Grammar.REQUESTER), note=Grammar.REQUESTER)
        return Decision(Outcome.ANSWERED, "help", letters=(letter,), commands=asked.commands)
    people = (Participant(wrote.person.address, "requester"), *_copied((), wrote, rules))
    opens = Event(
        "open", wrote.person.address, now, wrote.strength,
        changes(desk=wrote.desk, subject=wrote.subject, requester=wrote.person.address, source=wrote.source, team=rules.first_team(),
                participants=people, language=wrote.language, links=(shown.id,) if shown and link else ()),
    )  # fmt: skip
    note = "" if shown is None else f"{'follows' if link else 'clue'} {rules.desk.tag}-{shown.id}"
    unverified = not wrote.strength.trusted
    message = Message(wrote.person.address, wrote.whole or wrote.text, strength=wrote.strength, unverified=unverified, note=note)
    letters = _acknowledged(wrote, rules)
    watchers = rules.people.members(rules.first_team()) or rules.people.having(Role.OWNER)
    letters += tuple(
        Letter(Name.NEW_TICKET, person.address, wrote.whole or wrote.text, wrote.person.address, note=note, attach=True)
        for person in watchers if wrote.person.address not in person.addresses
    )  # fmt: skip
    reason = "closed-ticket" if link else "clue-of-a-stranger" if shown else ""
    return Decision(Outcome.OPENED, reason, opens=opens, message=message, letters=letters)


def _acknowledged(wrote: Wrote, rules: Rules) -> tuple[Letter, ...]:
    if wrote.nature is not Nature.HUMAN:
        return ()
    if wrote.strength.trusted:
        return (Letter(Name.ACKNOWLEDGEMENT, wrote.person.address),)
    match rules.policy.ack_unverified:
        case AckUnverified.NEVER:
            return ()
        case asked:
            return (Letter(Name.ACKNOWLEDGEMENT, wrote.person.address, plain=asked is AckUnverified.PLAIN),)


def _copied(present: tuple[Participant, ...], wrote: Wrote, rules: Rules) -> tuple[Participant, ...]:
    """The people in To and Cc who are not on the ticket yet; confirmed only if a proven participant named them and policy lets him."""
    known = {one.address for one in present} | set(wrote.person.addresses)
    confirmed = wrote.strength.trusted and rules.policy.cc_confirm is CcConfirm.PARTICIPANT
    new = (address for address in wrote.copied if address not in known)
    return tuple(Participant(address, "cc", confirmed) for address in dict.fromkeys(new) if not _works_here(address, rules))


def _works_here(address: Address, rules: Rules) -> bool:
    person = rules.people.find(address)
    return person is not None and person.staff


# -------------------------------------------------------------------------------------------------- machines, observers


def _machine(ticket: Ticket | None, wrote: Wrote, rules: Rules, now: datetime) -> Decision:
    belongs = ticket is not None and ticket.participant((*wrote.person.addresses, wrote.address)) is not None
    if ticket is not None and belongs:
        return _noted(ticket, wrote, now, Visibility.HIDDEN, wrote.nature_because or "machine")
    if wrote.nature is Nature.ALARM:
        return _opened(ticket, wrote, rules, now)
    return Decision(Outcome.IGNORED, wrote.nature_because or "machine")


def _noted(ticket: Ticket, wrote: Wrote, now: datetime, visibility: Visibility, why: str) -> Decision:
    message = Message(
        wrote.person.address, wrote.text or wrote.whole, visibility=visibility, strength=wrote.strength,
        unverified=not wrote.strength.trusted, note=why,
    )  # fmt: skip
    return Decision(Outcome.NOTED, why, events=(Event("note", wrote.person.address, now, wrote.strength, (), why),), message=message)


def _unproven(ticket: Ticket, wrote: Wrote, now: datetime) -> Decision:
    """Somebody of people.toml whose mail does not prove it: kept as an unverified note, and told at his registered address once a day."""
    decision = _noted(ticket, wrote, now, Visibility.INTERNAL, "needs-stronger-sender")
    first = next((line.strip() for line in wrote.text.splitlines() if line.strip()), "")
    refusal = Refusal(first, "needs-stronger-sender")
    told = () if wrote.told_today else (
        Letter(Name.RECEIPT, wrote.person.address, lines=(Line(first, ok=False, wrong=refusal.slug),), note="unproven"),
    )  # fmt: skip
    return replace(decision, outcome=Outcome.REFUSED, refusals=(refusal,), letters=told)


# ------------------------------------------------------------------------------------------------------------ requesters


def _requester(draft: Draft, wrote: Wrote, reading: Reading) -> Decision:
    if not reading.commands:
        return _answered(draft, wrote)
    before = draft.ticket
    for command in reading.commands:
        if command.ok and not permits(command.verb, wrote, draft.rules):
            draft.refusals.append(Refusal(command.line, "needs-stronger-sender"))
    draft.refusals += [Refusal(command.line, command.error or "", command.instead) for command in reading.commands if not command.ok]
    if not draft.refusals:
        obey.obey(draft, reading.commands, reading.text)
    if draft.refusals:
        return _refused(before, draft, wrote.text, reading, Name.STATUS)
    said = reading.text or next((command.args for command in reading.commands if command.args and command.verb != "mute"), "")
    if said:
        draft.message = Message(draft.person.address, said, strength=wrote.strength)
    _add_copied(draft, wrote)
    return _done(draft, Outcome.COMMANDED, reading)


def _answered(draft: Draft, wrote: Wrote) -> Decision:
    """An ordinary reply of the requester: it resumes what waits for him and reopens what waits for closure, unless it only thanks."""
    status, note = draft.ticket.status, ""
    state = workflow.state_of(status)
    if state is State.ON_HOLD:
        draft.event("resume", status=Status.ANALYSIS)
        note = "resume"
    elif state is State.RESOLVED and draft.rules.policy.resolved_reply is ResolvedReply.REOPEN and not is_thanks(wrote.text):
        draft.event("reopen", status=Status.ANALYSIS, resolved=None, reopened=draft.ticket.reopened + 1)
        draft.answer(Name.REOPENED)
        note = "reopen"
    else:
        draft.event("reply")
    draft.message = Message(draft.person.address, wrote.text or wrote.whole, strength=wrote.strength)
    draft.tell_watchers(words=wrote.text or wrote.whole, note=note)
    _add_copied(draft, wrote)
    return _done(draft, Outcome.APPENDED, Reading())


def _appended(draft: Draft, wrote: Wrote, rank: Standing) -> Decision:
    """What somebody else on the ticket wrote, or somebody with no proof of being on it: kept and told to technicians, no state changes."""
    draft.event("reply", "" if wrote.strength.trusted else "unverified")
    unverified = rank is not Standing.PARTICIPANT
    draft.message = Message(draft.person.address, wrote.text or wrote.whole, strength=wrote.strength, unverified=unverified)
    draft.tell_watchers(words=wrote.text or wrote.whole, note="unverified" if unverified else "")
    if rank is not Standing.UNCONFIRMED:
        _add_copied(draft, wrote)
    return _done(draft, Outcome.APPENDED, Reading())


def _add_copied(draft: Draft, wrote: Wrote) -> None:
    added = _copied(draft.ticket.participants, wrote, draft.rules)
    if added:
        draft.event("cc", participants=(*draft.ticket.participants, *added))


# ----------------------------------------------------------------------------------------------------------- technicians


def technician(draft: Draft, reading: Reading) -> Decision:
    """What a proven technician wrote: commands, a reply to the requester, or both. All or nothing."""
    before, wrote = draft.ticket, "\n".join([*(command.line for command in reading.commands), reading.text]).strip("\n")
    draft.refusals += [Refusal(command.line, command.error or "", command.instead) for command in reading.commands if not command.ok]
    if reading.misplaced is not None:
        word = reading.misplaced.lstrip("#").split()[0]
        draft.refusals.append(Refusal(reading.misplaced, "not-at-the-top", suggestion(word, Grammar.TECHNICIAN)))
    if not draft.refusals:
        obey.obey(draft, reading.commands, reading.text)
    if draft.refusals:
        return _refused(before, draft, wrote, reading, Name.RECEIPT)
    if reading.text:
        _relay(draft, reading.text)
    if any(command.verb != "help" for command in reading.commands):
        draft.answer(Name.RECEIPT, lines=tuple(Line(command.line, ok=True) for command in reading.commands))
    return _done(draft, Outcome.COMMANDED if reading.commands else Outcome.APPENDED, reading)


def _weigh(draft: Draft, wrote: Wrote, reading: Reading) -> Decision:
    """A technician's mail, after what `security.require` asks of each verb."""
    for command in reading.commands:
        if command.ok and not permits(command.verb, wrote, draft.rules):
            draft.refusals.append(Refusal(command.line, "needs-stronger-sender"))
    return technician(draft, reading)


def _relay(draft: Draft, text: str) -> None:
    """A plain reply goes to the requester from the desk's address, and turns New into Responded."""
    draft.met_first_response()
    if draft.ticket.status is Status.NEW:
        draft.event("reply", status=Status.RESPONDED)
    else:
        draft.event("reply")
    draft.message = Message(draft.person.address, text, direction="out", strength=draft.strength)
    draft.tell_public(Name.REPLY, words=text, attach=True)


# ----------------------------------------------------------------------------------------------------------------- ends


def _refused(before: Ticket, draft: Draft, text: str, reading: Reading, answer: Name) -> Decision:
    """Nothing is done: the text stays as a note, and one letter shows each line and what is wrong with it."""
    wrong = {refusal.line: refusal for refusal in draft.refusals}
    lines = [Line(one.line, one.line not in wrong, *_wrong(wrong.get(one.line))) for one in reading.commands]
    lines += [Line(one.line, False, *_wrong(one)) for one in draft.refusals if one.line not in {command.line for command in reading.commands}]
    refused = Draft(before, draft.rules, draft.now, draft.person, draft.strength, draft.grammar)
    refused.event("refused", ", ".join(refusal.slug for refusal in draft.refusals))
    refused.answer(answer, lines=tuple(lines), note="refused")
    refused.message = Message(draft.person.address, text, visibility=Visibility.INTERNAL, strength=draft.strength, note="refused")
    refused.refusals = draft.refusals
    return _done(refused, Outcome.REFUSED, reading)


def _wrong(refusal: Refusal | None) -> tuple[str, str]:
    return (refusal.slug, refusal.instead) if refusal else ("", "")


def _done(draft: Draft, outcome: Outcome, reading: Reading) -> Decision:
    return Decision(
        outcome, draft.refusals[0].slug if draft.refusals else "", None, tuple(draft.events), draft.message, tuple(draft.letters),
        commands=reading.commands, refusals=tuple(draft.refusals),
    )  # fmt: skip
