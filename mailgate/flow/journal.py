"""What does the log say? One function for each fact, with ids and slugs; never a body, a subject, a token or a password.

A line reads `fact key=value …`; values with blanks or anything unprintable are quoted as JSON, so that nobody writes lines of his own.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from mailgate.desk.errors import MailgateError

_log = logging.getLogger("mailgate")
_LONGEST_WAY = 6
_Line = tuple[int, str]
# The lines of this thread that wait for a commit; None where none is under way.
_waiting: ContextVar[list[_Line] | None] = ContextVar("waiting", default=None)
_PLAIN = re.compile(r"[A-Za-z0-9_.:/@+,<>=\[\]-]+")


@contextmanager
def on_commit() -> Iterator[None]:
    """What is told inside is written once the block has ended well, and never if it raises: nobody is told what was rolled back.

    It stands around the transaction, or the savepoint, whose end it waits for. Trouble is told at once all the same.
    """
    outer, own = _waiting.get(), list[_Line]()
    before = _waiting.set(own)
    try:
        yield
    finally:
        _waiting.reset(before)
    for level, line in own:
        _write(level, line, outer)


def _fact(level: int, name: str, /, **values: object) -> None:
    """A line; written at once, or when what is under way has been committed."""
    if _log.isEnabledFor(level):
        _write(level, _line(name, values), _waiting.get())


def _line(name: str, values: Mapping[str, object]) -> str:
    words = [name]
    for key, value in values.items():
        if value is not None and value != "":
            words.append(f"{key}={_shown(value)}")
    return " ".join(words)


def _write(level: int, line: str, waiting: list[_Line] | None = None) -> None:
    if waiting is None:
        _log.log(level, line)
    else:
        waiting.append((level, line))


def _shown(value: object) -> str:
    text = str(value)[:300]
    # Most values are numbers and plain words, and neither of the two looks closer than it must.
    return text if (text.isalnum() and text.isascii()) or _PLAIN.fullmatch(text) else json.dumps(text)


def received(inbox: int, channel: str, size: int, *, seen_before: bool) -> None:
    """A mail is committed."""
    _fact(logging.INFO, "received", inbox=inbox, channel=channel, octets=size, again="yes" if seen_before else None)


def parked(inbox: int, reason: str, **details: object) -> None:
    """A mail waits, is held, was quarantined or needs nothing."""
    _fact(logging.INFO, "parked", inbox=inbox, reason=reason, **details)


def changed(cause: str, ticket: int, outcome: str, verbs: str, letters: int) -> None:
    """A ticket was opened, added to or changed."""
    _fact(logging.INFO, "changed", cause=cause, ticket=ticket, outcome=outcome, events=verbs, letters=letters)


def refused(cause: str, ticket: int | None, slugs: str) -> None:
    """Something was asked for and not done."""
    _fact(logging.INFO, "refused", cause=cause, ticket=ticket, reason=slugs)


def suppressed(cause: str, letter: str, reason: str) -> None:
    """A letter was planned and is not sent."""
    _fact(logging.INFO, "suppressed", cause=cause, letter=letter, reason=reason)


def sent(outbox: int, attempt: int, reply: str) -> None:
    """The relay has a letter."""
    _fact(logging.INFO, "sent", outbox=outbox, attempt=attempt, reply=reply)


def deferred(outbox: int, attempt: int, stage: str, reply: str) -> None:
    """A letter is tried again later."""
    _fact(logging.WARNING, "deferred", outbox=outbox, attempt=attempt, stage=stage, reply=reply)


def failed(outbox: int, attempt: int, stage: str, reply: str) -> None:
    """A letter will not be tried again."""
    _fact(logging.ERROR, "failed", outbox=outbox, attempt=attempt, stage=stage, reply=reply)


def bounced(outbox: int, inbox: int, status: str) -> None:
    """A letter came back."""
    _fact(logging.WARNING, "bounced", outbox=outbox, inbox=inbox, status=status)


def struck(inbox: int, attempt: int, reason: str) -> None:
    """The reader died over a mail."""
    _fact(logging.WARNING, "struck", inbox=inbox, attempt=attempt, reason=reason)


def template_fell_back(fault: str) -> None:
    """A template of the operator is broken; the packaged one stood in."""
    _fact(logging.ERROR, "template_fell_back", fault=fault)


def alert(code: str, text: str) -> None:
    """The operator has to know."""
    _fact(logging.ERROR, "alert", code=code, text=text)


def told(name: str, **details: object) -> None:
    """Something about the daemon itself: ready, draining, recovered."""
    _fact(logging.INFO, name, **details)


def trouble(where: str, error: BaseException) -> None:
    """Something of ours failed and will be tried again.

    What other programs say in their errors may quote a mail, so of theirs only the kind is told, and the way that led to it.
    """
    kind = type(error).__name__
    if isinstance(error, MailgateError | OSError):
        _write(logging.ERROR, _line("trouble", {"where": where, "error": f"{kind}: {error}"}))
    else:
        _write(logging.ERROR, _line("trouble", {"where": where, "error": kind, "at": _way(error)}))


def _way(error: BaseException) -> str:
    """The lines of ours that led to an error, the outermost first, and the innermost one of anybody's."""
    frames = [(frame.f_globals.get("__name__", "?"), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    ours = [(name, line) for name, line in frames if str(name).startswith("mailgate.")]
    return ">".join(f"{name}:{line}" for name, line in [*ours, *frames[-1:]][-_LONGEST_WAY:])
