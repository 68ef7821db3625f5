"""Does a letter get into the Maildir whole, durably, and once?"""

from __future__ import annotations

import mailbox
import os
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from mailgate.channels import maildir_out
from mailgate.channels.smtp_out import Courier, Relay
from mailgate.flow.delivery import Parcel, Result

OCTETS = b"Subject: hello\r\n\r\n.\r\nFrom here\r\nbare\nend"


def parcel(row: int = 1, attempt: int = 1) -> Parcel:
    """A parcel whose lease is good for a minute."""
    return Parcel(row, attempt, "desk@desk.example", "anna@home.example", OCTETS, f"{row}@desk.example", time.monotonic() + 60)


def files(directory: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((directory / "new").iterdir())]


async def test_the_courier_without_a_host_delivers_into_a_maildir_that_others_can_read(tmp_path: Path) -> None:
    directory = tmp_path / "var" / "outbound"
    courier = Courier(Relay(directory=directory))
    outcomes = await courier.deliver([parcel(row) for row in range(5)])
    assert [(outcome.row, outcome.result) for outcome in outcomes] == [(row, Result.SENT) for row in range(5)]
    assert files(directory) == [OCTETS] * 5
    assert len(mailbox.Maildir(directory, create=False)) == 5
    assert list((directory / "tmp").iterdir()) == []
    assert (await courier.probe()).result is Result.SENT
    await courier.close()


def test_each_attempt_of_a_row_ends_in_the_same_file(tmp_path: Path) -> None:
    for attempt in (1, 2, 3):
        assert maildir_out.deliver(tmp_path, [parcel(attempt=attempt)])[0].result is Result.SENT
    assert files(tmp_path) == [OCTETS]


def test_a_letter_that_somebody_has_read_already_does_not_come_again(tmp_path: Path) -> None:
    maildir_out.deliver(tmp_path, [parcel()])
    [path] = (tmp_path / "new").iterdir()
    path.rename(tmp_path / "cur" / f"{path.name}:2,S")
    assert maildir_out.deliver(tmp_path, [parcel(attempt=2)])[0].result is Result.SENT
    assert files(tmp_path) == []
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_same_row_of_another_installation_is_another_file(tmp_path: Path) -> None:
    maildir_out.deliver(tmp_path, [parcel(), replace(parcel(), message_id="1@other.example")])
    assert len(files(tmp_path)) == 2


def test_a_message_id_makes_no_path(tmp_path: Path) -> None:
    maildir_out.deliver(tmp_path, [replace(parcel(), message_id="../../evil\0/")])
    assert len(files(tmp_path)) == 1


def test_a_lease_that_ran_out_leaves_nothing(tmp_path: Path) -> None:
    [outcome] = maildir_out.deliver(tmp_path, [replace(parcel(), deadline=time.monotonic() - 1)])
    assert outcome.result is Result.LAPSED
    assert files(tmp_path) == []
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_folder_that_is_none_is_our_configuration(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for directory in (tmp_path / "file", tmp_path / "file" / "below"):
        assert maildir_out.deliver(directory, [parcel()])[0].result is Result.OURS
        assert maildir_out.probe(directory).result is Result.OURS


def test_one_letter_that_cannot_be_written_costs_the_others_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    true_fsync, calls = os.fsync, []

    def failing_fsync(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        true_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing_fsync)
    outcomes = maildir_out.deliver(tmp_path, [parcel(row) for row in range(3)])
    assert [outcome.result for outcome in outcomes] == [Result.SENT, Result.RETRY, Result.SENT]
    assert "No space left" in outcomes[1].reply
    assert len(files(tmp_path)) == 2
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_folder_that_cannot_be_synced_makes_every_letter_a_retry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    true_sync = maildir_out.keep_names

    def failing_sync(path: Path) -> None:
        if path.name == "new":
            raise OSError(5, "Input/output error")
        true_sync(path)

    monkeypatch.setattr(maildir_out, "keep_names", failing_sync)
    assert {outcome.result for outcome in maildir_out.deliver(tmp_path, [parcel(1), parcel(2)])} == {Result.RETRY}
