"""The channels get what mailgate.toml says, and a command that opens none does not pay for them."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from mailgate.config import wiring
from mailgate.config.load import load


def test_the_defaults_of_the_channels_are_those_of_the_configuration(tmp_path: Path) -> None:
    settings = load(_config(tmp_path, ""), {})
    assert wiring.smtp_settings(settings) == type(wiring.smtp_settings(settings))()
    assert wiring.relay(settings).directory == tmp_path.resolve() / "var/outbound"
    assert wiring.relay(settings).host == ""


def test_the_password_of_the_relay_reaches_the_courier_and_no_log(tmp_path: Path) -> None:
    config = _config(tmp_path, '[relay]\nhost = "smtp.example.com"\nuser = "u"\n[security]\nlimits = { recipients = 7 }\n')
    settings = load(config, {"MAILGATE_RELAY_PASSWORD": "hunter2"})
    relay = wiring.relay(settings)
    assert (relay.host, relay.port, relay.tls, relay.user, relay.password()) == ("smtp.example.com", 587, "starttls", "u", "hunter2")
    assert "hunter2" not in repr(relay)
    assert wiring.smtp_limits(settings).recipients == 7


def test_a_password_that_is_changed_in_its_file_is_the_next_one_used_and_a_file_that_is_gone_changes_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("wrong\n")
    secret.chmod(0o600)
    config = _config(tmp_path, f'[[imap]]\nhost = "h"\nuser = "u"\npassword_file = "{secret}"\n')
    (account,) = wiring.imap_accounts(load(config, {}), lambda: datetime(2026, 3, 2, tzinfo=UTC))
    assert account.server.password() == "wrong"
    secret.write_text("right\n")
    assert account.server.password() == "right"
    secret.write_text("")
    assert account.server.password() == "right"
    secret.unlink()
    assert account.server.password() == "right"


async def test_a_renewed_refresh_token_goes_into_the_file_that_the_old_one_came_from(tmp_path: Path) -> None:
    secret = tmp_path / "refresh"
    secret.write_text("old\n")
    secret.chmod(0o600)
    config = _config(
        tmp_path,
        '[[imap]]\nhost = "h"\nuser = "u"\n'
        f'oauth2 = {{ token_url = "https://h/token", client_id = "c", refresh_token_file = "{secret}" }}\n',
    )
    (account,) = load(config, {}).imap
    assert account.oauth2 is not None
    assert account.oauth2.refresh_token_file == secret
    grant = wiring.grant(account, account.oauth2, lambda: datetime(2026, 3, 1, tzinfo=UTC))
    grant._ask = lambda: {"access_token": "t", "refresh_token": "new"}  # type: ignore[method-assign]
    assert await grant.access_token() == "t"
    assert secret.read_text() == "new\n"


def test_reading_the_configuration_imports_no_channel() -> None:
    script = "import sys, mailgate.config.load; sys.exit(bool({'asyncio', 'ssl', 'aiosmtpd', 'sqlalchemy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def _config(folder: Path, text: str) -> Path:
    config = folder / "config"
    config.mkdir()
    (config / "mailgate.toml").write_text(text)
    return config
