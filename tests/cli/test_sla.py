"""What the shell tells about promises: what has counted, what is due when, and what another policy would have made of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.kit.office import mail

POLICY = """
[[calendar]]
name = "office"
timezone = "Europe/Berlin"
hours = { mon = ["09:00-12:30", "13:30-17:30"], tue = ["09:00-17:30"] }
[[sla]]
name = "gold"
calendar = "office"
first_response = "{first}"
resolution = "6h"
warn = [50]
"""


def promising(shell: Shell, first: str = "2h") -> Path:
    """A policy.toml that promises a first answer within so long."""
    path = shell.folder / f"promise-{first}.toml"
    path.write_text(POLICY.replace("{first}", first))
    return path


@pytest.fixture
def promised(shell: Shell) -> Shell:
    """A ticket for which something is promised; it was opened on Sunday, 2 March 2036, at nine in London."""
    promising(shell).rename(shell.folder / "config/policy.toml")
    assert shell("ingest", str(shell.mail(mail("The printer is dead.")))) == 0
    shell.work()
    return shell


def test_explain_prints_every_interval_and_the_due_times_that_follow(promised: Shell) -> None:
    assert promised("sla", "explain", "MG-1", "--at", "2036-03-03T14:00+01:00") == 0
    assert promised.out.splitlines() == [
        "MG-1  Printer is dead  New, P3",
        "",
        "first_response: breached, 4:00:00 of 2h by gold, calendar office (Europe/Berlin)",
        "FROM                     TO                                      TIME      SPENT",
        "Sun 2036-03-02 10:00:00  Mon 2036-03-03 09:00:00  outside hours  23:00:00",
        "Mon 2036-03-03 09:00:00  Mon 2036-03-03 12:30:00  counted        3:30:00   3:30:00",
        "Mon 2036-03-03 12:30:00  Mon 2036-03-03 13:30:00  outside hours  1:00:00",
        "Mon 2036-03-03 13:30:00  Mon 2036-03-03 14:00:00  counted        0:30:00   4:00:00",
        "50%          Mon 2036-03-03 10:00:00",
        "breach       Mon 2036-03-03 11:00:00",
        "",
        "resolution: running, 4:00:00 of 6h by gold, calendar office (Europe/Berlin)",
        "FROM                     TO                                      TIME      SPENT",
        "Sun 2036-03-02 10:00:00  Mon 2036-03-03 09:00:00  outside hours  23:00:00",
        "Mon 2036-03-03 09:00:00  Mon 2036-03-03 12:30:00  counted        3:30:00   3:30:00",
        "Mon 2036-03-03 12:30:00  Mon 2036-03-03 13:30:00  outside hours  1:00:00",
        "Mon 2036-03-03 13:30:00  Mon 2036-03-03 14:00:00  counted        0:30:00   4:00:00",
        "50%          Mon 2036-03-03 12:00:00",
        "breach       Mon 2036-03-03 16:00:00",
    ]


def test_explain_as_json_counts_up_to_what_was_spent(promised: Shell) -> None:
    told = promised.json("sla", "explain", "1", "--at", "2036-03-03T14:00+01:00")
    first = told["sla"][0]
    counted = [one for one in first["intervals"] if one["what"] == "counted"]
    assert sum((datetime.fromisoformat(one["to"]) - datetime.fromisoformat(one["from"])).total_seconds() for one in counted) == 4 * 3600
    assert (first["metric"], first["state"], first["target"], first["elapsed"], first["due"]) == (
        "first_response", "breached", 7200, 14400, "2036-03-03T10:00:00Z",
    )  # fmt: skip
    assert first["steps"] == {"50%": "2036-03-03T09:00:00Z", "breach": "2036-03-03T10:00:00Z"}


def test_a_time_of_its_own_shows_the_ticket_as_it_was(promised: Shell) -> None:
    assert promised("tickets", "command", "1", "#resolve New toner.", "--as", "tina@desk.example") == 0
    # The shell's clock is the real one, so that the order counts as older than the mail.
    told = promised.json("sla", "explain", "1", "--at", "2036-03-04T09:00+01:00")
    assert {one["metric"] for one in told["sla"]} == {"first_response", "resolution"}


def test_a_clock_that_was_halted_from_its_beginning_on_has_its_interval(shell: Shell) -> None:
    policy = '[[metric]]\nname = "taken"\nstart = "Open"\npause = "New"\nstop = "Closed"\n[[sla]]\nname = "gold"\ntaken = "2h"\n'
    (shell.folder / "config/policy.toml").write_text(policy)
    assert shell("ingest", str(shell.mail(mail("The printer is dead.")))) == 0
    shell.work()
    assert shell("sla", "explain", "MG-1", "--at", "2036-03-02T11:00") == 0
    assert shell.out.splitlines()[2:5] == [
        "taken: paused, 0:00:00 of 2h by gold, calendar 24x7 (UTC)",
        "FROM                     TO                               TIME     SPENT",
        "Sun 2036-03-02 09:00:00  Sun 2036-03-02 11:00:00  paused  2:00:00",
    ]


def test_show_tells_how_the_promises_stand(promised: Shell) -> None:
    (first, resolution) = promised.json("tickets", "show", "1")["sla"]
    assert first.keys() == {"metric", "state", "target", "due", "elapsed"}
    assert (resolution["metric"], resolution["target"]) == ("resolution", 21600)
    assert promised("tickets", "show", "1") == 0
    assert "first_response: running, due 2036-03-03" in promised.out
    assert "(sla explain 1)" in promised.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("explain", "7"), 65, "there is no ticket 7"),
        (("explain", "1", "--at", "yesterday"), 64, "'yesterday' is no time"),
        (("explain", "1", "--at", "2020-01-01"), 65, "MG-1 was opened at 2036-03-02T09:00:00Z, which is later"),
        (("explain", "one"), 64, "is no ticket"),
        (("simulate", "missing.toml"), 64, "missing.toml"),
    ],
)
def test_what_cannot_be_explained_is_told_in_a_line(promised: Shell, arguments: tuple[str, ...], code: int, said: str) -> None:
    assert promised("sla", *arguments) == code
    assert said in promised.err


def test_a_desk_that_promises_nothing_says_so(shell: Shell) -> None:
    assert shell("ingest", str(shell.mail(mail()))) == 0
    shell.work()
    assert shell("sla", "explain", "1", "--at", "2036-03-04") == 0
    assert shell.out.splitlines()[-1] == "nothing is promised for it"


def test_simulate_tells_what_another_policy_would_have_made_of_it(promised: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailgate.cli.sla.now", lambda: datetime(2036, 3, 3, 11, tzinfo=UTC) + timedelta(hours=2))
    other = promising(promised, "30h")
    assert promised("sla", "simulate", str(other)) == 0
    assert promised.out.splitlines() == [
        "METRIC          POLICY     RUNNING  PAUSED  ACHIEVED  BREACHED  CANCELLED",
        "first_response  as it is   -        -       -         1         -",
        "first_response  simulated  1        -       -         -         -",
        "resolution      as it is   1        -       -         -         -",
        "resolution      simulated  1        -       -         -         -",
        "",
        "TICKET  METRIC          AS IT IS  SIMULATED  SUBJECT",
        "MG-1    first_response  breached  running    Printer is dead",
    ]
    told = promised.json("sla", "simulate", str(other))
    assert told["changed"] == [{"id": 1, "metric": "first_response", "now": "breached", "then": "running"}]
    assert told["metrics"]["first_response"] == {"now": {"breached": 1}, "then": {"running": 1}}


def test_a_policy_with_faults_is_not_simulated(promised: Shell) -> None:
    broken = promised.folder / "broken.toml"
    broken.write_text('[[sla]]\nname = "x"\nfirst_respons = "2h"\n')
    assert promised("sla", "simulate", str(broken)) == 78
    assert 'broken.toml:3: [[sla]] first_respons: unknown key; did you mean "first_response"?' in promised.err
