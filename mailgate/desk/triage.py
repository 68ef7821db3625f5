"""What is a new ticket about, whose is it, and how urgent? The first rule of triage whose condition holds says so, and the matrix.

Only a ticket's first mail is asked; what a technician sets by hand afterwards stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from mailgate.desk.model import Level
from mailgate.desk.policy import Policy
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Finding, Wrote

if TYPE_CHECKING:
    from mailgate.desk.plans import Category


class Triage(Struct, frozen=True):
    """The fields that rules set on a new ticket, which rule set which (`note`, for the story), and the findings for the trail."""

    fields: dict[str, object] = field(default_factory=dict)
    note: str = ""
    findings: tuple[Finding, ...] = ()


def triage(wrote: Wrote, text: str, rules: Rules) -> Triage:
    """What the rules make of somebody's first mail; `text` is what of it counts. Total: some priority there always is."""
    if not rules.policy.categories:
        return Triage({"priority": _priority(None, rules.policy)})
    return _by_rules(wrote, text, rules)


def _by_rules(wrote: Wrote, text: str, rules: Rules) -> Triage:
    # Only a desk with rules pays for knowing what they may ask.
    from mailgate.desk.conditions import Facts, asked, holds

    policy, organisation = rules.policy, rules.people.organisation(wrote.person.address)
    name = organisation.name if organisation else None
    facts = Facts(wrote.subject, text, wrote.address, wrote.recipients, wrote.headers, name, rules.desk.name, wrote.source)
    number, rule = next(((at, one) for at, one in enumerate(policy.categories, 1) if holds(one.when, facts)), (0, None))
    findings = [_organisation(name, wrote)] if name else []
    if rule is None:
        return Triage({"priority": _priority(None, policy)}, findings=(*findings, Finding("triage", "none", "no rule holds")))
    named = set_by(rule)
    note = f"rule {number} ({rule.name}): {', '.join(named)}; matrix: priority"
    because = ", ".join(asked(rule.when)) or "every mail"
    findings += [Finding("triage", rule.name, f"rule {number}, by {because}"), Finding("triage", "sets", note)]
    return Triage({**named, "priority": _priority(rule, policy)}, note, tuple(findings))


def set_by(rule: Category) -> dict[str, object]:
    """The fields that a rule sets by itself, with their values."""
    named: dict[str, object] = {
        "category": rule.name, "team": rule.team, "service": rule.service, "type": rule.type, "impact": rule.impact,
        "urgency": rule.urgency, "tags": rule.tags, "confidential": rule.confidential,
    }  # fmt: skip
    return {name: value for name, value in named.items() if value}


def _priority(rule: Category | None, policy: Policy) -> str:
    """By the matrix; where no rule says otherwise, impact and urgency are medium."""
    impact, urgency = (rule.impact, rule.urgency) if rule else (None, None)
    return policy.priority.of(impact or Level.MEDIUM, urgency or Level.MEDIUM)


def _organisation(name: str, wrote: Wrote) -> Finding:
    """Triage believes an address: who only claims one can put a ticket into the wrong queue, where a human sees it, and no more."""
    proof = "" if wrote.strength.trusted else ", which is only claimed"
    return Finding("organisation", name, f"by the domain of {wrote.person.address}{proof}")
