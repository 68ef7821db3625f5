"""Which addresses of pages did we sign, for which ticket and which reader? They stand in every letter, so they cost no row.

A mark reads `<ticket>.<reader>.<mac>`: the reader is a keyed short form of his address, so that no address stands in a URL, and the mac
256 bits of HMAC-SHA-256 over all of it and over what the page is for. It is checked before the database is asked; whether the reader is
still the one who may is asked then. What can be used up is no mark but a row: see store/links.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from mailgate.desk.model import Address, TicketId
from mailgate.desk.tokens import Keyring

_READER = 16
_LONGEST = 96


class Purpose(StrEnum):
    """What a page is for; a mark for one opens no other."""

    TICKET = "ticket"
    CSAT = "csat"
    KEEP = "keep"


class Mark(Struct, frozen=True):
    """A mark that we signed. Whose it is shows when `reads` is asked about somebody's addresses."""

    ticket: TicketId
    reader: str


def mark(keyring: Keyring, purpose: Purpose, ticket: TicketId, person: Address) -> str:
    """What stands in the address of the page of this ticket for this person."""
    key = keyring.keys[0]
    reader = _reader(key, ticket, person)
    return f"{ticket}.{reader}.{_mac(key, purpose, ticket, reader)}"


def read(keyring: Keyring, purpose: Purpose, text: str) -> Mark | None:
    """The mark that this part of an address is, or None where we did not sign it for this purpose."""
    number, _, rest = text.partition(".")
    reader, _, mac = rest.partition(".")
    if len(text) > _LONGEST or not (text.isascii() and number.isdigit() and len(number) <= 18 and str(int(number)) == number):
        return None
    ticket = TicketId(int(number))
    # All keys are tried, so that the time does not tell which one it was.
    good = [hmac.compare_digest(_mac(key, purpose, ticket, reader), mac) for key in keyring.keys]
    return Mark(ticket, reader) if any(good) else None


def reads(keyring: Keyring, found: Mark, addresses: Iterable[Address]) -> Address | None:
    """Which of these addresses the mark was made for; None for none of them."""
    made = ((one, _reader(key, found.ticket, one)) for one in addresses for key in keyring.keys)
    return next((one for one, reader in made if hmac.compare_digest(reader, found.reader)), None)


def _reader(key: bytes, ticket: TicketId, person: Address) -> str:
    return _hashed(key, f"reader {ticket} {person}")[:_READER]


def _mac(key: bytes, purpose: Purpose, ticket: TicketId, reader: str) -> str:
    return _hashed(key, f"page {purpose} {ticket} {reader}")


def _hashed(key: bytes, what: str) -> str:
    return urlsafe_b64encode(hmac.digest(key, what.encode("utf-8", "replace"), "sha256")).decode().rstrip("=")
