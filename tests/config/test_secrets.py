"""Secrets come from files, the environment or systemd, are refused where others may read them, and are shown to nobody."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from mailgate.config.load import load
from mailgate.config.secrets import Secret
from mailgate.config.settings import Settings
from mailgate.desk.errors import Misconfigured

RELAY = '[relay]\nhost = "smtp.example.com"\nuser = "u"\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "mailgate.toml").write_text(RELAY)
    return folder


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def password(settings: Settings) -> str:
    assert settings.relay.password is not None
    return settings.relay.password.reveal()


def test_a_secret_comes_from_its_file_first_then_the_environment_then_systemd(config: Path, tmp_path: Path) -> None:
    credentials = written(tmp_path / "run/relay-password", "from systemd\n", 0o440).parent
    environ = {"CREDENTIALS_DIRECTORY": str(credentials)}
    assert password(load(config, environ)) == "from systemd"
    environ["MAILGATE_RELAY_PASSWORD"] = "from the environment"
    assert password(load(config, environ)) == "from the environment"
    written(tmp_path / "secrets/relay", "from its file\r\n")
    (config / "mailgate.toml").write_text(RELAY + 'password_file = "secrets/relay"\n')
    assert password(load(config, environ)) == "from its file"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604])
def test_a_secret_file_that_others_may_read_is_refused(config: Path, tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "relay", "hunter2", mode)
    (config / "mailgate.toml").write_text(RELAY + 'password_file = "relay"\n')
    with pytest.raises(Misconfigured) as caught:
        load(config, {})
    assert caught.value.faults == (
        f"{config}/mailgate.toml:4: [relay] password_file: {path} may be read by others than its owner (mode {mode:04o}); chmod 600 it",
    )


def test_a_credential_of_systemd_is_taken_whatever_its_mode(config: Path, tmp_path: Path) -> None:
    path = written(tmp_path / "run/any-name", "secret", 0o444)
    (config / "mailgate.toml").write_text(RELAY + f'password_file = "{path}"\n')
    assert password(load(config, {"CREDENTIALS_DIRECTORY": str(path.parent)})) == "secret"


@pytest.mark.parametrize("text", ["[desk]\n", '[keys]\nfile = "var/key"\n'])
def test_a_key_that_others_may_read_is_refused(config: Path, tmp_path: Path, text: str) -> None:
    written(tmp_path / "var/key", "key", 0o644)
    (config / "mailgate.toml").write_text(text)
    with pytest.raises(Misconfigured, match=r"\[keys\] file: .*/var/key may be read by others"):
        load(config, {})


def test_the_key_may_be_a_credential_of_systemd(config: Path, tmp_path: Path) -> None:
    (config / "mailgate.toml").write_text("")
    key = written(tmp_path / "run/key", "key", 0o444)
    assert load(config, {"CREDENTIALS_DIRECTORY": str(key.parent)}).key_file == key


@pytest.mark.parametrize(
    ("octets", "said"),
    [(b"", "is empty"), (b"\n", "is empty"), (b"\xff\xfe", "is not UTF-8"), (b"x" * 70_000, "is too large for a secret")],
)
def test_a_file_that_holds_no_secret_is_refused(config: Path, tmp_path: Path, octets: bytes, said: str) -> None:
    written(tmp_path / "relay", "").write_bytes(octets)
    (config / "mailgate.toml").write_text(RELAY + 'password_file = "relay"\n')
    with pytest.raises(Misconfigured, match=said):
        load(config, {})


def test_the_name_of_a_mailbox_stands_in_the_names_of_its_secrets(config: Path) -> None:
    (config / "mailgate.toml").write_text('[[imap]]\nname = "It Desk@home"\nhost = "h"\nuser = "u"\n')
    (account,) = load(config, {"MAILGATE_IMAP_IT_DESK_HOME_PASSWORD": "x"}).imap
    assert account.password == Secret("x")


def test_settings_show_no_secret(config: Path) -> None:
    settings = load(config, {"MAILGATE_RELAY_PASSWORD": "hunter2"})
    assert password(settings) == "hunter2"
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in f"{settings.relay.password} {settings.relay.password!r}"
    assert password(pickle.loads(pickle.dumps(settings))) == "hunter2"


def test_who_is_not_the_daemon_misses_no_secret_of_its_and_reads_none(config: Path, tmp_path: Path) -> None:
    hidden = written(tmp_path / "relay", "hunter2", 0o644)
    (config / "mailgate.toml").write_text(
        f'{RELAY}password_file = "{hidden}"\n'
        '[[imap]]\nhost = "h"\nuser = "plain"\n'
        '[[imap]]\nhost = "h"\nuser = "modern"\noauth2 = { token_url = "https://h/token", client_id = "c" }\n'
    )
    with pytest.raises(Misconfigured) as caught:
        load(config, {})
    assert len(caught.value.faults) == 3
    settings = load(config, {"MAILGATE_IMAP_PLAIN_PASSWORD": "x"}, whole=False)
    assert (settings.relay.user, settings.relay.password) == ("u", None)
    assert [account.password for account in settings.imap] == [None, None]


def test_the_password_of_the_database_is_everybodys(config: Path) -> None:
    (config / "mailgate.toml").write_text('[store]\nurl = "postgresql+psycopg://desk@h/desk"\n')
    assert load(config, {"MAILGATE_STORE_PASSWORD": "x"}, whole=False).store.password == Secret("x")


def test_a_secret_in_the_configuration_is_refused_whoever_reads_it(config: Path) -> None:
    (config / "mailgate.toml").write_text(RELAY + 'password = "hunter2"\n')
    with pytest.raises(Misconfigured, match="a secret does not stand here"):
        load(config, {}, whole=False)
