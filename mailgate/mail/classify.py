"""Did a machine write this mail, and what may it never cause? Judges by headers and structure; finds no ticket and knows no
configuration.

Each bit is judged for itself, with the header that told it: an absence notice must not be answered and must not reopen; a list's mail
must not be answered; a report is about another mail. `foreign_list` stands apart from the rest, since whether a list is foreign depends
on the desk's own lists: a mail that only a list's marks speak against is `Kind.BULK` with `foreign_list` and no other bit.
X-Auto-Response-Suppress asks us not to answer automatically, and Exchange puts it on mail of people too: it never makes a machine by
itself, it only backs a weaker mark. RFC 3834, 2919, 2369, 6522, 8098, 5965.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mailgate.mail.parsed import Bounce, Kind, ParsedMail, Verdict
from mailgate.mail.phrases import ABSENCE

if TYPE_CHECKING:
    from mailgate.mail.fields import Fields

# Headers that only automatic mails carry; nearly every vendor has one of his own, and they all say "auto" (X-Autoreply,
# X-Zoho-AutoReply, X-Discourse-Auto-Generated). Some senders write "no": then the header says nothing.
_AUTO = re.compile(r"x-(?:[a-z0-9]{1,20}-){0,3}auto-?(?:(reply|respon[ds]e?r?|answer)|generated)(?:-from|-domain)?")
_AUTO_REPLIES = ("x-vacation-message", "x-away-reply", "x-ricevuta")
_GENERATED = ("x-fc-machinegenerated", "x-cron-env", "x-automated")
_LISTS = (
    "list-id list-post list-owner x-mailing-list mailing-list x-list-id x-mailman-version x-ml-name x-mlserver x-google-group-id".split()
)
_NO = frozenset(("", "no", "false", "0", "none"))
# Notes says who is away before it says so; only with the day of the return behind it is this no person's question.
_AWAY = re.compile(r".{1,80} is out of the office \(returning ", re.I)
# Daily reports of others about our own domain (RFC 7489 section 7.2.1.1, RFC 8460 section 5.3), and complaints that came before RFC 5965.
_DOMAIN_REPORT = re.compile(r"\s*(?:\[preview\] )?report domain:\s?\S{1,255} submitter:", re.I)
_COMPLAINT = re.compile(r"complaint about message from [\d.]{7,15}|complaint about message from [0-9a-f:]{3,45}", re.I)
# How mail programs begin the subject of a reply; tags in brackets may stand before it.
_REPLIED = re.compile(
    r"(?:\s*\[[^\[\]]{1,40}\]){0,5}\s*(?:re|aw|antw|antwort|sv|vs|ref|rif|odp|ynt|atb|res|回复|回覆|答复|答覆|返信|ответ|vá|σχετ|απ)(?:\[\d+\])?\s?[:：]",
    re.I,
)
_NOISE_BEFORE = re.compile(r"^(?:\s*\[[^\[\]]{1,40}\])*\s*")
# The fields that a mail's value keeps by name, beside its trace.
MARKS = (
    "auto-submitted precedence list-id list-post list-unsubscribe x-auto-response-suppress x-mailgate-loop x-mailgate-letter "
    "x-mailgate-ticket x-spam-flag x-autoreply x-autorespond return-path importance x-priority x-loop"
).split()


def judge(
    fields: Fields, media: str, report_type: str, bounce: Bounce | None, *, parts: frozenset[str] = frozenset()
) -> tuple[Kind, Verdict]:
    """What sort of mail this is. `media` is its media type, `report_type` that parameter of it, `parts` the media types of its own
    parts.
    """
    submitted = _word(fields.get("auto-submitted"))
    reply_marks = _auto_reply_marks(fields, submitted)
    generated_marks = _generated_marks(fields, submitted)
    bulk_marks, null_marks = _bulk_marks(fields), _null_marks(fields)
    list_marks = [name for name in _LISTS if name in fields]
    report_marks = _report_marks(fields.text("subject")[:500], media, report_type, bounce, parts)
    loop = "x-mailgate-loop" in fields
    because = (*(["x-mailgate-loop"] if loop else []), *report_marks, *reply_marks, *generated_marks, *bulk_marks, *null_marks, *list_marks)
    machine = bool(loop or report_marks or reply_marks or generated_marks or bulk_marks or null_marks)
    verdict = Verdict(
        never_answer=machine,
        never_reopen=machine,
        auto_generated=bool(generated_marks) and not reply_marks and not report_marks,
        is_report=bool(report_marks),
        own_loop=loop,
        foreign_list=bool(list_marks),
        because=because,
    )
    answers = bool(reply_marks or report_marks or (null_marks and not generated_marks))
    return _kind(fields, verdict, bounce, answers=answers, bulk=bool(bulk_marks or list_marks)), verdict


def with_envelope(parsed: ParsedMail, envelope_from: str | None) -> ParsedMail:
    """The mail judged again with its envelope sender: "" is the null path, which only machines use (RFC 5321 section 4.5.5). None says
    nothing.
    """
    if envelope_from is None or envelope_from.strip("<> ") or "null-path" in parsed.verdict.because:
        return parsed
    verdict = replace(parsed.verdict, never_answer=True, never_reopen=True, because=(*parsed.verdict.because, "null-path"))
    personal = parsed.kind in (Kind.NEW, Kind.REPLY) and not parsed.verdict.auto_generated
    kind = Kind.AUTO_REPLY if personal else parsed.kind
    return replace(parsed, verdict=verdict, kind=kind)


def _kind(fields: Fields, verdict: Verdict, bounce: Bounce | None, *, answers: bool, bulk: bool) -> Kind:
    """The one word for a mail, the gravest first. What a machine wrote to us alone (an alarm, a copier's scan) stays new or a reply:
    it may open a ticket.
    """
    if bounce is not None:
        return Kind.BOUNCE
    if verdict.own_loop:
        return Kind.LOOP
    if answers:
        return Kind.AUTO_REPLY
    if bulk:
        return Kind.BULK
    if _word(fields.get("x-spam-flag")) == "yes":
        return Kind.SPAM
    if fields.get("in-reply-to") or fields.get("references") or _REPLIED.match(fields.text("subject")):
        return Kind.REPLY
    return Kind.NEW


def _auto_reply_marks(fields: Fields, submitted: str) -> list[str]:
    """What says that a machine answers here."""
    marks = [*_told(fields, _AUTO_REPLIES), *_vendors_marks(fields, replies=True)]
    # A server-side rule of Exchange answers as if on its own account; rules that pass a person's mail on leave the same mark, alone.
    if submitted.startswith(("auto-replied", "auto-reply")) or (submitted not in _NO and "x-ms-exchange-inbox-rules-loop" in fields):
        marks.insert(0, "auto-submitted")
    if _word(fields.get("x-apple-action")) == "vacation":
        marks.append("x-apple-action")
    if any(_word(fields.get(name)).replace("-", "_") == "auto_reply" for name in ("precedence", "preference", "x-precedence")):
        marks.append("precedence")
    if "autoresponder" in fields.get("x-post-messageclass").lower() or "autoresponder" in fields.get("delivered-to").lower():
        marks.append("autoresponder")
    if _is_absence(fields.text("subject")):
        marks.append("absence-subject")
    return marks


def _generated_marks(fields: Fields, submitted: str) -> list[str]:
    """What says that a machine wrote this on its own account."""
    marks = [*_told(fields, _GENERATED), *_vendors_marks(fields, replies=False)]
    if submitted not in _NO and not submitted.startswith(("auto-replied", "auto-reply")):
        marks.insert(0, "auto-submitted")
    return marks


def _told(fields: Fields, names: tuple[str, ...]) -> list[str]:
    """Which of these headers the mail has, and does not deny."""
    return [name for name in names if name in fields and _word(fields.get(name)) not in _NO]


def _vendors_marks(fields: Fields, *, replies: bool) -> list[str]:
    """The headers by which one vendor or another says that this is an automatic answer, or else that it is generated."""
    found = ((name, _AUTO.fullmatch(name)) for name, _ in fields.items if "auto" in name)
    return list(dict.fromkeys(name for name, match in found if match and bool(match[1]) is replies and _told(fields, (name,))))


def _null_marks(fields: Fields) -> list[str]:
    """What says that nobody waits for an answer: the null path (as Return-Path, where no envelope came along) and a mail system's own
    address.
    """
    marks = ["null-path"] if fields.get("return-path").strip() in ("<>", "<MAILER-DAEMON>") else []
    senders = re.findall(r"[^\s<>\"(),;:]+@", fields.get("from")[:2000])
    return [*marks, "daemon"] if any(sender.lower().startswith(("mailer-daemon@", "mail-daemon@")) for sender in senders) else marks


def _bulk_marks(fields: Fields) -> list[str]:
    """What says that this went to many. `Precedence` beside a list's own header is the list's, and judged with it."""
    precedence = _word(fields.get("precedence") or fields.get("x-precedence"))
    if precedence == "junk" or (precedence in ("bulk", "list") and "list-id" not in fields):
        return ["precedence"]
    # An address there names who must not see the mail again; only a bare word says that nobody shall answer.
    return ["x-loop"] if _word(fields.get("x-loop")) in ("yes", "true") else []


def _report_marks(subject: str, media: str, report_type: str, bounce: Bounce | None, parts: frozenset[str]) -> list[str]:
    """What says that this is a report about another mail."""
    marks = ["bounce"] if bounce is not None else []
    if media == "multipart/report" and (report_type or "message/delivery-status" in parts):
        marks.append("multipart/report")
    if "disposition-notification" in report_type or "message/disposition-notification" in parts:
        marks.append("disposition-notification")
    if "feedback-report" in report_type or "message/feedback-report" in parts:
        marks.append("feedback-report")
    if _COMPLAINT.match(subject) and "message/rfc822" in parts:
        marks.append("complaint")
    if _DOMAIN_REPORT.match(subject):
        marks.append("domain-report")
    return marks


def _is_absence(subject: str) -> bool:
    """Whether a subject is built as vendors build absence notices: the phrase first, then its end, a colon or a dash. A question about
    absence is not.
    """
    if _AWAY.match(subject):
        return True
    lowered = _NOISE_BEFORE.sub("", subject.lower(), count=1)
    for phrase in ABSENCE if lowered.startswith(ABSENCE) else ():
        if lowered.startswith(phrase):
            rest = lowered[len(phrase) :].lstrip()
            if not rest or rest[0] in ":：)(" or phrase.endswith((":", "]")) or rest.startswith(("- ", "– ", "re:", "aw:")):
                return True
    return False


def _word(value: str) -> str:
    """The first word of a field, lower-cased, without its parameters and comments."""
    return re.split(r"[\s;(,]", value.strip().lower(), maxsplit=1)[0] if value.strip() else ""
