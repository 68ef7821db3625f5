"""Does a mail only search? `search: words` from a proven technician is answered with tickets and articles, and opens no ticket."""

from __future__ import annotations

from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.letters import Letter, Name
from mailgate.desk.stimuli import Wrote

_WORDS = ("search:", "suche:")
_LONGEST = 200


def wanted(subject: str, text: str) -> str:
    """What is searched for, by the subject or by the first line; empty where nothing is."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    for line in (subject, first):
        bare = line.strip()[: _LONGEST + 8]
        word = next((word for word in _WORDS if bare.casefold().startswith(word)), None)
        if word is not None and bare[len(word) :].strip():
            return " ".join(bare[len(word) :].split())
    return ""


def answered(wrote: Wrote) -> Decision:
    """One letter with what was found, to whoever searched. Nothing else happens."""
    letter = Letter(Name.FOUND, wrote.person.address, found=wrote.found)
    return Decision(Outcome.ANSWERED, "search", letters=(letter,))
