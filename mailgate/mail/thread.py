"""Which threads does a mail hang on? Collects the ids, tags and marks that may name a ticket; looks nothing up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from mailgate.mail.parsed import ParsedMail

# A mail may mention so many ids; the newest stand last in References and are the likeliest to be known.
_MOST_IDS = 50


def mentioned(mail: ParsedMail) -> tuple[str, ...]:
    """The Message-IDs that it answers or mentions, likeliest parent first: In-Reply-To, then References backwards (RFC 5322 3.6.4)."""
    return tuple(dict.fromkeys((*mail.in_reply_to, *reversed(mail.references))))[:_MOST_IDS]


def carried(mail: ParsedMail) -> tuple[str, ...]:
    """Every Message-ID by which an answer to this mail may be recognised: its own, and all that it mentions."""
    own = (mail.message_id,) if mail.message_id else ()
    return tuple(dict.fromkeys((*own, *mentioned(mail))))


def tags(subject: str, tag: str) -> Iterator[int]:
    """The ticket numbers that stand as `[MG-1042]` in a subject, first to last."""
    for found in _tagged(tag).finditer(subject[:2000]):
        yield int(found[1])


@lru_cache(maxsize=16)
def _tagged(tag: str) -> re.Pattern[str]:
    return re.compile(rf"\[\s?{re.escape(tag)}-(\d{{1,18}})\s?\]", re.IGNORECASE | re.ASCII)


def marks(subject: str) -> Iterator[str]:
    """The words of a subject that look like one of our marks (`accept.1042.mac`), for desks without sub-addresses."""
    for word in subject[:2000].split():
        word = word.strip("[]()<>.,;:")
        if word.count(".") == 2:
            yield word
