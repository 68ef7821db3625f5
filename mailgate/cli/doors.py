"""Can the doors be opened? Tries every address that the daemon will listen on, so that all that are taken are told at once."""

from __future__ import annotations

import socket

from mailgate.config.reader import open_file
from mailgate.config.settings import Settings


def taken(known: Settings) -> list[str]:
    """One line for each address of the configuration that cannot be listened on now, with its place there."""
    file = open_file(known.machine, str(known.machine))
    for name, host, port in (("smtp", known.smtp.host, known.smtp.port), ("web", known.web.host, known.web.port)):
        if why := _why_not(host, port):
            file.fault((name, "port"), f"cannot listen on {_place(host, port)}: {why}")
    return list(file.finish())


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _why_not(host: str, port: int) -> str:
    """Why nobody can listen there; nothing where one can."""
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE):
            with socket.socket(family, kind, protocol) as door:
                # As the daemon does it: connections of an earlier life that are not quite dead do not count.
                door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                door.bind(address)
    except OSError as error:
        return error.strerror or str(error)
    return ""
