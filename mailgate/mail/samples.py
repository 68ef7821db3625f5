"""What do letters look like about a ticket that never was? The views with which templates are checked and previewed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from mailgate.desk.letters import Line, Name
from mailgate.mail.view import DeskView, Links, MessageView, PersonView, TicketView, View

_STAFF = frozenset({Name.NEW_TICKET, Name.ASSIGNED, Name.REQUESTER_REPLIED, Name.UNDELIVERABLE, Name.RECEIPT, Name.HELD})
_ANNA = PersonView("Anna Weber", "anna.weber@example.org")
_KIM = PersonView("Kim Novak", "kim.novak@example.org")
_STATUS = {
    Name.QUESTION: ("On Hold", "Pending"),
    Name.REMINDER: ("On Hold", "Pending"),
    Name.RESOLVED: ("Resolved", "Waiting for Closure"),
    Name.CLOSING_SOON: ("Resolved", "Waiting for Closure"),
    Name.CLOSED: ("Closed", "Completed"),
    Name.STATUS: ("In Progress", "Analysis"),
    Name.REOPENED: ("In Progress", "Analysis"),
}
_ANSWER = """Hello Anna,

the drum unit is worn out. I have ordered a new one; it arrives tomorrow
morning and I will fit it at about ten.

Until then please use the printer in room 2.14, it is already on your list.

Best regards
Kim"""
_QUESTION = """Hello Anna,

does this happen with every document or only with PDFs? And could you
tell me the number on the front of the printer?

Kim"""
_SOLUTION = """I have replaced the drum unit and printed a test page on both sides:
it is clean again."""
_REQUEST = """Good morning,

since this morning the printer on the third floor prints blank pages only.
I have tried to switch it off and on again.

Anna Weber"""
_WORDS = {
    Name.REPLY: _ANSWER,
    Name.QUESTION: _QUESTION,
    Name.REMINDER: _QUESTION,
    Name.RESOLVED: _SOLUTION,
    Name.HELD: "Please pay the attached invoice today.",
}
_REQUESTER_VERBS = ("accept", "reject", "reopen", "status", "cancel", "mute", "keep_open", "help")
_LINES = (
    Line("#take", ok=True),
    Line("#pendig Which printer is it?", ok=False, wrong="There is no command #pendig.", instead="#pending Which printer is it?"),
)


def sample(name: Name) -> View:
    """The usual case of that letter, as `mailgate templates preview` shows it."""
    state, status = _STATUS.get(name, ("Open", "New"))
    staff = name in _STAFF
    ticket = TicketView(
        id=1042,
        tag="MG-1042",
        subject="Printer on floor 3 prints blank pages",
        state=state,
        status=status,
        priority="P3",
        created=datetime(2026, 11, 20, 8, 12, tzinfo=UTC),
        updated=datetime(2026, 11, 20, 13, 40, tzinfo=UTC),
        category="Hardware/Printer",
        team="Workplace",
        assignee=None if name in (Name.ACKNOWLEDGEMENT, Name.NEW_TICKET) else _KIM.name,
        due=datetime(2026, 11, 27, 13, 40, tzinfo=UTC) if state == "Resolved" else None,
        resolution=_SOLUTION,
    )
    stranger = PersonView("Accounts", "accounts@example.net")
    message = MessageView(
        text=_WORDS.get(name, _REQUEST),
        author=stranger if name is Name.HELD else _KIM if name in _WORDS else _ANNA,
        verified=name is not Name.HELD,
        attachments=("blank-page.jpg",) if staff else (),
        subject="Overdue invoice" if name is Name.HELD else "",
        inbox=317 if name is Name.HELD else None,
    )
    return View(
        desk=DeskView("IT Service Desk", "desk@example.org", timezone="Europe/Berlin"),
        recipient=_KIM if staff else _ANNA,
        requester=_ANNA,
        ticket=None if name is Name.HELD else ticket,
        technician=_KIM if ticket.assignee else None,
        message=message,
        links=_links(staff=staff),
        lines=_LINES if name is Name.RECEIPT else (),
        note=_note(name),
        staff=staff,
    )


def samples(name: Name) -> Iterator[View]:
    """The cases that a template must survive: the usual one, everything empty, unverified, confidential, plain, and each status."""
    usual = sample(name)
    yield usual
    yield replace(usual, links=Links(), message=None, technician=None, note="", lines=(), recipient=PersonView("", "x@example.org"))
    yield replace(usual, plain=True, staff=not usual.staff)
    if usual.message is not None:
        yield replace(usual, message=replace(usual.message, verified=False, clue_note="The subject names MG-7.", attachments=()))
    if usual.ticket is not None:
        yield replace(usual, ticket=replace(usual.ticket, confidential=True))
        empty = replace(usual.ticket, subject="", category=None, team=None, assignee=None, due=None, resolution=None)
        for status in ("New", "Pending", "Waiting for Closure", "Completed", "Cancelled", "Duplicate", "Declined", "Own Status"):
            yield replace(usual, ticket=replace(empty, status=status))


def _note(name: Name) -> str:
    match name:
        case Name.UNDELIVERABLE:
            return "anna.weber@example.org: 550 5.1.1 No such user here"
        case Name.RECEIPT:
            return "Nothing was done and nothing was sent, because one line is wrong."
        case Name.HELD:
            return "The sender's domain says that this mail is not its own (DMARC fail)."
        case _:
            return ""


def _links(*, staff: bool) -> Links:
    verbs = ("take", "start", "resume", "resolve", "close", "undo", "help") if staff else _REQUESTER_VERBS
    return Links(**{verb: f"mailto:desk+{verb}.1042.q7ExAmPlE3@example.org?subject={verb}%20MG-1042" for verb in verbs})
