"""What happens to a desk in a month? Forty technicians and whoever needs them, with their habits, on the office's clock, by seeded chance.

They write mails and read letters as people do: some answer at once and some never, some take back what they said, some are away and their
machines answer, some write what they should not. What must hold at the end is `proofs`' question.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from heapq import heappop, heappush
from random import Random
from urllib.parse import unquote

from sqlalchemy import select

from mailgate.desk.model import Address, State
from mailgate.desk.workflow import state_of
from mailgate.flow.indexing import Indexer
from mailgate.flow.intake import RawMail, take_in
from mailgate.store import outbox, schema
from tests.kit.habits import ABOUT, ACTS, ASKS, CANARY, DECIDES, ENDS, FORGES, HELD_BACK, ORDERS, REACTIONS, VENDOR, WAITS, WORDS, Weights
from tests.kit.office import DESK, Letter, Office, aligned, delivery_report, mail, reply, spoofed
from tests.kit.staffing import FIRST, HR, OLGA, asking, is_away

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_MONITOR = Address("monitor@desk.example")
_DESKS = {DESK.name: DESK.address, HR.name: HR.address}
# What an order is for: the buttons that do the same.
_TAPS = {"ask": "pending", "start": "start", "resolve": "resolve", "take": "take"}
# What approvers get, and what they tap.
_ASKS_APPROVERS = ("approval_request", "approval_reminder", "decision")
_BUTTONS = {"taps approve": "approve", "disowns": "disown"}
_BUTTON = re.compile(r"<mailto:([^?>]*?\+(\w+)\.(\d+)\.[^?>]*)\?([^>]*)>")


@dataclass(order=True)
class _Due:
    at: datetime
    number: int
    act: Callable[[], None] = field(compare=False)


@dataclass(frozen=True)
class _Seen:
    """A letter as somebody found it in his mailbox."""

    row: int
    ticket: int
    name: str
    to: Address
    message_id: str


class Month:
    """The people around an office, and what they do for `days` days in which `tickets` requests are made.

    Mails that come within one `slot` are taken in together.
    """

    def __init__(self, office: Office, seed: int, tickets: int, days: int = 30, slot: timedelta = _HOUR / 2) -> None:
        self._slot, self.tickets = slot, tickets
        self.office, self.chance, self.ends = office, Random(seed), office.now + days * _DAY
        self.did: Counter[str] = Counter()
        self.mails = 0
        self._agenda: list[_Due] = []
        self._numbers = iter(range(1, 10_000_000))
        self._arrived: list[RawMail] = []
        self._read_up_to = self._held_up_to = 0
        self._back: dict[Address, date] = {}
        self._known: dict[Address, list[int]] = defaultdict(list)
        # The newest letter that each technician has of each ticket.
        self._mailboxes: dict[tuple[Address, int], _Seen] = {}
        self._staff = {one.address: one for one in office.people.people if one.staff}
        self._asking = asking()
        self._names = dict(self._asking)
        self._german = {who for number, (who, _) in enumerate(self._asking) if number // 5 % 3 == 0}
        self._german |= {who for who, one in self._staff.items() if one.language == "de"}
        for _ in range(tickets):
            self._plan(office.now + self._working(days), self._asks)
        for _ in range(8 + tickets // 25):
            for act in (self._strays, self._forges, self._alarms):
                self._plan(office.now + self._working(days), act)

    # --------------------------------------------------------------------------------------------------------- the clock

    def run(self) -> None:
        """Lives through the month: mails arrive, letters are read, timers fire."""
        while self._agenda and self._agenda[0].at < self.ends:
            self._until(self._agenda[0].at)
            while self._agenda and self._agenda[0].at <= self.office.now + self._slot:
                heappop(self._agenda).act()
            self._hand_over()
        self._until(self.ends)

    def _until(self, at: datetime) -> None:
        """Goes on to this time; what comes due on the way is fired no more than half a day late, and read."""
        while self.office.now < at:
            self.office.now = min(at, self.office.now + _DAY / 2)
            while self.office.keeper.tick() or Indexer(self.office.store).tick():
                pass
            self._read()

    def _hand_over(self) -> None:
        if self._arrived:
            self.mails += len(self._arrived)
            take_in(self.office.store, self.office.house, self._arrived, self.office.now)
            self._arrived = []
            self.office.work()
        self._read()

    def _plan(self, at: datetime, act: Callable[[], None]) -> None:
        heappush(self._agenda, _Due(at, next(self._numbers), act))

    def _soon(self, hours: float, act: Callable[[], None]) -> None:
        """About so many hours from now."""
        self._plan(self.office.now + self.chance.lognormvariate(0, 0.7) * hours * _HOUR, act)

    def _working(self, days: int) -> timedelta:
        """Some moment, mostly of a working day."""
        at = timedelta(days=self.chance.randrange(days), hours=self.chance.triangular(6, 20, 10))
        return at + 2 * _DAY if (self.office.now + at).weekday() > 4 and self.chance.random() < 0.8 else at

    def _one_of(self, table: Weights) -> str:
        """By weight; now and then something that nobody has done yet, so that also a quiet month has all of it."""
        new = [word for _, word in table if not self.did[word]]
        if new and self.chance.random() < 0.5:
            did = self.chance.choice(new)
        else:
            did = self.chance.choices([word for _, word in table], [weight for weight, _ in table])[0]
        self.did[did] += 1
        return did

    # ------------------------------------------------------------------------------------------------------------- mails

    def _send(self, raw: bytes, sender: Address, *, proven: bool = True, envelope: str | None = "") -> None:
        raw = aligned(raw, sender.rpartition("@")[2]) if proven else raw
        to = (re.search(rb"^To: ([^\r]*)", raw, re.MULTILINE) or [b"", b""])[1].decode().split(", ")
        self._arrived.append(RawMail(raw, "smtp", sender if envelope == "" else envelope, tuple(to), "127.0.0.1"))

    def _mail(self, text: str, sender: Address, name: str, **parts: str) -> bytes:
        return mail(text, sender=sender, name=name, message_id=f"s{next(self._numbers)}@mua.example", **parts)

    def _answer(self, seen: _Seen, text: str, *, verb: str = "t", headers: str = "", whole: float = 0.1) -> bytes:
        """An answer to a letter, or a tap; now and then with the whole letter quoted below."""
        name = self._staff[seen.to].name if seen.to in self._staff else self._names.get(seen.to, "")
        if verb == "t" and seen.message_id and self.chance.random() < whole:
            return reply(self._letter(seen), text, name=name, headers=headers)
        ids = f"In-Reply-To: <{seen.message_id}>\n{headers}" if verb == "t" and seen.message_id else headers
        if seen.name in _ASKS_APPROVERS:
            # His marks are of one round.
            letter = self._letter(seen)
            to = letter.reply_to if verb == "t" else letter.tap(verb)
            return self._mail(text, seen.to, name, to=to, subject=letter.subject, headers=ids)
        to = self.office.signed(seen.ticket, seen.to, verb)
        if self.chance.random() < 0.7:
            # Some answer to where the ticket was before it was moved.
            to = to.replace("desk+", f"{_DESKS[self.office.ticket(seen.ticket).desk].partition('@')[0]}+")
        return self._mail(text, seen.to, name, to=to, subject=f"Re: [MG-{seen.ticket}] it" if verb == "t" else verb, headers=ids)

    def _language(self, who: Address) -> str:
        return "de" if who in self._german else "en"

    def _letter(self, seen: _Seen) -> Letter:
        with self.office.store.look() as tx:
            return Letter(outbox.rows(tx, ids=(seen.row,))[0], outbox.octets(tx, seen.row) or b"")

    def _says(self, seen: _Seen, text: str, *, verb: str = "t", headers: str = "") -> None:
        # One in ten writes from where nobody checks: the address in our letter is his proof, unless he works here.
        self._send(
            self._answer(seen, text, verb=verb, headers=headers), seen.to, proven=seen.to in self._staff or self.chance.random() < 0.9
        )

    # ----------------------------------------------------------------------------------------------------- those who ask

    def _asks(self) -> None:
        who, name = self.chance.choice(self._asking)
        about, german, did = self.chance.choice(ABOUT), who in self._german, self._one_of(ASKS)
        text = f"Hier geht {about} nicht mehr, Fall {next(self._numbers)}." if german else f"My {about} fails, case {next(self._numbers)}."
        copied = f"{self.chance.choice(FIRST).lower()}.copy@{who.rpartition('@')[2]}" if self.chance.random() < 0.05 else ""
        to = {"asks personnel": HR.address, "asks both desks": f"{DESK.address}, {HR.address}"}.get(did, DESK.address)
        language = "Content-Language: de" if german else ""
        raw = self._mail(text, who, name, to=to, subject=f"{about} fails", cc=copied, headers=language)
        self._send(raw, who, proven=did != "asks unproven")
        if did == "asks twice":
            self._soon(0.05, lambda: self._send(raw, who))
        elif did == "sends a copy":
            # The same mail by another way: another hop, the same Message-ID.
            self._send(b"Received: from list.example; Mon, 2 Mar 2026 09:00:01 +0000\r\n" + raw, who)

    def _strays(self) -> None:
        """A stranger names somebody's ticket."""
        who = Address(f"stray{next(self._numbers)}@else.example")
        count = max(1, self.office.count())
        self._send(self._mail("What about this?", who, "Stray", subject=f"[MG-{self.chance.randint(1, count)}] this"), who)
        self.did["strays"] += 1

    def _forges(self) -> None:
        """Somebody writes in the name of a technician, or of a requester whose domain says that he does not."""
        number = self.chance.randint(1, max(1, self.office.count()))
        who = self.chance.choice([*self._staff, *self._names])
        raw = self._mail("#close", who, "Forger", subject=f"[MG-{number}] it")
        self._send(spoofed(raw, who.rpartition("@")[2]) if self._one_of(FORGES) == "forges badly" else raw, who, proven=False)

    def _alarms(self) -> None:
        """Something that is watched goes down, is told of again, and mostly comes back."""
        host = f"host{self.chance.randrange(50)}"
        self._watches(f"PROBLEM: {host} is DOWN")
        self._soon(1, lambda: self._watches(f"PROBLEM: {host} is DOWN"))
        if self.chance.random() < 0.8:
            self._soon(5, lambda: self._watches(f"RECOVERY: {host} is UP"))

    def _watches(self, says: str) -> None:
        raw = self._mail("Seen from here.", _MONITOR, "Monitor", subject=says, headers="Auto-Submitted: auto-generated")
        self._send(raw, _MONITOR)
        self.did["alarms"] += 1

    def _reacts(self, seen: _Seen) -> None:
        """Somebody outside reads a letter, and may write."""
        table = REACTIONS.get(seen.name)
        did = self._one_of(table) if table else ""
        if did == "taps accept":
            self._soon(8, lambda: self._says(seen, "", verb="accept"))
        elif did in _BUTTONS:
            self._soon(8, lambda: self._says(seen, "", verb=_BUTTONS[did]))
        elif did == "absent":
            raw = self._answer(seen, "I am away.", headers="Auto-Submitted: auto-replied")
            self._soon(0.1, lambda: self._send(raw, seen.to, envelope=None))
        elif did == "bounces":
            report = delivery_report(self._letter(seen), status="4.2.2")
            self._soon(0.2, lambda: self._send(report, Address("mailer-daemon@out.example"), envelope=None))
        elif did:
            self._soon(10, lambda: self._says(seen, WORDS[self._language(seen.to)][did]))

    def _helps(self, seen: _Seen) -> None:
        """The vendor's machine says that it has a case, and a day later a human answers."""
        if self.chance.random() < 0.5:
            self._soon(0.1, lambda: self._says(seen, "We have opened a case.", headers="Auto-Submitted: auto-replied"))
        if self.chance.random() < 0.8:
            self._soon(20, lambda: self._says(seen, f"You need a part. {CANARY}"))

    # ----------------------------------------------------------------------------------------------------- those who help

    def _has_to_work(self, told: Sequence[_Seen]) -> None:
        """Of those who got the same letter one does something, sometimes two."""
        there = [one for one in told if not self._is_away(one.to)]
        for one in told:
            if self._is_away(one.to) and self.chance.random() < 0.3:
                self._absent(one)
        if not there:
            # Whoever is away finds it when he is back.
            self._plan(self.office.now + 7 * _DAY, lambda: self._works(self.chance.choice(told)))
            return
        for one in self.chance.sample(there, 2 if len(there) > 1 and self.chance.random() < 0.2 else 1):
            self._soon(4, lambda one=one: self._works(one))  # type: ignore[misc]

    def _absent(self, seen: _Seen) -> None:
        raw = self._answer(seen, "I am on holiday.", headers="Auto-Submitted: auto-replied")
        self._soon(0.1, lambda: self._send(raw, seen.to, envelope=None))
        self.did["technician absent"] += 1

    def _is_away(self, who: Address) -> bool:
        today = self.office.now.date()
        return is_away(self._staff[who], today) or today <= self._back.get(who, date.min)

    def _works(self, told: _Seen) -> None:
        """A technician looks at a ticket of his, and does something about it."""
        ticket = self.office.ticket(told.ticket)
        if state_of(ticket.status) in (State.RESOLVED, State.CLOSED) or self._is_away(told.to):
            return
        # Some answer the first letter of the thread that they find, not the newest.
        seen = self._mailboxes.get((told.to, told.ticket), told) if self.chance.random() < 0.9 else told
        did = self._one_of(ACTS)
        if did in _TAPS and self.chance.random() < 0.25:
            self._says(seen, self._order(seen, did).partition(" ")[2], verb=_TAPS[did])
        elif did in ("merge", "link") and self.chance.random() < 0.3:
            self._says(seen, str(self._other(seen)), verb=did)
        else:
            self._says(seen, self._order(seen, did))
        if did == "go away" and self.chance.random() < 0.3:
            self._plan(self.office.now + _DAY, lambda: self._is_back(seen))
        if did not in ENDS:
            # Nobody forgets a ticket for ever.
            self._soon(48 if did in WAITS else 8, lambda: self._works(told))

    def _order(self, seen: _Seen, did: str) -> str:
        words, ticket = ORDERS[self._language(seen.to)][did], self.office.ticket(seen.ticket)
        until = (self.office.now + self.chance.randint(1, 5) * _DAY).date()
        if did == "go away":
            self._back[seen.to] = until
        return words.format(
            remark=f"remark-{next(self._numbers)}.", canary=CANARY, until=until, vendor=VENDOR,
            other=self._other(seen) if "{other}" in words else "", desk=HR.name if ticket.desk == DESK.name else DESK.name,
            colleague=self.chance.choice(self.office.people.members(ticket.team) or tuple(self._staff.values())).address,
        )  # fmt: skip

    def _other(self, seen: _Seen) -> int:
        """Another ticket that he has heard of lately, mostly one that goes on, or just some number."""
        heard = [self.office.ticket(one) for one in dict.fromkeys(self._known[seen.to][-20:]) if one != seen.ticket]
        alive = [one.id for one in heard if state_of(one.status) is not State.CLOSED and one.desk == self.office.ticket(seen.ticket).desk]
        return self.chance.choice(alive) if alive and self.chance.random() < 0.9 else self.chance.randint(1, self.office.count())

    def _is_back(self, seen: _Seen) -> None:
        """Sooner than he thought."""
        self.did["back"] += 1
        del self._back[seen.to]
        self._says(seen, self._order(seen, "back"))

    def _got(self, seen: _Seen) -> None:
        """A letter that asks for nothing gives somebody an idea now and then."""
        idea = self.chance.random() if seen.name == "receipt" else 1
        if 0.02 <= idea < 0.05:
            self.did["kb"] += 1
            self._soon(1, lambda: self._says(seen, self._order(seen, "kb")))
        elif 0.05 <= idea < 0.07:
            self.did["search"] += 1
            raw = self._mail(f"search: {self.chance.choice(ABOUT)} cable", seen.to, self._staff[seen.to].name, subject="search")
            self._send(raw, seen.to)
        elif idea < 0.02:
            self.did["undo"] += 1
            self._soon(0.5, lambda: self._says(seen, self._order(seen, "undo")))
            self._soon(8, lambda: self._works(seen))

    def _takes_over(self, seen: _Seen) -> None:
        """He reads which tickets are his now because a colleague is away."""
        self.did["handover"] += 1
        for number in sorted({int(one) for one in re.findall(r"(?:MG|HR)-(\d+) P\d", self._letter(seen).text)}):
            told = _Seen(seen.row, number, seen.name, seen.to, "")
            self._known[seen.to].append(number)
            self._soon(8, lambda told=told: self._works(told))  # type: ignore[misc]

    def _crossed(self, ticket: int, who: Address) -> None:
        """His answer was held back, since a colleague's came first."""
        seen, did = self._mailboxes[who, ticket], self._one_of(HELD_BACK)
        if did == "sends after all":
            self._soon(1, lambda: self._says(seen, self._order(seen, "send")))
        elif did == "taps send":
            self._soon(1, lambda: self._says(seen, "", verb="send"))
        elif did == "writes anew":
            self._soon(1, lambda: self._says(seen, self._order(seen, "answer")))

    def _decides(self, seen: _Seen) -> None:
        """The owner says what becomes of the mails that are held, by a tap for each, or in words for all."""
        letter, words = self._letter(seen), []
        buttons = {(verb, row): (to, body) for to, verb, row, body in _BUTTON.findall(letter.text)}
        for row in dict.fromkeys(row for _, row in buttons):
            did, number = self._one_of(DECIDES), str(self.chance.randint(1, self.office.count()))
            words += [f"{did} {row}{f' to {number}' if did == 'attach' else ''}"] if did != "leaves" else []
            if did != "leaves":
                to, fields = buttons[did, row]
                body = unquote(dict(one.split("=", 1) for one in fields.split("&")).get("body", ""))
                text = body + (number if did == "attach" else "")
                self._soon(2, lambda to=to, text=text: self._send(self._mail(text, OLGA.address, "", to=unquote(to)), OLGA.address))  # type: ignore[misc]
        if words and self.chance.random() < 0.3:
            self._send(reply(letter, "\n".join(words), sender=OLGA.address, name=""), OLGA.address)

    # ----------------------------------------------------------------------------------------------------------- letters

    def _read(self) -> None:
        """Everybody reads the letters that were written since."""
        to_staff: dict[tuple[int, str], list[_Seen]] = defaultdict(list)
        for seen in self._new():
            if seen.to in self._staff and seen.ticket:
                self._mailboxes[seen.to, seen.ticket] = seen
                if seen.name in ("new_ticket", "assigned", "requester_replied"):
                    self._known[seen.to].append(seen.ticket)
                    to_staff[seen.ticket, seen.name].append(seen)
                else:
                    self._got(seen)
            elif seen.name == "handover":
                self._takes_over(seen)
            elif seen.name == "held":
                self._decides(seen)
            elif seen.to == VENDOR:
                self._helps(seen)
            elif seen.ticket and seen.to != _MONITOR:
                self._reacts(seen)
        for ticket, who in self._held_back():
            self._crossed(ticket, who)
        for told in to_staff.values():
            self._has_to_work(told)

    def _new(self) -> Iterator[_Seen]:
        table = schema.outbox
        statement = (
            select(table.c.id, table.c.ticket, table.c.letter, table.c.recipient, table.c.message_id)
            .where(table.c.id > self._read_up_to, table.c.state == "queued").order_by(table.c.id)
        )  # fmt: skip
        with self.office.store.look() as tx:
            found = [_Seen(*row) for row in tx.execute(statement)]
        self._read_up_to = found[-1].row if found else self._read_up_to
        return iter(found)

    def _held_back(self) -> list[tuple[int, Address]]:
        """Whose answers to which tickets were held back since."""
        table = schema.events
        statement = select(table.c.id, table.c.ticket, table.c.actor).where(table.c.id > self._held_up_to, table.c.verb == "held")
        with self.office.store.look() as tx:
            found = tx.execute(statement.order_by(table.c.id)).all()
        self._held_up_to = found[-1].id if found else self._held_up_to
        return [(row.ticket, Address(row.actor)) for row in found]
