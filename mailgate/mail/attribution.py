"""Who wrote what follows, and when: where does such an attribution (`On … Ann <a@b> wrote:`) end, on one line or folded over several?

Judges by words for "wrote" and by shape (a date, an address, a colon at the end). Unmarked text below asks for stronger evidence than
`>` lines do, since a sender may well end a line of his own in a colon.
"""

from __future__ import annotations

import re

from mailgate.desk.seldom import seldom
from mailgate.mail.lines import Lines
from mailgate.mail.phrases import OPENERS, WROTE

# An attribution is at most this long, and folded over at most this many lines.
_LONGEST = 400
_MOST_FOLDS = 6
YEAR_OR_TIME = re.compile(r"\b(?:19|20)\d\d\b|\d{1,2}[:.h時시点][0-5]\d|\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d年|\d년")
TIME = seldom(r"\d{1,2}[:.h時시点][0-5]\d")
DAY = seldom(r"\b\d{1,2}[./-]\s?\d{1,2}[./-]\s?\d{2,4}|\b(?:19|20)\d\d\b")
_ADDRESS = re.compile(r"[^\s<>\[\]()\"]{1,64}@[^\s<>\[\]()\"]{1,190}")
_BRACKETED = seldom(r"[<(\[]\s?(?:mailto:)?[^\s<>()\[\]]{1,64}@")
# Verbs of one word are looked up among the words; those of several, and of scripts without blanks, as substrings.
_VERBS = frozenset(verb for verb in WROTE if " " not in verb and verb[0] < "\u2e80")
_VERB_PHRASES = tuple(verb for verb in WROTE if " " in verb or verb[0] >= "\u2e80")
_CITING = frozenset(("quoting", "quoted", "zitat", "citando"))
# Where an attribution goes on a line that the sender began ("thanks --- On 3 May Ann wrote:").
_INNER = re.compile(r"(?:\s|-{2,6}\s?)(?=(?:On|Am|Le|El|Em|Il|Op|Den|Dnia|Dne)\s+(?:\S{0,12}\d|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\w{0,6},))")
# Gmail's oldest form, without a verb or colon: a day, perhaps the hour with its zone, and who.
_BARE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?: \d{1,2}:\d\d)?(?:(?: GMT[+-]\d\d:\d\d)? [^<>:]{1,60}<[^<>\s]{1,64}@[^<>\s]{1,190}>"
    r"| GMT[+-]\d\d:\d\d [^<>:.,!?]{1,40})"
)


def attribution(lines: Lines, index: int, *, marked: bool) -> int | None:
    """The number of the line behind the attribution that begins at this line; None if none does. `marked`: a quote is known to follow."""
    first = lines[index].bare
    # "Ann Lee ezt írta (időpont:" goes on.
    ended = first.endswith((":", "：")) and first.count("(") <= first.count(")")
    if _runs_on(first, lines, index):
        return index + 1
    if len(first) > _LONGEST or not (ended or "@" in first or "<" in first or YEAR_OR_TIME.search(first)):
        return None
    if _BARE.fullmatch(first) and (marked or _followed(lines, index + 1) or _alone(lines, index)):
        return index + 1
    opened = _is_opened(first)
    joined, position = "", index
    # Only what begins like an attribution may go on over blank lines or over more than a fold or two.
    last = index + (1 if ended else _MOST_FOLDS if opened else 4 if _BRACKETED.search(first) else 3)
    while position < min(len(lines), last) and len(joined) < _LONGEST:
        one = lines[position]
        if one.depth and not (joined and one.bare.rstrip(" :：").lower() in _VERBS):
            break
        if joined and not lines[position - 1].bare and _is_whole(lines, position, marked):
            break
        if one.bare:
            joined = f"{joined} {one.bare}".strip()
            if _attributes(joined, opened, lines, position + 1, marked):
                return position + 1
        if _is_sentence(joined) or not (one.bare or opened):
            break
        position += 1
    return None


def _is_whole(lines: Lines, index: int, marked: bool) -> bool:
    """Whether a line is an attribution by itself: then the paragraph above it, which may as well begin with a date, is no fold of it."""
    line = lines[index].bare
    return _is_opened(line) and _attributes(line, True, lines, index + 1, marked)


def inner(raw: str) -> int | None:
    """Where in a line the attribution might begin, if the sender's own words stand before it. None if they hold a date or an address:
    then they are part of it.
    """
    found = _INNER.search(raw, 1, 500)
    if found is None or not (before := raw[: found.start()]).strip() or YEAR_OR_TIME.search(before) or "@" in before:
        return None
    return found.end()


def begins(last: str, above: str, head: str) -> bool:
    """Whether the last line kept is the first fold of the attribution `head` below it: a paragraph of one line (`above` is blank) that
    opens, or ends, as attributions do, or is the name before an address.
    """
    if not last or above:
        return False
    words = last.lower().split()
    dated = "," in last or any(char.isdigit() for char in last)
    opens = dated and (words[0] in OPENERS or words[0].rstrip(".,").isdigit() or (len(words[0]) <= 7 and words[0][-1] in ".,"))
    if head.startswith("<") and len(words) <= 4 and last[-1] not in "!?.,:;":
        return True
    return len(words) <= 7 and last[-1] not in "!?" and (opens or words[0] in _CITING or words[-1] in _VERBS)


def _runs_on(first: str, lines: Lines, index: int) -> bool:
    """Whether the old mail goes on behind an attribution on the same line, with a gap between: Yahoo's telephones leave the break out."""
    head, gap, _ = first[:_LONGEST].partition(":  ")
    return bool(gap) and _is_opened(head) and _attributes(head + ":", True, lines, index + 1, False)


def _is_sentence(text: str) -> bool:
    """Whether words end in a full stop that is not that of an abbreviated month or day."""
    return text.endswith(("!", "?", "。")) or (text.endswith(".") and len(text.rsplit(None, 1)[-1]) > 6)


def _is_opened(first: str) -> bool:
    """Whether a line begins as attributions do: with an opener of some language, with a date or time, or with the name of a day."""
    first = first.lstrip("(")
    words = first.lower().lstrip("*-> ").split(" ", 3)
    if words[0].rstrip(",:") in OPENERS:
        return any(char.isdigit() for char in first)
    if first[:1].isdigit():
        return YEAR_OR_TIME.search(first[:20]) is not None
    return words[0].endswith((",", ".")) and len(words) > 1 and words[1][:1].isdigit() and DAY.search(first[:50]) is not None


def _followed(lines: Lines, index: int) -> bool:
    """Whether the next text is marked as quoted."""
    below = lines.text_from(index)
    return below < len(lines) and lines[below].depth > 0


def _alone(lines: Lines, index: int) -> bool:
    """Whether a line is a paragraph of its own, above other text."""
    return index > 0 and index + 2 < len(lines) and not lines[index - 1].bare and not lines[index + 1].bare


def _attributes(joined: str, opened: bool, lines: Lines, below: int, marked: bool) -> bool:
    """Whether these words name who wrote what follows."""
    tail = joined.rstrip(" *_-")
    colon = tail.endswith((":", "："))
    # A sentence of the sender's own may end in a colon, but it is longer, or says neither when nor who.
    if not (colon or _ends_in_verb(tail[-25:].lower())) or len(joined.split()) > (26 if opened else 16):
        return False
    verb = _has_verb(joined[-250:])
    dated = YEAR_OR_TIME.search(joined) is not None
    addressed = _ADDRESS.search(joined) is not None
    if marked or _followed(lines, below):
        return verb or (colon and (dated or addressed))
    # Without a verb, only the brackets around the address tell Gmail's shortest forms from a line of a log.
    bracketed = dated and colon and tail.rstrip(":： ").endswith((">", ")", "]")) and addressed
    if opened:
        return (verb and (dated or addressed)) or bracketed
    if not colon:
        return False
    ends_dated = any(char.isdigit() for char in tail.rsplit(None, 1)[-1])
    named = _BRACKETED.search(joined) is not None or tail.startswith("<")
    on_a_day = TIME.search(joined) is not None and DAY.search(joined) is not None
    # Nothing but a name, an address and the verb; or a day and an hour before the verb at the end.
    if _ends_in_verb(tail.rstrip(":： ")[-25:].lower()) and (on_a_day or (named and len(joined.split()) <= 7)):
        return True
    return dated and ((named and (verb or bracketed)) or (verb and ends_dated and on_a_day))


def _ends_in_verb(tail: str) -> bool:
    """Whether the last word of some lower-cased words is one for "wrote": some programs leave the colon out."""
    return tail.endswith(_VERB_PHRASES) or tail.rpartition(" ")[2].rpartition(">")[2] in _VERBS


def _has_verb(text: str) -> bool:
    """Whether some language's word for "wrote" is among the words. Mail programs may run it into the address before it."""
    lowered = text.lower()
    words = lowered.replace(">", "> ").replace(":", " ").split()
    if any(word in _VERBS or word.strip(".,;()<>[]*_-") in _VERBS for word in words):
        return True
    return any(one in lowered for one in _VERB_PHRASES)
