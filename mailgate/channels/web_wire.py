"""How does the web listener stand on the network? Its sockets, and HTTP/1.1 with an end to each connection and to their number.

It knows no page. starlette and uvicorn are imported when it is built.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from msgspec import Struct

from mailgate.channels.web_gate import STRICT_HEADERS, Application
from mailgate.desk.errors import Misconfigured

if TYPE_CHECKING:
    from uvicorn import Server

# Nobody has a reason to send us more: octets of a request's head, connections at once.
LARGEST_HEAD = 16_384
MOST_CONNECTIONS = 100

# Seconds: how long a connection may live, and what its last answer gets beyond that.
CONNECTION_TIME = 20.0
LAST_ANSWER_TIME = 5.0

# What cannot be read as HTTP hears this and nothing else.
_NOT_HTTP = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n%b\r\n" % b"".join(
    b"%b: %b\r\n" % pair for pair in STRICT_HEADERS
)


class Settings(Struct, frozen=True):
    """Where to listen; port 0 lets the system choose. `names` are the host names of public_url, under which browsers may ask for us.

    `trusted_proxies` are addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are believed.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    trusted_proxies: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()


async def listen(settings: Settings) -> list[socket.socket]:
    """Sockets that listen on every address of the host. Raises Misconfigured."""
    sockets: list[socket.socket] = []
    port = settings.port
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            settings.host or None, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _, address in found:
            # The protocol is named because asyncio sets TCP_NODELAY only on sockets that say that they are TCP.
            one = socket.socket(family, kind, protocol)
            sockets.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind((address[0], port, *address[2:]))
            one.listen(MOST_CONNECTIONS)
            port = one.getsockname()[1]
    except OSError as error:
        for one in sockets:
            one.close()
        where = f"[{settings.host}]" if ":" in settings.host else settings.host
        raise Misconfigured(f"mailgate.toml: [web]: cannot listen on {where}:{settings.port}: {error.strerror or error}") from error
    return sockets


def for_tcp(given: socket.socket) -> socket.socket:
    """A socket of socket activation as one that says that it is TCP; see `listen`."""
    if given.proto == socket.IPPROTO_TCP:
        return given
    return socket.socket(given.family, given.type, socket.IPPROTO_TCP, given.detach())


def server(application: Application, settings: Settings) -> Server:
    """The server that is yet to be started: quiet, without a name, with limits."""
    import uvicorn

    return uvicorn.Server(
        uvicorn.Config(
            application,
            http=_bounded_protocol(),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            h11_max_incomplete_event_size=LARGEST_HEAD,
            timeout_graceful_shutdown=int(LAST_ANSWER_TIME),
        )
    )


def _bounded_protocol() -> type[asyncio.Protocol]:
    """uvicorn's HTTP/1.1 with an end to each connection and to their number: by itself it waits for ever for the rest of a request."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Bounded(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            # Its lines hold whole paths, and in ours stand secrets: whatever an operator does to the log, there are none.
            self.access_log = False
            self._end = self.loop.call_later(CONNECTION_TIME, self._finish)
            if len(self.connections) > MOST_CONNECTIONS:
                transport.abort()

        def connection_lost(self, exc: Exception | None) -> None:
            self._end.cancel()
            super().connection_lost(exc)

        def send_400_response(self, msg: str) -> None:
            self.transport.write(_NOT_HTTP)
            self.transport.close()

        def _finish(self) -> None:
            self._end = self.loop.call_later(LAST_ANSWER_TIME, self.transport.abort)
            if not self.transport.is_closing():
                self.shutdown()

    return Bounded
