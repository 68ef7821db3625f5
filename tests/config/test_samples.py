"""The sample files say what is true: every key is known, every default is the default, every example works."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from mailgate.config.load import load
from mailgate.config.packaged import packaged
from mailgate.config.reader import File, Table
from mailgate.config.samples import init
from mailgate.config.settings import Settings

DEFAULT = re.compile(r"^#(?=[a-z_]+ *=)", re.MULTILINE)
EXAMPLE = re.compile(r"^#> ", re.MULTILINE)
SAMPLES = ("mailgate.toml", "policy.toml", "people.toml")


def sampled(folder: Path, *uncommented: re.Pattern[str]) -> Settings:
    """The settings of the samples, with the lines of these kinds in force. Later lines win over earlier ones of the same key."""
    config = folder / "config"
    config.mkdir()
    for name in SAMPLES:
        text = (packaged("config") / name).read_text()
        for pattern in uncommented:
            text = pattern.sub("", text)
        (config / name).write_text(_last_of_each_key(text))
    return load(config, {})


def _last_of_each_key(text: str) -> str:
    """Without the earlier of two lines that set one key of one table: an example stands below the default that it replaces."""
    lines = text.splitlines()
    seen: set[str] = set()
    kept = []
    for line in reversed(lines):
        if line.startswith("["):
            seen.clear()
        key = re.match(r"([a-z_]+) *=", line)
        if key and key[1] in seen:
            continue
        seen.update([key[1]] if key else [])
        kept.append(line)
    return "\n".join(reversed(kept))


def placed(got: Settings, where: Settings) -> Settings:
    """The same settings, with the paths of others."""
    return replace(got, root=where.root, machine=where.machine, store=where.store, key_file=where.key_file, relay=where.relay)


def test_the_samples_as_they_are_give_the_built_in_defaults(tmp_path: Path) -> None:
    (tmp_path / "none/config").mkdir(parents=True)
    built_in = load(tmp_path / "none/config", {})
    (tmp_path / "one").mkdir()
    got = sampled(tmp_path / "one")
    assert placed(got, built_in) == built_in


def test_each_default_that_the_samples_show_is_the_default(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    shown, plain = sampled(tmp_path / "a", DEFAULT), sampled(tmp_path / "b")
    assert shown.store.url.removeprefix(f"sqlite:///{shown.root}") == plain.store.url.removeprefix(f"sqlite:///{plain.root}")
    assert shown.key_file.relative_to(shown.root) == plain.key_file.relative_to(plain.root)
    assert shown.relay.directory.relative_to(shown.root) == plain.relay.directory.relative_to(plain.root)
    assert placed(shown, plain) == plain


def test_each_example_of_the_samples_works(tmp_path: Path) -> None:
    for path in ("tls/cert.pem", "tls/key.pem", *(f"secrets/{name}" for name in ("store", "imap", "relay", "m365-client", "m365-refresh"))):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("secret")
        (tmp_path / path).chmod(0o600)
    (tmp_path / "company-holidays.ics").write_text("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261228\nEND:VEVENT\nEND:VCALENDAR\n")
    got = sampled(tmp_path, DEFAULT, EXAMPLE)
    assert got.relay.host == "smtp.example.com"
    assert [account.name for account in got.imap] == ["support", "m365"]
    assert [category.name for category in got.policy.categories] == ["Hardware/Printer", "Access/VPN"]
    assert got.policy.calendars[0].closed == (date(2026, 12, 24), date(2026, 12, 31), date(2026, 12, 28))
    assert got.policy.escalations[0].steps[-1].to == ("manager", "next")
    assert [team.name for team in got.people.teams] == ["First level", "Second level"]


def test_each_key_that_is_read_stands_in_a_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables: list[Table] = []
    real = Table.__init__

    def watched(self: Table, *arguments: object) -> None:
        real(self, *arguments)  # type: ignore[arg-type]
        tables.append(self)

    monkeypatch.setattr(Table, "__init__", watched)
    test_each_example_of_the_samples_works(tmp_path)
    text = "\n".join((packaged("config") / name).read_text() for name in SAMPLES)
    # Commands and days are told as lists in prose; a [[key]] is told in double brackets.
    asked = {key for table in tables if table.keys[-1:] not in (("require",), ("de",)) for key in table.asked}
    asked -= {"password", "client_secret", "refresh_token"}
    assert [key for key in sorted(asked) if not re.search(rf"\b{key}\b", text)] == []


def test_no_line_of_a_sample_is_too_long_to_read() -> None:
    for name in SAMPLES:
        assert max(map(len, (packaged("config") / name).read_text().splitlines())) <= 145


def test_init_writes_what_is_missing_and_touches_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "new/desk"
    written = init(folder)
    assert {folder / "config" / name for name in SAMPLES} <= set(written)
    assert load(folder / "config", {}).root == folder.resolve()
    (folder / "config/policy.toml").write_text("# mine\n")
    (folder / "config/people.toml").unlink()
    assert init(folder) == [folder / "config/people.toml"]
    assert (folder / "config/policy.toml").read_text() == "# mine\n"


def test_the_samples_are_found_in_an_installed_package_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "mailgate"
    shutil.copytree(packaged("config"), package / "_data/config")
    monkeypatch.setattr("mailgate.config.packaged._PACKAGE", package)
    assert packaged("config") == package / "_data/config"


def test_a_table_that_no_file_has_reads_as_an_empty_one() -> None:
    file = File("x.toml")
    assert file.root().table("desk").data == {}
    assert file.finish() == ()
