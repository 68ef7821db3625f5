"""What has to be known before the desk can decide about a mail? Looks up ticket, writer, proof and history, and hands them over as facts.

Asks its records inside the transaction that acts; changes nothing. A dry run hands in records that know nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk.letters import UNPROVEN, Name
from mailgate.desk.model import Address, Person, Strength, Ticket, fold_address
from mailgate.desk.policy import Policy
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import BY_HAND, Ballot, Clue, Finding, Nature, Wrote
from mailgate.flow import asides, clues, colleagues, copies, kindred, knowledge
from mailgate.flow.clues import Lead
from mailgate.flow.house import House
from mailgate.flow.known import Said, known
from mailgate.flow.nature import nature_of
from mailgate.flow.records import Accepted, Records
from mailgate.mail import classify, sender
from mailgate.mail.authresults import Report
from mailgate.mail.header import bare_subject
from mailgate.mail.parsed import ParsedMail

if TYPE_CHECKING:
    from mailgate.store.records import KnownId

_MOST_COPIED = 50
_MOST_RECIPIENTS = 200
# RFC 5321 6.3: a mail that travelled so far may be going round in circles.
_MANY_HOPS = 30
_NOBODY = Address("unknown@invalid")


class Situation(Struct, frozen=True):
    """A mail with everything that the desk needs to decide about it."""

    wrote: Wrote
    ticket: Ticket | None
    rules: Rules
    # A reason why no automatic letter may follow, whatever is decided.
    silent: str = ""
    # Of the Message-IDs that the mail mentions, those that lead to a ticket already.
    bearers: tuple[KnownId, ...] = ()


def understand(
    records: Records, house: House, claim: Accepted, mail: ParsedMail, now: datetime, checked: Report | None = None
) -> Situation:
    """The situation that a mail makes. `checked` is what our own check of its sender found. Never raises on what a sender can write."""
    mail = classify.with_envelope(mail, claim.envelope_from)
    desk = house.desk(claim.desk)
    sent = sender.identify(mail, house.security, house.own_domains, claim.submission, checked)
    address = sent.address or fold_address(claim.envelope_from or "") or _NOBODY
    name = sent.mailbox.name if sent.mailbox else ""
    if sent.named:
        address, name = sent.named, mail.reply_to[0].name if mail.reply_to else ""
    people = records.people
    person = people.person(address, name)
    earlier = copies.earlier(records, claim)
    found = clues.lead(records, house, claim, mail, person, reused=bool(earlier))
    strength = _strength(sent, claim, proven=found.proof and not sent.named)
    elsewhere = copies.elsewhere(records, house, claim, mail, found.ticket)
    copy = copies.copied_before(records, claim, earlier, elsewhere, address, strength)
    if copy is not None and copy.ticket is not None:
        found = replace(found, ticket=records.ticket(copy.ticket), clue=Clue("further-copy", copy.ticket, f"inbox {copy.id}"))
    nature, because = nature_of(mail, house, desk, own=house.detail(address) is not None)
    collides = any(one.sender != address or one.strength != strength for one in earlier)
    rules = house.rules(found.ticket.desk if found.ticket else desk.name, people)
    insists = claim.released
    asks = kindred.asks(found.ticket, person, mail, found.tap, found.beside, rules.policy.verbs_by_word)
    if asks.undoes and found.clue is not None:
        # Under a merged ticket's number everything goes to the one that lives on, save to take the merging itself back.
        found = replace(found, ticket=records.itself(found.clue.ticket))
    subject = bare_subject(mail.subject, f"{desk.tag}-0")
    wrote = Wrote(
        person, address, strength, sent.strength is Strength.ALIGNED and not sent.named, desk.name,
        subject, mail.reply_text, mail.text, nature, because, found.clue, found.tap,
        _copied(house, mail, person), tuple(one.filename for one in mail.attachments), mail.language,
        flags=_flags(sent, collides=collides), further_copy=copy is not None,
        told_today=bool(people.find(address)) and records.told(person.addresses, Name.RECEIPT, UNPROVEN, now - timedelta(days=1)),
        recipients=_recipients(claim, mail), headers=_headers(mail, rules.policy),
        known=known(records, house, rules, Said(found.ticket, person, mail.reply_text, asks, found.tap, person.staff), now),
        meanwhile=colleagues.meanwhile(records, found.ticket, person, clues.answered(found, person), insists=insists), insists=insists,
        borrowed=clues.borrowed(house, claim, mail, person, found),
        suggested=knowledge.suggested(records, found.ticket, desk.name, strength, nature, subject, mail.reply_text or mail.text),
        found=knowledge.searched(records, desk.name, person, strength, nature, "" if found.ticket else subject, mail.reply_text),
        ballot=_ballot(records, found, claim, now),
        holding=asides.holding(records, found.held, person, mail.reply_text), blocked=asides.blocked(people, address, claim),
        findings=_findings(mail, sent, found, nature, because, collides=collides),
    )  # fmt: skip
    situation = Situation(wrote, found.ticket, rules, _silent(mail, address), found.bearers)
    if not rules.policy.monitors:
        return situation
    # Only a desk with monitors pays for them.
    from mailgate.flow.monitored import monitored

    return monitored(records, situation, mail)


# --------------------------------------------------------------------------------------------------------------- writer


def _strength(known: sender.Sender, claim: Accepted, *, proven: bool) -> Strength:
    if known.strength is Strength.SPOOFED:
        # A human looked at it and let it in; he did not vouch for the sender.
        return Strength.CLAIMED if claim.released or claim.attach_to is not None else Strength.SPOOFED
    if known.named is not None:
        return Strength.CLAIMED
    return Strength.TOKEN if proven and not known.barred else known.strength


def _ballot(records: Records, found: Lead, claim: Accepted, now: datetime) -> Ballot | None:
    if found.ballot is None:
        return None
    from mailgate.flow.ballots import known as known_of

    return known_of(records, found.ballot, claim, now)


def _copied(house: House, mail: ParsedMail, person: Person) -> tuple[Address, ...]:
    named = (fold_address(one.address) for one in (*mail.to, *mail.cc))
    others = (one for one in named if house.detail(one) is None and one not in person.addresses)
    return tuple(dict.fromkeys(others))[:_MOST_COPIED]


def _recipients(claim: Accepted, mail: ParsedMail) -> tuple[Address, ...]:
    """Whom the mail was for, as envelope and header say; the envelope's first, since only that one is true."""
    return tuple(dict.fromkeys((*map(fold_address, claim.envelope_to), *map(Address, mail.recipients))))[:_MOST_RECIPIENTS]


def _headers(mail: ParsedMail, policy: Policy) -> tuple[tuple[str, str], ...]:
    """The header fields that a rule of triage or monitoring asks for, decoded; none where no rule does."""
    conditions = [*(rule.when for rule in policy.categories), *(rule.when for rule in policy.monitors)]
    names = {name for when in conditions for name, _ in when.headers}
    if not names:
        return ()
    from mailgate.mail import fields

    return tuple((name, fields.line(fields.words(value))) for name, value in _fields(mail) if name in names)


def _fields(mail: ParsedMail) -> Iterator[tuple[str, str]]:
    """Every header field: those that were understood are written out again."""
    yield from mail.trace
    for name, boxes in (("from", mail.from_), ("reply-to", mail.reply_to), ("to", mail.to), ("cc", mail.cc)):
        if boxes:
            yield name, ", ".join(f"{box.name} <{box.address}>".strip() for box in boxes[:_MOST_RECIPIENTS])
    for name, ids in (("message-id", (mail.message_id or "",)), ("in-reply-to", mail.in_reply_to), ("references", mail.references)):
        if any(ids):
            yield name, " ".join(f"<{one}>" for one in ids)
    yield "subject", mail.subject


def _silent(mail: ParsedMail, address: Address) -> str:
    if address == _NOBODY:
        return "no-address"
    hops = sum(name == "received" for name, _ in mail.trace)
    return "many-hops" if hops > _MANY_HOPS else ""


def _flags(known: sender.Sender, *, collides: bool) -> tuple[str, ...]:
    flags = [slug for slug, _ in known.findings if slug == "display-name-differs"]
    return (*flags, "mid_collision") if collides else tuple(flags)


def _findings(
    mail: ParsedMail, known: sender.Sender, thread_of: Lead, nature: Nature, because: str, *, collides: bool
) -> tuple[Finding, ...]:
    found, clue = [Finding("read", str(mail.kind), ", ".join(mail.defects))], thread_of.clue
    found += [Finding("sender", slug, why) for slug, why in known.findings]
    found.append(Finding("nature", nature, because))
    if collides:
        found.append(Finding("identity", "mid_collision", "another mail bore this Message-ID"))
    found += [Finding("clue", "rejected", why) for why in thread_of.rejected]
    found.append(Finding("clue", clue.kind, f"ticket {clue.ticket} by {clue.found}") if clue else Finding("clue", "none"))
    if thread_of.held:
        found.append(Finding("clue", "held-mail", f"{thread_of.held.verb} {thread_of.held.row}"))
    if thread_of.proof:
        found.append(Finding("sender", "token", "the token was given to this address"))
    return tuple(found)


def unreadable(situation: Situation, why: str) -> Situation:
    """The situation with words of our own in place of a text that nobody could read.

    Only the ticket that an earlier copy or try of it opened counts, or that a human named: nothing unread may change what others are at.
    """
    words = f"A mail from {situation.wrote.address} could not be read ({why}). The raw mail is kept."
    clue = situation.wrote.clue
    ticket = situation.ticket if clue is not None and clue.kind in ("mentioned-before", "further-copy", BY_HAND) else None
    wrote = replace(situation.wrote, text="", whole=words, copied=(), tap=None, borrowed=None, alarm=None, holding=None, ballot=None)
    return replace(situation, wrote=wrote, ticket=ticket)
