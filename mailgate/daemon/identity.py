"""Which of the gateways of one database are we? A name that a restart keeps and no other gateway has, so that it finds its own claims."""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
from pathlib import Path
from types import TracebackType

from mailgate.desk.errors import Misconfigured


class Identity:
    """The name, for as long as the block lasts. It stands in `var/gateway` of our folder, which is locked meanwhile.

    Where that file cannot be had (a folder that only others may write to) the name lasts for one life, and claims of an earlier one wait
    for the end of their lease.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / "var" / "gateway"
        self._handle: int | None = None

    def __enter__(self) -> str:
        """The name. Raises Misconfigured where another daemon runs in this folder."""
        host = socket.gethostname()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return f"{host}:{self._known(self._handle)}"
        except BlockingIOError as error:
            self._close()
            raise Misconfigured(f"{self._path}: another mailgate daemon runs in this folder") from error
        except OSError:
            self._close()
            return f"{host}:{os.getpid()}:{secrets.token_hex(4)}"

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close()

    def _known(self, handle: int) -> str:
        known = os.pread(handle, 16, 0).decode("ascii", "replace")
        if len(known) != 16:
            known = secrets.token_hex(8)
            os.pwrite(handle, f"{known}\n".encode(), 0)
        return known

    def _close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
        self._handle = None
