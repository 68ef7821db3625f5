"""The web listener of a daemon: who listens, who answers /healthz, /readyz and /metrics, and where the pages hang in.

It asks the functions that it is given, in threads of its own, and shows what they answer; it decides nothing. The door is web_gate, the
network web_wire, the figures web_metrics, the pages web_pages. starlette, uvicorn and prometheus-client are imported when a `Web` starts,
so that whoever only reads these settings does not pay for them.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from mailgate.channels.web_gate import Application, Gate, plain
from mailgate.channels.web_metrics import Figures, Health, exposition, slug
from mailgate.channels.web_pages import Pages
from mailgate.channels.web_wire import Settings, for_tcp, listen, server
from mailgate.desk.errors import MailgateError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from uvicorn import Server

Answer = TypeVar("Answer")

# Seconds that a probe may take.
PROBE_TIME = 5.0

_log = logging.getLogger(__name__)


class Web:
    """The web listener of one daemon, inside the event loop that already runs. Started once, stopped once."""

    def __init__(self, settings: Settings, probe: Callable[[], Health], metrics: Callable[[], Figures], pages: Pages | None = None) -> None:
        self.settings = settings
        self._pages = pages
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
        self._sockets = [for_tcp(one) for one in sockets] if sockets else await listen(self.settings)
        made = server(self._application(), self.settings)
        # These are the stages of uvicorn's serve() without its signal handlers: signals are the daemon's.
        made.config.load()
        made.lifespan = made.config.lifespan_class(made.config)
        await made.startup(self._sockets)
        self._server, self._loop = made, asyncio.create_task(made.main_loop(), name="web")

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
        if self._pages:
            self._pages.close()

    def _application(self) -> Application:
        from starlette.applications import Starlette
        from starlette.exceptions import HTTPException
        from starlette.routing import Route, Router

        routes = [Route("/healthz", self._healthz), Route("/readyz", self._readyz), Route("/metrics", self._figures)]
        routes += self._pages.routes() if self._pages else []
        application = Starlette(routes=routes, exception_handlers={HTTPException: self._refused})
        # A redirect to the address with a slash would be built from the Host header.
        router: Router = application.router
        router.redirect_slashes = False
        return Gate(application, frozenset(name.lower() for name in (*self.settings.names, self.settings.host)))

    async def _refused(self, _request: Request, error: Exception) -> Response:
        """The constant answer to a path or method that does not exist."""
        status, headers = error.status_code, error.headers  # type: ignore[attr-defined]
        if status == 404 and self._pages:
            return self._pages.missing()
        return plain(status, headers=headers)

    async def _healthz(self, _request: Request) -> Response:
        """The loop runs, or nobody would read this."""
        return plain(200, "ok\n")

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
        return plain(503, "".join(f"{slug(reason)}\n" for reason in reasons)) if reasons else plain(200, "ready\n")

    async def _figures(self, _request: Request) -> Response:
        from prometheus_client.exposition import CONTENT_TYPE_LATEST
        from starlette.responses import Response

        try:
            return Response(exposition(await self._ask(self._metrics)), headers={"content-type": CONTENT_TYPE_LATEST})
        except (TimeoutError, MailgateError):
            return plain(503)
        except Exception:
            _log.exception("the figures could not be had")
            return plain(503)

    async def _ask(self, question: Callable[[], Answer]) -> Answer:
        """Raises TimeoutError where the answer takes too long; one who waits in vain for the thread does not keep his place."""
        return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(self._thread, question), PROBE_TIME)
