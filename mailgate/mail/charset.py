"""Which characters do these octets stand for? Turns bytes of any mail into clean text; knows no headers and no MIME.

Order of trust: the declared charset if it is on the list and fits, UTF-8, the declared one with replacements, a guess. A charset
name is data of a sender: only codecs on the list are ever asked, so that `unicode_escape`, `utf-7` bombs or `zip` stay out
(CVE-2014-9472's class).
"""

from __future__ import annotations

import re
import unicodedata

from mailgate.mail import guess

# The codec, and the names by which mailers mean it. Supersets replace their subsets, since mailers label the larger set with the smaller's
# name.
_CODECS = {
    "cp1252": "us-ascii ascii ansi_x3.4-1968 iso-8859-1 iso8859-1 latin1 latin-1 windows-1252 cp-1252 x-ansi iso_8859-1",
    "utf-8": "unknown-8bit utf8 utf-8 unicode-1-1-utf-8 x-unknown utf8mb4",
    "utf-7": "utf-7 unicode-1-1-utf-7",
    "utf-16": "utf-16",
    "utf-16-le": "utf-16le",
    "utf-16-be": "utf-16be",
    "iso8859-2": "iso-8859-2",
    "iso8859-3": "iso-8859-3",
    "iso8859-4": "iso-8859-4",
    "iso8859-5": "iso-8859-5",
    "iso8859-6": "iso-8859-6",
    "iso8859-7": "iso-8859-7",
    "cp1255": "iso-8859-8 iso-8859-8-i iso-8859-8-e",
    "cp1254": "iso-8859-9",
    "iso8859-10": "iso-8859-10",
    "cp874": "iso-8859-11 tis-620 windows-874 x-windows-874",
    "iso8859-13": "iso-8859-13",
    "iso8859-14": "iso-8859-14",
    "iso8859-15": "iso-8859-15",
    "iso8859-16": "iso-8859-16",
    "koi8-r": "koi8-r iso-ir-111",
    "koi8-u": "koi8-u koi8-ru",
    "koi8-t": "koi8-t",
    "gb18030": "gb2312 gb_2312-80 x-gbk gbk cp936 gb18030 iso-gb2312 euc-cn x-euc-cn chinese",
    "hz": "hz-gb-2312 hz",
    "cp950": "big5 x-x-big5 cn-big5 euc-tw cp950",
    "big5hkscs": "big5-hkscs",
    "cp932": "shift_jis shift-jis sjis x-sjis ms_kanji windows-31j cp932",
    "euc_jis_2004": "euc-jp x-euc-jp x-euc",
    "iso2022_jp_2": "iso-2022-jp iso-2022-jp-1 iso-2022-jp-2 cp50220 cp50221 csiso2022jp",
    "iso2022_jp_3": "iso-2022-jp-3",
    "iso2022_jp_2004": "iso-2022-jp-2004",
    "cp949": "euc-kr x-euc-kr ks_c_5601-1987 ks_c_5601 ksc5601 korean uhc cp949",
    "iso2022_kr": "iso-2022-kr",
    "johab": "johab",
    "mac-roman": "macintosh mac x-mac-roman",
    "mac-cyrillic": "x-mac-cyrillic",
    "mac-greek": "x-mac-greek",
    "mac-turkish": "x-mac-turkish",
    "mac-latin2": "x-mac-centraleurroman x-mac-ce",
    "cp1258": "viscii",
    "cp850": "cp-850 ibm850",
    "cp437": "ibm437",
    "cp852": "ibm852",
    "cp866": "ibm866 cp-866",
    "cp858": "ibm858",
}
_ALIASES = {alias: name for name, aliases in _CODECS.items() for alias in aliases.split()}
_NUMBERED = re.compile(r"(?:windows|cp|x-cp|win|ibm|x-windows|ms)[-_]?(125[0-8]|437|85[0258]|86[0-6]|874|737|775)")
# Codecs whose text is plain ASCII octets on the wire: an all-ASCII body may still need them.
_SEVEN_BIT = frozenset(("iso2022_jp_2", "iso2022_jp_3", "iso2022_jp_2004", "iso2022_kr", "hz", "utf-7", "utf-16", "utf-16-le", "utf-16-be"))
_JIS_SHIFT = re.compile(rb"\x1b(\$[@B]|\$\(D|\([BJIH])")
# C0 and C1 controls but tab and newline, and the halves of surrogate pairs: no text has a use for them, and databases refuse some.
_CONTROLS = {code: None for code in range(0x80) if (code < 0x20 or code == 0x7F) and code not in (0x09, 0x0A)}
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def codec(declared: str | None) -> str | None:
    """The Python codec for a charset name of a mail; None for a name that is not on the list."""
    if not declared:
        return None
    name = declared.strip().strip("\"'").lower().split("*")[0]
    if name in _ALIASES:
        return _ALIASES[name]
    hyphened = name.replace("_", "-")
    if hyphened.startswith("iso8859"):
        hyphened = "iso-8859" + hyphened[7:]
    if hyphened in _ALIASES:
        return _ALIASES[hyphened]
    numbered = _NUMBERED.fullmatch(name)
    return f"cp{numbered[1]}" if numbered else None


def decode(octets: bytes, declared: str | None = None) -> str:
    """The text of `octets`, as yet uncleaned. Never raises: what fits nothing becomes U+FFFD."""
    name = codec(declared)
    if octets.isascii() and name not in _SEVEN_BIT:
        return _jis(octets) if b"\x1b$" in octets else octets.decode("ascii")
    # Windows-1252 gives every octet a meaning, so that its fit proves nothing; what is valid UTF-8 beyond ASCII was hardly ever meant
    # otherwise. Who calls octets beyond ASCII ASCII has not said what they are.
    unsaid = name == "cp1252" and "ascii" in (declared or "").lower()
    for attempt in ("utf-8", None if unsaid else name) if name == "cp1252" else (name, "utf-8"):
        # Text by escape sequences is ASCII on the wire, so that UTF-8 would take it as it stands.
        if attempt is not None and not (attempt == "utf-8" and name in _SEVEN_BIT):
            try:
                return octets.decode(attempt)
            except (UnicodeError, ValueError):
                continue
    return _forced(octets, name)


def clean(text: str) -> str:
    """NFC, LF line ends, no controls, no surrogates: fit for a database and a terminal."""
    if text.isascii():
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        return text if text.isprintable() else text.translate(_CONTROLS)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.replace("\u2028", "\n").replace("\u2029", "\n").replace("\x85", "\n")
    if _UNFIT.search(text):
        text = _UNFIT.sub("", text)
    return unicodedata.normalize("NFC", text)


def _forced(octets: bytes, name: str | None) -> str:
    """The least bad reading of octets that fit neither their label nor UTF-8."""
    if name is not None and name.startswith("iso2022_jp"):
        return _jis(octets)
    wide = octets.decode("utf-8", "replace")
    # A few damaged octets in good UTF-8 are a truncation, not another charset.
    if wide.count("\ufffd") * 8 <= sum(not char.isascii() for char in wide[:100_000]):
        return wide
    if name is not None and name not in ("utf-8", "cp1252"):
        return octets.decode(name, "replace")
    return octets.decode(guess.charset(octets), "replace")


def _jis(octets: bytes) -> str:
    """ISO-2022-JP with the vendors' rows (NEC, IBM), which Python's codecs refuse: moved to Shift_JIS, whose codec knows them."""
    out = bytearray()
    pieces = _JIS_SHIFT.split(octets)
    out += pieces[0]
    for shift, run in zip(pieces[1::2], pieces[2::2], strict=True):
        if shift[:1] == b"$":
            for high, low in zip(run[::2], run[1::2], strict=False):
                out += _shifted(high, low)
        else:
            out += bytes(octet | 0x80 if shift == b"(I" and octet > 0x20 else octet for octet in run)
    return out.decode("cp932", "replace")


def _shifted(high: int, low: int) -> bytes:
    """One JIS X 0208 code point as two octets of Shift_JIS; line ends inside a double-byte run stand for themselves."""
    if high < 0x21 or low < 0x21 or high > 0x7E or low > 0x7E:
        return bytes((high, low))
    row = high - 0x21
    lead = row // 2 + (0x81 if row < 62 else 0xC1)
    trail = low + (0x7E if row % 2 else 0x1F if low < 0x60 else 0x20)
    return bytes((lead, trail))
