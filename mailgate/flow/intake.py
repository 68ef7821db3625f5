"""How does a mail become a row that survives a crash? Says nothing about what the mail means: that is step's question.

Mails that arrive together share one commit; each sender hears of success only after the commit that holds his mail.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime

from msgspec import Struct

from mailgate.desk.errors import Temporary
from mailgate.desk.policy import Desk
from mailgate.flow import journal, step
from mailgate.flow.house import House
from mailgate.flow.seam import crash_point
from mailgate.mail.identity import addressed, identify
from mailgate.store import inbox
from mailgate.store.engine import Lease, Store, Tx
from mailgate.store.inbox import Arrival, Claim

# So many mails at most share a commit, and so many wait to be processed in memory; what is more waits in the database alone.
_TOGETHER = 50
_IN_HAND = 200


class RawMail(Struct, frozen=True):
    """A mail as a channel took it, before anybody read it.

    `envelope_from` is "" for the null path and None where the channel knows no envelope. `submission` says that the peer was a network
    of `smtp.submission` or logged in over TLS.
    """

    raw: bytes
    channel: str
    envelope_from: str | None = None
    envelope_to: tuple[str, ...] = ()
    peer: str = ""
    submission: bool = False


class Receipt(Struct, frozen=True):
    """The proof that a mail is committed: its inbox row (that of the first desk), and whether it had been there before at every desk."""

    inbox_id: int
    seen_before: bool


class Intake:
    """Stores mails on a thread of its own, many in one commit. `in_hand` holds what was stored for this very process to work on."""

    def __init__(self, store: Store, house: House, owner: str, clock: Callable[[], datetime], on_stored: Callable[[], None]) -> None:
        """Starts the thread. `clock` gives aware UTC; `on_stored` is called after each commit, on that thread."""
        self._store, self._house, self._owner, self._clock, self._on_stored = store, house, owner, clock, on_stored
        self._waiting: queue.SimpleQueue[tuple[RawMail, Future[Receipt]] | None] = queue.SimpleQueue()
        self.in_hand: queue.SimpleQueue[Claim] = queue.SimpleQueue()
        # How many commits have failed: of some of them nobody knows whether they came true all the same.
        self.doubts = 0
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="intake", daemon=True)
        self._thread.start()

    def receive(self, mail: RawMail) -> Future[Receipt]:
        """Asks for a mail to be stored. The future resolves after the commit; it raises Temporary where the mail is not stored."""
        answer: Future[Receipt] = Future()
        if self._closed:
            answer.set_exception(Temporary("the intake is closed", code="intake"))
        else:
            self._waiting.put((mail, answer))
        return answer

    @property
    def alive(self) -> bool:
        """Whether the thread stores."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Stores what was asked for before, then ends the thread."""
        self._closed = True
        self._waiting.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (first := self._waiting.get()) is not None:
            together, last = [first], False
            while len(together) < _TOGETHER and not self._waiting.empty():
                one = self._waiting.get()
                if one is None:
                    last = True
                    break
                together.append(one)
            # Who gave up waiting sends again; from here on nobody can give up any more.
            self._store_all([(mail, answer) for mail, answer in together if answer.set_running_or_notify_cancel()])
            if last:
                return

    def _store_all(self, together: Sequence[tuple[RawMail, Future[Receipt]]]) -> None:
        claimed = self.in_hand.qsize() < _IN_HAND
        try:
            lease = self._store.lease(self._owner, self._clock(), step.LEASE)
            groups = [arrivals(self._house, mail) for mail, _ in together]
            with self._store.begin() as tx:
                stored = enter(tx, groups, lease, claimed=claimed)
                crash_point("CP05-before-commit")
        except Exception as error:
            journal.trouble("intake", error)
            self.doubts += 1
            self._refuse(together, error)
            return
        crash_point("CP06-committed")
        for (mail, answer), group, rows in zip(together, groups, stored, strict=True):
            for entered, (number, before) in zip(group, rows, strict=True):
                journal.received(number, mail.channel, len(mail.raw), seen_before=before)
                if claimed and not before:
                    self.in_hand.put(_claim(number, entered, lease))
            answer.set_result(_receipt(rows))
        self._on_stored()

    def _refuse(self, together: Sequence[tuple[RawMail, Future[Receipt]]], error: Exception) -> None:
        if isinstance(error, Temporary) or len(together) == 1:
            for _, answer in together:
                answer.set_exception(error if isinstance(error, Temporary) else Temporary(str(error), code="intake"))
            return
        # A fault of ours over one of them: the others must not wait for it.
        for one in together:
            self._store_all([one])


def arrivals(house: House, mail: RawMail) -> list[Arrival]:
    """The rows that a mail will be: one for each desk that it is for, with the key by which a second copy is known there."""
    found = []
    for desk in _desks(house, mail):
        known = identify(mail.raw, desk.name)
        found.append(Arrival(
            desk.name, mail.channel, known.dedupe_key, known.message_id, known.sender, known.subject, mail.envelope_from,
            mail.envelope_to, mail.peer, mail.submission, mail.raw,
        ))  # fmt: skip
    return found


def _desks(house: House, mail: RawMail) -> tuple[Desk, ...]:
    """Whom a mail is for: the desks of its envelope; where there is none, or none of ours in it, those that its header names as well.

    The first desk where nothing tells. Always in the order of the configuration, so that two gateways never wait for each other.
    """
    if len(house.desks) == 1:
        return house.desks
    found = house.desks_of(mail.envelope_to)
    if mail.envelope_from is None or not found:
        found = house.desks_of((*mail.envelope_to, *addressed(mail.raw)))
    return found or house.desks[:1]


def enter(tx: Tx, groups: Sequence[Sequence[Arrival]], lease: Lease, *, claimed: bool) -> list[list[tuple[int, bool]]]:
    """Stores the rows of each mail; returns for each mail (row, whether it had been there before) of each desk, as `inbox.add` does."""
    rows = iter(inbox.add(tx, [one for group in groups for one in group], lease, claimed=claimed))
    return [[next(rows) for _ in group] for group in groups]


def _receipt(rows: Sequence[tuple[int, bool]]) -> Receipt:
    return Receipt(rows[0][0], all(before for _, before in rows))


def _claim(number: int, entered: Arrival, lease: Lease) -> Claim:
    return Claim(
        number, entered.desk, 1, 1, lease.owner, entered.raw, entered.message_id, entered.envelope_from, entered.envelope_to,
        entered.submission, lease.now, peer=entered.peer,
    )  # fmt: skip


def take_in(store: Store, house: House, mails: Sequence[RawMail], now: datetime) -> list[Receipt]:
    """Stores mails in one commit, for a daemon to process: what `mailgate ingest` and a pipe do. Raises Temporary, then none is stored."""
    with store.begin() as tx:
        stored = enter(tx, [arrivals(house, mail) for mail in mails], store.lease("ingest", now, step.LEASE), claimed=False)
    return [_receipt(rows) for rows in stored]
