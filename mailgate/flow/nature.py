"""Who composed a mail: a human, a machine that reports something new, or one that answers, distributes or reports a delivery?

What its header says of that was read already (mail/classify); here it is weighed for the desk that the mail came to.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailgate.desk.letters import HUMAN
from mailgate.desk.policy import Desk
from mailgate.desk.stimuli import Nature
from mailgate.flow.house import House
from mailgate.mail.parsed import Kind, ParsedMail


def nature_of(mail: ParsedMail, house: House, desk: Desk, *, own: bool) -> tuple[Nature, str]:
    """Who composed it, and the marks that say so. `own`: it bears an address of ours as its sender."""
    verdict, because = mail.verdict, ",".join(mail.verdict.because)
    if mail.kind is Kind.BOUNCE or verdict.is_report:
        return Nature.REPORT, because or "report"
    if own:
        return Nature.AUTOMATIC, "own-address"
    if verdict.own_loop and _passes_on_a_human(mail, house):
        return Nature.HUMAN, ""
    foreign = verdict.foreign_list and not _listed(mail, desk)
    if verdict.auto_generated and not (verdict.own_loop or foreign) and _says_so(verdict.because):
        return Nature.ALARM, because
    if verdict.machine or foreign or mail.kind in (Kind.AUTO_REPLY, Kind.LOOP, Kind.SPAM):
        return Nature.AUTOMATIC, because or str(mail.kind)
    return Nature.HUMAN, ""


def _says_so(marks: Sequence[str]) -> bool:
    """Whether a mail calls itself generated. A null path and a daemon's name do not suffice: those are reports that nobody could read."""
    return any(one == "auto-submitted" or one.startswith("x-") for one in marks)


def _passes_on_a_human(mail: ParsedMail, house: House) -> bool:
    """Whether nothing but a loop mark speaks against the mail, and it is that of another gateway on the words of one of its technicians."""
    ours = mail.marks.get("x-mailgate-loop", "").startswith(house.instance)
    return not ours and mail.verdict.because == ("x-mailgate-loop",) and mail.marks.get("x-mailgate-letter", "") in HUMAN


def _listed(mail: ParsedMail, desk: Desk) -> bool:
    """Whether the mail came through one of the desk's own lists."""
    listed = mail.marks.get("list-id", "").lower()
    return any(one.lower() in listed for one in desk.lists)
