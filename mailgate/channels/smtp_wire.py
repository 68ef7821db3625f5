"""What do the octets of an SMTP dialogue mean, and how is a reply written? Pure functions; knows no socket, no session and no desk."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

# RFC 5321 4.1.1.4: nothing but this ends the data. Its first CRLF belongs to the mail.
END_OF_DATA = b"\r\n.\r\n"

# RFC 5321 4.5.3.1.3 says 256 for a path; VERP and SRS senders are longer in practice.
_LONGEST_ADDRESS = 500

# Trace fields stand at the top; whoever writes a larger header block has other things in mind.
_LONGEST_HEAD = 2**20

_PATH = re.compile(r'<("(?:[^"\\]|\\.)*")?([^<>"\s]*)>[ \t]*(.*)')
_BARE = re.compile(r'([^<>"\s]+)[ \t]*(.*)')

# A dot-atom before, a host name behind one "@". Everything that older mailers took for an instruction to relay is missing here:
# "%" and "!", quotes, a source route (the colon, a second "@"), an address literal (the brackets).
_PLAIN = re.compile(r'[^\s"(),:;<>@\[\\\]%!]+@[^\s"(),:;<>@\[\\\]%!/]+')

# So many octets at once are looked through for line ends.
_PIECE = 2**20

# The parameters of MAIL that are understood; RCPT has none.
_KNOWN = frozenset({"BODY", "SIZE", "SMTPUTF8"})

# RFC 3463 codes for the replies that come without one.
_ENHANCED = {
    "220": "2.0.0", "221": "2.0.0", "250": "2.0.0", "252": "2.1.5", "421": "4.3.0", "451": "4.3.0", "452": "4.3.1", "454": "4.7.0",
    "500": "5.5.2", "501": "5.5.4", "502": "5.5.1", "503": "5.5.1", "504": "5.5.4", "550": "5.7.1", "552": "5.3.4", "553": "5.1.3",
    "554": "5.5.0", "555": "5.5.4",
}  # fmt: skip


def reply(status: str) -> bytes:
    """One reply line without its CRLF: with an enhanced code (RFC 2034), within 512 octets, and no octet that could begin a second line."""
    if status[5:6] != "." and status[:3] in _ENHANCED:
        status = f"{status[:3]} {_ENHANCED[status[:3]]} {status[4:]}"
    if not (status.isascii() and status.isprintable()):
        status = "".join(c if c.isascii() and c.isprintable() else "?" for c in status)
    return status[:510].encode("ascii")


def path(argument: str) -> tuple[str, str] | None:
    """Splits what stands behind `MAIL FROM:` or `RCPT TO:` into the address and the parameters; None where it is malformed.

    The null path is "<>", as aiosmtpd has it. A source route stays in front of the address, so that `plain` refuses it. Octets that are no
    UTF-8 (they arrive as lone surrogates) and control characters are malformed. Follows RFC 5321 4.1.2 and RFC 6531 3.3.
    """
    if found := _PATH.fullmatch(argument):
        address, parameters = argument[1 : found.end(2)], found[3]
    elif found := _BARE.fullmatch(argument):
        address, parameters = found[1], found[2]
    else:
        return None
    if len(address) > _LONGEST_ADDRESS or not address.isprintable() or not parameters.isascii():
        return None
    return address or "<>", parameters


def without_route(address: str) -> str:
    """The address behind a source route, `@relay,@relay:user@host`, which RFC 5321 appendix F.2 tells us to accept and ignore."""
    return address.partition(":")[2] if address.startswith("@") else address


def plain(address: str) -> bool:
    """Whether an address can name a mailbox here: a dot-atom at a host name, or the bare `postmaster` of RFC 5321 4.5.1."""
    return _PLAIN.fullmatch(address) is not None or address.lower() == "postmaster"


def parameters(text: str) -> dict[str, str] | None:
    """The parameters of MAIL or RCPT by their names in capitals, "" for one without a value; None where one is malformed."""
    found = {}
    for word in text.upper().split():
        name, equals, value = word.partition("=")
        if not name.isalnum() or (equals and not value):
            return None
        found[name] = value
    return found


def misfit(found: Mapping[str, str], max_size: int) -> str:
    """Why a MAIL with these parameters cannot be granted, as a reply; "" where it can (RFC 1870, 6152, 6531)."""
    size = found.get("SIZE", "0")
    if not size.isdecimal() or found.get("SMTPUTF8"):
        return "501 5.5.4 Such a parameter cannot have this value"
    if found.get("BODY", "7BIT") not in ("7BIT", "8BITMIME"):
        return "501 5.5.4 BODY is 7BIT or 8BITMIME"
    if int(size) > max_size:
        return "552 5.3.4 Too big"
    return "" if found.keys() <= _KNOWN else "555 5.5.4 Unknown parameter"


def unstuffed(data: bytearray) -> bytes:
    """The mail that was sent as `data`: dot transparency undone (RFC 5321 4.5.2), line ends mended.

    `data` begins with a CRLF that is not part of the mail, so that its first line is like any other.
    """
    if b"\r\n." in data:
        data = data.replace(b"\r\n.", b"\r\n")
    return mended(bytes(memoryview(data)[2:]))


def mended(raw: bytes) -> bytes:
    """The mail with every line ended by CRLF; the same object where that is so already, which is what a DKIM signature needs.

    A bare LF ends a line, as its sender meant. Any other stray CR becomes a space, as in Postfix: two programs that disagree on whether it
    ends a line see different headers. Four replacements in C, because a pattern that gathers runs of CR costs quadratic time.
    """
    if regular(raw):
        return raw
    # The second pass is for CR CR LF, which is what a line end becomes that was translated twice.
    raw = raw.replace(b"\r\n", b"\n").replace(b"\r\n", b"\n")
    return raw.replace(b"\r", b" ").replace(b"\n", b"\r\n")


def regular(octets: bytes) -> bool:
    """Whether every line ends in CRLF, and neither CR nor LF stands anywhere else."""
    # By what Python opens text files with, which looks at each octet once; counts of three kinds take four times as long.
    ends = io.IncrementalNewlineDecoder(None, translate=False)
    for at in range(0, len(octets), _PIECE):
        ends.decode(octets[at : at + _PIECE].decode("latin-1"))
    ends.decode("", final=True)
    return ends.newlines in (None, "\r\n")


def hops(raw: bytes) -> int:
    """How many Received fields stand in the header block, in its first megabyte: how often the mail was handed on (RFC 5321 6.3)."""
    end = raw.find(b"\r\n\r\n", 0, _LONGEST_HEAD)
    head = raw[: end if end >= 0 else _LONGEST_HEAD]
    return (b"\r\n" + head).lower().count(b"\r\nreceived:")
