"""What has to be known before the desk can decide about a mail? Looks up ticket, writer, proof and history, and hands them over as facts.

Asks its records inside the transaction that acts; changes nothing. A dry run hands in records that know nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from mailgate.desk import tokens
from mailgate.desk.assignment import Load
from mailgate.desk.events import Event
from mailgate.desk.letters import HUMAN, UNPROVEN, Name
from mailgate.desk.model import Address, Directory, Person, Strength, Ticket, TicketId, fold_address
from mailgate.desk.policy import Desk, Policy
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import BY_HAND, Clue, Finding, Nature, Wrote
from mailgate.flow import asides, colleagues, kindred, knowledge, macros
from mailgate.flow.asides import Asides
from mailgate.flow.colleagues import Answers
from mailgate.flow.house import House
from mailgate.flow.kindred import Relatives
from mailgate.flow.knowledge import Library
from mailgate.flow.roster import roster
from mailgate.mail import classify, sender, thread
from mailgate.mail.authresults import Report
from mailgate.mail.header import bare_subject
from mailgate.mail.parsed import Kind, ParsedMail

if TYPE_CHECKING:
    from mailgate.store.inbox import Twin
    from mailgate.store.records import KnownId

_FURTHER_COPY = timedelta(minutes=15)
# So far back a Message-ID is known to have been used before.
_REMEMBERED = timedelta(days=30)
_MOST_COPIED = 50
_MOST_RECIPIENTS = 200
# RFC 5321 6.3: a mail that travelled so far may be going round in circles.
_MANY_HOPS = 30
_NOBODY = Address("unknown@invalid")


class Records(Answers, Library, Asides, Relatives, Protocol):
    """What is known from before. The database's answer is `store.records`; times are aware UTC."""

    @property
    def people(self) -> Directory:
        """Everybody with a role."""

    def ticket(self, number: TicketId) -> Ticket | None:
        """The ticket, or the one it was merged into, locked against others."""

    def known_ids(self, desk: str, ids: Sequence[str]) -> list[KnownId]:
        """Which of these Message-IDs belong to tickets of the desk, in the order given."""

    def about(self, desk: str, event_key: str, *, opens: bool) -> Ticket | None:
        """The newest ticket that alarms with this key opened, locked against others; `opens`: one may be opened where there is none."""

    def twins(self, desk: str, message_id: str, row: int, since: datetime) -> list[Twin]:
        """Earlier mails that bear the same Message-ID."""

    def told(self, addresses: Sequence[Address], letter: str, note: str, since: datetime) -> bool:
        """Whether a letter of that name and with that note was written to one of these addresses since then."""

    def was_at(self, number: TicketId, desk: str) -> bool:
        """Whether this ticket, by that number, has ever been at the desk."""

    def story(self, number: TicketId) -> tuple[Event, ...]:
        """All events of a ticket, oldest first."""

    def loads(self, people: Sequence[Address]) -> Mapping[Address, Load]:
        """What each of these technicians has to do."""

    def called(self, number: TicketId, address: Address) -> str:
        """What this person calls himself in his mails to the ticket."""

    def letter_of(self, ids: Sequence[str]) -> int | None:
        """The outbox row of the letter that bears one of these Message-IDs."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What is known of an accepted mail beside its octets."""

    id: int
    desk: str
    message_id: str | None
    envelope_from: str | None
    envelope_to: tuple[str, ...]
    submission: bool
    received_at: datetime
    released: bool = False
    attach_to: TicketId | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """A mail with everything that the desk needs to decide about it."""

    wrote: Wrote
    ticket: Ticket | None
    rules: Rules
    # A reason why no automatic letter may follow, whatever is decided.
    silent: str = ""
    # Of the Message-IDs that the mail mentions, those that lead to a ticket already.
    bearers: tuple[KnownId, ...] = ()


@dataclass(frozen=True, slots=True)
class _Hint:
    """A possible clue: what kind, which ticket, and the token or letter id that would prove the writer."""

    kind: str
    ticket: TicketId
    found: str
    token: tokens.Token | None = None
    person: Address | None = None
    # The other desk whose tag the ticket was named by.
    tagged: str | None = None


@dataclass(frozen=True, slots=True)
class _Thread:
    """The ticket of the strongest clue that leads to one; whether a clue to it also proves the writer, and the verb that he tapped.

    `rejected` tells of the clues that led nowhere, `beside` are the numbers that other clues name.
    """

    ticket: Ticket | None = None
    clue: Clue | None = None
    proof: bool = False
    tap: str | None = None
    rejected: tuple[str, ...] = ()
    bearers: tuple[KnownId, ...] = ()
    # The token of somebody who answers a digest of held mails.
    held: tokens.HeldToken | None = None
    beside: tuple[TicketId, ...] = ()


def understand(
    records: Records, house: House, claim: Accepted, mail: ParsedMail, now: datetime, checked: Report | None = None
) -> Situation:
    """The situation that a mail makes. `checked` is what our own check of its sender found. Never raises on what a sender can write."""
    mail = classify.with_envelope(mail, claim.envelope_from)
    desk = house.desk(claim.desk)
    known = sender.identify(mail, house.security, house.own_domains, claim.submission, checked)
    address = known.address or fold_address(claim.envelope_from or "") or _NOBODY
    name = known.mailbox.name if known.mailbox else ""
    if known.named:
        address, name = known.named, mail.reply_to[0].name if mail.reply_to else ""
    people = records.people
    person = people.person(address, name)
    earlier = _earlier(records, claim)
    found = _thread(records, house, claim, mail, person, reused=bool(earlier))
    strength = _strength(known, claim, proven=found.proof and not known.named)
    elsewhere = _elsewhere(records, house, claim, mail, found.ticket)
    copy = _copied_before(records, claim, earlier, elsewhere, address, strength)
    if copy is not None and copy.ticket is not None:
        found = replace(found, ticket=records.ticket(copy.ticket), clue=Clue("further-copy", copy.ticket, f"inbox {copy.id}"))
    nature, because = _nature(mail, house, desk, own=house.detail(address) is not None)
    collides = any(one.sender != address or one.strength != strength for one in earlier)
    rules = house.rules(found.ticket.desk if found.ticket else desk.name, people)
    insists, synonyms = claim.released, rules.policy.verbs_by_word()
    asks = kindred.asks(found.ticket, person, mail, found.tap, found.beside, synonyms)
    if asks.undoes and found.clue is not None:
        # Under a merged ticket's number everything goes to the one that lives on, save to take the merging itself back.
        found = replace(found, ticket=records.itself(found.clue.ticket))
    subject = bare_subject(mail.subject, f"{desk.tag}-0")
    wrote = Wrote(
        person, address, strength, known.strength is Strength.ALIGNED and not known.named, desk.name,
        subject, mail.reply_text, mail.text, nature, because, found.clue, found.tap,
        _copied(house, mail, person), tuple(one.filename for one in mail.attachments), mail.language,
        flags=_flags(known, collides=collides), further_copy=copy is not None,
        told_today=bool(people.find(address)) and records.told(person.addresses, Name.RECEIPT, UNPROVEN, now - timedelta(days=1)),
        story=records.story(found.ticket.id) if found.ticket and asks.story else (),
        macros=macros.asked(house, rules, found.ticket, person, mail.reply_text, records.called) if person.staff else None,
        recipients=_recipients(claim, mail), headers=_headers(mail, rules.policy),
        roster=roster(records.loads, rules, now), kin=kindred.kin(records, found.ticket, asks, person, now),
        meanwhile=colleagues.meanwhile(records, found.ticket, person, _answers(found, person), insists=insists), insists=insists,
        held=colleagues.held(records, found.ticket, person, mail.reply_text, found.tap, synonyms),
        origin=knowledge.origin(records.origin, found.ticket, person, mail.reply_text, found.tap, rules.policy),
        suggested=knowledge.suggested(records, found.ticket, desk.name, strength, nature, subject, mail.reply_text or mail.text),
        found=knowledge.searched(records, desk.name, person, strength, nature, "" if found.ticket else subject, mail.reply_text),
        holding=asides.holding(records, found.held, person, mail.reply_text), blocked=asides.blocked(people, address, claim),
        findings=_findings(mail, known, found, nature, because, collides=collides),
    )  # fmt: skip
    situation = Situation(wrote, found.ticket, rules, _silent(mail, address), found.bearers)
    if not rules.policy.monitors:
        return situation
    # Only a desk with monitors pays for them.
    from mailgate.flow.monitored import monitored

    return monitored(records, situation, mail)


# ---------------------------------------------------------------------------------------------------------------- clues


def _thread(records: Records, house: House, claim: Accepted, mail: ParsedMail, person: Person, *, reused: bool) -> _Thread:
    if claim.attach_to is not None:
        return _Thread(records.ticket(claim.attach_to), Clue(BY_HAND, claim.attach_to, "operator"))
    ids = {one: tokens.read(house.keyring, one.rpartition("@")[0]) for one in thread.mentioned(mail)}
    keeper = asides.token(house.keyring, _details(house, claim, mail), mail)
    if keeper is not None:
        return _Thread(proof=tokens.keeps(house.keyring, keeper, person.addresses), held=keeper)
    bearers = records.known_ids(claim.desk, [one for one, token in ids.items() if token is None])
    hints = list(_hints(house, claim, mail, ids, bearers))
    if mail.message_id and not bearers and not reused:
        # Somebody answered this mail before we saw it: the answer mentioned its id.
        hints += [_Hint("mentioned-before", one.ticket, one.message_id) for one in records.known_ids(claim.desk, [mail.message_id])]
    hints += _tagged(house, claim, mail)
    rejected: list[str] = []
    for hint in hints:
        ticket = records.ticket(hint.ticket)
        if ticket is None or not _leads(records, claim, hint, ticket):
            rejected.append(f"{hint.kind} {hint.found}: {'of another desk' if ticket else 'no such ticket'}")
            continue
        proofs = [one for one in hints if one.ticket == hint.ticket and _proves(house, one, person)]
        taps = (one.token.verb for one in proofs if one.token and one.kind in _TAPPED and one.token.verb != tokens.THREAD)
        clue = Clue(hint.kind, hint.ticket, hint.found)
        beside = dict.fromkeys(one.ticket for one in hints if one.ticket not in (hint.ticket, ticket.id) and one.kind in _THREADED)
        return _Thread(ticket, clue, bool(proofs), next(taps, None), tuple(rejected), tuple(bearers), beside=tuple(beside))
    return _Thread(rejected=tuple(rejected), bearers=tuple(bearers))


def _answers(found: _Thread, person: Person) -> list[str]:
    """The Message-IDs of our letters to this person that the mail mentions."""
    return [one.message_id for one in found.bearers if one.person in person.addresses]


def _tagged(house: House, claim: Accepted, mail: ParsedMail) -> Iterator[_Hint]:
    """The tags in the subject: those of the desk that was written to, then those that a ticket may have had before it came here."""
    own = house.desk(claim.desk)
    for desk in (own, *(one for one in house.desks if one is not own)):
        for number in thread.tags(mail.subject, desk.tag):
            yield _Hint("subject-tag", TicketId(number), str(number), tagged=None if desk is own else desk.name)


def _leads(records: Records, claim: Accepted, hint: _Hint, ticket: Ticket) -> bool:
    """Whether a clue counts at the desk that was written to: our signed address always, all others where the ticket is or has been."""
    return hint.kind == "reply-address" or all(
        desk is None or desk == ticket.desk or records.was_at(hint.ticket, desk) for desk in (claim.desk, hint.tagged)
    )


# Where the buttons of our letters put their verb: into the address, or into the subject where the mail server knows no sub-addresses.
_TAPPED = ("reply-address", "signed-subject")
# The clues that show of a second ticket that it is the same conversation.
_THREADED = ("our-message-id", "thread-id", "message-id")


def _hints(
    house: House, claim: Accepted, mail: ParsedMail, ids: Mapping[str, tokens.Token | None], bearers: Sequence[KnownId]
) -> Iterator[_Hint]:
    """The signed clues and the Message-IDs, strongest first."""
    for detail in _details(house, claim, mail):
        token = tokens.read(house.keyring, detail)
        if token is not None:
            yield _Hint("reply-address", token.ticket, token.verb, token)
    for letter in bearers:
        if letter.person is not None:
            yield _Hint("our-message-id", letter.ticket, letter.message_id, person=letter.person)
    for one, token in ids.items():
        if token is not None:
            yield _Hint("thread-id", token.ticket, one, token)
    for mark in thread.marks(mail.subject):
        token = tokens.read(house.keyring, mark)
        if token is not None:
            yield _Hint("signed-subject", token.ticket, token.verb, token)
    for other in bearers:
        if other.person is None:
            yield _Hint("message-id", other.ticket, other.message_id)


def _details(house: House, claim: Accepted, mail: ParsedMail) -> Iterator[str]:
    """What stands behind our sub-address signs: at the desk's own addresses, since the mail came to every other desk that it names as well.

    A mail that does not name the desk at all was diverted to it: then the addresses of others are the better witness.
    """
    found = {one: known for one in dict.fromkeys((*claim.envelope_to, *mail.recipients)) if (known := house.detail(one))}
    here = any(found[one][0].name == claim.desk for one in mail.recipients if one in found)
    yield from (detail for desk, detail in found.values() if detail and (desk.name == claim.desk or not here))


def _proves(house: House, hint: _Hint, person: Person) -> bool:
    """Whether a hint was given to this very person: evidence that it is he who writes."""
    if hint.token is not None:
        return tokens.belongs(house.keyring, hint.token, person.addresses)
    return hint.person is not None and hint.person in person.addresses


def bounced_letter(records: Records, house: House, claim: Accepted, mail: ParsedMail) -> int | None:
    """The outbox row that a delivery report is about: by the signed bounce address, else by a returned Message-ID that we gave."""
    for detail in _details(house, claim, mail):
        row = tokens.read_bounce(house.keyring, detail)
        if row is not None:
            return row
    return records.letter_of(mail.bounce.returned_ids if mail.bounce else ())


# --------------------------------------------------------------------------------------------------------------- writer


def _strength(known: sender.Sender, claim: Accepted, *, proven: bool) -> Strength:
    if known.strength is Strength.SPOOFED:
        # A human looked at it and let it in; he did not vouch for the sender.
        return Strength.CLAIMED if claim.released or claim.attach_to is not None else Strength.SPOOFED
    if known.named is not None:
        return Strength.CLAIMED
    return Strength.TOKEN if proven and not known.barred else known.strength


def _nature(mail: ParsedMail, house: House, desk: Desk, *, own: bool) -> tuple[Nature, str]:
    verdict, because = mail.verdict, ",".join(mail.verdict.because)
    if mail.kind is Kind.BOUNCE or verdict.is_report:
        return Nature.REPORT, because or "report"
    if own:
        return Nature.AUTOMATIC, "own-address"
    if verdict.own_loop and _passes_on_a_human(mail, house):
        return Nature.HUMAN, ""
    foreign = verdict.foreign_list and not _listed(mail, desk)
    if verdict.auto_generated and not (verdict.own_loop or foreign) and _says_so(verdict.because):
        return Nature.ALARM, because
    if verdict.machine or foreign or mail.kind in (Kind.AUTO_REPLY, Kind.LOOP, Kind.SPAM):
        return Nature.AUTOMATIC, because or str(mail.kind)
    return Nature.HUMAN, ""


def _says_so(marks: Sequence[str]) -> bool:
    """Whether a mail calls itself generated. A null path and a daemon's name do not suffice: those are reports that nobody could read."""
    return any(one == "auto-submitted" or one.startswith("x-") for one in marks)


def _passes_on_a_human(mail: ParsedMail, house: House) -> bool:
    """Whether nothing but a loop mark speaks against the mail, and it is that of another gateway on the words of one of its technicians."""
    ours = mail.marks.get("x-mailgate-loop", "").startswith(house.instance)
    return not ours and mail.verdict.because == ("x-mailgate-loop",) and mail.marks.get("x-mailgate-letter", "") in HUMAN


def _listed(mail: ParsedMail, desk: Desk) -> bool:
    """Whether the mail came through one of the desk's own lists."""
    listed = mail.marks.get("list-id", "").lower()
    return any(one.lower() in listed for one in desk.lists)


def _earlier(records: Records, claim: Accepted) -> list[Twin]:
    """Mails that bore the same Message-ID before."""
    if claim.message_id is None:
        return []
    return records.twins(claim.desk, claim.message_id, claim.id, claim.received_at - _REMEMBERED)


def _elsewhere(records: Records, house: House, claim: Accepted, mail: ParsedMail, ticket: Ticket | None) -> list[Twin]:
    """The same mail as it came to other desks, as far as it went to this ticket: one that moved is reached through each of them."""
    if ticket is None or claim.message_id is None or len(house.desks) == 1:
        return []
    desks = {desk.name for desk in house.desks_of((*claim.envelope_to, *mail.recipients))} | {ticket.desk}
    since = claim.received_at - _FURTHER_COPY
    found = (one for desk in desks - {claim.desk} for one in records.twins(desk, claim.message_id, claim.id, since))
    return [one for one in found if one.ticket == ticket.id]


def _copied_before(
    records: Records, claim: Accepted, earlier: list[Twin], elsewhere: list[Twin], address: Address, strength: Strength
) -> Twin | None:
    """The mail of which this is a second copy: a moment ago, by the same writer at the same level. Of a copy nothing but a note is made."""
    since = claim.received_at - _FURTHER_COPY
    recent = records.twins(claim.desk, claim.message_id, claim.id, since) if earlier and claim.message_id else []
    same = (one for one in (*recent, *elsewhere) if one.sender == address and one.strength == strength)
    return next((one for one in same if one.ticket is not None), None)


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
    mail: ParsedMail, known: sender.Sender, thread_of: _Thread, nature: Nature, because: str, *, collides: bool
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
    return replace(
        situation, wrote=replace(situation.wrote, text="", whole=words, copied=(), tap=None, alarm=None, holding=None), ticket=ticket
    )
