"""What may stand in a header field of a letter, and in which spelling? The gate through which every foreign word passes on its way there.

Words come in as text and leave as ASCII that folds at 78 columns: RFC 5322 for the fields, RFC 2047 for encoded words, RFC 2231 for
file names. Which fields a letter has is the question of mail/compose; nothing here reads a received header.
"""

from __future__ import annotations

import re
import unicodedata
from binascii import b2a_base64
from collections.abc import Iterable, Sequence
from functools import lru_cache
from urllib.parse import quote

from mailgate.desk.errors import Permanent
from mailgate.desk.seldom import seldom

# RFC 5322 2.1.1: lines should be no longer than this, without CRLF.
_LINE = 78
# So many octets fill an encoded word that fits behind "Subject: " in one line, and stays below the 75 characters of RFC 2047.
_WORD_OCTETS = 39
# A longer word of plain ASCII is encoded too: encoded words can be folded.
_LONG_WORD = 64
_INVISIBLE = frozenset({"Cc", "Cf", "Cs"})

_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_ADDRESS = re.compile(
    r"(?=[^@]{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
# The characters of an id-left and id-right without quotes, comments and literals; looser than RFC 5322, as real ids are.
_ID = re.compile(r"[!#-'*+\--;=?A-Z^-~]{1,200}@[!#-'*+\--;=?A-Z\[\]^-~]{1,200}")
_MEDIA_TYPE = seldom(r"(?!multipart/|message/)[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_DEVICE = seldom(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)", re.IGNORECASE)
_UNSAFE_IN_NAMES = re.compile(r'[\x00-\x1f"\'<>:|?*%;=`$&{}\x7f]')

# How mail programs mark replies and forwards. Single letters ("R:", "I:") stay out: at a service desk those are drives.
_REPLY_MARKS = (
    "re aw antw antwort antwoord sv vs vb wg fw fwd tr rv rif res enc odp pd ynt ilt doorst vl vá továbbítás bls atb "
    "απ σχετ προωθ πρθ ответ отв пересл 回复 回覆 答复 答覆 转发 轉寄 轉發 返信 転送 답장 회신 전달 תגובה השב העברה رد إعادة"
)
_COUNTER = r"\s{0,3}(?:[\[(]\s{0,2}[0-9]{1,3}\s{0,2}[\])]|\^[0-9]{1,3})?\s{0,3}"
_REPLY_MARK = re.compile(f"(?:{'|'.join(_REPLY_MARKS.split())}){_COUNTER}[:\uff1a]\\s*", re.IGNORECASE)


def text(value: object, limit: int = 200) -> str:
    """One visible line of at most `limit` characters, with an ellipsis where it was cut.

    Control, format, bidi and zero-width characters and surrogates are dropped; line ends and any run of blanks become one blank.
    """
    whole = str(value)
    # Of a long text the beginning is usually enough.
    line = _line(whole[: 2 * limit])
    if len(line) <= limit and len(whole) > 2 * limit:
        line = _line(whole[: 8 * limit])
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _line(words: str) -> str:
    line = " ".join(words.split())
    if line.isprintable():
        return line
    return " ".join("".join(char for char in line if unicodedata.category(char) not in _INVISIBLE).split())


def address(value: object) -> str:
    """The same address, if it is an ASCII dot-atom at a host name of at most 254 octets.

    Raises Permanent for anything else: quoted local parts, domain literals and comments, and what stands under `invalid`, where nobody
    ever lives (RFC 6761 6.4).
    """
    raw = str(value)
    if len(raw) <= 254 and _ADDRESS.fullmatch(raw) and not raw.lower().endswith(("@invalid", ".invalid")):
        return raw
    raise Permanent(f"no address that a letter may carry: {raw[:100]!a}", code="address")


def msg_id(value: str) -> str | None:
    """A Message-ID in angle brackets, given with or without them; None where it is not one that other programs would take."""
    bare = value.strip("<> ")
    return f"<{bare}>" if _ID.fullmatch(bare) else None


def msg_ids(values: Iterable[str]) -> list[str]:
    """The usable Message-IDs of a References field, each once, at most 20 and 998 octets; of too many the middle goes."""
    ids = list(dict.fromkeys(known for known in map(msg_id, values) if known))
    if len(ids) > 20:
        ids[1:-19] = []
    while len(ids) > 1 and sum(map(len, ids)) + len(ids) > 980:
        del ids[1]
    return ids


def media_type(value: str) -> str:
    """The content type of an attachment without parameters, lower-cased; application/octet-stream for odd and for composite ones."""
    bare = value.partition(";")[0].strip().lower()
    return bare if _MEDIA_TYPE.fullmatch(bare) else "application/octet-stream"


def filename(value: str, number: int = 1) -> str:
    """A name for an attachment that is harmless on any system: no path, no leading dot, no device name, at most 100 characters."""
    last = text(unicodedata.normalize("NFC", value), 1000).replace("\\", "/").rpartition("/")[2]
    name = _UNSAFE_IN_NAMES.sub("_", last).strip(" .")
    if not name.strip("_"):
        return f"attachment-{number}"
    if _DEVICE.match(name):
        name = f"_{name}"
    stem, dot, extension = name.rpartition(".")
    if len(name) > 100:
        name = f"{stem[: 99 - len(extension)]}.{extension}" if dot and 0 < len(extension) <= 16 else name[:100]
    return name.strip(" .")


def folded(name: str, tokens: Sequence[str]) -> str:
    """`Name: token token` as one field, broken before a token that would pass column 78; the first stays beside the name."""
    line, done = f"{name}: {' '.join(tokens)}", ""
    if len(line) <= _LINE:
        return line
    line = f"{name}: {tokens[0]}"
    for token in tokens[1:]:
        if len(line) + len(token) >= _LINE:
            line, done = "", f"{done}{line}\r\n"
        line = f"{line} {token}"
    return done + line


def unstructured(value: str) -> list[str]:
    """The tokens of a Subject: ASCII words as they are, from the first that needs it on encoded words."""
    if value.isascii() and "=?" not in value and len(value) <= _LONG_WORD:
        return value.split(" ")
    words = value.split(" ")
    for index, word in enumerate(words):
        if not word.isascii() or "=?" in word or len(word) > _LONG_WORD:
            return words[:index] + _encoded_words(" ".join(words[index:]))
    return words


def mailbox(name: str, spec: str) -> list[str]:
    """The tokens of a field that holds one address: an atom phrase, a quoted string or encoded words, then the address in brackets."""
    if not name:
        return [spec]
    if not name.isascii() or "=?" in name or len(name) > _LONG_WORD:
        return [*_encoded_words(name), f"<{spec}>"]
    if _ATOM.fullmatch(name):
        return [*name.split(" "), f"<{spec}>"]
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return [f'"{escaped}"', f"<{spec}>"]


def parameter(name: str, value: str) -> list[str]:
    """`name="value"`, or for anything but ASCII the RFC 2231 form, in continued pieces that fit a line."""
    if value.isascii() and len(value) <= 60:
        return [f'{name}="{value}"']
    octets = quote(value, safe="-._~", encoding="utf-8", errors="replace")
    pieces = []
    while octets:
        # A piece must not end inside a %xx.
        cut = octets.find("%", 52, 54) if len(octets) > 54 else -1
        end = 54 if cut < 0 else cut
        pieces.append(octets[:end])
        octets = octets[end:]
    if len(pieces) == 1:
        return [f"{name}*=utf-8''{pieces[0]}"]
    pieces[0] = f"utf-8''{pieces[0]}"
    *some, last = [f"{name}*{number}*={piece}" for number, piece in enumerate(pieces)]
    return [*(f"{piece};" for piece in some), last]


def bare_subject(subject: str, tag: str) -> str:
    """A subject without its stack of reply and forward marks (in many languages) and without tags of this desk, own or older."""
    line = _untagged(subject, tag)
    while mark := _REPLY_MARK.match(line):
        line = line[mark.end() :]
    return " ".join(line.split())


def is_reply(subject: str, tag: str) -> bool:
    """Whether a subject begins with a reply or forward mark, once the tags of this desk are taken out."""
    return _REPLY_MARK.match(_untagged(subject, tag)) is not None


def _untagged(subject: str, tag: str) -> str:
    return _tags(tag.rpartition("-")[0]).sub(" ", text(subject, 998)).strip()


def subject_line(prefix: str, subject: str, tag: str) -> str:
    """`prefix`, the tag in brackets exactly once, then the bare subject; at most 200 characters.

    The tag stands in front, because RFC 5256 strips a leading `[…]`: programs that thread by subject still see the requester's own.
    """
    return text(f"{prefix}[{tag}] {bare_subject(subject, tag)}")


@lru_cache(maxsize=16)
def _tags(prefix: str) -> re.Pattern[str]:
    return re.compile(rf"\[ ?{re.escape(prefix)}-[0-9]{{1,18}} ?\]", re.IGNORECASE)


def _encoded_words(value: str) -> list[str]:
    octets, words, start = value.encode("utf-8", "replace"), [], 0
    while start < len(octets):
        end = min(start + _WORD_OCTETS, len(octets))
        # RFC 2047 5: a character is never split between two words.
        while end < len(octets) and octets[end] & 0xC0 == 0x80:
            end -= 1
        words.append(f"=?utf-8?B?{b2a_base64(octets[start:end], newline=False).decode('ascii')}?=")
        start = end
    return words
