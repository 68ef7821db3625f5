"""How does a ticket begin? Whom it belongs to, who is on it, who hears of it, and what its requester is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from mailgate.desk import obey
from mailgate.desk.commands import Reading, read
from mailgate.desk.decision import Decision, Message, Outcome
from mailgate.desk.events import Event, changes
from mailgate.desk.letters import Letter, Name
from mailgate.desk.model import Participant, Ticket
from mailgate.desk.policy import AckUnverified, CcConfirm
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Nature, Wrote
from mailgate.desk.workflow import Grammar


def opened(shown: Ticket | None, wrote: Wrote, rules: Rules, now: datetime, *, link: bool = False) -> Decision:
    """A new ticket. `shown` is the ticket that the clue named: linked where the writer belongs to it, else only shown to technicians."""
    asked = read(wrote.text, Grammar.REQUESTER, bare=False, synonyms=rules.policy.verbs_by_word())
    if wrote.nature is Nature.HUMAN and not asked.text and [one.verb for one in asked.commands] == ["help"]:
        return _helped(wrote, rules, asked)
    people = with_copied((Participant(wrote.person.address, "requester"),), wrote, rules)
    opens = Event(
        "open", wrote.person.address, now, wrote.strength,
        changes(desk=wrote.desk, subject=wrote.subject, requester=wrote.person.address, source=wrote.source, team=rules.first_team(),
                participants=people, language=wrote.language, links=(shown.id,) if shown and link else ()),
    )  # fmt: skip
    note = "" if shown is None else f"{'follows' if link else 'clue'} {rules.desk.tag}-{shown.id}"
    # An answer to a closed ticket quotes what everybody knows already; a mail that stands alone is passed on whole.
    words = (link and wrote.text) or wrote.whole or wrote.text
    message = Message(wrote.person.address, words, strength=wrote.strength, unverified=not wrote.strength.trusted, note=note)
    watchers = rules.on_duty(rules.first_team())
    announced = tuple(
        Letter(Name.NEW_TICKET, person.address, words, wrote.person.address, note=note, attach=True)
        for person in watchers if wrote.person.address not in person.addresses
    )  # fmt: skip
    reason = "closed-ticket" if link else "clue-of-a-stranger" if shown else ""
    return Decision(Outcome.OPENED, reason, opens=opens, message=message, letters=(*_acknowledged(wrote, rules), *announced))


def _helped(wrote: Wrote, rules: Rules, asked: Reading) -> Decision:
    """Whoever asks for nothing but help gets it, whatever ticket he named: the answer must not tell whether there is one."""
    silent = not wrote.strength.trusted and rules.policy.ack_unverified is AckUnverified.NEVER
    letter = Letter(Name.HELP, wrote.person.address, lines=obey.helping(Grammar.REQUESTER), note=Grammar.REQUESTER)
    return Decision(Outcome.ANSWERED, "help", letters=() if silent else (letter,), commands=asked.commands)


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


def with_copied(present: tuple[Participant, ...], wrote: Wrote, rules: Rules) -> tuple[Participant, ...]:
    """The participants once the people in To and Cc are among them; confirmed if a proven participant named them and policy lets him."""
    confirmed = wrote.strength.trusted and rules.policy.cc_confirm is CcConfirm.PARTICIPANT
    people = {one.address: one for one in present}
    for address in wrote.copied:
        person = rules.people.person(address)
        if person.staff or address in rules.desk.addresses or wrote.person.address in person.addresses:
            continue
        known = next((one for one in people.values() if one.address in person.addresses), Participant(person.address, "cc", False))
        people[known.address] = replace(known, confirmed=known.confirmed or confirmed)
    return tuple(people.values())
