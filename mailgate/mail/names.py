"""What does the DNS say? A few questions about the sender of one mail, within a time and a number that no sender can stretch.

Synchronous, and asked only where `security.verify` wants it. What an answer means is the question of whoever asked.
"""

from __future__ import annotations

import time
from ipaddress import IPv4Address, IPv6Address, ip_address

from dns.exception import DNSException
from dns.name import from_text
from dns.rdatatype import RdataType
from dns.resolver import NXDOMAIN, NoAnswer, Resolver

# Seconds for one question and for all that a mail may ask, and how many these may be.
_PATIENCE = 2.0
_ALL = 6.0
_MOST = 40


class Unanswered(Exception):
    """Nobody answered in time, or the mail has had its questions; nothing follows from it. Never leaves this package."""


class Names:
    """The questions of one mail. `resolver` is where they go, by default the system's."""

    def __init__(self, resolver: Resolver | None = None) -> None:
        self._resolver = resolver or Resolver()
        self._end = time.monotonic() + _ALL
        self._left = _MOST

    def texts(self, name: str) -> list[str]:
        """The TXT records of a name, the pieces of each joined; none where there is no such name. Raises Unanswered."""
        return [b"".join(record.strings).decode("latin-1") for record in self._ask(name, RdataType.TXT)]

    def addresses(self, name: str, like: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
        """The addresses of a host that are of the same version as `like`. Raises Unanswered."""
        kind = RdataType.A if like.version == 4 else RdataType.AAAA
        return [ip_address(record.address) for record in self._ask(name, kind)]

    def exchanges(self, name: str) -> list[str]:
        """The hosts of a domain's MX records. Raises Unanswered."""
        return [record.exchange.to_text() for record in self._ask(name, RdataType.MX)]

    def _ask(self, name: str, kind: RdataType) -> list:  # type: ignore[type-arg]
        self._left -= 1
        wait = min(_PATIENCE, self._end - time.monotonic())
        if self._left < 0 or wait <= 0:
            raise Unanswered
        try:
            asked = from_text(name)
        except (DNSException, UnicodeError):
            # What is no name has no records.
            return []
        try:
            return list(self._resolver.resolve(asked, kind, lifetime=wait, search=False))
        except (NXDOMAIN, NoAnswer):
            return []
        except (DNSException, OSError):
            raise Unanswered from None
