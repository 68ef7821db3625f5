"""Where do the signing keys live? In one file of lines, newest first, made at the first run and readable by its owner alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from mailgate.desk.errors import Misconfigured
from mailgate.desk.tokens import Keyring

_OCTETS = 32
# What was signed with the key before the newest stays valid; older letters cannot be answered by token any more.
_KEPT = 2


def load_keys(path: Path) -> Keyring:
    """The keys of a file; a file that is not there is made with a fresh key and mode 0600. Raises Misconfigured where it holds none."""
    try:
        text = path.read_text("ascii")
    except FileNotFoundError:
        return _write(path, (secrets.token_bytes(_OCTETS),), new=True)
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path}: {error}") from None
    try:
        keys = tuple(bytes.fromhex(line) for line in text.split())
    except ValueError:
        keys = ()
    if not keys or any(len(key) < _OCTETS for key in keys):
        raise Misconfigured(f"{path}: holds no key; each line has to be {_OCTETS * 2} hexadecimal digits")
    return Keyring(keys)


def rotate(path: Path) -> Keyring:
    """Puts a fresh key in front. The one before stays active, so that letters which are out can still be answered."""
    return _write(path, (secrets.token_bytes(_OCTETS), *load_keys(path).keys)[:_KEPT], new=False)


def _write(path: Path, keys: tuple[bytes, ...], *, new: bool) -> Keyring:
    content = "".join(f"{key.hex()}\n" for key in keys).encode()
    fresh = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if new:
            # Of two that start at once, one makes the key and the other one reads it.
            try:
                os.link(fresh, path)
            except FileExistsError:
                return load_keys(path)
            finally:
                fresh.unlink()
        else:
            fresh.replace(path)
    except OSError as error:
        raise Misconfigured(f"{path}: {error.strerror}") from None
    return Keyring(keys)
