"""A whole desk in one process, without a socket and with a clock that tests turn: mails go in as octets, letters come out as octets.

What stories are told with. Only the protocols are missing; store, reading, rules and letters are the real ones.
"""

from __future__ import annotations

import email
import email.header
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import parseaddr
from pathlib import Path

from mailgate.desk.model import Address, Directory, Person, Role, Team, Ticket, TicketId
from mailgate.desk.policy import Desk, Policy, Security
from mailgate.desk.tokens import Keyring
from mailgate.flow.house import House
from mailgate.flow.intake import RawMail, take_in
from mailgate.flow.step import Worker
from mailgate.flow.timers import Timekeeper
from mailgate.mail.isolate import Died
from mailgate.mail.letters import Templates, packaged
from mailgate.mail.parse import parse
from mailgate.mail.parsed import ParsedMail
from mailgate.store import audit, inbox, outbox, story, tickets
from mailgate.store.engine import Store
from mailgate.store.migrate import migrate

TINA = Person(Address("tina@desk.example"), "Tina Turner", Role.TECHNICIAN, team="first")
TOM = Person(Address("tom@desk.example"), "Tom Thumb", Role.TECHNICIAN, team="first")
OLGA = Person(Address("olga@desk.example"), "Olga Owner", Role.OWNER)
MAX = Person(Address("max@desk.example"), "Max Manager", Role.MANAGER)
PEOPLE = Directory((TINA, TOM, OLGA, MAX), (Team("first"),))
DESK = Desk(name="Service Desk", address=Address("desk@desk.example"))
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class InProcess:
    """Reads mails without a child process: for mails that do no harm."""

    def parse_all(self, raws: Sequence[bytes]) -> list[ParsedMail | Died]:
        """What each of them says."""
        return [parse(raw) for raw in raws]


@dataclass
class Office:
    """A desk with two technicians, an owner and a manager. `now` is its clock."""

    folder: Path
    url: str = ""
    people: Directory = PEOPLE
    policy: Policy = field(default_factory=Policy)
    security: Security = field(default_factory=Security)
    desk: Desk = DESK
    now: datetime = START
    keyring: Keyring = field(default_factory=lambda: Keyring((b"k" * 32,)))

    def __post_init__(self) -> None:
        self.store = Store(self.url or f"sqlite:///{self.folder / 'office.db'}")
        migrate(self.store)
        self._templates = Templates([packaged()])
        self._seen = 0
        self.rebuild()

    def rebuild(self) -> None:
        """Takes up changed people, policy, security or keys, as a restart would."""
        self.house = House((self.desk,), self.policy, self.security, self.people, self.keyring, self._templates, "0123456789abcdef")
        self.worker = Worker(self.store, self.house, InProcess(), "office", lambda: self.now, lambda: False)
        self.keeper = Timekeeper(self.store, self.house, lambda: self.now)

    def close(self) -> None:
        """Closes the database."""
        self.store.close()

    def receive(self, raw: bytes, *, sender: str = "someone@out.example", to: Sequence[str] = (), submission: bool = False) -> int:
        """One mail arrives and waits; its inbox row."""
        mail = RawMail(raw, "smtp", sender, tuple(to) or (self.desk.address,), "127.0.0.1", submission)
        return take_in(self.store, self.house, [mail], self.now)[0].inbox_id

    def work(self) -> None:
        """Everything that waits in the inbox is processed."""
        for alone in (False, True) * 5:
            self.worker.run(alone=alone)

    def post(self, raw: bytes, *, sender: str = "someone@out.example", to: Sequence[str] = (), submission: bool = False) -> inbox.Row:
        """One mail arrives and is processed; its inbox row as it stands then."""
        row = self.receive(raw, sender=sender, to=to, submission=submission)
        self.work()
        return self.row(row)

    def row(self, number: int) -> inbox.Row:
        """An inbox row."""
        with self.store.look() as tx:
            return inbox.rows(tx, ids=[number])[0]

    def ticket(self, number: int = 1) -> Ticket:
        """A ticket as it is saved. Raises AssertionError where there is none."""
        with self.store.look() as tx:
            found = tickets.get(tx, TicketId(number))
        assert found is not None, f"no ticket {number}"
        return found

    def story(self, number: int = 1) -> story.Story:
        """A ticket with everything around it."""
        with self.store.look() as tx:
            told = story.tell(tx, TicketId(number))
        assert told is not None, f"no ticket {number}"
        return told

    def count(self) -> int:
        """How many tickets there are."""
        with self.store.look() as tx:
            return len(story.listed(tx, story.Filter()))

    def letters(self) -> list[Letter]:
        """The letters written since this was asked last, oldest first; those that are not sent are left out."""
        with self.store.look() as tx:
            rows = [one for one in outbox.rows(tx) if one.id > self._seen]
            found = [Letter(one, outbox.octets(tx, one.id) or b"") for one in rows if one.state == "queued"]
        self._seen = max([self._seen, *(one.id for one in rows)])
        return found

    def suppressed(self) -> list[tuple[str, str, str]]:
        """The letters that were planned and not sent: (name, to, reason)."""
        with self.store.look() as tx:
            return [(one.letter, one.recipient, one.reason) for one in outbox.rows(tx) if one.state == "suppressed"]

    def later(self, **period: float) -> None:
        """Time goes by, and what comes due is fired."""
        self.now += timedelta(**period)
        while self.keeper.tick():
            pass

    def violations(self) -> list[str]:
        """What the audit finds wrong."""
        with self.store.look() as tx:
            return [f"{one.invariant} {one.row}: {one.what}" for one in audit.audit(tx).violations]

    def change(self, **parts: object) -> None:
        """Another policy, directory or security from now on."""
        for name, value in parts.items():
            setattr(self, name, value)
        self.rebuild()


@dataclass(frozen=True)
class Letter:
    """A letter of ours, as its recipient's mail program has it."""

    row: outbox.Row
    octets: bytes

    @property
    def name(self) -> str:
        """Which letter."""
        return self.row.letter

    @property
    def to(self) -> str:
        """Its one recipient."""
        return self.row.recipient

    @property
    def message(self) -> Message:
        """The letter, parsed."""
        return email.message_from_bytes(self.octets)

    def __getitem__(self, header: str) -> str:
        """A header field."""
        return str(self.message[header] or "")

    @property
    def text(self) -> str:
        """The text part."""
        return next(_decoded(part) for part in self.message.walk() if part.get_content_type() == "text/plain")

    @property
    def html(self) -> str:
        """The HTML part."""
        return next(_decoded(part) for part in self.message.walk() if part.get_content_type() == "text/html")

    @property
    def reply_to(self) -> str:
        """The address that an answer goes to."""
        return parseaddr(self["Reply-To"])[1]

    def tap(self, verb: str) -> str:
        """The one-tap address for a verb, made of the reply address as the letter's buttons are."""
        return self.reply_to.replace("+t.", f"+{verb}.")


def _decoded(part: Message) -> str:
    content = part.get_payload(decode=True)
    return content.decode("utf-8") if isinstance(content, bytes) else ""


_numbers = iter(range(1, 1_000_000))


def mail(
    text: str = "The printer on floor 3 does not print.", *, sender: str = "ann@out.example", name: str = "Ann Other", to: str = "desk@desk.example",
    subject: str = "Printer is dead", cc: str = "", headers: str = "", message_id: str | None = None,
) -> bytes:  # fmt: skip
    """A mail as a usual mail program writes it. `headers` are further lines."""
    number = next(_numbers)
    lines = [
        f"From: {name} <{sender}>", f"To: {to}", *([f"Cc: {cc}"] if cc else []), f"Subject: {subject}",
        "Date: Mon, 2 Mar 2026 09:00:00 +0000", f"Message-ID: <{message_id or f'm{number}@mua.example'}>",
        *([line for line in headers.splitlines() if line]), "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
    ]  # fmt: skip
    return ("\r\n".join(lines) + "\r\n\r\n" + text.replace("\n", "\r\n") + "\r\n").encode()


def reply(letter: Letter, text: str, *, sender: str = "", name: str = "Ann Other", quote: bool = True, headers: str = "") -> bytes:
    """An answer to a letter, as a usual mail program writes it: to its Reply-To, with its ids, and its text quoted below."""
    quoted = "".join(f"> {line}\n" for line in letter.text.splitlines()) if quote else ""
    below = f"\n\nOn Mon, 2 Mar 2026 at 10:00, Service Desk <desk@desk.example> wrote:\n{quoted}" if quote else ""
    ids = f"In-Reply-To: {letter['Message-ID']}\nReferences: {letter['References']} {letter['Message-ID']}".replace("\r\n", "")
    subject = email.header.decode_header(letter["Subject"])
    plain = "".join(part.decode(code or "ascii") if isinstance(part, bytes) else part for part, code in subject)
    return mail(text + below, sender=sender or letter.to, name=name, to=letter.reply_to, subject=f"Re: {plain}", headers=f"{ids}\n{headers}")


__all__ = ["DESK", "MAX", "OLGA", "PEOPLE", "START", "TINA", "TOM", "Letter", "Office", "mail", "replace", "reply"]
