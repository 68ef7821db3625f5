"""What do we tell the service manager, and what does it hand us? sd_notify(3) and sd_listen_fds(3), both without a library."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

_FIRST = 3


def notify(state: str, environ: Mapping[str, str]) -> None:
    """Tells systemd a state (`READY=1`, `WATCHDOG=1`, `STOPPING=1`); does nothing where it does not listen."""
    address = environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError:
            # Whoever asked to be told has gone; that must not end us.
            return


def sockets(environ: Mapping[str, str]) -> dict[str, list[socket.socket]]:
    """The sockets of socket activation by their FileDescriptorName (`smtp`, `lmtp`, `web`); empty without it."""
    if environ.get("LISTEN_PID") != str(os.getpid()):
        return {}
    count = int(environ.get("LISTEN_FDS", "0"))
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    found: dict[str, list[socket.socket]] = {}
    for at in range(count):
        name = names[at] if at < len(names) and names[at] else "smtp"
        given = socket.socket(fileno=_FIRST + at)
        given.setblocking(False)
        given.set_inheritable(False)
        found.setdefault(name, []).append(given)
    return found
