"""What does the ledger say about one IMAP mailbox, and how do its mails become inbox rows? Blocking; knows nothing of the protocol.

A mail and its UID are committed together: what is not in the ledger is fetched (again), what is there is flagged (again), and both are
harmless. Every write is made under the lease of the mailbox: a gateway that lost it writes nothing, and so flags nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from mailgate.flow import journal
from mailgate.flow.house import House
from mailgate.flow.intake import RawMail, arrivals, enter
from mailgate.flow.seam import crash_point
from mailgate.store import mailboxes
from mailgate.store.engine import Lease, Store
from mailgate.store.mailboxes import Folder, MailState

# A mailbox whose gateway fell silent is anybody's after that.
LEASE = timedelta(seconds=90)
# After so many failed attempts a mail is left where it is, and the operator is told.
_MOST_ATTEMPTS = 5


class Plan(Struct, frozen=True):
    """What is known of a folder as the server numbers it now: mails from `lowest` on are looked at.

    `lowest` is None where it was not read yet: never, or not since the server numbered it anew; then `since` says when we first read it.
    """

    lowest: int | None
    since: datetime | None = None
    renumbered: bool = False


class Ledger:
    """One folder of one account, for one gateway. Every method is one transaction, and raises Temporary where the database fails."""

    def __init__(
        self, store: Store, house: House, owner: str, account: str, folder: str, recipients: Sequence[str],
        clock: Callable[[], datetime], on_stored: Callable[[], None],
    ) -> None:  # fmt: skip
        """`recipients` stand in for the envelope that IMAP does not know. `on_stored` is called after each commit that stored a mail."""
        self._store, self._house, self._owner, self._clock, self._on_stored = store, house, owner, clock, on_stored
        self._recipients = tuple(recipients)
        self._folder = Folder(account, folder, 0)
        self._name = f"imap:{account}:{folder}"
        self._fence = 0

    @property
    def account(self) -> str:
        """The name of the account."""
        return self._folder.account

    def take(self) -> bool:
        """Takes the lease of the mailbox. False where another gateway reads it."""
        with self._store.begin() as tx:
            fence = mailboxes.take(tx, self._name, self._lease())
        self._fence = fence or 0
        return fence is not None

    def release(self) -> None:
        """Gives the lease back, so that nobody need wait for its end."""
        if self._fence:
            with self._store.begin() as tx:
                mailboxes.release(tx, self._name, self._fence, self._owner, self._clock())
            self._fence = 0

    def renew(self) -> None:
        """Holds the mailbox longer, where one mail takes its time. Raises Fenced where another gateway has taken it."""
        with self._store.begin() as tx:
            mailboxes.renew(tx, self._name, self._fence, self._lease())

    def open(self, uidvalidity: int) -> Plan:
        """What is known of the folder as the server numbers it now. Where nothing is, `begin` comes next."""
        self._folder = Folder(self._folder.account, self._folder.name, uidvalidity)
        with self._store.begin() as tx:
            mailboxes.renew(tx, self._name, self._fence, self._lease())
            found = mailboxes.cursor(tx, self._folder.account, self._folder.name)
        if found is None:
            return Plan(None)
        if found.uidvalidity == uidvalidity:
            return Plan(found.lowest, found.since)
        journal.told("imap_renumbered", account=self._folder.account, folder=self._folder.name)
        return Plan(None, found.since, renumbered=True)

    def begin(self, first: int, since: datetime | None, skipped: Collection[int]) -> None:
        """Mails from the UID `first` on are ours, but for those skipped. `since` is when, by which a folder numbered anew is begun."""
        with self._store.begin() as tx:
            mailboxes.renew(tx, self._name, self._fence, self._lease())
            mailboxes.begin(tx, self._folder, first, since)
            mailboxes.note(tx, self._folder, MailState.SKIPPED, [(uid, None) for uid in skipped if uid >= first])

    def unknown(self, uids: Collection[int]) -> list[int]:
        """Which of the mails that the server has must be fetched, in order. Renews the lease."""
        with self._store.begin() as tx:
            mailboxes.renew(tx, self._name, self._fence, self._lease())
            settled = mailboxes.settled(tx, self._folder, uids)
        return sorted(set(uids) - settled)

    def enter(self, mails: Sequence[tuple[int, bytes]]) -> None:
        """Stores these mails (UID, octets): their inbox rows and the rows of their UIDs in one commit."""
        now = self._clock()
        taken = [RawMail(raw, "imap", None, self._recipients, self._folder.account) for _, raw in mails]
        groups = [arrivals(self._house, mail) for mail in taken]
        with self._store.begin() as tx:
            mailboxes.renew(tx, self._name, self._fence, self._lease())
            stored = enter(tx, groups, self._store.lease(self._owner, now, LEASE), claimed=False)
            noted = [(uid, rows[0][0]) for (uid, _), rows in zip(mails, stored, strict=True)]
            mailboxes.note(tx, self._folder, MailState.STORED, noted)
            crash_point("CP11-before-commit")
        crash_point("CP12-committed")
        for mail, rows in zip(taken, stored, strict=True):
            for row, before in rows:
                journal.received(row, "imap", len(mail.raw), seen_before=before)
        self._on_stored()

    def give_up(self, uid: int, code: str, why: str) -> None:
        """This mail stays where it is, and the operator is told."""
        with self._store.begin() as tx:
            mailboxes.renew(tx, self._name, self._fence, self._lease())
            mailboxes.note(tx, self._folder, MailState.GIVEN_UP, [(uid, None)])
        journal.alert(code, f"{self._folder.account}, folder {self._folder.name}, UID {uid}: {why}")

    def fail(self, uid: int, why: str) -> int | None:
        """This mail could not be had: how many attempts there were. None where these were enough, and it is given up."""
        with self._store.begin() as tx:
            mailboxes.renew(tx, self._name, self._fence, self._lease())
            mailboxes.note(tx, self._folder, MailState.FAILED, [(uid, None)], attempt=True)
            attempts = mailboxes.attempts(tx, self._folder, uid)
        if attempts < _MOST_ATTEMPTS:
            return attempts
        self.give_up(uid, "imap-mail", f"cannot be had: {why}")
        return None

    def unflagged(self) -> list[int]:
        """The mails that are safe here and whose flag the server may not have yet."""
        with self._store.look() as tx:
            return mailboxes.stored(tx, self._folder)

    def flagged(self, uids: Collection[int]) -> None:
        """The server has flagged or moved these."""
        with self._store.begin() as tx:
            mailboxes.renew(tx, self._name, self._fence, self._lease())
            mailboxes.finalise(tx, self._folder, uids)

    def advance(self, lowest: int) -> None:
        """Below this UID nothing is to be fetched any more."""
        with self._store.begin() as tx:
            mailboxes.renew(tx, self._name, self._fence, self._lease())
            mailboxes.advance(tx, self._folder, lowest)

    def _lease(self) -> Lease:
        return self._store.lease(self._owner, self._clock(), LEASE)


def gaps(store: Store, account: str, folder: str, uidvalidity: int, there: Collection[int], flagged: Collection[int]) -> list[str]:
    """Holds the server's UIDs, and those that bear our flag, against the ledger: each line is a mail that one of them lacks."""
    with store.look() as tx:
        cursor = mailboxes.cursor(tx, account, folder)
        if cursor is None:
            return ["was never read"]
        if cursor.uidvalidity != uidvalidity:
            return [f"is numbered anew (UIDVALIDITY {uidvalidity}) and was not read since"]
        box = Folder(account, folder, uidvalidity)
        known, orphans = mailboxes.known(tx, box), mailboxes.orphans(tx, box)
    missing = {uid for uid in there if uid >= cursor.first and uid not in known}
    safe = {uid for uid, (state, _, _) in known.items() if state in (MailState.STORED, MailState.FINALISED)}
    failed = {uid for uid, (state, _, _) in known.items() if state in (MailState.FAILED, MailState.GIVEN_UP)}
    found = dict.fromkeys(sorted(missing), "is not in the ledger")
    found |= dict.fromkeys(failed & set(there), "could not be fetched")
    found |= {uid: "is flagged as safe and is not" for uid in set(flagged) - safe if uid >= cursor.first}
    found |= dict.fromkeys(orphans, "has no inbox row")
    return [f"UID {uid} {what}" for uid, what in sorted(found.items())]
