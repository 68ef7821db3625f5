"""What may be ordered about mails that wait for a human, and how is it written? A small grammar from one table; whether it may be done
is the question of `holding`.

An order stands on a line of its own: `release 17`, `drop 18 19`, `attach 20 1042`, `block 21`, `block domain 21`, `block eve@out.example`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from enum import StrEnum

from msgspec import Struct, field
from msgspec.structs import replace

from mailgate.desk.address import Address, fold_address
from mailgate.desk.model import TicketId


class Takes(StrEnum):
    """What follows a word: numbers of mails; numbers of mails and then that of a ticket; numbers of mails or a sender."""

    MAILS = "mails"
    TICKET = "ticket"
    SENDER = "sender"


class Verb(Struct, frozen=True):
    """A word that orders something, what follows it, and an example."""

    word: str
    takes: Takes
    example: str


VERBS = (
    Verb("release", Takes.MAILS, "release 17"),
    Verb("attach", Takes.TICKET, "attach 17 1042"),
    Verb("drop", Takes.MAILS, "drop 17"),
    Verb("block", Takes.SENDER, "block 17"),
    Verb("unblock", Takes.SENDER, "unblock eve@out.example"),
)
# Other words that people type, by verb; of all languages, since nobody is asked which one he writes.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "release": ("allow", "freigeben", "zulassen", "durchlassen"),
    "attach": ("append", "anhängen", "zuordnen"),
    "drop": ("discard", "delete", "verwerfen", "löschen"),
    "block": ("sperren", "blockieren"),
    "unblock": ("entsperren", "freischalten"),
}
_KNOWN = {verb.word: verb for verb in VERBS} | {word: verb for verb in VERBS for word in SYNONYMS[verb.word]}
_DOMAIN = frozenset({"domain", "domäne"})
# Words between numbers that mean nothing.
_FILLERS = frozenset("and to on ticket mail mails und an zu auf die".split())
_PUNCTUATION = ".,;:!?()[]<>\"'"
_LONGEST_LINE = 1000
_MOST_LINES = 500
_MOST_ORDERS = 50
_MOST_MAILS = 200


class Asked(Struct, frozen=True):
    """One order as it was written: the rows that it names, and the ticket or the sender. `error` says what is wrong with it.

    `domain` asks for whole domains instead of single addresses; `instead` is a line that would work.
    """

    verb: str
    line: str
    rows: tuple[int, ...] = ()
    ticket: TicketId | None = None
    sender: str = ""
    domain: bool = False
    error: str = ""
    instead: str = ""


class Verdict(Struct, frozen=True):
    """What was ordered about a mail before, by whom and when (UTC). `detail` is the ticket it went to, or the sender who was blocked."""

    verb: str
    actor: str
    at: datetime
    detail: str = ""


class PutAside(Struct, frozen=True):
    """A mail that was put aside once. `waits` tells whether it still is; `sender` is who it claims to be from."""

    row: int
    desk: str
    waits: bool
    sender: Address | None
    envelope: Address | None = None
    ticket: TicketId | None = None
    verdict: Verdict | None = None


class Holding(Struct, frozen=True):
    """An answer to a digest of held mails: the orders in it, what is known of the mails that they name, and the desks of the tickets."""

    orders: tuple[Asked, ...] = ()
    mails: Mapping[int, PutAside] = field(default_factory=dict)
    tickets: Mapping[TicketId, str] = field(default_factory=dict)


def read(text: str) -> tuple[Asked, ...]:
    """The orders in what somebody newly wrote: all lines down to the first that is none. Never raises, linear in the text.

    A text that begins with something else is one wrong order. An order below other words is wrong as well: nothing is passed over.
    """
    lines = [line.strip()[:_LONGEST_LINE] for line in text.splitlines()[:_MOST_LINES]]
    asked: list[Asked] = []
    below = False
    for line in filter(None, lines):
        one = _order(line)
        if below:
            asked += [replace(one, error="not-at-the-top", instead="")] if one and not one.error else []
        elif one is not None:
            asked.append(one)
        elif asked:
            below = True
        else:
            asked.append(Asked("", line, error="unknown-verb", instead=VERBS[0].example))
            below = True
        if len(asked) > _MOST_ORDERS:
            return (*asked[:_MOST_ORDERS], replace(asked[-1], error="too-many-commands"))
    return tuple(asked)


def tapped(verb: str, row: int, text: str) -> tuple[Asked, ...]:
    """The order of a mail to a one-tap address, which may be empty: only *attach* needs a number in it, and *block* may say `domain`."""
    words = _words(text)[:20]
    line = f"{verb} {row}"
    if verb == "attach":
        number = next(filter(None, map(_number, words)), None)
        if number is None:
            return (Asked(verb, line, (row,), error="needs-ticket", instead=f"{line} 1042"),)
        return (Asked(verb, f"{line} {number}", (row,), TicketId(number)),)
    domain = verb == "block" and any(word in _DOMAIN for word in words[:2])
    return (Asked(verb, f"{verb} domain {row}" if domain else line, (row,), domain=domain),)


def _order(line: str) -> Asked | None:
    words = _words(line)
    verb = _KNOWN.get(words[0].lstrip("#")) if words else None
    if verb is None:
        return _misspelt(line, words)
    rest = words[1:]
    domain = verb.takes is Takes.SENDER and bool(rest) and rest[0] in _DOMAIN
    rest = [word for word in rest[domain:] if word not in _FILLERS]
    if verb.takes is Takes.SENDER and len(rest) == 1 and (sender := sender_named(rest[0])):
        return Asked(verb.word, line, sender=whole_domain(sender) if domain else sender)
    numbers = [number for number in map(_number, rest) if number is not None]
    if not rest or len(numbers) < len(rest) or len(numbers) > _MOST_MAILS:
        return Asked(verb.word, line, error="needs-numbers", instead=verb.example)
    if verb.takes is not Takes.TICKET:
        return Asked(verb.word, line, tuple(dict.fromkeys(numbers)), domain=domain)
    if len(numbers) == 1:
        return Asked(verb.word, line, (numbers[0],), error="needs-ticket", instead=f"{verb.word} {numbers[0]} 1042")
    return Asked(verb.word, line, tuple(dict.fromkeys(numbers[:-1])), TicketId(numbers[-1]))


def _misspelt(line: str, words: Sequence[str]) -> Asked | None:
    """A word that nearly is one of ours, with a number behind it, was meant to be one."""
    near = get_close_matches(words[0].lstrip("#")[:32], _KNOWN, n=1, cutoff=0.6) if words else []
    if not near or not any(_number(word) for word in words[1:]):
        return None
    return Asked("", line, error="unknown-verb", instead=" ".join((near[0], *words[1:]))[:_LONGEST_LINE])


def _words(text: str) -> list[str]:
    """The words in lower case, an umlaut as one character, without the punctuation around them; a comma parts two."""
    folded = unicodedata.normalize("NFC", text[:4000]).lower().replace(",", " ")
    return [word for word in (one.strip(_PUNCTUATION) for one in folded.split()) if word]


def _number(word: str) -> int | None:
    """The number that a word is: `17`, `#17`, `mg-17`."""
    digits = word.lstrip("#").rpartition("-")[2]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 18 else None


def sender_named(word: str) -> str:
    """The (lower-cased) address that a word is, or `@` and the domain; empty where it is neither."""
    local, _, domain = word.rpartition("@")
    labels = domain.split(".")
    if len(word) > 254 or len(labels) < 2 or not all(label.replace("-", "").isalnum() for label in labels) or labels[-1].isdigit():
        return ""
    return fold_address(f"{local}@{domain}")


def whole_domain(address: str) -> str:
    """What blocks everybody at the domain of an address."""
    return f"@{address.rpartition('@')[2]}"


def rows(asked: Sequence[Asked]) -> tuple[int, ...]:
    """All rows that these orders name, each once."""
    return tuple(dict.fromkeys(row for one in asked for row in one.rows))


def tickets(asked: Sequence[Asked]) -> Iterator[TicketId]:
    """All tickets that these orders name."""
    yield from dict.fromkeys(one.ticket for one in asked if one.ticket is not None)
