"""When may somebody expect a first answer? As the first SLA says that holds for his ticket, or the one that his organisation has."""

from __future__ import annotations

from datetime import datetime

from mailgate.desk.calendar import timetable
from mailgate.desk.conditions import Facts, holds
from mailgate.desk.model import Ticket
from mailgate.desk.plans import Metric, Sla
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Wrote


def promised(ticket: Ticket, wrote: Wrote, text: str, rules: Rules) -> datetime | None:
    """By when a new ticket is answered, in UTC; None where nothing is promised. `text` is what of the mail counts."""
    sla = _sla(ticket, wrote, text, rules)
    if sla is None or sla.first_response is None:
        return None
    calendar = rules.policy.calendar(sla.calendar)
    return timetable(calendar, calendar.timezone or rules.desk.timezone).add(ticket.created, sla.first_response)


def _sla(ticket: Ticket, wrote: Wrote, text: str, rules: Rules) -> Sla | None:
    own = rules.people.organisation(wrote.person.address)
    facts = Facts(
        wrote.subject, text, wrote.address, wrote.recipients, wrote.headers, own.name if own else None, wrote.desk, wrote.source, ticket,
        Metric.FIRST_RESPONSE,
    )  # fmt: skip
    agreed = next((one for one in rules.policy.slas if own is not None and one.name == own.sla), None)
    return agreed or next((one for one in rules.policy.slas if holds(one.when, facts)), None)
