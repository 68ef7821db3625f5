"""What follows when somebody writes to the desk? Authority says in what standing he writes, and each standing has its answer."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from mailgate.desk import holding, leave, searching, technician, vendor, workflow
from mailgate.desk.authority import Standing, permits, proven, standing
from mailgate.desk.commands import Reading, borrowed, read, tapped
from mailgate.desk.decision import Decision, Message, Outcome, Refusal
from mailgate.desk.draft import Draft, shown
from mailgate.desk.events import Event
from mailgate.desk.letters import UNPROVEN, Letter, Name
from mailgate.desk.model import Role, State, Strength, Ticket, Visibility
from mailgate.desk.opening import opened
from mailgate.desk.requester import appended, muted, requester
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Alarm, Finding, Nature, Wrote
from mailgate.desk.thanks import is_thanks
from mailgate.desk.workflow import Grammar

# The reason of a mail that is not heard because somebody blocked its sender.
BLOCKED = "blocked-sender"


def received(ticket: Ticket | None, wrote: Wrote, rules: Rules, now: datetime) -> Decision:
    """The desk's answer to a mail. A closed ticket is answered by a new one that is linked to it."""
    rank = standing(ticket, wrote, rules)
    because = f"{wrote.person.role} {wrote.strength}" + (f" to ticket {ticket.id}" if ticket else "")
    searches = wrote.found is not None and not wrote.further_copy and proven(wrote, rules) and rules.at(wrote.desk).serves(wrote.person)
    said = _balloted(rank, ticket, wrote, rules, now) if wrote.ballot is not None else None
    decision = said or (searching.answered(wrote) if searches else _by_standing(rank, ticket, wrote, rules, now))
    return replace(decision, trail=(*wrote.findings, Finding("authority", rank, because), *decision.trail))


def _by_standing(rank: Standing, ticket: Ticket | None, wrote: Wrote, rules: Rules, now: datetime) -> Decision:
    if (about_none := _about_no_ticket(rank, wrote, rules)) is not None:
        return about_none
    if wrote.alarm is not None:
        return _alarmed(ticket, wrote, wrote.alarm, rules, now)
    if wrote.further_copy and ticket is not None:
        return _further_copy(rank, ticket, wrote, now)
    if rank is Standing.MACHINE:
        return _machine(ticket, wrote, rules, now)
    if ticket is None or rank is Standing.STRANGER:
        return leave.announced(ticket, wrote, rules, now) or _ordered_nowhere(wrote, rules) or opened(ticket, wrote, rules, now)
    if rank is Standing.UNPROVEN:
        return _unproven(ticket, wrote, now)
    if rank is Standing.OBSERVER:
        return _noted(ticket, wrote, now, Visibility.INTERNAL, "observer")
    if rank is Standing.TECHNICIAN:
        draft = Draft(ticket, rules, now, wrote.person, wrote.strength, Grammar.TECHNICIAN, wrote.known)
        return technician.weighed(draft, wrote, _read(wrote, draft))
    draft = Draft(ticket, rules, now, wrote.person, wrote.strength, Grammar.REQUESTER, wrote.known)
    if vendor.helps(ticket, wrote.person):
        return vendor.answered(draft, wrote)
    reading = _understood(rank, wrote, draft)
    if workflow.state_of(ticket.status) is State.CLOSED and not _only_asks(reading):
        if is_thanks(wrote.text):
            # Whoever thanks for what is done wants nothing more.
            return _noted(ticket, wrote, now, Visibility.PUBLIC, "thanks")
        return opened(ticket, wrote, rules, now, link=True)
    return _of_his_side(rank, draft, wrote, reading)


def _ordered_nowhere(wrote: Wrote, rules: Rules) -> Decision | None:
    """A proven technician's commands that reach no ticket of his: what was meant as a note must not become a request. None for other mails,
    and where there is more than commands: that is a request like any other.

    The answer is the same whether or not there is such a ticket.
    """
    if not wrote.person.staff or wrote.nature is not Nature.HUMAN or not (wrote.tap or "#" in wrote.text) or not proven(wrote, rules):
        return None
    reading = _in_grammar(wrote, Grammar.TECHNICIAN, rules)
    known = workflow.verbs(Grammar.TECHNICIAN, rules.policy.statuses)
    orders = [command for command in reading.commands if command.verb in known]
    if (reading.text and not reading.faulty) or all(command.verb == "help" for command in orders):
        return None
    lines = tuple(shown(command.line, Refusal(command.line, "no-ticket")) for command in orders)
    letter = Letter(Name.RECEIPT, wrote.person.address, lines=lines, note="refused")
    return Decision(Outcome.ANSWERED, "no-ticket", letters=(letter,), commands=reading.commands)


def _of_his_side(rank: Standing, draft: Draft, wrote: Wrote, reading: Reading) -> Decision:
    if rank is Standing.REQUESTER:
        return requester(draft, wrote, reading)
    return muted(draft, wrote, reading) if reading.commands else appended(draft, wrote, rank)


def _understood(rank: Standing, wrote: Wrote, draft: Draft) -> Reading:
    """What the mail orders: whatever it likes from a requester, whether we write to him from somebody in copy, nothing from others."""
    if rank not in (Standing.REQUESTER, Standing.PARTICIPANT):
        return Reading()
    reading = _read(wrote, draft)
    mutes = permits("mute", wrote, draft.rules) and all(one.ok and one.verb == "mute" for one in reading.commands)
    return reading if mutes or rank is Standing.REQUESTER else Reading()


def _about_no_ticket(rank: Standing, wrote: Wrote, rules: Rules) -> Decision | None:
    """What becomes of a mail whose sender is blocked, of one that is held, and of one that decides about held ones; None for all others."""
    if wrote.blocked and not _heard_all_the_same(wrote):
        return Decision(Outcome.IGNORED, BLOCKED).noting("sender", "blocked", wrote.blocked)
    if rank is Standing.SPOOFED:
        return Decision(Outcome.HELD, "spoofed")
    return holding.decided(wrote, wrote.holding, rules) if wrote.holding is not None else None


def _heard_all_the_same(wrote: Wrote) -> bool:
    """Whether a blocked sender is heard: he answers a letter of ours, or he works here and either proves it or is himself meant."""
    if wrote.strength is Strength.TOKEN:
        return True
    return wrote.person.role is not Role.REQUESTER and (wrote.strength.trusted or wrote.blocked == wrote.address)


def _read(wrote: Wrote, draft: Draft) -> Reading:
    return _in_grammar(wrote, draft.grammar, draft.rules)


def _in_grammar(wrote: Wrote, grammar: Grammar, rules: Rules) -> Reading:
    synonyms, own, macros = rules.policy.verbs_by_word, rules.policy.statuses, wrote.known.macros
    if wrote.borrowed and grammar is Grammar.TECHNICIAN:
        # What he wrote may be a note: it must not go out because the button that he pressed is a colleague's.
        return borrowed(wrote.borrowed, wrote.text)
    if wrote.tap:
        return tapped(wrote.tap, wrote.text, grammar, synonyms=synonyms, own=own, macros=macros)
    return read(wrote.text, grammar, bare=True, synonyms=synonyms, own=own, macros=macros)


def _only_asks(reading: Reading) -> bool:
    """Whether all that is wanted of a closed ticket is a question about it, or to agree with what is so already."""
    asks = {"status", "help", "mute", "accept", "cancel", "csat"}
    return bool(reading.commands) and not reading.text and all(command.verb in asks for command in reading.commands)


def _further_copy(rank: Standing, ticket: Ticket, wrote: Wrote, now: datetime) -> Decision:
    """The same mail once more, by another way: a note where its writer belongs, and nothing where he does not."""
    if rank is Standing.STRANGER or (rank is Standing.MACHINE and not _belongs(ticket, wrote)):
        return Decision(Outcome.IGNORED, "further-copy")
    return _noted(ticket, wrote, now, Visibility.HIDDEN, "further-copy")


def _machine(ticket: Ticket | None, wrote: Wrote, rules: Rules, now: datetime) -> Decision:
    if ticket is not None and _belongs(ticket, wrote):
        return _noted(ticket, wrote, now, Visibility.HIDDEN, wrote.nature_because or "machine")
    if wrote.nature is Nature.ALARM:
        return opened(ticket, wrote, rules, now)
    return Decision(Outcome.IGNORED, wrote.nature_because or "machine")


def _alarmed(ticket: Ticket | None, wrote: Wrote, alarm: Alarm, rules: Rules, now: datetime) -> Decision:
    # Only a desk with monitors pays for them.
    from mailgate.desk.alarms import alarmed

    return alarmed(ticket, wrote, alarm, rules, now)


def _balloted(rank: Standing, ticket: Ticket | None, wrote: Wrote, rules: Rules, now: datetime) -> Decision | None:
    """What a human's mail says that bears an approver's mark; None where that makes no difference."""
    aside = rank in (Standing.SPOOFED, Standing.MACHINE) or wrote.further_copy or (wrote.blocked and not _heard_all_the_same(wrote))
    if ticket is None or wrote.ballot is None or aside:
        return None
    # Only a desk that asks for approvals pays for it.
    from mailgate.desk.ballots import answered

    return answered(Draft(ticket, rules, now, wrote.person, wrote.strength, Grammar.APPROVER, wrote.known), wrote, wrote.ballot)


def _belongs(ticket: Ticket, wrote: Wrote) -> bool:
    return ticket.participant((*wrote.person.addresses, wrote.address)) is not None


def _noted(ticket: Ticket, wrote: Wrote, now: datetime, visibility: Visibility, why: str, verb: str = "note") -> Decision:
    message = Message(
        wrote.person.address, wrote.text or wrote.whole, visibility=visibility, strength=wrote.strength,
        unverified=not wrote.strength.trusted, note=why,
    )  # fmt: skip
    return Decision(Outcome.NOTED, why, events=(Event(verb, wrote.person.address, now, wrote.strength, (), why),), message=message)


def _unproven(ticket: Ticket, wrote: Wrote, now: datetime) -> Decision:
    """Somebody of people.toml whose mail does not prove it: kept as an unverified note, and told at his registered address once a day."""
    decision = _noted(ticket, wrote, now, Visibility.INTERNAL, "needs-stronger-sender", "auth_failed")
    decision = replace(decision, message=decision.message and replace(decision.message, unverified=True))
    refusal = Refusal(next((line.strip() for line in wrote.text.splitlines() if line.strip()), ""), "needs-stronger-sender")
    told = () if wrote.told_today else (Letter(Name.RECEIPT, wrote.person.address, lines=(shown(refusal.line, refusal),), note=UNPROVEN),)
    return replace(decision, outcome=Outcome.REFUSED, refusals=(refusal,), letters=told)
