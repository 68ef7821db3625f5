"""May this address send mail for that domain? The Sender Policy Framework, RFC 7208, as far as it needs no guess.

`ptr` is not evaluated, nor is a macro that asks for a name that we do not know (`%{h}`, `%{p}`): a policy that comes to one of them before
it says yes or no counts as neutral, which proves nothing and disproves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import TypeVar
from urllib.parse import quote

from mailgate.mail.names import Names, Unanswered

IP = IPv4Address | IPv6Address
T = TypeVar("T")

_RESULTS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
# RFC 7208 4.6.4: so many terms may ask, and of those so many for nothing; a name may have so many mail hosts.
_LOOKUPS, _VOID, _HOSTS = 10, 2, 10
_TERM = re.compile(r"([-+~?]?)(all|include|a|mx|ip4|ip6|exists|ptr)((?:[:/].*)?)", re.IGNORECASE)
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]*)=(.*)", re.IGNORECASE)
_TARGET = re.compile(r"(?::((?:%\{[^{}]*\}|[^/])+))?(?:/(\d{1,2}))?(?://(\d{1,3}))?")
# RFC 7208 7.1: a letter, how many parts of its value from the right, whether these are reversed, and what parts them.
_MACRO = re.compile(r"%(?:\{([slodiphv])(\d{0,3})(r?)([-.+,/_=]*)\}|([%_-]))", re.IGNORECASE)
_LITERAL = {"%": "%", "_": " ", "-": "%20"}
_LONGEST_NAME = 253
_LONGEST = 4096


class _Over(Exception):
    """The evaluation ends here with this result."""


def check(names: Names, ip: IP, domain: str, local: str = "") -> str:
    """pass, fail, softfail, neutral, none, temperror or permerror (RFC 7208 2.6). Never raises on what a domain publishes.

    `local` is the local part of the sender, for policies that want to know it.
    """
    try:
        return _Evaluation(names, ip, local or "postmaster", domain).of(domain)
    except Unanswered:
        return "temperror"
    except _Over as over:
        return str(over)


class _Evaluation:
    def __init__(self, names: Names, ip: IP, local: str, sender: str) -> None:
        self._names = names
        self._ip = ip
        dotted = str(ip) if ip.version == 4 else ".".join(ip.exploded.replace(":", ""))
        version = "in-addr" if ip.version == 4 else "ip6"
        self._told = {"s": f"{local}@{sender}", "l": local, "o": sender, "i": dotted, "v": version}
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
        return self._redirected(self._expanded(redirect, domain)) if redirect else "neutral"

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
                return self._included(self._expanded(rest.removeprefix(":"), domain))
            case "ptr":
                raise _Over("neutral")
        target = _TARGET.fullmatch(rest)
        if target is None or mechanism == "all":
            raise _Over("permerror")
        name = self._expanded(target[1], domain) if target[1] else domain
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
        """One more term that asks."""
        self._lookups -= 1
        if self._lookups < 0 or not domain:
            raise _Over("permerror")

    def _expanded(self, spec: str, domain: str) -> str:
        """A domain with its macros filled in (RFC 7208 7.3), cut from the left to the length of a name."""
        if "%" not in spec:
            return spec
        if "%" in _MACRO.sub("", spec):
            raise _Over("permerror")
        name = _MACRO.sub(lambda macro: _LITERAL.get(macro[5] or "") or self._filled(macro, domain), spec)
        while len(name) > _LONGEST_NAME and "." in name:
            name = name.partition(".")[2]
        return name

    def _filled(self, macro: re.Match[str], domain: str) -> str:
        letter, count, reverse, marks = macro[1], macro[2], macro[3], macro[4]
        value = domain if letter.lower() == "d" else self._told.get(letter.lower())
        if value is None:
            raise _Over("neutral")
        if count and not int(count):
            raise _Over("permerror")
        parts = re.split(f"[{re.escape(marks or '.')}]", value)
        kept = ".".join((parts[::-1] if reverse else parts)[-int(count or len(parts)) :])
        return quote(kept, safe="") if letter.isupper() else kept

    def _found(self, answers: list[T]) -> list[T]:
        """The answers; too many questions without one end the evaluation."""
        self._void -= not answers
        if self._void < 0:
            raise _Over("permerror")
        return answers
