"""Who wrote the mails whose border wrote no results? Looks it up for each mail for which policy asks it; what it means is `mail.sender`'s.

They wait for their answers together. A mail whose sender cannot be looked up is worth as much as without the look.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from mailgate.desk.policy import Security
from mailgate.flow import journal
from mailgate.mail.authresults import Report
from mailgate.mail.isolate import Died
from mailgate.mail.parsed import ParsedMail
from mailgate.mail.sender import wants_check
from mailgate.store.inbox import Claim

# So many mails are looked up at once; each may hold a few copies of itself meanwhile.
_AT_ONCE = 4


class Check(Protocol):
    """Whatever looks who sent a mail, and may wait for others to answer."""

    def __call__(self, claim: Claim, mail: ParsedMail, security: Security, /) -> Report:
        """What a border would have written about the sender."""


def by_dns(claim: Claim, mail: ParsedMail, security: Security) -> Report:
    """What the DNS says about the sender of a mail: DKIM (RFC 6376) and SPF (RFC 7208). Waits for it."""
    # Imported where it is used: few installations ask for it.
    from mailgate.mail.names import Names
    from mailgate.mail.verify import handed_over_by, verified

    return verified(claim.raw, handed_over_by(mail.trace, claim.peer, security.border), claim.envelope_from, Names())


def checked(claims: Sequence[Claim], read: Sequence[ParsedMail | Died], security: Security, check: Check) -> list[Report | None]:
    """For each mail what `check` found; None for one that policy does not ask about, or that could not be looked up."""
    wanted = {
        claim.id: (claim, mail) for claim, mail in zip(claims, read, strict=True)
        if isinstance(mail, ParsedMail) and not claim.submission and wants_check(mail, security)
    }  # fmt: skip
    if not wanted:
        return [None] * len(claims)

    def look(one: tuple[Claim, ParsedMail]) -> Report | None:
        try:
            return check(*one, security)
        except Exception as error:
            journal.trouble(f"check of inbox {one[0].id}", error)
            return None

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = dict(zip(wanted, pool.map(look, wanted.values()), strict=True))
    return [found.get(claim.id) for claim in claims]
