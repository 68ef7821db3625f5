"""What people do at the shell, command by command, with its exit codes (sysexits)."""

from __future__ import annotations

import re
import socket
import sqlite3
import stat
from datetime import date, timedelta
from pathlib import Path

import pytest

from mailgate.cli import main
from mailgate.config.load import load
from mailgate.config.opening import open_store
from mailgate.desk.clock import Step
from mailgate.desk.model import Address, TicketId
from mailgate.desk.notices import Notice
from mailgate.store import notices
from tests.cli.conftest import Shell
from tests.kit.office import START, mail

TICKET_KEYS = {
    "id", "tag", "subject", "desk", "source", "type", "state", "status", "priority", "impact", "urgency", "category", "service", "tags",
    "team", "assignee", "requester", "organisation", "participants", "parent", "children", "links", "merged_into", "resolution",
    "closure", "csat", "approvals", "due", "time_spent", "sla", "created", "updated",
}  # fmt: skip
EXPLAIN_KEYS = {
    "source", "message_id", "from", "reply_to", "to", "cc", "subject", "date", "in_reply_to", "references", "text", "html", "reply_text",
    "attachments", "kind", "is_auto", "is_bounce", "bounce", "ticket_ref", "commands", "strength", "defects", "decision", "trail",
}  # fmt: skip


def test_a_mail_that_is_ingested_becomes_a_ticket_that_is_listed_and_shown(shell: Shell) -> None:
    assert shell("ingest", str(shell.mail(mail(subject="The lift is stuck")))) == 0
    assert shell.out == "1 mail taken in\n"
    shell.work()
    (listed,) = shell.lines("tickets", "list")
    assert set(listed) == TICKET_KEYS
    assert (listed["tag"], listed["subject"], listed["state"], listed["status"]) == ("MG-1", "The lift is stuck", "Open", "New")
    shown = shell.json("tickets", "show", "1")
    assert set(shown) == TICKET_KEYS | {"messages", "events", "timers", "letters", "suspected", "notices"}
    letter = shown["letters"][0]
    assert (letter["letter"], letter["to"], letter["why"], letter["cause"]) == ("acknowledgement", "ann@out.example", "open", "inbox:1")
    assert [event["verb"] for event in shown["events"]] == ["open"]
    assert shown["messages"][0]["text"].startswith("The printer on floor 3")
    assert shell("tickets", "show", "1") == 0
    assert "ann@out.example: open" in shell.out
    assert "letter acknowledgement to ann@out.example, queued, for: open  <inbox:1>" in shell.out


def test_a_letter_is_shown_by_its_row_for_reading_and_octet_for_octet(shell: Shell) -> None:
    shell("ingest", str(shell.mail(mail())))
    shell.work()
    assert shell("outbox", "show", "1") == 0
    assert shell.out.startswith("outbox 1: acknowledgement to ann@out.example, queued after 0 tries\nDate: ")
    read = shell.out.partition("\n")[2]
    assert shell("outbox", "show", "1", "--raw") == 0
    assert shell.out.replace("\r\n", "\n").rstrip() == read.rstrip()
    assert shell.json("outbox", "show", "1")["state"] == "queued"
    assert shell("outbox", "show", "99") == 65
    assert shell.err == "mailgate: there is no outbox row 99\n"


def test_the_same_mail_ingested_twice_is_counted_and_has_one_effect(shell: Shell) -> None:
    path = str(shell.mail(mail()))
    shell("ingest", path)
    shell("ingest", path)
    assert shell.out == "1 mail taken in, 1 of them known already\n"
    shell.work()
    assert len(shell.lines("tickets", "list")) == 1


def test_standard_input_is_a_pipe_transport(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        class buffer:
            @staticmethod
            def read() -> bytes:
                return mail()

    monkeypatch.setattr("sys.stdin", Stdin)
    assert shell("ingest", "--envelope-from", "ann@out.example", "--envelope-to", "desk@desk.example", "-") == 0
    assert shell.lines("inbox", "list")[0]["to"] == ["desk@desk.example"]


def test_an_mbox_and_a_maildir_are_ingested_mail_by_mail(shell: Shell) -> None:
    one, two = mail(text="first\n\nFrom here on it goes wrong."), mail(text="second")
    box = shell.folder / "all.mbox"
    quoted = one.replace(b"\r\nFrom here", b"\r\n>From here")
    box.write_bytes(b"From ann Mon Mar  2 09:00:00 2026\n" + quoted + b"\nFrom ann Mon Mar  2 09:00:01 2026\n" + two)
    maildir = shell.folder / "Maildir"
    for part in ("new", "cur", "tmp"):
        (maildir / part).mkdir(parents=True)
    (maildir / "new/1").write_bytes(mail(text="third"))
    (maildir / "tmp/2").write_bytes(b"half a ma")
    assert shell("ingest", str(box), str(maildir)) == 0
    assert shell.out == "3 mails taken in\n"
    shell.work()
    assert "From here on" in shell.json("tickets", "show", "1")["messages"][0]["text"]


def test_in_a_folder_only_what_looks_like_a_mail_is_taken_and_the_rest_is_named(shell: Shell) -> None:
    folder = shell.folder / "mails"
    (folder / "old").mkdir(parents=True)
    one = mail(text="first")
    (folder / "1.EML").write_bytes(b"nothing but words")
    (folder / "2").write_bytes(one)
    (folder / "old/3.txt").write_bytes(b"From ann Mon Mar  2 09:00:00 2026\n" + one + b"\nFrom ann Mon Mar  2 09:00:01 2026\n" + one)
    (folder / ".4.eml").write_bytes(one)
    (folder / "notes.txt").write_text("Buy milk.\nFrom: the shop\n")
    (folder / "old/todo\x1b.md").write_text("Note: buy milk.\n\nFrom: the shop\n")
    (folder / "lost.eml").symlink_to(folder / "nowhere")
    assert shell("ingest", str(folder)) == 0
    assert shell.out.startswith("4 mails taken in")
    assert shell.err == "passed over: lost.eml, notes.txt, old/todo.md\n"
    told = shell.lines("explain", str(folder))
    assert [one["source"] for one in told] == ["1.EML", "2", "3.txt#1", "3.txt#2"]
    assert shell.err == "passed over: lost.eml, notes.txt, old/todo.md\n"
    assert shell("ingest", str(folder / "notes.txt"), str(folder / ".4.eml")) == 0
    assert (shell.out.split(",")[0].strip(), shell.err) == ("2 mails taken in", "")


def test_of_many_files_that_are_no_mails_only_some_are_named(shell: Shell) -> None:
    folder = shell.folder / "pictures"
    folder.mkdir()
    for number in range(13):
        (folder / f"{number:02}.jpg").write_bytes(b"\xff\xd8")
    assert shell("ingest", str(folder)) == 0
    assert shell.out == "0 mails taken in\n"
    assert shell.err.endswith("08.jpg, 09.jpg and 3 more\n")
    assert len(shell.err.splitlines()) == 1


def test_a_path_that_is_not_there_is_a_data_error(shell: Shell) -> None:
    assert shell("ingest", str(shell.folder / "nothing.eml")) == 65
    assert "no such file" in shell.err


def test_explain_prints_every_key_and_changes_nothing(shell: Shell) -> None:
    path = shell.mail(mail(subject="The lift is stuck"))
    (told,) = shell.lines("explain", str(path))
    assert set(told) == EXPLAIN_KEYS
    assert told["source"] == "one.eml"
    assert told["from"] == {"name": "Ann Other", "address": "ann@out.example"}
    assert told["decision"]["outcome"] == "opened"
    assert [letter["name"] for letter in told["decision"]["letters"]] == ["acknowledgement", "new_ticket"]
    assert {"step": "clue", "finding": "none", "because": ""} in told["trail"]
    assert not (shell.folder / "var").exists()


HOPELESS = [b"", b"\x00" * 100, b"no header at all", b"From: \xff\xfe\r\n\r\n\xff", b"Content-Type: multipart/mixed\r\n" * 1200]


@pytest.mark.parametrize("raw", HOPELESS)
def test_explain_never_fails_on_a_mail(shell: Shell, raw: bytes) -> None:
    (told,) = shell.lines("explain", str(shell.mail(raw)))
    assert set(told) == EXPLAIN_KEYS


def test_a_technicians_command_works_from_the_shell(shell: Shell) -> None:
    shell("tickets", "new", "--from", "bob@out.example", "--subject", "Phone is dead", "--text", "No tone.")
    assert shell.out == "MG-1\n"
    assert shell("tickets", "command", "1", "#assign tina\n#start") == 0
    shown = shell.json("tickets", "show", "1")
    assert (shown["assignee"], shown["status"], shown["source"]) == ("tina@desk.example", "Analysis", "phone")
    assert shell("tickets", "command", "1", "#resove It works.") == 65
    assert "unknown-verb" in shell.out
    assert "#resolve" in shell.out
    assert shell("tickets", "command", "99", "#take") == 65


def test_the_audit_is_clean_and_says_so_in_json(shell: Shell) -> None:
    shell("ingest", str(shell.mail(mail())))
    found = shell.json("audit")
    assert found["ok"] is True
    assert found["violations"] == []
    assert found["counts"]["accepted"] == found["counts"]["pending"] == 1
    assert set(found["counts"]["outbox"]) == {"queued", "sent", "deferred", "failed", "bounced", "suppressed", "cancelled"}


def test_the_audit_exits_1_and_names_the_row_when_the_ledger_is_broken(shell: Shell) -> None:
    shell("ingest", str(shell.mail(mail())))
    with sqlite3.connect(shell.folder / "var/mailgate.db") as database:
        database.execute("UPDATE inbox SET state = 'lost'")
    assert shell("audit") == 1
    assert "VIOLATION I4 inbox:1" in shell.out


def test_a_held_mail_is_shown_with_its_reason_and_can_be_released_or_dropped(shell: Shell) -> None:
    forged = mail().replace(b"From: ", b"From: Boss <boss@desk.example>\r\nFrom: ", 1)
    shell("ingest", str(shell.mail(forged)), str(shell.mail(forged.replace(b"<m", b"<n"), "two.eml")))
    shell.work()
    assert [(row["state"], row["reason"]) for row in shell.lines("inbox", "list")] == [("held", "spoofed")] * 2
    assert shell("inbox", "release", "1") == 0
    assert shell("inbox", "drop", "2") == 0
    shell.work()
    assert [row["state"] for row in shell.lines("inbox", "list", "--all")] == ["done", "ignored"]
    assert shell("inbox", "drop", "2") == 65
    assert shell("inbox", "show", "1") == 0
    assert "ordered    release" in shell.out
    assert [(one["verb"], one["actor"]) for one in shell.json("inbox", "show", "2")["orders"]] == [("drop", "operator")]


def test_senders_are_blocked_seen_and_heard_again(shell: Shell) -> None:
    assert shell("inbox", "block", "Eve@Out.Example", "bad.example") == 0
    assert [(row["sender"], row["by"], row["count"]) for row in shell.lines("inbox", "blocked")] == [
        ("@bad.example", "operator", 0), ("eve@out.example", "operator", 0),
    ]  # fmt: skip
    shell("ingest", str(shell.mail(mail().replace(b"ann@out.example", b"eve@out.example"))))
    shell.work()
    assert [(row["state"], row["reason"]) for row in shell.lines("inbox", "list", "--all")] == [("ignored", "blocked-sender")]
    assert shell("inbox", "blocked") == 0
    assert "eve@out.example" in shell.out
    assert shell("inbox", "block", "tina@desk.example") == 65
    assert shell("inbox", "block", "nobody") == 64
    assert shell("inbox", "unblock", "eve@out.example", "bad.example") == 0
    assert shell("inbox", "unblock", "eve@out.example") == 65
    assert shell("inbox", "blocked") == 0
    assert "nobody is blocked" in shell.out


def test_people_are_added_imported_and_listed_and_the_file_wins(shell: Shell) -> None:
    sheet = shell.folder / "people.csv"
    sheet.write_text(
        "address,name,role,aliases\nBob@Out.Example,Bob,requester,b@out.example robert@out.example\ntina@desk.example,Other,manager,\n"
    )
    assert shell("people", "import", str(sheet)) == 0
    assert shell("people", "add", "maria@desk.example", "--role", "technician", "--team", "first") == 0
    found = {one["address"]: one for one in shell.lines("people", "list")}
    assert found["bob@out.example"]["aliases"] == ["b@out.example", "robert@out.example"]
    assert found["tina@desk.example"]["role"] == "technician"
    assert found["maria@desk.example"]["team"] == "first"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("name\nBob\n", [1]),
        ("address,nmae\nb@x.example,Bob\n", [1]),
        ("address,role\nb@x.example,boss\n", [2]),
        ("address\nnobody\nb@x.example\nb@x.example,Bob\n@\n", [2, 4, 5]),
        ("address,name,address\nb@x.example,Bob,c@x.example\n", [1]),
        ("address,team\nb@x.example,first\nc@x.example,frist\n", [3]),
        ("address,language,timezone\nb@x.example,,Mars/Base\nc@x.example,Deutsch,\nd@x.example,de,Europe/Berlin\n", [2, 3]),
        ("address,language,timezone\nb@x.example,Deutsch,Mars/Base\n", [2, 2]),
        ("address,aliases\nb@x.example,c@x.example\nB@X.example,\nd@x.example,c@x.example\nc@x.example,\n", [3, 4, 5]),
        ("address,aliases\nb@x.example,c@x.example c@x.example\n", [2]),
        (f"address,name\nb@x.example,{'x' * 140_000}\n", [2]),
    ],
)
def test_all_bad_lines_of_people_are_told_with_their_places_and_nothing_is_imported(shell: Shell, text: str, lines: list[int]) -> None:
    sheet = shell.folder / "people.csv"
    sheet.write_text(text)
    assert shell("people", "import", str(sheet)) == 65
    assert [int(line.split(":")[2]) for line in shell.err.splitlines()] == lines
    assert [one["address"] for one in shell.lines("people", "list")] == ["tina@desk.example"]


@pytest.mark.parametrize(("encoding", "line"), [("latin-1", 3), ("utf-16", 1)])
def test_people_in_another_encoding_than_utf_8_are_refused_with_the_line(shell: Shell, encoding: str, line: int) -> None:
    sheet = shell.folder / "people.csv"
    sheet.write_bytes("address,name\nb@x.example,Bob\nj@x.example,Jörg\n".encode(encoding))
    assert shell("people", "import", str(sheet)) == 65
    assert shell.err == f"mailgate: {sheet}:{line}: this is not UTF-8\n"
    assert [one["address"] for one in shell.lines("people", "list")] == ["tina@desk.example"]


def test_the_columns_of_people_may_be_separated_by_semicolons(shell: Shell) -> None:
    sheet = shell.folder / "people.csv"
    sheet.write_bytes('\ufeffAddress;Name;Aliases\r\nb@x.example;"Bauer, Jörg";"j@x.example;k@x.example"\r\n'.encode())
    assert shell("people", "import", str(sheet)) == 0, shell.err
    (found,) = (one for one in shell.lines("people", "list") if one["address"] == "b@x.example")
    assert (found["name"], found["aliases"]) == ("Bauer, Jörg", ["j@x.example", "k@x.example"])


def test_somebody_of_a_team_that_is_not_there_is_not_added(shell: Shell) -> None:
    assert shell("people", "add", "maria@desk.example", "--team", "frist") == 65
    assert 'team: unknown team "frist"; did you mean "first"?' in shell.err


def test_check_says_what_works_and_exits_78_with_the_place_of_a_fault(shell: Shell) -> None:
    assert shell("check") == 0
    (shell.folder / "config/mailgate.toml").write_text("[desk]\nadress = 'x@y.example'\n")
    assert shell("check") == 78
    assert "mailgate.toml:2" in shell.out
    assert "address" in shell.out


def test_check_exits_69_where_the_relay_is_not_there(shell: Shell) -> None:
    with (shell.folder / "config/mailgate.toml").open("a") as file:
        file.write('[relay]\nhost = "127.0.0.1"\nport = 9\ntls = "none"\n')
    assert shell("check") == 69


def test_a_broken_template_is_found_with_its_line(shell: Shell) -> None:
    (shell.folder / "templates").mkdir()
    (shell.folder / "templates/closed.j2").write_text('{% extends "base.j2" %}\n{% block text %}{{ ticket.sbject }}{% endblock %}\n')
    assert shell("templates", "check") == 78
    assert "closed.j2:2" in shell.out
    assert shell("run") == 78


def test_every_letter_can_be_previewed_in_both_languages(shell: Shell) -> None:
    assert shell("templates", "list") == 0
    for name in [line.split()[0] for line in shell.out.splitlines()[1:] if not line.startswith("macros/")]:
        for language in ("en", "de"):
            assert shell("templates", "preview", name, "--lang", language) == 0
            assert shell.out.startswith("Subject: ")
    assert shell("templates", "preview", "acknowledgemnt") == 64


def test_a_letter_is_previewed_about_a_ticket_with_what_was_said_there_last(shell: Shell) -> None:
    shell("tickets", "new", "--from", "bob@out.example", "--subject", "Phone is dead", "--text", "It says nothing.")
    assert shell("templates", "preview", "new_ticket", "--ticket", "1") == 0
    assert "It says nothing." in shell.out
    shell("tickets", "command", "1", "resolve: Plug it in again.", "--as", "tina@desk.example")
    assert shell("templates", "preview", "resolved", "--ticket", "1", "--lang", "de") == 0
    assert "Plug it in again." in shell.out
    assert shell("templates", "preview", "resolved", "--ticket", "7") == 65


def test_macros_are_listed_previewed_checked_and_sent_from_the_shell(shell: Shell) -> None:
    (shell.folder / "templates/macros").mkdir(parents=True)
    own = shell.folder / "templates/macros/ordered.j2"
    own.write_text(
        "{% block commands %}\n#vendor\n#time 5m\n{% endblock %}{% block text %}A part for {{ ticket.tag }} is ordered.{% endblock %}\n"
    )
    assert shell("templates", "check") == 78
    assert f"{own}:2: #vendor: unknown verb" in shell.out
    (shell.folder / "config/policy.toml").write_text('[[status]]\nname = "Waiting for Vendor"\nstate = "On Hold"\nverb = "vendor"\n')
    assert shell("templates", "check") == 0
    assert shell("templates", "list") == 0
    rows = [line.split()[:3] for line in shell.out.splitlines()]
    assert ["macros/which-device", "de", "en"] in rows
    assert any(row[0] == "macros/ordered" for row in rows)
    for name in ("which-device", "macros/which-device"):
        assert shell("templates", "preview", name, "--lang", "de") == 0
        assert shell.out.startswith("#pending\n\nGuten Tag Anna Weber,")
    shell("tickets", "new", "--from", "bob@out.example", "--name", "Bob", "--subject", "Phone is dead")
    assert shell("templates", "preview", "ordered", "--ticket", "1") == 0
    assert shell.out == "#vendor\n#time 5m\n\nA part for MG-1 is ordered.\n"
    assert shell("tickets", "command", "1", "#macro orderd", "--as", "tina@desk.example") == 65
    assert "would work: #macro ordered" in shell.out
    assert shell("tickets", "command", "1", "#macro ordered\n#due in 2h", "--as", "tina@desk.example") == 0
    assert shell.out.endswith("MG-1 is Waiting for Vendor\n")
    shown = shell.json("tickets", "show", "1")
    assert (shown["status"], shown["state"], shown["time_spent"], shown["due"] is not None) == ("Waiting for Vendor", "On Hold", 5, True)
    assert [one["id"] for one in shell.lines("tickets", "list", "--status", "waiting for vendor")] == [1]
    assert shell.lines("tickets", "list", "--status", "pending") == []
    assert shell("tickets", "list", "--status", "Waiting for Godot") == 64
    assert shell("tickets", "show", "1") == 0
    assert "5 minutes spent" in shell.out


def test_init_writes_files_that_check_accepts_and_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path)]) == 0
    assert main(["--config", str(tmp_path / "config"), "check"]) == 0
    assert stat.S_IMODE((tmp_path / "var/key").stat().st_mode) == 0o600
    own = tmp_path / "config/policy.toml"
    own.write_text("# mine\n")
    capsys.readouterr()
    assert main(["init", str(tmp_path)]) == 0
    assert own.read_text() == "# mine\n"
    assert "wrote" not in capsys.readouterr().out


def test_rotated_keys_keep_the_one_before(shell: Shell) -> None:
    shell("tickets", "new", "--from", "bob@out.example", "--subject", "Phone is dead")
    first = (shell.folder / "var/key").read_text()
    assert shell("keys", "rotate") == 0
    assert (shell.folder / "var/key").read_text().splitlines()[1] == first.strip()


def test_a_backup_is_private_and_holds_letters_until_resume(shell: Shell) -> None:
    shell("tickets", "new", "--from", "bob@out.example", "--subject", "Phone is dead")
    copy = shell.folder / "copy.db"
    assert shell("backup", str(copy)) == 0
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert shell("backup", str(copy)) == 65
    copy.replace(shell.folder / "var/mailgate.db")
    assert shell("resume") == 0
    assert "restored from the backup" in shell.out
    assert shell("resume") == 0
    assert shell.out == "nothing is held\n"


def test_an_erased_person_is_in_no_file_any_more(shell: Shell) -> None:
    shell("ingest", str(shell.mail(mail(sender="secret.person@out.example"))))
    shell.work()
    (shell.folder / "one.eml").unlink()
    assert shell("erase", "secret.person@out.example", "--yes") == 0
    assert shell.out.endswith(f"Copies in {shell.folder / 'var/outbound'}, like all mail that has left, are not reached.\n")
    found = [path for path in shell.folder.rglob("*") if path.is_file() and b"secret.person@out" in path.read_bytes()]
    assert found == []
    assert shell("audit") == 0


def test_where_letters_go_to_a_relay_erase_speaks_of_no_folder(shell: Shell) -> None:
    shell("ingest", str(shell.mail(mail(sender="secret.person@out.example"))))
    with (shell.folder / "config/mailgate.toml").open("a") as file:
        file.write('[relay]\nhost = "smtp.example.com"\n')
    assert shell("erase", "secret.person@out.example", "--yes") == 0, shell.err
    assert "Copies" not in shell.out


@pytest.mark.parametrize("arguments", [["nonsense"], ["run", "--nonsense"], ["tickets", "show"], ["inbox", "list", "--state", "lost"]])
def test_what_cannot_be_understood_is_a_usage_error(shell: Shell, arguments: list[str]) -> None:
    assert shell(*arguments) == 64


def test_in_a_folder_without_a_desk_nothing_is_made_and_nothing_looks_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["tickets", "list"]) == 78
    assert "there is no desk" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_ticket_is_named_by_its_number_or_by_its_tag(shell: Shell) -> None:
    shell("tickets", "new", "--from", "bob@out.example", "--subject", "Phone is dead")
    assert shell("tickets", "show", "MG-1") == shell("tickets", "show", "1") == 0
    assert shell("tickets", "show", "one") == 64


def test_nothing_starts_with_a_calendar_whose_file_is_broken(shell: Shell) -> None:
    (shell.folder / "config/policy.toml").write_text('[[calendar]]\nname = "office"\nical = "holidays.ics"\n')
    assert shell("run") == 78
    assert "policy.toml:3: [[calendar]] ical: " in shell.err
    assert "holidays.ics: No such file or directory" in shell.err
    event = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:{}\nRRULE:FREQ=YEARLY\nEND:VEVENT\nEND:VCALENDAR\n"
    (shell.folder / "holidays.ics").write_text(event.format("20261324"))
    for command in ("run", "check"):
        assert shell(command) == 78
        assert "holidays.ics:2: DTSTART: Wrong date format 20261324" in shell.out + shell.err
    (shell.folder / "holidays.ics").write_text(event.format("20261224"))
    assert shell("check") == 0


def test_a_configuration_that_is_not_there_is_a_configuration_error(tmp_path: Path) -> None:
    assert main(["--config", str(tmp_path / "nowhere"), "tickets", "list"]) == 78


RELAY = '[relay]\nhost = "smtp.example.com"\nuser = "desk"\n'


@pytest.mark.parametrize("secret", ["", 'password_file = "/run/credentials/mailgate.service/relay-password"\n'])
def test_a_secret_that_only_the_daemon_has_is_missed_by_nobody_else(shell: Shell, monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    monkeypatch.delenv("MAILGATE_RELAY_PASSWORD", raising=False)
    with (shell.folder / "config/mailgate.toml").open("a") as file:
        file.write(RELAY + secret)
    assert shell("tickets", "new", "--from", "bob@out.example", "--subject", "Phone is dead") == 0, shell.err
    for reading in (["tickets", "list"], ["inbox", "list"], ["outbox", "list"], ["audit"], ["explain", str(shell.mail(mail()))]):
        assert shell(*reading) == 0, shell.err
    assert shell("check") == 78
    assert "password_file" in shell.out
    assert shell("run") == 78
    assert "password_file" in shell.err


def test_whoever_only_reads_needs_no_key_and_makes_none(shell: Shell) -> None:
    shell("tickets", "new", "--from", "bob@out.example", "--subject", "Phone is dead")
    key = shell.folder / "var/key"
    key.unlink()
    for reading in (["tickets", "list"], ["tickets", "show", "1"], ["inbox", "list"], ["outbox", "list"], ["people", "list"], ["audit"]):
        assert shell(*reading) == 0, shell.err
    assert not key.exists()


def test_a_secret_in_the_configuration_itself_is_refused_by_every_command(shell: Shell) -> None:
    with (shell.folder / "config/mailgate.toml").open("a") as file:
        file.write(RELAY + 'password = "hunter2"\n')
    assert shell("tickets", "list") == 78
    assert "a secret does not stand here" in shell.err


def test_of_two_ports_that_are_taken_both_are_named(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as smtp, socket.create_server(("127.0.0.1", 0)) as web:
        ports = {"smtp": smtp.getsockname()[1], "web": web.getsockname()[1]}
        with (shell.folder / "config/mailgate.toml").open("a") as file:
            file.writelines(f"[{name}]\nport = {port}\n" for name, port in ports.items())
        lines = len((shell.folder / "config/mailgate.toml").read_text().splitlines())
        assert shell("run") == 78
        for name, port in ports.items():
            assert f"[{name}] port: cannot listen on 127.0.0.1:{port}: Address already in use" in shell.err
        assert f"mailgate.toml:{lines}: [web]" in shell.err
        # A daemon of this very desk may be what has them, so that it is no fault of the configuration.
        assert shell("check") == 0
        for port in ports.values():
            assert f"cannot listen on 127.0.0.1:{port}" in shell.out


def test_a_ticket_tells_when_its_ladder_ends(shell: Shell) -> None:
    (shell.folder / "config/policy.toml").write_text('[autoclose]\nremind = ["1d"]\nwarn = "2d"\nafter = "3d"\n')
    shell("tickets", "new", "--from", "bob@out.example", "--subject", "Phone is dead")
    assert shell("tickets", "show", "1") == 0
    assert "if nobody answers" not in shell.out
    assert shell("tickets", "command", "1", "#resolve It works.") == 0, shell.out
    assert shell("tickets", "show", "1") == 0
    clock = r"(\d{4}-\d\d-\d\d) (\d\d:\d\d)"
    told = re.search(rf"next: autoclose at {clock}\ncloses by itself at {clock}, if nobody answers\n", shell.out)
    assert told is not None, shell.out
    assert (date.fromisoformat(told[3]) - date.fromisoformat(told[1])).days == 2


def test_a_ticket_tells_who_hears_of_its_clocks_and_when(shell: Shell) -> None:
    shell("tickets", "new", "--from", "bob@out.example", "--subject", "Phone is dead")
    notice = Notice("Service Desk", Address("tina@desk.example"), TicketId(1), "resolution", 1, Step(100, timedelta(hours=2)))
    store = open_store(load(shell.folder / "config", {}))
    with store.begin() as tx:
        notices.add(tx, notice, ("order", "1"), START, START + timedelta(hours=9))
    store.close()
    assert shell("tickets", "show", "1") == 0
    assert re.search(
        r"^waits: tina@desk.example is told of resolution breach\+2h at [-\d]{10} \d\d:00, if it is still so$", shell.out, re.M
    )
    assert shell.json("tickets", "show", "1")["notices"] == [
        {"time": "2026-03-02T09:00:00Z", "to": "tina@desk.example", "metric": "resolution", "step": "breach+2h",
         "due": "2026-03-02T18:00:00Z"}
    ]  # fmt: skip


def test_a_key_that_the_daemon_would_refuse_is_found_by_check(shell: Shell) -> None:
    key = shell.folder / "var" / "key"
    key.parent.mkdir(exist_ok=True)
    key.touch(0o600)
    key.write_text("garbage\n")
    assert shell("check") == 78
    assert f"{key}: holds no key" in shell.out


def test_subjects_of_mails_are_listed_as_people_read_them(shell: Shell) -> None:
    shell("ingest", str(shell.mail(mail(subject="Drucker =?utf-8?q?d=C3=BCster?="))))
    shell("ingest", str(shell.mail(b"From: ann@out.example\r\nTo: desk@desk.example\r\n\r\nNo subject here.\r\n", "bare.eml")))
    assert [one["subject"] for one in shell.lines("inbox", "list", "--all")] == ["Drucker düster", "(no subject)"]
    shell.work()
    assert shell("tickets", "show", "2") == 0
    assert "MG-2  (no subject)" in shell.out
