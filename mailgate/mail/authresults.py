"""What did our own border write above a mail: which hops are ours, and what did they find out about the sender?

Reads Received (RFC 5321 section 4.4) and Authentication-Results (RFC 8601, and the form without authserv-id that Microsoft 365 writes).
What the findings are worth is sender's question. Nothing here raises on what a sender can write; all of it takes linear time.

One reader of our own serves every dialect, because two readers of one field can disagree, and a sender lives in the gap. The comments
are kept: that is where most borders tell a DMARC policy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from msgspec import Struct

from mailgate.desk.address import fold_address

Fields = tuple[tuple[str, str], ...]
IP = IPv4Address | IPv6Address

# In security.authserv_ids this stands for a field without authserv-id. It is no id: nobody's field may bear it.
MICROSOFT = "microsoft365"

# No border writes more than this; longer fields are unreadable rather than read in part.
_LONGEST = 16_384

_PIECE = re.compile(r'[^\s"\\();]+|\s+|\\.|.', re.DOTALL)
_WORD = re.compile(r"[()]|[^\s()\[\];]+|;")
_NUMERIC = re.compile(r"(?:IPv6:)?([0-9a-f:.]{2,45})", re.IGNORECASE)


class Result(Struct, frozen=True):
    """One finding: `dmarc=fail (p=reject) header.from=corp.example`. Names and verdict are lower-cased, the comments of it are joined."""

    method: str
    verdict: str
    properties: tuple[tuple[str, str], ...] = ()
    comment: str = ""

    def tell(self, *names: str) -> str:
        """The value of the first of these properties that it has, or "". One with two values is "?", which is no domain and no selector."""
        for name in names:
            values = {value for known, value in self.properties if known == name}
            if values:
                return values.pop() if len(values) == 1 else "?"
        return ""


class Report(Struct, frozen=True):
    """One Authentication-Results field. `authserv_id` is folded, and "" where the field has none."""

    authserv_id: str
    results: tuple[Result, ...] = ()

    def of(self, method: str) -> tuple[Result, ...]:
        """All results of this method, in their order."""
        return tuple(result for result in self.results if result.method == method)


class Hop(Struct, frozen=True):
    """Who wrote a Received field, by its own word, and the addresses that it shows of the host that it took the mail from."""

    by: str
    peers: tuple[IP, ...] = ()


class Trace(Struct, frozen=True):
    """A mail's trace, cut where our own hops end: `ours` stands above the first Received of a foreign host, `beneath` below it.

    `foreign` names that host as it names itself; "" where there is none.
    """

    ours: Fields
    foreign: str = ""
    beneath: Fields = ()


def read(value: str) -> Report | None:
    """An unfolded Authentication-Results value, or None where it is too long or its quotes and comments do not balance.

    A part that is no `method=result` says nothing and is passed over: borders write many odd ones.
    """
    parts = _parts(value) if len(value) <= _LONGEST else None
    if parts is None:
        return None
    head = parts[0][0]
    named = bool(head) and "=" not in head[0]
    results = tuple(result for words, comment in (parts[1:] if named else parts) if (result := _result(words, comment)))
    return Report(fold_address(head[0]) if named else "", results)


def read_hop(received: str) -> Hop:
    """An unfolded Received value. A field that does not say who wrote it gives a hop with an empty name, which is nobody's.

    Only the clause after `by`, outside comments, is the writer's own; what stands before it is partly the peer's choice.
    """
    depth, previous = 0, ""
    peers: list[IP] = []
    for match in _WORD.finditer(received[:_LONGEST]):
        word = match.group()
        if word in "()":
            depth += 1 if word == "(" else -1
        elif word == ";":
            break
        elif depth <= 0 and previous == "by":
            return Hop(fold_address(word), tuple(peers))
        else:
            # A peer may well have called itself "by".
            previous = word.lower() if depth <= 0 and previous != "from" else ""
            peers += _addresses(word)
    return Hop("")


def cut(trace: Fields, border: Iterable[str]) -> Trace:
    """Tells apart what our own hosts wrote from what anyone may have written. `trace` stands topmost first, names lower-cased.

    A host is ours if the name that it gives itself is in `border` (`mx.corp.example`, or `*.corp.example` for all below), or if it is a
    network's (`10.0.0.0/8`): by the address it calls itself, or by those at which the hop above it, one of ours, was given the mail.
    """
    hosts = _hosts(tuple(border))
    seen_at: tuple[IP, ...] = ()
    for place, (name, value) in enumerate(trace):
        if name != "received":
            continue
        hop = read_hop(value)
        if not hosts.named(hop.by) and not hosts.within(tuple(_addresses(hop.by)) or seen_at):
            return Trace(trace[:place], hop.by or "a host that gives no name", trace[place:])
        seen_at = hop.peers
    return Trace(trace)


def our_report(fields: Fields, authserv_ids: tuple[str, ...]) -> tuple[Report | None, bool]:
    """The topmost report that bears one of our authserv-ids, and whether there is one at all: (None, True) is one that nobody can read.

    Only the topmost counts (RFC 8601 section 5): those below it may have come with the mail.
    """
    wanted = _hosts(tuple(one for one in authserv_ids if fold_address(one) != MICROSOFT))
    unnamed = any(fold_address(one) == MICROSOFT for one in authserv_ids)
    for value in (text for name, text in fields if name == "authentication-results"):
        report = read(value)
        identity = report.authserv_id if report else _crude_id(value)
        if wanted.named(identity) if identity else unnamed:
            return report, True
    return None, False


class _Hosts(Struct, frozen=True):
    """Host names, endings of host names (".corp.example") and networks."""

    names: frozenset[str]
    endings: tuple[str, ...]
    networks: tuple[IPv4Network | IPv6Network, ...]

    def named(self, host: str) -> bool:
        """Whether a host of this name is ours; "" is nobody."""
        return host in self.names or (bool(self.endings) and host.endswith(self.endings))

    def within(self, addresses: tuple[IP, ...]) -> bool:
        """Whether all of them, and at least one, stand in our networks: a peer chooses some of what is written about it."""
        return bool(addresses) and all(any(address in network for network in self.networks) for address in addresses)


@lru_cache(maxsize=64)
def _hosts(entries: tuple[str, ...]) -> _Hosts:
    names, endings, networks = set(), [], []
    for entry in map(fold_address, entries):
        try:
            networks.append(ip_network(entry, strict=False))
        except ValueError:
            if entry.startswith(("*.", ".")):
                endings.append(entry.removeprefix("*"))
            else:
                names.add(str(entry))
    return _Hosts(frozenset(names), tuple(endings), tuple(networks))


def _addresses(word: str) -> list[IP]:
    """The IP address that a word is, or nothing."""
    match = _NUMERIC.fullmatch(word)
    if match is None:
        return []
    try:
        return [ip_address(match.group(1))]
    except ValueError:
        return []


def _crude_id(value: str) -> str:
    """The first word of a field that cannot be read: enough to know whose it says it is."""
    words = value[:1000].partition(";")[0].split()
    return fold_address(words[0]) if words and "=" not in words[0] else ""


def _parts(value: str) -> list[tuple[list[str], str]] | None:
    """The words and the joined comments between semicolons; None where quotes or comments do not balance.

    A quoted string is part of its word, blanks and semicolons in it included. There is always at least one part.
    """
    parts: list[tuple[list[str], str]] = []
    words: list[str] = []
    word, comment = "", []
    depth, quoted = 0, False
    for piece in _PIECE.findall(value):
        if depth:
            depth += (piece == "(") - (piece == ")")
            comment.append(piece if depth else " ")
        elif quoted or piece == '"':
            quoted = quoted != (piece == '"')
            word += piece.removeprefix("\\") if piece != '"' else ""
        elif piece == ")":
            return None
        elif piece in "(;" or piece.isspace():
            words += [word] if word else []
            word = ""
            depth = int(piece == "(")
            if piece == ";":
                parts.append((words, "".join(comment)))
                words, comment = [], []
        else:
            word += piece
    return None if depth or quoted else [*parts, ([*words, word] if word else words, "".join(comment))]


def _result(words: list[str], comment: str) -> Result | None:
    """What one part says: `dkim/1=pass header.d=corp.example`."""
    if not words or "=" not in words[0]:
        return None
    pairs = [(fold_address(name), text) for name, equals, text in (word.partition("=") for word in words) if equals]
    method, verdict = pairs[0]
    return Result(method.partition("/")[0], fold_address(verdict), tuple((str(name), text) for name, text in pairs[1:]), comment.strip())
