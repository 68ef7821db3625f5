"""What does this mail say? Octets in, one value out: pure, never raising, whatever the octets are.

Budgets come first (`budget`), then the stdlib's compat32 tree for structure, mail-parser for the addresses and dates that are not
plain, and our own choice of the body. Nothing is looked up, fetched or remembered. A mail that cannot be read is `Kind.UNREADABLE` with
a defect that names the reason, and with as much of its From, Subject and Message-ID as can be had cheaply, so that somebody can be told.
"""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import Message

from mailgate.desk.address import fold_address
from mailgate.mail import addresses, body, bounce, budget, classify, dates, fresh, html
from mailgate.mail.charset import clean
from mailgate.mail.fields import Fields, message_id, message_ids, parameter
from mailgate.mail.parsed import Kind, Mailbox, ParsedMail, Verdict
from mailgate.mail.tree import tree

_MAX_TRACE = 300
_MAX_TRACE_VALUE = 8000
_MAX_SUBJECT = 2000
# By so many letters at its beginning a text is known again.
_OPENING = 12
# What ParsedMail holds elsewhere; every other field is trace: results, hops, the border's own marks, and whatever rules may ask for.
_NOT_TRACE = frozenset("from to cc reply-to subject message-id in-reply-to references".split())
# Where a server or a forwarder writes for whom the mail was, beside To and Cc.
_DELIVERED = ("delivered-to", "x-original-to", "envelope-to", "x-delivered-to", "x-envelope-to", "resent-to", "x-forwarded-to")


def over_budget(raw: bytes) -> str | None:
    """The slug of the budget that the mail exceeds and for which `parse` will not follow its structure; None for a mail that it will."""
    return budget.over(raw)


def parse(raw: bytes) -> ParsedMail:
    """The mail as a value. Times are aware and in UTC, texts decoded and clean, Message-IDs without brackets; no octets raise."""
    try:
        refused = budget.over(raw)
        return unreadable(raw, refused) if refused else _read(tree(raw), torn=budget.is_torn(raw))
    except RecursionError:
        return unreadable(raw, "too-deep")
    except MemoryError:
        return unreadable(raw, "too-large")
    except Exception as error:
        # Reading must not end the worker, whatever the stdlib makes of octets that nobody thought of: the kind of error is all that is
        # kept.
        return unreadable(raw, f"unreadable-{type(error).__name__.lower()}")


def _read(message: Message, *, torn: bool) -> ParsedMail:
    """The value of a tree within the budgets. `torn`: programs may disagree on where its header fields end."""
    fields = Fields(message)
    sender = addresses.sender(fields, (str(value) for name, value in message.raw_items() if name.lower() == "from"), torn=torn)
    found = body.read(message)
    text, markup = _texts(found)
    report = bounce.read(message, fields, text)
    parts = frozenset(body.media_type(part) for part, _ in zip(message.walk(), range(200), strict=False))
    report_type = parameter(message, "content-type", "report-type").lower()
    kind, verdict = classify.judge(fields, body.media_type(message), report_type, report, parts=parts)
    to, cc = addresses.read(fields.all("to")), addresses.read(fields.all("cc"))
    return ParsedMail(
        message_id=message_id(fields.get("message-id")),
        from_=sender.boxes,
        from_faults=sender.faults,
        reply_to=addresses.read(fields.all("reply-to")),
        to=to,
        cc=cc,
        recipients=_recipients(fields, to + cc),
        subject=fields.text("subject")[:_MAX_SUBJECT],
        date=dates.read(fields.get("date")),
        in_reply_to=message_ids(" ".join(fields.all("in-reply-to"))),
        references=message_ids(" ".join(fields.all("references"))),
        text=text,
        reply_text=_fresh(found, text, markup),
        html=markup,
        attachments=body.attachments(message, found),
        language=_language(fields),
        trace=_trace(fields),
        marks={name: fields.get(name)[:998] for name in classify.MARKS if name in fields},
        kind=kind,
        verdict=verdict,
        bounce=report,
        defects=_defects(message, found),
    )


def _texts(found: body.Body) -> tuple[str, str | None]:
    """The readable text of all runs, and their markup. A run's plain text counts unless it is blank."""
    texts = [plain if plain and plain.strip() else clean(html.render(markup)) if markup else "" for plain, markup in found.runs]
    markup = "\n".join(markup for _, markup in found.runs if markup)
    return "\n\n".join(text.strip("\n") for text in texts if text.strip())[: body.MAX_TEXT], markup or None


def _fresh(found: body.Body, text: str, markup: str | None) -> str:
    """The new text. Where markup shows quotes by its structure, the shorter of both readings: text marks may be missed, structure may
    be missing.
    """
    if markup is None or not html.quoted(markup):
        return fresh.cut(text)
    texts = [html.unquoted(markup) if markup else plain or "" for plain, markup in found.runs]
    by_structure = fresh.cut(clean("\n\n".join(texts)))
    # Markup without a plain text beside it shows no `>`: the text cannot tell where its quotes end, the structure can.
    if by_structure and not any(plain and plain.strip() for plain, _ in found.runs):
        return by_structure
    by_text = fresh.cut(text)
    if not by_structure:
        # Nothing but a quote: an empty answer, or a bare forward, which is kept from its header lines on.
        return by_text if fresh.opens_old(by_text) else ""
    # Where the two say something else, the structure is that of another text.
    said, shorter = _letters(by_text), _letters(by_structure)
    return by_structure if len(shorter) < len(said) and shorter[:_OPENING] in said else by_text


def _letters(text: str) -> str:
    """What a text says, whatever its layout."""
    return "".join(filter(str.isalnum, text))


def _recipients(fields: Fields, known: tuple[Mailbox, ...]) -> tuple[str, ...]:
    """Every address that any recipient field names, folded, each once."""
    others = [value for name in _DELIVERED for value in fields.all(name)]
    boxes = (*known, *(addresses.read(others) if others else ()))
    return tuple(dict.fromkeys(fold_address(box.address) for box in boxes))


def _language(fields: Fields) -> str | None:
    """The first language tag of Content-Language without its region, if it is one (RFC 3282)."""
    tag = fields.get("content-language").split(",")[0].strip().lower().split("-")[0]
    return tag if 2 <= len(tag) <= 3 and tag.isascii() and tag.isalpha() else None


def _trace(fields: Fields) -> tuple[tuple[str, str], ...]:
    """Hops, results and private fields, topmost first, unfolded, bounded."""
    return tuple((name[:120], clean(value[:_MAX_TRACE_VALUE])) for name, value in fields.items if name not in _NOT_TRACE)[:_MAX_TRACE]


def _defects(message: Message, found: body.Body) -> tuple[str, ...]:
    """Slugs of what was broken: the stdlib's names for it and ours."""
    stdlib = [re.sub(r"(?<!^)(?=[A-Z])", "-", type(defect).__name__.removesuffix("Defect")).lower() for defect in message.defects]
    return tuple(dict.fromkeys([*stdlib, *found.defects]))[:20]


def unreadable(raw: bytes, defect: str) -> ParsedMail:
    """A mail whose structure is not followed, and the slug that says why: who, what and which, if that can be had cheaply. Never raises."""
    try:
        message = message_from_bytes(budget.salvage(raw))
        fields = Fields(message)
        sender = addresses.sender(
            fields, (str(value) for name, value in message.raw_items() if name.lower() == "from"), torn=budget.is_torn(raw)
        )
        _, verdict = classify.judge(fields, "text/plain", "", None)
        return ParsedMail(
            message_id=message_id(fields.get("message-id")),
            from_=sender.boxes,
            from_faults=sender.faults,
            subject=fields.text("subject")[:_MAX_SUBJECT],
            date=dates.read(fields.get("date")),
            kind=Kind.UNREADABLE,
            verdict=verdict,
            defects=(defect,),
        )
    except Exception:
        # Even the bare header is beyond reading.
        return ParsedMail(from_faults=("unreadable-from",), kind=Kind.UNREADABLE, verdict=Verdict(), defects=(defect,))
