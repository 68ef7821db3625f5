"""How does a ticket get to another desk? Its number stays, and so do its conversation and every address and tag under which it was known.

Its requester is told nothing: the next letter comes from the new desk. Whoever works there hears of a new ticket.
"""

from __future__ import annotations

from mailgate.desk import values
from mailgate.desk.commands import Command
from mailgate.desk.decision import Refusal
from mailgate.desk.draft import Draft
from mailgate.desk.letters import Name
from mailgate.desk.model import Status
from mailgate.desk.policy import Desk
from mailgate.desk.rules import Rules


def move(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    """`#desk HR`: the first team of that desk owns the ticket, nobody there has it yet, and where all tickets are confidential so is it.

    What was confidential stays so elsewhere, until somebody says otherwise.
    """
    others = [one for one in draft.rules.desks if one.name != draft.ticket.desk]
    target = _named(command.args, others)
    if target is None:
        near = values.nearest(command.args, (one.name for one in others))
        draft.refusals.append(Refusal(command.line, "unknown-desk", f"#desk {near}" if near else ""))
        return
    there: Rules = draft.rules.at(target.name)
    team = there.first_team()
    draft.event(
        "desk", target.name, desk=target.name, team=team, assignee=None, confidential=draft.ticket.confidential or target.confidential,
        participants=tuple(one for one in draft.ticket.participants if one.role != "assignee"),
    )  # fmt: skip
    draft.rules = there
    draft.say(Name.NEW_TICKET, *(person.address for person in there.on_duty(team, draft.now)), note="moved")


def _named(words: str, desks: list[Desk]) -> Desk | None:
    """The desk of that name, or beginning of a name, or tag."""
    name = values.named(words, (one.name for one in desks))
    by_tag = (one for one in desks if one.tag.casefold() == words.strip().casefold())
    return next((one for one in desks if one.name == name), None) or next(by_tag, None)
