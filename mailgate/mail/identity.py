"""When are two mails the same mail? A key over what the sender wrote, blind to what the way added. Works on octets, parses nothing deep."""

from __future__ import annotations

import hashlib
import re
from itertools import islice

from msgspec import Struct

# Header fields that relays, lists and mailboxes add or change on the way.
_TRANSPORT = (
    b"received", b"return-path", b"delivered-to", b"envelope-to", b"authentication-results", b"dkim-signature", b"domainkey-signature",
    b"resent-", b"x-", b"arc-", b"list-", b"status", b"lines", b"bcc",
)  # fmt: skip
# Where a field ends: at a line that is not folded into it.
_NEXT = re.compile(rb"\r\n(?![ \t])")
_ID = re.compile(rb"<?([^<>\s]{1,900})>?")
_LONGEST_HEAD = 1_000_000
# Where it is written down whom a mail is for; what stands between quote marks there is a name, and what surrounds an address.
_RECIPIENTS = (b"to", b"cc", b"delivered-to", b"x-original-to", b"envelope-to")
_QUOTED = re.compile(rb'"[^"]*"')
_AROUND = re.compile(rb"[\s<>,;:()\[\]]+")
_LONGEST_ADDRESS = 320
_MOST_ADDRESSES = 500
# So many octets at once are looked at from the end.
_TAIL = 1_000


class Identity(Struct, frozen=True):
    """What intake knows of a mail without reading it: the key, and Message-ID, From and Subject as they stand (for operators, unproven)."""

    dedupe_key: str
    message_id: str | None
    sender: str | None
    subject: str | None


def identify(raw: bytes, desk: str) -> Identity:
    """The identity of a mail to one desk: SHA-256 over desk, Message-ID and canonical content. Linear, never raises.

    Canonical are the header fields without those of the way, in their order, and the body with CRLF line ends.
    """
    crlf = raw if b"\r\n" in raw[:1000] else raw.replace(b"\n", b"\r\n")
    end = crlf.find(b"\r\n\r\n")
    head, body = (crlf, len(crlf)) if end < 0 else (crlf[:end], end + 4)
    fields = _fields(head[:_LONGEST_HEAD])
    named = dict(reversed(fields))
    written = [b"%b:%b\n" % (name, b" ".join(value.split())) for name, value in fields if not name.startswith(_TRANSPORT)]
    digest = hashlib.sha256(b"".join((desk.encode("utf-8", "replace"), *written, head[_LONGEST_HEAD:], b"\n")))
    # A view, because a large body is too dear to be copied.
    digest.update(memoryview(crlf)[body : _stripped(crlf, body)])
    return Identity(digest.hexdigest(), _message_id(named.get(b"message-id", b"")), _text(named.get(b"from")), _text(named.get(b"subject")))


def addressed(raw: bytes) -> tuple[str, ...]:
    """Whatever looks like an address in the fields that say whom a mail is for: To, Cc and those that a mailbox adds. Linear, never raises.

    Only a hint at whose mail it is, for mail without an envelope. Its reader, who may do nothing but read, understands them properly.
    """
    head = raw[:_LONGEST_HEAD].replace(b"\r\n", b"\n").partition(b"\n\n")[0].replace(b"\n", b"\r\n")
    values = (_QUOTED.sub(b" ", value) for name, value in _fields(head) if name in _RECIPIENTS)
    words = (word for value in values for word in _AROUND.split(value) if b"@" in word and len(word) <= _LONGEST_ADDRESS)
    return tuple(dict.fromkeys(word.decode("utf-8", "replace") for word in islice(words, _MOST_ADDRESSES)))


def _stripped(octets: bytes, start: int) -> int:
    """Where what is left ends when the line ends at the end are taken away, not before `start`."""
    end = len(octets)
    while end > start:
        begin = max(end - _TAIL, start)
        if kept := octets[begin:end].rstrip(b"\r\n"):
            return begin + len(kept)
        end = begin
    return start


def _fields(head: bytes) -> list[tuple[bytes, bytes]]:
    """The header fields as (lower-cased name, value with its folds)."""
    split = (field.partition(b":") for field in _NEXT.split(head))
    return [(name.strip().lower(), value) for name, _, value in split]


def _message_id(value: bytes) -> str | None:
    found = _ID.search(value.strip())
    return found[1].decode("utf-8", "replace").replace("\x00", "") if found and value.strip() not in (b"<>",) else None


def _text(value: bytes | None) -> str | None:
    return None if value is None else " ".join(value.decode("utf-8", "replace").replace("\x00", "").split())[:500]
