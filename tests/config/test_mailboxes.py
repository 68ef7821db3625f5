"""For which desk are the mails of a mailbox? Its user says so, or there is but one."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailgate.config.load import load
from mailgate.desk.errors import Misconfigured

ONE = '[[desk]]\nname = "IT"\naddress = "it@desk.example"\naliases = ["help@desk.example"]\n'
TWO = ONE + '[[desk]]\nname = "HR"\ntag = "HR"\naddress = "hr@desk.example"\n'
BOX = '[[imap]]\nhost = "imap.desk.example"\nuser = "{}"\npassword_file = "secret"\n'


def configured(folder: Path, text: str) -> Path:
    config = folder / "config"
    config.mkdir()
    (config / "mailgate.toml").write_text(text)
    secret = folder / "secret"
    secret.write_text("x")
    secret.chmod(0o600)
    return config


@pytest.mark.parametrize(
    ("desks", "user", "desk"),
    [
        (TWO, "it@desk.example", "IT"), (TWO, "Help@Desk.Example", "IT"), (TWO, "hr@desk.example", "HR"), (ONE, "hr@desk.example", "IT"),
        (ONE, "alice", "IT"), ("", "alice", "Service Desk"),
    ],
)  # fmt: skip
def test_the_user_is_an_address_of_the_desk_or_there_is_but_one(desks: str, user: str, desk: str, tmp_path: Path) -> None:
    (account,) = load(configured(tmp_path, desks + BOX.format(user)), {}).imap
    assert account.desk == desk


@pytest.mark.parametrize("user", ["alice", "it@other.example"])
def test_of_several_desks_none_is_guessed_at(user: str, tmp_path: Path) -> None:
    config = configured(tmp_path, TWO + BOX.format(user))
    with pytest.raises(Misconfigured) as caught:
        load(config, {})
    line = (config / "mailgate.toml").read_text().splitlines().index(f'user = "{user}"') + 1
    (fault,) = caught.value.faults
    assert fault.endswith(
        f'mailgate.toml:{line}: [[imap]] user: "{user}" is the address of no desk, and there are 2; make it an alias of the right one'
    )
