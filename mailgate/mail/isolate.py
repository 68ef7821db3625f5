"""How can a mail that kills its reader be read all the same? A child process parses; the parent watches it and starts another.

The child lives as long as its parent wants it and reads batches of mails from its standard input; it answers mail by mail, so that the
parent knows at which mail it died or hung. Its limits are a wall clock (the parent's), processor time for each mail, and memory. It
opens nothing, inherits no secrets from the environment, and its errors go nowhere, since they could quote the mail. What it says back
is read as a `ParsedMail`, field by field of its type, and is nothing else: a child that a mail has taken over must not give orders.

Wire: each way, a frame is its length in four octets (network order) and so many octets. The child's first frame is the answer to a mail
of ours: it is ready, and whatever kills it from then on is a mail's fault. A batch is a frame with the number of mails, then a frame for
each; the answer is a frame for each, a mail's value in MessagePack.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import select
import signal
import struct
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

from msgspec import Struct, msgpack

from mailgate.mail.parsed import ParsedMail

if TYPE_CHECKING:
    import subprocess

# Measured: a mail of 35 MB needs about 300 MB while it is parsed.
MEMORY = 1024 * 1024 * 1024
# Octets handed to the child at once: what it holds besides the mail it works on.
_MOST_AT_ONCE = 16_000_000
# A payload of so many octets is not copied to travel with others.
_LARGE = 100_000
# Processor seconds that a mail may take.
_SECONDS = 60
_START_PATIENCE = 30.0
# What a child shows first that it can read.
_PROOF = b"From: Ann <ann@example.org>\r\nDate: Mon, 2 Mar 2026 10:00:00 +0100\r\nSubject: Good morning\r\n\r\nAll is well.\r\n"
# A broken pipe, an end of file and a garbled answer are one case: such a child is no more to be trusted.
_BROKEN = (OSError, EOFError, ValueError)
_LENGTH = struct.Struct("!I")
_ENCODER, _DECODER = msgpack.Encoder(), msgpack.Decoder(ParsedMail)
# Most answers have fewer octets. What they are written into need not grow then.
_USUAL = 1 << 15
_PR_SET_PDEATHSIG, _M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = 1, -1, -3
# Pieces of memory from so many octets on go back to the system when they are free, and so does the top of the heap when it has more.
_GIVEN_BACK, _KEPT = 1_000_000, 4_000_000
# What Python runs as the child: this module, and nothing that lies about in the folder where the daemon was started.
_PROGRAM = ("-P", "-m", "mailgate.mail.isolate")


class Died(Struct, frozen=True):
    """The mail at this place could not be parsed: the child died of it (`died`) or took too long (`hung`)."""

    reason: str


class Parser:
    """A child process that parses mails. One caller at a time; a context manager; start is lazy, a dead child is replaced by the next
    call.
    """

    def __init__(self, memory: int = MEMORY) -> None:
        """`memory` is the child's address space in octets; systems that cannot limit it do not."""
        self._memory = memory
        self._child: subprocess.Popen[bytes] | None = None
        # Whether it has shown already that it can read.
        self._proven = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def parse_all(self, raws: Sequence[bytes], timeout: float) -> list[ParsedMail | Died]:
        """What each mail says, in order. A mail that kills the child, or keeps it for more than `timeout` seconds, is `Died`; the rest is
        parsed by the next child.

        Raises OSError if no child can be started at all.
        """
        results: list[ParsedMail | Died] = []
        while len(results) < len(raws):
            batch = _batch(raws, len(results))
            reused = self._child is not None
            answers, failure = self._exchange(batch, timeout)
            results += answers
            if failure is not None:
                self.close()
                # A child that was there before may have been ended by something else, and unnoticed: the mail gets another one.
                if failure == "hung" or answers or not reused:
                    results.append(Died(failure))
        return results

    def warm(self) -> None:
        """Starts the child and does not wait for it, so that the first mail waits less."""
        self._living()

    def close(self) -> None:
        """Ends the child, which has nothing to put away. Calling it again does nothing."""
        child, self._child = self._child, None
        if child is not None:
            _end(child)

    def _exchange(self, batch: Sequence[bytes], timeout: float) -> tuple[list[ParsedMail], str | None]:
        """Sends a batch and collects its answers; why they stopped before the last one, None if they did not."""
        child = self._reading()
        answers: list[ParsedMail] = []
        if child.stdin is None or child.stdout is None:
            return answers, "died"
        buffer = bytearray()
        try:
            for octets in _pieces((_LENGTH.pack(len(batch)), *batch)):
                _send(child.stdin.fileno(), octets, timeout)
            while len(answers) < len(batch):
                answers.append(_DECODER.decode(_receive(child.stdout.fileno(), buffer, timeout)))
        except TimeoutError:
            return answers, "hung"
        except _BROKEN:
            return answers, "died"
        return answers, None

    def _living(self) -> subprocess.Popen[bytes]:
        """The child, started if there is none or if it has ended since the last call (which is no mail's fault)."""
        if self._child is not None and self._child.poll() is not None:
            self.close()
        if self._child is None:
            self._child, self._proven = _start(self._memory), False
        return self._child

    def _reading(self) -> subprocess.Popen[bytes]:
        """The child, once it has shown that it can read. Raises ChildProcessError where it does not."""
        child = self._living()
        if not self._proven:
            try:
                _prove(child)
            except ChildProcessError:
                self.close()
                raise
            self._proven = True
        return child


def _batch(raws: Sequence[bytes], start: int) -> Sequence[bytes]:
    """As many of the mails from `start` on as may be handed over at once, one at least."""
    end, octets = start, 0
    while end < len(raws) and (end == start or octets + len(raws[end]) <= _MOST_AT_ONCE):
        octets += len(raws[end])
        end += 1
    return raws[start:end]


def _start(memory: int) -> subprocess.Popen[bytes]:
    """A new child: this module run as a program, with nothing in its environment but what Python needs to find itself."""
    # Imported here, since the child has no use for it.
    import subprocess

    root = str(Path(__file__).resolve().parents[2])
    names = ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV", "SYSTEMROOT", "PYTHONPYCACHEPREFIX")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    child = subprocess.Popen(
        [sys.executable, *_PROGRAM, str(memory), str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**kept, "PYTHONPATH": root, "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", "")},
        bufsize=0,
        start_new_session=True,
    )
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            os.set_blocking(pipe.fileno(), False)
    return child


def _prove(child: subprocess.Popen[bytes]) -> None:
    """Waits for a new child's answer to the mail of ours. Raises ChildProcessError where it has none.

    Starting takes what it takes: a busy machine must not cost the first mail a strike.
    """
    try:
        if child.stdout is not None:
            _DECODER.decode(_receive(child.stdout.fileno(), bytearray(), _START_PATIENCE))
    except _BROKEN as error:
        raise ChildProcessError(f"the process that reads mails cannot read any ({type(error).__name__})") from error


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kills the child and leaves no zombie."""
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
    child.kill()
    child.wait()


def _pieces(payloads: Iterable[bytes]) -> Iterator[bytes]:
    """The frames of these payloads, in order: small ones together, since each write has its price, and large ones as they are."""
    small: list[bytes] = []
    for payload in payloads:
        small.append(_LENGTH.pack(len(payload)))
        if len(payload) < _LARGE:
            small.append(payload)
        else:
            yield b"".join(small)
            yield payload
            small = []
    if small:
        yield b"".join(small)


def _send(descriptor: int, octets: bytes, timeout: float) -> None:
    """Writes everything; TimeoutError if the child takes none of it for `timeout` seconds."""
    view = memoryview(octets)
    while view:
        if not select.select((), (descriptor,), (), timeout)[1]:
            raise TimeoutError
        view = view[os.write(descriptor, view) :]


def _receive(descriptor: int, buffer: bytearray, timeout: float) -> bytes:
    """The next frame's payload; what was read beyond it stays in the buffer. TimeoutError after `timeout` seconds, EOFError at the end."""
    deadline = time.monotonic() + timeout
    while True:
        if len(buffer) >= 4:
            (length,) = _LENGTH.unpack_from(buffer)
            if len(buffer) >= 4 + length:
                with memoryview(buffer) as view:
                    payload = bytes(view[4 : 4 + length])
                del buffer[: 4 + length]
                return payload
        left = deadline - time.monotonic()
        if left <= 0 or not select.select((descriptor,), (), (), left)[0]:
            raise TimeoutError
        chunk = os.read(descriptor, 1 << 16)
        if not chunk:
            raise EOFError
        buffer += chunk


def main(memory: int, parent: int) -> None:
    """The child's whole life: limits, then batches until its standard input ends."""
    _confine(memory, parent)
    # What is imported stays: to search it for garbage costs a tenth of the start, and later a little of each mail.
    gc.disable()
    from mailgate.mail.parse import parse

    source, sink = sys.stdin.buffer, sys.stdout.buffer
    proof = parse(_PROOF)
    gc.freeze()
    gc.enable()
    _answer(sink, proof)
    while (head := _read_frame(source)) is not None:
        mails = deque(_read_frame(source) or b"" for _ in range(_LENGTH.unpack(head)[0]))
        while mails:
            # Beyond it the system ends this process, even if the parent is stopped.
            signal.setitimer(signal.ITIMER_PROF, _SECONDS)
            _answer(sink, parse(mails.popleft()))


def _answer(sink: BinaryIO, mail: ParsedMail) -> None:
    """Sends a mail's value at once."""
    frame = bytearray(_USUAL)
    _ENCODER.encode_into(mail, frame, _LENGTH.size)
    _LENGTH.pack_into(frame, 0, len(frame) - _LENGTH.size)
    sink.write(frame)
    sink.flush()


def _read_frame(source: BinaryIO) -> bytes | None:
    """The next frame's payload; None at the end of the input."""
    head = source.read(4)
    return source.read(_LENGTH.unpack(head)[0]) if len(head) == 4 else None


def _confine(memory: int, parent: int) -> None:
    """Limits this process, and ties its life to the parent's where the system can (Linux). Elsewhere the end of the input must do."""
    # macOS refuses: there the wall clock and the size limits remain.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes

        system = ctypes.CDLL(None)
        system.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # What one large mail needed is given back when it is read, what each mail needs is kept. Only glibc would do neither, and only
        # glibc has this.
        with contextlib.suppress(AttributeError):
            system.mallopt(_M_MMAP_THRESHOLD, _GIVEN_BACK)
            system.mallopt(_M_TRIM_THRESHOLD, _KEPT)
        # The parent may have ended before the call.
        if os.getppid() != parent:
            sys.exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
