"""What has to be known before the desk can decide about a mail? Looks up ticket, writer, proof and history, and hands them over as facts.

Asks its records inside the transaction that acts; changes nothing. A dry run hands in records that know nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from mailgate.desk import tokens
from mailgate.desk.letters import Name
from mailgate.desk.model import Address, Directory, Person, Strength, Ticket, TicketId, fold_address
from mailgate.desk.policy import Desk
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Clue, Finding, Nature, Wrote
from mailgate.flow.house import House
from mailgate.mail import classify, sender, thread
from mailgate.mail.header import bare_subject
from mailgate.mail.parsed import Kind, ParsedMail

if TYPE_CHECKING:
    from mailgate.store.inbox import Twin
    from mailgate.store.records import KnownId

_FURTHER_COPY = timedelta(minutes=15)
_MOST_COPIED = 50
# RFC 5321 6.3: a mail that travelled so far may be going round in circles.
_MANY_HOPS = 30
_NOBODY = Address("unknown@invalid")


class Records(Protocol):
    """What is known from before. The database's answer is `store.records`; times are aware UTC."""

    def people(self, configured: Directory) -> Directory:
        """Everybody with a role."""

    def ticket(self, number: TicketId) -> Ticket | None:
        """The ticket, or the one it was merged into, locked against others."""

    def known_ids(self, desk: str, ids: Sequence[str]) -> list[KnownId]:
        """Which of these Message-IDs belong to tickets of the desk, in the order given."""

    def twins(self, desk: str, message_id: str, row: int, since: datetime) -> list[Twin]:
        """Earlier mails that bear the same Message-ID."""

    def told_since(self, addresses: Sequence[Address], since: datetime) -> set[str]:
        """The names of the automatic letters to these addresses since then."""

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


@dataclass(frozen=True, slots=True)
class _Hint:
    """A possible clue: what kind, which ticket, and the token or letter id that would prove the writer."""

    kind: str
    ticket: TicketId
    found: str
    token: tokens.Token | None = None
    person: Address | None = None


def understand(records: Records, house: House, claim: Accepted, mail: ParsedMail, now: datetime) -> Situation:
    """The situation that a mail makes. Never raises on what a sender can write."""
    mail = classify.with_envelope(mail, claim.envelope_from)
    desk = house.desk(claim.desk)
    known = sender.identify(mail, house.security, house.own_domains, claim.submission)
    address = known.address or fold_address(claim.envelope_from or "") or _NOBODY
    name = known.mailbox.name if known.mailbox else ""
    if known.named:
        address, name = known.named, mail.reply_to[0].name if mail.reply_to else ""
    rules = house.rules(desk.name, records.people(house.people))
    person = rules.people.person(address, name)
    ticket, clue, proof, rejected = _thread(records, house, claim, mail, person)
    twin = _twin(records, claim, address, known.strength)
    if twin is not None and twin.ticket is not None and ticket is None:
        ticket, clue = records.ticket(twin.ticket), Clue("further-copy", twin.ticket, f"inbox {twin.id}")
    strength = _strength(known, claim, proven=proof and not known.named)
    nature, because = _nature(mail, desk, own=address in house.own_addresses)
    tap = _tap(house, claim, mail) if ticket is not None and proof else None
    wrote = Wrote(
        person, address, strength, known.strength is Strength.ALIGNED and not known.named, desk.name, bare_subject(mail.subject, f"{desk.tag}-0"),
        mail.reply_text,
        mail.text, nature, because, clue, tap, _copied(house, mail, person), tuple(one.filename for one in mail.attachments),
        mail.language, flags=_flags(known), further_copy=twin is not None and twin.ticket is not None,
        told_today=_told_today(records, person, now) if person.staff else False,
        findings=_findings(mail, known, clue, rejected, nature, because, proof=proof),
    )  # fmt: skip
    return Situation(wrote, ticket, rules, _silent(mail))


# ---------------------------------------------------------------------------------------------------------------- clues


def _thread(
    records: Records, house: House, claim: Accepted, mail: ParsedMail, person: Person
) -> tuple[Ticket | None, Clue | None, bool, tuple[str, ...]]:
    """The ticket of the strongest clue that leads to one, whether it also proves the writer, and the clues that led nowhere."""
    if claim.attach_to is not None:
        ticket = records.ticket(claim.attach_to)
        return ticket, Clue("attached-by-hand", claim.attach_to, "operator"), False, ()
    hints = list(_hints(records, house, claim, mail))
    rejected: list[str] = []
    for hint in hints:
        ticket = records.ticket(hint.ticket)
        if ticket is None:
            rejected.append(f"{hint.kind} {hint.found}: no such ticket")
            continue
        proof = any(_proves(house, one, person) for one in hints if one.ticket == hint.ticket)
        return ticket, Clue(hint.kind, hint.ticket, hint.found), proof, tuple(rejected)
    return None, None, False, tuple(rejected)


def _hints(records: Records, house: House, claim: Accepted, mail: ParsedMail) -> Iterator[_Hint]:
    desk = house.desk(claim.desk)
    for detail in _details(house, claim, mail):
        token = tokens.read(house.keyring, detail)
        if token is not None:
            yield _Hint("reply-address", token.ticket, token.verb, token)
    ids = thread.mentioned(mail)
    signed = [(one, tokens.read(house.keyring, one.rpartition("@")[0])) for one in ids]
    known = records.known_ids(desk.name, [one for one, token in signed if token is None])
    for letter in known:
        if letter.person is not None:
            yield _Hint("our-message-id", letter.ticket, letter.message_id, person=letter.person)
    for one, token in signed:
        if token is not None:
            yield _Hint("thread-id", token.ticket, one, token)
    for mark in thread.marks(mail.subject):
        token = tokens.read(house.keyring, mark)
        if token is not None:
            yield _Hint("signed-subject", token.ticket, token.verb, token)
    for other in known:
        if other.person is None:
            yield _Hint("message-id", other.ticket, other.message_id)
    if mail.message_id and not known:
        # Somebody answered this mail before we saw it: the answer mentioned its id.
        for early in records.known_ids(desk.name, [mail.message_id]):
            yield _Hint("mentioned-before", early.ticket, early.message_id)
    for number in thread.tags(mail.subject, desk.tag):
        yield _Hint("subject-tag", TicketId(number), f"{desk.tag}-{number}")


def _details(house: House, claim: Accepted, mail: ParsedMail) -> Iterator[str]:
    for recipient in dict.fromkeys((*claim.envelope_to, *mail.recipients)):
        found = house.detail(recipient)
        if found and found[1]:
            yield found[1]


def _proves(house: House, hint: _Hint, person: Person) -> bool:
    """Whether a hint was given to this very person: evidence that it is he who writes."""
    if hint.token is not None:
        return tokens.belongs(house.keyring, hint.token, person.addresses)
    return hint.person is not None and hint.person in person.addresses


def _tap(house: House, claim: Accepted, mail: ParsedMail) -> str | None:
    """The verb of the one-tap address or signed subject, None for a plain answer."""
    marks = (*_details(house, claim, mail), *thread.marks(mail.subject))
    found = (tokens.read(house.keyring, mark) for mark in marks)
    return next((token.verb for token in found if token is not None and token.verb != tokens.THREAD), None)


def bounced_letter(records: Records, house: House, claim: Accepted, mail: ParsedMail) -> int | None:
    """The outbox row that a delivery report is about: by the signed bounce address, else by a returned Message-ID that we gave."""
    for recipient in claim.envelope_to:
        found = house.detail(recipient)
        row = tokens.read_bounce(house.keyring, found[1]) if found and found[1] else None
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


def _nature(mail: ParsedMail, desk: Desk, *, own: bool) -> tuple[Nature, str]:
    verdict, because = mail.verdict, ",".join(mail.verdict.because)
    if mail.kind is Kind.BOUNCE or verdict.is_report:
        return Nature.REPORT, because or "report"
    if own or verdict.own_loop:
        return Nature.AUTOMATIC, "own-address" if own else because or "own-loop"
    if verdict.foreign_list and _listed(mail, desk):
        return Nature.HUMAN, ""
    if verdict.auto_generated and mail.kind not in (Kind.AUTO_REPLY, Kind.BULK) and not verdict.foreign_list:
        return Nature.ALARM, because or "auto-generated"
    if verdict.machine or mail.kind in (Kind.AUTO_REPLY, Kind.BULK, Kind.LOOP, Kind.SPAM):
        return Nature.AUTOMATIC, because or str(mail.kind)
    return Nature.HUMAN, ""


def _listed(mail: ParsedMail, desk: Desk) -> bool:
    """Whether the mail came through one of the desk's own lists."""
    listed = mail.marks.get("list-id", "").lower()
    return any(one.lower() in listed for one in desk.lists)


def _twin(records: Records, claim: Accepted, address: Address, strength: Strength) -> Twin | None:
    """An earlier mail of the same Message-ID by the same writer at the same level: of such a second copy nothing but a note is made."""
    if claim.message_id is None:
        return None
    since = claim.received_at - _FURTHER_COPY
    twins = records.twins(claim.desk, claim.message_id, claim.id, since)
    return next((one for one in twins if one.sender == address and one.strength == strength), None)


def _copied(house: House, mail: ParsedMail, person: Person) -> tuple[Address, ...]:
    named = (fold_address(one.address) for one in (*mail.to, *mail.cc))
    others = (one for one in named if house.detail(one) is None and one not in person.addresses)
    return tuple(dict.fromkeys(others))[:_MOST_COPIED]


def _told_today(records: Records, person: Person, now: datetime) -> bool:
    return Name.RECEIPT in records.told_since(person.addresses, now - timedelta(days=1))


def _silent(mail: ParsedMail) -> str:
    hops = sum(name == "received" for name, _ in mail.trace)
    return "many-hops" if hops > _MANY_HOPS else ""


def _flags(known: sender.Sender) -> tuple[str, ...]:
    return tuple(slug for slug, _ in known.findings if slug == "display-name-differs")


def _findings(
    mail: ParsedMail, known: sender.Sender, clue: Clue | None, rejected: Sequence[str], nature: Nature, because: str, *, proof: bool
) -> tuple[Finding, ...]:
    found = [Finding("read", str(mail.kind), ", ".join(mail.defects))]
    found += [Finding("sender", slug, why) for slug, why in known.findings]
    found.append(Finding("nature", nature, because))
    found += [Finding("clue", "rejected", why) for why in rejected]
    found.append(Finding("clue", clue.kind, f"ticket {clue.ticket} by {clue.found}") if clue else Finding("clue", "none"))
    if proof:
        found.append(Finding("sender", "token", "the token was given to this address"))
    return tuple(found)


def unreadable(situation: Situation, why: str) -> Situation:
    """The situation with words of our own in place of a text that nobody could read."""
    words = f"A mail from {situation.wrote.address} could not be read ({why}). The raw mail is kept."
    return replace(situation, wrote=replace(situation.wrote, text="", whole=words, copied=(), tap=None), ticket=None)
