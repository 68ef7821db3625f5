"""What does `#kb` do? It makes an article of a solved ticket, changes the one that is there, or takes it back.

    #kb [Title words]          #kb internal | public | off
    #title New title           lines that change these fields; other text takes the place of the solution
    #problem One line

Saying it is the technician's word that the article is right: nothing enters the knowledge base without it.
"""

from __future__ import annotations

import re

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk.article import LONGEST_TITLE, Article, Origin, first_line
from mailgate.desk.commands import Command
from mailgate.desk.decision import Refusal
from mailgate.desk.draft import Draft
from mailgate.desk.letters import Name
from mailgate.desk.model import Status
from mailgate.desk.seldom import seldom

_LONGEST_PROBLEM, _LONGEST_SOLUTION = 1_500, 20_000
_OFF = frozenset("off drop aus weg löschen verwerfen".split())
_INTERNAL = frozenset("internal intern".split())
_PUBLIC = frozenset("public öffentlich".split())
_TITLE = frozenset("title titel".split())
_LINE = seldom(r"#([^\W\d_]{1,20})[:,]?\s*(.*)", re.DOTALL)
_GREETING = seldom(
    r"(?:hello|hi|hey|dear|good (?:morning|afternoon|evening|day)|hallo|guten (?:tag|morgen|abend)|moin|sehr geehrte[rs]?|liebe[rs]?)\b"
    r"[^\n]{0,60}",
    re.IGNORECASE,
)
# What stands above a name at the end of a mail.
_CLOSING = seldom(
    r"(?:(?:with |mit )?(?:best|kind|warm|many|vielen?|beste[n]?|freundliche[mn]?|liebe[n]?|schöne[n]?|herzliche[n]?)? ?"
    r"(?:regards|wishes|greetings|thanks|grüße[n]?|grüsse[n]?|gruß|gruss|dank)|cheers|sincerely|yours|thank you|danke|mfg|vg|lg)"
    r"(?: sincerely| in advance| im voraus)?[\s,.!–-]*",
    re.IGNORECASE,
)
_ADDRESS = seldom(r"[^\s@<>()\[\]\",;:]{1,64}@[^\s@<>()\[\]\",;:]{1,190}")
_LEFT_OUT = "…"


class _Edit(Struct, frozen=True):
    """What was asked for; None and "" leave a field as it is."""

    title: str = ""
    problem: str = ""
    solution: str = ""
    internal: bool | None = None
    off: bool = False
    # A line that is none of these.
    wrong: str = ""


def kb(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    """Makes, changes, shows or withdraws the article of a ticket, and shows it to whoever said so."""
    origin = draft.known.origin or Origin()
    edit, present = _edit(command.args), origin.article
    if edit.wrong:
        draft.refusals.append(Refusal(edit.wrong, "unknown-verb", "#title Printer prints blank pages"))
    elif edit.off:
        _withdraw(draft, command, present)
    elif draft.ticket.confidential:
        draft.refusals.append(Refusal(command.line, "confidential-ticket"))
    else:
        _write(draft, command, edit, origin)


def _withdraw(draft: Draft, command: Command, present: Article | None) -> None:
    if present is None:
        draft.refusals.append(Refusal(command.line, "no-article", "#kb"))
        return
    draft.article = replace(present, gone=True)
    draft.event("kb", "withdrawn")
    draft.answer(Name.ARTICLE, articles=(draft.article,), note="withdrawn")


def _write(draft: Draft, command: Command, edit: _Edit, origin: Origin) -> None:
    present = origin.article or _made(draft, origin)
    if not (edit.solution or present.solution):
        # Where nobody has said yet what helped, these words do.
        edit = replace(edit, solution=edit.title, title="")
    article = replace(
        present,
        title=edit.title[:LONGEST_TITLE] or present.title,
        problem=edit.problem[:_LONGEST_PROBLEM] or present.problem,
        solution=edit.solution[:_LONGEST_SOLUTION] or present.solution,
        internal=present.internal if edit.internal is None else edit.internal,
        borrowed=tuple(name for name in present.borrowed if not getattr(edit, name)),
    )
    if not article.solution:
        draft.refusals.append(Refusal(command.line, "no-solution", "#kb The toner was empty; it prints again."))
        return
    if not article.title:
        article = replace(article, title=first_line(article.solution))
    if article != origin.article:
        draft.article = article
        draft.event("kb", "changed" if origin.article else "made")
    else:
        draft.event("kb", "shown")
    draft.answer(Name.ARTICLE, articles=(article,), note="" if origin.article is None else "changed")


def _made(draft: Draft, origin: Origin) -> Article:
    """The article that a ticket makes by itself. Who had the problem does not stand in it."""
    ticket = draft.ticket
    words, signed = _unsigned(origin.words[: _LONGEST_PROBLEM * 2])
    hidden = _names(draft, origin, signed)
    title = " ".join(_without(ticket.subject, hidden).split())[:LONGEST_TITLE]
    problem = _greeted(_without(words, hidden))[:_LONGEST_PROBLEM].strip()
    solution = _greeted(_without(ticket.resolution or "", hidden))[:_LONGEST_SOLUTION]
    borrowed = tuple(name for name, value in (("title", title), ("problem", problem)) if value)
    return Article(ticket.id, ticket.desk, title, problem, solution, draft.person.address, borrowed=borrowed)


def _edit(args: str) -> _Edit:
    """What stands on the line of the command, then the lines that begin with `#`, then the solution."""
    edit = _headed(_Edit(), args.partition("\n")[0])
    lines = args.partition("\n")[2].strip("\n").split("\n")
    for at, line in enumerate(lines):
        found = _LINE.fullmatch(line.strip())
        if found is None and line.strip():
            return replace(edit, solution="\n".join(lines[at:]).strip())
        edit = _lined(edit, found[1].lower(), found[2].strip(), line.strip()) if found else edit
        if edit.wrong:
            break
    return edit


def _lined(edit: _Edit, word: str, rest: str, line: str) -> _Edit:
    if word in _TITLE and rest:
        return replace(edit, title=rest)
    if word == "problem" and rest:
        return replace(edit, problem=rest)
    if word in ("kb", "wissen", "artikel"):
        return _headed(edit, rest)
    if not rest and word in _OFF | _INTERNAL | _PUBLIC:
        return _headed(edit, word)
    return replace(edit, wrong=line)


def _headed(edit: _Edit, words: str) -> _Edit:
    match words.strip(" \t.!").casefold():
        case "":
            return edit
        case word if word in _OFF:
            return replace(edit, off=True)
        case word if word in _INTERNAL | _PUBLIC:
            return replace(edit, internal=word in _INTERNAL)
        case _:
            return replace(edit, title=" ".join(words.split()))


# ------------------------------------------------------------------------------------------------------ who is not in it


def _unsigned(text: str) -> tuple[str, tuple[str, ...]]:
    """The text above the line that closes it, and the names that stand below that."""
    lines = text.strip().split("\n")
    at = next((at for at, line in enumerate(lines) if at and _CLOSING.fullmatch(line.strip()[:60])), len(lines))
    names = (line.strip(" ,.-–") for line in lines[at + 1 : at + 4])
    return "\n".join(lines[:at]), tuple(name for name in names if 0 < len(name.split()) <= 4)


def _greeted(text: str) -> str:
    """The text without the line that greets."""
    lines = text.strip().split("\n")
    if lines and _GREETING.fullmatch(lines[0].strip()):
        lines = lines[1:]
    return "\n".join(lines).strip()


def _without(text: str, hidden: re.Pattern[str] | None) -> str:
    text = _ADDRESS.sub(_LEFT_OUT, text)
    if hidden is not None:
        text = hidden.sub(_LEFT_OUT, text)
    # A line that held nothing but a name is none.
    return "\n".join(line for line in text.split("\n") if line.strip(" …,.-–") or not line.strip())


def _names(draft: Draft, origin: Origin, signed: tuple[str, ...]) -> re.Pattern[str] | None:
    """The names of those who are on the ticket, whole and by their parts, as the records, the mail and their addresses give them."""
    people = draft.rules.people
    on_it = (draft.ticket.requester, *(one.address for one in draft.ticket.participants if one.role == "cc"))
    names = {origin.name, *signed, *(people.person(one).name for one in on_it)}
    names |= {part.capitalize() for one in on_it for part in re.split(r"[._+-]", one.partition("@")[0]) if part.isalpha()}
    parts = {part for name in names for part in (name, *name.split()) if len(part.strip(".,")) > 2}
    if not parts:
        return None
    longest_first = sorted((re.escape(part[:80]) for part in parts), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(longest_first[:60])})(?!\w)")
