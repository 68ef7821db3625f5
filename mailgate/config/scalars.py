"""How are the values of config/ written: durations, sizes, addresses, networks? Each reader here takes one node; hours stand beside.

Durations are elapsed time; what they are counted in (business time or not) is said by whoever asks. Sizes are octets.
"""

from __future__ import annotations

import re
from datetime import time, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from mailgate.config.reader import Bad, Node, Reader, hint, integer, line, quoted, shown, text
from mailgate.desk.model import Address, fold_address
from mailgate.desk.seldom import seldom

Network = IPv4Network | IPv6Network

_DURATION = seldom(r"(\d{1,6})\s*([smhdw])", re.ASCII)
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_SIZE = seldom(r"(\d{1,12})\s*([kKMG]i?)?B", re.ASCII)
_FACTORS = {None: 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_LANGUAGE = seldom(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", re.ASCII)
_HOLIDAYS = seldom(r"[A-Z]{2}(-[A-Z0-9]{1,4})?", re.ASCII)
_TAG = seldom(r"[A-Za-z][A-Za-z0-9]{0,11}", re.ASCII)
_WORD = seldom(r"[^\W\d_][\w-]{0,31}")
# One label of a host name or domain, and an atom of a local part (RFC 5321 4.1.2).
_LABEL = seldom(r"[\w]([\w-]{0,61}[\w])?")
_ATOM = seldom(r"[\w!#$%&'*+/=?^`{|}~-]+")
# RFC 5322 2.2: a field name is printable ASCII without a colon.
_FIELD_NAME = seldom(r"[!-9;-~]+")


def duration(node: Node) -> timedelta:
    """A time like "90s", "15m", "8h", "3d" or "2w", longer than nothing."""
    value = as_duration(node.value)
    if not value:
        raise Bad(f'must be a duration like "90s", "15m", "8h" or "3d", not {shown(node.value)}')
    return value


def as_duration(value: object) -> timedelta | None:
    """The duration that a text such as `1h30m` tells; None where it is none. Parts stand without anything between them."""
    if not isinstance(value, str) or not value.strip():
        return None
    total, at = timedelta(0), 0
    while at < len(value.strip()):
        part = _DURATION.match(value.strip(), at)
        if not part:
            return None
        total += int(part[1]) * _UNITS[part[2]]
        at = part.end()
    return total


def duration_or_never(node: Node) -> timedelta | None:
    """A duration, or None for "never"."""
    return None if node.value == "never" else duration(node)


_CLOCK = seldom(r"(\d{1,2}):(\d{2})", re.ASCII)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def clock_or_never(node: Node) -> time | None:
    """A time of day such as "07:30", or "never" (None)."""
    if node.value == "never":
        return None
    found = _clock(node.value)
    if found is None:
        raise Bad(f'must be a time like "07:30" or "never", not {shown(node.value)}')
    return found


def weekday_or_never(node: Node) -> tuple[int, time] | None:
    """A day of the week (0: Monday) and a time of day such as "mon 07:30", or "never" (None)."""
    if node.value == "never":
        return None
    day, _, clock = node.value.partition(" ") if isinstance(node.value, str) else ("", "", "")
    found = _clock(clock)
    if found is None or day.lower() not in _DAYS:
        raise Bad(f'must be a day and a time like "mon 07:30" or "never", not {shown(node.value)}')
    return _DAYS.index(day.lower()), found


def _clock(value: object) -> time | None:
    found = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        return None
    return time(int(found[1]), int(found[2]))


def size(node: Node) -> int:
    """Octets, from a text like "35MB" (1 MB is 1,000,000, 1 MiB 1,048,576) or a whole number."""
    if isinstance(node.value, int):
        return integer(1, 2**40)(node)
    match = _SIZE.fullmatch(node.value.strip()) if isinstance(node.value, str) else None
    if not match or not int(match[1]):
        raise Bad(f'must be a size like "35MB" or "512KiB", not {shown(node.value)}')
    return int(match[1]) * _FACTORS[match[2]]


def timezone(node: Node) -> str:
    """A time zone of the IANA database, such as "Europe/Berlin"."""
    # Few configurations name a zone, and a command that starts quickly has no time to find out where zones lie on this machine.
    from zoneinfo import ZoneInfo

    name = line(node)
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Bad(f"unknown time zone {quoted(name)}; {_near_zone(name)}") from None
    return name


def _near_zone(name: str) -> str:
    from zoneinfo import available_timezones

    near = hint(name, available_timezones())
    return near if near.startswith("did") else 'write one like "Europe/Berlin"'


def language(node: Node) -> str:
    """A language tag such as "en" or "pt-BR" (RFC 5646)."""
    return _matching(node, _LANGUAGE, 'a language like "en" or "de"')


def holidays(node: Node) -> str:
    """The code of a country, and of a part of it, such as "DE-BY" (ISO 3166). Which days they are is `config.holidays`'."""
    return _matching(node, _HOLIDAYS, 'a country or a part of one, like "DE" or "DE-BY"')


def tag(node: Node) -> str:
    """What stands before the number in a subject: letters and digits, at most 12."""
    return _matching(node, _TAG, "a tag of letters and digits, at most 12")


def _matching(node: Node, pattern: re.Pattern[str], what: str) -> str:
    if not isinstance(node.value, str) or not pattern.fullmatch(node.value):
        raise Bad(f"must be {what}, not {shown(node.value)}")
    return node.value


def address(node: Node) -> Address:
    """A mail address without display name, folded (RFC 5321 4.1.2, dot-string only; no quoted local parts, no address literals)."""
    local, _, domain = (node.value if isinstance(node.value, str) else "").strip().rpartition("@")
    if not is_domain(domain) or len(local) > 64 or not all(_ATOM.fullmatch(atom) for atom in local.split(".")):
        raise Bad(f'must be a mail address like "support@example.com", not {shown(node.value)}')
    return fold_address(f"{local}@{domain}")


def is_domain(text: str) -> bool:
    """Whether this can be a domain or host name."""
    return len(text) <= 253 and all(_LABEL.fullmatch(label) for label in text.split("."))


def domain(node: Node) -> str:
    """A domain such as "example.com", in lower case."""
    name = line(node).lower().removeprefix("@")
    if not is_domain(name):
        raise Bad(f'must be a domain like "example.com", not {shown(node.value)}')
    return name


def host(node: Node) -> str:
    """A host name or an IP address."""
    name = line(node)
    if not is_domain(name) and as_network(name) is None:
        raise Bad(f"must be a host name or an address, not {shown(node.value)}")
    return name


def as_network(text: str) -> Network | None:
    """The network that this is (an address is a network of one); None where it is none."""
    try:
        return ip_network(text)
    except ValueError:
        return None


def network(node: Node) -> Network:
    """A network like "10.0.0.0/8" or "2001:db8::/32", or one address."""
    value = line(node)
    try:
        return ip_network(value)
    except ValueError as error:
        why = "; the bits behind the mask are not 0" if "host bits" in str(error) else ""
        raise Bad(f'must be a network like "10.0.0.0/8" or an address, not {quoted(value)}{why}') from None


def network_or_host(node: Node) -> str:
    """A network, an address or a host name, as it is written (host names in lower case)."""
    value = line(node).lower()
    if as_network(value) is None and not is_domain(value):
        raise Bad(f'must be a network like "10.0.0.0/8" or a host name, not {quoted(value)}')
    return value


def header(node: Node) -> str:
    """The name of a header, alone or with the value that it has to have: "X-Border: internal"."""
    name, _, _ = line(node).partition(":")
    if not is_field_name(name):
        raise Bad(f'must be the name of a header like "X-Border", not {shown(node.value)}')
    return line(node)


def is_field_name(text: str) -> bool:
    """Whether this can be the name of a header."""
    return _FIELD_NAME.fullmatch(text) is not None


def url(node: Node) -> str:
    """An address of the web, without a slash at its end."""
    value = line(node)
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or " " in value:
        raise Bad(f'must be an address like "https://desk.example.com", not {quoted(value)}')
    return value.rstrip("/")


def path(root: Path) -> Reader[Path]:
    """A path; a relative one starts at `root`."""
    return lambda node: root / line(node)


def pattern(node: Node) -> re.Pattern[str]:
    """A regular expression of Python, which will be searched without case in something short."""
    from mailgate.desk.conditions import MOST

    return _searched(node, MOST)


def long_pattern(node: Node) -> re.Pattern[str]:
    """A regular expression of Python, which will be searched without case in the body of a mail."""
    from mailgate.desk.conditions import MOST_TEXT

    return _searched(node, MOST_TEXT)


def _searched(node: Node, longest: int) -> re.Pattern[str]:
    from mailgate.config.patterns import runs_away

    value = text(node)
    try:
        compiled, endless = re.compile(value, re.IGNORECASE), runs_away(value, longest)
    except (re.error, RecursionError, OverflowError) as error:
        raise Bad(f"{quoted(value)} is no regular expression: {error}") from None
    if endless:
        raise Bad(
            f"{quoted(value)} could be made to run for ever; repeat nothing that repeats itself, and write .{{0,80}} for all .* but one"
        )
    return compiled


def word(node: Node) -> str:
    """One word of letters as it stands behind `#` in a command, in lower case."""
    found = line(node).lower().removeprefix("#")
    if not _WORD.fullmatch(found):
        raise Bad(f"must be one word of letters, not {shown(node.value)}")
    return found
