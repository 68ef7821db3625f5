"""How far are we in each IMAP mailbox, and who of several gateways reads it? A row for each mail that was looked at, by its UID.

What a mail means is not known here, nor how one asks a server. Times are UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from sqlalchemy import bindparam, delete, func, or_, select, update

from mailgate.store.engine import Fenced, Lease, Tx, insert
from mailgate.store.registers import imap_cursors, imap_messages, leases
from mailgate.store.schema import inbox
from mailgate.store.statement import Statement


class MailState(StrEnum):
    """Where a mail of a mailbox stands. STORED needs its flag yet, FAILED is tried again; the others need nothing more."""

    FAILED = "failed"
    STORED = "stored"
    FINALISED = "finalised"
    SKIPPED = "skipped"
    GIVEN_UP = "given-up"


class Folder(Struct, frozen=True):
    """One folder of one account in one of its lives: the server numbers its mails anew where `uidvalidity` changes."""

    account: str
    name: str
    uidvalidity: int

    def values(self) -> dict[str, object]:
        """As the columns call it."""
        return {"account": self.account, "folder": self.name, "uidvalidity": self.uidvalidity}


class Cursor(Struct, frozen=True):
    """How far we are: `first` and `since` say with which mails we began, below `lowest` nothing needs anything any more."""

    uidvalidity: int
    first: int
    since: datetime | None
    lowest: int


_TAKE = Statement(lambda database: (
    database.insert(leases).values(until=database.lease_end)
    .on_conflict_do_update(
        index_elements=[leases.c.name],
        set_={"owner": bindparam("by"), "fence": leases.c.fence + 1, "until": database.lease_end},
        where=or_(leases.c.owner.in_((bindparam("by"), "")), leases.c.until < database.clock),
    ).returning(leases.c.fence)
), [leases.c.name, leases.c.owner, leases.c.fence])  # fmt: skip
_RENEW = Statement(lambda database: (
    update(leases).where(leases.c.name == bindparam("of_name"), leases.c.owner == bindparam("by"), leases.c.fence == bindparam("at_fence"))
    .values(until=database.lease_end)
))  # fmt: skip


def take(tx: Tx, name: str, lease: Lease) -> int | None:
    """Takes a lease that is free, run out or our own already: its new fencing number. None where somebody else holds it."""
    given = {"name": name, "owner": lease.owner, "fence": 1, "by": lease.owner, **lease.times(tx)}
    row = _TAKE.row(tx, {**given, "clock": lease.now})
    return None if row is None else int(row.fence)


def renew(tx: Tx, name: str, fence: int, lease: Lease) -> None:
    """Holds it longer; in the transaction of what may only be done under it. Raises Fenced where somebody else has taken it."""
    if _RENEW.change(tx, {"of_name": name, "by": lease.owner, "at_fence": fence, **lease.times(tx)}) != 1:
        raise Fenced(f"{name} is held by somebody else")


def release(tx: Tx, name: str, fence: int, owner: str, now: datetime) -> None:
    """Anybody may have it now. Its fencing number stays, and goes on from there."""
    tx.execute(update(leases).where(leases.c.name == name, leases.c.owner == owner, leases.c.fence == fence).values(owner="", until=now))


def cursor(tx: Tx, account: str, folder: str) -> Cursor | None:
    """How far we are in a folder; None where it was never read."""
    row = tx.execute(
        select(imap_cursors.c.uidvalidity, imap_cursors.c.first, imap_cursors.c.since, imap_cursors.c.lowest_unresolved)
        .where(imap_cursors.c.account == account, imap_cursors.c.folder == folder)
    ).first()  # fmt: skip
    return Cursor(*row) if row else None


def begin(tx: Tx, folder: Folder, first: int, since: datetime | None) -> None:
    """Begins a folder, or its new life, with the mail `first`; mails that came before `since` are none of ours."""
    tx.execute(delete(imap_cursors).where(imap_cursors.c.account == folder.account, imap_cursors.c.folder == folder.name))
    tx.execute(insert(tx, imap_cursors).values(**folder.values(), first=first, since=since, lowest_unresolved=first))


def advance(tx: Tx, folder: Folder, lowest: int) -> None:
    """Nothing below this UID needs anything any more."""
    tx.execute(
        update(imap_cursors)
        .where(imap_cursors.c.account == folder.account, imap_cursors.c.folder == folder.name,
               imap_cursors.c.uidvalidity == folder.uidvalidity, imap_cursors.c.lowest_unresolved < lowest)
        .values(lowest_unresolved=lowest)
    )  # fmt: skip


_NOTE = Statement(lambda database: (
    database.insert(imap_messages)
    .on_conflict_do_update(index_elements=list(imap_messages.primary_key.columns),
                           set_={"state": bindparam("to_state"), "inbox": bindparam("of_inbox"),
                                 "attempts": imap_messages.c.attempts + bindparam("tries")})
), imap_messages.c)  # fmt: skip


def note(tx: Tx, folder: Folder, state: MailState, mails: Iterable[tuple[int, int | None]], *, attempt: bool = False) -> None:
    """Each of these mails (UID, inbox row) stands there now. With `attempt` a failure is counted."""
    values = folder.values()
    tries = 1 if attempt else 0
    _NOTE.change_all(tx, (
        {**values, "uid": uid, "state": state, "attempts": tries, "inbox": row, "to_state": state, "of_inbox": row, "tries": tries}
        for uid, row in mails
    ))  # fmt: skip


_FINALISE = Statement(lambda database: (
    update(imap_messages)
    .where(imap_messages.c.account == bindparam("of_account"), imap_messages.c.folder == bindparam("of_folder"),
           imap_messages.c.uidvalidity == bindparam("at_uidvalidity"), imap_messages.c.state == MailState.STORED,
           database.among(imap_messages.c.uid, "uids"))
    .values(state=MailState.FINALISED)
))  # fmt: skip


def finalise(tx: Tx, folder: Folder, uids: Collection[int]) -> None:
    """The server has flagged or moved these."""
    _FINALISE.change(tx, {
        "of_account": folder.account, "of_folder": folder.name, "at_uidvalidity": folder.uidvalidity, "uids": list(uids),
    })  # fmt: skip


_SETTLED = Statement(lambda database: (
    select(imap_messages.c.uid)
    .where(imap_messages.c.account == bindparam("of_account"), imap_messages.c.folder == bindparam("of_folder"),
           imap_messages.c.uidvalidity == bindparam("at_uidvalidity"), imap_messages.c.state != MailState.FAILED,
           database.among(imap_messages.c.uid, "uids"))
))  # fmt: skip


def settled(tx: Tx, folder: Folder, uids: Collection[int]) -> set[int]:
    """Which of these mails need not be fetched any more."""
    rows = _SETTLED.rows(tx, {
        "of_account": folder.account, "of_folder": folder.name, "at_uidvalidity": folder.uidvalidity, "uids": list(uids),
    })  # fmt: skip
    return {row.uid for row in rows}


def attempts(tx: Tx, folder: Folder, uid: int) -> int:
    """How often a mail could not be had."""
    return tx.execute(
        select(imap_messages.c.attempts)
        .where(imap_messages.c.account == folder.account, imap_messages.c.folder == folder.name,
               imap_messages.c.uidvalidity == folder.uidvalidity, imap_messages.c.uid == uid)
    ).scalar() or 0  # fmt: skip


def known(tx: Tx, folder: Folder) -> dict[int, tuple[MailState, int, int | None]]:
    """What is known of each mail: its state, its failed attempts, its inbox row. Of a whole folder, so for an audit alone."""
    rows = tx.execute(
        select(imap_messages.c.uid, imap_messages.c.state, imap_messages.c.attempts, imap_messages.c.inbox)
        .where(imap_messages.c.account == folder.account, imap_messages.c.folder == folder.name,
               imap_messages.c.uidvalidity == folder.uidvalidity)
    )  # fmt: skip
    return {row.uid: (MailState(row.state), row.attempts, row.inbox) for row in rows}


def stored(tx: Tx, folder: Folder) -> list[int]:
    """The mails that are safe here and whose flag the server may not have yet."""
    return list(tx.execute(
        select(imap_messages.c.uid)
        .where(imap_messages.c.account == folder.account, imap_messages.c.folder == folder.name,
               imap_messages.c.state == MailState.STORED, imap_messages.c.uidvalidity == folder.uidvalidity)
        .order_by(imap_messages.c.uid)
    ).scalars())  # fmt: skip


def orphans(tx: Tx, folder: Folder) -> list[int]:
    """Mails that are said to be safe here and have no inbox row."""
    safe = (MailState.STORED, MailState.FINALISED)
    return list(tx.execute(
        select(imap_messages.c.uid)
        .outerjoin(inbox, inbox.c.id == imap_messages.c.inbox)
        .where(imap_messages.c.account == folder.account, imap_messages.c.folder == folder.name,
               imap_messages.c.uidvalidity == folder.uidvalidity, imap_messages.c.state.in_(safe))
        .group_by(imap_messages.c.uid).having(func.count(inbox.c.id) == 0).order_by(imap_messages.c.uid)
    ).scalars())  # fmt: skip
