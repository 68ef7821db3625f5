"""What do the header fields of this mail say? Fields as clean text, encoded words, Message-IDs. Addresses and dates have rooms of
their own.

Values come out of the stdlib's compat32 tree, the only one that neither hangs nor raises on hostile fields. RFC 2047 words are decoded
by one linear scan: the stdlib's takes 37 s for a subject of 40,000 of them.
"""

from __future__ import annotations

import binascii
import re
from email.message import Message
from functools import lru_cache
from itertools import islice

from mailgate.mail.charset import clean, codec, decode

_FOLD = re.compile(r"\r?\n(?=[ \t])|[\r\n]+")
# The payload may hold blanks and question marks, which many mailers leave in; the begin of another word ends it in any case, so that the
# scan is linear.
_OPEN, _PAYLOAD = r"=\?([^?\s]{0,60})\?[ \t]?([bBqQ])\?", r"((?:[^?=]|=(?!\?)|=(?=\?=)|\?(?!=))*)"
WORD = re.compile(_OPEN + _PAYLOAD + r"\?=")
# For reading only: a word that the end of the field cut off counts as well.
_READ_WORD = re.compile(_OPEN + _PAYLOAD + r"(?:\?=|$)")
_Q_OCTET = re.compile(rb"=([0-9A-Fa-f]{2})")
_C1 = re.compile("[\x80-\x9f]")
_BRACKETED = re.compile(r"<([^<>]{1,990})>")
_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
MAX_IDS = 200
_SPECIALS = re.compile(r"[\x00-\x1f\"(),.:;<>@\[\]\\]")
# Fields without structure, and those whose parameters hold names of files and nothing else that is written by people.
_PROSE = frozenset(("subject", "comments", "thread-topic", "content-type", "content-disposition", "content-description"))
# Longer fields are not worth remembering.
_USUAL_LENGTH = 500


class Fields:
    """The header fields of one part: names lower-cased, values unfolded, undeclared 8-bit decoded, encoded words still as they stood."""

    __slots__ = ("_index", "items")

    def __init__(self, message: Message) -> None:
        raw = [(name, str(value)) for name, value in message.raw_items()]
        charset = None if "".join(value for _, value in raw).isascii() else _charset_inside(message)
        self.items: list[tuple[str, str]] = [(name.lower(), _unfolded(value, name, charset)) for name, value in raw]
        self._index: dict[str, list[str]] = {}
        for name, value in self.items:
            self._index.setdefault(name, []).append(value)

    def get(self, name: str) -> str:
        """The first field of that name that is not blank, "" without one."""
        return next(filter(None, self._index.get(name, ())), "")

    def all(self, name: str) -> list[str]:
        """Every field of that name, topmost first."""
        return self._index.get(name, [])

    def text(self, name: str) -> str:
        """The first field of that name as people read it: encoded words decoded, one line."""
        return line(words(self.get(name)))

    def __contains__(self, name: object) -> bool:
        return name in self._index


def words(value: str, again: bool = True) -> str:
    """`value` with its RFC 2047 encoded words decoded. Neighbouring words of one charset are joined as octets first: mailers cut
    characters.
    """
    if "=?" not in value:
        return value
    out: list[str] = []
    run: list[bytes] = []
    charset, end = "", 0
    for match in _READ_WORD.finditer(value):
        between = value[end : match.start()]
        end = match.end()
        name = match[1].lower()
        if run and (between.strip() or name != charset):
            out.append(decode(b"".join(run), charset))
            run = []
        if between.strip() or (not out and not run):
            out.append(between)
        charset = name
        payload = match[3] if match[0].endswith("?=") else match[3].rstrip("?")
        run.append(_word_octets(match[2], payload))
    if run:
        out.append(decode(b"".join(run), charset))
    out.append(value[end:])
    decoded = "".join(out)
    # Some programs encode what is encoded already.
    return words(decoded, again=False) if again and WORD.fullmatch(decoded.strip()) else decoded


def line(text: str) -> str:
    """`text` as one clean line: no folds, no controls, no runs of blanks."""
    return " ".join(clean(text).split())


def message_ids(value: str) -> tuple[str, ...]:
    """The Message-IDs of a field, without brackets and in order, each once. Ids that a fold broke are mended; `<>` is none.

    Some mailers write no brackets: then every word with an at-sign is one. RFC 5322 section 3.6.4.
    """
    if "=?" in value:
        value = words(value)
    if "<" in value:
        found = ["".join(match.split()) for match in _BRACKETED.findall(value)]
    else:
        found = [word.strip("<>,;()\"'") for word in value.split() if "@" in word]
    return tuple(dict.fromkeys(clean(one) for one in found if one))[:MAX_IDS]


def message_id(value: str) -> str | None:
    """The one Message-ID of a mail; None where it has none (`<>`, `<[@]>` and blank count as none)."""
    ids = message_ids(value)
    own = ids[0] if ids else "".join(clean(value).strip(" <>").split())[:990]
    return own if own.strip("[]@") else None


def parameter(part: Message, header: str, name: str) -> str:
    """A MIME parameter, decoded (RFC 2231, RFC 2047, undeclared 8-bit). "" where there is none, or none that is worth the time."""
    raw = str(part.get(header, ""))
    # The stdlib takes a header apart anew for each question; most questions are answered by the name not being there.
    if name not in raw.lower() or len(raw) > 10_000:
        return ""
    if raw.isascii():
        return _remembered(raw, name) if len(raw) <= _USUAL_LENGTH else _parameter(raw, name)
    # Octets that stand undeclared in the field become text: the stdlib would lose them.
    return _parameter(_unfolded(next(value for key, value in part.raw_items() if key.lower() == header), header), name)


def _parameter(field: str, name: str) -> str:
    """A MIME parameter out of a whole field, decoded."""
    view = Message()
    view["x"] = field
    try:
        values = [value for key, value in view.get_params([], "x") if key.lower() == name]
    except (ValueError, LookupError, TypeError, IndexError):
        return ""
    # Of two spellings the one that names its charset is the truer (RFC 6266 section 4.3).
    value = next((one for one in values if isinstance(one, tuple)), values[0] if values else "")
    if isinstance(value, tuple):
        charset, _, text = value
        octets = text.encode("latin-1", "replace") if text.isascii() or _latin(text) else text.encode("utf-8", "surrogateescape")
        return line(words(decode(octets, charset or None)))
    return line(words(value or ""))


# Mailers write the same few fields again and again, and the stdlib takes long over each.
_remembered = lru_cache(256)(_parameter)


def _latin(text: str) -> bool:
    """Whether the text is octets in disguise, as the stdlib hands out RFC 2231 values."""
    return all(ord(char) < 256 for char in text)


def _charset_inside(message: Message) -> str | None:
    """The codec that the first text of a mail is written in, if it is one of a script or region: whoever leaves octets of the header
    undeclared uses one charset for both.
    """
    for part in (message, *islice(message.walk(), 5)):
        name = codec(parameter(part, "content-type", "charset"))
        if name not in (None, "cp1252", "utf-8"):
            return name
    return None


def _unfolded(value: object, name: str = "", charset: str | None = None) -> str:
    """One line out of a raw field value; octets that no charset was declared for become text."""
    text = str(value)
    if "\n" in text or "\r" in text:
        text = _FOLD.sub("", text)
    return _undeclared(text, name, charset).strip(" \t")


def _undeclared(text: str, name: str, charset: str | None) -> str:
    """Text in place of the surrogates by which the stdlib carries 8-bit octets, and of Japan's seven-bit code in a subject.

    The octets of wide charsets may look like at-signs and quotes. Where structure hangs on those, a guess that takes one away is none.
    """
    if text.isascii() and "\x1b" not in text:
        return text
    octets = text.encode("utf-8", "surrogateescape")
    guessed = _fitting(octets, charset)
    if name.lower() in _PROSE or _SPECIALS.findall(guessed) == _SPECIALS.findall(text):
        return guessed
    return octets.decode("latin-1")


def undisguised(name: str) -> str:
    """A display name whose octets still stand for themselves, because guessing at the whole field would have changed its structure."""
    return decode(name.encode("latin-1")) if _C1.search(name) and _latin(name) else name


def _fitting(octets: bytes, charset: str | None) -> str:
    """Octets as UTF-8 if they are, else in the charset that the text inside has, else in a guessed one."""
    if charset is not None:
        for attempt in ("utf-8", charset):
            try:
                return octets.decode(attempt)
            except (UnicodeError, ValueError):
                continue
    return decode(octets)


def _word_octets(encoding: str, payload: str) -> bytes:
    """The octets of an encoded word's payload. Damaged base64 gives what it still holds."""
    octets = payload.encode("utf-8", "replace")
    if encoding in "qQ":
        return _Q_OCTET.sub(lambda match: bytes((int(match[1], 16),)), octets.replace(b"_", b" "))
    octets = _BASE64.sub(b"", octets)
    if len(octets) % 4 == 1:
        octets = octets[:-1]
    return binascii.a2b_base64(octets + b"=" * (-len(octets) % 4))
