"""How does the machine tell, over HTTP, that it lives, whether it is ready, and how much it carries? Counts only, never an address.

It asks the functions that it is given, in one thread of its own, and shows what they answer; it decides nothing and changes nothing.
starlette, uvicorn and prometheus-client are imported when a `Web` starts, so that whoever only reads these settings does not pay for them.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, TypeVar

from mailgate.desk.errors import MailgateError, Misconfigured

if TYPE_CHECKING:
    from prometheus_client import Metric
    from starlette.requests import Request
    from starlette.responses import Response
    from uvicorn import Server

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
Answer = TypeVar("Answer")

# Nobody has a reason to send us more: octets of a body, octets of a request's head, connections at once.
LARGEST_BODY = 16_384
LARGEST_HEAD = 16_384
MOST_CONNECTIONS = 100

# Seconds: what a probe may take, how long a connection may live, and what its last answer gets beyond that.
PROBE_TIME = 5.0
CONNECTION_TIME = 20.0
LAST_ANSWER_TIME = 5.0

# On every answer, errors included: nothing of ours is to be framed, cached, indexed, sniffed or told to other sites.
STRICT_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"),
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

# What cannot be read as HTTP hears this and nothing else.
_NOT_HTTP = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n%b\r\n" % b"".join(
    b"%b: %b\r\n" % pair for pair in STRICT_HEADERS
)

_STRICT_NAMES = frozenset(name for name, _ in STRICT_HEADERS)
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to listen; port 0 lets the system choose. `names` are the host names of public_url, under which browsers may ask for us.

    `trusted_proxies` are addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are believed.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    trusted_proxies: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Health:
    """Why no mail should come here now, as slugs (`database-down`, `disk-full`); ready where there is no reason."""

    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """How much there is: rows by state, totals since the database was made, and ages in seconds (None: nothing to be old)."""

    inbox: Mapping[str, int] = field(default_factory=dict)
    outbox: Mapping[str, int] = field(default_factory=dict)
    accepted: int = 0
    sent: int = 0
    timers_due: int = 0
    oldest_queued: float | None = None
    breaker_open: bool = False
    last_tick: float | None = None
    fetching: Mapping[str, bool] = field(default_factory=dict)
    timers_held: bool = False


class Web:
    """The web listener of one daemon, inside the event loop that already runs. Started once, stopped once."""

    def __init__(self, settings: Settings, probe: Callable[[], Health], metrics: Callable[[], Figures]) -> None:
        self.settings = settings
        self._probe = probe
        self._metrics = metrics
        # A database that hangs blocks this one thread and nobody else's.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="web")
        self._server: Server | None = None
        self._loop: asyncio.Task[None] | None = None
        self._sockets: list[socket.socket] = []

    async def start(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Listens when it returns: on these sockets (of socket activation), else on host and port of the settings.

        Raises Misconfigured, naming the address, where that cannot be had.
        """
        self._sockets = [_for_tcp(one) for one in sockets] if sockets else await _listen(self.settings)
        server = _server(self._application(), self.settings)
        # These are the stages of uvicorn's serve() without its signal handlers: signals are the daemon's.
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.startup(self._sockets)
        self._server, self._loop = server, asyncio.create_task(server.main_loop(), name="web")

    @property
    def port(self) -> int:
        """The port of the first socket."""
        return int(self._sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Accepts nothing more and lets requests that run finish, for some seconds. Harmless where nothing was started."""
        if self._server and self._loop:
            self._server.should_exit = True
            await self._loop
            await self._server.shutdown(self._sockets)
            self._server = None
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _application(self) -> Application:
        from starlette.applications import Starlette
        from starlette.exceptions import HTTPException
        from starlette.routing import Route, Router

        routes = [Route("/healthz", self._healthz), Route("/readyz", self._readyz), Route("/metrics", self._figures)]
        application = Starlette(routes=routes, exception_handlers={HTTPException: _refused})
        # A redirect to the address with a slash would be built from the Host header.
        router: Router = application.router
        router.redirect_slashes = False
        return _Gate(application, frozenset(name.lower() for name in (*self.settings.names, self.settings.host)))

    async def _healthz(self, _request: Request) -> Response:
        """The loop runs, or nobody would read this."""
        return _plain(200, "ok\n")

    async def _readyz(self, _request: Request) -> Response:
        try:
            reasons = (await self._ask(self._probe)).reasons
        except TimeoutError:
            reasons = ("probe-timeout",)
        except MailgateError as error:
            reasons = (error.code,)
        except Exception:
            _log.exception("the readiness probe failed")
            reasons = ("probe-failed",)
        return _plain(503, "".join(f"{_slug(reason)}\n" for reason in reasons)) if reasons else _plain(200, "ready\n")

    async def _figures(self, _request: Request) -> Response:
        from prometheus_client.exposition import CONTENT_TYPE_LATEST
        from starlette.responses import Response

        try:
            return Response(exposition(await self._ask(self._metrics)), headers={"content-type": CONTENT_TYPE_LATEST})
        except (TimeoutError, MailgateError):
            return _plain(503)
        except Exception:
            _log.exception("the figures could not be had")
            return _plain(503)

    async def _ask(self, question: Callable[[], Answer]) -> Answer:
        """Raises TimeoutError where the answer takes too long; one who waits in vain for the thread does not keep his place."""
        return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(self._thread, question), PROBE_TIME)


def exposition(figures: Figures) -> bytes:
    """The figures in Prometheus' text format, out of a registry of their own."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(figures))
    return generate_latest(registry)


@dataclass(frozen=True, eq=False)
class _Collector:
    """What prometheus-client asks for its metrics; its registry knows collectors by identity."""

    figures: Figures

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        one = self.figures
        yield CounterMetricFamily("mailgate_mails_accepted", "Mails taken into the inbox.", one.accepted)
        yield CounterMetricFamily("mailgate_letters_sent", "Letters that the relay took.", one.sent)
        for name, text, rows in (
            ("mailgate_inbox_rows", "Mails in the inbox by state.", one.inbox),
            ("mailgate_outbox_rows", "Letters in the outbox by state.", one.outbox),
        ):
            family = GaugeMetricFamily(name, text, labels=("state",))
            for state, count in sorted(rows.items()):
                family.add_metric((_slug(state),), count)
            yield family
        yield GaugeMetricFamily("mailgate_timers_due", "Timers that are due and have not fired.", one.timers_due)
        yield GaugeMetricFamily("mailgate_timers_held", "1 while none fires: a restore, or doubt of the clock.", int(one.timers_held))
        yield GaugeMetricFamily("mailgate_oldest_queued_seconds", "Age of the oldest mail or letter that waits.", one.oldest_queued or 0)
        yield GaugeMetricFamily("mailgate_relay_breaker_open", "1 while nothing is sent because the relay fails.", int(one.breaker_open))
        family = GaugeMetricFamily("mailgate_imap_fetching", "1 while the mails of this account are fetched.", labels=("account",))
        for account, well in sorted(one.fetching.items()):
            family.add_metric((account,), int(well))
        yield family
        if one.last_tick is not None:
            yield GaugeMetricFamily("mailgate_last_tick_age_seconds", "Time since the timers were last looked at.", one.last_tick)


@dataclass(frozen=True)
class _Gate:
    """Stands before the application: refuses what it should not see, and puts the strict headers on every answer."""

    application: Application
    names: frozenset[str]

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        async def send_strictly(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = (pair for pair in message.get("headers", ()) if pair[0] not in _STRICT_NAMES)
                message = {**message, "headers": [*kept, *STRICT_HEADERS]}
            await send(message)

        status = _refusal(dict(scope["headers"]), self.names)
        if status is None:
            await self.application(scope, receive, send_strictly)
        else:
            # Its body is not going to be read, so the connection cannot be used again.
            await _plain(status, headers={"connection": "close"})(scope, receive, send_strictly)


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


def _plain(status: int, text: str | None = None, headers: Mapping[str, str] | None = None) -> Response:
    from starlette.responses import PlainTextResponse

    return PlainTextResponse(TEXTS[status] if text is None else text, status, headers)


async def _refused(_request: Request, error: Exception) -> Response:
    """The constant answer to a path or method that does not exist."""
    return _plain(error.status_code, headers=error.headers)  # type: ignore[attr-defined]


def _slug(text: str) -> str:
    """A reason or state as it may be shown to anyone: a text that is no slug may hold anything, and is not shown."""
    return text if _SLUG.fullmatch(text) else "unnamed"


async def _listen(settings: Settings) -> list[socket.socket]:
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


def _for_tcp(given: socket.socket) -> socket.socket:
    """A socket of socket activation as one that says that it is TCP; see `_listen`."""
    if given.proto == socket.IPPROTO_TCP:
        return given
    return socket.socket(given.family, given.type, socket.IPPROTO_TCP, given.detach())


def _server(application: Application, settings: Settings) -> Server:
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
