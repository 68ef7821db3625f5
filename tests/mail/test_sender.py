"""The strength of a sender, as tables of what real borders write (own words, example domains). Numbers are those of the attack list."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mailgate.desk.model import Address, Strength
from mailgate.desk.policy import Security
from mailgate.mail.authresults import cut, read, read_hop
from mailgate.mail.parsed import Mailbox, ParsedMail
from mailgate.mail.sender import Sender, identify

US = "mx.desk.example"
OWN = frozenset({"desk.example"})
BORDER = Security(authserv_ids=(US,), border=(US, "mail.desk.example", "10.1.0.0/16"))

BY_US = ("received", f"from mail.corp.example (mail.corp.example [192.0.2.7]) by {US} (Postfix) with ESMTPS id 4; Fri, 20 Nov 2026 10:00 Z")
BY_OUR_STORE = ("received", f"from {US} ({US} [10.1.0.2]) by mail.desk.example with LMTP id 9; Fri, 20 Nov 2026 10:00:01 +0000")
BY_CORP = ("received", "from laptop (unknown [198.51.100.4]) by mail.corp.example with ESMTPSA id 77; Fri, 20 Nov 2026 09:59:58 +0000")

SPOOFED, CLAIMED, ALIGNED = Strength.SPOOFED, Strength.CLAIMED, Strength.ALIGNED


def results(text: str) -> tuple[str, str]:
    return "authentication-results", text


def mail(*trace: tuple[str, str], sender: str = "ann@corp.example", name: str = "", reply_to: str = "") -> ParsedMail:
    return ParsedMail(
        from_=(Mailbox(name, sender),),
        reply_to=(Mailbox("", reply_to),) if reply_to else (),
        trace=trace,
    )


def judge(parsed: ParsedMail, security: Security = BORDER, submission: bool = False) -> Sender:
    return identify(parsed, security, OWN, submission)


def slugs(sender: Sender) -> list[str]:
    return [slug for slug, _ in sender.findings]


# ------------------------------------------------------------------------------------------------ what borders write

# Who wrote it, the field after our authserv-id, what it is worth for ann@corp.example, the last finding of the trail.
WRITTEN = [
    (
        "Gmail, DMARC pass",
        "dkim=pass header.i=@corp.example header.s=s26 header.b=Qw12ErTz; "
        "spf=pass (google.com: domain of ann@corp.example designates 192.0.2.7 as permitted sender) smtp.mailfrom=ann@corp.example; "
        "dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=corp.example",
        ALIGNED,
        "dmarc-pass",
    ),
    ("Gmail, DMARC fail, reject", "dkim=none; spf=softfail (transitioning) smtp.mailfrom=x@evil.example; "
     "dmarc=fail (p=REJECT sp=REJECT dis=REJECT) header.from=corp.example", SPOOFED, "dmarc-fail-enforced"),
    ("Gmail, policy none", "dmarc=fail (p=NONE sp=NONE dis=NONE) header.from=corp.example", CLAIMED, "authentication-fail"),
    ("Gmail, only the subdomains' policy is strict", "dmarc=fail (p=NONE sp=REJECT dis=NONE) header.from=corp.example", CLAIMED,
     "authentication-fail"),
    ("Gmail, the subdomains' policy was applied", "dmarc=fail (p=NONE sp=QUARANTINE dis=QUARANTINE) header.from=corp.example", SPOOFED,
     "dmarc-fail-enforced"),
    ("Gmail's guess is no SPF pass", "spf=pass (google.com: best guess record for domain of ann@corp.example designates 192.0.2.7 as "
     "permitted sender) smtp.mailfrom=ann@corp.example", CLAIMED, "not-aligned"),
    ("Yahoo, comment without a blank", "dkim=pass header.i=@corp.example header.s=k; dmarc=pass(p=REJECT) header.from=corp.example",
     ALIGNED, "dmarc-pass"),
    ("Yahoo, fail", "dmarc=fail(p=QUARANTINE) header.from=corp.example", SPOOFED, "dmarc-fail-enforced"),
    ("OpenDMARC alone", "dmarc=pass (p=none dis=none) header.from=corp.example", ALIGNED, "dmarc-pass"),
    ("OpenDMARC, fail under quarantine", "dmarc=fail (p=quarantine dis=none) header.from=corp.example", SPOOFED, "dmarc-fail-enforced"),
    ("OpenDMARC, nothing published", "dmarc=none (p=none dis=none) header.from=corp.example", CLAIMED, "not-aligned"),
    ("rspamd, pass", "dkim=pass header.d=corp.example header.s=m header.b=Ab3; spf=pass (mx.desk.example: domain of ann@corp.example "
     "designates 192.0.2.7 as permitted sender) smtp.mailfrom=ann@corp.example; dmarc=pass (policy=none) header.from=corp.example",
     ALIGNED, "dmarc-pass"),
    ("rspamd, fail", 'dmarc=fail reason="SPF not aligned (relaxed); DKIM not aligned (relaxed)" header.from=corp.example (policy=reject)',
     SPOOFED, "dmarc-fail-enforced"),
    ("Postfix and OpenDKIM, no DMARC at all", "dkim=pass (2048-bit key; unprotected) header.d=corp.example header.i=@corp.example "
     "header.a=rsa-sha256 header.s=2026 header.b=Zz9", ALIGNED, "dkim-aligned"),
    ("OpenDKIM, a broken signature", 'dkim=fail reason="signature verification failed" (1024-bit key) header.d=corp.example', CLAIMED,
     "authentication-fail"),
    ("Fastmail, pass", "bimi=skipped (DMARC Policy is not at enforcement); arc=none (no signatures found); dkim=pass (2048-bit rsa key "
     "sha256) header.d=corp.example header.i=@corp.example header.b=xY8 header.a=rsa-sha256 header.s=f1 x-bits=2048; dmarc=pass "
     "policy.published-domain-policy=none policy.applied-disposition=none policy.evaluated-disposition=none (p=none,d=none,d.eval=none) "
     "policy.policy-from=p header.from=corp.example; iprev=pass smtp.remote-ip=192.0.2.7 (mail.corp.example)", ALIGNED, "dmarc-pass"),
    ("Fastmail, a list broke it", 'dmarc=fail policy.published-domain-policy=reject policy.applied-disposition=none '
     'policy.evaluated-disposition=reject policy.override-reason=mailing_list (p=reject,has-list-id=yes,d=none,d.eval=reject) '
     "policy.policy-from=p header.from=corp.example", SPOOFED, "dmarc-fail-enforced"),
    ("Fastmail, an open subdomain of a strict domain", "dmarc=fail policy.published-domain-policy=reject "
     "policy.published-subdomain-policy=none policy.evaluated-disposition=none header.from=corp.example", CLAIMED, "authentication-fail"),
    ("Proofpoint, policy as a property", "dmarc=fail header.from=corp.example header.policy=reject", SPOOFED, "dmarc-fail-enforced"),
    ("Exim, no policy shown", "dmarc=fail header.from=corp.example", CLAIMED, "authentication-fail"),
    ("SPF by itself", "spf=pass smtp.mailfrom=bounces.corp.example", ALIGNED, "spf-aligned"),
    ("SPF under an old name", "spf=pass smtp.mfrom=ann@corp.example", ALIGNED, "spf-aligned"),
    ("SPF of the name in HELO", "spf=pass smtp.helo=corp.example", CLAIMED, "not-aligned"),
    ("SPF fail of the very domain", "spf=fail smtp.mailfrom=ann@corp.example", CLAIMED, "authentication-fail"),
    ("SPF softfail says nothing", "spf=softfail smtp.mailfrom=ann@corp.example", CLAIMED, "not-aligned"),
    ("no DMARC record, DKIM aligned", "dkim=pass header.d=corp.example; dmarc=none header.from=corp.example", ALIGNED, "dkim-aligned"),
    ("a DMARC lookup failed", "dkim=pass header.d=corp.example; dmarc=temperror header.from=corp.example", CLAIMED, "dmarc-not-passed"),
    ("DMARC fails in spite of a pass (strict alignment)", "dkim=pass header.d=news.corp.example; dmarc=fail (p=none) "
     "header.from=corp.example", CLAIMED, "authentication-fail"),
    ("DMARC pass of another From", "dmarc=pass header.from=evil.example", CLAIMED, "dmarc-not-passed"),
    ("DMARC without a domain", "dmarc=pass", ALIGNED, "dmarc-pass"),
    ("nothing was checked", "none", CLAIMED, ""),
    ("only what proves no author", "auth=pass smtp.auth=ann; iprev=pass; arc=pass", CLAIMED, "not-aligned"),
]  # fmt: skip


@pytest.mark.parametrize(("_border", "written", "strength", "last"), WRITTEN, ids=[row[0] for row in WRITTEN])
def test_what_our_border_wrote_has_its_worth(_border: str, written: str, strength: Strength, last: str) -> None:
    sender = judge(mail(BY_US, results(f"{US}; {written}"), BY_CORP))
    assert (sender.strength, ["", *slugs(sender)][-1]) == (strength, last)


MICROSOFT = Security(authserv_ids=("microsoft365",), border=("*.outlook.com", "*.office365.com"))
BY_MICROSOFT = (
    "received",
    "from DB5EUR03FT1.eop-EUR03.prod.protection.outlook.com (2603:10a6:10:4::33) by DB7PR05CA0041.outlook.office365.com "
    "(2603:10a6:10:2e::18) with Microsoft SMTP Server (version=TLS1_2) id 15.20; Fri, 20 Nov 2026 10:00:00 +0000",
)

MICROSOFT_WROTE = [
    ("spf=pass (sender IP is 192.0.2.7) smtp.mailfrom=corp.example; dkim=pass (signature was verified) header.d=corp.example;dmarc=pass "
     "action=none header.from=corp.example;compauth=pass reason=100", ALIGNED),
    # An older form, with stray parts between.
    ("spf=none (sender IP is 192.0.2.7) smtp.helo=mail.corp.example; desk.example; dkim=none (message not signed) "
     "header.d=none;desk.example; dmarc=pass action=none header.from=corp.example;", ALIGNED),
    ("spf=pass (sender IP is 192.0.2.7) smtp.mailfrom=corp.example; dkim=none (message not signed) header.d=none;dmarc=bestguesspass "
     "action=none header.from=corp.example;compauth=pass reason=109", ALIGNED),
    ("spf=fail (sender IP is 203.0.113.66) smtp.mailfrom=evil.example; dkim=none (message not signed) header.d=none;dmarc=fail "
     "action=oreject header.from=corp.example;compauth=fail reason=000", SPOOFED),
    ("spf=fail smtp.mailfrom=corp.example; dmarc=fail action=quarantine header.from=corp.example", SPOOFED),
    ("spf=none smtp.mailfrom=corp.example; dmarc=fail action=pct.reject header.from=corp.example", SPOOFED),
    ("spf=none smtp.mailfrom=corp.example; dmarc=fail action=none header.from=corp.example", CLAIMED),
    ("spf=none smtp.mailfrom=corp.example; dmarc=none action=none header.from=corp.example;compauth=fail reason=001", CLAIMED),
]  # fmt: skip


@pytest.mark.parametrize(("written", "strength"), MICROSOFT_WROTE)
def test_a_field_of_microsoft_365_needs_no_authserv_id(written: str, strength: Strength) -> None:
    assert judge(mail(BY_MICROSOFT, results(written), BY_CORP), MICROSOFT).strength is strength


def test_microsofts_composite_fail_counts_against_our_own_domain() -> None:
    written = results("spf=none smtp.mailfrom=desk.example; dmarc=none action=none header.from=desk.example;compauth=fail reason=601")
    assert judge(mail(BY_MICROSOFT, written, sender="boss@desk.example"), MICROSOFT).strength is SPOOFED


def test_nobody_may_bear_microsoft365_as_an_id() -> None:
    assert judge(mail(results("microsoft365; dmarc=pass header.from=corp.example")), MICROSOFT).strength is CLAIMED


def test_a_field_without_an_id_is_nobodys_unless_microsoft_writes_for_us() -> None:
    sender = judge(mail(results("dmarc=pass header.from=corp.example")))
    assert (sender.strength, slugs(sender)) == (CLAIMED, ["no-authserv-result"])


# ------------------------------------------------------------------------------------------------ whose field it is

PASS = results(f"{US}; dmarc=pass header.from=corp.example")
FAIL = results(f"{US}; dmarc=fail (p=reject) header.from=corp.example")


@pytest.mark.parametrize(
    ("trace", "strength", "slug"),
    [
        ((PASS,), ALIGNED, "dmarc-pass"),
        ((PASS, BY_US, BY_CORP), ALIGNED, "dmarc-pass"),
        ((BY_OUR_STORE, BY_US, PASS, BY_CORP), ALIGNED, "dmarc-pass"),
        # Case 7: the sender wrote it, and a foreign host stands above it.
        ((BY_US, BY_CORP, PASS), CLAIMED, "result-below-foreign-received"),
        ((BY_CORP, PASS), CLAIMED, "result-below-foreign-received"),
        # Case 7: the sender wrote a second one below the real one.
        ((BY_US, FAIL, PASS, BY_CORP), SPOOFED, "dmarc-fail-enforced"),
        ((BY_US, results(f"{US}; dmarc=none"), PASS), CLAIMED, "not-aligned"),
        ((results("mx.elsewhere.example; dmarc=pass header.from=corp.example"), BY_US), CLAIMED, "no-authserv-result"),
        ((results("mx.elsewhere.example; dmarc=fail (p=reject)"), PASS, BY_US), ALIGNED, "dmarc-pass"),
        ((results(f"{US.upper()} 1; dmarc=pass header.from=CORP.example"), BY_US), ALIGNED, "dmarc-pass"),
        ((results(f'"{US}"; dmarc=pass header.from=corp.example'), BY_US), ALIGNED, "dmarc-pass"),
        ((("received-spf", "Pass"), ("arc-authentication-results", f"i=1; {US}; dmarc=pass")), CLAIMED, "no-authserv-result"),
        ((("x-mailgate-strength", "aligned"), ("x-mailgate-loop", "1")), CLAIMED, "no-authserv-result"),
        ((), CLAIMED, "no-authserv-result"),
    ],
)
def test_only_the_topmost_field_of_our_border_counts(trace: tuple[tuple[str, str], ...], strength: Strength, slug: str) -> None:
    sender = judge(mail(*trace))
    assert sender.strength is strength
    assert slug in slugs(sender)


def test_a_host_that_writes_results_under_our_id_is_our_hop() -> None:
    assert judge(mail(BY_US, PASS, BY_CORP), Security(authserv_ids=(US,))).strength is ALIGNED


def test_without_authserv_ids_nothing_is_believed() -> None:
    sender = judge(mail(PASS), Security())
    assert (sender.strength, slugs(sender), sender.barred) == (CLAIMED, ["no-authserv-ids"], False)


@pytest.mark.parametrize(
    ("received", "by"),
    [
        (BY_US[1], US),
        ("from [192.0.2.7] (helo=mail) by mx.desk.example with esmtps (Exim 4.98) id 1; now", US),
        ("by 2002:a17:906:4e1a:b0:9a1:6e4d:1b0e with SMTP id z1; now", "2002:a17:906:4e1a:b0:9a1:6e4d:1b0e"),
        ("(qmail 77 invoked by uid 89); 20 Nov 2026 10:00:00 -0000", ""),
        # A peer that calls itself "by", or has our name in its comment, does not write as us.
        ("from by (evil.example [203.0.113.66]) by mx.foreign.example with SMTP; now", "mx.foreign.example"),
        (f"from evil.example (by {US} [203.0.113.66]) by mx.foreign.example with SMTP; now", "mx.foreign.example"),
        ("", ""),
        ("from evil.example", ""),
        ("; by mx.desk.example", ""),
    ],
)
def test_a_hop_is_named_by_its_writer_only(received: str, by: str) -> None:
    assert read_hop(received).by == by


def test_a_network_in_the_border_stands_for_hosts_that_one_of_ours_took_the_mail_from() -> None:
    inner = ("received", "from relay (relay.inner [10.1.4.4]) by mail.desk.example with ESMTP; now")
    named_anyhow = ("received", "from mail.corp.example ([192.0.2.7]) by relay.inner with ESMTP; now")
    assert cut((inner, named_anyhow, PASS, BY_CORP), BORDER.border).ours == (inner, named_anyhow, PASS)
    # The HELO name is the peer's choice: an address of ours in it does not help him.
    lying = ("received", "from [10.1.4.4] (evil.example [203.0.113.66]) by mail.desk.example with ESMTP; now")
    assert cut((lying, named_anyhow, PASS), BORDER.border).foreign == "relay.inner"
    # Gmail's inner hops give an address for their name.
    gmail = ("received", "by 2002:a17:906:4e1a:b0:9a1:6e4d:1b0e with SMTP id z1; now")
    assert cut((gmail, PASS), ("2002:a00::/24",)).ours == (gmail, PASS)


def test_endings_of_host_names_stand_for_all_hosts_below() -> None:
    by = ("received", "from x by mx7.inner.desk.example with ESMTP; now")
    assert cut((by,), ("*.desk.example",)).foreign == ""
    assert cut((by,), ("desk.example",)).foreign == "mx7.inner.desk.example"
    assert cut((("received", "from x by mx.evildesk.example; now"),), ("*.desk.example",)).foreign == "mx.evildesk.example"


# ------------------------------------------------------------------------------------------------ alignment, and DKIM with l=


@pytest.mark.parametrize(
    ("sender", "signer", "strength"),
    [
        ("ann@corp.example", "corp.example", ALIGNED),
        ("ann@corp.example", "mail.corp.example", ALIGNED),
        ("ann@hr.corp.example", "corp.example", ALIGNED),
        # Case 9.
        ("ann@corp.example", "evil.example", CLAIMED),
        ("ann@corp.example", "evilcorp.example", CLAIMED),
        ("ann@corp.example", "example", CLAIMED),
        ("ann@corp.example", "", CLAIMED),
        ("ann@example", "evil.example", CLAIMED),
        # Siblings may be one organisation or two: their border has to say.
        ("ann@hr.corp.example", "mail.corp.example", CLAIMED),
        # Case 21: a Kelvin sign is no k, a dotless i no i.
        ("ann@\u212aorp.example", "korp.example", CLAIMED),
        ("ann@f\u0131sh.example", "fish.example", CLAIMED),
    ],
)
def test_a_signature_speaks_for_its_own_zone_only(sender: str, signer: str, strength: Strength) -> None:
    judged = judge(mail(results(f"{US}; dkim=pass header.d={signer}"), sender=sender))
    assert judged.strength is strength


def signed(tags: str) -> tuple[str, str]:
    return "dkim-signature", f"v=1; a=rsa-sha256; c=relaxed/relaxed; h=From:Subject; bh=Aa=; {tags}"


BOTH = "dkim=pass header.d=corp.example header.s=s1 header.b=AbCdEf"


@pytest.mark.parametrize(
    ("written", "signatures", "strength"),
    [
        # Case 10: whoever holds such a mail may append to it.
        (BOTH, ["d=corp.example; s=s1; l=120; b=AbCd EfGh=="], CLAIMED),
        (f"{BOTH}; dmarc=pass header.from=corp.example", ["d=corp.example; s=s1; l = 0; b=AbCdEfGh=="], CLAIMED),
        ("dmarc=pass header.from=corp.example", ["d=corp.example; s=s1; l=120; b=AbCdEf"], CLAIMED),
        ("dkim=pass header.i=@corp.example header.s=s1", ["d=corp.example; s=s1; l=120; b=AbCdEf"], CLAIMED),
        # The passing one has l=, and an invalid one without it stands beside it.
        (f"{BOTH}; dkim=fail header.d=corp.example header.s=s1 header.b=ZZZZ", ["d=corp.example; s=s1; l=9; b=AbCdEfGh",
         "d=corp.example; s=s1; b=ZZZZ"], CLAIMED),
        # Another proof stands beside it.
        (f"{BOTH}; spf=pass smtp.mailfrom=ann@corp.example; dmarc=pass header.from=corp.example", ["d=corp.example; s=s1; l=9; b=AbCdEf"],
         ALIGNED),
        (BOTH, ["d=corp.example; s=s1; b=AbCdEfGh", "d=corp.example; s=old; l=9; b=QQ"], ALIGNED),
        (BOTH, ["d=list.example; s=s1; l=9; b=AbCdEf", "d=corp.example; s=s1; b=AbCdEfGh"], ALIGNED),
        # The result fits none of them, so it may be about either.
        (BOTH, ["d=corp.example; s=s2; l=9; b=QQ", "d=corp.example; s=s3; b=RR"], CLAIMED),
        (BOTH, ["d=corp.example; s=s1; b=" + "A" * 9000 + "; l=9"], CLAIMED),
        (BOTH, ["d=corp.example; s=s1; b=AbCdEfGh"], ALIGNED),
        (BOTH, [], ALIGNED),
        ("dmarc=pass header.from=corp.example", ["d=list.example; s=s1; l=9; b=AbCdEf"], ALIGNED),
    ],
)  # fmt: skip
def test_a_signature_that_leaves_text_unsigned_proves_nothing(written: str, signatures: list[str], strength: Strength) -> None:
    sender = judge(mail(results(f"{US}; {written}"), *map(signed, signatures)))
    assert sender.strength is strength
    assert ("dkim-l-tag" in slugs(sender)) is (strength is CLAIMED)


# ------------------------------------------------------------------------------------------------ our own domain, failures, other proofs


@pytest.mark.parametrize(
    "written",
    ["dmarc=fail (p=none) header.from=desk.example", "spf=fail smtp.mailfrom=boss@desk.example", "spf=hardfail smtp.mailfrom=desk.example",
     "dkim=fail header.d=desk.example; dmarc=none"],
)  # fmt: skip
def test_whatever_fails_in_our_own_name_is_spoofed(written: str) -> None:
    sender = judge(mail(BY_US, results(f"{US}; {written}"), sender="boss@desk.example"))
    assert (sender.strength, slugs(sender)[-1], sender.barred) == (SPOOFED, "own-domain-fail", True)


def test_a_pass_of_our_own_domain_outweighs_what_a_relay_broke() -> None:
    written = results(f"{US}; spf=fail smtp.mailfrom=desk.example; dkim=pass header.d=desk.example; dmarc=pass header.from=desk.example")
    assert judge(mail(BY_US, written, sender="boss@desk.example")).strength is ALIGNED


@pytest.mark.parametrize("trace", [(), (BY_US, results(f"{US}; dkim=fail header.d=corp.example")), (BY_US, BY_CORP, PASS)])
def test_cases_5_and_6_a_technician_without_a_pass_is_only_claimed(trace: tuple[tuple[str, str], ...]) -> None:
    assert judge(mail(*trace, sender="tech@corp.example")).strength is CLAIMED


def test_a_failure_bars_the_way_to_token_and_its_absence_does_not() -> None:
    assert judge(mail(BY_US, results(f"{US}; dmarc=fail (p=none) header.from=corp.example"))).barred
    assert not judge(mail(BY_US)).barred
    assert not judge(mail(BY_US, results(f"{US}; spf=fail smtp.mailfrom=list.example"))).barred


def test_a_submission_proves_our_own_domains_only() -> None:
    ours = judge(mail(sender="boss@desk.example"), submission=True)
    theirs = judge(mail(sender="ann@corp.example"), submission=True)
    assert (ours.strength, "submission" in slugs(ours)) == (ALIGNED, True)
    assert (theirs.strength, "submission-of-foreign-domain" in slugs(theirs)) == (CLAIMED, True)
    assert judge(mail(sender="x@sub.desk.example"), submission=True).strength is CLAIMED


def test_a_submission_does_not_outweigh_an_explicit_failure() -> None:
    written = results(f"{US}; dmarc=fail (p=reject) header.from=desk.example")
    assert judge(mail(BY_US, written, sender="boss@desk.example"), submission=True).strength is SPOOFED


INTERNAL = replace(BORDER, internal=("X-MS-Exchange-Organization-AuthAs: Internal", "X-Our-Inside"))
AUTH_AS = ("x-ms-exchange-organization-authas", "Internal")


@pytest.mark.parametrize(
    ("trace", "strength"),
    [
        ((BY_US, AUTH_AS), ALIGNED),
        ((("x-our-inside", "whatever"), BY_US), ALIGNED),
        ((BY_US, ("x-ms-exchange-organization-authas", "Anonymous")), CLAIMED),
        # Only what our own hops wrote proves anything.
        ((BY_US, BY_CORP, AUTH_AS), CLAIMED),
        ((BY_CORP, ("x-our-inside", "1")), CLAIMED),
    ],
)
def test_a_header_of_the_border_proves_internal_mail(trace: tuple[tuple[str, str], ...], strength: Strength) -> None:
    assert judge(mail(*trace), INTERNAL).strength is strength
    assert judge(mail(*trace)).strength is CLAIMED


# ------------------------------------------------------------------------------------------------ what From says


@pytest.mark.parametrize(
    ("parsed", "strength", "slug"),
    [
        # Case 13, in both ways in which a parser may tell it.
        (ParsedMail(from_=(Mailbox("", "a@corp.example"), Mailbox("", "b@evil.example")), trace=(PASS,)), SPOOFED, "several-from"),
        (ParsedMail(from_=(Mailbox("", "a@corp.example"),), from_faults=("several-from",), trace=(PASS,)), SPOOFED, "several-from"),
        (ParsedMail(from_faults=("group",)), SPOOFED, "group"),
        # Case 18.
        (ParsedMail(from_faults=("control-character",)), SPOOFED, "control-character"),
        (mail(PASS, sender="ann@corp.example\x00"), SPOOFED, "control-character"),
        (mail(PASS, name="Ann\x1b[2J"), SPOOFED, "control-character"),
        (ParsedMail(from_faults=("no-from",)), CLAIMED, "no-from"),
        (ParsedMail(from_faults=("unreadable-from",)), CLAIMED, "unreadable-from"),
        (ParsedMail(), CLAIMED, "no-from"),
        # Case 15: no one address can be read from it.
        (mail(PASS, sender="ann@corp.example)evil@evil.example"), CLAIMED, "bad-address"),
        (mail(PASS, sender="ann@corp.example, b@evil.example"), CLAIMED, "bad-address"),
        (mail(PASS, sender="ann@corp.example@evil.example"), CLAIMED, "bad-address"),
        (mail(PASS, sender="ann"), CLAIMED, "bad-address"),
        (mail(PASS, sender=""), CLAIMED, "bad-address"),
        (mail(PASS, sender="a" * 400 + "@corp.example"), CLAIMED, "bad-address"),
    ],
)
def test_a_from_that_names_no_single_person_names_nobody(parsed: ParsedMail, strength: Strength, slug: str) -> None:
    sender = judge(parsed, submission=True)
    assert (sender.mailbox, sender.address, sender.strength, slugs(sender), sender.barred) == (None, None, strength, [slug], True)


@pytest.mark.parametrize("address", ["ann@corp.example", "o'hara+tag@corp.example", '"ann lee"@corp.example', "ünal@corp.example"])
def test_an_ordinary_address_is_the_identity(address: str) -> None:
    sender = judge(mail(PASS, sender=address))
    assert (sender.address, sender.strength) == (address, ALIGNED)


def test_an_address_is_folded_in_ascii_only() -> None:
    assert judge(mail(PASS, sender="Ann.LEE@Corp.Example")).address == "ann.lee@corp.example"
    # Case 21.
    assert judge(mail(sender="\u212aim@corp.example")).address == "\u212aim@corp.example"


@pytest.mark.parametrize(
    "name",
    [
        # Cases 14, 17 and 19, as a strict parser hands them over.
        "boss@corp", "boss@corp,", "Boss <boss@corp.example>", '"boss@desk.example" (via web)', "mailto:boss@corp.example",
        # As a reader sees it: a full-width sign, and an invisible space.
        "boss\uff20corp.example", "bo\u200bss@corp\u200b.example", "Ann ann@corp.example / boss@corp.example",
    ],
)  # fmt: skip
def test_another_address_in_the_display_name_is_at_most_claimed(name: str) -> None:
    sender = judge(mail(PASS, name=name))
    assert (sender.strength, sender.address, sender.barred) == (CLAIMED, "ann@corp.example", True)
    assert "display-name-differs" in slugs(sender)
    assert judge(mail(sender="boss@desk.example", name="ann@corp.example"), submission=True).strength is CLAIMED


@pytest.mark.parametrize(("fault", "slug"), [("address-in-name", "display-name-differs"), ("malformed-from", "malformed-from")])
def test_a_dubious_from_keeps_its_address_and_is_at_most_claimed(fault: str, slug: str) -> None:
    sender = judge(replace(mail(PASS, name="Ann"), from_faults=(fault,)))
    assert (sender.strength, sender.address, sender.barred) == (CLAIMED, "ann@corp.example", True)
    assert slugs(sender)[-1] == slug


ORDINARY = ["", "Ann Lee", "Ann @ Sales", "Ann\tLee", "ann@corp.example", "'Ann@Corp.Example'", "Ann <ann@corp.example>", "@ann", "ann@"]


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_display_name_takes_nothing_away(name: str) -> None:
    assert judge(mail(PASS, name=name)).strength is ALIGNED


def test_a_spoofed_mail_stays_spoofed_whatever_its_name() -> None:
    assert judge(mail(BY_US, FAIL, name="boss@corp.example")).strength is SPOOFED


# ------------------------------------------------------------------------------------------------ Reply-To

FORM = replace(BORDER, forms=(Address("Form@corp.example"),))


def test_case_23_reply_to_is_no_identity() -> None:
    sender = judge(mail(PASS, reply_to="tech@desk.example"))
    assert (sender.address, sender.named, slugs(sender)) == ("ann@corp.example", None, ["dmarc-pass", "reply-to-ignored"])
    assert "reply-to-ignored" not in slugs(judge(mail(PASS, reply_to="ANN@corp.example")))


def test_an_aligned_form_names_the_person_of_its_reply_to() -> None:
    sender = judge(mail(PASS, sender="form@corp.example", reply_to="Kim@Client.example"), FORM)
    assert (sender.address, sender.strength, sender.named) == ("form@corp.example", ALIGNED, "kim@client.example")


def test_a_form_that_is_only_claimed_names_nobody() -> None:
    sender = judge(mail(sender="form@corp.example", reply_to="kim@client.example"), FORM)
    assert (sender.named, slugs(sender)[-1]) == (None, "form-not-aligned")


@pytest.mark.parametrize("reply_to", ["", "kim@client.example, x@evil.example", "kim"])
def test_a_form_without_one_readable_reply_to_names_nobody(reply_to: str) -> None:
    sender = judge(mail(PASS, sender="form@corp.example", reply_to=reply_to), FORM)
    assert (sender.named, slugs(sender)[-1]) == (None, "form-names-nobody")


# ------------------------------------------------------------------------------------------------ the reader


@pytest.mark.parametrize(
    "written",
    [
        # A second verdict that came in through an address or a comment takes the first one's worth.
        f'{US}; spf=none (domain of "x); dmarc=pass header.from=corp.example; y=("@evil.example) smtp.mailfrom=x; dmarc=fail (p=none)',
        f'{US}; spf=none smtp.mailfrom="x; dmarc=pass header.from=corp.example; y="@evil.example',
        f"{US}; spf=pass smtp.mailfrom=corp.example smtp.mailfrom=evil.example",
        f"{US}; dkim=pass header.d=evil.example header.d=corp.example",
        f"{US}; dmarc=pass header.from=corp.example header.from=evil.example",
        f"{US}; spf=pass smtp.mailfrom=ann@corp.example@evil.example",
        f"{US}; x=(dmarc=pass header.from=corp.example)",
        f"{US} dmarc=pass header.from=corp.example",
    ],
)
def test_a_verdict_cannot_be_smuggled_into_our_borders_field(written: str) -> None:
    assert judge(mail(BY_US, results(written))).strength is CLAIMED


@pytest.mark.parametrize("written", ["; dmarc=pass header.from=corp.example (", '; dmarc=pass header.from="corp.example', "; dmarc=pass )",
                                     "; x=" + "y" * 20_000 + "; dmarc=pass"])  # fmt: skip
def test_a_field_that_cannot_be_read_whole_is_not_read_in_part_nor_is_one_below_it(written: str) -> None:
    sender = judge(mail(BY_US, results(US + written), PASS))
    assert (sender.strength, slugs(sender)) == (CLAIMED, ["result-unreadable"])


@pytest.mark.parametrize("written", [row[1] for row in WRITTEN if "(p=REJECT)" not in row[1]])
def test_the_reader_agrees_with_a_reader_of_the_grammar(written: str) -> None:
    authres = pytest.importorskip("authres", reason="pip install authres")
    try:
        theirs = authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {US}; {written}").results
    except authres.AuthResError:
        pytest.skip("the other reader refuses this dialect")
    ours = read(f"{US}; {written}")
    assert ours is not None
    assert [(one.method, one.verdict) for one in ours.results] == [(one.method, one.result) for one in theirs]
    for mine, other in zip(ours.results, theirs, strict=True):
        assert {(f"{p.type}.{p.name}", str(p.value)) for p in other.properties} <= set(mine.properties)


HOSTILE = st.lists(
    st.sampled_from([US, "; ", "(", ")", '"', "\\", "=", "dmarc", "spf", "dkim", "pass", "fail", "p=reject", "header.from", "header.d",
                     "corp.example", " ", ",", "@", "\x00", "é", "from ", "by ", "[", "]", "10.1.0.2"]),
    max_size=60,
).map("".join)  # fmt: skip


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE, st.booleans())
def test_nothing_that_a_sender_can_write_raises(first: str, second: str, address: str, name: str, submission: bool) -> None:
    trace = (("received", first), results(second), ("dkim-signature", first))
    sender = judge(mail(*trace, sender=address, name=name, reply_to=second), submission=submission)
    assert sender.strength is not Strength.TOKEN
    assert all(because.isprintable() and len(because) <= 160 for _, because in sender.findings)


@pytest.mark.parametrize("unit", ["(", "()", '"', "\\", "a=b ", "; ", "by ", "[1.2.3.4] ", "from by "])
def test_a_long_trace_is_read_in_linear_time(unit: str) -> None:
    flood = unit * (200_000 // len(unit))
    trace = (("received", flood), results(f"{US}; {flood}"), *100 * (("dkim-signature", flood),))
    started = time.process_time()
    judge(mail(*trace, name=flood, reply_to=flood))
    judge(mail(*trace[1:], sender=flood))
    assert read(f"{US}; {flood}") is None
    read(f"{US}; {flood[:16_000]}")
    assert time.process_time() - started < 1
