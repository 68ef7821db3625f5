"""Who sends mail to a gateway that is killed all the time? Clients as mail servers are: each mail is tried until somebody says 250.

And the other side of the ledger: what tickets and letters there ought to be, held against what there is.
"""

from __future__ import annotations

import smtplib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes

from tests.kit.daemon import ADDRESS, Gateway
from tests.kit.relay import RelaySink


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail of a person who writes only this and its follow-ups. `subject` is told from all others."""

    number: int
    sender: str
    subject: str
    message_id: str
    octets: bytes
    follows: int | None = None


def mail(number: int, *, follows: Mail | None = None, text: str = "It makes a noise and then it stops.") -> Mail:
    """The mail of that number: a new matter, or what its sender adds to an earlier one of his."""
    sender = follows.sender if follows else f"user{number}@customers.example"
    subject = f"Re: {follows.subject}" if follows else f"Printer {number} is on fire"
    message_id = f"m{number}@customers.example"
    thread = [f"In-Reply-To: <{follows.message_id}>", f"References: <{follows.message_id}>"] if follows else []
    lines = [
        f"From: User {number} <{sender}>", f"To: {ADDRESS}", f"Subject: {subject}", "Date: Mon, 2 Mar 2026 09:00:00 +0000",
        f"Message-ID: <{message_id}>", *thread, "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "",
        f"{text} ({number})", "",
    ]  # fmt: skip
    return Mail(number, sender, subject, message_id, "\r\n".join(lines).encode(), follows.number if follows else None)


def mails(numbers: Iterable[int], *, follow_every: int = 0) -> list[Mail]:
    """So many mails; each `follow_every`-th one is a follow-up to the one before it."""
    made: list[Mail] = []
    for at, number in enumerate(numbers, 1):
        follows = made[-1] if follow_every and at % follow_every == 0 else None
        made.append(mail(number, follows=follows))
    return made


@dataclass
class Client(threading.Thread):
    """Sends its mails in order, each until it hears 250. `refused` collects 5xx replies, which nobody may ever say to it."""

    ports: Callable[[], int]
    mails: Sequence[Mail]
    pause: Callable[[], float] = lambda: 0.0
    # What a mail waits for before it is sent, such as the one that it answers.
    after: Callable[[Mail], bool] = lambda _mail: True
    give_up: float = 120.0
    accepted: list[int] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    tries: int = 0

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        """The life of the client."""
        deadline = time.monotonic() + self.give_up
        for one in self.mails:
            while not (self.after(one) and self._sent(one)):
                if time.monotonic() > deadline:
                    return
                time.sleep(0.02)
            self.accepted.append(one.number)
            time.sleep(self.pause())

    def _sent(self, one: Mail) -> bool:
        self.tries += 1
        try:
            with smtplib.SMTP("127.0.0.1", self.ports(), timeout=30) as client:
                client.sendmail(one.sender, [ADDRESS], one.octets)
        except smtplib.SMTPRecipientsRefused as error:
            self.refused += [str(error) for code, _ in error.recipients.values() if code >= 500]
            return False
        except smtplib.SMTPResponseException as error:
            self.refused += [str(error)] if error.smtp_code >= 500 else []
            return False
        except (OSError, smtplib.SMTPException):
            return False
        return True


def send_all(clients: Sequence[Client]) -> None:
    """Runs clients side by side until all have sent everything. Raises AssertionError where one gave up or was refused for good."""
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    finished(clients)


def finished(clients: Sequence[Client]) -> None:
    """Raises AssertionError where a client gave up or was refused for good."""
    assert [refusal for client in clients for refusal in client.refused] == []
    assert [one.number for client in clients for one in client.mails if one.number not in client.accepted] == []


@dataclass(frozen=True, slots=True)
class Account:
    """What became of the mails. `copies` are letters that arrived more often than once with one Message-ID; the rest must be empty.

    A follow-up with a ticket of its own counts as something done twice.
    """

    lost: list[str]
    twice: list[str]
    unanswered: list[str]
    answered_twice: list[str]
    copies: int

    @property
    def sound(self) -> bool:
        """Whether nothing is lost, nothing was done twice, and everybody has his one answer."""
        return not (self.lost or self.twice or self.unanswered or self.answered_twice)


def account(sent: Sequence[Mail], gateway: Gateway, sink: RelaySink) -> Account:
    """Holds the mails against tickets and letters: each new matter is one ticket with its follow-ups in it, and has one acknowledgement."""
    tickets = Counter(one.subject for one in gateway.ledger.tickets() if "Printer" in one.subject)
    matters = [one for one in sent if one.follows is None]
    subjects = {one.subject for one in matters}
    letters: dict[str, list[str]] = {one.sender: [] for one in matters}
    for letter in sink.letters:
        message = message_from_bytes(letter.octets)
        if letter.recipient in letters and message["X-Mailgate-Letter"] == "acknowledgement":
            letters[letter.recipient].append(message["Message-ID"])
    return Account(
        lost=[one.subject for one in matters if one.subject not in tickets],
        twice=[subject for subject, count in tickets.items() if count > 1 or subject not in subjects],
        unanswered=[who for who, ids in letters.items() if not ids],
        answered_twice=[who for who, ids in letters.items() if len(set(ids)) > 1],
        copies=sum(len(ids) - len(set(ids)) for ids in letters.values()),
    )
