"""What are the octets of an attachment? Reads chosen parts of a mail again; only for mails that were read before within all budgets."""

from __future__ import annotations

from collections.abc import Collection

from mailgate.mail.body import part_octets
from mailgate.mail.parse import tree


def octets(raw: bytes, parts: Collection[int]) -> dict[int, bytes]:
    """The decoded content of these parts, by the index that `Attachment.part` has; of an attached message, the message itself."""
    return {number: part_octets(part) for number, part in enumerate(tree(raw).walk()) if number in parts}
