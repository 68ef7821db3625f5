"""Is this a report about a mail of ours that did not arrive, and which recipient, status and action does it tell? Believes nothing:
whether the mail was ours is decided by the signed bounce address or a returned Message-ID, elsewhere.

RFC 3464 and 6522 fields where a report has them. Else the words of mail systems that have none (qmail, Exim, Postfix as plain text,
Google, Yahoo, Notes and the many providers of Japan): a daemon's name or a failure's subject, backed by a failure's phrase in the body.
Some systems send under any name at all: those are known by how they open, after a failure's subject and with the address that failed.
People complain about such reports, and a mail that is taken for one is answered by nobody: in doubt it is a person's.
"""

from __future__ import annotations

import binascii
import quopri
import re
from collections.abc import Iterator
from email.message import Message

from mailgate.desk.seldom import seldom
from mailgate.mail import body as bodies
from mailgate.mail.charset import clean, decode
from mailgate.mail.fields import Fields, message_ids
from mailgate.mail.parsed import Bounce
from mailgate.mail.phrases import ABSENCE

_MAX_LOOK = 60_000
# RFC 5321 section 4.5.3.1, with room for a source route.
_LONGEST_BOX = 500
_RECIPIENTS = ("final-recipient", "original-recipient", "x-actual-recipient")
# RFC 8098, 5965 and 8460: receipts, complaints, and what went wrong with TLS.
_OTHER_REPORTS = ("disposition-notification", "feedback-report", "tlsrpt")
_HEADER_COPIES = frozenset(("text/rfc822-headers", "message/rfc822-headers", "message/global-headers", "text/rfc822", "message/rfc822"))


def _any_of(patterns: str) -> re.Pattern[str]:
    r"""One pattern out of many, which blanks part; inside them `\s` stands for any blanks or a fold."""
    return seldom("|".join(re.sub(r"\\s(?!\?)", r"\\s{1,8}", patterns).split()), re.I)


# The local parts that only mail systems write from, and the names that they give themselves …
_DAEMON = re.compile(
    r"(?:mailer[_-]?daemon|mail-?daemon|mail-?delivery|mdaemon|bounces?|mailsystem|double-bounce|microsoftexchange[0-9a-f]+|"
    r"undeliverable|mrdaemon)(?:[+@.-]|$)",
    re.I,
)
_DAEMON_NAME = _any_of(r"mail\sdelivery mailer-daemon courier\smail\sserver")
# … and those behind which a person may sit.
_POSTMASTER = re.compile(r"(?:post_?master|mail[_-]?admin)(?:[+@.-]|$)", re.I)
_POSTMASTER_NAME = _any_of(r"mail\sadministrator postmaster")
_SUBJECT = _any_of(r"""
    undeliver undelivr non-?deliver not\sdeliver delivery\s(?:status|fail|report|problem|error|notification|has\sfailed|incomplete)
    delivery\s(?:delayed|subsystem|unsuccess) delivering\s.{0,30}fail returned\s(?:mail|message|to\ssender|e-?mail) return\smail
    failure\s(?:notice|delivery|notification) mail\s(?:delivery|system\serror|error|could\snot|status|returned|failure) failed\smail
    message\s(?:could\snot|delivery|delayed|undeliv|you\ssent|not\sdelivered|rejected|blocked) could\snot\s(?:be\s)?(?:send|deliver)
    error\s(?:sending|delivering)\s(?:your|the|a) are\snot\s(?:a\s)?member
    bounced?\s(?:mail|message) user\sunknown rejected warning:\s(?:message|could\snot|mail) underrättelse unzustellbar
    nicht\szugestellt zustellung non\sremis échec impossible\sde\sremettre non\sdistribu
    no\sse\s(?:pudo|puede|ha\spodido)\sentregar devuelto no\sentregado não\s(?:foi\s)?entreg falha\sna\sentrega
    mancat[ao]\s(?:recapito|consegna) non\srecapitabile impossibile\srecapitare niet\s(?:afgeleverd|bezorgd|verzonden) onbestelbaar
    olevererbar kunde\sinte\slevereras (?:kan\s)?ikke\sleveres niedoręczon nie\s(?:można|dostarcz) nedoručiteln nelze\sdoručit
    kézbesíthet не\s(?:доставлен|удалось\sдоставить) недоставлен teslim\sedilemedi iletilemedi
    配信(?:不能|エラー|できません|失敗) 送信(?:できません|エラー) メール.{0,10}(?:エラー|届けられません)
    配信できま 配信に失敗 \[bounce\] 退信 无法投递 無法傳遞 投递失败 반송 전송\s?실패 발송\s?실패
""")
_PHRASE = _any_of(r"""
    could\s?n[o']t\sbe\sdeliver can(?:not|'t|\snot)\sbe\sdeliver was\s(?:not|undeliver) not\s(?:been\s)?deliver undeliverable
    permanent\s(?:fatal\s)?error permanent(?:ly)?\sfail fatal\serror user\sunknown unknown\s(?:user|local|address|recipient|mailbox)
    no\ssuch\s(?:user|person|mailbox|recipient|address) mailbox\s(?:unavailable|is\sfull|full|not\sfound|does\snot|quota|disabled|size)
    quota unrouteable relay(?:ing)?\s(?:denied|access) host\s(?:unknown|not\sfound) recipient\s(?:rejected|unknown|address)
    does\snot\s(?:exist|like) doesn't\shave invalid\s(?:recipient|address|user|final) no\svalid\srecipient exceed(?:s|ed)\s
    following\s(?:address|recipient|destination|message)
    unable\sto\sdeliver was\srejected rejected\sby refused automatically\s(?:generated|created|rejected)
    delivery\s(?:attempt|to\sthe\sfollowing|failed|has\sfailed|failure|error|status) smtp\serror remote\s(?:mta|server|host)
    (?:account|mailbox)\s(?:is|was|has)\s(?:been\s)?(?:disabled|closed|suspended|inactive|blocked|expired)
    not\sa\smember failed\saddress(?:es)?\sfollow not\slisted
    failed\sto\s(?:deliver|send) returned\s(?:to|message|mail) reason: \b[45]\d\d[\s-][#(]?[45]\.\d \b5[05]\d\b
    konnte\snicht nicht\szugestellt n'a\spas\s(?:pu|été) no\s(?:se\s)?(?:pudo|ha\spodido) non\sè\sstato não\s(?:foi|pôde)
    niet\sworden 届け 送信でき エラー 不明 失敗 失败 无法 無法 退回 не\sудалось не\sдоставлен
""")
_DELAYED = _any_of(r"""
    delay not\syet\sbeen\sdeliver still\s(?:be\s)?(?:retri|try) will\s(?:be\sretried|retry|keep\strying|continue\sto)
    warning:\s(?:could|message) verzögert retardé retrasad in\sritardo vertraagd
""")
_FINAL = _any_of(r"giv(?:en|ing)\sup permanent (?<!temporary.)fail(?:ed|ure) too\slong expired")
# How a mail system opens a report. Only what stands at the top counts: further down, a person may have pasted it.
_TOP = 400
_OPENING = re.compile(
    r"^[\s*=#-]{0,100}(?:"
    r"(?:your|the|this|an?|the\sattached|the\soriginal)\s(?:e-?mail\s|mail\s)?(?:message|e-?mail|mail)(?:\s(?:that\s)?you\ssent)?\s*"
    r"(?::|\n|was\b|could\b|can\s?not|can't|did\snot|has\s(?:been|encountered)|have\s|sent\son|attempted|to\b[^\n]{3,200}(?:could|was|has|\n))|"
    r"(?:i\swas\s|we\swere\s|sorry,\s)?(?:unable\sto|could\snot|can\s?not)\sdeliver|message\scould\snot|we\shad\strouble\sdeliver|"
    r"(?:delivery\sto\s)?the\sfollowing\s(?:recipient|address|message|destination)|did\snot\sreach|undeliverable\s(?:to|address)|error:\s|"
    r"this\sis\san\sautomatically\sgenerated\sdelivery|sent\s[<>]{3}\srcpt|error\sdelivering|"
    r"ihre\snachricht|(?:diese|die)\s(?:e-?mail|nachricht)\s(?:konnte|wurde)|fehler\sbei\sder\snachricht|"
    r"votre\smessage|échec\sde\sla\sremise|la\sremise\s|su\smensaje|no\sse\spudo\sentregar|error\sde\sentrega|"
    r"il\s(?:suo\s|tuo\s)?messaggio|(?:a\s)?sua\smensagem|falha\sna\sentrega|uw\sbericht|次の(?:宛先|受信者)|您的邮件|您的郵件)",
    re.I | re.M,
)
# Where a report in prose ends and what it quotes of the returned mail begins.
_RETURNED = seldom(
    r"^[ \t>*-]{0,80}(?:(?:below\sthis\sline|this)\sis\sa\scopy\sof|(?:the\s)?(?:original|unsent|returned|undelivered)\s(?:message|mail)|"
    r"message\sheader|(?:the\s)?headers?\s(?:of|from)|return-path:|received:\sfrom|included\sis\sa\scopy)",
    re.I | re.M,
)
_STATUS = seldom(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
# In prose a transcript may show what went well before it shows what did not.
_FAULT = seldom(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_REPLY_CODE = seldom(r"(?<![\d.:/-])([45])[0-5]\d(?=[] )-]|$)", re.M)
_BOX = r"[A-Za-z0-9!#$%&*+/=?^_`{|}~.-][A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{0,63}@[A-Za-z0-9][A-Za-z0-9.-]{1,190}[A-Za-z0-9]"
_ADDRESS = re.compile(_BOX)
# Where a report names the one that failed: alone on its line, or at the head of it.
_ALONE = seldom(rf"^[ \t>*<\"'-]{{0,40}}({_BOX})(?:[>\"']?[:;,. \t(]|[>\"']?$)", re.M)
_ANGLED = seldom(f"<({_BOX})>")
# How the subject begins of what people pass on or answer.
_ANSWERED = seldom(r"\s*(?:re|fwd?|aw|wg|tr|rv|sv|vs|vb|i|enc|res|antw|doorst|pd)\s?:", re.I)
_ID_LINE = re.compile(r"^[ \t>]*message-id:[ \t]*(<[^<>\s]{3,500}>)", re.I | re.M)
# What systems write into Action beside the words of RFC 3464 section 2.3.3.
_ACTIONS = {
    "failure": "failed",
    "expired": "failed",
    "error": "failed",
    "undeliverable": "failed",
    "deferred": "delayed",
    "delay": "delayed",
}
_FIELD = seldom(r"^([A-Za-z-]{3,40})[ \t]*:[ \t]*(.*(?:\n[ \t]+\S.*)*)", re.M)


def read(message: Message, fields: Fields, text: str) -> Bounce | None:
    """What the mail reports about an undelivered one; None if it is no delivery report. `text` is its readable body."""
    blocks = list(_recipient_blocks(message)) if message.is_multipart() or message.get_content_maintype() == "message" else []
    if not blocks and not _is_prose(message, fields, text):
        return None
    fields_told = _told(blocks)
    returned = _returned_ids(message, text)
    said = _said(fields, _above(text))
    if fields_told is None:
        return Bounce(said.recipient or _first_returned(message), said.status, said.action, returned)
    return Bounce(fields_told.recipient or said.recipient, fields_told.status or said.status, fields_told.action or said.action, returned)


def _recipient_blocks(message: Message) -> Iterator[dict[str, str]]:
    """The per-recipient groups of every delivery-status part that is not inside a returned mail (RFC 3464 section 2.3)."""
    for part in _outer_parts(message):
        if bodies.media_type(part) in ("message/delivery-status", "message/global-delivery-status"):
            for group in re.split(r"\n[ \t]*\n", _status_text(part)):
                block = {match[1].lower(): " ".join(match[2].split()) for match in _FIELD.finditer(group)}
                if block.keys() & {*_RECIPIENTS, "status", "action", "diagnostic-code"}:
                    yield block


def _status_text(part: Message) -> str:
    """A delivery-status part as text. The stdlib reads its groups as messages; what is no group at all hides in their bodies."""
    if not part.is_multipart():
        return bodies.text_of(part)
    groups = part.get_payload()
    chunks: list[bytes] = []
    for group in groups[:200] if isinstance(groups, list) else []:
        if isinstance(group, Message):
            chunks.append("\n".join(f"{name}: {value}" for name, value in group.raw_items()).encode("utf-8", "surrogateescape"))
            chunks.append(bodies.part_octets(group).lstrip(b"\n"))
    octets = b"\n\n".join(chunks).replace(b"\r", b"")
    return clean(decode(_unpacked(octets, str(part.get("Content-Transfer-Encoding", "")).strip().lower())))


def _unpacked(octets: bytes, encoding: str) -> bytes:
    """Octets without their transfer encoding, which RFC 2046 section 5.2 forbids here and some systems apply all the same."""
    if encoding == "quoted-printable":
        return quopri.decodestring(octets)
    try:
        return binascii.a2b_base64(octets) if encoding == "base64" and b":" not in octets else octets
    except binascii.Error:
        return octets


def _outer_parts(message: Message) -> Iterator[Message]:
    """The parts of the mail itself, without those of mails attached to it."""
    stack = [message]
    for _ in range(2000):
        if not stack:
            return
        part = stack.pop(0)
        yield part
        children = part.get_payload() if part.is_multipart() else None
        if isinstance(children, list) and not bodies.media_type(part).startswith("message/"):
            stack[:0] = [child for child in children if isinstance(child, Message)]


def _told(blocks: list[dict[str, str]]) -> Bounce | None:
    """The first group that tells of a failure, else of a delay, else the first; None without groups."""
    named = [block for block in blocks if any(name in block for name in _RECIPIENTS)] or blocks
    if not named:
        return None
    ranks = {"failed": 0, "delayed": 1}
    block = min(named, key=lambda one: ranks.get(_action(one) or "failed", 2))
    boxes = [box for name in _RECIPIENTS if (box := _recipient(block.get(name, "")))]
    # A source route (RFC 5321 appendix C) names hosts before the mailbox: another field tells it better.
    recipient = next((box for box in boxes if not box.startswith("@")), boxes[0] if boxes else None)
    status = _STATUS.search(block.get("status", "")) or _STATUS.search(block.get("diagnostic-code", ""))
    action = _action(block)
    if action is None and status:
        action = {"2": "delivered", "4": "delayed"}.get(status[1][0], "failed")
    return Bounce(recipient, status[1] if status else None, action)


def _action(block: dict[str, str]) -> str | None:
    """The action word of a group: failed, delayed, delivered, relayed or expanded."""
    found = re.match(r"[a-z]+", block.get("action", "").lower())
    return _ACTIONS.get(found[0], found[0]) if found else None


def _recipient(value: str) -> str | None:
    """The mailbox of `rfc822; <a@b>`, whatever its type says."""
    mailbox = value.rpartition(";")[2].strip().strip("<>\"' ")
    found = _ADDRESS.search(mailbox)
    if found and (" " in mailbox or "<" in mailbox):
        return found[0]
    plain = "@" in mailbox and " " not in mailbox and mailbox.isprintable() and len(mailbox) <= _LONGEST_BOX
    return mailbox if plain else None


def _is_prose(message: Message, fields: Fields, text: str) -> bool:
    """Whether a mail without status fields is a delivery report all the same."""
    if fields.get("x-failed-recipients"):
        return True
    report = str(message.get("Content-Type", "")).lower()[:2000]
    if "multipart/report" in report:
        about = {report, *(bodies.media_type(part) for part in _outer_parts(message))}
        return not any(other in one for one in about for other in _OTHER_REPORTS)
    senders = " ".join((fields.get("from"), fields.get("sender")))[:2000]
    addresses = _ADDRESS.findall(senders)
    daemon = _DAEMON_NAME.search(senders) is not None or any(map(_DAEMON.match, addresses)) or _refuses(fields)
    postmaster = _POSTMASTER_NAME.search(senders) is not None or any(map(_POSTMASTER.match, addresses))
    null_path = fields.get("return-path").strip() in ("<>", "<MAILER-DAEMON>") or senders.strip() == "<>"
    # A person may complain about an undelivered mail: without a daemon's name or the null path, words alone are not believed …
    if not (daemon or postmaster or null_path):
        return _speaks(message, fields, text)
    words = fields.text("subject")[:300]
    if not (daemon or postmaster) and _answers(words):
        # … an absence notice comes by the null path too, with whatever words the mail that it answers had …
        return False
    if not (daemon or null_path) and _whom(message, fields, _above(text)) is None:
        # … and a postmaster may be a person, who writes of mail that is refused, but hardly begins with one recipient of it.
        return False
    subject, phrase = _SUBJECT.search(words) is not None, _PHRASE.search(text, 0, _MAX_LOOK) is not None
    manner = postmaster and (_OPENING.search(text, 0, _TOP) is not None or (_returns(message, text) and not _answers(words)))
    return 2 * daemon + postmaster + null_path + subject + phrase + manner >= 3


def _refuses(fields: Fields) -> bool:
    """Whether a system says so by a header of its own: Italy's certified mail, or fml where not a member writes through it."""
    return "errore" in fields.get("x-ricevuta") or ("x-mlserver" in fields and "-admin@" in fields.get("from"))


def _answers(subject: str) -> bool:
    """Whether the subject is that of something passed on, or of an answer by a person or a machine."""
    return _ANSWERED.match(subject) is not None or subject.strip().lower().startswith(ABSENCE)


def _whom(message: Message, fields: Fields, above: str) -> str | None:
    """The recipient that a report in prose is about, by its words or by the mail that it returns."""
    return _said(fields, above).recipient or _first_returned(message)


def _returns(message: Message, text: str) -> bool:
    """Whether the mail that it is about comes back with it, attached or below its words."""
    return len(_above(text)) < min(len(text), _MAX_LOOK) or _first_returned(message) is not None


def _speaks(message: Message, fields: Fields, text: str) -> bool:
    """Whether a mail system under some name or other speaks: a failure's subject, its way to begin, and one whom it means."""
    words = fields.text("subject")[:300]
    if not _OPENING.match(text) or _answers(words) or not _SUBJECT.search(words):
        return False
    above = _above(text)
    named = _ALONE.search(above) or _ANGLED.search(above) or _first_returned(message)
    return bool(named) and _PHRASE.search(above) is not None


def _above(text: str) -> str:
    """What the report itself says, above the mail that it returns."""
    found = _RETURNED.search(text, 0, _MAX_LOOK)
    return text[: found.start()] if found and found.start() else text[:_MAX_LOOK]


def _said(fields: Fields, above: str) -> Bounce:
    """Recipient, status and action out of prose."""
    failed = _ADDRESS.search(fields.get("x-failed-recipients"))
    involved = " ".join(fields.get(name) for name in ("from", "to", "reply-to", "return-path", "sender"))
    own = {address.lower() for address in _ADDRESS.findall(involved)}
    found = (*_ALONE.findall(above), *_ADDRESS.findall(above))
    named = (one for one in found if one.lower() not in own and not _DAEMON.match(one) and not _POSTMASTER.match(one))
    recipient = failed[0] if failed else next(named, None)
    enhanced, basic = _FAULT.search(above), _REPLY_CODE.search(above)
    told = enhanced[1] if enhanced else f"{basic[1]}.0.0" if basic else ""
    subject = fields.text("subject")
    delayed = _DELAYED.search(subject) or (_DELAYED.search(above) and not _FINAL.search(above))
    return Bounce(recipient, told or None, "delayed" if delayed and not told.startswith("5") else "failed")


def _returned_ids(message: Message, text: str) -> tuple[str, ...]:
    """The Message-IDs of the returned mail, from its attached copy or headers, or pasted below the report."""
    found: list[str] = []
    for part in _outer_parts(message):
        content_type = bodies.media_type(part)
        inner = part.get_payload() if part.is_multipart() else None
        if content_type in ("message/rfc822", "message/global") and isinstance(inner, list):
            found += [one for child in inner[:3] if isinstance(child, Message) for one in message_ids(str(child.get("Message-ID", "")))]
        elif content_type in _HEADER_COPIES:
            found += _ID_LINE.findall(bodies.text_of(part)[:_MAX_LOOK])
    found += _ID_LINE.findall(text[:_MAX_LOOK])
    return tuple(dict.fromkeys(one.strip("<>") for one in found))[:20]


def _first_returned(message: Message) -> str | None:
    """To whom the attached returned mail was addressed, where the report itself names nobody."""
    for part in _outer_parts(message):
        inner = part.get_payload() if part.is_multipart() else None
        if bodies.media_type(part) == "message/rfc822" and isinstance(inner, list) and inner and isinstance(inner[0], Message):
            found = _ADDRESS.search(str(inner[0].get("To", ""))[:2000])
            return found[0] if found else None
    return None
