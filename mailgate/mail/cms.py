"""What is inside this S/MIME wrapping? The content of an opaquely signed mail; nothing is verified, nothing decrypted.

The way to the content is fixed (RFC 5652 sections 3 and 5.1), so that only the few elements on it are read, in DER or in BER of
indefinite length, as programs write that sign while they send.
"""

from __future__ import annotations

_SEQUENCE, _OCTETS, _MANY_OCTETS, _OID, _EXPLICIT = 0x30, 0x04, 0x24, 0x06, 0xA0
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_DATA = bytes.fromhex("2a864886f70d010701")


def content(octets: bytes) -> bytes | None:
    """The octets that were signed; None for anything but signed data that holds its content. Never raises."""
    try:
        position = _within(octets, 0, _SEQUENCE)
        position = _within(octets, _past(octets, position, _SIGNED_DATA), _EXPLICIT)
        position = _within(octets, position, _SEQUENCE)
        # The version and the digest algorithms.
        position = _after(octets, _after(octets, position))
        position = _within(octets, position, _SEQUENCE)
        position = _within(octets, _past(octets, position, _DATA), _EXPLICIT)
        return _joined(octets, position)
    except (IndexError, ValueError):
        return None


def _header(octets: bytes, position: int) -> tuple[int, int, int | None]:
    """Tag of the element, where its content begins, and the length of that; None for indefinite."""
    tag, length, start = octets[position], octets[position + 1], position + 2
    if length == 0x80:
        return tag, start, None
    if length > 0x80:
        count = length & 0x7F
        length, start = int.from_bytes(octets[start : start + count], "big"), start + count
    if start + length > len(octets):
        raise ValueError("reaches beyond the end")
    return tag, start, length


def _within(octets: bytes, position: int, expected: int) -> int:
    """Where the content of an element of this tag begins. Raises ValueError for another."""
    tag, start, _ = _header(octets, position)
    if tag != expected:
        raise ValueError("another element")
    return start


def _after(octets: bytes, position: int) -> int:
    """Where the next element begins. Raises ValueError for an element of indefinite length, which does not occur here."""
    _, start, length = _header(octets, position)
    if length is None:
        raise ValueError("indefinite length")
    return start + length


def _past(octets: bytes, position: int, oid: bytes) -> int:
    """Where the element after this object identifier begins. Raises ValueError for another identifier."""
    start = _within(octets, position, _OID)
    end = _after(octets, position)
    if octets[start:end] != oid:
        raise ValueError("another identifier")
    return end


def _joined(octets: bytes, position: int) -> bytes | None:
    """An octet string in one piece or in many."""
    tag, start, length = _header(octets, position)
    if tag == _OCTETS and length is not None:
        return octets[start : start + length]
    if tag != _MANY_OCTETS:
        return None
    end = len(octets) if length is None else start + length
    pieces = []
    while start < end and octets[start] == _OCTETS:
        after = _after(octets, start)
        pieces.append(octets[_within(octets, start, _OCTETS) : after])
        start = after
    return b"".join(pieces)
