"""How does a ticket begin? Whom it belongs to, who is on it, who hears of it, and what its requester is told."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from mailgate.desk import obey
from mailgate.desk.assignment import chosen
from mailgate.desk.commands import Reading, read
from mailgate.desk.decision import Decision, Message, Outcome
from mailgate.desk.events import Event, born, changes
from mailgate.desk.letters import Letter, Name
from mailgate.desk.model import Address, Participant, Person, Strength, Ticket, TicketId
from mailgate.desk.policy import AckUnverified, CcConfirm
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Finding, Nature, Wrote
from mailgate.desk.triage import Triage, triage
from mailgate.desk.workflow import Grammar


def opened(shown: Ticket | None, wrote: Wrote, rules: Rules, now: datetime, *, link: bool = False) -> Decision:
    """A new ticket. `shown` is the ticket that the clue named: linked where the writer belongs to it, else only shown to technicians.

    What follows a ticket stays at its desk, wherever that has moved; everything else is a matter of the desk that was written to.
    """
    rules = rules.at(shown.desk if shown and link else wrote.desk)
    asked = read(wrote.text, Grammar.REQUESTER, bare=False, synonyms=rules.policy.verbs_by_word)
    if wrote.nature is Nature.HUMAN and not asked.text and [one.verb for one in asked.commands] == ["help"]:
        return _helped(wrote, rules, asked)
    found = triaged(wrote, rules, link=link)
    taker = _taker(found, wrote, rules)
    opens = _opens(wrote, rules, now, found, taker, (shown.id,) if shown and link else ())
    # The numbers of other desks are nobody's business here.
    note = f"{'follows' if link else 'clue'} {rules.desk.tag}-{shown.id}" if shown and shown.desk == rules.desk.name else ""
    words = _words(wrote, link=link)
    message = Message(wrote.person.address, words, strength=wrote.strength, unverified=not wrote.strength.trusted, note=note)
    name, hear = (Name.ASSIGNED, (taker,)) if taker else (Name.NEW_TICKET, rules.on_duty(assigned_team(found, rules), now))
    announced = tuple(
        Letter(name, person.address, words, wrote.person.address, note=note, attach=True)
        for person in hear if wrote.person.address not in person.addresses
    )  # fmt: skip
    reason = "closed-ticket" if link else "clue-of-a-stranger" if shown else ""
    heard = acknowledged(wrote.person.address, wrote.strength, rules) if wrote.nature is Nature.HUMAN else ()
    letters = (*_helpful(heard, wrote, rules, opens), *announced)
    return Decision(Outcome.OPENED, reason, opens=opens, message=message, letters=letters, trail=(*found.findings, *_given(taker, rules)))


def triaged(wrote: Wrote, rules: Rules, *, link: bool = False) -> Triage:
    """What the rules say of a mail that opens a ticket; with `link` one that answers a closed ticket."""
    return triage(wrote, _words(wrote, link=link), rules)


def _words(wrote: Wrote, *, link: bool) -> str:
    """What of the mail counts: all of it, but of an answer to a closed ticket, which quotes what everybody knows, only what is new."""
    return (link and wrote.text) or wrote.whole or wrote.text


def assigned_team(found: Triage, rules: Rules) -> str | None:
    """The team that a new ticket goes to: the rule's, else the first."""
    team = found.fields.get("team")
    return str(team) if team else rules.first_team()


def _taker(found: Triage, wrote: Wrote, rules: Rules) -> Person | None:
    """Whom policy gives the ticket to; nobody where it is given by hand, or where nobody of the team is there."""
    if wrote.known.roster is None:
        return None
    tags = found.fields.get("tags", ())
    about = (found.fields.get("category"), found.fields.get("service"), *(tags if isinstance(tags, tuple) else ()))
    return chosen(assigned_team(found, rules), map(str, filter(None, about)), rules.people, rules.policy.assign_by, wrote.known.roster)


def _given(taker: Person | None, rules: Rules) -> tuple[Finding, ...]:
    return (Finding("assignment", taker.address, rules.policy.assign_by),) if taker else ()


def _opens(
    wrote: Wrote, rules: Rules, now: datetime, found: Triage, taker: Person | None, links: tuple[TicketId, ...]
) -> Event:  # fmt: skip
    # No letter goes to a monitoring system.
    people = with_copied((Participant(wrote.person.address, "requester", muted=wrote.alarm is not None),), wrote, rules)
    if taker and not any(one.address in taker.addresses for one in people):
        people = (*people, Participant(taker.address, "assignee"))
    fields: dict[str, object] = {
        "desk": rules.desk.name, "subject": wrote.subject, "requester": wrote.person.address, "source": wrote.source,
        "team": assigned_team(found, rules), "participants": people, "language": wrote.language, "links": links,
        **({"assignee": taker.address} if taker else {}), **({"confidential": True} if rules.desk.confidential else {}),
        **(wrote.alarm.fields if wrote.alarm else {}),
    }  # fmt: skip
    return Event("open", wrote.person.address, now, wrote.strength, changes(**(fields | found.fields)), found.note)


def _helped(wrote: Wrote, rules: Rules, asked: Reading) -> Decision:
    """Whoever asks for nothing but help gets it, whatever ticket he named: the answer must not tell whether there is one."""
    silent = not wrote.strength.trusted and rules.policy.ack_unverified is AckUnverified.NEVER
    letter = Letter(Name.HELP, wrote.person.address, lines=obey.helping(Grammar.REQUESTER), note=Grammar.REQUESTER)
    return Decision(Outcome.ANSWERED, "help", letters=() if silent else (letter,), commands=asked.commands)


def acknowledged(requester: Address, strength: Strength, rules: Rules) -> tuple[Letter, ...]:
    """What the requester of a new ticket is told, as far as he is known; nothing where policy says so."""
    if strength.trusted:
        return (Letter(Name.ACKNOWLEDGEMENT, requester),)
    match rules.policy.ack_unverified:
        case AckUnverified.NEVER:
            return ()
        case asked:
            return (Letter(Name.ACKNOWLEDGEMENT, requester, plain=asked is AckUnverified.PLAIN),)


def _helpful(heard: tuple[Letter, ...], wrote: Wrote, rules: Rules, opens: Event) -> tuple[Letter, ...]:
    """The acknowledgement; who is proven reads in it what may help him meanwhile, and when to expect an answer."""
    if not wrote.strength.trusted:
        return heard
    helpful = () if any(change.field == "confidential" for change in opens.changes) else wrote.suggested
    by = _promised(rules, opens) if rules.policy.slas else None
    return tuple(replace(letter, articles=helpful, answered_by=by) for letter in heard)


def _promised(rules: Rules, opens: Event) -> datetime | None:
    # Only a desk that promises something pays for knowing what.
    from mailgate.desk.clocks import promised

    return promised(born(TicketId(0), opens), rules, opens.at)


def with_copied(present: tuple[Participant, ...], wrote: Wrote, rules: Rules) -> tuple[Participant, ...]:
    """The participants once the people in To and Cc are among them; confirmed if a proven participant named them and policy lets him."""
    may = rules.policy.cc_confirm is CcConfirm.PARTICIPANT or rules.serves(wrote.person)
    confirmed = wrote.strength.trusted and may
    people = {one.address: one for one in present}
    for address in wrote.copied:
        person = rules.people.person(address)
        if rules.serves(person) or rules.is_own(address) or wrote.person.address in person.addresses:
            continue
        known = next((one for one in people.values() if one.address in person.addresses), Participant(person.address, "cc", False))
        people[known.address] = replace(known, confirmed=known.confirmed or confirmed)
    return tuple(people.values())
