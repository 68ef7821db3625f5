"""Is the real thing here? Finds programs, in the system or unpacked by tests/run, and skips the test where one is missing.

Where CI=true nothing may be missing: there the test fails instead. Nothing is installed from here; tests/run does that.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Where tests/run unpacks the servers that it does not want to install into the system.
UNPACKED = ROOT / ".servers"


@dataclass(frozen=True, slots=True)
class Program:
    """A program that a test may need: Debian's package, and the places below / where it may stand (globs, newest version last)."""

    package: str
    places: tuple[str, ...]


PROGRAMS = {
    "postgres": Program("postgresql", ("usr/lib/postgresql/*/bin/postgres", "usr/pgsql-*/bin/postgres")),
    "postfix": Program("postfix", ("usr/lib/postfix/sbin/master", "usr/libexec/postfix/master")),
    "dovecot": Program("dovecot-imapd", ("usr/sbin/dovecot",)),
    # The shell is Chromium without its windows, which take half of the time of a browser that nobody looks at.
    "chromium": Program(
        "chromium-headless-shell",
        (
            "usr/lib/chromium/chromium-headless-shell",
            "usr/lib/chromium/chromium",
            "usr/bin/chromium",
            "usr/lib64/chromium-browser/chromium-browser",
        ),
    ),
    "strace": Program("strace", ("usr/bin/strace",)),
    "swaks": Program("swaks", ("usr/bin/swaks",)),
    "systemd-analyze": Program("systemd", ("usr/bin/systemd-analyze",)),
}


def find(name: str) -> Path | None:
    """Where the program of this name in PROGRAMS stands, first places first, the system's before an unpacked one, or None."""
    for place in PROGRAMS[name].places:
        for top in (Path("/"), UNPACKED):
            found = sorted(top.glob(place))
            if found:
                return found[-1]
    return None


def need(name: str) -> Path:
    """The path of a program; skips the calling test where it is missing, saying what installs it, and fails it under CI=true."""
    path = find(name)
    if path is None:
        missing(f"no {name} here: run tests/run, or `apt-get install {PROGRAMS[name].package}`")
    return path


def need_root(why: str) -> None:
    """Skips the calling test unless it runs as root, which `why` calls for; fails it under CI=true."""
    if os.geteuid() != 0:
        missing(f"{why} needs root: run the tests as root, in a container or on a machine of their own")


def missing(reason: str) -> NoReturn:
    """Skips the calling test with this reason, and fails it under CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def environment(program: Path) -> dict[str, str]:
    """The environment to start a found program with: an unpacked one is told where its libraries lie."""
    env = dict(os.environ)
    if program.is_relative_to(UNPACKED):
        folders = [path.parent for pattern in ("usr/lib/**/*.so*", "lib/**/*.so*") for path in UNPACKED.glob(pattern)]
        env["LD_LIBRARY_PATH"] = ":".join(dict.fromkeys(str(folder) for folder in folders))
    return env
