"""Which characters do these octets stand for? Turns bytes of any mail into clean text; knows no headers and no MIME.

Order of trust: the declared charset if it is on the list and fits, UTF-8, the declared one with replacements, a guess. A charset
name is data of a sender: only codecs on the list are ever asked, so that `unicode_escape`, `utf-7` bombs or `zip` stay out
(CVE-2014-9472's class).
"""

from __future__ import annotations

import re
import unicodedata

from mailgate.desk.seldom import seldom
from mailgate.mail import guess

# The codec, and the names by which mailers mean it. Supersets replace their subsets, since mailers label the larger set with the smaller's
# name.
_CODECS = {
    "cp1252": "us-ascii ascii ansi_x3.4-1968 iso-8859-1 latin1 l1 windows-1252 cp-1252 x-ansi ansi iso-ir-100 ibm819 cp819 isolatin1 8bit",
    "utf-8": "unknown-8bit utf8 utf-8 unicode-1-1-utf-8 x-unknown utf8mb4 utf-8-strict cp65001 cesu-8",
    "utf-7": "utf-7 unicode-1-1-utf-7",
    "utf-16": "utf-16 unicode ucs-2 iso-10646-ucs-2",
    "utf-32": "utf-32 ucs-4",
    "utf-16-le": "utf-16le",
    "utf-16-be": "utf-16be",
    "iso8859-2": "iso-8859-2 latin2 l2 isolatin2",
    "iso8859-3": "iso-8859-3",
    "iso8859-4": "iso-8859-4 latin4",
    "iso8859-5": "iso-8859-5 cyrillic isolatincyrillic",
    "iso8859-6": "iso-8859-6 arabic iso-8859-6-i asmo-708",
    "iso8859-7": "iso-8859-7 greek ecma-118",
    "cp1255": "iso-8859-8 iso-8859-8-i iso-8859-8-e hebrew logical visual",
    "cp1254": "iso-8859-9 latin5 l5 turkish isolatin5",
    "iso8859-10": "iso-8859-10 latin6",
    "cp874": "iso-8859-11 tis-620 tis620 windows-874 x-windows-874",
    "iso8859-13": "iso-8859-13 latin7 baltic",
    "iso8859-14": "iso-8859-14",
    "iso8859-15": "iso-8859-15 latin9 latin-9 l9",
    "iso8859-16": "iso-8859-16",
    "koi8-r": "koi8-r koi8r koi8 koi iso-ir-111",
    "koi8-u": "koi8-u koi8-ru",
    "koi8-t": "koi8-t",
    "gb18030": "gb2312 gb_2312-80 x-gbk gbk cp936 gb18030 iso-gb2312 euc-cn x-euc-cn euccn chinese gb-2312 gb2312-charset ms936 cp54936",
    "hz": "hz-gb-2312 hz",
    "cp950": "big5 x-x-big5 cn-big5 big5-eten euc-tw ms950 cp950",
    "big5hkscs": "big5-hkscs",
    "cp932": "shift-jis shiftjis sjis ms-kanji windows-31j ms932 ms-cp932 mac-japanese cp932",
    "euc_jis_2004": "euc-jp eucjp ujis eucjp-ms eucpkdfmtjapanese euc",
    "iso2022_jp_2": "iso-2022-jp iso-2022-jp-1 iso-2022-jp-2 cp50220 cp50221 csiso2022jp",
    "iso2022_jp_3": "iso-2022-jp-3",
    "iso2022_jp_2004": "iso-2022-jp-2004",
    "cp949": "euc-kr euckr ks-c-5601-1987 ks-c-5601 ksc5601 ksc-5601 korean uhc ms949 windows-949 cp949",
    "iso2022_kr": "iso-2022-kr",
    "johab": "johab",
    "mac-roman": "macintosh mac macroman mac-roman x-mac-roman",
    "mac-cyrillic": "mac-cyrillic",
    "mac-greek": "mac-greek",
    "mac-turkish": "mac-turkish",
    "mac-latin2": "mac-centraleurroman mac-ce",
    "cp1258": "tcvn",
    "ptcp154": "ptcp154 cyrillic-asian",
}
_ALIASES = {alias: name for name, aliases in _CODECS.items() for alias in aliases.split()}
_NUMBERED = seldom(r"(?:windows|cp|win|ibm|ms|dos|oem)?-?(125[0-8]|437|85[0258]|86[0-6]|874|737|775)")
# Codecs whose text is plain ASCII octets on the wire: an all-ASCII body may still need them.
_WIDE = frozenset(("utf-16", "utf-16-le", "utf-16-be", "utf-32"))
_ESCAPING = frozenset(("iso2022_jp_2", "iso2022_jp_3", "iso2022_jp_2004", "iso2022_kr"))
_SEVEN_BIT = _ESCAPING | {"hz", "utf-7"} | _WIDE
_JIS_SHIFT = re.compile(rb"\x1b(\$[@B]|\$\(D|\([BJIH])")
# C0 and C1 controls but tab and newline, and the halves of surrogate pairs: no text has a use for them, and databases refuse some.
_CONTROLS = {code: None for code in range(0x80) if (code < 0x20 or code == 0x7F) and code not in (0x09, 0x0A)}
# Marks that pile up on one letter are sorted for NFC in square time: no language needs more than thirty (UAX #15, stream-safe text).
_PILED = re.compile(r"[^\w\s!-~]{31,}")
# Breaks that programs know besides that of mail, and a line with a mark of a quote.
_ODD_BREAK = seldom("[\r\u2028\u2029\x85]")
_QUOTED = seldom(r"[^\w\r\u2028\u2029\x85]{0,20}(?:\w{1,4})?[>＞|]")
_UNFIT = seldom("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def codec(declared: str | None) -> str | None:
    """The Python codec for a charset name of a mail; None for a name that is not on the list."""
    if not declared:
        return None
    name = declared.strip().strip("\"';").lower().split("*")[0].replace("_", "-")
    if name.startswith("iso8859"):
        name = "iso-8859" + name[7:]
    # ISO_8859-1:1987 names its year, csKOI8R and x-gbk who named it.
    for spelling in (name, name.partition(":")[0], name.removeprefix("x-"), name.removeprefix("cs")):
        if spelling in _ALIASES:
            return _ALIASES[spelling]
        if numbered := _NUMBERED.fullmatch(spelling):
            return f"cp{numbered[1]}"
    return None


def decode(octets: bytes, declared: str | None = None) -> str:
    """The text of `octets`, as yet uncleaned. Never raises: what fits nothing becomes U+FFFD."""
    name = codec(declared)
    if octets.isascii() and name not in _SEVEN_BIT:
        return _jis(octets) if b"\x1b$" in octets else octets.decode("ascii")
    # A byte order mark is no word of the text, and says more than any label; but two octets may also be two letters.
    if octets.startswith(b"\xef\xbb\xbf"):
        octets, name = octets[3:], "utf-8"
    elif octets[:2] in (b"\xff\xfe", b"\xfe\xff") and (name in _WIDE or octets[:200].count(0) > 20):
        return octets.decode("utf-32" if name == "utf-32" or b"\0\0" in octets[:4] else "utf-16", "replace")
    # Without a mark the places of the zeros tell which half of a character comes first (RFC 2781 section 4.3).
    if name == "utf-16" and octets[:40:2].count(0) > octets[1:40:2].count(0):
        name = "utf-16-be"
    # Windows-1252 gives every octet a meaning, so that its fit proves nothing; what is valid UTF-8 beyond ASCII was hardly ever meant
    # otherwise. Who calls octets beyond ASCII ASCII has not said what they are.
    unsaid = name == "cp1252" and "ascii" in (declared or "").lower()
    for attempt in ("utf-8", None if unsaid else name) if name == "cp1252" else (name, "utf-8"):
        # Text by escape sequences is ASCII on the wire, so that UTF-8 would take it as it stands.
        if attempt is not None and not (attempt == "utf-8" and name in _SEVEN_BIT and not _unescaped(octets, name)):
            try:
                return octets.decode(attempt)
            except (UnicodeError, ValueError):
                continue
    return _forced(octets, name)


def clean(text: str) -> str:
    """NFC, LF line ends, no controls, no surrogates: fit for a database and a terminal."""
    if "\r" in text:
        text = text.replace("\r\n", "\n")
        if "\r" in text:
            text = _with_breaks(text)
    if text.isascii():
        return text if text.isprintable() else text.translate(_CONTROLS)
    if _ODD_BREAK.search(text):
        text = _with_breaks(text)
    if _UNFIT.search(text):
        text = _UNFIT.sub("", text)
    if _PILED.search(text):
        text = _PILED.sub(_without_piles, text)
    return unicodedata.normalize("NFC", text)


def _with_breaks(text: str) -> str:
    """Text with LF for CR and for the breaks of Unicode. Inside a quoted line they are blanks: whoever quoted it saw one line there, and
    what stands behind the break would pass for an answer to it.
    """
    if "\n" not in text:
        return _ODD_BREAK.sub("\n", text)
    return "\n".join(_ODD_BREAK.sub(" " if _QUOTED.match(line) else "\n", line) for line in text.split("\n"))


def _without_piles(run: re.Match[str]) -> str:
    """A run of signs, of the marks in it only the first."""
    return run[0][:30] + "".join(char for char in run[0][30:] if not unicodedata.combining(char))


def _forced(octets: bytes, name: str | None) -> str:
    """The least bad reading of octets that fit neither their label nor UTF-8."""
    if name is not None and name.startswith("iso2022_jp"):
        meant = guess.charset(octets) if _unescaped(octets, name) else "cp1252"
        return _jis(octets) if meant == "cp1252" else octets.decode(meant, "replace")
    wide = octets.decode("utf-8", "replace")
    # A few damaged octets in good UTF-8 are a truncation, not another charset.
    if wide.count("\ufffd") * 8 <= _beyond_ascii(wide[:100_000]):
        return wide
    if name is not None and name not in ("utf-8", "cp1252"):
        return octets.decode(name, "replace")
    return octets.decode(guess.charset(octets), "replace")


def _beyond_ascii(text: str) -> int:
    """How many characters of the text are not ASCII."""
    return len(text) - len(text.encode("ascii", "ignore"))


def _unescaped(octets: bytes, name: str) -> bool:
    """Whether what is said to have escape sequences has none, but octets beyond ASCII: then it is of another charset of the country."""
    return name in _ESCAPING and b"\x1b" not in octets and not octets.isascii()


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
