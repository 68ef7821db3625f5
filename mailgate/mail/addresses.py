"""Whose addresses stand in this field, and can the From field name one person? Strict where identity hangs on it, lenient for the
rest.

Identity is the one address of the one From field. Structure is read first, from the raw field with every encoded word masked; names are
decoded afterwards and never read again, so that nothing an encoded word hides can become an address (CVE-2023-27043 and its kind). The
plain forms, nearly all of real mail, are matched by one exact pattern; whatever else occurs is mail-parser's strict scanner's business.

Fault slugs: `no-from`, `several-from` (fields or addresses), `group`, `control-character`, `unreadable-from` (no single address can be
meant) speak of a From that names nobody or hides somebody. `address-in-name` (the name shows another address) and `malformed-from`
(broken, but with one possible reading) leave a usable address that is worth a claim and no more.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from msgspec import Struct

from mailgate.desk.address import fold_address
from mailgate.desk.seldom import seldom
from mailgate.mail.fields import WORD, Fields, line, undisguised, words
from mailgate.mail.parsed import Mailbox

MAX_ADDRESSES = 200
_MAX_FIELD = 100_000
_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-"
# A name without specials or a quoted one, and an angle address; or a bare address. No two parts of it can match the same character.
_PLAIN = re.compile(
    rf"""[ \t]*(?:"([^"\\<>@]*)"|([^"\\<>@,;:()\[\]]*))[ \t]*<([{_ATEXT}]+@[A-Za-z0-9.\-]+)>[ \t]*(?:,|$)"""
    rf"""|[ \t]*([{_ATEXT}]+@[A-Za-z0-9.\-]+)[ \t]*(?:,|$)"""
)
# What stands in no word of an address, and what in no domain; other scripts may stand in both. Told by what they lack, because a class that
# names the rest of Unicode takes `re` as long at each start as all other patterns of this room.
_BETWEEN = r"\x00-\x20\x22(),:;<>@\[\\\]\x7f"
_NO_DOMAIN = r"\x00-,/:-@\[-`{-\x7f"
# Begins where such a word begins, nowhere within: else a long one without an at-sign would be tried from each of its characters.
_LOOSE = seldom(rf"(?<![^{_BETWEEN}])[^{_BETWEEN}]+@[^{_NO_DOMAIN}]+")
# Private characters that no header brings along: they are taken out of the field before they stand for its encoded words.
_MASK_OPEN, _MASK_CLOSE = "\ue0f0", "\ue0f1"
_MASKED = re.compile(f"{_MASK_OPEN}(\\d+){_MASK_CLOSE}")
_BETWEEN_MASKS = re.compile(f"(?<={_MASK_CLOSE})[ \t]+(?={_MASK_OPEN})")
_STRUCTURE = re.compile(r"[\"()<>\\,;:\[\]@]")
# Where a backslash means something. Of a longer field none is believed.
_QUOTED = seldom(r'"(?:[^"\\]|\\.)*"|\((?:[^()\\]|\\.)*\)')
_MAX_QUOTED = 2000
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


class Reading(Struct, frozen=True):
    """The mailboxes of a field and, for a From, the slugs of what is wrong with it."""

    boxes: tuple[Mailbox, ...] = ()
    faults: tuple[str, ...] = ()


def read(values: Iterable[str]) -> tuple[Mailbox, ...]:
    """The mailboxes of the fields of one name, in order, each address once, at most MAX_ADDRESSES. What is broken is read as well as
    it can be.
    """
    boxes: dict[str, Mailbox] = {}
    for value in values:
        found, broken = _structure(value[:_MAX_FIELD])
        for box in (*found, *(Mailbox("", address) for item in broken for address in _loose(item))):
            # Outlook puts an address without a name in apostrophes.
            if box.address.startswith("'") and box.address.endswith("'"):
                box = Mailbox(box.name, box.address[1:-1])
            boxes.setdefault(fold_address(box.address), box)
            if len(boxes) >= MAX_ADDRESSES:
                break
    return tuple(boxes.values())


def sender(fields: Fields, raw_values: Iterable[str], *, torn: bool = False) -> Reading:
    """Who the From field says wrote this mail. `raw_values` are the From fields as they came, for the controls that unfolding hides;
    `torn` says that programs may disagree on where the fields of this header end.

    The reading either gives the one address that a strict grammar gives, or a fault.
    """
    values, raws = fields.all("from"), list(raw_values)
    faults: list[str] = ["no-from"] if not values else ["several-from"] if len(values) > 1 else []
    if any(_CONTROL.search(re.sub(r"\r?\n[ \t]", "", raw)) for raw in raws):
        faults.append("control-character")
    boxes: dict[str, Mailbox] = {}
    for value in values[:10]:
        found, flaws = _one_field(value)
        faults += flaws
        for box in found[:10]:
            boxes.setdefault(fold_address(box.address), box)
    if len(boxes) > 1:
        faults.append("several-from")
    if any(not address.isascii() for address in boxes) and not all(_is_utf8(raw) for raw in raws):
        # Octets of an unknown charset may be any letters: whose address that is, nobody can say.
        boxes = {address: box for address, box in boxes.items() if address.isascii()}
        faults.append("unreadable-from")
    if any(not box.address.isprintable() for box in boxes.values()):
        faults.append("control-character")
    if torn or not all(_sound(address) for address in boxes):
        faults.append("malformed-from")
    if any(_disguised(box) for box in boxes.values()):
        faults.append("address-in-name")
    return Reading(tuple(boxes.values()), tuple(dict.fromkeys(faults)))


def _one_field(value: str) -> tuple[tuple[Mailbox, ...], list[str]]:
    """The mailboxes of one From field, and the faults that lie in its wording."""
    faults: list[str] = []
    found, broken = _structure(value[:_MAX_FIELD])
    if _grouped(value):
        faults.append("group")
    if _hiding(value, found) or ("\\" in value and "\\" in _QUOTED.sub("", value[:_MAX_QUOTED]) + value[_MAX_QUOTED:]):
        faults.append("malformed-from")
    if broken and not found and len(broken) == 1 and (only := _only_reading(broken[0])):
        found = (Mailbox(_shown_before(value), only),)
        faults.append("malformed-from")
    elif broken or not found:
        faults.append("malformed-from" if found else "unreadable-from")
        if len(found) == 1 and (name := _shown_before(value)):
            found = (Mailbox(name, found[0].address),)
    return found, faults


def _sound(address: str) -> bool:
    """Whether there is something between the dots of the domain, and before the first of the local part, and whether no letter is a form
    of another, for which some program takes it (UTS #46).
    """
    if not address.isascii() and unicodedata.normalize("NFKC", address) != address:
        return False
    local, _, domain = address.rpartition("@")
    return not local.startswith(".") and (domain.startswith("[") or all(domain.split(".")))


def _shown_before(value: str) -> str:
    """The name that stands before the only at-sign of a broken field: for reading only, like every name."""
    if WORD.sub("", value).count("@") != 1:
        return ""
    before = value.partition("<")[0] if "<" in value else re.split(rf"(?<![{_ATEXT}])[{_ATEXT}]*@", value, maxsplit=1)[0]
    return "" if "@" in before else line(words(before)).removesuffix("[mailto:").strip("\"' ,;:")


def _is_utf8(raw: str) -> bool:
    """Whether the octets that the stdlib carries as surrogates are UTF-8 (RFC 6532)."""
    try:
        raw.encode("utf-8", "surrogateescape").decode()
    except UnicodeDecodeError:
        return False
    return True


def _structure(value: str) -> tuple[tuple[Mailbox, ...], tuple[str, ...]]:
    """The sound mailboxes of one field, and its items that are none (still masked)."""
    names: list[str] = []

    def mask(match: re.Match[str]) -> str:
        names.append(match[0])
        return f"{_MASK_OPEN}{len(names) - 1}{_MASK_CLOSE}"

    if _MASK_OPEN in value or _MASK_CLOSE in value:
        value = value.replace(_MASK_OPEN, "").replace(_MASK_CLOSE, "")
    masked = WORD.sub(mask, value) if "=?" in value else value
    plain = _plain(masked)
    found, broken = (plain, ()) if plain is not None else _scanned(masked)
    boxes = tuple(Mailbox(_name(name, names), address) for name, address in found if _MASK_OPEN not in address)
    return boxes, broken + tuple("" for _, address in found if _MASK_OPEN in address)


def _hiding(value: str, found: tuple[Mailbox, ...]) -> bool:
    """Whether a reader that knows no encoded words would find another address: what stands between `=?` and `?=` may be structure to it."""
    inside = [word[0] for word in WORD.finditer(value) if _STRUCTURE.search(word[0])] if "=?" in value else []
    if not inside:
        return False
    # A long field is not worth a second look.
    if len(value) > _MAX_QUOTED or any("<" in word and "@" in word for word in inside):
        return True
    plain = _plain(value)
    bare = plain if plain is not None else _scanned(value)[0]
    return bool(bare) and [fold_address(address) for _, address in bare] != [fold_address(box.address) for box in found]


def _plain(value: str) -> tuple[tuple[str, str], ...] | None:
    """Names and addresses of a field in the plain forms; None as soon as anything else occurs."""
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(value):
        match = _PLAIN.match(value, position)
        if match is None:
            return None if value[position:].strip(" \t,") else tuple(found)
        found.append((match[1] or match[2] or "", match[3] or match[4]))
        position = match.end()
    return tuple(found)


def _scanned(value: str) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Names and addresses by mail-parser's structural scanner, and the items it found ambiguous."""
    from mailparser.utils import get_addresses

    diagnostics: list[dict[str, object]] = []
    try:
        found = get_addresses(value, defects=diagnostics)
    except Exception:
        # The scanner leans on the stdlib's recursive parser: whatever that raises on hostile input makes the whole field unreadable.
        return (), (value,)
    # Without a name it gives the address for one.
    sound = tuple(("" if name == address and value.count(address) < 2 else name, address) for name, address in found if address)
    return sound, tuple(str(one["raw"]) for one in diagnostics if not one["recovered"])


def _name(masked: str, names: list[str]) -> str:
    """A display name with its encoded words decoded, for reading only."""
    if names:
        masked = _MASKED.sub(lambda match: names[int(match[1])], _BETWEEN_MASKS.sub(" ", masked))
    return line(undisguised(words(masked))).strip("\"' ")


def _only_reading(item: str) -> str | None:
    """The address of a broken item in which but one can be meant: a single at-sign, and nothing but blanks or brackets around it."""
    found = _loose(item)
    return found[0] if len(found) == 1 and item.count("@") == 1 and not re.search(r"@[^\s<>]*[()]", item) else None


def _loose(item: str) -> tuple[str, ...]:
    """Every address-like word of a broken item; those in angle brackets alone where there are some."""
    bracketed = [address for part in item.split("<")[1:] for address in _LOOSE.findall(part.split(">")[0])]
    found = bracketed or _LOOSE.findall(item)
    return tuple(address.strip(".'") for address in found if _MASK_OPEN not in address)[:MAX_ADDRESSES]


def _grouped(value: str) -> bool:
    """Whether a colon stands where RFC 5322 opens a group: outside quotes, comments, angle brackets and domain literals."""
    if ":" not in value:
        return False
    depth = {"(": 0, "<": 0, "[": 0}
    quoted = escaped = False
    for char in WORD.sub("", value):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == '"' and not depth["("]:
            quoted = not quoted
        elif not quoted and char in "(<[":
            depth[char] += 1
        elif not quoted and char in ")>]":
            opener = {")": "(", ">": "<", "]": "["}[char]
            depth[opener] = max(0, depth[opener] - 1)
        elif char == ":" and not quoted and not any(depth.values()):
            return True
    return False


def _disguised(box: Mailbox) -> bool:
    """Whether the display name shows an address other than the one it belongs to."""
    shown = _LOOSE.findall(box.name) if "@" in box.name else []
    return any("." in address.rpartition("@")[2] and fold_address(address) != fold_address(box.address) for address in shown)
