"""When do two spellings name one mailbox? The folded form in which the whole house keeps and compares addresses; stands apart from the
model, because whoever only reads mails needs nothing else of the desk.
"""

from __future__ import annotations

from typing import NewType

Address = NewType("Address", str)

_ASCII_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def fold_address(text: str) -> Address:
    """The form in which two spellings of one mailbox are equal: ASCII letters lower-cased, nothing else touched.

    Only ASCII is folded, so that no look-alike (Kelvin sign, dotless i) becomes somebody else's address.
    """
    bare = text.strip()
    # Both say the same of ASCII, and nearly every address is ASCII; the table costs twenty times as much.
    return Address(bare.lower() if bare.isascii() else bare.translate(_ASCII_LOWER))
