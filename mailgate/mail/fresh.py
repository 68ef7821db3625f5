"""What did the sender newly write? Cuts quotes, signatures and notices out of a readable text. The whole text is kept elsewhere.

One linear pass over the lines, with a bounded look ahead; no pattern spans more than a line, so that nothing a sender writes can make
it run away (ATTACKS 77). What cannot be told from new text stays: a technician can skip a quote, but cannot guess at what is missing.
The one exception is safety: below a point where a quote is certain and unmarked, nothing counts as new, since command words are read
from the result.

Marks, strongest first: our own marker line (`##- … -##`); dividers (`-----Original Message-----`); header blocks
(From/Sent/To/Subject); attributions (`On … wrote:`), on one line or several; lines with `>`. After a quote in `>` lines, unmarked lines
are new again: answers between and below.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from mailgate.mail import signature
from mailgate.mail.phrases import BANNERS, DIVIDERS, LABELS, OPENERS, OUTSIDE, WROTE
from mailgate.mail.signature import RULE

MAX_TEXT = 1_000_000
MAX_LINES = 20_000
# An attribution is at most this long, and folded over at most this many lines.
_LONGEST_ATTRIBUTION = 400
_MOST_FOLDS = 6
_MARKER = re.compile(r"##-.{0,300}?-##")
# Every head of a quote but one has one of these in its first line.
_TELLING = re.compile(r"[\d@<:：\-_=*~–—―]")
# The first line of every quote or head of one has one of these; most prose has none. ASCII alone is searched several times faster.
_UNUSUAL = re.compile(r"[\dO@<>＞:：\-_=*~–—―]")
_UNUSUAL_ASCII = re.compile(r"[0-9O@<>:\-_=*~]")
_YEAR_OR_TIME = re.compile(r"\b(?:19|20)\d\d\b|\d{1,2}[:.h時시点][0-5۰-۵]\d|\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d年|\d년")
_TIME = re.compile(r"\d{1,2}[:.h時시点][0-5۰-۵]\d")
_DAY = re.compile(r"\b\d{1,2}[./-]\s?\d{1,2}[./-]\s?\d{2,4}|\b(?:19|20)\d\d\b")
_ADDRESS = re.compile(r"[^\s<>\[\]()\"]{1,64}@[^\s<>\[\]()\"]{1,190}")
# Verbs of one word are looked up among the words; those of several, and of scripts without blanks, as substrings.
_WROTE_WORDS = frozenset(verb for verb in WROTE if " " not in verb and verb[0] < "\u2e80")
_WROTE_PHRASES = tuple(verb for verb in WROTE if " " in verb or verb[0] >= "\u2e80")
_CITING = frozenset(("quoting", "quoted", "zitat", "citando"))
_QUOTE_MARKS = re.compile(r"(?:[>＞][ \t]?){1,200}")
_BRACKETED = re.compile(r"[<(\[]\s?(?:mailto:)?[^\s<>()\[\]]{1,64}@")
_INNER_OPENER = re.compile(r"\s(?:On|Am|Le|El|Em|Il|Op|Den|Dnia|Dne)\s+(?=\S{0,12}\d|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\w*,)")
_DASHED = re.compile(r"\s*[-_=*~–—―]{2,}\s*(\S[^\n]{0,80}?)\s*[-_=*~–—―]{2,}\s*")


@dataclass(slots=True)
class _Line:
    """One line as written, what of it is looked at (no quote marks or invisible characters), its depth of `>`, its reading as a header
    line.
    """

    raw: str
    bare: str
    depth: int
    label: tuple[str | None, str, bool] | None = None


class _Lines:
    """The lines of a text. Each is prepared for looking at when it is first asked for: most never are."""

    __slots__ = ("_prepared", "raw")

    def __init__(self, raw: list[str]) -> None:
        self.raw = raw
        self._prepared: dict[int, _Line] = {}

    def __len__(self) -> int:
        return len(self.raw)

    def __getitem__(self, index: int) -> _Line:
        line = self._prepared.get(index)
        if line is None:
            line = self._prepared[index] = _line(self.raw[index])
        return line


def cut(text: str) -> str:
    """The part of `text` that the sender newly wrote, without the blank lines around it; "" if everything is old."""
    lines = _Lines(text[:MAX_TEXT].split("\n")[:MAX_LINES])
    above = _above_marker(lines) if "##-" in text else None
    segments = _segments(above if above is not None else lines, _UNUSUAL_ASCII if text.isascii() else _UNUSUAL)
    kept = [segment for segment in (signature.without(_plain(segment)) for segment in segments) if segment]
    kept = [*([_unbannered(kept[0])] if kept else []), *kept[1:]]
    return "\n\n".join("\n".join(segment).strip("\n") for segment in kept if segment).strip()


def opens_old(text: str) -> bool:
    """Whether a text begins with the head of an old mail, as a bare forward does."""
    lines = _Lines(text[:10_000].split("\n"))
    return _old_until(lines, _next_text(lines, 0), marked=False) is not None if text.strip() else False


def _line(raw: str) -> _Line:
    """A line prepared for looking at. Of an overlong line only the beginning is."""
    bare = raw.strip() if len(raw) <= 2000 else raw[:2000].strip()
    if not bare.isascii():
        bare = "".join(" " if char == "\xa0" else char for char in bare if unicodedata.category(char) != "Cf").strip()
    if bare[:1] not in (">", "＞") or bare.startswith(">From "):
        return _Line(raw, bare, 0)
    marks = _QUOTE_MARKS.match(bare)
    end = marks.end() if marks else 1
    return _Line(raw, bare[end:].strip(), bare.count(">", 0, end) + bare.count("＞", 0, end))


def _above_marker(lines: _Lines) -> _Lines | None:
    """The lines above our own marker, without the attribution or header block that stands directly before it; None without a marker.

    A marker inside `>` lines cuts nothing by itself: those lines are old anyway, and answers between them are new.
    """
    for index in range(len(lines)):
        one = lines[index]
        if "##-" in one.bare and not one.depth:
            wrapped = " ".join(lines[other].bare for other in range(index, min(index + 4, len(lines))))
            start = one.bare.find("##-")
            if start <= 3 and _MARKER.match(wrapped, wrapped.find("##-")):
                return _Lines(lines.raw[: _head(lines, index)])
    return None


def _head(lines: _Lines, end: int) -> int:
    """Where the head of the quote that begins at `end` starts: its attribution, header block or divider, if it has one."""
    while end and not lines[end - 1].bare:
        end -= 1
    for start in range(max(0, end - 12), end):
        if lines[start].depth == 0 and lines[start].bare and _old_until(lines, start, marked=True) is not None:
            reached = _old_until(lines, start, marked=True) or 0
            if reached >= end:
                return start
    return end


def _segments(lines: _Lines, unusual: re.Pattern[str]) -> list[list[str]]:
    """The runs of new lines, in order, with the quotes between them left out. A line without anything `unusual` begins no quote."""
    segments: list[list[str]] = [[]]
    index, count = 0, len(lines)
    while index < count:
        raw = lines.raw[index]
        if not unusual.search(raw):
            segments[-1].append(raw)
            index += 1
            continue
        one = lines[index]
        if one.depth:
            index = _quote_end(lines, index)
            segments.append([])
            continue
        end = _old_until(lines, index, marked=False) if _TELLING.search(one.bare) or one.bare.startswith("Original") else None
        if end is None:
            segments[-1].append(raw)
            index += 1
            continue
        if end == index + 1 and (shared := _before_opener(one)):
            segments[-1].append(shared)
        elif _begins_head(segments[-1], one.bare):
            segments[-1].pop()
        below = _next_text(lines, end)
        if below < count and lines[below].depth:
            index = below
        elif _blank(segments) and _is_forward(lines, index):
            # Nothing stands above: the mail is a forward, and the old mail is all it has to say. It stays from its first header line
            # on, and since that line is no command, no word below it can be one.
            segments[-1].extend(lines.raw[index:end])
            index = end
        else:
            return segments
    return segments


def _begins_head(kept: list[str], head: str) -> bool:
    """Whether the last line kept is the first fold of the attribution below it: a paragraph of one line that opens, or ends, as
    attributions do, or is the name before an address.
    """
    last = _line(kept[-1]).bare if kept else ""
    if not last or (len(kept) > 1 and _line(kept[-2]).bare):
        return False
    words = last.lower().split()
    dated = "," in last or any(char.isdigit() for char in last)
    opens = dated and (words[0] in OPENERS or words[0].rstrip(".,").isdigit() or (len(words[0]) <= 7 and words[0][-1] in ".,"))
    if head.startswith("<") and len(words) <= 4 and last[-1] not in "!?.,:;":
        return True
    return len(words) <= 7 and last[-1] not in "!?" and (opens or words[0] in _CITING or words[-1] in _WROTE_WORDS)


def _before_opener(one: _Line) -> str:
    """What the sender wrote on the same line before an attribution ("thanks On 3 May Bob wrote:"), "" for nothing."""
    inner = _INNER_OPENER.search(one.raw, 0, 500)
    before = one.raw[: inner.start()] if inner else ""
    return "" if _YEAR_OR_TIME.search(before) or "@" in before else before


def _quote_end(lines: _Lines, index: int) -> int:
    """Where a block of `>` lines ends. A stray unmarked line between two marked ones is a quoted line that was wrapped, if it looks so."""
    while index < len(lines):
        torn = index + 1 < len(lines) and lines[index + 1].depth and _is_wrapped(lines[index - 1], lines[index])
        if not (lines[index].depth or torn):
            break
        index += 1
    return index


def _is_wrapped(before: _Line, stray: _Line) -> bool:
    """Whether an unmarked line is the torn-off end of the quoted line before it."""
    if not stray.bare:
        return False
    if stray.bare.startswith(("(http", "<http", "http", "[http")) or stray.bare.count(")") > stray.bare.count("("):
        return True
    return len(before.raw) >= 66 and len(stray.bare) <= 24 and not stray.bare.endswith((".", "!", "?")) and stray.bare[:1].islower()


def _blank(segments: list[list[str]]) -> bool:
    """Whether nothing but blanks and rules has been kept so far."""
    return not any((bare := _line(raw).bare) and not RULE.fullmatch(bare) for segment in segments for raw in segment)


def _is_forward(lines: _Lines, index: int) -> bool:
    """Whether the old mail that begins here is introduced by its header lines or a divider, as forwards are."""
    return _divider(lines, index) is not None or _header_block(lines, index) is not None


def _next_text(lines: _Lines, index: int) -> int:
    """The next line that is not blank (a bare `>` counts as quoted text)."""
    while index < len(lines) and not lines[index].bare and not lines[index].depth:
        index += 1
    return index


def _old_until(lines: _Lines, index: int, *, marked: bool) -> int | None:
    """The end of the quote head that begins at this line; None if none does. `marked`: a quote is known to follow."""
    end = _divider(lines, index) or _header_block(lines, index)
    return end if end is not None else _attribution(lines, index, marked=marked)


def _divider(lines: _Lines, index: int) -> int | None:
    """The end of `-----Original Message-----` in many languages, of `Begin forwarded message:`, and of a rule with a header block below."""
    bare = lines[index].bare
    if len(bare) > 120:
        return None
    dashed = _DASHED.fullmatch(bare)
    # The Turkish capital leaves its dot behind.
    words = (dashed[1] if dashed else bare).strip(" *_:：-").lower().replace("i\u0307", "i")
    # Tobit's david writes its divider without a dash or colon, and header lines without colons below.
    alone = bare.endswith((":", "：")) or words.startswith("original message processed by")
    if (dashed or alone) and len(words) < 60 and (words.startswith(DIVIDERS) or (dashed and _divides(words))):
        below = _next_text(lines, index + 1)
        return (_header_block(lines, below) if below < len(lines) else None) or index + 1
    if RULE.fullmatch(bare) or dashed:
        below = _next_text(lines, index + 1)
        if below <= index + 3 and below < len(lines):
            return _header_block(lines, below)
    return None


def _divides(words: str) -> bool:
    """Whether these words between dashes announce an old mail."""
    return words == "original" or any(one in words for one in DIVIDERS)


def _header_block(lines: _Lines, index: int) -> int | None:
    """The end of a block of header lines of an old mail (From/Sent/To/Subject), known by its labels, or by its shape in a language
    unknown.
    """
    kind, value, label = _label(lines[index])
    if not label:
        return None
    kinds = {kind: value} if kind else {}
    end = position = index + 1
    strange = 0 if kind else 1
    # Between labels stand at most the folds of a long To, and single blank lines where HTML was laid out as text.
    while position < min(len(lines), index + 24) and strange <= 3 and lines[position].depth == lines[index].depth:
        kind, value, _ = _label(lines[position])
        if kind in ("from", "date", "subject") and kind in kinds:
            break
        if kind:
            kinds.setdefault(kind, value)
            end, strange = position + 1, 0
        elif lines[position].bare:
            strange += 1
        elif not _is_labelled(lines, position + 1):
            break
        position += 1
    return end if _is_block(kinds) else _shaped_block(lines, index)


def _is_labelled(lines: _Lines, index: int) -> bool:
    """Whether the line after a blank goes on with the header block."""
    return index < len(lines) and _label(lines[index])[0] is not None


def _label(one: _Line) -> tuple[str | None, str, bool]:
    """The reading of a line as a header line, made once."""
    if one.label is None:
        one.label = _labelled(one.bare)
    return one.label


def _is_block(kinds: dict[str, str]) -> bool:
    """Whether these labels, found together, can only be an old mail's header."""
    main = kinds.keys() & {"from", "date", "to", "subject"}
    sent = _YEAR_OR_TIME.search(kinds.get("date", "")) is not None
    if len(main) >= 3:
        return "@" in "".join(kinds.values()) or sent or len(main) == 4
    return main == {"from", "date"} and "@" in kinds["from"] and sent


def _labelled(bare: str) -> tuple[str | None, str, bool]:
    """What a header-like line stands for, its value, and whether it is `Label: value` at all."""
    colon = min((at for at in (bare.find(":", 0, 40), bare.find("：", 0, 40)) if at > 0), default=-1)
    if colon < 1:
        return None, "", False
    label = bare[:colon].strip(" *_\t").lower()
    return LABELS.get(label), bare[colon + 1 :].strip(" *_"), len(label) <= 24 and not any(char.isdigit() for char in label)


def _shaped_block(lines: _Lines, index: int) -> int | None:
    """A header block in a language that is not listed: four labelled lines in a row, an address in the first or third, a time among
    the first three.
    """
    if index + 4 > len(lines) or not all(_label(lines[at])[2] for at in range(index, index + 4)):
        return None
    block = [lines[at].bare for at in range(index, index + 4)]
    if any("://" in one for one in block):
        return None
    addressed = _ADDRESS.search(block[0]) is not None
    timed = any(_TIME.search(one) and re.search(r"\d{4}", one) for one in block[1:3])
    return index + 4 if addressed and timed else None


def _attribution(lines: _Lines, index: int, *, marked: bool) -> int | None:
    """The end of an attribution (`On … Alice <a@b> wrote:`) that begins at this line, folded or not."""
    first = lines[index].bare
    ended = first.endswith((":", "："))
    if len(first) > _LONGEST_ATTRIBUTION or not (ended or "@" in first or "<" in first or _YEAR_OR_TIME.search(first)):
        return None
    opened = _is_opened(first)
    joined, position = "", index
    # Only what begins like an attribution may go on over blank lines or over more than a fold or two.
    last = index + (1 if ended else _MOST_FOLDS if opened else 3)
    while position < min(len(lines), last) and len(joined) < _LONGEST_ATTRIBUTION:
        one = lines[position]
        if one.depth and not (joined and one.bare.rstrip(" :：").lower() in _WROTE_WORDS):
            break
        if one.bare:
            joined = f"{joined} {one.bare}".strip()
            if _attributes(joined, opened, lines, position + 1, marked):
                return position + 1
        if _is_sentence(joined) or not (one.bare or opened):
            break
        position += 1
    return None


def _is_sentence(text: str) -> bool:
    """Whether words end in a full stop that is not that of an abbreviated month or day."""
    return text.endswith(("!", "?", "。")) or (text.endswith(".") and len(text.rsplit(None, 1)[-1]) > 6)


def _is_opened(first: str) -> bool:
    """Whether a line begins as attributions do: with an opener of some language, or with a date or time."""
    first = first.lstrip("(")
    word = first.lower().lstrip("*-> ").split(" ", 1)[0].rstrip(",:")
    if word in OPENERS:
        return any(char.isdigit() for char in first)
    return first[:1].isdigit() and _YEAR_OR_TIME.search(first[:20]) is not None


def _followed(lines: _Lines, index: int) -> bool:
    """Whether the next text is marked as quoted."""
    below = _next_text(lines, index)
    return below < len(lines) and lines[below].depth > 0


def _attributes(joined: str, opened: bool, lines: _Lines, below: int, marked: bool) -> bool:
    """Whether these words name who wrote what follows. Unmarked text below asks for stronger evidence than `>` lines do."""
    tail = joined.rstrip(" *_-")
    colon = tail.endswith((":", "："))
    # A sentence of the sender's own may end in a colon, but it is longer, or says neither when nor who.
    if not (colon or _ends_in_verb(tail[-25:].lower())) or len(joined.split()) > (26 if opened else 16):
        return False
    verb = _has_verb(joined[-250:])
    dated = _YEAR_OR_TIME.search(joined) is not None
    addressed = _ADDRESS.search(joined) is not None
    if marked or _followed(lines, below):
        return verb or (colon and (dated or addressed))
    # Without a verb, only the brackets around the address tell Gmail's shortest forms from a line of a log.
    bracketed = dated and colon and tail.rstrip(":： \u202c").endswith((">", ")", "]")) and addressed
    if opened:
        return (verb and (dated or addressed)) or bracketed
    if not colon:
        return False
    ends_dated = any(char.isdigit() for char in tail.rsplit(None, 1)[-1])
    named = _BRACKETED.search(joined) is not None or tail.startswith("<")
    on_a_day = _TIME.search(joined) is not None and _DAY.search(joined) is not None
    # Nothing but a name, an address and the verb; or a day and an hour before the verb at the end.
    if _ends_in_verb(tail.rstrip(":： ")[-25:].lower()) and (on_a_day or (named and len(joined.split()) <= 7)):
        return True
    return dated and ((named and (verb or bracketed)) or (verb and ends_dated and on_a_day))


def _ends_in_verb(tail: str) -> bool:
    """Whether the last word of some lower-cased words is one for "wrote": some programs leave the colon out."""
    return tail.endswith(_WROTE_PHRASES) or tail.rpartition(" ")[2].rpartition(">")[2] in _WROTE_WORDS


def _has_verb(text: str) -> bool:
    """Whether some language's word for "wrote" is among the words. Mail programs may run it into the address before it."""
    lowered = text.lower()
    words = lowered.replace(">", "> ").replace(":", " ").split()
    if any(word in _WROTE_WORDS or word.strip(".,;()<>[]*_-") in _WROTE_WORDS for word in words):
        return True
    return any(one in lowered for one in _WROTE_PHRASES)


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
    if len(banner) < 600 and banner.startswith(BANNERS) and any(word in banner for word in OUTSIDE):
        return lines[end:]
    return lines
