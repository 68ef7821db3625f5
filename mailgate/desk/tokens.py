"""Which addresses and ids did we sign, for which ticket and for whom? What a token entitles to is the question of authority.

A mark reads `<verb>.<ticket>.<mac>`: six characters that prove the ticket number is ours (a clue), then twelve that bind it to one
person (evidence of who writes). Base32 in lower case, so that relays which fold case do no harm; 30 and 60 bits of HMAC-SHA-256.
"""

from __future__ import annotations

import hmac
from functools import lru_cache

from msgspec import Struct

from mailgate.desk.model import Address, TicketId, fold_address

THREAD = "t"
# What an approver's letter bears for an answer in words.
APPROVER = "a"
BOUNCE = "b"
HELD = "h"
# What can be tapped about a mail that waits for a human; `h` itself is for an answer in words.
HELD_VERBS = frozenset({HELD, "release", "attach", "drop", "block", "unblock"})
_CLUE, _BOUND = 6, 12
# RFC 5321 4.5.3.1.1: a local part has at most 64 octets.
_LONGEST = 64
# RFC 4648 6, in lower case; two characters at once take half the time.
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = tuple(one + other for one in _ALPHABET for other in _ALPHABET)


class Keyring(Struct, frozen=True):
    """The keys in force, newest first: the first signs, all verify."""

    keys: tuple[bytes, ...]

    def __repr__(self) -> str:
        # No key in a log.
        return f"Keyring of {len(self.keys)}"


class Token(Struct, frozen=True):
    """A mark whose ticket number we signed. To whom it was given is not known until `belongs` is asked about an address."""

    verb: str
    ticket: TicketId
    bound: str


class HeldToken(Struct, frozen=True):
    """A mark about an inbox row that we signed. To whom it was given is not known until `keeps` is asked about an address."""

    verb: str
    row: int
    bound: str


def mark(keyring: Keyring, verb: str, ticket: TicketId, person: Address) -> str:
    """The signed local part for this ticket and this person; `verb` is `t` for a plain answer, else the command it stands for."""
    key = keyring.keys[0]
    return f"{verb}.{ticket}.{_mac(key, f'ticket {ticket}', _CLUE)}{_mac(key, f'person {ticket} {person}', _BOUND)}"


def approver_mark(keyring: Keyring, verb: str, ticket: TicketId, asked: tuple[int, int], person: Address) -> str:
    """The signed local part by which this person answers what he was `asked`: a round and a stage of the ticket, and no other."""
    key = keyring.keys[0]
    return f"{verb}.{ticket}.{_mac(key, f'ticket {ticket}', _CLUE)}{_mac(key, _approver(ticket, asked, person), _BOUND)}"


def _approver(ticket: TicketId, asked: tuple[int, int], person: Address) -> str:
    return f"approver {ticket} {asked[0]} {asked[1]} {person}"


def asks(keyring: Keyring, token: Token, asked: tuple[int, int], person: Address) -> bool:
    """Whether this is the mark of what this person was asked in that round and stage."""
    return any(_same(_mac(key, _approver(token.ticket, asked, person), _BOUND), token.bound) for key in keyring.keys)


def read(keyring: Keyring, text: str) -> Token | None:
    """The token that this local part (or what follows the sub-address sign in it) carries, or None where we did not sign it."""
    verb, number, mac = _pieces(text)
    if not verb:
        return None
    ticket = TicketId(int(number))
    if any(_same(_mac(key, f"ticket {ticket}", _CLUE), mac[:_CLUE]) for key in keyring.keys):
        return Token(verb, ticket, mac[_CLUE:])
    return None


def pressed(text: str) -> str:
    """The verb of what looks like a one-tap mark, whoever signed it and for whom; empty for everything else."""
    verb = _pieces(text)[0]
    return "" if verb == THREAD else verb


def _pieces(text: str) -> tuple[str, str, str]:
    """Verb, ticket number and MAC of what has the shape of a mark; three times nothing where it has not."""
    pieces = text.lower().split(".") if len(text) <= _LONGEST else []
    match pieces:
        case [verb, number, mac] if verb.isascii() and verb.isalpha() and number.isascii() and number.isdigit():
            return (verb, number, mac) if len(number) <= 18 and len(mac) == _CLUE + _BOUND else ("", "", "")
        case _:
            return "", "", ""


def belongs(keyring: Keyring, token: Token, person: tuple[Address, ...]) -> bool:
    """Whether the token was given to one of these addresses of a person."""
    return any(_same(_mac(key, f"person {token.ticket} {address}", _BOUND), token.bound) for key in keyring.keys for address in person)


def held_mark(keyring: Keyring, verb: str, row: int, person: Address) -> str:
    """The local part by which this person decides about this inbox row with one of HELD_VERBS; row 0 for an answer that names its rows."""
    key = keyring.keys[0]
    return f"{verb}.{row}.{_mac(key, f'held {row}', _CLUE)}{_mac(key, f'keeper {row} {person}', _BOUND)}"


def read_held(keyring: Keyring, text: str) -> HeldToken | None:
    """What such a local part carries, or None where we did not sign it."""
    verb, _, rest = text.lower().partition(".")
    number, _, mac = rest.partition(".")
    if verb not in HELD_VERBS or len(text) > _LONGEST or len(mac) != _CLUE + _BOUND:
        return None
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        return None
    row = int(number)
    if any(_same(_mac(key, f"held {row}", _CLUE), mac[:_CLUE]) for key in keyring.keys):
        return HeldToken(verb, row, mac[_CLUE:])
    return None


def keeps(keyring: Keyring, token: HeldToken, person: tuple[Address, ...]) -> bool:
    """Whether the token was given to one of these addresses of a person."""
    return any(_same(_mac(key, f"keeper {token.row} {address}", _BOUND), token.bound) for key in keyring.keys for address in person)


def bounce_mark(keyring: Keyring, row: int) -> str:
    """The local part of the envelope sender of one outbox row."""
    return f"{BOUNCE}.{row}.{_mac(keyring.keys[0], f'row {row}', _BOUND)}"


def read_bounce(keyring: Keyring, text: str) -> int | None:
    """The outbox row to which a report at this local part belongs, or None where we did not sign it."""
    pieces = text.lower().split(".")
    if len(text) > _LONGEST or len(pieces) != 3 or pieces[0] != BOUNCE:
        return None
    number, mac = pieces[1:]
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        return None
    return int(number) if any(_same(_mac(key, f"row {int(number)}", _BOUND), mac) for key in keyring.keys) else None


def message_mark(keyring: Keyring, cause: str, number: int) -> str:
    """The local part of a letter's Message-ID: the same for the same cause, unguessable for everybody else."""
    return f"{cause}.{number}.{_mac(keyring.keys[0], f'message {cause} {number}', _BOUND)}"


def subaddress(local: str, base: str, sign: str) -> str | None:
    """What follows `base` and the sub-address sign in a local part; None where this is no sub-address of it."""
    start = fold_address(base + sign)
    return local[len(start) :] if sign and fold_address(local).startswith(start) else None


def _mac(key: bytes, what: str, length: int) -> str:
    started = _begun(key).copy()
    started.update(what.encode())
    # The first 60 bits give the twelve characters that are ever asked for.
    number = int.from_bytes(started.digest()[:8], "big") >> 4
    return "".join([_PAIRS[number >> shift & 1023] for shift in (50, 40, 30, 20, 10, 0)])[:length]


@lru_cache(maxsize=16)
def _begun(key: bytes) -> hmac.HMAC:
    """The part of an HMAC that depends on the key alone; copied, never added to."""
    return hmac.new(key, digestmod="sha256")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "replace"))
