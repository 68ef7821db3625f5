"""Is this mail worth parsing at all? Counts, on the raw octets and in linear time, what makes parsers hang, and salvages who wrote
from what is refused.

A mail over one of the limits is stored and shown to people, but its structure is never followed.
"""

from __future__ import annotations

import re

MAX_HEADER_BLOCK = 256_000
MAX_HEADERS = 1000
MAX_HEADER = 100_000
MAX_PARTS = 1000
MAX_DEPTH = 50
# The stdlib keeps each line as an object: twenty megabytes of blank lines cost it eight seconds and 800 MB.
MAX_LINES = 500_000
_SALVAGE = 64_000
_FIELD_START = re.compile(rb"(?:^|[\r\n])(?=[^\s:])")
_BOUNDARY = re.compile(rb"boundary[ \t]*=[ \t\r\n]*(?:\"([^\"\r\n]{1,200})\"|([^\s\";,]{1,200}))", re.I)
_LONE_RETURN = re.compile(rb"\r(?![\r\n])")
_NESTED = re.compile(rb"[:\n][ \t]*message/(?:rfc822|global|news|partial)", re.I)
_REPORT = b"message/delivery-status"
_DASHES = re.compile(rb"\n--([^\r\n]{1,210})")


def over(raw: bytes) -> str | None:
    """The slug of the first budget that the mail exceeds, None for a mail that may be parsed.

    Slugs: `header-block-too-large`, `too-many-headers`, `header-too-large`, `too-many-parts`, `too-deep`,
    `too-many-lines`.
    """
    if len(raw) > MAX_LINES and raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n") > MAX_LINES:
        return "too-many-lines"
    end, limit = -1, MAX_HEADER_BLOCK + 4
    # The usual one first: one that stands before the one found can only reach into it, so that nothing behind it is looked through.
    for gap in (b"\n\r\n", b"\n\n", b"\r\r"):
        if (at := raw.find(gap, 0, limit)) >= 0:
            end, limit = at, at + 2
    if end < 0 and len(raw) > MAX_HEADER_BLOCK:
        return "header-block-too-large"
    block = raw[:end] if end >= 0 else raw
    if (len(block) > MAX_HEADER or block.count(b"\n") + block.count(b"\r") > MAX_HEADERS) and (fault := _headers_fault(block)):
        return fault
    lowered = raw.lower()
    messages = lowered.count(b"message/")
    return _structure_fault(raw, len(block), messages) or (_report_fault(lowered) if messages else None)


def is_torn(raw: bytes) -> bool:
    """Whether a CR stands by itself in the header: a line end to some programs, to others nothing, so that they read other fields."""
    end = MAX_HEADER_BLOCK
    for gap in (b"\n\r\n", b"\n\n"):
        if (at := raw.find(gap, 0, end)) >= 0:
            end = at + 1
    head = raw[:end]
    # Where every line ends in CR alone, nobody disagrees.
    return head.count(b"\r") > head.count(b"\r\n") and b"\n" in head and _LONE_RETURN.search(head) is not None


def salvage(raw: bytes) -> bytes:
    """A small header block with the From, Subject, Date and Message-ID of a mail that is not parsed, each cut at 998 octets."""
    wanted = rb"(?im)^(?:from|subject|message-id|date|auto-submitted|precedence|list-id|x-mailgate-loop)[ \t]*:[^\r\n]{0,998}"
    found: dict[bytes, bytes] = {}
    for match in re.finditer(wanted, raw[:_SALVAGE]):
        name = match[0].partition(b":")[0].lower()
        # A second From stays in, so that the reading of it is refused as it would be in a mail that is parsed.
        if name == b"from" or name not in found:
            found[name if name not in found else name + str(len(found)).encode()] = match[0]
    return b"\r\n".join(list(found.values())[:20]) + b"\r\n\r\n"


def _headers_fault(block: bytes) -> str | None:
    """What is wrong with the size or number of the header fields."""
    starts = [match.end() for match in _FIELD_START.finditer(block)]
    if len(starts) > MAX_HEADERS:
        return "too-many-headers"
    if any(end - start > MAX_HEADER for start, end in zip(starts, [*starts[1:], len(block)], strict=False)):
        return "header-too-large"
    return None


def _structure_fault(raw: bytes, start: int, messages: int) -> str | None:
    """What is wrong with the number and nesting of the parts. Each part costs a line that begins with `--`, each attached message a
    type, of which there are `messages` at most.
    """
    if raw.count(b"\n--", start) <= MAX_DEPTH and messages <= MAX_DEPTH:
        return None
    if sum(1 for _ in _NESTED.finditer(raw)) > MAX_DEPTH:
        return "too-deep"
    lines = [(match.start(), match[1].rstrip()) for match in _DASHES.finditer(raw, start)]
    seen = {name for _, name in lines}
    declared = [(match.start(), (match[1] or match[2]).strip()) for match in _BOUNDARY.finditer(raw)]
    opened = [(at, True, name) for at, name in declared if name in seen]
    known = {name for _, _, name in opened}
    replay = [(at, False, name) for at, name in lines if name in known or name.removesuffix(b"--") in known]
    return _nesting_fault(sorted(opened + replay), known)


def _report_fault(lowered: bytes) -> str | None:
    """What is wrong with a delivery report: the stdlib makes a part of each paragraph in it, and there is one for each recipient."""
    groups, at = 0, lowered.find(_REPORT)
    while at >= 0 and groups <= MAX_PARTS:
        end = lowered.find(b"\n--", at)
        end = len(lowered) if end < 0 else end
        groups += lowered.count(b"\n\n", at, end) + lowered.count(b"\n\r\n", at, end)
        at = lowered.find(_REPORT, end)
    return "too-many-parts" if groups > MAX_PARTS else None


def _nesting_fault(replay: list[tuple[int, bool, bytes]], known: set[bytes]) -> str | None:
    """Goes through boundary declarations (True) and boundary lines in order of their place, with a stack of the containers that are
    open.
    """
    stack: list[bytes] = []
    parts = 0
    for _, declares, line in replay:
        if declares:
            stack.append(line)
        else:
            name = line if line in known else line.removesuffix(b"--")
            parts += name is line
            while name in stack and stack[-1] != name:
                stack.pop()
            if name is not line and name in stack:
                stack.pop()
        if parts > MAX_PARTS:
            return "too-many-parts"
        if len(stack) > MAX_DEPTH:
            return "too-deep"
    return None
