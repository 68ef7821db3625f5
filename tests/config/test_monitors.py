"""Do the ready-made patterns read what monitoring systems write? Subjects as each of them sends when nobody changed its templates."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailgate.config.load import load
from mailgate.config.monitors import READY_MADE
from mailgate.config.patterns import runs_away
from mailgate.desk.alarms import recognised
from mailgate.desk.conditions import MOST
from mailgate.desk.policy import Policy
from mailgate.desk.rules import Rules
from tests.desk.cast import ANN, RULES, replace, wrote

SUBJECTS: list[tuple[str, str, str, str, str | None]] = [
    # Nagios.
    ("nagios", "** PROBLEM Service Alert: web01/HTTP is CRITICAL **", "problem", "web01/HTTP", "critical"),
    ("nagios", "** PROBLEM Service Alert: web01/HTTP is WARNING **", "problem", "web01/HTTP", "warning"),
    ("nagios", "** ACKNOWLEDGEMENT Service Alert: web01/HTTP is CRITICAL **", "remark", "web01/HTTP", "critical"),
    ("nagios", "** FLAPPINGSTART Service Alert: web01/HTTP is CRITICAL **", "remark", "web01/HTTP", "critical"),
    ("nagios", "** FLAPPINGSTOP Service Alert: web01/HTTP is OK **", "remark", "web01/HTTP", None),
    ("nagios", "** DOWNTIMESTART Host Alert: web01 is DOWN **", "remark", "web01", "down"),
    ("nagios", "** RECOVERY Service Alert: web01/HTTP is OK **", "recovery", "web01/HTTP", None),
    ("nagios", "** PROBLEM Host Alert: web01 is DOWN **", "problem", "web01", "down"),
    ("nagios", "** RECOVERY Host Alert: web01 is UP **", "recovery", "web01", None),
    # Icinga 2, and how Icinga wrote before.
    ("icinga", "[PROBLEM] Disk usage on db-2.example.com is CRITICAL!", "problem", "Disk usage on db-2.example.com", "critical"),
    ("icinga", "[RECOVERY] Disk usage on db-2.example.com is OK!", "recovery", "Disk usage on db-2.example.com", None),
    ("icinga", "[ACKNOWLEDGEMENT] Disk usage on db-2.example.com is CRITICAL!", "remark", "Disk usage on db-2.example.com", "critical"),
    ("icinga", "[FLAPPINGSTART] Disk usage on db-2.example.com is CRITICAL!", "remark", "Disk usage on db-2.example.com", "critical"),
    ("icinga", "[PROBLEM] Host db-2.example.com is DOWN!", "problem", "db-2.example.com", "down"),
    ("icinga", "[RECOVERY] Host db-2.example.com is UP!", "recovery", "db-2.example.com", None),
    ("icinga", "PROBLEM - db-2 - load is WARNING", "problem", "db-2 - load", "warning"),
    ("icinga", "RECOVERY - db-2 - load is OK", "recovery", "db-2 - load", None),
    # Alertmanager.
    ("alertmanager", "[FIRING:1] DiskWillFill (db-2:9100 node sda1 critical)", "problem", "DiskWillFill", "critical"),
    ("alertmanager", "[FIRING:3] DiskWillFill (node critical)", "problem", "DiskWillFill", "critical"),
    ("alertmanager", "[RESOLVED] DiskWillFill (db-2:9100 node sda1 critical)", "recovery", "DiskWillFill", "critical"),
    ("alertmanager", "[FIRING:1] HighLatency shop prod ", "problem", "HighLatency shop prod", None),
    ("alertmanager", "[RESOLVED] HighLatency shop prod", "recovery", "HighLatency shop prod", None),
    # Zabbix, new and old.
    ("zabbix", "Problem: Interface eth0: Link down on sw-17", "problem", "Interface eth0: Link down on sw-17", "down"),
    ("zabbix", "Updated problem in 4m 10s: Interface eth0: Link down on sw-17", "remark", "Interface eth0: Link down on sw-17", "down"),
    ("zabbix", "Resolved in 1h 2m 11s: Interface eth0: Link down on sw-17", "recovery", "Interface eth0: Link down on sw-17", "down"),
    ("zabbix", "PROBLEM: Free space is low on srv", "problem", "Free space is low on srv", None),
    ("zabbix", "OK: Free space is low on srv", "recovery", "Free space is low on srv", None),
    # checkmk.
    ("checkmk", "Checkmk: web01/Filesystem / OK -> CRIT", "problem", "web01/Filesystem /", "crit"),
    ("checkmk", "Checkmk: web01/Filesystem / WARN -> CRIT", "problem", "web01/Filesystem /", "crit"),
    ("checkmk", "Checkmk: web01/Filesystem / Acknowledged (CRIT)", "remark", "web01/Filesystem /", "crit"),
    ("checkmk", "Checkmk: web01/Filesystem / Started Flapping", "remark", "web01/Filesystem /", None),
    ("checkmk", "Checkmk: web01/Filesystem / Stopped Flapping (OK)", "remark", "web01/Filesystem /", None),
    ("checkmk", "Checkmk: web01/Filesystem / Downtime Start (CRIT)", "remark", "web01/Filesystem /", "crit"),
    ("checkmk", "Checkmk: web01/Interface Flapping OK → CRIT", "problem", "web01/Interface Flapping", "crit"),
    ("checkmk", "Checkmk: web01/Filesystem / CRIT -> OK", "recovery", "web01/Filesystem /", None),
    ("checkmk", "Check_MK: web01 UP -> DOWN", "problem", "web01", "down"),
    ("checkmk", "Check_MK: web01 DOWN -> UP", "recovery", "web01", None),
]


def ruled(name: str) -> Rules:
    return replace(RULES, policy=Policy(monitors=(READY_MADE[name],)))


@pytest.mark.parametrize(("name", "subject", "sign", "key", "severity"), SUBJECTS)
def test_each_subject_tells_what_it_is_about_and_whether_it_is_over(
    name: str, subject: str, sign: str, key: str, severity: str | None
) -> None:
    alarm = recognised(wrote(ANN, "x", subject=subject), ruled(name))
    assert alarm is not None
    assert (alarm.sign, alarm.key) == (sign, key)
    if sign == "problem":
        assert alarm.severity == severity


@pytest.mark.parametrize("name", READY_MADE)
@pytest.mark.parametrize(
    "subject", ["I have a problem: the printer is broken", "Printer is dead", "The problem is resolved", "Is it OK: a question", ""]
)
def test_what_people_write_is_no_alarm(name: str, subject: str) -> None:
    assert recognised(wrote(ANN, "x", subject=subject), ruled(name)) is None


def test_ready_made_patterns_are_as_safe_as_those_of_operators_have_to_be() -> None:
    for monitor in READY_MADE.values():
        for pattern in (monitor.key, monitor.recovered, monitor.remark):
            assert pattern is not None
            assert not runs_away(pattern.pattern, MOST), pattern.pattern


def test_a_rule_may_be_like_a_ready_made_one_and_differ_in_parts(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(
        '[[monitoring]]\nname = "ours"\nlike = "zabbix"\nwhen = { sender = "^zabbix@", headers = { X-Mon = "1" } }\n'
        '[[monitoring]]\nname = "own"\nlike = "zabbix"\nkey = "on (\\\\S+)$"\nremark = "^Info"'
    )
    ours, own = load(tmp_path, {}).policy.monitors
    zabbix = READY_MADE["zabbix"]
    assert (ours.name, ours.key, ours.recovered, ours.remark) == ("ours", zabbix.key, zabbix.recovered, zabbix.remark)
    assert [name for name, _ in ours.when.headers] == ["x-mon"]
    assert own.key.pattern == "on (\\S+)$"
    assert (own.recovered, own.remark.pattern if own.remark else "") == (zabbix.recovered, "^Info")
