"""Where does the signature of a mail begin? Leaves out the name below the dashes, the device, the list's footer, the legal notice.

Works on the lines of one run of new text, from which quotes are gone already. A closing ("Regards, Ann") is the sender's own and stays.
"""

from __future__ import annotations

import re

from mailgate.mail.phrases import EXCUSES, LEGAL, NOTICE, SENT_FROM

# A line of dashes, underscores or the like: a rule, not a word.
RULE = re.compile(r"[\s\-_=*~–—―·•]{3,}")
_SIGNED = re.compile(r"(?:--|––|—|—-|-—|__)[ \t]*")
_SIGNERS = frozenset("-–—_")
_BULLETS = frozenset("-–—•*")
_DEVICE_ENDS = ("gesendet", "から送信", "보냄", "küldve", "gönderildi", "downloaden", "beziehen")
_DASH_NAME = re.compile(r"[-–—]{1,2}\s?[^\W\d_][\w.'’]*(?: [^\W\d_][\w.'’]*){0,2}")
_UNDERSCORES = re.compile(r"_{20,}")
_LINKED = re.compile(r"<[^<>\s]*>|\[[^\[\]\s]*\]|\([^()\s]*\)|https?://\S+")


def without(lines: list[str]) -> list[str]:
    """The lines without signature, list footer, legal notice and the name of the device below them."""
    for index, line in enumerate(lines):
        stripped = line.strip()
        if stripped[:1] not in _SIGNERS:
            continue
        below = len(lines) - index - 1
        # The delimiter of RFC 3676 cuts off a page at most; its look-alikes only the few lines of a usual signature.
        if (stripped == "--" and below <= 60) or (_SIGNED.fullmatch(stripped) and below <= 25):
            lines = lines[:index]
            break
        if _UNDERSCORES.fullmatch(stripped) and below <= 12 and any(_is_list_footer(other) for other in lines[index + 1 :]):
            lines = lines[:index]
            break
    # A notice may stand below a device below a name; nobody signs ten times.
    for _ in range(10):
        shorter = _without_last(_trimmed(lines))
        if len(shorter) == len(lines):
            break
        lines = shorter
    return lines


def _is_list_footer(line: str) -> bool:
    """Whether a line below a rule is a mailing list's own."""
    lowered = line.lower()
    return "mailing list" in lowered or "listinfo" in lowered or "unsubscribe" in lowered


def _trimmed(lines: list[str]) -> list[str]:
    """Without trailing blanks and rules."""
    end = len(lines)
    while end and (not lines[end - 1].strip() or RULE.fullmatch(lines[end - 1])):
        end -= 1
    return lines[:end]


def _without_last(lines: list[str]) -> list[str]:
    """Without the last paragraph, or the last line, if that is a device's signature, a legal notice or a dash with a name."""
    start = len(lines)
    while start and lines[start - 1].strip():
        start -= 1
    if start == len(lines):
        return lines
    first, last = _bare(lines[start]), _bare(lines[-1])
    if (first.lower().startswith(LEGAL) and (start or len(" ".join(map(_bare, lines))) > 200)) or (start and _is_notice(lines[start:])):
        return lines[:start]
    if _is_device(last):
        return lines[:-1]
    if start >= len(lines) - 2 and _is_device(" ".join(map(_bare, lines[start:]))):
        return lines[:start]
    return lines[:-1] if _is_dash_name(last, lines[:-1]) else lines


def _is_notice(paragraph: list[str]) -> bool:
    """Whether a paragraph says for whom the mail is meant and that it is confidential, and asks nothing."""
    text = " ".join(paragraph)[:3000].lower()
    return len(text) >= 30 and "?" not in text and all(any(word in text for word in words) for words in NOTICE)


def _bare(line: str) -> str:
    """A line without blanks and marks of emphasis around it."""
    return line.strip(" *_>")


def _is_dash_name(last: str, above: list[str]) -> bool:
    """Whether a line is a name after a dash, below something that is no list of such lines."""
    if last.startswith("- ") or not _DASH_NAME.fullmatch(last.rstrip(".")):
        return False
    before = next((line.lstrip() for line in reversed(above) if line.strip()), "")
    return bool(before) and before[0] not in _BULLETS


def _is_device(line: str) -> bool:
    """Whether a line is `Sent from my …`: a known beginning, a few words, no second clause."""
    bare = _LINKED.sub("", line).strip(" .!<>[]()")
    for stop in (". ", ", ", " - "):
        before, _, after = bare.partition(stop)
        if any(word in after.lower() for word in (*EXCUSES, "smartphone")):
            bare = before
    lowered = bare.lower()
    if not bare or len(bare) > 90:
        return False
    if lowered.startswith(SENT_FROM) or lowered.endswith(_DEVICE_ENDS):
        return "," not in bare and len(bare.split()) <= (11 if lowered.endswith("gesendet") else 9) and bare[-1:] not in "?:"
    return "outlook" in lowered and ("ios" in lowered or "android" in lowered) and len(bare.split()) <= 8
