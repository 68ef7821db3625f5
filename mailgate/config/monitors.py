"""How do the monitoring systems that many people run write their subjects? Patterns for `like` in `[[monitoring]]`, as ready-made rules.

They are for the subjects that each system sends unless somebody has changed its templates.
"""

from __future__ import annotations

import re

from mailgate.desk.plans import Monitor


def _ready(name: str, key: str, recovered: str, remark: str) -> Monitor:
    return Monitor(name, re.compile(key, re.I), re.compile(recovered, re.I), re.compile(remark, re.I))


# Nagios: `** PROBLEM Service Alert: web01/HTTP is CRITICAL **`. Icinga: `[PROBLEM] HTTP on web01 is CRITICAL!`, in older versions
# `PROBLEM - web01 - HTTP is CRITICAL`. Both have further words in place of PROBLEM for what they tell of one.
_NAGIOS = _ready(
    "nagios",
    r"^[\[* ]{0,4}(?:problem|recovery|acknowledgement|custom|flapping\w*|downtime\w*)\b"
    r"[\]:* -]{0,4}(?:(?:host|service) )?(?:alert: )?(.+) is \w+",
    r"^[\[* ]{0,4}recovery\b",
    r"^[\[* ]{0,4}(?:acknowledgement|custom|flapping\w*|downtime\w*)\b",
)
# `[FIRING:2] DiskFull (web01 sda1 critical)`, `[RESOLVED] DiskFull (web01 sda1)`: in brackets stands what may change from mail to mail.
_ALERTMANAGER = _ready("alertmanager", r"^\[(?:firing(?::\d{1,6})?|resolved(?::\d{1,6})?)[^\]]{0,40}\] ([^(]+)", r"^\[resolved\b", r"(?!)")
# `Problem: Disk full on web01`, `Updated problem in 5m 2s: …`, `Resolved in 1h 2m 3s: …`; in older versions `PROBLEM: …` and `OK: …`.
_ZABBIX = _ready(
    "zabbix",
    r"^(?:(?:updated )?problem|resolved|ok)(?: in [\w ]{1,40})?: (.+)",
    r"^(?:resolved|ok)\b",
    r"^updated problem\b",
)
# `Checkmk: web01/Filesystem / OK -> CRIT`, `Check_MK: web01 DOWN -> UP`, `Checkmk: web01/Filesystem / Acknowledged (CRIT)`.
_TOLD = r"(?:flapping|acknowledged|downtime|custom notification)(?: \w{1,9})?(?: \([^()]{0,20}\))?$"
_CHECKMK = _ready(
    "checkmk", rf"^check_?mk: (.+?) (?:\w{{2,12}} (?:->|→) \w{{2,12}}$|(?:started |stopped )?{_TOLD})", r"(?:->|→) (?:ok|up)\b", _TOLD
)
READY_MADE = {"nagios": _NAGIOS, "icinga": _NAGIOS, "alertmanager": _ALERTMANAGER, "zabbix": _ZABBIX, "checkmk": _CHECKMK}
