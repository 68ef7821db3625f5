"""What the shell prints of a period: figures for people, as JSON, and as CSV that no spreadsheet reckons with."""

from __future__ import annotations

import csv
import io
from base64 import b64encode
from hashlib import sha256

import pytest
from lxml import html

from tests.cli.conftest import MACHINE, PEOPLE, Shell
from tests.kit.office import mail

FORMULA = """
[[team]]
name = "=HYPERLINK(1)"
[[person]]
address = "fay@desk.example"
role = "technician"
team = "=HYPERLINK(1)"
"""


@pytest.fixture
def worked(shell: Shell) -> Shell:
    """A desk that was asked three things on 2 March 2036, and has solved one of them."""
    (shell.folder / "config/people.toml").write_text(PEOPLE + FORMULA)
    (shell.folder / "config/policy.toml").write_text('[[sla]]\nname = "all"\nfirst_response = "2h"\nresolution = "8h"\n')
    for number, who in enumerate(("ann@out.example", "ann@out.example", "bob@out.example")):
        assert shell("ingest", str(shell.mail(mail(sender=who, subject=f"Question {number}")))) == 0
    shell.work()
    return shell


def period(shell: Shell, *arguments: str) -> int:
    return shell("report", "--since", "2036-03-01", "--until", "2036-04-01", *arguments)


def test_people_read_a_table(worked: Shell) -> None:
    assert period(worked) == 0
    lines = worked.out.splitlines()
    assert lines[0] == "Sat 2036-03-01 00:00 to Tue 2036-04-01 00:00 (UTC)"
    assert lines[2].split() == [
        "OPENED", "RESOLVED", "CLOSED", "BACKLOG", "REOPENED", "FIRST", "CONTACT", "ANSWER", "90", "%", "SOLUTION", "90", "%",
        "RATING",
    ]  # fmt: skip
    assert lines[3].split() == ["all", "3", "0", "0", "3", *["-"] * 6, "no", "ratings"]
    assert lines[4].split() == ["first", "3", "0", "0", "3", *["-"] * 6, "no", "ratings"]
    assert lines[-2].split() == ["ann@out.example", "2"]


def test_json_has_every_figure(worked: Shell) -> None:
    told = worked.json("report", "--since", "2036-03-01", "--until", "2036-04-01")
    assert (told["since"], told["until"]) == ("2036-03-01T00:00:00Z", "2036-04-01T00:00:00Z")
    assert (told["opened"], told["backlog"], told["resolved"], told["reopen_rate"], told["first_response"]) == (3, 3, 0, None, None)
    assert [one["name"] for one in told["teams"]] == ["first"]
    assert told["requesters"] == [{"address": "ann@out.example", "opened": 2}, {"address": "bob@out.example", "opened": 1}]


def test_what_was_solved_is_counted_with_its_times(worked: Shell) -> None:
    assert worked("tickets", "command", "1", "#resolve New toner.", "--as", "tina@desk.example") == 0
    told = worked.json("report", "--since", "2020-01-01", "--until", "2036-04-01")
    assert (told["opened"], told["resolved"], told["backlog"], told["first_contact"]) == (3, 1, 2, 1)
    assert told["technicians"][0]["address"] == "tina@desk.example"
    assert {one["metric"]: one["achieved"] for one in told["sla"]} == {"first_response": 1, "resolution": 1}
    assert [one["rate"] for one in told["sla"]] == [1.0, 1.0]


def test_csv_is_one_line_for_each_and_no_formula(worked: Shell) -> None:
    worked("tickets", "command", "1", "#assign fay@desk.example", "--as", "tina@desk.example")
    assert worked("report", "--since", "2020-01-01", "--until", "2036-04-01", "--csv") == 0
    rows = list(csv.DictReader(io.StringIO(worked.out)))
    assert [(row["scope"], row["name"]) for row in rows] == [
        ("all", ""), ("team", "'=HYPERLINK(1)"), ("team", "first"), ("technician", "fay@desk.example"),
        ("requester", "ann@out.example"), ("requester", "bob@out.example"),
    ]  # fmt: skip
    assert [row["opened"] for row in rows] == ["3", "1", "2", "1", "2", "1"]


def test_an_address_that_begins_a_formula_is_a_text_and_numbers_are_numbers(worked: Shell) -> None:
    for number, sender in enumerate(("=cmd@out.example", "+49@out.example", "-1@out.example")):
        assert worked("ingest", str(worked.mail(mail(sender=sender, subject=f"Again {number}")))) == 0
    worked.work()
    assert worked("tickets", "command", "1", "#resolve New toner.", "--as", "tina@desk.example") == 0
    assert worked("report", "--since", "2020-01-01", "--until", "2036-04-01", "--csv") == 0
    heads, *rows = csv.reader(io.StringIO(worked.out), quoting=csv.QUOTE_NONNUMERIC)
    assert [row[1] for row in rows if str(row[1]).startswith(("=", "+", "-", "@"))] == []
    assert {"'=cmd@out.example", "'+49@out.example", "'-1@out.example"} < {row[1] for row in rows}
    told = dict(zip(heads, rows[0], strict=True))
    assert (told["opened"], told["resolved"], told["first_contact_rate"], told["resolution_rate"]) == (6.0, 1.0, 1.0, 1.0)
    assert all(isinstance(cell, float) or cell == "" for row in rows for cell in row[2:])


def test_a_page_stands_in_one_file_and_fetches_nothing(worked: Shell) -> None:
    assert worked("tickets", "command", "1", "#resolve New toner.", "--as", "tina@desk.example") == 0
    file = worked.folder / "month.html"
    assert worked("report", "--since", "2036-03-01", "--until", "2036-03-11", "--html", str(file)) == 0
    assert (worked.out, worked.err) == ("", "")
    assert sorted(one.name for one in worked.folder.iterdir() if "month" in one.name) == ["month.html"]
    page = file.read_text()
    tree = html.document_fromstring(page)
    assert tree.get("lang") == "en"
    assert not tree.xpath("//script | //link | //img | //iframe | //object | //@src | //@href | //@style")
    assert "url(" not in page
    assert "@import" not in page
    style = b64encode(sha256(tree.findtext(".//style").encode()).digest()).decode()
    (policy,) = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy == f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"
    assert page.index("Content-Security-Policy") < page.index("<style>")
    assert [one.text for one in tree.xpath("//*[local-name()='svg']/*[local-name()='title']")] == [
        "What came in and was solved", "What was open",
    ]  # fmt: skip
    assert "1 March 2036 to 10 March 2036" in tree.text_content()
    assert [" ".join(cell.text_content() for cell in row) for row in tree.xpath("//details//tbody/tr")][:2] == [
        "1 Mar 0 0 0",
        "2 Mar 3 0 2",
    ]


def test_the_page_speaks_the_language_of_the_desk_or_the_one_that_is_asked_for(worked: Shell) -> None:
    file = worked.folder / "month.html"
    german = ("--since", "2036-03-01", "--until", "2036-03-11", "--html", str(file))
    assert worked("report", *german, "--lang", "de") == 0
    assert "Was kam und gelöst wurde" in file.read_text()
    (worked.folder / "config/mailgate.toml").write_text(MACHINE + 'language = "de"\n')
    assert worked("report", *german) == 0
    assert '<html lang="de">' in file.read_text()
    assert "1. März 2036 bis 10. März 2036" in file.read_text()


def test_what_somebody_wrote_is_no_markup_of_the_page(worked: Shell) -> None:
    assert worked("ingest", str(worked.mail(mail(sender='"<b>"@out.example', subject="x")))) == 0
    worked.work()
    assert worked("tickets", "command", "1", "#category <script>alert(1)</script>", "--as", "tina@desk.example") == 0
    file = worked.folder / "month.html"
    assert worked("report", "--since", "2020-01-01", "--until", "2037-01-01", "--html", str(file)) == 0
    assert "<script" not in file.read_text()
    assert "&lt;script&gt;" in file.read_text()


def test_a_page_that_cannot_be_written_is_told_in_a_line(worked: Shell) -> None:
    assert worked("report", "--html", str(worked.folder / "nowhere" / "month.html")) == 64
    assert "cannot write" in worked.err


def test_json_has_the_course_of_the_period(worked: Shell) -> None:
    told = worked.json("report", "--since", "2036-03-01", "--until", "2036-03-04")["course"]
    assert (told["stride"], [one["opened"] for one in told["stages"]], told["stages"][-1]["backlog"]) == ("day", [0, 3, 0], 3)


def test_whoever_asked_in_confidence_is_counted_and_not_named(worked: Shell) -> None:
    assert worked("tickets", "command", "3", "#confidential", "--as", "tina@desk.example") == 0
    told = worked.json("report", "--since", "2036-03-01", "--until", "2036-04-01")
    assert (told["opened"], told["requesters"]) == (3, [{"address": "ann@out.example", "opened": 2}])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "yesterday"), "'yesterday' is no time; write a day"),
        (("--since", "2036-04-01", "--until", "2036-03-01"), "ends before it begins"),
        (("--json", "--csv"), "--json, --csv and --html exclude each other"),
        (("--json", "--html", "x.html"), "--json, --csv and --html exclude each other"),
    ],
)
def test_what_is_no_period_is_told_in_a_line(worked: Shell, arguments: tuple[str, ...], said: str) -> None:
    assert worked("report", *arguments) == 64
    assert said in worked.err


def test_a_desk_without_tickets_has_figures_too(shell: Shell) -> None:
    assert shell("tickets", "new", "--from", "bob@out.example", "--subject", "Phone") == 0
    assert shell("report", "--until", "1h") == 0
    assert shell.out.splitlines()[-1].split()[:2] == ["all", "0"]
