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
from pathlib import Path
from random import Random

from sqlalchemy import select

from mailgate.desk.model import Address, Directory, Level, Organisation, Person, Role, State, Team
from mailgate.desk.plans import Category, Monitor, When
from mailgate.desk.policy import AssignBy, Policy, Security
from mailgate.desk.workflow import state_of
from mailgate.flow.intake import RawMail, take_in
from mailgate.store import outbox, schema
from tests.kit.office import START, Letter, Office, aligned, delivery_report, mail, reply, spoofed

# What no letter to anybody outside may ever contain.
CANARY = "CANARY4711"
# (team, level, how many work there): forty together.
_TEAMS = (("first", 1, 14), ("network", 2, 8), ("workplace", 2, 8), ("applications", 2, 6), ("third", 3, 4))
_FIRST = "Ada Ben Cleo Dan Eva Finn Gina Hal Ida Jan Kim Lea Max Nora Otto Pia Quinn Rosa Sam Tina".split()
_LAST = "Adler Berg Conti Duarte Engel Fischer Gruber Hansen".split()
_ABOUT = ("printer", "toner", "vpn", "wlan", "crm", "payroll", "password", "screen", "phone", "chair")
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_VENDOR, _MONITOR = Address("support@vendor.example"), Address("monitor@desk.example")

# What people outside do with a letter, by its name, with weights; and what they write then.
_REACTIONS = {
    "acknowledgement": ((90, ""), (3, "adds"), (1, "mutes"), (2, "status"), (1, "copies"), (1, "cancels"), (2, "absent")),
    "reply": ((35, "answers"), (25, "thanks"), (30, ""), (3, "status"), (3, "cancels"), (3, "absent"), (1, "bounces")),
    "question": ((70, "answers"), (22, ""), (4, "absent"), (2, "thanks"), (2, "cancels")),
    "reminder": ((40, "answers"), (60, "")),
    "resolved": ((35, "accepts"), (10, "taps accept"), (15, "thanks"), (8, "rejects"), (3, "answers"), (4, "misspells"), (25, "")),
    "closing_soon": ((20, "accepts"), (8, "rejects"), (72, "")),
    "closed": ((90, ""), (5, "thanks"), (3, "answers"), (2, "asks for status")),
    "escalated": ((90, ""), (10, "answers")),
}  # fmt: skip
_WORDS = {
    "adds": "It also makes a noise.", "mutes": "mute", "status": "status", "cancels": "cancel", "answers": "It is on the third floor.",
    "thanks": "Thanks a lot!", "accepts": "accept", "misspells": "I do not accept this, it still fails.",
    "copies": "cc add pal@acme.example", "asks for status": "#status",
}  # fmt: skip
# What technicians do with a ticket, with weights; and what they write then.
_ACTS = (
    (30, "answer"), (34, "resolve"), (12, "ask"), (4, "start"), (4, "set fields"), (4, "note"), (3, "escalate"), (2, "assign"),
    (2, "err"), (1, "misplace"), (1, "spam"), (2, "vendor"), (2, "close"), (1, "confidential"), (1, "copy in"), (1, "take"),
)  # fmt: skip
_ORDERS = {
    "answer": "We look into it.", "start": "#start", "take": "#take",
    "set fields": "#priority P2\n#tag seen\n#impact high\n#time 30m\n#due in 2d",
    "note": f"#note He calls every week. {CANARY}", "escalate": "#escalate", "err": f"#resolv Done. {CANARY}", "spam": "#spam",
    "misplace": f"It prints.\n#note Not for him. {CANARY}", "vendor": f"#escalate {_VENDOR} Which part is it?", "close": "#close",
    "confidential": "#confidential", "copy in": "#cc add boss@acme.example", "resolve": "#resolve It was the cable.",
    "ask": "#pending Which floor is it on?",
}  # fmt: skip


def month_office(folder: Path, url: str = "") -> Office:
    """A desk with forty technicians in five teams, least load first, rules of triage, and a border that checks senders."""
    policy = Policy(
        categories=(
            Category("Hardware/Printer", _subject("printer|toner"), team="workplace", service="Printing", impact=Level.LOW),
            Category("Network/VPN", _subject("vpn|wlan"), team="network", service="Network", urgency=Level.HIGH, tags=("remote",)),
            Category("Applications", _subject("crm|payroll"), team="applications", type="request"),
        ),
        assign_by=AssignBy.LEAST_LOAD,
        monitors=(Monitor("watch", re.compile(r"(host\d+) is"), re.compile("^RECOVERY")),),
    )  # fmt: skip
    return Office(folder, url, people=_directory(), policy=policy, security=Security(authserv_ids=("mx.desk.example",)))


def _subject(words: str) -> When:
    return When(subject=(re.compile(words, re.IGNORECASE),))


def _directory() -> Directory:
    people: list[Person] = []
    for team, _, size in _TEAMS:
        for number in range(size):
            at = len(people)
            first, last = _FIRST[at % len(_FIRST)], _LAST[at % len(_LAST)]
            role = Role.TECHNICIAN if number else Role.LEAD
            # Each sixth has a week off, one after the other.
            begin = START.date() + timedelta(days=at // 2)
            away = f"{begin}/{begin + timedelta(days=6)}" if at % 6 == 0 else None
            address = Address(f"{first}.{last}{at}@desk.example".lower())
            people.append(Person(address, f"{first} {last} {at}", role, team=team, language="de" if at % 3 == 0 else None, away=away))
    people.append(Person(Address("olga@desk.example"), "Olga Owner", Role.OWNER))
    people.append(Person(Address("max@desk.example"), "Max Manager", Role.MANAGER))
    teams = tuple(Team(name, level, next="third" if level == 2 else None) for name, level, _ in _TEAMS)
    return Directory(tuple(people), teams, (Organisation("Acme", ("acme.example",)),))


def is_away(person: Person, day: date) -> bool:
    """Whether this is a day of his week off."""
    first, _, last = (person.away or "/").partition("/")
    return first <= day.isoformat() <= last


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
        self._slot = slot
        self.office, self.chance, self.ends = office, Random(seed), office.now + days * _DAY
        self.did: Counter[str] = Counter()
        self.mails = 0
        self._agenda: list[_Due] = []
        self._numbers = iter(range(1, 10_000_000))
        self._arrived: list[RawMail] = []
        self._read_up_to = 0
        # The newest letter that each technician has of each ticket.
        self._mailboxes: dict[tuple[Address, int], _Seen] = {}
        self._staff = {one.address: one for one in office.people.people if one.staff}
        self._asking = [
            (f"{first}.{last}{number}".lower(), ("acme", "globex", "initech")[number % 3] + ".example", f"{first} {last}")
            for number, (first, last) in enumerate((f, s) for f in _FIRST for s in _LAST for _ in range(5))
        ]  # fmt: skip
        self._names = {Address(f"{local}@{domain}"): name for local, domain, name in self._asking}
        for _ in range(tickets):
            self._plan(office.now + self._working(days), self._asks)
        for _ in range(1 + tickets // 50):
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
            while self.office.keeper.tick():
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

    def _one_of(self, table: Sequence[tuple[int, str]]) -> str:
        did = self.chance.choices([word for _, word in table], [weight for weight, _ in table])[0]
        self.did[did] += 1
        return did

    # ------------------------------------------------------------------------------------------------------------- mails

    def _send(self, raw: bytes, sender: Address, *, proven: bool = True, envelope: str | None = "") -> None:
        raw = aligned(raw, sender.rpartition("@")[2]) if proven else raw
        self._arrived.append(RawMail(raw, "smtp", sender if envelope == "" else envelope, (self.office.desk.address,), "127.0.0.1"))

    def _mail(self, text: str, sender: Address, name: str, **parts: str) -> bytes:
        return mail(text, sender=sender, name=name, message_id=f"s{next(self._numbers)}@mua.example", **parts)

    def _answer(self, seen: _Seen, text: str, *, verb: str = "t", headers: str = "", whole: float = 0.1) -> bytes:
        """An answer to a letter, or a tap; now and then with the whole letter quoted below."""
        name = self._staff[seen.to].name if seen.to in self._staff else self._names.get(seen.to, "")
        if verb == "t" and self.chance.random() < whole:
            return reply(self._letter(seen), text, name=name, headers=headers)
        ids = f"In-Reply-To: <{seen.message_id}>\n{headers}" if verb == "t" else headers
        to = self.office.signed(seen.ticket, seen.to, verb)
        return self._mail(text, seen.to, name, to=to, subject=f"Re: [MG-{seen.ticket}] it" if verb == "t" else verb, headers=ids)

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
        local, domain, name = self.chance.choice(self._asking)
        who, about = Address(f"{local}@{domain}"), self.chance.choice(_ABOUT)
        german = self.chance.random() < 0.3
        text = f"Hier geht {about} nicht mehr, Fall {next(self._numbers)}." if german else f"My {about} fails, case {next(self._numbers)}."
        copied = f"{self.chance.choice(_FIRST).lower()}.copy@{domain}" if self.chance.random() < 0.05 else ""
        raw = self._mail(text, who, name, subject=f"{about} fails", cc=copied, headers="Content-Language: de" if german else "")
        did = self._one_of(((80, "asks"), (10, "asks unproven"), (5, "asks twice"), (5, "sends a copy")))
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
        self._send(spoofed(raw, who.rpartition("@")[2]) if self.chance.random() < 0.5 else raw, who, proven=False)
        self.did["forges"] += 1

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
        table = _REACTIONS.get(seen.name)
        did = self._one_of(table) if table else ""
        if did == "taps accept":
            self._soon(8, lambda: self._says(seen, "", verb="accept"))
        elif did == "rejects":
            self._soon(8, lambda: self._says(seen, "reject it fails again"))
        elif did == "absent":
            raw = self._answer(seen, "I am away.", headers="Auto-Submitted: auto-replied")
            self._soon(0.1, lambda: self._send(raw, seen.to, envelope=None))
        elif did == "bounces":
            report = delivery_report(self._letter(seen), status="4.2.2")
            self._soon(0.2, lambda: self._send(report, Address("mailer-daemon@out.example"), envelope=None))
        elif did:
            self._soon(10, lambda: self._says(seen, _WORDS[did]))

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
        return is_away(self._staff[who], self.office.now.date())

    def _works(self, told: _Seen) -> None:
        """A technician looks at a ticket of his, and does something about it."""
        ticket = self.office.ticket(told.ticket)
        if state_of(ticket.status) in (State.RESOLVED, State.CLOSED) or self._is_away(told.to):
            return
        # Some answer the first letter of the thread that they find, not the newest.
        seen = self._mailboxes[told.to, told.ticket] if self.chance.random() < 0.9 else told
        did = self._one_of(_ACTS)
        if did in ("start", "resolve", "ask", "take") and self.chance.random() < 0.25:
            verb = {"ask": "pending"}.get(did, did)
            self._says(seen, _ORDERS[did].partition(" ")[2], verb=verb)
        elif did == "assign":
            team = self.office.people.members(ticket.team) or tuple(self._staff.values())
            self._says(seen, f"#assign {self.chance.choice(team).address}")
        else:
            self._says(seen, _ORDERS[did])
        if did not in ("resolve", "close", "spam"):
            # Nobody forgets a ticket for ever.
            self._soon(48 if did in ("ask", "vendor", "answer") else 8, lambda: self._works(told))

    def _got(self, seen: _Seen) -> None:
        """A letter that asks for nothing gives somebody an idea now and then."""
        idea = self.chance.random() if seen.name == "receipt" else 1
        if 0.02 <= idea < 0.05:
            self.did["kb"] += 1
            self._soon(1, lambda: self._says(seen, "#kb"))
        elif 0.05 <= idea < 0.07:
            self.did["search"] += 1
            raw = self._mail(f"search: {self.chance.choice(_ABOUT)} cable", seen.to, self._staff[seen.to].name, subject="search")
            self._send(raw, seen.to)
        elif idea < 0.02:
            self.did["undo"] += 1
            self._soon(0.5, lambda: self._says(seen, "#undo"))
            self._soon(8, lambda: self._works(seen))

    # ----------------------------------------------------------------------------------------------------------- letters

    def _read(self) -> None:
        """Everybody reads the letters that were written since."""
        to_staff: dict[tuple[int, str], list[_Seen]] = defaultdict(list)
        for seen in self._new():
            if seen.to in self._staff:
                self._mailboxes[seen.to, seen.ticket] = seen
                if seen.name in ("new_ticket", "assigned", "requester_replied"):
                    to_staff[seen.ticket, seen.name].append(seen)
                else:
                    self._got(seen)
            elif seen.to == _VENDOR:
                self._helps(seen)
            elif seen.ticket and seen.to != _MONITOR:
                self._reacts(seen)
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
