"""What is mistyped is answered with one line that says what is wrong, with the exit code of sysexits, and makes nothing."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from mailgate.cli import main
from tests.cli.conftest import Shell
from tests.kit.office import mail

# What was typed, and what is said of it.
USAGE = [
    (["nonsense"], "No such command 'nonsense'. (mailgate --help tells more)"),
    (["--nonsense"], "No such option '--nonsense'. (mailgate --help tells more)"),
    (["run", "--nonsense"], "No such option '--nonsense'. (mailgate run --help tells more)"),
    (["explain"], "Missing argument 'PATH...'. (mailgate explain --help tells more)"),
    (["tickets", "show", "x"], "Invalid value for 'N': 'x' is no ticket; write 7 or MG-7 (mailgate tickets show --help tells more)"),
    (["inbox", "list", "--state", "lost"], "lost is no state; there are received, claimed, held, done, ignored, quarantined"),
    (["check", "--against", "soon"], "Invalid value for '--against': write a duration like \"30d\""),
    (["templates", "preview", "rely"], "no letter and no macro is called rely"),
    (["tickets", "new", "--from", "ann@out.example", "--subject", "Lift", "--desk", "HR"], "no desk is called HR; there are Service Desk"),
]
DATA = [
    (["explain", "lost.eml"], "lost.eml: no such file or folder"),
    (["ingest", "lost.eml"], "lost.eml: no such file or folder"),
    (["people", "import", "lost.csv"], "lost.csv: No such file or directory"),
    (["people", "add", "ann"], "no address that a letter may carry: 'ann'"),
    (["tickets", "new", "--from", "ann", "--subject", "Lift"], "no address that a letter may carry: 'ann'"),
    (["tickets", "show", "7"], "there is no ticket 7"),
    (["templates", "preview", "reply", "--ticket", "MG-7"], "there is no ticket 7"),
]


@pytest.mark.parametrize(("code", "arguments", "said"), [*((64, *one) for one in USAGE), *((65, *one) for one in DATA)])
def test_a_mistake_is_told_in_one_line(shell: Shell, code: int, arguments: list[str], said: str) -> None:
    assert shell(*arguments) == code
    assert shell.err.startswith(f"mailgate: {said}")
    assert len(shell.err.splitlines()) == 1
    assert shell.out == ""


def test_a_group_without_a_command_shows_what_there_is(shell: Shell) -> None:
    assert shell("tickets") == 64
    assert "Open a ticket by phone" in shell.err


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (65, ["ingest", "lost.eml"]),
        (65, ["people", "add", "ann"]),
        (65, ["people", "import", "lost.csv"]),
        (65, ["tickets", "new", "--from", "ann", "--subject", "Lift"]),
        (64, ["tickets", "new", "--from", "ann@out.example", "--subject", "Lift", "--desk", "HR"]),
        (78, ["keys", "rotate"]),
        (78, ["templates", "preview", "reply", "--ticket", "7"]),
    ],
)
def test_a_mistake_in_a_wrong_folder_makes_no_desk_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == code
    assert list(tmp_path.iterdir()) == []


def test_check_says_where_nothing_is_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["check"])
    assert capsys.readouterr().out.startswith("ok     built-in defaults, since there is no config, and templates\n")
    (tmp_path / "config").mkdir()
    main(["check"])
    assert capsys.readouterr().out.startswith("ok     configuration config and templates\n")


def test_a_preview_of_a_broken_letter_says_that_it_shows_the_packaged_one(shell: Shell) -> None:
    (shell.folder / "templates").mkdir()
    letter = shell.folder / "templates/reply.j2"
    letter.write_text('{% extends "base.j2" %}\n{% block subject %}{{ nope }')
    assert shell("templates", "preview", "reply") == 78
    assert shell.out.startswith("Subject: Re: [MG-1042]")
    assert shell.err == f"mailgate: {letter}:2: unexpected '}}'; this is the letter that comes with mailgate\n"


def test_a_macro_that_cannot_be_read_is_a_fault_of_the_configuration(shell: Shell) -> None:
    (shell.folder / "templates/macros").mkdir(parents=True)
    (shell.folder / "templates/macros/which.j2").write_text("{% block text %}{{ nope }")
    assert shell("templates", "preview", "macros/which") == 78
    assert shell.err == "mailgate: macro which: unexpected '}'\n"


def test_who_is_asked_and_says_nothing_erases_nobody(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell("ingest", str(shell.mail(mail())))
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert shell("erase", "ann@out.example") == 130
    assert shell.err.splitlines()[-1] == "mailgate: stopped"
    assert shell.lines("inbox", "list")[0]["sender"] == "Ann Other <ann@out.example>"
