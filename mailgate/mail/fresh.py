"""What did the sender newly write? Cuts quotes, signatures and notices out of a readable text. The whole text is kept elsewhere.

One linear pass over the lines, with a bounded look ahead; no pattern spans more than a line, so that nothing a sender writes can make
it run away. What cannot be told from new text stays: a technician can skip a quote, but cannot guess at what is missing.
The one exception is safety: below a point where a quote is certain and unmarked, nothing counts as new, since command words are read
from the result.

Marks, strongest first: our own marker line (`##- … -##`); dividers and header blocks (`heads`); attributions (`attribution`); lines with
`>`. After a quote in `>` lines, unmarked lines are new again: answers between and below.
"""

from __future__ import annotations

import re

from mailgate.mail import heads, signature
from mailgate.mail.attribution import begins, inner
from mailgate.mail.lines import Line, Lines, read
from mailgate.mail.phrases import BANNERS, OUTSIDE, POSTED
from mailgate.mail.signature import RULE

MAX_TEXT = 1_000_000
MAX_LINES = 20_000
# In so many lines the head of a quote is looked for: no mail has as many that might begin one. Of those beyond only `>` tells.
_MOST_DOUBTS = 2000
# A head that begins within a line is looked for in so many lines.
_FOLDS = 30
# Outlook's "You don't often get email from …" leads there in every language.
_FIRST_CONTACT = "aka.ms/learnaboutsenderidentification"
_MARKER = re.compile(r"##-.{0,300}?-##")
# Every head of a quote but one has one of these in its first line.
_TELLING = re.compile(r"[\d@<:：\-_=*~+#\[–—―‐‑‒]")
# The first line of every quote or head of one has one of these; most prose has none. ASCII alone is searched several times faster.
_UNUSUAL = re.compile(r"[\dO@<>＞:：\-_=*~+#|\[–—―‐‑‒]")
_UNUSUAL_ASCII = re.compile(r"[0-9O@<>:\-_=*~+#|\[]")


def cut(text: str) -> str:
    """The part of `text` that the sender newly wrote, without the blank lines around it; "" if everything is old."""
    lines = Lines(text[:MAX_TEXT].split("\n")[:MAX_LINES])
    above = _above_marker(lines) if "##-" in text else None
    segments = _segments(above if above is not None else lines, _UNUSUAL_ASCII if text.isascii() else _UNUSUAL)
    kept = [segment for segment in (signature.without(_plain(segment)) for segment in segments) if segment]
    kept = [*([_unbannered(kept[0])] if kept else []), *kept[1:]]
    return "\n\n".join("\n".join(segment).strip("\n") for segment in kept if segment).strip()


def opens_old(text: str) -> bool:
    """Whether a text begins with the head of an old mail, as a bare forward does."""
    lines = Lines(text[:10_000].split("\n"))
    return heads.until(lines, lines.text_from(0), marked=False) is not None if text.strip() else False


def _above_marker(lines: Lines) -> Lines | None:
    """The lines above our own marker, without the attribution or header block that stands directly before it; None without a marker.

    A marker inside `>` lines cuts nothing by itself: those lines are old anyway, and answers between them are new.
    """
    for index in range(len(lines)):
        one = lines[index]
        if "##-" in one.bare and not one.depth:
            wrapped = " ".join(lines[other].bare for other in range(index, min(index + 4, len(lines))))
            start = one.bare.find("##-")
            if start <= 3 and _MARKER.match(wrapped, wrapped.find("##-")):
                return Lines(lines.raw[: _head(lines, index)])
    return None


def _head(lines: Lines, end: int) -> int:
    """Where the head of the quote that begins at `end` starts: its attribution, header block or divider, if it has one."""
    while end and not lines[end - 1].bare:
        end -= 1
    for start in range(max(0, end - 12), end):
        if lines[start].depth == 0 and lines[start].bare and (heads.until(lines, start, marked=True) or 0) >= end:
            return start
    return end


def _segments(lines: Lines, unusual: re.Pattern[str]) -> list[list[str]]:
    """The runs of new lines, in order, with the quotes between them left out. A line without anything `unusual` begins no quote."""
    segments: list[list[str]] = [[]]
    index = doubts = 0
    while index < len(lines):
        raw = lines.raw[index]
        shared, end = "", None
        if unusual.search(raw):
            if lines[index].depth:
                if heads.unmarked_below(lines, index):
                    break
                index = _quote_end(lines, index)
                segments.append([])
                continue
            doubts += 1
            shared, end = _head_within(lines, index) if doubts <= _MOST_DOUBTS else ("", None)
        if end is None:
            segments[-1].append(raw)
            index += 1
            continue
        _close(segments, shared, lines[index].bare)
        behind = _behind_head(lines, index, end, segments)
        if behind is None:
            break
        index = behind
    return segments


def _close(segments: list[list[str]], shared: str, head: str) -> None:
    """Ends the run above a head: with what the sender wrote on the head's own line, or without the head's first fold."""
    last = segments[-1]
    if shared:
        last.append(shared)
    elif last and begins(read(last[-1]).bare, _above_last(last), head):
        last.pop()


def _behind_head(lines: Lines, index: int, end: int, segments: list[list[str]]) -> int | None:
    """Where to read on behind the head that goes from `index` to `end`; None if nothing below it is new."""
    below = lines.text_from(end)
    lines.adopt_mark(below)
    if below < len(lines) and lines[below].depth:
        return below
    if _blank(segments) and heads.introduced(lines, index) is not None:
        # Nothing stands above: the mail is a forward, and the old mail is all it has to say. It stays from its first header line on, and
        # since that line is no command, no word below it can be one.
        segments[-1].extend(lines.raw[index:end])
        return end
    return None


def _head_within(lines: Lines, index: int) -> tuple[str, int | None]:
    """What the sender wrote on a line before the head of a quote ("thanks On 3 May Bob wrote:"; "" for nothing), and where that head
    ends; None if no head begins in this line.
    """
    one = lines[index]
    if not (_TELLING.search(one.bare) or one.bare.startswith("Original")):
        return "", None
    start = inner(one.raw)
    if start is not None:
        rest = Lines([one.raw[start:], *lines.raw[index + 1 : index + _FOLDS]])
        end = heads.until(rest, 0, marked=False)
        if end is not None:
            return one.raw[:start].rstrip(" \t-"), index + end
    return "", heads.until(lines, index, marked=False)


def _above_last(kept: list[str]) -> str:
    """The line above the last one kept, "" for a blank one or none."""
    return read(kept[-2]).bare if len(kept) > 1 else ""


def _quote_end(lines: Lines, index: int) -> int:
    """Where a block of `>` lines ends. A stray unmarked line between two marked ones is a quoted line that was wrapped, if it looks so."""
    while index < len(lines):
        torn = index + 1 < len(lines) and lines[index + 1].depth and _is_wrapped(lines[index - 1], lines[index])
        if not (lines[index].depth or torn):
            break
        index += 1
    return index


def _is_wrapped(before: Line, stray: Line) -> bool:
    """Whether an unmarked line is the torn-off end of the quoted line before it."""
    if not stray.bare:
        return False
    if stray.bare.startswith(("(http", "<http", "http", "[http")) or stray.bare.count(")") > stray.bare.count("("):
        return True
    if len(before.raw) < 66 or not stray.bare[:1].islower():
        return False
    # Nobody answers in the middle of a sentence.
    return before.bare[-1:].isalnum() or (len(stray.bare) <= 24 and not stray.bare.endswith((".", "!", "?")))


def _blank(segments: list[list[str]]) -> bool:
    """Whether nothing but blanks and rules has been kept so far."""
    return not any((bare := read(raw).bare) and not RULE.fullmatch(bare) for segment in segments for raw in segment)


def _plain(segment: list[str]) -> list[str]:
    """The lines of a segment as written, without the blanks and rules around them."""
    raw = [one.rstrip() for one in segment]
    while raw and (not raw[-1].strip() or RULE.fullmatch(raw[-1])):
        raw.pop()
    while raw and not raw[0].strip():
        raw.pop(0)
    return raw


def _unbannered(lines: list[str]) -> list[str]:
    """Without the gateway's "CAUTION: external mail" paragraph at the very top: it is nobody's text, and would hide a command below it."""
    end = next((index for index, line in enumerate(lines) if not line.strip()), len(lines))
    if end == len(lines):
        return lines
    banner = " ".join(lines[:end]).strip(" *_-=[").lower()
    warned = banner.startswith(BANNERS) and any(word in banner for word in OUTSIDE)
    told = any(word in banner for word in POSTED) or banner.rstrip("]:") in OUTSIDE
    if len(banner) >= 600 or not ((warned and told) or _FIRST_CONTACT in banner):
        return lines
    # Words like these in the head of a forwarded mail are no banner: without it the old mail below would pass for new.
    return lines if heads.introduced(Lines(lines), 0) is not None else lines[end:]
