"""What does a bad line between two programs do to them? A TCP proxy that passes everything on, until a test has it cut or freeze the line.

It understands nothing of what it passes on: it counts octets and looks for words of the client's.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType

# Closing then says RST at once, as a program does that was killed.
_RESET = struct.pack("ii", 1, 0)


class Proxy:
    """A port of 127.0.0.1 that leads to another one. Its tricks apply to what comes after them, on any connection."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._flowing = threading.Event()
        self._flowing.set()
        self._words = b""
        self._trick: Callable[[], object] = _nothing
        self._left: int | None = None
        self._at_the_end = self.cut
        # How many connections were made, and how many octets the server said on all of them.
        self.connections, self.said = 0, 0

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._listener.close()
        self.thaw()
        self.cut()

    def before(self, words: bytes, trick: Callable[[], object]) -> None:
        """Once: when the client says these words, the trick is done before the server hears them."""
        self._words, self._trick = words, trick

    def cut_after(self, octets: int) -> None:
        """Once: cuts the line when the server has said so many octets more."""
        self._left, self._at_the_end = octets, self.cut

    def freeze_after(self, octets: int) -> None:
        """Once: freezes the line when the server has said so many octets more."""
        self._left, self._at_the_end = octets, self.freeze

    def cut(self) -> None:
        """Resets every connection. New ones may be made."""
        ends, self._ends = self._ends, []
        for one in ends:
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def freeze(self) -> None:
        """From now on nothing is passed on, and nothing is closed."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Everything is passed on again, also what has piled up."""
        self._flowing.set()

    @property
    def frozen(self) -> bool:
        """Whether nothing is passed on."""
        return not self._flowing.is_set()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                server = socket.create_connection(("127.0.0.1", self._to), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            self._ends += [client, server]
            threading.Thread(target=self._pass, args=(client, server, self._heard), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, self._told), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, look: Callable[[bytes], int]) -> None:
        with contextlib.suppress(OSError):
            while octets := source.recv(65536):
                self._flowing.wait()
                some = look(octets)
                target.sendall(octets[:some])
                if some < len(octets):
                    self._at_the_end()
                    self._flowing.wait()
                    target.sendall(octets[some:])
            target.shutdown(socket.SHUT_WR)

    def _heard(self, octets: bytes) -> int:
        """The client says this."""
        if self._words and self._words in octets:
            trick, self._words, self._trick = self._trick, b"", _nothing
            trick()
        return len(octets)

    def _told(self, octets: bytes) -> int:
        """The server says this: how much of it passes before something happens to the line."""
        self.said += len(octets)
        if self._left is None:
            return len(octets)
        some, self._left = self._left, self._left - len(octets)
        if self._left >= 0:
            return len(octets)
        self._left = None
        return some


def _nothing() -> None:
    return None
