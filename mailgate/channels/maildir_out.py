"""How does a letter get into a Maildir, durably, and once however often it is tried?

The default of `[relay]`: nothing leaves the machine. A letter's octets become a file of `new/` unchanged, with nothing added; its envelope
stays in the outbox row whose number begins the file's name. Synchronous: the courier calls it in a thread.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

from mailgate.channels.disk import keep_names
from mailgate.channels.relay_wire import TEXT_CHARACTERS
from mailgate.flow.delivery import Outcome, Parcel, Result

_FOLDERS = ("tmp", "new", "cur")
# What an operator has to put right; anything else of the file system may pass.
_OURS = (PermissionError, NotADirectoryError, FileExistsError)


def deliver(directory: Path, parcels: Sequence[Parcel]) -> list[Outcome]:
    """One outcome for each parcel, in their order; never raises an OSError. SENT means that the file and its name survive a power cut.

    All files are written first and synced then, so that the journal of the file system commits them together, and `new/` is synced once.
    """
    try:
        _make(directory)
        written = [_write(directory, parcel) for parcel in parcels]
        outcomes = [_publish(directory, parcel, fault) for parcel, fault in zip(parcels, written, strict=True)]
        keep_names(directory / "new")
    except OSError as error:
        return [_failed(parcel, error) for parcel in parcels]
    return outcomes


def probe(directory: Path) -> Outcome:
    """Whether letters could be delivered now. Makes the Maildir where there is none. Row and attempt are 0."""
    parcel = Parcel(0, 0, "", "", b"", "probe", float("inf"))
    try:
        _make(directory)
        fault = _write(directory, parcel)
        _temporary(directory, parcel).unlink(missing_ok=True)
    except OSError as error:
        return _failed(parcel, error)
    return Outcome(0, 0, Result.SENT, "maildir", f"letters go to {directory}") if fault is None else _failed(parcel, fault)


def file_name(parcel: Parcel) -> str:
    """The name of a letter's file: the same for each attempt of a row, another for the same row number of another installation."""
    return f"{parcel.row:010d}.{hashlib.sha256(parcel.message_id.encode()).hexdigest()[:16]}.mailgate"


def _make(directory: Path) -> None:
    for folder in _FOLDERS:
        (directory / folder).mkdir(mode=0o700, parents=True, exist_ok=True)


def _temporary(directory: Path, parcel: Parcel) -> Path:
    # With the attempt in it, two holders of one row (the first one's lease ran out) do not write into one file.
    return directory / "tmp" / f"{file_name(parcel)}.{parcel.attempt}"


def _write(directory: Path, parcel: Parcel) -> OSError | None:
    """Write the octets to a file of tmp/, not synced; the error where that did not work."""
    try:
        descriptor = os.open(_temporary(directory, parcel), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(parcel.octets)
    except OSError as error:
        return error
    return None


def _publish(directory: Path, parcel: Parcel, fault: OSError | None) -> Outcome:
    """Sync the file of tmp/ and give it its name in new/, unless the lease ran out, or somebody has the letter and has read it already."""
    temporary, name = _temporary(directory, parcel), file_name(parcel)
    try:
        if fault is not None:
            raise fault
        keep_names(temporary)
        if time.monotonic() >= parcel.deadline:
            temporary.unlink()
            return Outcome(parcel.row, parcel.attempt, Result.LAPSED, "maildir", "the lease ran out before the file had its name")
        if parcel.attempt > 1 and any(found.name.startswith(name) for found in (directory / "cur").iterdir()):
            temporary.unlink()
        else:
            temporary.replace(directory / "new" / name)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        return _failed(parcel, error)
    return Outcome(parcel.row, parcel.attempt, Result.SENT, "maildir", name)


def _failed(parcel: Parcel, error: OSError) -> Outcome:
    result = Result.OURS if isinstance(error, _OURS) else Result.RETRY
    return Outcome(parcel.row, parcel.attempt, result, "maildir", str(error)[:TEXT_CHARACTERS])
