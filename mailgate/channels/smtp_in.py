"""Where does mail come in over SMTP and LMTP? Opens the sockets, watches deadlines, and closes so that nobody is left without an answer.

Who may come in and when he hears 250 stands in `smtp_door`, the dialogue in `smtp_session`, the figures in `smtp_limits`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial

from mailgate.channels.smtp_door import Door, Rcpt, Refusal, Settings
from mailgate.channels.smtp_limits import Limits
from mailgate.channels.smtp_session import Dialogue, LmtpDialogue
from mailgate.desk.errors import Misconfigured
from mailgate.flow.intake import RawMail, Receipt

__all__ = ["Limits", "Listener", "Rcpt", "Refusal", "Settings"]

# Connections that the kernel keeps for us while the loop is busy.
_BACKLOG = 256


class Listener:
    """One SMTP or LMTP service inside the running event loop.

    `receive` hands a mail to the intake from the loop's thread: it returns at once, and its future is done when the mail is durable.
    `accepts` says what a recipient's address is to us; it gets a well-formed `local@host` (or the bare `postmaster`) as it was written.
    `admission` is asked at the start of a session (0) and at each MAIL (the declared octets, 0 where unknown). The last two answer from
    memory: they run in the loop.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        receive: Callable[[RawMail], Future[Receipt]],
        accepts: Callable[[str], Rcpt],
        admission: Callable[[int], Refusal | None],
        limits: Limits | None = None,
    ) -> None:
        self._settings = settings
        self._door = Door(settings, limits or Limits(), receive, accepts, admission)
        self._servers: list[asyncio.Server] = []
        self._watch: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The TCP port of the first socket; 0 for a UNIX socket."""
        name = self._servers[0].sockets[0].getsockname()
        return int(name[1]) if isinstance(name, tuple) else 0

    @property
    def connections(self) -> int:
        """How many sessions there are now."""
        return len(self._door.guests)

    async def start(self, sockets: Sequence[socket.socket] = ()) -> None:
        """Listens on the given sockets (TCP or UNIX, from socket activation) or, without any, on host and port.

        Raises Misconfigured where the certificate cannot be read or the address cannot be had.
        """
        context = _tls(self._settings)
        implicit = context if self._settings.tls_implicit else None
        loop = asyncio.get_running_loop()
        make = partial(
            LmtpDialogue if self._settings.lmtp else Dialogue,
            self._door,
            hostname=(self._settings.name or socket.gethostname() or "localhost").encode("ascii", "replace").decode("ascii"),
            tls_context=None if implicit else context,
            loop=loop,
        )
        try:
            for given in sockets:
                open_ = loop.create_unix_server if given.family == socket.AF_UNIX else loop.create_server
                self._servers.append(await open_(make, sock=given, ssl=implicit, backlog=_BACKLOG))
            if not sockets:
                host, port = self._settings.host, self._settings.port
                self._servers.append(await loop.create_server(make, host, port, ssl=implicit, backlog=_BACKLOG))
        except OSError as error:
            for server in self._servers:
                server.close()
            place = f"{self._settings.host}:{self._settings.port}"
            raise Misconfigured(f"[smtp] host, port: cannot listen on {place}: {error.strerror}") from None
        self._watch = loop.create_task(self._sweep())

    async def stop(self, grace: float = 20.0) -> None:
        """Closes: no new peers; mails past their final dot have `grace` seconds to be committed and answered; all others hear 421 4.3.2."""
        for server in self._servers:
            server.close()
        await _ended(self._door.close(), grace)
        await _ended(self._door.clear(), self._door.limits.tick)
        self._door.clear()
        if self._watch is not None:
            self._watch.cancel()

    async def _sweep(self) -> None:
        """Shows out whom we wait for too long: one look at all sessions a second costs less than a timer for each command."""
        while True:
            await asyncio.sleep(self._door.limits.tick)
            self._door.sweep(asyncio.get_running_loop().time())


async def _ended(tasks: list[asyncio.Task[None]], patience: float) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=patience)


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """The context for STARTTLS or implicit TLS, from TLS 1.2 on; None without a certificate."""
    if settings.tls_cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:
        raise Misconfigured(f"[smtp] tls_cert, tls_key: cannot use {settings.tls_cert}: {error.strerror or error}") from None
    return context
