"""How well do we know that this mail comes from its From address? One answer, with the reasons for it.

Proof comes from our own border alone (authresults), or from the channel (a submission). Whether a token in the mail proves more is
judged where tokens are known; what a strength allows is the desk's question. Nothing here raises on what a sender can write.

Organisational domains are judged without a list of public suffixes: two domains are aligned if one is the other or stands below it. Whoever
owns a zone can speak for what is below; siblings (news.corp.example for mail.corp.example) need a DMARC result of the border.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from msgspec import Struct

from mailgate.desk.model import Address, Strength, fold_address
from mailgate.desk.policy import Security, Verify
from mailgate.mail.authresults import MICROSOFT, Fields, Report, Result, Trace, cut, our_report
from mailgate.mail.parsed import Mailbox, ParsedMail

# A slug, and what it was concluded from: one line of the trail.
Finding = tuple[str, str]

# What mail/addresses finds wrong with a From: these are an attempt to be two persons or to hide one …
_FORGED = frozenset({"several-from", "group", "control-character"})
# … and these leave an address that is worth a claim and no more. Every other fault leaves none.
_FLAWS = frozenset({"address-in-name", "malformed-from"})

_ENFORCED = frozenset({"quarantine", "reject", "oreject", "pct.quarantine", "pct.reject"})
_POLICY = frozenset({"p", "policy", "header.policy", "policy.dmarc", "policy.published-domain-policy"})
_SUBDOMAIN_POLICY = frozenset({"sp", "policy.published-subdomain-policy"})
_DISPOSITION = frozenset({"dis", "d", "d.eval", "action", "policy.applied-disposition", "policy.evaluated-disposition"})

_ADDRESS = re.compile(r'(?:[^\s@"(),:;<>\[\]\\]+|"[^"\\]*")@[^\s@"(),;<>\\]+')
# A tab may be left of a folded field; every other control character was put there on purpose.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")

# No mail program writes a longer DKIM-Signature.
_LONGEST_SIGNATURE = 8192

_NO_REPORT = Report("")


class Sender(Struct, frozen=True):
    """Who a mail says that it is from, and how well that is known (never TOKEN: that is for the flow to find).

    `mailbox` and `address` (folded) are None where From names nobody or more than one. `barred`: a token raises this mail no further,
    because authentication failed or From is dubious. `named` is the person whom a form of `security.forms`
    names in Reply-To; he is only claimed, whatever the strength of the form.
    """

    mailbox: Mailbox | None
    address: Address | None
    strength: Strength
    findings: tuple[Finding, ...] = ()
    named: Address | None = None
    barred: bool = False


def wants_check(mail: ParsedMail, security: Security) -> bool:
    """Whether we have to look ourselves who sent this mail: policy asks for it, and no border of ours wrote anything."""
    if security.verify is not Verify.DNS or any(_faults(mail)):
        return False
    missing = _believed(_trace(mail.trace, security), security)[1]
    return bool(missing) and missing[0][0] != "result-unreadable"


def identify(mail: ParsedMail, security: Security, own_domains: frozenset[str], submission: bool, checked: Report | None = None) -> Sender:
    """The sender of a mail. `own_domains` are folded; `submission` says that the channel took the mail from one of our own users.

    `checked` is what our own check found, of a mail that `wants_check`; it stands in for the report of a border.
    An explicit failure outweighs every proof, so that a border which is listed among the submission networks by mistake lets nobody in.
    """
    faults = tuple(_faults(mail))
    if faults:
        forged = any(slug in _FORGED for slug, _ in faults)
        return Sender(None, None, Strength.SPOOFED if forged else Strength.CLAIMED, faults, barred=True)
    mailbox = mail.from_[0]
    address = fold_address(mailbox.address)
    judged = _judge(mail.trace, _domain(address), security, own_domains, submission, checked)
    flaws = tuple(_flaws(mail))
    strength = Strength.CLAIMED if flaws and judged.strength is Strength.ALIGNED else judged.strength
    named, why = _named(mail, address, strength, security)
    return Sender(mailbox, address, strength, judged.findings + flaws + why, named, judged.failed or bool(flaws))


class _Judgement(Struct, frozen=True):
    strength: Strength
    findings: tuple[Finding, ...]
    failed: bool = False


def _trace(fields: Fields, security: Security) -> Trace:
    # A host that writes results under our authserv-id is our hop by that very word.
    return cut(fields, (*security.border, *(one for one in security.authserv_ids if fold_address(one) != MICROSOFT)))


def _judge(
    fields: Fields, domain: str, security: Security, own_domains: frozenset[str], submission: bool, checked: Report | None
) -> _Judgement:
    """The strength of a From address in `domain`, by all that our border, the channel and a check of our own know."""
    trace = _trace(fields, security)
    report, missing = _believed(trace, security)
    if missing and checked is not None:
        told = " ".join(f"{result.method}={result.verdict}" for result in checked.results)
        report, missing = checked, (*missing, _finding("own-check", told or "no SPF and no DKIM"))
    proof = _Proof(domain, report, tuple(_signatures(fields)))
    proven, findings = proof.passes()
    findings = missing + findings
    own = domain in own_domains
    failure = "" if proven else proof.failure(own)
    if failure:
        spoofed = own or proof.enforced()
        slug = "own-domain-fail" if own else "dmarc-fail-enforced" if spoofed else "authentication-fail"
        return _Judgement(Strength.SPOOFED if spoofed else Strength.CLAIMED, (*findings, _finding(slug, failure)), failed=True)
    if submission:
        findings += (_finding("submission" if own else "submission-of-foreign-domain", domain),)
    internal = _internal(trace, security.internal)
    if internal:
        findings += (_finding("internal", internal),)
    aligned = proven or internal or (submission and own)
    return _Judgement(Strength.ALIGNED if aligned else Strength.CLAIMED, findings)


def _believed(trace: Trace, security: Security) -> tuple[Report, tuple[Finding, ...]]:
    """The one report that our border wrote; an empty one, and why, where it wrote none that can be believed."""
    if not security.authserv_ids:
        return _NO_REPORT, (("no-authserv-ids", "no security.authserv_ids are configured"),)
    report, found = our_report(trace.ours, security.authserv_ids)
    if report is not None:
        return report, ()
    if found:
        return _NO_REPORT, (("result-unreadable", "Authentication-Results of our border"),)
    if our_report(trace.beneath, security.authserv_ids)[1]:
        return _NO_REPORT, (_finding("result-below-foreign-received", f"{trace.foreign} is not in security.border"),)
    return _NO_REPORT, (("no-authserv-result", "no Authentication-Results with our authserv-id"),)


def _internal(trace: Trace, wanted: tuple[str, ...]) -> str:
    """The entry of `security.internal` that our own hops wrote: a field's name, or `Name: value`. The border has to strip foreign ones."""
    for entry in wanted:
        name, colon, value = (part.strip() for part in fold_address(entry).partition(":"))
        if any(known == name and (not colon or fold_address(text) == value) for known, text in trace.ours):
            return entry
    return ""


# ------------------------------------------------------------------------------------------------ what a report proves


class _Signature(Struct, frozen=True):
    """The tags of a DKIM-Signature that tell which it is, and whether it leaves the end of the body unsigned (l=, RFC 6376 section 8.2)."""

    domain: str
    selector: str
    value: str
    partial: bool


class _Proof(Struct, frozen=True):
    """What a report says about one domain (RFC 7489 section 3.1: identifier alignment)."""

    domain: str
    report: Report
    signatures: tuple[_Signature, ...]

    def passes(self) -> tuple[bool, tuple[Finding, ...]]:
        """Whether the domain is proven, and why or why not. Only an undisputed DMARC verdict counts: a second one may be smuggled in."""
        verdicts = {self._dmarc(result) for result in self.report.of("dmarc")}
        bases, partial = self._aligned()
        if verdicts == {"pass"}:
            # DMARC passed, but perhaps by nothing else than a signature under which anyone can append text.
            doubtful = not bases and (bool(partial) or any(one.partial and self._owns(one.domain) for one in self.signatures))
            return not doubtful, (_finding("dkim-l-tag" if doubtful else "dmarc-pass", self.domain),)
        if verdicts - {"none"}:
            return False, (_finding("dmarc-not-passed", " ".join(sorted(verdicts))),)
        if bases:
            return True, tuple(_finding(f"{method}-aligned", because) for method, because in bases)
        if partial:
            return False, tuple(_finding("dkim-l-tag", because) for because in partial)
        return False, (_finding("not-aligned", f"no SPF or DKIM pass for {self.domain}"),) if self.report.results else ()

    def failure(self, own: bool) -> str:
        """What failed explicitly for this domain, or "". Microsoft's composite verdict is a guess except about our own domain."""
        for result in self.report.results:
            if result.verdict not in ("fail", "hardfail"):
                continue
            identity = _spf_domain(result) if result.method == "spf" else _dkim_domain(result)
            about = result.method in ("spf", "dkim") and self._owns(identity)
            if result.method == "dmarc" or about or (own and result.method == "compauth"):
                return f"{result.method}={result.verdict} {identity}".strip()
        return ""

    def enforced(self) -> bool:
        """Whether DMARC failed under a policy of quarantine or reject.

        `sp` rules subdomains only; where it differs from `p`, what was done tells which of them applied.
        """
        for result in self.report.of("dmarc"):
            told = [*result.properties, *_comment_pairs(result.comment)]
            policy, below, done = ({fold_address(text) for name, text in told if name in names} & {*_ENFORCED, "none"}
                                   for names in (_POLICY, _SUBDOMAIN_POLICY, _DISPOSITION))  # fmt: skip
            enforcing = bool(policy & _ENFORCED) and (not below or bool(below & _ENFORCED))
            if result.verdict == "fail" and (done & _ENFORCED or enforcing):
                return True
        return False

    def _dmarc(self, result: Result) -> str:
        """A DMARC verdict as far as it is about this domain. Microsoft's bestguesspass means: no policy there."""
        about = _domain(result.tell("header.from").strip("<>"))
        if result.verdict == "pass" and about and self.domain != about and not self.domain.endswith(f".{about}"):
            return "of-other-domain"
        return "none" if result.verdict == "bestguesspass" else result.verdict

    def _aligned(self) -> tuple[list[Finding], list[str]]:
        """The aligned passes as (method, because), and apart from them the signatures that do not cover the whole body."""
        bases, partial = [], []
        for result in self.report.of("spf"):
            # Gmail's "best guess record" is the pass of a domain that publishes nothing.
            if result.verdict == "pass" and self._owns(_spf_domain(result)) and "best guess" not in result.comment:
                bases.append(("spf", f"smtp.mailfrom={_spf_domain(result)}"))
        for result in self.report.of("dkim"):
            signer = _dkim_domain(result)
            if result.verdict == "pass" and self._owns(signer):
                if self._covers_all(result, signer):
                    bases.append(("dkim", f"header.d={signer}"))
                else:
                    partial.append(f"header.d={signer}")
        return bases, partial

    def _covers_all(self, result: Result, signer: str) -> bool:
        """Whether no signature that a result may be about has an l= tag. Where it fits none of a signer's, it may be about each of them."""
        owned = [one for one in self.signatures if signer == one.domain or signer.endswith(f".{one.domain}")]
        return not any(one.partial for one in [one for one in owned if _fits(result, one)] or owned)

    def _owns(self, other: str) -> bool:
        """Whether the other domain is aligned with ours. A top-level domain speaks for nobody below it, and nobody below for it."""
        return other == self.domain or any(
            "." in upper and lower.endswith(f".{upper}") for upper, lower in ((other, self.domain), (self.domain, other))
        )


def _spf_domain(result: Result) -> str:
    """The domain of MAIL FROM, under the names that borders have for it. The name in HELO proves no author."""
    return _domain(result.tell("smtp.mailfrom", "smtp.mail", "smtp.mfrom").strip("<>"))


def _dkim_domain(result: Result) -> str:
    """The domain of header.d; where only header.i is shown, its domain is that or stands below it."""
    return _domain(result.tell("header.d", "header.i"))


def _fits(result: Result, signature: _Signature) -> bool:
    """Whether selector and signature are those of the result, as far as it shows them (RFC 6008)."""
    return fold_address(result.tell("header.s")) in ("", signature.selector) and signature.value.startswith(result.tell("header.b"))


def _signatures(fields: Fields) -> Iterator[_Signature]:
    """The DKIM-Signature fields of a mail (RFC 6376 section 3.5). What stands beyond the length of a sane one might be an l= tag."""
    for value in (text for name, text in fields if name == "dkim-signature"):
        pairs = (tag.partition("=") for tag in value[:_LONGEST_SIGNATURE].split(";"))
        tags = {name.strip(): "".join(text.split()) for name, _, text in pairs}
        partial = "l" in tags or len(value) > _LONGEST_SIGNATURE
        yield _Signature(_domain(tags.get("d", "")), fold_address(tags.get("s", "")), tags.get("b", ""), partial)


def _comment_pairs(comment: str) -> Iterator[tuple[str, str]]:
    """The `name=value` pairs of a comment such as `(p=REJECT sp=NONE dis=NONE)` or `(p=reject,d=none)`, names folded."""
    for word in comment.replace(",", " ").split():
        name, equals, value = word.partition("=")
        if equals:
            yield fold_address(name), value


# ------------------------------------------------------------------------------------------------ what From itself says


def _faults(mail: ParsedMail) -> Iterator[Finding]:
    """Why the From field cannot name one person."""
    faults = [slug for slug in mail.from_faults if slug not in _FLAWS]
    yield from (_finding(slug, "From") for slug in faults)
    if faults:
        return
    if len(mail.from_) != 1:
        yield ("several-from", f"{len(mail.from_)} mailboxes in From") if mail.from_ else ("no-from", "From")
        return
    mailbox = mail.from_[0]
    if _CONTROL.search(mailbox.address) or _CONTROL.search(mailbox.name):
        yield "control-character", "From"
    elif not _is_address(mailbox.address):
        yield _finding("bad-address", mailbox.address)


def _flaws(mail: ParsedMail) -> Iterator[Finding]:
    """Why a From that names one person is not to be taken at its word."""
    mailbox = mail.from_[0]
    other = _shown_address(mailbox)
    if other or "address-in-name" in mail.from_faults:
        yield _finding("display-name-differs", f"{other or mailbox.name} is shown for {mailbox.address}")
    if "malformed-from" in mail.from_faults:
        yield _finding("malformed-from", mailbox.address)


def _shown_address(mailbox: Mailbox) -> str:
    """An address in the display name that is not the mailbox's own, as a reader would take it; "" where there is none."""
    if mailbox.name.isascii() and "@" not in mailbox.name:
        return ""
    # Full-width and invisible characters look like the plain ones, so they are read as these.
    plain = "".join(one for one in unicodedata.normalize("NFKC", mailbox.name[:1000]) if unicodedata.category(one) != "Cf")
    for word in plain.translate(_BREAKS).split():
        local, at, domain = word.strip(".").partition("@")
        if at and local and domain and fold_address(f"{local}@{domain}") != fold_address(mailbox.address):
            return word
    return ""


_BREAKS = str.maketrans(dict.fromkeys("<>()[]{}\"',;:|/", " "))


def _named(mail: ParsedMail, address: Address, strength: Strength, security: Security) -> tuple[Address | None, tuple[Finding, ...]]:
    """The person whom an aligned form names in Reply-To. Elsewhere Reply-To is nobody's identity, and a differing one is noted."""
    if address not in map(fold_address, security.forms):
        other = next((one.address for one in mail.reply_to if fold_address(one.address) != address), "")
        return None, (_finding("reply-to-ignored", other),) if other else ()
    if strength is not Strength.ALIGNED:
        return None, (_finding("form-not-aligned", address),)
    if len(mail.reply_to) != 1 or not _is_address(mail.reply_to[0].address):
        return None, (_finding("form-names-nobody", address),)
    named = fold_address(mail.reply_to[0].address)
    return named, (_finding("form-names", named),)


def _is_address(text: str) -> bool:
    """Whether this is one address, by a grammar that is stricter than any mail program's."""
    return len(text) <= 320 and _ADDRESS.fullmatch(text.strip()) is not None


def _domain(text: str) -> str:
    """The folded domain of an address, or of a domain that stands alone or after `@`."""
    return fold_address(text).rpartition("@")[2].rstrip(".")


def _finding(slug: str, because: str) -> Finding:
    """A finding whose reason is one short printable line, whatever a sender wrote into it."""
    return slug, "".join(one if one.isprintable() else "?" for one in because[:160])
