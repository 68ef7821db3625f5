"""What would a border have written about the sender of this mail? SPF and DKIM by our own look into the DNS, as one Report.

Asked only where `security.verify` is "dns" and no border of ours wrote anything. What the report is worth (alignment, signatures with
l=) is sender's question, as for any other report. DMARC policies are not asked for.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import dkim

from mailgate.desk.address import fold_address
from mailgate.mail import spf
from mailgate.mail.authresults import Fields, Report, Result, cut, read_hop
from mailgate.mail.names import Names, Unanswered

# No more signatures are looked at, no longer one, no larger header or mail: what dkimpy needs must stay small whatever a sender writes.
_MOST = 5
_LONGEST = 4096
_HEAD = 128 * 1024
_LARGEST = 40_000_000
# dkimpy's time grows with the square of a run of blanks; so much of it is allowed in a mail.
_BLANKS = re.compile(rb"[\t ]{16,}")
_BLANK_STEPS = 20_000_000
# The records of keys up to 4096 bits; a larger one would make a signature as expensive as its sender likes.
_LONGEST_KEY = 1200
# Hosts of networks like these belong to somebody at home: which of them handed the mail in says nothing about the outside.
_AT_HOME = tuple(map(ip_network, "127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 ::1/128 fc00::/7 fe80::/10".split()))
_END = re.compile(rb"\r?\n\r?\n")
_SIGNATURE = re.compile(rb"^dkim-signature:([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)", re.IGNORECASE | re.MULTILINE)

# dkimpy tells its log what senders wrote.
_NOBODY = logging.Logger("dkim")
_NOBODY.disabled = True


def handed_over_by(trace: Fields, peer: str, border: tuple[str, ...]) -> str:
    """The address of the host that gave the mail to the first of ours, "" where that cannot be known: the peer, if it is none of ours."""
    if cut((("received", f"by {peer}"),), border).foreign:
        return peer
    hops = [read_hop(value) for name, value in cut(trace, border).ours if name == "received"]
    peers = set(hops[-1].peers) if hops else set()
    return str(peers.pop()) if len(peers) == 1 else ""


def verified(raw: bytes, peer: str, envelope_from: str | None, names: Names) -> Report:
    """SPF and DKIM of a mail that the outside host `peer` ("" where unknown) handed over; no result for what is not there.

    Waits for the DNS, a few seconds at most. Never raises on what a sender or a DNS server can write.
    """
    return Report("", (*_spf(peer, envelope_from or "", names), *_dkim(raw, names)))


def _spf(peer: str, envelope_from: str, names: Names) -> Iterator[Result]:
    local, _, domain = fold_address(envelope_from).rpartition("@")
    try:
        ip = ip_address(peer)
    except ValueError:
        return
    # A null path names no domain of an author.
    if domain and not any(ip in network for network in _AT_HOME):
        yield Result("spf", spf.check(names, ip, domain, local), (("smtp.mailfrom", domain),))


def _dkim(raw: bytes, names: Names) -> Iterator[Result]:
    end = _END.search(raw)
    head = raw[: end.start() if end else len(raw)]
    signatures = _SIGNATURE.findall(head[:_HEAD])
    if not signatures or len(head) > _HEAD or not _fit(raw, head):
        return
    if any(len(one) > _LONGEST for one in signatures):
        return
    try:
        checker = dkim.DKIM(raw, logger=_NOBODY, minkey=1024)
    except (dkim.DKIMException, IndexError):
        # It reads stricter than we do; what it cannot read proves nothing.
        return
    # Each signature costs a pass over the whole body.
    for number in range(min(len(signatures), _MOST, max(1, _LARGEST // len(raw)))):
        yield from _signature(checker, number, names)


def _fit(raw: bytes, head: bytes) -> bool:
    """Whether dkimpy reads the mail in decent time, and its header as we do: a bare CR or NUL is where two readers part."""
    parts = b"\r" in head.replace(b"\r\n", b"") or b"\0" in head
    return not parts and len(raw) <= _LARGEST and sum(len(match[0]) ** 2 for match in _BLANKS.finditer(raw)) <= _BLANK_STEPS


def _signature(checker: dkim.DKIM, number: int, names: Names) -> Iterator[Result]:
    unanswered = False

    def key(name: bytes, timeout: int = 0) -> bytes | None:
        nonlocal unanswered
        try:
            return next((one.encode("latin-1") for one in names.texts(name.decode("ascii")) if len(one) <= _LONGEST_KEY), None)
        except Unanswered:
            unanswered = True
            return None

    checker.signature_fields = {}
    try:
        good = checker.verify(number, dnsfunc=key)
    except Exception:
        # dkimpy says by many kinds of error, its own and others', that a signature or its key is not good.
        good = False
    fields = checker.signature_fields
    tags = {name: "".join(fields.get(name, b"").decode("latin-1").split()) for name in (b"d", b"s", b"b", b"a", b"h")}
    if not tags[b"d"]:
        return
    # RFC 8301 3.1: SHA-1 proves nothing. RFC 6376 5.4: nor does a signature that leaves out From.
    sound = tags[b"a"] != "rsa-sha1" and "from" in tags[b"h"].lower().split(":")
    # RFC 6376 3.3: a method that we cannot calculate is as good as no signature (RFC 8463, where PyNaCl is missing).
    known = tags[b"a"].lower() in ("rsa-sha256", "rsa-sha1")
    verdict = "temperror" if unanswered else "pass" if good and sound else "fail" if known else "neutral"
    yield Result("dkim", verdict, (("header.d", tags[b"d"]), ("header.s", tags[b"s"]), ("header.b", tags[b"b"])))
