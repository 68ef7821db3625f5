"""How does a technician send a ticket for approval? `#approval` as policy has it, `#approval boss, Jo Berg, owner` to whom he names first.

Where policy wants an approval, those whom it names are asked after them: no technician chooses who lets his work begin.
"""

from __future__ import annotations

import re

from mailgate.desk import approvals, values
from mailgate.desk.approval import Stage, Verdict
from mailgate.desk.approvers import Case, asked
from mailgate.desk.commands import Command
from mailgate.desk.draft import Draft
from mailgate.desk.model import Role, Status
from mailgate.desk.plans import Approval

# What people call the roles, in English and German.
_ROLES = {
    "manager": Role.MANAGER, "boss": Role.MANAGER, "vorgesetzter": Role.MANAGER, "vorgesetzte": Role.MANAGER, "chef": Role.MANAGER,
    "lead": Role.LEAD, "leitung": Role.LEAD, "teamleitung": Role.LEAD,
    "owner": Role.OWNER, "eigent\u00fcmer": Role.OWNER, "inhaber": Role.OWNER,
    "approver": Role.APPROVER, "approvers": Role.APPROVER, "genehmiger": Role.APPROVER,
}  # fmt: skip
_MOST_NAMED = 20


def approval(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    """Sends the ticket to those who are named, all of whom have to agree, and to those whom policy names."""
    rule = approvals.wanted(draft.ticket, draft.rules)
    plan = _named(draft, command, rule) if command.args.strip() else rule
    if draft.refusals and draft.refusals[-1].line == command.line:
        return
    if plan is None:
        draft.refuse(command.line, "no-approvers", _example(draft))
        return
    approvals.begin(draft, plan, draft.person.address)
    sent = [one.approver for one in approvals.pending(draft.ticket)]
    draft.meant[command.line] = values.labels(draft.rules.people.person(one) for one in sent)


def _named(draft: Draft, command: Command, rule: Approval | None) -> Approval | None:
    """The rule's periods with the approvers of the command; None where one of the words names nobody, who is then refused."""
    words = []
    for part in re.split("[,;]", command.args)[:_MOST_NAMED]:
        found = _who(draft, part)
        for one in [part] if found else part.split():
            word = found or _who(draft, one)
            if not word:
                like = values.named_people(one, draft.rules.people.people)
                draft.refuse(command.line, "ambiguous-person" if like else "unknown-approver", _example(draft), values.labels(like))
                return None
            words.append(word)
    plan = Approval((Stage(tuple(dict.fromkeys(words))),))
    plan = (
        plan if rule is None else Approval(plan.stages, rule.when, rule.auto_submit, rule.remind, rule.expire, rule.on_expire, rule.step_up)
    )
    probe = approvals.first_round(draft, plan)
    if not asked(plan.stages[0], Case(draft.ticket, probe, draft.rules, draft.now)):
        draft.refuse(command.line, "not-an-approver", _example(draft))
        return None
    old = draft.ticket.approval
    # Those whom policy names have said yes already, or there is nobody of them who says anything.
    done = old is not None and (old.outcome is Verdict.APPROVED or (old.live and old.stuck))
    return plan if done else approvals.besides(plan, rule)


def _who(draft: Draft, words: str) -> str:
    """The word of policy that is meant: a role, or the address of somebody whom we know; empty for nobody, or for several."""
    wanted = words.strip(" .!").casefold()
    if wanted in _ROLES:
        return _ROLES[wanted].value
    found = values.named_people(words, draft.rules.people.people)
    return found[0].address if len(found) == 1 else ""


def _example(draft: Draft) -> str:
    """A line that would work."""
    people = draft.rules.people
    own = (draft.ticket.requester, *draft.person.addresses)
    known = (*people.having(Role.APPROVER), *people.having(Role.MANAGER), *people.having(Role.OWNER), *people.having(Role.LEAD))
    fitting = next((one.address for one in known if not set(one.addresses) & set(own)), "")
    return f"#approval {fitting}" if fitting else ""
