"""What does a request for a page say? Its body, its fields, its path and its languages, read strictly: what is doubtful is refused.

Our own forms send a few fields of UTF-8, each once; so nothing else has to be understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlsplit

if TYPE_CHECKING:
    from starlette.requests import Request

_MOST_FIELDS = 40
# A cookie or a token in a path is shorter than this.
_LONGEST_PATH = 400
_FORM = "application/x-www-form-urlencoded"
_WRONG_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_TAG = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3}")


class Unreadable(Exception):
    """A request that says nothing we could act on. Leaves this room as an answer with that status."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


async def body(request: Request, most: int) -> bytes:
    """The body, up to so many octets. Raises Unreadable; whoever goes away meanwhile has said nothing."""
    from starlette.requests import ClientDisconnect

    read = bytearray()
    try:
        async for piece in request.stream():
            read += piece
            if len(read) > most:
                raise Unreadable(413)
    except ClientDisconnect:
        raise Unreadable(400) from None
    return bytes(read)


def fields(content_type: str, octets: bytes) -> dict[str, str]:
    """The fields of a form.

    Raises Unreadable for another content type, a wrong escape, what is no UTF-8, control characters, too many fields, a name twice.
    """
    if content_type.partition(";")[0].strip().lower() != _FORM:
        raise Unreadable(415)
    if _WRONG_ESCAPE.search(octets) or not octets.isascii():
        raise Unreadable(400)
    return _pairs(octets.decode())


def query(text: str) -> dict[str, str]:
    """The fields behind the question mark; none where they cannot be read, for mail scanners write what they like there."""
    try:
        return _pairs(text)
    except Unreadable:
        return {}


def _pairs(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Unreadable(400) from None
    found = dict(pairs)
    if len(found) < len(pairs) or any(_CONTROL.search(part) for pair in pairs for part in pair):
        raise Unreadable(400)
    return found


def path(text: str) -> str:
    """The path as it is signed into forms. Raises Unreadable for one that none of our pages has."""
    if len(text) > _LONGEST_PATH or not text.isascii() or not text.isprintable():
        raise Unreadable(404)
    return text


def languages(accepted: str) -> tuple[str, ...]:
    """The languages that a browser asks for, in its order; weights are not looked at."""
    tags = (one.partition(";")[0].strip().lower() for one in accepted[:200].split(","))
    return tuple(tag.partition("-")[0] for tag in tags if _TAG.fullmatch(tag))


def language(accepted: str, otherwise: str) -> str:
    """The first of those that pages are written in, for who is not known."""
    return next((one for one in languages(accepted) if one in ("en", "de")), otherwise)


def mount(host: str, public_urls: Iterable[str]) -> str:
    """The path under which a visitor who asked for this host knows us, without a slash at its end.

    Where desks have several paths on one host nobody can tell: the cookies of each are then for the whole host.
    """
    known = [urlsplit(one) for one in public_urls]
    paths = {one.path.rstrip("/") for one in known if one.hostname == host.partition(":")[0].lower()}
    return paths.pop() if len(paths) == 1 else ""


def root(path: str) -> str:
    """How the page at this path refers to the address under which its visitor knows us, wherever that is: "./" or "../../"."""
    return "../" * (path.count("/") - 1) or "./"


def disposition(name: str) -> str:
    """A Content-Disposition by which a browser keeps a file and never shows it (RFC 6266, RFC 8187)."""
    plain = "".join(one if one.isascii() and (one.isalnum() or one in " ._-()") else "_" for one in name).strip(" .") or "file"
    return f"attachment; filename=\"{plain[:150]}\"; filename*=UTF-8''{quote(name[:150], safe='')}"
