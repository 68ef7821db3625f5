"""Where does the signature of a mail begin? Leaves out the name below the dashes, the device, the list's footer, the legal notice.

Works on the lines of one run of new text, from which quotes are gone already. A closing ("Regards, Ann") is the sender's own and stays.
"""

from __future__ import annotations

import re

from mailgate.desk.seldom import seldom
from mailgate.mail.phrases import DENIALS, DEVICES, EXCUSES, LEGAL, NOTICE, SCANNERS, SENT, SENT_AROUND, SENT_ENDS, SENT_FROM

# A line of dashes, underscores or the like: a rule, not a word.
RULE = re.compile(r"[\s\-_=*~–—―·•]{3,}")
_SIGNED = re.compile(r"(?:--|––|—|—-|-—|__)[ \t]*")
_SIGNERS = frozenset("-–—_")
_BULLETS = frozenset("-–—•*")
_DEVICE_ENDS = ("gesendet", "から送信", "보냄", "gönderildi", "downloaden", "beziehen")
_DASH_NAME = re.compile(r"[-–—]{1,2}\s?[^\W\d_][\w.'’]*(?: [^\W\d_][\w.'’]*){0,2}")
_UNDERSCORES = re.compile(r"_{20,}")
_LINK = re.compile(r"\[([^\[\]]{1,60})\]\([^()\s]*\)")
_LINKED = re.compile(r"<[^<>\s]*>|\[[^\[\]\s]*\]|\([^()\s]*\)|https?://\S+")
# What stands on the lines of a card below a rule: a name first, then no sentences.
_NAME = seldom(r"[^\W\d_][\w.'’-]+(?: [^\W\d_][\w.'’-]*){0,3}")
_CARD_LINES = 8
# The name of a device stands in one line or two, with a link perhaps.
_LONGEST_DEVICE = 300
_CONTACT = re.compile(r"@|https?:|www\.|(?:\d[ ()/.-]{0,2}){6}")


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
    lines = _without_card(lines)
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


def _without_card(lines: list[str]) -> list[str]:
    """Without a name with its telephone, address or role below a rule at the very end: a signature whose dashes are too many."""
    end = len(lines)
    below = 0
    for index in range(end - 1, max(0, end - 2 * _CARD_LINES) - 1, -1):
        line = lines[index].strip()
        if RULE.fullmatch(line):
            return lines[:index] if below and any(above.strip() for above in lines[:index]) and _is_card(lines[index + 1 :]) else lines
        below += bool(line)
        if below > _CARD_LINES or len(line) > 60 or line.endswith(("?", "!", ".", ":", ";")):
            return lines
    return lines


def _is_card(lines: list[str]) -> bool:
    """Whether lines begin with a name and tell how to reach somebody, or are a full name and nothing else."""
    said = [line.strip() for line in lines if line.strip()]
    words = said[0].split()
    if not _NAME.fullmatch(said[0]) or not all(word[0].isupper() for word in words):
        return False
    return any(_CONTACT.search(line) for line in said[1:]) or (len(said) == 1 and len(words) > 1 and all(len(word) > 1 for word in words))


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
    """Whether a paragraph says for whom the mail is meant and that it is confidential, and asks nothing; or that a mail was scanned."""
    text = " ".join(paragraph)[:3000].lower()
    if len(text.split()) <= 8 and any(address in text for address in SCANNERS):
        return True
    # Scripts without blanks say as much in fewer characters.
    return len(text) >= (30 if text.isascii() else 16) and "?" not in text and all(any(word in text for word in words) for words in NOTICE)


def _bare(line: str) -> str:
    """A line without blanks and marks of emphasis around it."""
    return line.strip(" *_>")


def _is_dash_name(last: str, above: list[str]) -> bool:
    """Whether a line is a name after a dash or slash, below something that is no list of such lines."""
    before = next((line.lstrip() for line in reversed(above) if line.strip()), "")
    if not before:
        return False
    if last.startswith("/"):
        return _NAME.fullmatch(last[1:]) is not None and last[1].isupper() and len(last) <= 24
    if not _DASH_NAME.fullmatch(last.rstrip(".")):
        return False
    words = last.lstrip("-–— ").split()
    # After a blank a single word may be an answer; a full name is none.
    if last.startswith("- ") and (len(words) < 2 or not all(word[0].isupper() for word in words)):
        return False
    return before[0] not in _BULLETS and not (last.startswith("- ") and before.rstrip().endswith(":"))


def _is_device(line: str) -> bool:
    """Whether a line is `Sent from my …`: a known beginning, a few words, no second clause; or such words around the name of a device."""
    if len(line) > _LONGEST_DEVICE:
        return False
    told = _LINK.sub(r"\1", line)
    bare = _LINKED.sub("", told).strip(" .!<>[]()" if "//" not in told else " .!<>[]():")
    for stop in (". ", ", ", " - "):
        before, _, after = bare.partition(stop)
        if any(word in after.lower() for word in (*EXCUSES, "smartphone")):
            bare = before
    lowered = bare.lower()
    words = lowered.split()
    count = len(words)
    if not bare or bare[-1:] in "?:" or "," in bare or count > 14 or not DENIALS.isdisjoint(words):
        return False
    if lowered.startswith(SENT_FROM) or lowered.endswith(_DEVICE_ENDS):
        return count <= (11 if lowered.endswith("gesendet") else 9) or _names_device(lowered)
    if "outlook" in lowered and ("ios" in lowered or "android" in lowered):
        return count <= 8
    around = any(lowered.startswith(start) and lowered.endswith(end) for start, end in SENT_AROUND)
    return (around or lowered.startswith(SENT) or lowered.endswith(SENT_ENDS)) and _names_device(lowered)


def _names_device(lowered: str) -> bool:
    """Whether some lower-cased words name a telephone, a computer or a mail program."""
    return any(device in lowered for device in DEVICES)
