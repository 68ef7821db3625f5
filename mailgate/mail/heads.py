"""Where does the head of an old mail end: its divider (`-----Original Message-----`), its header block, or its attribution?

Each function looks at one line and a bounded number below it, and answers with the number of the line behind the head, or None if no
head begins there. What is done about the quote below is decided in `fresh`.
"""

from __future__ import annotations

import re

from mailgate.desk.seldom import seldom
from mailgate.mail.attribution import DAY, TIME, YEAR_OR_TIME, attribution
from mailgate.mail.lines import Lines
from mailgate.mail.phrases import DIVIDERS, LABELS, MESSAGES, PASSED_ON
from mailgate.mail.signature import RULE

_ADDRESS = re.compile(r"[^\s<>\[\]()\"]{1,64}@[^\s<>\[\]()\"]{1,190}")
_MAILBOX = re.compile(r"\S\s{1,3}[<(\[](?:mailto:)?[^\s<>\[\]()\"]{1,64}@")
# What divides, and may stand around words as well.
_DASHES = "-_=*~+#–—―‐‑‒ \t"
# Telephones leave out the break behind the divider; Notes puts the hour between dashes, and the first words of the old mail behind it.
_RUN_ON = re.compile(r"-{4,20}\s?([^-]{1,60}?)\s?-{4,20}(?=[^-\s])")
_NOTED = re.compile(r"[^-]{1,80}-{3}\d{1,2}[./]\d{1,2}[./]\d{4} \d{1,2}:\d\d(?::\d\d)?(?: [AP]M)?-{3}")
# The date of RFC 5322 with its zone is written by programs, not by people.
_STAMP = seldom(r"\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d(?::\d\d)? [+-]\d{4}")
# A header block goes over at most so many lines, with at most so many strange ones (the folds of a long To) in a row.
_LONGEST_BLOCK = 24
_MOST_STRANGE = 3
_MOST_LABELS = 12
# The names of labels have at most so many words; so many words of a line are looked through for so many labels.
_LABEL_WORDS = 3
_WORDS_OF_A_LINE = 60


def until(lines: Lines, index: int, *, marked: bool) -> int | None:
    """The end of the head that begins at this line, whatever its kind. `marked`: a quote is known to follow."""
    end = introduced(lines, index)
    return end if end is not None else attribution(lines, index, marked=marked)


def introduced(lines: Lines, index: int) -> int | None:
    """The end of a divider or header block, by which forwards are introduced as well as answers."""
    return _divider(lines, index) or _header_block(lines, index)


def unmarked_below(lines: Lines, index: int) -> bool:
    """Whether a line is GroupWise's head (`>>> Ann <a@b> 20.11.2026 10:00 >>>`), below which the old mail stands without any marks."""
    one = lines[index]
    if one.depth != 3 or not one.bare.endswith((">>>", ":")) or not YEAR_OR_TIME.search(one.bare):
        return False
    below = lines.text_from(index + 1)
    return below < len(lines) and not lines[below].depth and not (index and lines[index - 1].depth)


def _divider(lines: Lines, index: int) -> int | None:
    """The end of words between dashes that announce an old mail, of `Begin forwarded message:`, and of a rule with a header block below."""
    bare = lines[index].bare
    run_on = _RUN_ON.match(bare)
    if (run_on and _announces(run_on[1].lower())) or _NOTED.match(bare):
        return index + 1
    if len(bare) > 120:
        return None
    words, framed, half_framed = _unframed(bare)
    below = lines.text_from(index + 1)
    if (framed or half_framed) and _announces(words) and (framed or len(words.split()) <= 4):
        return (_header_block(lines, below) if below < len(lines) else None) or index + 1
    # Tobit's david writes its divider without a dash or colon, and header lines without colons below.
    if bare.endswith((":", "：")) or words.startswith("original message processed by"):
        end = _header_block(lines, below) if below < len(lines) else None
        shown = end is not None or (below < len(lines) and lines[below].depth > 0)
        return (end or index + 1) if words.startswith(DIVIDERS) or (shown and _announces(words)) else None
    if (framed or RULE.fullmatch(bare)) and index < below <= index + 3 and below < len(lines):
        return _header_block(lines, below) or _sole_sender(lines, below, bare)
    return None


def _unframed(bare: str) -> tuple[str, bool, bool]:
    """The words of a line in lower case without the dashes around them, whether dashes stand on both sides, and whether on the left."""
    if bare[:1] == "[" and bare[-1:] == "]":
        return bare[1:-1].strip(_DASHES).lower(), True, True
    inner = bare.lstrip(_DASHES)
    left = len(bare[: len(bare) - len(inner)].replace(" ", ""))
    words = inner.rstrip(_DASHES)
    right = len(inner[len(words) :].replace(" ", ""))
    # The Turkish capital leaves its dot behind.
    plain = words.strip(" :：").lower().replace("i\u0307", "i")
    return plain, left >= 2 and right >= 2 and bool(words), left >= 4 and bool(words)


def _announces(words: str) -> bool:
    """Whether words between dashes name an old mail: one of the known ones, or the word for a message with one for what became of it."""
    if not 0 < len(words) < 60:
        return False
    if words == "original" or any(one in words for one in DIVIDERS):
        return True
    return len(words.split()) <= 6 and any(one in words for one in MESSAGES) and any(one in words for one in PASSED_ON)


def _sole_sender(lines: Lines, index: int, rule: str) -> int | None:
    """The end of a block that says nothing but `From: a@b`, below a rule of some length."""
    label = lines[index].label
    return index + 1 if label.kind == "from" and len(rule) >= 5 and _ADDRESS.search(label.value) else None


def _header_block(lines: Lines, index: int) -> int | None:
    """The end of a block of header lines of an old mail (From/Sent/To/Subject), known by its labels, or by its shape in a language
    unknown.
    """
    first = lines[index].label
    if not first.shaped:
        return None
    if first.kind and ":" in first.value and _is_block(_labels_within(lines[index].bare)):
        return index + 1
    kinds, end = _labels_below(lines, index)
    if _is_block(kinds) and not _is_setting(lines, index, end, kinds):
        return end
    return _shaped_block(lines, index)


def _labels_below(lines: Lines, index: int) -> tuple[dict[str, str], int]:
    """The labels of the lines from this one on, with their values, and where the last of these lines ends: until one comes again that
    a block has once, or too many strange lines.
    """
    first = lines[index].label
    kinds = {first.kind: first.value} if first.kind else {}
    end = position = index + 1
    strange, labels = 0 if first.kind else 1, 1
    last = min(len(lines), index + _LONGEST_BLOCK)
    while position < last and strange <= _MOST_STRANGE and labels < _MOST_LABELS and lines[position].depth == lines[index].depth:
        label = lines[position].label
        if label.kind in ("from", "date", "subject") and label.kind in kinds:
            break
        if label.kind:
            kinds.setdefault(label.kind, label.value)
            end, strange, labels = position + 1, 0, labels + 1
        elif lines[position].bare:
            strange += 1
        elif position + 1 >= len(lines) or lines[position + 1].label.kind is None:
            # Single blank lines stand between labels where HTML was laid out as text.
            break
        position += 1
    return kinds, end


def _is_block(kinds: dict[str, str]) -> bool:
    """Whether these labels, found together, can only be an old mail's header."""
    main = kinds.keys() & {"from", "date", "to", "subject"}
    date = kinds.get("date", "")
    sent = YEAR_OR_TIME.search(date) is not None
    if len(main) >= 3:
        return "@" in "".join(kinds.values()) or sent or len(main) == 4
    if main == {"date", "to"}:
        return "@" in kinds["to"] and _STAMP.search(date) is not None
    return main == {"from", "date"} and "@" in kinds["from"] and sent


def _is_setting(lines: Lines, index: int, end: int, kinds: dict[str, str]) -> bool:
    """Whether these are lines of somebody's settings (`from: a@b`): small letters, and nothing about when."""
    return "date" not in kinds and all(lines[at].bare[:1].islower() for at in range(index, end) if lines[at].label.kind)


def _labels_within(bare: str) -> dict[str, str]:
    """The labels of a header block that stands in one line (`From: A Sent: B To: C Subject: D`), and their values."""
    words = bare.replace("*", " ").replace("：", ": ").split()[:_WORDS_OF_A_LINE]
    kinds: dict[str, str] = {}
    kind, begun = "", 0
    for at in [at for at, word in enumerate(words) if word.endswith(":")][:_MOST_LABELS]:
        names = (" ".join(words[max(0, at - count) : at + 1]).rstrip(" :").lower() for count in range(_LABEL_WORDS))
        found = next((LABELS[name] for name in names if name in LABELS), None)
        if found:
            kinds.setdefault(kind, " ".join(words[begun : at + 1]))
            kind, begun = found, at + 1
    kinds.setdefault(kind, " ".join(words[begun:]))
    return kinds


def _shaped_block(lines: Lines, index: int) -> int | None:
    """A header block in a language that is not listed: four labelled lines in a row, somebody's name and address in the first, a day and
    an hour in the second or third.
    """
    if index + 4 > len(lines) or not all(lines[at].label.shaped for at in range(index, index + 4)):
        return None
    block = [lines[at].bare for at in range(index, index + 4)]
    if any("://" in one for one in block):
        return None
    if not _MAILBOX.search(block[0]):
        return None
    return index + 4 if any(TIME.search(one) and DAY.search(one) for one in block[1:3]) else None
