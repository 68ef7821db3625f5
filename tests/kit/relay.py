"""What would a relay have received, and what does a bad one do to us? An SMTP server on loopback that records, and misbehaves by script.

Real sockets, a thread for each connection, nothing shared with the code under test but the protocol. By default it takes everything.

    with RelaySink(script={"RCPT": [say("450 4.2.0 later"), TAKE]}) as sink: ...

A script names a stage (`greeting`, `EHLO`, `STARTTLS`, `AUTH`, `MAIL`, `RCPT`, `DATA`, `dot`, `RSET`, `QUIT`) and what to do there: one act
for every time, or a list for the first times, after which all is well.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import BinaryIO

OFFERS = ("PIPELINING", "SIZE 36700160", "8BITMIME", "SMTPUTF8")


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a relay does in place of its usual reply: what it writes, whether it takes the letter, and how it goes on."""

    octets: bytes = b""
    usual: bool = False
    takes: bool = False
    hangs: bool = False
    closes: bool = False
    endless: bool = False


def say(*lines: str, closes: bool = False, takes: bool = False) -> Act:
    """Reply with these lines. At `dot`, a letter that is answered 2xx is taken."""
    taken = takes or lines[-1].startswith("2")
    return Act("".join(f"{line}\r\n" for line in lines).encode(), takes=taken, closes=closes)


TAKE = Act(usual=True)
HANG = Act(hangs=True)
CLOSE = Act(closes=True)
# The letter is taken, the reply never comes.
TAKE_AND_CLOSE = Act(takes=True, closes=True)
TAKE_AND_HANG = Act(takes=True, hangs=True)
GARBAGE = Act(b"\x00\xff\xfeHTTP/1.1 400 Bad Request\r\n")
HALF = Act(b"25", closes=True)
MEGABYTE = Act(b"250 " + b"x" * 1_000_000 + b"\r\n")
ENDLESS = Act(b"250-and another thing\r\n", endless=True)


@dataclass(frozen=True, slots=True)
class Delivered:
    """One letter as it arrived, dots undoubled. `parameters` are those of MAIL; `connection` counts from 1; `at` is monotonic."""

    envelope_from: str
    recipient: str
    octets: bytes
    parameters: str
    connection: int
    at: float


@dataclass(slots=True)
class _Peer:
    """One connection: its socket, its lines and where its transaction stands."""

    socket: socket.socket
    lines: BinaryIO
    number: int
    encrypted: bool = False
    user: str = ""
    mail: tuple[str, str] | None = None
    recipients: list[str] = field(default_factory=list)


class _Closed(Exception):
    """The connection is to end."""


class RelaySink:
    """The server. `letters` grow in the order of arrival, `commands` are all lines heard, `connections` and `bodies` (to the dot) count."""

    def __init__(
        self,
        script: Mapping[str, Act | Sequence[Act]] | None = None,
        *,
        offers: Sequence[str] = OFFERS,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        users: Mapping[str, str] | None = None,
        mechanisms: str = "PLAIN LOGIN",
        pauses: Mapping[str, float] | None = None,
        port: int = 0,
    ) -> None:
        """With `tls` STARTTLS is offered, or with `implicit` spoken from the start. With `users` (name to password) MAIL needs AUTH.

        `pauses` are the seconds that it thinks at a stage before it does anything there.
        """
        self.letters: list[Delivered] = []
        self.bodies = 0
        self.commands: list[str] = []
        self.connections = 0
        self._script: dict[str, Act | list[Act]] = {
            stage: acts if isinstance(acts, Act) else list(acts) for stage, acts in (script or {}).items()
        }
        self._offers = tuple(offers)
        self._tls, self._implicit = tls, implicit
        self._users, self._mechanisms = users, mechanisms
        self._pauses = dict(pauses or {})
        self._refused: dict[str, Act] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.host = "127.0.0.1"
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> RelaySink:
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends the server and every connection. What was recorded stays."""
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(5)

    def refuse(self, recipient: str, act: Act) -> None:
        """From now on this is the answer to RCPT for one address."""
        self._refused[recipient] = act

    def hurry(self) -> None:
        """From now on it thinks no more; what it thinks about already takes its time."""
        self._pauses.clear()

    def cut(self) -> None:
        """Cuts every open connection, as a restart of the relay does."""
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def wait_for(self, count: int, seconds: float = 30) -> list[Delivered]:
        """The letters, once there are so many. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while len(self.letters) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self.letters)} of {count} letters after {seconds} s")
            time.sleep(0.01)
        return list(self.letters)

    def _start(self, work: object, *arguments: object) -> None:
        assert callable(work)
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.connections += 1
                self._open.add(accepted)
                number = self.connections
            self._start(self._serve, accepted, number)

    def _serve(self, accepted: socket.socket, number: int) -> None:
        current = accepted
        try:
            if self._tls is not None and self._implicit:
                current = self._wrap(accepted)
            peer = _Peer(current, current.makefile("rb"), number, encrypted=current is not accepted)
            self._act(peer, "greeting", "220 sink ESMTP")
            while line := peer.lines.readline(65_536):
                text = line.decode("utf-8", "replace").rstrip("\r\n")
                self.commands.append(text)
                self._command(peer, text)
                current = peer.socket
        except (OSError, ValueError, _Closed):
            pass
        finally:
            with self._lock:
                self._open.discard(accepted)
                self._open.discard(current)
            with contextlib.suppress(OSError):
                current.close()

    def _wrap(self, plain: socket.socket) -> ssl.SSLSocket:
        assert self._tls is not None
        # Under the lock, so that `cut` finds either the one or the other.
        with self._lock:
            encrypted = self._tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
            self._open.discard(plain)
            self._open.add(encrypted)
        try:
            encrypted.do_handshake()
        except (OSError, ValueError):
            encrypted.close()
            raise
        return encrypted

    def _command(self, peer: _Peer, text: str) -> None:
        verb, _, rest = text.partition(" ")
        match verb.upper():
            case "EHLO" | "HELO":
                self._act(peer, "EHLO", *self._hello(peer))
            case "STARTTLS":
                if self._act(peer, "STARTTLS", "220 2.0.0 go on"):
                    peer.socket = self._wrap(peer.socket)
                    peer.lines, peer.encrypted = peer.socket.makefile("rb"), True
            case "AUTH":
                self._log_in(peer, rest)
            case "MAIL":
                self._mail(peer, rest)
            case "RCPT":
                recipient = rest[rest.find("<") + 1 : rest.rfind(">")]
                if recipient in self._refused:
                    peer.socket.sendall(self._refused[recipient].octets)
                elif self._act(peer, "RCPT", "250 2.1.5 good" if peer.mail else "503 5.5.1 MAIL first") and peer.mail:
                    peer.recipients.append(recipient)
            case "DATA":
                self._data(peer)
            case "RSET":
                peer.mail, peer.recipients = None, []
                self._act(peer, "RSET", "250 2.0.0 forgotten")
            case "QUIT":
                self._act(peer, "QUIT", "221 2.0.0 bye")
                raise _Closed
            case _:
                self._act(peer, verb.upper(), "502 5.5.2 what?")

    def _hello(self, peer: _Peer) -> list[str]:
        offers = ["sink", *self._offers]
        if self._tls is not None and not peer.encrypted:
            offers.append("STARTTLS")
        if self._users is not None:
            offers.append(f"AUTH {self._mechanisms}")
        return [*(f"250-{offer}" for offer in offers[:-1]), f"250 {offers[-1]}"]

    def _log_in(self, peer: _Peer, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        if mechanism.upper() == "LOGIN":
            peer.socket.sendall(b"334 VXNlcm5hbWU6\r\n")
            user = base64.b64decode(peer.lines.readline()).decode()
            peer.socket.sendall(b"334 UGFzc3dvcmQ6\r\n")
            password = base64.b64decode(peer.lines.readline()).decode()
        else:
            _, user, password = base64.b64decode(initial).decode().split("\0")
        good = (self._users or {}).get(user) == password
        if self._act(peer, "AUTH", "235 2.7.0 welcome" if good else "535 5.7.8 wrong"):
            peer.user = user

    def _mail(self, peer: _Peer, rest: str) -> None:
        if self._users is not None and not peer.user:
            self._act(peer, "MAIL", "530 5.7.0 who are you?")
        elif self._act(peer, "MAIL", "250 2.1.0 good"):
            path, _, parameters = rest.partition(">")
            peer.mail, peer.recipients = (path[path.find("<") + 1 :], parameters.strip()), []

    def _data(self, peer: _Peer) -> None:
        if not self._act(peer, "DATA", "354 go on" if peer.recipients else "554 5.5.1 no valid recipients"):
            return
        octets = bytearray()
        while (line := peer.lines.readline()) != b".\r\n":
            if not line:
                raise _Closed
            octets += line[1:] if line.startswith(b".") else line
        self.bodies += 1
        assert peer.mail is not None
        letters = [Delivered(peer.mail[0], each, bytes(octets), peer.mail[1], peer.number, time.monotonic()) for each in peer.recipients]
        peer.mail, peer.recipients = None, []
        self._act(peer, "dot", "250 2.0.0 queued as SINK", letters=letters)

    def _act(self, peer: _Peer, stage: str, *usual: str, letters: Sequence[Delivered] = ()) -> bool:
        """Does what the script says at this stage, or replies as usual. True where the reply was a good one. Raises _Closed."""
        act = self._next(stage)
        self._ended.wait(self._pauses.get(stage, 0))
        if act.usual:
            act = say(*usual)
        if act.takes:
            # Recorded before the reply, so that whoever has heard it finds the letter.
            self.letters.extend(letters)
        peer.socket.sendall(act.octets)
        while act.endless and not self._ended.is_set():
            peer.socket.sendall(act.octets * 100)
        if act.hangs:
            self._ended.wait()
        if act.closes or act.hangs:
            with contextlib.suppress(OSError):
                peer.socket.shutdown(socket.SHUT_RDWR)
            raise _Closed
        return act.octets[:1] in (b"2", b"3")

    def _next(self, stage: str) -> Act:
        with self._lock:
            acts = self._script.get(stage, TAKE)
            if isinstance(acts, Act):
                return acts
            return acts.pop(0) if acts else TAKE
