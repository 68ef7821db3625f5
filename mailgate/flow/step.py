"""What becomes of the mails that wait? Claims a few, has them read, asks the desk about each, and writes the answers in one commit.

One bad mail undoes nothing of its neighbours': where one fails, the batch is done anew, each of them under a savepoint. Sends nothing; the
letters go out from the outbox.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk.decide import decide
from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.inbound import BLOCKED
from mailgate.desk.letters import Name
from mailgate.desk.model import Address, TicketId
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Undelivered
from mailgate.flow import digest, effect, journal
from mailgate.flow.cause import Cause
from mailgate.flow.clues import bounced_letter
from mailgate.flow.house import House
from mailgate.flow.records import Accepted
from mailgate.flow.seam import crash_point
from mailgate.flow.senders import Check, by_dns, checked
from mailgate.flow.understand import Situation, understand, unreadable
from mailgate.mail import thread
from mailgate.mail.authresults import Report
from mailgate.mail.compose import Enclosure
from mailgate.mail.isolate import Died
from mailgate.mail.parsed import Kind, ParsedMail
from mailgate.store import blocks, inbox, outbox, people, tickets
from mailgate.store.engine import Fenced, Lease, Store, Tx, savepoint
from mailgate.store.inbox import Claim, End, InboxState
from mailgate.store.records import Records

_AS_JSON = json.JSONEncoder(ensure_ascii=False).encode
BATCH = 20
LEASE = timedelta(minutes=5)
# So often the reader may die over a mail before the mail is put aside.
STRIKES = 3
# A claim that was found open so often, at starts or after trouble with the database, counts as the mail's own fault.
FOUND_OPEN = 5
# So long a follow-up waits for the mail that it answers, if that one is in the inbox too.
_PATIENCE = timedelta(seconds=60)
_MOMENT = timedelta(seconds=1)


class Reader(Protocol):
    """Whatever reads mails where they can do no harm: the child process."""

    def parse_all(self, raws: Sequence[bytes], timeout: float) -> list[ParsedMail | Died]:
        """For each mail what it says, or why its reader died; `timeout` seconds for each."""


# A claimed mail, what it says or why its reader died, and what a check of its sender found.
_Read = tuple[Claim, ParsedMail | Died, Report | None]


class _Spoilt(Exception):
    """One mail of a batch failed, and with it the transaction of all."""


class Worker(Struct, frozen=True):
    """Takes mails through the house. `owner` names this process in the leases; `clock` gives aware UTC."""

    store: Store
    house: House
    reader: Reader
    owner: str
    clock: Callable[[], datetime]
    # Whether a letter written now may be sent now; then it is born claimed, which saves a commit.
    may_send: Callable[[], bool]
    # Seconds that a mail may be read for.
    patience: float = 10.0
    # Looks who sent a mail, where policy asks for it; by default in the DNS.
    check: Check = by_dns

    def run(self, *, alone: bool = False) -> tuple[int, list[outbox.Posted]]:
        """Claims and processes what waits in the inbox: how many mails that were, and the letters to send at once."""
        claims = self.claim(alone=alone)
        return len(claims), self.process(claims)

    def claim(self, *, alone: bool = False) -> list[Claim]:
        """Takes some of the mails that wait in the inbox; `alone` prefers one that was tried before. Their attempt is committed."""
        lease = self.store.lease(self.owner, self.clock(), LEASE)
        with self.store.begin() as tx:
            claims = inbox.claim(tx, lease, BATCH, alone=alone)
            crash_point("CP18-claim")
        return claims

    def process(self, claims: Sequence[Claim]) -> list[outbox.Posted]:
        """Processes claimed mails in one commit; returns the letters that were claimed for sending at once."""
        if not claims:
            return []
        crash_point("CP19-claimed")
        read = self._read(claims)
        # Outside of every transaction, since others are asked.
        batch = list(zip(claims, read, checked(claims, read, self.house.security, self.check), strict=True))
        try:
            return self._commit(batch, _plainly)
        except _Spoilt:
            # Rare, and savepoints for all who need none would cost each mail a twentieth of its work.
            return self._commit(batch, self._guarded)

    def _commit(self, batch: Sequence[_Read], take: Callable[[Case, ParsedMail | Died], effect.Effect]) -> list[outbox.Posted]:
        """Has each mail taken to its end, all in one commit. Raises what `take` raises; then nothing has happened."""
        now = self.clock()
        lease = self.store.lease(self.owner, now, LEASE) if self.may_send() else None
        posted: list[outbox.Posted] = []
        with journal.on_commit(), self.store.begin() as tx:
            records = Records(tx, people.directory(tx, self.house.people))
            for claim, mail, report in batch:
                done = take(Case(records, self.house, claim, now, lease, report), mail)
                posted += done.posted
                if done.moved:
                    # The mails behind it find the people as they would had each come alone.
                    records = replace(records, people=people.everybody(tx, self.house.people))
            crash_point("CP21-before-commit")
        crash_point("CP22-after-commit")
        return posted

    def _read(self, claims: Sequence[Claim]) -> list[ParsedMail | Died]:
        """What each mail says. One that was tried more often than its reader may die has ended us, not its reader: it is not read again."""
        fit = [claim for claim in claims if claim.attempts <= STRIKES]
        read = dict(zip((claim.id for claim in fit), self.reader.parse_all([claim.raw for claim in fit], self.patience), strict=True))
        return [read.get(claim.id, Died("ended-the-daemon")) for claim in claims]

    def recover(self, hand: Sequence[Claim], tried: Sequence[Claim]) -> None:
        """After commits of which nobody heard whether they came true: what is claimed in our name and in nobody's hand is anybody's again.

        `hand` are all mails that are known to be ours; `tried` those of them whose letters may have been written without our knowledge.
        """
        now = self.clock()
        with self.store.begin() as tx:
            inbox.free(tx, self.owner, now, FOUND_OPEN, besides=[claim.id for claim in hand])
            outbox.free_of(tx, self.owner, [cause(claim).id for claim in tried], now)

    def _guarded(self, case: Case, mail: ParsedMail | Died) -> effect.Effect:
        """The mail by itself: where it fails, it alone waits."""
        claim = case.claim
        try:
            with journal.on_commit(), savepoint(case.tx):
                return step(case, mail)
        except Fenced as error:
            # Whoever holds the claim or changed the ticket meanwhile goes on; a ticket that moved is read again soon.
            journal.trouble(f"inbox {claim.id}", error)
        except Exception as error:
            # A fault of ours: no strike for the mail, no permanent answer, and its neighbours stay untouched.
            journal.trouble(f"inbox {claim.id}", error)
        self._later(case.tx, claim, case.now)
        return effect.Effect()

    def _later(self, tx: Tx, claim: Claim, now: datetime) -> None:
        try:
            with savepoint(tx):
                wait = min(_PATIENCE, _MOMENT * 2 ** min(claim.fence, 6))
                inbox.put_back(tx, claim, now + wait, strike=False)
        except Fenced as error:
            journal.trouble(f"inbox {claim.id}", error)


class Case(Struct, frozen=True):
    """A claimed mail on the table, with the transaction in which it is dealt with. With a lease its letters are born claimed."""

    records: Records
    house: House
    claim: Claim
    now: datetime
    lease: Lease | None
    checked: Report | None = None

    @property
    def tx(self) -> Tx:
        """The transaction."""
        return self.records.tx

    @property
    def rules(self) -> Rules:
        """The rules of the desk that the mail came to."""
        return self.house.rules(self.claim.desk, self.records.people)

    def understood(self, mail: ParsedMail) -> Situation:
        """The situation that the mail makes."""
        return understand(self.records, self.house, accepted(self.claim), mail, self.now, self.checked)


def _plainly(case: Case, mail: ParsedMail | Died) -> effect.Effect:
    try:
        return step(case, mail)
    except Exception as error:
        raise _Spoilt from error


def step(case: Case, mail: ParsedMail | Died) -> effect.Effect:
    """Takes one claimed mail to its end state, inside the caller's transaction."""
    if isinstance(mail, Died):
        return _struck(case, mail)
    if _waits_for_original(case, mail):
        inbox.put_back(case.tx, case.claim, case.now + _MOMENT, strike=False)
        journal.parked(case.claim.id, "original-first")
        return effect.Effect()
    situation = case.understood(mail)
    if mail.kind is Kind.BOUNCE or mail.bounce is not None:
        return _bounce(case, mail, situation)
    if mail.kind is Kind.UNREADABLE:
        return _quarantine(case, mail, situation, ", ".join(mail.defects) or "unreadable")
    decision = decide(situation.ticket, situation.wrote, situation.rules, case.now)
    done = _carry_out(case, mail, situation, decision)
    if decision.again is not None:
        inbox.again(case.tx, decision.again, case.now)
    _finish(case, _state(decision), situation, decision, done)
    return done


def _state(decision: Decision) -> InboxState:
    match decision.outcome:
        case Outcome.HELD:
            return InboxState.HELD
        case Outcome.IGNORED:
            return InboxState.IGNORED
        case _:
            return InboxState.DONE


def _waits_for_original(case: Case, mail: ParsedMail) -> bool:
    """A follow-up lets the mail that it answers go first, or one conversation would become two tickets."""
    claim = case.claim
    if case.now - claim.received_at > _PATIENCE:
        return False
    ids = [one for one in thread.mentioned(mail) if one != claim.message_id]
    return bool(ids) and bool(inbox.unread(case.tx, claim.desk, ids, claim.id))


def _carry_out(case: Case, mail: ParsedMail, situation: Situation, decision: Decision) -> effect.Effect:
    claim, wrote = case.claim, situation.wrote
    # What changes nothing on the ticket that a clue named is not about that ticket either: its letters must not bear its number.
    before = situation.ticket if decision.events and not decision.opens else None
    attaches = any(letter.attach for letter in decision.letters)
    source = effect.Source(
        claim.id, wrote.person.address, wrote.person.name, mail.message_id, _ids(mail, situation, decision),
        tuple(tickets.File(one.filename, one.content_type, one.size, one.sha256, one.inline, one.content_id, one.part)
              for one in mail.attachments),
        _enclosures(mail) if attaches else (), wrote.strength.trusted, situation.silent, wrote.language,
    )  # fmt: skip
    rules = situation.rules if before else situation.rules.at(claim.desk)
    return effect.carry_out(case.tx, case.house, rules, before, decision, cause(claim), case.now, source=source, lease=case.lease)


def _ids(mail: ParsedMail, situation: Situation, decision: Decision) -> tuple[str, ...]:
    """The Message-IDs that lead to the mail's ticket from now on. No mention takes an id away from another ticket that has it already.

    A ticket that follows a closed one is its heir; one that a stranger opened with the clue of another's ticket is nobody's.
    """
    old = situation.ticket if decision.reason != "clue-of-a-stranger" else None
    taken = {one.message_id for one in situation.bearers if old is None or one.ticket != old.id}
    return tuple(one for one in thread.carried(mail) if one not in taken)


def _enclosures(mail: ParsedMail) -> tuple[Enclosure, ...]:
    return tuple(Enclosure(one.filename, one.content_type, one.octets) for one in mail.attachments if one.octets is not None)


def accepted(claim: Claim) -> Accepted:
    """What is known of the claimed mail beside its octets."""
    return Accepted(
        claim.id, claim.desk, claim.message_id, claim.envelope_from, claim.envelope_to, claim.submission, claim.received_at,
        claim.released, claim.attach_to, claim.raw,
    )  # fmt: skip


def cause(claim: Claim) -> Cause:
    """What the effects of a mail follow from. Each round that an operator asked for has effects of its own."""
    return Cause("inbox", f"{claim.id}.{claim.round}" if claim.round else str(claim.id))


def _finish(case: Case, state: InboxState, situation: Situation, decision: Decision, done: effect.Effect) -> None:
    claim = case.claim
    ticket = done.ticket.id if done.ticket else None
    wrote = situation.wrote
    if state is InboxState.HELD:
        digest.expect(case.tx, case.rules, case.now)
    elif decision.reason == BLOCKED:
        blocks.kept_away(case.tx, wrote.blocked, case.now)
    inbox.finish(case.tx, claim, End(state, decision.reason, ticket, wrote.address, wrote.strength, _trail(decision, done)), case.now)
    if state is not InboxState.DONE:
        journal.parked(claim.id, decision.reason, state=state, ticket=ticket)
    elif ticket is not None:
        verbs = ",".join(event.verb for event in ((decision.opens, *decision.events) if decision.opens else decision.events))
        journal.changed(f"inbox:{claim.id}", ticket, decision.outcome, verbs, len(decision.letters) - len(done.suppressed))
    if decision.refusals:
        journal.refused(f"inbox:{claim.id}", ticket, ",".join(refusal.slug for refusal in decision.refusals))
    for letter, reason in done.suppressed:
        journal.suppressed(f"inbox:{claim.id}", letter.name, reason)


def _trail(decision: Decision, done: effect.Effect) -> str:
    """The reasons, as JSON: kept with the mail, and printed by `mailgate inbox show`."""
    found = [[one.step, one.finding, one.because] for one in decision.trail]
    found.append(["decision", decision.outcome, decision.reason])
    found += [["letter", letter.name, f"not sent: {reason}"] for letter, reason in done.suppressed]
    return _AS_JSON(found)


# ----------------------------------------------------------------------------------------------------- reports and poison


def _bounce(case: Case, mail: ParsedMail, situation: Situation) -> effect.Effect:
    """A delivery report counts only for a letter of ours that it proves to be about; it opens no ticket and answers nobody."""
    report, number = mail.bounce, bounced_letter(case.records, case.house, accepted(case.claim), mail)
    letter = outbox.get(case.tx, number) if number is not None else None
    if letter is None or report is None:
        _reported(case, situation, InboxState.IGNORED, "forged_dsn", None, "no letter of ours is proven")
        return effect.Effect()
    done = effect.Effect()
    said = " ".join(filter(None, (report.action, report.status, report.recipient)))
    first = report.final and outbox.bounced(case.tx, letter.id, said, case.now)
    if first:
        journal.bounced(letter.id, case.claim.id, report.status or "")
        done = _undelivered(case, letter, said, hard=report.hard)
    reason = "bounce" if first else "bounce-again" if report.final else "delivered" if report.arrived else "delayed"
    _reported(case, situation, InboxState.DONE, reason, letter.ticket or None, f"outbox {letter.id}: {said}")
    return done


def _reported(case: Case, situation: Situation, state: InboxState, reason: str, ticket: TicketId | None, because: str) -> None:
    """A report reaches its end."""
    trail = _AS_JSON([["bounce", reason, because]])
    end = End(state, reason, ticket, situation.wrote.address, situation.wrote.strength, trail)
    inbox.finish(case.tx, case.claim, end, case.now)
    journal.parked(case.claim.id, reason, state=state, ticket=ticket)


def _undelivered(case: Case, letter: outbox.Row, said: str, *, hard: bool) -> effect.Effect:
    tx, house = case.tx, case.house
    # Where only the way was barred, the next letter may find it open.
    if hard and house.people.find(letter.recipient) is None:
        people.suppress(tx, Address(letter.recipient), said, case.now)
    ticket = tickets.get(tx, letter.ticket, lock=True) if letter.ticket else None
    if ticket is None:
        return effect.Effect()
    rules = house.rules(ticket.desk, case.records.people)
    decision = decide(ticket, Undelivered(Name(letter.letter), letter.recipient, said), rules, case.now)
    return effect.carry_out(tx, house, rules, ticket, decision, cause(case.claim), case.now, lease=case.lease)


def _struck(case: Case, died: Died) -> effect.Effect:
    """The reader died over this mail: another try alone, and after the last one the mail is put aside for a human."""
    claim = case.claim
    journal.struck(claim.id, claim.attempts, died.reason)
    if claim.attempts < STRIKES:
        inbox.put_back(case.tx, claim, case.now + _MOMENT * claim.attempts, strike=True)
        return effect.Effect()
    # All other mails are read by the child: only for such a one is the room that reads them needed here.
    from mailgate.mail import parse

    mail = parse.unreadable(claim.raw, died.reason)
    return _quarantine(case, mail, case.understood(mail), died.reason)


def _quarantine(case: Case, mail: ParsedMail, situation: Situation, why: str) -> effect.Effect:
    """The mail is kept and not read; a stub ticket tells the technicians, so that nobody is ignored."""
    stub = unreadable(situation, why)
    decision = decide(stub.ticket, stub.wrote, stub.rules, case.now)
    done = _carry_out(case, mail, stub, decision)
    if decision.reason == BLOCKED:
        _finish(case, InboxState.IGNORED, stub, decision, done)
        return effect.Effect()
    digest.expect(case.tx, case.rules, case.now)
    trail = _trail(decision.noting("read", "unreadable", why), done)
    ticket = done.ticket.id if done.ticket else None
    end = End(InboxState.QUARANTINED, why, ticket, stub.wrote.address, stub.wrote.strength, trail)
    inbox.finish(case.tx, case.claim, end, case.now)
    crash_point("CP25-quarantining")
    journal.parked(case.claim.id, why, state=InboxState.QUARANTINED, ticket=ticket)
    return done
