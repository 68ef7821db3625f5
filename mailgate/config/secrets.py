"""Where does a secret come from? From a file of its own, the environment, or systemd's credentials; never from the configuration itself.

The first of these that there is counts: `<key>_file` of the table, `MAILGATE_<NAME>`, the file `<name>` of $CREDENTIALS_DIRECTORY. A file
that others than its owner may read is refused; only systemd's folder, which guards its files in another way, is taken as it is. What only
the daemon uses is neither asked for nor read for anybody else, who may have no way to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from mailgate.config import scalars
from mailgate.config.reader import Bad, Node, Reader, Table

# The bits by which group and others may read or write a file.
_OTHERS = 0o066
# More than this is no password or token but the wrong file.
_LARGEST = 64 * 1024


class Secret:
    """A text that no log and no traceback shows; `reveal` is the one way to it. With a `file` it may change while we run."""

    __slots__ = ("_file", "_text")

    def __init__(self, text: str, file: Path | None = None) -> None:
        self._text, self._file = text, file

    def reveal(self) -> str:
        """The text itself, for the peer that it is meant for: as its file holds it now, or where that cannot be read, as it was."""
        if self._file is not None:
            with suppress(Bad):
                self._text = _content(self._file)
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


class Vault(Struct, frozen=True):
    """The places where secrets may lie. Relative `*_file` paths start at `root`; `whole` says that the daemon's secrets are wanted too."""

    environ: Mapping[str, str]
    root: Path
    whole: bool = True

    def secret(self, table: Table, key: str, name: str) -> Secret | None:
        """The secret that the table's `<key>_file`, the environment or the credential `name` holds; None where none does.

        The variable of the environment is called after the credential: `relay-password` is MAILGATE_RELAY_PASSWORD there.
        """
        variable = variable_of(name)
        if key in table:
            table.get(key, _refused(key, variable), None)
        named = table.get(f"{key}_file", self._from_file, None)
        if f"{key}_file" in table or key in table:
            return named
        if self.environ.get(variable):
            return Secret(self.environ[variable])
        try:
            credential = self.credential(name)
            return Secret(_content(credential), credential) if credential else None
        except Bad as bad:
            table.fault(key, str(bad))
            return None

    def daemons(self, table: Table, key: str, name: str) -> Secret | None:
        """As `secret`, for one that only the daemon uses: None, and nothing read, where the daemon's are not wanted."""
        if self.whole or key in table:
            return self.secret(table, key, name)
        table.get(f"{key}_file", scalars.path(self.root), None)
        return None

    def key_file(self, table: Table) -> Path:
        """The file of the table's `file`, else the credential `key`, else var/key; it need not be there yet."""
        path = table.get("file", scalars.path(self.root), None) or self.credential("key") or self.root / "var/key"
        try:
            self._guard(path)
        except Bad as bad:
            table.fault("file", str(bad))
        return path

    def _from_file(self, node: Node) -> Secret:
        path = scalars.path(self.root)(node)
        self._guard(path)
        return Secret(_content(path), path)

    def credential(self, name: str) -> Path | None:
        """The file of the credential of that name; None where systemd gave us none."""
        folder = self._credentials
        return folder / name if folder and (folder / name).exists() else None

    @property
    def _credentials(self) -> Path | None:
        folder = self.environ.get("CREDENTIALS_DIRECTORY")
        return Path(folder) if folder else None

    def _guard(self, path: Path) -> None:
        if self._credentials and path.is_relative_to(self._credentials):
            return
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            return
        except OSError as error:
            raise Bad(f"{path}: {error.strerror}") from None
        if mode & _OTHERS:
            raise Bad(f"{path} may be read by others than its owner (mode {mode & 0o777:04o}); chmod 600 it")


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            octets = file.read(_LARGEST + 1)
        text = octets.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise Bad(f"{path} is not UTF-8") from None
    except OSError as error:
        raise Bad(f"{path}: {error.strerror}") from None
    if not text.strip() or len(octets) > _LARGEST:
        raise Bad(f"{path} {'is too large for a secret' if text.strip() else 'is empty'}")
    return text


def variable_of(name: str) -> str:
    """What the secret `name` is called in the environment."""
    return f"MAILGATE_{name.upper().replace('-', '_')}"


def _refused(key: str, variable: str) -> Reader[None]:
    def read(node: Node) -> None:
        raise Bad(f"a secret does not stand here; write it into a file of mode 0600 and name that as {key}_file, or set {variable}")

    return read
