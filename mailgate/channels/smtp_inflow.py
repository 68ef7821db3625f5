"""What has a peer sent that nobody has taken yet? The octets of one SMTP connection, bounded, for the one task that reads them.

In place of asyncio's StreamReader, because a mail is looked through where it lies and is copied once, when it is whole.
"""

from __future__ import annotations

import asyncio

# So many octets may arrive while nobody looks; what comes in one piece comes on top. asyncio's own measure.
_AHEAD = 2**17


class Gone(Exception):
    """The peer has left, or was shown out: there is nobody to answer."""


class Inflow:
    """The octets on their way from the transport to the dialogue. `octets` is for the dialogue to search and to cut."""

    __slots__ = ("_ended", "_fresh", "_held", "_loop", "_transport", "_waiter", "octets")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.octets = bytearray()
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        # What came since somebody last asked for more, and whether the transport was told to wait.
        self._fresh = 0
        self._held = False
        self._ended = False

    def adopt(self, transport: asyncio.Transport) -> None:
        """From now on octets come from this transport. Those of an earlier one were sent in the clear and are dropped (RFC 3207 4.2)."""
        self._transport = transport
        self._fresh, self._held = 0, False
        self.octets.clear()

    def feed(self, data: bytes) -> None:
        """Octets have come."""
        self.octets += data
        self._fresh += len(data)
        if self._fresh > _AHEAD and not self._held and self._transport is not None:
            self._held = True
            self._transport.pause_reading()
        self._wake()

    def end(self) -> None:
        """There will be no more."""
        self._ended = True
        self._wake()

    async def more(self) -> None:
        """Waits for octets behind those that are there. Raises Gone where none will come."""
        if self._ended or self._transport is None or self._transport.is_closing():
            raise Gone
        self._fresh = 0
        if self._held:
            self._held = False
            self._transport.resume_reading()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        if not self._fresh:
            raise Gone

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
