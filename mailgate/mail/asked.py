"""What does somebody see of an approval, in a letter or on a page? Who was asked, what each has said, and until when there is time.

Every time is an aware datetime in UTC; names are what people call themselves and prove nothing.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from mailgate.mail import header

_REASON = 2_000
_MOST = 20


class VoteView(Struct, frozen=True):
    """One of those who are asked together, how his question stands (as desk/approval.Verdict), and what he said why."""

    name: str
    state: str
    decided: datetime | None = None
    why: str = ""


class ApprovalView(Struct, frozen=True):
    """The question that its reader was asked.

    `asked_by` sent it (empty: a rule of the desk), `stands_for` is who is away, `votes` are the others of this stage and what was said
    before. `need` is how many of them have to agree (None: all). `state`, `decided`, `by` and `why` tell what became of it.
    """

    stage: int = 1
    stages: int = 1
    need: int | None = None
    asked_by: str = ""
    stands_for: str = ""
    expires: datetime | None = None
    step_up: bool = False
    votes: tuple[VoteView, ...] = ()
    state: str = "pending"
    decided: datetime | None = None
    by: str = ""
    why: str = ""
    # What he types on the page, in the one letter that tells it.
    code: str = ""
    # By which way his answer came, as desk/approval.How.
    how: str = ""

    @property
    def together(self) -> bool:
        """Whether others are asked as well who have not answered yet."""
        return any(one.state == "pending" for one in self.votes)


def prepared(view: ApprovalView) -> ApprovalView:
    """The view as templates get it: names on one visible line, long reasons cut."""
    return replace(
        view, asked_by=header.text(view.asked_by, 80), stands_for=header.text(view.stands_for, 80), by=header.text(view.by, 80),
        votes=tuple(replace(one, name=header.text(one.name, 80), why=one.why[:_REASON]) for one in view.votes[:_MOST]),
        why=view.why[:_REASON],
    )  # fmt: skip


def discreet(view: ApprovalView) -> ApprovalView:
    """Of a confidential ticket: no names and no words."""
    votes = tuple(replace(one, name="", why="") for one in view.votes)
    return replace(view, asked_by="", stands_for="", by="", why="", votes=votes)
