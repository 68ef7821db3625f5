"""What the shell tells about rules of triage: which rule takes a mail, and what today's rules would do with yesterday's mails."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import PEOPLE, Shell
from tests.kit.office import mail

SECOND = """
[[team]]
name = "second"
[[organisation]]
name = "Acme"
domains = ["out.example"]
"""
RULES = """
[[category]]
name = "Access"
when = { text = "password" }
[[category]]
name = "Hardware/Printer"
when = { subject = "printer|toner", organisation = "Acme" }
team = "second"
impact = "high"
urgency = "high"
tags = ["printer"]
confidential = true
"""


@pytest.fixture
def ruled(shell: Shell) -> Shell:
    """A desk of two teams, of which the second mends printers."""
    (shell.folder / "config/people.toml").write_text(PEOPLE + SECOND)
    (shell.folder / "config/policy.toml").write_text(RULES)
    return shell


def test_explain_tells_which_rule_takes_a_mail_by_what_and_each_field_that_it_sets(ruled: Shell) -> None:
    path = ruled.mail(mail(subject="Printer is dead"))
    (told,) = ruled.lines("explain", str(path))
    changed = {one["field"]: one["value"] for one in told["decision"]["changes"]}
    expected = {
        "category": "Hardware/Printer", "team": "second", "impact": "high", "urgency": "high", "priority": "P1", "tags": ["printer"],
        "confidential": True,
    }  # fmt: skip
    assert expected.items() <= changed.items()
    trail = [(one["step"], one["finding"], one["because"]) for one in told["trail"]]
    assert ("organisation", "Acme", "by the domain of ann@out.example, which is only claimed") in trail
    assert ("triage", "Hardware/Printer", "rule 2, by subject, organisation") in trail
    sets = "rule 2 (Hardware/Printer): category, team, impact, urgency, tags, confidential; matrix: priority"
    assert ("triage", "sets", sets) in trail
    assert [one["subject"] for one in told["decision"]["letters"] if "dead" in one["subject"]] == []
    assert ruled("explain", str(path)) == 0
    assert "triage     Hardware/Printer  (rule 2, by subject, organisation)" in ruled.out
    assert "change     category = Hardware/Printer" in ruled.out


def test_explain_says_so_where_no_rule_holds(ruled: Shell) -> None:
    assert ruled("explain", str(ruled.mail(mail(subject="Hello")))) == 0
    assert "triage     none  (no rule holds)" in ruled.out


def test_triage_is_no_longer_told_to_be_missing(ruled: Shell) -> None:
    assert ruled("check") == 0
    assert "[[category]]" not in ruled.out


# -------------------------------------------------------------------------------------------------------------- --against


def opened(shell: Shell, *subjects: str) -> None:
    """Tickets that mails opened while there were no rules."""
    rules = (shell.folder / "config/policy.toml").read_text()
    (shell.folder / "config/policy.toml").write_text("")
    for number, subject in enumerate(subjects):
        shell("ingest", str(shell.mail(mail(subject=subject), f"{number}.eml")))
        shell.work()
    (shell.folder / "config/policy.toml").write_text(rules)


def told(shell: Shell, period: str = "30d") -> list[str]:
    """The lines of `check --against` about tickets, and the sum."""
    assert shell("check", "--against", period) == 0, shell.out + shell.err
    return [line for line in shell.out.splitlines() if line.startswith("moves") or " tickets that a mail opened " in line]


def database(shell: Shell) -> Path:
    return shell.folder / "var/mailgate.db"


def everything(shell: Shell) -> list[str]:
    with sqlite3.connect(database(shell)) as db:
        return list(db.iterdump())


def test_mails_that_would_now_go_elsewhere_are_told_and_nothing_is_written(ruled: Shell) -> None:
    opened(ruled, "Printer is dead", "Hello", "Toner\x07 please")
    ruled("tickets", "new", "--from", "bob@out.example", "--subject", "Printer by phone")
    before = everything(ruled)
    moves = told(ruled)
    assert moves[:2] == [
        'moves  MG-1 "Printer is dead": no category (first) -> Hardware/Printer (second)',
        'moves  MG-3 "Toner please": no category (first) -> Hardware/Printer (second)',
    ]
    # The one by telephone came by no mail.
    assert moves[2].startswith("ok     2 of 3 tickets")
    assert everything(ruled) == before


def test_what_is_where_the_rules_put_it_is_not_told(ruled: Shell) -> None:
    ruled("ingest", str(ruled.mail(mail(subject="Printer is dead"))))
    ruled.work()
    assert [line.split(" tickets")[0] for line in told(ruled)] == ["ok     0 of 1"]


def test_what_a_rule_gave_and_no_rule_gives_any_more_is_told(ruled: Shell) -> None:
    ruled("ingest", str(ruled.mail(mail(subject="Printer is dead"))))
    ruled.work()
    (ruled.folder / "config/policy.toml").write_text("")
    assert told(ruled)[0] == 'moves  MG-1 "Printer is dead": Hardware/Printer (second) -> no category (first)'


def test_a_field_that_somebody_set_by_hand_counts_as_right(ruled: Shell) -> None:
    opened(ruled, "Printer one", "Printer two", "Printer three")
    assert ruled("tickets", "command", "1", "#category Access") == 0, ruled.out + ruled.err
    assert ruled("tickets", "command", "2", "#escalate second") == 0, ruled.out + ruled.err
    assert ruled("tickets", "command", "3", "#category Access\n#escalate second") == 0, ruled.out + ruled.err
    moves = told(ruled)
    assert moves[0] == 'moves  MG-1 "Printer one": Access (first) -> Access (second)'
    assert moves[1] == 'moves  MG-2 "Printer two": no category (second) -> Hardware/Printer (second)'
    assert moves[2].startswith("ok     2 of 3 ")


def test_only_the_mail_that_opened_a_ticket_counts_and_only_if_it_is_young_enough(ruled: Shell) -> None:
    opened(ruled, "Hello", "Printer of long ago")
    answer = mail("printer toner password", subject="Re: [MG-1] printer", headers="")
    ruled("ingest", str(ruled.mail(answer, "answer.eml")))
    ruled.work()
    with sqlite3.connect(database(ruled)) as db:
        (young,) = db.execute("select received_at from inbox where id = 2").fetchone()
        old = type(young)(str(young).replace("20", "19", 1)) if isinstance(young, str) else young - 10**15
        db.execute("update inbox set received_at = ? where id = 2", (old,))
    assert [line.split(" tickets")[0] for line in told(ruled)] == ["ok     0 of 1"]


def test_a_mail_whose_octets_are_gone_or_unreadable_is_counted_and_not_guessed(ruled: Shell) -> None:
    opened(ruled, "Printer is dead")
    with sqlite3.connect(database(ruled)) as db:
        db.execute("update inbox set raw = x''")
    assert told(ruled)[0].startswith("ok     0 of 1 tickets")
    assert "; 1 cannot be read" in ruled.out


@pytest.mark.parametrize("period", ["", "soon", "30", "0d"])
def test_a_period_that_is_none_is_a_usage_error(ruled: Shell, period: str) -> None:
    assert ruled("check", "--against", period) == 64
    assert "30d" in ruled.err


def test_rules_that_are_wrong_are_told_instead_and_nothing_is_compared(ruled: Shell) -> None:
    (ruled.folder / "config/policy.toml").write_text('[[category]]\nname = "x"\nteam = "frist"\n')
    assert ruled("check", "--against", "30d") == 78
    assert "policy.toml:3" in ruled.out
    assert "tickets that a mail opened" not in ruled.out
