"""May this address send mail for that domain? The Sender Policy Framework, RFC 7208, as far as it needs no guess.

Macros and `ptr` are not evaluated: a policy that comes to one of them before it says yes or no counts as neutral, which proves nothing and
disproves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import TypeVar

from mailgate.mail.names import Names, Unanswered

IP = IPv4Address | IPv6Address
T = TypeVar("T")

_RESULTS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
# RFC 7208 4.6.4: so many terms may ask, and of those so many for nothing; a name may have so many mail hosts.
_LOOKUPS, _VOID, _HOSTS = 10, 2, 10
_TERM = re.compile(r"([-+~?]?)(all|include|a|mx|ip4|ip6|exists|ptr)((?:[:/].*)?)", re.IGNORECASE)
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]*)=(.*)", re.IGNORECASE)
_TARGET = re.compile(r"(?::([^/]+))?(?:/(\d{1,2}))?(?://(\d{1,3}))?")
_LONGEST = 4096


class _Over(Exception):
    """The evaluation ends here with this result."""


def check(names: Names, ip: IP, domain: str) -> str:
    """pass, fail, softfail, neutral, none, temperror or permerror (RFC 7208 2.6). Never raises on what a domain publishes."""
    try:
        return _Evaluation(names, ip).of(domain)
    except Unanswered:
        return "temperror"
    except _Over as over:
        return str(over)


class _Evaluation:
    def __init__(self, names: Names, ip: IP) -> None:
        self._names = names
        self._ip = ip
        self._lookups = _LOOKUPS
        self._void = _VOID

    def of(self, domain: str) -> str:
        """What the domain's policy says about the address. Raises Unanswered and _Over."""
        texts = self._names.texts(domain)
        policies = [text for text in texts if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]
        if len(policies) != 1:
            return "permerror" if policies else "none"
        redirect = ""
        for term in policies[0][:_LONGEST].split()[1:]:
            if modifier := _MODIFIER.fullmatch(term):
                redirect = modifier[2] if modifier[1].lower() == "redirect" else redirect
                continue
            match = _TERM.fullmatch(term)
            if match is None:
                raise _Over("permerror")
            if self._matches(match[2].lower(), match[3], domain):
                return _RESULTS[match[1] or "+"]
        return self._redirected(redirect) if redirect else "neutral"

    def _redirected(self, domain: str) -> str:
        self._count(domain)
        found = self.of(domain)
        return "permerror" if found == "none" else found

    def _matches(self, mechanism: str, rest: str, domain: str) -> bool:
        match mechanism:
            case "all" if not rest:
                return True
            case "ip4" | "ip6":
                return self._listed(rest.removeprefix(":"), 4 if mechanism == "ip4" else 6)
            case "include":
                return self._included(rest.removeprefix(":"))
            case "ptr":
                raise _Over("neutral")
        target = _TARGET.fullmatch(rest)
        if target is None or mechanism == "all":
            raise _Over("permerror")
        name = target[1] or domain
        self._count(name)
        length = target[2] if self._ip.version == 4 else target[3]
        if mechanism == "exists":
            return bool(self._found(self._names.addresses(name, IPv4Address(0))))
        return any(self._within(one, length) for host in self._hosts(mechanism, name) for one in self._addresses(host))

    def _included(self, domain: str) -> bool:
        self._count(domain)
        found = self.of(domain)
        if found in ("none", "permerror"):
            raise _Over("permerror")
        return found == "pass"

    def _hosts(self, mechanism: str, name: str) -> Iterator[str]:
        if mechanism == "a":
            yield name
            return
        hosts = self._found(self._names.exchanges(name))
        if len(hosts) > _HOSTS:
            raise _Over("permerror")
        yield from hosts

    def _addresses(self, host: str) -> list[IP]:
        return self._found(self._names.addresses(host, self._ip))

    def _listed(self, text: str, version: int) -> bool:
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            raise _Over("permerror") from None
        return network.version == version == self._ip.version and self._ip in network

    def _within(self, other: IP, length: str | None) -> bool:
        most = other.max_prefixlen
        if int(length or most) > most:
            raise _Over("permerror")
        return self._ip in ip_network(f"{other}/{length or most}", strict=False)

    def _count(self, domain: str) -> None:
        """One more term that asks. A domain with a macro in it is not known to us."""
        self._lookups -= 1
        if self._lookups < 0 or not domain:
            raise _Over("permerror")
        if "%" in domain:
            raise _Over("neutral")

    def _found(self, answers: list[T]) -> list[T]:
        """The answers; too many questions without one end the evaluation."""
        self._void -= not answers
        if self._void < 0:
            raise _Over("permerror")
        return answers
