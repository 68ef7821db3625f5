"""The living tour as somebody sees it who has never heard of the program."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.kit.need import ROOT


def test_the_tour_shows_requester_technician_stranger_and_approver_survives_a_kill_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "TMPDIR": str(tmp_path / "temporary")}
    command = [sys.executable, "-m", "mailgate", "demo"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, stdin=subprocess.DEVNULL, timeout=120)
    told = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b""), told + done.stderr.decode()
    assert re.findall(r"^(\d+)\. ", told, re.MULTILINE) == [str(number) for number in range(1, 11)]
    subjects = re.findall(r"^  >> To: (.*)\n  >> Subject: (.*)$", told, re.MULTILINE)
    assert [subject for to, subject in subjects if "anna@" in to] == [
        "[MG-1] We have received your message",
        "Re: [MG-1] Printer on floor 3",
        "Re: [MG-1] Printer on floor 3",
        "Re: [MG-1] Printer on floor 3",
        "Re: [MG-3] VPN access",
    ]
    assert [subject for to, subject in subjects if "eve@" in to] == ["[MG-2] We have received your message"]
    assert "the daemon is gone; it had just said 250" in told
    assert re.search(r"^MG-1 +Completed .*\nMG-2 +New .*\nMG-3 +New ", told, re.MULTILINE)
    assert "the ledger adds up" in told
    assert [one.name for one in tmp_path.iterdir()] == ["temporary"]
    assert list((tmp_path / "temporary").iterdir()) == []
