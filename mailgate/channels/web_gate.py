"""Which requests does the web listener answer at all, and what stands on every answer? The door before all pages; it knows none of them.

A request under a foreign host name, without a length or with too long a body is refused before anybody looks at it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from starlette.responses import Response

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

# Nobody has a reason to send us more: octets of a body. A reply that is typed into a page fits, whatever its script.
LARGEST_BODY = 131_072

# What a page may do: nothing but what its own answer allows beside (its one stylesheet).
POLICY = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

# On every answer, errors included: nothing of ours is to be framed, cached, indexed, sniffed or told to other sites.
STRICT_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-robots-tag", b"noindex"),
)

# The same text for the same status, whatever was asked: an answer does not tell what exists.
TEXTS = {
    404: "not found\n",
    405: "method not allowed\n",
    411: "length required\n",
    413: "too large\n",
    421: "not this host\n",
    503: "unavailable\n",
}

# No answer changes these, save that a page may bring the policy that lets its stylesheet in.
_FIXED = frozenset(name for name, _ in STRICT_HEADERS)
_POLICY = b"content-security-policy"


class Gate(Struct, frozen=True):
    """Stands before the application: refuses what it should not see, and puts the strict headers on every answer."""

    application: Application
    names: frozenset[str]

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """An ASGI application."""

        async def send_strictly(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": _strict(message.get("headers", ()))}
            await send(message)

        status = _refusal(dict(scope["headers"]), self.names)
        if status is None:
            await self.application(scope, receive, send_strictly)
        else:
            # Its body is not going to be read, so the connection cannot be used again.
            await plain(status, headers={"connection": "close"})(scope, receive, send_strictly)


def _strict(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of an answer with the strict ones, of which it may bring none itself, save a policy of its own."""
    own = [pair for pair in headers if pair[0] not in _FIXED or pair[0] == _POLICY]
    said = {name for name, _ in own}
    return [*own, *(pair for pair in STRICT_HEADERS if pair[0] not in said)]


def _refusal(headers: Mapping[bytes, bytes], names: frozenset[str]) -> int | None:
    """The status with which a request is refused before anybody looks at it, or None. Names are lower-cased, as ASGI has them."""
    if not _is_ours(headers.get(b"host"), names):
        return 421
    if b"transfer-encoding" in headers:
        return 411
    # The server has refused a length that is no number.
    if int(headers.get(b"content-length", b"0")) > LARGEST_BODY:
        return 413
    return None


def _is_ours(host: bytes | None, names: frozenset[str]) -> bool:
    """Whether a browser that means us can send this Host: a configured name, this machine, or a bare address.

    A site that points its own name at us (DNS rebinding) sends that name. Only a program of HTTP/1.0 sends none.
    """
    if host is None:
        return True
    name = host.decode("latin-1").lower()
    name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    if name in names or name == "localhost":
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def plain(status: int, text: str | None = None, headers: Mapping[str, str] | None = None) -> Response:
    """A few words of plain text; without a text those that are always said with this status."""
    from starlette.responses import PlainTextResponse

    return PlainTextResponse(TEXTS[status] if text is None else text, status, headers)
