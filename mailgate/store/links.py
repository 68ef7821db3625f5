"""Which secrets did we give away, and which of them still open something? Rows that can be used up; times are UTC.

A secret has 256 bits (a code of some digits has fewer, and few tries); only its SHA-256 is kept, so that whoever reads the database, or a
copy of it, can use none. What a secret entitles to is the question of who made it: here it is found, used once, and forgotten.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import bindparam, delete, func, insert, select, update

from mailgate.desk.model import Address
from mailgate.store.engine import Tx
from mailgate.store.schema import Moment, secret_links
from mailgate.store.statement import Statement


class Purpose(StrEnum):
    """What a secret is for."""

    APPROVAL = "approval"
    CODE = "code"
    LOGIN = "login"
    SESSION = "session"


class Link(Struct, frozen=True):
    """A secret as it is kept: by its hash. `approval` is the row of `approvals` that it belongs to, `person` whom it was given to."""

    hash: str
    purpose: Purpose
    made_at: datetime
    expires_at: datetime
    person: Address | None = None
    approval: int | None = None
    used_at: datetime | None = None
    tries: int = 0


def secret() -> str:
    """A new secret of 256 bits, as it may stand in an address: 43 characters."""
    return secrets.token_urlsafe(32)


def digest(word: str) -> str:
    """The form in which a secret is kept and looked for: SHA-256, in hex."""
    return hashlib.sha256(word.encode("utf-8", "replace")).hexdigest()


# Whoever comes late may be told so for a day. Then so many go at once.
_KEPT = timedelta(days=1)
_FEW = 10
_COLUMNS = tuple(secret_links.c[name] for name in Link.__struct_fields__)
_PUT = Statement(lambda _: insert(secret_links), _COLUMNS)
_FIND = Statement(lambda _: (
    select(*_COLUMNS).where(secret_links.c.hash == bindparam("hash"), secret_links.c.purpose == bindparam("purpose"))
))  # fmt: skip
_USE = Statement(lambda _: (
    update(secret_links)
    .where(secret_links.c.hash == bindparam("of_hash"), secret_links.c.purpose == bindparam("of_purpose"),
           secret_links.c.used_at.is_(None), secret_links.c.expires_at > bindparam("now", type_=Moment))
    .values(used_at=bindparam("at"))
))  # fmt: skip
_MISS = Statement(lambda _: (
    update(secret_links).where(secret_links.c.hash == bindparam("of_hash"), secret_links.c.used_at.is_(None))
    .values(tries=secret_links.c.tries + 1)
))  # fmt: skip
_OF_APPROVAL = Statement(lambda _: (
    select(*_COLUMNS)
    .where(secret_links.c.approval == bindparam("approval"), secret_links.c.purpose == bindparam("purpose"))
    .order_by(secret_links.c.made_at.desc(), secret_links.c.hash)
))  # fmt: skip
_OF_PERSON = Statement(lambda _: (
    select(*_COLUMNS)
    .where(secret_links.c.person == bindparam("person"), secret_links.c.purpose == bindparam("purpose"),
           secret_links.c.made_at >= bindparam("since", type_=Moment))
    .order_by(secret_links.c.made_at.desc(), secret_links.c.hash)
))  # fmt: skip
# Two who sweep at once take different ones, and wait for nobody.
_OVER = (
    select(secret_links.c.hash).where(secret_links.c.expires_at <= bindparam("before", type_=Moment))
    .order_by(secret_links.c.expires_at).limit(bindparam("most")).with_for_update(skip_locked=True)
)  # fmt: skip
_SWEEP = Statement(lambda _: delete(secret_links).where(secret_links.c.hash.in_(_OVER)))


def put(tx: Tx, link: Link) -> None:
    """Remembers that a secret was given away. A few of those that are long over go with each new one, so that they never pile up."""
    _PUT.change(tx, asdict(link))
    sweep(tx, link.made_at - _KEPT, _FEW)


def find(tx: Tx, hash_: str, purpose: Purpose) -> Link | None:
    """The link of this hash, also one that is used up or over; None where there is none for this purpose."""
    row = _FIND.row(tx, {"hash": hash_, "purpose": purpose})
    return _link(row) if row else None


def of_approval(tx: Tx, approval: int, purpose: Purpose) -> list[Link]:
    """All links of this purpose that belong to a row of approvals, the newest first."""
    return [_link(row) for row in _OF_APPROVAL.rows(tx, {"approval": approval, "purpose": purpose})]


def of_person(tx: Tx, person: Address, purpose: Purpose, since: datetime) -> list[Link]:
    """All links of this purpose that somebody was given since then, the newest first."""
    return [_link(row) for row in _OF_PERSON.rows(tx, {"person": person, "purpose": purpose, "since": since})]


def use(tx: Tx, hash_: str, purpose: Purpose, now: datetime) -> bool:
    """Uses a link up: True for exactly one who tries, and for none once it is over."""
    return _USE.change(tx, {"of_hash": hash_, "of_purpose": purpose, "now": now, "at": now}) == 1


def missed(tx: Tx, hash_: str) -> None:
    """Somebody guessed wrongly at this one."""
    _MISS.change(tx, {"of_hash": hash_})


def unexpired(tx: Tx, purpose: Purpose, now: datetime, until: datetime) -> int:
    """How many links of this purpose are over between now and then: where each lasts so long, those that were made within that time."""
    there = (secret_links.c.purpose == purpose, secret_links.c.expires_at > now, secret_links.c.expires_at <= until)
    return int(tx.execute(select(func.count()).where(*there)).scalar_one())


def sweep(tx: Tx, before: datetime, most: int) -> int:
    """So many links go that were over before then. Returns how many."""
    return _SWEEP.change(tx, {"before": before, "most": most})


def _link(row: tuple[object, ...]) -> Link:
    given = dict(zip(Link.__struct_fields__, row, strict=True))
    return Link(**{**given, "purpose": Purpose(str(given["purpose"]))})  # type: ignore[arg-type]
