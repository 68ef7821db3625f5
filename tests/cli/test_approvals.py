"""What does the shell tell of approvals, and does it find out where one is not as it had to be?"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import PEOPLE, Shell

POLICY = '[[approval]]\nstages = [{ approvers = ["bea@corp.example"] }, { approvers = ["owner"] }]\n'
MORE = """
[[person]]
address = "olga@desk.example"
name = "Olga Owner"
role = "owner"
[[person]]
address = "bea@corp.example"
name = "Bea Boss"
role = "approver"
"""


@pytest.fixture
def desk(shell: Shell) -> Shell:
    """A desk where everything needs two approvals; one ticket has the first of them."""
    (shell.folder / "config/policy.toml").write_text(POLICY)
    (shell.folder / "config/people.toml").write_text(PEOPLE + MORE)
    assert shell("tickets", "new", "--from", "ann@out.example", "--subject", "Access", "--text", "Please.") == 0
    assert shell("tickets", "command", "1", "approve it is in the plan", "--as", "bea@corp.example") == 0
    return shell


def database(shell: Shell) -> Path:
    return next(shell.folder.rglob("mailgate.db"))


def test_what_waits_is_listed_and_all_of_it_where_that_is_wanted(desk: Shell) -> None:
    assert desk("approvals", "list") == 0
    assert desk.out.startswith("MG-1       round 1, stage 2: olga@desk.example pending, until ")
    every = desk.lines("approvals", "list", "--all")
    assert [(one["tag"], one["stage"], one["approver"], one["state"], one["how"]) for one in every] == [
        ("MG-1", 1, "bea@corp.example", "approved", "shell"), ("MG-1", 2, "olga@desk.example", "pending", None),
    ]  # fmt: skip
    assert len(desk.lines("approvals", "list", "--state", "approved", "--approver", "Bea@corp.example")) == 1
    assert desk("approvals", "list", "--state", "sometimes") == 64


def test_a_ticket_tells_of_its_approvals(desk: Shell) -> None:
    assert desk("approvals", "show", "MG-1") == 0
    assert "round 1, stage 1: bea@corp.example approved " in desk.out
    assert " by shell: it is in the plan" in desk.out
    assert desk("tickets", "show", "1") == 0
    assert "approval round 1, stage 2: olga@desk.example pending" in desk.out
    told = desk.json("tickets", "show", "1")
    assert (told["status"], told["state"]) == ("Awaiting Approval", "Open")
    first, second = told["approvals"]
    assert (first["stage"], first["approver"], first["state"], first["how"], first["why"]) == (
        1, "bea@corp.example", "approved", "shell", "it is in the plan"
    )  # fmt: skip
    assert first["decided"].endswith("Z")
    assert (second["state"], second["decided"]) == ("pending", None)
    assert [one["verb"] for one in told["events"]] == ["open", "approval", "approve"]
    assert told["events"][1]["changes"]["approvals"][0]["approver"] == "bea@corp.example"
    assert [one["kind"] for one in told["timers"]] == ["approval"]
    assert desk("approvals", "show", "7") == 65


def test_a_ticket_that_was_never_sent_says_so(shell: Shell) -> None:
    shell("tickets", "new", "--from", "ann@out.example", "--subject", "Access", "--text", "Please.")
    assert shell("approvals", "show", "1") == 0
    assert "it was never sent for approval" in shell.out


def test_who_was_not_asked_approves_nothing_from_the_shell_either(desk: Shell) -> None:
    for who in ("bea@corp.example", "ann@out.example", "eve@corp.example"):
        assert desk("tickets", "command", "1", "approve", "--as", who) == 65
    assert desk.json("tickets", "show", "1")["status"] == "Awaiting Approval"


def test_what_is_as_it_had_to_be_is_proven(desk: Shell) -> None:
    assert desk("approvals", "verify") == 0
    assert desk.out == "1 decision, each as it had to be\n"
    assert desk.json("approvals", "verify") == {"ok": True, "decisions": 1, "violations": []}
    assert desk("audit") == 0


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE approvals SET state = 'approved', decided_by = 'olga@desk.example', decided_at = asked_at WHERE stage = 2",
         "rows and story disagree about what olga@desk.example said"),
        ("UPDATE approvals SET decided_by = 'eve@corp.example' WHERE stage = 1", "disagree about what bea@corp.example said"),
        ("DELETE FROM approvals WHERE stage = 1", "rows and story disagree"),
        ("UPDATE events SET actor = 'eve@corp.example' WHERE verb = 'approve'", "the event says otherwise than the answer"),
        ("UPDATE events SET changes = replace(changes, 'bea@corp.example\",\"shell', 'ann@out.example\",\"shell') WHERE verb = 'approve'",
         "decided about his own request"),
        ("UPDATE approvals SET how = 'link' WHERE stage = 1", "decided behind a link, but no event tells it"),
        ("UPDATE events SET cause_type = 'click', cause_id = 'approval-1' WHERE verb = 'approve'", "has effects, but decided nothing"),
    ],
)  # fmt: skip
def test_what_somebody_has_forged_in_the_database_is_found(desk: Shell, change: str, found: str) -> None:
    with closing(sqlite3.connect(database(desk))) as forger:
        assert forger.execute(change).rowcount == 1
        forger.commit()
    assert desk("approvals", "verify") == 1
    assert "VIOLATION I6" in desk.out
    assert found in desk.out
    assert desk("audit") == 1


def test_who_is_erased_is_named_in_no_approval_and_his_reason_is_gone(desk: Shell) -> None:
    with closing(sqlite3.connect(database(desk))) as relay:
        relay.execute("UPDATE outbox SET state = 'sent', finished_at = created_at")
        relay.commit()
    assert desk("erase", "bea@corp.example", "--yes") == 0
    octets = database(desk).read_bytes()
    assert b"bea@corp.example" not in octets
    assert b"it is in the plan" not in octets
    assert desk("approvals", "verify") == 0
    assert desk("audit") == 0


def test_a_rule_that_nobody_can_satisfy_is_told_by_check(desk: Shell) -> None:
    policy = '[[approval]]\nstages = [{ approvers = ["manager", "lead", "approver"] }]\nstep_up = true\n'
    (desk.folder / "config/policy.toml").write_text(policy)
    assert desk("check") == 0
    notes = [line.removeprefix("note   ") for line in desk.out.splitlines() if "[[approval]]" in line]
    assert [note.partition(":")[0] for note in notes] == [
        '[[approval]] asks "manager", and people.toml does not name a manager whom anybody reports to',
        '[[approval]] asks "lead", and people.toml does not name anybody of role "lead"',
        "[[approval]] step_up wants more than a letter, and there is neither public_url nor security.authserv_ids",
    ]
