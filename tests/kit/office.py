"""A whole desk in one process, without a socket and with a clock that tests turn: mails go in as octets, letters come out as octets.

What stories are told with. Only the protocols are missing; store, reading, rules and letters are the real ones.
"""

from __future__ import annotations

import atexit
import base64
import email
import email.header
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import parseaddr
from functools import cache, lru_cache
from pathlib import Path

from msgspec.structs import replace

from mailgate.config.packaged import packaged
from mailgate.desk import tokens
from mailgate.desk.model import Address, Directory, Person, Role, Team, Ticket, TicketId
from mailgate.desk.policy import Desk, Policy, Security
from mailgate.desk.tokens import Keyring
from mailgate.flow.house import House
from mailgate.flow.indexing import Indexer
from mailgate.flow.intake import RawMail, take_in
from mailgate.flow.operate import Done, order
from mailgate.flow.retention import Sweeper
from mailgate.flow.step import Reader, Worker
from mailgate.flow.timers import Timekeeper
from mailgate.mail.isolate import Died
from mailgate.mail.letters import Templates
from mailgate.mail.parse import parse
from mailgate.mail.parsed import ParsedMail
from mailgate.store import audit, inbox, outbox, story, tickets
from mailgate.store.engine import Store
from mailgate.store.migrate import migrate
from tests.kit.blank import migrated_sqlite
from tests.kit.processes import open_folder

TINA = Person(Address("tina@desk.example"), "Tina Turner", Role.TECHNICIAN, team="first")
TOM = Person(Address("tom@desk.example"), "Tom Thumb", Role.TECHNICIAN, team="first")
OLGA = Person(Address("olga@desk.example"), "Olga Owner", Role.OWNER)
MAX = Person(Address("max@desk.example"), "Max Manager", Role.MANAGER)
PEOPLE = Directory((TINA, TOM, OLGA, MAX), (Team("first"),))
DESK = Desk(name="Service Desk", address=Address("desk@desk.example"))
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class InProcess:
    """Reads mails without a child process: for mails that do no harm."""

    def parse_all(self, raws: Sequence[bytes], timeout: float) -> list[ParsedMail | Died]:
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
    instance: str = "0123456789abcdef"
    further: tuple[Desk, ...] = ()
    # A folder of letters and macros of the operator's own.
    templates: Path | None = None

    def __post_init__(self) -> None:
        self.store = Store(self.url) if self.url else _blank_store()
        migrate(self.store)
        self.reader: Reader = InProcess()
        self._seen = 0
        self.rebuild()

    def rebuild(self) -> None:
        """Takes up changed people, policy, security or keys, as a restart would."""
        templates = Templates([self.templates, packaged("templates")]) if self.templates else _templates()
        self.house = House((self.desk, *self.further), self.policy, self.security, self.people, self.keyring, templates, self.instance)
        self.worker = Worker(self.store, self.house, self.reader, "office", lambda: self.now, lambda: False)
        self.keeper = Timekeeper(self.store, self.house, lambda: self.now)

    def close(self) -> None:
        """Closes the database."""
        self.store.close()
        if not self.url:
            _spare.append(self.store)

    def receive(self, raw: bytes, *, sender: str | None = "someone@out.example", to: Sequence[str] = (), submission: bool = False) -> int:
        """One mail arrives and waits; its inbox row."""
        mail = RawMail(raw, "smtp", sender, tuple(to) or (self.desk.address,), "127.0.0.1", submission)
        return take_in(self.store, self.house, [mail], self.now)[0].inbox_id

    def receive_all(self, raws: Sequence[bytes]) -> list[int]:
        """Mails of several people arrive together; their inbox rows."""
        mails = [RawMail(raw, "smtp", "someone@out.example", (self.desk.address,), "127.0.0.1") for raw in raws]
        return [one.inbox_id for one in take_in(self.store, self.house, mails, self.now)]

    def work(self) -> None:
        """Everything that waits in the inbox is processed."""
        while any(self.worker.run(alone=alone)[0] for alone in (False, True)):
            pass

    def post(
        self, raw: bytes, *, sender: str | None = "someone@out.example", to: Sequence[str] = (), submission: bool = False
    ) -> inbox.Row:  # fmt: skip
        """One mail arrives and is processed; its inbox row as it stands then."""
        row = self.receive(raw, sender=sender, to=to, submission=submission)
        self.work()
        return self.row(row)

    def row(self, number: int) -> inbox.Row:
        """An inbox row."""
        with self.store.look() as tx:
            return inbox.rows(tx, ids=[number])[0]

    def reason(self, number: int) -> str:
        """The trail of an inbox row: why it went as it did."""
        return self.row(number).trail or ""

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
            rows = [one for one in outbox.rows(tx, limit=1_000_000) if one.id > self._seen]
            found = [Letter(one, outbox.octets(tx, one.id) or b"") for one in rows if one.state == "queued"]
        self._seen = max([self._seen, *(one.id for one in rows)])
        return found

    def last(self, name: str, to: str = "") -> Letter:
        """The newest letter of that name (to that address). Raises AssertionError where none was written."""
        with self.store.look() as tx:
            rows = [one for one in outbox.rows(tx, limit=1_000_000) if one.letter == name and one.state != "suppressed"]
            fitting = [one for one in rows if to in ("", one.recipient)]
            assert fitting, f"no letter {name} to {to or 'anybody'}"
            return Letter(fitting[-1], outbox.octets(tx, fitting[-1].id) or b"")

    def everything_sent(self) -> list[Letter]:
        """Every letter that was ever written and not suppressed, oldest first."""
        with self.store.look() as tx:
            return [Letter(one, outbox.octets(tx, one.id) or b"") for one in outbox.rows(tx, limit=1_000_000) if one.state != "suppressed"]

    def newest(self, to: str) -> Letter | None:
        """The newest letter to this address that is about a ticket and was not suppressed."""
        with self.store.look() as tx:
            rows = [one for one in outbox.rows(tx, limit=1_000_000) if one.recipient == to and one.ticket and one.state != "suppressed"]
            return Letter(rows[-1], outbox.octets(tx, rows[-1].id) or b"") if rows else None

    def bounce_address(self, letter: Letter) -> str:
        """The envelope sender under which a letter leaves: where reports about it come back to."""
        local, _, host = self.desk.address.rpartition("@")
        return f"{local}{self.desk.subaddress}{tokens.bounce_mark(self.keyring, letter.row.id)}@{host}"

    def signed(self, ticket: int, person: str, verb: str = tokens.THREAD) -> str:
        """The address at which the desk expects answers of one person about one ticket."""
        local, _, host = self.desk.address.rpartition("@")
        return f"{local}+{tokens.mark(self.keyring, verb, TicketId(ticket), Address(person))}@{host}"

    def merge(self, loser: int, into: int) -> None:
        """Makes one ticket a duplicate of another, by Tina's order from the shell."""
        self.order(loser, f"#merge {into}")

    def order(self, number: int, text: str) -> Done:
        """Tina's commands from the shell. Raises AssertionError if one is refused."""
        done = order(self.store, self.house, TicketId(number), text, TINA.address, self.now)
        assert not done.decision.refusals, done.decision.refusals
        return done

    def suppressed(self) -> list[tuple[str, str, str]]:
        """The letters that were planned and not sent: (name, to, reason)."""
        with self.store.look() as tx:
            return [(one.letter, one.recipient, one.reason) for one in outbox.rows(tx, limit=1_000_000) if one.state == "suppressed"]

    def later(self, **period: float) -> None:
        """Time goes by, and what comes due is fired."""
        self.now += timedelta(**period)
        while self.keeper.tick():
            pass
        while Indexer(self.store).tick() or Sweeper(self.store, self.policy.retention, lambda: self.now).tick():
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


@cache
def _templates() -> Templates:
    return Templates([packaged("templates")])


# Databases of our own that no office uses at present. A store keeps the statements that it compiled, which is a third of the cost of a
# short story. One that a test has asked for by its URL is never used again: the test may have done something to it.
_spare: list[Store] = []


def _blank_store() -> Store:
    """An empty database, migrated: one file is copied for all offices, since migrations have tests of their own."""
    store = _spare.pop() if _spare else _new_store()
    for end in ("-wal", "-shm"):
        Path(f"{store.path}{end}").unlink(missing_ok=True)
    store.path.write_bytes(migrated_sqlite())
    return store


def _new_store() -> Store:
    folder = open_folder("mailgate-office-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Store(f"sqlite:///{folder / 'office.db'}")


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
        """The letter, parsed; for reading alone, since it is parsed once."""
        return _parsed(self.octets)

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

    @property
    def files(self) -> dict[str, bytes]:
        """What is attached: name and octets."""
        attached = (part for part in self.message.walk() if part.get_content_disposition() == "attachment")
        return {str(part.get_filename()): bytes(part.get_payload(decode=True) or b"") for part in attached}

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        parts = email.header.decode_header(self["Subject"])
        return "".join(part.decode(code or "ascii") if isinstance(part, bytes) else part for part, code in parts)

    def tap(self, verb: str) -> str:
        """The one-tap address for a verb, made of the reply address as the letter's buttons are."""
        return re.sub(r"\+[at]\.", f"+{verb}.", self.reply_to)

    @property
    def page(self) -> str:
        """The secret of the link to a page, in a letter that has one; empty in others."""
        found = re.search(r"https://\S+/approval/(\S+)", self.text)
        return found[1] if found else ""


@lru_cache(maxsize=200)
def _parsed(octets: bytes) -> Message:
    return email.message_from_bytes(octets)


def _decoded(part: Message) -> str:
    content = part.get_payload(decode=True)
    return content.decode("utf-8") if isinstance(content, bytes) else ""


_numbers = iter(range(1, 1_000_000))


def mail(
    text: str = "The printer on floor 3 does not print.", *, sender: str = "ann@out.example", name: str = "Ann Other",
    to: str = "desk@desk.example", subject: str = "Printer is dead", cc: str = "", headers: str = "", message_id: str | None = None,
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


def reply(
    letter: Letter, text: str, *, sender: str = "", name: str = "Ann Other", cc: str = "", quote: bool = True, headers: str = ""
) -> bytes:  # fmt: skip
    """An answer to a letter, as a usual mail program writes it: to its Reply-To, with its ids, and its text quoted below."""
    quoted = "".join(f"> {line}\n" for line in letter.text.splitlines()) if quote else ""
    below = f"\n\nOn Mon, 2 Mar 2026 at 10:00, Service Desk <desk@desk.example> wrote:\n{quoted}" if quote else ""
    ids = f"In-Reply-To: {letter['Message-ID']}\nReferences: {letter['References']} {letter['Message-ID']}".replace("\r\n", "")
    subject = f"Re: {letter.subject}"
    headers = f"{ids}\n{headers}"
    return mail(text + below, sender=sender or letter.to, name=name, to=letter.reply_to, cc=cc, subject=subject, headers=headers)


def with_file(raw: bytes, name: str, octets: bytes, media_type: str = "application/octet-stream") -> bytes:
    """The same mail with a file attached."""
    head, _, text = raw.partition(b"\r\n\r\n")
    fields = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"content-", b"mime-"))]
    fields += [b"MIME-Version: 1.0", b'Content-Type: multipart/mixed; boundary="=_b"']
    file = f'Content-Type: {media_type}; name="{name}"\r\nContent-Disposition: attachment; filename="{name}"\r\n'
    file += f"Content-Transfer-Encoding: base64\r\n\r\n{base64.encodebytes(octets).decode()}"
    parts = [b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + text, file.replace("\r\n", "\n").replace("\n", "\r\n").encode()]
    return b"\r\n".join(fields) + b"\r\n\r\n" + b"".join(b"--=_b\r\n" + part + b"\r\n" for part in parts) + b"--=_b--\r\n"


def with_header(raw: bytes, line: str) -> bytes:
    """The same mail as a hop after its sender passes it on: one header line more, on top."""
    return line.encode() + b"\r\n" + raw


def aligned(raw: bytes, domain: str = "out.example", border: str = "mx.desk.example") -> bytes:
    """The same mail as a border passes it on that found it genuine."""
    return with_header(raw, f"Authentication-Results: {border}; dmarc=pass header.from={domain}")


def spoofed(raw: bytes, domain: str = "out.example", border: str = "mx.desk.example") -> bytes:
    """The same mail as a border passes it on that found it forged, under a policy that says so."""
    return with_header(raw, f"Authentication-Results: {border}; dmarc=fail (p=REJECT) header.from={domain}")


def delivery_report(letter: Letter, *, action: str = "failed", status: str = "5.1.1") -> bytes:
    """What a mail server writes back about a letter (RFC 3464), with the letter's header."""
    header = letter.octets.partition(b"\r\n\r\n")[0].decode()
    told = f"Reporting-MTA: dns; mx.out.example\n\nFinal-Recipient: rfc822; {letter.to}\nAction: {action}\nStatus: {status}"
    parts = (("message/delivery-status", told), ("text/rfc822-headers", header))
    return _report("mailer-daemon@mx.out.example", "delivery-status", "Undelivered Mail Returned to Sender", parts)


def read_receipt(letter: Letter) -> bytes:
    """What a mail program writes back when somebody opened a letter (RFC 8098)."""
    told = f"Final-Recipient: rfc822; {letter.to}\nOriginal-Message-ID: {letter['Message-ID']}\n"
    told += "Disposition: manual-action/MDN-sent-manually; displayed"
    return _report(letter.to, "disposition-notification", f"Read: {letter.subject}", (("message/disposition-notification", told),), letter)


def abuse_report(letter: Letter) -> bytes:
    """What a provider writes back when somebody pressed "this is spam" (RFC 5965)."""
    told = "Feedback-Type: abuse\nUser-Agent: SomeProvider/1.0\nVersion: 1"
    header = letter.octets.partition(b"\r\n\r\n")[0].decode()
    parts = (("message/feedback-report", told), ("text/rfc822-headers", header))
    return _report("feedback@provider.example", "feedback-report", "Abuse report", parts)


def _report(sender: str, kind: str, subject: str, parts: Sequence[tuple[str, str]], about: Letter | None = None) -> bytes:
    """RFC 6522."""
    sections = (("text/plain", "This is a report about your mail."), *parts)
    body = "".join(f"--=_r\r\nContent-Type: {kind}\r\n\r\n{_crlf(text)}\r\n\r\n" for kind, text in sections) + "--=_r--\r\n"
    ids = [f"In-Reply-To: {about['Message-ID']}"] if about else []
    lines = [
        f"From: {sender}", "To: desk@desk.example", f"Subject: {subject}", f"Message-ID: <r{next(_numbers)}@mx.out.example>", *ids,
        "MIME-Version: 1.0", f'Content-Type: multipart/report; report-type={kind}; boundary="=_r"',
    ]  # fmt: skip
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def _crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


__all__ = [
    "DESK", "MAX", "OLGA", "PEOPLE", "START", "TINA", "TOM", "Letter", "Office", "abuse_report", "aligned", "delivery_report", "mail",
    "read_receipt", "replace", "reply", "spoofed", "with_file", "with_header",
]  # fmt: skip
