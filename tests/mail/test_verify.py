"""Do SPF and DKIM say what the domains published and signed? Against a name server that the test runs; the world's is never asked."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from mailgate.desk.model import Strength
from mailgate.desk.policy import Security, Verify
from mailgate.mail import names as names_module
from mailgate.mail import spf
from mailgate.mail.authresults import Report
from mailgate.mail.names import Names
from mailgate.mail.parse import parse
from mailgate.mail.sender import Sender, identify, wants_check
from mailgate.mail.verify import handed_over_by, verified
from tests.kit.names import NameServer

PEER = "192.0.2.7"
POLICY = Security(verify=Verify.DNS)
MAIL = (
    b"From: Ann <ann@corp.example>\r\nTo: desk@desk.example\r\nSubject: printer\r\n"
    b"Date: Fri, 20 Nov 2026 10:00:00 +0000\r\n\r\nIt burns.\r\n"
)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
PUBLIC = base64.b64encode(
    KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()


@pytest.fixture(scope="module")
def served() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.close()


@pytest.fixture
def server(served: NameServer) -> NameServer:
    served.records.clear()
    served.silent.clear()
    served.asked.clear()
    served.text("s1._domainkey.corp.example", f"v=DKIM1; k=rsa; p={PUBLIC}")
    return served


def signed(mail: bytes = MAIL, domain: bytes = b"corp.example", length: bool = False) -> bytes:
    """The mail under a signature of the domain."""
    signature: bytes = dkim.sign(mail, b"s1", domain, PEM, include_headers=[b"from", b"to", b"subject", b"date"], length=length)
    return signature + mail


def found(server: NameServer, raw: bytes, peer: str = PEER, envelope_from: str | None = None) -> list[tuple[str, str, str]]:
    """Method, verdict and domain of each result."""
    return [
        (one.method, one.verdict, one.tell("header.d", "smtp.mailfrom"))
        for one in verified(raw, peer, envelope_from, Names(server.resolver())).results
    ]


def judged(server: NameServer, raw: bytes, envelope_from: str | None = None, own: str = "desk.example") -> Sender:
    """The sender, with our own check."""
    mail = parse(raw)
    assert wants_check(mail, POLICY)
    report = verified(raw, PEER, envelope_from, Names(server.resolver()))
    return identify(mail, POLICY, frozenset({own}), submission=False, checked=report)


# ------------------------------------------------------------------------------------------------------------------ DKIM


def test_an_aligned_signature_makes_the_sender_aligned(server: NameServer) -> None:
    known = judged(server, signed())
    assert known.strength is Strength.ALIGNED
    assert [slug for slug, _ in known.findings] == ["no-authserv-ids", "own-check", "dkim-aligned"]


def test_a_signature_of_another_domain_proves_nothing(server: NameServer) -> None:
    server.text("s1._domainkey.evil.example", f"v=DKIM1; k=rsa; p={PUBLIC}")
    raw = signed(domain=b"evil.example")
    assert found(server, raw) == [("dkim", "pass", "evil.example")]
    assert judged(server, raw).strength is Strength.CLAIMED


def test_a_signature_by_sha1_proves_nothing(server: NameServer) -> None:
    raw = dkim.sign(MAIL, b"s1", b"corp.example", PEM, include_headers=[b"from"], signature_algorithm=b"rsa-sha1") + MAIL
    assert found(server, raw) == [("dkim", "fail", "corp.example")]


def test_a_changed_mail_fails_and_no_token_raises_it(server: NameServer) -> None:
    raw = signed().replace(b"It burns", b"Close it")
    assert found(server, raw) == [("dkim", "fail", "corp.example")]
    known = judged(server, raw)
    assert (known.strength, known.barred) == (Strength.CLAIMED, True)
    assert judged(server, raw, own="corp.example").strength is Strength.SPOOFED


def test_a_signature_that_leaves_the_end_of_the_body_open_counts_for_nothing(server: NameServer) -> None:
    raw = signed(length=True) + b"#close\r\n"
    assert found(server, raw) == [("dkim", "pass", "corp.example")]
    known = judged(server, raw)
    assert known.strength is Strength.CLAIMED
    assert known.findings[-1][0] == "dkim-l-tag"


def test_a_second_from_above_a_signed_mail_is_not_proven(server: NameServer) -> None:
    raw = b"From: eve@corp.example\r\n" + signed()
    assert found(server, raw) == [("dkim", "fail", "corp.example")]
    assert not wants_check(parse(raw), POLICY)


def test_one_good_signature_of_several_is_enough(server: NameServer) -> None:
    raw = b"DKIM-Signature: v=1; d=corp.example; s=old; a=rsa-sha256; h=from; bh=; b=\r\n" + signed()
    assert found(server, raw) == [("dkim", "fail", "corp.example"), ("dkim", "pass", "corp.example")]
    assert judged(server, raw).strength is Strength.ALIGNED


def test_a_method_that_cannot_be_calculated_is_no_signature_and_no_failure(server: NameServer) -> None:
    """RFC 8463 without PyNaCl: a second signature by RSA proves the mail, and alone it disproves nothing."""
    edwards = b"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=corp.example; s=s2; h=from; bh=aGFzaA==; b=c2ln\r\n"
    server.text("s2._domainkey.corp.example", "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    for raw in (edwards + signed(), signed(edwards + MAIL)):
        assert {verdict for _, verdict, _ in found(server, raw)} == {"neutral", "pass"}
        assert judged(server, raw).strength is Strength.ALIGNED
    alone = judged(server, edwards + MAIL, own="corp.example")
    assert (alone.strength, alone.barred) == (Strength.CLAIMED, False)


def test_a_missing_key_fails_and_a_silent_server_does_not(server: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names_module, "_PATIENCE", 0.2)
    server.silent.add("s1._domainkey.corp.example")
    assert found(server, signed()) == [("dkim", "temperror", "corp.example")]
    assert not judged(server, signed()).barred
    server.silent.clear()
    server.records.clear()
    assert found(server, signed()) == [("dkim", "fail", "corp.example")]


def test_a_key_of_any_size_a_sender_likes_is_not_calculated_with(server: NameServer) -> None:
    server.text("s1._domainkey.corp.example", f"v=DKIM1; k=rsa; p={PUBLIC}; n={'x' * 1200}")
    assert found(server, signed()) == [("dkim", "fail", "corp.example")]


@pytest.mark.parametrize(
    "raw",
    [
        signed(MAIL + b" " * 6000 + b"x\r\n"),
        b"X: a\rFrom: eve@evil.example\r\n" + signed(),
        b"DKIM-Signature: d=" + b"x" * 5000 + b"\r\n" + signed(),
        b" folded first\r\n" + signed(),
        b"no header\r\n" + signed(),
    ],
    ids=["blanks", "bare-cr", "long", "folded", "damaged"],
)
def test_what_two_readers_might_read_in_two_ways_proves_nothing(server: NameServer, raw: bytes) -> None:
    assert found(server, raw) == []
    assert server.asked == []


def test_no_more_than_five_signatures_are_looked_at(server: NameServer) -> None:
    assert len(found(server, b"DKIM-Signature: v=1; d=corp.example; s=x\r\n" * 50 + MAIL)) == 5


@given(st.binary(max_size=300))
@settings(max_examples=60)
def test_nothing_that_stands_in_a_signature_raises(served: NameServer, value: bytes) -> None:
    raw = b"DKIM-Signature: " + value.replace(b"\n", b"\n ") + b"\r\n" + MAIL
    verified(raw, PEER, None, Names(served.resolver()))


@pytest.mark.parametrize("filler", [b" " * 4000 + b"x\r\n", b" " * 15 + b"x", b"\r\n", b" \r\n", b"x \r\n"])
def test_a_body_of_any_shape_costs_little(server: NameServer, filler: bytes) -> None:
    raw = signed()
    raw += filler * (4_000_000 // len(filler))
    begin = time.process_time()
    found(server, raw)
    assert time.process_time() - begin < 2


@pytest.mark.parametrize("filler", [b" \t" * 900, b"x:" * 900, b"=" * 1800, b"A " * 900])
def test_a_signature_of_any_shape_costs_little(server: NameServer, filler: bytes) -> None:
    fields = (
        b"DKIM-Signature: v=1; a=rsa-sha256; d=corp.example; s=s1; h=from" + filler + b"; bh=" + filler + b"!; b=" + filler[:300] + b"!\r\n"
    )
    begin = time.process_time()
    found(server, fields * 5 + MAIL + filler * 500)
    assert time.process_time() - begin < 2


# ------------------------------------------------------------------------------------------------------------------- SPF

SPF = [
    ("v=spf1 ip4:192.0.2.0/24 -all", "pass"),
    ("v=spf1 ip4:198.51.100.0/24 -all", "fail"),
    ("v=spf1 ip4:198.51.100.0/24 ~all", "softfail"),
    ("v=spf1 ip4:198.51.100.0/24", "neutral"),
    ("V=SPF1 ?all", "neutral"),
    ("v=spf1 ip6:2001:db8::/32 -all", "fail"),
    ("v=spf1 a -all", "fail"),
    ("v=spf1 a:host.corp.example -all", "pass"),
    ("v=spf1 a:near.corp.example/24 -all", "pass"),
    ("v=spf1 mx -all", "pass"),
    ("v=spf1 mx:host.corp.example -all", "fail"),
    ("v=spf1 include:good.example -all", "pass"),
    ("v=spf1 include:bad.example -all", "fail"),
    ("v=spf1 include:nowhere.example -all", "permerror"),
    ("v=spf1 redirect=good.example", "pass"),
    ("v=spf1 redirect=nowhere.example", "permerror"),
    ("v=spf1 exists:host.corp.example -all", "pass"),
    ("v=spf1 exists:%{i}._spf.%{d} -all", "pass"),
    ("v=spf1 exists:%{ir}.%{v}._spf.%{d} -all", "pass"),
    ("v=spf1 exists:%{i}.nowhere.%{d} -all", "fail"),
    ("v=spf1 include:%{o}.good.example -all", "pass"),
    ("v=spf1 redirect=%{d1r}.good.example", "pass"),
    ("v=spf1 a:%{l}.people.%{d2}/32 -all", "pass"),
    ("v=spf1 exists:%{h}.%{d} -all", "neutral"),
    ("v=spf1 exists:%{p}.%{d} -all", "neutral"),
    ("v=spf1 ip4:192.0.2.7 exists:%{h}.%{d} -all", "pass"),
    ("v=spf1 exists:%{d0}.x -all", "permerror"),
    ("v=spf1 exists:%{x}.x -all", "permerror"),
    ("v=spf1 exists:%{i.x -all", "permerror"),
    ("v=spf1 include:100%.example -all", "permerror"),
    ("v=spf1 ptr -all", "neutral"),
    ("v=spf1 ip4:nonsense -all", "permerror"),
    ("v=spf1 all:x", "permerror"),
    ("v=spf1 whatever -all", "permerror"),
    ("v=spf1 a:x.example a:y.example a:z.example -all", "permerror"),
    ("v=spf1 include:loop.example -all", "permerror"),
    ("v=spf1 a:near.corp.example/99 -all", "permerror"),
    ("v=spf10 -all", "none"),
    ("unrelated", "none"),
]


@pytest.mark.parametrize(("policy", "result"), SPF)
def test_a_policy_says_who_may_send(server: NameServer, policy: str, result: str) -> None:
    server.text("corp.example", policy)
    server.tell("corp.example", "MX", "10 out.corp.example.", "20 host.corp.example.")
    server.tell("host.corp.example", "A", "198.51.100.1", PEER)
    server.tell("near.corp.example", "A", "192.0.2.99")
    server.tell("out.corp.example", "A", "198.51.100.1")
    server.text("good.example", "v=spf1 ip4:192.0.2.7 -all")
    server.tell("192.0.2.7._spf.corp.example", "A", "127.0.0.2")
    server.tell("7.2.0.192.in-addr._spf.corp.example", "A", "127.0.0.2")
    server.text("corp.example.good.example", "v=spf1 ip4:192.0.2.7 -all")
    server.text("corp.good.example", "v=spf1 ip4:192.0.2.7 -all")
    server.tell("ann.people.corp.example", "A", PEER)
    server.text("bad.example", "v=spf1 -all")
    server.text("loop.example", "v=spf1 include:loop.example -all")
    assert found(server, MAIL, envelope_from="ann@corp.example") == [("spf", result, "corp.example")]


EXPANDED = [
    ("%{s}", "strong-bad@email.example.com"),
    ("%{o}", "email.example.com"),
    ("%{d}", "email.example.com"),
    ("%{d4}", "email.example.com"),
    ("%{d3}", "email.example.com"),
    ("%{d2}", "example.com"),
    ("%{d1}", "com"),
    ("%{dr}", "com.example.email"),
    ("%{d2r}", "example.email"),
    ("%{l}", "strong-bad"),
    ("%{l-}", "strong.bad"),
    ("%{lr}", "strong-bad"),
    ("%{lr-}", "bad.strong"),
    ("%{l1r-}", "strong"),
    ("%{S}", "strong-bad%40email.example.com"),
    ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
    ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
    ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
    ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
    ("a%%b%_c%-d", "a%b c%20d"),
]


class Asked(Names):
    """Nobody is asked; the names in the questions are kept."""

    def __init__(self, policy: str) -> None:
        self.policy, self.names = policy, list[str]()

    def texts(self, name: str) -> list[str]:
        return [self.policy]

    def addresses(self, name: str, like: object) -> list[object]:  # type: ignore[override]
        self.names.append(name)
        return []


@pytest.mark.parametrize(("macro", "name"), EXPANDED)
def test_macros_are_filled_in_as_in_the_standards_examples(macro: str, name: str) -> None:
    """RFC 7208 section 7.4."""
    asked = Asked(f"v=spf1 exists:{macro} -all")
    assert spf.check(asked, IPv4Address("192.0.2.3"), "email.example.com", "strong-bad") == "fail"
    assert asked.names == [name]


def test_an_address_of_version_six_is_told_by_its_nibbles() -> None:
    asked = Asked("v=spf1 exists:%{ir}.%{v}.x.example -all")
    spf.check(asked, IPv6Address("2001:db8::cb01"), "email.example.com")
    assert asked.names == ["1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.x.example"]


def test_a_name_that_grows_too_long_loses_its_left_end() -> None:
    asked = Asked("v=spf1 exists:%{l}.%{l}.%{l}.%{l}.%{l}.x.example -all")
    spf.check(asked, IPv4Address(PEER), "email.example.com", "a" * 60)
    assert asked.names == [".".join(["a" * 60] * 4) + ".x.example"]


def test_two_policies_are_none_that_can_be_used(server: NameServer) -> None:
    server.tell("corp.example", "TXT", '"v=spf1 +all"', '"v=spf1 -all"')
    assert found(server, MAIL, envelope_from="ann@corp.example") == [("spf", "permerror", "corp.example")]


def test_an_aligned_envelope_makes_the_sender_aligned_and_another_does_not(server: NameServer) -> None:
    server.text("corp.example", "v=spf1 ip4:192.0.2.7 -all")
    server.text("evil.example", "v=spf1 +all")
    assert judged(server, MAIL, "bounces@corp.example").strength is Strength.ALIGNED
    assert judged(server, MAIL, "eve@evil.example").strength is Strength.CLAIMED


@pytest.mark.parametrize("peer", ["", "127.0.0.1", "10.0.0.4", "::1", "nonsense"])
def test_a_peer_at_home_tells_nothing_about_the_sender(server: NameServer, peer: str) -> None:
    server.text("corp.example", "v=spf1 -all")
    assert found(server, MAIL, peer, "ann@corp.example") == []
    assert server.asked == []


@pytest.mark.parametrize("envelope_from", [None, "", "ann"])
def test_a_null_path_asks_nobody(server: NameServer, envelope_from: str | None) -> None:
    found(server, MAIL, envelope_from=envelope_from)
    assert [name for name, _ in server.asked if name.endswith("corp.example")] == []


def test_a_silent_name_server_costs_seconds_and_no_judgement(server: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names_module, "_PATIENCE", 0.1)
    server.silent.add("corp.example")
    assert found(server, MAIL, envelope_from="ann@corp.example") == [("spf", "temperror", "corp.example")]
    monkeypatch.setattr(names_module, "_ALL", 0.0)
    asked = len(server.asked)
    assert found(server, MAIL, envelope_from="ann@corp.example") == [("spf", "temperror", "corp.example")]
    assert len(server.asked) == asked


@given(st.text(max_size=200))
@settings(max_examples=100)
def test_nothing_that_a_domain_publishes_raises(policy: str) -> None:
    class Told(Names):
        def __init__(self) -> None:
            pass

        def _ask(self, name: str, kind: object) -> list[object]:
            return []

        def texts(self, name: str) -> list[str]:
            return [f"v=spf1 {policy}"]

    ip = IPv4Address(PEER)
    assert spf.check(Told(), ip, "corp.example") in {"pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"}


# ------------------------------------------------------------------------------------------------------ who is asked about

RECEIVED = (
    b"Received: from mail.corp.example (mail.corp.example [192.0.2.7]) by mx.desk.example with ESMTP; Fri, 20 Nov 2026 10:00:00 +0000\r\n"
)


@pytest.mark.parametrize(
    ("peer", "border", "expected"),
    [
        ("203.0.113.5", ("mx.desk.example",), "203.0.113.5"),
        ("203.0.113.5", ("mx.desk.example", "203.0.113.5"), "192.0.2.7"),
        ("203.0.113.5", ("203.0.113.5",), ""),
        ("203.0.113.5", (), "203.0.113.5"),
    ],
)
def test_the_host_that_counts_is_the_last_one_that_is_not_ours(peer: str, border: tuple[str, ...], expected: str) -> None:
    assert handed_over_by(parse(RECEIVED + MAIL).trace, peer, border) == expected


def test_the_dns_is_asked_only_where_policy_wants_it_and_no_border_wrote() -> None:
    border = Security(authserv_ids=("mx.desk.example",), border=("mx.desk.example",), verify=Verify.DNS)
    written = parse(b"Authentication-Results: mx.desk.example; dkim=pass header.d=evil.example\r\n" + RECEIVED + MAIL)
    unreadable = parse(b"Authentication-Results: mx.desk.example; (dkim=pass\r\n" + RECEIVED + MAIL)
    plain = parse(RECEIVED + MAIL)
    assert [wants_check(one, border) for one in (written, unreadable, plain)] == [False, False, True]
    assert not wants_check(plain, Security())
    # A report of our border is not replaced.
    assert identify(written, border, frozenset(), submission=False, checked=Report("")).findings[-1][0] == "not-aligned"
