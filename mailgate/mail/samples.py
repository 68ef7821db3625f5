"""What do letters look like about a ticket that never was? The views with which templates are checked and previewed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from mailgate.desk.letters import HELD_WHY, LIKE, NOTES, TAGGED, Became, Line, Mailbox, Name, Said
from mailgate.desk.model import Status
from mailgate.desk.summary import Backlog
from mailgate.desk.weekly import Day, Figures, Promise, Report, Share
from mailgate.desk.workflow import STATES, VERBS, Grammar, worth_a_tap
from mailgate.mail.asked import ApprovalView, VoteView
from mailgate.mail.summed import DigestView, EntryView, HeldMailView, HeldView, LateView, OverdueView
from mailgate.mail.view import (
    ArticleView,
    ClockView,
    DeskView,
    FoundView,
    LikeView,
    Links,
    MessageView,
    PersonView,
    SearchView,
    TicketView,
    View,
)

_STAFF = frozenset({
    Name.NEW_TICKET, Name.ASSIGNED, Name.REQUESTER_REPLIED, Name.UNDELIVERABLE, Name.RECEIPT, Name.COLLISION, Name.ARTICLE, Name.FOUND,
    Name.RELATED, Name.SLA_WARNING, Name.SLA_BREACH,
})  # fmt: skip
_ANNA = PersonView("Anna Weber", "anna.weber@example.org")
_KIM = PersonView("Kim Novak", "kim.novak@example.org")
_JO = PersonView("Jo Berg", "jo.berg@example.org")
_HELPER = PersonView("", "support@printers.example")
_STATUS = {
    Name.QUESTION: ("On Hold", "Pending"),
    Name.REMINDER: ("On Hold", "Pending"),
    Name.RESOLVED: ("Resolved", "Waiting for Closure"),
    Name.CLOSING_SOON: ("Resolved", "Waiting for Closure"),
    Name.CLOSED: ("Closed", "Completed"),
    Name.STATUS: ("In Progress", "Analysis"),
    Name.REQUESTER_REPLIED: ("In Progress", "Analysis"),
    Name.RELATED: ("In Progress", "Analysis"),
    Name.UNDELIVERABLE: ("On Hold", "Pending"),
    Name.RECEIPT: ("In Progress", "Analysis"),
    Name.REOPENED: ("In Progress", "Analysis"),
    Name.ARTICLE: ("Resolved", "Waiting for Closure"),
    Name.ESCALATED: ("In Progress", "Escalated"),
    Name.VENDOR: ("In Progress", "Escalated"),
    Name.COLLISION: ("In Progress", "Analysis"),
    Name.SLA_WARNING: ("In Progress", "Analysis"),
    Name.SLA_BREACH: ("In Progress", "Analysis"),
    Name.DELAYED: ("In Progress", "Analysis"),
    Name.APPROVAL_REQUEST: ("Open", "Awaiting Approval"),
    Name.APPROVAL_REMINDER: ("Open", "Awaiting Approval"),
    Name.APPROVAL_CODE: ("Open", "Awaiting Approval"),
    Name.APPROVAL_WAITS: ("Open", "Awaiting Approval"),
    Name.DECISION: ("Open", "New"),
    Name.DECLINED: ("Closed", "Declined"),
}
_ACCESS = """Good morning,

from Monday on I look after the accounts of the northern branch. Could I
have read access to its ledger until the end of the year?

Anna Weber"""
_APPROVAL = ApprovalView(
    1, 2, None, "Jo Berg", "", datetime(2026, 11, 25, 8, 12, tzinfo=UTC), False,
    (VoteView("Pia Kern", "approved", datetime(2026, 11, 20, 9, 30, tzinfo=UTC), "It is in the plan."), VoteView("Eva Lang", "pending")),
)  # fmt: skip
# What an approver was asked, and what came of it.
_APPROVALS = {
    Name.APPROVAL_REQUEST: _APPROVAL,
    Name.APPROVAL_REMINDER: _APPROVAL,
    Name.APPROVAL_CODE: replace(_APPROVAL, code="40718826"),
    Name.DECISION: replace(
        _APPROVAL, state="rejected", decided=datetime(2026, 11, 20, 13, 40, tzinfo=UTC), by="Kim Novak", why="The audit is not over yet."
    ),
}
_APPROVER_VERBS = {Name.APPROVAL_REQUEST: ("approve", "reject"), Name.APPROVAL_REMINDER: ("approve", "reject"), Name.DECISION: ("disown",)}
_CLOCKS = (
    ClockView("resolution", "running", datetime(2026, 11, 20, 16, 12, tzinfo=UTC), timedelta(hours=8), timedelta(minutes=96), True),
    ClockView("next_response", "paused", None, timedelta(hours=4), timedelta(hours=1)),
)
_BROKEN = ClockView(
    "resolution", "breached", datetime(2026, 11, 20, 12, 12, tzinfo=UTC), timedelta(hours=4), timedelta(minutes=-80), True
)  # fmt: skip
_CLOCK = {Name.SLA_WARNING: _CLOCKS[0], Name.SLA_BREACH: _BROKEN}
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
# What each letter passes on; one that is not named passes on nothing.
_WORDS = {
    Name.REPLY: (_KIM, _ANSWER),
    Name.QUESTION: (_KIM, _QUESTION),
    Name.RESOLVED: (_KIM, _SOLUTION),
    Name.NEW_TICKET: (_ANNA, _REQUEST),
    Name.REQUESTER_REPLIED: (_ANNA, "With every document. The number is P-3-117."),
    Name.VENDOR: (_KIM, "The drum unit was replaced last week. What else can it be?"),
    Name.COLLISION: (_JO, "Please use the printer in room 2.14 for now."),
    Name.RELATED: (_ANNA, "The printer on the third floor prints blank pages."),
    Name.APPROVAL_REQUEST: (_ANNA, _ACCESS),
    Name.APPROVAL_REMINDER: (_ANNA, _ACCESS),
    Name.APPROVED: (_KIM, "It is in the plan."),
    Name.DECLINED: (_KIM, "The audit is not over yet. Please ask again in January."),
    Name.UNDELIVERABLE: (_ANNA, "550 5.1.1 <anna.weber@example.org>: Recipient address rejected: User unknown"),
}
_NOTE = {Name.RECEIPT: "refused", Name.RELATED: "joined MG-1041", Name.UNDELIVERABLE: _ANNA.address, Name.HELP: Grammar.REQUESTER.value}
_STORY = (
    Said(datetime(2026, 11, 20, 8, 12, tzinfo=UTC), "requester", _REQUEST),
    Said(datetime(2026, 11, 20, 9, 30, tzinfo=UTC), "desk", _QUESTION),
    Said(datetime(2026, 11, 20, 10, 5, tzinfo=UTC), "copy", "With every document. The number is P-3-117."),
)
_REQUESTER_VERBS = ("accept", "reject", "reopen", "status", "cancel", "mute", "csat", "help")
_STAFF_VERBS = ("help", "undo", "send", "merge")
_LINES = (
    Line("#take", ok=True),
    Line("#pendig Which printer is it?", ok=False, wrong="unknown-verb", instead="#pending Which floor is the printer on?"),
)


_MAILBOX = Mailbox(
    "support", "imap.example.org:993", "INBOX", datetime(2026, 11, 20, 13, 40, tzinfo=UTC),
    "imap.example.org:993: AUTHENTICATE: NO [AUTHENTICATIONFAILED] Authentication failed.",
)  # fmt: skip
_ARTICLES = (
    ArticleView(
        "MG-987", "Printer prints blank pages",
        "Since this morning the printer on the third floor prints blank pages only.",
        "Most often the protective strip of a new drum unit was left in. Open the front cover, take the drum out by its green handle, pull"
        " the orange strip off to the right, and put it back. If the pages stay blank, print the test page at the printer itself and send"
        " us its number.", False,
        "mailto:desk+kb.987.q7ExAmPlE3@example.org?subject=kb", "mailto:desk+kb.987.q7ExAmPlE3@example.org?subject=kb&body=%23kb%20off",
    ),
    ArticleView(
        "MG-641", "Printing from the third floor goes to the wrong printer", "",
        "Choose the printer P-3-117 in the print dialog once; your computer remembers it.", True,
        "mailto:desk+kb.641.q7ExAmPlE3@example.org?subject=kb", "mailto:desk+kb.641.q7ExAmPlE3@example.org?subject=kb&body=%23kb%20off",
    ),
)  # fmt: skip
_SEARCH = SearchView(
    "printer blank",
    (FoundView("MG-1042", "Printer on floor 3 prints blank pages", "Analysis"), FoundView("MG-1013", "", "Pending", confidential=True),
     FoundView("MG-987", "Blank pages again", "Completed")),
)  # fmt: skip


_HANDED = (
    Line(
        "MG-1042 P3 Printer on floor 3 prints blank pages", ok=True, instead="mailto:desk+t.1042.q7ExAmPlE3@example.org?subject=[MG-1042]"
    ),
    Line("MG-1043 P2", ok=True, instead="mailto:desk+t.1043.q7ExAmPlE3@example.org?subject=[MG-1043]"),
)
_OVERDUE = OverdueView(
    (
        LateView("MG-1043", "P2", "", _BROKEN, "mailto:desk+t.1043.q7ExAmPlE3@example.org?subject=[MG-1043]", confidential=True),
        LateView(
            "MG-1042", "P3", "Printer on floor 3 prints blank pages", replace(_BROKEN, metric="first_response"),
            "mailto:desk+t.1042.q7ExAmPlE3@example.org?subject=[MG-1042]",
        ),
        LateView("MG-1047", "P3", "No sound in room 2.14", _CLOCKS[0], "mailto:desk+t.1047.q7ExAmPlE3@example.org?subject=[MG-1047]"),
    ),
    ("MG-1051", "MG-1053"), 4, 1,
)  # fmt: skip
_DESK = DeskView("IT Service Desk", "desk@example.org", timezone="Europe/Berlin")


def _held() -> HeldView:
    """A forged invoice, and a mail that nobody could read."""
    taps = [
        tuple(f"mailto:desk+{verb}.{row}.q7ExAmPlE3@example.org?subject={verb}%20{row}" for verb in ("release", "attach", "drop", "block"))
        for row in (17, 16)
    ]
    seen = datetime(2026, 11, 20, 5, 41, tzinfo=UTC)
    forged = HeldMailView(
        17, ("own-domain-fail",), "managing.director@example.org", "Urgent: please pay today", seen, 14_200, "office4711@bulk[.]example",
        True, True, "", *taps[0],
    )  # fmt: skip
    torn = HeldMailView(16, ("too-deep",), "copier@example.org", "Scan", seen, 2_340_000, "", False, False, "MG-1041", *taps[1])
    return HeldView((forged, torn), 0, 1)


def _entry(part: str, number: int, subject: str, priority: str, at: datetime, **further: Any) -> EntryView:
    """A ticket in a digest."""
    address = f"mailto:desk+{{verb}}.{number}.q7ExAmPlE3@example.org?subject=%5BMG-{number}%5D"
    taps = {verb: address.replace("{verb}", verb) for verb in {"closing": ("close",), "unassigned": ("take",)}.get(part, ())}
    write = address.replace("{verb}", "t")
    return EntryView(part, f"MG-{number}", subject, "Analysis", priority, at, write=write, **{"first": True, "count": 1, **taps, **further})


def _digest() -> DigestView:
    """The morning of somebody who leads a team and works in it."""
    now = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
    hours = [now - timedelta(hours=number) for number in (2, 16, 20, 67, 70, 92, 160, 700)]
    own = (
        _entry("overdue", 1042, "Printer on floor 3 prints blank pages", "P1", hours[1]),
        _entry("today", 1051, "New laptop for Monday's newcomer, with docking station and two screens", "P2", now + timedelta(hours=8)),
        _entry("unanswered", 1063, "VPN drops every few minutes", "P3", hours[0], count=2),
        _entry("unanswered", 1058, "", "P2", hours[2], first=False, confidential=True, count=2),
        _entry("pending", 1013, "Which mailbox should be shared?", "P3", hours[4]),
        _entry("closing", 998, "Invoice program does not start", "P3", hours[5], count=12, more=11),
    )
    team = (
        _entry("unassigned", 1064, "Screen stays black after the update", "P2", hours[3]),
        _entry("late", 1020, "Telephone list is out of date", "P4", hours[6], assignee="Jo Berg"),
        _entry("oldest", 871, "Archive of the old file server", "P4", hours[7], assignee="Kim Novak"),
    )
    return DigestView(own, team, 5, 1, 1, 12, Backlog(17, 1, 1, hours[7]), "First level")


def _report() -> Report:
    """A week, and a busier one before it."""
    since = datetime(2026, 11, 15, 23, tzinfo=UTC)
    minutes, hours = timedelta(minutes=48), timedelta(hours=7, minutes=20)
    week = Figures(42, 38, 3, minutes, hours, 34, 4, 35, 21, 6 * minutes, 5 * hours, 2, 17, 4.4)
    before = Figures(57, 51, 6, timedelta(hours=2, minutes=5), timedelta(days=1, hours=2), 40, 11, 47, 18, 3 * hours, 9 * hours, 1, 12, 3.9)
    counts = ((9, 6), (11, 8), (7, 9), (8, 6), (6, 9), (1, 0), (0, 0))
    days = tuple(Day(since + timedelta(days=at, hours=12), came, solved) for at, (came, solved) in enumerate(counts))
    promises = (Promise("first_response", 19, 1, 1), Promise("resolution", 15, 3, 1))
    teams = (Share("First level", 33, 30, 28, 2, minutes * 4), Share("Network", 9, 8, 6, 2, hours))
    technicians = (Share("Kim Novak", 19, 18, 17, 1, minutes * 3), Share("Jo Berg", 12, 11, 10, 1, minutes * 5))
    about = (Share("Hardware/Printer", 14), Share("Access", 9), Share("Network/VPN", 6))
    whose = (Share("Anna Weber", 5), Share("marketing@example.org", 4))
    last, backlog = since + timedelta(days=6, hours=12), Backlog(17, 1, 2, since - timedelta(days=20))
    return Report(since, last, week, before, backlog, days, promises, teams, technicians, about, whose)


def sample(name: Name) -> View:
    """The usual case of that letter, as `mailgate templates preview` shows it."""
    if name is Name.FOUND:
        desk = DeskView("IT Service Desk", "desk@example.org", timezone="Europe/Berlin")
        return View(desk, _KIM, _KIM, staff=True, articles=_ARTICLES, search=_SEARCH)
    if name is Name.HANDOVER:
        return View(_DESK, _KIM, _KIM, staff=True, lines=_HANDED)
    if name is Name.OVERDUE:
        return View(_DESK, _KIM, _KIM, staff=True, overdue=_OVERDUE)
    if name is Name.DIGEST:
        return View(_DESK, _KIM, _KIM, staff=True, digest=_digest())
    if name is Name.LOGIN:
        return View(_DESK, _KIM, _KIM, staff=True, links=Links(page="https://desk.example.org/desk/login/nDWRGxAMpLe"))
    if name is Name.REPORT:
        return View(_DESK, _KIM, _KIM, report=_report())
    if name is Name.HELD:
        return View(_DESK, _KIM, _KIM, held=_held())
    if name is Name.CLOCK:
        return View(_DESK, _KIM, _KIM, staff=True)
    if name is Name.MAILBOX:
        return View(_DESK, _KIM, _KIM, staff=True, mailbox=_MAILBOX)
    if name in _APPROVALS:
        return _asked(name)
    state, status = _STATUS.get(name, ("Open", "New"))
    staff = name in _STAFF
    author, words = _WORDS.get(name, (_ANNA, ""))
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
        due=datetime(2026, 11, 27, 13, 40, tzinfo=UTC) if state in ("Resolved", "On Hold") else None,
        resolution=_SOLUTION if state == "Resolved" else None,
    )
    onward = worth_a_tap(Status(status), his=name is not Name.NEW_TICKET)
    verbs = (*onward, *_STAFF_VERBS) if staff else () if name is Name.VENDOR else _REQUESTER_VERBS
    return View(
        desk=_DESK,
        recipient=_KIM if staff else _HELPER if name is Name.VENDOR else _ANNA,
        requester=_ANNA,
        ticket=ticket,
        technician=_KIM if ticket.assignee else None,
        message=MessageView(words, author, attachments=("blank-page.jpg",) if name is Name.NEW_TICKET else ()) if words else None,
        links=Links(**{verb: f"mailto:desk+{verb}.1042.q7ExAmPlE3@example.org?subject={verb}" for verb in verbs}),
        lines=_lines(name, _NOTE.get(name, "")),
        note=_NOTE.get(name, ""),
        staff=staff,
        sla=(_CLOCK.get(name, _CLOCKS[0]), _CLOCKS[1]) if staff else (),
        clock=_CLOCK.get(name),
        story=_STORY if name is Name.VENDOR else (),
        articles={Name.ACKNOWLEDGEMENT: _ARTICLES, Name.ARTICLE: _ARTICLES[:1]}.get(name, ()),
        answered_by=datetime(2026, 11, 20, 12, 12, tzinfo=UTC) if name is Name.ACKNOWLEDGEMENT else None,
    )


def _asked(name: Name) -> View:
    """What an approver is written."""
    author, words = _WORDS.get(name, (_ANNA, ""))
    asked, now = datetime(2026, 11, 20, 8, 12, tzinfo=UTC), datetime(2026, 11, 20, 13, 40, tzinfo=UTC)
    subject = "Read access to the ledger of the northern branch"
    ticket = TicketView(1042, "MG-1042", subject, *_STATUS[name], "P3", asked, now, "Access/Ledger", "Workplace")
    taps = {verb: f"mailto:desk+{verb}.1042.q7ExAmPlE3@example.org?subject={verb}" for verb in _APPROVER_VERBS.get(name, ())}
    page = "https://desk.example.org/approval/q7ExAmPlE3q7ExAmPlE3q7ExAmPlE3q7ExAmPlE3q7E" if taps else None
    return View(
        _DESK, _KIM, _ANNA, ticket, None, MessageView(words, author) if words else None, Links(**taps, page=page),
        note="reject" if name is Name.DECISION else "", approval=_APPROVALS[name],
    )  # fmt: skip


def _otherwise_asked(usual: View) -> Iterator[View]:
    """Others who are asked, in other ways."""
    if usual.approval is None:
        return
    far = replace(usual.approval, need=2, stands_for="Eva Lang", expires=None, votes=(), asked_by="", step_up=True, stages=1, by="")
    yield replace(usual, approval=far)
    yield replace(usual, approval=replace(far, need=1, stands_for="", step_up=False), links=replace(usual.links, page=None))


def samples(name: Name) -> Iterator[View]:
    """The cases that a template must survive: the usual one, everything empty, plain, unverified, confidential, each note and status."""
    usual = sample(name)
    yield usual
    if usual.overdue is not None:
        one = replace(usual.overdue.tickets[0], clock=replace(_CLOCKS[1], metric="own_metric"))
        yield replace(usual, overdue=OverdueView((one,), (), 0, 1))
        yield replace(usual, overdue=OverdueView((one,), (), 1, 0))
    yield from _otherwise_asked(usual)
    if usual.held is not None:
        alone = replace(usual.held.mails[0], sender="", subject="", block=None)
        yield replace(usual, held=replace(usual.held, mails=(alone,), more=3, fresh=1))
        every = tuple(replace(alone, why=(why,)) for why in HELD_WHY)
        yield replace(usual, held=replace(usual.held, mails=every, fresh=len(every)))
    if usual.digest is not None:
        yield replace(usual, digest=replace(usual.digest, own=(), open=0, overdue=0, today=0, teams=""), staff=False)
        yield replace(usual, digest=replace(usual.digest, team=(), backlog=None, open=0, overdue=0, today=0))
    if usual.report is not None:
        yield replace(usual, report=Report(usual.report.since, usual.report.last, Figures(), Figures(), Backlog()))
        yield replace(usual, links=Links(page="https://desk.example.org/desk"))
    there = {page: f"https://desk.example.org/{page}/1042.q7ExAmPlE3" for page in ("ticket", "csat", "keep")}
    yield replace(usual, links=replace(usual.links, page=there["ticket"], rate=there["csat"], keep=there["keep"]))
    yield replace(usual, links=Links(), message=None, technician=None, recipient=PersonView("", "x@example.org"))
    yield replace(usual, plain=True, staff=not usual.staff)
    if name is Name.RECEIPT:
        moved = replace(_CLOCKS[0], before=datetime(2026, 11, 21, 9, 0, tzinfo=UTC))
        yield replace(usual, note="undoable", lines=(Line("#priority P1", ok=True),), sla=(moved, *_CLOCKS[1:]))
        yield replace(usual, note="collision", lines=(), message=MessageView(_ANSWER, _KIM))
    waiting = (
        (("mailto:desk+cc.1042.q7ExAmPlE3@example.org?subject=cc&body=add%20eva%40example.org", "eva@example.org"),) if usual.staff else ()
    )
    yield replace(usual, recipient=_KIM, others=(_ANNA.mailbox, "bob@example.org"), unconfirmed=waiting)
    if usual.message is not None:
        yield replace(usual, message=replace(usual.message, verified=False, attachments=(), author=PersonView("", "bob@example.org")))
    yield replace(usual, articles=_ARTICLES[1:], search=None, answered_by=None)
    yield replace(usual, articles=(), search=SearchView("blank"))
    for note in ("", *NOTES[name]) if name in NOTES else ():
        said = f"{note} MG-7" if note in TAGGED else note
        yield replace(usual, note=said, lines=_lines(name, note), message=None)
    if usual.clock is not None:
        yield replace(usual, clock=None, sla=())
        yield replace(usual, clock=replace(usual.clock, metric="own_metric", due=None, left=timedelta(0), working=False))
    if usual.staff:
        yield replace(usual, like=tuple(LikeView(f"MG-{7 + at}", because) for at, because in enumerate(LIKE)))
    if usual.ticket is not None:
        yield replace(usual, ticket=replace(usual.ticket, confidential=True))
        empty = replace(usual.ticket, subject="", category=None, team=None, assignee=None, due=None, resolution=None, closure="A\n\nB")
        yield replace(usual, ticket=replace(usual.ticket, wanted=usual.ticket.updated))
        for status, state in (*STATES.items(), ("Own Status", "Open")):
            yield replace(usual, ticket=replace(empty, status=status, state=state))


def _lines(name: Name, note: str) -> tuple[Line, ...]:
    """The lines that come with a note: what became of commands, or all commands for help."""
    match name, note:
        case Name.HELP, _:
            return tuple(Line(verb.example, ok=True) for verb in VERBS if verb.grammar == note)
        case Name.RECEIPT, "refused":
            return _LINES
        case Name.RECEIPT, "undecided":
            before = Became("release", "Kim Novak", datetime(2026, 11, 20, 7, 12, tzinfo=UTC))
            return (Line("drop 17", ok=False, wrong="already-decided", became=before),)
        case Name.RECEIPT, "decided":
            return (Line("block 17", ok=True, wrong="block", instead="unblock eve@out.example"),)
        case Name.RECEIPT, "unproven":
            return (Line("#close", ok=False, wrong="needs-stronger-sender"),)
        case Name.RECEIPT, _:
            return _LINES[:1]
        case Name.STATUS, "refused":
            return (Line("accept", ok=False, wrong="wrong-status", instead="status"),)
        case _:
            return ()
