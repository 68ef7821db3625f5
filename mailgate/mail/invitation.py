"""What does this invitation say, in three lines that people read? What, when and where of the first event of an iCalendar object.

Computes no times: a zone is named as the sender named it. Descriptions stay out, since the mail's own text repeats them (RFC 5545, 5546).
"""

from __future__ import annotations

import re

from mailgate.desk.seldom import seldom
from mailgate.mail.fields import line

_MAX_TEXT = 200_000
_STAMP = seldom(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)\d\d(Z?))?")
_ZONE = seldom(r"TZID=\"?([^\";:]{1,80})", re.I)
_ANSWER = seldom(r"PARTSTAT=([A-Z-]{1,20})", re.I)
_ESCAPED = seldom(r"\\(.)")
_NAMES = {"REQUEST": "Invitation", "CANCEL": "Cancelled", "COUNTER": "Other time proposed", "REPLY": "Answer to an invitation"}


def readable(calendar: str) -> str:
    """The event as `Invitation: …`, `When: …`, `Where: …`; "" where there is no event with a name."""
    text = re.sub(r"\n[ \t]", "", calendar[:_MAX_TEXT].replace("\r", ""))
    method = re.search(r"^METHOD:[ \t]?(\w{1,20})", text, re.M | re.I)
    _, begin, event = text.partition("BEGIN:VEVENT\n")
    fields = _fields(event.partition("END:VEVENT")[0])
    what = _value(fields, "SUMMARY")
    if not begin or not what:
        return ""
    name = _NAMES.get(method[1].upper() if method else "", "Event")
    answer = _ANSWER.search(fields.get("ATTENDEE", ("", ""))[0]) if name == _NAMES["REPLY"] else None
    when = " – ".join(filter(None, (_when(fields, "DTSTART"), _when(fields, "DTEND"))))
    where = _value(fields, "LOCATION")
    lines = [f"{name}: {what}" + (f" ({answer[1].lower()})" if answer else "")]
    return "\n".join([*lines, *([f"When: {when}"] if when else []), *([f"Where: {where}"] if where else [])])


def _fields(event: str) -> dict[str, tuple[str, str]]:
    """The first line of each name: its parameters and its value. Those of an alarm inside the event come later, and count no more."""
    found: dict[str, tuple[str, str]] = {}
    for one in event.split("\n"):
        # A colon inside the quotes of a parameter is no end of the parameters.
        outside = re.match(r"([A-Za-z-]{1,40})((?:;(?:[^\":;]|\"[^\"]*\")*)*):", one)
        if outside:
            found.setdefault(outside[1].upper(), (outside[2], one[outside.end() :]))
    return found


def _value(fields: dict[str, tuple[str, str]], name: str) -> str:
    """A text on one line, so that no line of it can pass for one of the sender's own."""
    return line(_ESCAPED.sub(lambda match: " " if match[1] in "nN" else match[1], fields.get(name, ("", ""))[1]))[:500]


def _when(fields: dict[str, tuple[str, str]], name: str) -> str:
    """A day, or a minute with its zone; "" for none."""
    parameters, value = fields.get(name, ("", ""))
    stamp = _STAMP.match(value.strip())
    if stamp is None:
        return ""
    zone = _ZONE.search(parameters)
    day = f"{stamp[1]}-{stamp[2]}-{stamp[3]}"
    return day + (f" {stamp[4]}:{stamp[5]}" if stamp[4] else "") + (" UTC" if stamp[6] else f" ({line(zone[1])})" if zone else "")
