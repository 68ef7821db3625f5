"""What is left of a text without the wrappings that programs write into its lines? PGP's armour around signed words, uuencoded files.

Checks no signature and decrypts nothing. A wrapping that is not closed is left as it stands, for it may be no wrapping.
"""

from __future__ import annotations

import binascii
import re

from msgspec import Struct

_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE, _SIGNATURE_END = "-----BEGIN PGP SIGNATURE-----", "-----END PGP SIGNATURE-----"
_BEGIN = re.compile(r"begin [0-7]{3,4} (\S[^\n]{0,250})")
_MAX_FILES = 100


class File(Struct, frozen=True):
    """A file that stood in a text, its name as it was given, not yet safe."""

    name: str
    octets: bytes


def unsigned(text: str) -> str:
    """The text with the words that PGP signed as they were written, without armour and signature (RFC 9580 section 7)."""
    if _SIGNED not in text or _SIGNATURE_END not in text:
        return text
    kept: list[str] = []
    state = "outside"
    for line in text.split("\n"):
        bare = line.rstrip()
        if state == "outside" and bare == _SIGNED:
            state = "head"
        elif state == "head":
            # Hash: and Charset: end at the first blank line.
            state = state if bare else "words"
        elif state == "words" and bare == _SIGNATURE:
            state = "signature"
        elif state == "signature":
            state = "outside" if bare == _SIGNATURE_END else state
        else:
            kept.append(line.removeprefix("- ") if state == "words" else line)
    return "\n".join(kept) if state == "outside" else text


def unpacked(text: str) -> tuple[str, list[File]]:
    """The text without the uuencoded files in it, and those files in order (POSIX uuencode)."""
    if "begin " not in text or "\nend" not in text:
        return text, []
    lines = text.split("\n")
    kept: list[str] = []
    files: list[File] = []
    index, last = 0, max((at for at, one in enumerate(lines) if one.rstrip() == "end"), default=-1)
    while index < len(lines):
        begin = _BEGIN.fullmatch(lines[index].rstrip()) if index < last and len(files) < _MAX_FILES else None
        found = _decoded(lines, index + 1) if begin else None
        if begin is None or found is None:
            kept.append(lines[index])
            index += 1
            continue
        index, octets = found
        files.append(File(begin[1], octets))
    return "\n".join(kept), files


def _decoded(lines: list[str], index: int) -> tuple[int, bytes] | None:
    """The octets of the uuencoded lines from here on, and where the text goes on; None if they are none or have no end."""
    octets = bytearray()
    for at in range(index, len(lines)):
        line = lines[at].rstrip("\r")
        if line.rstrip() == "end":
            return (at + 1, bytes(octets)) if octets else None
        if not line.strip() or line.strip() == "`":
            continue
        try:
            octets += binascii.a2b_uu(line)
        except (binascii.Error, ValueError):
            return None
    return None
