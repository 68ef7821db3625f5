"""Do the units say what they should, in words that systemd understands, and do they leave the daemon no more than it needs?"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.kit.need import ROOT, environment, need

UNITS = ROOT / "systemd"
NAMES = ["mailgate.service", "mailgate@.service", "mailgate.socket", "mailgate-lmtp.socket"]

# `systemd-analyze security` counts exposure from 0 to 100. 14 is what a service has that speaks to the network and sets limits for a
# child; the next step up would be a protection dropped.
EXPOSURE = 14


def settings(name: str) -> set[str]:
    """The lines of a unit that set something."""
    return {line for line in (UNITS / name).read_text().splitlines() if re.match(r"[A-Z]\w*=", line)}


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """A copy of the units in which the daemon is a program that exists here, and the template has an instance."""
    for name in NAMES:
        text = (UNITS / name).read_text().replace("/usr/local/bin/mailgate", "/bin/true")
        (tmp_path / name.replace("@.", "@sales.")).write_text(text)
    return tmp_path


def analyze(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program = need("systemd-analyze")
    return subprocess.run(
        [program, *arguments], cwd=folder, env=environment(program), capture_output=True, text=True, timeout=60, check=False
    )


def test_systemd_finds_no_fault_in_any_unit(units: Path) -> None:
    done = analyze("verify", "--man=no", *(f"./{name.replace('@.', '@sales.')}" for name in NAMES), folder=units)
    complaints = [line for line in done.stderr.splitlines() if "mailgate" in line]
    assert (done.returncode, complaints) == (0, []), done.stderr


@pytest.mark.parametrize("name", ["mailgate.service", "mailgate@sales.service"])
def test_a_service_is_left_with_no_more_than_it_needs(units: Path, name: str) -> None:
    done = analyze("security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE}", f"./{name}", folder=units)
    assert done.returncode == 0, done.stdout


def test_bad_configuration_is_not_tried_again() -> None:
    assert {"Restart=on-failure", "RestartPreventExitStatus=64 78"} <= settings("mailgate.service")


def test_the_daemon_has_more_time_to_drain_than_it_takes() -> None:
    assert {"TimeoutStopSec=45", "KillMode=mixed"} <= settings("mailgate.service")


def test_a_parser_child_out_of_memory_does_not_end_the_service() -> None:
    assert "OOMPolicy=continue" in settings("mailgate.service")


def test_each_socket_carries_the_name_by_which_the_daemon_knows_it() -> None:
    assert {"ListenStream=25", "FileDescriptorName=smtp", "Service=mailgate.service"} <= settings("mailgate.socket")
    assert {"FileDescriptorName=lmtp", "Service=mailgate.service"} <= settings("mailgate-lmtp.socket")


def test_a_further_gateway_differs_from_the_first_only_in_its_folder_and_its_name() -> None:
    further = {line.replace("mailgate-%i", "mailgate") for line in settings("mailgate@.service")}
    assert {line.partition("=")[0] for line in further ^ settings("mailgate.service")} == {"Description"}
