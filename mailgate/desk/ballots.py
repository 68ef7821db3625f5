"""What does somebody say who was asked for an approval: by mail, by one tap, on the page of his link, from the shell?

A mark of an approver's letter belongs to one ticket, round, stage and person. Whoever else uses it decides nothing, and the approver hears
of it at his registered address. Where more than a letter is asked for (`step_up`), his own address has to be proven.
"""

from __future__ import annotations

from mailgate.desk import approvals
from mailgate.desk.approval import Ask, How, Verdict
from mailgate.desk.authority import permits, proven
from mailgate.desk.commands import Reading, read
from mailgate.desk.decision import Decision, Message, Outcome, Refusal
from mailgate.desk.draft import Draft
from mailgate.desk.letters import UNPROVEN, ApproverLetter, Letter, Name
from mailgate.desk.model import Ticket, Visibility
from mailgate.desk.stimuli import Ballot, Clicked, Wrote
from mailgate.desk.workflow import Grammar

APPROVE, REJECT, DISOWN = "approve", "reject", "disown"
VERBS = (APPROVE, REJECT, DISOWN)
# Why an approver is written to once more: his mark was used from elsewhere. (Or his mail did not prove to be his: `letters.UNPROVEN`.)
ELSEWHERE = "elsewhere"
# What is said of a mail that decides nothing, in the story: words of an approver, or a mark that did not count.
KEPT, BORROWED = "approver", "approval-mark"
# A reason is kept with the decision; nobody needs a longer one.
_LONGEST_WHY = 2_000


def answered(draft: Draft, wrote: Wrote, ballot: Ballot) -> Decision | None:
    """What follows from a mail that bears an approver's mark; None where it is a technician's mail like any other."""
    if not ballot.mine(wrote.person):
        return _not_counted(draft, wrote, ballot, ELSEWHERE)
    reading = read(wrote.text, Grammar.APPROVER, bare=True, synonyms=draft.rules.policy.verbs_by_word)
    verb, why = _said(reading, wrote, ballot)
    if not verb:
        # Who works here may answer any letter with commands.
        orders = wrote.text.lstrip().startswith("#") and draft.rules.works_on(wrote.person, draft.ticket)
        return None if orders else _noted(draft, wrote)
    round_ = draft.ticket.approval
    if verb == DISOWN:
        # To raise an alarm less is enough than to decide.
        known = wrote.strength.trusted
    else:
        known = proven(wrote, draft.rules) and permits(verb, wrote, draft.rules) and (wrote.aligned or not (round_ and round_.step_up))
    if not known:
        return _not_counted(draft, wrote, ballot, UNPROVEN)
    how = How.TAP if ballot.verb else How.MAIL
    _decide(draft, ballot.ask, verb, how, ballot.evidence, why, here=ballot.ticket == draft.ticket.id)
    return draft.decided(Outcome.COMMANDED, reading).noting("approval", verb, f"round {ballot.ask.round}, stage {ballot.ask.stage}")


def _said(reading: Reading, wrote: Wrote, ballot: Ballot) -> tuple[str, str]:
    """The verb that counts, and the reason behind it or below. To say that it was not he is an alarm, whatever he writes with it."""
    if ballot.verb == DISOWN:
        return DISOWN, ""
    if reading.commands:
        first = reading.commands[0]
        # Who taps one thing and writes another has not made up his mind.
        verb = "" if ballot.verb and first.verb != ballot.verb else first.verb
        verb = "" if any(one.verb != first.verb for one in reading.commands) else verb
        return verb, _reason(first.args, reading.text)
    return ballot.verb, _reason(wrote.text)


def _reason(*parts: str) -> str:
    return "\n\n".join(part.strip() for part in parts if part.strip())[:_LONGEST_WHY]


def clicked(draft: Draft, click: Clicked) -> Decision:
    """What follows from a POST of the page of an approver's link."""
    round_ = draft.ticket.approval
    if click.verb != DISOWN and round_ is not None and round_.step_up and not click.coded:
        return Decision(Outcome.REFUSED, "needs-code")
    _decide(draft, click.ask, click.verb, How.LINK, click.evidence, _reason(click.why))
    return draft.decided(Outcome.COMMANDED).noting("approval", click.verb, f"round {click.ask.round}, stage {click.ask.stage}")


def ordered(draft: Draft, text: str) -> Decision | None:
    """An approver's word that somebody with a shell on this machine says in his name; None where it is none."""
    reading = read(text, Grammar.APPROVER, bare=True, synonyms=draft.rules.policy.verbs_by_word)
    round_ = draft.ticket.approval
    if not reading.commands or round_ is None:
        return None
    first = reading.commands[0]
    ask = approvals.open_to(draft.ticket, draft, round_.number, round_.stage)
    if ask is None:
        refusal = Refusal(first.line, "not-an-approver")
        return Decision(Outcome.REFUSED, refusals=(refusal,), commands=reading.commands)
    approvals.vote(draft, ask, first.verb, How.SHELL, "", _reason(first.args, reading.text))
    return draft.decided(Outcome.COMMANDED, reading)


def _decide(draft: Draft, ask: Ask, verb: str, how: How, evidence: str, why: str, *, here: bool = True) -> None:
    """The word is counted if the question is still open to him; else he is told how it stands, and nothing changes.

    `here`: it is a question about this ticket, and not about one that was merged into it.
    """
    if verb == DISOWN and here:
        _disown(draft, ask)
        return
    found = approvals.open_to(draft.ticket, draft, ask.round, ask.stage) if here else None
    if found is not None:
        approvals.vote(draft, found, verb, how, evidence, why)
        return
    note = standing(draft.ticket, ask) if here else "withdrawn"
    draft.event("note", f"{verb} by {how}: not counted, {note}")
    draft.letters.append(_told(draft, ask, note))


def _disown(draft: Draft, ask: Ask) -> None:
    """Only what was said in his name can be disowned, and only once."""
    now = next((one for one in draft.ticket.asks if one.key == ask.key), ask)
    if now.by is None:
        draft.event("note", "disown: nothing was decided")
        return
    approvals.disown(draft, now)


def standing(ticket: Ticket, ask: Ask) -> str:
    """Why a word no longer counts, or does not count from this person, as one of the letter's notes."""
    round_ = ticket.approval
    now = next((one for one in ticket.asks if one.key == ask.key), ask)
    if now.state in (Verdict.APPROVED, Verdict.REJECTED):
        return "already"
    if round_ is not None and round_.number == ask.round and round_.outcome in (Verdict.APPROVED, Verdict.REJECTED):
        return "settled"
    if now.state is Verdict.EXPIRED:
        return "expired"
    if now.state is Verdict.WITHDRAWN:
        return "settled" if round_ is not None and (round_.number, round_.live) == (ask.round, True) else "withdrawn"
    return "not-you"


def _told(draft: Draft, ask: Ask, note: str) -> Letter:
    return Letter(Name.DECISION, draft.person.address, note=note, approver=ApproverLetter(ask.round, ask.stage, ask.approver))


def _noted(draft: Draft, wrote: Wrote) -> Decision:
    """An approver without a verb writes for technicians alone."""
    draft.event("note", KEPT)
    draft.message = Message(
        wrote.person.address, wrote.text or wrote.whole, visibility=Visibility.INTERNAL, strength=wrote.strength,
        unverified=not proven(wrote, draft.rules), note=KEPT,
    )  # fmt: skip
    return draft.decided(Outcome.NOTED)


def _not_counted(draft: Draft, wrote: Wrote, ballot: Ballot, note: str) -> Decision:
    """Nothing is decided: technicians have the mail, and the approver gets his letter again, at his registered address, once a day."""
    draft.event("auth_failed", f"approval mark of {ballot.person}")
    draft.message = Message(
        wrote.person.address, wrote.text or wrote.whole, visibility=Visibility.INTERNAL, strength=wrote.strength, unverified=True,
        note=BORROWED,
    )  # fmt: skip
    ask = next((one for one in approvals.pending(draft.ticket) if one.key == ballot.ask.key), None)
    if ask is not None and not ballot.told:
        approver = ApproverLetter(ask.round, ask.stage, ask.approver)
        draft.letters.append(Letter(Name.APPROVAL_REQUEST, ballot.person, note=note, approver=approver))
    refusal = Refusal(next((line.strip() for line in wrote.text.splitlines() if line.strip()), ""), "needs-stronger-sender")
    return Decision(
        Outcome.REFUSED, f"approval-{note}", events=tuple(draft.events), message=draft.message, letters=tuple(draft.letters),
        refusals=(refusal,),
    )  # fmt: skip
